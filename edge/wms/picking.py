"""From the shelf into a handling unit: planning picks, booking them, and putting short ones right."""

from itertools import groupby

from edge.messages import LineShorted, Task, TaskCompleted, TaskKind
from edge.wms.allocation import Part
from edge.wms.departures import finish
from edge.wms.faces import free_reserve, give_back, obtain
from edge.wms.ledger import ADJUSTMENT, Goods, unit_account
from edge.wms.packing import cartonise, open_unit, settle
from edge.wms.state import Content, OrderRecord, TaskRecord, TaskState, UnitRecord, UnitState
from edge.wms.units import UnitEvent, advance
from edge.wms.warehouse import Warehouse

NO_STOCK, SHORT_PICK, ROBOT_FAILED = "NO_STOCK", "SHORT_PICK", "ROBOT_FAILED"
FILLABLE = (UnitState.PLANNED, UnitState.OPEN, UnitState.PACKING)
Wanted = tuple[TaskRecord, int]
"""A pick, and how many units of it are still to be had."""


def plan_picks(house: Warehouse, order: OrderRecord, parts: list[Part]) -> None:
    """Put allocated goods into new handling units, one zone at a time, and ask for the picks in walking order."""
    spots = house.floor.spots
    parts = sorted(parts, key=lambda part: (house.walk(part.location), part.line))
    zones = {zone: number for number, zone in enumerate(dict.fromkeys(spots[part.location].zone for part in parts))}
    parts.sort(key=lambda part: zones[spots[part.location].zone])
    picks: list[tuple[UnitRecord, Part]] = []
    for zone, zone_parts in groupby(parts, key=lambda part: spots[part.location].zone):
        for carton in cartonise(zone_parts, house.item, house.floor.site):
            unit = open_unit(house, order.order_id, zone)
            picks += [(unit, part) for part in carton]
    for unit, part in sorted(picks, key=lambda pick: (house.walk(pick[1].location), pick[1].line, pick[0].hu_id)):
        _plan_pick(house, order, unit, part)


def picked(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """Book a pick. Fewer than asked means the location is empty, whatever the book says; see `put_right`."""
    if record.waits_on:
        _picked_early(house, record, message)
        return
    task, goods = record.task, record.goods
    quantity = min(max(message.quantity, 0), task.quantity)
    order, unit = house.state.orders[task.order_id], house.state.units[task.hu_id]
    house.end_task(record)
    unit.picks -= 1
    house.ledger.release(task.source, goods, task.quantity)
    if quantity:
        house.book(goods, quantity, task.source, unit_account(unit.hu_id), "pick", task.task_id)
        _fill(order, unit, record.line, goods, quantity)
    if message.quantity > task.quantity:
        _take_surplus(house, record, message.quantity - task.quantity)
    if quantity < task.quantity and message.reason == ROBOT_FAILED:
        _by_hand(house, record, task.quantity - quantity)
    elif quantity < task.quantity:
        put_right(house, task.source, goods, [(record, task.quantity - quantity)], task.task_id, "short_pick")
    else:
        settle(house, unit)
        finish(house, order.order_id)


def _picked_early(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """A pick was done before anybody said that its goods had come down: they were found, the rest is still wanted."""
    task, unit = record.task, house.state.units[record.task.hu_id]
    give_back(house, record, task.quantity)
    house.end_task(record)
    unit.picks -= 1
    filled = _take_surplus(house, record, message.quantity, own=task.quantity) if message.quantity > 0 else 0
    if filled < task.quantity:
        _find_elsewhere(house, record, task.quantity - filled)
    settle(house, unit)
    finish(house, task.order_id)


def _by_hand(house: Warehouse, record: TaskRecord, quantity: int) -> None:
    """The robot gave up, the goods are there: a person picks them from the same place."""
    task = record.task
    order, unit = house.state.orders[task.order_id], house.state.units[task.hu_id]
    balance = house.ledger.find(task.source, record.goods)
    assert balance is not None, "what was allocated lies there"
    house.ledger.allocate(balance, quantity)
    _plan_pick(house, order, unit, Part(record.line, task.source, record.goods, quantity), by_hand=True)


def picked_late(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """A withdrawn pick was done all the same: what was picked was picked."""
    house.end_task(record)
    if message.quantity > 0:
        _take_surplus(house, record, message.quantity)


def call_off(house: Warehouse, record: TaskRecord, reason: str) -> Wanted:
    """Withdraw an open pick, and give back what it holds."""
    house.withdraw(record, reason)
    house.state.units[record.task.hu_id].picks -= 1
    give_back(house, record, record.task.quantity)
    record.waits_on = ""
    return record, record.task.quantity


def put_right(house: Warehouse, location: str, goods: Goods, wanted: list[Wanted], cause_id: str, cause: str) -> None:
    """Empty the location in the book, and find other stock for all who were to be served from it, or short them."""
    wanted = wanted + _call_off_all(house, location, goods, f"{cause.replace('_', ' ')} at {location}")
    left = house.ledger.find(location, goods)
    if left is not None:
        house.book(goods, left.quantity, location, ADJUSTMENT, cause, cause_id)
    for record, quantity in sorted(wanted, key=lambda want: _urgency(house, want[0])):
        _find_elsewhere(house, record, quantity)
    for record, _ in wanted:
        settle(house, house.state.units[record.task.hu_id])
    for order_id in dict.fromkeys(record.task.order_id for record, _ in wanted):
        finish(house, order_id)


def _call_off_all(house: Warehouse, location: str, goods: Goods, reason: str) -> list[Wanted]:
    """Withdraw what was to take these goods from the location: picks, and replenishments with the picks behind them."""
    served = [
        call_off(house, record, reason)
        for record in house.open_tasks(house.picks_at, location)
        if record.goods == goods and not record.waits_on
    ]
    for refill in house.open_tasks(house.refills_from, location):
        if refill.goods == goods:
            # The picks first, or they would be free to begin for a moment.
            waiting = house.open_tasks(house.waiting_on, refill.task.task_id)
            served += [call_off(house, record, reason) for record in waiting]
            house.withdraw(refill, reason)
            free_reserve(house, refill)
    return served


def _urgency(house: Warehouse, record: TaskRecord) -> tuple[int, int, str]:
    order = house.state.orders[record.task.order_id]
    return (order.priority, order.due_ms, record.task.task_id)


def _find_elsewhere(house: Warehouse, short: TaskRecord, quantity: int) -> None:
    """Replace a pick from other locations; in the same zone into the same unit, in another into a new one."""
    order, unit = house.state.orders[short.task.order_id], house.state.units[short.task.hu_id]
    parts = obtain(house, short.line, short.task.sku, quantity)
    near = [part for part in parts if house.floor.spots[part.location].zone == unit.zone]
    for part in near:
        _plan_pick(house, order, unit, part)
    plan_picks(house, order, [part for part in parts if part not in near])
    short_line(house, order, short.line, quantity - sum(part.quantity for part in parts), SHORT_PICK)


def short_line(house: Warehouse, order: OrderRecord, line: int, quantity: int, reason: str) -> None:
    """Give up units of a line, and say so; 0 says nothing."""
    if quantity == 0:
        return
    record = order.lines[line]
    record.shorted += quantity
    house.emit(
        LineShorted(
            at_ms=house.now_ms,
            order_id=order.order_id,
            line=line,
            sku=record.sku,
            quantity=quantity,
            reason=reason,
        )
    )


def _take_surplus(house: Warehouse, record: TaskRecord, quantity: int, own: int = 0) -> int:
    """Book goods nobody asked for (any more): they fill the line while it wants some, the rest goes back.

    Returns how many filled it; `own` of them are in the place of no other pick.
    """
    task, goods, account = record.task, record.goods, unit_account(record.task.hu_id)
    order, unit = house.state.orders[task.order_id], house.state.units[task.hu_id]
    here = house.ledger.find(task.source, goods)
    found = quantity - (here.available if here else 0)
    if found > 0:
        house.ledger.arrive()
        house.book(goods, found, ADJUSTMENT, task.source, "found", task.task_id)
    house.book(goods, quantity, task.source, account, "pick", task.task_id)
    filling = min(quantity, order.lines[record.line].wanting) if unit.state in FILLABLE else 0
    if filling:
        _fill(order, unit, record.line, goods, filling)
        _cut_picks(house, order, record.line, max(0, filling - own))
    if quantity > filling:
        house.book(goods, quantity - filling, account, task.source, "overpick_return", task.task_id)
    finish(house, order.order_id)
    return filling


def _cut_picks(house: Warehouse, order: OrderRecord, line: int, quantity: int) -> None:
    """Withdraw open picks of a line that others have filled by now, the newest first."""
    for task_id in reversed(list(order.tasks)):
        if quantity == 0:
            return
        record = house.state.tasks[task_id]
        wanted = record.state is TaskState.OPEN and record.task.kind is TaskKind.PICK
        if not wanted or record.line != line:
            continue
        unit, cut = house.state.units[record.task.hu_id], min(quantity, record.task.quantity)
        quantity -= cut
        after, rest = record.waits_on, record.task.quantity - cut
        house.withdraw(record, "picked elsewhere")
        unit.picks -= 1
        give_back(house, record, cut)
        record.waits_on = ""
        if rest:
            part = Part(line=line, location=record.task.source, goods=record.goods, quantity=rest, after=after)
            _plan_pick(house, order, unit, part)
        settle(house, unit)


def _fill(order: OrderRecord, unit: UnitRecord, line: int, goods: Goods, quantity: int) -> None:
    order.lines[line].picked += quantity
    advance(unit, UnitEvent.FILLED)
    for place, content in enumerate(unit.contents):
        if content.line == line and content.goods == goods:
            unit.contents[place] = Content(line=line, goods=goods, quantity=content.quantity + quantity)
            return
    unit.contents.append(Content(line=line, goods=goods, quantity=quantity))


def _plan_pick(house: Warehouse, order: OrderRecord, unit: UnitRecord, part: Part, *, by_hand: bool = False) -> None:
    spot, item = house.floor.spots.get(part.location), house.item(part.goods.sku)
    robot = item.robot and spot is not None and spot.robot and not by_hand
    unit.picks += 1
    house.plan(
        Task(
            task_id=house.task_id(),
            kind=TaskKind.PICK,
            zone=unit.zone,
            skill=f"{TaskKind.PICK}+{item.skill}" if item.skill else TaskKind.PICK.value,
            source=part.location,
            target=unit.hu_id,
            order_id=order.order_id,
            hu_id=unit.hu_id,
            sku=part.goods.sku,
            lot=part.goods.lot,
            quantity=part.quantity,
            barcode=part.goods.sku,
            priority=order.priority,
            due_ms=order.due_ms,
            departure_id=order.departure_id,
            robot=robot,
            robot_only=robot,
            after=(part.after,) if part.after else (),
        ),
        line=part.line,
        expiry=part.goods.expiry,
    )
