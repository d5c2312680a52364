"""Plays a demo: starts the processes, sends the orders as their time comes, reads in the journals how far it is."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from edge import wes
from edge.demo.stage import PAGE_PORT, Stage
from edge.history import History
from edge.intake.send import Door, DoorClosed
from edge.messages import OrderClosed, OrderRejected
from edge.page.reports import Report
from edge.uplink.broker import broker

READY_S = 60.0
LOOK_EVERY_S = 0.5
PATIENCE_S = 120.0
DONE, FAILED, TIME_LIMIT, STOPPED = "done", "failed", "time limit", "stopped"

Show = Callable[[Stage, dict[str, Any]], None]
Say = Callable[[str], None]


class DemoFailed(Exception):
    """A process of the demo could not be had; the text says which and why, in one line."""


class Watch:
    """How far the day is, from the journals."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._history = History(stage.journals)
        self._report = Report()
        self._final: set[str] = set()
        self.result = self._report.result({}, virtual=False)

    def look(self) -> dict[str, Any]:
        """Takes in what is new; the report as it stands, also kept as `result`."""
        for at_ms, message in self._history.new():
            self._report.see(at_ms, message)
            if isinstance(message, OrderClosed | OrderRejected):
                self._final.add(message.order_id)
        self.result = self._report.result(self._history.figures(), virtual=False)
        return self.result

    @property
    def done(self) -> bool:
        """Every order of the day has come in and is final."""
        orders = self.result["orders"]
        return bool(orders["captured"] >= len(self._stage.day.orders) and orders["open"] == 0)

    def unfinished(self) -> list[str]:
        """The orders of the day that are not final, in the order of their time."""
        return [order.order_id for order in self._stage.day.orders if order.order_id not in self._final]


async def run_demo(stage: Stage, watch: Watch, show: Show, say: Say) -> str:
    """Runs the demo until the day is done, its time is over, or somebody stops it; which of them.

    Raises DemoFailed when a process cannot be had, ConfigError when there is no broker.
    """
    if stage.options.until_done and watch.look() and watch.done:
        say("every order was final already; nothing was started")
        return DONE
    say("starting the broker, the simulators, the office and the box ...")
    stopped: list[str] = []
    life = asyncio.current_task()
    assert life is not None

    def stop() -> None:
        if not stopped:
            stopped.append(STOPPED)
            life.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        return await _play(stage, watch, show, say)
    except (asyncio.CancelledError, ExceptionGroup) as error:
        if stopped:
            return STOPPED
        leaves = _leaves(error)
        if any(not isinstance(leaf, RuntimeError | TimeoutError | DoorClosed) for leaf in leaves):
            raise
        raise DemoFailed(str(leaves[0])) from None


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in _leaves(part)]
    return [error]


async def _play(stage: Stage, watch: Watch, show: Show, say: Say) -> str:
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(broker(stage.box.broker, stage.root))
        stage.write(found.url)
        stage.broker_name = found.name
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[None]] = []
            try:
                for child in stage.children():
                    tasks.append(group.create_task(child.keep()))
                    await child.wait_ready(READY_S)
                say(banner(stage))
                tasks.append(group.create_task(send_orders(stage)))
                return await _until_done(stage, watch, show, say)
            finally:
                for task in tasks:
                    task.cancel()


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
    """One advance shipping notice, received on two handling units; a day that goes on has had it."""
    skus = [item.sku for item in stage.day.seed.items[:2]]
    if not skus:
        return
    lines = [{"sku": sku, "lot": "ASN1", "quantity": 12} for sku in skus]
    await box.post("/api/asns", {"site": stage.site.site, "asn_id": "ASN-1", "lines": lines})
    for number, sku in enumerate(skus, start=1):
        receipt = {"asn_id": "ASN-1", "hu_id": f"IN-{number}", "sku": sku, "lot": "ASN1", "quantity": 12, "by": "dock"}
        await box.post("/api/receipts", receipt)


def banner(stage: Stage) -> str:
    """Where everything is, and what is going to happen."""
    day, options = stage.day, stage.options
    taken = "" if f":{PAGE_PORT}" in stage.box_url else f"   (port {PAGE_PORT} is taken)"
    what = f"{len(day.orders)} orders, speed {stage.clock.speed}"
    if stage.continues:
        what += ": the day that was begun here goes on (the options for a new day do not count)"
    elif options.orders_file is not None:
        what += f", from {options.orders_file} ({day.rejected_rows} rows rejected: see `edge orders import --dry-run`)"
    else:
        what += f", seed {options.seed}"
    plain = "plain Python: slower, otherwise the same (a C compiler was not there when this was installed)"
    return "\n".join((
        f"page     {stage.box_url}/{taken}",
        f"handheld {stage.box_url}/handheld?person=me",
        f"office   {stage.office_url}/",
        f"broker   {stage.broker_name}",
        f"core     {'compiled' if wes.CORE == 'compiled' else plain}",
        f"data     {stage.root}",
        f"day      {what}",
        "Ctrl-C ends it",
    ))  # fmt: skip


async def _until_done(stage: Stage, watch: Watch, show: Show, say: Say) -> str:
    until = time.monotonic() + stage.options.time_limit_s
    said = False
    while True:
        show(stage, await asyncio.to_thread(watch.look))
        if watch.done and stage.options.until_done:
            return DONE
        if watch.done and not said:
            said = True
            say("every order is final; the page stays until Ctrl-C")
        if stage.options.until_done and time.monotonic() > until:
            return TIME_LIMIT
        await asyncio.sleep(LOOK_EVERY_S)
