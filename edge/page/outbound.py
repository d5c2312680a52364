"""Packed handling units on their way to the lorry: they count for their order and for their departure."""

from edge.messages import UnitLoaded, UnitPacked, UnitRerouted, UnitStaged, UnitTurnedUp, UnitVoided
from edge.page.demand import known
from edge.page.departures import book, count
from edge.page.floor import add_unit, remove_unit, rest_at
from edge.page.picture import Picture, cut


def packed(p: Picture, m: UnitPacked) -> None:
    unit = p.state.units.get(m.hu_id) or add_unit(p, m.hu_id)
    if unit.order_id:
        return
    unit.order_id, unit.route = m.order_id, cut(m.route)
    unit.since_ms = unit.since_ms or m.at_ms
    unit.units = sum(content.quantity for content in m.contents)
    p.total("packed_hus")
    row = known(p, m.order_id, m.at_ms)
    if row is not None:
        row.hus += 1
        row.packed += unit.units
    book(p, unit, m.departure_id)
    p.touch("units", m.hu_id)


def staged(p: Picture, m: UnitStaged) -> None:
    unit = p.state.units.get(m.hu_id) or add_unit(p, m.hu_id)
    unit.order_id = unit.order_id or m.order_id
    book(p, unit, m.departure_id)
    if not unit.staged:
        unit.staged = True
        count(p, unit, "staged", 1)
    rest_at(p, unit, m.location, m.at_ms)


def loaded(p: Picture, m: UnitLoaded) -> None:
    unit = p.state.units.get(m.hu_id)
    if unit is None:
        return
    book(p, unit, m.departure_id)
    if not unit.staged:
        count(p, unit, "staged", 1)
    count(p, unit, "loaded", 1)
    p.total("loaded_hus")
    p.beat("loaded")
    row = known(p, m.order_id, m.at_ms)
    if row is not None:
        row.hus_loaded += 1
        row.loaded += unit.units
    remove_unit(p, unit)


def rerouted(p: Picture, m: UnitRerouted) -> None:
    unit = p.state.units.get(m.hu_id)
    if unit is not None:
        book(p, unit, m.departure_id)
        p.touch("units", m.hu_id)


def voided(p: Picture, m: UnitVoided) -> None:
    """It counts for nobody any more; what was in it is picked and packed anew."""
    unit = p.state.units.get(m.hu_id)
    row = known(p, m.order_id, m.at_ms)
    if unit is None:
        return
    if row is not None and unit.order_id:
        row.hus -= 1
        row.packed -= unit.units
    book(p, unit, "")
    remove_unit(p, unit)


def turned_up(p: Picture, m: UnitTurnedUp) -> None:
    """What is in it lies on its way back to a shelf: it is no unit any more."""
    unit = p.state.units.get(m.hu_id)
    if unit is not None:
        remove_unit(p, unit)
