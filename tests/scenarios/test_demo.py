"""Demo days over real sockets, with the processes a real site runs: one in peace, one with kill -9 all along."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge import wes
from edge.checking import json_schema, replay_journal
from edge.history import History, find_journals
from edge.messages import (
    Message,
    OrderAccepted,
    OrderClosed,
    StockMoved,
    TaskCompleted,
    UnitLoaded,
    UnitPacked,
)

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(1500)]
KILLS_EACH = 20
KILL_EVERY_S = 2.0


@contextlib.contextmanager
def demo(data: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A running demo, gone at the end whatever happens."""
    command = [sys.executable, "-m", "edge", "demo", "--headless", "--until-done", "--data", str(data), *options]
    with (data.parent / "demo.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
                process.kill()


def said(data: Path) -> str:
    return "".join((data.parent / "demo.log").read_text().splitlines(keepends=True)[-30:])


def check(data: Path, report: Path, orders: int) -> dict[str, Any]:
    """What must hold for every finished day, by the report and by the journals themselves."""
    result: dict[str, Any] = json.loads(report.read_text())
    jsonschema.validate(result, json_schema("report"))
    assert result["orders"]["captured"] == orders
    assert result["orders"]["open"] == 0
    assert result["units"]["ordered"] == result["units"]["shipped"] + result["units"]["short"]
    assert result["stock"]["balanced"]
    assert result["findings"] == []
    messages = [message for _, message in History(find_journals([data])).new()]
    closed = {message.order_id: message for message in messages if isinstance(message, OrderClosed)}
    assert len({m.order_id for m in messages if isinstance(m, OrderAccepted)}) == len(closed) == orders
    for kind, name in ((UnitPacked, "hu_id"), (UnitLoaded, "hu_id"), (TaskCompleted, "task_id")):
        assert_once_per_journal(data, kind, name)
    assert_movements_gapless(data)
    for journal in find_journals([data]):
        entries, differences, _ = replay_journal(journal)
        assert entries > 100
        assert differences == []
    return result


def journal_messages(journal: Path) -> Iterator[Message]:
    for _, message in History([journal]).new():
        yield message


def assert_once_per_journal(data: Path, kind: type[Any], name: str) -> None:
    for journal in find_journals([data]):
        counts = Counter(getattr(message, name) for message in journal_messages(journal) if isinstance(message, kind))
        assert [key for key, times in counts.items() if times > 1] == [], f"{kind.__name__} doubled in {journal}"


def assert_movements_gapless(data: Path) -> None:
    for journal in find_journals([data]):
        numbers = [message.movement for message in journal_messages(journal) if isinstance(message, StockMoved)]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_demo_day_over_real_sockets(tmp_path: Path) -> None:
    data, report = tmp_path / "data", tmp_path / "report.json"
    with demo(data, "--orders", "60", "--speed", "10", "--report", str(report), "--time-limit", "10") as running:
        assert running.wait() == 0, said(data)
    result = check(data, report, 60)
    assert result["core"] == wes.CORE
    assert result["tasks"]["by_resource"]["robot1"] > 0
    assert result["sorter"]["diverted"] > 20
    assert 0 < result["rss_mb"] < 200
    assert result["messages"]["sent"] > 100
    why = subprocess.run(
        [sys.executable, "-m", "edge", "why", "order", "G00001", "--data", str(data)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "G00001" in why.stdout


def test_the_other_composition_ships_the_same(tmp_path: Path) -> None:
    data, report = tmp_path / "data", tmp_path / "report.json"
    options = ("--orders", "20", "--speed", "10", "--report", str(report), "--time-limit", "10", "--wms-in-office")
    with demo(data, *options) as running:
        assert running.wait() == 0, said(data)
    check(data, report, 20)


def kill(data: Path, name: str) -> bool:
    """kill -9 to the process as it is now; False if it is just between two lives."""
    try:
        os.kill(int((data / f"{name}.pid").read_text()), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    return True


def test_kill_9_at_any_moment_ends_in_the_same_final_state(tmp_path: Path) -> None:
    data, report = tmp_path / "data", tmp_path / "report.json"
    kills: Counter[str] = Counter()
    with demo(data, "--orders", "60", "--speed", "5", "--report", str(report), "--time-limit", "20") as running:
        while not (data / "box" / "journal.db").exists():
            assert running.poll() is None, said(data)
            time.sleep(0.2)
        time.sleep(3)
        while running.poll() is None and min(kills["box"], kills["office"]) < KILLS_EACH:
            name = ("box", "office")[sum(kills.values()) % 2]
            kills[name] += kill(data, name)
            time.sleep(KILL_EVERY_S)
        assert running.wait() == 0, said(data)
    assert min(kills["box"], kills["office"]) >= KILLS_EACH, f"the day was over after {dict(kills)} kills"
    check(data, report, 60)
