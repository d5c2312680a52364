"""Demand: what customers want, what we promised, and the departures that carry it. Written by the OMS."""

from dataclasses import dataclass
from enum import StrEnum

PRIORITY_NORMAL = 5
"""Priorities run from 1 (most urgent) to 9."""


class OrderOutcome(StrEnum):
    """How an order ended; the last word of the OMS about it."""

    SHIPPED = "shipped"
    SHORT_SHIPPED = "short_shipped"
    BACKORDERED = "backordered"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One article of the catalogue. `skill` names the certificate a picker needs, "" for none.

    `face_min` and `face_max`: its pick faces are filled up to so many units when there are fewer; 0 = as the site says.
    """

    sku: str
    description: str = ""
    volume_ml: int = 500
    weight_g: int = 200
    robot: bool = False
    skill: str = ""
    face_min: int = 0
    face_max: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsListed:
    """The catalogue, or a change to it: items named again replace their earlier entry."""

    at_ms: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    line: int
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCaptured:
    """A customer's order as it came in by HTTP, file or MQTT; `rev` starts at 1 and only grows."""

    at_ms: int
    order_id: str
    rev: int = 1
    customer: str = ""
    route: str
    priority: int = PRIORITY_NORMAL
    channel: str = "api"
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineQuantity:
    line: int
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted:
    """The promise: which site, which departure, when it will be released, what had to be backordered."""

    at_ms: int
    order_id: str
    rev: int
    site: str
    departure_id: str
    promised_ms: int
    release_at_ms: int
    ordered_units: int
    backordered: tuple[LineQuantity, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected:
    """`reason` is one word in capitals (UNKNOWN_SKU, BAD_QUANTITY ...), `detail` the sentence for the sender."""

    at_ms: int
    order_id: str
    rev: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelRequested:
    at_ms: int
    order_id: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelRefused:
    at_ms: int
    order_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHoldPlaced:
    """One owned hold on an order; it is released when all of its holds are lifted."""

    at_ms: int
    order_id: str
    hold_id: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHoldLifted:
    at_ms: int
    order_id: str
    hold_id: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A lorry or sailing: units must be loaded at `cutoff_ms`, when its doors close."""

    departure_id: str
    site: str
    route: str
    carrier: str
    cutoff_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeparturesPlanned:
    """The timetable, or a change to it: a departure named again replaces its earlier entry."""

    at_ms: int
    departures: tuple[Departure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartureScheduled:
    """Tells a site about one departure before any order for it is released."""

    at_ms: int
    site: str
    departure: Departure


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReleased:
    """The OMS hands the order to a site: work on it now, it must be loaded at `due_ms`."""

    at_ms: int
    order_id: str
    rev: int
    site: str
    customer: str
    route: str
    departure_id: str
    priority: int
    due_ms: int
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRolled:
    """The order missed its departure and now belongs to the next one."""

    at_ms: int
    order_id: str
    site: str
    previous_id: str
    departure_id: str
    due_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """ordered = shipped + short + cancelled, always."""

    line: int
    sku: str
    ordered: int
    shipped: int
    short: int
    cancelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderClosed:
    """Nothing is left to do for this order; `short` is what stays on backorder or was never found."""

    at_ms: int
    order_id: str
    outcome: OrderOutcome
    captured_ms: int
    promised_id: str
    departure_id: str
    lines: tuple[LineResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartureAudited:
    """The OMS's verdict on a departure that has closed. `missed` orders were planned for it and not on it."""

    at_ms: int
    departure_id: str
    site: str
    cutoff_ms: int
    closed_at_ms: int
    orders_planned: int
    orders_loaded: int
    missed: int
