"""OPC UA with programs of other people: node-opcua as client of our simulator, and as a device of the edge."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from edge.plc import opcua, pki, supervision
from edge.plc.image import ProcessImage
from edge.settings import DeviceSettings, Tag
from edge.uplink.broker import free_port
from plc_sim.codes import MAP_ROBOT, State
from tests.plc.conftest import kept, until
from tests.plc.opcua_stage import opcua_stage

pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]
HERE = Path(__file__).parent
LIMIT_S = 90.0
POLICIES = ["Basic256Sha256", "Aes256Sha256RsaPss"]


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.2)


def identity(root: Path, name: str, uri: str) -> Path:
    """An own certificate, also as PEM, which node-opcua reads."""
    held = pki.make_own(root, name, uri, ["127.0.0.1"])
    (root / "own" / "cert.pem").write_bytes(held.certificate.public_bytes(Encoding.PEM))
    return held.path


# node-opcua is the client, plc_sim the device


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_foreign_client_browses_reads_subscribes_writes_and_calls(npm_package, node, tmp_path, policy) -> None:
    environment = npm_package("node-opcua")
    peer = tmp_path / "peer"
    identity(peer, "peer", "urn:test:peer")
    edge = tmp_path / "edge"
    pki.make_own(edge, "wes-edge", "urn:test:edge", ["edge"])
    more = {"security": policy, "pki": edge, "insecure": False}
    options = {"trusted": peer / "own"}
    async with opcua_stage(free_port(), ["robot1"], tmp_path / "sim", server=options, **more) as stage:
        name = {"Aes256Sha256RsaPss": "Aes256_Sha256_RsaPss"}.get(policy, policy)
        child = await asyncio.create_subprocess_exec(
            node, str(HERE / "opcua_client.js"), stage.server.url, str(peer), name, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(LIMIT_S):
            said, wrong = await child.communicate()
        assert child.returncode == 0, wrong.decode()
        assert stage.world.robot("robot1").word("WcsHeartbeat") == 7
    found = json.loads(next(line for line in said.decode().splitlines() if line.startswith("{")))
    assert {"Identification", "MachineryItemState", "MethodSet", "Status", "Command"} <= set(found["names"])
    assert found["mapId"] == MAP_ROBOT
    assert (found["written"], found["refused"], found["wrongType"]) == ("Good", "BadNotWritable", "BadTypeMismatch")
    assert found["held"] == ["Good", True, 0]
    assert found["started"][:2] == ["Good", False]
    assert found["heard"][0] == State.EXECUTE
    assert State.HELD in found["heard"]


# the edge is the client, node-opcua the device


class Device:
    """node-opcua as a PLC."""

    def __init__(self, child: asyncio.subprocess.Process, url: str) -> None:
        self._child = child
        self.url = url

    async def order(self, **order: Any) -> dict[str, Any]:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(order).encode() + b"\n")
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            while line := await self._child.stdout.readline():
                with contextlib.suppress(ValueError):  # it talks between the answers
                    found = json.loads(line)
                    if isinstance(found, dict):
                        return found
        raise AssertionError("the device has ended")


@asynccontextmanager
async def foreign_device(node: str, environment: dict[str, str], tmp_path: Path) -> AsyncIterator[tuple[Device, Path]]:
    """The device and the edge's PKI; each trusts the other."""
    edge, plc = tmp_path / "edge", tmp_path / "plc"
    own = pki.make_own(edge, "wes-edge", "urn:test:edge", ["edge"])
    theirs = identity(plc, "device", "urn:test:device")
    pki.write_certificate(edge / "trusted", pki.read_certificate(theirs))
    pki.write_certificate(pki.make_folder(plc / "trusted" / "certs"), own.certificate)
    port = free_port()
    child = await asyncio.create_subprocess_exec(
        node, str(HERE / "opcua_device.js"), str(port), str(plc), env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    device = Device(child, f"opc.tcp://127.0.0.1:{port}")
    try:
        assert (await device.answer()).get("ready")
        yield device, edge
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def good(image: ProcessImage) -> None:
    """Within the time even a slow machine needs; else why not."""
    try:
        await until(lambda: image.good, LIMIT_S)
    except TimeoutError:
        raise AssertionError(image.reason) from None


def tag(name: str, folder: str = "Status", **more: Any) -> Tag:
    return Tag.model_validate({"name": name, "table": "node", "node": f"{folder}.{name}", "type": "uint16",
                               "poll_class": "fast", **more})  # fmt: skip


TAGS = (
    *(tag(name) for name in ("BootCount", "PlcHeartbeat", "ReqSeqLast", "CmdAckSeq", "CmdResult", "CmdReason")),
    tag("Speed", poll_class="normal"),
    *(tag(name, "Command", writer="wcs", access="rw", poll_class="slow")
      for name in ("CmdCode", "CmdArg1", "CmdArg2", "CmdArg3", "CmdSeq", "WcsHeartbeat")),
)  # fmt: skip


def settings(device: Device, edge: Path, **more: Any) -> DeviceSettings:
    known = {"driver": "opcua", "tags": "t.csv", "url": device.url, "root": "nsu=urn:test:device;s=Cell"}
    secure = {"pki": edge, "security": "Basic256Sha256", "timeout_ms": 2000}
    return DeviceSettings.model_validate({**known, **secure, "poll": {"fast": 20, "normal": 50, "slow": 200}, **more})


@pytest.mark.parametrize("policy", POLICIES)
async def test_the_edge_reads_subscribes_and_writes_a_foreign_server(npm_package, node, tmp_path, policy) -> None:
    async with (
        foreign_device(node, npm_package("node-opcua"), tmp_path) as (device, edge),
        kept(opcua.keep, settings(device, edge, security=policy), TAGS) as image,
    ):
        await good(image)
        await device.order(set={"Speed": 12, "BootCount": 3})
        await until(lambda: (image.value("Speed"), image.value("BootCount")) == (12, 3))
        assert image.reading("Speed").source_ms
        await image.write([("CmdCode", 2), ("CmdSeq", 9)])
        assert (await device.order(get="CmdSeq"))["value"] == 9
        assert image.counts.counts["items_remade"] == 0


async def test_the_edge_calls_the_methods_of_a_foreign_server(npm_package, node, tmp_path) -> None:
    async with (
        foreign_device(node, npm_package("node-opcua"), tmp_path) as (device, edge),
        kept(opcua.keep, settings(device, edge, command_style="method"), TAGS) as image,
    ):
        await good(image)
        for code, number, result in ((4, 5, [5, 1, 0]), (2, 6, [6, 3, 1])):
            await image.write([("CmdCode", code), ("CmdArg1", 0), ("CmdArg2", 0), ("CmdArg3", 0), ("CmdSeq", number)])
            assert [image.number(name) for name in ("CmdAckSeq", "CmdResult", "CmdReason")] == result
        assert (await device.order())["calls"] == [["Hold", 5], ["Start", 6]]


@asynccontextmanager
async def run_of_the_edge(device: DeviceSettings, path: Path) -> AsyncIterator[ProcessImage]:
    image = ProcessImage(TAGS)
    image.commits.claim("ReqSeqLast")
    async with asyncio.TaskGroup() as group:
        link = group.create_task(opcua.keep(device, image.tags, image, path))
        yield image
        link.cancel()


@pytest.mark.parametrize("forgotten", [False, True], ids=["same session", "transferred"])
async def test_a_restarted_edge_gets_from_a_foreign_server_what_it_missed(
    npm_package, node, tmp_path, forgotten
) -> None:
    """`forgotten`: the session has timed out meanwhile, so the subscription is transferred into a new one."""
    path = tmp_path / "link.json"
    async with foreign_device(node, npm_package("node-opcua"), tmp_path) as (device, edge):
        async with run_of_the_edge(settings(device, edge), path) as image:
            await good(image)
            image.commits.commit("ReqSeqLast", image.reading("ReqSeqLast").sequence)
            await asyncio.sleep(0.5)
            await device.order(set={"ReqSeqLast": 1})
            await until(lambda: image.value("ReqSeqLast") == 1)
        if forgotten:
            await device.order(forget=True)
        for number in (2, 3):
            await device.order(set={"ReqSeqLast": number})
        before = (await device.order())["subscriptions"]
        async with run_of_the_edge(settings(device, edge), path) as image:
            await good(image)
            await until(lambda: image.value("ReqSeqLast") == 3)
            counts = image.counts.counts
            assert (counts["resumed"], counts["gaps"]) == (1, 0), list(image.commits.gaps)
            assert counts["republished"] > 0
            after = await device.order()
            assert after["sessions"] == 1
            assert after["subscriptions"] == before
            await device.order(set={"ReqSeqLast": 4})
            await until(lambda: image.value("ReqSeqLast") == 4)
            assert counts["subscriptions_remade"] == 0


async def test_a_broken_connection_to_a_foreign_server_loses_nothing(npm_package, node, tmp_path) -> None:
    async with (
        foreign_device(node, npm_package("node-opcua"), tmp_path) as (device, edge),
        kept(opcua.keep, settings(device, edge), TAGS) as image,
    ):
        await good(image)
        for number in range(1, 4):
            await device.order(hangUp=True, set={"ReqSeqLast": number})
            await until(lambda: image.counts.counts["links_lost"] == number)  # noqa: B023
            await until(lambda: image.good and image.value("ReqSeqLast") == number, LIMIT_S)  # noqa: B023
        assert image.counts.counts["gaps"] == 0
        assert image.counts.counts["resumed"] == 3
        assert (await device.order())["sessions"] == 1
