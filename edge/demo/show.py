"""What a demo shows in the terminal: a live table or plain lines while it runs, the KPIs at the end."""

import asyncio
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from edge.demo.play import TimeLimitError, run_demo
from edge.demo.stage import DemoOptions, Stage
from edge.page.reports import kpi_table, write_report

LINE_EVERY_S = 5.0
TIME_LIMIT_EXIT = 3

console = Console(highlight=False)


class Progress:
    """A live table on a terminal, a line every few seconds elsewhere."""

    def __init__(self, *, live: bool) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=True) if live else None
        self._said_at = 0.0

    def start(self, banner: str) -> None:
        """Says where everything is, then begins."""
        console.print(banner, soft_wrap=True)
        if self._live is not None:
            self._live.start()

    def stop(self) -> None:
        """Leaves the terminal as it was."""
        if self._live is not None:
            self._live.stop()

    def show(self, stage: Stage, result: dict[str, Any]) -> None:
        """How far the day is."""
        if self._live is not None:
            self._live.update(_table(stage, result))
        elif time.monotonic() - self._said_at > LINE_EVERY_S:
            self._said_at = time.monotonic()
            console.print(_line(stage, result), soft_wrap=True)


def _site_time(stage: Stage) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(stage.site_now_ms() / 1000))


def _line(stage: Stage, result: dict[str, Any]) -> str:
    orders, units, sorter = result["orders"], result["units"], result["sorter"]
    return (
        f"{_site_time(stage)}  orders {orders['captured']}/{len(stage.day.orders)}, {orders['open']} open, "
        f"{orders['shipped']} shipped, {orders['short_shipped']} short, {orders['backordered']} backordered · "
        f"units {units['shipped']}/{units['ordered']} · sorted {sorter['diverted']} of {sorter['scans']} scans · "
        f"alarms {sum(1 for alarm in result['alarms'] if not alarm.get('cleared'))}"
    )


def _table(stage: Stage, result: dict[str, Any]) -> Table:
    table = Table(title=f"{stage.site.site}  {_site_time(stage)} UTC, speed {stage.clock.speed}", title_justify="left")
    for column in ("departure", "planned", "loaded", "missed", "closed"):
        table.add_column(column, justify="left" if column == "departure" else "right")
    open_first = sorted(result["departures"], key=lambda d: (d["closed_at"] is not None, d["cutoff"], d["id"]))
    for departure in open_first[:14]:
        closed = "closed" if departure["closed_at"] else ""
        planned, loaded, missed = (str(departure[k]) for k in ("orders_planned", "orders_loaded", "missed"))
        table.add_row(departure["id"], planned, loaded, missed, closed)
    table.caption = _line(stage, result)
    return table


def kpis(result: dict[str, Any]) -> None:
    """The KPI table of a report."""
    table = Table(show_header=False, title="the day in figures", title_justify="left")
    for name, value in kpi_table(result):
        table.add_row(name, value)
    console.print(table)


def _first(group: BaseExceptionGroup[TimeLimitError]) -> TimeLimitError:
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    assert isinstance(inner, TimeLimitError)
    return inner


def play(options: DemoOptions, report_file: Path | None, *, live: bool) -> int:
    """Runs the demo; the exit code. Raises ConfigError."""
    progress = Progress(live=live)
    code = 0
    try:
        result = asyncio.run(run_demo(options, progress.show, progress.start))
    except* TimeLimitError as group:
        result = _first(group).args[0]
        code = TIME_LIMIT_EXIT
    finally:
        progress.stop()
    if report_file is not None:
        write_report(report_file, result)
    kpis(result)
    if code == TIME_LIMIT_EXIT:
        console.print("the time limit passed before every order was final; `edge why order ID` tells of each")
    return code
