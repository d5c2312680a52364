"""A recorded day once more, under the strategy of then or another: the same work, the same hands, the same durations.

What the floor decided is decided anew by the engine itself, let-in, trips and robots included; what came from outside
comes when it came. SIMPLIFIED says what is not as it was. The same day and strategy give the same figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

from edge.messages import (
    DepartureClosed,
    DepartureScheduled,
    JobEnded,
    MachineChanged,
    Message,
    ResourceJoined,
    ResourceKind,
    ResourceLeft,
    SiteOpened,
    StartJob,
    Task,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskDone,
    TaskKind,
    TasksPlanned,
    TaskUnassigned,
    UnitPacked,
    UnitRerouted,
    Woken,
)
from edge.wes.dispatch import STRATEGIES
from edge.wes.engine import Engine
from edge.wes.ledger import Figures, Ledger

SIMPLIFIED = (
    "A task takes as long as it took on the day, whoever does it; only the walk to it is computed, at the pace of "
    "the day.",
    "What followed on a handling unit's last task (a pack after its picks, a load after conveyor and sorter) follows "
    "as long after it as on the day; machines, lanes and recirculation are not simulated.",
    "People come and go, and machines stop and start, when they did; failed robot jobs are not repeated.",
    "What is open at a cutoff goes to the route's next departure; it is counted for the one it was first planned for.",
    "Tasks that were never finished on the day, and handling units that were not loaded, are left out everywhere.",
)


@dataclass(frozen=True, slots=True)
class Follower:
    """A task that was planned because others of its handling unit were done, `lag_ms` after the last of them."""

    task: Task
    after: tuple[str, ...]
    lag_ms: int


@dataclass(frozen=True, slots=True)
class Ending:
    """A task comes to its end, if the resource still has it then."""

    resource_id: str
    task_id: str
    given: int
    job_id: int = 0


@dataclass(frozen=True, slots=True)
class Cutoff:
    departure_id: str


Event = Message | Ending | Cutoff


class Day:
    """What came from outside on a day, and what the day came to; `see` every message of the journal in order."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.asked = self.dispatch = self.site = ""
        """The strategy of the day as its journal has it and as this version runs it, and the site."""
        self.outside: list[tuple[int, Message]] = []
        self.planned: dict[str, tuple[int, Task]] = {}
        self.completed: dict[str, tuple[int, TaskCompleted]] = {}
        self.departures: dict[str, DepartureScheduled] = {}
        self.packed: dict[str, UnitPacked] = {}
        self._triggers: dict[str, tuple[str, ...]] = {}
        self._done_of: dict[str, list[str]] = {}
        self._bound: dict[str, str] = {}

    def see(self, at_ms: int, message: Message) -> None:
        """Takes in one message; only its first telling counts."""
        self.ledger.see(at_ms, message)
        if isinstance(message, SiteOpened):
            self.asked, self.site = message.dispatch, message.site.site
            self.dispatch = message.dispatch if message.dispatch in STRATEGIES else "rolling"
            self.outside.append((at_ms, message))
        elif isinstance(message, DepartureScheduled):
            self.departures[message.departure.departure_id] = message
            self.outside.append((at_ms, message))
        elif isinstance(message, ResourceJoined | ResourceLeft | MachineChanged):
            if not (isinstance(message, ResourceJoined) and message.kind is ResourceKind.ROBOT):
                self.outside.append((at_ms, message))
        elif isinstance(message, TasksPlanned):
            for task in message.tasks:
                self._plan(at_ms, task)
        elif isinstance(message, TaskAmended):
            # One from one departure to another follows from a missed cutoff, which is simulated.
            if self._bound.get(message.task_id) in ("", message.departure_id):
                self.outside.append((at_ms, message))
            self._bound[message.task_id] = message.departure_id
        elif isinstance(message, UnitPacked):
            self.packed[message.hu_id] = message
        elif isinstance(message, TaskCompleted) and message.task_id in self.planned:
            self.completed.setdefault(message.task_id, (at_ms, message))
            hu_id = self.planned[message.task_id][1].hu_id
            if hu_id:
                self._done_of.setdefault(hu_id, []).append(message.task_id)

    def _plan(self, at_ms: int, task: Task) -> None:
        if task.task_id not in self.planned:
            self.planned[task.task_id] = (at_ms, task)
            self._bound[task.task_id] = task.departure_id
            self._triggers[task.task_id] = tuple(self._done_of.get(task.hu_id, ()))

    def kept(self) -> tuple[list[tuple[int, Task]], list[Follower]]:
        """The tasks that were finished: those planned from outside, and those that followed from others."""
        first: list[tuple[int, Task]] = []
        followers: list[Follower] = []
        for task_id, (at_ms, task) in self.planned.items():
            if task_id not in self.completed:
                continue
            task = replace(task, after=tuple(each for each in task.after if each in self.completed))
            triggers = self._triggers[task_id]
            if triggers:
                last_ms = max(self.completed[each][0] for each in triggers)
                followers.append(Follower(task, triggers, max(0, at_ms - last_ms)))
            else:
                first.append((at_ms, task))
        return first, followers

    def units(self) -> dict[str, tuple[str, int]]:
        """The handling units that were loaded -> the departure they were first planned for, and its cutoff."""
        loaded = {
            task.hu_id: None
            for task_id, (_, task) in self.planned.items()
            if task.kind is TaskKind.LOAD and task_id in self.completed and self.completed[task_id][1].quantity
        }
        return {hu_id: self._bound_for(self.ledger.first[hu_id][1]) for hu_id in self.ledger.first if hu_id in loaded}

    def _bound_for(self, task: Task) -> tuple[str, int]:
        known = self.departures.get(task.departure_id)
        return task.departure_id, known.departure.cutoff_ms if known else task.due_ms

    def left_out(self) -> int:
        """Handling units with picks that were not loaded by the end of the journal."""
        filled = {task.hu_id: None for _, task in self.planned.values() if task.kind is TaskKind.PICK and task.hu_id}
        loaded = self.units()
        return sum(1 for hu_id in filled if hu_id not in loaded)

    def figures(self) -> Figures:
        """What the day came to."""
        return self.ledger.figures(self.units())

    def rerun(self, strategy: str) -> Figures:
        """What it would have come to."""
        return Rerun(self, strategy).run()


class Rerun:
    """One simulated day."""

    def __init__(self, day: Day, strategy: str) -> None:
        self.day = day
        self.engine = Engine()
        self.ledger = Ledger(day.ledger.walked_permille())
        self.now_ms = self.number = self.given = 0
        self.doing: dict[str, tuple[str, int]] = {}
        self.done: dict[str, None] = {}
        self.bound: dict[str, str] = {}
        """Handling unit -> the departure it goes with."""
        first, followers = day.kept()
        self.followers: dict[str, list[Follower]] = {}
        for follower in followers:
            for before in follower.after:
                self.followers.setdefault(before, []).append(follower)
        events: list[tuple[int, Event]] = []
        for at_ms, message in day.outside:
            if isinstance(message, SiteOpened):
                message = replace(message, dispatch=strategy)
            events.append((at_ms, message))
        events += [(at_ms, TasksPlanned(at_ms=at_ms, site=day.site, tasks=tasks)) for at_ms, tasks in together(first)]
        cutoffs = [(each.departure.cutoff_ms, each.departure.departure_id) for each in day.departures.values()]
        events += [(cutoff_ms, Cutoff(departure_id)) for cutoff_ms, departure_id in cutoffs]
        events.sort(key=lambda event: (event[0], isinstance(event[1], Cutoff)))
        self.agenda: list[tuple[int, int, Event]] = [(at_ms, self._next(), event) for at_ms, event in events]
        heapify(self.agenda)

    def _next(self) -> int:
        self.number += 1
        return self.number

    def run(self) -> Figures:
        """To the end of what came from outside and of all that follows from it."""
        while self.agenda:
            at_ms = self.agenda[0][0]
            wake_at_ms = self.engine.wake_at_ms
            if wake_at_ms is not None and self.now_ms < wake_at_ms < at_ms:
                self.now_ms = wake_at_ms
                self.tell(Woken(at_ms=wake_at_ms))
                continue
            self.now_ms = max(self.now_ms, at_ms)
            self.happen(heappop(self.agenda)[2])
        return self.ledger.figures(self.day.units())

    def happen(self, event: Event) -> None:
        if isinstance(event, Cutoff):
            self.close(event.departure_id)
        elif isinstance(event, Ending):
            self.end(event)
        else:
            self.tell(event)

    def tell(self, message: Message) -> None:
        """One message to the floor, and what follows from it."""
        if isinstance(message, TasksPlanned):
            for task in message.tasks:
                if task.hu_id:
                    self.bound.setdefault(task.hu_id, task.departure_id)
        self.ledger.see(self.now_ms, message)
        for output in self.engine.handle(message, self.now_ms):
            self.ledger.see(self.now_ms, output)
            self.hear(output)

    def hear(self, output: Message) -> None:
        if isinstance(output, TaskAssigned):
            self.begin(output)
        elif isinstance(output, StartJob):
            self.start_job(output)
        elif isinstance(output, TaskUnassigned):
            self.doing.pop(output.resource_id, None)
        elif isinstance(output, TaskCompleted):
            self.doing.pop(output.resource_id, None)
            self.follow(output)

    def later(self, ms: int, event: Event) -> None:
        heappush(self.agenda, (self.now_ms + ms, self._next(), event))

    def begin(self, output: TaskAssigned) -> None:
        """Somebody walks to a task and does it; who signs on again is told again what he has."""
        who, task = output.resource_id, output.task
        if self.doing.get(who, ("", 0))[0] == task.task_id:
            return
        self.given += 1
        self.doing[who] = (task.task_id, self.given)
        if who not in self.ledger.robots:
            walk_ms = self.ledger.walk_ms(who, task)
            self.later(walk_ms + self.day.ledger.work_ms[task.task_id], Ending(who, task.task_id, self.given))

    def start_job(self, job: StartJob) -> None:
        """A robot does a job, as far as it ran on the day; else the job never ends."""
        _, given = self.doing[job.machine_id]
        robot = self.day.ledger.hands[job.machine_id]
        ends_ms = robot.ends_ms(self.now_ms, self.day.ledger.work_ms[job.task_id])
        if ends_ms >= 0:
            self.later(ends_ms - self.now_ms, Ending(job.machine_id, job.task_id, given, job.job_id))

    def end(self, ending: Ending) -> None:
        if self.doing.get(ending.resource_id) != (ending.task_id, ending.given):
            return
        told, task = self.day.completed[ending.task_id][1], self.day.planned[ending.task_id][1]
        if ending.job_id:
            result = "OK" if told.quantity == task.quantity else "SHORT"
            ended = JobEnded(
                at_ms=self.now_ms, machine_id=ending.resource_id, job_id=ending.job_id, result=result,
                picked=told.quantity, cycle_ms=0, reason=told.reason,
            )  # fmt: skip
            self.tell(ended)
            return
        short = told.reason or "SHORT" if told.quantity < task.quantity else told.reason
        scanned = task.barcode if told.quantity else ""
        self.tell(
            TaskDone(
                at_ms=self.now_ms, resource_id=ending.resource_id, task_id=ending.task_id, quantity=told.quantity,
                scanned=scanned, reason=short,
            )
        )  # fmt: skip

    def follow(self, completed: TaskCompleted) -> None:
        """What the WMS plans and tells when a task is done."""
        self.done[completed.task_id] = None
        task = self.day.planned[completed.task_id][1]
        packed = self.day.packed.get(task.hu_id)
        if task.kind is TaskKind.PACK and completed.quantity and packed is not None:
            departure_id, due_ms = self.goes_with(task)
            self.later(0, replace(packed, at_ms=self.now_ms, departure_id=departure_id, due_ms=due_ms))
        for follower in self.followers.get(completed.task_id, ()):
            if all(before in self.done for before in follower.after):
                departure_id, due_ms = self.goes_with(follower.task)
                ready = replace(follower.task, departure_id=departure_id, due_ms=due_ms)
                at_ms = self.now_ms + follower.lag_ms
                self.later(follower.lag_ms, TasksPlanned(at_ms=at_ms, site=self.day.site, tasks=(ready,)))

    def goes_with(self, task: Task) -> tuple[str, int]:
        """The departure a task's handling unit goes with now, and when that closes."""
        departure_id = self.bound.get(task.hu_id, task.departure_id)
        known = self.day.departures.get(departure_id)
        return departure_id, known.departure.cutoff_ms if known else task.due_ms

    def close(self, departure_id: str) -> None:
        """The doors shut; what is still open goes with the next departure of the route, if one is known."""
        departure = self.day.departures[departure_id].departure
        later = [
            (each.departure.cutoff_ms, each.departure.departure_id)
            for each in self.day.departures.values()
            if each.departure.route == departure.route and each.departure.cutoff_ms > departure.cutoff_ms
        ]
        if later:
            self.roll(departure_id, *min(later))
        gone = DepartureClosed(
            at_ms=self.now_ms, departure_id=departure_id, site=self.day.site, units=(), orders=(), left_behind=()
        )
        self.tell(gone)

    def roll(self, departure_id: str, due_ms: int, following_id: str) -> None:
        state, site = self.engine.floor.state, self.day.site
        for hu_id, bound_for in self.bound.items():
            if bound_for == departure_id:
                self.bound[hu_id] = following_id
        for hu_id in [each.hu_id for each in state.units.values() if each.departure_id == departure_id]:
            self.tell(UnitRerouted(at_ms=self.now_ms, hu_id=hu_id, departure_id=following_id, due_ms=due_ms))
        for task in [each.task for each in state.tasks.values() if each.task.departure_id == departure_id]:
            amended = TaskAmended(
                at_ms=self.now_ms, site=site, task_id=task.task_id, departure_id=following_id, due_ms=due_ms,
                priority=task.priority,
            )  # fmt: skip
            self.tell(amended)


def together(planned: Sequence[tuple[int, Task]]) -> list[tuple[int, tuple[Task, ...]]]:
    """Tasks that were planned at the same moment, in the order they were told."""
    moments: dict[int, list[Task]] = {}
    for at_ms, task in planned:
        moments.setdefault(at_ms, []).append(task)
    return [(at_ms, tuple(tasks)) for at_ms, tasks in moments.items()]


def compared(day: Day, strategy: str) -> Mapping[str, Figures]:
    """The day as it was, simulated as it was decided, and simulated under another strategy."""
    return {"actual": day.figures(), "recorded": day.rerun(day.dispatch), "asked": day.rerun(strategy)}
