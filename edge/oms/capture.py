"""What customers and clerks ask for: capture with its duplicates, validation, amending, holds and cancelling."""

from dataclasses import replace
from itertools import islice

from edge.messages import (
    LineQuantity,
    Message,
    OrderAccepted,
    OrderCancelRefused,
    OrderCancelRequested,
    OrderCaptured,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderLine,
    OrderOutcome,
    OrderRejected,
)
from edge.oms import audit, departures, promise, sourcing
from edge.oms.orders import (
    Content,
    Hold,
    Line,
    Order,
    OrderEvent,
    OrderState,
    content_of,
    fresh_lines,
    move,
    must_move,
    refusal,
)
from edge.oms.state import (
    HOLDS_MAX,
    LINES_MAX,
    OPEN_MAX,
    QUANTITY_MAX,
    STEP_MAX,
    Closed,
    Rejection,
    State,
    count,
    remember_rejection,
)


def capture(state: State, message: OrderCaptured, now_ms: int) -> list[Message]:
    """Take an order, or a revision of it; exactly one answer per attempt, the same one again for a duplicate."""
    content = content_of(message)
    before = state.rejected.get(message.order_id)
    if before is not None and before.answer.rev == message.rev and before.content == content:
        return [replace(before.answer, at_ms=now_ms)]
    order, closed = state.orders.get(message.order_id), state.closed.get(message.order_id)
    if order is not None:
        return _revise(state, order, message, content, now_ms)
    if closed is not None:
        return _after_close(state, closed, message, content, now_ms)
    fault = _fault(state, message)
    if fault:
        return [_reject(state, message, content, fault, now_ms)]
    if len(state.orders) >= OPEN_MAX:
        count(state, "OFFICE_FULL")
        detail = f"{OPEN_MAX} orders are open: send it again later"
        return [_rejected(message.order_id, message.rev, "OFFICE_FULL", detail, now_ms)]
    order = Order(
        order_id=message.order_id,
        rev=message.rev,
        content=content,
        captured_ms=message.at_ms,
        seq=state.next_seq,
        lines=fresh_lines(content),
    )
    state.next_seq += 1
    state.orders[order.order_id] = order
    state.unjudged[order.order_id] = None
    return judge(state, now_ms)


def judge(state: State, now_ms: int) -> list[Message]:
    """Judge captured orders in the order of capture, at most STEP_MAX, as soon as some site has reported stock."""
    if not state.unjudged or not sourcing.levels_known(state):
        return []
    out: list[Message] = []
    for order_id in list(islice(state.unjudged, STEP_MAX)):
        del state.unjudged[order_id]
        order = state.orders[order_id]
        plan = promise.plan(state, order.content, now_ms)
        if isinstance(plan, promise.NoPlan):
            must_move(order, OrderEvent.REJECT)
            del state.orders[order_id]
            answer = _rejected(order_id, order.rev, plan.reason, plan.detail, now_ms)
            remember_rejection(state, Rejection(content=order.content, answer=answer))
            out.append(answer)
        else:
            out += _accept(state, order, plan, now_ms)
    return out


def backlog(state: State) -> bool:
    """Captured orders could be judged right now."""
    return bool(state.unjudged) and sourcing.levels_known(state)


def _accept(state: State, order: Order, plan: promise.Plan, now_ms: int) -> list[Message]:
    """Give the promise; an order nothing can be filled of is closed as backordered in the same breath."""
    order.lines = tuple(
        Line(line=line.line, sku=line.sku, ordered=line.quantity, backordered=line.quantity - units)
        for line, units in zip(order.content.lines, plan.filled, strict=True)
    )
    order.site, order.release_at_ms = plan.site, plan.release_at_ms
    if plan.departure is not None:
        departures.board(state, order, plan.departure)
    order.promised_id = order.departure_id
    order.answer = OrderAccepted(
        at_ms=now_ms,
        order_id=order.order_id,
        rev=order.rev,
        site=plan.site,
        departure_id=order.promised_id,
        promised_ms=order.due_ms,
        release_at_ms=plan.release_at_ms,
        ordered_units=sum(line.ordered for line in order.lines),
        backordered=tuple(
            LineQuantity(line=line.line, sku=line.sku, quantity=line.backordered)
            for line in order.lines
            if line.backordered
        ),
        reason=plan.reason,
    )
    state.rejected.pop(order.order_id, None)
    if plan.departure is None:
        must_move(order, OrderEvent.BACKORDER)
        return [order.answer, audit.close_order(state, order, now_ms, shipped={})]
    must_move(order, OrderEvent.ACCEPT)
    sourcing.reserve(state, order)
    promise.queue(state, order)
    return [order.answer]


def _revise(state: State, order: Order, message: OrderCaptured, content: Content, now_ms: int) -> list[Message]:
    """A capture of an open order: the same answer, a conflict, outdated, too late, or an amendment."""
    if message.rev == order.rev and content == order.content:
        return [replace(order.answer, at_ms=now_ms)] if order.answer is not None else []
    if message.rev <= order.rev:
        return [_not_newer(message, order.rev, now_ms)]
    reason = refusal(order, OrderEvent.AMEND)
    fault = (reason, f"the order is {order.state}: it can no longer be changed") if reason else _fault(state, message)
    if fault:
        return [_reject(state, message, content, fault, now_ms)]
    if order.state is OrderState.CAPTURED:
        must_move(order, OrderEvent.AMEND)
        order.rev, order.content, order.lines = message.rev, content, fresh_lines(content)
        return []
    return _amend(state, order, message, content, now_ms)


def _amend(state: State, order: Order, message: OrderCaptured, content: Content, now_ms: int) -> list[Message]:
    """Judge the new revision as if the old one were gone; if that fails the old one stands untouched."""
    sourcing.give_back(state, order)
    plan = promise.plan(state, content, now_ms)
    if isinstance(plan, promise.NoPlan):
        sourcing.reserve(state, order)
        return [_reject(state, message, content, (plan.reason, plan.detail), now_ms)]
    promise.unqueue(state, order)
    departures.unboard(state, order)
    must_move(order, OrderEvent.AMEND)
    order.rev, order.content, order.due_ms, order.refusal = message.rev, content, 0, None
    return _accept(state, order, plan, now_ms)


def _after_close(state: State, closed: Closed, message: OrderCaptured, content: Content, now_ms: int) -> list[Message]:
    """A capture of a closed order: its first answer again, or a refusal."""
    kept = Content(
        customer=closed.customer,
        route=closed.route,
        priority=closed.priority,
        channel=closed.channel,
        lines=tuple(OrderLine(line=row.line, sku=row.sku, quantity=row.ordered) for row in closed.closing.lines),
    )
    if message.rev == closed.rev and content == kept:
        return [replace(closed.answer or closed.closing, at_ms=now_ms)]
    if message.rev <= closed.rev:
        return [_not_newer(message, closed.rev, now_ms)]
    fault = ("TOO_LATE", f"the order is closed: {closed.closing.outcome}")
    return [_reject(state, message, content, fault, now_ms)]


def _fault(state: State, message: OrderCaptured) -> tuple[str, str] | None:
    """The first thing wrong with an order by itself, as (reason, detail); route and departure are judged later."""
    if not message.order_id or not message.route or any(not line.sku for line in message.lines):
        return "EMPTY_ID", "order id, route and the item of every line must not be empty"
    if message.rev < 1:
        return "BAD_REV", f"rev {message.rev}: revisions start at 1"
    if not 1 <= message.priority <= 9:
        return "BAD_PRIORITY", f"priority {message.priority} is not between 1 and 9"
    if not message.lines:
        return "NO_LINES", "the order has no lines"
    if len(message.lines) > LINES_MAX:
        return "TOO_MANY_LINES", f"{len(message.lines)} lines, at most {LINES_MAX} are taken"
    seen: dict[int, None] = {}
    for line in message.lines:
        if line.line in seen:
            return "DUPLICATE_LINE", f"line {line.line} comes twice"
        seen[line.line] = None
        if not 1 <= line.quantity <= QUANTITY_MAX:
            return "BAD_QUANTITY", f"line {line.line}: quantity {line.quantity} is not between 1 and {QUANTITY_MAX}"
        if line.sku not in state.skus:
            return "UNKNOWN_SKU", f"line {line.line}: item {line.sku!r} is not in the catalogue"
    return None


def _not_newer(message: OrderCaptured, rev: int, now_ms: int) -> OrderRejected:
    """Same revision with other content, or an older one."""
    if message.rev == rev:
        detail = f"rev {rev} is known with other content"
        return _rejected(message.order_id, message.rev, "SAME_REV_CONFLICT", detail, now_ms)
    return _rejected(message.order_id, message.rev, "OUTDATED", f"rev {rev} is known", now_ms)


def _reject(
    state: State, message: OrderCaptured, content: Content, fault: tuple[str, str], now_ms: int
) -> OrderRejected:
    """Reject this attempt and remember the answer."""
    answer = _rejected(message.order_id, message.rev, fault[0], fault[1], now_ms)
    remember_rejection(state, Rejection(content=content, answer=answer))
    return answer


def _rejected(order_id: str, rev: int, reason: str, detail: str, now_ms: int) -> OrderRejected:
    return OrderRejected(at_ms=now_ms, order_id=order_id, rev=rev, reason=reason, detail=detail)


def place_hold(state: State, message: OrderHoldPlaced, now_ms: int) -> list[Message]:
    """Hold an order back from release; a hold that is known, or was lifted and comes again, changes nothing."""
    order = state.orders.get(message.order_id)
    if order is None:
        return [_no_hold(state, message.order_id, now_ms)]
    hold = Hold(hold_id=message.hold_id, at_ms=message.at_ms, reason=message.reason, by=message.by)
    known = next((row for row in order.holds if row.hold_id == hold.hold_id), None)
    if known is not None and (not known.lifted or replace(known, lifted=False) == hold):
        return []
    reason = refusal(order, OrderEvent.HOLD)
    if reason:
        detail = f"the order is {order.state}: it can no longer be held"
        return [_rejected(order.order_id, order.rev, reason, detail, now_ms)]
    kept = tuple(row for row in order.holds if row.hold_id != hold.hold_id)
    if len(kept) >= HOLDS_MAX:
        lifted = next((row for row in kept if row.lifted), None)
        if lifted is None:
            detail = f"the order has {HOLDS_MAX} holds already"
            return [_rejected(order.order_id, order.rev, "TOO_MANY_HOLDS", detail, now_ms)]
        kept = tuple(row for row in kept if row is not lifted)
    promise.unqueue(state, order)
    must_move(order, OrderEvent.HOLD)
    order.holds = (*kept, hold)
    return []


def lift_hold(state: State, message: OrderHoldLifted, now_ms: int) -> list[Message]:
    """Lift one hold; with the last one gone the order is released when due, at once if late."""
    order = state.orders.get(message.order_id)
    if order is None:
        return [_no_hold(state, message.order_id, now_ms)]
    known = next((row for row in order.holds if row.hold_id == message.hold_id), None)
    if known is not None and known.lifted:
        return []
    reason = refusal(order, OrderEvent.LIFT) or ("" if known is not None else "UNKNOWN_HOLD")
    if reason:
        detail = f"the order is {order.state} and has no hold {message.hold_id!r}"
        return [_rejected(order.order_id, order.rev, reason, detail, now_ms)]
    must_move(order, OrderEvent.LIFT)
    order.holds = tuple(replace(row, lifted=True) if row is known else row for row in order.holds)
    promise.queue(state, order)
    return []


def _no_hold(state: State, order_id: str, now_ms: int) -> OrderRejected:
    """The answer to a hold on an order that is not open."""
    closed = state.closed.get(order_id)
    if closed is None:
        return _rejected(order_id, 0, "UNKNOWN_ORDER", "no such order", now_ms)
    return _rejected(order_id, closed.rev, "TOO_LATE", f"the order is closed: {closed.closing.outcome}", now_ms)


def cancel(state: State, message: OrderCancelRequested, now_ms: int) -> list[Message]:
    """Cancel an order before its release; backordered units count as cancelled too. A repetition gets its answer."""
    order, closed = state.orders.get(message.order_id), state.closed.get(message.order_id)
    if order is not None:
        if not move(order, OrderEvent.CANCEL):
            return [audit.close_order(state, order, now_ms, shipped={}, cancelled=True)]
        return [_kept(message, "TOO_LATE", f"the order is {order.state}", now_ms)]
    if closed is None:
        return [_kept(message, "UNKNOWN_ORDER", "no such order", now_ms)]
    if closed.closing.outcome is OrderOutcome.CANCELLED:
        return [replace(closed.closing, at_ms=now_ms)]
    return [_kept(message, "TOO_LATE", f"the order is closed: {closed.closing.outcome}", now_ms)]


def _kept(message: OrderCancelRequested, reason: str, detail: str, now_ms: int) -> OrderCancelRefused:
    return OrderCancelRefused(at_ms=now_ms, order_id=message.order_id, reason=reason, detail=detail)
