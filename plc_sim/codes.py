"""Numbers of the PLC interface (plc-and-standards 1.4, 2.4, 9), written down here a second time on purpose.

A simulator that shared them with its counterparty would test nothing.
"""

from enum import IntEnum

MAP_SORTER = 0x5301
MAP_CONVEYOR = 0x4301
MAP_ROBOT = 0x5201

SEQ_MAX = 65532
"""Sequences run 1..65532 and then 1 again; 0 is none. A multiple of the ring size."""
RING = 4
WORD = 65536
DWORD = 1 << 32


class State(IntEnum):
    """PackML state numbers of OPC 30050."""

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


class Cmd(IntEnum):
    """CmdCode of the mailbox."""

    RESET = 1
    START = 2
    STOP = 3
    HOLD = 4
    UNHOLD = 5
    SUSPEND = 6
    UNSUSPEND = 7
    ABORT = 8
    CLEAR = 9
    TO_COMPLETE = 10
    LANE_ENABLE = 100
    LANE_DISABLE = 101
    CLEAR_JAM = 102
    SET_SPEED = 103
    PURGE_LANE = 104
    SET_FALLBACK = 105
    ACCUMULATE = 110
    RELEASE = 111


class CmdResult(IntEnum):
    NONE = 0
    ACCEPTED = 1
    DONE = 2
    REJECTED = 3
    BUSY = 4


class CmdReason(IntEnum):
    NONE = 0
    STATE = 1
    MODE = 2
    ARGUMENT = 3
    INTERLOCK = 4
    LOCAL = 5


class Scan(IntEnum):
    """ScanStatus of a request."""

    OK = 1
    NO_READ = 2
    MULTI_READ = 3
    SCANNER_FAULT = 6


class Decision(IntEnum):
    """DecisionCode of an answer."""

    ROUTE = 1
    RECIRC = 2
    REJECT = 3
    HOLD = 4
    PASS = 5


class Sort(IntEnum):
    """Result and Reason of a report: what physically happened to a unit."""

    NONE = 0
    DIVERTED = 1
    DIVERTED_ALT = 2
    DEFAULT_LANE = 3
    RECIRCULATED = 4
    NO_READ = 10
    MULTI_READ = 11
    SCANNER_FAULT = 13
    NO_DECISION = 20
    LATE_DECISION = 21
    INVALID_DEST = 22
    HOST_OFFLINE = 23
    UNKNOWN_ITEM = 24
    LANE_FULL = 30
    LANE_DISABLED = 31
    LANE_JAM = 32
    DIVERT_FAILED = 40
    LOST = 42
    UNEXPECTED = 43
    HANDOVER = 44
    MAX_RECIRC = 50
    FLUSHED = 51
    ESTOP = 52


class ReportType(IntEnum):
    SORTED = 1
    LOST = 2
    UNEXPECTED = 3
    FLUSHED = 4


class Bit(IntEnum):
    """Bits of StatusBits."""

    HOST_ONLINE = 0
    RUNNING = 1
    FAULT = 2
    WARNING = 3
    HORN = 4
    ESTOP_CHAIN_OK = 5
    GUARD_OK = 6
    ALL_LANES_FULL = 7
    PURGING = 8
    INFEED_HELD = 9
    FALLBACK = 10


class LaneBit(IntEnum):
    ENABLED = 0
    FULL = 1
    ALMOST_FULL = 2
    JAM = 3
    CONFIRM_EYE = 4
    DISABLED_BY_HOST = 5


class ZoneBit(IntEnum):
    """Bits of a conveyor zone's Flags."""

    SENSOR_JAM = 0
    EYE = 3
    ACCUMULATE = 4
    ESTOP = 6


class ZoneStatus(IntEnum):
    """ConveyLinx numbers."""

    CLEAR_STOPPED = 1
    CLEAR_RUNNING = 2
    BLOCKED_RUNNING = 4
    BLOCKED_STOPPED = 5


class FaultCode(IntEnum):
    """FaultCode of the header, first out: it stays until its cause is gone, whatever follows."""

    NONE = 0
    ESTOP = 1
    JAM = 2
    PART_LOST = 3


class Fallback(IntEnum):
    """What a sorter does without a WCS; argument of SetFallback."""

    DEFAULT_LANE = 0
    STOP = 1


class MergeMode(IntEnum):
    FIFO = 0
    PRIORITY = 1
    RATIO = 2


class JobError(IntEnum):
    """ErrorCode of the robot."""

    NONE = 0
    NOT_READY = 1
    UNKNOWN_JOB = 2
    BAD_PARAMETER = 3
    PART_LOST = 4
    ESTOP = 5
    SLOT_EMPTY = 6


class JobResult(IntEnum):
    NONE = 0
    OK = 1
    SHORT = 2
    FAILED = 3
