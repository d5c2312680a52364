"""The memory benchmark weighs what it says; no figure is judged."""

from functools import cache
from typing import Any

import pytest

from edge.messages import TaskKind
from tests.bench.memory import QUICK, UNIT_PICKS, planned, rows, run, size, weigh
from tests.bench.yardstick import ROOT

pytestmark = pytest.mark.bench

FIGURES = {
    "rss_mb", "saved_ms", "tasks", "people", "offered", "board_mb", "parts", "messages_mb", "bytes_per_task",
    "ratio_to_messages", "ratio_to_target",
}  # fmt: skip
PARTS = ["messages", "records", "people", "units", "plan", "books"]


@cache
def figures() -> dict[str, Any]:
    return run(QUICK, ROOT)


def test_it_says_what_it_documents() -> None:
    found = figures()
    assert list(found) == ["held", "open"]
    for each in found.values():
        assert set(each) == FIGURES
        assert list(each["parts"]) == PARTS
        assert (each["tasks"], each["people"]) == (QUICK.tasks, QUICK.people)
        assert each["ratio_to_messages"] > 0
        assert each["ratio_to_target"] > 0
    assert found["open"]["offered"] > found["held"]["offered"]
    assert [row.ratio for row in rows(found)] == [
        each[name] for each in found.values() for name in ("ratio_to_messages", "ratio_to_target")
    ]


def test_the_tasks_are_those_of_units_with_picks_and_a_pack() -> None:
    tasks = [task for message in planned(50) for task in message.tasks]
    assert len(tasks) == len({task.task_id for task in tasks}) == 50
    packs = [task for task in tasks if task.kind is TaskKind.PACK]
    assert len(packs) == 50 // (UNIT_PICKS + 1)
    known = {task.task_id: task for task in tasks}
    assert all(known[before].hu_id == pack.hu_id for pack in packs for before in pack.after)


def test_nothing_is_counted_twice() -> None:
    seen: dict[int, None] = {}
    shared = [1000, 2000]
    first = size([shared, shared], seen)
    assert size(shared, seen) == 0
    assert first < size([list(shared), list(shared)], {})


def test_twice_the_tasks_weigh_more() -> None:
    once, twice = (weigh("open", n, 5) for n in (500, 1000))
    assert all(twice["parts"][name] > once["parts"][name] for name in ("messages", "records", "units"))
