"""Machines: starting by themselves, commands of operators, alarms of state and link."""

from dataclasses import replace
from typing import Any

import pytest

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    CommandEnded,
    CommandMachine,
    Link,
    MachineChanged,
    MachineCommand,
    MachineCommandRefused,
    MachineCommandRequested,
    PackMl,
    SiteOpened,
    Woken,
)
from edge.messages.packml import LEGAL
from tests.wes.scene import T0, Play, of, small_site

RESET, START, CLEAR, STOP = MachineCommand.RESET, MachineCommand.START, MachineCommand.CLEAR, MachineCommand.STOP


def commands(messages: list[Any]) -> list[tuple[str, MachineCommand]]:
    return [(m.machine_id, m.command) for m in of(CommandMachine, messages)]


def ended(play: Play, command: MachineCommand, result: str) -> list[Any]:
    return play.tell(CommandEnded(at_ms=play.now, machine_id="sorter1", command=command, result=result))


def ask(play: Play, command: MachineCommand, *args: int, machine: str = "sorter1") -> list[Any]:
    return play.tell(MachineCommandRequested(at_ms=play.now, machine_id=machine, command=command, args=args, by="ann"))


def wake(play: Play) -> list[Any]:
    assert play.engine.wake_at_ms is not None
    play.now = play.engine.wake_at_ms
    return play.tell(Woken(at_ms=play.now))


def test_a_machine_is_brought_up_step_by_step() -> None:
    play = Play()
    assert commands(play.machine("sorter1", PackMl.ABORTED)) == [("sorter1", CLEAR)]
    assert commands(play.machine("sorter1", PackMl.CLEARING)) == []
    assert commands(play.machine("sorter1", PackMl.STOPPED)) == [("sorter1", RESET)]
    assert commands(ended(play, RESET, "ACCEPTED")) == []
    assert commands(play.machine("sorter1", PackMl.RESETTING)) == []
    assert commands(play.machine("sorter1", PackMl.IDLE)) == [("sorter1", START)]
    assert commands(play.machine("sorter1", PackMl.IDLE)) == []
    assert commands(play.machine("sorter1", PackMl.EXECUTE)) == []
    assert play.engine.wake_at_ms is None


@pytest.mark.parametrize("result", ["TIMEOUT", "REJECTED", "UNKNOWN", "DONE"])
def test_a_command_without_effect_is_tried_again_after_a_pause_and_not_for_ever(result: str) -> None:
    play = Play()
    play.machine("sorter1", PackMl.STOPPED)
    sent, out = 1, ended(play, RESET, result)
    while play.engine.wake_at_ms is not None:
        assert play.engine.wake_at_ms - play.now == 5_000
        out = wake(play)
        sent += len(commands(out))
        ended(play, RESET, result)
    assert sent == 20
    assert [m.alarm_id for m in of(AlarmRaised, out)] == ["sorter1:autostart"]
    out = play.machine("sorter1", PackMl.EXECUTE)
    assert [m.alarm_id for m in of(AlarmCleared, out)] == ["sorter1:autostart"]


def test_a_machine_without_autostart_or_link_is_left_alone() -> None:
    machines = tuple(replace(m, autostart=False) for m in small_site().machines)
    assert commands(Play(site=small_site(machines=machines)).machine("sorter1", PackMl.STOPPED)) == []
    play = Play()
    assert commands(play.machine("sorter1", PackMl.STOPPED, Link.LOST)) == []
    assert commands(play.machine("sorter1", PackMl.STOPPED)) == [("sorter1", RESET)]


def test_after_a_start_of_ours_a_machine_has_to_report_first() -> None:
    play = Play()
    play.machine("sorter1", PackMl.STOPPED)
    assert commands(play.tell(SiteOpened(at_ms=T0, site=small_site()))) == []
    assert commands(play.machine("sorter1", PackMl.STOPPED)) == [("sorter1", RESET)]


@pytest.mark.parametrize("command", [MachineCommand.STOP, MachineCommand.HOLD])
def test_an_operators_stop_holds_until_an_operators_start(command: MachineCommand) -> None:
    play = Play()
    play.machine("sorter1")
    assert commands(ask(play, command)) == [("sorter1", command)]
    assert commands(play.machine("sorter1", PackMl.STOPPED)) == []
    assert commands(play.machine("sorter1", PackMl.IDLE)) == []
    assert commands(ask(play, START)) == [("sorter1", START)]
    play.machine("sorter1")
    assert commands(play.machine("sorter1", PackMl.STOPPED)) == [("sorter1", RESET)]


def test_an_operators_start_begins_with_the_step_the_state_allows() -> None:
    play = Play()
    play.machine("sorter1")
    ask(play, STOP)
    play.machine("sorter1", PackMl.STOPPED)
    (first,) = of(CommandMachine, ask(play, START))
    assert (first.command, first.by) == (RESET, "ann")
    assert commands(play.machine("sorter1", PackMl.IDLE)) == [("sorter1", START)]


def test_lane_commands_name_a_lane_the_sorter_has() -> None:
    play = Play()
    play.machine("sorter1")
    (sent,) = of(CommandMachine, ask(play, MachineCommand.LANE_DISABLE, 2))
    assert (sent.args, sent.by) == ((2,), "ann")
    for args in ((), (99,), (1, 2)):
        (refused,) = ask(play, MachineCommand.LANE_DISABLE, *args)
        assert isinstance(refused, MachineCommandRefused)
        assert (refused.reason, refused.args, refused.by) == ("UNKNOWN_LANE", args, "ann")
        assert play.tell(refused) == []


def test_a_command_for_a_machine_nobody_has_is_refused() -> None:
    (refused,) = ask(Play(), START, machine="sorter9")
    assert isinstance(refused, MachineCommandRefused)
    assert refused.reason == "UNKNOWN_MACHINE"
    assert "sorter1" in refused.detail


@pytest.mark.parametrize("state", list(PackMl))
@pytest.mark.parametrize("command", [MachineCommand.HOLD, MachineCommand.UNHOLD, MachineCommand.CLEAR, RESET])
def test_a_command_is_sent_only_in_the_states_it_is_for(state: PackMl, command: MachineCommand) -> None:
    machines = tuple(replace(m, autostart=False) for m in small_site().machines)
    play = Play(site=small_site(machines=machines))
    play.machine("sorter1", state)
    out = play.tell(
        MachineCommandRequested(at_ms=play.now, machine_id="sorter1", command=command, by="ann", request_id="r7")
    )
    if state in LEGAL[command] or state is PackMl.UNKNOWN:
        (sent,) = of(CommandMachine, out)
        assert (sent.command, sent.request_id) == (command, "r7")
    else:
        (refused,) = of(MachineCommandRefused, out)
        assert (refused.reason, refused.request_id) == ("STATE", "r7")
        assert state.name in refused.detail


def test_commands_are_for_the_kinds_that_have_them() -> None:
    play = Play()
    play.all_run()
    for machine, command, args, reason in (
        ("conveyor1", MachineCommand.LANE_ENABLE, (1,), "NOT_FOR_KIND"),
        ("sorter1", MachineCommand.RELEASE, (1,), "NOT_FOR_KIND"),
        ("robot1", MachineCommand.CLEAR_JAM, (1,), "NOT_FOR_KIND"),
        ("conveyor1", MachineCommand.RELEASE, (), "UNKNOWN_ZONE"),
        ("conveyor1", MachineCommand.ACCUMULATE, (0, 1), "UNKNOWN_ZONE"),
    ):
        (refused,) = of(MachineCommandRefused, ask(play, command, *args, machine=machine))
        assert refused.reason == reason
    assert commands(ask(play, MachineCommand.ACCUMULATE, 2, 1, machine="conveyor1")) == [
        ("conveyor1", MachineCommand.ACCUMULATE)
    ]


def test_a_machine_nobody_hears_is_told_nothing_and_a_stop_is_kept_in_mind() -> None:
    play = Play()
    play.machine("sorter1", link=Link.LOST)
    (refused,) = of(MachineCommandRefused, ask(play, STOP))
    assert refused.reason == "LINK_LOST"
    assert commands(play.machine("sorter1", PackMl.STOPPED)) == []
    assert commands(ask(play, START)) == [("sorter1", RESET)]


def test_stop_and_start_of_a_machine_that_is_there_already_end_at_once() -> None:
    play = Play()
    play.machine("sorter1")
    (done,) = of(CommandEnded, ask(play, START))
    assert (done.result, done.reason) == ("DONE", "IT_RUNS")
    play.machine("sorter1", PackMl.STOPPING)
    (done,) = of(CommandEnded, ask(play, STOP))
    assert (done.result, done.reason) == ("DONE", "ALREADY_STOPPED")
    assert commands(play.machine("sorter1", PackMl.STOPPED)) == []


def estop(play: Play, state: PackMl, reason: str = "ESTOP zones 3") -> list[Any]:
    return play.tell(
        MachineChanged(at_ms=play.now, machine_id="sorter1", state=state, link=Link.GOOD, boot=1, reason=reason)
    )


def test_an_emergency_stop_asks_a_person_and_nothing_is_reset_from_here() -> None:
    play = Play()
    play.machine("sorter1")
    (alarm,) = of(AlarmRaised, estop(play, PackMl.ABORTING))
    assert (alarm.alarm_id, alarm.priority) == ("sorter1:estop", 1)
    assert "Walk there" in alarm.action
    out = estop(play, PackMl.ABORTED)
    assert commands(out) == []
    assert of(AlarmRaised, out) == []
    for command in (CLEAR, RESET, START):
        (refused,) = of(MachineCommandRefused, ask(play, command))
        assert refused.reason == "ESTOP"
    assert commands(play.machine("sorter1", PackMl.ABORTED)) == []
    assert commands(play.machine("sorter1", PackMl.STOPPED)) == []
    out = ask(play, START)
    assert commands(out) == [("sorter1", RESET)]
    assert [m.alarm_id for m in of(AlarmCleared, out)] == ["sorter1:estop"]


def test_a_machine_started_at_its_panel_after_an_emergency_stop_is_believed() -> None:
    play = Play()
    play.machine("sorter1")
    estop(play, PackMl.ABORTED)
    out = play.machine("sorter1", PackMl.EXECUTE)
    assert [m.alarm_id for m in of(AlarmCleared, out)] == ["sorter1:estop"]
    assert commands(play.machine("sorter1", PackMl.STOPPED)) == [("sorter1", RESET)]


def test_a_machine_that_held_because_it_had_not_heard_us_is_armed_again() -> None:
    play = Play()
    out = estop(play, PackMl.HELD, "HOST_OFFLINE")
    assert commands(out) == [("sorter1", MachineCommand.UNHOLD)]
    assert of(AlarmRaised, out) == []
    play = Play()
    out = estop(play, PackMl.HELD, "FAULT_17")
    assert commands(out) == []
    assert [m.alarm_id for m in of(AlarmRaised, out)] == ["sorter1:not_running"]
    assert commands(ask(play, START)) == [("sorter1", MachineCommand.UNHOLD)]


def test_alarms_of_link_and_state_are_raised_once_and_cleared() -> None:
    play = Play()
    play.machine("sorter1")
    lost = play.machine("sorter1", link=Link.LOST)
    assert [(m.alarm_id, m.priority) for m in of(AlarmRaised, lost)] == [("sorter1:link", 2)]
    assert of(AlarmRaised, play.machine("sorter1", link=Link.LOST)) == []
    held = play.machine("sorter1", PackMl.HELD)
    assert [m.alarm_id for m in of(AlarmCleared, held)] == ["sorter1:link"]
    assert [m.alarm_id for m in of(AlarmRaised, held)] == ["sorter1:not_running"]
    assert of(AlarmCleared, play.machine("sorter1", PackMl.HOLDING)) == []
    assert [m.alarm_id for m in of(AlarmCleared, play.machine("sorter1"))] == ["sorter1:not_running"]


def test_machines_nobody_knows_are_ignored() -> None:
    assert Play().machine("sorter9") == []
