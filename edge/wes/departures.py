"""Departures as the WES sees them: which route they run, and whether their open tasks can still make it."""

from edge.messages import CutoffAtRisk, DepartureClosed, DepartureOutlook, DepartureScheduled, ForecastMade, TaskKind
from edge.wes import lanes
from edge.wes.alarms import HIGH, clear_alarm, raise_alarm
from edge.wes.estimates import MINUTE_MS, PROCESS_MS
from edge.wes.floor import Floor, Work
from edge.wes.release import unit_left
from edge.wes.state import DELIVERED_MAX, DepartureRecord, remember
from edge.wes.units import forget

DEPARTURES_MAX = 10_000
SAFE_AGAIN_MS = 5 * MINUTE_MS
"""A departure must gain this much before its alarm is cleared, so that it does not flicker."""
FRESH_MS = 10 * MINUTE_MS
"""So long a forecast is better than the simple estimate."""
RISK_PERMILLE = 500
SURE_PERMILLE = 800
CALM_PERMILLE = 100
"""A risk is believed when two forecasts in a row see it or one is sure; it is over when two see next to none. Chosen on
the tuning seeds of `./run exam warning`, for as many false alarms as with forecasts that knew of no order to come.
"""
UPSTREAM_FIRST = (
    TaskKind.REPLENISH,
    TaskKind.PICK,
    TaskKind.PACK,
    TaskKind.CARRY,
    TaskKind.LOAD,
    TaskKind.PUTAWAY,
)


def scheduled(floor: Floor, message: DepartureScheduled) -> None:
    departure = message.departure
    known = floor.state.departures.get(departure.departure_id)
    before_ms = known.cutoff_ms if known else 0
    if known is None:
        record = DepartureRecord(route=departure.route, cutoff_ms=departure.cutoff_ms)
        remember(floor.state.departures, departure.departure_id, record, DEPARTURES_MAX)
    else:
        known.route, known.cutoff_ms = departure.route, departure.cutoff_ms
    floor.plan.cutoffs_stale = True
    for unit in floor.state.units.values():
        if unit.departure_id == departure.departure_id:
            unit.route = departure.route
            floor.destinations.bind(unit)
    lanes.moved(floor, before_ms, departure.cutoff_ms)
    floor.risk_stale = True


def closed(floor: Floor, message: DepartureClosed) -> None:
    """What is on the manifest is gone; a unit left behind stays known and waits for its next departure."""
    record = floor.state.departures.pop(message.departure_id, None)
    floor.plan.cutoffs_stale = True
    floor.score.settle(message.departure_id, bool(message.left_behind), message.at_ms)
    if record is not None:
        floor.demand.closed(message.departure_id, record.cutoff_ms)
    clear_alarm(floor, f"departure:{message.departure_id}")
    for hu_id in message.units:
        unit = forget(floor, hu_id)
        if unit is not None and unit.machine_id:
            clear_alarm(floor, f"{unit.machine_id}:missing_{hu_id}")
        remember(floor.state.delivered, hu_id, message.departure_id, DELIVERED_MAX)
    for wip in [wip for wip in floor.state.wip.values() if wip.departure_id == message.departure_id]:
        unit_left(floor, wip.hu_id, for_good=True)
    lanes.moved(floor, record.cutoff_ms if record else 0)
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
        if (work is None and not record.at_risk) or record.foreseen_ms > max(0, floor.now_ms - FRESH_MS):
            continue
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
    """Find the next time at which a departure comes to be at risk if nothing happens, or its forecast is too old."""
    shared_by = hands(floor)
    limits = [
        max(
            record.cutoff_ms - estimate_ms(floor.work[departure_id], shared_by),
            record.foreseen_ms + FRESH_MS if record.foreseen_ms else 0,
        )
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


def foreseen(floor: Floor, message: ForecastMade) -> None:
    """A forecast was made: note what it says, for the day of reckoning, and warn while there is time to act."""
    for outlook in message.departures:
        record = floor.state.departures.get(outlook.departure_id)
        if record is None or outlook.cutoff_ms != record.cutoff_ms:
            continue
        record.foreseen_ms = floor.now_ms
        judge(floor, record, outlook)
        floor.score.note(
            outlook.departure_id, message.asked_ms, record.cutoff_ms, outlook.miss_permille, record.at_risk
        )


def judge(floor: Floor, record: DepartureRecord, outlook: DepartureOutlook) -> None:
    """Raise or clear the alarm of one departure."""
    alarm_id = f"departure:{outlook.departure_id}"
    if record.at_risk:
        record.doubtful = record.doubtful + 1 if outlook.miss_permille < CALM_PERMILLE else 0
        if record.doubtful >= 2:
            record.at_risk, record.doubtful = False, 0
            clear_alarm(floor, alarm_id)
        return
    record.doubtful = record.doubtful + 1 if outlook.miss_permille >= RISK_PERMILLE else 0
    if record.doubtful < 2 and outlook.miss_permille < SURE_PERMILLE:
        return
    record.at_risk, record.doubtful = True, 0
    warn(floor, alarm_id, outlook)


def warn(floor: Floor, alarm_id: str, outlook: DepartureOutlook) -> None:
    """Say that a departure will probably leave something behind, and what would help most."""
    better = [each for each in outlook.remedies if each.miss_permille < outlook.miss_permille]
    best = min(better, key=lambda each: each.miss_permille, default=None)
    floor.say(
        CutoffAtRisk(
            at_ms=floor.now_ms,
            departure_id=outlook.departure_id,
            cutoff_ms=outlook.cutoff_ms,
            miss_permille=outlook.miss_permille,
            missed_x10=outlook.missed_x10,
            expected_ms=outlook.finish_p50_ms,
            binding=outlook.binding,
            action=best.action if best else "",
            action_permille=best.miss_permille if best else outlook.miss_permille,
        )
    )
    left = (outlook.cutoff_ms - floor.now_ms) // MINUTE_MS
    raise_alarm(
        floor,
        alarm_id,
        HIGH,
        f"{outlook.departure_id} will miss its cutoff with {outlook.miss_permille // 10} %: about "
        f"{(outlook.missed_x10 + 5) // 10} of {outlook.units} units left behind, {left} min left; it waits for "
        f"{outlook.binding}",
        f"{best.action} (then {best.miss_permille // 10} %)"
        if best
        else "Nothing that was tried helps; tell the office",
    )
