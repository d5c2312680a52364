"""The PLC program of a sorter: asks at the scanner, waits until the point of no return, then acts on its own.

What a report says: DIVERTED, DIVERTED_ALT, DEFAULT_LANE (told PASS, or REJECT and the hospital lane could not take it),
RECIRCULATED (reason: what kept it out, or 0 when told RECIRC), MAX_RECIRC (lane: hospital or default). When the PLC had
to decide alone, the result is why (NO_DECISION, LATE_DECISION, INVALID_DEST, HOST_OFFLINE) and the reason DEFAULT_LANE.
"""

import random
from collections.abc import Sequence
from functools import partial

from edge.settings import MachineSettings
from plc_sim.agenda import Agenda
from plc_sim.codes import MAP_SORTER, WORD, Bit, Cmd, CmdReason, CmdResult, Decision, LaneBit, Scan, Sort, State
from plc_sim.events import LaneState
from plc_sim.line import number
from plc_sim.loop import Rider, SorterLoop
from plc_sim.program import Tell
from plc_sim.ring import REPORTS_MAX
from plc_sim.scanner import Answer, ScannerProgram, latency_ms

LEAD_MM = 500
"""A divert must be armed this far before its lane."""
ALONE = (Sort.NO_DECISION, Sort.LATE_DECISION, Sort.INVALID_DEST, Sort.HOST_OFFLINE)
"""Results of units about which the PLC decided by itself."""


class Sorter(ScannerProgram):
    """Lane bits and counts are this program's; what lies in the lanes is the plant's."""

    def __init__(
        self, machine: MachineSettings, agenda: Agenda, speed: int, tell: Tell, loop: SorterLoop, rng: random.Random
    ) -> None:
        super().__init__(machine, agenda, speed, tell)
        self.loop = loop
        self.lane_off: set[int] = set()
        self.lane_jam: set[int] = set()
        self._rng = rng
        self._choked = False
        """Suspended by itself, because nobody takes its reports."""
        self._asked: dict[int, Rider] = {}
        """Riders on the loop by their latest request."""
        self._timeout_ms = number(machine, "decision_timeout_ms", 250)
        self._no_read_per_mille = number(machine, "no_read_per_mille", 2)
        self._lost_per_mille = number(machine, "lost_per_mille", 0)
        self._counts = dict.fromkeys(loop.lanes, 0)
        self._lane_bits: dict[int, int] = {}
        loop.on_scan = self._at_scanner
        loop.on_change = self._count
        self.put("MapId", MAP_SORTER)
        self.put("SpeedSetpoint", loop.belt.speed_mm_s)
        self.put("DefaultLane", machine.default_lane)
        self.put("DecisionTimeoutMs", self._timeout_ms)
        for number_, lane in loop.lanes.items():
            lane.changed = partial(self._show_lane, number_)
            self._show_lane(number_)
            self.put(f"Lane{number_:02}.Count", 0)
        self.show_bits()

    # State

    def own_bits(self) -> int:
        full = all(lane.full for lane in self.loop.lanes.values())
        held = not self.running or self.reports.congested
        purging = self.state is State.RESETTING
        return full << Bit.ALL_LANES_FULL | held << Bit.INFEED_HELD | purging << Bit.PURGING

    def encoder_mm(self) -> int:
        return self.loop.belt.position_um // 1000

    def on_state(self, state: State) -> None:
        self.loop.belt.run(on=self.running)
        self.put("SpeedActual", self.loop.belt.speed_mm_s if self.running else 0)
        if state is State.RESETTING:
            self._purge()
        self._infeed()

    def on_seen(self) -> None:
        self._infeed()
        if self._choked and self.state is State.SUSPENDED and len(self.reports.waiting) < REPORTS_MAX // 2:
            self._choked = False
            self.command(Cmd.UNSUSPEND)

    def own_command(self, code: int, args: Sequence[int]) -> tuple[CmdResult, CmdReason]:
        lane = args[0] if args else 0
        if code not in (Cmd.LANE_ENABLE, Cmd.LANE_DISABLE, Cmd.CLEAR_JAM) or lane not in self.loop.lanes:
            return CmdResult.REJECTED, CmdReason.ARGUMENT
        if code == Cmd.LANE_ENABLE:
            self.lane_off.discard(lane)
        elif code == Cmd.LANE_DISABLE:
            self.lane_off.add(lane)
        else:
            self.lane_jam.discard(lane)
        self._show_lane(lane)
        return CmdResult.DONE, CmdReason.NONE

    def jam(self, lane: int) -> None:
        """A unit is stuck in the mouth of this lane until CLEAR_JAM."""
        self.lane_jam.add(lane)
        self._show_lane(lane)

    def restart(self) -> None:
        """See Program; what is on the loop is no longer tracked and goes to the default lane at the next reset."""
        for rider in self.loop.riders.values():
            rider.tracking_id = 0
            rider.waiting = False
        self._asked.clear()
        super().restart()

    def _purge(self) -> None:
        """The loop is emptied into the default lane; every unit that was tracked is reported FLUSHED."""
        default = self.machine.default_lane
        for rider in list(self.loop.riders.values()):
            self.loop.divert(rider, default)
            self._asked.pop(rider.request_seq, None)
            result = Sort.FLUSHED if rider.tracking_id else Sort.UNEXPECTED
            tracking_id = rider.tracking_id or self.next_tracking_id()
            self.report(result, tracking_id=tracking_id, lane=default, recirc=rider.recirc)

    def _infeed(self) -> None:
        self.loop.open_infeed(is_open=self.running and not self.reports.congested)
        self.show_bits()

    def _count(self) -> None:
        self.put("OnSorterCount", len(self.loop.riders))

    # Scanner and decision

    def _at_scanner(self, rider: Rider) -> None:
        if rider.tracking_id == 0:
            rider.tracking_id = self.next_tracking_id()
        self._asked.pop(rider.request_seq, None)
        rider.request_seq = rider.decision_seq = rider.latency_ms = rider.requested_lane = rider.reason = 0
        rider.doomed = self._rng.randrange(1000) < self._lost_per_mille
        rider.no_read = self._rng.randrange(1000) < self._no_read_per_mille
        if not self.online:
            self._alone(rider, Sort.HOST_OFFLINE)
        elif not self.requests.room:
            self._miss(rider)
        else:
            self._ask(rider)

    def _ask(self, rider: Rider) -> None:
        last_um = self.loop.first_um - LEAD_MM * 1000
        budget_ms = min(self._timeout_ms, self.loop.belt.duration_ms(last_um) // self.speed)
        now_ms = rider.requested_ms = self.agenda.now_ms
        rider.waiting = True
        rider.request_seq = seq = self.ask(
            tracking_id=rider.tracking_id,
            scan_status=Scan.NO_READ if rider.no_read else Scan.OK,
            barcode="" if rider.no_read else rider.unit.barcode,
            recirc_count=rider.recirc,
            budget_ms=budget_ms,
            length_mm=rider.unit.length_mm,
        )
        self._asked[seq] = rider
        deadline = partial(self._deadline, seq)
        self.agenda.at(now_ms + self._timeout_ms * self.speed, partial(deadline, rider))
        self.loop.at(rider, last_um, deadline)

    def _deadline(self, seq: int, rider: Rider) -> None:
        if rider.waiting and rider.request_seq == seq and not rider.gone:
            self._miss(rider)

    def _miss(self, rider: Rider) -> None:
        self.no_decisions = (self.no_decisions + 1) % WORD
        self.put("NoDecisions", self.no_decisions)
        self._alone(rider, Sort.NO_DECISION)

    def on_decision(self, seq: int, answer: Answer) -> Sort:
        rider = self._asked.get(seq)
        if rider is None or answer.tracking_id != rider.tracking_id:
            return Sort.UNEXPECTED
        if not rider.waiting:
            return Sort.NONE if rider.decision_seq == seq else self._late(rider)
        rider.waiting = False
        rider.decision_seq = seq
        rider.latency_ms = latency_ms(self, rider.requested_ms)
        rider.max_recirc = answer.max_recirc
        self.put("DecSeqUsed", seq)
        lanes = self.loop.lanes
        route = answer.code == Decision.ROUTE
        if (route and (answer.dest1 not in lanes or answer.dest2 not in (0, *lanes))) or answer.code not in (
            Decision.ROUTE,
            Decision.RECIRC,
            Decision.REJECT,
            Decision.PASS,
        ):
            rider.requested_lane = answer.dest1
            self._alone(rider, Sort.INVALID_DEST)
            return Sort.INVALID_DEST
        self._obey(rider, answer)
        return Sort.NONE

    def _late(self, rider: Rider) -> Sort:
        """Too late to act on; the report will say so."""
        self.late_decisions = (self.late_decisions + 1) % WORD
        self.put("LateDecisions", self.late_decisions)
        rider.route = tuple(
            (lane, Sort.LATE_DECISION if result == Sort.NO_DECISION else result) for lane, result in rider.route
        )
        return Sort.LATE_DECISION

    def _obey(self, rider: Rider, answer: Answer) -> None:
        default, hospital = self.machine.default_lane, self.machine.hospital_lane
        rider.may_recirc = answer.code in (Decision.ROUTE, Decision.RECIRC)
        if answer.code == Decision.ROUTE:
            rider.requested_lane = answer.dest1
            stops = [(answer.dest1, Sort.DIVERTED)]
            if answer.dest2 not in (0, answer.dest1):
                stops.append((answer.dest2, Sort.DIVERTED_ALT))
        elif answer.code == Decision.REJECT:
            rider.requested_lane = hospital
            stops = [(hospital, Sort.DIVERTED), (default, Sort.DEFAULT_LANE)]
        elif answer.code == Decision.PASS:
            stops = [(default, Sort.DEFAULT_LANE)]
        else:
            stops = []
        self._send(rider, stops)

    # On the way

    def _alone(self, rider: Rider, result: Sort) -> None:
        """No valid decision: to the default lane."""
        rider.waiting = False
        rider.may_recirc = False
        rider.reason = Sort.DEFAULT_LANE
        self._send(rider, [(self.machine.default_lane, result)])

    def _send(self, rider: Rider, stops: list[tuple[int, Sort]]) -> None:
        here_um = self.loop.travelled_um(rider)
        ahead = [(lane, result) for lane, result in stops if lane and self.loop.offset_um(lane) >= here_um]
        rider.route = tuple(sorted(ahead, key=lambda stop: (stop[0], stop[1])))
        self._next(rider)

    def _next(self, rider: Rider) -> None:
        """To the next place where something can happen to it."""
        if rider.doomed:
            self.loop.at(rider, self.loop.first_um, self._lose)
        elif rider.route:
            self.loop.at(rider, self.loop.offset_um(rider.route[0][0]), self._at_lane)
        elif rider.may_recirc and rider.recirc >= rider.max_recirc:
            rider.may_recirc = False
            hospital, default = self.machine.hospital_lane, self.machine.default_lane
            self._send(rider, [(hospital, Sort.MAX_RECIRC), (default, Sort.MAX_RECIRC)])
        else:
            self.loop.at(rider, self.loop.end_um, self._at_end)

    def _blocked(self, lane: int) -> Sort:
        """What keeps a unit out of a lane now."""
        if lane in self.lane_off:
            return Sort.LANE_DISABLED
        if lane in self.lane_jam:
            return Sort.LANE_JAM
        return Sort.LANE_FULL if self.loop.lanes[lane].full else Sort.NONE

    def _at_lane(self, rider: Rider) -> None:
        (lane, result), rider.route = rider.route[0], rider.route[1:]
        blocked = self._blocked(lane)
        first_is_ahead = any(better == Sort.DIVERTED and not self._blocked(stop) for stop, better in rider.route)
        if blocked:
            if result not in ALONE and (result != Sort.DIVERTED_ALT or not rider.reason):
                rider.reason = blocked
        elif result != Sort.DIVERTED_ALT or not first_is_ahead:
            self._divert(rider, lane, Sort(result))
            return
        self._next(rider)

    def _divert(self, rider: Rider, lane: int, result: Sort) -> None:
        if result is Sort.DIVERTED:
            rider.reason = Sort.NO_READ if rider.no_read and lane == self.machine.hospital_lane else Sort.NONE
        elif result is Sort.DIVERTED_ALT and not rider.reason:
            rider.reason = self._blocked(rider.requested_lane)
        self._counts[lane] = (self._counts[lane] + 1) % WORD
        self.put(f"Lane{lane:02}.Count", self._counts[lane])
        self._forget(rider)
        self.loop.divert(rider, lane)
        self._report(rider, result, lane)

    def _at_end(self, rider: Rider) -> None:
        """Nothing took it: once more around."""
        if rider.reason == Sort.DEFAULT_LANE:
            rider.reason = self._blocked(self.machine.default_lane)
        self._report(rider, Sort.RECIRCULATED, 0)
        rider.recirc = min(rider.recirc + 1, WORD - 1)
        self._forget(rider)
        self.loop.around(rider)

    def _lose(self, rider: Rider) -> None:
        self._forget(rider)
        self.loop.drop(rider)
        self._report(rider, Sort.LOST, 0)

    def _forget(self, rider: Rider) -> None:
        self._asked.pop(rider.request_seq, None)

    def _report(self, rider: Rider, result: Sort, lane: int) -> None:
        self.report(
            result,
            tracking_id=rider.tracking_id,
            lane=lane,
            requested_lane=rider.requested_lane,
            reason=rider.reason,
            decision_seq=rider.decision_seq,
            latency_ms=rider.latency_ms,
            recirc=rider.recirc,
        )
        if self.reports.exhausted:
            self._choked = True
            self.command(Cmd.SUSPEND)
        if self.reports.congested:
            self._infeed()

    # Lanes

    def _show_lane(self, number: int) -> None:
        lane = self.loop.lanes[number]
        off, jam = number in self.lane_off, number in self.lane_jam
        almost = len(lane.units) * 4 >= lane.capacity * 3
        bits = (not off) << LaneBit.ENABLED | lane.full << LaneBit.FULL | almost << LaneBit.ALMOST_FULL
        bits |= jam << LaneBit.JAM | off << LaneBit.DISABLED_BY_HOST
        if bits == self._lane_bits.get(number):
            return
        first, self._lane_bits[number] = number not in self._lane_bits, bits
        self.put(f"Lane{number:02}.Bits", bits)
        self.show_bits()
        if not first:
            self.tell(
                LaneState(
                    at_ms=self.agenda.now_ms,
                    machine_id=self.machine_id,
                    lane=number,
                    enabled=not off,
                    full=lane.full,
                    almost_full=almost,
                    jam=jam,
                )
            )
