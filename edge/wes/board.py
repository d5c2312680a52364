# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False
"""The board: open work, hands, units and departures as numbers in typed columns (compiled with board.pxd).

Names become dense ids once, outside: a task, a resource, a unit, a departure and an area are row numbers here. The
board decides nothing; dispatch reads it, the forecast forks it. Times are ms after `origin_ms`. Rows are reused, the
smallest free one first, so that the rows in use say all there is to say about the free ones.
"""

from array import array
from heapq import heappop, heappush

NONE = -1

WAITING = 1
READY = 2
DOING = 3
"""States of a task row; 0 is a free row. WAITING also while its unit is not let in."""

OFF = 1
IDLE = 2
BUSY = 3
"""States of a resource row; 0 is a free row."""

QUEUED = 1
INSIDE = 2
MOVING = 3
STAGED = 4
"""States of a unit row: waits for room in its zone, is worked on, is on the machines, lies in its lane."""

PICK = 0
PACK = 1
CARRY = 2
LOAD = 3
PUTAWAY = 4
REPLENISH = 5
OTHER = 6
"""Kinds of task."""

TASKS_MAX = 1 << 20
RESOURCES_MAX = 4096
TABLES = {
    "t": "number kind cls area end_area weight work_ms due_ms next_ms state doer waits unit departure link",
    "l": "to number next",
    "r": "number group area state ready_ms task factor_q10",
    "u": "number zone state rank departure tasks since_ms robot",
    "d": "number cutoff_ms area",
    "z": "number room inside load_cls area",
}
"""The columns of each table: tasks, links (task -> the one waiting for it), resources, units, departures, zones."""
COLUMNS = tuple(f"{table}_{name}" for table, names in TABLES.items() for name in names.split())
PRIME = 2_147_483_647


def filled(size: int, value: int) -> "array[int]":
    """A column of `size` cells."""
    return array("q", [value]) * size


def grown(column: "array[int]", size: int) -> "array[int]":
    """The column with `size` cells, the new ones 0."""
    wider = array("q", bytes(8 * size))
    cells = wider
    for i in range(min(len(column), size)):
        cells[i] = column[i]
    return wider


def columns(count: int) -> "list[array[int]]":
    """So many columns with room for a few rows."""
    return [array("q", bytes(8 * 16)) for _ in range(count)]


def mixed(column: "array[int]", names: "array[int]", used: int, seed: int) -> int:
    """A number below 2**31 that changes with every cell of a row that has a name (a number other than 0)."""
    h = seed
    prime = PRIME
    for i in range(used):
        if names[i]:
            h = (h * 48_271 + column[i] % prime + 1) % prime
    return h


class Rows:
    """Which rows of a table are in use; a new one is the smallest that is free."""

    def __init__(self) -> None:
        self.used = 0
        self.free: list[int] = []

    def take(self) -> int:
        if self.free:
            return heappop(self.free)
        self.used += 1
        return self.used - 1

    def give(self, row: int) -> None:
        heappush(self.free, row)

    def claim(self, rows: "list[int]") -> None:
        """Start with exactly these rows in use."""
        taken = set(rows)
        self.used = max(rows, default=NONE) + 1
        self.free = [row for row in range(self.used) if row not in taken]

    def twin(self) -> "Rows":
        twin = Rows()
        twin.used, twin.free = self.used, list(self.free)
        return twin


class Board:
    """One floor. `travel` has areas * areas cells: ms from one area to another.

    `class_lo`, `class_hi` bound the areas of a class of work; `group_classes[g]` are the classes a group of hands may
    do.
    """

    def __init__(self, areas: int, travel: "array[int]", origin_ms: int = 0) -> None:
        self.origin_ms = origin_ms
        self.areas = areas
        self.travel = travel
        self.rows = {table: Rows() for table in TABLES}
        self.clear()
        self.class_lo: list[int] = []
        self.class_hi: list[int] = []
        self.group_classes: list[array[int]] = []

    def clear(self) -> None:
        """Empty columns; their names and order are those of TABLES."""
        (
            self.t_number, self.t_kind, self.t_cls, self.t_area, self.t_end_area, self.t_weight, self.t_work_ms,
            self.t_due_ms, self.t_next_ms, self.t_state, self.t_doer, self.t_waits, self.t_unit, self.t_departure,
            self.t_link,
        ) = columns(15)  # fmt: skip
        (
            self.l_to, self.l_number, self.l_next,
        ) = columns(3)  # fmt: skip
        (
            self.r_number, self.r_group, self.r_area, self.r_state, self.r_ready_ms, self.r_task, self.r_factor_q10,
        ) = columns(7)  # fmt: skip
        (
            self.u_number, self.u_zone, self.u_state, self.u_rank, self.u_departure, self.u_tasks, self.u_since_ms,
            self.u_robot,
        ) = columns(8)  # fmt: skip
        (
            self.d_number, self.d_cutoff_ms, self.d_area,
        ) = columns(3)  # fmt: skip
        (
            self.z_number, self.z_room, self.z_inside, self.z_load_cls, self.z_area,
        ) = columns(5)  # fmt: skip

    def widen(self, table: str, row: int) -> None:
        """Make room for a row."""
        size = len(getattr(self, table + "_number"))
        if row >= size:
            for name in TABLES[table].split():
                column = f"{table}_{name}"
                setattr(self, column, grown(getattr(self, column), max(row + 1, 2 * size)))

    def new_row(self, table: str) -> int:
        rows = self.rows[table]
        row = rows.take()
        self.widen(table, row)
        return int(row)

    def claim(self, table: str, rows: "list[int]") -> None:
        """Start with exactly these rows in use, with room for all of them."""
        self.rows[table].claim(rows)
        if rows:
            self.widen(table, max(rows))

    def add_class(self, lo: int, hi: int) -> int:
        """A class of work that lies in the areas lo <= area < hi."""
        self.class_lo.append(lo)
        self.class_hi.append(hi)
        return len(self.class_lo) - 1

    def add_task(
        self, row: int, number: int, kind: int, cls: int, area: int, end_area: int, weight: int, work_ms: int,
        due_ms: int, next_ms: int, unit: int, departure: int,
    ) -> int:  # fmt: skip
        """Enter a task as WAITING; row -1 takes the smallest free one. Returns the row."""
        if row < 0:
            row = self.new_row("t")
        else:
            self.widen("t", row)
        self.t_number[row] = number
        self.t_kind[row] = kind
        self.t_cls[row] = cls
        self.t_area[row] = area
        self.t_end_area[row] = end_area
        self.t_weight[row] = weight
        self.t_work_ms[row] = work_ms
        self.t_due_ms[row] = due_ms
        self.t_next_ms[row] = next_ms
        self.t_state[row] = WAITING
        self.t_doer[row] = NONE
        self.t_waits[row] = 0
        self.t_unit[row] = unit
        self.t_departure[row] = departure
        self.t_link[row] = NONE
        if unit >= 0:
            self.u_tasks[unit] += 1
        return row

    def wait_for(self, row: int, before: int) -> None:
        """`row` cannot begin before `before` has ended."""
        link = self.new_row("l")
        self.l_to[link] = row
        self.l_number[link] = self.t_number[row]
        self.l_next[link] = self.t_link[before]
        self.t_link[before] = link
        self.t_waits[row] += 1

    def end_task(self, row: int) -> None:
        """The task is over: what waited for it waits for one less."""
        link = self.t_link[row]
        while link >= 0:
            to = self.l_to[link]
            if self.t_number[to] == self.l_number[link] and self.t_state[to]:
                self.t_waits[to] -= 1
            gone = link
            link = self.l_next[gone]
            self.l_number[gone] = 0
            self.rows["l"].give(gone)
        unit = self.t_unit[row]
        if unit >= 0:
            self.u_tasks[unit] -= 1
        self.t_state[row] = 0
        self.t_number[row] = 0
        self.rows["t"].give(row)

    def add_resource(self, row: int, number: int, group: int, area: int, factor_q10: int) -> int:
        """Enter a resource as OFF; row -1 takes the smallest free one. Returns the row."""
        if row < 0:
            row = self.new_row("r")
        else:
            self.widen("r", row)
        self.r_number[row] = number
        self.r_group[row] = group
        self.r_area[row] = area
        self.r_state[row] = OFF
        self.r_ready_ms[row] = 0
        self.r_task[row] = NONE
        self.r_factor_q10[row] = factor_q10
        return row

    def end_resource(self, row: int) -> None:
        self.r_state[row] = 0
        self.r_number[row] = 0
        self.rows["r"].give(row)

    def add_unit(self, number: int, zone: int, state: int, rank: int, departure: int, since_ms: int, robot: int) -> int:
        row = self.new_row("u")
        self.u_number[row] = number
        self.u_zone[row] = zone
        self.u_state[row] = state
        self.u_rank[row] = rank
        self.u_departure[row] = departure
        self.u_tasks[row] = 0
        self.u_since_ms[row] = since_ms
        self.u_robot[row] = robot
        return row

    def end_unit(self, row: int) -> None:
        self.u_state[row] = 0
        self.u_number[row] = 0
        self.rows["u"].give(row)

    def add_departure(self, number: int, cutoff_ms: int, area: int) -> int:
        row = self.new_row("d")
        self.d_number[row] = number
        self.d_cutoff_ms[row] = cutoff_ms
        self.d_area[row] = area
        return row

    def add_zone(self, number: int, room: int, load_cls: int, area: int) -> int:
        """`room` units at most are inside at once; `load_cls` is the class of LOAD tasks at the dock (-1: none)."""
        row = self.new_row("z")
        self.z_number[row] = number
        self.z_room[row] = room
        self.z_inside[row] = 0
        self.z_load_cls[row] = load_cls
        self.z_area[row] = area
        return row

    def start(self, resource: int, task: int, now_ms: int) -> int:
        """The resource takes the task: when it should be done, by the estimate and the walk."""
        walk = self.travel[self.r_area[resource] * self.areas + self.t_area[task]]
        ready = now_ms + walk + self.t_work_ms[task] * self.r_factor_q10[resource] // 1024
        self.t_state[task] = DOING
        self.t_doer[task] = resource
        self.r_state[resource] = BUSY
        self.r_task[resource] = task
        self.r_area[resource] = self.t_end_area[task]
        self.r_ready_ms[resource] = ready
        return ready

    def rest(self, resource: int, state: int, area: int, now_ms: int) -> None:
        """The resource has no task any more; `state` is IDLE or OFF."""
        self.r_state[resource] = state
        self.r_task[resource] = NONE
        self.r_area[resource] = area
        self.r_ready_ms[resource] = now_ms

    def fork(self) -> "Board":
        """A copy that shares nothing that changes; costs as much as copying its columns."""
        twin = Board(self.areas, self.travel, self.origin_ms)
        for table in TABLES:
            twin.rows[table] = self.rows[table].twin()
        for name in COLUMNS:
            column = getattr(self, name)
            setattr(twin, name, grown(column, len(column)))
        twin.class_lo = list(self.class_lo)
        twin.class_hi = list(self.class_hi)
        twin.group_classes = list(self.group_classes)
        return twin

    def digest(self) -> int:
        """A number below 2**62 that two boards share when they say the same."""
        low, high = 1, 7
        for name in COLUMNS:
            used, names = self.rows[name[0]].used, getattr(self, name[0] + "_number")
            low = mixed(getattr(self, name), names, used, low)
            high = mixed(getattr(self, name), names, used, high + 11)
        return high * PRIME + low

    def bytes(self) -> int:
        """What the columns take in memory."""
        return sum(8 * len(getattr(self, name)) for name in COLUMNS)
