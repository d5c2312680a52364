"""The floor of the scan benchmark: plc_sim's machines on real sockets, in a process of their own, and who feeds them.

    python -m tests.bench.floor SITE UNITS EVERY_MS

Says "ready" when every port is open, puts UNITS cartons onto the conveyor at random times around EVERY_MS apart as
soon as both machines run, and says "done" when the last of them lies in a lane.
"""

import asyncio
import random
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Never

import uvloop

from edge.settings import SiteSettings, read_site
from plc_sim.line import ConveyorLine
from plc_sim.loop import SorterLoop
from plc_sim.program import SCAN_MS
from plc_sim.run import Floor, Options, start_wires
from plc_sim.world import World

CONVEYOR, SORTER = "conveyor2", "sorter1"
LOOK_S = 0.05


def barcodes(units: int) -> list[str]:
    """The cartons' barcodes, known to both sides."""
    return [f"{950600012:010d}{n:08d}" for n in range(1, units + 1)]


class UnevenTransfer(SorterLoop):
    """Units cross onto the sorter up to a PLC cycle later or sooner.

    A conveyor lets go in the very moment of its PLC's cycle; without this every scan of the sorter would fall into the
    same moment of that cycle, and its latency would be the same number every time.
    """

    def __init__(self, world: World) -> None:  # the place where units arrive, not a second sorter
        self._world, self._chance = world, random.Random(2)

    def offer(self, line: ConveyorLine) -> None:
        sorter = self._world.sorter(SORTER).loop
        self._world.agenda.at(self._world.now_ms + self._chance.randrange(SCAN_MS), lambda: sorter.offer(line))


async def serve(site: SiteSettings, units: int, every_ms: int) -> Never:
    """Until terminated."""
    floor = Floor(site, Options(seed=1))
    floor.world.conveyor(CONVEYOR)._target = UnevenTransfer(floor.world)
    async with AsyncExitStack() as stack:
        await start_wires(site, floor, stack, None)
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(floor.run())
            await feed(floor, units, every_ms)
            print("done", flush=True)
    raise AssertionError("the floor never stops by itself")


async def feed(floor: Floor, units: int, every_ms: int) -> None:
    """Puts the cartons on, and waits until they lie in the lanes."""
    world, chance = floor.world, random.Random(1)
    machines = (world.machines[CONVEYOR], world.machines[SORTER])
    while not all(machine.running and machine.online for machine in machines):
        await asyncio.sleep(LOOK_S)
    for barcode in barcodes(units):
        await asyncio.sleep(every_ms * chance.uniform(0.5, 1.5) / 1000)
        floor.step()
        while not world.plant.place(CONVEYOR, barcode, "bench"):
            await asyncio.sleep(LOOK_S)
            floor.step()
    while sum(len(lane.units) for lane in world.plant.lanes.values()) < units:
        await asyncio.sleep(LOOK_S)


if __name__ == "__main__":
    uvloop.run(serve(read_site(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])))
