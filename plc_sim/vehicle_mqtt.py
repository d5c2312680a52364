"""The vehicles' wire: one MQTT connection per vehicle, as VDA 5050 asks (6.3), by paho in a thread of its own.

MQTT 3.1.1 and a clean session, the least the standard asks for. QoS 0 for all but `connection`, which is retained and
is the last will too. Every attempt is a fresh client; `cut` is a dead radio: the socket is gone without a DISCONNECT.
"""

import asyncio
import contextlib
import logging
import random
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Never
from urllib.parse import urlsplit

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from edge.settings import BrokerSettings, ConfigError
from plc_sim.vehicle import Vehicle

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
CLOSE_S = 2.0
RETRY_LEAST_S, RETRY_MOST_S = 0.2, 5.0
HEARD_MAX = 100
"""Messages of one vehicle that wait to be looked at; more are dropped (counted)."""
LISTENS = ("order", "instantActions")
RETAINED = ("connection", "factsheet")
Step = Callable[[], None]
"""Lets the world catch up with the clock."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the vehicles' broker is and how it is entered."""

    host: str
    port: int
    username: str
    password: str | None
    tls: ssl.SSLContext | None
    keepalive_s: int


def read_broker(settings: BrokerSettings) -> Broker:
    """Raises ConfigError."""
    parts = urlsplit(settings.url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ConfigError([f"fleet.broker.url: {settings.url!r}: give mqtt://host:port or mqtts://host:port"])
    secure = parts.scheme == "mqtts"
    try:
        tls = ssl.create_default_context(cafile=settings.ca_file) if secure else None
        if tls is not None and settings.cert_file is not None:
            tls.load_cert_chain(settings.cert_file, settings.key_file)
        password = _secret(settings.password_file)
        port = parts.port or (8883 if secure else 1883)
    except (OSError, ValueError) as error:
        raise ConfigError([f"fleet.broker: {error}; check url, password_file, ca_file, cert_file, key_file"]) from error
    return Broker(parts.hostname, port, settings.username, password, tls, settings.keepalive_s)


def _secret(path: Path | None) -> str | None:
    return path.read_text(encoding="utf-8").rstrip("\r\n") if path is not None else None


class Radio:
    """The connection of one vehicle. `cut` and `mend` are switches for faults."""

    def __init__(self, vehicle: Vehicle, broker: Broker, prefix: str, step: Step) -> None:
        self.name = vehicle.name
        self.where = f"{broker.host}:{broker.port}/{prefix}"
        self.connections = 0
        self.dropped = 0
        self._vehicle = vehicle
        self._broker = broker
        self._prefix = prefix
        self._step = step
        self._rng = random.Random(vehicle.name)
        self._loop = asyncio.get_running_loop()
        self._client: paho.Client | None = None
        self._over = asyncio.Event()
        self._whole = asyncio.Event()
        self._whole.set()
        self._waiting = 0

    async def keep(self) -> Never:
        """One connection after the other, for ever; says OFFLINE when it is stopped."""
        pause_s = RETRY_LEAST_S
        try:
            while True:
                await self._whole.wait()
                began = self.connections
                await self._live()
                pause_s = RETRY_LEAST_S if self.connections > began else min(pause_s * 2, RETRY_MOST_S)
                await asyncio.sleep(pause_s * self._rng.uniform(0.5, 1.0))
        finally:
            self._good_bye()

    def cut(self) -> None:
        """The radio is dead: nobody is told."""
        self._whole.clear()
        self._vehicle.voice.tell = None
        self._over.set()

    def mend(self) -> None:
        """The radio works again."""
        self._whole.set()

    # One connection

    async def _live(self) -> None:
        """Connect, and wait for the end of it."""
        client = self._client = self._make_client()
        self._over.clear()
        try:
            await asyncio.to_thread(client.connect, self._broker.host, self._broker.port, self._broker.keepalive_s)
        except (OSError, ValueError) as error:
            logger.debug("%s: no broker: %s", self._vehicle.name, error)
            return
        client.loop_start()
        await self._over.wait()
        self._vehicle.voice.tell = None
        self._client = None
        await asyncio.to_thread(_hang_up, client)

    def _make_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{self._vehicle.settings.manufacturer}-{self._vehicle.settings.serial}",
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        if self._broker.username:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        will = self._vehicle.voice.connection(self._vehicle.dialect.broken)
        client.will_set(self._topic("connection"), will, qos=1, retain=True)
        # In paho's thread: only leave word for the loop.
        client.on_connect = lambda client, _data, _flags, reason, _properties: self._leave(
            self._connected, client, str(reason) if reason.is_failure else ""
        )
        client.on_disconnect = lambda client, _data, _flags, _reason, _properties: self._leave(self._ended, client)
        client.on_message = self._on_message
        return client

    def _topic(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    def _leave(self, call: Callable[..., None], *given: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(call, *given)

    def _on_message(self, client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if self._waiting >= HEARD_MAX:
            self.dropped += 1
            return
        self._waiting += 1
        self._leave(self._heard, client, message.topic.rpartition("/")[2], message.payload)

    # In the loop

    def _connected(self, client: paho.Client, refused: str) -> None:
        if client is not self._client or not self._whole.is_set():
            return
        if refused:
            logger.warning("%s: the broker refuses it: %s", self._vehicle.name, refused)
            self._over.set()
            return
        self.connections += 1
        for name in LISTENS:
            client.subscribe(self._topic(name), 0)
        voice = self._vehicle.voice
        voice.tell = self._tell
        self._tell("connection", voice.connection("ONLINE"))
        self._step()
        voice.factsheet()
        voice.changed()

    def _ended(self, client: paho.Client) -> None:
        if client is self._client:
            self._over.set()

    def _heard(self, client: paho.Client, topic: str, body: bytes) -> None:
        self._waiting -= 1
        if client is self._client and self._vehicle.voice.tell is not None:
            self._step()
            self._vehicle.hear(topic, body)

    def _tell(self, topic: str, message: bytes) -> None:
        if self._client is not None:
            self._client.publish(self._topic(topic), message, qos=int(topic == "connection"), retain=topic in RETAINED)

    def _good_bye(self) -> None:
        """A clean end: OFFLINE, then DISCONNECT; the last will is not told."""
        client, self._client = self._client, None
        if client is None:
            return
        self._vehicle.voice.tell = None
        if client.is_connected() and self._whole.is_set():
            offline = self._vehicle.voice.connection("OFFLINE")
            sent = client.publish(self._topic("connection"), offline, qos=1, retain=True)
            if sent.rc is MQTTErrorCode.MQTT_ERR_SUCCESS:
                with contextlib.suppress(RuntimeError, ValueError):
                    sent.wait_for_publish(CLOSE_S)
            client.disconnect()
        client.loop_stop()


def _hang_up(client: paho.Client) -> None:
    """Without a DISCONNECT: as far as the broker knows, the vehicle is lost."""
    talk = client.socket()
    if isinstance(talk, socket.socket):
        with contextlib.suppress(OSError):
            talk.shutdown(socket.SHUT_RDWR)
    client.loop_stop()
