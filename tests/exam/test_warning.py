"""The scores of the forecasts are those of the literature, the rules warn when they should, and a day can be played."""

from pathlib import Path

import pytest

from edge.wes import CORE
from tests.exam.__main__ import part
from tests.exam.warning import (
    FOLDER,
    HELD_BACK,
    LEADS_MIN,
    LOADS,
    QUICK,
    QUICK_FUTURES,
    TUNING,
    WINDOWS_MIN,
    Fate,
    Said,
    bins,
    briers,
    judged,
    plan,
    play,
    rows,
    summary,
    warned,
    warnings,
)  # fmt: skip


def fate(missed: bool, *said: tuple[int, int], warned_min: int | None = None) -> Fate:
    return Fate(missed, loaded=True, closed=True, said=list(said), warned_min=warned_min)


LATE = fate(True, (62, 100), (32, 900), (17, 1000), (6, 1000), warned_min=32)
UNSEEN = fate(True, (61, 0), (31, 0), (16, 100))
GOOD = fate(False, (63, 0), (33, 400), (18, 100), warned_min=18)
DAYS = {7: {"late": LATE, "good": GOOD}, 8: {"unseen": UNSEEN}}


def test_held_back_seeds_are_used_for_nothing_else() -> None:
    assert not set(HELD_BACK) & set(TUNING)
    assert set(QUICK) <= set(HELD_BACK)


def test_a_forecast_counts_for_the_lead_it_was_made_at_and_no_other() -> None:
    assert {(each.departure, each.lead_min, each.permille) for each in judged(DAYS)} == {
        ((7, "late"), 60, 100), ((7, "late"), 30, 900), ((7, "late"), 15, 1000), ((7, "late"), 5, 1000),
        ((7, "good"), 60, 0), ((7, "good"), 30, 400), ((7, "good"), 15, 100),
        ((8, "unseen"), 60, 0), ((8, "unseen"), 30, 0), ((8, "unseen"), 15, 100),
    }  # fmt: skip


def test_the_scores_are_mean_squares() -> None:
    said = [Said((1, "a"), 60, 500, True), Said((1, "b"), 15, 0, False), Said((1, "c"), 5, 1000, False)]
    found = briers(said, 1 / 3)
    assert found["forecast"] == pytest.approx((0.25 + 0 + 1) / 3, abs=1e-5)
    assert found["base_rate"] == pytest.approx(2 / 9, abs=1e-5)
    assert found["passed"] == pytest.approx(1 / 3, abs=1e-5)
    assert found["window"] == pytest.approx(1, abs=1e-5)


def test_bins_say_what_happened_and_count_each_departure_once() -> None:
    said = [Said((1, name), lead, permille, True) for name in "abcd" for lead, permille in ((30, 930), (15, 1000))]
    (only,) = bins(said)
    assert (only["forecasts"], only["departures"], only["said"], only["happened"]) == (8, 4, 0.965, 1.0)
    assert only["high"] == 1.0
    assert only["low"] == pytest.approx(4 / (4 + 1.96**2), abs=2e-3), "Wilson of 4 of 4, not of 8 of 8"


def test_the_parts_of_the_score_add_up() -> None:
    figures = summary({seed: {"a": fate(True, (30, 800)), "b": fate(False, (30, 100))} for seed in range(5)})
    whole = figures["reliability"] - figures["resolution"] + figures["uncertainty"]
    assert figures["brier"]["forecast"] == pytest.approx(whole, abs=1e-4)
    assert figures["skill"] == pytest.approx(1 - 0.025 / 0.25, abs=1e-3)


def test_rules_warn_when_they_should() -> None:
    assert [warned(LATE, rule) for rule in ("forecast", "passed", "window_30", "window_5")] == [32, 0, 17, None]
    assert [warned(GOOD, rule) for rule in ("forecast", "passed", "window_60")] == [18, None, 33]
    fates = [LATE, UNSEEN, GOOD]
    assert warnings(fates, "forecast") == {
        "hits": 1, "hit_pct": 50.0, "false": 1, "false_pct": 100.0, "lead_min_p50": 32,
    }  # fmt: skip
    assert warnings(fates, "passed") == {"hits": 2, "hit_pct": 100.0, "false": 0, "false_pct": 0.0, "lead_min_p50": 0}
    assert warnings([GOOD], "passed")["lead_min_p50"] is None


def test_the_window_alike_is_the_one_with_as_many_false_alarms() -> None:
    good = [fate(False, (32, 0), (7, 0)), fate(False, (42, 0)), fate(False, (52, 0), warned_min=52)]
    late = [fate(True, (32, 900), (8, 900), warned_min=32)]
    figures = summary({1: {str(n): each for n, each in enumerate(good + late)}})
    assert (figures["warnings"]["forecast"]["false"], figures["alike"]) == (1, "window_10")
    first = next(row for row in rows(figures) if "open 10 min" in row.limit)
    assert first.ratio == 4.0


def test_what_nobody_on_the_floor_could_know_of_is_counted_apart() -> None:
    figures = summary(DAYS | {9: {"elsewhere": Fate(missed=True, closed=True)}})
    assert (figures["departures"], figures["missed"], figures["unseen"]) == (3, 2, 1)


def test_nothing_forecast_is_an_error() -> None:
    with pytest.raises(ValueError, match="no departure"):
        summary({1: {"a": fate(False)}})


@pytest.fixture(scope="module")
def played() -> dict[str, Fate]:
    if CORE == "python":
        pytest.skip("a day with forecasts takes minutes with an uncompiled core")
    return play(FOLDER, QUICK[0], QUICK_FUTURES)


def test_a_day_is_played(played: dict[str, Fate]) -> None:
    assert len(played) > 20
    assert all(each.closed and each.seen for each in played.values())
    leads = [lead for each in played.values() for lead, _ in each.said]
    assert all(lead > 0 for lead in leads)
    assert sum(bool(each.said) for each in played.values()) > len(played) // 2
    assert all(each.said == sorted(each.said, reverse=True) for each in played.values()), "time runs to the cutoff"


def test_days_have_loads_in_turn() -> None:
    plans = [plan(FOLDER, seed, 0) for seed in HELD_BACK[: len(LOADS)]]
    assert sorted((len(each.orders), each.people) for each in plans) == sorted(LOADS)
    assert not any(each.remedies for each in plans)


def test_figures_rows_and_picture_of_a_day(played: dict[str, Fate], tmp_path: Path) -> None:
    figures = summary({QUICK[0]: played})
    assert [each["lead_min"] for each in figures["by_lead"]] == list(LEADS_MIN)
    assert sum(each["forecasts"] for each in figures["bins"]) == figures["forecasts"]
    assert set(figures["warnings"]) == {"forecast", "passed", *(f"window_{each}" for each in WINDOWS_MIN)}
    assert all(row.what and row.measured and row.limit for row in rows(figures))
    pytest.importorskip("matplotlib")
    file = tmp_path / "picture.png"
    part("warning").draw(figures, file)
    first = file.read_bytes()
    assert first.startswith(b"\x89PNG")
    part("warning").draw(figures, file)
    assert file.read_bytes() == first
