"""Modbus with programs of other people: mbpoll reads our simulator, the edge reads a modbus-serial device."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.plc import modbus, supervision
from edge.plc.image import WriteRejected
from edge.settings import DeviceSettings, Tag, read_tags
from edge.uplink.broker import free_port
from plc_sim.codes import MAP_SORTER, State
from plc_sim.modbus import ModbusServer
from tests.plc.conftest import kept, until
from tests.plc_sim.stage import SITE, SORTER, world_of

pytestmark = pytest.mark.peer
DEVICE = SITE.devices["plc_sorter1"]
TAGS = read_tags(DEVICE.tags)
AT = {tag.name: tag.address for tag in TAGS}
SCRIPT = Path(__file__).parent / "modbus_device.js"
LIMIT_S = 30.0


# mbpoll is the client, plc_sim the device


@asynccontextmanager
async def simulator() -> AsyncIterator[ModbusServer]:
    server = ModbusServer(DEVICE, TAGS, world_of().sorter(SORTER))
    await server.start(0)
    try:
        yield server
    finally:
        await server.stop()


async def poll(mbpoll: str, server: ModbusServer, *arguments: str, unit: int = DEVICE.unit) -> tuple[int, str]:
    """Exit code and what it said."""
    child = await asyncio.create_subprocess_exec(
        mbpoll, "-m", "tcp", "-0", "-1", "-p", str(server.port), "-a", str(unit), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(LIMIT_S):
        said, _ = await child.communicate()
    return child.returncode or 0, said.decode()


def words(said: str) -> dict[int, int]:
    """`[14]:  5` lines; mbpoll adds the signed value to large ones."""
    return {int(at): int(value) for at, value in re.findall(r"^\[(\d+)\]:\s+(\d+)", said, re.MULTILINE)}


async def test_mbpoll_reads_the_header(mbpoll: str) -> None:
    async with simulator() as server:
        code, said = await poll(mbpoll, server, "-r", "0", "-c", "40", "-t", "4", "127.0.0.1")
    assert code == 0, said
    header = words(said)
    assert len(header) == 40
    assert header[AT["MapId"]] == MAP_SORTER
    assert header[AT["StateCurrent"]] == State.STOPPED
    assert header[AT["DefaultLane"]] == 14


async def test_mbpoll_writes_what_is_the_clients_and_nothing_else(mbpoll: str) -> None:
    async with simulator() as server:
        first = str(AT["WcsHeartbeat"])
        code, said = await poll(mbpoll, server, "-r", first, "-t", "4", "127.0.0.1", "7", "8", "1")  # FC 16
        assert code == 0, said
        code, said = await poll(mbpoll, server, "-r", str(AT["WcsEpoch"]), "-t", "4", "127.0.0.1", "9")  # FC 6
        assert code == 0, said
        code, said = await poll(mbpoll, server, "-r", first, "-c", "3", "-t", "4", "127.0.0.1")
        assert [words(said)[AT[name]] for name in ("WcsHeartbeat", "WcsEpoch", "WcsState")] == [7, 9, 1]
        code, said = await poll(mbpoll, server, "-r", str(AT["StateCurrent"]), "-t", "4", "127.0.0.1", "6")
        assert code != 0
        assert "Illegal data address" in said
        code, said = await poll(mbpoll, server, "-r", str(AT["StateCurrent"]), "-c", "1", "-t", "4", "127.0.0.1")
        assert words(said)[AT["StateCurrent"]] == State.STOPPED


@pytest.mark.parametrize(
    ("arguments", "unit", "answer"),
    [
        (("-r", "60000", "-c", "1", "-t", "4"), DEVICE.unit, "Illegal data address"),
        (("-r", "0", "-c", "1", "-t", "3"), DEVICE.unit, "Illegal data address"),
        (("-r", "0", "-c", "1", "-t", "4"), 77, "Target device failed to respond"),
    ],
)
async def test_mbpoll_is_told_what_is_wrong(mbpoll: str, arguments: tuple[str, ...], unit: int, answer: str) -> None:
    """An answer each time, never a timeout."""
    async with simulator() as server:
        code, said = await poll(mbpoll, server, *arguments, "127.0.0.1", unit=unit)
    assert code != 0
    assert answer in said


# modbus-serial is the device, the edge the client


class Peer:
    """The device in its own process."""

    def __init__(self, node: str, environment: dict[str, str]) -> None:
        self.port = free_port()
        self._node = node
        self._environment = environment
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._child = await asyncio.create_subprocess_exec(
            self._node, str(SCRIPT), str(self.port), stdin=pipe, stdout=pipe, env=self._environment
        )
        await self._says(b"ready")

    async def put(self, address: int, value: int) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        self._child.stdin.write(f"{address} {value}\n".encode())
        await self._says(b"set")

    async def _says(self, word: bytes) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            assert (await self._child.stdout.readline()).strip() == word

    async def kill(self) -> None:
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
            await self._child.wait()

    def device(self) -> DeviceSettings:
        return DEVICE.model_copy(update={"port": self.port, "functions": (1, 3, 6, 16)})


@pytest.fixture
async def peer(node: str, npm_package, monkeypatch) -> AsyncIterator[Peer]:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)
    one = Peer(node, npm_package("modbus-serial"))
    await one.start()
    yield one
    await one.kill()


async def test_edge_reads_and_writes_a_modbus_serial_device(peer: Peer) -> None:
    await peer.put(AT["MapId"], MAP_SORTER)
    await peer.put(AT["FaultDetail"] + 1, 5)
    async with kept(modbus.keep, peer.device(), TAGS) as image:
        await until(lambda: image.good)
        assert (image.value("MapId"), image.value("FaultDetail")) == (MAP_SORTER, 5)
        await peer.put(AT["StateCurrent"], 6)
        await until(lambda: image.value("StateCurrent") == 6)
        await peer.put(AT["Req1.Barcode"], 0x3132)
        await image.refresh(["Req1.SeqHead", "Req1.Barcode", "Req1.SeqTail"])
        assert str(image.value("Req1.Barcode")).rstrip("\0") == "12"
        async with asyncio.TaskGroup() as group:
            group.create_task(image.write([("WcsHeartbeat", 1), ("WcsEpoch", 2), ("WcsState", 1)]))
            group.create_task(image.write([("ReqSeqSeen", 4)]))
        await image.refresh(["WcsHeartbeat", "WcsEpoch", "WcsState", "ReqSeqSeen"])
        assert [image.value(n) for n in ("WcsHeartbeat", "WcsEpoch", "WcsState", "ReqSeqSeen")] == [1, 2, 1, 4]
        with pytest.raises(WriteRejected):
            await image.write([("StateCurrent", 1)])
        assert image.figures()["unanswered"] == 0


async def test_edge_finds_the_register_a_modbus_serial_device_does_not_have(peer: Peer) -> None:
    table = [Tag.model_validate({"name": f"T{at}", "table": "holding", "address": at, "type": "uint16"})
             for at in range(1490, 1510)]  # fmt: skip
    async with kept(modbus.keep, peer.device(), table) as image:
        await until(lambda: image.good)
        assert [tag.name for tag in table if not image.is_good(tag.name)] == ["T1500"]
        assert image.reading("T1500").reason == "refused: illegal address (2)"


async def test_edge_notices_that_a_modbus_serial_device_dies_and_comes_back(peer: Peer) -> None:
    async with kept(modbus.keep, peer.device(), TAGS) as image:
        await until(lambda: image.good)
        await peer.kill()
        await until(lambda: not image.good)
        await peer.start()
        await until(lambda: image.good)
        assert image.figures()["links_lost"] == 1
