"""The report of a day: one pure fold over the messages of all journals, as JSON and as a table.

`report.schema.json` beside this file says what every key means. A message may be seen any number of times and in any
order (it is an output in one journal and an event in another): everything is keyed by its id.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge import __version__
from edge.messages import Message
from edge.page.kpi_departures import Departures
from edge.page.kpi_floor import Floor
from edge.page.kpi_forecasts import Forecasts
from edge.page.kpi_machines import Machines
from edge.page.kpi_orders import Orders, orders_part
from edge.page.kpi_stock import Stock

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")
FINDINGS_MAX = 50
MEASURED = ("dispatch_us", "ready_s", "rss_mb")
"""Wall-clock figures; null in virtual time, like latency_ms, so that the same seed gives the same bytes."""


class Report:
    """What a day came to."""

    def __init__(self) -> None:
        self._orders = Orders()
        self._stock = Stock()
        self._departures = Departures()
        self._floor = Floor()
        self._forecasts = Forecasts()
        self._machines = Machines()
        self._table: dict[type[Message], list[Callable[[Any], None]]] = {}
        for part in (self._orders, self._stock, self._departures, self._floor, self._forecasts, self._machines):
            for kind, see in part.table.items():
                self._table.setdefault(kind, []).append(see)

    def see(self, at_ms: int, message: Message) -> None:
        """Takes in one message. Its own time counts; `at_ms`, when a journal wrote it, differs between journals."""
        for see in self._table.get(type(message), ()):
            see(message)

    def result(self, figures: Mapping[str, Any] | None = None, *, virtual: bool = False) -> dict[str, Any]:
        """The report so far, JSON-ready.

        `figures` are what the processes measured: core, dispatch_us {p50, p99}, ready_s, rss_mb, and messages {sent,
        received, duplicates, resent}; what is not there is null (messages: 0, core: python).
        """
        figures = figures or {}
        books = self._orders.books()
        orders = orders_part(books, self._departures.departed)
        stock, unbalanced = self._stock.part(books)
        floor = self._floor.part()
        findings = orders.pop("findings") + unbalanced
        counts = figures.get("messages") or {}
        return {
            "schema": "edge/report/1",
            "version": figures.get("version", __version__),
            "core": figures.get("core", "python"),
            "virtual": virtual,
            **orders,
            "rolls": self._orders.rolls,
            "stock": stock,
            **self._departures.part(Counter(book.planned_id for book in books if book.outcome == "open")),
            **floor,
            "forecasts": self._forecasts.part(),
            "machines": self._machines.part(),
            "latency_ms": None if virtual else floor["latency_ms"],
            **{name: None if virtual else figures.get(name) for name in MEASURED},
            "messages": {name: counts.get(name, 0) for name in ("sent", "received", "duplicates", "resent")},
            "findings": findings[:FINDINGS_MAX],
        }


def write_report(path: Path, result: Mapping[str, Any]) -> None:
    """The report as canonical JSON (sorted keys, one final newline); replaces the file in one step. Raises OSError."""
    text = json.dumps(result, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8", newline="\n")
    fresh.replace(path)


def kpi_table(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(figure, value) rows for people, in the order in which one asks."""
    orders, units, lines, stock = result["orders"], result["units"], result["lines"], result["stock"]
    sorter, tasks, departures = result["sorter"], result["tasks"], result["departures"]
    closed = sum(1 for departure in departures if departure["closed_at"])
    rows = [
        ("orders", _listed(orders)),
        ("lines", _listed(lines)),
        ("units", _listed(units, leave=("skus", "balanced"))),
        ("stock", _listed(stock, leave=("balanced",))),
        ("books balanced", "yes" if stock["balanced"] and units["balanced"] else "NO"),
        ("OTIF", _percent(result["otif"])),
        ("missed cutoffs", f"{_percent(result['missed_cutoff_rate'])}, {result['rolls']} orders rolled"),
        ("departures", f"{closed} of {len(departures)} closed"),
        ("order cycle", f"{_spread(result['order_cycle_s'])} s"),
        ("tasks", _listed(tasks["by_kind"])),
        ("sorter", _listed(sorter)),
        *(("OEE " + machine["machine_id"], _oee(machine)) for machine in result["machines"]),
        ("scan to decision", "-" if result["latency_ms"] is None else f"{_spread(result['latency_ms'])} ms"),
        ("dispatch", "-" if result["dispatch_us"] is None else f"{_spread(result['dispatch_us'])} µs"),
        ("messages", _listed(result["messages"])),
        ("forecasts", _foretold(result["forecasts"])),
        ("alarms", str(result["alarms_total"])),
        ("core", f"{result['core']}, version {result['version']}"),
        ("ready, memory", f"{_shown(result['ready_s'])} s, {_shown(result['rss_mb'])} MB"),
    ]
    return rows + [("finding", finding) for finding in result["findings"][:5]]


def _listed(figures: Mapping[str, Any], leave: tuple[str, ...] = ()) -> str:
    """The figures that are not 0, the first one always."""
    names = [name for name in figures if name not in leave]
    return ", ".join(f"{figures[n]} {n.replace('_', ' ')}" for i, n in enumerate(names) if i == 0 or figures[n])


def _foretold(forecasts: Mapping[str, Any]) -> str:
    """How many, and how good."""
    if forecasts["brier"] is None:
        return f"{forecasts['made']} made"
    warned = forecasts["warnings"]
    lead = "" if warned["lead_min_p50"] is None else f", {warned['lead_min_p50']} min ahead"
    return (
        f"{forecasts['made']} made, Brier {forecasts['brier']:.3f} (base rate {forecasts['base_rate_brier']:.3f}), "
        f"warnings {warned['true']} right{lead}, {warned['false']} wrong, {warned['missed_without']} missing"
    )


def _oee(machine: Mapping[str, Any]) -> str:
    """The product, its factors, and where the time went."""
    factors = " x ".join(_percent(machine[name]) for name in ("availability", "performance", "quality"))
    seconds = machine["seconds"]
    whole = sum(seconds.values())
    spent = ", ".join(f"{_percent(s / whole)} {name}" for name, s in seconds.items() if s) if whole else "no time"
    return f"{_percent(machine['oee'])} = {factors}; {spent}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.1f} %"


def _spread(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.rpartition('_')[2]} {_shown(value)}" for name, value in figures.items())


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, int) else f"{value:.1f}"
