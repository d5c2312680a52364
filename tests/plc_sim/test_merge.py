"""The merge: first come first, the first inlet always, or so many to so many; nobody is forgotten."""

from collections.abc import Sequence

import pytest

from edge.settings import ConfigError
from plc_sim.world import World
from tests.plc_sim.stage import SORTER, run, site_with, started, world_of


def joined(sim: dict[str, int | str], units: int = 6) -> tuple[World, Sequence[str]]:
    """Both conveyors full, then the sorter takes: whose units joined in which order."""
    order: list[str] = []
    world = started(world_of(site_with({SORTER: sim})))
    world.sorter(SORTER).command(4)
    for n in range(units):
        assert world.plant.place("conveyor1", f"A{n}")
        assert world.plant.place("conveyor2", f"B{n}")
    run(world, 120_000)
    loop = world.sorter(SORTER).loop
    loop.on_change = lambda: order.extend(b for b in loop.riders if b not in order)
    world.sorter(SORTER).command(5)
    run(world, 120_000)
    assert len(order) == 2 * units, "everybody came through"
    return world, [barcode[0] for barcode in order]


def test_first_come_first_served() -> None:
    world, order = joined({})
    assert order == ["A", "B"] * 6
    words = {name: world.sorter(SORTER).read(f"Merge1.{name}") for name in ("Status", "Mode", "Count", "WaitA")}
    assert words == {"Status": 2, "Mode": 0, "Count": 12, "WaitA": 0}


def test_the_first_inlet_goes_before_the_other_whenever_it_has_one() -> None:
    _, order = joined({"merge": "priority", "gap_mm": 4000})
    assert order == ["A"] * 6 + ["B"] * 6


def test_two_to_one() -> None:
    world, order = joined({"merge": "ratio", "merge_ratio_a": 2, "merge_ratio_b": 1, "gap_mm": 4000})
    assert [sorted(order[at : at + 3]) for at in (0, 3, 6)] == [["A", "A", "B"]] * 3
    assert sorted(order) == ["A"] * 6 + ["B"] * 6
    assert [world.sorter(SORTER).read(f"Merge1.{name}") for name in ("Mode", "RatioA", "RatioB")] == [2, 2, 1]


@pytest.mark.parametrize(("key", "value"), [("merge", "zipper"), ("merge_ratio_a", "two"), ("fallback", "panic")])
def test_a_setting_that_is_none_is_said_so(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"machine sorter1: sim.{key}: '{value}' is not"):
        world_of(site_with({SORTER: {key: value}}))
