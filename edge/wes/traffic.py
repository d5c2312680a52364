"""Who may drive where: nodes and edges are reserved, so that no two vehicles ever hold the same, and nobody gets stuck.

A vehicle holds the nodes of its base, from the one it passed last to the end, and with two neighbouring nodes every
edge between them, either way. So a lane never has traffic from both sides, and a follower never comes nearer than a
node. One step further is granted when the node is free, nobody will come out of it towards us, and the step is safe.

Safe, after Dijkstra's banker (1965): whoever would get home before, if all retreated to their homes (`Retreat`), still
does. Homes are private, so a vehicle that is there is in nobody's way (a well-formed layout: Cap, Vokrinek, Kleiner
2015). The retreat depends on nothing but where all stand, and going on as it says keeps it possible: there is never a
deadlock that cannot be dissolved. When all wait for each other, the one that moves first in the retreat goes home and
stays until the oldest drive has arrived; a drive that is passed over too often sends all younger ones home.

What follows, as long as vehicles do as they are told: no two ever hold the same node or lane, and every drive arrives
where each goal can be reached from its vehicle's home and the home from the goal (`edge check` sees to that). The
first is checked after every step and the second at the end of random fleets on random layouts (tests). A vehicle that
cannot drive is an obstacle; others take a detour where there is one.
"""

from collections.abc import Iterable

from edge.wes.retreat import Retreat, Traveller
from edge.wes.roads import Roads

HELD_MS = 20_000
"""A node somebody else holds costs a way so much more."""
OBSTACLE_MS = 600_000
"""And one held by a vehicle that does not drive."""
DETOUR_MS = 30_000
"""A vehicle that waits takes a way that is at most so much longer."""
DETOURS_MAX = 8
"""Per drive; after them it waits."""
LOOK = 8
"""So many nodes further it is looked for somebody who comes the other way."""
PATIENCE = 200
"""Steps of younger drives, for each vehicle there is, while an older one waited."""


class Traffic:
    """The travellers of a layout and what each holds."""

    def __init__(self, roads: Roads, travellers: Iterable[Traveller], ahead: int) -> None:
        self.roads = roads
        self.ahead = ahead
        self.travellers: dict[str, Traveller] = {each.vehicle_id: each for each in travellers}
        self.stale = True
        """Something has changed since bases were extended last."""
        self.home: dict[str, None] | None = None
        """Who gets home from where all stand now; None = not looked up."""
        self.holder: dict[str, str] = {}
        """Node -> vehicle."""
        for each in self.travellers.values():
            for node in (*each.held, *each.near):
                self.holder[node] = each.vehicle_id

    def enable(self, each: Traveller, able: bool) -> None:
        """It drives when it is told, or does not."""
        self.stale = self.stale or each.able is not able
        each.able = able

    def place(self, each: Traveller, node: str) -> str:
        """The vehicle stands here, without a drive; "" = nowhere. Returns who holds the node if somebody else does."""
        other = self.holder.get(node, each.vehicle_id)
        self._let_go(each)
        each.near, each.edges, each.route, each.straight = (), (), (), 0
        each.held = (node,) if node and other == each.vehicle_id else ()
        self._take(each)
        return "" if other == each.vehicle_id else other

    def arrived(self, each: Traveller, steps: int) -> None:
        """It has passed so many more nodes of its base; what lies behind it is free."""
        self._let_go(each)
        each.held, each.edges, each.near = each.held[steps:], each.edges[steps:], ()
        self._take(each)

    def stop(self, each: Traveller, *, between: bool) -> None:
        """Its drive was given up: it stands at the node it passed last, or on its way to the next one."""
        self._let_go(each)
        each.near = each.held[1:2] if between else ()
        each.held, each.edges = each.held[:1], ()
        each.goal, each.route, each.rank, each.gives_way_to, each.straight = "", (), 0, 0, 0
        self._take(each)

    def aim(self, each: Traveller, goal: str, rank: int) -> None:
        """It wants to go there now; "" = nowhere."""
        self.stale = self.stale or (each.goal, each.rank) != (goal, rank)
        if each.rank != rank:
            each.detours = each.passed_over = 0
            each.gives_way_to = each.gives_way_to if each.straight else 0
        if each.goal != goal and not each.straight:
            each.route = ()
        each.goal, each.rank = goal, rank

    def _let_go(self, each: Traveller) -> None:
        self.stale = True
        for node in (*each.held, *each.near):
            if self.holder.get(node) == each.vehicle_id:
                del self.holder[node]

    def _take(self, each: Traveller) -> None:
        for node in (*each.held, *each.near):
            self.holder[node] = each.vehicle_id

    def grant(self) -> list[str]:
        """Extend every base as far as it may go now; the vehicles whose base has grown, oldest drive first."""
        grown: dict[str, None] = {}
        if not self.stale:
            return []
        self.stale = False
        self.home = None
        while True:
            self._lift()
            by_rank, moved = self._by_rank(), False
            for each in by_rank:
                # Before any of them moves: where others are going decides who may.
                wish = self.wish(each)
                if wish and wish != each.end:
                    self._route(each, wish)
            for each in by_rank:
                if self._step(each):
                    moved = True
                    grown[each.vehicle_id] = None
                    self._count(each)
            if not moved and not self._make_way():
                return list(grown)

    def _by_rank(self) -> list[Traveller]:
        return sorted(self.travellers.values(), key=lambda each: (each.rank or 1 << 62, each.vehicle_id))

    def _home(self, each: Traveller) -> str:
        return self.roads.vehicles[each.vehicle_id].home

    def wish(self, each: Traveller) -> str:
        """Where it wants to go now; "" = it stays."""
        if not each.able or not each.held:
            return ""
        return self._home(each) if each.gives_way_to else each.goal

    def waits(self, each: Traveller) -> bool:
        """It stands at the end of its base and wants to go on."""
        wish = self.wish(each)
        return wish != "" and each.end != wish and len(each.held) == 1

    def _step(self, each: Traveller) -> bool:
        """Reserve one more edge and node, if that can be."""
        wish = self.wish(each)
        if not wish or each.end == wish or len(each.held) > self.ahead:
            return False
        route = self._route(each, wish)
        if not route:
            return False
        if not self._may(each, route):
            route = self._detour(each, wish, route) if self.waits(each) else ()
            if not route or not self._may(each, route):
                return False
            each.detours += 1
        each.held = (*each.held, self.roads.edges[route[0]].end)
        each.edges, each.route, each.refused = (*each.edges, route[0]), route[1:], ""
        self._take(each)
        return True

    def _route(self, each: Traveller, wish: str) -> tuple[str, ...]:
        """The way it follows, looked up when it has none from here to there."""
        edges = self.roads.edges
        known = [edges.get(edge) for edge in each.route]
        if known and known[0] and known[-1] and known[0].start == each.end and known[-1].end == wish and all(known):
            return each.route
        vehicle = self.roads.vehicles[each.vehicle_id]
        if each.gives_way_to:
            each.route = self.roads.way_home(vehicle, each.end)
            return each.route
        way = self.roads.way(vehicle, each.end, (wish,), slow=self._slow(each))
        each.route = way[1] if way else ()
        return each.route

    def _slow(self, each: Traveller) -> dict[str, int]:
        """What the nodes others hold cost."""
        return {
            node: HELD_MS if self.travellers[holder].able else OBSTACLE_MS
            for node, holder in self.holder.items()
            if holder != each.vehicle_id
        }

    def _detour(self, each: Traveller, wish: str, route: tuple[str, ...]) -> tuple[str, ...]:
        """Another way that does not begin with the node it waits for; () if there is none worth it."""
        node = self.roads.edges[route[0]].end
        refused = f"{node} {self.holder.get(node, '')}"
        if each.gives_way_to or each.detours >= DETOURS_MAX or each.refused == refused:
            return ()
        each.refused = refused
        vehicle, slow = self.roads.vehicles[each.vehicle_id], self._slow(each)
        way = self.roads.way(vehicle, each.end, (wish,), {node: ""}, slow)
        if way is None:
            return ()
        here = sum(self.roads.ms(vehicle, self.roads.edges[e]) + slow.get(self.roads.edges[e].end, 0) for e in route)
        return way[1] if way[0] <= here + DETOUR_MS else ()

    def _may(self, each: Traveller, route: tuple[str, ...]) -> bool:
        """Whether it may hold the first node of the route: it is free, nobody faces it, all still get home."""
        node = self.roads.edges[route[0]].end
        if self.holder.get(node, each.vehicle_id) != each.vehicle_id:
            return False
        return (each.gives_way_to != 0 or not self._faces(each, route)) and self._is_safe(each, node)

    def _faces(self, each: Traveller, route: tuple[str, ...]) -> bool:
        """Somebody further on will come through the first node of the route, unless that one waits for this one."""
        node = self.roads.edges[route[0]].end
        for edge_id in route[1:LOOK]:
            holder = self.holder.get(self.roads.edges[edge_id].end, each.vehicle_id)
            if holder != each.vehicle_id:
                other = self.travellers[holder]
                return other.able and not self._waits_for(other, each) and node in self._way_on(other)
        return False

    def _waits_for(self, each: Traveller, other: Traveller) -> bool:
        """The next node it wants is held by the other."""
        edge = self.roads.edges.get(each.route[0]) if each.route else None
        return self.waits(each) and edge is not None and self.holder.get(edge.end) == other.vehicle_id

    def _way_on(self, each: Traveller) -> dict[str, None]:
        """The nodes it will come through next: on its way to where it wants to go, or home from there."""
        if each.route and each.end != self.wish(each):
            return {self.roads.edges[edge_id].end: None for edge_id in each.route if edge_id in self.roads.edges}
        way = self.roads.way_home(self.roads.vehicles[each.vehicle_id], each.end)
        return {self.roads.edges[edge_id].end: None for edge_id in way}

    def _is_safe(self, each: Traveller, node: str) -> bool:
        """Whether everybody who gets home now still does once it holds the node."""
        before = self._retreat().home if self.home is None else self.home
        held, self.holder[node] = each.held, each.vehicle_id
        each.held = (*held, node)
        after = self._retreat().home
        each.held = held
        if node not in (*held, *each.near):
            del self.holder[node]
        safe = all(other in after for other in before)
        self.home = after if safe else before
        return safe

    def _retreat(self) -> Retreat:
        """What comes of it when all go home from the ends of their bases."""
        return Retreat(self.roads, self.travellers.values())

    def _count(self, stepped: Traveller) -> None:
        """An older drive that waits was passed over; after too many times all younger ones give way to it."""
        for each in self._by_rank():
            if not each.rank or each is stepped or (stepped.rank and each.rank > stepped.rank):
                continue
            if not self.waits(each) or each.gives_way_to or stepped.gives_way_to == each.rank:
                continue
            each.passed_over += 1
            if each.passed_over > PATIENCE * len(self.travellers):
                each.passed_over = 0
                for other in self.travellers.values():
                    if other.able and other is not each and other.rank > each.rank and not other.straight:
                        self._give_way(other, each.rank)

    def _give_way(self, each: Traveller, rank: int) -> None:
        each.gives_way_to, each.route, each.straight = rank, (), 0

    def _lift(self) -> None:
        """Who has let the other pass goes on."""
        by_rank = {each.rank: each for each in self.travellers.values() if each.rank and each.goal and each.able}
        for each in self.travellers.values():
            if each.straight and each.end == self._home(each):
                each.straight = 0
            if not each.gives_way_to or each.straight:
                continue
            other = by_rank.get(each.gives_way_to)
            gone = other is None or other.end == other.goal
            if other is not None and each.rank < other.rank:
                gone = gone or other.held == (self._home(other),)
            if gone:
                each.gives_way_to, each.route = 0, ()

    def _make_way(self) -> bool:
        """When all wait for each other, send home who can go first; False where nobody has to, or can."""
        waiting = [each for each in self._by_rank() if self.waits(each)]
        if len(waiting) < 2 or any(each.able and self._acts(each) for each in self.travellers.values()):
            return False
        retreat = self._retreat()
        each = self.travellers.get(retreat.first)
        if each is None or each.straight:
            return False
        older = [other for other in waiting if other.rank < each.rank]
        out = [other for other in waiting if other is not each and other.end != self._home(other)]
        others = older or out
        if not others or (each.gives_way_to and not retreat.straight):
            return False
        self.home = None
        self._give_way(each, each.gives_way_to or others[0].rank)
        if retreat.straight:
            each.route = retreat.straight
            each.straight = 1 + max(other.straight for other in self.travellers.values())
        return True

    def _acts(self, each: Traveller) -> bool:
        """It still drives, or is busy at its goal."""
        return len(each.held) > 1 or (each.goal != "" and each.held == (each.goal,) and not each.gives_way_to)
