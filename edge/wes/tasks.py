"""The states of a task, as a table of (event, guard, next)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from edge.messages import Task


class TaskState(StrEnum):
    CREATED = "created"
    READY = "ready"
    ASSIGNED = "assigned"
    STARTED = "started"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class TaskEvent(StrEnum):
    """What can happen to a task; FREE when nothing stands before it any more, RETURN when its doer gives it back."""

    FREE = "free"
    ASSIGN = "assign"
    START = "start"
    COMPLETE = "complete"
    RETURN = "return"
    WITHDRAW = "withdraw"


@dataclass(slots=True, kw_only=True)
class TaskRecord:
    """One task that is not finished. `waiting_for` are the tasks before it that are neither completed nor cancelled.

    `let_in` says that no WIP limit keeps it from the floor; `number` counts tasks in the order they came.
    """

    task: Task
    number: int
    planned_ms: int
    waiting_for: tuple[str, ...] = ()
    let_in: bool = True
    state: TaskState = TaskState.CREATED
    resource_id: str = ""
    assigned_ms: int = 0
    why: str = ""
    job_id: int = 0
    tries: int = 0
    withdrawn: bool = False
    work_ms: int = 0
    tail_ms: int = 0
    next_due_ms: int = 0
    """What was believed when the task came: its time, the time after it, the cutoff after its own."""
    walk_ms: int = 0
    """The walk to it, by estimate, when it was assigned."""
    row: int = -1
    """On the board."""
    preempted: bool = False
    """It was given up for another on the way to it."""
    trip: str = ""
    """The resource whose trip the task is part of, before its turn has come."""


Guard = Callable[[TaskRecord, str], bool]


def always(record: TaskRecord, by: str) -> bool:
    return True


def is_free(record: TaskRecord, by: str) -> bool:
    return record.let_in and not record.waiting_for


def is_doer(record: TaskRecord, by: str) -> bool:
    return record.resource_id == by


def is_withdrawn(record: TaskRecord, by: str) -> bool:
    return record.withdrawn


TABLE: dict[TaskState, tuple[tuple[TaskEvent, Guard, TaskState], ...]] = {
    TaskState.CREATED: (
        (TaskEvent.FREE, is_free, TaskState.READY),
        (TaskEvent.WITHDRAW, always, TaskState.CANCELLED),
    ),
    TaskState.READY: (
        (TaskEvent.ASSIGN, always, TaskState.ASSIGNED),
        (TaskEvent.WITHDRAW, always, TaskState.CANCELLED),
    ),
    TaskState.ASSIGNED: (
        (TaskEvent.START, is_doer, TaskState.STARTED),
        (TaskEvent.COMPLETE, is_doer, TaskState.COMPLETED),
        (TaskEvent.RETURN, is_doer, TaskState.READY),
        (TaskEvent.WITHDRAW, always, TaskState.CANCELLED),
    ),
    TaskState.STARTED: (
        (TaskEvent.START, is_doer, TaskState.STARTED),
        (TaskEvent.COMPLETE, is_doer, TaskState.COMPLETED),
        (TaskEvent.RETURN, is_withdrawn, TaskState.CANCELLED),
        (TaskEvent.RETURN, is_doer, TaskState.READY),
        (TaskEvent.WITHDRAW, always, TaskState.STARTED),
    ),
    TaskState.COMPLETED: (),
    TaskState.CANCELLED: (),
}
"""The first row whose event and guard hold gives the next state; completed and cancelled tasks never leave."""


def advance(record: TaskRecord, event: TaskEvent, by: str = "") -> bool:
    """Move the task along the table; False, and nothing changed, where the table has no row for it."""
    for row_event, guard, state in TABLE[record.state]:
        if row_event is event and guard(record, by):
            record.state = state
            return True
    return False
