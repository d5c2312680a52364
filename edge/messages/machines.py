"""Machines: what PLCs report and what they are told. Codes after plc-and-standards 2.4 and 9."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class PackMl(IntEnum):
    """Machine states, numbered as in OPC 30050 (ISA-TR88.00.02)."""

    UNKNOWN = 0
    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    SUSPENDED = 5
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    HOLDING = 10
    HELD = 11
    UNHOLDING = 12
    SUSPENDING = 13
    UNSUSPENDING = 14
    RESETTING = 15
    COMPLETING = 16
    COMPLETE = 17


class MachineCommand(IntEnum):
    """Codes of the command mailbox."""

    RESET = 1
    START = 2
    STOP = 3
    HOLD = 4
    UNHOLD = 5
    SUSPEND = 6
    UNSUSPEND = 7
    ABORT = 8
    CLEAR = 9
    COMPLETE = 10
    LANE_ENABLE = 100
    LANE_DISABLE = 101
    CLEAR_JAM = 102
    ACCUMULATE = 110
    """(zone, 1 or 0): a conveyor zone keeps its unit, or no longer."""
    RELEASE = 111
    """(zone,): one unit leaves a zone that accumulates."""


class Link(StrEnum):
    GOOD = "good"
    LOST = "lost"


class Flow(StrEnum):
    """Whether a machine that could work has something to do, and somewhere to put it."""

    NORMAL = ""
    STARVED = "starved"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineChanged:
    """The machine's PackML state, its flow or the quality of its link changed. `boot` is the PLC's epoch.

    `reason` is the cause as code and detail: of the link when that is lost ("HEARTBEAT_STALE"), else the machine's own
    ("ESTOP zones 3", "PART_LOST", "FAULT_17").
    """

    at_ms: int
    machine_id: str
    state: PackMl
    link: Link
    boot: int = 0
    reason: str = ""
    flow: Flow = Flow.NORMAL


class ZoneFault(StrEnum):
    """What keeps a conveyor zone from moving its unit on, the gravest one."""

    NONE = ""
    ESTOP = "estop"
    MOTOR = "motor"
    SENSOR_JAM = "sensor_jam"
    ARRIVAL_JAM = "arrival_jam"
    MAINTENANCE = "maintenance"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneChanged:
    """A conveyor zone got into trouble or out of it, or began or ceased to accumulate; not told for passing units.

    `arrivals` and `departures` are the PLC's rolling counts, `tracking_id` is the unit in the zone (0 = none).
    """

    at_ms: int
    machine_id: str
    zone: int
    fault: ZoneFault
    accumulating: bool
    blocked: bool
    arrivals: int
    departures: int
    tracking_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeChanged:
    """A merge moves, or stands with units waiting at it; `waiting` counts them per inlet."""

    at_ms: int
    machine_id: str
    merge: int
    moving: bool
    mode: int
    waiting: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkGap:
    """The link could not go on where it was: notifications of these milliseconds may be missing.

    Everything has been read anew, and the rings are caught up by their numbers. `reason` SUBSCRIPTION_GONE,
    SUBSCRIPTION_SILENT, MESSAGES_LOST or QUEUE_OVERFLOW.
    """

    at_ms: int
    machine_id: str
    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartJob:
    """A robot shall pick `quantity` from `source` into `hu_id`. `job_id` is unique per site and never used twice.

    `boot` is the PLC's epoch when it was decided: a PLC that has restarted since is not given the job (0 = any).
    """

    at_ms: int
    machine_id: str
    job_id: int
    task_id: str
    source: str
    sku: str
    hu_id: str
    quantity: int
    boot: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOverdue:
    """The robot has worked on a job three times as long as it should take; it still has it, so somebody must look."""

    at_ms: int
    machine_id: str
    job_id: int
    worked_ms: int
    nominal_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """What the robot did. `picked` may be below the asked quantity.

    `result` OK, SHORT, REJECTED (never begun), FAULT, PART_LOST (it may lie in the cell) or UNKNOWN.
    """

    at_ms: int
    machine_id: str
    job_id: int
    result: str
    picked: int
    cycle_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMachine:
    """A command for the mailbox of a machine; `args` fill CmdArg1..3. `request_id` names the request behind it."""

    at_ms: int
    machine_id: str
    command: MachineCommand
    args: tuple[int, ...] = ()
    by: str = "wes"
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnded:
    """What became of a command: DONE, ACCEPTED, REJECTED, TIMEOUT or UNKNOWN.

    REJECTED and TIMEOUT are certain: it was not carried out and will not be. UNKNOWN: it may have been.
    """

    at_ms: int
    machine_id: str
    command: MachineCommand
    args: tuple[int, ...] = ()
    result: str
    reason: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCommandRequested:
    """An operator asks for a command; the WES checks it before anything moves."""

    at_ms: int
    machine_id: str
    command: MachineCommand
    args: tuple[int, ...] = ()
    by: str
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCommandRefused:
    """A request that nothing was sent for: `reason` is the code, `detail` says what would be right."""

    at_ms: int
    machine_id: str
    command: MachineCommand
    args: tuple[int, ...] = ()
    by: str
    request_id: str = ""
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised:
    """A condition that needs somebody (ISA-18.2): what it is, and what to do. Priority 1 emergency .. 4 low."""

    at_ms: int
    alarm_id: str
    source: str
    priority: int
    text: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared:
    at_ms: int
    alarm_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmAcknowledged:
    at_ms: int
    alarm_id: str
    by: str
