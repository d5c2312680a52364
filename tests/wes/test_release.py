"""Waveless release: what is let onto the floor, in which order, and what is said about the rest."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.messages import (
    LaneChanged,
    Link,
    Message,
    OrderHeldBack,
    OrderStarted,
    PackMl,
    ResourceLeft,
    Site,
    SiteOpened,
    SortResult,
    Task,
    TaskAmended,
    TaskKind,
    TaskWithdrawn,
    Zone,
    lane_location,
)
from edge.wes import explain
from edge.wes.engine import Engine
from edge.wes.release import BEGUN_MS
from edge.wes.room import Room
from edge.wes.sort import DISABLED, FULL, JAM
from edge.wes.state import UnitPlace
from tests.wes.scene import (
    MINUTE,
    T0,
    WIP_A,
    Play,
    assigned,
    lanes,
    load,
    of,
    pack,
    pick,
    small_site,
    through_disk,
)
from tests.wes.wander import EVENTS, World, next_message, opening


def test_no_more_units_than_the_zone_may_hold() -> None:
    play = Play()
    out = play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(5)))
    assert len(of(OrderStarted, out)) == WIP_A
    assert [(m.order_id, m.reason) for m in of(OrderHeldBack, out)] == [
        ("order-hu3", "ZONE_WIP A 3/3"),
        ("order-hu4", "ZONE_WIP A 3/3"),
    ]
    got = [assigned(play.join(f"p{n}")) for n in range(5)]
    assert sum(len(each) for each in got) == WIP_A


def test_held_back_is_said_once_per_reason() -> None:
    play = Play()
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(3)))
    assert len(of(OrderHeldBack, play.plan(pick("t3", "hu3", order_id="big")))) == 1
    assert of(OrderHeldBack, play.plan(pick("t4", "hu4", order_id="big"))) == []


def test_a_unit_leaves_the_window_when_it_is_packed() -> None:
    play = Play()
    tasks = {f"t{n}": pick(f"t{n}", f"hu{n}") for n in range(4)}
    closing = pack("p0", "hu0", ("t0",))
    play.plan(*tasks.values(), closing)
    play.join("ann", "pick")
    assert of(OrderStarted, play.done("ann", tasks["t0"])) == []
    play.join("bob", "pack")
    out = play.done("bob", closing)
    assert [m.order_id for m in of(OrderStarted, out)] == ["order-hu3"]


def test_a_filled_unit_keeps_its_place_until_its_pack_task_comes() -> None:
    play = Play()
    tasks = [pick(f"t{n}", f"hu{n}") for n in range(4)]
    play.plan(*tasks)
    play.join("ann", "pick")
    assert of(OrderStarted, play.done("ann", tasks[0])) == []
    closing = pack("p0", "hu0", ("t0",))
    play.join("bob", "pack")
    assert assigned(play.plan(closing)) == {"bob": "p0"}
    assert [m.order_id for m in of(OrderStarted, play.done("bob", closing))] == ["order-hu3"]


def test_a_unit_that_could_not_be_packed_keeps_its_place() -> None:
    play = Play()
    tasks = [pick(f"t{n}", f"hu{n}") for n in range(4)]
    play.plan(*tasks)
    play.join("ann", "pick")
    play.done("ann", tasks[0])
    play.join("bob", "pack")
    closing = pack("p0", "hu0", ())
    play.plan(closing)
    assert of(OrderStarted, play.done("bob", closing, quantity=0)) == []
    assert assigned(play.plan(pack("p1", "hu0", ()))) == {"bob": "p1"}


def test_a_unit_nothing_was_found_for_gives_its_place_away() -> None:
    play = Play()
    tasks = [pick(f"t{n}", f"hu{n}") for n in range(4)]
    play.plan(*tasks)
    play.join("ann", "pick")
    assert [m.order_id for m in of(OrderStarted, play.done("ann", tasks[0], quantity=0))] == ["order-hu3"]


def test_the_most_urgent_waits_first_and_priority_counts() -> None:
    play = Play()
    first = [pick(f"t{n}", f"hu{n}") for n in range(3)]
    play.plan(*first)
    has: dict[str, str] = {}
    for n in range(3):
        has |= {task: who for who, task in assigned(play.join(f"p{n}", "pick")).items()}
    play.plan(
        pick("late", "hu-late", due_ms=T0 + 200 * MINUTE),
        pick("soon", "hu-soon", due_ms=T0 + 100 * MINUTE),
        pick("vip", "hu-vip", due_ms=T0 + 110 * MINUTE, priority=1),
    )
    started = []
    for task in first:
        started += [m.order_id for m in of(OrderStarted, play.done(has[task.task_id], task, quantity=0))]
    assert started == ["order-hu-vip", "order-hu-soon", "order-hu-late"]


def test_nobody_waits_for_ever() -> None:
    play = Play()
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(3)))
    play.join("ann", "pick")
    play.plan(pick("far", "hu-far", due_ms=T0 + 8 * 60 * MINUTE))
    current = "t0"
    for round_ in range(1, 200):
        play.now += 5 * MINUTE
        play.plan(pick(f"n{round_}", f"hu-n{round_}", due_ms=play.now + 60 * MINUTE))
        record = play.engine.save().tasks[current]
        out = play.done("ann", record.task, quantity=0)
        if "order-hu-far" in [m.order_id for m in of(OrderStarted, out)]:
            assert play.now < T0 + 7 * 60 * MINUTE
            return
        current = assigned(out)["ann"]
    raise AssertionError("the order with a far cutoff was never let in")


def test_loading_and_putting_away_have_no_limit() -> None:
    play = Play()
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(4)))
    away = pick("a1", "", kind=TaskKind.PUTAWAY, skill="putaway", source="RECV-1", target="A-01-01-1", order_id="")
    for n in range(5):
        play.join(f"p{n}", "load", "putaway")
    loads = [load(f"l{n}", f"x{n}", "sorter1/L01") for n in range(4)]
    assert len(assigned(play.plan(away, *loads))) == 5


def test_a_conveyor_that_is_down_holds_new_orders_back() -> None:
    play = Play()
    play.all_run()
    play.machine("conveyor1", PackMl.HELD)
    out = play.plan(pick("t1", "hu1"))
    assert [m.reason for m in of(OrderHeldBack, out)] == ["MACHINE_DOWN conveyor1"]
    assert [m.order_id for m in of(OrderStarted, play.machine("conveyor1"))] == ["order-hu1"]
    play.machine("sorter1", link=Link.LOST)
    assert [m.reason for m in of(OrderHeldBack, play.plan(pick("t2", "hu2")))] == ["MACHINE_DOWN sorter1"]


def test_units_for_a_robot_that_is_down_do_not_block_the_zone() -> None:
    play = Play()
    play.all_run()
    play.machine("robot1", PackMl.ABORTED)
    robots = [
        pick(f"r{n}", f"hu-r{n}", zone="B", source="B-01-01-1", robot_only=True, due_ms=T0 + 30 * MINUTE)
        for n in range(3)
    ]
    out = play.plan(*robots, pick("t1", "hu1", zone="B", source="B-01-01-1"))
    assert {m.reason for m in of(OrderHeldBack, out)} == {"MACHINE_DOWN robot1"}
    assert assigned(play.join("ann")) == {"ann": "t1"}
    assert "order-hu-r0" in [m.order_id for m in of(OrderStarted, play.machine("robot1"))]


def roomy(**changes: Any) -> Site:
    """The small site with a zone A that holds ten units; `changes` are its other limits."""
    zone = Zone(zone="A", wip_max=10, pack_station="PACK-A", conveyor="conveyor1", **changes)
    return small_site(zones=(zone, *small_site().zones[1:]))


def known_routes(site: Site | None = None) -> Play:
    """Machines run, and a departure leaves on each route in two hours."""
    play = Play(site=site or roomy())
    play.all_run()
    for route in ("north", "south"):
        play.departure(f"{route}-1", route, T0 + 120 * MINUTE)
    return play


def lane(play: Play, number: int, **words: bool) -> list[Message]:
    said = {"enabled": True, "full": False, "jam": False} | words
    return play.tell(LaneChanged(at_ms=play.now, machine_id="sorter1", lane=number, **said))


def started(messages: list[Message]) -> list[str]:
    return [each.order_id for each in of(OrderStarted, messages)]


def held(messages: list[Message]) -> list[tuple[str, str]]:
    return [(each.order_id, each.reason) for each in of(OrderHeldBack, messages)]


def fill_and_pack(play: Play, hu: str, task: Task, closing: Task) -> list[Message]:
    """ann picks, bob packs; what follows from the pack."""
    play.done("ann", task)
    out = play.done("bob", closing)
    return out + play.packed(hu)


def to_lane(play: Play, hu: str, number: int) -> list[Message]:
    """Along the belt, over the sorter, into a lane."""
    play.scan("conveyor1", hu)
    play.report("conveyor1", play.seq, SortResult.HANDOVER)
    play.scan("sorter1", hu)
    return play.report("sorter1", play.seq, SortResult.DIVERTED, number)


def test_a_reason_names_the_numbers_of_every_limit() -> None:
    play = known_routes(roomy(station_max=4))
    out = play.plan(pick("t1", "hu1"))
    assert [each.reason for each in of(OrderStarted, out)] == [
        f"slack {slack_of(play, 'hu1')} min, zone A 1/10, station PACK-A 0/4, lanes north 1/12"
    ]


def slack_of(play: Play, hu: str) -> int:
    return (play.engine.floor.state.wip[hu].last_ms - play.now) // MINUTE


def test_a_full_pack_station_lets_nobody_in() -> None:
    play = known_routes(roomy(station_max=2))
    picks = [pick(f"t{n}", f"hu{n}") for n in range(4)]
    closings = [pack(f"p{n}", f"hu{n}", (f"t{n}",)) for n in range(4)]
    play.join("ann", "pick")
    for task, closing in zip(picks[:2], closings[:2], strict=True):
        assert len(started(play.plan(task, closing))) == 1
        play.done("ann", task)
    out = play.plan(picks[2], closings[2], picks[3], closings[3])
    assert held(out) == [("order-hu2", "STATION PACK-A 2/2"), ("order-hu3", "STATION PACK-A 2/2")]
    why = explain.why_task(play.engine.floor, "t2")
    assert "2 units wait at PACK-A, where 2 may" in why
    play.join("bob", "pack")
    has = play.engine.floor.state.resources["bob"].task_id
    # At the station there is room for one now; whom it lets in stands in the zone and not yet there.
    assert started(play.done("bob", closings[int(has[1:])])) == ["order-hu2", "order-hu3"]


def test_lanes_that_are_shut_hold_back_their_route_and_no_other() -> None:
    play = known_routes()
    lane(play, 1, full=True)
    lane(play, 2, jam=True)
    lane(play, 4, enabled=False)
    north = [pick(f"n{n}", f"hu-n{n}", due_ms=T0 + 60 * MINUTE) for n in range(3)]
    south = [pick(f"s{n}", f"hu-s{n}", departure_id="south-1") for n in range(2)]
    out = play.plan(*north, *south)
    assert started(out) == ["order-hu-n0", "order-hu-s0", "order-hu-s1"], "one of a route may always be on its way"
    shut = "sorter1/L01 full, sorter1/L02 jammed, sorter1/L04 disabled"
    assert held(out) == [("order-hu-n1", f"LANES north 1/0: {shut}"), ("order-hu-n2", f"LANES north 1/0: {shut}")]
    why = explain.why_task(play.engine.floor, "n2")
    assert f"the lanes of route north have room for 0, and 1 are on their way ({shut}), 1 go before it" in why
    assert started(lane(play, 1)) == ["order-hu-n1", "order-hu-n2"]


def test_a_full_lane_that_is_being_emptied_has_room() -> None:
    play = known_routes()
    for number in (1, 2, 4):
        lane(play, number, full=True)
    play.plan(*(pick(f"n{n}", f"hu-n{n}") for n in range(3)))
    play.join("lou", "load")
    out = play.plan(load("l1", "x1", "sorter1/L01"))
    assert assigned(out) == {"lou": "l1"}
    assert started(play.tell(ResourceLeft(at_ms=play.now, resource_id="nobody", reason=""))) == [
        "order-hu-n1",
        "order-hu-n2",
    ]


def test_units_on_belts_and_in_lanes_take_the_room_of_their_route() -> None:
    play = known_routes()
    lane(play, 2, enabled=False)
    lane(play, 4, enabled=False)
    picks = [pick(f"t{n}", f"hu{n}") for n in range(6)]
    closings = [pack(f"p{n}", f"hu{n}", (f"t{n}",)) for n in range(6)]
    out = play.plan(*picks, *closings)
    assert started(out) == [f"order-hu{n}" for n in range(4)]
    assert {reason.split(":")[0] for _, reason in held(out)} == {"LANES north 4/4"}
    play.join("ann", "pick")
    play.join("bob", "pack")
    first = play.engine.floor.state.resources["ann"].task_id[1:]
    hu = f"hu{first}"
    assert started(fill_and_pack(play, hu, picks[int(first)], closings[int(first)])) == [], "it is on the belt"
    assert started(to_lane(play, hu, 1)) == [], "it lies in the lane"
    play.join("lou", "load")
    task = load("l1", hu, "sorter1/L01")
    play.plan(task)
    assert started(play.done("lou", task)) == ["order-hu4"]


def test_a_conveyor_that_is_down_bars_the_lanes_of_a_known_route() -> None:
    play = known_routes()
    play.machine("conveyor1", PackMl.HELD)
    assert held(play.plan(pick("t1", "hu1"))) == [("order-hu1", "MACHINE_DOWN conveyor1")]
    assert started(play.machine("conveyor1")) == ["order-hu1"]
    play.machine("sorter1", link=Link.LOST)
    assert held(play.plan(pick("t2", "hu2"))) == [("order-hu2", "MACHINE_DOWN sorter1")]
    assert play.engine.floor.network.reachable("PACK-A", "sorter1/L01") is False


def test_every_limit_is_said_once() -> None:
    play = known_routes()
    for number in (1, 2, 4):
        lane(play, number, full=True)
    out = play.plan(pick("n0", "hu-n0"), *(pick(f"n{n}", f"hu-n{n}", order_id="big") for n in range(1, 4)))
    out += lane(play, 1, full=True, jam=True)
    out += play.machine("sorter1", PackMl.HELD)
    assert [reason.split(":")[0] for who, reason in held(out) if who == "big"] == [
        "LANES north 1/0",
        "MACHINE_DOWN sorter1",
    ]


def test_what_cannot_be_in_time_is_let_in_last_and_it_is_said() -> None:
    play = Play()
    play.departure("north-1", "north", T0 + 5 * MINUTE)
    play.departure("north-2", "north", T0 + 240 * MINUTE)
    play.plan(*(pick(f"t{n}", f"hu{n}", departure_id="south-1") for n in range(3)))
    play.join("ann", "pick")
    lost = pick("lost", "hu-lost", due_ms=T0 + 5 * MINUTE, quantity=50)
    out = play.plan(lost, pick("can", "hu-can", due_ms=T0 + 200 * MINUTE, departure_id="south-1"))
    cannot = f"needs {needs(play, lost)} min, 5 min left"
    assert ("order-hu-lost", f"CANNOT_MAKE north-1: {cannot}") in held(out)
    assert f"it cannot make north-1: {cannot}" in explain.why_task(play.engine.floor, "lost")
    came: list[str] = []
    while len(came) < 2:
        out = play.done("ann", task_of(play, "ann"), quantity=0)
        came += started(out)
    assert came == ["order-hu-can", "order-hu-lost"]
    assert of(OrderStarted, out)[0].reason.startswith(f"cannot make north-1: {cannot}, zone A")


def needs(play: Play, task: Task) -> int:
    estimates = play.engine.floor.estimates
    return -(-(estimates.work_ms(task.kind, task.zone) + estimates.tail_ms(task.kind, task.zone)) // MINUTE)


def task_of(play: Play, who: str) -> Task:
    floor = play.engine.floor
    return floor.state.tasks[floor.state.resources[who].task_id].task


def test_a_unit_that_has_waited_too_long_says_so_when_it_turns_late() -> None:
    play = Play()
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(3)))
    play.plan(pick("t3", "hu3", due_ms=T0 + 60 * MINUTE))
    play.now = T0 + 59 * MINUTE
    out = play.plan(pick("t4", "hu4", due_ms=play.now + 100 * MINUTE))
    assert [who for who, reason in held(out) if reason.startswith("CANNOT_MAKE north-1: needs")] == ["order-hu3"]
    assert [head.hu_id for head in play.engine.floor.room.heads("A")] == ["hu4"]


def test_an_order_that_was_late_from_the_start_goes_in_with_a_word() -> None:
    play = Play()
    out = play.plan(pick("t1", "hu1", due_ms=T0 - 2 * MINUTE))
    assert held(out) == []
    assert of(OrderStarted, out)[0].reason.startswith("cannot make north-1: needs")
    assert "due 2 min ago" in of(OrderStarted, out)[0].reason
    out = play.plan(pick("t2", "hu2", order_id="order-hu1", due_ms=T0 - 2 * MINUTE))
    assert held(out) == [], "the order has been told"
    play.plan(pick("t3", "hu3", order_id="in-time"))
    out = play.plan(pick("t4", "hu4", order_id="in-time", due_ms=T0 - 1))
    assert [reason.split(":")[0] for _, reason in held(out)] == ["ZONE_WIP A 3/3", "CANNOT_MAKE north-1"]


def test_what_is_begun_is_finished_first_but_not_at_any_price() -> None:
    play = Play()
    play.join("ann", "pick")
    play.plan(pick("b0", "hu-b0", order_id="big"), pick("x1", "hu-x1"), pick("x2", "hu-x2"))
    play.plan(
        pick("small", "hu-small"),
        pick("b1", "hu-b1", order_id="big"),
        pick("soon", "hu-soon", due_ms=T0 + 119 * MINUTE - BEGUN_MS),
    )
    assert [wip.hu_id for wip in waiting_in_order(play)] == ["hu-soon", "hu-b1", "hu-small"]


def waiting_in_order(play: Play) -> list[Any]:
    outside = [wip for wip in play.engine.floor.state.wip.values() if not wip.inside]
    return sorted(outside, key=lambda wip: (wip.rank, wip.number))


def test_an_order_that_begins_takes_its_other_units_along() -> None:
    play = Play()
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(2)))
    play.plan(pick("small", "hu-small"))
    play.plan(*(pick(f"b{n}", f"hu-b{n}", order_id="big", due_ms=T0 + 121 * MINUTE) for n in range(2)))
    play.plan(pick("other", "hu-other"))
    play.join("ann", "pick")
    assert [wip.hu_id for wip in waiting_in_order(play)] == ["hu-other", "hu-b0", "hu-b1"]
    play.done("ann", task_of(play, "ann"), quantity=0)
    play.done("ann", task_of(play, "ann"), quantity=0)
    assert [wip.hu_id for wip in waiting_in_order(play)] == ["hu-b1"]


@pytest.mark.parametrize("urgent", [20, 40])
def test_a_large_order_is_not_starved_by_small_urgent_ones(urgent: int) -> None:
    """A stream of small orders that fills the zone alone; each wants to leave sooner than the large one."""
    play = Play()
    big = [pick(f"big{n}", f"hu-big{n}", order_id="big", due_ms=T0 + 300 * MINUTE) for n in range(30)]
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(3)))
    play.plan(*big)
    for name in ("ann", "bob"):
        play.join(name, "pick")
    begun_ms, left = 0, {task.task_id for task in big}
    for round_ in range(600):
        play.now += MINUTE
        play.plan(*(pick(f"s{round_}-{n}", f"hs{round_}-{n}", due_ms=play.now + urgent * MINUTE) for n in range(2)))
        for name in ("ann", "bob"):
            task = task_of(play, name)
            left.discard(task.task_id)
            if "big" in started(play.done(name, task, quantity=0)):
                begun_ms = play.now
        if not left:
            assert 0 < begun_ms < T0 + 300 * MINUTE
            return
    raise AssertionError(f"{len(left)} units of the large order never got their turn")


def test_withdrawn_units_never_enter() -> None:
    play = Play()
    tasks = [pick(f"t{n}", f"hu{n}") for n in range(5)]
    play.plan(*tasks)
    play.tell(TaskWithdrawn(at_ms=play.now, site="S1", task_id="t3", reason="HOLD"))
    play.join("ann", "pick")
    out: list[Message] = []
    for _ in range(4):
        out += play.done("ann", task_of(play, "ann"), quantity=0)
    assert started(out) == ["order-hu4"]
    assert play.engine.floor.state.wip == {}
    assert play.engine.floor.room.waiting == {}


def test_a_unit_that_is_moved_to_another_departure_changes_its_line() -> None:
    play = known_routes()
    for number in (1, 2, 4):
        lane(play, number, full=True)
    play.plan(pick("n0", "hu-n0"), pick("n1", "hu-n1"))
    amended = TaskAmended(
        at_ms=T0, site="S1", task_id="n1", departure_id="south-1", due_ms=T0 + 90 * MINUTE, priority=5
    )
    out = play.tell(amended)
    assert started(out) == ["order-hu-n1"]
    assert play.engine.floor.room.filling == {"north-1": 1, "south-1": 1}


TIGHT = small_site(
    zones=(
        Zone(zone="A", wip_max=4, pack_station="PACK-A", conveyor="conveyor1", station_max=1),
        Zone(zone="B", wip_max=3, pack_station="PACK-B", conveyor="conveyor2", station_max=2),
    ),
    machines=tuple(
        replace(machine, lanes=tuple(replace(each, capacity=1) for each in lanes()))
        if machine.kind == "sorter"
        else machine
        for machine in small_site().machines
    ),
)
CALM = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
MOVES = st.lists(
    st.tuples(st.integers(0, len(EVENTS) - 1), st.integers(0, 30), st.integers(0, 60)), min_size=30, max_size=150
)


def tight_opening(world: World) -> list[Message]:
    first, *machines = opening(world, "rolling")
    assert isinstance(first, SiteOpened)
    planned = [event(world, a, 2) for a in range(3) for event in EVENTS if event.__name__ == "departure"]
    return [replace(first, site=TIGHT), *machines, *(each for each in planned if each is not None)]


def room_of(engine: Engine, route: str) -> int:
    """Units the lanes of a route can take, counted from the records alone."""
    state, total = engine.floor.state, 0
    unloaded = [
        state.tasks[each.task_id].task.source
        for each in state.resources.values()
        if each.task_id and state.tasks[each.task_id].task.kind in (TaskKind.LOAD, TaskKind.CARRY)
    ]
    table = state.machines["sorter1"].lanes
    for config in lanes():
        at = table.lanes.index(config.lane)
        if route not in (*config.routes, *config.alternate_for) or table.closed[at] & (DISABLED | JAM):
            continue
        if lane_location("sorter1", config.lane) in unloaded:
            total += 1
        elif not table.closed[at] & FULL:
            total += max(0, 1 - table.load[at] - table.bound[at])
    return total


def on_way_of(engine: Engine, route: str) -> int:
    """Units of a route inside a zone or on a belt, counted from the records alone."""
    state = engine.floor.state
    routes = {name: departure.route for name, departure in state.departures.items()}
    inside = sum(1 for wip in state.wip.values() if wip.inside and routes.get(wip.departure_id) == route)
    sorter = state.machines["sorter1"]
    riding = {name: ride for name, ride in sorter.riding.items() if ride.boot == sorter.boot}
    belts = {name for machine in state.machines.values() for name in machine.queue} | set(riding)
    for name in belts:
        unit, ride = state.units.get(name), riding.get(name)
        inside += unit is None and routes.get(state.unreported.get(name, "")) == route
        if unit is not None and unit.route == route and unit.place in (UnitPlace.CONVEYOR, UnitPlace.SORTER):
            inside += not (ride is not None and ride.lane)
    return inside


def same_counted_anew(engine: Engine) -> None:
    floor = engine.floor
    anew = Room(floor.state, floor.zones, floor.hu_tasks)
    anew.take_up()
    for name in ("inside", "at_station", "filling", "waiting"):
        assert getattr(floor.room, name) == getattr(anew, name), name
    for zone in floor.zones:
        assert floor.room.heads(zone) == anew.heads(zone)


def no_limit_passed(engine: Engine, came: list[str]) -> None:
    """What holds after an event that let units in: it let in no more than fitted."""
    floor = engine.floor
    for zone in floor.zones.values():
        assert floor.room.inside.get(zone.zone, 0) <= zone.wip_max
        if any(floor.state.wip[hu].zone == zone.zone for hu in came):
            assert floor.room.at_station.get(zone.pack_station, 0) <= zone.station_max
    for route in {floor.state.departures[floor.state.wip[hu].departure_id].route for hu in came if known(floor, hu)}:
        assert on_way_of(engine, route) <= max(1, room_of(engine, route))


def known(floor: Any, hu: str) -> bool:
    route = floor.state.departures.get(floor.state.wip[hu].departure_id)
    return route is not None and route.route in ("north", "south")


@CALM
@given(moves=MOVES)
def test_the_limits_hold_and_the_counts_are_true_whatever_happens(moves: list[tuple[int, int, int]]) -> None:
    engine, world = Engine(), World()
    messages: list[Message | None] = [*tight_opening(world)]
    for message in [*messages, *moves]:
        told = next_message(world, message) if isinstance(message, tuple) else message
        if told is None:
            continue
        before = {hu for hu, wip in engine.floor.state.wip.items() if wip.inside}
        for each in engine.handle(told, world.now):
            world.hear(each)
        same_counted_anew(engine)
        no_limit_passed(engine, [hu for hu, wip in engine.floor.state.wip.items() if wip.inside and hu not in before])


@CALM
@given(moves=MOVES, every=st.integers(1, 20))
def test_tight_limits_are_the_same_after_the_disk(moves: list[tuple[int, int, int]], every: int) -> None:
    engine, world = Engine(), World()
    for message in tight_opening(world):
        engine.handle(message, world.now)
    for number, move in enumerate(moves):
        told = next_message(world, move)
        if told is None:
            continue
        twin = through_disk(engine) if number % every == 0 else None
        out = engine.handle(told, world.now)
        for each in out:
            world.hear(each)
        if twin is not None:
            assert of(OrderStarted | OrderHeldBack, twin.handle(told, world.now)) == of(
                OrderStarted | OrderHeldBack, out
            )
            assert twin.floor.state.wip == engine.floor.state.wip
            assert twin.floor.state.orders == engine.floor.state.orders


def test_the_random_day_reaches_every_limit() -> None:
    engine, world, seen = Engine(), World(), set()
    for message in tight_opening(world):
        engine.handle(message, world.now)
    for number in range(4000):
        told = next_message(world, (number * 11 % len(EVENTS), number * 17 % 31, number * 5 % 61))
        if told is None:
            continue
        out = engine.handle(told, world.now)
        for each in out:
            world.hear(each)
        seen |= {reason.split()[0] for _, reason in held(out)}
    assert seen == {"ZONE_WIP", "STATION", "LANES", "MACHINE_DOWN", "CANNOT_MAKE", "WAY_FULL"}
