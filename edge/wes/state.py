"""What the WES knows, as plain records that go to disk and come back; nothing here can be computed from the rest."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from edge.messages import (
    AlarmRaised,
    DispatchTuning,
    DivertUnit,
    Link,
    MachineCommand,
    PackMl,
    ResourceKind,
    Site,
    UnitScanned,
    ZoneFault,
)
from edge.wes.calibrate import ScoreRecord, TimesRecord, copied_score, copied_times
from edge.wes.demand import DemandRecord, copied_demand
from edge.wes.drives import VehicleRecord
from edge.wes.tasks import TaskRecord

DONE_MAX = 200_000
"""Finished tasks remembered to answer duplicates."""
ORDERS_MAX = 100_000
"""Orders of which it is remembered what was said about them."""
UNITS_MAX = 100_000
DELIVERED_MAX = 20_000
"""Shipped units remembered, to know one that comes back."""

Key = TypeVar("Key")
Value = TypeVar("Value")


def remember(table: dict[Key, Value], key: Key, value: Value, limit: int) -> None:
    """Put an entry into a table that forgets its oldest tenth when it grows past `limit`."""
    table[key] = value
    if len(table) > limit:
        for old in list(islice(table, max(1, limit // 10))):
            del table[old]


class UnitPlace(StrEnum):
    """Where a handling unit is, as far as the machines say."""

    PACKED = "packed"
    CONVEYOR = "conveyor"
    SORTER = "sorter"
    LANE = "lane"
    MISSING = "missing"


@dataclass(slots=True, kw_only=True)
class ResourceRecord:
    """A person, a robot or a vehicle. `available` is False for one that cannot work; `home` is where it joined."""

    resource_id: str
    kind: ResourceKind
    skills: tuple[str, ...]
    zones: tuple[str, ...]
    number: int
    home: str = ""
    location: str = ""
    task_id: str = ""
    available: bool = True
    rest_until_ms: int = 0
    failures: int = 0
    row: int = -1
    """On the board."""
    factor_q10: int = 0
    """How long it takes compared with everybody, as it was believed when it joined."""
    ready_ms: int = 0
    """When the task in hand should be done."""
    worked_ms: int = 0
    """So long it has been at tasks since it joined, walks included."""
    preempted_ms: int = 0
    """When it was last sent elsewhere on the way."""
    trip: tuple[str, ...] = ()
    """The tasks to do after it, in this order."""


@dataclass(slots=True, kw_only=True)
class WipRecord:
    """A handling unit that is to be filled in a zone with a WIP limit; `inside` when it counts against the limit."""

    hu_id: str
    order_id: str
    zone: str
    departure_id: str
    number: int
    planned_ms: int
    rank: int = 0
    last_ms: int = 0
    """When it must begin to be in time, as reckoned when it was ranked."""
    late: bool = False
    robot: bool = False
    inside: bool = False
    goods: bool = False
    pack: bool = False


@dataclass(slots=True, kw_only=True)
class OrderRecord:
    """What was said about an order: that it started, and the reasons why it was held back."""

    started: bool = False
    held: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class UnitRecord:
    """A packed handling unit on its way to the dock. `location` is set while it lies in a lane."""

    hu_id: str
    order_id: str
    route: str
    departure_id: str
    due_ms: int
    place: UnitPlace = UnitPlace.PACKED
    machine_id: str = ""
    location: str = ""
    zone: str = ""
    """Where it was packed."""
    packed_ms: int = 0
    """0 once it has come to its lane."""
    seen_ms: int = 0
    """When it was last read, or put on a belt."""


@dataclass(slots=True, kw_only=True)
class DepartureRecord:
    """A departure; `foreseen_ms` is its last forecast, `doubtful` how many in a row said the other of `at_risk`."""

    route: str
    cutoff_ms: int
    at_risk: bool = False
    foreseen_ms: int = 0
    doubtful: int = 0


@dataclass(slots=True, kw_only=True)
class AlarmRecord:
    """An active alarm. `clear_at_ms` clears it by itself; `ack_clears` when nothing but a person can say it is over."""

    raised: AlarmRaised
    clear_at_ms: int = 0
    ack_clears: bool = False
    acknowledged_by: str = ""


@dataclass(slots=True, kw_only=True)
class LaneTable:
    """The lanes of a sorter side by side, ordered by lane number. `bound` units were sent and have not arrived.

    `sent_ms` is when the last one was sent, `given` who holds a pool lane ("" = nobody; see lanes).
    """

    lanes: list[int] = field(default_factory=list)
    capacity: list[int] = field(default_factory=list)
    load: list[int] = field(default_factory=list)
    bound: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    sent_ms: list[int] = field(default_factory=list)
    given: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Ride:
    """A unit let onto a sorter and not seen off it. `boot` is the sorter's, `lane` where it was sent."""

    boot: int
    via: str = ""
    lane: int = 0
    scanned: bool = False
    rounds: int = 0
    earlier: int = 0
    """How often it has gone round, as the PLC counts, and before the PLC forgot it and began to count anew."""


@dataclass(slots=True, kw_only=True)
class Track:
    """Which unit a PLC means by a tracking id; `hu_id` is empty for one that cannot be named, `ride` its place."""

    boot: int
    hu_id: str
    ride: str
    barcode: str = ""
    """What was read, where that named no unit then; it may by the time of the report."""


@dataclass(slots=True, kw_only=True)
class JamRecord:
    """A conveyor zone that jammed at `since_ms`: so many `attempts` to clear it, the next is due at `due_ms`."""

    since_ms: int
    attempts: int = 0
    due_ms: int = 0


@dataclass(slots=True, kw_only=True)
class MachineRecord:
    """One machine. `awaited` until it has reported after a start; `command` is the one waiting for its answer."""

    machine_id: str
    state: PackMl = PackMl.UNKNOWN
    link: Link = Link.LOST
    reason: str = ""
    """What the machine gave as the cause of its state."""
    since_ms: int = 0
    boot: int = 0
    awaited: bool = True
    command: MachineCommand | None = None
    tries: int = 0
    retry_at_ms: int = 0
    stopped_by: str = ""
    queue: list[str] = field(default_factory=list)
    waiting: UnitScanned | None = None
    waiting_number: int = 0
    lanes: LaneTable = field(default_factory=LaneTable)
    riding: dict[str, Ride] = field(default_factory=dict)
    tracking: dict[int, Track] = field(default_factory=dict)
    answers: dict[str, DivertUnit] = field(default_factory=dict)
    reports: dict[str, int] = field(default_factory=dict)
    zones: dict[int, ZoneFault] = field(default_factory=dict)
    """The zones of a conveyor that cannot move their units on, and why."""
    accumulating: dict[int, None] = field(default_factory=dict)
    """The zones that have been told to keep theirs."""
    jams: dict[int, JamRecord] = field(default_factory=dict)
    """The zones that jammed lately."""


@dataclass(slots=True, kw_only=True)
class State:
    """All of it. `done` maps finished tasks to their doer ("" = cancelled), `delivered` shipped units to departures."""

    site: Site | None = None
    dispatch: str = "rolling"
    tuning: DispatchTuning = field(default_factory=DispatchTuning)
    origin_ms: int = 0
    """The board counts its time from here: the last start."""
    opened_ms: int = 0
    """The last start; what began before it says nothing about how long work takes."""
    assignment: dict[str, list[int]] = field(default_factory=dict)
    """The rolling assignment as it had grown when the state was saved."""
    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)
    resources: dict[str, ResourceRecord] = field(default_factory=dict)
    wip: dict[str, WipRecord] = field(default_factory=dict)
    unreported: dict[str, str] = field(default_factory=dict)
    """Units just packed whose pack report has not come yet -> their departures."""
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    units: dict[str, UnitRecord] = field(default_factory=dict)
    delivered: dict[str, str] = field(default_factory=dict)
    expected: dict[str, int] = field(default_factory=dict)
    """Units let go to a sorter and not seen there yet -> when that is too long ago."""
    strays: dict[str, str] = field(default_factory=dict)
    """Barcodes read before their unit was known as packed -> where last: a machine, or a lane location."""
    voided: dict[str, None] = field(default_factory=dict)
    """Units that were given up and have not turned up."""
    departures: dict[str, DepartureRecord] = field(default_factory=dict)
    machines: dict[str, MachineRecord] = field(default_factory=dict)
    vehicles: dict[str, VehicleRecord] = field(default_factory=dict)
    alarms: dict[str, AlarmRecord] = field(default_factory=dict)
    times: TimesRecord = field(default_factory=TimesRecord)
    score: ScoreRecord = field(default_factory=ScoreRecord)
    demand: DemandRecord = field(default_factory=DemandRecord)
    alarms_dropped: int = 0
    reports_ignored: int = 0
    last_task: int = 0
    last_resource: int = 0
    last_unit: int = 0
    last_request: int = 0
    last_job: int = 0
    last_drive: int = 0


def twin_of(record: Value) -> Value:
    """A shallow copy of a slotted record, some times faster than copy.copy."""
    twin: Value = object.__new__(type(record))
    for name in type(record).__slots__:  # type: ignore[attr-defined]
        setattr(twin, name, getattr(record, name))
    return twin


def copies(table: dict[Key, Value]) -> dict[Key, Value]:
    """A table of copied records; their own fields never change in place."""
    return {key: twin_of(value) for key, value in table.items()}


def copied_machine(machine: MachineRecord) -> MachineRecord:
    twin = twin_of(machine)
    twin.queue = list(machine.queue)
    twin.lanes = LaneTable(**{f.name: list(getattr(machine.lanes, f.name)) for f in fields(LaneTable)})
    twin.riding = copies(machine.riding)
    twin.tracking = copies(machine.tracking)
    twin.answers = dict(machine.answers)
    twin.reports = dict(machine.reports)
    twin.zones = dict(machine.zones)
    twin.accumulating = dict(machine.accumulating)
    twin.jams = copies(machine.jams)
    return twin


def copied_vehicle(vehicle: VehicleRecord) -> VehicleRecord:
    twin = twin_of(vehicle)
    twin.way = twin_of(vehicle.way)
    twin.drive = twin_of(vehicle.drive) if vehicle.drive is not None else None
    return twin


def copied(state: State) -> State:
    """A copy that shares nothing that changes."""
    twin = twin_of(state)
    twin.tasks = copies(state.tasks)
    twin.done = dict(state.done)
    twin.resources = copies(state.resources)
    twin.wip = copies(state.wip)
    twin.unreported = dict(state.unreported)
    twin.orders = copies(state.orders)
    twin.units = copies(state.units)
    twin.delivered = dict(state.delivered)
    twin.expected = dict(state.expected)
    twin.strays = dict(state.strays)
    twin.voided = dict(state.voided)
    twin.departures = copies(state.departures)
    twin.machines = {key: copied_machine(machine) for key, machine in state.machines.items()}
    twin.vehicles = {key: copied_vehicle(vehicle) for key, vehicle in state.vehicles.items()}
    twin.alarms = copies(state.alarms)
    twin.times = copied_times(state.times)
    twin.score = copied_score(state.score)
    twin.demand = copied_demand(state.demand)
    return twin


def in_order(records: Iterable[TaskRecord]) -> list[TaskRecord]:
    return sorted(records, key=lambda record: record.number)
