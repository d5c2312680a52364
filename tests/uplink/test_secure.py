"""TLS with host name check and a password file, against a broker that demands both."""

import datetime
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.settings import BrokerSettings
from edge.uplink.broker import find_mosquitto
from tests.uplink.conftest import Mosquitto
from tests.uplink.test_mqtt import Process, send, until

pytestmark = pytest.mark.mosquitto


def write_certificate(directory: Path, host: str) -> None:
    """A certificate for `host` that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    no_password = serialization.NoEncryption()
    (directory / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, no_password))


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Mosquitto]:
    if find_mosquitto() is None:
        pytest.skip("no mosquitto binary on this machine")
    write_certificate(tmp_path, "localhost")
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    command = ["mosquitto_passwd", "-b", str(passwords), "box", "secret"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no mosquitto_passwd on this machine")
    server = Mosquitto(
        tmp_path,
        f"cafile {tmp_path}/cert.pem",
        f"certfile {tmp_path}/cert.pem",
        f"keyfile {tmp_path}/key.pem",
        f"password_file {passwords}",
        "allow_anonymous false",
    )
    server.start()
    yield server
    server.kill()


def process(name: str, broker: Mosquitto, directory: Path, host: str, password: str) -> Process:
    (directory / f"{name}.password").write_text(password + "\n")
    made = Process(name, "")
    made.settings = BrokerSettings(
        url=f"mqtts://{host}:{broker.port}",
        username="box",
        password_file=directory / f"{name}.password",
        ca_file=directory / "cert.pem",
    )
    return made


async def test_the_right_name_and_password_get_through(secure: Mosquitto, tmp_path: Path) -> None:
    office = process("office", secure, tmp_path, "localhost", "secret")
    dc1 = process("dc1", secure, tmp_path, "localhost", "secret")
    send(office, "o1", "o2")
    async with office.running(), dc1.running():
        await dc1.journal.wait_taken(2)
    assert dc1.journal.texts("office") == ["o1", "o2"]


@pytest.mark.parametrize(
    ("host", "password", "reason"), [("127.0.0.1", "secret", "no connection"), ("localhost", "wrong", "Not authorized")]
)
async def test_a_wrong_name_or_password_does_not(
    secure: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture, host: str, password: str, reason: str
) -> None:
    office = process("office", secure, tmp_path, host, password)
    async with office.running():
        await until(lambda: any(r.message == "broker away" for r in caplog.records))
    said = [record.__dict__["reason"] for record in caplog.records if record.message == "broker away"]
    assert reason in said[0]
    assert not office.seen
