"""The decision ring: the edge's answers to requests, written slot by slot, and the time they took.

A decision is idempotent: same number, same content. So an unanswered write is read back and, if it did not arrive,
written again; and the newest decision of each slot is kept and written by the resync if the PLC does not have it.
"""

import asyncio
import logging
from collections import deque

from edge.equipment.presence import Counts, Presence
from edge.equipment.rings import RETRY_MS, SEQ_MAX, SLOTS, distance, slot_tags
from edge.messages import DivertUnit
from edge.plc.image import LinkLost, PlcError, ProcessImage, Value, WriteRejected, WriteUnknown, monotonic_ms

TRIES = 3
LATENCIES_MAX = 10_000

logger = logging.getLogger(__name__)


class Decisions:
    """The writing side of the decision ring."""

    def __init__(self, image: ProcessImage, presence: Presence, counts: Counts) -> None:
        self._image = image
        self._presence = presence
        self._counts = counts
        self._kept: dict[int, DivertUnit] = {}
        self._asked: dict[int, tuple[int, int, float]] = {}
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
        values = slot_values(command)
        reason = ""
        for _ in range(TRIES):
            try:
                await self._image.write(values)
            except LinkLost:
                return False
            except WriteRejected as error:
                reason = str(error)
                await asyncio.sleep(RETRY_MS / 1000)
                continue
            except WriteUnknown as error:
                reason = str(error)
                if not await self._arrived(command):
                    continue
            self._measure(command)
            return True
        logger.warning("decision not written", extra={"machine": command.machine_id, "reason": reason})
        return False

    async def _arrived(self, command: DivertUnit) -> bool:
        try:
            await self._image.refresh([name for name, _ in slot_values(command)])
        except PlcError:
            return False
        return self._stands(command)

    def _measure(self, command: DivertUnit) -> None:
        boot, seq, noticed_ms = self._asked.get(command.seq % SLOTS, (0, 0, 0.0))
        if (boot, seq) == (command.boot, command.seq):
            self.latency_ms.append(monotonic_ms() - noticed_ms)
            del self._asked[command.seq % SLOTS]


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
