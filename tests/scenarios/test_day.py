"""Whole days in virtual time: the engines and the floor in one thread, from a seed."""

import os
import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge.checking import json_schema
from edge.messages import LineResult, OrderClosed, TaskAssigned, TaskCompleted, TaskKind, TasksPlanned
from edge.page.reports import write_report
from plc_sim.day.plan import DayPlan, plan_day
from plc_sim.day.play import VirtualDay, play_day

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("EDGE_SHARED", ROOT.parent / "shared"))
REAL_DAY = SHARED / "data" / "online-retail-2011-11-29.csv"


def generated(seed: int = 7, orders: int = 120, *, wms_in_office: bool = False, shortage: float = 0.05) -> DayPlan:
    return plan_day(
        ROOT / "config",
        orders_file=None,
        map_file=None,
        orders=orders,
        shortage=shortage,
        seed=seed,
        people=14,
        wms_in_office=wms_in_office,
    )


@cache
def real_plan() -> DayPlan:
    return plan_day(
        ROOT / "config",
        orders_file=REAL_DAY,
        map_file=ROOT / "config" / "orders-online-retail.yaml",
        orders=0,
        shortage=0.02,
        seed=1,
        people=16,
    )


def check(result: dict[str, Any]) -> None:
    """What must hold for every finished day."""
    jsonschema.validate(result, json_schema("report"))
    orders, units = result["orders"], result["units"]
    assert orders["open"] == 0
    finals = ("rejected", "shipped", "short_shipped", "backordered", "cancelled", "open")
    assert orders["captured"] == sum(orders[name] for name in finals)
    assert units["ordered"] == units["shipped"] + units["short"] + units["cancelled"]
    assert units["balanced"]
    assert result["stock"]["balanced"]
    assert result["stock"]["shipped"] == units["shipped"]
    assert result["findings"] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_generated_day_ends_with_every_order_final_and_the_books_balanced(seed: int) -> None:
    result = play_day(generated(seed))
    check(result)
    assert result["orders"]["short_shipped"] + result["orders"]["backordered"] > 0, "five in a hundred run short"
    assert result["tasks"]["by_resource"]["robot1"] > 0
    assert set(result["tasks"]["by_kind"]) >= {"pick", "pack", "load", "putaway"}
    assert result["sorter"]["scans"] == result["sorter"]["decisions"]


def test_the_same_seed_gives_the_same_report_byte_for_byte(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_report(tmp_path / name, play_day(generated()))
    write_report(tmp_path / "other", play_day(generated(seed=8)))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "other").read_bytes()


class WatchedFaces(VirtualDay):
    """A day that notes the replenishments that picks wait for, and that none of these was given before its time."""

    def __init__(self, plan: DayPlan) -> None:
        super().__init__(plan)
        self.urgent: dict[str, None] = {}
        self.done: dict[str, int] = {}
        self.waited: dict[str, None] = {}
        self.closed: Counter[str] = Counter()

    def _report(self, process: str, message: Any, peer: str = "") -> Any:
        outputs = super()._report(process, message, peer)
        for output in outputs:
            if isinstance(output, TasksPlanned):
                self.urgent |= {before: None for task in output.tasks for before in task.after}
            elif isinstance(output, TaskCompleted) and output.kind is TaskKind.REPLENISH:
                self.done[output.task_id] = output.quantity
            elif isinstance(output, TaskAssigned) and output.task.after:
                self.waited[output.task.task_id] = None
                assert set(output.task.after) <= set(self.done), "nobody goes to a face that is still empty"
            elif isinstance(output, OrderClosed):
                self.closed[output.order_id] += 1
        return outputs


def with_reserve(tmp_path: Path, shortage: float = 0.05, **more: Any) -> DayPlan:
    """The site of config/ with reserve on the upper levels, and faces so small that a day needs what lies there."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    site = (config / "site.yaml").read_text()
    site = site.replace("levels: 4,", "levels: 4, reserve_levels: [3, 4],").replace(
        "face_max: 60", "face_min_percent: 50\nface_max: 5"
    )
    (config / "site.yaml").write_text(site)
    return plan_day(
        config, orders_file=None, map_file=None, orders=120, shortage=shortage, people=14, **{"seed": 7, **more}
    )


@pytest.mark.parametrize(("seed", "wms_in_office"), [(1, False), (2, True), (3, False)])
def test_a_day_with_replenishments_balances_and_every_order_ends_once(
    tmp_path: Path, seed: int, wms_in_office: bool
) -> None:
    day = WatchedFaces(with_reserve(tmp_path, seed=seed, wms_in_office=wms_in_office, futures=4))
    result = day.run()
    check(result)
    assert set(day.closed.values()) == {1}
    assert len(day.closed) == result["orders"]["captured"]
    assert result["tasks"]["by_kind"]["replenish"] == len(day.done) > 30
    assert len(day.waited) > 10, "picks waited for what came down"
    assert set(day.done) - set(day.urgent), "and some came down while hands were idle"


def test_replenishing_ships_what_is_shipped_without_it(tmp_path: Path) -> None:
    with_it = play_day(with_reserve(tmp_path, shortage=0.0))
    without = play_day(generated(shortage=0.0))
    check(with_it)
    assert with_it["units"] == without["units"]
    assert "replenish" not in without["tasks"]["by_kind"]


def shipped_by_sku(plan: DayPlan) -> Counter[str]:
    day = ClosedOrders(plan)
    check(day.run())
    return Counter({line.sku: 0 for line in day.lines}) + sum(
        (Counter({line.sku: line.shipped}) for line in day.lines), Counter()
    )


class ClosedOrders(VirtualDay):
    """A day that keeps the lines of every closed order."""

    def __init__(self, plan: DayPlan) -> None:
        super().__init__(plan)
        self.lines: list[LineResult] = []

    def _report(self, process: str, message: Any, peer: str = "") -> Any:
        outputs = super()._report(process, message, peer)
        for output in outputs:
            if isinstance(output, OrderClosed):
                self.lines.extend(output.lines)
        return outputs


def test_where_the_wms_runs_does_not_change_what_is_shipped() -> None:
    assert shipped_by_sku(generated()) == shipped_by_sku(generated(wms_in_office=True))


@pytest.mark.skipif(not REAL_DAY.exists(), reason=f"needs {REAL_DAY.name} (EDGE_SHARED or ../shared)")
def test_the_real_day_balances_to_the_unit_per_sku() -> None:
    day = ClosedOrders(real_plan())
    result = day.run()
    check(result)
    assert result["orders"]["captured"] == 138
    assert result["units"]["ordered"] == 30_913
    ordered: Counter[str] = Counter()
    for order in real_plan().orders:
        for line in order.lines:
            ordered[line.sku] += line.quantity
    accounted: Counter[str] = Counter()
    for line in day.lines:
        assert line.ordered == line.shipped + line.short + line.cancelled
        accounted[line.sku] += line.shipped + line.short + line.cancelled
    assert accounted == ordered
    assert result["units"]["short"] > 0
    assert result["stock"]["adjusted"] < 0, "some shelves held less than the book said"
