"""The command: ./run exam [NAME]... [--quick] [--json FILE]."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.bench.yardstick import canonical, machine

NAMES = ("lap", "tardiness", "regret", "warning", "parity")
"""The parts: modules beside this one with FOLDER, sit(folder, quick) -> figures, rows(figures) and WORDS.

One with draw(figures, file) can be given --picture.
"""
WIDTH = 140
"""Where there is no terminal to ask."""


def part(name: str) -> ModuleType:
    """The module of a part; loaded only when it is sat."""
    return importlib.import_module(f"tests.exam.{name}")


def result(name: str, *, quick: bool) -> dict[str, Any]:
    """Sits one part: its name, figures, and machine."""
    module = part(name)
    return {"name": name, "figures": module.sit(module.FOLDER, quick), "machine": machine()}


def show(console: Console, one: dict[str, Any]) -> None:
    """A small table in plain words."""
    module, where = part(one["name"]), one["machine"]
    caption = f"ratio = found / known; {where['cores']} cores, Python {where['python']}, core {where['core']}"
    table = Table()
    for heading in ("what", "found", "known"):
        table.add_column(heading)
    table.add_column("ratio", justify="right")
    for row in module.rows(one["figures"]):
        table.add_row(row.what, row.measured, row.limit, f"{row.ratio:.4g}")
    console.print(f"{one['name']}: {module.WORDS}", table, caption, sep="\n")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(NAMES))
@click.option("--list", "listing", is_flag=True, help="Say what there is and stop.")
@click.option("--quick", is_flag=True, help="A few instances and little effort: does it run? The figures mean nothing.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the figures here as canonical JSON: one object {name, figures, machine}, a list if several were sat.",
)  # fmt: skip
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the reliability of the forecasts (warning).",
)
def main(
    names: tuple[str, ...], listing: bool, quick: bool, json_file: Path | None, picture: Path | None
) -> None:  # fmt: skip
    """Compare the core with what is known: NAME is lap, tardiness (public instances), regret (small days beside the
    best schedule of somebody who knows the future) or warning (forecasts on held-back days).

    All parts if none is given. Every figure stands beside a known value. With the core compiled lap, tardiness and
    regret take a minute or two, warning ten; uncompiled all of it takes many hours, so use --quick there.
    """
    if listing:
        for name in NAMES:
            click.echo(f"{name:10} {part(name).WORDS}")
        return
    if machine()["core"] == "python" and not quick:
        click.echo("exam: the core is not compiled; this takes many hours (--quick does not)", err=True)
    names = tuple(dict.fromkeys(names or NAMES))
    if picture is not None and not any(hasattr(part(name), "draw") for name in names):
        raise click.UsageError("--picture needs the part that draws it: warning")
    console, results = Console(width=None if sys.stdout.isatty() else WIDTH), []
    for name in names:
        results.append(result(name, quick=quick))
        show(console, results[-1])
        if picture is not None and hasattr(part(name), "draw"):
            part(name).draw(results[-1]["figures"], picture)
    if json_file is not None:
        json_file.write_text(canonical(results))


if __name__ == "__main__":
    main(prog_name="./run exam")
