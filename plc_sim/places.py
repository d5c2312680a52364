"""Where locations are on the floor and how far it is to walk between them: straight aisles, two cross aisles."""

from dataclasses import dataclass

from edge.settings import SiteSettings

FRONT_MM = 1500
"""How far a cross aisle is from the first or last bay."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A point; in a rack `front` and `back` are the cross aisles that lead out of its aisle."""

    x: int
    y: int
    front: int | None = None
    back: int | None = None


class Places:
    """Every location of a site by its name; a name nobody knows is where one stands."""

    def __init__(self, site: SiteSettings) -> None:
        self._racks = {rack.prefix: rack for rack in site.racks}
        self._spots: dict[str, Spot] = {place.location: Spot(place.x_mm, place.y_mm) for place in site.places}
        for machine in site.machines:
            for lane in machine.lanes:
                self._spots[f"{machine.machine_id}/L{lane.lane:02}"] = Spot(lane.x_mm, lane.y_mm)
        for zone in site.zones:
            if zone.conveyor and zone.pack_station:
                self._spots.setdefault(zone.conveyor, self._spots[zone.pack_station])
        docks = [place.location for place in site.places if place.kind == "dock"]
        self.dock = docks[0] if docks else ""

    def spot(self, location: str) -> Spot | None:
        """The point of a location."""
        known = self._spots.get(location)
        if known is not None:
            return known
        prefix, *numbers = location.rsplit("-", 3)
        rack = self._racks.get(prefix)
        if rack is None or len(numbers) != 3 or not all(number.isdigit() for number in numbers):
            return None
        aisle, bay = int(numbers[0]), int(numbers[1])
        return Spot(
            rack.x_mm + (aisle - 1) * rack.aisle_mm,
            rack.y_mm + (bay - 1) * rack.bay_mm,
            rack.y_mm - FRONT_MM,
            rack.y_mm + rack.bays * rack.bay_mm + FRONT_MM,
        )


def walk_mm(here: Spot, there: Spot) -> int:
    """Walking distance: along the aisle, or out of it by the nearer cross aisle and in again."""
    across = abs(here.x - there.x)
    if across == 0 or here.front is None or here.back is None or there.front is None or there.back is None:
        return across + abs(here.y - there.y)
    by_front = abs(here.y - here.front) + abs(here.front - there.front) + abs(there.y - there.front)
    by_back = abs(here.y - here.back) + abs(here.back - there.back) + abs(there.y - there.back)
    return across + min(by_front, by_back)
