"""Everything the OMS remembers, as plain data, and the limits of every table."""

import copy
from dataclasses import dataclass, field, replace
from itertools import islice

from edge.messages import Departure, OrderAccepted, OrderClosed, OrderRejected
from edge.oms.orders import Content, Order

LINES_MAX = 2_000
QUANTITY_MAX = 100_000
HOLDS_MAX = 50
OPEN_MAX = 200_000
CLOSED_MAX = 200_000
REJECTED_MAX = 50_000
DEPARTURES_MAX = 20_000
SKUS_MAX = 1_000_000
DROP_BATCH = 1_000
"""A full memory of answers forgets this many of its oldest at once."""
STEP_MAX = 200
"""Orders judged, and orders released, by one message; the rest asks to be woken at once."""
FORGET_MS = 7 * 24 * 3_600_000
"""A closed departure is forgotten this long after its cutoff; older ones are not taken into the timetable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What a site said it has of an item, and when."""

    at_ms: int
    on_hand: int
    available: int


@dataclass(slots=True, kw_only=True)
class Gate:
    """A departure as the OMS keeps it: its doors, and the orders promised on it (insertion order)."""

    departure: Departure
    closed: bool = False
    planned: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What is kept of a closed order to answer duplicates; its lines are those of `closing`."""

    rev: int
    customer: str
    route: str
    priority: int
    channel: str
    answer: OrderAccepted | None
    closing: OrderClosed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """The last attempt at an order id that was rejected, to answer its duplicates."""

    content: Content
    answer: OrderRejected


@dataclass(slots=True, kw_only=True)
class State:
    """The memory of the OMS.

    `promised` are units promised per site and item that the site has not yet allocated; `routes` the open departures
    per site and route as sorted (cutoff_ms, id); `waiting` the unheld scheduled orders as sorted queue keys;
    `unjudged` the orders captured before any stock level; `stranded` the orders without a departure per site and route.
    """

    now_ms: int = 0
    sites: tuple[str, ...] = ()
    process_ms: int = 0
    slack_ms: int = 0
    next_seq: int = 1
    skus: dict[str, None] = field(default_factory=dict)
    levels: dict[str, dict[str, Level]] = field(default_factory=dict)
    promised: dict[str, dict[str, int]] = field(default_factory=dict)
    timetable: dict[str, Gate] = field(default_factory=dict)
    routes: dict[str, dict[str, list[tuple[int, str]]]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    unjudged: dict[str, None] = field(default_factory=dict)
    waiting: list[tuple[int, int, int, str]] = field(default_factory=list)
    stranded: dict[str, dict[str, dict[str, None]]] = field(default_factory=dict)
    closed: dict[str, Closed] = field(default_factory=dict)
    rejected: dict[str, Rejection] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


def count(state: State, word: str, by: int = 1) -> None:
    """Remember that something was dropped, ignored or refused; every such word is in `State.counts`."""
    state.counts[word] = state.counts.get(word, 0) + by


def remember_closed(state: State, order_id: str, closed: Closed) -> None:
    """Keep the answer to a closed order; a full memory forgets its oldest, counted."""
    if len(state.closed) >= CLOSED_MAX:
        for old in list(islice(state.closed, DROP_BATCH)):
            del state.closed[old]
        count(state, "CLOSED_FORGOTTEN", DROP_BATCH)
    state.closed[order_id] = closed


def remember_rejection(state: State, rejection: Rejection) -> None:
    """Keep the answer to a rejected attempt; a full memory forgets its oldest, counted."""
    if len(rejection.content.lines) > LINES_MAX:
        return  # judged by its size alone, so it needs no memory
    state.rejected.pop(rejection.answer.order_id, None)
    if len(state.rejected) >= REJECTED_MAX:
        for old in list(islice(state.rejected, DROP_BATCH)):
            del state.rejected[old]
        count(state, "REJECTED_FORGOTTEN", DROP_BATCH)
    state.rejected[rejection.answer.order_id] = rejection


def copy_state(state: State) -> State:
    """A copy that shares nothing that can change."""
    return replace(
        state,
        skus=dict(state.skus),
        levels={site: dict(table) for site, table in state.levels.items()},
        promised={site: dict(table) for site, table in state.promised.items()},
        timetable={key: replace(gate, planned=dict(gate.planned)) for key, gate in state.timetable.items()},
        routes={site: {key: list(row) for key, row in table.items()} for site, table in state.routes.items()},
        orders={key: copy.copy(order) for key, order in state.orders.items()},
        unjudged=dict(state.unjudged),
        waiting=list(state.waiting),
        stranded={site: {key: dict(row) for key, row in table.items()} for site, table in state.stranded.items()},
        closed=dict(state.closed),
        rejected=dict(state.rejected),
        counts=dict(state.counts),
    )
