"""The process image of one PLC: last value, quality and age of each tag; waiting for changes; asking to read and write.

One link (`edge.plc.modbus`, `edge.plc.opcua`) feeds it and answers its asks; equipment reads it. Values are GOOD only
after every tag that is not in a ring has been read since the link came up, and BAD (kept, not believed) when it goes.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Never

from edge.settings import Tag

ASKS_MAX = 32
"""Reads and writes that may wait for the link; one more is refused."""
ANSWER_MAX_MS = 10_000
"""Last resort: a link that answers nothing and does not go either."""

Value = bool | int | float | str
RANGES = {
    "uint16": (0, 0xFFFF),
    "bits": (0, 0xFFFF),
    "int16": (-0x8000, 0x7FFF),
    "uint32": (0, 0xFFFF_FFFF),
    "int32": (-0x8000_0000, 0x7FFF_FFFF),
    "uint64": (0, 0xFFFF_FFFF_FFFF_FFFF),
}


class PlcError(Exception):
    """What was asked of the PLC did not happen, or nobody knows."""


class LinkLost(PlcError):
    """Nothing reached the PLC, or nothing came back from a read."""


class WriteRejected(PlcError):
    """Certainly not written: refused here or by the device."""


class WriteUnknown(PlcError):
    """Sent and not answered: only reading back tells whether it was written. Never repeated by the link."""


class Quality(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNCERTAIN = "uncertain"
    """Read since the link came up, but not everything has been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One tag as last read; `edge_ms` is our monotonic clock, `sequence` rises when value or quality changes."""

    value: Value | None
    quality: Quality
    edge_ms: float
    sequence: int

    @property
    def age_ms(self) -> float:
        return monotonic_ms() - self.edge_ms


def monotonic_ms() -> float:
    return time.monotonic_ns() / 1e6


def fits(tag: Tag, value: Value) -> bool:
    """Whether a value can be written to a tag at all."""
    if isinstance(value, str):
        return tag.type == "string" and value.isascii() and len(value) <= tag.count
    if tag.type == "bool":
        return isinstance(value, bool)
    if tag.type == "float32":
        return math.isfinite(value) and abs(value) < 3.4e38
    low, high = RANGES.get(tag.type, (1, 0))
    return math.isfinite(value) and low <= (value if tag.scale == 1.0 else round(value / tag.scale)) <= high


class _Cell:
    __slots__ = ("asked_ms", "edge_ms", "quality", "sequence", "value")

    def __init__(self) -> None:
        self.value: Value | None = None
        self.quality = Quality.BAD
        self.asked_ms = self.edge_ms = -math.inf
        self.sequence = 0


@dataclass(frozen=True, slots=True)
class _ReadAsk:
    names: tuple[str, ...]
    answer: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class _WriteAsk:
    values: tuple[tuple[str, Value], ...]
    answer: asyncio.Future[None]


class ProcessImage:
    """What is known of one PLC; the only thing equipment and protocols share."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self.tags = tuple(tags)
        self._tag = {tag.name: tag for tag in self.tags}
        self._cells = {tag.name: _Cell() for tag in self.tags}
        self._polled = tuple(tag.name for tag in self.tags if tag.poll_class != "ring")
        self._asks: asyncio.Queue[_ReadAsk | _WriteAsk] = asyncio.Queue(ASKS_MAX)
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

    def reading(self, name: str) -> Reading:
        cell = self._cells[name]
        return Reading(value=cell.value, quality=cell.quality, edge_ms=cell.edge_ms, sequence=cell.sequence)

    def is_good(self, name: str) -> bool:
        return self._cells[name].quality is Quality.GOOD

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

    async def refresh(self, names: Iterable[str]) -> None:
        """Has the tags read now; afterwards none is older than this call. Raises LinkLost."""
        names = tuple(names)
        unknown = [name for name in names if name not in self._cells]
        assert not unknown, f"no such tags: {unknown}"
        answer = self._ask(_ReadAsk(names, asyncio.get_running_loop().create_future()))
        try:
            async with asyncio.timeout(ANSWER_MAX_MS / 1000):
                await answer
        except TimeoutError as error:
            raise LinkLost("no answer from the link") from error

    async def write(self, values: Iterable[tuple[str, Value]]) -> None:
        """Writes neighbouring tags in one request, the last word last.

        Raises LinkLost (not sent), WriteRejected (not written) or WriteUnknown (read back to know).
        """
        values = tuple(values)
        for name, value in values:
            tag = self._tag[name]
            if tag.writer != "wcs":
                raise WriteRejected(f"{name} belongs to the PLC")
            if not fits(tag, value):
                raise WriteRejected(f"{name}: {value!r} does not fit {tag.type}")
        answer = self._ask(_WriteAsk(values, asyncio.get_running_loop().create_future()))
        try:
            async with asyncio.timeout(ANSWER_MAX_MS / 1000):
                await answer
        except TimeoutError as error:
            raise WriteUnknown("no answer from the link") from error

    def _ask(self, ask: _ReadAsk | _WriteAsk) -> asyncio.Future[None]:
        if not self.good:
            raise LinkLost(self.reason)
        try:
            self._asks.put_nowait(ask)
        except asyncio.QueueFull:
            raise LinkLost(f"{ASKS_MAX} reads and writes are waiting already") from None
        return ask.answer

    # what the link does

    def update(self, values: Mapping[str, Value], asked_ms: float | None = None) -> None:
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
            if cell.value != value or cell.quality is not quality:
                cell.value, cell.quality = value, quality
                self._sequence += 1
                cell.sequence = self._sequence
                changed = True
        if changed:
            self.wake()

    def spoil(self, names: Iterable[str]) -> None:
        """The device gave no value for these tags: the last ones are kept and marked BAD."""
        if self._mark(names, Quality.BAD):
            self.wake()

    def _mark(self, names: Iterable[str], quality: Quality) -> bool:
        before = self._sequence
        for name in names:
            cell = self._cells[name]
            if cell.quality is not quality:
                self._sequence += 1
                cell.quality, cell.sequence = quality, self._sequence
        return self._sequence != before

    def link_up(self) -> None:
        """Declares the image good; every polled tag must have been read since the link was lost."""
        unread = [name for name in self._polled if self._cells[name].quality is Quality.BAD]
        if unread:
            raise LinkLost(f"never read: {', '.join(unread[:5])}")
        self.good, self.reason = True, ""
        self._mark(self._polled, Quality.GOOD)
        self.wake()

    def link_lost(self, reason: str) -> None:
        """Marks everything BAD and refuses what is waiting to be sent."""
        self.good, self.reason = False, reason
        self._mark(self._cells, Quality.BAD)
        while not self._asks.empty():
            _settle(self._asks.get_nowait().answer, LinkLost(reason))
        self.wake()

    async def serve(
        self,
        read: Callable[[tuple[str, ...]], Awaitable[None]],
        write: Callable[[tuple[tuple[str, Value], ...]], Awaitable[None]],
    ) -> Never:
        """Answers asks one after the other by the link's own `read` and `write`; cancelled with the link."""
        while True:
            ask = await self._asks.get()
            if ask.answer.done():
                continue
            try:
                if isinstance(ask, _ReadAsk):
                    await read(ask.names)
                else:
                    await write(ask.values)
            except PlcError as error:
                _settle(ask.answer, error)
            except asyncio.CancelledError:
                lost = "the link went while it was waiting for the answer"
                _settle(ask.answer, LinkLost(lost) if isinstance(ask, _ReadAsk) else WriteUnknown(lost))
                raise
            else:
                _settle(ask.answer, None)


def _settle(answer: asyncio.Future[None], error: PlcError | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)
