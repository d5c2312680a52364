"""What could help a departure at risk, as changes to a fork of the board or of the timetable.

None is carried out: the forecast tries each in futures of its own, and a person decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from edge.wes.board import IDLE, INSIDE, NONE, QUEUED, Board
from edge.wes.chance import COMING, Timetable
from edge.wes.future import NEXT_MS

EXPEDITE, OPEN, MOVE, ADD, ROLL = range(5)
"""Let its queued units in now and prefer its work; let the machines and its lane run now; move a person from where
there is slack; one more person; let its least advanced units ride the next departure. The cheapest first.
"""
PREFERENCE = 4
"""Expedited work weighs so many times as much."""
SLACKER_PERMILLE = 100
"""A person is moved only from hands that are at least so much less busy."""


class Action(NamedTuple):
    """One thing to do, and the risk before and after in the same futures, with the 95 % interval; -1: not meant.

    `resource` is to be moved from its group to `group`, or one is to be added to `group`; `units` units of it are let
    in or rolled to `next_departure` (-1: there is none at this dock yet).
    """

    kind: int
    group: int = NONE
    resource: int = NONE
    units: int = 0
    next_departure: int = NONE
    before_permille: int = 0
    miss_permille: int = 0
    low_permille: int = 0
    high_permille: int = 1000
    missed_x10: int = 0


@dataclass(slots=True)
class Case:
    """A departure at risk: whose hands are short (group, zone, class; -1), how busy each group is, units too many."""

    departure: int
    cutoff_ms: int
    group: int
    cls: int
    loads: list[int]
    late: int
    remedies: list["Remedy"] = field(default_factory=list)


class Remedy:
    """An action on trial; `missed` collects the units missed in each future."""

    def __init__(self, action: Action, departure: int, rows: Sequence[int] = ()) -> None:
        self.action = action
        self.departure = departure
        self.rows = rows
        self.missed: list[int] = []

    def applied(self, board: Board, timetable: Timetable, now_ms: int) -> tuple[Board, Timetable]:
        """What the floor is then; board and timetable stay as they are."""
        kind, twin = self.action.kind, board.fork()
        if kind == EXPEDITE:
            expedite(twin, self.departure, self.rows)
        elif kind == OPEN:
            timetable = opened(twin, timetable, self.departure)
        elif kind == MOVE:
            twin.r_group[self.action.resource] = self.action.group
        elif kind == ADD:
            join(twin, self.action.group, now_ms)
        else:
            roll(twin, self.rows, self.departure, self.action.next_departure)
        return twin, timetable


def remedies(case: Case, board: Board, timetable: Timetable, movable: Sequence[bool]) -> list[Remedy]:
    """What is worth a trial; hands are added or moved only where `movable[group]`."""
    departure, units = case.departure, units_of(board, case.departure)
    queued = [unit for unit in units if board.u_state[unit] == QUEUED]
    found = [Remedy(Action(EXPEDITE, units=len(queued)), departure, queued)]
    if opened(board, timetable, departure) is not timetable:
        found.append(Remedy(Action(OPEN), departure))
    if case.group >= 0 and movable[case.group]:
        resource = slackest(case, board, movable)
        if resource >= 0:
            found.append(Remedy(Action(MOVE, case.group, resource), departure))
        found.append(Remedy(Action(ADD, case.group), departure))
    late = least_advanced(board, units)[: case.late]
    if late:
        following = next_departure(board, departure)
        found.append(Remedy(Action(ROLL, units=len(late), next_departure=following), departure, late))
    return found


def units_of(board: Board, departure: int) -> list[int]:
    """The units of a departure that are not loaded yet."""
    # Columns by themselves: to reach into the compiled board for each cell takes many times as long.
    states, departures = board.u_state, board.u_departure
    return [unit for unit in range(board.rows["u"].used) if states[unit] and departures[unit] == departure]


def least_advanced(board: Board, units: Sequence[int]) -> list[int]:
    """The units that are not packed yet, the one farthest from it first."""
    open_units = [unit for unit in units if board.u_state[unit] in (COMING, QUEUED, INSIDE)]
    return sorted(
        open_units,
        key=lambda unit: (
            board.u_state[unit] == INSIDE,
            -board.u_tasks[unit] if board.u_state[unit] == INSIDE else 0,
            -board.u_rank[unit],
            -board.u_number[unit],
        ),
    )


def next_departure(board: Board, departure: int) -> int:
    """The next one from the same lane; -1 if there is none."""
    cutoff_ms, area = board.d_cutoff_ms[departure], board.d_area[departure]
    later = [
        (board.d_cutoff_ms[row], row)
        for row in range(board.rows["d"].used)
        if board.d_number[row] and board.d_area[row] == area and board.d_cutoff_ms[row] > cutoff_ms
    ]
    return min(later)[1] if later else NONE


def slackest(case: Case, board: Board, movable: Sequence[bool]) -> int:
    """Somebody from the least busy group that cannot do the work yet, an idle one first; -1 if none has slack."""
    loads, classes = case.loads, board.group_classes
    present = [row for row in range(board.rows["r"].used) if board.r_state[row] >= IDLE]
    able = [
        row
        for row in present
        if movable[board.r_group[row]]
        and case.cls not in classes[board.r_group[row]]
        and loads[board.r_group[row]] + SLACKER_PERMILLE <= loads[case.group]
    ]
    return min(able, key=lambda row: (loads[board.r_group[row]], board.r_state[row] != IDLE, row), default=NONE)


def expedite(board: Board, departure: int, queued: Sequence[int]) -> None:
    """Let the queued units in, whatever room there is, and prefer all work of the departure."""
    for unit in queued:
        board.u_state[unit] = INSIDE
    mine, states, units, weights = (
        dict.fromkeys(units_of(board, departure)),
        board.t_state,
        board.t_unit,
        board.t_weight,
    )
    departures = board.t_departure
    for task in range(board.rows["t"].used):
        if states[task] and (units[task] in mine if units[task] >= 0 else departures[task] == departure):
            weights[task] *= PREFERENCE


def opened(board: Board, timetable: Timetable, departure: int) -> Timetable:
    """Without what keeps the units of the departure from moving; the same timetable if nothing does."""
    zones = dict.fromkeys(board.u_zone[unit] for unit in units_of(board, departure))
    lanes = [each for each in timetable.lanes if each[0] != departure]
    closings = [each for each in timetable.closings if each[0] not in zones]
    if len(lanes) == len(timetable.lanes) and len(closings) == len(timetable.closings):
        return timetable
    twin = timetable.fork()
    twin.lanes, twin.closings = lanes, closings
    return twin


def join(board: Board, group: int, now_ms: int) -> None:
    """One more of the group, standing where its first one stands."""
    rows = [row for row in range(board.rows["r"].used) if board.r_state[row]]
    mates = [row for row in rows if board.r_group[row] == group]
    classes = board.group_classes[group]
    area = board.r_area[mates[0]] if mates else board.class_lo[classes[0]] if len(classes) else 0
    number = max((board.r_number[row] for row in rows), default=0) + 1
    board.rest(board.add_resource(NONE, number, group, area, 1024), IDLE, area, now_ms)


def roll(board: Board, units: Sequence[int], departure: int, following: int) -> None:
    """The units are due with the next departure."""
    later_ms = board.d_cutoff_ms[following] - board.d_cutoff_ms[departure] if following >= 0 else NEXT_MS
    rolled, states, owners = dict.fromkeys(units), board.t_state, board.t_unit
    for unit in units:
        board.u_departure[unit] = following
        board.u_rank[unit] += later_ms
    for task in range(board.rows["t"].used):
        if states[task] and owners[task] in rolled:
            board.t_departure[task] = following
            board.t_due_ms[task] += later_ms
            board.t_next_ms[task] += later_ms
