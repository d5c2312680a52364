"""Durations learnt from facts, changes of pace, and forecasts against outcomes."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.codec import dump_state, load_state
from edge.messages import TaskKind
from edge.wes.calibrate import (
    BINS,
    EDGES,
    FULL,
    KEYS_MAX,
    LEADS_MS,
    LONGEST_MS,
    ONE,
    OPEN_MAX,
    PRIOR_MS,
    QUANTILES,
    RESOURCES_MAX,
    SETTLE,
    TENTHS,
    TRANSIT,
    WARM,
    Durations,
    Score,
    ScoreRecord,
    Times,
    TimesRecord,
    bin_of,
    copied_score,
    copied_times,
    exp2_q10,
    log2_q10,
)
from edge.wes.estimates import MINUTE_MS, TASK_MS

CALM = settings(max_examples=60, deadline=None)
MS = st.one_of(st.integers(EDGES[0], 200_000), st.integers(EDGES[0], LONGEST_MS))
T0 = 1_700_000_000_000
CUTOFF = T0 + 180 * MINUTE_MS


def lognormal(seed: int, sigma: float, middle_ms: int = 40_000) -> Iterator[int]:
    chance = Random(seed)
    while True:
        yield max(1, int(middle_ms * chance.lognormvariate(0, sigma)))


def feed(times: Times, durations: Iterator[int], count: int, *, doer: str = "ann") -> int:
    """How many changes of pace began meanwhile."""
    began, stood = 0, bool(times.drifted())
    for ms in islice(durations, count):
        times.observe("pick", "A", doer, ms)
        stands = bool(times.drifted())
        began += stands and not stood
        stood = stands
    return began


def until_drift(times: Times, durations: Iterator[int], at_most: int) -> int:
    """How many observations it takes until a change of pace is said; `at_most` + 1 if none is."""
    for count in range(1, at_most + 1):
        feed(times, durations, 1)
        if times.drifted():
            return count
    return at_most + 1


# Bins, logarithms, quantiles.


@given(st.integers(1, 2**40))
def test_logarithms_and_powers_are_good_enough(value: int) -> None:
    assert abs(log2_q10(value) - 1024 * math.log2(value)) <= 5
    log_q10 = value % 20_480
    assert abs(exp2_q10(log_q10) / 1024 - 2 ** (log_q10 / 1024)) <= 0.002 * 2 ** (log_q10 / 1024)
    assert abs(exp2_q10(-log_q10) - 1024 / 2 ** (log_q10 / 1024)) <= 2


@given(MS)
def test_a_duration_lies_in_its_bin_and_bins_are_an_eighth_wide(ms: int) -> None:
    position = bin_of(ms)
    assert EDGES[position] <= ms < EDGES[position + 1]
    assert (EDGES[position + 1] - EDGES[position]) * 8 <= EDGES[position]


def test_the_bins_end_where_they_should() -> None:
    assert (bin_of(1), bin_of(1023), bin_of(LONGEST_MS), bin_of(10**12)) == (0, 0, BINS - 1, BINS - 1)


@CALM
@given(st.lists(MS, max_size=150), st.lists(st.integers(0, 1000), min_size=2, max_size=9))
def test_quantiles_never_fall(durations: list[int], shares: list[int]) -> None:
    times = Times()
    for ms in durations:
        times.observe("pick", "A", "ann", ms)
    found = [times.quantile_ms("pick", "A", share) for share in sorted(shares)]
    assert found == sorted(found)
    table = times.table("pick", "A")
    assert len(table) == QUANTILES
    assert list(table) == sorted(table)
    assert times.quantile_ms("pick", "A", 0) <= table[0]
    assert table[-1] <= times.quantile_ms("pick", "A", 1000)


@CALM
@given(st.lists(MS, min_size=WARM, max_size=WARM), st.integers(0, 1000))
def test_mean_and_quantiles_are_those_of_the_sample_within_a_bin(durations: list[int], permille: int) -> None:
    times = Times()
    for ms in durations:
        times.observe("pick", "A", "ann", ms)
    mean = sum(durations) / WARM
    assert abs(times.mean_ms("pick", "A") - mean) <= mean / 16 + 1
    rank = max(1, -(-permille * WARM // 1000))
    position = bin_of(sorted(durations)[rank - 1])
    assert EDGES[position] <= times.quantile_ms("pick", "A", permille) <= EDGES[position + 1]


def test_the_table_of_quantiles_has_the_mean_and_the_middle_of_the_work() -> None:
    times = Times()
    feed(times, lognormal(1, 0.3), 450)
    table = times.table("pick", "A")
    mean = times.mean_ms("pick", "A")
    assert abs(sum(table) / QUANTILES - mean) < mean / 20
    assert table[QUANTILES // 2 - 1] <= times.quantile_ms("pick", "A", 500) <= table[QUANTILES // 2]


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.5])
def test_the_spread_is_like_sigma(sigma: float) -> None:
    times = Times()
    feed(times, lognormal(2, sigma), 500)
    assert times.spread_permille("pick", "A") / 1000 == pytest.approx(sigma, rel=0.25)


# What is believed before, and what outweighs it.


@pytest.mark.parametrize("kind", [*TaskKind, TRANSIT, "something else"])
def test_before_the_first_fact_the_fixed_figures_hold_with_a_wide_spread(kind: str) -> None:
    times = Times()
    assert times.mean_ms(kind, "A") == pytest.approx(PRIOR_MS.get(kind, MINUTE_MS), rel=0.08)
    assert times.quantile_ms(kind, "A", 900) > 3 * times.quantile_ms(kind, "A", 100)
    assert times.spread_permille(kind, "A") > 500
    assert not times.drifted()


def test_the_prior_of_a_task_is_the_fixed_figure() -> None:
    assert {kind: PRIOR_MS[kind] for kind in TaskKind} == TASK_MS


@pytest.mark.parametrize("factor", [Fraction(1, 10), Fraction(1, 2), 1, 3, 10])
def test_facts_outweigh_the_prior_step_by_step_and_then_altogether(factor: Fraction) -> None:
    times, truth = Times(), int(TASK_MS[TaskKind.PICK] * factor)
    errors = [abs(times.mean_ms("pick", "A") - truth)]
    for _ in range(4):
        feed(times, iter([truth] * 16), 16)
        errors.append(abs(times.mean_ms("pick", "A") - truth))
    assert errors[-1] <= truth / 16
    assert all(after <= max(before, truth // 16) for before, after in pairwise(errors))
    assert not times.drifted()


def test_each_kind_and_zone_learns_for_itself_and_a_zone_may_have_any_name() -> None:
    times = Times()
    for _ in range(WARM):
        times.observe("pick", "A/1", "ann", 10_000)
        times.observe("pick", "A", "ann", 100_000)
        times.observe(TRANSIT, "A", "", 200_000)
    assert times.mean_ms("pick", "A/1") == pytest.approx(10_000, rel=0.07)
    assert times.mean_ms("pick", "A") == pytest.approx(100_000, rel=0.07)
    assert times.mean_ms(TRANSIT, "A") == pytest.approx(200_000, rel=0.07)
    assert times.mean_ms("pick", "B") == Times().mean_ms("pick", "B")
    times.record.durations["pick/A/1"].settling, times.record.durations["pick/A/1"].percent = 1, 50
    assert times.drifted() == [("pick", "A/1", 1, 50)]


# Forgetting, and what is not learnt from.


@CALM
@given(st.lists(st.tuples(MS, st.integers(1, 300)), max_size=6))
def test_what_is_remembered_is_bounded(batches: list[tuple[int, int]]) -> None:
    times = Times()
    for ms, count in batches:
        feed(times, iter([ms] * count), count)
        counts = times.record.durations["pick/A"].counts
        assert len(counts) == BINS
        assert ONE <= sum(counts) <= FULL
        assert min(counts) >= 0


def test_each_halving_leaves_half() -> None:
    times, weights = Times(), []
    for ms in islice(lognormal(11, 0.3), 1400):
        times.observe("pick", "A", "ann", ms)
        weights.append(sum(times.record.durations["pick/A"].counts))
    halved = [after for before, after in pairwise(weights) if after < before]
    assert 3 <= len(halved) <= 5
    assert all(0.49 * FULL < weight <= 0.51 * FULL for weight in halved)


def test_a_small_shift_is_learnt_by_forgetting_alone() -> None:
    times = Times()
    assert feed(times, lognormal(3, 0.2), 1500) == 0
    before = times.mean_ms("pick", "A")
    assert feed(times, (ms * 108 // 100 for ms in lognormal(4, 0.2)), 1000) == 0
    assert times.mean_ms("pick", "A") / before == pytest.approx(1.08, abs=0.03)


def test_a_large_shift_is_learnt_within_two_hundred_observations() -> None:
    for seed in range(10):
        times = Times()
        feed(times, lognormal(seed, 0.3), 1500)
        before = times.mean_ms("pick", "A")
        feed(times, lognormal(seed + 100, 0.3, 60_000), 200)
        assert times.mean_ms("pick", "A") / before == pytest.approx(1.5, rel=0.12)


def test_impossible_durations_are_refused_and_endless_ones_cut_and_both_are_counted() -> None:
    times = Times()
    for ms in (0, -5):
        times.observe("pick", "A", "ann", ms)
    assert (times.record.refused, times.record.durations) == (2, {})
    times.observe("pick", "A", "ann", LONGEST_MS)
    assert times.record.clamped == 0
    times.observe("pick", "A", "ann", 10 * LONGEST_MS)
    times.observe("pick", "A", "ann", 1)
    counts = times.record.durations["pick/A"].counts
    assert (times.record.clamped, counts[-1], counts[0]) == (1, 2 * ONE, ONE)


def test_the_pairs_longest_without_work_are_forgotten_first() -> None:
    times = Times()
    for zone in range(KEYS_MAX):
        times.observe("pick", f"Z{zone}", "ann", 9_000)
    learnt = times.mean_ms("pick", "Z1")
    times.observe("pick", "Z0", "ann", 9_000)
    assert times.record.durations_forgotten == 0
    times.observe("pick", "new", "ann", 9_000)
    assert (len(times.record.durations), times.record.durations_forgotten) == (KEYS_MAX, 1)
    assert "pick/Z0" in times.record.durations
    assert times.mean_ms("pick", "Z1") == Times().mean_ms("pick", "Z1") != learnt


def test_the_resources_longest_without_work_are_forgotten_first() -> None:
    times = Times()
    feed(times, iter([40_000] * WARM), WARM)
    for number in range(RESOURCES_MAX + 2):
        times.observe("pick", "A", f"r{number}", 40_000)
    assert len(times.record.paces) == RESOURCES_MAX
    assert times.record.paces_forgotten == 2
    assert "r1" not in times.record.paces
    assert "r2" in times.record.paces


# How fast each resource is.


def test_a_resource_is_as_fast_as_its_work_shows_once_there_is_enough() -> None:
    chance, times = Random(5), Times()
    speed = {f"r{number}": 1.0 for number in range(8)} | {"slow": 1.5, "fast": 0.7}
    for _ in range(120):
        for name, factor in speed.items():
            times.observe("pick", "A", name, int(40_000 * factor * chance.lognormvariate(0, 0.3)))
    assert times.factor_q10("nobody") == 1024
    assert 1300 < times.factor_q10("slow") < 1600
    assert 650 < times.factor_q10("fast") < 850
    assert all(900 < times.factor_q10(f"r{number}") < 1200 for number in range(8))
    times.observe("pick", "A", "new", 120_000)
    assert 1024 < times.factor_q10("new") < 1150


def test_nobodys_durations_and_those_before_anything_is_known_say_nothing_about_a_resource() -> None:
    times = Times()
    feed(times, iter([4_000] * WARM), WARM)
    assert times.record.paces == {}
    feed(times, iter([4_000]), 1, doer="")
    assert times.record.paces == {}
    feed(times, iter([4_000]), 1)
    assert list(times.record.paces) == ["ann"]


@CALM
@given(st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.integers(1, 10**8)), max_size=200))
def test_no_factor_leaves_half_to_twice(work: list[tuple[str, int]]) -> None:
    times = Times()
    feed(times, iter([40_000] * WARM), WARM, doer="")
    for name, ms in work:
        times.observe("pick", "A", name, ms)
        assert 512 <= times.factor_q10(name) <= 2048


# Changes of pace.


@pytest.mark.parametrize(("sigma", "at_most"), [(0.05, 12), (0.3, 60), (0.6, 250)])
@pytest.mark.parametrize(("percent", "direction"), [(150, 1), (60, -1)])
def test_a_change_of_pace_is_found_soon_and_said_once(sigma: float, at_most: int, percent: int, direction: int) -> None:
    again = 0
    for seed in range(8):
        times = Times()
        assert feed(times, lognormal(seed, sigma), 600) == 0
        changed = lognormal(seed + 1000, sigma, 400 * percent)
        assert until_drift(times, changed, at_most) <= at_most
        ((kind, zone, way, much),) = times.drifted()
        assert (kind, zone, way) == ("pick", "A", direction)
        assert 20 <= much <= 120 if direction > 0 else -60 <= much <= -20
        again += feed(times, changed, 600)
        assert not times.drifted()
    assert again <= (sigma > 0.5), "wide noise may raise one false alarm in 5 000 observations, no more"


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.6])
def test_noise_is_no_change_of_pace(sigma: float) -> None:
    """24 000 observations each; by longer runs there is at most about one false alarm in 100 000."""
    assert sum(feed(Times(), lognormal(seed, sigma), 800) for seed in range(200, 230)) == 0


def test_lunch_breaks_are_no_change_of_pace() -> None:
    for seed in range(10):
        chance = Random(seed)
        work = (ms * (20 if chance.random() < 0.03 else 1) for ms in lognormal(seed, 0.3))
        assert feed(Times(), work, 1000) == 0


def test_the_watch_begins_again_when_the_new_pace_is_learnt() -> None:
    times = Times()
    feed(times, lognormal(6, 0.3), 500)
    slow, slower = lognormal(7, 0.3, 60_000), lognormal(8, 0.3, 95_000)
    assert until_drift(times, slow, 60) <= 60
    feed(times, slow, SETTLE - 1)
    assert times.drifted()
    feed(times, slow, 1)
    assert not times.drifted()
    assert until_drift(times, slower, 60) <= 60


def test_nothing_is_said_before_enough_was_seen() -> None:
    times = Times()
    assert feed(times, (ms for ms in [2_000] * 32 + [400_000] * 32), WARM) == 0


# To disk and back, and copies.


def test_through_the_disk_and_on_as_if_nothing_had_been_between() -> None:
    straight, broken, work = Times(), Times(), list(islice(lognormal(9, 0.4), 900))
    for number, ms in enumerate(work):
        ms = ms * (2 if number > 600 else 1)
        for times in (straight, broken):
            times.observe("pick" if number % 3 else TRANSIT, f"Z{number % 2}", f"r{number % 5}", ms)
        if number % 100 == 0:
            body = dump_state(broken.record)
            broken = Times(load_state(TimesRecord, body))
            assert dump_state(broken.record) == body
    assert broken.record == straight.record
    assert broken.drifted() == straight.drifted() != []
    assert broken.table("pick", "Z1") == straight.table("pick", "Z1")
    assert broken.factor_q10("r1") == straight.factor_q10("r1")


def test_a_copy_learns_apart() -> None:
    times = Times()
    feed(times, lognormal(10, 0.3), 300)
    before = dump_state(times.record)
    other = Times(copied_times(times.record))
    assert other.record == times.record
    feed(other, iter([200_000] * 100), 100, doer="bob")
    assert other.drifted()
    assert dump_state(times.record) == before


def test_a_histogram_of_another_shape_is_forgotten_and_counted() -> None:
    record = TimesRecord(durations={"pick/A": Durations(counts=[5] * 7, seen=WARM), "load/A": Durations(seen=WARM)})
    times = Times(record)
    assert (times.record.durations, times.record.durations_forgotten) == ({}, 2)
    assert times.mean_ms("pick", "A") == Times().mean_ms("pick", "A")


# Forecasts against outcomes.

Note = tuple[int, int, bool]
"""Minutes before the cutoff, risk, warned."""
Told = tuple[list[Note], bool, int]
"""Notes, missed, minutes from the cutoff to the closing."""
NOTES = st.lists(st.tuples(st.integers(1, 170), st.integers(0, 1000), st.booleans()), max_size=8)
DAYS = st.lists(st.tuples(NOTES, st.booleans(), st.sampled_from([0, 0, 0, 3, -10, -40])), max_size=12)


def tell(score: Score, name: str, told: Told) -> None:
    notes, _, closes = told
    for left, risk, warned in sorted(notes, key=lambda note: -note[0]):
        if left >= -closes:
            score.note(name, CUTOFF - left * MINUTE_MS, CUTOFF, risk, warned)


def settle(score: Score, name: str, told: Told) -> None:
    score.settle(name, told[1], CUTOFF + told[2] * MINUTE_MS)


def scored(day: list[Told], arrange: Callable[[list[int]], None] = lambda order: None) -> Score:
    score, order = Score(), list(range(len(day)))
    for number, told in enumerate(day):
        tell(score, f"D{number}", told)
    arrange(order)
    for number in order:
        settle(score, f"D{number}", day[number])
    return score


def pairs_at(day: list[Told], lead: int) -> list[tuple[Fraction, int]]:
    """(risk, outcome) as the textbook has them: the last forecast not later than the lead."""
    pairs = []
    for notes, missed, closes in day:
        said = [note for note in sorted(notes, key=lambda note: -note[0]) if note[0] >= max(lead, -closes)]
        if said and closes >= -lead:
            pairs.append((Fraction(said[-1][1], 1000), int(missed)))
    return pairs


def brier(pairs: list[tuple[Fraction, int]]) -> Fraction:
    return sum(((risk - outcome) ** 2 for risk, outcome in pairs), Fraction(0)) / len(pairs)


@settings(max_examples=150, deadline=None)
@given(DAYS)
def test_brier_skill_and_reliability_are_those_of_the_textbook(day: list[Told]) -> None:
    report = scored(day).report()
    by_lead = [pairs_at(day, lead // MINUTE_MS) for lead in LEADS_MS]
    everything = [pair for pairs in by_lead for pair in pairs]
    for position, pairs in enumerate([*by_lead, everything]):
        found, skill = report.brier_permille2[position], report.skill_permille[position]
        if not pairs:
            assert found is None
            assert skill is None
            continue
        assert found is not None
        assert abs(found - brier(pairs) * 10**6) <= Fraction(1, 2)
        rate = Fraction(sum(outcome for _, outcome in pairs), len(pairs))
        reference = brier([(rate, outcome) for _, outcome in pairs])
        assert (skill is None) == (reference == 0)
        if skill is not None:
            assert abs(skill - 1000 * (1 - brier(pairs) / reference)) <= Fraction(1, 2)
    for tenth in range(TENTHS):
        inside = [(risk, outcome) for risk, outcome in everything if min(risk * 10 // 1, 9) == tenth]
        sums = sum(risk * 1000 for risk, _ in inside), sum(outcome for _, outcome in inside)
        assert report.reliability[tenth] == (len(inside), *sums)


@CALM
@given(DAYS, st.randoms(use_true_random=False))
def test_the_order_of_settling_does_not_matter(day: list[Told], chance: Random) -> None:
    assert scored(day).record == scored(day, chance.shuffle).record


@CALM
@given(DAYS)
def test_every_settled_departure_is_counted_once(day: list[Told]) -> None:
    score = scored(day)
    report, record = score.report(), score.record
    known = [told for told in day if any(left >= -told[2] for left, _, _ in told[0])]
    assert (report.settled, record.unknown, record.open) == (len(known), len(day) - len(known), {})
    assert report.true_warnings + report.missed_warnings == sum(missed for _, missed, _ in known)
    assert sum(record.warned_ahead) == report.true_warnings
    before = copied_score(record)
    for number, told in enumerate(day):
        settle(score, f"D{number}", told)
    before.unknown += len(day)
    assert record == before


def test_a_report_of_nothing_says_nothing() -> None:
    report = Score().report()
    assert set(report.brier_permille2) == set(report.skill_permille) == {None}
    assert (report.base_rate_permille, report.lead_p50_ms, report.settled) == (None, None, 0)


def test_the_last_forecast_before_each_lead_counts() -> None:
    score = Score()
    for left, risk in ((150, 100), (119, 200), (60, 300), (20, 400), (4, 900)):
        score.note("D1", CUTOFF - left * MINUTE_MS, CUTOFF, risk, False)
    assert score.record.open["D1"].risks == [100, 300, 300, 400, 400]
    score.note("D1", CUTOFF - 4 * MINUTE_MS, CUTOFF + 60 * MINUTE_MS, 500, False)
    assert score.record.open["D1"].risks == [100, 500, 500, 500, 500]
    score.settle("D1", False, CUTOFF + 60 * MINUTE_MS)
    assert score.report().brier_permille2 == (10_000, *[250_000] * 4, (10_000 + 4 * 250_000) // 5)


def test_perfect_and_lazy_forecasts() -> None:
    perfect, lazy, wrong = Score(), Score(), Score()
    for number in range(8):
        missed = number % 4 == 0
        for score, risk in ((perfect, 1000 * missed), (lazy, 250), (wrong, 1000 - 1000 * missed)):
            score.note(f"D{number}", T0, CUTOFF, risk, False)
            score.settle(f"D{number}", missed, CUTOFF)
    assert perfect.report().brier_permille2 == (0,) * 6
    assert perfect.report().skill_permille == (1000,) * 6
    assert lazy.report().skill_permille == (0,) * 6
    assert lazy.report().base_rate_permille == 250
    assert lazy.report().reliability[2] == (40, 10_000, 10)
    assert max(skill for skill in wrong.report().skill_permille if skill is not None) < -4000


def test_what_comes_too_late_or_cannot_be_is_refused_and_counted() -> None:
    score = Score()
    score.note("D1", CUTOFF, CUTOFF, 500, True)
    score.note("D1", T0, CUTOFF, 1001, True)
    score.note("D1", T0, CUTOFF, -1, True)
    assert (score.record.refused, score.record.open) == (3, {})


def test_a_departure_that_closes_early_is_not_scored_for_leads_it_did_not_reach() -> None:
    score = Score()
    score.note("D1", T0, CUTOFF, 0, False)
    score.settle("D1", False, CUTOFF - 20 * MINUTE_MS)
    assert score.report().brier_permille2 == (0, 0, 0, None, None, 0)


@pytest.mark.parametrize(
    ("warnings", "missed", "closes", "expected"),
    [
        ([(90, True), (40, True)], True, 0, (1, 0, 0)),
        ([(90, True), (40, True)], False, 0, (0, 1, 0)),
        ([(90, True), (40, False)], True, 0, (0, 0, 1)),
        ([(90, True), (40, False)], False, 0, (0, 0, 0)),
        ([(90, False)], True, 0, (0, 0, 1)),
        ([(90, False)], False, 0, (0, 0, 0)),
        ([(90, False), (10, True)], True, -10, (0, 0, 1)),  # no warning if the doors shut with it
    ],
)
def test_a_warning_is_what_stands_when_the_doors_shut(
    warnings: list[tuple[int, bool]], missed: bool, closes: int, expected: tuple[int, int, int]
) -> None:
    score = Score()
    for left, warned in warnings:
        score.note("D1", CUTOFF - left * MINUTE_MS, CUTOFF, 500, warned)
    score.settle("D1", missed, CUTOFF + closes * MINUTE_MS)
    report = score.report()
    assert (report.true_warnings, report.false_warnings, report.missed_warnings) == expected


def test_a_warning_stands_since_it_was_last_raised() -> None:
    score = Score()
    for number, ahead in enumerate((20, 40, 90)):
        name = f"D{number}"
        score.note(name, T0, CUTOFF, 500, True)
        score.note(name, T0 + MINUTE_MS, CUTOFF, 500, False)
        score.note(name, CUTOFF - ahead * MINUTE_MS, CUTOFF, 500, True)
        score.note(name, CUTOFF - 5 * MINUTE_MS, CUTOFF, 500, True)
        score.settle(name, True, CUTOFF + MINUTE_MS)
    assert score.report().lead_p50_ms == pytest.approx(40 * MINUTE_MS, rel=0.125)


def test_departures_that_never_close_are_forgotten_oldest_first() -> None:
    score = Score()
    for number in range(OPEN_MAX):
        score.note(f"D{number}", T0, CUTOFF, 10, False)
    score.note("D0", T0 + 1, CUTOFF, 10, False)
    assert score.record.forgotten == 0
    score.note("one more", T0 + 2, CUTOFF, 10, False)
    assert (score.record.forgotten, len(score.record.open)) == (1, OPEN_MAX)
    assert "D0" in score.record.open
    assert "D1" not in score.record.open


@CALM
@given(DAYS, DAYS)
def test_the_score_goes_through_the_disk_and_a_copy_learns_apart(day: list[Told], more: list[Told]) -> None:
    score = scored(day)
    for number, told in enumerate(more):
        tell(score, f"M{number}", told)
    body = dump_state(score.record)
    other = Score(load_state(ScoreRecord, body))
    third = Score(copied_score(score.record))
    assert dump_state(other.record) == body
    for number, told in enumerate(more):
        settle(other, f"M{number}", told)
        third.note(f"M{number}", T0, CUTOFF, 999, True)
        settle(third, f"M{number}", told)
    assert dump_state(score.record) == body
    for number, told in enumerate(more):
        settle(score, f"M{number}", told)
    assert other.report() == score.report()
