"""Whether everybody gets home from where all stand: one vehicle after the other, a node at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from edge.wes.roads import FREE, Roads


@dataclass(slots=True, kw_only=True)
class Traveller:
    """One vehicle on the layout. The smaller `rank`, the older its drive; 0 = it has none.

    `held` are nodes, from the one passed last to the end of the base, `edges` what lies between them; `near` it may
    stand short of after a drive was given up. `route` leads from the end of the base to where it wants to go.
    """

    vehicle_id: str
    rank: int = 0
    goal: str = ""
    held: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    route: tuple[str, ...] = ()
    able: bool = False
    gives_way_to: int = 0
    straight: int = 0
    """It goes home by `route`, which was free, after those with a smaller number and before all others; 0 = no."""
    passed_over: int = 0
    detours: int = 0
    refused: str = ""
    """The node and its holder it found no way around; not tried again while that is so."""

    @property
    def end(self) -> str:
        """The end of the base."""
        return self.held[-1]


class Retreat:
    """All go home at once: always the first, in a fixed order, whose next node on its quickest way is free.

    When nobody's is, the first that has a free way goes straight home by that. What happens next depends on nothing but
    where they stand (and who is on such a way already), so who does as it says stays on the safe side.
    """

    def __init__(self, roads: Roads, travellers: Iterable[Traveller]) -> None:
        self.roads = roads
        self.home: dict[str, None] = {}
        """Who has got there."""
        self.first, self.straight = "", tuple[str, ...]()
        """Who moves first, and the edges of its way, if that is not the quickest."""
        self._all = [each for each in travellers if each.held]
        self._taken = [FREE] * len(roads.names)
        self._at: dict[int, int] = {}
        self._hops: dict[int, list[int]] = {}
        self._goal: dict[int, int] = {}
        self._near: dict[int, list[int]] = {}
        self._ready: list[int] = []
        self._blocked: dict[int, list[int]] = {}
        for number, each in enumerate(self._all):
            self._enter(number, each)
        for number in sorted(self._goal, key=lambda number: self._all[number].straight):
            if self._all[number].straight:
                self._go_straight(number, self._all[number].route)
        while self._run() or self._look_around():
            pass

    def _enter(self, number: int, each: Traveller) -> None:
        """A traveller drives to the end of its base in any case; one that cannot drive stays where it is."""
        vehicle, index = self.roads.vehicles[each.vehicle_id], self.roads.number
        for node in (each.end, *each.near) if each.able else (*each.held, *each.near):
            self._taken[index[node]] = number
        if not each.able:
            return
        if each.end == vehicle.home:
            self.home[each.vehicle_id] = None
            return
        self._at[number], self._goal[number] = index[each.end], index[vehicle.home]
        self._hops[number] = self.roads.homeward(vehicle)
        if each.near:
            self._near[number] = [index[node] for node in each.near]
        self._ready.append(number)

    def _run(self) -> bool:
        """Until nobody can move by its way; always False."""
        ready, taken, blocked = self._ready, self._taken, self._blocked
        while ready:
            number = heappop(ready)
            hops, goal, here = self._hops[number], self._goal[number], self._at[number]
            while here != goal:
                node = hops[here]
                if node < 0:
                    break
                if taken[node] != FREE and taken[node] != number:
                    blocked.setdefault(node, []).append(number)
                    break
                self.first = self.first or self._all[number].vehicle_id
                taken[node], self._at[number], here, left = number, node, node, here
                if number in self._near or left in blocked:
                    self._leave(number, left)
                    heappush(ready, number)  # who was woken may go before it
                    break
                taken[left] = FREE
            if here == goal:
                self.home[self._all[number].vehicle_id] = None
        return False

    def _leave(self, number: int, here: int) -> None:
        """It leaves its node, and who waits for that may go on."""
        for node in (here, *self._near.pop(number, ())):
            if self._taken[node] == number and node != self._at[number]:
                self._taken[node] = FREE
                for waiting in self._blocked.pop(node, ()):
                    heappush(self._ready, waiting)

    def _go_straight(self, number: int, route: Sequence[str]) -> None:
        """It drives on by this way as far as it is free."""
        for edge_id in route:
            edge = self.roads.edges.get(edge_id)
            node = self.roads.number[edge.end] if edge is not None else FREE
            if edge is None or self._taken[node] not in (FREE, number):
                return
            here, self._at[number] = self._at[number], node
            self._taken[node] = number
            self._leave(number, here)
            if not self.first:
                self.first, self.straight = self._all[number].vehicle_id, tuple(route)
        if self._at[number] == self._goal[number]:
            self.home[self._all[number].vehicle_id] = None

    def _look_around(self) -> bool:
        """The first that has a free way home takes that."""
        for number, here in self._at.items():
            if here != self._goal[number]:
                vehicle = self.roads.vehicles[self._all[number].vehicle_id]
                way = self.roads.free_way(vehicle, here, self._taken, number)
                if way is not None:
                    for numbers in self._blocked.values():
                        if number in numbers:
                            numbers.remove(number)
                    self._go_straight(number, way)
                    return True
        return False
