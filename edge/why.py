"""`edge why order`: in plain words where an order is and why, told from what the journals hold."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from edge.messages import (
    DepartureClosed,
    DepartureScheduled,
    DivertUnit,
    LineShorted,
    Message,
    OrderAccepted,
    OrderAdmitted,
    OrderCancelRefused,
    OrderCancelRequested,
    OrderCaptured,
    OrderClosed,
    OrderHeldBack,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderRefused,
    OrderRejected,
    OrderReleased,
    OrderRolled,
    OrderShipped,
    OrderStarted,
    SiteOpened,
    Task,
    TaskAssigned,
    TaskCompleted,
    TaskKind,
    TaskRefused,
    TasksPlanned,
    TaskUnassigned,
    TaskWithdrawn,
    UnitArrived,
    UnitLoaded,
    UnitMissing,
    UnitPacked,
    UnitRerouted,
    UnitSorted,
    UnitStaged,
)
from edge.page.kpi_orders import NOT_ABOUT_THE_ORDER

TASKS_SHOWN = 30
"""An order of more tasks gets them summed up by kind and doer."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANSWERS = (OrderCaptured, OrderAccepted, OrderRejected, OrderClosed)
"""Said again, with a new time, whenever the question is repeated; the first time counts."""


@dataclass(slots=True)
class Story:
    """What the journals hold about one order, and what it takes to tell it."""

    order_id: str
    zone: tzinfo | None = None
    told: dict[Message, None] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    units: dict[str, None] = field(default_factory=dict)
    decided: dict[tuple[str, int, int, int], str] = field(default_factory=dict)
    cutoffs: dict[str, int] = field(default_factory=dict)
    departed: dict[str, DepartureClosed] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)

    def see(self, message: Message) -> None:
        """Keeps what is about the order."""
        if isinstance(message, SiteOpened):
            self.zone = self.zone or ZoneInfo(message.site.timezone)
        elif isinstance(message, DepartureScheduled):
            self.cutoffs[message.departure.departure_id] = message.departure.cutoff_ms
        elif isinstance(message, DepartureClosed):
            self.departed[message.departure_id] = message
        elif isinstance(message, TasksPlanned):
            for task in message.tasks:
                self._know(task)
        elif self._mine(message):
            self._tell(message)

    def _mine(self, message: Message) -> bool:
        if isinstance(message, OrderCaptured):
            self.others[message.order_id] = None
        if getattr(message, "order_id", None) == self.order_id:
            return True
        if isinstance(message, TaskAssigned):
            return message.task.order_id == self.order_id
        if isinstance(message, UnitSorted):
            return (message.machine_id, message.boot, message.decision_seq, message.tracking_id) in self.decided
        return getattr(message, "task_id", None) in self.tasks or getattr(message, "hu_id", None) in self.units

    def _tell(self, message: Message) -> None:
        if isinstance(message, TaskAssigned):
            self._know(message.task)
        elif isinstance(message, UnitPacked):
            self.units[message.hu_id] = None
        elif isinstance(message, DivertUnit):
            self.decided[message.machine_id, message.boot, message.seq, message.tracking_id] = message.hu_id
        if not (isinstance(message, _ANSWERS) and self._said(message)):
            self.told[message] = None

    def _said(self, message: OrderCaptured | OrderAccepted | OrderRejected | OrderClosed) -> bool:
        """Word for word the same, only at another time."""
        return any(replace(known, at_ms=message.at_ms) == message for known in self.all(type(message)))

    def _know(self, task: Task) -> None:
        if task.order_id == self.order_id:
            self.tasks[task.task_id] = task
            if task.hu_id:
                self.units[task.hu_id] = None

    def all(self, kind: type[Any]) -> list[Any]:
        """The messages of a kind, oldest first."""
        return sorted((m for m in self.told if type(m) is kind), key=lambda message: message.at_ms)

    def last(self, kind: type[Any]) -> Any:
        """The newest message of a kind, or None."""
        return next(reversed(self.all(kind)), None)

    def at(self, at_ms: int) -> str:
        """The moment in the site's time zone."""
        return f"{(_EPOCH + timedelta(milliseconds=at_ms)).astimezone(self.zone or UTC):%Y-%m-%d %H:%M:%S}"


def why_order(entries: Iterable[tuple[int, Message]], order_id: str, timezone: str = "") -> list[str]:
    """Lines for people: what happened to the order, oldest first, and what it waits for now.

    `entries` are the messages of all journals, in any number of copies. Times are in `timezone`, else the site's.
    """
    story = Story(order_id, ZoneInfo(timezone) if timezone else None)
    for _, message in entries:
        story.see(message)
    if not story.told:
        near = difflib.get_close_matches(order_id, story.others, n=5, cutoff=0.6)
        like = f"; like it: {', '.join(near)}" if near else f"; {len(story.others)} orders are known, none like it"
        return [f"order {order_id}: not in these journals{like}"]
    short = len(story.tasks) <= TASKS_SHOWN
    rank = {kind: number for number, kind in enumerate(WORDS)}
    events = sorted(
        (m for m in story.told if type(m) in WORDS and (short or type(m) not in _TASK_WORDS)),
        key=lambda message: (message.at_ms, rank[type(message)]),
    )
    lines = [f"order {order_id}"]
    lines += [f"  {story.at(message.at_ms)}  {WORDS[type(message)](story, message)}" for message in events]
    if not short:
        lines += [f"  {row}" for row in _summed(story)]
    return [*lines, f"  now: {_now(story)}"]


def _captured(story: Story, m: OrderCaptured) -> str:
    units = sum(line.quantity for line in m.lines)
    return (
        f"captured by {m.channel}, rev {m.rev}: {_count(len(m.lines), 'line')}, {_count(units, 'unit')}, "
        f"route {m.route}, priority {m.priority}"
    )


def _accepted(story: Story, m: OrderAccepted) -> str:
    if not m.departure_id:
        text = "accepted, but nothing of it can be filled"
    else:
        text = (
            f"promised from {m.site} with {m.departure_id}, cutoff {story.at(m.promised_ms)}; "
            f"to be released {story.at(m.release_at_ms)}"
        )
    back = ", ".join(f"{part.quantity} x {part.sku}" for part in m.backordered[:5])
    more = f" and {len(m.backordered) - 5} more lines" if len(m.backordered) > 5 else ""
    return text + (f"; backordered {back}{more}" if back else "") + (f"; because: {m.reason}" if m.reason else "")


def _released(story: Story, m: OrderReleased) -> str:
    promise = story.last(OrderAccepted)
    why = ""
    if promise is not None:
        late = m.at_ms - promise.release_at_ms
        why = ", as planned" if late < 60_000 else f", {_span(late)} after the planned time"
    return f"released to {m.site} for {m.departure_id}, {_span(m.due_ms - m.at_ms)} before its cutoff{why}"


def _closed(story: Story, m: OrderClosed) -> str:
    sums = {name: sum(getattr(row, name) for row in m.lines) for name in ("ordered", "shipped", "short", "cancelled")}
    with_it = f" with {m.departure_id}" if m.departure_id else ""
    kept = "" if m.departure_id in ("", m.promised_id) else f" (first promised: {m.promised_id})"
    rest = "".join(f", {sums[name]} {name}" for name in ("short", "cancelled") if sums[name])
    outcome = m.outcome.value.replace("_", " ")
    return f"closed as {outcome}{with_it}{kept}: {sums['shipped']} of {_count(sums['ordered'], 'unit')} shipped{rest}"


def _sorted(story: Story, m: UnitSorted) -> str:
    hu_id = story.decided[m.machine_id, m.boot, m.decision_seq, m.tracking_id]
    lane = f" in lane {m.lane}" if m.lane else ""
    why = f" ({m.reason.name})" if m.reason not in (m.result, 0) else ""
    return f"{m.machine_id} reports {hu_id}{lane}: {m.result.name}{why}"


def _decided(story: Story, m: DivertUnit) -> str:
    lane = f" to lane {m.lane}" if m.lane else ""
    other = f" or {m.alternate}" if m.alternate else ""
    return f"{m.machine_id} was told {m.code.name}{lane}{other} for {m.hu_id}: {m.reason}"


def _work(story: Story, task_id: str) -> str:
    """A task in words."""
    task = story.tasks.get(task_id)
    if task is None:
        return f"task {task_id}"
    if task.kind in (TaskKind.PICK, TaskKind.PUTAWAY):
        return f"{task.kind.value} {task.quantity} x {task.sku} at {task.source}"
    return f"{task.kind.value} {task.hu_id} at {task.source}"


def _completed(story: Story, m: TaskCompleted) -> str:
    task = story.tasks.get(m.task_id)
    short = f", only {m.quantity}" if task is not None and m.quantity < task.quantity else ""
    return f"{m.resource_id} finished {_work(story, m.task_id)}{short}{_because(m.reason)}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _span(ms: int) -> str:
    """A time span in words."""
    seconds = abs(ms) // 1000
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h {seconds // 60 % 60} min"


_TASK_WORDS: dict[type[Message], Callable[[Story, Any], str]] = {
    TaskAssigned: lambda s, m: f"{m.resource_id} got {_work(s, m.task.task_id)}: {m.reason}",
    TaskUnassigned: lambda s, m: f"taken from {m.resource_id}: {_work(s, m.task_id)}: {m.reason}",
    TaskRefused: lambda s, m: f"{m.resource_id} was refused {_work(s, m.task_id)}: {m.reason}, {m.detail}",
    TaskCompleted: _completed,
    TaskWithdrawn: lambda s, m: f"no longer wanted: {_work(s, m.task_id)}: {m.reason}",
}

WORDS: dict[type[Message], Callable[[Story, Any], str]] = {
    OrderCaptured: _captured,
    OrderRejected: lambda s, m: f"{_refused(m)}: {m.reason}, {m.detail}",
    OrderAccepted: _accepted,
    OrderHoldPlaced: lambda s, m: f"hold {m.hold_id} placed by {m.by}{_because(m.reason)}",
    OrderHoldLifted: lambda s, m: f"hold {m.hold_id} lifted by {m.by}",
    OrderCancelRequested: lambda s, m: f"{m.by} asked to cancel it",
    OrderCancelRefused: lambda s, m: f"cancelling refused: {m.reason}, {m.detail}",
    OrderReleased: _released,
    OrderAdmitted: lambda s, m: f"{m.site} took it on",
    OrderRefused: lambda s, m: f"{m.site} refused it: {m.reason}, {m.detail}",
    OrderHeldBack: lambda s, m: f"kept from the floor: {m.reason}",
    OrderStarted: lambda s, m: f"first task let onto the floor: {m.reason}",
    **_TASK_WORDS,
    LineShorted: lambda s, m: f"short: {m.quantity} x {m.sku} (line {m.line}): {m.reason}",
    UnitPacked: lambda s, m: f"packed {m.hu_id}: {_count(sum(c.quantity for c in m.contents), 'unit')} for {m.route}",
    UnitRerouted: lambda s, m: f"{m.hu_id} now goes with {m.departure_id}",
    DivertUnit: _decided,
    UnitSorted: _sorted,
    UnitArrived: lambda s, m: f"{m.hu_id} lies in {m.location}: {m.result.name}{_because(m.reason)}",
    UnitMissing: lambda s, m: f"{m.hu_id} was lost sight of at {m.machine_id}: {m.reason}",
    UnitStaged: lambda s, m: f"{m.hu_id} staged in {m.location} for {m.departure_id}",
    UnitLoaded: lambda s, m: f"{m.hu_id} loaded into {m.departure_id}",
    OrderRolled: lambda s, m: (
        f"rolled from {m.previous_id} to {m.departure_id or 'no departure yet'}{_because(m.reason)}"
    ),
    OrderShipped: lambda s, m: (
        f"shipped from {m.site} with {m.departure_id}: {_count(sum(line.quantity for line in m.lines), 'unit')} in "
        f"{_count(len(m.units), 'handling unit')}"
        if m.lines
        else f"{m.site} has nothing to ship for it"
    ),
    OrderClosed: _closed,
}
"""How each kind of message is told; at the same millisecond in this order."""


def _refused(message: OrderRejected) -> str:
    return "a request was refused" if message.reason in NOT_ABOUT_THE_ORDER else f"rev {message.rev} rejected"


def _summed(story: Story) -> list[str]:
    """Many tasks, summed up by kind and doer."""
    spans: dict[tuple[str, str], list[int]] = {}
    for done in story.all(TaskCompleted):
        spans.setdefault((done.kind.value, done.resource_id), []).append(done.at_ms)
    return [
        f"{story.at(times[0])}  {who} finished {_count(len(times), f'{kind} task')}, the last {story.at(times[-1])}"
        for (kind, who), times in sorted(spans.items(), key=lambda entry: (entry[1][0], entry[0]))
    ]


def _now(story: Story) -> str:
    """Where the order stands and what it waits for."""
    closed, accepted = story.last(OrderClosed), story.last(OrderAccepted)
    if closed is not None:
        return f"nothing left to do, {_closed(story, closed)}"
    if accepted is None:
        rejected = [m for m in story.all(OrderRejected) if m.reason not in NOT_ABOUT_THE_ORDER]
        if rejected:
            return f"rejected ({rejected[-1].reason}); nothing will happen unless it is sent again, corrected"
        return "captured; waits to be judged, which needs the stock levels of a site"
    released, admitted, refused = story.last(OrderReleased), story.last(OrderAdmitted), story.last(OrderRefused)
    if released is None:
        return _before_release(story, accepted)
    if refused is not None and refused.at_ms >= max(m.at_ms for m in (released, admitted) if m is not None):
        return f"refused by {refused.site} ({refused.reason}); waits for the OMS to release it again or close it"
    if admitted is None:
        return f"released; waits for {released.site} to take it on (if this lasts: is the box connected?)"
    return _on_the_floor(story)


def _before_release(story: Story, accepted: OrderAccepted) -> str:
    lifted = {hold.hold_id for hold in story.all(OrderHoldLifted)}
    holds = [hold for hold in story.all(OrderHoldPlaced) if hold.hold_id not in lifted]
    if holds:
        names = ", ".join(f"{hold.hold_id} by {hold.by}{_because(hold.reason)}" for hold in holds)
        return f"on hold ({names}); will not be released before every hold is lifted"
    return (
        f"scheduled; waits for its release at {story.at(accepted.release_at_ms)}, timed so that {accepted.site} makes "
        f"the cutoff of {accepted.departure_id} at {story.at(accepted.promised_ms)}"
    )


def _on_the_floor(story: Story) -> str:
    over = {m.task_id for kind in (TaskCompleted, TaskWithdrawn) for m in story.all(kind)}
    left = [task for task in story.tasks.values() if task.task_id not in over]
    if left:
        return _working(story, left)
    loaded = {m.hu_id for m in story.all(UnitLoaded)}
    under_way = [m.hu_id for m in story.all(UnitPacked) if m.hu_id not in loaded]
    lost = [m for m in story.all(UnitMissing) if m.hu_id in under_way]
    if lost:
        return f"{lost[-1].hu_id} is missing ({lost[-1].reason}); somebody has to look for it at {lost[-1].machine_id}"
    if under_way:
        return f"packed; {', '.join(under_way)} is on the way over conveyor and sorter to its lane"
    if not loaded:
        return "no task is left and nothing is packed; waits for the last word of the site"
    departure_id = _departure(story)
    cutoff_ms = story.cutoffs.get(departure_id)
    when = f" at {story.at(cutoff_ms)}" if cutoff_ms is not None else ""
    gone = " (it has closed; the OMS has still to hear of it)" if departure_id in story.departed else ""
    return f"loaded; waits for {departure_id} to close{when}{gone}"


def _working(story: Story, left: list[Task]) -> str:
    kinds = Counter(task.kind.value for task in left)
    todo = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    holders: dict[str, TaskAssigned | TaskUnassigned] = {}
    for change in sorted((*story.all(TaskAssigned), *story.all(TaskUnassigned)), key=lambda m: m.at_ms):
        holders[change.task.task_id if isinstance(change, TaskAssigned) else change.task_id] = change
    doing = [m for task in left if isinstance(m := holders.get(task.task_id), TaskAssigned)]
    if doing:
        who = ", ".join(f"{m.resource_id} ({_work(story, m.task.task_id)})" for m in doing[:5])
        return f"in work at {who}; tasks left: {todo}"
    held, started = story.last(OrderHeldBack), story.last(OrderStarted)
    if held is not None and (started is None or held.at_ms > started.at_ms):
        return f"kept from the floor ({held.reason}); tasks left: {todo}"
    return f"waits for somebody free with the skill, in the zone; tasks left: {todo}"


def _departure(story: Story) -> str:
    """The departure the order belongs to now."""
    moves = sorted((*story.all(OrderReleased), *story.all(OrderRolled)), key=lambda m: m.at_ms)
    return moves[-1].departure_id if moves else ""
