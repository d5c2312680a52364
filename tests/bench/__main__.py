"""The command: ./run bench [NAME]... [--quick] [--data DIR] [--json FILE]; ./run bench audit|fallback [OPTION]..."""

import importlib
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.bench.yardstick import canonical, machine

NAMES = ("journal", "loop", "scan", "tags", "day", "memory", "dispatch")
SERIES = ("audit", "fallback")
"""Commands of their own: they count what went wrong instead of measuring."""
WIDTH = 120
"""Where there is no terminal to ask."""
BUSY = 0.5
"""Load per core above which somebody else is probably running too."""


def benchmark(name: str) -> ModuleType:
    """The module of a benchmark; loaded only when it runs."""
    return importlib.import_module(f"tests.bench.{name}")


def result(name: str, *, quick: bool, data: Path) -> dict[str, Any]:
    """Runs one benchmark: its name, figures, and machine."""
    module = benchmark(name)
    figures = module.run(module.QUICK if quick else module.NORMAL, data)
    return {"name": name, "figures": figures, "machine": machine()}


def show(console: Console, one: dict[str, Any]) -> None:
    """A small table in plain words."""
    module, where = benchmark(one["name"]), one["machine"]
    caption = f"ratio = measured / limit; {where['cores']} cores, Python {where['python']}, core {where['core']}"
    table = Table()
    for heading in ("what", "measured", "limit in the same run"):
        table.add_column(heading)
    table.add_column("ratio", justify="right")
    for row in module.rows(one["figures"]):
        table.add_row(row.what, row.measured, row.limit, f"{row.ratio:.3g}")
    console.print(f"{one['name']}: {module.WORDS}", table, caption, sep="\n")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(NAMES))
@click.option("--list", "listing", is_flag=True, help="Say what there is and stop.")
@click.option("--quick", is_flag=True, help="Tiny sizes: does it run? The figures mean nothing.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(tempfile.gettempdir()),
    show_default=True,
    help="Where the journals are written while measuring: the disk that is meant.",
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the figures here as canonical JSON: one object {name, figures, machine}, a list if several ran.",
)  # fmt: skip
def main(names: tuple[str, ...], listing: bool, quick: bool, data: Path, json_file: Path | None) -> None:
    """Measure the runtime: NAME is one of those that --list shows; all of them if none is given.

    Every figure stands beside a limit measured in the same run, in turn. A ratio is measured / limit, so 1.0 is as good
    as the limit and smaller is better; only ratios can be compared between machines. Run it on an otherwise idle
    machine: scan takes about 25 minutes, tags 4, the others a minute or two (the real day longer without a compiler).
    """
    if listing:
        for name in NAMES:
            click.echo(f"{name:8} {benchmark(name).WORDS}")
        click.echo(f"{', '.join(SERIES)}: series of their own, see ./run bench NAME --help")
        return
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load > BUSY:
        click.echo(f"bench: the machine is busy (load {load:.1f} per core); expect worse figures", err=True)
    console, results = Console(width=None if sys.stdout.isatty() else WIDTH), []
    for name in dict.fromkeys(names or NAMES):
        results.append(result(name, quick=quick, data=data))
        show(console, results[-1])
    if json_file is not None:
        json_file.write_text(canonical(results))


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in SERIES:
        benchmark(sys.argv[1]).main(sys.argv[2:], prog_name=f"./run bench {sys.argv[1]}")
    main(prog_name="./run bench")
