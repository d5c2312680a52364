"""A task comes into somebody's hands, with its reason, and out of them again."""

from edge.messages import Considered, ResourceKind, StartJob, TaskAssigned, TaskUnassigned
from edge.wes import carriers, trips
from edge.wes.estimates import MINUTE_MS
from edge.wes.floor import Floor
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskEvent, TaskRecord, TaskState, advance

LEAD = {
    "rolling": "best plan for all hands: ",
    "atcs": "",
    "nearest": "nearest: ",
    "edd": "earliest due: ",
    "fifo": "first come: ",
}
CONSIDERED_MAX = 3


def slack_ms(floor: Floor, record: TaskRecord) -> int:
    """How long the task can still wait."""
    board = floor.plan.board
    return int(board.t_due_ms[record.row] - board.t_work_ms[record.row]) - floor.plan.rel(floor.now_ms)


def in_words(slack: int) -> str:
    return f"slack {slack // MINUTE_MS} min" if slack >= 0 else f"late {-slack // MINUTE_MS} min"


def consider(floor: Floor, resource: ResourceRecord) -> tuple[Considered, ...]:
    """The next best work for this resource, and for whom it is kept."""
    found = []
    for record in floor.plan.leaders(resource, CONSIDERED_MAX, floor.now_ms):
        keeper = floor.plan.kept_for(record)
        found.append(
            Considered(
                task_id=record.task.task_id,
                slack_ms=slack_ms(floor, record),
                walk_mm=floor.layout.walk_mm(resource.location, record.task.source),
                kept_for=keeper.resource_id if keeper and keeper is not resource else "",
            )
        )
    return tuple(found)


def reasons(floor: Floor, resource: ResourceRecord, record: TaskRecord) -> tuple[str, tuple[Considered, ...]]:
    """Why this task for this resource, in plain words, and what else was there."""
    considered = consider(floor, resource)
    metres = floor.layout.walk_mm(resource.location, record.task.source) // 1000
    text = f"{LEAD[floor.state.dispatch]}{in_words(slack_ms(floor, record))}, {metres} m away"
    if considered:
        other = considered[0]
        kept = f", kept for {other.kept_for}" if other.kept_for else ""
        text += f"; next best {other.task_id} ({in_words(other.slack_ms)}, {other.walk_mm // 1000} m away{kept})"
    else:
        text += "; nothing else is ready for it"
    return text, considered


def give(
    floor: Floor, resource: ResourceRecord, record: TaskRecord, why: str, considered: tuple[Considered, ...] = ()
) -> None:
    """Assign the task; a robot's job starts with it, for it cannot be called back."""
    assert not resource.task_id
    moved = advance(record, TaskEvent.ASSIGN)
    assert moved
    resource.ready_ms = carriers.ready_ms(floor, resource, record) + trips.length_ms(floor, resource)
    record.resource_id, record.assigned_ms, record.why = resource.resource_id, floor.now_ms, why
    record.walk_ms = floor.plan.walk_ms(resource, record)
    resource.task_id = record.task.task_id
    floor.plan.begin(resource, record)
    floor.refresh(resource)
    say_assigned(floor, record, considered)
    if resource.kind is ResourceKind.ROBOT:
        advance(record, TaskEvent.START, resource.resource_id)
        floor.state.last_job += 1
        record.job_id = floor.state.last_job
        task, machine = record.task, floor.machine(resource.resource_id)
        floor.say(
            StartJob(
                at_ms=floor.now_ms,
                machine_id=resource.resource_id,
                job_id=record.job_id,
                task_id=task.task_id,
                source=task.source,
                sku=task.sku,
                hu_id=task.hu_id,
                quantity=task.quantity,
                boot=machine.boot if machine else 0,
            )
        )


def say_assigned(floor: Floor, record: TaskRecord, considered: tuple[Considered, ...] = ()) -> None:
    floor.say(
        TaskAssigned(
            at_ms=floor.now_ms,
            resource_id=record.resource_id,
            task=record.task,
            reason=record.why,
            considered=considered,
        )
    )


def take_back(floor: Floor, resource: ResourceRecord, record: TaskRecord, reason: str) -> None:
    """Return the task to the pool, or end it there if it was withdrawn meanwhile (the record then says CANCELLED)."""
    advance(record, TaskEvent.RETURN, resource.resource_id)
    let_go(floor, resource, record, reason)
    if record.state is TaskState.READY:
        floor.offer(record)


def let_go(floor: Floor, resource: ResourceRecord, record: TaskRecord, reason: str) -> None:
    """Part the resource from its task, and tell it."""
    floor.say(
        TaskUnassigned(at_ms=floor.now_ms, resource_id=resource.resource_id, task_id=record.task.task_id, reason=reason)
    )
    record.resource_id, record.job_id, record.why = "", 0, ""
    resource.task_id = ""
    floor.refresh(resource)
