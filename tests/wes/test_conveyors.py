"""A conveyor's exit waits until the sorter has room."""

from edge.messages import (
    AlarmRaised,
    DecisionCode,
    DivertUnit,
    Link,
    Message,
    PackMl,
    ScanStatus,
    SortResult,
    UnitMissing,
    Woken,
)
from edge.wes.units import EXPECT_MS
from tests.wes.scene import Play, assigned, of, pack, pick


def ready(*units: str) -> Play:
    play = Play()
    play.all_run()
    for hu in units:
        play.packed(hu)
    return play


def passes(messages: list[object]) -> list[tuple[str, str]]:
    got = of(DivertUnit, messages)
    assert all(each.code is DecisionCode.PASS for each in got)
    return [(each.machine_id, each.hu_id) for each in got]


def test_units_pass_while_the_sorter_has_room() -> None:
    play = ready("hu1", "hu2", "hu3", "hu4")
    assert passes(list(play.scan("conveyor1", "hu1"))) == [("conveyor1", "hu1")]
    play.report("conveyor1", play.seq, SortResult.HANDOVER)
    assert passes(list(play.scan("conveyor2", "hu2"))) == [("conveyor2", "hu2")]
    assert passes(list(play.scan("conveyor1", "hu3"))) == []
    assert passes(list(play.scan("conveyor2", "hu4"))) == []
    play.scan("sorter1", "hu1")
    assert passes(list(play.report("sorter1", play.seq, SortResult.RECIRCULATED))) == []
    play.scan("sorter1", "hu1")
    assert passes(list(play.report("sorter1", play.seq, SortResult.DIVERTED, 1))) == [("conveyor1", "hu3")]
    play.scan("sorter1", "hu2")
    assert passes(list(play.report("sorter1", play.seq, SortResult.LOST))) == [("conveyor2", "hu4")]


def test_nothing_passes_onto_a_sorter_that_does_not_run() -> None:
    play = ready("hu1", "hu2")
    play.machine("sorter1", PackMl.HELD)
    assert passes(list(play.scan("conveyor1", "hu1"))) == []
    assert passes(list(play.machine("sorter1", link=Link.LOST))) == []
    assert passes(list(play.machine("sorter1"))) == [("conveyor1", "hu1")]


def test_the_same_request_is_answered_the_same_and_only_when_it_was() -> None:
    play = ready("hu1")
    play.machine("sorter1", PackMl.SUSPENDED)
    assert play.scan("conveyor1", "hu1", seq=5) == []
    assert play.scan("conveyor1", "hu1", seq=5) == []
    first = of(DivertUnit, play.machine("sorter1"))
    assert of(DivertUnit, play.scan("conveyor1", "hu1", seq=5)) == first


def test_a_unit_that_could_not_be_read_passes_and_counts() -> None:
    play = ready("hu3")
    for machine in ("conveyor1", "conveyor2"):
        assert passes(list(play.scan(machine, "", status=ScanStatus.NO_READ))) == [(machine, "")]
    assert passes(list(play.scan("conveyor1", "hu3"))) == []
    play.scan("sorter1", "", status=ScanStatus.NO_READ)
    assert passes(list(play.report("sorter1", play.seq, SortResult.DIVERTED, 13))) == [("conveyor1", "hu3")]


def test_a_unit_lost_on_the_belt_is_missing_and_makes_room() -> None:
    play = ready("hu1", "hu2", "hu3")
    play.scan("conveyor1", "hu1", tracking_id=1)
    play.scan("conveyor2", "hu2")
    play.scan("conveyor2", "hu3")
    out = play.report("conveyor1", 1, SortResult.LOST)
    assert [m.hu_id for m in of(UnitMissing, out)] == ["hu1"]
    assert passes(list(out)) == [("conveyor2", "hu3")]


def test_a_unit_taken_off_by_hand_is_overtaken_and_forgotten() -> None:
    play = ready("hu1", "hu2", "hu3")
    play.scan("conveyor1", "hu1")
    play.scan("conveyor1", "hu2")
    assert passes(list(play.scan("conveyor1", "hu3"))) == []
    assert ("conveyor1", "hu3") in [
        (each.machine_id, each.hu_id) for each in of(DivertUnit, play.scan("sorter1", "hu2"))
    ]


def test_after_a_restart_of_the_sorter_its_count_begins_anew() -> None:
    play = ready("hu1", "hu2", "hu3")
    play.scan("conveyor1", "hu1")
    play.scan("conveyor2", "hu2")
    assert passes(list(play.scan("conveyor1", "hu3"))) == []
    assert passes(list(play.machine("sorter1", boot=2))) == [("conveyor1", "hu3")]


def test_after_its_own_restart_a_conveyor_asks_again() -> None:
    play = ready("hu1")
    play.machine("sorter1", PackMl.HELD)
    play.scan("conveyor1", "hu1", boot=1)
    play.machine("conveyor1", boot=2)
    assert passes(list(play.machine("sorter1"))) == []
    assert passes(list(play.scan("conveyor1", "hu1", boot=2))) == [("conveyor1", "hu1")]


def test_a_packed_unit_lies_on_the_belt_until_it_is_handed_over() -> None:
    play = Play()
    play.all_run()
    picking, closing = pick("t1", "hu1"), pack("p1", "hu1", ("t1",))
    play.plan(picking, closing)
    play.join("ann")
    assert assigned(play.done("ann", picking)) == {"ann": "p1"}
    play.done("ann", closing)
    assert play.engine.save().machines["conveyor1"].queue == ["hu1"]
    play.packed("hu1")
    play.scan("conveyor1", "hu1")
    play.report("conveyor1", play.seq, SortResult.HANDOVER)
    state = play.engine.save()
    assert state.machines["conveyor1"].queue == []
    assert (state.units["hu1"].machine_id, state.units["hu1"].place.value) == ("sorter1", "sorter")


def wake(play: Play, after_ms: int) -> list[Message]:
    play.now += after_ms
    return play.tell(Woken(at_ms=play.now))


def test_a_unit_let_go_and_never_seen_is_missed_once_the_sorter_could_have_shown_it() -> None:
    play = ready("hu1", "hu2")
    play.scan("conveyor1", "hu1")
    play.report("conveyor1", play.seq, SortResult.HANDOVER)
    assert play.engine.wake_at_ms == play.now + EXPECT_MS
    play.machine("sorter1", PackMl.HELD)
    assert of(UnitMissing, wake(play, EXPECT_MS)) == [], "nothing can come while the sorter stands"
    play.machine("sorter1")
    assert of(UnitMissing, wake(play, EXPECT_MS - 1)) == []
    (missing,) = of(UnitMissing, wake(play, 1))
    assert (missing.hu_id, missing.machine_id, missing.reason) == ("hu1", "sorter1", "NOT_SEEN")
    assert of(UnitMissing, wake(play, 20 * EXPECT_MS)) == [], "said once"


def on_belt(*units: str) -> Play:
    """Packed and put onto conveyor1, one after the other."""
    play = Play()
    play.all_run()
    play.join("ann")
    for hu in units:
        picking, closing = pick(f"t-{hu}", hu), pack(f"p-{hu}", hu, (f"t-{hu}",))
        play.plan(picking, closing)
        play.done("ann", picking)
        play.done("ann", closing)
        play.packed(hu)
    return play


def test_a_unit_read_nowhere_is_looked_for_behind_the_exit_it_passed_unread() -> None:
    play = on_belt("hu1", "hu2")
    play.scan("conveyor1", "", status=ScanStatus.NO_READ)
    play.report("conveyor1", play.seq, SortResult.HANDOVER)
    play.scan("conveyor1", "hu2")
    play.report("conveyor1", play.seq, SortResult.HANDOVER)
    play.scan("sorter1", "", status=ScanStatus.NO_READ)
    play.report("sorter1", play.seq, SortResult.DIVERTED, 13)
    play.scan("sorter1", "hu2")
    out = [*wake(play, EXPECT_MS), *wake(play, EXPECT_MS)]
    (missing,) = of(UnitMissing, out)
    assert (missing.hu_id, missing.machine_id, missing.reason) == ("hu1", "sorter1", "NOT_SEEN")
    (alarm,) = of(AlarmRaised, out)
    assert "lost on sorter1 (NOT_SEEN), last seen on conveyor1 6 min ago" in alarm.text


def test_the_last_unit_on_a_belt_is_looked_for_where_it_was_put_on() -> None:
    play = on_belt("hu1")
    assert of(UnitMissing, wake(play, EXPECT_MS)) == [], "the way along the conveyor takes its time too"
    assert [(m.hu_id, m.machine_id) for m in of(UnitMissing, wake(play, EXPECT_MS))] == [("hu1", "conveyor1")]
    assert play.engine.save().machines["conveyor1"].queue == []
    assert of(UnitMissing, wake(play, 20 * EXPECT_MS)) == [], "said once"


def test_units_behind_one_that_waits_or_on_a_belt_that_stands_have_time() -> None:
    play = on_belt("hu1", "hu2")
    play.machine("sorter1", PackMl.HELD)
    play.scan("conveyor1", "hu1")
    assert of(UnitMissing, wake(play, 9 * EXPECT_MS)) == []
    play.machine("conveyor1", PackMl.HELD)
    assert of(UnitMissing, wake(play, 9 * EXPECT_MS)) == []


def test_a_unit_that_was_seen_is_not_missed() -> None:
    play = ready("hu1")
    play.scan("conveyor1", "hu1")
    play.scan("sorter1", "hu1")
    assert of(UnitMissing, wake(play, 20 * EXPECT_MS)) == []
