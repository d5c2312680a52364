# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False
"""One simulated future of a floor, event by event, under the dispatch it runs (compiled with future.pxd).

A unit waits for room in zone, station and lanes, is picked and packed, rides on the machines to its lane, and is
loaded; hands walk and work as long as drawn. Two futures of one seed give each task the same luck, whatever is done.
"""

from array import array

from edge.wes.board import (
    BUSY,
    CARRY,
    DOING,
    IDLE,
    INSIDE,
    LOAD,
    MOVING,
    NONE,
    OFF,
    QUEUED,
    READY,
    REPLENISH,
    STAGED,
    WAITING,
    Board,
    filled,
)
from edge.wes.chance import COMING, LOADING, MAYBE, RIDING, WORKING, Chance, Standstill, Tables, Timetable
from edge.wes.dispatch import Dispatcher, Tuning
from edge.wes.entry import Entry
from edge.wes.notes import NEVER_MS, TRANSIT, Agenda, Notes, Tally

WEIGHT = 4
LOAD_MS = 45_000
NEXT_MS = 3_600_000
"""What is taken where nothing is known: the weight of a unit, the time to load it, the time to the next departure."""

_END, _STAGE, _RELEASE, _JOIN, _LEAVE, _ARRIVE, _OPEN, _CUTOFF, _TURN = range(9)
_AFTER_ALL = 1 << 60
_HERE, _LEAVING = 1, 2


class Future:
    """A fork of the board that runs until nothing is left to do, or past `until_ms`; the same arguments, the same end.

    What it came to is in `tally`; `events` counts what has happened, 16 tasks offered as one. `walks` (of a like
    Dispatcher) spares a table of travel costs. Work takes `pace_q10` / 1024 of its time, as much comes as `tide_q10`.
    """

    def __init__(
        self, board: Board, tables: Tables, strategy: int, tuning: Tuning, now_ms: int, seed: int,
        timetable: Timetable | None = None, until_ms: int = NEVER_MS, walks: "array[int] | None" = None,
        pace_q10: int = 1024, tide_q10: int = 1024,
    ) -> None:  # fmt: skip
        self.board = board.fork()
        self.dispatcher = Dispatcher(self.board, strategy, tuning, walks)
        self.tables = tables
        self.chance = Chance(seed)
        self.agenda = Agenda()
        self.start_ms = self.now_ms = now_ms
        self.until_ms = until_ms
        self.over = False
        self.events = self.offers = self.order = self.left = self.number = 0
        self.zones, self.departures = self.board.rows["z"].used, self.board.rows["d"].used
        self.tally = Tally(self.departures, len(board.class_lo), self.zones, len(board.group_classes))
        self.r_here = filled(len(self.board.r_number), 0)
        self.u_turned = filled(len(self.board.u_number), 0)
        plan = timetable if timetable is not None else Timetable()
        self.notes = Notes(self.board, plan, self.chance, tide_q10)
        self.entry = Entry(self.board, plan, self.tally, self.notes)
        self._prepare(plan)
        self._survey()
        factors = self.board.r_factor_q10
        for resource in range(self.board.rows["r"].used):
            factors[resource] = factors[resource] * pace_q10 // 1024
        self._expect(plan)

    def _prepare(self, plan: Timetable) -> None:
        """Lay down when machines and lanes stand still."""
        board = self.board
        cutoffs = [board.d_cutoff_ms[row] for row in range(self.departures) if board.d_number[row]]
        end_ms = min(self.until_ms, max(cutoffs, default=self.start_ms) + NEXT_MS)
        self.standstill = Standstill(
            plan, board.z_number, self.zones, self.departures, self.chance, self.start_ms, end_ms
        )

    def _expect(self, plan: Timetable) -> None:
        """Enter what is to come; what is overdue happens at once."""
        coming = [(at_ms, _OPEN, zone) for at_ms, zone in self.standstill.ends()]
        coming += [(at_ms, _ARRIVE, unit) for at_ms, unit in plan.units if self.board.u_state[unit] == COMING]
        coming += [(at_ms, _RELEASE, task) for at_ms, task in plan.tasks]
        coming += [(at_ms, _JOIN if comes else _LEAVE, resource) for at_ms, resource, comes in plan.shifts]
        for at_ms, unit, rank in plan.turns:
            coming.append((at_ms, _TURN, unit))
            self.u_turned[unit] = rank
        for at_ms, kind, row in coming:
            self._put(max(at_ms, self.start_ms), kind, row)

    def _survey(self) -> None:
        """Take stock of the board: what is open, and what is under way and when it will end."""
        board = self.board
        for task in range(board.rows["t"].used):
            if board.t_state[task] and (board.t_unit[task] < 0 or board.u_state[board.t_unit[task]] != MAYBE):
                self._enter_task(task)
        for unit in range(board.rows["u"].used):
            if board.u_state[unit] and board.u_state[unit] != MAYBE:
                self.left += 1
                if board.u_state[unit] != COMING:
                    self._enter_unit(unit)
        for resource in range(board.rows["r"].used):
            if board.r_state[resource] == BUSY:
                self._put(self.now_ms + self._residue_ms(resource), _END, resource)
            if board.r_state[resource] >= IDLE:
                self._put(self.now_ms, _JOIN, resource)
        for departure in range(self.departures):
            if board.d_number[departure]:
                self._put(max(board.d_cutoff_ms[departure], self.now_ms), _CUTOFF, departure)

    def _enter_task(self, task: int) -> None:
        board = self.board
        self.number = max(self.number, board.t_number[task])
        doer = board.t_doer[task]
        if board.t_state[task] == DOING and (doer < 0 or board.r_state[doer] != BUSY or board.r_task[doer] != task):
            # Who had it is not at work: as if it had come back.
            board.t_state[task] = WAITING
        if board.t_unit[task] >= 0:
            self.notes.task(board, task)
        else:
            self.left += 1
            self.tally.enter(NONE if board.t_kind[task] == REPLENISH else board.t_departure[task], 1)
        self.tally.task(board.t_kind[task], self._departure(task))
        if self.notes.may_begin(board, task):
            self._put(self.now_ms, _RELEASE, task)

    def _enter_unit(self, unit: int) -> None:
        """The unit is on the floor: it waits, or goes on from where it is."""
        board, state, zone = self.board, self.board.u_state[unit], self.board.u_zone[unit]
        self.tally.enter(board.u_departure[unit], self.notes.u_known[unit])
        self.entry.count(unit, 1)
        if state == INSIDE and zone >= 0:
            board.z_inside[zone] += 1
        if state == INSIDE and not board.u_tasks[unit]:
            # Picked, and nobody has planned the rest yet.
            self._send(unit)
        elif state == MOVING:
            self._ride(unit, max(self.now_ms - board.u_since_ms[unit], 0))
        elif state == STAGED and not board.u_tasks[unit]:
            self._put(self.now_ms, _STAGE, unit)
        elif state == QUEUED:
            board.u_since_ms[unit] = self.now_ms
            if zone >= 0:
                self.entry.join(unit)
            else:
                self._let_in(unit)

    def _residue_ms(self, resource: int) -> int:
        """What is left of the walk and the work of busy hands, by what they have spent on it."""
        board, task = self.board, self.board.r_task[resource]
        began_ms = board.r_ready_ms[resource] - board.t_work_ms[task] * board.r_factor_q10[resource] // 1024
        spent_ms = self.now_ms - began_ms
        left_ms = self._work_ms(resource, task, max(spent_ms, 0)) - min(spent_ms, 0)
        self._busy(resource, task, left_ms)
        return left_ms

    def run(self) -> None:
        """To the end."""
        while not self.step(1 << 30):
            pass

    def step(self, events: int) -> bool:
        """Go on by at most that many events; is it over?"""
        while events > 0 and not self.over:
            if not self.left or not self.agenda.count or self.agenda.keys[0] > self.until_ms:
                self.over = True
                self.entry.close(self.now_ms)
                self.tally.close(self.now_ms - self.start_ms)
                break
            self.now_ms = self.agenda.keys[0]
            item = self.agenda.take()
            self._happen(item)
            self.offers += item & 15 == _RELEASE
            if item & 15 != _RELEASE or self.offers & 15 == 0:
                self.events += 1
                events -= 1
            if not self.agenda.count or self.agenda.keys[0] > self.now_ms:
                self._settle()
        return self.over

    def _put(self, at_ms: int, kind: int, row: int) -> None:
        self.order += 1
        # What is done in the very ms of the cutoff is in time.
        self.agenda.put(at_ms, self.order + (_AFTER_ALL if kind == _CUTOFF else 0), 16 * row + kind)

    def _happen(self, item: int) -> None:
        kind, row = item & 15, item >> 4
        if kind == _END:
            self._end(row)
        elif kind == _STAGE:
            self._stage(row)
        elif kind == _RELEASE:
            self.notes.t_held[row] = 0
            self._release(row)
        elif kind == _ARRIVE:
            self.board.u_state[row] = QUEUED
            self._enter_unit(row)
            self._release_all(row)
        elif kind == _CUTOFF:
            self.tally.cutoff(row, self.now_ms - self.start_ms)
        elif kind == _OPEN:
            self.entry.stale = True
        elif kind == _TURN:
            self.entry.turn(row, self.u_turned[row])
        else:
            self._shift(row, kind == _JOIN)

    def _settle(self) -> None:
        """After all that happens at one time: let units in, and give work to idle hands."""
        if self.entry.stale:
            self.entry.stale = False
            for zone in range(self.zones):
                self._admit(zone)
        for i in range(self.dispatcher.choose(self.now_ms)):
            self._begin(self.dispatcher.chosen_r[i], self.dispatcher.chosen_t[i])

    def _shift(self, resource: int, comes: bool) -> None:
        """Somebody joins, or leaves once the task in hand is done."""
        board, here = self.board, self.r_here[resource] == _HERE
        if comes == here:
            return
        self.tally.shift(board.r_group[resource], 1 if comes else -1, self.now_ms - self.start_ms)
        if board.r_state[resource] == BUSY:
            self.r_here[resource] = _HERE if comes else _LEAVING
        else:
            self.r_here[resource] = _HERE if comes else 0
            board.rest(resource, IDLE if comes else OFF, board.r_area[resource], self.now_ms)
        self.dispatcher.hands(resource, self.now_ms)

    def _begin(self, resource: int, task: int) -> None:
        board = self.board
        walk_ms = board.travel[board.r_area[resource] * board.areas + board.t_area[task]]
        left_ms = walk_ms + self._work_ms(resource, task, 0)
        board.start(resource, task, self.now_ms)
        waited_ms = self.now_ms - self.notes.t_ready_ms[task]
        self.tally.wait(self._departure(task), board.t_cls[task], board.t_kind[task], waited_ms)
        self._busy(resource, task, left_ms)
        self._put(self.now_ms + left_ms, _END, resource)
        self.dispatcher.hands(resource, self.now_ms)

    def _busy(self, resource: int, task: int, ms: int) -> None:
        unit = self.board.t_unit[task]
        self.tally.busy_ms[self.board.r_group[resource]] += ms
        if self.board.t_kind[task] in (LOAD, CARRY):
            self.entry.load(self._departure(task), 1)
        if unit >= 0 and self.board.u_zone[unit] >= 0:
            self.tally.zone_busy_ms[self.board.u_zone[unit]] += ms

    def _work_ms(self, resource: int, task: int, spent_ms: int) -> int:
        """How long the task takes these hands once there, less what they have spent on it."""
        board, kind, factor = self.board, self.board.t_kind[task], self.board.r_factor_q10[resource]
        if self.notes.t_fixed_ms[task]:
            return max(self.notes.t_fixed_ms[task] - spent_ms, 1)
        table = self.tables.of(kind, board.t_cls[task])
        if table < 0:
            left_ms = board.t_work_ms[task] * factor // 1024 - spent_ms
            return left_ms if left_ms > 0 else spent_ms // 4 + 1
        if kind == LOAD and board.t_unit[task] >= 0:
            draw = self.chance.enter(LOADING, board.u_number[board.t_unit[task]])
        else:
            draw = self.chance.enter(WORKING, board.t_number[task])
        return self.tables.left_ms(table, draw, spent_ms, factor)

    def _end(self, resource: int) -> None:
        """The resource has done its task: what waited for it goes on, and the resource looks for the next one."""
        board, task = self.board, self.board.r_task[resource]
        unit, kind, departure = board.t_unit[task], board.t_kind[task], self._departure(task)
        count = self.notes.successors(board, task)
        board.end_task(task)
        leaves = self.r_here[resource] == _LEAVING
        if leaves:
            self.r_here[resource] = 0
        board.rest(resource, OFF if leaves else IDLE, board.r_area[resource], self.now_ms)
        self.dispatcher.hands(resource, self.now_ms)
        self.tally.ended(kind, departure, self.now_ms)
        if kind in (LOAD, CARRY):
            self.entry.load(departure, -1)
        for i in range(count):
            self._release(self.notes.freed[i])
        if unit < 0:
            self.left -= 1
            self.tally.done(NONE if kind == REPLENISH else departure, self.now_ms)
        else:
            self._advance(unit, kind)

    def _departure(self, task: int) -> int:
        unit = self.board.t_unit[task]
        return self.board.u_departure[unit] if unit >= 0 else self.board.t_departure[task]

    def _release(self, task: int) -> None:
        if self.notes.may_begin(self.board, task):
            self.board.t_state[task] = READY
            self.notes.t_ready_ms[task] = self.now_ms
            self.dispatcher.offer(task, self.now_ms)

    def _release_all(self, unit: int) -> None:
        task = self.notes.u_first[unit]
        while task >= 0:
            if self.board.t_unit[task] == unit and self.board.t_state[task] == WAITING:
                self._release(task)
            task = self.notes.t_sibling[task]

    def _admit(self, zone: int) -> None:
        """Fill the zone; nothing goes in while its machines stand still."""
        if self.standstill.stands(zone, self.now_ms):
            return
        unit = self.entry.admit(zone, self.now_ms)
        while unit >= 0:
            self._let_in(unit)
            unit = self.entry.admit(zone, self.now_ms)

    def _let_in(self, unit: int) -> None:
        self.board.u_state[unit] = INSIDE
        self.entry.count(unit, 1)
        self._release_all(unit)

    def _advance(self, unit: int, kind: int) -> None:
        """A task of the unit is over: on to the machines once it is packed, done once nothing is left."""
        board = self.board
        if self.notes.packed(unit, kind) and board.u_state[unit] == INSIDE:
            self._send(unit)
        elif board.u_state[unit] == INSIDE and self.notes.picked(unit):
            self.entry.reach_station(unit)
        elif not board.u_tasks[unit] and board.u_state[unit] != MOVING:
            self._done(unit)

    def _leave_zone(self, unit: int) -> None:
        zone = self.board.u_zone[unit]
        if zone >= 0 and self.board.u_state[unit] == INSIDE:
            self.entry.leave_station(unit)
            self.board.z_inside[zone] -= 1
            self.entry.stale = True

    def _done(self, unit: int) -> None:
        self._leave_zone(unit)
        self.left -= 1
        departure = self.board.u_departure[unit]
        self.tally.done(departure, self.now_ms)
        self.entry.count(unit, -1)
        self.board.end_unit(unit)
        self.entry.call(departure)

    def _send(self, unit: int) -> None:
        self._leave_zone(unit)
        self.board.u_state[unit] = MOVING
        self.board.u_since_ms[unit] = self.now_ms
        self._ride(unit, 0)

    def _ride(self, unit: int, spent_ms: int) -> None:
        """On the machines until it lies in its lane; standing machines take as much longer, a closed lane waits."""
        board, zone, departure = self.board, self.board.u_zone[unit], self.board.u_departure[unit]
        left_ms = self.notes.u_transit_ms[unit]
        if left_ms:
            left_ms = max(left_ms - spent_ms, 1)
        elif zone >= 0 and self.tables.transit[zone] >= 0:
            draw = self.chance.enter(RIDING, board.u_number[unit])
            left_ms = self.tables.left_ms(self.tables.transit[zone], draw, spent_ms, 1024)
        at_ms = self.standstill.off_machines_ms(zone, self.now_ms, left_ms) if zone >= 0 else self.now_ms + left_ms
        if departure >= 0:
            at_ms = self.standstill.in_lane_ms(departure, at_ms)
        if zone >= 0:
            self.tally.wait(departure, self.tally.transit + zone, TRANSIT, at_ms - self.now_ms)
        self._put(at_ms, _STAGE, unit)

    def _stage(self, unit: int) -> None:
        """The unit lies in its lane and wants to be loaded."""
        board, zone, departure = self.board, self.board.u_zone[unit], self.board.u_departure[unit]
        self.entry.count(unit, -1)
        board.u_state[unit] = STAGED
        self.entry.count(unit, 1)
        self.entry.call(departure)
        cls = board.z_load_cls[zone] if zone >= 0 else NONE
        if board.u_tasks[unit]:
            self._release_all(unit)
        elif cls < 0 or departure < 0:
            self._done(unit)
        else:
            self._release(self._load(unit, cls, departure))

    def _load(self, unit: int, cls: int, departure: int) -> int:
        """A new LOAD task at the lane of the departure."""
        board, cutoff_ms, table = self.board, self.board.d_cutoff_ms[departure], self.tables.of(LOAD, cls)
        area = min(max(board.d_area[departure], board.class_lo[cls]), board.class_hi[cls] - 1)
        self.number += 1
        task = board.add_task(
            NONE, self.number, LOAD, cls, area, area, self.notes.u_weight[unit] or WEIGHT,
            self.tables.mean_ms(table) if table >= 0 else LOAD_MS, cutoff_ms,
            max(self.notes.u_next_ms[unit], cutoff_ms + NEXT_MS), unit, departure,
        )  # fmt: skip
        self.notes.load(board, task)
        return task
