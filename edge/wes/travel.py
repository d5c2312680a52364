"""The floor as dense areas: a piece of an aisle, a place or a sorter lane each, and the walk between any two of them.

Without `site.paths` people walk straight over open floor from one aisle end to another, as `route.distance_mm` has it;
a straight walk is never longer than one with a stop, so no search is needed. With paths, rows of (from, to, length_mm,
one_way), they are the only ways between the points they name and the walks are shortest paths (Dijkstra 1959). A point
is a place, a lane location or an aisle end, "A-03/front" (lower y) or "A-03/back".
"""

from array import array
from heapq import heappop, heappush
from typing import NamedTuple

from edge.messages import Rack, Site
from edge.wes.route import NOWHERE, Layout

AREAS_MAX = 4096
"""The table of walks is square; beyond this the pieces get longer, and at last wider than one aisle."""
SEGMENT_BAYS = 10
KNOWN_MAX = 100_000
"""Names whose area is remembered; the others are taken apart each time."""
NOWHERE_AREA = 0
FAR_MS = 86_400_000
"""The walk to an area that no path leads to: a day."""
BLOCKED_MM = 1 << 40
NO_AISLE = -1

Point = tuple[int, int]
Arc = tuple[int, int]


class Area(NamedTuple):
    """One area: its name and zone, and how far its middle is from the low and the high end of its aisle.

    `low` and `high` are points of the floor; for a place or a lane both are the spot itself.
    """

    name: str
    zone: str
    aisle: int
    y: int
    low: int
    high: int
    low_mm: int
    high_mm: int


class Travel:
    """Areas by number, those of one zone in a row, and `table[a * count + b]`, the walk from a to b in ms.

    Area 0 is nowhere: every name the site does not have, at no distance from everything. What did not fit under
    `areas_max` even with one area per rack is nowhere too and counted in `left_out`; `unknown_paths` were not used.
    """

    def __init__(self, site: Site | None, areas_max: int = AREAS_MAX, segment_bays: int = SEGMENT_BAYS) -> None:
        self.layout = Layout(site)
        self.points: list[Point] = []
        self.aisles: dict[tuple[int, int, int], int] = {}
        """(x, low y, high y) -> number; the points of aisle n are 2n and 2n + 1."""
        self.upward: list[bool] = []
        self.downward: list[bool] = []
        self.areas: list[Area] = [Area("", "", NO_AISLE, 0, 0, 0, 0, 0)]
        self.bays_per_area = segment_bays
        self.aisles_per_area = 1
        self.left_out = 0
        self.unknown_paths: list[str] = []
        self.paths: list[list[Arc]] = []
        self._known: dict[str, int] = {}
        self._of_rack: dict[str, int] = {}
        self._point_of: dict[str, int] = {}
        self._ranges: dict[str, tuple[int, int]] = {}
        self._enter_points()
        self._fit(max(areas_max, 1) - 1 - len(self.layout.spots))
        self._enter_areas(site, max(areas_max, 1))
        self.count = len(self.areas)
        self._connect(getattr(site, "paths", ()))
        self.table = array("q", bytes(8 * self.count * self.count))
        self._fill(max(1, site.walk_mm_s) if site else 1)

    def area_of(self, location: str) -> int:
        """The area of a place, a lane or a rack location; 0 for a name this site does not have."""
        found = self._known.get(location)
        if found is not None:
            return found
        if self.layout.in_rack(location) is NOWHERE:
            return NOWHERE_AREA
        prefix, aisle, bay, _ = location.rsplit("-", 3)
        rack = self.layout.racks[prefix]
        segments = self._segments(rack)
        area = self._of_rack[prefix] + (int(aisle) - 1) // self.aisles_per_area * segments
        area += (int(bay) - 1) * segments // rack.bays
        area = area if area < self.count else NOWHERE_AREA
        if len(self._known) < KNOWN_MAX:
            self._known[location] = area
        return area

    def zone_range(self, zone: str) -> tuple[int, int]:
        """The areas of a zone, from the first to before the last; (0, 0) for a zone without any."""
        return self._ranges.get(zone, (0, 0))

    def ms(self, a: int, b: int) -> int:
        """The walk from area a to area b; 0 inside an area and from or to nowhere."""
        return self.table[a * self.count + b]

    def _segments(self, rack: Rack) -> int:
        return -(-rack.bays // self.bays_per_area)

    def _groups(self, rack: Rack) -> int:
        return -(-rack.aisles // self.aisles_per_area)

    def _aisle_key(self, rack: Rack, aisle: int) -> tuple[int, int, int]:
        x_mm = rack.x_mm + (aisle - 1) * rack.aisle_mm
        return x_mm, rack.y_mm - rack.bay_mm, rack.y_mm + rack.bays * rack.bay_mm

    def _enter_points(self) -> None:
        """Two ends for each aisle, racks that face each other share them; then places and lanes."""
        for rack in self.layout.racks.values():
            for aisle in range(1, rack.aisles + 1):
                key = self._aisle_key(rack, aisle)
                if key not in self.aisles:
                    self.aisles[key] = len(self.aisles)
                    self.points += [(key[0], key[1]), (key[0], key[2])]
        self.upward = [True] * len(self.aisles)
        self.downward = [True] * len(self.aisles)
        for location, spot in self.layout.spots.items():
            self._point_of[location] = len(self.points)
            self.points.append((spot.x, spot.y))

    def _fit(self, room: int) -> None:
        """Longer pieces until all racks fit, then wider ones."""
        racks = list(self.layout.racks.values())
        bays = max((rack.bays for rack in racks), default=0)
        aisles = max((rack.aisles for rack in racks), default=0)
        while sum(self._groups(rack) * self._segments(rack) for rack in racks) > room:
            if self.bays_per_area < bays:
                self.bays_per_area *= 2
            elif self.aisles_per_area < aisles:
                self.aisles_per_area *= 2
            else:
                return

    def _enter_areas(self, site: Site | None, areas_max: int) -> None:
        if site is None:
            return
        stands: list[tuple[str, str]] = [(place.zone, place.location) for place in site.places]
        for location, (machine_id, _) in self.layout.lanes.items():
            stands.append((self.layout.machines[machine_id].zone, location))
        racks = list(self.layout.racks.values())
        zones = [each.zone for each in site.zones] + [rack.zone for rack in racks] + [zone for zone, _ in stands]
        for zone in dict.fromkeys(zones):
            first = len(self.areas)
            for rack in racks:
                if rack.zone == zone:
                    self._of_rack[rack.prefix] = len(self.areas)
                    self._enter_rack(rack)
            for theirs, location in stands:
                if theirs == zone and location not in self._known:
                    self._known[location] = len(self.areas)
                    point = self._point_of[location]
                    self.areas.append(Area(location, zone, NO_AISLE, self.points[point][1], point, point, 0, 0))
            if len(self.areas) > first:
                self._ranges[zone] = (min(first, areas_max), min(len(self.areas), areas_max))
        self.left_out = max(0, len(self.areas) - areas_max)
        del self.areas[areas_max:]
        for location, area in self._known.items():
            self._known[location] = area if area < areas_max else NOWHERE_AREA

    def _enter_rack(self, rack: Rack) -> None:
        segments = self._segments(rack)
        for group in range(self._groups(rack)):
            start = group * self.aisles_per_area + 1
            end = min(start + self.aisles_per_area - 1, rack.aisles)
            key = self._aisle_key(rack, (start + end) // 2)
            aisle = self.aisles[key]
            numbers = f"{start:02}" if start == end else f"{start:02}..{end:02}"
            for segment in range(segments):
                first = -(-segment * rack.bays // segments)
                last = -(-(segment + 1) * rack.bays // segments) - 1
                y = rack.y_mm + (first + last) * rack.bay_mm // 2
                name = f"{rack.prefix}-{numbers} bays {first + 1} to {last + 1}"
                self.areas.append(
                    Area(name, rack.zone, aisle, y, 2 * aisle, 2 * aisle + 1, y - key[1], key[2] - y),
                )

    def _point(self, name: str) -> int:
        """The point a path names; -1 if there is none."""
        found = self._point_of.get(name)
        aisle_name, _, end = name.rpartition("/")
        prefix, _, number = aisle_name.rpartition("-")
        rack = self.layout.racks.get(prefix)
        if found is not None or rack is None or end not in ("front", "back") or not number.isdecimal():
            return -1 if found is None else found
        if not 1 <= int(number) <= rack.aisles:
            return -1
        return 2 * self.aisles[self._aisle_key(rack, int(number))] + (1 if end == "back" else 0)

    def _connect(self, paths: tuple[tuple[str, str, int, bool], ...]) -> None:
        """Enter the paths; a point no path names hangs on the nearest that one does, unless it ends a blind aisle.

        A path along an aisle, front to back, only says which way the aisle may be walked.
        """
        ways: list[list[Arc]] = [[] for _ in self.points]
        named: dict[int, None] = {}
        for start_name, end_name, length_mm, one_way in paths:
            start, end = self._point(start_name), self._point(end_name)
            if start < 0 or end < 0:
                self.unknown_paths.append(f"{start_name} > {end_name}")
                continue
            named[start] = named[end] = None
            if max(start, end) < 2 * len(self.aisles) and start // 2 == end // 2:
                self.upward[start // 2] = not one_way or start < end
                self.downward[start // 2] = not one_way or start > end
                continue
            length_mm = length_mm if length_mm > 0 else self._straight(start, end)
            ways[start].append((end, length_mm))
            if not one_way:
                ways[end].append((start, length_mm))
        if not named:
            return
        for point in range(len(self.points)):
            blind = point < 2 * len(self.aisles) and point ^ 1 in named
            if point not in named and not blind:
                nearest = min(named, key=lambda other: (self._straight(point, other), other))
                ways[point].append((nearest, self._straight(point, nearest)))
                ways[nearest].append((point, self._straight(point, nearest)))
        for aisle in range(len(self.aisles)):
            length_mm = self._straight(2 * aisle, 2 * aisle + 1)
            if self.upward[aisle]:
                ways[2 * aisle].append((2 * aisle + 1, length_mm))
            if self.downward[aisle]:
                ways[2 * aisle + 1].append((2 * aisle, length_mm))
        self.paths = ways

    def _straight(self, a: int, b: int) -> int:
        return abs(self.points[a][0] - self.points[b][0]) + abs(self.points[a][1] - self.points[b][1])

    def _walks(self, start: int) -> list[int]:
        """The walk in mm from one point to every other."""
        if not self.paths:
            x, y = self.points[start]
            return [abs(x - other_x) + abs(y - other_y) for other_x, other_y in self.points]
        walks = [BLOCKED_MM] * len(self.points)
        walks[start] = 0
        heap = [(0, start)]
        while heap:
            length_mm, point = heappop(heap)
            if length_mm > walks[point]:
                continue
            for end, step_mm in self.paths[point]:
                if length_mm + step_mm < walks[end]:
                    walks[end] = length_mm + step_mm
                    heappush(heap, (length_mm + step_mm, end))
        return walks

    def _fill(self, walk_mm_s: int) -> None:
        """The table, row by row; areas of one aisle leave it by the same two ends."""
        enter = [
            (
                each.low,
                each.high,
                each.low_mm if each.aisle < 0 or self.upward[each.aisle] else BLOCKED_MM,
                each.high_mm if each.aisle < 0 or self.downward[each.aisle] else BLOCKED_MM,
            )
            for each in self.areas[1:]
        ]
        mates: dict[int, list[int]] = {}
        for number, area in enumerate(self.areas):
            if area.aisle >= 0:
                mates.setdefault(area.aisle, []).append(number)
        ends: Arc = (-1, -1)
        for number, area in enumerate(self.areas[1:], start=1):
            if (area.low, area.high) != ends:
                ends = (area.low, area.high)
                low, high = self._walks(area.low), self._walks(area.high)
                from_low = [min(low[a] + a_mm, low[b] + b_mm) for a, b, a_mm, b_mm in enter]
                from_high = [min(high[a] + a_mm, high[b] + b_mm) for a, b, a_mm, b_mm in enter]
            out_low = area.low_mm if area.aisle < 0 or self.downward[area.aisle] else BLOCKED_MM
            out_high = area.high_mm if area.aisle < 0 or self.upward[area.aisle] else BLOCKED_MM
            row = [
                (out_low + a if out_low + a < out_high + b else out_high + b) * 1000 // walk_mm_s
                for a, b in zip(from_low, from_high, strict=True)
            ]
            for mate in mates.get(area.aisle, ()):
                up = self.areas[mate].y - area.y
                if up == 0 or (self.upward if up > 0 else self.downward)[area.aisle]:
                    row[mate - 1] = abs(up) * 1000 // walk_mm_s
            row[number - 1] = 0
            if self.paths:
                row = [each if each < FAR_MS else FAR_MS for each in row]
            start = number * self.count + 1
            self.table[start : start + self.count - 1] = array("q", row)
