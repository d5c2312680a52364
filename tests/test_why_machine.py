"""`edge why machine`: what it does, since when, and whose cause that is."""

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    Flow,
    JobEnded,
    Link,
    MachineChanged,
    MachineCommand,
    MachineCommandRefused,
    MachineCommandRequested,
    Message,
    PackMl,
    ZoneChanged,
    ZoneFault,
)
from edge.why.machine import EVENTS_MAX, why_machine

T0 = 1_762_166_520_000  # 2025-11-03 10:42:00 UTC


def changed(at_s: int, state: PackMl, reason: str = "", link: Link = Link.GOOD, flow: Flow = Flow.NORMAL) -> Message:
    return MachineChanged(
        at_ms=T0 + at_s * 1000, machine_id="robot1", state=state, link=link, boot=1, reason=reason, flow=flow
    )


def told(*messages: Message, name: str = "robot1") -> list[str]:
    return why_machine([(0, message) for message in messages], name, "UTC").lines()


def test_a_held_machine_says_whose_cause_it_is_since_when_and_what_to_do() -> None:
    alarm = AlarmRaised(
        at_ms=T0, alarm_id="robot1:not_running", source="robot1", priority=2, text="t", action="Look at the gripper"
    )
    ended = JobEnded(at_ms=T0 + 300_000, machine_id="robot1", job_id=9, result="OK", picked=1, cycle_ms=1)
    lines = told(changed(-600, PackMl.EXECUTE), changed(0, PackMl.HELD, "VACUUM"), alarm, ended)
    assert lines[-1] == (
        "  now (2025-11-03 10:47:00): robot1 is Held (own cause: vacuum) since 2025-11-03 10:42:00, 5 min; "
        "Look at the gripper"
    )


def test_neighbours_flow_and_links_are_told_as_such() -> None:
    assert "Suspended (a neighbour's cause) since" in told(changed(0, PackMl.SUSPENDED))[-1]
    starved = told(changed(-60, PackMl.EXECUTE), changed(0, PackMl.EXECUTE, flow=Flow.STARVED))[-1]
    assert "Execute, starved (it has nothing to do) since 2025-11-03 10:41:00" in starved
    lost = told(changed(0, PackMl.EXECUTE, "HEARTBEAT_STALE", Link.LOST))[-1]
    assert "robot1 could not be heard: HEARTBEAT_STALE since 2025-11-03 10:42:00" in lost


def test_what_was_asked_refused_and_jammed_is_in_the_story_and_what_is_over_is_no_remedy() -> None:
    hold = {"machine_id": "robot1", "command": MachineCommand.HOLD, "by": "ann"}
    lines = told(
        changed(0, PackMl.STOPPED),
        MachineCommandRequested(at_ms=T0 + 1, **hold),
        MachineCommandRefused(at_ms=T0 + 2, **hold, reason="STATE", detail="HOLD is for EXECUTE"),
        ZoneChanged(
            at_ms=T0 + 3, machine_id="robot1", zone=2, fault=ZoneFault.SENSOR_JAM, accumulating=False, blocked=True,
            arrivals=1, departures=0, tracking_id=1,
        ),
        AlarmRaised(at_ms=T0 + 4, alarm_id="robot1:link", source="robot1", priority=2, text="t", action="Plug it in"),
        AlarmCleared(at_ms=T0 + 5, alarm_id="robot1:link"),
    )  # fmt: skip
    text = "\n".join(lines)
    for piece in ("ann asked for HOLD", "HOLD was refused: STATE, HOLD is for EXECUTE", "zone 2: sensor jam"):
        assert piece in text
    assert "Plug it in" not in lines[-1]


def test_a_machine_nobody_knows_is_said_with_the_names_like_it() -> None:
    answer = why_machine([(0, changed(0, PackMl.EXECUTE))], "robot2", "UTC")
    assert answer.lines() == ["machine robot2: like it: robot1"]


def test_the_story_is_bounded() -> None:
    changes = [changed(at, PackMl.EXECUTE if at % 2 else PackMl.HELD) for at in range(200)]
    answer = why_machine([(0, message) for message in changes], "robot1", "UTC")
    assert len(answer.events) == EVENTS_MAX
    assert answer.more["spent_s"] == {"producing": 99, "held": 100}
