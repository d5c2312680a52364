"""The floor of the scan benchmark: one sorter of plc_sim on a real socket, in a process of its own, and who feeds it.

    python -m tests.bench.floor SITE UNITS PER_SECOND

Says "ready" when its port is open, lets UNITS cartons pass the scanner, PER_SECOND of them at random times, as soon as
the sorter runs, and says "done" when the last of them lies in a lane.
"""

import asyncio
import logging
import random
import sys
from collections import deque
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Never, cast

import uvloop

from edge.settings import SiteSettings, read_site
from plc_sim.line import ConveyorLine
from plc_sim.plant import Unit
from plc_sim.run import Floor, Options, start_wires
from plc_sim.world import World

SORTER = "sorter1"
LOOK_S = 0.05
AHEAD_MS = 100
"""The first carton comes so long after the start."""


def barcodes(units: int) -> list[str]:
    """The cartons' barcodes, known to both sides."""
    return [f"{950600012:010d}{n:08d}" for n in range(1, units + 1)]


class Source:
    """Cartons that come onto the sorter one by one, at moments that have nothing to do with the cycle of its PLC."""

    def __init__(self, world: World, units: int, per_second: float) -> None:
        self._world, self._waiting = world, deque[Unit]()
        chance, at_ms = random.Random(1), float(world.now_ms + AHEAD_MS)
        for barcode in barcodes(units):
            unit = world.plant.units[barcode] = Unit(barcode, "source")
            world.agenda.at(int(at_ms), lambda unit=unit: self._come(unit))
            at_ms += 1000 / per_second * chance.uniform(0.5, 1.5)

    def _come(self, unit: Unit) -> None:
        self._waiting.append(unit)
        self._offer()

    def _offer(self) -> None:
        self._world.sorter(SORTER).loop.offer(cast("ConveyorLine", self))  # all the loop asks of a line is `release`

    def release(self) -> Unit | None:
        """The carton whose turn it is; the next one offers itself."""
        unit = self._waiting.popleft() if self._waiting else None
        if self._waiting:
            self._world.agenda.at(self._world.now_ms, self._offer)
        return unit


async def serve(site: SiteSettings, units: int, per_second: float) -> Never:
    """Until terminated."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # at the end its clients are gone before it is told to stop
    floor = Floor(site, Options(seed=1))
    async with AsyncExitStack() as stack:
        await start_wires(site, floor, stack, None)
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(floor.run())
            await feed(floor, units, per_second)
            print("done", flush=True)
    raise AssertionError("the floor never stops by itself")


async def feed(floor: Floor, units: int, per_second: float) -> None:
    """Lets the cartons come, and waits until they lie in the lanes."""
    world = floor.world
    sorter = world.machines[SORTER]
    while not (sorter.running and sorter.online and not sorter.fallback):
        await asyncio.sleep(LOOK_S)
    floor.step()
    Source(world, units, per_second)
    while sum(len(lane.units) for lane in world.plant.lanes.values()) < units:
        await asyncio.sleep(LOOK_S)


if __name__ == "__main__":
    uvloop.run(serve(read_site(Path(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3])))
