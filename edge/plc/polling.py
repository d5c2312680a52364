"""Reading a Modbus device by the clock: poll classes with measured cycles, bad registers found and tried again slowly.

A class is due every period; its blocks are spread over it, and the one with the nearest deadline is read first, so a
long slow class never delays a fast one by more than a request. Lateness is not caught up in bursts.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Never

from edge.plc.figures import Cycles
from edge.plc.gateway import Seat
from edge.plc.image import ProcessImage
from edge.plc.planner import CLASSES, Block, Plan, Reader
from edge.plc.values import LinkLost, ReadRefused, monotonic_ms
from edge.plc.wire import ABOUT_TAGS, Refused, Unanswered
from edge.settings import Tag

SPLITS_MAX = 256
"""Requests spent on finding bad registers in one go; what is left of a refused block then counts as bad whole."""
RETRY_MIN_MS = 1000
RETRIES_MAX = 8
"""Refused blocks tried again in one slow period."""
BUSY_TRIES = 5
BUSY_PAUSE_MS = 100
PROBE_MS = 200
"""A connection over which nothing was asked for so long is tried: half-open is noticed while nobody needs it."""
PROBE_MIN_MS = 10
READERS_MAX = 64
"""Kept plans of what equipment asks for."""

Ask = Callable[[Block], Awaitable[list[int]]]

logger = logging.getLogger(__name__)


class _Round:
    """One poll class: its blocks, which of them is next, and by when it should have been read."""

    def __init__(self, name: str, period_ms: float, cycles: Cycles) -> None:
        self.name = name
        self.period_ms = period_ms
        self.cycles = cycles
        self.readers: list[Reader] = []
        self.at = 0
        self.due_ms = 0.0

    @property
    def deadline_ms(self) -> float:
        return self.due_ms + self.period_ms * (self.at + 1) / len(self.readers)

    def done(self, now_ms: float) -> bool:
        """One block was read; True when it was the last, and late, and that should be said."""
        self.at += 1
        if self.at < len(self.readers):
            return False
        complain = self.cycles.done(self.due_ms, now_ms - self.due_ms)
        self.at, self.due_ms = 0, max(self.due_ms + self.period_ms, now_ms)
        return complain


class Polling:
    """The reading of one device for one life of its link."""

    def __init__(self, seat: Seat, image: ProcessImage) -> None:
        self._seat = seat
        self._image = image
        self._plan = Plan(seat.device, image.tags)
        self._splits_left = SPLITS_MAX
        self._replanned = True
        self._probed: Reader | None = None
        self._asked: dict[tuple[str, ...], list[Reader]] = {}
        poll = seat.device.poll
        self._periods = {name: float(max(getattr(poll, name), 1)) for name in CLASSES}
        self._tags = {tag.name: tag for tag in image.tags}

    async def read_everything(self) -> None:
        """Every polled tag once; what the device refuses is BAD afterwards. Raises LinkLost."""
        for name in CLASSES:
            for block in self._plan.blocks(name):
                await self._first_read(block)

    async def _first_read(self, block: Block) -> None:
        why = ""
        for _ in range(BUSY_TRIES):
            try:
                await self._read(Reader(block), self._seat.poll)
            except Unanswered as error:
                raise LinkLost("no answer to the first read") from error
            except Refused as refused:
                why = f"{block.tags[0].name}..{block.tags[-1].name} refused: {refused}"
                await asyncio.sleep(BUSY_PAUSE_MS / 1000)
            else:
                return
        raise LinkLost(why)

    async def run(self) -> Never:
        """Polls for ever. Raises LinkLost."""
        rounds = self._rounds()
        while True:
            if self._replanned:
                self._distribute(rounds)
            busy = [each for each in rounds if each.readers]
            if not busy:
                await asyncio.sleep(self._periods["slow"] / 1000)
                continue
            now_ms = monotonic_ms()
            due = [each for each in busy if each.due_ms <= now_ms]
            if not due:
                await asyncio.sleep((min(each.due_ms for each in busy) - now_ms) / 1000)
                continue
            each = min(due, key=lambda one: one.deadline_ms)
            with contextlib.suppress(Refused, Unanswered):  # counted; what is not refreshed goes stale
                await self._read(each.readers[each.at], self._seat.poll)
            if each.done(monotonic_ms()):
                self._complain(each)

    def _rounds(self) -> list[_Round]:
        now_ms, counts = monotonic_ms(), self._image.counts
        rounds = [_Round(name, period, counts.plan(name, period)) for name, period in self._periods.items()]
        for each in rounds:
            each.due_ms = now_ms + each.period_ms
        return rounds

    def _distribute(self, rounds: Iterable[_Round]) -> None:
        """After something was found out about the registers: what is read from now on."""
        self._replanned = False
        self._asked.clear()
        self._image.expect_nothing()
        self._probed = self._anything()
        for each in rounds:
            each.readers = [Reader(block) for block in self._plan.blocks(each.name)]
            each.at = min(each.at, max(len(each.readers) - 1, 0))
            names = [tag.name for reader in each.readers for tag in reader.block.tags]
            self._image.expect(names, each.period_ms)

    def _anything(self) -> Reader | None:
        """The read that tries a quiet connection: something that is polled, else whatever there is, even if refused."""
        tags = [tag for tag in self._image.tags if tag.readable]
        tags.sort(key=lambda tag: (self._plan.is_bad(tag.name), tag.poll_class == "ring"))
        return Reader(self._plan.reads(tags[:1])[0]) if tags else None

    def _complain(self, late: _Round) -> None:
        took_ms = late.cycles.view()["took_ms"]["p50"]
        logger.warning(
            "poll class too slow",
            extra={"device": self._seat.name, "class": late.name, "period_ms": late.period_ms, "took_ms": took_ms},
        )

    async def _read(self, reader: Reader, ask: Ask) -> None:
        """One block into the image; finds the bad ones when it is refused. Raises Unanswered, LinkLost, Refused."""
        try:
            await self._take(reader, ask)
        except Refused as refused:
            if refused.code not in ABOUT_TAGS:
                raise
            await self._split(reader.block, ask, refused)

    async def _take(self, reader: Reader, ask: Ask) -> None:
        asked_ms = monotonic_ms()
        self._image.update(dict(reader.values(await ask(reader.block))), asked_ms)

    async def _split(self, block: Block, ask: Ask, refused: Refused) -> None:
        """A block was refused: down to the tags to blame, or to the place where it must be cut."""
        halves = block.halves()
        if halves is None or self._splits_left <= 0 or refused.code == 1:
            self._refuse(block.tags, refused)
            return
        whole = True
        for half in halves:
            self._splits_left -= 1
            try:
                await self._take(Reader(half), ask)
            except Refused as again:
                whole = False
                if again.code not in ABOUT_TAGS:
                    raise
                await self._split(half, ask, again)
        if whole:
            try:
                await self._take(Reader(block), ask)
            except Refused:
                self._plan.cut(halves[1])
                self._replanned = True

    def _refuse(self, tags: Sequence[Tag], refused: Refused) -> None:
        self._plan.refuse(tags)
        self._replanned = True
        self._image.refuse([tag.name for tag in tags], str(refused))
        logger.warning(
            "tags refused",
            extra={"device": self._seat.name, "first": tags[0].name, "tags": len(tags), "reason": str(refused)},
        )

    async def retry(self) -> Never:
        """Tries refused tags again, a few in each slow period, for ever."""
        turn = 0
        while True:
            await asyncio.sleep(max(self._periods["slow"], RETRY_MIN_MS) / 1000)
            self._splits_left = SPLITS_MAX
            blocks = self._plan.reads(self._plan.bad)
            for block in [blocks[(turn + step) % len(blocks)] for step in range(min(RETRIES_MAX, len(blocks)))]:
                turn += 1
                if not await self._try_again(block) and len(block.tags) > 1:
                    (one,) = self._plan.reads([block.tags[turn % len(block.tags)]])
                    await self._try_again(one)

    async def _try_again(self, block: Block) -> bool:
        """Whether the device has these tags after all."""
        try:
            await self._take(Reader(block), self._seat.poll)
        except (Refused, Unanswered):
            return False
        self._plan.accept(block.tags)
        self._replanned = True
        logger.info("tags accepted again", extra={"device": self._seat.name, "tags": len(block.tags)})
        return True

    async def probe(self) -> Never:
        """Reads something over each connection that nobody uses, for ever. Raises LinkLost."""
        while True:
            quiet_ms = monotonic_ms() - min(line.asked_ms for line in self._seat.lines)
            await asyncio.sleep(max(PROBE_MS - quiet_ms, PROBE_MIN_MS) / 1000)
            for line in self._seat.lines:
                if self._probed is not None and monotonic_ms() - line.asked_ms >= PROBE_MS:
                    with contextlib.suppress(Refused, Unanswered):
                        await self._take(self._probed, partial(self._seat.probe, line))

    async def ask(self, names: tuple[str, ...]) -> None:
        """Reads what equipment asks for, now. Raises LinkLost, or ReadRefused when some tags are bad."""
        readers = self._asked.get(names)
        if readers is None:
            readers = self._readers(names)
        try:
            for reader in readers:
                await self._read(reader, self._seat.ask)
        except (Refused, Unanswered) as error:
            raise LinkLost(f"read not answered: {error}") from error
        refused = [name for name in names if self._plan.is_bad(name)]
        if refused:
            raise ReadRefused(self._image.trouble(refused))

    def _readers(self, names: tuple[str, ...]) -> list[Reader]:
        """How these tags are read, without the bad ones; kept, for equipment asks the same again and again."""
        tags = [self._tags[name] for name in names if not self._plan.is_bad(name)]
        if len(self._asked) >= READERS_MAX:
            self._asked.clear()
        readers = self._asked[names] = [Reader(block) for block in self._plan.reads(tags)]
        return readers

    def blocks(self, names: Iterable[str]) -> list[Block]:
        """The reads of these tags."""
        return self._plan.reads(self._tags[name] for name in names)
