"""The normal door of an office or a box, from outside: its HTTP interface. Retries what may be repeated."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from edge.codec import plain
from edge.messages import OrderCaptured

TIMEOUT_S = 20.0
RETRY_S = 0.3
AT_ONCE = 100


class DoorClosed(Exception):
    """The other side cannot be reached or refuses to talk; the text names the URL and the remedy."""


class Door:
    """Posts to one page process. Everything posted is idempotent there, so a lost answer is asked for again."""

    def __init__(self, url: str, *, token: str = "", ca_file: Path | None = None, patience_s: float = 5.0) -> None:
        """Raises DoorClosed for what is no address, OSError for a certificate file that cannot be used."""
        self.url = url.rstrip("/")
        if not _is_address(self.url):
            raise DoorClosed(f"{url}: not an address; write it like http://127.0.0.1:8090")
        self._patience_s = patience_s
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        self._client = httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT_S, headers=headers, verify=verify)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        """(status, answer). Retries while the process behind the page is away. Raises DoorClosed."""
        return await self._ask("POST", path, body)

    async def get(self, path: str) -> tuple[int, Any]:
        """(status, answer). Raises DoorClosed."""
        return await self._ask("GET", path, None)

    async def _ask(self, method: str, path: str, body: object) -> tuple[int, Any]:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        while True:
            try:
                answer = await self._client.request(method, path, json=body if method == "POST" else None)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return answer.status_code, self._body(answer)
                problem = "the process behind the page is not running"
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
            except (httpx.RequestError, httpx.InvalidURL) as error:
                raise DoorClosed(f"{self.url}{path}: {error}; is the address right?") from error
            if loop.time() > until:
                raise DoorClosed(f"{self.url}{path}: {problem}; is the process running there, and the address right?")
            await asyncio.sleep(RETRY_S)

    def _body(self, answer: httpx.Response) -> Any:
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            said = f"{self.url}: answers {answer.status_code} and no JSON; this is not the page of an office or a box"
            raise DoorClosed(said) from error

    async def orders(self, orders: Sequence[OrderCaptured]) -> list[Mapping[str, Any]]:
        """Sends orders, in portions; one verdict each. Raises DoorClosed."""
        verdicts: list[Mapping[str, Any]] = []
        for start in range(0, len(orders), AT_ONCE):
            bodies = [_without_time(order) for order in orders[start : start + AT_ONCE]]
            status, answer = await self.post("/api/orders", bodies)
            if not isinstance(answer, list):
                raise DoorClosed(f"{self.url}/api/orders answered {status}: {_said(answer)}")
            verdicts += answer
        return verdicts


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _said(answer: Any) -> str:
    """A refusal in one line."""
    if not isinstance(answer, dict):
        return str(answer)[:200]
    return "; ".join(str(answer[name]) for name in ("error", "remedy") if answer.get(name)) or str(answer)[:200]


def _without_time(order: OrderCaptured) -> dict[str, Any]:
    return {key: value for key, value in plain(order).items() if key != "at_ms"}
