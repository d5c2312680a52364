"""What is still to come for a departure: learnt from others, scaled by its own units, negative binomial."""

from math import exp, lgamma, log, log1p

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.messages import Task
from edge.wes.calibrate import QUANTILES
from edge.wes.demand import (
    LEVEL,
    LIKELIEST,
    PASSED_MAX,
    SHAPES_MAX,
    SLOT_MS,
    SLOTS,
    UNIT,
    Demand,
    DemandRecord,
    copied_demand,
    numbers,
)
from tests.wes.scene import MINUTE, T0, pick

LOOK: tuple[Task, ...] = (pick("t", "hu"),)
CUTOFF = T0 + 300 * MINUTE


def came(demand: Demand, name: str, cutoff_ms: int, *leads_min: int) -> None:
    for lead_min in leads_min:
        demand.came(name, cutoff_ms, cutoff_ms - lead_min * MINUTE, LOOK)


def learnt(departures: int = 10, *leads_min: int) -> Demand:
    """Nothing but departures for which one unit came at each of these times before the cutoff."""
    demand = Demand()
    demand.record.since_ms = T0 - SLOTS * SLOT_MS
    for n in range(departures):
        came(demand, f"d{n}", T0 + n * MINUTE, *leads_min)
        demand.closed(f"d{n}", T0 + n * MINUTE)
    return demand


def expected(demand: Demand, name: str, now_ms: int, most: int = 100) -> tuple[int, ...]:
    found = demand.to_come(demand.curve({name: CUTOFF}, now_ms), name, CUTOFF, now_ms, most)
    return found.counts if found is not None else ()


def test_nothing_known_nothing_expected() -> None:
    assert expected(Demand(), "x", CUTOFF - 60 * MINUTE) == ()


def test_what_came_for_others_is_expected_until_the_same_time_before_the_cutoff() -> None:
    demand = learnt(10, 52, 47, 42, 37, 32)
    curve = demand.curve({}, T0)
    assert [slot for slot, units in enumerate(curve) if units] == [6, 7, 8, 9, 10]
    assert set(curve) == {0, UNIT}
    mean = {lead: sum(expected(demand, "x", CUTOFF - lead * MINUTE)) / QUANTILES for lead in (90, 60, 45, 35)}
    assert mean[60] == pytest.approx(5, abs=0.6)
    assert mean[90] == mean[60], "nothing ever came before"
    assert mean[60] > mean[45] > mean[35] > 0
    assert expected(demand, "x", CUTOFF - 30 * MINUTE) == ()
    assert expected(demand, "x", CUTOFF + MINUTE) == ()
    assert expected(demand, "x", CUTOFF - SLOTS * SLOT_MS) == (), "further away nothing is counted"


def test_a_departure_that_is_busy_so_far_is_expected_to_stay_so() -> None:
    demand = learnt(10, *range(30, 90, 2))
    now_ms = CUTOFF - 60 * MINUTE
    quiet = sum(expected(demand, "quiet", now_ms))
    came(demand, "usual", CUTOFF, *range(60, 90, 2))
    came(demand, "busy", CUTOFF, *range(60, 90, 1))
    usual, busy = sum(expected(demand, "usual", now_ms)), sum(expected(demand, "busy", now_ms))
    assert quiet < usual < busy
    assert usual / QUANTILES == pytest.approx(15, rel=0.15)
    assert busy / QUANTILES == pytest.approx(15 * (LEVEL + 30) / (LEVEL + 15), rel=0.15)


def test_open_departures_teach_as_far_as_they_have_come() -> None:
    demand = Demand()
    came(demand, "open", CUTOFF, 62, 61, 47)
    now_ms = CUTOFF - 45 * MINUTE
    curve = demand.curve({"open": CUTOFF}, now_ms)
    assert (curve[9], curve[10]) == (UNIT, 0)
    assert sum(curve) == UNIT, "the slot in which the first unit of all came was not seen whole"
    assert sum(demand.curve({}, now_ms)) == 0, "without its cutoff nobody knows"


def test_a_departure_for_which_nothing_came_teaches_nothing() -> None:
    demand = learnt(4, 32)
    before = copied_demand(demand.record)
    demand.closed("empty", CUTOFF)
    assert demand.record == before


def test_the_past_fades_and_everything_has_a_limit() -> None:
    demand = learnt(3 * PASSED_MAX // UNIT, 32)
    assert max(demand.record.passed) <= PASSED_MAX
    assert demand.curve({}, T0)[6] == pytest.approx(UNIT, rel=0.02)
    assert len(demand.record.shapes) == SHAPES_MAX
    assert not demand.record.open


def test_counts_of_another_shape_are_forgotten() -> None:
    old = DemandRecord(units=[1, 2], passed=[1, 1], open={"x": [1]})
    assert Demand(old).record == DemandRecord()


def test_a_copy_shares_nothing() -> None:
    demand = learnt(3, 32)
    came(demand, "x", CUTOFF, 40)
    twin = copied_demand(demand.record)
    came(demand, "x", CUTOFF, 35)
    demand.closed("x", CUTOFF)
    assert twin.open["x"][8] == 1
    assert sum(twin.open["x"]) == 1
    assert twin != demand.record


@settings(deadline=None, max_examples=60)
@given(
    shape=st.integers(1, 300), before=st.integers(LEVEL * UNIT, 200 * UNIT), after=st.integers(1, 60 * UNIT)
)  # fmt: skip
def test_numbers_are_those_of_the_negative_binomial(shape: int, before: int, after: int) -> None:
    found = numbers(shape, before, after, 100_000)
    assert len(found) == QUANTILES
    assert list(found) == sorted(found)
    share, below, number = after / (before + after), 0.0, -1
    for position, value in enumerate(found[: LIKELIEST + 1]):
        while below < (2 * position + 1) / (2 * QUANTILES) - 1e-4:
            number += 1
            below += exp(
                lgamma(shape + number)
                - lgamma(shape)
                - lgamma(number + 1)
                + number * log(share)
                + shape * log1p(-share)
            )
        assert abs(value - number) <= 1


def test_numbers_end_where_there_are_no_more() -> None:
    assert max(numbers(50, UNIT, 50 * UNIT, 7)) == 7
    assert numbers(5, 5 * UNIT, 5 * UNIT, 0) == (0,) * QUANTILES


def test_arrivals_lie_where_they_are_expected() -> None:
    demand = learnt(10, 52, 32)
    found = demand.to_come(demand.curve({}, T0), "x", CUTOFF, CUTOFF - 60 * MINUTE, 10)
    assert found is not None
    leads = [found.lead_ms(share_q16) for share_q16 in range(0, 65_536, 1000)]
    assert leads == sorted(leads)
    minutes = [lead / MINUTE for lead in leads]
    assert all(30 <= lead < 35 or 50 <= lead < 55 for lead in minutes)
    assert sum(lead < 40 for lead in minutes) == pytest.approx(len(minutes) / 2, abs=1)
