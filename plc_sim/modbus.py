"""A Modbus TCP server: frames answered in order, one unit or several behind one port, and the faults of a link.

Written on plain streams because pipelined requests must each get their answer. What does not fit the protocol closes
the connection; what fits and cannot be done is answered with the exception it deserves.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edge.settings import DeviceSettings, Tag
from plc_sim.program import Program
from plc_sim.registers import Registers

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
NO_TARGET = 0x0B
READ_BITS_MAX = 2000
WRITE_BITS_MAX = 1968
READ_MAX = 125
WRITE_MAX = 123
FC23_WRITE_MAX = 121
PDU_MAX = 253
CONNECTIONS_MAX = 8
SEND_TIMEOUT_S = 5.0
IDLE_S = 60.0
"""A connection that is silent this long is closed."""
COIL_ON, COIL_OFF = 0xFF00, 0x0000
READS = (1, 2, 3, 4)
FUNCTIONS = (1, 2, 3, 4, 5, 6, 15, 16, 22, 23)

Answer = bytes | int
"""A response PDU without its function code, or an exception code."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a PLC can: many take fewer registers at once, and not every function."""

    functions: frozenset[int] = frozenset(FUNCTIONS)
    read_max: int = READ_MAX
    write_max: int = WRITE_MAX
    connections_max: int = CONNECTIONS_MAX


class ModbusServer:
    """Serves one port; `before` lets the world catch up with the clock before each request."""

    def __init__(
        self,
        device: DeviceSettings,
        tags: Iterable[Tag],
        program: Program,
        before: Callable[[], None] = lambda: None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.registers = Registers(tags, program)
        self.units = {device.unit: self.registers}
        self.rubbish = 0
        """Connections closed because what came was not Modbus."""
        self.swallowed = 0
        """Requests executed whose answer was not sent."""
        self.port = device.port
        self._device = device
        self._before = before
        self._limits = limits or Limits()
        self._tls = tls
        self._open: dict[asyncio.StreamWriter, None] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._server: asyncio.Server | None = None
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._delay_ms = 0
        self._lose = 0
        self._lose_reads = False
        self._functions: dict[int, Callable[[Registers, bytes], Answer]] = {
            1: lambda registers, body: self._read_bits(registers, "coil", body),
            2: lambda registers, body: self._read_bits(registers, "discrete", body),
            3: lambda registers, body: self._read_words(registers, "holding", body),
            4: lambda registers, body: self._read_words(registers, "input", body),
            5: self._write_coil,
            6: self._write_one,
            15: self._write_coils,
            16: self._write_many,
            22: self._mask_write,
            23: self._read_write,
        }

    def add(self, unit: int, tags: Iterable[Tag], program: Program) -> None:
        """Another PLC behind the same port."""
        self.units[unit] = Registers(tags, program)

    @property
    def connections(self) -> int:
        return len(self._open)

    async def start(self, port: int | None = None) -> None:
        """Listen at the configured port, or at another (0 = any free one); after `stop` at the one of before."""
        if self._server is not None:
            return
        port = self.port if port is None else port
        self._server = await asyncio.start_server(self._talk, self._device.host, port, limit=4096, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection; who calls then is refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._thawed.set()
        for writer in list(self._open):
            writer.close()
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await self._empty.wait()

    # Faults of the link

    def freeze(self, on: bool) -> None:
        """Accept and never answer; established connections fall silent too. What came meanwhile is done afterwards."""
        if on:
            self._thawed.clear()
        else:
            self._thawed.set()

    def delay_replies(self, ms: int) -> None:
        """Do at once, answer so much later."""
        self._delay_ms = ms

    def lose_replies(self, count: int, *, reads: bool = False) -> None:
        """Do the next so many writes (or reads too) and do not answer."""
        self._lose, self._lose_reads = count, reads

    def drop_nodes(self, names: Sequence[str]) -> None:
        """These tags (`Tag`, or `machine/Tag`) are not there: exception 2; none = all are there again."""
        for registers in self.units.values():
            mine = f"{registers.program.machine_id}/"
            registers.drop([name.removeprefix(mine) for name in names])

    def reset(self) -> None:
        """Break every connection off with a TCP reset."""
        for writer in list(self._open):
            if (wire := writer.get_extra_info("socket")) is not None:
                with contextlib.suppress(OSError):
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    # The protocol

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: frame in, answer out, in order, one at a time."""
        self._open[writer] = None
        self._empty.clear()
        try:
            while self._server is not None and len(self._open) <= self._limits.connections_max:
                async with asyncio.timeout(IDLE_S):
                    header = await reader.readexactly(7)
                    transaction, protocol, length, unit = struct.unpack(">HHHB", header)
                    if protocol != 0 or not 2 <= length <= PDU_MAX + 1:
                        self.rubbish += 1
                        break
                    pdu = await reader.readexactly(length - 1)
                await self._thawed.wait()
                if writer.is_closing() or reader.exception() is not None:
                    break  # the client has given up: what it asked is not done
                await self._reply(writer, transaction, unit, pdu)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            del self._open[writer]
            writer.close()
            if not self._open:
                self._empty.set()

    async def _reply(self, writer: asyncio.StreamWriter, transaction: int, unit: int, pdu: bytes) -> None:
        """Do what is asked, and answer unless the answer is to be lost."""
        answer = self.answer(unit, pdu)
        if self._lose and (self._lose_reads or pdu[0] not in READS):
            self._lose -= 1
            self.swallowed += 1
            return
        if self._delay_ms:
            await asyncio.sleep(self._delay_ms / 1000)
        if writer.is_closing():
            return  # the client, or a fault of the link, did not wait for the answer
        writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await writer.drain()

    def answer(self, unit: int, pdu: bytes) -> bytes:
        """The response PDU to a request PDU."""
        function = pdu[0]
        answer: Answer
        registers = self.units.get(unit)
        if registers is None:
            answer = NO_TARGET
        elif function not in self._functions or function not in self._limits.functions:
            answer = ILLEGAL_FUNCTION
        else:
            self._before()
            answer = self._functions[function](registers, pdu[1:])
        if isinstance(answer, int):
            return bytes((function | 0x80, answer))
        return bytes((function,)) + answer

    def _read_bits(self, registers: Registers, table: str, body: bytes) -> Answer:
        if len(body) != 4:
            return ILLEGAL_VALUE
        address, count = struct.unpack(">HH", body)
        if not 1 <= count <= READ_BITS_MAX:
            return ILLEGAL_VALUE
        bits = registers.read(table, address, count)
        if bits is None:
            return ILLEGAL_ADDRESS
        size = -(-count // 8)
        packed = sum(bit << place for place, bit in enumerate(bits)).to_bytes(size, "little")
        return bytes((size,)) + packed

    def _read_words(self, registers: Registers, table: str, body: bytes) -> Answer:
        if len(body) != 4:
            return ILLEGAL_VALUE
        address, count = struct.unpack(">HH", body)
        if not 1 <= count <= self._limits.read_max:
            return ILLEGAL_VALUE
        words = registers.read(table, address, count)
        return ILLEGAL_ADDRESS if words is None else struct.pack(f">B{count}H", 2 * count, *words)

    def _write_coil(self, registers: Registers, body: bytes) -> Answer:
        if len(body) != 4:
            return ILLEGAL_VALUE
        address, value = struct.unpack(">HH", body)
        if value not in (COIL_ON, COIL_OFF):
            return ILLEGAL_VALUE
        return body if registers.write("coil", address, [int(value == COIL_ON)]) else ILLEGAL_ADDRESS

    def _write_coils(self, registers: Registers, body: bytes) -> Answer:
        if len(body) < 6:
            return ILLEGAL_VALUE
        address, count, size = struct.unpack(">HHB", body[:5])
        if not 1 <= count <= WRITE_BITS_MAX or size != -(-count // 8) or len(body) != 5 + size:
            return ILLEGAL_VALUE
        packed = int.from_bytes(body[5:], "little")
        bits = [packed >> place & 1 for place in range(count)]
        return body[:4] if registers.write("coil", address, bits) else ILLEGAL_ADDRESS

    def _write_one(self, registers: Registers, body: bytes) -> Answer:
        if len(body) != 4:
            return ILLEGAL_VALUE
        address, word = struct.unpack(">HH", body)
        return body if registers.write("holding", address, [word]) else ILLEGAL_ADDRESS

    def _write_many(self, registers: Registers, body: bytes) -> Answer:
        words = _block(body, self._limits.write_max)
        if words is None:
            return ILLEGAL_VALUE
        return body[:4] if registers.write("holding", struct.unpack(">H", body[:2])[0], words) else ILLEGAL_ADDRESS

    def _mask_write(self, registers: Registers, body: bytes) -> Answer:
        if len(body) != 6:
            return ILLEGAL_VALUE
        address, and_mask, or_mask = struct.unpack(">HHH", body)
        now = registers.read("holding", address, 1)
        if now is None:
            return ILLEGAL_ADDRESS
        word = (now[0] & and_mask) | (or_mask & ~and_mask & 0xFFFF)
        return body if registers.write("holding", address, [word]) else ILLEGAL_ADDRESS

    def _read_write(self, registers: Registers, body: bytes) -> Answer:
        """Write first, then read (FC 23)."""
        words = _block(body[4:], min(FC23_WRITE_MAX, self._limits.write_max))
        if words is None:
            return ILLEGAL_VALUE
        read_address, count, write_address = struct.unpack(">HHH", body[:6])
        if not 1 <= count <= self._limits.read_max:
            return ILLEGAL_VALUE
        if registers.read("holding", read_address, count) is None:
            return ILLEGAL_ADDRESS
        if not registers.write("holding", write_address, words):
            return ILLEGAL_ADDRESS
        return self._read_words(registers, "holding", body[:4])


def _block(body: bytes, count_max: int) -> list[int] | None:
    """The registers of `address, count, bytes, data`, or None when the numbers do not fit each other."""
    if len(body) < 5:
        return None
    count, size = struct.unpack(">HB", body[2:5])
    if not 1 <= count <= count_max or size != 2 * count or len(body) != 5 + size:
        return None
    return list(struct.unpack(f">{count}H", body[5:]))
