"""Which goods go into one handling unit, its SSCC, and closing it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from edge.messages import Item, Site, Task, TaskCompleted, TaskKind, UnitContent, UnitPacked
from edge.wms.allocation import Part
from edge.wms.loading import rest_at
from edge.wms.state import TaskRecord, UnitRecord, UnitState
from edge.wms.units import UnitEvent, advance
from edge.wms.warehouse import Warehouse

SSCC_DIGITS = 18


def check_digit(digits: str) -> int:
    """GS1 General Specifications 7.9.1: weights 3, 1, 3 ... from the right, complement to the next ten."""
    weighted = (int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return -sum(weighted) % 10


def sscc(prefix: str, serial: int) -> str:
    """An SSCC-18 from extension digit + company prefix and a serial number, which wraps when its digits run out."""
    width = SSCC_DIGITS - 1 - len(prefix)
    digits = f"{prefix}{serial % 10**width:0{width}}"
    return f"{digits}{check_digit(digits)}"


@dataclass(slots=True)
class _Carton:
    room_ml: int
    room_g: int
    room_units: int
    parts: list[Part] = field(default_factory=list)

    def room_for(self, item: Item) -> int:
        """So many units of this item still fit."""
        by_volume = self.room_ml // max(1, item.volume_ml)
        by_weight = self.room_g // max(1, item.weight_g)
        return max(0, min(by_volume, by_weight, self.room_units))

    def put(self, part: Part, item: Item, quantity: int) -> None:
        self.room_ml -= item.volume_ml * quantity
        self.room_g -= item.weight_g * quantity
        self.room_units -= quantity
        self.parts.append(replace(part, quantity=quantity))


def cartonise(parts: Iterable[Part], item_of: Callable[[str], Item], site: Site) -> list[list[Part]]:
    """First fit, in the order given, by volume, weight and count. What is too big for any unit gets one of its own."""
    cartons: list[_Carton] = []
    for part in parts:
        item, rest = item_of(part.goods.sku), part.quantity
        for carton in cartons:
            fits = min(rest, carton.room_for(item))
            if fits:
                carton.put(part, item, fits)
                rest -= fits
        while rest:
            carton = _Carton(site.hu_max_ml, site.hu_max_g, site.hu_max_units)
            cartons.append(carton)
            fits = min(rest, max(1, carton.room_for(item)))
            carton.put(part, item, fits)
            rest -= fits
    return [carton.parts for carton in cartons]


def open_unit(house: Warehouse, order_id: str, zone: str) -> UnitRecord:
    """Plan a new handling unit; its SSCC is its name from now on."""
    house.state.last_serial += 1
    hu_id = sscc(house.floor.site.sscc_prefix, house.state.last_serial)
    unit = UnitRecord(hu_id=hu_id, order_id=order_id, zone=zone)
    house.state.units[hu_id] = unit
    house.state.orders[order_id].units.append(hu_id)
    return unit


def settle(house: Warehouse, unit: UnitRecord) -> None:
    """If the last pick of a unit has ended: ask to pack it, or void it if nothing came."""
    if unit.picks == 0 and advance(unit, UnitEvent.PICKS_ENDED) and unit.state is UnitState.PACKING:
        _plan_pack(house, unit)


def packed(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """A unit was closed and labelled; quantity 0 = it was not, so ask again."""
    house.end_task(record)
    unit = house.state.units[record.task.hu_id]
    if message.quantity <= 0:
        _plan_pack(house, unit)
        return
    advance(unit, UnitEvent.CLOSED)
    unit.task_id = ""
    order = house.order_of(unit)
    contents = tuple(
        UnitContent(line=content.line, sku=content.goods.sku, lot=content.goods.lot, quantity=content.quantity)
        for content in unit.contents
    )
    house.emit(
        UnitPacked(
            at_ms=house.now_ms,
            hu_id=unit.hu_id,
            order_id=unit.order_id,
            site=house.name,
            route=order.route,
            departure_id=order.departure_id,
            due_ms=order.due_ms,
            contents=contents,
            weight_g=sum(house.item(content.sku).weight_g * content.quantity for content in contents),
        )
    )
    # It came to rest before the packer said "done", or no conveyor takes it away.
    seen_at = unit.location or ("" if record.task.target else record.task.source)
    if seen_at:
        rest_at(house, unit, seen_at)


def _plan_pack(house: Warehouse, unit: UnitRecord) -> None:
    order, zone = house.order_of(unit), house.floor.zones.get(unit.zone)
    unit.task_id = house.task_id()
    house.plan(
        Task(
            task_id=unit.task_id,
            kind=TaskKind.PACK,
            zone=unit.zone,
            skill=TaskKind.PACK.value,
            source=(zone.pack_station if zone else "") or unit.zone,
            target=zone.conveyor if zone else "",
            order_id=unit.order_id,
            hu_id=unit.hu_id,
            barcode=unit.hu_id,
            priority=order.priority,
            due_ms=order.due_ms,
            departure_id=order.departure_id,
        )
    )
