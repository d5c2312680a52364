"""The OPC UA link: full read first, values in order, exact types, silent subscriptions re-made, back after a death."""

import asyncio
import datetime
import logging
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from edge.plc import opcua, supervision
from edge.plc.image import LinkLost, WriteRejected, WriteUnknown
from edge.settings import ConfigError

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)


async def test_good_after_everything_was_read_then_follows_changes_in_order(opcua_plc, south, tags) -> None:
    await opcua_plc.put(BootCount=4, Busy=True)
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        assert (image.value("BootCount"), image.value("Busy")) == (4, True)
        seen = [image.number("PlcHeartbeat")]
        for count in range(101, 160):
            await opcua_plc.put(PlcHeartbeat=count, Speed=count)
            await asyncio.sleep(0.005)
            if image.number("PlcHeartbeat") != seen[-1]:
                seen.append(image.number("PlcHeartbeat"))
        await south.until(lambda: image.value("PlcHeartbeat") == 159 and image.value("Speed") == 159)
    assert len(seen) > 5
    assert seen == sorted(seen)


async def test_ring_tags_are_read_when_asked(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        assert image.value("Slot.Head") is None
        await opcua_plc.put(**{"Slot.Head": 7, "Slot.Code": "ABC"})
        await image.refresh(["Slot.Head", "Slot.Code"])
        assert (image.value("Slot.Head"), image.value("Slot.Code")) == (7, "ABC")
        assert image.is_good("Slot.Code")


async def test_write_is_one_call_with_exact_types(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        await image.write([("Id", 70_000), ("Number", 5)])
        assert (await opcua_plc.get("Id"), await opcua_plc.get("Number")) == (70_000, 5)
        value = await opcua_plc.nodes["Id"].read_data_value()
        assert value.Value.VariantType is ua.VariantType.UInt32
        await opcua_plc.nodes["Number"].set_writable(False)
        with pytest.raises(WriteRejected, match="Number BadUserAccessDenied"):
            await image.write([("Number", 6)])
        assert image.good
        await opcua_plc.nodes["Number"].set_writable()


async def test_unanswered_write_is_unknown(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url, timeout_ms=300), tags.nodes) as image:
        await south.until(lambda: image.good)
        frozen = freeze(opcua_plc)
        with pytest.raises(WriteUnknown):
            await image.write([("Number", 5)])
        await south.until(lambda: not image.good)
        with pytest.raises(LinkLost):
            await image.write([("Number", 6)])
        thaw(opcua_plc, frozen)
        await south.until(lambda: image.good)


def freeze(plc: Any) -> list[Any]:
    """The server takes bytes and answers nothing, as a hung PLC or a cut cable does."""
    protocols = list(plc.server.bserver.clients)
    for protocol in protocols:
        protocol.transport.pause_reading()
    return protocols


def thaw(plc: Any, frozen: list[Any]) -> None:
    for protocol in frozen:
        if not protocol.transport.is_closing():
            protocol.transport.resume_reading()


async def test_server_killed_and_restarted(south, tags, caplog) -> None:
    caplog.set_level(logging.INFO, logger="edge.plc.supervision")
    plc = south.OpcUaPlc(tags.nodes)
    await plc.start()
    async with south.kept(opcua.keep, south.opcua(plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        await plc.stop()
        await south.until(lambda: not image.good)
        with pytest.raises(LinkLost):
            await image.write([("Number", 5)])
        await plc.start()
        await plc.put(BootCount=9)
        await south.until(lambda: image.good and image.value("BootCount") == 9)
        assert await plc.get("Number") == 0
    await plc.stop()
    said = [record.message for record in caplog.records if record.name == "edge.plc.supervision"]
    assert said == ["link good", "link lost", "link good"]


async def test_silently_dead_subscription_is_made_anew(opcua_plc, south, tags, monkeypatch, caplog) -> None:
    monkeypatch.setattr(opcua, "PROBE_MS", 20)
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        subscriptions = opcua_plc.server.iserver.subscription_service.subscriptions
        for subscription in list(subscriptions.values()):
            subscription._publishing_enabled = False
            subscription.has_published_results = lambda: False
        before = set(subscriptions)
        for count in range(201, 400):
            await opcua_plc.put(PlcHeartbeat=count)
            await asyncio.sleep(0.03)
            if image.value("PlcHeartbeat") == count:
                break
        assert image.good
        assert not before & set(subscriptions)
        await opcua_plc.put(Speed=77)
        await south.until(lambda: image.value("Speed") == 77)
    assert [record.message for record in caplog.records if record.name == "edge.plc.opcua"][:1] == [
        "subscription silent"
    ]


async def test_node_that_does_not_exist_is_named(opcua_plc, south, tags) -> None:
    wrong = (*tags.nodes, tags.node("Nowhere"))
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), wrong) as image:
        await south.until(lambda: "Nowhere" in image.reason)
        assert not image.good


async def test_namespace_is_found_by_its_uri(opcua_plc, south, tags) -> None:
    device = south.opcua(opcua_plc.url, root="nsu=urn:other;s=Cell")
    async with south.kept(opcua.keep, device, tags.nodes) as image:
        await south.until(lambda: "no namespace urn:other" in image.reason)


async def test_value_of_another_kind_is_bad_not_fatal(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        status = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
        bad = ua.DataValue(ua.Variant(3, ua.VariantType.UInt16), StatusCode=status)
        await opcua_plc.nodes["Speed"].write_value(bad)
        await south.until(lambda: not image.is_good("Speed"))
        assert image.good
        await opcua_plc.put(Speed=4)
        await south.until(lambda: image.is_good("Speed") and image.value("Speed") == 4)


async def test_cancelling_closes_everything_at_any_moment(opcua_plc, south, tags) -> None:
    for wait_s in (0.0, 0.01, 0.05, 0.1, 0.3):
        async with asyncio.timeout(10), south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes):
            await asyncio.sleep(wait_s)
    await south.until(lambda: not opcua_plc.server.bserver.clients)


async def test_tags_of_another_protocol_are_the_installers_fault(south, tags) -> None:
    with pytest.raises(ConfigError, match="node tags"):
        await opcua.keep(south.opcua("opc.tcp://127.0.0.1:1"), tags.modbus, None)


def certificate(folder: Path, name: str, uri: str) -> tuple[Path, Path]:
    """A self-signed pair, as an installer would put it there."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return cert_file, key_file


@pytest.fixture(scope="module")
def pki(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("pki")
    certificate(root / "own", "edge", "urn:test:edge")
    certificate(root / "server", "plc", "urn:test:server")
    certificate(root / "stranger", "stranger", "urn:test:stranger")
    return root


async def secure(server: Server, pki: Path) -> None:
    await server.set_application_uri("urn:test:server")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(str(pki / "server" / "cert.pem"))
    await server.load_private_key(str(pki / "server" / "key.pem"))


def pin(pki: Path, who: str) -> None:
    (pki / "trusted").mkdir(exist_ok=True)
    (pki / "trusted" / "plc.pem").write_bytes((pki / who / "cert.pem").read_bytes())


async def test_secured_link_takes_only_the_pinned_server(south, tags, pki) -> None:
    plc = south.OpcUaPlc(tags.nodes)
    await plc.start(lambda server: secure(server, pki))
    device = south.opcua(plc.url, security="Basic256Sha256", pki=pki, insecure=False)
    try:
        pin(pki, "server")
        async with south.kept(opcua.keep, device, tags.nodes) as image:
            await south.until(lambda: image.good)
            await image.write([("Number", 5)])
            assert await plc.get("Number") == 5
        pin(pki, "stranger")
        async with south.kept(opcua.keep, device, tags.nodes) as image:
            await south.until(lambda: image.reason.startswith("no session"))
            assert not image.good
    finally:
        await plc.stop()


async def test_without_a_pinned_certificate_nothing_starts(south, tags, pki, tmp_path) -> None:
    (tmp_path / "own").mkdir()
    for name in ("cert.pem", "key.pem"):
        (tmp_path / "own" / name).write_bytes((pki / "own" / name).read_bytes())
    device = south.opcua("opc.tcp://127.0.0.1:1", security="Basic256Sha256", pki=tmp_path, insecure=False)
    with pytest.raises(ConfigError, match="trusted: holds 0"):
        await opcua.keep(device, tags.nodes, None)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "plc.der").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="not an X"):
        await opcua.keep(device, tags.nodes, None)
