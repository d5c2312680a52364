# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False
"""The books of one future of the floor (compiled with notes.pxd): what comes next, what is noted, what it came to."""

from array import array
from typing import NamedTuple

from edge.wes.board import INSIDE, LOAD, MOVING, NONE, PACK, PICK, READY, WAITING, Board, filled, grown
from edge.wes.chance import COMING, KINDS, Chance, Timetable

NEVER_MS = 1 << 40
ROOM, TRANSIT, STATION, LANES = KINDS, KINDS + 1, KINDS + 2, KINDS + 3
"""Stages beside the kinds of task: room in the zone, the machines, room at the pack station, room in the lanes."""
STAGES = KINDS + 4


class Slots(NamedTuple):
    """What a row of `Tally.waited_ms` holds: a slot for each class (waiting for hands), from `room`, `transit` and
    `station` on one for each zone (for room in it, on its machines, for room at its pack station), and `lanes`.
    """

    room: int
    transit: int
    station: int
    lanes: int
    size: int


def slots_of(classes: int, zones: int) -> Slots:
    return Slots(classes, classes + zones, classes + 2 * zones, classes + 3 * zones, classes + 3 * zones + 1)


class Agenda:
    """A heap of items, the smallest (key, order) first."""

    def __init__(self) -> None:
        self.count = 0
        self.keys = array("q", bytes(8 * 64))
        self.orders = array("q", bytes(8 * 64))
        self.items = array("q", bytes(8 * 64))

    def put(self, key: int, order: int, item: int) -> None:
        at = self.count
        if at == len(self.keys):
            self.keys = grown(self.keys, 2 * at)
            self.orders = grown(self.orders, 2 * at)
            self.items = grown(self.items, 2 * at)
        self.count += 1
        while at:
            up = (at - 1) >> 1
            if self.keys[up] < key or (self.keys[up] == key and self.orders[up] <= order):
                break
            self.keys[at], self.orders[at], self.items[at] = self.keys[up], self.orders[up], self.items[up]
            at = up
        self.keys[at], self.orders[at], self.items[at] = key, order, item

    def take(self) -> int:
        """Remove the first item of a heap that is not empty."""
        found = self.items[0]
        self.count -= 1
        count, at = self.count, 0
        key, order, item = self.keys[count], self.orders[count], self.items[count]
        while 2 * at + 1 < count:
            low = 2 * at + 1
            if low + 1 < count and (
                self.keys[low + 1] < self.keys[low]
                or (self.keys[low + 1] == self.keys[low] and self.orders[low + 1] < self.orders[low])
            ):
                low += 1
            if key < self.keys[low] or (key == self.keys[low] and order <= self.orders[low]):
                break
            self.keys[at], self.orders[at], self.items[at] = self.keys[low], self.orders[low], self.items[low]
            at = low
        self.keys[at], self.orders[at], self.items[at] = key, order, item
        return found


class Notes:
    """What a future knows of tasks (t_) and units (u_) beside the board: columns by its rows.

    `u_first`, `t_sibling` chain the tasks a unit had at first; `u_limited` counts its open picks and packs, `u_packed`
    its packs; `u_known` is 0 for a unit that may come; `freed` holds what `successors` found. Fixed times are 0 where
    they are to be drawn.
    """

    def __init__(self, board: Board, plan: Timetable, chance: Chance, tide_q10: int) -> None:
        tasks, units = len(board.t_number), len(board.u_number)
        self.t_ready_ms = filled(tasks, 0)
        self.t_fixed_ms = filled(tasks, 0)
        self.t_held = filled(tasks, 0)
        self.t_sibling = filled(tasks, NONE)
        self.u_first = filled(units, NONE)
        self.u_limited = filled(units, 0)
        self.u_packed = filled(units, 0)
        self.u_weight = filled(units, 0)
        self.u_next_ms = filled(units, 0)
        self.u_transit_ms = filled(units, 0)
        self.u_load_ms = filled(units, 0)
        self.u_known = filled(units, 1)
        self.freed = filled(64, 0)
        for task, ms in plan.task_ms.items():
            self.t_fixed_ms[task] = ms
        for unit, ms in plan.transit_ms.items():
            self.u_transit_ms[unit] = ms
        for unit, ms in plan.load_ms.items():
            self.u_load_ms[unit] = ms
        for _, task in plan.tasks:
            self.t_held[task] = 1
        self.guess(board, plan, chance, tide_q10)

    def guess(self, board: Board, plan: Timetable, chance: Chance, tide_q10: int) -> None:
        """Draw how many of the units come that may, times the tide; the others have no part in this future."""
        for departure, counts, units in plan.guesses:
            count = (chance.count(board.d_number[departure], counts) * tide_q10 + 512) // 1024
            for i, unit in enumerate(units):
                self.u_known[unit] = 0
                if i < count:
                    board.u_state[unit] = COMING

    def task(self, board: Board, task: int) -> None:
        """Note a task of a unit that is on the board from the first."""
        unit, kind = board.t_unit[task], board.t_kind[task]
        self.t_sibling[task] = self.u_first[unit]
        self.u_first[unit] = task
        self.u_limited[unit] += kind <= PACK
        self.u_packed[unit] += kind == PACK
        self.u_weight[unit] = max(self.u_weight[unit], board.t_weight[task])
        self.u_next_ms[unit] = max(self.u_next_ms[unit], board.t_next_ms[task])

    def load(self, board: Board, task: int) -> None:
        """Note a LOAD task that has come since."""
        if task >= len(self.t_held):
            size = len(board.t_number)
            self.t_ready_ms = grown(self.t_ready_ms, size)
            self.t_fixed_ms = grown(self.t_fixed_ms, size)
            self.t_held = grown(self.t_held, size)
            self.t_sibling = grown(self.t_sibling, size)
        self.t_held[task] = 0
        self.t_fixed_ms[task] = self.u_load_ms[board.t_unit[task]]

    def packed(self, unit: int, kind: int) -> bool:
        """A task of this kind is over: was it the last pick or pack of a unit that has been packed?"""
        if kind > PACK:
            return False
        self.u_limited[unit] -= 1
        return self.u_limited[unit] == 0 and self.u_packed[unit] > 0

    def picked(self, unit: int) -> bool:
        """Is the unit complete, and a pack of it still to be done?"""
        return 0 < self.u_limited[unit] <= self.u_packed[unit]

    def may_begin(self, board: Board, task: int) -> bool:
        """Is nothing before the task, and is its unit where it is done?"""
        unit, kind = board.t_unit[task], board.t_kind[task]
        if not WAITING <= board.t_state[task] <= READY or board.t_waits[task] or self.t_held[task]:
            return False
        if unit < 0:
            return True
        state = board.u_state[unit]
        return bool(state == INSIDE if kind <= PACK else state != COMING and (kind != LOAD or state != MOVING))

    def successors(self, board: Board, task: int) -> int:
        """Put the tasks that wait for this one into `freed`; how many."""
        count, link = 0, board.t_link[task]
        while link >= 0:
            if count == len(self.freed):
                self.freed = grown(self.freed, 2 * count)
            self.freed[count] = board.l_to[link]
            count += board.t_number[board.l_to[link]] == board.l_number[link]
            link = board.l_next[link]
        return count


class Tally:
    """What a future has come to, by rows of the board; the last row of each column is for what has no departure.

    By departure: `units` (and tasks without a unit) there were, `open` ones left, `missed` ones at the cutoff, when the
    last unit, pick and pack was done (-1: there was none; NEVER_MS). `waited_ms[departure * slots + slot]`: all waiting
    by `Slots`.
    `load_permille[departure * groups + group]`: how busy each group was until the cutoff.
    """

    def __init__(self, departures: int, classes: int, zones: int, groups: int) -> None:
        self.departures = departures
        self.groups = groups
        self.room, self.transit, self.station, self.lanes, self.slots = slots_of(classes, zones)
        rows = departures + 1
        self.units = filled(rows, 0)
        self.open = filled(rows, 0)
        self.picks = filled(rows, 0)
        self.packs = filled(rows, 0)
        self.missed = filled(rows, 0)
        self.gone = filled(rows, 0)
        self.finish_ms = filled(rows, NONE)
        self.pick_ms = filled(rows, NONE)
        self.pack_ms = filled(rows, NONE)
        self.waited_ms = filled(rows * self.slots + 1, 0)
        self.stage_ms = filled(STAGES, 0)
        self.busy_ms = filled(groups + 1, 0)
        self.heads = filled(groups + 1, 0)
        self.absent_ms = filled(groups + 1, 0)
        self.zone_busy_ms = filled(zones + 1, 0)
        self.load_permille = filled(rows * groups + 1, 0)

    def enter(self, departure: int, known: int) -> None:
        """One more unit, or task without one; it counts among the `units` if it is known (1) and not a guess (0)."""
        row = departure if departure >= 0 else self.departures
        self.open[row] += 1
        self.units[row] += known

    def task(self, kind: int, departure: int) -> None:
        """One more task."""
        row = departure if departure >= 0 else self.departures
        self.picks[row] += kind == PICK
        self.packs[row] += kind == PACK

    def ended(self, kind: int, departure: int, now_ms: int) -> None:
        """One task less."""
        row = departure if departure >= 0 else self.departures
        if kind == PICK:
            self.picks[row] -= 1
            self.pick_ms[row] = now_ms
        elif kind == PACK:
            self.packs[row] -= 1
            self.pack_ms[row] = now_ms

    def done(self, departure: int, now_ms: int) -> None:
        """One unit less, or task without one."""
        row = departure if departure >= 0 else self.departures
        self.open[row] -= 1
        self.finish_ms[row] = now_ms

    def wait(self, departure: int, slot: int, stage: int, ms: int) -> None:
        self.waited_ms[(departure if departure >= 0 else self.departures) * self.slots + slot] += ms
        self.stage_ms[stage] += ms

    def shift(self, group: int, comes: int, since_ms: int) -> None:
        """One head of the group comes (1) or goes (-1), so long after the start."""
        self.heads[group] += comes
        self.absent_ms[group] += comes * since_ms

    def cutoff(self, departure: int, since_ms: int) -> None:
        """The departure leaves without what is open; how busy the groups were in that time is noted."""
        self.missed[departure] = self.open[departure]
        self.gone[departure] = 1
        for group in range(self.groups):
            capacity = self.heads[group] * since_ms - self.absent_ms[group]
            if capacity > 0:
                self.load_permille[departure * self.groups + group] = min(self.busy_ms[group] * 1000 // capacity, 1000)

    def close(self, since_ms: int) -> None:
        """What is not done by now never is; a departure whose cutoff is still to come has missed nothing."""
        for row in range(self.departures + 1):
            if not self.gone[row]:
                self.cutoff(row, since_ms)
                self.missed[row] = 0
            if self.open[row]:
                self.finish_ms[row] = NEVER_MS
            if self.picks[row]:
                self.pick_ms[row] = NEVER_MS
            if self.packs[row]:
                self.pack_ms[row] = NEVER_MS
