"""Stock: what lies where, and what the site did with an order. Written by the WMS."""

from dataclasses import dataclass
from typing import Any

from edge.messages.orders import LineQuantity


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLine:
    """`expiry` is an ISO date or "" for goods that do not age."""

    sku: str
    location: str
    lot: str = ""
    expiry: str = ""
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockOpened:
    """The opening stock of a site; taken once, into an empty ledger."""

    at_ms: int
    site: str
    lines: tuple[StockLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AsnLine:
    sku: str
    lot: str = ""
    expiry: str = ""
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AsnAnnounced:
    """Goods on their way in, named by their advance shipping notice."""

    at_ms: int
    site: str
    asn_id: str
    lines: tuple[AsnLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsReceived:
    """Somebody at the dock scanned goods of an ASN onto an inbound handling unit."""

    at_ms: int
    asn_id: str
    hu_id: str
    sku: str
    lot: str = ""
    expiry: str = ""
    quantity: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsRefused:
    at_ms: int
    asn_id: str
    hu_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMoved:
    """One double-entry movement: `quantity` (> 0) leaves account `source` and enters account `target`.

    Accounts: a location id, `hu:<hu_id>` for goods in a handling unit, or one of the outside accounts
    `opening`, `supplier`, `adjustment`, `customer`.
    """

    at_ms: int
    movement: int
    sku: str
    lot: str
    source: str
    target: str
    quantity: int
    cause: str
    cause_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevel:
    sku: str
    on_hand: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevelsChanged:
    """What the OMS may promise from: pickable stock of the named SKUs, `available` = not yet allocated."""

    at_ms: int
    site: str
    levels: tuple[StockLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAdmitted:
    """The site took the order on; shortages found at once are in LineShorted facts beside it."""

    at_ms: int
    order_id: str
    rev: int
    site: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefused:
    """The site cannot take the order: OUTDATED, SAME_REV_CONFLICT, DEPARTURE_CLOSED, UNKNOWN_DEPARTURE ..."""

    at_ms: int
    order_id: str
    rev: int
    site: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineShorted:
    """`quantity` units of this line will not come from this site: NO_STOCK at allocation, SHORT_PICK on the floor."""

    at_ms: int
    order_id: str
    line: int
    sku: str
    quantity: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitContent:
    line: int
    sku: str
    lot: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPacked:
    """A handling unit was closed and labelled; its id is its SSCC, and that is the barcode on it."""

    at_ms: int
    hu_id: str
    order_id: str
    site: str
    route: str
    departure_id: str
    due_ms: int
    contents: tuple[UnitContent, ...]
    weight_g: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStaged:
    """The handling unit lies in the lane of its departure, ready to load."""

    at_ms: int
    hu_id: str
    order_id: str
    departure_id: str
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLoaded:
    at_ms: int
    hu_id: str
    order_id: str
    departure_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRerouted:
    """The handling unit now belongs to another departure."""

    at_ms: int
    hu_id: str
    departure_id: str
    due_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitVoided:
    """The handling unit is given up: what was in it is picked anew, and it goes with no departure any more."""

    at_ms: int
    hu_id: str
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTurnedUp:
    """A handling unit that was given up lies here after all; what is in it goes back to a shelf, not to a lorry."""

    at_ms: int
    hu_id: str
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShipped:
    """All units of the order that will ever come from this site have left with this departure.

    An order with nothing to ship (all lines shorted) gets one with no lines as soon as that is known.
    """

    at_ms: int
    order_id: str
    site: str
    departure_id: str
    lines: tuple[LineQuantity, ...]
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartureClosed:
    """The doors are shut and the manifest is frozen. `left_behind` names orders planned for it that are not on it."""

    at_ms: int
    departure_id: str
    site: str
    units: tuple[str, ...]
    orders: tuple[str, ...]
    left_behind: tuple[str, ...]


UnitMessage = UnitPacked | UnitStaged | UnitLoaded | UnitRerouted | UnitVoided | UnitTurnedUp

UNIT_READERS: dict[type[Any], tuple[str, ...]] = {
    UnitPacked: ("wes", "oms"),
    UnitStaged: ("oms",),
    UnitLoaded: ("oms",),
    UnitRerouted: ("wes",),
    UnitVoided: ("wes",),
    UnitTurnedUp: (),
}
"""The systems that read each; one without is for the journal, the page and the report."""
