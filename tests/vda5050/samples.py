"""Messages as vehicles send them, of either version, and the standard's schemas to hold messages to."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

import edge.vda5050
from edge.messages.vehicles import ActionKind, DriveAction, DriveEdge, DriveNode, DriveVehicle

SCHEMAS = Path(edge.vda5050.__file__).parent / "schemas"
VERSIONS = ("2.1", "3.0")
MANUFACTURER, SERIAL = "acme", "007"


@cache
def schema(version: str, name: str) -> Any:
    return json.loads((SCHEMAS / version / f"{name}.schema").read_text())


def valid(version: str, name: str, body: bytes | dict[str, Any]) -> Any:
    """The message, if the standard's schema holds it good."""
    message = json.loads(body) if isinstance(body, bytes) else body
    jsonschema.validate(message, schema(version, name), format_checker=jsonschema.FormatChecker())
    return message


def header(version: str) -> dict[str, Any]:
    return {
        "headerId": 1,
        "timestamp": "2026-03-01T08:00:00.00Z",
        "version": f"{version}.0",
        "manufacturer": MANUFACTURER,
        "serialNumber": SERIAL,
    }


def state(version: str, /, **changes: Any) -> dict[str, Any]:
    """A vehicle that stands at n1 with nothing to do."""
    message: dict[str, Any] = {
        **header(version),
        "orderId": "",
        "orderUpdateId": 0,
        "lastNodeId": "n1",
        "lastNodeSequenceId": 0,
        "driving": False,
        "paused": False,
        "operatingMode": "AUTOMATIC",
        "nodeStates": [],
        "edgeStates": [],
        "actionStates": [],
        "errors": [],
        "loads": [],
        "distanceSinceLastNode": 0.0,
    }
    if version == "2.1":
        message["batteryState"] = {"batteryCharge": 71.5, "charging": False}
        message["safetyState"] = {"eStop": "NONE", "fieldViolation": False}
        message["agvPosition"] = {"x": 1.0, "y": 2.0, "theta": 0.1, "mapId": "hall", "positionInitialized": True}
    else:
        message["powerSupply"] = {"stateOfCharge": 71.5, "charging": False}
        message["safetyState"] = {"activeEmergencyStop": "NONE", "fieldViolation": False}
        message["mobileRobotPosition"] = {"x": 1.0, "y": 2.0, "theta": 0.1, "mapId": "hall", "localized": True}
        message["instantActionStates"] = []
    return deepcopy(message | changes)


def connection(version: str, state: str = "ONLINE") -> dict[str, Any]:
    return {**header(version), "connectionState": state}


def factsheet(version: str) -> dict[str, Any]:
    old = version == "2.1"
    lengths = {"order.nodes": 30, "order.edges": 29}
    kind: dict[str, Any] = {"seriesName": "T1", "localizationTypes": ["GRID"], "navigationTypes": ["AUTONOMOUS"]}
    body: dict[str, Any] = {"width": 0.8, "length": 1.2}
    timing: dict[str, Any]
    if old:
        kind |= {"agvKinematic": "DIFF", "agvClass": "CARRIER", "maxLoadMass": 50}
        body |= {"speedMin": 0.1, "speedMax": 1.5, "accelerationMax": 0.5, "decelerationMax": 0.5, "heightMax": 0.4}
        timing = {"minOrderInterval": 0.5, "minStateInterval": 0.5}
        limits = {"maxStringLens": {}, "maxArrayLens": lengths, "timing": timing}
    else:
        kind |= {"mobileRobotKinematics": "DIFFERENTIAL", "mobileRobotClass": "CARRIER", "maximumLoadMass": 50}
        body |= {
            "minimumSpeed": 0.1, "maximumSpeed": 1.5, "maximumAcceleration": 0.5, "maximumDeceleration": 0.5,
            "minimumHeight": 0.3, "maximumHeight": 0.4,
        }  # fmt: skip
        timing = {"minimumOrderInterval": 0.5, "minimumStateInterval": 0.5}
        limits = {"maximumStringLengths": {}, "maximumArrayLengths": lengths, "timing": timing}
    allowed = {} if old else {"pauseAllowed": False, "cancelAllowed": False}
    actions = [{"actionType": name, "actionScopes": ["NODE"], **allowed} for name in ("pick", "drop")]
    return {
        **header(version),
        "typeSpecification": kind,
        "physicalParameters": body,
        "protocolLimits": limits,
        "protocolFeatures": {"optionalParameters": [], "agvActions" if old else "mobileRobotActions": actions},
        "agvGeometry" if old else "mobileRobotGeometry": {},
        "loadSpecification": {},
    }


def drive(update: int = 0, drive_id: str = "d1", *, first: int = 0, released: int = 2, nodes: int = 4) -> DriveVehicle:
    """n<first/2> > n<first/2 + 1> ..., the first `released` nodes as base, a pick at the second."""
    what = {"hu_id": "hu1", "load_type": "TOTE", "station": "S1", "station_kind": "FLOOR"}
    pick = DriveAction(action_id=f"{drive_id}-1", kind=ActionKind.PICK, **what)
    numbers = [first + 2 * i for i in range(nodes)]
    return DriveVehicle(
        at_ms=1,
        vehicle_id="agv1",
        drive_id=drive_id,
        update=update,
        nodes=tuple(
            DriveNode(
                node_id=f"n{number // 2}", sequence=number, released=i < released, x_mm=1000 * number, y_mm=-500,
                map_id="hall", theta_mrad=3142 if i == 1 else None, actions=(pick,) if number == 2 else (),
            )
            for i, number in enumerate(numbers)
        ),
        edges=tuple(
            DriveEdge(
                edge_id=f"e{number // 2}", sequence=number + 1, released=i + 1 < released, start=f"n{number // 2}",
                end=f"n{number // 2 + 1}", length_mm=2000, speed_mm_s=800 if i else 0,
            )
            for i, number in enumerate(numbers[:-1])
        ),
    )  # fmt: skip
