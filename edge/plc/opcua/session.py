"""One client on one server: channel, session, requests with a time limit. The library's own loops stay off.

It would reconnect without jitter, acknowledge by itself and renew in tasks nobody awaits; so its services are called
one by one here. A session that is still known is activated on the new channel: what it had subscribed goes on, and a
server that follows the standard takes nothing more from the old channel (OPC 10000-4, 5.7.3), so bytes that were held
up on the way cannot be carried out any more.
"""

import asyncio
import contextlib
import datetime
import time
from collections.abc import Awaitable, Sequence
from typing import Any, Never

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_session import UaSession
from asyncua.crypto import security_policies
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import (
    BadServiceUnsupported,
    BadTooManyOperations,
    BadUserAccessDenied,
    UaStatusCodeError,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge.plc import pki
from edge.plc.image import LinkLost, Value, WriteRejected, WriteUnknown
from edge.plc.opcua.memory import Kept
from edge.plc.opcua.variants import LOST, batches, text, variant
from edge.plc.supervision import harden, still_wanted
from edge.settings import ConfigError, DeviceSettings, Tag

CONNECT_MAX_S = 5.0
CLOSE_MAX_S = 0.5
SESSION_MS = 60_000
CHANNEL_MS = 600_000
PASSWORD_MAX = 1024
APPLICATION_URI = "urn:wes-edge"
POLICIES: dict[str, Any] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
REFUSALS = (BadUserAccessDenied, BadServiceUnsupported, BadTooManyOperations)
"""Faults of a whole request that say it was not carried out."""


class QuietSession(UaSession):
    """Without the library's publish loop, which acknowledges before anything is on disk."""

    def ensure_publish_loop(self) -> None:
        """Publishing is ours."""


class Session:
    """From connecting to closing."""

    def __init__(self, device: DeviceSettings, tags: Sequence[Tag]) -> None:
        self.device = device
        self.tags = {tag.name: tag for tag in tags}
        self.nodes: dict[str, ua.NodeId] = {}
        self.root = ua.NodeId()
        self.heard_s = time.monotonic()
        """When the server last said anything."""
        self.resumed = False
        self._taken: set[str] = set()
        """Nodes that the server has taken a value for."""
        self._limit_s = max(device.timeout_ms / 1000, CONNECT_MAX_S)
        self._client: Any = Client(device.url, timeout=CONNECT_MAX_S, auto_reconnect=False)
        self._client.uaclient.session = QuietSession(self._client.uaclient)
        self._client.name = self._client.description = "wes-edge"
        self._client.application_uri = APPLICATION_URI
        self._client.session_timeout = SESSION_MS
        self._client.secure_channel_timeout = CHANNEL_MS

    @property
    def services(self) -> Any:
        """The session services of the library, request by request."""
        return self._client.uaclient.session

    @property
    def token(self) -> str:
        return str(self.services.authentication_token.to_string())

    @property
    def nonce(self) -> str:
        return (self._client._server_nonce or b"").hex()

    # its life

    async def open(self, kept: Kept | None) -> None:
        """Connects, takes up the kept session or makes one, finds the namespace. Raises LinkLost."""
        client = self._client
        try:
            async with asyncio.timeout(2 * CONNECT_MAX_S):
                endpoint = await self._secure() if self.device.security != "none" else None
                self._credentials()
                await client.connect_socket()
                harden(client.uaclient.protocol.transport if client.uaclient.protocol is not None else None)
                await client.send_hello()
                await client.open_secure_channel()
                self.resumed = kept is not None and await self._resume(kept, endpoint)
                if not self.resumed:
                    await client.create_session()
                    await self._activate()
        except ConfigError as error:
            raise LinkLost(str(error)) from error
        except LOST as error:
            raise LinkLost(f"no session on {self.device.url}: {text(error)}") from error
        still_wanted()
        await self._find_namespace()

    async def _activate(self) -> None:
        await self._client.activate_session(username=self._client._username, password=self._client._password)

    async def _resume(self, kept: Kept, endpoint: Any) -> bool:
        """Whether the server still knows the session."""
        client = self._client
        if endpoint is None:
            endpoints = await client.get_endpoints()
            endpoint = Client.find_endpoint(endpoints, client.security_policy.Mode, client.security_policy.URI)
        try:
            client._policy_ids = endpoint.UserIdentityTokens
            client._server_nonce = bytes.fromhex(kept.nonce)
            self.services.restore_authentication_token(ua.NodeId.from_string(kept.token))
            await self._activate()
        except (UaStatusCodeError, ValueError):
            client._server_nonce = None
            self.services.reset_authentication_token()
            return False
        return True

    async def _find_namespace(self) -> None:
        uri, _, path = self.device.root.removeprefix("nsu=").partition(";s=")
        node = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
        (answer,) = await self.ask(self.services.read_attributes([node], AttributeIds.Value), 1)
        spaces = list(answer.Value.Value or ()) if answer.Value is not None else []
        if uri not in spaces:
            raise LinkLost(f"the server has no namespace {uri}")
        index = ua.Int16(spaces.index(uri))
        self.root = ua.NodeId(ua.String(path), index)
        self.nodes = {name: ua.NodeId(ua.String(f"{path}.{tag.node}"), index) for name, tag in self.tags.items()}

    def _credentials(self) -> None:
        """Raises ConfigError for a secret that is not one."""
        device = self.device
        if not device.user or device.password_file is None:
            return
        try:
            if device.password_file.stat().st_mode & 0o077:
                raise ConfigError([f"{device.password_file}: others may read it; chmod 600 {device.password_file}"])
            password = device.password_file.read_text(encoding="utf-8")[:PASSWORD_MAX].rstrip("\r\n")
        except OSError as error:
            raise ConfigError([f"{device.password_file}: {error.strerror}"]) from error
        self._client.set_user(device.user)
        self._client.set_password(password)

    async def _secure(self) -> Any:
        """Asks for the server's certificate, judges it and binds the channel to it; its endpoint."""
        assert self.device.pki is not None
        client, store = self._client, pki.Pki(self.device.pki)
        own = pki.read_certificate(store.own_certificate)
        client.application_uri = next(iter(pki.application_uris(own)), APPLICATION_URI)
        policy = POLICIES[self.device.security]
        endpoints = await client.connect_and_get_server_endpoints()
        endpoint = Client.find_endpoint(endpoints, ua.MessageSecurityMode.SignAndEncrypt, policy.URI)
        certificate = x509.load_der_x509_certificate(_first(endpoint.ServerCertificate))
        self._judge(store, certificate, endpoint.Server)

        async def judge_again(presented: x509.Certificate, server: ua.ApplicationDescription) -> None:
            self._judge(store, presented, server)

        client.certificate_validator = judge_again  # what the server says of itself once the channel is safe
        await client.set_security(
            policy,
            certificate=store.own_certificate,
            private_key=store.own_key,
            server_certificate=certificate.public_bytes(Encoding.DER),
            mode=ua.MessageSecurityMode.SignAndEncrypt,
        )
        return endpoint

    def _judge(self, store: pki.Pki, certificate: x509.Certificate, server: ua.ApplicationDescription) -> None:
        host = self.device.server_host or self._client.server_url.hostname or ""
        reason = store.judge(certificate, server.ApplicationUri or "", host, datetime.datetime.now(datetime.UTC))
        if reason:
            path = store.reject(certificate)
            remedy = f"; look at it, then: edge pki trust {path}" if reason == pki.UNKNOWN else ""
            raise ConfigError([f"certificate of {self.device.url}: {reason}{remedy} ({path})"])

    def settle(self) -> None:
        """Everything is set up: from now on answers are due in the device's own time."""
        self._limit_s = max(self.device.timeout_ms, 1) / 1000

    async def close(self, *, leave: bool) -> None:
        """Closes the connection at once; `leave`: without closing the session, which can be taken up again."""
        if not leave and self._client.uaclient.protocol is not None:
            with contextlib.suppress(*LOST):
                async with asyncio.timeout(CLOSE_MAX_S):
                    await self.services.close_session(delete_subscriptions=True)
        protocol = self._client.uaclient.protocol
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()  # what waits to be sent must not be sent any more
        self._client.disconnect_socket()
        still_wanted()

    async def until_closed(self) -> Never:
        """Raises LinkLost when the connection closes."""
        async with self._client.uaclient.subscribe_state() as states:
            if self._client.uaclient.state.value == "connected":
                await states.next_change()
        raise LinkLost("connection closed by the server")

    async def renew(self) -> Never:
        """Keeps the secure channel's keys fresh. Raises LinkLost."""
        while True:
            await asyncio.sleep(self._client.secure_channel_timeout * 0.75 / 1000)
            await self.ask(self._client.open_secure_channel(renew=True))
            self._client.uaclient.revolve_security_token()

    # requests

    async def ask(self, request: Awaitable[Any], of: int | None = None) -> Any:
        """One request with its time limit; `of`: how many results it must have. Raises LinkLost."""
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await request
        except asyncio.CancelledError as error:
            still_wanted()
            # an answer at the very end of our time: asyncio.timeout does not know the library's kind of cancelling
            raise LinkLost("no answer in time") from TimeoutError(text(error))
        except LOST as error:
            still_wanted()  # a timeout may have swallowed it too, and not everybody ends at a lost link
            raise LinkLost(text(error)) from error
        still_wanted()
        self.heard_s = time.monotonic()
        if of is not None and len(answer) != of:
            raise LinkLost(f"{len(answer)} results for {of} nodes")
        return answer

    async def read(self, names: Sequence[str]) -> list[tuple[str, ua.DataValue]]:
        """Tags as the server says now, in one request or few. Raises LinkLost."""
        found: list[tuple[str, ua.DataValue]] = []
        for batch in batches(names):
            nodes = [self.nodes[name] for name in batch]
            results = await self.ask(self.services.read_attributes(nodes, AttributeIds.Value), len(nodes))
            found += zip(batch, results, strict=True)
        return found

    async def write(self, values: tuple[tuple[str, Value], ...]) -> None:
        """One Write call; two the first time in a session, the last word by itself. Raises WriteRejected, WriteUnknown.

        A server that refuses one node writes the others: with the number in the same call it would obey a command with
        the arguments of the last one, and we would say that it was refused.
        """
        if not self._taken.issuperset(name for name, _ in values[:-1]):
            await self._write(values[:-1])
            values = values[-1:]
        await self._write(values)

    async def _write(self, values: tuple[tuple[str, Value], ...]) -> None:
        nodes = [self.nodes[name] for name, _ in values]
        data = [ua.DataValue(variant(self.tags[name], value)) for name, value in values]
        try:
            results = await self.ask(self.services.write_attributes(nodes, data), len(nodes))
        except LinkLost as error:
            if isinstance(error.__cause__, REFUSALS):
                raise WriteRejected(str(error)) from error
            raise WriteUnknown(str(error)) from error
        refused = [f"{name} {code.name}" for (name, _), code in zip(values, results, strict=True) if not code.is_good()]
        if refused:
            raise WriteRejected(", ".join(refused[:5]))
        self._taken.update(name for name, _ in values)


def _first(chain: bytes) -> bytes:
    """The certificate before its issuers: the length of the outer SEQUENCE tells where it ends."""
    return chain[: int.from_bytes(chain[2:4], "big") + 4]
