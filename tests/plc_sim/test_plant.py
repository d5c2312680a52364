"""The books: whatever is done to the floor, a unit is in exactly one place and no piece of stock appears or goes."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from plc_sim.actuations import Actuation, Did
from plc_sim.codes import Cmd, Decision
from plc_sim.plant import OUTSIDE
from plc_sim.troubles import Troubles
from plc_sim.world import World
from tests.plc_sim.stage import CONVEYOR, ROBOT, SORTER, run, site_with, started, world_of

LOST = site_with({SORTER: {"lost_per_mille": 100, "no_read_per_mille": 100}}, {1: 1, 2: 2, 3: 1, 13: 1, 14: 3})


def check_books(world: World, placed: int) -> None:
    """Every container holds what the books say, and every unit of the books is in one container or on a known spot."""
    found: dict[str, str] = {}

    def see(barcode: str, place: str) -> None:
        assert barcode not in found, f"{barcode} is at {found[barcode]} and at {place}"
        found[barcode] = place

    for name in (CONVEYOR, "conveyor2"):
        line = world.conveyor(name).line
        for unit in line.infeed:
            see(unit.barcode, f"{name}/infeed")
        for zone, at in enumerate(line.zones):
            if at is not None:
                see(at.barcode, line.place_of(zone))
    loop = world.sorter(SORTER).loop
    for rider in loop.riders.values():
        assert not rider.gone
        see(rider.unit.barcode, "sorter1/loop")
    for location, lane in world.plant.lanes.items():
        for barcode in lane.units:
            see(barcode, location)
    for barcode, unit in world.plant.units.items():
        if unit.place.startswith(("hands", "truck", "sorter1/floor", "outside")):
            see(barcode, unit.place)
    assert found == {barcode: unit.place for barcode, unit in world.plant.units.items()}
    assert len(found) == placed
    assert world.sorter(SORTER).word("OnSorterCount") == len(loop.riders)


def check_log(world: World, log: list[Actuation], opening: dict[tuple[str, str], int]) -> None:
    """The moves of the log, from the opening stock on, come to the books; no unit leaves where it is not."""
    places: dict[str, str] = {}
    stock = {**opening}
    for each in log:
        if each.did is not Did.MOVED:
            continue
        if each.barcode:
            assert each.source == places.get(each.barcode, OUTSIDE), each
            places[each.barcode] = each.target
            continue
        stock[each.source, each.sku] = stock.get((each.source, each.sku), 0) - each.quantity
        stock[each.target, each.sku] = stock.get((each.target, each.sku), 0) + each.quantity
    assert places == {barcode: unit.place for barcode, unit in world.plant.units.items()}
    books = {(place, sku): n for place, slot in world.plant.stock.items() for sku, n in slot.items()}
    assert books == {key: n for key, n in stock.items() if key in books}
    gone = sum(n for key, n in stock.items() if key not in books)
    assert sum(books.values()) + gone == sum(opening.values())


STEPS = st.one_of(
    st.tuples(st.just("place"), st.sampled_from([CONVEYOR, "conveyor2"]), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.integers(1, 40_000), st.integers(0, 16)),
    st.tuples(st.just("command"), st.sampled_from([CONVEYOR, "conveyor2", SORTER]), st.sampled_from(list(Cmd))),
    st.tuples(st.just("take"), st.integers(1, 14), st.integers(0, 30)),
    st.tuples(st.just("online"), st.booleans(), st.just(0)),
    st.tuples(st.just("restart"), st.sampled_from([CONVEYOR, SORTER]), st.just(0)),
    st.tuples(st.just("job"), st.just(""), st.integers(1, 4)),
    st.tuples(st.just("lift"), st.just(""), st.integers(0, 30)),
    st.tuples(st.just("fault"), st.just(""), st.integers(0, 10_000)),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(STEPS, min_size=10, max_size=60), st.integers(0, 1000))
def test_a_unit_is_in_exactly_one_place_and_nothing_vanishes(steps: list[tuple[str, object, int]], seed: int) -> None:
    log: list[Actuation] = []
    opening = {(f"R-01-01-{level}", sku): 9 for level in (1, 2) for sku in ("x", "y")}
    world = started(world_of(LOST, seed=seed, physical=opening, log=log.append))
    troubles = Troubles(world)
    placed = 0
    for what, which, number in steps:
        if what == "place":
            known = f"U{number}" in world.plant.units
            done = world.plant.place(str(which), f"U{number}")
            assert not (known and done)
            placed += done
        elif what == "wait":
            code = Decision.RECIRC if number == 16 else Decision.ROUTE
            answer = {"dest1": number, "dest2": number % 3, "code": code, "max_recirc": 1}
            run(world, int(str(which)), lambda request, answer=answer: answer if answer["dest1"] else None)  # type: ignore[misc]
        elif what == "command":
            world.machines[str(which)].command(int(number), [1])
        elif what == "take":
            location = f"sorter1/L{int(str(which)):02}"
            there = f"U{number}" in world.plant.lanes[location].units
            assert world.plant.take(location, f"U{number}") == there
        elif what == "online":
            world.host_online(online=bool(which))
        elif what == "lift":
            unit = world.plant.units.get(f"U{number}")
            there = unit.place if unit is not None else ""
            taken = world.plant.take(there, f"U{number}", "hands")
            assert not (taken and there == "sorter1/loop" and world.sorter(SORTER).loop.belt.running)
        elif what == "job":
            world.robot(ROBOT).start_job(number, 1, 1, 1 + number % 2, number)
        elif what == "fault":
            troubles.draw_one(random.Random(number))
        else:
            world.restart_plc(str(which))
        check_books(world, placed)
    check_log(world, log, opening)
    for machine in world.machines.values():
        assert all(isinstance(machine.read(name), int) for name in machine.live)


@given(
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), st.integers(0, 9)),
    st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(1, 6))),
)
def test_no_piece_of_stock_appears_or_goes(
    physical: dict[tuple[str, str], int], moves: list[tuple[bool, str, str, int]]
) -> None:
    plant = world_of(physical=physical).plant
    expected = {**physical}
    for out, location, sku, quantity in moves:
        if out:
            here = expected.get((location, sku), 0)
            assert plant.pick(location, quantity, sku) == min(here, quantity)
            expected[location, sku] = here - min(here, quantity)
        else:
            plant.put(location, sku, quantity)
            expected[location, sku] = expected.get((location, sku), 0) + quantity
    books = {(location, sku): n for location, slot in plant.stock.items() for sku, n in slot.items() if n}
    assert books == {key: n for key, n in expected.items() if n}


def test_picking_without_a_sku_takes_whatever_lies_there() -> None:
    plant = world_of(physical={("s", "x"): 2, ("s", "y"): 2}).plant
    assert plant.pick("s", 3) == 3
    assert plant.on_hand("s") == 1
    assert plant.pick("nowhere", 3) == 0


def test_every_physical_change_is_in_the_log() -> None:
    moved: list[Actuation] = []
    world = started(world_of(physical={("s", "x"): 1}, log=moved.append))
    world.plant.place(CONVEYOR, "U1", "anna")
    run(world, 60_000)
    world.plant.pick("s", 1, "x", "anna")
    places = [(each.by, each.target) for each in moved if each.barcode == "U1" and each.did is Did.MOVED]
    zones = [("conveyor1", f"conveyor1/Z0{n}") for n in range(1, 8)]
    assert places == [
        ("anna", "conveyor1/infeed"), *zones, ("conveyor1", "conveyor1/exit"), ("sorter1", "sorter1/loop"),
        ("sorter1", "sorter1/L01"),
    ]  # fmt: skip
    assert [(each.sku, each.quantity, each.source) for each in moved[-1:]] == [("x", 1, "s")]
