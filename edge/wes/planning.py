"""What the WMS wants: tasks planned, amended, withdrawn; and how a task leaves the books."""

from dataclasses import replace

from edge.messages import Task, TaskAmended, TasksPlanned, TaskWithdrawn
from edge.wes.assign import let_go
from edge.wes.floor import Floor
from edge.wes.release import free, rank_unit, unit_left, wip_of
from edge.wes.state import DONE_MAX, remember
from edge.wes.tasks import TaskEvent, TaskRecord, TaskState, advance


def planned(floor: Floor, message: TasksPlanned) -> None:
    """Take on tasks not seen before; the ones free to begin go to the floor at once."""
    records = [enter(floor, task) for task in message.tasks if is_new(floor, message, task)]
    book(floor, records)
    for hu_id in dict.fromkeys(record.task.hu_id for record in records if not record.let_in):
        rank_unit(floor, hu_id)
    for record in records:
        # A predecessor later in the same message is open only by now.
        free(floor, record)


def book(floor: Floor, records: list[TaskRecord]) -> None:
    """Units that have come with these tasks teach how many more to expect."""
    units: dict[str, list[Task]] = {}
    for record in records:
        if not record.let_in:
            units.setdefault(record.task.hu_id, []).append(record.task)
    for hu_id, tasks in units.items():
        wip, departure = floor.state.wip[hu_id], floor.state.departures.get(tasks[0].departure_id)
        if departure is not None and len(floor.hu_tasks[hu_id]) == len(tasks) and not wip.goods:
            floor.demand.came(tasks[0].departure_id, departure.cutoff_ms, floor.now_ms, tuple(tasks))


def is_new(floor: Floor, message: TasksPlanned, task: Task) -> bool:
    site = floor.state.site
    ours = site is None or message.site == site.site
    return ours and task.task_id not in floor.state.tasks and task.task_id not in floor.state.done


def enter(floor: Floor, task: Task) -> TaskRecord:
    """Enter one task into the books. A predecessor that is over, completed or cancelled, is not waited for."""
    wip = wip_of(floor, task)
    floor.state.last_task += 1
    record = TaskRecord(
        task=task,
        number=floor.state.last_task,
        planned_ms=floor.now_ms,
        waiting_for=tuple(before for before in dict.fromkeys(task.after) if before not in floor.state.done),
        let_in=wip is None or wip.inside,
    )
    floor.state.tasks[task.task_id] = record
    floor.index(record)
    return record


def amended(floor: Floor, message: TaskAmended) -> None:
    record = floor.state.tasks.get(message.task_id)
    if record is None:
        return
    ready = record.state is TaskState.READY
    if ready:
        floor.plan.retract(record)
    floor.move_work(record, message.departure_id)
    record.task = replace(
        record.task, departure_id=message.departure_id, due_ms=message.due_ms, priority=message.priority
    )
    floor.plan.amend(record)
    if ready and not record.trip:
        floor.offer(record)
    wip = floor.state.wip.get(record.task.hu_id)
    if wip is not None:
        wip.departure_id = message.departure_id
        floor.room.count(wip.hu_id)
    rank_unit(floor, record.task.hu_id)


def withdrawn(floor: Floor, message: TaskWithdrawn) -> None:
    """Cancel what has not begun; what has begun is finished and told as it was."""
    record = floor.state.tasks.get(message.task_id)
    if record is None:
        return
    before = record.state
    advance(record, TaskEvent.WITHDRAW)
    if before is TaskState.READY:
        floor.plan.retract(record)
    if before is TaskState.ASSIGNED:
        let_go(floor, floor.state.resources[record.resource_id], record, "WITHDRAWN")
    if record.state is TaskState.CANCELLED:
        ended(floor, record, "")
    else:
        record.withdrawn = True


def ended(floor: Floor, record: TaskRecord, by: str, *, frees: bool = True) -> None:
    """The task is over: strike it from the books and free what waited for it.

    Where it came up short nothing is freed: a step that failed stops what follows, until the WMS withdraws it.
    """
    task = record.task
    floor.strike(record)
    remember(floor.state.done, task.task_id, by, DONE_MAX)
    for task_id in floor.dependents.pop(task.task_id, ()) if frees else ():
        waiting = floor.state.tasks[task_id]
        waiting.waiting_for = tuple(before for before in waiting.waiting_for if before != task.task_id)
        free(floor, waiting)
    if task.hu_id:
        rank_unit(floor, task.hu_id)
        unit_left(floor, task.hu_id)
