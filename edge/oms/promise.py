"""The promise: which departure an order makes, when it is released for it, and where it goes when that fails.

Time needed from release to loaded, in integers: `process_ms` is for a typical order of up to 10 lines, each further
line adds 30 s, never more than 3 * process_ms in all. The promise is the earliest departure of the route with
cutoff >= now + needed + slack. Release is timed backwards from the cutoff, early enough to keep the floor fed and late
enough to let urgent work pass: max(now, cutoff - 3 * needed - slack). Express (priority 1 and 2) is released at once.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass

from edge.messages import Departure, Message, OrderLine, OrderReleased, OrderRolled
from edge.oms import departures, sourcing
from edge.oms.orders import Content, Order, OrderEvent, OrderState, must_move
from edge.oms.state import STEP_MAX, State

TYPICAL_LINES = 10
EXTRA_LINE_MS = 30_000
NEEDED_CAP = 3
HEAD_START = 3
EXPRESS_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A site, what it fills of each line, and the departure it can make ("" and zeros if nothing can be filled)."""

    site: str
    filled: tuple[int, ...]
    departure: Departure | None
    release_at_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPlan:
    """Why no promise can be given."""

    reason: str
    detail: str


def needed_ms(state: State, lines: int) -> int:
    """Time from release to loaded for an order of so many lines."""
    extra = EXTRA_LINE_MS * max(0, lines - TYPICAL_LINES)
    return min(state.process_ms + extra, NEEDED_CAP * state.process_ms)


def reach_ms(state: State, lines: int, now_ms: int) -> int:
    """The earliest cutoff an order can make whose work has not begun; always in the future."""
    return now_ms + max(1, needed_ms(state, lines) + state.slack_ms)


def release_ms(state: State, priority: int, lines: int, cutoff_ms: int, now_ms: int) -> int:
    """When to release an order for this cutoff."""
    if priority <= EXPRESS_MAX:
        return now_ms
    return max(now_ms, cutoff_ms - HEAD_START * needed_ms(state, lines) - state.slack_ms)


def plan(state: State, content: Content, now_ms: int) -> Plan | NoPlan:
    """The one site that fills most units of what can still depart on this route; ties by preference."""
    known, best, best_units = False, None, -1
    for site in state.sites:
        if content.route not in state.routes.get(site, {}):
            continue
        known = True
        filled = sourcing.fill(state, site, content.lines)
        reach = reach_ms(state, sum(1 for units in filled if units), now_ms)
        departure = departures.earliest(state, site, content.route, reach)
        if departure is not None and sum(filled) > best_units:
            best, best_units = (site, filled, departure), sum(filled)
    if best is None:
        if not known:
            return NoPlan(reason="UNKNOWN_ROUTE", detail=f"no site has departures of route {content.route!r}")
        return NoPlan(reason="NO_DEPARTURE", detail=f"no departure of route {content.route!r} can still be made")
    return _worded(state, content, best, now_ms)


def _worded(state: State, content: Content, best: tuple[str, tuple[int, ...], Departure], now_ms: int) -> Plan:
    """The plan with its release time and the reason a person can check."""
    site, filled, departure = best
    units, ordered = sum(filled), sum(line.quantity for line in content.lines)
    if units == 0:
        reason = f"no site has any of the {ordered} units: all backordered"
        return Plan(site=site, filled=filled, departure=None, release_at_ms=0, reason=reason)
    lines = sum(1 for filling in filled if filling)
    needed = needed_ms(state, lines)
    reason = (
        f"{site} fills {units} of {ordered} units; {departure.departure_id} is the first departure of"
        f" {content.route} after {needed // 1000} s of work and {state.slack_ms // 1000} s of slack"
    )
    soon = departures.earliest(state, site, content.route, now_ms + 1)
    if soon is not None and soon != departure:
        reason += f", {soon.departure_id} leaves too soon"
    release_at = release_ms(state, content.priority, lines, departure.cutoff_ms, now_ms)
    return Plan(site=site, filled=filled, departure=departure, release_at_ms=release_at, reason=reason)


def queue(state: State, order: Order) -> None:
    """Let the order wait for its release, unless it is held or has no departure."""
    if order.state is OrderState.SCHEDULED and order.departure_id and not order.held:
        insort(state.waiting, order.queue_key)


def unqueue(state: State, order: Order) -> None:
    """Take the order out of those waiting for release."""
    index = bisect_left(state.waiting, order.queue_key)
    if index < len(state.waiting) and state.waiting[index] == order.queue_key:
        del state.waiting[index]


def rebook(state: State, order: Order, now_ms: int, *, at_once: bool = False) -> None:
    """Move an order nobody works on to the earliest departure it can still make, or let it wait for one.

    An order the site turned back only ever moves to later departures, so refusals come to an end.
    """
    must_move(order, OrderEvent.ROLL)
    unqueue(state, order)
    lines = order.open_lines
    last = state.timetable.get(order.departure_id or order.previous_id)
    after = last.departure if last is not None and order.refusal is not None else None
    departure = departures.earliest(state, order.site, order.content.route, reach_ms(state, lines, now_ms), after)
    if departure is None:
        departures.strand(state, order)
        return
    departures.board(state, order, departure)
    timed = release_ms(state, order.content.priority, lines, departure.cutoff_ms, now_ms)
    order.release_at_ms = now_ms if at_once else timed
    queue(state, order)


def roll(state: State, order: Order, now_ms: int) -> list[Message]:
    """Move an order the site works on to the next departure with slack, or let it wait for one."""
    must_move(order, OrderEvent.ROLL)
    departure = departures.earliest(state, order.site, order.content.route, now_ms + state.slack_ms + 1)
    if departure is None:
        departures.strand(state, order)
        return []
    departures.board(state, order, departure)
    return [
        OrderRolled(
            at_ms=now_ms,
            order_id=order.order_id,
            site=order.site,
            previous_id=order.previous_id,
            departure_id=order.departure_id,
            due_ms=order.due_ms,
            reason="CUTOFF_MISSED",
        )
    ]


def replan(state: State, changed: list[str], now_ms: int) -> list[Message]:
    """After a change of the timetable: retime the orders on changed departures, place those that had none."""
    out: list[Message] = []
    for departure_id in changed:
        gate = state.timetable[departure_id]
        for order_id in gate.planned:
            order = state.orders.get(order_id)
            if order is not None:
                _retime(state, order, gate.departure.cutoff_ms, now_ms)
    touched = [state.timetable[key].departure for key in changed]
    for site, route in dict.fromkeys((departure.site, departure.route) for departure in touched):
        row = state.stranded.get(site, {}).get(route, {})
        for order in ranked(state, list(row)):
            if order.state is OrderState.SCHEDULED:
                rebook(state, order, now_ms)
            else:
                out += roll(state, order, now_ms)
    return out


def _retime(state: State, order: Order, cutoff_ms: int, now_ms: int) -> None:
    """The cutoff moved: the order stays on its departure, its release moves along."""
    order.due_ms = cutoff_ms
    if order.state is OrderState.SCHEDULED:
        unqueue(state, order)
        order.release_at_ms = release_ms(state, order.content.priority, order.open_lines, cutoff_ms, now_ms)
        queue(state, order)


def ranked(state: State, order_ids: list[str]) -> list[Order]:
    """The open ones among these orders, by priority and sequence of capture."""
    return sorted((state.orders[key] for key in order_ids if key in state.orders), key=lambda order: order.rank)


def release_due(state: State, now_ms: int) -> list[Message]:
    """Release what is due, in (time, priority, sequence), at most STEP_MAX orders; the rest stays due.

    An order that was held past its cutoff moves to a departure it can make before it is released.
    """
    out: list[Message] = []
    for _ in range(STEP_MAX):
        if not state.waiting or state.waiting[0][0] > now_ms:
            break
        order = state.orders[state.waiting[0][3]]
        if not departures.open_gate(state, order.departure_id, now_ms):
            rebook(state, order, now_ms)
            continue
        del state.waiting[0]
        must_move(order, OrderEvent.RELEASE)
        out.append(_released(order, now_ms))
    return out


def _released(order: Order, now_ms: int) -> OrderReleased:
    """The release; it carries only what was promised."""
    return OrderReleased(
        at_ms=now_ms,
        order_id=order.order_id,
        rev=order.rev,
        site=order.site,
        customer=order.content.customer,
        route=order.content.route,
        departure_id=order.departure_id,
        priority=order.content.priority,
        due_ms=order.due_ms,
        lines=tuple(OrderLine(line=line.line, sku=line.sku, quantity=line.open) for line in order.lines if line.open),
    )
