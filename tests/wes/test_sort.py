"""Lane decisions: the table of barcodes against a dict, the choice of lanes against a plain reference, the words."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.messages import DecisionCode, Lane, Machine
from edge.wes.answers import Choice, choice_of, reason_for
from edge.wes.sort import DISABLED, FULL, JAM, Barcodes, LanePlan, key_of
from edge.wes.state import LaneTable, UnitRecord
from tests.wes.scene import small_site

SORTER = next(machine for machine in small_site().machines if machine.kind == "sorter")
LANES = [1, 2, 3, 4, 13, 14]
ROUTES = ("north", "south", "west")
ROUTE, RECIRC, REJECT = DecisionCode.ROUTE, DecisionCode.RECIRC, DecisionCode.REJECT
NOW = 1_700_000_000_000
GAP_MS = 4_000
TWINS = ("aŋ", "bÈ")
"""Two texts with one key: 97 * 131 + 331 == 98 * 131 + 200."""


# Barcodes


def test_an_sscc_is_its_own_number_and_leading_zeros_count() -> None:
    assert key_of("950600012000000017") == 10**18 + 950600012000000017
    texts = ["", "0", "00", "7", "07", "10", "017", "9" * 18]
    assert len({key_of(text) for text in texts}) == len(texts)
    assert all(0 < key_of(text) < 2**61 for text in texts)


@given(st.text(max_size=40))
def test_other_texts_have_numbers_of_their_own_range(text: str) -> None:
    digits = len(text) <= 18 and all(character in "0123456789" for character in text)
    assert (key_of(text) < 2**61) is digits
    assert 0 < key_of(text) < 2**62


@given(st.lists(st.integers(0, 10**18 - 1).map(lambda n: f"{n:018d}"), unique=True, max_size=30))
def test_no_two_ssccs_share_a_number(texts: list[str]) -> None:
    assert len({key_of(text) for text in texts}) == len(texts)


SOME = st.one_of(
    st.sampled_from([*TWINS, "stranger", "0" * 18, "1" * 19]),
    st.integers(0, 60).map(str),
    st.integers(0, 60).map(lambda n: f"{950600012:010d}{n:08d}"),
    st.integers(0, 20).map(lambda n: f"JD{n:012d}"),
)


@settings(deadline=None)
@given(st.lists(st.tuples(SOME, st.integers(-1, 5)), max_size=200))
def test_the_table_of_barcodes_is_a_dict(moves: list[tuple[str, int]]) -> None:
    table, known = Barcodes(), dict[str, int]()
    for text, destination in moves:
        before = known.pop(text, -1)
        if destination < 0:
            assert table.unbind(text) == before
        else:
            assert table.bind(text, destination) == before
            known[text] = destination
        assert table.find(text) == destination
    assert {text: table.find(text) for text, _ in moves} == {text: known.get(text, -1) for text, _ in moves}


def test_thousands_of_barcodes_in_numbered_ranges_are_found_and_forgotten() -> None:
    table = Barcodes()
    texts = [f"{prefix:010d}{n:08d}" for prefix in (950600012, 950600013) for n in range(3000)]
    for number, text in enumerate(texts):
        assert table.bind(text, number) == -1
    assert [table.find(text) for text in texts] == list(range(len(texts)))
    for number, text in enumerate(texts[::2]):
        assert table.unbind(text) == 2 * number
    assert [table.find(text) for text in texts] == [n if n % 2 else -1 for n in range(len(texts))]
    assert table.count == len(texts) // 2


def test_two_texts_with_one_number_are_kept_apart() -> None:
    first, second = TWINS
    assert key_of(first) == key_of(second)
    table = Barcodes()
    assert (table.bind(first, 1), table.find(second)) == (-1, -1)
    assert (table.bind(second, 2), table.find(first), table.find(second)) == (-1, 1, 2)
    assert (table.bind(second, 3), table.bind(first, 4)) == (2, 1)
    assert (table.unbind(first), table.find(first), table.find(second)) == (4, -1, 3)
    assert (table.bind(first, 5), table.find(first), table.find(second)) == (-1, 5, 3)
    assert (table.unbind(second), table.find(second), table.unbind(second)) == (3, -1, -1)


# Lanes


def column(values: dict[int, int] | None) -> list[int]:
    return [(values or {}).get(lane, 0) for lane in LANES]


def choice(
    route: str,
    *,
    load: dict[int, int] | None = None,
    bound: dict[int, int] | None = None,
    closed: dict[int, int] | None = None,
    sent: dict[int, int] | None = None,
    gaps: dict[int, int] | None = None,
    rounds: int = 0,
    sorter: Machine = SORTER,
) -> Choice:
    """What is answered for a unit of this route while the lanes are like this; `sent` is ms ago."""
    lanes = tuple(replace(lane, min_gap_ms=(gaps or {}).get(lane.lane, 0)) for lane in sorter.lanes)
    plan = LanePlan(replace(sorter, lanes=lanes), Barcodes())
    table = LaneTable(
        lanes=LANES,
        capacity=[4] * 6,
        load=column(load),
        bound=column(bound),
        closed=column(closed),
        sent_ms=[NOW - (sent or {}).get(lane, NOW) for lane in LANES],
        given=[""] * 6,
    )
    for position in range(6):
        plan.show(
            position, table.load[position], table.bound[position], table.closed[position], table.sent_ms[position]
        )
    for number, each in enumerate(ROUTES):
        plan.set_row(number, plan.first.get(each, []), plan.second.get(each, []))
        plan.barcodes.bind(f"hu-{each}", number)
    unit = UnitRecord(hu_id=f"hu-{route}", order_id="", route=route, departure_id="", due_ms=0)
    packed = plan.decide(unit.hu_id, rounds, NOW)
    return choice_of(packed, reason_for(plan, table, packed, unit, rounds, NOW))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (choice("north"), (ROUTE, 1, 2)),
        (choice("north", load={1: 2, 2: 1}), (ROUTE, 2, 1)),
        (choice("north", bound={1: 1}), (ROUTE, 2, 1)),
        (choice("north", load={1: 4}), (ROUTE, 2, 4)),
        (choice("north", load={1: 3}, bound={1: 1}), (ROUTE, 2, 4)),
        (choice("north", closed={1: DISABLED, 2: JAM}), (ROUTE, 4, 0)),
        (choice("south"), (ROUTE, 3, 4)),
        (choice("south", closed={4: JAM}), (ROUTE, 3, 0)),
        (choice("south", closed={3: FULL}), (ROUTE, 4, 0)),
        (choice("south", load={3: 4, 4: 4}), (RECIRC, 0, 0)),
        (choice("south", load={3: 4, 4: 4}, rounds=2), (RECIRC, 0, 0)),
        (choice("south", load={3: 4, 4: 4}, rounds=3), (ROUTE, 13, 14)),
        (choice("west"), (ROUTE, 13, 14)),
        (choice("stranger"), (ROUTE, 13, 14)),
    ],
)
def test_lane_and_alternate(case: Choice, expected: tuple[DecisionCode, int, int]) -> None:
    assert (case.code, case.lane, case.alternate) == expected


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (choice("south", gaps={3: GAP_MS}), (ROUTE, 3, 4)),
        (choice("south", gaps={3: GAP_MS}, sent={3: GAP_MS}), (ROUTE, 3, 4)),
        (choice("south", gaps={3: GAP_MS}, sent={3: GAP_MS - 1}), (ROUTE, 4, 0)),
        (choice("north", gaps={1: GAP_MS}, sent={1: 0}), (ROUTE, 2, 4)),
        (choice("south", gaps={3: GAP_MS, 4: GAP_MS}, sent={3: 1, 4: 9}), (RECIRC, 0, 0)),
        (choice("south", gaps={3: GAP_MS}, sent={3: 1}, load={4: 4}, rounds=3), (ROUTE, 13, 14)),
        (choice("south", sent={3: 0}), (ROUTE, 3, 4)),
    ],
)
def test_a_lane_with_a_gap_takes_one_unit_at_a_time(case: Choice, expected: tuple[DecisionCode, int, int]) -> None:
    assert (case.code, case.lane, case.alternate) == expected


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (choice("north", load={1: 1, 2: 3}), "route north: lane 1 has 1 of 4"),
        (choice("south", closed={3: FULL | JAM}), "alternate because lane 3 full and jammed"),
        (choice("south", load={3: 4, 4: 4}, rounds=1), "LANES_UNAVAILABLE south: lane 3 full, round 2 of 3"),
        (choice("south", load={3: 4, 4: 4}, rounds=3), "MAX_RECIRC 3 rounds: lane 3 full"),
        (choice("west"), "NO_LANE_FOR_ROUTE west"),
        (choice("stranger"), "UNKNOWN_BARCODE"),
        (choice("south", gaps={3: GAP_MS}, sent={3: 9}), "alternate because lane 3 takes one unit in 4000 ms"),
        (
            choice("south", gaps={3: GAP_MS}, sent={3: 9}, load={4: 4}),
            "RATE_LIMIT south: lane 3 takes one unit in 4000 ms, round 1 of 3",
        ),
        (choice("north", load={1: 4, 2: 4, 4: 4}), "LANES_UNAVAILABLE north: lane 1 full, lane 2 full, round 1 of 3"),
    ],
)
def test_there_is_always_a_reason(case: Choice, words: str) -> None:
    assert words in case.reason


def test_without_hospital_and_default_lane_the_unit_is_rejected() -> None:
    case = choice("west", sorter=replace(SORTER, hospital_lane=0, default_lane=0))
    assert (case.code, case.lane, case.alternate) == (REJECT, 0, 0)


@dataclass(frozen=True)
class Situation:
    """One lane of the random sorter."""

    capacity: int
    load: int
    bound: int
    closed: int
    gap_ms: int
    ago_ms: int

    def takes(self) -> bool:
        waits = self.gap_ms > 0 and self.ago_ms < self.gap_ms
        return not self.closed and self.load + self.bound < self.capacity and not waits


LANE = st.builds(
    Situation,
    capacity=st.integers(1, 4),
    load=st.integers(0, 4),
    bound=st.integers(0, 2),
    closed=st.sampled_from([0, 0, 0, DISABLED, FULL, JAM]),
    gap_ms=st.sampled_from([0, 0, 5, 9]),
    ago_ms=st.integers(0, 9),
)


def reference(lanes: list[Situation], first: list[int], second: list[int], rounds: int) -> tuple[int, int, int]:
    """Code, lane, alternate, as the rules read: by order of units, then of lanes; own lanes before alternates."""
    able = [
        position + 1
        for group in (first, second)
        for position in sorted(group, key=lambda p: (lanes[p].load + lanes[p].bound, group.index(p)))
        if lanes[position].takes()
    ]
    if not first and not second:
        return ROUTE, 8, 9
    if able:
        return ROUTE, able[0], able[1] if len(able) > 1 else 0
    return (RECIRC, 0, 0) if rounds < 2 else (ROUTE, 8, 9)


@settings(deadline=None)
@given(
    lanes=st.lists(LANE, min_size=1, max_size=7),
    order=st.permutations(range(7)),
    split=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    rounds=st.integers(0, 3),
)
def test_the_choice_is_the_one_of_the_plain_rules(
    lanes: list[Situation], order: list[int], split: tuple[int, int], rounds: int
) -> None:
    places = [position for position in order if position < len(lanes)]
    first, second = sorted(places[: split[0]]), sorted(places[split[0] : split[0] + split[1]])
    configured = tuple(
        Lane(lane=number, capacity=lane.capacity, x_mm=0, y_mm=0, min_gap_ms=lane.gap_ms)
        for number, lane in enumerate(lanes, 1)
    )
    plan = LanePlan(replace(SORTER, lanes=configured, hospital_lane=8, default_lane=9, max_recirc=2), Barcodes())
    for position, lane in enumerate(lanes):
        plan.show(position, lane.load, lane.bound, lane.closed, NOW - lane.ago_ms)
    for number in range(12):
        plan.set_row(number, [], [])
    plan.set_row(5, first, second)
    assert plan.row(5) == (first, second)
    got = choice_of(plan.choose(5, rounds, NOW), "")
    assert (got.code, got.lane, got.alternate) == reference(lanes, first, second, rounds)
