"""The actions of a vehicle: their states in the words of VDA 5050, and which of them run beside which (6.2.2).

A state is changed by `Actions` only: WAITING, INITIALIZING, RUNNING, PAUSED, FINISHED, FAILED.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from plc_sim.agenda import Agenda, Ticket
from plc_sim.vehicle_order import Action

INSTANTS_MAX = 50
"""Instant actions that are reported; of those that are over the oldest go first."""
ALONE = ("SINGLE", "HARD")
STANDING = ("SOFT", "HARD")
OVER = ("FINISHED", "FAILED")


@dataclass(slots=True, eq=False)
class ActionState:
    """An action and how far it is. `left_ms` is what it still takes of its present state."""

    action: Action
    instant: bool
    status: str = "WAITING"
    result: str = ""
    left_ms: int = 0
    ticket: Ticket | None = field(default=None, repr=False)
    since_ms: int = 0
    frozen: str = ""
    """The status it had before everything stood still."""
    then: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def over(self) -> bool:
        return self.status in OVER

    @property
    def under_way(self) -> bool:
        return self.status not in ("WAITING", *OVER)


class Actions:
    """All actions of the order, the instant actions, and the queue of those that are due where the vehicle is."""

    def __init__(self, agenda: Agenda, changed: Callable[[], None]) -> None:
        self.order: dict[str, ActionState] = {}
        self.instants: dict[str, ActionState] = {}
        self._agenda = agenda
        self._changed = changed
        self._queue: list[ActionState] = []

    @property
    def under_way(self) -> list[ActionState]:
        return [state for state in (*self.order.values(), *self.instants.values()) if state.under_way]

    @property
    def idle(self) -> bool:
        """Nothing of the order is to be done any more."""
        return all(state.over for state in self.order.values())

    @property
    def keep_standing(self) -> bool:
        """Something is due that is not done while driving."""
        return any(state.action.blocking in STANDING for state in self._queue)

    def expect(self, actions: Iterable[Action], *, anew: bool) -> None:
        """They come with an order; `anew`: those of the last one are history."""
        if anew:
            self.order.clear()
            self._queue.clear()
        for action in actions:
            self.order.setdefault(action.action_id, ActionState(action, instant=False))

    def drop(self, actions: Iterable[Action]) -> None:
        """They went with the old horizon."""
        for action in actions:
            self.order.pop(action.action_id, None)

    def trigger(self, actions: Iterable[Action]) -> None:
        """The vehicle has come to where they are due."""
        self._queue += [self.order[action.action_id] for action in actions if action.action_id in self.order]

    def due(self) -> list[ActionState]:
        """Those to be begun now, in the order of the list: nothing runs beside what wants to be alone."""
        self._queue = [state for state in self._queue if not state.over]
        found: list[ActionState] = []
        busy = any(state.under_way for state in self._queue)
        for state in self._queue:
            alone = state.action.blocking in ALONE
            if state.under_way:
                if alone:
                    break
            elif alone:
                if not busy and not found:
                    found.append(state)
                break
            else:
                found.append(state)
        return found

    def note(self, action: Action) -> ActionState:
        """An instant action has come."""
        for action_id in [key for key, state in self.instants.items() if state.over]:
            if len(self.instants) < INSTANTS_MAX:
                break
            del self.instants[action_id]
        state = self.instants[action.action_id] = ActionState(action, instant=True)
        return state

    def forget_instants(self) -> None:
        """Those that are over are not reported any more."""
        self.instants = {key: state for key, state in self.instants.items() if not state.over}

    def run(self, state: ActionState, prepare_ms: int, run_ms: int, end: Callable[[], None]) -> None:
        """INITIALIZING, then RUNNING, then `end` decides how it ends."""
        if prepare_ms:
            self._begin(state, "INITIALIZING", prepare_ms, partial(self._begin, state, "RUNNING", run_ms, end))
        else:
            self._begin(state, "RUNNING", run_ms, end)

    def end(self, state: ActionState, failed: str = "", result: str = "") -> None:
        """It is over."""
        if state.ticket is not None:
            state.ticket.cancel()
            state.ticket = None
        state.status, state.result = ("FAILED", failed) if failed else ("FINISHED", result)
        self._changed()

    def fail_all(self, why: str, *, running: bool) -> None:
        """Nothing of the order is done any more; `running` also what is just being done."""
        for state in self.order.values():
            if not state.over and (running or not state.under_way):
                self.end(state, failed=why)

    def freeze(self, *, on: bool) -> None:
        """Everything stands still, or goes on."""
        for state in self.under_way:
            if on and state.ticket is not None:
                state.ticket.cancel()
                state.ticket = None
                state.left_ms -= self._agenda.now_ms - state.since_ms
                state.frozen, state.status = state.status, "PAUSED"
            elif not on and state.frozen:
                status, state.frozen = state.frozen, ""
                self._begin(state, status, state.left_ms, state.then)
        self._changed()

    def _begin(self, state: ActionState, status: str, last_ms: int, then: Callable[[], None]) -> None:
        state.status, state.left_ms, state.since_ms, state.then = status, last_ms, self._agenda.now_ms, then
        state.ticket = self._agenda.at(state.since_ms + last_ms, then)
        self._changed()
