"""The command mailbox of a machine: code, arguments and number in one request, answered by the same number.

One command is outstanding at a time. A command without an acknowledgement is repeated once under its own number, which
the PLC takes only once (plc-and-standards 9.5 C); then it is a TIMEOUT.
"""

import asyncio
from typing import Never

from edge.equipment.presence import Clock, Counts, Presence, Report
from edge.equipment.rings import after
from edge.messages import CommandEnded, CommandMachine
from edge.plc.image import LinkLost, PlcError, ProcessImage, WriteRejected, WriteUnknown

COMMANDS_MAX = 64
ACK_MS = 1000
RESULT_MS = 200
READY_WAIT_MS = 2000
SENDS = 2
RESULTS = {1: "ACCEPTED", 2: "DONE", 3: "REJECTED", 4: "REJECTED"}
REASONS = {1: "STATE", 2: "MODE", 3: "ARGUMENT", 4: "INTERLOCK", 5: "LOCAL_CONTROL"}
ANSWER_TAGS = ("CmdAckSeq", "CmdResult", "CmdReason")


class Mailbox:
    """Sends commands one after the other and reports how each ended."""

    tags = ("CmdSeq", *ANSWER_TAGS)
    """What a resync reads."""
    written = ("CmdCode", "CmdArg1", "CmdArg2", "CmdArg3")

    def __init__(self, image: ProcessImage, presence: Presence, counts: Counts) -> None:
        self._image = image
        self._presence = presence
        self._counts = counts
        self._waiting: asyncio.Queue[CommandMachine] = asyncio.Queue(COMMANDS_MAX)
        self._seq = 0

    def resync(self) -> None:
        """After the tags have been read anew: the last number used is the one in the PLC."""
        self._seq = self._image.number("CmdSeq")

    async def put(self, command: CommandMachine) -> None:
        """Takes a command; waits if there are too many."""
        await self._waiting.put(command)

    async def follow(self, report: Report, now_ms: Clock) -> Never:
        """Sends what was put, for ever."""
        while True:
            command = await self._waiting.get()
            result, reason = await self._send(command)
            await report(
                CommandEnded(
                    at_ms=now_ms(),
                    machine_id=command.machine_id,
                    command=command.command,
                    args=command.args,
                    result=result,
                    reason=reason,
                )
            )

    async def _send(self, command: CommandMachine) -> tuple[str, str]:
        """Result and reason."""
        image, presence = self._image, self._presence
        if not await image.wait(lambda: presence.ready, READY_WAIT_MS):
            return "REJECTED", "LINK_LOST"
        if len(command.args) > 3 or any(not 0 <= arg <= 0xFFFF for arg in command.args):
            return "REJECTED", "BAD_ARGUMENT"
        session, boot = presence.session, presence.boot
        number = after(self._seq)
        if number == image.number("CmdAckSeq"):
            number = after(number)  # an old echo must not pass for the answer
        args = (*command.args, 0, 0, 0)
        values = [("CmdCode", int(command.command)), ("CmdArg1", args[0]), ("CmdArg2", args[1]), ("CmdArg3", args[2])]
        for send in range(SENDS):
            try:
                await image.write([*values, ("CmdSeq", number)])
            except LinkLost:
                return ("UNKNOWN" if send else "REJECTED"), "LINK_LOST"
            except WriteRejected:
                return ("UNKNOWN" if send else "REJECTED"), "WRITE_REFUSED"
            except WriteUnknown:
                pass  # the echo tells, or the repetition under the same number
            self._seq = number
            await image.wait(lambda: image.number("CmdAckSeq") == number or presence.session != session, ACK_MS)
            if presence.session != session:
                return "UNKNOWN", "LINK_LOST" if presence.boot == boot else "PLC_RESTART"
            if image.number("CmdAckSeq") == number:
                return await self._result()
        return "TIMEOUT", "NO_ACK"

    async def _result(self) -> tuple[str, str]:
        try:
            await self._image.wait(lambda: self._image.number("CmdResult") != 0, RESULT_MS)
            await self._image.refresh(ANSWER_TAGS)  # the three may have come one by one
        except PlcError:
            return "UNKNOWN", "LINK_LOST"
        result, reason = self._image.number("CmdResult"), self._image.number("CmdReason")
        if result not in RESULTS:
            self._counts.rubbish += 1
            return "UNKNOWN", f"RESULT_{result}"
        if result == 4:
            return "REJECTED", "BUSY"
        return RESULTS[result], REASONS.get(reason, f"REASON_{reason}") if result == 3 else ""
