"""Scan to decision over real sockets, journal on: a sorter at 5, 20 and 50 scans a second, over Modbus and OPC UA.

One sorter of plc_sim runs in a child process and gets so many cartons a second at random times; this process is a box
with the WES only and no uplink. Each run has one protocol, one poll (publishing) interval and one rate. Between the
scans the bare round trip of the same protocol is measured (one word read, one written, by the library alone, on a
connection of its own). The ring of the handshake has four slots: a rate at which a PLC would need a fifth shows as
decisions the PLC took alone, or as an achieved rate below the offered one. Figures, in `runs`, one per run:

    protocol, poll_ms, offered_per_s
    achieved_per_s              scans a second, from the first to the last
    scans, no_decision          decisions measured by the PLC; units the PLC decided alone
    torn                        requests or reports caught while being written, each read again 20 ms later
    plc_ms{}                    scan -> decision taken over, by the PLC's own clock (its DecisionLatencyMs)
    edge_ms{}                   request seen by the edge -> decision written and answered
    round_trip_ms{}             the limit of edge_ms
    loop_lag_us{}, commit_us{}  of the box in the same run
    cycles_ms                   the PLC's scan cycles: it shows a request in one and takes a decision in one; this and
                                poll_ms are what the PLC's clock waits for in any case
    excess_ms                   plc p99 - poll_ms
    ratio_plc_p99_to_poll, ratio_plc_p99_to_waits (poll + cycles), ratio_edge_to_round_trip (p50),
    ratio_edge_p99_to_round_trip (p99), ratio_achieved_to_offered
"""

import asyncio
import contextlib
import io
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from edge.children import die_with_parent
from edge.journal import Journal, read_rows
from edge.messages import SortResult, UnitPacked, UnitScanned, UnitSorted
from edge.recovery import Recovered
from edge.runtime import Runtime
from edge.settings import DeviceSettings, PollSettings, SiteSettings
from edge.settings.site import SegmentSettings
from edge.uplink.broker import free_port
from plc_sim.program import SCAN_MS
from tests.bench import wires
from tests.bench.floor import SORTER, barcodes
from tests.bench.plants import Sim, box, on_free_ports, write_site
from tests.bench.yardstick import CONFIG, ROOT, EveryTime, Row, ratio, settled_collector, spread

WORDS = "Scan to decision over Modbus and OPC UA at 5, 20 and 50 scans a second, with the journal on"
PROBE_S = 0.25
START_S = 60.0
SETTLE_S = 1.0
"""The last reports are on their way when the last unit lies in its lane."""
HOUR_MS = 3_600_000
CYCLES = 2
"""Of the PLC: one until it shows a request, one until it takes a decision."""
BELTS: Sim = {
    SORTER: {
        "speed_mm_s": 15_000, "infeed_mm": 1000, "scanner_to_first_mm": 6000, "lane_pitch_mm": 300, "return_mm": 9000,
        "gap_mm": 50, "unit_mm": 50, "decision_timeout_ms": 250, "no_read_per_mille": 0, "horn_ms": 300,
    },
}  # fmt: skip
"""So fast that the belt is never what limits the rate: 150 units a second pass the scanner."""
ALONE = (SortResult.NO_DECISION, SortResult.LATE_DECISION, SortResult.INVALID_DEST, SortResult.HOST_OFFLINE)


@dataclass(frozen=True, slots=True)
class Sizes:
    links: Sequence[tuple[str, int]] = (("modbus", 20), ("modbus", 10), ("modbus", 5), ("opcua", 20))
    """Protocol and poll interval, ms."""
    scans: Mapping[int, int] = field(default_factory=lambda: {5: 1000, 20: 1500, 50: 3000})
    """By scans a second."""


NORMAL = Sizes()
QUICK = Sizes(links=(("modbus", 10), ("opcua", 20)), scans={20: 12})


def run(sizes: Sizes, data: Path) -> dict[str, Any]:
    """Measures; the figures."""
    runs = {}
    with settled_collector():
        for protocol, poll_ms in sizes.links:
            for per_second, scans in sizes.scans.items():
                with (
                    tempfile.TemporaryDirectory(dir=data) as folder,
                    asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
                ):
                    name = f"{protocol} {poll_ms} ms {per_second}/s"
                    runs[name] = runner.run(_run(Path(folder), protocol, poll_ms, per_second, scans))
    return {"runs": runs}


async def _run(folder: Path, protocol: str, poll_ms: int, per_second: int, scans: int) -> dict[str, Any]:
    site = site_of(protocol, poll_ms)
    write_site(site, folder)
    round_trips: list[float] = []
    async with AsyncExitStack() as stack:
        child = await stack.enter_async_context(floor(folder / "site.yaml", scans, per_second))
        journal = await stack.enter_async_context(Journal(folder / "journal.db", "dc1"))
        runtime = Runtime(box(folder), site, journal)
        runtime.figures = every = EveryTime()
        async with asyncio.TaskGroup() as group:
            with contextlib.redirect_stdout(io.StringIO()):  # "ready in"; not a figure of this run
                running = group.create_task(runtime.run(Recovered()))
                await know(runtime, site, scans)
            probing = group.create_task(probe(protocol, site.devices["plc"], round_trips))
            async with asyncio.timeout(START_S + 5 * scans / per_second):
                await said(child, b"done")
            await asyncio.sleep(SETTLE_S)
            probing.cancel()
            running.cancel()
    return figures(runtime, every, round_trips, protocol, poll_ms, per_second)


def site_of(protocol: str, poll_ms: int) -> SiteSettings:
    """The default site's sorter alone, behind a PLC with this protocol."""
    site = on_free_ports(BELTS, capacity=1000, on_machine_max=200)
    known: dict[str, Any] = {"driver": protocol, "tags": CONFIG / "tags" / f"sorter_{protocol}.csv"}
    known["poll"] = PollSettings(fast=poll_ms)
    if protocol == "modbus":
        known |= {"host": "127.0.0.1", "port": free_port()}
    else:
        url = f"opc.tcp://127.0.0.1:{free_port()}"
        known |= {"url": url, "root": "nsu=urn:wer:plc_sim:dc1;s=Sorter1", "insecure": True}
    machines = [each.model_copy(update={"device": "plc"}) for each in site.machines if each.machine_id == SORTER]
    zones = [zone.model_copy(update={"conveyor": ""}) for zone in site.zones]
    source = SegmentSettings(start=site.zones[0].pack_station, end=SORTER)
    more = {
        "segments": (source,),
        "devices": {"plc": DeviceSettings(**known)},
        "machines": tuple(machines),
        "zones": tuple(zones),
    }
    return site.model_copy(update=more)


@asynccontextmanager
async def floor(site: Path, scans: int, per_second: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The simulated sorter in a child process, listening."""
    command = (sys.executable, "-m", "tests.bench.floor", str(site), str(scans), str(per_second))
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


async def probe(protocol: str, device: DeviceSettings, round_trips: list[float]) -> None:
    """Bare round trips now and then, in the same loop as the box."""
    async with (wires.modbus if protocol == "modbus" else wires.opcua)(device) as round_trip:
        while True:
            round_trips.append(await round_trip())
            await asyncio.sleep(PROBE_S)


def figures(
    runtime: Runtime, every: EveryTime, round_trips: list[float], protocol: str, poll_ms: int, per_second: int
) -> dict[str, Any]:
    """What the journal, the equipment and the probe say."""
    messages = [row.message() for row in read_rows(runtime.journal.path) if row.kind in ("UnitScanned", "UnitSorted")]
    reports = [message for message in messages if isinstance(message, UnitSorted)]
    scanned_ms = [message.at_ms for message in messages if isinstance(message, UnitScanned)]
    assert runtime.machines is not None
    (thing,) = [thing for _, _, thing in runtime.machines._machines]
    decided = [report.decision_latency_ms for report in reports if report.decision_seq]
    plc_ms, edge_ms, bare_ms = spread(decided, 0), spread(list(thing.latency_ms), 2), spread(round_trips, 2)
    achieved = (len(scanned_ms) - 1) * 1000 / max(1, scanned_ms[-1] - scanned_ms[0])
    waits_ms = poll_ms + CYCLES * SCAN_MS
    return {
        "protocol": protocol,
        "poll_ms": poll_ms,
        "offered_per_s": per_second,
        "achieved_per_s": round(achieved, 1),
        "scans": len(decided),
        "no_decision": sum(report.result in ALONE for report in reports),
        "torn": thing.counts.torn,
        "plc_ms": plc_ms,
        "edge_ms": edge_ms,
        "round_trip_ms": bare_ms,
        "loop_lag_us": spread(every.kept["loop_lag_us"]),
        "commit_us": spread(every.kept["commit_us"]),
        "cycles_ms": CYCLES * SCAN_MS,
        "excess_ms": plc_ms["p99"] - poll_ms,
        "ratio_plc_p99_to_poll": ratio(plc_ms["p99"], poll_ms),
        "ratio_plc_p99_to_waits": ratio(plc_ms["p99"], waits_ms),
        "ratio_edge_to_round_trip": ratio(edge_ms["p50"], bare_ms["p50"]),
        "ratio_edge_p99_to_round_trip": ratio(edge_ms["p99"], bare_ms["p99"]),
        "ratio_achieved_to_offered": ratio(achieved, per_second),
    }


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for name, each in figures["runs"].items():
        plc, edge, bare = each["plc_ms"], each["edge_ms"], each["round_trip_ms"]
        alone = f", {each['no_decision']} alone" if each["no_decision"] else ""
        waits = each["poll_ms"] + each["cycles_ms"]
        by_edge = f"p50 {edge['p50']:.1f}, p99 {edge['p99']:.1f}, p99.9 {edge['p99_9']:.1f} ms"
        table += [
            Row(f"{name}, PLC's clock, {each['scans']} scans{alone}",
                f"p50 {plc['p50']:.0f}, p99 {plc['p99']:.0f}, p99.9 {plc['p99_9']:.0f} ms",
                f"poll + PLC cycles {waits} ms (p99)", each["ratio_plc_p99_to_waits"]),
            Row(f"{name}, seen to written", by_edge, f"bare read + write {bare['p50']:.1f} ms (p50)",
                each["ratio_edge_to_round_trip"]),
            Row(f"{name}, seen to written", by_edge, f"bare read + write {bare['p99']:.1f} ms (p99)",
                each["ratio_edge_p99_to_round_trip"]),
            Row(f"{name}, rate", f"{each['achieved_per_s']:.1f} scans a second", f"{each['offered_per_s']} offered",
                each["ratio_achieved_to_offered"]),
        ]  # fmt: skip
    return table
