"""Parameters searched on the tuning seeds only: a small grid at the highest load under every noise.

Two rounds: all settings on the first seeds, the better third on all of them. Of the settings within NO_WORSE of the
fewest weighted misses the one with the shortest way wins.
"""

import statistics
from collections.abc import Sequence
from itertools import product

from rich.table import Table

from tests.exam.floor.comparing import Case, play_all
from tests.exam.floor.draw import NOISES
from tests.exam.floor.policies import Parameters
from tests.exam.floor.scenarios import SCENARIOS, TUNING_SEEDS

KS = (1.0, 2.0, 4.0, 8.0)
KTS_MS = (2_500, 3_500, 5_000, 7_000, 10_000, 14_000)
MARGINS = (0.5, 1.0, 2.0)
WAITS = ("lookahead", "rolling")
"""Strategies that plan with somebody still at work: only they have a margin to tune."""
HASTES = (0.8, 1.6)
FIRST_ROUND, GO_ON = 2, 3
"""Seeds of the first round, and one setting in so many goes on."""
NO_WORSE = 0.05
"""Percentage points of weighted misses that five seeds do not tell from chance."""
JUDGED_BY = ("weighted_missed_pct", "missed_pct", "empty_s")
SHOWN = 6
Found = dict[Parameters, tuple[float, ...]]


def tune(scenario: str, strategy: str, jobs: int) -> Table:
    """The best settings first."""
    margins = MARGINS if strategy in WAITS else (0.0,)
    hastes = HASTES if strategy == "rolling" else HASTES[:1]
    settings: Sequence[Parameters] = [Parameters(*each) for each in product(KS, KTS_MS, margins, hastes)]
    found = tried(scenario, strategy, settings, TUNING_SEEDS[:FIRST_ROUND], jobs)
    settings = ranked(found)[: max(SHOWN, len(settings) // GO_ON)]
    found = tried(scenario, strategy, settings, TUNING_SEEDS, jobs)
    table = Table("k", "kt_ms", "margin", "haste", *JUDGED_BY)
    for one in ranked(found)[:SHOWN]:
        shown = (f"{one.k:g}", str(one.kt_ms), f"{one.margin:g}", f"{one.haste:g}")
        table.add_row(*shown, *(f"{v:.3f}" for v in found[one]))
    return table


def tried(scenario: str, strategy: str, settings: Sequence[Parameters], seeds: Sequence[int], jobs: int) -> Found:
    """The means of every setting over these seeds and all noises."""
    there = SCENARIOS[scenario]
    cases = [
        Case(scenario, there.loads[-1], noise, strategy, seed, there.hours, setting)
        for seed in seeds
        for noise in NOISES
        for setting in settings
    ]
    runs: dict[Parameters, list[tuple[float, ...]]] = {}
    for case, measures in play_all(cases, jobs):
        assert case.parameters is not None
        runs.setdefault(case.parameters, []).append(tuple(measures[name] for name in JUDGED_BY))
    return {setting: tuple(map(statistics.fmean, zip(*each, strict=True))) for setting, each in runs.items()}


def ranked(found: Found) -> list[Parameters]:
    """The shortest way first among those that miss no more than the best, then the others by what they miss."""
    least = min(figures[0] for figures in found.values()) + NO_WORSE

    def key(setting: Parameters) -> tuple[float, float]:
        missed, _, empty = found[setting]
        return (0.0, empty) if missed <= least else (missed, empty)

    return sorted(found, key=key)
