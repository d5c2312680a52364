"""What one vehicle was told and whether it has it: the rules of VDA 5050 for orders, updates, cancelling and resending.

Nothing on this wire is certain but what the vehicle's state shows. So an order is sent until it is shown, always with
the same content; an update follows only its predecessor; after a restart the state tells what the vehicle has already,
and that is never sent. An order that was shown and is gone is LOST, and never sent again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edge.messages.vehicles import (
    ActionStatus,
    CancelDrive,
    DriveEnded,
    DriveProgressed,
    DriveRefused,
    DriveVehicle,
    VehicleAction,
    VehicleActionEnded,
)
from edge.vda5050 import Fault, Instant, VehicleState
from edge.vda5050.wire import CANCEL, NAMES

RESEND_S = 5.0
"""A state must show what was sent within this time, or it is sent again."""
TRIES_MAX = 6
"""Sendings without an answer before somebody is told; it goes on all the same."""
INSTANT_S = 30.0
"""An instant action without an answer for so long is UNKNOWN."""
INSTANTS_MAX = 20
OVER = (ActionStatus.FINISHED, ActionStatus.FAILED)
ABOUT_ORDERS = ("order", "route", "validation", "startnode", "node", "edge", "map")
"""Kinds of errors that may mean a refusal although they do not name the order."""

DriveEvent = DriveProgressed | DriveRefused | DriveEnded | VehicleActionEnded


@dataclass(slots=True)
class Counts:
    """What went wrong on a vehicle's wire since the start; for the figures."""

    rubbish: int = 0
    """Messages that do not follow the standard."""
    stale: int = 0
    """States that came after newer ones; not believed."""
    resent: int = 0
    conflicts: int = 0
    """Commands that would have changed what was told already; not sent."""
    outdated: int = 0
    dropped: int = 0
    """Instant actions beyond the limit."""


@dataclass(slots=True)
class Sending:
    """When something was sent last, and how often."""

    at_s: float = 0.0
    times: int = 0

    def due(self, now_s: float) -> bool:
        return not self.times or now_s - self.at_s >= RESEND_S

    def sent(self, now_s: float) -> None:
        self.at_s, self.times = now_s, self.times + 1


class Ordering:
    """Orders and instant actions for one vehicle."""

    def __init__(self, vehicle_id: str, counts: Counts) -> None:
        self._vehicle_id = vehicle_id
        self._counts = counts
        self._drive: DriveVehicle | None = None
        self._order = Sending()
        self._shown = False
        """The vehicle has shown this drive."""
        self._cancel: CancelDrive | None = None
        self._cancelling = Sending()
        self._instants: dict[str, tuple[VehicleAction, Sending, float]] = {}
        self._told: DriveProgressed | None = None
        self._refused = -1
        self._unanswered = -1
        """Updates of this drive that were refused, or told to be without an answer."""
        self._faults: tuple[Fault, ...] = ()
        """Those of the last state before the order was sent: they are not about it."""

    @property
    def drive_id(self) -> str:
        return self._drive.drive_id if self._drive is not None else ""

    def obey(self, command: DriveVehicle | CancelDrive | VehicleAction, now_s: float) -> None:
        """Take on a command; one told again changes nothing, one that contradicts is counted and not sent."""
        if isinstance(command, VehicleAction):
            if len(self._instants) >= INSTANTS_MAX:
                self._counts.dropped += 1
            else:
                self._instants.setdefault(command.action_id, (command, Sending(), now_s))
        elif isinstance(command, CancelDrive):
            if command.drive_id == self.drive_id or self._drive is None:
                self._cancel = self._cancel or command
        elif self._drive is None or command.drive_id != self._drive.drive_id:
            self._drive, self._cancel, self._told = command, None, None
            self._order, self._cancelling = Sending(), Sending()
            self._shown, self._refused, self._unanswered = command.begun, -1, -1
        elif command.update < self._drive.update:
            self._counts.outdated += 1
        elif command.update == self._drive.update:
            same = replace(command, at_ms=0, begun=False) == replace(self._drive, at_ms=0, begun=False)
            self._counts.conflicts += not same
        else:
            self._drive, self._order = command, Sending()

    def see(self, state: VehicleState, at_ms: int) -> Iterator[DriveEvent]:
        """What a state says about the drive, and about instant actions."""
        drive = self._drive
        if drive is not None and state.order_id == drive.drive_id:
            self._shown = True
            yield from self._progress(drive, state, at_ms)
        ended = self._cancelled(state, at_ms) or self._lost(state, at_ms)
        if ended is not None:
            self._forget()
            yield ended
        elif drive is not None:
            yield from self._refusal(drive, state, at_ms)
        yield from self._instants_ended(state, at_ms)

    def _progress(self, drive: DriveVehicle, state: VehicleState, at_ms: int) -> Iterator[DriveProgressed]:
        said = DriveProgressed(
            at_ms=0,
            vehicle_id=self._vehicle_id,
            drive_id=drive.drive_id,
            update=state.update,
            node_id=state.node_id,
            sequence=state.sequence,
            actions=tuple(each for each in state.actions if each.action_id not in self._instants),
        )
        if said != self._told:
            self._told = said
            yield replace(said, at_ms=at_ms)

    def _cancelled(self, state: VehicleState, at_ms: int) -> DriveEnded | None:
        """The end of cancelling, by the vehicle's word, or because it never had the order."""
        cancel = self._cancel
        if cancel is None:
            return None
        status = next((each for each in state.actions if each.action_id == cancel.action_id), None)
        never = not self._shown and not self._order.times and state.order_id != cancel.drive_id
        if not never and (status is None or status.status not in OVER):
            return None
        reason = "" if status is None or status.status is ActionStatus.FINISHED else "NO_ORDER_TO_CANCEL"
        return self._ended(cancel.drive_id, "CANCELLED", "NEVER_SENT" if never else reason, at_ms)

    def _lost(self, state: VehicleState, at_ms: int) -> DriveEnded | None:
        """The vehicle had the drive and knows nothing of it any more, or has cleared it, as it does in manual mode."""
        drive = self._drive
        had = self._shown or (drive is not None and drive.update > 0)
        if drive is None or not had:
            return None
        if state.order_id != drive.drive_id:
            return self._ended(drive.drive_id, "LOST", f"it has {state.order_id or 'no order'}", at_ms)
        short = state.sequence < drive.nodes[-1].sequence
        if self._cancel is None and self._has(drive, state) and not state.left and short:
            return self._ended(drive.drive_id, "LOST", f"it gave up at {state.node_id}", at_ms)
        return None

    def _ended(self, drive_id: str, result: str, reason: str, at_ms: int) -> DriveEnded:
        return DriveEnded(at_ms=at_ms, vehicle_id=self._vehicle_id, drive_id=drive_id, result=result, reason=reason)

    def _forget(self) -> None:
        self._drive = self._cancel = self._told = None
        self._shown, self._order, self._cancelling = False, Sending(), Sending()

    def _has(self, drive: DriveVehicle, state: VehicleState) -> bool:
        return state.order_id == drive.drive_id and state.update >= drive.update

    def _refusal(self, drive: DriveVehicle, state: VehicleState, at_ms: int) -> Iterator[DriveRefused]:
        """An error about what was sent and is not shown; or no answer for too long."""
        if self._has(drive, state) or not self._order.times:
            return
        fault = next((each for each in state.faults if self._refuses(each, drive)), None)
        reason, detail = "", ""
        if fault is not None and self._refused < drive.update:
            self._refused = drive.update
            reason, detail = fault.error.kind, fault.error.text
        elif self._order.times >= TRIES_MAX and self._unanswered < drive.update and self._refused < drive.update:
            self._unanswered = drive.update
            reason, detail = "NO_ANSWER", f"sent {self._order.times} times"
        if reason:
            yield DriveRefused(
                at_ms=at_ms,
                vehicle_id=self._vehicle_id,
                drive_id=drive.drive_id,
                update=drive.update,
                reason=reason,
                detail=detail,
            )

    def _refuses(self, fault: Fault, drive: DriveVehicle) -> bool:
        about = {key.replace("_", "").lower(): value for key, value in fault.about}
        if "orderid" in about:
            return about["orderid"] == drive.drive_id and about.get("orderupdateid") in (None, str(drive.update))
        kind = fault.error.kind.replace("_", "").lower()
        return fault not in self._faults and any(word in kind for word in ABOUT_ORDERS)

    def _instants_ended(self, state: VehicleState, at_ms: int) -> Iterator[VehicleActionEnded]:
        for each in state.actions:
            if each.action_id in self._instants and each.status in OVER:
                del self._instants[each.action_id]
                yield self._instant_ended(each.action_id, each.status.value.upper(), each.result, at_ms)

    def _instant_ended(self, action_id: str, result: str, reason: str, at_ms: int) -> VehicleActionEnded:
        return VehicleActionEnded(
            at_ms=at_ms, vehicle_id=self._vehicle_id, action_id=action_id, result=result, reason=reason
        )

    def overdue(self, now_s: float, at_ms: int) -> Iterator[VehicleActionEnded]:
        """Instant actions that got no answer."""
        for action_id, (_, _, since_s) in list(self._instants.items()):
            if now_s - since_s >= INSTANT_S:
                del self._instants[action_id]
                yield self._instant_ended(action_id, "UNKNOWN", "NO_ANSWER", at_ms)

    def order_due(self, state: VehicleState, now_s: float) -> DriveVehicle | None:
        """The order or update to be sent now, given the newest state."""
        drive = self._drive
        if drive is None or self._cancel is not None or self._refused >= drive.update or self._has(drive, state):
            return None
        if state.order_id != drive.drive_id and (self._shown or drive.update > 0 or state.left):
            return None  # lost, or busy with something else: nothing may be sent now
        if not self._order.due(now_s):
            return None
        if not self._order.times:
            self._faults = state.faults
        self._counts.resent += self._order.times > 0
        self._order.sent(now_s)
        return drive

    def instants_due(self, state: VehicleState, now_s: float) -> tuple[Instant, ...]:
        """The instant actions to be sent now: those not shown yet."""
        shown = [each.action_id for each in state.actions]
        found: list[Instant] = []
        cancel = self._cancel
        if cancel is not None and cancel.action_id not in shown and self._cancelling.due(now_s):
            self._cancelling.sent(now_s)
            found.append(Instant(action_id=cancel.action_id, name=CANCEL, parameters=(("orderId", cancel.drive_id),)))
        for action_id, (command, sending, _) in self._instants.items():
            if action_id not in shown and sending.due(now_s):
                sending.sent(now_s)
                found.append(Instant(action_id=action_id, name=NAMES[command.kind]))
        return tuple(found)
