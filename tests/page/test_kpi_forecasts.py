"""How honest forecasts were, from the messages alone."""

import pytest

from edge.messages import CutoffAtRisk, DepartureClosed, DepartureOutlook, ForecastMade
from edge.page.kpi_forecasts import Forecasts

MINUTE = 60_000
CUTOFF = 10_000 * MINUTE


def forecast(departure: str, lead_min: int, permille: int) -> ForecastMade:
    one = DepartureOutlook(
        departure_id=departure, cutoff_ms=CUTOFF, units=1, miss_permille=permille, low_permille=0, high_permille=1000,
        missed_x10=0, finish_p10_ms=0, finish_p50_ms=0, finish_p90_ms=0, binding="",
    )  # fmt: skip
    at_ms = CUTOFF - lead_min * MINUTE
    return ForecastMade(at_ms=at_ms, asked_ms=at_ms, futures=8, departures=(one,))


def closed(departure: str, *left: str) -> DepartureClosed:
    return DepartureClosed(at_ms=CUTOFF, departure_id=departure, site="S1", units=(), orders=(), left_behind=left)


def warning(departure: str, lead_min: int) -> CutoffAtRisk:
    return CutoffAtRisk(
        at_ms=CUTOFF - lead_min * MINUTE, departure_id=departure, cutoff_ms=CUTOFF, miss_permille=900, missed_x10=10,
        expected_ms=0, binding="", action="", action_permille=900,
    )  # fmt: skip


def folded(*messages: object) -> Forecasts:
    forecasts = Forecasts()
    for message in messages:
        forecasts.table[type(message)](message)  # type: ignore[index]
    return forecasts


def test_nothing_judged_is_null() -> None:
    part = folded(forecast("d1", 60, 500)).part()
    assert (part["made"], part["judged"], part["brier"], part["base_rate_brier"]) == (1, 0, None, None)


def test_the_last_forecast_before_each_lead_counts() -> None:
    part = folded(
        forecast("d1", 90, 200), forecast("d1", 61, 400), forecast("d1", 14, 1000), closed("d1", "o1")
    ).part()  # fmt: skip
    by_lead = part["brier_by_lead_min"]
    assert by_lead == {"120": None, "60": 0.36, "30": 0.36, "15": 0.36, "5": 0.0}
    assert part["judged"] == 4
    assert part["brier"] == pytest.approx(0.27)
    assert part["base_rate_brier"] == 0.0


def test_reliability_and_warnings() -> None:
    part = folded(
        forecast("d1", 20, 900), forecast("d2", 20, 950), forecast("d3", 20, 50),
        warning("d1", 40), warning("d1", 20), warning("d2", 30),
        closed("d1", "o1"), closed("d2"), closed("d3", "o3"),
    ).part()  # fmt: skip
    assert part["reliability"][9] == {"count": 4, "said": 0.925, "happened": 0.5}
    assert part["reliability"][0] == {"count": 2, "said": 0.05, "happened": 1.0}
    assert part["warnings"] == {"true": 1, "false": 1, "missed_without": 1, "lead_min_p50": 40}


def test_seeing_a_message_twice_changes_nothing() -> None:
    messages = (forecast("d1", 20, 900), warning("d1", 20), closed("d1", "o1"))
    assert folded(*messages, *messages).part() == folded(*messages).part()
