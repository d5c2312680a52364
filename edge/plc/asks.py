"""What equipment asks of a link: reads and writes that wait in one queue and are answered one after the other.

Neighbouring writes that wait at the same time go out as one request, in the order in which they were asked for; so the
sequence word that ends each of them stays behind what it announces. A read between two writes keeps its place.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Never, Protocol

from edge.plc.values import LinkLost, PlcError, Value, WriteRejected, WriteUnknown

ASKS_MAX = 32
"""Reads and writes that may wait for the link; one more is refused."""
ANSWER_MAX_MS = 10_000
"""Last resort: a link that answers nothing and does not go either."""

Names = tuple[str, ...]
Values = tuple[tuple[str, Value], ...]
Read = Callable[[Names], Awaitable[None]]
Write = Callable[[Values], Awaitable[None]]
WriteRead = Callable[[Values, Names], Awaitable[bool]]
"""Both in one request; False when that cannot be, and nothing was done."""
Joins = Callable[[Values, Values], bool]
"""Whether the second writes can follow the first in the same request."""


class Answered(Protocol):
    """Whatever counts what became of the asks."""

    def count(self, name: str, by: int = 1) -> None: ...


@dataclass(frozen=True, slots=True)
class ReadAsk:
    names: Names
    answer: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class WriteAsk:
    values: Values
    read: Names
    """Read in the same request where the protocol can, else right after it."""
    answer: asyncio.Future[None]


Ask = ReadAsk | WriteAsk


class Asks:
    """The queue between equipment and one link."""

    def __init__(self, counts: Answered) -> None:
        self._waiting: deque[Ask] = deque(maxlen=ASKS_MAX)
        self._more = asyncio.Event()
        self._counts = counts

    def put(self, ask: Ask) -> None:
        """Raises LinkLost when too many are waiting."""
        if len(self._waiting) >= ASKS_MAX:
            raise LinkLost(f"{ASKS_MAX} reads and writes are waiting already")
        self._waiting.append(ask)
        self._more.set()

    def refuse(self, reason: str) -> None:
        """Nothing that waits will be sent."""
        while self._waiting:
            settle(self._waiting.popleft().answer, LinkLost(reason))

    async def serve(
        self, read: Read, write: Write, joins: Joins | None = None, write_read: WriteRead | None = None
    ) -> Never:
        """Answers one after the other by the link's own coroutines; cancelled with the link."""
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            ask = self._waiting.popleft()
            if ask.answer.done():
                continue  # nobody waits for it any more
            together = [ask, *self._neighbours(ask, joins)]
            try:
                await self._answer(together, read, write, write_read)
            except asyncio.CancelledError:
                lost = "the link went while it was waiting for the answer"
                for each in together:
                    settle(each.answer, LinkLost(lost) if isinstance(each, ReadAsk) else WriteUnknown(lost))
                raise

    def _neighbours(self, ask: Ask, joins: Joins | None) -> list[Ask]:
        """The writes behind this one that can go out with it; the first that cannot ends it."""
        found: list[Ask] = []
        if joins is None or not isinstance(ask, WriteAsk) or ask.read:
            return found
        values = ask.values
        while self._waiting:
            following = self._waiting[0]
            if following.answer.done():
                self._waiting.popleft()
                continue
            if not isinstance(following, WriteAsk) or following.read or not joins(values, following.values):
                break
            values += following.values
            found.append(self._waiting.popleft())
        return found

    async def _answer(self, asks: list[Ask], read: Read, write: Write, write_read: WriteRead | None) -> None:
        """Settles all of them."""
        first = asks[0]
        try:
            if isinstance(first, ReadAsk):
                await read(first.names)
            elif first.read:
                await self._write_then_read(first, read, write, write_read)
            else:
                await write(tuple(value for ask in asks if isinstance(ask, WriteAsk) for value in ask.values))
                self._counts.count("coalesced", len(asks) - 1)
        except WriteRejected as error:
            if len(asks) == 1:
                settle(first.answer, error)
                return
            for ask in asks:  # together they were refused, so nothing was written: each for itself
                await self._answer([ask], read, write, write_read)
        except PlcError as error:
            for ask in asks:
                settle(ask.answer, error)
        else:
            for ask in asks:
                settle(ask.answer, None)

    async def _write_then_read(self, ask: WriteAsk, read: Read, write: Write, write_read: WriteRead | None) -> None:
        if write_read is not None and await write_read(ask.values, ask.read):
            return
        await write(ask.values)
        settle(ask.answer, None)  # written, whatever becomes of the read
        await read(ask.read)


def settle(answer: asyncio.Future[None], error: PlcError | None) -> None:
    """Gives the answer, once; to somebody who may have gone."""
    if answer.done():
        return
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)
