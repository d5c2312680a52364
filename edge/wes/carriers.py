"""Vehicles in the dispatch: which of them is nearest by its roads, and when it will be done."""

from edge.messages import ResourceKind
from edge.wes.estimates import DAY_MS
from edge.wes.floor import Floor
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskRecord

Pair = tuple[ResourceRecord, TaskRecord]


def drive_ms(floor: Floor, vehicle_id: str, location: str) -> int:
    """The drive of a vehicle to a station; a day where there is no way."""
    vehicle, station = floor.state.vehicles.get(vehicle_id), floor.roads.stations.get(location)
    if vehicle is None or station is None or not vehicle.way.held:
        return DAY_MS
    way = floor.roads.way(floor.roads.vehicles[vehicle_id], vehicle.way.end, station.nodes)
    return way[0] if way else DAY_MS


def ready_ms(floor: Floor, resource: ResourceRecord, record: TaskRecord) -> int:
    """When the resource should be done with a task it begins now; a vehicle's drive is reckoned by its roads."""
    fleet = floor.state.site.fleet if floor.state.site else None
    here, there = (floor.roads.stations.get(name) for name in (record.task.source, record.task.target))
    if resource.kind is not ResourceKind.VEHICLE or fleet is None or here is None or there is None:
        return floor.plan.ready_ms(resource, record, floor.now_ms)
    laden = floor.roads.way(floor.roads.vehicles[resource.resource_id], here.nodes[0], there.nodes)
    to_it_ms = drive_ms(floor, resource.resource_id, record.task.source)
    return floor.now_ms + to_it_ms + (laden[0] if laden else DAY_MS) + 2 * fleet.handling_ms


def nearest(floor: Floor, pairs: list[Pair]) -> tuple[list[Pair], list[ResourceRecord]]:
    """The chosen pairs, where a task meant for one vehicle goes to the idle one that is there soonest by the roads.

    And the vehicles that are idle after all.
    """
    if not any(resource.kind is ResourceKind.VEHICLE for resource, _ in pairs):
        return pairs, []
    busy = {resource.resource_id: None for resource, _ in pairs}
    found: list[Pair] = []
    for resource, record in pairs:
        if resource.kind is ResourceKind.VEHICLE:
            del busy[resource.resource_id]
            resource = min(
                (
                    each
                    for each in floor.idle(ResourceKind.VEHICLE)
                    if each.resource_id not in busy and (each is resource or floor.plan.may(each, record))
                ),
                key=lambda each: (drive_ms(floor, each.resource_id, record.task.source), each.number),
            )
            busy[resource.resource_id] = None
        found.append((resource, record))
    return found, [each for each, _ in pairs if each.resource_id not in busy]
