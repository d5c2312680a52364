"""The assignment on OR-Library's assign100..assign800: dense, costs 1..100, optima known (Beasley 1990).

`sit(folder, quick)` reads assignN.txt or assignN.txt.xz and adds one row after the other, each with an edge to every
column, as if N resources came on shift one by one. Solved means: everybody has a column, the cost is the known optimum,
and the certificate holds (violations() == 0). Times of scipy's linear_sum_assignment and lapx's lapjv stand beside it
where they are installed; both are made for dense problems solved once, the matching is not. Result:

    solved, of
    instances{}: n, optimum, cost, matched, violations, scanned, ms, scipy_ms, lapx_ms (None: not installed)
    peers           what to install for the times of the peers, "" if both are there
"""

import lzma
from array import array
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from edge.wes.matching import Matching
from tests.bench.yardstick import Row, ratio

WORDS = "The assignment, OR-Library assign100 to assign800: one row after the other, certified by the duals"
OPTIMA = {100: 305, 200: 475, 300: 626, 400: 804, 500: 991, 600: 1176, 700: 1362, 800: 1552}
QUICK = (100, 200)
FOLDER = Path(__file__).parent / "instances" / "orlib-lap"
MISSING = "pip install 'wes-edge[bench]'"

Solver = Callable[[Any], int]


def read(path: Path) -> tuple[int, "array[int]"]:
    """(n, n * n costs row by row) of assignN.txt, or of assignN.txt.xz beside it. ValueError: incomplete."""
    if path.exists():
        text = path.read_text()
    else:
        text = lzma.decompress(path.with_name(f"{path.name}.xz").read_bytes()).decode()
    n, *costs = map(int, text.split())
    if len(costs) != n * n:
        raise ValueError(f"{path.name}: {len(costs)} costs, {n * n} expected")
    return n, array("q", costs)


def solve(n: int, costs: "array[int]") -> Matching:
    """The optimum of a dense problem, one row after the other."""
    matching, nothing, cols = Matching(n, n), array("q"), array("q", range(n))
    for col in range(n):
        matching.add_col(col, nothing, nothing, 0)
    for row in range(n):
        matching.add_row(row, cols, costs[row * n : row * n + n], n)
    return matching


def peers() -> dict[str, Solver]:
    """The dense solvers that are installed: a square matrix in, its optimum out."""
    found: dict[str, Solver] = {}
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        pass
    else:
        found["scipy"] = lambda matrix: int(matrix[linear_sum_assignment(matrix)].sum())
    try:
        from lap import lapjv
    except ImportError:
        pass
    else:
        found["lapx"] = lambda matrix: round(lapjv(matrix)[0])
    return found


def sit(folder: Path, quick: bool) -> dict[str, Any]:
    """Solves all eight instances (two when quick); how many were solved to the known optimum, with the certificate."""
    others = peers()
    instances = {}
    for n in QUICK if quick else OPTIMA:
        instances[str(n)] = _one(folder / f"assign{n}.txt", OPTIMA[n], others)
    solved = sum(
        each["cost"] == each["optimum"] and each["matched"] == each["n"] and each["violations"] == 0
        for each in instances.values()
    )
    missing = "" if len(others) == 2 else MISSING
    return {"solved": solved, "of": len(instances), "instances": instances, "peers": missing}


def rows(figures: dict[str, Any]) -> list[Row]:
    """How many were solved, and the largest of them in plain words, with the dense solvers beside it."""
    solved, of = figures["solved"], figures["of"]
    table = [Row("instances, optimum found and certified", f"{solved}", f"{of}", ratio(solved, of))]
    largest = max(figures["instances"].values(), key=lambda each: int(each["n"]))
    for name in ("scipy", "lapx"):
        took_ms = largest[f"{name}_ms"]
        if took_ms is not None:
            what = f"assign{largest['n']}, grown row by row, against {name} that solves it once"
            table.append(Row(what, f"{largest['ms']:.1f} ms", f"{took_ms:.1f} ms", ratio(largest["ms"], took_ms)))
    return table


def _one(path: Path, optimum: int, others: dict[str, Solver]) -> dict[str, Any]:
    n, costs = read(path)
    started = perf_counter_ns()
    matching = solve(n, costs)
    took_ms = _ms_since(started)
    matched, cost = matching.total()
    figures = {
        "n": n,
        "optimum": optimum,
        "cost": cost,
        "matched": matched,
        "violations": matching.violations(),
        "scanned": matching.scanned,
        "ms": took_ms,
        "scipy_ms": None,
        "lapx_ms": None,
    }
    return figures | {f"{name}_ms": _peer_ms(name, other, n, costs, optimum) for name, other in others.items()}


def _peer_ms(name: str, other: Solver, n: int, costs: "array[int]", optimum: int) -> float:
    """The better of two solves, the matrix made before."""
    import numpy

    matrix = numpy.array(costs, dtype=numpy.float64).reshape(n, n)
    times = []
    for _ in range(2):
        started = perf_counter_ns()
        found = other(matrix)
        times.append(_ms_since(started))
        assert found == optimum, f"{name} finds {found} where {optimum} is known"
    return min(times)


def _ms_since(started: int) -> float:
    return round((perf_counter_ns() - started) / 1e6, 2)
