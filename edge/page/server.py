"""The page process: Starlette behind uvicorn, fed by the runtime's socket. May die and come back alone."""

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from edge.page import desk, handheld, office
from edge.page.exchange import Problem, answer, on_failure, on_http, on_problem, read_object
from edge.page.guard import COOKIE, LOOPBACK, Guard, read_tokens, user_of
from edge.page.link import Link
from edge.page.live import Live
from edge.settings import ConfigError, PageSettings

STATIC = Path(__file__).parent / "static"
PORTS_TRIED = 50
BACKLOG = 128
CONNECTIONS_MAX = 600
GRACE_S = 2
WRONG_TOKEN_S = 0.5
NICE = 5


class _Files(StaticFiles):
    """Asked for again each time, answered with 304: an upgrade shows at once."""

    def file_response(
        self, full_path: os.PathLike[str] | str, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "no-cache"
        return response


def build(settings: PageSettings, socket_path: Path, name: str, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The application; `routes` of other rooms come before the page's own. Raises ConfigError."""
    tokens = read_tokens(settings.token_file)
    live = Live(name)
    link = Link(socket_path, live)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            kept = [tasks.create_task(link.keep()), tasks.create_task(live.keep())]
            try:
                yield
            finally:
                for task in kept:
                    task.cancel()

    async def sign_in(request: Request) -> Response:
        token = (await read_object(request)).get("token", "")
        user = user_of(token if isinstance(token, str) else "", tokens)
        if not user:
            await asyncio.sleep(WRONG_TOKEN_S)
            raise Problem(401, "this token is not known", "ask whoever keeps the token file")
        response = answer({"result": "signed in", "user": user})
        secure = settings.cert_file is not None
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure)
        return response

    app = Starlette(
        routes=[
            *routes,
            *handheld.ROUTES,
            *office.ROUTES,
            *desk.ROUTES,
            Route("/api/sign-in", sign_in, methods=["POST"]),
            Route("/", _page("index.html")),
            Route("/handheld", _page("handheld.html")),
            Route("/sign-in", _page("sign-in.html")),
            Mount("/static", _Files(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, settings=settings, tokens=tokens)],
        exception_handlers={Problem: on_problem, HTTPException: on_http, Exception: on_failure},
        lifespan=lifespan,
    )
    app.state.live, app.state.link = live, link
    return app


def main(settings: PageSettings, socket_path: Path, name: str, routes: Sequence[BaseRoute] = ()) -> None:
    """Serves until told to stop; prints one line with its address and leaves it in `page.url` beside the socket."""
    app = build(settings, socket_path, name, routes)
    listener = _listen(settings)
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=65_536,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=settings.cert_file,
        ssl_keyfile=settings.key_file,
    )
    with contextlib.suppress(OSError):
        os.nice(NICE)
    url = _url(settings, listener.getsockname()[1])
    socket_path.parent.mkdir(parents=True, exist_ok=True)
    _write(socket_path.parent / "page.url", url + "\n")
    print(f"page {name} {url}", flush=True)  # noqa: T201 - the one line this process says
    asyncio.run(_serve(uvicorn.Server(config), listener))


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Until told to stop, or until the runtime that started it is gone: then its end of the standard input closes."""
    loop = asyncio.get_running_loop()

    def gone() -> None:
        if not os.read(0, 1):
            loop.remove_reader(0)
            server.should_exit = True

    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.fstat(0).st_mode):
            loop.add_reader(0, gone)
    await server.serve(sockets=[listener])


def _listen(settings: PageSettings) -> socket.socket:
    """The preferred port, else the next free one; connections wait from now on."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    first = settings.port
    ports = [first] if settings.port_fixed or not first else [*range(first, min(first + PORTS_TRIED, 65_536)), 0]
    for port in ports:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, port))
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
        else:
            return listener
    raise ConfigError([f"page.port: {first} on {settings.host} cannot be had; free it, or set another port"])


def _url(settings: PageSettings, port: int) -> str:
    scheme = "https" if settings.cert_file else "http"
    host = "127.0.0.1" if settings.host in LOOPBACK and ":" not in settings.host else settings.host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, "utf-8")
    new.replace(path)


def _page(name: str) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def page(_: Request) -> Response:
        return FileResponse(STATIC / name, headers={"cache-control": "no-cache"})

    return page
