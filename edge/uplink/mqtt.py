"""The wire: one MQTT connection after another, by paho; `keep` is the door of the uplink, `keep_connected` a plain one.

Every attempt is a fresh client, so that nothing an old one had queued is ever sent again; nothing is published before
the broker has granted the subscriptions, and never more than it can take (its Receive Maximum). paho runs its own
thread, because connecting and TLS block; what happens there crosses to the event loop in batches.

MQTT 5 is tried first, with a session that outlives a short break. A broker that refuses it, or does not know what to
answer (amqtt misreads a CONNECT with properties and stays silent), gets MQTT 3.1.1 with a clean session: the streams
need no memory of the broker's. What worked last is tried first the next time.

paho neither repeats an unanswered publish nor notices before two keepalives that a broker stopped answering: an own
timeout on acknowledgements (PUBACK_TIMEOUT_S) drops the connection.
"""

import asyncio
import contextlib
import logging
import random
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Never

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.settings import BrokerSettings
from edge.uplink.account import Account, read_account
from edge.uplink.envelope import Route, canonical, status_topic
from edge.uplink.link import Figures, Link
from edge.uplink.traffic import HEAR_AT_ONCE, Listener, OnPeer, Outbox, ReportInbound, Traffic, utc_ms

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 15.0
ANSWER_TIMEOUT_S = 3.0
CLOSE_TIMEOUT_S = 1.0
PUBACK_TIMEOUT_S = 10.0
BACKOFF_LEAST_S = 0.1
BACKOFF_MOST_S = 5.0
STEADY_S = 5.0
SESSION_EXPIRY_S = 3_600
INFLIGHT_MAX = 500
WAITING_MAX = 2_000
PACKET_MAX_BYTES = 8_000_000
UNSUPPORTED_VERSION = 132


class BrokerAway(Exception):
    """The connection failed or ended; the text says why."""


class WrongVersion(BrokerAway):
    """The broker does not speak this version of MQTT, or does not answer to it."""


class Session:
    """One connection, from CONNECT to its end. Callbacks run in paho's thread and only leave word for the loop."""

    def __init__(self, account: Account, version: MQTTProtocolVersion, listener: Listener) -> None:
        self.version = version
        self.lost = ""
        """Why the connection is over; empty while it is not."""
        self._account = account
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._words: deque[tuple[str, Any]] = deque()
        self._told = False
        self._dropped: deque[str] = deque(maxlen=100)
        self._changed = asyncio.Event()
        self._opened = self._answered = self._subscribed = self._ended = self._closed = False
        self._inflight: dict[int, float] = {}
        self._inflight_max = INFLIGHT_MAX
        self._client = self._make_client()

    def _make_client(self) -> paho.Client:
        five = self.version is MQTTProtocolVersion.MQTTv5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._account.client_id,
            clean_session=None if five else True,
            protocol=self.version,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.max_inflight_messages_set(INFLIGHT_MAX)
        if self._account.username:
            client.username_pw_set(self._account.username, self._account.password)
        if self._account.tls is not None:
            client.tls_set_context(self._account.tls)
        if self._account.presence:
            client.will_set(self._status_topic, self._status(online=False), qos=1, retain=True)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_connect_fail = lambda client, _userdata: self._on_end(client, "no connection")
        client.on_disconnect = lambda client, _userdata, _flags, reason, _properties: self._on_end(client, str(reason))
        client.on_subscribe = lambda _client, _userdata, _mid, reasons, _properties: self._leave("granted", reasons)
        client.on_publish = lambda _client, _userdata, mid, reason, _properties: self._leave("taken", (mid, reason))
        client.on_message = self._on_message
        return client

    @property
    def _status_topic(self) -> str:
        return status_topic(self._account.enterprise, self._account.name)

    def _status(self, *, online: bool) -> bytes:
        status = {"schema": "edge/1", "name": self._account.name, "status": "online" if online else "offline"}
        return canonical(status | ({"at_ms": utc_ms()} if online else {}))

    def _tell_presence(self, *, online: bool) -> None:
        if self._account.presence:
            self._send(self._status_topic, self._status(online=online), retain=True)

    # In paho's thread.

    def _on_connect(
        self, client: paho.Client, _userdata: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._leave("refused", reason)
        else:
            self._leave("connected", getattr(properties, "ReceiveMaximum", 65_535))
            client.subscribe([(topic, 1) for topic in self._account.topics])

    def _on_socket_open(self, _client: paho.Client, _userdata: Any, connection: Any) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(PUBACK_TIMEOUT_S * 1000))
        self._leave("opened", None)

    def _on_end(self, client: paho.Client, reason: str) -> None:
        client.disconnect()  # keeps a client that never got through from trying again by itself
        self._leave("ended", reason)

    def _on_message(self, client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        mid = message.mid if message.qos else 0
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        if len(self._words) < WAITING_MAX:
            self._leave("message", (topic, bytes(message.payload), mid))
            return
        self._dropped.append(topic)
        if mid:
            client.ack(mid, 1)  # or a broker with a small window would wait for it for ever; the stream sends again

    def _leave(self, word: str, value: Any) -> None:
        self._words.append((word, value))
        if not self._told:
            self._told = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._hear)

    # On the event loop.

    def _hear(self) -> None:
        self._told = False
        for _ in range(HEAR_AT_ONCE):
            if not self._words:
                break
            word, value = self._words.popleft()
            if word == "message":
                if not self._closed:
                    self._listener.hear(*value)
            elif word == "taken":
                self._taken(*value)
            else:
                self._state(word, value)
        while self._dropped:
            self._listener.overflowed(self._dropped.popleft())
        if self._words and not self._told:
            self._told = True
            self._loop.call_soon(self._hear)

    def _taken(self, mid: int, reason: ReasonCode) -> None:
        self._inflight.pop(mid, None)
        if reason.is_failure:
            logger.warning("broker refused a message", extra={"broker": self._account.url, "reason": str(reason)})
        self._listener.room_came()

    def _state(self, word: str, value: Any) -> None:
        if word == "opened":
            self._opened = True
        elif word == "connected":
            self._answered = True
            self._inflight_max = min(INFLIGHT_MAX, value)
        elif word == "granted":
            failed = [str(reason) for reason in value if reason.is_failure]
            self.lost = self.lost or (f"subscription refused: {failed[0]}" if failed else "")
            self._subscribed = not failed
        elif word == "refused":
            self.lost = f"refused: {value}"
            self._answered = value.value != UNSUPPORTED_VERSION
        elif word == "ended":
            self._ended = True
            self.lost = self.lost or value
        self._changed.set()

    async def open(self) -> None:
        """Connects and subscribes. Raises BrokerAway, WrongVersion."""
        five = self.version is MQTTProtocolVersion.MQTTv5
        options: dict[str, Any] = {"clean_start": False, "properties": _connect_properties()} if five else {}
        self._client.connect_async(self._account.host, self._account.port, self._account.keepalive_s, **options)
        self._client.loop_start()
        await self._until(lambda: self._opened, CONNECT_TIMEOUT_S)
        await self._until(lambda: self._subscribed, ANSWER_TIMEOUT_S)
        if self.lost and self._opened and not self._answered:
            raise WrongVersion(self.lost)
        if self.lost:
            raise BrokerAway(self.lost)
        self._tell_presence(online=True)

    async def _until(self, reached: Callable[[], bool], within_s: float) -> None:
        """Waits until that is so, or the connection is lost."""
        try:
            async with asyncio.timeout(within_s):
                while not reached() and not self.lost:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self.lost = f"no answer within {within_s:.0f} s"

    async def stay(self) -> Never:
        """Returns never: raises BrokerAway when the connection is over or the broker does not answer."""
        while True:
            if self.lost:
                raise BrokerAway(self.lost)
            oldest = next(iter(self._inflight.values()), None)
            if oldest is not None and time.monotonic() - oldest > PUBACK_TIMEOUT_S:
                self.lost = f"no acknowledgement for {PUBACK_TIMEOUT_S:.0f} s"
                continue
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._changed.wait()

    async def close(self) -> None:
        """Says goodbye if that is possible at once, else cuts the connection."""
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if self._subscribed and not self.lost:
                    self._tell_presence(online=False)
                    while self._inflight and not self._ended:
                        self._changed.clear()
                        await asyncio.sleep(0.01)
                self._client.disconnect()
                while not self._ended:
                    self._changed.clear()
                    await self._changed.wait()
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    @property
    def room(self) -> int:
        """How many messages the broker takes now."""
        return 0 if self.lost or self._ended else max(0, self._inflight_max - len(self._inflight))

    def publish(self, topic: str, payload: bytes, expiry_s: int) -> None:
        """Sends a message at least once, as long as this connection lasts."""
        self._send(topic, payload, expiry_s=expiry_s)

    def post(self, topic: str, payload: bytes) -> None:
        """Sends a message at most once; one that finds no connection is gone."""
        if not self.lost:
            self._client.publish(topic, payload, qos=0)

    def _send(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int = 0) -> None:
        properties = None
        if expiry_s and self.version is MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        if info.rc is MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._inflight[info.mid] = time.monotonic()

    def acknowledge(self, mid: int) -> None:
        """Tells the broker that a message is ours now."""
        self._client.ack(mid, 1)


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    properties.ReceiveMaximum = INFLIGHT_MAX
    properties.MaximumPacketSize = PACKET_MAX_BYTES
    return properties


async def keep(
    settings: BrokerSettings,
    enterprise: str,
    me: str,
    peers: Mapping[str, object],
    outbox: Outbox,
    report_inbound: ReportInbound,
    figures: Figures,
    on_peer: OnPeer,
) -> Never:
    """Runs the streams with all peers until cancelled. Raises ConfigError at the start; what the journal raises."""
    routes = {peer: Route(enterprise, me, peer) for peer in peers}
    account = read_account(settings, enterprise, me, tuple(route.subscription for route in routes.values()))
    boot = secrets.token_hex(8)
    links = {
        peer: Link(route, boot, outbox.epoch, await outbox.last(peer), await outbox.received(peer), figures)
        for peer, route in routes.items()
    }
    traffic = Traffic(links, outbox, report_inbound, on_peer)
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.run())
        await keep_connected(account, traffic)
    raise AssertionError("unreachable: both run for ever")


_OTHER = {
    MQTTProtocolVersion.MQTTv5: MQTTProtocolVersion.MQTTv311,
    MQTTProtocolVersion.MQTTv311: MQTTProtocolVersion.MQTTv5,
}


async def keep_connected(account: Account, listener: Listener) -> Never:
    """One session after the other; logs changes only."""
    failures, said, proven, version = 0, "", False, MQTTProtocolVersion.MQTTv5
    while True:
        began, session = time.monotonic(), Session(account, version, listener)
        try:
            await session.open()
            logger.info("broker connected", extra={"broker": account.url, "mqtt": version.name})
            said, proven = "", True
            listener.join(session)
            await session.stay()
        except WrongVersion as error:
            why = str(error)
            if not proven:
                version = _OTHER[version]
                if version is MQTTProtocolVersion.MQTTv311:
                    continue
            proven = False
        except BrokerAway as error:
            why = str(error)
        finally:
            listener.leave()
            await session.close()
        if why != said:
            said = why
            logger.warning("broker away", extra={"broker": account.url, "reason": why})
        failures = 0 if time.monotonic() - began > STEADY_S else failures + 1
        backoff_s = min(BACKOFF_MOST_S, BACKOFF_LEAST_S * 2 ** min(failures, 10))
        await asyncio.sleep(random.uniform(0, backoff_s))
