"""Departures close once, with what is loaded; the rest is left behind and rolls."""

from edge.messages import (
    DepartureClosed,
    LineQuantity,
    OrderAdmitted,
    OrderRefused,
    OrderShipped,
    StockMoved,
    TaskAmended,
    TaskKind,
    UnitLoaded,
    UnitRerouted,
    UnitStaged,
    Woken,
)
from tests.wms.hall import HOUR, Hall, departure, one, only, order, rolled, stock

PACKED = (TaskKind.PICK, TaskKind.PACK)


def two_units() -> tuple[Hall, list[str]]:
    """Order "1" has a unit in zone A and one in zone B, both packed."""
    hall = Hall(stock("apple", "A-01-01-1", 9), stock("bolt", "B-01-01-1", 9))
    hall.send(departure("N2", 2 * HOUR))
    hall.send(order("1", ("apple", 2), ("bolt", 3)))
    hall.do_all(*PACKED)
    return hall, list(hall.engine.save().units)


def test_an_order_ships_with_the_departure_that_takes_its_last_unit():
    hall, (first, second) = two_units()
    for hu_id in (first, second):
        hall.arrive(hu_id)
    hall.do_all(TaskKind.LOAD)
    out = hall.pass_time(HOUR)
    shipped, closed = one(OrderShipped, out), one(DepartureClosed, out)
    assert shipped.lines == (
        LineQuantity(line=1, sku="apple", quantity=2),
        LineQuantity(line=2, sku="bolt", quantity=3),
    )
    assert (shipped.departure_id, shipped.units) == ("N1", (first, second))
    assert (closed.units, closed.orders, closed.left_behind) == ((first, second), ("1",), ())
    assert [(move.target, move.cause_id) for move in only(StockMoved, out)] == [("customer", "N1")] * 2
    assert hall.engine.totals().in_process == 0
    state = hall.engine.save()
    assert not state.orders
    assert not state.units
    assert not state.tasks


def test_each_departure_closes_once_also_an_empty_one():
    hall = Hall()
    assert hall.engine.wake_at_ms == HOUR
    closed = one(DepartureClosed, hall.pass_time(HOUR))
    assert (closed.departure_id, closed.units, closed.orders, closed.left_behind) == ("N1", (), (), ())
    assert hall.engine.wake_at_ms is None
    assert hall.send(Woken(at_ms=hall.now_ms)) == []
    hall.send(departure("N1", 3 * HOUR))
    assert hall.engine.wake_at_ms is None


def test_a_moved_cutoff_moves_the_closing():
    hall = Hall()
    hall.send(departure("N1", 3 * HOUR))
    assert hall.pass_time(HOUR) == []
    assert only(DepartureClosed, hall.pass_time(3 * HOUR))


def test_what_is_left_behind_rolls_and_the_order_ships_once_with_all_its_units():
    hall, (first, second) = two_units()
    hall.arrive(first)
    hall.do_all(TaskKind.LOAD)
    out = hall.pass_time(HOUR)
    closed = one(DepartureClosed, out)
    assert (closed.units, closed.orders, closed.left_behind) == ((first,), (), ("1",))
    assert not only(OrderShipped, out)
    assert hall.engine.totals().shipped == 2

    out = hall.send(rolled("1", "N1", "N2"))
    assert [(unit.hu_id, unit.departure_id) for unit in only(UnitRerouted, out)] == [(second, "N2")]
    assert hall.send(rolled("1", "N1", "N2")) == []
    assert one(UnitStaged, hall.arrive(second)).departure_id == "N2"
    hall.do_all(TaskKind.LOAD)
    out = hall.pass_time(2 * HOUR)
    assert one(OrderShipped, out).departure_id == "N2"
    assert one(OrderShipped, out).units == (first, second)
    assert one(DepartureClosed, out).units == (second,)


def test_a_roll_amends_open_tasks():
    hall = Hall(stock("apple", "A-01-01-1", 9), stock("bolt", "B-01-01-1", 9))
    hall.send(departure("N2", 2 * HOUR))
    hall.send(order("1", ("apple", 2), ("bolt", 3)))
    done, open_task = hall.of_kind(TaskKind.PICK)
    hall.done(done)
    (pack,) = hall.of_kind(TaskKind.PACK)
    out = hall.send(rolled("1", "N1", "N2", due_ms=7))
    amended = only(TaskAmended, out)
    assert [(task.task_id, task.departure_id, task.due_ms) for task in amended] == [
        (open_task.task_id, "N2", 7),
        (pack.task_id, "N2", 7),
    ]
    assert not only(UnitRerouted, out)
    assert one(DepartureClosed, hall.pass_time(HOUR)).left_behind == ()


def test_loaded_between_the_closing_and_the_roll_it_leaves_with_the_departure_the_order_rolls_to():
    hall, (first, second) = two_units()
    hall.arrive(first)
    hall.arrive(second)
    (load, other) = hall.of_kind(TaskKind.LOAD)
    hall.pass_time(HOUR)
    assert hall.done(load) == []
    assert one(UnitLoaded, hall.send(rolled("1", "N1", "N2"))).departure_id == "N2"
    assert [task.hu_id for task in hall.of_kind(TaskKind.LOAD)] == [second], "nobody is sent for it again"
    hall.done(other)
    assert one(OrderShipped, hall.pass_time(2 * HOUR)).units == (first, second)


def test_loaded_after_the_roll_it_is_loaded_for_its_present_departure():
    hall, (first, _) = two_units()
    hall.arrive(first)
    (load,) = hall.of_kind(TaskKind.LOAD)
    hall.pass_time(HOUR)
    hall.send(rolled("1", "N1", "N2"))
    assert one(UnitLoaded, hall.done(load)).departure_id == "N2"


def test_a_loaded_unit_keeps_its_departure_when_the_order_rolls():
    hall, (first, second) = two_units()
    hall.arrive(first)
    hall.do_all(TaskKind.LOAD)
    out = hall.send(rolled("1", "N1", "N2"))
    assert [unit.hu_id for unit in only(UnitRerouted, out)] == [second]
    closed = one(DepartureClosed, hall.pass_time(HOUR))
    assert (closed.units, closed.left_behind) == ((first,), ())


def test_an_order_rolled_to_a_closed_departure_is_refused_and_may_be_released_again():
    hall, (first, second) = two_units()
    hall.send(departure("N3", 3 * HOUR))
    for hu_id in (first, second):
        hall.arrive(hu_id)
    hall.pass_time(2 * HOUR)
    answer = one(OrderRefused, hall.send(rolled("1", "N1", "N2")))
    assert (answer.order_id, answer.reason) == ("1", "DEPARTURE_CLOSED")
    out = hall.send(order("1", ("apple", 2), ("bolt", 3), departure_id="N3"))
    assert one(OrderAdmitted, out).rev == 1
    assert [unit.departure_id for unit in only(UnitRerouted, out)] == ["N3", "N3"]
    hall.do_all(TaskKind.LOAD)
    assert one(OrderShipped, hall.pass_time(3 * HOUR)).departure_id == "N3"


def test_an_order_shorted_after_its_last_unit_left_ships_at_once():
    hall = Hall(stock("apple", "A-01-01-1", 2), stock("bolt", "B-01-01-1", 3))
    hall.send(departure("N2", 2 * HOUR))
    hall.send(order("1", ("apple", 2), ("bolt", 3)))
    apple, bolt = hall.of_kind(TaskKind.PICK)
    hall.done(apple)
    hall.do_all(TaskKind.PACK)
    hall.arrive(apple.hu_id)
    hall.do_all(TaskKind.LOAD)
    assert one(DepartureClosed, hall.pass_time(HOUR)).left_behind == ("1",)
    hall.send(rolled("1", "N1", "N2"))
    shipped = one(OrderShipped, hall.done(bolt, 0))
    assert (shipped.departure_id, shipped.lines) == ("N1", (LineQuantity(line=1, sku="apple", quantity=2),))
    assert one(DepartureClosed, hall.pass_time(2 * HOUR)).left_behind == ()


def test_doors_shut_before_the_message_that_comes_too_late_is_handled():
    hall, (first, _) = two_units()
    hall.arrive(first)
    (load,) = hall.of_kind(TaskKind.LOAD)
    hall.now_ms = HOUR
    out = hall.done(load)
    assert only(DepartureClosed, out)
    assert not only(UnitLoaded, out)


def test_a_departure_named_only_by_a_roll_takes_units_and_closes_when_it_is_scheduled():
    hall, (first, second) = two_units()
    hall.pass_time(HOUR)
    hall.send(rolled("1", "N1", "N9"))
    for hu_id in (first, second):
        hall.arrive(hu_id)
    hall.do_all(TaskKind.LOAD)
    (answer,) = hall.send(order("2", ("apple", 1), departure_id="N9"))
    assert isinstance(answer, OrderRefused)
    hall.send(departure("N9", 3 * HOUR))
    assert one(OrderShipped, hall.pass_time(3 * HOUR)).departure_id == "N9"


def test_an_order_rolled_though_all_its_units_are_loaded_ships_where_they_are():
    hall, units = two_units()
    for hu_id in units:
        hall.arrive(hu_id)
    hall.do_all(TaskKind.LOAD)
    assert hall.send(rolled("1", "N1", "N2")) == []
    out = hall.pass_time(HOUR)
    assert one(OrderShipped, out).departure_id == "N1"
    assert one(DepartureClosed, out).orders == ("1",)
    assert one(DepartureClosed, hall.pass_time(2 * HOUR)).left_behind == ()


def test_an_old_roll_that_comes_again_does_not_roll_back():
    hall, _ = two_units()
    hall.send(departure("N3", 3 * HOUR))
    hall.send(rolled("1", "N1", "N2"))
    hall.send(rolled("1", "N2", "N3"))
    assert hall.send(rolled("1", "N1", "N2")) == []
    assert hall.engine.save().orders["1"].departure_id == "N3"


def test_staged_after_the_doors_shut_it_is_loaded_only_after_the_roll():
    hall, (first, _) = two_units()
    hall.pass_time(HOUR)
    out = hall.arrive(first)
    assert only(UnitStaged, out)
    assert not hall.of_kind(TaskKind.LOAD)
    hall.send(rolled("1", "N1", "N2"))
    assert [task.hu_id for task in hall.of_kind(TaskKind.LOAD)] == [first]
