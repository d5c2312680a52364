"""A handling unit that is nowhere: given up after a few searches, and what was in it is picked anew.

Should it turn up after all, it must not leave with the one that took its place: it goes where unknown units go, and
from there what is in it goes back to a shelf.
"""

from edge.messages import GoodsRefused, Task, TaskCompleted, TaskKind, UnitArrived, UnitTurnedUp, UnitVoided
from edge.wms.allocation import Part, allocate
from edge.wms.departures import finish
from edge.wms.ledger import ADJUSTMENT, unit_account
from edge.wms.loading import carried, unit_arrived
from edge.wms.picking import plan_picks, short_line
from edge.wms.putaway import find_location
from edge.wms.receiving import DOCK_TO_STOCK_MS, PUTAWAY_PRIORITY
from edge.wms.state import Content, TaskRecord, UnitRecord, UnitState, remember
from edge.wms.units import UnitEvent, advance
from edge.wms.warehouse import Warehouse

UNIT_LOST = "UNIT_LOST"
SEARCHES_MAX = 2
"""The second one comes with the roll to the next departure; a unit not found by then will not be."""


def carried_or_lost(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """Somebody carried a unit to its lane, or looked for it in vain."""
    carried(house, record, message)
    unit = house.state.units.get(record.task.hu_id)
    if unit is None or message.quantity > 0:
        return
    unit.searches += 1
    if unit.searches >= SEARCHES_MAX and unit.state is UnitState.ASTRAY:
        give_up(house, unit, record.task.task_id)


def give_up(house: Warehouse, unit: UnitRecord, task_id: str) -> None:
    """Write off what was in a unit, and find other stock for its lines, or short them."""
    order, parts = house.order_of(unit), list[Part]()
    advance(unit, UnitEvent.GIVEN_UP)
    contents, unit.contents = unit.contents, []
    remember(house.state.lost, unit.hu_id, tuple(contents))
    house.emit(UnitVoided(at_ms=house.now_ms, hu_id=unit.hu_id, order_id=unit.order_id))
    for content in contents:
        house.book(content.goods, content.quantity, unit_account(unit.hu_id), ADJUSTMENT, "unit_lost", task_id)
        order.lines[content.line].picked -= content.quantity
        found = allocate(house.ledger, content.line, content.goods.sku, content.quantity, house.usable)
        short_line(house, order, content.line, content.quantity - sum(part.quantity for part in found), UNIT_LOST)
        parts += found
    plan_picks(house, order, parts)
    finish(house, order.order_id)


def arrived_or_turned_up(house: Warehouse, message: UnitArrived) -> None:
    """A unit came to rest somewhere; it may be one that was given up."""
    contents = house.state.lost.pop(message.hu_id, None)
    if contents is None:
        unit_arrived(house, message)
        return
    house.emit(UnitTurnedUp(at_ms=house.now_ms, hu_id=message.hu_id, location=message.location))
    house.ledger.arrive()
    for content in contents:
        put_back(house, message.hu_id, content, message.location)


def put_back(house: Warehouse, hu_id: str, content: Content, source: str) -> None:
    """Book goods that were written off into their unit again, and ask to take them to a shelf."""
    goods, quantity = content.goods, content.quantity
    target = find_location(house.floor, house.ledger, house.empties, goods, house.item(goods.sku))
    if not target:
        detail = f"no empty location is left for {quantity} of {goods.sku} at {source}; they stay written off"
        house.emit(GoodsRefused(at_ms=house.now_ms, asn_id="", hu_id=hu_id, reason="NO_LOCATION", detail=detail))
        return
    task_id = house.task_id()
    house.book(goods, quantity, ADJUSTMENT, unit_account(hu_id), "unit_found", task_id)
    house.plan(
        Task(
            task_id=task_id, kind=TaskKind.PUTAWAY, zone=house.floor.receiving_zone, skill=TaskKind.PUTAWAY.value,
            source=source, target=target, hu_id=hu_id, sku=goods.sku, lot=goods.lot, quantity=quantity, barcode=hu_id,
            priority=PUTAWAY_PRIORITY, due_ms=house.now_ms + DOCK_TO_STOCK_MS,
        ),
        expiry=goods.expiry,
    )  # fmt: skip
