"""Whether a machine is there: heartbeats both ways, its state and boot count, and the resync before anything else.

A socket that stands proves nothing: the machine is there while its heartbeat rises. It is `ready` after a resync, which
happens when the link comes (back), when it has had a gap, when the PLC has restarted (plc-and-standards 9.5 E, F), and
when the PLC has missed us though we believe to be in step (we hung, and went on); only then do rings, decisions,
commands and jobs move.
"""

import asyncio
import contextlib
import itertools
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Never

from edge.equipment.status import FALLBACK, bits, fault_cause, safety_cause
from edge.messages import Flow, Link, LinkGap, MachineChanged, Message, PackMl
from edge.plc.image import PlcError, ProcessImage, monotonic_ms
from edge.settings import ConfigError, MachineSettings

BEAT_MS = 500
STALE_MS = 2000
TICK_MS = 200
"""How often everything that waits looks at the clock."""
FLOW_MS = 5000
"""A machine is starved or blocked when it has been so for this long; between two units it is not."""
FALLEN_MS = 1000
"""A machine that runs in its fallback for so long, though we are there, has missed us: we are out of step."""
BEHIND_MS = 1000
"""Our side is degraded while an event waits this long for the disk."""
INIT, READY, DEGRADED, STOPPING = range(4)
"""WcsState, as the PLC reads it."""

Report = Callable[[Message], Awaitable[Sequence[Message]]]
"""Returns after the event is on disk."""
Clock = Callable[[], int]
"""The site's clock, UTC ms."""
Beats = Callable[[], int]
"""A number that rises as long as the decide loop turns."""

HEARD = ("BootCount", "PlcHeartbeat", "StateCurrent")
TAGS = (*HEARD, "WcsHeartbeat", "WcsEpoch", "WcsState")

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """What went wrong on a machine's wire since the start; for the figures."""

    rubbish: int = 0
    """Values no PLC should send: numbers outside their list, unreadable barcodes, sequences out of range."""
    overruns: int = 0
    """Requests or reports the PLC overwrote before they were read."""
    torn: int = 0
    """Slots caught while they were being written; read again."""
    unreadable: int = 0
    """Slots given up."""
    decisions_dropped: int = 0
    """Answers for another boot, or for a request that is no longer in the ring."""
    decisions_unsent: int = 0
    """Answers that could not be written; the resync tries them again."""
    decisions_unread: int = 0
    """Answers written in time that the PLC has not taken over."""
    decisions_late: int = 0
    decisions_missing: int = 0
    """Both as the PLC counts them, since the link came up."""
    beats_unsent: int = 0
    refusals_untold: int = 0
    """Commands too many, and so many of those that not even the refusal could be kept."""


def check_tags(machine: MachineSettings, image: ProcessImage, names: Iterable[str]) -> None:
    """Raises ConfigError for tags the machine cannot do without."""
    missing = [name for name in names if name not in image]
    if missing:
        listed = f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}"
        raise ConfigError([f"{machine.device}: the tags of {machine.machine_id} lack {listed}; add them to its CSV"])


class Presence:
    """One machine's link state as the rest of the equipment sees it.

    `own_cause` says why the machine does not run where the header words do not (a jam, a lost part), `own_flow` whether
    it is starved or blocked at this moment.
    """

    def __init__(
        self,
        machine_id: str,
        image: ProcessImage,
        map_id: int,
        counts: Counts,
        beats: Beats | None = None,
        own_cause: Callable[[], str] = lambda: "",
        own_flow: Callable[[], Flow] = lambda: Flow.NORMAL,
    ) -> None:
        self._machine_id = machine_id
        self._image = image
        self._map_id = map_id
        self._counts = counts
        self._beats = beats if beats is not None else itertools.count().__next__
        self._own_cause = own_cause
        self._own_flow = own_flow
        self._epoch = self._beat_count = 0
        self._heartbeat: int | None = None
        self._beat_at_ms = -math.inf
        self._good_at_ms = -math.inf
        self._fallen_at_ms = math.inf
        self._odd_state = -1
        self._flow_seen = Flow.NORMAL
        self._flow_since_ms = 0.0
        self._pending: dict[int, float] = {}
        self._reported = 0
        self.ready = False
        self.session = 0
        """Rises at every resync."""
        self.boot = 0
        self.state = PackMl.UNKNOWN
        self.cause = ""
        """Why the machine does not run, as code and detail."""
        self.flow = Flow.NORMAL

    async def beat(self, epoch: int) -> Never:
        """Writes our heartbeat while the decide loop turns; without it the PLC falls back by itself."""
        turned, self._epoch = -1, epoch % 65_536
        while True:
            await asyncio.sleep(BEAT_MS / 1000)
            last, turned = turned, self._beats()
            if not self._image.good or turned == last:
                continue
            try:
                await self._say(self._our_state())
            except PlcError:
                self._counts.beats_unsent += 1

    async def farewell(self) -> None:
        """A clean stop: the PLC is told, so that it need not wait for our heartbeat to run out."""
        if self.ready:
            with contextlib.suppress(PlcError):
                await self._say(STOPPING)

    def _our_state(self) -> int:
        oldest_ms = min(self._pending.values(), default=math.inf)
        if not self.ready:
            return INIT
        return DEGRADED if monotonic_ms() - oldest_ms > BEHIND_MS else READY

    async def _say(self, state: int) -> None:
        self._beat_count = (self._beat_count + 1) % 65_536
        beat = ("WcsHeartbeat", self._beat_count)
        await self._image.write([beat, ("WcsEpoch", self._epoch), ("WcsState", state)])

    def timed(self, report: Report) -> Report:
        """The same report; how long its events wait for the disk shows in our state."""

        async def timed_report(message: Message) -> Sequence[Message]:
            self._reported += 1
            number = self._reported
            self._pending[number] = monotonic_ms()
            try:
                return await report(message)
            finally:
                del self._pending[number]

        return timed_report

    async def follow(self, report: Report, now_ms: Clock, resync: Callable[[bool], Awaitable[None]]) -> Never:
        """Reports every change of state, cause, flow, link and boot (and the first view).

        `resync(rebooted)` reads where we are before anything else moves.
        """
        told: tuple[PackMl, Link, int, str, Flow] | None = None
        while True:
            moved = self._moved()
            code, detail = self._trouble()
            behind = not self.ready or self._boot_now() != self.boot or bool(self._image.commits.gaps)
            fresh = not code and (behind or self._fallen())
            if code or fresh:
                self.ready = False
            if fresh:
                code, detail = await self._resync(resync)
            if not code:
                self._see_state()
            view = (self.state, Link.LOST if code else Link.GOOD, self.boot, code or self.cause, self.flow)
            if view != told:
                told = view
                await report(self._changed(view, detail, now_ms()))
            if fresh and not code:
                self.ready = True
                self._image.wake()
            await self._tell_gaps(report, now_ms)
            await self._image.wait(moved, TICK_MS)

    async def _tell_gaps(self, report: Report, now_ms: Clock) -> None:
        """After the resync, which a gap brings about: what the link may have missed, and the rings have caught up."""
        gaps = self._image.commits.gaps
        while self.ready and gaps:
            gap, at_ms = gaps.popleft(), now_ms()
            await report(
                LinkGap(
                    at_ms=at_ms,
                    machine_id=self._machine_id,
                    from_ms=at_ms - gap.missed_ms,
                    to_ms=at_ms,
                    reason=gap.reason,
                )
            )

    def _changed(self, view: tuple[PackMl, Link, int, str, Flow], detail: str, at_ms: int) -> MachineChanged:
        state, link, boot, cause, flow = view
        reason = f"{cause}: {detail}" if detail else cause
        logger.info("machine", extra={"machine": self._machine_id, "link": link, "reason": reason})
        return MachineChanged(
            at_ms=at_ms, machine_id=self._machine_id, state=state, link=link, boot=boot, reason=reason, flow=flow
        )

    def _moved(self) -> Callable[[], bool]:
        """Whether anything reported here is other than now."""
        image, good = self._image, self._image.good
        beat, boot, state = (image.number(name) for name in ("PlcHeartbeat", "BootCount", "StateCurrent"))
        return lambda: (
            image.good is not good
            or image.number("PlcHeartbeat") != beat
            or image.number("BootCount") != boot
            or image.number("StateCurrent") != state
        )

    def _trouble(self) -> tuple[str, str]:
        """Why the machine is not there, as code and detail; ("", "") if it is."""
        image, now = self._image, monotonic_ms()
        if not image.good:
            self._good_at_ms = -math.inf
            return "LINK_LOST", image.reason
        if self._good_at_ms == -math.inf:
            self._good_at_ms = now
        heartbeat = image.number("PlcHeartbeat")
        if heartbeat != self._heartbeat:
            self._beat_at_ms = now if self._heartbeat is not None else -math.inf
            self._heartbeat = heartbeat
        if now - self._beat_at_ms > STALE_MS:
            waiting = self._beat_at_ms == -math.inf and now - self._good_at_ms <= STALE_MS
            bad = image.trouble(HEARD)
            return ("LINK_LOST", bad or "no heartbeat yet") if waiting else ("HEARTBEAT_STALE", bad)
        if "MapId" in image and image.number("MapId") != self._map_id:
            return "WRONG_MAP", f"{image.number('MapId'):#06x} instead of {self._map_id:#06x}"
        return "", ""

    def _fallen(self) -> bool:
        """Whether the PLC has gone on without us; one that holds waits for a command, not for a resync."""
        if not (self.ready and bits(self._image) & FALLBACK and self.state is PackMl.EXECUTE):
            self._fallen_at_ms = math.inf
            return False
        now = monotonic_ms()
        self._fallen_at_ms = min(self._fallen_at_ms, now)
        if now - self._fallen_at_ms < FALLEN_MS:
            return False
        self._fallen_at_ms = now
        return True

    def _boot_now(self) -> int:
        return self._image.number("BootCount")

    async def _resync(self, resync: Callable[[bool], Awaitable[None]]) -> tuple[str, str]:
        boot = self._boot_now()
        try:
            await resync(self.session > 0 and boot != self.boot)
        except PlcError as error:
            return "RESYNC_FAILED", str(error)
        self.boot = boot
        self.session += 1
        return "", ""

    def _see_state(self) -> None:
        number = self._image.number("StateCurrent")
        try:
            self.state = PackMl(number)
        except ValueError:
            self.state = PackMl.UNKNOWN
            self._counts.rubbish += number != self._odd_state
            self._odd_state = number
        image = self._image
        self.cause = safety_cause(image) or self._own_cause() or fault_cause(image, self.state)
        self._see_flow()

    def _see_flow(self) -> None:
        """A flow counts after it has lasted; that it is normal again counts at once."""
        flow = self._own_flow() if self.state is PackMl.EXECUTE else Flow.NORMAL
        if flow is not self._flow_seen:
            self._flow_seen, self._flow_since_ms = flow, monotonic_ms()
        if flow is Flow.NORMAL or monotonic_ms() - self._flow_since_ms >= FLOW_MS:
            self.flow = flow
