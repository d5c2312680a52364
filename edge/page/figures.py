"""What a process counts about itself: plain counters, levels, and times in bounded rings. No random, no clock."""

from array import array
from typing import Any

RING = 512
NAMES_MAX = 200


class Times:
    """The last values of one measured time, and how many there were in all."""

    __slots__ = ("count", "ring", "total_us")

    def __init__(self) -> None:
        self.count = 0
        self.total_us = 0
        self.ring = array("q")

    def add(self, value_us: int) -> None:
        """One measurement; the oldest gives way."""
        if len(self.ring) < RING:
            self.ring.append(value_us)
        else:
            self.ring[self.count % RING] = value_us
        self.count += 1
        self.total_us += value_us

    def summary(self) -> dict[str, int]:
        """n and sum of all, p50, p99 and max of the last ones."""
        last = sorted(self.ring)
        top = len(last) - 1
        return {
            "n": self.count,
            "sum": self.total_us,
            "p50": last[top // 2] if last else 0,
            "p99": last[top * 99 // 100] if last else 0,
            "max": last[-1] if last else 0,
        }


class Figures:
    """Counters and times of the runtime. Names used: events, commits, decide_us, dispatch_us, commit_us, loop_lag_us,
    uplink_sent, uplink_received, uplink_duplicates, uplink_resent, refused_*; level: outbox_depth."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.levels: dict[str, int] = {}
        self.times: dict[str, Times] = {}
        self.links: dict[str, dict[str, Any]] = {}
        """By machine: what its link counts, its tags by quality, the cycles of its poll classes."""

    def count(self, name: str, n: int = 1) -> None:
        """So much more of it happened."""
        if name in self.counts or self._room(self.counts):
            self.counts[name] = self.counts.get(name, 0) + n

    def level(self, name: str, value: int) -> None:
        """It stands at this value now."""
        if name in self.levels or self._room(self.levels):
            self.levels[name] = value

    def link(self, machine_id: str, view: dict[str, Any]) -> None:
        """How the link of a machine does now."""
        if machine_id in self.links or self._room(self.links):
            self.links[machine_id] = view

    def time_us(self, name: str, value: int) -> None:
        """It took this long."""
        times = self.times.get(name)
        if times is None:
            if not self._room(self.times):
                return
            times = self.times[name] = Times()
        times.add(value)

    def snapshot(self) -> dict[str, Any]:
        """JSON-ready: counts, levels, n/sum/p50/p99/max of each time, and the links."""
        return {
            "counts": dict(self.counts),
            "levels": dict(self.levels),
            "times": {name: times.summary() for name, times in self.times.items()},
            "links": dict(self.links),
        }

    def _room(self, table: dict[str, Any]) -> bool:
        if len(table) < NAMES_MAX:
            return True
        self.counts["refused_names"] = self.counts.get("refused_names", 0) + 1
        return False
