"""Handling units on their way from the pack station to the dock: where each one is, and what its lane holds."""

from itertools import islice

from edge.messages import (
    Link,
    Machine,
    PackMl,
    SortResult,
    UnitArrived,
    UnitMissing,
    UnitPacked,
    UnitRerouted,
    UnitVoided,
    lane_location,
)
from edge.wes import lanes
from edge.wes.alarms import HIGH, MEDIUM, clear_alarm, raise_alarm
from edge.wes.calibrate import TRANSIT
from edge.wes.congestion import stands_still
from edge.wes.estimates import MINUTE_MS
from edge.wes.floor import Floor
from edge.wes.release import unit_left
from edge.wes.sort import FULL
from edge.wes.state import UNITS_MAX, LaneTable, MachineRecord, Ride, UnitPlace, UnitRecord, remember

EXPECT_MS = 180_000
"""From one scanner to the next takes less than this, beside the way along a conveyor, or somebody should look."""
QUEUE_MAX = 1000
"""Units on one conveyor; the oldest are forgotten first."""


def packed(floor: Floor, message: UnitPacked) -> None:
    """Learn which route the unit takes; said again it changes nothing else."""
    where = floor.state.strays.pop(message.hu_id, "")
    known = floor.state.units.get(message.hu_id)
    if known is not None:
        known.route, known.departure_id, known.due_ms = message.route, message.departure_id, message.due_ms
        bind(floor, known)
        return
    if message.hu_id in floor.state.delivered:
        return
    unit = UnitRecord(
        hu_id=message.hu_id,
        order_id=message.order_id,
        route=message.route,
        departure_id=message.departure_id,
        due_ms=message.due_ms,
    )
    wip = floor.state.wip.get(message.hu_id)
    if wip is not None:
        unit.zone, unit.packed_ms = wip.zone, floor.now_ms
    for machine in floor.state.machines.values():
        if message.hu_id in machine.queue:
            onto_belt(floor, unit, machine.machine_id)
    keep(floor, unit)
    unit_left(floor, message.hu_id, for_good=True)
    if where:
        name_stray(floor, unit, where)


def name_stray(floor: Floor, unit: UnitRecord, where: str) -> None:
    """The pack report came after the scanners had read the unit (a restart, a dead spot): it is where they saw it."""
    if where in floor.layout.lanes:
        machine_id, _ = floor.layout.lanes[where]
        unit.place, unit.machine_id, unit.location = UnitPlace.LANE, machine_id, where
        floor.say(
            UnitArrived(
                at_ms=floor.now_ms,
                hu_id=unit.hu_id,
                machine_id=machine_id,
                location=where,
                result=SortResult.DIVERTED,
                reason="NAMED_LATE",
            )
        )
        return
    config = floor.layout.machines.get(where)
    unit.place, unit.machine_id = UnitPlace.SORTER, (config.feeds or where) if config else where
    expect(floor, unit.hu_id)


def rerouted(floor: Floor, message: UnitRerouted) -> None:
    unit = floor.state.units.get(message.hu_id)
    if unit is None:
        return
    unit.departure_id, unit.due_ms = message.departure_id, message.due_ms
    departure = floor.state.departures.get(message.departure_id)
    if departure is not None:
        unit.route = departure.route
    bind(floor, unit)


def voided(floor: Floor, message: UnitVoided) -> None:
    """The unit was given up: nobody looks for it any more, and should a scanner read it, no lane is its own."""
    unit = floor.state.units.get(message.hu_id)
    if unit is None:
        return
    found(floor, unit)
    floor.state.expected.pop(unit.hu_id, None)
    if unit.location:
        leave(floor, unit.location)
    forget(floor, unit.hu_id)
    remember(floor.state.voided, unit.hu_id, None, UNITS_MAX)


def keep(floor: Floor, unit: UnitRecord) -> None:
    """Know the unit from now on; the oldest are forgotten when there are too many."""
    units = floor.state.units
    units[unit.hu_id] = unit
    bind(floor, unit)
    if len(units) > UNITS_MAX:
        for hu_id in list(islice(units, max(1, UNITS_MAX // 10))):
            forget(floor, hu_id)


def bind(floor: Floor, unit: UnitRecord) -> None:
    """Let decisions see where the unit goes."""
    floor.destinations.bind(unit)
    lanes.look_again(floor)


def forget(floor: Floor, hu_id: str) -> UnitRecord | None:
    """The unit is no longer ours to sort."""
    floor.destinations.unbind(hu_id)
    lanes.look_again(floor)
    return floor.state.units.pop(hu_id, None)


def put_on_conveyor(floor: Floor, hu_id: str, conveyor_id: str) -> None:
    """A person has put the closed unit onto the belt."""
    machine = floor.machine(conveyor_id)
    if machine is None or hu_id in machine.queue:
        return
    machine.queue.append(hu_id)
    if len(machine.queue) > QUEUE_MAX:
        del machine.queue[0]
    unit = floor.state.units.get(hu_id)
    if unit is not None:
        onto_belt(floor, unit, conveyor_id)


def onto_belt(floor: Floor, unit: UnitRecord, conveyor_id: str) -> None:
    """The unit rides on a conveyor and must be seen at its exit."""
    unit.place, unit.machine_id, unit.seen_ms = UnitPlace.CONVEYOR, conveyor_id, floor.now_ms
    expect(floor, unit.hu_id)


def expect(floor: Floor, hu_id: str) -> None:
    """The unit is on its way to a scanner and must be seen there soon."""
    floor.state.expected.pop(hu_id, None)
    floor.state.expected[hu_id] = floor.now_ms + EXPECT_MS


def watch(floor: Floor) -> None:
    """A unit that a scanner should have seen was not read, or fell: somebody has to look for it.

    While the machine stands still nothing can come, so the time begins again.
    """
    for hu_id, due_ms in list(floor.state.expected.items()):
        if due_ms > floor.now_ms:
            return
        unit = floor.state.units.get(hu_id)
        machine = floor.machine(unit.machine_id) if unit else None
        if unit is None or machine is None:
            del floor.state.expected[hu_id]
        elif machine.link is not Link.GOOD or machine.state is not PackMl.EXECUTE or may_come(floor, machine, unit):
            expect(floor, hu_id)
        else:
            if hu_id in machine.queue:
                machine.queue.remove(hu_id)
            leave_sorter(floor, machine, hu_id)
            missing(floor, hu_id, passed_unread(floor, machine, unit) or machine.machine_id, "NOT_SEEN")


def may_come(floor: Floor, machine: MachineRecord, unit: UnitRecord) -> bool:
    """May a unit on a conveyor still come to its exit?

    A belt keeps its order: while one before it is expected, waits at the exit or has just gone, it has time.
    """
    if machine.machine_id in floor.plans:
        return False
    if machine.waiting is not None or stands_still(machine) or machine.accumulating:
        return True
    if unit.hu_id in machine.queue:
        last = next(reversed(machine.answers.values()), None)
        if unit.hu_id != machine.queue[0] or (last is not None and floor.now_ms - last.at_ms < EXPECT_MS):
            return True
    way_ms = floor.network.distance_ms(machine.machine_id, floor.layout.machines[machine.machine_id].feeds)
    return floor.now_ms - unit.seen_ms < way_ms + EXPECT_MS


def passed_unread(floor: Floor, machine: MachineRecord, unit: UnitRecord) -> str:
    """The machine that a conveyor has given a unit without a name since this one was put on it; "" if it has not."""
    unread = any(not each.hu_id and each.at_ms >= unit.seen_ms for each in machine.answers.values())
    return floor.layout.machines[machine.machine_id].feeds if unread else ""


def next_ms(floor: Floor) -> int | None:
    """When the first unit is overdue."""
    return next(iter(floor.state.expected.values()), None)


def seen(floor: Floor, unit: UnitRecord, machine_id: str, place: UnitPlace) -> None:
    """A scanner read the unit: it is here, and no longer in the lane or the gap it was in."""
    found(floor, unit)
    floor.state.expected.pop(unit.hu_id, None)
    if unit.location:
        leave(floor, unit.location)
        unit.location = ""
    unit.place, unit.machine_id, unit.seen_ms = place, machine_id, floor.now_ms
    if place is UnitPlace.CONVEYOR:
        expect(floor, unit.hu_id)


def found(floor: Floor, unit: UnitRecord) -> None:
    if unit.place is UnitPlace.MISSING:
        clear_alarm(floor, f"{unit.machine_id}:missing_{unit.hu_id}")


def missing(floor: Floor, hu_id: str, machine_id: str, reason: str, *, alarm: bool = True) -> None:
    """Nobody knows where the unit is; a person has to look. One that is missing already is not called for again."""
    unit = floor.state.units.get(hu_id)
    floor.state.expected.pop(hu_id, None)
    if unit is None:
        floor.state.reports_ignored += 1
        return
    alarm = alarm and unit.place is not UnitPlace.MISSING
    last = (
        f", last seen on {unit.machine_id} {(floor.now_ms - unit.seen_ms) // MINUTE_MS} min ago" if unit.seen_ms else ""
    )
    unit.place, unit.machine_id = UnitPlace.MISSING, machine_id
    floor.say(UnitMissing(at_ms=floor.now_ms, hu_id=hu_id, machine_id=machine_id, reason=reason))
    if not alarm:
        return
    raise_alarm(
        floor,
        f"{machine_id}:missing_{hu_id}",
        HIGH,
        f"Unit {hu_id} of order {unit.order_id} was lost on {machine_id} ({reason}){last}",
        "Look for it along the machine and in the hospital lane; carry it to its lane",
        ack_clears=True,
    )


def lane_position(floor: Floor, machine_id: str, lane: int) -> int:
    """Where a lane stands in the lane table of its sorter; -1 for a lane the site does not have."""
    plan = floor.plans.get(machine_id)
    return plan.position.get(lane, -1) if plan else -1


def arrive(floor: Floor, machine_id: str, lane: int, unit: UnitRecord | None, result: SortResult, reason: str) -> None:
    """A unit came to rest in a lane; without a name it only takes room."""
    location = lane_location(machine_id, lane)
    if unit is not None:
        found(floor, unit)
        floor.state.expected.pop(unit.hu_id, None)
        unit.place, unit.machine_id, unit.location = UnitPlace.LANE, machine_id, location
        if unit.packed_ms > floor.state.opened_ms and result is SortResult.DIVERTED:
            floor.times.observe(TRANSIT, unit.zone, "", max(1, floor.now_ms - unit.packed_ms))
        unit.packed_ms = 0
        floor.say(
            UnitArrived(
                at_ms=floor.now_ms,
                hu_id=unit.hu_id,
                machine_id=machine_id,
                location=location,
                result=result,
                reason=reason,
            )
        )
    enter(floor, location)


def runs_on(floor: Floor, machine_id: str, lane: int, unit: UnitRecord | None) -> bool:
    """Does the lane lead on to another machine? Then the unit is on its way there, in the lane until it is seen."""
    location = lane_location(machine_id, lane)
    machine = next((each for each in map(floor.machine, floor.network.leads_to(location)) if each), None)
    if machine is None:
        return False
    if unit is None:
        # It would stay in the lane for ever: nobody knows it when it is seen again.
        return True
    found(floor, unit)
    enter(floor, location)
    unit.location = location
    if machine.machine_id in floor.plans:
        unit.place, unit.machine_id = UnitPlace.SORTER, machine.machine_id
        expect(floor, unit.hu_id)
    else:
        put_on_conveyor(floor, unit.hu_id, machine.machine_id)
    return True


def enter(floor: Floor, location: str) -> None:
    change_load(floor, location, 1)


def leave(floor: Floor, location: str) -> None:
    change_load(floor, location, -1)


def change_load(floor: Floor, location: str, by: int) -> None:
    machine_id, lane = floor.layout.lanes.get(location, ("", 0))
    machine = floor.machine(machine_id)
    position = lane_position(floor, machine_id, lane)
    if machine is None or position < 0:
        return
    machine.lanes.load[position] = max(0, machine.lanes.load[position] + by)
    lane_moved(floor, machine, position)
    lane_alarms(floor, machine, position)


def lane_moved(floor: Floor, machine: MachineRecord, position: int) -> None:
    """Let decisions see what the books say about a lane; one from the pool that is empty may be needed elsewhere."""
    floor.destinations.show(machine, position)
    if machine.lanes.load[position] + machine.lanes.bound[position] == 0:
        lanes.look_again(floor)


def send_to(floor: Floor, machine: MachineRecord, ride: Ride, lane: int) -> None:
    """Count the unit as bound for a lane (0 = for none), and no longer for the one before."""
    for number, by in ((ride.lane, -1), (lane, 1)):
        position = lane_position(floor, machine.machine_id, number)
        if position < 0:
            continue
        machine.lanes.bound[position] += by
        if by > 0:
            machine.lanes.sent_ms[position] = floor.now_ms
        lane_moved(floor, machine, position)
    ride.lane = lane


def leave_sorter(floor: Floor, machine: MachineRecord, ride_id: str) -> None:
    """Take a unit off the sorter's count."""
    ride = machine.riding.pop(ride_id, None)
    if ride is not None:
        send_to(floor, machine, ride, 0)


def has_room(table: LaneTable, position: int) -> bool:
    return not table.closed[position] & FULL and table.load[position] < table.capacity[position]


def lane_alarms(floor: Floor, machine: MachineRecord, position: int) -> None:
    """Keep the alarms of one lane true to what lies in it."""
    table, machine_id = machine.lanes, machine.machine_id
    if has_room(table, position):
        clear_alarm(floor, f"{machine_id}:lane{table.lanes[position]:02}_full")
    if table.lanes[position] != floor.layout.machines[machine_id].hospital_lane:
        return
    alarm_id = f"{machine_id}:hospital"
    if table.load[position] * 2 <= table.capacity[position]:
        clear_alarm(floor, alarm_id)
        return
    raise_alarm(
        floor,
        alarm_id,
        MEDIUM,
        f"Hospital lane {table.lanes[position]} of {machine_id} is more than half full",
        "Relabel what lies there and put it back on a conveyor",
    )


def lane_table(config: Machine, before: LaneTable) -> LaneTable:
    """The lane table for a configuration, keeping what is known about lanes that stay."""
    old = {lane: position for position, lane in enumerate(before.lanes)}
    table = LaneTable()
    for lane in sorted(config.lanes, key=lambda each: each.lane):
        position = old.get(lane.lane)
        table.lanes.append(lane.lane)
        table.capacity.append(lane.capacity)
        table.load.append(before.load[position] if position is not None else 0)
        table.bound.append(before.bound[position] if position is not None else 0)
        table.closed.append(before.closed[position] if position is not None else 0)
        table.sent_ms.append(before.sent_ms[position] if position is not None and before.sent_ms else 0)
        table.given.append(before.given[position] if position is not None and before.given and lane.pool else "")
    return table
