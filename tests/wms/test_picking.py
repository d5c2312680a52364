"""Picks: full, short, late, too many; and what a short one does to others."""

from edge.messages import (
    LineShorted,
    OrderShipped,
    StockLevel,
    StockMoved,
    TaskKind,
    TasksPlanned,
    TaskWithdrawn,
    UnitPacked,
)
from tests.wms.hall import Hall, completed, one, only, order, stock


def causes(messages: list) -> list[tuple[str, str, str, int]]:
    return [(move.cause, move.source, move.target, move.quantity) for move in only(StockMoved, messages)]


def test_a_pick_moves_goods_and_counts_once():
    hall = Hall(stock("apple", "A-01-01-1", 5))
    hall.send(order("1", ("apple", 2)))
    (task,) = hall.of_kind(TaskKind.PICK)
    out = hall.done(task)
    assert causes(out) == [("pick", "A-01-01-1", f"hu:{task.hu_id}", 2)]
    assert hall.levels["apple"] == StockLevel(sku="apple", on_hand=3, available=3)
    assert hall.done(task) == []


def test_a_short_pick_empties_the_location_and_takes_from_another_into_the_same_unit():
    hall = Hall(stock("apple", "A-01-01-1", 5), stock("apple", "A-01-02-1", 9))
    hall.send(order("1", ("apple", 4)))
    (task,) = hall.of_kind(TaskKind.PICK)
    out = hall.done(task, 1)
    assert causes(out) == [
        ("pick", "A-01-01-1", f"hu:{task.hu_id}", 1),
        ("short_pick", "A-01-01-1", "adjustment", 4),
    ]
    (again,) = one(TasksPlanned, out).tasks
    assert (again.kind, again.source, again.quantity, again.hu_id) == (TaskKind.PICK, "A-01-02-1", 3, task.hu_id)
    (pack,) = one(TasksPlanned, hall.done(again)).tasks
    packed = one(UnitPacked, hall.done(pack))
    assert [content.quantity for content in packed.contents] == [4]
    assert hall.engine.totals().adjusted == -4


def test_from_another_zone_it_comes_in_another_unit():
    hall = Hall(stock("apple", "A-01-01-1", 5), stock("apple", "B-01-01-1", 9))
    hall.send(order("1", ("apple", 4)))
    (task,) = hall.of_kind(TaskKind.PICK)
    pick, pack = one(TasksPlanned, hall.done(task, 1)).tasks
    assert (pick.kind, pick.zone, pick.quantity) == (TaskKind.PICK, "B", 3)
    assert pick.hu_id != task.hu_id
    assert (pack.kind, pack.hu_id) == (TaskKind.PACK, task.hu_id)


def test_what_cannot_be_found_is_shorted_and_an_empty_unit_is_void():
    hall = Hall(stock("apple", "A-01-01-1", 5))
    hall.send(order("1", ("apple", 4)))
    (task,) = hall.of_kind(TaskKind.PICK)
    out = hall.done(task, 0)
    short = one(LineShorted, out)
    assert (short.line, short.quantity, short.reason) == (1, 4, "SHORT_PICK")
    assert one(OrderShipped, out).lines == ()
    assert not hall.tasks


def test_others_who_relied_on_the_location_are_served_elsewhere_by_urgency_or_shorted():
    hall = Hall(stock("apple", "A-01-01-1", 9), stock("apple", "A-01-02-1", 5))
    hall.send(order("short", ("apple", 3)))
    hall.send(order("late", ("apple", 3), priority=7))
    hall.send(order("soon", ("apple", 3), priority=1))
    short, late, soon = hall.of_kind(TaskKind.PICK)
    assert {task.source for task in (short, late, soon)} == {"A-01-01-1"}
    out = hall.done(short, 2)
    assert [(task.task_id) for task in only(TaskWithdrawn, out)] == [late.task_id, soon.task_id]
    planned = one(TasksPlanned, out).tasks
    assert [(task.order_id, task.source, task.quantity) for task in planned if task.kind is TaskKind.PICK] == [
        ("soon", "A-01-02-1", 3),
        ("short", "A-01-02-1", 1),
        ("late", "A-01-02-1", 1),
    ]
    assert [(fact.order_id, fact.quantity) for fact in only(LineShorted, out)] == [("late", 2)]
    assert hall.levels["apple"] == StockLevel(sku="apple", on_hand=5, available=0)


def short_with_one_relying_on_it(elsewhere: int) -> tuple[Hall, object]:
    hall = Hall(stock("apple", "A-01-01-1", 6), *([stock("apple", "A-01-02-1", elsewhere)] if elsewhere else []))
    hall.send(order("short", ("apple", 3)))
    hall.send(order("other", ("apple", 3)))
    short, other = hall.of_kind(TaskKind.PICK)
    hall.done(short, 1)
    assert other.task_id in hall.withdrawn
    return hall, other


def test_a_withdrawn_pick_that_was_done_fills_the_line_and_ends_the_replacement():
    hall, other = short_with_one_relying_on_it(elsewhere=5)
    (replacement,) = [task for task in hall.of_kind(TaskKind.PICK) if task.order_id == "other"]
    out = hall.send(completed(other, 2))
    assert causes(out) == [
        ("found", "adjustment", "A-01-01-1", 2),
        ("pick", "A-01-01-1", f"hu:{other.hu_id}", 2),
    ]
    assert one(TaskWithdrawn, out).task_id == replacement.task_id
    (rest,) = one(TasksPlanned, out).tasks
    assert (rest.source, rest.quantity, rest.hu_id) == ("A-01-02-1", 1, other.hu_id)
    hall.done(rest)
    (pack,) = [task for task in hall.of_kind(TaskKind.PACK) if task.order_id == "other"]
    assert sum(content.quantity for content in one(UnitPacked, hall.done(pack)).contents) == 3


def test_a_withdrawn_pick_for_a_line_given_up_goes_back_to_the_shelf():
    hall, other = short_with_one_relying_on_it(elsewhere=0)
    assert {fact.order_id: fact.quantity for fact in only(LineShorted, hall.said)} == {"short": 2, "other": 3}
    before = hall.on_hand("A-01-01-1", "apple")
    out = hall.send(completed(other, 3))
    assert before == 0
    assert out == []  # the order is closed, its tasks are forgotten, the goods stay where they were

    hall = Hall(stock("apple", "A-01-01-1", 6), stock("bolt", "A-01-03-1", 1))
    hall.send(order("short", ("apple", 3)))
    hall.send(order("other", ("apple", 3), ("bolt", 1)))
    short, other, _ = hall.of_kind(TaskKind.PICK)
    hall.done(short, 1)
    out = hall.send(completed(other, 3))
    assert [cause for cause, *_ in causes(out)] == ["found", "pick", "overpick_return"]
    assert hall.on_hand("A-01-01-1", "apple") == 3
    assert hall.levels["apple"].available == 3


def test_more_than_asked_goes_back():
    hall = Hall(stock("apple", "A-01-01-1", 9))
    hall.send(order("1", ("apple", 2)))
    (task,) = hall.of_kind(TaskKind.PICK)
    out = hall.done(task, 5)
    assert [(cause, quantity) for cause, _, _, quantity in causes(out)] == [
        ("pick", 2),
        ("pick", 3),
        ("overpick_return", 3),
    ]
    assert hall.on_hand("A-01-01-1", "apple") == 7


def test_picks_come_in_walking_order():
    hall = Hall(stock("apple", "B-01-01-1", 1), stock("acid", "A-02-01-1", 1), stock("bolt", "A-01-03-1", 1))
    out = hall.send(order("1", ("apple", 1), ("acid", 1), ("bolt", 1)))
    tasks = one(TasksPlanned, out).tasks
    assert [task.source for task in tasks] == ["A-01-03-1", "A-02-01-1", "B-01-01-1"]
    assert [task.task_id for task in tasks] == ["T000001", "T000002", "T000003"]


def test_after_a_restart_a_short_pick_touches_only_picks_that_are_still_wanted():
    hall, other = short_with_one_relying_on_it(elsewhere=9)
    hall.send(completed(other, 2))
    hall.shadow = hall.saved()
    (rest,) = [task for task in hall.of_kind(TaskKind.PICK) if task.order_id == "other"]
    out = hall.done(rest, 0)
    assert [fact.order_id for fact in only(LineShorted, out)] == ["short", "other"]
    assert len(only(TaskWithdrawn, out)) == 1


def test_a_pick_the_robot_gave_up_goes_to_a_person_and_the_book_is_not_touched():
    hall = Hall(stock("apple", "R-01-01-1", 5))
    hall.send(order("1", ("apple", 3)))
    (task,) = hall.of_kind(TaskKind.PICK)
    assert task.robot_only
    out = hall.send(completed(task, 0, reason="ROBOT_FAILED"))
    assert causes(out) == []
    (again,) = one(TasksPlanned, out).tasks
    assert (again.source, again.quantity, again.hu_id) == ("R-01-01-1", 3, task.hu_id)
    assert (again.robot, again.robot_only) == (False, False)
    hall.done(again)
    assert hall.engine.totals().adjusted == 0
