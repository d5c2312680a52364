"""Congestion: what the machines say closes and fills the map, and release and routing go by the map."""

from dataclasses import replace
from typing import Any

import pytest

from edge.messages import (
    DecisionCode,
    DivertUnit,
    Lane,
    LaneChanged,
    Machine,
    Message,
    OrderHeldBack,
    OrderStarted,
    PackMl,
    Segment,
    Site,
    SortResult,
    UnitArrived,
    ZoneChanged,
    ZoneFault,
)
from edge.wes import explain
from edge.wes.state import UnitPlace
from tests.wes.scene import MINUTE, ON_SORTER_MAX, T0, Play, assigned, of, pack, pick, small_site, through_disk


def held(messages: list[Message]) -> list[str]:
    return [each.reason for each in of(OrderHeldBack, messages)]


def only(messages: list[Message]) -> DivertUnit:
    (answer,) = of(DivertUnit, messages)
    return answer


def test_a_full_sorter_lets_nothing_in_until_it_has_room() -> None:
    play = Play()
    play.all_run()
    play.departure("north-1", "north", T0 + 120 * MINUTE)
    for n in range(ON_SORTER_MAX):
        play.packed(f"on{n}")
        play.scan("conveyor1", f"on{n}")
        play.report("conveyor1", play.seq, SortResult.HANDOVER)
    out = play.plan(pick("t1", "hu1"))
    assert held(out) == ["WAY_FULL conveyor1 > sorter1"]
    assert "the way is full at conveyor1 > sorter1" in explain.why_task(play.engine.floor, "t1")
    play.scan("sorter1", "on0")
    out = play.report("sorter1", play.seq, SortResult.DIVERTED, 1)
    assert [each.order_id for each in of(OrderStarted, out)] == ["order-hu1"]


def test_a_conveyor_that_waits_for_its_neighbour_takes_no_more() -> None:
    play = Play()
    play.all_run()
    play.departure("north-1", "north", T0 + 120 * MINUTE)
    play.machine("conveyor1", PackMl.SUSPENDED)
    assert held(play.plan(pick("t1", "hu1"))) == ["WAY_FULL PACK-A > conveyor1"]
    assert len(of(OrderStarted, play.plan(pick("t2", "hu2", zone="B", source="B-01-01-1")))) == 1
    assert len(of(OrderStarted, play.machine("conveyor1"))) == 1


def zone(play: Play, number: int, fault: ZoneFault = ZoneFault.NONE, *, accumulating: bool = False) -> list[Message]:
    message = ZoneChanged(
        at_ms=play.now, machine_id="conveyor1", zone=number, fault=fault, accumulating=accumulating, blocked=False,
        arrivals=0, departures=0, tracking_id=0,
    )  # fmt: skip
    return play.tell(message)


def test_a_jammed_zone_closes_its_conveyor_until_the_last_is_cleared() -> None:
    play = Play()
    play.all_run()
    play.departure("north-1", "north", T0 + 120 * MINUTE)
    zone(play, 2, ZoneFault.ARRIVAL_JAM)
    zone(play, 3, ZoneFault.MOTOR)
    assert held(play.plan(pick("t1", "hu1"))) == ["MACHINE_DOWN conveyor1"]
    assert [play.engine.copy(T0).zones[row] for row, _, _ in play.engine.copy(T0).timetable.closings] == ["A"]
    play.engine = through_disk(play.engine)
    assert of(OrderStarted, zone(play, 2)) == []
    assert len(of(OrderStarted, zone(play, 3))) == 1


def test_a_zone_that_accumulates_fills_its_conveyor_and_a_restart_of_the_plc_forgets_it() -> None:
    play = Play()
    play.all_run()
    play.departure("north-1", "north", T0 + 120 * MINUTE)
    zone(play, 1, accumulating=True)
    assert held(play.plan(pick("t1", "hu1"))) == ["WAY_FULL PACK-A > conveyor1"]
    assert len(of(OrderStarted, play.machine("conveyor1", boot=2))) == 1


def belt(capacity: int) -> Site:
    return small_site(segments=(Segment(start="conveyor1", end="sorter1", capacity=capacity),))


def test_a_belt_holds_so_many_units() -> None:
    play = Play(site=belt(1))
    play.all_run()
    play.departure("north-1", "north", T0 + 120 * MINUTE)
    task = pick("t0", "hu0")
    closing = pack("p0", "hu0", ("t0",))
    play.plan(task, closing)
    play.join("ann", "pick", zones=("A",))
    play.join("bob", "pack", zones=("A",))
    play.done("ann", task)
    play.done("bob", closing)
    play.packed("hu0")
    assert held(play.plan(pick("t1", "hu1"))) == ["WAY_FULL PACK-A > conveyor1"]
    play.engine = through_disk(play.engine)
    play.scan("conveyor1", "hu0")
    assert len(of(OrderStarted, play.report("conveyor1", play.seq, SortResult.HANDOVER))) == 1


# Two sorters: lanes 11 and 12 of the first lead to conveyor3 and conveyor4, which feed the second.


def lane(number: int, **words: Any) -> Lane:
    return Lane(lane=number, capacity=2, x_mm=number * 1000, y_mm=0, **words)


def two_sorters() -> Site:
    first = (lane(1, routes=("north",)), lane(11), lane(12), lane(13), lane(14))
    second = (lane(1, routes=("west",)), lane(13), lane(14))
    machines = (
        Machine(machine_id="conveyor1", kind="conveyor", zone="A", feeds="sorter1"),
        Machine(machine_id="conveyor2", kind="conveyor", zone="B", feeds="sorter1"),
        Machine(machine_id="sorter1", kind="sorter", zone="DOCK", lanes=first, default_lane=14, hospital_lane=13),
        Machine(machine_id="conveyor3", kind="conveyor", zone="DOCK", feeds="sorter2"),
        Machine(machine_id="conveyor4", kind="conveyor", zone="DOCK", feeds="sorter2"),
        Machine(machine_id="sorter2", kind="sorter", zone="DOCK", lanes=second, default_lane=14, hospital_lane=13),
        Machine(machine_id="robot1", kind="robot", zone="B"),
    )
    segments = (
        Segment(start="sorter1/L11", end="conveyor3"),
        Segment(start="sorter1/L12", end="conveyor4", length_mm=50_000),
    )
    return small_site(machines=machines, segments=segments)


def ready(*units: str) -> Play:
    play = Play(site=two_sorters())
    for machine in two_sorters().machines:
        play.machine(machine.machine_id)
    play.departure("west-1", "west", T0 + 120 * MINUTE)
    for hu in units:
        play.packed(hu, "west")
    return play


def divert(play: Play, hu: str, machine: str, lane: int) -> list[Message]:
    play.scan(machine, hu)
    return play.report(machine, play.seq, SortResult.DIVERTED, lane)


def test_a_unit_goes_to_its_lane_over_two_sorters() -> None:
    play = ready("hu1")
    got = only(play.scan("sorter1", "hu1"))
    assert (got.code, got.lane, got.reason) == (DecisionCode.ROUTE, 11, "route west: lane 11 has 0 of 2")
    assert of(UnitArrived, play.report("sorter1", play.seq, SortResult.DIVERTED, 11)) == [], "it is still on its way"
    unit = play.engine.floor.state.units["hu1"]
    assert (unit.place, unit.machine_id) == (UnitPlace.CONVEYOR, "conveyor3")
    assert "is on conveyor3" in explain.where_unit(play.engine.floor, "hu1")
    assert play.engine.floor.state.machines["sorter1"].lanes.load[1] == 1
    assert only(play.scan("conveyor3", "hu1")).code is DecisionCode.PASS
    assert play.engine.floor.state.machines["sorter1"].lanes.load[1] == 0
    play.report("conveyor3", play.seq, SortResult.HANDOVER)
    (arrived,) = of(UnitArrived, divert(play, "hu1", "sorter2", 1))
    assert arrived.location == "sorter2/L01"


@pytest.mark.parametrize("trouble", ["held", "suspended", "full", "jam"])
def test_it_goes_another_way_round_what_is_closed_or_full(trouble: str) -> None:
    play = ready("hu1", "hu2", "hu3")
    if trouble == "held":
        play.machine("conveyor3", PackMl.HELD)
    elif trouble == "suspended":
        play.machine("conveyor3", PackMl.SUSPENDED)
    elif trouble == "jam":
        play.tell(LaneChanged(at_ms=T0, machine_id="sorter1", lane=11, enabled=True, full=False, jam=True))
    else:
        divert(play, "hu2", "sorter1", 11)
        divert(play, "hu3", "sorter1", 11)
    assert only(play.scan("sorter1", "hu1")).lane == 12
    play = replace_engine(play)
    play.machine("conveyor4", PackMl.HELD)
    again = only(play.scan("sorter1", "hu1", recirc_count=1))
    expected = {"held": (DecisionCode.ROUTE, 11), "suspended": (DecisionCode.ROUTE, 11)}
    assert (again.code, again.lane) == expected.get(trouble, (DecisionCode.RECIRC, 0)), "no way is left that is open"


def replace_engine(play: Play) -> Play:
    play.engine = through_disk(play.engine)
    return play


def test_a_unit_that_finds_no_way_goes_round_and_then_to_people() -> None:
    play = ready("hu1")
    for number in (11, 12):
        play.tell(LaneChanged(at_ms=T0, machine_id="sorter1", lane=number, enabled=False, full=False, jam=False))
    first = only(play.scan("sorter1", "hu1"))
    assert (first.code, first.reason) == (
        DecisionCode.RECIRC, "LANES_UNAVAILABLE west: lane 11 disabled, round 1 of 3",
    )  # fmt: skip
    last = only(play.scan("sorter1", "hu1", recirc_count=3))
    assert (last.code, last.lane, last.reason) == (DecisionCode.ROUTE, 13, "MAX_RECIRC 3 rounds: lane 11 disabled")


def test_release_looks_over_both_sorters() -> None:
    play = ready()
    out = play.plan(*(pick(f"t{n}", f"hu{n}", departure_id="west-1") for n in range(3)))
    assert len(of(OrderStarted, out)) == 2
    assert held(out) == ["LANES west 2/2"]
    play.machine("sorter2", PackMl.HELD)
    assert held(play.plan(pick("t3", "hu3", departure_id="west-1"))) == ["MACHINE_DOWN sorter2"]


def test_a_stranger_takes_no_room_in_a_lane_that_leads_on() -> None:
    play = ready()
    divert(play, "stranger", "sorter1", 11)
    assert play.engine.floor.state.machines["sorter1"].lanes.load[1] == 0
    assert assigned(play.join("ann")) == {}


def test_the_map_of_a_site_without_segments_is_as_before() -> None:
    play = Play()
    assert play.engine.floor.network.leads_to("sorter1/L01") == []
    assert replace(small_site(), segments=()) == small_site()
