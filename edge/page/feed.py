"""The runtime's side of the page: a Unix socket that tells every reader what happened and takes in what people do.

One JSON object per line. To a reader: `state` first, then `m` (a message), `figures` each second, `reply`. From it:
`report`. Nothing here waits for a reader: lines for a slow one are dropped and counted, and it gets a fresh state.
"""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Never

from edge.codec import BadMessage, dump_state, encode, from_plain, kind_of
from edge.messages import (
    AlarmAcknowledged,
    AlarmRaised,
    CommandEnded,
    CommandMachine,
    GoodsReceived,
    GoodsRefused,
    MachineCommandRefused,
    Message,
    OrderAccepted,
    OrderCancelRefused,
    OrderClosed,
    OrderRefused,
    OrderRejected,
    TaskCompleted,
    TaskRefused,
)
from edge.messages.vehicles import VehicleActionEnded
from edge.page.backlog import Backlog
from edge.page.figures import Figures
from edge.page.twin import Twin

Report = Callable[[Message], Awaitable[Sequence[Message]]]

LINE_MAX_BYTES = 4_000_000
READERS_MAX = 16
PENDING_MAX = 64
OUTPUTS_MAX = 200
DRAIN_S = 10.0
STATE_EVERY_S = 1.0
FIGURES_EVERY_S = 1.0
ANSWERS = frozenset(
    {
        AlarmAcknowledged,
        AlarmRaised,
        CommandEnded,
        CommandMachine,
        GoodsReceived,
        GoodsRefused,
        MachineCommandRefused,
        OrderAccepted,
        OrderCancelRefused,
        OrderClosed,
        OrderRefused,
        OrderRejected,
        TaskCompleted,
        TaskRefused,
        VehicleActionEnded,
    }
)
"""The kinds a page needs to answer whoever reported; the rest it hears as messages like everybody else."""


class Feed:
    """One per runtime process. Every message the twin sees is published once, in that order, perhaps a commit later."""

    def __init__(self) -> None:
        self._readers: list[Backlog] = []
        self._figures: Figures | None = None
        self._ledger = _Ledger()

    def publish(self, message: Message) -> None:
        """Tells every reader; encoded once, never waits."""
        self._ledger.published()
        readers = []
        for backlog in self._readers:
            if backlog.skip:
                backlog.skip -= 1
            else:
                readers.append(backlog)
        if readers:
            kind = kind_of(message).encode()
            self._tell(readers, b'{"t":"m","kind":"' + kind + b'","body":' + encode(message) + b"}\n")

    async def serve(self, path: Path, twin: Twin, report: Report, figures: Figures, now_ms: Callable[[], int]) -> Never:
        """Keeps the socket (mode 0600) until cancelled. OSError if another process serves that path."""
        self._figures = figures
        self._ledger.open(twin)
        clock = _Clock(now_ms)
        listener = _bind(path)
        try:
            async with asyncio.TaskGroup() as tasks:

                def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    if len(self._readers) >= READERS_MAX:
                        figures.count("refused_readers")
                        writer.close()
                        return
                    backlog = Backlog()
                    self._readers.append(backlog)
                    visit = _Visit(reader, writer, backlog, self._ledger, report, figures, clock)
                    tasks.create_task(self._attend(visit))

                server = await asyncio.start_unix_server(come, sock=listener, limit=LINE_MAX_BYTES)
                try:
                    await self._tick(clock, figures)
                finally:
                    server.close()
        finally:
            _clear(path)
        raise AssertionError("the ticker never ends")

    async def _attend(self, visit: "_Visit") -> None:
        try:
            await visit.keep()
        finally:
            self._readers.remove(visit.backlog)

    async def _tick(self, clock: "_Clock", figures: Figures) -> Never:
        while True:
            await asyncio.sleep(FIGURES_EVERY_S)
            if self._readers:
                self._tell(self._readers, _line({"t": "figures", **clock.read(), "figures": figures.snapshot()}))

    def _tell(self, readers: list[Backlog], line: bytes) -> None:
        for backlog in readers:
            lost = backlog.push(line)
            if lost and self._figures is not None:
                self._figures.count("page_dropped", lost)


class _Ledger:
    """How far the twin is ahead of what was published: it sees a batch before the commit, readers hear of it after."""

    def __init__(self) -> None:
        self.twin = Twin()
        self._published = 0
        self._before = 0

    def open(self, twin: Twin) -> None:
        """The twin saw its snapshot and the replay before anything was published."""
        self.twin = twin
        self._before = twin.state.messages - self._published

    def published(self) -> None:
        """One more. At the end of every batch the twin is not ahead at all: the smallest lead is what was before."""
        self._published += 1
        self._before = min(self._before, self.twin.state.messages - self._published)

    def ahead(self) -> int:
        """Messages a state has in it that are still to be published."""
        return self.twin.state.messages - self._published - self._before


class _Clock:
    """Site time, and how fast it runs against the wall."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self._from = (time.monotonic(), now_ms())

    def read(self) -> dict[str, int]:
        wall_s, site_ms = time.monotonic() - self._from[0], self.now_ms() - self._from[1]
        speed = max(round(site_ms / (wall_s * 1000)), 1) if wall_s > 0.2 else 1
        return {"now_ms": self.now_ms(), "speed": speed}


class _Visit:
    """One reader, from its coming to its going."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        backlog: Backlog,
        ledger: _Ledger,
        report: Report,
        figures: Figures,
        clock: _Clock,
    ) -> None:
        self.backlog = backlog
        self._reader = reader
        self._writer = writer
        self._ledger = ledger
        self._report = report
        self._figures = figures
        self._clock = clock
        self._pending = 0

    async def keep(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(self._write())
                await self._read(tasks)
                writing.cancel()
        finally:
            self._writer.close()

    async def _write(self) -> None:
        self._writer.transport.set_write_buffer_limits(high=65_536)
        loop = asyncio.get_running_loop()
        stated = loop.time() - STATE_EVERY_S
        with contextlib.suppress(OSError, TimeoutError):
            while True:
                await self.backlog.wait()
                lines = []
                if self.backlog.stale:
                    await asyncio.sleep(stated + STATE_EVERY_S - loop.time())
                    stated = loop.time()
                    lines = [self._state()]
                    self.backlog.restart()
                    self.backlog.skip = self._ledger.ahead()
                lines += self.backlog.take()
                self._writer.write(b"".join(lines))
                async with asyncio.timeout(DRAIN_S):
                    await self._writer.drain()
        self._writer.transport.abort()

    def _state(self) -> bytes:
        head = _line({"t": "state", **self._clock.read()})[:-2]
        return head + b',"state":' + dump_state(self._ledger.twin.save()) + b"}\n"

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                line = await self._reader.readline()
            except (OSError, ValueError):
                self._figures.count("refused_lines")
                return
            if not line:
                return
            asked = _parse(line)
            if asked is None:
                self._figures.count("refused_lines")
            elif self._pending >= PENDING_MAX:
                self._figures.count("refused_busy")
                self.backlog.keep(_line({"t": "reply", "id": asked["id"], "ok": False, "error": "busy", "busy": True}))
            else:
                self._pending += 1
                tasks.create_task(self._answer(asked))

    async def _answer(self, asked: dict[str, Any]) -> None:
        try:
            message = from_plain(asked["kind"], {**asked["body"], "at_ms": self._clock.now_ms()})
        except BadMessage as error:
            self._figures.count("refused_reports")
            self.backlog.keep(_line({"t": "reply", "id": asked["id"], "ok": False, "error": str(error)}))
        else:
            self.backlog.keep(_reply(asked["id"], await self._report(message)))
        finally:
            self._pending -= 1


def _bind(path: Path) -> socket.socket:
    """A path left over by a process that died is taken; one that is served is not."""
    if path.exists():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(str(path)) == 0:
                raise OSError(f"{path}: another process serves this socket; stop it first")
        _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener


def _clear(path: Path) -> None:
    path.unlink(missing_ok=True)


def _parse(line: bytes) -> dict[str, Any] | None:
    """A report, or None for anything else."""
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(asked, dict) or asked.get("t") != "report" or not isinstance(asked.get("id"), int):
        return None
    return asked if isinstance(asked.get("kind"), str) and isinstance(asked.get("body"), dict) else None


def _reply(number: int, outputs: Sequence[Message]) -> bytes:
    told = [m for m in outputs if type(m) in ANSWERS][:OUTPUTS_MAX]
    bodies = [b'{"kind":"' + kind_of(m).encode() + b'","body":' + encode(m) + b"}" for m in told]
    return b'{"t":"reply","id":%d,"ok":true,"outputs":[%s]}\n' % (number, b",".join(bodies))


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
