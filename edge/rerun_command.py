"""`edge replay --strategy`: a recorded day beside the same day simulated, as it was decided and otherwise."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.history import History
from edge.journal import JournalError
from edge.wes.ledger import DepartureFigures, Figures
from edge.wes.rerun import SIMPLIFIED, Day, compared

MINUTE_MS = 60_000


def recorded_day(journal: Path) -> Day:
    """The day a journal of a box holds. Raises JournalError if there is none to run again."""
    day = Day()
    for at_ms, message in History([journal]).new():
        day.see(at_ms, message)
    if not day.dispatch:
        raise JournalError(
            f"{journal}: no site was opened in it; name the journal of a process that runs a WES, with its beginning"
        )
    if not day.completed:
        raise JournalError(f"{journal}: no task was finished in it, so there is no day to run again")
    return day


def compare(journal: Path, strategy: str) -> tuple[list[str], dict[str, Any]]:
    """The comparison in words and as data. Raises JournalError."""
    day = recorded_day(journal)
    found = compared(day, strategy)
    notes = [*SIMPLIFIED, *_own_notes(day)]
    plain = {name: _plain(figures) for name, figures in found.items()}
    data = {"recorded_strategy": day.dispatch, "asked_strategy": strategy, **plain, "notes": notes}
    return [*_table(found, day.dispatch, strategy), "", *(f"* {note}" for note in notes)], data


def _own_notes(day: Day) -> list[str]:
    """What is special about this day."""
    notes, count = [], day.left_out()
    if day.asked != day.dispatch:
        notes.append(f"The day was decided by {day.asked!r}, which is no more; it is simulated as {day.dispatch!r}.")
    if count:
        units = "1 handling unit was" if count == 1 else f"{count} handling units were"
        notes.append(f"{units} not loaded when the journal ends.")
    return notes


def _plain(figures: Figures) -> dict[str, Any]:
    return asdict(figures) | {"utilisation_permille": figures.utilisation_permille}


def _table(found: Mapping[str, Figures], recorded: str, asked: str) -> list[str]:
    """One column for each day, one row for each figure and each departure."""
    columns = list(found.values())
    rows = [
        ["", "the day", f"simulated {recorded}", f"simulated {asked}"],
        ["missed cutoffs", *(f"{each.missed} of {each.units} units" for each in columns)],
        ["tardiness", *(_minutes(each.tardiness_ms) for each in columns)],
        ["walking", *(_minutes(each.walk_ms) for each in columns)],
        ["utilisation", *(f"{each.utilisation_permille / 10:.1f} %" for each in columns)],
        ["tasks done", *(str(each.tasks) for each in columns)],
    ]
    if any(each.unfinished for each in columns):
        rows.insert(2, ["never loaded", *(f"{each.unfinished} units" for each in columns)])
    rows.append(["departure: missed, time from first task to last load", "", "", ""])
    for name in columns[0].departures:
        rows.append([f"  {name or 'none'}", *(_departure(each.departures[name]) for each in columns)])
    widths = [max(len(row[i]) for row in rows if i == 0 or row[1]) for i in range(4)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in range(1, 4))]).rstrip() for row in rows
    ]


def _departure(figures: DepartureFigures) -> str:
    return f"{figures.missed}/{figures.units}, {_minutes(figures.makespan_ms)}"


def _minutes(ms: int) -> str:
    return f"{ms / MINUTE_MS:.1f} min"
