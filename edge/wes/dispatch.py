# cython: language_level=3, annotation_typing=False
"""Who does what now: the pool of ready tasks and the one scan that chooses among them (compiled with dispatch.pxd).

Ready tasks lie in buckets by zone, skill and kind of doer, as parallel arrays, so that one resource looks only at work
it may do. The index is apparent tardiness with travel in its integer form: slack that is left, weight of the priority
and the walk, all in milliseconds of slack (dispatch.md 4; Lee, Bhaskaran, Pinedo 1997). Lower goes first; ties go by
latest start, then by task number, so that the order of the arrays never matters.
"""

from array import array

SLACK = 0
EDD = 1
FIFO = 2
STRATEGIES = {"slack": SLACK, "edd": EDD, "fifo": FIFO}

TRAVEL_WEIGHT = 20
"""A second of walking counts as this many seconds of slack."""
PRIORITY_MS = 300_000
"""One step of priority counts as this much slack."""

PEOPLE = 0
ANYONE = 1
ROBOTS = 2


def distance_mm(ax: int, ay: int, a_lo: int, a_hi: int, bx: int, by: int, b_lo: int, b_hi: int) -> int:
    """The walk between two spots: straight inside an aisle, else around the nearer end; 0 if one of them is nowhere."""
    if a_lo > a_hi or b_lo > b_hi:
        return 0
    across = abs(ax - bx)
    if across == 0 and a_lo == b_lo and a_hi == b_hi:
        return abs(ay - by)
    best = abs(ay - a_lo) + abs(a_lo - b_lo) + abs(b_lo - by)
    other = abs(ay - a_hi) + abs(a_hi - b_hi) + abs(b_hi - by)
    best = min(best, other)
    other = abs(ay - a_lo) + abs(a_lo - b_hi) + abs(b_hi - by)
    best = min(best, other)
    other = abs(ay - a_hi) + abs(a_hi - b_lo) + abs(b_lo - by)
    return across + min(best, other)


def urgency(strategy: int, now_ms: int, number: int, latest_ms: int, priority: int) -> int:
    """The index without the walk."""
    if strategy == FIFO:
        return number
    if strategy == EDD:
        return latest_ms
    return max(latest_ms - now_ms, 0) + priority * PRIORITY_MS


def scan(
    strategy: int,
    now_ms: int,
    weight_mm: int,
    x: int,
    y: int,
    lo: int,
    hi: int,
    numbers: "array[int]",
    latest: "array[int]",
    priority: "array[int]",
    xs: "array[int]",
    ys: "array[int]",
    los: "array[int]",
    his: "array[int]",
) -> "tuple[int, int, int]":
    """(index, latest start, number) of the task to do first from (x, y); number 0 if there is none."""
    best = best_latest = best_number = 0
    for i in range(len(numbers)):
        index = urgency(strategy, now_ms, numbers[i], latest[i], priority[i])
        if best_number and index > best:
            continue
        if strategy == SLACK:
            index += weight_mm * distance_mm(x, y, lo, hi, xs[i], ys[i], los[i], his[i])
        if best_number:
            if index > best:
                continue
            if index == best and (latest[i], numbers[i]) > (best_latest, best_number):
                continue
        best = index
        best_latest = latest[i]
        best_number = numbers[i]
    return best, best_latest, best_number


def count_before(latest: "array[int]", limit_ms: int) -> int:
    """How many tasks must start earlier than `limit_ms`."""
    count = 0
    for i in range(len(latest)):
        if latest[i] < limit_ms:
            count += 1
    return count


class Bucket:
    """Ready tasks of one zone that ask for the same skill, as parallel arrays; `at` finds a task's position."""

    def __init__(self, zone: str, skill: str, doers: int) -> None:
        self.zone = zone
        self.words = tuple(skill.split("+"))
        self.doers = doers
        self.at: dict[int, int] = {}
        self.numbers = array("q")
        self.latest = array("q")
        self.priority = array("q")
        self.xs = array("q")
        self.ys = array("q")
        self.los = array("q")
        self.his = array("q")

    def columns(self) -> "tuple[array[int], ...]":
        return self.numbers, self.latest, self.priority, self.xs, self.ys, self.los, self.his

    def add(self, row: "tuple[int, int, int, int, int, int, int]") -> None:
        self.at[row[0]] = len(self.numbers)
        for column, value in zip(self.columns(), row, strict=True):
            column.append(value)

    def remove(self, number: int) -> None:
        """Fill the gap with the last row."""
        position = self.at.pop(number)
        last = len(self.numbers) - 1
        if position != last:
            self.at[self.numbers[last]] = position
        for column in self.columns():
            column[position] = column[last]
            column.pop()

    def suits(self, zones: "tuple[str, ...]", skills: "tuple[str, ...]", robot: bool) -> bool:
        """May somebody with these zones and skills do these tasks?"""
        if self.zone not in zones and "*" not in zones:
            return False
        if self.doers == (PEOPLE if robot else ROBOTS):
            return False
        return all(word in skills for word in self.words)


class Pool:
    """All ready tasks. `fresh` names the buckets that grew since the last round of dispatch."""

    def __init__(self) -> None:
        self.buckets: dict[tuple[str, str, int], Bucket] = {}
        self.home: dict[int, tuple[str, str, int]] = {}
        self.fresh: dict[tuple[str, str, int], Bucket] = {}

    def add(self, key: "tuple[str, str, int]", row: "tuple[int, int, int, int, int, int, int]") -> None:
        """`key` is (zone, skill, doers); `row` is (number, latest_ms, priority, x, y, lo, hi)."""
        bucket = self.buckets.get(key)
        if bucket is None:
            bucket = self.buckets[key] = Bucket(*key)
        bucket.add(row)
        self.home[row[0]] = key
        self.fresh[key] = bucket

    def remove(self, number: int) -> None:
        key = self.home.pop(number)
        bucket = self.buckets[key]
        bucket.remove(number)
        if not bucket.numbers:
            del self.buckets[key]
            self.fresh.pop(key, None)

    def best(
        self,
        buckets: "list[Bucket]",
        strategy: int,
        now_ms: int,
        weight_mm: int,
        spot: "tuple[int, int, int, int]",
    ) -> int:
        """The number of the task to do first among these buckets, seen from `spot`; 0 if they are empty."""
        first = (0, 0, 0)
        for bucket in buckets:
            found = scan(strategy, now_ms, weight_mm, *spot, *bucket.columns())
            if found[2] and (not first[2] or found < first):
                first = found
        return first[2]
