"""A handling unit that is nowhere: given up after a few searches, and what was in it is picked anew."""

from edge.messages import TaskCompleted
from edge.wms.allocation import Part, allocate
from edge.wms.departures import finish
from edge.wms.ledger import ADJUSTMENT, unit_account
from edge.wms.loading import carried
from edge.wms.picking import plan_picks, short_line
from edge.wms.state import TaskRecord, UnitRecord, UnitState
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
    for content in contents:
        house.book(content.goods, content.quantity, unit_account(unit.hu_id), ADJUSTMENT, "unit_lost", task_id)
        order.lines[content.line].picked -= content.quantity
        found = allocate(house.ledger, content.line, content.goods.sku, content.quantity, house.usable)
        short_line(house, order, content.line, content.quantity - sum(part.quantity for part in found), UNIT_LOST)
        parts += found
    plan_picks(house, order, parts)
    finish(house, order.order_id)
