"""The command line of the simulator: `plc-sim run SITE.yaml` on real sockets, `plc-sim day` in virtual time."""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import click
import uvloop

from edge.settings import ConfigError, SiteSettings, read_site
from plc_sim.conformance.command import conformance
from plc_sim.control import call, listed
from plc_sim.faults import FaultRefused
from plc_sim.options import Options
from plc_sim.troubles import Rate

FAILED, USAGE = 1, 2
CONFIG = Path(__file__).resolve().parent.parent / "config"
PATH = click.Path(path_type=Path)
CONTROL = click.option("--control", type=PATH, envvar="PLC_SIM_CONTROL", help="Socket of the running simulator.")


class Faults(click.ParamType[Rate]):
    """SEED:SECONDS."""

    name = "SEED:SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Rate:
        """Raises BadParameter."""
        try:
            return value if isinstance(value, Rate) else Rate.read(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


FAULTS = click.option("--faults", type=Faults(), help="Faults from a seed, one every so many seconds on average.")


@click.group()
def main() -> None:
    """A simulated warehouse floor: PLCs on real sockets and people with handhelds."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")


@main.command()
@click.argument("site", type=PATH)
@click.option("--seed", default=1, show_default=True, help="Same seed, same people and same mishaps.")
@click.option("--speed", default=1, show_default=True, type=click.IntRange(1, 100), help="Site time per wall time.")
@click.option("--clock-wall", default=0, help="Wall time (ms) at which the site clock showed --clock-site.")
@click.option("--clock-site", default=0, help="Site time (ms) at --clock-wall; default: the wall time.")
@click.option("--people", default=16, show_default=True, type=click.IntRange(0, 200))
@click.option("--box-url", default="", help="The box's page; without it nobody works.")
@click.option("--physical", type=PATH, help="CSV sku,location,quantity: what really lies in the slots.")
@click.option("--actuations", type=PATH, help="Append what physically moves to this file, as JSON lines.")
@click.option("--data", type=PATH, help="Directory for the certificates of secured OPC UA servers.")
@click.option("--certificate", "certificates", multiple=True, default=("hazmat",), show_default=True)
@FAULTS
@click.option("--control", type=PATH, envvar="PLC_SIM_CONTROL", help="Take commands (plc-sim fault) on this socket.")
def run(
    site: Path,
    seed: int,
    speed: int,
    clock_wall: int,
    clock_site: int,
    people: int,
    box_url: str,
    physical: Path | None,
    actuations: Path | None,
    data: Path | None,
    certificates: tuple[str, ...],
    faults: Rate | None,
    control: Path | None,
) -> None:
    """Serve every machine of SITE and drive the people until terminated."""
    options = Options(
        seed=seed,
        speed=speed,
        clock_wall_ms=clock_wall,
        clock_site_ms=clock_site,
        people=people,
        box_url=box_url,
        physical=physical,
        actuations=actuations,
        data=data,
        certificates=certificates,
        faults=faults,
        control=control,
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(read_site(site), options))
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE)
    except OSError as error:
        hint = "; is the port free?" if error.errno is not None else ""
        click.echo(f"plc-sim: {error}{hint}", err=True)
        sys.exit(FAILED)


@main.command()
@click.option("--config", type=PATH, default=CONFIG, show_default=True, help="Where site.yaml and office.yaml are.")
@click.option("--orders-file", type=PATH, help="The orders of the day, a CSV file (needs --map).")
@click.option("--map", "map_file", type=PATH, help="How the columns of the orders file are to be read.")
@click.option("--orders", default=200, show_default=True, type=click.IntRange(1, 100_000), help="Generate so many.")
@click.option("--shortage", default=0.02, show_default=True, type=click.FloatRange(0, 1), help="Share of SKUs short.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same report, byte for byte.")
@click.option("--people", default=16, show_default=True, type=click.IntRange(4, 200))
@click.option("--futures", default=16, show_default=True, type=click.IntRange(0, 1000), help="Per forecast; 0 = none.")
@click.option("--wms-in-office", is_flag=True, help="The other composition: box = wes, office = oms + wms.")
@click.option("--report", "report_file", type=PATH, help="Write the report here.")
@click.option("--actuations", type=PATH, help="Write what physically happens to this file, as JSON lines.")
@FAULTS
def day(report_file: Path | None, **given: Any) -> None:
    """Play a whole day in virtual time: the engines and this floor in one thread, no sockets."""
    from plc_sim.day.show import show_day

    if (given["orders_file"] is None) != (given["map_file"] is None):
        raise click.UsageError("--orders-file needs --map, and the other way round")
    try:
        sys.exit(show_day(report_file, **given))
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE)


@main.command()
@click.argument("machine", required=False)
@click.argument("kind", required=False)
@click.argument("args", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--for", "seconds", type=float, help="End it after so many seconds (wall time).")
@click.option("--end", is_flag=True, help="End it now.")
@click.option("--list", "show", is_flag=True, help="Show every fault there is, with its arguments.")
@CONTROL
def fault(
    machine: str | None,
    kind: str | None,
    args: tuple[str, ...],
    seconds: float | None,
    end: bool,
    show: bool,
    control: Path | None,
) -> None:
    """Have a fault at MACHINE of a running simulator: plc-sim fault sorter1 jam place=3 --for 20"""
    if show:
        for row in listed():
            given = ", ".join(f"{arg['name']}={arg['default']} ({arg['says']})" for arg in row["args"])
            click.echo(f"{row['kind']:14} {row['says']} [{', '.join(row['fits'])}; {row['lasts']}]")
            if given:
                click.echo(f"{'':14}   {given}")
        return
    if not machine or not kind:
        raise click.UsageError("say MACHINE and KIND, or --list to see what there is")
    values = dict(arg.partition("=")[::2] for arg in args)
    if not all(arg.partition("=")[1] for arg in args):
        raise click.UsageError("arguments are NAME=VALUE, such as place=3")
    if end:
        click.echo(_ask(control, {"do": "end", "machine": machine, "kind": kind})["said"])
        return
    asked = {"do": "fault", "machine": machine, "kind": kind, "given": values, "seconds": seconds}
    click.echo(_ask(control, asked)["said"])


@main.command()
@CONTROL
def status(control: Path | None) -> None:
    """Show the machines of a running simulator and the faults they have, as JSON."""
    click.echo(json.dumps(_ask(control, {"do": "status"}), indent=2))


def _ask(control: Path | None, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask the running simulator; ends the command when it cannot be asked or says no."""
    if control is None:
        raise click.UsageError("give --control PATH, the same as to plc-sim run (or set PLC_SIM_CONTROL)")
    try:
        return call(control, asked)
    except FaultRefused as error:
        click.echo(f"plc-sim: {error}", err=True)
    except (OSError, ValueError) as error:
        click.echo(f"plc-sim: no simulator answers at {control} ({error}); start plc-sim run with --control", err=True)
    sys.exit(FAILED)


async def _run(site: SiteSettings, options: Options) -> None:
    from plc_sim.run import serve  # servers take a while to import, and the other commands need none

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ready: asyncio.Future[str] = loop.create_future()
    ready.add_done_callback(lambda future: click.echo(future.result()))
    await serve(site, options, stop, ready)


main.add_command(conformance)


if __name__ == "__main__":
    main(prog_name="plc-sim")
