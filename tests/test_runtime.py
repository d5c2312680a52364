"""The one loop: nothing is acknowledged before it is on disk, nothing is lost, doubled or reordered, and it stops."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import runtime as loop
from edge.journal import Journal, JournalError, Origin, read_rows
from edge.messages import (
    EventSetAside,
    Message,
    OrderAccepted,
    OrderCancelRefused,
    OrderCancelRequested,
    StockLevel,
    StockLevelsChanged,
    Task,
    TaskKind,
    TasksPlanned,
)
from edge.recovery import recover, replay
from edge.runtime import Runtime, start
from edge.settings import ClockSettings, LimitSettings, ProcessSettings, SiteSettings
from edge.systems import Systems, dump
from tests.test_systems import ITEMS, OFFICE, departures, order, site

ROOT = Path(__file__).parents[1]
STOP_S = 12.0
"""A few seconds on a busy machine."""
HOUR_MS = 3_600_000


def office(data: Path, **more: Any) -> ProcessSettings:
    """An office that meets nobody."""
    return ProcessSettings(**{"schema": "edge/process/1", "name": "office", "systems": ("oms",), "data": data, **more})


def box(data: Path, **more: Any) -> ProcessSettings:
    fields = {"name": "dc1", "systems": ("wms", "wes"), "site": ROOT / "config" / "site.yaml"}
    return office(data, **{**fields, **more})


def cancel(number: int) -> OrderCancelRequested:
    return OrderCancelRequested(at_ms=0, order_id=f"O{number}", by="test")


def orders_of(path: Path) -> list[str]:
    return [str(row.message().order_id) for row in read_rows(path) if row.kind == "OrderCancelRequested"]  # type: ignore[union-attr]


@contextlib.asynccontextmanager
async def deciding(process: ProcessSettings, *, decides: bool = True) -> AsyncIterator[Runtime]:
    """A runtime whose loop turns, without walls; at the end it is cut off, like a crash between two batches."""
    async with Journal(process.data / "journal.db", process.name) as journal:
        runtime = Runtime(process, None, journal)
        await recover(runtime.systems, journal, accept=False)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(runtime.decide() if decides else asyncio.sleep(3600))
            yield runtime
            task.cancel()


@contextlib.asynccontextmanager
async def living(process: ProcessSettings, at: SiteSettings | None = None) -> AsyncIterator[Runtime]:
    """A whole life without signals; at the end it is cut off without a snapshot."""
    async with Journal(process.data / "journal.db", process.name) as journal:
        runtime = Runtime(process, at, journal)
        recovered = await recover(runtime.systems, journal, accept=False)
        async with asyncio.TaskGroup() as group:
            life = group.create_task(runtime.run(recovered))
            yield runtime
            life.cancel()


async def whole_state(path: Path, systems: Systems) -> dict[str, bytes]:
    """The state that the entries alone lead to."""
    assert list(replay(systems, read_rows(path))) == []
    return dump(systems.save())


async def test_what_followed_comes_back_to_who_reported(tmp_path: Path) -> None:
    async with deciding(office(tmp_path)) as runtime:
        outputs = await runtime.report(cancel(7))
        [refused] = outputs
        assert isinstance(refused, OrderCancelRefused)
        assert refused.order_id == "O7"
        assert await runtime.report(ITEMS) == ()
    rows = list(read_rows(tmp_path / "journal.db"))
    assert [tuple(row.outputs()) for row in rows] == [outputs, ()]


REPORTER = """
import asyncio, sys
from pathlib import Path
from tests.test_runtime import cancel, deciding, office

async def main() -> None:
    async with deciding(office(Path(sys.argv[1]))) as runtime:
        async def sender(k):
            for n in range(k, 100_000, 3):
                await runtime.report(cancel(n))
                print(n, flush=True)
        async with asyncio.TaskGroup() as group:
            for k in range(3):
                group.create_task(sender(k))

asyncio.run(main())
"""


def test_report_returns_after_the_event_is_on_disk(tmp_path: Path) -> None:
    said: list[int] = []
    for lines in (1, 10, 40):
        with subprocess.Popen(
            [sys.executable, "-c", REPORTER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as child:
            assert child.stdout is not None
            for _ in range(lines):
                said.append(int(child.stdout.readline()))
            child.kill()
        kept = orders_of(tmp_path / "journal.db")
        assert {f"O{n}" for n in said} <= set(kept)


async def test_a_long_batch_is_cut_and_nothing_is_lost_or_reordered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = office(tmp_path, limits=LimitSettings(batch_max=50))
    monkeypatch.setattr(loop, "DECIDE_HOLD_US", 0)
    async with deciding(process) as runtime:
        async with asyncio.TaskGroup() as group:
            for n in range(120):
                group.create_task(runtime.report(cancel(n)))
        assert runtime.figures.counts["commits"] == 120, "every batch is cut after its first event"
        monkeypatch.setattr(loop, "DECIDE_HOLD_US", 10_000_000)
        async with asyncio.TaskGroup() as group:
            for n in range(120, 240):
                group.create_task(runtime.report(cancel(n)))
        assert runtime.figures.counts["commits"] <= 124, "whole batches"
    assert orders_of(tmp_path / "journal.db") == [f"O{n}" for n in range(240)]


async def test_the_heart_beats_when_idle_and_when_every_batch_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "DECIDE_HOLD_US", 0)
    async with deciding(office(tmp_path)) as runtime:
        before = runtime.beats
        async with asyncio.timeout(5):
            while runtime.beats < before + 2:
                await asyncio.sleep(0.05)
        before, commits = runtime.beats, runtime.figures.counts.get("commits", 0)
        async with asyncio.TaskGroup() as group:
            for n in range(100):
                group.create_task(runtime.report(cancel(n)))
        assert runtime.beats - before >= runtime.figures.counts["commits"] - commits - 1


async def test_senders_wait_when_the_inbox_is_full(tmp_path: Path) -> None:
    process = office(tmp_path, limits=LimitSettings(inbox_max=10))
    async with deciding(process, decides=False) as runtime, asyncio.TaskGroup() as group:
        tasks = [group.create_task(runtime.report(cancel(n))) for n in range(25)]
        await asyncio.sleep(0.05)
        assert runtime._inbox.qsize() == 10
        assert not any(task.done() for task in tasks)
        decide = group.create_task(runtime.decide())
        await asyncio.wait(tasks)
        decide.cancel()
    assert orders_of(tmp_path / "journal.db") == [f"O{n}" for n in range(25)]


async def test_a_peers_number_counts_once_also_twice_in_one_batch(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with deciding(office(tmp_path, peers={"dc1": ("wes",)})) as runtime:
        async with asyncio.TaskGroup() as group:
            for n in (1, 1, 2, 1, 2, 3):
                group.create_task(runtime.report_inbound("dc1", "e1", n, cancel(n)))
        assert orders_of(path) == ["O1", "O2", "O3"]
        await runtime.report_inbound("dc1", "e1", 3, cancel(3))
        assert runtime.figures.counts == {"events": 3, "duplicates": 4, "commits": runtime.figures.counts["commits"]}
    async with deciding(office(tmp_path)) as runtime:
        await runtime.report_inbound("dc1", "e1", 2, cancel(2))
        assert orders_of(path) == ["O1", "O2", "O3"]
        assert await runtime.journal.received("dc1") == ("e1", 3)
        await runtime.report_inbound("dc1", "e2", 1, cancel(10))
        assert orders_of(path) == ["O1", "O2", "O3", "O10"]
        assert await runtime.journal.received("dc1") == ("e2", 1)


def killer(due_ms: int = 10**30, task_id: str = "T1") -> TasksPlanned:
    """Ends the WES: no array of it holds such a time."""
    task = Task(
        task_id=task_id, kind=TaskKind.PICK, zone="A", skill="pick", source="A-01-01-1", target="", order_id="O1",
        hu_id="000000000000000001", sku="lamp", due_ms=due_ms,
    )  # fmt: skip
    return TasksPlanned(at_ms=7, site="dc1", tasks=(task,))


async def die_of(event: Message, process: ProcessSettings, origin: Origin) -> None:
    async def life() -> None:
        async with living(process, wes_only()) as runtime, asyncio.timeout(20):
            await ready(runtime)
            await runtime.report(event, origin)

    with pytest.raises(BaseExceptionGroup):
        await life()


async def ready(runtime: Runtime) -> None:
    while not runtime.socket.exists():
        await asyncio.sleep(0.02)


def wes_only() -> SiteSettings:
    """The site without machines: nothing of it needs a link."""
    return site().model_copy(update={"machines": (), "devices": {}})


def kinds_out(path: Path) -> list[str]:
    return [type(output).__name__ for row in read_rows(path) for output in row.outputs()]


def kinds(path: Path) -> list[str]:
    return [row.kind for row in read_rows(path)]


async def test_an_event_that_ended_the_process_is_set_aside_and_its_stream_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    process = box(tmp_path, systems=("wes",), peers={"office": ("oms", "wms")}, broker={"url": "mqtt://127.0.0.1:9"})
    await die_of(killer(), process, Origin("office", "e1", 1))
    assert "TasksPlanned" not in kinds(path)
    async with living(process, wes_only()) as runtime:
        await ready(runtime)
        assert kinds(path).count("EventSetAside") == 1
        assert await runtime.journal.received("office") == ("", 0)
        await runtime.report_inbound("office", "e1", 1, killer())
        assert await runtime.journal.received("office") == ("e1", 1)
        await runtime.report_inbound("office", "e1", 2, killer(due_ms=5))
        assert kinds(path)[-2:] == ["EventSetAside", "TasksPlanned"]
    aside = [row.message() for row in read_rows(path) if row.kind == "EventSetAside"]
    for message in aside:
        assert isinstance(message, EventSetAside)
        assert message.kind == "TasksPlanned"
        assert "OverflowError" in message.error
        assert '"T1"' in message.body
    async with living(process, wes_only()) as runtime:
        await ready(runtime)
        assert kinds(path).count("EventSetAside") == 2, "told once, and once for the resend"
        restamped = TasksPlanned(at_ms=8_000, site="dc1", tasks=killer().tasks)
        await runtime.report(restamped)
        assert kinds(path)[-1] == "EventSetAside", "a sender that stamps it anew sends the same event"
    assert await whole_state(path, Systems(("wes",), process.peers))


async def test_what_stood_before_the_bad_event_in_its_batch_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    process = box(tmp_path, systems=("wes",))
    stream = [killer(1, "T1"), killer(2, "T2"), killer(task_id="T3"), killer(4, "T4")]
    acknowledged: list[int] = []

    async def life() -> None:
        async with living(process, wes_only()) as runtime, asyncio.TaskGroup() as group:
            await ready(runtime)
            for n, event in enumerate(stream, 1):
                group.create_task(send(runtime, n, event))

    async def send(runtime: Runtime, n: int, event: Message) -> None:
        await runtime.report_inbound("office", "e1", n, event)
        acknowledged.append(n)

    def taken() -> list[Message]:
        return [row.message() for row in read_rows(path) if row.kind == "TasksPlanned"]

    with pytest.raises(BaseExceptionGroup):
        await life()
    assert taken() == stream[: len(acknowledged)], "what was acknowledged is there"
    assert set(acknowledged) <= {1, 2}
    await life()
    assert taken() == [stream[0], stream[1], stream[3]]


async def test_snapshots_are_written_while_running_and_a_start_replays_only_the_tail(tmp_path: Path) -> None:
    process = office(tmp_path, limits=LimitSettings(snapshot_every=100))
    async with living(process) as runtime:
        for n in range(250):
            await runtime.report(cancel(n))
        async with asyncio.timeout(10):
            while (snapshot := await runtime.journal.last_snapshot()) is None or snapshot.n < 200:
                await asyncio.sleep(0.02)
        last_n = runtime.journal.last_n
        state = dump(runtime.systems.save())
    async with Journal(tmp_path / "journal.db", "office") as journal:
        systems = Systems(("oms",), {})
        recovered = await recover(systems, journal, accept=False)
        assert 0 < recovered.entries == last_n - snapshot.n < 100
        assert dump(systems.save()) == state == await whole_state(journal.path, Systems(("oms",), {}))


async def test_a_process_that_keeps_crashing_does_not_replay_more_and_more(tmp_path: Path) -> None:
    process = office(tmp_path, limits=LimitSettings(snapshot_every=100))
    for life in range(4):
        async with living(process) as runtime:
            await ready(runtime)
            for n in range(60):
                await runtime.report(cancel(life * 60 + n))
            async with asyncio.timeout(10):
                while life % 2 and await runtime.journal.last_snapshot() is None:
                    await asyncio.sleep(0.02)
    async with Journal(tmp_path / "journal.db", "office") as journal:
        recovered = await recover(Systems(("oms",), {}), journal, accept=False)
    assert recovered.entries < 200 < journal.last_n


class Wall:
    """Stands for the computer's clock."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def time_ns(self) -> int:
        return self.now_ms * 1_000_000


async def test_time_never_runs_backwards_not_over_a_restart_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = Wall(1_000_000)
    monkeypatch.setattr("edge.clock.time", wall)
    process = office(tmp_path)
    async with deciding(process) as runtime:
        await runtime.report(cancel(1))
        wall.now_ms = 400_000
        assert runtime.now_ms() == 1_000_000
        await runtime.report(cancel(2))
    async with deciding(process) as runtime:
        assert runtime.now_ms() == 1_000_000
        await runtime.report(cancel(3))
        wall.now_ms = 1_000_007
        await runtime.report(cancel(4))
    assert [row.at_ms for row in read_rows(tmp_path / "journal.db")] == [1_000_000, 1_000_000, 1_000_000, 1_000_007]


async def test_the_clock_of_a_site_runs_faster_where_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = Wall(1_000)
    monkeypatch.setattr("edge.clock.time", wall)
    async with deciding(office(tmp_path, clock=ClockSettings(speed=10, start_wall_ms=1_000, start_site_ms=70))) as run:
        assert run.now_ms() == 70
        wall.now_ms = 1_500
        assert run.now_ms() == 5_070
        assert run.clock.wall_s(15_070) == 1.0
        assert run.clock.wall_s(70) == -0.5


async def test_who_wants_to_be_woken_is_woken_also_when_the_clock_has_jumped_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = Wall(10 * HOUR_MS)
    monkeypatch.setattr("edge.clock.time", wall)
    level = StockLevel(sku="lamp", on_hand=9, available=9)
    async with deciding(office(tmp_path, peers={"dc1": ("wms", "wes")})) as runtime, asyncio.TaskGroup() as group:
        for event in (OFFICE, ITEMS, StockLevelsChanged(at_ms=0, site="dc1", levels=(level,)), departures(wall.now_ms)):
            await runtime.report(event)
        [accepted] = await runtime.report(order("O1", "UK-NORTH", ("lamp", 1)))
        assert isinstance(accepted, OrderAccepted)
        wall.now_ms = accepted.release_at_ms + 1
        await runtime.report(accepted)
        wall.now_ms = 2 * HOUR_MS
        assert runtime.systems.wake_at_ms == accepted.release_at_ms < runtime.now_ms()
        waking = group.create_task(runtime.wake())
        async with asyncio.timeout(10):
            while "OrderReleased" not in kinds_out(tmp_path / "journal.db"):
                await asyncio.sleep(0.02)
        waking.cancel()


# Whole processes: `edge run`.


def write(data: Path, process: ProcessSettings) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    path = data / "process.yaml"
    path.write_text(process.model_dump_json(by_alias=True, warnings=False))
    return path


@contextlib.contextmanager
def edge_run(config: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`edge run CONFIG`, gone at the end whatever happens; its logs go to log.txt beside the config."""
    with (config.parent / "log.txt").open("w") as log, subprocess.Popen(
        [sys.executable, "-m", "edge", "run", str(config), *options],
        stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def wait_ready(process: subprocess.Popen[str], config: Path) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "ready" in line, (config.parent / "log.txt").read_text()


def logged(config: Path, what: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in (config.parent / "log.txt").read_text().splitlines() if line[:1] == "{"]
    [found] = [line for line in lines if line["what"] == what]
    return dict(found)


def say(data: Path, *messages: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Reports through the page's socket, as a handheld would; the replies."""
    replies = []
    with socket.socket(socket.AF_UNIX) as page:
        page.settimeout(20)
        deadline = time.monotonic() + 20
        while page.connect_ex(str(data / "page.sock")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with page.makefile("rwb") as lines:
            for number, (kind, body) in enumerate(messages):
                lines.write(json.dumps({"t": "report", "id": number, "kind": kind, "body": body}).encode() + b"\n")
                lines.flush()
                while (reply := json.loads(lines.readline()))["t"] != "reply":
                    pass
                replies.append(reply)
    return replies


def capture(order_id: str) -> tuple[str, dict[str, Any]]:
    return "OrderCaptured", {
        "order_id": order_id,
        "route": "UK-NORTH",
        "lines": [{"line": 1, "sku": "x", "quantity": 1}],
    }


def dated_office(data: Path, **more: Any) -> ProcessSettings:
    """An office with a timetable, so that it may start."""
    daily = [{"name": "N", "route": "UK-NORTH", "carrier": "c", "cutoff": "23:00"}]
    return office(data, departures=daily, **more)


async def recovered_state(data: Path, name: str, systems: tuple[str, ...]) -> tuple[int, dict[str, bytes]]:
    """How many entries a start would replay, and where it would be then."""
    async with Journal(data / "journal.db", name) as journal:
        found = Systems(systems, {})
        recovered = await recover(found, journal, accept=False)
        return recovered.entries, dump(found.save())


async def test_a_clean_stop_leaves_nothing_to_replay_and_kill_9_leaves_the_tail(tmp_path: Path) -> None:
    config = write(tmp_path, dated_office(tmp_path))
    path = tmp_path / "journal.db"
    with edge_run(config) as process:
        wait_ready(process, config)
        assert all(reply["ok"] for reply in say(tmp_path, capture("O1"), capture("O2")))
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) == 0
    assert logged(config, "stopped")["entries"] == len(list(read_rows(path)))
    entries, clean = await recovered_state(tmp_path, "office", ("oms",))
    assert entries == 0
    assert clean == await whole_state(path, Systems(("oms",), {}))
    before = len(list(read_rows(path)))
    with edge_run(config) as process:
        wait_ready(process, config)
        assert logged(config, "ready")["replayed"] == 0
        say(tmp_path, capture("O3"))
        process.kill()
    entries, crashed = await recovered_state(tmp_path, "office", ("oms",))
    assert entries == len(list(read_rows(path))) - before > 0
    assert crashed == await whole_state(path, Systems(("oms",), {}))
    with edge_run(config) as process:
        wait_ready(process, config)
        assert logged(config, "ready")["replayed"] == entries
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_S) == 0
    assert (await recovered_state(tmp_path, "office", ("oms",)))[0] == 0


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]


def dead_box(data: Path, port: int) -> Path:
    """A box whose broker and PLCs never answer, with a page."""
    devices = {
        name: device.model_copy(
            update={"port": port, "unit": unit} if device.driver == "modbus" else {"url": f"opc.tcp://127.0.0.1:{port}"}
        )
        for unit, (name, device) in enumerate(site().devices.items(), start=1)
    }
    data.mkdir(parents=True, exist_ok=True)
    (data / "site.yaml").write_text(
        site().model_copy(update={"devices": devices}).model_dump_json(by_alias=True, warnings=False)
    )
    return write(
        data,
        box(
            data,
            site=data / "site.yaml",
            peers={"office": ("oms",)},
            broker={"url": f"mqtt://127.0.0.1:{port}"},
            page={"port": 0},
        ),
    )


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.5])
async def test_sigterm_ends_a_box_soon_whatever_is_starting(tmp_path: Path, silent: int, after_s: float) -> None:
    config = dead_box(tmp_path, silent)
    with edge_run(config) as process:
        wait_ready(process, config)
        await asyncio.sleep(after_s)
        deadline = time.monotonic() + STOP_S
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.002)
        assert process.poll() == 0, (tmp_path / "log.txt").read_text()
    assert (await recovered_state(tmp_path, "dc1", ("wms", "wes")))[0] == 0, "twice told is still a clean stop"
    assert pages(tmp_path) == []


async def test_kill_9_leaves_no_page_behind(tmp_path: Path, silent: int) -> None:
    config = dead_box(tmp_path, silent)
    with edge_run(config) as process:
        wait_ready(process, config)
        while not (tmp_path / "page.url").exists():
            await asyncio.sleep(0.05)
        assert len(pages(tmp_path)) == 1
        process.kill()
    async with asyncio.timeout(STOP_S):
        while pages(tmp_path):
            await asyncio.sleep(0.1)


async def test_a_page_that_ends_in_the_same_moment_does_not_spoil_the_clean_stop(tmp_path: Path, silent: int) -> None:
    """As by Ctrl-C in a terminal, which tells both."""
    config = dead_box(tmp_path, silent)
    with edge_run(config) as process:
        wait_ready(process, config)
        async with asyncio.timeout(STOP_S):
            while not (tmp_path / "page.url").exists():
                await asyncio.sleep(0.05)
        os.kill(pages(tmp_path)[0], signal.SIGKILL)
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_S) == 0, (tmp_path / "log.txt").read_text()
    assert (await recovered_state(tmp_path, "dc1", ("wms", "wes")))[0] == 0


def pages(data: Path) -> list[int]:
    """The page processes of this data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"page" in words and str(data / "page.sock").encode() in words:
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("after_s", [0.3, 0.8])
async def test_sigterm_before_it_is_ready_ends_it_too(tmp_path: Path, after_s: float) -> None:
    config = write(tmp_path, dated_office(tmp_path))
    with edge_run(config) as process:
        await asyncio.sleep(after_s)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) in (0, -signal.SIGTERM)


def alter(path: Path) -> int:
    """Makes the journal say that something else followed from one of its entries."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        n, outputs = connection.execute(
            "SELECT n, outputs FROM entries WHERE kind = 'OrderCaptured' ORDER BY n LIMIT 1"
        ).fetchone()
        assert b"OrderRejected" in outputs
        changed = outputs.replace(b"UNKNOWN_SKU", b"NO_SUCH_SKU")
        assert changed != outputs
        connection.execute("UPDATE entries SET outputs = ? WHERE n = ?", (changed, n))
    return int(n)


def test_other_decisions_are_refused_until_accepted_and_then_the_flag_is_not_needed_again(tmp_path: Path) -> None:
    config = write(tmp_path, dated_office(tmp_path))
    with edge_run(config) as process:
        wait_ready(process, config)
        say(tmp_path, ("ItemsListed", {"items": [{"sku": "lamp"}]}), capture("O1"))
        process.kill()
    n = alter(tmp_path / "journal.db")
    with edge_run(config) as process:
        assert process.wait(STOP_S) == 2
    said = (tmp_path / "log.txt").read_text()
    assert "decides otherwise" in said
    assert f"entry {n} (OrderCaptured)" in said
    assert "NO_SUCH_SKU" in said
    assert "--accept-new-decisions" in said
    with edge_run(config, "--accept-new-decisions") as process:
        wait_ready(process, config)
        process.kill()
    for _ in range(2):
        with edge_run(config) as process:
            wait_ready(process, config)
            process.kill()


def test_a_full_disk_ends_the_process_with_the_reason(tmp_path: Path) -> None:
    config = write(tmp_path, dated_office(tmp_path))
    with edge_run(config) as process:
        wait_ready(process, config)
        assert say(tmp_path, capture("O1"))[0]["ok"]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (16_384, 16_384))
        with contextlib.suppress(OSError, ValueError):
            say(tmp_path, *(capture(f"F{n}") for n in range(50)))
        assert process.wait(STOP_S) == 1
    said = (tmp_path / "log.txt").read_text()
    assert "journal.db: " in said
    assert "check the disk and the data directory" in said
    assert "Traceback" not in said
    with edge_run(config) as process:
        wait_ready(process, config)
        assert say(tmp_path, capture("O2"))[0]["ok"], "with room again it goes on"


def test_a_journal_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    config = write(tmp_path, dated_office(tmp_path))
    with edge_run(config) as process:
        assert process.wait(STOP_S) == 1
    assert "journal.db: unable to open" in (tmp_path / "log.txt").read_text()


async def test_the_journal_of_another_process_is_refused(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.db", "dc1"):
        pass
    with pytest.raises(JournalError, match=r"belongs to 'dc1'.*not to 'office'"):
        await start(office(tmp_path), None, accept=False)


async def test_a_second_process_on_the_same_data_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    config = write(tmp_path, dated_office(tmp_path))
    with edge_run(config) as process:
        wait_ready(process, config)
        with pytest.raises(JournalError, match="another running process"):
            await start(dated_office(tmp_path), None, accept=False)
        assert say(tmp_path, capture("O1"))[0]["ok"]


async def live_until_stopped(process: ProcessSettings, *messages: Message) -> None:
    """A life with a clean stop."""
    async with asyncio.TaskGroup() as group:
        life = group.create_task(start(process, None, accept=False))
        await asyncio.to_thread(say, process.data, *(("OrderCancelRequested", {"order_id": "O1", "by": "x"}),))
        life.cancel()


async def test_a_stop_drops_what_is_old_and_covered(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    now_ms = time.time_ns() // 1_000_000
    day_ms = 86_400_000
    await live_until_stopped(office(tmp_path, clock=ClockSettings(start_wall_ms=now_ms, start_site_ms=day_ms)))
    first = [row.n for row in read_rows(path)]
    later = ClockSettings(start_wall_ms=now_ms, start_site_ms=40 * day_ms)
    await live_until_stopped(office(tmp_path, clock=later, limits=LimitSettings(keep_days=30)))
    kept = [row.n for row in read_rows(path)]
    assert kept == list(range(first[-1] + 1, kept[-1] + 1)), "the old ones are gone, the young ones stay"
    await live_until_stopped(office(tmp_path, clock=later))
    assert [row.n for row in read_rows(path)][: len(kept)] == kept, "and the numbers go on"
