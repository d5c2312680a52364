"""What a strategy sees of a floor, what it is told, and what it answers; and what only the simulation knows of a day.

Everything is dense ints: resources, tasks, areas, zones, and skills are numbered from 0, times are ms from the start.
A class is a skill in a zone. A strategy never sees how long a task really takes, only the estimate.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

NONE = -1


class IllegalAnswer(Exception):
    """A strategy answered what the floor cannot do: whose mistake it is stands in the text."""


@dataclass(slots=True)
class Task:
    """One piece of work for one resource, from `area_from` to `area_to`; `work_ms` is the estimate.

    `due_ms` is the task's own: the cutoff less the estimated work downstream. Where the order missed its departure,
    `due_ms` has moved to that of the next one and `next_due_ms` to the one after.
    """

    id: int
    order: int
    skill: int
    cls: int
    area_from: int
    area_to: int
    work_ms: int
    weight: int
    departure: int
    due_ms: int = 0
    next_due_ms: int = 0


@dataclass(slots=True)
class Order:
    """Tasks with one cutoff. An order that is not `judged` (replenishment) has a due time but no departure."""

    id: int
    arrival_ms: int
    cutoff_ms: int
    period_ms: int
    weight: int
    judged: bool
    tasks: list[int]
    left: int = 0


@dataclass(slots=True)
class Model:
    """The floor before the first order: who is there, what they may do, where they stand, how far it is."""

    areas: int
    zones: int
    skills: int
    zone_of: list[int]
    travel_ms: list[list[int]]
    start_area: list[int]
    allowed: list[tuple[int, ...]]
    mean_work_ms: int
    """Per resource, the classes it may do; and the mean estimate of the kinds of work there are."""

    @property
    def resources(self) -> int:
        return len(self.start_area)

    @property
    def classes(self) -> int:
        return self.skills * self.zones

    def class_of(self, skill: int, area: int) -> int:
        return skill * self.zones + self.zone_of[area]


@dataclass(slots=True)
class Belt:
    """A conveyor: room for `capacity` units, `transit_ms` from end to end while it runs."""

    capacity: int
    transit_ms: int


@dataclass(slots=True)
class Day:
    """A floor and all that will happen on it, the same for every strategy; only the simulation reads it."""

    model: Model
    horizon_ms: int
    orders: list[Order] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    really_ms: list[int] = field(default_factory=list)
    waits_for: list[int] = field(default_factory=list)
    then: list[int] = field(default_factory=list)
    belt_of: list[int] = field(default_factory=list)
    """Per task: real hands-on time, predecessors left, successor or NONE, the belt its result goes onto or NONE."""
    belts: list[Belt] = field(default_factory=list)
    lane_room: list[int] = field(default_factory=list)
    """Per departure: the units its lane holds until somebody takes them off."""
    stops: list[tuple[int, bool, int, int]] = field(default_factory=list)
    """(from ms, is it a belt?, its number, for ms): breakdowns, in order of time, not overlapping per machine."""
    aisle_room: int = 0
    aisle_percent: int = 0
    """More than `aisle_room` pickers in one area: the work of the one who comes takes `aisle_percent` longer."""
    crowded_skills: tuple[int, ...] = ()


class Strategy(Protocol):
    """Who does what now. Told of every change first, then asked once per moment in which something happened."""

    def begin(self, model: Model) -> None:
        """A new day; everybody is idle at the start area and told so by `on_idle`."""

    def on_ready(self, task: Task, now: int) -> None:
        """The task may be started from now on."""

    def on_due(self, task: Task, now: int) -> None:
        """A ready task whose order has just missed its departure: `due_ms` and `next_due_ms` have moved."""

    def on_gone(self, task: Task, now: int) -> None:
        """The task is no longer there to be given: somebody has started it."""

    def on_idle(self, resource: int, area: int, now: int) -> None:
        """Free at this area."""

    def on_busy(self, resource: int, area: int, ready_ms: int, now: int) -> None:
        """Will be free at this area, by the estimates at `ready_ms`; that may pass without an `on_idle`."""

    def on_off(self, resource: int, now: int) -> None:
        """Broken down, or held up by a full belt: nobody knows until when."""

    def decide(self, now: int) -> list[tuple[int, int]]:
        """(resource, task id) to start now: idle resources, ready tasks of their classes, each at most once."""


Measures = dict[str, Any]
