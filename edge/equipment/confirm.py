"""Writes whose outcome is known: CONFIRMED, REJECTED, or UNKNOWN as long as nobody can read the acknowledgement.

Every command to a PLC carries a number; the PLC takes each number once and shows which one it has taken. So a write
without an answer is never a guess: the acknowledgement is read, and only if it shows that the number was not taken is
the same number written again. What nobody took in the end is withdrawn, so that it is not carried out later, when
everybody has gone on (plc-and-standards 9.5 C). Mailbox, decisions and jobs all write through here.

An empty register does not withdraw a number whose bytes are still under way. A fence does: that number or the next one,
with nothing to do. A PLC that has taken it refuses what it fences, whenever that comes.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.plc.image import LinkLost, PlcError, ProcessImage, Value, WriteRejected, WriteUnknown

TRIES = 3
"""Writes of what takes a number back."""
RETRY_MS = 20
"""Between two tries at a device that refuses, which may only be busy."""
SCAN_MS = 100
"""More than a PLC's scan: what it has read by now it has also shown."""
FENCE_MS = 500
"""How long the PLC has to show that it has taken a fence, each time it is written."""


class Outcome(StrEnum):
    CONFIRMED = "confirmed"
    """The PLC has taken it."""
    REJECTED = "rejected"
    """Certainly not taken, and it will not be."""
    UNKNOWN = "unknown"
    """The link went, or the PLC restarted, before anybody could read the acknowledgement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One numbered write: what is written, number last, and how its acknowledgement shows.

    `taken` looks at the image; `shown` are the tags it needs. `same` tells whether link and PLC are still those the
    write was made for. `none` is what takes back a number nobody took (empty: it does no harm later); where that is a
    fence, `fenced` tells whether the PLC shows it as taken.
    """

    values: Sequence[tuple[str, Value]]
    shown: Sequence[str]
    taken: Callable[[], bool]
    same: Callable[[], bool]
    none: Sequence[tuple[str, Value]] = ()
    fenced: Callable[[], bool] | None = None


Ended = tuple[Outcome, str]
"""The outcome and, unless it is CONFIRMED, why."""


async def confirm(image: ProcessImage, exchange: Exchange, ack_ms: int, sends: int) -> Ended:
    """Writes until the PLC shows that it has taken the number, at most `sends` times, the same number each time.

    With `ack_ms` 0 an answered write is all there is to wait for: the registers themselves are the acknowledgement.
    """
    sent, why = False, "NO_ACK"
    for _ in range(sends):
        try:
            await image.write(exchange.values)
            sent = True
            if not ack_ms:
                return Outcome.CONFIRMED, ""
        except WriteUnknown:
            sent = True
        except LinkLost:
            return (Outcome.UNKNOWN if sent else Outcome.REJECTED), "LINK_LOST"
        except WriteRejected as error:
            why = f"WRITE_REFUSED: {error}"
            await asyncio.sleep(RETRY_MS / 1000)
            if not sent:
                continue
        taken = await _taken(image, exchange, ack_ms)
        if taken is None:
            return Outcome.UNKNOWN, "LINK_LOST"
        if taken:
            return Outcome.CONFIRMED, ""
    return await withdraw(image, exchange, why) if sent else (Outcome.REJECTED, why)


async def withdraw(image: ProcessImage, exchange: Exchange, why: str) -> Ended:
    """Takes back a number that the PLC has not taken; CONFIRMED if it turns out that it has.

    UNKNOWN if the PLC does not take the fence either: then the number may still be taken.
    """
    taken = await _taken(image, exchange, 0)
    for _ in range(TRIES):
        if taken:
            return Outcome.CONFIRMED, ""
        if taken is None or not exchange.none:
            return Outcome.UNKNOWN, why
        try:
            await image.write(exchange.none)
        except WriteUnknown:
            if exchange.fenced is None:
                continue
        except PlcError:
            return Outcome.UNKNOWN, why
        taken, settled = await _settled(image, exchange)
        if taken is False and settled:
            return Outcome.REJECTED, why
    return (Outcome.CONFIRMED, "") if taken else (Outcome.UNKNOWN, why)


async def _settled(image: ProcessImage, exchange: Exchange) -> tuple[bool | None, bool]:
    """After `none` was written: whether the number was taken all the same, and whether it certainly cannot be now."""
    if exchange.fenced is None:
        return await _taken(image, exchange, SCAN_MS), True
    fenced, seen = exchange.fenced, False

    def over() -> bool:
        nonlocal seen
        seen = seen or exchange.taken()  # shown for a scan or two at least, until the fence is
        return seen or fenced() or not exchange.same()

    await image.wait(over, FENCE_MS)
    taken = await _taken(image, exchange, 0)
    return (None if taken is None else taken or seen), fenced()


async def _taken(image: ProcessImage, exchange: Exchange, wait_ms: int) -> bool | None:
    """Whether the PLC shows the number as taken, read anew after waiting for it; None if nobody can read that."""
    if wait_ms:
        await image.wait(lambda: exchange.taken() or not exchange.same(), wait_ms)
    try:
        await image.refresh(exchange.shown)
    except PlcError:
        return None
    return exchange.taken() if exchange.same() else None
