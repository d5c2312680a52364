"""The table of the order's states: what it allows, what it refuses, what it draws."""

import pytest

from edge.messages import OrderCaptured, OrderLine
from edge.oms.orders import (
    REQUESTS,
    TABLE,
    Hold,
    Line,
    Order,
    OrderEvent,
    OrderState,
    content_of,
    diagram,
    move,
)


def order_in(state: OrderState, open_units: int = 1) -> Order:
    lines = (OrderLine(line=1, sku="A", quantity=1),)
    content = content_of(OrderCaptured(at_ms=0, order_id="O", route="R", lines=lines))
    line = Line(line=1, sku="A", ordered=1, backordered=1 - open_units)
    return Order(
        order_id="O", rev=1, content=content, captured_ms=0, seq=1, lines=(line,), state=state, departure_id="D"
    )


ILLEGAL = [
    (state, event) for state in OrderState for event in OrderEvent if event not in [row[0] for row in TABLE[state]]
]


@pytest.mark.parametrize(("state", "event"), ILLEGAL)
def test_a_move_without_a_row_is_refused_with_a_reason(state: OrderState, event: OrderEvent) -> None:
    order = order_in(state)
    assert move(order, event) == ("TOO_LATE" if event in REQUESTS else "ILLEGAL_MOVE")
    assert order.state is state


@pytest.mark.parametrize(("state", "event", "after"), [(s, row[0], row[2]) for s in TABLE for row in TABLE[s]])
def test_a_row_leads_where_it_says(state: OrderState, event: OrderEvent, after: OrderState) -> None:
    order = order_in(state, open_units=0 if event is OrderEvent.BACKORDER else 1)
    assert move(order, event) == ""
    assert order.state is after


def test_every_state_has_its_rows_and_the_last_ones_have_none() -> None:
    assert list(TABLE) == list(OrderState)
    assert [state for state, rows in TABLE.items() if not rows] == [OrderState.CLOSED, OrderState.REJECTED]


def test_guards_give_their_reason_and_leave_the_order_where_it_was() -> None:
    order = order_in(OrderState.SCHEDULED)
    order.holds = (Hold(hold_id="H", at_ms=0, reason="credit", by="clerk"),)
    assert move(order, OrderEvent.RELEASE) == "HELD"
    order.holds, order.departure_id = (), ""
    assert move(order, OrderEvent.RELEASE) == "NO_DEPARTURE"
    assert move(order, OrderEvent.BACKORDER) == "FILLABLE"
    assert move(order_in(OrderState.CAPTURED, open_units=0), OrderEvent.ACCEPT) == "NOTHING_TO_FILL"
    assert order.state is OrderState.SCHEDULED


def test_the_diagram_draws_every_row() -> None:
    lines = diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert "    scheduled --> released: release [ready]" in lines
    assert "    closed --> [*]" in lines
    assert len(lines) == 2 + sum(max(1, len(rows)) for rows in TABLE.values())
