"""A sorter loop as physics: scanner, lane positions, end of line, the way back round, and a merge with gap control."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edge.settings import MachineSettings
from plc_sim.agenda import Agenda
from plc_sim.belt import Belt
from plc_sim.codes import Scan
from plc_sim.line import ConveyorLine
from plc_sim.merge import Merge
from plc_sim.plant import Lane, Plant, Unit
from plc_sim.sim_settings import number


@dataclass(slots=True, eq=False)
class Rider:
    """A unit on the loop: first where it is, then what the sorter's PLC tracks about it."""

    unit: Unit
    scan_um: int
    """Belt position at its latest (or coming) pass of the scanner."""
    gone: bool = False
    lifted: bool = False
    """Gone by hand, and the PLC does not know it yet."""

    tracking_id: int = 0
    recirc: int = 0
    max_recirc: int = 0
    scan: Scan = Scan.OK
    doomed: bool = False
    """Will fall out of tracking before the first lane."""
    request_seq: int = 0
    requested_ms: int = 0
    waiting: bool = False
    decision_seq: int = 0
    latency_ms: int = 0
    requested_lane: int = 0
    reason: int = 0
    route: tuple[tuple[int, int], ...] = ()
    """(lane, result if it goes in there), in the order the unit passes them."""
    may_recirc: bool = False


class SorterLoop:
    """Units join where there is a gap, pass the scanner, leave into a lane or come round again."""

    def __init__(self, plant: Plant, agenda: Agenda, machine: MachineSettings) -> None:
        self.machine_id = machine.machine_id
        self.place = f"{machine.machine_id}/loop"
        self.belt = Belt(agenda, number(machine, "speed_mm_s", 1500))
        self.riders: dict[str, Rider] = {}
        self.lanes: dict[int, Lane] = {}
        self.on_scan: Callable[[Rider], None] = lambda rider: None
        self.on_change: Callable[[], None] = lambda: None
        for lane in machine.lanes:
            location = f"{machine.machine_id}/L{lane.lane:02}"
            self.lanes[lane.lane] = plant.lanes[location] = Lane(location, lane.lane, lane.capacity)
        self._plant = plant
        self.on_missing: Callable[[Rider], None] = lambda rider: None
        """A unit is not where it should be by now: somebody has taken it off."""
        plant.lifts[machine.machine_id] = self._lift
        self._open = False
        self._first_um = number(machine, "scanner_to_first_mm", 10_000) * 1000
        self._pitch_um = number(machine, "lane_pitch_mm", 2000) * 1000
        self.infeed_um = number(machine, "infeed_mm", 3000) * 1000
        self._unit_um = number(machine, "unit_mm", 400) * 1000
        self._gap_um = number(machine, "gap_mm", 800) * 1000 + self._unit_um
        self.end_um = self.offset_um(max(self.lanes, default=1))
        self._return_um = max(number(machine, "return_mm", 20_000) * 1000, self.infeed_um + self._gap_um)
        self.merge = Merge(machine)
        self._fired_um: dict[int, int] = {}
        """Belt position of the latest divert into each lane."""
        self._passes: deque[int] = deque()
        """Belt positions at which units that come round pass the merge."""
        self._last_um = -self._gap_um
        self._merging = False

    @property
    def first_um(self) -> int:
        """From the scanner to the first lane."""
        return self._first_um

    def offset_um(self, lane: int) -> int:
        """From the scanner to a lane."""
        return self._first_um + (lane - 1) * self._pitch_um

    def in_mouth(self, lane: int) -> bool:
        """Whether the latest unit into a lane is still before its confirm eye."""
        fired_um = self._fired_um.get(lane)
        return fired_um is not None and self.belt.position_um - fired_um < self._unit_um

    def travelled_um(self, rider: Rider) -> int:
        """How far the unit is past the scanner."""
        return self.belt.position_um - rider.scan_um

    def open_infeed(self, *, is_open: bool) -> None:
        """Hold or let in."""
        self._open = is_open
        self._merge()

    def offer(self, line: ConveyorLine) -> None:
        """A conveyor has a unit that may come; it is taken as soon as there is a gap."""
        self.merge.offer(line)
        self._merge()

    def at(self, rider: Rider, offset_um: int, action: Callable[[Rider], None]) -> None:
        """Do this when the unit is so far past the scanner, unless it has left the loop by then."""
        self.belt.at(rider.scan_um + offset_um, partial(self._still_here, rider, action))

    def divert(self, rider: Rider, lane: int) -> None:
        """The unit leaves into a lane."""
        self._leave(rider)
        self._fired_um[lane] = self.belt.position_um
        self._plant.rest(rider.unit, self.lanes[lane].location, self.machine_id)

    def drop(self, rider: Rider) -> None:
        """The unit falls off; it lies on the floor beside the sorter."""
        self._leave(rider)
        self._plant.move(rider.unit, f"{self.machine_id}/floor", self.machine_id)

    def _lift(self, unit: Unit) -> bool:
        """Somebody takes a unit off by hand, which wants a standing belt; what else lies about, anybody can take."""
        rider = self.riders.get(unit.barcode)
        if rider is not None:
            if self.belt.running:
                return False
            self._leave(rider)
            rider.lifted = True
            unit.tracking_id = 0
        return True

    def around(self, rider: Rider) -> None:
        """The unit takes the way back to the scanner."""
        rider.scan_um += self.end_um + self._return_um
        self._passes.append(rider.scan_um - self.infeed_um)
        self.at(rider, 0, self.on_scan)

    def _leave(self, rider: Rider) -> None:
        rider.gone = True
        del self.riders[rider.unit.barcode]
        self.on_change()

    def _still_here(self, rider: Rider, action: Callable[[Rider], None]) -> None:
        if rider.lifted:
            rider.lifted = False
            self.on_missing(rider)
        elif not rider.gone:
            action(rider)

    def _free_um(self) -> int:
        """The next belt position at the merge with room before and behind."""
        here = self.belt.position_um
        while self._passes and self._passes[0] <= here - self._gap_um:
            self._passes.popleft()
        free = max(here, self._last_um + self._gap_um)
        for position in self._passes:
            if position - free >= self._gap_um:
                break
            free = max(free, position + self._gap_um)
        return free

    def _merge(self) -> None:
        if self._open and self.merge.waiting and not self._merging:
            self._merging = True
            self.belt.at(self._free_um(), self._join)

    def _join(self) -> None:
        self._merging = False
        if not self._open or not self.merge.waiting:
            return
        if self._free_um() > self.belt.position_um:
            self._merge()
            return
        line = self.merge.take()
        unit = line.release()
        if unit is not None:
            self.merge.passed(line)
            here = self._last_um = self.belt.position_um
            rider = self.riders[unit.barcode] = Rider(unit, here + self.infeed_um)
            self._plant.move(unit, self.place, self.machine_id)
            self.on_change()
            self.at(rider, 0, self.on_scan)
        self._merge()
