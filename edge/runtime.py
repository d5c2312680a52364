"""The one loop of a process (report, decide, save, act), its start and its stop. Puts the rooms together.

`report(event)` is the only way in and returns when the event is on disk; then its sender may be acknowledged. `act`
runs after the commit: commands go to the machines, messages for peers are already in the journal's outbox, the page
gets a copy of everything. Start = open the journal, load the last snapshot, replay the tail, open the walls; a start
after a crash is the same start. Stop = cancel the task group once, take a snapshot; being told again changes nothing.
"""

import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import os
import pickle
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Never

import uvloop

from edge import __version__, foresight, opening, wes
from edge.clock import SiteClock
from edge.journal import HERE, Entry, Journal, JournalError, Origin, Snapshot
from edge.messages import Message, PeerChanged, Woken
from edge.page.feed import Feed
from edge.page.figures import Figures
from edge.recovery import Aside, Recovered, recover
from edge.settings import ConfigError, ProcessSettings, SiteSettings
from edge.systems import Systems, dump
from edge.uplink import mqtt
from edge.walls import MachineWall, keep_page

logger = logging.getLogger(__name__)

DECIDE_HOLD_US = 4_000
"""A batch is cut here, so that the loop is never held much longer."""
BEAT_EVERY_S = 0.25
WAKE_AT_MOST_S = 1.0
TIMETABLE_EVERY_S = 6 * 3600
FIGURES_EVERY_S = 2.0
LAG_EVERY_S = 0.05
DAY_MS = 86_400_000


@dataclass(slots=True)
class Pending:
    """An event on its way to disk, and who waits for it."""

    event: Message
    origin: Origin
    saved: "asyncio.Future[Sequence[Message]]"


class Runtime:
    """One process: its systems, its journal, its walls, and the inbox between them."""

    def __init__(self, process: ProcessSettings, site: SiteSettings | None, journal: Journal) -> None:
        self.process = process
        self.site = site
        self.journal = journal
        self.clock = SiteClock(process.clock)
        self.figures = Figures()
        self.systems = Systems(process.systems, process.peers)
        self.systems.time_us = self.figures.time_us
        self.feed = Feed()
        self.socket = process.data / "page.sock"
        self.beats = 0
        """Rises as long as the decide loop turns; the machines' heartbeats follow it."""
        self.machines: MachineWall | None = None
        if site is not None and "wes" in process.systems:
            self.machines = MachineWall(site, self.figures, lambda: self.beats, process.data / "links")
        self.aside = Aside()
        self._inbox: asyncio.Queue[Pending] = asyncio.Queue(process.limits.inbox_max)
        self._later: list[Pending] = []
        self._decided = asyncio.Event()
        self._since_snapshot = 0
        self._snapshots: asyncio.Queue[tuple[int, int, bytes]] = asyncio.Queue(1)

    def now_ms(self) -> int:
        """The site's time; never runs backwards, not over a restart either."""
        return max(self.clock.now_ms(), self.journal.last_at_ms)

    async def report(self, event: Message, origin: Origin = HERE) -> Sequence[Message]:
        """The only way in. Returns what followed, after the event is on disk."""
        saved: asyncio.Future[Sequence[Message]] = asyncio.get_running_loop().create_future()
        await self._inbox.put(Pending(event, origin, saved))
        return await saved

    async def report_inbound(self, peer: str, epoch: str, n: int, message: Message) -> None:
        """An event from a peer's stream; a repeated number changes nothing."""
        await self.report(message, Origin(peer, epoch, n))

    async def on_peer(self, peer: str, online: bool) -> None:
        """A peer came or went."""
        await self.report(PeerChanged(at_ms=self.now_ms(), peer=peer, online=online))

    async def decide(self) -> Never:
        """Nothing leaves before the event that caused it is on disk."""
        while True:
            batch = await self._take()
            settled = self._settle_all(batch)
            entries = [entry for entry, _ in settled if entry is not None]
            if entries:
                started = perf_counter_ns()
                await self.journal.commit(entries)
                self.figures.time_us("commit_us", (perf_counter_ns() - started) // 1000)
                self.figures.count("commits")
            for pending, (entry, commands) in zip(batch, settled, strict=True):
                if not pending.saved.done():
                    pending.saved.set_result(entry.outputs if entry is not None else ())
                if entry is not None:
                    self._act(entry, commands)
            self._snapshot_if_due(len(entries))
            self._decided.set()

    async def _take(self) -> list[Pending]:
        """At least one event, and all that wait with it, up to a batch."""
        batch, self._later = self._later, []
        self.beats += 1
        while not batch:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_EVERY_S):
                    batch.append(await self._inbox.get())
            self.beats += 1
        while len(batch) < self.process.limits.batch_max and not self._inbox.empty():
            batch.append(self._inbox.get_nowait())
        return batch

    def _settle_all(self, batch: list[Pending]) -> list[tuple[Entry | None, Sequence[Message]]]:
        """Decides a batch; shortens it to what was decided within the hold time (the rest goes first next time)."""
        started = perf_counter_ns()
        settled = []
        for index, pending in enumerate(batch):
            settled.append(self._settle(pending))
            if perf_counter_ns() - started > DECIDE_HOLD_US * 1000:
                self._later = batch[index + 1 :]
                del batch[index + 1 :]
                break
        return settled

    def _settle(self, pending: Pending) -> tuple[Entry | None, Sequence[Message]]:
        if not self.journal.take(pending.origin):
            self.figures.count("duplicates")
            return None, ()
        now_ms = self.now_ms()
        event = self.aside.instead_of(pending.event, now_ms)
        started = perf_counter_ns()
        try:
            settled = self.systems.settle(event, now_ms, pending.origin.peer)
        except BaseException as error:
            self.journal.set_aside(event, f"{type(error).__name__}: {error}")
            raise
        self.journal.last_at_ms = now_ms
        self.figures.time_us("decide_us", (perf_counter_ns() - started) // 1000)
        self.figures.count("events")
        return Entry(now_ms, pending.origin, event, settled.outputs, settled.sends), settled.commands

    def _act(self, entry: Entry, commands: Sequence[Message]) -> None:
        """After the commit: commands to the machines, a copy of everything to the page."""
        for command in commands:
            if self.machines is not None:
                self.machines.act(command)
        self.feed.publish(entry.event)
        for message in entry.outputs:
            self.feed.publish(message)

    def _snapshot_if_due(self, entries: int) -> None:
        """Copies the state (fast, in memory) every so many entries; `keep_snapshots` writes it down elsewhere."""
        self._since_snapshot += entries
        if self._since_snapshot >= self.process.limits.snapshot_every and self._snapshots.empty():
            started = perf_counter_ns()
            self._snapshots.put_nowait(
                (self.journal.last_n, self.journal.last_at_ms, pickle.dumps(self.systems.save()))
            )
            self._since_snapshot = 0
            self.figures.time_us("snapshot_us", (perf_counter_ns() - started) // 1000)

    async def keep_snapshots(self) -> Never:
        """Writes due snapshots in a thread."""
        while True:
            n, at_ms, states = await self._snapshots.get()
            dumped = await asyncio.to_thread(_unpickled, states)
            await self.journal.save_snapshot(Snapshot(n, at_ms, dumped))

    async def wake(self) -> Never:
        """Tells the systems when a time has come that one of them asked for."""
        while True:
            at_ms = self.systems.wake_at_ms
            if at_ms is not None and at_ms <= self.now_ms():
                await self.report(Woken(at_ms=self.now_ms()))
                continue
            wait_s = WAKE_AT_MOST_S if at_ms is None else min(WAKE_AT_MOST_S, self.clock.wall_s(at_ms))
            self._decided.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._decided.wait()

    async def keep_timetable(self) -> Never:
        """Lays out the departures of the coming days, again and again as days pass."""
        while True:
            planned = opening.timetable_message(self.process, self.site, self.now_ms())
            if planned is not None:
                await self.report(planned)
            await asyncio.sleep(TIMETABLE_EVERY_S / self.clock.speed)

    async def keep_figures(self) -> Never:
        """Leaves what the process measured in the journal, every few seconds."""
        while True:
            await asyncio.sleep(FIGURES_EVERY_S)
            await self.save_figures()

    async def save_figures(self) -> None:
        self.figures.level("rss_kb", memory_kb())
        await self.journal.save_figures(self.figures.snapshot() | {"core": wes.CORE})

    async def watch_lag(self) -> Never:
        """Measures how late the loop is."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.figures.time_us("loop_lag_us", max(0, int((loop.time() - due) * 1e6)))

    async def open(self) -> None:
        """The messages of a start: the site, what was set aside, the catalogue, the stock, each once."""
        now_ms = self.now_ms()
        for message in opening.opening_messages(self.process, self.site, now_ms):
            await self.report(message)
        for aside in self.aside.untold(now_ms):
            await self.report(aside)
        await self.journal.aside_told()
        for digest, message in opening.first_messages(self.process, self.site, now_ms):
            name = digest.partition(":")[0]
            if await self.journal.meta(name) != digest:
                await self.report(message)
                await self.journal.meta(name, digest)

    async def run(self, recovered: Recovered) -> None:
        """Opens the walls and runs until cancelled."""
        self._since_snapshot = recovered.entries
        self.aside = await Aside.read(self.journal)
        async with asyncio.TaskGroup() as group:
            for loop in (self.decide, self.keep_snapshots, self.keep_figures, self.watch_lag):
                group.create_task(loop())
            group.create_task(self.journal.keep_checkpointed())
            await self.open()
            for command in recovered.commands:
                if self.machines is not None:
                    self.machines.act(command)
            group.create_task(self.wake())
            group.create_task(self.keep_timetable())
            engine = self.systems.wes
            if engine is not None and self.process.forecast.every_ms:
                group.create_task(foresight.keep(self.process.forecast, engine, self.report, self.now_ms, self.figures))
            group.create_task(self.feed.serve(self.socket, self.systems.twin, self.report, self.figures, self.now_ms))
            if self.process.peers:
                group.create_task(self._keep_uplink())
            if self.machines is not None:
                group.create_task(self.machines.keep(self.report, (self.journal.start - 1) % 65_535 + 1, self.now_ms))
            if self.process.page is not None:
                group.create_task(keep_page(self.process.page, self.socket, self.process.name))
            self._ready(recovered)

    async def _keep_uplink(self) -> Never:
        enterprise = self.site.enterprise if self.site is not None else self.process.enterprise
        await mqtt.keep(
            self.process.broker,
            enterprise,
            self.process.name,
            self.process.peers,
            self.journal,
            self.report_inbound,
            self.figures,
            self.on_peer,
        )

    def _ready(self, recovered: Recovered) -> None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        self.figures.level("ready_ms", int(age_s() * 1000))
        extra = {
            "ready_s": round(age_s(), 2),
            "replayed": recovered.entries,
            "systems": ",".join(self.systems.names),
            "core": wes.CORE,
            "version": __version__,
        }
        logger.info("ready", extra=extra)
        print(f"{self.process.name} ready in {age_s():.2f} s", flush=True)  # noqa: T201  (the operator's line)


def age_s() -> float:
    """Seconds since the operating system started this process."""
    started_ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    return uptime_s - started_ticks / os.sysconf("SC_CLK_TCK")


def memory_kb() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def _unpickled(states: bytes) -> dict[str, bytes]:
    return dump(pickle.loads(states))  # noqa: S301  (made a moment ago, in this process)


async def start(process: ProcessSettings, site: SiteSettings | None, *, accept: bool) -> None:
    """One life of a process, from recovery to a clean stop. Raises ConfigError, JournalError."""
    with _alone(process.data):
        async with Journal(process.data / "journal.db", process.name) as journal:
            runtime = Runtime(process, site, journal)
            recovered = await recover(runtime.systems, journal, accept=accept)
            await journal.meta("systems", ",".join(runtime.systems.names))
            await journal.meta("peers", json.dumps(process.peers))
            try:
                await runtime.run(recovered)
            finally:
                if sys.exc_info()[0] is asyncio.CancelledError:
                    await _stop(runtime)


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Two processes that write one journal would end each other. Raises JournalError."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        raise JournalError(f"{data}: {error.strerror}; check the disk and the data directory") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise JournalError(f"{data}: another running process uses it; stop that, or set another `data`") from error
        yield


async def _stop(runtime: Runtime) -> None:
    """A clean stop leaves a snapshot, so that the next start, or an upgrade, has nothing to replay."""
    journal = runtime.journal
    await journal.save_snapshot(Snapshot(journal.last_n, journal.last_at_ms, dump(runtime.systems.save())))
    await journal.prune(journal.last_at_ms - runtime.process.limits.keep_days * DAY_MS)
    await runtime.save_figures()
    logger.info("stopped", extra={"entries": journal.last_n})


ENDS = (signal.SIGTERM, signal.SIGINT)


def run(process: ProcessSettings, site: SiteSettings | None, *, accept: bool = False) -> None:
    """Runs a process until SIGINT or SIGTERM. Raises ConfigError before anything is started."""
    if process.require_compiled and wes.CORE != "compiled":
        raise ConfigError(
            ["require_compiled: the core is not compiled; install a C compiler and Python's headers, then reinstall"]
        )
    uvloop.run(_until_told(process, site, accept=accept))


async def _until_told(process: ProcessSettings, site: SiteSettings | None, *, accept: bool) -> None:
    life = asyncio.current_task()
    assert life is not None
    told = False

    def tell() -> None:
        """Only the first signal counts: a second one must not break into the clean stop."""
        nonlocal told
        if not told:
            told = True
            life.cancel()

    running = asyncio.get_running_loop()
    for number in ENDS:
        running.add_signal_handler(number, tell)
    with contextlib.suppress(asyncio.CancelledError):
        await start(process, site, accept=accept)
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # between two handlers there is one that ends the process
    for number in ENDS:
        running.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
