"""The physical books of the floor: where every unit is, what lies in every slot. A unit is in exactly one place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from plc_sim.actuations import Actuation, Record
from plc_sim.agenda import Action, Agenda

UNITS_MAX = 200_000
"""Units the books hold; beyond it nothing new is placed (counted)."""
OUTSIDE = "outside"
"""Where goods come from and go to when they leave the site's slots."""


@dataclass(slots=True, eq=False)
class Unit:
    """A carton with a barcode. `tracking_id` is what the PLC that has it now calls it."""

    barcode: str
    place: str
    length_mm: int = 400
    tracking_id: int = 0


@dataclass(slots=True, eq=False)
class Lane:
    """A sorter lane: units come to rest here until somebody takes them."""

    location: str
    number: int
    capacity: int
    units: dict[str, Unit] = field(default_factory=dict)
    changed: Callable[[], None] = lambda: None
    eye_stuck: bool = False
    """The full eye sees something that is not a unit."""

    @property
    def full(self) -> bool:
        return self.eye_stuck or len(self.units) >= self.capacity

    @property
    def almost_full(self) -> bool:
        return len(self.units) * 4 >= self.capacity * 3


class Infeed(Protocol):
    """Where people put cartons onto a machine."""

    infeed_place: str

    @property
    def room(self) -> bool: ...

    def put(self, unit: Unit) -> None: ...

    def wait(self, action: Action) -> None: ...


def _anybody(unit: Unit) -> bool:
    """Whoever finds a unit that is on no machine can take it."""
    return True


class Plant:
    """Every physical change goes through here, so that the books and the actuation log cannot differ."""

    def __init__(
        self,
        agenda: Agenda,
        physical: Mapping[tuple[str, str], int],
        log: Record | None = None,
    ) -> None:
        self.units: dict[str, Unit] = {}
        self.lanes: dict[str, Lane] = {}
        self.infeeds: dict[str, Infeed] = {}
        self.lifts: dict[str, Callable[[Unit], bool]] = {}
        """By machine: takes a unit off it by hand; False when it moves too fast for that."""
        self.stock: dict[str, dict[str, int]] = {}
        self.refused = 0
        self._agenda = agenda
        self._log = log
        for (location, sku), quantity in physical.items():
            self.stock.setdefault(location, {})[sku] = quantity

    def place(self, conveyor: str, barcode: str, by: str = "") -> bool:
        """Put a closed carton on a conveyor's infeed; False when it is full or the unit is already somewhere."""
        line = self.infeeds.get(conveyor)
        if line is None or not line.room or barcode in self.units or len(self.units) >= UNITS_MAX:
            self.refused += 1
            return False
        unit = self.units[barcode] = Unit(barcode, OUTSIDE)
        self.move(unit, line.infeed_place, by)
        line.put(unit)
        return True

    def put_back(self, conveyor: str, barcode: str) -> None:
        """Somebody puts a unit from a stopped belt back on an infeed, on top of what waits there if need be."""
        unit = self.units[barcode] = Unit(barcode, OUTSIDE)
        line = self.infeeds[conveyor]
        self.move(unit, line.infeed_place, "people")
        line.put(unit)

    def bring(self, barcode: str, location: str) -> bool:
        """Put down a unit from outside; False when it is already somewhere."""
        if barcode in self.units or len(self.units) >= UNITS_MAX:
            self.refused += 1
            return False
        unit = self.units[barcode] = Unit(barcode, OUTSIDE)
        self.rest(unit, location)
        return True

    def near(self, place: str, barcode: str) -> str:
        """Where a person who looks around `place` finds the unit: there, or in the lanes of that machine."""
        unit = self.units.get(barcode)
        return unit.place if unit is not None and unit.place.startswith(f"{place}/") else place

    def take(self, location: str, barcode: str, place: str = "hands", by: str = "") -> bool:
        """Take a unit from where it rests; False when it is not there."""
        unit = self.units.get(barcode)
        if unit is None or unit.place != location:
            return False
        lane = self.lanes.get(location)
        if lane is not None:
            del lane.units[barcode]
        elif not self.lifts.get(location.partition("/")[0], _anybody)(unit):
            return False
        self.move(unit, place, by)
        if lane is not None:
            lane.changed()
        return True

    def rest(self, unit: Unit, location: str, by: str = "") -> None:
        """Put a unit down: into a lane, or on any other spot."""
        self.move(unit, location, by)
        lane = self.lanes.get(location)
        if lane is not None:
            lane.units[unit.barcode] = unit
            lane.changed()

    def move(self, unit: Unit, place: str, by: str = "") -> None:
        """The unit is now at `place`."""
        source, unit.place = unit.place, place
        self.say(by, barcode=unit.barcode, source=source, target=place)

    def pick(self, location: str, quantity: int, sku: str = "", by: str = "", target: str = OUTSIDE) -> int:
        """Take up to `quantity` out of a slot (of one sku, or of whatever lies there); what was really there."""
        slot = self.stock.get(location, {})
        picked = 0
        for each in [sku] if sku else list(slot):
            here = min(slot.get(each, 0), quantity - picked)
            if here > 0:
                slot[each] -= here
                picked += here
                self.say(by, sku=each, quantity=here, source=location, target=target)
        return picked

    def shift(self, source: str, target: str, quantity: int, by: str = "") -> int:
        """Bring up to `quantity` of whatever lies in one place to another one of the books; how many there were."""
        before = dict(self.stock.get(source, {}))
        moved = self.pick(source, quantity, by=by, target=target)
        for sku, pieces in before.items():
            taken = pieces - self.stock[source][sku]
            if taken:
                slot = self.stock.setdefault(target, {})
                slot[sku] = slot.get(sku, 0) + taken
        return moved

    def put(self, location: str, sku: str, quantity: int, by: str = "", source: str = OUTSIDE) -> None:
        """Put goods into a slot."""
        slot = self.stock.setdefault(location, {})
        slot[sku] = slot.get(sku, 0) + quantity
        self.say(by, sku=sku, quantity=quantity, source=source, target=location)

    def on_hand(self, location: str) -> int:
        """Pieces in a slot, of any sku."""
        return sum(self.stock.get(location, {}).values())

    def say(self, by: str, *, barcode: str = "", sku: str = "", quantity: int = 1, source: str, target: str) -> None:
        if self._log is not None:
            now_ms = self._agenda.now_ms
            self._log(
                Actuation(
                    at_ms=now_ms, by=by, barcode=barcode, sku=sku, quantity=quantity, source=source, target=target
                )
            )
