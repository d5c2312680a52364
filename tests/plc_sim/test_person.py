"""People: walking, working, real goods, and that a task is physically done once whoever is sent how often."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plc_sim.codes import Cmd
from plc_sim.events import Happening, PersonDone, PersonStarted
from plc_sim.person import SCANS_MAX, Errand
from plc_sim.places import Places, walk_mm
from plc_sim.world import World
from tests.plc_sim.stage import CONVEYOR, SITE, SORTER, run, started, world_of

PLACES = Places(SITE)
LOCATIONS = ["A-01-01-1", "A-01-40-4", "A-12-20-1", "B-03-07-2", "R-01-01-1", "PACK-A", "HOME", "sorter1/L03", "DOCK-1"]


def floor(physical: dict[tuple[str, str], int] | None = None, people: int = 2) -> World:
    world = started(world_of(physical=physical or {("A-01-05-1", "S1"): 10}))
    for n in range(people):
        world.add_person(f"p{n}")
    return world


def task(task_id: str = "t1", kind: str = "pick", **more: Any) -> dict[str, Any]:
    base = {"source": "A-01-05-1", "target": "", "quantity": 4, "barcode": "A-01-05-1", "sku": "S1", "hu_id": "H1"}
    return {"task_id": task_id, "kind": kind, **base, **more}


def dones(happened: list[Happening]) -> list[PersonDone]:
    return [each for each in happened if isinstance(each, PersonDone)]


def do(world: World, person: str, what: dict[str, Any], for_ms: int = 1_800_000) -> PersonDone:
    """The whole of one task, wrong scans included; the accepted report."""
    assert world.give(person, what)
    happened = run(world, for_ms)
    while True:
        (report,) = dones(happened)
        if not world.answered(person, what["task_id"], "" if report.scanned == what["barcode"] else "WRONG_BARCODE"):
            return report
        happened = run(world, 10_000)


@given(st.sampled_from(LOCATIONS), st.sampled_from(LOCATIONS))
def test_distances_are_symmetric_and_at_least_the_straight_way(here: str, there: str) -> None:
    a, b = PLACES.spot(here), PLACES.spot(there)
    assert a is not None
    assert b is not None
    assert walk_mm(a, b) == walk_mm(b, a) >= abs(a.x - b.x) + abs(a.y - b.y)


def test_to_the_next_aisle_one_walks_round_the_nearer_end() -> None:
    def walk(here: str, there: str) -> int:
        a, b = PLACES.spot(here), PLACES.spot(there)
        assert a is not None
        assert b is not None
        return walk_mm(a, b)

    assert walk("A-01-01-1", "A-01-03-2") == 2 * 1200
    assert walk("A-01-01-1", "A-02-01-1") == 3000 + 2 * 1500
    assert walk("A-01-40-1", "A-02-40-1") == 3000 + 2 * (1500 + 1200)
    assert PLACES.spot("A-1x-01-1") is None
    assert PLACES.spot("nowhere") is None


def test_a_pick_takes_walking_and_working_time_and_the_goods() -> None:
    world = floor()
    assert world.give("p0", task())
    (begun,) = world.drain()
    assert isinstance(begun, PersonStarted)
    (done,) = dones(run(world, 600_000))
    home, slot = PLACES.spot("HOME"), PLACES.spot("A-01-05-1")
    assert home is not None
    assert slot is not None
    work_ms = done.at_ms - begun.at_ms - walk_mm(home, slot) * 1000 // 1200
    assert 9200 * 0.74 <= work_ms <= 9200 * 1.26
    assert (done.quantity, done.reason) == (4, "")
    assert world.plant.on_hand("A-01-05-1") == 6


def test_what_is_not_there_cannot_be_picked() -> None:
    report = do(floor({("A-01-05-1", "S1"): 3}), "p0", task())
    assert (report.quantity, report.reason) == (3, "not_found")


def test_pack_puts_the_carton_on_the_conveyor_load_into_the_truck_carry_on_another_lane() -> None:
    world = floor()
    report = do(world, "p0", task("t1", "pack", source="PACK-A", target=CONVEYOR, barcode="H1", quantity=1))
    assert (report.quantity, report.reason) == (1, "")
    assert world.plant.units["H1"].place == "sorter1/L01"
    do(world, "p0", task("t2", "carry", source="sorter1/L01", target="sorter1/L05", barcode="H1", quantity=1))
    assert "H1" in world.plant.lanes["sorter1/L05"].units
    do(world, "p1", task("t3", "load", source="sorter1/L05", barcode="H1", quantity=1, departure_id="D9"))
    assert world.plant.units["H1"].place == "truck/D9"
    assert world.plant.lanes["sorter1/L05"].units == {}


def test_a_unit_that_is_not_where_it_should_be_is_reported_so() -> None:
    world = floor()
    for n, kind in enumerate(("load", "carry")):
        report = do(world, "p0", task(f"t{n}", kind, source="sorter1/L02", target="sorter1/L03", barcode="H1"))
        assert (report.quantity, report.reason) == (0, "not_found")


def test_putaway_moves_goods_into_the_slot() -> None:
    world = floor({("RECV-1", "S1"): 3})
    do(world, "p0", task(kind="putaway", source="RECV-1", target="A-02-02-1", quantity=5))
    assert (world.plant.on_hand("RECV-1"), world.plant.on_hand("A-02-02-1")) == (0, 5)


def test_a_replenishment_brings_down_what_is_there() -> None:
    world = floor({("A-01-01-3", "S1"): 3})
    for task_id, found, reason in (("t1", 2, ""), ("t2", 1, "not_found"), ("t3", 0, "not_found")):
        report = do(world, "p0", task(task_id, "replenish", source="A-01-01-3", target="A-02-02-1", quantity=2))
        assert (report.quantity, report.reason) == (found, reason)
    assert (world.plant.on_hand("A-01-01-3"), world.plant.on_hand("A-02-02-1")) == (0, 3)


def test_packers_wait_at_a_full_infeed_and_go_on_in_turn() -> None:
    world = floor(people=3)
    world.conveyor(CONVEYOR).command(Cmd.HOLD)
    for n in range(12):
        assert world.plant.place(CONVEYOR, f"U{n}")
    for n in range(3):
        world.give(f"p{n}", task(f"t{n}", "pack", source="PACK-A", target=CONVEYOR, barcode=f"H{n}", hu_id=f"H{n}"))
    assert dones(run(world, 600_000)) == []
    assert world.withdraw("p1", "t1"), "nothing has moved"
    assert world.give("p1", task("t9"))
    world.conveyor(CONVEYOR).command(Cmd.UNHOLD)
    assert sorted(each.task_id for each in dones(run(world, 600_000))) == ["t0", "t2", "t9"]
    assert "H1" not in world.plant.units


def test_a_task_is_done_once_whoever_is_sent_again() -> None:
    world = floor()
    first = do(world, "p0", task())
    for person in ("p0", "p1"):
        again = do(world, person, task())
        assert (again.quantity, again.reason) == (first.quantity, first.reason)
    assert world.plant.on_hand("A-01-05-1") == 6


def test_two_people_on_the_same_task_do_it_once() -> None:
    world = floor()
    world.give("p0", task())
    world.give("p1", task())
    reports = dones(run(world, 600_000))
    assert [(each.quantity, each.reason) for each in reports] == [(4, ""), (4, "")]
    assert world.plant.on_hand("A-01-05-1") == 6


def test_called_back_before_the_goods_move_nothing_moves_afterwards_it_is_finished() -> None:
    world = floor()
    world.give("p0", task())
    run(world, 1000)
    assert world.withdraw("p0", "t1")
    assert dones(run(world, 600_000)) == []
    assert world.plant.on_hand("A-01-05-1") == 10
    world.give("p0", task("t2"))
    run(world, 600_000)
    assert not world.withdraw("p0", "t2")
    assert not world.give("p0", task("t3")), "the report of t2 has not been answered"
    assert world.give("p0", task("t2")), "the same task again is no news"
    assert not world.answered("p0", "t2")
    assert world.give("p0", task("t3"))


def test_one_scan_in_two_hundred_is_wrong_first_and_right_then() -> None:
    world = floor({("A-01-05-1", "S1"): 100_000}, 1)
    wrong = 0
    for n in range(2000):
        world.give("p0", task(f"t{n}", quantity=1))
        (report,) = dones(run(world, 120_000))
        if report.scanned != "A-01-05-1":
            wrong += 1
            assert world.answered("p0", f"t{n}", "WRONG_BARCODE")
            (report,) = dones(run(world, 10_000))
        assert report.scanned == "A-01-05-1"
        assert not world.answered("p0", f"t{n}")
    assert 1 <= wrong <= 30


def test_a_person_does_not_scan_for_ever_and_drops_what_is_refused() -> None:
    world = floor()
    for n, reason in enumerate(("WRONG_BARCODE", "NOT_YOURS")):
        world.give("p0", task(f"t{n}"))
        run(world, 600_000)
        scans = 1
        while world.answered("p0", f"t{n}", reason):
            scans += len(dones(run(world, 10_000)))
        assert scans == (SCANS_MAX if reason == "WRONG_BARCODE" else 1)
    assert world.people["p0"].dropped == 2
    assert world.give("p0", task("t7"))


def test_work_nobody_knows_is_reported_as_such() -> None:
    report = do(floor(), "p0", task(kind="juggle"))
    assert (report.quantity, report.reason) == (0, "unknown_work")


@pytest.mark.parametrize(
    "bad", [{}, {"task_id": ""}, {"task_id": "t", "quantity": "4"}, {"task_id": "t", "quantity": -1}]
)
def test_what_is_no_task_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a task"):
        Errand.read(bad)


def test_a_full_sorter_lane_still_takes_what_people_carry() -> None:
    world = floor()
    lane = world.sorter(SORTER).loop.lanes[9]
    for n in range(lane.capacity):
        world.plant.bring(f"x{n}", lane.location)
    world.plant.bring("H1", "sorter1/L14")
    do(world, "p0", task(kind="carry", source="sorter1/L14", target=lane.location, barcode="H1"))
    assert len(lane.units) == lane.capacity + 1
