"""A Modbus TCP server for one machine: registers over the tags of its PLC program, frames answered in order.

Written on plain streams because pipelined requests must each get their answer. A client may write only what the tag
table gives to the WCS; anything else is exception 2 and counted.
"""

import asyncio
import struct
from collections.abc import Callable, Iterable, Sequence

from edge.settings import DeviceSettings, Tag
from plc_sim.program import LIVE, Program
from plc_sim.words import decode, encode

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
NO_TARGET = 0x0B
READ_MAX = 125
WRITE_MAX = 123
FC23_WRITE_MAX = 121
PDU_MAX = 253
CONNECTIONS_MAX = 8
SEND_TIMEOUT_S = 5.0
IDLE_S = 60.0
"""A connection that is silent this long is closed."""
ROUND_TO = 100
"""Registers exist up to the next hundred after the last tag; gaps read as 0."""

Answer = bytes | int
"""A response PDU without its function code, or an exception code."""


class Registers:
    """The holding registers of a machine, brought up to date from its program when they are read."""

    def __init__(self, tags: Iterable[Tag], program: Program) -> None:
        self.program = program
        self.refused = 0
        """Writes to what is not the client's."""
        self._tags = sorted((tag for tag in tags if tag.table == "holding"), key=lambda tag: (tag.address, tag.name))
        self._by_name = {tag.name: tag for tag in self._tags}
        end = max((tag.address + tag.words for tag in self._tags), default=0)
        self._words = [0] * (-(-end // ROUND_TO) * ROUND_TO)
        self._live = [self._by_name[name] for name in LIVE if name in self._by_name]
        self._owner: dict[int, Tag] = {
            address: tag for tag in self._tags for address in range(tag.address, tag.address + tag.words)
        }
        program.changed.clear()
        for tag in self._tags:
            self._store(tag)

    def read(self, address: int, count: int) -> list[int] | None:
        """`count` registers, or None when they do not exist."""
        if address + count > len(self._words):
            return None
        self._refresh()
        for tag in self._live:
            if tag.address < address + count and address < tag.address + tag.words:
                self._store(tag)
        return self._words[address : address + count]

    def write(self, address: int, words: Sequence[int]) -> bool:
        """Write all or (False) nothing; the tags take their new values in order of address, sequence numbers last."""
        owners = [self._owner.get(each) for each in range(address, address + len(words))]
        if any(tag is None or tag.writer != "wcs" for tag in owners):
            self.refused += 1
            return False
        self._refresh()
        self._words[address : address + len(words)] = words
        for tag in dict.fromkeys(tag for tag in owners if tag is not None):
            if not self.program.write(tag.name, decode(tag, self._words[tag.address : tag.address + tag.words])):
                self._store(tag)
        return True

    def _refresh(self) -> None:
        changed = self.program.changed
        while changed:
            name = next(iter(changed))
            del changed[name]
            if name in self._by_name:
                self._store(self._by_name[name])

    def _store(self, tag: Tag) -> None:
        self._words[tag.address : tag.address + tag.words] = encode(tag, self.program.read(tag.name))


class ModbusServer:
    """Serves one device; `before` lets the world catch up with the clock before each request."""

    def __init__(
        self, device: DeviceSettings, tags: Iterable[Tag], program: Program, before: Callable[[], None] = lambda: None
    ) -> None:
        self.registers = Registers(tags, program)
        self.rubbish = 0
        """Connections closed because what came was not Modbus."""
        self.port = device.port
        self._device = device
        self._before = before
        self._open: dict[asyncio.StreamWriter, None] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._server: asyncio.Server | None = None
        self._functions: dict[int, Callable[[bytes], Answer]] = {
            3: self._read_holding,
            6: self._write_one,
            16: self._write_many,
            22: self._mask_write,
            23: self._read_write,
            **dict.fromkeys((1, 2, 4, 5, 15), self._no_such_table),
        }

    async def start(self, port: int | None = None) -> None:
        """Listen at the configured port, or at another (0 = any free one)."""
        port = self._device.port if port is None else port
        self._server = await asyncio.start_server(self._talk, self._device.host, port, limit=4096)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.close()
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await self._empty.wait()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: frame in, answer out, in order, one at a time."""
        self._open[writer] = None
        self._empty.clear()
        try:
            while len(self._open) <= CONNECTIONS_MAX:
                async with asyncio.timeout(IDLE_S):
                    header = await reader.readexactly(7)
                    transaction, protocol, length, unit = struct.unpack(">HHHB", header)
                    if protocol != 0 or not 2 <= length <= PDU_MAX + 1:
                        self.rubbish += 1
                        break
                    pdu = await reader.readexactly(length - 1)
                answer = self.answer(unit, pdu)
                writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            del self._open[writer]
            writer.close()
            if not self._open:
                self._empty.set()

    def answer(self, unit: int, pdu: bytes) -> bytes:
        """The response PDU to a request PDU."""
        function = pdu[0]
        answer: Answer
        if unit != self._device.unit:
            answer = NO_TARGET
        elif function not in self._functions:
            answer = ILLEGAL_FUNCTION
        else:
            self._before()
            answer = self._functions[function](pdu[1:])
        if isinstance(answer, int):
            return bytes((function | 0x80, answer))
        return bytes((function,)) + answer

    def _no_such_table(self, body: bytes) -> Answer:
        """Coils, discrete inputs and input registers: there are none."""
        return ILLEGAL_ADDRESS if len(body) >= 4 else ILLEGAL_VALUE

    def _read_holding(self, body: bytes) -> Answer:
        if len(body) != 4:
            return ILLEGAL_VALUE
        address, count = struct.unpack(">HH", body)
        if not 1 <= count <= READ_MAX:
            return ILLEGAL_VALUE
        words = self.registers.read(address, count)
        return ILLEGAL_ADDRESS if words is None else struct.pack(f">B{count}H", 2 * count, *words)

    def _write_one(self, body: bytes) -> Answer:
        if len(body) != 4:
            return ILLEGAL_VALUE
        address, word = struct.unpack(">HH", body)
        return body if self.registers.write(address, [word]) else ILLEGAL_ADDRESS

    def _write_many(self, body: bytes) -> Answer:
        words = _block(body, WRITE_MAX)
        if words is None:
            return ILLEGAL_VALUE
        return body[:4] if self.registers.write(struct.unpack(">H", body[:2])[0], words) else ILLEGAL_ADDRESS

    def _mask_write(self, body: bytes) -> Answer:
        if len(body) != 6:
            return ILLEGAL_VALUE
        address, and_mask, or_mask = struct.unpack(">HHH", body)
        now = self.registers.read(address, 1)
        if now is None:
            return ILLEGAL_ADDRESS
        word = (now[0] & and_mask) | (or_mask & ~and_mask & 0xFFFF)
        return body if self.registers.write(address, [word]) else ILLEGAL_ADDRESS

    def _read_write(self, body: bytes) -> Answer:
        """Write first, then read (FC 23)."""
        words = _block(body[4:], FC23_WRITE_MAX)
        if words is None:
            return ILLEGAL_VALUE
        read_address, count, write_address = struct.unpack(">HHH", body[:6])
        if not 1 <= count <= READ_MAX:
            return ILLEGAL_VALUE
        if self.registers.read(read_address, count) is None or not self.registers.write(write_address, words):
            return ILLEGAL_ADDRESS
        return self._read_holding(body[:4])


def _block(body: bytes, count_max: int) -> list[int] | None:
    """The registers of `address, count, bytes, data`, or None when the numbers do not fit each other."""
    if len(body) < 5:
        return None
    count, size = struct.unpack(">HB", body[2:5])
    if not 1 <= count <= count_max or size != 2 * count or len(body) != 5 + size:
        return None
    return list(struct.unpack(f">{count}H", body[5:]))
