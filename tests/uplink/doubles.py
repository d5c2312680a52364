"""A journal in memory that keeps the uplink's side of the bargain, and messages to send through it."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from edge.codec import encode, kind_of
from edge.messages import EventSetAside, Message, OrderHoldLifted
from edge.uplink.stream import Row


def message(text: str) -> OrderHoldLifted:
    return OrderHoldLifted(at_ms=1, order_id=text, hold_id="h", by="test")


class Figures(Counter[str]):
    def count(self, name: str, n: int = 1) -> None:
        self[name] += n


@dataclass
class MemoryJournal:
    """What a process has on disk: it survives the process, unlike everything else."""

    epoch: str
    rows: dict[str, list[Row]] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    cursors: dict[str, tuple[str, int]] = field(default_factory=dict)
    taken: list[tuple[str, str, int, Message]] = field(default_factory=list)
    repeats: int = 0
    commit_s: float = 0.0

    def __post_init__(self) -> None:
        self.more = asyncio.Event()
        self.committed = asyncio.Event()

    def put(self, peer: str, *messages: Message) -> None:
        for each in messages:
            self.sent[peer] += 1
            self.rows.setdefault(peer, []).append((self.sent[peer], kind_of(each), encode(each)))
        self.more.set()

    def read(self, peer: str, after_n: int, at_most: int) -> list[Row]:
        return [row for row in self.rows.get(peer, []) if row[0] > after_n][:at_most]

    def forget(self, peer: str, n: int) -> None:
        if n <= self.sent[peer]:
            self.rows[peer] = [row for row in self.rows.get(peer, []) if row[0] > n]

    def take(self, peer: str, epoch: str, n: int, event: Message) -> None:
        """One commit. A repeated number is ignored, but counted: the uplink must not lean on that."""
        known, last = self.cursors.get(peer, ("", 0))
        if epoch == known and n <= last:
            self.repeats += 1
            return
        if not (isinstance(event, EventSetAside) and event.kind == "uplink"):
            assert n == (last + 1 if epoch == known else 1), f"{peer} {epoch}: {n} after {known} {last}"
        self.cursors[peer] = (epoch, n)
        self.taken.append((peer, epoch, n, event))

    def texts(self, peer: str) -> list[str]:
        return [m.order_id for p, _, _, m in self.taken if p == peer and isinstance(m, OrderHoldLifted)]

    # The Outbox protocol, and report_inbound.

    async def last(self, peer: str) -> int:
        return self.sent[peer]

    async def unsent(self, peer: str, after_n: int, at_most: int) -> list[Row]:
        await asyncio.sleep(0)
        return self.read(peer, after_n, at_most)

    async def acknowledged(self, peer: str, n: int) -> None:
        self.forget(peer, n)

    async def received(self, peer: str) -> tuple[str, int]:
        return self.cursors.get(peer, ("", 0))

    async def wait_for_more(self) -> None:
        await self.more.wait()
        self.more.clear()

    async def report_inbound(self, peer: str, epoch: str, n: int, event: Message) -> None:
        self.take(peer, epoch, n, event)
        await asyncio.sleep(self.commit_s)
        self.committed.set()

    async def wait_taken(self, count: int, within_s: float = 30.0) -> None:
        async with asyncio.timeout(within_s):
            while len(self.taken) < count:
                self.committed.clear()
                await self.committed.wait()
