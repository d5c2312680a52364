"""Units that nobody has planned yet, in the copy of the floor: as many as may come, looking like those that came last.

The WMS plans the work of an order when the office releases it, and orders come until shortly before the cutoff. A
future without them has nobody to share its hands with; each future draws how many of them come.
"""

from dataclasses import replace
from typing import NamedTuple

from edge.messages import Task, TaskKind
from edge.wes.board import NONE, PACK, PICK
from edge.wes.chance import MAYBE
from edge.wes.copying import Copy, class_of
from edge.wes.demand import ToCome
from edge.wes.estimates import PRIORITY_MS, weight_of
from edge.wes.floor import Floor
from edge.wes.forecast import GOLDEN_Q16, HALF_Q16
from edge.wes.release import later_ms, need_ms

MAYBE_MAX = 256
"""Units that may come, of all departures; the next to leave have theirs first."""


class Step(NamedTuple):
    """A task of a unit to come: its class and place on the board, how long it takes and what comes after it."""

    kind: int
    cls: int
    area: int
    work_ms: int
    tail_ms: int


class Shape(NamedTuple):
    """What a unit to come may look like: its picks and then the PACK; 1 if only a robot can fill it."""

    zone: int
    steps: tuple[Step, ...]
    need_ms: int
    robot: int


class Leaving(NamedTuple):
    """A departure that units may still come for: its row, its cutoff and the next one of its route."""

    row: int
    cutoff_ms: int
    next_ms: int
    priority: int


def enter_arrivals(floor: Floor, copy: Copy) -> None:
    """Enter them, for every departure on the copy that lies ahead, and how many of them may come."""
    if copy.timetable.guesses or copy.site is not floor.state.site:
        return
    shapes = shapes_of(floor, copy)
    if not shapes:
        return
    curve = floor.demand.curve({name: each.cutoff_ms for name, each in floor.state.departures.items()}, copy.asked_ms)
    entered = 0
    for departure in departures_of(floor, copy):
        name = copy.departures[departure.row]
        expected = floor.demand.to_come(curve, name, departure.cutoff_ms, copy.asked_ms, MAYBE_MAX - entered)
        if expected is None:
            continue
        units = []
        for number in range(expected.counts[-1]):
            at_ms, shape = arrival_ms(copy, expected, departure.cutoff_ms, number), shapes[entered % len(shapes)]
            entered += 1
            units.append(enter_unit(floor, copy, shape, departure, at_ms, len(copy.units) + entered))
        copy.timetable.guesses.append((departure.row, expected.counts, tuple(units)))


def departures_of(floor: Floor, copy: Copy) -> list[Leaving]:
    """Those on the copy, by cutoff; a unit to come has the priority that the last one had."""
    last = {record.task.departure_id: record.task for record in floor.state.tasks.values()}
    found = []
    for row, name in copy.departures.items():
        task = last.get(name, floor.state.demand.shapes[-1][0])
        due = replace(task, departure_id=name, due_ms=copy.cutoffs[name])
        found.append(Leaving(row, copy.cutoffs[name], copy.cutoffs[name] + later_ms(floor, [due]), task.priority))
    return sorted(found, key=lambda each: (each.cutoff_ms, each.row))


def arrival_ms(copy: Copy, expected: ToCome, cutoff_ms: int, number: int) -> int:
    """When a unit comes: those of one departure lie evenly over the time in which they are expected."""
    share_q16 = (number * GOLDEN_Q16 + HALF_Q16) % (2 * HALF_Q16)
    return max(cutoff_ms - expected.lead_ms(share_q16), copy.asked_ms + 1)


def shapes_of(floor: Floor, copy: Copy) -> list[Shape]:
    """What the last units looked like when they came."""
    zones = {name: row for row, name in enumerate(copy.zones)}
    found = []
    for tasks in floor.state.demand.shapes:
        picks = [task for task in tasks if task.kind is TaskKind.PICK]
        zone = floor.zones.get(tasks[0].zone)
        if not picks or zone is None:
            continue
        pack = replace(
            picks[0], kind=TaskKind.PACK, skill=TaskKind.PACK.value, source=zone.pack_station, robot=False,
            robot_only=False,
        )  # fmt: skip
        steps = (*(step_of(floor, copy, PICK, task) for task in picks), step_of(floor, copy, PACK, pack))
        robot = int(any(task.robot_only for task in picks))
        found.append(Shape(zones[zone.zone], steps, need_ms(floor, list(tasks)), robot))
    return found


def step_of(floor: Floor, copy: Copy, kind: int, task: Task) -> Step:
    estimates = floor.estimates
    return Step(
        kind, class_of(floor, copy, floor.plan.class_key(task)), floor.travel.area_of(task.source),
        estimates.work_ms(task.kind, task.zone), estimates.tail_ms(task.kind, task.zone),
    )  # fmt: skip


def enter_unit(floor: Floor, copy: Copy, shape: Shape, departure: Leaving, at_ms: int, number: int) -> int:
    """Enter a unit that may come, with its tasks and its place in the queue (`release.place`); its row."""
    board, plan = copy.board, floor.plan
    last_ms, later = departure.cutoff_ms - shape.need_ms, departure.next_ms - departure.cutoff_ms
    owed_ms = departure.priority * PRIORITY_MS + at_ms // 2 - floor.state.origin_ms
    rank = (last_ms if last_ms >= at_ms else at_ms + later) + owed_ms
    unit = board.add_unit(number, shape.zone, MAYBE, rank, departure.row, plan.rel(at_ms), shape.robot)
    copy.timetable.units.append((plan.rel(at_ms), unit))
    if last_ms >= at_ms:
        copy.timetable.turns.append((plan.rel(last_ms + 1), unit, last_ms + later + owed_ms))
    due, following, weight = plan.rel(departure.cutoff_ms), plan.rel(departure.next_ms), weight_of(departure.priority)
    rows = []
    for step in shape.steps:
        copy.last_task += 1
        row = board.add_task(
            NONE, copy.last_task, step.kind, step.cls, step.area, step.area, weight, step.work_ms,
            due - step.tail_ms, following - step.tail_ms, unit, departure.row,
        )  # fmt: skip
        rows.append(row)
    for pick in rows[:-1]:
        board.wait_for(rows[-1], pick)
    return unit
