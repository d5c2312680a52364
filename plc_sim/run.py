"""The world on real wires: one clock, a socket per PLC, a handheld per person. Ends cleanly when told to stop."""

import asyncio
import csv
import gc
import json
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from edge.settings import ConfigError, SiteSettings, read_tags
from plc_sim.codes import WORD
from plc_sim.events import Moved, PersonDone
from plc_sim.memory import Remembered, remember, restore
from plc_sim.modbus import ModbusServer
from plc_sim.opcua import OpcUaServer
from plc_sim.people import HandheldClient, http_client
from plc_sim.program import SCAN_MS
from plc_sim.roster import Worker, roster
from plc_sim.world import World

REPORTS_MAX = 8
"""Reports of one person that may wait for their handheld; a person makes one at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    seed: int = 1
    speed: int = 1
    clock_wall_ms: int = 0
    clock_site_ms: int = 0
    people: int = 0
    box_url: str = ""
    physical: Path | None = None
    actuations: Path | None = None
    data: Path | None = None
    certificates: tuple[str, ...] = ()


def read_physical(path: Path) -> dict[tuple[str, str], int]:
    """What lies where before the day: a CSV with sku, location, quantity. Raises ConfigError."""
    physical: dict[tuple[str, str], int] = {}
    findings = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                sku, location, quantity = (row.get(name) or "" for name in ("sku", "location", "quantity"))
                if sku and location and quantity.isdecimal():
                    physical[location, sku] = physical.get((location, sku), 0) + int(quantity)
                else:
                    findings.append(f"{path}:{line}: expected sku, location and a whole quantity")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        findings.append(f"{path}: cannot be read as a UTF-8 CSV file: {error}")
    if findings:
        raise ConfigError(findings[:20])
    return physical


class Floor:
    """The world kept at the time of the site clock; what people report goes to their handhelds."""

    def __init__(self, site: SiteSettings, options: Options) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._speed = options.speed
        self._wall_ms = options.clock_wall_ms or now_ms
        self._site_ms = options.clock_site_ms or self._wall_ms
        self._file: TextIO | None = None
        physical = read_physical(options.physical) if options.physical else {}
        memory = remember(options.actuations, physical) if options.actuations else Remembered(physical)
        boot = now_ms // 1000 % (WORD - 1) + 1
        log = self._log if options.actuations else None
        self.world = World(site, options.seed, options.speed, self.now_ms(), memory.physical, log, boot)
        restore(self.world.plant, memory)
        self.opcua: list[OpcUaServer] = []
        self._reports: dict[str, asyncio.Queue[PersonDone]] = {}

    def now_ms(self) -> int:
        """The site clock."""
        return self._site_ms + (time.time_ns() // 1_000_000 - self._wall_ms) * self._speed

    def step(self) -> None:
        """Let the world catch up with the clock."""
        self.world.advance(max(self.now_ms(), self.world.now_ms))
        for happening in self.world.drain():
            if isinstance(happening, PersonDone):
                self._reports[happening.person].put_nowait(happening)

    async def run(self) -> None:
        """One turn per PLC scan."""
        while True:
            self.step()
            for server in self.opcua:
                await server.show()
            await asyncio.sleep(SCAN_MS / 1000)

    def add(self, worker: Worker) -> None:
        """A person comes onto the floor."""
        self.world.add_person(worker.name, worker.location)
        self._reports[worker.name] = asyncio.Queue(REPORTS_MAX)

    def give(self, person: str, task: Mapping[str, object]) -> bool:
        """See people.Hands."""
        self.step()
        return self.world.give(person, task)

    def answered(self, person: str, task_id: str, reason: str) -> bool:
        """See people.Hands."""
        self.step()
        return self.world.answered(person, task_id, reason)

    async def done(self, person: str) -> PersonDone:
        """See people.Hands."""
        return await self._reports[person].get()

    @asynccontextmanager
    async def logging(self, path: Path | None) -> AsyncIterator[None]:
        """Keep the actuation log open."""
        if path is None:
            yield
            return
        with path.open("a", encoding="utf-8", buffering=1) as self._file:
            yield
        self._file = None

    def _log(self, moved: Moved) -> None:
        if self._file is not None:
            self._file.write(json.dumps(asdict(moved), separators=(",", ":")) + "\n")


async def start_wires(site: SiteSettings, floor: Floor, stack: AsyncExitStack, data: Path | None) -> list[str]:
    """A server per device (or per OPC UA url), closed by the stack; what is served where, for people to read."""
    served = []
    urls: dict[str, list[str]] = {}
    for machine in site.machines:
        device = site.devices[machine.device]
        if device.driver == "opcua":
            urls.setdefault(device.url, []).append(machine.machine_id)
            continue
        modbus = ModbusServer(device, read_tags(device.tags), floor.world.machines[machine.machine_id], floor.step)
        await modbus.start()
        stack.push_async_callback(modbus.stop)
        served.append(f"{machine.machine_id} modbus {device.host}:{modbus.port}")
    by_id = {machine.machine_id: site.devices[machine.device] for machine in site.machines}
    for url, names in urls.items():
        parts = [(by_id[name], read_tags(by_id[name].tags), floor.world.machines[name]) for name in names]
        opcua = OpcUaServer(url, parts, data)
        await opcua.start()
        stack.push_async_callback(opcua.stop)
        floor.opcua.append(opcua)
        served.append(f"{' '.join(names)} {url}")
    return served


async def serve(site: SiteSettings, options: Options, stop: asyncio.Event, ready: "asyncio.Future[str]") -> None:
    """Serve until `stop`; `ready` gets one line when every port is open. Raises OSError when one cannot be."""
    floor = Floor(site, options)
    workers = roster(site, options.people, options.certificates) if options.box_url else []
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(floor.logging(options.actuations))
        served = await start_wires(site, floor, stack, options.data)
        http = await stack.enter_async_context(http_client(options.box_url, len(workers)))
        gc.collect()
        gc.freeze()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(floor.run(), name="floor")]
            for worker in workers:
                floor.add(worker)
                client = HandheldClient(http, floor, worker, random.Random(f"{options.seed}:handheld:{worker.name}"))
                tasks.append(group.create_task(client.work(), name=worker.name))
            people = f", {len(workers)} people at {options.box_url}" if workers else ""
            ready.set_result(f"plc-sim ready: {', '.join(served)}{people}")
            await stop.wait()
            for task in tasks:
                task.cancel()
