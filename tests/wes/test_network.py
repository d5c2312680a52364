"""The next hop on the conveyors: shortest ways by hand, and what changes mends equal to a network built anew."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.messages import Segment as Stretch
from edge.wes import network
from edge.wes.network import (
    CLOSED,
    FULL,
    FULL_MS,
    INF,
    LENGTH_MM,
    OPEN,
    SLOW,
    SPEED_MM_S,
    Hop,
    Network,
    Segment,
    from_site,
)
from tests.wes.scene import small_site


def ring() -> Network:
    """A loop a > b > c > a with a lane off b and off c; a metre takes a second."""
    ways = [("a", "b", 1), ("b", "c", 2), ("c", "a", 3), ("b", "B", 1), ("c", "C", 1), ("a", "C", 9)]
    return Network(Segment(start, end, metres * 1000, 1000) for start, end, metres in ways)


AB, BC, CA, B, C, AC = range(6)


def test_the_way_is_the_shortest() -> None:
    net = ring()
    assert net.path("a", "C") == [AB, BC, C]
    assert net.distance_ms("a", "C") == 4000
    assert net.next_hop("a", "C") == Hop(AB, "")
    assert net.path("c", "B") == [CA, AB, B]


def test_ties_go_to_the_first_segment() -> None:
    twins = [Segment("a", "b", 1000, 1000), Segment("a", "b", 1000, 1000), Segment("b", "c", 1000, 1000)]
    net = Network([*twins, Segment("a", "c", 2000, 1000)])
    assert (net.next_hop("a", "c"), net.path("a", "c")) == (Hop(0, ""), [0, 2])
    net.set_state(0, CLOSED)
    assert net.next_hop("a", "c") == Hop(1, "")
    net.set_state(1, SLOW, 101)
    assert net.path("a", "c") == [3]


def test_a_unit_goes_round_what_is_slow_or_closed() -> None:
    net = ring()
    net.set_state(BC, SLOW, 300)
    assert (net.path("a", "C"), net.distance_ms("a", "C")) == ([AB, BC, C], 1000 + 6000 + 1000)
    net.set_state(BC, SLOW, 500)
    assert net.path("a", "C") == [AC]
    net.set_state(AC, CLOSED)
    assert net.path("a", "C") == [AB, BC, C]
    net.set_state(BC, OPEN)
    assert net.distance_ms("a", "C") == 4000


def test_what_is_full_is_waited_for_unless_the_way_round_is_shorter() -> None:
    net = ring()
    net.set_state(C, FULL)
    assert net.next_hop("a", "C") == Hop(AC, "")
    assert net.next_hop("c", "C") == Hop(CA, "")
    net.set_state(AC, CLOSED)
    assert net.next_hop("c", "C") == Hop(-1, "FULL c > C")
    assert net.next_hop("b", "C") == Hop(BC, "")
    assert net.reachable("c", "C")
    assert net.distance_ms("c", "C") == 1000 + FULL_MS


def test_a_unit_that_may_not_wait_goes_on_round_the_loop() -> None:
    net = ring()
    net.set_state(AC, CLOSED)
    net.set_state(C, FULL)
    assert net.next_hop("c", "C", may_wait=False) == Hop(CA, "FULL c > C")
    net.set_state(CA, FULL)
    assert net.next_hop("c", "C", may_wait=False) == Hop(-1, "FULL c > C")


def test_the_units_on_a_segment_make_it_full() -> None:
    net = Network([Segment("a", "b", capacity=2), Segment("b", "c")])
    seen = []
    for units in (0, 1, 2, 3, 1):
        net.set_load(0, units)
        seen.append(net.next_hop("a", "c").segment)
    assert seen == [0, 0, -1, -1, 0]
    net.set_load(1, 1000)
    assert net.next_hop("b", "c") == Hop(1, "")


def test_a_node_closes_what_leads_to_it_and_from_it_and_both_ends_must_be_open() -> None:
    net = ring()
    net.set_state(AC, CLOSED)
    net.set_node("b", CLOSED)
    assert net.next_hop("a", "C") == Hop(-1, "CLOSED b")
    assert net.next_hop("b", "B") == Hop(-1, "CLOSED b")
    net.set_node("c", CLOSED)
    net.set_node("b", OPEN)
    assert net.next_hop("b", "C") == Hop(-1, "CLOSED c")
    assert not net.reachable("a", "C")
    net.set_node("c", OPEN)
    assert net.path("a", "C") == [AB, BC, C]
    net.set_node("nobody", CLOSED)


def test_a_full_node_lets_its_own_units_go_round() -> None:
    net = Network([Segment("in", "loop"), Segment("loop", "loop"), Segment("loop", "out")])
    net.set_node("loop", FULL)
    net.set_state(2, FULL)
    assert net.next_hop("in", "out") == Hop(-1, "FULL in > loop")
    assert net.next_hop("loop", "out", may_wait=False) == Hop(1, "FULL loop > out")


@pytest.mark.parametrize(
    ("node", "destination", "reason"),
    [
        ("a", "a", "ARRIVED a"),
        ("a", "x", "UNKNOWN_NODE x"),
        ("x", "a", "UNKNOWN_NODE x"),
        ("B", "C", "NO_ROUTE B to C"),
        ("a", "B", "CLOSED b > B"),
        ("c", "a", "CLOSED c > a"),
    ],
)
def test_what_stands_in_the_way_is_said(node: str, destination: str, reason: str) -> None:
    net = ring()
    net.set_state(B, CLOSED)
    net.set_state(CA, CLOSED)
    assert net.next_hop(node, destination) == Hop(-1, reason)
    assert net.path(node, destination) == []
    assert net.reachable(node, destination) == (node == destination)


# ----------------------------------------------------------------------------------------------------- after changes
NODES = "abcdef"
WAYS = st.lists(
    st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), st.integers(1, 4), st.integers(0, 2)),
    min_size=1,
    max_size=14,
)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["state", "load", "node"]), st.integers(0, 13), st.integers(0, 3), st.integers(50, 300)),
    max_size=25,
)
Change = tuple[str, int, int, int]


def apply(net: Network, change: Change) -> None:
    what, number, value, factor = change
    if what == "node":
        net.set_node(NODES[number % len(NODES)], value)
    elif what == "load":
        net.set_load(number % len(net.segments), value)
    else:
        net.set_state(number % len(net.segments), value, factor)


def answers(net: Network) -> list[object]:
    pairs = [(a, b) for a in NODES for b in NODES]
    return [
        (net.distance_ms(a, b), net.next_hop(a, b), net.next_hop(a, b, may_wait=False), net.path(a, b))
        for a, b in pairs
    ]


@given(WAYS, CHANGES)
def test_mended_times_are_those_of_a_network_built_anew(
    ways: list[tuple[str, str, int, int]], changes: list[Change]
) -> None:
    segments = [Segment(start, end, metres * 1000, 1000, capacity) for start, end, metres, capacity in ways]
    net = Network(segments)
    answers(net)
    for number in range(len(changes)):
        apply(net, changes[number])
        anew = Network(segments)
        for change in changes[: number + 1]:
            apply(anew, change)
        assert answers(net) == answers(anew)


@given(WAYS, CHANGES)
def test_times_are_those_of_brute_force(ways: list[tuple[str, str, int, int]], changes: list[Change]) -> None:
    """Bellman-Ford over the open segments, worked out from the rules alone."""
    segments = [Segment(start, end, metres * 1000, 1000) for start, end, metres, _ in ways]
    net = Network(segments)
    answers(net)
    state, node_state = dict.fromkeys(range(len(segments)), (OPEN, 100)), dict.fromkeys(NODES, OPEN)
    for what, number, value, factor in [change for change in changes if change[0] != "load"]:
        apply(net, (what, number, value, factor))
        if what == "state":
            state[number % len(segments)] = (value, factor if value == SLOW else 100)
        elif any(NODES[number % 6] in segment[:2] for segment in segments):
            node_state[NODES[number % 6]] = value
    for goal in NODES:
        best = dict.fromkeys(NODES, INF) | {goal: 0}
        for _ in NODES:
            for number, segment in enumerate(segments):
                kind, factor = state[number]
                ends = (node_state[segment.start], node_state[segment.end])
                if CLOSED in (kind, *ends):
                    continue
                full = kind == FULL or (ends[1] == FULL and segment.start != segment.end)
                time_ms = segment.length_mm * factor // 100 + (FULL_MS if full else 0)
                best[segment.start] = min(best[segment.start], time_ms + best[segment.end])
        known = {name for segment in segments for name in segment[:2]}
        for name in NODES:
            found = best[name] if best[name] < INF and {name, goal} <= known else -1
            assert net.distance_ms(name, goal) == found


def line(nodes: int) -> Network:
    """A line with a slower second belt beside each segment."""
    pairs = [(f"n{at}", f"n{at + 1}") for at in range(nodes)]
    return Network([Segment(*pair, 1000) for pair in pairs] + [Segment(*pair, 3000) for pair in pairs])


def test_only_the_times_that_change_are_renewed() -> None:
    net = line(200)
    assert net.distance_ms("n0", "n200") > 0
    first = net.recomputed
    net.set_state(net.find("n5", "n6"), CLOSED)
    assert net.recomputed - first == 6
    net.set_state(205, CLOSED)
    assert net.recomputed - first == 12
    assert not net.reachable("n5", "n200")
    net.set_state(210, SLOW, 500)
    net.set_state(0, CLOSED)
    assert net.recomputed - first == 12
    net.set_state(5, OPEN)
    assert net.recomputed - first == 18
    assert net.reachable("n0", "n200")


def test_no_more_destinations_are_kept_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "TREES_MAX", 2)
    net = line(5)
    times = [net.distance_ms("n0", f"n{at}") for at in range(6)]
    assert net.trees_dropped == 4
    assert [net.distance_ms("n0", f"n{at}") for at in range(6)] == times


# ------------------------------------------------------------------------------------------------------------- a site
def test_a_site_leads_from_the_pack_station_and_the_robot_to_every_lane() -> None:
    net = from_site(small_site())
    for start, conveyor in (("PACK-A", "conveyor1"), ("PACK-B", "conveyor2"), ("robot1", "conveyor2")):
        ways = [net.segments[each] for each in net.path(start, "sorter1/L13")]
        assert [way.start for way in ways] == [start, conveyor, "sorter1"]
    assert net.next_hop("conveyor1", "sorter1/L01").segment == net.find("conveyor1", "sorter1")
    assert net.segments[net.find("sorter1", "sorter1/L02")].capacity == 4
    assert net.find("sorter1", "nobody") == net.find("nobody", "sorter1") == -1
    assert net.distance_ms("conveyor1", "sorter1") == -(-LENGTH_MM * 1000 // SPEED_MM_S)
    assert net.distance_ms("sorter1", "sorter1/L01") < net.distance_ms("sorter1", "sorter1/L14")


def test_a_sorter_with_a_full_lane_goes_round_and_one_that_is_down_closes_its_feeders() -> None:
    net = from_site(small_site())
    lane = net.find("sorter1", "sorter1/L01")
    net.set_load(lane, 4)
    round_again = net.find("sorter1", "sorter1")
    assert net.next_hop("sorter1", "sorter1/L01", may_wait=False) == Hop(round_again, "FULL sorter1 > sorter1/L01")
    net.set_node("sorter1", CLOSED)
    assert net.next_hop("PACK-A", "sorter1/L02") == Hop(-1, "CLOSED sorter1")


def test_segments_of_the_site_take_the_place_of_the_ones_that_follow_from_the_machines() -> None:
    rows = (
        Stretch(start="conveyor1", end="merge", length_mm=6000, speed_mm_s=1000, capacity=3),
        Stretch(start="merge", end="sorter1", length_mm=6000, speed_mm_s=1000),
    )
    net = from_site(replace(small_site(), segments=rows))
    assert net.find("conveyor1", "sorter1") == -1
    assert net.distance_ms("conveyor1", "sorter1") == 12_000
    assert net.find("conveyor2", "sorter1") >= 0
    assert (net.leads_to("merge"), net.leads_to("nowhere")) == (["sorter1"], [])
    assert [net.segments[each].capacity for each in net.limited("conveyor1")] == [3]


def test_what_is_full_on_the_way_is_named_with_its_numbers() -> None:
    net = Network([Segment("a", "b", capacity=2), Segment("b", "c")])
    assert net.obstruction("a", "c") == ""
    net.set_node("c", FULL)
    assert net.obstruction("a", "c") == "b > c"
    net.set_load(0, 2)
    assert net.obstruction("a", "c") == "a > b 2/2"


def test_who_cannot_stay_goes_towards_what_is_full_or_closed() -> None:
    net = ring()
    assert net.toward("b", "C") == BC
    net.set_state(C, FULL)
    net.set_state(AC, FULL)
    net.set_state(CA, CLOSED)
    assert net.toward("c", "C") == C, "there is no way round"
    loop = Network([Segment("a", "a"), Segment("a", "b")])
    loop.set_state(1, FULL)
    assert loop.toward("a", "b") == 1, "not a round back to where it is"
    net.set_state(C, CLOSED)
    net.set_state(AC, CLOSED)
    assert net.toward("b", "C") == BC
    assert net.toward("C", "a") == net.toward("nowhere", "a") == net.toward("a", "a") == -1


def test_a_state_said_again_changes_nothing() -> None:
    net = ring()
    changes = []
    for state in (FULL, FULL, OPEN, OPEN):
        net.set_state(C, state)
        changes.append(net.changes)
    assert changes == [1, 1, 2, 2]
