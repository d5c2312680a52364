"""Security on a real channel: policies, unknown servers, wrong names, stolen certificates, replay, roles and users."""

import asyncio
import shutil
from pathlib import Path

import pytest
from asyncua import Client, Server, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography.hazmat.primitives import serialization

from edge.plc import opcua, pki, supervision
from edge.plc.image import LinkLost, WriteRejected
from edge.settings import ConfigError
from tests.plc.opcua_stage import opcua_stage
from tests.plc.relay import UaRelay
from tests.plc.test_pki import KEYS, made

pytestmark = pytest.mark.asyncio(loop_scope="module")
SERVER = "urn:test:server"


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)


@pytest.fixture
def store(tmp_path) -> pki.Pki:
    """The edge's folders."""
    pki.make_own(tmp_path / "edge", "wes-edge", "urn:test:edge", ["edge"])
    return pki.Pki(tmp_path / "edge")


def secured(store: pki.Pki, **more):
    return {"security": "Basic256Sha256", "pki": store.root, "insecure": False, **more}


def trust(store: pki.Pki, certificate: Path) -> None:
    pki.write_certificate(store.root / "trusted", pki.read_certificate(certificate))


async def lost_because(south, image, words: str) -> None:
    await south.until(lambda: words in image.reason, 15)
    assert not image.good


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256Sha256RsaPss"])
async def test_an_unknown_server_is_put_aside_and_the_remedy_named(south, tmp_path, store, policy) -> None:
    more = secured(store, security=policy)
    async with (
        opcua_stage(south.free_port(), ["robot1"], tmp_path / "sim", **more) as stage,
        south.kept(opcua.keep, stage.device("robot1"), stage.tags("robot1")) as image,
    ):
        await lost_because(south, image, "edge pki trust ")
        (held,) = store.all("rejected")
        assert str(held.path) in image.reason
        shutil.move(held.path, store.root / "trusted" / held.path.name)
        await south.until(lambda: image.good)
        await image.write([("WcsHeartbeat", 5)])
        assert stage.world.robot("robot1").word("WcsHeartbeat") == 5


async def plain_server(south, tags, folder: Path, **more):
    """A secured asyncua server with a certificate of our making; `key` may be somebody else's."""
    certificate = made("plc", KEYS[0], host=more.pop("host", "127.0.0.1"), uri=more.pop("uri", SERVER), **more)
    folder.mkdir(exist_ok=True)
    path = folder / "cert.der"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    for number, key in enumerate(KEYS[:2]):
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / f"key{number}.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return south.OpcUaPlc(tags.nodes), path


async def begin(plc, path: Path, key: int = 0) -> None:
    async def prepare(server: Server) -> None:
        await server.set_application_uri(SERVER)
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        await server.load_certificate(str(path))
        await server.load_private_key(str(path.parent / f"key{key}.pem"))

    await plc.start(prepare)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"end": pki.datetime.datetime.now(pki.datetime.UTC) - pki.datetime.timedelta(hours=1)}, "it ended on"),
        ({"uri": "urn:test:other"}, f"the server says it is {SERVER}"),
        ({"host": "elsewhere"}, "not for 127.0.0.1"),
    ],
)
async def test_a_trusted_certificate_that_does_not_fit_is_refused(south, tags, tmp_path, store, more, words) -> None:
    plc, path = await plain_server(south, tags, tmp_path / "plc", **more)
    trust(store, path)
    await begin(plc, path)
    device = south.opcua(plc.url, **secured(store))
    async with south.kept(opcua.keep, device, tags.nodes) as image:
        await lost_because(south, image, words)
    if "host" in more:
        device = south.opcua(plc.url, **secured(store, server_host="elsewhere"))
        async with south.kept(opcua.keep, device, tags.nodes) as image:
            await south.until(lambda: image.good)
    await plc.stop()


async def test_whoever_shows_a_trusted_certificate_must_have_its_key(south, tags, tmp_path, store) -> None:
    plc, path = await plain_server(south, tags, tmp_path / "plc")
    trust(store, path)
    await begin(plc, path, key=1)
    device = south.opcua(plc.url, timeout_ms=500, **secured(store))
    async with south.kept(opcua.keep, device, tags.nodes) as image:
        await lost_because(south, image, "no session")
        assert all(image.value(tag.name) is None for tag in tags.nodes)
    await plc.stop()


async def test_what_is_sent_twice_ends_the_connection_and_changes_nothing(south, tags, tmp_path, store) -> None:
    plc, path = await plain_server(south, tags, tmp_path / "plc")
    trust(store, path)
    await begin(plc, path)
    port = int(plc.url.rpartition(":")[2])
    async with UaRelay(port) as relay:
        device = south.opcua(relay.url, **secured(store))
        async with south.kept(opcua.keep, device, tags.nodes) as image:
            await south.until(lambda: image.good)
            relay.repeat = True  # the server's next word comes twice
            await south.until(lambda: not image.good)
            await south.until(lambda: image.good)
            await image.write([("Number", 5)])
            written = list(relay.first)
            await image.write([("Number", 6)])
            for chunk in written:
                relay.replay(chunk)
            await asyncio.sleep(0.3)
            assert await plc.get("Number") == 6
    await plc.stop()


async def test_strangers_observe_only_or_stay_outside(south, tmp_path, store) -> None:
    stranger = tmp_path / "stranger"
    pki.make_own(stranger, "stranger", "urn:test:stranger", ["edge"])
    for strict in (True, False):
        more = secured(store)
        options, data = {"strict": strict}, tmp_path / f"sim {strict}"
        async with opcua_stage(south.free_port(), ["robot1"], data, server=options, **more) as stage:
            trust(store, next(data.rglob("own/cert.der")))
            client = Client(stage.server.url, timeout=4)
            client.application_uri = "urn:test:stranger"
            own = pki.Pki(stranger)
            await client.set_security(SecurityPolicyBasic256Sha256, own.own_certificate, own.own_key)
            if strict:
                with pytest.raises(ua.UaStatusCodeError, match="Untrusted"):
                    await client.connect()
                assert len(list(data.rglob("rejected/*.der"))) == 1
                continue
            async with client:
                index = await client.get_namespace_index("urn:wer:plc_sim:dc1")
                node = client.get_node(ua.NodeId("Cell1.Command.WcsHeartbeat", index))
                assert await node.read_value() == 0
                with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                    await node.write_value(ua.Variant(5, ua.VariantType.UInt16))
                with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                    await client.get_node(ua.NodeId("Cell1.MethodSet", index)).call_method(f"{index}:Hold", 0)
            async with south.kept(opcua.keep, stage.device("robot1"), stage.tags("robot1")) as image:
                await south.until(lambda: image.good)
                await image.write([("WcsHeartbeat", 5)])


async def test_a_user_logs_in_with_a_password_from_a_file(south, tmp_path, store) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    more = secured(store, user="edge", password_file=secret)
    options = {"users": {"edge": "open sesame"}}
    async with opcua_stage(south.free_port(), ["robot1"], tmp_path / "sim", server=options, **more) as stage:
        trust(store, next((tmp_path / "sim").rglob("own/cert.der")))
        async with south.kept(opcua.keep, stage.device("robot1"), stage.tags("robot1")) as image:
            await south.until(lambda: image.good)
            await image.write([("WcsHeartbeat", 5)])
        nobody = stage.device("robot1", user="", password_file=None)
        async with south.kept(opcua.keep, nobody, stage.tags("robot1")) as image:
            await south.until(lambda: image.good)
            with pytest.raises(WriteRejected, match="BadUserAccessDenied"):
                await image.write([("WcsHeartbeat", 6)])
        secret.write_text("wrong")
        async with south.kept(opcua.keep, stage.device("robot1"), stage.tags("robot1")) as image:
            await lost_because(south, image, "no session")
        secret.chmod(0o644)
        async with south.kept(opcua.keep, stage.device("robot1"), stage.tags("robot1")) as image:
            await lost_because(south, image, "chmod 600")


async def test_without_a_certificate_of_our_own_nothing_starts(south, tags, tmp_path) -> None:
    device = south.opcua("opc.tcp://127.0.0.1:1", **secured(pki.Pki(tmp_path / "empty")))
    with pytest.raises(ConfigError, match="edge pki init"):
        await opcua.keep(device, tags.nodes, None)
    with pytest.raises(ValueError, match="user needs password_file"):
        south.opcua("opc.tcp://127.0.0.1:1", user="edge")


async def test_a_folder_spoilt_while_running_costs_the_link_only(south, tags, tmp_path, store) -> None:
    plc, path = await plain_server(south, tags, tmp_path / "plc")
    trust(store, path)
    await begin(plc, path)
    async with south.kept(opcua.keep, south.opcua(plc.url, **secured(store)), tags.nodes) as image:
        await south.until(lambda: image.good)
        (store.root / "trusted" / "broken.der").write_bytes(b"nonsense")
        plc.hang_up()
        await lost_because(south, image, "broken.der: not an X.509 certificate")
        with pytest.raises(LinkLost):
            await image.write([("Number", 1)])
        (store.root / "trusted" / "broken.der").unlink()
        await south.until(lambda: image.good)
    await plc.stop()
