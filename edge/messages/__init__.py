"""Every word that crosses a wall, as plain frozen dataclasses; the first room to read.

Events and facts are in the past tense (`UnitScanned`), commands in the imperative (`DivertUnit`). `READERS` says who
reads what: `oms`, `wms` and `wes` are systems, `machines` is the equipment of the box. A message nobody reads is a
fact for the journal, the page and the report. A message with a `site` goes to that site's system.

One word per thing: order, line, item (sku), handling unit (hu), location, lane, zone, task, resource, machine,
departure, route, site. Times are `at_ms`: UTC milliseconds of the site's clock, the moment the thing happened.
"""

from edge.messages.machines import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    CommandEnded,
    CommandMachine,
    Flow,
    JobEnded,
    JobOverdue,
    Link,
    LinkGap,
    MachineChanged,
    MachineCommand,
    MachineCommandRefused,
    MachineCommandRequested,
    MergeChanged,
    PackMl,
    StartJob,
    ZoneChanged,
    ZoneFault,
)
from edge.messages.orders import (
    Departure,
    DepartureAudited,
    DepartureScheduled,
    DeparturesPlanned,
    Item,
    ItemsListed,
    LineQuantity,
    LineResult,
    OrderAccepted,
    OrderCancelRefused,
    OrderCancelRequested,
    OrderCaptured,
    OrderClosed,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderLine,
    OrderOutcome,
    OrderRejected,
    OrderReleased,
    OrderRolled,
)
from edge.messages.outlook import CutoffAtRisk, DepartureOutlook, ForecastMade, Gate, Remedy
from edge.messages.site import (
    DispatchTuning,
    EventSetAside,
    Lane,
    Machine,
    OfficeOpened,
    PeerChanged,
    Place,
    Rack,
    Segment,
    Site,
    SiteOpened,
    Woken,
    Zone,
    lane_location,
    rack_locations,
)
from edge.messages.sorting import (
    DecisionCode,
    DivertUnit,
    Flaw,
    HandshakeFailed,
    LaneAssigned,
    LaneChanged,
    ScanStatus,
    SortResult,
    UnitArrived,
    UnitMissing,
    UnitScanned,
    UnitSorted,
)
from edge.messages.stock import (
    UNIT_READERS,
    AsnAnnounced,
    AsnLine,
    DepartureClosed,
    GoodsReceived,
    GoodsRefused,
    LineShorted,
    OrderAdmitted,
    OrderRefused,
    OrderShipped,
    StockLevel,
    StockLevelsChanged,
    StockLine,
    StockMoved,
    StockOpened,
    UnitContent,
    UnitLoaded,
    UnitMessage,
    UnitPacked,
    UnitRerouted,
    UnitStaged,
    UnitTurnedUp,
    UnitVoided,
)
from edge.messages.vehicles import VEHICLE_READERS, VehicleMessage
from edge.messages.work import (
    Considered,
    OrderHeldBack,
    OrderStarted,
    ResourceJoined,
    ResourceKind,
    ResourceLeft,
    Task,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskDone,
    TaskKind,
    TaskRefused,
    TasksPlanned,
    TaskStarted,
    TaskUnassigned,
    TaskWithdrawn,
)

Message = (
    ItemsListed
    | OrderCaptured
    | OrderCancelRequested
    | OrderHoldPlaced
    | OrderHoldLifted
    | OrderAccepted
    | OrderRejected
    | OrderCancelRefused
    | DeparturesPlanned
    | DepartureScheduled
    | OrderReleased
    | OrderRolled
    | OrderClosed
    | DepartureAudited
    | StockOpened
    | AsnAnnounced
    | GoodsReceived
    | GoodsRefused
    | StockMoved
    | StockLevelsChanged
    | OrderAdmitted
    | OrderRefused
    | LineShorted
    | UnitMessage
    | OrderShipped
    | DepartureClosed
    | TasksPlanned
    | TaskAmended
    | TaskWithdrawn
    | ResourceJoined
    | ResourceLeft
    | TaskAssigned
    | TaskUnassigned
    | TaskStarted
    | TaskDone
    | TaskRefused
    | TaskCompleted
    | OrderHeldBack
    | OrderStarted
    | MachineChanged
    | LaneChanged
    | LaneAssigned
    | ZoneChanged
    | MergeChanged
    | HandshakeFailed
    | LinkGap
    | UnitScanned
    | DivertUnit
    | UnitSorted
    | UnitArrived
    | UnitMissing
    | StartJob
    | JobOverdue
    | JobEnded
    | CommandMachine
    | CommandEnded
    | MachineCommandRequested
    | MachineCommandRefused
    | AlarmRaised
    | AlarmCleared
    | AlarmAcknowledged
    | SiteOpened
    | OfficeOpened
    | Woken
    | PeerChanged
    | EventSetAside
    | ForecastMade
    | CutoffAtRisk
    | VehicleMessage
)
"""Anything that may be reported, sent, or written to the journal."""

READERS: dict[type[Message], tuple[str, ...]] = {
    ItemsListed: ("oms", "wms"),
    OrderCaptured: ("oms",),
    OrderCancelRequested: ("oms",),
    OrderHoldPlaced: ("oms",),
    OrderHoldLifted: ("oms",),
    OrderAccepted: (),
    OrderRejected: (),
    OrderCancelRefused: (),
    DeparturesPlanned: ("oms",),
    DepartureScheduled: ("wms", "wes"),
    OrderReleased: ("wms",),
    OrderRolled: ("wms",),
    OrderClosed: (),
    DepartureAudited: (),
    StockOpened: ("wms",),
    AsnAnnounced: ("wms",),
    GoodsReceived: ("wms",),
    GoodsRefused: (),
    StockMoved: (),
    StockLevelsChanged: ("oms",),
    OrderAdmitted: ("oms",),
    OrderRefused: ("oms",),
    LineShorted: ("oms",),
    **UNIT_READERS,
    OrderShipped: ("oms",),
    DepartureClosed: ("oms", "wes"),
    TasksPlanned: ("wes",),
    TaskAmended: ("wes",),
    TaskWithdrawn: ("wes",),
    ResourceJoined: ("wes",),
    ResourceLeft: ("wes",),
    TaskAssigned: (),
    TaskUnassigned: (),
    TaskStarted: ("wes",),
    TaskDone: ("wes",),
    TaskRefused: (),
    TaskCompleted: ("wms",),
    OrderHeldBack: (),
    OrderStarted: (),
    MachineChanged: ("wes",),
    LaneChanged: ("wes",),
    LaneAssigned: ("wms",),
    ZoneChanged: ("wes",),
    MergeChanged: (),
    HandshakeFailed: ("wes",),
    LinkGap: (),
    UnitScanned: ("wes",),
    DivertUnit: ("machines",),
    UnitSorted: ("wes",),
    UnitArrived: ("wms",),
    UnitMissing: ("wms",),
    StartJob: ("machines",),
    JobOverdue: ("wes",),
    JobEnded: ("wes",),
    CommandMachine: ("machines",),
    CommandEnded: ("wes",),
    MachineCommandRequested: ("wes",),
    MachineCommandRefused: (),
    AlarmRaised: (),
    AlarmCleared: (),
    AlarmAcknowledged: ("wes",),
    SiteOpened: ("wms", "wes"),
    OfficeOpened: ("oms",),
    Woken: ("oms", "wms", "wes"),
    PeerChanged: ("wes", "oms"),
    EventSetAside: ("wes",),
    ForecastMade: ("wes",),
    CutoffAtRisk: (),
    **VEHICLE_READERS,
}
"""Which systems read a message; every kind of message has a row."""

LOCAL: frozenset[type[Message]] = frozenset({SiteOpened, OfficeOpened, Woken, PeerChanged, EventSetAside})
"""Messages about this process itself; they never travel to another one."""

KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in READERS}
"""The kind of a message on the wire and on disk is the name of its class."""

__all__ = [
    "KINDS",
    "LOCAL",
    "READERS",
    "AlarmAcknowledged",
    "AlarmCleared",
    "AlarmRaised",
    "AsnAnnounced",
    "AsnLine",
    "CommandEnded",
    "CommandMachine",
    "Considered",
    "CutoffAtRisk",
    "DecisionCode",
    "Departure",
    "DepartureAudited",
    "DepartureClosed",
    "DepartureOutlook",
    "DepartureScheduled",
    "DeparturesPlanned",
    "DispatchTuning",
    "DivertUnit",
    "EventSetAside",
    "Flaw",
    "Flow",
    "ForecastMade",
    "Gate",
    "GoodsReceived",
    "GoodsRefused",
    "HandshakeFailed",
    "Item",
    "ItemsListed",
    "JobEnded",
    "JobOverdue",
    "Lane",
    "LaneAssigned",
    "LaneChanged",
    "LineQuantity",
    "LineResult",
    "LineShorted",
    "Link",
    "LinkGap",
    "Machine",
    "MachineChanged",
    "MachineCommand",
    "MachineCommandRefused",
    "MachineCommandRequested",
    "MergeChanged",
    "Message",
    "OfficeOpened",
    "OrderAccepted",
    "OrderAdmitted",
    "OrderCancelRefused",
    "OrderCancelRequested",
    "OrderCaptured",
    "OrderClosed",
    "OrderHeldBack",
    "OrderHoldLifted",
    "OrderHoldPlaced",
    "OrderLine",
    "OrderOutcome",
    "OrderRefused",
    "OrderRejected",
    "OrderReleased",
    "OrderRolled",
    "OrderShipped",
    "OrderStarted",
    "PackMl",
    "PeerChanged",
    "Place",
    "Rack",
    "Remedy",
    "ResourceJoined",
    "ResourceKind",
    "ResourceLeft",
    "ScanStatus",
    "Segment",
    "Site",
    "SiteOpened",
    "SortResult",
    "StartJob",
    "StockLevel",
    "StockLevelsChanged",
    "StockLine",
    "StockMoved",
    "StockOpened",
    "Task",
    "TaskAmended",
    "TaskAssigned",
    "TaskCompleted",
    "TaskDone",
    "TaskKind",
    "TaskRefused",
    "TaskStarted",
    "TaskUnassigned",
    "TaskWithdrawn",
    "TasksPlanned",
    "UnitArrived",
    "UnitContent",
    "UnitLoaded",
    "UnitMissing",
    "UnitPacked",
    "UnitRerouted",
    "UnitScanned",
    "UnitSorted",
    "UnitStaged",
    "UnitTurnedUp",
    "UnitVoided",
    "Woken",
    "Zone",
    "ZoneChanged",
    "ZoneFault",
    "lane_location",
    "rack_locations",
]
