"""The OPC UA server against the library's client: the tree, single writers, the order of a handshake, security."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from asyncua import Client, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge.settings import DeviceSettings, read_tags
from edge.uplink.broker import free_port
from plc_sim.codes import MAP_CONVEYOR, MAP_ROBOT, Cmd, JobResult, State
from plc_sim.opcua import OpcUaServer
from plc_sim.world import World
from tests.plc_sim.stage import SITE, started, world_of

NAMES = {"conveyor2": "Conveyor2", "robot1": "Cell1"}
URI = "urn:wer:plc_sim:dc1"


@asynccontextmanager
async def serving(world: World, names: list[str], data: Path | None = None, **more: Any) -> AsyncIterator[OpcUaServer]:
    devices = {machine.machine_id: SITE.devices[machine.device] for machine in SITE.machines}
    parts = [
        (
            DeviceSettings.model_validate({**devices[name].model_dump(), **more}),
            read_tags(devices[name].tags),
            world.machines[name],
        )
        for name in names
    ]
    server = OpcUaServer(f"opc.tcp://127.0.0.1:{free_port()}", parts, data)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def node(client: Client, path: str) -> Any:
    return client.get_node(ua.NodeId(path, await client.get_namespace_index(URI)))


def word(value: int, kind: ua.VariantType = ua.VariantType.UInt16) -> ua.DataValue:
    return ua.DataValue(ua.Variant(value, kind))


async def test_two_machines_on_one_server_tree_writes_and_a_job() -> None:
    world = started(world_of(physical={("R-01-02-3", "S1"): 9}))
    robot = world.robot("robot1")
    async with serving(world, ["conveyor2", "robot1"]) as server, Client(server.url) as client:
        endpoints = await client.get_endpoints()
        assert {each.SecurityMode for each in endpoints} == {ua.MessageSecurityMode.None_}
        index = await client.get_namespace_index(URI)
        found = await client.nodes.objects.get_child(
            [f"{index}:Conveyor2", f"{index}:Requests", f"{index}:Slot3", f"{index}:Barcode"]
        )
        assert found.nodeid == ua.NodeId("Conveyor2.Requests.Slot3.Barcode", index), "a browser sees a tree"
        for path, value in (("Conveyor2.Status.MapId", MAP_CONVEYOR), ("Cell1.Status.MapId", MAP_ROBOT)):
            assert await (await node(client, path)).read_value() == value
        assert await (await node(client, "Conveyor2.Status.StateCurrent")).read_value() == State.EXECUTE

        state = await node(client, "Cell1.Status.StateCurrent")
        with pytest.raises(ua.uaerrors.BadNotWritable):
            await state.write_value(word(3))
        with pytest.raises(ua.UaStatusCodeError):
            await (await node(client, "Cell1.Command.JobNo")).write_value(word(1, ua.VariantType.Int64))
        assert server.refused == 1
        assert robot.word("StateCurrent") == State.EXECUTE

        fields = {"JobNo": 1, "JobAisle": 1, "JobBay": 2, "JobLevel": 3, "JobQuantity": 4, "JobSeq": 8}
        nodes = [await node(client, f"Cell1.Command.{name}") for name in ("JobId", *fields)]
        await client.write_values(nodes, [word(55, ua.VariantType.UInt32), *(word(value) for value in fields.values())])
        world.advance(world.now_ms + 20)
        await server.show()
        shown = [
            await (await node(client, f"Cell1.Status.{name}")).read_value()
            for name in ("JobSeqAck", "Busy", "JobIdEcho")
        ]
        assert shown == [8, True, 55]
        world.advance(world.now_ms + 60_000)
        await server.show()
        shown = [
            await (await node(client, f"Cell1.Status.{name}")).read_value()
            for name in ("JobSeqDone", "Done", "Result", "PickedCount")
        ]
        assert shown == [8, True, JobResult.OK, 4]


async def test_values_carry_the_clock_of_the_plc() -> None:
    world = started(world_of())
    async with serving(world, ["robot1"]) as server, Client(server.url) as client:
        beat = await node(client, "Cell1.Status.PlcHeartbeat")
        off_s = []
        for jump_ms in (0, 3_600_000):
            world.robot("robot1").jump_clock(jump_ms)
            world.advance(world.now_ms + 1000)
            for _ in range(60):  # live values are shown every few cycles
                await server.show()
            stamp = (await beat.read_data_value()).SourceTimestamp
            assert stamp is not None
            off_s.append((stamp.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds())
    assert -60 < off_s[0] <= 0
    assert 3540 < off_s[1] <= 3600


async def test_a_subscriber_never_sees_a_newer_number_than_its_slot() -> None:
    world = started(world_of())
    program = world.conveyor("conveyor2")
    seen: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(1000)

    class Listener:
        def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
            seen.put_nowait((node.nodeid.Identifier, value))

    async with serving(world, ["conveyor2"]) as server, Client(server.url) as client:
        subscription = await client.create_subscription(10, Listener())
        names = ["Requests.LastSeq", "Requests.Slot1.SeqTail", "Requests.Slot1.Barcode"]
        nodes = [await node(client, f"Conveyor2.{name}") for name in names]
        await subscription.subscribe_data_change(nodes)
        for _ in names:
            async with asyncio.timeout(5):
                await seen.get()
        world.plant.place("conveyor2", "0" * 17 + "3")
        world.advance(world.now_ms + 60_000)
        assert program.word("ReqSeqLast") == 1
        await server.show()
        async with asyncio.timeout(5):
            got = [await seen.get() for _ in names]
        assert got == [
            ("Conveyor2.Requests.Slot1.Barcode", "0" * 17 + "3"),
            ("Conveyor2.Requests.Slot1.SeqTail", 1),
            ("Conveyor2.Requests.LastSeq", 1),
        ]
        sequence = [("SeqHead", 1), ("Dest1", 0), ("DecisionCode", 5), ("SeqTail", 1)]
        writes = [(await node(client, f"Conveyor2.Decisions.Slot1.{name}"), word(value)) for name, value in sequence]
        writes.insert(1, (await node(client, "Conveyor2.Decisions.Slot1.TrackingId"), word(1, ua.VariantType.UInt32)))
        await client.write_values([each for each, _ in writes], [value for _, value in writes])
        world.advance(world.now_ms + 5000)
        assert world.plant.units["0" * 17 + "3"].place == "sorter1/loop"


async def test_secured_it_admits_only_certificates_it_was_told_to_trust(tmp_path: Path) -> None:
    pki = tmp_path / "edge_pki"
    (pki / "own").mkdir(parents=True)
    for name in ("known", "stranger"):
        folder = pki / "own" if name == "known" else tmp_path
        await setup_self_signed_certificate(
            folder / f"{name}.pem", folder / f"{name}.der", f"urn:test:{name}", "localhost",
            [ExtendedKeyUsageOID.CLIENT_AUTH], {"organizationName": "test"},
        )  # fmt: skip
    secure = {"security": "Basic256Sha256", "insecure": False, "pki": pki}
    world = world_of()
    async with serving(world, ["robot1"], tmp_path / "sim", **secure) as server:

        async def client_as(name: str, folder: Path) -> Client:
            client = Client(server.url, timeout=4)
            client.application_uri = f"urn:test:{name}"
            await client.set_security(
                SecurityPolicyBasic256Sha256, str(folder / f"{name}.der"), str(folder / f"{name}.pem"),
                mode=ua.MessageSecurityMode.SignAndEncrypt,
            )  # fmt: skip
            return client

        async with await client_as("known", pki / "own") as client:
            assert await (await node(client, "Cell1.Status.MapId")).read_value() == MAP_ROBOT
            await (await node(client, "Cell1.Command.WcsHeartbeat")).write_value(word(5))
            world.advance(world.now_ms + 40)
            assert world.robot("robot1").online
        with pytest.raises(ua.UaStatusCodeError):
            await (await client_as("stranger", tmp_path)).connect()
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            await Client(server.url, timeout=2).connect()
    key = tmp_path / "sim" / f"pki_127.0.0.1_{server.url.rpartition(':')[2]}" / "own" / "key.pem"
    assert key.stat().st_mode & 0o077 == 0


async def browsed(client: Client, *path: str) -> Any:
    return await client.nodes.objects.get_child(list(path))


async def test_machines_are_found_the_standard_way() -> None:
    world = started(world_of())
    async with serving(world, ["conveyor2", "robot1"]) as server, Client(server.url) as client:
        index = await client.get_namespace_index(URI)
        di = await client.get_namespace_index("http://opcfoundation.org/UA/DI/")
        machinery = await client.get_namespace_index("http://opcfoundation.org/UA/Machinery/")
        for folder in (ua.NodeId(5001, di), ua.NodeId(1001, machinery)):
            found = {each.nodeid.Identifier for each in await client.get_node(folder).get_children()}
            assert found == {"Conveyor2", "Cell1"}
        types = await client.get_namespace_index("urn:wer:types:1")
        cell = await node(client, "Cell1")
        assert await cell.read_type_definition() == ua.NodeId("RobotCellType", types)
        assert await cell.read_event_notifier() == {ua.EventNotifier.SubscribeToEvents}
        serial = await cell.get_child([f"{index}:Identification", f"{index}:SerialNumber"])
        assert await serial.read_value() == "robot1"
        state = await node(client, "Cell1.MachineryItemState.CurrentState")
        assert (await state.read_value()).Text == "Executing"
        assert await (await node(client, "Cell1.Status.StateName")).read_value() == "Execute"
        world.robot("robot1").command(Cmd.STOP)
        world.advance(world.now_ms + 3000)
        await server.show()
        assert (await state.read_value()).Text == "NotExecuting"
        methods = await (await node(client, "Cell1.MethodSet")).get_children()
        names = {(await each.read_browse_name()).Name for each in methods}
        assert {"Start", "Stop", "Reset", "Hold", "Unhold", "Abort", "Clear", "StartJob"} <= names
        assert "Decide" not in names


@asynccontextmanager
async def moving(world: World, server: OpcUaServer) -> AsyncIterator[None]:
    """The world goes on while a call waits for a scan."""

    async def step() -> None:
        while True:
            await asyncio.sleep(0.005)
            world.advance(world.now_ms + 10)
            await server.show()

    async with asyncio.TaskGroup() as group:
        steps = group.create_task(step())
        yield
        steps.cancel()


async def test_methods_are_the_same_machine_as_the_tags() -> None:
    world = started(world_of(physical={("R-01-02-3", "S1"): 9}))
    robot = world.robot("robot1")
    async with serving(world, ["robot1"]) as server, Client(server.url) as client, moving(world, server):
        index = await client.get_namespace_index(URI)
        methods = await node(client, "Cell1.MethodSet")

        async def call(name: str, *given: ua.Variant) -> Any:
            return await methods.call_method(f"{index}:{name}", *given)

        number = ua.VariantType.UInt16
        params = ua.Variant([1, 2, 3, 4], number, is_array=True)
        job = (ua.Variant(1, number), ua.Variant(55, ua.VariantType.UInt32), params)
        assert await call("StartJob", *job, ua.Variant(8, number)) == [True, 0]
        assert (robot.word("JobSeqAck"), robot.word("JobIdEcho")) == (8, 55)
        assert await call("StartJob", *job, ua.Variant(8, number)) == [True, 0], "the same number is the same job"
        assert await call("StartJob", *job, ua.Variant(9, number)) == [False, 1], "busy"
        assert await call("Hold", ua.Variant(3, number)) == [True, 0]
        assert robot.word("CmdAckSeq") == 3
        assert (await call("Start", ua.Variant(0, number)))[0] is False, "without a number, and not from here"
        for wrong in ((), (ua.Variant(1, ua.VariantType.Int64),), (ua.Variant([1], number, is_array=True),)):
            with pytest.raises(ua.UaStatusCodeError):
                await call("Hold", *wrong)


async def test_it_stops_and_starts_again_while_the_plc_runs_on() -> None:
    world = started(world_of())
    async with serving(world, ["robot1"]) as server:
        async with Client(server.url) as client:
            await client.create_subscription(10, object())
            await server.stop()
            assert not server._server.iserver.subscription_service.subscriptions
        with pytest.raises((OSError, TimeoutError)):
            await Client(server.url, timeout=1).connect()
        world.robot("robot1").command(Cmd.HOLD)
        world.advance(world.now_ms + 3000)
        await server.start()
        async with Client(server.url) as client:
            await server.show()
            assert await (await node(client, "Cell1.Status.StateCurrent")).read_value() == State.HELD
        await server.drop_nodes(["StateCurrent", "robot1/Busy"])
        async with Client(server.url) as client:
            for name in ("StateCurrent", "Busy"):
                with pytest.raises(ua.uaerrors.BadNodeIdUnknown):
                    await (await node(client, f"Cell1.Status.{name}")).read_value()
            await (await node(client, "Cell1.Status.Done")).read_value()
            world.robot("robot1").command(Cmd.UNHOLD)
            world.advance(world.now_ms + 3000)
            await server.show()
        await server.drop_nodes([])
        async with Client(server.url) as client:
            assert await (await node(client, "Cell1.Status.StateCurrent")).read_value() == world.robot("robot1").state


async def test_it_stops_while_somebody_comes_in_again_and_again() -> None:
    """The library would wait for those who came between the hanging up and the closing of the port."""
    world, writers = started(world_of()), list[asyncio.StreamWriter]()

    async def come(port: int) -> None:
        while len(writers) < 300:
            with contextlib.suppress(OSError):
                writers.append((await asyncio.open_connection("127.0.0.1", port))[1])
            await asyncio.sleep(0)

    async with serving(world, ["robot1"]) as server:
        for _ in range(5):
            coming = asyncio.create_task(come(urlparse(server.url).port or 0))
            await asyncio.sleep(0.02)
            await asyncio.wait_for(server.stop(), 20)
            coming.cancel()
            await server.start()
    for writer in writers:
        writer.transport.abort()


async def test_frozen_it_publishes_keep_alives_and_nothing_else() -> None:
    world = started(world_of())
    results: asyncio.Queue[ua.PublishResult] = asyncio.Queue(1000)
    parameters = ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=10.0, RequestedLifetimeCount=300, RequestedMaxKeepAliveCount=3,
        PublishingEnabled=True,
    )  # fmt: skip

    async def data(client: Client, published: bool) -> None:
        while bool((await results.get()).NotificationMessage.NotificationData) is not published:
            pass

    async with serving(world, ["robot1"]) as server, Client(server.url) as client, asyncio.timeout(30):
        await server.freeze(True)
        made = await client.uaclient.create_subscription(parameters, results.put)
        item = ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId((await node(client, "Cell1.Status.MapId")).nodeid, ua.AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(ClientHandle=1, QueueSize=1),
        )
        wanted = ua.CreateMonitoredItemsParameters(made.SubscriptionId, ua.TimestampsToReturn.Both, [item])
        await client.uaclient.create_monitored_items(wanted)
        for _ in range(3):
            assert not (await results.get()).NotificationMessage.NotificationData
        await server.freeze(False)
        await data(client, True)


async def test_hanging_it_takes_connections_and_says_nothing() -> None:
    world = started(world_of())
    async with serving(world, ["robot1"]) as server:
        client = Client(server.url, timeout=1)
        await client.connect()
        server.hang(True)
        with pytest.raises(TimeoutError):
            await (await node(client, "Cell1.Status.MapId")).read_value()
        server.hang(False)
        await (await node(client, "Cell1.Status.MapId")).read_value()
        await client.disconnect()


async def test_delayed_it_acts_at_once_and_answers_late() -> None:
    world = started(world_of())
    async with serving(world, ["robot1"]) as server, Client(server.url) as client:
        beat = await node(client, "Cell1.Command.WcsHeartbeat")
        server.delay_replies(300)
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(beat.write_value(word(5)))
            while world.robot("robot1").word("WcsHeartbeat") != 5:
                await asyncio.sleep(0.005)
            assert not writing.done()


async def test_a_session_on_a_new_connection_silences_the_old_one() -> None:
    world = started(world_of())
    async with serving(world, ["robot1"]) as server:
        old = Client(server.url, timeout=2)
        await old.connect()
        beat = await node(old, "Cell1.Command.WcsHeartbeat")
        new = Client(server.url, timeout=2)
        await new.connect_socket()
        await new.send_hello()
        await new.open_secure_channel()
        new.uaclient.session.restore_authentication_token(old.uaclient.session.authentication_token)
        await new.activate_session()
        await (await node(new, "Cell1.Command.WcsHeartbeat")).read_value()
        with pytest.raises((ConnectionError, TimeoutError)):
            await beat.write_value(word(9))
        assert world.robot("robot1").word("WcsHeartbeat") == 0
        new.disconnect_socket()
        await old.disconnect()


def test_commands_have_the_numbers_of_the_standard() -> None:
    assert [command.value for command in Cmd][:9] == list(range(1, 10))
