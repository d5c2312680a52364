"""A sorter loop as physics: merge with gap control, scanner, lane positions, end of line, the way back round."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edge.settings import MachineSettings
from plc_sim.agenda import Agenda
from plc_sim.belt import Belt
from plc_sim.line import ConveyorLine, number
from plc_sim.plant import Lane, Plant, Unit


@dataclass(slots=True, eq=False)
class Rider:
    """A unit on the loop: first where it is, then what the sorter's PLC tracks about it."""

    unit: Unit
    scan_um: int
    """Belt position at its latest (or coming) pass of the scanner."""
    gone: bool = False

    tracking_id: int = 0
    recirc: int = 0
    max_recirc: int = 0
    no_read: bool = False
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
        self._open = False
        self._first_um = number(machine, "scanner_to_first_mm", 10_000) * 1000
        self._pitch_um = number(machine, "lane_pitch_mm", 2000) * 1000
        self._infeed_um = number(machine, "infeed_mm", 3000) * 1000
        self._gap_um = (number(machine, "gap_mm", 800) + number(machine, "unit_mm", 400)) * 1000
        self.end_um = self.offset_um(max(self.lanes, default=1))
        self._return_um = max(number(machine, "return_mm", 20_000) * 1000, self._infeed_um + self._gap_um)
        self._queue: deque[ConveyorLine] = deque()
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

    def travelled_um(self, rider: Rider) -> int:
        """How far the unit is past the scanner."""
        return self.belt.position_um - rider.scan_um

    def open_infeed(self, *, is_open: bool) -> None:
        """Hold or let in."""
        self._open = is_open
        self._merge()

    def offer(self, line: ConveyorLine) -> None:
        """A conveyor has a unit that may come; it is taken as soon as there is a gap."""
        if line not in self._queue:
            self._queue.append(line)
        self._merge()

    def at(self, rider: Rider, offset_um: int, action: Callable[[Rider], None]) -> None:
        """Do this when the unit is so far past the scanner, unless it has left the loop by then."""
        self.belt.at(rider.scan_um + offset_um, partial(self._still_here, rider, action))

    def divert(self, rider: Rider, lane: int) -> None:
        """The unit leaves into a lane."""
        self._leave(rider)
        self._plant.rest(rider.unit, self.lanes[lane].location, self.machine_id)

    def drop(self, rider: Rider) -> None:
        """The unit falls off; it lies on the floor beside the sorter."""
        self._leave(rider)
        self._plant.move(rider.unit, f"{self.machine_id}/floor", self.machine_id)

    def around(self, rider: Rider) -> None:
        """The unit takes the way back to the scanner."""
        rider.scan_um += self.end_um + self._return_um
        self._passes.append(rider.scan_um - self._infeed_um)
        self.at(rider, 0, self.on_scan)

    def _leave(self, rider: Rider) -> None:
        rider.gone = True
        del self.riders[rider.unit.barcode]
        self.on_change()

    def _still_here(self, rider: Rider, action: Callable[[Rider], None]) -> None:
        if not rider.gone:
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
        if self._open and self._queue and not self._merging:
            self._merging = True
            self.belt.at(self._free_um(), self._join)

    def _join(self) -> None:
        self._merging = False
        if not self._open or not self._queue:
            return
        if self._free_um() > self.belt.position_um:
            self._merge()
            return
        unit = self._queue.popleft().release()
        if unit is not None:
            here = self._last_um = self.belt.position_um
            rider = self.riders[unit.barcode] = Rider(unit, here + self._infeed_um)
            self._plant.move(unit, self.place, self.machine_id)
            self.on_change()
            self.at(rider, 0, self.on_scan)
        self._merge()
