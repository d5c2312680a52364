"""The working memory of the WES: the state, what follows from it, and what it has to say about the current event."""

from edge.messages import Machine, Message, ResourceKind, Site, Zone
from edge.wes.calibrate import Score, Times
from edge.wes.demand import Demand
from edge.wes.destinations import Destinations
from edge.wes.estimates import TASK_MS, Estimates
from edge.wes.network import Network, from_site
from edge.wes.plan import Plan
from edge.wes.roads import Roads
from edge.wes.room import Room
from edge.wes.route import Layout
from edge.wes.state import MachineRecord, ResourceRecord, State, in_order
from edge.wes.tasks import TaskRecord, TaskState
from edge.wes.traffic import Traffic
from edge.wes.travel import Travel


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


class Floor:
    """State plus everything that can be rebuilt from it. Handlers change the state and `say` what follows."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.now_ms = 0
        self.out: list[Message] = []
        self.new_waiting: dict[str, None] = {}
        self.travelled: Site | None = None
        self.travel: Travel = Travel(None)
        self.configure()
        self.rebuild()

    def say(self, message: Message) -> None:
        self.out.append(message)

    def configure(self) -> None:
        """Everything that follows from the site alone."""
        site = self.state.site
        self.layout = Layout(site)
        if self.travelled != site:
            self.travel, self.travelled = Travel(site), site
        self.zones: dict[str, Zone] = {zone.zone: zone for zone in site.zones} if site else {}
        self.network = from_site(site) if site else Network(())
        self.roads = Roads(site.fleet if site else None)
        self.destinations = Destinations(self.configs("sorter"), self.network)
        self.plans = self.destinations.plans

    def rebuild(self) -> None:
        """Everything that follows from the records."""
        self.destinations.fill(self.state)
        self.times, self.score = Times(self.state.times), Score(self.state.score)
        self.demand = Demand(self.state.demand)
        self.estimates = Estimates(self.times)
        self.plan = Plan(self.state, self.travel, self.estimates)
        self.dependents: dict[str, tuple[str, ...]] = {}
        self.hu_tasks: dict[str, list[str]] = {}
        self.work: dict[str, Work] = {}
        self.room = Room(self.state, self.zones, self.hu_tasks)
        self.said: dict[tuple[str, ...], tuple[str, ...]] = {}
        """What orders were told, to be shared by those that were told the same."""
        self.pace_stale = True
        fleet = self.state.site.fleet if self.state.site else None
        self.traffic = Traffic(
            self.roads, [each.way for each in self.state.vehicles.values()], fleet.ahead if fleet else 0
        )
        self.on_trip: dict[str, ResourceRecord] = {}
        """Who has finished a task and has a trip to go on with."""
        self.unshared: dict[int, None] = {}
        """Groups of hands for which no trip had anything to give."""
        self.risk_stale = True
        self.risk_next_ms: int | None = None
        for record in in_order(self.state.tasks.values()):
            self.index(record)
            if record.state is TaskState.READY and not record.trip:
                self.offer(record)
        self.room.take_up()
        for resource in self.state.resources.values():
            self.refresh(resource)
            begun = self.state.tasks.get(resource.task_id)
            if begun is not None:
                self.plan.begin(resource, begun)

    def restore(self) -> None:
        """What was saved was settled, and goes on as if nothing had been between."""
        self.plan.dispatcher.load(self.state.assignment)
        self.plan.changed = False

    def configs(self, kind: str) -> list[Machine]:
        return [machine for machine in self.layout.machines.values() if machine.kind == kind]

    def index(self, record: TaskRecord) -> None:
        """Enter an open task into the books that find it again."""
        task = record.task
        self.plan.enter(record)
        for before in record.waiting_for:
            self.dependents[before] = (*self.dependents.get(before, ()), task.task_id)
        if task.hu_id:
            self.hu_tasks.setdefault(task.hu_id, []).append(task.task_id)
            self.room.count(task.hu_id)
        if task.departure_id:
            self.work.setdefault(task.departure_id, Work()).count(record, 1)
        self.risk_stale = True

    def strike(self, record: TaskRecord) -> None:
        """Take a task that is over out of the books."""
        task = record.task
        del self.state.tasks[task.task_id]
        if task.hu_id:
            self.hu_tasks[task.hu_id].remove(task.task_id)
            if not self.hu_tasks[task.hu_id]:
                del self.hu_tasks[task.hu_id]
            self.room.count(task.hu_id)
        for before in record.waiting_for:
            self.dependents[before] = tuple(name for name in self.dependents[before] if name != task.task_id)
            if not self.dependents[before]:
                del self.dependents[before]
        self.plan.strike(record)
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
        """The task can begin."""
        self.plan.offer(record, self.now_ms)

    def refresh(self, resource: ResourceRecord) -> None:
        """A resource is idle when it can work, has no task and does not rest."""
        rested = resource.rest_until_ms <= self.now_ms
        idle = resource.available and not resource.task_id and rested and not resource.trip
        if idle:
            resource.rest_until_ms = 0
        if resource.trip and not resource.task_id:
            self.on_trip[resource.resource_id] = resource
        self.plan.refresh(resource, self.now_ms, idle=idle)

    def idle(self, *kinds: ResourceKind) -> list[ResourceRecord]:
        """Who could begin now and has nothing; of these kinds, if any are named."""
        return [
            each
            for each in self.state.resources.values()
            if each.available and not each.task_id and not each.trip and each.rest_until_ms <= self.now_ms
            if not kinds or each.kind in kinds
        ]

    def machine(self, machine_id: str) -> MachineRecord | None:
        return self.state.machines.get(machine_id)
