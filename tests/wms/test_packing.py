"""SSCCs, cartons, and what may happen to a handling unit."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.messages import TaskKind, TasksPlanned, UnitPacked
from edge.wms.allocation import Part
from edge.wms.ledger import Goods
from edge.wms.packing import cartonise, check_digit, sscc
from edge.wms.state import UnitRecord, UnitState
from edge.wms.units import MOVES, UnitEvent, advance, diagram
from tests.wms.hall import ITEMS, SITE, Hall, one, order, stock

CATALOGUE = {item.sku: item for item in ITEMS}


def test_sscc_vector():
    assert sscc("10614141", 123456789) == "106141411234567897"
    assert check_digit("10614141123456789") != 8


@pytest.mark.parametrize("code", ["4006381333931", "00614141000036", "96385074", "0614141000012"])
def test_gs1_check_digit_vectors(code: str):
    assert check_digit(code[:-1]) == int(code[-1])


def test_serials_wrap_within_eighteen_digits():
    assert sscc("1061414199", 10**7 + 5) == sscc("1061414199", 5)
    assert len(sscc("1061414199", 10**7 + 5)) == 18


@given(st.lists(st.tuples(st.sampled_from(sorted(CATALOGUE)), st.integers(1, 40)), max_size=8))
def test_cartons_hold_everything_and_not_too_much(wanted: list[tuple[str, int]]):
    parts = [Part(line, "A-01-01-1", Goods(sku, "", ""), quantity) for line, (sku, quantity) in enumerate(wanted)]
    cartons = cartonise(parts, CATALOGUE.__getitem__, SITE)
    packed: Counter[int] = Counter()
    for carton in cartons:
        units = [(CATALOGUE[part.goods.sku], part.quantity) for part in carton]
        for part in carton:
            packed[part.line] += part.quantity
        count = sum(quantity for _, quantity in units)
        assert count > 0
        if count > 1:
            assert sum(item.volume_ml * quantity for item, quantity in units) <= SITE.hu_max_ml
            assert sum(item.weight_g * quantity for item, quantity in units) <= SITE.hu_max_g
            assert count <= SITE.hu_max_units
    assert packed == {line: quantity for line, (_, quantity) in enumerate(wanted)}


def test_too_big_an_item_gets_a_unit_of_its_own():
    hall = Hall(stock("sofa", "A-01-01-1", 2), stock("bolt", "A-01-02-1", 5))
    hall.send(order("1", ("sofa", 2), ("bolt", 5)))
    units: dict[str, list[tuple[str, int]]] = {}
    for task in hall.of_kind(TaskKind.PICK):
        units.setdefault(task.hu_id, []).append((task.sku, task.quantity))
    assert sorted(units.values()) == [[("bolt", 5)], [("sofa", 1)], [("sofa", 1)]]


def test_one_unit_per_zone_shared_by_robot_and_people():
    hall = Hall(stock("apple", "R-01-01-1", 2), stock("bolt", "B-01-01-1", 2), stock("acid", "A-01-01-1", 1))
    out = hall.send(order("1", ("apple", 2), ("bolt", 2), ("acid", 1)))
    tasks = one(TasksPlanned, out).tasks
    assert [(task.zone, task.source) for task in tasks] == [("A", "A-01-01-1"), ("B", "B-01-01-1"), ("B", "R-01-01-1")]
    acid, bolt, apple = tasks
    assert bolt.hu_id == apple.hu_id != acid.hu_id
    assert (acid.skill, bolt.skill) == ("pick+hazmat", "pick")
    assert [(task.robot, task.robot_only) for task in tasks] == [(False, False), (False, False), (True, True)]
    assert (apple.target, apple.barcode, apple.task_id) == (apple.hu_id, "apple", "T000003")


def test_people_pick_from_a_robot_rack_what_the_robot_cannot():
    hall = Hall(stock("bolt", "R-01-01-1", 2))
    hall.send(order("1", ("bolt", 2)))
    (task,) = hall.of_kind(TaskKind.PICK)
    assert not task.robot
    assert not task.robot_only


def test_a_unit_is_packed_when_its_last_pick_is_done():
    hall = Hall(stock("apple", "A-01-01-1", 2, lot="x"), stock("bolt", "A-01-02-1", 2))
    hall.send(order("1", ("apple", 2), ("bolt", 1)))
    first, second = hall.of_kind(TaskKind.PICK)
    hall.done(first)
    assert not hall.of_kind(TaskKind.PACK)
    hall.done(second)
    (pack,) = hall.of_kind(TaskKind.PACK)
    assert (pack.zone, pack.source, pack.target, pack.barcode) == ("A", "PACK-A", "conveyor1", pack.hu_id)
    unit = one(UnitPacked, hall.done(pack))
    assert unit.hu_id == pack.hu_id
    assert [(content.line, content.sku, content.lot, content.quantity) for content in unit.contents] == [
        (1, "apple", "x", 2),
        (2, "bolt", "", 1),
    ]
    assert unit.weight_g == 2 * 200 + 100
    assert (unit.route, unit.departure_id) == ("north", "N1")


def test_a_pack_task_that_was_not_done_is_asked_for_again():
    hall = Hall(stock("apple", "A-01-01-1", 2))
    hall.send(order("1", ("apple", 2)))
    hall.do_all(TaskKind.PICK)
    (pack,) = hall.of_kind(TaskKind.PACK)
    hall.done(pack, 0)
    (again,) = hall.of_kind(TaskKind.PACK)
    assert again.task_id != pack.task_id
    assert again.hu_id == pack.hu_id


def test_ended_units_never_move_again():
    for state in (UnitState.SHIPPED, UnitState.VOIDED):
        for event in UnitEvent:
            unit = UnitRecord(hu_id="1", order_id="1", zone="A", state=state)
            assert not advance(unit, event)
            assert unit.state is state


def test_the_diagram_shows_every_move():
    assert diagram().count("-->") == len(MOVES) + 3
    assert "staged --> loaded: loaded [doors_open]" in diagram()
