"""Machine states: what a change of state or link means, starting by itself, and commands of operators."""

from edge.messages import (
    CommandEnded,
    CommandMachine,
    LaneChanged,
    Link,
    Machine,
    MachineChanged,
    MachineCommand,
    MachineCommandRefused,
    MachineCommandRequested,
    PackMl,
    ResourceKind,
    UnitScanned,
    UnitSorted,
    ZoneChanged,
    ZoneFault,
)
from edge.messages.packml import TOWARDS_MOTION, illegal
from edge.wes import conveyors, sorters, trouble
from edge.wes.alarms import HIGH, URGENT, clear_alarm, raise_alarm
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
PRESSED_START = NEXT_STEP | {PackMl.HELD: MachineCommand.UNHOLD, PackMl.COMPLETE: MachineCommand.RESET}
"""What START means when a person presses it."""
ESTOP = "ESTOP"
HOST_OFFLINE = "HOST_OFFLINE"
"""Reasons of the equipment: somebody pressed an emergency stop; the PLC held because it had not heard of us."""
REMEDIES = {
    "PART_LOST": "Look into the cell: START lets it go on with the job, STOP ends the job as lost",
    "VACUUM": "Look at the gripper, its hose and the goods; then press START to go on, or STOP to end the job",
    "GUARD": "Close the guard and reset it at the machine, then press START",
}
"""What a person can do about a cause."""
AT_REST = (PackMl.STOPPING, PackMl.STOPPED, PackMl.ABORTING, PackMl.ABORTED)
STOPPING = (MachineCommand.STOP, MachineCommand.HOLD, MachineCommand.SUSPEND, MachineCommand.ABORT)
LANE_COMMANDS = (MachineCommand.LANE_ENABLE, MachineCommand.LANE_DISABLE)
ONLY_FOR: dict[MachineCommand, tuple[str, ...]] = {
    MachineCommand.COMPLETE: ("robot",),
    MachineCommand.LANE_ENABLE: ("sorter",),
    MachineCommand.LANE_DISABLE: ("sorter",),
    MachineCommand.CLEAR_JAM: ("sorter", "conveyor"),
    MachineCommand.ACCUMULATE: ("conveyor",),
    MachineCommand.RELEASE: ("conveyor",),
}
"""Commands that some kinds of machine have; the others are for all."""
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


def zone_changed(floor: Floor, message: ZoneChanged) -> None:
    """A zone of a conveyor stands, keeps its unit, or goes on."""
    machine = floor.machine(message.machine_id)
    if machine is None:
        return
    machine.zones.pop(message.zone, None)
    machine.accumulating.pop(message.zone, None)
    if message.fault is not ZoneFault.NONE:
        machine.zones[message.zone] = message.fault
    elif message.accumulating:
        machine.accumulating[message.zone] = None
    trouble.zone_changed(floor, machine, message.zone)


def changed(floor: Floor, message: MachineChanged) -> None:
    machine = floor.machine(message.machine_id)
    if machine is None:
        return
    if message.boot and message.boot != machine.boot:
        machine.boot = message.boot
        machine.zones.clear()
        machine.accumulating.clear()
        machine.jams.clear()
        trouble.restarted(floor, machine)
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
    emergency_stop(floor, machine)
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
    if machine.stopped_by == ESTOP or next_step(floor, machine) is MachineCommand.UNHOLD:
        clear_alarm(floor, f"{name}:not_running")
    elif machine.state in IN_TROUBLE:
        text = f"{name} is {machine.state.name}{because}"
        remedy = REMEDIES.get(reason.partition(" ")[0], "Go there, remove the cause, then press START")
        raise_alarm(floor, f"{name}:not_running", HIGH, text, remedy)
    elif machine.state not in ON_THE_WAY_IN:
        clear_alarm(floor, f"{name}:not_running")


def emergency_stop(floor: Floor, machine: MachineRecord) -> None:
    """Status only: nothing is reset from here, and nothing starts again before a person has pressed START."""
    alarm_id = f"{machine.machine_id}:estop"
    if machine.link is Link.GOOD and machine.reason.startswith(ESTOP):
        machine.stopped_by = ESTOP
        text = f"Emergency stop at {machine.machine_id} ({machine.reason})"
        action = "Walk there and look. Release and reset it at the machine, then press START: nothing starts by itself"
        raise_alarm(floor, alarm_id, URGENT, text, action)
    elif machine.stopped_by == ESTOP and machine.link is Link.GOOD and machine.state is PackMl.EXECUTE:
        machine.stopped_by = ""
    if machine.stopped_by != ESTOP:
        clear_alarm(floor, alarm_id)


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
    if machine.state is PackMl.HELD and machine.reason == HOST_OFFLINE:
        return MachineCommand.UNHOLD
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


def send(
    floor: Floor,
    machine: MachineRecord,
    command: MachineCommand,
    by: str,
    args: tuple[int, ...] = (),
    request_id: str = "",
) -> None:
    if command in PRESSED_START.values() or command in STOPPING:
        machine.command = command
    floor.say(
        CommandMachine(
            at_ms=floor.now_ms,
            machine_id=machine.machine_id,
            command=command,
            args=args,
            by=by,
            request_id=request_id,
        )
    )


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
    """Check an operator's command and pass it on, or refuse it with the reason."""
    machine = floor.machine(message.machine_id)
    config = floor.layout.machines.get(message.machine_id)
    if machine is None or config is None:
        refuse(floor, message, "UNKNOWN_MACHINE", f"this site has {', '.join(floor.layout.machines) or 'none'}")
        return
    wrong = wrong_arguments(config, message)
    if wrong:
        refuse(floor, message, *wrong)
        return
    if message.command in STOPPING:
        machine.stopped_by = message.by
    cannot = impossible(machine, config, message)
    if cannot:
        refuse(floor, message, *cannot)
    elif message.command is MachineCommand.START and config.autostart:
        pressed_start(floor, machine, message)
    elif message.command is MachineCommand.STOP and machine.state in AT_REST:
        ended_at_once(floor, message, "ALREADY_STOPPED")
    else:
        if message.command is MachineCommand.LANE_ENABLE:
            sorters.lane_cleared(floor, machine, message.args[0])
        send(floor, machine, message.command, message.by, message.args, message.request_id)


def pressed_start(floor: Floor, machine: MachineRecord, message: MachineCommandRequested) -> None:
    """From now on the machine shall run: its next step now, or as soon as its state has one."""
    machine.stopped_by, machine.tries, machine.retry_at_ms = "", 0, 0
    clear_alarm(floor, f"{machine.machine_id}:autostart")
    clear_alarm(floor, f"{machine.machine_id}:estop")
    command = PRESSED_START.get(machine.state)
    if command is not None:
        send(floor, machine, command, message.by, message.args, message.request_id)
    else:
        ended_at_once(floor, message, "IT_RUNS" if machine.state is PackMl.EXECUTE else f"AFTER {machine.state.name}")


def wrong_arguments(config: Machine, message: MachineCommandRequested) -> tuple[str, str] | None:
    """Code and detail of what is wrong with a command whatever the machine does; None if nothing is."""
    command, args = message.command, message.args
    kinds = ONLY_FOR.get(command)
    if kinds is not None and config.kind not in kinds:
        return "NOT_FOR_KIND", f"{command.name} is for a {' or '.join(kinds)}, {config.machine_id} is a {config.kind}"
    if command in LANE_COMMANDS or (command is MachineCommand.CLEAR_JAM and config.kind == "sorter"):
        lanes = [lane.lane for lane in config.lanes]
        if len(args) != 1 or args[0] not in lanes:
            return "UNKNOWN_LANE", f"{args}; {config.machine_id} has {lanes}"
        return None
    most = 2 if command is MachineCommand.ACCUMULATE else 1
    if kinds is not None and config.kind == "conveyor" and not (0 < len(args) <= most and args[0] > 0):
        return "UNKNOWN_ZONE", f"{args}; name one zone, counted from 1"
    return None


def impossible(machine: MachineRecord, config: Machine, message: MachineCommandRequested) -> tuple[str, str] | None:
    """Code and detail of why the machine cannot do it now; None if it can."""
    command = message.command
    if machine.link is Link.LOST:
        kept = "; it will not be started by itself when it is back" if command in STOPPING else ""
        return "LINK_LOST", f"nobody hears {machine.machine_id} ({machine.reason}){kept}"
    if machine.reason.startswith(ESTOP) and command in TOWARDS_MOTION:
        return ESTOP, "only a person at the machine can release and reset it"
    if command is MachineCommand.START and config.autostart:
        return None
    if command is MachineCommand.STOP and machine.state in AT_REST:
        return None
    wrong = illegal(command, machine.state)
    return ("STATE", wrong) if wrong else None


def refuse(floor: Floor, message: MachineCommandRequested, reason: str, detail: str) -> None:
    floor.say(
        MachineCommandRefused(
            at_ms=floor.now_ms,
            machine_id=message.machine_id,
            command=message.command,
            args=message.args,
            by=message.by,
            request_id=message.request_id,
            reason=reason,
            detail=detail,
        )
    )


def ended_at_once(floor: Floor, message: MachineCommandRequested, reason: str) -> None:
    """There is nothing to send for it."""
    floor.say(
        CommandEnded(
            at_ms=floor.now_ms,
            machine_id=message.machine_id,
            command=message.command,
            args=message.args,
            result="DONE",
            reason=reason,
            request_id=message.request_id,
        )
    )
