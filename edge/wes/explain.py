"""Why and why not, in plain words: what keeps a task from a resource, and what an idle resource waits for.

Every reason comes from the very records that decide; nothing is guessed. Times in the words are `<ms>` marks
(`at(1700000000000)`), which whoever shows them turns into the site's clock.
"""

from collections.abc import Sequence

from edge.messages import Link, PackMl, ResourceKind, TaskKind
from edge.wes import vehicles
from edge.wes.ahead import Ahead
from edge.wes.floor import Floor
from edge.wes.plan import is_spare
from edge.wes.release import lateness, limit_in, why_outside
from edge.wes.room import line_of
from edge.wes.state import MachineRecord, ResourceRecord, UnitPlace, UnitRecord
from edge.wes.tasks import TaskRecord, TaskState

OWN_CAUSE = (PackMl.HOLDING, PackMl.HELD, PackMl.UNHOLDING)
NEIGHBOUR = (PackMl.SUSPENDING, PackMl.SUSPENDED, PackMl.UNSUSPENDING)
TAKEN = (TaskState.ASSIGNED, TaskState.STARTED)
NAMED_MAX = 5


def at(ms: int) -> str:
    return f"at({ms})"


def named(ids: Sequence[str]) -> str:
    """The first few of a list of names."""
    more = f" and {len(ids) - NAMED_MAX} more" if len(ids) > NAMED_MAX else ""
    return ", ".join(ids[:NAMED_MAX]) + more


def why_task(floor: Floor, task_id: str) -> str:
    """Where a task stands and what it waits for; "" for one the WES has never heard of."""
    record = floor.state.tasks.get(task_id)
    if record is not None:
        return waits_for(floor, record)
    doer = floor.state.done.get(task_id)
    if doer is None:
        return ""
    return f"was finished by {doer}" if doer else "was withdrawn, nobody finished it"


def waits_for(floor: Floor, record: TaskRecord) -> str:
    """What an open task waits for."""
    if record.state in TAKEN:
        verb = "is being done by" if record.state is TaskState.STARTED else "is assigned to"
        unwanted = "; it is no longer wanted, but what has begun is finished" if record.withdrawn else ""
        return f"{verb} {record.resource_id} since {at(record.assigned_ms)}: {record.why}{unwanted}"
    if record.trip:
        return f"is on the trip of {record.trip}, who has other picks to do before it"
    if record.waiting_for:
        return f"waits for {named([before_it(floor, name) for name in record.waiting_for])}"
    if not record.let_in:
        return f"its handling unit is not let in: {not_let_in(floor, record)}"
    return f"is ready; {nobody_yet(floor, record)}"


def before_it(floor: Floor, task_id: str) -> str:
    """A task that has to be done before another, in words."""
    record = floor.state.tasks.get(task_id)
    if record is None:
        return f"the WMS to look elsewhere, for {task_id} came up short"
    task = record.task
    if task.kind is not TaskKind.REPLENISH:
        return f"{task_id} to be done first"
    how = f"taken by {record.resource_id}" if record.resource_id else f"which {waits_for(floor, record)}"
    return f"replenishment {task_id} from {task.source} to {task.target}, {how}"


def nobody_yet(floor: Floor, record: TaskRecord) -> str:
    """Why nobody has a task that can begin."""
    keeper = floor.plan.kept_for(record)
    if keeper is not None and keeper.task_id:
        return f"it is kept for {keeper.resource_id}, who should be free at {at(keeper.ready_ms)}"
    able = [each for each in floor.state.resources.values() if not floor.plan.able(each, record)]
    if not able:
        return f"nobody here may do it: it wants {record.task.skill} in zone {record.task.zone}"
    if is_spare(record.task):
        return "nobody waits for it: it is done when somebody who may has nothing else to do"
    off = {each.resource_id: cannot_work(floor, each) for each in able if not each.task_id}
    said = [f"{name} {reason or 'is free and due to get it'}" for name, reason in off.items()]
    busy = [each.resource_id for each in able if each.task_id]
    if busy:
        said.insert(0, f"all who may do it are busy: {named(busy)}" if not off else f"{named(busy)}: busy")
    more = len(said) - NAMED_MAX
    return "; ".join(said[:NAMED_MAX]) + (f"; and {more} more" if more > 0 else "")


def not_let_in(floor: Floor, record: TaskRecord) -> str:
    wip = floor.state.wip.get(record.task.hu_id)
    if wip is None:
        return "it waits for its handling unit"
    before = sum(
        1
        for each in floor.state.wip.values()
        if (each.inside, each.zone, line_of(each)) == (False, wip.zone, line_of(wip))
        and (each.rank, each.number) < (wip.rank, wip.number)
    )
    late = lateness(floor, wip)
    cannot = f"; it cannot make {wip.departure_id or 'its cutoff'}: {late}" if late else ""
    return f"{limit_in_words(why_outside(floor, wip))}, {before} go before it{cannot}"


def limit_in_words(reason: str) -> str:
    """What keeps a handling unit outside, as release says it, for people."""
    limit, _, rest = reason.partition(" ")
    what, _, numbers = rest.partition(" ")
    count, _, more = numbers.partition(": ")
    have, _, most = count.partition("/")
    shut = f" ({more})" if more else ""
    return {
        "ZONE_WIP": f"zone {what} holds {have} of {most} units",
        "STATION": f"{have} units wait at {what}, where {most} may",
        "WAY_FULL": f"the way is full at {rest}",
        "LANES": f"the lanes of route {what} have room for {most}, and {have} are on their way{shut}",
    }.get(limit, reason or "it is due to be let in")


def cannot_work(floor: Floor, resource: ResourceRecord) -> str:
    """Why a resource without a task gets none at all; "" when it could."""
    machine = floor.machine(resource.resource_id) if resource.kind is ResourceKind.ROBOT else None
    if machine is not None and not resource.available:
        return state_of(machine)
    vehicle = floor.state.vehicles.get(resource.resource_id)
    if vehicle is not None and not resource.available:
        return vehicles.cannot_work(floor, vehicle) or "is not available"
    if not resource.available:
        return "is not available"
    if resource.rest_until_ms > floor.now_ms:
        times = "1 failure" if resource.failures == 1 else f"{resource.failures} failures"
        return f"rests after {times} until {at(resource.rest_until_ms)}"
    return ""


def state_of(machine: MachineRecord) -> str:
    """What a machine that cannot work says of itself."""
    if machine.awaited:
        return "has not reported since the start"
    since = f"since {at(machine.since_ms)}"
    if machine.link is Link.LOST:
        return f"has no connection {since}"
    cause = f": {machine.reason}" if machine.reason else ""
    if machine.state in OWN_CAUSE:
        return f"is Held (own cause{cause}) {since}"
    if machine.state in NEIGHBOUR:
        return f"is Suspended (a neighbour's cause{cause}) {since}"
    stopped = f", stopped by {machine.stopped_by}" if machine.stopped_by else ""
    reason = f" ({machine.reason})" if machine.reason else ""
    return f"is {machine.state.name.capitalize()}{reason}{stopped} {since}"


def why_not(floor: Floor, task_id: str, resource_id: str) -> str:
    """Why this resource does not do this task now, in words; says so when it does, or when a name is unknown."""
    record, resource = floor.state.tasks.get(task_id), floor.state.resources.get(resource_id)
    if record is None:
        told = why_task(floor, task_id)
        return f"task {task_id} {told}" if told else f"there is no task {task_id}"
    if resource is None:
        return absent(floor, resource_id)
    if record.resource_id == resource_id:
        return f"it does: {task_id} {waits_for(floor, record)}"
    off = cannot_work(floor, resource)
    unable = floor.plan.able(resource, record)
    if unable:
        return f"{resource_id} {unable_in_words(resource, unable, off)}"
    if off:
        return f"{resource_id} {off}"
    if record.state is not TaskState.READY or record.trip:
        return f"{task_id} {waits_for(floor, record)}"
    return busy_or_kept(floor, record, resource)


def unable_in_words(resource: ResourceRecord, unable: str, off: str) -> str:
    besides = f"; besides, it {off}" if off else ""
    if unable.startswith(("only", "no ")):
        return f"will not do it: {unable}{besides}"
    idle = "is idle but " if not resource.task_id and not off else ""
    return f"{idle}{unable}{besides}"


def absent(floor: Floor, resource_id: str) -> str:
    """Why there is no such resource."""
    machine = floor.machine(resource_id)
    if machine is None:
        return f"{resource_id} is not here: nobody of that name is signed on"
    config = floor.layout.machines.get(resource_id)
    if config is not None and config.kind != "robot":
        return f"{resource_id} is a {config.kind}, which does no tasks"
    return f"{resource_id} {state_of(machine)}"


def busy_or_kept(floor: Floor, record: TaskRecord, resource: ResourceRecord) -> str:
    """Why one who can work and may do it does not do a task that can begin."""
    name = resource.resource_id
    if resource.task_id:
        trip = f" and has {len(resource.trip)} more on the trip" if resource.trip else ""
        why = floor.state.tasks[resource.task_id].why
        text = f"{name} is busy with {resource.task_id} until about {at(resource.ready_ms)}{trip} ({why})"
    else:
        text = f"{name} is idle"
    keeper = floor.plan.kept_for(record)
    if keeper is resource:
        return f"{text}; {record.task.task_id} is planned for it next"
    if keeper is not None:
        until = f", who should be free at {at(keeper.ready_ms)}," if keeper.task_id else ""
        because = "because all hands together are better off so"
        return f"{text}; {record.task.task_id} is kept for {keeper.resource_id}{until} {because}"
    return text if resource.task_id else f"{text} and nothing keeps it from {record.task.task_id}: it is due to get it"


def idle_reasons(floor: Floor) -> dict[str, str]:
    """For everybody who has nothing to do, robots that are out of work included: what they wait for."""
    said = {
        each.resource_id: why_idle(floor, each)
        for each in floor.state.resources.values()
        if not each.task_id and not each.trip
    }
    for machine_id, config in floor.layout.machines.items():
        if config.kind == "robot" and machine_id not in floor.state.resources and machine_id in floor.state.machines:
            said[machine_id] = state_of(floor.state.machines[machine_id])
    return said


def why_idle(floor: Floor, resource: ResourceRecord) -> str:
    off = cannot_work(floor, resource)
    if off:
        return off
    if not floor.state.tasks:
        return "there is no work at all"
    fits = [record for record in floor.state.tasks.values() if not floor.plan.able(resource, record)]
    if not fits:
        first = min(floor.state.tasks.values(), key=lambda record: record.number)
        count = len(floor.state.tasks)
        tasks = "the one open task is not" if count == 1 else f"none of {count} open tasks is"
        return f"{tasks} for it; {first.task.task_id}: {floor.plan.able(resource, first)}"
    ready = [record for record in fits if record.state is TaskState.READY and not record.trip]
    if ready:
        return why_not(floor, ready[0].task.task_id, resource.resource_id)
    return f"nothing it may do is ready: {not_ready(floor, fits)}"


def not_ready(floor: Floor, records: Sequence[TaskRecord]) -> str:
    """What so many tasks wait for, the most frequent cause first."""
    counts: dict[str, int] = {}
    ahead = Ahead(floor)
    for record in records:
        if record.state in TAKEN:
            cause = "in other hands"
        elif record.trip:
            cause = "on the trips of others"
        elif record.waiting_for:
            cause = "waiting for other tasks to be done first"
        else:
            wip = floor.room.outside(record.task.hu_id)
            limit = limit_in(why_outside(floor, wip, ahead)) if wip is not None else ""
            room = limit.startswith("ZONE_WIP") or not limit
            cause = f"waiting for room in zone {record.task.zone}" if room else f"not let in ({limit})"
        counts[cause] = counts.get(cause, 0) + 1
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{count} {cause}" for cause, count in ranked)


def where_unit(floor: Floor, hu_id: str) -> str:
    """Where a handling unit is and what is left to do for it; "" for one the WES does not know."""
    unit, wip = floor.state.units.get(hu_id), floor.state.wip.get(hu_id)
    records = [floor.state.tasks[task_id] for task_id in floor.hu_tasks.get(hu_id, ())]
    left = "; ".join(f"{each.task.kind.value} {each.task.task_id} {waits_for(floor, each)}" for each in records[:3])
    more = f"; and {len(records) - 3} more tasks" if len(records) > 3 else ""
    if unit is not None:
        place = place_of(floor, unit)
    elif wip is not None:
        place = f"is {'being filled' if wip.inside else 'to be filled'} in zone {wip.zone} for {wip.departure_id}"
    elif records:
        place = "is not packed here"
    else:
        departure = floor.state.delivered.get(hu_id)
        if hu_id in floor.state.voided:
            return "was given up and is picked anew; should a scanner read it, it goes to the hospital lane"
        return f"is loaded into {departure}" if departure is not None else ""
    return f"{place}; {left}{more}" if left else place


def place_of(floor: Floor, unit: UnitRecord) -> str:
    """Where a packed unit is, as far as the machines say."""
    goes = f"for {unit.departure_id}, route {unit.route}"
    if unit.place is UnitPlace.PACKED:
        return f"is packed {goes}, and no machine has seen it yet"
    if unit.place is UnitPlace.LANE:
        machine_id, lane = floor.layout.lanes.get(unit.location, ("", 0))
        plan = floor.plans.get(machine_id)
        lanes = plan.row(floor.destinations.barcodes.find(unit.hu_id))[0] if plan else []
        right = plan is not None and plan.position.get(lane, -1) in lanes
        wrong = "" if right else f", which is no first choice of route {unit.route}"
        return f"lies in {unit.location}{wrong}, {goes}"
    if unit.place is UnitPlace.MISSING:
        return f"is missing since it was last seen at {unit.machine_id}; somebody has to look for it there"
    machine = floor.machine(unit.machine_id)
    if machine is not None and machine.waiting is not None and machine.waiting.barcode == unit.hu_id:
        feeds = floor.layout.machines[unit.machine_id].feeds
        return f"waits at the exit of {unit.machine_id} until {feeds} has room, {goes}"
    stands = machine is not None and (machine.link is Link.LOST or machine.state is not PackMl.EXECUTE)
    still = f", which {state_of(machine)}" if machine is not None and stands else ""
    return f"is on {unit.machine_id}{still}, {goes}"
