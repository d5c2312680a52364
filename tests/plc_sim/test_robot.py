"""The robot cell: the job handshake, what the slot really holds, holds and stops in the middle."""

import pytest

from plc_sim.codes import Cmd, JobError, JobResult, State
from plc_sim.events import JobFinished
from plc_sim.robot import Robot
from plc_sim.world import World
from tests.plc_sim.stage import ROBOT, site_with, started, world_of

SLOT = ("R-02-03-1", "S1")


def cell(quantity: int = 10) -> tuple[World, Robot]:
    world = started(world_of(physical={SLOT: quantity}))
    return world, world.robot(ROBOT)


def finished(world: World, for_ms: int = 60_000) -> list[JobFinished]:
    world.advance(world.now_ms + for_ms)
    return [each for each in world.drain() if isinstance(each, JobFinished)]


def shown(robot: Robot, *names: str) -> list[int]:
    return [robot.word(name) for name in names]


def write_job(
    robot: Robot, seq: int, job_id: int = 77, slot: tuple[int, int, int] = (2, 3, 1), quantity: int = 4
) -> None:
    words = (1, job_id, *slot, quantity, seq)
    names = ("JobNo", "JobId", "JobAisle", "JobBay", "JobLevel", "JobQuantity", "JobSeq")
    for name, value in zip(names, words, strict=True):
        assert robot.write(name, value)


def test_a_job_by_tags_goes_through_its_steps_and_takes_real_goods() -> None:
    world, robot = cell()
    assert shown(robot, "Ready", "Busy", "Done") == [1, 0, 0]
    write_job(robot, 9)
    world.advance(world.now_ms + 20)
    assert shown(robot, "JobSeqAck", "Busy", "Ready", "Step", "JobIdEcho", "JobSeqDone") == [9, 1, 0, 1, 77, 0]
    steps = []
    while not robot.word("Done"):
        world.advance(world.now_ms + 100)
        steps.append(robot.word("Step"))
    assert [step for n, step in enumerate(steps) if n == 0 or step != steps[n - 1]] == [1, 2, 3, 4]
    assert shown(robot, "JobSeqDone", "Result", "PickedCount", "Error", "Busy", "Ready") == [
        9,
        JobResult.OK,
        4,
        0,
        0,
        1,
    ]
    assert robot.word("CycleTimeMs") == 6000 + 4 * 900
    assert world.plant.on_hand(SLOT[0]) == 6
    write_job(robot, 9)
    world.advance(world.now_ms + 60_000)
    assert world.plant.on_hand(SLOT[0]) == 6, "the same number is the same job"


def test_a_slot_that_holds_less_gives_a_short_pick() -> None:
    world, robot = cell(3)
    assert robot.start_job(1, 2, 3, 1, 5) is JobError.NONE
    (job,) = finished(world)
    assert (job.result, job.error, job.picked, job.job_id) == (JobResult.SHORT, JobError.NONE, 3, 1)
    assert robot.start_job(2, 2, 3, 1, 5) is JobError.NONE
    (job,) = finished(world)
    assert (job.result, job.error, job.picked) == (JobResult.SHORT, JobError.SLOT_EMPTY, 0)


@pytest.mark.parametrize(
    ("slot", "quantity", "job_no", "error"),
    [
        ((9, 1, 1), 1, 1, JobError.BAD_PARAMETER),
        ((1, 11, 1), 1, 1, JobError.BAD_PARAMETER),
        ((1, 1, 0), 1, 1, JobError.BAD_PARAMETER),
        ((1, 1, 1), 0, 1, JobError.BAD_PARAMETER),
        ((1, 1, 1), 1, 2, JobError.UNKNOWN_JOB),
    ],
)
def test_a_bad_job_is_refused_with_a_code(
    slot: tuple[int, int, int], quantity: int, job_no: int, error: JobError
) -> None:
    world, robot = cell()
    assert robot.start_job(5, *slot, quantity, job_no) is error
    assert shown(robot, "Error", "ErrorCode", "JobSeqAck", "Busy", "JobSeqDone") == [1, error, 1, 0, 0]
    assert finished(world) == []


def test_a_robot_that_does_not_run_refuses() -> None:
    world = world_of(physical={SLOT: 5})
    assert world.robot(ROBOT).start_job(1, 2, 3, 1, 1) is JobError.NOT_READY
    assert world.robot(ROBOT).word("ErrorCode") == JobError.NOT_READY


def test_a_second_job_does_not_disturb_the_first() -> None:
    world, robot = cell()
    write_job(robot, 1)
    world.advance(world.now_ms + 20)
    write_job(robot, 2, job_id=78)
    world.advance(world.now_ms + 20)
    assert shown(robot, "JobSeqAck", "Error", "Busy", "JobIdEcho") == [2, 1, 1, 77]
    (job,) = finished(world)
    assert (job.job_id, job.job_seq, job.picked) == (77, 1, 4)
    assert robot.word("JobSeqDone") == 1


def test_a_number_that_is_not_newer_is_no_job_and_job_number_zero_only_makes_numbers_old() -> None:
    world, robot = cell()
    write_job(robot, 65_532)
    (job,) = finished(world)
    before = shown(robot, "JobIdEcho", "JobSeqDone", "Result", "PickedCount", "Done", "Error", "ErrorCode")
    robot.write("JobNo", 0)
    robot.write("JobSeq", 2)
    world.advance(world.now_ms + 20)
    assert robot.word("JobSeqAck") == 2
    assert before == shown(robot, "JobIdEcho", "JobSeqDone", "Result", "PickedCount", "Done", "Error", "ErrorCode")
    for old in (1, 2, 65_532, 40_000):
        write_job(robot, old, job_id=78)
        assert finished(world) == []
    write_job(robot, 3, job_id=79)
    assert [(each.job_id, each.job_seq) for each in finished(world)] == [(79, 3)]
    assert job.job_seq == 65_532


def test_job_number_zero_does_not_disturb_a_job() -> None:
    world, robot = cell()
    write_job(robot, 1)
    world.advance(world.now_ms + 20)
    robot.write("JobNo", 0)
    robot.write("JobSeq", 2)
    world.advance(world.now_ms + 20)
    assert shown(robot, "JobSeqAck", "Error", "Busy", "JobIdEcho") == [2, 0, 1, 77]
    (job,) = finished(world)
    assert (job.job_id, job.job_seq, job.picked) == (77, 1, 4)


def test_a_hold_stretches_the_cycle_and_changes_nothing_else() -> None:
    world, robot = cell()
    robot.start_job(1, 2, 3, 1, 2)
    assert finished(world, 2000) == []
    robot.command(Cmd.HOLD)
    assert finished(world, 600_000) == []
    robot.command(Cmd.UNHOLD)
    (job,) = finished(world)
    assert (job.result, job.picked) == (JobResult.OK, 2)
    assert job.cycle_ms == 6000 + 2 * 900 + 600_000 + 5000


def test_a_stop_in_the_middle_fails_the_job_and_moves_nothing() -> None:
    world, robot = cell()
    robot.start_job(1, 2, 3, 1, 2)
    world.advance(world.now_ms + 3000)
    robot.command(Cmd.STOP)
    (job,) = finished(world)
    assert (job.result, job.error, job.picked) == (JobResult.FAILED, JobError.ESTOP, 0)
    assert shown(robot, "Error", "Busy", "Done", "JobIdEcho") == [1, 0, 0, 1]
    assert world.plant.on_hand(SLOT[0]) == 10


def test_a_power_cut_forgets_the_job() -> None:
    world, robot = cell()
    robot.start_job(1, 2, 3, 1, 2)
    world.restart_plc(ROBOT)
    assert finished(world) == []
    assert shown(robot, "BootCount", "JobIdEcho", "Busy") == [2, 0, 0]
    assert world.plant.on_hand(SLOT[0]) == 10


def test_told_to_complete_it_finishes_its_job_and_is_complete_until_reset() -> None:
    world, robot = cell()
    robot.start_job(1, 2, 3, 1, 2)
    assert robot.command(Cmd.TO_COMPLETE)[0] == 1
    (job,) = finished(world)
    assert (job.picked, robot.state) == (2, State.COMPLETE)
    assert robot.start_job(2, 2, 3, 1, 1) is JobError.NOT_READY
    robot.command(Cmd.RESET)
    world.advance(world.now_ms + 1000)
    assert robot.state is State.IDLE


def test_cycles_spread_as_much_as_they_are_said_to_and_the_same_way_from_the_same_seed() -> None:
    def cycles(percent: int) -> list[int]:
        site = site_with({ROBOT: {"spread_percent": percent}})
        world = started(world_of(site, physical={SLOT: 100}))
        times = []
        for n in range(20):
            world.robot(ROBOT).start_job(n + 1, 2, 3, 1, 1)
            times += [job.cycle_ms for job in finished(world)]
        return times

    assert cycles(0) == [6900] * 20
    spread = cycles(10)
    assert spread == cycles(10)
    assert len(set(spread)) > 5
    assert 6210 <= min(spread) < max(spread) <= 7590


def test_the_horn_sounds_as_long_as_the_machine_says() -> None:
    world = world_of(site_with({ROBOT: {"horn_ms": 800}}))
    robot = world.robot(ROBOT)
    for command, wait_ms in ((Cmd.RESET, 500), (Cmd.START, 800)):
        robot.command(command)
        world.advance(world.now_ms + wait_ms - 1)
        assert not robot.running
        world.advance(world.now_ms + 1)
    assert robot.running


def test_the_gripper_shows_what_it_has() -> None:
    world, robot = cell()
    robot.start_job(1, 2, 3, 1, 2)
    seen = []
    while robot.busy:
        world.advance(world.now_ms + 100)
        seen.append((robot.word("Step"), robot.word("PartPresent"), robot.word("VacuumOk")))
    assert list(dict.fromkeys(seen)) == [(1, 0, 1), (2, 1, 1), (3, 1, 1), (4, 0, 1)]
