"""The handshakes against a simulated PLC over a real wire that loses, delays and breaks off: nothing twice, no lie.

What the PLC carried out is taken from its actuation log, never from what the edge believes.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from edge.equipment import MACHINES, mailbox
from edge.messages import CommandEnded, CommandMachine, JobEnded, MachineCommand, StartJob
from edge.plc import PROTOCOLS
from edge.plc.image import ProcessImage
from edge.settings import Tag, read_site, read_tags
from plc_sim.actuations import Actuation, Did
from plc_sim.codes import Cmd
from plc_sim.modbus import ModbusServer
from plc_sim.world import World

SITE = read_site(Path(__file__).parents[2] / "config" / "site.yaml")
UP_MS = 7_000
SURE = {"DONE": 1, "ACCEPTED": 1, "REJECTED": 0, "TIMEOUT": 0}
"""How often a command with such an end was carried out."""


def as_holding(tags: tuple[Tag, ...]) -> tuple[Tag, ...]:
    """The same tags in holding registers, the WCS's from 1000 on; what is written in one request side by side."""
    places = {"plc": 0, "wcs": 1000}
    moved = []
    for tag in tags:
        kind = "uint16" if tag.type == "bool" else tag.type
        at = places[tag.writer]
        moved.append(Tag(name=tag.name, table="holding", address=at, type=kind, access=tag.access, writer=tag.writer))
        places[tag.writer] = at + moved[-1].words
    return tuple(moved)


class Plant:
    """One machine of the default site behind a Modbus port, running in wall time; `log` is what it really did."""

    def __init__(self, machine_id: str) -> None:
        self.machine = next(m for m in SITE.machines if m.machine_id == machine_id)
        tags = read_tags(SITE.devices[self.machine.device].tags)
        if tags[0].table == "node":
            tags = as_holding(tags)
        device = SITE.devices["plc_sorter1"].model_copy(update={"timeout_ms": 150})
        self.log: list[Actuation] = []
        self.world = World(SITE, 1, 1, 0, {(f"R-01-{bay:02}-1", "SKU"): 50 for bay in range(1, 11)}, self.log.append)
        self.program = self.world.machines[machine_id]
        self._began = time.monotonic()
        self.server = ModbusServer(device, tags, self.program, self.step)
        self.image = ProcessImage(tags)
        self._device, self._tags = device, tags
        self.equipment = MACHINES[self.machine.kind](self.machine, self.image, None)
        self._bring_up()

    def _bring_up(self) -> None:
        self.world.host_online()
        for command in (Cmd.RESET, Cmd.START):
            self.program.command(command)
            self.world.advance(self.world.now_ms + UP_MS)
        self._ahead_ms = self.world.now_ms
        self.log.clear()

    def step(self) -> None:
        self.world.advance(self._ahead_ms + int((time.monotonic() - self._began) * 1000))
        self.world.drain()

    @contextlib.asynccontextmanager
    async def at_work(self, journal: Any) -> AsyncIterator[None]:
        await self.server.start(0)
        device = self._device.model_copy(update={"port": self.server.port})
        clock: Callable[[], int] = lambda: int(time.time() * 1000)  # noqa: E731
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(PROTOCOLS["modbus"](device, self._tags, self.image, None)),
                group.create_task(self.equipment.watch(journal.report, 1, clock)),
                group.create_task(self._turn()),
            ]
            yield
            for task in tasks:
                task.cancel()
        await self.server.stop()

    async def _turn(self) -> None:
        while True:
            self.step()
            await asyncio.sleep(0.02)

    def disturb(self, dice: random.Random) -> None:
        """One of the things that go wrong on a wire."""
        trouble = dice.randrange(5)
        if trouble == 0:
            self.server.lose_replies(dice.randrange(1, 3))
        elif trouble == 1:
            self.server.lose_replies(1, reads=True)
        elif trouble == 2:
            self.server.delay_replies(dice.choice((40, 200)))
        elif trouble == 3:
            self.server.reset()
        else:
            self.server.freeze(True)

    def calm(self) -> None:
        self.server.delay_replies(0)
        self.server.freeze(False)


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(mailbox, "ACK_MS", 250)


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_command_is_carried_out_twice_or_after_it_was_given_up(world, seed: int) -> None:
    plant, dice = Plant("sorter1"), random.Random(seed)
    sent = 0
    async with plant.at_work(world.journal):
        await world.until(lambda: plant.equipment._presence.ready)
        for lane in range(1, 13):
            plant.disturb(dice)
            for code in (MachineCommand.LANE_DISABLE, MachineCommand.LANE_ENABLE):
                sent += 1
                command = CommandMachine(
                    at_ms=1, machine_id="sorter1", command=code, args=(lane,), request_id=str(sent)
                )
                await plant.equipment.obey(command)
            await asyncio.sleep(dice.uniform(0.05, 0.5))
            plant.calm()
            async with asyncio.timeout(30):
                while len(world.journal.of(CommandEnded)) < sent:
                    await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
    done = Counter((a.code, a.args[0]) for a in plant.log if a.did is Did.COMMANDED)
    ends = world.journal.of(CommandEnded)
    assert [end.request_id for end in ends] == [str(number) for number in range(1, sent + 1)]
    for end in ends:
        times = done[int(end.command), end.args[0]]
        assert times == SURE.get(end.result, times), f"{end} was carried out {times} times"
        assert times <= 1
    assert sum(end.result == "DONE" for end in ends) > sent // 2
    assert plant.server.swallowed > 0


async def test_no_job_is_done_twice_and_every_job_ends_as_it_did(world) -> None:
    plant, dice = Plant("robot1"), random.Random(3)
    plant.program._cycle_ms = plant.program._unit_ms = 50
    async with plant.at_work(world.journal):
        await world.until(lambda: plant.equipment._presence.ready)
        for job_id in range(1, 9):
            plant.disturb(dice)
            job = StartJob(
                at_ms=1, machine_id="robot1", job_id=job_id, task_id=f"t{job_id}", source=f"R-01-{job_id:02}-1",
                sku="SKU", hu_id="1", quantity=2, boot=plant.program.boot,
            )  # fmt: skip
            await plant.equipment.obey(job)
            await asyncio.sleep(dice.uniform(0.05, 0.5))
            plant.calm()
            async with asyncio.timeout(30):
                while len(world.journal.of(JobEnded)) < job_id:
                    await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
    started = Counter(a.job_id for a in plant.log if a.did is Did.JOB_STARTED)
    placed = Counter(a.job_id for a in plant.log if a.did is Did.PLACED for _ in range(a.quantity))
    for end in world.journal.of(JobEnded):
        assert started[end.job_id] <= 1
        if end.result == "OK":
            assert (started[end.job_id], placed[end.job_id]) == (1, 2)
        elif end.result == "REJECTED":
            assert started[end.job_id] == 0
    assert sum(end.result == "OK" for end in world.journal.of(JobEnded)) >= 6


async def test_a_plc_that_restarts_in_mid_command_and_mid_job_leaves_no_lie(world) -> None:
    plant = Plant("robot1")
    async with plant.at_work(world.journal):
        await world.until(lambda: plant.equipment._presence.ready)
        boot = plant.program.boot
        job = StartJob(
            at_ms=1, machine_id="robot1", job_id=1, task_id="t", source="R-01-01-1", sku="SKU", hu_id="1",
            quantity=2, boot=boot,
        )  # fmt: skip
        await plant.equipment.obey(job)
        await world.until(lambda: any(a.did is Did.JOB_STARTED for a in plant.log))
        plant.world.restart_plc("robot1")
        first = await world.journal.wait(JobEnded)
        await plant.equipment.obey(job)
        again = await world.journal.wait(JobEnded, 2)
    assert plant.program.boot != boot
    assert (first.result, first.reason) == (again.result, again.reason) == ("UNKNOWN", "PLC_RESTART")
    assert sum(a.did is Did.JOB_STARTED for a in plant.log) == 1


async def test_a_clean_stop_is_heard_by_the_plc(world) -> None:
    plant = Plant("sorter1")
    async with plant.at_work(world.journal):
        await world.until(lambda: plant.program.word("WcsState") == 1)
        await plant.equipment.farewell()
        await world.until(lambda: plant.program.word("WcsState") == 3)
