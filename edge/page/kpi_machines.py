"""The machines in the report: whose time went where, and OEE = availability x performance x quality.

Availability is charged with what the machine itself lost (held, stopped, aborted), not with what neighbours cost it
(starved, blocked, suspended) nor with what nobody saw. Performance compares the nominal cycle of the settings with the
time it produced; quality is the share of its units or jobs that ended as asked. Categories after ISA-TR88.00.02.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from edge.messages import JobEnded, LinkGap, Machine, MachineChanged, Message, SiteOpened, SortResult, UnitSorted
from edge.messages.packml import OWN, Time, time_of
from edge.page.kpi_numbers import share

CAUSES_MAX = 5
GOOD_SORTS = (SortResult.DIVERTED, SortResult.DIVERTED_ALT, SortResult.HANDOVER)
GOOD_JOBS = ("OK", "SHORT")
NOT_A_JOB = "REJECTED"
Report = tuple[str, int, int, int]
"""(machine, boot, seq, tracking id), as for the sorter's counts."""


class Machines:
    """Folds what machines did; seeing a message again, or in another order, changes nothing."""

    def __init__(self) -> None:
        self._configs: dict[str, Machine] = {}
        self._changes: dict[str, dict[MachineChanged, None]] = {}
        self._sorted: dict[Report, UnitSorted] = {}
        self._jobs: dict[tuple[str, int], JobEnded] = {}
        self._gaps: dict[LinkGap, None] = {}
        self._last_ms = 0
        self.table: dict[type[Message], Callable[[Any], None]] = {
            SiteOpened: self._see_site,
            MachineChanged: self._see_changed,
            UnitSorted: self._see_sorted,
            JobEnded: self._see_job,
            LinkGap: self._see_gap,
        }

    def _see_site(self, message: SiteOpened) -> None:
        self._configs |= {machine.machine_id: machine for machine in message.site.machines}

    def _see_changed(self, message: MachineChanged) -> None:
        self._changes.setdefault(message.machine_id, {})[message] = None
        self._last_ms = max(self._last_ms, message.at_ms)

    def _see_sorted(self, message: UnitSorted) -> None:
        if message.result is not SortResult.RECIRCULATED:
            self._sorted.setdefault((message.machine_id, message.boot, message.seq, message.tracking_id), message)
        self._last_ms = max(self._last_ms, message.at_ms)

    def _see_job(self, message: JobEnded) -> None:
        self._jobs.setdefault((message.machine_id, message.job_id), message)
        self._last_ms = max(self._last_ms, message.at_ms)

    def _see_gap(self, message: LinkGap) -> None:
        self._gaps[message] = None

    def part(self) -> list[dict[str, Any]]:
        """machines of the report, one entry for each that ever reported."""
        return [self._machine(machine_id) for machine_id in sorted(self._changes)]

    def _machine(self, machine_id: str) -> dict[str, Any]:
        spent, causes = self._spent(machine_id)
        ideal_ms, good, done = self._work(machine_id)
        wanted_ms = spent[Time.PRODUCING] + sum(spent[time] for time in OWN)
        availability = share(spent[Time.PRODUCING], wanted_ms)
        performance = share(ideal_ms, spent[Time.PRODUCING]) if ideal_ms else None
        quality = share(good, done)
        factors = (availability, performance, quality)
        config = self._configs.get(machine_id)
        gaps = [gap.to_ms - gap.from_ms for gap in self._gaps if gap.machine_id == machine_id]
        return {
            "machine_id": machine_id,
            "kind": config.kind if config else "",
            "seconds": {time.value: spent[time] // 1000 for time in Time},
            "causes": [{"cause": cause, "seconds": ms // 1000} for cause, ms in causes.most_common(CAUSES_MAX)],
            "gaps": {"count": len(gaps), "ms": sum(gaps)},
            "done": done,
            "good": good,
            "availability": availability,
            "performance": performance,
            "quality": quality,
            "oee": None if None in factors else round(factors[0] * factors[1] * factors[2], 4),  # type: ignore[operator]
        }

    def _spent(self, machine_id: str) -> tuple[Counter[Time], Counter[str]]:
        """Milliseconds by category, and by cause of what was the machine's own."""
        changes = sorted(self._changes[machine_id], key=lambda m: (m.at_ms, m.boot, m.link, m.state, m.flow, m.reason))
        spent: Counter[Time] = Counter()
        causes: Counter[str] = Counter()
        ends = [*(change.at_ms for change in changes[1:]), self._last_ms]
        for change, end_ms in zip(changes, ends, strict=True):
            time = time_of(change)
            spent[time] += end_ms - change.at_ms
            if time in OWN and change.reason and end_ms > change.at_ms:
                causes[change.reason] += end_ms - change.at_ms
        return spent, causes

    def _work(self, machine_id: str) -> tuple[int, int, int]:
        """How long what was done should have taken (0 = nobody knows), how much of it is good, and all of it."""
        units = [report for key, report in self._sorted.items() if key[0] == machine_id]
        jobs = [job for key, job in self._jobs.items() if key[0] == machine_id and job.result != NOT_A_JOB]
        good = sum(unit.result in GOOD_SORTS for unit in units) + sum(job.result in GOOD_JOBS for job in jobs)
        done = len(units) + len(jobs)
        config = self._configs.get(machine_id)
        if config is None or not config.cycle_ms:
            return 0, good, done
        return config.cycle_ms * done + config.unit_ms * sum(job.picked for job in jobs), good, done
