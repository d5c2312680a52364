"""The order of a customer as the OMS keeps it, and its states as a table of (event, guard, next)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from edge.messages import OrderAccepted, OrderCaptured, OrderLine, OrderRefused


class OrderState(StrEnum):
    """How far an order has come; with several handling units, the furthest of them counts."""

    CAPTURED = "captured"
    SCHEDULED = "scheduled"
    RELEASED = "released"
    ADMITTED = "admitted"
    PACKED = "packed"
    STAGED = "staged"
    LOADED = "loaded"
    CLOSED = "closed"
    REJECTED = "rejected"


class OrderEvent(StrEnum):
    """What can happen to an order: requests of the customer, decisions of the OMS, facts from the site."""

    AMEND = "amend"
    HOLD = "hold"
    LIFT = "lift"
    CANCEL = "cancel"
    ACCEPT = "accept"
    BACKORDER = "backorder"
    REJECT = "reject"
    RELEASE = "release"
    ROLL = "roll"
    ADMIT = "admit"
    REFUSE = "refuse"
    TURN_BACK = "turn back"
    SHORT = "short"
    PACK = "pack"
    STAGE = "stage"
    LOAD = "load"
    SHIP = "ship"


REQUESTS = (OrderEvent.AMEND, OrderEvent.HOLD, OrderEvent.LIFT, OrderEvent.CANCEL)
"""Events a customer or clerk asks for; where the table has no row they are refused as TOO_LATE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a customer ordered, without the moment; two captures are the same when id, rev and content are."""

    customer: str
    route: str
    priority: int
    channel: str
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: `ordered` = backordered (never promised) + open (promised); `shorts` are the facts behind `short`."""

    line: int
    sku: str
    ordered: int
    backordered: int = 0
    short: int = 0
    shorts: tuple[tuple[int, int, str], ...] = ()

    @property
    def open(self) -> int:
        """Units promised from the site."""
        return self.ordered - self.backordered


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One owned hold; lifted ones are remembered so that a late duplicate does not hold the order again."""

    hold_id: str
    at_ms: int
    reason: str
    by: str
    lifted: bool = False


@dataclass(slots=True, kw_only=True)
class Order:
    """One open order. Every field is an immutable value, so a shallow copy is a copy."""

    order_id: str
    rev: int
    content: Content
    captured_ms: int
    seq: int
    lines: tuple[Line, ...]
    state: OrderState = OrderState.CAPTURED
    holds: tuple[Hold, ...] = ()
    site: str = ""
    promised_id: str = ""
    departure_id: str = ""
    previous_id: str = ""
    due_ms: int = 0
    release_at_ms: int = 0
    reserved: bool = False
    answer: OrderAccepted | None = None
    refusal: OrderRefused | None = None

    @property
    def held(self) -> bool:
        """Some hold is not lifted."""
        return any(not hold.lifted for hold in self.holds)

    @property
    def open_lines(self) -> int:
        """Lines with something to pick: the measure of the work in the order."""
        return sum(1 for line in self.lines if line.open > 0)

    @property
    def queue_key(self) -> tuple[int, int, int, str]:
        """Order of release: time, then priority, then sequence of capture."""
        return (self.release_at_ms, self.content.priority, self.seq, self.order_id)

    @property
    def rank(self) -> tuple[int, int]:
        """Who goes first when orders are moved together."""
        return (self.content.priority, self.seq)


def content_of(message: OrderCaptured) -> Content:
    """The comparable part of a capture."""
    return Content(
        customer=message.customer,
        route=message.route,
        priority=message.priority,
        channel=message.channel,
        lines=message.lines,
    )


def fresh_lines(content: Content) -> tuple[Line, ...]:
    """The lines as ordered, nothing judged yet."""
    return tuple(Line(line=line.line, sku=line.sku, ordered=line.quantity) for line in content.lines)


Guard = Callable[[Order], str]
"""The reason why not, "" for go ahead."""


def always(order: Order) -> str:
    """No condition."""
    return ""


def ready(order: Order) -> str:
    """Not held, and there is a departure to work for."""
    if order.held:
        return "HELD"
    return "" if order.departure_id else "NO_DEPARTURE"


def sourced(order: Order) -> str:
    """The site can give something."""
    return "" if order.open_lines else "NOTHING_TO_FILL"


def unsourced(order: Order) -> str:
    """No site can give anything."""
    return "FILLABLE" if order.open_lines else ""


_S, _E = OrderState, OrderEvent

TABLE: dict[OrderState, tuple[tuple[OrderEvent, Guard, OrderState], ...]] = {
    _S.CAPTURED: (
        (_E.AMEND, always, _S.CAPTURED),
        (_E.HOLD, always, _S.CAPTURED),
        (_E.LIFT, always, _S.CAPTURED),
        (_E.CANCEL, always, _S.CLOSED),
        (_E.ACCEPT, sourced, _S.SCHEDULED),
        (_E.BACKORDER, unsourced, _S.CLOSED),
        (_E.REJECT, always, _S.REJECTED),
    ),
    _S.SCHEDULED: (
        (_E.AMEND, always, _S.SCHEDULED),
        (_E.HOLD, always, _S.SCHEDULED),
        (_E.LIFT, always, _S.SCHEDULED),
        (_E.CANCEL, always, _S.CLOSED),
        (_E.ACCEPT, sourced, _S.SCHEDULED),
        (_E.BACKORDER, unsourced, _S.CLOSED),
        (_E.ROLL, always, _S.SCHEDULED),
        (_E.RELEASE, ready, _S.RELEASED),
    ),
    _S.RELEASED: (
        (_E.ADMIT, always, _S.ADMITTED),
        (_E.REFUSE, always, _S.CLOSED),
        (_E.TURN_BACK, always, _S.SCHEDULED),
        (_E.SHORT, always, _S.RELEASED),
        (_E.ROLL, always, _S.RELEASED),
        (_E.PACK, always, _S.PACKED),
        (_E.STAGE, always, _S.STAGED),
        (_E.LOAD, always, _S.LOADED),
        (_E.SHIP, always, _S.CLOSED),
    ),
    _S.ADMITTED: (
        (_E.SHORT, always, _S.ADMITTED),
        (_E.ROLL, always, _S.ADMITTED),
        (_E.PACK, always, _S.PACKED),
        (_E.STAGE, always, _S.STAGED),
        (_E.LOAD, always, _S.LOADED),
        (_E.SHIP, always, _S.CLOSED),
    ),
    _S.PACKED: (
        (_E.SHORT, always, _S.PACKED),
        (_E.ROLL, always, _S.PACKED),
        (_E.PACK, always, _S.PACKED),
        (_E.STAGE, always, _S.STAGED),
        (_E.LOAD, always, _S.LOADED),
        (_E.SHIP, always, _S.CLOSED),
    ),
    _S.STAGED: (
        (_E.SHORT, always, _S.STAGED),
        (_E.ROLL, always, _S.STAGED),
        (_E.PACK, always, _S.STAGED),
        (_E.STAGE, always, _S.STAGED),
        (_E.LOAD, always, _S.LOADED),
        (_E.SHIP, always, _S.CLOSED),
    ),
    _S.LOADED: (
        (_E.SHORT, always, _S.LOADED),
        (_E.ROLL, always, _S.LOADED),
        (_E.PACK, always, _S.LOADED),
        (_E.STAGE, always, _S.LOADED),
        (_E.LOAD, always, _S.LOADED),
        (_E.SHIP, always, _S.CLOSED),
    ),
    _S.CLOSED: (),
    _S.REJECTED: (),
}
"""Every legal move. An order comes to life CAPTURED; CLOSED and REJECTED are never left."""

_MOVES = {(state, event): (guard, after) for state, rows in TABLE.items() for event, guard, after in rows}


def refusal(order: Order, event: OrderEvent) -> str:
    """Why this event may not happen to the order now, "" if it may."""
    row = _MOVES.get((order.state, event))
    if row is None:
        return "TOO_LATE" if event in REQUESTS else "ILLEGAL_MOVE"
    return row[0](order)


def move(order: Order, event: OrderEvent) -> str:
    """Take the row of the table; returns "" or the reason why the order stayed where it was."""
    reason = refusal(order, event)
    if not reason:
        order.state = _MOVES[order.state, event][1]
    return reason


def must_move(order: Order, event: OrderEvent) -> None:
    """A move the caller has made sure of; a refusal here is our own fault and ends the process."""
    reason = move(order, event)
    assert not reason, f"{order.order_id}: {event} while {order.state}: {reason}"


def diagram() -> str:
    """The table as a mermaid state diagram."""
    rows = ["stateDiagram-v2", f"    [*] --> {OrderState.CAPTURED}"]
    for state, moves in TABLE.items():
        for event, guard, after in moves:
            condition = "" if guard is always else f" [{guard.__name__}]"
            rows.append(f"    {state} --> {after}: {event}{condition}")
        if not moves:
            rows.append(f"    {state} --> [*]")
    return "\n".join(rows) + "\n"
