"""Moves messages: from the outbox to the wire, from the wire to the journal, for all peers at once.

Nothing here waits for one message: commits run side by side (started in order, so that the inbox keeps the order) and
are acknowledged together; the outbox is read a window at a time. The wire comes and goes; streams do not mind.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Never, Protocol

from edge.messages import Message
from edge.uplink.link import Inbound, Link
from edge.uplink.stream import Row

REPORTS_MAX = 200
SPEAK_AT_ONCE = 50
HEAR_AT_ONCE = 50
LOOK_EVERY_S = 1.0
READ_LEAST = 50
MORE_LEAST_S = 0.002
TELL_EVERY_MS = 500
"""The outbox is told what a peer has only so often: it is a commit, and nobody waits for it."""

ReportInbound = Callable[[str, str, int, Message], Awaitable[object]]
OnPeer = Callable[[str, bool], Awaitable[object]]


class Outbox(Protocol):
    """What the uplink needs of the journal."""

    @property
    def epoch(self) -> str:
        """The journal's own name; another one for every new (or restored) journal."""

    async def last(self, peer: str) -> int:
        """The highest number ever given out for a peer, also if its row is gone; 0 = none."""

    async def unsent(self, peer: str, after_n: int, at_most: int) -> list[Row]:
        """(n, kind, body) after a number, ascending; gapless from the first one still kept."""

    async def acknowledged(self, peer: str, n: int) -> None:
        """The peer has everything up to n on its disk."""

    async def received(self, peer: str) -> tuple[str, int]:
        """(epoch, number) of the last message committed from a peer; ("", 0) = none."""

    async def wait_for_more(self) -> None:
        """Returns soon after new messages may be there; at once if some came since it returned last."""


class Wire(Protocol):
    """A connection to the broker."""

    @property
    def room(self) -> int:
        """How many messages may be published now."""

    def publish(self, topic: str, payload: bytes, expiry_s: int) -> None: ...

    def post(self, topic: str, payload: bytes) -> None: ...

    def acknowledge(self, mid: int) -> None: ...


class Listener(Protocol):
    """Who is behind a connection; all on the event loop."""

    def join(self, wire: Wire) -> None:
        """A connection is up and subscribed."""

    def leave(self) -> None:
        """The connection is gone, or could not be made."""

    def hear(self, topic: str, raw: bytes, mid: int) -> None:
        """A message came in; `mid` 0 needs no acknowledgement."""

    def overflowed(self, topic: str) -> None:
        """A message was dropped because too many wait."""

    def room_came(self) -> None:
        """The broker took something."""


@dataclass(slots=True)
class _Puback:
    """A message of the broker, acknowledged in the order of arrival; `after` the commit it waits for."""

    mid: int
    after: tuple[str, str, int] | None


class Traffic:
    """All links of this process."""

    def __init__(self, links: dict[str, Link], outbox: Outbox, report: ReportInbound, on_peer: OnPeer) -> None:
        self._links = links
        self._outbox = outbox
        self._report = report
        self._on_peer = on_peer
        self._wire: Wire | None = None
        self._pubacks: deque[_Puback] = deque()
        self._by_sender = {(link.route.site, peer): link for peer, link in links.items()}
        self._speak = asyncio.Event()
        self._feed = asyncio.Event()
        self._arrived = asyncio.Event()
        self._dry: dict[str, int] = {}
        """Peers that had nothing more after this number when the outbox was read last."""
        self._slots = asyncio.Semaphore(REPORTS_MAX)

    def join(self, wire: Wire) -> None:
        """A connection is up and subscribed."""
        self._wire = wire
        self._release()
        now = now_ms()
        for link in self._links.values():
            link.join(now)
        self._speak.set()

    def leave(self) -> None:
        """The connection is gone."""
        self._wire = None
        self._pubacks.clear()

    def room_came(self) -> None:
        """The broker took something."""
        self._speak.set()

    def hear(self, topic: str, raw: bytes, mid: int) -> None:
        """A message came in; `mid` 0 needs no acknowledgement."""
        parts = topic.split("/", 6)
        link = self._by_sender.get((parts[3], parts[5])) if len(parts) > 6 else None
        after = link.hear(topic, raw, now_ms()) if link is not None else None
        if mid:
            waits = (link.route.peer, *after) if link is not None and after is not None else None
            self._pubacks.append(_Puback(mid, waits))
        self._wake()

    def overflowed(self, topic: str) -> None:
        """A message was dropped because too many wait."""
        parts = topic.split("/", 6)
        if len(parts) > 6 and (link := self._by_sender.get((parts[3], parts[5]))) is not None:
            link.overflow()

    def _wake(self) -> None:
        self._release()
        self._arrived.set()
        self._feed.set()
        self._speak.set()

    def _release(self) -> None:
        while self._wire is not None and self._pubacks and self._pubacks[0].after is None:
            self._wire.acknowledge(self._pubacks.popleft().mid)

    async def run(self) -> Never:
        """Runs until cancelled or until the journal fails."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._speak_on())
            group.create_task(self._feed_on())
            group.create_task(self._watch_outbox())
            group.create_task(self._watch_peers())
            await self._commit_on(group)
        raise AssertionError("unreachable: the loops never return")

    async def _speak_on(self) -> Never:
        while True:
            self._speak.clear()
            wire, said = self._wire, 0
            if wire is not None:
                for link in self._links.values():
                    for out in link.speak(now_ms(), utc_ms(), min(wire.room, SPEAK_AT_ONCE)):
                        wire.publish(out.topic, out.payload, out.expiry_s)
                        said += 1
            if said:
                await asyncio.sleep(0)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s(wire)):
                    await self._speak.wait()

    def _pause_s(self, wire: Wire | None) -> float:
        """Until something is to be said; without a wire, or without room on it, an event tells."""
        if wire is None or wire.room <= 0:
            return LOOK_EVERY_S
        now = now_ms()
        wake_ms = min((link.wake_ms(now) for link in self._links.values()), default=now + 1_000)
        return max(0.001, min(LOOK_EVERY_S, (wake_ms - now) / 1000))

    async def _feed_on(self) -> Never:
        """Reads the outbox ahead of the wire, and tells it what the peers have."""
        told = dict.fromkeys(self._links, 0)
        next_told_ms = dict.fromkeys(self._links, 0)
        while True:
            self._feed.clear()
            for peer, link in self._links.items():
                news = not link.sender.stopped and link.sender.base > told[peer]
                if news and now_ms() >= next_told_ms[peer]:
                    told[peer], next_told_ms[peer] = link.sender.base, now_ms() + TELL_EVERY_MS
                    await self._outbox.acknowledged(peer, told[peer])
                want = link.sender.wanted()
                if want is not None and want[1] >= READ_LEAST and self._dry.get(peer) != want[0]:
                    await self._read(peer, link, *want)
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._feed.wait()
            except TimeoutError:
                self._dry.clear()

    async def _read(self, peer: str, link: Link, after: int, at_most: int) -> None:
        self._dry[peer] = after  # before the read: what comes meanwhile clears it again
        rows = await self._outbox.unsent(peer, after, at_most)
        if rows:
            self._dry.pop(peer, None)
            link.fill(after, rows, now_ms())
            self._speak.set()
            self._feed.set()

    async def _watch_outbox(self) -> Never:
        while True:
            await self._outbox.wait_for_more()
            self._dry.clear()
            self._feed.set()
            await asyncio.sleep(MORE_LEAST_S)

    async def _commit_on(self, group: asyncio.TaskGroup) -> Never:
        while True:
            self._arrived.clear()
            for link in self._links.values():
                while (inbound := link.next_inbound()) is not None:
                    await self._slots.acquire()
                    group.create_task(self._commit(link, inbound))
            await self._arrived.wait()

    async def _commit(self, link: Link, inbound: Inbound) -> None:
        peer = link.route.peer
        await self._report(peer, inbound.epoch, inbound.n, inbound.message)
        self._slots.release()
        link.committed(inbound, now_ms())
        self._settle((peer, inbound.epoch, inbound.n))
        self._speak.set()

    def _settle(self, committed: tuple[str, str, int]) -> None:
        for puback in self._pubacks:
            if puback.after == committed:
                puback.after = None
                break
        self._release()

    async def _watch_peers(self) -> Never:
        online = dict.fromkeys(self._links, False)
        while True:
            for peer, link in self._links.items():
                if (now_online := link.online(now_ms())) != online[peer]:
                    online[peer] = now_online
                    await self._on_peer(peer, now_online)
            await asyncio.sleep(LOOK_EVERY_S / 4)


def now_ms() -> int:
    """Monotonic, for timers."""
    return time.monotonic_ns() // 1_000_000


def utc_ms() -> int:
    """For people who read the wire."""
    return time.time_ns() // 1_000_000
