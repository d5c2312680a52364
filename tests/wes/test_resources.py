"""People who come and go."""

from dataclasses import replace

import pytest

from edge.messages import (
    ResourceLeft,
    TaskAssigned,
    TaskCompleted,
    TaskDone,
    TaskRefused,
    TaskStarted,
    TaskUnassigned,
)
from tests.wes.scene import T0, Play, assigned, of, pick


def leave(play: Play, name: str) -> list[object]:
    return list(play.tell(ResourceLeft(at_ms=play.now, resource_id=name, reason="break")))


def test_joining_again_tells_the_task_again_and_changes_nothing() -> None:
    play = Play()
    play.plan(pick("t1", "hu1"), pick("t2", "hu2"))
    first = of(TaskAssigned, play.join("ann"))
    before = play.engine.save()
    again = of(TaskAssigned, play.join("ann"))
    assert again == [replace(each, considered=()) for each in first]
    assert play.engine.save() == before


def test_joining_again_does_not_move_a_person_back_home() -> None:
    play = Play()
    play.join("ann", location="PACK-A")
    far = pick("t1", "hu1", source="A-04-10-1")
    play.plan(far)
    play.done("ann", far)
    play.join("ann", location="PACK-A")
    play.join("bob", location="PACK-A")
    assert assigned(play.plan(pick("t2", "hu2", source="A-04-09-1"))) == {"ann": "t2"}


@pytest.mark.parametrize("begun", [False, True])
def test_the_task_of_somebody_who_leaves_goes_back_to_the_pool(begun: bool) -> None:
    play = Play()
    play.plan(pick("t1", "hu1"))
    play.join("ann")
    if begun:
        play.tell(TaskStarted(at_ms=T0, resource_id="ann", task_id="t1"))
    out = leave(play, "ann")
    assert [(m.task_id, m.reason) for m in of(TaskUnassigned, out)] == [("t1", "LEFT")]
    assert assigned(play.join("bob")) == {"bob": "t1"}
    assert leave(play, "ann") == []


def test_new_skills_bring_new_work() -> None:
    play = Play()
    play.plan(pick("t1", "hu1", skill="pick+hazmat"))
    assert assigned(play.join("ann", "pick")) == {}
    assert assigned(play.join("ann", "pick", "hazmat")) == {"ann": "t1"}


def test_a_person_works_in_the_zones_named() -> None:
    play = Play()
    play.plan(pick("t1", "hu1"))
    assert assigned(play.join("ann", zones=("B", "DOCK"))) == {}
    assert assigned(play.join("bob", zones=("B", "A"))) == {"bob": "t1"}


def test_an_empty_place_has_nothing_to_scan() -> None:
    play = Play()
    play.join("anna")
    (given,) = of(TaskAssigned, play.plan(pick("t1", "hu1")))
    refused = play.tell(TaskDone(at_ms=play.now, resource_id="anna", task_id="t1", quantity=0))
    assert [each.reason for each in of(TaskRefused, refused)] == ["WRONG_BARCODE"], (
        "without a reason it must be scanned"
    )
    done = play.tell(TaskDone(at_ms=play.now, resource_id="anna", task_id="t1", quantity=0, reason="not_found"))
    (completed,) = of(TaskCompleted, done)
    assert (completed.task_id, completed.quantity, completed.reason) == (given.task.task_id, 0, "not_found")
