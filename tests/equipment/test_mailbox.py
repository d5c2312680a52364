"""The command mailbox: one request, number last, once more under its number, then taken back; lost links are read."""

from typing import Any

import pytest

from edge.equipment import confirm, mailbox
from edge.messages import CommandEnded, CommandMachine, MachineChanged, MachineCommand
from edge.plc.image import WriteUnknown


def command(code: MachineCommand = MachineCommand.LANE_DISABLE, args: tuple[int, ...] = (3,)) -> CommandMachine:
    return CommandMachine(at_ms=1, machine_id="sorter1", command=code, args=args)


def answering(plc, result: int, reason: int = 0) -> None:
    """The PLC echoes each new number."""

    def program(written: Any) -> None:
        if written[0][0] == "CmdCode" and plc.values["CmdSeq"]:
            plc.put(CmdResult=result, CmdReason=reason, CmdAckSeq=plc.values["CmdSeq"])

    plc.program = program


def fencing(plc) -> None:
    """The PLC takes numbers without a command in them, and nothing else."""

    def program(written: Any) -> None:
        if written[0] == ("CmdCode", 0):
            plc.put(CmdResult=3, CmdReason=3, CmdAckSeq=written[-1][1])

    plc.program = program


def sent(plc) -> list[Any]:
    return [values for values in plc.writes if values[0][0] == "CmdCode"]


@pytest.mark.parametrize(
    ("result", "reason", "ended"),
    [
        (1, 0, ("ACCEPTED", "")),
        (2, 0, ("DONE", "")),
        (3, 5, ("REJECTED", "LOCAL_CONTROL")),
        (3, 77, ("REJECTED", "REASON_77")),
        (4, 0, ("REJECTED", "BUSY")),
        (9, 0, ("UNKNOWN", "RESULT_9")),
    ],
)
async def test_answer_is_told(world, result: int, reason: int, ended: tuple[str, str]) -> None:
    plc, sorter = world.sorter()
    plc.put(CmdSeq=41, CmdAckSeq=41)
    answering(plc, result, reason)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command())
        told = await world.journal.wait(CommandEnded)
    assert (told.result, told.reason) == ended
    assert (told.command, told.args) == (MachineCommand.LANE_DISABLE, (3,))
    nothing, asked = sent(plc)
    assert (nothing[0], nothing[-1]) == (("CmdCode", 0), ("CmdSeq", 42)), "what an earlier life may have left"
    assert asked == (("CmdCode", 101), ("CmdArg1", 3), ("CmdArg2", 0), ("CmdArg3", 0), ("CmdSeq", 43))
    assert sorter.counts.rubbish == (result == 9)


async def test_silence_repeats_the_same_number_once(world, monkeypatch) -> None:
    monkeypatch.setattr(mailbox, "ACK_MS", 60)
    plc, sorter = world.sorter()
    fencing(plc)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command())
        told = await world.journal.wait(CommandEnded)
        answering(plc, 2)
        await sorter.obey(command(MachineCommand.LANE_ENABLE))
        assert (await world.journal.wait(CommandEnded, 2)).result == "DONE"
    assert (told.result, told.reason) == ("TIMEOUT", "NO_ACK")
    assert plc.wrote("CmdSeq") == [1, 1, 1, 2]
    assert plc.wrote("CmdCode")[2] == 0


async def test_a_plc_that_takes_nothing_at_all_leaves_it_unknown_and_is_fenced_when_it_is_back(
    world, monkeypatch
) -> None:
    monkeypatch.setattr(mailbox, "ACK_MS", 60)
    monkeypatch.setattr(mailbox, "RESOLVE_MS", 60)
    monkeypatch.setattr(confirm, "FENCE_MS", 30)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command())
        told = await world.journal.wait(CommandEnded)
        plc.disconnect()
        await world.until(lambda: not sorter._presence.ready)
        plc.values["CmdSeq"] = 0  # what was written is still under way
        fencing(plc)
        plc.connect()
        await world.until(lambda: plc.values["CmdAckSeq"] == 2)
    assert (told.result, told.reason) == ("UNKNOWN", "NO_ACK")


@pytest.mark.parametrize("late", [True, False])
async def test_a_command_that_comes_late_is_carried_out_or_not_as_is_told(world, monkeypatch, late: bool) -> None:
    """Its bytes come just before those that take it back, or just after, and the PLC shows the newest number only."""
    monkeypatch.setattr(mailbox, "ACK_MS", 60)
    plc, sorter = world.sorter()
    under_way: list[Any] = []
    taken = [(0, 0)]

    def program(written: Any) -> None:
        if written[-1][0] != "CmdSeq":
            return
        if written[0][1]:
            under_way.append(written)
            return
        for values in map(dict, [*under_way, written] if late else [written, *under_way]):
            if values["CmdSeq"] > taken[-1][0]:
                taken.append((values["CmdSeq"], values["CmdCode"]))
        told = (1, 0) if taken[-1][1] else (3, 3)
        plc.put(CmdResult=told[0], CmdReason=told[1], CmdAckSeq=taken[-1][0])

    plc.program = program
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command())
        told = await world.journal.wait(CommandEnded)
    carried_out = 101 in [code for _, code in taken]
    assert (told.result, carried_out) == (("ACCEPTED", True) if late else ("TIMEOUT", False))


async def test_a_result_that_went_with_a_restart_is_not_made_up(world) -> None:
    plc, sorter = world.sorter()

    def program(written: Any) -> None:
        if written[-1][0] == "CmdSeq":
            plc.put(CmdAckSeq=written[-1][1], CmdResult=0)
            plc.values |= {"CmdAckSeq": 0, "BootCount": 2}

    plc.program = program
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command())
        told = await world.journal.wait(CommandEnded)
    assert told.result == "UNKNOWN"


async def test_old_echo_does_not_pass_for_the_answer(world, monkeypatch) -> None:
    monkeypatch.setattr(mailbox, "ACK_MS", 60)
    plc, sorter = world.sorter()
    plc.put(CmdSeq=0, CmdAckSeq=1, CmdResult=2)
    fencing(plc)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command())
        assert (await world.journal.wait(CommandEnded)).result == "TIMEOUT"
    assert plc.wrote("CmdSeq") == [2, 3, 3, 3]


@pytest.mark.parametrize(("written", "taken"), [(41, 41), (41, 40), (0, 41)])
async def test_what_an_earlier_life_may_have_left_on_its_way_is_fenced_off_once(world, written, taken) -> None:
    plc, sorter = world.sorter()
    plc.put(CmdSeq=written, CmdAckSeq=taken)
    fencing(plc)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: plc.values["CmdAckSeq"] == 42)
        plc.disconnect()
        await world.until(lambda: not sorter._presence.ready)
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
    assert (plc.wrote("CmdCode"), plc.wrote("CmdSeq")) == ([0], [42])


@pytest.mark.parametrize("args", [(-1,), (65_536,), (1, 2, 3, 4)])
async def test_impossible_arguments_are_refused_here(world, args: tuple[int, ...]) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command(args=args))
        told = await world.journal.wait(CommandEnded)
    assert (told.result, told.reason) == ("REJECTED", "BAD_ARGUMENT")
    assert sent(plc) == []


async def test_nothing_is_sent_to_a_machine_that_is_not_there(world, monkeypatch) -> None:
    monkeypatch.setattr(mailbox, "READY_WAIT_MS", 50)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        await sorter.obey(command())
        told = await world.journal.wait(CommandEnded)
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
    assert (told.result, told.reason) == ("REJECTED", "LINK_LOST")
    assert sent(plc) == []


async def test_unanswered_write_is_settled_by_the_echo(world) -> None:
    plc, sorter = world.sorter()
    answering(plc, 1)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
        plc.errors = [(WriteUnknown("no answer"), True)]
        await sorter.obey(command())
        assert (await world.journal.wait(CommandEnded)).result == "ACCEPTED"
    assert len(sent(plc)) == 1


async def test_plc_restart_while_waiting_is_unknown(world) -> None:
    plc, sorter = world.sorter()
    plc.program = lambda written: plc.put(BootCount=2) if written[0][0] == "CmdCode" else None
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command())
        told = await world.journal.wait(CommandEnded)
    assert (told.result, told.reason) == ("UNKNOWN", "PLC_RESTART")


@pytest.mark.parametrize("taken", [True, False])
async def test_after_a_lost_link_the_acknowledgement_tells_what_became_of_a_command(world, taken: bool) -> None:
    plc, sorter = world.sorter()

    def program(written: Any) -> None:
        if written[-1][0] == "CmdSeq" and written[-1][1]:
            plc.disconnect()
            fencing(plc)
            if taken:
                plc.values |= {"CmdAckSeq": written[-1][1], "CmdResult": 2}

    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
        plc.program = program
        await sorter.obey(command())
        await world.until(lambda: not sorter._presence.ready)
        plc.connect()
        told = await world.journal.wait(CommandEnded)
    assert (told.result, told.reason) == (("DONE", "") if taken else ("REJECTED", "LINK_LOST"))
    assert plc.wrote("CmdSeq") == ([1] if taken else [1, 1])


async def test_a_command_is_unknown_only_while_nobody_can_read(world, monkeypatch) -> None:
    monkeypatch.setattr(mailbox, "RESOLVE_MS", 100)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
        plc.program = lambda written: plc.disconnect() if written[0][0] == "CmdCode" else None
        await sorter.obey(command())
        told = await world.journal.wait(CommandEnded)
        assert plc.values["CmdSeq"] == 1
        fencing(plc)
        plc.connect()
        await world.until(lambda: plc.values["CmdAckSeq"] == 2)
    assert (told.result, told.reason) == ("UNKNOWN", "LINK_LOST")


async def test_a_command_of_an_earlier_life_that_nobody_took_is_taken_back(world) -> None:
    plc, sorter = world.sorter()
    plc.put(CmdCode=2, CmdSeq=9, CmdAckSeq=8)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: plc.wrote("CmdSeq") == [10])
        answering(plc, 2)
        await sorter.obey(command())
        assert (await world.journal.wait(CommandEnded)).result == "DONE"
    assert plc.wrote("CmdSeq") == [10, 11]
    assert plc.wrote("CmdCode") == [0, 101]


async def test_what_the_state_does_not_allow_is_not_sent(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command(MachineCommand.RESET, ()))
        told = await world.journal.wait(CommandEnded)
    assert told.result == "REJECTED"
    assert told.reason.startswith("STATE: RESET is for STOPPED or COMPLETE; EXECUTE takes ")
    assert sent(plc) == []


@pytest.mark.parametrize("name", ["StatusBits", "EStopZones"])
async def test_nothing_towards_motion_is_sent_while_an_emergency_stop_is_pressed(world, name: str) -> None:
    plc, sorter = world.sorter()
    plc.values |= {"StateCurrent": 9, name: {"StatusBits": 1 << 6, "EStopZones": 0b1010}[name]}
    answering(plc, 1)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        seen = await world.journal.wait(MachineChanged, 2)
        await sorter.obey(command(MachineCommand.CLEAR, ()))
        refused = await world.journal.wait(CommandEnded)
        await sorter.obey(command())
        other = await world.journal.wait(CommandEnded, 2)
    assert seen.reason == {"StatusBits": "ESTOP", "EStopZones": "ESTOP zones 1 3"}[name]
    assert (refused.result, refused.reason) == ("REJECTED", "ESTOP")
    assert other.result == "ACCEPTED"


async def test_one_command_too_many_is_refused_and_no_decision_waits_for_it(world, monkeypatch) -> None:
    monkeypatch.setattr(mailbox, "ACK_MS", 30)
    plc, sorter = world.sorter()
    answering(plc, 2)
    for _ in range(mailbox.COMMANDS_MAX + 1):
        await sorter.obey(command())
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.journal.wait(CommandEnded, mailbox.COMMANDS_MAX + 1)
    ends = [(end.result, end.reason) for end in world.journal.of(CommandEnded)]
    assert ends.count(("REJECTED", "TOO_MANY_COMMANDS")) == 1
    assert ends.count(("DONE", "")) == mailbox.COMMANDS_MAX
    assert sorter.counts.refusals_untold == 0


async def test_refusals_that_cannot_be_kept_are_counted(world) -> None:
    _, sorter = world.sorter()
    for _ in range(2 * mailbox.COMMANDS_MAX + 3):
        await sorter.obey(command())
    assert sorter.counts.refusals_untold == 3
