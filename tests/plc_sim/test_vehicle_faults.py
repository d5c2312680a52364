"""What can befall a vehicle: what it says then, what it does no more, and how it goes on."""

import random
import subprocess
import sys

import pytest

from plc_sim.actuations import Did
from plc_sim.control import listed
from plc_sim.faults import FAULTS, FaultRefused
from plc_sim.troubles import Rate
from tests.plc_sim.stage import CONFIG
from tests.plc_sim.vehicle_stage import SOURCE, VERSIONS, Stage, action, errors, references, statuses

each_version = pytest.mark.parametrize("version", VERSIONS)
ROWS = [fault for fault in FAULTS.values() if "vehicle" in fault.fits]


def test_they_are_listed() -> None:
    named = {row["kind"]: row for row in listed()}
    assert {"vehicle_error", "vehicle_warning", "vehicle_offline", "blocked", "manual", "vehicle_estop"} <= set(named)
    assert named["blocked"]["fits"] == ["vehicle"]
    command = [sys.executable, "-m", "plc_sim", "fault", "--list"]
    said = subprocess.run(command, cwd=CONFIG.parents[1], capture_output=True, text=True, timeout=60, check=True).stdout
    assert all(fault.name in said for fault in ROWS)
    assert all(not set(fault.fits) & {"sorter", "conveyor", "robot"} for fault in ROWS)


@each_version
def test_a_fatal_error_keeps_it_where_it_is(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B")
    stage.run(2)
    stage.fault("vehicle_error", text="wheel")
    [error] = stage.state["errors"]
    assert (error["errorLevel"], stage.state["driving"]) == ("FATAL", False)
    assert "wheel" in error["errorDescription"]
    stage.run(60)
    assert stage.state["lastNodeId"] == "H1"
    assert len(stage.state["nodeStates"]) == 2, "an error never clears the order"
    stage.end("vehicle_error")
    stage.run(60)
    assert (stage.state["lastNodeId"], errors(stage.state)) == ("B", [])


@each_version
def test_with_a_fatal_error_it_takes_no_order(version: str) -> None:
    stage = Stage(version)
    stage.fault("vehicle_error")
    refused = "MOBILE_ROBOT_NOT_AVAILABLE" if version == "3.0" else "orderError"
    assert errors(stage.order("H1 A"))[-1] == refused
    stage.end("vehicle_error")
    stage.order("H1 A")
    stage.run(60)
    assert stage.trail()[-1] == "A"


@each_version
def test_with_a_warning_it_drives_on(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A")
    stage.fault("vehicle_warning")
    assert [each["errorLevel"] for each in stage.state["errors"]] == ["WARNING"]
    stage.run(60)
    assert stage.state["lastNodeId"] == "A"
    assert errors(stage.state), "until it is over"
    stage.end("vehicle_warning")
    assert errors(stage.state) == []


@each_version
def test_something_stands_in_its_way(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B")
    stage.run(2)
    stage.fault("blocked", 30)
    state = stage.state
    assert (state["driving"], state["safetyState"]["fieldViolation"]) == (False, True)
    past = state["distanceSinceLastNode"]
    stage.run(29)
    assert stage.state["distanceSinceLastNode"] == past
    stage.run(60)
    assert (stage.state["lastNodeId"], stage.state["safetyState"]["fieldViolation"]) == ("B", False)


@each_version
def test_an_estop_stops_everything(version: str) -> None:
    stage = Stage(version)
    stage.world.plant.bring("U1", SOURCE)
    stage.order("H1 A B", actions={"A": [action("pick")]})
    stage.run(8)
    stage.fault("vehicle_estop")
    name = "eStop" if version == "2.1" else "activeEmergencyStop"
    assert stage.state["safetyState"][name] == "MANUAL"
    assert statuses(stage.state) == {"pick": "RUNNING" if version == "2.1" else "PAUSED"}
    stage.run(60)
    assert not stage.did(Did.PICKED_UP)
    stage.end("vehicle_estop")
    assert stage.state["safetyState"][name] == "NONE"
    stage.run(60)
    assert len(stage.did(Did.PICKED_UP)) == 1
    assert stage.trail()[-1] == "B"


@each_version
def test_a_person_takes_over(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B", actions={"B": [action("pick")]})
    stage.run(2)
    stage.fault("manual")
    state = stage.state
    assert (state["operatingMode"], state["nodeStates"], state["driving"]) == ("MANUAL", [], False)
    assert (state["orderId"], statuses(state)) == ("o1", {"pick": "FAILED"})
    refused = errors(stage.order("H1 A", order_id="o2"))
    assert refused == ["MOBILE_ROBOT_NOT_AVAILABLE" if version == "3.0" else "orderError"]
    stage.run(60)
    assert stage.trail() == ["H1", "H1-A"]
    stage.end("manual")
    assert (stage.state["operatingMode"], stage.state["lastNodeId"], errors(stage.state)) == ("AUTOMATIC", "H1", [])
    assert stage.trail() == ["H1", "H1-A", "H1"], "it was pushed back"
    assert errors(stage.order("H1 A", order_id="o2")) == []


@each_version
def test_a_person_takes_it_somewhere_else(version: str) -> None:
    stage = Stage(version)
    stage.fault("manual", mode="SERVICE", node="D")
    assert (stage.state["operatingMode"], stage.state["lastNodeId"]) == ("SERVICE", "")
    stage.end("manual")
    assert stage.state["lastNodeId"] == "D"
    stage.order("D B")
    stage.run(60)
    assert stage.trail()[-1] == "B"


def test_an_intervention_leaves_the_order() -> None:
    stage = Stage("3.0")
    stage.order("H1 A B")
    stage.run(2)
    stage.fault("manual", mode="INTERVENED")
    assert (stage.state["operatingMode"], stage.state["driving"]) == ("INTERVENED", False)
    assert len(stage.state["nodeStates"]) == 2
    stage.run(60)
    stage.end("manual")
    stage.run(60)
    assert stage.trail() == ["H1", "H1-A", "A", "A-B", "B"]


@pytest.mark.parametrize("given", [{"mode": "INTERVENED"}, {"mode": "AUTOMATIC"}, {"node": "nowhere"}])
def test_modes_and_nodes_must_be_known(given: dict[str, str]) -> None:
    with pytest.raises(FaultRefused):
        Stage("2.1").fault("manual", None, "agv1", **given)


@each_version
def test_a_pick_fails(version: str) -> None:
    stage = Stage(version)
    stage.world.plant.bring("U1", SOURCE)
    stage.fault("failed_action")
    stage.order("H1 A", actions={"A": [action("pick", "p1")]})
    stage.run(60)
    assert statuses(stage.state) == {"p1": "FAILED"}
    assert references(stage.state)["actionId"] == "p1"
    stage.order("A", order_id="o2", actions={"A": [action("pick", "p2")]})
    stage.run(60)
    assert statuses(stage.state)["p2"] == "FINISHED"


@each_version
def test_it_loses_its_power(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B")
    stage.run(7)
    stage.fault("vehicle_restart", 3)
    stage.run(10)
    state = stage.state
    assert (state["orderId"], state["nodeStates"], state["lastNodeId"], state["headerId"]) == ("", [], "A", 1)
    assert stage.did(Did.BOOTED)[0].boot == 2
    assert errors(stage.order("A B", order_id="o2")) == [], "it stands on A-B and can go on"
    stage.run(60)
    assert stage.trail() == ["H1", "H1-A", "A", "A-B", "B"]


def test_states_come_twice_late_and_stale() -> None:
    stage = Stage("2.1")
    ids = [state["headerId"] for state in stage.states()]
    stage.fault("state_twice", count=1)
    stage.fault("stale_state", count=1)
    stage.instantly("stateRequest", "s1")
    more = [state["headerId"] for state in stage.states()][len(ids) :]
    last = ids[-1]
    assert more[:3] == [last + 1, last + 1, last], "twice, and then the one before once more"
    stage.fault("late_state", ms=2000)
    before = len(stage.states())
    stage.instantly("stateRequest", "s2")
    assert len(stage.states()) == before
    stage.run(2)
    assert statuses(stage.state)["s2"] == "FINISHED"
    stage.end("late_state")
    assert statuses(stage.instantly("stateRequest", "s3"))["s3"] == "FINISHED"


def test_it_falls_silent() -> None:
    stage = Stage("2.1")
    stage.fault("vehicle_mute", 50)
    before = len(stage.states())
    stage.run(49)
    assert len(stage.states()) == before
    stage.run(2)
    assert len(stage.states()) > before


def test_it_goes_offline_only_on_a_wire() -> None:
    with pytest.raises(FaultRefused, match="link of agv1"):
        Stage("2.1").fault("vehicle_offline")


@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_seed_brings_it_says_by_the_book_and_drives_again(seed: int) -> None:
    """A day of faults and orders; every message is held to the schemas as it comes."""
    stage = Stage("2.1", "3.0")
    rng = random.Random(seed)
    stage.troubles.draw(Rate(seed, 10))
    ways = {"H1": "H1 A B D", "A": "A B D", "B": "B D", "D": "D B A H1", "C": "C B A H1", "H2": "H2 C"}
    for n in range(60):
        stage.run(rng.randint(1, 60))
        for index, vehicle in enumerate(stage.vehicles):
            state = stage.states(vehicle.name)[-1]
            if rng.random() < 0.2:
                stage.instantly("cancelOrder", f"c{n}", index)
            elif vehicle.idle and state["lastNodeId"]:
                stage.order(ways[state["lastNodeId"]], order_id=f"o{n}", n=index)
    befell = [line for line in stage.log if line.did is Did.FAULT_BEGAN and line.machine_id.startswith("agv")]
    assert len({line.kind for line in befell}) > 5
    for vehicle in stage.vehicles:
        assert {line.boot for line in stage.log if line.by == vehicle.name} == set(range(1, vehicle.boot + 1))
        assert len(stage.trail(vehicle.name)) > 10
        assert where_it_is(stage, vehicle.name) == vehicle.status()["at"]


def where_it_is(stage: Stage, name: str) -> str:
    """By the log, in which it leaves what it was on at the very time at which it comes onto the next."""
    here, since_ms = "", 0
    for line in stage.log:
        if line.by == name and line.did is Did.ENTERED:
            before, here, since_ms = here, line.spot, line.at_ms
        elif line.by == name and line.did is Did.LEFT:
            assert (line.spot, line.at_ms) == (before, since_ms)
    return here


def test_every_row_can_be_had_and_ends() -> None:
    for fault in ROWS:
        if not fault.switches:
            stage = Stage("3.0")
            stage.fault(fault.name, 1 if fault.end else None)
            stage.run(60)
            assert stage.troubles.active("agv1") == []
            stage.order("H1 A")
            stage.run(90)
            assert stage.trail()[-1] == "A", fault.name
