"""Whether a machine is there: heartbeats both ways, its state and boot count, and the resync before anything else.

A socket that stands proves nothing: the machine is there while its heartbeat rises. It is `ready` after a resync, which
happens when the link comes (back) and when the PLC has restarted (plc-and-standards 9.5 E, F); only then do rings,
decisions, commands and jobs move.
"""

import asyncio
import itertools
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Never

from edge.messages import Link, MachineChanged, Message, PackMl
from edge.plc.image import PlcError, ProcessImage, monotonic_ms
from edge.settings import ConfigError, MachineSettings

BEAT_MS = 500
STALE_MS = 2000
TICK_MS = 200
"""How often everything that waits looks at the clock."""

Report = Callable[[Message], Awaitable[Sequence[Message]]]
"""Returns after the event is on disk."""
Clock = Callable[[], int]
"""The site's clock, UTC ms."""
Beats = Callable[[], int]
"""A number that rises as long as the decide loop turns."""

TAGS = ("BootCount", "PlcHeartbeat", "StateCurrent", "WcsHeartbeat", "WcsEpoch", "WcsState")

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
    beats_unsent: int = 0


def check_tags(machine: MachineSettings, image: ProcessImage, names: Iterable[str]) -> None:
    """Raises ConfigError for tags the machine cannot do without."""
    missing = [name for name in names if name not in image]
    if missing:
        listed = f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}"
        raise ConfigError([f"{machine.device}: the tags of {machine.machine_id} lack {listed}; add them to its CSV"])


class Presence:
    """One machine's link state as the rest of the equipment sees it."""

    def __init__(
        self, machine_id: str, image: ProcessImage, map_id: int, counts: Counts, beats: Beats | None = None
    ) -> None:
        self._machine_id = machine_id
        self._image = image
        self._map_id = map_id
        self._counts = counts
        self._beats = beats if beats is not None else itertools.count().__next__
        self._heartbeat: int | None = None
        self._beat_at_ms = -math.inf
        self._good_at_ms = -math.inf
        self._odd_state = -1
        self.ready = False
        self.session = 0
        """Rises at every resync."""
        self.boot = 0
        self.state = PackMl.UNKNOWN

    async def beat(self, epoch: int) -> Never:
        """Writes our heartbeat while the decide loop turns; without it the PLC falls back by itself."""
        count, turned = 0, -1
        while True:
            await asyncio.sleep(BEAT_MS / 1000)
            last, turned = turned, self._beats()
            if not self._image.good or turned == last:
                continue
            count = (count + 1) % 65_536
            state = 1 if self.ready else 0
            try:
                await self._image.write([("WcsHeartbeat", count), ("WcsEpoch", epoch % 65_536), ("WcsState", state)])
            except PlcError:
                self._counts.beats_unsent += 1

    async def follow(self, report: Report, now_ms: Clock, resync: Callable[[bool], Awaitable[None]]) -> Never:
        """Reports every change of state, link and boot (and the first view); `resync(rebooted)` reads where we are."""
        told: tuple[PackMl, Link, int, str] | None = None
        while True:
            moved = self._moved()
            code, detail = self._trouble()
            fresh = not code and (not self.ready or self._boot_now() != self.boot)
            if code or fresh:
                self.ready = False
            if fresh:
                code, detail = await self._resync(resync)
            if not code:
                self._see_state()
            view = (self.state, Link.LOST if code else Link.GOOD, self.boot, code)
            if view != told:
                told = view
                reason = f"{code}: {detail}" if detail else code
                logger.info("machine", extra={"machine": self._machine_id, "link": view[1], "reason": reason})
                await report(
                    MachineChanged(
                        at_ms=now_ms(),
                        machine_id=self._machine_id,
                        state=view[0],
                        link=view[1],
                        boot=view[2],
                        reason=reason,
                    )
                )
            if fresh and not code:
                self.ready = True
                self._image.wake()
            await self._image.wait(moved, TICK_MS)

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
            return ("LINK_LOST", "no heartbeat yet") if waiting else ("HEARTBEAT_STALE", "")
        if "MapId" in image and image.number("MapId") != self._map_id:
            return "WRONG_MAP", f"{image.number('MapId'):#06x} instead of {self._map_id:#06x}"
        return "", ""

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
