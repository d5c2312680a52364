"""The command: ./run exam [NAME]... [--quick] [--json FILE]."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.bench.yardstick import Row, canonical, machine, ratio

NAMES = ("lap", "tardiness")
"""The parts: modules beside this one with FOLDER, sit(folder, quick) -> figures, rows(figures) and WORDS."""
WIDTH = 140
"""Where there is no terminal to ask."""


def part(name: str) -> ModuleType:
    """The module of a part; loaded only when it is sat."""
    return importlib.import_module(f"tests.exam.{name}")


def words_of(module: ModuleType) -> str:
    """What a part is about; one that does not say in WORDS says it in the first line of its docstring."""
    said: str = getattr(module, "WORDS", "") or (module.__doc__ or "").partition("\n")[0]
    return said


def rows_of(module: ModuleType, figures: dict[str, Any]) -> list[Row]:
    """The rows of a part's table; without rows() how many instances were solved."""
    if hasattr(module, "rows"):
        found: list[Row] = module.rows(figures)
        return found
    solved, of = figures["solved"], figures["of"]
    return [Row("instances, optimum found", f"{solved}", f"{of}", ratio(solved, of))]


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
    for row in rows_of(module, one["figures"]):
        table.add_row(row.what, row.measured, row.limit, f"{row.ratio:.4g}")
    console.print(f"{one['name']}: {words_of(module)}", table, caption, sep="\n")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(NAMES))
@click.option("--list", "listing", is_flag=True, help="Say what there is and stop.")
@click.option("--quick", is_flag=True, help="A few instances and little effort: does it run? The figures mean nothing.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the figures here as canonical JSON: one object {name, figures, machine}, a list if several were sat.",
)  # fmt: skip
def main(names: tuple[str, ...], listing: bool, quick: bool, json_file: Path | None) -> None:
    """Solve public instances whose optimal or best known values are in the literature: NAME is lap or tardiness.

    All parts if none is given. Every figure stands beside the known value. With the core compiled the whole exam takes
    a minute or two; uncompiled it takes about an hour, so use --quick there.
    """
    if listing:
        for name in NAMES:
            click.echo(f"{name:10} {words_of(part(name))}")
        return
    if machine()["core"] == "python" and not quick:
        click.echo("exam: the core is not compiled; this takes about an hour (--quick does not)", err=True)
    console, results = Console(width=None if sys.stdout.isatty() else WIDTH), []
    for name in dict.fromkeys(names or NAMES):
        results.append(result(name, quick=quick))
        show(console, results[-1])
    if json_file is not None:
        json_file.write_text(canonical(results))


if __name__ == "__main__":
    main(prog_name="./run exam")
