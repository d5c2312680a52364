"""Vehicles as resources: what they say of themselves, where they stand, and whether work may be given to them.

A vehicle signs on by itself: it is a resource of its zones while it can drive and nothing keeps it from work.
"""

from edge.messages import ResourceKind
from edge.messages.vehicles import (
    ActionKind,
    ErrorLevel,
    VehicleAction,
    VehicleActionEnded,
    VehicleActionRequested,
    VehicleChanged,
    VehicleDescribed,
    VehicleLink,
)
from edge.wes.alarms import HIGH, MEDIUM, clear_alarm, raise_alarm
from edge.wes.drives import VehicleRecord, cannot_drive
from edge.wes.floor import Floor
from edge.wes.state import ResourceRecord

LOW = 4
ALARMS = {
    ErrorLevel.WARNING: (LOW, "Look at it when there is time"),
    ErrorLevel.URGENT: (MEDIUM, "Look at it soon; it still drives"),
    ErrorLevel.CRITICAL: (HIGH, "Go there and look; it cannot go on with its order, and gets another one"),
    ErrorLevel.FATAL: (HIGH, "Go there, remove the cause and let it go on"),
}
ASKED = (ActionKind.PAUSE, ActionKind.RESUME)
AT_NODE_MM = 500
"""Nearer than this to a node a vehicle stands at it."""
NEEDED = (ActionKind.PICK, ActionKind.DROP)


def heard(floor: Floor, vehicle: VehicleRecord, message: VehicleChanged) -> None:
    """Take over what it says of itself."""
    vehicle.awaited = False
    vehicle.link, vehicle.mode, vehicle.errors = message.link, message.mode, message.errors
    if vehicle.drive is not None:
        vehicle.drive.despite = tuple(each for each in vehicle.drive.despite if each in message.errors)
    vehicle.battery, vehicle.charging = message.battery, message.charging
    vehicle.node_id, vehicle.past_mm = message.node_id or vehicle.node_id, message.past_mm
    vehicle.localized = message.localized
    vehicle.paused, vehicle.stopped, vehicle.loads = message.paused, message.stopped, message.loads
    vehicle.order, vehicle.reason = message.busy_with, message.reason
    config = floor.roads.vehicles[vehicle.vehicle_id]
    if vehicle.battery is not None:
        vehicle.low = vehicle.battery < (config.charge_enough if vehicle.low else config.charge_below)
    emptied(floor, vehicle)
    locate(floor, vehicle)
    review(floor, vehicle)


def emptied(floor: Floor, vehicle: VehicleRecord) -> None:
    """Somebody took the unit off: nothing is aboard any more, and nothing was to be brought."""
    if vehicle.loads == () and vehicle.drive is None and not carries_for(floor, vehicle):
        vehicle.aboard = ""


def carries_for(floor: Floor, vehicle: VehicleRecord) -> bool:
    """Whether it still has a task."""
    resource = floor.state.resources.get(vehicle.vehicle_id)
    return resource is not None and resource.task_id != ""


def locate(floor: Floor, vehicle: VehicleRecord) -> None:
    """Where it stands while no drive of ours says so: it may have been moved by hand."""
    drive = vehicle.drive
    if (drive is not None and drive.update >= 0) or not vehicle.node_id:
        return
    between = vehicle.way.near and vehicle.past_mm > AT_NODE_MM
    if vehicle.way.held[:1] == (vehicle.node_id,) and not vehicle.trespassed and (between or not vehicle.way.near):
        return
    node = vehicle.node_id if vehicle.node_id in floor.roads.nodes else ""
    vehicle.trespassed = floor.traffic.place(vehicle.way, node)
    if vehicle.trespassed:
        text = f"{vehicle.vehicle_id} stands at {node}, which {vehicle.trespassed} holds"
        raise_alarm(floor, f"{vehicle.vehicle_id}:place", HIGH, text, "Move one of the two to a node of its own")
    else:
        clear_alarm(floor, f"{vehicle.vehicle_id}:place")
    settle_down(floor, vehicle)


def settle_down(floor: Floor, vehicle: VehicleRecord) -> None:
    """The dispatch reckons with the station nearest to where it is."""
    resource = floor.state.resources.get(vehicle.vehicle_id)
    here = floor.roads.near.get(vehicle.way.held[0], "") if vehicle.way.held else ""
    if resource is not None and here and resource.location != here:
        resource.location = here
        floor.refresh(resource)


def review(floor: Floor, vehicle: VehicleRecord) -> None:
    """Whether it can drive, what has to be said about it, and whether it takes work."""
    why = cannot_drive(vehicle)
    if vehicle.way.able is not (why == "") or not vehicle.since_ms:
        vehicle.since_ms = floor.now_ms
    floor.traffic.enable(vehicle.way, why == "")
    tell_link(floor, vehicle)
    tell_errors(floor, vehicle)
    tell_rubbish(floor, vehicle)
    foreign = vehicle.order if why.startswith("drives an order") else ""
    if foreign:
        text = f"{vehicle.vehicle_id} drives an order that nobody here has given: {foreign}"
        raise_alarm(floor, f"{vehicle.vehicle_id}:foreign", HIGH, text, "Cancel it at the vehicle")
    else:
        clear_alarm(floor, f"{vehicle.vehicle_id}:foreign")
    sign(floor, vehicle)


def tell_link(floor: Floor, vehicle: VehicleRecord) -> None:
    """A vehicle that was switched off, with nothing to do, is nobody's concern."""
    name = vehicle.vehicle_id
    if vehicle.link is VehicleLink.ONLINE:
        clear_alarm(floor, f"{name}:link")
    elif vehicle.link is not VehicleLink.OFFLINE or vehicle.drive is not None or carries_for(floor, vehicle):
        because = f" ({vehicle.reason})" if vehicle.reason else ""
        text = f"No connection to {name}: {vehicle.link.value}{because}"
        raise_alarm(floor, f"{name}:link", HIGH, text, "Check the vehicle, its radio and the broker")


def tell_rubbish(floor: Floor, vehicle: VehicleRecord) -> None:
    """What it sends cannot be read: what is known of it is old."""
    if vehicle.link is VehicleLink.ONLINE and vehicle.reason:
        text = f"{vehicle.vehicle_id} sends what is not VDA 5050: {vehicle.reason}"
        raise_alarm(
            floor, f"{vehicle.vehicle_id}:rubbish", MEDIUM, text, "Check its version in the site file; tell its maker"
        )
    else:
        clear_alarm(floor, f"{vehicle.vehicle_id}:rubbish")


def tell_errors(floor: Floor, vehicle: VehicleRecord) -> None:
    """One alarm for each level of its errors."""
    for level, (priority, action) in ALARMS.items():
        of_level = [f"{error.kind} {error.text}".strip() for error in vehicle.errors if error.level is level]
        if of_level:
            text = f"{vehicle.vehicle_id} reports {level.value}: {'; '.join(of_level[:3])}"
            raise_alarm(floor, f"{vehicle.vehicle_id}:{level.value}", priority, text, action)
        else:
            clear_alarm(floor, f"{vehicle.vehicle_id}:{level.value}")


def cannot_work(floor: Floor, vehicle: VehicleRecord) -> str:
    """Why it gets no work, in words; "" when it may."""
    why = cannot_drive(vehicle)
    if why:
        return why
    if vehicle.stranded:
        return f"waits for a person: {vehicle.stranded}"
    if vehicle.aboard or vehicle.loads:
        return f"has {vehicle.aboard or 'a load nobody here knows'} aboard"
    if vehicle.low:
        return f"has to charge, its battery is at {vehicle.battery} %"
    if vehicle.retry_ms > floor.now_ms:
        return "rests after a failure"
    drive = vehicle.drive
    if drive is not None and not drive.free:
        return f"is busy: {drive.purpose.value}, {drive.state.value}"
    return "has not finished its order yet" if drive is None and vehicle.order else ""


def sign(floor: Floor, vehicle: VehicleRecord) -> None:
    """Sign it on when it can work, and keep the dispatch from it when it cannot."""
    able = cannot_work(floor, vehicle) == ""
    resource = floor.state.resources.get(vehicle.vehicle_id)
    if resource is None:
        if not able:
            return
        config = floor.roads.vehicles[vehicle.vehicle_id]
        floor.state.last_resource += 1
        resource = floor.state.resources[vehicle.vehicle_id] = ResourceRecord(
            resource_id=vehicle.vehicle_id,
            kind=ResourceKind.VEHICLE,
            skills=config.skills,
            zones=config.zones,
            number=floor.state.last_resource,
            location=floor.roads.near.get(vehicle.way.held[0], ""),
            available=False,
        )
    if not resource.task_id and resource.available is not able:
        resource.available = able
        floor.refresh(resource)
        floor.risk_stale = True


def described(floor: Floor, message: VehicleDescribed) -> None:
    """What it can do: a vehicle that cannot do what will be asked of it should be known before it is."""
    vehicle = floor.state.vehicles.get(message.vehicle_id)
    if vehicle is None:
        floor.state.reports_ignored += 1
        return
    vehicle.nodes_max = message.nodes_max
    lacks = [kind.value for kind in NEEDED if message.actions and kind.value not in message.actions]
    few = 0 < message.nodes_max <= floor.traffic.ahead
    alarm_id = f"{vehicle.vehicle_id}:factsheet"
    if not lacks and not few:
        clear_alarm(floor, alarm_id)
        return
    cannot = f"cannot {' and '.join(lacks)}" if lacks else f"takes {message.nodes_max} nodes in one order"
    text = f"{vehicle.vehicle_id} ({message.series}) {cannot} by its factsheet"
    raise_alarm(floor, alarm_id, HIGH, text, "Correct skills, or fleet.ahead, in the site file")


def action_requested(floor: Floor, message: VehicleActionRequested) -> None:
    """Check what an operator asks for, and pass it on; a refused one ends at once as FAILED."""
    floor.state.last_drive += 1
    action_id = f"{message.vehicle_id}-{floor.now_ms}-{floor.state.last_drive}"
    vehicle = floor.state.vehicles.get(message.vehicle_id)
    wrong = "" if vehicle else f"UNKNOWN_VEHICLE {message.vehicle_id}"
    if message.kind not in ASKED:
        wrong = f"NOT_FOR_OPERATORS {message.kind.value}"
    elif vehicle is not None and vehicle.link is not VehicleLink.ONLINE:
        wrong = f"NOT_ONLINE {vehicle.link.value}"
    if wrong:
        floor.say(
            VehicleActionEnded(
                at_ms=floor.now_ms, vehicle_id=message.vehicle_id, action_id=action_id, result="FAILED", reason=wrong
            )
        )
        return
    floor.say(VehicleAction(at_ms=floor.now_ms, vehicle_id=message.vehicle_id, action_id=action_id, kind=message.kind))
