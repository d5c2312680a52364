"""The table of task states."""

import pytest

from edge.wes.tasks import TABLE, TaskEvent, TaskRecord, TaskState, advance
from tests.wes.scene import T0, pick

C, R, A, S, D, X = TaskState
LEGAL = {
    (C, TaskEvent.FREE): R,
    (C, TaskEvent.WITHDRAW): X,
    (R, TaskEvent.ASSIGN): A,
    (R, TaskEvent.WITHDRAW): X,
    (A, TaskEvent.START): S,
    (A, TaskEvent.COMPLETE): D,
    (A, TaskEvent.RETURN): R,
    (A, TaskEvent.WITHDRAW): X,
    (S, TaskEvent.START): S,
    (S, TaskEvent.COMPLETE): D,
    (S, TaskEvent.RETURN): R,
    (S, TaskEvent.WITHDRAW): S,
}


def record(state: TaskState, **changes: object) -> TaskRecord:
    made = TaskRecord(task=pick("t1", "hu1"), number=1, planned_ms=T0, state=state, resource_id="ann")
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("state", TaskState)
@pytest.mark.parametrize("event", TaskEvent)
def test_every_move_is_in_the_table_or_changes_nothing(state: TaskState, event: TaskEvent) -> None:
    task = record(state)
    moved = advance(task, event, "ann")
    assert moved == ((state, event) in LEGAL)
    assert task.state is LEGAL.get((state, event), state)


@pytest.mark.parametrize("event", [TaskEvent.START, TaskEvent.COMPLETE, TaskEvent.RETURN])
def test_only_the_doer_may(event: TaskEvent) -> None:
    task = record(A)
    assert not advance(task, event, "bob")
    assert task.state is A


@pytest.mark.parametrize("changes", [{"waiting_for": ("t0",)}, {"let_in": False}])
def test_a_task_is_free_when_nothing_stands_before_it(changes: dict[str, object]) -> None:
    assert not advance(record(C, **changes), TaskEvent.FREE)


def test_a_withdrawn_task_does_not_come_back() -> None:
    task = record(S, withdrawn=True)
    assert advance(task, TaskEvent.RETURN, "ann")
    assert task.state is X


def test_the_table_has_a_row_for_every_state() -> None:
    assert set(TABLE) == set(TaskState)
