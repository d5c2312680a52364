"""The edge killed, hung and cut off, again and again: does every PLC reach its safe fallback in time, and stay there?

    python -m tests.bench fallback [--rounds 100] [--json FILE]

A real simulator and a real box, each a process. Everything is measured from the actuation log, which the simulator
writes outside of the process under test, and by the PLC's own clock: from the last heartbeat that it took over to its
fallback. So it does not depend on how busy the machine is. Per kind of loss:

    killed      SIGKILL; later a new box starts
    hung        SIGSTOP; later SIGCONT: sockets and sessions stand all the while
    cut off     nobody can reach the PLCs; later they can

Counted besides: what moved before the machine was armed again by a command (of a sorter that goes on into its default
lane: diverts by decisions of the lost edge), and machines that were not at work again.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from plc_sim.actuations import Actuation, Did
from plc_sim.program import SCAN_MS, STALE_MS
from tests.bench.plants import Plants, on_free_ports, plants
from tests.bench.yardstick import percentile

KINDS = ("killed", "hung", "cut off")
LIMIT_MS = STALE_MS + SCAN_MS
GONE_S = 20.0
BACK_S = 90.0
PAUSE_S = 0.3
"""Longer than the fallback itself: what would move does so meanwhile."""
STOP_KINDS = ("conveyor",)
"""Kinds whose drive stands in the fallback; a robot ends the cycle it is in, a sorter empties itself."""


@dataclass(slots=True)
class Tally:
    """What was seen of one kind of loss, all machines together."""

    kind: str
    rounds: int = 0
    fallbacks: int = 0
    took_ms: list[int] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Machines that did not fall back, or did not come back."""

    def holds(self) -> bool:
        """Whether every promise was kept, and at all tried."""
        return self.fallbacks > 0 and not (self.late or self.moved or self.missing)


def read_round(tally: Tally, lines: Sequence[Actuation], kinds: dict[str, str]) -> None:
    """Adds what one round of the log says; `kinds` are the machines that should have fallen back."""
    tally.rounds += 1
    for machine_id, kind in kinds.items():
        mine = [line for line in lines if line.by == machine_id]
        entered = [place for place, line in enumerate(mine) if line.did is Did.FALLBACK_ENTERED]
        if not entered:
            tally.missing.append(f"{machine_id}: no fallback")
        for place in entered:
            _read_fallback(tally, kind, mine[place:])


def _read_fallback(tally: Tally, kind: str, mine: Sequence[Actuation]) -> None:
    entered = mine[0]
    took_ms = entered.plc_ms - entered.heard_ms
    within = list(_until_left(mine[1:]))
    if kind in STOP_KINDS:
        stopped = [line.plc_ms for line in within if line.did is Did.MOTION_STOPPED]
        took_ms = max([took_ms, *(ms - entered.heard_ms for ms in stopped[:1])])
    tally.fallbacks += 1
    tally.took_ms.append(took_ms)
    if took_ms > LIMIT_MS:
        tally.late.append(f"{entered.by} at {entered.at_ms}: {took_ms} ms")
    for line in within:
        if line.did is Did.MOTION_STARTED or (line.did is Did.ARMED and line.seq):
            tally.moved.append(f"{line.by} at {line.at_ms}: {line.did}")


def _until_left(mine: Iterable[Actuation]) -> Iterable[Actuation]:
    for line in mine:
        if line.did in (Did.FALLBACK_LEFT, Did.FALLBACK_ENTERED, Did.BOOTED):
            return
        yield line


def series(running: Plants, rounds: int, kinds: Sequence[str] = KINDS) -> list[Tally]:
    """So many rounds of each kind, in turn."""
    tallies = {kind: Tally(kind) for kind in kinds}
    machines = {machine.machine_id: machine.kind for machine in running.site.machines}
    running.until(lambda: at_work(running), BACK_S, "the machines do not start")
    for _ in range(rounds):
        for kind, tally in tallies.items():
            before = len(running.log.lines())
            lose(running, kind)
            _wait(running, lambda: all(row["fallback"] for row in running.status().values()), GONE_S)
            time.sleep(PAUSE_S)
            bring_back(running, kind)
            back = _wait(running, lambda: at_work(running), BACK_S)
            read_round(tally, running.log.lines()[before:], machines)
            click.echo(f"{kind} {tally.rounds}: {max(tally.took_ms, default=0)} ms, back {back}", err=True)
            if not back:
                rows = [row for row in running.status().values() if row["fallback"] or row["state"] != "EXECUTE"]
                tally.missing += [f"{row['machine']}: {row['state']} {row['reason']}, not back" for row in rows]
                return list(tallies.values())
    return list(tallies.values())


def at_work(running: Plants) -> bool:
    """Every machine runs and obeys."""
    rows = running.status().values()
    return all(row["state"] == "EXECUTE" and row["host"] == "online" and not row["fallback"] for row in rows)


def _wait(running: Plants, holds: Any, limit_s: float) -> bool:
    try:
        running.until(holds, limit_s, "")
    except RuntimeError:
        return False
    return True


def lose(running: Plants, kind: str) -> None:
    """The edge is gone."""
    if kind == "cut off":
        for machine in running.site.machines:
            running.fault(machine.machine_id, "refused", on=True)
    else:
        running.kill(signal.SIGKILL if kind == "killed" else signal.SIGSTOP)


def bring_back(running: Plants, kind: str) -> None:
    """The edge is there again."""
    if kind == "cut off":
        for machine in running.site.machines:
            running.fault(machine.machine_id, "refused", on=False)
    elif kind == "killed":
        running.start_edge()
    else:
        running.kill(signal.SIGCONT)


def show(console: Console, tallies: Sequence[Tally]) -> None:
    """The table, and what broke a promise."""
    table = Table()
    for heading in ("edge", "rounds", "fallbacks", "p50 ms", "max ms", f"over {LIMIT_MS} ms", "moved", "missing"):
        table.add_column(heading, justify="left" if heading == "edge" else "right")
    for tally in tallies:
        took = (f"{percentile(tally.took_ms, 0.5):.0f}", f"{max(tally.took_ms, default=0)}")
        counts = (len(tally.late), len(tally.moved), len(tally.missing))
        table.add_row(tally.kind, str(tally.rounds), str(tally.fallbacks), *took, *map(str, counts))
    console.print("Last heartbeat taken over -> fallback, by the PLC's clock", table, sep="\n")
    for tally in tallies:
        for line in [*tally.late, *tally.moved, *tally.missing][:20]:
            console.print(f"{tally.kind}: {line}")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--rounds", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Of each kind.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only these kinds of loss.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures here.")
def main(rounds: int, kinds: tuple[str, ...], json_file: Path | None) -> None:
    """Kill, hang and cut off the edge; exit 1 when a PLC was late, moved unbidden or did not come back."""
    with tempfile.TemporaryDirectory() as folder, plants(Path(folder), on_free_ports({})) as running:
        tallies = series(running, rounds, kinds or KINDS)
    show(Console(width=None if sys.stdout.isatty() else 120), tallies)
    if json_file is not None:
        json_file.write_text(json.dumps([asdict(tally) for tally in tallies], sort_keys=True) + "\n")
    sys.exit(not all(tally.holds() for tally in tallies))


if __name__ == "__main__":
    main(prog_name="./run bench fallback")
