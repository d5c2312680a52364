"""What a link has done since the process started: counters, and how long each poll class really takes."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

WINDOW = 256
"""Cycles of a poll class that its times are taken from."""
LATE_MAX = 5
"""Cycles in a row that may take longer than their period before it is said; it is said once until one is in time."""
COUNTERS = ("reads", "writes", "unanswered", "refused", "stale", "repaired", "coalesced", "links_lost")


class Cycles:
    """The cycles of one poll class: every tag of it read once. Times in milliseconds."""

    def __init__(self, plan_ms: float) -> None:
        self.plan_ms = plan_ms
        self.count = 0
        self.late = 0
        """Cycles that took longer than their period."""
        self._in_a_row = 0
        self._began_ms: float | None = None
        self._took: deque[float] = deque(maxlen=WINDOW)
        self._every: deque[float] = deque(maxlen=WINDOW)

    def done(self, began_ms: float, took_ms: float) -> bool:
        """Takes one cycle in; True when now is the time to complain."""
        if self._began_ms is not None:
            self._every.append(began_ms - self._began_ms)
        self._began_ms = began_ms
        self._took.append(took_ms)
        self.count += 1
        late = took_ms > self.plan_ms
        self.late += late
        self._in_a_row = self._in_a_row + 1 if late else 0
        return self._in_a_row == LATE_MAX

    def paused(self) -> None:
        """The link went: the time until the next cycle is not the class's."""
        self._began_ms = None
        self._in_a_row = 0

    def view(self) -> dict[str, Any]:
        """Plan, measured interval and duration, as numbers."""
        return {
            "plan_ms": self.plan_ms,
            "every_ms": _spread(self._every),
            "took_ms": _spread(self._took),
            "cycles": self.count,
            "late": self.late,
        }


class LinkFigures:
    """Counters of one link and the cycles of its poll classes."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.classes: dict[str, Cycles] = {}

    def also(self, names: Iterable[str]) -> None:
        """Counters of one protocol, beside those that all have."""
        self.counts = {**dict.fromkeys(names, 0), **self.counts}

    def count(self, name: str, by: int = 1) -> None:
        """One of COUNTERS rises."""
        self.counts[name] += by

    def plan(self, name: str, period_ms: float) -> Cycles:
        """The cycles of a poll class; those of before the link was lost go on."""
        cycles = self.classes.setdefault(name, Cycles(period_ms))
        cycles.plan_ms = period_ms
        cycles.paused()
        return cycles

    def view(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {**self.counts, "classes": {name: cycles.view() for name, cycles in self.classes.items()}}


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {"p50": 0.0, "max": 0.0}
    return {"p50": round(sorted(values)[len(values) // 2], 2), "max": round(max(values), 2)}
