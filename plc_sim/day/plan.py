"""What happens to a virtual day from outside: its orders, its stock, its people."""

from dataclasses import dataclass
from pathlib import Path

from edge.intake.files import read_orders
from edge.intake.generate import generate_day
from edge.intake.mapping import read_mapping
from edge.intake.seed import Seed, seed_stock
from edge.messages import OrderCaptured
from edge.settings import ProcessSettings, SiteSettings, read_process, read_site
from plc_sim.troubles import Rate

OPEN_AHEAD_MS = 30 * 60_000
"""The site opens this long before its first order."""
HORIZON_MS = 10 * 3_600_000
GENERATED_START_MS = 1_768_202_400_000
"""A Monday, 12 January 2026, 07:20 UTC: generated days are the same whenever they are run."""


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What happens from outside."""

    site: SiteSettings
    office: ProcessSettings
    orders: tuple[OrderCaptured, ...]
    seed: Seed
    start_ms: int
    random_seed: int
    people: int
    wms_in_office: bool = False
    futures: int = 0
    faults: Rate | None = None
    actuations: Path | None = None
    remedies: bool = True
    """Try what would help departures at risk; that takes most of the time of their forecasts."""


def plan_day(
    config: Path,
    *,
    orders_file: Path | None,
    map_file: Path | None,
    orders: int,
    shortage: float,
    seed: int,
    people: int,
    wms_in_office: bool = False,
    futures: int = 0,
    faults: Rate | None = None,
    actuations: Path | None = None,
) -> DayPlan:
    """Orders from a file or generated, and stock that fits them. Raises ConfigError."""
    site, office = read_site(config / "site.yaml"), read_process(config / "office.yaml")
    if orders_file is not None and map_file is not None:
        intake = read_orders(orders_file, read_mapping(map_file))
        taken, items = intake.orders, intake.items
    else:
        routes = sorted({route for machine in site.machines for lane in machine.lanes for route in lane.routes})
        generated = generate_day(orders, seed, GENERATED_START_MS, site.site, routes, HORIZON_MS)
        taken, items = generated.orders, generated.items
    stock = seed_stock(taken, site, shortage, seed, items)
    start_ms = (taken[0].at_ms if taken else GENERATED_START_MS) - OPEN_AHEAD_MS
    return DayPlan(site, office, taken, stock, start_ms, seed, people, wms_in_office, futures, faults, actuations)
