"""The sorter's program: decisions in time, late, missing or wrong, full lanes, rounds, the rings."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from plc_sim import eyes
from plc_sim.codes import SEQ_MAX, Cmd, CmdReason, CmdResult, Decision, FaultCode, Scan, Sort, State
from plc_sim.events import LaneState, Request
from plc_sim.lanes import JAM_MS
from plc_sim.ring import REPORTS_MAX
from plc_sim.world import World
from tests.plc_sim.stage import (
    CONVEYOR,
    SORTER,
    outcome,
    reports_of,
    requests_of,
    run,
    site_with,
    sorted_once,
    started,
    to_lane,
    world_of,
)


def world_with(sim: dict[str, int] | None = None, lanes: dict[int, int] | None = None, speed: int = 1) -> World:
    return started(world_of(site_with({SORTER: sim or {}}, lanes), speed))


def filled(world: World, *lanes: int) -> World:
    """Put foreign units into lanes until they are full."""
    for number in lanes:
        lane = world.sorter(SORTER).loop.lanes[number]
        for n in range(lane.capacity):
            assert world.plant.bring(f"x{number}-{n}", lane.location)
    world.drain()
    return world


def test_a_unit_goes_where_it_is_told_and_the_report_says_by_which_decision() -> None:
    world = world_with()
    assert world.plant.place(CONVEYOR, "U1")
    happened = run(world, 60_000, to_lane(7))
    (request,), (report,) = requests_of(happened), reports_of(happened)
    assert (request.barcode, request.scan_status, request.recirc_count) == ("U1", Scan.OK, 0)
    assert request.budget_ms == 250
    assert outcome(report) == (Sort.DIVERTED, Sort.NONE, 7, 0)
    assert (report.requested_lane, report.decision_seq, report.tracking_id) == (7, request.seq, request.tracking_id)
    assert world.plant.units["U1"].place == "sorter1/L07"
    assert world.sorter(SORTER).word("DecSeqUsed") == request.seq
    assert world.sorter(SORTER).word("Lane07.Count") == 1


@pytest.mark.parametrize("speed", [1, 20])
def test_decision_latency_is_wall_time_from_request_to_decision(speed: int) -> None:
    world = world_with(speed=speed)
    sorter = world.sorter(SORTER)
    assert world.plant.place(CONVEYOR, "U1")
    request = wait_for_request(world)
    world.advance(world.now_ms + 120 * speed)
    assert sorter.decide(request.seq, request.tracking_id, dest1=3) is Sort.NONE
    (report,) = reports_of(run(world, 60_000))
    assert outcome(report) == (Sort.DIVERTED, Sort.NONE, 3, 0)
    assert report.decision_latency_ms == 120


def wait_for_request(world: World) -> Request:
    """Run until the sorter asks, answering conveyors only."""
    while True:
        assert world.next_at_ms is not None
        world.advance(world.next_at_ms)
        for each in world.drain():
            if isinstance(each, Request) and each.machine_id == SORTER:
                return each
            if isinstance(each, Request):
                world.conveyor(each.machine_id).decide(each.seq, each.tracking_id, code=Decision.PASS)


def test_without_a_decision_the_unit_goes_to_the_default_lane() -> None:
    world = world_with()
    (report,) = sorted_once(world, answer=lambda request: None)
    assert outcome(report) == (Sort.NO_DECISION, Sort.DEFAULT_LANE, 14, 0)
    assert report.decision_seq == 0
    assert world.sorter(SORTER).word("NoDecisions") == 1


def test_a_late_decision_is_counted_reported_and_not_obeyed() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    assert world.plant.place(CONVEYOR, "U1")
    request = wait_for_request(world)
    world.advance(world.now_ms + 251)
    assert sorter.decide(request.seq, request.tracking_id, dest1=3) is Sort.LATE_DECISION
    (report,) = reports_of(run(world, 60_000))
    assert outcome(report) == (Sort.LATE_DECISION, Sort.DEFAULT_LANE, 14, 0)
    assert sorter.word("LateDecisions") == 1


def test_the_point_of_no_return_ends_the_wait_even_when_the_timeout_is_longer() -> None:
    world = world_with({"decision_timeout_ms": 60_000})
    (report,) = sorted_once(world, answer=lambda request: None)
    assert outcome(report) == (Sort.NO_DECISION, Sort.DEFAULT_LANE, 14, 0)
    fast = world_with(speed=100)
    assert fast.plant.place(CONVEYOR, "U1")
    budget_ms = wait_for_request(fast).budget_ms
    assert budget_ms == -(-9_500_000 // 1500) // 100, "9.5 m at 1.5 m/s, in wall time"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"dest1": 15}, (Sort.INVALID_DEST, Sort.DEFAULT_LANE, 14, 0)),
        ({"dest1": 1, "dest2": 77}, (Sort.INVALID_DEST, Sort.DEFAULT_LANE, 14, 0)),
        ({"dest1": 1, "code": 9}, (Sort.INVALID_DEST, Sort.DEFAULT_LANE, 14, 0)),
        ({"dest1": 1, "code": Decision.HOLD}, (Sort.INVALID_DEST, Sort.DEFAULT_LANE, 14, 0)),
        ({"code": Decision.PASS}, (Sort.DEFAULT_LANE, Sort.NONE, 14, 0)),
        ({"code": Decision.REJECT}, (Sort.DIVERTED, Sort.NONE, 13, 0)),
    ],
)
def test_codes_other_than_route(answer: dict[str, int], expected: tuple[Sort, Sort, int, int]) -> None:
    (report,) = sorted_once(world_with(), answer=lambda request: answer)
    assert outcome(report) == expected


def test_a_decision_for_another_unit_is_ignored_and_the_right_one_still_counts() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    assert world.plant.place(CONVEYOR, "U1")
    request = wait_for_request(world)
    assert sorter.decide(request.seq, request.tracking_id + 1, dest1=3) is Sort.UNEXPECTED
    assert sorter.decide(request.seq + 1, request.tracking_id, dest1=3) is Sort.UNEXPECTED
    assert sorter.decide(request.seq, request.tracking_id, dest1=4) is Sort.NONE
    assert sorter.decide(request.seq, request.tracking_id, dest1=5) is Sort.NONE, (
        "the same answer again changes nothing"
    )
    (report,) = reports_of(run(world, 60_000))
    assert outcome(report) == (Sort.DIVERTED, Sort.NONE, 4, 0)
    assert sorter.ignored_decisions == 2


@pytest.mark.parametrize(("first", "second"), [(3, 8), (8, 3)])
def test_the_alternate_takes_what_the_full_lane_cannot(first: int, second: int) -> None:
    world = filled(world_with(lanes={first: 2}), first)
    (report,) = sorted_once(world, answer=to_lane(first, second))
    assert outcome(report) == (Sort.DIVERTED_ALT, Sort.LANE_FULL, second, 0)
    free = world_with()
    (report,) = sorted_once(free, answer=to_lane(first, second))
    assert outcome(report) == (Sort.DIVERTED, Sort.NONE, first, 0), "not needed, wherever it lies"


def test_full_lanes_send_a_unit_round_until_there_is_room() -> None:
    world = filled(world_with(lanes={3: 1}), 3)
    assert world.plant.place(CONVEYOR, "U1")
    happened = run(world, 45_000, to_lane(3))
    reports = reports_of(happened)
    assert [outcome(report) for report in reports] == [(Sort.RECIRCULATED, Sort.LANE_FULL, 0, 0)]
    assert world.plant.take("sorter1/L03", "x3-0")
    happened = run(world, 60_000, to_lane(3))
    assert [request.recirc_count for request in requests_of(happened)] == [1]
    assert [outcome(report) for report in reports_of(happened)] == [(Sort.DIVERTED, Sort.NONE, 3, 1)]
    assert requests_of(happened)[0].tracking_id == reports[0].tracking_id


def test_after_the_last_round_the_unit_goes_to_the_hospital_lane() -> None:
    world = filled(world_with(lanes={3: 1}), 3)
    reports = sorted_once(world, for_ms=300_000, answer=to_lane(3, max_recirc=2))
    assert [outcome(report) for report in reports] == [
        (Sort.RECIRCULATED, Sort.LANE_FULL, 0, 0),
        (Sort.RECIRCULATED, Sort.LANE_FULL, 0, 1),
        (Sort.MAX_RECIRC, Sort.LANE_FULL, 13, 2),
    ]


def test_told_to_go_round_it_goes_round_and_then_to_hospital() -> None:
    reports = sorted_once(
        world_with(), for_ms=300_000, answer=lambda request: {"code": Decision.RECIRC, "max_recirc": 1}
    )
    assert [outcome(report) for report in reports] == [
        (Sort.RECIRCULATED, Sort.NONE, 0, 0),
        (Sort.MAX_RECIRC, Sort.NONE, 13, 1),
    ]


def test_a_full_hospital_lane_leaves_the_default_lane_and_a_full_default_lane_the_loop() -> None:
    world = filled(world_with(lanes={13: 1, 14: 1}), 13)
    (report,) = sorted_once(world, answer=lambda request: {"code": Decision.REJECT})
    assert outcome(report) == (Sort.DEFAULT_LANE, Sort.LANE_FULL, 14, 0)
    (report,) = sorted_once(world, "U2", 50_000, lambda request: None)
    assert outcome(report) == (Sort.RECIRCULATED, Sort.LANE_FULL, 0, 0)
    assert world.plant.units["U2"].place == "sorter1/loop"


def test_a_disabled_and_a_jammed_lane_take_nothing() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    assert sorter.command(Cmd.LANE_DISABLE, [3]) == (CmdResult.DONE, CmdReason.NONE)
    assert sorter.command(Cmd.LANE_DISABLE, [15]) == (CmdResult.REJECTED, CmdReason.ARGUMENT)
    sorter.lanes.jam(4)
    assert (sorter.word("Lane04.Bits") >> 4 & 1, sorter.lanes.blocked(4)) == (1, Sort.LANE_JAM), "the eye sees it"
    world.advance(world.now_ms + JAM_MS)
    changes = [each for each in world.drain() if isinstance(each, LaneState)]
    assert [(each.lane, each.enabled, each.jam) for each in changes] == [(3, False, False), (4, True, True)]
    assert (sorter.word("FaultCode"), sorter.word("Counter.Jams")) == (FaultCode.JAM, 1)
    assert sorter.read("EyeJam") == sorter.read("EyeBlocked") == 1 << eyes.CONFIRM + 4
    (report,) = sorted_once(world, "U1", 50_000, to_lane(3))
    assert outcome(report) == (Sort.RECIRCULATED, Sort.LANE_DISABLED, 0, 0)
    (report,) = reports_of(run(world, 38_000, to_lane(4)))
    assert outcome(report) == (Sort.RECIRCULATED, Sort.LANE_JAM, 0, 1)
    assert sorter.command(Cmd.CLEAR_JAM, [4]) == (CmdResult.REJECTED, CmdReason.INTERLOCK), "it is still there"
    sorter.lanes.free(4)
    assert sorter.lanes.blocked(4) is Sort.LANE_JAM, "latched"
    assert sorter.command(Cmd.CLEAR_JAM, [4])[0] == CmdResult.DONE
    assert sorter.word("FaultCode") == FaultCode.NONE
    (report,) = reports_of(run(world, 60_000, to_lane(4)))
    assert outcome(report) == (Sort.DIVERTED, Sort.NONE, 4, 2)


def test_lane_bits_follow_what_lies_in_the_lane() -> None:
    world = world_with(lanes={3: 4})
    sorter = world.sorter(SORTER)
    bits = [sorter.word("Lane03.Bits")]
    for n in range(4):
        sorted_once(world, f"U{n}", 60_000, to_lane(3))
        bits.append(sorter.word("Lane03.Bits"))
    assert bits == [1, 1, 1, 1 | 4, 1 | 2 | 4]
    assert world.plant.take("sorter1/L03", "U2")
    assert sorter.word("Lane03.Bits") == 1 | 4


def test_without_a_wcs_everything_goes_to_the_default_lane_unasked() -> None:
    world = world_with()
    assert world.plant.place(CONVEYOR, "U1")
    wait_until(world, lambda: bool(world.sorter(SORTER).loop.riders))
    world.sorter(SORTER).host_online(online=False)
    happened = run(world, 60_000)
    assert requests_of(happened) == []
    assert [outcome(report) for report in reports_of(happened)] == [(Sort.HOST_OFFLINE, Sort.DEFAULT_LANE, 14, 0)]


def wait_until(world: World, true: Callable[[], bool]) -> None:
    while not true():
        run(world, 100)


def test_no_read_is_asked_about_without_a_barcode_and_reported_as_the_reason() -> None:
    world = world_with({"no_read_per_mille": 1000})
    assert world.plant.place(CONVEYOR, "U1")
    happened = run(world, 60_000, lambda request: {"code": Decision.REJECT})
    (request,), (report,) = requests_of(happened), reports_of(happened)
    assert (request.scan_status, request.barcode) == (Scan.NO_READ, "")
    assert outcome(report) == (Sort.DIVERTED, Sort.NO_READ, 13, 0)


def test_a_lost_unit_lies_on_the_floor() -> None:
    world = world_with({"lost_per_mille": 1000})
    (report,) = sorted_once(world)
    assert (report.result, report.type, report.actual_lane) == (Sort.LOST, 2, 0)
    assert world.plant.units["U1"].place == "sorter1/floor"
    assert world.sorter(SORTER).loop.riders == {}


def test_reset_flushes_what_is_on_the_loop_into_the_default_lane() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    assert world.plant.place(CONVEYOR, "U1")
    request = wait_for_request(world)
    for command in (Cmd.STOP, Cmd.RESET):
        assert sorter.command(command)[0] == CmdResult.ACCEPTED
        world.advance(world.now_ms + 1000)
    (report,) = reports_of(world.drain())
    assert (*outcome(report), report.type) == (Sort.FLUSHED, Sort.NONE, 14, 0, 4)
    assert report.tracking_id == request.tracking_id
    assert world.plant.units["U1"].place == "sorter1/L14"


def test_hold_keeps_tracking_and_unhold_goes_on_where_it_was() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    assert world.plant.place(CONVEYOR, "U1")
    request = wait_for_request(world)
    assert sorter.decide(request.seq, request.tracking_id, dest1=5) is Sort.NONE
    sorter.command(Cmd.HOLD)
    where = sorter.loop.belt.position_um
    assert reports_of(run(world, 60_000)) == []
    assert sorter.loop.belt.position_um == where
    sorter.command(Cmd.UNHOLD)
    (report,) = reports_of(run(world, 60_000))
    assert outcome(report) == (Sort.DIVERTED, Sort.NONE, 5, 0)


def test_a_full_request_ring_means_no_decision_and_never_a_fifth_request() -> None:
    world = world_with()
    for n in range(6):
        assert world.plant.place(CONVEYOR, f"U{n}")
    happened = run(world, 120_000, to_lane(1), acknowledge=False)
    assert [request.seq for request in requests_of(happened)] == [1, 2, 3, 4]
    results = sorted(report.result for report in reports_of(happened))
    assert results == [Sort.DIVERTED] * 4, "the conveyor's ring is full too: the others wait on it"
    world.conveyor(CONVEYOR).acknowledge_request(4)
    happened = run(world, 120_000, to_lane(1), acknowledge=False)
    assert requests_of(happened) == []
    assert sorted(report.result for report in reports_of(happened)) == [Sort.NO_DECISION] * 2
    assert world.sorter(SORTER).word("NoDecisions") == 2


def test_sequence_numbers_wrap_from_65532_to_1_and_slots_never_collide() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    sorter.requests.seq = sorter.requests.seen = SEQ_MAX - 2
    sorter.reports.seq = sorter.reports.seen = SEQ_MAX - 1
    for n in range(5):
        assert world.plant.place(CONVEYOR, f"U{n}")
    happened = run(world, 180_000)
    assert [request.seq for request in requests_of(happened)] == [SEQ_MAX - 1, SEQ_MAX, 1, 2, 3]
    assert [report.seq for report in reports_of(happened)] == [SEQ_MAX, 1, 2, 3, 4]
    assert [sorter.word(f"Req{slot}.SeqTail") for slot in range(4)] == [SEQ_MAX, 1, 2, 3]


def test_unacknowledged_reports_wait_in_order_and_hold_the_infeed() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    for n in range(10):
        assert world.plant.place(CONVEYOR, f"U{n}")
    happened = run(world, 300_000, reports=False)
    assert [report.seq for report in reports_of(happened)] == [1, 2, 3, 4], "no report is overwritten"
    assert sorter.reports.waiting
    assert sorter.word("StatusBits") >> 9 & 1, "InfeedHeld"
    assert world.conveyor(CONVEYOR).line.units(), "what does not fit waits on the conveyor"
    for name in (CONVEYOR, SORTER):
        program = world.machines[name]
        while program.reports.seen != program.reports.seq:  # type: ignore[union-attr]
            program.acknowledge_report(program.reports.seq)  # type: ignore[union-attr]
    more = world.drain()
    happened = [*more, *run(world, 300_000)]
    assert [report.seq for report in reports_of(happened)] == [5, 6, 7, 8, 9, 10]
    assert len(world.plant.lanes["sorter1/L01"].units) == 10


def test_nobody_taking_reports_stops_the_belt_before_one_is_lost() -> None:
    world = filled(world_with(lanes={1: 1, 13: 1, 14: 1}), 1, 13, 14)
    sorter = world.sorter(SORTER)
    for n in range(4):
        assert world.plant.place(CONVEYOR, f"U{n}")
    run(world, 60_000, to_lane(1, max_recirc=1000))
    run(world, 40 * 60_000 * 2, to_lane(1, max_recirc=1000), reports=False)
    assert sorter.state is State.SUSPENDED
    assert len(sorter.reports.waiting) == REPORTS_MAX
    sorter.acknowledge_report(sorter.reports.seq)
    assert sorter.state is State.SUSPENDED
    while len(sorter.reports.waiting) >= REPORTS_MAX // 2:
        sorter.acknowledge_report(sorter.reports.seq)
    run(world, 10_000)
    assert sorter.state is State.EXECUTE


def test_an_acknowledgement_from_the_future_or_the_past_is_ignored() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    sorted_once(world)
    before = (sorter.requests.seen, sorter.reports.seen)
    for seq in (0, 2, 400, SEQ_MAX, 65535):
        sorter.acknowledge_request(seq)
        sorter.acknowledge_report(seq)
    assert (sorter.requests.seen, sorter.reports.seen) == before == (1, 1)


def test_a_plc_restart_is_a_new_boot_with_new_numbers_and_empties_the_loop_at_reset() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    assert world.plant.place(CONVEYOR, "U1")
    wait_for_request(world)
    world.restart_plc(SORTER)
    assert (sorter.state, sorter.boot, sorter.word("BootCount"), sorter.word("ReqSeqLast")) == (State.STOPPED, 2, 2, 0)
    world.drain()
    sorter.command(Cmd.RESET)
    (report,) = reports_of(world.drain())
    assert report.boot == 2
    assert (report.seq, report.result, report.actual_lane) == (1, Sort.UNEXPECTED, 14)
    assert world.plant.units["U1"].place == "sorter1/L14"


def test_merging_keeps_the_gap_between_all_units_on_the_loop() -> None:
    world = filled(world_with(lanes={1: 1}), 1)
    for n in range(12):
        assert world.plant.place(CONVEYOR, f"A{n}")
        assert world.plant.place("conveyor2", f"B{n}")
    loop = world.sorter(SORTER).loop
    turn_um = loop.end_um + 20_000_000
    closest = turn_um
    for _ in range(400):
        run(world, 250, to_lane(1, max_recirc=50))
        at = sorted(rider.scan_um % turn_um for rider in loop.riders.values())
        closest = min([closest, *(b - a for a, b in pairwise(at))])
    assert len(loop.riders) > 12
    assert closest >= 1_200_000 - loop.belt.speed_mm_s, "gap and length, to the millisecond"


def test_the_eyes_see_what_passes_and_what_lies() -> None:
    world = world_with(lanes={3: 4})
    sorter = world.sorter(SORTER)
    assert sorter.read("EyeBlocked") == 0
    assert world.plant.place(CONVEYOR, "U1")
    wait_until(world, lambda: bool(sorter.loop.riders))
    seen: set[int] = set()
    for _ in range(60_000 // 20):
        run(world, 20, to_lane(3))
        seen |= {eye for eye in range(128) if int(sorter.read("EyeBlocked")) >> eye & 1}
    assert seen == {eyes.MERGE, eyes.SCANNER, eyes.CONFIRM + 3}
    filled(world, 3)
    assert sorter.read("EyeBlocked") == 1 << eyes.ALMOST_FULL + 3 | 1 << eyes.FULL + 3


def test_counters_count_what_reports_say() -> None:
    world = world_with(lanes={3: 1})
    for n in range(2):
        sorted_once(world, f"U{n}", 120_000, to_lane(3, max_recirc=1))
    sorted_once(world, "U9", 60_000, lambda request: None)
    names = ("Inducted", "Diverted", "Recirculated", "LaneFull", "NoDecision", "Lost")
    assert [world.sorter(SORTER).word(f"Counter.{name}") for name in names] == [3, 1, 1, 2, 1, 0]


def test_a_lane_that_is_purged_gets_nothing_that_is_on_its_way() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    assert world.plant.place(CONVEYOR, "U1")
    request = wait_for_request(world)
    sorter.decide(request.seq, request.tracking_id, dest1=9, dest2=11)
    assert sorter.command(Cmd.PURGE_LANE, [9])[0] == CmdResult.DONE
    (report,) = reports_of(run(world, 25_000))
    assert outcome(report)[::2] == (Sort.DIVERTED_ALT, 11)
    assert world.plant.place(CONVEYOR, "U2")
    request = wait_for_request(world)
    sorter.decide(request.seq, request.tracking_id, dest1=9)
    run(world, 5_000)
    assert sorter.command(Cmd.PURGE_LANE, [9])[0] == CmdResult.DONE
    assert [outcome(each)[::2] for each in reports_of(run(world, 30_000))] == [(Sort.RECIRCULATED, 0)]


def test_a_slower_loop_gives_more_time_and_takes_longer() -> None:
    world = world_with({"decision_timeout_ms": 60_000})
    sorter = world.sorter(SORTER)
    assert sorter.command(Cmd.SET_SPEED, [750])[0] == CmdResult.DONE
    assert sorter.command(Cmd.SET_SPEED, [1501]) == (CmdResult.REJECTED, CmdReason.ARGUMENT)
    assert world.plant.place(CONVEYOR, "U1")
    assert wait_for_request(world).budget_ms == -(-9_500_000 // 750)
    assert [sorter.word(name) for name in ("SpeedSetpoint", "SpeedActual")] == [750, 750]


def test_a_unit_lifted_off_a_standing_loop_is_missed_when_it_runs_again() -> None:
    world = world_with()
    sorter = world.sorter(SORTER)
    assert world.plant.place(CONVEYOR, "U1")
    request = wait_for_request(world)
    sorter.decide(request.seq, request.tracking_id, dest1=5)
    assert not world.plant.take("sorter1/loop", "U1", "hands"), "it runs"
    sorter.command(Cmd.HOLD)
    assert world.plant.take("sorter1/loop", "U1", "hands")
    run(world, 1000)
    assert sorter.command(Cmd.UNHOLD)[0] == CmdResult.ACCEPTED
    (report,) = reports_of(run(world, 60_000))
    assert (report.result, report.tracking_id) == (Sort.LOST, request.tracking_id)
    assert world.plant.units["U1"].place == "hands"
