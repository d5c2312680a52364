"""The books under any sequence of events: nothing lost or doubled, nothing changed by a restart or a repetition."""

import copy
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.messages import (
    Departure,
    DepartureAudited,
    DepartureClosed,
    DeparturesPlanned,
    LineQuantity,
    LineShorted,
    Message,
    OfficeOpened,
    OrderAccepted,
    OrderAdmitted,
    OrderCancelRequested,
    OrderCaptured,
    OrderClosed,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderLine,
    OrderOutcome,
    OrderRefused,
    OrderRejected,
    OrderReleased,
    OrderShipped,
    StockLevel,
    StockLevelsChanged,
    UnitLoaded,
    UnitStaged,
    Woken,
)
from edge.oms.orders import OrderState

MINUTE = 60_000
ORDERS = st.sampled_from(["O1", "O2", "O3", "O4"])
SITES = st.sampled_from(["NORTH", "SOUTH"])
SKUS = st.sampled_from(["A", "B"])
ROUTES = st.sampled_from(["R1", "R2"])
DEPARTURES = st.sampled_from(["D1", "D2", "D3", "D4"])
UNITS = st.integers(1, 12)
REVS = st.integers(1, 3)
START = 1_000 * MINUTE


@dataclass(frozen=True)
class Told:
    """A message to be told some minutes after the one before."""

    kind: type[Any]
    fields: dict[str, Any]
    minutes: int

    def at(self, now_ms: int) -> Message:
        message: Message = self.kind(at_ms=now_ms, **self.fields)
        return message


def told(kind: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Told]:
    return st.builds(
        Told, kind=st.just(kind), fields=st.fixed_dictionaries(fields), minutes=st.sampled_from([0, 0, 1, 20, 90])
    )


def tuples(of: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=most).map(tuple)


def numbered(lines: tuple[OrderLine, ...]) -> tuple[OrderLine, ...]:
    return tuple(replace(line, line=n) for n, line in enumerate(lines, 1))


LINES = tuples(st.builds(OrderLine, line=st.just(1), sku=SKUS, quantity=UNITS)).map(numbered)
TIMETABLE = st.builds(
    Departure,
    departure_id=DEPARTURES,
    site=SITES,
    route=ROUTES,
    carrier=st.just("X"),
    cutoff_ms=st.integers(0, 30).map(lambda n: START + n * 60 * MINUTE),
)
CAPTURED = told(
    OrderCaptured,
    order_id=ORDERS,
    rev=REVS,
    route=ROUTES,
    priority=st.sampled_from([1, 5, 9]),
    lines=LINES,
)
LEVELS = told(
    StockLevelsChanged,
    site=SITES,
    levels=tuples(st.builds(StockLevel, sku=SKUS, on_hand=UNITS, available=st.integers(-2, 40))),
)
ANYTHING = st.one_of(
    CAPTURED,
    CAPTURED,
    LEVELS,
    told(DeparturesPlanned, departures=tuples(TIMETABLE)),
    told(OrderCancelRequested, order_id=ORDERS, by=st.just("clerk")),
    told(OrderHoldPlaced, order_id=ORDERS, hold_id=st.sampled_from("HI"), reason=st.just("x"), by=st.just("clerk")),
    told(OrderHoldLifted, order_id=ORDERS, hold_id=st.sampled_from("HI"), by=st.just("clerk")),
    told(OrderAdmitted, order_id=ORDERS, rev=REVS, site=SITES),
    told(
        OrderRefused,
        order_id=ORDERS,
        rev=REVS,
        site=SITES,
        reason=st.sampled_from(["DEPARTURE_CLOSED", "UNKNOWN_DEPARTURE", "SITE_FULL"]),
        detail=DEPARTURES,
    ),
    told(LineShorted, order_id=ORDERS, line=REVS, sku=SKUS, quantity=UNITS, reason=st.just("SHORT_PICK")),
    told(UnitStaged, hu_id=st.just("1"), order_id=ORDERS, departure_id=DEPARTURES, location=st.just("L")),
    told(UnitLoaded, hu_id=st.just("1"), order_id=ORDERS, departure_id=DEPARTURES),
    told(
        OrderShipped,
        order_id=ORDERS,
        site=SITES,
        departure_id=DEPARTURES,
        lines=tuples(st.builds(LineQuantity, line=REVS, sku=SKUS, quantity=UNITS)),
        units=st.just(()),
    ),
    told(
        DepartureClosed,
        departure_id=DEPARTURES,
        site=SITES,
        units=st.just(()),
        orders=tuples(ORDERS),
        left_behind=tuples(ORDERS),
    ),
    told(
        OfficeOpened,
        sites=st.sampled_from([("NORTH", "SOUTH"), ("SOUTH",)]),
        process_ms=st.just(60 * MINUTE),
        slack_ms=st.just(10 * MINUTE),
    ),
    told(Woken),
)
OPENING = [
    Told(
        DeparturesPlanned,
        {
            "departures": tuple(
                Departure(departure_id=key, site=site, route=route, carrier="X", cutoff_ms=START + hours * 60 * MINUTE)
                for key, site, route, hours in (
                    ("D1", "NORTH", "R1", 4),
                    ("D2", "NORTH", "R1", 9),
                    ("D3", "SOUTH", "R1", 6),
                )
            )
        },
        0,
    ),
    Told(StockLevelsChanged, {"site": "NORTH", "levels": (StockLevel(sku="A", on_hand=30, available=30),)}, 0),
]
"""Half of the days begin with a timetable and stock, so that they get further."""

DAYS = st.builds(lambda opened, events: OPENING * opened + events, st.booleans(), st.lists(ANYTHING, max_size=40))


def run(office: Any, day: list[Told]) -> list[Message]:
    out: list[Message] = []
    for event in day:
        office.wait(event.minutes)
        out += office.tell(event.at(office.now_ms))
    return out


@given(day=DAYS, restarts=st.sets(st.integers(0, 41)))
@settings(max_examples=150, deadline=None)
def test_a_restart_at_any_point_changes_nothing(new_office, day, restarts) -> None:
    steady, restarted = new_office(skus="AB"), new_office(skus="AB")
    for n, event in enumerate(day):
        if n in restarts:
            restarted.reload()
        assert run(restarted, [event]) == run(steady, [event])
        assert restarted.engine.wake_at_ms == steady.engine.wake_at_ms
    assert restarted.engine.save() == steady.engine.save()


@given(before=DAYS, after=DAYS)
@settings(max_examples=50, deadline=None)
def test_what_was_saved_stays_as_it_was(new_office, before, after) -> None:
    office, other = new_office(skus="AB"), new_office(skus="AB")
    run(office, before)
    saved = office.engine.save()
    written = copy.deepcopy(saved)
    other.engine.load(saved)
    run(office, after)
    run(other, after)
    assert saved == written


@given(day=DAYS)
@settings(max_examples=150, deadline=None)
def test_a_message_that_comes_twice_changes_nothing_and_gets_its_answer_again(new_office, day) -> None:
    office = new_office(skus="AB")
    for event in day:
        office.wait(event.minutes)
        first = office.tell(event.at(office.now_ms))
        before = office.engine.save()
        again = office.tell(event.at(office.now_ms))
        assert replace(office.engine.save(), counts={}) == replace(before, counts={})
        assert all(answer in first for answer in again)
        if any(isinstance(answer, OrderAccepted | OrderRejected) for answer in again):
            assert len(again) == 1


@given(day=DAYS)
@settings(max_examples=150, deadline=None)
def test_the_books_of_every_order_balance_and_it_closes_once(new_office, day) -> None:
    office = new_office(skus="AB")
    closings: dict[str, OrderClosed] = {}
    released: dict[str, dict[int, int]] = {}
    for message in run(office, day):
        if isinstance(message, OrderReleased):
            assert message.order_id not in closings
            released[message.order_id] = {line.line: line.quantity for line in message.lines}
            assert all(line.quantity > 0 for line in message.lines)
        if isinstance(message, OrderClosed):
            closing = replace(message, at_ms=0)
            assert closings.setdefault(message.order_id, closing) == closing
            assert_books(message, released.get(message.order_id, {}))
        if isinstance(message, DepartureAudited):
            assert message.missed == message.orders_planned - message.orders_loaded >= 0
    assert not office.engine.save().orders.keys() & closings.keys()


def assert_books(closing: OrderClosed, released: dict[int, int]) -> None:
    for row in closing.lines:
        assert row.ordered == row.shipped + row.short + row.cancelled
        assert min(row.shipped, row.short, row.cancelled) >= 0
        assert row.shipped <= released.get(row.line, 0)
    shipped, ordered = sum(row.shipped for row in closing.lines), sum(row.ordered for row in closing.lines)
    cancelled = sum(row.cancelled for row in closing.lines)
    if closing.outcome is OrderOutcome.CANCELLED:
        assert cancelled == ordered
    else:
        expected = {ordered: OrderOutcome.SHIPPED, 0: OrderOutcome.BACKORDERED}
        assert closing.outcome is expected.get(shipped, OrderOutcome.SHORT_SHIPPED)
        assert cancelled == 0


@given(day=DAYS)
@settings(max_examples=150, deadline=None)
def test_promises_waiting_and_planned_orders_are_what_the_open_orders_say(new_office, day) -> None:
    office = new_office(skus="AB")
    run(office, day)
    state = office.engine.save()
    assert all(row for table in state.stranded.values() for row in table.values())
    promised: dict[tuple[str, str], int] = {}
    for order in state.orders.values():
        assert order.reserved == (order.state in (OrderState.SCHEDULED, OrderState.RELEASED))
        for line in order.lines:
            if order.reserved and line.open:
                promised[order.site, line.sku] = promised.get((order.site, line.sku), 0) + line.open
        if order.departure_id:
            assert order.order_id in state.timetable[order.departure_id].planned
        else:
            lost = state.stranded.get(order.site, {}).get(order.content.route, {})
            assert (order.order_id in lost) == (order.state is not OrderState.CAPTURED)
    assert {(site, sku): n for site, row in state.promised.items() for sku, n in row.items()} == promised
    due = [
        order.queue_key
        for order in state.orders.values()
        if order.state is OrderState.SCHEDULED and not order.held and order.departure_id
    ]
    assert state.waiting == sorted(due)


@given(day=st.lists(CAPTURED, min_size=1, max_size=40), stock=st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_without_word_from_the_site_no_more_is_promised_than_there_is(new_office, day, stock) -> None:
    office = new_office(sites=("NORTH",), skus="AB")
    office.plan(office.departure("D1", 50_000), office.departure("D2", 50_000, route="R2"))
    office.levels(A=stock, B=stock)
    promised: dict[str, int] = {}
    for message in run(office, day):
        if isinstance(message, OrderAccepted):
            lost = sum(line.quantity for line in message.backordered)
            promised[message.order_id] = message.ordered_units - lost
    assert sum(promised.values()) <= 2 * stock
