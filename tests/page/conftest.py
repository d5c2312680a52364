"""A page process in the test's own loop: real feed, real socket, real HTTP on a free port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from edge.page.server import _listen, build
from edge.settings import PageSettings
from tests.page.stage import Stage, opened

Fields = dict[str, Any]


@dataclass
class Page:
    """What a test talks to."""

    stage: Stage
    client: httpx.AsyncClient
    url: str
    app: Any

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return await self.client.post(path, json={} if body is None else body, headers=headers)

    async def until(self, up: bool) -> None:
        async with asyncio.timeout(10):
            while self.app.state.live.up is not up:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def served(settings: PageSettings, socket_path: Path, stage: Stage) -> AsyncIterator[Page]:
    """The page process's application on a free port; the runtime's socket is the test's business."""
    app = build(settings, socket_path, "dc1")
    listener = _listen(settings)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        app, ws="websockets-sansio", lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(server.serve(sockets=[listener]))
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            yield Page(stage, client, url, app)
        server.should_exit = True
        await task


@pytest.fixture
async def away(tmp_path: Path) -> AsyncIterator[Page]:
    """A page whose runtime is not there."""
    async with served(PageSettings(port=0), tmp_path / "s", Stage()) as page:
        yield page


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    """A page of a runtime that has opened the default site."""
    stage = Stage()
    stage.tell(opened())
    async with stage.serving(tmp_path / "s"), served(PageSettings(port=0), tmp_path / "s", stage) as page:
        await page.until(up=True)
        yield page
