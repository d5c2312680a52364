"""The simulator's machines on a real OPC UA socket, moving in real time, and devices that lead to them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from edge.settings import DeviceSettings, Tag, read_tags
from plc_sim.opcua import OpcUaServer
from plc_sim.world import World
from tests.plc_sim.stage import SITE, started, world_of

POLL = {"fast": 10, "normal": 50, "slow": 100}
STEP_S = 0.005


class Stage:
    """One server with some machines of the default site."""

    def __init__(self, world: World, server: OpcUaServer, more: dict[str, Any]) -> None:
        self.world = world
        self.server = server
        self._more = more

    def device(self, machine: str, **fields: Any) -> DeviceSettings:
        device = _device(machine)
        known = {**device.model_dump(), "url": self.server.url, "poll": POLL, **self._more}
        return DeviceSettings.model_validate({**known, **fields})

    def tags(self, machine: str) -> Sequence[Tag]:
        return read_tags(_device(machine).tags)

    async def move(self) -> None:
        """Real time passes for the machines."""
        last_s = time.monotonic()
        while True:
            await asyncio.sleep(STEP_S)
            now_s = time.monotonic()
            step_ms = int((now_s - last_s) * 1000)
            last_s += step_ms / 1000
            self.world.advance(self.world.now_ms + step_ms)
            self.world.drain()
            await self.server.show()


def _device(machine: str) -> DeviceSettings:
    return SITE.devices[next(each.device for each in SITE.machines if each.machine_id == machine)]


@contextlib.asynccontextmanager
async def opcua_stage(
    port: int, machines: Sequence[str], data: Path, *, server: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[Stage]:
    """`server`: options of OpcUaServer; `more`: fields of every device."""
    world = started(world_of(physical={("R-01-02-3", "S1"): 9}))
    parts = []
    for name in machines:
        device = DeviceSettings.model_validate({**_device(name).model_dump(), **more})
        parts.append((device, read_tags(device.tags), world.machines[name]))
    plc = OpcUaServer(f"opc.tcp://127.0.0.1:{port}", parts, data, **(server or {}))
    await plc.start()
    stage = Stage(world, plc, more)
    try:
        async with asyncio.TaskGroup() as group:
            moving = group.create_task(stage.move())
            yield stage
            moving.cancel()
    finally:
        await plc.stop()
