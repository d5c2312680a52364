"""The instant actions of a vehicle (VDA 5050 3.0: 6.2.3; 2.1: 6.8): which there are, and what each of them does."""

import math
from collections.abc import Callable
from typing import Protocol

from plc_sim.vehicle_actions import Actions, ActionState
from plc_sim.vehicle_body import Body
from plc_sim.vehicle_course import Course
from plc_sim.vehicle_errors import Complaint, Problem, Until
from plc_sim.vehicle_order import Action
from plc_sim.vehicle_voice import Voice
from plc_sim.vehicle_words import Dialect

NEAR_M = 1.0
"""A pose given to a vehicle must be as near to where it is."""


class Doer(Protocol):
    """What of a vehicle they need."""

    dialect: Dialect
    actions: Actions
    body: Body
    course: Course
    voice: Voice
    paused: bool
    errors: list[Complaint]
    last_node: str
    cancelling: ActionState | None

    @property
    def idle(self) -> bool: ...

    def begin(self, state: ActionState) -> None: ...

    def cancel(self, state: ActionState) -> None: ...

    def complain(self, complaint: Complaint) -> None: ...


class Instants:
    """Takes each action once: the same id again changes nothing."""

    def __init__(self, vehicle: Doer) -> None:
        self._vehicle = vehicle
        self._rows: dict[str, Callable[[ActionState], None]] = {
            "cancelOrder": self._cancel,
            "startPause": self._pause,
            "stopPause": self._resume,
            "stateRequest": self._nothing,
            "factsheetRequest": self._factsheet,
            "startCharging": self._charge,
            "stopCharging": self._charge,
            "initPosition": self._locate,
            "initializePosition": self._locate,
            "clearInstantActions": self._clear,
        }

    def take(self, action: Action) -> None:
        """Do it, or say why not."""
        vehicle = self._vehicle
        if action.action_id in vehicle.actions.instants:
            return
        state = vehicle.actions.note(action)
        if action.kind not in vehicle.dialect.instants:
            self._refuse(state, Problem.INVALID_INSTANT_ACTION, f"{action.kind} is no instant action of this vehicle")
            return
        vehicle.errors = [each for each in vehicle.errors if each.until is not Until.INSTANT]
        self._rows[action.kind](state)

    def _end(self, state: ActionState, failed: str = "") -> None:
        self._vehicle.actions.end(state, failed=failed)

    def _refuse(self, state: ActionState, problem: Problem, why: str) -> None:
        self._end(state, failed=why)
        named = (("topic", "instantActions"), ("actionId", state.action.action_id), ("actionType", state.action.kind))
        self._vehicle.complain(Complaint(problem, why, named))

    def _cancel(self, state: ActionState) -> None:
        vehicle, wanted = self._vehicle, state.action.text("orderId")
        if vehicle.cancelling is not None:
            self._refuse(state, Problem.NO_ORDER_TO_CANCEL, "the order is being cancelled already")
        elif vehicle.idle:
            self._refuse(state, Problem.NO_ORDER_TO_CANCEL, "there is no order to cancel")
        elif wanted not in ("", vehicle.course.order_id):
            self._refuse(state, Problem.NO_ORDER_TO_CANCEL, f"order {vehicle.course.order_id} is active, not {wanted}")
        else:
            vehicle.cancel(state)

    def _pause(self, state: ActionState) -> None:
        self._vehicle.paused = True
        self._vehicle.body.halt()
        self._end(state)

    def _resume(self, state: ActionState) -> None:
        self._vehicle.paused = False
        self._end(state)

    def _nothing(self, state: ActionState) -> None:
        """A state follows anyhow."""
        self._end(state)

    def _factsheet(self, state: ActionState) -> None:
        self._vehicle.voice.factsheet()
        self._end(state)

    def _charge(self, state: ActionState) -> None:
        if self._vehicle.body.moving:
            self._end(state, failed="it is driving")
        else:
            self._vehicle.begin(state)

    def _locate(self, state: ActionState) -> None:
        """A pose far from where it really is does not fit to what its scanner sees."""
        vehicle, action = self._vehicle, state.action
        x, y, _, map_id = vehicle.body.pose
        values = [action.values.get(name) for name in ("x", "y", "theta")]
        numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        node = action.text("lastNodeId")
        if len(numbers) < 3 or not all(map(math.isfinite, numbers)):
            self._end(state, failed="x, y and theta are needed, as numbers")
        elif not vehicle.idle or vehicle.body.lane is not None:
            self._end(state, failed="it is under way")
        elif action.text("mapId") != map_id or math.dist((x, y), numbers[:2]) > NEAR_M:
            self._end(state, failed="what it sees does not fit to this pose")
        elif node != vehicle.body.node.node_id:
            self._end(state, failed=f"it is not at node {node}")
        else:
            vehicle.body.turn(numbers[2])
            vehicle.last_node = node
            self._end(state)

    def _clear(self, state: ActionState) -> None:
        self._vehicle.actions.forget_instants()
        self._end(state)
