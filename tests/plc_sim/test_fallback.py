"""Without a WCS: every machine is safe within two seconds and a scan, and stays so until somebody says so."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plc_sim.actuations import Actuation, Did
from plc_sim.codes import Bit, Cmd, CmdResult, Fallback, Sort, State
from plc_sim.events import JobFinished
from plc_sim.program import SCAN_MS, STALE_MS, Program
from plc_sim.world import World
from tests.plc_sim.stage import CONVEYOR, ROBOT, SORTER, outcome, reports_of, run, site_with, world_of

ALL = (CONVEYOR, "conveyor2", SORTER, ROBOT)
SLOT = ("R-02-03-1", "S1")
ACTS = (Did.RELEASED, Did.JOB_STARTED, Did.GRIPPED, Did.PLACED, Did.MOTION_STARTED)


def beat(world: World, beats: int, *, state: int = 1, of: tuple[str, ...] = ALL) -> None:
    """The WCS is there for so many heartbeats."""
    for _ in range(beats):
        for name in of:
            machine = world.machines[name]
            machine.write("WcsHeartbeat", (machine.word("WcsHeartbeat") + 1) % 65_536)
            machine.write("WcsState", state)
        world.advance(world.now_ms + 500 * world.machines[SORTER].speed)


def resync(machine: Program) -> None:
    machine.write("ReqSeqSeen", machine.word("ReqSeqLast"))
    machine.write("RepSeqSeen", machine.word("RepSeqLast"))


def running(world: World) -> World:
    """All machines in Execute, under the heartbeat of a WCS."""
    beat(world, 2)
    for command in (Cmd.RESET, Cmd.START):
        for machine in world.machines.values():
            assert machine.command(command)[0] == CmdResult.ACCEPTED
        beat(world, 12)
    assert all(machine.running for machine in world.machines.values())
    return world


def lost(world: World) -> None:
    world.advance(world.now_ms + 3 * STALE_MS * world.machines[SORTER].speed)


def has(machine: Program, bit: Bit) -> bool:
    return bool(machine.word("StatusBits") >> bit & 1)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 499), st.integers(0, SCAN_MS - 1), st.sampled_from([1, 7]))
def test_the_fallback_comes_within_two_seconds_and_a_scan_of_the_last_heartbeat(
    after_ms: int, phase_ms: int, speed: int
) -> None:
    log: list[Actuation] = []
    world = running(world_of(speed=speed, log=log.append))
    world.advance(world.now_ms + (after_ms + phase_ms) * speed)
    log.clear()
    beat_ms = world.now_ms
    for name in ALL:
        world.machines[name].write("WcsHeartbeat", 9999)
    world.advance(world.now_ms + (STALE_MS - 1) * speed)
    assert not log, "not before its time"
    world.advance(beat_ms + (STALE_MS + SCAN_MS) * speed)
    entered = [each for each in log if each.did is Did.FALLBACK_ENTERED]
    assert sorted(each.by for each in entered) == sorted(ALL)
    assert all(each.at_ms - beat_ms <= (STALE_MS + SCAN_MS) * speed for each in entered)
    assert {world.machines[name].state for name in ALL if name != SORTER} == {State.HOLDING}
    assert all(has(world.machines[name], Bit.FALLBACK) for name in ALL)


def test_nothing_moves_before_an_explicit_command_however_long_the_wcs_is_back() -> None:
    log: list[Actuation] = []
    world = running(world_of(physical={SLOT: 10}, log=log.append))
    for n in range(3):
        assert world.plant.place(CONVEYOR, f"U{n}")
    beat(world, 10)
    lost(world)
    log.clear()
    beat(world, 60)
    assert world.robot(ROBOT).start_job(5, 2, 3, 1, 1) != 0, "held: refused"
    held = (CONVEYOR, "conveyor2", ROBOT)
    assert [each for each in log if each.by in held and each.did in (*ACTS, Did.MOVED)] == []
    for name in held:
        machine = world.machines[name]
        assert (machine.state, machine.online, machine.fallback) == (State.HELD, True, True)
        assert machine.command(Cmd.UNHOLD)[0] == CmdResult.ACCEPTED
        assert not machine.fallback
    beat(world, 4)
    assert not any(each.did is Did.MOTION_STARTED for each in log), "the horn first"
    beat(world, 10)
    assert {each.by for each in log if each.did is Did.MOTION_STARTED} == set(held)
    assert {(each.by, each.reason) for each in log if each.did is Did.FALLBACK_LEFT} == {
        (name, "UNHOLD") for name in held
    }


def test_a_robot_finishes_the_cycle_it_has_begun_and_begins_no_other() -> None:
    log: list[Actuation] = []
    world = running(world_of(physical={SLOT: 10}, log=log.append))
    robot = world.robot(ROBOT)
    assert robot.start_job(1, 2, 3, 1, 4) == 0
    world.advance(world.now_ms + STALE_MS + SCAN_MS)
    assert (robot.state, robot.motion.running, robot.busy) == (State.HOLDING, True, True)
    world.advance(world.now_ms + 60_000)
    (job,) = [each for each in world.drain() if isinstance(each, JobFinished)]
    assert (job.picked, job.cycle_ms) == (4, 6000 + 4 * 900)
    assert (robot.state, robot.motion.running, robot.word("JobSeqDone")) == (State.HELD, False, 1)
    dids = [each.did for each in log if each.by == ROBOT]
    assert dids[-5:] == [Did.FALLBACK_ENTERED, Did.GRIPPED, Did.MOVED, Did.PLACED, Did.MOTION_STOPPED]
    assert robot.start_job(2, 2, 3, 1, 1) != 0


def test_a_conveyor_lets_nothing_go_that_was_let_go_before() -> None:
    world = running(world_of())
    world.sorter(SORTER).command(Cmd.HOLD)
    assert world.plant.place(CONVEYOR, "U1")
    beat(world, 30)
    program = world.conveyor(CONVEYOR)
    (request,) = [each for each in world.drain() if getattr(each, "barcode", "") == "U1"]
    program.decide(request.seq, request.tracking_id, code=5)  # type: ignore[union-attr]
    assert program.passed
    lost(world)
    beat(world, 4, of=(SORTER,))
    world.sorter(SORTER).command(Cmd.UNHOLD)
    beat(world, 30, of=(SORTER,))
    assert world.plant.units["U1"].place == "conveyor1/exit"
    beat(world, 4)
    program.command(Cmd.UNHOLD)
    beat(world, 40)
    assert world.plant.units["U1"].place.startswith("sorter1/"), "the decision still stands"


def test_a_sorter_keeps_valid_decisions_and_sends_all_others_to_the_default_lane() -> None:
    world = running(world_of())
    sorter = world.sorter(SORTER)
    for n in range(3):
        assert world.plant.place(CONVEYOR, f"U{n}")
    decided = ""
    while not decided:
        for each in run(world, 100, lambda request: None):
            if getattr(each, "machine_id", "") == SORTER and hasattr(each, "barcode"):
                sorter.decide(each.seq, each.tracking_id, dest1=7, max_recirc=3)  # type: ignore[union-attr]
                decided = each.barcode
        for name in ALL:
            world.machines[name].write("WcsHeartbeat", world.now_ms % 65_521)
    sorter.host_online(online=False)
    happened = run(world, 120_000, lambda request: None)
    by_lane = {outcome(report)[::2] for report in reports_of(happened)}
    assert world.plant.units[decided].place == "sorter1/L07"
    assert (Sort.DIVERTED, 7) in by_lane
    assert by_lane <= {(Sort.DIVERTED, 7), (Sort.HOST_OFFLINE, 14)}
    assert sorter.state is State.EXECUTE


def test_a_sorter_is_armed_by_a_wcs_that_is_ready_and_in_step_and_not_by_a_heartbeat() -> None:
    log: list[Actuation] = []
    world = running(world_of(log=log.append))
    sorter = world.sorter(SORTER)
    lost(world)
    beat(world, 6)
    assert (sorter.online, sorter.fallback) == (True, True), "it only goes on beating"
    sorter.write("ReqSeqSeen", 0)
    beat(world, 1)
    sorter.write("RepSeqSeen", 0)
    beat(world, 1)
    assert sorter.fallback, "one after the other is no resync"
    resync(sorter)
    sorter.write("WcsState", 0)
    world.advance(world.now_ms + SCAN_MS)
    assert sorter.fallback, "in step, but not ready"
    beat(world, 1)
    assert not sorter.fallback
    assert not has(sorter, Bit.FALLBACK)
    assert [each.reason for each in log if each.by == SORTER and each.did is Did.FALLBACK_LEFT] == ["RESYNC"]


def test_a_sorter_that_is_to_stop_suspends_itself_and_wants_the_command() -> None:
    world = running(world_of(site_with({SORTER: {"fallback": "stop"}})))
    sorter = world.sorter(SORTER)
    lost(world)
    assert (sorter.state, sorter.loop.belt.running) == (State.SUSPENDED, False)
    resync(sorter)
    beat(world, 10)
    assert (sorter.state, sorter.fallback) == (State.SUSPENDED, True)
    assert sorter.command(Cmd.UNSUSPEND)[0] == CmdResult.ACCEPTED
    beat(world, 12)
    assert (sorter.state, sorter.fallback) == (State.EXECUTE, False)
    assert sorter.command(Cmd.SET_FALLBACK, [Fallback.DEFAULT_LANE])[0] == CmdResult.DONE
    lost(world)
    assert sorter.state is State.EXECUTE, "as the host has set it"


def test_a_wcs_that_says_it_stops_is_gone_at_once() -> None:
    world = running(world_of())
    beat(world, 1, state=3)
    assert all(machine.fallback and not machine.online for machine in world.machines.values())
    assert world.conveyor(CONVEYOR).state is State.HELD


def test_a_machine_that_stood_has_nothing_to_be_armed_for() -> None:
    world = world_of()
    beat(world, 3)
    lost(world)
    robot = world.robot(ROBOT)
    assert (robot.state, robot.fallback) == (State.STOPPED, True)
    beat(world, 2)
    assert not robot.fallback
    assert robot.command(Cmd.RESET)[0] == CmdResult.ACCEPTED


@pytest.mark.parametrize("name", ALL)
def test_a_plc_that_starts_again_has_left_its_fallback_stopped(name: str) -> None:
    world = running(world_of())
    lost(world)
    world.restart_plc(name)
    machine = world.machines[name]
    assert (machine.state, machine.fallback, has(machine, Bit.HOST_ONLINE)) == (State.STOPPED, False, False)
