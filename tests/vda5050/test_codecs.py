"""Both codecs against the standard's own schemas, and against what no vehicle should send."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.messages.vehicles import ActionStatus, ErrorLevel, VehicleLink, VehicleMode
from edge.vda5050 import CODECS, Address, Instant, Rubbish
from edge.vda5050.neutral import BODY_MAX_BYTES
from tests.vda5050.samples import (
    MANUFACTURER,
    SCHEMAS,
    SERIAL,
    VERSIONS,
    connection,
    drive,
    factsheet,
    state,
    valid,
)

WHO = Address(MANUFACTURER, SERIAL)
each_version = pytest.mark.parametrize("version", VERSIONS)


def body(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


def test_the_schemas_are_the_standards_own_with_their_licence() -> None:
    assert "Verband der Automobilindustrie" in (SCHEMAS / "LICENSE.txt").read_text()
    assert "VDA5050" in (SCHEMAS / "SOURCE.txt").read_text()


@each_version
def test_an_order_is_valid_with_base_and_horizon(version: str) -> None:
    sent = valid(version, "order", CODECS[version].order(WHO, 7, 1_770_000_000_123, drive(update=3, first=4)))
    assert (sent["headerId"], sent["timestamp"]) == (7, "2026-02-02T02:40:00.123Z")
    assert (sent["orderId"], sent["orderUpdateId"], sent["version"]) == ("d1", 3, f"{version}.0")
    assert [(n["nodeId"], n["sequenceId"], n["released"]) for n in sent["nodes"]] == [
        ("n2", 4, True), ("n3", 6, True), ("n4", 8, False), ("n5", 10, False),
    ]  # fmt: skip
    assert [(e["startNodeId"], e["endNodeId"], e["sequenceId"], e["released"]) for e in sent["edges"]] == [
        ("n2", "n3", 5, True), ("n3", "n4", 7, False), ("n4", "n5", 9, False),
    ]  # fmt: skip
    speed = "maxSpeed" if version == "2.1" else "maximumSpeed"
    assert [e.get(speed) for e in sent["edges"]] == [None, 0.8, 0.8]


@each_version
def test_what_is_to_be_done_goes_with_its_node(version: str) -> None:
    sent = valid(version, "order", CODECS[version].order(WHO, 1, 1, drive()))
    [action] = sent["nodes"][1]["actions"]
    assert (action["actionType"], action["blockingType"]) == ("pick", "HARD")
    assert {each["key"]: each["value"] for each in action["actionParameters"]} == {
        "stationType": "FLOOR", "stationName": "S1", "loadType": "TOTE", "loadId": "hu1",
    }  # fmt: skip


@each_version
def test_instant_actions_are_valid(version: str) -> None:
    told = (Instant(action_id="c1", name="cancelOrder", parameters=(("orderId", "d1"),)),)
    sent = valid(version, "instantActions", CODECS[version].instant_actions(WHO, 1, 1, told))
    assert [(a["actionType"], a["actionId"]) for a in sent["actions"]] == [("cancelOrder", "c1")]


@each_version
def test_the_samples_are_what_the_standard_allows(version: str) -> None:
    valid(version, "state", state(version))
    valid(version, "connection", connection(version))
    valid(version, "factsheet", factsheet(version))


@each_version
def test_a_state_in_neutral_words(version: str) -> None:
    message = state(
        version,
        orderId="d1",
        orderUpdateId=2,
        lastNodeSequenceId=4,
        driving=True,
        distanceSinceLastNode=1.25,
        nodeStates=[{"nodeId": "n3", "sequenceId": 6, "released": True}],
        edgeStates=[{"edgeId": "e2", "sequenceId": 5, "released": True}],
        actionStates=[{"actionId": "d1-1", "actionType": "pick", "actionStatus": "FINISHED"}],
        loads=[{"loadId": "hu1"}, {}],
        errors=[
            {
                "errorType": "lidar",
                "errorLevel": "FATAL",
                "errorDescription": "blind",
                "errorReferences": [{"referenceKey": "orderId", "referenceValue": "d1"}],
            }
        ],
        somethingNew={"of": "a later version"},
    )
    seen = CODECS[version].state(WHO, body(message))
    assert (seen.order_id, seen.update, seen.node_id, seen.sequence, seen.left) == ("d1", 2, "n1", 4, 2)
    assert (seen.mode, seen.stopped, seen.battery, seen.charging) == (VehicleMode.AUTOMATIC, "", 71, False)
    assert (seen.localized, seen.past_mm, seen.driving, seen.loads) == (True, 1250, True, ("hu1", ""))
    assert [(a.action_id, a.status) for a in seen.actions] == [("d1-1", ActionStatus.FINISHED)]
    [fault] = seen.faults
    assert (fault.error.level, fault.error.kind, fault.error.text) == (ErrorLevel.FATAL, "lidar", "blind")
    assert fault.about == (("orderId", "d1"),)


def test_what_only_one_version_says() -> None:
    new = state(
        "3.0", instantActionStates=[{"actionId": "c1", "actionStatus": "RETRIABLE"}], operatingMode="INTERVENED"
    )
    seen = CODECS["3.0"].state(WHO, body(valid("3.0", "state", new)))
    assert [(a.action_id, a.status) for a in seen.actions] == [("c1", ActionStatus.RETRIABLE)]
    assert seen.mode is VehicleMode.INTERVENED
    old = state("2.1", safetyState={"eStop": "AUTOACK", "fieldViolation": True}, operatingMode="TEACHIN")
    seen = CODECS["2.1"].state(WHO, body(valid("2.1", "state", old)))
    assert (seen.stopped, seen.mode) == ("ESTOP", VehicleMode.TEACH_IN)


@pytest.mark.parametrize(
    ("version", "word", "link"),
    [
        ("2.1", "ONLINE", VehicleLink.ONLINE),
        ("2.1", "OFFLINE", VehicleLink.OFFLINE),
        ("2.1", "CONNECTIONBROKEN", VehicleLink.BROKEN),
        ("3.0", "ONLINE", VehicleLink.ONLINE),
        ("3.0", "HIBERNATING", VehicleLink.OFFLINE),
        ("3.0", "CONNECTION_BROKEN", VehicleLink.BROKEN),
    ],
)
def test_connections(version: str, word: str, link: VehicleLink) -> None:
    message = valid(version, "connection", connection(version, word))
    assert CODECS[version].connection(WHO, body(message)) is link


@each_version
def test_a_factsheet(version: str) -> None:
    sheet = CODECS[version].factsheet(WHO, body(factsheet(version)))
    assert (sheet.series, sheet.speed_mm_s, sheet.nodes_max, sheet.actions) == ("T1", 1500, 30, ("pick", "drop"))


@each_version
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"orderUpdateId": "2"}, "orderUpdateId"),
        ({"orderUpdateId": -1}, "orderUpdateId"),
        ({"driving": None}, "driving"),
        ({"lastNodeId": 7}, "lastNodeId"),
        ({"lastNodeId": "n" * 1000}, "lastNodeId"),
        ({"operatingMode": "HAPPY"}, "operatingMode"),
        ({"nodeStates": {}}, "nodeStates"),
        ({"actionStates": [{"actionId": "a", "actionStatus": "MAYBE"}]}, "actionStatus"),
        ({"errors": [{"errorType": "x", "errorLevel": "MILD"}]}, "errorLevel"),
        ({"version": "1.0.0"}, "version"),
        ({"serialNumber": "008"}, "serialNumber"),
        ({"loads": [{}] * 200}, "loads"),
    ],
)
def test_rubbish_is_refused_and_named(version: str, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Rubbish, match=named):
        CODECS[version].state(WHO, body(state(version, **changes)))


@each_version
def test_a_vehicle_of_the_other_version_is_told_apart(version: str) -> None:
    other = "3.0" if version == "2.1" else "2.1"
    with pytest.raises(Rubbish, match="version"):
        CODECS[version].connection(WHO, body(connection(other)))


@each_version
def test_what_is_too_long_is_not_even_read(version: str) -> None:
    with pytest.raises(Rubbish, match="bytes"):
        CODECS[version].state(WHO, b" " * (BODY_MAX_BYTES + 1))


@given(st.sampled_from(VERSIONS), st.sampled_from(["state", "connection", "factsheet"]), st.binary(max_size=300))
def test_no_bytes_do_more_than_being_refused(version: str, name: str, raw: bytes) -> None:
    with pytest.raises(Rubbish):
        getattr(CODECS[version], name)(WHO, raw)


@given(
    st.sampled_from(VERSIONS), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists), st.data()
)
def test_no_value_in_a_state_does_more_than_being_refused(version: str, value: Any, data: st.DataObject) -> None:
    message = state(version)
    message[data.draw(st.sampled_from(sorted(message)))] = value
    with contextlib.suppress(Rubbish):
        assert CODECS[version].state(WHO, body(message)).mode is VehicleMode.AUTOMATIC
