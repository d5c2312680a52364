"""The fleet at work: what vehicles and drives report, and what follows for their tasks.

A task is the vehicle's until its pick is released; from then on only the vehicle, or a person who looks, can say what
became of the unit. Whoever stands with a unit or a begun pick calls a person; acknowledging that alarm hands the unit
over to people.
"""

from edge.messages import AlarmAcknowledged, UnitMissing
from edge.messages.vehicles import (
    ActionKind,
    ActionStatus,
    DriveEnded,
    DriveProgressed,
    DriveRefused,
    VehicleChanged,
)
from edge.wes import driving
from edge.wes.alarms import HIGH, MEDIUM, clear_alarm, raise_alarm
from edge.wes.assign import take_back
from edge.wes.drives import DriveEvent, DriveRecord, Purpose, Stop, VehicleRecord, advance
from edge.wes.floor import Floor
from edge.wes.jobs import RETRIES_MAX
from edge.wes.planning import ended as task_ended
from edge.wes.reports import complete
from edge.wes.resources import sign_off
from edge.wes.retreat import Traveller
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskRecord, TaskState
from edge.wes.units import leave, missing
from edge.wes.vehicles import AT_NODE_MM, emptied, heard, locate, review, settle_down, sign

RETRY_MS = 20_000
"""A vehicle that failed rests before its next drive."""


def opened(floor: Floor) -> None:
    """Apply the configuration and keep the drives; every vehicle has to report anew, and is told its drive again.

    To be called between `configure` and `rebuild`. Where the layout lacks what a vehicle holds, its drive is given up.
    """
    state, roads = floor.state, floor.roads
    for vehicle_id in [known for known in state.vehicles if known not in roads.vehicles]:
        resource = state.resources.get(vehicle_id)
        if resource is not None:
            sign_off(floor, resource)
        del state.vehicles[vehicle_id]
    for vehicle_id, config in roads.vehicles.items():
        way = Traveller(vehicle_id=vehicle_id, held=(config.home,))
        vehicle = state.vehicles.setdefault(vehicle_id, VehicleRecord(vehicle_id=vehicle_id, way=way))
        vehicle.awaited, vehicle.way.able, vehicle.since_ms = True, False, floor.now_ms
        resource = state.resources.get(vehicle_id)
        if resource is not None:
            resource.available, resource.skills, resource.zones = False, config.skills, config.zones
        driving.tell_again(floor, vehicle)
        held, edges = vehicle.way.held + vehicle.way.near, vehicle.way.edges
        if any(node not in roads.nodes for node in held) or any(edge not in roads.edges for edge in edges):
            vehicle.way.held, vehicle.way.edges, vehicle.way.near, vehicle.way.route = (), (), (), ()
            driving.cancel(floor, vehicle, "LAYOUT_CHANGED")


def vehicle_of(floor: Floor, vehicle_id: str) -> VehicleRecord | None:
    vehicle = floor.state.vehicles.get(vehicle_id)
    if vehicle is None:
        floor.state.reports_ignored += 1
    return vehicle


def drive_of(floor: Floor, vehicle_id: str, drive_id: str) -> tuple[VehicleRecord, DriveRecord] | None:
    """The vehicle and its drive, if that is the one meant; anything else is old news."""
    vehicle = vehicle_of(floor, vehicle_id)
    if vehicle is None or vehicle.drive is None or vehicle.drive.drive_id != drive_id:
        floor.state.reports_ignored += vehicle is not None
        return None
    return vehicle, vehicle.drive


def task_of(floor: Floor, vehicle: VehicleRecord) -> tuple[ResourceRecord, TaskRecord] | None:
    """The task in hand and the vehicle as its doer."""
    resource = floor.state.resources.get(vehicle.vehicle_id)
    record = floor.state.tasks.get(resource.task_id) if resource is not None else None
    return (resource, record) if resource is not None and record is not None else None


def changed(floor: Floor, message: VehicleChanged) -> None:
    vehicle = vehicle_of(floor, message.vehicle_id)
    if vehicle is not None:
        heard(floor, vehicle, message)
        back = vehicle.stranded == "AWAY" and vehicle.way.able
        if back or (vehicle.stranded == "ABOARD" and not vehicle.aboard):
            reassure(floor, vehicle)
            sign(floor, vehicle)


def progressed(floor: Floor, message: DriveProgressed) -> None:
    """Free what lies behind the vehicle, and let follow what its actions have done."""
    found = drive_of(floor, message.vehicle_id, message.drive_id)
    if found is None:
        return
    vehicle, drive = found
    drive.shown = max(drive.shown, min(message.update, drive.update))
    clear_alarm(floor, f"{vehicle.vehicle_id}:order")
    advance(drive, DriveEvent.SHOWN)
    moved(floor, vehicle, drive, message)
    said = {act.action_id: act for act in message.actions}
    while drive.open and drive.stops:
        stop = drive.stops[0]
        status = said[stop.action_id].status if stop.action_id in said and drive.bound else None
        if status is ActionStatus.FAILED:
            failed(floor, vehicle, drive, stop, said[stop.action_id].result)
        elif status is ActionStatus.FINISHED or (stop.kind is None and vehicle.way.held == (stop.node,)):
            drive.stops = drive.stops[1:]
            finished(floor, vehicle, drive, stop)
            driving.head_for(floor, vehicle)
        else:
            break
    over(floor, vehicle)
    review(floor, vehicle)


def moved(floor: Floor, vehicle: VehicleRecord, drive: DriveRecord, message: DriveProgressed) -> None:
    """How far along its base it is; a place where it cannot be is not believed."""
    steps = (message.sequence - drive.first) // 2
    held = vehicle.way.held
    if steps < 0 or message.sequence % 2 or steps >= len(held) or held[steps] != message.node_id:
        floor.state.reports_ignored += 1
        return
    vehicle.node_id = message.node_id
    if steps:
        floor.traffic.arrived(vehicle.way, steps)
        drive.first = message.sequence
        to_do = [stop.action_id for stop in drive.stops]
        drive.acts = tuple(act for act in drive.acts if act[0] >= drive.first or act[1].action_id in to_do)
        advance(drive, DriveEvent.MOVED)
        settle_down(floor, vehicle)


def finished(floor: Floor, vehicle: VehicleRecord, drive: DriveRecord, stop: Stop) -> None:
    """Something was done at a stop."""
    found = task_of(floor, vehicle)
    if found is None or stop.kind not in (ActionKind.PICK, ActionKind.DROP):
        return
    resource, record = found
    if stop.kind is ActionKind.PICK:
        advance(drive, DriveEvent.PICKED)
        vehicle.aboard = record.task.hu_id
        wrong = [load for load in vehicle.loads or () if load and load != record.task.hu_id]
        if wrong:
            driving.cancel(floor, vehicle, "WRONG_LOAD")
            strand(floor, vehicle, "WRONG_LOAD", f"took up {wrong[0]} instead of {record.task.hu_id}")
        return
    advance(drive, DriveEvent.DROPPED)
    vehicle.aboard, drive.task_id, drive.purpose = "", "", Purpose.PARK
    resource.failures = 0
    clear_alarm(floor, f"{vehicle.vehicle_id}:job")
    complete(floor, resource, record, record.task.quantity, "")


def failed(floor: Floor, vehicle: VehicleRecord, drive: DriveRecord, stop: Stop, why: str) -> None:
    """Give up the drive; the task goes to whoever is next, or with the unit aboard the vehicle tries again."""
    assert stop.kind is not None
    because = f": {why}" if why else ""
    text = (
        f"{vehicle.vehicle_id} failed to {stop.kind.value.replace('_', ' ')} at {stop.location or stop.node}{because}"
    )
    raise_alarm(floor, f"{vehicle.vehicle_id}:job", MEDIUM, text, "Look at the vehicle, the unit and the station")
    driving.cancel(floor, vehicle, f"{stop.kind.value.upper()}_FAILED")
    vehicle.retry_ms = floor.now_ms + RETRY_MS
    found = task_of(floor, vehicle)
    if found is None or stop.kind not in (ActionKind.PICK, ActionKind.DROP):
        return
    resource, record = found
    record.tries += 1
    if stop.kind is ActionKind.DROP:
        if record.tries > RETRIES_MAX:
            strand(floor, vehicle, "DROP_FAILED", f"cannot put down {record.task.hu_id}")
    elif record.tries > RETRIES_MAX:
        resource.available = False
        complete(floor, resource, record, 0, "VEHICLE_FAILED")
    else:
        give_back(floor, vehicle, f"VEHICLE_PICK_FAILED{because}")


def give_back(floor: Floor, vehicle: VehicleRecord, why: str) -> None:
    """The task is open to everybody again, or over if nobody wants it any more; the vehicle gets no other meanwhile."""
    found = task_of(floor, vehicle)
    if found is None:
        return
    resource, record = found
    resource.available = False
    take_back(floor, resource, record, why)
    if record.state is TaskState.CANCELLED:
        task_ended(floor, record, "")
    drive = vehicle.drive
    if drive is not None and drive.task_id == record.task.task_id:
        drive.task_id = ""
        if drive.open:
            drive.purpose, drive.stops = Purpose.PARK, ()
            driving.head_for(floor, vehicle)


def over(floor: Floor, vehicle: VehicleRecord) -> None:
    """The drive is done when the vehicle has come to its end and waits for nothing more of it."""
    drive = vehicle.drive
    if drive is None or not drive.answered or drive.horizon or len(vehicle.way.held) != 1:
        return
    if advance(drive, DriveEvent.OVER):
        close(floor, vehicle)


def close(floor: Floor, vehicle: VehicleRecord) -> None:
    """No drive any more."""
    vehicle.drive = None
    vehicle.idle_ms = floor.now_ms
    floor.traffic.aim(vehicle.way, "", 0)


def refused(floor: Floor, message: DriveRefused) -> None:
    """The vehicle will not have it: an order is given up here, an update is given up there too."""
    found = drive_of(floor, message.vehicle_id, message.drive_id)
    if found is None:
        return
    vehicle, drive = found
    text = f"{vehicle.vehicle_id} does not take order {drive.drive_id}: {message.reason} {message.detail}".strip()
    raise_alarm(floor, f"{vehicle.vehicle_id}:order", MEDIUM, text, "Look at the vehicle and its layout")
    if message.reason == "NO_ANSWER" or message.update != drive.update or not drive.open:
        return
    vehicle.retry_ms = floor.now_ms + RETRY_MS
    if message.update > 0:
        driving.cancel(floor, vehicle, "UPDATE_REFUSED")
    elif advance(drive, DriveEvent.FAIL):
        drop(floor, vehicle, "ORDER_REFUSED")
    review(floor, vehicle)


def ended(floor: Floor, message: DriveEnded) -> None:
    """The drive is over before its end; a unit aboard goes on with the next one."""
    found = drive_of(floor, message.vehicle_id, message.drive_id)
    if found is None:
        return
    vehicle, drive = found
    event = DriveEvent.CANCELLED if message.result == "CANCELLED" else DriveEvent.FAIL
    if advance(drive, event) or advance(drive, DriveEvent.FAIL):
        drop(floor, vehicle, f"DRIVE_{message.result}")
    review(floor, vehicle)


def drop(floor: Floor, vehicle: VehicleRecord, why: str) -> None:
    """Forget a drive that came to nothing; its task goes back unless the unit is aboard."""
    told = vehicle.drive is not None and vehicle.drive.shown >= 0
    floor.traffic.stop(vehicle.way, between=told and vehicle.past_mm > AT_NODE_MM)
    close(floor, vehicle)
    if not vehicle.aboard:
        give_back(floor, vehicle, why)
        if vehicle.stranded:
            reassure(floor, vehicle)
    emptied(floor, vehicle)
    locate(floor, vehicle)


def strand(floor: Floor, vehicle: VehicleRecord, code: str, what: str) -> None:
    """Only a person can go on from here."""
    vehicle.stranded = code
    where = vehicle.way.held[0] if vehicle.way.held else vehicle.node_id or "an unknown place"
    raise_alarm(
        floor,
        f"{vehicle.vehicle_id}:stranded",
        HIGH,
        f"{vehicle.vehicle_id} at {where} {what}",
        "See to it there; acknowledge this to have the unit carried by hand",
        ack_clears=True,
    )


def reassure(floor: Floor, vehicle: VehicleRecord) -> None:
    vehicle.stranded = ""
    clear_alarm(floor, f"{vehicle.vehicle_id}:stranded")


def acknowledged(floor: Floor, message: AlarmAcknowledged) -> None:
    """A person takes over the unit of a stranded vehicle: what it was to do is for people now."""
    vehicle_id, _, name = message.alarm_id.rpartition(":")
    vehicle = floor.state.vehicles.get(vehicle_id)
    if vehicle is None or name != "stranded" or not vehicle.stranded:
        return
    vehicle.stranded = ""
    driving.cancel(floor, vehicle, "TAKEN_OVER")
    found = task_of(floor, vehicle)
    if found is not None and vehicle.aboard:
        hand_over(floor, vehicle, found[1])
    elif found is not None:
        give_back(floor, vehicle, "TAKEN_OVER")
    if vehicle.loads is None:
        vehicle.aboard = ""
    review(floor, vehicle)


def hand_over(floor: Floor, vehicle: VehicleRecord, record: TaskRecord) -> None:
    """The unit is to be looked for at the vehicle: the WMS forgets its task and asks people to carry it from there."""
    hu_id = record.task.hu_id
    leave(floor, record.task.source)
    if hu_id in floor.state.units:
        missing(floor, hu_id, vehicle.vehicle_id, "VEHICLE_STRANDED")
    else:
        floor.say(
            UnitMissing(at_ms=floor.now_ms, hu_id=hu_id, machine_id=vehicle.vehicle_id, reason="VEHICLE_STRANDED")
        )
    record.withdrawn = True
