"""The rolling assignment on a bare board: nobody idles beside work, and time has its price."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wes.board import BUSY, IDLE, OFF, READY, Board
from edge.wes.dispatch import CANDIDATES, ROLLING, Dispatcher, Tuning

HOUR_MS = 3_600_000
SECOND_MS = 1_000
WORK_MS = 60_000


class Line:
    """Places in a row, ten seconds apart; everybody may do everything unless said otherwise."""

    def __init__(
        self, places: int, groups: tuple[tuple[int, ...], ...] = ((0,),), tuning: Tuning | None = None
    ) -> None:
        travel = array("q", [abs(a - b) * 10 * SECOND_MS for a in range(places) for b in range(places)])
        self.board = board = Board(places, travel)
        for _ in range(1 + max(max(group) for group in groups)):
            board.add_class(0, places)
        board.group_classes = [array("q", group) for group in groups]
        self.core = Dispatcher(board, ROLLING, tuning or Tuning())
        self.number = 0

    def task(self, place: int, due_ms: int, *, weight: int = 1, cls: int = 0) -> int:
        self.number += 1
        board = self.board
        row = board.add_task(
            -1, self.number, 0, cls, place, place, weight, WORK_MS, due_ms, due_ms + HOUR_MS, -1, -1,
        )  # fmt: skip
        board.t_state[row] = READY
        return row

    def offered(self, place: int, due_ms: int, *, weight: int = 1, cls: int = 0) -> int:
        row = self.task(place, due_ms, weight=weight, cls=cls)
        self.core.offer(row, 0)
        return row

    def hand(self, place: int, *, free_ms: int = 0, group: int = 0) -> int:
        """Idle, or busy until then."""
        board = self.board
        self.number += 1
        row = board.add_resource(-1, self.number, group, place, 1024)
        if free_ms:
            board.r_state[row], board.r_ready_ms[row] = BUSY, free_ms
            board.r_task[row] = self.task(place, HOUR_MS)
        else:
            board.rest(row, IDLE, place, 0)
        self.core.hands(row, 0)
        return row

    def begun(self) -> dict[int, int]:
        """Who begins what now."""
        found = self.core.choose(0)
        return dict(zip(self.core.chosen_r[:found], self.core.chosen_t[:found], strict=True))


def test_an_idle_hand_takes_what_lies_beyond_the_work_everybody_is_compared_for() -> None:
    line = Line(40)
    tasks = [line.offered(0, HOUR_MS) for _ in range(CANDIDATES)] + [line.offered(0, 2 * HOUR_MS) for _ in range(4)]
    for _ in range(CANDIDATES):
        line.hand(0, free_ms=SECOND_MS)
    far = line.hand(39)
    begun = line.begun()
    assert set(begun) == {far}
    assert begun[far] in tasks


hands = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 300), st.integers(0, 2)), min_size=1, max_size=30)
work = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 60), st.integers(0, 1)), min_size=1, max_size=60)


@given(hands, work)
def test_nobody_idles_beside_work_that_nobody_is_to_do(
    crew: list[tuple[int, int, int]], todo: list[tuple[int, int, int]]
) -> None:
    line = Line(20, groups=((0,), (1,), (0, 1)))
    tasks = {line.offered(place, minutes * 60_000, cls=cls): cls for place, minutes, cls in todo}
    rows = {line.hand(place, free_ms=s * SECOND_MS, group=group): (s, group) for place, s, group in crew}
    begun = line.begun()
    assert len(set(begun.values())) == len(begun)
    assert line.core.matching.violations() == 0
    open_cls = {cls for task, cls in tasks.items() if task not in begun.values() and line.core.wanted_by(task) < 0}
    for row, (seconds, group) in rows.items():
        if not seconds and row not in begun:
            assert not open_cls & set(line.board.group_classes[group])


def keeps(due_ms: int, *, weight: int = 1, free_ms: int = 40 * SECOND_MS, **tuning: int) -> bool:
    """Is the only task kept for busy hands beside it, while idle ones stand two minutes away?"""
    line = Line(13, tuning=Tuning(**tuning))
    task, busy = line.offered(0, due_ms, weight=weight), line.hand(0, free_ms=free_ms)
    line.hand(12)
    begun = line.begun()
    assert bool(begun) == (line.core.wanted_by(task) != busy)
    return not begun


def test_a_task_with_slack_waits_for_the_hands_that_are_near() -> None:
    assert keeps(HOUR_MS)
    assert not keeps(HOUR_MS, wait_permille=4000)


def test_what_busy_hands_may_be_late_is_not_staked_on_a_departure() -> None:
    soon_ms = WORK_MS + 130 * SECOND_MS
    assert keeps(soon_ms, margin_permille=0, wait_permille=0, haste_permille=0)
    assert not keeps(soon_ms, margin_permille=1000, wait_permille=0, haste_permille=0)


def test_the_risk_is_in_the_work_at_hand_however_little_of_it_is_left() -> None:
    soon_ms = WORK_MS + 130 * SECOND_MS
    assert not keeps(soon_ms, free_ms=SECOND_MS, margin_permille=1200, wait_permille=0, haste_permille=0)


@pytest.mark.parametrize(("weight", "kept"), [(1, True), (16, False)])
def test_more_is_at_stake_the_more_a_task_weighs(weight: int, kept: bool) -> None:
    due_ms = WORK_MS + 300 * SECOND_MS
    assert keeps(due_ms, weight=weight, margin_permille=1000, wait_permille=0, haste_permille=0) == kept


def test_where_there_are_hands_for_all_the_one_with_less_slack_is_begun_first() -> None:
    def first(haste_permille: int) -> int:
        line = Line(30, tuning=Tuning(wait_permille=0, haste_permille=haste_permille, margin_permille=0))
        relaxed = line.offered(1, 5 * HOUR_MS)
        urgent = line.offered(3, 6 * 60_000)
        line.hand(2, free_ms=200 * SECOND_MS)
        idle = line.hand(0)
        return [relaxed, urgent].index(line.begun()[idle])

    assert first(0) == 0, "the walk alone decides"
    assert first(1000) == 1


def test_haste_is_worth_less_by_as_much_as_tasks_are_more_than_hands() -> None:
    def haste(tasks: int, staff: int) -> int:
        line = Line(30)
        for _ in range(staff):
            line.hand(0, free_ms=60 * SECOND_MS)
        for _ in range(tasks):
            line.offered(1, 6 * 60_000)
        assert line.core.staff == staff
        return line.core.haste(line.offered(1, 6 * 60_000), 10 * SECOND_MS, 0)

    dear = haste(0, 4)
    assert dear > 0
    assert haste(3, 4) == dear, "hands for all"
    assert haste(7, 4) == pytest.approx(dear / 2, rel=1e-6)
    assert haste(15, 4) == pytest.approx(dear / 4, rel=1e-6)


def test_a_restored_assignment_counts_the_same_hands() -> None:
    line = Line(30)
    for place in range(5):
        line.offered(place, HOUR_MS)
    busy, idle = line.hand(3, free_ms=200 * SECOND_MS), line.hand(0)
    assert set(line.begun()) == {idle}
    assert line.core.staff == 1
    other = Dispatcher(line.board, ROLLING, Tuning())
    other.load(line.core.save())
    assert other.staff == 1
    line.board.r_state[busy] = OFF
    line.core.hands(busy, 0)
    assert line.core.staff == 0
