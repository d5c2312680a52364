"""A kind of machine that is not shipped, as the one file a new kind takes: a scale that can be tared."""

import asyncio
from typing import ClassVar, Never

from edge.equipment import Command
from edge.equipment.mailbox import Mailbox
from edge.equipment.presence import TAGS, Beats, Clock, Counts, Presence, Report, check_tags
from edge.messages import CommandMachine
from edge.plc.image import ProcessImage
from edge.settings import MachineSettings

OVERLOAD_G = 30_000


class Scale:
    """Tells when it is overloaded, as the cause why it does not run."""

    NEEDS: ClassVar[tuple[str, ...]] = (*TAGS, *Mailbox.tags, *Mailbox.written, "WeightG")

    def __init__(self, machine: MachineSettings, image: ProcessImage, beats: Beats | None = None) -> None:
        check_tags(machine, image, self.NEEDS)
        self._image = image
        self.counts = Counts()
        self._presence = Presence(machine.machine_id, image, 0x5701, self.counts, beats, self._cause)
        self._mailbox = Mailbox(image, self._presence, self.counts)

    async def watch(self, report: Report, epoch: int, now_ms: Clock) -> Never:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._presence.beat(epoch))
            group.create_task(self._presence.follow(report, now_ms, self._resync))
            group.create_task(self._mailbox.follow(report, now_ms))
        raise AssertionError("the loops of a machine never end")

    async def obey(self, command: Command) -> None:
        if isinstance(command, CommandMachine):
            self._mailbox.put(command)

    async def farewell(self) -> None:
        await self._presence.farewell()

    def _cause(self) -> str:
        return "OVERLOAD" if self._image.number("WeightG") > OVERLOAD_G else ""

    async def _resync(self, rebooted: bool) -> None:
        await self._image.refresh(Mailbox.tags)
        await self._mailbox.resync(rebooted=rebooted)
