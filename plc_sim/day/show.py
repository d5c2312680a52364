"""What `plc-sim day` shows: how far the day is, then its figures."""

import sys
import time
from pathlib import Path
from typing import Any

from edge.demo.show import kpis
from edge.page.reports import write_report
from plc_sim.day.plan import plan_day
from plc_sim.day.play import play_day

UNFINISHED = 3


def show_day(report_file: Path | None, **given: Any) -> int:
    """Plays the day; 0, or 3 if orders are still open after the longest time a day may take. Raises ConfigError."""
    plan = plan_day(**given)
    started = time.monotonic()

    def progress(at_ms: int, events: int, orders_left: int) -> None:
        if sys.stderr.isatty():
            clock = time.strftime("%d %b %H:%M", time.gmtime(at_ms / 1000))
            print(f"\r{clock} UTC  {events} events, {orders_left} orders to come ", end="", file=sys.stderr)

    result = play_day(plan, progress)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    if report_file is not None:
        write_report(report_file, result)
    kpis(result)
    print(f"{len(plan.orders)} orders in {time.monotonic() - started:.1f} s", file=sys.stderr)
    return UNFINISHED if result["orders"]["open"] else 0
