"""Preemption: somebody who is still on the way to a task is sent to one that would otherwise miss its departure.

Only what is not begun, only where the kind of work allows it (MAY_PREEMPT), and only if the task given up is still in
time afterwards. A task is given up for another once, and nobody is sent elsewhere more often than every EVERY_MS.
"""

from collections.abc import Iterator
from typing import NamedTuple

from edge.messages import ResourceKind, TaskKind
from edge.wes.assign import give, take_back
from edge.wes.estimates import MINUTE_MS
from edge.wes.floor import Floor
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskRecord, TaskState

MAY_PREEMPT: dict[TaskKind, bool] = {
    TaskKind.PICK: True,
    TaskKind.PACK: False,
    TaskKind.CARRY: True,
    TaskKind.LOAD: False,
    TaskKind.PUTAWAY: True,
    TaskKind.REPLENISH: True,
}
"""Which work may be given up on the way: not what closes a unit at a station, and never what goes into a lorry."""
EVERY_MS = 10 * MINUTE_MS
TASKS_MAX = 32
"""The tasks looked at when something happens, those with the earliest latest start first."""


class Rescue(NamedTuple):
    """Who is sent to which task instead of the one in hand, and how late that task would be otherwise."""

    resource: ResourceRecord
    given_up: TaskRecord
    task: TaskRecord
    late_ms: int


def withdraw(floor: Floor) -> None:
    """Send people who are on the way to what cannot wait, each to one task."""
    for record in floor.plan.pressing(floor.now_ms, TASKS_MAX):
        rescue = find(floor, record)
        if rescue is not None:
            carry_out(floor, rescue)


def carry_out(floor: Floor, rescue: Rescue) -> None:
    """One task back, the other begun, both with the reason."""
    resource, task = rescue.resource, rescue.task.task
    late = f"{-(-rescue.late_ms // MINUTE_MS)} min late otherwise"
    rescue.given_up.preempted = True
    resource.preempted_ms = floor.now_ms
    floor.plan.retract(rescue.task)
    take_back(floor, resource, rescue.given_up, f"PREEMPTED by {task.task_id}, which would be {late}")
    give(floor, resource, rescue.task, f"sent here instead of to {rescue.given_up.task.task_id}: {late}")


def find(floor: Floor, record: TaskRecord) -> Rescue | None:
    """Whom to send to a task, if it will be late as things are planned and somebody on the way can make it."""
    late_ms = expected_ms(floor, record) - due_ms(floor, record)
    if late_ms <= 0:
        return None
    found = [(floor.plan.ready_ms(each, record, floor.now_ms), each.number, each) for each in on_the_way(floor, record)]
    for ready_ms, _, resource in sorted(found, key=lambda each: each[:2]):
        given_up = floor.state.tasks[resource.task_id]
        after_ms = ready_ms + floor.plan.between_ms(resource, record, given_up)
        if ready_ms <= due_ms(floor, record) and after_ms <= due_ms(floor, given_up):
            return Rescue(resource, given_up, record, late_ms)
    return None


def due_ms(floor: Floor, record: TaskRecord) -> int:
    """When the task must be done so that its unit is in time."""
    return int(floor.plan.board.t_due_ms[record.row]) + floor.state.origin_ms


def expected_ms(floor: Floor, record: TaskRecord) -> int:
    """When the task will be done as things are planned; 0 where somebody who is free can begin it, or nobody may."""
    keeper = floor.plan.kept_for(record)
    if keeper is not None:
        return floor.plan.expected_ms(keeper, record, floor.now_ms)
    able = [each for each in floor.state.resources.values() if each.available and floor.plan.may(each, record)]
    return min((floor.plan.expected_ms(each, record, floor.now_ms) for each in able), default=0)


def on_the_way(floor: Floor, record: TaskRecord) -> Iterator[ResourceRecord]:
    """Who could do the task and walks to another that may be given up."""
    for resource in floor.state.resources.values():
        in_hand = floor.state.tasks.get(resource.task_id)
        if in_hand is None or in_hand.state is not TaskState.ASSIGNED or in_hand.preempted:
            continue
        walks = floor.now_ms < in_hand.assigned_ms + in_hand.walk_ms
        rested = not resource.preempted_ms or floor.now_ms >= resource.preempted_ms + EVERY_MS
        if (
            resource.kind is ResourceKind.PERSON
            and not resource.trip
            and walks
            and rested
            and MAY_PREEMPT[in_hand.task.kind]
            and floor.plan.may(resource, record)
        ):
            yield resource
