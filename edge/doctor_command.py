"""The commands that look at the PLCs of a site: `edge tags`, `edge doctor`. They read; nothing is ever written."""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from edge.settings import ConfigError, SiteSettings, read_process, read_site

CONFIG = click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
JSON = click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}
WIDTH = 160


@click.command()
@CONFIG
@click.argument("device")
@click.option("--like", default="", help="Only tags whose names begin so, e.g. Lane or Req0.")
@click.option("--seconds", default=1.0, show_default=True, type=click.FloatRange(0.1, 60), help="Read for so long.")
@click.option("--watch", is_flag=True, help="Again and again, until Ctrl-C.")
@JSON
def tags(config: Path, device: str, like: str, seconds: float, watch: bool, as_json: bool) -> None:
    """Show the live values of a DEVICE of CONFIG (a box or a site file): value, quality, age.

    Opens a connection of its own beside a running box; a PLC that allows few connections may refuse one of the two.
    Exit 1 if the link does not come up.
    """
    from edge.diagnosis import patients, watch_all

    click.get_current_context().with_resource(_quiet())
    site = _site(config)
    _known(site, device, config)
    while True:
        (patient,) = these = patients(site, [device])
        asyncio.run(watch_all(these, seconds))
        if patient.no_connection or not patient.good:
            click.echo(
                f"{device}: {patient.no_connection or patient.reason}; `edge doctor {config}` tells more", err=True
            )
            sys.exit(1)
        rows = patient.table(like)
        if watch and not as_json:
            click.clear()
        click.echo(json.dumps(rows) if as_json else _drawn(device, rows))
        if not watch:
            return


@click.command()
@CONFIG
@click.option("--device", "devices", multiple=True, help="Only this one; may be given several times.")
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.5, 60), help="Watch for so long.")
@JSON
def doctor(config: Path, devices: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Examine every PLC link of CONFIG (a box or a site file): is it reachable, secured, the right device, in time?

    Exit 1 if anything is bad.
    """
    from edge.diagnosis import as_data, patients, watch_all

    click.get_current_context().with_resource(_quiet())
    site = _site(config)
    for device in devices:
        _known(site, device, config)
    these = patients(site, devices)
    asyncio.run(watch_all(these, seconds))
    findings = [finding for patient in these for finding in patient.findings()]
    if as_json:
        click.echo(json.dumps(as_data(findings), indent=2))
    else:
        for finding in findings:
            verdict = click.style(f"{finding.verdict:4}", fg=COLOURS[finding.verdict])
            remedy = f"\n{'':30}> {finding.remedy}" if finding.remedy else ""
            click.echo(f"{verdict}  {finding.device:16} {finding.what:12} {finding.text}{remedy}")
    bad = sum(finding.verdict == "bad" for finding in findings)
    if bad:
        click.echo(f"edge doctor: {bad} of {len(findings)} findings are bad", err=True)
        sys.exit(1)


@contextmanager
def _quiet() -> Iterator[None]:
    """What the links say while they try is in the findings."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _site(config: Path) -> SiteSettings:
    """The site of a box, or the site itself. Raises ConfigError."""
    from edge.checking import schema_of

    if not schema_of(config).startswith("edge/process/"):
        return read_site(config)
    path = read_process(config).site
    if path is None:
        raise ConfigError([f"{config}:1: site: missing; this process has no machines, give the config of a box"])
    return read_site(path)


def _known(site: SiteSettings, device: str, config: Path) -> None:
    if device not in site.devices:
        raise ConfigError([f"{config}: no device {device!r}; there are {', '.join(site.devices) or 'none'}"])


def printable(value: bool | int | float | str) -> str:
    """Without the padding of strings, and without what a terminal would take for a command."""
    text = str(value).rstrip("\0")
    return text if text.isprintable() else repr(text)[1:-1]


def _drawn(device: str, rows: list[dict[str, Any]]) -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table("tag", "value", "unit", "quality", "age ms", "writer", "where", title=device, title_justify="left")
    for row in rows:
        age = "" if row["age_ms"] is None else str(row["age_ms"])
        quality = row["quality"] + (f": {row['reason']}" if row["reason"] else "")
        value = "" if row["value"] is None else printable(row["value"])
        table.add_row(row["name"], value, row["unit"], quality, age, row["writer"], row["where"])
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()
