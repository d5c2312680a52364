"""The world on real wires: one clock, a socket per PLC, a handheld per person. Ends cleanly when told to stop."""

import asyncio
import gc
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from edge.settings import ConfigError, MachineSettings, SiteSettings, read_tags
from plc_sim.control import door
from plc_sim.floor import Floor
from plc_sim.modbus import FUNCTIONS, READ_MAX, WRITE_MAX, Limits, ModbusServer
from plc_sim.opcua import OpcUaServer
from plc_sim.options import Options, read_physical
from plc_sim.people import HandheldClient, http_client
from plc_sim.roster import roster
from plc_sim.sim_settings import number
from plc_sim.vehicles import Fleet

__all__ = ["Floor", "Options", "read_physical", "serve", "start_wires"]


async def start_wires(site: SiteSettings, floor: Floor, stack: AsyncExitStack, data: Path | None) -> list[str]:
    """A server per Modbus port and per OPC UA url, closed by the stack; what is served where, for people to read."""
    served = []
    ports: dict[tuple[str, int], list[MachineSettings]] = {}
    urls: dict[str, list[MachineSettings]] = {}
    for machine in site.machines:
        device = site.devices[machine.device]
        if device.driver == "opcua":
            urls.setdefault(device.url, []).append(machine)
        else:
            ports.setdefault((device.host, device.port), []).append(machine)
    for (host, _), machines in ports.items():
        modbus = _modbus(site, floor, machines)
        names = [machine.machine_id for machine in machines]
        await modbus.start()
        stack.push_async_callback(modbus.stop)
        floor.wire(names, modbus)
        served.append(f"{' '.join(names)} modbus {host}:{modbus.port}")
    for url, machines in urls.items():
        names = [machine.machine_id for machine in machines]
        devices = [site.devices[machine.device] for machine in machines]
        parts = [
            (device, read_tags(device.tags), floor.world.machines[name])
            for device, name in zip(devices, names, strict=True)
        ]
        opcua = OpcUaServer(url, parts, data)
        await opcua.start()
        stack.push_async_callback(opcua.stop)
        floor.opcua.append(opcua)
        floor.wire(names, opcua)
        served.append(f"{' '.join(names)} {url}")
    return served


def _modbus(site: SiteSettings, floor: Floor, machines: Sequence[MachineSettings]) -> ModbusServer:
    """The server of one port; machines there are units of one gateway."""
    first, *others = [(site.devices[machine.device], floor.world.machines[machine.machine_id]) for machine in machines]
    device, program = first
    server = ModbusServer(device, read_tags(device.tags), program, floor.step, _limits(machines[0]))
    for more, other in others:
        server.add(more.unit, read_tags(more.tags), other)
    return server


def _limits(machine: MachineSettings) -> Limits:
    """What the simulated PLC can: `sim.modbus_functions` ("3 6 16 23"), `sim.modbus_read_max`, `..._write_max`."""
    known = " ".join(map(str, FUNCTIONS))
    given = str(machine.sim.get("modbus_functions", known)).split()
    if not set(given) <= set(known.split()):
        raise ConfigError(
            [f"machine {machine.machine_id}: sim.modbus_functions: {' '.join(given)} is not out of {known}"]
        )
    return Limits(
        functions=frozenset(int(code) for code in given),
        read_max=number(machine, "modbus_read_max", READ_MAX),
        write_max=number(machine, "modbus_write_max", WRITE_MAX),
    )


async def serve(site: SiteSettings, options: Options, stop: asyncio.Event, ready: "asyncio.Future[str]") -> None:
    """Serve until `stop`; `ready` gets one line when every port is open. Raises OSError when one cannot be."""
    floor = Floor(site, options)
    workers = roster(site, options.people, options.certificates) if options.box_url else []
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(floor.logging(options.actuations))
        served = await start_wires(site, floor, stack, options.data)
        fleet = Fleet(site, floor, options.speed, options.actuations)
        served += fleet.served
        await stack.enter_async_context(door(options.control, floor.control))
        http = await stack.enter_async_context(http_client(options.box_url, len(workers)))
        gc.collect()
        gc.freeze()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(floor.run(), name="floor"),
                group.create_task(floor.throw_switches(), name="links"),
                *fleet.tasks(group),
            ]
            for worker in workers:
                floor.add(worker)
                client = HandheldClient(http, floor, worker, random.Random(f"{options.seed}:handheld:{worker.name}"))
                tasks.append(group.create_task(client.work(), name=worker.name))
            people = f", {len(workers)} people at {options.box_url}" if workers else ""
            ready.set_result(f"plc-sim ready: {', '.join(served)}{people}")
            await stop.wait()
            for task in tasks:
                task.cancel()
