"""Who is trusted: pinned certificates, issuers, dates, names, revocation; and the command that manages the folders."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from edge.pki_command import pki as command
from edge.plc import pki
from edge.plc.pki import Pki
from edge.settings import ConfigError

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
URI, HOST = "urn:test:plc", "plc1.local"
KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]


def made(
    name: str, key: Any, issuer: x509.Certificate | None = None, signer: Any = None, *, ca: bool = False, **more: Any
) -> x509.Certificate:
    """A certificate; self-signed without an issuer."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.UniformResourceIdentifier(more.get("uri", URI)), x509.DNSName(more.get("host", HOST))]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer is not None else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(more.get("begin", NOW - DAY))
        .not_valid_after(more.get("end", NOW + DAY))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(signer or key, hashes.SHA256())
    )


def put(root: Path, folder: str, certificate: x509.Certificate) -> Path:
    return pki.write_certificate(pki.make_folder(root / folder), certificate)


def test_a_pinned_certificate_is_trusted_and_nobody_else(tmp_path) -> None:
    plc, stranger = made("plc", KEYS[0]), made("plc", KEYS[1])
    store = Pki(tmp_path)
    assert store.judge(plc, URI, HOST, NOW) == pki.UNKNOWN
    put(tmp_path, "trusted", plc)
    assert store.judge(plc, URI, HOST, NOW) == ""
    assert store.judge(stranger, URI, HOST, NOW) == pki.UNKNOWN, "the same name is not the same key"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"end": NOW - datetime.timedelta(hours=1)}, "it ended on"),
        ({"begin": NOW + DAY / 2}, "check the clocks"),
        ({"uri": "urn:test:other"}, "the server says it is urn:test:plc"),
        ({"host": "plc2.local"}, "not for plc1.local"),
    ],
)
def test_even_a_pinned_certificate_must_be_valid_and_of_this_server(tmp_path, more, words) -> None:
    plc = made("plc", KEYS[0], **more)
    put(tmp_path, "trusted", plc)
    assert words in Pki(tmp_path).judge(plc, URI, HOST, NOW)


def test_short_keys_are_not_accepted(tmp_path) -> None:
    short = made("plc", rsa.generate_private_key(public_exponent=65537, key_size=1024))
    put(tmp_path, "trusted", short)
    assert "2048 bits" in Pki(tmp_path).judge(short, URI, HOST, NOW)


def test_a_trusted_issuer_vouches_and_issuers_only_complete_the_chain(tmp_path) -> None:
    root = made("root", KEYS[0], ca=True)
    middle = made("middle", KEYS[1], root, KEYS[0], ca=True)
    plc = made("plc", KEYS[2], middle, KEYS[1])
    store = Pki(tmp_path)
    put(tmp_path, "issuers", middle)
    put(tmp_path, "issuers", root)
    assert store.judge(plc, URI, HOST, NOW) == pki.UNKNOWN, "issuers are not trusted by themselves"
    put(tmp_path, "trusted", root)
    assert store.judge(plc, URI, HOST, NOW) == ""


def test_who_may_not_sign_or_has_ended_vouches_for_nobody(tmp_path) -> None:
    plain = made("plain", KEYS[0])
    ended = made("ended", KEYS[0], ca=True, end=NOW - datetime.timedelta(minutes=1))
    for issuer, words in ((plain, "may not sign"), (ended, "it ended on")):
        root = tmp_path / words[:3]
        put(root, "trusted", issuer)
        assert words in Pki(root).judge(made("plc", KEYS[1], issuer, KEYS[0]), URI, HOST, NOW)


def test_a_revoked_certificate_is_not_accepted(tmp_path) -> None:
    root = made("root", KEYS[0], ca=True)
    plc = made("plc", KEYS[1], root, KEYS[0])
    put(tmp_path, "trusted", root)
    store = Pki(tmp_path)
    assert store.judge(plc, URI, HOST, NOW) == ""
    gone = x509.RevokedCertificateBuilder().serial_number(plc.serial_number).revocation_date(NOW).build()
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.subject)
        .last_update(NOW)
        .next_update(NOW + DAY)
        .add_revoked_certificate(gone)
        .sign(KEYS[0], hashes.SHA256())
    )
    (tmp_path / "trusted" / "crl").mkdir()
    (tmp_path / "trusted" / "crl" / "root.crl").write_bytes(crl.public_bytes(serialization.Encoding.DER))
    assert store.judge(plc, URI, HOST, NOW) == "plc is revoked"


def test_strangers_are_kept_once_each_and_not_without_end(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pki, "REJECTED_MAX", 3)
    store = Pki(tmp_path)
    first = made("plc", KEYS[0])
    assert store.reject(first) == store.reject(first)
    for _ in range(4):
        store.reject(made("plc", KEYS[0]))
    assert len(store.all("rejected")) == 3


def run(*args: object, code: int = 0) -> str:
    result = CliRunner().invoke(command, [str(arg) for arg in args])
    assert result.exit_code == code, result.output or result.exception
    return result.output


def test_the_command_makes_a_certificate_only_we_can_read_and_renews_it(tmp_path) -> None:
    folder = tmp_path / "pki"
    assert "urn:box1:wes-edge" in run("init", folder, "--host", "box1", "--host", "10.0.0.7")
    store = Pki(folder)
    store.check()
    first = pki.read_certificate(store.own_certificate)
    assert pki.host_names(first) == ["box1", "10.0.0.7"]
    assert store.own_key.stat().st_mode & 0o777 == 0o600
    assert all((folder / name).stat().st_mode & 0o777 == 0o700 for name in pki.FOLDERS)
    again = CliRunner().invoke(command, ["init", str(folder)])
    assert "is not empty" in str(again.exception)
    run("renew", folder)
    second = pki.read_certificate(store.own_certificate)
    assert pki.host_names(second) == pki.host_names(first)
    assert pki.application_uris(second) == pki.application_uris(first)
    assert second.public_key() != first.public_key()
    (kept,) = (folder / "own").glob("until-*/cert.der")
    assert pki.read_certificate(kept) == first
    (store.own_key).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        store.check()


def test_the_command_trusts_what_was_rejected_and_takes_it_back(tmp_path) -> None:
    folder = tmp_path / "pki"
    run("init", folder)
    plc = made("plc", KEYS[0])
    path = Pki(folder).reject(plc)
    assert "plc is now in trusted" in run("trust", path)
    assert Pki(folder).judge(plc, URI, HOST, NOW) == ""
    assert Pki(folder).all("rejected") == []
    rows = json.loads(run("show", folder, "--json", code=1))  # it ends tomorrow
    assert [(row["folder"], row["name"], row["state"]) for row in rows] == [
        ("own", "wes-edge", ""),
        ("trusted", "plc", "ends in 0 days"),
    ]
    assert "plc is no longer trusted" in run("reject", pki.thumbprint(plc)[:8], "--pki", folder)
    assert Pki(folder).judge(plc, URI, HOST, NOW) == pki.UNKNOWN


def test_what_the_command_cannot_find_it_says(tmp_path) -> None:
    for args in (("trust", tmp_path / "nothing.der"), ("trust", "abc", "--pki", tmp_path)):
        result = CliRunner().invoke(command, [str(arg) for arg in args])
        assert isinstance(result.exception, ConfigError)
    with pytest.raises(ConfigError, match="edge pki init"):
        Pki(tmp_path).check()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "cert.der").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="not an X"):
        Pki(tmp_path).check()
