"""From the live floor to a forecast and back: what is copied, what is told, and what is warned of."""

from dataclasses import replace

import pytest

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    CutoffAtRisk,
    DepartureClosed,
    DepartureOutlook,
    ForecastMade,
    LaneChanged,
    Link,
    MachineCommand,
    MachineCommandRequested,
    Message,
    OrderHeldBack,
    PackMl,
    Remedy,
)
from edge.wes import outlook
from edge.wes.board import DOING, PACK, QUEUED
from edge.wes.departures import CALM_PERMILLE, RISK_PERMILLE, SURE_PERMILLE
from tests.wes.scene import MINUTE, T0, WIP_A, Play, of, pack, pick, small_site, through_disk

FUTURES = 16


def busy(units: int = 6, cutoff_min: int = 60, people: int = 2) -> Play:
    """Units of one departure with three picks each, and a few people who can do everything."""
    play = Play()
    play.all_run()
    play.departure("north-1", "north", T0 + cutoff_min * MINUTE)
    for n in range(people):
        play.join(f"p{n}", "pick", "pack", "load", "carry", location="A-01-01-1")
    due = T0 + cutoff_min * MINUTE
    for n in range(units):
        picks = [pick(f"t{n}-{k}", f"hu{n}", due_ms=due) for k in range(3)]
        play.plan(*picks)
    return play


def foretold(play: Play, seed: int = 1) -> ForecastMade:
    floor = play.engine.floor
    copy = play.engine.copy(T0)
    return outlook.told(floor, copy, outlook.forecast(floor, copy, FUTURES, seed).run(), FUTURES, T0)


def test_everything_open_is_copied() -> None:
    play = busy()
    copy = play.engine.copy(T0)
    board = copy.board
    rows = [row for row in range(board.rows["t"].used) if board.t_state[row]]
    assert len(rows) == 6 * 3 + 6, "the picks, and the PACK that each unit is still to get"
    assert sum(board.t_state[row] == DOING for row in rows) == 2
    assert sum(board.t_kind[row] == PACK and board.t_waits[row] == 3 for row in rows) == 6
    states = [board.u_state[row] for row in copy.units.values()]
    assert states.count(QUEUED) == 6 - WIP_A
    assert list(copy.departures.values()) == ["north-1"]


def test_a_planned_pack_is_not_foreseen_twice() -> None:
    play = busy(units=1)
    before = play.engine.copy(T0).board.rows["t"].used
    play.plan(pack("p", "hu0", ("t0-0", "t0-1", "t0-2")))
    assert play.engine.copy(T0).board.rows["t"].used == before


def test_a_forecast_changes_nothing_and_the_same_seed_tells_the_same() -> None:
    play = busy()
    before = play.engine.save()
    assert foretold(play) == foretold(play)
    assert play.engine.save() == before


def test_a_restart_foretells_the_same() -> None:
    play = busy()
    told = foretold(play)
    play.engine = through_disk(play.engine)
    assert foretold(play) == told


def test_much_time_is_no_risk_and_no_time_is_certain() -> None:
    (easy,) = foretold(busy(units=2, cutoff_min=300)).departures
    (lost,) = foretold(busy(units=20, cutoff_min=10)).departures
    assert (easy.miss_permille, easy.missed_x10) == (0, 0)
    assert lost.miss_permille == 1000
    assert lost.missed_x10 > 100
    assert lost.low_permille > easy.high_permille
    assert [gate.step for gate in lost.gates] == ["pick", "pack", "load"]
    assert easy.finish_p10_ms <= easy.finish_p50_ms <= easy.finish_p90_ms < easy.cutoff_ms


def test_a_departure_that_closed_meanwhile_is_told_all_the_same_and_ignored() -> None:
    play = busy()
    floor, copy = play.engine.floor, play.engine.copy(T0)
    work = outlook.forecast(floor, copy, FUTURES, 1)
    closed = DepartureClosed(at_ms=T0, departure_id="north-1", site="S1", units=(), orders=(), left_behind=())
    play.tell(closed)
    told = outlook.told(floor, copy, work.run(), FUTURES, T0)
    assert [each.departure_id for each in told.departures] == ["north-1"]
    assert play.tell(told) == []


@pytest.mark.parametrize("cause", ["held", "link", "operator"])
def test_what_release_takes_for_down_stands_still_in_the_futures_too(cause: str) -> None:
    play = busy()
    assert play.engine.copy(T0).timetable.closings == []
    if cause == "held":
        play.machine("sorter1", PackMl.HELD)
    elif cause == "link":
        play.machine("sorter1", link=Link.LOST)
    else:
        stop = MachineCommandRequested(at_ms=T0, machine_id="conveyor1", command=MachineCommand.STOP, args=(), by="ann")
        play.tell(stop)
        play.machine("conveyor1", PackMl.STOPPED)
    copy = play.engine.copy(T0)
    zones = [copy.zones[row] for row, _, _ in copy.timetable.closings]
    assert zones == (["A"] if cause == "operator" else ["A", "B"])
    out = play.plan(pick("more", "hu-more"))
    assert [each.reason.split()[0] for each in of(OrderHeldBack, out)] == ["MACHINE_DOWN"]


def test_the_room_in_the_lanes_is_copied_and_lanes_out_of_order_have_none() -> None:
    play = busy()
    assert (play.engine.copy(T0).timetable.berths, play.engine.copy(T0).timetable.shared) == ([(0, 0, 12)], [12])
    play.departure("south-1", "south", T0 + 50 * MINUTE)
    play.plan(pick("s", "hu-s", departure_id="south-1", due_ms=T0 + 50 * MINUTE))
    timetable = play.engine.copy(T0).timetable
    assert sorted(each[1:] for each in timetable.berths) == [(0, 8), (0, 12)], "L04 stands in for both"
    assert timetable.shared == [16]
    for lane in (2, 4):
        play.tell(LaneChanged(at_ms=T0, machine_id="sorter1", lane=lane, enabled=False, full=False, jam=False))
    timetable = play.engine.copy(T0).timetable
    assert sorted(units for _, _, units in timetable.berths) == [4, 4]
    assert timetable.shared == [4, 4]


def test_who_waits_for_full_lanes_is_told_so() -> None:
    play = Play()
    play.all_run()
    play.departure("north-1", "north", T0 + 30 * MINUTE)
    for n in range(3):
        play.join(f"p{n}", "pick", "pack", location="A-01-01-1")
    for n in range(16):
        play.plan(pick(f"t{n}", f"hu{n}", due_ms=T0 + 30 * MINUTE))
    (north,) = foretold(play).departures
    assert north.miss_permille == 1000
    assert north.binding.startswith("room in its lanes ("), "three lanes of four, and nobody loads"


def test_who_waits_for_a_full_pack_station_is_told_so() -> None:
    site = small_site()
    zones = (replace(site.zones[0], wip_max=30, station_max=2), *site.zones[1:])
    play = Play(site=replace(site, zones=zones))
    play.all_run()
    play.departure("north-1", "north", T0 + 30 * MINUTE)
    assert play.engine.copy(T0).timetable.stations == [(0, 0, 2), (1, 1, outlook.NO_LIMIT)]
    play.join("ann", "pick", location="A-01-01-1")
    for n in range(2):
        task = pick(f"t{n}", f"hu{n}", due_ms=T0 + 30 * MINUTE)
        play.plan(task)
        play.done("ann", task)
        play.plan(pack(f"p{n}", f"hu{n}", (), due_ms=T0 + 30 * MINUTE))
    for n in range(2, 12):
        play.plan(pick(f"t{n}", f"hu{n}", due_ms=T0 + 30 * MINUTE))
    (north,) = foretold(play).departures
    assert north.binding.startswith("room at the pack station of zone A ("), "nobody packs"


def said(permille: int, cutoff_ms: int = T0 + 60 * MINUTE) -> ForecastMade:
    one = DepartureOutlook(
        departure_id="north-1", cutoff_ms=cutoff_ms, units=6, miss_permille=permille, low_permille=0,
        high_permille=1000, missed_x10=23, finish_p10_ms=0, finish_p50_ms=0, finish_p90_ms=0,
        binding="hands for pick in zone A", remedies=(Remedy(action="add one to people pick", miss_permille=10),),
    )  # fmt: skip
    return ForecastMade(at_ms=T0, asked_ms=T0, futures=FUTURES, departures=(one,))


def warned(out: list[Message]) -> bool:
    (risk,), (alarm,) = of(CutoffAtRisk, out) or [None], of(AlarmRaised, out) or [None]
    assert (risk is None) == (alarm is None)
    return risk is not None


def test_a_risk_is_believed_when_it_is_seen_twice_or_is_sure() -> None:
    play = busy()
    assert not warned(play.tell(said(RISK_PERMILLE)))
    assert not warned(play.tell(said(RISK_PERMILLE - 1)))
    assert not warned(play.tell(said(RISK_PERMILLE)))
    assert warned(play.tell(said(RISK_PERMILLE)))
    assert not warned(play.tell(said(1000))), "said once"
    sure = busy()
    (risk,) = of(CutoffAtRisk, sure.tell(said(SURE_PERMILLE)))
    assert (risk.action, risk.action_permille) == ("add one to people pick", 10)


def test_a_risk_is_over_when_two_forecasts_see_next_to_none() -> None:
    play = busy()
    play.tell(said(SURE_PERMILLE))
    assert of(AlarmCleared, play.tell(said(CALM_PERMILLE - 1))) == []
    assert of(AlarmCleared, play.tell(said(CALM_PERMILLE))) == []
    assert of(AlarmCleared, play.tell(said(0))) == []
    (cleared,) = of(AlarmCleared, play.tell(said(0)))
    assert cleared.alarm_id == "departure:north-1"


def test_a_forecast_for_another_cutoff_says_nothing() -> None:
    play = busy()
    assert play.tell(said(1000, cutoff_ms=T0 + 61 * MINUTE)) == []


def test_forecasts_are_judged_when_the_doors_shut() -> None:
    play = busy()
    play.tell(said(900))
    play.tell(replace(said(900), asked_ms=T0 + 50 * MINUTE))
    play.tell(
        DepartureClosed(
            at_ms=T0 + 60 * MINUTE, departure_id="north-1", site="S1", units=(), orders=(), left_behind=("o1",)
        )
    )
    assert play.engine.floor.score.report().brier_permille2[-1] == pytest.approx(10_000, abs=1)
