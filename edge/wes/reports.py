"""What people say about their tasks, checked before it is believed, and what a finished task changes."""

from edge.messages import ResourceKind, TaskCompleted, TaskDone, TaskKind, TaskRefused, TaskStarted
from edge.wes.floor import Floor
from edge.wes.ledger import MOVES
from edge.wes.planning import ended
from edge.wes.state import DELIVERED_MAX, ResourceRecord, UnitPlace, remember
from edge.wes.tasks import TaskEvent, TaskRecord, advance
from edge.wes.units import enter, forget, found, leave, put_on_conveyor


def started(floor: Floor, message: TaskStarted) -> None:
    record = whose(floor, message.resource_id, message.task_id)
    if record is not None:
        advance(record, TaskEvent.START, message.resource_id)


def done(floor: Floor, message: TaskDone) -> None:
    """Complete the task, or refuse the report and say what was expected."""
    record = whose(floor, message.resource_id, message.task_id)
    if record is None:
        return
    task = record.task
    nothing_there = message.quantity == 0 and message.reason != "" and message.scanned == ""
    if task.barcode and message.scanned != task.barcode and not nothing_there:
        got = f"scanned {message.scanned}" if message.scanned else "nothing was scanned"
        refuse(floor, message, "WRONG_BARCODE", f"expected {task.barcode}, {got}")
    elif not 0 <= message.quantity <= task.quantity:
        refuse(floor, message, "BAD_QUANTITY", f"expected 0 to {task.quantity}, got {message.quantity}")
    else:
        reason = message.reason or ("SHORT" if message.quantity < task.quantity else "")
        complete(floor, floor.state.resources[message.resource_id], record, message.quantity, reason)


def refuse(floor: Floor, message: TaskStarted | TaskDone, reason: str, detail: str) -> None:
    floor.say(
        TaskRefused(
            at_ms=floor.now_ms,
            resource_id=message.resource_id,
            task_id=message.task_id,
            reason=reason,
            detail=detail,
        )
    )


def whose(floor: Floor, resource_id: str, task_id: str) -> TaskRecord | None:
    """The open task if it is this resource's; otherwise a refusal says why not."""
    record = floor.state.tasks.get(task_id)
    if record is not None and record.resource_id == resource_id:
        return record
    message = TaskStarted(at_ms=floor.now_ms, resource_id=resource_id, task_id=task_id)
    doer = floor.state.done.get(task_id)
    if doer and doer == resource_id:
        refuse(floor, message, "ALREADY_DONE", f"{task_id} was completed before")
    elif doer:
        refuse(floor, message, "NOT_YOURS", f"{task_id} was completed by {doer}")
    elif doer == "":
        refuse(floor, message, "WITHDRAWN", f"{task_id} was withdrawn")
    elif record is None:
        refuse(floor, message, "UNKNOWN_TASK", f"there is no task {task_id}")
    else:
        holder = record.resource_id or "nobody"
        refuse(floor, message, "NOT_YOURS", f"{task_id} is assigned to {holder}")
    return None


def complete(floor: Floor, resource: ResourceRecord, record: TaskRecord, quantity: int, reason: str) -> None:
    """The one true end of a task; then its doer is free, where the task has led it."""
    moved = advance(record, TaskEvent.COMPLETE, resource.resource_id)
    assert moved
    task = record.task
    floor.say(
        TaskCompleted(
            at_ms=floor.now_ms,
            task_id=task.task_id,
            kind=task.kind,
            resource_id=resource.resource_id,
            quantity=quantity,
            reason=reason,
            assigned_ms=record.assigned_ms,
        )
    )
    learn(floor, resource, record, quantity)
    if resource.kind is ResourceKind.PERSON:
        resource.location = task.target if task.kind in MOVES else task.source
    resource.worked_ms += floor.now_ms - record.assigned_ms
    resource.task_id = ""
    floor.refresh(resource)
    if quantity:
        moved_goods(floor, record)
    elif task.kind is TaskKind.PACK and task.hu_id in floor.state.wip:
        # Not packed after all: the WMS asks again, and the unit keeps its place meanwhile.
        floor.state.wip[task.hu_id].pack = False
    short = task.kind is TaskKind.REPLENISH and quantity < task.quantity
    ended(floor, record, resource.resource_id, frees=not short)


def learn(floor: Floor, resource: ResourceRecord, record: TaskRecord, quantity: int) -> None:
    """A task really done teaches how long such work takes, unless a standstill of ours lay in between."""
    if resource.kind is ResourceKind.VEHICLE:
        return  # its times follow from the layout, and would say nothing about people
    if quantity and record.assigned_ms > floor.state.opened_ms:
        took_ms = max(1, floor.now_ms - record.assigned_ms - record.walk_ms)
        floor.times.observe(record.task.kind, record.task.zone, resource.resource_id, took_ms)
        floor.pace_stale = True


def moved_goods(floor: Floor, record: TaskRecord) -> None:
    """What the machines' side learns from a task that was really done."""
    task = record.task
    wip = floor.state.wip.get(task.hu_id)
    if task.kind is TaskKind.PICK and wip is not None:
        wip.goods = True
    elif task.kind is TaskKind.PACK:
        zone = floor.zones.get(task.zone)
        conveyor = task.target if task.target in floor.state.machines else zone.conveyor if zone else ""
        put_on_conveyor(floor, task.hu_id, conveyor)
    elif task.kind in (TaskKind.CARRY, TaskKind.LOAD):
        unit = floor.state.units.get(task.hu_id)
        if unit is not None:
            found(floor, unit)
        leave(floor, task.source)
        if task.kind is TaskKind.LOAD:
            forget(floor, task.hu_id)
            remember(floor.state.delivered, task.hu_id, task.departure_id, DELIVERED_MAX)
        else:
            enter(floor, task.target)
            if unit is not None:
                unit.place, unit.location = UnitPlace.LANE, task.target
    elif task.kind is TaskKind.PUTAWAY:
        # A unit that turned up may hold several goods; the lane has it until the last of them is on a shelf.
        others = [floor.state.tasks[each].task for each in floor.hu_tasks.get(task.hu_id, ()) if each != task.task_id]
        if not any(other.source == task.source for other in others):
            leave(floor, task.source)
