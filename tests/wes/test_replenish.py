"""Replenishment on the floor: before the picks that wait for it, and else when hands are idle."""

from typing import Any

import pytest

from edge.messages import (
    Message,
    Task,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskKind,
    TaskUnassigned,
    TaskWithdrawn,
)
from edge.wes import explain
from tests.wes.scene import MINUTE, T0, Play, assigned, of, pick, through_disk
from tests.wes.test_outlook import busy, foretold

SKILLS = ("pick", "pack", "replenish")
DISPATCH = ("rolling", "atcs", "nearest", "edd", "fifo")


def refill(name: str, source: str = "A-02-05-2", **changes: Any) -> Task:
    values: dict[str, Any] = {
        "kind": TaskKind.REPLENISH,
        "skill": "replenish",
        "source": source,
        "target": "A-01-01-1",
        "order_id": "",
        "quantity": 9,
        "departure_id": "",
        "due_ms": T0 + 24 * 60 * MINUTE,
    }
    return pick(name, "", **(values | changes))


def urgent(name: str, **changes: Any) -> Task:
    return refill(name, **({"departure_id": "north-1", "due_ms": T0 + 120 * MINUTE} | changes))


def why(play: Play, task_id: str) -> str:
    return explain.why_task(play.engine.floor, task_id)


def amend(play: Play, task: Task, departure_id: str) -> list[Message]:
    amended = TaskAmended(
        at_ms=play.now, site="S1", task_id=task.task_id, departure_id=departure_id, due_ms=T0 + 40 * MINUTE, priority=5
    )
    return play.tell(amended)


def test_a_pick_waits_for_its_replenishment() -> None:
    play = Play()
    down = urgent("r1")
    play.plan(down, pick("t1", "hu1", after=("r1",)))
    assert assigned(play.join("ann", *SKILLS)) == {"ann": "r1"}
    assert assigned(play.join("bob", "pick")) == {}
    assert why(play, "t1") == "waits for replenishment r1 from A-02-05-2 to A-01-01-1, taken by ann"
    out = play.done("ann", down)
    assert list(assigned(out).values()) == ["t1"]
    assert play.engine.floor.state.resources["ann"].location == "A-01-01-1", "who brought it down stands at the face"


def test_what_is_not_taken_says_what_it_waits_for_itself() -> None:
    play = Play()
    play.plan(urgent("r1"), pick("t1", "hu1", after=("r1",)))
    assert why(play, "t1") == (
        "waits for replenishment r1 from A-02-05-2 to A-01-01-1, which is ready; "
        "nobody here may do it: it wants replenish in zone A"
    )


def test_a_short_one_frees_nobody_before_the_wms_has_looked_elsewhere() -> None:
    play = Play()
    down, follower = urgent("r1"), pick("t1", "hu1", after=("r1",))
    play.plan(down, follower)
    play.join("ann", *SKILLS)
    out = play.done("ann", down, 3)
    assert (of(TaskCompleted, out)[0].quantity, assigned(out)) == (3, {})
    assert why(play, "t1") == "waits for the WMS to look elsewhere, for r1 came up short"
    again = through_disk(play.engine)
    assert explain.why_task(again.floor, "t1") == why(play, "t1")
    play.tell(TaskWithdrawn(at_ms=play.now, site="S1", task_id="t1", reason="r1 came up short"))
    assert play.engine.floor.dependents == {}
    assert assigned(play.plan(pick("t2", "hu1", quantity=3))) == {"ann": "t2"}


@pytest.mark.parametrize("dispatch", DISPATCH)
def test_nobody_waits_so_it_is_done_by_idle_hands_only(dispatch: str) -> None:
    play = Play(dispatch)
    near, far = refill("near", source="A-01-01-2"), pick("t1", "hu1", source="A-04-10-1")
    play.plan(near, far)
    assert assigned(play.join("ann", *SKILLS, location="A-01-01-1")) == {"ann": "t1"}, "though it is far"
    assert why(play, "near") == "is ready; nobody waits for it: it is done when somebody who may has nothing else to do"
    (given,) = of(TaskAssigned, play.done("ann", far))
    assert given.task == near
    assert given.reason.startswith("nobody waits for it and nothing else is to be done, ")


def test_the_nearest_is_done_first_and_by_those_who_may() -> None:
    play = Play()
    play.plan(refill("r1", source="A-04-10-2"), refill("r2", source="A-01-02-2"))
    assert assigned(play.join("bob", "pick")) == {}
    assert assigned(play.join("ann", *SKILLS, location="A-01-01-1")) == {"ann": "r2"}
    assert assigned(play.join("cyd", *SKILLS, location="A-01-01-1")) == {"cyd": "r1"}


def test_it_becomes_urgent_when_an_order_comes_to_wait_for_it() -> None:
    play = Play()
    down, other = refill("r1"), pick("t1", "hu1", due_ms=T0 + 300 * MINUTE)
    play.plan(down, pick("t0", "hu0"))
    play.join("ann", *SKILLS)
    play.plan(other)
    assert amend(play, down, "north-1") == []
    assert assigned(play.done("ann", pick("t0", "hu0"))) == {"ann": "r1"}


def test_it_is_left_to_idle_hands_when_nobody_waits_any_more() -> None:
    play = Play()
    down = urgent("r1")
    play.plan(down, pick("t0", "hu0"), pick("t1", "hu1"))
    amend(play, down, "")
    assert assigned(play.join("ann", *SKILLS)) == {"ann": "t0"}
    assert assigned(play.done("ann", pick("t0", "hu0"))) == {"ann": "t1"}
    assert assigned(play.done("ann", pick("t1", "hu1"))) == {"ann": "r1"}


def test_withdrawn_before_anybody_has_it_is_gone() -> None:
    play = Play()
    play.plan(refill("r1"))
    play.tell(TaskWithdrawn(at_ms=play.now, site="S1", task_id="r1", reason="short"))
    assert assigned(play.join("ann", *SKILLS)) == {}
    assert not any(play.engine.floor.plan.spare.values())


def test_a_restart_goes_on_with_what_waits_for_idle_hands() -> None:
    play = Play()
    play.plan(refill("r1"), refill("r2", source="A-01-02-2"), pick("t1", "hu1"))
    play.join("ann", *SKILLS)
    again = Play()
    again.engine = through_disk(play.engine)
    done = pick("t1", "hu1")
    assert play.done("ann", done) == again.done("ann", done)
    assert play.engine.save() == again.engine.save()


def test_who_is_on_the_way_to_one_is_sent_to_what_would_be_late() -> None:
    play = Play()
    play.plan(refill("r1", source="A-04-10-2"))
    assert assigned(play.join("ann", *SKILLS, location="A-01-01-1")) == {"ann": "r1"}
    play.now += 1000
    floor = play.engine.floor
    need = floor.estimates.work_ms(TaskKind.PICK, "A") + floor.estimates.tail_ms(TaskKind.PICK, "A")
    out = play.plan(pick("t1", "hu1", source="A-01-01-1", due_ms=play.now + need + 5000))
    assert [gone.task_id for gone in of(TaskUnassigned, out)] == ["r1"]
    assert assigned(out) == {"ann": "t1"}
    assert why(play, "r1").startswith("is ready; nobody waits for it")


def test_a_forecast_knows_that_the_cutoff_waits_for_it() -> None:
    """It takes the departure's time, and is none of its units; without hands for it the departure is missed."""
    due, told = T0 + 60 * MINUTE, []
    for after, skill in (((), "replenish"), (("r1",), "replenish"), (("r1",), "pick")):
        play = busy(units=0, people=1)
        play.plan(urgent("r1", due_ms=due), pick("t1", "hu1", due_ms=due, after=after))
        play.join("ann", skill, location="A-01-01-1")
        told.append(*foretold(play).departures)
    at_once, waits, never = told
    assert [each.units for each in told] == [1, 1, 1]
    assert (at_once.miss_permille, waits.miss_permille, never.miss_permille) == (0, 0, 1000)
    assert waits.finish_p50_ms > at_once.finish_p50_ms + MINUTE // 2
