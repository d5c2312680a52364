"""The loss audit: a floor with a fault every few seconds, and afterwards the actuation log against the journal.

    python -m tests.bench audit [--seed 1] [--minutes 30] [--every 5] [--speed 10] [--json FILE]

The simulated machines run in a process of their own, with faults from the seed; this process is a box with the WES
only. Units go onto both conveyors (Modbus and OPC UA) and on to the sorter; commands go to all machines and jobs to the
robot, each with a number of its own, so that the log tells which of them was executed. Every eighth fault cuts a
machine off for longer than the edge waits to learn what became of a command. At the end the faults stop, what is under
way comes to rest, and `ledger` compares; it says what is counted, and how. Exit 1 when a promise was broken.
"""

import asyncio
import contextlib
import io
import itertools
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

import click
import uvloop
from rich.console import Console
from rich.table import Table

from edge.children import die_with_parent
from edge.equipment.mailbox import RESOLVE_MS
from edge.history import History
from edge.journal import Journal
from edge.messages import CommandMachine, MachineCommand, StartJob, UnitPacked
from edge.recovery import Recovered
from edge.runtime import Runtime
from edge.settings import ClockSettings, SiteSettings, read_site
from plc_sim.actuations import read_actuations
from plc_sim.faults import FaultRefused
from plc_sim.run import Floor, Options, start_wires
from tests.bench.ledger import Account, balance, job_key, order_key
from tests.bench.plants import Sim, box, on_free_ports, write_site
from tests.bench.yardstick import ROOT, EveryTime, spread

CONVEYORS, SORTER, ROBOT = ("conveyor1", "conveyor2"), "sorter1", "robot1"
UNIT_EVERY_S, ORDER_EVERY_S, JOB_EVERY_S = 0.3, 0.3, 2.0
UNITS_MAX = 3500
"""Of each conveyor; the lanes hold no more."""
CUT_EVERY = 8
CUT_S = (int(RESOLVE_MS / 1000) + 2, int(RESOLVE_MS / 1000) + 8)
CUTS = ("half_open", "hung", "refused")
"""Every so many faults a machine is cut off for so long, in one of these ways."""
LET_GO = 5
"""So often, for a machine may be cut off just then."""
START_S = 180.0
REST_S = 60.0
"""How long units may take to come to rest when the faults have stopped."""
LOOK_S = 0.2
HOUR_MS = 3_600_000
HORN = {"horn_ms": 300}
SLOW: Sim = {
    **dict.fromkeys((*CONVEYORS, ROBOT), HORN),
    SORTER: {**HORN, "decision_timeout_ms": 2000, "scanner_to_first_mm": 32_000, "no_read_per_mille": 0},
}
"""The sorter waits longer, and at ten times its speed has so long a way: how quick an answer is, `bench scan` asks."""
ROOM = 1000
TIMES = ("commit_us", "loop_lag_us")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    seed: int = 1
    minutes: float = 30.0
    every_s: float = 5.0
    speed: int = 10

    @property
    def units(self) -> int:
        """Of each conveyor."""
        return min(UNITS_MAX, int(self.minutes * 60 / UNIT_EVERY_S / len(CONVEYORS)))


def barcodes(plan: Plan, conveyor: str) -> list[str]:
    """The cartons of a conveyor, known to both sides."""
    first = CONVEYORS.index(conveyor) * 10_000_000
    return [f"{950600013:010d}{first + n:08d}" for n in range(1, plan.units + 1)]


# The floor, a process of its own


async def floor_process(plan: Plan, folder: Path) -> Never:
    """Serves the machines with faults; says "ready", and "done" when everything has come to rest."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it says at length which connections our faults have cut
    site = read_site(folder / "site.yaml")
    wall_ms = int((folder / "clock").read_text())
    options = Options(
        seed=plan.seed, speed=plan.speed, clock_wall_ms=wall_ms, clock_site_ms=wall_ms,
        actuations=folder / "actuations.jsonl", physical=folder / "physical.csv", data=folder,
    )  # fmt: skip
    floor = Floor(site, options)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(floor.logging(options.actuations))
        await start_wires(site, floor, stack, folder)
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(floor.run())
            group.create_task(floor.throw_switches())
            await at_work(floor)
            print("running", flush=True)
            stop = time.monotonic() + plan.minutes * 60
            async with asyncio.TaskGroup() as doing:
                doing.create_task(trouble(floor, plan, stop))
                for conveyor in CONVEYORS:
                    doing.create_task(feed(floor, conveyor, barcodes(plan, conveyor), stop))
            await rest(floor)
            print("done", flush=True)
    raise AssertionError("the floor never stops by itself")


async def at_work(floor: Floor) -> None:
    while not all(machine.running and machine.online for machine in floor.world.machines.values()):
        await asyncio.sleep(LOOK_S)


async def trouble(floor: Floor, plan: Plan, stop: float) -> None:
    """A fault every so often, chosen by the seed."""
    dice = random.Random(f"{plan.seed}:faults")
    for number in itertools.count(1):
        await asyncio.sleep(plan.every_s * dice.uniform(0.5, 1.5))
        if time.monotonic() >= stop:
            return
        floor.step()
        if number % CUT_EVERY:
            floor.troubles.draw_one(dice)
        else:
            cut_off(floor, dice)


def cut_off(floor: Floor, dice: random.Random) -> None:
    """A machine nobody reaches for a while."""
    name, kinds, seconds = dice.choice([*CONVEYORS, SORTER, ROBOT]), dice.sample(CUTS, len(CUTS)), dice.randint(*CUT_S)
    for kind in kinds:
        with contextlib.suppress(FaultRefused):
            floor.troubles.begin(name, kind, {}, seconds)
            return


async def feed(floor: Floor, conveyor: str, units: list[str], stop: float) -> None:
    """One carton after the other, as long as there is room and time."""
    for barcode in units:
        await asyncio.sleep(UNIT_EVERY_S * len(CONVEYORS))
        floor.step()
        while time.monotonic() < stop and not floor.world.plant.place(conveyor, barcode, "audit"):
            await asyncio.sleep(LOOK_S)
            floor.step()
        if time.monotonic() >= stop:
            return  # what had no room in time would keep the long run from ending


async def rest(floor: Floor) -> None:
    """Until no fault is left and nothing moves, or nobody would wait any longer."""
    last = time.monotonic() + REST_S
    while time.monotonic() < last:
        await asyncio.sleep(LOOK_S)
        troubled = any(floor.troubles.active(name) for name in floor.troubles.targets)
        places = {unit.place for unit in floor.world.plant.units.values()}
        if not troubled and all("/L" in place or place.endswith("/floor") for place in places):
            return


# The edge, in this process


async def audit(plan: Plan, folder: Path) -> list[Account]:
    """Runs it; the accounts of all machines."""
    site = on_free_ports(SLOW, capacity=ROOM, on_machine_max=200)
    wall_ms = time.time_ns() // 1_000_000
    (folder / "clock").write_text(str(wall_ms))
    slots = [f"R-01-{bay:02}-1" for bay in range(1, 11)]
    (folder / "physical.csv").write_text("sku,location,quantity\n" + "".join(f"S,{slot},100000\n" for slot in slots))
    write_site(site, folder)
    clock = ClockSettings(speed=plan.speed, start_wall_ms=wall_ms, start_site_ms=wall_ms)
    asked: list[str] = []
    async with AsyncExitStack() as stack:
        child = await stack.enter_async_context(floor(plan, folder))
        journal = await stack.enter_async_context(Journal(folder / "journal.db", "dc1"))
        runtime = Runtime(box(folder, clock=clock), site, journal)
        runtime.figures = every = EveryTime()
        async with asyncio.TaskGroup() as group:
            with contextlib.redirect_stdout(io.StringIO()):  # "ready in"
                edge = group.create_task(runtime.run(Recovered()))
                await know(runtime, site, plan)
            await said(child, b"running", START_S)
            giving = group.create_task(give(runtime, plan, slots, asked))
            await asyncio.sleep(plan.minutes * 60)
            giving.cancel()
            await let_go(runtime)
            await said(child, b"done", 2 * REST_S + START_S)
            await settle(folder, asked)
            edge.cancel()
    (folder / "box.json").write_text(json.dumps({name: spread(every.kept[name]) for name in TIMES}))
    return read(plan, folder, site, asked)


def read(plan: Plan, folder: Path, site: SiteSettings, asked: list[str]) -> list[Account]:
    """The accounts, from the two files alone."""
    journal = [message for _, message in History([folder / "journal.db"]).new()]
    log = list(read_actuations(folder / "actuations.jsonl"))
    devices = {machine.machine_id: site.devices[machine.device] for machine in site.machines}
    servers = {name: device.url or f"{device.host}:{device.port}" for name, device in devices.items()}
    return balance(servers, log, journal, asked, plan.speed)


@contextlib.asynccontextmanager
async def floor(plan: Plan, folder: Path) -> Any:
    """The floor's process, listening."""
    args = (folder, plan.seed, plan.minutes, plan.every_s, plan.speed)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.audit", "floor", *map(str, args), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, preexec_fn=die_with_parent,
    )  # fmt: skip
    try:
        await said(child, b"ready", START_S)
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def said(child: asyncio.subprocess.Process, word: bytes, limit_s: float) -> None:
    assert child.stdout is not None
    async with asyncio.timeout(limit_s):
        while line := await child.stdout.readline():
            if line.strip() == word:
                return
    raise RuntimeError(f"the floor ended before it said {word.decode()}")


async def know(runtime: Runtime, site: SiteSettings, plan: Plan) -> None:
    """Tells the box about the packed units, spread over every route."""
    routes = sorted({route for machine in site.machines for lane in machine.lanes for route in lane.routes})
    now_ms = runtime.now_ms()
    for barcode in (each for conveyor in CONVEYORS for each in barcodes(plan, conveyor)):
        packed = UnitPacked(
            at_ms=now_ms, hu_id=barcode, order_id=f"O{barcode}", site=site.site, departure_id="AUDIT", contents=(),
            route=routes[int(barcode) % len(routes)], due_ms=now_ms + 100 * HOUR_MS, weight_g=500,
        )  # fmt: skip
        await runtime.report(packed)


async def give(runtime: Runtime, plan: Plan, slots: list[str], asked: list[str]) -> None:
    """Commands and jobs, each with a number that comes back in the log; past the WES, whose business is another."""
    assert runtime.machines is not None
    dice, jobs_at = random.Random(f"{plan.seed}:orders"), 0.0
    held: Counter[str] = Counter()
    for number in itertools.count(1):
        await asyncio.sleep(ORDER_EVERY_S * dice.uniform(0.5, 1.5))
        machine = dice.choice((*CONVEYORS, SORTER, ROBOT))
        code = choose(machine, held, dice)
        asked.append(key := order_key(machine, number))
        runtime.machines.act(
            CommandMachine(
                at_ms=runtime.now_ms(), machine_id=machine, command=code,
                args=(dice.randint(1, 8), number >> 16, number & 0xFFFF), request_id=f"audit:{key}",
            )
        )  # fmt: skip
        if time.monotonic() >= jobs_at:
            jobs_at = time.monotonic() + JOB_EVERY_S
            asked.append(job_key(ROBOT, number))
            runtime.machines.act(
                StartJob(
                    at_ms=runtime.now_ms(), machine_id=ROBOT, job_id=number, task_id=f"audit:{number}",
                    source=dice.choice(slots), sku="S", hu_id=f"H{number}", quantity=1,
                )
            )  # fmt: skip


async def let_go(runtime: Runtime) -> None:
    """What was held last goes on, or its units never come to rest; a machine that runs refuses it."""
    assert runtime.machines is not None
    for _ in range(LET_GO):
        for machine in (*CONVEYORS, ROBOT):
            unhold = CommandMachine(at_ms=runtime.now_ms(), machine_id=machine, command=MachineCommand.UNHOLD, args=())
            runtime.machines.act(unhold)
        await asyncio.sleep(JOB_EVERY_S)


def choose(machine: str, held: Counter[str], dice: random.Random) -> MachineCommand:
    """A command the machine has; one that was held is told to go on until it certainly does."""
    if held[machine]:
        held[machine] -= 1
        return MachineCommand.UNHOLD
    if machine != SORTER and dice.random() < (0.1 if machine in CONVEYORS else 0.4):
        held[machine] = 2
        return MachineCommand.HOLD
    if machine == ROBOT:
        return dice.choice((MachineCommand.UNHOLD, MachineCommand.CLEAR))
    if machine in CONVEYORS:
        return MachineCommand.CLEAR_JAM
    lanes = (MachineCommand.LANE_DISABLE, MachineCommand.LANE_ENABLE, MachineCommand.LANE_ENABLE)
    return dice.choice((*lanes, MachineCommand.CLEAR_JAM))


async def settle(folder: Path, asked: list[str]) -> None:
    """Until the last reports and the ends of all orders are in the journal; whatever is missing then is missing."""
    history, ends, last = History([folder / "journal.db"]), 0, time.monotonic() + REST_S
    while ends < len(asked) and time.monotonic() < last:
        await asyncio.sleep(2.0)
        for _, message in history.new():
            request = getattr(message, "request_id", "")
            ends += type(message).__name__ == "JobEnded"
            ends += type(message).__name__ == "CommandEnded" and request.startswith("audit:")


def show(console: Console, accounts: list[Account]) -> None:
    """The table: one column per machine; then what broke a promise."""
    table = Table()
    table.add_column("what")
    for account in accounts:
        table.add_column(account.machine_id, justify="right")
    for name in list(accounts[0].figures())[1:]:
        table.add_row(name, *(str(account.figures()[name]) for account in accounts))
    console.print(table)
    for account in accounts:
        for line in account.detail[:20]:
            console.print(line)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--seed", default=1, show_default=True, help="Of the faults and of the orders.")
@click.option("--minutes", default=30.0, show_default=True, type=click.FloatRange(0.1, 1000))
@click.option("--every", "every_s", default=5.0, show_default=True, type=click.FloatRange(0.5, 3600), help="s, faults.")
@click.option("--speed", default=10, show_default=True, type=click.IntRange(1, 20), help="Of the belts.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures here.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep log and journal in this folder.")
def main(seed: int, minutes: float, every_s: float, speed: int, json_file: Path | None, keep: Path | None) -> None:
    """Faults from a seed for so long, then the actuation log against the journal; exit 1 if a promise was broken."""
    logging.getLogger("edge").setLevel(logging.CRITICAL)  # of every link that we cut it would say so
    plan = Plan(seed, minutes, every_s, speed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        accounts = uvloop.run(audit(plan, folder))
        times = json.loads((folder / "box.json").read_text())
    console = Console(width=None if sys.stdout.isatty() else 120)
    show(console, accounts)
    for name, each in times.items():  # a box that waits for its disk half a second answers nobody in time
        console.print(f"{name}: p50 {each['p50']:.0f}, p99 {each['p99']:.0f}, max {each['max']:.0f}")
    if json_file is not None:
        rows = [account.figures() | {"broken": account.broken()} for account in accounts]
        json_file.write_text(
            json.dumps({"seed": seed, "minutes": minutes, "machines": rows} | times, sort_keys=True) + "\n"
        )
    sys.exit(any(account.broken() for account in accounts))


if __name__ == "__main__":
    if sys.argv[1:2] == ["floor"]:
        given = sys.argv[3:]
        uvloop.run(
            floor_process(Plan(int(given[0]), float(given[1]), float(given[2]), int(given[3])), Path(sys.argv[2]))
        )
    else:
        main(prog_name="./run bench audit")
