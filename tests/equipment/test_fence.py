"""A command whose bytes come late, after it was given up, is not carried out: real PLC program and wire, held bytes."""

import asyncio
import time

import pytest

from edge.equipment import mailbox
from edge.messages import CommandEnded, CommandMachine, MachineCommand
from edge.plc import PROTOCOLS
from plc_sim.actuations import Did
from tests.equipment.test_against_sim import Plant
from tests.plc.relay import ModbusRelay

WRITE_MANY = 16


@pytest.mark.parametrize("resolve_ms", [10_000, 100])
async def test_a_command_that_comes_late_is_refused_by_the_plc(world, monkeypatch, resolve_ms: int) -> None:
    monkeypatch.setattr(mailbox, "ACK_MS", 100)
    monkeypatch.setattr(mailbox, "RESOLVE_MS", resolve_ms)
    plant = Plant("sorter1")
    await plant.server.start(0)
    async with ModbusRelay(plant.server.port) as relay, asyncio.TaskGroup() as group:
        device = plant._device.model_copy(update={"port": relay.port})
        tasks = [
            group.create_task(PROTOCOLS["modbus"](device, plant._tags, plant.image, None)),
            group.create_task(plant.equipment.watch(world.journal.report, 1, lambda: int(time.time() * 1000))),
            group.create_task(plant._turn()),
        ]
        await world.until(lambda: plant.equipment._presence.ready)
        await late(world, plant, relay, resolve_ms)
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
    await world.until(lambda: plant.program.word("CmdAckSeq") > 1)
    assert relay.release() > 0
    await world.until(lambda: plant.program.word("CmdSeq") == 1)  # the old bytes are there
    await asyncio.sleep(0.2)
    assert [a for a in plant.log if a.did is Did.COMMANDED] == []
    enable = CommandMachine(at_ms=1, machine_id="sorter1", command=MachineCommand.LANE_ENABLE, args=(3,))
    await plant.equipment.obey(enable)
    assert (await world.journal.wait(CommandEnded, 2)).result == "DONE"
    assert [a.code for a in plant.log if a.did is Did.COMMANDED] == [MachineCommand.LANE_ENABLE]
