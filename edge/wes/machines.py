"""Machine states: what a change of state or link means, starting by itself, and commands of operators."""

from edge.messages import (
    CommandEnded,
    CommandMachine,
    LaneChanged,
    Link,
    MachineChanged,
    MachineCommand,
    MachineCommandRequested,
    PackMl,
    ResourceKind,
    UnitScanned,
    UnitSorted,
)
from edge.wes import conveyors, sorters
from edge.wes.alarms import HIGH, clear_alarm, raise_alarm
from edge.wes.floor import Floor
from edge.wes.state import MachineRecord, ResourceRecord

RETRY_MS = 5_000
TRIES_MAX = 20
"""Commands sent to start a machine before a person is called."""
NEXT_STEP: dict[PackMl, MachineCommand] = {
    PackMl.STOPPED: MachineCommand.RESET,
    PackMl.ABORTED: MachineCommand.CLEAR,
    PackMl.IDLE: MachineCommand.START,
}
"""The way up to EXECUTE, one command per state."""
LANE_COMMANDS = (MachineCommand.LANE_ENABLE, MachineCommand.LANE_DISABLE)
STOPPING = (MachineCommand.STOP, MachineCommand.HOLD, MachineCommand.SUSPEND, MachineCommand.ABORT)
IN_TROUBLE = (PackMl.ABORTED, PackMl.HELD)
ON_THE_WAY_IN = (PackMl.ABORTING, PackMl.HOLDING)
WORKING = (PackMl.EXECUTE, PackMl.IDLE)
ROBOT_SKILLS = ("pick",)


def scanned(floor: Floor, scan: UnitScanned) -> None:
    machine = floor.machine(scan.machine_id)
    if machine is None:
        floor.state.reports_ignored += 1
    elif scan.machine_id in floor.plans:
        sorters.scanned(floor, machine, scan)
    elif floor.layout.machines[scan.machine_id].kind == "conveyor":
        conveyors.scanned(floor, machine, scan)


def reported(floor: Floor, report: UnitSorted) -> None:
    machine = floor.machine(report.machine_id)
    if machine is None:
        floor.state.reports_ignored += 1
    elif report.machine_id in floor.plans:
        sorters.reported(floor, machine, report)
    elif floor.layout.machines[report.machine_id].kind == "conveyor":
        conveyors.reported(floor, machine, report)


def lane_changed(floor: Floor, message: LaneChanged) -> None:
    machine = floor.machine(message.machine_id)
    if machine is not None:
        sorters.lane_changed(floor, machine, message)


def changed(floor: Floor, message: MachineChanged) -> None:
    machine = floor.machine(message.machine_id)
    if machine is None:
        return
    if message.boot and message.boot != machine.boot:
        machine.boot = message.boot
        if machine.waiting is not None and machine.waiting.boot != message.boot:
            machine.waiting = None
    if message.state is not machine.state or message.link is not machine.link:
        machine.command, machine.retry_at_ms = None, 0
        machine.since_ms = floor.now_ms
    machine.reason = message.reason
    if message.state is PackMl.EXECUTE:
        machine.tries = 0
        clear_alarm(floor, f"{machine.machine_id}:autostart")
    machine.state, machine.link, machine.awaited = message.state, message.link, False
    state_alarms(floor, machine, message.reason)
    if floor.layout.machines[machine.machine_id].kind == "robot":
        robot_changed(floor, machine)


def state_alarms(floor: Floor, machine: MachineRecord, reason: str) -> None:
    name = machine.machine_id
    if machine.link is Link.LOST:
        raise_alarm(floor, f"{name}:link", HIGH, f"No connection to {name}", "Check the PLC and its network cable")
        return
    clear_alarm(floor, f"{name}:link")
    because = f" ({reason})" if reason else ""
    if machine.state in IN_TROUBLE:
        text = f"{name} is {machine.state.name}{because}"
        raise_alarm(floor, f"{name}:not_running", HIGH, text, "Go there, remove the cause, then start it")
    elif machine.state not in ON_THE_WAY_IN:
        clear_alarm(floor, f"{name}:not_running")


def robot_changed(floor: Floor, machine: MachineRecord) -> None:
    """A robot that runs is a resource of its zone; one that does not gets no work and keeps the job it has.

    Only JobEnded says what became of a job: taking it back sooner could pick the same goods twice.
    """
    able = machine.link is Link.GOOD and machine.state in WORKING
    robot = floor.state.resources.get(machine.machine_id)
    if robot is None:
        if not able:
            return
        floor.state.last_resource += 1
        robot = floor.state.resources[machine.machine_id] = ResourceRecord(
            resource_id=machine.machine_id,
            kind=ResourceKind.ROBOT,
            skills=ROBOT_SKILLS,
            zones=(floor.layout.machines[machine.machine_id].zone,),
            number=floor.state.last_resource,
            available=False,
        )
    if robot.available is not able:
        robot.available = able
        floor.refresh(robot)
        floor.risk_stale = True


def next_step(floor: Floor, machine: MachineRecord) -> MachineCommand | None:
    """The command that would bring the machine nearer to running, if it is ours to give, now or after a pause."""
    config = floor.layout.machines.get(machine.machine_id)
    if config is None or not config.autostart or machine.awaited or machine.stopped_by:
        return None
    if machine.link is Link.LOST or machine.command is not None:
        return None
    return NEXT_STEP.get(machine.state)


def start_up(floor: Floor) -> None:
    """Send every machine that should run its next command; one at a time, with pauses, not for ever."""
    for machine in floor.state.machines.values():
        command = next_step(floor, machine)
        if command is None or machine.retry_at_ms > floor.now_ms:
            continue
        machine.retry_at_ms = 0
        if machine.tries < TRIES_MAX:
            machine.tries += 1
            send(floor, machine, command, "wes")
        else:
            text = f"{machine.machine_id} does not start: {TRIES_MAX} commands had no effect"
            raise_alarm(floor, f"{machine.machine_id}:autostart", HIGH, text, "Find the cause, then press START")


def send(floor: Floor, machine: MachineRecord, command: MachineCommand, by: str, args: tuple[int, ...] = ()) -> None:
    if command in NEXT_STEP.values() or command in STOPPING:
        machine.command = command
    floor.say(CommandMachine(at_ms=floor.now_ms, machine_id=machine.machine_id, command=command, args=args, by=by))


def next_ms(floor: Floor) -> int | None:
    times = [m.retry_at_ms for m in floor.state.machines.values() if m.retry_at_ms and next_step(floor, m)]
    return min(times, default=None)


def command_ended(floor: Floor, message: CommandEnded) -> None:
    """Wait a little before the next try, whether the answer was no or a yes that has not moved the machine yet."""
    machine = floor.machine(message.machine_id)
    if machine is None or machine.command is not message.command:
        return
    machine.command = None
    machine.retry_at_ms = floor.now_ms + RETRY_MS


def command_requested(floor: Floor, message: MachineCommandRequested) -> None:
    """Check an operator's command and pass it on; a refused one ends at once as REJECTED."""
    machine = floor.machine(message.machine_id)
    wrong = complaint(floor, message)
    if machine is None or wrong:
        floor.say(
            CommandEnded(
                at_ms=floor.now_ms,
                machine_id=message.machine_id,
                command=message.command,
                args=message.args,
                result="REJECTED",
                reason=wrong,
            )
        )
        return
    command = message.command
    if command in STOPPING:
        machine.stopped_by = message.by
    if command is MachineCommand.START:
        machine.stopped_by, machine.tries, machine.retry_at_ms = "", 0, 0
        clear_alarm(floor, f"{machine.machine_id}:autostart")
        if floor.layout.machines[machine.machine_id].autostart:
            command = NEXT_STEP.get(machine.state, command)
    if command is MachineCommand.LANE_ENABLE:
        sorters.lane_cleared(floor, machine, message.args[0])
    send(floor, machine, command, message.by, message.args)


def complaint(floor: Floor, message: MachineCommandRequested) -> str:
    """What is wrong with an operator's command; empty if nothing is."""
    config = floor.layout.machines.get(message.machine_id)
    if config is None:
        return f"UNKNOWN_MACHINE {message.machine_id}"
    if message.command in LANE_COMMANDS:
        lanes = [lane.lane for lane in config.lanes]
        if len(message.args) != 1 or message.args[0] not in lanes:
            return f"UNKNOWN_LANE {message.args}, {message.machine_id} has {lanes}"
    return ""
