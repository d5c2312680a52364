"""Days made from a seed (orders, articles, departures as a warehouse knows them), and timetables made into dates."""

import random
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from edge.intake.articles import article
from edge.messages import Departure, Item, OrderCaptured, OrderLine
from edge.messages.orders import PRIORITY_NORMAL
from edge.settings.process import DepartureSettings

EXPRESS = "EXPRESS"
EXPRESS_PRIORITY = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINES = (55, 18, 10, 6, 4, 2, 1, 1, 1, 1, 0, 1)
"""Of 100 orders so many have 1, 2, 3 ... lines: most are singles, with a long tail."""
_UNITS = (62, 20, 10, 3, 1, 2, 0, 0, 0, 1, 0, 1)
"""Of 100 lines so many want 1, 2, 3 ... units."""
_DAY = (2, 4, 7, 10, 12, 11, 8, 9, 12, 11, 8, 6)
"""Orders in twelfths of a working day: a morning peak, lunch, an afternoon peak before the cutoffs."""
_THINGS = ("box", "lamp", "mug", "cable", "brush", "frame", "hook", "candle", "torch", "bag", "clip", "tin")
_KINDS = ("small", "large", "red", "blue", "steel", "wooden", "folding", "travel", "garden", "kitchen")


@dataclass(frozen=True, slots=True)
class Generated:
    """A day: orders in time order, departures by cutoff, and the catalogue the orders choose from."""

    orders: tuple[OrderCaptured, ...]
    departures: tuple[Departure, ...]
    items: tuple[Item, ...]


def generate_day(
    count: int,
    seed: int,
    start_ms: int,
    site: str,
    routes: Sequence[str],
    horizon_ms: int = 360_000,
    *,
    process_ms: int = 360_000,
    every_ms: int = 180_000,
    skus: int = 300,
    express_percent: int = 10,
    spare: int = 0,
    prefix: str = "G",
) -> Generated:
    """`count` orders that arrive within `horizon_ms` like a working day, and departures they can make.

    Every route has a departure every `every_ms`; its last cutoff is `process_ms` to `process_ms` + 1 min after the
    horizon, so every order has a later departure and the day ends there; `spare` more departures of every route follow
    for orders that miss theirs. Same arguments, same day. Every id starts
    with `prefix`; another day into the same journals needs another one. `routes` names at least one.
    """
    chance = random.Random(seed)
    items = _articles(skus)
    popular = list(accumulate(1_000_000 // rank for rank in range(2, skus + 2)))
    times = sorted(start_ms + _arrival(chance, horizon_ms) for _ in range(count))
    orders = []
    for number, at_ms in enumerate(times, start=1):
        route = _route(chance, routes, express_percent)
        wanted: dict[str, int] = {}
        for _ in range(1 + _draw(chance, _LINES)):
            sku = items[bisect(popular, _below(chance, popular[-1]))].sku
            wanted[sku] = wanted.get(sku, 0) + 1 + _draw(chance, _UNITS)
        orders.append(
            OrderCaptured(
                at_ms=at_ms,
                order_id=f"{prefix}{number:05}",
                customer=f"C{_below(chance, max(1, count * 3 // 4)) + 1:05}",
                route=route,
                priority=EXPRESS_PRIORITY if route == EXPRESS else PRIORITY_NORMAL,
                channel="generated",
                lines=tuple(OrderLine(line=n, sku=s, quantity=q) for n, (s, q) in enumerate(wanted.items(), start=1)),
            )
        )
    departures = _departures(start_ms, site, routes, horizon_ms + process_ms, process_ms, every_ms, spare, prefix)
    return Generated(tuple(orders), departures, items)


def _below(chance: random.Random, limit: int) -> int:
    """0 .. limit-1. Only random() itself is promised to be the same in every version of Python."""
    return int(chance.random() * limit)


def _draw(chance: random.Random, weights: Sequence[int]) -> int:
    """An index, as often as its weight says."""
    return bisect(list(accumulate(weights)), _below(chance, sum(weights)))


def _arrival(chance: random.Random, horizon_ms: int) -> int:
    slot = _draw(chance, _DAY)
    return (slot * horizon_ms + _below(chance, horizon_ms)) // len(_DAY)


def _route(chance: random.Random, routes: Sequence[str], express_percent: int) -> str:
    """EXPRESS for its share of the orders; of the other routes the first is the busiest."""
    others = [route for route in routes if route != EXPRESS]
    express = EXPRESS in routes and (not others or _below(chance, 100) < express_percent)
    return EXPRESS if express else others[_draw(chance, range(2 * len(others), len(others), -1))]


def _articles(skus: int) -> tuple[Item, ...]:
    names = [f"{kind} {thing}" for thing in _THINGS for kind in _KINDS]
    return tuple(article(f"SKU{number:04}", names[number * 7 % len(names)]) for number in range(1, skus + 1))


def _departures(
    start_ms: int, site: str, routes: Sequence[str], end_ms: int, first_ms: int, every_ms: int, spare: int, prefix: str
) -> tuple[Departure, ...]:
    """Cutoffs backwards from the last one, which the routes have within one minute, one after the other."""
    rows = []
    for index, route in enumerate(routes):
        last_ms = end_ms + 60_000 * index // max(1, len(routes) - 1)
        times = range(last_ms, first_ms - 1, -every_ms)
        spares = range(last_ms + every_ms, last_ms + (spare + 1) * every_ms, every_ms)
        for number, after_ms in enumerate([*reversed(times), *spares], start=1):
            rows.append(
                Departure(
                    departure_id=f"{prefix}-{route}-{number}",
                    site=site,
                    route=route,
                    carrier=f"Carrier {route}",
                    cutoff_ms=start_ms + after_ms,
                )
            )
    return _by_cutoff(rows)


def _by_cutoff(rows: Iterable[Departure]) -> tuple[Departure, ...]:
    return tuple(sorted(rows, key=lambda departure: (departure.cutoff_ms, departure.departure_id)))


def day_departures(
    settings: Sequence[DepartureSettings], timezone: str, start_ms: int, days: int, default_site: str
) -> tuple[Departure, ...]:
    """The timetable dated: on `days` local days from that of `start_ms`, what still lies ahead, by cutoff.

    The id is the name and the local date, so it is the same at every start. A local time that the clock change skips
    counts by the clock before the change (one hour on); of one that comes twice the first counts.
    """
    zone = ZoneInfo(timezone)
    today = (_EPOCH + timedelta(milliseconds=start_ms)).astimezone(zone).date()
    rows = [
        Departure(
            departure_id=f"{row.name}-{day:%Y%m%d}",
            site=row.site or default_site,
            route=row.route,
            carrier=row.carrier,
            cutoff_ms=_local_ms(day, row.cutoff, zone),
        )
        for day in (today + timedelta(days=ahead) for ahead in range(days))
        for row in settings
    ]
    return _by_cutoff(row for row in rows if row.cutoff_ms > start_ms)


def _local_ms(day: date, clock: str, zone: ZoneInfo) -> int:
    local = datetime.combine(day, time.fromisoformat(clock), tzinfo=zone)
    return (local.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
