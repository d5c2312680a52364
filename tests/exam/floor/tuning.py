"""Parameters searched on the tuning seeds only: a small grid at the highest load with noise 0.3."""

import statistics
from itertools import product

from rich.table import Table

from tests.exam.floor.comparing import Case, play_all
from tests.exam.floor.policies import Parameters
from tests.exam.floor.scenarios import SCENARIOS, TUNING_SEEDS

KS = (1.0, 2.0, 4.0, 8.0, 16.0)
KTS_MS = (5_000, 10_000, 20_000, 40_000)
MARGINS = (0.0, 0.5, 1.0, 2.0)
WAITS = ("lookahead", "rolling")
"""Strategies that plan with somebody still at work: only they have a margin to tune."""
NOISE = "0.3"
JUDGED_BY = ("weighted_missed_pct", "missed_pct", "empty_s")
SHOWN = 6


def tune(scenario: str, strategy: str, jobs: int) -> Table:
    """The best settings first."""
    there = SCENARIOS[scenario]
    margins = MARGINS if strategy in WAITS else (0.0,)
    settings = [Parameters(k, kt, margin) for k, kt, margin in product(KS, KTS_MS, margins)]
    cases = [
        Case(scenario, there.loads[-1], NOISE, strategy, seed, there.hours, setting)
        for setting in settings
        for seed in TUNING_SEEDS
    ]
    found: dict[Parameters, list[tuple[float, ...]]] = {}
    for case, measures in play_all(cases, jobs):
        assert case.parameters is not None
        found.setdefault(case.parameters, []).append(tuple(measures[name] for name in JUDGED_BY))
    means = {setting: tuple(map(statistics.fmean, zip(*each, strict=True))) for setting, each in found.items()}
    table = Table("k", "kt_ms", "margin", *JUDGED_BY)
    for setting in sorted(means, key=lambda one: means[one])[:SHOWN]:
        table.add_row(
            f"{setting.k:g}", str(setting.kt_ms), f"{setting.margin:g}", *(f"{v:.3f}" for v in means[setting])
        )
    return table
