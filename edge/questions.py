"""The commands that ask the journals: `edge why`, `edge why-not`, `edge whatif`. Nothing here changes anything."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import click


@click.group()
def why() -> None:
    """Where something is, and why."""


def _asking(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every question to the journals."""
    options = (
        click.option(
            "--data",
            "places",
            multiple=True,
            type=click.Path(path_type=Path),
            default=(Path("data"),),
            show_default=True,
            help="Journals, or a data directory.",
        ),
        click.option("--timezone", default="", help="Print times of this zone (default: the site's)."),
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@why.command("order")
@click.argument("order_id")
@_asking
def why_order_command(order_id: str, places: tuple[Path, ...], timezone: str, as_json: bool) -> None:
    """The story of one order in plain words, from the journal. Exit 1 if it is in none of them."""
    from edge.history import History, find_journals
    from edge.why.order import why_order

    _check_zone(timezone)
    _answer(why_order(_in_time_order(History(find_journals(places)).new()), order_id, timezone), as_json)


@why.command("task")
@click.argument("task_id")
@_asking
def why_task_command(task_id: str, places: tuple[Path, ...], timezone: str, as_json: bool) -> None:
    """Who got a task and why, what else was compared, what it waits for now. Exit 1 if nobody knows it."""
    from edge.history import History, find_journals
    from edge.restored import restored_floor
    from edge.why.task import why_task

    _check_zone(timezone)
    journals = find_journals(places)
    entries = _in_time_order(History(journals).new())
    _answer(why_task(entries, task_id, restored_floor(journals), timezone), as_json)


@why.command("unit")
@click.argument("hu_id")
@_asking
def why_unit_command(hu_id: str, places: tuple[Path, ...], timezone: str, as_json: bool) -> None:
    """The tasks, scans and decisions of a handling unit, and where it is now. Exit 1 if nobody knows it."""
    from edge.history import History, find_journals
    from edge.restored import restored_floor
    from edge.why.unit import why_unit

    _check_zone(timezone)
    journals = find_journals(places)
    entries = _in_time_order(History(journals).new())
    _answer(why_unit(entries, hu_id, restored_floor(journals), timezone), as_json)


@why.command("machine")
@click.argument("machine_id")
@_asking
def why_machine_command(machine_id: str, places: tuple[Path, ...], timezone: str, as_json: bool) -> None:
    """What a machine does since when, whose cause it is, and what it needs. Exit 1 if nobody knows it."""
    from edge.history import History, find_journals
    from edge.why.machine import why_machine

    _check_zone(timezone)
    _answer(why_machine(_in_time_order(History(find_journals(places)).new()), machine_id, timezone), as_json)


@click.command("why-not")
@click.argument("task_id", required=False)
@click.argument("resource_id", required=False)
@click.option("--idle", is_flag=True, help="Tell of everybody who has nothing to do instead.")
@_asking
def why_not_command(
    task_id: str | None, resource_id: str | None, idle: bool, places: tuple[Path, ...], timezone: str, as_json: bool
) -> None:
    """Why RESOURCE_ID does not do TASK_ID now, as the floor stands at the end of the journal.

    Exit 1 if one of them is not known there.
    """
    from edge.history import find_journals
    from edge.restored import floor_of
    from edge.why.refused import why_idle, why_not

    if idle is (task_id is not None) or (not idle and resource_id is None):
        raise click.UsageError("name a task and a resource, or give --idle alone")
    _check_zone(timezone)
    restored = floor_of(find_journals(places))
    if task_id is None or resource_id is None:
        _answer(why_idle(restored, timezone), as_json)
    else:
        _answer(why_not(restored, task_id, resource_id, timezone), as_json)


@click.command("whatif")
@click.option("--lane-down", "lanes", multiple=True, metavar="LANE", help="A sorter lane takes no units, e.g. L3.")
@click.option("--robot-down", "robots", multiple=True, metavar="ID", help="A robot takes no more work.")
@click.option(
    "--pickers", default=0, metavar="+N", type=click.IntRange(-100, 100), help="N more people who pick (-N: fewer)."
)
@click.option(
    "--hold-client",
    "clients",
    multiple=True,
    metavar="X",
    help="Hold the orders whose customer or order id begins with X (an order has no client field).",
)
@click.option("--departure-earlier", "earlier", multiple=True, metavar="ID=30min", help="A departure leaves earlier.")
@click.option("--futures", default=100, show_default=True, type=click.IntRange(2, 2000), help="Simulated futures.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same futures.")
@_asking
def what_if_command(
    places: tuple[Path, ...], timezone: str, as_json: bool, futures: int, seed: int, **wanted: Any
) -> None:
    """What a change would do to every departure: the floor as it stands at the end of the journal, with and without it.

    Both run through the same seeded futures. Exit 1 if a name is not known there.
    """
    from edge.whatif_command import asked, told

    _check_zone(timezone)
    if not any(wanted.values()):
        raise click.UsageError("name a change, e.g. --lane-down L3 or --pickers +2")
    lines, data = told(places, asked(**wanted), futures, seed, timezone)
    click.echo(json.dumps(data, indent=2) if as_json else "\n".join(lines))


def _check_zone(timezone: str) -> None:
    if timezone and timezone not in available_timezones():
        raise click.UsageError(f"--timezone: {timezone!r} is not an IANA time zone; write one such as Europe/London")


def _answer(answer: Any, as_json: bool) -> None:
    """Prints what was found out and ends the command; 1 if that is nothing."""
    click.echo(json.dumps(answer.plain(), indent=2) if as_json else "\n".join(answer.lines()))
    sys.exit(1 if answer.unknown else 0)


def _in_time_order(entries: Iterator[tuple[int, Any]]) -> list[tuple[int, Any]]:
    return sorted(entries, key=lambda entry: entry[0])
