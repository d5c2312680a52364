"""Why and why not: every answer names the cause that really holds, and nobody idle goes without one."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.messages import (
    JobEnded,
    Link,
    MachineChanged,
    MachineCommand,
    MachineCommandRequested,
    PackMl,
    SortResult,
    TaskStarted,
    TaskWithdrawn,
)
from edge.wes import explain
from edge.wes.engine import Engine
from edge.wes.floor import Floor
from edge.wes.tasks import TaskState
from tests.wes.scene import T0, Play, load, pack, pick, small_site
from tests.wes.wander import EVENTS, Move, World, next_message, opening

DISPATCH = ("rolling", "atcs", "nearest", "edd", "fifo")


def why(play: Play, task_id: str) -> str:
    return explain.why_task(play.engine.floor, task_id)


def why_not(play: Play, task_id: str, resource_id: str) -> str:
    return explain.why_not(play.engine.floor, task_id, resource_id)


def idle(play: Play) -> dict[str, str]:
    return explain.idle_reasons(play.engine.floor)


def where(play: Play, hu_id: str) -> str:
    return explain.where_unit(play.engine.floor, hu_id)


@pytest.fixture
def play() -> Play:
    play = Play()
    play.all_run()
    return play


# one task


def test_a_task_from_waiting_to_done(play: Play) -> None:
    assert why(play, "t1") == ""
    one, two = pick("t1", "hu1"), pick("t2", "hu2", skill="pick+hazmat")
    last = pack("p1", "hu1", ("t1",))
    play.plan(one, two, last)
    assert why(play, "t1") == "is ready; nobody here may do it: it wants pick in zone A"
    assert why(play, "p1") == "waits for t1 to be done first"
    play.join("ann", "pick")
    assert why(play, "t1").startswith(f"is assigned to ann since at({T0}): best plan for all hands: slack")
    play.tell(TaskStarted(at_ms=T0, resource_id="ann", task_id="t1"))
    assert why(play, "t1").startswith("is being done by ann since")
    play.tell(TaskWithdrawn(at_ms=T0, site="S1", task_id="t1", reason="CANCELLED"))
    assert why(play, "t1").endswith("it is no longer wanted, but what has begun is finished")
    play.done("ann", one)
    assert why(play, "t1") == "was finished by ann"
    assert why(play, "t2").endswith("it wants pick+hazmat in zone A")
    play.tell(TaskWithdrawn(at_ms=T0, site="S1", task_id="t2", reason="CANCELLED"))
    assert why(play, "t2") == "was withdrawn, nobody finished it"


def test_a_ready_task_waits_for_those_who_are_busy_or_cannot_work(play: Play) -> None:
    play.join("ann", "pick")
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(3)))
    (ready,) = [name for name in ("t1", "t2") if "kept for ann" in why(play, name)]
    assert "who should be free at at(" in why(play, ready)
    other = Play(dispatch="fifo")
    other.all_run()
    other.join("ann", "pick")
    other.plan(pick("t1", "hu1"), pick("t2", "hu2"))
    assert why(other, "t2") == "is ready; all who may do it are busy: ann"
    other.engine.floor.state.resources["ann"].task_id = ""
    assert why(other, "t2") == "is ready; ann is free and due to get it"


def test_more_causes_than_anybody_reads_are_cut_short() -> None:
    play = Play(dispatch="fifo")
    play.all_run()
    for n in range(9):
        play.join(f"p{n}", "pick")
    play.plan(pick("t1", "hu1"))
    for resource in play.engine.floor.state.resources.values():
        resource.available = False
        resource.task_id = ""
    record = play.engine.floor.state.tasks["t1"]
    said = explain.nobody_yet(play.engine.floor, record)
    assert said.count("is not available") == explain.NAMED_MAX
    assert said.endswith("; and 4 more")
    assert explain.named([str(n) for n in range(7)]) == "0, 1, 2, 3, 4 and 2 more"


def test_a_robot_that_is_down_keeps_its_tasks_waiting(play: Play) -> None:
    def robot(state: PackMl, reason: str = "", link: Link = Link.GOOD) -> None:
        play.tell(MachineChanged(at_ms=T0, machine_id="robot1", state=state, link=link, boot=1, reason=reason))

    job = pick("t1", "hu1", zone="B", source="B-01-01-1", robot=True, robot_only=True)
    play.plan(job)
    robot(PackMl.HELD, "vacuum")
    play.tell(JobEnded(at_ms=T0, machine_id="robot1", job_id=1, result="FAULT", picked=0, cycle_ms=1))
    held = f"robot1 is Held (own cause: vacuum) since at({T0})"
    assert why(play, "t1") == f"is ready; {held}"
    assert why_not(play, "t1", "robot1") == held
    assert idle(play) == {"robot1": held.removeprefix("robot1 ")}
    robot(PackMl.SUSPENDED)
    assert why_not(play, "t1", "robot1") == f"robot1 is Suspended (a neighbour's cause) since at({T0})"
    robot(PackMl.EXECUTE, link=Link.LOST)
    assert why_not(play, "t1", "robot1") == f"robot1 has no connection since at({T0})"
    robot(PackMl.ABORTED, "light curtain")
    assert why_not(play, "t1", "robot1") == f"robot1 is Aborted (light curtain) since at({T0})"
    robot(PackMl.EXECUTE)
    assert why_not(play, "t1", "robot1") == f"robot1 rests after 1 failure until at({T0 + 5000})"
    stop = MachineCommandRequested(at_ms=T0, machine_id="robot1", command=MachineCommand.STOP, by="ann")
    play.tell(stop)
    robot(PackMl.STOPPED)
    assert why_not(play, "t1", "robot1") == f"robot1 is Stopped, stopped by ann since at({T0})"


def test_a_unit_that_is_not_let_in_says_why(play: Play) -> None:
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(5)))
    outside = [n for n in range(5) if "not let in" in why(play, f"t{n}")]
    assert len(outside) == 2
    first, second = (f"its handling unit is not let in: zone A holds 3 of 3 units, {n} go before it" for n in (0, 1))
    assert [why(play, f"t{n}") for n in outside] == [first, second]
    play.join("ann", "pick", zones=("B",))
    assert idle(play)["ann"] == "none of 5 open tasks is for it; t0: is not in zone A"
    play.machine("sorter1", PackMl.ABORTED)
    assert "not let in: MACHINE_DOWN sorter1" in why(play, f"t{outside[0]}")
    record = play.engine.floor.state.tasks[f"t{outside[0]}"]
    del play.engine.floor.state.wip[record.task.hu_id]
    assert why(play, f"t{outside[0]}").endswith("it waits for its handling unit")


def test_picks_on_the_trip_of_another(play: Play) -> None:
    play.join("ann", "pick")
    play.plan(*(pick(f"t{n}", "hu1", source=f"A-0{1 + n}-01-1") for n in range(3)))
    on_trip = [n for n in range(3) if "on the trip of ann" in why(play, f"t{n}")]
    assert len(on_trip) == 2
    play.join("bob", "pack")
    other = next(n for n in range(3) if n not in on_trip)
    said = why_not(play, f"t{on_trip[0]}", "bob")
    assert said == "bob is idle but lacks skill 'pick'"
    assert "and has 2 more on the trip" in explain.busy_or_kept(
        play.engine.floor, play.engine.floor.state.tasks[f"t{other}"], play.engine.floor.state.resources["ann"]
    )
    assert (
        explain.not_ready(play.engine.floor, [play.engine.floor.state.tasks[f"t{n}"] for n in range(3)])
        == "2 on the trips of others, 1 in other hands"
    )


# one task and one resource


def test_why_not_by_skill_zone_and_kind(play: Play) -> None:
    play.join("ann", "pick", zones=("B",))
    play.join("bob", "pack")
    play.plan(
        pick("t1", "hu1"),
        pick("t2", "hu2", skill="pick+hazmat"),
        pick("r1", "hu3", zone="B", source="B-01-01-1", robot=True, robot_only=True),
    )
    assert why_not(play, "t1", "ann") == "ann is idle but is not in zone A"
    assert why_not(play, "t1", "bob") == "bob is idle but lacks skill 'pick'"
    assert why_not(play, "t2", "bob") == "bob is idle but lacks skill 'pick'"
    assert why_not(play, "r1", "ann") == "ann will not do it: only a robot can do it"
    assert why_not(play, "t1", "robot1") == "robot1 will not do it: no robot can do it"
    assert why_not(play, "r1", "robot1").startswith("it does: r1 is being done by robot1")
    play.machine("robot1", PackMl.HELD)
    assert "; besides, it is Held" in why_not(play, "t1", "robot1")


def test_why_not_of_names_nobody_knows(play: Play) -> None:
    play.plan(pick("t1", "hu1"))
    assert why_not(play, "t9", "ann") == "there is no task t9"
    assert why_not(play, "t1", "ann") == "ann is not here: nobody of that name is signed on"
    assert why_not(play, "t1", "sorter1") == "sorter1 is a sorter, which does no tasks"
    play.join("ann")
    play.done("ann", pick("t1", "hu1"))
    assert why_not(play, "t1", "ann") == "task t1 was finished by ann"
    silent = Play()
    silent.plan(pick("t1", "hu1"))
    assert why_not(silent, "t1", "robot1") == "robot1 has not reported since the start"
    assert idle(silent) == {"robot1": "has not reported since the start"}


def test_why_not_of_somebody_busy_and_of_work_that_is_kept(play: Play) -> None:
    play.join("ann", "pick")
    play.plan(pick("t1", "hu1"))
    play.plan(pick("t2", "hu2"))
    said = why_not(play, "t2", "ann")
    assert said.startswith("ann is busy with t1 until about at(")
    assert said.endswith("t2 is planned for it next")
    assert why_not(play, "t1", "ann").startswith("it does: t1 is assigned to ann")
    floor = play.engine.floor
    play.join("bob", "pick")
    assert why_not(play, "t1", "bob").startswith("t1 is assigned to ann")
    play.join("cid", "pick", zones=("A",), location="A-04-10-1")
    floor.state.resources["bob"].available = False
    floor.refresh(floor.state.resources["bob"])
    assert why_not(play, "t1", "bob") == "bob is not available"


def test_work_kept_for_somebody_busy_who_is_near() -> None:
    far = "A-04-10-1"
    play = Play(site=small_site(walk_mm_s=10))
    play.all_run()
    play.join("ann", "pick", location=far)
    play.plan(pick("t1", "hu1", source=far))
    play.plan(pick("t2", "hu2", source=far))
    play.join("bob", "pick", location="PACK-A")
    assert why(play, "t2").startswith("is ready; it is kept for ann, who should be free at at(")
    reason = "because all hands together are better off so"
    said = why_not(play, "t2", "bob")
    assert said.startswith("bob is idle; t2 is kept for ann, who should be free at at(")
    assert said.endswith(reason)
    assert idle(play)["bob"] == said


# the idle


def test_what_the_idle_wait_for(play: Play) -> None:
    play.join("ann", "pick")
    assert idle(play)["ann"] == "there is no work at all"
    play.plan(pick("t1", "hu1", skill="pick+hazmat"))
    assert idle(play)["ann"] == "the one open task is not for it; t1: lacks skill 'hazmat'"
    play.join("bob", "pack")
    play.plan(*(pick(f"u{n}", f"hv{n}", zone="Z", source="") for n in range(1)), pack("p1", "hu1", ("t1",)))
    assert idle(play)["bob"] == "nothing it may do is ready: 1 waiting for other tasks to be done first"
    assert "ann" not in idle(play)
    play.plan(*(pack(f"q{n}", f"hq{n}", ()) for n in range(6)))
    assert "bob" not in idle(play)
    cid = play.join("cid", "pack", zones=("B",))
    assert not cid
    assert idle(play)["cid"].startswith("none of 9 open tasks is for it")


def test_what_is_not_ready_is_counted_by_cause(play: Play) -> None:
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(5)), pick("b", "hb", zone="B", source="B-01-01-1"))
    play.machine("conveyor2", PackMl.ABORTED)
    floor = play.engine.floor
    play.plan(*(pick(f"b{n}", f"hb{n}", zone="B", source="B-01-01-1") for n in range(3)))
    waiting = [record for record in floor.state.tasks.values() if not record.let_in]
    assert explain.not_ready(floor, waiting) == ("3 not let in (MACHINE_DOWN conveyor2), 2 waiting for room in zone A")


# one unit


def test_a_unit_from_the_zone_to_the_lorry(play: Play) -> None:
    assert where(play, "hu1") == ""
    one, two = pick("t1", "hu1"), pack("p1", "hu1", ("t1",))
    play.plan(one, two)
    assert where(play, "hu1").startswith("is being filled in zone A for north-1; pick t1 is ready")
    assert "; pack p1 waits for t1" in where(play, "hu1")
    play.join("ann")
    play.done("ann", one)
    play.done("ann", two)
    play.packed("hu1")
    assert where(play, "hu1") == "is on conveyor1, for north-1, route north"
    play.machine("sorter1", PackMl.HELD)
    play.scan("conveyor1", "hu1", budget_ms=0)
    assert where(play, "hu1") == "waits at the exit of conveyor1 until sorter1 has room, for north-1, route north"
    play.machine("conveyor1", PackMl.ABORTED)
    play.machine("sorter1")
    play.report("conveyor1", play.seq, SortResult.HANDOVER)
    play.scan("sorter1", "hu1")
    assert where(play, "hu1") == "is on sorter1, for north-1, route north"
    play.machine("sorter1", PackMl.SUSPENDED)
    assert "is on sorter1, which is Suspended (a neighbour's cause) since at(" in where(play, "hu1")
    play.report("sorter1", play.seq, SortResult.DIVERTED, lane=1)
    assert where(play, "hu1") == "lies in sorter1/L01, for north-1, route north"
    last = load("l1", "hu1", "sorter1/L01")
    play.plan(last)
    assert "lies in sorter1/L01, for north-1, route north; load l1 is assigned to ann" in where(play, "hu1")
    play.done("ann", last)
    assert where(play, "hu1") == "is loaded into north-1"


def test_a_unit_outside_unseen_in_a_wrong_lane_or_missing(play: Play) -> None:
    play.plan(*(pick(f"t{n}-{m}", f"hu{n}") for n in range(4) for m in range(5)))
    outside = next(wip.hu_id for wip in play.engine.floor.state.wip.values() if not wip.inside)
    assert where(play, outside).startswith("is to be filled in zone A for north-1; pick")
    assert where(play, outside).endswith("; and 2 more tasks")
    play.packed("hx")
    assert where(play, "hx") == "is packed for north-1, route north, and no machine has seen it yet"
    play.scan("sorter1", "hx")
    play.report("sorter1", play.seq, SortResult.DEFAULT_LANE, lane=14)
    assert where(play, "hx").startswith("lies in sorter1/L14, which is no first choice of route north, for")
    play.packed("hy")
    play.scan("sorter1", "hy")
    play.report("sorter1", play.seq, SortResult.LOST)
    assert where(play, "hy").startswith("is missing since it was last seen at sorter1")
    play.plan(load("l9", "hz", "sorter1/L01"))
    assert where(play, "hz").startswith("is not packed here; load l9 is ready; nobody here may do it")


# whatever happens


def asked(floor: Floor, extra: list[str]) -> None:
    """Every question that can be asked has an answer, and the answers do not contradict the records."""
    tasks = [*floor.state.tasks, *list(floor.state.done)[:5], *extra]
    resources = [*floor.state.resources, *floor.state.machines, *extra]
    for task_id in tasks:
        assert bool(explain.why_task(floor, task_id)) == (task_id in floor.state.tasks or task_id in floor.state.done)
        for resource_id in resources:
            said = explain.why_not(floor, task_id, resource_id)
            assert said
            record = floor.state.tasks.get(task_id)
            does = record is not None and bool(record.resource_id) and record.resource_id == resource_id
            assert said.startswith("it does: ") == does
    for hu_id in {*floor.state.units, *floor.state.wip, *floor.hu_tasks, *floor.state.delivered}:
        assert explain.where_unit(floor, hu_id)
    reasons = explain.idle_reasons(floor)
    assert all(reasons.values())
    for resource in floor.state.resources.values():
        assert (resource.resource_id in reasons) == (not resource.task_id and not resource.trip)
        fits = [r for r in floor.state.tasks.values() if not floor.plan.able(resource, r)]
        if any(r.state is TaskState.READY and not r.trip for r in fits) and resource.resource_id in reasons:
            said = reasons[resource.resource_id]
            kept = "is kept for" in said
            assert kept or explain.cannot_work(floor, resource) == said, said


MOVES = st.lists(
    st.tuples(st.integers(0, len(EVENTS) - 1), st.integers(0, 30), st.integers(0, 60)), min_size=20, max_size=100
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=MOVES, dispatch=st.sampled_from(DISPATCH))
def test_every_question_has_an_answer_whatever_happens(moves: list[Move], dispatch: str) -> None:
    engine, world = Engine(), World()
    for message in opening(world, dispatch):
        engine.handle(message, world.now)
    for number, move in enumerate(moves):
        message: Any = next_message(world, move)
        if message is None:
            continue
        for each in engine.handle(message, world.now):
            world.hear(each)
        if number % 8 == 0:
            asked(engine.floor, ["t?", "nobody"])
    asked(engine.floor, ["t?", "nobody"])
