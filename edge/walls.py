"""Opens the walls of a process: its machines, its uplink, its page. Commands come in here, events go out to report."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Never

from edge import equipment, plc
from edge.fleet_wall import COUNT_EVERY_S, FleetWall, keep_levels
from edge.messages import CommandMachine, DivertUnit, Message, StartJob
from edge.page.figures import Figures
from edge.plc.image import ProcessImage
from edge.settings import MachineSettings, PageSettings, SiteSettings, read_tags

logger = logging.getLogger(__name__)

COMMANDS_MAX = 1_000
PAGE_RESTART_S = 1.0
PAGE_STOP_S = 3.0
FAREWELL_S = 0.5

Command = DivertUnit | StartJob | CommandMachine
Report = Callable[[Message], Awaitable[Sequence[Message]]]


class MachineWall:
    """The machines of a box: one process image, one link, one watcher and one queue of commands each; its vehicles."""

    def __init__(
        self, site: SiteSettings, figures: Figures, beats: Callable[[], int], remembered: Path | None = None
    ) -> None:
        self._site = site
        self._figures = figures
        self._remembered = remembered
        """Folder in which the links note where they can go on."""
        self._queues: dict[str, asyncio.Queue[Command]] = {}
        self._machines = [(machine, *self._build(machine, beats)) for machine in site.machines]
        self._fleet = FleetWall(site, site.fleet, figures) if site.fleet and site.vehicles else None

    def _build(self, machine: MachineSettings, beats: Callable[[], int]) -> tuple[ProcessImage, equipment.Machine]:
        device = self._site.devices[machine.device]
        image = ProcessImage(read_tags(device.tags))
        self._queues[machine.machine_id] = asyncio.Queue(COMMANDS_MAX)
        return image, equipment.kind_of(machine)(machine, image, beats)

    def act(self, command: Message) -> None:
        """Hands a command to its machine; a full queue (machine long gone) drops the oldest, counted."""
        if self._fleet is not None and self._fleet.act(command):
            return
        if not isinstance(command, Command):
            return
        queue = self._queues.get(command.machine_id)
        if queue is None:
            self._figures.count("commands_for_nobody")
            return
        if queue.full():
            queue.get_nowait()
            self._figures.count("commands_dropped")
        queue.put_nowait(command)

    async def keep(self, report: Report, epoch: int, now_ms: Callable[[], int]) -> None:
        """Runs every machine, for ever. The links end last, so that each PLC can still be told that we stop."""
        async with asyncio.TaskGroup() as links:
            for machine, image, _ in self._machines:
                device = self._site.devices[machine.device]
                path = self._remembered and self._remembered / f"{machine.device}.json"
                links.create_task(plc.PROTOCOLS[device.driver](device, tuple(image.tags), image, path))
            try:
                async with asyncio.TaskGroup() as group:
                    for machine, _, thing in self._machines:
                        group.create_task(thing.watch(report, epoch, now_ms))
                        group.create_task(self._obey(machine.machine_id, thing))
                    counts = [thing.counts for _, _, thing in self._machines]
                    group.create_task(keep_levels(self._figures, "wire", counts))
                    group.create_task(self._keep_links())
                    if self._fleet is not None:
                        group.create_task(self._fleet.keep(report, now_ms))
            finally:
                await self._farewell()

    async def _keep_links(self) -> Never:
        while True:
            for machine, image, _ in self._machines:
                self._figures.link(machine.machine_id, image.figures())
            await asyncio.sleep(COUNT_EVERY_S)

    async def _farewell(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S), asyncio.TaskGroup() as group:
                for _, _, thing in self._machines:
                    group.create_task(thing.farewell())

    async def _obey(self, machine_id: str, thing: equipment.Machine) -> Never:
        queue = self._queues[machine_id]
        while True:
            await thing.obey(await queue.get())


async def keep_page(settings: PageSettings, socket: Path, name: str) -> Never:
    """Runs the page as its own process and starts it again when it ends; the loop here never waits for it."""
    while True:
        page = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge", "page", "--socket", str(socket), "--name", name,
            "--settings", settings.model_dump_json(), stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            code = await page.wait()
        except asyncio.CancelledError:
            await _end(page)
            raise
        logger.warning("page ended", extra={"code": code, "restart_s": PAGE_RESTART_S})
        await asyncio.sleep(PAGE_RESTART_S)


async def _end(page: asyncio.subprocess.Process) -> None:
    """A Ctrl-C of the terminal may have ended it already; one that hangs is not waited for."""
    with contextlib.suppress(ProcessLookupError):
        page.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAGE_STOP_S):
                await page.wait()
                return
        page.kill()
        await page.wait()
