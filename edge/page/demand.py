"""Orders, folded from what the OMS promised and what the WMS did about it."""

from edge.messages import (
    LineShorted,
    OrderAccepted,
    OrderAdmitted,
    OrderCaptured,
    OrderClosed,
    OrderHeldBack,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderOutcome,
    OrderRefused,
    OrderRejected,
    OrderReleased,
    OrderRolled,
    OrderShipped,
    OrderStarted,
)
from edge.page.departures import plan
from edge.page.picture import CLOSED_ORDERS_MAX, OPEN_ORDERS_MAX, OrderRow, Picture, cut

FINAL = ("shipped", "short_shipped", "backordered", "cancelled", "rejected", "refused")
TURNED_AWAY = ("rejected", "refused")
HOLDS_MAX = 20


def captured(p: Picture, m: OrderCaptured) -> None:
    row = _opened(p, m.order_id, m.at_ms)
    row.customer, row.route, row.priority = cut(m.customer), cut(m.route), m.priority
    if row.status == "captured":
        if not row.lines:
            p.total("orders_captured")
        row.lines, row.units = len(m.lines), sum(line.quantity for line in m.lines)


def rejected(p: Picture, m: OrderRejected) -> None:
    """A refused revision leaves the order as it was; a refused first one ends it."""
    p.total("orders_rejected")
    row = known(p, m.order_id, m.at_ms)
    if row is None:
        return
    row.reason = cut(f"{m.reason}: {m.detail}")
    if row.status == "captured":
        _end(p, row, "rejected")


def accepted(p: Picture, m: OrderAccepted) -> None:
    row = _opened(p, m.order_id, m.at_ms)
    if row.status in FINAL:
        return
    units = m.ordered_units - sum(line.quantity for line in m.backordered)
    row.reason, row.due_ms = cut(m.reason), m.promised_ms
    plan(p, row, m.departure_id, max(units, 0))
    if row.status == "captured":
        p.total("orders_accepted")
        _status(p, row, "held" if row.holds else "accepted")


def hold_placed(p: Picture, m: OrderHoldPlaced) -> None:
    row = known(p, m.order_id, m.at_ms)
    if row is None:
        return
    if m.hold_id not in row.holds and len(row.holds) < HOLDS_MAX:
        row.holds.append(m.hold_id)
    row.reason = cut(f"held by {m.by}: {m.reason}")
    if row.status == "accepted":
        _status(p, row, "held")


def hold_lifted(p: Picture, m: OrderHoldLifted) -> None:
    row = known(p, m.order_id, m.at_ms)
    if row is None:
        return
    row.holds = [h for h in row.holds if h != m.hold_id]
    if row.status == "held" and not row.holds:
        _status(p, row, "accepted")


def released(p: Picture, m: OrderReleased) -> None:
    row = _opened(p, m.order_id, m.at_ms)
    if row.status in FINAL:
        return
    row.customer, row.route, row.priority, row.due_ms = cut(m.customer), cut(m.route), m.priority, m.due_ms
    row.lines = len(m.lines)
    plan(p, row, m.departure_id, sum(line.quantity for line in m.lines))
    if row.status in ("captured", "accepted", "held"):
        p.total("orders_released")
        _status(p, row, "released")


def admitted(p: Picture, m: OrderAdmitted) -> None:
    row = _opened(p, m.order_id, m.at_ms)
    if row.status in ("captured", "accepted", "held", "released"):
        _status(p, row, "admitted")


def refused(p: Picture, m: OrderRefused) -> None:
    row = known(p, m.order_id, m.at_ms)
    if row is None:
        return
    row.reason = cut(f"{m.reason}: {m.detail}")
    if row.status in ("captured", "released"):
        p.total("orders_refused")
        plan(p, row, "", 0)
        _end(p, row, "refused")


def held_back(p: Picture, m: OrderHeldBack) -> None:
    row = known(p, m.order_id, m.at_ms)
    if row is not None:
        row.reason = cut(m.reason)


def started(p: Picture, m: OrderStarted) -> None:
    row = known(p, m.order_id, m.at_ms)
    if row is None:
        return
    row.reason = cut(m.reason)
    if row.status not in FINAL:
        _status(p, row, "started")


def order_picked(p: Picture, order_id: str, quantity: int) -> None:
    """A pick of this order was completed."""
    row = p.state.orders.get(order_id)
    if row is not None:
        row.picked += quantity
        p.touch("orders", order_id)


def shorted(p: Picture, m: LineShorted) -> None:
    p.total("short_units", m.quantity)
    row = known(p, m.order_id, m.at_ms)
    if row is None:
        return
    row.short += m.quantity
    plan(p, row, row.departure_id, max(row.units - m.quantity, 0))


def rolled(p: Picture, m: OrderRolled) -> None:
    p.total("orders_rolled")
    row = known(p, m.order_id, m.at_ms)
    if row is None:
        return
    row.rolled += 1
    row.due_ms, row.reason = m.due_ms, cut(m.reason)
    plan(p, row, m.departure_id, row.units)


def shipped(p: Picture, m: OrderShipped) -> None:
    units = sum(line.quantity for line in m.lines)
    p.total("orders_shipped" if m.lines else "orders_empty")
    p.total("shipped_units", units)
    p.beat("shipped")
    row = _opened(p, m.order_id, m.at_ms)
    row.loaded = units
    _end(p, row, "shipped" if not row.short else "short_shipped")


def closed(p: Picture, m: OrderClosed) -> None:
    p.total(f"closed_{m.outcome.value}")
    row = _opened(p, m.order_id, m.at_ms)
    row.short = sum(line.short for line in m.lines)
    if m.outcome is OrderOutcome.CANCELLED:
        plan(p, row, "", 0)
    _end(p, row, m.outcome.value)


def known(p: Picture, order_id: str, at_ms: int) -> OrderRow | None:
    """The order's row, put last in the list of what changed; None if it was never seen or left long ago."""
    state = p.state
    row = state.orders.pop(order_id, None)
    if row is not None:
        state.orders[order_id] = row
    else:
        row = state.closed.get(order_id)
    if row is not None:
        row.at_ms = at_ms
        p.touch("orders", order_id)
    return row


def _opened(p: Picture, order_id: str, at_ms: int) -> OrderRow:
    """The same, made if need be; an order once turned away is open again. A full table drops the oldest."""
    state = p.state
    row = known(p, order_id, at_ms)
    if row is not None and row.status not in TURNED_AWAY:
        return row
    if row is not None:
        del state.closed[order_id]
        _status(p, row, "captured")
    else:
        row = OrderRow(order_id, at_ms=at_ms)
        _tally(p, row.status, 1)
    if len(state.orders) >= OPEN_ORDERS_MAX:
        oldest = state.orders.pop(next(iter(state.orders)))
        _tally(p, oldest.status, -1)
        p.touch("orders", oldest.order_id)
        p.drop("orders")
    state.orders[order_id] = row
    p.touch("orders", order_id)
    return row


def _status(p: Picture, row: OrderRow, status: str) -> None:
    _tally(p, row.status, -1)
    row.status = status
    _tally(p, row.status, 1)


def _tally(p: Picture, status: str, n: int) -> None:
    p.state.counts[status] = p.state.counts.get(status, 0) + n
    p.touch("counts")


def _end(p: Picture, row: OrderRow, status: str) -> None:
    """Open no more; the last few that ended stay in sight, all of them in the counts."""
    state = p.state
    _status(p, row, status)
    state.orders.pop(row.order_id, None)
    state.closed.pop(row.order_id, None)
    state.closed[row.order_id] = row
    if len(state.closed) > CLOSED_ORDERS_MAX:
        oldest = state.closed.pop(next(iter(state.closed)))
        p.touch("orders", oldest.order_id)
