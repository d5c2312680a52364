"""A random day around one engine: numbers become events that could happen next, and the outside is kept in mind."""

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.messages import (
    AlarmAcknowledged,
    CommandEnded,
    CommandMachine,
    Departure,
    DepartureClosed,
    DepartureScheduled,
    DivertUnit,
    JobEnded,
    LaneChanged,
    Link,
    MachineChanged,
    MachineCommand,
    MachineCommandRequested,
    Message,
    PackMl,
    PeerChanged,
    ResourceJoined,
    ResourceKind,
    ResourceLeft,
    ScanStatus,
    SiteOpened,
    SortResult,
    StartJob,
    Task,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskDone,
    TaskKind,
    TasksPlanned,
    TaskStarted,
    TaskUnassigned,
    TaskWithdrawn,
    UnitArrived,
    UnitPacked,
    UnitRerouted,
    UnitScanned,
    UnitSorted,
    UnitVoided,
    Woken,
)
from tests.wes.scene import MINUTE, T0, load, pack, pick, small_site

Move = tuple[int, int, int]
ROUTES = ("north", "south", "west")
SKILLS = (
    ("pick",),
    ("pick", "pack"),
    ("pick", "hazmat", "replenish"),
    ("pack", "load"),
    ("pick", "pack", "load", "carry", "replenish"),
)
ZONES = (("*",), ("A",), ("B", "DOCK"), ("A", "DOCK"))
STATES = (PackMl.EXECUTE, PackMl.EXECUTE, PackMl.IDLE, PackMl.STOPPED, PackMl.HELD, PackMl.ABORTED)
RESULTS = (
    SortResult.DIVERTED,
    SortResult.DIVERTED,
    SortResult.RECIRCULATED,
    SortResult.LOST,
    SortResult.DEFAULT_LANE,
    SortResult.FLUSHED,
    SortResult.ESTOP,
    SortResult.UNEXPECTED,
)
LANES = (1, 2, 3, 4, 13, 14)


@dataclass
class World:
    """What the people and machines around the engine would know."""

    now: int = T0
    count: int = 0
    seq: int = 0
    planned: dict[str, Task] = field(default_factory=dict)
    people: list[str] = field(default_factory=list)
    doing: dict[str, Task] = field(default_factory=dict)
    jobs: list[StartJob] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    on_belt: list[DivertUnit] = field(default_factory=list)
    on_sorter: list[DivertUnit] = field(default_factory=list)
    commands: list[CommandMachine] = field(default_factory=list)
    boots: dict[str, int] = field(default_factory=dict)
    arrived: list[UnitArrived] = field(default_factory=list)

    def hear(self, message: Message) -> None:
        """Take note of one output of the engine."""
        match message:
            case TaskAssigned():
                self.doing[message.resource_id] = message.task
            case TaskUnassigned() | TaskCompleted():
                task = self.doing.pop(message.resource_id, None)
                if isinstance(message, TaskCompleted) and task and task.kind is TaskKind.PACK and message.quantity:
                    self.units.append(task.hu_id)
            case StartJob():
                self.jobs.append(message)
            case DivertUnit():
                (self.on_sorter if message.machine_id == "sorter1" else self.on_belt).append(message)
            case CommandMachine():
                self.commands.append(message)
            case UnitArrived():
                self.arrived.append(message)
            case _:
                pass


def choose(values: list[str], index: int) -> str:
    return values[index % len(values)] if values else "nobody"


def plan_order(w: World, a: int, b: int) -> Message:
    w.count += 1
    hu, zone = f"hu{w.count}", "AB"[a % 2]
    robot, only = zone == "B" and b % 3 == 0, zone == "B" and b % 7 == 0
    due = w.now + (10 + b % 50) * MINUTE
    tasks = [
        pick(
            f"{hu}-t{n}",
            hu,
            zone=zone,
            source=f"{zone}-{1 + (a + n) % 2:02}-{1 + (b + n) % 10:02}-1",
            order_id=f"o{w.count // 2}",
            skill="pick+hazmat" if (a + n) % 5 == 0 and not only else "pick",
            robot=robot,
            robot_only=only,
            due_ms=due,
            priority=1 + b % 9,
            departure_id=f"{ROUTES[a % 3]}-1",
        )
        for n in range(1 + a % 4)
    ]
    closing = pack(
        f"{hu}-p",
        hu,
        tuple(task.task_id for task in tasks),
        zone=zone,
        source=f"PACK-{zone}",
        target=f"conveyor{1 + a % 2}",
        order_id=f"o{w.count // 2}",
        due_ms=due,
        departure_id=f"{ROUTES[a % 3]}-1",
    )
    every = [*tasks, closing] if b % 4 else tasks
    w.planned |= {task.task_id: task for task in every}
    return TasksPlanned(at_ms=w.now, site="S1", tasks=tuple(every))


def plan_refill(w: World, a: int, b: int) -> Message:
    """Goods come down from the reserve, for nobody or for a pick."""
    w.count += 1
    hu, zone, waited = f"hu{w.count}", "AB"[a % 2], b % 3 > 0
    due, departure_id = w.now + (20 + b % 50) * MINUTE, f"{ROUTES[a % 3]}-1"
    face = f"{zone}-01-{1 + b % 10:02}-1"
    down = pick(
        f"{hu}-r", "", kind=TaskKind.REPLENISH, zone=zone, skill="replenish", source=f"{zone}-02-{1 + a % 10:02}-2",
        target=face, order_id="", due_ms=due if waited else w.now + 1440 * MINUTE,
        departure_id=departure_id if waited else "",
    )  # fmt: skip
    waits = pick(
        f"{hu}-t", hu, zone=zone, source=face, order_id=f"o{w.count // 2}", due_ms=due, departure_id=departure_id,
        after=(down.task_id,),
    )  # fmt: skip
    tasks = (down, waits) if waited else (down,)
    w.planned |= {task.task_id: task for task in tasks}
    return TasksPlanned(at_ms=w.now, site="S1", tasks=tasks)


def plan_load(w: World, a: int, b: int) -> Message | None:
    if not w.arrived:
        return None
    unit = w.arrived[a % len(w.arrived)]
    w.count += 1
    kind = TaskKind.LOAD if b % 3 else TaskKind.CARRY
    name = f"{unit.hu_id}-{kind}{w.count}"
    task = load(name, unit.hu_id, unit.location, kind=kind, skill=kind.value, target=f"sorter1/L{LANES[b % 6]:02}")
    w.planned[name] = task
    return TasksPlanned(at_ms=w.now, site="S1", tasks=(task,))


def join(w: World, a: int, b: int) -> Message:
    name = f"p{a % 5}"
    if name not in w.people:
        w.people.append(name)
    return ResourceJoined(
        at_ms=w.now,
        resource_id=name,
        kind=ResourceKind.PERSON,
        skills=SKILLS[b % 5],
        zones=ZONES[b % 4],
        location=("", "PACK-A", "A-02-03-1")[b % 3],
    )


def leave(w: World, a: int, b: int) -> Message:
    name = choose(w.people, a)
    if name in w.people:
        w.people.remove(name)
    return ResourceLeft(at_ms=w.now, resource_id=name, reason="break")


def done(w: World, a: int, b: int) -> Message:
    name = choose(w.people, a)
    task = w.doing.get(name) or w.planned.get(choose(list(w.planned), b)) or pick("t?", "hu?")
    quantity = {0: 0, 1: task.quantity + 1, 2: task.quantity // 2}.get(b % 12, task.quantity)
    scanned = "wrong" if b % 11 == 3 else task.barcode
    return TaskDone(at_ms=w.now, resource_id=name, task_id=task.task_id, quantity=quantity, scanned=scanned)


def start(w: World, a: int, b: int) -> Message:
    name = choose(w.people, a)
    task = w.doing.get(name)
    return TaskStarted(at_ms=w.now, resource_id=name, task_id=task.task_id if task else choose(list(w.planned), b))


def end_job(w: World, a: int, b: int) -> Message | None:
    if not w.jobs:
        return None
    job = w.jobs[-1 if a % 4 else a % len(w.jobs)]
    result = ("OK", "OK", "OK", "SHORT", "FAULT", "UNKNOWN", "REJECTED")[b % 7]
    picked = job.quantity if result == "OK" else 1 if result == "SHORT" else 0
    return JobEnded(
        at_ms=w.now, machine_id=job.machine_id, job_id=job.job_id, result=result, picked=picked, cycle_ms=9000
    )


def machine(w: World, a: int, b: int) -> Message:
    name = ("conveyor1", "conveyor2", "sorter1", "robot1", "robot1")[a % 5]
    w.boots[name] = w.boots.get(name, 1) + (b % 13 == 0)
    link = Link.LOST if b % 17 == 1 else Link.GOOD
    return MachineChanged(at_ms=w.now, machine_id=name, state=STATES[b % 6], link=link, boot=w.boots[name])


def amend(w: World, a: int, b: int) -> Message:
    name = choose(list(w.planned), a)
    return TaskAmended(
        at_ms=w.now,
        site="S1",
        task_id=name,
        departure_id=f"{ROUTES[b % 3]}-1",
        due_ms=w.now + b % 90 * MINUTE,
        priority=1 + a % 9,
    )


def withdraw(w: World, a: int, b: int) -> Message:
    return TaskWithdrawn(at_ms=w.now, site="S1", task_id=choose(list(w.planned), a), reason="CANCELLED")


def scan(w: World, name: str, a: int, b: int) -> Message:
    if b % 9 != 8:
        w.seq += 1
    status = ScanStatus.NO_READ if b % 10 == 3 else ScanStatus.OK
    barcode = "" if status is ScanStatus.NO_READ else "stranger" if b % 10 == 4 else choose(w.units, a)
    return UnitScanned(
        at_ms=w.now,
        machine_id=name,
        boot=w.boots.get(name, 1) - (b % 23 == 5),
        seq=1 + w.seq % 60,
        tracking_id=1 + w.seq % 30,
        decision_point=1,
        status=status,
        barcode=barcode,
        recirc_count=b % 5,
        budget_ms=250,
    )


def scan_conveyor(w: World, a: int, b: int) -> Message:
    return scan(w, f"conveyor{1 + a % 2}", a // 2, b)


def scan_sorter(w: World, a: int, b: int) -> Message:
    return scan(w, "sorter1", a, b)


def report(w: World, decided: list[DivertUnit], a: int, result: SortResult, lane: int) -> Message | None:
    if not decided:
        return None
    unit = decided[a % len(decided)]
    w.seq += 1
    return UnitSorted(
        at_ms=w.now,
        machine_id=unit.machine_id,
        boot=w.boots.get(unit.machine_id, 1),
        seq=1 + w.seq % 60,
        tracking_id=unit.tracking_id,
        lane=lane,
        requested_lane=unit.lane,
        result=result,
        reason=SortResult.NONE,
        decision_seq=unit.seq,
        decision_latency_ms=5,
        recirc_count=0,
    )


def hand_over(w: World, a: int, b: int) -> Message | None:
    return report(w, w.on_belt[-5:], a, SortResult.LOST if b % 6 == 5 else SortResult.HANDOVER, 0)


def arrive(w: World, a: int, b: int) -> Message | None:
    result = RESULTS[b % len(RESULTS)]
    return report(w, w.on_sorter[-5:], a, result, LANES[a % 6] if result in (1, 3) else 0)


def lane(w: World, a: int, b: int) -> Message:
    return LaneChanged(
        at_ms=w.now, machine_id="sorter1", lane=LANES[a % 6], enabled=b % 3 > 0, full=b % 4 == 0, jam=b % 5 == 0
    )


def unit_packed(w: World, a: int, b: int) -> Message:
    route = ROUTES[b % 3]
    return UnitPacked(
        at_ms=w.now,
        hu_id=choose(w.units, a),
        order_id="o1",
        site="S1",
        route=route,
        departure_id=f"{route}-1",
        due_ms=w.now + 30 * MINUTE,
        contents=(),
        weight_g=1,
    )


def departure(w: World, a: int, b: int) -> Message:
    name, hu_id = f"{ROUTES[a % 3]}-1", choose(w.units, a)
    if b % 3 == 0:
        return DepartureClosed(at_ms=w.now, departure_id=name, site="S1", units=(hu_id,), orders=(), left_behind=())
    if b % 9 == 1:
        return UnitVoided(at_ms=w.now, hu_id=hu_id, order_id="")
    if b % 3 == 1:
        return UnitRerouted(at_ms=w.now, hu_id=hu_id, departure_id=name, due_ms=w.now)
    planned = Departure(
        departure_id=name, site="S1", route=ROUTES[a % 3], carrier="c", cutoff_ms=w.now + b % 99 * MINUTE
    )
    return DepartureScheduled(at_ms=w.now, site="S1", departure=planned)


def command(w: World, a: int, b: int) -> Message:
    wanted = tuple(MachineCommand)[b % len(MachineCommand)]
    name = ("sorter1", "robot1", "conveyor1")[a % 3]
    return MachineCommandRequested(at_ms=w.now, machine_id=name, command=wanted, args=(LANES[a % 6],), by="ann")


def command_ended(w: World, a: int, b: int) -> Message | None:
    if not w.commands:
        return None
    sent = w.commands[-1 - a % min(3, len(w.commands))]
    result = ("DONE", "REJECTED", "TIMEOUT", "UNKNOWN")[b % 4]
    return CommandEnded(at_ms=w.now, machine_id=sent.machine_id, command=sent.command, args=sent.args, result=result)


def other(w: World, a: int, b: int) -> Message:
    if b % 2:
        return PeerChanged(at_ms=w.now, peer="office", online=a % 2 == 0)
    return AlarmAcknowledged(at_ms=w.now, alarm_id=("office:offline", "robot1:job")[a % 2], by="ann")


def wait(w: World, a: int, b: int) -> Message:
    w.now += (a + 1) * (b + 1) * 200
    return Woken(at_ms=w.now)


EVENTS: tuple[Callable[[World, int, int], Message | None], ...] = (
    plan_order, plan_order, plan_refill, plan_refill, plan_load, join, join, leave, done, done, done, done, start,
    end_job, end_job, machine, amend, withdraw, scan_conveyor, hand_over, scan_sorter, scan_sorter, arrive, arrive,
    lane, unit_packed, unit_packed, departure, command, command_ended, other, wait,
)  # fmt: skip


def opening(world: World, dispatch: str) -> list[Message]:
    """The site opens and all machines run."""
    machines = small_site().machines
    return [
        SiteOpened(at_ms=T0, site=small_site(), dispatch=dispatch),
        *(
            MachineChanged(at_ms=T0, machine_id=m.machine_id, state=PackMl.EXECUTE, link=Link.GOOD, boot=1)
            for m in machines
        ),
    ]


def next_message(world: World, move: Move) -> Message | None:
    event, a, b = move
    world.now += 1 + a % 7 * 300
    return EVENTS[event % len(EVENTS)](world, a, b)
