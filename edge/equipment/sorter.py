"""A sorter: a conveyor with lanes, whose state the core needs before it decides."""

from collections.abc import Coroutine
from typing import Any, Never

from edge.equipment.conveyor import Conveyor
from edge.equipment.presence import TICK_MS, Beats, Clock, Report
from edge.messages import LaneChanged
from edge.plc.image import ProcessImage
from edge.settings import MachineSettings

ENABLED, FULL, JAM, DISABLED_BY_HOST, FAULT = 1 << 0, 1 << 1, 1 << 3, 1 << 5, 1 << 7


class Sorter(Conveyor):
    """Adds LaneChanged: every lane after a resync, then each change."""

    MAP_ID = 0x5301

    def __init__(self, machine: MachineSettings, image: ProcessImage, beats: Beats | None = None) -> None:
        super().__init__(machine, image, beats)
        named = ((lane.lane, f"Lane{lane.lane:02d}.Bits") for lane in machine.lanes)
        self._lanes = [(lane, tag) for lane, tag in named if tag in image]

    def _loops(self, report: Report, epoch: int, now_ms: Clock) -> list[Coroutine[Any, Any, Never]]:
        return [*super()._loops(report, epoch, now_ms), self._follow_lanes(report, now_ms)]

    async def _follow_lanes(self, report: Report, now_ms: Clock) -> Never:
        image, presence = self._image, self._presence
        told: dict[int, tuple[int, bool, bool, bool]] = {}
        while True:
            await image.wait(lambda: presence.ready and any(told.get(n) != view for n, view in self._views()), TICK_MS)
            if not presence.ready:
                continue
            for lane, view in self._views():
                if told.get(lane) != view:
                    told[lane] = view
                    _, enabled, full, jam = view
                    await report(
                        LaneChanged(
                            at_ms=now_ms(),
                            machine_id=self._machine.machine_id,
                            lane=lane,
                            enabled=enabled,
                            full=full,
                            jam=jam,
                        )
                    )

    def _views(self) -> list[tuple[int, tuple[int, bool, bool, bool]]]:
        """Per lane: session (so that a resync tells everything again), enabled, full, jam; only what is known."""
        image, session = self._image, self._presence.session
        views = []
        for lane, tag in self._lanes:
            if image.is_good(tag):
                bits = image.number(tag)
                enabled = bool(bits & ENABLED) and not bits & (DISABLED_BY_HOST | FAULT)
                views.append((lane, (session, enabled, bool(bits & FULL), bool(bits & JAM))))
        return views
