"""How a request is read and answered: bounded JSON in, a report to the runtime, JSON out, with a remedy on failure."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from edge.codec import BadMessage, from_plain
from edge.messages import Message
from edge.page.link import Busy, Link, NotConnected
from edge.page.live import Live

BODY_MAX_BYTES = 2_000_000
ID_MAX = 60
TEXT_MAX = 500


class Problem(Exception):
    """A request that cannot be answered as asked: what is wrong, and what to do about it."""

    def __init__(self, status: int, error: str, remedy: str, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "remedy": remedy, **(more or {})}


def answer(content: object, status: int = 200) -> Response:
    """JSON, never cached."""
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(body, status, {"cache-control": "no-store"}, "application/json")


def link_of(request: Request) -> Link:
    link: Link = request.app.state.link
    return link


def live_of(request: Request) -> Live:
    """The picture; 503 while the runtime is not heard, because an answer from an old picture would be a lie."""
    live: Live = request.app.state.live
    if not live.up:
        raise _away("the runtime is not connected")
    return live


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; an absent one is empty."""
    body = await read_json(request)
    if not isinstance(body, dict):
        raise Problem(422, "the body must be a JSON object", "send {...}")
    return body


async def read_json(request: Request) -> Any:
    """The body as JSON; strings are bounded, so that nothing endless reaches a table."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, f"content-type {kind[:60]!r} is not JSON", "send content-type: application/json")
    size = 0
    chunks: list[bytes] = []
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_MAX_BYTES:
            raise Problem(413, f"the body is larger than {BODY_MAX_BYTES} bytes", "send it in smaller parts")
        chunks.append(chunk)
    try:
        body = json.loads(b"".join(chunks) or b"{}")
        _bounded(body)
    except (ValueError, RecursionError) as error:
        raise Problem(422, f"the body is not good JSON: {error}"[:300], "check it with a JSON validator") from error
    return body


async def tell(request: Request, kind: str, body: Mapping[str, Any]) -> list[Message]:
    """Reports an event and returns what followed from it, after it is on disk."""
    live_of(request)
    check(kind, body)
    try:
        return await link_of(request).report(kind, body)
    except NotConnected as error:
        raise _away(str(error)) from error
    except Busy as error:
        raise Problem(503, "too many requests are waiting", "try again in a second") from error
    except BadMessage as error:
        raise _malformed(error) from error


def check(kind: str, body: Mapping[str, Any]) -> None:
    """Raises the 422 that the runtime would, before anything is sent."""
    try:
        from_plain(kind, {**body, "at_ms": 0})
    except BadMessage as error:
        raise _malformed(error) from error


def id_of(request: Request, name: str) -> str:
    """An id out of the path."""
    value: str = request.path_params[name]
    if not value or len(value) > ID_MAX or not value.isprintable():
        raise Problem(422, f"{name} is not an id", f"use 1 to {ID_MAX} printable characters")
    return value


def who(request: Request, body: Mapping[str, Any]) -> str:
    """Who does it: the name of the token if there is one, else what the client says."""
    user = request.scope.get("edge_user")
    by = user if user else body.get("by")
    if not isinstance(by, str) or not 1 <= len(by) <= ID_MAX:
        raise Problem(422, "by is missing", "say who does it: by, the name of a person")
    return by


def refusal(reason: str, detail: str, remedy: str = "nothing was changed; look at the reason") -> Problem:
    """409: understood, but it cannot be."""
    return Problem(409, f"{reason}: {detail}" if detail else reason, remedy, {"reason": reason, "detail": detail})


async def on_problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    response = answer(problem.body, problem.status)
    if problem.status == 503:
        response.headers["retry-after"] = "1"
    return response


async def on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    remedy = {404: "check the address", 405: "check the method"}.get(error.status_code, "check the request")
    return answer({"error": error.detail, "remedy": remedy}, error.status_code)


async def on_failure(_: Request, error: Exception) -> Response:
    return answer({"error": type(error).__name__, "remedy": "look into the log of the page process"}, 500)


def _bounded(value: Any) -> None:
    if isinstance(value, str):
        if len(value) > TEXT_MAX:
            raise ValueError(f"a text is longer than {TEXT_MAX} characters")
        value.encode()
    elif isinstance(value, dict):
        for key, inner in value.items():
            _bounded(key)
            _bounded(inner)
    elif isinstance(value, list):
        for inner in value:
            _bounded(inner)
    elif isinstance(value, int) and abs(value) > 2**53:
        raise ValueError("a number is larger than 2^53")


def _away(detail: str) -> Problem:
    return Problem(503, detail, "nothing is lost on the floor; send it again when the runtime is back")


def _malformed(error: BadMessage) -> Problem:
    return Problem(422, str(error), "correct the named field and send it again")
