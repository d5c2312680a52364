"""Forecasts in the report: how honest they were (Brier 1950, reliability) and how early they warned."""

from collections.abc import Callable
from typing import Any

from edge.messages import CutoffAtRisk, DepartureClosed, ForecastMade, Message
from edge.page.kpi_numbers import share

LEADS_MIN = (120, 60, 30, 15, 5)
"""How long before the cutoff a forecast is compared with what happened: the last one made before each."""
BINS = 10


class Forecasts:
    """Folds forecasts, warnings and what became of the departures."""

    def __init__(self) -> None:
        self._said: dict[str, dict[int, tuple[int, int]]] = {}
        self._warned: dict[str, int] = {}
        self._closed: dict[str, bool] = {}
        self._made: dict[int, None] = {}
        self.table: dict[type[Message], Callable[[Any], None]] = {
            ForecastMade: self._see_forecast,
            CutoffAtRisk: self._see_warning,
            DepartureClosed: self._see_closed,
        }

    def _see_forecast(self, message: ForecastMade) -> None:
        self._made[message.asked_ms] = None
        for outlook in message.departures:
            said = self._said.setdefault(outlook.departure_id, {})
            said[message.asked_ms] = (outlook.cutoff_ms, outlook.miss_permille)

    def _see_warning(self, message: CutoffAtRisk) -> None:
        lead_ms = message.cutoff_ms - message.at_ms
        self._warned[message.departure_id] = max(lead_ms, self._warned.get(message.departure_id, 0))

    def _see_closed(self, message: DepartureClosed) -> None:
        self._closed[message.departure_id] = bool(message.left_behind)

    def _judged(self) -> list[tuple[int, int, bool]]:
        """(lead in minutes, permille, missed) of every forecast that counts."""
        found = []
        for departure_id, missed in sorted(self._closed.items()):
            said = sorted(self._said.get(departure_id, {}).items())
            for lead in LEADS_MIN:
                before = [permille for asked, (cutoff, permille) in said if cutoff - asked >= lead * 60_000]
                if before:
                    found.append((lead, before[-1], missed))
        return found

    def part(self) -> dict[str, Any]:
        """The forecasts' part of the report; brier is null where nothing was judged."""
        judged = self._judged()
        leads = sorted(lead for name, lead in self._warned.items() if self._closed.get(name))
        missed = sum(self._closed.values())
        return {
            "made": len(self._made),
            "judged": len(judged),
            "brier": _brier(judged),
            "base_rate_brier": _base_rate(judged),
            "brier_by_lead_min": {str(lead): _brier([row for row in judged if row[0] == lead]) for lead in LEADS_MIN},
            "reliability": [_bin(judged, number) for number in range(BINS)],
            "warnings": {
                "true": len(leads),
                "false": sum(1 for name in self._warned if self._closed.get(name) is False),
                "missed_without": missed - len(leads),
                "lead_min_p50": leads[len(leads) // 2] // 60_000 if leads else None,
            },
        }


def _brier(judged: list[tuple[int, int, bool]]) -> float | None:
    """The mean squared difference between what was said and what happened."""
    total = sum((permille - 1000 * missed) ** 2 for _, permille, missed in judged)
    return round(total / (1e6 * len(judged)), 6) if judged else None


def _base_rate(judged: list[tuple[int, int, bool]]) -> float | None:
    """The Brier score of always saying the share of departures that missed."""
    rate = share(sum(missed for _, _, missed in judged), len(judged))
    return None if rate is None else round(rate * (1 - rate), 6)


def _bin(judged: list[tuple[int, int, bool]], number: int) -> dict[str, Any]:
    """How often departures missed of which this was said, 10 % wide."""
    rows = [row for row in judged if min(row[1] * BINS // 1000, BINS - 1) == number]
    return {
        "count": len(rows),
        "said": round(sum(row[1] for row in rows) / (1000 * len(rows)), 4) if rows else None,
        "happened": round(sum(row[2] for row in rows) / len(rows), 4) if rows else None,
    }
