"""The floor as areas: which location lies in which, and the walks against the formula and against brute force."""

from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.messages import Place, Rack, Site, Zone, rack_locations
from edge.opening import site_message
from edge.settings import read_site
from edge.wes.route import Layout, distance_mm
from edge.wes.travel import FAR_MS, NOWHERE_AREA, SEGMENT_BAYS, Travel
from tests.wes.scene import small_site

DEFAULT = site_message(read_site(Path(__file__).parents[2] / "config" / "site.yaml"))
LAYOUT, TRAVEL = Layout(DEFAULT), Travel(DEFAULT)
LOCATIONS = [name for rack in DEFAULT.racks for name, _, _ in rack_locations(rack)] + list(LAYOUT.spots)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteWithPaths(Site):
    paths: tuple[tuple[str, str, int, bool], ...] = ()


def straight_mm(layout: Layout, here: str, there: str) -> int:
    a, b = layout.spot(here), layout.spot(there)
    return distance_mm(a.x, a.y, a.lo, a.hi, b.x, b.y, b.lo, b.hi)


def two_aisles(*paths: tuple[str, str, int, bool], **changes: Any) -> SiteWithPaths:
    """Two aisles of three bays, 3 m apart, and two doors; a second of walking is a metre, so 1 ms is 1 mm."""
    values: dict[str, Any] = {
        "site": "S",
        "timezone": "UTC",
        "racks": (Rack(prefix="A", zone="A", aisles=2, bays=3, levels=1, x_mm=0, y_mm=1000, bay_mm=1000),),
        "places": (
            Place(location="DOOR", kind="dock", zone="A", x_mm=0, y_mm=-2000),
            Place(location="GATE", kind="dock", zone="A", x_mm=9000, y_mm=-2000),
        ),
        "zones": (Zone(zone="A", wip_max=1),),
        "machines": (),
        "sscc_prefix": "340123456",
        "walk_mm_s": 1000,
        "paths": paths,
    }
    return SiteWithPaths(**(values | changes))


def walk_ms(travel: Travel, here: str, there: str) -> int:
    return travel.ms(travel.area_of(here), travel.area_of(there))


@given(st.sampled_from(LOCATIONS), st.sampled_from(LOCATIONS))
def test_the_default_floor_agrees_with_the_formula_up_to_half_a_piece_at_each_end(here: str, there: str) -> None:
    mm = walk_ms(TRAVEL, here, there) * DEFAULT.walk_mm_s // 1000
    pieces = sum(1 for each in (here, there) if each not in LAYOUT.spots)
    assert abs(mm - straight_mm(LAYOUT, here, there)) <= pieces * (SEGMENT_BAYS - 1) * 1200 // 2 + 2


@given(st.sampled_from(LOCATIONS), st.sampled_from(LOCATIONS))
def test_with_pieces_of_one_bay_it_is_the_formula(here: str, there: str) -> None:
    layout, travel = Layout(small_site()), Travel(small_site(), segment_bays=1)
    here, there = here.replace("R-", "B-"), there.replace("R-", "B-")
    assert walk_ms(travel, here, there) == straight_mm(layout, here, there) * 1000 // small_site().walk_mm_s


def test_pieces_are_about_ten_bays_and_each_place_and_lane_is_an_area() -> None:
    lanes = sum(len(machine.lanes) for machine in DEFAULT.machines)
    assert TRAVEL.count == 1 + 12 * 4 + 6 * 4 + 4 * 1 + len(DEFAULT.places) + lanes
    assert TRAVEL.area_of("A-03-01-1") == TRAVEL.area_of("A-03-10-4") != TRAVEL.area_of("A-03-11-1")
    assert TRAVEL.areas[TRAVEL.area_of("A-03-12-1")].name == "A-03 bays 11 to 20"
    assert len({TRAVEL.area_of(place.location) for place in DEFAULT.places}) == len(DEFAULT.places)


@pytest.mark.parametrize("name", ["", "A-1", "A-13-01-1", "A-01-41-1", "A-00-01-1", "X-01-01-1", "A-aa-01-1", "nobody"])
def test_an_unknown_name_is_nowhere_and_near_to_everything(name: str) -> None:
    assert TRAVEL.area_of(name) == NOWHERE_AREA
    assert all(TRAVEL.ms(NOWHERE_AREA, area) == TRAVEL.ms(area, NOWHERE_AREA) == 0 for area in range(TRAVEL.count))


def test_without_a_site_there_is_only_nowhere() -> None:
    travel = Travel(None)
    assert (travel.count, list(travel.table), travel.area_of("A-01-01-1"), travel.zone_range("A")) == (
        1,
        [0],
        0,
        (0, 0),
    )


def test_the_areas_of_a_zone_lie_in_a_row_and_all_rows_together_are_all_areas() -> None:
    covered: list[int] = []
    for zone in dict.fromkeys(area.zone for area in TRAVEL.areas[1:]):
        lo, hi = TRAVEL.zone_range(zone)
        assert all(TRAVEL.areas[area].zone == zone for area in range(lo, hi))
        covered += range(lo, hi)
    assert sorted(covered) == list(range(1, TRAVEL.count))
    lo, hi = TRAVEL.zone_range("B")
    assert all(lo <= TRAVEL.area_of(name) < hi for name in ("B-06-40-1", "R-04-10-1", "PACK-B"))
    assert TRAVEL.zone_range("no such zone") == (0, 0)


def test_racks_that_face_each_other_share_the_aisle() -> None:
    left, right = (
        Rack(prefix=f"{zone}X", zone=zone, aisles=2, bays=40, levels=1, x_mm=0, y_mm=0) for zone in ("A", "B")
    )
    travel = Travel(small_site(racks=(left, right), walk_mm_s=1000))
    assert travel.area_of("AX-01-01-1") != travel.area_of("BX-01-01-1")
    assert walk_ms(travel, "AX-01-01-1", "BX-01-01-1") == 0
    assert walk_ms(travel, "AX-01-01-1", "BX-01-40-1") == 30 * 1200


@pytest.mark.parametrize(
    ("areas_max", "bays", "aisles", "left_out"), [(72, 10, 1, 0), (60, 20, 1, 0), (16, 40, 2, 0), (3, 40, 16, 2)]
)
def test_a_limit_makes_the_pieces_longer_then_wider_and_then_leaves_out(
    areas_max: int, bays: int, aisles: int, left_out: int
) -> None:
    rack = Rack(prefix="A", zone="A", aisles=16, bays=40, levels=1, x_mm=0, y_mm=0)
    travel = Travel(small_site(racks=(rack,), machines=()), areas_max=areas_max)
    assert (travel.bays_per_area, travel.aisles_per_area, travel.left_out) == (bays, aisles, left_out)
    assert travel.count <= areas_max
    areas = [travel.area_of(name) for name, _, _ in rack_locations(rack)]
    lo, hi = travel.zone_range("A")
    assert all(lo <= area < hi for area in areas)
    assert areas == sorted(areas)


def test_the_limit_is_kept_and_what_does_not_fit_is_nowhere() -> None:
    travel = Travel(small_site(), areas_max=1)
    assert travel.count == 1
    assert travel.left_out > 0
    assert {travel.area_of(name) for name in ("A-01-01-1", "PACK-A", "sorter1/L01")} == {NOWHERE_AREA}


def test_wide_areas_are_walked_to_as_their_middle_aisle() -> None:
    rack = Rack(prefix="A", zone="A", aisles=9, bays=10, levels=1, x_mm=0, y_mm=0)
    site = small_site(racks=(rack,), places=(), machines=(), walk_mm_s=1000)
    travel = Travel(site, areas_max=4)
    assert travel.aisles_per_area == 4
    assert walk_ms(travel, "A-01-01-1", "A-05-01-1") == 4 * 3000 + 2 * (1200 + 5400)


# ------------------------------------------------------------------------------------------------------------ paths
def test_a_door_is_reached_by_its_path_alone() -> None:
    travel = Travel(two_aisles(("DOOR", "A-01/front", 5000, False), ("A-01/back", "A-02/back", 0, False)))
    assert walk_ms(travel, "DOOR", "A-01-02-1") == 5000 + 2000
    assert walk_ms(travel, "A-02-02-1", "DOOR") == 2000 + 3000 + 4000 + 5000
    free = Travel(two_aisles())
    assert walk_ms(free, "A-02-02-1", "DOOR") == 2000 + 3000 + 2000


def test_a_point_no_path_names_hangs_on_the_nearest_named_one() -> None:
    travel = Travel(two_aisles(("DOOR", "A-01/front", 0, False), ("A-01/front", "A-02/front", 0, False)))
    assert walk_ms(travel, "GATE", "A-02-02-1") == (6000 + 2000) + 2000
    assert walk_ms(travel, "A-01-02-1", "A-02-02-1") == 2000 + 3000 + 2000


def test_a_one_way_aisle_sends_people_round() -> None:
    ring = (
        ("A-01/back", "A-02/back", 0, False),
        ("A-01/front", "A-02/front", 0, False),
        ("A-01/front", "A-01/back", 0, True),
    )
    travel = Travel(two_aisles(*ring), segment_bays=1)
    assert walk_ms(travel, "A-01-01-1", "A-01-03-1") == 2000
    assert walk_ms(travel, "A-01-03-1", "A-01-01-1") == 1000 + 3000 + 4000 + 3000 + 1000
    assert walk_ms(travel, "A-02-03-1", "A-02-01-1") == 2000
    assert walk_ms(travel, "A-02-02-1", "A-01-02-1") == 2000 + 3000 + 2000
    assert walk_ms(travel, "A-01-02-1", "A-02-02-1") == 2000 + 3000 + 2000


def test_what_no_path_leads_to_is_far_and_not_near() -> None:
    travel = Travel(two_aisles(("DOOR", "A-01/front", 0, True), ("GATE", "A-02/front", 0, False)))
    assert walk_ms(travel, "DOOR", "A-01-02-1") == 2000 + 2000
    assert walk_ms(travel, "A-01-02-1", "DOOR") == FAR_MS
    assert walk_ms(travel, "DOOR", "GATE") == FAR_MS
    assert walk_ms(travel, "DOOR", "DOOR") == 0


def test_paths_that_name_no_point_are_said_and_not_used() -> None:
    wrong = (("DOOR", "A-03/front", 0, False), ("A-01/side", "DOOR", 0, False), ("DOOR", "?", 1, True))
    travel = Travel(two_aisles(*wrong))
    assert travel.unknown_paths == ["DOOR > A-03/front", "A-01/side > DOOR", "DOOR > ?"]
    assert travel.table == Travel(two_aisles()).table


NAMES = ("DOOR", "GATE", "A-01/front", "A-01/back", "A-02/front", "A-02/back")
ROWS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(1, 20_000), st.booleans()),
    max_size=12,
)


@given(ROWS)
def test_shortest_paths_are_those_of_brute_force(rows: list[tuple[str, str, int, bool]]) -> None:
    """Floyd's algorithm over the same points, all of them named, with the two doors as the areas to compare."""
    named = [(name, name, 1, False) for name in NAMES]
    aisle = {frozenset(("A-01/front", "A-01/back")), frozenset(("A-02/front", "A-02/back"))}
    rows = [row for row in rows if frozenset(row[:2]) not in aisle]
    travel = Travel(two_aisles(*named[:2], *rows, *((a, b, FAR_MS, False) for a, b in pairwise(NAMES))))
    mm = {(a, b): 0 if a == b else FAR_MS for a, b in product(NAMES, NAMES)}
    for a, b, length_mm, one_way in rows:
        mm[a, b] = min(mm[a, b], length_mm)
        mm[b, a] = mm[b, a] if one_way else min(mm[b, a], length_mm)
    for front, back in (NAMES[2:4], NAMES[4:6]):
        mm[front, back] = mm[back, front] = min(4000, mm[front, back])
    for through, a, b in product(NAMES, NAMES, NAMES):
        mm[a, b] = min(mm[a, b], mm[a, through] + mm[through, b])
    for a, b in product(NAMES[:2], NAMES[:2]):
        assert walk_ms(travel, a, b) == mm[a, b]


def test_a_walk_with_a_stop_is_never_shorter() -> None:
    site = two_aisles(("DOOR", "A-01/front", 7000, False), ("A-01/back", "GATE", 0, True), ("GATE", "DOOR", 0, False))
    travel = Travel(site, segment_bays=1)
    for a, b, c in product(range(1, travel.count), repeat=3):
        assert travel.ms(a, c) <= travel.ms(a, b) + travel.ms(b, c)
