"""The command mailbox of a machine: code, arguments and number in one request, answered by the same number.

One command is outstanding at a time. One that is not taken is repeated once under its own number, which the PLC takes
only once, then taken back under that number with no command in it: whichever the PLC takes, the other it ignores, and
its result tells which. So TIMEOUT means that it was not carried out and will not be, even if its bytes come late. After
a lost link the mailbox first reads what became of the command; only if nobody can say, or the PLC does not answer then
either, it ends as UNKNOWN (plc-and-standards 9.5 C).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Never

from edge.equipment.confirm import Exchange, Outcome, confirm, withdraw
from edge.equipment.presence import Clock, Counts, Presence, Report
from edge.equipment.rings import after, newest
from edge.equipment.status import ESTOP
from edge.messages import CommandEnded, CommandMachine, MachineCommand
from edge.messages.packml import TOWARDS_MOTION, illegal
from edge.plc.image import PlcError, ProcessImage, Value, WriteRejected, monotonic_ms

COMMANDS_MAX = 64
ACK_MS = 1000
RESULT_MS = 200
READY_WAIT_MS = 2000
RESOLVE_MS = 10_000
"""How long a command waits for the link to come back before it is UNKNOWN."""
SENDS = 2
RESULTS = {1: "ACCEPTED", 2: "DONE", 3: "REJECTED", 4: "REJECTED"}
REASONS = {1: "STATE", 2: "MODE", 3: "ARGUMENT", 4: "INTERLOCK", 5: "LOCAL_CONTROL"}
NO_COMMAND = (3, 3)
"""Result and reason of a number with no command in it, or with one the PLC does not know: rejected for its argument."""
ANSWER_TAGS = ("BootCount", "CmdAckSeq", "CmdResult", "CmdReason")
Said = tuple[str, str]
"""Result and reason of a command."""
Beside = Callable[[CommandMachine], Awaitable[Said]]
"""Carries out a command that has words of its own beside the mailbox."""
NOTHING: Mapping[MachineCommand, Beside] = {}


class Mailbox:
    """Sends commands one after the other and reports how each ended."""

    tags = ("CmdSeq", *ANSWER_TAGS)
    """What a resync reads."""
    written = ("CmdCode", "CmdArg1", "CmdArg2", "CmdArg3")

    def __init__(
        self, image: ProcessImage, presence: Presence, counts: Counts, beside: Mapping[MachineCommand, Beside] = NOTHING
    ) -> None:
        self._image = image
        self._presence = presence
        self._counts = counts
        self._beside = beside
        self._waiting: asyncio.Queue[CommandMachine] = asyncio.Queue(COMMANDS_MAX)
        self._refused: deque[CommandMachine] = deque(maxlen=COMMANDS_MAX)
        self._seq = 0
        self._open = False
        """A command is under way."""
        self._doubt = True
        """Bytes of a command that ended as UNKNOWN, or of an earlier life of ours, may still be under way."""

    async def resync(self, *, rebooted: bool) -> None:
        """After the tags have been read anew: goes on from the last number; a command nobody took is fenced off.

        So is one whose bytes may still be under way: of an earlier life of ours, or one that ended as UNKNOWN; what it
        was for is long over. One that is still being settled is left to that, unless the PLC has restarted: it has
        forgotten which numbers are old. Raises PlcError.
        """
        written, taken = self._image.number("CmdSeq"), self._image.number("CmdAckSeq")
        self._seq = newest(self._seq, newest(written, taken))
        if self._open and not rebooted:
            return
        if self._seq and (self._doubt or self._seq != taken):
            self._seq = after(self._seq)
            with contextlib.suppress(WriteRejected):  # called by methods without a number: there is nothing to fence
                await self._image.write(fence(self._seq))
        self._doubt = False

    def put(self, command: CommandMachine) -> None:
        """Takes a command; never waits, for decisions come the same way. One too many is refused in its turn."""
        if self._waiting.full():
            self._counts.refusals_untold += len(self._refused) == COMMANDS_MAX  # the oldest gives way
            self._refused.append(command)
        else:
            self._waiting.put_nowait(command)

    async def follow(self, report: Report, now_ms: Clock) -> Never:
        """Sends what was put, for ever."""
        while True:
            command = await self._waiting.get()
            await report(ended(command, await self._send(command), now_ms()))
            while self._refused:
                await report(ended(self._refused.popleft(), ("REJECTED", "TOO_MANY_COMMANDS"), now_ms()))

    async def _send(self, command: CommandMachine) -> Said:
        image, presence = self._image, self._presence
        if not await image.wait(lambda: presence.ready, READY_WAIT_MS):
            return "REJECTED", "LINK_LOST"
        if len(command.args) > 3 or any(not 0 <= arg <= 0xFFFF for arg in command.args):
            return "REJECTED", "BAD_ARGUMENT"
        if presence.cause.startswith(ESTOP) and command.command in TOWARDS_MOTION:
            return "REJECTED", ESTOP
        wrong = illegal(command.command, presence.state)
        if wrong:
            return "REJECTED", f"STATE: {wrong}"
        if command.command in self._beside:
            return await self._beside[command.command](command)
        self._open = True
        try:
            return await self._exchanged(command)
        finally:
            self._open = False

    async def _exchanged(self, command: CommandMachine) -> Said:
        self._seq = number = self._next()
        boot = self._presence.boot
        outcome, why = await confirm(self._image, self._exchange(command, number), ACK_MS, SENDS)
        if outcome is Outcome.UNKNOWN:
            outcome, why = await self._resolve(command, number, boot, why)
        if outcome is Outcome.CONFIRMED:
            self._seq = newest(number, self._image.number("CmdAckSeq"))
            return await self._result(number)
        if outcome is Outcome.UNKNOWN:
            self._doubt = True
            return "UNKNOWN", why
        return ("TIMEOUT" if why == "NO_ACK" else "REJECTED"), why

    def _next(self) -> int:
        """The number that follows; an old echo must not pass for the answer."""
        number = after(self._seq)
        return after(number) if number == self._image.number("CmdAckSeq") else number

    def _exchange(self, command: CommandMachine, number: int) -> Exchange:
        presence, session = self._presence, self._presence.session
        args = (*command.args, 0, 0, 0)
        what = (("CmdCode", int(command.command)), ("CmdArg1", args[0]), ("CmdArg2", args[1]), ("CmdArg3", args[2]))
        return Exchange(
            values=(*what, ("CmdSeq", number)),
            shown=ANSWER_TAGS,
            taken=lambda: self._image.number("CmdAckSeq") == number,
            same=lambda: presence.session == session and self._image.number("BootCount") == presence.boot,
        )

    def _void(self, command: CommandMachine, number: int) -> Exchange:
        """Takes the command back under its own number."""
        exchange, image = self._exchange(command, number), self._image

        def void() -> bool:
            return (image.number("CmdResult"), image.number("CmdReason")) == NO_COMMAND

        return replace(
            exchange,
            taken=lambda: exchange.taken() and not void(),
            none=fence(number),
            fenced=lambda: exchange.taken() and void(),
        )

    async def _resolve(self, command: CommandMachine, number: int, boot: int, why: str) -> tuple[Outcome, str]:
        """No answer, or the link went: what became of it shows once that is back, if the PLC is still the same."""
        presence, last_ms = self._presence, monotonic_ms() + RESOLVE_MS
        while (left_ms := int(last_ms - monotonic_ms())) > 0:
            if not await self._image.wait(lambda: presence.ready, left_ms):
                break
            if presence.boot != boot:
                return Outcome.UNKNOWN, "PLC_RESTART"
            outcome, said = await withdraw(self._image, self._void(command, number), why)
            if outcome is not Outcome.UNKNOWN:
                return outcome, said
            await asyncio.sleep(RESULT_MS / 1000)
        return Outcome.UNKNOWN, why

    async def _result(self, number: int) -> Said:
        try:
            await self._image.wait(lambda: self._image.number("CmdResult") != 0, RESULT_MS)
            await self._image.refresh(ANSWER_TAGS)  # the three may have come one by one
        except PlcError:
            return "UNKNOWN", "LINK_LOST"
        if self._image.number("CmdAckSeq") != number:
            return "UNKNOWN", "RESULT_LOST"  # the PLC has restarted since it took it
        result, reason = self._image.number("CmdResult"), self._image.number("CmdReason")
        if result not in RESULTS:
            self._counts.rubbish += 1
            return "UNKNOWN", f"RESULT_{result}"
        if result == 4:
            return "REJECTED", "BUSY"
        return RESULTS[result], REASONS.get(reason, f"REASON_{reason}") if result == 3 else ""


def fence(number: int) -> Sequence[tuple[str, Value]]:
    """A number with no command in it: a PLC that has taken it takes none that is older, nor this one again."""
    return (("CmdCode", 0), ("CmdArg1", 0), ("CmdArg2", 0), ("CmdArg3", 0), ("CmdSeq", number))


def ended(command: CommandMachine, said: Said, at_ms: int) -> CommandEnded:
    """How a command ended, in the words of the command."""
    return CommandEnded(
        at_ms=at_ms,
        machine_id=command.machine_id,
        command=command.command,
        args=command.args,
        result=said[0],
        reason=said[1],
        request_id=command.request_id,
    )
