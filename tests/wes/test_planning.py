"""Tasks as the WMS plans, amends and withdraws them."""

from edge.messages import (
    OrderStarted,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskDone,
    TaskRefused,
    TasksPlanned,
    TaskStarted,
    TaskUnassigned,
    TaskWithdrawn,
)
from tests.wes.scene import MINUTE, T0, Play, assigned, of, pack, pick


def withdraw(play: Play, name: str) -> list[object]:
    return list(play.tell(TaskWithdrawn(at_ms=play.now, site="S1", task_id=name, reason="CANCELLED")))


def test_a_task_planned_twice_is_one_task() -> None:
    play = Play()
    task = pick("t1", "hu1")
    play.plan(task)
    assert play.plan(task) == []
    assert assigned(play.join("ann")) == {"ann": "t1"}
    assert assigned(play.join("bob")) == {}
    play.done("ann", task)
    assert assigned(play.plan(task)) == {}


def test_tasks_of_another_site_are_not_ours() -> None:
    play = Play()
    play.join("ann")
    assert play.tell(TasksPlanned(at_ms=T0, site="S2", tasks=(pick("t1", "hu1"),))) == []


def test_pack_waits_for_all_its_picks() -> None:
    play = Play()
    one, two = pick("t1", "hu1"), pick("t2", "hu1")
    closing = pack("p1", "hu1", ("t1", "t2"))
    play.plan(closing, one, two)
    assert assigned(play.join("ann")) == {"ann": "t1"}
    assert assigned(play.done("ann", one)) == {"ann": "t2"}
    assert assigned(play.done("ann", two)) == {"ann": "p1"}
    assert of(TaskCompleted, play.done("ann", closing))[0].task_id == "p1"


def test_a_cancelled_predecessor_is_not_waited_for() -> None:
    play = Play()
    one = pick("t1", "hu1")
    play.plan(one, pick("t2", "hu1", skill="pick+hazmat"), pack("p1", "hu1", ("t1", "t2")))
    play.join("ann")
    assert assigned(play.done("ann", one)) == {}
    assert assigned(withdraw(play, "t2")) == {"ann": "p1"}


def test_withdrawn_before_anybody_has_it_is_silent() -> None:
    play = Play()
    play.plan(pick("t1", "hu1"))
    assert withdraw(play, "t1") == []
    assert assigned(play.join("ann")) == {}


def test_withdrawn_while_assigned_goes_back_and_the_doer_goes_on() -> None:
    play = Play()
    play.plan(pick("t1", "hu1"), pick("t2", "hu2"))
    play.join("ann")
    out = withdraw(play, "t1")
    assert [(m.resource_id, m.task_id, m.reason) for m in of(TaskUnassigned, out)] == [("ann", "t1", "WITHDRAWN")]
    assert assigned(out) == {"ann": "t2"}


def test_withdrawn_after_the_start_is_completed_truthfully() -> None:
    play = Play()
    task = pick("t1", "hu1")
    play.plan(task)
    play.join("ann")
    play.tell(TaskStarted(at_ms=T0, resource_id="ann", task_id="t1"))
    assert withdraw(play, "t1") == []
    assert of(TaskCompleted, play.done("ann", task))[0].quantity == 5


def test_an_amended_task_finds_its_new_place() -> None:
    play = Play()
    play.plan(pick("t1", "hu1"), pick("t2", "hu2"))
    play.tell(
        TaskAmended(at_ms=T0, site="S1", task_id="t2", departure_id="north-0", due_ms=T0 + 60 * MINUTE, priority=5)
    )
    out = of(TaskAssigned, play.join("ann"))
    assert [(m.task.task_id, m.task.departure_id) for m in out] == [("t2", "north-0")]


def test_order_started_is_said_once() -> None:
    play = Play()
    out = play.plan(pick("t1", "hu1", order_id="o1"), pick("t2", "hu2", order_id="o1"))
    assert [m.order_id for m in of(OrderStarted, out)] == ["o1"]
    assert of(OrderStarted, play.plan(pick("t3", "hu3", order_id="o1"))) == []


def refusal(messages: list[object]) -> tuple[str, str]:
    (only,) = of(TaskRefused, messages)
    return only.reason, only.detail


def test_done_is_checked_before_it_is_believed() -> None:
    play = Play()
    task = pick("t1", "hu1")
    play.plan(task)
    play.join("ann")
    play.join("bob")
    assert refusal(list(play.done("ann", task, scanned="123"))) == (
        "WRONG_BARCODE",
        "expected 4006381333931, scanned 123",
    )
    assert refusal(list(play.done("ann", task, scanned="")))[0] == "WRONG_BARCODE"
    assert refusal(list(play.done("ann", task, quantity=6))) == ("BAD_QUANTITY", "expected 0 to 5, got 6")
    assert refusal(list(play.done("ann", task, quantity=-1)))[0] == "BAD_QUANTITY"
    assert refusal(list(play.done("bob", task)))[0] == "NOT_YOURS"
    unknown = TaskDone(at_ms=T0, resource_id="ann", task_id="t9", quantity=1)
    assert refusal(list(play.tell(unknown)))[0] == "UNKNOWN_TASK"
    (completed,) = of(TaskCompleted, play.done("ann", task, quantity=3))
    assert (completed.quantity, completed.reason, completed.assigned_ms) == (3, "SHORT", T0)


def test_done_twice_completes_once() -> None:
    play = Play()
    task = pick("t1", "hu1")
    play.plan(task)
    play.join("ann")
    play.done("ann", task)
    again = play.done("ann", task)
    assert refusal(list(again))[0] == "ALREADY_DONE"
    assert len(again) == 1
    assert refusal(list(play.done("bob", task)))[0] == "NOT_YOURS"


def test_nothing_to_scan_accepts_any_scan() -> None:
    play = Play()
    task = pick("t1", "hu1", barcode="")
    play.plan(task)
    play.join("ann")
    assert of(TaskCompleted, play.done("ann", task, scanned="whatever"))


def test_started_of_somebody_elses_task_is_refused() -> None:
    play = Play()
    play.plan(pick("t1", "hu1"))
    play.join("ann")
    out = play.tell(TaskStarted(at_ms=T0, resource_id="bob", task_id="t1"))
    assert refusal(list(out)) == ("NOT_YOURS", "t1 is assigned to ann")
