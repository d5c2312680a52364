"""Opening stock, goods in, and where they are put."""

from dataclasses import replace

from edge.messages import (
    AsnAnnounced,
    AsnLine,
    GoodsReceived,
    GoodsRefused,
    StockLevel,
    StockLevelsChanged,
    StockMoved,
    StockOpened,
    Task,
    TaskKind,
    TasksPlanned,
)
from tests.wms.hall import SITE, Hall, one, only, order, stock

ASN = AsnAnnounced(
    at_ms=0,
    site="hall",
    asn_id="asn1",
    lines=(
        AsnLine(sku="apple", quantity=60),
        AsnLine(sku="apple", lot="x", quantity=40),
        AsnLine(sku="bolt", quantity=9),
    ),
)


def received(hu_id: str, quantity: int, sku: str = "apple", lot: str = "", asn_id: str = "asn1") -> GoodsReceived:
    return GoodsReceived(at_ms=0, asn_id=asn_id, hu_id=hu_id, sku=sku, lot=lot, quantity=quantity, by="ben")


def reason(hall: Hall, message: GoodsReceived) -> str:
    (answer,) = hall.send(message)
    assert isinstance(answer, GoodsRefused)
    return answer.reason


def put(hall: Hall, message: GoodsReceived) -> Task:
    (task,) = one(TasksPlanned, hall.send(message)).tasks
    return task


def test_the_opening_is_taken_once_and_bad_lines_are_named():
    hall = Hall()
    lines = (
        stock("apple", "A-01-01-1", 3),
        stock("apple", "nowhere", 3),
        stock("pear", "A-01-01-1", 3),
        stock("bolt", "A-01-02-1", 0),
    )
    out = hall.send(StockOpened(at_ms=0, site="hall", lines=lines))
    assert [(fact.asn_id, fact.hu_id, fact.reason) for fact in only(GoodsRefused, out)] == [
        ("opening", "nowhere", "UNKNOWN_LOCATION"),
        ("opening", "A-01-01-1", "UNKNOWN_SKU"),
        ("opening", "A-01-02-1", "BAD_QUANTITY"),
    ]
    assert one(StockMoved, out).movement == 1
    assert one(StockLevelsChanged, out).levels == (StockLevel(sku="apple", on_hand=3, available=3),)
    assert hall.send(StockOpened(at_ms=0, site="hall", lines=lines)) == []
    assert hall.engine.totals().opening == 3


def test_goods_lie_on_the_dock_until_they_are_put_away():
    hall = Hall(stock("apple", "A-01-02-1", 3, lot="x"))
    assert hall.send(ASN) == []
    task = put(hall, received("in1", 40, lot="x"))
    assert (task.kind, task.zone, task.skill) == (TaskKind.PUTAWAY, "RECV", "putaway")
    assert (task.source, task.target, task.quantity) == ("RECV-1", "A-01-02-1", 40)
    assert hall.levels["apple"].on_hand == 3
    assert hall.engine.totals().in_process == 40
    out = hall.done(task)
    assert one(StockMoved, out).cause == "putaway"
    assert hall.levels["apple"] == StockLevel(sku="apple", on_hand=43, available=43)


def test_receipts_that_cannot_be_are_refused():
    hall = Hall()
    hall.send(ASN)
    assert reason(hall, received("in1", 5, asn_id="?")) == "UNKNOWN_ASN"
    assert reason(hall, received("in1", 5, sku="sofa")) == "NOT_ON_ASN"
    assert reason(hall, received("in1", 5, sku="pear")) == "UNKNOWN_SKU"
    assert reason(hall, received("in1", 0)) == "BAD_QUANTITY"
    assert reason(hall, received("in1", 111)) == "OVER_RECEIPT"
    put(hall, received("in1", 100))
    assert hall.send(received("in1", 100)) == []
    assert reason(hall, received("in1", 99)) == "DUPLICATE_UNIT"
    put(hall, received("in2", 10))
    assert reason(hall, received("in3", 1)) == "OVER_RECEIPT"
    assert hall.engine.totals().received == 110


def test_an_announcement_again_replaces_what_was_announced_not_what_came():
    hall = Hall()
    hall.send(ASN)
    put(hall, received("in1", 100))
    hall.send(replace(ASN, lines=(AsnLine(sku="apple", quantity=200),)))
    assert reason(hall, received("in2", 121)) == "OVER_RECEIPT"
    put(hall, received("in2", 120))


def test_empty_location_in_the_zone_of_its_like_then_the_first_on_the_way():
    hall = Hall(stock("apple", "B-01-01-1", 3, lot="x"), stock("acid", "A-01-01-1", 1))
    hall.send(ASN)
    assert put(hall, received("in1", 5, lot="y")).target == "B-01-02-1"
    assert put(hall, received("in2", 5, lot="z")).target == "B-01-03-1"
    assert put(hall, received("in3", 5, sku="bolt")).target == "A-01-02-1"


def test_robot_racks_are_only_for_what_the_robot_can_handle():
    full = [stock("acid", f"{name}-0{bay}-1", 1) for name in ("A-01", "A-02", "B-01") for bay in (1, 2, 3)]
    hall = Hall(*full, stock("bolt", "R-01-01-1", 2))
    hall.send(ASN)
    assert reason(hall, received("in1", 5, sku="bolt")) == "NO_LOCATION"
    assert put(hall, received("in2", 5)).target == "R-01-02-1"


def test_a_refused_unit_may_come_again_when_there_is_room():
    racks = (replace(SITE.racks[0], aisles=1, bays=1),)
    hall = Hall(stock("acid", "A-01-01-1", 1), site=replace(SITE, racks=racks))
    hall.send(ASN)
    assert reason(hall, received("in1", 5)) == "NO_LOCATION"
    hall.send(order("1", ("acid", 1)))
    hall.do_all(TaskKind.PICK)
    assert put(hall, received("in1", 5)).target == "A-01-01-1"
    assert reason(hall, received("in2", 5)) == "NO_LOCATION"


def test_what_does_not_reach_the_shelf_is_adjusted():
    hall = Hall()
    hall.send(ASN)
    hall.done(put(hall, received("in1", 10)), 8)
    hall.done(put(hall, received("in2", 10, lot="x")), 11)
    totals = hall.engine.totals()
    assert (totals.received, totals.adjusted, totals.on_hand, totals.in_process) == (20, -1, 19, 0)


def test_received_goods_come_after_older_ones():
    hall = Hall(stock("apple", "A-02-01-1", 3, lot="old"))
    hall.send(ASN)
    hall.done(put(hall, received("in1", 5, lot="new")))
    hall.send(order("1", ("apple", 4)))
    assert sorted((task.lot, task.quantity) for task in hall.of_kind(TaskKind.PICK)) == [("new", 4)]
    hall.send(order("2", ("apple", 2)))
    assert [task.lot for task in hall.of_kind(TaskKind.PICK)] == ["new", "old"]


def test_a_location_that_got_nothing_is_empty_again():
    hall = Hall()
    hall.send(ASN)
    first = put(hall, received("in1", 5))
    assert put(hall, received("in2", 5)).target != first.target
    hall.done(first, 0)
    assert put(hall, received("in3", 5)).target == first.target
