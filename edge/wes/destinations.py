"""Who is sorted together: the destination of every known barcode, and the lanes of each destination on each sorter."""

from collections.abc import Iterable

from edge.messages import Machine, lane_location
from edge.wes.network import CLOSED, FULL, OPEN, Network
from edge.wes.sort import DISABLED, JAM, Barcodes, LanePlan
from edge.wes.sort import FULL as LANE_FULL
from edge.wes.state import DepartureRecord, MachineRecord, State, UnitRecord

Key = tuple[str, str, str]
"""Route, departure and order of the units of a destination; what tells no lanes apart on this site is left empty."""


def holder_of(lane_by: str, key: Key, departures: dict[str, DepartureRecord]) -> str:
    """The name under which units with this key hold pool lanes; a wave is all departures of one cutoff."""
    _, departure_id, order_id = key
    if lane_by == "order":
        return order_id
    if lane_by == "wave" and departure_id in departures:
        return wave_of(departures[departure_id].cutoff_ms)
    return departure_id


def wave_of(cutoff_ms: int) -> str:
    """The name of all departures of one cutoff."""
    return f"wave {cutoff_ms}"


class Destinations:
    """Dense numbers for keys, shared by all sorters. A number is given back when its last unit has left.

    A route whose lanes are on another sorter goes by the lanes that lead there (`network`), as they are now.
    """

    def __init__(self, sorters: Iterable[Machine], network: Network) -> None:
        self.barcodes = Barcodes()
        self.network = network
        self.turned = network.changes
        self.plans = {machine.machine_id: LanePlan(machine, self.barcodes) for machine in sorters}
        self.segments = {
            machine_id: [network.find(machine_id, lane_location(machine_id, lane)) for lane in plan.position]
            for machine_id, plan in self.plans.items()
        }
        """Where the lanes of each sorter are on the map; -1 for a lane that is not on it."""
        pooled = [plan for plan in self.plans.values() if plan.pooled]
        self.by_departure = bool(pooled)
        self.by_order = any(plan.lane_by == "order" for plan in pooled)
        self.numbers: dict[Key, int] = {}
        self.units: dict[int, int] = {}
        """How many units each number in use has."""
        self.keys: list[Key] = []
        self.free: list[int] = []
        self.machines: dict[str, MachineRecord] = {}
        self.departures: dict[str, DepartureRecord] = {}

    def fill(self, state: State) -> None:
        """Take everything over from the records, into tables that are still empty."""
        self.machines, self.departures = state.machines, state.departures
        for machine_id, plan in self.plans.items():
            machine = state.machines.get(machine_id)
            if machine is None:
                continue
            lanes = machine.lanes
            # Records of an earlier version do not have the last two columns.
            lanes.sent_ms += [0] * (len(lanes.lanes) - len(lanes.sent_ms))
            lanes.given += [""] * (len(lanes.lanes) - len(lanes.given))
            for position in range(min(len(lanes.lanes), len(plan.lanes))):
                self.show(machine, position)
        for unit in state.units.values():
            self.bind(unit)

    def show(self, machine: MachineRecord, position: int) -> None:
        """Let decisions, and the map, see a lane as the books have it now."""
        lanes = machine.lanes
        load, bound, closed = lanes.load[position], lanes.bound[position], lanes.closed[position]
        self.plans[machine.machine_id].show(position, load, bound, closed, lanes.sent_ms[position])
        segment = self.segments[machine.machine_id][position]
        if segment >= 0:
            shut = CLOSED if closed & (DISABLED | JAM) else FULL if closed & LANE_FULL else OPEN
            self.network.set_state(segment, shut)
            self.network.set_load(segment, load + bound)

    def key(self, route: str, departure_id: str, order_id: str) -> Key:
        """Which destination that is on this site."""
        return route, departure_id * self.by_departure, order_id * self.by_order

    def bind(self, unit: UnitRecord) -> None:
        """The unit is known by its barcode, or goes elsewhere than before."""
        number = self.number(self.key(unit.route, unit.departure_id, unit.order_id))
        before = self.barcodes.bind(unit.hu_id, number)
        if before == number:
            return
        self.units[number] = self.units.get(number, 0) + 1
        self.leave(before)

    def unbind(self, hu_id: str) -> None:
        """The barcode means nothing any more."""
        self.leave(self.barcodes.unbind(hu_id))

    def number(self, key: Key) -> int:
        """The number of a destination, a new one if need be."""
        number = self.numbers.get(key)
        if number is not None:
            return number
        if self.free:
            number = self.free.pop()
            self.keys[number] = key
        else:
            number = len(self.keys)
            self.keys.append(key)
        self.numbers[key] = number
        for machine_id in self.plans:
            self.aim(machine_id, number)
        return number

    def leave(self, number: int) -> None:
        if number < 0:
            return
        self.units[number] -= 1
        if not self.units[number]:
            del self.units[number]
            del self.numbers[self.keys[number]]
            self.free.append(number)

    def aim(self, machine_id: str, number: int) -> None:
        """Set the lanes of a destination on a sorter: those given to it beside those of its route, then alternates."""
        plan, key = self.plans[machine_id], self.keys[number]
        first = plan.first.get(key[0]) or self.onward(machine_id, key[0])
        machine = self.machines.get(machine_id)
        if plan.pooled and machine is not None:
            holder, given = holder_of(plan.lane_by, key, self.departures), machine.lanes.given
            if holder:
                first = sorted([*first, *(position for position in plan.pool if given[position] == holder)])
        plan.set_row(number, first, plan.second.get(key[0], []))

    def onward(self, machine_id: str, route: str) -> list[int]:
        """The lanes of a sorter (positions) by which a route is reached that has its lanes on others."""
        segments = self.segments[machine_id]
        others = [other for other, plan in self.plans.items() if other != machine_id and route in plan.first]
        ways = [self.network.toward(machine_id, other) for other in others]
        found = [segments.index(way) for way in ways if way >= 0 and way in segments]
        return sorted(dict.fromkeys(found))

    def turn(self) -> None:
        """The map may have changed: then what goes on to another sorter may go another way now."""
        if self.turned != self.network.changes:
            self.turned = self.network.changes
            if len(self.plans) > 1:
                self.aim_all()

    def aim_all(self) -> None:
        """Pool lanes changed hands, or a departure its cutoff."""
        for number in self.numbers.values():
            for machine_id in self.plans:
                self.aim(machine_id, number)
