"""What a vehicle carries: a pick takes the unit that was named from its station, a drop puts it down there."""

from plc_sim.plant import Plant, Unit
from plc_sim.vehicle_order import Action
from plc_sim.vehicle_track import Spot, Track

ABOARD = "/aboard"
"""A unit's place is `agv1/aboard` while the vehicle has it."""


class Load:
    """At most one unit. `pick` and `drop` do it and say why not if it cannot be done."""

    def __init__(self, vehicle_id: str, plant: Plant, track: Track, load_type: str) -> None:
        self.kind = load_type
        self._by = vehicle_id
        self._place = f"{vehicle_id}{ABOARD}"
        self._plant = plant
        self._track = track
        self.unit: Unit | None = next((unit for unit in plant.units.values() if unit.place == self._place), None)
        """Also after the simulator was stopped with a unit aboard."""

    def pick(self, action: Action, node: Spot) -> str:
        """Take the unit up."""
        if self.unit is not None:
            return f"{self.unit.barcode} is aboard already"
        location, why = self._station(action, node)
        if why:
            return why
        barcode = action.text("loadId") or self._anything(location)
        if not barcode or not self._plant.take(location, barcode, self._place, self._by):
            return f"{barcode or 'no unit'} is not at {location}" if barcode else f"nothing is at {location}"
        self.unit = self._plant.units[barcode]
        self.kind = action.text("loadType") or self.kind
        return ""

    def drop(self, action: Action, node: Spot) -> str:
        """Put the unit down."""
        named = action.text("loadId")
        if self.unit is None or (named and named != self.unit.barcode):
            return f"{named or 'no unit'} is not aboard"
        location, why = self._station(action, node)
        if why:
            return why
        lane = self._plant.lanes.get(location)
        if lane is not None and len(lane.units) >= lane.capacity:
            return f"{location} is full"
        self._plant.rest(self.unit, location, self._by)
        self.unit = None
        return ""

    def _anything(self, location: str) -> str:
        return next((unit.barcode for unit in self._plant.units.values() if unit.place == location), "")

    def _station(self, action: Action, node: Spot) -> tuple[str, str]:
        """The location meant, or why there is none."""
        here, name = self._track.at.get(node.node_id, ()), action.text("stationName")
        if not name and len(here) == 1:
            name = here[0]
        if name in here:
            return self._track.stations[name], ""
        return "", f"no station {name or 'at all'} is at node {node.node_id}"
