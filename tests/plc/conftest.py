"""A small Modbus device on raw asyncio streams, an OPC UA server, and the coroutine under test as a task."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Server, ua

from edge.plc.image import ProcessImage
from edge.settings import DeviceSettings, PollSettings, Tag
from edge.uplink.broker import free_port

URI = "urn:test:plc"
VARIANTS = {"uint16": "UInt16", "bits": "UInt16", "uint32": "UInt32", "bool": "Boolean", "string": "String"}


async def until(holds: Callable[[], object], limit_s: float = 15.0) -> None:
    async with asyncio.timeout(limit_s):
        while not holds():
            await asyncio.sleep(0.005)


class ModbusDevice:
    """Answers out of one table of words; can be silent, refuse, lose answers, die and come back."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self.tls = tls
        self.words: dict[int, int] = {}
        self.requests: list[tuple[int, int, int, int]] = []
        """Unit, function, address, count."""
        self.silent = False
        self.lose_write_answers = 0
        self.delay_s = 0.0
        self.refused: dict[int, int] = {}
        """Address -> exception code for every request that touches it."""
        self.functions = {1, 2, 3, 4, 5, 6, 15, 16, 22, 23}
        self.words_max = 125
        self.dead_units: dict[int, int] = {}
        """Unit -> what the gateway answers for it: an exception code, or 0 for nothing at all."""
        self.most_connections = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        self._server = None

    @property
    def connections(self) -> int:
        return len(self._writers)

    def writes(self) -> list[tuple[int, int]]:
        return [(address, count) for _, function, address, count in self.requests if function == 16]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.most_connections = max(self.most_connections, len(self._writers))
        try:
            while True:
                tid, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                pdu = await reader.readexactly(length - 1)
                answer = self._answer(unit, pdu)
                if answer is None or self.silent:
                    continue
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(struct.pack(">HHHB", tid, 0, len(answer) + 1, unit) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, unit: int, pdu: bytes) -> bytes | None:
        function, address, count = struct.unpack(">BHH", pdu[:5])
        count = 1 if function in (5, 6, 22) else count
        self.requests.append((unit, function, address, count))
        if unit in self.dead_units:
            return bytes([function | 0x80, self.dead_units[unit]]) if self.dead_units[unit] else None
        code = 1 if function not in self.functions else 3 if function > 2 and count > self.words_max else 0
        for at in range(address, address + count):
            code = code or self.refused.get(at, 0)
        if code:
            return bytes([function | 0x80, code])
        answer = self._write(function, address, pdu) if function in (5, 6, 15, 16, 22) else None
        if answer is not None:
            if self.lose_write_answers:
                self.lose_write_answers -= 1
                return None
            return answer
        if function == 23:
            self._write(16, *struct.unpack(">H", pdu[5:7]), b"\0\0\0" + pdu[7:])
        if function in (1, 2):
            bits = sum((self.words.get(address + at, 0) & 1) << at for at in range(count))
            return bytes([function, (count + 7) // 8]) + bits.to_bytes((count + 7) // 8, "little")
        words = [self.words.get(at, 0) for at in range(address, address + count)]
        return bytes([function, 2 * count]) + struct.pack(f">{count}H", *words)

    def _write(self, function: int, address: int, pdu: bytes) -> bytes:
        """The words changed; the answer."""
        (second,) = struct.unpack(">H", pdu[3:5])
        if function == 22:
            (third,) = struct.unpack(">H", pdu[5:7])
            self.words[address] = self.words.get(address, 0) & second | third & ~second & 0xFFFF
            return pdu
        if function in (5, 6):
            self.words[address] = second if function == 6 else int(second == 0xFF00)
        elif function == 16:
            self.words |= dict(enumerate(struct.unpack(f">{second}H", pdu[6:]), start=address))
        else:
            self.words |= {address + at: pdu[6 + at // 8] >> at % 8 & 1 for at in range(second)}
        return pdu[:5]


class OpcUaPlc:
    """An OPC UA server with one variable per tag below `Cell`."""

    def __init__(self, tags: Sequence[Tag]) -> None:
        self.tags = tags
        self.url = f"opc.tcp://127.0.0.1:{free_port()}"
        self.server: Server | None = None
        self.nodes: dict[str, Any] = {}

    async def start(self, prepare: Callable[[Server], Awaitable[None]] | None = None) -> None:
        server = Server()
        await server.init()
        server.set_endpoint(self.url)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        if prepare is not None:
            await prepare(server)
        index = await server.register_namespace(URI)
        folder = await server.nodes.objects.add_object(ua.NodeId("Cell", index), ua.QualifiedName("Cell", index))
        self.folder = folder
        for tag in self.tags:
            await self._variable(tag)
        await server.start()
        self.server = server

    async def _variable(self, tag: Tag) -> None:
        index = self.folder.nodeid.NamespaceIndex
        empty: Any = {"bool": False, "string": ""}.get(tag.type, 0)
        variant = ua.Variant(empty, getattr(ua.VariantType, VARIANTS[tag.type]))
        name = ua.QualifiedName(tag.name, index)
        node = await self.folder.add_variable(ua.NodeId(f"Cell.{tag.node}", index), name, variant)
        if tag.writer == "wcs":
            await node.set_writable()
        self.nodes[tag.name] = node

    async def add(self, tag: Tag) -> None:
        """A node that was not there at the start."""
        self.tags = (*self.tags, tag)
        await self._variable(tag)

    async def drop(self, name: str) -> None:
        await self.server.delete_nodes([self.nodes.pop(name)])
        self.tags = tuple(tag for tag in self.tags if tag.name != name)

    async def put(self, **values: Any) -> None:
        for name, value in values.items():
            tag = next(tag for tag in self.tags if tag.name == name)
            await self.nodes[name].write_value(ua.Variant(value, getattr(ua.VariantType, VARIANTS[tag.type])))

    async def get(self, name: str) -> Any:
        return await self.nodes[name].read_value()

    def hang_up(self) -> None:
        """Cuts every connection; the server lives on."""
        for protocol in list(self.server.bserver.clients if self.server is not None else ()):
            protocol.transport.abort()

    async def stop(self) -> None:
        if self.server is not None:
            with contextlib.suppress(Exception):
                await self.server.stop()
        self.server = None


@contextlib.asynccontextmanager
async def kept(keep: Any, device: DeviceSettings, tags: Sequence[Tag]) -> AsyncIterator[ProcessImage]:
    """The image while `keep` runs."""
    image = ProcessImage(tags)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keep(device, image.tags, image))
        yield image
        task.cancel()


@pytest.fixture
async def modbus_device() -> AsyncIterator[ModbusDevice]:
    device = ModbusDevice()
    await device.start()
    yield device
    await device.stop()


def holding(name: str, address: int, **fields: Any) -> Tag:
    known = {"table": "holding", "type": "uint16", "poll_class": "fast"}
    return Tag.model_validate({"name": name, "address": address, **known, **fields})


def node(name: str, **fields: Any) -> Tag:
    known = {"table": "node", "node": f"Status.{name}", "type": "uint16", "poll_class": "fast"}
    return Tag.model_validate({"name": name, **known, **fields})


MODBUS_TAGS = (
    holding("BootCount", 1),
    holding("PlcHeartbeat", 2),
    holding("Lane", 30, poll_class="normal"),
    holding("Position", 32, type="uint32", poll_class="normal"),
    holding("Slot.Head", 100, poll_class="ring"),
    holding("Slot.Code", 101, type="string", count=24, poll_class="ring"),
    holding("Slot.Tail", 113, poll_class="ring"),
    holding("Beat", 1000, writer="wcs", access="rw", poll_class="slow"),
    holding("Epoch", 1001, writer="wcs", access="rw", poll_class="slow"),
    holding("Id", 1002, type="uint32", writer="wcs", access="rw", poll_class="slow"),
    holding("Number", 1004, writer="wcs", access="rw", poll_class="slow"),
    holding("Far", 1010, writer="wcs", access="rw", poll_class="slow"),
)
NODE_TAGS = (
    node("BootCount"),
    node("PlcHeartbeat"),
    node("Busy", type="bool"),
    node("Speed", poll_class="normal"),
    node("Slot.Head", poll_class="ring"),
    node("Slot.Code", type="string", count=24, poll_class="ring"),
    node("Number", writer="wcs", access="rw", poll_class="slow"),
    node("Id", type="uint32", writer="wcs", access="rw", poll_class="slow"),
)


@pytest.fixture
def tags() -> Any:
    class Tags:
        modbus = MODBUS_TAGS
        nodes = NODE_TAGS
        holding = staticmethod(holding)
        node = staticmethod(node)

    return Tags


@pytest.fixture
def south() -> Any:
    """What the tests of this room are made of."""

    class South:
        until = staticmethod(until)
        kept = staticmethod(kept)
        free_port = staticmethod(free_port)
        OpcUaPlc = OpcUaPlc
        ModbusDevice = ModbusDevice
        uri = URI
        poll = PollSettings(fast=10, normal=50, slow=100)

        @staticmethod
        def modbus(device: ModbusDevice, **fields: Any) -> DeviceSettings:
            known = {"driver": "modbus", "tags": "t.csv", "port": device.port, "timeout_ms": 200, "unit": 3}
            return DeviceSettings.model_validate({**known, "poll": South.poll, **fields})

        @staticmethod
        def opcua(url: str, **fields: Any) -> DeviceSettings:
            known = {"driver": "opcua", "tags": "t.csv", "url": url, "root": f"nsu={URI};s=Cell", "insecure": True}
            return DeviceSettings.model_validate({**known, "poll": South.poll, **fields})

    return South


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opcua_plc() -> AsyncIterator[OpcUaPlc]:
    """One server per file, for starting it takes seconds."""
    plc = OpcUaPlc(NODE_TAGS)
    await plc.start()
    yield plc
    await plc.stop()
