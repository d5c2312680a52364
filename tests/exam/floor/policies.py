"""Reference strategies in plain Python: first come, earliest due, nearest, and apparent tardiness with travel.

All are greedy: while somebody idle can do something ready, the best pair starts. They are here to be compared with and
to be read; the compiled core has the same rules in integers.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

from tests.exam.floor.model import Model, Task


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is tuned per site: reach of the index in mean task times, ms of way per nat, reserve, price of time."""

    k: float = 2.0
    kt_ms: int = 30_000
    margin: float = 0.0
    """Share of the remaining time of somebody still at work that is held in reserve, times log(8 weight)."""
    haste: float = 0.8
    """What a task's waiting costs, as a share of walking as long; only `rolling` has it."""


class Open:
    """What every reference strategy keeps: ready tasks by class, idle resources with their area."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def begin(self, model: Model) -> None:
        self.model = model
        self.idle: dict[int, int] = {}
        self.ready: list[dict[int, Task]] = [{} for _ in range(model.classes)]

    def on_ready(self, task: Task, now: int) -> None:
        self.ready[task.cls][task.id] = task

    def on_due(self, task: Task, now: int) -> None:
        pass

    def on_gone(self, task: Task, now: int) -> None:
        self.ready[task.cls].pop(task.id, None)

    def on_idle(self, resource: int, area: int, now: int) -> None:
        self.idle[resource] = area

    def on_busy(self, resource: int, area: int, ready_ms: int, now: int) -> None:
        self.idle.pop(resource, None)

    def on_off(self, resource: int, now: int) -> None:
        self.idle.pop(resource, None)


class Queue(Open):
    """The task with the lowest key first, to the nearest idle resource that may do it."""

    def begin(self, model: Model) -> None:
        super().begin(model)
        self.queues: list[list[tuple[int, int]]] = [[] for _ in range(model.classes)]

    def key(self, task: Task) -> int:
        raise NotImplementedError

    def on_ready(self, task: Task, now: int) -> None:
        super().on_ready(task, now)
        heapq.heappush(self.queues[task.cls], (self.key(task), task.id))

    def decide(self, now: int) -> list[tuple[int, int]]:
        answer: list[tuple[int, int]] = []
        while self.idle:
            first = min((self.first(cls) for cls in self.served()), default=None)
            if first is None or first[0] == math.inf:
                break
            task = self.ready[first[2]].pop(first[1])
            way = self.model.travel_ms
            able = [r for r in self.idle if task.cls in self.model.allowed[r]]
            resource = min(able, key=lambda r: (way[self.idle[r]][task.area_from], r))
            del self.idle[resource]
            answer.append((resource, task.id))
        return answer

    def served(self) -> Iterator[int]:
        """Classes that somebody idle may do and that have a ready task."""
        seen = {cls for resource in self.idle for cls in self.model.allowed[resource]}
        return (cls for cls in sorted(seen) if self.ready[cls])

    def first(self, cls: int) -> tuple[float, int, int]:
        queue, ready = self.queues[cls], self.ready[cls]
        while queue and queue[0][1] not in ready:
            heapq.heappop(queue)
        return (*queue[0], cls) if queue else (math.inf, 0, cls)


class Fifo(Queue):
    """Longest ready first."""

    def begin(self, model: Model) -> None:
        super().begin(model)
        self.count = 0

    def key(self, task: Task) -> int:
        self.count += 1
        return self.count


class Edd(Queue):
    """Earliest due first, the default of openTCS: a deadline stays what it was, missed or not."""

    def key(self, task: Task) -> int:
        return task.due_ms


class EddRolled(Edd):
    """Earliest due first where an order that missed its departure is due at the next one: kinder than openTCS."""

    def on_due(self, task: Task, now: int) -> None:
        heapq.heappush(self.queues[task.cls], (self.key(task), task.id))

    def first(self, cls: int) -> tuple[float, int, int]:
        queue, ready = self.queues[cls], self.ready[cls]
        while queue and (queue[0][1] not in ready or ready[queue[0][1]].due_ms != queue[0][0]):
            heapq.heappop(queue)
        return (*queue[0], cls) if queue else (math.inf, 0, cls)


class Scan(Open):
    """The best (index, task) per idle resource by looking at every task it may do; the best resource goes first."""

    def value(self, task: Task, way_ms: int, now: int) -> float:
        """Higher goes first."""
        raise NotImplementedError

    def best(self, resource: int, now: int) -> tuple[float, int, int]:
        """(index, -task, -resource), highest first; (-inf, ...) if it can do nothing."""
        way = self.model.travel_ms[self.idle[resource]]
        found, value = (-math.inf, 0, -resource), self.value
        for cls in self.model.allowed[resource]:
            for task in self.ready[cls].values():
                index = value(task, way[task.area_from], now)
                if index > found[0] or (index == found[0] and -task.id > found[1]):
                    found = (index, -task.id, -resource)
        return found

    def decide(self, now: int) -> list[tuple[int, int]]:
        answer: list[tuple[int, int]] = []
        found = {resource: self.best(resource, now) for resource in sorted(self.idle)}
        while found:
            index, number, resource = max(found.values())
            if index == -math.inf:
                break
            answer.append((-resource, -number))
            del self.idle[-resource], found[-resource]
            for cls in self.model.allowed[-resource]:
                self.ready[cls].pop(-number, None)
            for other, entry in found.items():
                if entry[1] == number:
                    found[other] = self.best(other, now)
        return answer


class Nearest(Scan):
    """The shortest way first."""

    def value(self, task: Task, way_ms: int, now: int) -> float:
        return -way_ms


class Atcs(Scan):
    """Apparent tardiness with travel as a log-index, and triage (dispatch.md 1 and 4; Lee, Bhaskaran, Pinedo 1997).

    log(w / p) - slack / (K mean p) - way / Kt; what can no longer make its departure counts with the next one's.
    """

    def begin(self, model: Model) -> None:
        super().begin(model)
        self.per_slack = 1 / (self.parameters.k * model.mean_work_ms)
        self.per_way = 1 / self.parameters.kt_ms
        self.bonus: dict[int, float] = {}

    def on_ready(self, task: Task, now: int) -> None:
        super().on_ready(task, now)
        self.bonus[task.id] = math.log(task.weight / task.work_ms)

    def value(self, task: Task, way_ms: int, now: int) -> float:
        slack = task.due_ms - task.work_ms - now
        if slack < way_ms:
            slack = task.next_due_ms - task.work_ms - now
        return self.bonus[task.id] - max(slack, 0) * self.per_slack - way_ms * self.per_way
