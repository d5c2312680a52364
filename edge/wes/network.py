"""The conveyors as a graph: which segment a unit runs onto next, and what stands in its way.

Nodes are machines, decision points and lane locations, segments lead one way. Times to a destination are kept and
mended when a segment changes: only the nodes whose time changes are looked at (Ramalingam, Reps 1996). The next hop
follows from the times and the segment numbers alone, so it is the same as after building everything anew.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from edge.messages import Lane, Machine, Site, lane_location

OPEN = 0
SLOW = 1
FULL = 2
CLOSED = 3

LENGTH_MM = 10_000
SPEED_MM_S = 600
"""For segments of a site that does not say how long and how fast they are."""
FULL_MS = 600_000
"""A full segment counts as this much longer: a way round it that takes less is taken, else the unit waits."""
TREES_MAX = 512
"""Destinations whose times are kept; the oldest is dropped, counted, and worked out again when it is asked for."""
NOMINAL = 100
INF = 1 << 61
NONE = -1


class Segment(NamedTuple):
    """One way from node to node; `capacity` in units, 0 for no limit."""

    start: str
    end: str
    length_mm: int = LENGTH_MM
    speed_mm_s: int = SPEED_MM_S
    capacity: int = 0


class Hop(NamedTuple):
    """The segment to take, or -1 and the reason: ARRIVED, FULL, CLOSED, NO_ROUTE or UNKNOWN_NODE and what."""

    segment: int
    reason: str


class Network:
    """Segments by their position in `segments`.

    `recomputed` counts the times to a destination that were renewed, `changes` the segments that came to take another
    time than before.
    """

    def __init__(self, segments: Iterable[Segment]) -> None:
        self.segments = tuple(segments)
        self.recomputed = 0
        self.changes = 0
        self.trees_dropped = 0
        self._node: dict[str, int] = {}
        for each in self.segments:
            self._node.setdefault(each.start, len(self._node))
            self._node.setdefault(each.end, len(self._node))
        self._names = list(self._node)
        self._start = [self._node[each.start] for each in self.segments]
        self._end = [self._node[each.end] for each in self.segments]
        self._out: list[list[int]] = [[] for _ in self._names]
        self._into: list[list[int]] = [[] for _ in self._names]
        for number in range(len(self.segments)):
            self._out[self._start[number]].append(number)
            self._into[self._end[number]].append(number)
        self._limited = {
            name: [each for each in self._out[node] if self.segments[each].capacity]
            for name, node in self._node.items()
        }
        self._state = [OPEN] * len(self.segments)
        self._factor = [NOMINAL] * len(self.segments)
        self._load = [0] * len(self.segments)
        self._node_state = [OPEN] * len(self._names)
        self._free_ms = [max(1, -(-each.length_mm * 1000 // max(1, each.speed_mm_s))) for each in self.segments]
        self._ms = list(self._free_ms)
        self._trees: dict[int, list[int]] = {}

    def set_state(self, segment: int, state: int, factor: int = NOMINAL) -> None:
        """OPEN, SLOW (`factor`: its time in hundredths of the usual one), FULL or CLOSED."""
        factor = max(1, factor) if state == SLOW else NOMINAL
        if (self._state[segment], self._factor[segment]) != (state, factor):
            self._state[segment], self._factor[segment] = state, factor
            self._renew(segment)

    def set_load(self, segment: int, units: int) -> None:
        """The units that are on a segment; it is full when they reach its capacity."""
        if self._load[segment] != units:
            self._load[segment] = units
            self._renew(segment)

    def set_node(self, name: str, state: int) -> None:
        """FULL: nothing more runs onto it from elsewhere. CLOSED: nothing runs onto it or off it. Unknown: nothing."""
        node = self._node.get(name)
        if node is not None and self._node_state[node] != state:
            self._node_state[node] = state
            for segment in (*self._into[node], *self._out[node]):
                self._renew(segment)

    def find(self, start: str, end: str) -> int:
        """The first segment from one node to another; -1 if there is none."""
        node = self._node.get(start)
        others = self._out[node] if node is not None else []
        return next((each for each in others if self.segments[each].end == end), NONE)

    def leads_to(self, name: str) -> list[str]:
        """Where the segments that begin at a node end."""
        node = self._node.get(name)
        return [self.segments[each].end for each in self._out[node]] if node is not None else []

    def limited(self, name: str) -> list[int]:
        """The segments that begin at a node and hold only so many units."""
        return self._limited.get(name, [])

    def next_hop(self, name: str, destination: str, *, may_wait: bool = True) -> Hop:
        """Where a unit at a node runs next. One that may not wait takes the best way that is not full, if any."""
        node, goal = self._node.get(name), self._node.get(destination)
        if node is None or goal is None:
            return Hop(NONE, f"UNKNOWN_NODE {name if node is None else destination}")
        if node == goal:
            return Hop(NONE, f"ARRIVED {name}")
        best = self._best(node, goal, self._out[node])
        if best == NONE:
            return Hop(NONE, self._obstacle(node, goal))
        if not self._is_full(best):
            return Hop(best, "")
        reason = f"FULL {self._label(best)}"
        if may_wait:
            return Hop(NONE, reason)
        return Hop(self._best(node, goal, [each for each in self._out[node] if not self._is_full(each)]), reason)

    def toward(self, name: str, destination: str) -> int:
        """The segment that leads away to a destination: past what is full or else into it, at worst to what is closed.

        A round back to where it is leads nowhere. -1 if no way leads there.
        """
        hop = self.next_hop(name, destination, may_wait=False)
        if not hop.reason.startswith(("FULL", "CLOSED")) or (hop.segment >= 0 and not self._is_loop(hop.segment)):
            return hop.segment
        if self.reachable(name, destination):
            return self.path(name, destination)[0]
        return self._nearest(self._node[name], self._times(self._node[destination], self._free_ms))

    def distance_ms(self, name: str, destination: str) -> int:
        """The time from a node to a destination, FULL_MS for each full segment included; -1 if there is no way now."""
        node, goal = self._node.get(name), self._node.get(destination)
        if node is None or goal is None:
            return NONE
        time_ms = self._tree(goal)[node]
        return time_ms if time_ms < INF else NONE

    def reachable(self, name: str, destination: str) -> bool:
        """Is there a way that is not closed? A full one counts, it will have room again."""
        return self.distance_ms(name, destination) >= 0

    def path(self, name: str, destination: str) -> list[int]:
        """The segments to the destination; [] if there is no way or nothing to go."""
        found: list[int] = []
        if not self.reachable(name, destination):
            return found
        node, goal = self._node[name], self._node[destination]
        while node != goal:
            found.append(self._best(node, goal, self._out[node]))
            node = self._end[found[-1]]
        return found

    def obstruction(self, name: str, destination: str) -> str:
        """The first segment that is full on the way to the destination, with what fills it; "" if none is."""
        full = next((each for each in self.path(name, destination) if self._is_full(each)), NONE)
        if full == NONE:
            return ""
        capacity, load = self.segments[full].capacity, self._load[full]
        return f"{self._label(full)}{f' {load}/{capacity}' if 0 < capacity <= load else ''}"

    def _label(self, segment: int) -> str:
        return f"{self.segments[segment].start} > {self.segments[segment].end}"

    def _is_full(self, segment: int) -> bool:
        start, end = self._start[segment], self._end[segment]
        capacity = self.segments[segment].capacity
        if self._state[segment] == FULL or (capacity > 0 and self._load[segment] >= capacity):
            return True
        return start != end and self._node_state[end] == FULL

    def _is_closed(self, segment: int) -> bool:
        states = (self._state[segment], self._node_state[self._start[segment]], self._node_state[self._end[segment]])
        return CLOSED in states

    def _best(self, node: int, goal: int, choice: list[int]) -> int:
        """The segment of a choice that leads there soonest, ties to the first; -1 if none does."""
        times = self._tree(goal)
        best, best_ms = NONE, INF
        for segment in choice:
            time_ms = self._ms[segment] + times[self._end[segment]]
            if time_ms < best_ms:
                best, best_ms = segment, time_ms
        return best

    def _obstacle(self, node: int, goal: int) -> str:
        """What is closed on the way that would be the shortest."""
        times = self._times(goal, self._free_ms)
        if times[node] >= INF:
            return f"NO_ROUTE {self._names[node]} to {self._names[goal]}"
        while node != goal:
            if self._node_state[node] == CLOSED:
                return f"CLOSED {self._names[node]}"
            segment = self._nearest(node, times)
            if self._state[segment] == CLOSED:
                return f"CLOSED {self._label(segment)}"
            node = self._end[segment]
        return f"CLOSED {self._names[goal]}"

    def _is_loop(self, segment: int) -> bool:
        return self._start[segment] == self._end[segment]

    def _nearest(self, node: int, times: list[int]) -> int:
        """The segment that would lead there soonest if nothing was in the way."""
        return min(self._out[node], key=lambda each: (self._free_ms[each] + times[self._end[each]], each))

    def _tree(self, goal: int) -> list[int]:
        """The time to a destination from every node."""
        times = self._trees.get(goal)
        if times is None:
            if len(self._trees) >= TREES_MAX:
                del self._trees[next(iter(self._trees))]
                self.trees_dropped += 1
            times = self._trees[goal] = self._times(goal, self._ms)
        return times

    def _times(self, goal: int, segment_ms: list[int]) -> list[int]:
        times = [INF] * len(self._names)
        times[goal] = 0
        self._spread(times, [(0, goal)], segment_ms)
        return times

    def _spread(self, times: list[int], heap: list[tuple[int, int]], segment_ms: list[int]) -> None:
        """Carry shorter times on to the nodes before (Dijkstra 1959)."""
        while heap:
            time_ms, node = heappop(heap)
            if time_ms > times[node]:
                continue
            self.recomputed += 1
            for segment in self._into[node]:
                before, longer_ms = self._start[segment], time_ms + segment_ms[segment]
                if longer_ms < times[before]:
                    times[before] = longer_ms
                    heappush(heap, (longer_ms, before))

    def _renew(self, segment: int) -> None:
        """Work out the time of a segment anew and mend what follows from it."""
        now_ms = max(1, self._free_ms[segment] * self._factor[segment] // NOMINAL)
        if self._is_closed(segment):
            now_ms = INF
        elif self._is_full(segment):
            now_ms += FULL_MS
        before_ms, self._ms[segment] = self._ms[segment], now_ms
        start, end = self._start[segment], self._end[segment]
        if now_ms == before_ms:
            return
        self.changes += 1
        for goal, times in self._trees.items():
            if now_ms + times[end] < times[start]:
                times[start] = now_ms + times[end]
                self._spread(times, [(times[start], start)], self._ms)
            elif before_ms + times[end] == times[start] and times[end] < INF:
                self._mend(times, goal, start)

    def _mend(self, times: list[int], goal: int, node: int) -> None:
        """A segment from this node takes longer now: renew the nodes that had no other way as short."""
        lost: dict[int, None] = {}
        doubtful = [node]
        while doubtful:
            node = doubtful.pop()
            if node == goal or node in lost or self._keeps(times, node, lost):
                continue
            lost[node] = None
            for segment in self._into[node]:
                if times[node] + self._ms[segment] == times[self._start[segment]]:
                    doubtful.append(self._start[segment])
        heap: list[tuple[int, int]] = []
        for node in lost:
            ways = [self._ms[each] + times[self._end[each]] for each in self._out[node] if self._end[each] not in lost]
            if min(ways, default=INF) < INF:
                heap.append((min(ways), node))
        for node in lost:
            times[node] = INF
        for time_ms, node in heap:
            times[node] = time_ms
        heapify(heap)
        self._spread(times, heap, self._ms)
        self.recomputed += sum(1 for node in lost if times[node] >= INF)

    def _keeps(self, times: list[int], node: int, lost: dict[int, None]) -> bool:
        """Has the node a way of its present time left?"""
        return any(
            self._end[each] not in lost and self._ms[each] + times[self._end[each]] == times[node]
            for each in self._out[node]
        )


def lane_segments(sorter: Machine) -> list[Segment]:
    """From the scanner of a sorter to its lanes, the nearest first, and round to the scanner again."""
    lanes = sorted(sorter.lanes, key=lambda each: each.lane)
    if not lanes:
        return []

    def length_mm(lane: Lane) -> int:
        return LENGTH_MM + abs(lane.x_mm - lanes[0].x_mm) + abs(lane.y_mm - lanes[0].y_mm)

    name = sorter.machine_id
    found = [Segment(name, lane_location(name, lane.lane), length_mm(lane), capacity=lane.capacity) for lane in lanes]
    if sorter.max_recirc > 0:
        found.append(Segment(name, name, 2 * max(length_mm(lane) for lane in lanes)))
    return found


def from_site(site: Site) -> Network:
    """The network of a site: pack stations and robots onto their zone's conveyor, conveyors onwards, sorters to lanes.

    `site.segments` take the place of all that would follow here for the node they start from.
    """
    rows = [Segment(row.start, row.end, row.length_mm, row.speed_mm_s, row.capacity) for row in site.segments]
    given = {row.start: None for row in rows}
    found: list[Segment] = []
    leaves = {zone.zone: zone.conveyor for zone in site.zones}
    for zone in site.zones:
        if zone.pack_station and zone.conveyor:
            found.append(Segment(zone.pack_station, zone.conveyor))
    for machine in site.machines:
        if machine.kind == "sorter":
            found += lane_segments(machine)
        elif machine.kind == "robot" and leaves.get(machine.zone):
            found.append(Segment(machine.machine_id, leaves[machine.zone]))
        elif machine.feeds:
            found.append(Segment(machine.machine_id, machine.feeds))
    return Network([each for each in found if each.start not in given] + rows)
