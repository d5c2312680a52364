"""Which messages are worth a line in the ticker, and the sentence for each; the routine ones are not."""

from collections.abc import Callable
from typing import Any

from edge.messages import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    CommandEnded,
    DepartureAudited,
    DepartureClosed,
    EventSetAside,
    GoodsReceived,
    GoodsRefused,
    HandshakeFailed,
    JobEnded,
    JobOverdue,
    LaneChanged,
    LineShorted,
    Link,
    LinkGap,
    MachineChanged,
    MachineCommandRefused,
    MachineCommandRequested,
    MergeChanged,
    Message,
    OrderAccepted,
    OrderCancelRefused,
    OrderCancelRequested,
    OrderClosed,
    OrderHeldBack,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderRefused,
    OrderRejected,
    OrderRolled,
    OrderShipped,
    OrderStarted,
    PackMl,
    PeerChanged,
    ResourceJoined,
    ResourceLeft,
    SortResult,
    TaskRefused,
    TaskUnassigned,
    UnitMissing,
    UnitRerouted,
    UnitSorted,
    UnitTurnedUp,
    UnitVoided,
    ZoneChanged,
    ZoneFault,
)
from edge.messages.vehicles import VehicleActionEnded, VehicleActionRequested

Line = tuple[str, str, str]
"""(sentence, level, what it is about); no sentence, no line."""

NOTHING: Line = ("", "", "")
WARN = "warn"
UNREMARKABLE = (SortResult.DIVERTED, SortResult.DIVERTED_ALT, SortResult.HANDOVER)


def line_for(message: Message) -> Line:
    """NOTHING for a message nobody needs to read."""
    say = SAY.get(type(message))
    return say(message) if say is not None else NOTHING


def short_id(hu_id: str) -> str:
    """The last digits of an SSCC are what people read aloud."""
    return f"…{hu_id[-6:]}" if len(hu_id) > 10 else hu_id


def _machine(m: MachineChanged) -> Line:
    if m.link is Link.LOST:
        return f"{m.machine_id}: link lost{_why(m.reason)}", WARN, m.machine_id
    if m.state is PackMl.EXECUTE and not m.reason:
        return NOTHING
    return f"{m.machine_id} is {m.state.name}{_why(m.reason)}", "", m.machine_id


def _lane(m: LaneChanged) -> Line:
    words = (("jam", m.jam), ("full", m.full), ("rate limited", m.rate_limited), ("disabled", not m.enabled))
    faults = [word for word, on in words if on]
    if not faults and m.almost_full:
        return NOTHING
    text = " and ".join(faults) or "clear again"
    return f"{m.machine_id} lane {m.lane} is {text}", WARN if m.jam else "", f"{m.machine_id}/L{m.lane:02}"


def _zone(m: ZoneChanged) -> Line:
    bad = m.fault is not ZoneFault.NONE
    text = m.fault.value.replace("_", " ") if bad else "accumulating" if m.accumulating else "clear again"
    return f"{m.machine_id} zone {m.zone}: {text}", WARN if bad else "", m.machine_id


def _merge(m: MergeChanged) -> Line:
    if m.moving:
        return NOTHING
    return f"{m.machine_id} merge {m.merge} stands, {' and '.join(map(str, m.waiting))} units wait", "", m.machine_id


def _handshake(m: HandshakeFailed) -> Line:
    text = f"{m.machine_id}: {m.count} {m.flaw.value.replace('_', ' ')}{_why(m.detail)}"
    return text, WARN, m.machine_id


def _gap(m: LinkGap) -> Line:
    text = f"{m.machine_id}: the link missed {(m.to_ms - m.from_ms) / 1000:.1f} s, read anew{_why(m.reason)}"
    return text, WARN, m.machine_id


def _refused(m: MachineCommandRefused) -> Line:
    return f"{m.machine_id}: {m.command.name} refused, {m.reason}{_why(m.detail)}", WARN, m.machine_id


def _overdue(m: JobOverdue) -> Line:
    return f"{m.machine_id}: job {m.job_id} has taken {m.worked_ms // 1000} s so far", WARN, m.machine_id


def _sorted(m: UnitSorted) -> Line:
    if m.result in UNREMARKABLE:
        return NOTHING
    reason = m.reason.name if m.reason not in (SortResult.NONE, m.result) else ""
    where = f" to lane {m.lane}" if m.lane else ""
    return f"{m.machine_id}: {m.result.name}{where}{_why(reason)}", "", m.machine_id


def _job(m: JobEnded) -> Line:
    if m.result == "OK":
        return NOTHING
    return f"{m.machine_id}: job {m.job_id} {m.result}, picked {m.picked}{_why(m.reason)}", WARN, m.machine_id


def _shipped(m: OrderShipped) -> Line:
    if not m.lines:
        return f"{m.order_id} has nothing to ship", WARN, m.order_id
    return f"{m.order_id} shipped with {m.departure_id} in {_units(len(m.units))}", "", m.order_id


def _closed(m: OrderClosed) -> Line:
    return f"{m.order_id} closed: {m.outcome.value.replace('_', ' ')}", "", m.order_id


def _departed(m: DepartureClosed) -> Line:
    behind = f", {len(m.left_behind)} orders left behind" if m.left_behind else ", complete"
    text = f"{m.departure_id} closed with {_units(len(m.units))}{behind}"
    return text, WARN if m.left_behind else "", m.departure_id


def _audited(m: DepartureAudited) -> Line:
    text = f"{m.departure_id} audited: {m.orders_loaded} of {m.orders_planned} orders, {m.missed} missed"
    return text, WARN if m.missed else "", m.departure_id


def _command(m: CommandEnded) -> Line:
    bad = m.result in ("REJECTED", "TIMEOUT", "UNKNOWN")
    return f"{m.machine_id}: {m.command.name} {m.result}{_why(m.reason)}", WARN if bad else "", m.machine_id


def _vehicle_action(m: VehicleActionEnded) -> Line:
    if m.result == "FINISHED":
        return NOTHING
    return f"{m.vehicle_id}: what was asked of it ended {m.result}{_why(m.reason)}", WARN, m.vehicle_id


def _units(n: int) -> str:
    return f"{n} unit" if n == 1 else f"{n} units"


def _why(reason: str) -> str:
    return f" ({reason})" if reason else ""


SAY: dict[type[Message], Callable[[Any], Line]] = {
    MachineChanged: _machine,
    LaneChanged: _lane,
    ZoneChanged: _zone,
    MergeChanged: _merge,
    HandshakeFailed: _handshake,
    LinkGap: _gap,
    UnitSorted: _sorted,
    JobEnded: _job,
    JobOverdue: _overdue,
    MachineCommandRefused: _refused,
    OrderShipped: _shipped,
    OrderClosed: _closed,
    DepartureClosed: _departed,
    DepartureAudited: _audited,
    CommandEnded: _command,
    UnitMissing: lambda m: (f"unit {short_id(m.hu_id)} lost at {m.machine_id}{_why(m.reason)}", WARN, m.hu_id),
    UnitVoided: lambda m: (f"unit {short_id(m.hu_id)} given up, picked anew", WARN, m.hu_id),
    UnitTurnedUp: lambda m: (
        f"unit {short_id(m.hu_id)}, given up before, is in {m.location}: back to a shelf",
        WARN,
        m.hu_id,
    ),
    UnitRerouted: lambda m: (f"unit {short_id(m.hu_id)} now for {m.departure_id}", "", m.hu_id),
    OrderAccepted: lambda m: (f"{m.order_id} promised with {m.departure_id}{_why(m.reason)}", "", m.order_id),
    OrderRejected: lambda m: (f"{m.order_id} rejected: {m.reason}, {m.detail}", WARN, m.order_id),
    OrderRefused: lambda m: (f"{m.order_id} refused by {m.site}: {m.reason}, {m.detail}", WARN, m.order_id),
    OrderRolled: lambda m: (f"{m.order_id} rolled from {m.previous_id} to {m.departure_id}", WARN, m.order_id),
    OrderCancelRequested: lambda m: (f"{m.order_id}: cancel asked by {m.by}", "", m.order_id),
    OrderCancelRefused: lambda m: (f"{m.order_id}: cancel refused, {m.reason}", WARN, m.order_id),
    OrderHoldPlaced: lambda m: (f"{m.order_id} held by {m.by}{_why(m.reason)}", "", m.order_id),
    OrderHoldLifted: lambda m: (f"{m.order_id}: hold lifted by {m.by}", "", m.order_id),
    OrderHeldBack: lambda m: (f"{m.order_id} waits: {m.reason}", "", m.order_id),
    OrderStarted: lambda m: (f"{m.order_id} started: {m.reason}", "", m.order_id),
    LineShorted: lambda m: (f"{m.order_id}: {m.quantity} × {m.sku} short ({m.reason})", WARN, m.order_id),
    TaskRefused: lambda m: (f"{m.resource_id}: {m.reason}, {m.detail}", WARN, m.resource_id),
    TaskUnassigned: lambda m: (f"{m.resource_id} gave a task back{_why(m.reason)}", "", m.resource_id),
    ResourceJoined: lambda m: (f"{m.resource_id} signed on", "", m.resource_id),
    ResourceLeft: lambda m: (f"{m.resource_id} signed off{_why(m.reason)}", "", m.resource_id),
    AlarmRaised: lambda m: (f"alarm: {m.text}", WARN, m.source),
    AlarmCleared: lambda m: (f"alarm over: {m.alarm_id}", "", m.alarm_id),
    AlarmAcknowledged: lambda m: (f"alarm {m.alarm_id} acknowledged by {m.by}", "", m.alarm_id),
    VehicleActionRequested: lambda m: (f"{m.vehicle_id}: {m.kind.value} asked by {m.by}", "", m.vehicle_id),
    VehicleActionEnded: _vehicle_action,
    MachineCommandRequested: lambda m: (f"{m.machine_id}: {m.command.name} asked by {m.by}", "", m.machine_id),
    GoodsReceived: lambda m: (f"{m.quantity} × {m.sku} received by {m.by}", "", m.asn_id),
    GoodsRefused: lambda m: (f"goods of {m.asn_id} refused: {m.reason}", WARN, m.asn_id),
    PeerChanged: lambda m: (f"{m.peer} is {'online' if m.online else 'offline'}", "" if m.online else WARN, m.peer),
    EventSetAside: lambda m: (f"a {m.kind} was set aside: {m.error}", WARN, m.kind),
}
"""The sentence for each kind that gets one."""
