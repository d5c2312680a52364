"""The world: the same seed and the same calls give the same happenings, however time is cut into pieces."""

from typing import Any

import pytest

from plc_sim.events import Happening, PersonDone, Report, Request
from plc_sim.roster import EVERYTHING, roster
from plc_sim.world import World
from tests.plc_sim.stage import CONVEYOR, ROBOT, SITE, run, site_with, started, to_lane, world_of

MISHAPS = site_with({"sorter1": {"no_read_per_mille": 200, "lost_per_mille": 50}})


def a_morning(seed: int, step_ms: int) -> list[Happening]:
    """A scripted morning with some of everything, advanced in pieces of `step_ms`."""
    world = started(World(MISHAPS, seed, 1, 0, {("A-01-05-1", "S1"): 500, ("R-01-01-1", "S2"): 500}))
    people = [world.add_person(f"p{n}") for n in range(4)]
    happened: list[Happening] = []
    for n in range(40):
        person = people[n % 4].name
        kind: dict[str, Any] = {"kind": "pick", "source": "A-01-05-1", "sku": "S1", "quantity": 1 + n % 3}
        if n % 2:
            kind = {"kind": "pack", "source": "PACK-A", "target": CONVEYOR}
        world.give(person, {"task_id": f"t{n}", "barcode": f"H{n}", "hu_id": f"H{n}", **kind})
        world.robot(ROBOT).start_job(n + 1, 1, 1, 1, 2)
        for _ in range(120_000 // step_ms):
            happened += run(world, step_ms, to_lane(1 + n % 12))
        world.answered(person, f"t{n}")
    return happened


def test_same_seed_same_day_another_seed_another_day() -> None:
    first = a_morning(7, 120_000)
    assert {type(each) for each in first} >= {Request, Report, PersonDone}
    assert a_morning(7, 120_000) == first
    assert a_morning(8, 120_000) != first


def test_the_pieces_in_which_time_passes_do_not_matter() -> None:
    assert a_morning(7, 500) == a_morning(7, 60_000)


def test_an_idle_world_has_nothing_to_do() -> None:
    world = started(world_of())
    run(world, 10_000)
    assert world.next_at_ms is None
    world.advance(world.now_ms + 24 * 3_600_000)
    assert world.drain() == []


def test_times_of_happenings_never_run_backwards() -> None:
    times = [each.at_ms for each in a_morning(3, 1000)]
    assert times == sorted(times)


def test_a_machine_is_asked_for_by_what_it_is() -> None:
    with pytest.raises(TypeError, match="conveyor1 is a conveyor"):
        world_of().sorter(CONVEYOR)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 9, 12, 16, 40])
def test_every_kind_of_task_and_every_zone_has_somebody(count: int) -> None:
    crew = roster(SITE, count, ("hazmat",))
    assert len(crew) == count
    assert len({worker.name for worker in crew}) == count
    if count:
        assert {skill for worker in crew for skill in worker.skills} >= {*EVERYTHING, "hazmat"}
    for zone in ("A", "B") if count >= 4 else ():
        for skill in ("pick", "pack"):
            assert any(skill in worker.skills and {zone, "*"} & set(worker.zones) for worker in crew), (zone, skill)
