"""The zones and merges of a conveyor line: what keeps units from moving, accumulation, and their release one by one.

A line moves units from zone to zone by itself; nothing of that is told. Told is what a person or the WES must know: a
jam, a motor fault, an e-stop, a zone that is held or accumulates, a merge that stands. Each zone and each merge is told
of at most twice a second, with its latest state: a flickering eye floods nobody (plc-and-standards 1.7, 9.3).
"""

import asyncio
from collections.abc import Callable
from typing import Never

from edge.equipment.confirm import Exchange, Outcome, confirm
from edge.equipment.mailbox import Said
from edge.equipment.presence import TICK_MS, Clock, Presence, Report
from edge.equipment.status import number
from edge.messages import CommandMachine, MachineCommand, MergeChanged, ZoneChanged, ZoneFault
from edge.plc.image import ProcessImage, monotonic_ms

AGAIN_MS = 500
ZONES_MAX = 32
MERGES_MAX = 8
ACK_MS = 1000
SENDS = 2
WORD = 65_536

FAULTS: tuple[tuple[int, ZoneFault], ...] = (
    (1 << 6, ZoneFault.ESTOP),
    (1 << 2, ZoneFault.MOTOR),
    (1 << 0, ZoneFault.SENSOR_JAM),
    (1 << 1, ZoneFault.ARRIVAL_JAM),
    (1 << 7, ZoneFault.MAINTENANCE),
    (1 << 5, ZoneFault.HELD),
)
"""Bits of a zone's flags, the gravest first."""
ACCUMULATES = 1 << 4
BLOCKED = (4, 5)
"""Zone states with a unit in the zone (ConveyLinx numbers)."""
STANDS = 5
"""Blocked and stopped."""
MERGE_MOVES = (2, 4)

ZoneView = tuple[int, ZoneFault, bool]
"""Session (so that a resync tells everything again), fault, accumulating."""
MergeView = tuple[int, bool, int]
"""Session, moving, mode."""


class Line:
    """What a conveyor adds to its scanner: zones, merges, accumulation and release."""

    def __init__(self, machine_id: str, image: ProcessImage, presence: Presence) -> None:
        self._machine_id = machine_id
        self._image = image
        self._presence = presence
        self._zones = [zone for zone in range(1, ZONES_MAX + 1) if f"{zone_name(zone)}.Status" in image]
        self._merges = [merge for merge in range(1, MERGES_MAX + 1) if f"Merge{merge}.Status" in image]
        self._told: dict[str, tuple[ZoneView | MergeView, float]] = {}

    @property
    def cause(self) -> str:
        """The first zone in trouble, as the cause why the line does not run."""
        faults = ((zone, self._fault(zone)) for zone in self._zones)
        return next((f"{fault.name} zone {zone}" for zone, fault in faults if fault is not ZoneFault.NONE), "")

    @property
    def has_words(self) -> bool:
        """Whether its zones have words for accumulation and release; where not, the mailbox has commands for both."""
        return any(f"{zone_name(zone)}.ZoneCmd" in self._image for zone in self._zones)

    @property
    def exit_stands(self) -> bool:
        """A unit stands in the last zone and is not let go."""
        return bool(self._zones) and number(self._image, f"{zone_name(self._zones[-1])}.Status") == STANDS

    async def follow(self, report: Report, now_ms: Clock) -> Never:
        """Every zone in trouble and every merge after a resync, then each change that matters, for ever."""
        while True:
            await asyncio.sleep(TICK_MS / 1000)
            if not self._presence.ready:
                continue
            for zone in self._zones:
                view = (self._presence.session, self._fault(zone), bool(self._flags(zone) & ACCUMULATES))
                if self._is_news(zone_name(zone), view, quiet=view[1] is ZoneFault.NONE and not view[2]):
                    await report(self._zone_changed(zone, view, now_ms()))
            for merge in self._merges:
                moving = number(self._image, f"Merge{merge}.Status") in MERGE_MOVES or not any(self._waiting(merge))
                state = (self._presence.session, moving, number(self._image, f"Merge{merge}.Mode"))
                if self._is_news(f"Merge{merge}", state, quiet=False):
                    await report(self._merge_changed(merge, state, now_ms()))

    def _is_news(self, name: str, view: ZoneView | MergeView, *, quiet: bool) -> bool:
        """Whether this is other than what was told; a zone that was never in trouble is not told of."""
        before = self._told.get(name)
        now = monotonic_ms()
        if before is None and quiet:
            return False
        if before is not None and (before[0] == view or now - before[1] < AGAIN_MS):
            return False
        self._told[name] = (view, now)
        return True

    def _flags(self, zone: int) -> int:
        return number(self._image, f"{zone_name(zone)}.Flags")

    def _fault(self, zone: int) -> ZoneFault:
        flags = self._flags(zone)
        return next((fault for bit, fault in FAULTS if flags & bit), ZoneFault.NONE)

    def _waiting(self, merge: int) -> tuple[int, int]:
        return number(self._image, f"Merge{merge}.WaitA"), number(self._image, f"Merge{merge}.WaitB")

    def _zone_changed(self, zone: int, view: ZoneView, at_ms: int) -> ZoneChanged:
        name = zone_name(zone)
        return ZoneChanged(
            at_ms=at_ms,
            machine_id=self._machine_id,
            zone=zone,
            fault=view[1],
            accumulating=view[2],
            blocked=number(self._image, f"{name}.Status") in BLOCKED,
            arrivals=number(self._image, f"{name}.ArrivalCount"),
            departures=number(self._image, f"{name}.DepartureCount"),
            tracking_id=number(self._image, f"{name}.TrackingId"),
        )

    def _merge_changed(self, merge: int, view: MergeView, at_ms: int) -> MergeChanged:
        return MergeChanged(
            at_ms=at_ms,
            machine_id=self._machine_id,
            merge=merge,
            moving=view[1],
            mode=view[2],
            waiting=self._waiting(merge),
        )

    # What operators may do with a zone

    async def obey(self, command: CommandMachine) -> Said:
        """Accumulate or release: words of their own beside the mailbox. Result and reason."""
        zone = command.args[0] if command.args else 0
        if zone not in self._zones:
            return "REJECTED", f"UNKNOWN_ZONE {zone}"
        if not self._presence.ready:
            return "REJECTED", "LINK_LOST"
        accumulates = command.command is MachineCommand.ACCUMULATE
        word = f"{zone_name(zone)}.{'ZoneCmd' if accumulates else 'ReleaseCount'}"
        if word not in self._image:
            return "REJECTED", f"NO_TAG {word}"
        exchange = self._accumulate(zone, command.args) if accumulates else self._release(zone)
        outcome, why = await confirm(self._image, exchange, ACK_MS, SENDS)
        return {Outcome.CONFIRMED: "DONE", Outcome.REJECTED: "REJECTED", Outcome.UNKNOWN: "UNKNOWN"}[outcome], why

    def _accumulate(self, zone: int, args: tuple[int, ...]) -> Exchange:
        wanted = bool(args[1]) if len(args) > 1 else True
        return Exchange(
            values=[(f"{zone_name(zone)}.ZoneCmd", int(wanted))],
            shown=[f"{zone_name(zone)}.Flags"],
            taken=lambda: bool(self._flags(zone) & ACCUMULATES) is wanted,
            same=self._same(),
        )

    def _release(self, zone: int) -> Exchange:
        """One more on the rolling count; written again it is the same count, so never two units.

        Nothing takes a count back (a PLC might see one more in it): one that nobody took stays UNKNOWN.
        """
        echo = f"{zone_name(zone)}.ReleaseCountEcho"
        count = (number(self._image, echo) + 1) % WORD
        return Exchange(
            values=[(f"{zone_name(zone)}.ReleaseCount", count)],
            shown=[echo],
            taken=lambda: number(self._image, echo) == count,
            same=self._same(),
        )

    def _same(self) -> Callable[[], bool]:
        presence, session = self._presence, self._presence.session
        return lambda: presence.session == session


def zone_name(zone: int) -> str:
    """As the tags call it."""
    return f"Zone{zone:02}"
