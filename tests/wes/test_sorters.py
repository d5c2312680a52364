"""A sorter's questions and reports."""

from dataclasses import replace

import pytest

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    DecisionCode,
    DepartureClosed,
    DivertUnit,
    LaneChanged,
    MachineCommand,
    MachineCommandRequested,
    ScanStatus,
    SortResult,
    TaskKind,
    UnitArrived,
    UnitMissing,
    UnitRerouted,
    UnitVoided,
    Woken,
)
from edge.wes.explain import where_unit
from edge.wes.units import EXPECT_MS
from tests.wes.scene import T0, Play, load, of, pick


def ready(*units: str, route: str = "north") -> Play:
    play = Play()
    play.all_run()
    for hu in units:
        play.packed(hu, route)
    return play


def answer(messages: list[object]) -> DivertUnit:
    (only,) = of(DivertUnit, messages)
    return only


def sort(play: Play, hu: str, lane: int, result: SortResult = SortResult.DIVERTED) -> list[object]:
    play.scan("sorter1", hu)
    return list(play.report("sorter1", play.seq, result, lane))


def test_a_known_unit_goes_to_its_route() -> None:
    play = ready("hu1")
    got = answer(list(play.scan("sorter1", "hu1")))
    assert (got.code, got.lane, got.alternate, got.hu_id) == (DecisionCode.ROUTE, 1, 2, "hu1")
    (arrived,) = of(UnitArrived, play.report("sorter1", got.tracking_id, SortResult.DIVERTED, 1))
    assert (arrived.hu_id, arrived.location, arrived.result) == ("hu1", "sorter1/L01", SortResult.DIVERTED)


@pytest.mark.parametrize(
    ("barcode", "status", "reason"),
    [
        ("nobody", ScanStatus.OK, "UNKNOWN_BARCODE"),
        ("", ScanStatus.NO_READ, "NO_READ"),
        ("hu1", ScanStatus.MULTI_READ, "MULTI_READ"),
        ("", ScanStatus.SCANNER_FAULT, "SCANNER_FAULT"),
    ],
)
def test_what_cannot_be_named_goes_to_the_hospital_lane(barcode: str, status: ScanStatus, reason: str) -> None:
    play = ready("hu1")
    got = answer(list(play.scan("sorter1", barcode, status=status)))
    assert (got.code, got.lane, got.alternate, got.hu_id) == (DecisionCode.ROUTE, 13, 14, "")
    assert got.reason == reason
    assert of(UnitArrived, play.report("sorter1", got.tracking_id, SortResult.DIVERTED, 13)) == []


def test_the_same_request_gets_the_same_answer() -> None:
    play = ready("hu1")
    first = answer(list(play.scan("sorter1", "hu1", seq=7)))
    play.tell(LaneChanged(at_ms=T0, machine_id="sorter1", lane=1, enabled=False, full=False, jam=False))
    before = play.engine.save()
    assert answer(list(play.scan("sorter1", "hu1", seq=7))) == first
    assert play.engine.save() == before


def test_a_request_of_an_earlier_boot_is_void() -> None:
    play = ready("hu1")
    play.machine("sorter1", boot=2)
    assert of(DivertUnit, play.scan("sorter1", "hu1", boot=1)) == []
    assert of(DivertUnit, play.scan("sorter1", "hu1", boot=2))
    assert of(DivertUnit, play.scan("sorter1", "hu1", boot=3))
    assert of(DivertUnit, play.scan("sorter1", "hu1", boot=2)) == []


def test_the_same_report_counts_once() -> None:
    play = ready("hu1")
    play.scan("sorter1", "hu1", tracking_id=5)
    assert of(UnitArrived, play.report("sorter1", 5, SortResult.DIVERTED, 1, seq=50))
    assert play.report("sorter1", 5, SortResult.DIVERTED, 1, seq=50) == []
    assert play.engine.save().machines["sorter1"].lanes.load == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("result", [SortResult.DIVERTED_ALT, SortResult.DEFAULT_LANE, SortResult.MISSORT])
def test_the_plcs_word_is_the_truth(result: SortResult) -> None:
    play = ready("hu1")
    (arrived,) = of(UnitArrived, sort(play, "hu1", 14, result))
    assert (arrived.location, arrived.result) == ("sorter1/L14", result)


@pytest.mark.parametrize("result", [SortResult.LOST, SortResult.FLUSHED])
def test_a_lost_unit_is_missing_until_it_is_scanned_again(result: SortResult) -> None:
    play = ready("hu1")
    out = sort(play, "hu1", 0, result)
    assert [(m.hu_id, m.reason) for m in of(UnitMissing, out)] == [("hu1", result.name)]
    assert [m.alarm_id for m in of(AlarmRaised, out)] == ["sorter1:missing_hu1"]
    assert [m.alarm_id for m in of(AlarmCleared, play.scan("sorter1", "hu1"))] == ["sorter1:missing_hu1"]


def test_an_emergency_stop_does_not_end_the_track() -> None:
    play = ready("hu1")
    assert of(UnitMissing, sort(play, "hu1", 0, SortResult.ESTOP))
    assert of(UnitArrived, play.report("sorter1", 1, SortResult.DIVERTED, 1))


def test_a_lost_report_about_nobody_is_counted_and_ignored() -> None:
    play = ready("hu1")
    before = play.engine.save().reports_ignored
    assert play.report("sorter1", 99, SortResult.LOST) == []
    assert play.engine.save().reports_ignored == before + 1


def test_tracking_ids_of_an_earlier_boot_name_nobody_but_the_flushed() -> None:
    play = ready("hu1", "hu2")
    play.scan("sorter1", "hu1", tracking_id=1)
    play.scan("sorter1", "hu2", tracking_id=2)
    play.machine("sorter1", boot=2)
    assert of(UnitArrived, play.report("sorter1", 1, SortResult.DIVERTED, 1, boot=2)) == []
    assert [m.hu_id for m in of(UnitMissing, play.report("sorter1", 2, SortResult.FLUSHED, boot=2))] == ["hu2"]


def test_a_recirculated_unit_is_asked_for_again() -> None:
    play = ready("hu1")
    assert sort(play, "hu1", 0, SortResult.RECIRCULATED) == []
    got = answer(list(play.scan("sorter1", "hu1", recirc_count=1)))
    assert got.code is DecisionCode.ROUTE


def test_the_rounds_before_a_restart_of_the_plc_count_against_the_limit() -> None:
    play = ready("hu1")
    for number in (1, 2, 4):
        play.tell(LaneChanged(at_ms=T0, machine_id="sorter1", lane=number, enabled=False, full=False, jam=False))
    codes = []
    for boot, count in ((1, 0), (1, 1), (2, 0), (2, 1)):
        got = answer(list(play.scan("sorter1", "hu1", recirc_count=count, boot=boot)))
        codes.append((got.code, got.lane))
    assert codes == [(DecisionCode.RECIRC, 0)] * 2 + [(DecisionCode.RECIRC, 0), (DecisionCode.RECIRC, 0)]
    last = answer(list(play.scan("sorter1", "hu1", recirc_count=2, boot=2)))
    assert (last.code, last.lane) == (DecisionCode.ROUTE, 13)
    assert last.reason.startswith("MAX_RECIRC 3 rounds: lane 1 disabled")


@pytest.mark.parametrize("status", [ScanStatus.NO_READ, ScanStatus.SCANNER_FAULT])
def test_a_unit_that_was_read_a_round_ago_is_known_by_its_tracking_id(status: ScanStatus) -> None:
    play = ready("hu1")
    play.scan("sorter1", "hu1", tracking_id=5)
    play.report("sorter1", 5, SortResult.RECIRCULATED)
    got = answer(list(play.scan("sorter1", "", status=status, tracking_id=5, recirc_count=1)))
    assert (got.code, got.lane, got.hu_id) == (DecisionCode.ROUTE, 1, "hu1")
    assert got.reason == f"{status.name} this round, route north: lane 1 has 0 of 4"
    (arrived,) = of(UnitArrived, play.report("sorter1", 5, SortResult.DIVERTED, 1))
    assert (arrived.hu_id, arrived.location) == ("hu1", "sorter1/L01")
    assert answer(list(play.scan("sorter1", "", status=status, tracking_id=5))).hu_id == ""


def test_a_doubtful_read_of_a_tracked_unit_brings_it_to_people_by_name() -> None:
    play = ready("hu1")
    play.scan("sorter1", "hu1", tracking_id=5)
    got = answer(list(play.scan("sorter1", "hu2", status=ScanStatus.MULTI_READ, tracking_id=5, recirc_count=1)))
    assert (got.lane, got.hu_id, got.reason) == (13, "hu1", "MULTI_READ")
    (arrived,) = of(UnitArrived, play.report("sorter1", 5, SortResult.DIVERTED, 13))
    assert (arrived.hu_id, arrived.location) == ("hu1", "sorter1/L13")


def test_tracking_ids_of_an_earlier_boot_do_not_name_what_cannot_be_read() -> None:
    play = ready("hu1")
    play.scan("sorter1", "hu1", tracking_id=5)
    got = answer(list(play.scan("sorter1", "", status=ScanStatus.NO_READ, tracking_id=5, boot=2)))
    assert (got.lane, got.hu_id) == (13, "")


def test_units_on_their_way_take_room_and_lanes_fill_evenly() -> None:
    units = [f"hu{n}" for n in range(13)]
    play = ready(*units)
    got = [answer(list(play.scan("sorter1", hu))) for hu in units]
    assert [each.lane for each in got] == [1, 2, 1, 2, 1, 2, 1, 2, 4, 4, 4, 4, 0]
    assert got[-1].code is DecisionCode.RECIRC


def test_a_unit_does_not_take_its_own_room() -> None:
    play = ready(*(f"hu{n}" for n in range(4)), route="south")
    for n in range(3):
        sort(play, f"hu{n}", 3)
    assert [answer(list(play.scan("sorter1", "hu3"))).lane for _ in range(2)] == [3, 3]


def test_loading_makes_room_and_the_plc_may_correct_the_count() -> None:
    play = ready(*(f"hu{n}" for n in range(9)), route="south")
    for n in range(4):
        sort(play, f"hu{n}", 3)
    out = play.scan("sorter1", "hu4")
    assert answer(list(out)).lane == 4
    assert [m.alarm_id for m in of(AlarmRaised, out)] == ["sorter1:lane03_full"]
    play.join("ann")
    task = load("l1", "hu0", "sorter1/L03")
    play.plan(task)
    assert [m.alarm_id for m in of(AlarmCleared, play.done("ann", task))] == ["sorter1:lane03_full"]
    assert answer(list(play.scan("sorter1", "hu5"))).lane == 3
    full = LaneChanged(at_ms=T0, machine_id="sorter1", lane=3, enabled=True, full=True, jam=False)
    play.tell(full)
    assert answer(list(play.scan("sorter1", "hu6"))).lane == 4
    sort(play, "hu5", 3)
    play.tell(replace(full, full=False))
    assert answer(list(play.scan("sorter1", "hu7"))).lane == 3


def test_a_delivered_unit_that_comes_back_goes_to_the_hospital_lane() -> None:
    play = ready("hu1", "hu2")
    play.join("ann")
    sort(play, "hu1", 1)
    task = load("l1", "hu1", "sorter1/L01")
    play.plan(task)
    play.done("ann", task)
    assert answer(list(play.scan("sorter1", "hu1"))).reason == "ALREADY_DELIVERED north-1"
    play.tell(DepartureClosed(at_ms=T0, departure_id="north-1", site="S1", units=("hu2",), orders=(), left_behind=()))
    assert answer(list(play.scan("sorter1", "hu2"))).lane == 13


def test_a_unit_from_the_hospital_lane_is_sorted_again() -> None:
    play = ready("hu1")
    sort(play, "hu1", 13)
    assert play.engine.save().machines["sorter1"].lanes.load[4] == 1
    assert answer(list(play.scan("sorter1", "hu1"))).lane == 1
    assert play.engine.save().machines["sorter1"].lanes.load[4] == 0


def test_a_carried_unit_takes_room_where_it_was_put() -> None:
    play = ready("hu1")
    sort(play, "hu1", 13)
    play.join("ann")
    task = pick(
        "c1", "hu1", kind=TaskKind.CARRY, skill="carry", zone="DOCK", source="sorter1/L13", target="sorter1/L02"
    )
    play.plan(task)
    play.done("ann", task)
    assert play.engine.save().machines["sorter1"].lanes.load == [0, 1, 0, 0, 0, 0]


def test_a_rerouted_unit_takes_the_new_route() -> None:
    play = ready("hu1")
    play.departure("south-2", "south", T0 + 10**7)
    play.tell(UnitRerouted(at_ms=T0, hu_id="hu1", departure_id="south-2", due_ms=T0 + 10**7))
    assert answer(list(play.scan("sorter1", "hu1"))).lane == 3


def test_a_unit_that_was_given_up_is_nobodys_when_it_turns_up() -> None:
    play = ready("hu1")
    (alarm,) = of(AlarmRaised, sort(play, "hu1", 0, SortResult.LOST))
    assert alarm.alarm_id == "sorter1:missing_hu1"
    gone = play.tell(UnitVoided(at_ms=T0, hu_id="hu1", order_id="o1"))
    assert [m.alarm_id for m in of(AlarmCleared, gone)] == ["sorter1:missing_hu1"]
    assert where_unit(play.engine.floor, "hu1").startswith("was given up")
    told = answer(list(play.scan("sorter1", "hu1")))
    assert (told.lane, told.reason) == (13, "GIVEN_UP")
    (arrived,) = of(UnitArrived, play.report("sorter1", play.seq, SortResult.DIVERTED, 13))
    assert (arrived.hu_id, arrived.location, arrived.reason) == ("hu1", "sorter1/L13", "GIVEN_UP")
    assert play.tell(UnitVoided(at_ms=T0, hu_id="hu1", order_id="o1")) == []


def test_the_hospital_lane_is_empty_once_all_of_a_unit_that_turned_up_is_on_a_shelf() -> None:
    play = ready("hu1")
    sort(play, "hu1", 0, SortResult.LOST)
    play.tell(UnitVoided(at_ms=T0, hu_id="hu1", order_id="o1"))
    sort(play, "hu1", 13)

    def lies() -> int:
        lanes = play.engine.save().machines["sorter1"].lanes
        return lanes.load[lanes.lanes.index(13)]

    away = {"kind": TaskKind.PUTAWAY, "skill": "putaway", "source": "sorter1/L13", "target": "A-01-01-1"}
    goods = [pick(f"t{n}", "hu1", order_id="", **away) for n in range(2)]
    play.plan(*goods)
    play.join("ann", "putaway")
    assert lies() == 1
    play.done("ann", goods[0])
    assert lies() == 1
    play.done("ann", goods[1])
    assert lies() == 0


def test_the_hospital_lane_calls_when_it_is_half_full() -> None:
    play = ready()
    seen = []
    for _ in range(3):
        play.scan("sorter1", "", status=ScanStatus.NO_READ)
        seen += [m.alarm_id for m in of(AlarmRaised, play.report("sorter1", play.seq, SortResult.DIVERTED, 13))]
    assert seen == ["sorter1:hospital"]
    looked = MachineCommandRequested(
        at_ms=T0, machine_id="sorter1", command=MachineCommand.LANE_ENABLE, args=(13,), by="ann"
    )
    assert [m.alarm_id for m in of(AlarmCleared, play.tell(looked))] == ["sorter1:hospital"]


def test_a_stranger_raises_an_alarm_that_clears_by_itself() -> None:
    play = ready()
    assert of(AlarmRaised, play.scan("sorter1", "who"))[0].alarm_id == "sorter1:unknown_barcode"
    first = play.engine.wake_at_ms
    assert first == T0 + 600_000
    play.now += 60_000
    assert of(AlarmRaised, play.scan("sorter1", "who")) == []
    play.now = T0 + 600_000
    assert play.tell(Woken(at_ms=play.now)) == []
    play.now = play.engine.wake_at_ms or 0
    assert [m.alarm_id for m in of(AlarmCleared, play.tell(Woken(at_ms=play.now)))] == ["sorter1:unknown_barcode"]
    assert play.engine.wake_at_ms is None


def test_a_unit_whose_pack_report_comes_after_its_scans_is_where_they_saw_it() -> None:
    """A box restarted between the belt and the packer's report: the carton went to the hospital lane unnamed."""
    play = Play()
    play.all_run()
    play.scan("conveyor1", "hu1")
    play.report("conveyor1", play.seq, SortResult.HANDOVER)
    play.scan("sorter1", "hu1")
    assert of(UnitArrived, play.report("sorter1", play.seq, SortResult.DIVERTED, 13)) == []
    (arrived,) = of(UnitArrived, play.packed("hu1"))
    assert (arrived.hu_id, arrived.location, arrived.reason) == ("hu1", "sorter1/L13", "NAMED_LATE")
    assert of(UnitArrived, play.packed("hu1")) == []


def test_a_unit_that_is_named_between_scan_and_report_arrives_with_its_name() -> None:
    play = Play()
    play.all_run()
    play.scan("conveyor1", "hu1")
    play.scan("sorter1", "hu1")
    assert of(UnitArrived, play.packed("hu1")) == []
    (arrived,) = of(UnitArrived, play.report("sorter1", play.seq, SortResult.DIVERTED, 13))
    assert (arrived.hu_id, arrived.location) == ("hu1", "sorter1/L13")


def test_a_unit_named_on_its_way_to_the_sorter_and_not_seen_there_is_looked_for() -> None:
    play = Play()
    play.all_run()
    play.scan("conveyor1", "hu1")
    play.report("conveyor1", play.seq, SortResult.HANDOVER)
    play.packed("hu1")
    play.now += EXPECT_MS
    (missing,) = of(UnitMissing, play.tell(Woken(at_ms=play.now)))
    assert (missing.hu_id, missing.machine_id) == ("hu1", "sorter1")
