"""The report: a fold that no repetition and no order of reading changes, and books that do not balance are told."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    DecisionCode,
    Departure,
    DepartureAudited,
    DepartureClosed,
    DepartureScheduled,
    DivertUnit,
    LineQuantity,
    LineResult,
    LineShorted,
    Machine,
    Message,
    OrderAccepted,
    OrderCaptured,
    OrderClosed,
    OrderLine,
    OrderOutcome,
    OrderRejected,
    OrderRolled,
    OrderShipped,
    Place,
    ScanStatus,
    Site,
    SiteOpened,
    SortResult,
    StockMoved,
    TaskCompleted,
    TaskKind,
    UnitContent,
    UnitPacked,
    UnitScanned,
    UnitSorted,
)
from edge.page.reports import SCHEMA_FILE, Report, kpi_table, write_report

T0 = 1_700_000_000_000
SCHEMA = json.loads(SCHEMA_FILE.read_text())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
FIGURES = {
    "core": "compiled",
    "dispatch_us": {"p50": 12, "p99": 80},
    "ready_s": 0.9,
    "rss_mb": 88.5,
    "messages": {"sent": 10, "received": 9, "duplicates": 1, "resent": 2},
}


def site() -> SiteOpened:
    machines = (
        Machine(machine_id="sorter1", kind="sorter", zone=""),
        Machine(machine_id="conveyor1", kind="conveyor", zone="A"),
    )
    dock = Place(location="RECV-1", kind="receiving", zone="RECV", x_mm=0, y_mm=0)
    opened = Site(
        site="dc1",
        timezone="Europe/London",
        racks=(),
        places=(dock,),
        zones=(),
        machines=machines,
        sscc_prefix="0950600",
    )
    return SiteOpened(at_ms=T0, site=opened)


class Day:
    """Tells a day: each call adds the messages of one thing that happened."""

    def __init__(self) -> None:
        self.messages: list[Message] = [site()]
        self.now_ms = T0
        self.movements = 0

    def tell(self, *messages: Message) -> None:
        self.messages += messages

    def order(self, order_id: str, **units: int) -> None:
        """Captured and accepted for D1; a unit count of an SKU per line."""
        self.now_ms += 1000
        lines = tuple(OrderLine(line=n, sku=sku, quantity=q) for n, (sku, q) in enumerate(units.items(), start=1))
        self.tell(
            OrderCaptured(at_ms=self.now_ms, order_id=order_id, route="N", lines=lines),
            OrderAccepted(
                at_ms=self.now_ms,
                order_id=order_id,
                rev=1,
                site="dc1",
                departure_id="D1",
                promised_ms=T0 + 900_000,
                release_at_ms=T0,
                ordered_units=sum(units.values()),
            ),
        )

    def move(self, sku: str, source: str, target: str, quantity: int) -> None:
        self.movements += 1
        self.tell(
            StockMoved(
                at_ms=self.now_ms,
                movement=self.movements,
                sku=sku,
                lot="",
                source=source,
                target=target,
                quantity=quantity,
                cause="test",
                cause_id="",
            )
        )

    def ship(self, order_id: str, departure_id: str = "D1", **units: int) -> None:
        """Picked, packed and shipped in one unit."""
        self.now_ms += 60_000
        hu_id = f"hu-{order_id}"
        for sku, quantity in units.items():
            self.move(sku, "A-01", f"hu:{hu_id}", quantity)
        lines = tuple(enumerate(units.items(), start=1))
        self.tell(
            UnitPacked(
                at_ms=self.now_ms,
                hu_id=hu_id,
                order_id=order_id,
                site="dc1",
                route="N",
                departure_id=departure_id,
                due_ms=T0,
                contents=tuple(UnitContent(line=n, sku=sku, lot="", quantity=q) for n, (sku, q) in lines),
                weight_g=1,
            )
        )
        for sku, quantity in units.items():
            self.move(sku, f"hu:{hu_id}", "customer", quantity)
        self.tell(
            OrderShipped(
                at_ms=self.now_ms,
                order_id=order_id,
                site="dc1",
                departure_id=departure_id,
                lines=tuple(LineQuantity(line=n, sku=sku, quantity=q) for n, (sku, q) in lines),
                units=(hu_id,),
            )
        )

    def close(self, order_id: str, outcome: str, *lines: tuple[str, int, int], departure_id: str = "D1") -> None:
        """Lines as (sku, ordered, shipped); the rest is short, or cancelled with the order."""
        cancelled = outcome == "cancelled"
        self.tell(
            OrderClosed(
                at_ms=self.now_ms,
                order_id=order_id,
                outcome=OrderOutcome(outcome),
                captured_ms=T0,
                promised_id="D1",
                departure_id=departure_id,
                lines=tuple(
                    LineResult(
                        line=n,
                        sku=sku,
                        ordered=ordered,
                        shipped=shipped,
                        short=0 if cancelled else ordered - shipped,
                        cancelled=ordered - shipped if cancelled else 0,
                    )
                    for n, (sku, ordered, shipped) in enumerate(lines, start=1)
                ),
            )
        )

    def departure(self, departure_id: str, cutoff_ms: int, *, loaded: tuple[str, ...], left: tuple[str, ...]) -> None:
        planned = Departure(departure_id=departure_id, site="dc1", route="N", carrier="X", cutoff_ms=cutoff_ms)
        self.tell(DepartureScheduled(at_ms=T0, site="dc1", departure=planned))
        if not loaded and not left:
            return
        self.tell(
            DepartureClosed(
                at_ms=cutoff_ms, departure_id=departure_id, site="dc1", units=(), orders=loaded, left_behind=left
            ),
            DepartureAudited(
                at_ms=cutoff_ms + 5,
                departure_id=departure_id,
                site="dc1",
                cutoff_ms=cutoff_ms,
                closed_at_ms=cutoff_ms,
                orders_planned=len(loaded) + len(left),
                orders_loaded=len(loaded),
                missed=len(left),
            ),
        )

    def report(self) -> dict[str, Any]:
        return folded(self.messages)


def folded(messages: list[Message], *, virtual: bool = False) -> dict[str, Any]:
    report = Report()
    for at_ms, message in enumerate(messages):
        report.see(at_ms, message)
    result = report.result(FIGURES, virtual=virtual)
    VALIDATOR.validate(result)
    return result


def full_day() -> Day:
    """O1 shipped, O2 short, O3 cancelled, O4 backordered, O5 rejected, O6 shipped one departure late; machines too."""
    day = Day()
    for sku in ("A", "B"):
        day.move(sku, "opening", "A-01", 100)
    day.move("A", "supplier", "RECV-1", 7)
    day.order("O1", A=3, B=2)
    day.order("O2", A=5, B=1)
    day.order("O3", A=4)
    day.order("O4", C=9)
    day.tell(OrderCaptured(at_ms=T0, order_id="O5", route="N", lines=(OrderLine(line=1, sku="Z", quantity=50),)))
    day.tell(OrderRejected(at_ms=T0, order_id="O5", rev=1, reason="UNKNOWN_SKU", detail="Z"))
    day.order("O6", B=10)
    day.close("O3", "cancelled", ("A", 4, 0), departure_id="")
    day.close("O4", "backordered", ("C", 9, 0), departure_id="")
    day.ship("O1", A=3, B=2)
    day.close("O1", "shipped", ("A", 3, 3), ("B", 2, 2))
    day.move("A", "A-01", "adjustment", 2)
    day.tell(LineShorted(at_ms=day.now_ms, order_id="O2", line=1, sku="A", quantity=2, reason="SHORT_PICK"))
    day.ship("O2", A=3, B=1)
    day.close("O2", "short_shipped", ("A", 5, 3), ("B", 1, 1))
    rolled = OrderRolled(
        at_ms=day.now_ms, order_id="O6", site="dc1", previous_id="D1", departure_id="D2", due_ms=T0, reason="MISSED"
    )
    day.tell(rolled, replace(rolled, at_ms=day.now_ms + 9))
    day.ship("O6", "D2", B=10)
    day.close("O6", "shipped", ("B", 10, 10), departure_id="D2")
    day.departure("D2", T0 + 1_800_000, loaded=("O6",), left=())
    day.departure("D1", T0 + 900_000, loaded=("O1", "O2"), left=("O6",))
    day.departure("D3", T0 + 2_700_000, loaded=(), left=())
    floor(day)
    return day


def floor(day: Day) -> None:
    done = TaskCompleted(at_ms=T0, task_id="t1", kind=TaskKind.PICK, resource_id="P1", quantity=1, assigned_ms=T0)
    day.tell(done, replace(done, task_id="t2", resource_id="robot1"), replace(done, task_id="t3", kind=TaskKind.PACK))
    scan = UnitScanned(
        at_ms=T0,
        machine_id="sorter1",
        boot=1,
        seq=1,
        tracking_id=10,
        decision_point=1,
        status=ScanStatus.OK,
        barcode="x",
        recirc_count=0,
        budget_ms=250,
    )
    answer = DivertUnit(
        at_ms=T0, machine_id="sorter1", boot=1, seq=1, tracking_id=10, code=DecisionCode.ROUTE, lane=3, reason=""
    )
    sorted_ = UnitSorted(
        at_ms=T0 + 900,
        machine_id="sorter1",
        boot=1,
        seq=1,
        tracking_id=10,
        lane=3,
        requested_lane=3,
        result=SortResult.DIVERTED,
        reason=SortResult.NONE,
        decision_seq=1,
        decision_latency_ms=20,
        recirc_count=0,
    )
    day.tell(scan, answer, sorted_)
    # a conveyor's exit is no sorter; the sequence comes round again for another unit; a scan is reported again
    day.tell(replace(scan, machine_id="conveyor1"), replace(sorted_, machine_id="conveyor1"))
    day.tell(replace(scan, tracking_id=11), replace(scan, at_ms=T0 + 50), replace(scan, seq=2, tracking_id=12))
    day.tell(replace(sorted_, seq=2, tracking_id=11, result=SortResult.RECIRCULATED, decision_latency_ms=40))
    late = replace(sorted_, seq=3, tracking_id=12, result=SortResult.DEFAULT_LANE, reason=SortResult.LATE_DECISION)
    day.tell(late, replace(late, seq=4, reason=SortResult.NO_DECISION, decision_seq=0, decision_latency_ms=0))
    day.tell(replace(late, seq=5, result=SortResult.LOST, reason=SortResult.NONE))
    alarm = AlarmRaised(at_ms=T0, alarm_id="a", source="sorter1", priority=2, text="jam", action="look")
    day.tell(alarm, AlarmCleared(at_ms=T0 + 10, alarm_id="a"), replace(alarm, at_ms=T0 + 20))


def test_every_figure_of_a_full_day() -> None:
    result = full_day().report()
    assert result["orders"] == {
        "captured": 6,
        "rejected": 1,
        "shipped": 2,
        "short_shipped": 1,
        "backordered": 1,
        "cancelled": 1,
        "open": 0,
    }
    assert result["lines"] == {"captured": 7, "shipped": 4, "short": 2, "cancelled": 1, "open": 0}
    units = {"ordered": 34, "shipped": 19, "short": 11, "cancelled": 4, "open": 0, "skus": 3, "balanced": True}
    assert result["units"] == units
    assert result["stock"] == {
        "opening": 200,
        "received": 7,
        "shipped": 19,
        "adjusted": -2,
        "on_hand": 179,
        "in_process": 7,
        "balanced": True,
    }
    assert result["otif"] == 0.25  # O1, of O1 O2 O4 O6
    assert result["missed_cutoff_rate"] == 0.25
    assert result["rolls"] == 1
    assert [
        (row["id"], row["orders_planned"], row["orders_loaded"], row["missed"]) for row in result["departures"]
    ] == [
        ("D1", 3, 2, 1),
        ("D2", 1, 1, 0),
        ("D3", 0, 0, 0),
    ]
    assert result["departures"][0]["cutoff"] == result["departures"][0]["closed_at"] == "2023-11-14T22:28:20.000Z"
    assert result["departures"][2]["closed_at"] is None
    assert result["order_cycle_s"] == {"p50": 123.0, "p90": 180.0}
    assert result["tasks"] == {"by_kind": {"pack": 1, "pick": 2}, "by_resource": {"P1": 2, "robot1": 1}}
    assert result["sorter"] == {
        "scans": 3,
        "decisions": 1,
        "diverted": 1,
        "recirculated": 1,
        "default_lane": 2,
        "other": 1,
        "no_decision": 1,
        "late": 1,
    }
    assert result["latency_ms"] == {"scan_to_decision_p50": 20, "scan_to_decision_p99": 40}
    times = [(row["raised"], row["cleared"]) for row in result["alarms"]]
    first = "2023-11-14T22:13:20."
    assert times == [(f"{first}000Z", f"{first}010Z"), (f"{first}020Z", None)]
    assert (result["core"], result["ready_s"], result["rss_mb"]) == ("compiled", 0.9, 88.5)
    assert result["messages"] == FIGURES["messages"]
    assert result["findings"] == []


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_seeing_twice_and_in_any_order_changes_nothing(seed: int) -> None:
    messages = full_day().messages
    mixed = messages * 2
    random.Random(seed).shuffle(mixed)
    assert folded(mixed) == folded(messages)


def test_answers_said_again_later_count_as_the_first_time() -> None:
    messages = full_day().messages
    kinds = (OrderCaptured, OrderAccepted, OrderRejected, OrderClosed)
    again = [replace(message, at_ms=message.at_ms + 10**6) for message in messages if isinstance(message, kinds)]
    assert folded(messages + again) == folded(messages)


def test_the_same_order_id_with_other_content_is_a_refused_request_not_a_rejected_order() -> None:
    day = full_day()
    before = day.report()
    day.tell(
        OrderCaptured(at_ms=day.now_ms, order_id="O1", route="N", lines=(OrderLine(line=1, sku="A", quantity=99),))
    )
    day.tell(OrderRejected(at_ms=day.now_ms, order_id="O1", rev=1, reason="SAME_REV_CONFLICT", detail=""))
    assert day.report() == before


def test_a_new_revision_counts_instead_of_the_old_one() -> None:
    day = Day()
    day.order("O1", A=3)
    day.tell(
        OrderCaptured(at_ms=T0, order_id="O1", rev=2, route="N", lines=(OrderLine(line=1, sku="A", quantity=5),)),
        OrderAccepted(
            at_ms=T0 + 2000,
            order_id="O1",
            rev=2,
            site="dc1",
            departure_id="D1",
            promised_ms=T0,
            release_at_ms=T0,
            ordered_units=5,
        ),
    )
    assert day.report()["units"]["ordered"] == 5
    day.close("O1", "cancelled", ("A", 5, 0))
    assert day.report()["units"] | {"skus": 1} == {
        "ordered": 5,
        "shipped": 0,
        "short": 0,
        "cancelled": 5,
        "open": 0,
        "skus": 1,
        "balanced": True,
    }


def test_open_orders_are_open_and_only_their_backorders_short() -> None:
    day = Day()
    day.order("O1", A=10, B=5)
    accepted = day.messages[-1]
    assert isinstance(accepted, OrderAccepted)
    day.messages[-1] = replace(accepted, backordered=(LineQuantity(line=2, sku="B", quantity=5),))
    day.tell(LineShorted(at_ms=T0, order_id="O1", line=1, sku="A", quantity=4, reason="SHORT_PICK"))
    day.departure("D1", T0 + 900_000, loaded=(), left=())
    result = day.report()
    assert result["orders"]["open"] == 1
    assert result["units"] == {
        "ordered": 15,
        "shipped": 0,
        "short": 9,
        "cancelled": 0,
        "open": 6,
        "skus": 2,
        "balanced": True,
    }
    assert result["lines"] == {"captured": 2, "shipped": 0, "short": 1, "cancelled": 0, "open": 1}
    assert result["otif"] is None  # its departure has not left yet
    assert result["departures"][0]["orders_planned"] == 1
    day.departure("D1", T0 + 900_000, loaded=(), left=("O1",))
    assert day.report()["otif"] == 0.0


def test_an_order_with_nothing_left_to_do_here_is_backordered_even_before_it_is_closed() -> None:
    day = Day()
    day.order("O1", A=10)
    day.tell(LineShorted(at_ms=T0, order_id="O1", line=1, sku="A", quantity=10, reason="NO_STOCK"))
    result = day.report()
    assert (result["orders"]["backordered"], result["orders"]["open"]) == (1, 0)
    assert (result["units"]["short"], result["units"]["open"]) == (10, 0)


def shipped_day() -> Day:
    day = Day()
    day.move("A", "opening", "A-01", 10)
    day.order("O1", A=3)
    day.ship("O1", A=3)
    day.close("O1", "shipped", ("A", 3, 3))
    return day


def drop(day: Day, kind: type[Message]) -> None:
    day.messages = [message for message in day.messages if not isinstance(message, kind)]


def corrupt_negative(day: Day) -> None:
    day.move("A", "B-77", "hu:lost", 1)


def corrupt_number(day: Day) -> None:
    day.movements -= 1
    day.move("A", "opening", "A-02", 1)


def corrupt_closed(day: Day) -> None:
    drop(day, OrderClosed)
    day.close("O1", "short_shipped", ("A", 3, 2))


def corrupt_shipped(day: Day) -> None:
    drop(day, OrderShipped)
    said = OrderShipped(
        at_ms=day.now_ms,
        order_id="O1",
        site="dc1",
        departure_id="D1",
        lines=(LineQuantity(line=1, sku="A", quantity=4),),
        units=(),
    )
    day.tell(said)


def corrupt_nobody(day: Day) -> None:
    day.move("A", "A-01", "customer", 1)


def corrupt_twice(day: Day) -> None:
    day.move("A", "A-01", "hu:hu-O1", 3)
    day.move("A", "hu:hu-O1", "customer", 3)


@pytest.mark.parametrize(
    ("corrupt", "words"),
    [
        (corrupt_negative, "B-77 has -1 of A"),
        (corrupt_number, "booked 2 times"),
        (corrupt_closed, "the OMS closed with 2"),
        (corrupt_shipped, "the site shipped 4"),
        (corrupt_nobody, "to no order"),
        (corrupt_twice, "6 units left the ledger"),
        (lambda day: drop(day, StockMoved), "0 units left the ledger"),
    ],
)
def test_books_that_do_not_balance_are_told(corrupt: Any, words: str) -> None:
    day = shipped_day()
    assert day.report()["stock"]["balanced"] is True
    corrupt(day)
    result = day.report()
    assert result["stock"]["balanced"] is False
    assert any(words in finding for finding in result["findings"]), result["findings"]
    assert dict(kpi_table(result))["books balanced"] == "NO"


def test_units_that_ended_otherwise_than_captured_are_told() -> None:
    day = Day()
    day.order("O1", A=3)
    day.close("O1", "backordered", ("A", 2, 0))
    result = day.report()
    assert result["units"]["balanced"] is False
    assert "A: 3 units ordered, but 2" in result["findings"][0]


def test_virtual_time_has_no_wall_clock_figures() -> None:
    result = folded(full_day().messages, virtual=True)
    assert [result[name] for name in ("latency_ms", "dispatch_us", "ready_s", "rss_mb")] == [None] * 4
    assert kpi_table(result)


def test_a_day_on_which_nothing_happened_is_a_report_too() -> None:
    result = Report().result()
    VALIDATOR.validate(result)
    assert (result["otif"], result["missed_cutoff_rate"], result["order_cycle_s"]["p50"]) == (None, None, None)
    assert result["stock"]["balanced"] is True
    assert kpi_table(result)


def test_alarms_are_bounded_and_counted() -> None:
    alarms: list[Message] = [
        AlarmRaised(at_ms=T0 + n, alarm_id=f"a{n}", source="x", priority=3, text="t", action="") for n in range(300)
    ]
    result = folded(alarms)
    assert (len(result["alarms"]), result["alarms_total"]) == (200, 300)


def test_the_file_is_canonical_and_replaced_whole(tmp_path: Path) -> None:
    messages = full_day().messages
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    second.write_text("something old")
    write_report(first, folded(messages, virtual=True))
    write_report(second, folded(list(reversed(messages)), virtual=True))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().endswith(b"}\n")
    assert json.loads(first.read_text()) == folded(messages, virtual=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json"]


def test_the_schema_is_sound_and_describes_every_key() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    def undescribed(schema: dict[str, Any], path: str) -> list[str]:
        found = [] if schema.get("description") else [path]
        for name, part in schema.get("properties", {}).items():
            found += undescribed(part, f"{path}.{name}")
        return found + (undescribed(schema["items"], f"{path}[]") if schema.get("items", {}).get("properties") else [])

    assert undescribed(SCHEMA, "report") == []
    wrong = folded(full_day().messages) | {"extra": 1}
    assert not VALIDATOR.is_valid(wrong)
