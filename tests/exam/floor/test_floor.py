"""The floor keeps its books, is the same for everyone, and refuses what cannot be."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.exam.floor import agv, mixed, results, verdict
from tests.exam.floor.__main__ import play_seeds
from tests.exam.floor.comparing import Case, compare, mean_and_half, play
from tests.exam.floor.draw import NOISES, multiplier, stream
from tests.exam.floor.model import NONE, Day, IllegalAnswer, Measures, Model, Task
from tests.exam.floor.policies import Atcs, Open, Parameters
from tests.exam.floor.scenarios import SCENARIOS, STRATEGIES, USUAL_SCENARIOS, USUAL_STRATEGIES, strategy_of
from tests.exam.floor.simulation import LATE, ON_TIME, OPEN, OPEN_LATE, Floor
from tests.exam.floor.tuning import NO_WORSE, ranked

HOURS = 1.0
PLAIN = tuple(name for name in STRATEGIES if name.startswith("plain-"))
CELLS = [(scenario, strategy) for scenario in USUAL_SCENARIOS for strategy in USUAL_STRATEGIES + PLAIN]


def day_of(scenario: str, seed: int = 0, noise: str = "0.3", hours: float = HOURS) -> Day:
    return SCENARIOS[scenario].day(seed, SCENARIOS[scenario].loads[-1], noise, hours)


@cache
def run(scenario: str, strategy: str) -> tuple[Floor, Measures]:
    floor = Floor(day_of(scenario), strategy_of(strategy, Parameters()))
    return floor, floor.run()


def without_time(measures: Measures) -> str:
    return json.dumps({name: value for name, value in measures.items() if name != "cpu_us"}, sort_keys=True)


@pytest.mark.parametrize(("scenario", "strategy"), CELLS)
def test_every_order_ends_once(scenario: str, strategy: str) -> None:
    floor, measures = run(scenario, strategy)
    ends = [floor.ended(order) for order in floor.orders]
    assert set(ends) <= {ON_TIME, LATE, OPEN, OPEN_LATE}
    assert measures["backlog"] == sum(end in (OPEN, OPEN_LATE) for end in ends)
    started = [number for _, _, number, _ in floor.trace]
    assert len(started) == len(set(started)), "a task was begun twice"
    for order in floor.orders:
        done = floor.done_ms[order.id]
        assert (done == NONE) == (order.left > 0)
        if done != NONE:
            assert set(order.tasks) <= set(started)
            assert order.arrival_ms < done <= floor.day.horizon_ms


@pytest.mark.parametrize(("scenario", "strategy"), CELLS)
def test_nobody_does_two_things_at_once_or_what_he_may_not(scenario: str, strategy: str) -> None:
    floor, _ = run(scenario, strategy)
    area = list(floor.model.start_area)
    free_at = [0] * floor.model.resources
    for now, resource, number, _ in floor.trace:
        task = floor.tasks[number]
        assert task.cls in floor.model.allowed[resource]
        assert now >= free_at[resource]
        way = floor.model.travel_ms[area[resource]][task.area_from]
        free_at[resource], area[resource] = now + way + floor.day.really_ms[number], task.area_to


@pytest.mark.parametrize(("scenario", "strategy"), CELLS)
def test_work_is_done_in_its_order(scenario: str, strategy: str) -> None:
    floor, _ = run(scenario, strategy)
    start = {number: now for now, _, number, _ in floor.trace}
    for before, after in enumerate(floor.day.then):
        if after in start:
            belt = floor.day.belt_of[before]
            lag = floor.day.belts[belt].transit_ms if belt != NONE else 0
            assert start[after] >= start[before] + floor.day.really_ms[before] + lag


@pytest.mark.parametrize("strategy", USUAL_STRATEGIES)
def test_a_day_can_be_run_again(strategy: str) -> None:
    first, measures = run("mixed", strategy)
    again = Floor(day_of("mixed"), strategy_of(strategy, Parameters()))
    assert without_time(again.run()) == without_time(measures)
    assert again.trace == first.trace


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_a_day_is_the_same_for_everyone(scenario: str) -> None:
    day = day_of(scenario)
    before = repr(day)
    Floor(day, Atcs(Parameters())).run()
    assert repr(day) == before, "a run has changed the day"
    assert repr(day_of(scenario)) == before
    assert repr(day_of(scenario, seed=1)) != before


@pytest.mark.parametrize("scenario", USUAL_SCENARIOS)
def test_noise_changes_what_happens_and_not_what_is_known(scenario: str) -> None:
    calm, loud = day_of(scenario, noise="0"), day_of(scenario, noise="heavy")
    assert (calm.tasks, calm.orders, calm.stops) == (loud.tasks, loud.orders, loud.stops)
    assert [max(really, 1000) for really in calm.really_ms] == [task.work_ms for task in calm.tasks]
    assert calm.really_ms != loud.really_ms


@pytest.mark.parametrize("noise", NOISES)
def test_noise_has_mean_one(noise: str) -> None:
    chance = stream(0, "noise")
    assert sum(multiplier(chance, noise) for _ in range(20_000)) / 20_000 == pytest.approx(1, abs=0.03)


class Wrong(Open):
    """Answers what it is told to as soon as anything is ready."""

    def __init__(self, answer: list[tuple[int, int]]) -> None:
        super().__init__(Parameters())
        self.answer = answer

    def decide(self, now: int) -> list[tuple[int, int]]:
        return self.answer if any(self.ready) else []


class Unskilled(Open):
    """Gives a task to the first who may not do it."""

    def decide(self, now: int) -> list[tuple[int, int]]:
        tasks = [task for cls in self.ready for task in cls.values()]
        return [(r, t.id) for t in tasks for r in self.idle if t.cls not in self.model.allowed[r]][:1]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([(0, 0), (0, 0)], "not idle"),
        ([(0, 0), (1, 0)], "not ready"),
        ([(0, 1)], "not ready"),
        ([(-1, 0)], "no resource"),
        ([(20, 0)], "no resource"),
    ],
)
def test_an_illegal_answer_is_refused(answer: list[tuple[int, int]], why: str) -> None:
    with pytest.raises(IllegalAnswer, match=why):
        Floor(day_of("agv"), Wrong(answer)).run()


def test_nobody_is_made_to_do_what_he_may_not() -> None:
    with pytest.raises(IllegalAnswer, match="may not do"):
        Floor(day_of("people"), Unskilled(Parameters())).run()


class Late(Open):
    """Starts the first task when its order has missed two departures."""

    def begin(self, model: Model) -> None:
        super().begin(model)
        self.seen: list[tuple[int, int]] = []

    def on_due(self, task: Task, now: int) -> None:
        self.seen.append((now, task.due_ms))

    def decide(self, now: int) -> list[tuple[int, int]]:
        return [(0, 0)] if len(self.seen) == 2 and 0 in self.idle and any(self.ready) else []


def test_an_order_that_missed_rides_the_next_departure_and_still_counts_as_missed() -> None:
    day = agv.day(0, 1.0, "0", 3.0)
    del day.orders[1:]
    order, late = day.orders[0], Late(Parameters())
    floor = Floor(day, late)
    measures = floor.run()
    first, second, third = (order.cutoff_ms + n * order.period_ms for n in range(3))
    assert late.seen == [(first, second), (second, third)]
    assert (floor.ended(floor.orders[0]), measures["orders"], measures["missed_pct"]) == (LATE, 1, 100)
    assert measures["tardiness_min"] == order.weight * (floor.done_ms[0] - first) / 60_000


def test_conveyors_hold_up_packers_and_robots_break_down() -> None:
    day = day_of("mixed", hours=3.0)

    class Watched(Atcs):
        def begin(self, model: Model) -> None:
            super().begin(model)
            self.off: set[int] = set()

        def on_off(self, resource: int, now: int) -> None:
            self.off.add(resource)
            super().on_off(resource, now)

    watched = Watched(Parameters(10.0))
    Floor(day, watched).run()
    assert {stop[2] for stop in day.stops if not stop[1]} <= watched.off
    assert any(resource < len(mixed.CREW) for resource in watched.off), "nobody ever waited for a conveyor"


def test_differences_are_paired_by_seed() -> None:
    runs = [
        (case, play(case))
        for seed in (100, 101)
        for strategy in ("edd", "atcs")
        for case in [Case("agv", 1.1, "0.3", strategy, seed, 1.0)]
    ]
    edd, atcs = compare(runs)
    assert "against" not in atcs
    expected = [runs[0][1]["empty_s"] - runs[1][1]["empty_s"], runs[2][1]["empty_s"] - runs[3][1]["empty_s"]]
    assert edd["against"]["empty_s"]["mean"] == pytest.approx(sum(expected) / 2, abs=1e-3)
    assert mean_and_half([1.0, 3.0]) == pytest.approx((2.0, 12.706), abs=0.001)


def test_the_greedy_index_beats_earliest_due_in_saturation() -> None:
    day, parameters = day_of("agv", hours=3.0), Parameters()
    edd, atcs = (Floor(day, strategy_of(name, parameters)).run() for name in ("edd", "atcs"))
    assert edd["missed_pct"] > 5 * atcs["missed_pct"]
    assert set(USUAL_STRATEGIES) <= set(STRATEGIES)


def some_runs(seeds: tuple[int, ...] = (100, 101)) -> list[tuple[Case, Measures]]:
    cases = [Case("agv", 1.1, "0.3", strategy, seed, 1.0) for seed in seeds for strategy in ("edd", "atcs", "rolling")]
    return [(case, play(case)) for case in cases]


def test_the_verdict_is_what_the_paired_figures_say() -> None:
    runs = some_runs()
    (one,) = verdict.verdicts(runs)
    edd, atcs, rolling = ([m for case, m in runs if case.strategy == name] for name in ("edd", "atcs", "rolling"))
    gaps = [
        mine["weighted_missed_pct"] - theirs["weighted_missed_pct"] for mine, theirs in zip(rolling, atcs, strict=True)
    ]
    assert one["weighted_against_atcs"]["mean"] == pytest.approx(sum(gaps) / 2, abs=1e-3)
    assert one["no_worse"] == (sum(gaps) <= 0)
    assert one["empty_to_atcs"] == pytest.approx(
        sum(m["empty_s"] for m in rolling) / sum(m["empty_s"] for m in atcs), abs=1e-3
    )
    fails = sum(m["missed_pct"] for m in edd) / 2 >= verdict.EDD_FAILS_PCT
    assert (one["tenth"] is not None) == (one["empty"] is not None) == fails
    assert verdict.verdicts([run for run in runs if run[0].strategy != "atcs"]) == []


def test_a_verdict_beside_the_solver_asks_for_a_thousandth_of_its_time() -> None:
    (case, mine), calm = some_runs((100,))[2], {"weighted_missed_pct": 0.0, "cpu_us": 1e9}
    beside = (case, mine | {"weighted_missed_pct": 1.0}), (replace(case, strategy="cpsat"), mine | calm)
    (one,) = verdict.verdicts(beside)
    assert (one["no_worse_than_peer"], one["peer_time"], one["peer_seeds"]) == (False, True, 1)


def test_a_run_that_was_stopped_goes_on_and_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "floor.json"
    assert results.read(path) == []
    runs = some_runs((100,))
    results.write(path, runs)
    assert results.read(path) == runs
    assert play_seeds([[case for case, _ in runs]], 1, path) == runs, "nothing is left to do"
    assert len(play_seeds([[*(case for case, _ in runs), Case("agv", 1.1, "0", "edd", 100, 1.0)]], 1, path)) == 4
    assert len(results.read(path)) == 4
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"code": "other"}))
    with pytest.raises(results.OtherResults, match="other code"):
        results.read(path)
    path.write_text("{}")
    with pytest.raises(results.OtherResults, match="no file of results"):
        results.read(path)


def test_of_settings_that_miss_no_more_than_the_best_the_shortest_way_is_first() -> None:
    best, near, far = Parameters(1), Parameters(2), Parameters(3)
    found = {best: (0.10, 0.0, 9.0), near: (0.10 + NO_WORSE / 2, 0.0, 8.0), far: (0.10 + 2 * NO_WORSE, 0.0, 1.0)}
    assert ranked(found) == [near, best, far]
