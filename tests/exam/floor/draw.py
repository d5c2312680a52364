"""What the scenarios draw days with: distances, arrivals, weights, noise, breakdowns, and a builder for orders.

Every kind of chance has a stream of its own, seeded by its name and the day's seed, and noise is drawn per task when
the day is made: what a strategy does cannot change what happens to another.
"""

import math
from collections.abc import Callable, Iterator
from random import Random

from tests.exam.floor.model import NONE, Day, Order, Task

WEIGHTS = (1,) * 75 + (3,) * 20 + (8,) * 5
"""Normal, urgent, express: 75, 20 and 5 %."""
HOUR_MS = 3_600_000
NOISES = ("0", "0.3", "heavy")
"""Lognormal sigma, mean 1; or 5 % of the tasks take five times as long and the others less, mean 1 too."""
HEAVY_SHARE, HEAVY_FACTOR = 0.05, 5.0


def stream(seed: int, name: str) -> Random:
    """The chance of one kind of thing on one day."""
    return Random(f"{name} of day {seed}")


def grid_ms(columns: int, rows: int, pitch_mm: int, speed_mm_s: int) -> list[list[int]]:
    """Travel along the aisles (Manhattan) between the cells of a grid, numbered row by row."""
    cells = [(n % columns, n // columns) for n in range(columns * rows)]
    return [[(abs(x - u) + abs(y - v)) * pitch_mm * 1000 // speed_mm_s for u, v in cells] for x, y in cells]


def arrivals(
    chance: Random, per_hour: float, horizon_ms: int, shape: Callable[[float], float] | None = None
) -> Iterator[int]:
    """A Poisson process by thinning; `shape` gives the rate relative to the mean over the share 0..1 of the day."""
    top = 2.0 if shape else 1.0
    at = 0.0
    while True:
        at += chance.expovariate(per_hour * top / HOUR_MS)
        if at >= horizon_ms:
            return
        if shape is None or chance.random() * top < shape(at / horizon_ms):
            yield int(at)


def two_waves(share: float) -> float:
    """Two peaks a day, a quarter above the mean."""
    return 1 - 0.25 * math.cos(4 * math.pi * share)


def multiplier(chance: Random, noise: str) -> float:
    """How much longer than estimated a task takes. One draw of each kind per task, so that kinds stay comparable."""
    normal, share = chance.gauss(0.0, 1.0), chance.random()
    if noise == "heavy":
        return HEAVY_FACTOR if share < HEAVY_SHARE else (1 - HEAVY_SHARE * HEAVY_FACTOR) / (1 - HEAVY_SHARE)
    sigma = float(noise)
    return math.exp(sigma * normal - sigma * sigma / 2)


def about(chance: Random, mean_s: int) -> int:
    """An estimate in ms between half and one and a half of the mean."""
    return int(mean_s * chance.uniform(500, 1500))


def breakdowns(
    chance: Random, is_belt: bool, machine: int, up_ms: int, down_ms: int, horizon_ms: int
) -> Iterator[tuple[int, bool, int, int]]:
    """Exponential times up and down by the clock, whatever the machine is doing."""
    at = 0
    while True:
        at += 1 + int(chance.expovariate(1 / up_ms))
        if at >= horizon_ms:
            return
        for_ms = 1 + int(chance.expovariate(1 / down_ms))
        yield at, is_belt, machine, for_ms
        at += for_ms


class Book:
    """Writes orders into a day; `step` adds tasks in order of work, the last one of an order ends at its cutoff."""

    def __init__(self, day: Day, seed: int, noise: str) -> None:
        self.day, self.noise = day, noise
        self.chance = stream(seed, "noise")

    def order(self, arrival_ms: int, cutoff_ms: int, period_ms: int, weight: int, *, judged: bool = True) -> Order:
        order = Order(len(self.day.orders), arrival_ms, cutoff_ms, period_ms, weight, judged, [])
        self.day.orders.append(order)
        return order

    def step(
        self,
        order: Order,
        skill: int,
        places: tuple[int, int],
        work_ms: int,
        before: tuple[int, ...] = (),
        departure: int = NONE,
        belt: int = NONE,
    ) -> int:
        """One task, to be done after the tasks `before`; its number."""
        day, number = self.day, len(self.day.tasks)
        cls = day.model.class_of(skill, places[0])
        day.tasks.append(Task(number, order.id, skill, cls, *places, max(work_ms, 1000), order.weight, departure))
        day.really_ms.append(max(int(work_ms * multiplier(self.chance, self.noise)), 1))
        day.waits_for.append(len(before))
        day.then.append(NONE)
        day.belt_of.append(belt)
        for earlier in before:
            day.then[earlier] = number
        order.tasks.append(number)
        return number

    def close(self, order: Order, walk_ms: int) -> None:
        """Sets the tasks' own due times backwards from the cutoff, with `walk_ms` of way to every later task."""
        day = self.day
        for number in reversed(order.tasks):
            task, after = day.tasks[number], day.then[number]
            task.due_ms = order.cutoff_ms
            if after != NONE:
                belt = day.belt_of[number]
                transit = day.belts[belt].transit_ms if belt != NONE else 0
                task.due_ms = day.tasks[after].due_ms - day.tasks[after].work_ms - walk_ms - transit
            task.next_due_ms = task.due_ms + order.period_ms
