"""The command mailbox: one request, number last, the same number once more, then TIMEOUT."""

from typing import Any

import pytest

from edge.equipment import mailbox
from edge.messages import CommandEnded, CommandMachine, MachineCommand
from edge.plc.image import WriteUnknown


def command(code: MachineCommand = MachineCommand.LANE_DISABLE, args: tuple[int, ...] = (3,)) -> CommandMachine:
    return CommandMachine(at_ms=1, machine_id="sorter1", command=code, args=args)


def answering(plc, result: int, reason: int = 0) -> None:
    """The PLC echoes each new number."""

    def program(written: Any) -> None:
        if written[0][0] == "CmdCode":
            plc.put(CmdResult=result, CmdReason=reason, CmdAckSeq=plc.values["CmdSeq"])

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
    assert sent(plc) == [(("CmdCode", 101), ("CmdArg1", 3), ("CmdArg2", 0), ("CmdArg3", 0), ("CmdSeq", 42))]
    assert sorter.counts.rubbish == (result == 9)


async def test_silence_repeats_the_same_number_once(world, monkeypatch) -> None:
    monkeypatch.setattr(mailbox, "ACK_MS", 60)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command())
        told = await world.journal.wait(CommandEnded)
        answering(plc, 2)
        await sorter.obey(command(MachineCommand.START, ()))
        assert (await world.journal.wait(CommandEnded, 2)).result == "DONE"
    assert (told.result, told.reason) == ("TIMEOUT", "NO_ACK")
    assert plc.wrote("CmdSeq") == [1, 1, 2]


async def test_old_echo_does_not_pass_for_the_answer(world, monkeypatch) -> None:
    monkeypatch.setattr(mailbox, "ACK_MS", 60)
    plc, sorter = world.sorter()
    plc.put(CmdSeq=0, CmdAckSeq=1, CmdResult=2)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await sorter.obey(command())
        assert (await world.journal.wait(CommandEnded)).result == "TIMEOUT"
    assert plc.wrote("CmdSeq") == [2, 2]


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
