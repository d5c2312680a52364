"""What every PLC does: PackML, the mailbox, heartbeats, one writer per word, tags and plain calls on one state."""

import pytest

from plc_sim import packml
from plc_sim.codes import Cmd, CmdReason, CmdResult, Decision, Sort, State
from plc_sim.events import StateChanged
from plc_sim.program import SCAN_MS
from plc_sim.world import World
from tests.plc_sim.stage import CONVEYOR, SORTER, reports_of, requests_of, run, started, world_of


def states(world: World) -> list[State]:
    return [State(each.state) for each in world.drain() if isinstance(each, StateChanged)]


@pytest.mark.parametrize("speed", [1, 30])
def test_start_is_a_horn_of_five_wall_seconds_before_anything_moves(speed: int) -> None:
    world = world_of(speed=speed)
    sorter = world.sorter(SORTER)
    assert sorter.state is State.STOPPED
    assert sorter.command(Cmd.START) == (CmdResult.REJECTED, CmdReason.STATE)
    assert sorter.command(Cmd.RESET) == (CmdResult.ACCEPTED, CmdReason.NONE)
    world.advance(world.now_ms + 500 * speed)
    assert sorter.command(Cmd.START)[0] == CmdResult.ACCEPTED
    assert sorter.word("StatusBits") >> 4 & 1, "HornActive"
    world.advance(world.now_ms + packml.HORN_MS * speed - 1)
    assert (sorter.state, sorter.loop.belt.running) == (State.STARTING, False)
    world.advance(world.now_ms + 1)
    assert (sorter.state, sorter.loop.belt.running) == (State.EXECUTE, True)
    assert states(world) == [State.RESETTING, State.IDLE, State.STARTING, State.EXECUTE]


def test_every_acting_state_settles_and_every_command_leads_into_one() -> None:
    assert set(packml.TABLE.values()) == set(packml.SETTLES)
    assert not {final for final, _ in packml.SETTLES.values()} & set(packml.SETTLES)


@pytest.mark.parametrize("code", [0, 10, 11, 99, 106, 65535])
def test_a_command_nobody_knows_is_refused_for_its_argument(code: int) -> None:
    assert world_of().conveyor(CONVEYOR).command(code) == (CmdResult.REJECTED, CmdReason.ARGUMENT)


def test_abort_stops_at_once_and_takes_clear_reset_and_start_to_come_back() -> None:
    world = started(world_of())
    sorter = world.sorter(SORTER)
    sorter.command(Cmd.ABORT)
    assert not sorter.loop.belt.running
    for command in (Cmd.CLEAR, Cmd.RESET, Cmd.START):
        world.advance(world.now_ms + 1000)
        assert sorter.command(command)[0] == CmdResult.ACCEPTED
    world.advance(world.now_ms + 5000)
    assert states(world) == [
        State.ABORTING, State.ABORTED, State.CLEARING, State.STOPPED, State.RESETTING, State.IDLE, State.STARTING,
        State.EXECUTE,
    ]  # fmt: skip


def write_command(world: World, code: int, seq: int, arg: int = 0) -> None:
    for name, value in (("CmdCode", code), ("CmdArg1", arg), ("CmdArg2", 0), ("CmdArg3", 0), ("CmdSeq", seq)):
        assert world.sorter(SORTER).write(name, value)


def test_the_mailbox_acts_at_the_next_scan_and_on_a_new_number_only() -> None:
    world = world_of(speed=3)
    sorter = world.sorter(SORTER)
    world.advance(world.now_ms + 7)
    write_command(world, Cmd.RESET, 41)
    world.advance(world.now_ms + 60 - 7 - 1)
    assert sorter.word("CmdAckSeq") == 0, "a scan is 20 wall milliseconds"
    world.advance(world.now_ms + 1)
    assert [sorter.word(name) for name in ("CmdAckSeq", "CmdResult", "CmdReason")] == [41, CmdResult.ACCEPTED, 0]
    world.advance(world.now_ms + 500 * 3)
    assert sorter.word("CmdResult") == CmdResult.DONE
    write_command(world, Cmd.STOP, 41)
    world.advance(world.now_ms + 1000)
    assert sorter.state is State.IDLE, "the same number is the same command"
    write_command(world, Cmd.UNHOLD, 42)
    world.advance(world.now_ms + 1000)
    assert [sorter.word(name) for name in ("CmdAckSeq", "CmdResult", "CmdReason")] == [
        42, CmdResult.REJECTED, CmdReason.STATE,
    ]  # fmt: skip


def test_a_client_cannot_write_what_is_the_plcs() -> None:
    world = world_of()
    sorter = world.sorter(SORTER)
    before = dict(sorter.values)
    for name in ("StateCurrent", "Req0.SeqTail", "Lane01.Bits", "BootCount", "NoSuchTag"):
        assert not sorter.write(name, 9)
    assert sorter.refused_writes == 5
    assert sorter.values == before


@pytest.mark.parametrize("speed", [1, 10])
def test_the_host_is_online_while_its_heartbeat_rises_and_stale_after_two_wall_seconds(speed: int) -> None:
    world = world_of(speed=speed)
    sorter = world.sorter(SORTER)
    scan_ms = SCAN_MS * speed
    for beat in range(1, 5):
        assert sorter.write("WcsHeartbeat", beat)
        assert sorter.online is (beat > 1)
        world.advance(world.now_ms + scan_ms)
        assert sorter.online, "taken in at the next scan"
        world.advance(world.now_ms + 480 * speed)
    for _ in range(4):
        sorter.write("WcsHeartbeat", 4)
        world.advance(world.now_ms + 375 * speed)
    assert sorter.online
    world.advance(world.now_ms + scan_ms)
    assert not sorter.online, "2000 after the scan that took the last one; the same number again is no beat"
    assert sorter.word("StatusBits") & 1 == 0
    world.advance(world.now_ms + scan_ms)
    assert world.next_at_ms is None, "nobody watches a host that is gone"
    sorter.write("WcsHeartbeat", 5)
    world.advance(world.now_ms + scan_ms)
    assert sorter.online


def test_the_plc_beats_every_500_wall_ms() -> None:
    world = world_of(speed=10)
    sorter = world.sorter(SORTER)
    first = int(sorter.read("PlcHeartbeat"))
    world.advance(world.now_ms + 10 * 1999)
    assert (int(sorter.read("PlcHeartbeat")) - first, sorter.read("UptimeMs")) == (3, 1999)
    world.advance(world.now_ms + 10)
    assert int(sorter.read("PlcHeartbeat")) - first == 4


def test_a_unit_is_decided_and_acknowledged_by_tags_alone() -> None:
    world = started(world_of())
    sorter = world.sorter(SORTER)
    assert world.plant.place(CONVEYOR, "0" * 17 + "7")
    while sorter.word("ReqSeqLast") == 0:
        run(world, 20, lambda request: None, acknowledge=False)
    slot = {name: sorter.read(f"Req1.{name}") for name in ("SeqHead", "SeqTail", "Barcode", "BarcodeLen", "TrackingId")}
    assert (slot["SeqHead"], slot["SeqTail"], slot["Barcode"], slot["BarcodeLen"]) == (1, 1, "0" * 17 + "7", 18)
    answer = {
        "SeqHead": 1, "TrackingId": slot["TrackingId"], "Dest1": 5, "Dest2": 0, "DecisionCode": Decision.ROUTE,
        "Flags": 0, "MaxRecirc": 3, "HostRef": 0, "SeqTail": 1,
    }  # fmt: skip
    for name, value in answer.items():
        assert sorter.write(f"Dec1.{name}", value)
    assert sorter.write("ReqSeqSeen", 1)
    assert sorter.word("DecSeqUsed") == 0
    run(world, 20)
    assert (sorter.word("DecSeqUsed"), sorter.requests.seen) == (1, 1)
    (report,) = reports_of(run(world, 60_000, reports=False))
    assert (report.result, report.actual_lane) == (Sort.DIVERTED, 5)
    shown = [sorter.read(f"Rep1.{name}") for name in ("SeqHead", "ActualLane", "Result", "TrackingId", "SeqTail")]
    assert shown == [1, 5, Sort.DIVERTED, slot["TrackingId"], 1]
    assert sorter.write("RepSeqSeen", 1)
    run(world, 20)
    assert sorter.reports.seen == 1


def test_a_torn_decision_slot_is_not_a_decision() -> None:
    world = started(world_of())
    sorter = world.sorter(SORTER)
    world.plant.place(CONVEYOR, "U1")
    happened = []
    while not requests_of(happened):
        happened = run(world, 20, lambda request: None)
    sorter.write("Dec1.SeqHead", 5)
    sorter.write("Dec1.SeqTail", 1)
    run(world, 20)
    assert sorter.word("DecSeqUsed") == 0
    assert sorter.ignored_decisions == 0


def test_changed_tags_come_in_the_order_of_change_with_the_newest_number_last() -> None:
    world = started(world_of())
    sorter = world.sorter(SORTER)
    world.plant.place(CONVEYOR, "U1")
    sorter.changed.clear()
    while sorter.word("ReqSeqLast") == 0:
        run(world, 20, lambda request: None)
    names = list(sorter.changed)
    assert names.index("Req1.SeqHead") < names.index("Req1.Barcode") < names.index("Req1.SeqTail")
    assert names.index("Req1.SeqTail") < names.index("ReqSeqLast")
