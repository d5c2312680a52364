"""The conveyor: accumulation without pressure, a stop point at the exit, patience with the WCS."""

import pytest

from plc_sim.codes import Cmd, CmdResult, Decision, Sort, State
from plc_sim.world import World
from tests.plc_sim.stage import CONVEYOR, SORTER, reports_of, requests_of, run, started, world_of

ZONE_MS = 1500


def stuck() -> World:
    """A running floor whose sorter takes nothing."""
    world = started(world_of())
    world.sorter(SORTER).command(Cmd.HOLD)
    run(world, 1000)
    return world


def fill(world: World, count: int) -> None:
    for n in range(count):
        assert world.plant.place(CONVEYOR, f"U{n}")


def test_a_unit_takes_its_time_to_the_exit_and_stands_there() -> None:
    world = stuck()
    fill(world, 1)
    assert requests_of(run(world, 8 * ZONE_MS - 1), CONVEYOR) == []
    (request,) = requests_of(run(world, 1), CONVEYOR)
    assert (request.barcode, request.budget_ms) == ("U0", 0)
    run(world, 3_600_000)
    assert world.plant.units["U0"].place == "conveyor1/exit"


def test_units_accumulate_one_per_zone_and_the_infeed_fills_up() -> None:
    world = stuck()
    line = world.conveyor(CONVEYOR).line
    placed = 0
    for _ in range(60):
        placed += world.plant.place(CONVEYOR, f"U{placed}")
        run(world, 2 * ZONE_MS)
    assert placed == 8 + 12, "eight zones and the infeed"
    assert not line.room
    assert [unit.barcode for unit in line.units()] == [f"U{n}" for n in range(20)], "in order"
    statuses = [world.conveyor(CONVEYOR).word(f"Zone{zone:02}.Status") for zone in range(1, 9)]
    assert statuses == [5] * 8, "blocked, stopped"


def test_when_the_exit_goes_everybody_moves_up_and_counts_agree() -> None:
    world = stuck()
    fill(world, 12)
    run(world, 120_000)
    world.sorter(SORTER).command(Cmd.UNHOLD)
    happened = run(world, 300_000)
    program = world.conveyor(CONVEYOR)
    assert [report.result for report in reports_of(happened, CONVEYOR)] == [Sort.HANDOVER] * 12
    for zone in range(1, 9):
        counts = [program.word(f"Zone{zone:02}.{name}") for name in ("ArrivalCount", "DepartureCount", "TrackingId")]
        assert counts == [12, 12, 0]
    assert program.word("OnSorterCount") == 0


def test_without_a_wcs_it_waits_and_asks_as_soon_as_there_is_one() -> None:
    world = started(world_of())
    program = world.conveyor(CONVEYOR)
    program.host_online(online=False)
    fill(world, 1)
    assert requests_of(run(world, 600_000), CONVEYOR) == []
    program.host_online(online=True)
    assert requests_of(run(world, 600_000), CONVEYOR) == [], "held until somebody says go on"
    assert program.command(Cmd.UNHOLD)[0] == 1
    assert [request.barcode for request in requests_of(run(world, 60_000), CONVEYOR)] == ["U0"]
    assert world.plant.units["U0"].place == "sorter1/L01"


@pytest.mark.parametrize("code", [Decision.ROUTE, Decision.RECIRC, Decision.REJECT, 77])
def test_only_pass_lets_a_unit_go(code: int) -> None:
    world = started(world_of())
    program = world.conveyor(CONVEYOR)
    fill(world, 1)
    world.advance(world.now_ms + 60_000)
    (request,) = requests_of(world.drain(), CONVEYOR)
    decide = program.decide
    assert decide(request.seq, request.tracking_id + 1, code=Decision.PASS) is Sort.UNEXPECTED
    assert decide(request.seq, request.tracking_id, code=code) is Sort.INVALID_DEST
    assert decide(request.seq, request.tracking_id, code=Decision.HOLD) is Sort.NONE
    world.advance(world.now_ms + 60_000)
    assert world.plant.units["U0"].place == "conveyor1/exit"
    assert decide(request.seq, request.tracking_id, code=Decision.PASS) is Sort.NONE
    (report,) = reports_of(run(world, 1000), CONVEYOR)
    assert (report.result, report.decision_seq, report.decision_latency_ms) == (Sort.HANDOVER, request.seq, 65_535)
    assert decide(request.seq, request.tracking_id, code=Decision.PASS) is Sort.UNEXPECTED, "it has gone"


def test_a_stopped_conveyor_keeps_a_unit_that_was_let_go() -> None:
    world = stuck()
    program = world.conveyor(CONVEYOR)
    fill(world, 2)
    run(world, 60_000)
    assert program.passed
    program.command(Cmd.STOP)
    world.sorter(SORTER).command(Cmd.UNHOLD)
    run(world, 60_000)
    assert world.plant.units["U0"].place == "conveyor1/exit"
    for command in (Cmd.RESET, Cmd.START):
        program.command(command)
        run(world, 6000)
    run(world, 60_000)
    assert {world.plant.units[barcode].place for barcode in ("U0", "U1")} == {"sorter1/L01"}


def test_a_power_cut_leaves_the_units_and_asks_again_under_new_numbers() -> None:
    world = stuck()
    fill(world, 2)
    run(world, 60_000)
    world.restart_plc(CONVEYOR)
    program = world.conveyor(CONVEYOR)
    assert (program.state, program.boot, program.requests.seq) == (State.STOPPED, 2, 0)
    for command in (Cmd.RESET, Cmd.START):
        program.command(command)
        happened = run(world, 6000)
    (request,) = requests_of(happened, CONVEYOR)
    assert (request.boot, request.seq, request.barcode) == (2, 1, "U0")


def test_a_zone_that_keeps_its_unit_lets_single_ones_go_as_the_count_rises() -> None:
    world = started(world_of())
    program = world.conveyor(CONVEYOR)
    assert program.write("Zone03.ZoneCmd", 1)
    fill(world, 4)
    run(world, 60_000)
    places = [world.plant.units[f"U{n}"].place for n in range(4)]
    assert places == ["conveyor1/Z03", "conveyor1/Z02", "conveyor1/Z01", "conveyor1/infeed"]
    assert program.word("Zone03.Flags") >> 4 & 1
    assert program.write("Zone03.ReleaseCount", 2)
    run(world, 120_000)
    assert [world.plant.units[f"U{n}"].place for n in range(3)] == ["sorter1/L01", "sorter1/L01", "conveyor1/Z03"]
    assert program.word("Zone03.ReleaseCountEcho") == 2
    assert program.write("Zone03.ReleaseCount", 2)
    run(world, 10_000)
    assert world.plant.units["U2"].place == "conveyor1/Z03", "the same count is the same release"
    assert program.command(Cmd.RELEASE, [3])[0] == CmdResult.DONE
    assert program.command(Cmd.ACCUMULATE, [3, 0])[0] == CmdResult.DONE
    run(world, 120_000)
    assert {unit.place for unit in world.plant.units.values()} == {"sorter1/L01"}
    assert [program.word(f"Zone03.{name}") for name in ("ArrivalCount", "DepartureCount", "Flags")] == [4, 4, 0]


def test_the_wcs_may_name_a_unit_anew_until_it_has_been_asked_about_it() -> None:
    world = stuck()
    program = world.conveyor(CONVEYOR)
    fill(world, 2)
    run(world, 60_000)
    asked, behind = program.word("Zone08.TrackingId"), program.word("Zone07.TrackingId")
    for zone in ("Zone07", "Zone08"):
        assert program.write(f"{zone}.SetTrackingId", 777_777)
    run(world, 20)
    assert program.word("Zone08.TrackingId") == asked
    assert program.word("Zone07.TrackingId") == 777_777 != behind
    world.sorter(SORTER).command(Cmd.UNHOLD)
    reports = reports_of(run(world, 60_000), CONVEYOR)
    assert [report.tracking_id for report in reports] == [asked, 777_777]


@pytest.mark.parametrize(
    ("speed", "answer"), [(300, CmdResult.DONE), (601, CmdResult.REJECTED), (0, CmdResult.REJECTED)]
)
def test_a_slower_belt_takes_longer(speed: int, answer: CmdResult) -> None:
    world = stuck()
    program = world.conveyor(CONVEYOR)
    assert program.command(Cmd.SET_SPEED, [speed])[0] == answer
    fill(world, 1)
    factor = 2 if answer is CmdResult.DONE else 1
    assert requests_of(run(world, 8 * ZONE_MS * factor - 1), CONVEYOR) == []
    assert len(requests_of(run(world, 1), CONVEYOR)) == 1
    assert program.word("SpeedActual") == 600 // factor


def test_a_unit_taken_off_by_hand_is_lost_to_the_plc_and_the_next_one_moves_up() -> None:
    world = stuck()
    fill(world, 2)
    run(world, 60_000)
    tracking_id = world.conveyor(CONVEYOR).word("Zone08.TrackingId")
    assert world.plant.take("conveyor1/exit", "U0", "hands")
    happened = run(world, 10_000)
    assert [(each.result, each.tracking_id) for each in reports_of(happened, CONVEYOR)] == [(Sort.LOST, tracking_id)]
    assert [each.barcode for each in requests_of(happened, CONVEYOR)] == ["U1"]
