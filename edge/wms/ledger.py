"""Double-entry stock: every change of a quantity is one numbered movement from one account to another."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edge.messages import StockLevel, StockMoved

OPENING, SUPPLIER, ADJUSTMENT, CUSTOMER = "opening", "supplier", "adjustment", "customer"
OUTSIDE = (OPENING, SUPPLIER, ADJUSTMENT, CUSTOMER)
UNIT_PREFIX = "hu:"


class Goods(NamedTuple):
    """What is told apart in stock: the article, its lot, its expiry date ("" for none)."""

    sku: str
    lot: str
    expiry: str


@dataclass(slots=True, kw_only=True)
class Balance:
    """So many of these goods in this account. `arrival` ranks receipts, oldest first.

    `allocated` units are for orders, `moving` ones go to a pick face and may still be promised; both <= quantity.
    """

    account: str
    goods: Goods
    arrival: int
    quantity: int = 0
    allocated: int = 0
    moving: int = 0

    @property
    def available(self) -> int:
        return self.quantity - self.allocated - self.moving


@dataclass(slots=True, kw_only=True)
class LedgerState:
    balances: list[Balance] = field(default_factory=list)
    outside: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTSIDE, 0))
    movements: int = 0
    arrivals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The books on one line: opening + received + adjusted - shipped = on_hand + in_process, if `balanced`."""

    opening: int
    received: int
    shipped: int
    adjusted: int
    on_hand: int
    in_process: int
    balanced: bool


class Overdrawn(ValueError):
    """A caller asked for what an account does not have; that is a defect, not an event."""


def unit_account(hu_id: str) -> str:
    """The account of the goods in a handling unit."""
    return UNIT_PREFIX + hu_id


def _rank(balance: Balance) -> tuple[bool, str, int, str, str]:
    """FEFO, then FIFO, then by name; what never expires goes last."""
    goods = balance.goods
    return (goods.expiry == "", goods.expiry, balance.arrival, balance.account, goods.lot)


class Ledger:
    """All accounts of a site. Pickable are accounts that are neither outside, nor a handling unit, nor a dock."""

    def __init__(self) -> None:
        self._accounts: dict[str, dict[Goods, Balance]] = {}
        self._stock: dict[str, list[Balance]] = {}
        self._levels: dict[str, list[int]] = {}
        self._outside: dict[str, int] = dict.fromkeys(OUTSIDE, 0)
        self._docks: tuple[str, ...] = ()
        self.movements = 0
        self.arrivals = 0
        self.touched: dict[str, None] = {}
        self.emptied: list[str] = []

    def configure(self, docks: tuple[str, ...]) -> None:
        """Say which locations are receiving docks, whose goods cannot be picked."""
        self._docks = docks
        self._reindex()

    def arrive(self) -> None:
        """Goods that come in from now on are younger than all before."""
        self.arrivals += 1

    def find(self, account: str, goods: Goods) -> Balance | None:
        """The balance of these goods in this account, if there are any."""
        return self._accounts.get(account, {}).get(goods)

    def stock_of(self, sku: str) -> Sequence[Balance]:
        """Pickable balances of a sku in the order in which they are to be used."""
        return self._stock.get(sku, ())

    def is_empty(self, account: str) -> bool:
        return account not in self._accounts

    def level(self, sku: str) -> StockLevel:
        """Pickable stock of a sku."""
        on_hand, allocated = self._levels.get(sku, (0, 0))
        return StockLevel(sku=sku, on_hand=on_hand, available=on_hand - allocated)

    def allocate(self, balance: Balance, quantity: int) -> None:
        """Reserve units of a pickable balance."""
        self._reserve(balance, quantity)

    def set_aside(self, balance: Balance, quantity: int) -> None:
        """Keep units of a pickable balance for a pick face; a negative quantity gives them back."""
        if not 0 <= balance.moving + quantity <= balance.quantity - balance.allocated:
            raise Overdrawn(f"{balance.account}: {balance.moving} + {quantity} of {balance.quantity} set aside")
        balance.moving += quantity

    def claim(self, balance: Balance, quantity: int) -> None:
        """Allocate units that are set aside; a negative quantity sets them aside again."""
        if not -balance.allocated <= quantity <= balance.moving:
            raise Overdrawn(f"{balance.account}: {quantity} of {balance.moving} set aside cannot be claimed")
        balance.moving -= quantity
        self._reserve(balance, quantity)

    def release(self, account: str, goods: Goods, quantity: int) -> None:
        """Give reserved units back."""
        balance = self.find(account, goods)
        if balance is None:
            raise Overdrawn(f"{account} has no {goods} to release")
        self._reserve(balance, -quantity)

    def move(
        self, goods: Goods, quantity: int, source: str, target: str, cause: str, cause_id: str, at_ms: int
    ) -> StockMoved:
        """Book one movement. Only unallocated units leave a location."""
        if quantity <= 0 or source == target:
            raise Overdrawn(f"cannot move {quantity} from {source} to {target}")
        arrival = self._take(source, goods, quantity)
        self._give(target, goods, quantity, arrival)
        self.movements += 1
        return StockMoved(
            at_ms=at_ms,
            movement=self.movements,
            sku=goods.sku,
            lot=goods.lot,
            source=source,
            target=target,
            quantity=quantity,
            cause=cause,
            cause_id=cause_id,
        )

    def totals(self) -> Totals:
        """The books, with what lies in the accounts counted and what moved taken from the movements."""
        on_hand = in_process = 0
        for account, shelf in self._accounts.items():
            held = sum(balance.quantity for balance in shelf.values())
            if self._pickable(account):
                on_hand += held
            else:
                in_process += held
        outside = self._outside
        return Totals(
            opening=-outside[OPENING],
            received=-outside[SUPPLIER],
            shipped=outside[CUSTOMER],
            adjusted=-outside[ADJUSTMENT],
            on_hand=on_hand,
            in_process=in_process,
            balanced=on_hand + in_process + sum(outside.values()) == 0,
        )

    def balances(self) -> list[Balance]:
        """Every balance, as copies."""
        return [replace(balance) for shelf in self._accounts.values() for balance in shelf.values()]

    def save(self) -> LedgerState:
        return LedgerState(
            balances=self.balances(),
            outside=dict(self._outside),
            movements=self.movements,
            arrivals=self.arrivals,
        )

    def load(self, state: LedgerState) -> None:
        self._accounts = {}
        for balance in state.balances:
            self._accounts.setdefault(balance.account, {})[balance.goods] = replace(balance)
        self._outside = dict(state.outside)
        self.movements, self.arrivals = state.movements, state.arrivals
        self._reindex()

    def _reserve(self, balance: Balance, quantity: int) -> None:
        if not 0 <= balance.allocated + quantity <= balance.quantity - balance.moving:
            raise Overdrawn(f"{balance.account}: {balance.allocated} + {quantity} of {balance.quantity} allocated")
        balance.allocated += quantity
        self._levels[balance.goods.sku][1] += quantity
        self.touched[balance.goods.sku] = None

    def _take(self, account: str, goods: Goods, quantity: int) -> int:
        if account in self._outside:
            self._outside[account] -= quantity
            return self.arrivals
        balance = self.find(account, goods)
        if balance is None or balance.available < quantity:
            raise Overdrawn(f"{account} has {balance.available if balance else 0} free of {goods}, not {quantity}")
        balance.quantity -= quantity
        self._count(balance, -quantity)
        if balance.quantity == 0:
            self._forget(balance)
        return balance.arrival

    def _give(self, account: str, goods: Goods, quantity: int, arrival: int) -> None:
        if account in self._outside:
            self._outside[account] += quantity
            return
        balance = self.find(account, goods)
        if balance is None:
            balance = Balance(account=account, goods=goods, arrival=arrival)
            self._accounts.setdefault(account, {})[goods] = balance
            if self._pickable(account):
                insort(self._stock.setdefault(goods.sku, []), balance, key=_rank)
        balance.quantity += quantity
        self._count(balance, quantity)

    def _forget(self, balance: Balance) -> None:
        shelf = self._accounts[balance.account]
        del shelf[balance.goods]
        if self._pickable(balance.account):
            stock = self._stock[balance.goods.sku]
            del stock[bisect_left(stock, _rank(balance), key=_rank)]
        if not shelf:
            del self._accounts[balance.account]
            self.emptied.append(balance.account)

    def _count(self, balance: Balance, quantity: int) -> None:
        if self._pickable(balance.account):
            sku = balance.goods.sku
            self._levels.setdefault(sku, [0, 0])[0] += quantity
            self.touched[sku] = None

    def _pickable(self, account: str) -> bool:
        return not account.startswith(UNIT_PREFIX) and account not in self._docks

    def _reindex(self) -> None:
        self._stock, self._levels = {}, {}
        for account, shelf in self._accounts.items():
            if not self._pickable(account):
                continue
            for balance in shelf.values():
                self._stock.setdefault(balance.goods.sku, []).append(balance)
                level = self._levels.setdefault(balance.goods.sku, [0, 0])
                level[0] += balance.quantity
                level[1] += balance.allocated
        for stock in self._stock.values():
            stock.sort(key=_rank)
