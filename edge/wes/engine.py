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
    JobEnded,
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
    Woken,
)
from edge.wes import (
    alarms,
    assign,
    conveyors,
    departures,
    jobs,
    lanes,
    machines,
    opening,
    outlook,
    pace,
    planning,
    release,
    reports,
    resources,
    units,
)
from edge.wes.floor import Floor
from edge.wes.state import State, copied

STATE = State


def woken(floor: Floor, message: Woken) -> None:
    """Nothing of its own: settling does what is due."""


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
    MachineChanged: machines.changed,
    LaneChanged: machines.lane_changed,
    UnitScanned: machines.scanned,
    UnitSorted: machines.reported,
    CommandEnded: machines.command_ended,
    MachineCommandRequested: machines.command_requested,
    UnitPacked: units.packed,
    UnitRerouted: units.rerouted,
    DepartureScheduled: departures.scheduled,
    ForecastMade: departures.foreseen,
    DepartureClosed: departures.closed,
    AlarmAcknowledged: alarms.acknowledge,
    EventSetAside: alarms.event_set_aside,
    PeerChanged: alarms.peer_changed,
    Woken: woken,
}


class Engine:
    """The WES of one site."""

    def __init__(self) -> None:
        self.floor = Floor(State())

    def handle(self, message: Message, now_ms: int) -> list[Message]:
        """What follows from one message; the same state and message always give the same answer."""
        handler = HANDLERS.get(type(message))
        if handler is None:
            return []
        floor = self.floor
        floor.now_ms, floor.out = now_ms, []
        handler(floor, message)
        settle(floor)
        return floor.out

    @property
    def wake_at_ms(self) -> int | None:
        """The earliest time at which something is due by itself."""
        floor = self.floor
        times = (
            alarms.next_ms(floor),
            machines.next_ms(floor),
            resources.next_ms(floor),
            units.next_ms(floor),
            floor.risk_next_ms,
        )
        return min((time for time in times if time is not None), default=None)

    def copy(self, now_ms: int) -> outlook.Copy:
        """The floor as it is now, for a forecast made elsewhere."""
        self.floor.now_ms = max(self.floor.now_ms, now_ms)
        return outlook.copy_of(self.floor)

    def save(self) -> State:
        state = copied(self.floor.state)
        state.assignment = self.floor.plan.dispatcher.save()
        return state

    def load(self, state: State) -> None:
        """Go on from a saved state as if nothing had been between."""
        self.floor = Floor(copied(state))
        self.floor.restore()
        departures.look_ahead(self.floor)


def settle(floor: Floor) -> None:
    """Let follow what follows, until nothing more does."""
    alarms.expire(floor)
    resources.wake_rested(floor)
    machines.start_up(floor)
    release.admit(floor)
    assign.dispatch(floor)
    lanes.assign(floor)
    conveyors.let_pass(floor)
    units.watch(floor)
    departures.watch(floor)
    pace.watch(floor)
