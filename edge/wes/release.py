"""Which handling units may be worked on: at most `wip_max` per zone, the most urgent first, none for ever last.

Work is let in one handling unit at a time (workload control, CONWIP: Spearman 1990). The order is slack less half of
the time waited, which is the same order at every moment, so a heap per zone with fixed keys keeps it exactly.
"""

from heapq import heappop

from edge.messages import Link, OrderHeldBack, OrderStarted, PackMl, Task, TaskKind, Zone
from edge.wes.dispatch import PRIORITY_MS
from edge.wes.estimates import MINUTE_MS, TASK_MS, latest_start_ms
from edge.wes.floor import ROBOT_QUEUE, Floor, queue_of
from edge.wes.state import ORDERS_MAX, OrderRecord, WipRecord, remember
from edge.wes.tasks import TaskEvent, TaskRecord, advance

LIMITED = (TaskKind.PICK, TaskKind.PACK)
"""Kinds of task that fill a zone; the others are never held back."""
DOWN_STATES = (PackMl.ABORTING, PackMl.ABORTED, PackMl.HOLDING, PackMl.HELD)


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


def rank_unit(floor: Floor, hu_id: str) -> None:
    """Give a waiting handling unit its place in the queue after its tasks changed."""
    wip = floor.state.wip.get(hu_id)
    if wip is None or wip.inside or hu_id not in floor.hu_tasks:
        return
    tasks = [floor.state.tasks[task_id].task for task_id in floor.hu_tasks[hu_id]]
    latest_ms = min(latest_start_ms(task) for task in tasks)
    picks_ms = sum(TASK_MS[task.kind] for task in tasks if task.kind is TaskKind.PICK)
    priority_ms = min(task.priority for task in tasks) * PRIORITY_MS
    wip.rank = latest_ms - picks_ms + priority_ms + wip.planned_ms // 2
    wip.robot = any(task.robot_only for task in tasks)
    floor.enqueue(wip)
    floor.new_waiting[hu_id] = None


def free(floor: Floor, record: TaskRecord) -> None:
    """Offer the task to the floor if nothing stands before it any more."""
    if advance(record, TaskEvent.FREE):
        floor.offer(record)
        if record.task.order_id:
            start_order(floor, record.task.order_id, f"{record.task.kind} at {record.task.source} can begin")


def start_order(floor: Floor, order_id: str, reason: str) -> None:
    order = told(floor, order_id)
    if not order.started:
        order.started = True
        floor.say(OrderStarted(at_ms=floor.now_ms, order_id=order_id, reason=reason))


def hold_back(floor: Floor, order_id: str, reason: str) -> None:
    if not order_id:
        return
    order = told(floor, order_id)
    if reason not in order.held:
        order.held = (*order.held, reason)
        floor.say(OrderHeldBack(at_ms=floor.now_ms, order_id=order_id, reason=reason))


def told(floor: Floor, order_id: str) -> OrderRecord:
    order = floor.state.orders.get(order_id)
    if order is None:
        order = OrderRecord()
        remember(floor.state.orders, order_id, order, ORDERS_MAX)
    return order


def is_down(floor: Floor, machine_id: str) -> bool:
    """Is it known that nothing will move here until somebody comes?"""
    machine = floor.machine(machine_id)
    if machine is None or machine.awaited:
        return False
    stopped = bool(machine.stopped_by) and machine.state is not PackMl.EXECUTE
    return machine.link is Link.LOST or machine.state in DOWN_STATES or stopped


def blocked_by(floor: Floor, queue: str) -> str:
    """Why no handling unit of this queue may begin now; empty if it may."""
    zone_id = queue.removesuffix(ROBOT_QUEUE)
    for machine_id in floor.layout.downstream(floor.zones[zone_id].conveyor):
        if is_down(floor, machine_id):
            return f"MACHINE_DOWN {machine_id}"
    robots = floor.layout.robots(zone_id) if queue.endswith(ROBOT_QUEUE) else []
    if robots and all(is_down(floor, robot_id) for robot_id in robots):
        return f"MACHINE_DOWN {robots[0]}"
    return ""


def head(floor: Floor, queue: str) -> WipRecord | None:
    """The handling unit at the head of a queue; entries that were overtaken by a change are dropped."""
    heap = floor.queues.get(queue, [])
    while heap:
        wip = floor.state.wip.get(heap[0][2])
        if wip is not None and not wip.inside and wip.rank == heap[0][0] and queue_of(wip) == queue:
            return wip
        heappop(heap)
    floor.queues.pop(queue, None)
    return None


def admit(floor: Floor) -> None:
    """Let in what the limits allow, then tell the orders that came just now and must wait."""
    for zone in floor.zones.values():
        queues = [name for name in (zone.zone, zone.zone + ROBOT_QUEUE) if name in floor.queues]
        if queues:
            admit_zone(floor, zone, queues)
    for hu_id in floor.new_waiting:
        wip = floor.state.wip.get(hu_id)
        if wip is not None and not wip.inside:
            zone = floor.zones[wip.zone]
            full = f"ZONE_WIP {wip.zone} {floor.inside.get(wip.zone, 0)}/{zone.wip_max}"
            hold_back(floor, wip.order_id, blocked_by(floor, queue_of(wip)) or full)
    floor.new_waiting.clear()


def admit_zone(floor: Floor, zone: Zone, queues: list[str]) -> None:
    """Fill the zone from the heads of its queues."""
    open_queues: list[str] = []
    if floor.inside.get(zone.zone, 0) >= zone.wip_max:
        return
    for queue in queues:
        first = head(floor, queue)
        reason = blocked_by(floor, queue) if first else ""
        if first and reason:
            hold_back(floor, first.order_id, reason)
        elif first:
            open_queues.append(queue)
    while floor.inside.get(zone.zone, 0) < zone.wip_max:
        heads = [first for first in (head(floor, queue) for queue in open_queues) if first]
        if not heads:
            return
        let_in(floor, min(heads, key=lambda wip: (wip.rank, wip.number)), zone)


def let_in(floor: Floor, wip: WipRecord, zone: Zone) -> None:
    wip.inside = True
    floor.inside[zone.zone] = floor.inside.get(zone.zone, 0) + 1
    heappop(floor.queues[queue_of(wip)])
    records = [floor.state.tasks[task_id] for task_id in floor.hu_tasks[wip.hu_id]]
    slack = (min(latest_start_ms(record.task) for record in records) - floor.now_ms) // MINUTE_MS
    if wip.order_id:
        window = f"zone {zone.zone} {floor.inside[zone.zone]}/{zone.wip_max}"
        start_order(floor, wip.order_id, f"slack {slack} min, {window}")
    for record in records:
        record.let_in = True
        free(floor, record)


def unit_left(floor: Floor, hu_id: str, *, for_good: bool = False) -> None:
    """Give the handling unit's place away once nothing is left to do for it.

    One with goods in it whose PACK task is still to come keeps its place, unless it is gone `for_good`.
    """
    wip = floor.state.wip.get(hu_id)
    if wip is None or hu_id in floor.hu_tasks or (wip.goods and not wip.pack and not for_good):
        return
    del floor.state.wip[hu_id]
    if wip.inside:
        floor.inside[wip.zone] -= 1
