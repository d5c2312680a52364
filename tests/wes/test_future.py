"""One simulated future: everything ends once, limits hold, and the same seed gives each task the same luck."""

import shutil
import subprocess
import sys
from array import array
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wes.board import CARRY, IDLE, INSIDE, LOAD, MOVING, NONE, OFF, PACK, PICK, QUEUED, READY, STAGED, Board
from edge.wes.chance import COMING, KINDS, LOADING, QUANTILES, WORKING, Chance, Tables, Timetable
from edge.wes.dispatch import STRATEGIES, Tuning
from edge.wes.future import Future
from edge.wes.notes import LANES, NEVER_MS, ROOM, STATION, TRANSIT, Agenda

ROOT = Path(__file__).parents[2]
MINUTE = 60_000
AREAS_PER_ZONE = 4
PICKS, PACKS, LOADS = 0, 1, 2
PLAIN = """
from edge.wes import future
from tests.wes.test_future import many_futures
print(future.__file__, many_futures())
"""


class Floor:
    """Zones with pickers and packers, lanes with loaders; class 3 * zone + 0 picks, + 1 packs, + 2 loads its units."""

    def __init__(
        self, zones: int = 2, room: int = 4, pickers: int = 2, packers: int = 1, loaders: int = 1,
        cutoffs_min: tuple[int, ...] = (30, 60), seed: int = 0,
    ) -> None:  # fmt: skip
        self.chance = Random(seed)
        dock = zones * AREAS_PER_ZONE
        areas = dock + len(cutoffs_min)
        travel = [2000 + 1500 * abs(a - b) if a != b else 0 for a in range(areas) for b in range(areas)]
        self.board = board = Board(areas, array("q", travel))
        self.tables = Tables(3 * zones, zones)
        self.numbers = 0
        for zone in range(zones):
            lo = zone * AREAS_PER_ZONE
            board.add_class(lo, lo + AREAS_PER_ZONE)
            board.add_class(lo, lo + AREAS_PER_ZONE)
            board.add_class(dock, areas)
            board.add_zone(zone + 1, room, 3 * zone + 2, lo)
            for hands, cls in ((pickers, PICKS), (packers, PACKS)):
                board.group_classes.append(array("q", [3 * zone + cls]))
                self.join(hands, len(board.group_classes) - 1, lo)
        board.group_classes.append(array("q", [3 * zone + LOADS for zone in range(zones)]))
        self.join(loaders, len(board.group_classes) - 1, dock)
        for number, minutes in enumerate(cutoffs_min):
            board.add_departure(number + 1, minutes * MINUTE, dock + number)
        self.learn(zones)

    def learn(self, zones: int) -> None:
        """Service times from half to twice the mean."""
        for kind, cls, mean_ms in ((PICK, PICKS, 40_000), (PACK, PACKS, 30_000), (LOAD, LOADS, 20_000)):
            table = self.tables.enter([mean_ms // 2 + mean_ms * i // 48 for i in range(QUANTILES)])
            for zone in range(zones):
                self.tables.work[kind * 3 * zones + 3 * zone + cls] = table
        way = self.tables.enter([60_000 + 1000 * i for i in range(QUANTILES)])
        for zone in range(zones):
            self.tables.transit[zone] = way

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def join(self, hands: int, group: int, area: int, state: int = IDLE) -> list[int]:
        rows = [self.board.add_resource(NONE, self.number(), group, area, 1024) for _ in range(hands)]
        for row in rows:
            self.board.rest(row, state, area, 0)
        return rows

    def unit(self, zone: int, departure: int, picks: int, state: int = QUEUED, *, pack: bool = True) -> int:
        """A unit with its PICK tasks and the PACK task that waits for them."""
        board, number = self.board, self.number()
        cutoff = board.d_cutoff_ms[departure] if departure >= 0 else 60 * MINUTE
        unit = board.add_unit(number, zone, state, cutoff + number, departure, 0, 0)
        tasks = [self.task(PICK, zone, unit, departure, cutoff) for _ in range(picks)]
        if pack:
            last = self.task(PACK, zone, unit, departure, cutoff)
            for task in tasks:
                board.wait_for(last, task)
        return unit

    def task(self, kind: int, zone: int, unit: int, departure: int, cutoff: int) -> int:
        lo = zone * AREAS_PER_ZONE
        area = lo if kind == PACK else lo + self.chance.randrange(AREAS_PER_ZONE)
        cls = 3 * zone + (PACKS if kind == PACK else PICKS)
        work_ms = {PICK: 40_000, PACK: 30_000}.get(kind, 25_000)
        due = cutoff - 5 * MINUTE
        return self.board.add_task(
            NONE, self.number(), kind, cls, area, area, 4, work_ms, due, due + 30 * MINUTE, unit, departure
        )

    def future(
        self, seed: int = 1, strategy: str = "rolling", timetable: Timetable | None = None, until_ms: int = NEVER_MS,
        now_ms: int = 0,
    ) -> Future:  # fmt: skip
        return Future(self.board, self.tables, STRATEGIES[strategy], Tuning(), now_ms, seed, timetable, until_ms)


def busy_floor(units: int = 40, seed: int = 3, **options: int) -> Floor:
    floor = Floor(seed=seed, **options)  # type: ignore[arg-type]
    for i in range(units):
        floor.unit(i % 2, floor.chance.randrange(2), 1 + floor.chance.randrange(3))
    return floor


def told(future: Future) -> dict[str, list[int]]:
    """All that a future says of itself."""
    tally = future.tally
    names = "units open missed finish_ms pick_ms pack_ms waited_ms stage_ms busy_ms zone_busy_ms load_permille"
    return {name: list(getattr(tally, name)) for name in names.split()} | {"events": [future.events, future.now_ms]}


def moments(future: Future) -> Iterator[int]:
    """Event by event to the end."""
    while not future.step(1):
        yield future.now_ms


# chance, agenda, tables


def test_a_stream_is_the_same_every_time_and_another_for_every_seed_purpose_and_number() -> None:
    first = Chance(7)
    again = [first.enter(WORKING, 5), first.draw(), first.draw()]
    first.enter(LOADING, 5)
    assert [first.enter(WORKING, 5), first.draw(), first.draw()] == again
    draws = {Chance(seed).enter(purpose, n) for seed in range(10) for purpose in range(4) for n in range(250)}
    assert len(draws) > 10 * 4 * 250 - 5
    assert all(0 <= draw < 2**31 for draw in draws)


def test_streams_of_neighbours_have_nothing_to_do_with_each_other() -> None:
    """Eight equal bins, by number at one seed and by seed at one number, and pairs of neighbours in both ways."""
    for table in (
        [[Chance(seed).enter(WORKING, n) * 8 >> 31 for n in range(200)] for seed in range(40)],
        [[Chance(seed).enter(WORKING, n) * 8 >> 31 for seed in range(200)] for n in range(40)],
    ):
        singles, pairs, sums = [0] * 8, [0] * 64, []
        for row in table:
            sums.append(sum(row))
            for one, other in pairwise(row):
                singles[one] += 1
                pairs[8 * one + other] += 1
        count = sum(singles)
        assert sum((n - count / 8) ** 2 for n in singles) / (count / 8) < 30
        assert sum((n - count / 64) ** 2 for n in pairs) / (count / 64) < 115
        mean = sum(sums) / len(sums)
        # 200 times the variance of a number from 0 to 7; equidistribution that is too good would show here.
        assert 500 < sum((each - mean) ** 2 for each in sums) / len(sums) < 2100


def test_exponential_times_have_their_mean() -> None:
    chance = Chance(1)
    times = [chance.wait_ms(600_000) for _ in range(4000)]
    assert 560_000 < sum(times) / len(times) < 640_000
    assert 0.34 < sum(ms > 600_000 for ms in times) / len(times) < 0.40


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans()), max_size=200))
def test_the_agenda_gives_the_first_first(entries: list[tuple[int, int, bool]]) -> None:
    agenda, kept = Agenda(), []
    for item, (key, order, take) in enumerate(entries):
        if take and kept:
            key0, order0 = agenda.keys[0], agenda.orders[0]
            assert (key0, order0) == min(kept)[:2]
            kept.remove((key0, order0, agenda.take()))
        agenda.put(key, order, item)
        kept.append((key, order, item))
        assert agenda.count == len(kept)


def test_what_is_left_is_drawn_from_what_is_longer_than_the_time_spent() -> None:
    tables = Tables(1, 1)
    table = tables.enter(range(1000, 65_000, 1000))
    assert [tables.left_ms(table, draw, 0, 1024) for draw in (0, 2**30, 2_147_483_561)] == [1000, 33_000, 64_000]
    assert tables.left_ms(table, 0, 10_000, 1024) == 1000
    assert tables.left_ms(table, 2_147_483_561, 10_000, 1024) == 54_000
    assert tables.left_ms(table, 0, 10_000, 2048) == 2000
    assert tables.left_ms(table, 0, 80_000, 1024) == 20_001
    assert tables.mean_ms(table) == 32_500
    assert [tables.enter([i] * QUANTILES) for i in range(1, 6)] == [1, 2, 3, 4, 5]
    assert [tables.mean_ms(i) for i in range(6)] == [32_500, 1, 2, 3, 4, 5]
    for wrong in ([1] * 63, [*range(63), 5]):
        with pytest.raises(ValueError, match="ascending"):
            tables.enter(wrong)


# one future


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_unit_ends_once_and_no_limit_is_broken(strategy: str) -> None:
    floor = busy_floor(30)
    for _ in range(5):
        floor.task(CARRY, 0, NONE, 1, 60 * MINUTE)
    future, board = floor.future(strategy=strategy), floor.board
    before, ended = board.digest(), {}
    fork = future.board
    inside_before = 0
    for now in moments(future):
        doing = [fork.r_task[r] for r in range(fork.rows["r"].used) if fork.r_task[r] >= 0]
        assert len(doing) == len(set(doing))
        assert all(fork.r_task[fork.t_doer[task]] == task for task in doing)
        inside = [0, 0]
        for unit in range(fork.rows["u"].used):
            if fork.u_state[unit] == INSIDE:
                inside[fork.u_zone[unit]] += 1
            elif not fork.u_state[unit] and unit not in ended:
                ended[unit] = now
        assert inside == [fork.z_inside[zone] for zone in range(2)]
        assert max(inside) <= 4
        inside_before = max(inside_before, *inside)
    assert inside_before == 4
    assert board.digest() == before
    assert not any(future.tally.open)
    assert sum(future.tally.units) == 35
    assert not any(fork.t_state[row] or fork.t_number[row] for row in range(fork.rows["t"].used))
    assert not any(fork.u_state[row] for row in range(fork.rows["u"].used))
    assert len(fork.rows["l"].free) == fork.rows["l"].used
    assert all(fork.r_state[row] == IDLE for row in range(fork.rows["r"].used))


@given(
    st.integers(0, 10_000), st.sampled_from(sorted(STRATEGIES)), st.integers(1, 25), st.integers(1, 5),
    st.integers(0, 3), st.lists(st.integers(1, 60), max_size=8),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_steps_come_to_what_one_run_comes_to(
    seed: int, strategy: str, units: int, room: int, busy: int, steps: list[int]
) -> None:
    floor = busy_floor(units, seed, room=room)
    at_work = set_to_work(floor, busy)
    whole, sliced = floor.future(seed, strategy, now_ms=at_work), floor.future(seed, strategy, now_ms=at_work)
    whole.run()
    for events in steps:
        before = sliced.events
        sliced.step(events)
        assert sliced.events <= before + events
    sliced.run()
    assert told(whole) == told(sliced)
    assert whole.board.digest() == sliced.board.digest()
    assert not any(whole.tally.open)


def set_to_work(floor: Floor, units: int) -> int:
    """Let units in and begin some of their picks, 90 s ago at most; what time it is now."""
    board = floor.board
    for unit in range(min(units, board.rows["u"].used)):
        board.u_state[unit] = INSIDE
    hands = list(range(board.rows["r"].used))
    for task in range(board.rows["t"].used):
        unit = board.t_unit[task]
        if board.u_state[unit] != INSIDE or board.t_waits[task]:
            continue
        board.t_state[task] = READY
        for row in hands:
            if board.r_state[row] == IDLE and board.t_cls[task] in board.group_classes[board.r_group[row]]:
                board.start(row, task, 10_000 * len(hands))
                hands.remove(row)
                break
    return 10_000 * board.rows["r"].used


def test_the_same_seed_gives_every_task_the_same_luck_whoever_does_it() -> None:
    """With enough hands nothing queues, so what the work takes in all is the same under every strategy."""
    floor = busy_floor(12, room=20, pickers=40, packers=12, loaders=12)
    board = floor.board
    for cell in range(len(board.travel)):
        board.travel[cell] = 0
    finish = set()
    for strategy in STRATEGIES:
        future = floor.future(5, strategy)
        future.run()
        finish.add(tuple(future.tally.finish_ms))
        assert sum(future.tally.stage_ms[kind] for kind in (*range(KINDS), ROOM)) == 0
        assert future.tally.stage_ms[TRANSIT] > 12 * MINUTE
    assert len(finish) == 1
    other = floor.future(6)
    other.run()
    assert tuple(other.tally.finish_ms) not in finish


def test_luck_does_not_depend_on_how_scarce_hands_are() -> None:
    work = set()
    for pickers in (1, 3, 9):
        future = busy_floor(20, pickers=pickers).future(4)
        for cell in range(len(future.board.travel)):
            future.board.travel[cell] = 0
        future.run()
        work.add((sum(future.tally.busy_ms), future.tally.stage_ms[TRANSIT], tuple(future.tally.zone_busy_ms)))
    # Hands have numbers too, so the numbers of tasks differ between the floors unless they are counted apart.
    assert len(work) == 3
    floor = busy_floor(20, pickers=9)
    for cell in range(len(floor.board.travel)):
        floor.board.travel[cell] = 0
    work = set()
    for away in (0, 4, 8):
        timetable = Timetable()
        timetable.shifts = [(0, row, False) for row in range(away)]
        future = floor.future(4, timetable=timetable)
        future.run()
        work.add((sum(future.tally.busy_ms), future.tally.stage_ms[TRANSIT], tuple(future.tally.zone_busy_ms)))
    assert len(work) == 1


def test_work_under_way_goes_on_from_the_time_spent_on_it() -> None:
    """A pick that has taken 50 s takes at least 50 s in every future, one that has just begun may be shorter."""
    for spent, shortest in ((0, 20_000), (50_000, 50_000), (400_000, 500_000)):
        floor = Floor(pickers=1)
        unit = floor.unit(0, 0, 1, INSIDE, pack=False)
        board, walk = floor.board, floor.board.travel[floor.board.t_area[0]]
        board.t_state[0] = READY
        board.start(0, 0, 0)
        ends = []
        for seed in range(60):
            future = floor.future(seed, now_ms=walk + spent)
            future.run()
            assert future.board.u_state[unit] == 0
            ends.append(future.tally.finish_ms[0] - walk)
        assert min(ends) >= shortest
        assert min(ends) < max(shortest + 12_000, 500_002)
        assert max(ends) <= max(100_000, shortest + 1)
    future = floor.future(now_ms=0)
    future.run()
    assert future.tally.finish_ms[0] >= walk + 20_000


def test_units_go_on_from_where_they_are() -> None:
    floor = Floor(loaders=3)
    board = floor.board
    moving, staged, loading, bare, free = (floor.unit(0, 0, 0, state, pack=False) for state in (
        MOVING, STAGED, STAGED, INSIDE, STAGED,
    ))  # fmt: skip
    board.u_since_ms[moving] = 0
    board.u_departure[free] = NONE
    load = board.add_task(NONE, 900, LOAD, 2, 8, 8, 4, 20_000, 30 * MINUTE, 60 * MINUTE, loading, 0)
    future = floor.future(now_ms=90_000)
    seen: dict[int, list[int]] = {unit: [] for unit in (moving, staged, loading, bare, free)}
    for _ in moments(future):
        for unit, states in seen.items():
            if states[-1:] != [future.board.u_state[unit]]:
                states.append(future.board.u_state[unit])
    assert seen[moving] == [MOVING, STAGED, 0]
    assert seen[staged] == seen[loading] == [STAGED, 0]
    assert seen[bare] == [MOVING, STAGED, 0]
    assert seen[free] == [STAGED, 0]
    assert future.board.t_state[load] == 0
    assert list(future.tally.units[:2]) == [4, 0]
    assert future.tally.units[-1] == 1


def test_a_task_whose_doer_is_gone_is_done_by_somebody_else() -> None:
    floor = Floor()
    floor.unit(0, 0, 1, INSIDE)
    board = floor.board
    board.start(0, 0, 0)
    board.rest(0, OFF, 0, 0)
    future = floor.future()
    future.run()
    assert future.tally.open[0] == 0
    assert future.board.r_state[0] == OFF


def test_a_load_that_is_planned_early_waits_for_the_lane() -> None:
    floor = Floor()
    unit = floor.unit(0, 0, 1, INSIDE)
    load = floor.board.add_task(NONE, 900, LOAD, 2, 8, 8, 4, 20_000, 30 * MINUTE, 60 * MINUTE, unit, 0)
    floor.board.wait_for(load, 1)
    future = floor.future()
    for _ in moments(future):
        if future.board.u_state[unit] == MOVING:
            assert future.board.t_state[load] != READY
    assert future.tally.units[0] == 1
    assert future.tally.open[0] == 0
    assert future.tally.finish_ms[0] > future.tally.pack_ms[0] + MINUTE


def test_the_best_ranked_unit_is_let_in_first() -> None:
    floor = Floor(room=1)
    units = [floor.unit(0, 0, 1) for _ in range(4)]
    for unit, rank in zip(units, (30, 10, 20, 10), strict=True):
        floor.board.u_rank[unit] = rank
    future, order = floor.future(), []
    for _ in moments(future):
        order += [unit for unit in units if future.board.u_state[unit] == INSIDE and unit not in order]
    assert order == [units[1], units[3], units[2], units[0]]


def test_machines_that_stand_still_hold_up_units_and_let_nothing_in() -> None:
    floor = Floor(room=1, cutoffs_min=(90,))
    floor.unit(0, 0, 1, INSIDE)
    floor.unit(0, 0, 1)
    plain, timetable = floor.future(), Timetable()
    plain.run()
    timetable.closings = [(0, 0, 40 * MINUTE)]
    closed = floor.future(timetable=timetable)
    closed.run()
    assert closed.tally.pick_ms[0] >= 40 * MINUTE > plain.tally.pick_ms[0]
    assert closed.tally.stage_ms[ROOM] == 40 * MINUTE
    timetable.closings, timetable.lanes = [], [(0, 0, 60 * MINUTE)]
    lane = floor.future(timetable=timetable)
    lane.run()
    assert lane.tally.pack_ms[0] == plain.tally.pack_ms[0]
    assert lane.tally.finish_ms[0] > 60 * MINUTE
    timetable.lanes, timetable.breakdowns = [], [(0, 5 * MINUTE, 10 * MINUTE)]
    broken = [floor.future(seed, timetable=timetable) for seed in range(10)]
    for future in broken:
        future.run()
    assert len({future.tally.finish_ms[0] for future in broken}) == 10
    assert sum(future.tally.finish_ms[0] for future in broken) > 10 * plain.tally.finish_ms[0]


def test_what_arrives_later_is_not_there_before() -> None:
    floor = Floor()
    late, task = floor.unit(0, 0, 2, COMING), floor.task(CARRY, 1, NONE, 1, 60 * MINUTE)
    more = floor.join(2, 0, 0, OFF)
    timetable = Timetable()
    timetable.units, timetable.tasks = [(20 * MINUTE, late)], [(25 * MINUTE, task)]
    timetable.shifts = [(20 * MINUTE, more[0], True), (0, 0, False), (0, 1, False), (20 * MINUTE, more[1], True)]
    timetable.shifts.append((20 * MINUTE + 1, more[1], False))
    future = floor.future(timetable=timetable)
    before = 0
    for now in moments(future):
        if now < 20 * MINUTE:
            before += 1
            assert future.board.u_state[late] == COMING
            assert future.board.r_state[more[0]] == OFF
        if now < 25 * MINUTE:
            assert future.board.t_state[task] != READY
    assert before
    assert future.tally.finish_ms[0] > 20 * MINUTE
    assert future.tally.finish_ms[1] > 25 * MINUTE
    assert [future.board.r_state[row] for row in (0, 1, *more)] == [OFF, OFF, IDLE, OFF]


def test_fixed_times_are_taken_instead_of_drawn_ones() -> None:
    floor = Floor()
    unit, timetable = floor.unit(0, 0, 1, INSIDE), Timetable()
    timetable.task_ms = {0: 100_000, 1: 200_000}
    timetable.transit_ms, timetable.load_ms = {unit: 300_000}, {unit: 400_000}
    board, ends = floor.board, set()
    for seed in range(5):
        future = floor.future(seed, timetable=timetable)
        future.run()
        ends.add((future.tally.pick_ms[0], future.tally.pack_ms[0], future.tally.finish_ms[0]))
    pick = board.travel[board.t_area[0]] + 100_000
    assert ends == {(pick, pick + 200_000, pick + 900_000)}


def lanes(*units: int, shared: int = 0) -> Timetable:
    """Lanes with room for so many units of each departure; with `shared` they share them."""
    timetable = Timetable()
    timetable.berths = [(row, 0 if shared else row, each) for row, each in enumerate(units)]
    timetable.shared = [shared] if shared else list(units)
    return timetable


def on_way(board: Board) -> list[int]:
    """Units of each departure that are let in and lie in no lane yet."""
    rows = [row for row in range(board.rows["u"].used) if board.u_state[row] in (INSIDE, MOVING)]
    return [sum(board.u_departure[row] == departure for row in rows) for departure in range(2)]


@given(
    st.integers(0, 999), st.tuples(st.integers(1, 5), st.integers(1, 5)), st.booleans(), st.integers(1, 8),
    st.sampled_from(sorted(STRATEGIES)),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_no_more_units_are_let_in_than_their_lanes_hold(
    seed: int, room: tuple[int, int], share: bool, zone_room: int, strategy: str
) -> None:
    floor = busy_floor(30, seed, room=zone_room)
    timetable = lanes(*room, shared=max(room) if share else 0)
    timetable.turns = [(2 * MINUTE, unit, floor.chance.randrange(60 * MINUTE)) for unit in range(0, 30, 3)]
    future = floor.future(seed, strategy, timetable)
    for _ in moments(future):
        coming = on_way(future.board)
        assert all(units <= most for units, most in zip(coming, room, strict=True))
        assert not share or sum(coming) <= max(room)
    assert list(future.tally.open) == [0, 0, 0]
    assert sum(future.tally.units) == 30


def test_full_lanes_hold_back_their_departure_only_and_are_what_it_waits_for() -> None:
    floor = Floor(room=20, loaders=0, cutoffs_min=(30, 60))
    for n in range(12):
        floor.unit(n % 2, n // 6, 1)
    free, bound = floor.future(timetable=lanes(20, 20)), floor.future(timetable=lanes(2, 20))
    for future in (free, bound):
        future.run()
    staged = [
        [sum(state == STAGED and d == row for state, d in zip(f.board.u_state, f.board.u_departure, strict=True))
         for row in range(2)]
        for f in (free, bound)
    ]  # fmt: skip
    assert staged == [[6, 6], [2, 6]], "nobody empties the lanes"
    assert (free.tally.stage_ms[LANES], bound.tally.stage_ms[LANES] > 0) == (0, True), "they wait to the end"
    floor.join(1, len(floor.board.group_classes) - 1, 2 * AREAS_PER_ZONE)
    emptied = floor.future(timetable=lanes(2, 20))
    emptied.run()
    assert list(emptied.tally.open) == [0, 0, 0]
    slots = emptied.tally.slots
    assert emptied.tally.waited_ms[slots - 1] == emptied.tally.stage_ms[LANES] > 0
    assert emptied.tally.waited_ms[2 * slots - 1] == 0


def at_station(board: Board, zone: int) -> int:
    """Units inside that are picked and wait for their pack."""
    return sum(
        board.u_state[unit] == INSIDE and board.u_zone[unit] == zone
        and [board.t_kind[task] for task in range(board.rows["t"].used)
             if board.t_state[task] and board.t_unit[task] == unit] == [PACK]
        for unit in range(board.rows["u"].used)
    )  # fmt: skip


@given(st.integers(0, 999), st.integers(1, 3), st.booleans(), st.sampled_from(sorted(STRATEGIES)))
@settings(max_examples=40, deadline=None)
def test_nobody_is_let_in_while_the_pack_station_is_full(seed: int, most: int, share: bool, strategy: str) -> None:
    floor, timetable = busy_floor(30, seed, room=8, pickers=6, packers=1), Timetable()
    timetable.stations = [(0, 0, most), (1, 0 if share else 1, most)]
    future, inside, waited = floor.future(seed, strategy, timetable), set[int](), 0
    board = future.board
    for _ in moments(future):
        now = {unit for unit in range(board.rows["u"].used) if board.u_state[unit] == INSIDE}
        there = [at_station(board, zone) for zone in range(2)]
        for unit in now - inside:
            assert (sum(there) if share else there[board.u_zone[unit]]) < most
        inside, waited = now, waited + max(there)
    assert waited
    assert list(future.tally.open) == [0, 0, 0]


def test_a_full_pack_station_is_what_a_unit_waits_for() -> None:
    floor, timetable = Floor(room=20, packers=0, cutoffs_min=(30, 60)), Timetable()
    for _ in range(2):
        floor.unit(0, 0, 1)
    late = [floor.unit(0, 1, 1, COMING), floor.unit(1, 1, 1, COMING)]
    timetable.units = [(20 * MINUTE, unit) for unit in late]
    states = {}
    for name, stations in {
        "none": [], "roomy": [(0, 0, 3)], "full": [(0, 0, 2)], "shared": [(0, 0, 2), (1, 0, 2)],
    }.items():  # fmt: skip
        timetable.stations = stations
        future = floor.future(timetable=timetable, until_ms=50 * MINUTE)
        future.run()
        states[name] = [future.board.u_state[unit] for unit in late]
        assert future.tally.stage_ms[ROOM] == 0
        assert future.tally.stage_ms[STATION] == states[name].count(QUEUED) * (future.now_ms - 20 * MINUTE)
    assert states == {"none": [INSIDE] * 2, "roomy": [INSIDE] * 2, "full": [QUEUED, INSIDE], "shared": [QUEUED] * 2}


def test_a_lane_that_is_being_emptied_counts_as_empty() -> None:
    floor = Floor(room=20, cutoffs_min=(30, 60))
    for _ in range(2):
        floor.unit(0, 0, 0, STAGED, pack=False)
    waiting = floor.unit(0, 0, 1)
    future = floor.future(timetable=lanes(2, 2))
    for _ in moments(future):
        loads = [task for task in future.board.r_task if task >= 0 and future.board.t_kind[task] == LOAD]
        if future.board.u_state[waiting] == INSIDE:
            assert loads, "let in with the first LOAD, not only after it"
            break
    else:
        raise AssertionError("it never came in")


def test_what_cannot_be_done_is_missed_and_never_finished() -> None:
    floor = Floor(packers=0, cutoffs_min=(30, 60, 1))
    floor.unit(0, 0, 2)
    floor.unit(1, 2, 3, pack=False)
    future = floor.future()
    future.run()
    assert list(future.tally.missed) == [1, 0, 1, 0]
    assert list(future.tally.finish_ms)[:2] == [NEVER_MS, NONE]
    assert MINUTE < future.tally.finish_ms[2] < NEVER_MS
    assert future.tally.pick_ms[0] < 10 * MINUTE
    assert future.tally.pack_ms[0] == NEVER_MS
    short = floor.future(until_ms=20_000)
    short.run()
    assert short.now_ms <= 20_000
    assert short.tally.finish_ms[0] == NEVER_MS


def test_compiled_and_plain_see_the_same_futures(tmp_path: Path) -> None:
    """In a process of its own without compiled modules; where nothing is compiled, two processes are compared."""
    for room in ("edge/messages", "edge/wes", "tests/wes"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__"))
    (tmp_path / "edge" / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", PLAIN],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    where, _, told_there = done.stdout.strip().partition(" ")
    assert where == str(tmp_path / "edge" / "wes" / "future.py")
    assert told_there == many_futures()


def many_futures() -> str:
    """What futures of every strategy tell, with work under way, standstills and people who come and go."""
    found = []
    for seed, strategy in enumerate(STRATEGIES):
        floor = busy_floor(25, seed)
        now_ms = set_to_work(floor, 3)
        timetable = Timetable()
        timetable.breakdowns = [(0, 4 * MINUTE, 2 * MINUTE)]
        timetable.shifts = [(5 * MINUTE, 0, False), (9 * MINUTE, 0, True)]
        run = floor.future(seed, strategy, timetable, now_ms=now_ms)
        run.run()
        found.append((told(run), run.board.digest()))
    return repr(found)
