"""The decision ring: the edge's answers to requests, written slot by slot, and the time they took.

A decision is idempotent: same number, same content. So an unanswered write is read back and, if it did not arrive,
written again; and the newest decision of each slot is kept and written by the resync if the PLC does not have it. That
it was written is not all: a PLC that takes over none of our decisions, or counts them as late, is told of.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Never

from edge.equipment.confirm import Exchange, Outcome, confirm
from edge.equipment.presence import TICK_MS, Counts, Presence
from edge.equipment.rings import SEQ_MAX, SLOTS, distance, reached, slot_tags
from edge.equipment.status import number
from edge.messages import DivertUnit, Flaw
from edge.plc.image import ProcessImage, Value, WriteRejected, monotonic_ms

TRIES = 3
LATENCIES_MAX = 10_000
UNREAD_MS = 2000
"""A PLC takes a decision over within a scan or two; after this it has not."""
UNREAD_IN_A_ROW = 3
"""One that is not taken over came too late; so many in a row say that the PLC does not read."""
FLAWS_EVERY_MS = 10_000
"""What goes wrong again and again is told so often, with its count."""
COUNTED = {Flaw.DECISIONS_LATE: "LateDecisions", Flaw.DECISIONS_MISSING: "NoDecisions"}
"""What the PLC counts itself."""
WORD = 65_536

Failed = Callable[[Flaw, int, int, str], Awaitable[None]]
"""Told (what, how often, the newest number, detail)."""

logger = logging.getLogger(__name__)


class Decisions:
    """The writing side of the decision ring."""

    def __init__(self, image: ProcessImage, presence: Presence, counts: Counts) -> None:
        self._image = image
        self._presence = presence
        self._counts = counts
        self._kept: dict[int, DivertUnit] = {}
        self._asked: dict[int, tuple[int, int, float]] = {}
        self._watch = Watch(image, presence, counts)
        self.tags = tuple(slot_tags(image, "Dec"))
        self.latency_ms: deque[float] = deque(maxlen=LATENCIES_MAX)
        """Request noticed -> decision written, the last ten thousand."""

    def asked(self, boot: int, seq: int, noticed_ms: float) -> None:
        """A request was noticed at this moment."""
        self._asked[seq % SLOTS] = (boot, seq, noticed_ms)

    async def obey(self, command: DivertUnit) -> None:
        """Writes the answer now; one for another boot or an overwritten request is dropped and counted."""
        if self._presence.ready and not self._wanted(command):
            self._counts.decisions_dropped += 1
            logger.info("decision dropped", extra={"machine": command.machine_id, "seq": command.seq})
            return
        self._kept[command.seq % SLOTS] = command
        if not self._presence.ready or not await self._write(command):
            self._counts.decisions_unsent += 1

    async def resync(self, boot: int) -> None:
        """After the slots have been read anew: writes what the PLC should have and has not. Raises PlcError."""
        for slot, command in sorted(self._kept.items()):
            if command.boot != boot or not self._in_ring(command.seq):
                del self._kept[slot]
                self._counts.decisions_dropped += 1
            elif not self._stands(command):
                try:
                    await self._image.write(slot_values(command))
                except WriteRejected as error:
                    del self._kept[slot]
                    self._counts.decisions_dropped += 1
                    logger.warning("decision refused", extra={"machine": command.machine_id, "reason": str(error)})

    def _wanted(self, command: DivertUnit) -> bool:
        return command.boot == self._presence.boot and self._in_ring(command.seq)

    def _in_ring(self, seq: int) -> bool:
        """Whether the slot still belongs to this request."""
        last = self._image.number("ReqSeqLast")
        return 1 <= seq <= SEQ_MAX and last > 0 and distance(seq, last) < SLOTS

    def _stands(self, command: DivertUnit) -> bool:
        return all(self._image.value(name) == value for name, value in slot_values(command))

    async def _write(self, command: DivertUnit) -> bool:
        presence, session = self._presence, self._presence.session
        values = slot_values(command)
        exchange = Exchange(
            values=values,
            shown=[name for name, _ in values],
            taken=lambda: self._stands(command),
            same=lambda: presence.session == session,
        )
        outcome, why = await confirm(self._image, exchange, 0, TRIES)
        if outcome is Outcome.CONFIRMED:
            self._measure(command)
            self._watch.wrote(command.boot, command.seq)
            return True
        if why != "LINK_LOST":
            logger.warning("decision not written", extra={"machine": command.machine_id, "reason": why})
        return False

    async def follow(self, failed: Failed) -> Never:
        """Watches what the PLC makes of the decisions, for ever."""
        await self._watch.follow(failed)

    def _measure(self, command: DivertUnit) -> None:
        boot, seq, noticed_ms = self._asked.get(command.seq % SLOTS, (0, 0, 0.0))
        if (boot, seq) == (command.boot, command.seq):
            self.latency_ms.append(monotonic_ms() - noticed_ms)
            del self._asked[command.seq % SLOTS]


class Watch:
    """Whether the PLC uses what it is told, by its DecSeqUsed, LateDecisions and NoDecisions, where it has them."""

    def __init__(self, image: ProcessImage, presence: Presence, counts: Counts) -> None:
        self._image = image
        self._presence = presence
        self._counts = counts
        self._open: deque[tuple[int, int, float]] = deque(maxlen=2 * SLOTS)
        """Written and not yet seen to be taken over: boot, number, when."""
        self._in_a_row = 0
        self._base: dict[Flaw, int] = {}
        self._session = 0
        self._told_ms: dict[Flaw, float] = {}

    def wrote(self, boot: int, seq: int) -> None:
        """A decision stands in its slot."""
        if "DecSeqUsed" in self._image:
            self._open.append((boot, seq, monotonic_ms()))

    async def follow(self, failed: Failed) -> Never:
        """Looks again and again; tells what went wrong, each kind at most every ten seconds."""
        while True:
            await asyncio.sleep(TICK_MS / 1000)
            if not self._presence.ready:
                continue
            if self._session != self._presence.session:
                self._session = self._presence.session
                self._base = {flaw: number(self._image, tag) for flaw, tag in COUNTED.items()}
            for flaw in COUNTED:
                await self._see_count(flaw, failed)
            await self._see_unread(failed)

    async def _see_count(self, flaw: Flaw, failed: Failed) -> None:
        now = number(self._image, COUNTED[flaw], self._base[flaw])
        more = (now - self._base[flaw]) % WORD
        if more > WORD // 2:  # not so many: the PLC has begun to count anew
            self._base[flaw] = now
            return
        if not more or not self._is_time(flaw):
            return
        self._base[flaw] = now
        setattr(self._counts, flaw.value, getattr(self._counts, flaw.value) + more)
        await failed(flaw, more, self._image.number("ReqSeqLast"), "")

    async def _see_unread(self, failed: Failed) -> None:
        used, boot = number(self._image, "DecSeqUsed"), self._presence.boot
        while self._open:
            of_boot, seq, written_ms = self._open[0]
            if of_boot == boot and used and reached(used, seq):
                self._in_a_row = 0
            elif of_boot == boot and monotonic_ms() - written_ms < UNREAD_MS:
                return
            elif of_boot == boot:
                self._in_a_row += 1
                self._counts.decisions_unread += 1
            self._open.popleft()
        if self._in_a_row >= UNREAD_IN_A_ROW and self._is_time(Flaw.DECISIONS_UNREAD):
            detail = f"{self._in_a_row} in a row; the newest taken over is {used}"
            await failed(Flaw.DECISIONS_UNREAD, self._in_a_row, used, detail)

    def _is_time(self, flaw: Flaw) -> bool:
        now = monotonic_ms()
        if now - self._told_ms.get(flaw, -FLAWS_EVERY_MS) < FLAWS_EVERY_MS:
            return False
        self._told_ms[flaw] = now
        return True


def slot_values(command: DivertUnit) -> list[tuple[str, Value]]:
    """One decision slot, head to tail (plc-and-standards 9.2); HostRef has the last four digits, for the screen."""
    first = f"Dec{command.seq % SLOTS}."
    digits = command.hu_id[-4:]
    return [
        (f"{first}SeqHead", command.seq),
        (f"{first}TrackingId", command.tracking_id),
        (f"{first}Dest1", command.lane),
        (f"{first}Dest2", command.alternate),
        (f"{first}DecisionCode", int(command.code)),
        (f"{first}Flags", 0),
        (f"{first}MaxRecirc", command.max_recirc),
        (f"{first}HostRef", int(digits) if digits.isascii() and digits.isdigit() else 0),
        (f"{first}SeqTail", command.seq),
    ]
