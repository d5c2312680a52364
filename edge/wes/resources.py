"""People and robots: who is here, and what happens to the work of those who leave."""

from edge.messages import ResourceJoined, ResourceKind, ResourceLeft
from edge.wes import trips
from edge.wes.alarms import HIGH, raise_alarm
from edge.wes.assign import say_assigned, take_back
from edge.wes.floor import Floor
from edge.wes.planning import ended
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskState

RESOURCES_MAX = 2000


def joined(floor: Floor, message: ResourceJoined) -> None:
    """Take a person on. Said again, skills and zones are renewed and the task in hand is told again.

    Robots come and go with the state of their machine, and vehicles with their own, not by this message.
    """
    if message.kind is not ResourceKind.PERSON:
        return
    known = floor.state.resources.get(message.resource_id)
    if known is None:
        take_on(floor, message)
        return
    if known.kind is not message.kind:
        return
    if message.location and message.location != known.home:
        known.home = known.location = message.location
        floor.refresh(known)
    if (known.skills, known.zones) != (message.skills, message.zones):
        known.skills, known.zones = message.skills, message.zones
        trips.scatter(floor, known)
    if known.task_id:
        say_assigned(floor, floor.state.tasks[known.task_id])


def take_on(floor: Floor, message: ResourceJoined) -> None:
    if len(floor.state.resources) >= RESOURCES_MAX:
        text = f"{message.resource_id} cannot sign on, {RESOURCES_MAX} are here already"
        raise_alarm(floor, "wes:resources_full", HIGH, text, "Sign off those who have gone home", ack_clears=True)
        return
    floor.state.last_resource += 1
    resource = ResourceRecord(
        resource_id=message.resource_id,
        kind=message.kind,
        skills=message.skills,
        zones=message.zones,
        number=floor.state.last_resource,
        home=message.location,
        location=message.location,
    )
    floor.state.resources[message.resource_id] = resource
    floor.refresh(resource)
    floor.risk_stale = True


def left(floor: Floor, message: ResourceLeft) -> None:
    """A person signed off: the task in hand goes back to the pool, begun or not."""
    resource = floor.state.resources.get(message.resource_id)
    if resource is not None and resource.kind is ResourceKind.PERSON:
        sign_off(floor, resource)


def sign_off(floor: Floor, resource: ResourceRecord) -> None:
    """Forget the resource; its task waits for the next one."""
    record = floor.state.tasks.get(resource.task_id)
    resource.available = False
    trips.scatter(floor, resource)
    if record is not None:
        take_back(floor, resource, record, "LEFT")
        if record.state is TaskState.CANCELLED:
            ended(floor, record, "")
    floor.refresh(resource)
    floor.plan.dismiss(resource)
    del floor.state.resources[resource.resource_id]
    floor.risk_stale = True


def wake_rested(floor: Floor) -> None:
    """Robots that have rested may work again."""
    for resource in floor.state.resources.values():
        if 0 < resource.rest_until_ms <= floor.now_ms:
            resource.rest_until_ms = 0
            floor.refresh(resource)


def next_ms(floor: Floor) -> int | None:
    return min((each.rest_until_ms for each in floor.state.resources.values() if each.rest_until_ms), default=None)
