"""Which drive each vehicle needs next: to carry, to charge, or home; settled after every message."""

from edge.messages.vehicles import ActionKind
from edge.wes import driving, fleet
from edge.wes.alarms import MEDIUM, raise_alarm
from edge.wes.drives import Purpose, Stop, VehicleRecord, cannot_drive, gave_up
from edge.wes.floor import Floor
from edge.wes.tasks import TaskRecord
from edge.wes.vehicles import sign

PARK_AFTER_MS = 5_000
"""So long a vehicle without work waits where it is."""
STRANDED_MS = 30_000
"""So long a vehicle with a task may be unable to drive before somebody is called."""


def drive_on(floor: Floor) -> None:
    """Settle the fleet: who needs another drive gets one, bases grow as far as they may, and it is told."""
    vehicles = floor.state.vehicles.values()
    for vehicle in vehicles:
        look_after(floor, vehicle)
        if gave_up(vehicle) and fleet.task_of(floor, vehicle) is None:
            driving.cancel(floor, vehicle, "VEHICLE_GAVE_UP")
        plan(floor, vehicle)
    floor.traffic.grant()
    for vehicle in vehicles:
        driving.send(floor, vehicle)
        sign(floor, vehicle)


def look_after(floor: Floor, vehicle: VehicleRecord) -> None:
    """A task nobody wants any more is put down as far as it can be; a vehicle that stands too long calls somebody."""
    if 0 < vehicle.retry_ms <= floor.now_ms:
        vehicle.retry_ms = 0
    fleet.over(floor, vehicle)
    found, drive = fleet.task_of(floor, vehicle), vehicle.drive
    if found is None:
        if vehicle.aboard and drive is None and not vehicle.stranded:
            fleet.strand(floor, vehicle, "ABOARD", f"has {vehicle.aboard} aboard, which nobody asks it to bring")
        return
    _, record = found
    if record.withdrawn and (drive is None or not drive.open) and not vehicle.stranded:
        fleet.give_back(floor, vehicle, "WITHDRAWN")
    elif not vehicle.way.able and not vehicle.stranded and vehicle.since_ms + STRANDED_MS <= floor.now_ms:
        why = cannot_drive(vehicle)
        if vehicle.aboard:
            fleet.strand(floor, vehicle, "AWAY", f"has {vehicle.aboard} aboard and {why}")
        elif drive is not None and drive.bound:
            fleet.strand(floor, vehicle, "AWAY", f"was sent to take up {record.task.hu_id} and {why}")
        else:
            fleet.give_back(floor, vehicle, f"VEHICLE {why}")


def plan(floor: Floor, vehicle: VehicleRecord) -> None:
    """The drive it needs now, if it has not got it already."""
    drive = vehicle.drive
    ready = vehicle.way.able and not vehicle.stranded and not vehicle.retry_ms
    if not ready or (drive is not None and not drive.open) or (drive is None and vehicle.order):
        return
    found = fleet.task_of(floor, vehicle)
    if found is not None:
        if drive is None or drive.task_id != found[1].task.task_id:
            carry(floor, vehicle, found[1])
    elif drive is not None and drive.task_id:
        drive.task_id, drive.purpose, drive.stops = "", Purpose.PARK, ()
        driving.head_for(floor, vehicle)
    elif drive is None or (drive.free and not drive.stops):
        occupy(floor, vehicle)


def carry(floor: Floor, vehicle: VehicleRecord, record: TaskRecord) -> None:
    """Set out for a task; one whose unit is aboard already only has to be brought."""
    config, task = floor.roads.vehicles[vehicle.vehicle_id], record.task
    stops, here = [*unplug(vehicle)], vehicle.way.end
    for kind, location in ((ActionKind.PICK, task.source), (ActionKind.DROP, task.target)):
        if kind is ActionKind.PICK and vehicle.aboard:
            continue
        station = floor.roads.stations.get(location)
        picked_at = stops[-1].node if stops and stops[-1].kind is ActionKind.PICK else ""
        nodes = [node for node in station.nodes if node != picked_at] if station else []
        way = floor.roads.way(config, here, nodes)
        if way is None:
            vehicle.retry_ms = floor.now_ms + fleet.RETRY_MS
            text = f"{vehicle.vehicle_id} finds no way from {here} to {location}"
            raise_alarm(floor, f"{vehicle.vehicle_id}:job", MEDIUM, text, "Look at the layout")
            if not vehicle.aboard:
                fleet.give_back(floor, vehicle, f"NO_WAY {location}")
            return
        here = floor.roads.edges[way[1][-1]].end if way[1] else here
        stops.append(Stop(node=here, kind=kind, location=location))
    driving.set_out(floor, vehicle, Purpose.CARRY, tuple(stops), task.task_id)


def stays(floor: Floor, vehicle: VehicleRecord) -> bool:
    """It is being charged and not full yet."""
    config = floor.roads.vehicles[vehicle.vehicle_id]
    return vehicle.charging and vehicle.battery is not None and vehicle.battery < config.charge_full


def unplug(vehicle: VehicleRecord) -> tuple[Stop, ...]:
    if not vehicle.charging or vehicle.drive is not None:
        return ()
    return (Stop(node=vehicle.way.end, kind=ActionKind.STOP_CHARGING),)


def occupy(floor: Floor, vehicle: VehicleRecord) -> None:
    """Nothing to do: charge, if that is due and a charger is free; else wait out of everybody's way, at home."""
    config, way = floor.roads.vehicles[vehicle.vehicle_id], vehicle.way
    if vehicle.battery is not None and not vehicle.charging and vehicle.battery < config.charge_enough:
        free = [node for node in floor.roads.chargers if is_free(floor, vehicle, node)]
        found = floor.roads.way(config, way.end, free)
        if found is not None:
            node = floor.roads.edges[found[1][-1]].end if found[1] else way.end
            driving.set_out(floor, vehicle, Purpose.CHARGE, (Stop(node=node, kind=ActionKind.START_CHARGING),))
            return
    idle = vehicle.drive is not None or vehicle.idle_ms + PARK_AFTER_MS <= floor.now_ms
    if way.end != config.home and not stays(floor, vehicle) and idle:
        driving.set_out(floor, vehicle, Purpose.PARK, (*unplug(vehicle), Stop(node=config.home)))


def is_free(floor: Floor, vehicle: VehicleRecord, node: str) -> bool:
    """Nobody else stands there or is on the way there."""
    others = (each for each in floor.traffic.travellers.values() if each is not vehicle.way)
    return all(each.goal != node and node not in each.held for each in others)


def next_ms(floor: Floor) -> int | None:
    """When the next vehicle has waited, rested or stood long enough."""
    times: list[int] = []
    for vehicle in floor.state.vehicles.values():
        if vehicle.retry_ms:
            times.append(vehicle.retry_ms)
        resource = floor.state.resources.get(vehicle.vehicle_id)
        busy = resource is not None and resource.task_id != ""
        if busy and not vehicle.way.able and not vehicle.stranded:
            times.append(vehicle.since_ms + STRANDED_MS)
        if not busy and vehicle.way.able and vehicle.drive is None and not vehicle.order and may_park(floor, vehicle):
            times.append(vehicle.idle_ms + PARK_AFTER_MS)
    return min(times, default=None)


def may_park(floor: Floor, vehicle: VehicleRecord) -> bool:
    """It waits to go home."""
    away = vehicle.way.end != floor.roads.vehicles[vehicle.vehicle_id].home
    return away and not stays(floor, vehicle) and not vehicle.stranded and not vehicle.retry_ms
