"""What a commit of 1, 10 and 100 entries costs, next to what the disk and SQLite alone would take for it.

The entries are those of a generated day. Limits: the same rows by sqlite3's executemany in one transaction (WAL,
synchronous FULL, same tables), and the same bytes appended to a file with fdatasync. Figures, per entries in a commit:

    commits                         how many of each were timed, in turn
    bytes                           median size of a commit
    journal_us{}, sqlite_us{}, append_us{}
    encode_us{}                     what of journal_us goes into turning the messages into bytes (not in the limits)
    ratio_to_sqlite, ratio_to_append        medians: time / limit's time
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import uvloop

from edge.codec import encode, kind_of
from edge.journal import Journal, outputs_json
from tests.bench.recording import Heard, record_day
from tests.bench.yardstick import BareFile, Row, ratio, settled_collector, spread

WORDS = "A commit of 1, 10 and 100 entries: our journal, SQLite alone, the bare disk"
CHECKPOINT_EVERY = 50
"""Commits between two checkpoints of both logs, outside of what is timed."""

TABLES = """
CREATE TABLE entries (
    n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, peer TEXT NOT NULL, peer_n INTEGER NOT NULL,
    kind TEXT NOT NULL, event BLOB NOT NULL, outputs BLOB NOT NULL);
CREATE TABLE outbox (
    peer TEXT NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (peer, n)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    orders: int = 60
    commits: dict[int, int] = field(default_factory=lambda: {1: 600, 10: 400, 100: 200})


NORMAL = Sizes()
QUICK = Sizes(orders=6, commits={1: 5, 10: 3})


class BareSqlite:
    """Rows that are ready to be written, by the driver alone."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.executescript(TABLES)
        self._n = self._sent = 0
        self.encode_us: list[float] = []

    def commit(self, heard: Sequence[Heard]) -> float:
        """Microseconds one transaction took; those for making its rows are kept apart."""
        began = perf_counter_ns()
        rows, outbox = [], []
        for each in heard:
            self._n += 1
            head = (self._n, each.at_ms, each.origin.peer, each.origin.n, kind_of(each.event))
            rows.append((*head, encode(each.event), outputs_json(each.settled.outputs)))
            for peer, message in each.settled.sends:
                self._sent += 1
                outbox.append((peer, self._sent, kind_of(message), encode(message)))
        started = perf_counter_ns()
        self.encode_us.append((started - began) / 1000)
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self.connection.executemany("INSERT INTO outbox VALUES (?, ?, ?, ?)", outbox)
        self.connection.execute("COMMIT")
        return (perf_counter_ns() - started) / 1000


def run(sizes: Sizes, data: Path) -> dict[str, Any]:
    """Measures; the figures."""
    heard = record_day(sizes.orders)
    with settled_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(sizes, heard, data))


async def _run(sizes: Sizes, heard: Sequence[Heard], data: Path) -> dict[str, Any]:
    figures = {}
    for entries, commits in sizes.commits.items():
        with tempfile.TemporaryDirectory(dir=data) as folder:
            figures[str(entries)] = await _compare(entries, commits, heard, Path(folder))
    return {"entries": figures}


async def _compare(entries: int, commits: int, heard: Sequence[Heard], folder: Path) -> dict[str, Any]:
    """The three ways in turn, over the same entries."""
    ours: list[float] = []
    bare: list[float] = []
    appended: list[float] = []
    stream = cycle(heard)
    sizes = []
    paths = (folder / "ours.db", folder / "alone.db")
    async with Journal(paths[0], "bench") as journal:
        sqlite = BareSqlite(paths[1])
        with BareFile(folder / "bare") as file, closing(sqlite.connection):
            for number in range(commits):
                batch = list(islice(stream, entries))
                body = b"".join(each.body() for each in batch)
                sizes.append(len(body))
                ours.append(await _commit(journal, batch))
                bare.append(sqlite.commit(batch))
                appended.append(file.append(body))
                if number % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1:
                    _checkpoint(*paths)
    journal_us, sqlite_us, append_us = spread(ours), spread(bare), spread(appended)
    return {
        "commits": commits,
        "bytes": round(median(sizes)),
        "journal_us": journal_us,
        "sqlite_us": sqlite_us,
        "append_us": append_us,
        "encode_us": spread(sqlite.encode_us),
        "ratio_to_sqlite": ratio(journal_us["p50"], sqlite_us["p50"]),
        "ratio_to_append": ratio(journal_us["p50"], append_us["p50"]),
    }


async def _commit(journal: Journal, batch: Sequence[Heard]) -> float:
    entries = [each.entry() for each in batch]
    started = perf_counter_ns()
    await journal.commit(entries)
    return (perf_counter_ns() - started) / 1000


def _checkpoint(*paths: Path) -> None:
    for path in paths:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for entries, each in figures["entries"].items():
        what = f"commit of {entries} entr{'y' if entries == '1' else 'ies'} ({each['bytes'] / 1000:.1f} kB)"
        measured = f"{each['journal_us']['p50']:.0f} us"
        table += [
            Row(what, measured, f"SQLite alone {each['sqlite_us']['p50']:.0f} us", each["ratio_to_sqlite"]),
            Row(what, measured, f"append + fdatasync {each['append_us']['p50']:.0f} us", each["ratio_to_append"]),
        ]
    return table
