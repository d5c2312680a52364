"""A conveyor with a scanner at its exit: requests, reports, decisions, commands and zones; lanes are the sorter's."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Iterator
from typing import Any, ClassVar, Never

from edge.equipment.decisions import Decisions
from edge.equipment.mailbox import Mailbox
from edge.equipment.presence import TAGS, Beats, Clock, Counts, Presence, Report, check_tags
from edge.equipment.rings import SEQ_MAX, SLOTS, Missed, Ring, Slot
from edge.equipment.status import number
from edge.equipment.zones import Line
from edge.messages import (
    CommandMachine,
    DivertUnit,
    Flaw,
    Flow,
    HandshakeFailed,
    MachineCommand,
    ScanStatus,
    SortResult,
    StartJob,
    UnitScanned,
    UnitSorted,
)
from edge.plc.image import ProcessImage
from edge.settings import MachineSettings

BARCODE_MAX = 24
KINDS = {2: SortResult.LOST, 3: SortResult.UNEXPECTED, 4: SortResult.FLUSHED}
"""What a report's type says when its result says nothing; any other type leaves it UNKNOWN."""


REQUEST = ("TrackingId", "DecisionPoint", "ScanStatus", "Barcode", "RecircCount", "BudgetMs")
REPORT = ("TrackingId", "ActualLane", "RequestedLane", "Result", "Reason", "DecisionSeq", "RecircCount")
DECISION = ("TrackingId", "Dest1", "Dest2", "DecisionCode", "Flags", "MaxRecirc", "HostRef")


def _slot_tags() -> Iterator[str]:
    yield from ("ReqSeqLast", "ReqSeqSeen", "RepSeqLast", "RepSeqSeen")
    for ring, fields in (("Req", REQUEST), ("Rep", REPORT), ("Dec", DECISION)):
        yield from (f"{ring}{slot}.{name}" for slot in range(SLOTS) for name in ("SeqHead", *fields, "SeqTail"))


def clean_barcode(raw: str, length: int) -> str | None:
    """The code as a scanner meant it: cut at NUL or CR, stripped; None if nothing believable is left."""
    text = raw[:length] if 0 < length <= BARCODE_MAX else raw
    for end in "\0\r":
        text = text.partition(end)[0]
    text = text.strip()
    believable = 0 < len(text) <= BARCODE_MAX and text.isprintable() and max(text) <= "\xff"
    return text if believable else None


logger = logging.getLogger(__name__)


class Conveyor:
    """Turns a conveyor's registers into UnitScanned and UnitSorted, and answers into its registers."""

    MAP_ID = 0x4301
    NEEDS: ClassVar[tuple[str, ...]] = (*TAGS, *Mailbox.tags, *Mailbox.written, *_slot_tags())
    """Tags it cannot do without."""

    def __init__(self, machine: MachineSettings, image: ProcessImage, beats: Beats | None = None) -> None:
        check_tags(machine, image, self.NEEDS)
        self._machine = machine
        self._image = image
        self.counts = Counts()
        self._presence = Presence(
            machine.machine_id, image, self.MAP_ID, self.counts, beats, lambda: self.line.cause, self._flow
        )
        self.line = Line(machine.machine_id, image, self._presence)
        self._requests = Ring(image, "Req", self._presence, self.counts)
        self._reports = Ring(image, "Rep", self._presence, self.counts)
        self._decisions = Decisions(image, self._presence, self.counts)
        commands = (MachineCommand.ACCUMULATE, MachineCommand.RELEASE) if self.line.has_words else ()
        beside = dict.fromkeys(commands, self.line.obey)
        self._mailbox = Mailbox(image, self._presence, self.counts, beside)

    @property
    def latency_ms(self) -> deque[float]:
        """Request noticed -> decision written, the last ten thousand."""
        return self._decisions.latency_ms

    async def watch(self, report: Report, epoch: int, now_ms: Clock) -> Never:
        """Reports what the machine does, for ever."""
        timed = self._presence.timed(report)
        async with asyncio.TaskGroup() as group:
            for loop in self._loops(timed, epoch, now_ms):
                group.create_task(loop)
        raise AssertionError("the loops of a machine never end")

    async def obey(self, command: DivertUnit | StartJob | CommandMachine) -> None:
        """Decisions are written at once; commands take their turn."""
        if isinstance(command, DivertUnit):
            await self._decisions.obey(command)
        elif isinstance(command, CommandMachine):
            self._mailbox.put(command)

    async def farewell(self) -> None:
        """Tells the PLC that we are stopping."""
        await self._presence.farewell()

    def _flow(self) -> Flow:
        """Nothing on the line, or a unit at its end that nobody takes."""
        if self.line.exit_stands:
            return Flow.BLOCKED
        return Flow.NORMAL if number(self._image, "OnSorterCount", 1) else Flow.STARVED

    def _loops(self, report: Report, epoch: int, now_ms: Clock) -> list[Coroutine[Any, Any, Never]]:
        async def scanned(seq: int, slot: Slot) -> None:
            self._decisions.asked(self._presence.boot, seq, self._requests.noticed_ms)
            await report(self._unit_scanned(seq, slot, now_ms()))

        async def sorted_out(seq: int, slot: Slot) -> None:
            await report(self._unit_sorted(seq, slot, now_ms()))

        async def failed(flaw: Flaw, count: int, seq: int, detail: str) -> None:
            await report(self._handshake_failed(flaw, count, seq, detail, now_ms()))

        def missed(flaw: Flaw) -> Missed:
            return lambda count, seq, why: failed(flaw, count, seq, why)

        return [
            self._presence.beat(epoch),
            self._presence.follow(report, now_ms, self._resync),
            self._requests.follow(scanned, missed(Flaw.REQUESTS_MISSED)),
            self._requests.acknowledge(),
            self._reports.follow(sorted_out, missed(Flaw.REPORTS_MISSED)),
            self._reports.acknowledge(),
            self._decisions.follow(failed),
            self._mailbox.follow(report, now_ms),
            self.line.follow(report, now_ms),
        ]

    def _handshake_failed(self, flaw: Flaw, count: int, seq: int, detail: str, at_ms: int) -> HandshakeFailed:
        name, boot = self._machine.machine_id, self._presence.boot
        logger.warning("handshake failed", extra={"machine": name, "flaw": flaw, "count": count, "seq": seq})
        return HandshakeFailed(at_ms=at_ms, machine_id=name, boot=boot, flaw=flaw, count=count, seq=seq, detail=detail)

    async def _resync(self, rebooted: bool) -> None:
        """Reads both sides of every exchange and goes on from there. Raises PlcError."""
        tags = ("BootCount", *self._requests.tags, *self._reports.tags, *self._mailbox.tags, *self._decisions.tags)
        await self._image.refresh(tags)
        await self._mailbox.resync(rebooted=rebooted)
        seen = [self._requests.resync(rebooted), self._reports.resync(rebooted)]
        await self._image.write(seen)
        await self._decisions.resync(self._image.number("BootCount"))

    def _unit_scanned(self, seq: int, slot: Slot, at_ms: int) -> UnitScanned:
        barcode = ""
        try:
            status = ScanStatus(slot.number("ScanStatus"))
        except ValueError:
            status = ScanStatus.INVALID
            self.counts.rubbish += 1
        if status is ScanStatus.OK:
            code = clean_barcode(slot.text("Barcode"), slot.number("BarcodeLen"))
            if code is None:
                status = ScanStatus.INVALID
                self.counts.rubbish += 1
            barcode = code or ""
        return UnitScanned(
            at_ms=at_ms,
            machine_id=self._machine.machine_id,
            boot=self._presence.boot,
            seq=seq,
            tracking_id=slot.number("TrackingId"),
            decision_point=slot.number("DecisionPoint"),
            status=status,
            barcode=barcode,
            recirc_count=slot.number("RecircCount"),
            budget_ms=slot.number("BudgetMs"),
        )

    def _unit_sorted(self, seq: int, slot: Slot, at_ms: int) -> UnitSorted:
        decision_seq = slot.number("DecisionSeq")
        if decision_seq > SEQ_MAX:
            decision_seq = 0
            self.counts.rubbish += 1
        return UnitSorted(
            at_ms=at_ms,
            machine_id=self._machine.machine_id,
            boot=self._presence.boot,
            seq=seq,
            tracking_id=slot.number("TrackingId"),
            lane=slot.number("ActualLane"),
            requested_lane=slot.number("RequestedLane"),
            result=self._sort_result(slot.number("Result"), KINDS.get(slot.number("Type"), SortResult.UNKNOWN)),
            reason=self._sort_result(slot.number("Reason"), SortResult.NONE),
            decision_seq=decision_seq,
            decision_latency_ms=slot.number("DecisionLatencyMs"),
            recirc_count=slot.number("RecircCount"),
        )

    def _sort_result(self, number: int, otherwise: SortResult) -> SortResult:
        """The result, or what to make of a number nobody knows."""
        try:
            return SortResult(number)
        except ValueError:
            self.counts.rubbish += 1
            return otherwise
