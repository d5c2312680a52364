"""What a demo shows in the terminal: a live table or plain lines while it runs, the KPIs at the end."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from edge.demo.play import DONE, FAILED, STOPPED, TIME_LIMIT, DemoFailed, Watch, run_demo
from edge.demo.stage import DemoOptions, Stage
from edge.page.reports import kpi_table, write_report
from edge.settings import ConfigError

LINE_EVERY_S = 5.0
EXITS = {DONE: 0, FAILED: 1, TIME_LIMIT: 3, STOPPED: 130}
NAMED_MAX = 8

console = Console(highlight=False)


class Progress:
    """A live table on a terminal, a line every few seconds elsewhere."""

    def __init__(self, *, live: bool) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=True) if live else None
        self._said_at = 0.0

    def say(self, text: str) -> None:
        """Something that stays on the screen."""
        console.print(text, soft_wrap=True, markup=False)

    def stop(self) -> None:
        """Leaves the terminal as it was."""
        if self._live is not None:
            self._live.stop()

    def show(self, stage: Stage, result: dict[str, Any]) -> None:
        """How far the day is."""
        if self._live is not None:
            self._live.start()
            self._live.update(_table(stage, result))
        elif time.monotonic() - self._said_at > LINE_EVERY_S:
            self._said_at = time.monotonic()
            console.print(_line(stage, result), soft_wrap=True, markup=False)


def _site_time(stage: Stage) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(stage.site_now_ms() / 1000))


def _line(stage: Stage, result: dict[str, Any]) -> str:
    orders, units, sorter = result["orders"], result["units"], result["sorter"]
    return (
        f"{_site_time(stage)}  orders {orders['captured']}/{len(stage.day.orders)}, {orders['open']} open, "
        f"{orders['shipped']} shipped, {orders['short_shipped']} short shipped, {orders['backordered']} backordered · "
        f"units {units['shipped']}/{units['ordered']} · sorted {sorter['diverted']} of {sorter['scans']} scans · "
        f"alarms {sum(1 for alarm in result['alarms'] if not alarm.get('cleared'))}"
    )


def _table(stage: Stage, result: dict[str, Any]) -> Group:
    table = Table(title=f"{stage.site.site}  {_site_time(stage)} UTC, speed {stage.clock.speed}", title_justify="left")
    for column in ("departure", "planned", "loaded", "missed", "closed"):
        table.add_column(column, justify="left" if column == "departure" else "right")
    open_first = sorted(result["departures"], key=lambda d: (d["closed_at"] is not None, d["cutoff"], d["id"]))
    for departure in open_first[:14]:
        closed = "closed" if departure["closed_at"] else ""
        planned, loaded, missed = (str(departure[k]) for k in ("orders_planned", "orders_loaded", "missed"))
        table.add_row(departure["id"], planned, loaded, missed, closed)
    return Group(table, _line(stage, result))


def kpis(result: dict[str, Any]) -> None:
    """The KPI table of a report."""
    table = Table(show_header=False, title="the day in figures", title_justify="left")
    for name, value in kpi_table(result):
        table.add_row(name, value)
    console.print(table)


def play(options: DemoOptions, report_file: Path | None, *, live: bool) -> int:
    """Runs the demo; the exit code. The report is written however it ended. Raises ConfigError."""
    if report_file is not None:
        _check_writable(report_file)
    stage = Stage(options)
    watch = Watch(stage)
    progress = Progress(live=live)
    failure = ""
    try:
        ended = asyncio.run(run_demo(stage, watch, progress.show, progress.say))
    except DemoFailed as error:
        ended, failure = FAILED, str(error)
    finally:
        progress.stop()
    if report_file is not None:
        write_report(report_file, watch.result)
    if watch.result["orders"]["captured"]:
        kpis(watch.result)
        progress.say(
            f"`edge why order ID --data {stage.root}` tells an order's story, `edge report {stage.root}` this again"
        )
    _explain(ended, failure, watch, options)
    return 0 if ended == STOPPED and not options.until_done else EXITS[ended]


def _explain(ended: str, failure: str, watch: Watch, options: DemoOptions) -> None:
    open_orders = watch.unfinished()
    named = ", ".join(open_orders[:NAMED_MAX]) + (", …" if len(open_orders) > NAMED_MAX else "")
    if ended == FAILED:
        print(f"the demo ended: {failure}", file=sys.stderr)
    elif ended == TIME_LIMIT:
        limit = f"{options.time_limit_s / 60:g} min"
        print(f"the time limit ({limit}) passed with {len(open_orders)} orders not final: {named}", file=sys.stderr)
    elif ended == STOPPED:
        print(f"stopped with {len(open_orders)} orders not final: {named}", file=sys.stderr)


def _check_writable(report_file: Path) -> None:
    """Found out now, not at the end of the day. Raises ConfigError."""
    fresh = report_file.with_name(report_file.name + ".new")
    try:
        fresh.touch()
        fresh.unlink()
    except OSError as error:
        raise ConfigError([f"--report {report_file}: {error.strerror}; name a file that can be written"]) from error
