"""The PLC program of a sorter: its states, its words, its commands, and what it does without a WCS. Sorting: `sorting`.

Without a WCS (`sim.fallback`, or SetFallback): `default_lane`, units with a valid decision keep it and all others go to
the default lane; or `stop`, the sorter suspends itself. Armed again by a command, or by a WCS that is ready and in
step: both acknowledgements written in one scan, as a resync does, and WcsState 1. One that stopped wants the command.
"""

import random
from collections.abc import Iterable, Sequence
from functools import partial

from edge.settings import MachineSettings
from plc_sim import eyes, merge, packml
from plc_sim.agenda import Agenda
from plc_sim.codes import MAP_SORTER, Bit, Cmd, CmdReason, CmdResult, Fallback, Sort, State
from plc_sim.loop import SorterLoop
from plc_sim.program import HOST_OFFLINE, WCS_READY, Tell
from plc_sim.ring import REPORTS_MAX
from plc_sim.sim_settings import choice
from plc_sim.sorting import Sorting

SPEED_MIN_MM_S = 100
POLICIES = frozenset(Fallback)


class Sorter(Sorting):
    """One sorter."""

    def __init__(
        self, machine: MachineSettings, agenda: Agenda, speed: int, tell: Tell, loop: SorterLoop, rng: random.Random
    ) -> None:
        super().__init__(machine, agenda, speed, tell, loop, rng)
        self._in_step = False
        """The WCS has written both acknowledgements in one scan since it was lost."""
        self._policy = choice(machine, "fallback", Fallback.DEFAULT_LANE)
        self._design_mm_s = loop.belt.speed_mm_s
        loop.on_change = self._count
        self.live["EyeBlocked"] = lambda: eyes.blocked(self.loop, self.lanes)
        self.live["EyeJam"] = lambda: eyes.jammed(self.lanes)
        for place, name in enumerate(merge.NAMES):
            self.live[f"Merge1.{name}"] = partial(self._merge_word, place)
        self.put("MapId", MAP_SORTER)
        self.put("SpeedSetpoint", loop.belt.speed_mm_s)
        self.show_bits()

    def _merge_word(self, place: int) -> int:
        moving = self.running and not self.reports.congested
        return self.loop.merge.words(moving=moving)[place]

    # State

    def own_bits(self) -> int:
        held = not self.running or self.reports.congested
        purging = self.state is State.RESETTING
        warning = self.scanner_down or bool(self.lanes.jammed)
        bits = self.lanes.full << Bit.ALL_LANES_FULL | held << Bit.INFEED_HELD | purging << Bit.PURGING
        return bits | warning << Bit.WARNING

    def encoder_mm(self) -> int:
        return self.loop.belt.position_um // 1000

    def on_state(self, state: State) -> None:
        self.drive(self.loop.belt, on=self.running)
        self.put("SpeedActual", self.loop.belt.speed_mm_s if self.running else 0)
        if state is State.RESETTING:
            self._purge()
        self.infeed()

    def on_seen(self) -> None:
        self.infeed()
        if self.choked and self.state is State.SUSPENDED and len(self.reports.waiting) < REPORTS_MAX // 2:
            self.choked = False
            if not (self.fallback and self._policy is Fallback.STOP):
                self.enter(State.UNSUSPENDING, "REPORTS_TAKEN")

    def on_fallback(self) -> None:
        self._in_step = False
        if self._policy is Fallback.STOP and self.state in packml.MOVING:
            self.enter(State.SUSPENDING, HOST_OFFLINE)
        for rider in [each for each in self.asked.values() if each.waiting]:
            self.alone(rider, Sort.HOST_OFFLINE)

    def armed(self) -> bool:
        stopped = self._policy is Fallback.STOP and self.state in (State.SUSPENDING, State.SUSPENDED)
        in_step = self._in_step and self.word("WcsState") == WCS_READY
        return not stopped and (self._pinned or in_step)

    def on_scan(self, taken: Iterable[str]) -> None:
        if not self.fallback:
            return
        self._in_step = self._in_step or {"ReqSeqSeen", "RepSeqSeen"}.issubset(taken)
        if self.online and self.armed():
            self.arm("RESYNC")

    def on_estop(self) -> None:
        """What is tracked stays tracked until the loop is emptied; the WCS is told who stands on it."""
        self.counters.add("EStops")
        for rider in self.loop.riders.values():
            if rider.tracking_id and not self.reports.exhausted:
                self.report(Sort.ESTOP, tracking_id=rider.tracking_id, recirc=rider.recirc)

    def own_command(self, code: int, args: Sequence[int]) -> tuple[CmdResult, CmdReason]:
        first = args[0] if args else 0
        if code == Cmd.SET_SPEED and SPEED_MIN_MM_S <= first <= self._design_mm_s:
            self.loop.belt.set_speed(first)
            self.put("SpeedSetpoint", first)
            self.put("SpeedActual", first if self.running else 0)
        elif code == Cmd.SET_FALLBACK and first in POLICIES:
            self._policy = Fallback(first)
        elif first not in self.loop.lanes:
            return CmdResult.REJECTED, CmdReason.ARGUMENT
        elif code in (Cmd.LANE_ENABLE, Cmd.LANE_DISABLE):
            return self.lanes.enable(first, on=code == Cmd.LANE_ENABLE)
        elif code == Cmd.CLEAR_JAM:
            return self.lanes.clear_jam(first)
        elif code == Cmd.PURGE_LANE:
            self._purge_lane(first)
        else:
            return CmdResult.REJECTED, CmdReason.ARGUMENT
        return CmdResult.DONE, CmdReason.NONE

    def restart(self) -> None:
        """See Program; what is on the loop is no longer tracked and goes to the default lane at the next reset."""
        for rider in self.loop.riders.values():
            rider.tracking_id = 0
            rider.waiting = False
        self.asked.clear()
        self.choked = False
        self.counters.reset()
        self.lanes.restart()
        super().restart()

    def _purge(self) -> None:
        """The loop is emptied into the default lane; every unit that was tracked is reported FLUSHED."""
        default = self.machine.default_lane
        for rider in list(self.loop.riders.values()):
            self.loop.divert(rider, default)
            self.asked.pop(rider.request_seq, None)
            result = Sort.FLUSHED if rider.tracking_id else Sort.UNEXPECTED
            tracking_id = rider.tracking_id or self.next_tracking_id()
            self.report(result, tracking_id=tracking_id, lane=default, recirc=rider.recirc)

    def _purge_lane(self, lane: int) -> None:
        """Nothing that is on its way to this lane goes in: it goes round instead."""
        for rider in list(self.loop.riders.values()):
            kept = tuple(stop for stop in rider.route if stop[0] != lane)
            if kept != rider.route:
                rider.route, rider.may_recirc = kept, True

    def infeed(self) -> None:
        self.loop.open_infeed(is_open=self.running and not self.reports.congested)
        self.show_bits()

    def _count(self) -> None:
        self.put("OnSorterCount", len(self.loop.riders))
