"""Who is sorted together: the destination of every known barcode, and the lanes of each destination on each sorter."""

from collections.abc import Iterable

from edge.messages import Machine
from edge.wes.sort import Barcodes, LanePlan
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
    """Dense numbers for keys, shared by all sorters. A number is given back when its last unit has left."""

    def __init__(self, sorters: Iterable[Machine]) -> None:
        self.barcodes = Barcodes()
        self.plans = {machine.machine_id: LanePlan(machine, self.barcodes) for machine in sorters}
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
        """Let decisions see a lane as the books have it now."""
        lanes = machine.lanes
        self.plans[machine.machine_id].show(
            position, lanes.load[position], lanes.bound[position], lanes.closed[position], lanes.sent_ms[position]
        )

    def bind(self, unit: UnitRecord) -> None:
        """The unit is known by its barcode, or goes elsewhere than before."""
        number = self.number((unit.route, unit.departure_id * self.by_departure, unit.order_id * self.by_order))
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
        first = plan.first.get(key[0], [])
        machine = self.machines.get(machine_id)
        if plan.pooled and machine is not None:
            holder, given = holder_of(plan.lane_by, key, self.departures), machine.lanes.given
            if holder:
                first = sorted([*first, *(position for position in plan.pool if given[position] == holder)])
        plan.set_row(number, first, plan.second.get(key[0], []))

    def aim_all(self) -> None:
        """Pool lanes changed hands, or a departure its cutoff."""
        for number in self.numbers.values():
            for machine_id in self.plans:
                self.aim(machine_id, number)
