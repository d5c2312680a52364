"""How a sorter's PLC sorts: asks at the scanner, waits until the point of no return, then acts on its own.

What a report says: DIVERTED, DIVERTED_ALT, DEFAULT_LANE (told PASS, or REJECT and the hospital lane could not take it),
RECIRCULATED (reason: what kept it out, or 0 when told RECIRC), MAX_RECIRC (lane: hospital or default). When the PLC had
to decide alone, the result is why (NO_DECISION, LATE_DECISION, INVALID_DEST, HOST_OFFLINE) and the reason DEFAULT_LANE.
"""

import random
from functools import partial

from edge.settings import MachineSettings
from plc_sim.actuations import Did
from plc_sim.agenda import Agenda
from plc_sim.codes import WORD, Decision, Scan, Sort, State
from plc_sim.counters import BY_REASON, BY_RESULT, BY_SCAN, Counters
from plc_sim.lanes import Lanes
from plc_sim.loop import Rider, SorterLoop
from plc_sim.program import Tell
from plc_sim.scanner import READ_AS, Answer, ScannerProgram, latency_ms
from plc_sim.sim_settings import number

LEAD_MM = 500
"""A divert must be armed this far before its lane."""
ALONE = (Sort.NO_DECISION, Sort.LATE_DECISION, Sort.INVALID_DEST, Sort.HOST_OFFLINE)
"""Results of units about which the PLC decided by itself."""


class Sorting(ScannerProgram):
    """The way of a unit from the scanner into a lane; what lies in the lanes is the plant's."""

    def __init__(
        self, machine: MachineSettings, agenda: Agenda, speed: int, tell: Tell, loop: SorterLoop, rng: random.Random
    ) -> None:
        super().__init__(machine, agenda, speed, tell)
        self.loop = loop
        self.counters = Counters(self)
        self.misses = 0
        """Diverts that will not act."""
        self.losses = 0
        """Units that will fall off the loop."""
        self.choked = False
        """Suspended by itself, because nobody takes its reports."""
        self.asked: dict[int, Rider] = {}
        """Riders on the loop by their latest request."""
        self._rng = rng
        self._timeout_ms = number(machine, "decision_timeout_ms", machine.decision_ms)
        self._no_read_per_mille = number(machine, "no_read_per_mille", 2)
        self._lost_per_mille = number(machine, "lost_per_mille", 0)
        loop.on_scan = self._at_scanner
        loop.on_missing = self._missing
        self.lanes = Lanes(self, loop.lanes)
        self.lanes.on_jam = partial(self.counters.add, "Jams")
        self.put("DefaultLane", machine.default_lane)
        self.put("DecisionTimeoutMs", self._timeout_ms)

    def infeed(self) -> None:
        """Hold the infeed or open it."""

    # Scanner and decision

    def _at_scanner(self, rider: Rider) -> None:
        if rider.tracking_id == 0:
            rider.tracking_id = self.next_tracking_id()
        self.asked.pop(rider.request_seq, None)
        rider.request_seq = rider.decision_seq = rider.latency_ms = rider.requested_lane = rider.reason = 0
        rider.doomed = self._rng.randrange(1000) < self._lost_per_mille or self.losses > 0
        self.losses = max(0, self.losses - 1)
        rider.scan = self.scan(read=self._rng.randrange(1000) >= self._no_read_per_mille)
        self.counters.add("Inducted" if rider.recirc == 0 else None)
        self.counters.add(BY_SCAN.get(rider.scan))
        if not self.online or self.fallback:
            self.alone(rider, Sort.HOST_OFFLINE)
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
            scan_status=rider.scan,
            barcode=rider.unit.barcode if rider.scan is Scan.OK else "",
            recirc_count=rider.recirc,
            budget_ms=budget_ms,
            length_mm=rider.unit.length_mm,
        )
        self.asked[seq] = rider
        deadline = partial(self._deadline, seq)
        self.agenda.at(now_ms + self._timeout_ms * self.speed, partial(deadline, rider))
        self.loop.at(rider, last_um, deadline)

    def _deadline(self, seq: int, rider: Rider) -> None:
        if rider.waiting and rider.request_seq == seq and not rider.gone:
            self._miss(rider)

    def _miss(self, rider: Rider) -> None:
        self.no_decisions = (self.no_decisions + 1) % WORD
        self.put("NoDecisions", self.no_decisions)
        self.alone(rider, Sort.NO_DECISION)

    def on_decision(self, seq: int, answer: Answer) -> Sort:
        rider = self.asked.get(seq)
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
            self.alone(rider, Sort.INVALID_DEST)
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

    def alone(self, rider: Rider, result: Sort) -> None:
        """No valid decision: to the default lane."""
        rider.waiting = False
        rider.may_recirc = False
        rider.reason = Sort.DEFAULT_LANE
        self._send(rider, [(self.machine.default_lane, result)])

    def _send(self, rider: Rider, stops: list[tuple[int, Sort]]) -> None:
        here_um = self.loop.travelled_um(rider)
        ahead = [(lane, result) for lane, result in stops if lane and self.loop.offset_um(lane) >= here_um]
        rider.route = tuple(sorted(ahead, key=lambda stop: (stop[0], stop[1])))
        if rider.route:
            self._say(Did.ARMED, rider, rider.route[0][0])
        self._next(rider)

    def _say(self, did: Did, rider: Rider, lane: int) -> None:
        seq = rider.decision_seq
        self.did(did, barcode=rider.unit.barcode, tracking_id=rider.tracking_id, seq=seq, lane=lane)

    def _next(self, rider: Rider) -> None:
        """To the next place where something can happen to it."""
        if rider.doomed:
            self.loop.at(rider, self.loop.first_um, self._lose)
        elif rider.route:
            lane = rider.route[0][0]
            self.loop.at(rider, self.loop.offset_um(lane), partial(self._at_lane, lane))
        elif rider.may_recirc and rider.recirc >= rider.max_recirc:
            rider.may_recirc = False
            hospital, default = self.machine.hospital_lane, self.machine.default_lane
            self._send(rider, [(hospital, Sort.MAX_RECIRC), (default, Sort.MAX_RECIRC)])
        else:
            self.loop.at(rider, self.loop.end_um, self._at_end)

    def _at_lane(self, lane: int, rider: Rider) -> None:
        if not rider.route or rider.route[0][0] != lane:  # purged meanwhile
            self._next(rider)
            return
        result, rider.route = rider.route[0][1], rider.route[1:]
        blocked = self.lanes.blocked(lane)
        first_is_ahead = any(better == Sort.DIVERTED and not self.lanes.blocked(stop) for stop, better in rider.route)
        if blocked:
            if result not in ALONE and (result != Sort.DIVERTED_ALT or not rider.reason):
                rider.reason = blocked
        elif result != Sort.DIVERTED_ALT or not first_is_ahead:
            self._divert(rider, lane, Sort(result))
            return
        self._next(rider)

    def _divert(self, rider: Rider, lane: int, result: Sort) -> None:
        if self.misses:
            self._miss_divert(rider, lane)
            return
        if result is Sort.DIVERTED:
            in_hospital = lane == self.machine.hospital_lane
            rider.reason = READ_AS.get(rider.scan, Sort.NONE) if in_hospital else Sort.NONE
        elif result is Sort.DIVERTED_ALT and not rider.reason:
            rider.reason = self.lanes.blocked(rider.requested_lane)
        self.lanes.count(lane)
        self._forget(rider)
        self._say(Did.FIRED, rider, lane)
        self.loop.divert(rider, lane)
        self._report(rider, result, lane)

    def _miss_divert(self, rider: Rider, lane: int) -> None:
        """The shoe does not act and the confirm eye stays dark: on to the next stop, or round."""
        self.misses -= 1
        self.counters.add("DivertFailed")
        self._say(Did.MISSED, rider, lane)
        rider.reason = Sort.DIVERT_FAILED
        self._next(rider)

    def _at_end(self, rider: Rider) -> None:
        """Nothing took it: once more around."""
        if rider.reason == Sort.DEFAULT_LANE:
            rider.reason = self.lanes.blocked(self.machine.default_lane)
        self._report(rider, Sort.RECIRCULATED, 0)
        rider.recirc = min(rider.recirc + 1, WORD - 1)
        self._forget(rider)
        self.loop.around(rider)

    def _lose(self, rider: Rider) -> None:
        self._forget(rider)
        self.loop.drop(rider)
        self._report(rider, Sort.LOST, 0)

    def _missing(self, rider: Rider) -> None:
        """Where it should be an eye stays dark."""
        self._forget(rider)
        if rider.tracking_id:
            self._report(rider, Sort.LOST, 0)

    def _forget(self, rider: Rider) -> None:
        self.asked.pop(rider.request_seq, None)

    def _report(self, rider: Rider, result: Sort, lane: int) -> None:
        self.counters.add(BY_RESULT.get(result))
        self.counters.add(BY_REASON.get(Sort(rider.reason)))
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
            self.choked = True
            if self.running:
                self.enter(State.SUSPENDING, "REPORTS_NOT_TAKEN")
        if self.reports.congested:
            self.infeed()
