"""The one door of the OMS: messages in, messages out; what it remembers can be saved and loaded."""

from collections.abc import Callable
from typing import Any

from edge.messages import (
    DepartureClosed,
    DeparturesPlanned,
    ItemsListed,
    LineShorted,
    Message,
    OfficeOpened,
    OrderAdmitted,
    OrderCancelRequested,
    OrderCaptured,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderRefused,
    OrderShipped,
    StockLevelsChanged,
    UnitLoaded,
    UnitPacked,
    UnitStaged,
    Woken,
)
from edge.oms import audit, capture, departures, progress, promise, sourcing
from edge.oms.state import State, copy_state

STATE = State


class Engine:
    """Demand: accepts, promises, releases, rolls, closes and audits."""

    def __init__(self) -> None:
        self._state = State()
        self._table: dict[type[Message], Callable[[State, Any, int], list[Message]]] = {
            OfficeOpened: _office_opened,
            ItemsListed: _items_listed,
            DeparturesPlanned: _departures_planned,
            StockLevelsChanged: _levels_changed,
            OrderCaptured: capture.capture,
            OrderCancelRequested: capture.cancel,
            OrderHoldPlaced: capture.place_hold,
            OrderHoldLifted: capture.lift_hold,
            OrderAdmitted: progress.admit,
            OrderRefused: progress.refuse,
            LineShorted: progress.short,
            UnitPacked: progress.advance,
            UnitStaged: progress.advance,
            UnitLoaded: progress.advance,
            OrderShipped: progress.ship,
            DepartureClosed: audit.close_departure,
            Woken: _woken,
        }

    def handle(self, message: Message, now_ms: int) -> list[Message]:
        """What follows from one message; every message also releases what has become due."""
        handler = self._table.get(type(message))
        if handler is None:
            return []
        self._state.now_ms = now_ms
        out = handler(self._state, message, now_ms)
        return [*out, *promise.release_due(self._state, now_ms)]

    @property
    def wake_at_ms(self) -> int | None:
        """The earliest release, or at once while captured orders wait to be judged."""
        if capture.backlog(self._state):
            return self._state.now_ms
        return self._state.waiting[0][0] if self._state.waiting else None

    def save(self) -> State:
        """A copy of everything remembered."""
        return copy_state(self._state)

    def load(self, state: State) -> None:
        """Go on from what was saved."""
        self._state = copy_state(state)


def _office_opened(state: State, message: OfficeOpened, now_ms: int) -> list[Message]:
    state.sites = message.sites
    state.process_ms, state.slack_ms = message.process_ms, message.slack_ms
    return capture.judge(state, now_ms)


def _items_listed(state: State, message: ItemsListed, now_ms: int) -> list[Message]:
    sourcing.list_items(state, message)
    return []


def _departures_planned(state: State, message: DeparturesPlanned, now_ms: int) -> list[Message]:
    out, changed = departures.plan(state, message, now_ms)
    return out + promise.replan(state, changed, now_ms)


def _levels_changed(state: State, message: StockLevelsChanged, now_ms: int) -> list[Message]:
    sourcing.change_levels(state, message)
    return capture.judge(state, now_ms)


def _woken(state: State, message: Woken, now_ms: int) -> list[Message]:
    return capture.judge(state, now_ms)
