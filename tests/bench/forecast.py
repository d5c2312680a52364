"""A forecast of all departures from the live state, in slices between other work: what it costs a busy site.

The site is made up: eight zones, each with its pickers and packers, twelve departures of which several are tight; units
wait for room, are inside, on the machines and in their lanes; others may still come. The
caller keeps slices short as the runtime would: it times each one and asks the next for as many events as should fit
into TARGET_MS. Figures:

    tasks, maybe, resources        the site: open tasks, units that may come beside them, hands
    futures, action_futures, risky  of which with actions on trial, departures at risk
    events_per_future, future_ms        mean of the futures without actions: events, processor time
    futures_per_s, events_per_s
    total_s, actions_s, result_ms       processor time of the whole forecast, of its actions, of the result
    slices, slice_ms{}                  processor time, each slice at its quickest of `passes` passes that do the same
    first_pass_ms{}                     by the clock, in the pass that sets the budgets, others on the machine included
    begin_ms{}                          slices that begin a future
    share_of_core_permille              of one core, when done again every REFRESH_S
    ratio_longest_slice_to_limit        slice_ms max / LIMIT_MS
    ratio_total_to_limit                total_s / REFRESH_S
"""

from array import array
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import perf_counter_ns, thread_time_ns
from typing import Any

from edge.wes.board import IDLE, INSIDE, LOAD, MOVING, NONE, PACK, PICK, QUEUED, READY, STAGED, Board
from edge.wes.chance import MAYBE, QUANTILES, Tables, Timetable
from edge.wes.dispatch import STRATEGIES, Dispatcher, Tuning
from edge.wes.forecast import ACTION_FUTURES, Forecast
from tests.bench.yardstick import Row, ratio, settled_collector, spread

WORDS = "A forecast of every departure from the live state, in slices between other work"
MINUTE = 60_000
LIMIT_MS = 5
TARGET_MS = 2
REFRESH_S = 30
ZONES, AREAS, LANES = 8, 8, 12
MEANS = {PICK: 45_000, PACK: 50_000, LOAD: 30_000}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is open, who is there, how many futures, and how often it is all done."""

    units: int = 560
    maybe: int = 256
    hands: int = 100
    futures: int = 64
    passes: int = 3


NORMAL = Sizes()
QUICK = Sizes(units=40, maybe=12, hands=30, futures=3, passes=2)


class Site:
    """The board of a busy site with 3 to 4 tasks a unit, and its service times."""

    def __init__(self, sizes: Sizes, seed: int = 1) -> None:
        self.chance = Random(seed)
        self.dock = ZONES * AREAS
        areas = self.dock + LANES
        ways = [0 if a == b else 3000 + 1500 * (abs(a - b) % AREAS) + 4000 * abs(a // AREAS - b // AREAS)
                for a in range(areas) for b in range(areas)]  # fmt: skip
        self.board = Board(areas, array("q", ways))
        self.number = 0
        self.tables = Tables(2 * ZONES + 1, ZONES)
        for zone in range(ZONES):
            for _ in (PICK, PACK):
                self.board.add_class(zone * AREAS, (zone + 1) * AREAS)
        self.loads = self.board.add_class(self.dock, areas)
        for lane in range(LANES):
            self.board.add_departure(lane + 1, (8 + 3 * lane) * MINUTE, self.dock + lane)
        self.learn()
        self.staff(sizes.hands)
        for zone in range(ZONES):
            self.board.add_zone(zone + 1, 20, self.loads, zone * AREAS)
        for _ in range(sizes.units):
            self.unit(self.chance.randrange(ZONES), min(self.chance.randrange(LANES), self.chance.randrange(LANES)))
        self.open_tasks = sum(self.board.t_state[row] != 0 for row in range(self.board.rows["t"].used))
        self.timetable = Timetable()
        for departure in range(LANES):
            self.to_come(departure, sizes.maybe // LANES)
        self.begin()

    def learn(self) -> None:
        for kind, mean_ms in MEANS.items():
            table = self.tables.enter([mean_ms // 3 + mean_ms * 4 * i // 192 for i in range(QUANTILES)])
            for cls in range(2 * ZONES + 1):
                self.tables.work[kind * self.tables.classes + cls] = table
        way = self.tables.enter([60_000 + 2000 * i for i in range(QUANTILES)])
        for zone in range(ZONES):
            self.tables.transit[zone] = way

    def staff(self, hands: int) -> None:
        """Of ten people six pick, three pack, each in two zones, and one loads."""
        board = self.board
        for zone in range(ZONES):
            other = (zone + 1) % ZONES
            board.group_classes.append(array("q", [2 * zone, 2 * other]))
            board.group_classes.append(array("q", [2 * zone + 1, 2 * other + 1]))
        board.group_classes.append(array("q", [self.loads]))
        for i in range(hands):
            zone, job = i // 10 % ZONES if i % 10 < 9 else ZONES, i % 10
            group = 2 * ZONES if zone == ZONES else 2 * ((i // 10 * 6 + job) % ZONES) + (job >= 6)
            area = self.dock if group == 2 * ZONES else group // 2 * AREAS
            row = board.add_resource(NONE, i + 1, group, area, 900 + self.chance.randrange(250))
            board.rest(row, IDLE, area, 0)

    def task(self, kind: int, zone: int, unit: int, departure: int) -> int:
        cutoff, area = self.board.d_cutoff_ms[departure], zone * AREAS
        if kind == PICK:
            area += self.chance.randrange(AREAS)
        cls = {PICK: 2 * zone, PACK: 2 * zone + 1, LOAD: self.loads}[kind]
        self.number += 1
        due = cutoff - {PICK: 5 * MINUTE, PACK: 3 * MINUTE, LOAD: 0}[kind]
        area = self.board.d_area[departure] if kind == LOAD else area
        return self.board.add_task(
            NONE, self.number, kind, cls, area, area, 4, MEANS[kind], due, due + 60 * MINUTE, unit, departure
        )

    def unit(self, zone: int, departure: int) -> None:
        board, luck = self.board, self.chance.randrange(20)
        full = sum(board.u_zone[row] == zone and board.u_state[row] == INSIDE for row in range(board.rows["u"].used))
        state = MOVING if luck == 0 else STAGED if luck == 1 else QUEUED if full >= 20 else INSIDE
        cutoff, number = board.d_cutoff_ms[departure], board.rows["u"].used + 1
        unit = board.add_unit(number, zone, state, cutoff, departure, 0, 0)
        if state == STAGED:
            board.t_state[self.task(LOAD, zone, unit, departure)] = READY
        elif state != MOVING:
            picks = [self.task(PICK, zone, unit, departure) for _ in range(2 + self.chance.randrange(3))]
            last = self.task(PACK, zone, unit, departure)
            for pick in picks:
                board.wait_for(last, pick)
                board.t_state[pick] = READY if state == INSIDE else board.t_state[pick]

    def to_come(self, departure: int, units: int) -> None:
        """So many units may come before the cutoff; each future draws how many do."""
        board, cutoff, rows = self.board, self.board.d_cutoff_ms[departure], []
        for i in range(units):
            zone, number = self.chance.randrange(ZONES), board.rows["u"].used + 1
            rows.append(board.add_unit(number, zone, MAYBE, cutoff, departure, 0, 0))
            picks = [self.task(PICK, zone, rows[-1], departure) for _ in range(2 + self.chance.randrange(3))]
            last = self.task(PACK, zone, rows[-1], departure)
            for pick in picks:
                board.wait_for(last, pick)
            self.timetable.units.append((cutoff * i // units, rows[-1]))
        self.timetable.guesses.append((departure, tuple(units * i // QUANTILES for i in range(QUANTILES)), tuple(rows)))

    def begin(self) -> None:
        """Everybody has begun something."""
        self.dispatcher = Dispatcher(self.board, STRATEGIES["rolling"], Tuning())
        for task in range(self.board.rows["t"].used):
            if self.board.t_state[task] == READY:
                self.dispatcher.offer(task, 0)
        for resource in range(self.board.rows["r"].used):
            self.dispatcher.hands(resource, 0)
        for i in range(self.dispatcher.choose(0)):
            self.board.start(self.dispatcher.chosen_r[i], self.dispatcher.chosen_t[i], 0)


def run(sizes: Sizes, data: Path) -> dict[str, Any]:
    """The figures; nothing is written to `data`."""
    with settled_collector():
        return _measure(Site(sizes), sizes)


def figures(quick: bool) -> dict[str, Any]:
    """The figures; their names stand in the docstring of the module."""
    return run(QUICK if quick else NORMAL, Path())


class Pass:
    """One whole forecast, slice by slice: the budget of each, by the clock and in processor time."""

    def __init__(self, site: Site, sizes: Sizes, budgets: list[int]) -> None:
        """With the budgets of another pass, or of its own stopwatch if there are none."""
        strategy, walks = STRATEGIES["rolling"], site.dispatcher.walks
        self.forecast = Forecast(
            site.board, site.tables, strategy, Tuning(), 30_000, sizes.futures, 1, site.timetable, walks
        )
        self.budgets: list[int] = []
        self.clock_ns: list[int] = []
        self.cpu_ns: list[int] = []
        self.begins: list[bool] = []
        self.base, self.events = 0, 0
        self.per_event_ns = 50_000.0
        done = False
        while not done:
            fitting = max(1, int(TARGET_MS * 1e6 / self.per_event_ns))
            most = max(10, self.budgets[-1] * 3 // 2) if self.budgets else 10
            done = self.slice(budgets[len(self.budgets)] if budgets else min(fitting, most))
            if self.forecast.ended < sizes.futures:
                self.base, self.events = len(self.cpu_ns) + 1, self.forecast.events

    def slice(self, events: int) -> bool:
        """The stopwatch of the caller: what events have cost of late says how many fit."""
        self.begins.append(self.forecast.future is None)
        before, clock, cpu = self.forecast.events, perf_counter_ns(), thread_time_ns()
        done = self.forecast.work(events)
        self.cpu_ns.append(thread_time_ns() - cpu)
        self.clock_ns.append(perf_counter_ns() - clock)
        self.budgets.append(events)
        done_events = self.forecast.events - before
        if done_events:
            self.per_event_ns += (self.clock_ns[-1] / done_events - self.per_event_ns) / 8
        return done


def _measure(site: Site, sizes: Sizes) -> dict[str, Any]:
    first = Pass(site, sizes, [])
    passes = [first] + [Pass(site, sizes, first.budgets) for _ in range(sizes.passes - 1)]
    # Every pass does the same in the same slices: what is longer than in another pass was somebody else.
    least_ms = [min(times) / 1e6 for times in zip(*(each.cpu_ns for each in passes), strict=True)]
    cpu_s = min(sum(each.cpu_ns) for each in passes) / 1e9
    base_s = min(sum(each.cpu_ns[: each.base]) for each in passes) / 1e9
    cpu = thread_time_ns()
    outlooks = first.forecast.result()
    result_ms = (thread_time_ns() - cpu) / 1e6
    slices = spread(least_ms, 2)
    begin_ms = spread([ms for ms, begins in zip(least_ms, first.begins, strict=True) if begins], 2)
    return {
        "tasks": site.open_tasks,
        "maybe": sum(len(units) for _, _, units in site.timetable.guesses),
        "resources": sizes.hands,
        "futures": sizes.futures,
        "action_futures": sum(len(each.actions) for each in outlooks) * min(sizes.futures, ACTION_FUTURES),
        "risky": sum(bool(each.actions) for each in outlooks),
        "events_per_future": first.events // sizes.futures,
        "future_ms": round(base_s * 1e3 / sizes.futures, 2),
        "futures_per_s": round(sizes.futures / base_s, 1),
        "events_per_s": round(first.events / base_s),
        "total_s": round(cpu_s, 3),
        "actions_s": round(cpu_s - base_s, 3),
        "result_ms": round(result_ms, 2),
        "slices": len(least_ms),
        "slice_ms": slices,
        "first_pass_ms": spread([ns / 1e6 for ns in first.clock_ns], 2),
        "begin_ms": begin_ms,
        "share_of_core_permille": round(cpu_s / REFRESH_S * 1000),
        "ratio_longest_slice_to_limit": ratio(slices["max"], LIMIT_MS),
        "ratio_total_to_limit": ratio(cpu_s, REFRESH_S),
    }


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    slices = figures["slice_ms"]
    floor = f"{figures['tasks']} tasks, {figures['maybe']} units that may come, {figures['resources']} resources"
    return [
        Row(
            f"a slice of the forecast, {floor}",
            f"p99 {slices['p99']:.1f}, longest {slices['max']:.1f} ms",
            f"a slice of the runtime {LIMIT_MS} ms",
            figures["ratio_longest_slice_to_limit"],
        ),
        Row(
            f"{figures['futures']} futures of {figures['future_ms']} ms, {figures['action_futures']} with actions",
            f"{figures['total_s']:.1f} s, {figures['share_of_core_permille'] / 10:.1f} % of a core",
            f"again every {REFRESH_S} s",
            figures["ratio_total_to_limit"],
        ),
    ]
