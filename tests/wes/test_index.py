"""The priority index: every decision is the one that looking at every item would give."""

import math
import tracemalloc
from array import array
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wes import index as module
from edge.wes.index import LOST, NEVER_MS, REACH, Index, log_q32
from tests.bench.priority import STRATEGIES, Worth, slope_of, walk_cost, worth

COMPILED = not module.__file__.endswith(".py")
CASES = 100_000 if COMPILED else 5_000
"""Random decisions that are compared with the plain reference."""
Q32 = 1 << 32
MINUTE = 60_000


class Item(NamedTuple):
    cls: int
    area: int
    number: int
    worth: Worth


class Reference:
    """The contract in plain words: a dictionary, and a sort for every question."""

    def __init__(self, areas: int, slope: int, travel: "array[int]") -> None:
        self.areas, self.slope, self.travel = areas, slope, travel
        self.items: dict[int, Item] = {}

    def value(self, item: int, t: int) -> int:
        top, line, urgent_ms, lost_ms, line2, urgent2_ms = self.items[item].worth
        if t < urgent_ms:
            return line + self.slope * t
        if t < lost_ms:
            return top
        return line2 + self.slope * t if t < urgent2_ms else top - LOST

    def score(self, item: int, area: int, t: int) -> int:
        return self.value(item, t) - self.travel[area * self.areas + self.items[item].area]

    def order(self, classes: "array[int]", area: int, t: int) -> list[int]:
        able = [item for item, each in self.items.items() if each.cls in classes]
        return sorted(able, key=lambda item: (-self.score(item, area, t), self.items[item].number, item))


class Pair:
    """An index and the reference, told the same."""

    def __init__(self, areas: int, slope: int, travel: "array[int]", spans: list[tuple[int, int]]) -> None:
        self.index, self.reference, self.spans = Index(areas, slope, travel), Reference(areas, slope, travel), spans
        assert [self.index.add_class(lo, hi) for lo, hi in spans] == list(range(len(spans)))

    def goal(self, top: int, above: int, urgent_ms: int, lost_ms: int, below: int, urgent2_ms: int) -> Worth:
        """The first line ends so far above the top, the second so far below."""
        slope = self.index.slope
        line2 = top - slope * (urgent2_ms - 1) - below
        return Worth(top, top - slope * urgent_ms + above, urgent_ms, lost_ms, line2, urgent2_ms)

    def put(self, item: int, row: Item) -> None:
        self.index.put(item, row.cls, row.area, row.number, *row.worth)
        self.reference.items[item] = row

    def take(self, item: int) -> None:
        self.index.take(item)
        del self.reference.items[item]

    def check(self, classes: "array[int]", area: int, t: int, k: int) -> None:
        """best == reference; leaders == the sorted reference."""
        index, order = self.index, self.reference.order(classes, area, t)
        first = order[0] if order else -1
        assert index.best(classes, len(classes), area, t) == first
        out = array("q", [-7]) * (k + 1)
        found = index.leaders(classes, len(classes), area, t, k, out)
        assert list(out[:found]) == order[:k]
        assert out[k] == -7, "nothing is written beyond k"
        assert index.count == len(self.reference.items)
        for item in order[:3]:
            assert index.value(item, t) == self.reference.value(item, t)
            assert index.score(item, area, t) == self.reference.score(item, area, t)


def random_pair(chance: Random) -> tuple[Pair, int]:
    """A pair without items, and how far its values reach: small ones tie often."""
    areas, reach = chance.randint(1, 6), chance.choice([3, 40, 10**6, 1 << 45])
    travel = array("q", [chance.randrange(reach) for _ in range(areas * areas)])
    spans = [(lo, chance.randint(lo + 1, areas)) for lo in (chance.randrange(areas) for _ in range(4))]
    return Pair(areas, chance.choice([0, 1, 3, 50_000]), travel, spans), reach


def random_item(chance: Random, pair: Pair, reach: int, t: int) -> Item:
    cls = chance.randrange(len(pair.spans))
    top, above = chance.randrange(-reach, reach), chance.choice([0, chance.randrange(reach)])
    urgent_ms, urgent2_ms = t + chance.randint(-30, 60), t + chance.randint(-30, 150)
    lost_ms = chance.choice([urgent_ms + chance.randint(0, 50), urgent_ms - 5, NEVER_MS])
    goal = pair.goal(top, above, urgent_ms, lost_ms, chance.choice([0, 3]), urgent2_ms)
    return Item(cls, chance.randrange(*pair.spans[cls]), chance.randrange(6), goal)


def wander(seed: int, steps: int) -> Iterator[None]:
    """Random puts, takes, forks and times; every step is one checked decision."""
    chance = Random(seed)
    pair, reach = random_pair(chance)
    t = chance.choice([0, 0, 10**9, (1 << 36) - 10**5])
    for _ in range(steps):
        t += chance.choice([0, 0, 1, 7, 60])
        for item in chance.sample(range(70), chance.randint(0, 5)):
            if item in pair.reference.items:
                pair.take(item)
            else:
                pair.put(item, random_item(chance, pair, reach, t))
        classes = array("q", chance.sample(range(4), chance.randint(0, 4)))
        pair.check(classes, chance.randrange(pair.reference.areas), t, chance.choice([0, 1, 5, 80]))
        if not chance.randrange(20):
            pair.index = pair.index.fork()
        yield


def test_decisions_by_seeds() -> None:
    steps = 40
    for seed in range(CASES // steps):
        assert sum(1 for _ in wander(seed, steps)) == steps


@settings(max_examples=150 if COMPILED else 30, deadline=None)
@given(st.data())
def test_decisions_by_hypothesis(data: st.DataObject) -> None:
    small, few = st.integers(-4, 4), st.integers(0, 3)
    times = st.integers(-3, 30)
    pair = Pair(2, data.draw(st.integers(0, 2)), array("q", [0, 2, 1, 0]), [(0, 2), (1, 2)])
    t = 0
    for _ in range(data.draw(st.integers(1, 25))):
        t += data.draw(st.integers(0, 6))
        item = data.draw(st.integers(0, 9))
        if item in pair.reference.items:
            pair.take(item)
        else:
            goal = pair.goal(*(data.draw(each) for each in (small, few, times, times, few, times)))
            cls = data.draw(st.integers(0, 1))
            pair.put(item, Item(cls, max(cls, data.draw(st.integers(0, 1))), data.draw(st.integers(0, 2)), goal))
        pair.check(array("q", data.draw(st.sampled_from([(0,), (1,), (0, 1)]))), data.draw(st.integers(0, 1)), t, 12)


def test_many_items_in_few_cells() -> None:
    """Long queues, removal from their middle, and packing while they grow and shrink."""
    chance = Random(5)
    pair = Pair(2, 1, array("q", [0, 5, 5, 0]), [(0, 2), (0, 1)])
    t = 0
    for target in (600, 20, 900, 0, 300):
        while len(pair.reference.items) != target:
            held = sorted(pair.reference.items)
            if len(held) > target:
                pair.take(chance.choice(held))
            else:
                free = next(item for item in range(len(held) + 1) if item not in pair.reference.items)
                pair.put(free, random_item(chance, pair, 50, t))
        for _ in range(10):
            t += chance.randrange(20)
            pair.check(array("q", [0, 1]), chance.randrange(2), t, 1000)


def filled(seed: int, count: int = 200) -> Pair:
    chance = Random(seed)
    pair = Pair(3, 2, array("q", [0, 3, 9, 3, 0, 4, 9, 4, 0]), [(0, 3), (1, 3)])
    for item in range(count):
        pair.put(item, random_item(chance, pair, 400, 40))
    return pair


def work_off(index: Index, t: int) -> list[int]:
    done, classes = [], array("q", [0, 1])
    while (item := index.best(classes, 2, len(done) % 3, t)) >= 0:
        index.take(item)
        done.append(item)
        t += 1
    return done


def test_a_fork_goes_its_own_way() -> None:
    pair = filled(1)
    pair.index.best(array("q", [0]), 1, 0, 45)
    fork = pair.index.fork()
    done = work_off(fork, 50)
    assert sorted(done) == list(range(200))
    assert (fork.count, pair.index.count) == (0, 200)
    pair.check(array("q", [0, 1]), 1, 45, 100)
    assert work_off(pair.index, 50) == done


@pytest.mark.parametrize("seed", range(5))
def test_a_rebuilt_index_decides_the_same(seed: int) -> None:
    pair, again = filled(seed), filled(seed, 0)
    for t in range(0, 90, 3):
        pair.take(pair.index.best(array("q", [0, 1]), 2, 0, t))
    items = sorted(pair.reference.items)
    Random(seed).shuffle(items)
    for item in items:
        again.put(item, pair.reference.items[item])
    assert work_off(again.index, 90) == work_off(pair.index, 90)


def test_what_is_refused() -> None:
    pair = filled(2, 20)
    index, classes = pair.index, array("q", [0, 1])
    row = (0, 0, 0, 0, 9, 0, 0)
    assert index.holds(5)
    assert not index.holds(20)
    assert not index.holds(-1)
    assert not index.holds(1 << 40)
    index.best(classes, 2, 0, 100)
    refused = [
        lambda: index.put(5, 0, 0, *row),
        lambda: index.put(-1, 0, 0, *row),
        lambda: index.put(20, 2, 0, *row),
        lambda: index.put(20, -1, 0, *row),
        lambda: index.put(20, 0, 3, *row),
        lambda: index.put(20, 1, 0, *row),
        lambda: index.put(20, 0, 0, 0, REACH + 1, 0, 9, 9, 0, 9),
        lambda: index.put(20, 0, 0, 0, 9, 8 - 2 * 9, 9, 9, 0, 0),
        lambda: index.put(20, 0, 0, 0, 9, 9, 0, 9, 10 - 2 * 8, 9),
        lambda: index.take(20),
        lambda: index.take(-1),
        lambda: index.value(20, 100),
        lambda: index.score(5, 3, 100),
        lambda: index.best(classes, 2, 0, 99),
        lambda: index.best(classes, 2, 0, NEVER_MS),
        lambda: index.best(classes, 3, 0, 100),
        lambda: index.best(array("q", [2]), 1, 0, 100),
        lambda: index.best(classes, 2, 3, 100),
        lambda: index.leaders(classes, 2, 0, 100, 3, array("q", [0, 0])),
        lambda: index.leaders(classes, 2, -1, 100, 1, array("q", [0, 0])),
        lambda: index.add_class(2, 4),
        lambda: index.add_class(1, 1),
        lambda: Index(2, 0, array("q", [0])),
        lambda: Index(1, 1 << 24, array("q", [0])),
    ]
    for number, call in enumerate(refused):
        with pytest.raises(AssertionError, match=r"\w"):
            call()
        assert index.count == 20, f"call {number} changed something"
    pair.check(classes, 0, 100, 30)


def occupied(index_of: "type[Index]", items: int) -> tuple[Index, int]:
    """An index with that many items in 8 x 64 cells, and the bytes it takes."""
    chance = Random(3)
    travel = array("q", [0]) * 4096
    tracemalloc.start()
    index = index_of(64, 7, travel)
    for _ in range(8):
        index.add_class(0, 64)
    for item in range(items):
        urgent_ms = chance.randrange(10**6)
        goal = (0, -7 * urgent_ms, urgent_ms, urgent_ms + 10**5, -7 * 2 * 10**6, 2 * 10**6)
        index.put(item, item % 8, chance.randrange(64), item, *goal)
    taken = tracemalloc.get_traced_memory()[0]
    return index, taken


def test_memory_stays_where_it_is() -> None:
    items, rounds = (100_000, 120_000) if COMPILED else (5_000, 5_000)
    chance, t = Random(4), 0
    try:
        index, before = occupied(Index, items)
        assert before < 200 * items + 200_000, "100 000 items in 20 MB"
        for number in range(rounds):
            item = chance.randrange(items)
            index.take(item)
            goal = (0, -7 * (t + 10**5), t + 10**5, NEVER_MS, -7 * NEVER_MS, NEVER_MS)
            index.put(item, chance.randrange(2), chance.randrange(64), number, *goal)
            if not number % 1000:
                t += 400
                index.best(array("q", [0]), 1, 0, t)
        assert tracemalloc.get_traced_memory()[0] < 1.3 * before + 100_000
    finally:
        tracemalloc.stop()


def test_logarithm() -> None:
    chance = Random(6)
    numbers = [*range(1, 3000), *(chance.randrange(1, 1 << chance.randint(1, 62)) for _ in range(20_000))]
    numbers += [near for bits in range(2, 62) for near in ((1 << bits) - 1, 1 << bits, (1 << bits) + 1)]
    numbers = sorted({*numbers, (1 << 62) - 1})
    logs = [log_q32(n) for n in numbers]
    assert logs == sorted(logs)
    assert max(abs(got / Q32 - math.log(n)) for n, got in zip(numbers, logs, strict=True)) < 2**-22
    assert log_q32(1) == 0
    assert [log_q32(n) for n in (2, 3, 1000, (1 << 62) - 1)] == [2977044472, 4718503851, 29668583014, 184576757263]
    with pytest.raises(AssertionError):
        log_q32(0)


@given(st.integers(1, (1 << 62) - 2), st.integers(1, 1000))
def test_logarithm_never_falls(n: int, more: int) -> None:
    assert log_q32(n) <= log_q32(min(n + more, (1 << 62) - 1))


# What a task is worth.

MEAN_MS, TOLERANCE_MS = 100_000, 10 * MINUTE
SLOPE = slope_of("atcs", 200, MEAN_MS)


def task(strategy: str = "atcs", **given: int) -> Worth:
    usual = {"weight": 4, "work_ms": MEAN_MS, "due_ms": 0, "next_due_ms": 0, "number": 1, "tolerance_ms": TOLERANCE_MS}
    return worth(strategy, **usual | {"slope": SLOPE if strategy == "atcs" else 0} | given)


def order_of(strategy: str, tasks: list[Worth], t: int, areas: "list[int] | None" = None) -> list[int]:
    """In which order one worker in area 0 would be given these tasks, with a walk of a minute per area."""
    travel = array("q", [walk_cost(strategy, 200, MINUTE, MINUTE * abs(a - b)) for a in range(9) for b in range(9)])
    index = Index(9, slope_of(strategy, 200, MEAN_MS), travel)
    index.add_class(0, 9)
    for item, each in enumerate(tasks):
        index.put(item, 0, areas[item] if areas else 0, item, *each)
    out = array("q", [0]) * len(tasks)
    assert index.leaders(array("q", [0]), 1, 0, t, len(tasks), out) == len(tasks)
    return list(out)


def test_fifo_edd_and_nearest_are_the_same_index_with_other_numbers() -> None:
    chance = Random(7)
    dues, areas = [chance.randrange(9) * MINUTE for _ in range(80)], [chance.randrange(9) for _ in range(80)]
    numbers = list(range(80))
    chance.shuffle(numbers)
    rows = list(range(80))

    def tasks(strategy: str) -> list[Worth]:
        return [task(strategy, due_ms=due, number=number) for due, number in zip(dues, numbers, strict=True)]

    for t in (0, 5 * MINUTE, 10**9):
        assert order_of("fifo", tasks("fifo"), t, areas) == sorted(rows, key=lambda row: numbers[row])
        assert order_of("edd", tasks("edd"), t, areas) == sorted(rows, key=lambda row: (dues[row], row))
        assert order_of("nearest", tasks("nearest"), t, areas) == sorted(rows, key=lambda row: (areas[row], row))
    assert slope_of("fifo", 200, MEAN_MS) == walk_cost("edd", 200, MINUTE, MINUTE) == 0
    with pytest.raises(KeyError):
        task("other")
    assert set(STRATEGIES) == {"fifo", "edd", "nearest", "atcs"}


@given(st.integers(1, 16), st.integers(1000, 10**7), st.integers(0, 10**8), st.integers(0, 10**8))
def test_atcs_is_the_formula_of_the_paper(weight: int, work_ms: int, due_ms: int, t: int) -> None:
    each = task(weight=weight, work_ms=work_ms, due_ms=due_ms, tolerance_ms=NEVER_MS)
    reference = Reference(1, SLOPE, array("q", [0]))
    reference.items[0] = Item(0, 0, 0, each)
    nats = math.log(weight / work_ms) - max(0, due_ms - work_ms - t) / (2 * MEAN_MS)
    scale = 50 * math.log(2)
    assert reference.value(0, t) / Q32 - scale == pytest.approx(nats, rel=1e-4, abs=1e-5)


def test_atcs_prefers_the_heavy_the_short_the_near_and_the_urgent() -> None:
    due_ms = 60 * MINUTE
    usual, heavy, short = task(due_ms=due_ms), task(due_ms=due_ms, weight=9), task(due_ms=due_ms, work_ms=20_000)
    late = task(due_ms=2 * due_ms)
    assert order_of("atcs", [usual, heavy], 0) == [1, 0]
    assert order_of("atcs", [usual, short], 70 * MINUTE - 30_000) == [1, 0]
    assert order_of("atcs", [late, usual], 0) == [1, 0]
    assert order_of("atcs", [usual, usual], 0, [3, 1]) == [1, 0]
    assert order_of("atcs", [usual, heavy], 0, [0, 3]) == [0, 1]


def test_triage_lets_a_lost_task_wait_for_its_next_departure() -> None:
    lost = task(due_ms=30 * MINUTE, next_due_ms=90 * MINUTE, weight=9)
    last = task(due_ms=30 * MINUTE, next_due_ms=30 * MINUTE, weight=9)
    fresh = task(due_ms=60 * MINUTE)
    missed_ms = 30 * MINUTE - MEAN_MS + TOLERANCE_MS
    assert order_of("atcs", [fresh, lost, last], missed_ms - 1) == [1, 2, 0]
    assert order_of("atcs", [fresh, lost, last], missed_ms) == [0, 1, 2]
    assert order_of("atcs", [task(due_ms=600 * MINUTE), lost], 90 * MINUTE - MEAN_MS - 1) == [1, 0]
    assert order_of("atcs", [task(due_ms=600 * MINUTE), lost], 90 * MINUTE - MEAN_MS) == [0, 1]


@given(st.sampled_from(STRATEGIES), st.integers(-(1 << 61), 1 << 61), st.integers(1, (1 << 24) - 1))
def test_every_due_date_stays_within_the_reach_of_the_index(strategy: str, due_ms: int, slope: int) -> None:
    each = task(strategy, due_ms=due_ms, next_due_ms=-due_ms, slope=slope)
    assert max(abs(each.top), abs(each.line), abs(each.line2)) <= REACH
    if strategy == "atcs":
        assert each.line + slope * each.urgent_ms == each.line2 + slope * each.urgent2_ms == each.top
