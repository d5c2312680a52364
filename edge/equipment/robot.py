"""A robot that picks jobs into handling units: the job handshake of plc-and-standards 2.2, from StartJob to JobEnded.

A job is written once, its number last. Whether the robot has it is never guessed: JobIdEcho tells, also after a lost
answer, a lost link or a restart of the edge. The same job given again is not started again but followed to its end.
"""

import asyncio
import contextlib
import re
from typing import Never

from edge.equipment.mailbox import Mailbox
from edge.equipment.presence import TAGS, Beats, Clock, Counts, Presence, Report, check_tags
from edge.equipment.rings import after
from edge.messages import CommandMachine, DivertUnit, JobEnded, StartJob
from edge.plc.image import LinkLost, ProcessImage, WriteRejected, WriteUnknown
from edge.settings import MachineSettings

JOBS_MAX = 16
ACK_MS = 500
FREE_WAIT_MS = 1000
"""How long a job waits for Ready and not Busy before it is refused."""
LOOK_MS = 1000
SETTLE_MS = 20
"""A PLC may write the registers of a result one by one: they are read once more after this."""
PICK = 1
RESULTS = {1: "OK", 2: "SHORT"}
ERRORS = {1: "NOT_READY", 2: "UNKNOWN_JOB", 3: "BAD_PARAMETER", 4: "PART_LOST", 5: "ESTOP", 6: "SLOT_EMPTY"}
REFUSALS = (1, 2, 3)
"""Errors with which a robot declines a job before it moves."""
JOB_TAGS = (
    "BootCount", "JobSeq", "JobSeqAck", "JobSeqDone", "JobIdEcho", "Ready", "Busy", "Error", "ErrorCode",
    "Result", "PickedCount", "CycleTimeMs",
)  # fmt: skip
WRITTEN_TAGS = ("JobNo", "JobId", "JobAisle", "JobBay", "JobLevel", "JobQuantity")
PLACE = re.compile(r"[A-Za-z0-9]+-(\d{1,4})-(\d{1,4})-(\d{1,4})")

Ended = tuple[str, int, int, str]
"""Result, picked, cycle_ms, reason."""


def refused(reason: str) -> Ended:
    return "REJECTED", 0, 0, reason


def unknown(reason: str) -> Ended:
    return "UNKNOWN", 0, 0, reason


class Robot:
    """Starts jobs one after the other and reports how each ended."""

    MAP_ID = 0x5201

    def __init__(self, machine: MachineSettings, image: ProcessImage, beats: Beats | None = None) -> None:
        check_tags(machine, image, (*TAGS, *Mailbox.tags, *Mailbox.written, *JOB_TAGS, *WRITTEN_TAGS))
        self._machine = machine
        self._image = image
        self.counts = Counts()
        self._presence = Presence(machine.machine_id, image, self.MAP_ID, self.counts, beats)
        self._mailbox = Mailbox(image, self._presence, self.counts)
        self._jobs: asyncio.Queue[StartJob] = asyncio.Queue(JOBS_MAX)
        self._seq = 0

    async def watch(self, report: Report, epoch: int, now_ms: Clock) -> Never:
        """Reports what the machine does, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._presence.beat(epoch))
            group.create_task(self._presence.follow(report, now_ms, self._resync))
            group.create_task(self._mailbox.follow(report, now_ms))
            group.create_task(self._work(report, now_ms))
        raise AssertionError("the loops of a machine never end")

    async def obey(self, command: DivertUnit | StartJob | CommandMachine) -> None:
        """Jobs and commands take their turn, each in its own queue: a STOP does not wait for a job."""
        if isinstance(command, StartJob):
            await self._jobs.put(command)
        elif isinstance(command, CommandMachine):
            await self._mailbox.put(command)

    async def _resync(self, rebooted: bool) -> None:
        await self._image.refresh((*self._mailbox.tags, *JOB_TAGS))
        self._mailbox.resync()
        self._seq = self._image.number("JobSeq")

    async def _work(self, report: Report, now_ms: Clock) -> Never:
        while True:
            job = await self._jobs.get()
            result, picked, cycle_ms, reason = await self._do(job)
            await report(
                JobEnded(
                    at_ms=now_ms(),
                    machine_id=job.machine_id,
                    job_id=job.job_id,
                    result=result,
                    picked=picked,
                    cycle_ms=cycle_ms,
                    reason=reason,
                )
            )

    async def _do(self, job: StartJob) -> Ended:
        """The whole of one job, over lost links as often as they come."""
        place = PLACE.fullmatch(job.source)
        if place is None:
            return refused("BAD_LOCATION")
        if not (0 < job.job_id <= 0xFFFF_FFFF and 0 < job.quantity <= 0xFFFF):
            return refused("BAD_PARAMETER")
        image, presence = self._image, self._presence
        boot: int | None = None  # of the PLC when the job was sent, or found
        taken = False
        while True:
            if not await image.wait(lambda: presence.ready, LOOK_MS):
                continue
            try:
                await image.refresh(JOB_TAGS)
                if image.number("JobIdEcho") == job.job_id:
                    taken, boot = True, presence.boot if boot is None else boot
                    return await self._finish(job, boot)
                if taken or boot not in (None, presence.boot):
                    return unknown("PLC_RESTART")
                if boot is not None:
                    return refused(self._error() if self._declined(self._seq) else "NO_ACK")
                if image.number("JobIdEcho") > job.job_id:
                    return refused("OUTDATED")
                if not await image.wait(self._free, FREE_WAIT_MS) and presence.ready:
                    return refused("BUSY" if image.value("Busy") else "NOT_READY")
                now = presence.boot
                await self._start(job, [int(part) for part in place.groups()])
                boot = now
            except LinkLost:
                continue
            except WriteRejected:
                return refused("WRITE_REFUSED")

    def _free(self) -> bool:
        return bool(self._image.value("Ready")) and not self._image.value("Busy")

    async def _start(self, job: StartJob, place: list[int]) -> None:
        """Writes the job and gives the robot its time to take it. Raises LinkLost, WriteRejected: not written."""
        image = self._image
        number = after(self._seq)
        while number in (image.number("JobSeqAck"), image.number("JobSeqDone")):
            number = after(number)
        self._seq = number
        where = [("JobAisle", place[0]), ("JobBay", place[1]), ("JobLevel", place[2])]
        what = [("JobNo", PICK), ("JobId", job.job_id), *where, ("JobQuantity", job.quantity), ("JobSeq", number)]
        with contextlib.suppress(WriteUnknown):  # the echo tells
            await image.write(what)
        await image.wait(
            lambda: image.number("JobIdEcho") == job.job_id or self._declined(number) or not image.good, ACK_MS
        )

    def _declined(self, number: int) -> bool:
        return self._image.number("JobSeqAck") == number and bool(self._image.value("Error"))

    async def _finish(self, job: StartJob, boot: int) -> Ended:
        """Follows a job the robot has to its end. Raises LinkLost."""
        image, presence = self._image, self._presence
        number = image.number("JobSeqAck")

        def lost() -> bool:
            return image.number("BootCount") != boot or image.number("JobIdEcho") != job.job_id

        def over() -> bool:
            return image.number("JobSeqDone") == number or bool(image.value("Error") and not image.value("Busy"))

        while not (lost() or over()):
            await image.wait(lambda: not presence.ready or lost() or over(), LOOK_MS)
            if not presence.ready:
                raise LinkLost("while the job was running")
            await asyncio.sleep(SETTLE_MS / 1000)
            await image.refresh(JOB_TAGS)
        return unknown("PLC_RESTART") if lost() else self._ended(job, number)

    def _error(self) -> str:
        error = self._image.number("ErrorCode")
        return ERRORS.get(error, f"ERROR_{error}")

    def _ended(self, job: StartJob, number: int) -> Ended:
        """What the registers say about a job that is over."""
        image = self._image
        picked, cycle_ms, error = (image.number(name) for name in ("PickedCount", "CycleTimeMs", "ErrorCode"))
        reason = self._error() if error or image.value("Error") else ""
        if image.number("JobSeqDone") != number:
            if error in REFUSALS:
                return refused(reason)
            result = "FAULT"
        else:
            result = RESULTS.get(image.number("Result"), "FAULT")
        if not 0 <= picked <= job.quantity:
            self.counts.rubbish += 1
            picked, reason = max(0, min(picked, job.quantity)), reason or "COUNT_IMPOSSIBLE"
        return result, picked, cycle_ms, reason
