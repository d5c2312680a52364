"""Departures and what is planned for them, folded from the timetable and the doors that shut."""

from edge.messages import Departure, DepartureAudited, DepartureClosed, DepartureScheduled, DeparturesPlanned
from edge.page.picture import DEPARTURES_MAX, ID_MAX, DepartureRow, OrderRow, Picture, UnitRow, cut


def planned(p: Picture, m: DeparturesPlanned) -> None:
    for departure in m.departures:
        _timetable(p, departure)


def scheduled(p: Picture, m: DepartureScheduled) -> None:
    _timetable(p, m.departure)


def departure_closed(p: Picture, m: DepartureClosed) -> None:
    row = _departure(p, m.departure_id)
    if row is not None:
        row.closed_ms, row.left_behind, row.hus_loaded = m.at_ms, len(m.left_behind), len(m.units)
        p.touch("departures", m.departure_id)
    p.total("departures_closed")
    p.total("left_behind", len(m.left_behind))


def audited(p: Picture, m: DepartureAudited) -> None:
    row = _departure(p, m.departure_id)
    if row is not None:
        row.missed, row.cutoff_ms = m.missed, m.cutoff_ms
        row.closed_ms = row.closed_ms or m.closed_at_ms
        p.touch("departures", m.departure_id)
    p.total("audited_orders", m.orders_planned)
    p.total("audited_missed", m.missed)


def plan(p: Picture, row: OrderRow, departure_id: str, units: int) -> None:
    """The order belongs to this departure with so many units; a departure that has closed keeps its history."""
    old = p.state.departures.get(row.departure_id) if row.departure_id else None
    if old is not None and not old.closed_ms:
        old.orders, old.units = max(old.orders - 1, 0), max(old.units - row.units, 0)
        p.touch("departures", old.departure_id)
    row.units, row.departure_id = units, departure_id
    new = _departure(p, departure_id)
    if new is not None and (new is not old or not new.closed_ms):
        new.orders, new.units = new.orders + 1, new.units + units
        p.touch("departures", departure_id)


def book(p: Picture, unit: UnitRow, departure_id: str) -> None:
    """The unit belongs to this departure; what it counted for goes along."""
    if unit.departure_id == departure_id:
        return
    for stage in ("packed", "staged") if unit.staged else ("packed",):
        count(p, unit, stage, -1)
    unit.departure_id = departure_id
    for stage in ("packed", "staged") if unit.staged else ("packed",):
        count(p, unit, stage, 1)


def count(p: Picture, unit: UnitRow, stage: str, sign: int) -> None:
    """One unit more or less that came at least as far as `stage`: packed, staged or loaded."""
    row = p.state.departures.get(unit.departure_id)
    if row is None or (sign < 0 and row.closed_ms):
        return
    for name, n in ((f"hus_{stage}", sign), (f"units_{stage}", sign * unit.units)):
        setattr(row, name, max(getattr(row, name) + n, 0))
    p.touch("departures", unit.departure_id)


def _timetable(p: Picture, departure: Departure) -> None:
    row = _departure(p, departure.departure_id)
    if row is not None:
        row.site, row.route, row.carrier = departure.site, cut(departure.route), cut(departure.carrier)
        row.cutoff_ms = departure.cutoff_ms
        p.touch("departures", departure.departure_id)


def _departure(p: Picture, departure_id: str) -> DepartureRow | None:
    """None for no departure at all, or when all places are taken by departures with orders that are still to go."""
    state = p.state
    if not departure_id or departure_id in state.departures:
        return state.departures.get(departure_id)
    if len(departure_id) > ID_MAX:
        p.drop("long_ids")
        return None
    if len(state.departures) >= DEPARTURES_MAX:
        p.drop("departures")
        gone = min(state.departures.values(), key=_worth)
        if gone.orders and not gone.closed_ms:
            return None
        del state.departures[gone.departure_id]
        p.touch("departures", gone.departure_id)
    row = state.departures[departure_id] = DepartureRow(departure_id)
    p.touch("departures", departure_id)
    return row


def _worth(row: DepartureRow) -> tuple[int, int, str]:
    """First to go: what closed longest ago, then what is empty and furthest away."""
    if row.closed_ms:
        return 0, row.closed_ms, row.departure_id
    return (2 if row.orders else 1), -row.cutoff_ms, row.departure_id
