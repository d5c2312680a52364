"""The floor in the report: tasks by kind and by resource, the sorter's counts and latency, alarms."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    DivertUnit,
    Message,
    SiteOpened,
    SortResult,
    TaskCompleted,
    UnitScanned,
    UnitSorted,
)
from edge.page.kpi_numbers import iso, nearest_rank

ALARMS_MAX = 200
Request = tuple[str, int, int, int]
"""(machine, boot, seq, tracking id): seq alone comes round again after 65 532 units."""


class Floor:
    """Folds what people and machines did; seeing a message again, or in another order, changes nothing."""

    def __init__(self) -> None:
        self._tasks: dict[str, TaskCompleted] = {}
        self._sorters: set[str] = set()
        self._scans: set[Request] = set()
        self._decisions: set[Request] = set()
        self._sorted: dict[Request, UnitSorted] = {}
        self._raised: dict[tuple[str, int], AlarmRaised] = {}
        self._cleared: dict[str, set[int]] = {}
        self.table: dict[type[Message], Callable[[Any], None]] = {
            TaskCompleted: self._see_completed,
            SiteOpened: self._see_site,
            UnitScanned: lambda message: self._scans.add(_request(message)),
            DivertUnit: lambda message: self._decisions.add(_request(message)),
            UnitSorted: self._see_sorted,
            AlarmRaised: self._see_raised,
            AlarmCleared: lambda message: self._cleared.setdefault(message.alarm_id, set()).add(message.at_ms),
        }

    def _see_completed(self, message: TaskCompleted) -> None:
        known = self._tasks.get(message.task_id)
        if known is None or message.at_ms < known.at_ms:
            self._tasks[message.task_id] = message

    def _see_site(self, message: SiteOpened) -> None:
        self._sorters |= {machine.machine_id for machine in message.site.machines if machine.kind == "sorter"}

    def _see_sorted(self, message: UnitSorted) -> None:
        self._sorted.setdefault(_request(message), message)

    def _see_raised(self, message: AlarmRaised) -> None:
        self._raised[message.alarm_id, message.at_ms] = message

    def part(self) -> dict[str, Any]:
        """tasks, sorter, latency_ms and alarms of the report."""
        return {
            "tasks": {
                "by_kind": _counted(task.kind.value for task in self._tasks.values()),
                "by_resource": _counted(task.resource_id for task in self._tasks.values()),
            },
            **self._sorter(),
            "alarms": [self._alarm(*key) for key in self._alarm_keys()[:ALARMS_MAX]],
            "alarms_total": len(self._raised),
        }

    def _sorter(self) -> dict[str, Any]:
        reports = [report for key, report in self._sorted.items() if key[0] in self._sorters]
        results = Counter(report.result for report in reports)
        diverted = results[SortResult.DIVERTED] + results[SortResult.DIVERTED_ALT]
        recirculated, default_lane = results[SortResult.RECIRCULATED], results[SortResult.DEFAULT_LANE]
        latencies = sorted(report.decision_latency_ms for report in reports if report.decision_seq)
        return {
            "sorter": {
                "scans": sum(1 for key in self._scans if key[0] in self._sorters),
                "decisions": sum(1 for key in self._decisions if key[0] in self._sorters),
                "diverted": diverted,
                "recirculated": recirculated,
                "default_lane": default_lane,
                "other": len(reports) - diverted - recirculated - default_lane,
                "no_decision": _named(reports, SortResult.NO_DECISION),
                "late": _named(reports, SortResult.LATE_DECISION),
            },
            "latency_ms": {
                "scan_to_decision_p50": nearest_rank(latencies, 50),
                "scan_to_decision_p99": nearest_rank(latencies, 99),
            },
        }

    def _alarm_keys(self) -> list[tuple[str, int]]:
        return sorted(self._raised, key=lambda key: (key[1], key[0]))

    def _alarm(self, alarm_id: str, raised_ms: int) -> dict[str, Any]:
        again = min((at for name, at in self._raised if name == alarm_id and at > raised_ms), default=None)
        ends = (at for at in self._cleared.get(alarm_id, ()) if at >= raised_ms and (again is None or at <= again))
        cleared = min(ends, default=None)
        return {
            "id": alarm_id,
            "text": self._raised[alarm_id, raised_ms].text,
            "priority": self._raised[alarm_id, raised_ms].priority,
            "raised": iso(raised_ms),
            "cleared": iso(cleared) if cleared is not None else None,
        }


def _request(message: UnitScanned | DivertUnit | UnitSorted) -> Request:
    return (message.machine_id, message.boot, message.seq, message.tracking_id)


def _named(reports: list[UnitSorted], what: SortResult) -> int:
    """Units of which the PLC gives `what` as the result or as the reason for it."""
    return sum(1 for report in reports if what in (report.result, report.reason))


def _counted(names: Any) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
