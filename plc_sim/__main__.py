"""The command line of the simulator: `plc-sim run SITE.yaml` on real sockets, `plc-sim day` in virtual time."""

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import click
import uvloop

from edge.settings import ConfigError, SiteSettings, read_site
from plc_sim.run import Options, serve

FAILED, USAGE = 1, 2
CONFIG = Path(__file__).resolve().parent.parent / "config"
PATH = click.Path(path_type=Path)


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
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(read_site(site), options))
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE)
    except OSError as error:
        click.echo(f"plc-sim: {error}; is the port free?", err=True)
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


async def _run(site: SiteSettings, options: Options) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ready: asyncio.Future[str] = loop.create_future()
    ready.add_done_callback(lambda future: click.echo(future.result()))
    await serve(site, options, stop, ready)


if __name__ == "__main__":
    main(prog_name="plc-sim")
