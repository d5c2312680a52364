"""What the uplink relies on in paho, pinned: if one of these changes, `mqtt.py` has to be read again."""

import inspect
import threading
import time
from collections.abc import Callable

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.uplink.broker import free_port
from tests.uplink.conftest import Mosquitto

pytestmark = pytest.mark.mosquitto
FIVE = MQTTProtocolVersion.MQTTv5


def until(true: Callable[[], object], within_s: float = 10) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def client_of(name: str, *, manual_ack: bool = False) -> paho.Client:
    return paho.Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=FIVE, manual_ack=manual_ack, reconnect_on_failure=False
    )


def properties(**values: int) -> Properties:
    made = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(made, name, value)
    return made


def connect(client: paho.Client, broker: Mosquitto, **options: object) -> None:
    client.connect("127.0.0.1", broker.port, 10, **options)  # type: ignore[arg-type]
    client.loop_start()
    until(client.is_connected)


def stop(*clients: paho.Client) -> None:
    for client in clients:
        client.disconnect()
        client.loop_stop()


def queue_for_a_sleeper(broker: Mosquitto) -> None:
    """A client that had a persistent session sleeps while a message for it comes."""
    sleeper, sender = client_of("sleeper"), client_of("sender")
    granted = threading.Event()
    sleeper.on_subscribe = lambda *_: granted.set()
    connect(sleeper, broker, clean_start=False, properties=properties(SessionExpiryInterval=60))
    sleeper.subscribe("t", 1)
    assert granted.wait(5)
    stop(sleeper)
    connect(sender, broker)
    sender.publish("t", b"x", qos=1).wait_for_publish(5)
    stop(sender)


@pytest.mark.parametrize(("options", "delivered"), [({}, 0), ({"clean_start": False}, 1)])
def test_the_default_clean_start_throws_the_session_away(
    mosquitto: Mosquitto, options: dict[str, object], delivered: int
) -> None:
    queue_for_a_sleeper(mosquitto)
    heard: list[bytes] = []
    again = client_of("sleeper")
    again.on_message = lambda _c, _u, m: heard.append(m.payload)
    connect(again, mosquitto, properties=properties(SessionExpiryInterval=60), **options)
    if delivered:
        until(lambda: heard)
    else:
        time.sleep(0.5)
    stop(again)
    assert len(heard) == delivered


def test_a_publish_while_disconnected_says_no_and_is_sent_later_all_the_same(mosquitto: Mosquitto) -> None:
    listener = client_of("listener")
    heard: list[bytes] = []
    granted = threading.Event()
    listener.on_message = lambda _c, _u, m: heard.append(m.payload)
    listener.on_subscribe = lambda *_: granted.set()
    connect(listener, mosquitto)
    listener.subscribe("t", 1)
    assert granted.wait(5)
    sender = client_of("sender")
    assert sender.publish("t", b"x", qos=1).rc is MQTTErrorCode.MQTT_ERR_NO_CONN
    connect(sender, mosquitto)
    until(lambda: heard)
    stop(sender, listener)
    assert heard == [b"x"]


def test_manual_ack_holds_the_puback_back_and_the_message_comes_again(mosquitto: Mosquitto) -> None:
    queue_for_a_sleeper(mosquitto)
    options = {"clean_start": False, "properties": properties(SessionExpiryInterval=60)}
    for acknowledge, again in ((False, True), (True, True), (True, False)):
        heard: list[tuple[bytes, bool]] = []
        client = client_of("sleeper", manual_ack=True)

        def on_message(
            client: paho.Client, _u: object, m: paho.MQTTMessage, *, ack: bool = acknowledge, heard: list = heard
        ) -> None:
            heard.append((m.payload, m.dup))
            if ack:
                client.ack(m.mid, m.qos)

        client.on_message = on_message
        connect(client, mosquitto, **options)
        if again:
            until(lambda heard=heard: heard)
        time.sleep(0.3)
        stop(client)
        assert len(heard) == (1 if again else 0)


def test_the_receive_maximum_of_the_broker_is_told_but_not_obeyed(mosquitto: Mosquitto) -> None:
    client = client_of("c")
    told: list[int] = []
    client.on_connect = lambda _c, _u, _f, _r, p: told.append(p.ReceiveMaximum)
    client.max_inflight_messages_set(500)
    connect(client, mosquitto)
    until(lambda: told)
    assert told == [20], "mosquitto's default"
    assert client.max_inflight_messages == 500
    with pytest.raises(RuntimeError):
        client.max_inflight_messages_set(told[0])
    stop(client)


def test_a_client_that_never_got_through_ends_when_told_so_in_the_callback() -> None:
    client = client_of("c")
    failed = threading.Event()

    def on_connect_fail(client: paho.Client, _userdata: object) -> None:
        client.disconnect()
        failed.set()

    client.on_connect_fail = on_connect_fail
    client.connect_async("127.0.0.1", free_port(), 10)
    client.loop_start()
    assert failed.wait(5)
    until(lambda: client.loop_start() is MQTTErrorCode.MQTT_ERR_SUCCESS)  # its thread is gone
    client.loop_stop()


def test_without_reconnect_on_failure_the_thread_ends_with_the_connection(mosquitto: Mosquitto) -> None:
    client = client_of("c")
    ended = threading.Event()
    client.on_disconnect = lambda *_: ended.set()
    connect(client, mosquitto)
    mosquitto.kill()
    assert ended.wait(5)
    until(lambda: not any(thread.name.endswith("-c") for thread in threading.enumerate()))


def test_callbacks_of_version_2_are_asked_for_and_host_names_are_checked() -> None:
    signature = inspect.signature(paho.Client.__init__)
    assert signature.parameters["manual_ack"].default is False
    assert signature.parameters["callback_api_version"].default is CallbackAPIVersion.VERSION1
    assert client_of("c").callback_api_version is CallbackAPIVersion.VERSION2
