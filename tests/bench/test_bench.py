"""The benchmarks run, say what they document, and have something to compare with; no figure is judged here."""

import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner

from tests.bench.__main__ import NAMES, SERIES, benchmark, canonical, main, result

pytestmark = pytest.mark.bench

SPREAD = {"p50", "p99", "p99_9", "max"}
LOOP = {
    "events_per_s", "mean_batch", "commit_us", "decide_us", "append_per_s", "pure_per_s", "ratio_to_append",
    "ratio_to_pure", "ratio_to_both",
}  # fmt: skip
JOURNAL = {
    "commits", "bytes", "journal_us", "sqlite_us", "append_us", "encode_us", "ratio_to_sqlite", "ratio_to_append",
}  # fmt: skip
SCAN = {
    "protocol", "poll_ms", "offered_per_s", "achieved_per_s", "scans", "no_decision", "torn", "plc_ms", "edge_ms",
    "round_trip_ms", "loop_lag_us", "commit_us", "cycles_ms", "excess_ms", "ratio_plc_p99_to_poll",
    "ratio_plc_p99_to_waits", "ratio_edge_to_round_trip", "ratio_edge_p99_to_round_trip", "ratio_achieved_to_offered",
}  # fmt: skip
TAGS = {
    "requests", "tags_per_s", "cpu_us_per_tag", "cpu_percent_1s", "cpu_percent_10000_tags_1s", "cycle_ms",
    "ratio_time_to_bare", "ratio_cpu_to_bare",
}  # fmt: skip
DAY = {"orders", "events", "compiled", "python", "same_events", "ratio_compiled_to_python"}
PLAYED = {"core", "play_s", "cpu_s", "plan_s", "events_per_s", "virtual_hours", "virtual_hours_per_s"}


@cache
def figures(name: str) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        one = result(name, quick=True, data=Path(folder))
        assert list(Path(folder).iterdir()) == [], "a benchmark clears up after itself"
    assert one["name"] == name
    assert set(one["machine"]) == {"cores", "python", "core"}
    measured: dict[str, Any] = one["figures"]
    return measured


def ratios(tree: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every figure whose name says that it is a ratio."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key.startswith("ratio"):
                yield f"{path}.{key}", value
            else:
                yield from ratios(value, f"{path}.{key}")


def spreads(tree: Any) -> Iterator[dict[str, float]]:
    if isinstance(tree, dict):
        if SPREAD & tree.keys():
            yield tree
        for value in tree.values():
            yield from spreads(value)


PEERS = {"dispatch": ("numpy", "scipy", "ortools")}
"""What a benchmark compares with beyond the test extra."""


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Every benchmark whose peers are installed."""
    for module in PEERS.get(request.param, ()):
        pytest.importorskip(module, reason="pip install 'wes-edge[bench]'")
    return str(request.param)


def test_every_ratio_compares_something(name: str) -> None:
    found = dict(ratios(figures(name)))
    assert found
    assert {path: value for path, value in found.items() if not (math.isfinite(value) and value > 0)} == {}
    for spread in spreads(figures(name)):
        assert set(spread) == SPREAD
        assert spread["p50"] <= spread["p99"] <= spread["p99_9"] <= spread["max"]


def test_the_table_shows_the_ratios(name: str) -> None:
    rows = benchmark(name).rows(figures(name))
    known = {value for _, value in ratios(figures(name))}
    assert rows
    assert all(row.what and row.measured and row.limit and row.ratio in known for row in rows)


def test_loop_decides_what_the_day_decided() -> None:
    found = figures("loop")
    sizes = benchmark("loop").QUICK
    assert set(found) == {"events", "rounds", "decided_as_recorded", "reporters"}
    assert 0 < found["events"] <= sizes.events_max
    assert found["decided_as_recorded"]
    assert list(found["reporters"]) == [str(n) for n in sizes.reporters]
    assert all(set(each) == LOOP for each in found["reporters"].values())
    assert found["reporters"]["1"]["mean_batch"] == 1.0, "one reporter waits for each commit"
    assert found["reporters"]["10"]["mean_batch"] > 1.0


def test_journal() -> None:
    found, sizes = figures("journal"), benchmark("journal").QUICK
    assert set(found) == {"entries"}
    assert {int(n): each["commits"] for n, each in found["entries"].items()} == sizes.commits
    assert all(set(each) == JOURNAL for each in found["entries"].values())


def test_scan_answers_every_scan() -> None:
    found, sizes = figures("scan"), benchmark("scan").QUICK
    assert set(found) == {"runs"}
    assert {(each["protocol"], each["poll_ms"]) for each in found["runs"].values()} == set(sizes.links)
    for each in found["runs"].values():
        assert set(each) == SCAN
        assert each["scans"] + each["no_decision"] >= sizes.scans[each["offered_per_s"]]


def test_tags_are_read_at_both_speeds() -> None:
    found, sizes = figures("tags"), benchmark("tags").QUICK
    assert (found["tags"], found["rounds"]) == (sizes.tags, sizes.rounds)
    assert set(found["modbus"]) == TAGS
    assert found["modbus"]["cycle_ms"]["plan"] == benchmark("tags").PERIOD_MS


def test_day_is_the_same_for_both_cores() -> None:
    found = figures("day")
    assert set(found) == {"generated", "real"}
    assert found["real"] is None, "the real day takes too long for a test"
    assert set(found["generated"]) == DAY
    assert found["generated"]["same_events"]
    assert set(found["generated"]["compiled"]) == set(found["generated"]["python"]) == PLAYED
    assert found["generated"]["python"]["core"] == "python"


def test_json_is_canonical() -> None:
    one, other = {"name": "b", "figures": {"z": 1, "a": 2}}, {"name": "c"}
    assert canonical([one]) == '{"figures":{"a":2,"z":1},"name":"b"}\n'
    assert json.loads(canonical([one, other])) == [one, other]


def test_the_command_runs_what_is_named_once_and_writes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, ["journal", "journal", "--quick", "--data", str(tmp_path), "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert done.output.count(benchmark("journal").WORDS) == 1
    written = json.loads(file.read_text())
    assert written["name"] == "journal"
    assert file.read_text() == canonical([written])


def test_the_command_explains_itself() -> None:
    listed = CliRunner().invoke(main, ["--list"])
    *lines, series = listed.output.splitlines()
    assert [line.split()[0] for line in lines] == list(NAMES)
    assert series.startswith(f"{', '.join(SERIES)}: ")
    assert "smaller is better" in " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    refused = CliRunner().invoke(main, ["speed"])
    assert refused.exit_code == 2
    assert "speed" in refused.output
