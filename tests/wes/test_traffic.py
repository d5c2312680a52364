"""Random fleets on random layouts: nobody ever holds what another holds, and every drive arrives."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.messages.tracks import Fleet, TrackEdge, TrackNode, Vehicle
from edge.wes.retreat import Traveller
from edge.wes.roads import Roads
from edge.wes.traffic import DETOURS_MAX, PATIENCE, Traffic

CALM = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
PARKED = 1 << 40
"""Going home comes after every drive with work in it."""


def node(name: str, x: int = 0, y: int = 0, **more: object) -> TrackNode:
    return TrackNode(node_id=name, x_mm=x, y_mm=y, map_id="m", **more)  # type: ignore[arg-type]


def both(a: str, b: str, mm: int = 1000) -> list[TrackEdge]:
    return [*one(a, b, mm), *one(b, a, mm)]


def one(a: str, b: str, mm: int = 1000) -> list[TrackEdge]:
    return [TrackEdge(edge_id=f"{a}>{b}", start=a, end=b, length_mm=mm)]


def fleet(edges: list[TrackEdge], homes: list[str], **more: object) -> Fleet:
    names = sorted({name for edge in edges for name in (edge.start, edge.end)})
    vehicles = tuple(Vehicle(vehicle_id=f"v{n}", home=home) for n, home in enumerate(homes))
    values: dict[str, object] = {"stations": (), "ahead": 3}
    nodes = tuple(node(name, x=1000 * n) for n, name in enumerate(names))
    return Fleet(nodes=nodes, edges=tuple(edges), vehicles=vehicles, **(values | more))  # type: ignore[arg-type]


@dataclass
class World:
    """Vehicles that drive as they are told, one node at a time, in any order."""

    traffic: Traffic
    todo: dict[str, list[str]]
    drives: int = 0
    steps: int = 0
    arrivals: list[str] = field(default_factory=list)

    def travellers(self) -> list[Traveller]:
        return list(self.traffic.travellers.values())

    def settle(self) -> None:
        """Who has arrived gets the next goal, and goes home after the last."""
        for each in self.travellers():
            while each.able and each.held == (each.goal,):
                self.arrivals.append(each.vehicle_id)
                self.aim(each)
        self.traffic.grant()
        self.check()

    def aim(self, each: Traveller) -> None:
        self.drives += 1
        goals = self.todo[each.vehicle_id]
        home = self.traffic.roads.vehicles[each.vehicle_id].home
        if goals:
            self.traffic.aim(each, goals.pop(0), self.drives)
        elif each.held == (home,):
            self.traffic.aim(each, "", 0)
        else:
            self.traffic.aim(each, home, PARKED + self.drives)

    def move(self, which: int) -> bool:
        moving = [each for each in self.travellers() if each.able and len(each.held) > 1]
        if not moving:
            return False
        self.traffic.arrived(moving[which % len(moving)], 1)
        self.steps += 1
        self.settle()
        return True

    def check(self) -> None:
        nodes: dict[str, str] = {}
        lanes: dict[frozenset[str], str] = {}
        for each in self.travellers():
            for held in (*each.held, *each.near):
                assert nodes.setdefault(held, each.vehicle_id) == each.vehicle_id, f"two hold {held}"
            assert len(each.edges) == max(0, len(each.held) - 1)
            for edge_id, start, end in zip(each.edges, each.held, each.held[1:], strict=False):
                edge = self.traffic.roads.edges[edge_id]
                assert (edge.start, edge.end) == (start, end)
                lane = frozenset((start, end))
                assert lanes.setdefault(lane, each.vehicle_id) == each.vehicle_id, f"two hold the lane {start}-{end}"
        assert self.traffic.holder == nodes
        again = Traffic(self.traffic.roads, [replace(each) for each in self.travellers()], self.traffic.ahead)
        assert again.grant() == [], "after a restart the same is granted: nothing more"
        assert list(again.travellers.values()) == self.travellers()

    def unmet(self) -> list[str]:
        return [each.vehicle_id for each in self.travellers() if self.todo[each.vehicle_id] or each.goal]


def world(layout: Fleet, todo: dict[str, list[str]], dead: tuple[str, ...] = ()) -> World:
    roads = Roads(layout)
    travellers = [
        Traveller(vehicle_id=each.vehicle_id, held=(each.home,), able=each.vehicle_id not in dead)
        for each in layout.vehicles
    ]
    made = World(Traffic(roads, travellers, layout.ahead), todo)
    for each in made.travellers():
        if todo[each.vehicle_id]:
            made.aim(each)
    made.settle()
    return made


def run(made: World, turns: Iterator[int], limit: int) -> None:
    while made.move(next(turns)):
        assert made.steps < limit, f"still driving after {limit} steps: {made.unmet()}"
    assert not made.unmet(), f"stuck: {[(t.vehicle_id, t.held, t.goal, t.gives_way_to) for t in made.travellers()]}"


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Fleet, dict[str, list[str]]]:
    """A tree or a one-way ring with some more ways, a home beside the road for each vehicle, and goals for all."""
    count = draw(st.integers(3, 9))
    names = [f"n{i}" for i in range(count)]
    edges: list[TrackEdge] = []
    if draw(st.booleans()):
        for i, name in enumerate(names):
            edges += one(name, names[(i + 1) % count])
    else:
        for i in range(1, count):
            edges += both(names[draw(st.integers(0, i - 1))], names[i])
    for a, b in draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=4)):
        if a != b and f"{names[a]}>{names[b]}" not in {edge.edge_id for edge in edges}:
            edges += one(names[a], names[b])
    vehicles = draw(st.integers(2, 6))
    homes = [f"h{i}" for i in range(vehicles)]
    for home in homes:
        edges += both(home, names[draw(st.integers(0, count - 1))])
    goals = st.lists(st.sampled_from(names), min_size=1, max_size=4)
    ahead = draw(st.integers(1, 4))
    return fleet(edges, homes, ahead=ahead), {f"v{i}": draw(goals) for i in range(vehicles)}


@given(layouts(), st.randoms(use_true_random=False))
@CALM
def test_no_two_hold_the_same_and_every_drive_arrives(case: tuple[Fleet, dict[str, list[str]]], chance: object) -> None:
    layout, todo = case
    wanted = {name: len(goals) for name, goals in todo.items()}
    made = world(layout, todo)
    limit = 400 * len(layout.vehicles) * len(layout.nodes)
    run(made, iter(lambda: chance.randrange(1000), None), limit)  # type: ignore[attr-defined]
    for name, goals in wanted.items():
        assert made.arrivals.count(name) >= goals
    assert all(each.held == (made.traffic.roads.vehicles[each.vehicle_id].home,) for each in made.travellers())


ROW = [*both("h0", "a"), *both("a", "b"), *both("b", "c"), *both("c", "h1")]
"""One lane for both ways, a home at either end."""
LOOP = [*both("a", "d"), *both("d", "c")]
"""A way round b."""


def test_two_that_meet_in_one_lane_wait_outside_of_it() -> None:
    made = world(fleet(ROW, ["h0", "h1"]), {"v0": ["c"], "v1": ["a"]})
    run(made, iter(lambda: 0, None), 100)
    assert {name: made.arrivals.count(name) for name in ("v0", "v1")} == {"v0": 2, "v1": 2}


def test_a_base_ends_where_the_reservation_ends() -> None:
    made = world(fleet(ROW, ["h0", "h1"], ahead=2), {"v0": ["c"], "v1": []})
    v0 = made.traffic.travellers["v0"]
    assert (v0.held, v0.edges) == (("h0", "a", "b"), ("h0>a", "a>b"))
    made.move(0)
    assert v0.held == ("a", "b", "c"), "extended before the end of the base was reached"
    assert made.traffic.holder.get("h0") is None, "what lies behind is free"


def test_a_vehicle_that_does_not_drive_is_driven_around() -> None:
    made = world(fleet(ROW + LOOP, ["h0", "h1"], ahead=1), {"v0": ["c"], "v1": []}, dead=("v1",))
    traffic = made.traffic
    traffic.place(traffic.travellers["v1"], "b")
    made.settle()
    run(made, iter(lambda: 0, None), 100)
    assert "v0" in made.arrivals
    assert traffic.travellers["v1"].held == ("b",)


def test_a_vehicle_that_blocks_the_only_way_blocks_it() -> None:
    made = world(fleet(ROW, ["h0", "h1"]), {"v0": ["c"], "v1": []}, dead=("v1",))
    traffic = made.traffic
    traffic.travellers["v0"].goal, traffic.travellers["v0"].rank = "", 0
    traffic.place(traffic.travellers["v1"], "b")
    traffic.aim(traffic.travellers["v0"], "c", 1)
    made.settle()
    while made.move(0):
        pass
    assert made.traffic.travellers["v0"].end in ("h0", "a")
    traffic.place(traffic.travellers["v1"], "h1")
    made.settle()
    run(made, iter(lambda: 0, None), 100)


def test_a_place_somebody_holds_is_not_given_twice() -> None:
    made = world(fleet(ROW, ["h0", "h1"]), {"v0": ["a"], "v1": []})
    traffic = made.traffic
    assert traffic.place(traffic.travellers["v1"], "a") == "v0"
    assert traffic.travellers["v1"].held == ()
    assert traffic.place(traffic.travellers["v1"], "b") == ""
    made.check()


def test_homes_are_for_their_owners() -> None:
    layout = fleet([*ROW, *both("h1", "d")], ["h0", "h1"])
    roads = Roads(layout)
    assert roads.way(layout.vehicles[0], "h0", ("d",)) is None
    assert roads.way(layout.vehicles[1], "c", ("d",)) == (2000, ("c>h1", "h1>d"))


def test_ways_are_the_quickest_and_follow_the_vehicle_type() -> None:
    slow = replace(one("a", "b", 1000)[0], speed_mm_s=100)
    only = replace(one("a", "c", 1000)[0], types=("big",))
    layout = fleet([*both("h0", "a"), slow, *one("c", "b", 3000), only, *one("b", "a")], ["h0"])
    roads = Roads(layout)
    big, small = replace(layout.vehicles[0], type="big"), replace(layout.vehicles[0], type="small")
    assert roads.way(big, "a", ("b",)) == (4000, ("a>c", "c>b"))
    assert roads.way(small, "a", ("b",)) == (10_000, ("a>b",))
    assert roads.way(big, "a", ("b",), slow={"c": 7000}) == (10_000, ("a>b",))
    assert roads.way_home(big, "b") == ("b>a", "a>h0")


def test_an_old_drive_is_not_passed_over_for_ever() -> None:
    made = world(fleet(ROW + LOOP, ["h0", "h1"]), {"v0": [], "v1": []})
    old, young = made.traffic.travellers["v0"], made.traffic.travellers["v1"]
    made.traffic.aim(old, "c", 1)
    old.passed_over = PATIENCE * 2
    old.held, old.able = ("h0",), True
    made.traffic.aim(young, "d", 2)
    made.traffic.place(young, "a")
    made.traffic.grant()
    assert young.gives_way_to == 1
    assert made.traffic.wish(young) == "h1"


def test_detours_have_an_end() -> None:
    made = world(fleet(ROW + LOOP, ["h0", "h1"]), {"v0": [], "v1": []})
    each, other = made.traffic.travellers["v0"], made.traffic.travellers["v1"]
    made.traffic.place(each, "a")
    made.traffic.place(other, "b")
    made.traffic.enable(other, able=False)
    for detours, end in ((0, "d"), (DETOURS_MAX, "a")):
        made.traffic.place(each, "a")
        made.traffic.aim(each, "c", 1 + detours)
        each.route, each.detours = ("a>b", "b>c"), detours
        made.traffic.grant()
        assert each.held[1 if end == "d" else 0] == end
