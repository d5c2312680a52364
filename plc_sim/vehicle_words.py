"""What a vehicle says, as VDA 5050 2.1 and 3.0 have it: one dialect each, chosen per vehicle."""

from dataclasses import dataclass
from typing import Any

from plc_sim.vehicle_actions import INSTANTS_MAX, ActionState
from plc_sim.vehicle_errors import OLD_NAMES, Complaint, Level
from plc_sim.vehicle_order import ACTIONS_MAX, ID_MAX, NODES_MAX, PARAMETERS_MAX, Edge, Node

ERRORS_MAX = 20
STATE_S = 30
STRINGS = {"MessageLength": 200_000, "TopicSerialLength": ID_MAX, "TopicElementLength": ID_MAX, "IdLength": ID_MAX}
HANDLING = ("pick", "drop")
LOAD_VALUES = ("stationName", "stationType", "loadId", "loadType")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A vehicle at one moment. `loads` are pairs of load id and load type; `speed` in m/s."""

    order_id: str
    update: int
    node: str
    sequence: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    actions: tuple[ActionState, ...]
    instants: tuple[ActionState, ...]
    loads: tuple[tuple[str, str], ...]
    errors: tuple[Complaint, ...]
    driving: bool
    paused: bool
    new_base: bool
    past_mm: int
    pose: tuple[float, float, float, str]
    speed: float
    percent: float
    charging: bool
    mode: str
    estop: bool
    field: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a factsheet says of a vehicle: lengths in mm, `handling_s` what a pick takes."""

    series: str
    speed_mm_s: int
    acceleration_mm_s2: int
    handling_s: float
    load_type: str


def node_states(nodes: tuple[Node, ...]) -> list[dict[str, Any]]:
    return [{"nodeId": node.node_id, "sequenceId": node.sequence, "released": node.released} for node in nodes]


def edge_states(edges: tuple[Edge, ...]) -> list[dict[str, Any]]:
    return [{"edgeId": edge.edge_id, "sequenceId": edge.sequence, "released": edge.released} for edge in edges]


def common_state(view: View) -> dict[str, Any]:
    """The part of a state that both versions have."""
    loads = [{"loadId": load_id, "loadType": kind, "loadPosition": "TOP"} for load_id, kind in view.loads]
    return {
        "orderId": view.order_id,
        "orderUpdateId": view.update,
        "lastNodeId": view.node,
        "lastNodeSequenceId": view.sequence,
        "nodeStates": node_states(view.nodes),
        "edgeStates": edge_states(view.edges),
        "driving": view.driving,
        "paused": view.paused,
        "newBaseRequest": view.new_base,
        "distanceSinceLastNode": view.past_mm / 1000,
        "loads": loads,
        "velocity": {"vx": view.speed, "vy": 0.0, "omega": 0.0},
        "information": [],
    }


def about(complaint: Complaint) -> list[dict[str, str]]:
    return [{"referenceKey": key, "referenceValue": value} for key, value in complaint.about]


def parameters(names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"key": name, "valueDataType": "STRING", "isOptional": True} for name in names]


class Dialect2:
    """Version 2.1 (2024-08-19)."""

    major = 2
    version = "2.1.0"
    broken = "CONNECTIONBROKEN"
    modes = {
        "AUTOMATIC": "AUTOMATIC", "SEMIAUTOMATIC": "SEMIAUTOMATIC", "MANUAL": "MANUAL", "SERVICE": "SERVICE",
        "TEACH_IN": "TEACHIN",
    }  # fmt: skip
    instants = (
        "cancelOrder", "startPause", "stopPause", "stateRequest", "factsheetRequest", "startCharging", "stopCharging",
        "initPosition",
    )  # fmt: skip

    def holds(self, complaint: Complaint) -> bool:
        """Whether a vehicle with it does not drive on."""
        return complaint.level is Level.FATAL

    def state(self, view: View) -> dict[str, Any]:
        x, y, theta, map_id = view.pose
        return {
            **common_state(view),
            "actionStates": [self._action(each) for each in (*view.actions, *view.instants)],
            "agvPosition": {"x": x, "y": y, "theta": theta, "mapId": map_id, "positionInitialized": True},
            "batteryState": {"batteryCharge": round(view.percent, 2), "charging": view.charging},
            "operatingMode": self.modes[view.mode],
            "errors": [self._error(each) for each in view.errors],
            "safetyState": {"eStop": "MANUAL" if view.estop else "NONE", "fieldViolation": view.field},
        }

    def visualization(self, view: View, state_id: int) -> dict[str, Any]:
        state = self.state(view)
        return {name: state[name] for name in ("agvPosition", "velocity")}

    def factsheet(self, sheet: Sheet) -> dict[str, Any]:
        speed, rate = sheet.speed_mm_s / 1000, sheet.acceleration_mm_s2 / 1000
        strings = {
            "msgLen": "MessageLength",
            "topicSerialLen": "TopicSerialLength",
            "topicElemLen": "TopicElementLength",
        }
        lengths = {name: STRINGS[mine] for name, mine in strings.items()}
        arrays = {**array_limits(), "state.actionStates": NODES_MAX * ACTIONS_MAX + INSTANTS_MAX}
        load = {"setName": sheet.load_type, "loadType": sheet.load_type, "agvSpeedLimit": speed}
        return {
            "typeSpecification": {
                "seriesName": sheet.series,
                "agvKinematic": "DIFF",
                "agvClass": "CARRIER",
                "maxLoadMass": 50.0,
                "localizationTypes": ["GRID"],
                "navigationTypes": ["VIRTUAL_LINE_GUIDED"],
            },
            "physicalParameters": {
                "speedMin": 0.0, "speedMax": speed, "accelerationMax": rate, "decelerationMax": rate,
                "heightMax": 0.4, "width": 0.8, "length": 1.2,
            },
            "protocolLimits": {
                "maxStringLens": {**lengths, "idLen": ID_MAX, "loadIdLen": ID_MAX},
                "maxArrayLens": arrays,
                "timing": {"minOrderInterval": 0.0, "minStateInterval": 0.0, "defaultStateInterval": float(STATE_S)},
            },
            "protocolFeatures": {
                "optionalParameters": [],
                "agvActions": [
                    {"actionType": name, "actionScopes": scopes, "actionParameters": parameters(values)}
                    for name, scopes, values in offered(self.instants)
                ],
            },
            "agvGeometry": {},
            "loadSpecification": {
                "loadPositions": ["TOP"],
                "loadSets": [{**load, "pickTime": sheet.handling_s, "dropTime": sheet.handling_s}],
            },
        }  # fmt: skip

    def _action(self, each: ActionState) -> dict[str, Any]:
        status = "RUNNING" if each.status == "PAUSED" else each.status
        state = {"actionId": each.action.action_id, "actionType": each.action.kind, "actionStatus": status}
        return {**state, "resultDescription": each.result} if each.result else state

    def _error(self, each: Complaint) -> dict[str, Any]:
        return {
            "errorType": OLD_NAMES.get(each.problem, "orderError"),
            "errorLevel": "FATAL" if each.level is Level.FATAL else "WARNING",
            "errorDescription": f"{each.problem}: {each.says}",
            "errorReferences": about(each),
        }


class Dialect3:
    """Version 3.0 (2026-03-18)."""

    major = 3
    version = "3.0.0"
    broken = "CONNECTION_BROKEN"
    modes = {
        name: name
        for name in ("STARTUP", "AUTOMATIC", "SEMIAUTOMATIC", "INTERVENED", "MANUAL", "SERVICE", "TEACH_IN")
    }  # fmt: skip
    instants = (*Dialect2.instants[:-1], "initializePosition", "clearInstantActions")

    def holds(self, complaint: Complaint) -> bool:
        """Whether a vehicle with it does not drive on."""
        return complaint.level in (Level.CRITICAL, Level.FATAL)

    def state(self, view: View) -> dict[str, Any]:
        x, y, theta, map_id = view.pose
        return {
            **common_state(view),
            "actionStates": [self._action(each) for each in view.actions],
            "instantActionStates": [self._action(each) for each in view.instants],
            "mobileRobotPosition": {"x": x, "y": y, "theta": theta, "mapId": map_id, "localized": True},
            "powerSupply": {"stateOfCharge": round(view.percent, 2), "charging": view.charging},
            "operatingMode": self.modes[view.mode],
            "errors": [self._error(each) for each in view.errors],
            "safetyState": {
                "activeEmergencyStop": "MANUAL" if view.estop else "NONE",
                "fieldViolation": view.field,
            },
        }

    def visualization(self, view: View, state_id: int) -> dict[str, Any]:
        state = self.state(view)
        shown = {name: state[name] for name in ("mobileRobotPosition", "velocity")}
        return {"referenceStateHeaderId": state_id, **shown}

    def factsheet(self, sheet: Sheet) -> dict[str, Any]:
        speed, rate = sheet.speed_mm_s / 1000, sheet.acceleration_mm_s2 / 1000
        strings = {f"maximum{name}": length for name, length in STRINGS.items()}
        arrays = {
            **array_limits(),
            "state.actionStates": NODES_MAX * ACTIONS_MAX,
            "state.instantActionStates": INSTANTS_MAX,
        }
        load = {"setName": sheet.load_type, "loadType": sheet.load_type, "maximumSpeed": speed}
        return {
            "typeSpecification": {
                "seriesName": sheet.series,
                "mobileRobotKinematics": "DIFFERENTIAL",
                "mobileRobotClass": "CARRIER",
                "maximumLoadMass": 50.0,
                "localizationTypes": ["GRID"],
                "navigationTypes": ["VIRTUAL_LINE_GUIDED"],
            },
            "physicalParameters": {
                "minimumSpeed": 0.0, "maximumSpeed": speed, "maximumAcceleration": rate, "maximumDeceleration": rate,
                "minimumHeight": 0.3, "maximumHeight": 0.4, "width": 0.8, "length": 1.2,
            },
            "protocolLimits": {
                "maximumStringLengths": {**strings, "maximumLoadIdLength": ID_MAX},
                "maximumArrayLengths": arrays,
                "timing": {
                    "minimumOrderInterval": 0.0, "minimumStateInterval": 0.0, "defaultStateInterval": float(STATE_S),
                },
            },
            "protocolFeatures": {
                "optionalParameters": [],
                "mobileRobotActions": [
                    {
                        "actionType": name, "actionScopes": scopes, "actionParameters": parameters(values),
                        "pauseAllowed": False, "cancelAllowed": False,
                    }
                    for name, scopes, values in offered(self.instants)
                ],
            },
            "mobileRobotGeometry": {},
            "loadSpecification": {
                "loadPositions": ["TOP"],
                "loadSets": [{**load, "pickTime": sheet.handling_s, "dropTime": sheet.handling_s}],
            },
        }  # fmt: skip

    def _action(self, each: ActionState) -> dict[str, Any]:
        state = {"actionId": each.action.action_id, "actionType": each.action.kind, "actionStatus": each.status}
        return {**state, "actionResult": each.result} if each.result else state

    def _error(self, each: Complaint) -> dict[str, Any]:
        return {
            "errorType": str(each.problem),
            "errorLevel": str(each.level),
            "errorDescription": each.says,
            "errorReferences": about(each),
        }


Dialect = Dialect2 | Dialect3
DIALECTS: dict[str, Dialect] = {"2.1": Dialect2(), "3.0": Dialect3()}
"""The version of a vehicle in the site file -> how it speaks."""


def array_limits() -> dict[str, int]:
    """In the names that both versions share."""
    return {
        "order.nodes": NODES_MAX,
        "order.edges": NODES_MAX - 1,
        "node.actions": ACTIONS_MAX,
        "edge.actions": 0,
        "actions.actionsParameters": PARAMETERS_MAX,
        "instantActions": ACTIONS_MAX,
        "state.nodeStates": NODES_MAX,
        "state.edgeStates": NODES_MAX,
        "state.loads": 1,
        "state.errors": ERRORS_MAX,
    }


def offered(instants: tuple[str, ...]) -> list[tuple[str, list[str], tuple[str, ...]]]:
    """Every action a vehicle does: its name, its scopes, its parameters."""
    found: list[tuple[str, list[str], tuple[str, ...]]] = [(name, ["NODE"], LOAD_VALUES) for name in HANDLING]
    for name in instants:
        scopes = ["INSTANT", "NODE"] if name.endswith("Charging") else ["INSTANT"]
        values = ("orderId",) if name == "cancelOrder" else ()
        found.append((name, scopes, values))
    return found
