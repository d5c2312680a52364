"""A sorter: a conveyor with lanes, whose state the core needs before it decides."""

from collections.abc import Coroutine
from typing import Any, Never

from edge.equipment.conveyor import Conveyor
from edge.equipment.presence import TICK_MS, Beats, Clock, Report
from edge.equipment.status import ALL_LANES_FULL, INFEED_HELD, bits, number
from edge.messages import Flow, LaneChanged
from edge.plc.image import ProcessImage, monotonic_ms
from edge.settings import MachineSettings

ENABLED, FULL, ALMOST_FULL, JAM, DISABLED_BY_HOST, RATE_LIMITED, FAULT = (1 << bit for bit in (0, 1, 2, 3, 5, 6, 7))
SOFT = ALMOST_FULL | RATE_LIMITED
BELIEVED = ENABLED | FULL | JAM | DISABLED_BY_HOST | FAULT | SOFT
"""Bits whose change is told; the confirm eye blinks with every unit."""
AGAIN_MS = 500
"""Soft bits may come and go with every unit: they are told of this often at most."""

View = tuple[int, int]
"""Session (so that a resync tells everything again) and bits."""


class Sorter(Conveyor):
    """Adds LaneChanged: every lane after a resync, then each change."""

    MAP_ID = 0x5301

    def __init__(self, machine: MachineSettings, image: ProcessImage, beats: Beats | None = None) -> None:
        super().__init__(machine, image, beats)
        named = ((lane.lane, f"Lane{lane.lane:02d}") for lane in machine.lanes)
        self._lanes = [(lane, tag) for lane, tag in named if f"{tag}.Bits" in image]

    def _flow(self) -> Flow:
        """Nothing on it, or nowhere to put it."""
        if bits(self._image) & (ALL_LANES_FULL | INFEED_HELD):
            return Flow.BLOCKED
        return Flow.NORMAL if number(self._image, "OnSorterCount", 1) else Flow.STARVED

    def _loops(self, report: Report, epoch: int, now_ms: Clock) -> list[Coroutine[Any, Any, Never]]:
        return [*super()._loops(report, epoch, now_ms), self._follow_lanes(report, now_ms)]

    async def _follow_lanes(self, report: Report, now_ms: Clock) -> Never:
        image, presence = self._image, self._presence
        told: dict[int, tuple[View, float]] = {}

        def news() -> list[tuple[int, View]]:
            return [(lane, view) for lane, view in self._views() if is_news(view, told.get(lane))]

        while True:
            if not await image.wait(lambda: presence.ready and bool(news()), TICK_MS):
                continue
            for lane, view in news():
                told[lane] = (view, monotonic_ms())
                await report(self._lane_changed(lane, view[1], now_ms()))

    def _views(self) -> list[tuple[int, View]]:
        """Per lane what would be told of it now; only what is known."""
        image, session = self._image, self._presence.session
        known = ((lane, f"{tag}.Bits") for lane, tag in self._lanes if image.is_good(f"{tag}.Bits"))
        return [(lane, (session, image.number(tag) & BELIEVED)) for lane, tag in known]

    def _lane_changed(self, lane: int, seen: int, at_ms: int) -> LaneChanged:
        return LaneChanged(
            at_ms=at_ms,
            machine_id=self._machine.machine_id,
            lane=lane,
            enabled=bool(seen & ENABLED) and not seen & (DISABLED_BY_HOST | FAULT),
            full=bool(seen & FULL),
            jam=bool(seen & JAM),
            almost_full=bool(seen & ALMOST_FULL),
            rate_limited=bool(seen & RATE_LIMITED),
            count=number(self._image, f"Lane{lane:02d}.Count"),
        )


def is_news(view: View, told: tuple[View, float] | None) -> bool:
    """Whether a lane has to be told of again; what decisions hang on at once."""
    if told is None or view == told[0]:
        return told is None
    hard = view[0] != told[0][0] or (view[1] ^ told[0][1]) & ~SOFT
    return bool(hard) or monotonic_ms() - told[1] >= AGAIN_MS
