"""An office to talk to: the OMS engine, a clock that only goes forward, and short words for its messages."""

from collections.abc import Callable, Iterable

import pytest
from pydantic import TypeAdapter

from edge.messages import (
    Departure,
    DepartureClosed,
    DeparturesPlanned,
    Item,
    ItemsListed,
    LineQuantity,
    LineShorted,
    Message,
    OfficeOpened,
    OrderAdmitted,
    OrderCancelRequested,
    OrderCaptured,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderLine,
    OrderRefused,
    OrderShipped,
    StockLevel,
    StockLevelsChanged,
    Woken,
)
from edge.oms.engine import STATE, Engine

STATES = TypeAdapter(STATE)


class Office:
    """Every method hands one message to the engine at the present moment and returns what followed."""

    minute = 60_000
    process_ms = 60 * minute
    slack_ms = 10 * minute

    def __init__(self, sites: tuple[str, ...] = ("NORTH", "SOUTH"), skus: Iterable[str] = "ABC") -> None:
        self.engine = Engine()
        self.now_ms = 1_000 * self.minute
        opened = OfficeOpened(at_ms=self.now_ms, sites=sites, process_ms=self.process_ms, slack_ms=self.slack_ms)
        self.tell(opened)
        self.tell(ItemsListed(at_ms=self.now_ms, items=tuple(Item(sku=sku) for sku in skus)))

    def tell(self, message: Message) -> list[Message]:
        out = self.engine.handle(message, self.now_ms)
        assert all(answer.at_ms == self.now_ms for answer in out)
        return out

    def reload(self) -> None:
        """Through JSON into a new engine, as after a crash."""
        saved = STATES.dump_json(self.engine.save())
        self.engine = Engine()
        self.engine.load(STATES.validate_json(saved))

    def wait(self, minutes: int) -> None:
        self.now_ms += minutes * self.minute

    def wake(self) -> list[Message]:
        return self.tell(Woken(at_ms=self.now_ms))

    def sleep(self) -> list[Message]:
        """To the moment the engine wants to be woken at, and wake it."""
        assert self.engine.wake_at_ms is not None
        self.now_ms = max(self.now_ms, self.engine.wake_at_ms)
        return self.wake()

    def departure(self, departure_id: str, minutes: int, route: str = "R1", site: str = "NORTH") -> Departure:
        cutoff_ms = self.now_ms + minutes * self.minute
        return Departure(departure_id=departure_id, site=site, route=route, carrier="X", cutoff_ms=cutoff_ms)

    def plan(self, *departures: Departure) -> list[Message]:
        return self.tell(DeparturesPlanned(at_ms=self.now_ms, departures=departures))

    def levels(self, site: str = "NORTH", **available: int) -> list[Message]:
        levels = tuple(StockLevel(sku=sku, on_hand=units, available=units) for sku, units in available.items())
        return self.tell(StockLevelsChanged(at_ms=self.now_ms, site=site, levels=levels))

    def captured(
        self, order_id: str, *lines: tuple[str, int], rev: int = 1, route: str = "R1", priority: int = 5
    ) -> OrderCaptured:
        numbered = tuple(OrderLine(line=n, sku=sku, quantity=units) for n, (sku, units) in enumerate(lines, 1))
        return OrderCaptured(
            at_ms=self.now_ms, order_id=order_id, rev=rev, route=route, priority=priority, lines=numbered
        )

    def capture(
        self, order_id: str, *lines: tuple[str, int], rev: int = 1, route: str = "R1", priority: int = 5
    ) -> list[Message]:
        return self.tell(self.captured(order_id, *lines, rev=rev, route=route, priority=priority))

    def cancel(self, order_id: str) -> list[Message]:
        return self.tell(OrderCancelRequested(at_ms=self.now_ms, order_id=order_id, by="clerk"))

    def hold(self, order_id: str, hold_id: str = "H1") -> list[Message]:
        hold = OrderHoldPlaced(at_ms=self.now_ms, order_id=order_id, hold_id=hold_id, reason="credit", by="clerk")
        return self.tell(hold)

    def lift(self, order_id: str, hold_id: str = "H1") -> list[Message]:
        return self.tell(OrderHoldLifted(at_ms=self.now_ms, order_id=order_id, hold_id=hold_id, by="clerk"))

    def admit(self, order_id: str, rev: int = 1, site: str = "NORTH") -> list[Message]:
        return self.tell(OrderAdmitted(at_ms=self.now_ms, order_id=order_id, rev=rev, site=site))

    def refuse(self, order_id: str, reason: str, detail: str = "", site: str = "NORTH") -> list[Message]:
        refused = OrderRefused(at_ms=self.now_ms, order_id=order_id, rev=1, site=site, reason=reason, detail=detail)
        return self.tell(refused)

    def short(self, order_id: str, line: int, sku: str, quantity: int) -> list[Message]:
        shorted = LineShorted(
            at_ms=self.now_ms, order_id=order_id, line=line, sku=sku, quantity=quantity, reason="SHORT_PICK"
        )
        return self.tell(shorted)

    def ship(
        self, order_id: str, departure_id: str, *lines: tuple[int, str, int], site: str = "NORTH"
    ) -> list[Message]:
        quantities = tuple(LineQuantity(line=line, sku=sku, quantity=units) for line, sku, units in lines)
        shipped = OrderShipped(
            at_ms=self.now_ms, order_id=order_id, site=site, departure_id=departure_id, lines=quantities, units=()
        )
        return self.tell(shipped)

    def close(
        self, departure_id: str, orders: tuple[str, ...] = (), left_behind: tuple[str, ...] = (), site: str = "NORTH"
    ) -> list[Message]:
        closed = DepartureClosed(
            at_ms=self.now_ms, departure_id=departure_id, site=site, units=(), orders=orders, left_behind=left_behind
        )
        return self.tell(closed)


@pytest.fixture(scope="session")
def new_office() -> Callable[..., Office]:
    """Makes offices; for tests that need many of them."""
    return Office


@pytest.fixture
def office() -> Office:
    """NORTH has 100 of A and B, no C; D1 leaves in 5 h (its orders are released in 110 min), D2 in 11 h, D3 in 24 h."""
    made = Office()
    made.plan(made.departure("D1", 300), made.departure("D2", 660), made.departure("D3", 1440))
    made.levels(A=100, B=100)
    return made
