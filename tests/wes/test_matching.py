"""The fleet-wide assignment: optimal after every event, exactly as it was after save, load and fork."""

import importlib.util
import json
from array import array
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wes import matching as module
from edge.wes.matching import COLS_MAX, COST_MAX, EDGES_PER_ROW_MAX, IDLE, ROWS_MAX, Matching

ROWS, COLS = 5, 6
EVENTS = ("add_row", "add_col", "remove_row", "remove_col", "commit")
Step = tuple[str, int, list[int], list[int]]
Answers = list[Any]

costs = st.one_of(st.integers(-3, 3), st.integers(-50, 50), st.sampled_from([1 - COST_MAX, COST_MAX - 1]))
steps = st.lists(
    st.tuples(
        st.sampled_from((*EVENTS[:2], *EVENTS)),
        st.integers(0, 30),
        st.lists(st.integers(0, 30), max_size=COLS),
        st.lists(costs, min_size=COLS, max_size=COLS),
    ),
    max_size=30,
)


class Book:
    """The same problem as a plain table of costs, solved again from scratch: slow and obvious."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[int, int]] = {}
        self.cols: set[int] = set()

    def least(self) -> tuple[int, int]:
        """(rows with a column, cost) by dynamic programming over the sets of columns that are taken."""
        best = {0: (0, 0)}
        for edges in self.rows.values():
            after: dict[int, tuple[int, int]] = {}
            for taken, (cost, idle) in best.items():
                ways = [(taken, cost + IDLE, idle + 1)]
                ways += [(taken | 1 << col, cost + more, idle) for col, more in edges.items() if not taken >> col & 1]
                for mask, whole, idling in ways:
                    if mask not in after or (whole, idling) < after[mask]:
                        after[mask] = whole, idling
            best = after
        cost, idle = min(best.values())
        return len(self.rows) - idle, cost

    def play(self, step: Step) -> tuple[str, Sequence[Any]] | None:
        """What to call for one step, with the arrays; None if it does not fit now. The book is already afterwards."""
        event, number, ends, prices = step
        row, col = number % ROWS, number % COLS
        if event == "add_row" and row not in self.rows:
            known = [each % COLS for each in ends if each % COLS in self.cols]
            self.rows[row] = {each: prices[each] for each in dict.fromkeys(known)}
            return event, (row, *edges_of(self.rows[row]))
        if event == "add_col" and col not in self.cols:
            known = list(dict.fromkeys(each % ROWS for each in ends if each % ROWS in self.rows))
            for each in known:
                self.rows[each][col] = prices[each]
            self.cols.add(col)
            return event, (col, *edges_of({each: prices[each] for each in known}))
        if event in ("remove_row", "commit") and row in self.rows:
            if event == "remove_row":
                del self.rows[row]
            return event, (row,)
        if event == "remove_col" and col in self.cols:
            self.lose(col)
            return event, (col,)
        return None

    def lose(self, col: int) -> None:
        self.cols.remove(col)
        for edges in self.rows.values():
            edges.pop(col, None)


def edges_of(edges: dict[int, int]) -> tuple["array[int]", "array[int]", int]:
    """As the calls take them; behind `count` there may lie anything."""
    return array("q", [*edges, 999]), array("q", [*edges.values(), IDLE]), len(edges)


def ask(matching: Any, call: tuple[str, Sequence[Any]]) -> Answers:
    """One event, and everything that can be seen afterwards."""
    answer = getattr(matching, call[0])(*call[1])
    rows = [row for row in range(ROWS + 1) if matching.has_row(row)]
    cols = [col for col in range(COLS + 1) if matching.has_col(col)]
    pairs = [(row, matching.partner(row), matching.cost_of(row), matching.degree(row)) for row in rows]
    return [answer, pairs, [(col, matching.holder(col)) for col in cols], matching.total(), matching.scanned]


def check(matching: Matching, book: Book) -> None:
    """The matching is a matching over the edges of the book, and as cheap as can be."""
    pairs = {row: matching.partner(row) for row in book.rows}
    used = [col for col in pairs.values() if col >= 0]
    assert len(used) == len(set(used))
    assert set(used) <= book.cols
    for row, col in pairs.items():
        assert matching.degree(row) == len(book.rows[row])
        assert matching.cost_of(row) == (book.rows[row][col] if col >= 0 else IDLE)
    assert {col: matching.holder(col) for col in book.cols} == {
        col: next((row for row, mine in pairs.items() if mine == col), -1) for col in book.cols
    }
    assert [matching.has_row(row) for row in range(ROWS)] == [row in book.rows for row in range(ROWS)]
    assert [matching.has_col(col) for col in range(COLS)] == [col in book.cols for col in range(COLS)]
    assert matching.violations() == 0
    assert matching.total() == book.least()


def follow(matching: Matching, book: Book, call: tuple[str, Sequence[Any]]) -> Answers:
    """Plays a call; the book hears of a commit afterwards, since only the matching knows its column."""
    answers = ask(matching, call)
    if call[0] == "commit" and answers[0] >= 0:
        del book.rows[call[1][0]]
        book.lose(answers[0])
    return answers


@settings(max_examples=150, deadline=None)
@given(steps)
def test_optimal_after_every_event(events: list[Step]) -> None:
    matching, book = Matching(1, 1), Book()
    for event in events:
        call = book.play(event)
        if call is not None:
            follow(matching, book, call)
            check(matching, book)


@settings(max_examples=80, deadline=None)
@given(steps, steps)
def test_saved_loaded_and_forked_go_on_identically(before: list[Step], after: list[Step]) -> None:
    matching, book = Matching(2, 3), Book()
    for event in before:
        if (call := book.play(event)) is not None:
            follow(matching, book, call)
    loaded, forked = Matching(), matching.fork()
    loaded.load(json.loads(json.dumps(matching.save())))
    untouched = matching.fork()
    assert loaded.save() == forked.save() == matching.save()
    for event in after:
        if (call := book.play(event)) is not None:
            answers = follow(matching, book, call)
            assert ask(loaded, call) == ask(forked, call) == answers
            assert loaded.save() == forked.save() == matching.save()
    again = Matching()
    again.load(untouched.save())
    assert again.save() == untouched.save()
    assert untouched.violations() == 0


@settings(max_examples=60, deadline=None)
@given(steps)
def test_commit_leaves_everybody_else_alone(events: list[Step]) -> None:
    matching, book = Matching(), Book()
    for event in events:
        if (call := book.play(event)) is None:
            continue
        before = {row: matching.partner(row) for row in range(ROWS) if matching.has_row(row)}
        scanned = matching.scanned
        follow(matching, book, call)
        if call[0] == "commit":
            row = call[1][0]
            if before[row] >= 0:
                assert not matching.has_row(row)
                assert not matching.has_col(before.pop(row))
            assert {row: matching.partner(row) for row in before} == before
            assert matching.scanned == scanned
            check(matching, book)


def grid(rows: int, cols: int, cost: Callable[[int, int], int]) -> Matching:
    """Every row may do every column."""
    matching = Matching()
    for col in range(cols):
        matching.add_col(col, array("q"), array("q"), 0)
    for row in range(rows):
        matching.add_row(row, array("q", range(cols)), array("q", (cost(row, col) for col in range(cols))), cols)
    return matching


def test_somebody_steps_aside_when_that_is_cheaper_for_all() -> None:
    matching = Matching()
    matching.add_col(0, array("q"), array("q"), 0)
    matching.add_col(1, array("q"), array("q"), 0)
    matching.add_row(0, array("q", [0, 1]), array("q", [1, 2]), 2)
    assert matching.partner(0) == 0
    matching.add_row(1, array("q", [0, 1]), array("q", [1, 9]), 2)
    assert [matching.partner(0), matching.partner(1)] == [1, 0]
    assert matching.total() == (2, 3)
    matching.remove_row(1)
    assert matching.partner(0) == 0
    matching.remove_col(0)
    assert (matching.partner(0), matching.holder(1)) == (1, 0)
    matching.remove_col(1)
    assert (matching.partner(0), matching.cost_of(0), matching.total()) == (-1, IDLE, (0, IDLE))
    assert matching.commit(0) == -1
    assert matching.has_row(0)


@pytest.mark.parametrize(("rows", "cols"), [(4, 6), (6, 4)])
def test_where_all_costs_are_equal_the_lowest_numbers_are_paired(rows: int, cols: int) -> None:
    matching = grid(rows, cols, lambda row, col: 7)
    pairs = [matching.partner(row) for row in range(rows)]
    assert pairs == [row if row < cols else -1 for row in range(rows)]


def test_it_grows_over_its_first_size_without_a_change() -> None:
    chance = Random(3)
    table = [[chance.randrange(1000) for _ in range(90)] for _ in range(70)]
    roomy = Matching(70, 90)
    small = grid(70, 90, lambda row, col: table[row][col])
    narrow = Matching(1, 1)
    for one in (roomy, narrow):
        for col in range(90):
            one.add_col(col, array("q"), array("q"), 0)
        for row in range(70):
            one.add_row(row, array("q", range(90)), array("q", table[row]), 90)
    answers = [[one.total(), one.scanned, [one.partner(row) for row in range(70)]] for one in (roomy, narrow, small)]
    assert answers[0] == answers[1] == answers[2]
    assert narrow.violations() == 0
    narrow.add_row(ROWS_MAX - 1, array("q", [89]), array("q", [-5]), 1)
    narrow.add_col(COLS_MAX - 1, array("q", [ROWS_MAX - 1, 3]), array("q", [-9, 1]), 2)
    assert narrow.partner(ROWS_MAX - 1) == COLS_MAX - 1
    assert narrow.violations() == 0


def test_long_use_does_not_need_more_room() -> None:
    matching = grid(12, 30, lambda row, col: (row * 7 + col * 13) % 40)
    rounds = [matching.fork()]
    chance = Random(5)
    for number in range(400):
        row = number % 12
        col = matching.commit(row)
        assert col >= 0
        rows = array("q", (each for each in range(12) if each != row))
        matching.add_col(col, rows, array("q", (chance.randrange(40) for _ in rows)), 11)
        matching.add_row(row, array("q", range(30)), array("q", (chance.randrange(40) for _ in range(30))), 30)
    assert matching.violations() == 0
    assert rounds[0].violations() == 0
    room, fields = matching.save()["room"], len(matching.save()["edges"])
    assert room[:2] == rounds[0].save()["room"][:2]
    assert fields == 12 * 30 * 3


def filled() -> Matching:
    """Rows 0..3 and columns 0..4, row 3 and column 4 without edges."""
    matching = grid(3, 4, lambda row, col: row * col)
    matching.add_row(3, array("q"), array("q"), 0)
    matching.add_col(4, array("q"), array("q"), 0)
    return matching


def q(*numbers: int) -> "array[int]":
    return array("q", numbers)


REFUSED: list[tuple[str, tuple[Any, ...], str]] = [
    ("add_row", (2, q(0), q(1), 1), "row 2"),
    ("add_row", (-1, q(0), q(1), 1), "row -1"),
    ("add_row", (ROWS_MAX, q(0), q(1), 1), f"row {ROWS_MAX}"),
    ("add_row", (9, q(0, 5), q(1, 1), 2), "column 5"),
    ("add_row", (9, q(-1), q(1), 1), "column -1"),
    ("add_row", (9, q(COLS_MAX), q(1), 1), f"column {COLS_MAX}"),
    ("add_row", (9, q(2, 1, 2), q(1, 1, 1), 3), "column 2"),
    ("add_row", (9, q(0), q(COST_MAX), 1), str(COST_MAX)),
    ("add_row", (9, q(0), q(-COST_MAX), 1), str(-COST_MAX)),
    ("add_row", (9, q(0), q(1), 2), "2 edges"),
    ("add_row", (9, q(0, 1), q(1), 2), "2 edges"),
    ("add_row", (9, q(0), q(1), -1), "-1 edges"),
    (
        "add_row",
        (9, q(*range(EDGES_PER_ROW_MAX + 1)), q(*range(EDGES_PER_ROW_MAX + 1)), EDGES_PER_ROW_MAX + 1),
        "edges",
    ),
    ("add_col", (4, q(0), q(1), 1), "column 4"),
    ("add_col", (-1, q(0), q(1), 1), "column -1"),
    ("add_col", (COLS_MAX, q(0), q(1), 1), f"column {COLS_MAX}"),
    ("add_col", (9, q(0, 4), q(1, 1), 2), "row 4"),
    ("add_col", (9, q(1, 1), q(1, 1), 2), "row 1"),
    ("add_col", (9, q(-5), q(1), 1), "row -5"),
    ("add_col", (9, q(1), q(IDLE), 1), str(IDLE)),
    *((call, (4,), "row 4") for call in ("remove_row", "commit", "partner", "cost_of", "degree")),
    *((call, (-1,), "row -1") for call in ("remove_row", "commit", "partner", "cost_of", "degree")),
    *((call, (5,), "column 5") for call in ("remove_col", "holder")),
    *((call, (-1,), "column -1") for call in ("remove_col", "holder")),
]


@pytest.mark.parametrize(("call", "arguments", "named"), REFUSED)
def test_what_does_not_fit_is_refused_by_name_and_changes_nothing(
    call: str, arguments: tuple[Any, ...], named: str
) -> None:
    matching = filled()
    before = matching.save()
    with pytest.raises(ValueError, match=named):
        getattr(matching, call)(*arguments)
    assert matching.save() == before
    matching.add_row(4, q(4), q(3), 1)
    assert matching.partner(4) == 4


def test_a_row_that_is_full_takes_no_more_columns() -> None:
    count = EDGES_PER_ROW_MAX
    matching = Matching(2, count + 1)
    for col in range(count):
        matching.add_col(col, q(), q(), 0)
    matching.add_row(0, array("q", range(count)), array("q", range(count)), count)
    matching.add_row(1, q(), q(), 0)
    with pytest.raises(ValueError, match="row 0"):
        matching.add_col(count, q(1, 0), q(5, 5), 2)
    assert not matching.has_col(count)
    assert matching.degree(1) == 0
    matching.remove_col(7)
    matching.add_col(count, q(0), q(-5), 1)
    assert matching.partner(0) == count


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (ROWS_MAX + 1, 1), (1, COLS_MAX + 1), (-1, 5)])
def test_room_has_limits(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="possible"):
        Matching(*size)


def test_the_sum_may_need_more_than_64_bits() -> None:
    matching = Matching(100, 1)
    for row in range(100):
        matching.add_row(row, q(), q(), 0)
    assert matching.total() == (0, 100 * IDLE)


def spoil(saved: dict[str, list[int]], field: str, place: int, value: int) -> dict[str, list[int]]:
    other = deepcopy(saved)
    other[field][place] = value
    return other


def test_a_save_that_does_not_fit_together_is_refused() -> None:
    matching, chance = filled(), Random(11)
    matching.add_row(5, q(0, 2, 4), q(-8, 3, 2), 3)
    saved = matching.save()
    refused = 0
    for field in ("nodes", "edges"):
        for shorter in range(len(saved[field])):
            with pytest.raises(ValueError, match="fit together"):
                Matching().load({**saved, field: saved[field][:shorter]})
        for place, was in enumerate(saved[field]):
            for value in (-(2**63), -3, -2, -1, was - 1, was + 1, 7, chance.randrange(2**20), 2**62):
                other = Matching()
                try:
                    other.load(spoil(saved, field, place, value))
                except ValueError:
                    refused += 1
                    assert other.total() == (0, 0)
                else:
                    assert other.violations() == 0
    assert refused > 300
    with pytest.raises(ValueError, match="possible"):
        Matching().load({**saved, "room": [0, 5, 0]})
    with pytest.raises(ValueError, match="fit together"):
        Matching().load({**saved, "room": [2, 5, 0]})
    fresh = Matching()
    fresh.load(saved)
    assert fresh.save() == saved


def test_compiled_and_plain_give_the_same() -> None:
    source = Path(module.__file__).with_name("matching.py")
    if Path(module.__file__) == source:
        pytest.skip("matching is not compiled here")
    spec = importlib.util.spec_from_file_location("plain_matching", source)
    assert spec is not None
    assert spec.loader is not None
    plain_module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain_module)
    assert plain_module.__file__ == str(source)
    compiled, plain, chance, book = Matching(1, 1), plain_module.Matching(1, 1), Random(1), Book()
    for number in range(3000):
        ends = [chance.randrange(31) for _ in range(chance.randrange(9))]
        step = (chance.choice(EVENTS), chance.randrange(31), ends, [chance.randrange(-20, 20) for _ in range(COLS)])
        if (call := book.play(step)) is not None:
            assert follow(compiled, book, call) == ask(plain, call)
        if number % 50 == 0:
            assert compiled.save() == plain.save()
    assert compiled.save() == plain.save()
