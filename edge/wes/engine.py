"""The door of the WES: work, people and machines, second by second.

Every message is first booked by its handler; then `settle` lets follow what follows: machines start, units are let in,
idle hands get work, conveyors hand on, departures are watched. Between two messages everything is settled.
"""

from collections.abc import Callable
from typing import Any

from edge.messages import (
    AlarmAcknowledged,
    CommandEnded,
    DepartureClosed,
    DepartureScheduled,
    EventSetAside,
    ForecastMade,
    HandshakeFailed,
    JobEnded,
    JobOverdue,
    LaneChanged,
    MachineChanged,
    MachineCommandRequested,
    Message,
    PeerChanged,
    ResourceJoined,
    ResourceLeft,
    SiteOpened,
    TaskAmended,
    TaskDone,
    TasksPlanned,
    TaskStarted,
    TaskWithdrawn,
    UnitPacked,
    UnitRerouted,
    UnitScanned,
    UnitSorted,
    UnitVoided,
    Woken,
    ZoneChanged,
)
from edge.messages.vehicles import (
    DriveEnded,
    DriveProgressed,
    DriveRefused,
    VehicleActionRequested,
    VehicleChanged,
    VehicleDescribed,
)
from edge.wes import (
    alarms,
    congestion,
    conveyors,
    departures,
    errands,
    fleet,
    jobs,
    lanes,
    machines,
    opening,
    outlook,
    pace,
    phases,
    planning,
    release,
    reports,
    resources,
    trouble,
    units,
    vehicles,
)
from edge.wes.copying import Copy
from edge.wes.floor import Floor
from edge.wes.state import State, copied

STATE = State


def woken(floor: Floor, message: Woken) -> None:
    """Nothing of its own: settling does what is due."""


def acknowledged(floor: Floor, message: AlarmAcknowledged) -> None:
    alarms.acknowledge(floor, message)
    fleet.acknowledged(floor, message)


HANDLERS: dict[type[Message], Callable[[Floor, Any], None]] = {
    SiteOpened: opening.opened,
    TasksPlanned: planning.planned,
    TaskAmended: planning.amended,
    TaskWithdrawn: planning.withdrawn,
    ResourceJoined: resources.joined,
    ResourceLeft: resources.left,
    TaskStarted: reports.started,
    TaskDone: reports.done,
    JobEnded: jobs.job_ended,
    JobOverdue: jobs.overdue,
    MachineChanged: machines.changed,
    LaneChanged: machines.lane_changed,
    ZoneChanged: machines.zone_changed,
    HandshakeFailed: trouble.handshake_failed,
    UnitScanned: machines.scanned,
    UnitSorted: machines.reported,
    CommandEnded: machines.command_ended,
    MachineCommandRequested: machines.command_requested,
    UnitPacked: units.packed,
    UnitRerouted: units.rerouted,
    UnitVoided: units.voided,
    DepartureScheduled: departures.scheduled,
    ForecastMade: departures.foreseen,
    DepartureClosed: departures.closed,
    AlarmAcknowledged: acknowledged,
    VehicleChanged: fleet.changed,
    VehicleDescribed: vehicles.described,
    VehicleActionRequested: vehicles.action_requested,
    DriveProgressed: fleet.progressed,
    DriveRefused: fleet.refused,
    DriveEnded: fleet.ended,
    EventSetAside: alarms.event_set_aside,
    PeerChanged: alarms.peer_changed,
    Woken: woken,
}


class Engine:
    """The WES of one site."""

    def __init__(self) -> None:
        self.floor = Floor(State())
        self._wake: tuple[int | None] | None = None
        """When something is due by itself, as soon as that was asked for after the last message."""

    def handle(self, message: Message, now_ms: int) -> list[Message]:
        """What follows from one message; the same state and message always give the same answer."""
        handler = HANDLERS.get(type(message))
        if handler is None:
            return []
        floor = self.floor
        floor.now_ms, floor.out, self._wake = now_ms, [], None
        handler(floor, message)
        settle(floor)
        return floor.out

    @property
    def wake_at_ms(self) -> int | None:
        """The earliest time at which something is due by itself."""
        if self._wake is None:
            self._wake = (next_ms(self.floor),)
        return self._wake[0]

    def copy(self, now_ms: int) -> Copy:
        """The floor as it is now, for a forecast made elsewhere."""
        self.floor.now_ms = max(self.floor.now_ms, now_ms)
        return outlook.copy_of(self.floor)

    def save(self) -> State:
        state = copied(self.floor.state)
        state.assignment = self.floor.plan.dispatcher.save()
        return state

    def load(self, state: State) -> None:
        """Go on from a saved state as if nothing had been between."""
        self.floor, self._wake = Floor(copied(state)), None
        self.floor.restore()
        congestion.see(self.floor)
        departures.look_ahead(self.floor)


def next_ms(floor: Floor) -> int | None:
    """When the first of all parts wants to be woken."""
    times = (
        alarms.next_ms(floor),
        machines.next_ms(floor),
        trouble.next_ms(floor),
        resources.next_ms(floor),
        units.next_ms(floor),
        errands.next_ms(floor),
        floor.risk_next_ms,
    )
    return min((time for time in times if time is not None), default=None)


def settle(floor: Floor) -> None:
    """Let follow what follows, until nothing more does."""
    alarms.expire(floor)
    resources.wake_rested(floor)
    machines.start_up(floor)
    trouble.watch(floor)
    units.watch(floor)
    congestion.see(floor)
    release.admit(floor)
    phases.dispatch(floor)
    lanes.assign(floor)
    conveyors.let_pass(floor)
    departures.watch(floor)
    pace.watch(floor)
    congestion.see(floor)
