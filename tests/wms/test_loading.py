"""Units come to rest, are carried, staged and loaded; each report counts once."""

from edge.messages import TaskKind, TasksPlanned, TaskWithdrawn, UnitLoaded, UnitMissing, UnitStaged
from tests.wms.hall import HOSPITAL, NORTH, NORTH_TOO, SOUTH, Hall, arrived, completed, one, only, order, stock


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
