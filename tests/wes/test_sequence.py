"""Repair of a short queue: a queue, never a worse one, the best one when the queue is tiny, the same everywhere."""

import math
from array import array
from functools import cache
from itertools import accumulate
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wes.sequence import QUEUE_MAX, atc_order, budget, repair, total

Jobs = tuple[list[int], list[int], list[int]]
LITTLE = 3_000
"""Moves that are few enough for the uncompiled core."""


@st.composite
def queues(draw: st.DrawFn, most: int, work_max: int = 60) -> Jobs:
    """Work, weight and due of up to so many tasks; some are late from the start, some never."""
    n = draw(st.integers(0, most))
    work = draw(st.lists(st.integers(1, work_max), min_size=n, max_size=n))
    weight = draw(st.lists(st.integers(1, 16), min_size=n, max_size=n))
    span = max(sum(work), 1)
    due = draw(st.lists(st.integers(-span // 4, span + span // 4), min_size=n, max_size=n))
    return work, weight, due


def drawn(n: int, seed: int, work_max: int = 100) -> Jobs:
    """A queue like those of the OR-Library (half of it tardy), from numbers of its own."""
    numbers = list(accumulate(range(3 * n), lambda x, _: x * 48_271 % 2_147_483_647, initial=seed))[1:]
    work = [1 + x % work_max for x in numbers[:n]]
    weight = [1 + x % 10 for x in numbers[n : 2 * n]]
    span = sum(work)
    return work, weight, [span // 5 + x % (3 * span // 5) for x in numbers[2 * n :]]


def tardiness(order: "list[int] | array[int]", jobs: Jobs) -> int:
    """The definition, once more."""
    work, weight, due = jobs
    ends = accumulate(work[job] for job in order)
    return sum(weight[job] * max(end - due[job], 0) for job, end in zip(order, ends, strict=True))


def optimum(jobs: Jobs) -> int:
    """The best of all orders: whoever is last among a set of tasks ends when all of them are done."""
    work, weight, due = jobs

    @cache
    def best(done: int) -> int:
        members = [job for job in range(len(work)) if done >> job & 1]
        end = sum(work[job] for job in members)
        return min((best(done & ~(1 << job)) + weight[job] * max(end - due[job], 0) for job in members), default=0)

    return best((1 << len(work)) - 1)


@given(queues(12), st.randoms(use_true_random=False))
def test_total_is_the_definition(jobs: Jobs, chance: Random) -> None:
    order = list(range(len(jobs[0])))
    chance.shuffle(order)
    assert total(order, *jobs) == tardiness(order, jobs)


@settings(max_examples=60, deadline=None)
@given(queues(30), st.integers(-5, 2**70), st.integers(0, LITTLE), st.randoms(use_true_random=False))
def test_a_repaired_queue_is_a_queue_and_not_worse(jobs: Jobs, seed: int, moves: int, chance: Random) -> None:
    start = list(range(len(jobs[0])))
    chance.shuffle(start)
    before = list(start)
    order, cost = repair(*jobs, start, moves, seed)
    assert sorted(order) == list(range(len(start)))
    assert cost == tardiness(order, jobs) <= tardiness(before, jobs)
    assert start == before, "the queue that was given stays as it is"
    assert cost >= repair(*jobs, start, 2 * moves + LITTLE, seed)[1], "more moves never make it worse"
    assert (order, cost) == repair(*jobs, start, moves, seed)


@settings(max_examples=60, deadline=None)
@given(queues(7), st.integers(0, 1000))
def test_tiny_queues_become_the_best_there_is(jobs: Jobs, seed: int) -> None:
    assert repair(*jobs, range(len(jobs[0])), 5 * LITTLE, seed)[1] == optimum(jobs)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_left_alone_does_not_help(seed: int) -> None:
    """The passes skip what cannot help; every neighbour of the repaired queue is summed up here."""
    jobs = drawn(25, 5000 + seed, work_max=6)
    order, cost = repair(*jobs, range(25), 5 * LITTLE, seed)
    for i in range(25):
        for j in range(i + 1, 25):
            now = list(order)
            swapped = [*now[:i], now[j], *now[i + 1 : j], now[i], *now[j + 1 :]]
            later = [*now[:i], *now[i + 1 : j + 1], now[i], *now[j + 1 :]]
            sooner = [*now[:i], now[j], *now[i:j], *now[j + 1 :]]
            assert cost <= min(tardiness(each, jobs) for each in (swapped, later, sooner)), (i, j)


def test_no_moves_no_change() -> None:
    jobs = drawn(20, 7)
    start = list(range(20))
    order, cost = repair(*jobs, start, 0, 1)
    assert (list(order), cost) == (start, tardiness(start, jobs))


def test_all_at_once_many_moves_help() -> None:
    """More moves that help than there was room for at first: the worst order of a long queue."""
    n = 80
    jobs = ([10] * n, [1] * n, [10 * (job + 1) for job in range(n)])
    assert repair(*jobs, range(n - 1, -1, -1), 400 * LITTLE, 1)[1] == 0


PINNED = {
    (20, 1): (3_600, 3_111, 1_563_728_421),
    (35, 2): (21_543, 18_895, 1_322_868_786),
    (50, 3): (8_354, 6_556, 605_928_017),
}


@pytest.mark.parametrize("case", PINNED)
def test_both_builds_find_the_same(case: tuple[int, int]) -> None:
    n, seed = case
    jobs = drawn(n, 1000 + seed)
    start = atc_order(*jobs, 200)
    order, cost = repair(*jobs, start, 20 * LITTLE, seed)
    digest = 0
    for job in order:
        digest = (digest * 1_000_003 + job) % 2_147_483_647
    assert (total(start, *jobs), cost, digest) == PINNED[case]


@settings(max_examples=60, deadline=None)
@given(queues(15, work_max=4000), st.sampled_from([1, 50, 200, 1000]))
def test_index_order_takes_the_highest_index_every_time(jobs: Jobs, k_percent: int) -> None:
    work, weight, due = jobs
    left, clock = list(range(len(work))), 0
    order = atc_order(*jobs, k_percent)
    assert sorted(order) == left
    for job in order:
        look_ahead = k_percent / 100 * sum(work) / len(work)

        def index(each: int, clock: int = clock, look_ahead: float = look_ahead) -> float:
            return math.log(weight[each] / work[each]) - max(due[each] - work[each] - clock, 0) / look_ahead

        highest = max(index(each) for each in left)
        assert index(job) >= highest - 1e-5 * (1 + abs(highest))
        left.remove(job)
        clock += work[job]


def test_index_order_takes_the_smaller_number_when_all_are_alike() -> None:
    assert list(atc_order([5] * 6, [3] * 6, [100] * 6, 200)) == list(range(6))


def test_index_order_of_long_and_short_times() -> None:
    """Times of a day in ms and of a few units, near and far: no number runs over."""
    far = 1 << 35
    assert list(atc_order([1000, 1000, 1000], [1, 1, 2], [far, 0, far], 1)) == [1, 2, 0]
    assert list(atc_order([1, 1, 2], [1, 1, 1], [far, 5, 5], 1)) == [2, 1, 0]


@pytest.mark.parametrize(
    ("jobs", "order", "words"),
    [
        (([1, 2], [1], [1, 2]), [0, 1], "same tasks"),
        (([1] * (QUEUE_MAX + 1), [1] * (QUEUE_MAX + 1), [1] * (QUEUE_MAX + 1)), range(QUEUE_MAX + 1), "at most"),
        (([1, 2], [1, 1], [1, 2]), [0, 0], "every task once"),
        (([1, 2], [1, 1], [1, 2]), [0, 2], "every task once"),
        (([1, 2], [1, 1], [1, 2]), [0, -1], "every task once"),
        (([1, 2], [1, 1], [1, 2]), [0], "every task once"),
        (([0, 2], [1, 1], [1, 2]), [0, 1], "at least 1"),
        (([1, 2], [1, 0], [1, 2]), [0, 1], "at least 1"),
        (([1 << 50, 2], [1 << 11, 1], [1, 2]), [0, 1], "too large"),
        (([1, 2], [1 << 11, 1], [1, -(1 << 51)]), [0, 1], "too large"),
    ],
)
def test_what_is_not_a_queue_is_refused(jobs: Jobs, order: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        repair(*jobs, order, 10, 1)
    with pytest.raises(ValueError, match=words):
        total(order, *jobs)


def test_a_look_ahead_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="k_percent"):
        atc_order([1], [1], [1], 0)


def test_the_budget_grows_with_the_queue() -> None:
    assert 0 == budget(0) < budget(10) < budget(100)
