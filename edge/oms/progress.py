"""The facts of the sites about released orders; a fact that does not fit is counted and changes nothing."""

from dataclasses import replace

from edge.messages import (
    LineShorted,
    Message,
    OrderAdmitted,
    OrderRefused,
    OrderShipped,
    UnitLoaded,
    UnitPacked,
    UnitStaged,
)
from edge.oms import audit, promise, sourcing
from edge.oms.orders import Line, Order, OrderEvent, move, refusal
from edge.oms.state import State, count

OTHER_DEPARTURE = ("DEPARTURE_CLOSED", "UNKNOWN_DEPARTURE")
"""Refusals that a later departure cures."""

_STAGES: dict[type[UnitPacked] | type[UnitStaged] | type[UnitLoaded], OrderEvent] = {
    UnitPacked: OrderEvent.PACK,
    UnitStaged: OrderEvent.STAGE,
    UnitLoaded: OrderEvent.LOAD,
}


def _at_site(state: State, order_id: str, site: str | None = None) -> Order | None:
    """The open order a fact is about; facts of another site than its own are not believed."""
    order = state.orders.get(order_id)
    if order is None or (site is not None and order.site != site):
        count(state, "FACT_WITHOUT_ORDER")
        return None
    return order


def _step(state: State, order: Order, event: OrderEvent) -> bool:
    """Take the row of the table, or count why there is none."""
    reason = move(order, event)
    if reason:
        count(state, reason)
    return not reason


def admit(state: State, message: OrderAdmitted, now_ms: int) -> list[Message]:
    """The site took the order on: its own allocation replaces our soft promise."""
    order = _at_site(state, message.order_id, message.site)
    if order is None or order.rev != message.rev or not _step(state, order, OrderEvent.ADMIT):
        return []
    sourcing.settle(state, order, message.at_ms)
    gate = state.timetable.get(order.departure_id)
    if gate is not None and gate.closed:
        return promise.roll(state, order, now_ms)
    return []


def refuse(state: State, message: OrderRefused, now_ms: int) -> list[Message]:
    """The site cannot take the order: release it for a later departure, or close it with everything short.

    A refusal equal to the last one is its duplicate; the sites' refusals name the departure in their detail. The
    refusal of a roll needs no answer: the closing of that departure rolls the order on.
    """
    order = _at_site(state, message.order_id, message.site)
    if order is None or order.rev != message.rev or message == order.refusal:
        return []
    if message.reason not in OTHER_DEPARTURE:
        if not _step(state, order, OrderEvent.REFUSE):
            return []
        return [audit.close_order(state, order, now_ms, shipped={})]
    if not _step(state, order, OrderEvent.TURN_BACK):
        return []
    order.refusal = message
    promise.rebook(state, order, now_ms, at_once=True)
    return []


def short(state: State, message: LineShorted, now_ms: int) -> list[Message]:
    """Units will not come from the site (backordered from node); the books follow when the order ships."""
    order = _at_site(state, message.order_id)
    if order is None:
        return []
    fact = (message.at_ms, message.quantity, message.reason)
    line = next((row for row in order.lines if (row.line, row.sku) == (message.line, message.sku)), None)
    if line is None or message.quantity <= 0 or line.short >= line.open or refusal(order, OrderEvent.SHORT):
        count(state, "SHORT_IGNORED")
        return []
    if fact in line.shorts or not _step(state, order, OrderEvent.SHORT):
        return []
    shorted = _shorted(line, fact)
    order.lines = tuple(shorted if row is line else row for row in order.lines)
    return []


def _shorted(line: Line, fact: tuple[int, int, str]) -> Line:
    return replace(line, short=min(line.open, line.short + fact[1]), shorts=(*line.shorts, fact))


def advance(state: State, message: UnitPacked | UnitStaged | UnitLoaded, now_ms: int) -> list[Message]:
    """A unit of the order came further; shown as the order's state, no promise changes."""
    order = _at_site(state, message.order_id)
    if order is not None and _step(state, order, _STAGES[type(message)]):
        sourcing.settle(state, order, message.at_ms)
    return []


def ship(state: State, message: OrderShipped, now_ms: int) -> list[Message]:
    """All that will ever come from the site has left: close the books."""
    order = _at_site(state, message.order_id, message.site)
    if order is None or not _step(state, order, OrderEvent.SHIP):
        return []
    sourcing.settle(state, order, message.at_ms)
    shipped: dict[int, int] = {}
    known = {row.line: row.sku for row in order.lines}
    for row in message.lines:
        if known.get(row.line) == row.sku and row.quantity > 0:
            shipped[row.line] = shipped.get(row.line, 0) + row.quantity
        else:
            count(state, "SHIPPED_UNKNOWN_LINE")
    return [audit.close_order(state, order, now_ms, shipped=shipped, departure_id=message.departure_id)]
