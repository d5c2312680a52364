"""The books themselves: every movement conserves, nothing is overdrawn, stock comes in its order."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wms.ledger import ADJUSTMENT, CUSTOMER, OPENING, OUTSIDE, SUPPLIER, Goods, Ledger, Overdrawn

ACCOUNTS = ("A-1", "A-2", "dock", "hu:1", "hu:2", *OUTSIDE)
GOODS = (Goods("apple", "", ""), Goods("apple", "x", "2030-01-01"), Goods("bolt", "", ""))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["move", "allocate", "release"]),
        st.sampled_from(GOODS),
        st.integers(-1, 6),
        st.sampled_from(ACCOUNTS),
        st.sampled_from(ACCOUNTS),
    ),
    max_size=60,
)


def opened() -> Ledger:
    ledger = Ledger()
    ledger.configure(("dock",))
    return ledger


@given(STEPS)
def test_movements_conserve_and_nothing_is_overdrawn(steps: list[tuple[str, Goods, int, str, str]]):
    ledger, books, reserved = opened(), Counter(), Counter()
    for step, goods, quantity, source, target in steps:
        here = (source, goods)
        free = books[here] - reserved[here]
        if step == "move":
            legal = quantity > 0 and source != target and (source in OUTSIDE or quantity <= free)
            if not legal:
                with pytest.raises(Overdrawn):
                    ledger.move(goods, quantity, source, target, "test", "1", 0)
                continue
            moved = ledger.move(goods, quantity, source, target, "test", "1", 0)
            assert (moved.source, moved.target, moved.quantity) == (source, target, quantity)
            books[here] -= quantity
            books[target, goods] += quantity
        elif step == "allocate" and source in {"A-1", "A-2"} and 0 < quantity <= free:
            ledger.allocate(ledger.find(source, goods), quantity)
            reserved[here] += quantity
        elif step == "release" and 0 < quantity <= reserved[here]:
            ledger.release(source, goods, quantity)
            reserved[here] -= quantity
    held = {(balance.account, balance.goods): balance for balance in ledger.balances()}
    assert {key: balance.quantity for key, balance in held.items()} == {
        key: amount for key, amount in books.items() if key[0] not in OUTSIDE and amount
    }
    assert {key: balance.allocated for key, balance in held.items() if balance.allocated} == +reserved
    totals = ledger.totals()
    assert totals.balanced
    inside = totals.opening + totals.received + totals.adjusted - totals.shipped
    assert inside == totals.on_hand + totals.in_process == sum(balance.quantity for balance in held.values())
    for sku in ("apple", "bolt"):
        shelf = [key for key in books if key[0] in {"A-1", "A-2"} and key[1].sku == sku]
        assert ledger.level(sku).on_hand == sum(books[key] for key in shelf)
        assert ledger.level(sku).available == sum(books[key] - reserved[key] for key in shelf)


def test_totals_know_the_difference():
    ledger = opened()
    apple = GOODS[0]
    ledger.move(apple, 10, OPENING, "A-1", "opening", "", 0)
    ledger.move(apple, 5, SUPPLIER, "dock", "received", "", 0)
    ledger.move(apple, 4, "A-1", "hu:1", "pick", "", 0)
    ledger.move(apple, 1, "hu:1", CUSTOMER, "shipped", "", 0)
    ledger.move(apple, 2, "A-1", ADJUSTMENT, "short_pick", "", 0)
    totals = ledger.totals()
    assert (totals.opening, totals.received, totals.shipped, totals.adjusted) == (10, 5, 1, -2)
    assert (totals.on_hand, totals.in_process) == (4, 8)
    assert totals.balanced
    ledger.find("A-1", apple).quantity += 1
    assert not ledger.totals().balanced


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "2030-01-01", "2031-01-01"]), st.integers(0, 3), st.sampled_from("ABCDE")),
        max_size=12,
    )
)
def test_stock_comes_by_expiry_then_arrival_then_name(receipts: list[tuple[str, int, str]]):
    ledger = opened()
    first: dict[tuple[str, str], int] = {}
    for expiry, pause, account in receipts:
        for _ in range(pause):
            ledger.arrive()
        ledger.move(Goods("apple", "", expiry), 1, SUPPLIER, account, "received", "", 0)
        first.setdefault((expiry, account), ledger.arrivals)
    order = [(balance.goods.expiry, balance.account) for balance in ledger.stock_of("apple")]
    assert order == sorted(first, key=lambda key: (key[0] or "9999", first[key], key[1]))
    other = Ledger()
    other.load(ledger.save())
    assert [balance.account for balance in other.stock_of("apple")] == [account for _, account in order]
