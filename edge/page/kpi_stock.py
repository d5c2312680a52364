"""Stock in the report: the books of the ledger summed from its movements, and whether they balance."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from edge.messages import Message, SiteOpened, StockMoved, UnitPacked
from edge.page.kpi_orders import OrderBook

OUTSIDE = ("opening", "supplier", "adjustment", "customer")
UNIT_PREFIX = "hu:"


class Stock:
    """Folds the movements of the ledger; a movement counts once, however often and in whatever order it is seen."""

    def __init__(self) -> None:
        self._moves: dict[StockMoved, None] = {}
        self._order_of: dict[str, str] = {}
        self._docks: set[str] = set()
        self._sites: set[str] = set()
        self.table: dict[type[Message], Callable[[Any], None]] = {
            StockMoved: self._see_moved,
            UnitPacked: self._see_packed,
            SiteOpened: self._see_site,
        }

    def _see_moved(self, message: StockMoved) -> None:
        self._moves[message] = None

    def _see_packed(self, message: UnitPacked) -> None:
        self._order_of[message.hu_id] = message.order_id

    def _see_site(self, message: SiteOpened) -> None:
        self._sites.add(message.site.site)
        self._docks |= {place.location for place in message.site.places if place.kind == "receiving"}

    def part(self, books: Iterable[OrderBook]) -> tuple[dict[str, Any], list[str]]:
        """stock of the report, and what does not balance; received goods on the dock are in process.

        Balanced means: (a) opening + received + adjusted - shipped = on_hand + in_process for every SKU, each number
        booked once; (b) no location or handling unit ever below zero; (c) per order and SKU the units that went to the
        customer in the ledger are those of the site's and of the OMS's final word.
        """
        moves = sorted(self._moves, key=lambda move: (move.at_ms, move.movement, move.source, move.target, move.sku))
        balances, findings = _post(moves)
        if len(self._sites) <= 1:
            used = Counter(move.movement for move in moves)
            findings += [f"movement {n} was booked {times} times" for n, times in sorted(used.items()) if times > 1]
        totals = self._totals(balances)
        findings += _leaks(balances)
        findings += self._shipped_otherwise(moves, books)
        return {**totals, "balanced": not findings}, findings

    def _totals(self, balances: dict[tuple[str, str, str], int]) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for (account, _, _), quantity in balances.items():
            inside = "in_process" if account.startswith(UNIT_PREFIX) or account in self._docks else "on_hand"
            sums[account if account in OUTSIDE else inside] += quantity
        return {
            "opening": -sums["opening"],
            "received": -sums["supplier"],
            "shipped": sums["customer"],
            "adjusted": -sums["adjustment"],
            "on_hand": sums["on_hand"],
            "in_process": sums["in_process"],
        }

    def _shipped_otherwise(self, moves: Iterable[StockMoved], books: Iterable[OrderBook]) -> list[str]:
        """(c): the ledger, the site's OrderShipped and the OMS's OrderClosed tell the same story."""
        moved: dict[str, Counter[str]] = {}
        findings = []
        for move in moves:
            if move.target == "customer":
                order_id = self._order_of.get(move.source.removeprefix(UNIT_PREFIX), "")
                if not order_id:
                    findings.append(f"movement {move.movement}: {move.source} went to a customer but to no order")
                moved.setdefault(order_id, Counter())[move.sku] += move.quantity
        for book in books:
            left = {sku: units for sku, units in moved.get(book.order_id, Counter()).items() if units}
            said = {sku: units for sku, units in book.site_shipped.items() if units}
            if book.closed:
                booked: Counter[str] = Counter()
                for line in book.lines:
                    booked[line.sku] += line.shipped
                closed = {sku: units for sku, units in booked.items() if units}
                if not left == said == closed:
                    findings += _difference(book.order_id, left, said, closed)
            elif any(units > left.get(sku, 0) for sku, units in said.items()):
                findings += _difference(book.order_id, left, said, said)
        return findings


def _post(moves: Iterable[StockMoved]) -> tuple[dict[tuple[str, str, str], int], list[str]]:
    """Every (account, sku, lot) balance after all movements, and the accounts that were ever overdrawn."""
    balances: dict[tuple[str, str, str], int] = {}
    findings = []
    for move in moves:
        source, target = (move.source, move.sku, move.lot), (move.target, move.sku, move.lot)
        balances[source] = balances.get(source, 0) - move.quantity
        balances[target] = balances.get(target, 0) + move.quantity
        if balances[source] < 0 and move.source not in OUTSIDE:
            findings.append(f"movement {move.movement}: {move.source} has {balances[source]} of {move.sku} {move.lot}")
        if move.quantity <= 0:
            findings.append(f"movement {move.movement}: a quantity of {move.quantity}")
    return balances, findings


def _leaks(balances: dict[tuple[str, str, str], int]) -> list[str]:
    """(a): SKUs of which the inside accounts do not hold what came in less what went out."""
    came: Counter[str] = Counter()
    lies: Counter[str] = Counter()
    for (account, sku, _), quantity in balances.items():
        if account in OUTSIDE:
            came[sku] -= quantity
        else:
            lies[sku] += quantity
    return [
        f"{sku}: {came[sku]} units came in, {lies[sku]} lie inside" for sku in sorted(came) if came[sku] != lies[sku]
    ]


def _difference(order_id: str, left: dict[str, int], said: dict[str, int], closed: dict[str, int]) -> list[str]:
    return [
        f"order {order_id}, {sku}: {left.get(sku, 0)} units left the ledger, the site shipped {said.get(sku, 0)}, "
        f"the OMS closed with {closed.get(sku, 0)}"
        for sku in sorted({*left, *said, *closed})
        if not left.get(sku, 0) == said.get(sku, 0) == closed.get(sku, 0)
    ]
