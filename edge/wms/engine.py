"""The door of the WMS: one message in, the messages that follow out."""

from collections.abc import Callable
from functools import partial
from typing import Any

from edge.messages import (
    AsnAnnounced,
    DepartureScheduled,
    GoodsReceived,
    ItemsListed,
    LaneAssigned,
    Message,
    OrderReleased,
    OrderRolled,
    SiteOpened,
    StockOpened,
    TaskCompleted,
    TaskKind,
    UnitArrived,
    UnitMissing,
    Woken,
)
from edge.wms.departures import close_due, departure_scheduled, order_rolled
from edge.wms.faces import hurry, refill_low
from edge.wms.ledger import Balance, Totals
from edge.wms.loading import carried, lane_assigned, loaded, unit_missing
from edge.wms.lost import arrived_or_turned_up, carried_or_lost
from edge.wms.orders import order_released
from edge.wms.packing import packed
from edge.wms.picking import picked, picked_late
from edge.wms.receiving import asn_announced, goods_received, put_away, stock_opened
from edge.wms.replenishing import replenished, replenished_late
from edge.wms.state import State, TaskRecord, TaskState
from edge.wms.warehouse import Warehouse

STATE = State

COMPLETIONS: dict[tuple[TaskKind, TaskState], Callable[[Warehouse, TaskRecord, TaskCompleted], None]] = {
    (TaskKind.PICK, TaskState.OPEN): picked,
    (TaskKind.PICK, TaskState.WITHDRAWN): picked_late,
    (TaskKind.PACK, TaskState.OPEN): packed,
    (TaskKind.CARRY, TaskState.OPEN): carried_or_lost,
    (TaskKind.CARRY, TaskState.WITHDRAWN): carried,
    (TaskKind.LOAD, TaskState.OPEN): loaded,
    (TaskKind.PUTAWAY, TaskState.OPEN): put_away,
    (TaskKind.REPLENISH, TaskState.OPEN): replenished,
    (TaskKind.REPLENISH, TaskState.WITHDRAWN): replenished_late,
}
"""What the end of a task means, by its kind and by whether it was still wanted. PACK, LOAD, PUTAWAY always are."""


def site_opened(house: Warehouse, message: SiteOpened) -> None:
    """The site's configuration, after every start; what is remembered stays."""
    house.open_site(message.site)


def items_listed(house: Warehouse, message: ItemsListed) -> None:
    """The catalogue, or a change to it."""
    for item in message.items:
        house.state.items[item.sku] = item


def task_completed(house: Warehouse, message: TaskCompleted) -> None:
    """A task has ended; one that is not known (any more) was booked before."""
    record = house.state.tasks.get(message.task_id) or house.state.revoked.get(message.task_id)
    if record is not None:
        COMPLETIONS[record.task.kind, record.state](house, record, message)


def woken(house: Warehouse, message: Woken) -> None:
    """Time has passed; departures that are due close before any message is handled, so nothing is left to do."""


HANDLERS: dict[type[Message], Callable[[Warehouse, Any], None]] = {
    SiteOpened: site_opened,
    ItemsListed: items_listed,
    StockOpened: stock_opened,
    DepartureScheduled: departure_scheduled,
    OrderReleased: order_released,
    OrderRolled: order_rolled,
    TaskCompleted: task_completed,
    LaneAssigned: lane_assigned,
    UnitArrived: arrived_or_turned_up,
    UnitMissing: unit_missing,
    AsnAnnounced: asn_announced,
    GoodsReceived: goods_received,
    Woken: woken,
}


class Engine:
    """The WMS of one site. Pure: the same messages at the same times give the same answers, always."""

    def __init__(self) -> None:
        self._house = Warehouse()
        self._doors = {kind: partial(handler, self._house) for kind, handler in HANDLERS.items()}

    def handle(self, message: Message, now_ms: int) -> list[Message]:
        """Take one message in and say what follows; kinds and sites that are not ours are passed over."""
        door = self._doors.get(type(message))
        if door is None or self._is_for_another(message):
            return []
        self._house.now_ms = now_ms
        close_due(self._house)
        door(message)
        hurry(self._house)
        refill_low(self._house)
        return self._house.flush()

    @property
    def wake_at_ms(self) -> int | None:
        """The next cutoff."""
        return self._house.next_cutoff_ms

    def save(self) -> State:
        """Everything remembered, as a copy."""
        return self._house.save()

    def load(self, state: State) -> None:
        """Go on from a saved state."""
        self._house.load(state)

    def totals(self) -> Totals:
        """The books on one line."""
        return self._house.ledger.totals()

    def balances(self) -> list[Balance]:
        """Every balance of every account inside the site."""
        return self._house.ledger.balances()

    def _is_for_another(self, message: Message) -> bool:
        # A released order for another site is answered with a refusal instead.
        site = getattr(message, "site", None)
        return isinstance(site, str) and site != self._house.name and not isinstance(message, OrderReleased)
