"""Where the broker is and who we are there, read from the settings and checked once at the start."""

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.settings import BrokerSettings, ConfigError


@dataclass(frozen=True, slots=True)
class Account:
    """Where the broker is and who we are there, checked once at the start."""

    url: str
    host: str
    port: int
    name: str
    enterprise: str
    topics: tuple[str, ...]
    username: str
    password: str | None
    tls: ssl.SSLContext | None
    keepalive_s: int
    presence: bool = True
    """Says under its name whether it is online."""

    @property
    def client_id(self) -> str:
        return f"edge-{self.enterprise}-{self.name}"


def read_account(settings: BrokerSettings, enterprise: str, me: str, topics: tuple[str, ...]) -> Account:
    """Raises ConfigError: the installer's fault."""
    parts = urlsplit(settings.url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or "@" in parts.netloc:
        raise ConfigError([f"broker.url: {settings.url!r}: give mqtt://host:port or mqtts://host:port, without a user"])
    tls = None
    try:
        password = settings.password_file.read_text().rstrip("\r\n") if settings.password_file is not None else None
        port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        if parts.scheme == "mqtts":
            tls = ssl.create_default_context(cafile=settings.ca_file)
            if settings.cert_file is not None:
                tls.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ValueError) as error:
        raise ConfigError([f"broker: {error}; check url, password_file, ca_file, cert_file and key_file"]) from error
    return Account(
        url=settings.url,
        host=parts.hostname,
        port=port,
        name=me,
        enterprise=enterprise,
        topics=topics,
        username=settings.username,
        password=password,
        tls=tls,
        keepalive_s=settings.keepalive_s,
    )
