"""PackML as tables: every state and command has its row, and the simulated PLCs take what the table allows."""

import pytest

from edge.messages import Flow, Link, MachineChanged, MachineCommand, PackMl
from edge.messages.packml import LEGAL, OWN, TIMES, Time, illegal, time_of
from plc_sim import packml as simulated
from plc_sim.codes import Cmd, State

PACKML_COMMANDS = [command for command in MachineCommand if command < 100]


def test_every_state_and_every_command_has_its_row() -> None:
    assert set(TIMES) == set(PackMl)
    assert list(LEGAL) == PACKML_COMMANDS
    assert len(PackMl) - 1 == 17


@pytest.mark.parametrize("state", [state for state in PackMl if state is not PackMl.UNKNOWN])
def test_what_the_table_allows_the_plc_takes_and_the_other_way_round(state: PackMl) -> None:
    for command in PACKML_COMMANDS:
        takes = (State(state), Cmd(command)) in simulated.TABLE
        assert takes is not bool(illegal(command, state)), f"{command.name} in {state.name}"


def test_a_refusal_says_what_would_be_right() -> None:
    assert illegal(MachineCommand.START, PackMl.HELD) == "START is for IDLE; HELD takes STOP, UNHOLD, ABORT"
    assert illegal(MachineCommand.CLEAR, PackMl.ABORTING) == "CLEAR is for ABORTED; ABORTING takes no command"
    assert illegal(MachineCommand.RESET, PackMl.UNKNOWN) == ""
    assert illegal(MachineCommand.CLEAR_JAM, PackMl.ABORTED) == ""


@pytest.mark.parametrize(
    ("state", "link", "flow", "time"),
    [
        (PackMl.EXECUTE, Link.GOOD, Flow.NORMAL, Time.PRODUCING),
        (PackMl.EXECUTE, Link.GOOD, Flow.STARVED, Time.STARVED),
        (PackMl.EXECUTE, Link.GOOD, Flow.BLOCKED, Time.BLOCKED),
        (PackMl.EXECUTE, Link.LOST, Flow.STARVED, Time.UNKNOWN),
        (PackMl.HELD, Link.GOOD, Flow.NORMAL, Time.HELD),
        (PackMl.SUSPENDED, Link.GOOD, Flow.NORMAL, Time.SUSPENDED),
        (PackMl.ABORTED, Link.GOOD, Flow.NORMAL, Time.ABORTED),
    ],
)
def test_whose_time_it_is(state: PackMl, link: Link, flow: Flow, time: Time) -> None:
    assert time_of(MachineChanged(at_ms=1, machine_id="m", state=state, link=link, flow=flow)) is time


def test_neighbours_and_lost_links_are_not_the_machines_own_loss() -> None:
    assert not {Time.STARVED, Time.BLOCKED, Time.SUSPENDED, Time.UNKNOWN, Time.PRODUCING} & set(OWN)
