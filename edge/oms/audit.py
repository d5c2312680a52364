"""The books: how an order ended line by line, and how a departure did against what was promised on it."""

from edge.messages import (
    DepartureAudited,
    DepartureClosed,
    LineResult,
    Message,
    OrderClosed,
    OrderOutcome,
)
from edge.oms import departures, promise, sourcing
from edge.oms.orders import Line, Order, OrderState
from edge.oms.state import Closed, Gate, State, count, remember_closed


def close_order(
    state: State, order: Order, now_ms: int, *, shipped: dict[int, int], departure_id: str = "", cancelled: bool = False
) -> OrderClosed:
    """Close the books of an order that left the state table; ordered = shipped + short + cancelled on every line."""
    lines = tuple(_line_result(state, line, shipped.get(line.line, 0), cancelled) for line in order.lines)
    units = sum(line.shipped for line in lines)
    closing = OrderClosed(
        at_ms=now_ms,
        order_id=order.order_id,
        outcome=_outcome(lines, cancelled),
        captured_ms=order.captured_ms,
        promised_id=order.promised_id,
        departure_id=departure_id if units else "",
        lines=lines,
    )
    promise.unqueue(state, order)
    sourcing.give_back(state, order)
    gate = state.timetable.get(order.departure_id)
    if not (gate is not None and not gate.closed and units and departure_id == order.departure_id):
        departures.unboard(state, order)  # one that left before the doors closed still counts for its departure
    state.unjudged.pop(order.order_id, None)
    del state.orders[order.order_id]
    content = order.content
    closed = Closed(
        rev=order.rev,
        customer=content.customer,
        route=content.route,
        priority=content.priority,
        channel=content.channel,
        answer=order.answer,
        closing=closing,
    )
    remember_closed(state, order.order_id, closed)
    return closing


def _line_result(state: State, line: Line, shipped: int, cancelled: bool) -> LineResult:
    """One line of the books; a site cannot ship more than it was asked for."""
    if shipped > line.open:
        count(state, "OVER_SHIPPED", shipped - line.open)
        shipped = line.open
    rest = line.ordered - shipped
    result = LineResult(
        line=line.line,
        sku=line.sku,
        ordered=line.ordered,
        shipped=shipped,
        short=0 if cancelled else rest,
        cancelled=rest if cancelled else 0,
    )
    assert result.ordered == result.shipped + result.short + result.cancelled
    return result


def _outcome(lines: tuple[LineResult, ...], cancelled: bool) -> OrderOutcome:
    """The last word about an order, from its lines."""
    if cancelled:
        return OrderOutcome.CANCELLED
    if not any(line.shipped for line in lines):
        return OrderOutcome.BACKORDERED
    return OrderOutcome.SHORT_SHIPPED if any(line.short for line in lines) else OrderOutcome.SHIPPED


def close_departure(state: State, message: DepartureClosed, now_ms: int) -> list[Message]:
    """The doors are shut: judge the departure, then move every order that is not on it to the next one.

    Orders not yet released move silently. An order released but not yet admitted, and not named by the site, waits for
    the site's answer to its release (a refusal turns it back, an admission rolls it).
    """
    gate = state.timetable.get(message.departure_id)
    if gate is None or gate.departure.site != message.site:
        count(state, "UNKNOWN_DEPARTURE")
        return []
    if gate.closed:
        return []
    departures.shut(state, gate)
    left = frozenset(message.left_behind)
    loaded = frozenset(message.orders) - left
    verdict = _verdict(gate, message, loaded, now_ms)
    out: list[Message] = []
    for order in promise.ranked(state, [key for key in gate.planned if key not in loaded]):
        if order.state is OrderState.SCHEDULED:
            promise.rebook(state, order, now_ms)
        elif order.state is not OrderState.RELEASED or order.order_id in left:
            out += promise.roll(state, order, now_ms)
    gate.planned = {key: None for key in gate.planned if key in state.orders}
    return [*out, verdict]


def _verdict(gate: Gate, message: DepartureClosed, loaded: frozenset[str], now_ms: int) -> DepartureAudited:
    """Planned, loaded and missed, counted before anything is moved."""
    planned = len(gate.planned)
    on_it = sum(1 for key in gate.planned if key in loaded)
    return DepartureAudited(
        at_ms=now_ms,
        departure_id=message.departure_id,
        site=message.site,
        cutoff_ms=gate.departure.cutoff_ms,
        closed_at_ms=message.at_ms,
        orders_planned=planned,
        orders_loaded=on_it,
        missed=planned - on_it,
    )
