"""What happened and what followed, on disk: the one file that knows SQLite.

One row of `entries` is one event with every message that followed from it, committed together with the cursor of the
peer it came from (`take`) and with the rows of `outbox` that a peer still has to get. So the journal is inbox and
outbox at once: an event is acknowledged to its sender only after its row is on disk, and nothing is sent before.

WAL with synchronous=FULL: a commit survives a power cut (measured: NORMAL lost acknowledged rows in 3 of 6 cuts).
One writer thread, one commit per batch; reads and checkpoints have a second connection and thread. A file that cannot
be written ends the process: without the journal nothing may leave.
"""

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from edge.codec import encode, kind_of, recall
from edge.messages import Message

SCHEMA = 1
READ_AT_ONCE = 500
CHECKPOINT_EVERY_S = 2.0
FIGURES_KEPT = 1000
T = TypeVar("T")

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, peer TEXT NOT NULL, peer_n INTEGER NOT NULL,
    kind TEXT NOT NULL, event BLOB NOT NULL, outputs BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    peer TEXT NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (peer, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS streams (
    peer TEXT PRIMARY KEY, sent INTEGER NOT NULL DEFAULT 0, acknowledged INTEGER NOT NULL DEFAULT 0,
    epoch TEXT NOT NULL DEFAULT '', received INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots (n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, states BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS set_aside (event BLOB PRIMARY KEY, kind TEXT NOT NULL, error TEXT NOT NULL, told INTEGER);
CREATE TABLE IF NOT EXISTS figures (start INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""


class JournalError(Exception):
    """The disk's fault, or the installer's: the file is not a journal of this process or cannot be written."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an event came from: a peer's numbered stream, or (peer "") this process."""

    peer: str = ""
    epoch: str = ""
    n: int = 0


HERE = Origin()


@dataclass(frozen=True, slots=True)
class Entry:
    """One event and what followed: `outputs` in the order they arose, `sends` those that a peer has to get."""

    at_ms: int
    origin: Origin
    event: Message
    outputs: tuple[Message, ...]
    sends: tuple[tuple[str, Message], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as read back; `outputs_json` are the very bytes on disk, for replay to compare."""

    n: int
    at_ms: int
    kind: str
    event: bytes
    outputs_json: bytes

    def message(self) -> Message:
        """Raises BadMessage if this version no longer knows the event."""
        return recall(self.kind, self.event)

    def outputs(self) -> Iterator[Message]:
        for kind, body in json.loads(self.outputs_json):
            yield recall(kind, json.dumps(body))


@dataclass(slots=True)
class Cursor:
    """How far one peer's two streams have come."""

    sent: int = 0
    acknowledged: int = 0
    epoch: str = ""
    received: int = 0


@dataclass(slots=True)
class Snapshot:
    n: int
    at_ms: int
    states: dict[str, bytes] = field(default_factory=dict)


def outputs_json(outputs: Iterable[Message]) -> bytes:
    """The outputs of an entry as they stand on disk: a JSON list of [kind, fields]."""
    return b"[" + b",".join(b'["%s",%s]' % (kind_of(m).encode(), encode(m)) for m in outputs) + b"]"


def _connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    mode = "rwc" if writing else "rw"
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=10
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


@contextmanager
def reading(path: Path, mode: str = "ro") -> Iterator[sqlite3.Connection]:
    """A journal that another process may be using. Raises JournalError."""
    if not path.exists():
        raise JournalError(f"{path}: no journal here; give the path of a journal.db")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=10)
        with closing(connection), connection:
            yield connection
    except sqlite3.Error as error:
        raise JournalError(f"{path}: cannot be read as a journal: {error}") from error


def read_rows(path: Path, after: int = 0) -> Iterator[Row]:
    """The entries of a journal that may be in use by another process, oldest first. Raises JournalError."""
    query = "SELECT n, at_ms, kind, event, outputs FROM entries WHERE n > ? ORDER BY n"
    with reading(path) as connection:
        if _has(connection, "entries"):
            for row in connection.execute(query, (after,)):
                yield Row(*row)


def _has(connection: sqlite3.Connection, table: str) -> bool:
    """False in a journal that is just being made."""
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone())


def read_figures(path: Path) -> list[dict[str, Any]]:
    """The figures every start of the process left behind, oldest first; none before there is a journal."""
    if not path.exists():
        return []
    with reading(path) as connection:
        rows = connection.execute("SELECT body FROM figures ORDER BY start") if _has(connection, "figures") else ()
        return [json.loads(body) for (body,) in rows]


def read_meta(path: Path) -> dict[str, str]:
    """What a journal says about itself. Raises JournalError."""
    with reading(path) as connection:
        return dict(connection.execute("SELECT key, value FROM meta"))


def read_aside(path: Path) -> list[tuple[str, str, bytes]]:
    """Events set aside, as (kind, error, body). Raises JournalError."""
    with reading(path) as connection:
        return connection.execute("SELECT kind, error, event FROM set_aside ORDER BY rowid").fetchall()


def release_aside(path: Path) -> int:
    """Forgets the events set aside: they are tried again from the next start on. How many. Raises JournalError."""
    with reading(path, "rw") as connection:
        return connection.execute("DELETE FROM set_aside").rowcount


class Journal:
    """The journal of one process. Use as an async context manager; every method is for one event loop."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self._name = name
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal-write")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="journal-read")
        self._more = asyncio.Event()
        self._cursors: dict[str, Cursor] = {}
        self.epoch = ""
        self.last_n = 0
        self.last_at_ms = 0
        self.start = 0

    async def __aenter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._write = _connect(self.path, writing=True)
            self._read = _connect(self.path, writing=False)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"{self.path}: {error}; check the disk and the data directory") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.shutdown(wait=True)
        self._reader.shutdown(wait=True)
        self._write.close()
        self._read.close()

    def _open(self) -> None:
        self._write.executescript(_TABLES)
        meta = dict(self._write.execute("SELECT key, value FROM meta"))
        if not meta:
            meta = {"schema": str(SCHEMA), "name": self._name, "epoch": secrets.token_hex(8), "start": "0"}
        if meta["name"] != self._name or meta["schema"] != str(SCHEMA):
            raise JournalError(
                f"{self.path}: belongs to {meta['name']!r} (schema {meta['schema']}), not to {self._name!r} "
                f"(schema {SCHEMA}); point `data` at this process's own directory"
            )
        self.start = int(meta["start"]) + 1
        meta["start"] = str(self.start)
        self._write.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(meta.items()))
        self.epoch = meta["epoch"]
        row = self._write.execute("SELECT n, at_ms FROM entries ORDER BY n DESC LIMIT 1").fetchone()
        self.last_n, self.last_at_ms = row or (0, 0)
        for peer, *cursor in self._write.execute("SELECT peer, sent, acknowledged, epoch, received FROM streams"):
            self._cursors[peer] = Cursor(*cursor)

    def cursor(self, peer: str) -> Cursor:
        """How far the streams with a peer have come (live; do not change)."""
        return self._cursors.setdefault(peer, Cursor())

    def take(self, origin: Origin) -> bool:
        """False if this numbered event of a peer was taken before; else its number is now the last one taken."""
        if not origin.peer:
            return True
        cursor = self.cursor(origin.peer)
        if origin.epoch == cursor.epoch and origin.n <= cursor.received:
            return False
        cursor.epoch, cursor.received = origin.epoch, origin.n
        return True

    async def commit(self, entries: Sequence[Entry], snapshot: Snapshot | None = None) -> None:
        """Writes a batch in one transaction; returns when it is on disk. Raises JournalError: end the process."""
        rows, outbox = [], []
        for entry in entries:
            self.last_n += 1
            self.last_at_ms = entry.at_ms
            event = encode(entry.event)
            row = (self.last_n, entry.at_ms, entry.origin.peer, entry.origin.n)
            rows.append((*row, kind_of(entry.event), event, outputs_json(entry.outputs)))
            for peer, message in entry.sends:
                cursor = self.cursor(peer)
                cursor.sent += 1
                outbox.append((peer, cursor.sent, kind_of(message), encode(message)))
        streams = self._stream_rows()
        await self._in(self._writer, lambda: self._commit(rows, outbox, streams, snapshot))
        if outbox:
            self._more.set()

    def _stream_rows(self) -> list[tuple[str, int, int, str, int]]:
        return [(peer, c.sent, c.acknowledged, c.epoch, c.received) for peer, c in self._cursors.items()]

    def _commit(
        self,
        rows: list[tuple[Any, ...]],
        outbox: list[tuple[str, int, str, bytes]],
        streams: list[tuple[str, int, int, str, int]],
        snapshot: Snapshot | None,
    ) -> None:
        write = self._write
        write.execute("BEGIN IMMEDIATE")
        write.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        write.executemany("INSERT INTO outbox VALUES (?, ?, ?, ?)", outbox)
        write.executemany("INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?, ?)", streams)
        if snapshot is not None:
            states = json.dumps({name: state.decode() for name, state in snapshot.states.items()})
            write.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (snapshot.n, snapshot.at_ms, states.encode())
            )
            write.execute("DELETE FROM snapshots WHERE n NOT IN (SELECT n FROM snapshots ORDER BY n DESC LIMIT 2)")
        write.execute("COMMIT")

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Adds a snapshot of the state after entry `snapshot.n`."""
        await self.commit((), snapshot)

    async def last_snapshot(self) -> Snapshot | None:
        def read() -> Snapshot | None:
            row = self._read.execute("SELECT n, at_ms, states FROM snapshots ORDER BY n DESC LIMIT 1").fetchone()
            if row is None:
                return None
            states = {name: state.encode() for name, state in json.loads(row[2]).items()}
            return Snapshot(row[0], row[1], states)

        return await self._in(self._reader, read)

    async def rows(self, after: int, at_most: int = READ_AT_ONCE) -> list[Row]:
        """Entries after number `after`, oldest first."""
        query = "SELECT n, at_ms, kind, event, outputs FROM entries WHERE n > ? ORDER BY n LIMIT ?"
        return await self._in(
            self._reader, lambda: [Row(*row) for row in self._read.execute(query, (after, at_most)).fetchall()]
        )

    async def last(self, peer: str) -> int:
        """The highest number ever given to a message for a peer."""
        return self.cursor(peer).sent

    async def unsent(self, peer: str, after_n: int, at_most: int) -> list[tuple[int, str, bytes]]:
        """Messages for a peer after its number `after_n`, as (n, kind, body)."""
        query = "SELECT n, kind, body FROM outbox WHERE peer = ? AND n > ? ORDER BY n LIMIT ?"
        return await self._in(self._reader, lambda: self._read.execute(query, (peer, after_n, at_most)).fetchall())

    async def acknowledged(self, peer: str, n: int) -> None:
        """The peer has everything up to `n` on its own disk; those rows may go."""
        cursor = self.cursor(peer)
        if n <= cursor.acknowledged or n > cursor.sent:
            return
        cursor.acknowledged = n

        def forget() -> None:
            self._write.execute("BEGIN IMMEDIATE")
            self._write.execute("UPDATE streams SET acknowledged = ? WHERE peer = ?", (n, peer))
            self._write.execute("DELETE FROM outbox WHERE peer = ? AND n <= ?", (peer, n))
            self._write.execute("COMMIT")

        await self._in(self._writer, forget)

    async def received(self, peer: str) -> tuple[str, int]:
        """(epoch, number) of the last event committed from a peer."""
        cursor = self.cursor(peer)
        return cursor.epoch, cursor.received

    async def wait_for_more(self) -> None:
        """Returns soon after new messages for a peer may be there."""
        await self._more.wait()
        self._more.clear()

    def set_aside(self, event: Message, error: str) -> None:
        """Remembers the event that ended the process, synchronously: this is its last act."""
        with _connect(self.path, writing=True) as connection:
            row = (encode(event), kind_of(event), error[:2000], 0)
            connection.execute("INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?, ?)", row)

    async def aside(self) -> list[tuple[bytes, str, str, bool]]:
        """Events set aside, as (body, kind, error, already told to the systems)."""
        query = "SELECT event, kind, error, told FROM set_aside"
        rows = await self._in(self._reader, lambda: self._read.execute(query).fetchall())
        return [(event, kind, error, bool(told)) for event, kind, error, told in rows]

    async def aside_told(self) -> None:
        await self._in(self._writer, lambda: self._write.execute("UPDATE set_aside SET told = 1"))

    async def meta(self, key: str, value: str | None = None) -> str:
        """Reads a note, or writes one."""

        def run() -> str:
            if value is not None:
                self._write.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
                return value
            row = self._write.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return str(row[0]) if row else ""

        return await self._in(self._writer, run)

    async def save_figures(self, figures: dict[str, Any]) -> None:
        """The figures of this start; written again and again, droppable."""
        body = json.dumps(figures)

        def run() -> None:
            self._write.execute("INSERT OR REPLACE INTO figures VALUES (?, ?)", (self.start, body))
            self._write.execute("DELETE FROM figures WHERE start <= ?", (self.start - FIGURES_KEPT,))

        await self._in(self._writer, run)

    async def prune(self, before_ms: int) -> int:
        """Drops entries older than `before_ms` that the last snapshot covers; how many went."""

        def run() -> int:
            covered = self._write.execute("SELECT max(n) FROM snapshots").fetchone()[0] or 0
            query = "DELETE FROM entries WHERE at_ms < ? AND n <= ?"
            return self._write.execute(query, (before_ms, covered)).rowcount

        return await self._in(self._writer, run)

    async def keep_checkpointed(self) -> None:
        """Moves the log into the database file from the reading side, for ever."""
        while True:
            await asyncio.sleep(CHECKPOINT_EVERY_S)
            await self._in(self._reader, lambda: self._read.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall())

    async def _in(self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {error}; check the disk and the data directory") from error
