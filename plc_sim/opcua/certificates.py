"""Who may come in and what they may do: the simulator's own certificate, the clients it trusts, roles.

With security on there are two roles: an Observer browses, reads and subscribes, an Operator also writes and calls. A
client whose certificate is trusted is an Operator, or where users are given, whoever logs in as one; without security
everybody is. Nobody changes the address space.
"""

import datetime
import ipaddress
import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.cert_gen import generate_private_key, generate_self_signed_app_certificate
from asyncua.crypto.permission_rules import ADMIN_TYPES, SimpleRoleRuleset, User, UserRole
from asyncua.server.user_managers import UserManager
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

URI = "urn:plc_sim:server"
DAYS = 365
REJECTED_MAX = 32
OBSERVER, OPERATOR = UserRole.Anonymous, UserRole.User
WRITE, CALL = ObjectIds.WriteRequest_Encoding_DefaultBinary, ObjectIds.CallRequest_Encoding_DefaultBinary
OPERATORS_ONLY = frozenset(ua.NodeId(ua.Int32(number)) for number in (WRITE, CALL))
NOBODYS = frozenset(ua.NodeId(ua.Int32(number)) for number in ADMIN_TYPES)


class Roles(SimpleRoleRuleset):
    """What a role may ask for."""

    def __init__(self) -> None:
        """Nothing of the library's own."""

    def check_validity(self, user: User, action_type: ua.NodeId, body: object) -> bool:
        """Whether the request is carried out."""
        return action_type not in NOBODYS and (action_type not in OPERATORS_ONLY or user.role != OBSERVER)


class Door(UserManager):
    """Trusts what lies in `folders`; `strict`: nobody else comes in, else strangers come in as Observers."""

    def __init__(
        self, folders: Sequence[Path] | None, rejected: Path, *, strict: bool, users: Mapping[str, str]
    ) -> None:
        self._folders = folders
        self._rejected = rejected
        self._strict = strict
        self._users = users

    async def check(self, certificate: x509.Certificate, client: ua.ApplicationDescription) -> None:
        """A client's certificate at CreateSession. Raises ServiceError."""
        now = datetime.datetime.now(datetime.UTC)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise ServiceError(StatusCodes.BadCertificateTimeInvalid)
        if client.ApplicationUri not in _uris(certificate):
            raise ServiceError(StatusCodes.BadCertificateUriInvalid)
        if not self._trusts(certificate.public_bytes(Encoding.DER)):
            self._put_aside(certificate)
            if self._strict:
                raise ServiceError(StatusCodes.BadCertificateUntrusted)

    def get_user(
        self, iserver: object, username: str | None = None, password: str | None = None, certificate: object = None
    ) -> User | None:
        """The role of a session, or None to turn it away."""
        if self._folders is None:
            return User(role=OPERATOR)
        known = self._trusts(certificate)
        if not known and self._strict:
            return None
        if username is not None:
            good = username in self._users and self._users[username] == password
            return User(role=OPERATOR, name=username) if good else None
        return User(role=OPERATOR if known and not self._users else OBSERVER)

    def _trusts(self, certificate: object) -> bool:
        return any(certificate == der for folder in self._folders or () for der in certificates(folder))

    def _put_aside(self, certificate: x509.Certificate) -> None:
        self._rejected.mkdir(parents=True, exist_ok=True)
        if len(list(self._rejected.iterdir())) < REJECTED_MAX:
            name = f"{certificate.fingerprint(hashes.SHA256()).hex()[:16]}.der"
            (self._rejected / name).write_bytes(certificate.public_bytes(Encoding.DER))


def certificates(folder: Path) -> Iterable[bytes]:
    """Every certificate in a folder, as DER."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix in (".der", ".crt", ".cer"):
            yield path.read_bytes()
        elif path.suffix == ".pem":
            data = path.read_bytes()
            if b"BEGIN CERTIFICATE" in data:
                yield x509.load_pem_x509_certificate(data).public_bytes(Encoding.DER)


def own_certificate(pki: Path, host: str) -> tuple[Path, Path]:
    """Certificate and key of the simulator, made when they are missing, for another host or ended."""
    own = pki / "own"
    for folder in (own, pki / "trusted", pki / "rejected"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    certificate, key = own / "cert.der", own / "key.pem"
    hosts = sorted({host, socket.gethostname(), "localhost", "127.0.0.1"})
    if not (certificate.is_file() and key.is_file() and _good(certificate, host)):
        made = generate_private_key()
        key.touch(0o600)
        key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        names = [x509.UniformResourceIdentifier(URI), *map(_name, hosts)]
        usage = [ExtendedKeyUsageOID.SERVER_AUTH]
        signed = generate_self_signed_app_certificate(made, "plc_sim", {}, names, usage, DAYS)
        certificate.write_bytes(signed.public_bytes(Encoding.DER))
    return certificate, key


def _good(path: Path, host: str) -> bool:
    certificate = x509.load_der_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    ended = certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC)
    return not ended and _name(host) in list(names)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return list(names.get_values_for_type(x509.UniformResourceIdentifier))
