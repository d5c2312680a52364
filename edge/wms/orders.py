"""Admission: which released orders the site takes on, and the same answer for the same question."""

from edge.messages import OrderAdmitted, OrderRefused, OrderReleased
from edge.wms.allocation import Part
from edge.wms.departures import finish, roll
from edge.wms.faces import obtain
from edge.wms.picking import NO_STOCK, plan_picks, short_line
from edge.wms.state import LineRecord, OrderRecord, RefusedOrder, fingerprint, remember
from edge.wms.warehouse import Warehouse


def order_released(house: Warehouse, message: OrderReleased) -> None:
    """VDA 5050 6.1.4: same rev and content = same answer, other content = conflict, lower rev = outdated.

    A release refused before may come again with the same rev for another departure: the OMS has rolled it.
    """
    if message.site != house.name:
        _refuse(house, message, "WRONG_SITE", f"this is site {house.name}")
        return
    state, content = house.state, _content(message)
    order = state.orders.get(message.order_id)
    known = (order.rev, order.content) if order else state.closed.get(message.order_id)
    if known is not None:
        if order is not None and order.roll_refused and message.rev == order.rev and _is_rerelease(order, message):
            order.content = content
            roll(house, order, message.departure_id, message.due_ms)
            known = (order.rev, content)
        _answer_known(house, message, content, *known)
        return
    refused = state.refused.get(message.order_id)
    if refused is not None and message.rev < refused.rev:
        _refuse(house, message, "OUTDATED", f"revision {refused.rev} came before")
        return
    if refused is not None and (message.rev, content) == (refused.rev, refused.content):
        _refuse(house, message, refused.reason, refused.detail)
        return
    reason, detail = _objection(house, message)
    if reason:
        remember(
            state.refused,
            message.order_id,
            RefusedOrder(rev=message.rev, content=content, reason=reason, detail=detail),
        )
        _refuse(house, message, reason, detail)
        return
    state.refused.pop(message.order_id, None)
    _admit(house, message, content)


def _answer_known(house: Warehouse, message: OrderReleased, content: int, rev: int, first_content: int) -> None:
    if message.rev < rev:
        _refuse(house, message, "OUTDATED", f"revision {rev} came before")
    elif message.rev > rev:
        _refuse(house, message, "ALREADY_RELEASED", f"revision {rev} is being worked on")
    elif content != first_content:
        _refuse(house, message, "SAME_REV_CONFLICT", f"revision {rev} came before with other content")
    else:
        _say_admitted(house, message)


def _objection(house: Warehouse, message: OrderReleased) -> tuple[str, str]:
    numbers = [line.line for line in message.lines]
    if len(numbers) != len(dict.fromkeys(numbers)):
        return "BAD_LINES", "a line number occurs twice"
    if any(line.quantity <= 0 for line in message.lines):
        return "BAD_QUANTITY", "every line needs a quantity above 0"
    if message.departure_id in house.state.departed:
        return "DEPARTURE_CLOSED", f"departure {message.departure_id} has closed"
    departure = house.state.departures.get(message.departure_id)
    if departure is None or departure.cutoff_ms is None:
        return "UNKNOWN_DEPARTURE", f"departure {message.departure_id} is not known here"
    return "", ""


def _admit(house: Warehouse, message: OrderReleased, content: int) -> None:
    order = OrderRecord(
        order_id=message.order_id,
        rev=message.rev,
        content=content,
        route=message.route,
        priority=message.priority,
        departure_id=message.departure_id,
        due_ms=message.due_ms,
        lines={line.line: LineRecord(line=line.line, sku=line.sku, quantity=line.quantity) for line in message.lines},
    )
    house.state.orders[order.order_id] = order
    house.state.departures[order.departure_id].orders[order.order_id] = None
    _say_admitted(house, message)
    parts: list[Part] = []
    for line in message.lines:
        taken = obtain(house, line.line, line.sku, line.quantity)
        short_line(house, order, line.line, line.quantity - sum(part.quantity for part in taken), NO_STOCK)
        parts += taken
    plan_picks(house, order, parts)
    finish(house, order.order_id)


def _is_rerelease(order: OrderRecord, message: OrderReleased) -> bool:
    lines = [(line.line, line.sku, line.quantity) for line in order.lines.values()]
    asked = [(line.line, line.sku, line.quantity) for line in message.lines]
    return lines == asked and message.departure_id != order.departure_id


def _content(message: OrderReleased) -> int:
    lines = [(line.line, line.sku, line.quantity) for line in message.lines]
    head = (message.customer, message.route, message.departure_id, message.priority, message.due_ms)
    return fingerprint(repr((head, lines)))


def _say_admitted(house: Warehouse, message: OrderReleased) -> None:
    house.emit(OrderAdmitted(at_ms=house.now_ms, order_id=message.order_id, rev=message.rev, site=house.name))


def _refuse(house: Warehouse, message: OrderReleased, reason: str, detail: str) -> None:
    house.emit(
        OrderRefused(
            at_ms=house.now_ms,
            order_id=message.order_id,
            rev=message.rev,
            site=house.name,
            reason=reason,
            detail=detail,
        )
    )
