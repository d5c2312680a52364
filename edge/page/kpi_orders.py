"""Orders in the report: what became of every order and every unit, OTIF, cycle time."""

from collections import Counter
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from edge.messages import (
    LineShorted,
    Message,
    OrderAccepted,
    OrderCaptured,
    OrderClosed,
    OrderLine,
    OrderOutcome,
    OrderRejected,
    OrderReleased,
    OrderRolled,
    OrderShipped,
)
from edge.page.kpi_numbers import nearest_rank, share

OUTCOMES = ("rejected", "shipped", "short_shipped", "backordered", "cancelled", "open")
NOT_ABOUT_THE_ORDER = frozenset(
    {"SAME_REV_CONFLICT", "OUTDATED", "TOO_LATE", "UNKNOWN_ORDER", "UNKNOWN_HOLD", "TOO_MANY_HOLDS", "ILLEGAL_MOVE"}
)
"""Rejections that refuse one request; the order itself stands as it stood."""
K = TypeVar("K")
M = TypeVar("M", OrderAccepted, OrderClosed, OrderShipped)


@dataclass(frozen=True, slots=True)
class LineBook:
    """One line's books: ordered = shipped + short + cancelled + open."""

    sku: str
    ordered: int
    shipped: int = 0
    short: int = 0
    cancelled: int = 0

    @property
    def open(self) -> int:
        """Units still to be shipped or found short."""
        return self.ordered - self.shipped - self.short - self.cancelled

    @property
    def standing(self) -> str:
        """Where the line as a whole counts."""
        if self.open:
            return "open"
        return "short" if self.short else "shipped" if self.shipped else "cancelled"


@dataclass(frozen=True, slots=True)
class OrderBook:
    """One order's books; `lines` are empty if it was rejected. `shipped_ms` is when its last units left."""

    order_id: str
    outcome: str
    captured_ms: int
    shipped_ms: int | None
    promised_id: str
    departure_id: str
    lines: tuple[LineBook, ...]
    captured_units: dict[str, int]
    site_shipped: dict[str, int]
    """Units per SKU that the sites said they shipped."""
    closed: bool
    planned_id: str
    """The departure it is planned for now."""


def _keep_first(table: dict[K, M], key: K, message: M) -> None:
    """Of repeated answers the first one is the one that happened."""
    known = table.get(key)
    if known is None or message.at_ms < known.at_ms:
        table[key] = message


class Orders:
    """Folds the messages about orders; seeing one again, or in another order, changes nothing."""

    def __init__(self) -> None:
        self._captured: dict[str, dict[tuple[int, tuple[OrderLine, ...]], int]] = {}
        self._accepted: dict[str, dict[int, OrderAccepted]] = {}
        self._rejected: dict[str, set[int]] = {}
        self._closed: dict[str, OrderClosed] = {}
        self._shipped: dict[str, dict[str, OrderShipped]] = {}
        self._shorted: dict[str, dict[LineShorted, None]] = {}
        self._rolled: set[tuple[str, str, str]] = set()
        self._planned: dict[str, tuple[int, str]] = {}
        self.table: dict[type[Message], Callable[[Any], None]] = {
            OrderCaptured: self._see_captured,
            OrderAccepted: self._see_accepted,
            OrderRejected: self._see_rejected,
            OrderClosed: lambda message: _keep_first(self._closed, message.order_id, message),
            OrderShipped: self._see_shipped,
            LineShorted: self._see_shorted,
            OrderReleased: self._see_planned,
            OrderRolled: self._see_rolled,
        }

    @property
    def rolls(self) -> int:
        """How often an order was moved to a later departure."""
        return len(self._rolled)

    def _see_captured(self, message: OrderCaptured) -> None:
        tries = self._captured.setdefault(message.order_id, {})
        key = (message.rev, message.lines)
        tries[key] = min(message.at_ms, tries.get(key, message.at_ms))

    def _see_accepted(self, message: OrderAccepted) -> None:
        _keep_first(self._accepted.setdefault(message.order_id, {}), message.rev, message)

    def _see_rejected(self, message: OrderRejected) -> None:
        if message.reason not in NOT_ABOUT_THE_ORDER:
            self._rejected.setdefault(message.order_id, set()).add(message.rev)

    def _see_shipped(self, message: OrderShipped) -> None:
        _keep_first(self._shipped.setdefault(message.order_id, {}), message.site, message)

    def _see_shorted(self, message: LineShorted) -> None:
        self._shorted.setdefault(message.order_id, {})[message] = None

    def _see_rolled(self, message: OrderRolled) -> None:
        self._rolled.add((message.order_id, message.previous_id, message.departure_id))
        self._see_planned(message)

    def _see_planned(self, message: OrderReleased | OrderRolled) -> None:
        plan = (message.at_ms, message.departure_id)
        self._planned[message.order_id] = max(plan, self._planned.get(message.order_id, plan))

    def books(self) -> list[OrderBook]:
        """The books of every order, by id."""
        known = {**dict.fromkeys(self._captured), **dict.fromkeys(self._accepted), **dict.fromkeys(self._closed)}
        return [self._book(order_id) for order_id in sorted(known)]

    def _book(self, order_id: str) -> OrderBook:
        captured, closed = self._captured.get(order_id, {}), self._closed.get(order_id)
        accepted = self._accepted.get(order_id, {})
        wanted = self._wanted(order_id)
        shipped = self._shipped.get(order_id, {})
        site_shipped: Counter[str] = Counter()
        for answer in shipped.values():
            for part in answer.lines:
                site_shipped[part.sku] += part.quantity
        captured_units: Counter[str] = Counter()
        for line in wanted:
            captured_units[line.sku] += line.quantity
        if closed is not None:
            lines = tuple(LineBook(r.sku, r.ordered, r.shipped, r.short, r.cancelled) for r in closed.lines)
            outcome = closed.outcome.value
        elif not accepted and captured and {rev for rev, _ in captured} <= self._rejected.get(order_id, set()):
            lines, outcome = (), "rejected"
        else:
            lines = self._open_lines(order_id, wanted)
            nothing_left = bool(lines) and not any(line.open for line in lines)
            outcome = "backordered" if nothing_left and any(line.short for line in lines) else "open"
        promise = min(accepted.values(), key=lambda answer: answer.at_ms) if accepted else None
        shipped_ms = max((answer.at_ms for answer in shipped.values() if answer.lines), default=None)
        return OrderBook(
            order_id=order_id,
            outcome=outcome,
            captured_ms=min(captured.values(), default=closed.captured_ms if closed else 0),
            shipped_ms=shipped_ms,
            promised_id=promise.departure_id if promise else "",
            departure_id=closed.departure_id if closed else "",
            lines=lines,
            captured_units=dict(captured_units),
            site_shipped=dict(site_shipped),
            closed=closed is not None,
            planned_id=self._planned.get(order_id, (0, promise.departure_id if promise else ""))[1],
        )

    def _wanted(self, order_id: str) -> tuple[OrderLine, ...]:
        """The lines the OMS took: of the revision it accepted, and of its captures the one with as many units."""
        tries = sorted(self._captured.get(order_id, {}).items(), key=lambda entry: (-entry[0][0], entry[1]))
        accepted, closed = self._accepted.get(order_id, {}), self._closed.get(order_id)
        refused = self._rejected.get(order_id, set())
        rev, units = 0, -1
        if accepted:
            rev = max(accepted)
            units = accepted[rev].ordered_units
        elif closed is not None:
            units = sum(row.ordered for row in closed.lines)
        fitting = [lines for (number, lines), _ in tries if number == rev or (not rev and number not in refused)]
        whole = [lines for lines in fitting if sum(line.quantity for line in lines) == units]
        return next(iter(whole or fitting or [lines for (_, lines), _ in tries]), ())

    def _open_lines(self, order_id: str, wanted: tuple[OrderLine, ...]) -> tuple[LineBook, ...]:
        shipped: Counter[int] = Counter()
        short: Counter[int] = Counter()
        for answer in self._shipped.get(order_id, {}).values():
            for sent in answer.lines:
                shipped[sent.line] += sent.quantity
        accepted = self._accepted.get(order_id, {})
        for part in accepted[max(accepted)].backordered if accepted else ():
            short[part.line] += part.quantity
        for fact in self._shorted.get(order_id, {}):
            short[fact.line] += fact.quantity
        books = []
        for line in wanted:
            gone = min(line.quantity, shipped[line.line])
            books.append(LineBook(line.sku, line.quantity, gone, min(short[line.line], line.quantity - gone)))
        return tuple(books)


def orders_part(books: Iterable[OrderBook], departed: Container[str]) -> dict[str, Any]:
    """orders, lines, units, otif and order_cycle_s of the report. `departed`: departures that have closed."""
    books = list(books)
    outcomes = Counter(book.outcome for book in books)
    lines = [line for book in books for line in book.lines]
    standings = Counter(line.standing for line in lines)
    findings = _unbalanced(books)
    due = [book for book in books if _is_due(book, departed)]
    kept = sum(
        1 for book in due if book.outcome == OrderOutcome.SHIPPED and book.departure_id == book.promised_id != ""
    )
    cycles = sorted(book.shipped_ms - book.captured_ms for book in books if book.shipped_ms is not None)
    return {
        "orders": {"captured": len(books), **{outcome: outcomes[outcome] for outcome in OUTCOMES}},
        "lines": {
            "captured": len(lines),
            **{standing: standings[standing] for standing in ("shipped", "short", "cancelled", "open")},
        },
        "units": {
            "ordered": sum(line.ordered for line in lines),
            "shipped": sum(line.shipped for line in lines),
            "short": sum(line.short for line in lines),
            "cancelled": sum(line.cancelled for line in lines),
            "open": sum(line.open for line in lines),
            "skus": len({line.sku for line in lines}),
            "balanced": not findings,
        },
        "otif": share(kept, len(due)),
        "order_cycle_s": {name: _seconds(cycles, percent) for name, percent in (("p50", 50), ("p90", 90))},
        "findings": findings,
    }


def _is_due(book: OrderBook, departed: Container[str]) -> bool:
    """OTIF counts it: ended and neither cancelled nor rejected, or still open after its promised departure left."""
    if book.outcome == "open":
        return book.promised_id in departed
    return book.outcome not in ("cancelled", "rejected")


def _seconds(ordered_ms: list[int], percent: int) -> float | None:
    value = nearest_rank(ordered_ms, percent)
    return None if value is None else round(value / 1000, 1)


def _unbalanced(books: Iterable[OrderBook]) -> list[str]:
    """SKUs of which what was captured is not what was shipped, short, cancelled or is open."""
    ordered: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for book in books:
        for line in book.lines:
            ended[line.sku] += line.shipped + line.short + line.cancelled + max(0, line.open)
        if book.lines:
            ordered.update(book.captured_units or _ordered(book))
    return [
        f"{sku}: {ordered[sku]} units ordered, but {ended[sku]} shipped, short, cancelled or open"
        for sku in sorted({*ordered, *ended})
        if ordered[sku] != ended[sku]
    ]


def _ordered(book: OrderBook) -> Counter[str]:
    """What a closed order whose capture is no longer in the journal says was ordered."""
    units: Counter[str] = Counter()
    for line in book.lines:
        units[line.sku] += line.ordered
    return units
