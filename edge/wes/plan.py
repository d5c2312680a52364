"""Names meet numbers: tasks and resources of the records as rows of the board, and the dispatcher that reads it."""

from array import array
from bisect import bisect_right
from heapq import heappop, heappush

from edge.messages import ResourceKind, Site, Task, TaskKind, lane_location
from edge.wes.board import BUSY, DOING, IDLE, OFF, READY, TASKS_MAX, WAITING, Board
from edge.wes.dispatch import STRATEGIES, Dispatcher
from edge.wes.estimates import DAY_MS, KIND_ROWS, MINUTE_MS, Estimates, weight_of
from edge.wes.state import ResourceRecord, State
from edge.wes.tasks import TaskRecord, TaskState
from edge.wes.travel import Travel

PEOPLE = "people"
ROBOTS = "robots"
ANYONE = "anyone"
CARRIERS = "people or vehicles"
"""Who may do a task at all."""

REACH_MS = 366 * DAY_MS
"""Times further away than this are as far away as this."""

SHARED_MAX = 1000
"""Times kept to be shared by the records of many tasks."""
SOON_MS = 5 * MINUTE_MS
"""A task is pressing from so long before its latest start."""

ClassKey = tuple[str, str, str, int, int]
GroupKey = tuple[ResourceKind, tuple[str, ...], tuple[str, ...]]


def doers_of(task: Task) -> str:
    return ROBOTS if task.robot_only else ANYONE if task.robot else PEOPLE


def lacks(key: ClassKey, group: GroupKey) -> str:
    """What keeps this group of hands from this class of work, in words; "" when nothing does."""
    (zone, skill, doers, _, _), (kind, skills, zones) = key, group
    if kind is ResourceKind.VEHICLE and doers != CARRIERS:
        return "no vehicle can do it"
    if doers == (PEOPLE if kind is ResourceKind.ROBOT else ROBOTS) or (
        kind is ResourceKind.ROBOT and doers == CARRIERS
    ):
        return "only a robot can do it" if doers == ROBOTS else "no robot can do it"
    if zone not in zones and "*" not in zones:
        return f"is not in zone {zone}"
    missing = [word for word in skill.split("+") if word not in skills]
    return f"lacks skill '{missing[0]}'" if missing else ""


def is_spare(task: Task) -> bool:
    """Work that no departure waits for and that only idle hands shall do."""
    return task.kind is TaskKind.REPLENISH and not task.departure_id


def dock_task(site: Site | None) -> Task | None:
    """A LOAD as it will be planned once a unit lies in its lane, to know its class before there is one."""
    for machine in site.machines if site else ():
        for lane in machine.lanes:
            return Task(
                task_id="",
                kind=TaskKind.LOAD,
                zone=machine.zone,
                skill=TaskKind.LOAD,
                source=lane_location(machine.machine_id, lane.lane),
                target="",
                due_ms=0,
            )
    return None


class Plan:
    """The board of the live floor. Everything in it follows from the state, `row` of each record included."""

    def __init__(self, state: State, travel: Travel, estimates: Estimates) -> None:
        self.state = state
        self.travel = travel
        self.estimates = estimates
        self.board = Board(travel.count, travel.table, state.origin_ms)
        fleet = state.site.fleet if state.site else None
        self.stations = {each.location: each for each in fleet.stations} if fleet else {}
        self.class_keys: dict[ClassKey, int] = {}
        self.group_keys: dict[GroupKey, int] = {}
        self.groups: list[GroupKey] = []
        self.tasks: list[TaskRecord | None] = []
        """By row, as the board has them."""
        self.people: dict[int, ResourceRecord] = {}
        self.cutoffs: dict[str, list[int]] = {}
        self.cutoffs_stale = True
        self.changed = False
        self.later: list[int] = []
        """A heap of open tasks by their latest start: that and the row in one number, because they are many."""
        self.soon: dict[int, None] = {}
        """The ones of them that must begin soon."""
        self.spare: dict[int, dict[int, None]] = {}
        """Rows of work for idle hands, by class; it is not on offer."""
        self.times_ms: dict[int, int] = {}
        self.dispatcher = Dispatcher(self.board, STRATEGIES[state.dispatch], state.tuning)
        self.board.claim("t", [each.row for each in state.tasks.values() if each.row >= 0])
        self.board.claim("r", [each.row for each in state.resources.values() if each.row >= 0])
        task = dock_task(state.site)
        if task is not None:
            self.class_of(task)

    def rel(self, at_ms: int) -> int:
        """Milliseconds after the board's origin, within a year of it. OverflowError: no wire carries such a time."""
        if abs(at_ms) >> 63:
            raise OverflowError(f"{at_ms} is no time")
        return min(max(at_ms - self.state.origin_ms, -REACH_MS), REACH_MS)

    def clock(self, now_ms: int) -> int:
        """The board's time; while a state is being loaded there is none, and it stands at 0."""
        return min(max(0, now_ms - self.state.origin_ms), REACH_MS)

    def learn_cutoffs(self) -> None:
        """The cutoffs of each route in order."""
        self.cutoffs, self.cutoffs_stale = {}, False
        for record in self.state.departures.values():
            self.cutoffs.setdefault(record.route, []).append(record.cutoff_ms)
        for times in self.cutoffs.values():
            times.sort()

    def next_cutoff_ms(self, task: Task) -> int:
        """The cutoff of the departure after the task's own on the same route; a day later where none is known."""
        if self.cutoffs_stale:
            self.learn_cutoffs()
        departure = self.state.departures.get(task.departure_id)
        times = self.cutoffs.get(departure.route, []) if departure else []
        later = bisect_right(times, task.due_ms)
        return times[later] if later < len(times) else task.due_ms + DAY_MS

    def class_key(self, task: Task) -> ClassKey:
        area = self.travel.area_of(task.source)
        lo, hi = self.travel.zone_range(task.zone)
        if not lo <= area < hi:
            lo, hi = area, area + 1
        return task.zone, task.skill, CARRIERS if self.may_ride(task) else doers_of(task), lo, hi

    def may_ride(self, task: Task) -> bool:
        """Vehicles may do it as well: it is to carry something from one station to another."""
        here, there = self.stations.get(task.source), self.stations.get(task.target)
        if task.kind is not TaskKind.CARRY or here is None or there is None:
            return False
        return len(here.nodes) + len(there.nodes) > 2 or here.nodes != there.nodes

    def class_of(self, task: Task) -> int:
        """The class of work of a task; a new one is compared with every group of hands."""
        key = self.class_key(task)
        known = self.class_keys.get(key)
        if known is None:
            known = self.class_keys[key] = self.board.add_class(key[3], key[4])
            self.match_groups()
        return known

    def group_of(self, resource: ResourceRecord) -> int:
        key = (resource.kind, resource.skills, resource.zones)
        known = self.group_keys.get(key)
        if known is None:
            known = self.group_keys[key] = len(self.groups)
            self.groups.append(key)
            self.match_groups()
        return known

    def match_groups(self) -> None:
        """Which classes each group may do."""
        self.board.group_classes = [
            array("q", [cls for key, cls in self.class_keys.items() if not lacks(key, group)]) for group in self.groups
        ]
        self.dispatcher.classes()

    def shared(self, ms: int) -> int:
        """The same number, and for many tasks the same object: they are believed to take as long."""
        if len(self.times_ms) >= SHARED_MAX:
            self.times_ms.clear()
        return self.times_ms.setdefault(ms, ms)

    def enter(self, record: TaskRecord) -> None:
        """Write a task onto the board, with what the index needs to know of it."""
        task, board = record.task, self.board
        cls = self.class_of(task)
        area = self.travel.area_of(task.source)
        moved = task.kind in ("carry", "putaway", "replenish")
        if not record.work_ms:
            record.work_ms = self.shared(self.estimates.work_ms(task.kind, task.zone))
            record.tail_ms = self.shared(self.estimates.tail_ms(task.kind, task.zone))
            record.next_due_ms = self.shared(self.next_cutoff_ms(task))
        record.row = board.add_task(
            record.row,
            record.number,
            KIND_ROWS[task.kind],
            cls,
            area,
            self.travel.area_of(task.target) if moved else area,
            weight_of(task.priority),
            record.work_ms,
            self.rel(task.due_ms) - record.tail_ms,
            self.rel(record.next_due_ms) - record.tail_ms,
            -1,
            -1,
        )
        self.tasks += [None] * (record.row + 1 - len(self.tasks))
        self.tasks[record.row] = record

    def offer(self, record: TaskRecord, now_ms: int) -> None:
        """The task can begin."""
        if is_spare(record.task):
            self.board.t_state[record.row] = WAITING
            self.spare.setdefault(int(self.board.t_cls[record.row]), {})[record.row] = None
            return
        self.board.t_state[record.row] = READY
        heappush(self.later, self.last_start(record) * TASKS_MAX + record.row)
        self.dispatcher.offer(record.row, self.clock(now_ms))
        self.changed = True

    def last_start(self, record: TaskRecord) -> int:
        """When the task must begin at the latest, on the board's clock."""
        return int(self.board.t_due_ms[record.row] - self.board.t_work_ms[record.row])

    def pressing(self, now_ms: int, most: int) -> list[TaskRecord]:
        """The open tasks that can still be in time and must begin soon, those with the earliest latest start first."""
        clock = self.clock(now_ms)
        while self.later and self.later[0] < (clock + SOON_MS) * TASKS_MAX:
            self.soon[heappop(self.later)] = None
        found: dict[int, TaskRecord] = {}
        for key in sorted(self.soon):
            last_ms, row = divmod(key, TASKS_MAX)
            record = self.tasks[row]
            if last_ms < clock or record is None or self.last_start(record) != last_ms or not self.is_offered(record):
                del self.soon[key]
            elif len(found) < most:
                found[row] = record
        return list(found.values())

    def retract(self, record: TaskRecord) -> None:
        self.spare.get(int(self.board.t_cls[record.row]), {}).pop(record.row, None)
        self.dispatcher.retract(record.row)

    def spare_for(self, resource: ResourceRecord) -> TaskRecord | None:
        """The nearest work for idle hands that the resource may do."""
        allowed = self.board.group_classes[self.board.r_group[resource.row]]
        fits = [self.at(row) for cls in allowed for row in self.spare.get(cls, ())]
        return min(fits, key=lambda each: (self.walk_ms(resource, each), each.number), default=None)

    def amend(self, record: TaskRecord) -> None:
        """Due time, departure or priority changed; the task is not on offer at this moment."""
        record.next_due_ms = self.next_cutoff_ms(record.task)
        self.board.t_weight[record.row] = weight_of(record.task.priority)
        self.board.t_due_ms[record.row] = self.rel(record.task.due_ms) - record.tail_ms
        self.board.t_next_ms[record.row] = self.rel(record.next_due_ms) - record.tail_ms

    def at(self, row: int) -> TaskRecord:
        """The task in a row of the board that is in use."""
        record = self.tasks[row]
        assert record is not None
        return record

    def strike(self, record: TaskRecord) -> None:
        self.retract(record)
        self.board.end_task(record.row)
        self.tasks[record.row] = None

    def refresh(self, resource: ResourceRecord, now_ms: int, *, idle: bool) -> None:
        """Write down what the resource does: idle, busy with a task, or off."""
        board = self.board
        if resource.row not in self.people:
            resource.factor_q10 = resource.factor_q10 or self.estimates.factor_q10(resource.resource_id)
            area = self.travel.area_of(resource.location)
            resource.row = board.add_resource(
                resource.row, resource.number, self.group_of(resource), area, resource.factor_q10
            )
            self.people[resource.row] = resource
        row = resource.row
        board.r_group[row] = self.group_of(resource)
        record = self.state.tasks.get(resource.task_id)
        if record is not None and resource.available:
            board.r_state[row], board.r_task[row] = BUSY, record.row
            board.r_area[row] = board.t_end_area[record.row]
            board.r_ready_ms[row] = self.rel(resource.ready_ms)
        else:
            board.rest(row, IDLE if idle else OFF, self.travel.area_of(resource.location), self.clock(now_ms))
        self.dispatcher.hands(row, self.clock(now_ms))
        self.changed = True

    def dismiss(self, resource: ResourceRecord) -> None:
        """The resource is gone."""
        if self.people.pop(resource.row, None) is not None:
            self.board.r_state[resource.row] = OFF
            self.dispatcher.hands(resource.row, 0)
            self.board.end_resource(resource.row)

    def choose(self, now_ms: int) -> list[tuple[ResourceRecord, TaskRecord]]:
        """Who begins what now."""
        self.changed = False
        found = self.dispatcher.choose(self.clock(now_ms))
        pairs = [(self.dispatcher.chosen_r[i], self.dispatcher.chosen_t[i]) for i in range(found)]
        return [(self.people[resource], self.at(task)) for resource, task in pairs]

    def begin(self, resource: ResourceRecord, record: TaskRecord) -> None:
        """The task is this resource's now; to be followed by `refresh`."""
        self.spare.get(int(self.board.t_cls[record.row]), {}).pop(record.row, None)
        self.board.t_state[record.row] = DOING
        self.board.t_doer[record.row] = resource.row

    def leaders(self, resource: ResourceRecord, most: int, now_ms: int) -> list[TaskRecord]:
        """The tasks on offer that suit the resource best, best first."""
        allowed = self.board.group_classes[self.board.r_group[resource.row]]
        out, area = array("q", bytes(8 * most)), self.travel.area_of(resource.location)
        found = self.dispatcher.index.leaders(allowed, len(allowed), area, self.clock(now_ms), most, out)
        return [self.at(row) for row in out[:found]]

    def kept_for(self, record: TaskRecord) -> ResourceRecord | None:
        """The resource that will do the task as things stand; a plan, not a promise."""
        return self.people.get(self.dispatcher.wanted_by(record.row))

    def walk_ms(self, resource: ResourceRecord, record: TaskRecord) -> int:
        return self.travel.ms(self.travel.area_of(resource.location), int(self.board.t_area[record.row]))

    def ready_ms(self, resource: ResourceRecord, record: TaskRecord, now_ms: int) -> int:
        """When the resource should be done with a task it begins now."""
        walk = self.walk_ms(resource, record)
        work = int(self.board.t_work_ms[record.row]) * int(self.board.r_factor_q10[resource.row]) // 1024
        return now_ms + walk + work

    def expected_ms(self, resource: ResourceRecord, record: TaskRecord, now_ms: int) -> int:
        """When the task should be done if it is the next of this resource."""
        board = self.board
        free_ms = max(now_ms, resource.ready_ms) if resource.task_id else now_ms
        walk = self.travel.ms(int(board.r_area[resource.row]), int(board.t_area[record.row]))
        return free_ms + walk + int(board.t_work_ms[record.row]) * int(board.r_factor_q10[resource.row]) // 1024

    def between_ms(self, resource: ResourceRecord, one: TaskRecord, other: TaskRecord) -> int:
        """The walk from the end of a task to another, and the work there."""
        board = self.board
        walk = self.travel.ms(int(board.t_end_area[one.row]), int(board.t_area[other.row]))
        return walk + int(board.t_work_ms[other.row]) * int(board.r_factor_q10[resource.row]) // 1024

    def is_offered(self, record: TaskRecord) -> bool:
        return record.state is TaskState.READY and bool(self.dispatcher.index.holds(record.row))

    def may(self, resource: ResourceRecord, record: TaskRecord) -> bool:
        """Could the resource do the task, by skill, zone and kind?"""
        cell = self.board.r_group[resource.row] * self.dispatcher.class_count + self.board.t_cls[record.row]
        return bool(self.dispatcher.able[cell])

    def able(self, resource: ResourceRecord, record: TaskRecord) -> str:
        """What keeps the resource from the task by skill, zone or kind; "" when nothing does."""
        return lacks(self.class_key(record.task), (resource.kind, resource.skills, resource.zones))
