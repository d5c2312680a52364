"""Scan to decision over real sockets, journal on: a conveyor over OPC UA hands units to a sorter over Modbus.

The machines of config/site.yaml run in a child process with fast belts; this process is a box with the WES only and no
uplink. Each unit is scanned twice: at the conveyor's exit (OPC UA) and on the sorter (Modbus). The bare round trip of
the protocol (one word read, one written, by the library alone) is measured between the scans. Figures:

    units, loop_lag_us{}, commit_us{}       commits of the box in the same run
    modbus{}, opcua{}:
        scans, no_decision          decisions measured by the PLC; units the PLC decided alone (must be 0)
        torn                        requests or reports caught while being written, each read again 20 ms later
        plc_ms{}                    scan -> decision taken over, by the PLC's own clock (its DecisionLatencyMs)
        edge_ms{}                   request seen by the edge -> decision written and answered
        round_trip_ms{}             the limit of edge_ms
        poll_ms, cycles_ms          what the PLC's clock waits for in any case: our poll (publishing) interval, and
                                    the PLC's scan cycles (it shows a request in one and takes a decision in one)
        excess_ms                   plc p99 - poll_ms
        ratio_plc_p99_to_poll, ratio_plc_p99_to_waits (poll + cycles), ratio_edge_to_round_trip (p50),
        ratio_edge_p99_to_round_trip (p99)
"""

import asyncio
import contextlib
import io
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from edge.children import die_with_parent
from edge.journal import Journal, read_rows
from edge.messages import SortResult, UnitPacked, UnitSorted
from edge.recovery import Recovered
from edge.runtime import Runtime
from edge.settings import DeviceSettings, ProcessSettings, SiteSettings
from plc_sim.program import SCAN_MS
from tests.bench import wires
from tests.bench.floor import CONVEYOR, SORTER, barcodes
from tests.bench.plants import on_free_ports
from tests.bench.yardstick import ROOT, EveryTime, Row, ratio, settled_collector, spread

WORDS = "Scan to decision over Modbus and OPC UA, with the journal on"
PROBE_S = 0.25
START_S = 30.0
SETTLE_S = 1.0
"""The last reports are on their way when the last unit lies in its lane."""
HOUR_MS = 3_600_000
CYCLES = 2
"""Of the PLC: one until it shows a request, one until it takes a decision."""
BELTS: dict[str, dict[str, int | str]] = {
    CONVEYOR: {"zones": 2, "zone_mm": 150, "speed_mm_s": 3000, "infeed_max": 50},
    SORTER: {
        "speed_mm_s": 3000, "infeed_mm": 1000, "scanner_to_first_mm": 2000, "lane_pitch_mm": 300, "return_mm": 5000,
        "gap_mm": 100, "unit_mm": 100, "decision_timeout_ms": 250, "no_read_per_mille": 0,
    },
}  # fmt: skip
ALONE = (SortResult.NO_DECISION, SortResult.LATE_DECISION, SortResult.INVALID_DEST, SortResult.HOST_OFFLINE)


@dataclass(frozen=True, slots=True)
class Sizes:
    units: int = 1000
    every_ms: int = 150


NORMAL = Sizes()
QUICK = Sizes(units=12, every_ms=100)


def run(sizes: Sizes, data: Path) -> dict[str, Any]:
    """Measures; the figures."""
    with (
        tempfile.TemporaryDirectory(dir=data) as folder,
        settled_collector(),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_run(sizes, Path(folder)))


async def _run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    site = on_free_ports(BELTS, capacity=1000, on_machine_max=200)
    (folder / "site.yaml").write_text(site.model_dump_json(by_alias=True, warnings=False))
    process = ProcessSettings(schema="edge/process/1", name="dc1", systems=("wes",), site="site.yaml", data=folder)
    probes: dict[str, list[float]] = {"modbus": [], "opcua": []}
    limit_s = START_S + sizes.units * (sizes.every_ms + 200) / 1000
    async with AsyncExitStack() as stack:
        child = await stack.enter_async_context(floor(folder / "site.yaml", sizes))
        journal = await stack.enter_async_context(Journal(folder / "journal.db", "dc1"))
        runtime = Runtime(process, site, journal)
        runtime.figures = every = EveryTime()
        async with asyncio.TaskGroup() as group:
            with contextlib.redirect_stdout(io.StringIO()):  # "ready in"; not a figure of this run
                box = group.create_task(runtime.run(Recovered()))
                await know(runtime, site, sizes.units)
            probing = group.create_task(probe(site, probes))
            async with asyncio.timeout(limit_s):
                await said(child, b"done")
            await asyncio.sleep(SETTLE_S)
            probing.cancel()
            box.cancel()
    return figures(site, runtime, every, probes) | {"units": sizes.units}


@asynccontextmanager
async def floor(site: Path, sizes: Sizes) -> AsyncIterator[asyncio.subprocess.Process]:
    """The simulated machines in a child process, listening."""
    command = (sys.executable, "-m", "tests.bench.floor", str(site), str(sizes.units), str(sizes.every_ms))
    child = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, preexec_fn=die_with_parent
    )
    try:
        async with asyncio.timeout(START_S):
            await said(child, b"ready")
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def said(child: asyncio.subprocess.Process, word: bytes) -> None:
    assert child.stdout is not None
    while line := await child.stdout.readline():
        if line.strip() == word:
            return
    raise RuntimeError(f"the floor ended before it said {word.decode()}")


async def know(runtime: Runtime, site: SiteSettings, units: int) -> None:
    """Tells the box about the packed units, spread over every route; returns when all are on disk."""
    routes = sorted({route for machine in site.machines for lane in machine.lanes for route in lane.routes})
    now_ms = runtime.now_ms()
    for number, barcode in enumerate(barcodes(units)):
        packed = UnitPacked(
            at_ms=now_ms, hu_id=barcode, order_id=f"O{number}", site=site.site, route=routes[number % len(routes)],
            departure_id="BENCH", due_ms=now_ms + HOUR_MS, contents=(), weight_g=500,
        )  # fmt: skip
        await runtime.report(packed)


def device_of(site: SiteSettings, machine_id: str) -> DeviceSettings:
    """The PLC behind a machine."""
    return site.devices[next(each.device for each in site.machines if each.machine_id == machine_id)]


async def probe(site: SiteSettings, probes: dict[str, list[float]]) -> None:
    """Bare round trips, one of each protocol at a time, in the same loop as the box."""
    sorter, conveyor = device_of(site, SORTER), device_of(site, CONVEYOR)
    async with wires.modbus(sorter) as over_modbus, wires.opcua(conveyor) as over_opcua:
        while True:
            probes["modbus"].append(await over_modbus())
            await asyncio.sleep(PROBE_S / 2)
            probes["opcua"].append(await over_opcua())
            await asyncio.sleep(PROBE_S / 2)


def figures(site: SiteSettings, runtime: Runtime, every: EveryTime, probes: dict[str, list[float]]) -> dict[str, Any]:
    """What the journal, the equipment and the probes say."""
    messages = [row.message() for row in read_rows(runtime.journal.path) if row.kind == "UnitSorted"]
    reports = [message for message in messages if isinstance(message, UnitSorted)]
    assert runtime.machines is not None
    things = {machine.machine_id: thing for machine, _, thing in runtime.machines._machines}
    wire: dict[str, Any] = {}
    for name, machine_id in (("modbus", SORTER), ("opcua", CONVEYOR)):
        mine = [report for report in reports if report.machine_id == machine_id]
        poll_ms = device_of(site, machine_id).poll.fast
        edge_ms, torn = list(things[machine_id].latency_ms), things[machine_id].counts.torn
        wire[name] = {"torn": torn} | _figures(mine, edge_ms, probes[name], poll_ms, CYCLES * SCAN_MS)
    return {key: spread(every.kept[key]) for key in ("loop_lag_us", "commit_us")} | wire


def _figures(
    reports: Sequence[UnitSorted], edge: list[float], bare: list[float], poll_ms: int, cycles_ms: int
) -> dict[str, Any]:
    decided = [report.decision_latency_ms for report in reports if report.decision_seq]
    plc_ms, edge_ms, round_trip_ms = spread(decided, 0), spread(edge, 2), spread(bare, 2)
    return {
        "scans": len(decided),
        "no_decision": sum(report.result in ALONE for report in reports),
        "plc_ms": plc_ms,
        "edge_ms": edge_ms,
        "round_trip_ms": round_trip_ms,
        "poll_ms": poll_ms,
        "cycles_ms": cycles_ms,
        "excess_ms": plc_ms["p99"] - poll_ms,
        "ratio_plc_p99_to_poll": ratio(plc_ms["p99"], poll_ms),
        "ratio_plc_p99_to_waits": ratio(plc_ms["p99"], poll_ms + cycles_ms),
        "ratio_edge_to_round_trip": ratio(edge_ms["p50"], round_trip_ms["p50"]),
        "ratio_edge_p99_to_round_trip": ratio(edge_ms["p99"], round_trip_ms["p99"]),
    }


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for name, label in (("modbus", "Modbus sorter"), ("opcua", "OPC UA conveyor")):
        each = figures[name]
        plc, edge, bare = each["plc_ms"], each["edge_ms"], each["round_trip_ms"]
        by_plc = f"p50 {plc['p50']:.0f}, p99 {plc['p99']:.0f}, p99.9 {plc['p99_9']:.0f} ms"
        by_edge = f"p50 {edge['p50']:.1f}, p99 {edge['p99']:.1f}, p99.9 {edge['p99_9']:.1f} ms"
        poll, waits = each["poll_ms"], each["poll_ms"] + each["cycles_ms"]
        table += [
            Row(f"{label}, PLC's clock, {each['scans']} scans", by_plc, f"poll interval {poll} ms (p99)",
                each["ratio_plc_p99_to_poll"]),
            Row(f"{label}, PLC's clock", by_plc, f"poll + PLC cycles {waits} ms (p99)",
                each["ratio_plc_p99_to_waits"]),
            Row(f"{label}, seen to written", by_edge, f"bare read + write {bare['p50']:.1f} ms (p50)",
                each["ratio_edge_to_round_trip"]),
            Row(f"{label}, seen to written", by_edge, f"bare read + write {bare['p99']:.1f} ms (p99)",
                each["ratio_edge_p99_to_round_trip"]),
        ]  # fmt: skip
    return table
