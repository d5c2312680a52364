"""Units on their way to the lanes, by destination: those inside the zones, and those on belts and not yet sent."""

from collections.abc import Mapping

from edge.wes.destinations import Key
from edge.wes.floor import Floor
from edge.wes.state import UnitPlace

ON_BELTS = (UnitPlace.CONVEYOR, UnitPlace.SORTER)


def route_of(floor: Floor, departure_id: str) -> str:
    departure = floor.state.departures.get(departure_id)
    return departure.route if departure else ""


def destination_of(floor: Floor, departure_id: str, order_id: str = "") -> Key:
    """Where the units of a departure, and of an order where that counts, go."""
    return floor.destinations.key(route_of(floor, departure_id), departure_id, order_id)


class OnWay:
    """Counted when first asked for; good for one moment, and to `forget` when a unit was let in."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self._belts: Mapping[Key, int] | None = None
        self._inside: Mapping[Key, int] | None = None
        self._all: Mapping[Key, int] | None = None

    def forget(self) -> None:
        """There is one more unit inside."""
        self._inside = self._all = None

    def inside(self) -> Mapping[Key, int]:
        """Units that are let in and not packed."""
        if self._inside is None:
            self._inside = self._count_inside()
        return self._inside

    def all(self) -> Mapping[Key, int]:
        """These and the ones on conveyors and sorters, without those already counted as bound for a lane."""
        if self._all is None:
            if self._belts is None:
                self._belts = self._count_belts()
            self._all = added(self._belts, self.inside())
        return self._all

    def _count_inside(self) -> dict[Key, int]:
        floor, counts = self.floor, dict[Key, int]()
        if floor.destinations.by_order:
            wips = [wip for wip in floor.state.wip.values() if wip.inside]
            each_one = [(destination_of(floor, wip.departure_id, wip.order_id), 1) for wip in wips]
        else:
            each_one = [(destination_of(floor, name), units) for name, units in floor.room.filling.items()]
        for key, units in each_one:
            counts[key] = counts.get(key, 0) + units
        return counts

    def _count_belts(self) -> dict[Key, int]:
        state, names = self.floor.state, dict[str, None]()
        for machine in state.machines.values():
            names.update(dict.fromkeys(machine.queue))
            names.update({hu_id: None for hu_id, ride in machine.riding.items() if ride.boot == machine.boot})
        for machine in state.machines.values():
            for hu_id in [hu for hu, ride in machine.riding.items() if ride.lane and ride.boot == machine.boot]:
                names.pop(hu_id, None)
        counts: dict[Key, int] = {}
        for name in names:
            key = self._destination(name)
            counts[key] = counts.get(key, 0) + 1
        return counts

    def _destination(self, hu_id: str) -> Key:
        """Of a unit on a belt, whose pack report may not have come yet; of no route when nobody knows it."""
        state, destinations = self.floor.state, self.floor.destinations
        unit = state.units.get(hu_id)
        if unit is not None:
            known = unit.place in ON_BELTS
            return destinations.key(unit.route, unit.departure_id, unit.order_id) if known else ("", "", "")
        return destination_of(self.floor, state.unreported.get(hu_id, ""))


def added(one: Mapping[Key, int], other: Mapping[Key, int]) -> dict[Key, int]:
    """Two counts together."""
    return {**one, **{key: one.get(key, 0) + units for key, units in other.items()}}
