"""Picks that one person does on one walk: collected when the first is given, done in the order of the shortest tour.

Where that order would make a pick late which can be in time, the queue is repaired for the least weighted tardiness.
"""

from collections.abc import Sequence

from edge.messages import ResourceKind, TaskKind
from edge.wes.estimates import DAY_MS
from edge.wes.floor import Floor
from edge.wes.sequence import repair, total
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskRecord, TaskState
from edge.wes.tour import Tour, tour

TASKS_MAX = 16
REACH_MM = 30_000
"""A pick for another handling unit joins a trip when it lies this near to its first pick."""

MOVES_MAX = 2_000
"""Moves looked at to repair the order of a trip."""


def collect(floor: Floor, resource: ResourceRecord, first: TaskRecord) -> None:
    """After the first pick of a trip was given: the other picks of its handling unit, and of others near by."""
    if resource.kind is not ResourceKind.PERSON or first.task.kind is not TaskKind.PICK or not first.task.hu_id:
        return
    mates = same_unit(floor, resource, first)
    mates += near_by(floor, resource, first, TASKS_MAX - len(mates))
    mates = in_time(floor, resource, mates[:TASKS_MAX])
    if not mates:
        return
    for record in mates:
        floor.plan.retract(record)
        record.trip = resource.resource_id
    spots = [floor.layout.spot(record.task.source) for record in mates]
    start = floor.layout.spot(first.task.source)
    found = tour(spots, start, floor.layout.spot(station(floor, first)))
    resource.trip = tuple(mates[i].task.task_id for i in in_order(floor, resource, mates, found))
    floor.unshared.clear()
    resource.ready_ms += length_ms(floor, resource)
    floor.refresh(resource)


def in_order(floor: Floor, resource: ResourceRecord, mates: list[TaskRecord], found: Tour) -> Sequence[int]:
    """The shortest walk, unless it makes somebody wait too long; what is late in any case does not count."""
    board, begin_ms, site = floor.plan.board, floor.plan.rel(resource.ready_ms), floor.state.site
    walk_ms = found.length_mm * 1000 // max(1, site.walk_mm_s if site else 1) // len(mates)
    work = [int(board.t_work_ms[each.row]) + walk_ms for each in mates]
    weight = [int(board.t_weight[each.row]) for each in mates]
    left = [int(board.t_due_ms[each.row]) - begin_ms for each in mates]
    due = [DAY_MS if ms < took else min(ms, DAY_MS) for ms, took in zip(left, work, strict=True)]
    if not total(found.order, work, weight, due):
        return found.order
    return repair(work, weight, due, found.order, MOVES_MAX, mates[0].number)[0]


def station(floor: Floor, record: TaskRecord) -> str:
    zone = floor.zones.get(record.task.zone)
    return zone.pack_station if zone else ""


def same_unit(floor: Floor, resource: ResourceRecord, first: TaskRecord) -> list[TaskRecord]:
    records = [floor.state.tasks[task_id] for task_id in floor.hu_tasks.get(first.task.hu_id, ())]
    return [each for each in records if joins(floor, resource, each)]


def joins(floor: Floor, resource: ResourceRecord, record: TaskRecord) -> bool:
    return record.task.kind is TaskKind.PICK and floor.plan.is_offered(record) and floor.plan.may(resource, record)


def near_by(floor: Floor, resource: ResourceRecord, first: TaskRecord, most: int) -> list[TaskRecord]:
    """Picks for other handling units, the most urgent first, as many units as a trip may carry."""
    site = floor.state.site
    room = (site.trip_units if site else 1) - 1
    units: dict[str, None] = {}
    found: list[TaskRecord] = []
    if room < 1:
        return found
    for record in floor.plan.leaders(resource, 2 * TASKS_MAX, floor.now_ms):
        task = record.task
        if task.hu_id == first.task.hu_id or task.zone != first.task.zone or not joins(floor, resource, record):
            continue
        if floor.layout.walk_mm(first.task.source, task.source) > REACH_MM:
            continue
        if task.hu_id in units or len(units) < room:
            units[task.hu_id] = None
            found.append(record)
    return found[:most]


def in_time(floor: Floor, resource: ResourceRecord, mates: list[TaskRecord]) -> list[TaskRecord]:
    """As many of them as can be done one after the other before any of them would be late that is not late anyhow."""
    at_ms, kept = floor.plan.rel(resource.ready_ms), []
    board = floor.plan.board
    for record in mates:
        at_ms += int(board.t_work_ms[record.row])
        late = at_ms > board.t_due_ms[record.row] >= floor.plan.rel(floor.now_ms) + board.t_work_ms[record.row]
        if late:
            break
        kept.append(record)
    return kept


def length_ms(floor: Floor, resource: ResourceRecord) -> int:
    """The hands-on time of the tasks that are still to come on the trip."""
    records = [floor.state.tasks.get(task_id) for task_id in resource.trip]
    return sum(int(floor.plan.board.t_work_ms[record.row]) for record in records if record is not None)


def next_of(floor: Floor, resource: ResourceRecord) -> TaskRecord | None:
    """Take the next task off the trip that is still to be done."""
    while resource.trip:
        record = floor.state.tasks.get(resource.trip[0])
        if record is not None and record.trip == resource.resource_id and record.state is TaskState.READY:
            if resource.available:
                resource.trip, record.trip = resource.trip[1:], ""
            return record
        resource.trip = resource.trip[1:]
    return None


def scatter(floor: Floor, resource: ResourceRecord) -> None:
    """The trip ends here: its tasks are open to everybody again."""
    for task_id in resource.trip:
        record = floor.state.tasks.get(task_id)
        if record is not None and record.trip == resource.resource_id:
            record.trip = ""
            if record.state is TaskState.READY:
                floor.offer(record)
    resource.trip = ()
    floor.refresh(resource)


def unshared(floor: Floor, resource: ResourceRecord) -> bool:
    """Is it known that no trip has anything for the like of this resource? Trips only get shorter until a new one."""
    return floor.plan.group_of(resource) in floor.unshared


def to_share(floor: Floor, resource: ResourceRecord) -> tuple[TaskRecord, ResourceRecord] | None:
    """The last task of the longest trip that this resource could do instead, and whose trip it is."""
    trips = [each for each in floor.state.resources.values() if each.trip]
    for owner in sorted(trips, key=lambda each: (-len(each.trip), each.number)):
        for task_id in reversed(owner.trip):
            record = floor.state.tasks.get(task_id)
            if record is None or record.trip != owner.resource_id or record.state is not TaskState.READY:
                continue
            if floor.plan.may(resource, record):
                owner.trip = tuple(each for each in owner.trip if each != task_id)
                record.trip = ""
                return record, owner
    floor.unshared[floor.plan.group_of(resource)] = None
    return None
