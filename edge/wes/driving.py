"""Drives: from stops to orders with base and horizon, their updates, and giving them up.

An order goes out when the first step of it is reserved, an update whenever the base has grown and the vehicle has shown
the update before. Nothing that was released is ever changed: what is to be done at a node goes out with the node.
"""

from dataclasses import replace

from edge.messages.vehicles import ActionKind, CancelDrive, DriveAction, DriveEdge, DriveNode, DriveVehicle
from edge.wes.drives import DriveEvent, DriveRecord, DriveState, Purpose, Stop, VehicleRecord, advance
from edge.wes.floor import Floor
from edge.wes.tasks import TaskEvent
from edge.wes.tasks import advance as advance_task

HORIZON_MAX = 20
PARKED = 1 << 40
"""Whoever only goes home gives way to everybody with work."""


def set_out(floor: Floor, vehicle: VehicleRecord, purpose: Purpose, stops: tuple[Stop, ...], task_id: str = "") -> bool:
    """Begin a drive, or lead the present one elsewhere; False while the present one cannot be.

    What is to be done at the very end of the base cannot be released any more: such a drive ends there first.
    """
    drive = vehicle.drive
    told = drive is not None and drive.update >= 0
    if drive is not None and told and not drive.free:
        return False
    if drive is not None and told and stops and stops[0].node == vehicle.way.end and stops[0].kind is not None:
        drive.stops = ()
        head_for(floor, vehicle)
        return False
    floor.state.last_drive += 1
    if drive is None or drive.update < 0:
        site = floor.state.site.site if floor.state.site else ""
        drive = vehicle.drive = DriveRecord(
            drive_id=f"{site}-{floor.now_ms}-{floor.state.last_drive}",
            number=floor.state.last_drive,
            purpose=purpose,
            despite=vehicle.errors,
        )
    drive.number, drive.purpose, drive.task_id = floor.state.last_drive, purpose, task_id
    named = []
    for stop in stops:
        drive.actions += 1
        action_id = f"{drive.drive_id}-{drive.actions}" if stop.kind else ""
        named.append(Stop(node=stop.node, kind=stop.kind, action_id=action_id, location=stop.location))
    drive.stops = tuple(named)
    vehicle.idle_ms = 0
    head_for(floor, vehicle)
    return True


def head_for(floor: Floor, vehicle: VehicleRecord) -> None:
    """Let traffic know where it goes next."""
    drive = vehicle.drive
    if drive is None or not drive.open or not drive.stops:
        floor.traffic.aim(vehicle.way, "", 0)
        return
    rank = drive.number + (PARKED if drive.purpose is Purpose.PARK else 0)
    floor.traffic.aim(vehicle.way, drive.stops[0].node, rank)


def cancel(floor: Floor, vehicle: VehicleRecord, why: str) -> None:
    """Give up the drive: at once if the vehicle was never told of it, else it has to say that it has."""
    drive = vehicle.drive
    if drive is None or not advance(drive, DriveEvent.CANCEL):
        return
    floor.traffic.aim(vehicle.way, "", 0)
    if drive.state is DriveState.CANCELLED:
        vehicle.drive = None
        return
    drive.cancel = CancelDrive(
        at_ms=floor.now_ms,
        vehicle_id=vehicle.vehicle_id,
        drive_id=drive.drive_id,
        action_id=f"{drive.drive_id}-cancel",
        reason=why,
    )
    floor.say(drive.cancel)


def tell_again(floor: Floor, vehicle: VehicleRecord) -> None:
    """After a start: what the vehicle was told last, in the same words."""
    drive = vehicle.drive
    if drive is None:
        return
    if drive.sent is not None:
        floor.say(replace(drive.sent, begun=drive.shown >= 0))
    if drive.cancel is not None:
        floor.say(drive.cancel)


def send(floor: Floor, vehicle: VehicleRecord) -> None:
    """The order, or its next update, if there is something to tell and the vehicle has what was told before."""
    drive, way = vehicle.drive, vehicle.way
    if drive is None or not drive.open or not way.held or not drive.answered:
        return
    release_actions(floor, vehicle, drive)
    last = drive.first + 2 * (len(way.held) - 1)
    if drive.update < 0:
        due = len(way.held) > 1 or any(number == drive.first for number, _ in drive.acts)
    else:
        due = last > drive.sent_to or (drive.horizon and not drive.stops)
    if not due:
        return
    begin = max(0, (drive.sent_to - drive.first) // 2)
    nodes = [node_of(floor, drive, way.held[i], drive.first + 2 * i) for i in range(begin, len(way.held))]
    edges = [edge_of(floor, way.edges[i], drive.first + 2 * i + 1, released=True) for i in range(begin, len(way.edges))]
    ahead = horizon(floor, vehicle, drive, len(nodes))
    for edge_id, actions in ahead:
        last += 2
        edges.append(edge_of(floor, edge_id, last - 1, released=False))
        nodes.append(node_of(floor, drive, edges[-1].end, last, actions, released=False))
    drive.update += 1
    drive.sent_to, drive.horizon = last - 2 * len(ahead), bool(ahead)
    advance(drive, DriveEvent.SEND)
    drive.sent = DriveVehicle(
        at_ms=floor.now_ms,
        vehicle_id=vehicle.vehicle_id,
        drive_id=drive.drive_id,
        update=drive.update,
        nodes=tuple(nodes),
        edges=tuple(edges),
    )
    floor.say(drive.sent)


def release_actions(floor: Floor, vehicle: VehicleRecord, drive: DriveRecord) -> None:
    """What is to be done at the next stop is bound to the first node of the base that is that stop and not out yet."""
    if not drive.stops or drive.stops[0].kind is None or drive.bound:
        return
    stop = drive.stops[0]
    for i, node in enumerate(vehicle.way.held):
        number = drive.first + 2 * i
        if node == stop.node and number > drive.sent_to:
            drive.acts = (*drive.acts, (number, action_of(floor, drive, stop)))
            record = floor.state.tasks.get(drive.task_id)
            if stop.kind is ActionKind.PICK and record is not None:
                # From here on it cannot be called back.
                advance_task(record, TaskEvent.START, vehicle.vehicle_id)
            return


def action_of(floor: Floor, drive: DriveRecord, stop: Stop) -> DriveAction:
    assert stop.kind is not None
    station = floor.roads.stations.get(stop.location)
    record = floor.state.tasks.get(drive.task_id)
    fleet = floor.state.site.fleet if floor.state.site else None
    if station is None or record is None or fleet is None:
        return DriveAction(action_id=stop.action_id, kind=stop.kind)
    return DriveAction(
        action_id=stop.action_id,
        kind=stop.kind,
        hu_id=record.task.hu_id,
        load_type=fleet.load_type,
        station=station.name or station.location,
        station_kind=station.kind,
    )


def horizon(
    floor: Floor, vehicle: VehicleRecord, drive: DriveRecord, base: int
) -> list[tuple[str, tuple[DriveAction, ...]]]:
    """The edges after the base as planned now, each with what is to be done at its end."""
    way, found = vehicle.way, list[tuple[str, tuple[DriveAction, ...]]]()
    most = min(HORIZON_MAX, vehicle.nodes_max - base) if vehicle.nodes_max else HORIZON_MAX
    if not drive.stops or way.gives_way_to:
        return [(edge_id, ()) for edge_id in way.route[: max(0, most)]]
    here = way.end
    for index, stop in enumerate(drive.stops):
        route = way.route if index == 0 else ()
        if index and here != stop.node:
            found_way = floor.roads.way(floor.roads.vehicles[vehicle.vehicle_id], here, (stop.node,))
            route = found_way[1] if found_way else ()
        if route and floor.roads.edges[route[-1]].end == stop.node:
            act = (action_of(floor, drive, stop),) if stop.kind else ()
            found += [(edge_id, ()) for edge_id in route[:-1]]
            found.append((route[-1], act))
            here = stop.node
        elif here != stop.node:
            break
    return found[: max(0, most)]


def node_of(
    floor: Floor,
    drive: DriveRecord,
    node_id: str,
    number: int,
    planned: tuple[DriveAction, ...] = (),
    *,
    released: bool = True,
) -> DriveNode:
    node = floor.roads.nodes[node_id]
    acts = tuple(act for at, act in drive.acts if at == number) if released else planned
    return DriveNode(
        node_id=node_id,
        sequence=number,
        released=released,
        x_mm=node.x_mm,
        y_mm=node.y_mm,
        map_id=node.map_id,
        theta_mrad=node.theta_mrad,
        actions=acts,
    )


def edge_of(floor: Floor, edge_id: str, number: int, *, released: bool) -> DriveEdge:
    edge = floor.roads.edges[edge_id]
    return DriveEdge(
        edge_id=edge_id,
        sequence=number,
        released=released,
        start=edge.start,
        end=edge.end,
        length_mm=edge.length_mm,
        speed_mm_s=edge.speed_mm_s,
    )
