"""Work meets hands: every idle resource gets the ready task that should be done first from where it stands."""

from edge.messages import ResourceKind, StartJob, TaskAssigned, TaskUnassigned
from edge.wes.dispatch import FIFO, STRATEGIES, TRAVEL_WEIGHT, Bucket, count_before, distance_mm
from edge.wes.estimates import MINUTE_MS, latest_start_ms
from edge.wes.floor import Floor
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskEvent, TaskRecord, TaskState, advance

LEAD = {"slack": "", "edd": "earliest due: ", "fifo": "first come: "}


def dispatch(floor: Floor) -> None:
    """Assign until no idle resource is left that could do a ready task.

    Work is scarce: each task looks for the nearest doer. Hands are scarce: each resource looks for its best task,
    those with fewer skills first, so that specialists stay free for what only they can do.
    """
    fresh = list(floor.pool.fresh.values())
    if floor.idle and (fresh or floor.fresh_idle):
        buckets = list(floor.pool.buckets.values()) if floor.fresh_idle else fresh
        idle = floor.idle if fresh else floor.fresh_idle
        resources = sorted(idle.values(), key=lambda each: (len(each.skills), each.number))
        if sum(len(bucket.numbers) for bucket in buckets) < len(resources):
            numbers = [number for bucket in buckets for number in bucket.numbers]
            tasks_choose(floor, [floor.numbers[number] for number in numbers], resources)
        else:
            resources_choose(floor, resources, buckets)
    floor.pool.fresh.clear()
    floor.fresh_idle.clear()


def suiting(buckets: list[Bucket], resource: ResourceRecord) -> list[Bucket]:
    robot = resource.kind is ResourceKind.ROBOT
    return [each for each in buckets if each.numbers and each.suits(resource.zones, resource.skills, robot)]


def resources_choose(floor: Floor, resources: list[ResourceRecord], buckets: list[Bucket]) -> None:
    strategy = STRATEGIES[floor.state.dispatch]
    weight_mm = TRAVEL_WEIGHT * 1000 // floor.walk_mm_s
    for resource in resources:
        spot = floor.layout.spot(resource.location)
        number = floor.pool.best(
            suiting(buckets, resource), strategy, floor.now_ms, weight_mm, (spot.x, spot.y, spot.lo, spot.hi)
        )
        if number:
            give(floor, resource, floor.numbers[number])


def tasks_choose(floor: Floor, records: list[TaskRecord], resources: list[ResourceRecord]) -> None:
    by_age = STRATEGIES[floor.state.dispatch] == FIFO
    records.sort(key=lambda each: (0 if by_age else latest_start_ms(each.task), each.number))
    for record in records:
        bucket = floor.pool.buckets[floor.pool.home[record.number]]
        able = [each for each in resources if not each.task_id and suiting([bucket], each)]
        if able:
            give(floor, min(able, key=lambda each: (walk_mm(floor, each, record), each.number)), record)


def walk_mm(floor: Floor, resource: ResourceRecord, record: TaskRecord) -> int:
    here, there = floor.layout.spot(resource.location), floor.layout.spot(record.task.source)
    return distance_mm(here.x, here.y, here.lo, here.hi, there.x, there.y, there.lo, there.hi)


def ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def explain(floor: Floor, resource: ResourceRecord, record: TaskRecord) -> str:
    """Why this task for this resource, in plain words."""
    task = record.task
    latest_ms = latest_start_ms(task)
    minutes = abs(latest_ms - floor.now_ms) // MINUTE_MS
    slack = f"slack {minutes} min" if latest_ms >= floor.now_ms else f"late {minutes} min"
    theirs = [each for each in suiting(list(floor.pool.buckets.values()), resource) if each.zone == task.zone]
    ready = sum(len(bucket.numbers) for bucket in theirs)
    place = 1 + sum(count_before(bucket.latest, latest_ms) for bucket in theirs)
    metres = walk_mm(floor, resource, record) // 1000
    lead = LEAD[floor.state.dispatch]
    return f"{lead}{slack}, {metres} m away, {ordinal(place)} of {ready} ready in zone {task.zone}"


def give(floor: Floor, resource: ResourceRecord, record: TaskRecord) -> None:
    """Assign the task; a robot's job starts with it, for it cannot be called back."""
    assert not resource.task_id
    why = explain(floor, resource, record)
    moved = advance(record, TaskEvent.ASSIGN)
    assert moved
    floor.pool.remove(record.number)
    record.resource_id, record.assigned_ms, record.why = resource.resource_id, floor.now_ms, why
    resource.task_id = record.task.task_id
    floor.refresh(resource)
    say_assigned(floor, record)
    if resource.kind is ResourceKind.ROBOT:
        advance(record, TaskEvent.START, resource.resource_id)
        floor.state.last_job += 1
        record.job_id = floor.state.last_job
        task = record.task
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
            )
        )


def say_assigned(floor: Floor, record: TaskRecord) -> None:
    floor.say(TaskAssigned(at_ms=floor.now_ms, resource_id=record.resource_id, task=record.task, reason=record.why))


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
