"""Events per second through report -> decide -> save -> act, journal on, by 1, 10 and 100 reporters at once.

A generated day's events, in their order and at their times, go into a fresh runtime without walls; it must decide
exactly as the day did. Limits: the same batches of bytes appended to a file with fdatasync, and the same systems
without a journal. Figures:

    events, rounds                  what was fed, and how often (all figures are medians over the rounds)
    decided_as_recorded             every answer was that of the recorded day
    reporters.N                     with N reporters at once:
        events_per_s, mean_batch, commit_us{}, decide_us{}
        append_per_s, pure_per_s    the two limits: bare appends of the same batches; decisions alone
        ratio_to_append, ratio_to_pure, ratio_to_both      time / limit's time; `both` = one limit after the other
"""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, cast

import uvloop

from edge.clock import SiteClock
from edge.journal import Entry, Journal, Snapshot
from edge.messages import Message
from edge.runtime import Runtime
from edge.settings import ProcessSettings, read_site
from edge.systems import Systems
from tests.bench.recording import NAMES, PEERS, Heard, RecordedClock, record_day
from tests.bench.yardstick import CONFIG, BareFile, EveryTime, Row, ratio, settled_collector, spread

WORDS = "Events per second through report, decide, save, act, with the journal on"


@dataclass(frozen=True, slots=True)
class Sizes:
    orders: int = 200
    rounds: int = 5
    reporters: tuple[int, ...] = (1, 10, 100)
    events_max: int = 1_000_000


NORMAL = Sizes()
QUICK = Sizes(orders=6, rounds=1, reporters=(1, 10), events_max=400)


class CountingJournal(Journal):
    """Remembers how many entries each commit had."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path, name)
        self.batches: list[int] = []

    async def commit(self, entries: Sequence[Entry], snapshot: Snapshot | None = None) -> None:
        if entries:
            self.batches.append(len(entries))
        await super().commit(entries, snapshot)


@dataclass(slots=True)
class Pass:
    """One recorded day through one fresh runtime."""

    seconds: float
    batches: list[int]
    times: dict[str, list[int]]
    as_recorded: bool


def run(sizes: Sizes, data: Path) -> dict[str, Any]:
    """Measures; the figures."""
    heard = record_day(sizes.orders)[: sizes.events_max]
    bodies = [each.body() for each in heard]
    passes: dict[int, list[tuple[Pass, float, float]]] = {n: [] for n in sizes.reporters}
    with settled_collector():
        for _ in range(sizes.rounds):
            for n in sizes.reporters:
                with tempfile.TemporaryDirectory(dir=data) as folder:
                    fed = feed(heard, n, Path(folder))
                    passes[n].append((fed, append(bodies, fed.batches, Path(folder)), decide(heard)))
    return {
        "events": len(heard),
        "rounds": sizes.rounds,
        "decided_as_recorded": all(fed.as_recorded for runs in passes.values() for fed, _, _ in runs),
        "reporters": {str(n): _figures(len(heard), runs) for n, runs in passes.items()},
    }


def _figures(events: int, runs: list[tuple[Pass, float, float]]) -> dict[str, Any]:
    """Medians; each ratio is that of a round, so that what disturbs a round disturbs both of its sides."""
    commits, decisions = (
        spread([us for fed, _, _ in runs for us in fed.times[name]]) for name in ("commit_us", "decide_us")
    )
    return {
        "events_per_s": round(events / median(fed.seconds for fed, _, _ in runs)),
        "mean_batch": round(median(events / len(fed.batches) for fed, _, _ in runs), 2),
        "commit_us": commits,
        "decide_us": decisions,
        "append_per_s": round(events / median(appended for _, appended, _ in runs)),
        "pure_per_s": round(events / median(pure for _, _, pure in runs)),
        "ratio_to_append": median(ratio(fed.seconds, appended) for fed, appended, _ in runs),
        "ratio_to_pure": median(ratio(fed.seconds, pure) for fed, _, pure in runs),
        "ratio_to_both": median(ratio(fed.seconds, appended + pure) for fed, appended, pure in runs),
    }


def feed(heard: Sequence[Heard], reporters: int, folder: Path) -> Pass:
    """The recorded events through a runtime of its own, by so many reporters."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_feed(heard, reporters, folder))


async def _feed(heard: Sequence[Heard], reporters: int, folder: Path) -> Pass:
    process = ProcessSettings(schema="edge/process/1", name="dc1", systems=NAMES, site="site.yaml", peers=PEERS,
                              data=folder)  # fmt: skip
    async with CountingJournal(folder / "journal.db", "dc1") as journal:
        runtime = Runtime(process, read_site(CONFIG / "site.yaml"), journal)
        figures = EveryTime()
        runtime.figures, runtime.systems.time_us = figures, figures.time_us
        runtime.clock = cast(SiteClock, RecordedClock(heard))
        answers: list[Sequence[Message]] = [()] * len(heard)
        async with asyncio.TaskGroup() as group:
            loops = (runtime.decide(), runtime.keep_snapshots(), journal.keep_checkpointed())
            kept = [group.create_task(loop) for loop in loops]
            started = perf_counter()
            turn = iter(enumerate(heard))
            async with asyncio.TaskGroup() as senders:
                for _ in range(reporters):
                    senders.create_task(_report(runtime, turn, answers))
            seconds = perf_counter() - started
            for task in kept:
                task.cancel()
        same = all(tuple(said) == each.settled.outputs for said, each in zip(answers, heard, strict=True))
        return Pass(seconds, journal.batches, figures.kept, same)


async def _report(runtime: Runtime, turn: Iterator[tuple[int, Heard]], answers: list[Sequence[Message]]) -> None:
    """One of the reporters: takes the next event as soon as its last one is on disk; the order stays the day's."""
    for index, each in turn:
        answers[index] = await runtime.report(each.event, each.origin)


def append(bodies: Sequence[bytes], batches: Sequence[int], folder: Path) -> float:
    """Seconds for the same batches of bytes on a bare file."""
    rest = iter(bodies)
    writes = [b"".join(next(rest) for _ in range(size)) for size in batches]
    with BareFile(folder / "bare") as bare:
        return sum(bare.append(body) for body in writes) / 1e6


def decide(heard: Sequence[Heard]) -> float:
    """Seconds the same systems take without a journal."""
    systems = Systems(NAMES, PEERS)
    started = perf_counter()
    for each in heard:
        systems.settle(each.event, each.at_ms, each.origin.peer)
    return perf_counter() - started


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for n, each in figures["reporters"].items():
        who = f"{n} reporter{'s' if n != '1' else ''}"
        measured = f"{each['events_per_s']} events/s"
        table += [
            Row(f"events, {who}", measured, f"bare appends {each['append_per_s']}/s", each["ratio_to_append"]),
            Row(f"events, {who}", measured, f"decisions alone {each['pure_per_s']}/s", each["ratio_to_pure"]),
            Row(f"events, {who}", measured, "both, one after the other", each["ratio_to_both"]),
        ]
    return table
