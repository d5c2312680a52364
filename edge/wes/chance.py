# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False
"""What a future of the floor is made from (compiled with chance.pxd): luck, service times, and the timetable.

Each draw belongs to the seed and to the task, not to the order of events: two futures of the same seed give every task
the same luck, whoever does it and whenever (common random numbers: Law, Simulation Modeling and Analysis, 11.2).
Streams: combined multiplicative congruential (L'Ecuyer 1988), entered by fifth powers modulo its primes in the way of
MiMC (Albrecht et al. 2016).
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise

from edge.wes.board import NONE, filled, grown
from edge.wes.index import log_q32

QUANTILES = 64
KINDS = 7
"""Kinds of task, PICK to OTHER."""
COMING = 5
MAYBE = 6
"""States of a unit row: it is still to arrive; it may, and each future draws whether it does."""
BREAKDOWNS_MAX = 256
"""Closings and breakdowns of one zone in one future."""

WORKING, LOADING, RIDING, BREAKING, ARRIVING = range(5)
"""What a draw is for: a task, the LOAD of a unit, its way on the machines, breakdowns of a zone, the units to come."""
_FIRST_PRIME = 2_147_483_563
_SECOND_PRIME = 2_147_483_399
_FIRST_STEP = 40_014
_SECOND_STEP = 40_692
_QUANTILES = QUANTILES


def fifth(x: int, prime: int) -> int:
    """x to the power of 5 modulo a prime below 2**31: shuffles all numbers below it."""
    square = x * x % prime
    return square * square % prime * x % prime


class Chance:
    """Random numbers of one seed, a stream for every (purpose 0..15, number)."""

    def __init__(self, seed: int) -> None:
        self.first_key = fifth(seed % _FIRST_PRIME, _FIRST_PRIME)
        self.second_key = fifth((seed + 1) % _SECOND_PRIME, _SECOND_PRIME)
        self.first = self.second = 1

    def enter(self, purpose: int, number: int) -> int:
        """Begin a stream; its first draw."""
        prime, word = _FIRST_PRIME, 16 * number + purpose
        x = fifth((self.first_key + word) % prime, prime)
        self.first = fifth((self.first_key + x + 362_436_069) % prime, prime) or 1
        prime = _SECOND_PRIME
        x = fifth((self.second_key + word) % prime, prime)
        self.second = fifth((self.second_key + x + 521_288_629) % prime, prime) or 1
        return self.draw()

    def draw(self) -> int:
        """The next number, 0 <= draw < 2147483562."""
        self.first = _FIRST_STEP * self.first % _FIRST_PRIME
        self.second = _SECOND_STEP * self.second % _SECOND_PRIME
        return (self.first - self.second) % (_FIRST_PRIME - 1)

    def wait_ms(self, mean_ms: int) -> int:
        """An exponential time; the mean below 2**40 ms."""
        nats_q16 = (log_q32(_FIRST_PRIME) - log_q32(self.draw() + 1)) >> 16
        return mean_ms * nats_q16 >> 16

    def count(self, number: int, counts: Sequence[int]) -> int:
        """How many units come for the departure of this number: one of 64 equally probable counts."""
        return counts[self.enter(ARRIVING, number) * _QUANTILES // _FIRST_PRIME]


class Tables:
    """How long things take: tables of 64 equally probable times in ms, ascending (`calibrate.Times.table`).

    `work[kind * classes + cls]` and `transit[zone]` are numbers of tables. Work without a table takes its estimate, a
    transit without one no time.
    """

    def __init__(self, classes: int, zones: int) -> None:
        self.classes = classes
        self.count = 0
        self.cells = filled(_QUANTILES, 0)
        self.work = filled(KINDS * max(classes, 1), NONE)
        self.transit = filled(max(zones, 1), NONE)

    def enter(self, times_ms: Sequence[int]) -> int:
        """Returns the number of the table. ValueError: not 64 ascending times."""
        if len(times_ms) != _QUANTILES or any(a > b for a, b in pairwise(times_ms)):
            raise ValueError(f"{_QUANTILES} ascending times make a table")
        first = self.count * _QUANTILES
        if first == len(self.cells):
            self.cells = grown(self.cells, 2 * first)
        for i in range(_QUANTILES):
            self.cells[first + i] = times_ms[i]
        self.count += 1
        return self.count - 1

    def of(self, kind: int, cls: int) -> int:
        """The table of a kind of work in a class; -1 if none."""
        return self.work[kind * self.classes + cls] if cls < self.classes else NONE

    def mean_ms(self, table: int) -> int:
        total = 0
        for i in range(table * _QUANTILES, (table + 1) * _QUANTILES):
            total += self.cells[i]
        return total // _QUANTILES

    def left_ms(self, table: int, draw: int, spent_ms: int, factor_q10: int) -> int:
        """What is left of a time of which so much has passed: one of the quantiles above that, else a quarter more."""
        first, last = table * _QUANTILES, (table + 1) * _QUANTILES
        while first < last and self.cells[first] * factor_q10 // 1024 <= spent_ms:
            first += 1
        if first == last:
            return spent_ms // 4 + 1
        return self.cells[first + draw * (last - first) // _FIRST_PRIME] * factor_q10 // 1024 - spent_ms


class Timetable:
    """What is known of the time to come, by rows of the board; times are ms like the board's.

    `units`, `tasks`: (at_ms, row), a unit arrives (until then it stands on the board as COMING with its tasks WAITING),
    a task without a unit appears. `shifts`: (at_ms, resource, comes), it joins, or leaves when its task is done.
    `closings`: (zone, from_ms, to_ms), the machines stand still and nothing is let in. `lanes`: (departure, from_ms,
    to_ms), the lane takes no units. `breakdowns`: (zone, mean ms until one, mean ms to repair), both exponential.
    `berths`: (departure, group, units), all its lanes hold so many, and those of all departures of the group as many as
    `shared` says of it; without it there is room for any number.
    `stations`: (zone, station, units), where the zone's units are packed; it takes in none while so many wait there.
    `turns`: (at_ms, unit, rank), a unit that still waits for room then has this rank from then on.
    `guesses`: (departure, 64 equally probable numbers, units): so many of these MAYBE units come, the first ones.
    `task_ms`, `transit_ms` (by unit), `load_ms` (by unit): fixed times instead of drawn ones, to run a day again.
    """

    def __init__(self) -> None:
        self.units: list[tuple[int, int]] = []
        self.tasks: list[tuple[int, int]] = []
        self.shifts: list[tuple[int, int, bool]] = []
        self.closings: list[tuple[int, int, int]] = []
        self.lanes: list[tuple[int, int, int]] = []
        self.breakdowns: list[tuple[int, int, int]] = []
        self.berths: list[tuple[int, int, int]] = []
        self.shared: list[int] = []
        self.stations: list[tuple[int, int, int]] = []
        self.turns: list[tuple[int, int, int]] = []
        self.guesses: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = []
        self.task_ms: dict[int, int] = {}
        self.transit_ms: dict[int, int] = {}
        self.load_ms: dict[int, int] = {}

    def fork(self) -> "Timetable":
        """A copy that shares nothing that changes."""
        twin = Timetable()
        for name, value in vars(self).items():
            setattr(twin, name, value.copy())
        return twin


class Standstill:
    """When the machines of each zone and the lane of each departure stand still in one future, drawn and planned."""

    def __init__(
        self, plan: Timetable, zone_numbers: "array[int]", zones: int, departures: int, chance: Chance,
        start_ms: int, end_ms: int,
    ) -> None:  # fmt: skip
        """Breakdowns are drawn from `start_ms` to `end_ms`, by the number of the zone."""
        spans: list[list[tuple[int, int]]] = [[] for _ in range(zones + departures)]
        for zone, from_ms, to_ms in plan.closings:
            spans[zone].append((from_ms, to_ms))
        for departure, from_ms, to_ms in plan.lanes:
            spans[zones + departure].append((from_ms, to_ms))
        for zone, up_ms, down_ms in plan.breakdowns:
            chance.enter(BREAKING, zone_numbers[zone])
            at_ms = start_ms + chance.wait_ms(up_ms)
            while at_ms < end_ms and len(spans[zone]) < BREAKDOWNS_MAX:
                to_ms = at_ms + 1 + chance.wait_ms(down_ms)
                spans[zone].append((at_ms, to_ms))
                at_ms = to_ms + chance.wait_ms(up_ms)
        flat = [span for each in spans for span in sorted(each)]
        self.zones = zones
        self.first = array("q", accumulate((len(each) for each in spans), initial=0))
        self.from_ms = array("q", [from_ms for from_ms, _ in flat] or [0])
        self.to_ms = array("q", [to_ms for _, to_ms in flat] or [0])

    def ends(self) -> list[tuple[int, int]]:
        """(to_ms, zone): when the machines of the zones run again."""
        return [
            (self.to_ms[i], zone) for zone in range(self.zones) for i in range(self.first[zone], self.first[zone + 1])
        ]

    def stands(self, zone: int, at_ms: int) -> bool:
        """Do the machines of the zone stand still?"""
        found = False
        for i in range(self.first[zone], self.first[zone + 1]):
            found = found or self.from_ms[i] <= at_ms < self.to_ms[i]
        return found

    def off_machines_ms(self, zone: int, at_ms: int, left_ms: int) -> int:
        """When a ride that has so long to go is over; it stands still with the machines."""
        for i in range(self.first[zone], self.first[zone + 1]):
            if at_ms < self.to_ms[i] and self.from_ms[i] < at_ms + left_ms:
                left_ms -= max(self.from_ms[i] - at_ms, 0)
                at_ms = self.to_ms[i]
        return at_ms + left_ms

    def in_lane_ms(self, departure: int, at_ms: int) -> int:
        """When the lane takes a unit that comes at this time."""
        row = self.zones + departure
        for i in range(self.first[row], self.first[row + 1]):
            if self.from_ms[i] <= at_ms < self.to_ms[i]:
                at_ms = self.to_ms[i]
        return at_ms
