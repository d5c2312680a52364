"""Small made-up days for hands on a grid: errands with a release, a cutoff and a weight; what a schedule of them costs.

An errand is done in one go by one hand that may do its kind: at `place`, ending at `end_place`. Times are seconds. A
schedule is a route per hand; an errand that is in no route misses its cutoff. Who knows the future may walk ahead and
wait on the spot, so the best cost is a bound for everybody who does not. Days are made of their name in whole numbers.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

MISSED = 1_000_000
"""Cost of a missed cutoff per unit of weight; a second of walking costs 1, so that walks only decide between equals."""
COLUMNS, ROWS, PITCH_S = 6, 4, 8
START, END = 0, COLUMNS * ROWS - 1
WEIGHTS = (1, 1, 1, 1, 1, 1, 3, 3, 3, 8)
PERIOD_S = 600
"""A departure takes the errands every ten minutes."""
LEAD_S = 180
"""An errand is meant for the first departure that is at least so far away."""
MODULUS, FACTOR = 2_147_483_647, 48_271
"""Park and Miller (1988)."""

Routes = Sequence[Sequence[int]]


class BadSchedule(ValueError):
    """A schedule that cannot be: the text says who does what wrong."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One piece of work of one kind."""

    kind: int
    place: int
    end_place: int
    release_s: int
    work_s: int
    cutoff_s: int
    weight: int


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody who starts at a place and may do some kinds of errand."""

    place: int
    kinds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SmallDay:
    """Who is there and what is to be done."""

    name: str
    hands: tuple[Hand, ...]
    errands: tuple[Errand, ...]

    @property
    def weight(self) -> int:
        return sum(each.weight for each in self.errands)

    def digest(self) -> int:
        """Changes with everything that makes up the day; best known values belong to it."""
        return zlib.crc32(json.dumps(asdict(self), sort_keys=True).encode())


@dataclass(frozen=True, slots=True)
class Group:
    """Days of one size; `spread_s` is how far apart the errands of one hand are released on average."""

    words: str
    hands: int
    errands: int
    spread_s: int
    kinds: int
    carried: bool
    days: int = 6


GROUPS = {
    "pair": Group("2 people, 10 picks", 2, 10, 70, 1, carried=False),
    "crew": Group("3 people, 2 skills, 14 picks", 3, 14, 65, 2, carried=False),
    "fleet": Group("4 vehicles, 40 loads", 4, 40, 130, 1, carried=True),
    "floor": Group("6 people, 2 skills, 60 picks", 6, 60, 85, 2, carried=False),
}


def walk_s(a: int, b: int) -> int:
    """From one cell of the grid to another, along the aisles."""
    return PITCH_S * (abs(a % COLUMNS - b % COLUMNS) + abs(a // COLUMNS - b // COLUMNS))


def numbers(seed: int) -> Iterator[int]:
    """Endless whole numbers 0 < n < 2**31 - 1."""
    state = 1 + seed % (MODULUS - 1)
    while True:
        state = FACTOR * state % MODULUS
        yield state


def day(group: str, number: int) -> SmallDay:
    """The day of this name; always the same."""
    shape, name = GROUPS[group], f"{group}-{number}"
    chance = numbers(zlib.crc32(name.encode()))

    def below(limit: int) -> int:
        return next(chance) // 16 % limit

    hands = []
    for hand in range(shape.hands):
        both = hand % 3 == 0
        hands.append(Hand(below(END + 1), tuple(range(shape.kinds)) if both else (hand % shape.kinds,)))
    errands = []
    for _ in range(shape.errands):
        release_s = below(shape.errands * shape.spread_s // shape.hands)
        place = below(END + 1)
        end_place = below(END + 1) if shape.carried else place
        work_s = 40 + below(101) + walk_s(place, end_place)
        cutoff_s = -(-(release_s + LEAD_S) // PERIOD_S) * PERIOD_S
        weight = WEIGHTS[below(len(WEIGHTS))]
        errands.append(Errand(below(shape.kinds), place, end_place, release_s, work_s, cutoff_s, weight))
    return SmallDay(name, tuple(hands), tuple(sorted(errands, key=lambda each: each.release_s)))


def days(per_group: int = 0) -> Iterator[tuple[str, SmallDay]]:
    """(group, day) of all days, or of the first so many of each group."""
    for group, shape in GROUPS.items():
        for number in range(1, 1 + (per_group or shape.days)):
            yield group, day(group, number)


def cost(day: SmallDay, routes: Routes) -> int:
    """MISSED for each unit of weight that is in no route, and the seconds walked. BadSchedule: it cannot be done."""
    if len(routes) != len(day.hands):
        raise BadSchedule(f"{day.name}: {len(routes)} routes for {len(day.hands)} hands")
    done: dict[int, int] = {}
    walked_s = 0
    for number, (hand, route) in enumerate(zip(day.hands, routes, strict=True)):
        at_s, place = 0, hand.place
        for which in route:
            if which in done or not 0 <= which < len(day.errands):
                raise BadSchedule(f"{day.name}: hand {number} does errand {which}, which is done or not there")
            errand = day.errands[which]
            if errand.kind not in hand.kinds:
                raise BadSchedule(f"{day.name}: hand {number} may not do errand {which}")
            way_s = walk_s(place, errand.place)
            at_s, place = max(at_s + way_s, errand.release_s) + errand.work_s, errand.end_place
            if at_s > errand.cutoff_s:
                raise BadSchedule(f"{day.name}: hand {number} ends errand {which} {at_s - errand.cutoff_s} s too late")
            walked_s += way_s
            done[which] = number
    return MISSED * (day.weight - sum(day.errands[which].weight for which in done)) + walked_s
