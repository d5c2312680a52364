"""Keeps one process image alive over OPC UA; the only file that knows asyncua.

Each attempt has a fresh client; the library's reconnect and watchdogs stay off (they fail silently, without jitter).
Subscriptions carry explicit parameters, for the defaults ask for one keep-alive in minutes. Their notifications pass
through one bounded queue, so values reach the image in the order in which the server published them; the library's
handlers would run as one task per notification. Probes by reading tell a dead server and a silently dead subscription.
"""

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Never

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from edge.plc.image import LinkLost, ProcessImage, Value, WriteRejected, WriteUnknown, monotonic_ms
from edge.plc.registers import scaled, unscaled
from edge.plc.supervision import harden, still_wanted, supervise
from edge.settings import ConfigError, DeviceSettings, Tag

CONNECT_MAX_S = 5.0
CLOSE_MAX_S = 1.0
SESSION_MS = 60_000
CHANNEL_MS = 600_000
KEEP_ALIVES = 10
LIFETIME = 300
NODES_MAX = 500
"""Nodes in one read."""
NOTICES_MAX = 64
"""Notifications waiting to be taken over; beyond it the server waits for its next publish request."""
SILENCE_MIN_MS = 3000
"""A subscription is given at least this long (else three keep-alives) before it counts as dead."""
PROBE_MS = 500
MISSES_MAX = 3
UNHEARD_MAX = 4
"""Heartbeats that were read but never notified: the subscription is dead."""
REMAKES_MAX = 3
HEARTBEAT = "PlcHeartbeat"

VARIANTS = {
    "bool": ua.VariantType.Boolean,
    "uint16": ua.VariantType.UInt16,
    "bits": ua.VariantType.UInt16,
    "int16": ua.VariantType.Int16,
    "uint32": ua.VariantType.UInt32,
    "int32": ua.VariantType.Int32,
    "uint64": ua.VariantType.UInt64,
    "float32": ua.VariantType.Float,
    "string": ua.VariantType.String,
}
POLICIES: dict[str, Any] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
LOST = (OSError, TimeoutError, UaError, InvalidSignature, struct.error, ValueError, LookupError, TypeError)
"""What the library trips over when the network goes or a server answers nonsense; ConnectionError is an OSError."""

logger = logging.getLogger(__name__)


async def keep(device: DeviceSettings, tags: Sequence[Tag], image: ProcessImage) -> Never:
    """Keeps the image alive over OPC UA, for ever."""
    strays = [tag.name for tag in tags if tag.table != "node"]
    if strays or not device.root.startswith("nsu=") or ";s=" not in device.root:
        raise ConfigError(
            [f"{device.tags}: an opcua device needs node tags and root 'nsu=<uri>;s=<path>': {strays[:5]}"]
        )
    pki = None if device.security == "none" else read_pki(device)
    # It tells at length what the supervision says once.
    logging.getLogger("asyncua").setLevel(logging.ERROR)
    logging.getLogger("asyncua.client").setLevel(logging.CRITICAL)
    await supervise(device.url, image, lambda up: _hold(Session(device, tags, image, pki), up))


async def _hold(session: "Session", up: Callable[[], None]) -> Never:
    """One life of the link: connect, subscribe, read everything, then follow until it is lost. Raises LinkLost."""
    try:
        await session.open()
        await session.watch()
        await session.read_all()
        up()
        async with asyncio.TaskGroup() as group:
            group.create_task(session.probe())
            group.create_task(session.take_notices())
            group.create_task(session.image.serve(session.read, session.write))
            await session.until_closed()  # in the body: see still_wanted
        raise AssertionError("the tasks of a link end only by losing it")
    finally:
        await session.close()


class Session:
    """One client on one server, from connecting to closing."""

    def __init__(
        self, device: DeviceSettings, tags: Sequence[Tag], image: ProcessImage, pki: tuple[Path, Path, Path] | None
    ) -> None:
        self.image = image
        self._device = device
        self._pki = pki
        self._limit_s = max(device.timeout_ms, 1) / 1000
        self._tags = {tag.name: tag for tag in tags}
        self._polled = [tag.name for tag in tags if tag.poll_class != "ring"]
        self._nodes: dict[str, ua.NodeId] = {}
        self._handles = dict(enumerate(self._polled))
        self._silence_max_s: dict[int, float] = {}
        self._heard_s: dict[int, float] = {}
        self._notices: asyncio.Queue[tuple[float, ua.PublishResult]] = asyncio.Queue(NOTICES_MAX)
        self._unheard = 0
        self._client = Client(device.url, timeout=CONNECT_MAX_S, watchdog_intervall=3600.0, auto_reconnect=False)
        self._client.name = self._client.description = "wes-edge"
        self._client.session_timeout = SESSION_MS
        self._client.secure_channel_timeout = CHANNEL_MS

    # its life

    async def open(self) -> None:
        """Connects and finds the namespace. Raises LinkLost."""
        uri, _, path = self._device.root.removeprefix("nsu=").partition(";s=")
        try:
            async with asyncio.timeout(2 * CONNECT_MAX_S):
                if self._pki is not None:
                    await self._secure(self._pki)
                await self._client.connect()
                spaces = await self._client.get_namespace_array()
        except LOST as error:
            raise LinkLost(f"no session on {self._device.url}: {_text(error)}") from error
        if uri not in spaces:
            raise LinkLost(f"the server has no namespace {uri}")
        index = spaces.index(uri)
        self._nodes = {
            name: ua.NodeId(ua.String(f"{path}.{tag.node}"), ua.Int16(index)) for name, tag in self._tags.items()
        }
        protocol = self._client.uaclient.protocol
        harden(protocol.transport if protocol is not None else None)

    async def _secure(self, pki: tuple[Path, Path, Path]) -> None:
        own, key, server = pki
        certificate = _certificate(own)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
            self._client.application_uri = uri
        await self._client.set_security(
            POLICIES[self._device.security],
            certificate=own,
            private_key=key,
            server_certificate=str(server),
            mode=ua.MessageSecurityMode.SignAndEncrypt,
        )

    async def close(self) -> None:
        with contextlib.suppress(*LOST):
            async with asyncio.timeout(CLOSE_MAX_S):
                await self._client.disconnect()
        self._client.disconnect_socket()
        still_wanted()

    async def until_closed(self) -> Never:
        """Raises LinkLost when the connection closes."""
        async with self._client.uaclient.subscribe_state() as states:
            if self._client.uaclient.state.value == "connected":
                await states.next_change()
        raise LinkLost("connection closed by the server")

    async def _ask(self, request: Awaitable[Any], of: int | None = None) -> Any:
        """One request with its time limit; `of`: how many results it must have. Raises LinkLost."""
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await request
        except LOST as error:
            raise LinkLost(_text(error)) from error
        still_wanted()
        if of is not None and len(answer) != of:
            raise LinkLost(f"{len(answer)} results for {of} nodes")
        return answer

    # values in

    async def watch(self) -> None:
        """One subscription per poll class, every item checked. Raises LinkLost."""
        for name in ("fast", "normal", "slow"):
            period_ms = float(max(getattr(self._device.poll, name), 1))
            handles = [h for h, tag in self._handles.items() if self._tags[tag].poll_class == name]
            if not handles:
                continue
            parameters = ua.CreateSubscriptionParameters(
                RequestedPublishingInterval=period_ms,
                RequestedLifetimeCount=LIFETIME,
                RequestedMaxKeepAliveCount=KEEP_ALIVES,
                MaxNotificationsPerPublish=0,
                PublishingEnabled=True,
                Priority=0,
            )
            made = await self._ask(self._client.uaclient.create_subscription(parameters, self._published))
            silence_ms = 3 * made.RevisedMaxKeepAliveCount * made.RevisedPublishingInterval
            self._silence_max_s[made.SubscriptionId] = max(SILENCE_MIN_MS, silence_ms) / 1000
            self._heard_s[made.SubscriptionId] = time.monotonic()
            for batch in _batches(handles):
                await self._monitor(made.SubscriptionId, batch, 0.0 if name == "fast" else period_ms)
        self._unheard = 0

    async def _monitor(self, subscription: int, handles: Sequence[int], sampling_ms: float) -> None:
        """Queue of one: these are states; events travel in the numbered rings."""
        items = [
            ua.MonitoredItemCreateRequest(
                ItemToMonitor=ua.ReadValueId(self._nodes[self._handles[handle]], AttributeIds.Value),
                MonitoringMode=ua.MonitoringMode.Reporting,
                RequestedParameters=ua.MonitoringParameters(
                    ClientHandle=handle, SamplingInterval=sampling_ms, QueueSize=1, DiscardOldest=True
                ),
            )
            for handle in handles
        ]
        parameters = ua.CreateMonitoredItemsParameters(subscription, ua.TimestampsToReturn.Source, items)
        results = await self._ask(self._client.uaclient.create_monitored_items(parameters), len(items))
        bad = [(handle, result) for handle, result in zip(handles, results, strict=True) if result.StatusCode.is_bad()]
        if bad:
            handle, result = bad[0]
            raise LinkLost(f"{self._nodes[self._handles[handle]]} cannot be watched: {result.StatusCode.name}")

    async def take_notices(self) -> Never:
        """Takes published values over, in order."""
        while True:
            came_ms, notice = await self._notices.get()
            for part in notice.NotificationMessage.NotificationData or ():
                if isinstance(part, ua.DataChangeNotification):
                    items = [(self._handles.get(item.ClientHandle, ""), item.Value) for item in part.MonitoredItems]
                    if any(name == HEARTBEAT for name, _ in items):
                        self._unheard = 0
                    self._take(came_ms, ((name, value) for name, value in items if name))
                elif isinstance(part, ua.StatusChangeNotification):
                    self._unheard = UNHEARD_MAX + 1

    async def _published(self, notice: ua.PublishResult) -> None:
        """Called by the library, which awaits it before it asks for more."""
        if notice.SubscriptionId in self._heard_s:
            self._heard_s[notice.SubscriptionId] = time.monotonic()
        await self._notices.put((monotonic_ms(), notice))

    def _take(self, came_ms: float, items: Iterable[tuple[str, ua.DataValue]]) -> None:
        """Values and when they came: a notification that waited in the queue does not undo a later read."""
        values: dict[str, Value] = {}
        spoilt = []
        for name, item in items:
            value = _value(self._tags[name], item)
            if value is None:
                spoilt.append(name)
            else:
                values[name] = value
        self.image.update(values, came_ms)
        self.image.spoil(spoilt)

    async def read(self, names: tuple[str, ...]) -> None:
        """Reads tags in one request (or few). Raises LinkLost."""
        for batch in _batches(names):
            nodes = [self._nodes[name] for name in batch]
            results = await self._ask(self._client.uaclient.read_attributes(nodes, AttributeIds.Value), len(nodes))
            self._take(monotonic_ms(), zip(batch, results, strict=True))

    async def read_all(self) -> None:
        """Every polled tag; afterwards the image may be declared good. Raises LinkLost."""
        await self.read(tuple(self._polled))

    # values out

    async def write(self, values: tuple[tuple[str, Value], ...]) -> None:
        """One Write call. Raises WriteRejected or WriteUnknown."""
        nodes = [self._nodes[name] for name, _ in values]
        data = [ua.DataValue(_variant(self._tags[name], value)) for name, value in values]
        try:
            results = await self._ask(self._client.uaclient.write_attributes(nodes, data), len(nodes))
        except LinkLost as error:
            raise WriteUnknown(str(error)) from error
        refused = [f"{name} {code.name}" for (name, _), code in zip(values, results, strict=True) if not code.is_good()]
        if refused:
            raise WriteRejected(", ".join(refused[:5]))

    # is it alive

    async def probe(self) -> Never:
        """Reads the heartbeat (or the server's state) beside the subscription; raises LinkLost when either is dead."""
        name = HEARTBEAT if HEARTBEAT in self._nodes else ""
        node = self._nodes[name] if name else ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_State))
        misses, remakes, last = 0, 0, None
        while True:
            await asyncio.sleep(0.0 if misses else PROBE_MS / 1000)
            try:
                (item,) = await self._ask(self._client.uaclient.read_attributes([node], AttributeIds.Value), 1)
            except LinkLost as error:
                misses += 1
                if misses >= MISSES_MAX:
                    raise LinkLost(f"{MISSES_MAX} probes without an answer: {error}") from error
                continue
            misses = 0
            value = _value(self._tags[name], item) if name else None
            self._unheard += last is not None and value is not None and value != last
            last = value
            if self._unheard > UNHEARD_MAX or self._silent():
                remakes += 1
                if remakes > REMAKES_MAX:
                    raise LinkLost("subscriptions stay silent")
                await self._remake()

    def _silent(self) -> bool:
        now = time.monotonic()
        return any(now - self._heard_s[number] > limit_s for number, limit_s in self._silence_max_s.items())

    async def _remake(self) -> None:
        """New subscriptions in place of silent ones, and everything read once. Raises LinkLost."""
        logger.warning("subscription silent", extra={"device": self._device.url})
        old = list(self._silence_max_s)
        self._silence_max_s, self._heard_s = {}, {}
        with contextlib.suppress(LinkLost):
            await self._ask(self._client.uaclient.delete_subscriptions(old))
        await self.watch()
        await self.read_all()


def _batches(names: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (names[at : at + NODES_MAX] for at in range(0, len(names), NODES_MAX))


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _variant(tag: Tag, value: Value) -> ua.Variant:
    """The exact type, for servers refuse an Int64 in a UInt16."""
    if isinstance(value, str | bool):
        return ua.Variant(value, VARIANTS[tag.type])
    return ua.Variant(unscaled(tag, value), VARIANTS[tag.type])


def _value(tag: Tag, item: ua.DataValue) -> Value | None:
    """What the server says, or None if it does not know or speaks of something else."""
    raw = item.Value.Value if item.Value is not None else None
    if item.StatusCode is not None and not item.StatusCode.is_good():
        return None
    if tag.type == "string":
        return raw if isinstance(raw, str) else None
    if tag.type == "bool":
        return bool(raw) if isinstance(raw, bool | int) else None
    return scaled(tag, raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else None


def read_pki(device: DeviceSettings) -> tuple[Path, Path, Path]:
    """Own certificate, own key and the one pinned server certificate. Raises ConfigError; unpinned is refused."""
    assert device.pki is not None
    found = []
    for folder, stem in (("own", "cert"), ("own", "key"), ("trusted", "*")):
        files = sorted(path for ending in ("pem", "der") for path in (device.pki / folder).glob(f"{stem}.{ending}"))
        if len(files) != 1:
            need = "exactly the server's certificate" if folder == "trusted" else f"one {stem}.pem or {stem}.der"
            raise ConfigError([f"{device.pki / folder}: holds {len(files)} matching files; put {need} there"])
        found += files
    for path in (found[0], found[2]):
        try:
            _certificate(path)
        except ValueError as error:
            raise ConfigError([f"{path}: not an X.509 certificate: {error}"]) from error
    return found[0], found[1], found[2]


def _certificate(path: Path) -> x509.Certificate:
    data = path.read_bytes()
    return x509.load_pem_x509_certificate(data) if path.suffix == ".pem" else x509.load_der_x509_certificate(data)
