"""Where things are: the site's racks, zones, lanes and docks, looked up by name."""

from dataclasses import dataclass

from edge.messages import Lane, LaneAssigned, Site, Zone, lane_location, rack_locations
from edge.wms.state import OrderRecord

NOWHERE = Site(site="", timezone="UTC", racks=(), places=(), zones=(), machines=(), sscc_prefix="")
"""The site before any is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One rack location; `walk` is its place in the walking order of the site, `reserve` its role: else a pick face."""

    location: str
    zone: str
    robot: bool
    walk: int
    reserve: bool = False


class Floor:
    """A site's map. A lane serves a route by choice or as an alternate; a route without any may be staged anywhere.

    Pool lanes serve whom the WES has given them to (`given`, by location); on a site with such lanes, units of a route
    without lanes of its own may otherwise wait at the dock only.
    """

    def __init__(self, site: Site, given: dict[str, LaneAssigned] | None = None) -> None:
        self.site = site
        self._given = given if given is not None else {}
        self.spots: dict[str, Spot] = {}
        for rack in site.racks:
            for location, _, _ in rack_locations(rack):
                self.spots[location] = Spot(
                    location=location,
                    zone=rack.zone,
                    robot=rack.robot,
                    walk=len(self.spots),
                    reserve=int(location.rpartition("-")[2]) in rack.reserve_levels,
                )
        self.has_reserve = any(rack.reserve_levels for rack in site.racks)
        self.zones: dict[str, Zone] = {zone.zone: zone for zone in site.zones}
        self.docks = tuple(place.location for place in site.places if place.kind == "receiving") or ("RECV",)
        self.receiving = self.docks[0]
        self.receiving_zone = self._zone_of("receiving", "RECV")
        self.loading_zone = self._zone_of("dock", "DOCK")
        self._lanes: dict[str, Lane] = {
            lane_location(machine.machine_id, lane.lane): lane for machine in site.machines for lane in machine.lanes
        }
        self._home_lanes = self._first_lanes()
        docks = (place.location for place in site.places if place.kind == "dock")
        self._pool = tuple(location for location, lane in self._lanes.items() if lane.pool)
        staging = [*docks, *(() if self._pool else self._lanes)]
        self._staging: dict[str, None] = dict.fromkeys(staging or self._lanes)

    def is_face(self, location: str) -> bool:
        """A rack location that is picked from."""
        spot = self.spots.get(location)
        return spot is not None and not spot.reserve

    def is_reserve(self, location: str) -> bool:
        """A rack location that goods are brought down from."""
        spot = self.spots.get(location)
        return spot is not None and spot.reserve

    def lane_for(self, order: OrderRecord) -> str:
        """Where units of an order are staged: its first lane, or the dock if it has none."""
        own = (location for location in self._pool if self._is_given(location, order))
        return self._home_lanes.get(order.route) or next(own, "") or next(iter(self._staging), "")

    def serves(self, location: str, order: OrderRecord) -> bool:
        """Whether units of this order may be staged here."""
        if location in self._pool:
            return self._is_given(location, order)
        if order.route not in self._home_lanes:
            return location in self._staging
        lane = self._lanes.get(location)
        return lane is not None and (order.route in lane.routes or order.route in lane.alternate_for)

    def _is_given(self, location: str, order: OrderRecord) -> bool:
        lane = self._given.get(location)
        if lane is None or not lane.departure_id:
            return False
        if lane.order_id:
            return lane.order_id == order.order_id
        return order.departure_id in (lane.departure_id, *lane.also)

    def _zone_of(self, kind: str, otherwise: str) -> str:
        return next((place.zone for place in self.site.places if place.kind == kind), otherwise)

    def _first_lanes(self) -> dict[str, str]:
        first: dict[str, str] = {}
        for location, lane in self._lanes.items():
            for route in lane.routes:
                first.setdefault(route, location)
        for location, lane in self._lanes.items():
            for route in lane.alternate_for:
                first.setdefault(route, location)
        return first
