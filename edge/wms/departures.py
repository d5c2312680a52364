"""Departures open, close at their cutoff exactly once, and orders roll from one to the next."""

from edge.messages import (
    DepartureClosed,
    DepartureScheduled,
    LineQuantity,
    OrderRefused,
    OrderRolled,
    OrderShipped,
    TaskAmended,
    UnitRerouted,
)
from edge.wms.ledger import CUSTOMER, unit_account
from edge.wms.loading import load, plan_carry, plan_load
from edge.wms.state import DepartureRecord, OrderRecord, TaskState, UnitState, remember
from edge.wms.units import ENDED, ON_ITS_WAY, UnitEvent, advance
from edge.wms.warehouse import Warehouse


def departure_scheduled(house: Warehouse, message: DepartureScheduled) -> None:
    """A departure is known, or its cutoff was moved; one that has closed stays closed."""
    departure = message.departure
    if departure.departure_id in house.state.departed:
        return
    record = house.state.departures.setdefault(departure.departure_id, DepartureRecord())
    record.cutoff_ms = departure.cutoff_ms
    house.set_clock()


def close_due(house: Warehouse) -> None:
    """Close every departure whose cutoff has come, the earliest first."""
    if house.next_cutoff_ms is None or house.next_cutoff_ms > house.now_ms:
        return
    due = [
        (record.cutoff_ms, departure_id)
        for departure_id, record in house.state.departures.items()
        if record.cutoff_ms is not None and record.cutoff_ms <= house.now_ms
    ]
    for _, departure_id in sorted(due):
        _close(house, departure_id)
    house.set_clock()


def _close(house: Warehouse, departure_id: str) -> None:
    departure = house.state.departures.pop(departure_id)
    for hu_id in departure.loaded:
        _ship(house, hu_id)
    loaded_orders = {house.state.units[hu_id].order_id: None for hu_id in departure.loaded}
    complete = [order_id for order_id in departure.orders | loaded_orders if finish(house, order_id)]
    remember(house.state.departed, departure_id, None)
    house.emit(
        DepartureClosed(
            at_ms=house.now_ms,
            departure_id=departure_id,
            site=house.name,
            units=tuple(departure.loaded),
            orders=tuple(complete),
            left_behind=tuple(order_id for order_id in departure.orders if order_id in house.state.orders),
        )
    )


def _ship(house: Warehouse, hu_id: str) -> None:
    unit = house.state.units[hu_id]
    for content in unit.contents:
        house.book(content.goods, content.quantity, unit_account(hu_id), CUSTOMER, "shipped", unit.departure_id)
    advance(unit, UnitEvent.LEFT)
    house.order_of(unit).last_departure = unit.departure_id


def finish(house: Warehouse, order_id: str) -> bool:
    """Say OrderShipped, and forget the order, once all that will ever come of it has left. True if so."""
    state = house.state
    order = state.orders[order_id]
    units = [state.units[hu_id] for hu_id in order.units]
    if any(unit.state not in ENDED for unit in units) or any(line.wanting for line in order.lines.values()):
        return False
    shipped = dict.fromkeys(order.lines, 0)
    for unit in units:
        for content in unit.contents:
            shipped[content.line] += content.quantity
    house.emit(
        OrderShipped(
            at_ms=house.now_ms,
            order_id=order_id,
            site=house.name,
            departure_id=order.last_departure or order.departure_id,
            lines=tuple(
                LineQuantity(line=line.line, sku=line.sku, quantity=shipped[line.line])
                for line in order.lines.values()
                if shipped[line.line]
            ),
            units=tuple(unit.hu_id for unit in units if unit.state is UnitState.SHIPPED),
        )
    )
    _forget(house, order)
    return True


def _forget(house: Warehouse, order: OrderRecord) -> None:
    state = house.state
    for hu_id in order.units:
        del state.units[hu_id]
    for task_id in order.tasks:
        del state.tasks[task_id]
    if order.departure_id in state.departures:
        state.departures[order.departure_id].orders.pop(order.order_id, None)
    del state.orders[order.order_id]
    remember(state.closed, order.order_id, (order.rev, order.content))


def order_rolled(house: Warehouse, message: OrderRolled) -> None:
    """The OMS moved an order to another departure; an order that is not here, or not here any more, is not moved."""
    order = house.state.orders.get(message.order_id)
    if order is None or message.departure_id in order.past:
        return
    roll(house, order, message.departure_id, message.due_ms)


def roll(house: Warehouse, order: OrderRecord, departure_id: str, due_ms: int) -> None:
    """Move an order, its open tasks and its units that have not been loaded to another departure."""
    if departure_id == order.departure_id and due_ms == order.due_ms:
        return
    if departure_id in house.state.departed:
        order.roll_refused = True
        _refuse_roll(house, order, departure_id)
        return
    _change_departure(house, order, departure_id, due_ms)
    for task_id in list(order.tasks):
        record = house.state.tasks[task_id]
        if record.waits_on:
            house.hurried[record.waits_on] = None
        if record.state is TaskState.OPEN:
            house.emit(
                TaskAmended(
                    at_ms=house.now_ms,
                    site=house.name,
                    task_id=task_id,
                    departure_id=departure_id,
                    due_ms=due_ms,
                    priority=order.priority,
                )
            )
    for hu_id in order.units:
        unit = house.state.units[hu_id]
        if unit.state not in ON_ITS_WAY:
            continue
        house.emit(UnitRerouted(at_ms=house.now_ms, hu_id=hu_id, departure_id=departure_id, due_ms=due_ms))
        if unit.at_door and unit.state is UnitState.STAGED:
            load(house, unit)
        elif unit.state is UnitState.STAGED and not unit.task_id:
            plan_load(house, unit)
        elif unit.state is UnitState.ASTRAY and not unit.task_id:
            plan_carry(house, unit)


def _change_departure(house: Warehouse, order: OrderRecord, departure_id: str, due_ms: int) -> None:
    departures = house.state.departures
    if departure_id != order.departure_id:
        if order.departure_id in departures:
            departures[order.departure_id].orders.pop(order.order_id, None)
        order.past.append(order.departure_id)
        departures.setdefault(departure_id, DepartureRecord()).orders[order.order_id] = None
    order.departure_id, order.due_ms, order.roll_refused = departure_id, due_ms, False


def _refuse_roll(house: Warehouse, order: OrderRecord, departure_id: str) -> None:
    house.emit(
        OrderRefused(
            at_ms=house.now_ms,
            order_id=order.order_id,
            rev=order.rev,
            site=house.name,
            reason="DEPARTURE_CLOSED",
            detail=f"departure {departure_id} closed before the order could be rolled to it",
        )
    )
