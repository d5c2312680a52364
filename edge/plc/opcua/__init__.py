"""Keeps one process image alive over OPC UA; this folder is the only place that knows asyncua.

`session` is one connection, `subscriptions` what is asked for on it and `feed` what comes, `liveness` whether all that
is alive, `methods` commands as calls, `memory` what a restarted edge goes on with, `variants` the types of values.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Never

from edge.plc.image import ProcessImage
from edge.plc.opcua.feed import Feed
from edge.plc.opcua.liveness import Liveness
from edge.plc.opcua.memory import Memory, mark_of
from edge.plc.opcua.methods import Methods
from edge.plc.opcua.session import Session
from edge.plc.opcua.subscriptions import Subscriptions
from edge.plc.pki import Pki
from edge.plc.supervision import lasting, supervise
from edge.settings import ConfigError, DeviceSettings, Tag


async def keep(
    device: DeviceSettings, tags: Sequence[Tag], image: ProcessImage, remembered: Path | None = None
) -> Never:
    """Keeps the image alive over OPC UA, for ever; `remembered`: a file to go on from after a restart."""
    strays = [tag.name for tag in tags if tag.table != "node"]
    if strays or not device.root.startswith("nsu=") or ";s=" not in device.root:
        raise ConfigError(
            [f"{device.tags}: an opcua device needs node tags and root 'nsu=<uri>;s=<path>': {strays[:5]}"]
        )
    if device.security != "none" and device.pki is not None:
        Pki(device.pki).check()
    # It tells at length what the supervision says once.
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    memory = Memory(remembered, mark_of(device, tags))
    told: set[str] = set()
    await supervise(device.url, image, lambda up: Link(device, tags, image, memory, told).hold(up))


class Link:
    """One life of the link, put together."""

    def __init__(
        self, device: DeviceSettings, tags: Sequence[Tag], image: ProcessImage, memory: Memory, told: set[str]
    ) -> None:
        self._image = image
        self._memory = memory
        self._session = Session(device, tags)
        self._methods = Methods(self._session, image) if device.command_style == "method" else None
        self._subscriptions = Subscriptions(self._session, image, told)
        self._feed = Feed(self._session, image, memory, self._subscriptions)
        self._liveness = Liveness(self._session, self._feed, image)

    async def hold(self, up: Callable[[], None]) -> Never:
        """Connects, subscribes, reads everything, calls `up`, then follows until it is lost. Raises LinkLost."""
        resumable = True
        try:
            await self._open()
            async with asyncio.TaskGroup() as group:
                for task in self._feed.tasks():
                    group.create_task(lasting(task))
                await self._feed.read_first()
                self._session.settle()
                up()
                for task in self._tasks():
                    group.create_task(lasting(task))
                await self._session.until_closed()  # in the body: see still_wanted
            raise AssertionError("the tasks of a link end only by losing it")
        except asyncio.CancelledError:
            resumable = self._memory.lasting
            raise
        finally:
            await self._session.close(leave=resumable and self._memory.holds(self._session.token))

    async def _open(self) -> None:
        await self._session.open(self._memory.kept)
        if self._methods is not None:
            await self._methods.find()
            self._subscriptions.leave_out(self._methods.apart)
        await self._feed.start()

    def _tasks(self) -> list[Coroutine[Any, Any, Never]]:
        write = self._session.write if self._methods is None else self._methods.write
        return [
            self._liveness.probe(),
            self._liveness.watch_connection(),
            self._session.renew(),
            self._image.serve(self._feed.read, write),
        ]
