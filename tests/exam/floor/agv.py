"""Scenario `agv`: vehicles on a grid carry loads from cell to cell; every order has a due time of its own."""

from tests.exam.floor.draw import HOUR_MS, WEIGHTS, Book, arrivals, grid_ms, stream
from tests.exam.floor.model import Day, Model

SIDE, ZONE_SIDE = 12, 4
PITCH_MM, SPEED_MM_S = 10_000, 1_500
HANDLING_MS = 30_000
"""Picking up and dropping off, together."""
DUE_MS = (300_000, 1_500_000)
NEXT_MS = 1_800_000
"""An order that is late may be so much later before it is late again."""
ORDERS_PER_HOUR = 35.5
"""Per vehicle at load 1; with the mean empty way before every order a vehicle does 26.5."""


def floor(vehicles: int) -> Model:
    """144 cells in nine zones; the vehicles stand spread over the grid."""
    cells = range(SIDE * SIDE)
    travel = grid_ms(SIDE, SIDE, PITCH_MM, SPEED_MM_S)
    across = SIDE // ZONE_SIDE
    zone_of = [cell // SIDE // ZONE_SIDE * across + cell % SIDE // ZONE_SIDE for cell in cells]
    return Model(
        areas=len(cells), zones=across * across, skills=1, zone_of=zone_of, travel_ms=travel,
        start_area=[vehicle * len(cells) // vehicles for vehicle in range(vehicles)],
        allowed=[tuple(range(across * across))] * vehicles,
        mean_work_ms=HANDLING_MS + mean(travel),
    )  # fmt: skip


def mean(travel: list[list[int]]) -> int:
    return sum(map(sum, travel)) // len(travel) ** 2


def day(seed: int, load: float, noise: str, hours: float = 3.0, vehicles: int = 20) -> Day:
    """One order, one trip; due 5 to 25 minutes after it came."""
    made = Day(floor(vehicles), int(hours * HOUR_MS))
    book, chance = Book(made, seed, noise), stream(seed, "agv")
    travel = made.model.travel_ms
    for at in arrivals(chance, load * vehicles * ORDERS_PER_HOUR, made.horizon_ms):
        source = chance.randrange(SIDE * SIDE)
        target = (source + chance.randrange(1, SIDE * SIDE)) % (SIDE * SIDE)
        order = book.order(at, at + chance.randint(*DUE_MS), NEXT_MS, chance.choice(WEIGHTS))
        book.step(order, 0, (source, target), HANDLING_MS + travel[source][target])
        book.close(order, 0)
    return made
