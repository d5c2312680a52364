"""The PLC program of a conveyor line: asks at its exit, waits as long as it takes, hands over when told PASS."""

import random

from edge.settings import MachineSettings
from plc_sim.agenda import Agenda
from plc_sim.codes import MAP_CONVEYOR, WORD, Bit, Decision, Scan, Sort, State
from plc_sim.line import ConveyorLine, number
from plc_sim.loop import SorterLoop
from plc_sim.plant import Unit
from plc_sim.program import Tell
from plc_sim.scanner import Answer, ScannerProgram, latency_ms


class Conveyor(ScannerProgram):
    """The unit at the exit stands; without a WCS it stands for ever."""

    def __init__(
        self,
        machine: MachineSettings,
        agenda: Agenda,
        speed: int,
        tell: Tell,
        line: ConveyorLine,
        target: SorterLoop | None,
        rng: random.Random,
    ) -> None:
        super().__init__(machine, agenda, speed, tell)
        self.line = line
        self.asked_seq = 0
        """The open request about the unit at the exit; 0 when it has not been asked about."""
        self.passed = False
        self._target = target
        self._rng = rng
        self._no_read_per_mille = number(machine, "no_read_per_mille", 0)
        self._asked_ms = 0
        self._decision_seq = 0
        self._latency_ms = 0
        self._arrivals = [0] * len(line.zones)
        self._departures = [0] * len(line.zones)
        line.on_change = self._zone_changed
        line.on_exit = self._at_exit
        line.on_released = self._released
        line.ready = self._ready
        self.put("MapId", MAP_CONVEYOR)
        self.put("SpeedSetpoint", line.belt.speed_mm_s)
        for zone in range(len(line.zones)):
            self._zone_changed(zone)
        self.show_bits()

    def own_bits(self) -> int:
        return self.reports.congested << Bit.INFEED_HELD

    def encoder_mm(self) -> int:
        return self.line.belt.position_um // 1000

    def on_state(self, state: State) -> None:
        self.line.belt.run(on=self.running)
        self.put("SpeedActual", self.line.belt.speed_mm_s if self.running else 0)
        for zone in range(len(self.line.zones)):
            self._show_zone(zone)
        self._go_on()

    def on_host(self) -> None:
        self._go_on()

    def on_seen(self) -> None:
        self.show_bits()
        self._go_on()

    def on_decision(self, seq: int, answer: Answer) -> Sort:
        unit = self.line.at_exit
        if unit is None or seq != self.asked_seq or answer.tracking_id != unit.tracking_id:
            return Sort.UNEXPECTED
        if answer.code == Decision.HOLD:
            return Sort.NONE
        if answer.code != Decision.PASS:
            return Sort.INVALID_DEST
        if not self.passed:
            self.passed = True
            self._decision_seq = seq
            self._latency_ms = latency_ms(self, self._asked_ms)
            self.put("DecSeqUsed", seq)
            self._go_on()
        return Sort.NONE

    def restart(self) -> None:
        """See Program; the units stand where they stood and get new tracking ids."""
        self.asked_seq = 0
        self.passed = False
        for unit in self.line.units():
            unit.tracking_id = 0
        super().restart()
        for zone in range(len(self.line.zones)):
            self._zone_changed(zone)

    def _ready(self) -> bool:
        return self.passed and self.running and not self.reports.congested

    def _at_exit(self, unit: Unit) -> None:
        self._go_on()

    def _go_on(self) -> None:
        """Whatever can be done now about the unit at the exit."""
        unit = self.line.at_exit
        if unit is None or not self.running:
            return
        if self.asked_seq == 0 and self.online and self.requests.room:
            self._ask(unit)
        if self._ready() and self._target is not None:
            self._target.offer(self.line)

    def _ask(self, unit: Unit) -> None:
        read = self._rng.randrange(1000) >= self._no_read_per_mille
        self._asked_ms = self.agenda.now_ms
        self.asked_seq = self.ask(
            tracking_id=unit.tracking_id,
            scan_status=Scan.OK if read else Scan.NO_READ,
            barcode=unit.barcode if read else "",
            recirc_count=0,
            budget_ms=0,
            length_mm=unit.length_mm,
        )

    def _released(self, unit: Unit) -> None:
        seq, self.asked_seq, self.passed = self._decision_seq, 0, False
        self.report(Sort.HANDOVER, tracking_id=unit.tracking_id, decision_seq=seq, latency_ms=self._latency_ms)
        self.show_bits()

    def _zone_changed(self, zone: int) -> None:
        unit = self.line.zones[zone]
        name = f"Zone{zone + 1:02}"
        if unit is not None and unit.tracking_id == 0:
            unit.tracking_id = self.next_tracking_id()
        before = self.word(f"{name}.TrackingId")
        now = unit.tracking_id if unit is not None else 0
        if now != before:
            if before:
                self._departures[zone] = (self._departures[zone] + 1) % WORD
                self.put(f"{name}.DepartureCount", self._departures[zone])
            if now:
                self._arrivals[zone] = (self._arrivals[zone] + 1) % WORD
                self.put(f"{name}.ArrivalCount", self._arrivals[zone])
            self.put(f"{name}.TrackingId", now)
            self.put("OnSorterCount", len(self.line.units()))
        self._show_zone(zone)

    def _show_zone(self, zone: int) -> None:
        """1 clear/stopped 2 clear/running 4 blocked/running 5 blocked/stopped (ConveyLinx numbers)."""
        blocked = self.line.zones[zone] is not None
        moving = self.running and (self.line.leaving[zone] or (self.line.coming[zone] and not blocked))
        status = (4 if moving else 5) if blocked else (2 if moving else 1)
        self.put(f"Zone{zone + 1:02}.Status", status)
        self.put(f"Zone{zone + 1:02}.Flags", blocked << 3)
