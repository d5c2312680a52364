"""The order of picks: against brute force, against the classic rules, and always the same."""

from array import array
from itertools import pairwise, permutations
from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wes.route import NOWHERE, Spot, distance_mm
from edge.wes.tour import EXACT, HEURISTIC, Tour, arrange, largest_gap_mm, s_shape_mm, tour

LO, HI = 0, 9
FAR_BACK = 40


def walk(a: Spot, b: Spot) -> int:
    return distance_mm(a.x, a.y, a.lo, a.hi, b.x, b.y, b.lo, b.hi)


def length(spots: list[Spot], order: tuple[int, ...], start: Spot, end: Spot) -> int:
    stops = [start, *(spots[number] for number in order), end]
    return sum(walk(a, b) for a, b in pairwise(stops))


def brute(spots: list[Spot], start: Spot, end: Spot) -> int:
    """The length of the shortest of all orders."""
    mm = [[walk(a, b) for b in spots] for a in spots]
    out, back = [walk(start, a) for a in spots], [walk(a, end) for a in spots]
    return min(
        out[order[0]] + sum(mm[a][b] for a, b in pairwise(order)) + back[order[-1]]
        for order in permutations(range(len(spots)))
    )


def in_aisle(aisle: int, y: int, lo: int = LO, hi: int = HI) -> Spot:
    return Spot(3 * aisle, y, lo, hi)


def on_floor(x: int, y: int) -> Spot:
    return Spot(x, y, y, y)


PICKS = st.builds(in_aisle, st.integers(0, 5), st.integers(LO + 1, HI - 1))
DEPOTS = st.builds(on_floor, st.integers(-4, 20), st.integers(-5, LO))
ANYWHERE = st.one_of(DEPOTS, PICKS, st.builds(on_floor, st.integers(-4, 20), st.integers(-3, HI + 4)))


def checked(spots: list[Spot], start: Spot, end: Spot) -> Tour:
    """The tour after what must hold for every tour."""
    found = tour(spots, start, end)
    assert sorted(found.order) == list(range(len(spots)))
    assert length(spots, found.order, start, end) == found.length_mm
    return found


@given(st.lists(PICKS, min_size=1, max_size=6), DEPOTS)
def test_one_block_from_and_to_the_depot_is_as_short_as_brute_force(spots: list[Spot], depot: Spot) -> None:
    found = checked(spots, depot, depot)
    assert found.method == EXACT
    assert found.length_mm == brute(spots, depot, depot)


@pytest.mark.parametrize("seed", range(3))
def test_eight_picks_are_as_short_as_brute_force(seed: int) -> None:
    chance = Random(seed)
    spots = [in_aisle(chance.randrange(5), chance.randrange(LO + 1, HI)) for _ in range(8)]
    depot = on_floor(chance.randrange(15), -2)
    assert checked(spots, depot, depot) == (brute(spots, depot, depot), tour(spots, depot, depot).order, EXACT)


@given(st.lists(PICKS, min_size=1, max_size=5), ANYWHERE, ANYWHERE)
def test_wherever_a_trip_in_one_block_starts_and_ends(spots: list[Spot], start: Spot, end: Spot) -> None:
    found = checked(spots, start, end)
    assert (found.length_mm, found.method) == (brute(spots, start, end), EXACT)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=5),
    st.sampled_from([1, -1]),
    st.booleans(),
    DEPOTS,
    DEPOTS,
)
def test_racks_side_by_side_that_share_one_cross_aisle_are_combined(
    rows: list[tuple[int, int]], slope: int, turned: bool, start: Spot, end: Spot
) -> None:
    spots = [in_aisle(aisle, y, hi=HI + slope * (aisle // 2)) for aisle, y in rows]
    if turned:
        spots, (start, end) = [turn(spot) for spot in spots], (turn(start), turn(end))
    found = checked(spots, start, end)
    assert (found.length_mm, found.method) == (brute(spots, start, end), EXACT)


def turn(spot: Spot) -> Spot:
    return Spot(spot.x, -spot.y, -spot.hi, -spot.lo)


@given(st.lists(PICKS, min_size=1, max_size=25), DEPOTS, DEPOTS)
def test_it_is_never_longer_than_the_classic_rules(spots: list[Spot], start: Spot, end: Spot) -> None:
    found = checked(spots, start, end)
    assert 0 <= found.length_mm <= min(s_shape_mm(spots, start, end), largest_gap_mm(spots, start, end))


def test_the_classic_rules_by_hand() -> None:
    depot = on_floor(0, 0)
    spots = [in_aisle(0, 4), in_aisle(1, 2), in_aisle(1, 8), in_aisle(2, 5)]
    assert s_shape_mm(spots, depot, depot) == 6 + 2 * 9 + 2 * 5 + 6 - 2
    assert s_shape_mm(spots[:3], depot, depot) == 2 * 3 + 2 * 9
    assert largest_gap_mm(spots, depot, depot) == 2 * 6 + 2 * 9 + 2 * (9 - 6)
    assert largest_gap_mm(spots[:1], depot, depot) == s_shape_mm(spots[:1], depot, depot) == 2 * 4
    assert s_shape_mm(spots, in_aisle(0, 1), depot) == largest_gap_mm(spots, depot, on_floor(0, 5)) == -1
    assert s_shape_mm([*spots, in_aisle(3, 2, hi=5)], depot, depot) == -1


def test_a_branch_and_a_gap_by_hand() -> None:
    depot = on_floor(3, -1)
    assert tour([in_aisle(1, 1)], depot, depot) == (2 * 2, (0,), EXACT)
    assert tour([in_aisle(0, 8), in_aisle(1, 8), in_aisle(2, 1)], depot, depot).length_mm == 2 + 2 * 9 + 6 + 6 + 2


def test_mean_saving_over_the_classic_rules() -> None:
    """Twelve aisles of 40 bays, 10 random picks: about a quarter under S-shape, some percent under largest gap."""
    chance, depot = Random(7), on_floor(18_000, 0)
    over_s, over_gap = [], []
    for _ in range(60):
        spots = [Spot(3000 * chance.randrange(12), 6000 + 1200 * chance.randrange(40), 4800, 54_000) for _ in range(10)]
        found = checked(spots, depot, depot)
        over_s.append(found.length_mm / s_shape_mm(spots, depot, depot))
        over_gap.append(found.length_mm / largest_gap_mm(spots, depot, depot))
    assert 0.6 < mean(over_s) < 0.8
    assert 0.8 < mean(over_gap) < 0.95


def test_a_trip_within_one_aisle_stays_in_it() -> None:
    spots = [in_aisle(0, y) for y in (5, 2, 8)]
    assert tour(spots, in_aisle(0, 4), in_aisle(0, 6)) == ((4 - 2) + (8 - 2) + (8 - 6), (1, 0, 2), EXACT)
    assert tour(spots, in_aisle(0, 6), in_aisle(0, 4)) == ((8 - 6) + (8 - 2) + (4 - 2), (2, 0, 1), EXACT)


@pytest.mark.parametrize("spot", [in_aisle(1, 3), on_floor(4, -4)])
def test_nothing_to_pick_and_nowhere_to_go(spot: Spot) -> None:
    assert tour([], spot, spot)[:2] == (0, ())
    assert tour([], spot, in_aisle(0, 3)).length_mm == walk(spot, in_aisle(0, 3))
    assert tour([spot] * 3, spot, spot)[:2] == (0, (0, 1, 2))


def test_what_nobody_can_find_is_visited_last_and_costs_nothing() -> None:
    depot = on_floor(0, -1)
    known = [in_aisle(1, 3), in_aisle(0, 3)]
    found = tour([NOWHERE, known[0], NOWHERE, known[1]], depot, depot)
    assert found.order[2:] == (0, 2)
    assert (found.length_mm, found.method) == (brute(known, depot, depot), HEURISTIC)
    assert tour(known, NOWHERE, NOWHERE).length_mm == walk(*known)


def scattered(chance: Random, count: int) -> list[Spot]:
    """Picks in three blocks, one of them behind the others, and on open floor."""
    spots: list[Spot] = []
    for _ in range(count):
        kind, aisle = chance.randrange(4), chance.randrange(4)
        if kind == 3:
            spots.append(on_floor(chance.randrange(20), chance.randrange(-3, FAR_BACK)))
        else:
            lo = (LO, LO + 3, 20)[kind]
            spots.append(in_aisle(aisle + 4 * (kind == 1), lo + chance.randrange(1, 9), lo, lo + 9 + 2 * kind))
    return spots


def test_elsewhere_it_is_nearly_as_short_as_brute_force() -> None:
    found_mm = brute_mm = 0
    for seed in range(40):
        spots = scattered(Random(seed), 6)
        start, end = on_floor(0, -3), on_floor(seed % 20, -3)
        found = checked(spots, start, end)
        assert found.length_mm >= brute(spots, start, end)
        found_mm, brute_mm = found_mm + found.length_mm, brute_mm + brute(spots, start, end)
        assert found.method == HEURISTIC
    assert found_mm <= brute_mm * 1.02


def test_in_one_block_the_heuristic_is_a_few_percent_longer_than_the_exact_tour() -> None:
    chance, depot = Random(3), on_floor(18_000, 0)
    ratios = []
    for _ in range(12):
        spots = [Spot(3000 * chance.randrange(12), 6000 + 1200 * chance.randrange(40), 4800, 54_000) for _ in range(15)]
        stops = [depot, *spots, depot]
        near, _ = arrange(array("q", [walk(a, b) for a in stops for b in stops]), len(stops))
        ratios.append(near / tour(spots, depot, depot).length_mm)
    assert min(ratios) >= 1
    assert mean(ratios) < 1.04


def test_fewer_moves_never_make_it_shorter_and_none_is_the_insertion() -> None:
    spots, depot = scattered(Random(5), 25), on_floor(0, -3)
    lengths = [tour(spots, depot, depot, moves).length_mm for moves in (0, 200, 2000, 50_000)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > lengths[3]


@given(st.lists(st.integers(0, 50), min_size=36, max_size=36))
def test_walks_that_differ_by_direction(cells: list[int]) -> None:
    walks = array("q", cells)
    best = min(sum(walks[a * 6 + b] for a, b in pairwise((0, *order, 5))) for order in permutations(range(1, 5)))
    found, order = arrange(walks, 6)
    assert found == sum(walks[a * 6 + b] for a, b in pairwise((0, *order, 5))) >= best


@given(st.lists(st.one_of(PICKS, ANYWHERE), min_size=1, max_size=12), ANYWHERE, ANYWHERE)
def test_the_same_trip_has_the_same_order_and_equal_spots_go_by_position(
    spots: list[Spot], start: Spot, end: Spot
) -> None:
    found = tour(spots, start, end)
    assert tour(list(spots), start, end) == found
    for spot in spots:
        same = [number for number in found.order if spots[number] == spot]
        assert same == sorted(same)
