"""The start: the site's configuration meets what is known from before."""

from edge.messages import SiteOpened
from edge.wes import fleet
from edge.wes.dispatch import STRATEGIES
from edge.wes.floor import Floor
from edge.wes.lanes import look_again
from edge.wes.release import free
from edge.wes.resources import sign_off
from edge.wes.state import MachineRecord
from edge.wes.units import lane_table


def opened(floor: Floor, message: SiteOpened) -> None:
    """Apply the configuration and keep the state; every machine has to report anew before it is believed."""
    state = floor.state
    state.site = message.site
    state.dispatch = message.dispatch if message.dispatch in STRATEGIES else "rolling"
    state.tuning = message.tuning
    state.origin_ms = floor.now_ms
    state.opened_ms = floor.now_ms
    floor.configure()
    for machine_id in [known for known in state.machines if known not in floor.layout.machines]:
        robot = state.resources.get(machine_id)
        if robot is not None:
            sign_off(floor, robot)
        del state.machines[machine_id]
    for machine_id, config in floor.layout.machines.items():
        machine = state.machines.setdefault(machine_id, MachineRecord(machine_id=machine_id))
        machine.awaited, machine.command, machine.retry_at_ms = True, None, 0
        machine.zones.clear()
        machine.accumulating.clear()
        machine.lanes = lane_table(config, machine.lanes)
        robot = state.resources.get(machine_id)
        if robot is not None:
            robot.available = False
    fleet.opened(floor)
    drop_limits(floor)
    floor.rebuild()
    look_again(floor)


def drop_limits(floor: Floor) -> None:
    """Handling units of a zone that is no longer configured have no limit to wait for."""
    for hu_id in [hu_id for hu_id, wip in floor.state.wip.items() if wip.zone not in floor.zones]:
        del floor.state.wip[hu_id]
        for task_id in floor.hu_tasks.get(hu_id, ()):
            record = floor.state.tasks[task_id]
            record.let_in = True
            free(floor, record)
