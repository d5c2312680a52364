"""Turns on a connection: commands first, nobody lost when somebody gives up; and the link on the box's own loop."""

import asyncio

import pytest
import uvloop

from edge.plc import modbus
from edge.plc.wire import FIRST, LATER, Turns
from edge.settings import DeviceSettings, PollSettings
from tests.plc.conftest import MODBUS_TAGS, ModbusDevice, kept, until
from tests.plc.test_modbus_device import made_pki, server_context, tls


async def test_who_asks_goes_before_who_polls_and_each_in_his_order() -> None:
    turns, order = Turns(), []

    async def take(name: str, rank: int) -> None:
        async with turns.turn(rank):
            order.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for name, rank in (("p1", LATER), ("p2", LATER), ("a1", FIRST), ("p3", LATER), ("a2", FIRST)):
            group.create_task(take(name, rank))
    assert order == ["p1", "a1", "a2", "p2", "p3"]


@pytest.mark.parametrize("when", ["waiting", "granted", "working"])
async def test_turn_of_somebody_who_gives_up_goes_to_the_next(when: str) -> None:
    turns, release = Turns(), asyncio.Event()
    done: list[str] = []

    async def take(name: str) -> None:
        async with turns.turn(LATER):
            if name != "last":
                await release.wait()
            done.append(name)

    async with asyncio.TaskGroup() as group:
        first, second, _ = (group.create_task(take(name)) for name in ("first", "second", "last"))
        await asyncio.sleep(0)
        if when == "waiting":
            second.cancel()
            await asyncio.sleep(0)
            release.set()
        elif when == "granted":
            first.cancel()
            await asyncio.sleep(0)  # the turn is the second's now, who does not know it yet
            second.cancel()
            release.set()
        else:
            first.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            second.cancel()
    assert done[-1] == "last"
    async with asyncio.timeout(1), turns.turn(LATER):
        pass


@pytest.mark.parametrize("secure", [False, True])
def test_link_on_uvloop(tmp_path, secure: bool) -> None:
    """Its transports are not those of asyncio."""
    made_pki(tmp_path)

    async def live() -> None:
        device = ModbusDevice(server_context(tmp_path) if secure else None)
        await device.start()
        settings = DeviceSettings.model_validate(
            {"driver": "modbus", "tags": "t.csv", "port": device.port, "tls": tls(tmp_path) if secure else None,
             "poll": PollSettings(fast=10, normal=50, slow=100)}
        )  # fmt: skip
        async with kept(modbus.keep, settings, MODBUS_TAGS) as image:
            await until(lambda: image.good)
            await image.write([("Number", 3)])
            assert device.words[1004] == 3
            await device.stop()
            await until(lambda: not image.good)
        await until(lambda: device.connections == 0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live())
