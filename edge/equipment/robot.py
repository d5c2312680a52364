"""A robot that picks jobs into handling units: the job handshake of plc-and-standards 2.2, from StartJob to JobEnded.

A job is written once, its number last. Whether the robot has it is never guessed: JobIdEcho tells, also after a lost
answer, a lost link or a restart of the edge. The same job given again is not started again but followed to its end. One
that was given up is fenced off by the next number with no job in it, so that its bytes start nothing when they come
late. A robot that lost its part is Held and keeps the job until a person has decided: UNHOLD goes on with it, STOP or
ABORT ends it as PART_LOST. A job of an earlier boot of the PLC is never started: nobody knows whether it had been.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from typing import ClassVar, Never

from edge.equipment.confirm import Exchange, Outcome, confirm, withdraw
from edge.equipment.mailbox import Mailbox
from edge.equipment.presence import TAGS, Beats, Clock, Counts, Presence, Report, check_tags
from edge.equipment.rings import after, newest
from edge.equipment.status import number
from edge.messages import CommandMachine, DivertUnit, Flow, JobEnded, JobOverdue, PackMl, StartJob
from edge.plc.image import LinkLost, ProcessImage, Value, WriteRejected
from edge.settings import MachineSettings

JOBS_MAX = 16
ACK_MS = 500
SENDS = 2
FREE_WAIT_MS = 1000
"""How long a job waits for Ready and not Busy before it is refused."""
LOOK_MS = 1000
PAUSE_MS = 50
SETTLE_MS = 20
"""A PLC may write the registers of a result one by one: they are read once more after this."""
OVERDUE = 3
"""A job that takes so many times its nominal time needs somebody to look."""
NOMINAL_MS = 60_000
"""Of a job of a robot whose settings do not say."""
PICK = 1
LINK_LOST = "LINK_LOST"
RESULTS = {1: "OK", 2: "SHORT"}
ERRORS = {1: "NOT_READY", 2: "UNKNOWN_JOB", 3: "BAD_PARAMETER", 4: "PART_LOST", 5: "ESTOP", 6: "SLOT_EMPTY"}
ENDS = {4: "PART_LOST", 6: "SHORT"}
"""Errors that are an end of their own: a part that fell, and a slot with nothing in it, which is no fault."""
REFUSALS = (1, 2, 3)
"""Errors with which a robot declines a job before it moves."""
JOB_TAGS = (
    "BootCount", "JobNo", "JobSeq", "JobSeqAck", "JobSeqDone", "JobIdEcho", "Ready", "Busy", "Error", "ErrorCode",
    "Result", "PickedCount", "CycleTimeMs",
)  # fmt: skip
WRITTEN_TAGS = ("JobId", "JobAisle", "JobBay", "JobLevel", "JobQuantity")
NO_JOB = 0
"""JobNo of a fence: a number the robot takes, and nothing to do."""
ROUNDS = 3
"""How often a job whose bytes may still come is fenced off, with the link up, before it is UNKNOWN."""
PLACE = re.compile(r"[A-Za-z0-9]+-(\d{1,4})-(\d{1,4})-(\d{1,4})")

Ended = tuple[str, int, int, str]
"""Result, picked, cycle_ms, reason."""


def refused(reason: str) -> Ended:
    return "REJECTED", 0, 0, reason


def unknown(reason: str) -> Ended:
    return "UNKNOWN", 0, 0, reason


def ended(job: StartJob, end: Ended, at_ms: int) -> JobEnded:
    """How a job ended, in the words of the core."""
    result, picked, cycle_ms, reason = end
    return JobEnded(
        at_ms=at_ms,
        machine_id=job.machine_id,
        job_id=job.job_id,
        result=result,
        picked=picked,
        cycle_ms=cycle_ms,
        reason=reason,
    )


class Robot:
    """Starts jobs one after the other and reports how each ended."""

    MAP_ID = 0x5201
    NEEDS: ClassVar[tuple[str, ...]] = (*TAGS, *Mailbox.tags, *Mailbox.written, *JOB_TAGS, *WRITTEN_TAGS)
    """Tags it cannot do without."""

    def __init__(self, machine: MachineSettings, image: ProcessImage, beats: Beats | None = None) -> None:
        check_tags(machine, image, self.NEEDS)
        self._machine = machine
        self._image = image
        self.counts = Counts()
        self._presence = Presence(
            machine.machine_id, image, self.MAP_ID, self.counts, beats, self._gripper_cause, self._flow
        )
        self._mailbox = Mailbox(image, self._presence, self.counts)
        self._jobs: asyncio.Queue[StartJob] = asyncio.Queue(JOBS_MAX)
        self._surplus: asyncio.Queue[StartJob] = asyncio.Queue(JOBS_MAX)
        self._seq = 0
        self._doubt = False
        """A job was written of which nobody knows yet whether the robot has it."""
        self._heir = True
        """Nothing was written in this life: a job of an earlier one may still be under way."""

    async def watch(self, report: Report, epoch: int, now_ms: Clock) -> Never:
        """Reports what the machine does, for ever."""
        timed = self._presence.timed(report)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._presence.beat(epoch))
            group.create_task(self._presence.follow(timed, now_ms, self._resync))
            group.create_task(self._mailbox.follow(timed, now_ms))
            group.create_task(self._work(timed, now_ms))
            group.create_task(self._decline(timed, now_ms))
        raise AssertionError("the loops of a machine never end")

    async def obey(self, command: DivertUnit | StartJob | CommandMachine) -> None:
        """Jobs and commands take their turn, each in its own queue: a STOP does not wait for a job.

        Nor behind jobs that have no room to wait: those are declined at once.
        """
        if isinstance(command, StartJob):
            await (self._surplus if self._jobs.full() else self._jobs).put(command)
        elif isinstance(command, CommandMachine):
            self._mailbox.put(command)

    async def farewell(self) -> None:
        """Tells the PLC that we are stopping."""
        await self._presence.farewell()

    def _gripper_cause(self) -> str:
        if number(self._image, "PartLost"):
            return "PART_LOST"
        gripping = number(self._image, "PartPresent") or self._presence.state is PackMl.HELD
        return "" if number(self._image, "VacuumOk", 1) or not gripping else "VACUUM"

    def _flow(self) -> Flow:
        """A robot without a job waits for one."""
        return Flow.NORMAL if self._image.value("Busy") else Flow.STARVED

    async def _resync(self, rebooted: bool) -> None:
        """Goes on from the numbers; a job nobody took is fenced off, for it may be given to another since.

        One that is still being settled is left to that. A PLC that restarted has forgotten which numbers are old.
        """
        image = self._image
        await image.refresh((*self._mailbox.tags, *JOB_TAGS))
        await self._mailbox.resync(rebooted=rebooted)
        taken = image.number("JobSeqAck")
        self._seq = newest(self._seq, newest(image.number("JobSeq"), taken))
        if self._seq in (0, taken) or (self._doubt and not rebooted):
            return
        self._seq = after(self._seq)
        with contextlib.suppress(WriteRejected):
            await image.write(self._fence(self._seq))
            self._heir = False

    async def _work(self, report: Report, now_ms: Clock) -> Never:
        while True:
            job = await self._jobs.get()
            await report(ended(job, await self._do(job, Stopwatch(self._machine, job, report, now_ms)), now_ms()))

    async def _decline(self, report: Report, now_ms: Clock) -> Never:
        while True:
            await report(ended(await self._surplus.get(), refused("TOO_MANY_JOBS"), now_ms()))

    async def _do(self, job: StartJob, watch: "Stopwatch") -> Ended:
        place = PLACE.fullmatch(job.source)
        if place is None:
            return refused("BAD_LOCATION")
        if not (0 < job.job_id <= 0xFFFF_FFFF and 0 < job.quantity <= 0xFFFF):
            return refused("BAD_PARAMETER")
        where = [("JobAisle", int(place[1])), ("JobBay", int(place[2])), ("JobLevel", int(place[3]))]
        what = [("JobNo", PICK), ("JobId", job.job_id), *where, ("JobQuantity", job.quantity)]
        try:
            return await self._carry_out(job, what, watch)
        finally:
            self._doubt = False

    async def _carry_out(self, job: StartJob, what: Sequence[tuple[str, Value]], watch: "Stopwatch") -> Ended:
        """The whole of one job, over lost links as often as they come."""
        image, presence = self._image, self._presence
        boot, begun = job.boot, False  # boot: of the PLC it was decided for, or sent to (0 = any)
        number = rounds = 0
        while True:
            if not await image.wait(lambda: presence.ready, LOOK_MS):
                continue
            try:
                await self._look_anew()
                if image.number("JobIdEcho") == job.job_id:
                    boot, begun = boot or presence.boot, True
                    return await self._finish(job, boot, number or image.number("JobSeqAck"), watch)
            except LinkLost:
                await asyncio.sleep(PAUSE_MS / 1000)  # whoever says that the link is lost needs a turn
                continue
            if begun or boot not in (0, presence.boot):
                return unknown("PLC_RESTART")
            if image.number("JobIdEcho") > job.job_id:
                return refused("OUTDATED")
            now = presence.boot
            outcome, why = await self._give(job, what)
            number = self._seq
            boot = now if outcome is Outcome.UNKNOWN or why != LINK_LOST else boot
            self._doubt, begun = outcome is Outcome.UNKNOWN, outcome is Outcome.CONFIRMED
            if outcome is Outcome.REJECTED and why != LINK_LOST:
                return refused(why)
            if outcome is Outcome.CONFIRMED and image.number("JobIdEcho") != job.job_id:
                return refused(self._error())
            await asyncio.sleep(PAUSE_MS / 1000)
            rounds += self._doubt and presence.ready
            if rounds == ROUNDS:
                self._seq = after(number)  # of the fence
                return unknown("NOT_SETTLED")

    async def _look_anew(self) -> None:
        """Reads everything about jobs. Raises LinkLost, also while a restart of the PLC is not taken in yet."""
        await self._image.refresh(JOB_TAGS)
        if self._image.number("BootCount") != self._presence.boot:
            raise LinkLost("the PLC has just restarted")

    async def _give(self, job: StartJob, what: Sequence[tuple[str, Value]]) -> tuple[Outcome, str]:
        """Gives the job to a robot that is free; one that may have been given already is settled, not given again."""
        image = self._image
        if self._doubt:
            return await withdraw(image, self._exchange(job, what), "NO_ACK")
        free = await image.wait(self._free, FREE_WAIT_MS) or not self._presence.ready
        why = "BUSY" if image.value("Busy") else "NOT_READY"
        if not free and not self._heir:
            return Outcome.REJECTED, why
        self._seq, self._doubt, self._heir = self._next(), True, False
        if not free:
            return await withdraw(image, self._exchange(job, what), why)
        return await confirm(image, self._exchange(job, what), ACK_MS, SENDS)

    def _free(self) -> bool:
        return bool(self._image.value("Ready")) and not self._image.value("Busy")

    def _next(self) -> int:
        """The number that follows, also after a fence; an old echo must not pass for the answer."""
        number = after(newest(self._seq, self._image.number("JobSeqAck")))
        while number in (self._image.number("JobSeqAck"), self._image.number("JobSeqDone")):
            number = after(number)
        return number

    def _exchange(self, job: StartJob, what: Sequence[tuple[str, Value]]) -> Exchange:
        """The job under our present number; the echo tells that the robot has it, or that it declines."""
        image, presence, session, number = self._image, self._presence, self._presence.session, self._seq
        acknowledged: Callable[[], int] = lambda: image.number("JobSeqAck")  # noqa: E731
        return Exchange(
            values=[*what, ("JobSeq", number)],
            shown=JOB_TAGS,
            taken=lambda: (
                image.number("JobIdEcho") == job.job_id or (acknowledged() == number and bool(image.value("Error")))
            ),
            same=lambda: presence.session == session and image.number("BootCount") == presence.boot,
            none=self._fence(after(number)),
            fenced=lambda: acknowledged() == after(number),
        )

    def _fence(self, number: int) -> Sequence[tuple[str, Value]]:
        """A number with no job in it; with the id the robot shows, lest one that echoes it forgets its last job."""
        nowhere = [(name, 0) for name in ("JobAisle", "JobBay", "JobLevel", "JobQuantity")]
        return [("JobNo", NO_JOB), ("JobId", self._image.number("JobIdEcho")), *nowhere, ("JobSeq", number)]

    def _fenced(self) -> bool:
        """The newest number the robot has taken has no job in it: whatever came before is over, unless it is Busy."""
        image = self._image
        return image.number("JobNo") == NO_JOB and image.number("JobSeq") == image.number("JobSeqAck") != 0

    async def _finish(self, job: StartJob, boot: int, number: int, watch: "Stopwatch") -> Ended:
        """Follows a job the robot has to its end. Raises LinkLost."""
        image, presence = self._image, self._presence

        def lost() -> bool:
            return image.number("BootCount") != boot or image.number("JobIdEcho") != job.job_id

        def over() -> bool:
            idle = not image.value("Busy") and (image.value("Error") or self._fenced())
            return image.number("JobSeqDone") == number or bool(idle)

        while not (lost() or over()):
            await image.wait(lambda: not presence.ready or lost() or over(), LOOK_MS)
            if not presence.ready:
                raise LinkLost("while the job was running")
            await watch.look(working=presence.state is PackMl.EXECUTE)
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
        done = image.number("JobSeqDone") == number
        if not done and error in REFUSALS:
            return refused(reason)
        result = RESULTS.get(image.number("Result"), "FAULT") if done or self._fenced() else "FAULT"
        if result == "FAULT":
            result = ENDS.get(error, result)
        if not 0 <= picked <= job.quantity:
            self.counts.rubbish += 1
            picked, reason = max(0, min(picked, job.quantity)), reason or "COUNT_IMPOSSIBLE"
        return result, picked, cycle_ms, reason


class Stopwatch:
    """How long the robot has worked on a job; told once when it is three times what it should be.

    Held, suspended or cut off from us it does not work, and the watch stands.
    """

    def __init__(self, machine: MachineSettings, job: StartJob, report: Report, now_ms: Clock) -> None:
        self._job = job
        self._report = report
        self._now_ms = now_ms
        self._nominal_ms = machine.cycle_ms + machine.unit_ms * job.quantity or NOMINAL_MS
        self._seen_ms = now_ms()
        self._working = False
        self._worked_ms = 0
        self._told = False

    async def look(self, *, working: bool) -> None:
        """Counts the time since the last look, if it was worked then."""
        now = self._now_ms()
        if self._working:
            self._worked_ms += now - self._seen_ms
        self._seen_ms, self._working = now, working
        if self._told or self._worked_ms <= OVERDUE * self._nominal_ms:
            return
        self._told = True
        await self._report(
            JobOverdue(
                at_ms=now,
                machine_id=self._job.machine_id,
                job_id=self._job.job_id,
                worked_ms=self._worked_ms,
                nominal_ms=self._nominal_ms,
            )
        )
