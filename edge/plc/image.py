"""The process image of one PLC: last value, quality and age of each tag; waiting for changes; asking to read and write.

One link (`edge.plc.modbus`, `edge.plc.opcua`) feeds it and answers its asks; equipment reads it. Values are GOOD only
after every tag that is not in a ring has been read since the link came up, UNCERTAIN when they are not refreshed in the
time their link has promised, and BAD (kept, not believed) when the link goes or the device has no value.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Never

from edge.plc.asks import ANSWER_MAX_MS, ASKS_MAX, Asks, Joins, Read, ReadAsk, Write, WriteAsk, WriteRead
from edge.plc.commits import Commits
from edge.plc.figures import LinkFigures
from edge.plc.values import (
    RANGES,
    LinkLost,
    PlcError,
    Quality,
    Reading,
    ReadRefused,
    Value,
    WriteRejected,
    WriteUnknown,
    fits,
    monotonic_ms,
)
from edge.settings import Tag

STALE_PERIODS = 5
"""Periods after which a tag that was not refreshed is no longer believed."""
STALE_MIN_MS = 1000
"""But never before this: one request that was not answered makes no tag stale."""

__all__ = [
    "ANSWER_MAX_MS", "ASKS_MAX", "RANGES", "LinkLost", "PlcError", "ProcessImage", "Quality", "ReadRefused", "Reading",
    "Value", "WriteRejected", "WriteUnknown", "fits", "monotonic_ms",
]  # fmt: skip


class _Cell:
    __slots__ = ("asked_ms", "edge_ms", "overdue", "quality", "reason", "sequence", "settled", "source_ms", "value")

    def __init__(self) -> None:
        self.value: Value | None = None
        self.quality = Quality.BAD
        self.reason = ""
        self.asked_ms = self.edge_ms = -math.inf
        self.source_ms: int | None = None
        self.sequence = 0
        self.overdue = False
        self.settled = False
        """The device has said, since the link came up, that it has no value."""


@dataclass(slots=True)
class _Expected:
    """Tags that are refreshed together, and how long that may take."""

    names: tuple[str, ...]
    cells: tuple[_Cell, ...]
    limit_ms: float


class ProcessImage:
    """What is known of one PLC; the only thing equipment and protocols share."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self.tags = tuple(tags)
        self._tag = {tag.name: tag for tag in self.tags}
        self._cells = {tag.name: _Cell() for tag in self.tags}
        self._polled = tuple(tag.name for tag in self.tags if tag.polled)
        self._expected: list[_Expected] = []
        self.counts = LinkFigures()
        """What the link counts and measures; `figures` shows it."""
        self.commits = Commits()
        """What the machine has committed, for links that acknowledge only that; and what a link has missed."""
        self._asks = Asks(self.counts)
        self._turn = asyncio.Event()
        self._sequence = 0
        self.good = False
        """The link stands and everything has been read since it came up."""
        self.reason = "not connected yet"
        """Why the link is lost; empty while it is good."""

    # what equipment reads

    @property
    def link(self) -> str:
        return "good" if self.good else "lost"

    def __contains__(self, name: str) -> bool:
        return name in self._cells

    def value(self, name: str) -> Value | None:
        """The last value, however old; None if there never was one."""
        return self._cells[name].value

    def number(self, name: str) -> int:
        """The last value as an integer; 0 if there is none or it is not a number."""
        value = self._cells[name].value
        return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0

    def bit(self, name: str, number: int) -> bool:
        """One bit of the last value, 0 the lowest; False if there is none."""
        return bool(self.number(name) >> number & 1)

    def reading(self, name: str) -> Reading:
        cell = self._cells[name]
        reason = "" if cell.quality is Quality.GOOD else cell.reason or self.reason or "not read yet"
        return Reading(
            value=cell.value,
            quality=cell.quality,
            edge_ms=cell.edge_ms,
            sequence=cell.sequence,
            source_ms=cell.source_ms,
            reason=reason,
        )

    def is_good(self, name: str) -> bool:
        return self._cells[name].quality is Quality.GOOD

    def trouble(self, names: Iterable[str]) -> str:
        """The first of these tags that is not GOOD, with its reason; empty if all are."""
        bad = next((name for name in names if not self.is_good(name)), None)
        return "" if bad is None else f"{bad} {self.reading(bad).reason}"

    def stale(self, now_ms: float | None = None) -> tuple[str, ...]:
        """Tags that were read since the link came up and have not been refreshed in their time."""
        now = monotonic_ms() if now_ms is None else now_ms
        found: list[str] = []
        for group in self._expected:
            horizon = now - group.limit_ms
            late = [cell.edge_ms < horizon for cell in group.cells]
            if any(late):
                read = zip(group.names, group.cells, late, strict=True)
                found += [name for name, cell, is_late in read if is_late and cell.quality is not Quality.BAD]
        return tuple(found)

    def figures(self) -> dict[str, Any]:
        """Counters since the start, tags by quality now, and the measured cycles of each poll class."""
        by_quality = dict.fromkeys(Quality, 0)
        for cell in self._cells.values():
            by_quality[cell.quality] += 1
        tags = {str(quality): count for quality, count in by_quality.items()}
        return {**self.counts.view(), "tags": tags, "link": self.link, "reason": self.reason}

    async def wait(self, want: Callable[[], bool] | Iterable[str], timeout_ms: int) -> bool:
        """True once `want` holds, or one of the named tags or the link has changed; False after the time."""
        holds = want if callable(want) else self._changed(tuple(want))
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                while not holds():
                    await self._turn.wait()
        except TimeoutError:
            return holds()
        return True

    def _changed(self, names: Sequence[str]) -> Callable[[], bool]:
        cells = [self._cells[name] for name in names]
        before, link = [cell.sequence for cell in cells], self.good
        return lambda: self.good is not link or [cell.sequence for cell in cells] != before

    def wake(self) -> None:
        """Lets everything that waits look again."""
        self._turn.set()
        self._turn = asyncio.Event()

    # what equipment asks

    async def refresh(self, names: Iterable[str], *, strict: bool = True) -> None:
        """Has the tags read now; afterwards none is older than this call. Raises LinkLost.

        A tag the device refuses is BAD afterwards; that is ReadRefused too, unless `strict` is off.
        """
        names = tuple(names)
        unknown = [name for name in names if name not in self._cells]
        assert not unknown, f"no such tags: {unknown}"
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ask(ReadAsk(names, answer))
        try:
            async with asyncio.timeout(ANSWER_MAX_MS / 1000):
                await answer
        except TimeoutError as error:
            raise LinkLost("no answer from the link") from error
        except ReadRefused:
            if strict:
                raise

    async def write(self, values: Iterable[tuple[str, Value]], *, read: Iterable[str] = ()) -> None:
        """Writes neighbouring tags in one request, the last word last; then reads others, in the same if possible.

        Raises LinkLost (not sent), WriteRejected (not written) or WriteUnknown (read back to know). What became of the
        reading, the quality and age of its tags tell.
        """
        values, names = tuple(values), tuple(read)
        for name, value in values:
            tag = self._tag[name]
            if tag.writer != "wcs":
                raise WriteRejected(f"{name} belongs to the PLC")
            if not fits(tag, value):
                raise WriteRejected(f"{name}: {value!r} does not fit {tag.type}")
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ask(WriteAsk(values, names, answer))
        try:
            async with asyncio.timeout(ANSWER_MAX_MS / 1000):
                await answer
        except TimeoutError as error:
            raise WriteUnknown("no answer from the link") from error

    def _ask(self, ask: ReadAsk | WriteAsk) -> None:
        if not self.good:
            raise LinkLost(self.reason)
        self._asks.put(ask)

    # what the link does

    def expect(self, names: Iterable[str], period_ms: float) -> None:
        """These tags are refreshed every `period_ms` from now on; for a few times longer they are believed."""
        names = tuple(names)
        limit_ms = max(STALE_PERIODS * period_ms, STALE_MIN_MS)
        self._expected = [group for group in self._expected if group.names != names]
        self._expected.append(_Expected(names, tuple(self._cells[name] for name in names), limit_ms))

    def expect_nothing(self) -> None:
        """No tag has a period any more; the link is about to say them anew."""
        self._expected.clear()

    def update(
        self,
        values: Mapping[str, Value],
        asked_ms: float | None = None,
        source_ms: Mapping[str, int | None] | None = None,
    ) -> None:
        """Takes over values asked for (or, unasked, come) at `asked_ms`, default now; a later one is never undone."""
        now = monotonic_ms()
        asked = now if asked_ms is None else asked_ms
        quality = Quality.GOOD if self.good else Quality.UNCERTAIN
        changed = False
        for name, value in values.items():
            cell = self._cells[name]
            if asked < cell.asked_ms:
                continue
            cell.asked_ms, cell.edge_ms = asked, now
            if source_ms is not None:
                cell.source_ms = source_ms.get(name)
            if cell.value != value or cell.quality is not quality:
                if cell.overdue:
                    self._repaired(cell)
                cell.value, cell.quality, cell.reason = value, quality, ""
                self._sequence += 1
                cell.sequence = self._sequence
                changed = True
        if changed:
            self.wake()

    def confirm(self, names: Iterable[str], heard_ms: float | None = None) -> None:
        """These tags were heard to be as they were last told: their age starts again. BAD ones stay BAD."""
        now = monotonic_ms() if heard_ms is None else heard_ms
        quality = Quality.GOOD if self.good else Quality.UNCERTAIN
        again = []
        for name in names:
            cell = self._cells[name]
            if cell.quality is not Quality.BAD:
                cell.edge_ms = max(cell.edge_ms, now)
                if cell.overdue:
                    self._repaired(cell)
                    again.append(name)
        if self._mark(again, quality, ""):
            self.wake()

    def _repaired(self, cell: _Cell) -> None:
        cell.overdue = False
        self.counts.count("repaired")

    def age_out(self, now_ms: float | None = None) -> tuple[str, ...]:
        """Marks what `stale` finds UNCERTAIN; the tags that were not yet."""
        fresh = [name for name in self.stale(now_ms) if not self._cells[name].overdue] if self.good else []
        for name in fresh:
            self._cells[name].overdue = True
        self.counts.count("stale", len(fresh))
        if self._mark(fresh, Quality.UNCERTAIN, "stale: not refreshed in its time"):
            self.wake()
        return tuple(fresh)

    def spoil(self, names: Iterable[str], reason: str = "no value") -> None:
        """The device gave no value for these tags: the last ones are kept and marked BAD."""
        if self._mark(names, Quality.BAD, reason):
            self.wake()

    def refuse(self, names: Iterable[str], reason: str) -> None:
        """The device says that it does not have these tags: BAD, and the link may be good without them."""
        names = tuple(names)
        for name in names:
            self._cells[name].settled = True
        self.spoil(names, f"refused: {reason}")

    def _mark(self, names: Iterable[str], quality: Quality, reason: str) -> bool:
        before = self._sequence
        for name in names:
            cell = self._cells[name]
            cell.reason = reason
            if cell.quality is not quality:
                self._sequence += 1
                cell.quality, cell.sequence = quality, self._sequence
        return self._sequence != before

    def link_up(self) -> None:
        """Declares the image good; every polled tag must have been read, or refused, since the link was lost."""
        cells = {name: self._cells[name] for name in self._polled}
        unread = [name for name, cell in cells.items() if cell.quality is Quality.BAD and not cell.settled]
        if unread:
            raise LinkLost(f"never read: {', '.join(unread[:5])}")
        read = [name for name, cell in cells.items() if cell.quality is not Quality.BAD]
        if cells and not read:
            raise LinkLost(f"no tag could be read: {self.trouble(self._polled)}")
        self.good, self.reason = True, ""
        self._mark(read, Quality.GOOD, "")
        self.wake()

    def link_lost(self, reason: str) -> None:
        """Marks everything BAD and refuses what is waiting to be sent."""
        self.counts.count("links_lost", int(self.good))
        self.good, self.reason = False, reason
        self._mark(self._cells, Quality.BAD, reason)
        for cell in self._cells.values():
            cell.overdue = cell.settled = False
        self._asks.refuse(reason)
        self.wake()

    async def serve(
        self, read: Read, write: Write, joins: Joins | None = None, write_read: WriteRead | None = None
    ) -> Never:
        """Answers asks one after the other by the link's own coroutines; cancelled with the link.

        `joins` lets neighbouring writes that wait go out as one; `write_read` does both in one request.
        """
        await self._asks.serve(read, write, joins, write_read)
