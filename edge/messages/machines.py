"""Machines: what PLCs report and what they are told. Codes after plc-and-standards 1.4 and 2.4."""

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
    LANE_ENABLE = 100
    LANE_DISABLE = 101
    CLEAR_JAM = 102


class ScanStatus(IntEnum):
    NONE = 0
    OK = 1
    NO_READ = 2
    MULTI_READ = 3
    CONFLICT = 4
    INVALID = 5
    SCANNER_FAULT = 6


class DecisionCode(IntEnum):
    ROUTE = 1
    RECIRC = 2
    REJECT = 3
    HOLD = 4
    PASS = 5


class SortResult(IntEnum):
    """What happened to a unit; the PLC's word is the truth."""

    NONE = 0
    DIVERTED = 1
    DIVERTED_ALT = 2
    DEFAULT_LANE = 3
    RECIRCULATED = 4
    NO_READ = 10
    MULTI_READ = 11
    CODE_INVALID = 12
    SCANNER_FAULT = 13
    NO_DECISION = 20
    LATE_DECISION = 21
    INVALID_DEST = 22
    HOST_OFFLINE = 23
    UNKNOWN_ITEM = 24
    LANE_FULL = 30
    LANE_DISABLED = 31
    LANE_JAM = 32
    RATE_LIMIT = 33
    GAP_ERROR = 34
    SIZE_ERROR = 35
    DIVERT_FAILED = 40
    MISSORT = 41
    LOST = 42
    UNEXPECTED = 43
    HANDOVER = 44
    MAX_RECIRC = 50
    FLUSHED = 51
    ESTOP = 52


class Link(StrEnum):
    GOOD = "good"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineChanged:
    """The machine's PackML state or the quality of its link changed. `boot` is the PLC's epoch."""

    at_ms: int
    machine_id: str
    state: PackMl
    link: Link
    boot: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneChanged:
    at_ms: int
    machine_id: str
    lane: int
    enabled: bool
    full: bool
    jam: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneAssigned:
    """From now on this pool lane is for the units of a departure, or of one of its orders; "" = for nobody.

    A lane for a wave is for the departures in `also` too.
    """

    at_ms: int
    machine_id: str
    lane: int
    departure_id: str
    reason: str
    order_id: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitScanned:
    """A PLC asks where a unit shall go. (machine_id, boot, seq) names the request once and for all.

    On a sorter the unit keeps moving and `budget_ms` is left to answer; at a conveyor's exit it stands and waits
    (`budget_ms` 0 = no limit).
    """

    at_ms: int
    machine_id: str
    boot: int
    seq: int
    tracking_id: int
    decision_point: int
    status: ScanStatus
    barcode: str
    recirc_count: int
    budget_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DivertUnit:
    """The answer to UnitScanned (boot, seq). ROUTE to `lane` or else `alternate`; PASS lets a conveyor hand it on."""

    at_ms: int
    machine_id: str
    boot: int
    seq: int
    tracking_id: int
    code: DecisionCode
    lane: int = 0
    alternate: int = 0
    max_recirc: int = 3
    hu_id: str = ""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSorted:
    """The PLC's report of what became of a unit. `decision_seq` is the request it was decided by (0 = none)."""

    at_ms: int
    machine_id: str
    boot: int
    seq: int
    tracking_id: int
    lane: int
    requested_lane: int
    result: SortResult
    reason: SortResult
    decision_seq: int
    decision_latency_ms: int
    recirc_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitArrived:
    """The WES knows where a handling unit has come to rest: `location` is a lane location ("sorter1/L03")."""

    at_ms: int
    hu_id: str
    machine_id: str
    location: str
    result: SortResult
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitMissing:
    """The WES lost track of a handling unit (LOST, FLUSHED, PLC restart); a person has to look."""

    at_ms: int
    hu_id: str
    machine_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartJob:
    """A robot shall pick `quantity` from `source` into `hu_id`. `job_id` is unique per site and never used twice."""

    at_ms: int
    machine_id: str
    job_id: int
    task_id: str
    source: str
    sku: str
    hu_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """What the robot did. `picked` may be below the asked quantity; `result` OK, SHORT, REJECTED, FAULT, UNKNOWN."""

    at_ms: int
    machine_id: str
    job_id: int
    result: str
    picked: int
    cycle_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMachine:
    """A command for the mailbox of a machine; `args` fill CmdArg1..3."""

    at_ms: int
    machine_id: str
    command: MachineCommand
    args: tuple[int, ...] = ()
    by: str = "wes"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnded:
    """The mailbox's answer: DONE, ACCEPTED, REJECTED, TIMEOUT or UNKNOWN."""

    at_ms: int
    machine_id: str
    command: MachineCommand
    args: tuple[int, ...] = ()
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCommandRequested:
    """An operator asks for a command; the WES checks it before anything moves."""

    at_ms: int
    machine_id: str
    command: MachineCommand
    args: tuple[int, ...] = ()
    by: str


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
