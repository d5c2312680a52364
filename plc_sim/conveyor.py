"""The PLC program of a conveyor line: asks at its exit, waits as long as it takes, hands over when told PASS.

Zones accumulate without pressure by themselves. The WCS may tell one to keep its unit (ZoneCmd bit 0, or command 110)
and to let single units go (ReleaseCount +1, or command 111). Without a WCS the line is held (see Program).
"""

import random
from collections.abc import Sequence
from functools import partial

from edge.settings import MachineSettings
from plc_sim.actuations import Did
from plc_sim.agenda import Agenda
from plc_sim.codes import (
    DWORD,
    MAP_CONVEYOR,
    WORD,
    Bit,
    Cmd,
    CmdReason,
    CmdResult,
    Decision,
    FaultCode,
    Sort,
    State,
    ZoneBit,
    ZoneStatus,
)
from plc_sim.events import ZoneState
from plc_sim.lanes import JAM_MS
from plc_sim.line import ConveyorLine
from plc_sim.loop import SorterLoop
from plc_sim.plant import Unit
from plc_sim.program import Tell
from plc_sim.scanner import Answer, ScannerProgram, latency_ms
from plc_sim.sim_settings import number

ZONE_WORDS = ("ZoneCmd", "ReleaseCount", "SetTrackingId")
SPEED_MIN_MM_S = 50
MOTOR_CENTIAMPERES = 150
NO_TRACKING = DWORD - 1
"""SetTrackingId: the zone's unit is no longer known."""


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
        words = [f"{self._name(zone)}.{word}" for zone in range(len(line.zones)) for word in ZONE_WORDS]
        super().__init__(machine, agenda, speed, tell, words, words)
        self.line = line
        self.asked_seq = 0
        """The open request about the unit at the exit; 0 when it has not been asked about."""
        self.passed = False
        self.jammed: set[int] = set()
        """Zones whose eye has been blocked too long while they should have let go; until somebody clears them."""
        self.keeping: dict[int, int] = {}
        """Zones told to keep their unit, and how many may go nevertheless."""
        self._target = target
        if target is not None:
            target.merge.inlets.append(line)
        self._rng = rng
        self._no_read_per_mille = number(machine, "no_read_per_mille", 0)
        self._asked_ms = 0
        self._decision_seq = 0
        self._latency_ms = 0
        self._design_mm_s = line.belt.speed_mm_s
        self._seen: list[Unit | None] = [None] * len(line.zones)
        self._arrivals = [0] * len(line.zones)
        self._departures = [0] * len(line.zones)
        self._releases = [0] * len(line.zones)
        line.on_change = self._zone_changed
        line.on_exit = self._at_exit
        line.on_leave = self._left
        line.on_released = self._released
        line.on_lifted = self._lifted
        line.ready = self._ready
        line.may_leave = self._may_leave
        self.put("MapId", MAP_CONVEYOR)
        self.put("SpeedSetpoint", line.belt.speed_mm_s)
        for zone in range(len(line.zones)):
            self._zone_changed(zone)
        self.show_bits()

    def own_bits(self) -> int:
        warning = self.scanner_down or bool(self.jammed)
        return self.reports.congested << Bit.INFEED_HELD | warning << Bit.WARNING

    def encoder_mm(self) -> int:
        return self.line.belt.position_um // 1000

    def on_state(self, state: State) -> None:
        self.drive(self.line.belt, on=self.running)
        self.put("SpeedActual", self.line.belt.speed_mm_s if self.running else 0)
        self._show_zones()
        self._go_on()

    def on_host(self) -> None:
        self._go_on()

    def on_seen(self) -> None:
        self.show_bits()
        self._go_on()

    def on_chain(self) -> None:
        self._show_zones()

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
        self.keeping.clear()
        self.jammed.clear()
        self.fault(FaultCode.JAM, on=False)
        for zone in list(self.line.stuck):
            self.jam(zone)
        for unit in self.line.units():
            unit.tracking_id = 0
        self._releases = [0] * len(self.line.zones)
        super().restart()
        for zone in range(len(self.line.zones)):
            self.put(f"{self._name(zone)}.ReleaseCountEcho", 0)
            self._zone_changed(zone)

    # Commands and words of the zones

    def own_command(self, code: int, args: Sequence[int]) -> tuple[CmdResult, CmdReason]:
        first, second = (*args, 0, 0)[:2]
        if code == Cmd.SET_SPEED and SPEED_MIN_MM_S <= first <= self._design_mm_s:
            self.line.belt.set_speed(first)
            self.put("SpeedSetpoint", first)
            self.put("SpeedActual", first if self.running else 0)
        elif not 1 <= first <= len(self.line.zones):
            return CmdResult.REJECTED, CmdReason.ARGUMENT
        elif code == Cmd.CLEAR_JAM:
            return self._clear_jam(first - 1)
        elif code == Cmd.ACCUMULATE:
            self._keep(first - 1, on=bool(second))
        elif code == Cmd.RELEASE:
            self._let_go(first - 1, 1)
        else:
            return CmdResult.REJECTED, CmdReason.ARGUMENT
        return CmdResult.DONE, CmdReason.NONE

    def on_trigger(self, name: str) -> None:
        zone_name, _, word = name.partition(".")
        if word not in ZONE_WORDS:
            super().on_trigger(name)
            return
        zone, value = int(zone_name.removeprefix("Zone")) - 1, self.word(name)
        if word == "ZoneCmd":
            self._keep(zone, on=bool(value & 1))
        elif word == "ReleaseCount":
            self._let_go(zone, (value - self._releases[zone]) % WORD)
            self._releases[zone] = value
            self.put(f"{zone_name}.ReleaseCountEcho", value)
        elif value:
            self._track(zone, value)

    def _keep(self, zone: int, *, on: bool) -> None:
        if on:
            self.keeping.setdefault(zone, 0)
        else:
            self.keeping.pop(zone, None)
        self._show_zone(zone)
        self._free_to_go(zone)

    def _let_go(self, zone: int, units: int) -> None:
        if zone in self.keeping:
            self.keeping[zone] = min(self.keeping[zone] + units, WORD - 1)
            self._free_to_go(zone)

    def _track(self, zone: int, value: int) -> None:
        """The WCS names the unit in a zone anew; not one it has been asked about."""
        unit = self.line.zones[zone]
        if unit is not None and not (unit is self.line.at_exit and self.asked_seq):
            unit.tracking_id = 0 if value == NO_TRACKING else value
            self.put(f"{self._name(zone)}.TrackingId", unit.tracking_id)

    def _free_to_go(self, zone: int) -> None:
        self.line.nudge(zone)
        self._go_on()

    # Jams

    def jam(self, zone: int) -> None:
        """The unit in this zone (counted from 0), or the next one in it, gets wedged."""
        self.line.stuck.add(zone)
        self.agenda.at(self.agenda.now_ms + JAM_MS * self.speed, partial(self._latch, zone))

    def free(self, zone: int) -> None:
        """Somebody sets it straight; the latch stays."""
        self.line.free(zone)
        self._go_on()

    def _latch(self, zone: int) -> None:
        if zone not in self.line.stuck:
            return
        if self.line.zones[zone] is None:
            self.agenda.at(self.agenda.now_ms + JAM_MS * self.speed, partial(self._latch, zone))
            return
        self.jammed.add(zone)
        self.fault(FaultCode.JAM)
        self._show_zone(zone)

    def _clear_jam(self, zone: int) -> tuple[CmdResult, CmdReason]:
        """Refused while the unit is wedged."""
        if zone in self.line.stuck:
            return CmdResult.REJECTED, CmdReason.INTERLOCK
        self.jammed.discard(zone)
        self.fault(FaultCode.JAM, on=bool(self.jammed))
        self._show_zone(zone)
        self._free_to_go(zone)
        return CmdResult.DONE, CmdReason.NONE

    # The flow of units

    def _may_leave(self, zone: int) -> bool:
        return zone not in self.jammed and self.keeping.get(zone, 1) > 0

    def _left(self, zone: int, unit: Unit, seq: int = 0) -> None:
        """A zone lets its unit go."""
        if zone in self.keeping:
            self.keeping[zone] -= 1
        self.did(Did.RELEASED, barcode=unit.barcode, tracking_id=unit.tracking_id, seq=seq, zone=zone + 1)

    def _ready(self) -> bool:
        may_go = self.passed and self.running and not self.fallback and not self.reports.congested
        return may_go and self._may_leave(len(self.line.zones) - 1)

    def _at_exit(self, unit: Unit) -> None:
        self._go_on()

    def _go_on(self) -> None:
        """Whatever can be done now about the unit at the exit."""
        unit = self.line.at_exit
        if unit is None or not self.running:
            return
        if self.asked_seq == 0 and self.online and not self.fallback and self.requests.room:
            self._ask(unit)
        if self._ready() and self._target is not None:
            self._target.offer(self.line)

    def _ask(self, unit: Unit) -> None:
        scan = self.scan(read=self._rng.randrange(1000) >= self._no_read_per_mille)
        self._asked_ms = self.agenda.now_ms
        self.asked_seq = self.ask(
            tracking_id=unit.tracking_id,
            scan_status=scan,
            barcode=unit.barcode if scan is scan.OK else "",
            recirc_count=0,
            budget_ms=0,
            length_mm=unit.length_mm,
        )

    def _released(self, unit: Unit) -> None:
        seq, self.asked_seq, self.passed = self._decision_seq, 0, False
        self._left(len(self.line.zones) - 1, unit, seq)
        self.report(Sort.HANDOVER, tracking_id=unit.tracking_id, decision_seq=seq, latency_ms=self._latency_ms)
        self.show_bits()

    def _lifted(self, zone: int, unit: Unit) -> None:
        """The eye of a zone has cleared and nobody let the unit go."""
        if zone == len(self.line.zones) - 1:
            self.asked_seq, self.passed = 0, False
        self.report(Sort.LOST, tracking_id=unit.tracking_id)
        self.show_bits()

    # The words of a zone

    def _name(self, zone: int) -> str:
        return f"Zone{zone + 1:02}"

    def _zone_changed(self, zone: int) -> None:
        unit, before = self.line.zones[zone], self._seen[zone]
        name = self._name(zone)
        if unit is not None and unit.tracking_id == 0:
            unit.tracking_id = self.next_tracking_id()
        if unit is not before:
            self._seen[zone] = unit
            if before is not None:
                self._departures[zone] = (self._departures[zone] + 1) % WORD
                self.put(f"{name}.DepartureCount", self._departures[zone])
            if unit is not None:
                self._arrivals[zone] = (self._arrivals[zone] + 1) % WORD
                self.put(f"{name}.ArrivalCount", self._arrivals[zone])
            self.put("OnSorterCount", len(self.line.units()))
        self.put(f"{name}.TrackingId", unit.tracking_id if unit is not None else 0)
        self._show_zone(zone)

    def _show_zones(self) -> None:
        for zone in range(len(self.line.zones)):
            self._show_zone(zone)

    def _show_zone(self, zone: int) -> None:
        name, blocked = self._name(zone), self.line.zones[zone] is not None
        moving = self.running and (self.line.leaving[zone] or (self.line.coming[zone] and not blocked))
        if moving:
            status = ZoneStatus.BLOCKED_RUNNING if blocked else ZoneStatus.CLEAR_RUNNING
        else:
            status = ZoneStatus.BLOCKED_STOPPED if blocked else ZoneStatus.CLEAR_STOPPED
        flags = blocked << ZoneBit.EYE | (zone in self.jammed) << ZoneBit.SENSOR_JAM
        flags |= (zone in self.keeping) << ZoneBit.ACCUMULATE | self.tripped << ZoneBit.ESTOP
        before = self.word(f"{name}.Flags")
        self.put(f"{name}.Status", int(status))
        self.put(f"{name}.Flags", flags)
        if (flags ^ before) & ~(1 << ZoneBit.EYE):
            self._tell_zone(zone, flags)
        self.put(f"{name}.MotorCurrent", MOTOR_CENTIAMPERES if moving else 0)

    def _tell_zone(self, zone: int, flags: int) -> None:
        unit = self.line.zones[zone]
        self.tell(
            ZoneState(
                at_ms=self.agenda.now_ms,
                machine_id=self.machine_id,
                zone=zone + 1,
                jam=bool(flags >> ZoneBit.SENSOR_JAM & 1),
                estop=bool(flags >> ZoneBit.ESTOP & 1),
                accumulating=bool(flags >> ZoneBit.ACCUMULATE & 1),
                blocked=unit is not None,
                arrivals=self._arrivals[zone],
                departures=self._departures[zone],
                tracking_id=unit.tracking_id if unit is not None else 0,
            )
        )
