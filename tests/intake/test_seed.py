"""Opening stock: everything has a place, enough lies there, and just the chosen share is short."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.intake.generate import generate_day
from edge.intake.seed import ROBOT_LINES_PERCENT, ROBOT_MAX_ML, seed_stock
from edge.intake.tables import Seed
from edge.messages import Item, OrderCaptured, Rack, rack_locations
from edge.settings import ConfigError, SiteSettings, read_site

ROOT = Path(__file__).parents[2]
SITE = read_site(ROOT / "config" / "site.yaml")
DAY = generate_day(200, 3, 1_700_000_000_000, "dc1", ("N", "S", "EXPRESS"))
ROBOT_SPOTS = {spot for rack in SITE.racks if rack.robot for spot, *_ in rack_locations(Rack(**rack.model_dump()))}
SPOTS = {spot for rack in SITE.racks for spot, *_ in rack_locations(Rack(**rack.model_dump()))}


def demand(orders: tuple[OrderCaptured, ...]) -> Counter[str]:
    units: Counter[str] = Counter()
    for order in orders:
        for line in order.lines:
            units[line.sku] += line.quantity
    return units


def booked(seed: Seed) -> Counter[str]:
    units: Counter[str] = Counter()
    for line in seed.stock:
        units[line.sku] += line.quantity
    return units


def on_shelf(seed: Seed) -> Counter[str]:
    units: Counter[str] = Counter()
    for sku, _, quantity in seed.physical:
        units[sku] += quantity
    return units


@settings(max_examples=25, deadline=None)
@given(shortage=st.floats(0, 1), number=st.integers(0, 1000))
def test_just_the_chosen_share_is_short_half_in_the_book_half_on_the_shelf(shortage: float, number: int) -> None:
    seed = seed_stock(DAY.orders, SITE, shortage, number)
    wanted, book, shelf = demand(DAY.orders), booked(seed), on_shelf(seed)
    in_book = [sku for sku in wanted if book[sku] < wanted[sku]]
    on_floor = [sku for sku in wanted if book[sku] >= wanted[sku] > shelf[sku]]
    short = len(in_book) + len(on_floor)
    assert abs(short - len(wanted) * shortage) <= 1
    assert 0 <= len(in_book) - len(on_floor) <= 1
    assert all(shelf[sku] <= book[sku] for sku in wanted)
    assert all(book[sku] == shelf[sku] for sku in in_book)


def test_no_shortage_is_none_and_the_smallest_is_one() -> None:
    wanted = demand(DAY.orders)
    whole, one = seed_stock(DAY.orders, SITE, 0, 1), seed_stock(DAY.orders, SITE, 0.0001, 1)
    assert all(on_shelf(whole)[sku] >= wanted[sku] for sku in wanted)
    assert sum(on_shelf(one)[sku] < wanted[sku] for sku in wanted) == 1


def test_every_article_has_its_own_places_on_the_site() -> None:
    seed = seed_stock(DAY.orders, SITE, 0.05, 1)
    places = [line.location for line in seed.stock]
    assert len(places) == len(set(places))
    assert set(places) <= SPOTS
    assert {(line.sku, line.location) for line in seed.stock} == {(sku, spot) for sku, spot, _ in seed.physical}
    assert {item.sku for item in seed.items} == set(demand(DAY.orders))


def test_some_articles_lie_in_two_lots_of_different_age() -> None:
    seed = seed_stock(DAY.orders, SITE, 0, 1)
    lots: dict[str, list[tuple[str, str]]] = {}
    for line in seed.stock:
        lots.setdefault(line.sku, []).append((line.lot, line.expiry))
    twice = [pair for pair in lots.values() if len(pair) == 2]
    assert 0.1 < len(twice) / len(lots) < 0.4
    assert all(older[0] < younger[0] for older, younger in twice)
    dated = [pair for pair in twice if pair[0][1]]
    assert 0 < len(dated) < len(twice)
    assert all(older[1] < younger[1] for older, younger in dated)


def test_the_robot_gets_small_popular_articles_and_not_too_many_lines() -> None:
    seed = seed_stock(DAY.orders, SITE, 0, 1)
    places = {line.sku: line.location for line in seed.stock}
    robot = {item.sku for item in seed.items if item.robot}
    assert robot == {sku for sku, place in places.items() if place in ROBOT_SPOTS} != set()
    assert all(item.volume_ml <= ROBOT_MAX_ML for item in seed.items if item.robot)
    lines = Counter(line.sku for order in DAY.orders for line in order.lines)
    assert sum(lines[sku] for sku in robot) * 100 <= sum(lines.values()) * ROBOT_LINES_PERCENT


def test_popular_articles_lie_nearer_than_others() -> None:
    seed = seed_stock(DAY.orders, SITE, 0, 1)
    stations = {"A": (18_000, 0), "B": (54_000, 0)}
    walk = {
        spot: abs(x - stations[rack.zone][0]) + abs(y - stations[rack.zone][1])
        for rack in SITE.racks
        for spot, x, y in rack_locations(Rack(**rack.model_dump()))
    }
    nearest = {line.sku: walk[line.location] for line in reversed(seed.stock) if line.location not in ROBOT_SPOTS}
    lines = Counter(line.sku for order in DAY.orders for line in order.lines)
    ranked = sorted(nearest, key=lambda sku: -lines[sku])
    third = len(ranked) // 3
    assert sum(nearest[sku] for sku in ranked[:third]) < sum(nearest[sku] for sku in ranked[-third:])


def test_the_same_call_gives_the_same_stock_and_another_seed_another() -> None:
    first, again = seed_stock(DAY.orders, SITE, 0.1, 7), seed_stock(DAY.orders, SITE, 0.1, 7)
    assert first == again
    assert seed_stock(DAY.orders, SITE, 0.1, 8).physical != first.physical


def test_a_catalogue_is_kept_and_gets_stock_too() -> None:
    mine = Item(sku="SKU0001", description="my own", volume_ml=7777, weight_g=11, skill="hazmat")
    idle = Item(sku="IDLE", robot=True)
    seed = seed_stock(DAY.orders, SITE, 0, 1, [mine, idle])
    items = {item.sku: item for item in seed.items}
    assert items["SKU0001"] == mine
    assert not items["IDLE"].robot
    assert booked(seed)["IDLE"] > 0


def test_what_is_more_than_a_face_holds_lies_in_the_reserve() -> None:
    above = SITE.racks[0].model_copy(update={"reserve_levels": (3, 4)})
    site: SiteSettings = SITE.model_copy(update={"racks": (above, *SITE.racks[1:]), "face_max": 5})
    seed, plain = seed_stock(DAY.orders, site, 0.1, 7), seed_stock(DAY.orders, SITE, 0.1, 7)
    reserve = [line for line in seed.stock if line.location[0] == "A" and line.location[-1] in "34"]
    faces = [line for line in seed.stock if line not in reserve]
    assert max(line.quantity for line in faces) == 5
    assert len({line.location for line in reserve}) == len(reserve) > 20
    assert (booked(seed), on_shelf(seed)) == (booked(plain), on_shelf(plain))


def test_too_few_locations_say_what_to_do() -> None:
    tiny = SITE.racks[0].model_copy(update={"aisles": 1, "bays": 2, "levels": 1})
    site: SiteSettings = SITE.model_copy(update={"racks": (tiny,)})
    with pytest.raises(ConfigError, match=r"racks: \d+ articles, but only 2 locations .* add a rack"):
        seed_stock(DAY.orders, site, 0, 1)


@pytest.mark.parametrize("shortage", [-0.1, 1.1, float("nan")])
def test_a_shortage_that_is_no_share_is_refused(shortage: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        seed_stock(DAY.orders, SITE, shortage, 1)
