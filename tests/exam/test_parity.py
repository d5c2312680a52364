"""The parity exam plays what it says, in two processes, and finds a difference where there is one."""

from copy import deepcopy
from random import Random

import pytest

from edge.wes import CORE
from tests.exam import parity
from tests.exam.parity import CASES, FOLDER, MODULES, PLAYED, compare, play, rows, sit


def test_there_are_a_hundred_thousand_cases_through_every_compiled_module() -> None:
    compiled = sorted(path.stem for path in (parity.ROOT / "edge" / "wes").glob("*.pxd"))
    assert sorted(CASES) == sorted(PLAYED) == list(MODULES) == compiled
    assert sum(CASES.values()) == 100_000


@pytest.mark.parametrize("name", MODULES)
def test_a_case_follows_from_its_number_and_they_differ(name: str) -> None:
    answers = [repr(PLAYED[name](Random(f"{name} {number}"))) for number in (0, 1, 2, 0)]
    assert answers[0] == answers[3]
    assert len(set(answers)) == 3


def test_a_quick_sitting_is_identical() -> None:
    figures = sit(FOLDER, quick=True)
    assert figures["identical"]
    assert figures["same"] == figures["cases"] == parity.QUICK * len(MODULES)
    assert figures["plain"] == 0, "one of the two processes looks past the compiled files"
    assert figures["compiled"] == (len(MODULES) if CORE == "compiled" else 0)
    assert len({each["digest"] for each in figures["modules"].values()}) == len(MODULES)
    table = rows(figures)
    assert [row.ratio for row in table] == [1.0] * (1 + len(MODULES))


def test_a_difference_is_found_and_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "BLOCK", 2)
    counts = dict.fromkeys(MODULES, 5)
    ours = play(counts)
    other = deepcopy(ours)
    other["played"]["tour"]["blocks"][2] = "something else"
    figures = compare(counts, ours, other)
    assert not figures["identical"]
    assert figures["cases"] - figures["same"] == 1, "the last block is a short one"
    assert {name: each["differs"] for name, each in figures["modules"].items() if each["differs"] >= 0} == {"tour": 4}
    assert "OTHER ANSWERS from case 4 on" in " ".join(row.measured for row in rows(figures))
