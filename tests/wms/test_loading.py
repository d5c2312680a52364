"""Units come to rest, are carried, staged and loaded; each report counts once."""

from dataclasses import replace

from edge.messages import (
    AsnAnnounced,
    AsnLine,
    GoodsReceived,
    GoodsRefused,
    LaneAssigned,
    LineShorted,
    Message,
    OrderShipped,
    SiteOpened,
    StockMoved,
    TaskKind,
    TasksPlanned,
    TaskWithdrawn,
    UnitLoaded,
    UnitMissing,
    UnitStaged,
    UnitTurnedUp,
    UnitVoided,
)
from tests.wms.hall import (
    HOSPITAL,
    NORTH,
    NORTH_TOO,
    SITE,
    SOUTH,
    Hall,
    arrived,
    completed,
    departure,
    one,
    only,
    order,
    rolled,
    stock,
)


def packed(*kinds: TaskKind) -> tuple[Hall, str]:
    hall = Hall(stock("apple", "A-01-01-1", 9))
    hall.send(order("1", ("apple", 2)))
    hall.do_all(*(kinds or (TaskKind.PICK, TaskKind.PACK)))
    return hall, next(iter(hall.engine.save().units))


def test_in_its_lane_it_is_staged_and_shall_be_loaded():
    hall, hu_id = packed()
    out = hall.arrive(hu_id)
    staged = one(UnitStaged, out)
    assert (staged.hu_id, staged.order_id, staged.departure_id, staged.location) == (hu_id, "1", "N1", NORTH)
    (load,) = one(TasksPlanned, out).tasks
    assert (load.kind, load.zone, load.skill) == (TaskKind.LOAD, "DOCK", "load")
    assert (load.source, load.target, load.barcode, load.departure_id) == (NORTH, "N1", hu_id, "N1")
    assert hall.arrive(hu_id) == []
    loaded = one(UnitLoaded, hall.done(load))
    assert (loaded.hu_id, loaded.departure_id) == (hu_id, "N1")
    assert hall.done(load) == []


def test_an_alternate_lane_will_do():
    hall, hu_id = packed()
    assert one(UnitStaged, hall.arrive(hu_id, NORTH_TOO)).location == NORTH_TOO


def test_from_the_hospital_it_is_carried():
    hall, hu_id = packed()
    (carry,) = one(TasksPlanned, hall.arrive(hu_id, HOSPITAL)).tasks
    assert (carry.kind, carry.source, carry.target) == (TaskKind.CARRY, HOSPITAL, NORTH)
    assert hall.arrive(hu_id, HOSPITAL) == []
    assert one(UnitStaged, hall.done(carry)).location == NORTH
    assert [task.kind for task in hall.tasks.values()] == [TaskKind.LOAD]


def test_a_missing_unit_is_looked_for_and_may_turn_up_by_itself():
    hall, hu_id = packed()
    gone = UnitMissing(at_ms=0, hu_id=hu_id, machine_id="sorter1", reason="LOST")
    (search,) = one(TasksPlanned, hall.send(gone)).tasks
    assert (search.kind, search.source, search.target) == (TaskKind.CARRY, "sorter1", NORTH)
    assert hall.send(gone) == []
    out = hall.arrive(hu_id, NORTH)
    assert one(TaskWithdrawn, out).task_id == search.task_id
    assert only(UnitStaged, out)
    assert hall.send(completed(search)) == []


def test_a_search_that_fails_waits_for_the_next_report():
    hall, hu_id = packed()
    hall.send(UnitMissing(at_ms=0, hu_id=hu_id, machine_id="sorter1", reason="LOST"))
    (search,) = hall.of_kind(TaskKind.CARRY)
    assert hall.done(search, 0) == []
    (carry,) = one(TasksPlanned, hall.arrive(hu_id, SOUTH)).tasks
    assert (carry.source, carry.target) == (SOUTH, NORTH)


def lost_twice(hall: Hall, hu_id: str) -> list[Message]:
    """Not in its lane at loading, nor there when somebody looked, nor when the order had rolled."""
    hall.send(departure("N2", 7_200_000))
    hall.arrive(hu_id)
    (load,) = hall.of_kind(TaskKind.LOAD)
    hall.done(load, 0)
    (search,) = hall.of_kind(TaskKind.CARRY)
    assert hall.done(search, 0) == []
    (search,) = one(TasksPlanned, hall.send(rolled("1", "N1", "N2"))).tasks
    assert (search.kind, search.hu_id) == (TaskKind.CARRY, hu_id)
    return hall.done(search, 0)


def test_a_unit_that_nobody_finds_is_written_off_and_picked_anew():
    hall, hu_id = packed()
    out = lost_twice(hall, hu_id)
    assert [(m.source, m.target, m.cause) for m in only(StockMoved, out)] == [
        (f"hu:{hu_id}", "adjustment", "unit_lost")
    ]
    (again,) = [task for task in one(TasksPlanned, out).tasks if task.kind is TaskKind.PICK]
    assert (again.sku, again.quantity) == ("apple", 2)
    assert again.hu_id != hu_id
    hall.do_all(TaskKind.PICK, TaskKind.PACK)
    hall.arrive(again.hu_id)
    hall.do_all(TaskKind.LOAD)
    assert one(OrderShipped, hall.pass_time(7_200_000)).units == (again.hu_id,)


def test_a_unit_that_was_given_up_and_turns_up_goes_back_to_a_shelf_and_not_to_the_lorry():
    hall, hu_id = packed()
    out = lost_twice(hall, hu_id)
    assert one(UnitVoided, out).hu_id == hu_id
    hall.do_all(TaskKind.PICK, TaskKind.PACK)
    out = hall.arrive(hu_id, HOSPITAL)
    assert one(UnitTurnedUp, out).location == HOSPITAL
    assert [(m.source, m.target, m.quantity, m.cause) for m in only(StockMoved, out)] == [
        ("adjustment", f"hu:{hu_id}", 2, "unit_found")
    ]
    (away,) = one(TasksPlanned, out).tasks
    assert (away.kind, away.source, away.hu_id, away.quantity) == (TaskKind.PUTAWAY, HOSPITAL, hu_id, 2)
    assert hall.arrive(hu_id, HOSPITAL) == [], "once"
    moved = one(StockMoved, hall.done(away))
    assert (moved.source, moved.target) == (f"hu:{hu_id}", away.target)
    assert hall.on_hand("A-01-01-1", "apple") == 7, "nine, less the two that were picked anew"


def test_goods_of_a_unit_that_turned_up_stay_written_off_where_no_shelf_is_free():
    full = [f"{rack}-01-0{bay}-1" for rack in "ABR" for bay in (1, 2, 3)] + [f"A-02-0{bay}-1" for bay in (1, 2, 3)]
    hall = Hall(stock("apple", full[0], 2), *(stock("bolt", location, 1, lot=location) for location in full[1:]))
    hall.send(order("1", ("apple", 2)))
    hall.do_all(TaskKind.PICK, TaskKind.PACK)
    (hu_id,) = hall.engine.save().units
    lost_twice(hall, hu_id)
    hall.send(AsnAnnounced(at_ms=0, site="hall", asn_id="a", lines=(AsnLine(sku="acid", quantity=1),)))
    hall.send(GoodsReceived(at_ms=0, asn_id="a", hu_id="i1", sku="acid", lot="", quantity=1, by="ben"))
    out = hall.arrive(hu_id, HOSPITAL)
    assert one(GoodsRefused, out).reason == "NO_LOCATION"
    assert "2 of apple at" in one(GoodsRefused, out).detail
    assert not only(StockMoved, out)


def test_without_other_stock_what_was_in_it_is_short_and_the_order_ends():
    hall = Hall(stock("apple", "A-01-01-1", 2))
    hall.send(order("1", ("apple", 2)))
    hall.do_all(TaskKind.PICK, TaskKind.PACK)
    out = lost_twice(hall, next(iter(hall.engine.save().units)))
    short = one(LineShorted, out)
    assert (short.line, short.quantity, short.reason) == (1, 2, "UNIT_LOST")
    assert one(OrderShipped, out).lines == ()
    assert not hall.engine.save().orders


def test_a_unit_found_in_between_is_looked_for_anew():
    hall, hu_id = packed()
    hall.send(UnitMissing(at_ms=0, hu_id=hu_id, machine_id="sorter1", reason="LOST"))
    (search,) = hall.of_kind(TaskKind.CARRY)
    hall.done(search, 0)
    hall.arrive(hu_id)
    (load,) = hall.of_kind(TaskKind.LOAD)
    hall.done(load, 0)
    (search,) = hall.of_kind(TaskKind.CARRY)
    assert hall.done(search, 0) == [], "the first search of a new count"


def test_a_unit_that_is_not_in_its_lane_at_loading_is_looked_for():
    hall, hu_id = packed()
    hall.arrive(hu_id)
    (load,) = hall.of_kind(TaskKind.LOAD)
    (search,) = one(TasksPlanned, hall.done(load, 0)).tasks
    assert (search.kind, search.source) == (TaskKind.CARRY, NORTH)
    hall.done(search)
    assert len(hall.of_kind(TaskKind.LOAD)) == 1


def test_a_unit_that_arrives_before_the_packer_says_done_is_staged_then():
    hall, hu_id = packed(TaskKind.PICK)
    assert hall.arrive(hu_id) == []
    out = hall.do_all(TaskKind.PACK)
    assert one(UnitStaged, out).location == NORTH


def test_before_it_is_picked_and_for_strangers_nothing_happens():
    hall, hu_id = packed(TaskKind.LOAD)
    assert hall.arrive(hu_id) == []
    assert hall.send(arrived("000000000000000000")) == []


def test_a_route_without_a_lane_is_staged_where_it_comes_to_rest():
    hall = Hall(stock("apple", "A-01-01-1", 9))
    hall.send(order("1", ("apple", 2), route="east"))
    hall.do_all(TaskKind.PICK, TaskKind.PACK)
    (hu_id,) = hall.engine.save().units
    assert one(UnitStaged, hall.arrive(hu_id, HOSPITAL)).location == HOSPITAL


# Pool lanes

POOL = tuple(replace(lane, routes=(), alternate_for=(), pool=True) if lane.lane in (2, 3) else lane
             for lane in SITE.machines[0].lanes)  # fmt: skip
POOL_SITE = replace(SITE, machines=(replace(SITE.machines[0], lanes=POOL),))
FIRST, SECOND = SOUTH, NORTH_TOO


def given(lane: int, departure_id: str, order_id: str = "", also: tuple[str, ...] = ()) -> LaneAssigned:
    return LaneAssigned(
        at_ms=0, machine_id="sorter1", lane=lane, departure_id=departure_id, reason="", order_id=order_id, also=also
    )


def bound_for(route: str, departure_id: str) -> tuple[Hall, str]:
    """A packed unit on a site with two pool lanes, for a route that may have no lane of its own."""
    hall = Hall(stock("apple", "A-01-01-1", 9), site=POOL_SITE)
    hall.send(departure(departure_id, 3_600_000, route))
    hall.send(order("1", ("apple", 2), route=route, departure_id=departure_id))
    hall.do_all(TaskKind.PICK, TaskKind.PACK)
    return hall, next(iter(hall.engine.save().units))


def test_in_the_lane_given_to_its_departure_it_is_staged():
    hall, hu_id = bound_for("west", "W1")
    assert hall.send(given(2, "W1")) == []
    assert one(UnitStaged, hall.arrive(hu_id, FIRST)).location == FIRST


def test_in_the_lane_of_another_departure_it_is_carried_to_its_own():
    hall, hu_id = bound_for("west", "W1")
    hall.send(given(2, "E1"))
    hall.send(given(3, "W1"))
    (carry,) = one(TasksPlanned, hall.arrive(hu_id, FIRST)).tasks
    assert (carry.kind, carry.source, carry.target) == (TaskKind.CARRY, FIRST, SECOND)
    assert one(UnitStaged, hall.done(carry)).location == SECOND


def test_without_a_lane_of_its_own_it_waits_at_the_dock():
    hall, hu_id = bound_for("west", "W1")
    (carry,) = one(TasksPlanned, hall.arrive(hu_id, HOSPITAL)).tasks
    assert carry.target == "DOCK-1"
    assert one(UnitStaged, hall.done(carry)).location == "DOCK-1"


def test_a_lane_that_was_taken_back_is_nobodys():
    hall, hu_id = bound_for("west", "W1")
    hall.send(given(2, "W1"))
    hall.send(given(2, ""))
    assert one(TasksPlanned, hall.arrive(hu_id, FIRST)).tasks[0].kind is TaskKind.CARRY


def test_a_route_with_lanes_may_have_one_from_the_pool_too():
    hall, hu_id = bound_for("north", "N1")
    hall.send(given(3, "N1"))
    assert one(UnitStaged, hall.arrive(hu_id, SECOND)).location == SECOND
    other, hu_id = bound_for("north", "N1")
    assert one(TasksPlanned, other.arrive(hu_id, SECOND)).tasks[0].target == NORTH


def test_a_lane_for_a_wave_or_an_order():
    hall, hu_id = bound_for("west", "W1")
    hall.send(given(2, "E1", also=("S1", "W1")))
    assert only(UnitStaged, hall.arrive(hu_id, FIRST))
    hall, hu_id = bound_for("west", "W1")
    hall.send(given(2, "W1", order_id="other"))
    hall.send(given(3, "W1", order_id="1"))
    assert one(TasksPlanned, hall.arrive(hu_id, FIRST)).tasks[0].target == SECOND


def test_whose_a_lane_is_survives_a_restart_and_follows_the_configuration():
    hall, hu_id = bound_for("west", "W1")
    hall.send(given(2, "W1"))
    hall.engine = hall.saved()
    hall.engine.handle(SiteOpened(at_ms=0, site=POOL_SITE), hall.now_ms)
    assert only(UnitStaged, hall.saved().handle(arrived(hu_id, FIRST), hall.now_ms))
    fixed = hall.saved()
    fixed.handle(SiteOpened(at_ms=0, site=SITE), hall.now_ms)
    assert only(UnitStaged, fixed.handle(arrived(hu_id, HOSPITAL), hall.now_ms)), "a route without lanes: anywhere"


def test_a_unit_that_is_rolled_is_judged_by_its_new_departure():
    hall, hu_id = bound_for("west", "W1")
    hall.send(departure("W2", 7_200_000, "west"))
    hall.send(rolled("1", "W1", "W2"))
    hall.send(given(2, "W1"))
    (carry,) = one(TasksPlanned, hall.arrive(hu_id, FIRST)).tasks
    assert carry.target == "DOCK-1"
    hall.send(given(3, "W2"))
    assert only(UnitStaged, hall.arrive(hu_id, SECOND))
