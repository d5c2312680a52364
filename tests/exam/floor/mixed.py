"""Scenario `mixed`: people, vehicles, robot cells, conveyors and sorter lanes work on the same orders until the truck.

Pick (people in an aisle, or a robot in its cell), carry by a vehicle where the pack station is far, pack, conveyor,
lane, load before the departure. Robots and conveyors break down, a second picker in an area slows down, a full
conveyor holds up the packer, and a full lane the conveyor.
"""

from random import Random

from tests.exam.floor.draw import HOUR_MS, WEIGHTS, Book, about, arrivals, breakdowns, grid_ms, stream, two_waves
from tests.exam.floor.model import Belt, Day, Model, Order
from tests.exam.floor.people import CARRIERS, PERIOD_MS, STAGGER_MS

PICK, REACH, PACK, LOAD, CARRY, CELL = range(6)
FLOOR = ("AAAABBBB", "AAAABBBB", "FFFFFFRR", "FFFF12RR", "PPPQQQDD", "......DD")
"""A and B lie at their pack stations P and Q; from F and the robot cells 1 and 2 a vehicle carries; D is the dock."""
ZONES = "ABFRPQD12."
PITCH_MM, SPEED_MM_S = 11_000, 1_200
WORK_S = {PICK: 40, REACH: 75, PACK: 55, LOAD: 25, CELL: 20}
HANDLING_MS, WALK_MS, LEAD_MS = 30_000, 20_000, 1_500_000
CREW = (
    ((PICK,),) * 8
    + ((PICK, CELL),) * 2
    + ((PICK, PACK),) * 8
    + ((PACK,),) * 2
    + ((LOAD,),) * 3
    + ((LOAD, PACK),) * 3
    + ((REACH, PICK),) * 4
)
"""Those who only load are never held up by a full conveyor, so that it always empties again."""
VEHICLES = 8
FROM = "AAAAAAABBBBBBFFF1122"
"""Where orders come from, by share."""
STATION = {"A": "P", "B": "Q", "F": "Q", "1": "P", "2": "Q"}
BELTS = (Belt(20, 120_000), Belt(20, 180_000))
LANE_ROOM = 24
ROBOT_UP_MS, ROBOT_DOWN_MS = 2_400_000, 300_000
BELT_UP_MS, BELT_DOWN_MS = 3_600_000, 240_000
AISLE_ROOM, AISLE_PERCENT = 1, 30
REPLENISHMENT = 0.1
ORDERS_PER_HOUR = 500
"""At load 1."""


def areas(letter: str) -> list[int]:
    return [area for area, here in enumerate("".join(FLOOR)) if here == letter]


def floor() -> Model:
    """Thirty people, then eight vehicles, then the two robots, which never leave their cells."""
    letters = "".join(FLOOR)
    zones = len(ZONES)
    crew = [tuple(skill * zones + zone for skill in skills for zone in range(zones)) for skills in CREW]
    fleet = [tuple(CARRY * zones + zone for zone in range(zones))] * VEHICLES
    robots: list[tuple[int, ...]] = [(CELL * zones + ZONES.index(cell),) for cell in "12"]
    stations, dock = areas("P") + areas("Q"), areas("D")
    return Model(
        areas=len(letters), zones=zones, skills=6, zone_of=[ZONES.index(letter) for letter in letters],
        travel_ms=grid_ms(len(FLOOR[0]), len(FLOOR), PITCH_MM, SPEED_MM_S),
        start_area=[stations[n % len(stations)] for n in range(len(CREW))]
        + [dock[n % len(dock)] for n in range(VEHICLES)] + areas("1") + areas("2"),
        allowed=crew + fleet + robots, mean_work_ms=1000 * sum(WORK_S.values()) // len(WORK_S),
    )  # fmt: skip


def cutoff_of(carrier: int, arrival_ms: int) -> int:
    """The carrier's first departure that leaves the floor its time."""
    first = STAGGER_MS * (carrier + 1)
    return first + -(-max(arrival_ms + LEAD_MS - first, 0) // PERIOD_MS) * PERIOD_MS


def day(seed: int, load: float, noise: str, hours: float = 4.0) -> Day:
    """Orders from five zones, replenishment, and a day's breakdowns."""
    made = Day(
        floor(), int(hours * HOUR_MS), belts=list(BELTS), lane_room=[LANE_ROOM] * CARRIERS,
        aisle_room=AISLE_ROOM, aisle_percent=AISLE_PERCENT, crowded_skills=(PICK,),
    )  # fmt: skip
    book, chance = Book(made, seed, noise), stream(seed, "mixed")
    for at in arrivals(chance, load * ORDERS_PER_HOUR, made.horizon_ms, two_waves):
        if chance.random() < REPLENISHMENT:
            order = book.order(at, at + 2 * HOUR_MS, PERIOD_MS, 1, judged=False)
            shelf = chance.choice(areas("A") + areas("B") + areas("F"))
            book.step(order, REACH, (chance.choice(areas("R")), shelf), about(chance, WORK_S[REACH]))
        else:
            carrier = chance.randrange(CARRIERS)
            order = book.order(at, cutoff_of(carrier, at), PERIOD_MS, chance.choice(WEIGHTS))
            chain(book, chance, order, carrier)
        book.close(order, WALK_MS)
    made.stops = stops(seed, made)
    return made


def chain(book: Book, chance: Random, order: Order, carrier: int) -> None:
    """The work on one order: it comes from one zone and goes over that zone's conveyor."""
    zone = chance.choice(FROM)
    skill = CELL if zone in "12" else PICK
    shelves = [chance.choice(areas(zone)) for _ in range(chance.randint(1, 4))]
    before = tuple(
        book.step(order, skill, (shelf, shelf), about(chance, WORK_S[skill]), (), carrier) for shelf in shelves
    )
    station, dock = chance.choice(areas(STATION[zone])), areas("D")[carrier]
    if zone not in "AB":
        way = book.day.model.travel_ms[shelves[-1]][station]
        before = (book.step(order, CARRY, (shelves[-1], station), HANDLING_MS + way, before, carrier),)
    belt = "PQ".index(STATION[zone])
    packed = book.step(order, PACK, (station, station), about(chance, WORK_S[PACK]), before, carrier, belt)
    book.step(order, LOAD, (dock, dock), about(chance, WORK_S[LOAD]), (packed,), carrier)


def stops(seed: int, made: Day) -> list[tuple[int, bool, int, int]]:
    """When which robot and conveyor stands still, and for how long."""
    found: list[tuple[int, bool, int, int]] = []
    horizon = made.horizon_ms
    for robot in range(len(CREW) + VEHICLES, made.model.resources):
        found += breakdowns(stream(seed, f"robot {robot}"), False, robot, ROBOT_UP_MS, ROBOT_DOWN_MS, horizon)
    for belt in range(len(BELTS)):
        found += breakdowns(stream(seed, f"belt {belt}"), True, belt, BELT_UP_MS, BELT_DOWN_MS, horizon)
    return sorted(found)
