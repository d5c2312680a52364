"""Departures as the WES sees them: which route they run, and whether their open tasks can still make it."""

from edge.messages import DepartureClosed, DepartureScheduled, TaskKind
from edge.wes.alarms import HIGH, clear_alarm, raise_alarm
from edge.wes.estimates import MINUTE_MS, PROCESS_MS
from edge.wes.floor import Floor, Work
from edge.wes.release import unit_left
from edge.wes.state import DELIVERED_MAX, DepartureRecord, remember

DEPARTURES_MAX = 10_000
SAFE_AGAIN_MS = 5 * MINUTE_MS
"""A departure must gain this much before its alarm is cleared, so that it does not flicker."""
UPSTREAM_FIRST = (TaskKind.PICK, TaskKind.PACK, TaskKind.CARRY, TaskKind.LOAD, TaskKind.PUTAWAY)


def scheduled(floor: Floor, message: DepartureScheduled) -> None:
    departure = message.departure
    known = floor.state.departures.get(departure.departure_id)
    record = DepartureRecord(
        route=departure.route, cutoff_ms=departure.cutoff_ms, at_risk=known.at_risk if known else False
    )
    remember(floor.state.departures, departure.departure_id, record, DEPARTURES_MAX)
    for unit in floor.state.units.values():
        if unit.departure_id == departure.departure_id:
            unit.route = departure.route
    floor.risk_stale = True


def closed(floor: Floor, message: DepartureClosed) -> None:
    """What is on the manifest is gone; a unit left behind stays known and waits for its next departure."""
    floor.state.departures.pop(message.departure_id, None)
    clear_alarm(floor, f"departure:{message.departure_id}")
    for hu_id in message.units:
        unit = floor.state.units.pop(hu_id, None)
        if unit is not None and unit.machine_id:
            clear_alarm(floor, f"{unit.machine_id}:missing_{hu_id}")
        remember(floor.state.delivered, hu_id, message.departure_id, DELIVERED_MAX)
    for wip in [wip for wip in floor.state.wip.values() if wip.departure_id == message.departure_id]:
        unit_left(floor, wip.hu_id, for_good=True)
    floor.risk_stale = True


def hands(floor: Floor) -> int:
    return sum(1 for resource in floor.state.resources.values() if resource.available)


def estimate_ms(work: Work, shared_by: int) -> int:
    """Open work shared by all who are here, plus the way from the first open step to the dock."""
    tail = next((PROCESS_MS[kind] for kind in UPSTREAM_FIRST if work.kinds.get(kind, 0)), 0)
    return work.work_ms // max(1, shared_by) + tail


def watch(floor: Floor) -> None:
    """Raise and clear the alarms of departures at risk; looks only when something changed or a limit has passed."""
    passed = floor.risk_next_ms is not None and floor.now_ms >= floor.risk_next_ms
    if not floor.risk_stale and not passed:
        return
    shared_by = hands(floor)
    for departure_id, record in floor.state.departures.items():
        work = floor.work.get(departure_id)
        estimate = estimate_ms(work, shared_by) if work else 0
        left_ms = record.cutoff_ms - floor.now_ms
        if record.at_risk and (work is None or estimate + SAFE_AGAIN_MS < left_ms):
            record.at_risk = False
            clear_alarm(floor, f"departure:{departure_id}")
        elif work is not None and not record.at_risk and estimate >= left_ms:
            record.at_risk = True
            say_at_risk(floor, departure_id, work, estimate, left_ms)
    look_ahead(floor)


def look_ahead(floor: Floor) -> None:
    """Find the next time at which a departure comes to be at risk if nothing happens."""
    shared_by = hands(floor)
    limits = [
        record.cutoff_ms - estimate_ms(floor.work[departure_id], shared_by)
        for departure_id, record in floor.state.departures.items()
        if departure_id in floor.work and not record.at_risk
    ]
    floor.risk_stale = False
    floor.risk_next_ms = min(limits, default=None)


def say_at_risk(floor: Floor, departure_id: str, work: Work, estimate: int, left_ms: int) -> None:
    raise_alarm(
        floor,
        f"departure:{departure_id}",
        HIGH,
        f"{departure_id} at risk: {work.tasks} tasks open, about {estimate // MINUTE_MS} min of work, "
        f"{left_ms // MINUTE_MS} min left (simple estimate: work shared by all, plus the way to the dock)",
        "Put more people on it, or let the office roll orders to the next departure",
    )
