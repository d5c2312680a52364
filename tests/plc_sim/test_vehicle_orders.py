"""Which orders, updates and instant actions a vehicle takes, and what it answers to the others (VDA 5050 6.1, 6.2)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plc_sim.actuations import Did
from plc_sim.vehicle_order import ACTIONS_MAX, BODY_MAX_BYTES, NODES_MAX
from tests.plc_sim.vehicle_stage import SOURCE, VERSIONS, Stage, action, errors, graph, references, statuses

each_version = pytest.mark.parametrize("version", VERSIONS)
OLD = {
    "VALIDATION_FAILURE": "validationError",
    "OUTDATED_ORDER_UPDATE": "orderUpdateError",
    "SAME_ORDER_UPDATE_ID": "orderUpdateError",
    "ORDER_UPDATE_FOLLOWING_CANCEL": "orderUpdateError",
    "ORDER_UPDATE_MISMATCH": "orderUpdateError",
    "NO_ROUTE_TO_TARGET": "noRouteError",
    "START_NODE_OUT_OF_RANGE": "noRouteError",
    "NO_ORDER_TO_CANCEL": "noOrderToCancel",
    "INVALID_INSTANT_ACTION": "instantActionError",
}


def named(version: str, problem: str) -> str:
    return problem if version == "3.0" else OLD.get(problem, "orderError")


def order_of(nodes: Any, edges: Any, **more: Any) -> dict[str, Any]:
    return {"orderId": "o1", "orderUpdateId": 0, "nodes": nodes, "edges": edges, **more}


@each_version
def test_the_same_update_again_is_ignored(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B", 2)
    stage.run(60)
    before = stage.trail()
    state = stage.order("H1 A B", 2)
    assert (errors(state), state["orderUpdateId"], state["lastNodeId"]) == ([], 0, "A")
    stage.run(60)
    assert stage.trail() == before


@each_version
@pytest.mark.parametrize(
    ("problem", "way", "more"),
    [
        ("SAME_ORDER_UPDATE_ID", "A B D", {"update": 1, "first": 2}),
        ("OUTDATED_ORDER_UPDATE", "H1 A B", {"update": 0}),
        ("ORDER_UPDATE_MISMATCH", "A B", {"update": 2, "first": 2}),
        ("ORDER_UPDATE_MISMATCH", "B C", {"update": 2, "first": 6}),
        ("ORDER_UPDATE_MISMATCH", "B C", {"update": 2, "first": 4, "actions": {"B": [action("pick")]}}),
        ("OTHER_ORDER_ACTIVE", "B C", {"order_id": "o2"}),
    ],
)
def test_what_does_not_follow_is_refused_and_changes_nothing(
    version: str, problem: str, way: str, more: dict[str, Any]
) -> None:
    stage = Stage(version)
    stage.order("H1 A B", 2)
    stage.order("A B C", 2, update=1, first=2)
    state = stage.order(way, **more)
    assert errors(state) == [named(version, problem)]
    assert references(state)["orderId"] == more.get("order_id", "o1")
    assert references(state)["orderUpdateId"] == str(more.get("update", 0))
    assert (state["orderId"], state["orderUpdateId"]) == ("o1", 1)
    stage.run(60)
    assert stage.trail() == ["H1", "H1-A", "A", "A-B", "B"]
    assert errors(stage.state) == [named(version, problem)], "until a new order is accepted"
    stage.order("B", update=2, first=4)
    assert errors(stage.order("B C", order_id="o3")) == []


@each_version
def test_an_order_that_was_done_can_be_continued(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A")
    stage.run(60)
    state = stage.order("A B", update=1, first=2)
    assert (errors(state), state["driving"]) == ([], True)
    stage.run(60)
    assert stage.trail()[-1] == "B"


@each_version
def test_the_horizon_may_change_with_every_update(version: str) -> None:
    stage = Stage(version)
    state = stage.order("H1 A B C", 2, actions={"C": [action("drop", "d1")]})
    assert statuses(state) == {"d1": "WAITING"}
    state = stage.order("A B D", 3, update=1, first=2, actions={"D": [action("stopCharging", "d2")]})
    assert statuses(state) == {"d2": "WAITING"}, "what went with the old horizon is not reported any more"
    stage.run(60)
    assert stage.trail()[-1] == "D"


@each_version
@pytest.mark.parametrize(
    ("problem", "way", "more"),
    [
        ("START_NODE_OUT_OF_RANGE", "A B", {}),
        ("NO_ROUTE_TO_TARGET", "H1 A C", {}),
        ("INVALID_ORDER_ACTION", "H1 A", {"actions": {"A": [action("dance")]}}),
    ],
)
def test_what_it_cannot_do_is_refused(version: str, problem: str, way: str, more: dict[str, Any]) -> None:
    stage = Stage(version)
    state = stage.order(way, **more)
    assert errors(state) == [named(version, problem)]
    assert (state["orderId"], state["errors"][0]["errorLevel"]) == ("", "WARNING")
    stage.run(60)
    assert stage.trail() == ["H1"]


@each_version
def test_maps_trajectories_and_long_orders(version: str) -> None:
    stage = Stage(version)
    nodes, edges = graph("H1 A", 2)
    nodes[1]["nodePosition"]["mapId"] = "cellar"
    assert errors(stage.send("order", order_of(nodes, edges))) == [named(version, "UNKNOWN_MAP_ID")]
    nodes, edges = graph("H1 A", 2)
    edges[0]["trajectory"] = {"degree": 1, "knotVector": [0, 1], "controlPoints": [{"x": 0, "y": 0}]}
    assert errors(stage.send("order", order_of(nodes, edges)))[-1] == named(version, "UNSUPPORTED_PARAMETER")
    way = " ".join(["H1", "A"] * NODES_MAX)
    assert errors(stage.order(way))[-1] == named(version, "INSUFFICIENT_MEMORY")
    assert references(stage.state)["orderId"] == "o1"


def test_a_new_order_begins_with_update_0_in_version_3() -> None:
    assert errors(Stage("3.0").order("H1 A", update=1)) == ["VALIDATION_FAILURE"]
    assert errors(Stage("2.1").order("H1 A", update=1)) == []


def broken(change: str) -> dict[str, Any]:
    nodes, edges = graph("H1 A B", 2)
    if change == "gap":
        nodes[2]["sequenceId"] = 6
    elif change == "odd":
        nodes, edges = graph("H1 A B", 2, first=1)
    elif change == "neighbours":
        edges[1]["startNodeId"] = "C"
    elif change == "edge too many":
        edges.append(edges[1])
    elif change == "no nodes":
        nodes, edges = [], []
    elif change == "released behind":
        nodes[2]["released"] = edges[1]["released"] = True
        nodes[1]["released"] = edges[0]["released"] = False
    elif change == "edge released alone":
        edges[1]["released"] = True
    elif change == "edge not released":
        edges[0]["released"] = False
    elif change == "first not released":
        nodes[0]["released"] = edges[0]["released"] = nodes[1]["released"] = False
    elif change == "action twice":
        nodes[1]["actions"] = [action("pick", "x"), action("drop", "x")]
    elif change == "blocking":
        nodes[1]["actions"] = [action("pick", blocking="MAYBE")]
    elif change == "too many actions":
        nodes[1]["actions"] = [action("pick", f"p{n}") for n in range(ACTIONS_MAX + 1)]
    elif change == "text":
        nodes[1]["nodeId"] = 7
    elif change == "flag":
        edges[0]["released"] = "yes"
    elif change == "position":
        nodes[1]["nodePosition"]["x"] = "here"
    return order_of(nodes, edges)


CHANGES = (
    "gap", "odd", "neighbours", "edge too many", "no nodes", "released behind", "edge released alone",
    "edge not released", "first not released", "action twice", "blocking", "too many actions", "text", "flag",
    "position",
)  # fmt: skip


@each_version
@pytest.mark.parametrize("change", CHANGES)
def test_a_malformed_order_is_refused(version: str, change: str) -> None:
    stage = Stage(version)
    state = stage.send("order", broken(change))
    assert errors(state) == [named(version, "VALIDATION_FAILURE")]
    assert references(state)["orderId"] == "o1"
    stage.run(60)
    assert stage.trail() == ["H1"]
    assert errors(stage.order("H1 A")) == []


@each_version
@pytest.mark.parametrize("change", [{"version": "1.1.0"}, {"serialNumber": "other"}, {"manufacturer": "other"}])
def test_what_is_for_somebody_else_is_refused(version: str, change: dict[str, str]) -> None:
    stage = Stage(version)
    nodes, edges = graph("H1 A", 2)
    assert errors(stage.send("order", order_of(nodes, edges, **change))) == [named(version, "VALIDATION_FAILURE")]


@each_version
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 5000, b" " * (BODY_MAX_BYTES + 1)])
@pytest.mark.parametrize("topic", ["order", "instantActions"])
def test_rubbish_is_refused(version: str, body: bytes, topic: str) -> None:
    stage = Stage(version)
    assert errors(stage.send_raw(topic, body)) == [named(version, "VALIDATION_FAILURE")]
    assert references(stage.state)["topic"] == topic


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("headerId", "version", "orderId", "orderUpdateId", "nodes", "edges", "actions")


@given(field=st.sampled_from(FIELDS), value=JSON, index=st.integers(0, 1), deep=st.sampled_from(["", "nodes", "edges"]))
def test_no_message_brings_it_down(field: str, value: Any, index: int, deep: str) -> None:
    stage = Stage("3.0")
    nodes, edges = graph("H1 A B", 2)
    body = order_of(nodes, edges)
    inner = body[deep][index] if deep else body
    inner[next(iter(inner)) if deep else field] = value
    stage.send("order", body)
    stage.send("instantActions", {"actions": value})
    stage.run(60)
    assert stage.trail()[-1] in ("H1", "A")


# Cancelling


@each_version
def test_an_order_is_cancelled_at_the_next_node(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B C", 3, actions={"B": [action("pick")], "C": [action("drop")]})
    stage.run(2)
    state = stage.instantly("cancelOrder", orderId="o1")
    assert statuses(state) == {"pick": "FAILED", "drop": "FAILED", "now-cancelOrder": "RUNNING"}
    assert [each["nodeId"] for each in state["nodeStates"]] == ["A"], "it is under way there"
    stage.run(60)
    state = stage.state
    assert (state["lastNodeId"], state["nodeStates"], state["edgeStates"]) == ("A", [], [])
    assert statuses(state)["now-cancelOrder"] == "FINISHED"
    assert (state["orderId"], state["orderUpdateId"]) == ("o1", 0), "they are kept"
    state = stage.order("B C", update=1, first=4)
    assert errors(state) == [named(version, "ORDER_UPDATE_FOLLOWING_CANCEL")]
    state = stage.order("A B", order_id="o2")
    assert (errors(state), state["orderId"]) == ([], "o2")
    if version == "2.1":
        assert statuses(state) == {}, "until a new order is accepted"
    else:
        assert statuses(state) == {"now-cancelOrder": "FINISHED"}
        assert statuses(stage.instantly("clearInstantActions")) == {"now-clearInstantActions": "FINISHED"}


@each_version
def test_what_is_being_done_is_finished_first(version: str) -> None:
    stage = Stage(version)
    stage.world.plant.bring("U1", SOURCE)
    stage.order("H1 A B", actions={"A": [action("pick")], "B": [action("drop")]})
    stage.run(8)
    assert statuses(stage.instantly("cancelOrder")) == {
        "pick": "RUNNING",
        "drop": "FAILED",
        "now-cancelOrder": "RUNNING",
    }
    stage.run(10)
    assert statuses(stage.state) == {"pick": "FINISHED", "drop": "FAILED", "now-cancelOrder": "FINISHED"}
    assert stage.state["loads"][0]["loadId"] == "U1"
    assert stage.trail()[-1] == "A"


@each_version
def test_it_is_cancelled_where_it_stands_when_it_stands(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B")
    stage.run(2)
    stage.instantly("startPause")
    state = stage.instantly("cancelOrder")
    assert statuses(state)["now-cancelOrder"] == "FINISHED"
    assert (state["lastNodeId"], state["nodeStates"], state["paused"]) == ("H1", [], True)
    assert state["distanceSinceLastNode"] > 0
    stage.instantly("stopPause")
    assert errors(stage.order("H1", order_id="o2")) == [named(version, "START_NODE_OUT_OF_RANGE")]
    assert errors(stage.order("A B", order_id="o2"))[-1] == named(version, "START_NODE_OUT_OF_RANGE")
    assert errors(stage.order("H1 A", order_id="o2")) == [], "it goes on along its line"
    stage.run(60)
    assert stage.trail() == ["H1", "H1-A", "A"]


@each_version
@pytest.mark.parametrize("wanted", [{}, {"orderId": "o9"}])
def test_there_must_be_an_order_to_cancel(version: str, wanted: dict[str, str]) -> None:
    stage = Stage(version)
    if wanted:
        stage.order("H1 A B")
    state = stage.instantly("cancelOrder", **wanted)
    assert statuses(state)["now-cancelOrder"] == "FAILED"
    assert errors(state) == [named(version, "NO_ORDER_TO_CANCEL")]
    assert references(state)["actionId"] == "now-cancelOrder"
    stage.run(60)
    assert stage.trail()[-1] == ("B" if wanted else "H1")


# Instant actions


@each_version
def test_it_pauses_and_goes_on(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B")
    stage.run(2)
    state = stage.instantly("startPause")
    assert (state["paused"], state["driving"], statuses(state)) == (True, False, {"now-startPause": "FINISHED"})
    past = state["distanceSinceLastNode"]
    stage.run(60)
    assert stage.state["distanceSinceLastNode"] == past
    stage.instantly("stopPause")
    stage.run(60)
    assert (stage.state["lastNodeId"], stage.state["paused"]) == ("B", False)


@each_version
def test_an_instant_action_is_done_once(version: str) -> None:
    stage = Stage(version)
    stage.order("H1 A B")
    stage.instantly("startPause", "x")
    stage.instantly("stopPause", "y")
    state = stage.instantly("startPause", "x")
    assert not state["paused"], "the same id again is a resend"


@each_version
def test_an_instant_action_it_does_not_know_fails(version: str) -> None:
    stage = Stage(version)
    state = stage.instantly("fly")
    assert statuses(state) == {"now-fly": "FAILED"}
    assert errors(state) == [named(version, "INVALID_INSTANT_ACTION")]
    assert references(state)["actionId"] == "now-fly"
    assert errors(stage.instantly("stateRequest")) == [], "until another one is accepted"


def test_instant_actions_of_version_3_never_block() -> None:
    stage = Stage("3.0")
    state = stage.send("instantActions", {"actions": [action("startPause", blocking="HARD")]})
    assert (errors(state), state["paused"]) == (["VALIDATION_FAILURE"], False)


@each_version
def test_it_charges_on_the_spot(version: str) -> None:
    stage = Stage(version)
    stage.instantly("startCharging")
    stage.run(5)
    assert statuses(stage.state) == {"now-startCharging": "FINISHED"}
    assert stage.did(Did.CHARGING_STARTED)
    stage.instantly("stopCharging")
    stage.run(5)
    assert stage.did(Did.CHARGING_STOPPED)


@pytest.mark.parametrize(
    ("node", "x", "status"), [("H1", 0.2, "FINISHED"), ("A", 0.2, "FAILED"), ("H1", 9.0, "FAILED")]
)
@each_version
def test_a_pose_must_fit_to_what_it_sees(version: str, node: str, x: float, status: str) -> None:
    stage = Stage(version)
    kind = "initPosition" if version == "2.1" else "initializePosition"
    state = stage.instantly(kind, x=x, y=0.0, theta=1.5, mapId="hall", lastNodeId=node)
    assert statuses(state) == {f"now-{kind}": status}
    pose = state.get("agvPosition") or state["mobileRobotPosition"]
    assert pose["theta"] == (1.5 if status == "FINISHED" else 0.0)


def test_the_instant_actions_it_reports_have_a_limit() -> None:
    stage = Stage("3.0")
    for n in range(100):
        stage.instantly("stateRequest", f"s{n}")
    assert len(stage.state["instantActionStates"]) == 50
    assert statuses(stage.state)["s99"] == "FINISHED"


@each_version
def test_the_errors_it_reports_have_a_limit(version: str) -> None:
    stage = Stage(version)
    for n in range(30):
        stage.send_raw("order", json.dumps({"orderId": f"o{n}"}).encode())
    assert len(stage.state["errors"]) == 20
    assert references(stage.state)["orderId"] == "o29"
