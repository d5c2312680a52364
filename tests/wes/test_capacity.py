"""Units in lanes that several may use: by hand, and against every way there is of putting them."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from edge.wes.capacity import Places, room_beside

LANES = st.lists(st.integers(0, 3), max_size=4, unique=True)
Groups = list[tuple[int, list[int]]]
GROUPS = st.lists(st.tuples(st.integers(0, 3), LANES), max_size=3)


def test_lanes_of_ones_own_are_ones_own() -> None:
    assert room_beside([1, 2], [(9, [3])], {1: 4, 2: 3, 3: 1}) == 7
    assert room_beside([], [(9, [3])], {3: 1}) == 0


def test_an_alternate_lane_is_not_counted_in_full_for_both() -> None:
    room = {"south": 2, "north": 2, "both": 4}
    assert room_beside(["south", "both"], [(5, ["north", "both"])], room) == 2 + 4 - 3
    assert room_beside(["south", "both"], [(2, ["north", "both"])], room) == 6, "those fit into their own"
    assert room_beside(["south", "both"], [(99, ["north", "both"])], room) == 2


def test_others_move_on_along_a_chain() -> None:
    places = Places({"a": 1, "b": 1, "c": 1}, [["a", "b"], ["b", "c"], ["a"]])
    assert [places.fill(group, 1) for group in range(3)] == [1, 1, 1]
    assert places.left == {"a": 0, "b": 0, "c": 0}
    assert places.fill(2, 1) == 0


def most(groups: Groups, room: list[int]) -> int:
    """The most units that fit, by trying all ways."""
    units = [lanes for count, lanes in groups for _ in range(count)]
    best = 0
    for chosen in product(*([*lanes, -1] for lanes in units)):
        if all(chosen.count(lane) <= room[lane] for lane in range(4)):
            best = max(best, sum(lane >= 0 for lane in chosen))
    return best


@given(mine=LANES, others=GROUPS, room=st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_as_many_fit_as_by_trying_all_ways(
    mine: list[int], others: list[tuple[int, list[int]]], room: list[int]
) -> None:
    others = [(units, lanes) for units, lanes in others if units * (len(lanes) + 1) <= 9]
    found = room_beside(mine, others, dict(enumerate(room)))
    nobody = most(others, room)
    fits = [most([*others, (units, mine)], room) - nobody for units in range(4)]
    assert [min(found, units) for units in range(4)] == fits
