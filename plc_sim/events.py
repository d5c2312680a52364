"""What the world says happened: the entries of `World.drain()`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A PLC asks where a unit shall go; `budget_ms` is wall time, 0 = the unit stands and waits."""

    at_ms: int
    machine_id: str
    boot: int
    seq: int
    tracking_id: int
    decision_point: int
    scan_status: int
    barcode: str
    recirc_count: int
    budget_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A PLC says what became of a unit; `actual_lane` 0 = in no lane."""

    at_ms: int
    machine_id: str
    boot: int
    seq: int
    type: int
    tracking_id: int
    actual_lane: int
    requested_lane: int
    result: int
    reason: int
    decision_seq: int
    decision_latency_ms: int
    recirc_count: int
    decision_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged:
    at_ms: int
    machine_id: str
    state: int
    boot: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """A lane's bits changed."""

    at_ms: int
    machine_id: str
    lane: int
    enabled: bool
    full: bool
    almost_full: bool
    jam: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneState:
    """A conveyor zone jammed or is free again, was told to keep its unit or to let it go, is under an e-stop."""

    at_ms: int
    machine_id: str
    zone: int
    jam: bool
    estop: bool
    accumulating: bool
    blocked: bool
    arrivals: int
    departures: int
    tracking_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished:
    """`result` and `error` are JobResult and JobError; `cycle_ms` is site time."""

    at_ms: int
    machine_id: str
    job_seq: int
    job_id: int
    result: int
    error: int
    picked: int
    cycle_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonStarted:
    at_ms: int
    person: str
    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDone:
    """The person reports the task; it waits for `World.answered` before it takes another."""

    at_ms: int
    person: str
    task_id: str
    quantity: int
    scanned: str
    reason: str


Happening = Request | Report | StateChanged | LaneState | ZoneState | JobFinished | PersonStarted | PersonDone
