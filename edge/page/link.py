"""The page process's side of the runtime's socket: hears it for ever, and hands in what people do."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Never

from edge.codec import BadMessage, from_plain
from edge.messages import Message
from edge.page.live import Live

LINE_MAX_BYTES = 4_000_000
CONNECT_S = 5.0
SILENCE_S = 5.0
ANSWER_S = 30.0
RETRY_FIRST_S = 0.05
RETRY_MAX_S = 1.0
REPORTS_MAX = 48


class NotConnected(Exception):
    """The runtime is not there, or went before it answered: whether it took the report is unknown, send it again."""


class Busy(Exception):
    """Too many reports are waiting already."""


class Link:
    """One per page process; feeds `live`."""

    def __init__(self, path: Path, live: Live) -> None:
        self._path = path
        self._live = live
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last_id = 0
        self._places = asyncio.Semaphore(REPORTS_MAX)

    async def keep(self) -> Never:
        """Connects again whenever the runtime went away."""
        delay = RETRY_FIRST_S
        while True:
            with contextlib.suppress(OSError, TimeoutError, ValueError, BadMessage):
                async with asyncio.timeout(CONNECT_S):
                    reader, writer = await asyncio.open_unix_connection(self._path, limit=LINE_MAX_BYTES)
                self._writer = writer
                try:
                    while await self._hear(reader):
                        delay = RETRY_FIRST_S
                finally:
                    self._gone(writer)
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_MAX_S)

    async def report(self, kind: str, body: Mapping[str, Any]) -> list[Message]:
        """Returns what followed, after it is on disk. Raises NotConnected, Busy, BadMessage."""
        if not self._live.up:
            raise NotConnected("the runtime is not connected")
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._places.acquire()
        except TimeoutError:
            raise Busy from None
        try:
            reply = await self._ask(kind, body)
        finally:
            self._places.release()
        if reply.get("busy"):
            raise Busy
        if not reply.get("ok"):
            raise BadMessage(str(reply.get("error", "refused")))
        return [from_plain(o["kind"], o["body"]) for o in reply.get("outputs", ())]

    async def _ask(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        writer = self._writer
        if writer is None:
            raise NotConnected("the runtime is not connected")
        self._last_id += 1
        number = self._last_id
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            writer.write(json.dumps({"t": "report", "id": number, "kind": kind, "body": dict(body)}).encode() + b"\n")
            async with asyncio.timeout(ANSWER_S):
                await writer.drain()
                return await answer
        except (OSError, TimeoutError) as error:
            raise NotConnected("the runtime did not answer in time") from error
        finally:
            del self._waiting[number]

    async def _hear(self, reader: asyncio.StreamReader) -> bool:
        async with asyncio.timeout(SILENCE_S):
            raw = await reader.readline()
        if not raw:
            return False
        line = json.loads(raw)
        match line["t"]:
            case "m":
                self._live.message(line["kind"], line["body"], raw.rstrip(b"\n"))
            case "reply":
                answer = self._waiting.get(line["id"])
                if answer is not None and not answer.done():
                    answer.set_result(line)
            case "figures":
                self._live.tell_figures(line)
            case "state":
                self._live.state(line)
        return True

    def _gone(self, writer: asyncio.StreamWriter) -> None:
        self._writer = None
        writer.close()
        self._live.lost()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(NotConnected("the runtime went away before it answered"))
