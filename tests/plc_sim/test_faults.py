"""Faults: every row of the table begins and ends, does what it says, and comes the same way from the same seed."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from plc_sim.actuations import Actuation, Did
from plc_sim.codes import Cmd, CmdReason, CmdResult, FaultCode, JobError, Scan, Sort, State
from plc_sim.events import JobFinished
from plc_sim.faults import FAULTS, Fault, FaultRefused, Target, register
from plc_sim.lanes import JAM_MS
from plc_sim.links import Link
from plc_sim.troubles import Rate, Troubles
from plc_sim.world import World
from tests.plc_sim.stage import (
    CONVEYOR,
    ROBOT,
    SORTER,
    outcome,
    reports_of,
    requests_of,
    run,
    site_with,
    started,
    to_lane,
    world_of,
)

SLOT = ("R-02-03-1", "S1")


class Wire:
    """A link that writes down which of its switches are thrown."""

    def __init__(self) -> None:
        self.thrown: list[tuple[Any, ...]] = []

    def freeze(self, on: bool) -> None:
        self.thrown.append(("freeze", on))

    def hang(self, on: bool) -> None:
        self.thrown.append(("hang", on))

    def delay_replies(self, ms: int) -> None:
        self.thrown.append(("delay_replies", ms))

    def lose_replies(self, count: int) -> None:
        self.thrown.append(("lose_replies", count))

    def drop_nodes(self, names: list[str]) -> None:
        self.thrown.append(("drop_nodes", *names))

    def reset(self) -> None:
        self.thrown.append(("reset",))

    def stop(self) -> None:
        self.thrown.append(("stop",))

    def start(self) -> None:
        self.thrown.append(("start",))


def floor(log: list[Actuation] | None = None, **sim: Any) -> tuple[World, Troubles]:
    physical = {SLOT: 10}
    world = started(world_of(site_with(sim), physical=physical, log=log.append if log is not None else None))
    return world, Troubles(world)


def wired(troubles: Troubles, *names: str) -> Wire:
    wire = Wire()
    link = Link(wire, lambda chore: None)
    for name in names:
        troubles.wire(name, link)
    return wire


MACHINE_OF = {"sorter": SORTER, "conveyor": CONVEYOR, "robot": ROBOT}
ROWS = [(fault.name, kind) for fault in FAULTS.values() for kind in fault.fits if kind in MACHINE_OF]


@pytest.mark.parametrize(("kind", "machine"), ROWS)
def test_every_fault_begins_and_ends_and_is_in_the_log(kind: str, machine: str) -> None:
    log: list[Actuation] = []
    world, troubles = floor(log)
    name = MACHINE_OF[machine]
    wired(troubles, name)
    log.clear()
    assert kind in troubles.begin(name, kind, {})
    lasting = FAULTS[kind].end is not None
    assert troubles.active(name) == ([kind] if lasting else [])
    if lasting:
        with pytest.raises(FaultRefused, match="already"):
            troubles.begin(name, kind, {})
        run(world, 1000)
        troubles.end(name, kind)
        assert troubles.active(name) == []
        with pytest.raises(FaultRefused, match=f"has no {kind} now"):
            troubles.end(name, kind)
    told = [(each.did, each.machine_id, each.kind) for each in log if each.by == "faults"]
    ended = [(Did.FAULT_ENDED, name, kind)] if lasting else []
    assert told == [(Did.FAULT_BEGAN, name, kind), *ended]
    run(world, 60_000)


def test_a_fault_ends_by_itself_when_its_time_is_over() -> None:
    world, troubles = floor()
    assert troubles.begin(SORTER, "scanner_down", {}, 20).endswith("for 20 s")
    run(world, 19_999)
    assert world.sorter(SORTER).scanner_down
    run(world, 1)
    assert not world.sorter(SORTER).scanner_down
    assert troubles.active(SORTER) == []


@pytest.mark.parametrize(
    ("name", "kind", "given", "seconds", "says"),
    [
        ("sorter9", "jam", {}, None, "there is no machine 'sorter9'; there are conveyor1, conveyor2, robot1, sorter1"),
        (SORTER, "flood", {}, None, "there is no fault 'flood'; sorter1 can have jam, estop"),
        (ROBOT, "jam", {}, None, "jam does not fit a robot; robot1 can have estop"),
        (SORTER, "half_open", {}, None, "the link of sorter1 cannot have half_open"),
        (SORTER, "jam", {"lane": 3}, None, "jam has no argument 'lane'; it has place, reset"),
        (SORTER, "jam", {"place": "x"}, None, "jam: place is a whole number, not 'x'"),
        (SORTER, "jam", {"place": 0}, None, "jam: place is from 1 to 99, not 0"),
        (SORTER, "jam", {"place": 20}, None, "sorter1 has no lane 20"),
        (CONVEYOR, "jam", {"place": 9}, None, "conveyor1 has 8 zones, no zone 9"),
        (SORTER, "jam", {}, -1, "a fault lasts from 0 to 86400 seconds, not -1"),
        (SORTER, "clock_jump", {}, 3, "clock_jump is over as soon as it has begun"),
    ],
)
def test_what_cannot_be_had_is_refused_with_what_could(
    name: str, kind: str, given: dict[str, int | str], seconds: float | None, says: str
) -> None:
    _, troubles = floor()
    with pytest.raises(FaultRefused) as error:
        troubles.begin(name, kind, given, seconds)
    assert says in str(error.value)
    assert troubles.begun == 0


def test_a_wedged_unit_stops_its_zone_and_those_behind_until_a_person_has_been_there() -> None:
    world, troubles = floor()
    program = world.conveyor(CONVEYOR)
    for n in range(3):
        assert world.plant.place(CONVEYOR, f"U{n}")
    troubles.begin(CONVEYOR, "jam", {"place": 4})
    run(world, 60_000)
    assert [world.plant.units[f"U{n}"].place for n in range(3)] == [
        "conveyor1/Z04", "conveyor1/Z03", "conveyor1/Z02",
    ]  # fmt: skip
    assert (program.word("Zone04.Flags") & 1, program.word("FaultCode")) == (1, FaultCode.JAM)
    assert program.command(Cmd.CLEAR_JAM, [4]) == (CmdResult.REJECTED, CmdReason.INTERLOCK)
    troubles.end(CONVEYOR, "jam")
    assert (program.word("Zone04.Flags") & 1, program.word("FaultCode")) == (0, 0)
    run(world, 120_000)
    assert {unit.place for unit in world.plant.units.values()} == {"sorter1/L01"}


def test_a_jam_nobody_resets_stays_latched_until_the_host_clears_it() -> None:
    world, troubles = floor()
    sorter = world.sorter(SORTER)
    troubles.begin(SORTER, "jam", {"place": 3, "reset": 0}, (JAM_MS + 1000) / 1000)
    run(world, JAM_MS + 2000)
    assert (sorter.lanes.stuck, sorter.lanes.jammed) == (set(), {3})
    assert sorter.command(Cmd.CLEAR_JAM, [3])[0] == CmdResult.DONE
    assert sorter.lanes.blocked(3) is Sort.NONE


@pytest.mark.parametrize("name", MACHINE_OF.values())
def test_an_estop_can_be_reset_by_a_person_only(name: str) -> None:
    world, troubles = floor()
    machine = world.machines[name]
    troubles.begin(name, "estop", {"zone": 3, "reset": 0})
    run(world, 1000)
    assert (machine.state, machine.word("EStopZones"), machine.word("StatusBits") >> 5 & 1) == (State.ABORTED, 8, 0)
    assert machine.word("FaultCode") == FaultCode.ESTOP
    with pytest.raises(FaultRefused, match="still pressed"):
        troubles.begin(name, "panel_reset", {})
    assert machine.command(Cmd.CLEAR) == (CmdResult.REJECTED, CmdReason.INTERLOCK)
    troubles.end(name, "estop")
    assert machine.command(Cmd.CLEAR) == (CmdResult.REJECTED, CmdReason.INTERLOCK), "released, and not yet reset"
    troubles.begin(name, "panel_reset", {})
    assert (machine.word("EStopZones"), machine.word("FaultCode")) == (0, 0)
    for command in (Cmd.CLEAR, Cmd.RESET, Cmd.START):
        assert machine.command(command)[0] == CmdResult.ACCEPTED
        run(world, 6000)
    assert machine.running


def test_a_person_who_resets_an_estop_starts_the_machine_and_the_loop_is_emptied() -> None:
    world, troubles = floor()
    assert world.plant.place(CONVEYOR, "U1")
    while not world.sorter(SORTER).loop.riders:
        run(world, 100)
    run(world, 3000, to_lane(12))
    troubles.begin(SORTER, "estop", {}, 10)
    results = [report.result for report in reports_of(run(world, 30_000))]
    assert results == [Sort.ESTOP, Sort.FLUSHED], "who stands on it, then what became of it"
    assert world.plant.units["U1"].place == "sorter1/L14"
    assert world.sorter(SORTER).running
    assert world.sorter(SORTER).word("Counter.EStops") == 1


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("no_read", Scan.NO_READ, Sort.NO_READ),
        ("multi_read", Scan.MULTI_READ, Sort.MULTI_READ),
        ("scanner_down", Scan.SCANNER_FAULT, Sort.SCANNER_FAULT),
    ],
)
def test_what_cannot_be_read_is_asked_about_without_a_barcode(kind: str, status: Scan, reason: Sort) -> None:
    world, troubles = floor()
    troubles.begin(SORTER, kind, {})
    assert world.plant.place(CONVEYOR, "U1")
    happened = run(world, 60_000, lambda request: {"code": 3})
    assert [(each.scan_status, each.barcode) for each in requests_of(happened)] == [(status, "")]
    assert [outcome(each) for each in reports_of(happened)] == [(Sort.DIVERTED, reason, 13, 0)]


def test_the_next_conveyor_scans_are_misread_and_then_they_are_right_again() -> None:
    world, troubles = floor()
    troubles.begin(CONVEYOR, "no_read", {"count": 2})
    with pytest.raises(FaultRefused, match="still waits"):
        troubles.begin(CONVEYOR, "no_read", {"count": 2})
    for n in range(3):
        assert world.plant.place(CONVEYOR, f"U{n}")
    asked = requests_of(run(world, 120_000), CONVEYOR)
    assert [each.scan_status for each in asked] == [Scan.NO_READ, Scan.NO_READ, Scan.OK]


def test_a_full_eye_keeps_units_out_of_an_empty_lane() -> None:
    world, troubles = floor()
    troubles.begin(SORTER, "lane_full", {"lane": 5}, 60)
    assert world.sorter(SORTER).word("Lane05.Bits") >> 1 & 1
    assert world.plant.place(CONVEYOR, "U1")
    reports = reports_of(run(world, 120_000, to_lane(5)))
    assert [outcome(each)[:2] for each in reports] == [(Sort.RECIRCULATED, Sort.LANE_FULL), (Sort.DIVERTED, Sort.NONE)]


def test_a_lost_unit_lies_on_the_floor_and_a_missed_divert_goes_round() -> None:
    log: list[Actuation] = []
    world, troubles = floor(log)
    troubles.begin(SORTER, "missed_divert", {"count": 1})
    assert world.plant.place(CONVEYOR, "U1")
    reports = reports_of(run(world, 120_000, to_lane(4)))
    assert [outcome(each) for each in reports] == [
        (Sort.RECIRCULATED, Sort.DIVERT_FAILED, 0, 0), (Sort.DIVERTED, Sort.NONE, 4, 1),
    ]  # fmt: skip
    assert [each.lane for each in log if each.did is Did.MISSED] == [4]
    troubles.begin(SORTER, "lost_item", {"count": 1})
    assert world.plant.place(CONVEYOR, "U2")
    assert [each.result for each in reports_of(run(world, 60_000))] == [Sort.LOST]
    assert world.plant.units["U2"].place == "sorter1/floor"


def test_a_slow_arm_takes_longer() -> None:
    world, troubles = floor()
    troubles.begin(ROBOT, "slow_arm", {"percent": 50})
    world.robot(ROBOT).start_job(1, 2, 3, 1, 1)
    run(world, 13_799)
    assert world.robot(ROBOT).busy
    (job,) = [each for each in run(world, 10) if isinstance(each, JobFinished)]
    assert job.cycle_ms == 2 * 6900
    troubles.end(ROBOT, "slow_arm")
    world.robot(ROBOT).start_job(2, 2, 3, 1, 1)
    (job,) = [each for each in run(world, 10_000) if isinstance(each, JobFinished)]
    assert job.cycle_ms == 6900


def test_a_part_that_falls_holds_the_robot_and_a_person_decides_to_go_on() -> None:
    log: list[Actuation] = []
    world, troubles = floor(log)
    robot = world.robot(ROBOT)
    troubles.begin(ROBOT, "part_lost", {})
    robot.start_job(1, 2, 3, 1, 4)
    run(world, 20_000)
    shown = {name: robot.word(name) for name in ("PartLost", "VacuumOk", "PartPresent", "Error", "ErrorCode", "Busy")}
    assert shown == {
        "PartLost": 1, "VacuumOk": 0, "PartPresent": 0, "Error": 1, "ErrorCode": JobError.PART_LOST, "Busy": 1,
    }  # fmt: skip
    assert (robot.state, robot.reason) == (State.HELD, "PART_LOST")
    assert world.plant.stock["robot1/floor"] == {"S1": 4}
    troubles.end(ROBOT, "part_lost")
    (job,) = [each for each in run(world, 60_000) if isinstance(each, JobFinished)]
    assert (job.picked, job.error) == (4, JobError.NONE)
    assert world.plant.on_hand(SLOT[0]) == 6
    dids = [each.did for each in log if each.job_id == 1]
    assert dids == [Did.JOB_STARTED, Did.GRIPPED, Did.DROPPED, Did.GRIPPED, Did.PLACED]


def test_a_job_stopped_after_its_part_fell_has_failed_for_that() -> None:
    world, troubles = floor()
    robot = world.robot(ROBOT)
    troubles.begin(ROBOT, "part_lost", {})
    robot.start_job(1, 2, 3, 1, 4)
    run(world, 20_000)
    robot.command(Cmd.STOP)
    (job,) = [each for each in world.drain() if isinstance(each, JobFinished)]
    assert (job.picked, job.error) == (0, JobError.PART_LOST)
    assert (robot.word("JobSeqDone"), robot.word("Busy")) == (1, 0)


def test_links_are_switched_and_what_two_machines_share_comes_back_with_the_last() -> None:
    world, troubles = floor()
    wire = wired(troubles, CONVEYOR, ROBOT)
    troubles.begin(CONVEYOR, "half_open", {})
    troubles.begin(ROBOT, "half_open", {})
    troubles.end(CONVEYOR, "half_open")
    assert wire.thrown == [("freeze", True), ("freeze", True), ("freeze", True)]
    troubles.end(ROBOT, "half_open")
    assert wire.thrown.pop() == ("freeze", False)
    wire.thrown.clear()
    troubles.begin(CONVEYOR, "hung", {})
    troubles.begin(ROBOT, "hung", {}, 3)
    troubles.end(CONVEYOR, "hung")
    assert wire.thrown == [("hang", True), ("hang", True), ("hang", True)]
    run(world, 3000)
    assert wire.thrown.pop() == ("hang", False)
    wire.thrown.clear()
    boots = world.robot(ROBOT).boot
    troubles.begin(ROBOT, "plc_restart", {}, 2)
    troubles.begin(CONVEYOR, "refused", {}, 5)
    assert wire.thrown == [("stop",)]
    run(world, 3000)
    assert wire.thrown == [("stop",)]
    run(world, 3000)
    assert wire.thrown == [("stop",), ("start",)]
    assert world.robot(ROBOT).boot == boots + 1
    troubles.begin(ROBOT, "missing_node", {}, 1)
    run(world, 1000)
    assert wire.thrown[2:] == [("drop_nodes", "robot1/JobSeqDone"), ("drop_nodes",)]
    assert world.robot(ROBOT).boot == boots + 2
    troubles.begin(ROBOT, "lost_reply", {"count": 2})
    troubles.begin(ROBOT, "delayed_reply", {"ms": 70}, 1)
    run(world, 1000)
    assert wire.thrown[4:] == [("lose_replies", 2), ("delay_replies", 70), ("delay_replies", 0)]


def test_a_clock_that_jumps_takes_nothing_else_with_it() -> None:
    world, troubles = floor()
    sorter = world.sorter(SORTER)
    before, beat = int(sorter.read("UptimeMs")), sorter.read("PlcHeartbeat")
    troubles.begin(SORTER, "clock_jump", {"ms": -3_600_000})
    assert int(sorter.read("UptimeMs")) == (before - 3_600_000) % (1 << 32)
    assert sorter.read("PlcHeartbeat") == beat


def keep_running(world: World) -> None:
    """As a WCS does with machines whose PLC has started again."""
    for machine in world.machines.values():
        if machine.state in (State.STOPPED, State.IDLE):
            machine.command(Cmd.RESET if machine.state is State.STOPPED else Cmd.START)


def history(rate: str, hours: int = 2) -> list[tuple[int, str, str, str]]:
    log: list[Actuation] = []
    world, troubles = floor(log)
    troubles.draw(Rate.read(rate))
    for n in range(hours * 60):
        world.plant.place(CONVEYOR, f"U{n}")
        keep_running(world)
        run(world, 60_000)
    return [(each.at_ms, each.machine_id, each.kind, str(each.given)) for each in log if each.did is Did.FAULT_BEGAN]


def test_the_same_seed_has_the_same_faults_and_about_so_many() -> None:
    first = history("7:30")
    assert history("7:30") == first
    assert history("8:30") != first
    assert 120 <= len(first) <= 240 + 10
    fitting = [fault for fault in FAULTS.values() if fault.fits != ("vehicle",)]
    wireless = {fault.name for fault in fitting if fault.drawn_s is not None and not fault.switches}
    assert {kind for _, _, kind, _ in first} == wireless


@pytest.mark.parametrize("text", ["", "7", "7:", ":30", "7:0", "x:3", "7:3.5", "7:99999999"])
def test_a_rate_that_is_none_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match="SEED:SECONDS"):
        Rate.read(text)


@pytest.fixture
def crane_fault() -> Iterator[list[str]]:
    told: list[str] = []
    register(Fault(
        name="crane_error", fits=("crane",), says="a crane reports an error",
        begin=lambda target, given: told.append(f"{target.name} begins"),
        end=lambda target, given: told.append(f"{target.name} ends"),
    ))  # fmt: skip
    yield told
    del FAULTS["crane_error"]


def test_another_room_adds_its_own_faults_and_targets(crane_fault: list[str]) -> None:
    world, troubles = floor()
    troubles.add(Target("crane1", "crane", object()))
    troubles.begin("crane1", "crane_error", {}, 2)
    run(world, 2000)
    assert crane_fault == ["crane1 begins", "crane1 ends"]
    with pytest.raises(FaultRefused, match="crane1 can have crane_error"):
        troubles.begin("crane1", "jam", {})
    for n in range(200):
        troubles.draw_one(random.Random(n))
    assert troubles.active("crane1") == ["crane_error"]


def test_whatever_happens_ends_and_every_unit_has_an_outcome() -> None:
    world, troubles = floor()
    troubles.draw(Rate.read("3:20"))
    placed = 0
    for n in range(400):
        name = (CONVEYOR, "conveyor2")[n % 2]
        placed += world.plant.place(name, f"U{n}")
        keep_running(world)
        for number in range(1, 15):
            for barcode in list(world.plant.lanes[f"sorter1/L{number:02}"].units):
                assert world.plant.take(f"sorter1/L{number:02}", barcode, "truck/T1")
        run(world, 10_000, to_lane(1 + n % 12))
    assert placed > 50
    assert troubles.begun > 100
    ends = ("truck/", "sorter1/floor", "sorter1/L")
    done = [unit for unit in world.plant.units.values() if unit.place.startswith(ends)]
    assert len(done) > placed // 2
