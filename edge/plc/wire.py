"""One TCP (or TLS) connection to a Modbus device or gateway; the only file that knows pymodbus.

The library reconnects and repeats nothing: it would resend writes, hold its lock for seconds and leak connections. A
request has its own time limit, and goes out when it is its turn: commands before polls. A connection on which nothing
has been heard for a while after something was asked is dead, whoever was asked.
"""

import asyncio
import contextlib
import heapq
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Never

from pymodbus.client import AsyncModbusTcpClient, AsyncModbusTlsClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from edge.plc.planner import REGISTERS, Block
from edge.plc.supervision import harden, still_wanted
from edge.plc.values import LinkLost, PlcError, monotonic_ms
from edge.settings import ConfigError, DeviceSettings

SILENCE_MAX_MS = 1200
"""Nothing heard for so long after a request: the peer is gone (half-open), whatever the time limit of a request."""
SILENCE_AFTER_MS = 200
"""But never before so long after the time limit of one request."""
CONNECT_MAX_S = 3.0
NEVER_S = 3600.0
"""The library's own time limits never come before ours."""
UNSURE = {4: "device failure", 5: "acknowledged, still working", 11: "gateway target silent"}
"""Exceptions after which a write may have happened all the same."""
EXCEPTIONS = {
    1: "illegal function", 2: "illegal address", 3: "illegal value", 6: "busy", 10: "gateway path", **UNSURE,
}  # fmt: skip
ABOUT_TAGS = (1, 2, 3, 4)
"""Exceptions that say something about what was asked for; the others, about the device or the way to it."""
SHORT_ANSWER = 0
FIRST, LATER = 0, 1
"""Turns: what equipment asks for, and the polls."""


class Unanswered(PlcError):
    """Nothing came back in time."""


class Refused(PlcError):
    """The device answered with an exception."""

    def __init__(self, code: int) -> None:
        super().__init__(
            "answer too short" if code == SHORT_ANSWER else f"{EXCEPTIONS.get(code, 'exception')} ({code})"
        )
        self.code = code


class Turns:
    """One request at a time; who comes FIRST goes before all who come LATER, else in the order of coming."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._number = 0

    @contextlib.asynccontextmanager
    async def turn(self, rank: int) -> AsyncIterator[None]:
        if self._busy:
            self._number += 1
            mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (rank, self._number, mine))
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():
                    self._pass_on()
                raise
        self._busy = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, next_one = heapq.heappop(self._waiting)
            if not next_one.done():
                next_one.set_result(None)  # stays busy: the turn is his from now on
                return
        self._busy = False


class Line:
    """One connection: one request at a time, each with its time limit, none repeated."""

    def __init__(self, device: DeviceSettings) -> None:
        self._where = f"{device.host}:{device.port}"
        self._turns = Turns()
        self._gone = asyncio.Event()
        self._why = ""
        self._unheard_since_ms: float | None = None
        """When the oldest request was sent after which nothing was heard."""
        self._silence_max_ms = SILENCE_MAX_MS
        self.asked_ms = self.heard_ms = monotonic_ms()
        """When the last request was sent, and when the last answer to anything came."""
        self._name = device.tls.server_name if device.tls is not None else ""
        self._client = _client(device, self._traced)

    def _traced(self, connected: bool) -> None:
        if not connected:
            self.lose("connection closed by the device")

    def lose(self, why: str) -> None:
        """Ends the connection for everybody on it; the first reason counts."""
        self._why = self._why or why
        self._gone.set()

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    async def open(self) -> None:
        """Raises LinkLost with what the network said."""
        named = {"server_hostname": self._name} if self._name else {}
        try:
            async with asyncio.timeout(CONNECT_MAX_S):
                # not `connect`: it swallows why there is no connection, and cannot be told the name in a certificate
                await self._client.ctx.call_create(**named)
        except TimeoutError as error:
            raise LinkLost(f"no connection to {self._where} within {CONNECT_MAX_S:g} s") from error
        except OSError as error:
            raise LinkLost(f"no connection to {self._where}: {error.strerror or error}") from error
        still_wanted()
        harden(self._client.ctx.transport)

    def close(self) -> None:
        """At once: what was not sent yet never will be."""
        self.lose("closed")
        abort = getattr(self._client.ctx.transport, "abort", None)
        if abort is not None:
            abort()  # `close` would first send what is buffered, and greet over TLS
        self._client.close()

    async def until_gone(self) -> Never:
        """Raises LinkLost when the connection is closed or stops answering."""
        while not self.gone:
            since_ms = self._unheard_since_ms
            left_ms = self._silence_max_ms - (monotonic_ms() - since_ms) if since_ms is not None else SILENCE_AFTER_MS
            if left_ms <= 0:
                self.lose(f"silent for {self._silence_max_ms} ms")
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_ms / 1000):
                    await self._gone.wait()
        raise LinkLost(self._why)

    # requests

    async def read(self, unit: int, block: Block, rank: int, limit_ms: int) -> list[int]:
        """The words of a block. Raises Unanswered, Refused or LinkLost."""
        client = self._client
        asks: dict[str, Callable[..., Awaitable[ModbusPDU]]] = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }
        ask = asks[block.table]
        reply = await self._answer(lambda: ask(block.address, count=block.count, device_id=unit), rank, limit_ms)
        return _words(reply.registers if block.table in REGISTERS else reply.bits, block.count)

    async def write(self, unit: int, function: int, address: int, words: Sequence[int], limit_ms: int) -> None:
        """One request by function 5, 6, 15 or 16. Raises Unanswered, Refused or LinkLost."""
        client = self._client
        asks: dict[int, Callable[[], Awaitable[ModbusPDU]]] = {
            5: lambda: client.write_coil(address, bool(words[0]), device_id=unit),
            6: lambda: client.write_register(address, words[0], device_id=unit),
            15: lambda: client.write_coils(address, [bool(word) for word in words], device_id=unit),
            16: lambda: client.write_registers(address, list(words), device_id=unit),
        }
        await self._answer(asks[function], FIRST, limit_ms)

    async def write_bit(self, unit: int, address: int, bit: int, value: int, limit_ms: int) -> None:
        """One bit of a register, by function 22. Raises Unanswered, Refused or LinkLost."""
        client, keep, put = self._client, 0xFFFF & ~(1 << bit), value << bit
        await self._answer(
            lambda: client.mask_write_register(address=address, and_mask=keep, or_mask=put, device_id=unit),
            FIRST,
            limit_ms,
        )

    async def write_read(self, unit: int, address: int, words: Sequence[int], block: Block, limit_ms: int) -> list[int]:
        """Writes, then reads, by function 23. Raises Unanswered, Refused or LinkLost."""
        client = self._client
        reply = await self._answer(
            lambda: client.readwrite_registers(
                read_address=block.address, read_count=block.count, write_address=address, values=list(words),
                device_id=unit,
            ),
            FIRST,
            limit_ms,
        )  # fmt: skip
        return _words(reply.registers, block.count)

    async def _answer(self, ask: Callable[[], Awaitable[ModbusPDU]], rank: int, limit_ms: int) -> ModbusPDU:
        async with self._turns.turn(rank):
            if self.gone:
                raise LinkLost(self._why)
            self.asked_ms = monotonic_ms()
            if self._unheard_since_ms is None:
                self._unheard_since_ms = self.asked_ms
                self._silence_max_ms = max(SILENCE_MAX_MS, limit_ms + SILENCE_AFTER_MS)
            try:
                async with asyncio.timeout(limit_ms / 1000):
                    answer = await ask()
            except ConnectionException as error:
                self.lose("connection closed")
                raise LinkLost("the connection was closed before the request") from error
            except (ModbusException, TimeoutError) as error:
                raise Unanswered(f"no answer within {limit_ms} ms") from error
            still_wanted()
            self.heard_ms, self._unheard_since_ms = monotonic_ms(), None
        if answer.isError():
            raise Refused(answer.exception_code)
        return answer


def _words(words: Sequence[int | bool], count: int) -> list[int]:
    if len(words) < count:
        raise Refused(SHORT_ANSWER)
    return [int(word) for word in words]


def _client(device: DeviceSettings, traced: Callable[[bool], None]) -> AsyncModbusTcpClient:
    known: dict[str, Any] = {"timeout": NEVER_S, "retries": 0, "reconnect_delay": 0, "trace_connect": traced}
    if device.tls is None:
        return AsyncModbusTcpClient(device.host, port=device.port, **known)
    return AsyncModbusTlsClient(device.host, port=device.port, sslctx=tls_context(device), **known)


def tls_context(device: DeviceSettings) -> ssl.SSLContext:
    """TLS 1.2 or newer, both sides with certificates, nothing trusted but `ca`. Raises ConfigError.

    MB-TCP-Security: mutual authentication, MBAP unchanged inside TLS. Its role extension is for servers to judge
    clients by; as a client there is nothing to check.
    """
    assert device.tls is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(device.tls.ca)
        context.load_cert_chain(device.tls.certificate, device.tls.key)
    except (OSError, ssl.SSLError) as error:
        names = ", ".join(str(path) for path in (device.tls.ca, device.tls.certificate, device.tls.key))
        raise ConfigError([f"tls: {names}: {error}; give PEM files: the CA, our certificate and its key"]) from error
    return context
