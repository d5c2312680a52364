"""The working memory of the WES: the state, what follows from it, and what it has to say about the current event."""

from heapq import heapify, heappush

from edge.messages import Machine, Message, Zone
from edge.wes.dispatch import ANYONE, PEOPLE, ROBOTS, Pool
from edge.wes.estimates import TASK_MS, latest_start_ms
from edge.wes.route import Layout
from edge.wes.sort import LanePlan
from edge.wes.state import MachineRecord, ResourceRecord, State, WipRecord, in_order
from edge.wes.tasks import TaskRecord, TaskState

ROBOT_QUEUE = "/robot"
"""Handling units that only a robot can fill wait apart, so that a robot that is down does not block the zone."""


class Work:
    """The open tasks of one departure."""

    def __init__(self) -> None:
        self.tasks = 0
        self.work_ms = 0
        self.kinds: dict[str, int] = {}

    def count(self, record: TaskRecord, sign: int) -> None:
        kind = record.task.kind
        self.tasks += sign
        self.work_ms += sign * TASK_MS[kind]
        self.kinds[kind] = self.kinds.get(kind, 0) + sign


def queue_of(wip: WipRecord) -> str:
    return wip.zone + ROBOT_QUEUE if wip.robot else wip.zone


class Floor:
    """State plus everything that can be rebuilt from it. Handlers change the state and `say` what follows."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.now_ms = 0
        self.out: list[Message] = []
        self.new_waiting: dict[str, None] = {}
        self.configure()
        self.rebuild()

    def say(self, message: Message) -> None:
        self.out.append(message)

    def configure(self) -> None:
        """Everything that follows from the site alone."""
        site = self.state.site
        self.layout = Layout(site)
        self.zones: dict[str, Zone] = {zone.zone: zone for zone in site.zones} if site else {}
        self.walk_mm_s = max(1, site.walk_mm_s if site else 1200)
        self.plans: dict[str, LanePlan] = {m.machine_id: LanePlan(m) for m in self.configs("sorter")}

    def rebuild(self) -> None:
        """Everything that follows from the records."""
        self.pool = Pool()
        self.numbers: dict[int, TaskRecord] = {}
        self.dependents: dict[str, list[str]] = {}
        self.hu_tasks: dict[str, dict[str, None]] = {}
        self.work: dict[str, Work] = {}
        self.inside: dict[str, int] = {}
        self.queues: dict[str, list[tuple[int, int, str]]] = {}
        self.idle: dict[int, ResourceRecord] = {}
        self.fresh_idle: dict[int, ResourceRecord] = {}
        self.risk_stale = True
        self.risk_next_ms: int | None = None
        for record in in_order(self.state.tasks.values()):
            self.index(record)
            if record.state is TaskState.READY:
                self.offer(record)
        for wip in self.state.wip.values():
            if wip.inside:
                self.inside[wip.zone] = self.inside.get(wip.zone, 0) + 1
            else:
                self.queues.setdefault(queue_of(wip), []).append((wip.rank, wip.number, wip.hu_id))
        for queue in self.queues.values():
            heapify(queue)
        for resource in self.state.resources.values():
            self.refresh(resource)
        # What was saved was settled: nothing that is idle could do anything that is ready.
        self.pool.fresh.clear()
        self.fresh_idle.clear()

    def look_again(self) -> None:
        """Something changed for everybody: consider every idle resource and every ready task anew."""
        self.pool.fresh.update(self.pool.buckets)
        self.fresh_idle.update(self.idle)

    def configs(self, kind: str) -> list[Machine]:
        return [machine for machine in self.layout.machines.values() if machine.kind == kind]

    def index(self, record: TaskRecord) -> None:
        """Enter an open task into the books that find it again."""
        task = record.task
        self.numbers[record.number] = record
        for before in record.waiting_for:
            self.dependents.setdefault(before, []).append(task.task_id)
        if task.hu_id:
            self.hu_tasks.setdefault(task.hu_id, {})[task.task_id] = None
        if task.departure_id:
            self.work.setdefault(task.departure_id, Work()).count(record, 1)
        self.risk_stale = True

    def strike(self, record: TaskRecord) -> None:
        """Take a task that is over out of the books."""
        task = record.task
        del self.state.tasks[task.task_id]
        del self.numbers[record.number]
        if task.hu_id:
            self.hu_tasks[task.hu_id].pop(task.task_id)
            if not self.hu_tasks[task.hu_id]:
                del self.hu_tasks[task.hu_id]
        for before in record.waiting_for:
            self.dependents[before].remove(task.task_id)
        self.move_work(record, "")

    def move_work(self, record: TaskRecord, departure_id: str) -> None:
        """Count the open task for another departure; to be told before the task itself changes."""
        if record.task.departure_id:
            self.work[record.task.departure_id].count(record, -1)
            if not self.work[record.task.departure_id].tasks:
                del self.work[record.task.departure_id]
        if departure_id:
            self.work.setdefault(departure_id, Work()).count(record, 1)
        self.risk_stale = True

    def offer(self, record: TaskRecord) -> None:
        """Put a ready task into the pool."""
        task = record.task
        doers = ROBOTS if task.robot_only else ANYONE if task.robot else PEOPLE
        spot = self.layout.spot(task.source)
        row = (record.number, latest_start_ms(task), task.priority, spot.x, spot.y, spot.lo, spot.hi)
        self.pool.add((task.zone, task.skill, doers), row)

    def enqueue(self, wip: WipRecord) -> None:
        heappush(self.queues.setdefault(queue_of(wip), []), (wip.rank, wip.number, wip.hu_id))

    def refresh(self, resource: ResourceRecord) -> None:
        """A resource is idle when it can work, has no task and does not rest."""
        rested = resource.rest_until_ms <= self.now_ms
        if resource.available and not resource.task_id and rested:
            resource.rest_until_ms = 0
            self.idle[resource.number] = resource
            self.fresh_idle[resource.number] = resource
        else:
            self.idle.pop(resource.number, None)
            self.fresh_idle.pop(resource.number, None)

    def machine(self, machine_id: str) -> MachineRecord | None:
        return self.state.machines.get(machine_id)
