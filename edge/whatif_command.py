"""`edge whatif`: a change to the floor as it stands, and what it does to every departure, as a table and as data."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from edge.history import History, find_journals
from edge.messages import OrderCaptured, OrderReleased
from edge.restored import floor_of
from edge.wes.floor import Floor
from edge.wes.whatif import Change, Compared, Finding, Pair, UnknownName, what_if
from edge.why.story import Clock, clock_of

_EARLIER = re.compile(r"(.+)=(\d+) *(s|min|h)")
_UNITS_MS = {"s": 1000, "min": 60_000, "h": 3_600_000}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: a change but for the orders, which are known by their customers or by their names."""

    change: Change
    clients: tuple[str, ...]


def asked(
    lanes: tuple[str, ...], robots: tuple[str, ...], pickers: int, clients: tuple[str, ...], earlier: tuple[str, ...]
) -> Asked:
    """The options as a change. Raises click.UsageError."""
    moved: dict[str, int] = {}
    for each in earlier:
        found = _EARLIER.fullmatch(each)
        if found is None:
            raise click.UsageError(f"--departure-earlier: {each!r} is not ID=TIME; write e.g. D7=30min (s, min or h)")
        moved[found[1]] = int(found[2]) * _UNITS_MS[found[3]]
    return Asked(Change(lanes_down=lanes, robots_down=robots, pickers=pickers, earlier=moved), clients)


def told(
    places: Sequence[Path], wanted: Asked, futures: int, seed: int, timezone: str
) -> tuple[list[str], dict[str, Any]]:
    """The comparison in words and as data. Raises JournalError, click.ClickException."""
    journals = find_journals(places)
    restored = floor_of(journals)
    floor = restored.floor
    try:
        held = _orders(floor, journals, wanted.clients)
        found = what_if(floor, replace(wanted.change, held=held), futures, seed)
    except UnknownName as error:
        raise click.ClickException(str(error)) from error
    if not found.departures:
        raise click.ClickException(f"{restored.journal}: no departure has open work, so there is nothing to foretell")
    site = floor.state.site
    clock = clock_of(timezone or (site.timezone if site else ""))
    notes = [*found.notes, *([restored.caveat] if restored.caveat else [])]
    data = _plain(found) | {"at_ms": restored.at_ms, "seed": seed, "notes": notes}
    head = f"as of {clock.at(restored.at_ms)}, {futures} futures, seed {seed}; before -> after"
    return [head, *_table(found, clock), "", _total(found), *(f"* {note}" for note in notes)], data


def _orders(floor: Floor, journals: Sequence[Path], clients: tuple[str, ...]) -> tuple[str, ...]:
    """Open orders whose customer or id begins with one of the words. Raises UnknownName if a word fits none."""
    if not clients:
        return ()
    customers: dict[str, str] = {}
    for _, message in History(journals).new():
        if isinstance(message, OrderCaptured | OrderReleased):
            customers[message.order_id] = message.customer
    orders = dict.fromkeys(wip.order_id for wip in floor.state.wip.values())
    held: dict[str, None] = {}
    for word in clients:
        fits = [each for each in orders if each.startswith(word) or customers.get(each, "").startswith(word)]
        if not fits:
            raise UnknownName(f"client {word}: no order on the floor begins with it, nor does the customer of one")
        held |= dict.fromkeys(fits)
    return tuple(held)


def _plain(found: Compared) -> dict[str, Any]:
    names = ("before", "after")
    departures = [
        {"departure_id": each.departure_id, "cutoff_ms": each.cutoff_ms}
        | {name: _finding(finding) for name, finding in zip(names, (each.before, each.after), strict=True)}
        for each in found.departures
    ]
    return asdict(found) | {"departures": departures}


def _finding(found: Finding | None) -> dict[str, Any] | None:
    return None if found is None else found._asdict() | {"miss": found.miss._asdict()}


def _table(found: Compared, clock: Clock) -> list[str]:
    rows = [["departure", "cutoff", "P(miss)", "units missed", "done p50", "done p90"]]
    rows += [_row(pair, clock) for pair in found.departures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(pair: Pair, clock: Clock) -> list[str]:
    def both(show: Any) -> str:
        return " -> ".join("-" if each is None else show(each) for each in (pair.before, pair.after))

    def time(at_ms: int) -> str:
        return clock.at(at_ms)[11:16] if at_ms else "never"

    return [
        pair.departure_id,
        clock.at(pair.cutoff_ms)[:16],
        both(lambda each: f"{each.miss.permille / 10:.0f} %"),
        both(lambda each: f"{each.missed_x10 / 10:.1f}"),
        both(lambda each: time(each.finish_p50_ms)),
        both(lambda each: time(each.finish_p90_ms)),
    ]


def _total(found: Compared) -> str:
    before, after, difference, low, high = (
        value / 100
        for value in (found.before_x100, found.after_x100, found.difference_x100, found.low_x100, found.high_x100)
    )
    return (
        f"missed units in all: {before:.2f} -> {after:.2f}, difference {difference:+.2f} "
        f"(95 % interval {low:+.2f} to {high:+.2f} over {found.futures} paired futures)"
    )
