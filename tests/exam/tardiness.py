"""Weighted tardiness on OR-Library's wt40, wt50 and wt100: one pair of hands, all work ready, 3 x 125 queues.

`sit(folder, quick)` puts each queue into the order of the index (ATC, K = 2) and repairs it with the usual budget of
moves and one seed. wt40 and wt50 are compared with the optimal values, wt100 with the best known ones. Figures by set:

    of, moves                       queues, and the budget of moves each was given
    solved, unsolved                how many reached the optimal or best known value; the numbers of those that did not
    ratio_repair                    sum of the weighted tardiness found / sum of the known values
    ratio_index, ratio_index_best   the same for the index alone: K = 2, and the best K of INDEX_PERCENT for each queue
    cpu_s{}, wall_s{}               median and max of a repair; it waits for nothing, so processor time is the steadier
"""

import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

from edge.wes.sequence import atc_order, budget, repair, total
from tests.bench.yardstick import Row, ratio

WORDS = "Weighted tardiness, OR-Library wt40, wt50, wt100: the repaired queue and the index alone"
FOLDER = Path(__file__).parent / "instances" / "orlib-wt"
KNOWN = {40: "wtopt40.txt", 50: "wtopt50.txt", 100: "wtbest100b.txt"}
QUEUES = 125
QUICK = range(12, QUEUES, 31)
QUICK_SHARE = 20
"""A quick sitting: four queues of each set, with a twentieth of the moves."""
K_PERCENT = 200
INDEX_PERCENT = (50, 100, 150, 200, 250, 300, 400)
SEED = 1


class Queue(NamedTuple):
    """One instance; `number` counts from 1 as in the literature."""

    number: int
    work: Sequence[int]
    weight: Sequence[int]
    due: Sequence[int]
    known: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one queue: weighted tardiness of the index, of the best index, and repaired."""

    queue: Queue
    index: int
    index_best: int
    repaired: int
    cpu_s: float
    wall_s: float


def read(folder: Path, n: int) -> list[Queue]:
    """The 125 queues of wtN.txt.xz with their known values. ValueError: incomplete."""
    numbers = [int(word) for word in lzma.decompress((folder / f"wt{n}.txt.xz").read_bytes()).split()]
    known = [int(word) for word in (folder / KNOWN[n]).read_text().split()]
    if len(numbers) != QUEUES * 3 * n or len(known) != QUEUES:
        raise ValueError(f"wt{n}: {len(numbers)} numbers, {len(known)} known values")
    rows = [numbers[at : at + n] for at in range(0, len(numbers), n)]
    return [Queue(at + 1, *rows[3 * at : 3 * at + 3], known[at]) for at in range(QUEUES)]


def solve(queue: Queue, moves: int) -> Result:
    """Index and repair of one queue, the repair timed."""
    jobs = (queue.work, queue.weight, queue.due)
    start = atc_order(*jobs, K_PERCENT)
    cpu, wall = process_time(), perf_counter()
    order, cost = repair(*jobs, start, moves, SEED)
    cpu, wall = process_time() - cpu, perf_counter() - wall
    assert total(order, *jobs) == cost, f"queue {queue.number}: the repair is wrong about its cost"
    best = min(total(atc_order(*jobs, percent), *jobs) for percent in INDEX_PERCENT)
    return Result(queue, total(start, *jobs), best, cost, cpu, wall)


def sit(folder: Path, quick: bool) -> dict[str, Any]:
    """Repairs all queues (a few with few moves when quick); the figures by set."""
    figures = {}
    for n in KNOWN:
        moves = budget(n) // QUICK_SHARE if quick else budget(n)
        queues = read(folder, n)
        figures[f"wt{n}"] = summary([solve(queues[at], moves) for at in (QUICK if quick else range(QUEUES))], moves)
    return figures


def summary(results: Sequence[Result], moves: int) -> dict[str, Any]:
    """The figures of a set."""
    known = sum(each.queue.known for each in results)
    unsolved = [each.queue.number for each in results if each.repaired > each.queue.known]
    return {
        "of": len(results),
        "moves": moves,
        "solved": len(results) - len(unsolved),
        "unsolved": unsolved,
        "ratio_repair": round(sum(each.repaired for each in results) / known, 6),
        "ratio_index": round(sum(each.index for each in results) / known, 4),
        "ratio_index_best": round(sum(each.index_best for each in results) / known, 4),
        "cpu_s": _middle([each.cpu_s for each in results]),
        "wall_s": _middle([each.wall_s for each in results]),
    }


def _middle(seconds: Sequence[float]) -> dict[str, float]:
    return {"median": round(median(seconds), 4), "max": round(max(seconds), 4)}


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for name, each in figures.items():
        known = "best known" if name == "wt100" else "optimal"
        cpu = each["cpu_s"]
        took = f"median {cpu['median']:.3f} s, max {cpu['max']:.3f} s, at most {each['moves'] / 1e6:g} million moves"
        table += [
            Row(f"{name}, {known} queues, repaired", f"{each['solved']} ({took})", f"{each['of']}",
                ratio(each["solved"], each["of"])),
            Row(f"{name}, tardiness, repaired", f"{each['ratio_repair']:.6f}", known, each["ratio_repair"]),
            Row(f"{name}, tardiness, index alone", "K = 2", known, each["ratio_index"]),
            Row(f"{name}, tardiness, index alone", f"best of {len(INDEX_PERCENT)} K", known, each["ratio_index_best"]),
        ]  # fmt: skip
    return table
