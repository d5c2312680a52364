"""What if: the floor as it stands and the floor with a change, each in the same seeded futures, compared pair by pair.

Two futures of one seed give each task the same luck (edge.wes.chance), so that what differs is the change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt
from typing import NamedTuple

from edge.messages import ResourceKind, TaskKind, lane_location
from edge.wes.board import DOING, IDLE, INSIDE, QUEUED
from edge.wes.copying import Copy
from edge.wes.floor import Floor
from edge.wes.forecast import Forecast, Record, Share, quantile, wilson
from edge.wes.notes import NEVER_MS
from edge.wes.outlook import copy_of, enter_lanes, forecast
from edge.wes.remedies import join


class UnknownName(Exception):
    """A change names what is not on this floor; the message says what is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be different. `held` are orders, `earlier` maps departures to ms, `pickers` may be below 0."""

    lanes_down: tuple[str, ...] = ()
    robots_down: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    earlier: dict[str, int] = field(default_factory=dict)
    pickers: int = 0


class Finding(NamedTuple):
    """One departure before or after the change: risk, missed units x 10, and when it is done (NEVER_MS: never)."""

    miss: Share
    missed_x10: int
    finish_p50_ms: int
    finish_p90_ms: int


class Pair(NamedTuple):
    """One departure before and after; times are UTC ms, 0 for never. None: nothing of it is left to do."""

    departure_id: str
    cutoff_ms: int
    before: Finding | None
    after: Finding | None


@dataclass(frozen=True, slots=True)
class Compared:
    """All departures, and the units missed in all of them per future: means, and after - before with 95 % bounds."""

    departures: tuple[Pair, ...]
    futures: int
    before_x100: int
    after_x100: int
    difference_x100: int
    low_x100: int
    high_x100: int
    notes: tuple[str, ...]


def what_if(floor: Floor, change: Change, futures: int, seed: int) -> Compared:
    """Raises UnknownName."""
    copy, changed = copy_of(floor), copy_of(floor)
    notes = apply(floor, changed, change)
    before, after = foretold(floor, copy, futures, seed), foretold(floor, changed, futures, seed)
    pairs = []
    for row, departure_id in copy.departures.items():
        cutoff_ms = changed.board.d_cutoff_ms[row] + floor.state.origin_ms
        found = [finding(floor, each.records[row]) for each in (before, after)]
        pairs.append(Pair(departure_id, cutoff_ms, found[0], found[1]))
    pairs.sort(key=lambda pair: (pair.cutoff_ms, pair.departure_id))
    totals = [
        [sum(each.records[row].missed[i] for row in each.rows) for i in range(futures)] for each in (before, after)
    ]
    differences = [b - a for a, b in zip(*totals, strict=True)]
    mean, half = mean_x100(differences), half_x100(differences)
    return Compared(
        tuple(pairs), futures, mean_x100(totals[0]), mean_x100(totals[1]), mean, mean - half, mean + half, tuple(notes)
    )


def mean_x100(values: Sequence[int]) -> int:
    """The mean in hundredths."""
    return 100 * sum(values) // len(values)


def half_x100(values: Sequence[int]) -> int:
    """Half of the 95 % interval of the mean in hundredths, rounded up: 1.96 standard errors (normal)."""
    count, total = len(values), sum(values)
    if count < 2:
        return 0
    spread = count * sum(value * value for value in values) - total * total
    squared = -(-38_416 * spread // (count * count * (count - 1)))
    half = isqrt(squared)
    return half + (half * half < squared)


def finding(floor: Floor, record: Record) -> Finding | None:
    """What the futures say of a departure."""
    if not record.units:
        return None
    count, hits = len(record.missed), sum(missed > 0 for missed in record.missed)
    p50, p90 = (quantile(record.finish_ms, permille) for permille in (500, 900))
    origin_ms = floor.state.origin_ms
    times = [0 if ms >= NEVER_MS else origin_ms + ms for ms in (p50, p90)]
    return Finding(wilson(hits, count), (20 * sum(record.missed) + count) // (2 * count), times[0], times[1])


def foretold(floor: Floor, copy: Copy, futures: int, seed: int) -> Forecast:
    """So many futures, no actions tried."""
    work = forecast(floor, copy, futures, seed, actions=False)
    while not work.work(1 << 20):
        pass
    return work


def rows_in_use(copy: Copy) -> list[int]:
    return [row for row in range(copy.board.rows["t"].used) if copy.board.t_state[row]]


def apply(floor: Floor, copy: Copy, change: Change) -> list[str]:
    """Change the copy; what is to be known about how. Raises UnknownName."""
    notes = []
    for name in change.lanes_down:
        notes += close_lane(floor, copy, name, change.lanes_down)
    if change.lanes_down:
        enter_lanes(floor, copy, [lane_named(floor, name) for name in change.lanes_down])
    for name in change.robots_down:
        stop_robot(floor, copy, name)
    if change.held:
        notes.append(hold(floor, copy, change.held))
    for departure_id, ms in change.earlier.items():
        bring_forward(copy, departure_id, ms)
    if change.pickers:
        notes.append(staff(floor, copy, change.pickers))
    return list(dict.fromkeys(notes))


def lane_named(floor: Floor, name: str) -> str:
    """The location of a lane said as "L3", "3" or "sorter1/L03"."""
    number = name.rpartition("/")[2].lstrip("Ll")
    found = [
        location
        for location, (machine_id, lane) in floor.layout.lanes.items()
        if number.isdecimal() and lane == int(number) and ("/" not in name or name.startswith(f"{machine_id}/"))
    ]
    if len(found) != 1:
        raise UnknownName(f"lane {name}: the site has {', '.join(floor.layout.lanes) or 'no lanes'}")
    return found[0]


def close_lane(floor: Floor, copy: Copy, name: str, names: Sequence[str]) -> list[str]:
    """A departure whose route has no other lane gets no units any more."""
    here = lane_named(floor, name)
    shut = [lane_named(floor, each) for each in names]
    notes = []
    for row, departure_id in copy.departures.items():
        route = floor.state.departures[departure_id].route
        lanes = [
            lane_location(machine.machine_id, lane.lane)
            for machine in floor.configs("sorter")
            for lane in machine.lanes
            if route in (*lane.routes, *lane.alternate_for)
        ]
        left = [lane for lane in lanes if lane not in shut]
        if here not in lanes:
            continue
        if left:
            notes.append(f"route {route} still has {', '.join(left)}")
        elif not any(each[0] == row for each in copy.timetable.lanes):
            copy.timetable.lanes.append((row, floor.plan.rel(copy.asked_ms), NEVER_MS))
    return notes or [f"no open departure needs {here}"] * (here not in used_lanes(floor, copy))


def used_lanes(floor: Floor, copy: Copy) -> list[str]:
    routes = [floor.state.departures[each].route for each in copy.departures.values()]
    return [
        lane_location(machine.machine_id, lane.lane)
        for machine in floor.configs("sorter")
        for lane in machine.lanes
        if any(route in (*lane.routes, *lane.alternate_for) for route in routes)
    ]


def stop_robot(floor: Floor, copy: Copy, name: str) -> None:
    """The robot takes no more work; the job it has begun is finished."""
    robot = floor.state.resources.get(name)
    known = [each.machine_id for each in floor.configs("robot")]
    if name not in known:
        raise UnknownName(f"robot {name}: the site has {', '.join(known) or 'no robots'}")
    if robot is not None:
        copy.timetable.shifts.append((floor.plan.rel(copy.asked_ms), robot.row, False))


def hold(floor: Floor, copy: Copy, orders: Sequence[str]) -> str:
    """Take the handling units of these orders that are not packed off the floor, but for what hands have begun."""
    board, wanted = copy.board, dict.fromkeys(orders)
    units = [
        unit
        for hu_id, unit in copy.units.items()
        if hu_id in floor.state.wip
        and floor.state.wip[hu_id].order_id in wanted
        and board.u_state[unit] in (QUEUED, INSIDE)
    ]
    for row in rows_in_use(copy):
        if board.t_unit[row] in units and board.t_state[row] != DOING:
            board.end_task(row)
    for unit in units:
        if not board.u_tasks[unit]:
            board.end_unit(unit)
    return f"{len(units)} handling units that are not packed are held; they do not count as missed"


def bring_forward(copy: Copy, departure_id: str, ms: int) -> None:
    """The departure leaves so much earlier, and its work is so much more urgent."""
    rows = {name: row for row, name in copy.departures.items()}
    if departure_id not in rows:
        raise UnknownName(f"departure {departure_id}: with open work there are {', '.join(rows) or 'none'}")
    board, departure = copy.board, rows[departure_id]
    board.d_cutoff_ms[departure] -= ms
    for unit in copy.units.values():
        if board.u_state[unit] and board.u_departure[unit] == departure:
            board.u_rank[unit] -= ms
    for row in rows_in_use(copy):
        if board.t_departure[row] == departure:
            board.t_due_ms[row] -= ms


def staff(floor: Floor, copy: Copy, more: int) -> str:
    """More pickers like those there are most of, standing where one of them stands; or fewer, idle ones first."""
    board = copy.board
    people = [
        each
        for each in floor.state.resources.values()
        if each.kind is ResourceKind.PERSON and TaskKind.PICK in each.skills and each.available
    ]
    if not people:
        raise UnknownName("pickers: nobody who picks is signed on, so there is nobody to take as a pattern")
    groups: dict[int, int] = {}
    for each in people:
        groups[board.r_group[each.row]] = groups.get(board.r_group[each.row], 0) + 1
    group = max(groups, key=lambda each: (groups[each], -each))
    now = floor.plan.rel(copy.asked_ms)
    for _ in range(more):
        join(board, group, now)
    leaving = sorted(people, key=lambda each: (board.r_state[each.row] != IDLE, each.number))[: max(0, -more)]
    copy.timetable.shifts += [(now, each.row, False) for each in leaving]
    pattern = next(each for each in people if board.r_group[each.row] == group)
    if more > 0:
        skills, zones = "/".join(pattern.skills), ", ".join(pattern.zones)
        return f"the {more} more have the skills {skills} in zones {zones}, as most who pick have"
    return f"those who leave: {', '.join(each.resource_id for each in leaving)}, after the task in hand"
