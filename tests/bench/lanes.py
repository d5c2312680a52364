"""Scan to lane: the compiled decision table against the same decision in pure Python, with dicts and objects.

Random known barcodes (SSCCs) of a sorter with 32 lanes and 60 destinations, each with two lanes and an alternate; some
lanes are full, closed or rate limited. Every scan is a fresh text, as from a wire. In turn, in short rounds; figures
are medians over the rounds, of the time the thread ran (each_ns: of the clock on the wall). Figures:

    core                            python or compiled; without compiled code there is nothing `inside`
    barcodes.N                      with N barcodes known:
        python_ns, api_ns            one decision in pure Python; one called from Python
        text_ns, inside_ns           inside the core: from the text; a batch of barcodes that are numbers already
        each_ns{}                    from the text inside the core, each by itself, one look at the clock in it
        ratio_api_to_python, ratio_text_to_python, ratio_inside_to_python, ratio_p99_9_to_1us
        times_api, times_text, times_inside  how many times faster than pure Python
        same_answers                         both decided the same
"""

import random
import tempfile
from array import array
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import thread_time_ns
from types import ModuleType
from typing import Any

from edge import wes
from edge.messages import Lane, Machine
from edge.wes.sort import ALTERNATE_SHIFT, DISABLED, LANE_SHIFT, WHY_SHIFT, Barcodes, LanePlan, key_of
from tests.bench.core import inside
from tests.bench.yardstick import Row, ratio, settled_collector, spread

WORDS = "Scan to lane with a table of barcodes: compiled, and in pure Python"
SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (1_000,)
LANES, DESTINATIONS, CAPACITY = 32, 60, 40
HOSPITAL, DEFAULT, ROUNDS_MAX = 31, 32, 3
NOW_MS = 1_700_000_000_000
GAP_MS = 4_000
SCANS_A_ROUND = 6400
LIMIT_NS = 1000


class PythonLane:
    __slots__ = ("bound", "capacity", "closed", "gap_ms", "lane", "load", "sent_ms")

    def __init__(self, lane: int, load: int, closed: int, gap_ms: int, sent_ms: int) -> None:
        self.lane, self.capacity, self.load, self.bound = lane, CAPACITY, load, 0
        self.closed, self.gap_ms, self.sent_ms = closed, gap_ms, sent_ms


class PythonDestination:
    __slots__ = ("first", "second")

    def __init__(self, first: list[PythonLane], second: list[PythonLane]) -> None:
        self.first, self.second = first, second


class PythonUnit:
    __slots__ = ("destination", "hu_id")

    def __init__(self, hu_id: str, destination: PythonDestination) -> None:
        self.hu_id, self.destination = hu_id, destination


def least_loaded(lanes: list[PythonLane], skip: PythonLane | None, now_ms: int) -> PythonLane | None:
    """The lane that can take a unit now with the fewest units, ties to the first."""
    best, fewest = None, 0
    for lane in lanes:
        units = lane.load + lane.bound
        if lane is skip or lane.closed or units >= lane.capacity:
            continue
        if lane.gap_ms and now_ms - lane.sent_ms < lane.gap_ms:
            continue
        if best is None or units < fewest:
            best, fewest = lane, units
    return best


class PythonSorter:
    """The decision as one writes it in plain Python: a dict of units, objects, and no words made."""

    def __init__(self) -> None:
        self.units: dict[str, PythonUnit] = {}

    def decide(self, barcode: str, recirc_count: int, now_ms: int) -> tuple[int, int, int, int]:
        """(code, why, lane, alternate)."""
        unit = self.units.get(barcode)
        if unit is None:
            return 1, 7, HOSPITAL, DEFAULT
        first, second = unit.destination.first, unit.destination.second
        if not first and not second:
            return 1, 6, HOSPITAL, DEFAULT
        why, chosen = 1, least_loaded(first, None, now_ms)
        if chosen is None:
            why, chosen = 2, least_loaded(second, None, now_ms)
        if chosen is None:
            if recirc_count >= ROUNDS_MAX:
                return 1, 5, HOSPITAL, DEFAULT
            waits = any(
                lane.gap_ms and not lane.closed and lane.load + lane.bound < lane.capacity for lane in first + second
            )
            return 2, 4 if waits else 3, 0, 0
        other = least_loaded(first, chosen, now_ms) or least_loaded(second, chosen, now_ms)
        return 1, why, chosen.lane, other.lane if other else 0


class Contest:
    """The same sorter twice, with the same `count` barcodes in random order."""

    def __init__(self, count: int) -> None:
        self.chance = chance = random.Random(count)
        lanes = [
            Lane(lane=n, capacity=CAPACITY, x_mm=0, y_mm=0, min_gap_ms=GAP_MS * (n % 8 == 0)) for n in range(1, 33)
        ]
        machine = Machine(
            machine_id="sorter1", kind="sorter", zone="DOCK", lanes=tuple(lanes), default_lane=DEFAULT,
            hospital_lane=HOSPITAL, max_recirc=ROUNDS_MAX,
        )  # fmt: skip
        self.plan, self.python = LanePlan(machine, Barcodes()), PythonSorter()
        objects = []
        for position, lane in enumerate(lanes):
            load, closed = chance.choice((*range(CAPACITY), CAPACITY)), DISABLED * (chance.randrange(10) == 0)
            sent_ms = NOW_MS - chance.randrange(2 * GAP_MS)
            self.plan.show(position, load, 0, closed, sent_ms)
            objects.append(PythonLane(lane.lane, load, closed, lane.min_gap_ms, sent_ms))
        destinations = []
        for number in range(DESTINATIONS):
            places = chance.sample(range(LANES - 2), 3)
            self.plan.set_row(number, sorted(places[:2]), places[2:])
            first, second = [objects[place] for place in sorted(places[:2])], [objects[places[2]]]
            destinations.append(PythonDestination(first, second))
        serials = list(range(count))
        chance.shuffle(serials)
        self.barcodes = [f"{950600012:010d}{serial:08d}" for serial in serials]
        for barcode in self.barcodes:
            number = chance.randrange(DESTINATIONS)
            self.plan.barcodes.bind(barcode, number)
            self.python.units[barcode] = PythonUnit(barcode, destinations[number])

    def scans(self, count: int) -> list[str]:
        """Texts nobody has seen before, of barcodes that are known."""
        return ["".join(self.chance.choice(self.barcodes)) for _ in range(count)]

    def same_answers(self, scans: Sequence[str]) -> bool:
        """Whether both decide the same, unknown barcodes and late rounds too."""
        for number, barcode in enumerate([*scans, "9" * 18, "stranger"]):
            packed = self.plan.decide(barcode, number % 5, NOW_MS)
            lanes = packed >> LANE_SHIFT & 0xFFFF, packed >> ALTERNATE_SHIFT
            if (packed & 15, packed >> WHY_SHIFT & 15, *lanes) != self.python.decide(barcode, number % 5, NOW_MS):
                return False
        return True


def called(decide: Any, scans: list[str]) -> float:
    """Nanoseconds of this thread per decision, called from Python."""
    started = thread_time_ns()
    for barcode in scans:
        decide(barcode, 0, NOW_MS)
    return (thread_time_ns() - started) / len(scans)


def measured(contest: Contest, core: ModuleType | None, rounds: int) -> dict[str, Any]:
    """One size: every way of deciding in turn, round by round."""
    ns: dict[str, list[float]] = {"python": [], "api": [], "text": [], "inside": []}
    each: list[float] = []
    for _ in range(rounds):
        ns["python"].append(called(contest.python.decide, contest.scans(SCANS_A_ROUND)))
        ns["api"].append(called(contest.plan.decide, contest.scans(SCANS_A_ROUND)))
        if core is None:
            continue
        ns["text"].append(core.in_a_row(contest.plan, contest.scans(SCANS_A_ROUND), NOW_MS)[0] / SCANS_A_ROUND)
        numbers = array("q", map(key_of, contest.scans(SCANS_A_ROUND)))
        ns["inside"].append(core.by_number(contest.plan, numbers, NOW_MS)[0] / SCANS_A_ROUND)
        took = array("q", bytes(8 * SCANS_A_ROUND))
        core.one_by_one(contest.plan, contest.scans(SCANS_A_ROUND), NOW_MS, took)
        each += took
    typical = {name: median(values) for name, values in ns.items() if values}
    found: dict[str, Any] = {"same_answers": contest.same_answers(contest.scans(SCANS_A_ROUND))}
    for name, value in typical.items():
        found[f"{name}_ns"] = round(value)
        if name != "python":
            found[f"ratio_{name}_to_python"] = ratio(value, typical["python"])
            found[f"times_{name}"] = ratio(typical["python"], value)
    if each:
        found |= {"each_ns": spread(each, 0), "ratio_p99_9_to_1us": ratio(spread(each, 0)["p99_9"], LIMIT_NS)}
    return found


def figures(quick: bool) -> dict[str, Any]:
    """Measures; the figures. Raises CalledProcessError if the loop cannot be compiled beside a compiled core."""
    sizes, rounds = (QUICK_SIZES, 3) if quick else (SIZES, 25)
    barcodes = {}
    with tempfile.TemporaryDirectory() as folder:
        core = inside(Path(folder))
        for size in sizes:
            contest = Contest(size)
            with settled_collector():
                barcodes[str(size)] = measured(contest, core, rounds)
    return {"core": wes.CORE, "barcodes": barcodes}


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    words = {"api": "called from Python", "text": "inside the core", "inside": "inside the core, a batch of numbers"}
    table = []
    for size, found in figures["barcodes"].items():
        what, limit = f"{int(size):,} barcodes".replace(",", " "), f"pure Python {found['python_ns']} ns"
        for name, label in words.items():
            if f"{name}_ns" in found:
                time = f"{found[f'{name}_ns']} ns, {found[f'times_{name}']:.3g} times faster"
                table.append(Row(f"{what}, {label}", time, limit, found[f"ratio_{name}_to_python"]))
        if "each_ns" in found:
            each = found["each_ns"]
            time = f"p50 {each['p50']:.0f}, p99 {each['p99']:.0f}, p99.9 {each['p99_9']:.0f} ns"
            table.append(Row(f"{what}, each by itself", time, "1 µs (p99.9)", found["ratio_p99_9_to_1us"]))
    return table
