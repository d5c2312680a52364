"""What a task is worth under each dispatch strategy, as the numbers that the index keeps (dispatch.md 1).

atcs: ln(weight / work) less the slack in K mean works, and less the walk in K mean walks (Lee, Bhaskaran, Pinedo 1997);
a task that cannot make its departure any more aims at the next one, and after that goes behind (triage).
fifo, edd and nearest are the same index with slope 0; fifo and edd with no cost of travel.
"""

from typing import NamedTuple

from edge.wes.index import NEVER_MS, REACH, log_q32

STRATEGIES = ("fifo", "edd", "nearest", "atcs")
Q32 = 1 << 32
SCALE = 1 << 50
"""Keeps weight / work a whole number; the same for every task, so it decides nothing."""


class Worth(NamedTuple):
    """The last six arguments of `Index.put`."""

    top: int
    line: int
    urgent_ms: int
    lost_ms: int
    line2: int
    urgent2_ms: int


def slope_of(strategy: str, k_percent: int, mean_work_ms: int) -> int:
    """Index units per ms: how fast worth grows while slack shrinks; K in percent of a mean work."""
    return Q32 * 100 // (k_percent * mean_work_ms) if strategy == "atcs" else 0


def walk_cost(strategy: str, k_percent: int, mean_walk_ms: int, walk_ms: int) -> int:
    """Index units that a walk costs; K in percent of a mean walk. nearest: the walk itself, in ms."""
    if strategy == "atcs":
        return Q32 * 100 * walk_ms // (k_percent * mean_walk_ms)
    return walk_ms if strategy == "nearest" else 0


def worth(
    strategy: str,
    *,
    weight: int,
    work_ms: int,
    due_ms: int,
    next_due_ms: int,
    number: int,
    tolerance_ms: int,
    slope: int,
) -> Worth:
    """What a task is worth; times in ms after the origin, `slope` as in the index.

    A task is lost to its departure `tolerance_ms` after its latest start (NEVER_MS: no triage). If there is no next
    departure, `next_due_ms` is `due_ms` again. Raises KeyError for an unknown strategy.
    """
    if strategy != "atcs":
        top = {"fifo": -number, "edd": max(-REACH, min(-due_ms, REACH)), "nearest": 0}[strategy]
        return Worth(top, top, 0, NEVER_MS, top, NEVER_MS)
    assert 1 <= weight < 1 << 12, "weight out of range"
    assert work_ms >= 1, "work takes time"
    top = log_q32(weight * SCALE // work_ms)
    urgent_ms, urgent2_ms = within_reach(due_ms - work_ms, slope), within_reach(next_due_ms - work_ms, slope)
    lost_ms = due_ms - work_ms + tolerance_ms
    return Worth(top, top - urgent_ms * slope, urgent_ms, lost_ms, top - urgent2_ms * slope, urgent2_ms)


def within_reach(at_ms: int, slope: int) -> int:
    """A time so near that the line through it stays within the reach of the index."""
    far_ms = (REACH >> 1) // max(slope, 1)
    return max(-far_ms, min(at_ms, far_ms))
