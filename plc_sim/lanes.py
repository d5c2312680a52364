"""The lanes of a sorter as its PLC sees them: open or not, their eyes, jams in their mouths, how many went in."""

from collections.abc import Callable
from functools import partial

from plc_sim.codes import WORD, CmdReason, CmdResult, FaultCode, LaneBit, Sort
from plc_sim.events import LaneState
from plc_sim.plant import Lane
from plc_sim.program import Program

JAM_MS = 5000
"""A photo-eye that is blocked this long has a jam before it (ConveyLinx's default)."""


class Lanes:
    """What lies in the lanes is the plant's; this is what the PLC knows and tells."""

    def __init__(self, program: Program, lanes: dict[int, Lane]) -> None:
        self.plant = lanes
        self.off: set[int] = set()
        self.stuck: set[int] = set()
        """A unit is stuck in the mouth: the confirm eye is blocked."""
        self.jammed: set[int] = set()
        """Latched when the eye had been blocked long enough; until somebody clears it."""
        self.on_jam: Callable[[], None] = lambda: None
        """A jam has been latched."""
        self._program = program
        self._counts = dict.fromkeys(lanes, 0)
        self._bits: dict[int, int] = {}
        for number, lane in lanes.items():
            lane.changed = partial(self.show, number)
            self.show(number)
            program.put(f"Lane{number:02}.Count", 0)

    @property
    def full(self) -> bool:
        return all(lane.full for lane in self.plant.values())

    def blocked(self, lane: int) -> Sort:
        """What keeps a unit out of a lane now."""
        if lane in self.off:
            return Sort.LANE_DISABLED
        if lane in self.jammed or lane in self.stuck:
            return Sort.LANE_JAM
        return Sort.LANE_FULL if self.plant[lane].full else Sort.NONE

    def count(self, lane: int) -> None:
        """One more went in."""
        self._counts[lane] = (self._counts[lane] + 1) % WORD
        self._program.put(f"Lane{lane:02}.Count", self._counts[lane])

    def enable(self, lane: int, *, on: bool) -> tuple[CmdResult, CmdReason]:
        """The host opens or closes a lane."""
        if on:
            self.off.discard(lane)
        else:
            self.off.add(lane)
        self.show(lane)
        return CmdResult.DONE, CmdReason.NONE

    def jam(self, lane: int) -> None:
        """A unit gets stuck in the mouth of this lane."""
        self.stuck.add(lane)
        self.show(lane)
        agenda = self._program.agenda
        agenda.at(agenda.now_ms + JAM_MS * self._program.speed, partial(self._latch, lane))

    def free(self, lane: int) -> None:
        """Somebody pulls it out; the latch stays."""
        self.stuck.discard(lane)
        self.show(lane)

    def clear_jam(self, lane: int) -> tuple[CmdResult, CmdReason]:
        """Remote or at the lane's own button: refused while the eye is blocked."""
        if lane in self.stuck:
            return CmdResult.REJECTED, CmdReason.INTERLOCK
        self.jammed.discard(lane)
        self._program.fault(FaultCode.JAM, on=bool(self.jammed))
        self.show(lane)
        return CmdResult.DONE, CmdReason.NONE

    def restart(self) -> None:
        """Power off and on: the latches are gone, what blocks an eye is not."""
        self.jammed.clear()
        self._program.fault(FaultCode.JAM, on=False)
        for lane in self.plant:
            if lane in self.stuck:
                self.jam(lane)
            self.show(lane)

    def _latch(self, lane: int) -> None:
        if lane in self.stuck and lane not in self.jammed:
            self.jammed.add(lane)
            self._program.fault(FaultCode.JAM)
            self.show(lane)
            self.on_jam()

    def show(self, number: int) -> None:
        """Bring the lane's word up to date, and say what changed."""
        lane, program = self.plant[number], self._program
        off, jam = number in self.off, number in self.jammed
        bits = (not off) << LaneBit.ENABLED | lane.full << LaneBit.FULL | lane.almost_full << LaneBit.ALMOST_FULL
        bits |= jam << LaneBit.JAM | (number in self.stuck) << LaneBit.CONFIRM_EYE | off << LaneBit.DISABLED_BY_HOST
        if bits == self._bits.get(number):
            return
        first, before = number not in self._bits, self._bits.get(number, 0)
        self._bits[number] = bits
        program.put(f"Lane{number:02}.Bits", bits)
        if first:
            return
        program.show_bits()
        if bits & ~(1 << LaneBit.CONFIRM_EYE) != before & ~(1 << LaneBit.CONFIRM_EYE):
            program.tell(
                LaneState(
                    at_ms=program.agenda.now_ms,
                    machine_id=program.machine_id,
                    lane=number,
                    enabled=not off,
                    full=lane.full,
                    almost_full=lane.almost_full,
                    jam=jam,
                )
            )
