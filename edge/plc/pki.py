"""Certificates on files, as other OPC UA products lay them out: `own`, `trusted`, `issuers`, `rejected`.

`own` has cert.der and key.pem. A peer is trusted if its certificate, or one in the chain of its issuers, lies in
`trusted`; `issuers` only completes chains (OPC 10000-12, 7.8). Whoever is not trusted is put into `rejected`, where a
person can look at it. Revocation lists lie in a folder `crl` below `trusted` or `issuers`. Sub-folders are looked into.
"""

import datetime
import ipaddress
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.settings import ConfigError

FOLDERS = ("own", "trusted", "issuers", "rejected")
KEY_BITS = 2048
VALID_DAYS = 5 * 365
WARN_DAYS = 60
"""So long before it ends a certificate is called old."""
REJECTED_MAX = 32
"""Certificates kept for people to look at; a flood of strangers pushes out the oldest."""
CHAIN_MAX = 5
CERTIFICATE_MAX = 65_536
ENDINGS = (".der", ".pem", ".crt", ".cer")

Now = datetime.datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate in a file."""

    path: Path
    certificate: x509.Certificate

    @property
    def thumbprint(self) -> str:
        return thumbprint(self.certificate)


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 over the certificate, hexadecimal: its name in OPC UA; nothing is decided by it."""
    return certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303


def common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def application_uris(certificate: x509.Certificate) -> list[str]:
    """The ApplicationUri is in the subject alternative names."""
    return _alternatives(certificate).get_values_for_type(x509.UniformResourceIdentifier)


def host_names(certificate: x509.Certificate) -> list[str]:
    """DNS names and addresses a server goes by."""
    names = _alternatives(certificate)
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def _alternatives(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def read_certificate(path: Path) -> x509.Certificate:
    """Raises ConfigError for what is none."""
    try:
        with path.open("rb") as file:
            data = file.read(CERTIFICATE_MAX)
        pem = data.lstrip().startswith(b"-----BEGIN")
        return x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: not an X.509 certificate: {error}"]) from error


class Pki:
    """The folders of one application."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # our own identity

    @property
    def own_certificate(self) -> Path:
        return self._own("cert", ("der", "pem"))

    @property
    def own_key(self) -> Path:
        return self._own("key", ("pem", "der"))

    def _own(self, stem: str, endings: Sequence[str]) -> Path:
        found = [path for ending in endings if (path := self.root / "own" / f"{stem}.{ending}").is_file()]
        if len(found) != 1:
            raise ConfigError(
                [f"{self.root / 'own'}: holds {len(found)} files {stem}.der or {stem}.pem; edge pki init {self.root}"]
            )
        return found[0]

    def check(self) -> None:
        """Raises ConfigError where the folders do not hold what a link needs to begin, or hold what cannot be read."""
        read_certificate(self.own_certificate)
        key = self.own_key
        if key.stat().st_mode & 0o077:
            raise ConfigError([f"{key}: others may read it; chmod 600 {key}"])
        self.all("trusted")
        self.all("issuers")

    def all(self, folder: str) -> list[Held]:
        """Every certificate of a folder, by file name; of `own` only the one in use."""
        if folder == "own":
            path = self.own_certificate
            return [Held(path, read_certificate(path))]
        return [Held(path, read_certificate(path)) for path in self._files(folder) if path.parent.name != "crl"]

    def _files(self, folder: str) -> list[Path]:
        return sorted(p for p in (self.root / folder).rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())

    # other people's

    def judge(self, peer: x509.Certificate, uri: str, host: str, now: Now) -> str:
        """Why a peer's certificate is not accepted; "" if it is. `host`: how we reached it; "" checks none."""
        reason = _invalid(peer, now)
        if not reason and uri not in application_uris(peer):
            reason = f"it is for {', '.join(application_uris(peer)) or 'no application'}, the server says it is {uri}"
        if not reason and host and not _names(peer, host):
            reason = f"it is for {', '.join(host_names(peer)) or 'no host'}, not for {host}"
        return reason or self._untrusted(peer, now)

    def _untrusted(self, peer: x509.Certificate, now: Now) -> str:
        trusted = {held.thumbprint for held in self.all("trusted")}
        issuers = [held.certificate for folder in ("trusted", "issuers") for held in self.all(folder)]
        at = peer
        for _ in range(CHAIN_MAX):
            if self._revoked(at):
                return f"{common_name(at)} is revoked"
            if thumbprint(at) in trusted:
                return ""
            above = next((each for each in issuers if _signed(at, each)), None)
            if above is None or above == at:
                break
            if reason := _invalid(above, now) or ("" if _may_sign(above) else "it may not sign certificates"):
                return f"its issuer {common_name(above)}: {reason}"
            at = above
        return UNKNOWN

    def _revoked(self, certificate: x509.Certificate) -> bool:
        for folder in ("trusted", "issuers"):
            for path in sorted((self.root / folder / "crl").glob("*")):
                data = path.read_bytes()
                pem = data.lstrip().startswith(b"-----BEGIN")
                revoked = x509.load_pem_x509_crl(data) if pem else x509.load_der_x509_crl(data)
                number = certificate.serial_number
                if (
                    revoked.issuer == certificate.issuer
                    and revoked.get_revoked_certificate_by_serial_number(number) is not None
                ):
                    return True
        return False

    def reject(self, peer: x509.Certificate) -> Path:
        """Puts a certificate where a person can look at it; the same one only once."""
        for held in self.all("rejected"):
            if held.certificate == peer:
                return held.path
        folder = make_folder(self.root / "rejected")
        old = sorted((path for path in self._files("rejected")), key=lambda path: path.stat().st_mtime)
        for path in old[: max(0, len(old) - REJECTED_MAX + 1)]:
            path.unlink()
        return write_certificate(folder, peer)


UNKNOWN = "it is not trusted"
"""The one reason a person can do away with by trusting it."""


def _invalid(certificate: x509.Certificate, now: Now) -> str:
    if now < certificate.not_valid_before_utc:
        return f"it is valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on; check the clocks"
    if now > certificate.not_valid_after_utc:
        return f"it ended on {certificate.not_valid_after_utc:%Y-%m-%d}"
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < KEY_BITS:
        return f"its key is not RSA of {KEY_BITS} bits or more"
    return ""


def _names(certificate: x509.Certificate, host: str) -> bool:
    """Addresses are compared as addresses, names without case."""
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        address = host
    return any(name.lower() in (host.lower(), address) for name in host_names(certificate))


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


# making and writing


def make_folder(path: Path) -> Path:
    """Nobody else may look in."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_secret(path: Path, data: bytes) -> None:
    """Never readable for others, not even for a moment; replaced whole."""
    new = path.with_suffix(".new")
    with open(new, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
    new.replace(path)


def write_certificate(folder: Path, certificate: x509.Certificate) -> Path:
    """As `Name [thumbprint].der`; returns where."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", common_name(certificate))[:60] or "unnamed"
    path = folder / f"{name}_{thumbprint(certificate)[:16]}.der"
    write_secret(path, certificate.public_bytes(serialization.Encoding.DER))
    return path


def make_own(root: Path, name: str, uri: str, hosts: Iterable[str]) -> Held:
    """A new key and a certificate signed with it, in the form OPC 10000-6, 6.2.2 asks for."""
    for folder in FOLDERS:
        make_folder(root / folder)
    make_folder(root)
    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False
    ) | dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"), True)
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), *map(_host, hosts)])
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(purposes, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    write_secret(root / "own" / "key.pem", key.private_bytes(serialization.Encoding.PEM, pem, plain))
    path = root / "own" / "cert.der"
    write_secret(path, certificate.public_bytes(serialization.Encoding.DER))
    return Held(path, certificate)


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
