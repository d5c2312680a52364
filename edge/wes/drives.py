"""The states of a drive, as a table of (event, guard, next), and what is known of each vehicle."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from edge.messages.vehicles import (
    ActionKind,
    CancelDrive,
    DriveAction,
    DriveVehicle,
    ErrorLevel,
    VehicleError,
    VehicleLink,
    VehicleMode,
)
from edge.wes.retreat import Traveller


class DriveState(StrEnum):
    """LOADED from the end of the pick to the end of the drop."""

    PLANNED = "planned"
    SENT = "sent"
    ACCEPTED = "accepted"
    DRIVING = "driving"
    LOADED = "loaded"
    DONE = "done"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"


class DriveEvent(StrEnum):
    """What can happen to a drive; SHOWN when the vehicle says that it has it, OVER when nothing is left of it."""

    SEND = "send"
    SHOWN = "shown"
    MOVED = "moved"
    PICKED = "picked"
    DROPPED = "dropped"
    OVER = "over"
    CANCEL = "cancel"
    CANCELLED = "cancelled"
    FAIL = "fail"


class Purpose(StrEnum):
    CARRY = "carry"
    CHARGE = "charge"
    PARK = "park"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A node to come to, and what to do there; `kind` None = nothing but being there."""

    node: str
    kind: ActionKind | None = None
    action_id: str = ""
    location: str = ""


@dataclass(slots=True, kw_only=True)
class DriveRecord:
    """One order to one vehicle. `stops` are still to come, the next one first.

    `first` is the number of the node the vehicle passed last, `sent_to` that of the last node released to it; `acts`
    are the actions released, by the number of their node. `update` was sent last, `shown` seen last (-1 = none).
    """

    drive_id: str
    number: int
    purpose: Purpose
    state: DriveState = DriveState.PLANNED
    task_id: str = ""
    stops: tuple[Stop, ...] = ()
    first: int = 0
    sent_to: int = -2
    acts: tuple[tuple[int, DriveAction], ...] = ()
    actions: int = 0
    update: int = -1
    shown: int = -1
    horizon: bool = False
    """Whether what was sent last has a horizon: then the vehicle waits for more."""
    sent: DriveVehicle | None = None
    cancel: CancelDrive | None = None
    despite: tuple[VehicleError, ...] = ()
    """Errors the vehicle has reported since before this drive, which therefore are not of it."""

    @property
    def open(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def answered(self) -> bool:
        """The vehicle has what was sent last."""
        return self.shown == self.update

    @property
    def bound(self) -> bool:
        """What is to be done at the next stop was released already: it will happen."""
        return bool(self.stops) and any(act.action_id == self.stops[0].action_id for _, act in self.acts)

    @property
    def free(self) -> bool:
        """It may be led elsewhere: nothing of it has to be."""
        return self.open and self.purpose is not Purpose.CARRY and not self.bound


UNDER_WAY = (
    DriveState.PLANNED, DriveState.SENT, DriveState.ACCEPTED, DriveState.DRIVING, DriveState.LOADED,
)  # fmt: skip
GIVEN = UNDER_WAY[1:]

Guard = Callable[[DriveRecord], bool]


def always(drive: DriveRecord) -> bool:
    return True


def was_sent(drive: DriveRecord) -> bool:
    return drive.update >= 0


def never_sent(drive: DriveRecord) -> bool:
    return drive.update < 0


def nothing_left(drive: DriveRecord) -> bool:
    return not drive.stops


TABLE: tuple[tuple[tuple[DriveState, ...], DriveEvent, Guard, DriveState], ...] = (
    ((DriveState.PLANNED,), DriveEvent.SEND, always, DriveState.SENT),
    ((DriveState.SENT,), DriveEvent.SHOWN, always, DriveState.ACCEPTED),
    ((DriveState.ACCEPTED,), DriveEvent.MOVED, always, DriveState.DRIVING),
    ((DriveState.ACCEPTED, DriveState.DRIVING), DriveEvent.PICKED, always, DriveState.LOADED),
    ((DriveState.LOADED,), DriveEvent.DROPPED, always, DriveState.DRIVING),
    ((*GIVEN, DriveState.PLANNED), DriveEvent.OVER, nothing_left, DriveState.DONE),
    ((DriveState.PLANNED,), DriveEvent.CANCEL, never_sent, DriveState.CANCELLED),
    (GIVEN, DriveEvent.CANCEL, was_sent, DriveState.CANCELLING),
    ((DriveState.CANCELLING,), DriveEvent.CANCELLED, always, DriveState.CANCELLED),
    ((*GIVEN, DriveState.CANCELLING), DriveEvent.FAIL, always, DriveState.FAILED),
)
"""The first row whose state, event and guard hold gives the next state; from the last three nothing leads on."""


def advance(drive: DriveRecord, event: DriveEvent) -> bool:
    """Move the drive along the table; False, and nothing changed, where the table has no row for it."""
    for states, row_event, guard, state in TABLE:
        if row_event is event and drive.state in states and guard(drive):
            drive.state = state
            return True
    return False


@dataclass(slots=True, kw_only=True)
class VehicleRecord:
    """A vehicle as it last described itself, where it is, and what it was told. `awaited` = silent since the start.

    `aboard` is the unit it took up as far as we know; `order` what it has not finished by its own word.
    """

    vehicle_id: str
    way: Traveller
    awaited: bool = True
    link: VehicleLink = VehicleLink.OFFLINE
    mode: VehicleMode = VehicleMode.UNKNOWN
    errors: tuple[VehicleError, ...] = ()
    battery: int | None = None
    charging: bool = False
    node_id: str = ""
    past_mm: int = 0
    localized: bool = True
    paused: bool = False
    stopped: str = ""
    loads: tuple[str, ...] | None = None
    order: str = ""
    reason: str = ""
    trespassed: str = ""
    nodes_max: int = 0
    low: bool = False
    aboard: str = ""
    drive: DriveRecord | None = None
    idle_ms: int = 0
    """Since when it has nothing to do; 0 = it has."""
    since_ms: int = 0
    """Since when it cannot drive."""
    retry_ms: int = 0
    """No new drive before; 0 = at once."""
    stranded: str = ""
    """Why a person was asked to see to its load or its task; "" = nobody was."""


def gave_up(vehicle: VehicleRecord) -> list[str]:
    """The errors for which it cannot go on with its drive; another one it may take (VDA 5050 3.0, 6.6.5: CRITICAL)."""
    if vehicle.drive is None:
        return []
    before = vehicle.drive.despite
    return [each.kind for each in vehicle.errors if each.level is ErrorLevel.CRITICAL and each not in before]


def cannot_drive(vehicle: VehicleRecord) -> str:
    """Why nobody may send it anywhere, in words; "" when one may."""
    if vehicle.awaited:
        return "has not reported since the start"
    if vehicle.link is not VehicleLink.ONLINE:
        return f"is {vehicle.link.value}"
    if vehicle.mode is not VehicleMode.AUTOMATIC:
        return f"is in mode {vehicle.mode.value}"
    errors = [each.kind for each in vehicle.errors if each.level is ErrorLevel.FATAL] + gave_up(vehicle)
    if errors:
        return f"has an error: {', '.join(errors[:3])}"
    if vehicle.stopped == "ESTOP":
        return "is held by its emergency stop"
    if not vehicle.localized:
        return "does not know where it is"
    if vehicle.trespassed:
        return f"stands at {vehicle.node_id}, which {vehicle.trespassed} holds"
    if not vehicle.way.held:
        return f"stands at {vehicle.node_id or 'no node'}, which is not on the layout"
    ours = vehicle.drive.drive_id if vehicle.drive else ""
    if vehicle.order not in ("", ours):
        return f"drives an order of somebody else, {vehicle.order}"
    return ""
