"""How long things take, in round figures; a later version learns them from what happened."""

from edge.messages import Task, TaskKind

MINUTE_MS = 60_000
PROCESS_MS: dict[TaskKind, int] = {
    TaskKind.PICK: 6 * MINUTE_MS,
    TaskKind.PACK: 4 * MINUTE_MS,
    TaskKind.CARRY: 2 * MINUTE_MS,
    TaskKind.LOAD: 1 * MINUTE_MS,
    TaskKind.PUTAWAY: 0,
}
"""From the start of a task of this kind until its handling unit is loaded, without waiting."""

TASK_MS: dict[TaskKind, int] = {
    TaskKind.PICK: 40_000,
    TaskKind.PACK: 60_000,
    TaskKind.CARRY: 60_000,
    TaskKind.LOAD: 45_000,
    TaskKind.PUTAWAY: 60_000,
}
"""The hands-on time of one task, the walk to it included."""


def latest_start_ms(task: Task) -> int:
    """When the task must start at the latest to be in time for its departure."""
    return task.due_ms - PROCESS_MS[task.kind]
