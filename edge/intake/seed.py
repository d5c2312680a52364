"""Opening stock for an order file: every article a place, enough of most, too little of a chosen share.

Everything is computed from (seed, sku) by `stable_number`; the same call gives the same stock in every process.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from edge.intake.articles import article, stable_number
from edge.intake.tables import Seed, read_items, read_physical, read_stock, write_seed
from edge.messages import Item, OrderCaptured, Rack, StockLine, rack_locations
from edge.settings import ConfigError, SiteSettings

ROBOT_MAX_ML = 1000
ROBOT_MAX_G = 1000
ROBOT_LINES_PERCENT = 20
"""Share of all order lines the robot racks get at most; a robot is one pair of hands."""

__all__ = ["Seed", "read_items", "read_physical", "read_stock", "seed_stock", "write_seed"]


@dataclass(frozen=True, slots=True, order=True)
class _Slot:
    """A location and how far it is from its zone's pack station; sorts nearest first."""

    distance_mm: int
    location: str
    robot: bool
    reserve: bool


@dataclass(frozen=True, slots=True)
class _Demand:
    """What the orders want of one article."""

    sku: str
    lines: int
    units: int


def seed_stock(
    orders: Iterable[OrderCaptured],
    site: SiteSettings,
    shortage: float,
    seed: int,
    catalogue: Iterable[Item] = (),
) -> Seed:
    """Catalogue, opening stock and shelves such that the orders can be filled but for `shortage` of their articles.

    Articles by popularity fill the locations by nearness to the pack stations; small popular ones go to the robot
    racks. Every fourth article lies in two lots at two locations, half of those with expiry dates. Of the articles in
    `shortage` (rounded, at least one unless 0) every first is short in the book, every second on the shelf only.
    `catalogue` overrides the plausible articles, and its articles that nobody ordered get some stock too. Where racks
    have reserve levels, articles live at the pick faces, and what is more than fills those lies above.
    Raises ConfigError when the site has too few locations.
    """
    if not 0 <= shortage <= 1:
        raise ConfigError([f"shortage: {shortage} is not between 0 and 1; 0.02 makes two articles in a hundred short"])
    orders = tuple(orders)
    known = {item.sku: item for item in catalogue}
    demand = _demand(orders, known)
    items = {row.sku: known.get(row.sku) or article(row.sku) for row in demand}
    homes, above = _homes(demand, items, site, seed)
    first_day = min((order.at_ms for order in orders), default=0)
    today = datetime.fromtimestamp(first_day // 1000, UTC).astimezone(ZoneInfo(site.timezone))
    short = _short([row.sku for row in demand if row.units], shortage, seed)
    stock: list[StockLine] = []
    physical: list[tuple[str, str, int]] = []
    for row in demand:
        plenty = row.units + row.units // 10 + 2 + stable_number(seed, "spare", row.sku) % 4
        half = row.units // 2
        booked = half if short.get(row.sku) == "book" else plenty
        lines = _lots(row.sku, booked, homes[row.sku], today, seed)
        lines = [part for line in lines for part in _stored(line, above, items[row.sku].face_max or site.face_max)]
        stock += lines
        left = half if short.get(row.sku) == "shelf" else booked
        for line in lines:
            physical.append((line.sku, line.location, min(left, line.quantity)))
            left -= min(left, line.quantity)
    listed = (replace(items[row.sku], robot=homes[row.sku][0].robot) for row in demand)
    return Seed(
        items=tuple(sorted(listed, key=lambda item: item.sku)),
        stock=tuple(sorted(stock, key=lambda line: (line.sku, line.lot, line.location))),
        physical=tuple(sorted(physical)),
    )


def _demand(orders: Iterable[OrderCaptured], known: Iterable[str]) -> list[_Demand]:
    """The articles, most lines first."""
    lines: Counter[str] = Counter(dict.fromkeys(known, 0))
    units: Counter[str] = Counter()
    for order in orders:
        for line in order.lines:
            lines[line.sku] += 1
            units[line.sku] += line.quantity
    rows = [_Demand(sku, count, units[sku]) for sku, count in lines.items()]
    return sorted(rows, key=lambda row: (-row.lines, -row.units, row.sku))


def _slots(site: SiteSettings) -> Iterator[_Slot]:
    places = {place.location: place for place in site.places}
    stations = {zone.zone: places.get(zone.pack_station) for zone in site.zones}
    for rack in site.racks:
        station = stations.get(rack.zone)
        x_mm, y_mm = (station.x_mm, station.y_mm) if station is not None else (0, 0)
        for location, at_x, at_y in rack_locations(Rack(**rack.model_dump())):
            reserve = int(location.rpartition("-")[2]) in rack.reserve_levels
            yield _Slot(abs(at_x - x_mm) + abs(at_y - y_mm), location, rack.robot, reserve)


def _homes(
    demand: list[_Demand], items: dict[str, Item], site: SiteSettings, seed: int
) -> tuple[dict[str, list[_Slot]], Iterator[_Slot]]:
    """One or two locations for every article, and the places for reserve, nearest first. Raises ConfigError."""
    every = sorted(_slots(site))
    slots = [slot for slot in every if not slot.reserve]
    robot = iter([slot for slot in slots if slot.robot])
    people = iter([slot for slot in slots if not slot.robot])
    most = sum(row.lines for row in demand) * ROBOT_LINES_PERCENT // 100
    homes: dict[str, list[_Slot]] = {}
    for row in demand:
        item = items[row.sku]
        small = item.volume_ml <= ROBOT_MAX_ML and item.weight_g <= ROBOT_MAX_G and not item.skill
        slot = next(robot, None) if small and 0 < row.lines <= most else None
        if slot is not None:
            most -= row.lines
        slot = slot or next(people, None)
        if slot is None:
            total = sum(1 for slot in slots if not slot.robot)
            raise ConfigError(
                [
                    f"racks: {len(demand)} articles, but only {total} locations (and {len(slots) - total} in reach of "
                    f"a robot); give a rack in site.yaml more aisles, bays or levels, or add a rack"
                ]
            )
        homes[row.sku] = [slot]
    for row in demand:
        if stable_number(seed, "lots", row.sku) % 4 == 0:
            second = next(robot if homes[row.sku][0].robot else people, None)
            homes[row.sku] += [second] if second is not None else []
    return homes, iter([slot for slot in every if slot.reserve])


def _stored(line: StockLine, above: Iterator[_Slot], most: int) -> Iterator[StockLine]:
    """The stock of a lot where it lies: what is more than a face holds, in the reserve as long as that has a place."""
    slot = next(above, None) if line.quantity > most else None
    if slot is None:
        yield line
        return
    yield replace(line, quantity=most)
    yield replace(line, location=slot.location, quantity=line.quantity - most)


def _short(skus: list[str], shortage: float, seed: int) -> dict[str, str]:
    """The articles there is too little of: "book" (known beforehand) and "shelf" (found by the picker) in turn."""
    parts = round(shortage * 1_000_000)
    count = min(len(skus), max(1, (len(skus) * parts + 500_000) // 1_000_000)) if parts else 0
    chosen = sorted(skus, key=lambda sku: (stable_number(seed, "short", sku), sku))[:count]
    return {sku: ("book", "shelf")[index % 2] for index, sku in enumerate(chosen)}


def _lots(sku: str, quantity: int, homes: list[_Slot], today: datetime, seed: int) -> list[StockLine]:
    """The stock of one article: one lot, or an older and a younger one. Lots are named by the day they came in."""
    parts = (quantity * 6 // 10, quantity - quantity * 6 // 10) if len(homes) > 1 else (quantity,)
    number = stable_number(seed, "age", sku)
    ages = number % 2 == 0 and len(homes) > 1
    lines = []
    for index, (slot, part) in enumerate(zip(homes, parts, strict=True)):
        came = today - timedelta(days=60 - 40 * index + number // 2 % 15)
        expires = today + timedelta(days=90 + 60 * index + number // 30 % 50)
        if part:
            lines.append(
                StockLine(
                    sku=sku,
                    location=slot.location,
                    lot=f"{came:%Y%m%d}",
                    expiry=expires.date().isoformat() if ages else "",
                    quantity=part,
                )
            )
    return lines
