"""The rules for orders: resend, updates, refusals, cancelling, recovery; a clock in the test's hand and no wire."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from edge.equipment.ordering import INSTANT_S, INSTANTS_MAX, RESEND_S, TRIES_MAX, Counts, Ordering
from edge.messages.vehicles import (
    ActionKind,
    ActionProgress,
    ActionStatus,
    CancelDrive,
    DriveEnded,
    DriveProgressed,
    DriveRefused,
    ErrorLevel,
    VehicleAction,
    VehicleActionEnded,
    VehicleError,
    VehicleMode,
)
from edge.vda5050 import Fault, VehicleState
from tests.vda5050.samples import drive

CANCEL = CancelDrive(at_ms=1, vehicle_id="agv1", drive_id="d1", action_id="d1-cancel", reason="TEST")


def seen(order_id: str = "", update: int = 0, **changes: Any) -> VehicleState:
    values: dict[str, Any] = {
        "node_id": "n0", "sequence": 0, "left": 6 if order_id else 0, "driving": False, "paused": False,
        "mode": VehicleMode.AUTOMATIC, "stopped": "", "battery": 80, "charging": False, "localized": True,
        "past_mm": 0, "loads": (), "actions": (), "faults": (),
    }  # fmt: skip
    return VehicleState(order_id=order_id, update=update, **(values | changes))


def fault(kind: str, *about: tuple[str, str], level: ErrorLevel = ErrorLevel.WARNING) -> Fault:
    return Fault(error=VehicleError(level=level, kind=kind), about=about)


def did(action_id: str, status: ActionStatus) -> ActionProgress:
    return ActionProgress(action_id=action_id, status=status)


class Talk:
    """One vehicle's ordering and its clock."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.ordering = Ordering("agv1", self.counts)
        self.now_s = 1000.0

    def obey(self, *commands: Any) -> None:
        for command in commands:
            self.ordering.obey(command, self.now_s)

    def see(self, state: VehicleState) -> list[Any]:
        return list(self.ordering.see(state, 1))

    def sends(self, state: VehicleState) -> Any:
        return self.ordering.order_due(state, self.now_s)

    def instants(self, state: VehicleState) -> list[str]:
        return [each.name for each in self.ordering.instants_due(state, self.now_s)]


@pytest.fixture
def talk() -> Talk:
    return Talk()


def kinds(events: Iterable[object]) -> list[str]:
    return [type(each).__name__ for each in events]


def test_an_order_is_sent_until_the_state_shows_it(talk: Talk) -> None:
    talk.obey(drive())
    assert talk.sends(seen()) == drive()
    talk.now_s += RESEND_S - 0.1
    assert talk.sends(seen()) is None
    talk.now_s += 0.2
    assert talk.sends(seen()) == drive()
    assert talk.counts.resent == 1
    talk.now_s += RESEND_S
    assert talk.sends(seen("d1")) is None


def test_told_again_it_is_the_same_and_with_other_content_it_is_not_sent(talk: Talk) -> None:
    talk.obey(drive(), replace(drive(), at_ms=99))
    assert talk.counts.conflicts == 0
    talk.obey(replace(drive(), nodes=drive().nodes[:2], edges=drive().edges[:1]))
    assert talk.counts.conflicts == 1
    assert talk.sends(seen()) == drive()


def test_an_update_follows_and_an_older_one_does_not(talk: Talk) -> None:
    talk.obey(drive())
    talk.sends(seen())
    talk.see(seen("d1"))
    talk.obey(drive(1, first=2))
    assert talk.sends(seen("d1", 0)) == drive(1, first=2)
    talk.obey(drive(0))
    assert talk.counts.outdated == 1
    assert talk.sends(seen("d1", 1)) is None


def test_progress_is_told_once_for_each_change(talk: Talk) -> None:
    talk.obey(drive())
    talk.sends(seen())
    assert not talk.see(seen())
    [first] = talk.see(seen("d1"))
    assert (first.drive_id, first.update, first.sequence) == ("d1", 0, 0)
    assert not talk.see(seen("d1"))
    [second] = talk.see(seen("d1", node_id="n1", sequence=2, actions=(did("d1-1", ActionStatus.RUNNING),)))
    assert (second.node_id, second.sequence, second.actions[0].status) == ("n1", 2, ActionStatus.RUNNING)


def test_nothing_is_sent_to_a_vehicle_that_is_busy_with_something_else(talk: Talk) -> None:
    talk.obey(drive())
    assert talk.sends(seen("theirs", left=3)) is None
    assert talk.sends(seen("theirs", left=0)) == drive()


@pytest.mark.parametrize(
    "faults",
    [
        (fault("orderError", ("orderId", "d1")),),
        (fault("orderUpdateError", ("orderId", "d1"), ("orderUpdateId", "0")),),
        (fault("NO_ROUTE_TO_TARGET"),),
        (fault("VALIDATION_FAILURE", ("order_id", "d1")),),
    ],
)
def test_a_refusal_is_told_once_and_ends_the_sending(talk: Talk, faults: tuple[Fault, ...]) -> None:
    talk.obey(drive())
    talk.sends(seen())
    [refused] = talk.see(seen(faults=faults))
    assert isinstance(refused, DriveRefused)
    assert (refused.drive_id, refused.update, refused.reason) == ("d1", 0, faults[0].error.kind)
    assert not talk.see(seen(faults=faults))
    talk.now_s += 10 * RESEND_S
    assert talk.sends(seen(faults=faults)) is None


@pytest.mark.parametrize(
    "faults",
    [
        (fault("orderError", ("orderId", "another")),),
        (fault("orderUpdateError", ("orderId", "d1"), ("orderUpdateId", "7")),),
        (fault("batteryLow"),),
    ],
)
def test_an_error_about_something_else_is_no_refusal(talk: Talk, faults: tuple[Fault, ...]) -> None:
    talk.obey(drive())
    talk.sends(seen())
    assert not talk.see(seen(faults=faults))


def test_an_error_from_before_is_no_refusal(talk: Talk) -> None:
    old = (fault("routeBlocked"),)
    talk.obey(drive())
    talk.sends(seen(faults=old))
    assert not talk.see(seen(faults=old))


def test_a_vehicle_that_does_not_answer_is_told_of_once_and_asked_for_ever(talk: Talk) -> None:
    talk.obey(drive())
    for _ in range(TRIES_MAX + 3):
        assert talk.sends(seen()) is not None
        talk.now_s += RESEND_S
    events = talk.see(seen()) + talk.see(seen())
    assert [(each.reason, each.update) for each in events] == [("NO_ANSWER", 0)]
    assert talk.sends(seen()) == drive()
    assert kinds(talk.see(seen("d1"))) == ["DriveProgressed"]


def test_cancelling_waits_for_the_vehicles_word(talk: Talk) -> None:
    talk.obey(drive())
    talk.sends(seen())
    talk.see(seen("d1"))
    talk.obey(CANCEL, drive(1, first=2))
    assert talk.sends(seen("d1")) is None, "no update follows a cancelOrder"
    assert talk.instants(seen("d1")) == ["cancelOrder"]
    assert talk.instants(seen("d1")) == []
    talk.now_s += RESEND_S
    assert talk.instants(seen("d1")) == ["cancelOrder"]
    running = seen("d1", actions=(did("d1-cancel", ActionStatus.RUNNING),))
    assert talk.instants(running) == []
    assert kinds(talk.see(running)) == ["DriveProgressed"]
    [_, ended] = talk.see(seen("d1", actions=(did("d1-cancel", ActionStatus.FINISHED),)))
    assert isinstance(ended, DriveEnded)
    assert (ended.drive_id, ended.result, ended.reason) == ("d1", "CANCELLED", "")
    assert talk.sends(seen("d1")) is None


def test_cancelling_what_the_vehicle_does_not_have_ends_as_well(talk: Talk) -> None:
    talk.obey(drive())
    talk.sends(seen())
    talk.obey(CANCEL)
    [ended] = talk.see(seen(actions=(did("d1-cancel", ActionStatus.FAILED),)))
    assert (ended.result, ended.reason) == ("CANCELLED", "NO_ORDER_TO_CANCEL")


def test_cancelling_what_was_never_sent_needs_nobody(talk: Talk) -> None:
    talk.obey(drive(), CANCEL)
    [ended] = talk.see(seen())
    assert (ended.result, ended.reason) == ("CANCELLED", "NEVER_SENT")
    assert talk.instants(seen()) == []


def test_a_drive_the_vehicle_has_forgotten_is_lost_and_never_sent_again(talk: Talk) -> None:
    talk.obey(drive())
    talk.sends(seen())
    talk.see(seen("d1"))
    talk.now_s += RESEND_S
    assert talk.sends(seen()) is None
    [ended] = talk.see(seen())
    assert (ended.drive_id, ended.result) == ("d1", "LOST")
    assert talk.sends(seen()) is None


def test_a_drive_the_vehicle_has_cleared_is_lost(talk: Talk) -> None:
    """As in mode MANUAL: orderId stays, nodes and edges are gone before it came to the end of its base."""
    told = drive(nodes=2)
    talk.obey(told)
    talk.sends(seen())
    assert kinds(talk.see(seen("d1", left=2))) == ["DriveProgressed"]
    cleared = seen("d1", left=0, actions=(did("d1-1", ActionStatus.FAILED),), mode=VehicleMode.MANUAL)
    _, ended = talk.see(cleared)
    assert (ended.result, ended.reason) == ("LOST", "it gave up at n0")
    assert talk.sends(cleared) is None
    talk.obey(replace(told, drive_id="d2"))
    talk.sends(cleared)
    done = seen("d2", left=0, sequence=told.nodes[-1].sequence)
    assert kinds(talk.see(done)) == ["DriveProgressed"], "at the end of it nothing is left either"


def test_after_a_restart_the_vehicles_state_is_adopted(talk: Talk) -> None:
    talk.obey(replace(drive(2, first=4), begun=True))
    state = seen("d1", 2, node_id="n3", sequence=6)
    assert talk.sends(state) is None
    [said] = talk.see(state)
    assert isinstance(said, DriveProgressed)
    assert (said.update, said.sequence) == (2, 6)


def test_after_a_restart_an_update_that_did_not_arrive_is_sent(talk: Talk) -> None:
    talk.obey(replace(drive(2, first=4), begun=True))
    assert talk.sends(seen("d1", 1)) == replace(drive(2, first=4), begun=True)


def test_after_a_restart_a_drive_begun_before_is_not_begun_again(talk: Talk) -> None:
    talk.obey(replace(drive(), begun=True))
    assert talk.sends(seen()) is None
    assert [each.result for each in talk.see(seen())] == ["LOST"]


def test_instant_actions_end_or_are_unknown(talk: Talk) -> None:
    pause = VehicleAction(at_ms=1, vehicle_id="agv1", action_id="p1", kind=ActionKind.PAUSE)
    resume = VehicleAction(at_ms=1, vehicle_id="agv1", action_id="p2", kind=ActionKind.RESUME)
    talk.obey(pause, pause)
    assert talk.instants(seen()) == ["startPause"]
    [ended] = talk.see(seen(actions=(did("p1", ActionStatus.FINISHED),)))
    assert (ended.action_id, ended.result) == ("p1", "FINISHED")
    talk.obey(resume)
    assert talk.instants(seen()) == ["stopPause"]
    assert not list(talk.ordering.overdue(talk.now_s, 1))
    talk.now_s += INSTANT_S
    [unknown] = talk.ordering.overdue(talk.now_s, 1)
    assert isinstance(unknown, VehicleActionEnded)
    assert (unknown.action_id, unknown.result) == ("p2", "UNKNOWN")


def test_instant_actions_have_a_limit(talk: Talk) -> None:
    for n in range(INSTANTS_MAX + 5):
        talk.obey(VehicleAction(at_ms=1, vehicle_id="agv1", action_id=f"p{n}", kind=ActionKind.PAUSE))
    assert talk.counts.dropped == 5
    assert len(talk.instants(seen())) == INSTANTS_MAX
