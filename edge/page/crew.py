"""People and robots and what they are doing, folded from the WES's assignments."""

from dataclasses import replace

from edge.messages import (
    ResourceJoined,
    ResourceKind,
    ResourceLeft,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskKind,
    TaskStarted,
    TaskUnassigned,
)
from edge.messages.vehicles import DriveProgressed, VehicleChanged
from edge.page.demand import order_picked
from edge.page.floor import add_unit, move
from edge.page.picture import PEOPLE_MAX, TASKS_EACH_MAX, Assignment, PersonRow, Picture, cut

MOVES = (TaskKind.PUTAWAY, TaskKind.CARRY, TaskKind.REPLENISH)
"""Who has done one of these stands at its target."""


def joined(p: Picture, m: ResourceJoined) -> None:
    """Signing on again changes skills and zones; tasks in hand stay."""
    row = _person(p, m.resource_id, m.kind, m.at_ms)
    if row is None:
        return
    row.kind = m.kind.value
    row.skills, row.zones = list(m.skills), list(m.zones)
    row.location = m.location or row.location
    p.touch("people", m.resource_id)


def left(p: Picture, m: ResourceLeft) -> None:
    p.state.people.pop(m.resource_id, None)
    p.touch("people", m.resource_id)


def vehicle_changed(p: Picture, m: VehicleChanged) -> None:
    """A vehicle is shown like a person, at the node it passed last, or in its zone; it never signs on."""
    row = _person(p, m.vehicle_id, ResourceKind.VEHICLE, m.at_ms)
    if row is not None:
        row.kind, row.location = ResourceKind.VEHICLE.value, cut(m.node_id) or row.location
        row.paused = m.paused
        fleet = p.state.site.fleet if p.state.site is not None else None
        config = next((each for each in fleet.vehicles if each.vehicle_id == m.vehicle_id), None) if fleet else None
        if config is not None:
            row.skills, row.zones = list(config.skills), list(config.zones)
        p.touch("people", m.vehicle_id)


def vehicle_moved(p: Picture, m: DriveProgressed) -> None:
    row = p.state.people.get(m.vehicle_id)
    if row is not None:
        row.location = cut(m.node_id)
        p.touch("people", m.vehicle_id)


def assigned(p: Picture, m: TaskAssigned) -> None:
    row = _person(p, m.resource_id, ResourceKind.PERSON, m.at_ms)
    if row is None:
        return
    row.tasks = [a for a in row.tasks if a.task.task_id != m.task.task_id]
    if len(row.tasks) >= TASKS_EACH_MAX:
        p.drop("tasks")
        row.tasks.pop(0)
    row.tasks.append(Assignment(m.task, cut(m.reason), m.at_ms))
    p.touch("people", m.resource_id)


def unassigned(p: Picture, m: TaskUnassigned) -> None:
    row = p.state.people.get(m.resource_id)
    if row is not None:
        row.tasks = [a for a in row.tasks if a.task.task_id != m.task_id]
        p.touch("people", m.resource_id)


def started(p: Picture, m: TaskStarted) -> None:
    row = p.state.people.get(m.resource_id)
    if row is None:
        return
    for assignment in row.tasks:
        if assignment.task.task_id == m.task_id:
            assignment.started = True
            row.location = assignment.task.source
            p.touch("people", m.resource_id)


def amended(p: Picture, m: TaskAmended) -> None:
    """Urgency of work in hand: a task is frozen, so it is replaced."""
    for row in p.state.people.values():
        for work in row.tasks:
            if work.task.task_id == m.task_id:
                work.task = replace(work.task, departure_id=m.departure_id, due_ms=m.due_ms, priority=m.priority)
                p.touch("people", row.person_id)


def completed(p: Picture, m: TaskCompleted) -> None:
    """The one true end: the person is free, the unit is on the belt, the order is a step further."""
    p.total(f"done_{m.kind.value}")
    p.beat("tasks")
    row = p.state.people.get(m.resource_id)
    if row is None:
        return
    row.done += 1
    p.touch("people", m.resource_id)
    mine = [a.task for a in row.tasks if a.task.task_id == m.task_id]
    row.tasks = [a for a in row.tasks if a.task.task_id != m.task_id]
    for task in mine:
        row.location = task.target if m.kind in MOVES else task.source
        if m.kind is TaskKind.PICK:
            p.total("picked_units", m.quantity)
            order_picked(p, task.order_id, m.quantity)
        elif m.kind is TaskKind.PACK:
            unit = p.state.units.get(task.hu_id) or add_unit(p, task.hu_id)
            move(p, unit, "belt", m.at_ms, task.target)


def _person(p: Picture, person_id: str, kind: ResourceKind, at_ms: int) -> PersonRow | None:
    row = p.state.people.get(person_id)
    if row is not None:
        return row
    if len(p.state.people) >= PEOPLE_MAX:
        p.drop("people")
        idle = next((r.person_id for r in p.state.people.values() if not r.tasks), None)
        if idle is None:
            return None
        p.state.people.pop(idle)
        p.touch("people", idle)
    row = p.state.people[person_id] = PersonRow(person_id, kind.value, since_ms=at_ms)
    return row
