"""Pool lanes: who gets them, when they are taken away, and that the books and the decisions see the same."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from random import Random
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.messages import (
    DecisionCode,
    DepartureClosed,
    DivertUnit,
    Lane,
    LaneAssigned,
    LaneChanged,
    Machine,
    Message,
    OrderHeldBack,
    OrderStarted,
    Site,
    SiteOpened,
    SortResult,
    Task,
    UnitPacked,
    UnitRerouted,
    lane_location,
)
from edge.wes import explain
from edge.wes.destinations import holder_of
from edge.wes.engine import Engine
from edge.wes.lanes import Claim, Gift, PoolLane, allot, minutes_left, urgency
from edge.wes.outlook import STANDSTILL_MS
from edge.wes.state import State
from plc_sim.day.plan import plan_day
from plc_sim.day.play import VirtualDay
from tests.bench.yardstick import CONFIG
from tests.wes.scene import DISK, MINUTE, T0, Play, load, of, pick, small_site, through_disk
from tests.wes.wander import EVENTS, World, next_message, opening

HOUR = 60 * MINUTE
FIRST_LANE = 1_000_000
CALM = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def claim(holder: str, units: int, hours: int = 1, fixed: int = 0) -> Claim:
    return Claim(holder=holder, cutoff_ms=T0 + hours * HOUR, units=units, fixed=fixed)


def pool(*capacities: int) -> list[PoolLane]:
    return [PoolLane(lane=number, capacity=capacity) for number, capacity in enumerate(capacities, 1)]


def given_to(claims: list[Claim], lanes: list[PoolLane]) -> dict[int, str]:
    return {gift.lane: gift.holder for gift in allot(claims, lanes, T0)}


# Who gets which


def test_everybody_gets_one_before_anybody_gets_two() -> None:
    assert given_to([claim("a", 90), claim("b", 1, hours=20)], pool(10, 10)) == {1: "a", 2: "b"}
    assert given_to([claim("a", 90), claim("b", 1, hours=20)], pool(10, 10, 10)) == {1: "a", 2: "b", 3: "a"}


def test_the_one_with_more_units_or_less_time_comes_first() -> None:
    assert given_to([claim("a", 3), claim("b", 9)], pool(10)) == {1: "b"}
    assert given_to([claim("a", 9, hours=9), claim("b", 9, hours=1)], pool(10)) == {1: "b"}
    assert given_to([claim("b", 9), claim("a", 9)], pool(10)) == {1: "a"}


def test_the_large_lane_goes_to_whom_a_small_one_is_not_enough() -> None:
    assert given_to([claim("a", 4), claim("b", 20)], pool(20, 5)) == {1: "b", 2: "a"}


def test_nobody_gets_more_than_he_needs() -> None:
    assert given_to([claim("a", 12, fixed=12)], pool(10)) == {}
    assert given_to([claim("a", 0)], pool(10)) == {}
    assert given_to([claim("a", 12, fixed=5)], pool(10, 10)) == {1: "a"}


def test_a_lane_is_taken_only_when_it_is_empty() -> None:
    own = PoolLane(lane=1, capacity=10, holder="gone")
    assert given_to([], [own]) == {1: ""}
    assert given_to([claim("b", 5)], [replace(own, empty=False)]) == {}
    assert given_to([claim("b", 5)], [own]) == {1: "b"}
    assert given_to([claim("b", 5)], [replace(own, empty=False, heir="b")]) == {1: "b"}


def test_an_empty_lane_stays_until_somebody_is_short() -> None:
    own = [PoolLane(lane=number, capacity=10, holder="a") for number in (1, 2)]
    assert given_to([claim("a", 0)], own) == {}
    assert given_to([claim("a", 5), claim("b", 5)], own) == {1: "b"}
    assert given_to([claim("a", 15), claim("b", 5)], own) == {}


def test_a_lane_out_of_order_is_neither_given_nor_counted() -> None:
    jammed = PoolLane(lane=1, capacity=10, holder="a", usable=False)
    assert given_to([claim("a", 5)], [jammed]) == {}
    assert given_to([claim("a", 5)], [jammed, PoolLane(lane=2, capacity=10)]) == {2: "a"}


def test_urgency_falls_with_the_time_left() -> None:
    weights = [urgency(hours * 60) for hours in (-1, 0, 1, 4, 24, 240)]
    assert weights == [25, 25, 13, 5, 1, 1]


CLAIMS = st.lists(
    st.builds(claim, st.sampled_from("abcdef"), st.integers(0, 40), st.integers(-1, 30), st.sampled_from([0, 0, 7])),
    max_size=6,
    unique_by=lambda each: each.holder,
)
POOL = st.lists(
    st.builds(
        PoolLane,
        lane=st.integers(1, 99),
        capacity=st.integers(1, 20),
        holder=st.sampled_from(["", "a", "b", "c", "gone"]),
        empty=st.booleans(),
        usable=st.sampled_from([True, True, False]),
        heir=st.sampled_from(["", "a", "b"]),
    ),
    max_size=8,
    unique_by=lambda each: each.lane,
)


def after(lanes: list[PoolLane], gifts: list[Gift]) -> list[PoolLane]:
    held = {gift.lane: gift.holder for gift in gifts}
    return [replace(lane, holder=held.get(lane.lane, lane.holder)) for lane in lanes]


def room(each: Claim, lanes: list[PoolLane]) -> int:
    return each.fixed + sum(lane.capacity for lane in lanes if lane.usable and lane.holder == each.holder)


@CALM
@given(claims=CLAIMS, lanes=POOL, later_ms=st.integers(0, 9 * HOUR))
def test_the_rules_of_giving(claims: list[Claim], lanes: list[PoolLane], later_ms: int) -> None:
    gifts = allot(claims, lanes, T0)
    then = after(lanes, gifts)
    assert allot(claims, then, T0 + later_ms) == [], "asked again nothing changes, now or later"
    assert allot(claims[::-1], lanes, T0) == gifts, "the order of the claims does not matter"
    wants = {each.holder: each for each in claims}
    for before, now in zip(lanes, then, strict=True):
        if before.holder == now.holder:
            continue
        assert before.empty or now.holder == before.heir, "units lie in it"
        if before.holder in wants:
            assert room(wants[before.holder], then) >= wants[before.holder].units, "its holder needed it"
    short = [each for each in claims if room(each, then) < each.units]
    idle = [lane for lane in then if lane.usable and lane.empty and not lane.holder]
    assert not (short and idle), "somebody is short and a lane is nobody's"
    step = list(lanes)
    for gift in gifts:
        if gift.holder in wants and gift.lane in [lane.lane for lane in lanes if lane.empty]:
            has_none = [each for each in claims if each.units and not room(each, step)]
            assert wants[gift.holder] in has_none or not has_none, "a second lane before somebody's first"
        step = after(step, [gift])


def worth(claims: list[Claim], lanes: list[PoolLane]) -> int:
    """Units that have room, weighted by time left; a first lane counts above all."""
    total = 0
    for each in claims:
        covered = min(each.units, room(each, lanes))
        total += urgency(minutes_left(each, T0)) * covered + (FIRST_LANE if covered else 0)
    return total


def test_it_comes_near_the_best_there_is() -> None:
    chance, shares = Random(7), list[float]()
    for _ in range(400):
        claims = [claim(name, chance.randint(1, 30), chance.randint(0, 20)) for name in "abc"[: chance.randint(1, 3)]]
        lanes = pool(*(chance.randint(1, 20) for _ in range(chance.randint(1, 4))))
        every = product([each.holder for each in claims], repeat=len(lanes))
        best = max(
            worth(claims, [replace(lane, holder=name) for lane, name in zip(lanes, names, strict=True)])
            for names in every
        )
        got = worth(claims, after(lanes, allot(claims, lanes, T0)))
        assert got // FIRST_LANE == best // FIRST_LANE, "as many have a lane at all as can"
        shares.append(got % FIRST_LANE / (best % FIRST_LANE))
    assert sum(shares) / len(shares) > 0.98
    assert min(shares) > 0.5


# On the floor


def pool_site(lane_by: str = "departure", pools: tuple[int, ...] = (3, 4), **lane: int) -> Site:
    """Lanes 1 and 2 are for north, `pools` are given out; each holds 4."""

    def one(number: int) -> Lane:
        routes = ("north",) if number in (1, 2) and number not in pools else ()
        changes = lane if number in pools else {}
        return replace(Lane(lane=number, capacity=4, x_mm=0, y_mm=0, routes=routes, pool=number in pools), **changes)

    def sorter(machine: Machine) -> Machine:
        return replace(machine, lanes=tuple(one(n) for n in (1, 2, 3, 4, 13, 14)), lane_by=lane_by)

    site = small_site()
    machines = tuple(sorter(each) if each.kind == "sorter" else each for each in site.machines)
    return replace(site, machines=machines)


class PoolPlay(Play):
    """All machines run; departures and units of any route."""

    def __init__(self, site: Site | None = None) -> None:
        super().__init__(site=site or pool_site())
        self.all_run()

    def pack(self, hu: str, departure: str, order: str = "") -> list[LaneAssigned]:
        message = UnitPacked(
            at_ms=self.now, hu_id=hu, order_id=order or f"order-{hu}", site="S1", route=departure.partition("-")[0],
            departure_id=departure, due_ms=T0 + HOUR, contents=(), weight_g=1,
        )  # fmt: skip
        return of(LaneAssigned, self.tell(message))

    def answer(self, hu: str, **changes: int) -> DivertUnit:
        (only,) = of(DivertUnit, self.scan("sorter1", hu, **changes))
        return only

    def sort(self, hu: str) -> int:
        """Through the scanner into the lane it is sent to."""
        got = self.answer(hu)
        self.report("sorter1", got.tracking_id, SortResult.DIVERTED, got.lane)
        return got.lane

    def load(self, hu: str, departure: str, lane: int) -> list[LaneAssigned]:
        self.join("ann")
        task = load(f"load-{hu}", hu, lane_location("sorter1", lane), departure_id=departure)
        self.plan(task)
        return of(LaneAssigned, self.done("ann", task))

    def close(self, departure: str, *units: str) -> list[LaneAssigned]:
        closed = DepartureClosed(
            at_ms=self.now, departure_id=departure, site="S1", units=units, orders=(), left_behind=()
        )
        return of(LaneAssigned, self.tell(closed))

    def given(self) -> list[str]:
        return self.engine.save().machines["sorter1"].lanes.given


def test_the_first_unit_of_a_departure_brings_it_a_lane() -> None:
    play = PoolPlay()
    play.departure("west-1", "west", T0 + HOUR)
    (gift,) = play.pack("hu1", "west-1")
    assert (gift.machine_id, gift.lane, gift.departure_id, gift.also) == ("sorter1", 3, "west-1", ())
    assert gift.reason == "west-1: 1 units, room for 0, 60 min to the cutoff"
    assert play.pack("hu2", "west-1") == []
    got = play.answer("hu1")
    assert (got.code, got.lane, got.alternate) == (DecisionCode.ROUTE, 3, 0)
    assert got.reason == "west-1 (route west): lane 3 has 0 of 4"


def test_a_route_with_lanes_of_its_own_gets_another_only_when_they_are_not_enough() -> None:
    play = PoolPlay()
    play.departure("north-1", "north", T0 + HOUR)
    assert [gift for n in range(8) for gift in play.pack(f"hu{n}", "north-1")] == []
    (gift,) = play.pack("hu8", "north-1")
    assert (gift.lane, gift.departure_id) == (3, "north-1")
    assert sorted(play.sort(f"hu{n}") for n in range(9)) == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_when_no_lane_is_left_the_unit_goes_round_and_then_to_people() -> None:
    play = PoolPlay()
    for number, route in enumerate(("west", "east", "south")):
        play.departure(f"{route}-1", route, T0 + HOUR + number)
        play.pack(f"hu-{route}", f"{route}-1")
    assert play.given()[2:4] == ["west-1", "east-1"]
    first = play.answer("hu-south")
    assert (first.code, first.reason) == (
        DecisionCode.RECIRC, "LANES_UNAVAILABLE south: no pool lane is free, round 1 of 3",
    )  # fmt: skip
    last = play.answer("hu-south", recirc_count=3)
    assert (last.code, last.lane) == (DecisionCode.ROUTE, 13)


def test_a_lane_is_passed_on_when_its_last_unit_is_loaded() -> None:
    play = PoolPlay(pool_site(pools=(3,)))
    play.departure("west-1", "west", T0 + HOUR)
    play.departure("east-1", "east", T0 + HOUR)
    play.pack("hu1", "west-1")
    play.pack("hu2", "west-1")
    assert play.pack("hu3", "east-1") == []
    assert [play.sort("hu1"), play.sort("hu2")] == [3, 3]
    assert play.load("hu1", "west-1", 3) == []
    (gift,) = play.load("hu2", "west-1", 3)
    assert (gift.lane, gift.departure_id) == (3, "east-1")
    assert play.sort("hu3") == 3


def test_a_departure_that_has_left_keeps_its_lane_until_that_is_empty() -> None:
    play = PoolPlay(pool_site(pools=(3,)))
    play.departure("west-1", "west", T0 + HOUR)
    play.departure("east-1", "east", T0 + HOUR)
    play.pack("hu1", "west-1")
    play.pack("hu2", "east-1")
    play.sort("hu1")
    assert play.close("west-1") == []
    assert play.given()[2] == "west-1"
    (gift,) = play.load("hu1", "west-2", 3)
    assert (gift.lane, gift.departure_id) == (3, "east-1")


def test_an_empty_lane_of_a_departure_that_has_left_is_nobodys() -> None:
    play = PoolPlay()
    play.departure("west-1", "west", T0 + HOUR)
    play.pack("hu1", "west-1")
    (gift,) = play.close("west-1", "hu1")
    assert (gift.lane, gift.departure_id, gift.reason) == (3, "", "nothing to come for west-1")


def test_what_was_left_behind_takes_its_lane_along_to_the_next_departure() -> None:
    play = PoolPlay()
    play.departure("west-1", "west", T0 + HOUR)
    play.departure("west-2", "west", T0 + 2 * HOUR)
    play.pack("hu1", "west-1")
    play.sort("hu1")
    assert play.close("west-1") == []
    (gift,) = of(
        LaneAssigned, play.tell(UnitRerouted(at_ms=T0, hu_id="hu1", departure_id="west-2", due_ms=T0 + 2 * HOUR))
    )
    assert (gift.lane, gift.departure_id) == (3, "west-2")


def test_a_jammed_lane_is_replaced() -> None:
    play = PoolPlay()
    play.departure("west-1", "west", T0 + HOUR)
    play.pack("hu1", "west-1")
    jam = LaneChanged(at_ms=T0, machine_id="sorter1", lane=3, enabled=True, full=False, jam=True)
    (gift,) = of(LaneAssigned, play.tell(jam))
    assert (gift.lane, gift.departure_id) == (4, "west-1")
    assert play.sort("hu1") == 4


def test_a_wave_shares_its_lane() -> None:
    play = PoolPlay(pool_site("wave"))
    play.departure("west-1", "west", T0 + HOUR)
    play.departure("east-1", "east", T0 + HOUR)
    (gift,) = play.pack("hu1", "west-1")
    assert (gift.lane, gift.departure_id, gift.also) == (3, "west-1", ("east-1",))
    assert play.pack("hu2", "east-1") == []
    assert [play.sort("hu1"), play.sort("hu2")] == [3, 3]
    (again,) = of(LaneAssigned, play.departure("south-1", "south", T0 + HOUR))
    assert (again.lane, again.departure_id, again.also) == (3, "west-1", ("east-1", "south-1"))
    assert play.pack("hu3", "south-1") == []
    assert play.sort("hu3") == 3


def test_an_order_has_its_lane_to_itself() -> None:
    play = PoolPlay(pool_site("order"))
    play.departure("west-1", "west", T0 + HOUR)
    (gift,) = play.pack("hu1", "west-1", "o1")
    assert (gift.lane, gift.departure_id, gift.order_id) == (3, "west-1", "o1")
    (other,) = play.pack("hu2", "west-1", "o2")
    assert (other.lane, other.order_id) == (4, "o2")
    assert play.pack("hu3", "west-1", "o1") == []
    assert [play.sort("hu3"), play.sort("hu2"), play.sort("hu1")] == [3, 4, 3]
    play.load("hu3", "west-1", 3)
    (free,) = play.load("hu1", "west-1", 3)
    assert (free.lane, free.departure_id, free.order_id) == (3, "", "")


def test_a_palletiser_takes_one_unit_at_a_time() -> None:
    play = PoolPlay(pool_site(pools=(3,), min_gap_ms=5_000))
    play.departure("west-1", "west", T0 + HOUR)
    for hu in ("hu1", "hu2"):
        play.pack(hu, "west-1")
    assert play.answer("hu1").lane == 3
    play.now += 4_999
    got = play.answer("hu2")
    assert (got.code, got.reason) == (
        DecisionCode.RECIRC, "RATE_LIMIT west: lane 3 takes one unit in 5000 ms, round 1 of 3",
    )  # fmt: skip
    play.now += 1
    assert play.answer("hu2").lane == 3


def test_a_site_that_gets_a_pool_later_gives_from_it_at_once() -> None:
    play = Play()
    play.all_run()
    play.packed("hu1", "west")
    (gift,) = of(LaneAssigned, play.tell(SiteOpened(at_ms=T0, site=pool_site())))
    assert (gift.lane, gift.departure_id) == (3, "west-1")
    assert of(LaneAssigned, play.tell(SiteOpened(at_ms=T0, site=pool_site()))) == []
    play.tell(SiteOpened(at_ms=T0, site=small_site()))
    assert play.engine.save().machines["sorter1"].lanes.given == [""] * 6


def waiting(*departures: str, number: int = 1) -> list[Task]:
    """Picks for so many units of each departure."""
    names = [(departure, n) for departure in departures for n in range(number)]
    return [pick(f"t-{name}-{n}", f"hu-{name}-{n}", departure_id=name, zone="A") for name, n in names]


def two_departures(pools: tuple[int, ...], wip_max: int = 20, lane_by: str = "departure") -> PoolPlay:
    site = pool_site(lane_by, pools=pools)
    play = PoolPlay(replace(site, zones=tuple(replace(zone, wip_max=wip_max) for zone in site.zones)))
    play.departure("west-1", "west", T0 + HOUR)
    play.departure("east-1", "east", T0 + 2 * HOUR)
    return play


def held_back(messages: list[Message]) -> list[str]:
    return [each.reason for each in of(OrderHeldBack, messages)]


def test_a_pool_lane_bounds_the_units_of_its_departure() -> None:
    play = two_departures(pools=(3,))
    play.pack("hu1", "west-1")
    out = play.plan(*waiting("west-1", number=6))
    assert len(of(OrderStarted, out)) == 4, "the unit that is packed has no belt yet and counts when it is on one"
    assert set(held_back(out)) == {"LANES west 4/4"}


def test_no_lane_is_left_for_a_departure_while_others_hold_all() -> None:
    play = two_departures(pools=(3,))
    play.pack("hu1", "west-1")
    out = play.plan(*waiting("east-1", number=2))
    assert of(OrderStarted, out) == []
    assert held_back(out) == ["LANES east 0/0: no pool lane is free"] * 2
    why = explain.why_task(play.engine.floor, "t-east-1-0")
    assert "the lanes of route east have room for 0, and 0 are on their way (no pool lane is free)" in why
    assert [each.order_id for each in of(OrderStarted, play.tell(departed("west-1", "hu1")))] == [
        "order-hu-east-1-0", "order-hu-east-1-1",
    ]  # fmt: skip


def departed(departure: str, *units: str) -> DepartureClosed:
    return DepartureClosed(at_ms=T0, departure_id=departure, site="S1", units=units, orders=(), left_behind=())


def test_the_last_free_pool_lane_is_promised_to_one_departure_only() -> None:
    play = two_departures(pools=(3,))
    out = play.plan(*waiting("west-1", "east-1", number=2))
    assert [each.order_id for each in of(OrderStarted, out)] == ["order-hu-west-1-0", "order-hu-west-1-1"]
    assert set(held_back(out)) == {"LANES east 0/0: no pool lane is free"}


def test_a_large_departure_may_count_on_every_free_lane() -> None:
    play = two_departures(pools=(3, 4))
    out = play.plan(*waiting("west-1", number=9))
    assert len(of(OrderStarted, out)) == 8
    assert set(held_back(out)) == {"LANES west 8/8"}


def test_orders_that_have_lanes_to_themselves_wait_for_one_each() -> None:
    play = two_departures(pools=(3, 4), lane_by="order")
    out = play.plan(*waiting("west-1", number=3))
    assert len(of(OrderStarted, out)) == 2
    assert held_back(out) == ["LANES west 0/0: no pool lane is free"]


def test_the_forecast_bounds_orders_that_have_lanes_to_themselves_by_the_whole_pool() -> None:
    play = two_departures(pools=(3, 4), lane_by="order")
    play.plan(*waiting("west-1", number=3), *waiting("east-1", number=3))
    copy = play.engine.copy(play.now)
    assert [copy.timetable.berths, copy.timetable.shared] == [[(0, 0, 8), (1, 0, 8)], [8]]
    assert copy.board.d_area[0] == play.engine.floor.travel.area_of("sorter1/L03")


def test_an_alternate_lane_is_not_promised_twice() -> None:
    """Lane 4 (4 places) stands in for north (lanes 1 and 2) and for south (lane 3)."""
    site = small_site()
    play = Play(site=replace(site, zones=tuple(replace(zone, wip_max=40) for zone in site.zones)))
    play.all_run()
    play.departure("north-1", "north", T0 + 2 * HOUR)
    play.departure("south-1", "south", T0 + 2 * HOUR)
    north = play.plan(*waiting("north-1", number=10))
    assert (len(of(OrderStarted, north)), held_back(north)) == (10, [])
    south = play.plan(*waiting("south-1", number=9))
    assert len(of(OrderStarted, south)) == 6, "two of the alternate's places are needed by north"
    assert set(held_back(south)) == {"LANES south 6/6"}


def test_the_forecast_knows_the_pool_lane_of_a_departure_and_who_has_none() -> None:
    play = two_departures(pools=(3,))
    play.pack("hu1", "west-1")
    play.plan(*waiting("east-1"))
    copy = play.engine.copy(T0)
    rows = {name: row for row, name in copy.departures.items()}
    travel = play.engine.floor.travel
    assert copy.board.d_area[rows["west-1"]] == travel.area_of("sorter1/L03")
    now = copy.board.origin_ms
    assert [(row, end - start) for row, start, end in copy.timetable.lanes] == [(rows["east-1"], STANDSTILL_MS)]
    assert now == T0
    jam = LaneChanged(at_ms=T0, machine_id="sorter1", lane=3, enabled=True, full=False, jam=True)
    play.tell(jam)
    assert len(play.engine.copy(T0).timetable.lanes) == 2


def day_with(lane_by: Literal["departure", "wave", "order"], pools: Sequence[int], min_gap_ms: int) -> VirtualDay:
    """A generated day on the default site, with some of its lanes in a pool."""
    plan = plan_day(CONFIG, orders_file=None, map_file=None, orders=40, shortage=0.0, seed=3, people=12)
    machines = []
    for machine in plan.site.machines:
        lanes = [
            lane.model_copy(update={"pool": True, "routes": (), "alternate_for": (), "min_gap_ms": min_gap_ms})
            if lane.lane in pools
            else lane
            for lane in machine.lanes
        ]
        machines.append(machine.model_copy(update={"lanes": tuple(lanes), "lane_by": lane_by}))
    return VirtualDay(replace(plan, site=plan.site.model_copy(update={"machines": tuple(machines)})))


@pytest.mark.parametrize(
    ("lane_by", "pools", "min_gap_ms"),
    [
        ("departure", range(1, 13), 0),
        ("wave", range(9, 13), 0),
        ("order", range(5, 13), 0),
        ("departure", (9, 10), 8000),
    ],
)
def test_a_day_with_a_pool_ships_everything(
    lane_by: Literal["departure", "wave", "order"], pools: Sequence[int], min_gap_ms: int
) -> None:
    orders = day_with(lane_by, pools, min_gap_ms).run()["orders"]
    assert (orders["shipped"], orders["open"]) == (40, 0)


# Whatever happens

MOVES = st.lists(
    st.tuples(st.integers(0, len(EVENTS) - 1), st.integers(0, 30), st.integers(0, 60)), min_size=30, max_size=150
)
LANE_BY = st.sampled_from(["departure", "wave", "order"])


def begin(engine: Engine, world: World, lane_by: str) -> None:
    for message in opening(world, "slack"):
        if isinstance(message, SiteOpened):
            message = replace(message, site=pool_site(lane_by, (2, 3, 4)))
        engine.handle(message, world.now)


def follow(world: World, move: tuple[int, int, int]) -> Message | None:
    """The next message, with units of several orders."""
    message = next_message(world, move)
    if isinstance(message, UnitPacked):
        return replace(message, order_id=f"o{sum(map(ord, message.hu_id)) % 5}")
    return message


def says_the_same(engine: Engine) -> None:
    """The decisions see what the books say."""
    destinations, state = engine.floor.destinations, engine.floor.state
    for machine_id, plan in destinations.plans.items():
        lanes = state.machines[machine_id].lanes
        for position in range(len(lanes.lanes)):
            booked = lanes.load[position], lanes.bound[position], lanes.closed[position], lanes.sent_ms[position]
            assert plan.seen(position) == booked
            assert not lanes.given[position] or position in plan.pool
    assert destinations.barcodes.count == len(state.units)
    counted: dict[int, int] = {}
    for hu_id, unit in state.units.items():
        number = destinations.barcodes.find(hu_id)
        counted[number] = counted.get(number, 0) + 1
        route, departure_id, order_id = destinations.keys[number]
        assert (route, departure_id or unit.departure_id) == (unit.route, unit.departure_id)
        assert order_id in ("", unit.order_id)
        for machine_id, plan in destinations.plans.items():
            given = state.machines[machine_id].lanes.given
            holder = holder_of(plan.lane_by, destinations.keys[number], state.departures)
            mine = [position for position in plan.pool if holder and given[position] == holder]
            assert plan.row(number) == (sorted(plan.first.get(route, []) + mine), plan.second.get(route, []))
    assert counted == destinations.units


def is_fair(before: State, after_it: State, message: Message, engine: Engine) -> None:
    """A lane with units in it changes hands only along with all of them."""
    was, now = before.machines["sorter1"].lanes, after_it.machines["sorter1"].lanes
    for position, holder in enumerate(now.given):
        if holder == was.given[position] or not now.load[position] + now.bound[position]:
            continue
        lane, location = now.lanes[position], lane_location("sorter1", now.lanes[position])
        riding = [hu for hu, ride in after_it.machines["sorter1"].riding.items() if ride.lane == lane]
        inside = [unit for unit in after_it.units.values() if unit.location == location or unit.hu_id in riding]
        lane_by = engine.floor.plans["sorter1"].lane_by
        keys = [(unit.route, unit.departure_id, unit.order_id) for unit in inside]
        assert {holder_of(lane_by, key, after_it.departures) for key in keys} == {holder}, message


@CALM
@given(moves=MOVES, lane_by=LANE_BY)
def test_decisions_and_books_agree_whatever_happens(moves: list[tuple[int, int, int]], lane_by: str) -> None:
    engine, world = Engine(), World()
    begin(engine, world, lane_by)
    for move in moves:
        message = follow(world, move)
        if message is None:
            continue
        before = engine.save()
        for each in engine.handle(message, world.now):
            world.hear(each)
        is_fair(before, engine.save(), message, engine)
        says_the_same(engine)


@CALM
@given(moves=MOVES, lane_by=LANE_BY, every=st.integers(1, 20))
def test_going_through_the_disk_changes_nothing(moves: list[tuple[int, int, int]], lane_by: str, every: int) -> None:
    engine, twin, world = Engine(), Engine(), World()
    begin(engine, world, lane_by)
    twin = through_disk(engine)
    for number, move in enumerate(moves):
        message = follow(world, move)
        if message is None:
            continue
        if number % every == 0:
            twin = through_disk(twin)
        out = engine.handle(message, world.now)
        assert twin.handle(message, world.now) == out
        for each in out:
            world.hear(each)
    assert DISK.dump_json(twin.save()) == DISK.dump_json(engine.save())


def test_the_random_day_gives_and_takes_lanes() -> None:
    """The generator is worth its name: lanes are given, passed on and handed back."""
    for lane_by in ("departure", "wave", "order"):
        engine, world, chance = Engine(), World(), Random(1)
        begin(engine, world, lane_by)
        gifts: list[LaneAssigned] = []
        for _ in range(3000):
            message = follow(world, (chance.randrange(len(EVENTS)), chance.randrange(31), chance.randrange(61)))
            if message is not None:
                out = engine.handle(message, world.now)
                gifts += of(LaneAssigned, out)
                for each in out:
                    world.hear(each)
        passed_on = [
            (first, second)
            for first, second in pairwise(sorted(gifts, key=lambda gift: gift.lane))
            if first.lane == second.lane and first != replace(second, at_ms=first.at_ms, reason=first.reason)
        ]
        assert len(passed_on) > 1, lane_by
        assert any(gift.order_id for gift in gifts) is (lane_by == "order")


def test_records_of_an_earlier_version_are_completed() -> None:
    play = PoolPlay()
    play.pack("hu1", "west-1")
    saved = DISK.dump_python(play.engine.save(), mode="json")
    for machine in saved["machines"].values():
        del machine["lanes"]["sent_ms"], machine["lanes"]["given"]
    fresh = Engine()
    fresh.load(DISK.validate_python(saved))
    (gift,) = of(LaneAssigned, fresh.handle(SiteOpened(at_ms=T0, site=pool_site()), T0))
    assert (gift.lane, gift.departure_id) == (3, "west-1")


@pytest.mark.parametrize("lane_by", ["departure", "wave", "order"])
def test_the_same_pack_report_gives_nothing_twice(lane_by: str) -> None:
    play = PoolPlay(pool_site(lane_by))
    play.departure("west-1", "west", T0 + HOUR)
    assert len(play.pack("hu1", "west-1")) == 1
    state = play.engine.save()
    assert play.pack("hu1", "west-1") == []
    assert play.engine.save() == state
