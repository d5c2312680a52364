"""The order of a trip: the shortest walk, and where that would be too late for a pick, the least tardiness."""

from dataclasses import replace

from edge.messages import Rack, Site, Task, TaskAssigned, Zone
from tests.wes.scene import MINUTE, T0, Play, of, pick, small_site


def long_aisles() -> Site:
    rack = Rack(prefix="A", zone="A", aisles=1, bays=90, levels=1, x_mm=0, y_mm=0)
    zone = Zone(zone="A", wip_max=50, pack_station="PACK-A", conveyor="conveyor1")
    return replace(small_site(racks=(rack,), zones=(zone,)), trip_units=9)


def trip(spare_ms: int, lost: bool = False) -> list[str]:
    """One walk from the end of an aisle to the pack station past five units; the last on the way is tight."""
    play = Play(site=long_aisles())
    tail = play.engine.floor.estimates.tail_ms("pick", "A")
    tasks = [pick(f"t{n}", f"hu{n}", source=f"A-01-{30 - 5 * n:02}-1", due_ms=T0 + 300 * MINUTE) for n in range(5)]
    tasks[4] = replace(tasks[4], due_ms=T0 + tail + spare_ms, priority=1)
    if lost:
        tasks[3] = replace(tasks[3], due_ms=T0)
    first = pick("first", "hu0", source="A-01-34-1", due_ms=T0 + tail + 2 * MINUTE, priority=1)
    play.plan(first, *tasks)
    done: list[str] = []
    out = play.join("ann", "pick", location="A-01-34-1")
    while given := of(TaskAssigned, out):
        done.append(given[0].task.task_id)
        out = play.done("ann", task_of(given[0]))
    return done


def task_of(message: TaskAssigned) -> Task:
    return message.task


def test_the_shortest_walk_where_everything_is_in_time() -> None:
    assert trip(spare_ms=300 * MINUTE) == ["first", "t0", "t1", "t2", "t3", "t4"]


def test_what_would_be_late_at_the_end_of_the_walk_comes_sooner() -> None:
    done = trip(spare_ms=180_000)
    assert sorted(done) == ["first", "t0", "t1", "t2", "t3", "t4"]
    assert done[0] == "first"
    assert done.index("t4") <= 2, "after the first, two picks and their walks fit into what is left"


def test_what_is_late_in_any_case_does_not_disturb_the_walk() -> None:
    assert trip(spare_ms=300 * MINUTE, lost=True) == ["first", "t0", "t1", "t2", "t3", "t4"]
