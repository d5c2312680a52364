"""Pick faces and the reserve above them: what an order gets from where, and what must come down for it.

A replenishment is asked for on demand, when an order wants what only the reserve has: its picks wait for it, and it is
as urgent as the most urgent of them. And from minimum to maximum, when little is left at the faces: nobody waits then.
A site without reserve levels has neither.
"""

from collections.abc import Callable, Iterator
from itertools import groupby

from edge.messages import Task, TaskKind
from edge.wms.allocation import Part, allocate, choose
from edge.wms.ledger import Balance
from edge.wms.state import TaskRecord
from edge.wms.warehouse import Warehouse

REFILL_PRIORITY = 9
REFILL_MS = 24 * 3600 * 1000
"""A replenishment nobody waits for shall be done by then; the dispatch does it when hands are idle."""

Source = Callable[[Warehouse, int, list[Balance], int], Iterator[Part]]


def obtain(house: Warehouse, line: int, sku: str, quantity: int) -> list[Part]:
    """Reserve up to `quantity` units; what is missing from the sum of the parts is not to be had.

    First expired first out beats the way down: of one expiry date, what lies at the faces goes first, then what is on
    its way to them and free, then the reserve.
    """
    if not house.floor.has_reserve:
        return allocate(house.ledger, line, sku, quantity, house.usable)
    parts: list[Part] = []
    for _, same in groupby(list(house.ledger.stock_of(sku)), key=lambda balance: balance.goods.expiry):
        stock = list(same)
        for source in SOURCES:
            wanted = quantity - sum(part.quantity for part in parts)
            if wanted:
                parts += source(house, line, stock, wanted)
    return parts


def _at_faces(house: Warehouse, line: int, stock: list[Balance], wanted: int) -> Iterator[Part]:
    for balance, taken in list(choose(stock, wanted, house.floor.is_face)):
        house.ledger.allocate(balance, taken)
        yield Part(line=line, location=balance.account, goods=balance.goods, quantity=taken)


def _coming_down(house: Warehouse, line: int, stock: list[Balance], wanted: int) -> Iterator[Part]:
    goods = dict.fromkeys(balance.goods for balance in stock)
    for refill in house.open_tasks(house.refills_of, stock[0].goods.sku):
        taken = min(wanted, refill.unclaimed)
        if taken and refill.goods in goods and house.usable(refill.task.target):
            wanted -= taken
            yield _part(house, refill, line, taken)


def _from_reserve(house: Warehouse, line: int, stock: list[Balance], wanted: int) -> Iterator[Part]:
    for balance, taken in list(choose(stock, wanted, house.floor.is_reserve)):
        face = _face_for(house, balance)
        if face:
            yield _part(house, _plan_refill(house, balance, face, taken), line, taken)
        else:
            # No face is free: it is picked where it lies.
            house.ledger.allocate(balance, taken)
            yield Part(line=line, location=balance.account, goods=balance.goods, quantity=taken)


SOURCES: tuple[Source, ...] = (_at_faces, _coming_down, _from_reserve)


def _part(house: Warehouse, refill: TaskRecord, line: int, quantity: int) -> Part:
    """Units of a replenishment for an order line, which waits for it."""
    _claim(house, refill, quantity)
    task = refill.task
    return Part(line=line, location=task.target, goods=refill.goods, quantity=quantity, after=task.task_id)


def _claim(house: Warehouse, refill: TaskRecord, quantity: int) -> None:
    """So many units of a replenishment more (or less) are waited for."""
    balance = house.ledger.find(refill.task.source, refill.goods)
    assert balance is not None, "what is set aside lies there"
    house.ledger.claim(balance, quantity)
    refill.claimed += quantity
    house.hurried[refill.task.task_id] = None


def give_back(house: Warehouse, pick: TaskRecord, quantity: int) -> None:
    """Units of a pick that are not wanted any more, or not from there: free for others, here or on their way."""
    if pick.waits_on:
        _claim(house, house.state.tasks[pick.waits_on], -quantity)
    else:
        house.ledger.release(pick.task.source, pick.goods, quantity)


def free_reserve(house: Warehouse, refill: TaskRecord) -> None:
    """A replenishment has come to its end: what it held in the reserve is held no more."""
    balance = house.ledger.find(refill.task.source, refill.goods)
    assert balance is not None, "what is set aside lies there"
    house.ledger.claim(balance, -refill.claimed)
    house.ledger.set_aside(balance, -refill.task.quantity)


def limits(house: Warehouse, sku: str) -> tuple[int, int]:
    """The fewest and the most units of a SKU there should be at its faces."""
    item, site = house.item(sku), house.floor.site
    most = item.face_max or site.face_max
    return min(item.face_min or most * site.face_min_percent // 100, most), most


def foreseen(house: Warehouse, sku: str) -> int:
    """Units of a SKU that are free at its faces, or will be once all replenishments are done."""
    here = sum(each.available for each in house.ledger.stock_of(sku) if house.floor.is_face(each.account))
    return here + sum(refill.unclaimed for refill in house.open_tasks(house.refills_of, sku))


def refill_low(house: Warehouse) -> None:
    """Ask to fill up the faces of every SKU that fell below its minimum during this message."""
    if not house.floor.has_reserve:
        return
    for sku in sorted(house.ledger.touched):
        fewest, _ = limits(house, sku)
        if foreseen(house, sku) >= fewest:
            continue
        for balance in list(house.ledger.stock_of(sku)):
            face = _face_for(house, balance) if _can_give(house, balance) else ""
            if face:
                _plan_refill(house, balance, face, 0)
            if foreseen(house, sku) >= fewest:
                break


def _can_give(house: Warehouse, balance: Balance) -> bool:
    return balance.available > 0 and house.floor.is_reserve(balance.account)


def hurry(house: Warehouse) -> None:
    """Make every replenishment as urgent as the most urgent order that waits for it now."""
    for task_id in sorted(house.hurried):
        refill = house.state.tasks.get(task_id)
        if refill is None:
            continue
        waiting = [house.state.orders[pick.task.order_id] for pick in house.open_tasks(house.waiting_on, task_id)]
        first = min(waiting, key=lambda order: (order.due_ms, order.priority, order.order_id), default=None)
        task = refill.task
        if first is not None:
            urgency = (first.departure_id, first.due_ms, first.priority)
        elif task.departure_id:
            urgency = ("", house.now_ms + REFILL_MS, REFILL_PRIORITY)
        else:
            continue
        if urgency != (task.departure_id, task.due_ms, task.priority):
            house.amend(refill, *urgency)
    house.hurried.clear()


def _face_for(house: Warehouse, balance: Balance) -> str:
    """Where goods of the reserve come down to: the first face of their SKU, else an empty one near, else any; or ""."""
    goods, item, floor = balance.goods, house.item(balance.goods.sku), house.floor
    shelves = [each.account for each in house.ledger.stock_of(goods.sku)]
    shelves += [refill.task.target for refill in house.open_tasks(house.refills_of, goods.sku)]
    faces = [floor.spots[each] for each in shelves if floor.is_face(each)]
    known = [spot for spot in faces if item.robot or not spot.robot]
    if known:
        return min(known, key=lambda spot: spot.walk).location
    house.vacate()
    zone = floor.spots[balance.account].zone
    return house.empties.first(item.robot, zone) or house.empties.first(item.robot)


def _plan_refill(house: Warehouse, balance: Balance, face: str, wanted: int) -> TaskRecord:
    """Ask to bring down what is wanted now, and as much more as fills the face up."""
    goods, item = balance.goods, house.item(balance.goods.sku)
    _, most = limits(house, goods.sku)
    quantity = min(balance.available, wanted + max(0, most - foreseen(house, goods.sku)))
    house.ledger.set_aside(balance, quantity)
    return house.plan(
        Task(
            task_id=house.task_id(),
            kind=TaskKind.REPLENISH,
            zone=house.floor.spots[balance.account].zone,
            skill=f"{TaskKind.REPLENISH}+{item.skill}" if item.skill else TaskKind.REPLENISH.value,
            source=balance.account,
            target=face,
            sku=goods.sku,
            lot=goods.lot,
            quantity=quantity,
            barcode=goods.sku,
            priority=REFILL_PRIORITY,
            due_ms=house.now_ms + REFILL_MS,
        ),
        expiry=goods.expiry,
    )
