"""What lies before a zone: machines that are down, and the lanes of a route against the units on their way to them."""

from typing import NamedTuple

from edge.messages import Link, PackMl, TaskKind, Zone, lane_location
from edge.wes.answers import state_of
from edge.wes.floor import Floor
from edge.wes.network import CLOSED, OPEN
from edge.wes.sort import DISABLED, FULL, JAM
from edge.wes.state import LaneTable, UnitPlace, WipRecord

DOWN_STATES = (PackMl.ABORTING, PackMl.ABORTED, PackMl.HOLDING, PackMl.HELD)
ON_BELTS = (UnitPlace.CONVEYOR, UnitPlace.SORTER)
UNLOADING = (TaskKind.LOAD, TaskKind.CARRY)


class Way(NamedTuple):
    """The lanes a zone reaches for a route: `down` names the machine that bars all of them, `lanes` is their number."""

    down: str
    lanes: int = 0
    room: int = 0
    shut: str = ""
    """Which of them take nothing now, in words."""


def is_down(floor: Floor, machine_id: str) -> bool:
    """Is it known that nothing will move here until somebody comes?"""
    machine = floor.machine(machine_id)
    if machine is None or machine.awaited:
        return False
    stopped = bool(machine.stopped_by) and machine.state is not PackMl.EXECUTE
    return machine.link is Link.LOST or machine.state in DOWN_STATES or stopped


def see_machines(floor: Floor) -> None:
    """Close what is down on the map of the conveyors, and open what is not."""
    for machine_id in floor.layout.machines:
        floor.network.set_node(machine_id, CLOSED if is_down(floor, machine_id) else OPEN)


def route_of(floor: Floor, departure_id: str) -> str:
    departure = floor.state.departures.get(departure_id)
    return departure.route if departure else ""


def lane_room(lanes: LaneTable, position: int, *, emptied: bool) -> int:
    """Units a lane can still take. A full one takes none, unless somebody is taking units out of it right now."""
    closed = lanes.closed[position]
    if closed & (DISABLED | JAM):
        return 0
    if emptied:
        return lanes.capacity[position]
    return 0 if closed & FULL else max(0, lanes.capacity[position] - lanes.load[position] - lanes.bound[position])


class Ahead:
    """Read off the machines when it is first asked for; good for one moment."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self._belts: dict[str, int] | None = None
        self._emptied: dict[str, None] | None = None
        self._ways: dict[tuple[str, str], Way] = {}

    def blocks(self, zone: Zone, wip: WipRecord) -> str:
        """Why this unit may not begin now, whatever room its zone has; "" if it may."""
        floor, route = self.floor, route_of(self.floor, wip.departure_id)
        way = self.way(zone, route)
        if way.down:
            return f"MACHINE_DOWN {way.down}"
        robots = floor.layout.robots(zone.zone) if wip.robot else []
        if robots and all(is_down(floor, robot_id) for robot_id in robots):
            return f"MACHINE_DOWN {robots[0]}"
        on_way = self.on_way(route) if way.lanes else 0
        # One may always be on its way: it finds out whether the lanes are as full as they seem.
        if on_way < max(1, way.room):
            return ""
        return f"LANES {route} {on_way}/{way.room}{': ' if way.shut else ''}{way.shut}"

    def on_way(self, route: str) -> int:
        """Units of a route that are inside a zone, or on belts and not yet sent to a lane."""
        filling = self.floor.room.filling.items()
        inside = sum(units for departure, units in filling if route_of(self.floor, departure) == route)
        if self._belts is None:
            self._belts = self._read_belts()
        return inside + self._belts.get(route, 0)

    def way(self, zone: Zone, route: str) -> Way:
        """From a zone to the lanes of a route; without any, only whether the belts move."""
        key = (zone.zone, route)
        if key not in self._ways:
            self._ways[key] = self._find_way(zone, route)
        return self._ways[key]

    def _find_way(self, zone: Zone, route: str) -> Way:
        floor = self.floor
        found = [
            (plan.machine_id, position)
            for plan in floor.plans.values()
            for position in (*plan.first.get(route, ()), *plan.second.get(route, ()))
            if plan.machine_id in floor.state.machines
        ]
        names = [lane_location(name, floor.state.machines[name].lanes.lanes[position]) for name, position in found]
        start = zone.pack_station if zone.pack_station and zone.conveyor else zone.conveyor
        near = [floor.network.reachable(start, name) for name in names]
        if not any(near):
            obstacle = floor.network.next_hop(start, names[0]).reason if names else ""
            down = obstacle.removeprefix("CLOSED ") if obstacle.startswith("CLOSED ") else self._stands(zone)
            if down:
                return Way(down)
            near = [True] * len(names)
        room, shut = 0, []
        for (machine_id, position), name, is_near in zip(found, names, near, strict=True):
            lanes = floor.state.machines[machine_id].lanes
            left = lane_room(lanes, position, emptied=self._is_emptied(name)) if is_near else 0
            room += left
            if not left:
                word = state_of(floor.plans[machine_id], lanes, position, floor.now_ms)
                shut.append(f"{name} {word if is_near else 'out of reach'}")
        return Way("", len(found), room, ", ".join(shut))

    def _stands(self, zone: Zone) -> str:
        """The first machine after a zone that is down, where the map says nothing about lanes."""
        downstream = self.floor.layout.downstream(zone.conveyor)
        return next((machine_id for machine_id in downstream if is_down(self.floor, machine_id)), "")

    def _is_emptied(self, location: str) -> bool:
        """Has somebody a unit of this lane in hand?"""
        if self._emptied is None:
            tasks = self.floor.state.tasks
            held = [tasks[each.task_id].task for each in self.floor.state.resources.values() if each.task_id]
            self._emptied = {task.source: None for task in held if task.kind in UNLOADING}
        return location in self._emptied

    def _read_belts(self) -> dict[str, int]:
        """Units on conveyors and sorters by route, without those already counted as bound for a lane."""
        state, names = self.floor.state, {}
        for machine in state.machines.values():
            names.update(dict.fromkeys(machine.queue))
            names.update({key: None for key, ride in machine.riding.items() if ride.boot == machine.boot})
        for machine in state.machines.values():
            for key in [key for key, ride in machine.riding.items() if ride.lane and ride.boot == machine.boot]:
                names.pop(key, None)
        counts: dict[str, int] = {}
        for name in names:
            unit = state.units.get(name)
            route = unit.route if unit is not None and unit.place in ON_BELTS else ""
            if unit is None and name in state.unreported:
                route = route_of(self.floor, state.unreported[name])
            counts[route] = counts.get(route, 0) + 1
        return counts
