"""What one decision of the priority index costs, next to numpy over arrays, at 1 000, 10 000 and 100 000 open tasks.

A decision: the best task for a worker who has 3 of 8 types and stands in one of 64 areas, take it, put a new task
(dispatch.md 3.4: works of 20..180 s, due within 4 h, K = 2 mean works, a step of travel 0.25 nat, 1.5 s between two
decisions; "triage" adds ten minutes of tolerance and a next departure an hour later). All ways get the same tasks and
must choose the same ones. They run in turn, a block of decisions each, long enough to have one's own arrays in the
cache. CPU time is measured, not wall time: on a shared machine interruptions would lengthen the longer blocks most.

    plain   numpy as one writes it: precomputed columns, the ATCS formula, masks by np.where
    lean    numpy with our own pieces as columns, no temporaries, one cost per cell: the least passes we know
    inside  ours again, called as the board calls it: from compiled code (only where the core is compiled)

Figures, per rule and open tasks:

    decisions, same_decisions, hash       the hash is over the chosen tasks
    index_us, plain_us, lean_us           CPU time, medians over the blocks, per decision, through the Python API
    ratio_to_plain, ratio_to_lean         index_us / theirs
    inside_us, ratio_inside_to_plain, ratio_inside_to_lean    the same without Python around each call
"""

import hashlib
import tempfile
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from time import thread_time_ns
from types import ModuleType
from typing import Any, NamedTuple

from edge.wes.index import LOST, NEVER_MS, Index
from tests.bench.core import inside
from tests.bench.priority import Worth, slope_of, worth
from tests.bench.yardstick import Row, ratio, settled_collector

WORDS = "The best of 1 000, 10 000 and 100 000 open tasks: the priority index, numpy argmax over arrays"
TYPES, AREAS, HAS = 8, 64, 3
MEAN_WORK_MS, K_PERCENT = 100_000, 200
STEP = 1 << 30
HOUR_MS = 3_600_000
RULES = {"atcs": NEVER_MS, "atcs + triage": HOUR_MS // 6}
NOBODY = -(1 << 60)
SLOPE = slope_of("atcs", K_PERCENT, MEAN_WORK_MS)


@dataclass(frozen=True, slots=True)
class Sizes:
    tasks: tuple[int, ...] = (1_000, 10_000, 100_000)
    blocks: int = 5
    decisions: int = 500
    """In each block, as many as in dispatch.md 3.4 at a stretch."""


NORMAL = Sizes()
QUICK = Sizes(tasks=(200,), blocks=2, decisions=5)


class Task(NamedTuple):
    kind: int
    area: int
    worth: Worth


class Question(NamedTuple):
    """Who asks when, and the task that comes in afterwards."""

    kinds: "array[int]"
    area: int
    at_ms: int
    task: Task


def random_task(chance: Random, now_ms: int, tolerance_ms: int) -> Task:
    due_ms = now_ms + chance.randrange(4 * HOUR_MS)
    goal = worth(
        "atcs", weight=1 + chance.randrange(10), work_ms=1000 * (20 + chance.randrange(160)), due_ms=due_ms,
        next_due_ms=due_ms + HOUR_MS, number=0, tolerance_ms=tolerance_ms, slope=SLOPE,
    )  # fmt: skip
    return Task(chance.randrange(TYPES), chance.randrange(AREAS), goal)


def questions(chance: Random, count: int, tolerance_ms: int) -> list[Question]:
    made = []
    for n in range(count):
        at_ms = 1500 * n
        kinds = array("q", sorted(chance.sample(range(TYPES), HAS)))
        made.append(Question(kinds, chance.randrange(AREAS), at_ms, random_task(chance, at_ms, tolerance_ms)))
    return made


def travel() -> "array[int]":
    """64 areas in a square, steps along its sides."""
    return array("q", [STEP * (abs(a % 8 - b % 8) + abs(a // 8 - b // 8)) for a in range(AREAS) for b in range(AREAS)])


class ByIndex:
    """Ours. A slot's number is the slot, as numpy's argmax would have it."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.index = Index(AREAS, SLOPE, travel())
        for _ in range(TYPES):
            self.index.add_class(0, AREAS)
        for slot, task in enumerate(tasks):
            self.index.put(slot, task.kind, task.area, slot, *task.worth)

    def answer(self, asked: Sequence[Question]) -> list[int]:
        best, take, put, slots = self.index.best, self.index.take, self.index.put, []
        for kinds, area, at_ms, (kind, there, (top, line, urgent_ms, lost_ms, line2, urgent2_ms)) in asked:
            slot = best(kinds, HAS, area, at_ms)
            take(slot)
            put(slot, kind, there, slot, top, line, urgent_ms, lost_ms, line2, urgent2_ms)
            slots.append(slot)
        return slots


class Inside:
    """Ours, called from compiled code; only that code is timed."""

    def __init__(self, core: ModuleType, tasks: Sequence[Task]) -> None:
        self.core, self.index = core, ByIndex(tasks).index

    def timed(self, asked: Sequence[Question]) -> tuple[int, list[int]]:
        words = array("q")
        for kinds, area, at_ms, (kind, there, goal) in asked:
            words.extend((*kinds, area, at_ms, kind, there, *goal))
        table = memoryview(words).cast("B").cast("q", (len(asked), len(words) // len(asked)))
        chosen = array("q", bytes(8 * len(asked)))
        return self.core.best_of(self.index, table, chosen), chosen.tolist()


class ByNumpy:
    """One question after the other."""

    def answer(self, asked: Sequence[Question]) -> list[int]:
        return [self.decide(each) for each in asked]

    def decide(self, asked: Question) -> int:
        raise NotImplementedError


class ByPlainNumpy(ByNumpy):
    """The formula of the textbook, a column for everything that does not change."""

    def __init__(self, np: Any, tasks: Sequence[Task]) -> None:
        self.np, self.triage = np, any(task.worth.lost_ms < NEVER_MS for task in tasks)
        self.kind = np.array([task.kind for task in tasks])
        self.area = np.array([task.area for task in tasks])
        self.columns = {name: np.array([getattr(task.worth, name) for task in tasks]) for name in Worth._fields}
        self.travel = np.array(travel()).reshape(AREAS, AREAS)

    def decide(self, asked: Question) -> int:
        np, column = self.np, self.columns
        value = column["top"] - SLOPE * np.maximum(column["urgent_ms"] - asked.at_ms, 0)
        if self.triage:
            again = column["top"] - SLOPE * np.maximum(column["urgent2_ms"] - asked.at_ms, 0)
            again = np.where(asked.at_ms < column["urgent2_ms"], again, column["top"] - LOST)
            value = np.where(asked.at_ms < column["lost_ms"], value, again)
        able = np.zeros(TYPES, bool)
        able[asked.kinds] = True
        score = np.where(able[self.kind], value - self.travel[asked.area][self.area], NOBODY)
        slot = int(score.argmax())
        self.kind[slot], self.area[slot] = asked.task.kind, asked.task.area
        for name, number in zip(Worth._fields, asked.task.worth, strict=True):
            column[name][slot] = number
        return slot


class ByLeanNumpy(ByNumpy):
    """The value as the smaller of line and top, only lost tasks apart, travel and types in one cost per cell."""

    def __init__(self, np: Any, tasks: Sequence[Task]) -> None:
        self.np, self.triage = np, any(task.worth.lost_ms < NEVER_MS for task in tasks)
        self.cell = np.array([AREAS * task.kind + task.area for task in tasks], np.intp)
        self.top, self.line, self.urgent, self.lost, self.line2, self.urgent2 = (
            np.array(column) for column in zip(*(task.worth for task in tasks), strict=True)
        )
        self.value, self.cost = np.empty(len(tasks), np.int64), np.empty(len(tasks), np.int64)
        self.late = np.empty(len(tasks), bool)
        self.travel = np.tile(np.array(travel()).reshape(AREAS, AREAS), (1, TYPES))
        self.per_cell = np.empty(TYPES * AREAS, np.int64)

    def decide(self, asked: Question) -> int:
        np, value, gain = self.np, self.value, SLOPE * asked.at_ms
        np.add(self.line, gain, out=value)
        np.minimum(value, self.top, out=value)
        if self.triage:
            np.less_equal(self.lost, asked.at_ms, out=self.late)
            late = np.flatnonzero(self.late)
            if late.size:
                again = self.urgent2[late] > asked.at_ms
                value[late] = np.where(again, self.line2[late] + gain, self.top[late] - LOST)
        self.per_cell.fill(-NOBODY)
        for kind in asked.kinds:
            cells = slice(AREAS * kind, AREAS * kind + AREAS)
            self.per_cell[cells] = self.travel[asked.area, cells]
        np.take(self.per_cell, self.cell, out=self.cost, mode="clip")
        np.subtract(value, self.cost, out=value)
        slot = int(value.argmax())
        self.cell[slot] = AREAS * asked.task.kind + asked.task.area
        columns = (self.top, self.line, self.urgent, self.lost, self.line2, self.urgent2)
        for column, number in zip(columns, asked.task.worth, strict=True):
            column[slot] = number
        return slot


def library() -> Any:
    """numpy; says where it comes from when it is missing."""
    try:
        import numpy as np
    except ImportError as error:
        raise SystemExit("bench: index compares with numpy: pip install 'wes-edge[bench]'") from error
    return np


def figures(quick: bool) -> dict[str, Any]:
    """Measures; the figures."""
    return _measure(QUICK if quick else NORMAL)


def run(sizes: Sizes, data: Path) -> dict[str, Any]:
    """The same, for the command; writes nothing."""
    return _measure(sizes)


def _measure(sizes: Sizes) -> dict[str, Any]:
    np = library()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, settled_collector():
        core = inside(Path(folder))
        for rule, tolerance_ms in RULES.items():
            found[rule] = {str(tasks): _compare(np, core, sizes, tasks, tolerance_ms) for tasks in sizes.tasks}
    return {"rules": found}


def _compare(np: Any, core: ModuleType | None, sizes: Sizes, open_tasks: int, tolerance_ms: int) -> dict[str, Any]:
    """All ways in turn, block by block, over the same tasks and questions."""
    chance = Random(open_tasks)
    tasks = [random_task(chance, 0, tolerance_ms) for _ in range(open_tasks)]
    asked = questions(chance, sizes.blocks * sizes.decisions, tolerance_ms)
    ways = {"index": ByIndex(tasks), "plain": ByPlainNumpy(np, tasks), "lean": ByLeanNumpy(np, tasks)}
    within = Inside(core, tasks) if core else None
    us: dict[str, list[float]] = {name: [] for name in (*ways, *(["inside"] if within else []))}
    chosen: dict[str, list[int]] = {name: [] for name in us}
    for start in range(0, len(asked), sizes.decisions):
        block = asked[start : start + sizes.decisions]
        for name, way in ways.items():
            started = thread_time_ns()
            slots = way.answer(block)
            us[name].append((thread_time_ns() - started) / 1000 / len(block))
            chosen[name] += slots
        if within:
            took_ns, slots = within.timed(block)
            us["inside"].append(took_ns / 1000 / len(block))
            chosen["inside"] += slots
    typical = {name: median(values) for name, values in us.items()}
    found: dict[str, Any] = {
        "decisions": len(asked),
        "same_decisions": all(slots == chosen["index"] for slots in chosen.values()),
        "hash": hashlib.sha256(repr(chosen["index"]).encode()).hexdigest()[:16],
    }
    found |= {f"{name}_us": round(value, 2) for name, value in typical.items()}
    for limit in ("plain", "lean"):
        found[f"ratio_to_{limit}"] = ratio(typical["index"], typical[limit])
        if within:
            found[f"ratio_inside_to_{limit}"] = ratio(typical["inside"], typical[limit])
    return found


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for rule, sizes in figures["rules"].items():
        for tasks, each in sizes.items():
            same = "same decisions" if each["same_decisions"] else "OTHER DECISIONS"
            what = f"{rule}, {int(tasks):,} open tasks".replace(",", " ")
            for way in ("plain", "lean"):
                limit = f"{way} numpy {each[f'{way}_us']:.1f} us, {same}"
                table.append(Row(what, f"{each['index_us']:.2f} us", limit, each[f"ratio_to_{way}"]))
                if "inside_us" in each:
                    measured = f"{each['inside_us']:.2f} us"
                    table.append(Row(f"{what}, inside", measured, limit, each[f"ratio_inside_to_{way}"]))
    return table
