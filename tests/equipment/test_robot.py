"""The robot's job handshake: started once, followed to its end over lost answers, links and restarts."""

import asyncio
from typing import Any

import pytest

from edge.equipment import confirm as confirming
from edge.equipment import robot as robot_room
from edge.messages import (
    CommandEnded,
    CommandMachine,
    JobEnded,
    JobOverdue,
    MachineChanged,
    MachineCommand,
    StartJob,
)
from edge.plc.image import LinkLost, WriteRejected, WriteUnknown


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(robot_room, "ACK_MS", 150)
    monkeypatch.setattr(robot_room, "FREE_WAIT_MS", 100)


def start(job_id: int = 5, **fields: Any) -> StartJob:
    known: dict[str, Any] = {"source": "R-02-07-3", "sku": "SKU1", "hu_id": "1", "quantity": 4, "task_id": "T1"}
    return StartJob(**{"at_ms": 1, "machine_id": "robot1", "job_id": job_id, **known, **fields})


class Arm:
    """The robot's program: takes a job when its number is newer, and a fence; ends a job when told."""

    def __init__(self, plc, *, takes: bool = True) -> None:
        self.plc = plc
        self.takes = takes
        self.jobs: list[tuple[Any, ...]] = []
        self.fences: list[int] = []
        self.seen = 0
        plc.program = self.program

    def program(self, written: Any) -> None:
        number = written[-1][1]
        if written[-1][0] != "JobSeq" or number <= self.seen:
            return
        if dict(written)["JobNo"] == 0:
            self.fences.append(number)
            self.seen = number
            self.plc.put(JobSeqAck=number)
        elif self.takes:
            self.jobs.append(written)
            self.seen = number
            values = self.plc.values
            self.plc.put(JobSeqAck=values["JobSeq"], JobIdEcho=values["JobId"], Busy=True, Done=False, Error=False)

    def end(self, result: int = 1, picked: int = 4, cycle_ms: int = 6100) -> None:
        number = self.plc.values["JobSeqAck"]
        self.plc.put(Busy=False, Done=True, Result=result, PickedCount=picked, CycleTimeMs=cycle_ms, JobSeqDone=number)

    def fail(self, code: int) -> None:
        self.plc.put(Busy=False, Error=True, ErrorCode=code)


async def test_job_is_one_write_and_its_end_is_told(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        assert not world.journal.of(JobEnded)
        arm.end()
        ended = await world.journal.wait(JobEnded)
    assert arm.jobs == [
        (
            ("JobNo", 1), ("JobId", 5), ("JobAisle", 2), ("JobBay", 7), ("JobLevel", 3), ("JobQuantity", 4),
            ("JobSeq", 1),
        )
    ]  # fmt: skip
    assert (ended.job_id, ended.result, ended.picked, ended.cycle_ms, ended.reason) == (5, "OK", 4, 6100, "")


@pytest.mark.parametrize(("result", "told"), [(1, "OK"), (2, "SHORT"), (3, "FAULT"), (0, "FAULT"), (999, "FAULT")])
async def test_results(world, result: int, told: str) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        arm.end(result=result, picked=2)
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.picked) == (told, 2)


async def test_more_picked_than_asked_is_rubbish(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        arm.end(picked=60_000)
        ended = await world.journal.wait(JobEnded)
    assert (ended.picked, ended.reason, robot.counts.rubbish) == (4, "COUNT_IMPOSSIBLE", 1)


async def test_estop_ends_the_job_as_fault(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        plc.put(PickedCount=1)
        arm.fail(5)
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.picked, ended.reason) == ("FAULT", 1, "ESTOP")


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (start(source="A 12"), "BAD_LOCATION"),
        (start(source="R-02-07"), "BAD_LOCATION"),
        (start(source="R-02-07-3-1"), "BAD_LOCATION"),
        (start(quantity=0), "BAD_PARAMETER"),
        (start(quantity=70_000), "BAD_PARAMETER"),
        (start(job_id=2**32), "BAD_PARAMETER"),
    ],
)
async def test_jobs_that_cannot_be_said_are_refused(world, job: StartJob, reason: str) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(job)
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.reason, arm.jobs) == ("REJECTED", reason, [])


@pytest.mark.parametrize(("bits", "reason"), [({"Ready": False}, "NOT_READY"), ({"Busy": True}, "BUSY")])
async def test_robot_must_be_free(world, bits: dict[str, bool], reason: str) -> None:
    plc, robot = world.robot()
    plc.values |= bits
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.reason, arm.jobs) == ("REJECTED", reason, [])


async def test_silence_is_refused_only_after_looking(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc, takes=False)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        ended = await world.journal.wait(JobEnded)
        assert (ended.result, ended.reason) == ("REJECTED", "NO_ACK")
        assert (plc.wrote("JobSeq"), arm.fences) == ([1, 1, 2], [2])
        arm.takes = True
        await robot.obey(start(6))
        await world.until(lambda: arm.jobs)
    assert plc.wrote("JobSeq")[-1] == 3, "the next job has a number after the fence's"


async def test_a_job_taken_just_before_its_fence_is_followed_to_its_end(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc, takes=False)

    def program(written: Any) -> None:
        if dict(written).get("JobNo") == 0:  # the job came after all, and then the fence
            arm.takes = True
            arm.program((("JobNo", 1), ("JobSeq", 1)))
            plc.put(JobIdEcho=5)
        arm.program(written)

    plc.program = program
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.fences)
        assert plc.values["JobSeqAck"] == 2
        await asyncio.sleep(0.05)
        plc.put(Busy=False, Done=True, Result=1, PickedCount=4, JobSeqDone=1)
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.picked) == ("OK", 4)


async def test_a_job_that_was_over_before_it_was_fenced_off_is_told_as_it_ended(world) -> None:
    plc, robot = world.robot()
    plc.put(JobSeq=10, JobNo=0, JobIdEcho=5, JobSeqAck=10, JobSeqDone=9, Result=2, PickedCount=1)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.picked) == ("SHORT", 1)


async def test_a_job_declined_just_before_its_fence_is_refused(world) -> None:
    plc, robot = world.robot()

    def program(written: Any) -> None:
        if dict(written).get("JobNo") == 0:
            plc.put(JobSeqAck=1, Error=True, ErrorCode=3)
            asyncio.get_running_loop().call_later(0.05, lambda: plc.put(JobSeqAck=2))

    plc.program = program
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.reason) == ("REJECTED", "BAD_PARAMETER")


async def test_a_robot_that_does_not_take_the_fence_either_leaves_it_unknown(world, monkeypatch) -> None:
    monkeypatch.setattr(confirming, "FENCE_MS", 30)
    plc, robot = world.robot()
    plc.program = lambda written: None
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        ended = await world.journal.wait(JobEnded)
        assert (ended.result, ended.reason) == ("UNKNOWN", "NOT_SETTLED")
        arm = Arm(plc)
        await robot.obey(start(6))
        await world.until(lambda: arm.jobs)
    assert plc.wrote("JobSeq")[:3] == [1, 1, 2]
    assert plc.wrote("JobSeq")[-1] == 3


async def test_a_job_refused_before_anything_was_written_is_fenced_off_for_its_bytes_of_an_earlier_life(world) -> None:
    plc, robot = world.robot()
    plc.values["Ready"] = False
    plc.put(JobSeq=8, JobSeqAck=8)
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        ended = await world.journal.wait(JobEnded)
        await robot.obey(start(6))
        again = await world.journal.wait(JobEnded, 2)
    assert (ended.result, ended.reason) == (again.result, again.reason) == ("REJECTED", "NOT_READY")
    assert (arm.jobs, arm.fences) == ([], [10]), "9 is what the earlier life would have written"


async def test_a_robot_that_restarts_with_a_job_on_its_way_gets_a_fence(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc, takes=False)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await world.until(lambda: robot._presence.ready)
        plc.errors = [(WriteUnknown("held"), False)]
        await robot.obey(start())
        await world.until(lambda: not plc.errors)
        plc.put(BootCount=2, JobSeq=0, JobSeqAck=0, JobIdEcho=0)
        ended = await world.journal.wait(JobEnded)
        await world.until(lambda: arm.fences)
    assert (ended.result, ended.reason) == ("UNKNOWN", "PLC_RESTART")
    assert (arm.fences, arm.jobs) == ([2], [])


async def test_robot_declines_with_its_reason(world) -> None:
    plc, robot = world.robot()

    def program(written: Any) -> None:
        if written[-1][0] == "JobSeq":
            plc.put(JobSeqAck=plc.values["JobSeq"], Error=True, ErrorCode=3)

    plc.program = program
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.reason) == ("REJECTED", "BAD_PARAMETER")


@pytest.mark.parametrize("arrives", [True, False])
async def test_unanswered_write_is_repeated_under_its_number_only_if_the_robot_has_not_got_it(world, arrives) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await world.until(lambda: robot._presence.ready)
        plc.errors = [(WriteUnknown("no answer"), arrives)]
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        arm.end()
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, len(arm.jobs)) == ("OK", 1)
    assert plc.wrote("JobSeq") == ([1] if arrives else [1, 1])


async def test_write_that_never_left_is_tried_again_and_a_refused_one_is_told(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await world.until(lambda: robot._presence.ready)
        plc.errors = [(LinkLost("cable"), False)]
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        arm.end()
        assert (await world.journal.wait(JobEnded)).result == "OK"
        plc.put(JobSeqDone=plc.values["JobSeqAck"], Busy=False)
        plc.errors = [(WriteRejected("no"), False)] * 2
        await robot.obey(start(6))
        assert (await world.journal.wait(JobEnded, 2)).reason == "WRITE_REFUSED: no"


async def test_link_lost_while_running_waits_for_the_truth(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        plc.disconnect()
        await world.until(lambda: not robot._presence.ready)
        arm.end(picked=3, result=2)
        await asyncio.sleep(0.1)
        assert not world.journal.of(JobEnded)
        plc.connect()
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.picked) == ("SHORT", 3)
    assert len(arm.jobs) == 1


@pytest.mark.parametrize("over", [True, False])
async def test_edge_restart_does_not_start_the_job_again(world, over: bool) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
    if over:
        arm.end()
    plc, robot = world.robot(plc)
    async with world.at_work(robot, plc, world.journal):
        await robot.obey(start())
        plc.connect()
        if not over:
            await world.until(lambda: robot._presence.ready)
            arm.end()
        ended = await world.journal.wait(JobEnded)
        await robot.obey(start())
        again = await world.journal.wait(JobEnded, 2)
    assert (ended.job_id, ended.result, ended.picked) == (5, "OK", 4)
    assert (again.result, again.picked) == ("OK", 4)
    assert len(arm.jobs) == 1


async def test_job_older_than_the_last_one_is_outdated(world) -> None:
    plc, robot = world.robot()
    plc.put(JobIdEcho=9)
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start(8))
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.reason, arm.jobs) == ("REJECTED", "OUTDATED", [])


@pytest.mark.parametrize("registers", [{"BootCount": 2, "JobIdEcho": 0}, {"JobIdEcho": 0}, {"BootCount": 2}])
async def test_plc_restart_in_mid_job_is_unknown(world, registers: dict[str, int]) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        await asyncio.sleep(0.05)
        plc.put(**registers, Busy=False)
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.picked, ended.reason) == ("UNKNOWN", 0, "PLC_RESTART")
    assert len(arm.jobs) == 1


def obeying(plc: Any) -> Arm:
    """An arm whose cell does every command at once."""
    arm = Arm(plc)

    def program(written: Any) -> None:
        arm.program(written)
        if written[0][0] == "CmdCode":
            plc.put(CmdResult=2, CmdAckSeq=plc.values["CmdSeq"])

    plc.program = program
    return arm


async def test_stop_does_not_wait_for_the_job(world) -> None:
    plc, robot = world.robot()
    arm = obeying(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        await robot.obey(CommandMachine(at_ms=1, machine_id="robot1", command=MachineCommand.STOP))
        assert (await world.journal.wait(CommandEnded)).result == "DONE"
        assert not world.journal.of(JobEnded)


async def test_a_stop_does_not_wait_behind_jobs_that_have_no_room_to_wait(world) -> None:
    plc, robot = world.robot()
    arm = obeying(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        for job_id in range(6, 6 + 3 * robot_room.JOBS_MAX):
            await robot.obey(start(job_id))
        await robot.obey(CommandMachine(at_ms=1, machine_id="robot1", command=MachineCommand.STOP))
        assert (await world.journal.wait(CommandEnded)).result == "DONE"
        last = await world.journal.wait(JobEnded, 2 * robot_room.JOBS_MAX)
    assert {end.reason for end in world.journal.of(JobEnded)} == {"TOO_MANY_JOBS"}
    assert last.job_id == 5 + 3 * robot_room.JOBS_MAX


async def test_numbers_skip_what_the_robot_still_shows(world) -> None:
    plc, robot = world.robot()
    plc.put(JobSeq=65_532, JobSeqAck=65_532, JobSeqDone=1)
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
    assert plc.wrote("JobSeq") == [2]


async def test_a_job_of_an_earlier_boot_is_never_started(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.put(BootCount=2)
        plc.connect()
        await robot.obey(start(boot=1))
        ended = await world.journal.wait(JobEnded)
        await robot.obey(start(6, boot=2))
        await world.until(lambda: arm.jobs)
    assert (ended.result, ended.reason) == ("UNKNOWN", "PLC_RESTART")
    assert len(arm.jobs) == 1


async def test_a_job_of_an_earlier_life_that_nobody_took_is_taken_back_and_given_once(world) -> None:
    plc, robot = world.robot()
    plc.put(JobSeq=9, JobId=5, JobSeqAck=8, JobSeqDone=8)
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        await robot.obey(start())
        plc.connect()
        await world.until(lambda: arm.jobs)
        arm.end()
        assert (await world.journal.wait(JobEnded)).result == "OK"
    assert (plc.wrote("JobSeq"), arm.fences) == ([10, 11], [10])


@pytest.mark.parametrize("decision", ["unhold", "stop"])
async def test_a_lost_part_is_held_until_a_person_has_decided(world, decision: str) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        plc.put(StateCurrent=11, PartLost=True, VacuumOk=False)
        await world.until(lambda: world.journal.of(MachineChanged)[-1].reason == "PART_LOST")
        await asyncio.sleep(0.1)
        assert not world.journal.of(JobEnded)
        plc.put(PartLost=False, VacuumOk=True)
        if decision == "unhold":
            plc.put(StateCurrent=6)
            arm.end()
        else:
            plc.put(StateCurrent=2)
            arm.fail(4)
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.reason) == (("OK", "") if decision == "unhold" else ("PART_LOST", "PART_LOST"))


async def test_vacuum_that_fails_is_the_cause_told(world) -> None:
    plc, robot = world.robot()
    async with world.at_work(robot, plc, world.journal):
        plc.values["VacuumOk"] = True
        plc.connect()
        await world.journal.wait(MachineChanged, 2)
        plc.put(VacuumOk=False, StateCurrent=11)
        held = await world.journal.wait(MachineChanged, 3)
    assert (held.state.name, held.reason) == ("HELD", "VACUUM")


async def test_an_empty_slot_is_a_short_pick_however_the_robot_says_it(world) -> None:
    plc, robot = world.robot()
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        arm.fail(6)
        ended = await world.journal.wait(JobEnded)
    assert (ended.result, ended.picked, ended.reason) == ("SHORT", 0, "SLOT_EMPTY")


async def test_a_job_that_takes_three_times_too_long_is_told_once_and_stays_the_robots(world, monkeypatch) -> None:
    monkeypatch.setattr(robot_room, "LOOK_MS", 20)
    plc, robot = world.robot(cycle_ms=2, unit_ms=1)  # the test's clock ticks a millisecond at every look
    arm = Arm(plc)
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        late = await world.journal.wait(JobOverdue)
        await asyncio.sleep(0.3)
        assert not world.journal.of(JobEnded)
        arm.end()
        assert (await world.journal.wait(JobEnded)).result == "OK"
    assert (late.job_id, late.nominal_ms) == (5, 6)
    assert late.worked_ms > 18
    assert len(world.journal.of(JobOverdue)) == 1


async def test_a_robot_that_is_held_does_not_run_out_of_time(world, monkeypatch) -> None:
    monkeypatch.setattr(robot_room, "LOOK_MS", 20)
    plc, robot = world.robot(cycle_ms=2, unit_ms=1)
    arm = Arm(plc)
    plc.values["StateCurrent"] = 11
    async with world.at_work(robot, plc, world.journal):
        plc.connect()
        await robot.obey(start())
        await world.until(lambda: arm.jobs)
        await asyncio.sleep(1.0)
        arm.end()
        await world.journal.wait(JobEnded)
    assert not world.journal.of(JobOverdue)
