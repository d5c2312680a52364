"""What goes wrong on machines besides their state: zones that jam, handshakes that fail, PLCs that restart.

One cause raises one alarm, with what to do: a jam that holds up ten zones, or a restart that loses twenty units, is
still one thing for one person.
"""

from edge.messages import CommandMachine, Flaw, HandshakeFailed, Link, MachineCommand, ZoneFault
from edge.wes.alarms import HIGH, MEDIUM, clear_alarm, raise_alarm
from edge.wes.floor import Floor
from edge.wes.state import JamRecord, MachineRecord, UnitPlace, remember
from edge.wes.units import expect, leave_sorter, missing

CLEARS_MAX = 3
"""Remote attempts to clear a jam before a person is asked."""
CLEAR_EVERY_MS = 5_000
JAM_AGAIN_MS = 60_000
"""A zone that jams again within this time has the same jam."""
ZONES_MAX = 64
FLAW_CLEAR_MS = 600_000
NAMED_MAX = 5
JAMS = (ZoneFault.SENSOR_JAM, ZoneFault.ARRIVAL_JAM)
NEED_SOMEBODY = (*JAMS, ZoneFault.MOTOR)

FLAWS: dict[Flaw, tuple[int, str, str]] = {
    Flaw.REQUESTS_MISSED: (
        MEDIUM,
        "questions of {machine} were overwritten before they were read",
        "Its units went to the default lane; see whether the PLC waits for our acknowledgement (ReqSeqSeen)",
    ),
    Flaw.REPORTS_MISSED: (
        HIGH,
        "reports of {machine} were overwritten before they were read",
        "Units that do not turn up will be missing; see whether its PLC waits for our acknowledgement (RepSeqSeen)",
    ),
    Flaw.DECISIONS_LATE: (
        MEDIUM,
        "answers came too late for {machine}",
        "Look at the poll time of its device, the network and the load of the box (`edge doctor`)",
    ),
    Flaw.DECISIONS_MISSING: (
        MEDIUM,
        "units passed the scanner of {machine} without an answer",
        "They are in the default lane; look at the network and the load of the box (`edge doctor`)",
    ),
    Flaw.DECISIONS_UNREAD: (
        HIGH,
        "answers in a row were not taken over by {machine}",
        "Its PLC does not read the decisions: look at its program and at the addresses of the decision ring",
    ),
}
"""Priority, what happened, what to do."""


def handshake_failed(floor: Floor, message: HandshakeFailed) -> None:
    """Call somebody; units whose report was lost have to be seen again soon, or somebody looks for them."""
    machine = floor.machine(message.machine_id)
    if machine is None:
        return
    priority, what, action = FLAWS[message.flaw]
    name = machine.machine_id
    text = f"{message.count} {what.format(machine=name)}{f' ({message.detail})' if message.detail else ''}"
    clear_at_ms = floor.now_ms + FLAW_CLEAR_MS
    raise_alarm(floor, f"{name}:{message.flaw.value}", priority, text, action, clear_at_ms=clear_at_ms)
    if message.flaw is Flaw.REPORTS_MISSED:
        for hu_id, ride in machine.riding.items():
            if ride.scanned and hu_id in floor.state.units:
                expect(floor, hu_id)


def restarted(floor: Floor, machine: MachineRecord) -> None:
    """The PLC has forgotten what it carried: nobody knows where the units are that it had seen."""
    lost = [hu_id for hu_id, ride in machine.riding.items() if ride.scanned and ride.boot != machine.boot]
    named = [hu_id for hu_id in lost if hu_id in floor.state.units]
    for hu_id in lost:
        leave_sorter(floor, machine, hu_id)
    for hu_id in named:
        if floor.state.units[hu_id].place is UnitPlace.SORTER:
            missing(floor, hu_id, machine.machine_id, "PLC_RESTART", alarm=False)
    if named:
        name = machine.machine_id
        more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
        raise_alarm(
            floor,
            f"{name}:restarted",
            HIGH,
            f"The PLC of {name} has restarted with {len(named)} units on it: {', '.join(named[:NAMED_MAX])}{more}",
            "Look for them along the machine and in its default lane; carry each to its lane",
            ack_clears=True,
        )


def zone_changed(floor: Floor, machine: MachineRecord, zone: int) -> None:
    """A jam is cleared from here a few times before somebody has to go; one that comes back soon is the same jam."""
    jam = machine.jams.get(zone)
    if machine.zones.get(zone, ZoneFault.NONE) in JAMS:
        if jam is None or (jam.due_ms == 0 and floor.now_ms - jam.since_ms >= JAM_AGAIN_MS):
            remember(machine.jams, zone, JamRecord(since_ms=floor.now_ms, due_ms=floor.now_ms), ZONES_MAX)
        elif jam.due_ms == 0:
            jam.due_ms = floor.now_ms
    elif jam is not None:
        jam.since_ms, jam.due_ms = floor.now_ms, 0
    watch_zones(floor, machine)


def watch(floor: Floor) -> None:
    """Give the next remote clear that is due, or ask a person."""
    for machine in floor.state.machines.values():
        if machine.zones or machine.jams:
            watch_zones(floor, machine)


def watch_zones(floor: Floor, machine: MachineRecord) -> None:
    config = floor.layout.machines.get(machine.machine_id)
    allowed = config is not None and config.autostart and not machine.stopped_by and machine.link is Link.GOOD
    stuck = [zone for zone, fault in machine.zones.items() if fault is ZoneFault.MOTOR]
    for zone, fault in machine.zones.items():
        jam = machine.jams.get(zone)
        if fault not in JAMS or jam is None or (allowed and jam.due_ms > floor.now_ms):
            continue
        if not allowed or jam.attempts >= CLEARS_MAX:
            stuck.append(zone)
            continue
        jam.attempts, jam.due_ms = jam.attempts + 1, floor.now_ms + CLEAR_EVERY_MS
        clear = MachineCommand.CLEAR_JAM
        floor.say(CommandMachine(at_ms=floor.now_ms, machine_id=machine.machine_id, command=clear, args=(zone,)))
    if stuck:
        call_to_zone(floor, machine, min(stuck))
    elif not any(fault in NEED_SOMEBODY for fault in machine.zones.values()):
        clear_alarm(floor, f"{machine.machine_id}:zone")


def call_to_zone(floor: Floor, machine: MachineRecord, zone: int) -> None:
    name, jam = machine.machine_id, machine.jams.get(zone)
    tried = f"; {jam.attempts} remote clears had no effect" if jam and jam.attempts else ""
    text = f"Zone {zone} of {name} does not move: {machine.zones[zone].value.replace('_', ' ')}{tried}"
    raise_alarm(floor, f"{name}:zone", HIGH, text, "Go there, free the zone, then press CLEAR JAM")


def next_ms(floor: Floor) -> int | None:
    """When the next remote clear is due, or a person has to be asked."""
    times = [
        jam.due_ms
        for machine in floor.state.machines.values()
        for jam in machine.jams.values()
        if jam.due_ms > floor.now_ms
    ]
    return min(times, default=None)
