"""The layout vehicles drive on, as a graph: which way, how long, and who may go where.

A vehicle's home is its own: ways of other vehicles never lead to it or over it.
"""

from collections.abc import Collection, Mapping, Sequence
from heapq import heappop, heappush

from edge.messages.tracks import Fleet, Station, TrackEdge, TrackNode, Vehicle

NOTHING: Mapping[str, int] = {}
FREE = -1
"""No vehicle has the node."""


class Roads:
    """A fleet's layout; empty for a site without vehicles."""

    def __init__(self, fleet: Fleet | None) -> None:
        self.vehicles: dict[str, Vehicle] = {each.vehicle_id: each for each in fleet.vehicles} if fleet else {}
        self.nodes: dict[str, TrackNode] = {each.node_id: each for each in fleet.nodes} if fleet else {}
        self.edges: dict[str, TrackEdge] = {each.edge_id: each for each in fleet.edges} if fleet else {}
        self.stations: dict[str, Station] = {each.location: each for each in fleet.stations} if fleet else {}
        self.home_of: dict[str, str] = {each.home: each.vehicle_id for each in self.vehicles.values()}
        self.chargers = tuple(each.node_id for each in self.nodes.values() if each.charge)
        self.out: dict[str, list[TrackEdge]] = {node: [] for node in self.nodes}
        for edge in self.edges.values():
            if edge.start in self.out and edge.end in self.out:
                self.out[edge.start].append(edge)
        self.names = tuple(self.nodes)
        self.number = {node: number for number, node in enumerate(self.names)}
        self.hops: dict[str, list[int]] = {}
        self.steps: dict[str, list[list[tuple[int, str]]]] = {}
        self.doors: dict[str, list[int]] = {}
        """By vehicle the numbers of the nodes from which its home is entered."""
        self.near: dict[str, str] = {node: self._nearest_station(node) for node in self.nodes}
        """The station a vehicle at a node counts as standing at, for what is reckoned in people's walks."""

    def _nearest_station(self, node_id: str) -> str:
        """By the distance as the crow flies, then by name; "" where there is none."""
        here = self.nodes[node_id]
        found = [
            (abs(here.x_mm - there.x_mm) + abs(here.y_mm - there.y_mm), station.location)
            for station in self.stations.values()
            for node in station.nodes
            if (there := self.nodes.get(node)) is not None
        ]
        return min(found, default=(0, ""))[1]

    def ms(self, vehicle: Vehicle, edge: TrackEdge) -> int:
        """How long the vehicle takes over an edge."""
        speed = min(edge.speed_mm_s or vehicle.speed_mm_s, vehicle.speed_mm_s)
        return max(1, edge.length_mm * 1000 // speed)

    def may_enter(self, vehicle: Vehicle, edge: TrackEdge) -> bool:
        """By type, and because a home is its owner's."""
        if self.home_of.get(edge.end, vehicle.vehicle_id) != vehicle.vehicle_id:
            return False
        types = (edge.types, self.nodes[edge.end].types)
        return not vehicle.type or all(not allowed or vehicle.type in allowed for allowed in types)

    def way(
        self,
        vehicle: Vehicle,
        start: str,
        goals: Collection[str],
        closed: Mapping[str, object] = NOTHING,
        slow: Mapping[str, int] = NOTHING,
    ) -> tuple[int, tuple[str, ...]] | None:
        """The quickest way (Dijkstra 1959) to the nearest goal as (ms, edge ids); None where there is none.

        Nodes in `closed` are not entered; those in `slow` cost so many ms more.
        """
        if start in goals:
            return 0, ()
        best: dict[str, int] = {start: 0}
        came: dict[str, TrackEdge] = {}
        heap = [(0, start)]
        while heap:
            ms, node = heappop(heap)
            if ms > best[node]:
                continue
            if node in goals:
                return ms, self._back(came, start, node)
            for edge in self.out.get(node, ()):
                if edge.end in closed or not self.may_enter(vehicle, edge):
                    continue
                at_ms = ms + self.ms(vehicle, edge) + slow.get(edge.end, 0)
                if at_ms < best.get(edge.end, at_ms + 1):
                    best[edge.end], came[edge.end] = at_ms, edge
                    heappush(heap, (at_ms, edge.end))
        return None

    def _back(self, came: Mapping[str, TrackEdge], start: str, node: str) -> tuple[str, ...]:
        found: list[str] = []
        while node != start:
            edge = came[node]
            found.append(edge.edge_id)
            node = edge.start
        return tuple(reversed(found))

    def homeward(self, vehicle: Vehicle) -> list[int]:
        """By the number of each node the number of the next on the quickest way home; -1 where there is no way."""
        known = self.hops.get(vehicle.vehicle_id)
        if known is not None:
            return known
        into: dict[str, list[TrackEdge]] = {}
        for edge in self.edges.values():
            if edge.end in self.nodes and edge.start in self.out and self.may_enter(vehicle, edge):
                into.setdefault(edge.end, []).append(edge)
        best: dict[str, int] = {vehicle.home: 0}
        found = [-1] * len(self.nodes)
        heap = [(0, vehicle.home)]
        while heap:
            ms, node = heappop(heap)
            if ms > best[node]:
                continue
            for edge in into.get(node, ()):
                at_ms = ms + self.ms(vehicle, edge)
                if at_ms < best.get(edge.start, at_ms + 1):
                    best[edge.start], found[self.number[edge.start]] = at_ms, self.number[node]
                    heappush(heap, (at_ms, edge.start))
        self.hops[vehicle.vehicle_id] = found
        return found

    def way_home(self, vehicle: Vehicle, start: str) -> tuple[str, ...]:
        """The edges of the quickest way home; () at home, and where there is none."""
        hops, here, found = self.homeward(vehicle), self.number[start], list[str]()
        while hops[here] >= 0:
            there = self.names[hops[here]]
            edges = [edge for edge in self.out[self.names[here]] if edge.end == there and self.may_enter(vehicle, edge)]
            found.append(min(edges, key=lambda edge: (self.ms(vehicle, edge), edge.edge_id)).edge_id)
            here = hops[here]
        return tuple(found)

    def steps_of(self, vehicle: Vehicle) -> list[list[tuple[int, str]]]:
        """By the number of each node where the vehicle may go from there, and by which edge."""
        known = self.steps.get(vehicle.vehicle_id)
        if known is None:
            known = self.steps[vehicle.vehicle_id] = [
                [(self.number[edge.end], edge.edge_id) for edge in self.out[node] if self.may_enter(vehicle, edge)]
                for node in self.names
            ]
            home = self.number[vehicle.home]
            self.doors[vehicle.vehicle_id] = [
                here for here, steps in enumerate(known) if any(end == home for end, _ in steps)
            ]
        return known

    def free_way(self, vehicle: Vehicle, start: int, taken: Sequence[int], me: int) -> tuple[str, ...] | None:
        """The edges of the way home with the fewest nodes, none of them `taken` by others than `me`; None without one.

        Nodes by their numbers.
        """
        goal, steps = self.number[vehicle.home], self.steps_of(vehicle)
        if start == goal:
            return ()
        if all(door != start and taken[door] not in (FREE, me) for door in self.doors[vehicle.vehicle_id]):
            return None
        came: dict[int, tuple[int, str]] = {start: (start, "")}
        left = [start]
        for here in left:
            for node, edge_id in steps[here]:
                if node in came or taken[node] not in (FREE, me):
                    continue
                came[node] = here, edge_id
                if node == goal:
                    return self._edges_back(came, start, goal)
                left.append(node)
        return None

    def _edges_back(self, came: Mapping[int, tuple[int, str]], start: int, node: int) -> tuple[str, ...]:
        found: list[str] = []
        while node != start:
            node, edge_id = came[node]
            found.append(edge_id)
        return tuple(reversed(found))
