"""Vehicles (AGVs, AMRs): what they report, and what they are told; VDA 5050 without its wire.

A drive is one order to one vehicle: nodes and edges in turn, numbered 0, 1, 2 ... (nodes even, edges odd). The released
ones at its beginning are the base, which never changes once sent; the others are the horizon. An update has the next
`update` number and begins at the last node of the base before it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class VehicleLink(StrEnum):
    """What is known of the connection: BROKEN is its last will, SILENT no state for too long, AWAY our own broker."""

    ONLINE = "online"
    OFFLINE = "offline"
    BROKEN = "broken"
    SILENT = "silent"
    AWAY = "away"


class VehicleMode(StrEnum):
    """Only in AUTOMATIC a vehicle is ours to drive."""

    UNKNOWN = "unknown"
    STARTUP = "startup"
    AUTOMATIC = "automatic"
    SEMIAUTOMATIC = "semiautomatic"
    INTERVENED = "intervened"
    MANUAL = "manual"
    SERVICE = "service"
    TEACH_IN = "teach_in"


class ErrorLevel(StrEnum):
    """With WARNING and URGENT a vehicle drives on; with CRITICAL and FATAL it does not."""

    WARNING = "warning"
    URGENT = "urgent"
    CRITICAL = "critical"
    FATAL = "fatal"


class ActionKind(StrEnum):
    PICK = "pick"
    DROP = "drop"
    START_CHARGING = "start_charging"
    STOP_CHARGING = "stop_charging"
    PAUSE = "pause"
    RESUME = "resume"


class ActionStatus(StrEnum):
    WAITING = "waiting"
    INITIALIZING = "initializing"
    RUNNING = "running"
    PAUSED = "paused"
    RETRIABLE = "retriable"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleError:
    level: ErrorLevel
    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleChanged:
    """A vehicle's view of itself, whenever something in it that matters has changed.

    `battery` in percent; None = not said, as for `loads`, whose entries are load ids ("" for one without).
    `stopped` ESTOP or FIELD when its safety system holds it. `busy_with` is the order it has not finished; without one,
    `past_mm` is how far beyond `node_id`, the node it passed last, it stands.
    """

    at_ms: int
    vehicle_id: str
    link: VehicleLink
    mode: VehicleMode = VehicleMode.UNKNOWN
    errors: tuple[VehicleError, ...] = ()
    battery: int | None = None
    charging: bool = False
    node_id: str = ""
    past_mm: int = 0
    localized: bool = True
    driving: bool = False
    paused: bool = False
    stopped: str = ""
    loads: tuple[str, ...] | None = None
    busy_with: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleDescribed:
    """What a vehicle says it is and can do (its factsheet); `nodes_max` per order, 0 = no limit said."""

    at_ms: int
    vehicle_id: str
    series: str
    speed_mm_s: int
    nodes_max: int
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionProgress:
    action_id: str
    status: ActionStatus
    result: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveProgressed:
    """How far a vehicle is with a drive: the newest update it has, the last node it passed and that node's number."""

    at_ms: int
    vehicle_id: str
    drive_id: str
    update: int
    node_id: str
    sequence: int
    actions: tuple[ActionProgress, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveRefused:
    """The vehicle does not take this update; `reason` NO_ANSWER is no refusal yet: it is told again and again."""

    at_ms: int
    vehicle_id: str
    drive_id: str
    update: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveEnded:
    """A drive ended before its end: CANCELLED as it was told, or LOST: the vehicle knows nothing of it any more."""

    at_ms: int
    vehicle_id: str
    drive_id: str
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveAction:
    """Something to do at a node; `hu_id` and `station` are for PICK and DROP."""

    action_id: str
    kind: ActionKind
    hu_id: str = ""
    load_type: str = ""
    station: str = ""
    station_kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveNode:
    node_id: str
    sequence: int
    released: bool
    x_mm: int
    y_mm: int
    map_id: str
    theta_mrad: int | None = None
    actions: tuple[DriveAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveEdge:
    edge_id: str
    sequence: int
    released: bool
    start: str
    end: str
    length_mm: int
    speed_mm_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveVehicle:
    """An order or an update of it. The same (drive, update) always has the same content.

    `begun` when told again after a start: the vehicle had the drive before.
    """

    at_ms: int
    vehicle_id: str
    drive_id: str
    update: int
    nodes: tuple[DriveNode, ...]
    edges: tuple[DriveEdge, ...]
    begun: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelDrive:
    """Give up what is left of a drive; ended by DriveEnded. No update of it follows."""

    at_ms: int
    vehicle_id: str
    drive_id: str
    action_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleAction:
    """Do this now (an instant action); ended by VehicleActionEnded."""

    at_ms: int
    vehicle_id: str
    action_id: str
    kind: ActionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleActionEnded:
    """FINISHED, FAILED, or UNKNOWN when no answer came in time."""

    at_ms: int
    vehicle_id: str
    action_id: str
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleActionRequested:
    """An operator asks for PAUSE or RESUME; the WES checks it before anything moves."""

    at_ms: int
    vehicle_id: str
    kind: ActionKind
    by: str


VehicleMessage = (
    VehicleChanged
    | VehicleDescribed
    | DriveProgressed
    | DriveRefused
    | DriveEnded
    | DriveVehicle
    | CancelDrive
    | VehicleAction
    | VehicleActionEnded
    | VehicleActionRequested
)

VEHICLE_READERS: dict[type[Any], tuple[str, ...]] = {
    VehicleChanged: ("wes",),
    VehicleDescribed: ("wes",),
    DriveProgressed: ("wes",),
    DriveRefused: ("wes",),
    DriveEnded: ("wes",),
    DriveVehicle: ("machines",),
    CancelDrive: ("machines",),
    VehicleAction: ("machines",),
    VehicleActionEnded: ("wes",),
    VehicleActionRequested: ("wes",),
}
"""Their rows in the table of readers."""
