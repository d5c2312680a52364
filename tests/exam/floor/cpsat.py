"""The peer: rolling-horizon CP-SAT (OR-tools), routes over the most urgent tasks, solved at every decision.

One worker, about a second per decision, hint from the greedy index, and the greedy choice where it finds nothing in
time. The limit is counted in work, so that a busy machine does not put it at a disadvantage. Vehicles must be alike
(scenario agv10).
"""

from collections import Counter
from itertools import pairwise
from typing import Any

from tests.exam.floor.lookahead import wanted
from tests.exam.floor.model import Model, Task
from tests.exam.floor.policies import Atcs, Parameters

LIMIT_WORK, LIMIT_S = 0.2, 20.0
"""Per decision, in the solver's deterministic unit: about a second of CPU time; and wall time as a last resort."""
PER_VEHICLE = 2.5
"""Tasks in the model per vehicle."""
LATE, TARDY_PER_S, WAY_PER_S, START_PER_S = 20_000, 2, 4, 1
"""Costs: a late order per weight; a second of lateness per weight; of empty way; of waiting per weight."""
HORIZON_S = 4 * 3600


class CpSat(Atcs):
    """Everybody with the expected time it is free, first tasks of the idle ones start."""

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self.cp: Any = wanted("ortools.sat.python.cp_model")
        self.statuses: Counter[str] = Counter()
        self.solve_s = 0.0

    @property
    def remarks(self) -> dict[str, Any]:
        """How the solves ended."""
        solves = sum(self.statuses.values())
        return {"statuses": dict(sorted(self.statuses.items())), "solve_ms": 1000 * self.solve_s / max(solves, 1)}

    def begin(self, model: Model) -> None:
        super().begin(model)
        if len(set(model.allowed)) > 1:
            raise ValueError("this model is for vehicles that are all alike")
        self.free_at: dict[int, tuple[int, int]] = {}

    def on_due(self, task: Task, now: int) -> None:
        """Its new due time is read when it is next looked at."""

    def on_idle(self, resource: int, area: int, now: int) -> None:
        super().on_idle(resource, area, now)
        self.free_at[resource] = (now, area)

    def on_busy(self, resource: int, area: int, ready_ms: int, now: int) -> None:
        super().on_busy(resource, area, ready_ms, now)
        self.free_at[resource] = (ready_ms, area)

    def decide(self, now: int) -> list[tuple[int, int]]:
        tasks = [task for cls in self.ready for task in cls.values()]
        if not self.idle or not tasks:
            return []
        plan = self.greedy(tasks, now)
        firsts = self.solved(plan, now)
        if firsts is None:
            firsts = {resource: route[0] for resource, route in plan.items() if route}
        return [(resource, firsts[resource].id) for resource in sorted(self.idle) if resource in firsts]

    def greedy(self, tasks: list[Task], now: int) -> dict[int, list[Task]]:
        """Routes over the most urgent tasks: whoever is free next takes the task with the highest index."""
        way = self.model.travel_ms
        free = {r: (max(ready, now), area) for r, (ready, area) in self.free_at.items()}
        routes: dict[int, list[Task]] = {resource: [] for resource in sorted(free)}
        left = {task.id: task for task in tasks}
        for _ in range(min(len(tasks), int(PER_VEHICLE * len(free)))):
            resource = min(free, key=lambda r: (free[r][0], r))
            at, area = free[resource]
            best = max(left.values(), key=lambda task: (self.value(task, way[area][task.area_from], at), -task.id))
            del left[best.id]
            routes[resource].append(best)
            free[resource] = (at + way[area][best.area_from] + best.work_ms, best.area_to)
        return routes

    def solved(self, plan: dict[int, list[Task]], now: int) -> dict[int, Task] | None:
        """The first task of every vehicle that has one in the best plan found; None if none was found."""
        cp, routing = self.cp.CpModel(), Routing(self, plan, now)
        routing.build(cp)
        solver = self.cp.CpSolver()
        solver.parameters.max_deterministic_time = LIMIT_WORK
        solver.parameters.max_time_in_seconds = LIMIT_S
        solver.parameters.num_workers = 1
        status = solver.solve(cp)
        self.statuses[solver.status_name(status)] += 1
        self.solve_s += solver.wall_time
        if status not in (self.cp.OPTIMAL, self.cp.FEASIBLE):
            return None
        return {
            resource: routing.tasks[node]
            for (resource, node), chosen in routing.first.items()
            if solver.boolean_value(chosen)
        }


class Routing:
    """One decision as a multiple circuit through a depot; which vehicle opens a route is a choice of its own."""

    def __init__(self, policy: CpSat, plan: dict[int, list[Task]], now: int) -> None:
        self.way, self.plan = policy.model.travel_ms, plan
        self.free = {r: ((max(policy.free_at[r][0], now) - now) // 1000, policy.free_at[r][1]) for r in plan}
        self.tasks = [task for route in plan.values() for task in route]
        self.due = [(task.due_ms - now) // 1000 for task in self.tasks]
        self.first: dict[tuple[int, int], Any] = {}

    def way_s(self, area: int, node: int) -> int:
        return self.way[area][self.tasks[node].area_from] // 1000

    def build(self, cp: Any) -> None:
        nodes = range(len(self.tasks))
        start = [cp.new_int_var(0, HORIZON_S, "") for _ in nodes]
        arcs: list[tuple[int, int, Any]] = []
        costs: list[Any] = []
        after = self.successors(cp, start, arcs, costs)
        self.openings(cp, start, arcs, costs)
        arcs += [(node + 1, 0, cp.new_bool_var("")) for node in nodes]
        cp.add_multiple_circuit(arcs)
        self.lateness(cp, start, costs)
        cp.minimize(sum(costs))
        self.hint(cp, start, after)

    def successors(self, cp: Any, start: list[Any], arcs: list[Any], costs: list[Any]) -> dict[tuple[int, int], Any]:
        after = {}
        for i, task in enumerate(self.tasks):
            for j in range(len(self.tasks)):
                if i != j:
                    way = self.way_s(task.area_to, j)
                    after[i, j] = follows = cp.new_bool_var("")
                    arcs.append((i + 1, j + 1, follows))
                    cp.add(start[j] >= start[i] + task.work_ms // 1000 + way).only_enforce_if(follows)
                    costs.append(WAY_PER_S * way * follows)
        return after

    def openings(self, cp: Any, start: list[Any], arcs: list[Any], costs: list[Any]) -> None:
        for resource, (ready, area) in self.free.items():
            for j in range(len(self.tasks)):
                way = self.way_s(area, j)
                self.first[resource, j] = opens = cp.new_bool_var("")
                cp.add(start[j] >= ready + way).only_enforce_if(opens)
                costs.append(WAY_PER_S * way * opens)
            cp.add_at_most_one(self.first[resource, j] for j in range(len(self.tasks)))
        for j in range(len(self.tasks)):
            opened = cp.new_bool_var("")
            cp.add(sum(self.first[resource, j] for resource in self.free) == opened)
            arcs.append((0, j + 1, opened))

    def lateness(self, cp: Any, start: list[Any], costs: list[Any]) -> None:
        for i, task in enumerate(self.tasks):
            late, tardy = cp.new_bool_var(""), cp.new_int_var(0, 2 * HORIZON_S, "")
            latest = self.due[i] - task.work_ms // 1000
            cp.add(start[i] <= latest).only_enforce_if(~late)
            cp.add(tardy >= start[i] - latest)
            costs += [
                LATE * task.weight * late,
                TARDY_PER_S * task.weight * tardy,
                START_PER_S * task.weight * start[i],
            ]

    def hint(self, cp: Any, start: list[Any], after: dict[tuple[int, int], Any]) -> None:
        node_of = {task.id: node for node, task in enumerate(self.tasks)}
        pairs: set[tuple[int, int]] = set()
        firsts: set[tuple[int, int]] = set()
        for resource, route in self.plan.items():
            at, area = self.free[resource]
            nodes = [node_of[task.id] for task in route]
            if nodes:
                firsts.add((resource, nodes[0]))
            pairs.update(pairwise(nodes))
            for node in nodes:
                at += self.way_s(area, node)
                cp.add_hint(start[node], at)
                at, area = at + self.tasks[node].work_ms // 1000, self.tasks[node].area_to
        for pair, follows in after.items():
            cp.add_hint(follows, pair in pairs)
        for key, opens in self.first.items():
            cp.add_hint(opens, key in firsts)
