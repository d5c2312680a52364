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
    DecisionCode,
    DivertUnit,
    JobEnded,
    LaneAssigned,
    LaneChanged,
    Link,
    MachineChanged,
    MachineCommand,
    MachineCommandRequested,
    PackMl,
    ScanStatus,
    SortResult,
    StartJob,
    UnitArrived,
    UnitMissing,
    UnitScanned,
    UnitSorted,
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
    Site,
    SiteOpened,
    Woken,
    Zone,
    lane_location,
    rack_locations,
)
from edge.messages.stock import (
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
    UnitPacked,
    UnitRerouted,
    UnitStaged,
)
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
    | UnitPacked
    | UnitStaged
    | UnitLoaded
    | UnitRerouted
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
    | UnitScanned
    | DivertUnit
    | UnitSorted
    | UnitArrived
    | UnitMissing
    | StartJob
    | JobEnded
    | CommandMachine
    | CommandEnded
    | MachineCommandRequested
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
    UnitPacked: ("wes", "oms"),
    UnitStaged: ("oms",),
    UnitLoaded: ("oms",),
    UnitRerouted: ("wes",),
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
    UnitScanned: ("wes",),
    DivertUnit: ("machines",),
    UnitSorted: ("wes",),
    UnitArrived: ("wms",),
    UnitMissing: ("wms",),
    StartJob: ("machines",),
    JobEnded: ("wes",),
    CommandMachine: ("machines",),
    CommandEnded: ("wes",),
    MachineCommandRequested: ("wes",),
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
    "ForecastMade",
    "Gate",
    "GoodsReceived",
    "GoodsRefused",
    "Item",
    "ItemsListed",
    "JobEnded",
    "Lane",
    "LaneAssigned",
    "LaneChanged",
    "LineQuantity",
    "LineResult",
    "LineShorted",
    "Link",
    "Machine",
    "MachineChanged",
    "MachineCommand",
    "MachineCommandRequested",
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
    "Woken",
    "Zone",
    "lane_location",
    "rack_locations",
]
