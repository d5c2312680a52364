"""Whole days in virtual time: the engines and the floor in one thread, from a seed."""

import os
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge.checking import json_schema
from edge.messages import LineResult, OrderClosed
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
