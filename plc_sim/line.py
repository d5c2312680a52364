"""A conveyor line as physics: an infeed people fill, zero-pressure zones, an exit at which every unit stops."""

from collections import deque
from collections.abc import Callable
from functools import partial

from edge.settings import MachineSettings
from plc_sim.agenda import Action, Agenda
from plc_sim.belt import Belt
from plc_sim.plant import Plant, Unit
from plc_sim.sim_settings import number


class ConveyorLine:
    """A unit moves on when the zone before it is free; the last zone is a stop point (plc-and-standards 1.7)."""

    def __init__(self, plant: Plant, agenda: Agenda, machine: MachineSettings) -> None:
        self.machine_id = machine.machine_id
        self.infeed_place = f"{machine.machine_id}/infeed"
        self.exit_place = f"{machine.machine_id}/exit"
        self.infeed_max = max(1, number(machine, "infeed_max", 12))
        self.belt = Belt(agenda, number(machine, "speed_mm_s", 600))
        self.infeed: deque[Unit] = deque()
        count = max(1, number(machine, "zones", 8))
        self.zones: list[Unit | None] = [None] * count
        self.coming = [False] * count
        """A unit is on its way into this zone; it counts as being in the one behind until it has arrived."""
        self.leaving = [False] * count
        self.stuck: set[int] = set()
        """Zones whose unit is wedged; what was just leaving one stops half-way."""
        self.on_change: Callable[[int], None] = lambda zone: None
        self.on_exit: Callable[[Unit], None] = lambda unit: None
        self.on_leave: Callable[[int, Unit], None] = lambda zone, unit: None
        self.on_lifted: Callable[[int, Unit], None] = lambda zone, unit: None
        self.on_released: Callable[[Unit], None] = lambda unit: None
        self.ready: Callable[[], bool] = lambda: False
        """Whether the unit at the exit may be handed over now; set by the PLC program."""
        self.may_leave: Callable[[int], bool] = lambda zone: True
        """Whether a zone may let its unit go on to the next one; set by the PLC program."""
        self._zone_um = number(machine, "zone_mm", 900) * 1000
        self._plant = plant
        self._halfway: set[int] = set()
        self._waiting: deque[Action] = deque()
        plant.infeeds[machine.machine_id] = self
        plant.lifts[machine.machine_id] = self._lift

    @property
    def room(self) -> bool:
        return len(self.infeed) < self.infeed_max

    @property
    def at_exit(self) -> Unit | None:
        return self.zones[-1]

    def place_of(self, zone: int) -> str:
        return f"{self.machine_id}/Z{zone + 1:02}" if zone < len(self.zones) - 1 else self.exit_place

    def units(self) -> list[Unit]:
        """All units on the line, exit first."""
        return [unit for unit in reversed(self.zones) if unit is not None] + list(self.infeed)

    def put(self, unit: Unit) -> None:
        """A unit arrives on the infeed (through `Plant.place`)."""
        self.infeed.append(unit)
        self._feed(0)

    def wait(self, action: Action) -> None:
        """Call a person back when there may be room; one entry each, so at most as many as there are people."""
        self._waiting.append(action)

    def release(self) -> Unit | None:
        """Hand over the unit at the exit; None when it may not go now."""
        unit = self.zones[-1]
        if unit is None or not self.ready() or len(self.zones) - 1 in self.stuck:
            return None
        self.zones[-1] = None
        self.on_change(len(self.zones) - 1)
        self.on_released(unit)
        self._feed(len(self.zones) - 1)
        return unit

    def _lift(self, unit: Unit) -> bool:
        """Somebody takes a unit off by hand, unless it is just on its way from one zone to the next."""
        if unit in self.infeed:
            if self.coming[0] and unit is self.infeed[0]:
                return False
            self.infeed.remove(unit)
        elif unit in self.zones:
            zone = self.zones.index(unit)
            if self.leaving[zone]:
                return False
            self.zones[zone] = None
            self.on_change(zone)
            self.on_lifted(zone, unit)
            self._feed(zone)
        unit.tracking_id = 0
        return True

    def free(self, zone: int) -> None:
        """Somebody sets the wedged unit of a zone straight."""
        self.stuck.discard(zone)
        if zone in self._halfway:
            self._halfway.discard(zone)
            self.belt.at(self.belt.position_um + self._zone_um, partial(self._arrive, zone + 1))
        self.nudge(zone)

    def nudge(self, zone: int) -> None:
        """Whatever kept this zone's unit may be over."""
        if zone < len(self.zones) - 1:
            self._feed(zone + 1)

    def _feed(self, zone: int) -> None:
        """Let the next unit start towards a free zone."""
        if self.zones[zone] is not None or self.coming[zone]:
            return
        if zone == 0:
            if not self.infeed:
                return
        else:
            behind = self.zones[zone - 1]
            if behind is None or self.leaving[zone - 1] or zone - 1 in self.stuck or not self.may_leave(zone - 1):
                return
            self.leaving[zone - 1] = True
            self.on_leave(zone - 1, behind)
            self.on_change(zone - 1)
        self.coming[zone] = True
        self.belt.at(self.belt.position_um + self._zone_um, partial(self._arrive, zone))

    def _arrive(self, zone: int) -> None:
        if zone > 0 and zone - 1 in self.stuck:
            self._halfway.add(zone - 1)
            return
        if zone == 0:
            unit: Unit | None = self.infeed.popleft()
        else:
            unit, self.zones[zone - 1] = self.zones[zone - 1], None
            self.leaving[zone - 1] = False
        if unit is None:
            raise AssertionError(f"{self.machine_id}: nothing came into zone {zone + 1}")
        self.coming[zone] = False
        self.zones[zone] = unit
        self._plant.move(unit, self.place_of(zone), self.machine_id)
        self.on_change(zone)
        if zone > 0:
            self.on_change(zone - 1)
            self._feed(zone - 1)
        else:
            while self._waiting and self.room:
                self._waiting.popleft()()
        if zone == len(self.zones) - 1:
            self.on_exit(unit)
        else:
            self._feed(zone + 1)
