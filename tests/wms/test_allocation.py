"""Which stock an order gets: FEFO, FIFO, whole before split, and never more than there is."""

from edge.messages import LineShorted, OrderAdmitted, StockLevel, TaskKind, TasksPlanned
from tests.wms.hall import Hall, one, only, order, stock


def taken(hall: Hall) -> list[tuple[str, int]]:
    return [(task.source, task.quantity) for task in hall.of_kind(TaskKind.PICK)]


def test_the_first_to_expire_goes_first_though_it_came_last():
    hall = Hall(
        stock("apple", "A-01-01-1", 5),
        stock("apple", "A-01-02-1", 5, expiry="2030-06-01"),
        stock("apple", "A-01-03-1", 5, expiry="2030-01-01"),
    )
    hall.send(order("1", ("apple", 12)))
    assert sorted(taken(hall)) == [("A-01-01-1", 2), ("A-01-02-1", 5), ("A-01-03-1", 5)]


def test_expiry_beats_a_location_that_holds_it_all():
    hall = Hall(
        stock("apple", "A-01-01-1", 50, expiry="2031-01-01"), stock("apple", "A-01-02-1", 3, expiry="2030-01-01")
    )
    hall.send(order("1", ("apple", 4)))
    assert sorted(taken(hall)) == [("A-01-01-1", 1), ("A-01-02-1", 3)]


def test_within_one_expiry_a_location_with_the_full_quantity_beats_splitting():
    hall = Hall(stock("apple", "A-01-01-1", 3), stock("apple", "A-01-02-1", 9))
    hall.send(order("1", ("apple", 4)))
    assert taken(hall) == [("A-01-02-1", 4)]


def test_goods_that_arrived_together_go_by_name():
    hall = Hall(stock("apple", "A-01-02-1", 3), stock("apple", "A-01-01-1", 3))
    hall.send(order("1", ("apple", 3)))
    assert taken(hall) == [("A-01-01-1", 3)]


def test_twenty_parallel_reservations_of_ten_units_exactly_ten_succeed():
    hall = Hall(stock("apple", "A-01-01-1", 4), stock("apple", "A-01-02-1", 6))
    shorted = [only(LineShorted, hall.send(order(str(number), ("apple", 1)))) for number in range(20)]
    assert [bool(short) for short in shorted] == [False] * 10 + [True] * 10
    assert sum(quantity for _, quantity in taken(hall)) == 10
    assert hall.levels["apple"] == StockLevel(sku="apple", on_hand=10, available=0)


def test_ten_and_fifteen_for_thirteen_with_prior_allocations():
    hall = Hall(stock("apple", "A-01-01-1", 10), stock("apple", "A-01-02-1", 15))
    hall.send(order("prior", ("apple", 4)))
    hall.send(order("prior too", ("apple", 11)))
    assert taken(hall) == [("A-01-01-1", 4), ("A-01-02-1", 11)]
    out = hall.send(order("1", ("apple", 13)))
    assert sorted((task.source, task.quantity) for task in one(TasksPlanned, out).tasks) == [
        ("A-01-01-1", 6),
        ("A-01-02-1", 4),
    ]
    assert one(LineShorted, out).quantity == 3
    assert one(LineShorted, out).reason == "NO_STOCK"


def test_what_is_not_there_is_shorted_at_once_and_the_rest_picked():
    hall = Hall(stock("apple", "A-01-01-1", 2))
    out = hall.send(order("1", ("apple", 3), ("bolt", 1)))
    assert one(OrderAdmitted, out).order_id == "1"
    assert [(short.line, short.quantity) for short in only(LineShorted, out)] == [(1, 1), (2, 1)]
    assert taken(hall) == [("A-01-01-1", 2)]
