"""Look-ahead: everybody, also who is still at work, against all ready tasks, solved anew whenever somebody is idle.

The rule of dispatch.md 4 with scipy and numpy, a matrix per decision: slow, and there to check the compiled core
against. Pairs of somebody idle start; the others are only plans.
"""

import math
from typing import Any

from tests.exam.floor.model import Model, Task
from tests.exam.floor.policies import Open, Parameters

NEVER = 1e6
"""Cost of a pair that may not be, in nats."""


def wanted(name: str) -> Any:
    """A library of the benchmarks, or how to get it."""
    try:
        return __import__(name, fromlist=["_"])
    except ImportError as gone:
        raise SystemExit(f"{name} is missing: pip install 'wes-edge[bench]'") from gone


class Lookahead(Open):
    """One linear assignment per decision, costs = -index at the time of arrival."""

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self.np = wanted("numpy")
        self.solve = wanted("scipy.optimize").linear_sum_assignment

    def begin(self, model: Model) -> None:
        super().begin(model)
        np = self.np
        self.way = np.array(model.travel_ms)
        self.may = np.zeros((model.resources, model.classes), dtype=bool)
        for resource, classes in enumerate(model.allowed):
            self.may[resource, list(classes)] = True
        self.free_at: dict[int, tuple[int, int]] = {}
        self.rows: dict[int, tuple[float, ...]] = {}
        self.per_slack = 1 / (self.parameters.k * model.mean_work_ms)
        self.per_way = 1 / self.parameters.kt_ms

    def on_ready(self, task: Task, now: int) -> None:
        p = task.work_ms
        self.rows[task.id] = (
            task.id, task.cls, task.area_from, math.log(task.weight / p), task.due_ms - p, task.next_due_ms - p,
            math.log(8 * task.weight),
        )  # fmt: skip

    on_due = on_ready

    def on_gone(self, task: Task, now: int) -> None:
        self.rows.pop(task.id, None)

    def on_idle(self, resource: int, area: int, now: int) -> None:
        self.idle[resource] = area
        self.free_at[resource] = (now, area)

    def on_busy(self, resource: int, area: int, ready_ms: int, now: int) -> None:
        self.idle.pop(resource, None)
        self.free_at[resource] = (ready_ms, area)

    def on_off(self, resource: int, now: int) -> None:
        self.idle.pop(resource, None)
        self.free_at.pop(resource, None)

    def decide(self, now: int) -> list[tuple[int, int]]:
        if not self.idle or not self.rows:
            return []
        np = self.np
        table = np.array(list(self.rows.values()))
        ids, classes, areas = table[:, :3].astype(np.int64).T
        who = sorted(self.free_at)
        wait = np.array([max(self.free_at[r][0] - now, 0) for r in who])
        at = np.array([self.free_at[r][1] for r in who])
        cost = self.costs(now, table, self.way[at][:, areas], wait[:, None])
        cost[~self.may[who][:, classes]] = NEVER
        pairs = zip(*self.solve(cost), strict=True)
        return [(who[i], int(ids[j])) for i, j in pairs if who[i] in self.idle and cost[i, j] < NEVER]

    def costs(self, now: int, table: Any, way: Any, wait: Any) -> Any:
        """Waiting costs the slack it uses up and the way it could have been: nobody is waited for in vain."""
        np = self.np
        bonus, latest, next_latest, haste = table[:, 3:].T
        arrives = now + wait + way
        held = self.parameters.margin * wait * haste
        slack = np.where(latest < arrives + held, next_latest, latest) - arrives
        index = bonus - np.maximum(slack, 0) * self.per_slack - way * self.per_way
        return wait * (self.per_slack + self.per_way) - index
