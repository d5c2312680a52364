"""The journal keeps what it has acknowledged, takes a peer's number once, and is an outbox until the peer has it."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge.journal import (
    HERE,
    Entry,
    Journal,
    JournalError,
    Origin,
    Snapshot,
    read_aside,
    read_figures,
    read_meta,
    read_rows,
    release_aside,
)
from edge.messages import Message, OrderCancelRequested, Woken


def woken(at_ms: int) -> Woken:
    return Woken(at_ms=at_ms)


def entry(at_ms: int, *outputs: Message, origin: Origin = HERE, sends: tuple[tuple[str, Message], ...] = ()) -> Entry:
    return Entry(at_ms, origin, woken(at_ms), outputs, sends)


async def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with Journal(path, "box") as journal:
        await journal.commit([entry(5, woken(6), woken(7)), entry(8)])
        epoch = journal.epoch
    async with Journal(path, "box") as journal:
        assert (journal.last_n, journal.last_at_ms, journal.epoch, journal.start) == (2, 8, epoch, 2)
        rows = await journal.rows(0)
    assert [(row.n, row.at_ms, row.kind) for row in rows] == [(1, 5, "Woken"), (2, 8, "Woken")]
    assert rows[0].message() == woken(5)
    assert list(rows[0].outputs()) == [woken(6), woken(7)]
    assert [row.n for row in read_rows(path, after=1)] == [2]


async def test_a_peers_number_is_taken_once_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with Journal(path, "box") as journal:
        assert journal.take(Origin("office", "e1", 1))
        assert not journal.take(Origin("office", "e1", 1))
        await journal.commit([entry(1, origin=Origin("office", "e1", 1))])
    async with Journal(path, "box") as journal:
        assert await journal.received("office") == ("e1", 1)
        assert not journal.take(Origin("office", "e1", 1))
        assert journal.take(Origin("office", "e1", 2))
        assert journal.take(Origin("office", "e2", 1)), "a peer with a new journal starts again at 1"
        assert journal.take(HERE)
        assert journal.take(HERE)


async def test_the_outbox_is_numbered_without_gaps_and_forgets_what_the_peer_has(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with Journal(path, "box") as journal:
        await journal.commit([entry(1, sends=(("office", woken(1)), ("other", woken(2))))])
        await journal.wait_for_more()
        await journal.commit([entry(2, sends=(("office", woken(3)),))])
        assert [n for n, _, _ in await journal.unsent("office", 0, 10)] == [1, 2]
        assert [n for n, _, _ in await journal.unsent("office", 1, 10)] == [2]
        await journal.acknowledged("office", 1)
        await journal.acknowledged("office", 99)
    async with Journal(path, "box") as journal:
        assert [n for n, _, _ in await journal.unsent("office", 0, 10)] == [2]
        await journal.commit([entry(3, sends=(("office", woken(4)),))])
        assert [n for n, _, _ in await journal.unsent("office", 0, 10)] == [2, 3]
        assert [n for n, _, _ in await journal.unsent("other", 0, 10)] == [1]


async def test_snapshots_keep_the_last_two_and_pruning_keeps_the_tail(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.db", "box") as journal:
        await journal.commit([entry(n) for n in range(1, 11)])
        for n in (3, 5, 7):
            await journal.save_snapshot(Snapshot(n, n, {"oms": b'{"n":%d}' % n}))
        last = await journal.last_snapshot()
        assert last is not None
        assert (last.n, last.states) == (7, {"oms": b'{"n":7}'})
        assert await journal.prune(before_ms=100) == 7
        assert [row.n for row in await journal.rows(0)] == [8, 9, 10]


async def test_an_event_that_ended_the_process_is_set_aside_and_told_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    killer = OrderCancelRequested(at_ms=1, order_id="o", by="x")
    async with Journal(path, "box") as journal:
        journal.set_aside(killer, "ZeroDivisionError: boom")
    async with Journal(path, "box") as journal:
        [(body, kind, error, told)] = await journal.aside()
        assert (kind, error, told) == ("OrderCancelRequested", "ZeroDivisionError: boom", False)
        assert b'"order_id":"o"' in body
        await journal.aside_told()
        assert (await journal.aside())[0][3]


async def test_a_foreign_or_broken_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with Journal(path, "box"):
        pass
    with pytest.raises(JournalError, match=r"belongs to 'box'.*point `data`"):
        async with Journal(path, "office"):
            pass
    path.write_bytes(b"this is not a database, it is a shopping list " * 50)
    with pytest.raises(JournalError, match="check the disk"):
        async with Journal(path, "box"):
            pass
    with pytest.raises(JournalError, match="no journal here"):
        list(read_rows(tmp_path / "none.db"))
    with pytest.raises(JournalError, match="cannot be read"):
        read_meta(path)


WRITER = """
import asyncio, sys
from pathlib import Path
from edge.journal import HERE, Entry, Journal
from edge.messages import Woken

async def main() -> None:
    async with Journal(Path(sys.argv[1]), "box") as journal:
        at_ms = journal.last_at_ms
        while True:
            await journal.commit([Entry(at_ms + i, HERE, Woken(at_ms=at_ms + i), ()) for i in (1, 2, 3)])
            at_ms += 3
            print(at_ms, flush=True)

asyncio.run(main())
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    acknowledged = 0
    for acks in (1, 7, 3, 20):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(acks):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
        seen = [row.at_ms for row in read_rows(path)]
        assert seen == list(range(1, len(seen) + 1)), "whole batches, in order, once"
        assert len(seen) % 3 == 0
        assert len(seen) >= acknowledged
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_events_set_aside_are_listed_and_released_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with Journal(path, "box") as journal:
        journal.set_aside(woken(1), "ZeroDivisionError: boom")
        journal.set_aside(woken(2), "KeyError: 'x'")
    assert [(kind, error) for kind, error, _ in read_aside(path)] == [
        ("Woken", "ZeroDivisionError: boom"),
        ("Woken", "KeyError: 'x'"),
    ]
    assert release_aside(path) == 2
    assert read_aside(path) == []
    with pytest.raises(JournalError, match="no journal here"):
        release_aside(tmp_path / "none.db")


def test_a_journal_that_is_just_being_made_has_no_rows_and_no_figures(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert read_figures(path) == []
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert list(read_rows(path)) == []
    assert read_figures(path) == []
