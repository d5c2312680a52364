"""The connections to one host and port, shared by every Modbus device behind it.

A device of its own has one connection for the polls and another for what equipment asks, so that neither waits for the
other. Several unit ids on one gateway share those two (or one, where the gateway allows no more), and what is asked
goes before what is polled. A unit that does not answer loses its own link; the connection is given up only when nobody
on it is answered any more. Requests to a dead unit still take their time on a line: that is the gateway's, not ours.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Never, TypeVar

from edge.plc.figures import LinkFigures
from edge.plc.planner import Block
from edge.plc.values import LinkLost, monotonic_ms
from edge.plc.wire import FIRST, LATER, Line, Refused, Unanswered
from edge.plc.writing import MASK, Request
from edge.settings import DeviceSettings

MISSES_MAX = 3
"""Requests in a row without an answer after which a unit counts as dead."""
NOBODY_THERE = (10, 11)
"""Exceptions by which a gateway says that the unit does not answer it."""

T = TypeVar("T")

_gateways: dict[tuple[str, int], "Gateway"] = {}


class Gateway:
    """Opens the connections for the first who needs them, closes them when the last has gone."""

    def __init__(self) -> None:
        self.known = 0
        """Devices behind it, connected or not."""
        self._lines: list[Line] = []
        self._users = 0
        self._opening = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def joined(self, device: DeviceSettings) -> AsyncIterator[tuple[Line, Line]]:
        """The lines for polls and for asks (maybe the same), all fresh if one was lost. Raises LinkLost."""
        async with self._opening:
            if not self._lines or any(line.gone for line in self._lines):
                await self._open(device)
            lines = self._lines
            self._users += 1
        try:
            yield lines[0], lines[-1]
        finally:
            self._users -= 1
            if self._users == 0:
                self._close()

    async def _open(self, device: DeviceSettings) -> None:
        self._close()
        self._lines = [Line(device) for _ in range(device.connections)]
        try:
            for line in self._lines:
                await line.open()
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        for line in self._lines:
            line.close()
        self._lines = []


@contextlib.contextmanager
def gateway_of(device: DeviceSettings) -> Iterator[Gateway]:
    """The gateway at the device's host and port, the same for all devices there while any of them is kept."""
    key = (device.host, device.port)
    gateway = _gateways.setdefault(key, Gateway())
    gateway.known += 1
    try:
        yield gateway
    finally:
        gateway.known -= 1
        if gateway.known == 0:
            _gateways.pop(key, None)


class Seat:
    """One device on its lines: its unit id, its time limit, its figures, and how often it did not answer."""

    def __init__(self, device: DeviceSettings, polls: Line, asks: Line, figures: LinkFigures) -> None:
        self.device = device
        self.name = f"{device.host}:{device.port}/{device.unit}"
        self._polls, self._asks = polls, asks
        self._figures = figures
        self._limit_ms = max(device.timeout_ms, 1)
        self._misses = 0
        self._missed_ms = 0.0
        """When the first request was sent that was not answered."""
        self._gone = asyncio.Event()
        self._why = ""

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its connections, each once."""
        return tuple(dict.fromkeys((self._polls, self._asks)))

    async def until_gone(self) -> Never:
        """Raises LinkLost when the unit stops answering, on whatever connection."""
        await self._gone.wait()
        raise LinkLost(self._why)

    async def poll(self, block: Block) -> list[int]:
        """The words of a block, after everybody who asks. Raises Unanswered, Refused or LinkLost."""
        return await self._read(self._polls, block, LATER)

    async def ask(self, block: Block) -> list[int]:
        """The words of a block, before everybody who polls. Raises Unanswered, Refused or LinkLost."""
        return await self._read(self._asks, block, FIRST)

    async def probe(self, line: Line, block: Block) -> list[int]:
        """The words of a block over this connection. Raises Unanswered, Refused or LinkLost."""
        return await self._read(line, block, LATER)

    async def write(self, request: Request) -> None:
        """Raises Unanswered, Refused or LinkLost."""
        line, unit = self._asks, self.device.unit
        if request.function == MASK:
            bit, value = request.words
            ask = line.write_bit(unit, request.address, bit, value, self._limit_ms)
        else:
            ask = line.write(unit, request.function, request.address, request.words, self._limit_ms)
        await self._counted("writes", line, ask)

    async def write_read(self, request: Request, block: Block) -> list[int]:
        """Both in one request, by function 23. Raises Unanswered, Refused or LinkLost."""
        ask = self._asks.write_read(self.device.unit, request.address, request.words, block, self._limit_ms)
        return await self._counted("writes", self._asks, ask)

    async def _read(self, line: Line, block: Block, rank: int) -> list[int]:
        return await self._counted("reads", line, line.read(self.device.unit, block, rank, self._limit_ms))

    async def _counted(self, what: str, line: Line, ask: Coroutine[None, None, T]) -> T:
        """Counts what became of it; too many without an answer end the link."""
        since_ms = monotonic_ms()
        try:
            answer = await ask
        except Unanswered:
            self._figures.count("unanswered")
            self._missed(line, since_ms, f"{MISSES_MAX} requests without an answer")
            raise
        except Refused as refused:
            self._figures.count("refused")
            if refused.code in NOBODY_THERE:
                self._missed(line, since_ms, str(refused))
            else:
                self._misses = 0
            raise
        self._misses = 0
        self._figures.count(what)
        return answer

    def _missed(self, line: Line, since_ms: float, why: str) -> None:
        if self._misses == 0:
            self._missed_ms = since_ms
        self._misses += 1
        if self._misses >= MISSES_MAX:
            self._why = self._why or why
            self._gone.set()
            if line.heard_ms < self._missed_ms:
                line.lose(why)  # nobody else was answered either
