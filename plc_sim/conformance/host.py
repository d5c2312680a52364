"""The edge as a PLC sees it: a heartbeat, a mailbox, and somebody who looks at words until they are right."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Never

from edge.settings import Tag
from plc_sim.codes import WORD
from plc_sim.conformance.wire import Wire, WireError
from plc_sim.program import WCS_READY
from plc_sim.ring import after
from plc_sim.tags import Value

BEAT_S = 0.5
LOOK_S = 0.02
ACK_MAX_MS = 1000


class Failed(Exception):
    """The PLC did not do what the interface says."""


class Skipped(Exception):
    """Cannot be checked here, and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the mailbox said to a command."""

    seq: int
    result: int
    reason: int
    took_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the person at the machine allows, and has at hand."""

    motion: bool = False
    units: int = 0
    lane: int = 1
    slot: tuple[int, int, int] = (1, 1, 1)
    scan_ms: int = 20


class Host:
    """One PLC on a wire, with its tag table."""

    def __init__(self, wire: Wire, tags: Iterable[Tag], profile: str, wishes: Wishes) -> None:
        self.wire = wire
        self.tags = {tag.name: tag for tag in tags}
        self.profile = profile
        self.wishes = wishes
        self.beating = asyncio.Event()
        self._beat = 0

    async def beat(self) -> Never:
        """Our heartbeat, while `beating` is set; one that does not get through stops it, and the check will say so."""
        while True:
            await self.beating.wait()
            self._beat = self._beat % (WORD - 1) + 1
            try:
                await self.wire.write({"WcsHeartbeat": self._beat})
            except WireError:
                self.beating.clear()
            await asyncio.sleep(BEAT_S)

    async def come(self) -> None:
        """We are there and ready."""
        await self.wire.write({"WcsState": WCS_READY})
        self.beating.set()

    def go(self) -> None:
        """We are gone, without a word."""
        self.beating.clear()

    async def read(self, *names: str) -> dict[str, Value]:
        return await self.wire.read(names)

    async def word(self, name: str) -> int:
        """One numeric tag now."""
        return int((await self.wire.read((name,)))[name])

    async def bit(self, name: str, number: int) -> bool:
        return bool(await self.word(name) >> number & 1)

    async def until(
        self, names: Sequence[str], holds: Callable[[dict[str, int]], bool], limit_ms: float, what: str
    ) -> tuple[dict[str, int], float]:
        """Looks until it holds; the values and the milliseconds it took. Raises Failed."""
        started = time.monotonic()
        while True:
            asked_ms = (time.monotonic() - started) * 1000
            values = {name: int(value) for name, value in (await self.wire.read(names)).items()}
            if holds(values):
                return values, asked_ms
            if asked_ms > limit_ms:
                raise Failed(f"{what}: not within {limit_ms:.0f} ms; {_said(values)}")
            await asyncio.sleep(LOOK_S)

    async def stays(self, names: Sequence[str], for_ms: float, what: str) -> dict[str, int]:
        """Nothing of this changes for a while. Raises Failed."""
        before = {name: int(value) for name, value in (await self.wire.read(names)).items()}
        until = time.monotonic() + for_ms / 1000
        while time.monotonic() < until:
            await asyncio.sleep(LOOK_S)
            now = {name: int(value) for name, value in (await self.wire.read(names)).items()}
            if now != before:
                raise Failed(f"{what}: {_said(before)} became {_said(now)}")
        return before

    async def send(self, seq: int, code: int, args: Sequence[int] = ()) -> None:
        """A command into the mailbox, its number last."""
        padded = [*args, 0, 0, 0][:3]
        words = {f"CmdArg{number}": value for number, value in enumerate(padded, start=1)}
        await self.wire.write({"CmdCode": code, **words, "CmdSeq": seq})

    async def command(self, code: int, args: Sequence[int] = ()) -> Answer:
        """A new command and its answer. Raises Failed if there is none in a second."""
        seq = after(await self.word("CmdAckSeq"))
        await self.send(seq, code, args)
        names = ("CmdAckSeq", "CmdResult", "CmdReason")
        found, took_ms = await self.until(
            names, lambda now: now["CmdAckSeq"] == seq, ACK_MAX_MS, f"CmdAckSeq {seq} for command {code}"
        )
        return Answer(seq, found["CmdResult"], found["CmdReason"], took_ms)


def _said(values: dict[str, int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
