"""What a day came to, by what was told of tasks, people and robots: departures missed, walking, how busy hands were."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.messages import (
    Link,
    MachineChanged,
    Message,
    ResourceJoined,
    ResourceKind,
    ResourceLeft,
    SiteOpened,
    Task,
    TaskCompleted,
    TaskKind,
    TasksPlanned,
)
from edge.wes.machines import WORKING
from edge.wes.route import Layout

MOVES = (TaskKind.CARRY, TaskKind.PUTAWAY, TaskKind.REPLENISH)
"""Who does one of these stands at its target afterwards."""
SHORTEST_MS = 1000
"""No task takes less than this, however long the walk to it is believed to be."""


@dataclass(frozen=True, slots=True)
class DepartureFigures:
    """One departure: handling units, those not loaded at its cutoff, how late they were in sum, and the time
    it took from its first task being planned until its last unit was loaded."""

    cutoff_ms: int
    units: int
    missed: int
    tardiness_ms: int
    makespan_ms: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A whole day. `unfinished` units were never loaded; they count as missed, and as late until the day's end."""

    departures: dict[str, DepartureFigures]
    units: int
    missed: int
    unfinished: int
    tardiness_ms: int
    walk_ms: int
    busy_ms: int
    present_ms: int
    tasks: int

    @property
    def utilisation_permille(self) -> int:
        """Walking and working, of the time people and robots were there."""
        return self.busy_ms * 1000 // self.present_ms if self.present_ms else 0


@dataclass(slots=True)
class Hand:
    """A person or a robot: where, and since when it is there and can work (-1: it is not)."""

    location: str = ""
    since_ms: int = -1
    spans: list[tuple[int, int]] = field(default_factory=list)

    def comes(self, at_ms: int) -> None:
        if self.since_ms < 0:
            self.since_ms = at_ms

    def goes(self, at_ms: int) -> None:
        if self.since_ms >= 0:
            self.spans.append((self.since_ms, at_ms))
            self.since_ms = -1

    def there_ms(self, from_ms: int, to_ms: int) -> int:
        """How much of a time it was there."""
        spans = self.spans if self.since_ms < 0 else [*self.spans, (self.since_ms, to_ms)]
        return sum(max(0, min(end, to_ms) - max(start, from_ms)) for start, end in spans)

    def ends_ms(self, from_ms: int, work_ms: int) -> int:
        """When so much work is done, which goes on only while it is there; -1 if it is never there for so long."""
        spans = self.spans if self.since_ms < 0 else [*self.spans, (self.since_ms, 1 << 60)]
        for start_ms, end_ms in spans:
            begin_ms = max(start_ms, from_ms)
            if end_ms - begin_ms >= work_ms:
                return begin_ms + work_ms
            work_ms -= max(0, end_ms - begin_ms)
        return -1


class Ledger:
    """Folds the messages of one day, recorded or simulated; each message once, in order.

    Walks take `pace_permille` of what the map says.
    """

    def __init__(self, pace_permille: int = 1000) -> None:
        self.pace_permille = pace_permille
        self.layout = Layout(None)
        self.walk_mm_s = 1
        self.robots: dict[str, None] = {}
        self.hands: dict[str, Hand] = {}
        self.tasks: dict[str, Task] = {}
        self.first: dict[str, tuple[int, Task]] = {}
        """Handling unit -> when and how its first task was planned."""
        self.done_ms: dict[str, int] = {}
        """Handling unit -> when it was loaded."""
        self.work_ms: dict[str, int] = {}
        """Task -> how long it took once there, without times at which its robot stood still."""
        self.walked_ms = self.mapped_ms = self.busy_ms = self.end_ms = 0

    def see(self, at_ms: int, message: Message) -> None:
        """Takes in one message."""
        if isinstance(message, SiteOpened):
            self.layout = Layout(message.site)
            self.walk_mm_s = max(1, message.site.walk_mm_s)
            self.robots = {each.machine_id: None for each in message.site.machines if each.kind == "robot"}
        elif isinstance(message, TasksPlanned):
            for task in message.tasks:
                self.tasks.setdefault(task.task_id, task)
                if task.hu_id:
                    self.first.setdefault(task.hu_id, (at_ms, task))
        elif isinstance(message, ResourceJoined) and message.kind is ResourceKind.PERSON:
            hand = self.hands.setdefault(message.resource_id, Hand())
            if hand.since_ms < 0 or message.location:
                hand.location = message.location
            hand.comes(at_ms)
        elif isinstance(message, ResourceLeft) and message.resource_id in self.hands:
            self.hands[message.resource_id].goes(at_ms)
        elif isinstance(message, MachineChanged) and message.machine_id in self.robots:
            robot = self.hands.setdefault(message.machine_id, Hand())
            able = message.link is Link.GOOD and message.state in WORKING
            robot.comes(at_ms) if able else robot.goes(at_ms)
        elif isinstance(message, TaskCompleted) and message.task_id in self.tasks:
            self._completed(at_ms, message)

    def walk_ms(self, resource_id: str, task: Task) -> int:
        """The walk to a task from where the resource stands."""
        hand = self.hands.get(resource_id)
        if hand is None or resource_id in self.robots:
            return 0
        return self.layout.walk_mm(hand.location, task.source) * self.pace_permille // self.walk_mm_s

    def walked_permille(self) -> int:
        """What walks can have taken, of what the map says: below 1000 where people are quicker than it has them."""
        return self.walked_ms * 1000 // self.mapped_ms if self.mapped_ms else 1000

    def _completed(self, at_ms: int, message: TaskCompleted) -> None:
        task, hand = self.tasks[message.task_id], self.hands.setdefault(message.resource_id, Hand())
        took_ms = max(0, at_ms - message.assigned_ms)
        if message.resource_id in self.robots:
            took_ms = min(took_ms, hand.there_ms(message.assigned_ms, at_ms))
        mapped_ms = self.walk_ms(message.resource_id, task)
        walk_ms = min(mapped_ms, max(0, took_ms - SHORTEST_MS))
        self.work_ms[task.task_id] = max(took_ms - walk_ms, SHORTEST_MS)
        self.mapped_ms += mapped_ms
        self.walked_ms += walk_ms
        self.busy_ms += took_ms
        self.end_ms = max(self.end_ms, at_ms)
        if message.resource_id not in self.robots:
            hand.location = task.target if task.kind in MOVES else task.source
        if task.hu_id and task.kind is TaskKind.LOAD and message.quantity:
            self.done_ms[task.hu_id] = at_ms

    def figures(self, units: Mapping[str, tuple[str, int]]) -> Figures:
        """The figures of these handling units: unit -> (its departure, the cutoff it was planned for)."""
        rows: dict[str, list[tuple[int, int, int]]] = {}
        for hu_id, (departure_id, cutoff_ms) in units.items():
            planned_ms = self.first[hu_id][0] if hu_id in self.first else cutoff_ms
            rows.setdefault(departure_id, []).append((planned_ms, self.done_ms.get(hu_id, -1), cutoff_ms))
        departures = {
            name: self._departure(rows[name]) for name in sorted(rows, key=lambda name: (rows[name][0][2], name))
        }
        there_ms = sum(hand.there_ms(0, self.end_ms) for hand in self.hands.values())
        return Figures(
            departures=departures,
            units=len(units),
            missed=sum(each.missed for each in departures.values()),
            unfinished=sum(1 for hu_id in units if hu_id not in self.done_ms),
            tardiness_ms=sum(each.tardiness_ms for each in departures.values()),
            walk_ms=self.walked_ms,
            busy_ms=self.busy_ms,
            present_ms=there_ms,
            tasks=len(self.work_ms),
        )

    def _departure(self, rows: list[tuple[int, int, int]]) -> DepartureFigures:
        cutoff_ms = rows[0][2]
        ends = [(end if end >= 0 else self.end_ms, cutoff, end < 0) for _, end, cutoff in rows]
        return DepartureFigures(
            cutoff_ms=cutoff_ms,
            units=len(rows),
            missed=sum(1 for end, cutoff, never in ends if never or end > cutoff),
            tardiness_ms=sum(max(0, end - cutoff) for end, cutoff, _ in ends),
            makespan_ms=max(end for end, _, _ in ends) - min(planned for planned, _, _ in rows),
        )
