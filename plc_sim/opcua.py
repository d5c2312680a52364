"""OPC UA servers for the machines that have one: the tags of their PLC programs as a tree of nodes.

Machines that share a url share a server. Clients write only what the tag table gives to the WCS: anything else is
BadNotWritable and counted. Once a scan cycle what has changed is written to the nodes, newest sequence numbers last.
"""

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from asyncua import ua
from asyncua.common.callback import CallbackService, CallbackType, ServerItemCallback
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge.settings import DeviceSettings, Tag
from plc_sim.program import LIVE, Program, Value

LIVE_EVERY = 5
"""Scan cycles between two looks at the clocks and encoders, which change all the time."""

TYPES = {
    "bool": ua.VariantType.Boolean,
    "uint16": ua.VariantType.UInt16,
    "int16": ua.VariantType.Int16,
    "uint32": ua.VariantType.UInt32,
    "int32": ua.VariantType.Int32,
    "uint64": ua.VariantType.UInt64,
    "float32": ua.VariantType.Float,
    "string": ua.VariantType.String,
    "bits": ua.VariantType.UInt16,
}
MASKS = {"uint16": 0xFFFF, "bits": 0xFFFF, "uint32": 0xFFFF_FFFF, "uint64": 0xFFFF_FFFF_FFFF_FFFF}
POLICIES = {
    "Basic256Sha256": ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    "Aes256Sha256RsaPss": ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
}


class KnownUsers(UserManager):
    """Who may come in: without security everybody, else only the certificates that were put into `trusted`."""

    def __init__(self, trusted: Sequence[Path] | None) -> None:
        self._trusted = trusted

    def get_user(
        self, iserver: object, username: str | None = None, password: str | None = None, certificate: object = None
    ) -> User | None:
        """A plain user, or None to turn the client away."""
        if self._trusted is None:
            return User(role=UserRole.User)
        known = certificate in [der for folder in self._trusted for der in _certificates(folder)]
        return User(role=UserRole.User) if known else None


def _certificates(folder: Path) -> Iterable[bytes]:
    """Every certificate in a folder, as DER."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix in (".der", ".crt", ".cer"):
            yield path.read_bytes()
        elif path.suffix == ".pem":
            data = path.read_bytes()
            if b"BEGIN CERTIFICATE" in data:
                yield x509.load_pem_x509_certificate(data).public_bytes(Encoding.DER)


@dataclass(slots=True)
class _Node:
    program: Program
    tag: Tag
    nodeid: ua.NodeId
    shown: Value = 0


class OpcUaServer:
    """Serves the machines of one url."""

    def __init__(
        self, url: str, machines: Sequence[tuple[DeviceSettings, Sequence[Tag], Program]], data: Path | None = None
    ) -> None:
        self.refused = 0
        """Writes to what is not the client's."""
        self.url = url
        self._machines = machines
        self._data = data
        self._nodes: dict[tuple[Program, str], _Node] = {}
        self._by_id: dict[ua.NodeId, _Node] = {}
        self._cycle = 0
        self._security = sorted({device.security for device, _, _ in machines})
        secure = self._security != ["none"]
        self._server = Server(user_manager=KnownUsers(self._trusted() if secure else None))

    async def start(self) -> None:
        """Build the tree and listen."""
        server = self._server
        await server.init()
        server.set_endpoint(self.url)
        server.set_server_name("plc_sim")
        server.disable_clock()
        if self._security == ["none"]:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            server.set_identity_tokens([ua.AnonymousIdentityToken])
        else:
            await self._secure()
        for device, tags, program in self._machines:
            await self._build(device, tags, program)
        server.subscribe_server_callback(CallbackType.PostWrite, self._written)
        await server.start()

    async def stop(self) -> None:
        """Close all sessions and the port."""
        await self._server.stop()

    async def show(self) -> None:
        """Write what has changed since the last call to the nodes."""
        self._cycle += 1
        for _, _, program in self._machines:
            changed, program.changed = program.changed, {}
            for name in changed:
                await self._show(program, name)
            if self._cycle % LIVE_EVERY == 0:
                for name in LIVE:
                    await self._show(program, name)

    async def _show(self, program: Program, name: str) -> None:
        node = self._nodes.get((program, name))
        if node is not None:
            value = _typed(node.tag, program.read(name))
            if value != node.shown:
                node.shown = value
                variant = ua.Variant(value, TYPES[node.tag.type])
                await self._server.write_attribute_value(node.nodeid, ua.DataValue(variant))

    async def _build(self, device: DeviceSettings, tags: Sequence[Tag], program: Program) -> None:
        uri, _, path = device.root.removeprefix("nsu=").partition(";s=")
        index = await self._server.register_namespace(uri)
        folders = {path: await self._server.nodes.objects.add_object(_nodeid(path, index), _name(path, index))}
        program.changed.clear()
        for tag in tags:
            if tag.table != "node":
                continue
            parent = folders[path]
            *above, leaf = tag.node.split(".")
            here = path
            for part in above:
                here = f"{here}.{part}"
                if here not in folders:
                    folders[here] = await parent.add_folder(_nodeid(here, index), _name(part, index))
                parent = folders[here]
            value = _typed(tag, program.read(tag.name))
            nodeid = _nodeid(f"{path}.{tag.node}", index)
            variable = await parent.add_variable(nodeid, _name(leaf, index), ua.Variant(value, TYPES[tag.type]))
            if tag.writer == "wcs":
                await variable.set_writable()
            self._nodes[program, tag.name] = self._by_id[nodeid] = _Node(program, tag, nodeid, value)

    def _written(self, event: ServerItemCallback, _: CallbackService) -> None:
        """After a client's write: hand the values to the programs, in the order of the request."""
        results = event.response_params
        for place, item in enumerate(event.request_params.NodesToWrite):
            node = self._by_id.get(item.NodeId)
            if node is None:
                continue
            if results[place].is_good():
                value = item.Value.Value.Value if item.Value.Value is not None else None
                if value is not None:
                    node.shown = _typed(node.tag, value)
                    if not node.program.write(node.tag.name, node.shown):
                        node.program.changed[node.tag.name] = None
            elif node.tag.writer == "plc" and item.AttributeId == AttributeIds.Value:
                self.refused += 1
                results[place] = ua.StatusCode(ua.UInt32(StatusCodes.BadNotWritable))

    def _trusted(self) -> list[Path]:
        """Where certificates of clients are looked for: beside ours, and the WCS's own when its pki is here."""
        pkis = {device.pki for device, _, _ in self._machines if device.pki is not None}
        return [self._pki() / "trusted", *(pki / "own" for pki in sorted(pkis))]

    def _pki(self) -> Path:
        parts = urlparse(self.url)
        return (self._data or Path("plc_sim_data")) / f"pki_{parts.hostname}_{parts.port}"

    async def _secure(self) -> None:
        own = self._pki() / "own"
        own.mkdir(parents=True, exist_ok=True)
        (self._pki() / "trusted").mkdir(exist_ok=True)
        key, certificate = own / "key.pem", own / "cert.der"
        uri = "urn:plc_sim:server"
        host = socket.gethostname()
        await setup_self_signed_certificate(
            key, certificate, uri, host, [ExtendedKeyUsageOID.SERVER_AUTH], {"organizationName": "plc_sim"}
        )
        key.chmod(0o600)
        await self._server.set_application_uri(uri)
        await self._server.load_certificate(certificate)
        await self._server.load_private_key(key)
        self._server.set_security_policy([POLICIES[name] for name in self._security if name in POLICIES])
        self._server.set_identity_tokens([ua.AnonymousIdentityToken])


def _nodeid(path: str, index: int) -> ua.NodeId:
    return ua.NodeId(ua.String(path), ua.Int16(index))


def _name(name: str, index: int) -> ua.QualifiedName:
    return ua.QualifiedName(name, index)


def _typed(tag: Tag, value: Value) -> Value:
    """The value as the node's type wants it."""
    if tag.type == "string":
        return str(value or "")
    if tag.type == "bool":
        return bool(value)
    number = int(value)
    return number & MASKS[tag.type] if tag.type in MASKS else number
