"""The best schedule of a small day for somebody who knows it from the start: exact, by CP-SAT, and by PyVRP.

Three ways that share nothing but the day. `exact` needs no library and proves itself, up to fourteen errands; CP-SAT
(OR-tools; Perron, Didier 2023) improves a schedule and gives a bound; PyVRP (Wouda, Lan, Kool 2024) finds good
schedules of larger days: a vehicle per hand, the weight of an errand as the prize for doing it before its cutoff.
"""

import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.exam.errands import MISSED, Routes, SmallDay, cost, walk_s

EXACT_ERRANDS = 14
MISSING = "pip install 'wes-edge[bench]'"
NEVER = 1 << 60
FORBIDDEN_S = 1_000 * MISSED
"""More than any errand is worth; PyVRP's own far larger value lets its search run in circles."""


@dataclass(frozen=True, slots=True)
class Found:
    """A schedule, what it costs, below what no schedule can be (0: nothing is known), and who says so."""

    cost: int
    bound: int
    by: str
    routes: tuple[tuple[int, ...], ...]

    @property
    def missed(self) -> int:
        """The weight of what is not done in time."""
        return self.cost // MISSED

    @property
    def walked_s(self) -> int:
        return self.cost % MISSED

    @property
    def done(self) -> int:
        return sum(len(route) for route in self.routes)


def wanted(module: str) -> Any:
    """A library of the bench extra. ModuleNotFoundError: says what to install."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{module} is not installed: {MISSING}") from error


def routes_of(day: SmallDay, routes: Routes, by: str, bound: int = 0) -> Found:
    """A schedule, its cost counted anew."""
    return Found(cost(day, routes), bound, by, tuple(tuple(route) for route in routes))


def exact(day: SmallDay) -> Found:
    """Every set of errands for every hand, and the cheapest way to share them out. ValueError: too many errands."""
    if len(day.errands) > EXACT_ERRANDS:
        raise ValueError(f"{day.name}: {len(day.errands)} errands are too many for all subsets")
    everything = (1 << len(day.errands)) - 1
    best: dict[int, tuple[int, tuple[tuple[int, ...], ...]]] = {0: (0, ())}
    for hand in range(len(day.hands)):
        shortest = shortest_routes(day, hand)
        shared: dict[int, tuple[int, tuple[tuple[int, ...], ...]]] = {}
        for done, (walked_s, routes) in best.items():
            for errands, (way_s, route) in shortest.items():
                if not done & errands:
                    offer = (walked_s + way_s, (*routes, route))
                    if offer < shared.get(done | errands, (NEVER, ())):
                        shared[done | errands] = offer
        best = shared

    def price(done: int) -> int:
        left = everything & ~done
        return MISSED * sum(each.weight for i, each in enumerate(day.errands) if left >> i & 1) + best[done][0]

    cheapest = min(best, key=lambda done: (price(done), done))
    return routes_of(day, best[cheapest][1], "all subsets", price(cheapest))


def shortest_routes(day: SmallDay, hand: int) -> dict[int, tuple[int, tuple[int, ...]]]:
    """For each set of errands the hand can do in time: (seconds walked, route), the shortest (Held and Karp 1962).

    Of two routes through one set that end with the same errand one is worse if it ends no earlier and is no shorter.
    """
    mine = day.hands[hand]
    fronts: dict[tuple[int, int], list[tuple[int, int, tuple[int, ...]]]] = {(0, -1): [(0, 0, ())]}
    found: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    for _ in day.errands:
        longer: dict[tuple[int, int], list[tuple[int, int, tuple[int, ...]]]] = {}
        for (done, last), front in fronts.items():
            place = mine.place if last < 0 else day.errands[last].end_place
            for which, errand in enumerate(day.errands):
                if done >> which & 1 or errand.kind not in mine.kinds:
                    continue
                way_s = walk_s(place, errand.place)
                for at_s, walked_s, route in front:
                    end_s = max(at_s + way_s, errand.release_s) + errand.work_s
                    if end_s <= errand.cutoff_s:
                        offer = (end_s, walked_s + way_s, (*route, which))
                        longer.setdefault((done | 1 << which, which), []).append(offer)
        fronts = {key: undominated(front) for key, front in longer.items()}
        for (done, _), front in fronts.items():
            _, walked_s, route = min(front, key=lambda each: (each[1], each[2]))
            found[done] = min(found.get(done, (NEVER, ())), (walked_s, route))
    return found


def undominated(front: list[tuple[int, int, tuple[int, ...]]]) -> list[tuple[int, int, tuple[int, ...]]]:
    """Those that no other beats in both time and way."""
    kept: list[tuple[int, int, tuple[int, ...]]] = []
    for each in sorted(front):
        if not kept or each[1] < kept[-1][1]:
            kept.append(each)
    return kept


def by_pyvrp(day: SmallDay, seconds: float, seed: int) -> Found:
    """The best of a local search of so many seconds."""
    pyvrp, stop = wanted("pyvrp"), wanted("pyvrp.stop")
    model = pyvrp.Model()
    starts = [model.add_location(0, 0) for _ in day.hands]
    places = [model.add_location(0, 0) for _ in day.errands]
    home = model.add_location(0, 0)
    end = model.add_depot(home)
    for place, errand in zip(places, day.errands, strict=True):
        model.add_client(
            place, service_duration=errand.work_s, tw_early=errand.release_s,
            tw_late=errand.cutoff_s - errand.work_s, prize=MISSED * errand.weight, required=False,
        )  # fmt: skip
    for number, hand in enumerate(day.hands):
        profile = model.add_profile()
        model.add_vehicle_type(1, start_depot=model.add_depot(starts[number]), end_depot=end, profile=profile)
        able = [i for i, errand in enumerate(day.errands) if errand.kind in hand.kinds]
        model.add_edge(starts[number], home, 0, 0, profile)
        for i in able:
            errand = day.errands[i]
            way_s = walk_s(hand.place, errand.place)
            model.add_edge(starts[number], places[i], way_s, way_s, profile)
            model.add_edge(places[i], home, 0, 0, profile)
            for j in able:
                if i != j:
                    way_s = walk_s(errand.end_place, day.errands[j].place)
                    model.add_edge(places[i], places[j], way_s, way_s, profile)
    result = model.solve(
        stop.MaxRuntime(seconds), seed=seed, display=False, collect_stats=False, missing_value=FORBIDDEN_S
    )
    return routes_of(day, pyvrp_routes(day, result.best) if result.is_feasible() else [()] * len(day.hands), "PyVRP")


def pyvrp_routes(day: SmallDay, solution: Any) -> list[list[int]]:
    """Its routes by hand; a vehicle type is a hand."""
    routes: list[list[int]] = [[] for _ in day.hands]
    for route in solution.routes():
        routes[route.vehicle_type()] = [visit.idx for visit in route if visit.is_client()]
    return routes


class Circuits:
    """The day for CP-SAT: a circuit of optional errands per hand through a depot, and one start time per errand.

    Minimised is the weight of the missed, or the walk where no more than so much weight may be missed.
    """

    def __init__(self, day: SmallDay, known: Routes, most_missed: int | None = None) -> None:
        self.day, self.cp = day, wanted("ortools.sat.python.cp_model")
        self.model = self.cp.CpModel()
        self.start = [
            self.model.new_int_var(each.release_s, max(each.release_s, each.cutoff_s - each.work_s), "")
            for each in day.errands
        ]
        self.arcs: list[dict[tuple[int, int], Any]] = [{} for _ in day.hands]
        self.skipped: list[list[Any]] = [[] for _ in day.errands]
        self.walks: list[Any] = []
        for hand in range(len(day.hands)):
            self.circuit(hand)
        missed = self.missed()
        if most_missed is None:
            self.model.minimize(missed)
        else:
            self.model.add(missed <= most_missed)
            self.model.minimize(sum(self.walks))
        self.hint(known)

    def may_follow(self, i: int, j: int) -> bool:
        """Is there time to do j right after i?"""
        one, other = self.day.errands[i], self.day.errands[j]
        ready_s = one.release_s + one.work_s + walk_s(one.end_place, other.place)
        return i != j and ready_s + other.work_s <= other.cutoff_s

    def circuit(self, hand: int) -> None:
        """The route of one hand; node 0 is where it starts and stops."""
        mine, errands, model = self.day.hands[hand], self.day.errands, self.model
        able = [i for i, each in enumerate(errands) if each.kind in mine.kinds]
        taken = self.arcs[hand]
        arcs: list[tuple[int, int, Any]] = [(0, 0, model.new_bool_var(""))]
        for i in able:
            out = model.new_bool_var("")
            self.skipped[i].append(out)
            arcs.append((i + 1, i + 1, out))
            taken[i, -1] = model.new_bool_var("")
            way_s = walk_s(mine.place, errands[i].place)
            self.arc(taken, (-1, i), way_s, way_s)
            for j in able:
                if self.may_follow(i, j):
                    way_s = walk_s(errands[i].end_place, errands[j].place)
                    self.arc(taken, (i, j), self.start[i] + errands[i].work_s + way_s, way_s)
        arcs += [(i + 1, j + 1, chosen) for (i, j), chosen in taken.items()]
        model.add_circuit(arcs)

    def arc(self, taken: dict[tuple[int, int], Any], ends: tuple[int, int], ready_s: Any, way_s: int) -> None:
        taken[ends] = chosen = self.model.new_bool_var("")
        self.model.add(self.start[ends[1]] >= ready_s).only_enforce_if(chosen)
        self.walks.append(way_s * chosen)

    def missed(self) -> Any:
        """The weight of what nobody does; an errand is done by one hand or missed."""
        lost = []
        for errand, hands in zip(self.day.errands, self.skipped, strict=True):
            late = self.model.new_bool_var("")
            self.model.add_exactly_one([*(out.negated() for out in hands), late])
            lost.append(errand.weight * late)
        return sum(lost)

    def hint(self, known: Routes) -> None:
        """Where to begin."""
        for hand, route in enumerate(known):
            steps = set(zip((-1, *route), (*route, -1), strict=True)) if route else set()
            for ends, chosen in self.arcs[hand].items():
                self.model.add_hint(chosen, ends in steps)

    def solve(self, seconds: float) -> tuple[Found, int] | None:
        """A schedule and the bound of what was minimised; None if none was found in time."""
        solver = self.cp.CpSolver()
        solver.parameters.max_time_in_seconds = seconds
        solver.parameters.num_workers = 1
        if solver.solve(self.model) not in (self.cp.OPTIMAL, self.cp.FEASIBLE):
            return None
        routes = [list(self.follow(solver, hand)) for hand in range(len(self.day.hands))]
        # The solver's bound is a float a hair beside the whole number it stands for.
        return routes_of(self.day, routes, "CP-SAT"), max(0, math.ceil(solver.best_objective_bound - 0.001))

    def follow(self, solver: Any, hand: int) -> Iterator[int]:
        after = {i: j for (i, j), chosen in self.arcs[hand].items() if solver.boolean_value(chosen)}
        at = after.get(-1, -1)
        while at >= 0:
            yield at
            at = after[at]


def by_cpsat(day: SmallDay, known: Found, seconds: float) -> Found:
    """First the weight of the missed, then the walk: the better schedule, and what has been proved of both."""
    first = Circuits(day, known.routes).solve(seconds)
    if first is None:
        return known
    best, bound = min(first[0], known, key=lambda each: each.cost), first[1]
    if best.cost // MISSED > bound:
        return replace(best, bound=MISSED * bound)
    second = Circuits(day, best.routes, bound).solve(seconds)
    if second is None:
        return replace(best, bound=MISSED * bound)
    best = min(second[0], best, key=lambda each: each.cost)
    return replace(best, bound=MISSED * bound + second[1])
