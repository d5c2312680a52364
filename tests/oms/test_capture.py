"""Capture: validation, duplicates and revisions, holds, cancelling."""

from dataclasses import replace
from typing import Any

import pytest

from edge.messages import (
    OrderAccepted,
    OrderCancelRefused,
    OrderClosed,
    OrderLine,
    OrderOutcome,
    OrderRejected,
    OrderReleased,
)
from edge.oms import state as limits


def line(number: int = 1, sku: str = "A", quantity: int = 1) -> OrderLine:
    return OrderLine(line=number, sku=sku, quantity=quantity)


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("NO_LINES", {"lines": ()}),
    ("DUPLICATE_LINE", {"lines": (line(1), line(1, "B"))}),
    ("UNKNOWN_SKU", {"lines": (line(), line(2, "NEVER"))}),
    ("BAD_QUANTITY", {"lines": (line(quantity=0),)}),
    ("BAD_QUANTITY", {"lines": (line(quantity=-1),)}),
    ("BAD_QUANTITY", {"lines": (line(quantity=limits.QUANTITY_MAX + 1),)}),
    ("TOO_MANY_LINES", {"lines": tuple(line(n) for n in range(limits.LINES_MAX + 1))}),
    ("EMPTY_ID", {"order_id": ""}),
    ("EMPTY_ID", {"route": ""}),
    ("EMPTY_ID", {"lines": (line(sku=""),)}),
    ("BAD_PRIORITY", {"priority": 0}),
    ("BAD_PRIORITY", {"priority": 10}),
    ("BAD_REV", {"rev": 0}),
    ("UNKNOWN_ROUTE", {"route": "NOWHERE"}),
    ("NO_DEPARTURE", {"route": "R2"}),
]


@pytest.mark.parametrize(("reason", "change"), FAULTS)
def test_a_faulty_order_gets_one_rejection_and_the_same_one_again(office, reason, change) -> None:
    office.plan(office.departure("SOON", 30, route="R2"))
    wrong = replace(office.captured("O1", ("A", 1)), **change)
    (answer,) = office.tell(wrong)
    assert isinstance(answer, OrderRejected)
    assert (answer.reason, answer.order_id, answer.rev) == (reason, wrong.order_id, wrong.rev)
    assert answer.detail
    office.wait(1)
    assert office.tell(wrong) == [replace(answer, at_ms=office.now_ms)]
    assert office.engine.wake_at_ms is None


@pytest.mark.parametrize(
    "change",
    [
        {"lines": (line(quantity=limits.QUANTITY_MAX),)},
        {"lines": tuple(line(n) for n in range(limits.LINES_MAX))},
        {"priority": 1},
        {"priority": 9},
    ],
)
def test_what_is_just_allowed_is_accepted(office, change) -> None:
    office.plan(office.departure("LATE", 10_000, route="R9"))
    answer = office.tell(replace(office.captured("O1", ("A", 1), route="R9"), **change))[0]
    assert isinstance(answer, OrderAccepted)


def test_a_rejected_id_is_judged_anew_when_anything_differs(office) -> None:
    assert office.capture("O1", ("X", 1))[0].reason == "UNKNOWN_SKU"
    assert isinstance(office.capture("O1", ("A", 1))[0], OrderAccepted)
    assert office.capture("O1", ("X", 1))[0].reason == "SAME_REV_CONFLICT"


def test_the_rejection_stands_even_if_the_reason_is_gone_but_a_new_revision_is_judged(office) -> None:
    assert office.capture("O1", ("A", 1), route="R5")[0].reason == "UNKNOWN_ROUTE"
    office.plan(office.departure("E1", 300, route="R5"))
    assert office.capture("O1", ("A", 1), route="R5")[0].reason == "UNKNOWN_ROUTE"
    assert isinstance(office.capture("O1", ("A", 1), route="R5", rev=2)[0], OrderAccepted)


def test_a_duplicate_gets_the_first_answer_whatever_has_happened_since(office) -> None:
    message = office.captured("O1", ("A", 10), ("C", 5))
    first = office.tell(message)
    assert isinstance(first[0], OrderAccepted)
    office.sleep()
    office.admit("O1")
    office.wait(1)
    assert office.tell(replace(message, at_ms=office.now_ms)) == [replace(first[0], at_ms=office.now_ms)]
    office.ship("O1", "D1", (1, "A", 10))
    assert office.tell(message) == [replace(first[0], at_ms=office.now_ms)]


def test_same_rev_with_other_content_conflicts_and_leaves_the_order_alone(office) -> None:
    office.capture("O1", ("A", 10))
    (answer,) = office.capture("O1", ("A", 11))
    assert isinstance(answer, OrderRejected)
    assert answer.reason == "SAME_REV_CONFLICT"
    released = [row for row in office.sleep() if isinstance(row, OrderReleased)]
    assert released[0].lines == (line(quantity=10),)


def test_a_lower_rev_is_outdated(office) -> None:
    office.capture("O1", ("A", 10), rev=3)
    assert office.capture("O1", ("A", 10), rev=2)[0].reason == "OUTDATED"


def test_a_higher_rev_replaces_the_order_before_release(office) -> None:
    office.capture("O1", ("A", 90), rev=1)
    (answer,) = office.capture("O1", ("A", 100), ("B", 1), rev=2)
    assert isinstance(answer, OrderAccepted)
    assert (answer.rev, answer.ordered_units, answer.backordered) == (2, 101, ())
    (released,) = office.sleep()
    assert (released.rev, [row.quantity for row in released.lines]) == (2, [100, 1])
    assert office.engine.wake_at_ms is None


def test_a_failed_amendment_leaves_the_accepted_order_and_its_stock_alone(office) -> None:
    office.capture("O1", ("A", 60))
    assert office.capture("O1", ("A", 0), rev=2)[0].reason == "BAD_QUANTITY"
    assert office.capture("O1", ("A", 60), route="NOWHERE", rev=2)[0].reason == "UNKNOWN_ROUTE"
    assert sum(row.quantity for row in office.capture("O2", ("A", 60))[0].backordered) == 20
    assert sorted(row.order_id for row in office.sleep()) == ["O1", "O2"]


def test_an_amendment_to_what_nobody_has_closes_the_order(office) -> None:
    office.capture("O1", ("A", 60))
    accepted, closed = office.capture("O1", ("C", 1), rev=2)
    assert (accepted.departure_id, accepted.promised_ms, closed.outcome) == ("", 0, OrderOutcome.BACKORDERED)
    assert office.engine.wake_at_ms is None
    assert office.capture("O2", ("A", 100))[0].backordered == ()


def test_a_higher_rev_after_release_is_too_late(office) -> None:
    office.capture("O1", ("A", 10), priority=1)
    assert office.capture("O1", ("A", 11), rev=2)[0].reason == "TOO_LATE"
    office.ship("O1", "D1", (1, "A", 10))
    assert office.capture("O1", ("A", 12), rev=3)[0].reason == "TOO_LATE"


def test_orders_before_the_first_levels_wait_and_are_judged_in_capture_order(new_office) -> None:
    office = new_office()
    office.plan(office.departure("D1", 300))
    assert office.capture("LATE", ("A", 60), priority=9) == []
    assert office.capture("EARLY", ("A", 60), priority=1) == []
    assert office.capture("EARLY", ("A", 60), priority=1) == []
    assert office.capture("EARLY", ("A", 70), priority=1, rev=2) == []
    assert office.capture("WRONG", ("A", 1), route="NOWHERE") == []
    assert office.cancel("LATE")[0].outcome is OrderOutcome.CANCELLED
    assert office.capture("LAST", ("A", 60)) == []
    assert office.engine.wake_at_ms is None
    out = office.levels(A=100)
    answers = {row.order_id: row for row in out if isinstance(row, OrderAccepted | OrderRejected)}
    assert list(answers) == ["EARLY", "WRONG", "LAST"]
    assert answers["EARLY"].ordered_units == 70
    assert answers["EARLY"].backordered == ()
    assert answers["WRONG"].reason == "UNKNOWN_ROUTE"
    assert [row.quantity for row in answers["LAST"].backordered] == [30]


def test_a_long_backlog_is_judged_in_steps_and_stays_in_order(new_office, monkeypatch) -> None:
    monkeypatch.setattr("edge.oms.capture.STEP_MAX", 2)
    office = new_office()
    office.plan(office.departure("D1", 300))
    for n in range(5):
        office.capture(f"O{n}", ("A", 1))
    first = office.levels(A=100)
    assert [row.order_id for row in first] == ["O0", "O1"]
    assert office.engine.wake_at_ms == office.now_ms
    assert [row.order_id for row in office.capture("O5", ("A", 1))] == ["O2", "O3"]
    assert [row.order_id for row in office.wake()] == ["O4", "O5"]


def test_an_order_cancelled_before_it_was_judged_answers_with_its_closing(new_office) -> None:
    office = new_office()
    message = office.captured("O1", ("A", 2))
    office.tell(message)
    closed = office.cancel("O1")
    assert office.tell(message) == closed


def test_a_full_office_rejects_and_forgets_it(office, monkeypatch) -> None:
    monkeypatch.setattr("edge.oms.capture.OPEN_MAX", 1)
    office.capture("O1", ("A", 1))
    assert office.capture("O2", ("A", 1))[0].reason == "OFFICE_FULL"
    assert office.engine.save().counts["OFFICE_FULL"] == 1
    office.cancel("O1")
    assert isinstance(office.capture("O2", ("A", 1))[0], OrderAccepted)


def test_the_memory_of_closed_orders_is_bounded_and_the_oldest_go_first(office, monkeypatch) -> None:
    monkeypatch.setattr("edge.oms.state.CLOSED_MAX", 2)
    monkeypatch.setattr("edge.oms.state.DROP_BATCH", 1)
    for name in ("O1", "O2", "O3"):
        office.capture(name, ("A", 1))
        office.cancel(name)
    assert list(office.engine.save().closed) == ["O2", "O3"]
    assert office.engine.save().counts["CLOSED_FORGOTTEN"] == 1


def test_the_memory_of_rejections_is_bounded_and_the_oldest_go_first(office, monkeypatch) -> None:
    monkeypatch.setattr("edge.oms.state.REJECTED_MAX", 2)
    monkeypatch.setattr("edge.oms.state.DROP_BATCH", 1)
    for name in ("O1", "O2", "O1", "O3"):
        office.capture(name)
    assert list(office.engine.save().rejected) == ["O2", "O3"]
    assert office.engine.save().counts["REJECTED_FORGOTTEN"] == 1


def test_a_held_order_is_released_when_its_last_hold_is_lifted_at_once_if_late(office) -> None:
    office.capture("O1", ("A", 10))
    office.hold("O1", "CREDIT")
    office.hold("O1", "FRAUD")
    assert office.engine.wake_at_ms is None
    office.wait(200)
    assert office.wake() == []
    assert office.lift("O1", "CREDIT") == []
    assert office.lift("O1", "CREDIT") == []
    (released,) = office.lift("O1", "FRAUD")
    assert isinstance(released, OrderReleased)
    assert released.departure_id == "D1"


def test_a_lifted_hold_gives_back_the_old_release_time(office) -> None:
    accepted = office.capture("O1", ("A", 10))[0]
    office.capture("O2", ("A", 1), ("B", 1))
    office.hold("O2")
    office.lift("O2")
    assert office.engine.wake_at_ms == accepted.release_at_ms
    assert [row.order_id for row in office.sleep()] == ["O1", "O2"]


def test_an_order_held_past_its_cutoff_is_released_for_a_departure_it_can_make(office) -> None:
    office.capture("O1", ("A", 10))
    office.hold("O1")
    office.wait(301)
    assert office.lift("O1") == []
    (released,) = office.sleep()
    assert released.departure_id == "D2"


def test_holds_after_release_and_on_unknown_orders_are_refused(office) -> None:
    office.capture("O1", ("A", 10), rev=4, priority=1)
    late = office.hold("O1")[0]
    assert (late.reason, late.rev) == ("TOO_LATE", 4)
    assert office.lift("O1")[0].reason == "TOO_LATE"
    office.ship("O1", "D1", (1, "A", 10))
    late = office.hold("O1")[0]
    assert (late.reason, late.rev) == ("TOO_LATE", 4)
    assert office.hold("NEVER")[0].reason == "UNKNOWN_ORDER"
    assert office.lift("NEVER")[0].reason == "UNKNOWN_ORDER"
    office.capture("O2", ("A", 1))
    assert office.lift("O2")[0].reason == "UNKNOWN_HOLD"


def test_a_hold_that_comes_again_after_it_was_lifted_does_not_hold_again(office) -> None:
    office.capture("O1", ("A", 10))
    first_ms = office.now_ms
    office.hold("O1")
    office.lift("O1")
    assert office.hold("O1") == []
    assert office.engine.wake_at_ms is not None
    office.now_ms = first_ms + 1
    office.hold("O1")
    assert office.engine.wake_at_ms is None


def test_the_holds_of_an_order_are_bounded(office) -> None:
    office.capture("O1", ("A", 10))
    for n in range(limits.HOLDS_MAX):
        assert office.hold("O1", f"H{n}") == []
    assert office.hold("O1", "MORE")[0].reason == "TOO_MANY_HOLDS"
    office.lift("O1", "H0")
    assert office.hold("O1", "MORE") == []


def test_cancel_before_release_counts_backordered_units_as_cancelled(office) -> None:
    office.capture("O1", ("A", 10), ("C", 5))
    (closed,) = office.cancel("O1")
    assert isinstance(closed, OrderClosed)
    assert closed.outcome is OrderOutcome.CANCELLED
    assert [(row.ordered, row.shipped, row.short, row.cancelled) for row in closed.lines] == [
        (10, 0, 0, 10),
        (5, 0, 0, 5),
    ]
    assert office.engine.wake_at_ms is None
    assert office.cancel("O1") == [closed]
    assert office.capture("O2", ("A", 100))[0].backordered == ()


def test_cancel_after_release_is_refused_with_the_state(office) -> None:
    office.capture("O1", ("A", 10), priority=1)
    office.admit("O1")
    (refused,) = office.cancel("O1")
    assert isinstance(refused, OrderCancelRefused)
    assert refused.reason == "TOO_LATE"
    assert "admitted" in refused.detail
    office.ship("O1", "D1", (1, "A", 10))
    assert office.cancel("O1")[0].reason == "TOO_LATE"
    assert office.cancel("NEVER")[0].reason == "UNKNOWN_ORDER"
