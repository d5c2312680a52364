"""From the sorter into the lorry: units come to rest, are carried to their lane, staged and loaded."""

from edge.messages import (
    LaneAssigned,
    Task,
    TaskCompleted,
    TaskKind,
    UnitArrived,
    UnitLoaded,
    UnitMissing,
    UnitStaged,
    lane_location,
)
from edge.wms.state import DepartureRecord, TaskRecord, UnitRecord, UnitState
from edge.wms.units import DOORS_OPEN, IN_ITS_LANE, UnitEvent, advance
from edge.wms.warehouse import Warehouse


def lane_assigned(house: Warehouse, message: LaneAssigned) -> None:
    """The WES gives a pool lane to a departure or an order; what comes to rest there from now on is judged by that."""
    location = lane_location(message.machine_id, message.lane)
    if message.departure_id:
        house.state.lanes[location] = message
    else:
        house.state.lanes.pop(location, None)


def unit_arrived(house: Warehouse, message: UnitArrived) -> None:
    """A unit came to rest somewhere."""
    unit = house.state.units.get(message.hu_id)
    if unit is None:
        return
    if unit.state is UnitState.PACKING:
        unit.location = message.location
        return
    rest_at(house, unit, message.location)


def unit_missing(house: Warehouse, message: UnitMissing) -> None:
    """The WES lost track of a unit: somebody has to look for it at the machine."""
    unit = house.state.units.get(message.hu_id)
    if unit is None:
        return
    if unit.state is UnitState.PACKING:
        unit.location = message.machine_id
        return
    if _known(unit, message.machine_id) or not advance(unit, UnitEvent.MISSED):
        return
    _drop_task(house, unit)
    unit.location = message.machine_id
    plan_carry(house, unit)


def carried(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """Somebody carried a unit to its lane; quantity 0 = could not find it, which waits for the next roll."""
    unit = _end_unit_task(house, record)
    if unit is not None and message.quantity > 0:
        rest_at(house, unit, record.task.target)


def loaded(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """A unit is in the lorry of its present departure; if that one has closed it waits at the door for the roll."""
    unit = _end_unit_task(house, record)
    if unit is None:
        return
    if message.quantity > 0:
        load(house, unit)
    elif advance(unit, UnitEvent.NOT_FOUND):
        plan_carry(house, unit)


def load(house: Warehouse, unit: UnitRecord) -> None:
    """Book a unit into its order's present departure; one whose doors have shut cannot take it, the next will."""
    order = house.order_of(unit)
    doors = "" if order.departure_id in house.state.departed else DOORS_OPEN
    if not advance(unit, UnitEvent.LOADED, doors):
        unit.at_door = unit.state is UnitState.STAGED
        return
    unit.departure_id = order.departure_id
    house.state.departures.setdefault(order.departure_id, DepartureRecord()).loaded.append(unit.hu_id)
    house.emit(
        UnitLoaded(at_ms=house.now_ms, hu_id=unit.hu_id, order_id=unit.order_id, departure_id=order.departure_id)
    )


def rest_at(house: Warehouse, unit: UnitRecord, location: str) -> None:
    """The unit lies here now: in its lane it is staged, elsewhere somebody has to carry it there."""
    order = house.order_of(unit)
    guard = IN_ITS_LANE if house.floor.serves(location, order) else ""
    if _known(unit, location) or not advance(unit, UnitEvent.ARRIVED, guard):
        return
    _drop_task(house, unit)
    unit.location, unit.searches = location, 0
    if unit.state is UnitState.ASTRAY:
        plan_carry(house, unit)
        return
    house.emit(
        UnitStaged(
            at_ms=house.now_ms,
            hu_id=unit.hu_id,
            order_id=unit.order_id,
            departure_id=order.departure_id,
            location=location,
        )
    )
    plan_load(house, unit)


def plan_load(house: Warehouse, unit: UnitRecord) -> None:
    """Ask to load a staged unit, unless its doors have closed."""
    if house.order_of(unit).departure_id not in house.state.departed:
        _plan(house, unit, TaskKind.LOAD, house.order_of(unit).departure_id)


def plan_carry(house: Warehouse, unit: UnitRecord) -> None:
    """Ask to carry a unit from where it was last seen to the first lane of its route."""
    _plan(house, unit, TaskKind.CARRY, house.floor.lane_for(house.order_of(unit)))


def _plan(house: Warehouse, unit: UnitRecord, kind: TaskKind, target: str) -> None:
    order = house.order_of(unit)
    unit.task_id = house.task_id()
    house.plan(
        Task(
            task_id=unit.task_id,
            kind=kind,
            zone=house.floor.loading_zone,
            skill=kind.value,
            source=unit.location,
            target=target,
            order_id=unit.order_id,
            hu_id=unit.hu_id,
            barcode=unit.hu_id,
            priority=order.priority,
            due_ms=order.due_ms,
            departure_id=order.departure_id,
        )
    )


def _known(unit: UnitRecord, location: str) -> bool:
    return unit.state is UnitState.ASTRAY and unit.location == location and unit.task_id != ""


def _drop_task(house: Warehouse, unit: UnitRecord) -> None:
    record = house.state.tasks.get(unit.task_id)
    unit.task_id = ""
    if record is not None:
        house.withdraw(record, "unit came to rest elsewhere")


def _end_unit_task(house: Warehouse, record: TaskRecord) -> UnitRecord | None:
    house.end_task(record)
    unit = house.state.units.get(record.task.hu_id)
    if unit is not None and unit.task_id == record.task.task_id:
        unit.task_id = ""
    return unit
