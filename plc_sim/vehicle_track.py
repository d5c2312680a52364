"""What a vehicle has on board of the layout: nodes, lanes between them, stations, chargers, by the ids in orders."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edge.settings import FleetSettings


@dataclass(frozen=True, slots=True)
class Spot:
    """A node."""

    node_id: str
    x_mm: int
    y_mm: int
    map_id: str
    charger: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """An edge; `speed_mm_s` 0 = no limit of its own."""

    edge_id: str
    start: Spot
    end: Spot
    length_mm: int
    speed_mm_s: int

    @property
    def heading(self) -> float:
        """Radians, along the straight line."""
        return math.atan2(self.end.y_mm - self.start.y_mm, self.end.x_mm - self.start.x_mm)


@dataclass(frozen=True, slots=True)
class Track:
    """The layout; a station's name is what the vehicles call a location of the site."""

    spots: Mapping[str, Spot]
    lanes: Mapping[str, Lane]
    stations: Mapping[str, str]
    """Name -> location."""
    at: Mapping[str, tuple[str, ...]]
    """Node -> names of the stations served from there."""

    @staticmethod
    def of(fleet: FleetSettings) -> "Track":
        spots = {
            node.node_id: Spot(
                node.node_id, node.x_mm, node.y_mm, node.map_id, node.charge or node.node_id in fleet.chargers
            )
            for node in fleet.nodes
        }
        lanes = {}
        for edge in fleet.edges:
            start, end = spots[edge.start], spots[edge.end]
            straight_mm = round(math.dist((start.x_mm, start.y_mm), (end.x_mm, end.y_mm)))
            lanes[edge.edge_id] = Lane(edge.edge_id, start, end, edge.length_mm or straight_mm, edge.speed_mm_s)
        at: dict[str, tuple[str, ...]] = {}
        stations = {}
        for station in fleet.stations:
            name = station.name or station.location
            stations[name] = station.location
            for node in station.nodes:
                at[node] = (*at.get(node, ()), name)
        return Track(spots, lanes, stations, at)
