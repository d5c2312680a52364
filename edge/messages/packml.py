"""PackML as tables (ISA-TR88.00.02): which command is legal in which state, and whose time each state is.

The PLC decides in the end and answers REJECTED; the table spares it what it would refuse, with a reason for people.
"""

from enum import StrEnum

from edge.messages.machines import Flow, Link, MachineChanged, MachineCommand, PackMl

TOWARDS_MOTION = (
    MachineCommand.CLEAR,
    MachineCommand.RESET,
    MachineCommand.START,
    MachineCommand.UNHOLD,
    MachineCommand.UNSUSPEND,
    MachineCommand.CLEAR_JAM,
    MachineCommand.RELEASE,
)
"""Not given while an emergency stop is pressed: only a person at the machine can say that it may move again."""

_CLEARED = (
    PackMl.STARTING, PackMl.IDLE, PackMl.SUSPENDED, PackMl.EXECUTE, PackMl.HOLDING, PackMl.HELD, PackMl.UNHOLDING,
    PackMl.SUSPENDING, PackMl.UNSUSPENDING, PackMl.RESETTING, PackMl.COMPLETING, PackMl.COMPLETE,
)  # fmt: skip

LEGAL: dict[MachineCommand, tuple[PackMl, ...]] = {
    MachineCommand.RESET: (PackMl.STOPPED, PackMl.COMPLETE),
    MachineCommand.START: (PackMl.IDLE,),
    MachineCommand.STOP: _CLEARED,
    MachineCommand.HOLD: (PackMl.EXECUTE,),
    MachineCommand.UNHOLD: (PackMl.HELD,),
    MachineCommand.SUSPEND: (PackMl.EXECUTE,),
    MachineCommand.UNSUSPEND: (PackMl.SUSPENDED,),
    MachineCommand.ABORT: (*_CLEARED, PackMl.STOPPING, PackMl.STOPPED, PackMl.CLEARING),
    MachineCommand.CLEAR: (PackMl.ABORTED,),
    MachineCommand.COMPLETE: (PackMl.EXECUTE,),
}
"""The states a command is for; commands that are not PackML's are legal in every state."""


def illegal(command: MachineCommand, state: PackMl) -> str:
    """Why a command cannot be given in a state, as a sentence; "" if it can. A state nobody knows refuses nothing."""
    legal = LEGAL.get(command)
    if legal is None or state is PackMl.UNKNOWN or state in legal:
        return ""
    allowed = [each.name for each, states in LEGAL.items() if state in states]
    return f"{command.name} is for {' or '.join(each.name for each in legal[:3])}; {state.name} takes " + (
        ", ".join(allowed) or "no command"
    )


class Time(StrEnum):
    """Whose time it is: the categories behind OEE."""

    PRODUCING = "producing"
    STARVED = "starved"
    BLOCKED = "blocked"
    HELD = "held"
    """Stopped in mid-work by a cause of its own."""
    SUSPENDED = "suspended"
    """Stopped in mid-work by a neighbour."""
    STOPPED = "stopped"
    ABORTED = "aborted"
    UNKNOWN = "unknown"
    """Nobody saw it: the link was lost."""


TIMES: dict[PackMl, Time] = {
    PackMl.UNKNOWN: Time.UNKNOWN,
    PackMl.CLEARING: Time.ABORTED,
    PackMl.STOPPED: Time.STOPPED,
    PackMl.STARTING: Time.STOPPED,
    PackMl.IDLE: Time.STOPPED,
    PackMl.SUSPENDED: Time.SUSPENDED,
    PackMl.EXECUTE: Time.PRODUCING,
    PackMl.STOPPING: Time.STOPPED,
    PackMl.ABORTING: Time.ABORTED,
    PackMl.ABORTED: Time.ABORTED,
    PackMl.HOLDING: Time.HELD,
    PackMl.HELD: Time.HELD,
    PackMl.UNHOLDING: Time.HELD,
    PackMl.SUSPENDING: Time.SUSPENDED,
    PackMl.UNSUSPENDING: Time.SUSPENDED,
    PackMl.RESETTING: Time.STOPPED,
    PackMl.COMPLETING: Time.PRODUCING,
    PackMl.COMPLETE: Time.STOPPED,
}
"""Every state has a row."""
OWN = (Time.HELD, Time.STOPPED, Time.ABORTED)
"""Lost by the machine itself. What neighbours cost it (starved, blocked, suspended) and what nobody saw is not."""


def time_of(message: MachineChanged) -> Time:
    """The category of the time that begins with this change."""
    if message.link is Link.LOST:
        return Time.UNKNOWN
    time = TIMES[message.state]
    if time is not Time.PRODUCING or message.flow is Flow.NORMAL:
        return time
    return Time.STARVED if message.flow is Flow.STARVED else Time.BLOCKED
