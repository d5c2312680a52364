"""The commands of `edge`. Each opens only the rooms it needs, so that `--help` is quick."""

import asyncio
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from edge import __version__
from edge.doctor_command import doctor, tags
from edge.logs import set_up_logs
from edge.pki_command import pki
from edge.questions import what_if_command, why, why_not_command

CONFIG = Path(__file__).resolve().parent.parent / "config"
STRATEGIES = ("rolling", "atcs", "nearest", "edd", "fifo")
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="edge")
def cli() -> None:
    """The warehouse edge runtime. Try `edge demo`; a real site: `edge check CONFIG`, then `edge run CONFIG`."""


@cli.command()
@click.argument("config", type=FILE)
@click.option(
    "--accept-new-decisions", is_flag=True, help="Start although this version decides the journal's tail otherwise."
)
def run(config: Path, accept_new_decisions: bool) -> None:
    """Run one process (box or office) from its CONFIG until SIGTERM."""
    from edge.checking import check_process
    from edge.runtime import run as run_process

    set_up_logs()
    process, site, _ = check_process(config, running=True)
    run_process(process, site, accept=accept_new_decisions)


@cli.command()
@click.argument("config", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print what would run as JSON.")
def check(config: Path, as_json: bool) -> None:
    """Validate CONFIG (a process or a site file) without connecting; print what would run."""
    from edge.checking import describe

    lines, data = describe(config)
    click.echo(json.dumps(data, indent=2) if as_json else "\n".join(lines))


@cli.command()
@click.argument("what", type=click.Choice(["site", "process", "orders-map", "report"]))
def schema(what: str) -> None:
    """Print the JSON Schema of a config file (for editors) or of the report."""
    from edge.checking import json_schema

    click.echo(json.dumps(json_schema(what), indent=2))


@cli.command(hidden=True)
@click.option("--socket", "socket_path", type=FILE, required=True)
@click.option("--name", required=True)
@click.option("--settings", required=True)
def page(socket_path: Path, name: str, settings: str) -> None:
    """Serve the page of a running process (started by it)."""
    from edge.page.server import main as serve
    from edge.settings import PageSettings

    set_up_logs()
    serve(PageSettings.model_validate_json(settings), socket_path, name)


@cli.command()
@click.option(
    "--orders", default=60, show_default=True, type=click.IntRange(1, 100_000), help="How many orders to generate."
)
@click.option("--orders-file", type=FILE, help="Take the orders from a CSV file instead (needs --map).")
@click.option("--map", "map_file", type=FILE, help="How the columns of the orders file are to be read.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same day.")
@click.option(
    "--speed",
    default=1,
    show_default=True,
    type=click.IntRange(1, 20),
    help="Work runs so much faster; protocol timers do not.",
)
@click.option(
    "--people", default=16, show_default=True, type=click.IntRange(4, 200), help="Simulated people with handhelds."
)
@click.option(
    "--shortage", default=0.02, show_default=True, type=click.FloatRange(0, 1), help="Share of the SKUs that run short."
)
@click.option("--until-done", is_flag=True, help="End when every order is final (exit 0; 3 if the time limit passes).")
@click.option(
    "--time-limit", default=60.0, show_default=True, type=click.FloatRange(0), help="Minutes, with --until-done."
)
@click.option("--headless", is_flag=True, help="Plain progress lines instead of a live table.")
@click.option("--report", "report_file", type=FILE, help="Write the report here at the end.")
@click.option("--data", type=FOLDER, help="Keep everything here; a second run goes on where the first one stopped.")
@click.option(
    "--config", type=FOLDER, default=CONFIG, show_default=True, help="Where site.yaml, box.yaml and office.yaml are."
)
@click.option("--wms-in-office", is_flag=True, help="The other composition: box = wes, office = oms + wms.")
def demo(
    shortage: float, time_limit: float, headless: bool, report_file: Path | None, data: Path | None, **given: Any
) -> None:
    """A whole warehouse on this machine, over real sockets."""
    from edge.demo.show import play
    from edge.demo.stage import DemoOptions

    if (given["orders_file"] is None) != (given["map_file"] is None):
        raise click.UsageError("--orders-file needs --map, and the other way round")
    root = (data or Path(tempfile.mkdtemp(prefix="edge-demo-"))).resolve()
    live = not headless and sys.stdout.isatty()
    set_up_logs(logging.WARNING, root / "demo.log" if live else None)
    options = DemoOptions(data=root, shortage_percent=shortage * 100, time_limit_s=time_limit * 60, **given)
    sys.exit(play(options, report_file, live=live))


@cli.group()
def orders() -> None:
    """Bring orders in."""


@orders.command("import")
@click.argument("file", type=FILE)
@click.option(
    "--map",
    "map_file",
    type=FILE,
    required=True,
    help="How the columns are to be read (see config/orders-online-retail.yaml).",
)
@click.option("--office", default="http://127.0.0.1:8090", show_default=True, help="Address of the office's page.")
@click.option("--items", type=FILE, help="Catalogue (items.csv) to check the SKUs against.")
@click.option("--token-file", type=FILE, help="File with the token of the office's page.")
@click.option("--ca-file", type=FILE, help="Certificate of whoever signed the office's, for an https address.")
@click.option("--dry-run", is_flag=True, help="Read and validate only.")
@click.option("--json", "as_json", is_flag=True, help="Print what became of the file as JSON.")
def import_orders(file: Path, map_file: Path, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Read an order FILE, put bad rows beside it (orders.csv: orders.rejected.csv), send the rest to the office.

    Exit 1 if the office refused an order or cannot be reached, or if there is no order in the file.
    """
    from edge.intake.importing import import_file
    from edge.intake.send import DoorClosed

    try:
        result = asyncio.run(import_file(file, map_file, send=not dry_run, **given))
    except DoorClosed as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(result.as_dict(), indent=2) if as_json else "\n".join(result.lines()))
    sys.exit(1 if result.refused or not result.orders else 0)


@cli.group()
def stock() -> None:
    """Opening stock."""


@stock.command("seed")
@click.option("--orders-file", type=FILE, required=True)
@click.option("--map", "map_file", type=FILE, required=True)
@click.option(
    "--shortage", default=0.02, show_default=True, type=click.FloatRange(0, 1), help="Share of the SKUs that run short."
)
@click.option("--seed", default=1, show_default=True)
@click.option("--site", "site_file", type=FILE, default=CONFIG / "site.yaml", show_default=True)
@click.option("--out", type=FOLDER, default=Path("data/seed"), show_default=True)
def seed_stock_files(orders_file: Path, map_file: Path, shortage: float, seed: int, site_file: Path, out: Path) -> None:
    """Make a catalogue and an opening stock that fit an order file: items.csv, stock.csv, physical.csv."""
    from edge.intake.files import read_orders
    from edge.intake.mapping import read_mapping
    from edge.intake.seed import seed_stock, write_seed
    from edge.settings import read_site

    intake = read_orders(orders_file, read_mapping(map_file), None)
    made = seed_stock(intake.orders, read_site(site_file), shortage, seed, intake.items)
    write_seed(out, made)
    units = sum(line.quantity for line in made.stock)
    click.echo(f"{out}: {len(made.items)} items, {units} units at {len(made.stock)} places; name them in box.yaml and")
    click.echo("office.yaml as items_file and stock_file (physical.csv is only for plc-sim: what really lies there)")


@cli.command()
@click.argument("journals", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=FILE, help="Write the report here as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the report itself.")
def report(journals: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """The figures of a day from its JOURNALS (files, or the data directory of a demo)."""
    from edge.demo.show import kpis
    from edge.history import History, find_journals
    from edge.page.reports import Report, write_report

    history = History(find_journals(journals))
    folded = Report()
    for at_ms, message in history.new():
        folded.see(at_ms, message)
    result = folded.result(history.figures(), virtual=False)
    if out is not None:
        write_report(out, result)
    click.echo(json.dumps(result, indent=2, sort_keys=True)) if as_json else kpis(result)


@cli.command()
@click.argument("journal", type=click.Path(path_type=Path, exists=True))
@click.option("--check", "compare", is_flag=True, help="Exit 1 if today's code decides anything otherwise.")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    help="Run the recorded day again under this dispatch strategy, and compare.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def replay(journal: Path, compare: bool, strategy: str | None, as_json: bool) -> None:
    """Decide a whole JOURNAL (the file, or the directory of one process) again with this version and compare.

    With --strategy the day is simulated anew: the same work, hands and durations, decided by another strategy.
    """
    from edge.checking import replay_journal
    from edge.history import find_journals
    from edge.journal import JournalError
    from edge.rerun_command import compare as compare_strategies

    if compare and strategy:
        raise click.UsageError("--check and --strategy are two questions; ask one at a time")
    found = find_journals([journal])
    if len(found) > 1:
        raise JournalError(f"{journal}: holds {len(found)} journals; name one: {', '.join(map(str, found))}")
    if strategy:
        lines, data = compare_strategies(found[0], strategy)
        click.echo(json.dumps(data, indent=2) if as_json else "\n".join(lines))
        return
    started = time.perf_counter()
    entries, differences, state = replay_journal(found[0])
    seconds = time.perf_counter() - started
    if as_json:
        click.echo(json.dumps({"entries": entries, "differences": differences, "state": state}))
    else:
        for difference in differences[:20]:
            click.echo(difference)
        click.echo(f"{entries} events decided again in {seconds:.1f} s: {len(differences)} differ; state {state}")
    sys.exit(1 if compare and differences else 0)


@cli.command()
@click.argument("journal", type=click.Path(path_type=Path, exists=True))
@click.option("--release", is_flag=True, help="Try them again from the next start on (after the cause was mended).")
def aside(journal: Path, release: bool) -> None:
    """List the events of a JOURNAL that ended its process once and were set aside."""
    from edge.history import find_journals
    from edge.journal import read_aside, release_aside

    for path in find_journals([journal]):
        for kind, error, body in read_aside(path):
            click.echo(f"{path}: {kind} ({error}): {body.decode(errors='replace')[:200]}")
        if release:
            click.echo(f"{path}: {release_aside(path)} released; they count again from the next start on")


for question in (why, why_not_command, what_if_command, tags, doctor):
    cli.add_command(question)
cli.add_command(pki)
