"""Small days: the same from their name, schedules counted honestly, best known values that hold and are not beaten."""

import json
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.exam import regret
from tests.exam.clairvoyant import EXACT_ERRANDS, Found, by_cpsat, by_pyvrp, exact, routes_of
from tests.exam.errands import GROUPS, MISSED, BadSchedule, Errand, Hand, SmallDay, cost, day, days, walk_s
from tests.exam.regret import BEST_KNOWN, FOLDER, STRATEGIES, best_known, judged, main, merged, play, read, rows, sit

KNOWN = read(FOLDER)
FEW = [day("pair", 1), day("pair", 6), day("crew", 6)]


def small(errands: int, hands: int = 2) -> SmallDay:
    """The first errands of a day, for brute force."""
    whole = day("pair", 3)
    return SmallDay("small", whole.hands[:hands], whole.errands[:errands])


def cheapest_of_all(day: SmallDay) -> int:
    """Every order of every share: what no clever search may miss."""
    hands, best = len(day.hands), cost(day, [[] for _ in day.hands])
    for share in product(range(hands + 1), repeat=len(day.errands)):
        mine = [[i for i, who in enumerate(share) if who == hand] for hand in range(hands)]
        for routes in product(*(permutations(route) for route in mine)):
            try:
                best = min(best, cost(day, routes))
            except BadSchedule:
                continue
    return best


def test_a_day_follows_from_its_name() -> None:
    names = [each.name for _, each in days()]
    assert len(names) == len(set(names)) == sum(shape.days for shape in GROUPS.values())
    assert len({each.digest() for _, each in days()}) == len(names)
    for group, each in days(1):
        shape = GROUPS[group]
        assert (len(each.hands), len(each.errands)) == (shape.hands, shape.errands)
        assert {kind for hand in each.hands for kind in hand.kinds} == set(range(shape.kinds))
        assert all(errand.release_s + errand.work_s < errand.cutoff_s for errand in each.errands)


def test_the_cost_counts_weight_and_walk_and_refuses_what_cannot_be() -> None:
    near, far = Errand(0, 1, 1, 0, 60, 600, 3), Errand(1, 3, 3, 0, 60, 75, 8)
    two = SmallDay("two", (Hand(0, (0,)), Hand(3, (0, 1))), (near, far))
    assert cost(two, [[], []]) == 11 * MISSED
    assert cost(two, [[0], [1]]) == walk_s(0, 1)
    assert cost(two, [[], [1, 0]]) == walk_s(3, 1)
    for routes, why in (
        ([[0]], "routes"), ([[1], []], "may not"), ([[0], [0]], "done"), ([[], [0, 1]], "late"),
        ([[2], []], "not there"),
    ):  # fmt: skip
        with pytest.raises(BadSchedule, match=why):
            cost(two, routes)


def test_one_who_knows_may_walk_ahead() -> None:
    later = Errand(0, 5, 5, 100, 50, 150, 1)
    assert cost(SmallDay("ahead", (Hand(0, (0,)),), (later,)), [[0]]) == walk_s(0, 5)


@pytest.mark.parametrize("errands", [1, 3, 5])
def test_the_exact_search_finds_the_cheapest_of_all(errands: int) -> None:
    assert exact(small(errands)).cost == cheapest_of_all(small(errands))


def test_the_exact_search_misses_the_lightest() -> None:
    both = [Errand(0, 0, 0, 0, 60, 60, weight) for weight in (3, 8)]
    found = exact(SmallDay("choice", (Hand(0, (0,)),), tuple(both)))
    assert (found.missed, found.routes) == (3, ((1,),))


def test_the_exact_search_refuses_large_days() -> None:
    with pytest.raises(ValueError, match="too many"):
        exact(day("fleet", 1))


def test_every_best_known_value_holds() -> None:
    for group, each in days():
        found = best_known(KNOWN, each)
        assert found is not None, each.name
        assert found.bound <= found.cost
        if len(each.errands) <= EXACT_ERRANDS:
            assert found.bound == found.cost, f"{each.name} of {group} is small enough to be proven"
    assert set(KNOWN) == {each.name for _, each in days()}


def test_the_file_is_canonical() -> None:
    text = (FOLDER / BEST_KNOWN).read_text()
    assert text == regret.written(json.loads(text))


@pytest.mark.parametrize("each", FEW, ids=lambda each: each.name)
def test_proven_values_are_found_again(each: SmallDay) -> None:
    assert exact(each).cost == KNOWN[each.name]["cost"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nobody_is_better_than_the_optimum(strategy: str) -> None:
    for group, each in days():
        best, found = best_known(KNOWN, each), play(each, strategy)
        assert best is not None
        assert found.cost >= best.bound, f"{each.name} of {group}"
        assert judged(each, best, found) is found


def test_a_negative_regret_is_an_error() -> None:
    each = FEW[0]
    with pytest.raises(BadSchedule, match="proven impossible"):
        judged(each, Found(MISSED, MISSED, "somebody", ()), exact(each))


def test_what_beats_an_unproven_value_is_reported(tmp_path: Path) -> None:
    worse = dict(KNOWN)
    for _, each in days(1):
        nothing = routes_of(each, [[] for _ in each.hands], "nobody")
        worse[each.name] = KNOWN[each.name] | {"cost": nothing.cost, "bound": 0, "routes": nothing.routes}
    (tmp_path / BEST_KNOWN).write_text(json.dumps(worse))
    figures = sit(tmp_path, quick=True)
    assert figures["pair"]["new_best"] == [f"pair-1 {name}" for name in STRATEGIES]
    assert any(row.what.startswith("new best") for row in rows(figures))


def test_a_quick_sitting() -> None:
    figures = sit(FOLDER, quick=True)
    assert list(figures) == list(GROUPS)
    for each in figures.values():
        assert each["days"] == 1
        assert each["new_best"] == [] or each["proven"] < each["days"] or each["missed_best"] == 0
        for mine in each["strategies"].values():
            assert mine["regret_pct"] == pytest.approx(
                100 * (mine["missed"] - each["missed_best"]) / each["weight"], abs=0.01
            )
    assert len(rows(figures)) >= len(GROUPS) * len(STRATEGIES)
    assert all(0 < row.ratio <= 1 for row in rows(figures))


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    each = FEW[0]
    for change, why in (({"digest": 1}, "another day"), ({"cost": 1}, "its routes cost")):
        with pytest.raises(BadSchedule, match=why):
            best_known({each.name: KNOWN[each.name] | change}, each)
    with pytest.raises(BadSchedule, match="--improve"):
        sit(tmp_path, quick=True)


def test_improving_never_makes_a_value_worse() -> None:
    each = small(5)
    best = exact(each)
    worse = routes_of(each, [[] for _ in each.hands], "nobody")
    first = merged(None, worse, each, "2026-01-01")
    better = merged(first, best, each, "2026-01-02")
    assert (better["cost"], better["bound"], better["date"]) == (best.cost, best.cost, "2026-01-02")
    assert merged(better, worse, each, "2026-01-03") == better
    assert merged(first, replace(worse, bound=5), each, "2026-01-03") == first | {"bound": 5}
    with pytest.raises(BadSchedule, match="impossible"):
        merged(first, replace(worse, bound=worse.cost + 1), each, "2026-01-03")


def test_the_libraries_agree_with_the_exact_search() -> None:
    pytest.importorskip("ortools")
    pytest.importorskip("pyvrp")
    each = small(6)
    best = exact(each)
    assert by_pyvrp(each, 0.5, 1).cost == best.cost
    found = by_cpsat(each, routes_of(each, [[] for _ in each.hands], "nobody"), 20.0)
    assert (found.cost, found.bound) == (best.cost, best.cost)


def test_the_command_wants_to_be_told_to_improve() -> None:
    assert CliRunner().invoke(main, []).exit_code == 2
