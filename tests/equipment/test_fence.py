"""A command or job whose bytes come late, after it was given up, is not carried out: real PLC program and wire."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from edge.equipment import MACHINES, mailbox
from edge.equipment import robot as robot_room
from edge.messages import CommandEnded, CommandMachine, JobEnded, MachineCommand, StartJob
from edge.plc import PROTOCOLS, opcua, supervision
from edge.plc.image import ProcessImage
from edge.uplink.broker import free_port
from plc_sim.actuations import Actuation, Did
from plc_sim.conformance.opcua import OpcUaWire
from tests.equipment.test_against_sim import Plant
from tests.plc.opcua_stage import opcua_stage
from tests.plc.relay import ModbusRelay, UaRelay

WRITE_MANY = 16
JOB_WORDS = 8


@pytest.mark.parametrize("resolve_ms", [10_000, 100])
async def test_a_command_that_comes_late_is_refused_by_the_plc(world, monkeypatch, resolve_ms: int) -> None:
    monkeypatch.setattr(mailbox, "ACK_MS", 100)
    monkeypatch.setattr(mailbox, "RESOLVE_MS", resolve_ms)
    plant = Plant("sorter1")
    async with behind_relay(world, plant) as relay:
        await late(world, plant, relay, resolve_ms)


@contextlib.asynccontextmanager
async def behind_relay(world, plant: Plant) -> AsyncIterator[ModbusRelay]:
    """The plant and its equipment at work, with a relay between the two."""
    await plant.server.start(0)
    async with ModbusRelay(plant.server.port) as relay, asyncio.TaskGroup() as group:
        device = plant._device.model_copy(update={"port": relay.port})
        tasks = [
            group.create_task(PROTOCOLS["modbus"](device, plant._tags, plant.image, None)),
            group.create_task(plant.equipment.watch(world.journal.report, 1, lambda: int(time.time() * 1000))),
            group.create_task(plant._turn()),
        ]
        await world.until(lambda: plant.equipment._presence.ready)
        yield relay
        for task in tasks:
            task.cancel()
    await plant.server.stop()


async def late(world, plant: Plant, relay: ModbusRelay, resolve_ms: int) -> None:
    disable = CommandMachine(at_ms=1, machine_id="sorter1", command=MachineCommand.LANE_DISABLE, args=(3,))
    beats = relay.sent.count(WRITE_MANY)
    relay.hold = True
    await plant.equipment.obey(disable)
    await world.until(lambda: relay.sent.count(WRITE_MANY) > beats)
    await world.until(lambda: not plant.equipment._presence.ready)
    if resolve_ms < 1000:
        await world.journal.wait(CommandEnded)
    relay.hold = False
    told = await world.journal.wait(CommandEnded)
    assert (told.result, told.reason) == ("UNKNOWN" if resolve_ms < 1000 else "REJECTED", "LINK_LOST")
    await world.until(lambda: plant.equipment._presence.ready)
    await world.until(lambda: plant.program.word("CmdAckSeq") == (2 if resolve_ms < 1000 else 1))
    assert relay.release() > 0
    await world.until(lambda: plant.program.word("CmdCode") == disable.command)  # the old bytes are there
    await asyncio.sleep(0.2)
    assert [a for a in plant.log if a.did is Did.COMMANDED] == []
    enable = CommandMachine(at_ms=1, machine_id="sorter1", command=MachineCommand.LANE_ENABLE, args=(3,))
    await plant.equipment.obey(enable)
    assert (await world.journal.wait(CommandEnded, 2)).result == "DONE"
    assert [a.code for a in plant.log if a.did is Did.COMMANDED] == [MachineCommand.LANE_ENABLE]


async def test_a_command_on_its_way_to_a_plc_that_restarts_is_refused_when_it_comes(world, monkeypatch) -> None:
    """A PLC that has restarted has taken no number yet: without a fence it would take any."""
    monkeypatch.setattr(mailbox, "ACK_MS", 100)
    plant = Plant("sorter1")
    async with behind_relay(world, plant) as relay:
        beats = relay.sent.count(WRITE_MANY)
        relay.hold = True
        disable = CommandMachine(at_ms=1, machine_id="sorter1", command=MachineCommand.LANE_DISABLE, args=(3,))
        await plant.equipment.obey(disable)
        await world.until(lambda: relay.sent.count(WRITE_MANY) > beats)
        await world.until(lambda: not plant.equipment._presence.ready)
        plant.world.restart_plc("sorter1")
        relay.hold = False
        told = await world.journal.wait(CommandEnded)
        assert (told.result, told.reason) == ("UNKNOWN", "PLC_RESTART")
        await world.until(lambda: plant.program.word("CmdAckSeq") == 2)
        assert relay.release() > 0
        await world.until(lambda: plant.program.word("CmdSeq") == 1)
        await asyncio.sleep(0.2)
    assert [a for a in plant.log if a.did is Did.COMMANDED] == []


def job(job_id: int, place: str) -> StartJob:
    return StartJob(
        at_ms=1, machine_id="robot1", job_id=job_id, task_id=f"t{job_id}", source=place, sku="SKU", hu_id="1",
        quantity=1,
    )  # fmt: skip


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_job_that_comes_late_over_modbus_is_not_begun(world, monkeypatch, restarted: bool) -> None:
    monkeypatch.setattr(robot_room, "ACK_MS", 100)
    plant = Plant("robot1")
    plant.program._cycle_ms = plant.program._unit_ms = 50
    async with behind_relay(world, plant) as relay:
        relay.hold_from = lambda request: request[7] == WRITE_MANY and request[11] == JOB_WORDS
        await plant.equipment.obey(job(1, "R-01-01-1"))
        await world.until(lambda: relay.holding > 0 and not plant.equipment._presence.ready)
        if restarted:
            plant.world.restart_plc("robot1")
        relay.hold = False
        told = await world.journal.wait(JobEnded)
        assert (told.result, told.reason) == (("UNKNOWN", "PLC_RESTART") if restarted else ("REJECTED", "NO_ACK"))
        await world.until(lambda: plant.program.word("JobSeqAck") == 2)
        if restarted:
            plant.program.start_at_panel()
            await world.until(lambda: plant.program.running)
        assert relay.release() > 0
        await world.until(lambda: plant.program.word("JobSeq") == 1)  # the old bytes are there
        await asyncio.sleep(0.2)
        assert [a for a in plant.log if a.did is Did.JOB_STARTED] == []
        await plant.equipment.obey(job(2, "R-01-02-1"))
        assert (await world.journal.wait(JobEnded, 2)).result == "OK"
    assert [a.job_id for a in plant.log if a.did is Did.JOB_STARTED] == [2]


@pytest.mark.parametrize("style", ["mailbox", "method"])
async def test_a_job_that_comes_late_over_opc_ua_is_not_begun(world, monkeypatch, tmp_path, style: str) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)
    port, log = free_port(), list[Actuation]()
    async with opcua_stage(port, ["robot1"], tmp_path) as stage, UaRelay(port) as relay:
        robot = stage.world.robot("robot1")
        robot.record, robot._cycle_ms, robot._unit_ms = log.append, 50, 50
        async with robot_over(world, stage, relay, style):
            await give_up(world, relay)
            await world.until(lambda: robot.word("JobSeqAck") == 2)
            assert relay.release() > 0
            await asyncio.sleep(0.2)
            device = stage.device("robot1")
            wire = OpcUaWire(device.url, device.root, stage.tags("robot1"))  # past any session that is no more
            await wire.open()
            slot = {"JobAisle": 1, "JobBay": 2, "JobLevel": 3, "JobQuantity": 1}
            await wire.write({"JobNo": 1, "JobId": 1, **slot, "JobSeq": 1})
            await wire.close()
            await asyncio.sleep(0.2)
            assert [a for a in log if a.did is Did.JOB_STARTED] == []
            await world.equipment.obey(job(2, "R-01-02-3"))
            assert (await world.journal.wait(JobEnded, 2)).result == "OK"
    assert [a.job_id for a in log if a.did is Did.JOB_STARTED] == [2]


@contextlib.asynccontextmanager
async def robot_over(world, stage: Any, relay: UaRelay, style: str) -> AsyncIterator[None]:
    """The edge's robot (`world.equipment`) on the simulated cell, through the relay."""
    device = stage.device("robot1", url=relay.url, timeout_ms=300, command_style=style)
    machine = next(each for each in stage.world.site.machines if each.machine_id == "robot1")
    image = ProcessImage(stage.tags("robot1"))
    world.equipment = MACHINES["robot"](machine, image, None)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(opcua.keep(device, stage.tags("robot1"), image, None)),
            group.create_task(world.equipment.watch(world.journal.report, 1, lambda: int(time.time() * 1000))),
        ]
        await world.until(lambda: world.equipment._presence.ready)
        yield
        for task in tasks:
            task.cancel()


async def give_up(world, relay: UaRelay) -> None:
    """A job that the relay keeps, until the edge has said that it will not be done."""
    relay.hold_from = lambda request: b"JobQuantity" in request or b"StartJob" in request
    await world.equipment.obey(job(1, "R-01-02-3"))
    await world.until(lambda: relay.holding > 0 and not world.equipment._presence.ready)
    relay.hold = False
    told = await world.journal.wait(JobEnded)
    assert (told.result, told.reason) == ("REJECTED", "NO_ACK")
