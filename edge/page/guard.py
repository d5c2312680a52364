"""The page's door: which hosts, which origins, which tokens, and the headers every answer carries."""

import hmac
import ipaddress
import socket
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.page.exchange import BODY_MAX_BYTES, answer
from edge.settings import ConfigError, PageSettings

COOKIE = "edge_token"
OPEN = ("/healthz", "/readyz", "/sign-in", "/api/sign-in", "/static/")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
READING = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


def read_tokens(path: Path | None) -> dict[str, str]:
    """Token to name, from a file with one `name:token` per line; none at all without a file."""
    if path is None:
        return {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"page.token_file: {path}: {error}; make a file with one name:token per line"]) from error
    tokens: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        name, colon, token = line.strip().partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not colon or not name.strip() or len(token.strip()) < 16:
            raise ConfigError([f"{path}:{number}: not name:token with a token of 16 characters or more"])
        tokens[token.strip()] = name.strip()
    if not tokens:
        raise ConfigError([f"page.token_file: {path} names nobody; add a line name:token"])
    return tokens


def user_of(token: str, tokens: dict[str, str]) -> str:
    """The name behind a token, "" for a wrong one; takes the same time for each."""
    found = ""
    for known, name in tokens.items():
        if hmac.compare_digest(known.encode(), token.encode()):
            found = name
    return found


class Guard:
    """Outermost: nothing behind it sees a request from a foreign page, host, or stranger."""

    def __init__(self, app: ASGIApp, settings: PageSettings, tokens: dict[str, str]) -> None:
        self._app = app
        self._tokens = tokens
        self._loopback = settings.host in LOOPBACK
        own = LOOPBACK if self._loopback else (settings.host, socket.gethostname(), socket.getfqdn())
        self._hosts = frozenset(name.lower() for name in own)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = self._refuse(scope)
        if refused is None:
            await self._app(scope, receive, _adding_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refused[1][:100]})
        elif refused[0] == 401 and scope["method"] in READING and not scope["path"].startswith(("/api/", "/metrics")):
            await RedirectResponse("/sign-in", 303)(scope, receive, send)
        else:
            status, error, remedy = refused
            await answer({"error": error, "remedy": remedy}, status)(scope, receive, _adding_headers(send))

    def _refuse(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._known(host):
            return 400, f"host {host[:80]!r} is not this page", "open the page by the address it printed"
        writes = scope["type"] == "websocket" or scope["method"] not in READING
        origin = headers.get("origin")
        if writes and origin is not None and origin.partition("://")[2].lower() != host.lower():
            return 403, f"origin {origin[:80]!r} is not this page", "send it from this page, or without a browser"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:12]) > BODY_MAX_BYTES:
            return 413, f"the body is larger than {BODY_MAX_BYTES} bytes", "send it in smaller parts"
        if not self._tokens:
            return None
        scope["edge_user"] = user_of(_token(headers), self._tokens)
        if scope["edge_user"] or scope["path"].startswith(OPEN):
            return None
        return 401, "a token is needed", "send Authorization: Bearer <token>, or sign in at /sign-in"

    def _known(self, host: str) -> bool:
        """Own names; beyond loopback also bare addresses, which no foreign name server can point at us."""
        name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
        if name.lower() in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return not self._loopback


def _token(headers: Headers) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""


def _adding_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return with_headers
