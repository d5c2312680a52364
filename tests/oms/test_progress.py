"""What the sites report: admission, refusal, shortages, shipping; facts that do not fit change nothing."""

import pytest

from edge.messages import (
    OrderClosed,
    OrderOutcome,
    OrderReleased,
    PeerChanged,
    UnitLoaded,
    UnitPacked,
    UnitRerouted,
    UnitStaged,
)


@pytest.fixture
def busy(office):
    """O1 of 10 A, 20 B and 5 C (C backordered) is released to NORTH for D1."""
    out = office.capture("O1", ("A", 10), ("B", 20), ("C", 5), priority=1)
    assert isinstance(out[1], OrderReleased)
    return office


def books(closed):
    return [(row.ordered, row.shipped, row.short, row.cancelled) for row in closed.lines]


def state_of(office, order_id="O1"):
    return str(office.engine.save().orders[order_id].state)


def unit(office, kind, order_id="O1"):
    if kind is UnitPacked:
        message = UnitPacked(
            at_ms=office.now_ms,
            hu_id="1",
            order_id=order_id,
            site="NORTH",
            route="R1",
            departure_id="D1",
            due_ms=0,
            contents=(),
            weight_g=1,
        )
    elif kind is UnitStaged:
        message = UnitStaged(at_ms=office.now_ms, hu_id="1", order_id=order_id, departure_id="D1", location="L")
    else:
        message = UnitLoaded(at_ms=office.now_ms, hu_id="1", order_id=order_id, departure_id="D1")
    return office.tell(message)


def test_the_state_is_the_furthest_a_unit_has_come(busy) -> None:
    seen = [state_of(busy)]
    busy.admit("O1")
    seen.append(state_of(busy))
    for kind in (UnitPacked, UnitStaged, UnitPacked, UnitLoaded, UnitStaged):
        assert unit(busy, kind) == []
        seen.append(state_of(busy))
    assert seen == ["released", "admitted", "packed", "staged", "staged", "loaded", "loaded"]


def test_short_shipped_when_part_was_backordered(busy) -> None:
    (closed,) = busy.ship("O1", "D1", (1, "A", 10), (2, "B", 20))
    assert isinstance(closed, OrderClosed)
    assert (closed.outcome, closed.promised_id, closed.departure_id) == (OrderOutcome.SHORT_SHIPPED, "D1", "D1")
    assert books(closed) == [(10, 10, 0, 0), (20, 20, 0, 0), (5, 0, 5, 0)]


def test_shipped_when_everything_ordered_was_shipped(office) -> None:
    captured_ms = office.now_ms
    office.capture("O1", ("A", 10), priority=1)
    office.admit("O1")
    office.wait(60)
    (closed,) = office.ship("O1", "D1", (1, "A", 4), (1, "A", 6))
    assert (closed.outcome, closed.captured_ms, books(closed)) == (
        OrderOutcome.SHIPPED,
        captured_ms,
        [(10, 10, 0, 0)],
    )
    assert office.ship("O1", "D1", (1, "A", 10)) == []


def test_shortages_from_the_site_and_nothing_shipped_is_backordered(busy) -> None:
    busy.admit("O1")
    busy.short("O1", 1, "A", 10)
    busy.short("O1", 2, "B", 20)
    (closed,) = busy.ship("O1", "D1")
    assert (closed.outcome, closed.departure_id) == (OrderOutcome.BACKORDERED, "")
    assert books(closed) == [(10, 0, 10, 0), (20, 0, 20, 0), (5, 0, 5, 0)]


def test_a_shortage_told_twice_counts_once_and_never_exceeds_the_line(busy) -> None:
    def short():
        return [line.short for line in busy.engine.save().orders["O1"].lines]

    busy.short("O1", 1, "A", 3)
    busy.short("O1", 1, "A", 3)
    assert short() == [3, 0, 0]
    busy.wait(1)
    busy.short("O1", 1, "A", 3)
    assert short() == [6, 0, 0]
    busy.short("O1", 1, "A", 50)
    busy.short("O1", 1, "WRONG", 1)
    busy.short("O1", 2, "B", 0)
    assert short() == [10, 0, 0]


def test_a_site_cannot_ship_more_than_it_was_asked_for(busy) -> None:
    (closed,) = busy.ship("O1", "D1", (1, "A", 12), (3, "C", 5), (9, "A", 1), (2, "A", 1))
    assert books(closed) == [(10, 10, 0, 0), (20, 0, 20, 0), (5, 0, 5, 0)]
    counts = busy.engine.save().counts
    assert (counts["OVER_SHIPPED"], counts["SHIPPED_UNKNOWN_LINE"]) == (2 + 5, 2)


@pytest.mark.parametrize("reason", ["DEPARTURE_CLOSED", "UNKNOWN_DEPARTURE"])
def test_refused_for_its_departure_the_order_is_released_for_the_next(busy, reason) -> None:
    (released,) = busy.refuse("O1", reason)
    assert isinstance(released, OrderReleased)
    assert (released.rev, released.departure_id, [row.quantity for row in released.lines]) == (1, "D2", [10, 20])
    assert busy.refuse("O1", reason) == []
    busy.wait(1)
    assert [row.departure_id for row in busy.refuse("O1", reason)] == ["D3"]
    busy.wait(1)
    assert busy.refuse("O1", reason) == []
    assert busy.engine.wake_at_ms is None
    assert busy.plan(busy.departure("D4", 3_000))[-1].departure_id == "D4"
    busy.admit("O1")
    assert state_of(busy) == "admitted"


def test_refused_for_another_reason_everything_is_short(busy) -> None:
    (closed,) = busy.refuse("O1", "SAME_REV_CONFLICT")
    assert closed.outcome is OrderOutcome.BACKORDERED
    assert books(closed) == [(10, 0, 10, 0), (20, 0, 20, 0), (5, 0, 5, 0)]
    assert busy.refuse("O1", "SAME_REV_CONFLICT") == []


def test_a_refusal_after_the_admission_changes_nothing(busy) -> None:
    busy.admit("O1")
    assert busy.refuse("O1", "SAME_REV_CONFLICT") == []
    assert state_of(busy) == "admitted"


def test_an_order_turned_back_may_be_cancelled_and_held_again(busy) -> None:
    for minutes in (0, 1, 1):
        busy.wait(minutes)
        busy.refuse("O1", "DEPARTURE_CLOSED")
    assert state_of(busy) == "scheduled"
    assert busy.hold("O1") == []
    busy.plan(busy.departure("D4", 3_000))
    assert busy.engine.wake_at_ms is None
    assert busy.cancel("O1")[0].outcome is OrderOutcome.CANCELLED


def test_facts_that_do_not_fit_change_nothing(busy) -> None:
    before = busy.engine.save()
    out = [
        *busy.admit("O1", site="SOUTH"),
        *busy.admit("O1", rev=2),
        *busy.admit("NEVER"),
        *busy.ship("O1", "D1", (1, "A", 1), site="SOUTH"),
        *busy.refuse("O1", "SITE_FULL", site="SOUTH"),
        *busy.short("NEVER", 1, "A", 1),
        *unit(busy, UnitLoaded, "NEVER"),
        *busy.close("NEVER"),
        *busy.close("D1", site="SOUTH"),
        *busy.tell(PeerChanged(at_ms=busy.now_ms, peer="box", online=False)),
        *busy.tell(UnitRerouted(at_ms=busy.now_ms, hu_id="1", departure_id="D2", due_ms=0)),
    ]
    assert out == []
    after = busy.engine.save()
    assert after.orders["O1"] == before.orders["O1"]
    assert after.levels == before.levels
    assert after.counts["FACT_WITHOUT_ORDER"] == 6
    assert after.counts["UNKNOWN_DEPARTURE"] == 2


def test_site_facts_about_an_order_that_was_not_released_are_not_believed(office) -> None:
    office.capture("O1", ("A", 1))
    assert office.admit("O1") == []
    assert office.ship("O1", "D1", (1, "A", 1)) == []
    assert unit(office, UnitPacked) == []
    office.short("O1", 1, "A", 1)
    assert state_of(office) == "scheduled"
    assert office.sleep()[0].lines[0].quantity == 1
