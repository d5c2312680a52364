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


def distance_mm(ax: int, ay: int, a_lo: int, a_hi: int, bx: int, by: int, b_lo: int, b_hi: int) -> int:
    """The walk between two spots: straight inside an aisle, else around the nearer end; 0 if one of them is nowhere."""
    if a_lo > a_hi or b_lo > b_hi:
        return 0
    across = abs(ax - bx)
    if across == 0 and a_lo == b_lo and a_hi == b_hi:
        return abs(ay - by)
    best = abs(ay - a_lo) + abs(a_lo - b_lo) + abs(b_lo - by)
    other = abs(ay - a_hi) + abs(a_hi - b_hi) + abs(b_hi - by)
    best = min(best, other)
    other = abs(ay - a_lo) + abs(a_lo - b_hi) + abs(b_hi - by)
    best = min(best, other)
    other = abs(ay - a_hi) + abs(a_hi - b_lo) + abs(b_lo - by)
    return across + min(best, other)


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

    def walk_mm(self, here: str, there: str) -> int:
        """The walk between two locations."""
        a, b = self.spot(here), self.spot(there)
        return distance_mm(a.x, a.y, a.lo, a.hi, b.x, b.y, b.lo, b.hi)

    def downstream(self, machine_id: str) -> list[str]:
        """The machine and all that its units run over after it, in that order."""
        path: list[str] = []
        while machine_id in self.machines and machine_id not in path and len(path) < MACHINES_IN_A_ROW_MAX:
            path.append(machine_id)
            machine_id = self.machines[machine_id].feeds
        return path

    def robots(self, zone: str) -> list[str]:
        return [m.machine_id for m in self.machines.values() if m.kind == "robot" and m.zone == zone]
