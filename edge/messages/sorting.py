"""Scanners and lanes: where units shall go, what became of them. Codes after plc-and-standards 1.4."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


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
    UNKNOWN = 99
    """The PLC sent a number that is not in this list: nobody knows where the unit is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneChanged:
    """What keeps units out of a lane, or soon will. `count` is the PLC's rolling count of units diverted into it."""

    at_ms: int
    machine_id: str
    lane: int
    enabled: bool
    full: bool
    jam: bool
    almost_full: bool = False
    rate_limited: bool = False
    count: int = 0


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


class Flaw(StrEnum):
    """How a handshake with a PLC went wrong."""

    REQUESTS_MISSED = "requests_missed"
    """Overwritten or unreadable before they could be answered: the PLC decides alone."""
    REPORTS_MISSED = "reports_missed"
    """Overwritten or unreadable: what became of so many units is not known."""
    DECISIONS_LATE = "decisions_late"
    DECISIONS_MISSING = "decisions_missing"
    DECISIONS_UNREAD = "decisions_unread"
    """Written and confirmed, but the PLC takes none of them over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeFailed:
    """So many exchanges with the machine's PLC failed; `seq` is the newest number concerned, 0 if there is none."""

    at_ms: int
    machine_id: str
    boot: int
    flaw: Flaw
    count: int
    seq: int = 0
    detail: str = ""
