"""What the WMS remembers: one plain record per thing, and the whole of it as `State`."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from edge.messages import Item, LaneAssigned, Site, Task
from edge.wms.ledger import Goods, LedgerState

T = TypeVar("T")

REMEMBERED_MAX = 200_000
"""So many finished things are remembered per table, to answer duplicates; then the oldest is forgotten."""


class UnitState(StrEnum):
    """Where an outbound handling unit stands in its life; `units.MOVES` says how it gets there."""

    PLANNED = "planned"
    OPEN = "open"
    PACKING = "packing"
    PACKED = "packed"
    ASTRAY = "astray"
    STAGED = "staged"
    LOADED = "loaded"
    SHIPPED = "shipped"
    VOIDED = "voided"


class TaskState(StrEnum):
    """A withdrawn task may still be finished by somebody who had started it."""

    OPEN = "open"
    WITHDRAWN = "withdrawn"


@dataclass(slots=True, kw_only=True)
class LineRecord:
    """One order line: quantity = picked + shorted + what its open PICK tasks still ask for."""

    line: int
    sku: str
    quantity: int
    picked: int = 0
    shorted: int = 0

    @property
    def wanting(self) -> int:
        return self.quantity - self.picked - self.shorted


@dataclass(slots=True, kw_only=True)
class OrderRecord:
    """`past` are the departures it has been rolled from, `last_departure` the one its last unit left with."""

    order_id: str
    rev: int
    content: int
    route: str
    priority: int
    departure_id: str
    due_ms: int
    lines: dict[int, LineRecord]
    units: list[str] = field(default_factory=list)
    tasks: dict[str, None] = field(default_factory=dict)
    past: list[str] = field(default_factory=list)
    last_departure: str = ""
    roll_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedOrder:
    """The answer to give again when the same release comes again."""

    rev: int
    content: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    line: int
    goods: Goods
    quantity: int


@dataclass(slots=True, kw_only=True)
class UnitRecord:
    """`picks` counts its open PICK tasks; `task_id` is its PACK, CARRY or LOAD; `location` where it was last seen.

    `searches` counts how often it was looked for in vain; `at_door`: it was loaded after the doors had shut.
    """

    hu_id: str
    order_id: str
    zone: str
    state: UnitState = UnitState.PLANNED
    contents: list[Content] = field(default_factory=list)
    picks: int = 0
    task_id: str = ""
    location: str = ""
    departure_id: str = ""
    searches: int = 0
    at_door: bool = False


@dataclass(slots=True, kw_only=True)
class TaskRecord:
    """A task as planned. An open PICK holds `task.quantity` allocated units of `goods` at `task.source`.

    One with `waits_on` holds them where that REPLENISH takes them from, out of the `claimed` ones of that; the others
    it takes are set aside there.
    """

    task: Task
    state: TaskState = TaskState.OPEN
    line: int = 0
    expiry: str = ""
    waits_on: str = ""
    claimed: int = 0

    @property
    def unclaimed(self) -> int:
        return self.task.quantity - self.claimed

    @property
    def goods(self) -> Goods:
        return Goods(self.task.sku, self.task.lot, self.expiry)


@dataclass(slots=True, kw_only=True)
class DepartureRecord:
    """A departure whose doors are open; `cutoff_ms` is None while only a roll has named it."""

    cutoff_ms: int | None = None
    orders: dict[str, None] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class AsnRecord:
    """Announced and received units per sku."""

    announced: dict[str, int]
    received: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class State:
    """Everything; `closed` holds rev and content of finished orders, `departed` the closed departures.

    `lanes` are the pool lanes that are somebody's, by location; `revoked` the REPLENISH tasks that were withdrawn;
    `lost` what was in the units that were given up.
    """

    site: Site | None = None
    items: dict[str, Item] = field(default_factory=dict)
    ledger: LedgerState = field(default_factory=LedgerState)
    opened: bool = False
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    refused: dict[str, RefusedOrder] = field(default_factory=dict)
    closed: dict[str, tuple[int, int]] = field(default_factory=dict)
    units: dict[str, UnitRecord] = field(default_factory=dict)
    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    revoked: dict[str, TaskRecord] = field(default_factory=dict)
    departures: dict[str, DepartureRecord] = field(default_factory=dict)
    departed: dict[str, None] = field(default_factory=dict)
    asns: dict[str, AsnRecord] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)
    lanes: dict[str, LaneAssigned] = field(default_factory=dict)
    lost: dict[str, tuple[Content, ...]] = field(default_factory=dict)
    last_serial: int = 0
    last_task: int = 0


def remember(table: dict[str, T], key: str, value: T) -> None:
    """Keep a finished thing, and forget the oldest one when there are too many."""
    table[key] = value
    if len(table) > REMEMBERED_MAX:
        del table[next(iter(table))]


def fingerprint(text: str) -> int:
    """A number that tells contents apart (Rabin: the text as a number modulo a Mersenne prime), same on any machine."""
    return int.from_bytes(text.encode(), "big") % ((1 << 61) - 1)


def copied(state: State, ledger: LedgerState) -> State:
    """A state that shares nothing that changes with this one."""
    return replace(
        state,
        ledger=ledger,
        items=dict(state.items),
        orders={key: _order(order) for key, order in state.orders.items()},
        refused=dict(state.refused),
        closed=dict(state.closed),
        units={key: replace(unit, contents=list(unit.contents)) for key, unit in state.units.items()},
        tasks={key: replace(record) for key, record in state.tasks.items()},
        revoked=dict(state.revoked),
        departures={
            key: replace(departure, orders=dict(departure.orders), loaded=list(departure.loaded))
            for key, departure in state.departures.items()
        },
        departed=dict(state.departed),
        asns={
            key: AsnRecord(announced=dict(asn.announced), received=dict(asn.received))
            for key, asn in state.asns.items()
        },
        received=dict(state.received),
        lanes=dict(state.lanes),
        lost=dict(state.lost),
    )


def _order(order: OrderRecord) -> OrderRecord:
    return replace(
        order,
        lines={key: replace(line) for key, line in order.lines.items()},
        units=list(order.units),
        tasks=dict(order.tasks),
        past=list(order.past),
    )
