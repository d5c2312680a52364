"""The socket between runtime and page, both sides real: order, answers, slow readers, coming back."""

import asyncio
import contextlib
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.codec import BadMessage, dump_state, encode
from edge.messages import AlarmRaised, OrderAccepted, OrderCaptured, ScanStatus, TaskRefused, UnitScanned
from edge.page import feed as feed_module
from edge.page.backlog import Backlog
from edge.page.feed import LINE_MAX_BYTES, PENDING_MAX, READERS_MAX
from edge.page.link import Link, NotConnected
from edge.page.live import Live
from tests.page.stage import Stage, opened

ORDER = {"order_id": "O-1", "route": "UK-NORTH", "lines": [{"line": 1, "sku": "S", "quantity": 2}]}


def alarm(n: int, text: str = "t") -> AlarmRaised:
    return AlarmRaised(at_ms=n, alarm_id=f"a{n}", source="s", priority=3, text=text, action="a")


async def until(ready: Any) -> None:
    async with asyncio.timeout(10):
        while not ready():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def linked(path: Path) -> AsyncIterator[tuple[Link, Live]]:
    live = Live("dc1")
    link = Link(path, live)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(link.keep())
        yield link, live
        task.cancel()


async def raw(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(path, limit=LINE_MAX_BYTES)


async def line_of(reader: asyncio.StreamReader, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            line: dict[str, Any] = json.loads(await reader.readline())
            if line["t"] == kind:
                return line


async def test_a_page_gets_the_state_and_then_every_message(tmp_path: Path) -> None:
    stage = Stage()
    stage.tell(opened(), alarm(1))
    async with stage.serving(tmp_path / "s"), linked(tmp_path / "s") as (_, live):
        await until(lambda: live.up)
        assert list(live.twin.state.alarms) == ["a1"]
        stage.tell(*[alarm(n) for n in range(2, 50)])
        await until(lambda: "a49" in live.twin.state.alarms)
        assert dump_state(live.twin.save()) == dump_state(stage.twin.save()).replace(
            f'"now_ms":{stage.clock_ms}'.encode(), f'"now_ms":{live.twin.state.now_ms}'.encode()
        )
        await until(lambda: live.figures)
        assert live.figures["counts"]["events"] == 50
        assert live.now_ms >= stage.clock_ms


async def test_a_state_taken_during_a_commit_is_not_told_twice(tmp_path: Path) -> None:
    """The runtime's twin sees a batch before the commit, the readers hear of it after."""
    stage = Stage()
    stage.tell(opened())
    batch = [unread(n) for n in range(5)]
    async with stage.serving(tmp_path / "s"):
        stage.tell(unread(90))
        for message in batch:
            stage.twin.see(message, 1)
        async with linked(tmp_path / "s") as (_, live):
            await until(lambda: live.up)
            for message in batch:
                stage.feed.publish(message)
            stage.tell(unread(91))
            await until(lambda: live.twin.state.messages >= stage.twin.state.messages)
            await asyncio.sleep(0.05)
            assert live.twin.state.totals == stage.twin.state.totals == {"no_reads": 7}
            assert live.twin.state.messages == 8


def unread(n: int) -> UnitScanned:
    return UnitScanned(
        at_ms=1,
        machine_id="sorter1",
        boot=1,
        seq=n + 1,
        tracking_id=n + 1,
        decision_point=1,
        status=ScanStatus.NO_READ,
        barcode="",
        recirc_count=0,
        budget_ms=0,
    )


async def test_only_the_owner_may_open_the_socket_and_a_leftover_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "s"
    stage = Stage()
    async with stage.serving(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(OSError, match="another process"):
            await Stage().feed.serve(path, stage.twin, stage.report, stage.figures, stage.now_ms)
    assert not path.exists()
    reader = await asyncio.start_unix_server(lambda r, w: None, path)
    reader.close()
    assert path.exists()
    async with Stage().serving(path), linked(path) as (_, live):
        await until(lambda: live.up)


async def test_a_report_is_stamped_by_the_runtime_and_answered_with_what_followed(tmp_path: Path) -> None:
    stage = Stage()
    async with stage.serving(tmp_path / "s"), linked(tmp_path / "s") as (link, live):
        await until(lambda: live.up)
        outputs = await link.report("OrderCaptured", {**ORDER, "at_ms": 5})
        (captured,) = stage.reported
        assert isinstance(captured, OrderCaptured)
        assert captured.at_ms == stage.clock_ms
        assert [type(o) for o in outputs] == [OrderAccepted]
        assert "O-1" in live.twin.state.orders, "the message was told before the answer"
        with pytest.raises(BadMessage, match=r"OrderCaptured\.lines"):
            await link.report("OrderCaptured", {"order_id": "O-2", "route": "R"})
        with pytest.raises(BadMessage, match="not a message"):
            await link.report("NoSuchKind", {})
        assert stage.figures.counts["refused_reports"] == 2


async def test_reports_in_flight_when_the_runtime_goes_are_told_so(tmp_path: Path) -> None:
    stage = Stage()
    stage.held = asyncio.Event()
    async with linked(tmp_path / "s") as (link, live):
        with pytest.raises(NotConnected):
            await link.report("OrderCaptured", ORDER)
        async with asyncio.TaskGroup() as tasks, stage.serving(tmp_path / "s"):
            await until(lambda: live.up)
            asked = tasks.create_task(_outcome(link))
            await until(lambda: link._waiting)
        assert asked.result() == "the runtime went away before it answered"
        await until(lambda: not live.up)
        again = Stage()
        again.tell(alarm(7))
        async with again.serving(tmp_path / "s"):
            await until(lambda: live.up)
            assert list(live.twin.state.alarms) == ["a7"]
            assert await link.report("OrderCaptured", ORDER)


async def _outcome(link: Link) -> str:
    try:
        await link.report("OrderCaptured", ORDER)
    except NotConnected as error:
        return str(error)
    return "taken"


async def test_a_slow_reader_loses_lines_that_are_counted_and_starts_afresh(tmp_path: Path) -> None:
    stage = Stage()
    async with stage.serving(tmp_path / "s"), linked(tmp_path / "s") as (_, quick):
        slow, writer = await raw(tmp_path / "s")
        await line_of(slow, "state")
        told = 0
        async with asyncio.timeout(30):
            while not stage.figures.counts.get("page_dropped"):
                for _ in range(200):
                    told += 1
                    stage.tell(alarm(told % 100, text=f"{told} " + "x" * 2000))
                await asyncio.sleep(0.01)
        last = f"a{told % 100}"
        async with asyncio.timeout(20):
            seen = 0
            while True:
                line = json.loads(await slow.readline())
                seen += line["t"] == "m"
                if line["t"] == "state":
                    break
        assert seen < told
        assert line["state"]["messages"] == stage.twin.state.messages
        assert last in line["state"]["alarms"]
        stage.tell(alarm(500))
        assert (await line_of(slow, "m"))["body"]["alarm_id"] == "a500"
        await until(lambda: "a500" in quick.twin.state.alarms)
        writer.close()


async def test_more_reports_than_places_are_answered_busy(tmp_path: Path) -> None:
    stage = Stage()
    stage.held = asyncio.Event()
    async with stage.serving(tmp_path / "s"):
        reader, writer = await raw(tmp_path / "s")
        for n in range(PENDING_MAX + 3):
            body = {**ORDER, "order_id": f"O-{n}"}
            writer.write(json.dumps({"t": "report", "id": n, "kind": "OrderCaptured", "body": body}).encode() + b"\n")
        busy = [await line_of(reader, "reply") for _ in range(3)]
        assert [(r["id"], r["busy"], r["ok"]) for r in busy] == [(PENDING_MAX + n, True, False) for n in range(3)]
        stage.held.set()
        answered = [await line_of(reader, "reply") for _ in range(PENDING_MAX)]
        assert all(r["ok"] for r in answered)
        assert len(stage.reported) == PENDING_MAX
        writer.close()


async def test_rubbish_is_counted_and_hurts_nobody(tmp_path: Path) -> None:
    stage = Stage()
    async with stage.serving(tmp_path / "s"):
        reader, writer = await raw(tmp_path / "s")
        writer.write(b'no json\n[]\n{"t":"report"}\n{"t":"report","id":1,"kind":"X","body":[]}\n' + b"[" * 9000 + b"\n")
        writer.write(json.dumps({"t": "report", "id": 9, "kind": "TaskDone", "body": {}}).encode() + b"\n")
        assert (await line_of(reader, "reply"))["id"] == 9
        assert stage.figures.counts["refused_lines"] == 5
        other, other_writer = await raw(tmp_path / "s")
        with contextlib.suppress(OSError):
            other_writer.write(b"x" * (LINE_MAX_BYTES * 2 + 2))
            await other_writer.drain()
        with contextlib.suppress(OSError):
            while await other.readline():
                pass
        assert stage.figures.counts["refused_lines"] == 6
        stage.tell(alarm(3))
        assert (await line_of(reader, "m"))["kind"] == "AlarmRaised"
        writer.close()


async def test_readers_are_bounded(tmp_path: Path) -> None:
    stage = Stage()
    async with stage.serving(tmp_path / "s"):
        writers = []
        for _ in range(READERS_MAX):
            reader, writer = await raw(tmp_path / "s")
            await line_of(reader, "state")
            writers.append(writer)
        reader, writer = await raw(tmp_path / "s")
        assert await reader.read() == b""
        assert stage.figures.counts["refused_readers"] == 1
        writers.pop().close()
        await until(lambda: len(stage.feed._readers) < READERS_MAX)
        reader, writer = await raw(tmp_path / "s")
        await line_of(reader, "state")


async def test_kinds_of_a_newer_runtime_are_passed_over(tmp_path: Path) -> None:
    live = Live("x")
    live.message("FromTheFuture", {"at_ms": 1}, b"{}")
    assert live.unknown == 1
    assert live.twin.state.messages == 0


def test_publishing_to_nobody_encodes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr(feed_module, "encode", never)
    Stage().feed.publish(alarm(1))


def test_answers_are_cut_to_what_a_page_needs() -> None:
    refused = TaskRefused(at_ms=1, resource_id="p1", task_id="T", reason="NOT_YOURS", detail="")
    reply = json.loads(feed_module._reply(4, [opened(), *[refused] * 300]))
    assert len(reply["outputs"]) == feed_module.OUTPUTS_MAX
    assert reply["outputs"][0] == {"kind": "TaskRefused", "body": json.loads(encode(refused))}


def test_an_overflow_keeps_answers_and_drops_the_rest() -> None:
    backlog = Backlog(lines_max=3)
    assert backlog.push(b"early") == 1
    backlog.restart()
    assert backlog.push(b"1") == 0
    backlog.keep(b"answer")
    assert backlog.push(b"2") == 0
    assert backlog.push(b"3") == 3
    assert backlog.stale
    backlog.restart()
    assert backlog.take() == [b"answer"]
    assert (backlog.dropped, backlog.take()) == (4, [])
