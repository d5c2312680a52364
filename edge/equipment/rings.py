"""Numbered rings of four slots: the reading side for requests and reports, and the arithmetic of their numbers.

Numbers run 1..65532 and begin again; 0 is none; number n lives in slot n mod 4 (plc-and-standards 1.5). A slot counts
when its head, its tail and the wanted number agree. Whoever takes an event first (report, on disk), then says so to the
PLC by writing the number back: after a crash an event comes twice rather than never. Each number is written back as
soon as its event is on disk, while the next one is being read and saved: the PLC has its slot back a commit earlier and
no decision waits for it. What could not be read is told as missed, never passed over in silence.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Never

from edge.equipment.presence import TICK_MS, Counts, Presence
from edge.plc.image import PlcError, ProcessImage, Value, monotonic_ms

SEQ_MAX = 65_532
SLOTS = 4
TRIES = 5
RETRY_MS = 20
PAUSE_MS = 100
"""After the PLC refused to answer; the link has its own watchdog."""
BEHIND_ONESELF = 8
"""A 'newest' number this little before ours is an old value that came late, not a lap of the ring."""

Missed = Callable[[int, int, str], Awaitable[None]]
"""Told (how many, the last number of them, why)."""

logger = logging.getLogger(__name__)


def after(seq: int) -> int:
    """The number that follows; 1 follows 0 and 65532."""
    return seq % SEQ_MAX + 1


def distance(seen: int, last: int) -> int:
    """How many numbers lie after `seen` up to `last`; 0 as long as there is no `last`."""
    if last == 0 or seen == 0:
        return last
    return (last - seen) % SEQ_MAX


def back(seq: int, steps: int) -> int:
    """The number `steps` before."""
    return (seq - steps - 1) % SEQ_MAX + 1


def reached(seen: int, seq: int) -> bool:
    """Whether `seen` is `seq` or one of the half circle of numbers after it."""
    return (seen - seq) % SEQ_MAX <= SEQ_MAX // 2


def newest(one: int, other: int) -> int:
    """The later of two numbers; 0 is none."""
    if 0 in (one, other):
        return one or other
    return other if reached(other, one) else one


class Slot:
    """One slot as read; missing or odd fields are 0 or empty."""

    def __init__(self, values: dict[str, Value | None]) -> None:
        self._values = values

    def number(self, name: str) -> int:
        value = self._values.get(name)
        return int(value) if isinstance(value, int | float) else 0

    def text(self, name: str) -> str:
        value = self._values.get(name)
        return value if isinstance(value, str) else ""


class Ring:
    """The reading side of one ring: what came after `seen` is taken in order, then acknowledged."""

    def __init__(self, image: ProcessImage, prefix: str, presence: Presence, counts: Counts) -> None:
        self._image = image
        self._prefix = prefix
        self._last_tag, self._seen_tag = f"{prefix}SeqLast", f"{prefix}SeqSeen"
        self._presence = presence
        self._counts = counts
        first = f"{prefix}0."
        self._fields = [tag.name.removeprefix(first) for tag in image.tags if tag.name.startswith(first)]
        self._generation = 0
        self._written: int | None = None
        self._odd = 0
        self.seen = 0
        image.commits.claim(self._last_tag)
        self.noticed_ms = 0.0
        """When the newest batch was noticed (monotonic)."""

    @property
    def tags(self) -> tuple[str, str]:
        """What a resync reads."""
        return self._last_tag, self._seen_tag

    def resync(self, rebooted: bool) -> tuple[str, Value]:
        """After the tags have been read anew: where to go on. Gives what has to be written back."""
        if rebooted or self._generation == 0:
            self._generation += 1
            self.seen = 0 if rebooted else self._adopted()
        self._written = self.seen
        return self._seen_tag, self.seen

    def _adopted(self) -> int:
        seen, last = self._image.number(self._seen_tag), self._image.number(self._last_tag)
        if not 0 <= seen <= SEQ_MAX:
            self._counts.rubbish += 1
            return 0
        ahead = distance(seen, last) > SEQ_MAX // 2 or last == 0
        return 0 if ahead else seen  # the PLC began again while nobody looked

    async def follow(self, take: Callable[[int, Slot], Awaitable[None]], missed: Missed) -> Never:
        """Hands every new slot to `take` in order, and those that are lost to `missed`, for ever."""
        while True:
            if not await self._image.wait(lambda: self._presence.ready and self._behind() > 0, TICK_MS):
                self._tell_safe()
                continue
            try:
                await self._catch_up(take, missed)
            except PlcError as error:
                logger.debug("ring waits", extra={"ring": self._prefix, "reason": str(error)})
                await asyncio.sleep(PAUSE_MS / 1000)
            self._tell_safe()

    def _tell_safe(self) -> None:
        """Everything noticed so far is on disk: a link that waits for that may acknowledge it."""
        if self._presence.ready and self._behind() == 0:
            self._image.commits.commit(self._last_tag, self._image.reading(self._last_tag).sequence)

    async def acknowledge(self) -> Never:
        """Writes back the newest number that is on disk, for ever."""
        while True:
            if not await self._image.wait(lambda: self._presence.ready and self._written != self.seen, TICK_MS):
                continue
            seen = self.seen
            try:
                await self._image.write([(self._seen_tag, seen)])
                self._written = seen
            except PlcError as error:
                logger.debug("ring waits", extra={"ring": self._prefix, "reason": str(error)})
                await asyncio.sleep(PAUSE_MS / 1000)

    def _behind(self) -> int:
        last = self._image.number(self._last_tag)
        if not 0 <= last <= SEQ_MAX:
            self._counts.rubbish += last != self._odd
            self._odd = last
            return 0
        behind = distance(self.seen, last)
        return behind if self.seen == 0 or behind < SEQ_MAX - BEHIND_ONESELF else 0

    async def _catch_up(self, take: Callable[[int, Slot], Awaitable[None]], missed: Missed) -> None:
        generation, boot = self._generation, self._presence.boot
        self.noticed_ms = monotonic_ms()
        last, behind = self._image.number(self._last_tag), self._behind()
        if behind > SLOTS:
            lost = behind - SLOTS
            self._counts.overruns += lost
            await missed(lost, back(last, SLOTS), "OVERRUN")
            if generation != self._generation:
                return
            self.seen = back(last, SLOTS)
        for _ in range(min(behind, SLOTS)):
            seq = after(self.seen)
            slot = await self._read(seq)
            if self._image.number("BootCount") != boot or generation != self._generation:
                return
            if slot is not None:
                await take(seq, slot)
            else:
                await missed(1, seq, "UNREADABLE")
            if generation != self._generation:
                return
            self.seen = seq
            self._image.wake()

    async def _read(self, seq: int) -> Slot | None:
        """The slot of a number; None if it never shows it. Raises LinkLost."""
        first = f"{self._prefix}{seq % SLOTS}."
        names = [first + field for field in self._fields]
        for _ in range(TRIES):
            await self._image.refresh(names)
            slot = Slot(dict(zip(self._fields, (self._image.value(name) for name in names), strict=True)))
            if slot.number("SeqHead") == slot.number("SeqTail") == seq:
                return slot
            self._counts.torn += 1
            await asyncio.sleep(RETRY_MS / 1000)
        self._counts.unreadable += 1
        return None


def slot_tags(image: ProcessImage, prefix: str) -> Sequence[str]:
    """The names of all slots of a ring."""
    firsts = tuple(f"{prefix}{index}." for index in range(SLOTS))
    return [tag.name for tag in image.tags if tag.name.startswith(firsts)]
