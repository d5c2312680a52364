"""Work meets hands: the phases of the dispatch, one after the other, in this place only."""

from edge.messages import ResourceKind
from edge.wes import carriers, errands, fairness, preempt, trips
from edge.wes.assign import give, reasons
from edge.wes.floor import Floor
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskRecord


def dispatch(floor: Floor) -> None:
    """Withdrawals end first, then commitments are kept, then what is left is assigned; then vehicles drive or park.

    Who has nothing to do even then replenishes what nobody waits for.
    """
    preempt.withdraw(floor)
    keep_commitments(floor)
    if floor.plan.changed:
        again = True
        while again:
            pairs, spared = carriers.nearest(floor, floor.plan.choose(floor.now_ms))
            pairs, rested = fairness.even_out(floor, pairs)
            for resource, record in pairs:
                assign(floor, resource, record)
                pre_assign(floor, resource, record)
            for resource in (*spared, *rested):
                floor.refresh(resource)
            again = bool(spared or rested)
        share(floor)
        floor.plan.changed = False
    errands.drive_on(floor)
    replenish(floor)


def keep_commitments(floor: Floor) -> None:
    """Whoever is on a trip and has finished a task gets the next one."""
    for resource in list(floor.on_trip.values()):
        record = trips.next_of(floor, resource)
        if record is None or not resource.available:
            trips.scatter(floor, resource)
            continue
        left = len(resource.trip)
        metres = floor.layout.walk_mm(resource.location, record.task.source) // 1000
        more = f"{left} more after it" if left else "the last of it"
        give(floor, resource, record, f"next of the trip, {metres} m further, {more}")
    floor.on_trip.clear()


def assign(floor: Floor, resource: ResourceRecord, record: TaskRecord) -> None:
    """Idle hands begin what the plan has for them. Busy ones keep their next task in it, without a promise."""
    give(floor, resource, record, *reasons(floor, resource, record))


def pre_assign(floor: Floor, resource: ResourceRecord, record: TaskRecord) -> None:
    """A first pick brings the others of its trip along."""
    trips.collect(floor, resource, record)


def share(floor: Floor) -> None:
    """Who would stand idle takes work off a trip."""
    if not any(each.trip for each in floor.state.resources.values()):
        return
    for resource in floor.idle():
        shared = None if trips.unshared(floor, resource) else trips.to_share(floor, resource)
        if shared is not None:
            record, owner = shared
            give(floor, resource, record, f"taken off the trip of {owner.resource_id}, who has {len(owner.trip)} more")


def replenish(floor: Floor) -> None:
    """Who would stand idle fills up a pick face that nobody waits for, the nearest first."""
    if not any(floor.plan.spare.values()):
        return
    for resource in floor.idle(ResourceKind.PERSON):
        record = floor.plan.spare_for(resource)
        if record is not None:
            metres = floor.layout.walk_mm(resource.location, record.task.source) // 1000
            give(floor, resource, record, f"nobody waits for it and nothing else is to be done, {metres} m away")
