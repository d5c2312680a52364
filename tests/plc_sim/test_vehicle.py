"""A vehicle as a pure model: it drives its base and not a step further, acts, charges, carries, and says so."""

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from plc_sim.actuations import Did, line_of
from plc_sim.memory import remember, restore
from plc_sim.vehicle import Vehicle
from plc_sim.vehicles import add_vehicles
from tests.plc_sim.vehicle_stage import SOURCE, TARGET, VERSIONS, Stage, action, errors, graph, statuses, vehicle_site

each_version = pytest.mark.parametrize("version", VERSIONS)


def carried(**more: Any) -> dict[str, list[dict[str, Any]]]:
    return {
        "A": [action("pick", stationName=SOURCE, loadId="U1", **more)],
        "C": [action("drop", stationName="lane one", loadId="U1")],
    }


@each_version
def test_it_drives_its_base_and_waits_at_the_end_of_it(version: str) -> None:
    stage = Stage(version)
    state = stage.order("H1 A B C", 2)
    assert (state["orderId"], state["lastNodeId"], state["driving"]) == ("o1", "H1", True)
    assert [(each["nodeId"], each["released"]) for each in state["nodeStates"]] == [
        ("A", True),
        ("B", False),
        ("C", False),
    ]
    assert state["newBaseRequest"], "the base runs short and there is a horizon"
    stage.run(60)
    state = stage.state
    assert (state["lastNodeId"], state["lastNodeSequenceId"], state["driving"]) == ("A", 2, False)
    assert [each["sequenceId"] for each in state["edgeStates"]] == [3, 5]
    assert stage.trail() == ["H1", "H1-A", "A"]
    state = stage.order("A B C", 3, update=1, first=2)
    assert (state["orderUpdateId"], state["newBaseRequest"]) == (1, False)
    stage.run(60)
    assert stage.trail()[3:] == ["A-B", "B", "B-C", "C"]
    assert (stage.state["nodeStates"], stage.state["edgeStates"], stage.state["orderId"]) == ([], [], "o1")
    left = [line.spot for line in stage.did(Did.LEFT)]
    assert left == stage.trail()[:-1], "everything it came onto it has left, but for the last"


def test_it_takes_its_time_and_says_where_it_is() -> None:
    stage = Stage("2.1")
    begun_ms = stage.world.now_ms
    stage.order("H1 A B")
    stage.run(3)
    stage.instantly("stateRequest")
    position, past = stage.state["agvPosition"], stage.state["distanceSinceLastNode"]
    assert 0 < position["x"] == past < 4
    stage.run(60)
    entered = {line.spot: line.at_ms - begun_ms for line in stage.did(Did.ENTERED)}
    assert entered["A"] == 4000 + 1000, "4 m at 1 m/s, and a second to get there"
    assert entered["B"] == entered["A"] + 4000 + 1000, "it rolls through A, and brakes for B"


def test_edges_have_speed_limits() -> None:
    stage = Stage("3.0")
    begun_ms = stage.world.now_ms
    nodes, edges = graph("H1 A", 2)
    slow = [{**edges[0], "maximumSpeed": 0.5}]
    stage.send("order", {"orderId": "o", "orderUpdateId": 0, "nodes": nodes, "edges": slow})
    stage.run(60)
    entered = {line.spot: line.at_ms - begun_ms for line in stage.did(Did.ENTERED)}
    assert entered["A"] == 8000 + 2 * 500


@each_version
def test_an_update_in_time_lets_it_roll_through(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B", 2)
    stage.run(2)
    stage.order("A B D", 3, update=1, first=2)
    stage.run(60)
    assert stage.trail() == ["H1", "H1-A", "A", "A-B", "B", "B-D", "D"]
    driving = [driving for driving, _ in groupby(state["driving"] for state in stage.states())]
    assert driving == [False, True, False], "it did not stop on the way"


@each_version
def test_it_carries_a_unit_from_station_to_station(version: str) -> None:
    stage = Stage(version)
    stage.world.plant.bring("U1", SOURCE)
    state = stage.order("H1 A B C", actions=carried())
    assert statuses(state) == {"pick": "WAITING", "drop": "WAITING"}
    stage.run(7)
    assert statuses(stage.state) == {"pick": "RUNNING", "drop": "WAITING"}
    assert not stage.state["driving"], "a HARD action keeps it where it is"
    stage.run(5)
    assert stage.world.plant.units["U1"].place == "agv1/aboard"
    assert [load["loadId"] for load in stage.state["loads"]] == ["U1"]
    stage.run(60)
    assert statuses(stage.state) == {"pick": "FINISHED", "drop": "FINISHED"}
    assert stage.state["loads"] == []
    assert stage.world.plant.units["U1"].place == TARGET
    assert "U1" in stage.world.plant.lanes[TARGET].units
    assert [(line.spot, line.barcode) for line in stage.did(Did.PICKED_UP)] == [("A", "U1")]
    assert [(line.spot, line.barcode, line.order_id) for line in stage.did(Did.PUT_DOWN)] == [("C", "U1", "o1")]
    seen = [statuses(state)["pick"] for state in stage.states() if "pick" in statuses(state)]
    assert list(dict.fromkeys(seen)) == ["WAITING", "INITIALIZING", "RUNNING", "FINISHED"]


@each_version
def test_what_is_not_there_cannot_be_picked(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B C", actions=carried())
    stage.run(60)
    pick = next(each for each in stage.state["actionStates"] if each["actionId"] == "pick")
    assert pick["actionStatus"] == "FAILED"
    assert "U1 is not at sorter1/L13" in pick["resultDescription" if version == "2.1" else "actionResult"]
    if version == "2.1":
        assert errors(stage.state)[0] == "actionError"
        assert stage.state["lastNodeId"] == "C", "2.1 has no error with which one stands but lives"
    else:
        [error] = stage.state["errors"]
        assert (error["errorType"], error["errorLevel"]) == ("ACTION_FAILED", "CRITICAL")
        assert stage.state["lastNodeId"] == "A", "it cannot continue its order"
        assert statuses(stage.instantly("cancelOrder"))["now-cancelOrder"] == "FINISHED"
        assert errors(stage.order("A B", order_id="o2")) == [], "and takes a new one"
    assert not stage.did(Did.PICKED_UP)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"stationName": "lane one"}, "no station lane one is at node A"),
        ({"stationName": "nowhere"}, "no station nowhere is at node A"),
        ({"loadId": "U2"}, "U2 is not at"),
        ({}, ""),
    ],
)
def test_stations_and_loads_must_fit(values: dict[str, str], why: str) -> None:
    stage = Stage("3.0")
    stage.world.plant.bring("U1", SOURCE)
    stage.order("H1 A", actions={"A": [action("pick", **values)]})
    stage.run(30)
    [pick] = stage.state["actionStates"]
    assert pick["actionStatus"] == ("FAILED" if why else "FINISHED")
    assert why in pick.get("actionResult", "")


def test_a_full_lane_takes_nothing_more() -> None:
    stage = Stage("3.0")
    lane = stage.world.plant.lanes[TARGET]
    for n in range(lane.capacity):
        stage.world.plant.bring(f"X{n}", TARGET)
    stage.world.plant.bring("U1", SOURCE)
    stage.order("H1 A B C", actions=carried())
    stage.run(60)
    assert statuses(stage.state) == {"pick": "FINISHED", "drop": "FAILED"}
    assert [load["loadId"] for load in stage.state["loads"]] == ["U1"], "it still has it"


def test_actions_run_beside_each_other_as_their_blocking_allows() -> None:
    stage = Stage("2.1", handling_ms=10_000)
    stage.world.plant.bring("U1", SOURCE)
    both = [action("stopCharging", "a", "NONE"), action("pick", "b", "HARD"), action("stopCharging", "c", "NONE")]
    stage.order("H1 A B", actions={"A": both})
    stage.run(6.5)
    assert statuses(stage.state) == {"a": "RUNNING", "b": "WAITING", "c": "WAITING"}, "HARD wants to be alone"
    stage.run(2)
    assert statuses(stage.state) == {"a": "FINISHED", "b": "INITIALIZING", "c": "WAITING"}
    stage.run(30)
    assert set(statuses(stage.state).values()) == {"FINISHED"}
    done = [line for line in stage.log if line.did in (Did.PICKED_UP, Did.ENTERED)]
    assert [line.spot for line in done][-3:] == ["A", "A-B", "B"]


@each_version
def test_it_charges_and_runs_down(version: str) -> None:
    stage = Stage(version)
    power, charge = ("batteryState", "batteryCharge") if version == "2.1" else ("powerSupply", "stateOfCharge")
    stage.fault("low_battery", percent=10)
    assert errors(stage.state) == ["batteryLow" if version == "2.1" else "BATTERY_LOW"]
    stage.order("H1", actions={"H1": [action("startCharging")]})
    stage.run(10)
    assert stage.state[power]["charging"]
    assert errors(stage.state) == []
    stage.run(600)
    assert 20 < stage.state[power][charge] < 40
    stage.order("H1 A", order_id="o2")
    stage.run(1)
    assert not stage.state[power]["charging"], "it drives off"
    assert [line.spot for line in stage.did(Did.CHARGING_STARTED)] == ["H1"]
    assert [line.spot for line in stage.did(Did.CHARGING_STOPPED)] == ["H1"]
    stage.run(60)
    stage.fault("low_battery", percent=0)
    assert [each["errorLevel"] for each in stage.state["errors"]][-1] == "FATAL"
    stage.order("A B", order_id="o3")
    stage.run(60)
    assert stage.trail()[-1] == "A", "an empty battery drives nowhere"


def test_there_is_no_charging_without_a_charger() -> None:
    stage = Stage("3.0")
    stage.order("H1 A", actions={"A": [action("startCharging")]})
    stage.run(30)
    assert statuses(stage.state) == {"startCharging": "FAILED"}
    assert not stage.state["powerSupply"]["charging"]


@each_version
def test_it_says_something_at_least_every_30_s(version: str) -> None:
    stage = Stage(version)
    before = len(stage.states())
    stage.run(300)
    states = stage.states()[before:]
    assert 10 <= len(states) <= 15
    ids = [state["headerId"] for state in stage.states()]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    stamps = [state["timestamp"] for state in states]
    assert stamps == sorted(stamps)


@each_version
def test_it_describes_itself(version: str) -> None:
    stage = Stage(version)
    stage.instantly("factsheetRequest")
    [sheet] = [message for topic, message in stage.said["agv1"] if topic == "factsheet"]
    features = sheet["protocolFeatures"]
    actions = {each["actionType"] for each in features.get("agvActions") or features["mobileRobotActions"]}
    assert {"pick", "drop", "cancelOrder", "startPause", "stopPause", "startCharging"} <= actions
    locate = {"2.1": "initPosition", "3.0": "initializePosition"}
    assert actions & set(locate.values()) == {locate[version]}


@each_version
def test_it_shows_where_it_is_while_it_drives(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B")
    stage.run(60)
    shown = [message for topic, message in stage.said["agv1"] if topic == "visualization"]
    places = [message.get("agvPosition") or message["mobileRobotPosition"] for message in shown]
    assert len(places) >= 8, "one a second"
    assert [place["x"] for place in places] == sorted(place["x"] for place in places)


def test_two_vehicles_that_are_sent_at_each_other_meet_in_the_log() -> None:
    """The log is the truth about it: nothing in the simulator keeps them apart."""
    stage = Stage("2.1", "3.0")
    stage.order("H1 A B")
    stage.order("H2 C B", n=1)
    stage.run(60)
    assert stage.trail("agv1")[-1] == stage.trail("agv2")[-1] == "B"


def test_a_plant_does_not_forget_where_a_vehicle_is(tmp_path: Path) -> None:
    stage = Stage("2.1")
    stage.world.plant.bring("U1", SOURCE)
    stage.order("H1 A B C", actions=carried())
    stage.run(14)
    assert stage.state["driving"]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(line_of(line) + "\n" for line in stage.log))
    other = Stage("2.1")
    restore(other.world.plant, remember(log, {}))
    [vehicle] = add_vehicles(vehicle_site("2.1"), other.world, 1, log)
    assert isinstance(vehicle, Vehicle)
    assert vehicle.status()["load"] == "U1"
    assert vehicle.status()["at"] == "H1", "between two nodes people push it home"
