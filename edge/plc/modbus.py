"""Keeps one process image alive over Modbus TCP; the only file that knows pymodbus.

One connection polls, another carries writes and the reads equipment asks for, so that neither waits for the other. The
library reconnects and repeats nothing: it would resend writes, hold its lock for seconds and leak connections. Each
attempt has fresh clients; a write that is not answered is WriteUnknown and never sent again from here.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Never

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from edge.plc.image import LinkLost, PlcError, ProcessImage, Value, WriteRejected, WriteUnknown, monotonic_ms
from edge.plc.registers import Block, encode, plan_reads
from edge.plc.supervision import harden, still_wanted, supervise
from edge.settings import ConfigError, DeviceSettings, Tag

MISSES_MAX = 3
"""Unanswered requests in a row after which a connection counts as dead (half-open)."""
UNSURE = {4: "device failure", 5: "acknowledged, still working", 11: "gateway target silent"}
"""Exceptions after which a write may have happened all the same."""
EXCEPTIONS = {1: "illegal function", 2: "illegal address", 3: "illegal value", 6: "busy", 10: "gateway path", **UNSURE}

logger = logging.getLogger(__name__)


class Unanswered(PlcError):
    """Nothing came back in time."""


class Refused(PlcError):
    """The device answered with an exception."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{EXCEPTIONS.get(code, 'exception')} ({code})")
        self.code = code


class Line:
    """One TCP connection to the device: one request at a time, each with its time limit, none repeated."""

    def __init__(self, device: DeviceSettings) -> None:
        self._device = device
        self._misses = 0
        self._gone = asyncio.Event()
        self._why = ""
        self._client = AsyncModbusTcpClient(
            device.host,
            port=device.port,
            timeout=max(device.timeout_ms, 1) / 1000,
            retries=0,
            reconnect_delay=0,
            trace_connect=self._traced,
        )
        client = self._client
        self._read = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }

    def _traced(self, connected: bool) -> None:
        if not connected:
            self._lose("connection closed by the device")

    def _lose(self, why: str) -> None:
        self._why = self._why or why
        self._gone.set()

    async def open(self) -> None:
        """Raises LinkLost."""
        if not await self._client.connect():
            raise LinkLost(f"no connection to {self._device.host}:{self._device.port}")
        harden(self._client.ctx.transport)

    def close(self) -> None:
        self._client.close()

    async def until_gone(self) -> Never:
        """Raises LinkLost when the connection is closed or stops answering."""
        await self._gone.wait()
        raise LinkLost(self._why)

    async def read(self, block: Block) -> list[int]:
        """The words of a block. Raises Unanswered or Refused."""
        ask, unit = self._read[block.table], self._device.unit
        reply = await self._answer(lambda: ask(block.address, count=block.count, device_id=unit))
        words = reply.registers if block.table in ("holding", "input") else reply.bits
        if len(words) < block.count:
            raise Refused(0)
        return [int(word) for word in words]

    async def write(self, table: str, address: int, words: Sequence[int]) -> None:
        """One request. Raises Unanswered or Refused."""
        client, unit = self._client, self._device.unit
        if table == "coil":
            await self._answer(lambda: client.write_coils(address, [bool(word) for word in words], device_id=unit))
        else:
            await self._answer(lambda: client.write_registers(address, list(words), device_id=unit))

    async def _answer(self, ask: Callable[[], Awaitable[ModbusPDU]]) -> ModbusPDU:
        try:
            answer = await ask()
        except ConnectionException as error:
            self._lose("connection closed")
            raise LinkLost("the connection was closed before the request") from error
        except ModbusException as error:
            self._misses += 1
            if self._misses >= MISSES_MAX:
                self._lose(f"{MISSES_MAX} requests without an answer")
            raise Unanswered(error.string) from error
        still_wanted()
        self._misses = 0
        if answer.isError():
            raise Refused(answer.exception_code)
        return answer


async def keep(device: DeviceSettings, tags: Sequence[Tag], image: ProcessImage) -> Never:
    """Keeps the image alive over Modbus TCP, for ever."""
    strays = [tag.name for tag in tags if tag.table == "node" or tag.words > device.max_read]
    if strays:
        raise ConfigError(
            [f"{device.tags}: {', '.join(strays[:5])}: not readable over modbus with max_read {device.max_read}"]
        )
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it repeats what the supervision says once
    await supervise(f"{device.host}:{device.port}", image, lambda up: _hold(device, tags, image, up))


async def _hold(device: DeviceSettings, tags: Sequence[Tag], image: ProcessImage, up: Callable[[], None]) -> Never:
    """One life of the link: connect, read everything, then poll and answer until it is lost. Raises LinkLost."""
    polls, asks = Line(device), Line(device)
    try:
        await polls.open()
        await asks.open()
        plan = await _read_all(device, polls, tags, image)
        up()
        async with asyncio.TaskGroup() as group:
            group.create_task(polls.until_gone())
            group.create_task(_poll(polls, plan, image))
            group.create_task(_answer_asks(device, asks, image))
            await asks.until_gone()  # in the body: see still_wanted
        raise AssertionError("the tasks of a link end only by losing it")
    finally:
        polls.close()
        asks.close()


async def _read_all(
    device: DeviceSettings, line: Line, tags: Iterable[Tag], image: ProcessImage
) -> list[tuple[float, Block]]:
    """Reads every polled tag once; the blocks that work, with their period in seconds. Raises LinkLost."""
    plan: list[tuple[float, Block]] = []
    polled = [tag for tag in tags if tag.poll_class != "ring"]
    for name, period_ms in (("fast", device.poll.fast), ("normal", device.poll.normal), ("slow", device.poll.slow)):
        for block in plan_reads([tag for tag in polled if tag.poll_class == name], device.max_read):
            plan += [(max(period_ms, 1) / 1000, part) for part in await _first_read(device, line, block, image)]
    return plan


async def _first_read(device: DeviceSettings, line: Line, block: Block, image: ProcessImage) -> list[Block]:
    """Reads a block; a device that refuses the gaps inside it is asked for the parts between them."""
    try:
        await _read_block(line, block, image)
    except Unanswered as error:
        raise LinkLost("no answer to the first read") from error
    except Refused as refused:
        parts = plan_reads(block.tags, device.max_read, gap=0)
        if len(parts) == 1:
            names = f"{block.tags[0].name}..{block.tags[-1].name}"
            raise LinkLost(f"{names} at {block.table} {block.address} refused: {refused}") from refused
        return [piece for part in parts for piece in await _first_read(device, line, part, image)]
    return [block]


async def _read_block(line: Line, block: Block, image: ProcessImage) -> None:
    asked_ms = monotonic_ms()
    image.update(dict(block.values(await line.read(block))), asked_ms)


async def _poll(line: Line, plan: list[tuple[float, Block]], image: ProcessImage) -> Never:
    """Reads each block in its period, the most overdue first; lateness is not caught up in bursts."""
    now = time.monotonic()
    due = [(now + period_s, index) for index, (period_s, _) in enumerate(plan)]
    heapq.heapify(due)
    while True:
        at, index = due[0]
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        period_s, block = plan[index]
        try:
            await _read_block(line, block, image)
        except Refused as refused:
            if image.is_good(block.tags[0].name):
                logger.warning("tags refused", extra={"first": block.tags[0].name, "reason": str(refused)})
            image.spoil(tag.name for tag in block.tags)
        except Unanswered:
            pass  # the line counts them
        heapq.heapreplace(due, (max(at + period_s, time.monotonic()), index))


async def _answer_asks(device: DeviceSettings, line: Line, image: ProcessImage) -> Never:
    tags = {tag.name: tag for tag in image.tags}

    async def read(names: tuple[str, ...]) -> None:
        try:
            for block in plan_reads([tags[name] for name in names], device.max_read):
                await _read_block(line, block, image)
        except (Refused, Unanswered) as error:
            raise LinkLost(f"read not answered: {error}") from error

    async def write(values: tuple[tuple[str, Value], ...]) -> None:
        table, address, words = _one_request(device, [(tags[name], value) for name, value in values])
        try:
            await line.write(table, address, words)
        except Unanswered as error:
            raise WriteUnknown(str(error)) from error
        except Refused as refused:
            if refused.code in UNSURE:
                raise WriteUnknown(str(refused)) from refused
            raise WriteRejected(str(refused)) from refused

    await image.serve(read, write)


def _one_request(device: DeviceSettings, values: Sequence[tuple[Tag, Value]]) -> tuple[str, int, list[int]]:
    """Table, first address and words of neighbouring tags in order. Raises WriteRejected if they are not."""
    if not values:
        raise WriteRejected("nothing to write")
    first = values[0][0]
    words: list[int] = []
    for tag, value in values:
        if tag.table != first.table or tag.address != first.address + len(words):
            raise WriteRejected(f"{tag.name} does not follow its predecessor; one write is one request")
        words += encode(tag, value)
    if len(words) > device.max_write:
        raise WriteRejected(f"{len(words)} words are more than max_write {device.max_write}")
    return first.table, first.address, words
