"""The lanes each destination may count on before its units are packed, and the room in them beside everybody else's.

Pool lanes count as they would be held if all that is inside the zones was packed by now; see lanes.
"""

from collections.abc import Sequence

from edge.messages import TaskKind, lane_location
from edge.wes.answers import state_of
from edge.wes.capacity import room_beside
from edge.wes.destinations import Key, holder_of
from edge.wes.floor import Floor
from edge.wes.lanes import foreseen
from edge.wes.on_way import OnWay, added
from edge.wes.sort import DISABLED, FULL, JAM
from edge.wes.state import LaneTable

UNLOADING = (TaskKind.LOAD, TaskKind.CARRY)

Berth = tuple[str, int]
"""A lane: its sorter, and its position there."""


def lane_room(lanes: LaneTable, position: int, *, emptied: bool) -> int:
    """Units a lane can still take. A full one takes none, unless somebody is taking units out of it right now."""
    closed = lanes.closed[position]
    if closed & (DISABLED | JAM):
        return 0
    if emptied:
        return lanes.capacity[position]
    return 0 if closed & FULL else max(0, lanes.capacity[position] - lanes.load[position] - lanes.bound[position])


class Berths:
    """Worked out when first asked for; good for one moment, and to `forget` when a unit was let in."""

    def __init__(self, floor: Floor, on_way: OnWay) -> None:
        self.floor = floor
        self.on_way = on_way
        self._emptied: dict[str, None] | None = None
        self._left: dict[Berth, int] = {}
        self._held: dict[str, list[str]] = {}

    def forget(self) -> None:
        """There is one more unit inside."""
        self._held.clear()

    def sorters(self, key: Key) -> list[str]:
        """Those a destination has lanes on, or may be given one."""
        return [
            name
            for name, plan in self.floor.plans.items()
            if name in self.floor.state.machines
            and (key[0] in plan.first or key[0] in plan.second or self._holder(name, key))
        ]

    def room(self, key: Key, near: Sequence[str]) -> tuple[list[Berth], int]:
        """The lanes of a destination, and the units that fit into those on these sorters."""
        units = self.on_way.all()
        mine = self._berths(key)
        room = self._beside(key, mine, near)
        if room <= units.get(key, 0) and any(self._holder(sorter, key) for sorter in near):
            mine = self._berths(key, one_more=True)
            room = self._beside(key, mine, near)
        return mine, room

    def of(self, key: Key) -> list[tuple[str, int]]:
        """Sorter and number of every lane a destination has, or would be given for one unit more, or else may have."""
        found = self._berths(key) or self._berths(key, one_more=True) or self.may_have(key)
        return [(sorter, self.floor.state.machines[sorter].lanes.lanes[position]) for sorter, position in found]

    def may_have(self, key: Key) -> list[Berth]:
        """Every lane a destination may use or be given, without those out of order where others are left."""
        found: dict[Berth, None] = {}
        machines = self.floor.state.machines
        for sorter, plan in self.floor.plans.items():
            for positions in (plan.first.get(key[0], ()), plan.pool, plan.second.get(key[0], ())):
                found |= {(sorter, position): None for position in positions if sorter in machines}
        usable = [each for each in found if not machines[each[0]].lanes.closed[each[1]] & (DISABLED | JAM)]
        return usable or list(found)

    def are_shut(self, key: Key) -> bool:
        """Has a destination no lane to wait for, or none that is in order?"""
        found = self._berths(key) or self._berths(key, one_more=True)
        machines = self.floor.state.machines
        shut = all(machines[sorter].lanes.closed[position] & (DISABLED | JAM) for sorter, position in found)
        return shut and bool(self.sorters(key))

    def in_words(self, berths: Sequence[Berth], near: Sequence[str]) -> str:
        """What keeps units out of those of the lanes that take none."""
        said = []
        for sorter, position in berths:
            lanes, word = self.floor.state.machines[sorter].lanes, "out of reach"
            if sorter in near:
                if self._room((sorter, position)):
                    continue
                word = state_of(self.floor.plans[sorter], lanes, position, self.floor.now_ms)
            said.append(f"{lane_location(sorter, lanes.lanes[position])} {word}")
        return ", ".join(said)

    def _holder(self, sorter: str, key: Key) -> str:
        """The name under which a destination holds pool lanes of a sorter; "" where there are none."""
        plan = self.floor.plans[sorter]
        return holder_of(plan.lane_by, key, self.floor.state.departures) if plan.pooled else ""

    def _berths(self, key: Key, *, one_more: bool = False) -> list[Berth]:
        """Lanes of its route, lanes from the pool (if it had one unit more inside), alternates."""
        found: list[Berth] = []
        for sorter in self.sorters(key):
            plan, holder = self.floor.plans[sorter], self._holder(sorter, key)
            held = self._holders(sorter, key if one_more else None) if holder else []
            found += [(sorter, position) for position in plan.first.get(key[0], ())]
            found += [(sorter, position) for position, each in enumerate(held) if each == holder]
            found += [(sorter, position) for position in plan.second.get(key[0], ())]
        return found

    def _holders(self, sorter: str, one_more: Key | None = None) -> list[str]:
        """Who would hold each lane of a sorter."""
        machine, plan = self.floor.state.machines[sorter], self.floor.plans[sorter]
        if one_more is not None:
            return foreseen(self.floor, machine, plan, added(self.on_way.inside(), {one_more: 1}))
        if sorter not in self._held:
            self._held[sorter] = foreseen(self.floor, machine, plan, self.on_way.inside())
        return self._held[sorter]

    def _beside(self, key: Key, mine: Sequence[Berth], near: Sequence[str]) -> int:
        """Units that fit into these lanes, so far as they are near, when all others on their way are to fit too."""
        reached = [berth for berth in mine if berth[0] in near]
        others = [(units, self._berths(other)) for other, units in self.on_way.all().items() if other != key]
        room = {berth: self._room(berth) for berths in (reached, *(berths for _, berths in others)) for berth in berths}
        return room_beside(reached, others, room)

    def _room(self, berth: Berth) -> int:
        if berth not in self._left:
            lanes, position = self.floor.state.machines[berth[0]].lanes, berth[1]
            emptied = self._is_emptied(lane_location(berth[0], lanes.lanes[position]))
            self._left[berth] = lane_room(lanes, position, emptied=emptied)
        return self._left[berth]

    def _is_emptied(self, location: str) -> bool:
        """Has somebody a unit of this lane in hand?"""
        if self._emptied is None:
            tasks = self.floor.state.tasks
            held = [tasks[each.task_id].task for each in self.floor.state.resources.values() if each.task_id]
            self._emptied = {task.source: None for task in held if task.kind in UNLOADING}
        return location in self._emptied
