"""Goods in: the opening stock, announced and received goods, and their way from the dock to a shelf."""

from collections.abc import Iterator

from edge.messages import (
    AsnAnnounced,
    GoodsReceived,
    GoodsRefused,
    StockLine,
    StockOpened,
    Task,
    TaskCompleted,
    TaskKind,
)
from edge.wms.ledger import ADJUSTMENT, OPENING, SUPPLIER, Goods, unit_account
from edge.wms.putaway import find_location
from edge.wms.state import AsnRecord, TaskRecord, fingerprint, remember
from edge.wms.warehouse import Warehouse

OVER_RECEIPT_PERCENT = 110
DOCK_TO_STOCK_MS = 4 * 3600 * 1000
"""Received goods shall be on the shelf by then."""
PUTAWAY_PRIORITY = 7


def stock_opened(house: Warehouse, message: StockOpened) -> None:
    """Take the opening stock, once, into an empty ledger; lines that cannot be are refused one by one."""
    if house.state.opened or house.ledger.movements:
        return
    house.state.opened = True
    house.ledger.arrive()
    for line in message.lines:
        reason = _opening_objection(house, line)
        if reason:
            _refuse(house, "opening", line.location, reason, f"{line.quantity} of {line.sku} at {line.location}")
            continue
        goods = Goods(line.sku, line.lot, line.expiry)
        house.book(goods, line.quantity, OPENING, line.location, "opening", "opening")


def _opening_objection(house: Warehouse, line: StockLine) -> str:
    if line.location not in house.floor.spots:
        return "UNKNOWN_LOCATION"
    if line.sku not in house.state.items:
        return "UNKNOWN_SKU"
    return "" if line.quantity > 0 else "BAD_QUANTITY"


def asn_announced(house: Warehouse, message: AsnAnnounced) -> None:
    """Goods are on their way; a notice named again replaces what it announced before, not what came of it."""
    announced: dict[str, int] = {}
    for line in message.lines:
        announced[line.sku] = announced.get(line.sku, 0) + line.quantity
    known = house.state.asns.get(message.asn_id)
    if known is not None:
        known.announced = announced
    else:
        remember(house.state.asns, message.asn_id, AsnRecord(announced=announced))


def goods_received(house: Warehouse, message: GoodsReceived) -> None:
    """Book goods onto the dock and find them a place; the same inbound unit counts once."""
    content = fingerprint(repr((message.asn_id, message.sku, message.lot, message.expiry, message.quantity)))
    known = house.state.received.get(message.hu_id)
    if known == content:
        return
    goods = Goods(message.sku, message.lot, message.expiry)
    item, location = house.item(message.sku), ""
    problem = next(_objections(house, message, known), None)
    if problem is None:
        location = find_location(house.floor, house.ledger, house.empties, goods, item)
        if not location:
            problem = ("NO_LOCATION", "no empty location is left")
    if problem is not None:
        _refuse(house, message.asn_id, message.hu_id, *problem)
        return
    asn = house.state.asns[message.asn_id]
    asn.received[message.sku] = asn.received.get(message.sku, 0) + message.quantity
    remember(house.state.received, message.hu_id, content)
    house.ledger.arrive()
    house.book(goods, message.quantity, SUPPLIER, house.floor.receiving, "received", message.asn_id)
    _plan_putaway(house, message, location)


def _objections(house: Warehouse, message: GoodsReceived, known: int | None) -> Iterator[tuple[str, str]]:
    if known is not None:
        yield "DUPLICATE_UNIT", f"{message.hu_id} was received with other content"
    if message.quantity <= 0:
        yield "BAD_QUANTITY", "a receipt needs a quantity above 0"
    if message.sku not in house.state.items:
        yield "UNKNOWN_SKU", f"{message.sku} is not in the catalogue"
    asn = house.state.asns.get(message.asn_id)
    if asn is None:
        yield "UNKNOWN_ASN", f"{message.asn_id} was not announced"
        return
    announced, received = asn.announced.get(message.sku, 0), asn.received.get(message.sku, 0)
    if announced <= 0:
        yield "NOT_ON_ASN", f"{message.sku} is not on {message.asn_id}"
    elif (received + message.quantity) * 100 > announced * OVER_RECEIPT_PERCENT:
        yield "OVER_RECEIPT", f"{received} of {announced} came before"


def put_away(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """Goods lie on their shelf. What did not arrive there is not on the dock either; what came on top was found."""
    task, goods = record.task, record.goods
    unit = unit_account(task.hu_id)
    dock = unit if house.ledger.find(unit, goods) is not None else task.source  # out of a unit that turned up, see lost
    quantity = max(message.quantity, 0)
    house.end_task(record)
    if quantity > task.quantity:
        house.book(goods, quantity - task.quantity, ADJUSTMENT, dock, "found", task.task_id)
    if quantity:
        house.book(goods, quantity, dock, task.target, "putaway", task.task_id)
    if quantity < task.quantity:
        house.book(goods, task.quantity - quantity, dock, ADJUSTMENT, "short_putaway", task.task_id)


def _plan_putaway(house: Warehouse, message: GoodsReceived, location: str) -> None:
    house.plan(
        Task(
            task_id=house.task_id(),
            kind=TaskKind.PUTAWAY,
            zone=house.floor.receiving_zone,
            skill=TaskKind.PUTAWAY.value,
            source=house.floor.receiving,
            target=location,
            hu_id=message.hu_id,
            sku=message.sku,
            lot=message.lot,
            quantity=message.quantity,
            barcode=message.hu_id,
            priority=PUTAWAY_PRIORITY,
            due_ms=house.now_ms + DOCK_TO_STOCK_MS,
        ),
        expiry=message.expiry,
    )


def _refuse(house: Warehouse, asn_id: str, hu_id: str, reason: str, detail: str) -> None:
    house.emit(GoodsRefused(at_ms=house.now_ms, asn_id=asn_id, hu_id=hu_id, reason=reason, detail=detail))
