"""Numbered writes: an unanswered one is read back, repeated under its number only if nobody took it, or taken back."""

import asyncio
from typing import Any

import pytest

from edge.equipment import confirm as confirming
from edge.equipment.confirm import Exchange, Outcome, confirm
from edge.plc.image import LinkLost, WriteRejected, WriteUnknown

COMMAND = (("CmdCode", 3), ("CmdArg1", 0), ("CmdArg2", 0), ("CmdArg3", 0), ("CmdSeq", 7))
NONE = (("CmdCode", 0), ("CmdArg1", 0), ("CmdArg2", 0), ("CmdArg3", 0), ("CmdSeq", 0))
FENCE = (*NONE[:-1], ("CmdSeq", 8))


class Program:
    """A PLC that takes each number once and none that is older, from its `after`th write of 7 on.

    `done` is what it carried out; number 8 has no command in it.
    """

    def __init__(self, plc: Any, after: int = 1, late_s: float = 0.0) -> None:
        self.plc = plc
        self.after = after
        self.late_s = late_s
        self.done: list[int] = []
        self.seen = 0
        plc.program = self.written

    def written(self, values: Any) -> None:
        if values[-1][0] == "CmdSeq" and values[-1][1]:
            self.seen += values[-1][1] == 7
            if self.seen >= self.after or values[-1][1] == 8:
                asyncio.get_running_loop().call_later(self.late_s, self.scan)

    def scan(self) -> None:
        number = self.plc.values["CmdSeq"]
        if number > self.plc.values["CmdAckSeq"]:
            if self.plc.values["CmdCode"]:
                self.done.append(number)
            self.plc.put(CmdAckSeq=number)


async def run(world: Any, plc: Any, *, none: Any = FENCE, same: Any = lambda: True, sends: int = 2) -> Any:
    image = plc.image
    exchange = Exchange(
        values=COMMAND,
        shown=("CmdAckSeq",),
        taken=lambda: image.number("CmdAckSeq") == 7,
        same=same,
        none=none,
        fenced=None if none is NONE else lambda: image.number("CmdAckSeq") == 8,
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(plc.run())
        plc.connect()
        ended = await confirm(image, exchange, 60, sends)
        task.cancel()
    return ended


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_answer_never_doubles_and_never_loses(world, arrives: bool) -> None:
    plc, _ = world.sorter()
    program = Program(plc)
    plc.errors = [(WriteUnknown("no answer"), arrives)]
    assert await run(world, plc) == (Outcome.CONFIRMED, "")
    assert program.done == [7]
    assert plc.wrote("CmdSeq") == ([7] if arrives else [7, 7])


async def test_what_nobody_took_is_fenced_off_so_that_it_is_not_done_when_it_comes_late(world) -> None:
    plc, _ = world.sorter()
    program = Program(plc, after=99)
    assert await run(world, plc) == (Outcome.REJECTED, "NO_ACK")
    assert plc.wrote("CmdSeq") == [7, 7, 8]
    plc.values |= dict(COMMAND)
    program.scan()
    assert program.done == []


async def test_a_number_that_nothing_fences_is_only_taken_back(world) -> None:
    plc, _ = world.sorter()
    program = Program(plc, after=99)
    assert await run(world, plc, none=NONE) == (Outcome.REJECTED, "NO_ACK")
    assert plc.wrote("CmdSeq") == [7, 7, 0]
    assert program.done == []


async def test_what_was_taken_while_it_was_taken_back_is_confirmed(world) -> None:
    plc, _ = world.sorter()
    program = Program(plc, after=2)

    def late(values: Any) -> None:
        if values[-1] == ("CmdSeq", 0):  # it had been read just before, and is shown at the end of the scan
            program.done.append(7)
            asyncio.get_running_loop().call_later(0.03, lambda: plc.put(CmdAckSeq=7))

    plc.program = late
    assert await run(world, plc, none=NONE) == (Outcome.CONFIRMED, "")
    assert program.done == [7]


async def test_what_was_taken_just_before_its_fence_is_confirmed(world) -> None:
    plc, _ = world.sorter()
    program = Program(plc, after=99)

    def late(values: Any) -> None:
        if values[-1] == ("CmdSeq", 8):
            program.done.append(7)
            loop = asyncio.get_running_loop()
            loop.call_later(0.03, lambda: plc.put(CmdAckSeq=7))
            loop.call_later(0.06, lambda: plc.put(CmdAckSeq=8))

    plc.program = late
    assert await run(world, plc) == (Outcome.CONFIRMED, "")


async def test_a_plc_that_does_not_take_the_fence_either_leaves_it_unknown(world, monkeypatch) -> None:
    monkeypatch.setattr(confirming, "FENCE_MS", 30)
    plc, _ = world.sorter()
    plc.program = lambda values: None
    assert await run(world, plc) == (Outcome.UNKNOWN, "NO_ACK")
    assert plc.wrote("CmdSeq") == [7, 7, 8, 8, 8]


async def test_nothing_is_repeated_while_the_acknowledgement_cannot_be_read(world) -> None:
    plc, _ = world.sorter()
    Program(plc, after=99)

    def unplug(values: Any) -> None:
        if values[-1][0] == "CmdSeq":
            plc.disconnect()

    plc.program = unplug
    plc.errors = [(WriteUnknown("no answer"), True)]
    assert await run(world, plc) == (Outcome.UNKNOWN, "LINK_LOST")
    assert plc.wrote("CmdSeq") == [7]


async def test_another_boot_ends_the_exchange(world) -> None:
    plc, _ = world.sorter()
    Program(plc, after=99)
    assert await run(world, plc, same=lambda: plc.values["CmdSeq"] != 7) == (Outcome.UNKNOWN, "LINK_LOST")
    assert plc.wrote("CmdSeq") == [7]


@pytest.mark.parametrize(
    ("error", "why"), [(LinkLost("cable"), "LINK_LOST"), (WriteRejected("busy"), "WRITE_REFUSED: busy")]
)
async def test_what_never_left_is_rejected(world, error: Any, why: str) -> None:
    plc, _ = world.sorter()
    program = Program(plc)
    plc.errors = [(error, False)] * 2
    assert await run(world, plc) == (Outcome.REJECTED, why)
    assert program.done == []


async def test_without_a_way_back_a_number_nobody_took_stays_unknown(world) -> None:
    plc, _ = world.sorter()
    Program(plc, after=99)
    assert await run(world, plc, none=()) == (Outcome.UNKNOWN, "NO_ACK")


async def test_a_way_back_that_gets_no_answer_is_tried_again(world) -> None:
    plc, _ = world.sorter()
    Program(plc, after=99)
    plc.errors = [(WriteUnknown("lost"), True), (WriteUnknown("lost"), True), (WriteUnknown("lost"), False)]
    assert await run(world, plc) == (Outcome.REJECTED, "NO_ACK")
    assert plc.wrote("CmdSeq") == [7, 7, 8, 8]
