"""Which stock an order line gets: first expired first out, then first in first out, whole rather than split."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from edge.wms.ledger import Balance, Goods, Ledger


@dataclass(frozen=True, slots=True)
class Part:
    """So many units of a line, reserved at a location; with `after`, they come there by that REPLENISH task."""

    line: int
    location: str
    goods: Goods
    quantity: int
    after: str = ""


def choose(stock: Sequence[Balance], quantity: int, usable: Callable[[str], bool]) -> Iterator[tuple[Balance, int]]:
    """Where to take `quantity` from, or as much of it as there is. `stock` is in FEFO, then FIFO order.

    Within one expiry date the first location that holds all that is still wanted beats splitting.
    """
    for _, same_expiry in groupby(stock, key=lambda balance: balance.goods.expiry):
        free = [balance for balance in same_expiry if balance.available > 0 and usable(balance.account)]
        whole = next((balance for balance in free if balance.available >= quantity), None)
        for balance in [whole] if whole else free:
            taken = min(quantity, balance.available)
            yield balance, taken
            quantity -= taken
            if quantity == 0:
                return


def allocate(ledger: Ledger, line: int, sku: str, quantity: int, usable: Callable[[str], bool]) -> list[Part]:
    """Reserve up to `quantity` units; what is missing from the sum of the parts is not to be had."""
    parts = []
    for balance, taken in list(choose(ledger.stock_of(sku), quantity, usable)):
        ledger.allocate(balance, taken)
        parts.append(Part(line=line, location=balance.account, goods=balance.goods, quantity=taken))
    return parts
