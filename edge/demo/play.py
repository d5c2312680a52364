"""Plays a demo: starts the processes, sends the orders as their time comes, reads in the journals how far it is."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from edge.demo.stage import DemoOptions, Stage
from edge.history import History
from edge.intake.send import Door
from edge.page.reports import Report
from edge.uplink.broker import broker

READY_S = 60.0
LOOK_EVERY_S = 0.5
PATIENCE_S = 120.0

Show = Callable[[Stage, dict[str, Any]], None]


class TimeLimitError(Exception):
    """The day was not over within the time limit; the report says what is open."""


class Watch:
    """How far the day is, from the journals."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._history = History(stage.journals)
        self.report = Report()

    def look(self) -> dict[str, Any]:
        """Takes in what is new; the report as it stands."""
        for at_ms, message in self._history.new():
            self.report.see(at_ms, message)
        return self.report.result(self._history.figures(), virtual=False)

    def done(self, result: dict[str, Any]) -> bool:
        """Every order of the day has come in and is final."""
        orders = result["orders"]
        return bool(orders["captured"] >= len(self._stage.day.orders) and orders["open"] == 0)


async def send_orders(stage: Stage) -> None:
    """Sends each order through the office's door when its time has come, and one delivery of goods to the box."""
    async with (
        Door(stage.office_url, patience_s=PATIENCE_S) as office,
        Door(stage.box_url, patience_s=PATIENCE_S) as box,
    ):
        await _deliver(stage, box)
        for order in stage.day.orders:
            wait_s = (order.at_ms - stage.site_now_ms()) / stage.clock.speed / 1000
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await office.orders([order])


async def _deliver(stage: Stage, box: Door) -> None:
    """One advance shipping notice, received on two handling units."""
    skus = [item.sku for item in stage.day.seed.items[:2]]
    if not skus:
        return
    lines = [{"sku": sku, "lot": "ASN1", "quantity": 12} for sku in skus]
    await box.post("/api/asns", {"site": stage.site.site, "asn_id": "ASN-1", "lines": lines})
    for number, sku in enumerate(skus, start=1):
        receipt = {"asn_id": "ASN-1", "hu_id": f"IN-{number}", "sku": sku, "lot": "ASN1", "quantity": 12, "by": "dock"}
        await box.post("/api/receipts", receipt)


async def run_demo(options: DemoOptions, show: Show, say: Callable[[str], None]) -> dict[str, Any]:
    """Runs the demo until the day is done (or for ever); the report. Raises TimeLimitError, ConfigError."""
    stage = Stage(options)
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(broker(stage.box.broker, stage.root))
        stage.write(found.url)
        stage.broker_name = found.name
        watch = Watch(stage)
        children = stage.children()
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[None]] = []
            for child in children:
                tasks.append(group.create_task(child.keep()))
                await child.wait_ready(READY_S)
            say(_banner(stage))
            tasks.append(group.create_task(send_orders(stage)))
            try:
                return await _until_done(stage, watch, show)
            finally:
                for task in tasks:
                    task.cancel()


def _banner(stage: Stage) -> str:
    return "\n".join((
        f"broker   {stage.broker_name}",
        f"page     {stage.box_url}/      handheld {stage.box_url}/handheld?person=me",
        f"office   {stage.office_url}/",
        f"data     {stage.root}",
    ))  # fmt: skip


async def _until_done(stage: Stage, watch: Watch, show: Show) -> dict[str, Any]:
    until = time.monotonic() + stage.options.time_limit_s
    while True:
        result = await asyncio.to_thread(watch.look)
        show(stage, result)
        if stage.options.until_done and watch.done(result):
            return result
        if stage.options.until_done and time.monotonic() > until:
            raise TimeLimitError(result)
        await asyncio.sleep(LOOK_EVERY_S)
