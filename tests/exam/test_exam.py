"""The exam runs, says what it documents, and a sample of the weighted tardiness queues is solved; no time is judged."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.wes import sequence
from edge.wes.sequence import budget
from tests.exam import lap
from tests.exam.__main__ import NAMES, canonical, main, part
from tests.exam.tardiness import FOLDER, KNOWN, QUEUES, QUICK, Queue, read, sit, solve, summary

SET = {
    "of", "moves", "solved", "unsolved", "ratio_repair", "ratio_index", "ratio_index_best", "cpu_s", "wall_s",
}  # fmt: skip
COMPILED = not sequence.__file__.endswith(".py")
SAMPLE = [(40, 19), (40, 61), (40, 117), (50, 12), (50, 85), (50, 111), (100, 14), (100, 44), (100, 70), (100, 121)]
"""Set and number of some queues, among them some that few moves do not solve."""


@pytest.mark.parametrize("n", KNOWN)
def test_the_sets_are_complete(n: int) -> None:
    found = read(FOLDER, n)
    assert [each.number for each in found] == list(range(1, QUEUES + 1))
    assert all(len(each.work) == len(each.weight) == len(each.due) == n for each in found)
    assert all(1 <= work <= 100 for each in found for work in each.work)
    assert all(1 <= weight <= 10 for each in found for weight in each.weight)


def test_an_incomplete_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wt40.txt.xz").write_bytes((FOLDER / "wt40.txt.xz").read_bytes())
    (tmp_path / KNOWN[40]).write_text("1 2 3\n")
    with pytest.raises(ValueError, match="wt40"):
        read(tmp_path, 40)


@pytest.mark.skipif(not COMPILED, reason="the whole budget of moves takes too long with an uncompiled core")
def test_a_sample_is_solved() -> None:
    sets = {n: read(FOLDER, n) for n in KNOWN}
    results = [solve(sets[n][number - 1], budget(n)) for n, number in SAMPLE]
    assert [each.repaired - each.queue.known for each in results] == [0] * len(SAMPLE)
    assert all(each.repaired <= each.index_best <= each.index for each in results)


def test_the_summary_counts_what_was_missed() -> None:
    queues = [Queue(number, [3, 2], [1, 1], [0, 0], known) for number, known in ((1, 7), (2, 6), (3, 8))]
    found = summary([solve(each, 100) for each in queues], 100)
    assert (found["of"], found["solved"], found["unsolved"]) == (3, 2, [2])
    assert found["ratio_repair"] == found["ratio_index"] == found["ratio_index_best"] == 1.0


def test_a_quick_sitting() -> None:
    figures = sit(FOLDER, quick=True)
    assert list(figures) == [f"wt{n}" for n in KNOWN]
    for each in figures.values():
        assert set(each) == SET
        assert each["of"] == len(QUICK)
        assert each["solved"] + len(each["unsolved"]) == each["of"]
        assert 1.0 <= each["ratio_repair"] < 1.01
        assert each["ratio_repair"] < each["ratio_index_best"] <= each["ratio_index"]
        assert 0 < each["cpu_s"]["median"] <= each["cpu_s"]["max"]
    rows = part("tardiness").rows(figures)
    assert len(rows) == 4 * len(figures)
    assert all(row.what and row.measured and row.limit and row.ratio > 0 for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_has_all_that_the_command_asks_for(name: str) -> None:
    module = part(name)
    assert module.WORDS
    assert "\n" not in module.WORDS
    assert module.FOLDER.is_dir()
    assert callable(module.sit)
    assert callable(module.rows)


def test_the_assignment_says_how_many_it_solved_and_leaves_out_who_is_not_installed() -> None:
    one = {"n": 100, "ms": 12.0, "scipy_ms": 3.0, "lapx_ms": None}
    rows = lap.rows({"solved": 1, "of": 2, "instances": {"100": one}})
    assert [row.ratio for row in rows] == [0.5, 4.0]
    assert "scipy" in rows[1].what


def test_a_picture_needs_the_part_that_draws_it(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    done = CliRunner().invoke(main, ["tardiness", "--quick", "--picture", str(file)])
    assert done.exit_code == 2
    assert "--picture" in done.output
    assert not file.exists()


def test_the_command_sits_what_is_named_once_and_writes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, ["tardiness", "tardiness", "--quick", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert done.output.count(part("tardiness").WORDS) == 1
    written = json.loads(file.read_text())
    assert written["name"] == "tardiness"
    assert set(written) == {"name", "figures", "machine"}
    assert file.read_text() == canonical([written])


def test_json_is_canonical() -> None:
    one, other = {"name": "b", "figures": {"z": 1, "a": 2}}, {"name": "c"}
    assert canonical([one]) == '{"figures":{"a":2,"z":1},"name":"b"}\n'
    assert json.loads(canonical([one, other])) == [one, other]


def test_the_command_explains_itself() -> None:
    listed = CliRunner().invoke(main, ["--list"])
    assert [line.split()[0] for line in listed.output.splitlines()] == list(NAMES)
    refused = CliRunner().invoke(main, ["speed"])
    assert refused.exit_code == 2
    assert "speed" in refused.output
