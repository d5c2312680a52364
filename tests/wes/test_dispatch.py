"""Who does what now: travel, index, strategies, skills, and the scan against brute force."""

from array import array
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.messages import Rack, TaskAssigned
from edge.wes import dispatch
from edge.wes.assign import ordinal
from edge.wes.dispatch import EDD, FIFO, PEOPLE, PRIORITY_MS, ROBOTS, SLACK, Bucket, Pool, distance_mm, scan
from edge.wes.route import NOWHERE, Layout
from tests.wes.scene import MINUTE, T0, Play, assigned, of, pack, pick, small_site, through_disk


def walk(layout: Layout, here: str, there: str) -> int:
    a, b = layout.spot(here), layout.spot(there)
    return distance_mm(a.x, a.y, a.lo, a.hi, b.x, b.y, b.lo, b.hi)


@pytest.mark.parametrize(
    ("here", "there", "metres_x10"),
    [
        ("A-01-01-1", "A-01-04-2", 36),  # along the aisle, levels do not count
        ("A-01-01-1", "A-02-01-1", 30 + 24),  # one bay out, across, one bay in
        ("A-01-10-1", "A-02-10-1", 30 + 24),  # the far end is nearer here
        ("A-01-05-1", "A-02-05-1", 30 + 120),  # 5 bays to the near end and back
        ("PACK-A", "A-01-01-1", 50),  # past the end of the aisle, straight in
        ("PACK-A", "PACK-B", 300),
        ("PACK-A", "no such place", 0),
    ],
)
def test_people_walk_in_aisles(here: str, there: str, metres_x10: int) -> None:
    layout = Layout(small_site())
    assert walk(layout, here, there) == metres_x10 * 100
    assert walk(layout, there, here) == metres_x10 * 100


def test_a_rack_behind_another_is_entered_at_the_end_that_faces_it() -> None:
    behind = Rack(prefix="C", zone="A", aisles=4, bays=10, levels=2, x_mm=0, y_mm=-40_000)
    layout = Layout(small_site(racks=(*small_site().racks, behind)))
    assert walk(layout, "A-01-01-1", "C-01-10-1") == 29_200
    assert walk(layout, "C-02-10-1", "A-01-01-1") == 29_200 + 3_000


@pytest.mark.parametrize("name", ["A-05-01-1", "A-01-11-1", "A-00-01-1", "X-01-01-1", "A-1", "", "A-aa-01-1"])
def test_a_name_the_site_does_not_have_is_nowhere(name: str) -> None:
    assert Layout(small_site()).spot(name) == NOWHERE


def test_the_machines_downstream() -> None:
    assert Layout(small_site()).downstream("conveyor1") == ["conveyor1", "sorter1"]
    assert Layout(small_site()).downstream("") == []


def chosen(strategy: str) -> str:
    play = Play(dispatch=strategy)
    play.plan(
        pick("old", "hu1", source="A-04-10-1", due_ms=T0 + 120 * MINUTE),
        pick("due", "hu2", source="A-04-10-1", due_ms=T0 + 117 * MINUTE),
        pick("near", "hu3", source="A-01-01-1", due_ms=T0 + 118 * MINUTE),
    )
    (only,) = of(TaskAssigned, play.join("ann", location="A-01-02-1"))
    return only.task.task_id


def test_each_strategy_has_its_own_first_task() -> None:
    assert {name: chosen(name) for name in ("fifo", "edd", "slack")} == {"fifo": "old", "edd": "due", "slack": "near"}


def test_urgency_beats_a_long_walk() -> None:
    play = Play()
    play.plan(
        pick("near", "hu1", source="A-01-01-1", due_ms=T0 + 300 * MINUTE),
        pick("far", "hu2", source="A-04-10-1", due_ms=T0 + 30 * MINUTE),
    )
    assert assigned(play.join("ann", location="A-01-01-1")) == {"ann": "far"}


def test_the_reason_is_in_plain_words() -> None:
    play = Play()
    play.plan(pick("t1", "hu1", due_ms=T0 + 18 * MINUTE), pick("t2", "hu2", due_ms=T0 - 4 * MINUTE))
    (first,) = of(TaskAssigned, play.join("ann", location="A-01-01-1"))
    assert first.reason == "late 10 min, 0 m away, 1st of 2 ready in zone A"
    (second,) = of(TaskAssigned, play.join("bob", location="A-02-01-1"))
    assert second.reason == "slack 12 min, 5 m away, 1st of 1 ready in zone A"


def test_scarce_work_goes_to_the_nearest() -> None:
    play = Play()
    play.join("far", location="A-04-10-1")
    play.join("near", location="A-01-02-1")
    assert assigned(play.plan(pick("t1", "hu1"))) == {"near": "t1"}


def test_a_restart_does_not_change_who_is_chosen() -> None:
    play = Play()
    play.join("far", "pack", location="A-04-10-1")
    play.join("near", "pack", location="PACK-A")
    play.plan(*(pick(f"t{n}", "hu1") for n in range(9)))
    play.engine = through_disk(play.engine)
    assert assigned(play.plan(pack("p1", "hu1", ()))) == {"near": "p1"}


def test_specialists_stay_free_for_what_only_they_can_do() -> None:
    play = Play()
    play.join("expert", "pick", "hazmat")
    play.join("ann", "pick")
    got = assigned(play.plan(pick("t1", "hu1"), pick("t2", "hu2", skill="pick+hazmat")))
    assert got == {"ann": "t1", "expert": "t2"}


@pytest.mark.parametrize(
    ("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (12, "12th"), (21, "21st")]
)
def test_ordinals(number: int, word: str) -> None:
    assert ordinal(number) == word


@pytest.mark.parametrize(
    ("doers", "robot", "may"),
    [(PEOPLE, False, True), (PEOPLE, True, False), (ROBOTS, True, True), (ROBOTS, False, False)],
)
def test_robots_and_people_keep_to_their_work(doers: int, robot: bool, may: bool) -> None:
    assert Bucket("A", "pick", doers).suits(("A",), ("pick",), robot) is may


Row = tuple[int, int, int, int, bool]
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3).map(lambda n: T0 + n * MINUTE),
        st.integers(1, 3),
        st.integers(0, 3).map(lambda n: n * 3000),
        st.integers(0, 5).map(lambda n: n * 1200),
        st.booleans(),
    ),
    max_size=12,
)


def brute(strategy: int, rows: dict[int, Row], here: tuple[int, int, int, int]) -> int:
    def key(number: int) -> tuple[int, int, int]:
        latest, priority, x, y, aisle = rows[number]
        if strategy == FIFO:
            return number, latest, number
        if strategy == EDD:
            return latest, latest, number
        lo, hi = (-1200, 13_200) if aisle else (y, y)
        walk_mm = distance_mm(*here, x, y, lo, hi)
        return max(latest - T0 - MINUTE, 0) + priority * PRIORITY_MS + 16 * walk_mm, latest, number

    return min(rows, key=key, default=0)


@given(columns=ROWS, strategy=st.sampled_from([SLACK, EDD, FIFO]), order=st.randoms(use_true_random=False))
def test_the_scan_finds_what_brute_force_finds_whatever_the_order(
    columns: list[Row], strategy: int, order: Random
) -> None:
    here = (3000, 2400, -1200, 13_200)
    rows = dict(enumerate(columns, start=1))
    numbers = list(rows)
    order.shuffle(numbers)
    pool = Pool()
    for number in numbers:
        latest, priority, x, y, aisle = rows[number]
        lo, hi = (-1200, 13_200) if aisle else (y, y)
        pool.add(("A", f"pick{number % 2}", PEOPLE), (number, latest, priority, x, y, lo, hi))
    while rows:
        expected = brute(strategy, rows, here)
        assert pool.best(list(pool.buckets.values()), strategy, T0 + MINUTE, 16, here) == expected
        pool.remove(expected)
        del rows[expected]
    assert pool.best(list(pool.buckets.values()), strategy, T0 + MINUTE, 16, here) == 0


def test_an_empty_pool_has_no_best() -> None:
    empty = array("q")
    assert scan(SLACK, T0, 16, 0, 0, 0, 0, empty, empty, empty, empty, empty, empty, empty) == (0, 0, 0)
    assert dispatch.count_before(empty, 5) == 0
    assert dispatch.count_before(array("q", [1, 5, 9]), 5) == 1
