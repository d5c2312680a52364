"""Is it alive: the connection, each subscription, and each item, told by asking beside what is published.

A server can answer and publish keep-alives while an item delivers nothing any more; nobody notices but by reading. So a
probe reads the heartbeat, the event tags and, in turn, some of all the others. An item whose value was twice read to be
other than it was last published, with nothing published in between, is dead: it is made anew, if that does not help its
subscription, then the link. What was read counts meanwhile, so the image does not lie.
"""

import asyncio
import time
from typing import Any, Never

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from edge.plc.image import LinkLost, ProcessImage, Value, monotonic_ms
from edge.plc.opcua.feed import Feed
from edge.plc.opcua.session import Session
from edge.plc.opcua.subscriptions import EVENT_TAGS, HEARTBEAT
from edge.plc.opcua.variants import value_of

DEAD_MS = 1200
"""Nothing heard for so long although something was asked: the connection is half open."""
CHECK_S = 0.05
PROBE_MS = 250
MISSES_MAX = 3
"""Probes without an answer, although notifications come."""
TURN_MS = 20_000
"""Within this time every tag is read once."""
SLICE_MIN = 4
SUSPECT_MS = 400
"""An item must stay silent at least this long (and two publishing intervals) between two looks."""
REPAIRS_MAX = 2
"""Repairs of one kind that may fail before the next harder one."""
REPAIRED_S = 30.0
"""A repair that has held so long has helped."""
RETRY_MS = 5_000
"""Between two attempts at nodes that the server did not have."""


class Liveness:
    """Watches over one session and mends its feed."""

    def __init__(self, session: Session, feed: Feed, image: ProcessImage) -> None:
        self._session = session
        self._feed = feed
        self._subscriptions = feed.subscriptions
        self._image = image
        self._first: list[str] = []
        self._others: list[str] = []
        self._turn = 0
        self._asked_s = 0.0
        self._suspects: dict[str, tuple[float, Value | None]] = {}
        """Tag -> when it was first read to be other than published, and what was published then."""
        self._mended: dict[str, tuple[int, float]] = {}
        """Tag or class -> repairs that have not helped yet, and when the last was."""
        self._retry_ms = monotonic_ms()

    async def watch_connection(self) -> Never:
        """Raises LinkLost when the server says nothing although it was asked."""
        while True:
            quiet_s = time.monotonic() - self._session.heard_s
            if quiet_s > DEAD_MS / 1000 and self._asked_s > self._session.heard_s:
                raise LinkLost(f"nothing heard for {quiet_s * 1000:.0f} ms: half open, or the server hangs")
            wait_s = max(CHECK_S, DEAD_MS / 1000 - quiet_s)
            began_s = time.monotonic()
            await asyncio.sleep(wait_s)
            late_s = time.monotonic() - began_s - wait_s
            if late_s > CHECK_S:
                self._session.heard_s += late_s  # it was this process that did not listen

    async def probe(self) -> Never:
        """Reads beside the subscriptions, compares, mends. Raises LinkLost when nothing helps."""
        self._first = [name for name in (HEARTBEAT, *EVENT_TAGS) if name in self._subscriptions.names]
        self._others = [name for name in self._subscriptions.names if name not in self._first]
        self._image.expect(self._subscriptions.names, float(TURN_MS))
        misses = 0
        while True:
            await asyncio.sleep(PROBE_MS / 1000)
            self._asked_s = time.monotonic()
            try:
                await self._look(self._next())
            except LinkLost as error:
                misses += 1
                if misses >= MISSES_MAX or not isinstance(error.__cause__, TimeoutError):
                    raise
                continue  # slow, but notifications come
            misses = 0
            self._image.age_out()
            await self._mend()
            if self._feed.overflowed:
                await self._feed.resync("QUEUE_OVERFLOW")
            if self._subscriptions.refused and monotonic_ms() - self._retry_ms > RETRY_MS:
                self._retry_ms = monotonic_ms()
                await self._subscriptions.watch_refused()

    def _next(self) -> list[str]:
        """The important ones always, a slice of the others in turn."""
        if not self._others:
            return list(self._first)
        size = min(len(self._others), max(SLICE_MIN, -(-len(self._others) * PROBE_MS // TURN_MS)))
        chosen = [self._others[(self._turn + step) % len(self._others)] for step in range(size)]
        self._turn += size
        return [*self._first, *chosen, *(name for name in self._suspects if name not in self._first + chosen)]

    async def _look(self, names: list[str]) -> None:
        if not names:
            node = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_State))
            await self._session.ask(self._session.services.read_attributes([node], AttributeIds.Value), 1)
            return
        items = [pair for pair in await self._session.read(names) if pair[0] not in self._subscriptions.refused]
        came_ms = monotonic_ms()
        for name, item in items:
            self._compare(name, item, came_ms)
        self._feed.accept(came_ms, items)

    def _compare(self, name: str, item: Any, came_ms: float) -> None:
        published_ms, published = self._feed.delivered.get(name, (0.0, None))
        value = value_of(self._session.tags[name], item)
        if value == published or (value != value and published != published):  # NaN is not even itself
            self._suspects.pop(name, None)
            return
        since_ms, before_ms = self._suspects.get(name, (came_ms, published_ms))
        self._suspects[name] = (since_ms, before_ms) if before_ms == published_ms else (came_ms, published_ms)

    def _dead(self) -> list[str]:
        """Items that were silent long enough."""
        now_ms = monotonic_ms()
        return [
            name
            for name, (since_ms, _) in self._suspects.items()
            if now_ms - since_ms > max(SUSPECT_MS, 2 * self._subscriptions.period_ms(name))
        ]

    async def _mend(self) -> None:
        """The mildest repair that has not failed yet. Raises LinkLost when all have."""
        now_s = time.monotonic()
        for subscription in list(self._subscriptions.by_number.values()):
            if now_s - subscription.heard_s > subscription.silence_s:
                await self._mend_subscription(subscription.name)
        dead = self._dead()
        milder: dict[str, list[str]] = {}
        for name in dead:
            milder.setdefault(self._subscriptions.class_of(name), []).append(name)
            del self._suspects[name]
        for kind, names in milder.items():
            if max([self._tried(name) for name in names]) > REPAIRS_MAX:
                await self._mend_subscription(kind)
            else:
                await self._subscriptions.remake_items(names)

    async def _mend_subscription(self, kind: str) -> None:
        if self._tried(f"class {kind}") > REPAIRS_MAX:
            raise LinkLost(f"the {kind} subscription delivers nothing")
        for subscription in list(self._subscriptions.by_number.values()):
            if subscription.name == kind:
                await self._feed.remake(subscription)

    def _tried(self, what: str) -> int:
        """Counts a repair; how many there were lately."""
        times, last_s = self._mended.get(what, (0, -REPAIRED_S))
        now_s = time.monotonic()
        times = times + 1 if now_s - last_s < REPAIRED_S else 1
        self._mended[what] = times, now_s
        return times
