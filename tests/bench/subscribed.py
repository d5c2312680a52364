"""The OPC UA part of the tag benchmark: the edge's link next to a bare subscription of the same library."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from asyncua import Client, ua

from edge.children import die_with_parent
from edge.plc import opcua
from edge.plc.image import ProcessImage
from edge.plc.opcua.variants import batches
from edge.settings import DeviceSettings, PollSettings, Tag
from tests.bench.nodes import URI
from tests.bench.yardstick import ROOT, ratio

START_S = 300.0
SETTLE_S = 2.0
"""The first values of all tags come at once; they are not what is measured."""
PERIOD_MS = 1000
PERIODS_MIN = 3
SCALE_TAGS = 10_000

Spent = tuple[int, float, float]
"""Values that came, wall seconds, CPU seconds."""


def nodes(count: int) -> list[Tag]:
    """Tags of the server in tests/bench/nodes.py."""
    known = {"table": "node", "type": "uint16", "poll_class": "normal"}
    return [Tag.model_validate({"name": f"T{n}", "node": f"T{n}", **known}) for n in range(count)]


@asynccontextmanager
async def server(count: int) -> AsyncIterator[int]:
    """The server in a child process; its port."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.nodes", str(count), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
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


class Bare:
    """The library's client with the same subscription; what comes is counted and thrown away."""

    def __init__(self) -> None:
        self.count = 0

    def published(self, result: ua.PublishResult) -> None:
        for part in result.NotificationMessage.NotificationData or ():
            self.count += len(part.MonitoredItems)

    async def subscribe(self, client: Client, tags: Sequence[Tag]) -> None:
        index = await client.get_namespace_index(URI)
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=float(PERIOD_MS), RequestedLifetimeCount=300, RequestedMaxKeepAliveCount=10,
            PublishingEnabled=True,
        )  # fmt: skip
        made = await client.uaclient.create_subscription(parameters, self.published)
        for batch in batches(tags):
            items = [
                ua.MonitoredItemCreateRequest(
                    ItemToMonitor=ua.ReadValueId(ua.NodeId(f"Cell.{tag.node}", index), ua.AttributeIds.Value),
                    MonitoringMode=ua.MonitoringMode.Reporting,
                    RequestedParameters=ua.MonitoringParameters(
                        ClientHandle=handle, SamplingInterval=float(PERIOD_MS), QueueSize=1, DiscardOldest=True
                    ),
                )
                for handle, tag in enumerate(batch)
            ]
            wanted = ua.CreateMonitoredItemsParameters(made.SubscriptionId, ua.TimestampsToReturn.Source, items)
            await client.uaclient.create_monitored_items(wanted)


async def _spent(count: Any, seconds: float) -> Spent:
    await asyncio.sleep(SETTLE_S)
    before, wall_s, cpu_s = count(), perf_counter(), process_time()
    await asyncio.sleep(max(seconds, PERIODS_MIN * PERIOD_MS / 1000))
    return count() - before, perf_counter() - wall_s, process_time() - cpu_s


async def bare(port: int, tags: Sequence[Tag], seconds: float) -> Spent:
    """What the library alone takes."""
    client, counted = Client(f"opc.tcp://127.0.0.1:{port}", timeout=30), Bare()
    await client.connect()
    await counted.subscribe(client, tags)
    try:
        return await _spent(lambda: counted.count, seconds)
    finally:
        await client.disconnect()


async def ours(port: int, tags: Sequence[Tag], seconds: float) -> Spent:
    """What the edge's link takes: the values in the image, and every tag read once in a while beside."""
    device = DeviceSettings(
        driver="opcua", tags=Path("none.csv"), url=f"opc.tcp://127.0.0.1:{port}", root=f"nsu={URI};s=Cell",
        insecure=True, poll=PollSettings(normal=PERIOD_MS), timeout_ms=10_000,
    )  # fmt: skip
    image = ProcessImage(tags)
    async with asyncio.TaskGroup() as group:
        link = group.create_task(opcua.keep(device, image.tags, image))
        async with asyncio.timeout(START_S):
            while not image.good:
                await asyncio.sleep(0.01)
        taken = await _spent(lambda: image.counts.counts["published"], seconds)
        assert image.good, image.reason
        link.cancel()
    return taken


async def measure(count: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Both, in turns; medians."""
    tags, taken = nodes(count), {"ours": [], "bare": []}
    async with server(count) as port:
        for _ in range(rounds):
            taken["bare"].append(await bare(port, tags, seconds))
            taken["ours"].append(await ours(port, tags, seconds))
    cost = {name: median(1e6 * cpu_s / max(values, 1) for values, _, cpu_s in each) for name, each in taken.items()}
    share = {name: median(100 * cpu_s / wall_s for _, wall_s, cpu_s in each) for name, each in taken.items()}
    return {
        "tags_per_s": {name: round(median(n / wall_s for n, wall_s, _ in each)) for name, each in taken.items()},
        "cpu_us_per_tag": {name: round(value, 3) for name, value in cost.items()},
        "cpu_percent_1s": {name: round(value, 3) for name, value in share.items()},
        "cpu_percent_10000_tags_1s": round(cost["ours"] * SCALE_TAGS / 1e4, 3),
        "ratio_cpu_to_bare": ratio(cost["ours"], cost["bare"]),
    }
