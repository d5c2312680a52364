"""One OPC UA server: its life, what clients write, what the programs show, and what can go wrong with it.

Machines that share a url share a server. Clients write only what the tag table gives to the WCS: anything else is
BadNotWritable and counted. Once a scan cycle what has changed is written to the nodes, newest sequence numbers last.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from asyncua import ua
from asyncua.common.callback import CallbackService, CallbackType, ServerItemCallback
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from edge.settings import DeviceSettings, Tag
from plc_sim.opcua.certificates import URI, Door, Roles, own_certificate
from plc_sim.opcua.methods import add_methods
from plc_sim.opcua.space import VARIANTS, Space, TagNode, typed
from plc_sim.program import Program

LIVE_EVERY = 5
"""Scan cycles between two looks at the clocks and encoders, which change all the time."""
POLICIES = {
    "Basic256Sha256": ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    "Aes256Sha256RsaPss": ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
}
HANG_UP_S = 0.02
"""Pause before whoever came in meanwhile is hung up on too."""
STATES = ("StateCurrent", "UnitMode")


class Silence:
    """A transport that says nothing."""

    def write(self, data: bytes) -> None:
        """Nobody hears it."""


class OpcUaServer:
    """Serves the machines of one url.

    `strict`: with security, clients nobody has trusted are refused, else they come in as Observers. `trusted` is a
    further folder of certificates to trust. `users`: names and passwords of Operators.
    """

    def __init__(
        self,
        url: str,
        machines: Sequence[tuple[DeviceSettings, Sequence[Tag], Program]],
        data: Path | None = None,
        *,
        strict: bool = True,
        trusted: Path | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.refused = 0
        """Writes to what is not the client's."""
        self.url = url
        self._machines = machines
        self._data = data
        self._nodes: dict[tuple[Program, str], TagNode] = {}
        self._by_id: dict[ua.NodeId, TagNode] = {}
        self._cycle = 0
        self._security = sorted({device.security for device, _, _ in machines})
        self._secure = self._security != ["none"]
        self._users = dict(users or {})
        self._door = Door(
            self._trusted(trusted) if self._secure else None,
            self._pki() / "rejected",
            strict=strict,
            users=self._users,
        )
        self._server: Any = Server(user_manager=self._door)
        self._space = Space(self._server)
        self._built = self._up = False
        self._frozen = self._hanging = False
        self._delay_s = 0.0
        self._dropped: frozenset[str] = frozenset()
        self._missing: set[ua.NodeId] = set()

    # its life

    async def start(self) -> None:
        """Build the tree the first time, and listen. Also starts again after `stop`."""
        if self._up:
            return
        if self._built:
            await self._drop_and_restore()
            await self._server.bserver.start()
        else:
            await self._build()
            await self._drop_and_restore()
            await self._server.start()
            self._built = True
        self._up = True

    async def stop(self) -> None:
        """Hang up on everybody, forget their sessions and close the port; the PLC programs go on."""
        if not self._up:
            return
        self._up = False
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(self._server.bserver.stop())
            while not stopping.done():
                # The library lets people in until it has tidied up, and then waits for them to go by themselves.
                for client in list(self._server.bserver.clients):
                    client.transport.abort()
                await asyncio.wait({stopping}, timeout=HANG_UP_S)
        internal = self._server.iserver
        await internal.subscription_service.delete_subscriptions(list(internal.subscription_service.subscriptions))
        for session in list(internal._external_sessions.values()):
            await session.close_session(delete_subs=True)

    async def _build(self) -> None:
        server = self._server
        await server.init()
        server.set_endpoint(self.url)
        server.set_server_name("plc_sim")
        server.disable_clock()
        tokens: list[type] = [ua.AnonymousIdentityToken]
        if self._secure:
            await server.set_application_uri(URI)
            certificate, key = own_certificate(self._pki(), urlparse(self.url).hostname or "localhost")
            await server.load_certificate(certificate)
            await server.load_private_key(key)
            policies = [POLICIES[name] for name in self._security if name in POLICIES]
            server.iserver.certificate_validator = self._door.check
            tokens += [ua.UserNameIdentityToken] if self._users else []
        else:
            policies = [ua.SecurityPolicyType.NoSecurity]
        server.set_security_policy(policies, permission_ruleset=Roles())
        server.set_identity_tokens(tokens)
        await self._space.begin()
        for device, tags, program in self._machines:
            for node in await self._space.build(device, tags, program):
                self._nodes[program, node.tag.name] = self._by_id[node.nodeid] = node
            machine, index = self._space.machines[program]
            await add_methods(machine, str(machine.nodeid.Identifier), index, program, self._pause)
            await self._space.show_states(program)
        server.subscribe_server_callback(CallbackType.PreRead, self._before_read)
        server.subscribe_server_callback(CallbackType.PostRead, self._read)
        server.subscribe_server_callback(CallbackType.PostWrite, self._written)
        server.subscribe_server_callback(CallbackType.ItemSubscriptionCreated, self._subscribed)

    def _trusted(self, more: Path | None) -> list[Path]:
        """Where certificates of clients are looked for: beside ours, and the WCS's own when its pki is here."""
        pkis = {device.pki for device, _, _ in self._machines if device.pki is not None}
        return [self._pki() / "trusted", *(pki / "own" for pki in sorted(pkis)), *([more] if more is not None else [])]

    def _pki(self) -> Path:
        parts = urlparse(self.url)
        return (self._data or Path("plc_sim_data")) / f"pki_{parts.hostname}_{parts.port}"

    # what the programs show

    async def show(self) -> None:
        """Write what has changed since the last call to the nodes."""
        self._cycle += 1
        self._fence()
        if self._hanging:
            self._hush()
        if self._frozen:
            await self._publish(on=False)
        for _, _, program in self._machines:
            changed, program.changed = program.changed, {}
            for name in changed:
                await self._show(program, name)
            if not changed.keys().isdisjoint(STATES):
                await self._space.show_states(program)
            if self._cycle % LIVE_EVERY == 0:
                for name in program.live:
                    await self._show(program, name)

    async def _show(self, program: Program, name: str) -> None:
        node = self._nodes.get((program, name))
        if node is not None and node.nodeid not in self._missing:
            value = typed(node.tag, program.read(name))
            if value != node.shown:
                node.shown = value
                variant = ua.Variant(value, VARIANTS[node.tag.type])
                shown = ua.DataValue(variant, SourceTimestamp=ua.DateTime.fromtimestamp(program.utc_s, UTC))
                await self._server.write_attribute_value(node.nodeid, shown)

    # what clients do

    async def _written(self, event: ServerItemCallback, _: CallbackService) -> None:
        """After a client's write: hand the values to the programs, in the order of the request."""
        results = event.response_params
        for place, item in enumerate(event.request_params.NodesToWrite):
            node = self._by_id.get(item.NodeId)
            if node is None:
                continue
            if results[place].is_good():
                value = item.Value.Value.Value if item.Value.Value is not None else None
                if value is not None:
                    node.shown = typed(node.tag, value)
                    if not node.program.write(node.tag.name, node.shown):
                        node.program.changed[node.tag.name] = None
            elif node.tag.writer == "plc" and item.AttributeId == AttributeIds.Value:
                self.refused += 1
                results[place] = ua.StatusCode(ua.UInt32(StatusCodes.BadNotWritable))
        if event.is_external:
            await self._pause()

    def _before_read(self, _: ServerItemCallback, __: CallbackService) -> None:
        self._fence()

    async def _read(self, event: ServerItemCallback, _: CallbackService) -> None:
        if event.is_external:
            await self._pause()

    async def _subscribed(self, _: ServerItemCallback, __: CallbackService) -> None:
        if self._frozen:
            await self._publish(on=False)

    def _fence(self) -> None:
        """A session that was activated on a new connection obeys the old one no longer (OPC 10000-4, 5.7.3)."""
        newest: dict[ua.NodeId, int] = {}
        clients = list(self._server.bserver.clients) if self._up else []
        for place, client in enumerate(clients):
            if client.processor.session is not None and client.processor.session.is_activated():
                newest[client.processor.session.session_id] = place
        for place, client in enumerate(clients):
            session = client.processor.session
            if session is not None and newest.get(session.session_id, place) != place:
                client.processor.session = None  # or its end would be the session's
                client.transport.abort()

    # faults

    async def freeze(self, on: bool) -> None:
        """Subscriptions look healthy (keep-alives go on) and deliver nothing; also those that are made meanwhile."""
        self._frozen = on
        await self._publish(on=not on)

    async def drop_nodes(self, names: Iterable[str]) -> None:
        """The server starts again and these tags (`Tag`, or `machine/Tag`) have no node; none = all are back."""
        dropped, was_up = frozenset(names), self._up
        if dropped != self._dropped:
            self._dropped = dropped
            await self.stop()
            if was_up:
                await self.start()

    def hang(self, on: bool) -> None:
        """Connections stand, new ones are taken, and nothing is read or said any more: half open."""
        self._hanging = on
        self._hush()

    def _hush(self) -> None:
        for client in self._server.bserver.clients if self._up else ():
            silent = isinstance(client.processor._transport, Silence)
            if self._hanging and not silent:
                client.transport.pause_reading()
                client.processor._transport = Silence()
            elif not self._hanging and silent:
                client.processor._transport = client.transport
                client.transport.resume_reading()

    def delay_replies(self, ms: int) -> None:
        """Reads, writes and calls are carried out at once and answered so much later."""
        self._delay_s = ms / 1000

    async def _publish(self, *, on: bool) -> None:
        for subscription in list(self._server.iserver.subscription_service.subscriptions.values()):
            await subscription.set_publishing_mode(on)

    async def _pause(self) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)

    async def _drop_and_restore(self) -> None:
        for (program, name), node in self._nodes.items():
            drop = name in self._dropped or f"{program.machine_id}/{name}" in self._dropped
            if drop and node.nodeid not in self._missing:
                await self._server.delete_nodes([self._server.get_node(node.nodeid)])
                self._missing.add(node.nodeid)
            elif not drop and node.nodeid in self._missing:
                self._missing.discard(node.nodeid)
                await self._space.add(node, node.tag.node.split(".")[-1], int(node.nodeid.NamespaceIndex))
