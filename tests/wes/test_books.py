"""The books of the floor, whatever happens: random days, checked after every event."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    DepartureClosed,
    DivertUnit,
    JobEnded,
    LaneChanged,
    MachineChanged,
    Message,
    OrderHeldBack,
    OrderStarted,
    PackMl,
    ResourceJoined,
    ResourceKind,
    ResourceLeft,
    ScanStatus,
    StartJob,
    Task,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskDone,
    TaskKind,
    TaskRefused,
    TasksPlanned,
    TaskStarted,
    TaskUnassigned,
    TaskWithdrawn,
    UnitPacked,
    UnitRerouted,
    UnitScanned,
    UnitSorted,
    UnitVoided,
    Woken,
)
from edge.wes.engine import Engine
from edge.wes.state import State
from tests.wes.scene import DISK, MINUTE, of, pack, small_site, through_disk
from tests.wes.test_release import same_counted_anew
from tests.wes.wander import EVENTS, Move, World, next_message, opening

QUIET = 50
"""Times the engine wakes in a row and has nothing to say, until the floor counts as at rest."""
MOVES = st.lists(
    st.tuples(st.integers(0, len(EVENTS) - 1), st.integers(0, 30), st.integers(0, 60)), min_size=30, max_size=150
)
CALM = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
DISPATCH = st.sampled_from(["rolling", "atcs", "nearest", "edd", "fifo"])
WIP_MAX = {zone.zone: zone.wip_max for zone in small_site().zones}
TWICE = (
    TasksPlanned, TaskAmended, TaskWithdrawn, TaskStarted, TaskDone, ResourceJoined, ResourceLeft, JobEnded,
    LaneChanged, MachineChanged, UnitScanned, UnitSorted, UnitPacked, UnitRerouted, UnitVoided,
)  # fmt: skip


class Books:
    """What must be true, kept from the messages alone."""

    def __init__(self) -> None:
        self.present: dict[str, ResourceJoined] = {}
        self.open: dict[str, Task] = {}
        self.over: set[str] = set()
        self.doer: dict[str, str] = {}
        self.units_open: dict[str, str] = {}
        self.bound: dict[str, str] = {}
        self.packs: set[str] = set()
        self.goods: set[str] = set()
        self.short: set[str] = set()
        self.job_ids: set[int] = set()
        self.alarms: set[str] = set()
        self.said: set[tuple[str, str]] = set()

    def book(self, message: Message, out: list[Message], engine: Engine) -> None:
        """Take one event and its answers, in order, and complain about any that may not be."""
        self.before(message)
        for each in out:
            self.answer(each, message)
        self.cancel(engine)
        self.forget_units()
        if isinstance(message, DepartureClosed):
            self.departed(message.departure_id)
        for zone, most in WIP_MAX.items():
            assert sum(1 for held in self.units_open.values() if held == zone) <= most, f"too many units in {zone}"
        same_counted_anew(engine)
        self.nobody_stands_idle(engine)

    def before(self, message: Message) -> None:
        if isinstance(message, TasksPlanned):
            for task in message.tasks:
                if task.task_id not in self.over:
                    self.open.setdefault(task.task_id, task)
                    if task.hu_id not in self.units_open:
                        self.bound[task.hu_id] = task.departure_id
                    if task.kind is TaskKind.PACK:
                        self.packs.add(task.hu_id)
        elif isinstance(message, ResourceJoined):
            self.present[message.resource_id] = message
        elif isinstance(message, ResourceLeft):
            self.present.pop(message.resource_id, None)
        elif isinstance(message, TaskAmended) and message.task_id in self.open:
            self.bound[self.open[message.task_id].hu_id] = message.departure_id
            self.open[message.task_id] = replace(
                self.open[message.task_id],
                departure_id=message.departure_id,
                due_ms=message.due_ms,
                priority=message.priority,
            )

    def answer(self, out: Message, cause: Message) -> None:
        if isinstance(out, TaskAssigned):
            self.assign(out, cause)
        elif isinstance(out, StartJob):
            assert out.job_id not in self.job_ids
            assert self.doer[out.task_id] == out.machine_id
            self.job_ids.add(out.job_id)
        elif isinstance(out, TaskUnassigned):
            assert self.doer.pop(out.task_id) == out.resource_id
        elif isinstance(out, TaskCompleted):
            assert self.doer.pop(out.task_id) == out.resource_id
            task = self.open.pop(out.task_id)
            assert 0 <= out.quantity <= task.quantity
            self.over.add(out.task_id)
            if task.kind is TaskKind.REPLENISH and out.quantity < task.quantity:
                self.short.add(out.task_id)
            if task.kind is TaskKind.PICK and out.quantity:
                self.goods.add(task.hu_id)
            if task.kind is TaskKind.PACK and out.quantity == 0:
                self.packs.discard(task.hu_id)
        elif isinstance(out, AlarmRaised):
            assert out.alarm_id not in self.alarms
            self.alarms.add(out.alarm_id)
        elif isinstance(out, AlarmCleared):
            self.alarms.remove(out.alarm_id)
        elif isinstance(out, OrderHeldBack | OrderStarted):
            said = (out.order_id, out.reason if isinstance(out, OrderHeldBack) else "started")
            assert said not in self.said
            self.said.add(said)

    def assign(self, out: TaskAssigned, cause: Message) -> None:
        task, who = out.task, out.resource_id
        again = isinstance(cause, ResourceJoined) and self.doer.get(task.task_id) == who
        if again:
            return
        assert task.task_id not in self.doer, "a task has one doer"
        assert who not in self.doer.values(), "a resource has one task"
        assert task == self.open[task.task_id]
        assert self.can_do(who, task)
        left = {*self.open, *self.short}
        if isinstance(cause, TaskWithdrawn) and cause.task_id not in self.doer:
            left.discard(cause.task_id)  # nobody was at it: it is gone, which `cancel` sees later
        assert not left.intersection(task.after)
        self.doer[task.task_id] = who
        if task.kind in (TaskKind.PICK, TaskKind.PACK):
            self.units_open[task.hu_id] = task.zone

    def can_do(self, who: str, task: Task) -> bool:
        if who == "robot1":
            return (task.robot or task.robot_only) and task.zone == "B" and task.skill == "pick"
        joined = self.present[who]
        able = all(word in joined.skills for word in task.skill.split("+"))
        return able and not task.robot_only and bool({task.zone, "*"} & set(joined.zones))

    def forget_units(self) -> None:
        """A unit is closed when nothing is left to do for it and no pack task is still to come."""
        for hu_id in list(self.units_open):
            left = any(task.hu_id == hu_id and task.kind in ("pick", "pack") for task in self.open.values())
            if not left and (hu_id not in self.goods or hu_id in self.packs):
                del self.units_open[hu_id]

    def departed(self, departure_id: str) -> None:
        """A unit of a closed departure whose pack task never came gives its place away."""
        busy = {task.hu_id for task in self.open.values() if task.kind in ("pick", "pack")}
        for hu_id in [hu for hu in self.units_open if hu not in busy and self.bound.get(hu) == departure_id]:
            del self.units_open[hu_id]

    def nobody_stands_idle(self, engine: Engine) -> None:
        """Who could do something that is certainly let in and free has something to do.

        The one excuse: the plan keeps the work for somebody who is busy now, and says so.
        """
        idle = [who for who in self.present if who not in self.doer.values()]
        for task in self.open.values():
            let_in = task.kind not in ("pick", "pack") or task.hu_id in self.units_open
            free = not any(before in self.open or before in self.short for before in task.after)
            if let_in and free and task.task_id not in self.doer:
                plan, record = engine.floor.plan, engine.floor.state.tasks[task.task_id]
                keeper = plan.kept_for(record)
                kept = keeper is not None and keeper.task_id != ""
                assert kept or not [who for who in idle if self.can_do(who, task)], f"{task.task_id} is forgotten"

    def cancel(self, engine: Engine) -> None:
        """What was withdrawn leaves the books in silence: look it up."""
        state = engine.save()
        for task_id in [task_id for task_id in self.open if task_id not in state.tasks]:
            assert state.done[task_id] == ""
            assert task_id not in self.doer
            del self.open[task_id]
            self.over.add(task_id)


def run(engine: Engine, world: World, message: Message) -> list[Message]:
    out = engine.handle(message, world.now)
    for each in out:
        world.hear(each)
    return out


@CALM
@given(moves=MOVES, dispatch=DISPATCH)
def test_the_books_balance_whatever_happens(moves: list[Move], dispatch: str) -> None:
    engine, world, books = Engine(), World(), Books()
    for message in opening(world, dispatch):
        books.book(message, run(engine, world, message), engine)
    for move in moves:
        message = next_message(world, move)
        if message is None:
            continue
        books.book(message, run(engine, world, message), engine)


@CALM
@given(moves=MOVES, dispatch=DISPATCH)
def test_an_answer_to_every_scan_of_a_sorter(moves: list[Move], dispatch: str) -> None:
    engine, world = Engine(), World()
    for message in opening(world, dispatch):
        run(engine, world, message)
    for move in moves:
        message = next_message(world, move)
        if message is None:
            continue
        boot = engine.save().machines["sorter1"].boot
        answers = [each for each in of(DivertUnit, run(engine, world, message)) if each.machine_id == "sorter1"]
        asked = isinstance(message, UnitScanned) and message.machine_id == "sorter1" and message.boot >= boot
        assert len(answers) == asked
        for answer in answers:
            assert isinstance(message, UnitScanned)
            assert (answer.boot, answer.seq) == (message.boot, message.seq)
            assert answer.reason
            assert answer.lane in (0, 1, 2, 3, 4, 13, 14)
            assert answer.lane != answer.alternate or not answer.lane
        lanes = engine.save().machines["sorter1"].lanes
        riding = engine.save().machines["sorter1"].riding.values()
        assert all(load >= 0 for load in lanes.load)
        assert lanes.bound == [sum(1 for ride in riding if ride.lane == lane) for lane in lanes.lanes]


@CALM
@given(moves=MOVES, dispatch=DISPATCH, every=st.integers(1, 20))
def test_going_through_the_disk_changes_nothing(moves: list[Move], dispatch: str, every: int) -> None:
    engine, twin, world = Engine(), Engine(), World()
    for message in opening(world, dispatch):
        assert twin.handle(message, world.now) == run(engine, world, message)
    for number, move in enumerate(moves):
        message = next_message(world, move)
        if message is None:
            continue
        saved = twin.save()
        written = DISK.dump_json(saved)
        if number % every == 0:
            twin = through_disk(twin)
            assert twin.wake_at_ms == engine.wake_at_ms
        assert twin.handle(message, world.now) == run(engine, world, message)
        assert DISK.dump_json(saved) == written, "what was saved does not change afterwards"
    assert DISK.dump_json(twin.save()) == DISK.dump_json(engine.save())


def booked(engine: Engine) -> State:
    """The state without what may be other after a second look: plans, and which limits an order has been told of.

    The rolling assignment is a plan, the same work offered again may hang on other edges of equal worth; and a way that
    has just become full is told of when it is looked at next.
    """
    state = engine.save()
    orders = {order_id: replace(order, held=()) for order_id, order in state.orders.items()}
    return replace(state, reports_ignored=0, assignment={}, orders=orders)


@CALM
@given(moves=MOVES, dispatch=DISPATCH)
def test_a_message_that_comes_twice_changes_nothing_the_second_time(moves: list[Move], dispatch: str) -> None:
    engine, world = Engine(), World()
    for message in opening(world, dispatch):
        run(engine, world, message)
    for move in moves:
        message = next_message(world, move)
        if message is None:
            continue
        first = run(engine, world, message)
        if not isinstance(message, TWICE):
            continue
        state = booked(engine)
        second = engine.handle(message, world.now)
        assert booked(engine) == state
        assert all(each in first or isinstance(each, TaskRefused | TaskAssigned | OrderHeldBack) for each in second)


@CALM
@given(moves=MOVES, dispatch=DISPATCH)
def test_nothing_is_forgotten_when_all_machines_run_and_somebody_can_do_it(moves: list[Move], dispatch: str) -> None:
    engine, world = Engine(), World()
    for message in opening(world, dispatch):
        run(engine, world, message)
    for move in moves:
        message = next_message(world, move)
        if message is not None:
            run(engine, world, message)
    finish(engine, world)
    state = engine.save()
    assert state.tasks == {}
    assert all(wip.goods and not wip.pack for wip in state.wip.values())


def finish(engine: Engine, world: World) -> None:
    """Everything runs, somebody who can do anything comes, and works until nothing is left."""
    for wip in engine.save().wip.values():
        if not wip.pack:
            picks = tuple(name for name in world.planned if name.startswith(f"{wip.hu_id}-t"))
            closing = pack(f"{wip.hu_id}-late", wip.hu_id, picks, zone=wip.zone, due_ms=world.now)
            run(engine, world, TasksPlanned(at_ms=world.now, site="S1", tasks=(closing,)))
    state = engine.save()
    for name, record in state.tasks.items():
        if any(before in state.done for before in record.waiting_for):
            # What it waits for came up short.
            run(engine, world, TaskWithdrawn(at_ms=world.now, site="S1", task_id=name, reason="short"))
    for name in engine.save().departures:
        # Whatever stands on the belts of this world for ever would rightly keep the rest of its route waiting.
        gone = DepartureClosed(at_ms=world.now, departure_id=name, site="S1", units=(), orders=(), left_behind=())
        run(engine, world, gone)
    for machine_id, machine in engine.save().machines.items():
        runs = MachineChanged(
            at_ms=world.now, machine_id=machine_id, state=PackMl.EXECUTE, link=machine.link.GOOD, boot=machine.boot
        )
        run(engine, world, runs)
    skills = ("pick", "pack", "load", "carry", "hazmat", "replenish")
    person = ResourceJoined(
        at_ms=world.now, resource_id="all", kind=ResourceKind.PERSON, skills=skills, zones=("*",), location=""
    )
    run(engine, world, person)
    for name in [name for name in world.people if name != "all"]:
        run(engine, world, ResourceLeft(at_ms=world.now, resource_id=name, reason=""))
    quiet: list[int] = []
    for _ in range(2000):
        if not world.doing and (engine.wake_at_ms is None or len(quiet) == QUIET):
            # What stands on the belts of this world for ever is watched for ever, but not without a pause.
            assert not quiet or len(quiet) < QUIET or quiet[-1] - quiet[0] > QUIET * MINUTE
            return
        for name, task in list(world.doing.items()):
            if name == "robot1":
                job = world.jobs[-1]
                over: Message = JobEnded(
                    at_ms=world.now, machine_id=name, job_id=job.job_id, result="OK", picked=job.quantity, cycle_ms=1
                )
            else:
                over = TaskDone(
                    at_ms=world.now,
                    resource_id=name,
                    task_id=task.task_id,
                    quantity=task.quantity,
                    scanned=task.barcode,
                )
            run(engine, world, over)
        if not world.doing and engine.wake_at_ms is not None:
            world.now = max(world.now, engine.wake_at_ms)
            said = run(engine, world, Woken(at_ms=world.now))
            quiet = [] if said else [*quiet, world.now]
    raise AssertionError("the floor never comes to rest")


def test_the_wake_up_time_is_always_ahead() -> None:
    """Seen from a settled engine nothing is overdue, so waking never runs in circles."""
    engine, world = Engine(), World()
    for message in opening(world, "rolling"):
        run(engine, world, message)
    for number in range(3000):
        message = next_message(world, (number * 7 % len(EVENTS), number * 13 % 31, number * 29 % 61))
        if message is not None:
            run(engine, world, message)
            assert engine.wake_at_ms is None or engine.wake_at_ms > world.now


def test_the_random_day_reaches_every_corner() -> None:
    """The generator is worth its name: it makes every kind of answer the WES has."""
    engine, world = Engine(), World()
    seen: set[str] = set()
    for message in opening(world, "rolling"):
        run(engine, world, message)
    for number in range(6000):
        message = next_message(world, (number * 11 % len(EVENTS), number * 17 % 31, number * 5 % 61))
        if message is not None:
            if isinstance(message, UnitScanned) and message.status is ScanStatus.OK:
                seen.add("scan")
            seen |= {type(each).__name__ for each in run(engine, world, message)}
    assert seen >= {
        "scan", "TaskAssigned", "TaskUnassigned", "TaskCompleted", "TaskRefused", "StartJob", "DivertUnit",
        "UnitArrived", "UnitMissing", "OrderStarted", "OrderHeldBack", "AlarmRaised", "AlarmCleared", "CommandMachine",
    }  # fmt: skip
