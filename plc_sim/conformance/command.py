"""The command `plc-sim conformance`."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from edge.settings import ConfigError, read_tags
from plc_sim.conformance.host import Wishes
from plc_sim.conformance.kit import CHECKS, PROFILES, Verdict, run, tags_of, wire_of
from plc_sim.conformance.wire import WireError

FAILED, USAGE = 1, 2
CONFIG = Path(__file__).resolve().parents[2] / "config"
COLOURS = {"pass": "green", "FAIL": "red", "skip": "yellow"}


def slot_of(text: str) -> tuple[int, int, int]:
    """AISLE-BAY-LEVEL. Raises ValueError."""
    parts = [int(part) for part in text.split("-")]
    if len(parts) != 3:
        raise ValueError(f"{text!r} is not AISLE-BAY-LEVEL, such as 1-4-2")
    return parts[0], parts[1], parts[2]


@click.command()
@click.option("--against", required=True, metavar="ADDRESS", help="HOST:PORT (Modbus TCP) or opc.tcp://HOST:PORT.")
@click.option("--profile", required=True, type=click.Choice(PROFILES), help="What kind of machine it is.")
@click.option("--tags", "table", type=click.Path(path_type=Path), help="Its tag table.  [default: that of the profile]")
@click.option("--unit", default=1, show_default=True, help="Modbus unit id.")
@click.option("--root", default="", help="OPC UA: nsu=<namespace uri>;s=<path> of the machine.")
@click.option("--motion", is_flag=True, help="Also checks that move the machine. Nobody may be in it.")
@click.option("--units", default=0, help="Somebody puts cartons on, one per check: also check scanner and decisions.")
@click.option("--lane", default=1, show_default=True, help="The lane the cartons shall go to.")
@click.option("--slot", default="1-1-1", show_default=True, help="A slot of the robot with pieces in it.")
@click.option("--scan-ms", default=20, show_default=True, help="Scan cycle of the PLC.")
@click.option("--check", "only", multiple=True, help="Only this check; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def conformance(
    against: str, profile: str, table: Path | None, unit: int, root: str, motion: bool, units: int, lane: int,
    slot: str, scan_ms: int, only: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Play the edge's side against a PLC (or another simulator): what passes, what does not. Exit 1 if anything fails.

    Do not run it beside an edge: a PLC has one host.
    """
    try:
        tags = read_tags(table or tags_of(profile, against, CONFIG))
        wire = wire_of(against, unit, root, tags)
        wishes = Wishes(motion=motion, units=units, lane=lane, slot=slot_of(slot), scan_ms=scan_ms)
        unknown = set(only) - {name for name, _ in CHECKS[profile]}
        if unknown:
            raise ValueError(f"no check {min(unknown)!r}; there are {', '.join(name for name, _ in CHECKS[profile])}")
        say = _no_word if as_json else _show
        verdicts = asyncio.run(run(wire, tags, profile, wishes, say, only))
    except (ValueError, ConfigError) as error:
        click.echo(f"plc-sim: {error}", err=True)
        sys.exit(USAGE)
    except WireError as error:
        click.echo(f"plc-sim: {error}", err=True)
        sys.exit(FAILED)
    counts = {name: sum(verdict.verdict == name for verdict in verdicts) for name in COLOURS}
    if as_json:
        click.echo(json.dumps([asdict(verdict) for verdict in verdicts], indent=2))
    else:
        click.echo(f"{counts['pass']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    sys.exit(FAILED if counts["FAIL"] else 0)


def _no_word(verdict: Verdict) -> None:
    """The JSON at the end says it all."""


def _show(verdict: Verdict) -> None:
    mark = click.style(verdict.verdict, fg=COLOURS[verdict.verdict])
    click.echo(f"{mark}  {verdict.name:17} {verdict.text}")
    if verdict.verdict == "FAIL":
        click.echo(f"{'':23} > {verdict.asks}")
