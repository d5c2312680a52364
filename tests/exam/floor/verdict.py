"""The verdict: does the rolling assignment hold, cell by cell, what is asked of it?

Asked is, at every load and under every noise: no more weighted misses than the tuned greedy index (`atcs`); where
earliest due (`edd`) misses at least EDD_FAILS_PCT, at most a tenth of its misses and 30 % less empty way than `atcs`;
30 us per decision, with the exam's own share; beside cpsat, no more weighted misses at a thousandth of its time.
"""

import statistics
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from tests.exam.floor.comparing import REFERENCE, Case, by_cell, difference
from tests.exam.floor.model import Measures

JUDGED, BASE, PEER = "rolling", "edd", "cpsat"
EDD_FAILS_PCT = 15.0
OF_EDD, OF_EMPTY, OF_PEER_TIME = 0.1, 0.7, 0.001
LIMIT_US = 30.0
QUESTIONS = {
    "no_worse": "no more weighted misses than atcs",
    "tenth": "at most a tenth of edd's misses where edd misses 15 %",
    "empty": "30 % less empty way than atcs there",
    "time": "30 us per decision",
    "no_worse_than_peer": "no more weighted misses than cpsat",
    "peer_time": "a thousandth of cpsat's time",
}
HEADINGS = ("weighted - atcs", "missed / edd's", "empty / atcs'", "us/decision", "weighted - cpsat", "of its time")
BySeed = dict[int, Measures]


def verdicts(runs: Sequence[tuple[Case, Measures]]) -> list[dict[str, Any]]:
    """One per scenario, load and noise where rolling ran beside atcs and edd, or beside cpsat, on the same seeds."""
    cells = by_cell(runs)
    found = []
    for scenario, load, noise in dict.fromkeys(cell[:3] for cell in cells):
        mine, atcs, edd, peer = (
            cells.get((scenario, load, noise, strategy), {}) for strategy in (JUDGED, REFERENCE, BASE, PEER)
        )
        judged: dict[str, Any] = {}
        if both := [seed for seed in mine if seed in atcs and seed in edd]:
            judged |= beside_index(mine, atcs, edd, both)
        if both := [seed for seed in mine if seed in peer]:
            judged |= beside_peer(mine, peer, both)
        if judged:
            found.append({"scenario": scenario, "load": load, "noise": noise} | judged)
    return found


def mean(runs: BySeed, seeds: Sequence[int], name: str) -> float:
    return statistics.fmean(float(runs[seed][name]) for seed in seeds)


def beside_index(mine: BySeed, atcs: BySeed, edd: BySeed, seeds: Sequence[int]) -> dict[str, Any]:
    """What is asked of every strategy beside the greedy ones."""
    missed, base, us = mean(mine, seeds, "missed_pct"), mean(edd, seeds, "missed_pct"), mean(mine, seeds, "cpu_us")
    weighted = difference(mine, atcs, seeds, "weighted_missed_pct")
    empty = mean(mine, seeds, "empty_s") / mean(atcs, seeds, "empty_s")
    fails = base >= EDD_FAILS_PCT
    return {
        "seeds": len(seeds), "edd_missed_pct": round(base, 4), "missed_pct": round(missed, 4),
        "weighted_against_atcs": weighted, "missed_against_atcs": difference(mine, atcs, seeds, "missed_pct"),
        "empty_to_atcs": round(empty, 4), "cpu_us": round(us, 2), "no_worse": (weighted["mean"] or 0) <= 0,
        "tenth": missed <= OF_EDD * base if fails else None, "empty": empty <= OF_EMPTY if fails else None,
        "time": us <= LIMIT_US,
    }  # fmt: skip


def beside_peer(mine: BySeed, peer: BySeed, seeds: Sequence[int]) -> dict[str, Any]:
    """What is asked of it beside the solver."""
    weighted = difference(mine, peer, seeds, "weighted_missed_pct")
    share = mean(mine, seeds, "cpu_us") / mean(peer, seeds, "cpu_us")
    return {
        "peer_seeds": len(seeds), "weighted_against_cpsat": weighted, "time_to_cpsat": round(share, 7),
        "no_worse_than_peer": (weighted["mean"] or 0) <= 0, "peer_time": share <= OF_PEER_TIME,
    }  # fmt: skip


def interval(found: dict[str, float | None]) -> str:
    """A difference with its 95 % interval, where there is one."""
    half = "" if found["half"] is None else f" ± {found['half']:.2f}"
    return f"{found['mean']:+.2f}{half}"


def table(found: Sequence[dict[str, Any]]) -> Table:
    """The verdicts as a table; what does not hold says so."""
    shown = Table(title="verdict on rolling", title_justify="left")
    shown.add_column("where")
    for heading in HEADINGS:
        shown.add_column(heading, justify="right")

    def cell(one: dict[str, Any], question: str, text: str) -> str:
        return text + (" NO" if one[question] is False else "")

    for one in found:
        cells = [f"{one['scenario']} {one['load']:g} {one['noise']}"]
        if "no_worse" in one:
            cells += [
                cell(one, "no_worse", interval(one["weighted_against_atcs"])),
                cell(one, "tenth", f"{one['missed_pct']:.2f} / {one['edd_missed_pct']:.1f} %"),
                cell(one, "empty", f"{one['empty_to_atcs']:.2f}"),
                cell(one, "time", f"{one['cpu_us']:.0f}"),
            ]
        else:
            cells += [""] * 4
        if "peer_time" in one:
            cells += [
                cell(one, "no_worse_than_peer", interval(one["weighted_against_cpsat"])),
                cell(one, "peer_time", f"1/{1 / one['time_to_cpsat']:,.0f}"),
            ]
        shown.add_row(*cells)
    return shown


def summary(found: Sequence[dict[str, Any]]) -> list[str]:
    """How often each thing that is asked holds."""
    lines = []
    for question, words in QUESTIONS.items():
        asked = [one[question] for one in found if one.get(question) is not None]
        if asked:
            lines.append(f"{words}: {sum(asked)} of {len(asked)}")
    return lines
