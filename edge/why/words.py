"""How each kind of message is told, when it is about a task, a handling unit or an order."""

from collections.abc import Callable
from typing import Any

from edge.messages import (
    Considered,
    DepartureClosed,
    DivertUnit,
    JobEnded,
    Message,
    StartJob,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskKind,
    TaskRefused,
    TaskStarted,
    TaskUnassigned,
    TaskWithdrawn,
    UnitArrived,
    UnitLoaded,
    UnitMissing,
    UnitPacked,
    UnitRerouted,
    UnitScanned,
    UnitSorted,
    UnitStaged,
    UnitTurnedUp,
    UnitVoided,
)
from edge.why.story import Story, because, counted, span

Words = dict[type[Message], Callable[[Any, Any], str]]


def work(story: Story, task_id: str) -> str:
    """A task in words."""
    task = story.tasks.get(task_id) or story.refills.get(task_id)
    if task is None:
        return f"task {task_id}"
    if task.kind in (TaskKind.PICK, TaskKind.PUTAWAY):
        return f"{task.kind.value} {task.quantity} x {task.sku} at {task.source}"
    if task.kind is TaskKind.REPLENISH:
        return f"{task.kind.value} {task.quantity} x {task.sku} from {task.source} to {task.target}"
    return f"{task.kind.value} {task.hu_id} at {task.source}"


def slack(ms: int) -> str:
    return f"slack {span(ms)}" if ms >= 0 else f"late {span(ms)}"


def other_work(considered: Considered) -> str:
    """A task that was compared and not chosen."""
    kept = f", kept for {considered.kept_for}" if considered.kept_for else ""
    return f"{considered.task_id} ({slack(considered.slack_ms)}, {considered.walk_mm // 1000} m away{kept})"


def completed(story: Story, m: TaskCompleted) -> str:
    task = story.tasks.get(m.task_id) or story.refills.get(m.task_id)
    short = f", only {m.quantity}" if task is not None and m.quantity < task.quantity else ""
    return f"{m.resource_id} finished {work(story, m.task_id)}{short}{because(m.reason)}"


def amended(story: Story, m: TaskAmended) -> str:
    departure = f" with {m.departure_id}" if m.departure_id else ""
    return f"{work(story, m.task_id)} is now due {story.at(m.due_ms)}{departure}, priority {m.priority}"


def sorted_to(story: Story, m: UnitSorted) -> str:
    hu_id = story.decided[m.machine_id, m.boot, m.decision_seq, m.tracking_id]
    lane = f" in lane {m.lane}" if m.lane else ""
    why = f" ({m.reason.name})" if m.reason not in (m.result, 0) else ""
    return f"{m.machine_id} reports {hu_id}{lane}: {m.result.name}{why}"


def decided(story: Story, m: DivertUnit) -> str:
    lane = f" to lane {m.lane}" if m.lane else ""
    other = f" or {m.alternate}" if m.alternate else ""
    return f"{m.machine_id} was told {m.code.name}{lane}{other} for {m.hu_id}: {m.reason}"


def scanned(story: Story, m: UnitScanned) -> str:
    again = f", round {m.recirc_count + 1}" if m.recirc_count else ""
    return f"{m.machine_id} read {m.barcode} and asks where to{again}"


TASK_WORDS: Words = {
    TaskAssigned: lambda s, m: f"{m.resource_id} got {work(s, m.task.task_id)}: {m.reason}",
    TaskUnassigned: lambda s, m: f"taken from {m.resource_id}: {work(s, m.task_id)}: {m.reason}",
    TaskRefused: lambda s, m: f"{m.resource_id} was refused {work(s, m.task_id)}: {m.reason}, {m.detail}",
    TaskCompleted: completed,
    TaskWithdrawn: lambda s, m: f"no longer wanted: {work(s, m.task_id)}: {m.reason}",
}
CLOSE_WORDS: Words = {
    TaskAmended: amended,
    TaskStarted: lambda s, m: f"{m.resource_id} began {work(s, m.task_id)}",
    StartJob: lambda _, m: f"{m.machine_id} was sent job {m.job_id}: {m.quantity} x {m.sku} from {m.source}",
    JobEnded: lambda _, m: f"{m.machine_id} ended job {m.job_id}: {m.result}, {m.picked} picked{because(m.reason)}",
}
"""What is told of tasks when one looks closely."""
UNIT_WORDS: Words = {
    UnitPacked: lambda _, m: f"packed {m.hu_id}: {counted(sum(c.quantity for c in m.contents), 'unit')} for {m.route}",
    UnitRerouted: lambda _, m: f"{m.hu_id} now goes with {m.departure_id}",
    UnitVoided: lambda _, m: f"{m.hu_id} was given up; what was in it is picked anew",
    UnitTurnedUp: lambda _, m: f"{m.hu_id} turned up in {m.location}, given up before; its goods go back to a shelf",
    UnitScanned: scanned,
    DivertUnit: decided,
    UnitSorted: sorted_to,
    UnitArrived: lambda _, m: f"{m.hu_id} lies in {m.location}: {m.result.name}{because(m.reason)}",
    UnitMissing: lambda _, m: f"{m.hu_id} was lost sight of at {m.machine_id}: {m.reason}",
    UnitStaged: lambda _, m: f"{m.hu_id} staged in {m.location} for {m.departure_id}",
    UnitLoaded: lambda _, m: f"{m.hu_id} loaded into {m.departure_id}",
    DepartureClosed: lambda _, m: f"{m.departure_id} closed with it on board",
}
