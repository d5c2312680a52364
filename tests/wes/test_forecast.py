"""The forecast: certain things are certain, help helps, the same seeds say the same, and slices change nothing."""

from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wes.board import INSIDE, LOAD, NONE, PACK, PICK, QUEUED
from edge.wes.chance import COMING, Timetable
from edge.wes.dispatch import STRATEGIES, Dispatcher, Tuning
from edge.wes.forecast import Forecast, Outlook, quantile, wilson
from edge.wes.notes import NEVER_MS, ROOM, TRANSIT
from edge.wes.remedies import ADD, EXPEDITE, MOVE, OPEN, ROLL, Action, Remedy, least_advanced, next_departure
from tests.wes.test_future import MINUTE, PACKS, PICKS, Floor

PICKERS_0, PACKERS_0, PICKERS_1, PACKERS_1, LOADERS = range(5)
"""The groups of a floor of two zones."""


def forecast(
    floor: Floor, futures: int = 20, seed: int = 1, timetable: Timetable | None = None, **more: int
) -> Forecast:
    return Forecast(floor.board, floor.tables, STRATEGIES["rolling"], Tuning(), 0, futures, seed, timetable, **more)  # type: ignore[arg-type]


def outlooks(floor: Floor, futures: int = 20, timetable: Timetable | None = None, **more: int) -> dict[int, Outlook]:
    return {each.departure: each for each in forecast(floor, futures, 1, timetable, **more).run()}


def tried(outlook: Outlook) -> dict[int, Action]:
    return {each.kind: each for each in outlook.actions}


def filled(floor: Floor, units: int, departure: int = 0, picks: int = 2, zone: int = 0, state: int = QUEUED) -> Floor:
    for _ in range(units):
        floor.unit(zone, departure, picks, state)
    return floor


# shares and quantiles


@given(st.integers(1, 500).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_the_interval_is_wilsons_rounded_outwards(case: tuple[int, int]) -> None:
    hits, count = case
    p, z2 = hits / count, 1.96**2
    centre, half = (
        (p + z2 / 2 / count) / (1 + z2 / count),
        sqrt(z2) / (1 + z2 / count) * sqrt(p * (1 - p) / count + z2 / 4 / count / count),
    )
    share = wilson(hits, count)
    assert abs(share.permille - 1000 * p) <= 0.5
    assert max(0, 1000 * (centre - half) - 2) <= share.low <= max(0.0, 1000 * (centre - half)) + 1e-6
    assert min(1000, 1000 * (centre + half) + 2) >= share.high >= min(1000.0, 1000 * (centre + half)) - 1e-6
    assert share.low <= share.permille <= share.high


def test_quantiles_and_the_interval_of_nothing() -> None:
    assert [quantile(range(1, 11), permille) for permille in (0, 100, 101, 500, 900, 1000)] == [1, 1, 2, 5, 9, 10]
    assert wilson(0, 0) == (0, 0, 1000)
    assert wilson(0, 64)[:2] == (0, 0)
    assert wilson(64, 64)[::2] == (1000, 1000)


# what is certain


def test_an_easy_departure_is_never_missed_and_a_hopeless_one_always() -> None:
    floor = Floor(cutoffs_min=(60, 6, 90))
    filled(filled(floor, 3), 20, departure=1)
    found = outlooks(floor)
    assert set(found) == {0, 1}
    easy, hopeless = found[0], found[1]
    assert (easy.miss.permille, easy.missed_x10, easy.units, easy.actions) == (0, 0, 3, ())
    assert easy.miss.high < 200
    assert (hopeless.miss.permille, hopeless.miss.high) == (1000, 1000)
    assert hopeless.miss.low > 800
    assert 100 < hopeless.missed_x10 <= 200
    assert 6 * MINUTE < hopeless.finish_p10_ms < hopeless.finish_p50_ms < hopeless.finish_p90_ms < 60 * MINUTE
    assert easy.finish_p90_ms < 60 * MINUTE


def test_what_nobody_can_do_is_never_finished() -> None:
    outlook = outlooks(filled(Floor(packers=0), 2), 5)[0]
    assert outlook.miss.permille == 1000
    assert outlook.finish_p10_ms == NEVER_MS
    assert outlook.gates[1].p50_ms == NEVER_MS
    assert outlook.gates[1].miss_permille == 1000
    assert tried(outlook)[ROLL].miss_permille == 0
    assert ADD not in tried(outlook) or tried(outlook)[ADD].miss_permille <= 1000


def test_a_departure_whose_cutoff_has_passed_is_missed_and_not_acted_on() -> None:
    floor = filled(Floor(cutoffs_min=(0, 60)), 2)
    outlook = outlooks(floor, 5)[0]
    assert outlook.miss.permille == 1000
    assert outlook.actions == ()


def test_gates_stand_in_the_order_of_the_work() -> None:
    pick, pack, load = outlooks(filled(Floor(cutoffs_min=(12, 60)), 12), 30)[0].gates
    assert (pick.kind, pack.kind, load.kind) == (PICK, PACK, LOAD)
    assert pick.latest_ms < pack.latest_ms < load.latest_ms == 12 * MINUTE
    assert pick.p50_ms < pack.p50_ms < load.p50_ms
    assert 1 <= load.miss_permille < 1000
    without = filled(Floor(), 0)
    without.unit(0, 0, 0, INSIDE)
    gates = outlooks(without, 5)[0].gates
    assert gates[0] == (PICK, NONE, NONE, 0)
    assert gates[1].p50_ms > 0


# what binds, and what helps


def test_scarce_pickers_bind_and_one_more_helps() -> None:
    floor = filled(Floor(room=20, pickers=1, packers=3, loaders=3, cutoffs_min=(15, 60)), 10)
    outlook = outlooks(floor)[0]
    assert outlook.miss.permille > 800
    binding = outlook.binding
    assert (binding.stage, binding.cls, binding.zone, binding.group) == (PICK, PICKS, 0, PICKERS_0)
    assert binding.share_permille > 500
    assert binding.load_permille > 900
    actions = tried(outlook)
    assert actions[ADD].group == PICKERS_0
    assert actions[ADD].miss_permille < 200 < actions[ADD].before_permille == 1000
    # There are people in the other zone with nothing to do.
    assert actions[MOVE].group == PICKERS_0
    assert floor.board.r_group[actions[MOVE].resource] in (PACKERS_0, PICKERS_1, PACKERS_1, LOADERS)
    assert actions[MOVE].miss_permille < 300
    assert outlook.actions[0].miss_permille == min(each.miss_permille for each in outlook.actions)
    for action in outlook.actions:
        assert action.low_permille <= action.miss_permille <= action.high_permille


def test_hands_that_must_stay_are_neither_added_nor_moved() -> None:
    floor = filled(Floor(room=20, pickers=1, packers=3, loaders=3, cutoffs_min=(15, 60)), 10)
    run = Forecast(
        floor.board, floor.tables, STRATEGIES["rolling"], Tuning(), 0, 10, 1, movable=[False, True, True, True, True]
    )
    assert not {ADD, MOVE} & set(tried(run.run()[0]))
    run = Forecast(
        floor.board, floor.tables, STRATEGIES["rolling"], Tuning(), 0, 10, 1, movable=[True, False, False, True, False]
    )
    assert floor.board.r_group[tried(run.run()[0])[MOVE].resource] == PACKERS_1


def test_a_full_zone_binds_and_letting_units_in_helps() -> None:
    floor = filled(Floor(room=1, pickers=4, packers=4, loaders=4, cutoffs_min=(20, 60)), 14, picks=1)
    outlook = outlooks(floor)[0]
    assert outlook.binding.stage == ROOM
    assert outlook.binding.zone == 0
    action = tried(outlook)[EXPEDITE]
    assert action.units == 14
    assert action.miss_permille < 200 < action.before_permille


def test_standing_machines_bind_and_letting_them_run_helps() -> None:
    floor, timetable = filled(Floor(room=20, pickers=4, packers=4, loaders=4), 3, state=INSIDE), Timetable()
    timetable.closings = [(0, 0, 50 * MINUTE), (1, 0, 70 * MINUTE)]
    outlook = outlooks(floor, timetable=timetable)[0]
    assert outlook.miss.permille == 1000
    assert (outlook.binding.stage, outlook.binding.zone) == (TRANSIT, 0)
    assert outlook.actions[0].kind == OPEN
    assert outlook.actions[0].miss_permille == 0
    timetable.closings, timetable.lanes = [], [(0, 0, 50 * MINUTE)]
    assert outlooks(floor, timetable=timetable)[0].actions[0].kind == OPEN
    timetable.lanes = [(1, 0, 50 * MINUTE)]
    assert outlooks(floor, timetable=timetable)[0].miss.permille == 0


def test_units_too_many_ride_the_next_departure() -> None:
    floor = Floor(room=20, pickers=2, packers=2, loaders=2, cutoffs_min=(10, 30, 60))
    for row in (0, 2):
        floor.board.d_area[row] = floor.board.d_area[0]
    filled(floor, 12)
    assert next_departure(floor.board, 0) == 2
    assert next_departure(floor.board, 1) == next_departure(floor.board, 2) == NONE
    outlook = outlooks(floor)[0]
    action = tried(outlook)[ROLL]
    assert 0 < action.units <= 12
    assert action.next_departure == 2
    assert action.miss_permille < action.before_permille


def test_the_least_advanced_units_are_those_farthest_from_being_packed() -> None:
    floor = Floor()
    inside = [floor.unit(0, 0, picks, INSIDE) for picks in (1, 3, 2)]
    queued = [floor.unit(0, 0, 1) for _ in range(2)]
    coming = floor.unit(0, 0, 1, COMING)
    units = [*inside, *queued, coming]
    assert least_advanced(floor.board, units) == [coming, queued[1], queued[0], inside[1], inside[2], inside[0]]


def test_actions_change_a_fork_and_nothing_else() -> None:
    floor, timetable = filled(Floor(), 4), Timetable()
    timetable.lanes = [(0, 0, MINUTE)]
    before = floor.board.digest()
    for action in (Action(EXPEDITE), Action(OPEN), Action(MOVE, PICKERS_0, 5), Action(ADD, PICKERS_0), Action(ROLL)):
        board, after = Remedy(action, 0, [0, 1]).applied(floor.board, timetable, 0)
        assert (board.digest() == before) == (action.kind == OPEN)
        assert (after is timetable) == (action.kind != OPEN)
    assert floor.board.digest() == before
    assert timetable.lanes == [(0, 0, MINUTE)]


# seeds and slices


def test_actions_are_tried_with_the_luck_of_the_forecast() -> None:
    """An action that cannot change anything leaves every future as it was."""
    floor, timetable = filled(Floor(room=20, cutoffs_min=(12, 60)), 11), Timetable()
    timetable.closings = [(0, 100 * MINUTE, 101 * MINUTE)]
    run = forecast(floor, 20, 1, timetable)
    outlook = run.run()[0]
    assert 0 < outlook.miss.permille < 1000
    action = tried(outlook)[OPEN]
    assert action.miss_permille == action.before_permille
    assert run.cases is not None
    (trial,) = [remedy for case in run.cases for remedy in case.remedies if remedy.action.kind == OPEN]
    assert trial.missed == run.records[0].missed[: len(trial.missed)]
    assert len(set(trial.missed)) > 1


def test_more_people_do_not_raise_the_risk() -> None:
    risks = []
    for pickers in range(1, 6):
        floor = filled(Floor(room=20, pickers=pickers, packers=3, loaders=3, cutoffs_min=(14, 60)), 10)
        risks.append(outlooks(floor, 40, risky_permille=2000)[0].miss)
    assert risks[0].permille == 1000
    assert risks[-1].permille < 100
    for fewer, more in pairwise(risks):
        assert more.low <= fewer.high


def test_slices_change_nothing_and_the_board_stays_as_it_was() -> None:
    floor = filled(filled(Floor(cutoffs_min=(12, 30)), 10), 6, departure=1, zone=1)
    before = floor.board.digest()
    whole = forecast(floor, 6).run(1 << 20)
    assert floor.board.digest() == before
    sliced, slices = forecast(floor, 6), 0
    with pytest.raises(ValueError, match="no future"):
        sliced.result()
    while not sliced.work(7):
        slices += 1
    assert sliced.result() == whole
    assert slices > 50
    assert forecast(floor, 6, seed=2).run() != whole
    walks = Dispatcher(floor.board, STRATEGIES["rolling"], Tuning()).walks
    assert Forecast(floor.board, floor.tables, STRATEGIES["rolling"], Tuning(), 0, 6, 1, walks=walks).run() == whole
    assert sliced.work(7)


def test_a_floor_without_departures_or_units_has_nothing_to_say() -> None:
    assert outlooks(Floor(), 2) == {}
    floor = Floor(cutoffs_min=(30,))
    floor.unit(0, NONE, 1)
    assert outlooks(floor, 2) == {}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_has_its_forecast(strategy: str) -> None:
    floor = filled(Floor(cutoffs_min=(30, 60)), 6)
    run = Forecast(floor.board, floor.tables, STRATEGIES[strategy], Tuning(), 0, 4, 1)
    (outlook,) = run.run()
    assert outlook.units == 6
    assert outlook.finish_p90_ms < NEVER_MS
    assert PACKS in floor.board.group_classes[PACKERS_0]
