"""From the reserve down to the pick faces: on demand and from minimum to maximum, short, found, and the cutoff."""

from dataclasses import replace

from edge.messages import (
    AsnAnnounced,
    AsnLine,
    Item,
    ItemsListed,
    LineShorted,
    OrderShipped,
    Site,
    StockLevel,
    StockMoved,
    Task,
    TaskAmended,
    TaskKind,
    TasksPlanned,
    TaskWithdrawn,
)
from tests.wms.hall import HOUR, ITEMS, RESERVE, Hall, completed, departure, one, only, order, rolled, stock
from tests.wms.test_receiving import put, received

FACE, FACE_2, ABOVE, ABOVE_2 = "A-01-01-1", "A-01-02-1", "A-02-01-3", "A-02-02-2"
ON_DEMAND = replace(RESERVE, face_min_percent=0)
"""Nothing comes down before an order wants it."""


def refills(hall: Hall) -> list[Task]:
    return hall.of_kind(TaskKind.REPLENISH)


def ways(hall: Hall) -> list[tuple[str, str, int, str]]:
    return [(task.source, task.target, task.quantity, task.departure_id) for task in refills(hall)]


def picks(hall: Hall) -> list[tuple[str, int, bool]]:
    """Where, how many, and whether it waits for a replenishment."""
    return [(task.source, task.quantity, task.after != ()) for task in hall.of_kind(TaskKind.PICK)]


def taken_from_above(*lines: tuple[str, str, int], site: Site = ON_DEMAND, wants: int = 3) -> tuple[Hall, Task, Task]:
    """An order of `wants` bolts that only the reserve has: the replenishment, and the pick that waits for it."""
    hall = Hall(stock("bolt", ABOVE, 20), *(stock(*line) for line in lines), site=site)
    hall.send(order("1", ("bolt", wants)))
    (refill,), (pick,) = refills(hall), hall.of_kind(TaskKind.PICK)
    return hall, refill, pick


def test_what_only_the_reserve_has_comes_down_first_and_fills_the_face_up():
    hall, refill, pick = taken_from_above()
    assert (refill.source, refill.target, refill.zone, refill.skill) == (ABOVE, FACE, "A", "replenish")
    assert (refill.quantity, refill.barcode, refill.sku) == (3 + RESERVE.face_max, "bolt", "bolt")
    assert (pick.source, pick.quantity, pick.after) == (FACE, 3, (refill.task_id,))
    (moved,) = only(StockMoved, hall.done(refill))
    assert (moved.source, moved.target, moved.quantity, moved.cause) == (ABOVE, FACE, 11, "replenish")
    hall.do_all(TaskKind.PICK, TaskKind.PACK)
    assert (hall.on_hand(FACE, "bolt"), hall.on_hand(ABOVE, "bolt")) == (8, 9)


def test_it_carries_the_cutoff_of_the_order_that_waits():
    _, refill, _ = taken_from_above()
    assert (refill.departure_id, refill.due_ms, refill.priority) == ("N1", HOUR, 5)
    assert refill.order_id == ""


def test_the_most_urgent_order_that_waits_decides_and_leaves_again():
    hall, refill, _ = taken_from_above(wants=1)
    hall.send(departure("E1", HOUR // 2))
    urgent = replace(order("2", ("bolt", 2), departure_id="E1", priority=1), due_ms=HOUR // 2)
    amended = one(TaskAmended, hall.send(urgent))
    assert (amended.task_id, amended.departure_id, amended.due_ms, amended.priority) == (
        refill.task_id,
        "E1",
        HOUR // 2,
        1,
    )
    assert [pick.after for pick in hall.of_kind(TaskKind.PICK)] == [(refill.task_id,)] * 2, "one brings for both"
    hall.send(departure("N2", 3 * HOUR))
    later = hall.send(rolled("2", "E1", "N2", due_ms=3 * HOUR))
    back = [each for each in only(TaskAmended, later) if each.task_id == refill.task_id]
    assert [(each.departure_id, each.due_ms, each.priority) for each in back] == [("N1", HOUR, 5)]


def test_the_faces_go_first_and_only_what_they_lack_comes_down():
    hall = Hall(stock("bolt", ABOVE, 20), stock("bolt", FACE_2, 2), site=ON_DEMAND)
    hall.send(order("1", ("bolt", 5)))
    assert ways(hall) == [(ABOVE, FACE_2, 11, "N1")]
    assert sorted(picks(hall)) == [(FACE_2, 2, False), (FACE_2, 3, True)]


def test_what_expires_first_goes_first_even_from_above():
    hall = Hall(
        stock("bolt", FACE, 9, expiry="2031-01-01"), stock("bolt", ABOVE, 4, expiry="2030-01-01"), site=ON_DEMAND
    )
    hall.send(order("1", ("bolt", 6)))
    assert sorted(picks(hall)) == [(FACE, 2, False), (FACE, 4, True)]


def test_below_its_minimum_a_face_is_filled_up_and_nobody_waits():
    hall = Hall(stock("bolt", FACE, 6), stock("bolt", ABOVE, 20), site=RESERVE)
    assert ways(hall) == [], "6 of 8 is above the half"
    hall.send(order("1", ("bolt", 3)))
    assert ways(hall) == [(ABOVE, FACE, 5, "")]
    assert picks(hall) == [(FACE, 3, False)]
    (refill,) = refills(hall)
    assert refill.due_ms > HOUR
    assert hall.levels["bolt"] == StockLevel(sku="bolt", on_hand=26, available=23), "what comes down may be promised"


def test_an_article_may_have_its_own_minimum_and_maximum():
    hall = Hall(site=RESERVE)
    hall.send(ItemsListed(at_ms=0, items=(Item(sku="bolt", face_min=2, face_max=30),)))
    hall.send(AsnAnnounced(at_ms=0, site="hall", asn_id="asn1", lines=(AsnLine(sku="bolt", quantity=40),)))
    above = put(hall, received("in1", 40, sku="bolt"))
    assert above.target == "A-01-01-2", "goods in go to the reserve"
    hall.done(above)
    assert ways(hall) == [("A-01-01-2", FACE, 30, "")]


def test_a_filling_up_that_an_order_comes_to_wait_for_becomes_urgent():
    hall = Hall(stock("bolt", ABOVE, 20), site=RESERVE)
    (refill,) = refills(hall)
    assert refill.departure_id == ""
    out = hall.send(order("1", ("bolt", 3)))
    amended = one(TaskAmended, out)
    assert (amended.task_id, amended.departure_id, amended.due_ms) == (refill.task_id, "N1", HOUR)
    asked = one(TasksPlanned, out).tasks
    assert [task.after for task in asked if task.kind is TaskKind.PICK] == [(refill.task_id,)]


def test_short_brings_what_is_there_and_looks_elsewhere_for_the_rest():
    hall, refill, pick = taken_from_above(("bolt", ABOVE_2, 9), wants=6)
    out = hall.done(refill, 2)
    assert one(TaskWithdrawn, out).task_id == pick.task_id
    assert [(m.cause, m.quantity) for m in only(StockMoved, out)] == [("replenish", 2), ("short_replenish", 18)]
    assert sorted(picks(hall)) == [(FACE, 2, False), (FACE, 4, True)]
    assert ways(hall) == [(ABOVE_2, FACE, 9, "N1")]
    assert only(LineShorted, out) == []


def test_none_found_and_nothing_elsewhere_is_an_explicit_shortage():
    hall, refill, _ = taken_from_above()
    out = hall.done(refill, 0)
    assert [(short.quantity, short.reason) for short in only(LineShorted, out)] == [(3, "SHORT_PICK")]
    assert one(OrderShipped, out).lines == ()
    assert (hall.tasks, hall.on_hand(ABOVE, "bolt")) == ({}, 0)


def test_a_short_one_serves_the_most_urgent_with_what_came():
    hall, refill, _ = taken_from_above()
    hall.send(order("2", ("bolt", 4), priority=1))
    shorted = only(LineShorted, hall.done(refill, 4))
    assert [(short.order_id, short.quantity) for short in shorted] == [("1", 3)]


def test_two_from_one_location_end_together_when_it_is_empty():
    hall, first, _ = taken_from_above()
    hall.send(order("2", ("bolt", 15)))
    second = refills(hall)[1]
    assert ways(hall) == [(ABOVE, FACE, 11, "N1"), (ABOVE, FACE, 9, "N1")]
    out = hall.done(first, 0)
    assert [gone.task_id for gone in only(TaskWithdrawn, out)][-1] == second.task_id, "after the picks behind it"
    assert (hall.tasks, sum(short.quantity for short in only(LineShorted, out))) == ({}, 18)
    late = hall.send(completed(second, 2))
    assert [(m.cause, m.quantity) for m in only(StockMoved, late)] == [("found", 2), ("replenish", 2)]
    assert only(StockMoved, hall.send(completed(second, 2))) == [], "it ends once"


def test_a_short_pick_at_the_face_leaves_those_who_wait_alone():
    hall, refill, _ = taken_from_above(wants=1)
    hall.done(refill)
    hall.send(order("2", ("bolt", 8)))
    hall.send(order("3", ("bolt", 5)))
    of = {task.order_id: task for task in hall.of_kind(TaskKind.PICK)}
    (second,) = refills(hall)
    assert of["3"].after == (second.task_id,)
    withdrawn = [gone.task_id for gone in only(TaskWithdrawn, hall.done(of["1"], 0))]
    assert withdrawn == [of["2"].task_id]
    assert of["3"].task_id in hall.tasks


def test_without_a_free_face_it_is_picked_from_the_reserve():
    faces = [f"A-{aisle:02}-{bay:02}-1" for aisle in (1, 2) for bay in (1, 2, 3)]
    faces += [f"{rack}-01-{bay:02}-1" for rack in "BR" for bay in (1, 2, 3)]
    hall = Hall(stock("bolt", ABOVE, 20), *(stock("sofa", face, 1) for face in faces), site=ON_DEMAND)
    hall.send(order("1", ("bolt", 3)))
    assert (ways(hall), picks(hall)) == ([], [(ABOVE, 3, False)])
    hall.do_all(TaskKind.PICK)
    assert hall.on_hand(ABOVE, "bolt") == 17


def test_goods_only_people_handle_do_not_come_down_to_a_robot():
    hall = Hall(stock("acid", "B-01-01-2", 9), *(stock("sofa", f"B-01-{n:02}-1", 1) for n in (1, 2, 3)), site=ON_DEMAND)
    hall.send(order("1", ("acid", 2)))
    (refill,) = refills(hall)
    assert (refill.target[0], refill.skill, refill.zone) == ("A", "replenish+hazmat", "B")
    assert next(item for item in ITEMS if item.sku == "acid").robot is False


def test_a_pick_told_before_its_replenishment_was_found_at_the_face():
    hall, refill, pick = taken_from_above()
    out = hall.done(pick)
    assert [(m.cause, m.quantity) for m in only(StockMoved, out)] == [("found", 3), ("pick", 3)]
    assert one(TaskAmended, out).departure_id == "", "nobody waits any more"
    hall.done(refill)
    hall.do_all(TaskKind.PACK)
    assert hall.on_hand(FACE, "bolt") == 11


def test_a_site_without_reserve_never_replenishes():
    hall = Hall(stock("bolt", FACE, 1))
    hall.send(order("1", ("bolt", 1)))
    assert [task.kind for task in hall.tasks.values()] == [TaskKind.PICK]
