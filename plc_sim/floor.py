"""The floor on real sockets: the world kept at the time of the site clock, and everything that asks something of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Never, TextIO

from edge.settings import SiteSettings
from plc_sim.actuations import Actuation, line_of, open_log
from plc_sim.codes import WORD
from plc_sim.control import listed
from plc_sim.events import PersonDone
from plc_sim.faults import FaultRefused
from plc_sim.links import Chore, Link
from plc_sim.memory import Remembered, remember, restore
from plc_sim.modbus import ModbusServer
from plc_sim.opcua import OpcUaServer
from plc_sim.options import Options, read_physical
from plc_sim.program import SCAN_MS
from plc_sim.roster import Worker
from plc_sim.troubles import Troubles
from plc_sim.vehicle import Vehicle
from plc_sim.world import World

REPORTS_MAX = 8
"""Reports of one person that may wait for their handheld; a person makes one at a time."""
CHORES_MAX = 64
"""Switches of links that wait to be thrown."""


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
        self._began_ms = self.now_ms()
        self.world = World(site, options.seed, options.speed, self._began_ms, memory.physical, log, boot)
        restore(self.world.plant, memory)
        self.troubles = Troubles(self.world, options.speed)
        if options.faults is not None:
            self.troubles.draw(options.faults)
        self.opcua: list[OpcUaServer] = []
        self._servers: dict[str, object] = {}
        self._chores: asyncio.Queue[Chore] = asyncio.Queue(CHORES_MAX)
        self._reports: dict[str, asyncio.Queue[PersonDone]] = {}

    def now_ms(self) -> int:
        """The site clock."""
        return self._site_ms + (time.time_ns() // 1_000_000 - self._wall_ms) * self._speed

    def step(self) -> None:
        """Let the world catch up with the clock, to the latest whole scan of the PLCs: they show nothing in between."""
        now_ms = self.now_ms()
        past_ms = (now_ms - self._began_ms) % (SCAN_MS * self._speed)
        self.world.advance(max(now_ms - past_ms, self.world.now_ms))
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

    def wire(self, names: Iterable[str], server: object) -> None:
        """These machines are served there."""
        link = Link(server, self._do)
        for name in names:
            self.troubles.wire(name, link)
            self._servers[name] = server

    def _do(self, chore: Chore) -> None:
        try:
            self._chores.put_nowait(chore)
        except asyncio.QueueFull:
            raise FaultRefused(f"{CHORES_MAX} switches of links wait already; try again later") from None

    async def throw_switches(self) -> Never:
        """Whatever about links takes a moment, one after the other."""
        while True:
            chore = await self._chores.get()
            await chore()

    def control(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answers the control door. Raises FaultRefused."""
        self.step()
        verb, machine, kind = (str(asked.get(name, "")) for name in ("do", "machine", "kind"))
        if verb == "list":
            return {"faults": listed()}
        if verb == "status":
            return self._status()
        if verb == "end":
            return {"said": self.troubles.end(machine, kind)}
        if verb != "fault":
            raise FaultRefused(f"{verb!r} cannot be done; fault, end, status and list can")
        given, seconds = asked.get("given") or {}, asked.get("seconds")
        if not isinstance(given, dict) or not isinstance(seconds, int | float | None):
            raise FaultRefused("given is an object and seconds a number")
        return {"said": self.troubles.begin(machine, kind, given, seconds)}

    def _status(self) -> dict[str, Any]:
        machines = []
        for name, target in self.troubles.targets.items():
            program, server = self.world.machines.get(name), self._servers.get(name)
            row: dict[str, Any] = {"machine": name, "faults": self.troubles.active(name)}
            if program is not None:
                row |= {
                    "state": program.state.name,
                    "reason": program.reason,
                    "boot": program.boot,
                    "host": "online" if program.online else "offline",
                    "fallback": program.fallback,
                    "estop": program.tripped,
                    "refused_writes": program.refused_writes,
                }
            if isinstance(target.thing, Vehicle):
                row |= target.thing.status()
            if isinstance(server, ModbusServer):
                row["connections"] = server.connections
            machines.append(row)
        troubles = {"begun": self.troubles.begun, "skipped": self.troubles.skipped}
        units = len(self.world.plant.units)
        return {"now_ms": self.world.now_ms, "units": units, "faults": troubles, "machines": machines}

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
        with open_log(path) as self._file:
            yield
        self._file = None

    def _log(self, actuation: Actuation) -> None:
        if self._file is not None:
            self._file.write(line_of(actuation) + "\n")
