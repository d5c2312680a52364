"""Many runs on several processes, paired by seed: means, and the difference to the greedy index with its confidence."""

import math
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing import Pool
from typing import Any

from tests.exam.floor.model import Measures
from tests.exam.floor.policies import Parameters
from tests.exam.floor.scenarios import SCENARIOS, parameters_of, strategy_of
from tests.exam.floor.simulation import Floor

REFERENCE = "atcs"
PAIRED = ("missed_pct", "weighted_missed_pct", "tardiness_min", "empty_s")
MEASURES = (*PAIRED, "cpu_us", "decisions", "calls", "backlog", "background_late_pct", "orders")
SAY_EVERY_S = 15.0
T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Student's t for 95 %, two-sided, 1 to 30 degrees of freedom."""


Cells = dict[tuple[str, float, str, str], dict[int, Measures]]


@dataclass(frozen=True, slots=True)
class Case:
    """One run: what it was, and with which parameters if not the tuned ones."""

    scenario: str
    load: float
    noise: str
    strategy: str
    seed: int
    hours: float
    parameters: Parameters | None = None

    @property
    def cell(self) -> tuple[str, float, str, str]:
        return self.scenario, self.load, self.noise, self.strategy


def play(case: Case) -> Measures:
    """One day under one strategy."""
    day = SCENARIOS[case.scenario].day(case.seed, case.load, case.noise, case.hours)
    strategy = strategy_of(case.strategy, case.parameters or parameters_of(case.scenario, case.strategy))
    measures = Floor(day, strategy).run()
    return measures | getattr(strategy, "remarks", {})


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def played(case: Case) -> tuple[Case, Measures]:
    return case, play(case)


def play_all(cases: Sequence[Case], jobs: int, report: Callable[[str], None] = say) -> list[tuple[Case, Measures]]:
    """All runs, in the order given, however many at once; tells how far it is. Interrupted, those that are done."""
    began = said = time.monotonic()
    done: dict[Case, Measures] = {}
    try:
        for case, measures in _played(cases, jobs):
            done[case] = measures
            now = time.monotonic()
            if now - said >= SAY_EVERY_S:
                said = now
                left = (now - began) / len(done) * (len(cases) - len(done))
                what = " ".join(map(str, case.cell))
                report(f"floor: {len(done)} of {len(cases)} runs, about {left / 60:.1f} min left ({what})")
    except KeyboardInterrupt:
        report(f"floor: stopped; {len(done)} of {len(cases)} runs are done")
    return [(case, done[case]) for case in cases if case in done]


def _played(cases: Sequence[Case], jobs: int) -> Iterable[tuple[Case, Measures]]:
    if jobs <= 1:
        yield from map(played, cases)
        return
    with Pool(jobs, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        yield from pool.imap_unordered(played, cases)


def mean_and_half(values: Sequence[float]) -> tuple[float, float]:
    """The mean and half the width of its 95 % confidence interval; infinite for a single value."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.inf
    t = T_975[len(values) - 2] if len(values) - 2 < len(T_975) else 1.96
    return mean, t * statistics.stdev(values) / math.sqrt(len(values))


def by_cell(runs: Sequence[tuple[Case, Measures]]) -> Cells:
    """The measures per scenario, load, noise, and strategy by seed."""
    cells: Cells = {}
    for case, measures in runs:
        cells.setdefault(case.cell, {})[case.seed] = measures
    return cells


def compare(runs: Sequence[tuple[Case, Measures]]) -> list[dict[str, Any]]:
    """One row per scenario, load, noise, and strategy: means, and paired differences to the reference where it ran."""
    cells = by_cell(runs)
    rows = []
    for (scenario, load, noise, strategy), by_seed in cells.items():
        row: dict[str, Any] = {
            "scenario": scenario, "load": load, "noise": noise, "strategy": strategy, "seeds": len(by_seed),
            "parameters": asdict(parameters_of(scenario, strategy)),
        }  # fmt: skip
        for name in MEASURES:
            row[name] = round(statistics.fmean(float(m[name]) for m in by_seed.values()), 4)
        other = cells.get((scenario, load, noise, REFERENCE), {})
        both = [seed for seed in by_seed if seed in other]
        if strategy != REFERENCE and both:
            row["against"] = {name: difference(by_seed, other, both, name) for name in PAIRED}
        rows.append(row)
    return rows


def difference(
    mine: dict[int, Measures], other: dict[int, Measures], seeds: Sequence[int], name: str
) -> dict[str, float | None]:
    """The mean of `mine - other` over these seeds and half its 95 % interval; None for a single seed."""
    mean, half = mean_and_half([mine[seed][name] - other[seed][name] for seed in seeds])
    return {"mean": round(mean, 4), "half": round(half, 4) if math.isfinite(half) else None}
