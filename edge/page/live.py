"""The page process's own copy of the picture, its clock, and everybody who watches it."""

import asyncio
import json
import time
from typing import Any, Never

from edge.codec import BadMessage, from_plain, load_state
from edge.page.backlog import Backlog
from edge.page.picture import State
from edge.page.twin import Twin

WATCHERS_MAX = 64
FLUSH_S = 0.2
CLOCK_EVERY = 5
QUIET_S = 0.05


class Watcher:
    """A WebSocket's place in the row. `rows`: it wants changed rows of the picture, else every message."""

    def __init__(self, rows: bool) -> None:
        self.rows = rows
        self.backlog = Backlog()


class Live:
    """What the runtime last said. `up` while it is heard; the picture stays, marked stale, when it is not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.up = False
        self.twin = Twin()
        self.figures: dict[str, Any] = {}
        self.unknown = 0
        self._clock = (time.monotonic(), 0, 1)
        self._bell = asyncio.Event()
        self._watchers: list[Watcher] = []
        self.twin.take_changes()

    @property
    def now_ms(self) -> int:
        """Site time, between two words of the runtime by its speed."""
        heard, site_ms, speed = self._clock
        return site_ms + int((time.monotonic() - heard) * 1000) * speed if self.up else site_ms

    def state(self, line: dict[str, Any]) -> None:
        """The whole picture; raises BadMessage if this version cannot read it."""
        self.twin.load(load_state(State, json.dumps(line["state"]).encode()))
        self.up = True
        self._tell_time(line)
        for watcher in self._watchers:
            watcher.backlog.reset()
        self._ring()

    def message(self, kind: str, body: dict[str, Any], line: bytes) -> None:
        """One more message; kinds a newer runtime invented are counted and passed on unread."""
        try:
            message = from_plain(kind, body)
        except BadMessage:
            self.unknown += 1
        else:
            self.twin.see(message, max(message.at_ms, self.twin.state.now_ms))
        for watcher in self._watchers:
            if not watcher.rows:
                watcher.backlog.push(line)
        self._ring()

    def tell_figures(self, line: dict[str, Any]) -> None:
        """Once a second: what the runtime counts, and its time."""
        self.figures = line.get("figures", {})
        self._tell_time(line)

    def lost(self) -> None:
        """The runtime is not heard any more."""
        if self.up:
            self._clock = (time.monotonic(), self.now_ms, self._clock[2])
            self.up = False
            self._tell(self.clock_line())
            self._ring()

    async def changed(self, seconds: float) -> None:
        """Until something happened, or the time is over."""
        bell = self._bell
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await bell.wait()
        except TimeoutError:
            return

    def watch(self, rows: bool) -> Watcher | None:
        """A place in the row, None if all are taken; give it back with leave()."""
        if len(self._watchers) >= WATCHERS_MAX:
            return None
        watcher = Watcher(rows)
        self._watchers.append(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.remove(watcher)

    def view(self) -> dict[str, Any]:
        """The picture as JSON-ready values, with the clock and whether it is live."""
        return {**self.twin.view(), **self._time(), "name": self.name}

    def state_line(self) -> bytes:
        return _line({"t": "state", "state": self.view()})

    def clock_line(self) -> bytes:
        counts = self.figures.get("counts", {})
        return _line({"t": "clock", **self._time(), "dropped": counts.get("page_dropped", 0)})

    async def keep(self) -> Never:
        """Sends changed rows a few times a second, and the time once a second, which is also the sign of life."""
        beat = 0
        while True:
            await asyncio.sleep(FLUSH_S)
            beat += 1
            changes = self.twin.take_changes()
            if changes:
                changes["messages"] = self.twin.state.messages
                line = _line({"t": "rows", **self._time(), "rows": changes}) if self._watchers else b""
                for watcher in self._watchers:
                    if watcher.rows:
                        watcher.backlog.push(line)
            if beat % CLOCK_EVERY == 0:
                self._tell(self.clock_line())

    def _time(self) -> dict[str, Any]:
        return {"now_ms": self.now_ms, "speed": self._clock[2], "up": self.up}

    def _tell_time(self, line: dict[str, Any]) -> None:
        self._clock = (time.monotonic(), int(line.get("now_ms", 0)), int(line.get("speed", 1)))

    def _tell(self, line: bytes) -> None:
        for watcher in self._watchers:
            watcher.backlog.push(line)

    def _ring(self) -> None:
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()
