"""Zones that jam, handshakes that fail, PLCs that restart: one cause, one alarm, and no unit without an outcome."""

from typing import Any

import pytest

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    CommandMachine,
    Flaw,
    HandshakeFailed,
    LaneChanged,
    MachineCommand,
    MachineCommandRequested,
    SortResult,
    UnitArrived,
    UnitMissing,
    Woken,
    ZoneChanged,
    ZoneFault,
)
from edge.wes.trouble import CLEAR_EVERY_MS, CLEARS_MAX, FLAW_CLEAR_MS, FLAWS
from edge.wes.units import EXPECT_MS
from tests.wes.scene import Play, of, through_disk

JAM, CLEAR = ZoneFault.SENSOR_JAM, ZoneFault.NONE


def zone(play: Play, number: int, fault: ZoneFault, machine: str = "conveyor1") -> list[Any]:
    return play.tell(
        ZoneChanged(
            at_ms=play.now,
            machine_id=machine,
            zone=number,
            fault=fault,
            accumulating=False,
            blocked=fault is not CLEAR,
            arrivals=1,
            departures=0,
            tracking_id=5,
        )
    )


def running() -> Play:
    play = Play()
    play.all_run()
    return play


def pass_ms(play: Play, ms: int) -> list[Any]:
    """Let time pass with every wake-up the engine asks for."""
    out: list[Any] = []
    end_ms = play.now + ms
    while play.engine.wake_at_ms is not None and play.engine.wake_at_ms <= end_ms:
        play.now = play.engine.wake_at_ms
        out += play.tell(Woken(at_ms=play.now))
    play.now = end_ms
    return out


def clears(messages: list[Any]) -> list[tuple[int, ...]]:
    return [m.args for m in of(CommandMachine, messages) if m.command is MachineCommand.CLEAR_JAM]


def test_a_jam_is_cleared_from_here_three_times_and_then_a_person_is_asked() -> None:
    play = running()
    out = zone(play, 3, JAM)
    assert clears(out) == [(3,)]
    assert of(AlarmRaised, out) == []
    out = pass_ms(play, CLEARS_MAX * CLEAR_EVERY_MS)
    assert clears(out) == [(3,)] * (CLEARS_MAX - 1)
    (alarm,) = of(AlarmRaised, out)
    assert (alarm.alarm_id, alarm.priority) == ("conveyor1:zone", 2)
    assert "3 remote clears" in alarm.text
    assert clears(pass_ms(play, 3_600_000)) == []
    assert [m.alarm_id for m in of(AlarmCleared, zone(play, 3, CLEAR))] == ["conveyor1:zone"]


def test_ten_jammed_zones_are_one_alarm() -> None:
    play = running()
    out = [m for number in range(1, 11) for m in zone(play, number, ZoneFault.ARRIVAL_JAM)]
    out += pass_ms(play, 10 * CLEAR_EVERY_MS)
    assert [m.alarm_id for m in of(AlarmRaised, out)] == ["conveyor1:zone"]
    assert len(clears(out)) == 10 * CLEARS_MAX


def test_a_jam_that_comes_back_at_once_has_no_new_attempts() -> None:
    play = running()
    out: list[Any] = []
    for _ in range(6):
        out += zone(play, 3, JAM)
        play.now += 1_000
        out += zone(play, 3, CLEAR)
        play.now += 1_000
    assert len(clears(out)) == CLEARS_MAX
    assert [m.alarm_id for m in of(AlarmRaised, out)][:1] == ["conveyor1:zone"]
    play.now += 120_000
    assert clears(zone(play, 3, JAM)) == [(3,)]


def test_an_operators_stop_ends_the_remote_clears() -> None:
    play = running()
    stop = MachineCommandRequested(at_ms=play.now, machine_id="conveyor1", command=MachineCommand.STOP, by="ann")
    play.tell(stop)
    out = zone(play, 3, JAM)
    assert clears(out) == []
    assert [m.alarm_id for m in of(AlarmRaised, out)] == ["conveyor1:zone"]


def test_a_motor_fault_asks_a_person_at_once() -> None:
    out = zone(running(), 2, ZoneFault.MOTOR)
    assert clears(out) == []
    assert [m.alarm_id for m in of(AlarmRaised, out)] == ["conveyor1:zone"]


def test_the_attempts_survive_a_restart_of_ours() -> None:
    play = running()
    zone(play, 3, JAM)
    play.engine = through_disk(play.engine)
    out = pass_ms(play, CLEARS_MAX * CLEAR_EVERY_MS)
    assert clears(out) == [(3,)] * (CLEARS_MAX - 1)


@pytest.mark.parametrize("flaw", list(Flaw))
def test_every_failed_handshake_is_told_with_what_to_do(flaw: Flaw) -> None:
    play = running()
    (alarm,) = of(AlarmRaised, failed(play, flaw))
    assert (alarm.alarm_id, alarm.priority) == (f"sorter1:{flaw.value}", FLAWS[flaw][0])
    assert alarm.text.startswith("3 ")
    assert alarm.action
    assert of(AlarmRaised, failed(play, flaw)) == []
    assert f"sorter1:{flaw.value}" in [m.alarm_id for m in of(AlarmCleared, pass_ms(play, FLAW_CLEAR_MS + 1))]


def failed(play: Play, flaw: Flaw) -> list[Any]:
    return play.tell(
        HandshakeFailed(at_ms=play.now, machine_id="sorter1", boot=1, flaw=flaw, count=3, detail="OVERRUN")
    )


def test_a_unit_whose_report_was_missed_is_looked_for_and_holds_no_place() -> None:
    play = running()
    for hu in ("hu1", "hu2"):
        play.packed(hu)
        play.scan("sorter1", hu)
    failed(play, Flaw.REPORTS_MISSED)
    play.report("sorter1", 2, SortResult.DIVERTED, 1)
    out = pass_ms(play, EXPECT_MS + 1)
    assert [(m.hu_id, m.reason) for m in of(UnitMissing, out)] == [("hu1", "NOT_SEEN")]
    assert play.engine.save().machines["sorter1"].riding == {}


def test_a_restarted_plc_has_forgotten_its_units_and_that_is_one_alarm() -> None:
    play = running()
    for number in range(1, 9):
        play.packed(f"hu{number}")
        play.scan("sorter1", f"hu{number}")
    play.report("sorter1", 1, SortResult.DIVERTED, 1)
    out = play.machine("sorter1", boot=2)
    assert [(m.hu_id, m.reason) for m in of(UnitMissing, out)] == [(f"hu{n}", "PLC_RESTART") for n in range(2, 9)]
    (alarm,) = of(AlarmRaised, out)
    assert (alarm.alarm_id, alarm.priority) == ("sorter1:restarted", 2)
    assert "7 units" in alarm.text
    assert play.engine.save().machines["sorter1"].riding == {}
    assert of(UnitMissing, play.machine("sorter1", boot=2)) == []


def test_a_flushed_unit_is_where_the_plc_says_it_put_it() -> None:
    play = running()
    for number in (1, 2):
        play.packed(f"hu{number}")
        play.scan("sorter1", f"hu{number}")
    play.machine("sorter1", boot=2)
    (arrived,) = of(UnitArrived, play.report("sorter1", 1, SortResult.FLUSHED, 14, boot=2))
    assert (arrived.hu_id, arrived.location, arrived.result) == ("hu1", "sorter1/L14", SortResult.FLUSHED)
    out = play.report("sorter1", 2, SortResult.FLUSHED, 0, boot=2)
    assert [(m.hu_id, m.reason) for m in of(UnitMissing, out)] == [("hu2", "FLUSHED")]
    assert of(AlarmRaised, out) == []


def test_a_result_nobody_knows_leaves_a_unit_missing() -> None:
    play = running()
    play.packed("hu1")
    play.scan("sorter1", "hu1")
    out = play.report("sorter1", 1, SortResult.UNKNOWN, 3)
    assert [(m.hu_id, m.reason) for m in of(UnitMissing, out)] == [("hu1", "UNKNOWN")]


def test_a_tracking_id_used_again_makes_the_unit_before_it_overdue() -> None:
    play = running()
    for hu in ("hu1", "hu2"):
        play.packed(hu)
        play.scan("sorter1", hu, tracking_id=9)
    out = play.report("sorter1", 9, SortResult.DIVERTED, 1)
    assert [m.hu_id for m in of(UnitArrived, out)] == ["hu2"]
    assert [m.hu_id for m in of(UnitMissing, pass_ms(play, EXPECT_MS + 1))] == ["hu1"]


def lane(play: Play, **bits: bool) -> list[Any]:
    known = {"enabled": True, "full": False, "jam": False}
    return play.tell(LaneChanged(at_ms=play.now, machine_id="sorter1", lane=1, **(known | bits)))


def test_a_rate_limited_lane_is_passed_over_and_a_jammed_one_calls_a_person() -> None:
    play = running()
    play.packed("hu1")
    assert lane(play, rate_limited=True) == []
    (answer,) = play.scan("sorter1", "hu1")
    assert answer.lane == 2
    lane(play)
    (alarm,) = of(AlarmRaised, lane(play, jam=True))
    assert alarm.alarm_id == "sorter1:lane01_jam"
    assert [m.alarm_id for m in of(AlarmCleared, lane(play))] == ["sorter1:lane01_jam"]
