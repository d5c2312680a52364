"""The floor at the end of a journal: from the snapshot and the tail, the same as from the first entry."""

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from edge.codec import dump_state
from edge.journal import Journal, JournalError, Snapshot, read_meta, read_rows
from edge.restored import floor_of, restored_floor
from edge.systems import Systems, dump

SMALL_DAY = Path(__file__).parent / "journals" / "small-day.db"


@pytest.fixture
def small_day(tmp_path: Path) -> Path:
    return Path(shutil.copy(SMALL_DAY, tmp_path / "journal.db"))


def pruned(path: Path, n: int, states: dict[str, bytes] | None = None) -> None:
    """What is on disk when a snapshot was taken after entry n and nothing before it is kept."""
    systems = Systems(read_meta(path)["systems"].split(","), {})
    at_ms = 0
    for row in read_rows(path):
        if row.n <= n:
            systems.settle(row.message(), row.at_ms, "replay")
            at_ms = row.at_ms
    snapshot = Snapshot(n, at_ms, states or dump(systems.save()))

    async def save() -> None:
        async with Journal(path, "dc1") as journal:
            await journal.save_snapshot(snapshot)

    asyncio.run(save())
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM entries WHERE n <= ?", (n,))


def wes_state(path: Path) -> bytes:
    found = floor_of([path])
    state = found.floor.state
    return dump_state(state)


@pytest.mark.parametrize("n", [25, 60, 90])
def test_a_snapshot_and_the_tail_make_the_floor_of_the_whole_journal(small_day: Path, n: int) -> None:
    whole, at_ms = wes_state(small_day), floor_of([small_day]).at_ms
    pruned(small_day, n)
    assert wes_state(small_day) == whole
    found = floor_of([small_day])
    assert (found.at_ms, found.floor.now_ms) == (at_ms, at_ms)


def test_entries_that_are_not_kept_and_that_no_snapshot_covers(small_day: Path) -> None:
    pruned(small_day, 25, {"wes": b"{}"})
    with pytest.raises(JournalError, match="entries 1 to 25 are no longer kept"):
        floor_of([small_day])


def test_a_snapshot_another_version_wrote_is_passed_over_while_the_entries_are_there(small_day: Path) -> None:
    whole = wes_state(small_day)
    states = dict.fromkeys(("oms", "wms", "wes", "twin"), b'{"strange": 1}')

    async def save() -> None:
        async with Journal(small_day, "dc1") as journal:
            await journal.save_snapshot(Snapshot(25, 1, states))

    asyncio.run(save())
    assert wes_state(small_day) == whole


def test_the_journal_of_a_wes_is_found_among_others(small_day: Path, tmp_path: Path) -> None:
    office = tmp_path / "office.db"

    async def make() -> None:
        async with Journal(office, "office") as journal:
            await journal.meta("systems", "oms")

    asyncio.run(make())
    assert restored_floor([office]) is None
    assert floor_of([office, small_day]).journal == small_day
    with pytest.raises(JournalError, match="no process that runs a WES"):
        floor_of([office])
