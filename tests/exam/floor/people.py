"""Scenario `people`: thirty workers with different skills, carriers that leave every quarter of an hour."""

from random import Random

from tests.exam.floor.draw import HOUR_MS, WEIGHTS, Book, about, arrivals, grid_ms, stream, two_waves
from tests.exam.floor.model import Day, Model

PICK, REACH, COLD, PACK = range(4)
FLOOR = ("AABBRR", "AABBRR", "AABBRR", "AABBCC", "PPPPCC")
ZONES = "ABRCP"
SKILL_IN = {"A": PICK, "B": PICK, "R": REACH, "C": COLD, "P": PACK}
PITCH_MM, SPEED_MM_S = 11_000, 1_200
WORK_S = (40, 60, 45, 60)
REPLENISH_S = 75
CREW = (
    ((PICK, PACK),) * 8
    + ((PICK,),) * 5
    + ((REACH, PICK),) * 6
    + ((REACH,),) * 4
    + ((COLD, PICK),) * 4
    + ((PACK, COLD),) * 3
)
ORDERS_PER_HOUR = 330
"""At load 1."""
REPLENISHMENT = 0.15
CARRIERS, PERIOD_MS, STAGGER_MS, LEAD_MS = 4, 3_600_000, 900_000, 1_200_000
AREA_SHARE = {"A": 5, "B": 4, "R": 3, "C": 4}
"""Chance of one area to be asked for, by its zone."""


WALK_MS = 15_000
"""Way to the next task of an order, as the due times allow for it."""


def floor() -> Model:
    """Thirty areas in five zones, everybody at a pack station in the morning."""
    letters = "".join(FLOOR)
    model = Model(
        areas=len(letters), zones=len(ZONES), skills=4, zone_of=[ZONES.index(letter) for letter in letters],
        travel_ms=grid_ms(len(FLOOR[0]), len(FLOOR), PITCH_MM, SPEED_MM_S),
        start_area=[], allowed=[], mean_work_ms=1000 * sum(WORK_S) // len(WORK_S),
    )  # fmt: skip
    stations = areas("P")
    for worker, skills in enumerate(CREW):
        model.start_area.append(stations[worker % len(stations)])
        model.allowed.append(tuple(skill * model.zones + zone for skill in skills for zone in range(model.zones)))
    return model


def areas(letter: str) -> list[int]:
    return [area for area, here in enumerate("".join(FLOOR)) if here == letter]


def cutoff_of(carrier: int, arrival_ms: int) -> int:
    """The carrier's first departure that leaves the floor its time."""
    first = STAGGER_MS * (carrier + 1)
    return first + -(-max(arrival_ms + LEAD_MS - first, 0) // PERIOD_MS) * PERIOD_MS


def day(seed: int, load: float, noise: str, hours: float = 4.0) -> Day:
    """Orders of one to five picks and a pack, and replenishment from the reach zone."""
    made = Day(floor(), int(hours * HOUR_MS))
    book, chance = Book(made, seed, noise), stream(seed, "people")
    shelves = [area for letter, share in AREA_SHARE.items() for area in areas(letter) * share]
    for at in arrivals(chance, load * ORDERS_PER_HOUR, made.horizon_ms, two_waves):
        if chance.random() < REPLENISHMENT:
            replenish(book, chance, at)
            continue
        carrier = chance.randrange(CARRIERS)
        order = book.order(at, cutoff_of(carrier, at), PERIOD_MS, chance.choice(WEIGHTS))
        station = chance.choice(areas("P"))
        picks = []
        for _ in range(chance.randint(1, 5)):
            shelf = chance.choice(shelves)
            skill = SKILL_IN["".join(FLOOR)[shelf]]
            picks.append(book.step(order, skill, (shelf, shelf), about(chance, WORK_S[skill]), (), carrier))
        book.step(order, PACK, (station, station), about(chance, WORK_S[PACK]), tuple(picks), carrier)
        book.close(order, WALK_MS)
    return made


def replenish(book: Book, chance: Random, at: int) -> None:
    """Goods from the high shelves to a pick area, within two hours."""
    order = book.order(at, at + 2 * HOUR_MS, PERIOD_MS, 1, judged=False)
    places = chance.choice(areas("R")), chance.choice(areas("A") + areas("B"))
    book.step(order, REACH, places, about(chance, REPLENISH_S))
    book.close(order, WALK_MS)
