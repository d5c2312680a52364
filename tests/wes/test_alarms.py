"""Alarms that do not belong to one machine, their limit and their end; departures at risk."""

from edge.messages import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    DepartureClosed,
    EventSetAside,
    OrderCaptured,
    PeerChanged,
    SortResult,
    Woken,
)
from edge.wes.alarms import ALARMS_MAX
from tests.wes.scene import MINUTE, T0, Play, of, pick


def test_a_peer_that_went_and_came() -> None:
    play = Play()
    gone = PeerChanged(at_ms=T0, peer="office", online=False)
    assert [(m.alarm_id, m.priority) for m in of(AlarmRaised, play.tell(gone))] == [("office:offline", 3)]
    assert play.tell(gone) == []
    out = play.tell(PeerChanged(at_ms=T0, peer="office", online=True))
    assert [m.alarm_id for m in of(AlarmCleared, out)] == ["office:offline"]


def test_an_event_set_aside_stays_until_somebody_acknowledges_it() -> None:
    play = Play()
    out = play.tell(EventSetAside(at_ms=T0, kind="TaskDone", body="{}", error="AssertionError"))
    (raised,) = of(AlarmRaised, out)
    assert raised.priority == 1
    (cleared,) = play.tell(AlarmAcknowledged(at_ms=T0, alarm_id=raised.alarm_id, by="ann"))
    assert isinstance(cleared, AlarmCleared)


def test_acknowledging_does_not_clear_what_is_still_so() -> None:
    play = Play()
    play.tell(PeerChanged(at_ms=T0, peer="office", online=False))
    acknowledged = AlarmAcknowledged(at_ms=T0, alarm_id="office:offline", by="ann")
    assert play.tell(acknowledged) == []
    assert play.engine.save().alarms["office:offline"].acknowledged_by == "ann"
    assert play.tell(AlarmAcknowledged(at_ms=T0, alarm_id="nothing", by="ann")) == []


def test_more_alarms_than_anybody_can_read_are_counted() -> None:
    play = Play()
    for n in range(ALARMS_MAX + 5):
        play.tell(PeerChanged(at_ms=T0, peer=f"peer{n}", online=False))
    state = play.engine.save()
    assert len(state.alarms) == ALARMS_MAX
    assert state.alarms_dropped == 5


def test_a_departure_at_risk_is_told_in_time_and_cleared_when_the_work_is_done() -> None:
    play = Play()
    play.departure("north-1", "north", T0 + 60 * MINUTE)
    play.join("ann")
    tasks = [pick(f"t{n}", f"hu{n}", due_ms=T0 + 60 * MINUTE) for n in range(3)]
    assert of(AlarmRaised, play.plan(*tasks)) == []
    at_ms = play.engine.wake_at_ms
    assert at_ms == T0 + 52 * MINUTE  # 3 picks of 40 s and 6 min to the dock
    play.now = at_ms
    (raised,) = of(AlarmRaised, play.tell(Woken(at_ms=at_ms)))
    assert raised.alarm_id == "departure:north-1"
    assert raised.text.startswith("north-1 at risk: 3 tasks open, about 8 min of work, 8 min left (simple estimate")
    assert play.engine.wake_at_ms is None
    assert of(AlarmCleared, play.done("ann", tasks[0])) == []
    play.done("ann", tasks[1])
    assert [m.alarm_id for m in of(AlarmCleared, play.done("ann", tasks[2]))] == ["departure:north-1"]


def test_more_hands_can_save_a_departure() -> None:
    play = Play()
    play.departure("north-1", "north", T0 + 31 * MINUTE)
    play.join("ann")
    tasks = [pick(f"t{n}", "hu1", due_ms=T0 + 31 * MINUTE) for n in range(60)]
    assert of(AlarmRaised, play.plan(*tasks))
    assert of(AlarmCleared, play.join("bob")) == []
    assert of(AlarmCleared, play.join("cid"))


def test_a_closed_departure_takes_its_alarms_along() -> None:
    play = Play()
    play.departure("north-1", "north", T0)
    play.all_run()
    play.packed("hu1")
    play.scan("sorter1", "hu1")
    play.report("sorter1", play.seq, SortResult.LOST)
    assert of(AlarmRaised, play.plan(pick("t1", "hu2")))
    out = play.tell(
        DepartureClosed(at_ms=T0, departure_id="north-1", site="S1", units=("hu1",), orders=(), left_behind=())
    )
    assert {m.alarm_id for m in of(AlarmCleared, out)} == {"departure:north-1", "sorter1:missing_hu1"}


def test_messages_for_others_are_not_ours() -> None:
    play = Play()
    before = play.engine.save()
    assert play.tell(OrderCaptured(at_ms=T0, order_id="o1", route="north", lines=())) == []
    assert play.engine.save() == before
