"""The command: ./run scenarios [--scenario NAME] [--load X] [--noise N] [--strategy NAME] [--json FILE] [--quick]."""

import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.exam.floor import results, verdict
from tests.exam.floor.comparing import Case, compare, play_all, say
from tests.exam.floor.draw import NOISES
from tests.exam.floor.scenarios import FIRST_SEED, SCENARIOS, STRATEGIES, USUAL_SCENARIOS, USUAL_STRATEGIES
from tests.exam.floor.tuning import tune

WIDTH = 160
QUICK_HOURS, QUICK_SEEDS = 1.5, 2
COLUMNS = (
    ("missed %", "missed_pct", 2), ("weighted %", "weighted_missed_pct", 2), ("tardy min", "tardiness_min", 2),
    ("empty s", "empty_s", 1), ("us/decision", "cpu_us", 1), ("decisions", "decisions", 0), ("backlog", "backlog", 0),
    ("background late %", "background_late_pct", 1),
)  # fmt: skip


def cases_of(
    seed: int, scenarios: tuple[str, ...], loads: tuple[float, ...], noises: tuple[str, ...],
    strategies: tuple[str, ...], *, quick: bool,
) -> list[Case]:  # fmt: skip
    """Every run of one seed."""
    cases = []
    for name in scenarios:
        scenario = SCENARIOS[name]
        hours = min(QUICK_HOURS, scenario.hours) if quick else scenario.hours
        for load in loads or (scenario.loads[-1:] if quick else scenario.loads):
            cases += [Case(name, load, noise, strategy, seed, hours) for noise in noises for strategy in strategies]
    return cases


def play_seeds(by_seed: list[list[Case]], jobs: int, json_file: Path | None) -> results.Runs:
    """Seed after seed, so that what is there when somebody looks or interrupts is paired; goes on with the file's."""
    runs = results.read(json_file) if json_file else []
    there = {case for case, _ in runs}
    for n, cases in enumerate(by_seed, 1):
        left = [case for case in cases if case not in there]
        if not left:
            continue
        say(f"floor: seed {n} of {len(by_seed)}, {len(left)} runs")
        found = play_all(left, jobs)
        runs += found
        if json_file:
            results.write(json_file, runs)
        if len(found) < len(left):
            break
    return runs


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    """A table per scenario, load, and noise."""
    for where in dict.fromkeys((row["scenario"], row["load"], row["noise"]) for row in rows):
        table = Table(title=f"{where[0]}, load {where[1]:g}, noise {where[2]}", title_justify="left")
        table.add_column("strategy")
        for heading, *_ in COLUMNS:
            table.add_column(heading, justify="right")
        table.add_column("weighted % against atcs", justify="right")
        for row in rows:
            if (row["scenario"], row["load"], row["noise"]) == where:
                figures = [f"{row[name]:.{digits}f}" for _, name, digits in COLUMNS]
                table.add_row(row["strategy"], *figures, against(row))
        console.print(table)


def against(row: dict[str, Any]) -> str:
    """The paired difference with its 95 % interval."""
    return verdict.interval(row["against"]["weighted_missed_pct"]) if "against" in row else ""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--scenario", "scenarios", multiple=True, type=click.Choice(list(SCENARIOS)), default=USUAL_SCENARIOS,
              show_default=True, help="May be given several times, as the next three.")  # fmt: skip
@click.option("--load", "loads", multiple=True, type=float, help="  [default: all three of the scenario]")
@click.option("--noise", "noises", multiple=True, type=click.Choice((*NOISES, "all")), default=("0.3",),
              show_default=True, help="Hands-on time over its estimate: lognormal sigma, or heavy-tailed.")  # fmt: skip
@click.option("--strategy", "strategies", multiple=True, type=click.Choice(list(STRATEGIES)), default=USUAL_STRATEGIES,
              show_default=True, help="lookahead takes seconds a run, cpsat (agv10 only) many minutes.")  # fmt: skip
@click.option("--seeds", default=20, show_default=True, help=f"How many days, from seed {FIRST_SEED} on.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default="all cores", help="Runs at once.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False),
              help="Write everything here after every seed, and go on with what is there.")  # fmt: skip
@click.option("--quick", is_flag=True, help="Short days, two seeds, the highest load: does it run?")
@click.option("--tune", "tuning", is_flag=True, help="Search parameters of --strategy on the tuning seeds instead.")
def main(
    scenarios: tuple[str, ...], loads: tuple[float, ...], noises: tuple[str, ...], strategies: tuple[str, ...],
    seeds: int, jobs: int, json_file: Path | None, quick: bool, tuning: bool,
) -> None:  # fmt: skip
    """Compare dispatch strategies on days in virtual time: the same orders, breakdowns and noise for everyone.

    Missed are orders not finished by their cutoff; weighted by 1, 3 or 8. Tardiness is weighted minutes per order,
    empty is the way to a task, us/decision the strategy's CPU time per task started. The default takes minutes.

    shortest, a strategy of this exam only, is the assignment that minds nothing but the way.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if tuning:
        for name in scenarios:
            for strategy in strategies:
                console.print(f"{name} {strategy}", tune(name, strategy, jobs), sep="\n")
        return
    if "all" in noises:
        noises = NOISES
    days = range(FIRST_SEED, FIRST_SEED + (QUICK_SEEDS if quick else seeds))
    by_seed = [cases_of(seed, scenarios, loads, noises, strategies, quick=quick) for seed in days]
    try:
        runs = play_seeds(by_seed, jobs, json_file)
    except results.OtherResults as other:
        raise click.ClickException(str(other)) from other
    show(console, compare(runs))
    found = verdict.verdicts(runs)
    if found:
        console.print(verdict.table(found), *verdict.summary(found), sep="\n")


if __name__ == "__main__":
    main(prog_name="./run scenarios")
