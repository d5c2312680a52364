"""What if: no change changes nothing, changes work in their direction, pairs share their luck, names are checked."""

from dataclasses import replace
from math import sqrt
from statistics import stdev

import pytest

from edge.messages import PackMl
from edge.wes.board import PACK
from edge.wes.outlook import copy_of
from edge.wes.whatif import Change, Compared, Pair, UnknownName, half_x100, what_if
from tests.wes.scene import DISK, MINUTE, T0, Play, load, pack, pick, small_site, through_disk

FUTURES = 12
NORTH_LANES = ("L1", "2", "sorter1/L04")


@pytest.fixture
def play() -> Play:
    """Two departures that two people can just about not make."""
    play = Play(site=small_site(zones=tuple(replace(zone, wip_max=6) for zone in small_site().zones)))
    play.all_run()
    play.departure("north-1", "north", T0 + 14 * MINUTE)
    play.departure("south-1", "south", T0 + 40 * MINUTE)
    play.join("ann", location="PACK-A")
    play.join("bob", location="A-02-05-1")
    for n in range(10):
        name, due = ("north-1", 14) if n % 2 else ("south-1", 40)
        tasks = [
            pick(
                f"t{n}-{m}", f"hu{n}", source=f"A-0{1 + m}-0{1 + n % 9}-1", departure_id=name, due_ms=T0 + due * MINUTE
            )
            for m in range(3)
        ]
        play.plan(*tasks)
    return play


def asked(play: Play, **change: object) -> Compared:
    return what_if(play.engine.floor, Change(**change), FUTURES, 7)  # type: ignore[arg-type]


def row(found: Compared, name: str) -> Pair:
    return next(each for each in found.departures if each.departure_id == name)


def test_no_change_changes_nothing_and_the_floor_stays_as_it_is(play: Play) -> None:
    before = DISK.dump_json(play.engine.save())
    found = asked(play)
    assert all(each.before == each.after for each in found.departures)
    assert (found.difference_x100, found.low_x100, found.high_x100, found.notes) == (0, 0, 0, ())
    assert found == asked(play)
    assert found.before_x100 > 0, "or there would be nothing to see in the other tests"
    assert DISK.dump_json(play.engine.save()) == before


def test_what_is_in_hands_at_a_restart_is_done_once(play: Play) -> None:
    again = through_disk(play.engine)
    again.floor.now_ms = play.now
    assert what_if(again.floor, Change(pickers=1), FUTURES, 7) == asked(play, pickers=1)


def test_packing_the_way_and_loading_follow_on_the_picks(play: Play) -> None:
    floor = play.engine.floor
    whole = copy_of(floor)
    packs = [r for r in range(whole.board.rows["t"].used) if whole.board.t_state[r] and whole.board.t_kind[r] == PACK]
    assert len(packs) == 10
    assert all(whole.board.t_waits[r] == 3 for r in packs)
    assert len(floor.state.tasks) + 10 == whole.board.rows["t"].used
    planned = pack("p0", "hu0", ("t0-0", "t0-1", "t0-2"))
    play.plan(planned)
    again = copy_of(floor)
    assert again.board.rows["t"].used == whole.board.rows["t"].used, "one that is planned is not planned twice"


def test_more_hands_help_and_fewer_do_not(play: Play) -> None:
    more = asked(play, pickers=4)
    assert more.difference_x100 < 0
    assert more.high_x100 < 0, "so sure with so few futures, as pairs share their luck"
    assert more.notes == ("the 4 more have the skills pick/pack/load/carry/putaway in zones *, as most who pick have",)
    fewer = asked(play, pickers=-1)
    assert fewer.low_x100 > 0
    assert fewer.notes == ("those who leave: ann, after the task in hand",)
    with pytest.raises(UnknownName, match="nobody who picks"):
        asked(Play(), pickers=1)


def test_an_earlier_departure_misses_more(play: Play) -> None:
    found = asked(play, earlier={"south-1": 30 * MINUTE})
    south = row(found, "south-1")
    assert south.cutoff_ms == T0 + 10 * MINUTE
    assert south.before is not None
    assert south.after is not None
    assert south.after.miss.permille > south.before.miss.permille
    with pytest.raises(UnknownName, match="departure D9: with open work there are"):
        asked(play, earlier={"D9": 1})


def test_held_orders_make_room_for_others(play: Play) -> None:
    found = asked(play, held=tuple(f"order-hu{n}" for n in (1, 3, 5, 7)))
    assert found.difference_x100 < 0
    assert found.notes == ("4 handling units that are not packed are held; they do not count as missed",)
    gone = asked(play, held=tuple(f"order-hu{n}" for n in range(10)))
    begun = {each.task_id.split("-")[0] for each in play.engine.floor.state.resources.values() if each.task_id}
    kept = [each for each in gone.departures if each.after is not None]
    assert gone.after_x100 <= 100 * len(begun)
    assert kept


def test_a_route_without_any_lane_misses_everything(play: Play) -> None:
    found = asked(play, lanes_down=NORTH_LANES)
    north, south = row(found, "north-1"), row(found, "south-1")
    assert north.after is not None
    assert (north.after.miss.permille, north.after.missed_x10, north.after.finish_p50_ms) == (1000, 50, 0)
    assert south.before is not None
    assert south.after is not None
    assert found.notes == ("route south still has sorter1/L03",)
    assert asked(play, lanes_down=("L1",)).notes == ("route north still has sorter1/L02, sorter1/L04",)
    tight = row(asked(play, lanes_down=("L2", "L4")), "north-1")
    assert tight.before is not None
    assert tight.after is not None
    assert tight.after.finish_p50_ms > tight.before.finish_p50_ms, "one lane of four units is left of three"
    assert asked(play, lanes_down=("L13",)).notes == ("no open departure needs sorter1/L13",)
    for wrong in ("L99", "sorter2/L01", "north"):
        with pytest.raises(UnknownName, match="the site has sorter1/L01"):
            asked(play, lanes_down=(wrong,))


def test_a_robot_that_is_down_leaves_its_work_undone(play: Play) -> None:
    for n in range(3):
        due = {"departure_id": "south-1", "due_ms": T0 + 40 * MINUTE}
        play.plan(pick(f"r{n}", f"hr{n}", zone="B", source="B-01-01-1", robot=True, robot_only=True, **due))
    found = asked(play, robots_down=("robot1",))
    south = row(found, "south-1")
    assert south.after is not None
    assert (south.after.miss.permille, found.difference_x100 > 0) == (1000, True)
    with pytest.raises(UnknownName, match="robot ann: the site has robot1"):
        asked(play, robots_down=("ann",))
    silent = Play()
    assert asked(silent, robots_down=("robot1",)).departures == ()


def test_units_on_the_machines_and_in_lanes_are_foretold_too() -> None:
    play = Play()
    play.all_run()
    play.departure("north-1", "north", T0 + 60 * MINUTE)
    play.join("ann")
    play.packed("hu1")
    play.scan("sorter1", "hu1")
    play.packed("hu2")
    play.plan(load("l2", "hu2", "sorter1/L01", departure_id="north-1"))
    play.machine("conveyor1", PackMl.ABORTED)
    (only,) = asked(play, pickers=1).departures
    assert only.before is not None
    assert (only.before.miss.permille, only.cutoff_ms) == (0, T0 + 60 * MINUTE)


@pytest.mark.parametrize("values", [[0, 0, 0], [1, -1], [3, 1, 4, 1, 5, 9, 2, 6], [-7, -7, -7, -6]])
def test_the_interval_is_the_one_of_the_books(values: list[int]) -> None:
    half = 1.96 * stdev(values) / sqrt(len(values)) * 100
    assert half - 0.001 <= half_x100(values) < half + 1.001
    assert half_x100([5]) == 0
