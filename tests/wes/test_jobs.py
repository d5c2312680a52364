"""Robot jobs."""

from typing import Any

import pytest

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    JobEnded,
    JobOverdue,
    Link,
    PackMl,
    StartJob,
    Task,
    TaskAssigned,
    TaskCompleted,
    TaskUnassigned,
    TaskWithdrawn,
    Woken,
)
from tests.wes.scene import T0, Play, assigned, of, pick


def robot_pick(name: str, hu: str, **changes: Any) -> Task:
    values: dict[str, Any] = {"zone": "B", "source": "B-01-01-1", "robot": True}
    return pick(name, hu, **(values | changes))


def ended(play: Play, job_id: int, result: str, picked: int, reason: str = "") -> list[object]:
    message = JobEnded(
        at_ms=play.now, machine_id="robot1", job_id=job_id, result=result, picked=picked, cycle_ms=1, reason=reason
    )
    return list(play.tell(message))


def ready() -> Play:
    play = Play()
    play.all_run()
    return play


def rest(play: Play) -> list[object]:
    """Let the robot's rest pass."""
    assert play.engine.wake_at_ms is not None
    play.now = play.engine.wake_at_ms
    return list(play.tell(Woken(at_ms=play.now)))


def test_a_running_robot_gets_a_job_with_its_task() -> None:
    play = ready()
    out = play.plan(robot_pick("t1", "hu1"))
    assert assigned(out) == {"robot1": "t1"}
    (job,) = of(StartJob, out)
    assert (job.machine_id, job.task_id, job.source, job.quantity) == ("robot1", "t1", "B-01-01-1", 5)
    (completed,) = of(TaskCompleted, ended(play, job.job_id, "OK", 5))
    assert (completed.resource_id, completed.quantity, completed.reason) == ("robot1", 5, "")
    assert ended(play, job.job_id, "OK", 5) == []


@pytest.mark.parametrize(
    ("state", "link", "works"),
    [
        (PackMl.EXECUTE, Link.GOOD, True),
        (PackMl.IDLE, Link.GOOD, True),
        (PackMl.HELD, Link.GOOD, False),
        (PackMl.STARTING, Link.GOOD, False),
        (PackMl.EXECUTE, Link.LOST, False),
    ],
)
def test_only_a_robot_that_runs_gets_work(state: PackMl, link: Link, works: bool) -> None:
    play = Play()
    play.machine("robot1", state, link)
    assert (assigned(play.plan(robot_pick("t1", "hu1"))) == {"robot1": "t1"}) is works


def test_a_robot_does_only_what_robots_may_and_people_not_what_only_it_may() -> None:
    play = ready()
    play.machine("robot1", PackMl.HOLDING)
    play.plan(robot_pick("person", "hu1", robot=False), robot_pick("robot", "hu2", robot=False, robot_only=True))
    assert assigned(play.machine("robot1")) == {"robot1": "robot"}
    assert assigned(play.join("ann")) == {"ann": "person"}


def test_a_short_job_is_a_short_pick() -> None:
    play = ready()
    (job,) = of(StartJob, play.plan(robot_pick("t1", "hu1")))
    (completed,) = of(TaskCompleted, ended(play, job.job_id, "SHORT", 2, "EMPTY"))
    assert (completed.quantity, completed.reason) == (2, "EMPTY")


def test_a_job_names_the_boot_it_was_decided_for() -> None:
    play = Play()
    play.machine("robot1", boot=7)
    (job,) = of(StartJob, play.plan(robot_pick("t1", "hu1")))
    assert job.boot == 7


def test_a_lost_part_calls_a_person_and_the_task_is_done_again() -> None:
    play = ready()
    (job,) = of(StartJob, play.plan(robot_pick("t1", "hu1", robot_only=True)))
    out = ended(play, job.job_id, "PART_LOST", 0, "PART_LOST")
    (alarm,) = of(AlarmRaised, out)
    assert (alarm.alarm_id, alarm.priority) == ("robot1:part", 2)
    assert [m.reason for m in of(TaskUnassigned, out)] == ["ROBOT_PART_LOST"]


def test_a_job_that_takes_too_long_stays_the_robots_and_calls_a_person() -> None:
    play = ready()
    (job,) = of(StartJob, play.plan(robot_pick("t1", "hu1")))
    late = JobOverdue(at_ms=play.now, machine_id="robot1", job_id=job.job_id, worked_ms=31_000, nominal_ms=10_000)
    out = play.tell(late)
    assert [m.alarm_id for m in of(AlarmRaised, out)] == ["robot1:overdue"]
    assert len(out) == 1
    out = ended(play, job.job_id, "OK", 5)
    assert [m.alarm_id for m in of(AlarmCleared, out)] == ["robot1:overdue"]


@pytest.mark.parametrize("result", ["REJECTED", "FAULT", "UNKNOWN"])
def test_a_failed_job_is_tried_three_times_more_with_new_numbers(result: str) -> None:
    play = ready()
    jobs = of(StartJob, play.plan(robot_pick("t1", "hu1", robot_only=True)))
    alarms: list[AlarmRaised] = []
    for _ in range(3):
        out = ended(play, jobs[-1].job_id, result, 0)
        alarms += of(AlarmRaised, out)
        assert [m.reason for m in of(TaskUnassigned, out)] == [f"ROBOT_{result}"]
        assert of(StartJob, out) == []
        jobs += of(StartJob, rest(play))
    assert len({job.job_id for job in jobs}) == 4
    assert [alarm.alarm_id for alarm in alarms] == ["robot1:job"]
    (completed,) = of(TaskCompleted, ended(play, jobs[-1].job_id, result, 0))
    assert (completed.quantity, completed.reason) == (0, "ROBOT_FAILED")


def test_a_sick_robot_rests_longer_each_time() -> None:
    play = ready()
    jobs = of(StartJob, play.plan(robot_pick("t1", "hu1"), robot_pick("t2", "hu2")))
    rests = []
    for _ in range(4):
        ended(play, jobs[-1].job_id, "FAULT", 0)
        rests.append((play.engine.wake_at_ms or 0) - play.now)
        jobs += of(StartJob, rest(play))
    assert rests == [5_000, 10_000, 20_000, 40_000]
    assert [m.alarm_id for m in of(AlarmCleared, ended(play, jobs[-1].job_id, "OK", 5))] == ["robot1:job"]


def test_a_person_may_take_over_what_the_robot_failed_at() -> None:
    play = ready()
    (job,) = of(StartJob, play.plan(robot_pick("t1", "hu1")))
    ended(play, job.job_id, "FAULT", 0)
    assert assigned(play.join("ann")) == {"ann": "t1"}


def test_what_was_picked_before_the_fault_is_booked() -> None:
    play = ready()
    (job,) = of(StartJob, play.plan(robot_pick("t1", "hu1")))
    (completed,) = of(TaskCompleted, ended(play, job.job_id, "FAULT", 2, "PART_LOST"))
    assert (completed.quantity, completed.reason) == (2, "PART_LOST")


def test_a_job_is_not_taken_from_a_robot_that_stops_until_its_end_is_known() -> None:
    play = ready()
    (job,) = of(StartJob, play.plan(robot_pick("t1", "hu1")))
    play.join("ann")
    out = list(play.machine("robot1", link=Link.LOST))
    assert of(TaskUnassigned, out) == []
    assert of(TaskAssigned, out) == []
    assert assigned(ended(play, job.job_id, "UNKNOWN", 0)) == {"ann": "t1"}


def test_a_withdrawn_job_that_ran_is_told_and_one_that_failed_is_not_tried_again() -> None:
    for result, picked, completions in (("OK", 5, 1), ("FAULT", 0, 0)):
        play = ready()
        (job,) = of(StartJob, play.plan(robot_pick("t1", "hu1")))
        assert play.tell(TaskWithdrawn(at_ms=T0, site="S1", task_id="t1", reason="CANCELLED")) == []
        assert len(of(TaskCompleted, ended(play, job.job_id, result, picked))) == completions
        assert assigned(play.join("ann")) == {}
