"""Where things stand and what leads where: points of the floor, and the machine graph."""

from dataclasses import dataclass

from edge.messages import Machine, Rack, Site, lane_location


@dataclass(frozen=True, slots=True)
class Spot:
    """A point, and the two ends (`lo`, `hi`) at which the aisle it stands in can be left; on open floor both are `y`.

    `lo` > `hi` means nobody knows where; everything is near it.
    """

    x: int
    y: int
    lo: int
    hi: int


NOWHERE = Spot(0, 0, 1, 0)
MACHINES_IN_A_ROW_MAX = 50


class Layout:
    """A site as a map. Rack locations are read from their names, so ten thousand of them cost nothing."""

    def __init__(self, site: Site | None) -> None:
        racks = site.racks if site else ()
        self.racks: dict[str, Rack] = {rack.prefix: rack for rack in racks}
        self.machines: dict[str, Machine] = {m.machine_id: m for m in site.machines} if site else {}
        self.spots: dict[str, Spot] = {}
        self.lanes: dict[str, tuple[str, int]] = {}
        """Lane location -> (sorter, lane)."""
        for place in site.places if site else ():
            self.spots[place.location] = Spot(place.x_mm, place.y_mm, place.y_mm, place.y_mm)
        for machine in self.machines.values():
            for lane in machine.lanes:
                location = lane_location(machine.machine_id, lane.lane)
                self.spots[location] = Spot(lane.x_mm, lane.y_mm, lane.y_mm, lane.y_mm)
                self.lanes[location] = (machine.machine_id, lane.lane)

    def spot(self, location: str) -> Spot:
        """Where a location is; NOWHERE for a name this site does not have."""
        found = self.spots.get(location)
        return found if found is not None else self.in_rack(location)

    def in_rack(self, location: str) -> Spot:
        """The spot of `<prefix>-<aisle>-<bay>-<level>`; aisles open to a cross aisle one bay beyond either end."""
        parts = location.rsplit("-", 3)
        rack = self.racks.get(parts[0])
        if rack is None or len(parts) != 4 or not (parts[1].isdecimal() and parts[2].isdecimal()):
            return NOWHERE
        aisle, bay = int(parts[1]), int(parts[2])
        if not (1 <= aisle <= rack.aisles and 1 <= bay <= rack.bays):
            return NOWHERE
        x_mm = rack.x_mm + (aisle - 1) * rack.aisle_mm
        y_mm = rack.y_mm + (bay - 1) * rack.bay_mm
        return Spot(x_mm, y_mm, rack.y_mm - rack.bay_mm, rack.y_mm + rack.bays * rack.bay_mm)

    def downstream(self, machine_id: str) -> list[str]:
        """The machine and all that its units run over after it, in that order."""
        path: list[str] = []
        while machine_id in self.machines and machine_id not in path and len(path) < MACHINES_IN_A_ROW_MAX:
            path.append(machine_id)
            machine_id = self.machines[machine_id].feeds
        return path

    def robots(self, zone: str) -> list[str]:
        return [m.machine_id for m in self.machines.values() if m.kind == "robot" and m.zone == zone]
