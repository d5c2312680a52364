"""`edge why order`: the story of an order from capture to closing, and what it waits for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from edge.messages import (
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
    Task,
    TaskAssigned,
    TaskCompleted,
    TaskUnassigned,
    TaskWithdrawn,
    UnitLoaded,
    UnitMissing,
    UnitPacked,
    UnitScanned,
    UnitSorted,
)
from edge.page.kpi_orders import NOT_ABOUT_THE_ORDER
from edge.why.story import Answer, Story, because, counted, dated, near, span
from edge.why.words import TASK_WORDS, UNIT_WORDS, Words, work

TASKS_SHOWN = 30
"""An order of more tasks gets them summed up by kind and doer."""
_ANSWERS = (OrderCaptured, OrderAccepted, OrderRejected, OrderClosed)
"""Said again, with a new time, whenever the question is repeated; the first time counts."""


class OrderStory(Story):
    """What the journals hold about one order, and about the replenishments its picks wait for."""

    def __init__(self, name: str, timezone: str = "") -> None:
        super().__init__(name, timezone)
        self.awaited: dict[str, None] = {}
        self.fates: dict[str, dict[Message, None]] = {}
        """What happened to each replenishment, for an order may come to wait for one that somebody has already."""

    def see(self, message: Message) -> None:
        task_id = message.task.task_id if isinstance(message, TaskAssigned) else getattr(message, "task_id", None)
        if task_id in self.refills and type(message) in TASK_WORDS:
            self.fates.setdefault(task_id, {})[message] = None
        super().see(message)

    def meet(self, task: Task, at_ms: int) -> None:
        super().meet(task, at_ms)
        for before in task.after if self.wants(task) else ():
            if before not in self.awaited:
                self.awaited[before] = None
                self.told |= self.fates.get(before, {})

    def wants(self, task: Task) -> bool:
        return task.order_id == self.name

    def mine(self, message: Message) -> bool:
        if isinstance(message, OrderCaptured):
            self.others[message.order_id] = None
        if getattr(message, "order_id", None) == self.name:
            return True
        if isinstance(message, TaskAssigned):
            return message.task.order_id == self.name or message.task.task_id in self.awaited
        if isinstance(message, UnitSorted):
            return self.was_decided(message)
        task_id = getattr(message, "task_id", None)
        return task_id in self.tasks or task_id in self.awaited or getattr(message, "hu_id", None) in self.units

    def keep(self, message: Message) -> None:
        if isinstance(message, UnitPacked):
            self.units[message.hu_id] = None
        if not (isinstance(message, _ANSWERS) and self._said(message)):
            super().keep(message)

    def _said(self, message: OrderCaptured | OrderAccepted | OrderRejected | OrderClosed) -> bool:
        """Word for word the same, only at another time."""
        return any(replace(known, at_ms=message.at_ms) == message for known in self.all(type(message)))


def why_order(entries: Iterable[tuple[int, Message]], order_id: str, timezone: str = "") -> Answer:
    """What happened to the order, oldest first, and what it waits for now.

    `entries` are the messages of all journals, in any number of copies. Times are in `timezone`, else the site's.
    """
    story = OrderStory(order_id, timezone)
    for message in dated(entries):
        story.see(message)
    answer = Answer(f"order {order_id}", story.clock)
    if not story.told:
        answer.unknown = f"not in these journals; {near(order_id, story.others, 'order')}"
        return answer
    if len(story.tasks) <= TASKS_SHOWN:
        answer.events = story.events(WORDS)
    else:
        few = {kind: words for kind, words in WORDS.items() if kind not in TASK_WORDS}
        answer.events = story.events(few) + _summed(story)
    answer.now = _now(story)
    return answer


def _captured(story: OrderStory, m: OrderCaptured) -> str:
    units = sum(line.quantity for line in m.lines)
    return (
        f"captured by {m.channel}, rev {m.rev}: {counted(len(m.lines), 'line')}, {counted(units, 'unit')}, "
        f"route {m.route}, priority {m.priority}"
    )


def _accepted(story: OrderStory, m: OrderAccepted) -> str:
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


def _released(story: OrderStory, m: OrderReleased) -> str:
    promise = story.last(OrderAccepted)
    why = ""
    if promise is not None:
        late = m.at_ms - promise.release_at_ms
        why = ", as planned" if late < 60_000 else f", {span(late)} after the planned time"
    return f"released to {m.site} for {m.departure_id}, {span(m.due_ms - m.at_ms)} before its cutoff{why}"


def _closed(story: OrderStory, m: OrderClosed) -> str:
    sums = {name: sum(getattr(row, name) for row in m.lines) for name in ("ordered", "shipped", "short", "cancelled")}
    with_it = f" with {m.departure_id}" if m.departure_id else ""
    kept = "" if m.departure_id in ("", m.promised_id) else f" (first promised: {m.promised_id})"
    rest = "".join(f", {sums[name]} {name}" for name in ("short", "cancelled") if sums[name])
    outcome = m.outcome.value.replace("_", " ")
    return f"closed as {outcome}{with_it}{kept}: {sums['shipped']} of {counted(sums['ordered'], 'unit')} shipped{rest}"


WORDS: Words = {
    OrderCaptured: _captured,
    OrderRejected: lambda s, m: f"{_refused(m)}: {m.reason}, {m.detail}",
    OrderAccepted: _accepted,
    OrderHoldPlaced: lambda s, m: f"hold {m.hold_id} placed by {m.by}{because(m.reason)}",
    OrderHoldLifted: lambda s, m: f"hold {m.hold_id} lifted by {m.by}",
    OrderCancelRequested: lambda s, m: f"{m.by} asked to cancel it",
    OrderCancelRefused: lambda s, m: f"cancelling refused: {m.reason}, {m.detail}",
    OrderReleased: _released,
    OrderAdmitted: lambda s, m: f"{m.site} took it on",
    OrderRefused: lambda s, m: f"{m.site} refused it: {m.reason}, {m.detail}",
    OrderHeldBack: lambda s, m: f"kept from the floor: {m.reason}",
    OrderStarted: lambda s, m: f"first task let onto the floor: {m.reason}",
    **TASK_WORDS,
    LineShorted: lambda s, m: f"short: {m.quantity} x {m.sku} (line {m.line}): {m.reason}",
    **{kind: words for kind, words in UNIT_WORDS.items() if kind is not UnitScanned},
    OrderRolled: lambda s, m: (
        f"rolled from {m.previous_id} to {m.departure_id or 'no departure yet'}{because(m.reason)}"
    ),
    OrderShipped: lambda s, m: (
        f"shipped from {m.site} with {m.departure_id}: {counted(sum(line.quantity for line in m.lines), 'unit')} in "
        f"{counted(len(m.units), 'handling unit')}"
        if m.lines
        else f"{m.site} has nothing to ship for it"
    ),
    OrderClosed: _closed,
}
"""How each kind of message is told; at the same millisecond in this order."""


def _refused(message: OrderRejected) -> str:
    return "a request was refused" if message.reason in NOT_ABOUT_THE_ORDER else f"rev {message.rev} rejected"


def _summed(story: OrderStory) -> list[tuple[int, str]]:
    """Many tasks, summed up by kind and doer."""
    spans: dict[tuple[str, str], list[int]] = {}
    for done in story.all(TaskCompleted):
        spans.setdefault((done.kind.value, done.resource_id), []).append(done.at_ms)
    return [
        (times[0], f"{who} finished {counted(len(times), f'{kind} task')}, the last {story.at(times[-1])}")
        for (kind, who), times in sorted(spans.items(), key=lambda entry: (entry[1][0], entry[0]))
    ]


def _now(story: OrderStory) -> str:
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


def _before_release(story: OrderStory, accepted: OrderAccepted) -> str:
    lifted = {hold.hold_id for hold in story.all(OrderHoldLifted)}
    holds = [hold for hold in story.all(OrderHoldPlaced) if hold.hold_id not in lifted]
    if holds:
        names = ", ".join(f"{hold.hold_id} by {hold.by}{because(hold.reason)}" for hold in holds)
        return f"on hold ({names}); will not be released before every hold is lifted"
    return (
        f"scheduled; waits for its release at {story.at(accepted.release_at_ms)}, timed so that {accepted.site} makes "
        f"the cutoff of {accepted.departure_id} at {story.at(accepted.promised_ms)}"
    )


def _on_the_floor(story: OrderStory) -> str:
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


def _working(story: OrderStory, left: list[Task]) -> str:
    kinds = Counter(task.kind.value for task in left)
    todo = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    holders: dict[str, TaskAssigned | TaskUnassigned] = {}
    for change in sorted((*story.all(TaskAssigned), *story.all(TaskUnassigned)), key=lambda m: m.at_ms):
        holders[change.task.task_id if isinstance(change, TaskAssigned) else change.task_id] = change
    doing = [m for task in left if isinstance(m := holders.get(task.task_id), TaskAssigned)]
    coming = _coming_down(story, left, holders)
    if doing:
        who = ", ".join(f"{m.resource_id} ({work(story, m.task.task_id)})" for m in doing[:5])
        return f"in work at {who}; {f'waits for {coming}; ' if coming else ''}tasks left: {todo}"
    if coming:
        return f"waits for {coming}; tasks left: {todo}"
    held, started = story.last(OrderHeldBack), story.last(OrderStarted)
    if held is not None and (started is None or held.at_ms > started.at_ms):
        return f"kept from the floor ({held.reason}); tasks left: {todo}"
    return f"waits for somebody free with the skill, in the zone; tasks left: {todo}"


def _coming_down(story: OrderStory, left: list[Task], holders: Mapping[str, TaskAssigned | TaskUnassigned]) -> str:
    """The replenishments that open picks wait for, and who has them; "" if there are none."""
    over = {m.task_id for kind in (TaskCompleted, TaskWithdrawn) for m in story.all(kind)}
    told = []
    for task_id in dict.fromkeys(before for task in left for before in task.after if before not in over):
        refill, holder = story.refills.get(task_id), holders.get(task_id)
        way = f" from {refill.source} to {refill.target}" if refill is not None else ""
        by = f"taken by {holder.resource_id}" if isinstance(holder, TaskAssigned) else "which nobody has taken yet"
        told.append(f"replenishment {task_id}{way}, {by}")
    return "; ".join(told[:5])


def _departure(story: OrderStory) -> str:
    """The departure the order belongs to now."""
    moves = sorted((*story.all(OrderReleased), *story.all(OrderRolled)), key=lambda m: m.at_ms)
    return moves[-1].departure_id if moves else ""
