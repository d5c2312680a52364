"""The timetable and the gates of its departures: what leaves when, are its doors open, who is promised on it."""

from bisect import bisect_left, bisect_right, insort

from edge.messages import Departure, DepartureScheduled, DeparturesPlanned, Message
from edge.oms.orders import Order
from edge.oms.state import DEPARTURES_MAX, FORGET_MS, Gate, State, count


def plan(state: State, message: DeparturesPlanned, now_ms: int) -> tuple[list[Message], list[str]]:
    """Take the timetable; returns what the sites must hear and the ids of new or changed departures."""
    _forget(state, now_ms)
    out: list[Message] = []
    changed: list[str] = []
    for departure in message.departures:
        fault = _fault(state, departure, now_ms)
        if fault:
            count(state, fault)
            continue
        gate = state.timetable.get(departure.departure_id)
        if gate is None:
            state.timetable[departure.departure_id] = Gate(departure=departure)
        elif gate.departure == departure:
            continue
        else:
            _unlist(state, gate.departure)
            gate.departure = departure
        insort(state.routes.setdefault(departure.site, {}).setdefault(departure.route, []), _key(departure))
        changed.append(departure.departure_id)
        out.append(DepartureScheduled(at_ms=now_ms, site=departure.site, departure=departure))
    return out, list(dict.fromkeys(changed))


def _fault(state: State, departure: Departure, now_ms: int) -> str:
    """Why a planned departure is not taken, "" if it is; a departure keeps its site and route for life."""
    gate = state.timetable.get(departure.departure_id)
    if gate is None:
        if not (departure.departure_id and departure.site and departure.route):
            return "DEPARTURE_EMPTY_ID"
        if departure.cutoff_ms < now_ms - FORGET_MS:
            return "DEPARTURE_TOO_OLD"
        return "DEPARTURES_FULL" if len(state.timetable) >= DEPARTURES_MAX else ""
    if gate.departure == departure:
        return ""
    if gate.closed:
        return "DEPARTURE_CLOSED"
    known = gate.departure
    return "" if (known.site, known.route) == (departure.site, departure.route) else "DEPARTURE_MOVED"


def earliest(
    state: State, site: str, route: str, not_before_ms: int, after: Departure | None = None
) -> Departure | None:
    """The first open departure with its cutoff at or after `not_before_ms`, and later than `after`."""
    row = state.routes.get(site, {}).get(route, [])
    index = bisect_left(row, (not_before_ms, ""))
    if after is not None:
        index = max(index, bisect_right(row, _key(after)))
    return state.timetable[row[index][1]].departure if index < len(row) else None


def open_gate(state: State, departure_id: str, now_ms: int) -> bool:
    """The doors are open and the cutoff lies ahead."""
    gate = state.timetable.get(departure_id)
    return gate is not None and not gate.closed and gate.departure.cutoff_ms > now_ms


def board(state: State, order: Order, departure: Departure) -> None:
    """Plan the order for a departure."""
    unboard(state, order)
    order.departure_id = departure.departure_id
    order.due_ms = departure.cutoff_ms
    state.timetable[departure.departure_id].planned[order.order_id] = None


def unboard(state: State, order: Order) -> None:
    """Take the order off its departure, or out of the orders that wait for one."""
    if order.departure_id:
        order.previous_id = order.departure_id
        gate = state.timetable.get(order.departure_id)
        if gate is not None:
            gate.planned.pop(order.order_id, None)
        order.departure_id = ""
    table = state.stranded.get(order.site, {})
    row = table.get(order.content.route)
    if row is not None:
        row.pop(order.order_id, None)
        if not row:
            del table[order.content.route]


def strand(state: State, order: Order) -> None:
    """No departure is left: the order waits until the timetable brings one."""
    unboard(state, order)
    state.stranded.setdefault(order.site, {}).setdefault(order.content.route, {})[order.order_id] = None


def shut(state: State, gate: Gate) -> None:
    """Close the doors; nothing can be promised on this departure any more."""
    gate.closed = True
    _unlist(state, gate.departure)


def _unlist(state: State, departure: Departure) -> None:
    """Take a departure out of the row of its route; the route stays known."""
    row = state.routes[departure.site][departure.route]
    del row[bisect_left(row, _key(departure))]


def _forget(state: State, now_ms: int) -> None:
    """Drop closed departures of the far past that no order points to."""
    old = [
        key
        for key, gate in state.timetable.items()
        if gate.closed and not gate.planned and gate.departure.cutoff_ms < now_ms - FORGET_MS
    ]
    for key in old:
        departure = state.timetable.pop(key).departure
        if not state.routes[departure.site].get(departure.route, True):
            del state.routes[departure.site][departure.route]


def _key(departure: Departure) -> tuple[int, str]:
    return (departure.cutoff_ms, departure.departure_id)
