"""Admission: the same answer for the same question, and a reason for every no."""

from dataclasses import replace

from edge.messages import (
    LineShorted,
    Message,
    OrderAdmitted,
    OrderLine,
    OrderRefused,
    OrderShipped,
    StockMoved,
    TaskKind,
)
from edge.wms.state import REMEMBERED_MAX, remember
from tests.wms.hall import HOUR, Hall, departure, one, only, order, stock


def refusal(hall: Hall, message: Message) -> str:
    (answer,) = hall.send(message)
    assert isinstance(answer, OrderRefused)
    return answer.reason


def test_the_same_release_again_is_admitted_again_and_nothing_else():
    hall = Hall(stock("apple", "A-01-01-1", 9))
    hall.send(order("1", ("apple", 2)))
    (answer,) = hall.send(order("1", ("apple", 2)))
    assert isinstance(answer, OrderAdmitted)
    assert len(hall.tasks) == 1


def test_duplicates_after_shipping_are_answered_as_before():
    hall = Hall(stock("apple", "A-01-01-1", 9))
    hall.send(order("1", ("bolt", 2)))
    assert one(OrderShipped, hall.said).lines == ()
    (answer,) = hall.send(order("1", ("bolt", 2)))
    assert isinstance(answer, OrderAdmitted)
    assert refusal(hall, order("1", ("bolt", 3))) == "SAME_REV_CONFLICT"
    assert refusal(hall, order("1", ("bolt", 2), rev=0)) == "OUTDATED"


def test_other_content_other_revisions():
    hall = Hall(stock("apple", "A-01-01-1", 9))
    hall.send(order("1", ("apple", 2), rev=2))
    assert refusal(hall, order("1", ("apple", 3), rev=2)) == "SAME_REV_CONFLICT"
    assert refusal(hall, order("1", ("apple", 2), rev=1)) == "OUTDATED"
    assert refusal(hall, order("1", ("apple", 2), rev=3)) == "ALREADY_RELEASED"


def test_unknown_departure_wrong_site_bad_lines():
    hall = Hall(stock("apple", "A-01-01-1", 9))
    assert refusal(hall, order("1", ("apple", 2), departure_id="?")) == "UNKNOWN_DEPARTURE"
    assert refusal(hall, order("2", ("apple", 2), site="elsewhere")) == "WRONG_SITE"
    assert refusal(hall, order("3", ("apple", 0))) == "BAD_QUANTITY"
    line = OrderLine(line=1, sku="apple", quantity=1)
    assert refusal(hall, replace(order("4"), lines=(line, line))) == "BAD_LINES"
    assert not hall.tasks


def test_refused_then_rolled_comes_again_with_the_same_revision():
    hall = Hall(stock("apple", "A-01-01-1", 9))
    hall.send(departure("N2", 2 * HOUR))
    hall.pass_time(HOUR)
    assert refusal(hall, order("1", ("apple", 2))) == "DEPARTURE_CLOSED"
    assert refusal(hall, order("1", ("apple", 2))) == "DEPARTURE_CLOSED"
    out = hall.send(order("1", ("apple", 2), departure_id="N2"))
    assert one(OrderAdmitted, out).order_id == "1"
    assert hall.of_kind(TaskKind.PICK)[0].departure_id == "N2"


def test_an_order_with_nothing_to_ship_is_shipped_with_no_lines():
    hall = Hall(stock("apple", "A-01-01-1", 9))
    out = hall.send(order("1", ("bolt", 2), ("acid", 1)))
    assert [short.quantity for short in only(LineShorted, out)] == [2, 1]
    shipped = one(OrderShipped, out)
    assert (shipped.lines, shipped.units, shipped.departure_id) == ((), (), "N1")
    assert not only(StockMoved, out)


def test_a_refusal_is_remembered_over_a_restart():
    hall = Hall(stock("apple", "A-01-01-1", 9))
    hall.pass_time(HOUR)
    assert refusal(hall, order("1", ("apple", 2))) == "DEPARTURE_CLOSED"
    (answer,) = hall.saved().handle(order("1", ("apple", 2)), hall.now_ms)
    assert isinstance(answer, OrderRefused)
    assert answer.reason == "DEPARTURE_CLOSED"


def test_what_is_remembered_has_a_limit():
    table = dict.fromkeys(map(str, range(REMEMBERED_MAX)), 0)
    remember(table, "0", 1)
    remember(table, "new", 2)
    assert len(table) == REMEMBERED_MAX
    assert "0" not in table
    assert table["new"] == 2
