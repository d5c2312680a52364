"""Will it make its departure: many seeded futures of one moment, in slices, and what would help the ones at risk.

The share of futures in which at least one unit is not loaded at the cutoff is the risk, with Wilson's interval (1927)
for having seen only so many. Actions are tried in futures of the same seeds, so that what differs is the action.
"""

from array import array
from collections.abc import Sequence
from math import isqrt
from operator import add
from typing import NamedTuple

from edge.wes.board import LOAD, NONE, PACK, PICK, Board
from edge.wes.chance import Tables, Timetable
from edge.wes.dispatch import Dispatcher, Tuning
from edge.wes.future import NEXT_MS, Future
from edge.wes.notes import LANES, NEVER_MS, ROOM, STATION, TRANSIT, Tally, slots_of
from edge.wes.remedies import Action, Case, Remedy, remedies

GRACE_MS = 2 * NEXT_MS
"""A future ends so long after the last cutoff; what is not done by then is never done."""
RISKY_PERMILLE = 100
"""From this risk on actions are tried, for CASES_MAX departures, the earliest first."""
CASES_MAX = 4
ACTION_FUTURES = 16
"""An action is tried with so many of the seeds."""
GOLDEN_Q16, ROOT_Q16, HALF_Q16 = 40_503, 27_146, 32_768
"""Multiples of the golden section (or of the root of 2), modulo 1, lie evenly however many there are (Weyl 1916)."""
_Z2 = 38_416
"""1.96 squared, in 1/10 000: intervals hold 95 %."""


class Share(NamedTuple):
    """A share in permille, and between what bounds it is likely to lie (Wilson 1927)."""

    permille: int
    low: int
    high: int


class Gate(NamedTuple):
    """The last task of a kind: when in half of the futures, and by when it must be done so that in nine of ten futures
    the rest is in time; -1 where no such task is open. `miss` is the risk that it is later than that.
    """

    kind: int
    p50_ms: int
    latest_ms: int
    miss_permille: int


class Binding(NamedTuple):
    """Where the units of a departure spend the time in which nobody works on them.

    `stage` is a kind of task (they wait for hands), ROOM, TRANSIT, STATION or LANES (`edge.wes.notes`);
    `share_permille` its part of all waiting; `cls`, `zone`, `group` the class of work, the zone and the hands meant, -1
    if none, and `load_permille` how busy these hands are until the cutoff.
    """

    stage: int
    cls: int
    zone: int
    group: int
    share_permille: int
    load_permille: int


class Outlook(NamedTuple):
    """What the futures say of one departure (a row of the board). Times like the board's; NEVER_MS: not at all.

    `units` counts those there are and those expected to come.
    """

    departure: int
    units: int
    miss: Share
    missed_x10: int
    finish_p10_ms: int
    finish_p50_ms: int
    finish_p90_ms: int
    gates: tuple[Gate, ...]
    binding: Binding
    actions: tuple[Action, ...]


def wilson(hits: int, count: int) -> Share:
    """The share hits / count and its 95 % interval in permille, bounds rounded outwards."""
    if count == 0:
        return Share(0, 0, 1000)
    half = isqrt(_Z2 * (40_000 * hits * (count - hits) // count + _Z2)) + 1
    centre, whole = 20_000 * hits + _Z2, 2 * (10_000 * count + _Z2)
    low = max(0, 1000 * (centre - half) // whole) if hits else 0
    high = min(1000, -(-1000 * (centre + half) // whole)) if hits < count else 1000
    return Share((2000 * hits + count) // (2 * count), low, high)


def quantile(values: Sequence[int], permille: int) -> int:
    """The smallest value that so many of them do not exceed."""
    return sorted(values)[max(0, -(-len(values) * permille // 1000) - 1)]


def kinds_and_zones(board: Board) -> tuple[dict[int, int], dict[int, int]]:
    """The kind of the work and the zone of the units of each class, as far as there is such work."""
    kind_of: dict[int, int] = {}
    zone_of: dict[int, int] = {}
    for zone in range(board.rows["z"].used):
        if board.z_load_cls[zone] >= 0:
            kind_of.setdefault(board.z_load_cls[zone], LOAD)
    states, kinds, classes, units, zones = board.t_state, board.t_kind, board.t_cls, board.t_unit, board.u_zone
    for task in range(board.rows["t"].used):
        if states[task]:
            kind_of.setdefault(classes[task], kinds[task])
            if units[task] >= 0:
                zone_of.setdefault(classes[task], zones[units[task]])
    return kind_of, zone_of


class Record:
    """What one departure came to in each future, in the order of the seeds."""

    def __init__(self) -> None:
        self.units = 0
        self.missed: list[int] = []
        self.finish_ms: list[int] = []
        self.gates: dict[int, list[int]] = {PICK: [], PACK: [], LOAD: []}

    def note(self, tally: Tally, row: int) -> None:
        self.units = max(self.units, tally.units[row])
        self.missed.append(tally.missed[row])
        self.finish_ms.append(tally.finish_ms[row])
        self.gates[PICK].append(tally.pick_ms[row])
        self.gates[PACK].append(tally.pack_ms[row])
        self.gates[LOAD].append(tally.finish_ms[row])

    def gate(self, kind: int, cutoff_ms: int) -> Gate:
        times = self.gates[kind]
        if max(times) == NONE:
            return Gate(kind, NONE, NONE, 0)
        rest = [end - ms for end, ms in zip(self.finish_ms, times, strict=True) if ms < NEVER_MS and end < NEVER_MS]
        latest_ms = cutoff_ms - (quantile(rest, 900) if rest else 0)
        late = sum(ms > latest_ms for ms in times)
        return Gate(kind, quantile(times, 500), latest_ms, wilson(late, len(times)).permille)


class Forecast:
    """`futures` seeded futures of a fork of the board, then the actions; the same arguments, the same result.

    `work` goes on by a slice: it either begins a future, or lets it go on by at most so many events. `movable[group]`
    says whose hands may be added or moved (default: all). Tables and timetable must not change until it is done.
    `spread_permille`: in each future all work takes so much longer or shorter at most, evenly spread over the futures.
    `tide_permille`: of the units drawn to come so many at least and at most do, spread in the same way.
    """

    def __init__(
        self, board: Board, tables: Tables, strategy: int, tuning: Tuning, now_ms: int, futures: int, seed: int,
        timetable: Timetable | None = None, walks: "array[int] | None" = None, movable: Sequence[bool] = (),
        risky_permille: int = RISKY_PERMILLE, action_futures: int = ACTION_FUTURES, spread_permille: int = 0,
        tide_permille: tuple[int, int] = (1000, 1000),
    ) -> None:  # fmt: skip
        self.board = board.fork()
        self.tables = tables
        self.strategy = strategy
        self.tuning = tuning
        self.now_ms = now_ms
        self.futures = futures
        self.seed = seed
        self.timetable = timetable if timetable is not None else Timetable()
        self.walks = walks if walks is not None else Dispatcher(self.board, strategy, tuning).walks
        self.movable = tuple(movable) or (True,) * len(board.group_classes)
        self.risky_permille = risky_permille
        self.spread_permille = spread_permille
        self.tide_permille = tide_permille
        self.action_futures = min(action_futures, futures)
        self.rows = [row for row in range(board.rows["d"].used) if board.d_number[row]]
        self.until_ms = max((board.d_cutoff_ms[row] for row in self.rows), default=now_ms) + GRACE_MS
        self.records = {row: Record() for row in self.rows}
        self.to_come = {
            row: sum(counts) * sum(tide_permille) // (2000 * len(counts)) for row, counts, _ in self.timetable.guesses
        }
        self.classes = kinds_and_zones(self.board)
        self.slots = slots_of(len(board.class_lo), board.rows["z"].used)
        self.waited_ms: list[int] = []
        self.loads: list[int] = []
        self.events = self.ended = 0
        self.future: Future | None = None
        self.cases: list[Case] | None = None
        self.trial: Remedy | None = None

    def work(self, events: int) -> bool:
        """One slice; is it done?"""
        if self.future is None:
            return self._begin()
        before = self.future.events
        over = self.future.step(events)
        self.events += self.future.events - before
        if over:
            self._note(self.future.tally)
            self.future = None
        return False

    def run(self, events: int = 1 << 20) -> tuple[Outlook, ...]:
        """All of it at once."""
        while not self.work(events):
            pass
        return self.result()

    def result(self) -> tuple[Outlook, ...]:
        """The outlook of each departure that has units; ValueError while no future has ended."""
        if not self.ended:
            raise ValueError("no future has ended yet")
        return tuple(self._outlook(row) for row in self.rows if self.records[row].units)

    def _begin(self) -> bool:
        """Begin the next future; there is none when all is done."""
        if self.ended < self.futures:
            self.future = self._future(self.board, self.timetable, self.ended, self.until_ms)
            return False
        if self.cases is None:
            self.cases = self._cases()
            return False
        for case in self.cases:
            for remedy in case.remedies:
                if len(remedy.missed) < self.action_futures:
                    self.trial = remedy
                    board, timetable = remedy.applied(self.board, self.timetable, self.now_ms)
                    self.future = self._future(board, timetable, len(remedy.missed), case.cutoff_ms)
                    return False
        return True

    def _future(self, board: Board, timetable: Timetable, number: int, until_ms: int) -> Future:
        seed = self.seed * 65_536 + number
        place_q16 = (number * GOLDEN_Q16 + HALF_Q16) % (2 * HALF_Q16) - HALF_Q16
        pace_q10 = 1024 + 1024 * self.spread_permille * place_q16 // (1000 * HALF_Q16)
        (low, high), share_q16 = self.tide_permille, (number * ROOT_Q16 + HALF_Q16) % (2 * HALF_Q16)
        tide_q10 = 1024 * (low * 2 * HALF_Q16 + (high - low) * share_q16) // (2000 * HALF_Q16)
        return Future(
            board, self.tables, self.strategy, self.tuning, self.now_ms, seed, timetable, until_ms, self.walks,
            pace_q10, tide_q10,
        )  # fmt: skip

    def _note(self, tally: Tally) -> None:
        if self.trial is not None:
            self.trial.missed.append(tally.missed[self.trial.departure])
            self.trial = None
            return
        self.ended += 1
        for row, record in self.records.items():
            record.note(tally, row)
        self.waited_ms = list(map(add, self.waited_ms or [0] * len(tally.waited_ms), tally.waited_ms))
        self.loads = list(map(add, self.loads or [0] * len(tally.load_permille), tally.load_permille))

    def _cases(self) -> list[Case]:
        """The departures at risk, and what is to be tried for each."""
        risky = []
        for row in self.rows:
            record = self.records[row]
            hits = sum(missed > 0 for missed in record.missed)
            if hits and hits * 1000 >= self.risky_permille * self.ended and self.board.d_cutoff_ms[row] > self.now_ms:
                risky.append((self.board.d_cutoff_ms[row], row))
        cases = []
        for cutoff_ms, row in sorted(risky)[:CASES_MAX]:
            binding = self._binding(row)
            late = max(quantile(self.records[row].missed, 900), 1)
            case = Case(row, cutoff_ms, binding.group, binding.cls, self._loads(row), late)
            case.remedies = remedies(case, self.board, self.timetable, self.movable)
            cases.append(case)
        return cases

    def _loads(self, row: int) -> list[int]:
        """How busy each group is until the cutoff, in permille."""
        groups = len(self.board.group_classes)
        return [load // self.ended for load in self.loads[row * groups : (row + 1) * groups]]

    def _binding(self, row: int) -> Binding:
        """The slot in which most waiting is, and whose hands that are."""
        slots = self.slots
        waited = self.waited_ms[row * slots.size : (row + 1) * slots.size]
        total = sum(waited)
        if not total:
            return Binding(NONE, NONE, NONE, NONE, 0, 0)
        most = max(range(slots.size), key=lambda slot: (waited[slot], -slot))
        share, loads = waited[most] * 1000 // total, self._loads(row)
        if most == slots.lanes:
            # The lanes are full because those who empty them have no time.
            cls = self.board.z_load_cls[0]
            group = self._hands(cls, loads)
            return Binding(LANES, cls, NONE, group, share, loads[group] if group >= 0 else 0)
        if slots.transit <= most < slots.station:
            return Binding(TRANSIT, NONE, most - slots.transit, NONE, share, 0)
        kind_of, zone_of = self.classes
        cls = most
        if most < slots.room:
            stage, zone = kind_of.get(most, NONE), zone_of.get(most, NONE)
        else:
            # A zone or station is full because those who work in it have no time: the busiest of them are meant.
            stage, zone = (ROOM, most - slots.room) if most < slots.transit else (STATION, most - slots.station)
            kinds = (PACK,) if stage == STATION else (PICK, PACK)
            inside = [each for each in sorted(zone_of) if zone_of[each] == zone and kind_of[each] in kinds]
            cls = max(inside, key=lambda each: (self._load(each, loads), waited[each], -each), default=NONE)
        group = self._hands(cls, loads)
        return Binding(stage, cls, zone, group, share, loads[group] if group >= 0 else 0)

    def _able(self, cls: int) -> list[int]:
        return [group for group, allowed in enumerate(self.board.group_classes) if cls in allowed]

    def _load(self, cls: int, loads: list[int]) -> int:
        """How busy the least busy hands for a class are."""
        return min((loads[group] for group in self._able(cls)), default=1000)

    def _hands(self, cls: int, loads: list[int]) -> int:
        """Whose help a class needs: hands that may be moved, with few skills, busy ones."""
        able = self._able(cls)
        classes = self.board.group_classes
        return min(able, key=lambda each: (not self.movable[each], len(classes[each]), -loads[each]), default=NONE)

    def _outlook(self, row: int) -> Outlook:
        record, cutoff_ms = self.records[row], self.board.d_cutoff_ms[row]
        hits, count = sum(missed > 0 for missed in record.missed), self.ended
        finish = [quantile(record.finish_ms, permille) for permille in (100, 500, 900)]
        gates = tuple(record.gate(kind, cutoff_ms) for kind in (PICK, PACK, LOAD))
        actions = [
            self._action(remedy)
            for case in self.cases or []
            if case.departure == row
            for remedy in case.remedies
            if remedy.missed
        ]
        actions.sort(key=lambda each: (each.miss_permille, each.missed_x10, each.kind))
        expected = (20 * sum(record.missed) + count) // (2 * count)
        units = record.units + self.to_come.get(row, 0)
        return Outlook(
            row, units, wilson(hits, count), expected, finish[0], finish[1], finish[2], gates, self._binding(row),
            tuple(actions),
        )  # fmt: skip

    def _action(self, remedy: Remedy) -> Action:
        tried = len(remedy.missed)
        before = wilson(sum(missed > 0 for missed in self.records[remedy.departure].missed[:tried]), tried)
        after = wilson(sum(missed > 0 for missed in remedy.missed), tried)
        expected = (20 * sum(remedy.missed) + tried) // (2 * tried)
        return remedy.action._replace(
            before_permille=before.permille, miss_permille=after.permille, low_permille=after.low,
            high_permille=after.high, missed_x10=expected,
        )  # fmt: skip
