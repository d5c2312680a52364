"""Starting is recovering: the same decisions from the same journal, compiled or not, or a clear refusal.

`python -m tests.test_recovery` records tests/journals/small-day.db anew, after a change that shall decide otherwise.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from edge import opening, wes
from edge.checking import replay_journal
from edge.codec import BODY_MAX_BYTES, encode
from edge.history import History
from edge.journal import HERE, Entry, Journal, Row, Snapshot, read_rows
from edge.messages import (
    Departure,
    DeparturesPlanned,
    DivertUnit,
    EventSetAside,
    Item,
    ItemsListed,
    JobEnded,
    LaneChanged,
    Message,
    OrderCancelRequested,
    OrderClosed,
    StartJob,
    TasksPlanned,
    UnitSorted,
    Woken,
)
from edge.recovery import Aside, recover, replay
from edge.runtime import Runtime
from edge.settings import ClockSettings, ConfigError, ProcessSettings
from edge.systems import Systems, dump
from tests.test_systems import DAY_MS, ITEMS, MINUTE, ORDERS, STOCK, Floor

SMALL_DAY = Path(__file__).parent / "journals" / "small-day.db"
ALL = ("oms", "wms", "wes")
ROOT = Path(__file__).parents[1]


async def record(path: Path) -> None:
    """Four orders from capture to the closed door, through the real loop, a hundred times as fast as in life."""
    assert wes.CORE == "compiled"
    clock = ClockSettings(speed=100, start_wall_ms=time.time_ns() // 1_000_000, start_site_ms=DAY_MS)
    settings = {"schema": "edge/process/1", "name": "dc1", "systems": ALL, "site": "site.yaml", "data": path.parent}
    process = ProcessSettings(**settings, clock=clock, process_ms=MINUTE, slack_ms=0)
    async with Journal(path, "dc1") as journal:
        runtime = Runtime(process, None, journal)
        await journal.meta("systems", ",".join(runtime.systems.names))
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            loops = [group.create_task(runtime.decide()), group.create_task(runtime.wake())]
            floor = Floor()
            first = [*opening.opening_messages(process, floor.settings, DAY_MS), ITEMS, STOCK, soon(DAY_MS)]
            for message in (*first, *floor.opening(), *ORDERS):
                await runtime.report(message)
            await live(floor, runtime, group)
            for task in loops:
                task.cancel()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("VACUUM")


def soon(now_ms: int) -> DeparturesPlanned:
    rows = (("N1", "UK-NORTH", 3), ("E1", "EXPRESS", 4), ("N2", "UK-NORTH", 30), ("E2", "EXPRESS", 30))
    return DeparturesPlanned(
        at_ms=now_ms,
        departures=tuple(
            Departure(departure_id=name, site="dc1", route=route, carrier="c", cutoff_ms=now_ms + minutes * MINUTE)
            for name, route, minutes in rows
        ),
    )


async def live(floor: Floor, runtime: Runtime, group: asyncio.TaskGroup) -> None:
    """The floor does what the journal says it was told, until every order is closed."""
    after, closed = 0, 0
    while closed < len(ORDERS):
        await asyncio.sleep(0.01)
        for row in await runtime.journal.rows(after):
            after = row.n
            for output in row.outputs():
                closed += isinstance(output, OrderClosed)
                for event in floor.hear(output):
                    await runtime.report(event)


@pytest.fixture
def small_day(tmp_path: Path) -> Path:
    return Path(shutil.copy(SMALL_DAY, tmp_path / "journal.db"))


def small_rows() -> list[Row]:
    return list(read_rows(SMALL_DAY))


def cut(path: Path, n: int) -> None:
    """What is on disk when the process ends right after entry n."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM entries WHERE n > ?", (n,))


def alter(path: Path, n: int) -> None:
    """As if a version that words things differently had written entry n."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        [outputs] = connection.execute("SELECT outputs FROM entries WHERE n = ?", (n,)).fetchone()
        connection.execute(
            "UPDATE entries SET outputs = ? WHERE n = ?", (outputs.replace(b'"at_ms":', b'"at_ms":9', 1), n)
        )


def test_the_recorded_day_is_a_whole_day() -> None:
    rows = small_rows()
    said = Counter(type(output).__name__ for row in rows for output in row.outputs())
    assert said["OrderClosed"] == len(ORDERS)
    for kind in (
        "StartJob",
        "DivertUnit",
        "UnitArrived",
        "UnitLoaded",
        "DepartureClosed",
        "StockMoved",
        "TaskCompleted",
    ):
        assert said[kind] > 0
    assert {"Woken", "JobEnded", "UnitSorted", "TaskDone", "SiteOpened", "OfficeOpened"} <= {row.kind for row in rows}
    assert SMALL_DAY.stat().st_size < 300_000


def test_the_recorded_day_is_decided_again_as_it_was(small_day: Path) -> None:
    entries, differences, _ = replay_journal(small_day)
    assert entries == len(small_rows())
    assert differences == []


def test_the_recorded_day_ends_in_the_same_state_compiled_or_not(small_day: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "EDGE_UNCOMPILED"}
    results = []
    for more in ({}, {"EDGE_UNCOMPILED": "1"}):
        done = subprocess.run(
            [sys.executable, "-m", "edge", "replay", str(small_day), "--check", "--json"],
            cwd=ROOT, env=clean | more, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        results.append(json.loads(done.stdout))
    assert results[0] == results[1]
    assert results[0]["entries"] == len(small_rows())


def test_a_difference_names_its_entry_and_both_words() -> None:
    rows = small_rows()
    at = next(index for index, row in enumerate(rows) if b'"OrderAccepted"' in row.outputs_json)
    rows[at] = replace(rows[at], outputs_json=rows[at].outputs_json.replace(b"OrderAccepted", b"OrderAdmired_"))
    unknown = Row(rows[-1].n + 1, rows[-1].at_ms, "FutureKind", b"{}", b"[]")
    first, second = replay(Systems(ALL, {}), [*rows, unknown])
    assert first.startswith(f"entry {rows[at].n} ({rows[at].kind}): was …")
    was, now = first.split("… now …")
    assert "OrderAdmired_" in was
    assert "OrderAccepted" in now
    assert second.startswith(f"entry {unknown.n}: this version does not understand it: kind: 'FutureKind'")


def test_an_event_that_raises_when_decided_again_names_its_entry() -> None:
    rows = small_rows()
    row = next(row for row in rows if b'"TasksPlanned"' in row.outputs_json)
    planned = next(message for message in row.outputs() if isinstance(message, TasksPlanned))
    task = replace(planned.tasks[0], task_id="T-huge", due_ms=10**30)
    bad = Row(rows[-1].n + 1, rows[-1].at_ms, "TasksPlanned", encode(replace(planned, tasks=(task,))), b"[]")
    with pytest.raises(OverflowError) as raised:
        list(replay(Systems(ALL, {}), [*rows, bad]))
    assert raised.value.__notes__ == [f"while entry {bad.n} (TasksPlanned) of the journal was decided again"]


async def test_a_snapshot_and_the_tail_lead_where_the_whole_journal_leads(small_day: Path) -> None:
    rows = small_rows()
    whole = Systems(ALL, {})
    assert list(replay(whole, rows)) == []
    middle = Systems(ALL, {})
    assert list(replay(middle, rows[: len(rows) // 2])) == []
    async with Journal(small_day, "dc1") as journal:
        await journal.save_snapshot(Snapshot(rows[len(rows) // 2 - 1].n, 0, dump(middle.save())))
        systems = Systems(ALL, {})
        recovered = await recover(systems, journal, accept=False)
    assert recovered.entries == len(rows) - len(rows) // 2
    assert dump(systems.save()) == dump(whole.save())


async def test_other_decisions_are_refused_accepted_once_and_then_forgotten(small_day: Path) -> None:
    rows = small_rows()
    n = next(row.n for row in rows if b'"OrderAccepted"' in row.outputs_json)
    alter(small_day, n)
    for accept in (False, False, True):
        async with Journal(small_day, "dc1") as journal:
            systems = Systems(ALL, {})
            if accept:
                recovered = await recover(systems, journal, accept=True)
                assert [text.split(":")[0].split(" (")[0] for text in recovered.differences] == [f"entry {n}"]
            else:
                with pytest.raises(ConfigError) as refused:
                    await recover(systems, journal, accept=False)
                said, difference, remedy = refused.value.findings
                assert "decides otherwise" in said
                assert difference.startswith(f"entry {n} (")
                assert "--accept-new-decisions" in remedy
    async with Journal(small_day, "dc1") as journal:
        again = Systems(ALL, {})
        assert (await recover(again, journal, accept=False)).entries == 0
    assert dump(again.save()) == dump(systems.save())


@pytest.mark.parametrize("other", [b'{"stock_of_old": {}}', b"7"])
async def test_a_snapshot_of_another_shape_is_replaced_by_the_whole_journal_once_told_so(
    small_day: Path, other: bytes
) -> None:
    whole = Systems(ALL, {})
    list(replay(whole, small_rows()))
    async with Journal(small_day, "dc1") as journal:
        await journal.save_snapshot(Snapshot(journal.last_n, 0, dump(whole.save()) | {"wms": other}))
        with pytest.raises(ConfigError, match=rf"snapshot at entry {journal.last_n}: .*replaying from the first entry"):
            await recover(Systems(ALL, {}), journal, accept=False)
        systems = Systems(ALL, {})
        assert (await recover(systems, journal, accept=True)).entries == len(small_rows())
        assert dump(systems.save()) == dump(whole.save())
        assert (await recover(Systems(ALL, {}), journal, accept=False)).entries == 0


async def test_a_journal_whose_beginning_is_gone_never_starts_from_half_of_it(small_day: Path) -> None:
    with contextlib.closing(sqlite3.connect(small_day)) as connection, connection:
        connection.execute("DELETE FROM entries WHERE n < 10")
    async with Journal(small_day, "dc1") as journal:
        for accept in (False, True):
            with pytest.raises(ConfigError, match="entries 1 to 9 are no longer kept and no snapshot covers them"):
                await recover(Systems(ALL, {}), journal, accept=accept)


async def test_a_system_that_was_not_here_before_is_brought_up_from_the_first_entry(small_day: Path) -> None:
    async with Journal(small_day, "dc1") as journal:
        only = Systems(("oms",), {})
        await journal.save_snapshot(Snapshot(journal.last_n, 0, dump(only.save())))
        recovered = await recover(Systems(ALL, {}), journal, accept=False)
    assert recovered.entries == len(small_rows())


async def test_a_catalogue_larger_than_the_wire_allows_is_replayed(tmp_path: Path) -> None:
    items = tuple(Item(sku=f"S{n}", description="x" * 200) for n in range(9_000))
    listed = ItemsListed(at_ms=1, items=items)
    async with Journal(tmp_path / "journal.db", "office") as journal:
        systems = Systems(("oms",), {})
        settled = systems.settle(listed, 1)
        await journal.commit([Entry(1, HERE, listed, settled.outputs)])
        again = Systems(("oms",), {})
        recovered = await recover(again, journal, accept=False)
    assert len(next(read_rows(tmp_path / "journal.db")).event) > BODY_MAX_BYTES
    assert recovered.differences == []
    assert dump(again.save()) == dump(systems.save())


def given_and_not_ended(rows: list[Row]) -> list[Message]:
    """What the journal says was asked of machines and not answered."""
    ended = [row.message() for row in rows if row.kind in ("JobEnded", "UnitSorted")]
    jobs = {(m.machine_id, m.job_id) for m in ended if isinstance(m, JobEnded)}
    sorts = {(m.machine_id, m.decision_seq) for m in ended if isinstance(m, UnitSorted)}
    said = [output for row in rows for output in row.outputs()]
    return [m for m in said if isinstance(m, StartJob) and (m.machine_id, m.job_id) not in jobs] + [
        m for m in said if isinstance(m, DivertUnit) and (m.machine_id, m.seq) not in sorts
    ]


async def test_after_a_crash_exactly_the_unfinished_commands_are_given_again(small_day: Path) -> None:
    rows = small_rows()
    about = ("StartJob", "DivertUnit", "JobEnded", "UnitSorted")
    moments = [row.n for row in rows if any(word.encode() in row.outputs_json or word == row.kind for word in about)]
    seen: Counter[int] = Counter()
    for n in [rows[-1].n, *sorted(moments, reverse=True)]:
        cut(small_day, n)
        async with Journal(small_day, "dc1") as journal:
            recovered = await recover(Systems(ALL, {}), journal, accept=False)
        expected = given_and_not_ended(rows[:n])
        assert list(recovered.commands) == expected
        seen[len(expected)] += 1
    assert seen[0] > 0, "none for what is finished"
    assert seen.total() > seen[0] > 0


def job(number: int) -> StartJob:
    return StartJob(
        at_ms=1,
        machine_id="robot1",
        job_id=number,
        task_id=f"T{number}",
        source="R-01-01-1",
        sku="clip",
        hu_id="h",
        quantity=1,
    )


def ended(number: int) -> JobEnded:
    return JobEnded(at_ms=1, machine_id="robot1", job_id=number, result="OK", picked=1, cycle_ms=1)


async def unfinished(path: Path, *entries: tuple[Message, tuple[Message, ...]]) -> list[Message]:
    async with Journal(path, "dc1") as journal:
        await journal.commit([Entry(1, HERE, event, outputs) for event, outputs in entries])
        recovered = await recover(Systems(("oms",), {}), journal, accept=True)
        return list(recovered.commands)


async def test_the_late_end_of_an_older_job_does_not_finish_the_newer_one(tmp_path: Path) -> None:
    woken = Woken(at_ms=1)
    given = await unfinished(tmp_path / "a.db", (woken, (job(7),)), (woken, (job(8),)), (ended(7), ()))
    assert given == [job(8)]
    given = await unfinished(tmp_path / "b.db", (woken, (job(7),)), (ended(7), (job(8),)))
    assert given == [job(8)]
    given = await unfinished(tmp_path / "c.db", (woken, (job(7),)), (ended(7), (job(8),)), (ended(8), ()))
    assert given == []


async def test_words_of_another_version_do_not_hide_an_unfinished_command(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await unfinished(path, (Woken(at_ms=1), (job(7), Woken(at_ms=2))))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM snapshots")
        connection.execute(
            "UPDATE entries SET outputs = CAST(replace(CAST(outputs AS TEXT), '\"Woken\"', '\"Future\"') AS BLOB)"
        )
    async with Journal(path, "dc1") as journal:
        assert list((await recover(Systems(("oms",), {}), journal, accept=True)).commands) == [job(7)]
    assert [type(m).__name__ for _, m in History([path]).new()] == ["Woken", "StartJob"]


def cancelled(at_ms: int, order_id: str = "O1") -> OrderCancelRequested:
    return OrderCancelRequested(at_ms=at_ms, order_id=order_id, by="x")


async def test_what_was_set_aside_is_held_back_whenever_it_is_sent(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.db", "dc1") as journal:
        journal.set_aside(cancelled(5), "ValueError: boom")
        journal.set_aside(Woken(at_ms=5), "ValueError: boom")
        aside = await Aside.read(journal)
        for at_ms in (5, 6):
            assert aside.instead_of(cancelled(at_ms), 9) == EventSetAside(
                at_ms=9,
                kind="OrderCancelRequested",
                body=f'{{"at_ms": {at_ms}, "order_id": "O1", "by": "x"}}',
                error="ValueError: boom",
            )
        for other in (cancelled(5, "O2"), Woken(at_ms=5), job(1), lane(full=True)):
            assert aside.instead_of(other, 9) is other
        assert [message.kind for message in aside.untold(9)] == ["OrderCancelRequested", "Woken"]
        await journal.aside_told()
        assert (await Aside.read(journal)).untold(9) == []
        assert (await Aside.read(journal)).instead_of(cancelled(5), 9) != cancelled(5)


def lane(*, full: bool) -> LaneChanged:
    return LaneChanged(at_ms=1, machine_id="sorter1", lane=1, enabled=True, full=full, jam=False)


if __name__ == "__main__":
    SMALL_DAY.unlink(missing_ok=True)
    asyncio.run(record(SMALL_DAY))
