"""The fleet-wide assignment, kept optimal through whole dispatch cycles, next to solving it again from scratch.

One cycle: a resource starts its task (both leave), a new task arrives in its place, the resource comes back where the
task ended, with the costs of all its edges new. Resources and tasks lie in a square, an edge costs the way to the task
and the task's own index; every task may be done by k resources. The inputs of a cycle are laid out in arrays before;
what is timed is the three calls. Between the cycles, in turn, the peers solve the same graph, handed over in their own
form and not timed for that: scipy's min_weight_full_bipartite_matching and OR-tools' SimpleMinCostFlow (limit: the
faster one). All three optima are compared each time. Figures, per case:

    rows, cols, k, edges, cycles
    cycle_us{}                      commit + add_col + add_row, through the Python calls
    cpu_us{}                        the same cycles in processor time of this thread: without what others took from it
    mean_us, scanned                mean of a cycle: time, edges looked at by the searches
    scipy_us, ortools_us            medians of a solve
    optimum_checked                 how often all three were compared (they were equal, or the benchmark stops)
    violations                      of the certificate of optimality, at the end
    times_under_faster_peer         median of the faster peer / median cycle
    ratio_to_scipy, ratio_to_ortools        the median cycle / the median of the peer's solve
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import mean, median
from time import perf_counter_ns, thread_time_ns
from typing import Any

from edge.wes.matching import Matching
from tests.bench.yardstick import Row, ratio, settled_collector, spread

WORDS = "The fleet-wide optimum after every event: kept, next to scipy and OR-tools solving it again"
SQUARE = 10_000
INDEX_MAX = 20_000
MISSING = "this benchmark compares with scipy and OR-tools: pip install 'wes-edge[bench]'"


@dataclass(frozen=True, slots=True)
class Case:
    """A fleet of `rows` resources, `cols` open tasks, each of them for `k` of the resources."""

    rows: int
    cols: int
    k: int
    cycles: int
    rounds: int
    """How many times the peers solve, spread over the cycles."""


NORMAL = {
    "20x200 k20": Case(20, 200, 20, cycles=10_000, rounds=50),
    "100x1000 k10": Case(100, 1000, 10, cycles=10_000, rounds=25),
    "1000x10000 k16": Case(1000, 10_000, 16, cycles=10_000, rounds=15),
    "1000x1200 k16 tight": Case(1000, 1200, 16, cycles=10_000, rounds=15),
}
QUICK = {
    "20x200 k20": Case(20, 200, 20, cycles=40, rounds=2),
    "100x1000 k10": Case(100, 1000, 10, cycles=20, rounds=1),
}


@dataclass(frozen=True, slots=True)
class Cycle:
    """What one cycle is told, ready for the calls."""

    row: int
    col: int
    rows: "array[int]"
    rows_costs: "array[int]"
    cols: "array[int]"
    cols_costs: "array[int]"

    def play(self, matching: Matching) -> tuple[int, int]:
        """Nanoseconds of the three calls, and of this thread's processor time (which costs a system call more)."""
        row, col = self.row, self.col
        rows, rows_costs, rows_count = self.rows, self.rows_costs, len(self.rows)
        cols, cols_costs, cols_count = self.cols, self.cols_costs, len(self.cols)
        cpu_started, started = thread_time_ns(), perf_counter_ns()
        matching.commit(row)
        matching.add_col(col, rows, rows_costs, rows_count)
        matching.add_row(row, cols, cols_costs, cols_count)
        ended = perf_counter_ns()
        return ended - started, thread_time_ns() - cpu_started


class Fleet:
    """Where resources and tasks are, and which resources may do which task; knows nothing of the matching."""

    def __init__(self, case: Case, seed: int) -> None:
        self.case, self.chance = case, Random(seed)
        self.spots = [self._spot() for _ in range(case.rows)]
        self.tasks = [(0, 0, 0)] * case.cols
        self.doers: list[list[int]] = [[] for _ in range(case.cols)]
        self.open: list[dict[int, None]] = [{} for _ in range(case.rows)]
        for col in range(case.cols):
            self._new_task(col)

    def start(self) -> Matching:
        """The same fleet as a matching: all tasks, then one resource after the other."""
        matching = Matching(self.case.rows, self.case.cols)
        for col in range(self.case.cols):
            matching.add_col(col, array("q"), array("q"), 0)
        for row in range(self.case.rows):
            cols = array("q", self.open[row])
            matching.add_row(row, cols, array("q", (self.cost(row, col) for col in cols)), len(cols))
        return matching

    def next_cycle(self, matching: Matching) -> Cycle:
        """A resource at random does what the matching gives it; the fleet is already as it will be afterwards."""
        row = self.chance.randrange(self.case.rows)
        col = matching.partner(row)
        assert col >= 0, "a resource has nothing to do: the peers could not solve that"
        x, y, _ = self.tasks[col]
        self._new_task(col)
        rows = array("q", (doer for doer in self.doers[col] if doer != row))
        rows_costs = array("q", (self.cost(doer, col) for doer in rows))
        self.spots[row] = x, y
        cols = array("q", self.open[row])
        return Cycle(row, col, rows, rows_costs, cols, array("q", (self.cost(row, each) for each in cols)))

    def cost(self, row: int, col: int) -> int:
        (x, y), (task_x, task_y, index) = self.spots[row], self.tasks[col]
        return abs(x - task_x) + abs(y - task_y) + index

    def edges(self) -> list[tuple[int, int, int]]:
        """(row, col, cost) of all edges."""
        return [(row, col, self.cost(row, col)) for col, doers in enumerate(self.doers) for row in doers]

    def _spot(self) -> tuple[int, int]:
        return self.chance.randrange(SQUARE), self.chance.randrange(SQUARE)

    def _new_task(self, col: int) -> None:
        for row in self.doers[col]:
            del self.open[row][col]
        self.tasks[col] = (*self._spot(), self.chance.randrange(INDEX_MAX) + 1)
        self.doers[col] = self.chance.sample(range(self.case.rows), self.case.k)
        for row in self.doers[col]:
            self.open[row][col] = None


class Peers:
    """The same problem solved from scratch; nanoseconds and optimum of each."""

    def __init__(self) -> None:
        try:
            import numpy
            from ortools.graph.python import min_cost_flow
            from scipy.sparse import coo_array
            from scipy.sparse.csgraph import min_weight_full_bipartite_matching
        except ImportError as error:
            raise ImportError(MISSING) from error
        self._numpy, self._flow = numpy, min_cost_flow.SimpleMinCostFlow
        self._sparse, self._solve = coo_array, min_weight_full_bipartite_matching
        self.scipy_ns: list[int] = []
        self.ortools_ns: list[int] = []

    def solve(self, case: Case, edges: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
        """The optimum by scipy and by OR-tools."""
        rows, cols, costs = self._numpy.array(edges, dtype=self._numpy.int64).T
        return self._by_scipy(case, rows, cols, costs), self._by_ortools(case, rows, cols, costs)

    def _by_scipy(self, case: Case, rows: Any, cols: Any, costs: Any) -> int:
        graph = self._sparse((costs, (rows, cols)), shape=(case.rows, case.cols)).tocsr()
        started = perf_counter_ns()
        found = self._solve(graph)
        self.scipy_ns.append(perf_counter_ns() - started)
        return int(graph[found].sum())

    def _by_ortools(self, case: Case, rows: Any, cols: Any, costs: Any) -> int:
        numpy, flow, sink = self._numpy, self._flow(), case.rows + case.cols
        all_cols, one = numpy.arange(case.cols), numpy.ones_like
        flow.add_arcs_with_capacity_and_unit_cost(rows, case.rows + cols, one(costs), costs)
        to_sink = numpy.full(case.cols, sink)
        flow.add_arcs_with_capacity_and_unit_cost(case.rows + all_cols, to_sink, one(all_cols), 0 * all_cols)
        flow.set_nodes_supplies(numpy.arange(case.rows), numpy.ones(case.rows, dtype=numpy.int64))
        flow.set_node_supply(sink, -case.rows)
        started = perf_counter_ns()
        status = flow.solve()
        self.ortools_ns.append(perf_counter_ns() - started)
        assert status == flow.OPTIMAL
        return int(flow.optimal_cost())


def figures(quick: bool) -> dict[str, Any]:
    """Measures; the figures by case."""
    with settled_collector():
        return {name: _measure(case) for name, case in (QUICK if quick else NORMAL).items()}


def _measure(case: Case) -> dict[str, Any]:
    fleet, peers = Fleet(case, seed=1), Peers()
    matching = fleet.start()
    for _ in range(case.cycles // 10):
        fleet.next_cycle(matching).play(matching)
    cycle_us: list[float] = []
    cpu_us: list[float] = []
    scanned = 0
    for _ in range(case.rounds):
        for _ in range(case.cycles // case.rounds):
            cycle, before = fleet.next_cycle(matching), matching.scanned
            cycle_ns, cpu_ns = cycle.play(matching)
            cycle_us.append(cycle_ns / 1000)
            cpu_us.append(cpu_ns / 1000)
            scanned += matching.scanned - before
        optima = (matching.total()[1], *peers.solve(case, fleet.edges()))
        assert len(set(optima)) == 1, f"optimum kept, by scipy, by OR-tools: {optima}"
    scipy_us, ortools_us = median(peers.scipy_ns) / 1000, median(peers.ortools_ns) / 1000
    return {
        "rows": case.rows,
        "cols": case.cols,
        "k": case.k,
        "edges": case.cols * case.k,
        "cycles": len(cycle_us),
        "cycle_us": spread(cycle_us),
        "cpu_us": spread(cpu_us),
        "mean_us": round(mean(cycle_us), 1),
        "scanned": round(scanned / len(cycle_us)),
        "scipy_us": round(scipy_us),
        "ortools_us": round(ortools_us),
        "optimum_checked": case.rounds,
        "violations": matching.violations(),
        "times_under_faster_peer": round(min(scipy_us, ortools_us) / median(cycle_us)),
        "ratio_to_scipy": ratio(median(cycle_us), scipy_us),
        "ratio_to_ortools": ratio(median(cycle_us), ortools_us),
    }


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for name, each in figures.items():
        times = each["cycle_us"]
        what = f"dispatch cycle, {name}"
        measured = f"p50 {times['p50']:.1f}, p99 {times['p99']:.1f}, p99.9 {times['p99_9']:.1f} us"
        table += [
            Row(what, measured, f"scipy, sparse, again {each['scipy_us']} us", each["ratio_to_scipy"]),
            Row(what, measured, f"OR-tools, flow, again {each['ortools_us']} us", each["ratio_to_ortools"]),
        ]
    return table
