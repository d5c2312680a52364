"""The live picture of a process: a pure, bounded fold over all of its messages, in the runtime and in the page."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, fields
from itertools import islice
from typing import Any

from edge.codec import kind_of
from edge.messages import (
    READERS,
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    DepartureAudited,
    DepartureClosed,
    DepartureScheduled,
    DeparturesPlanned,
    DivertUnit,
    JobEnded,
    LaneAssigned,
    LaneChanged,
    LineShorted,
    MachineChanged,
    Message,
    OfficeOpened,
    OrderAccepted,
    OrderAdmitted,
    OrderCaptured,
    OrderClosed,
    OrderHeldBack,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderRefused,
    OrderRejected,
    OrderReleased,
    OrderRolled,
    OrderShipped,
    OrderStarted,
    PeerChanged,
    ResourceJoined,
    ResourceLeft,
    SiteOpened,
    StartJob,
    Task,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskStarted,
    TaskUnassigned,
    UnitArrived,
    UnitLoaded,
    UnitMissing,
    UnitPacked,
    UnitRerouted,
    UnitScanned,
    UnitSorted,
    UnitStaged,
    UnitTurnedUp,
    UnitVoided,
    ZoneChanged,
)
from edge.messages.vehicles import DriveProgressed, VehicleChanged
from edge.page import alarms, crew, demand, departures, floor, outbound
from edge.page.news import line_for
from edge.page.picture import ID_MAX, NEWS_MAX, SHOWN_ORDERS_MAX, NewsRow, Picture, State, cut

STATE = State

FOLDS: dict[type[Message], Callable[[Picture, Any], None]] = {
    SiteOpened: floor.site_opened,
    MachineChanged: floor.machine_changed,
    LaneChanged: floor.lane_changed,
    LaneAssigned: floor.lane_assigned,
    ZoneChanged: floor.zone_changed,
    UnitScanned: floor.unit_scanned,
    DivertUnit: floor.divert_unit,
    UnitSorted: floor.unit_sorted,
    UnitArrived: floor.unit_arrived,
    UnitMissing: floor.unit_missing,
    StartJob: floor.start_job,
    JobEnded: floor.job_ended,
    ResourceJoined: crew.joined,
    ResourceLeft: crew.left,
    VehicleChanged: crew.vehicle_changed,
    DriveProgressed: crew.vehicle_moved,
    TaskAssigned: crew.assigned,
    TaskUnassigned: crew.unassigned,
    TaskStarted: crew.started,
    TaskAmended: crew.amended,
    TaskCompleted: crew.completed,
    OrderCaptured: demand.captured,
    OrderRejected: demand.rejected,
    OrderAccepted: demand.accepted,
    OrderHoldPlaced: demand.hold_placed,
    OrderHoldLifted: demand.hold_lifted,
    OrderReleased: demand.released,
    OrderAdmitted: demand.admitted,
    OrderRefused: demand.refused,
    OrderHeldBack: demand.held_back,
    OrderStarted: demand.started,
    LineShorted: demand.shorted,
    OrderRolled: demand.rolled,
    OrderShipped: demand.shipped,
    OrderClosed: demand.closed,
    DeparturesPlanned: departures.planned,
    DepartureScheduled: departures.scheduled,
    DepartureClosed: departures.departure_closed,
    DepartureAudited: departures.audited,
    UnitPacked: outbound.packed,
    UnitStaged: outbound.staged,
    UnitLoaded: outbound.loaded,
    UnitRerouted: outbound.rerouted,
    UnitVoided: outbound.voided,
    UnitTurnedUp: outbound.turned_up,
    AlarmRaised: alarms.raised,
    AlarmCleared: alarms.cleared,
    AlarmAcknowledged: alarms.acknowledged,
    PeerChanged: alarms.peer_changed,
    OfficeOpened: alarms.office_opened,
}
"""What a message does to the picture; the others only count."""

IDS = {kind: tuple(f.name for f in fields(kind) if f.name.endswith("_id") and f.type is str) for kind in READERS}
"""The names in a message that may become keys of a table."""

TABLES = ("machines", "lanes", "zones", "units", "people", "departures", "alarms", "peers")
WHOLE = ("totals", "counts", "pulse", "dropped")


class Twin:
    """The picture's one door: messages in, view out."""

    def __init__(self) -> None:
        self._picture = Picture()
        self._news_sent = 0

    @property
    def state(self) -> State:
        """To read; only see() and load() write it."""
        return self._picture.state

    def see(self, message: Message, now_ms: int) -> None:
        """Takes in one message of the process, in the order of the journal."""
        picture = self._picture
        picture.tick(now_ms)
        picture.state.messages += 1
        kind = type(message)
        if any(len(getattr(message, name)) > ID_MAX for name in IDS[kind]):
            picture.drop("long_ids")
            return
        fold = FOLDS.get(kind)
        if fold is not None:
            fold(picture, message)
        text, level, about = line_for(message)
        if text:
            self._tell(NewsRow(0, message.at_ms, kind_of(message), cut(text), level, cut(about)))

    def save(self) -> State:
        """The live state: dump it before the next see()."""
        return self._picture.state

    def load(self, state: State) -> None:
        """Takes a copy; what was to be told as a change is forgotten, the next view is the news."""
        self._picture.state = deepcopy(state)
        if self._picture.touched is not None:
            self._picture.touched = {}
        self._news_sent = state.news_n

    def tasks_of(self, person_id: str) -> list[tuple[Task, str]] | None:
        """What a person has been given and why, current task first; None if nobody of that name is signed on."""
        row = self.state.people.get(person_id)
        return None if row is None else [(a.task, a.reason) for a in row.tasks]

    def view(self) -> dict[str, Any]:
        """Everything a page shows, JSON-ready; tables are objects by id."""
        state = self.state
        view: dict[str, Any] = {
            "now_ms": state.now_ms,
            "messages": state.messages,
            "layout": _layout(state),
            "office": asdict(state.office) if state.office else None,
            "orders": {row.order_id: asdict(row) for row in self._shown_orders()},
            "news": [asdict(row) for row in state.news],
        }
        for table in TABLES:
            view[table] = {key: asdict(row) for key, row in getattr(state, table).items()}
        for name in WHOLE:
            view[name] = _whole(state, name)
        return view

    def take_changes(self) -> dict[str, Any]:
        """What a view taken at the last call lacks: rows by table and id, None for one that left. Empty: nothing."""
        touched = self._picture.touched or {}
        self._picture.touched = {}
        state = self.state
        changes: dict[str, Any] = {}
        for section, keys in touched.items():
            if section == "orders":
                rows = {k: state.orders.get(k) or state.closed.get(k) for k in keys}
                changes[section] = {k: asdict(row) if row else None for k, row in rows.items()}
            elif section in TABLES:
                table = getattr(state, section)
                changes[section] = {k: asdict(table[k]) if k in table else None for k in keys}
            elif section == "site":
                changes["layout"] = _layout(state)
            elif section == "office":
                changes["office"] = asdict(state.office) if state.office else None
            else:
                changes[section] = _whole(state, section)
        if state.news_n > self._news_sent:
            changes["news"] = [asdict(row) for row in state.news if row.n > self._news_sent]
            self._news_sent = state.news_n
        return changes

    def _tell(self, row: NewsRow) -> None:
        state = self.state
        state.news_n += 1
        row.n = state.news_n
        state.news.append(row)
        if len(state.news) > NEWS_MAX:
            del state.news[0]

    def _shown_orders(self) -> list[Any]:
        """The last ones that changed, open and closed, oldest change first."""
        state = self.state
        last = [*islice(reversed(state.orders.values()), SHOWN_ORDERS_MAX)]
        last += islice(reversed(state.closed.values()), SHOWN_ORDERS_MAX)
        return sorted(last, key=lambda row: (row.at_ms, row.order_id))[-SHOWN_ORDERS_MAX:]


def _layout(state: State) -> dict[str, Any] | None:
    return asdict(state.site) if state.site else None


def _whole(state: State, name: str) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, list) else value for key, value in getattr(state, name).items()}
