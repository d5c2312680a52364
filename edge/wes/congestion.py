"""What the machines and lanes say, as states of the conveyors' map: closed, full, and how many units are on them."""

from edge.messages import Link, PackMl, Zone
from edge.wes.floor import Floor
from edge.wes.network import CLOSED, FULL, OPEN
from edge.wes.state import MachineRecord

DOWN_STATES = (PackMl.ABORTING, PackMl.ABORTED, PackMl.HOLDING, PackMl.HELD)
BLOCKED_STATES = (PackMl.SUSPENDING, PackMl.SUSPENDED)
"""A neighbour's cause: what comes after it takes nothing."""


def is_down(floor: Floor, machine_id: str) -> bool:
    """Is it known that nothing will move here until somebody comes?"""
    machine = floor.machine(machine_id)
    return machine is not None and stands_still(machine)


def stands_still(machine: MachineRecord) -> bool:
    """The same of one machine."""
    if machine.awaited:
        return False
    stopped = bool(machine.stopped_by) and machine.state is not PackMl.EXECUTE
    return machine.link is Link.LOST or machine.state in DOWN_STATES or stopped or bool(machine.zones)


def first_down(floor: Floor, zone: Zone) -> str:
    """The first machine after a zone that is down; "" if none is."""
    downstream = floor.layout.downstream(zone.conveyor)
    return next((machine_id for machine_id in downstream if is_down(floor, machine_id)), "")


def on_machine(machine: MachineRecord, but: str = "") -> int:
    """Units that are on this sorter or on their way to it since its last start."""
    return sum(1 for hu_id, ride in machine.riding.items() if ride.boot == machine.boot and hu_id != but)


def is_crowded(floor: Floor, machine: MachineRecord, but: str = "") -> bool:
    """Does nothing more go onto it for the moment, whatever there is on it `but` this unit?"""
    if not machine.awaited and (machine.state in BLOCKED_STATES or machine.accumulating):
        return True
    if machine.machine_id in floor.plans:
        most = floor.layout.machines[machine.machine_id].on_machine_max
        return len(machine.riding) >= most and on_machine(machine, but) >= most
    belts = floor.network.limited(machine.machine_id)
    return any(len(machine.queue) >= floor.network.segments[belt].capacity for belt in belts)


def see(floor: Floor) -> None:
    """Bring the map up to what is known, and send units another way from now on where it has changed.

    Between two messages the map follows from the state alone, so that a restart or a question changes nothing.
    """
    network = floor.network
    for machine_id, machine in floor.state.machines.items():
        network.set_node(machine_id, CLOSED if stands_still(machine) else FULL if is_crowded(floor, machine) else OPEN)
        if machine_id not in floor.plans:
            for segment in network.limited(machine_id):
                network.set_load(segment, len(machine.queue))
    floor.destinations.turn()
