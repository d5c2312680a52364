"""Which handling units may be worked on: the most urgent first, none for ever last, none where nothing can follow.

Work is let in one handling unit at a time (workload control, CONWIP: Spearman 1990), bounded by the units in its zone,
those waiting for its pack station, and those on their way to the lanes of its route. The order is slack less half of
the time waited, which is the same order at every moment, so heaps with fixed keys keep it exactly. What can no longer
be in time aims at the departure after its own, and is let in with the word that it will be late.
"""

from edge.messages import OrderHeldBack, OrderStarted, Task, TaskKind, Zone
from edge.wes.ahead import ANY, Ahead
from edge.wes.estimates import DAY_MS, MINUTE_MS, PRIORITY_MS
from edge.wes.floor import Floor
from edge.wes.on_way import destination_of
from edge.wes.room import Line, line_of
from edge.wes.state import ORDERS_MAX, OrderRecord, WipRecord, remember
from edge.wes.tasks import TaskEvent, TaskRecord, advance

LIMITED = (TaskKind.PICK, TaskKind.PACK)
"""Kinds of task that fill a zone; the others are never held back."""
BEGUN_MS = 10 * MINUTE_MS
"""So much more slack a unit of an order that has begun may have and still go before one of an order that has not."""
SAID_MAX = 1000
"""Sets of limits kept to be shared by the records of many orders."""
UNREPORTED_MAX = 1000
"""Units packed and not yet reported as packed, of which the route is remembered."""


def wip_of(floor: Floor, task: Task) -> WipRecord | None:
    """The handling unit a limited task belongs to, entered when it is new; None for work without a limit."""
    if task.kind not in LIMITED or not task.hu_id or task.zone not in floor.zones:
        return None
    wip = floor.state.wip.get(task.hu_id)
    if wip is None:
        floor.state.last_unit += 1
        wip = floor.state.wip[task.hu_id] = WipRecord(
            hu_id=task.hu_id,
            order_id=task.order_id,
            zone=task.zone,
            departure_id=task.departure_id,
            number=floor.state.last_unit,
            planned_ms=floor.now_ms,
        )
    wip.pack = wip.pack or task.kind is TaskKind.PACK
    return wip


def tasks_of(floor: Floor, hu_id: str) -> list[Task]:
    return [floor.state.tasks[task_id].task for task_id in floor.hu_tasks.get(hu_id, ())]


def need_ms(floor: Floor, tasks: list[Task]) -> int:
    """From the first of a unit's tasks until it is loaded, one after the other, without waiting for hands."""
    picks = sum(1 for task in tasks if task.kind is TaskKind.PICK)
    kind, zone = (TaskKind.PICK if picks else TaskKind.PACK), tasks[0].zone
    estimates = floor.plan.estimates
    return max(1, picks) * estimates.work_ms(kind, zone) + estimates.tail_ms(kind, zone)


def last_start_ms(floor: Floor, tasks: list[Task]) -> int:
    """When a unit must begin at the latest to be in time."""
    return min(task.due_ms for task in tasks) - need_ms(floor, tasks)


def rank_unit(floor: Floor, hu_id: str) -> None:
    """Give a waiting handling unit its place in the line after its tasks changed."""
    wip = floor.room.outside(hu_id)
    if wip is not None and hu_id in floor.hu_tasks:
        place(floor, wip)
        floor.new_waiting[hu_id] = None


def place(floor: Floor, wip: WipRecord) -> None:
    """Work out the rank anew; it stays as it is until the unit's tasks change, its order begins or it turns late."""
    tasks = tasks_of(floor, wip.hu_id)
    wip.last_ms = last_start_ms(floor, tasks)
    wip.late = wip.last_ms < floor.now_ms
    order = floor.state.orders.get(wip.order_id)
    begun_ms = BEGUN_MS if order is not None and order.started else 0
    aim_ms = max(wip.last_ms, wip.planned_ms) + later_ms(floor, tasks) if wip.late else wip.last_ms
    priority_ms = min(task.priority for task in tasks) * PRIORITY_MS
    wip.rank = aim_ms + priority_ms + wip.planned_ms // 2 - begun_ms
    wip.robot = any(task.robot_only for task in tasks)
    floor.room.enqueue(wip)


def later_ms(floor: Floor, tasks: list[Task]) -> int:
    """How much later the next departure of the same route leaves; a day where none is known, and at most."""
    first = min(tasks, key=lambda task: task.due_ms)
    return min(floor.plan.next_cutoff_ms(first) - first.due_ms, DAY_MS)


def free(floor: Floor, record: TaskRecord) -> None:
    """Offer the task to the floor if nothing stands before it any more."""
    if advance(record, TaskEvent.FREE):
        floor.offer(record)
        if record.task.order_id:
            start_order(floor, record.task.order_id, f"{record.task.kind} at {record.task.source} can begin")


def start_order(floor: Floor, order_id: str, reason: str) -> None:
    """Say once that the order has begun; from then on its other units go before those of orders that have not."""
    order = told(floor, order_id)
    if order.started:
        return
    order.started = True
    floor.say(OrderStarted(at_ms=floor.now_ms, order_id=order_id, reason=reason))
    for hu_id in list(floor.room.waiting.get(order_id, ())):
        wip = floor.room.outside(hu_id)
        if wip is not None and hu_id in floor.hu_tasks:
            place(floor, wip)


def limit_in(reason: str) -> str:
    """Which limit of what a reason is about; the numbers after it change."""
    return " ".join(reason.split()[:2]).removesuffix(":")


def hold_back(floor: Floor, order_id: str, reason: str) -> None:
    """Tell the order what keeps one of its units outside, once for every limit."""
    if not order_id or not reason:
        return
    order = told(floor, order_id)
    if limit_in(reason) not in order.held:
        note(floor, order, limit_in(reason))
        floor.say(OrderHeldBack(at_ms=floor.now_ms, order_id=order_id, reason=reason))


def note(floor: Floor, order: OrderRecord, limit: str) -> None:
    """Remember that an order was told of a limit; many are told the same, in the same words."""
    if len(floor.said) >= SAID_MAX:
        floor.said.clear()
    words = (*order.held, limit)
    order.held = floor.said.setdefault(words, words)


def told(floor: Floor, order_id: str) -> OrderRecord:
    order = floor.state.orders.get(order_id)
    if order is None:
        order = OrderRecord()
        remember(floor.state.orders, order_id, order, ORDERS_MAX)
    return order


def lateness(floor: Floor, wip: WipRecord) -> str:
    """Why a unit cannot be in time any more, in numbers; "" if it can, begun now."""
    tasks = tasks_of(floor, wip.hu_id)
    left_ms = min(task.due_ms for task in tasks) - floor.now_ms
    need = need_ms(floor, tasks)
    if need <= left_ms:
        return ""
    left = f"{left_ms // MINUTE_MS} min left" if left_ms >= 0 else f"due {-left_ms // MINUTE_MS} min ago"
    return f"needs {-(-need // MINUTE_MS)} min, {left}"


def full(floor: Floor, zone: Zone) -> str:
    """Which limit of the zone itself is reached; "" if none is."""
    inside, at_station = floor.room.inside.get(zone.zone, 0), floor.room.at_station.get(zone.pack_station, 0)
    if inside >= zone.wip_max:
        return f"ZONE_WIP {zone.zone} {inside}/{zone.wip_max}"
    if zone.pack_station and 0 < zone.station_max <= at_station:
        return f"STATION {zone.pack_station} {at_station}/{zone.station_max}"
    return ""


def why_outside(floor: Floor, wip: WipRecord, ahead: Ahead | None = None) -> str:
    """The limit that keeps a unit outside, and its numbers; "" for one that waits only for the next look."""
    zone = floor.zones[wip.zone]
    return (ahead or Ahead(floor)).blocks(zone, wip) or full(floor, zone)


def admit(floor: Floor) -> None:
    """Let in what the limits allow, then tell the orders that came just now and must wait."""
    turn_late(floor)
    ahead = Ahead(floor)
    for zone in floor.zones.values():
        admit_zone(floor, zone, ahead)
    for hu_id in floor.new_waiting:
        wip = floor.room.outside(hu_id)
        if wip is not None:
            hold_back(floor, wip.order_id, why_outside(floor, wip, ahead))
            if wip.late:
                say_late(floor, wip)
    floor.new_waiting.clear()


def turn_late(floor: Floor) -> None:
    """Units that have waited too long aim at the next departure from now on, and it is said."""
    wip = floor.room.next_late(floor.now_ms)
    while wip is not None:
        if wip.hu_id in floor.hu_tasks:
            place(floor, wip)
            say_late(floor, wip)
        wip = floor.room.next_late(floor.now_ms)


def say_late(floor: Floor, wip: WipRecord) -> None:
    late = lateness(floor, wip)
    if late:
        hold_back(floor, wip.order_id, f"CANNOT_MAKE {wip.departure_id or 'cutoff'}: {late}")


def admit_zone(floor: Floor, zone: Zone, ahead: Ahead) -> None:
    """Fill the zone from the heads of its lines, past those that are blocked."""
    if floor.room.inside.get(zone.zone, 0) >= zone.wip_max:
        return
    open_heads = floor.room.heads(zone.zone)
    blocked: dict[Line, None] = {}
    while open_heads:
        wip, reason = open_heads[0], full(floor, zone)
        if reason:
            hold_back(floor, wip.order_id, reason)
            return
        reason = ahead.blocks(zone, wip)
        if reason:
            hold_back(floor, wip.order_id, reason)
            blocked[line_of(wip)] = None
        else:
            let_in(floor, wip, zone, ahead)
        open_heads = [each for each in floor.room.heads(zone.zone) if line_of(each) not in blocked]


def let_in(floor: Floor, wip: WipRecord, zone: Zone, ahead: Ahead) -> None:
    """The unit comes inside, with a reason that names the limits and how near they are."""
    wip.inside = True
    floor.room.drop(wip)
    floor.room.count(wip.hu_id)
    ahead.forget()
    if wip.order_id:
        say_in(floor, wip, zone, ahead)
    for record in [floor.state.tasks[task_id] for task_id in floor.hu_tasks[wip.hu_id]]:
        record.let_in = True
        free(floor, record)


def say_in(floor: Floor, wip: WipRecord, zone: Zone, ahead: Ahead) -> None:
    """Tell the order that it has begun, or at least that this further unit of it will be late."""
    order, what = told(floor, wip.order_id), wip.departure_id or "cutoff"
    if order.started:
        say_late(floor, wip)
        return
    late = lateness(floor, wip)
    slack = (last_start_ms(floor, tasks_of(floor, wip.hu_id)) - floor.now_ms) // MINUTE_MS
    can = f"cannot make {what}: {late}" if late else f"slack {slack} min"
    if late and f"CANNOT_MAKE {what}" not in order.held:
        # It is said here, once for all units of the order.
        note(floor, order, f"CANNOT_MAKE {what}")
    start_order(floor, wip.order_id, f"{can}, {', '.join(numbers(floor, wip, zone, ahead))}")


def numbers(floor: Floor, wip: WipRecord, zone: Zone, ahead: Ahead) -> list[str]:
    """How near the limits are with this unit inside."""
    said = [f"zone {zone.zone} {floor.room.inside[zone.zone]}/{zone.wip_max}"]
    if zone.pack_station and zone.station_max:
        said.append(f"station {zone.pack_station} {floor.room.at_station.get(zone.pack_station, 0)}/{zone.station_max}")
    key = destination_of(floor, wip.departure_id, wip.order_id)
    way = ahead.way(zone, key)
    if way.most != ANY:
        said.append(f"lanes {key[0]} {ahead.on_way(key)}/{way.room}")
    return said


def unit_left(floor: Floor, hu_id: str, *, for_good: bool = False) -> None:
    """Give the handling unit's place away once nothing is left to do for it.

    One with goods in it whose PACK task is still to come keeps its place, unless it is gone `for_good`.
    """
    wip = floor.state.wip.get(hu_id)
    if for_good:
        floor.state.unreported.pop(hu_id, None)
    if wip is None or hu_id in floor.hu_tasks or (wip.goods and not wip.pack and not for_good):
        return
    if wip.goods and not for_good and hu_id not in floor.state.units:
        remember(floor.state.unreported, hu_id, wip.departure_id, UNREPORTED_MAX)
    del floor.state.wip[hu_id]
    floor.room.drop(wip)
    floor.room.count(hu_id)
