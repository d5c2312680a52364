"""What reading tags costs: how many a second, and how much of a core 10 000 of them take when each is read each second.

The edge's own link (`edge.plc`) keeps a process image of a device in another process, next to a bare client that does
the same reads and throws away what it gets: raw asyncio streams, no library. They take turns. Figures:

    tags, rounds            how many tags there are, and how often each was measured
    modbus{}:
        requests                    reads that all tags take
        tags_per_s{}                as fast as it goes: ours, bare (medians)
        cpu_us_per_tag{}            CPU of the client meanwhile: ours, bare
        cpu_percent_1s{}            of one core, all tags read once a second: ours, bare
        cpu_percent_10000_tags_1s   ours, scaled to 10 000 tags
        cycle_ms{}                  plan, and the interval between two cycles as the link itself measured it
        ratio_time_to_bare          bare tags per second / ours
        ratio_cpu_to_bare           at one read a second
    opcua{}: every tag changes once a second and is subscribed at one second; bare is asyncua's own subscription
        tags_per_s{}, cpu_us_per_tag{}, cpu_percent_1s{}, cpu_percent_10000_tags_1s, ratio_cpu_to_bare: as above
"""

import asyncio
import contextlib
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import uvloop

from edge.children import die_with_parent
from edge.plc import modbus
from edge.plc.image import ProcessImage
from edge.plc.planner import Block, plan_reads
from edge.settings import DeviceSettings, PollSettings, Tag
from tests.bench import subscribed
from tests.bench.yardstick import ROOT, Row, ratio, settled_collector

WORDS = "Tags a second, and the CPU that 10 000 tags take, over Modbus and OPC UA"
START_S = 30.0
SCALE_TAGS = 10_000
PERIOD_MS = 1000
FLAT_OUT_MS = 1
HEAD = 7


@dataclass(frozen=True, slots=True)
class Sizes:
    tags: int = 10_000
    rounds: int = 5
    seconds: float = 4.0


NORMAL = Sizes()
QUICK = Sizes(tags=300, rounds=1, seconds=0.6)


def run(sizes: Sizes, data: Path) -> dict[str, Any]:
    """Measures; the figures. Writes nothing."""
    with settled_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return {
            "tags": sizes.tags,
            "rounds": sizes.rounds,
            "modbus": runner.run(_modbus(sizes)),
            "opcua": runner.run(subscribed.measure(sizes.tags, sizes.rounds, sizes.seconds)),
        }


@dataclass(slots=True)
class Spent:
    """Tags read, and the wall and CPU seconds that took."""

    tags: int
    wall_s: float
    cpu_s: float


async def spent(work: Callable[[], Awaitable[int]]) -> Spent:
    """What one piece of work took; `work` says how many tags it has read."""
    wall_s, cpu_s = perf_counter(), process_time()
    tags = await work()
    return Spent(tags, perf_counter() - wall_s, process_time() - cpu_s)


# Modbus


def registers(count: int) -> list[Tag]:
    """Neighbouring tags as devices have them: mostly words, some double words, bit fields and floats."""
    kinds = ("uint16", "uint16", "uint16", "int16", "uint32", "bits", "uint16", "float32", "uint16", "uint32")
    tags, address = [], 0
    for number in range(count):
        kind = kinds[number % len(kinds)]
        fields = {"table": "holding", "address": address, "type": kind, "poll_class": "normal"}
        tags.append(Tag.model_validate({"name": f"T{number}", **fields}))
        address += tags[-1].words
    return tags


@asynccontextmanager
async def device() -> AsyncIterator[int]:
    """The device in a child process; its port."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.registers", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        preexec_fn=die_with_parent,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            port = int(await child.stdout.readline())
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def bare_reads(port: int, blocks: Sequence[Block], period_s: float, seconds: float) -> int:
    """The same reads, one after the other, without looking at the answers; how many tags that were."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    requests = [
        (struct.pack(">HHHBBHH", at % 65_536, 0, 6, 1, 3, block.address, block.count), 2 + 2 * block.count)
        for at, block in enumerate(blocks)
    ]
    tags = sum(len(block.tags) for block in blocks)
    until, done = perf_counter() + seconds, 0
    while perf_counter() < until:
        began = perf_counter()
        for request, answer in requests:
            writer.write(request)
            await reader.readexactly(HEAD + answer)
        done += tags
        await asyncio.sleep(max(0.0, began + period_s - perf_counter()))
    writer.transport.abort()
    return done


@asynccontextmanager
async def linked(port: int, tags: Sequence[Tag], period_ms: int) -> AsyncIterator[ProcessImage]:
    """The edge's link, good."""
    settings = DeviceSettings(
        driver="modbus", tags=Path("none.csv"), port=port, poll=PollSettings(normal=period_ms), timeout_ms=2000
    )
    image = ProcessImage(tags)
    async with asyncio.TaskGroup() as group:
        link = group.create_task(modbus.keep(settings, tags, image))
        async with asyncio.timeout(START_S):
            while not image.good:
                await asyncio.sleep(0.01)
        yield image
        link.cancel()


async def our_reads(image: ProcessImage, requests: int, seconds: float) -> int:
    """The link does them by itself; how many tags it has read meanwhile."""
    before = image.counts.counts["reads"]
    await asyncio.sleep(seconds)
    return (image.counts.counts["reads"] - before) * len(image.tags) // requests


async def _modbus(sizes: Sizes) -> dict[str, Any]:
    tags = registers(sizes.tags)
    blocks = plan_reads(tags, DeviceSettings.model_fields["max_read"].default)
    requests = len(blocks)
    taken: dict[tuple[str, int], list[Spent]] = {}
    cycle: dict[str, Any] = {}
    async with device() as port:
        for _ in range(sizes.rounds):
            for period_ms in (FLAT_OUT_MS, PERIOD_MS):
                seconds = max(sizes.seconds, 2 * period_ms / 1000)
                period_s = period_ms / 1000 if period_ms == PERIOD_MS else 0.0
                bare = await spent(lambda s=seconds, p=period_s: bare_reads(port, blocks, p, s))
                taken.setdefault(("bare", period_ms), []).append(bare)
                async with linked(port, tags, period_ms) as image:
                    ours = await spent(lambda s=seconds, i=image: our_reads(i, requests, s))
                    taken.setdefault(("ours", period_ms), []).append(ours)
                    cycle = image.figures()["classes"]["normal"]
    return _figures(sizes.tags, requests, taken, cycle)


def _figures(
    tags: int, requests: int, taken: dict[tuple[str, int], list[Spent]], cycle: dict[str, Any]
) -> dict[str, Any]:
    """Medians over the rounds."""
    who = ("ours", "bare")
    flat = {name: taken[name, FLAT_OUT_MS] for name in who}
    rate = {name: median(one.tags / one.wall_s for one in each) for name, each in flat.items()}
    cost = {name: median(1e6 * one.cpu_s / max(one.tags, 1) for one in each) for name, each in flat.items()}
    share = {name: median(100 * one.cpu_s / one.wall_s for one in taken[name, PERIOD_MS]) for name in who}
    return {
        "requests": requests,
        "tags_per_s": {name: round(value) for name, value in rate.items()},
        "cpu_us_per_tag": {name: round(value, 3) for name, value in cost.items()},
        "cpu_percent_1s": {name: round(value, 3) for name, value in share.items()},
        "cpu_percent_10000_tags_1s": round(share["ours"] * SCALE_TAGS / tags, 3),
        "cycle_ms": {"plan": cycle["plan_ms"], "measured": cycle["every_ms"]["p50"]},
        "ratio_time_to_bare": ratio(rate["bare"], rate["ours"]),
        "ratio_cpu_to_bare": ratio(share["ours"], share["bare"]),
    }


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for name, label in (("modbus", "Modbus"),):
        each = figures[name]
        rate, share = each["tags_per_s"], each["cpu_percent_1s"]
        at_once = f"{each['cpu_percent_10000_tags_1s']:.1f} % of a core for 10 000 tags"
        table += [
            Row(f"{label}, {figures['tags']} tags in {each['requests']} reads, flat out", f"{rate['ours']:,} tags/s",
                f"bare reads {rate['bare']:,} tags/s", each["ratio_time_to_bare"]),
            Row(f"{label}, every tag once a second", at_once, f"bare reads {share['bare']:.1f} % of a core",
                each["ratio_cpu_to_bare"]),
        ]  # fmt: skip
    each = figures["opcua"]
    at_once = f"{each['cpu_percent_10000_tags_1s']:.1f} % of a core for 10 000 tags"
    bare = f"bare subscription {each['cpu_us_per_tag']['bare']:.1f} µs a tag"
    label = f"OPC UA, {figures['tags']} tags subscribed, {each['tags_per_s']['ours']:,} tags/s"
    return [*table, Row(label, at_once, bare, each["ratio_cpu_to_bare"])]
