"""What asyncua really does, as far as edge/plc/opcua.py leans on it. A failure here: read the library's changes."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua

from edge.plc.opcua.subscriptions import KEEP_ALIVES, LIFETIME

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def client(opcua_plc) -> Any:
    one = Client(opcua_plc.url, timeout=3)
    await one.connect()
    yield one
    await one.disconnect()


async def test_default_keep_alive_is_out_of_the_question(opcua_plc) -> None:
    assert Client(opcua_plc.url).get_keepalive_count(20) * 20 > 600_000


async def test_explicit_subscription_parameters_are_taken(client) -> None:
    parameters = ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=20.0,
        RequestedLifetimeCount=LIFETIME,
        RequestedMaxKeepAliveCount=KEEP_ALIVES,
        MaxNotificationsPerPublish=0,
        PublishingEnabled=True,
        Priority=0,
    )
    made = await client.uaclient.create_subscription(parameters, lambda result: None)
    assert made.RevisedPublishingInterval == 20.0
    assert (made.RevisedMaxKeepAliveCount, made.RevisedLifetimeCount) == (KEEP_ALIVES, LIFETIME)


async def test_silent_subscription_sends_keep_alives_and_the_callback_is_awaited(client) -> None:
    running, most, calls = 0, 0, 0

    async def callback(result: ua.PublishResult) -> None:
        nonlocal running, most, calls
        running += 1
        most, calls = max(most, running), calls + 1
        await asyncio.sleep(0.03)
        running -= 1

    parameters = ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=5.0,
        RequestedLifetimeCount=300,
        RequestedMaxKeepAliveCount=2,
        PublishingEnabled=True,
    )
    await client.uaclient.create_subscription(parameters, callback)
    async with asyncio.timeout(5):
        while calls < 4:
            await asyncio.sleep(0.01)
    assert most == 1


async def test_number_without_its_exact_type_is_refused(client, opcua_plc, south) -> None:
    index = await client.get_namespace_index(south.uri)
    node = client.get_node(ua.NodeId("Cell.Status.Number", index))
    with pytest.raises(ua.UaStatusCodeError, match="BadTypeMismatch"):
        await node.write_value(5)
    await node.write_value(ua.Variant(5, ua.VariantType.UInt16))
    assert await node.read_value() == 5


async def test_one_write_answers_for_each_node(client, opcua_plc, south) -> None:
    index = await client.get_namespace_index(south.uri)
    nodes = [ua.NodeId(f"Cell.Status.{name}", index) for name in ("Number", "Speed", "Id")]
    data = [ua.DataValue(ua.Variant(5, ua.VariantType.UInt16))] * 3
    codes = await client.uaclient.write_attributes(nodes, data)
    assert [code.name for code in codes] == ["Good", "BadUserAccessDenied", "BadTypeMismatch"]


async def test_items_that_do_not_exist_say_so_one_by_one(client, south) -> None:
    index = await client.get_namespace_index(south.uri)
    nodes = [ua.NodeId(f"Cell.Status.{name}", index) for name in ("Number", "Nothing")]
    values = await client.uaclient.read_attributes(nodes, ua.AttributeIds.Value)
    assert [value.StatusCode.is_good() for value in values] == [True, False]


async def test_without_auto_reconnect_a_lost_client_stays_lost_and_says_so_at_once(opcua_plc) -> None:
    one = Client(opcua_plc.url, timeout=3, auto_reconnect=False)
    await one.connect()
    async with one.uaclient.subscribe_state() as states:
        opcua_plc.hang_up()
        await states.next_change(5)
    assert one.uaclient.state.value != "connected"
    with pytest.raises(ConnectionError):
        await one.uaclient.read_attributes([ua.NodeId(2258)], ua.AttributeIds.Value)
    await asyncio.sleep(0.1)
    assert not opcua_plc.server.bserver.clients
    await one.disconnect()


async def test_socket_is_within_reach_for_its_options(client) -> None:
    assert client.uaclient.protocol.transport.get_extra_info("socket") is not None


def parameters() -> ua.CreateSubscriptionParameters:
    return ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=10.0, RequestedLifetimeCount=300, RequestedMaxKeepAliveCount=2,
        PublishingEnabled=True,
    )  # fmt: skip


async def test_its_server_says_nothing_where_it_has_nothing_to_republish(client) -> None:
    made = await client.uaclient.create_subscription(parameters(), lambda result: None)
    for number in (made.SubscriptionId, 12_345):
        message = await client.uaclient.session.republish(number, 99)
        assert not message.NotificationData, "neither an error, nor the number that was asked for"
    await client.uaclient.delete_subscriptions([made.SubscriptionId])


async def test_its_server_answers_a_transferred_subscription_with_a_request_of_the_old_connection(opcua_plc) -> None:
    """The new connection breaks by it; so with asyncua only the session as a whole can be taken up."""
    client = Client(opcua_plc.url, timeout=3)
    await client.connect()
    made = await client.uaclient.create_subscription(parameters(), lambda result: None)
    other = Client(opcua_plc.url, timeout=3)
    await other.connect()
    wanted = ua.TransferSubscriptionsParameters(SubscriptionIds=[made.SubscriptionId], SendInitialValues=False)
    (result,) = await other.uaclient.session.transfer_subscriptions(wanted)
    assert result.StatusCode.is_good()
    with pytest.raises((TimeoutError, ConnectionError)):
        async with asyncio.timeout(1):
            await other.uaclient.session.publish([])
    other.disconnect_socket()
    await client.disconnect()


async def test_a_session_can_be_activated_on_another_connection(client, opcua_plc) -> None:
    other = Client(opcua_plc.url, timeout=3)
    await other.connect_socket()
    await other.send_hello()
    await other.open_secure_channel()
    other.uaclient.session.restore_authentication_token(client.uaclient.session.authentication_token)
    await other.activate_session()
    await other.uaclient.session.read_attributes([ua.NodeId(2258)], ua.AttributeIds.Value)
    other.disconnect_socket()
