"""What both versions have in common on the wire: the header, the parts of a state, and how a message is read."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from edge.messages.vehicles import (
    ActionKind,
    ActionProgress,
    ActionStatus,
    DriveAction,
    DriveEdge,
    DriveNode,
    DriveVehicle,
    ErrorLevel,
    VehicleError,
    VehicleMode,
)
from edge.vda5050.neutral import BODY_MAX_BYTES, TEXT_MAX, Address, Fault, Instant, Rubbish, VehicleState

Id = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=20_000)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Number = Annotated[float, Field(allow_inf_nan=False)]
NAMES: dict[ActionKind, str] = {
    ActionKind.PICK: "pick",
    ActionKind.DROP: "drop",
    ActionKind.START_CHARGING: "startCharging",
    ActionKind.STOP_CHARGING: "stopCharging",
    ActionKind.PAUSE: "startPause",
    ActionKind.RESUME: "stopPause",
}
"""Predefined actions, named alike in both versions."""
KINDS = {name: kind for kind, name in NAMES.items()}
CANCEL, STATE, FACTSHEET = "cancelOrder", "stateRequest", "factsheetRequest"


class Part(BaseModel):
    """Unknown fields are ignored, types are not guessed."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", strict=True, frozen=True)


class Header(Part):
    header_id: Count = 0
    timestamp: Id = ""
    version: Id
    manufacturer: Id
    serial_number: Id


class NodeState(Part):
    node_id: Id
    sequence_id: Count
    released: bool


class EdgeState(Part):
    edge_id: Id
    sequence_id: Count
    released: bool


class ActionState(Part):
    action_id: Id
    action_status: Id
    result_description: Text = ""
    action_result: Text = ""


class Load(Part):
    load_id: Id = ""


class Reference(Part):
    reference_key: Id
    reference_value: Text


class Error(Part):
    error_type: Id
    error_level: Id
    error_description: Text = ""
    error_references: Annotated[list[Reference], Field(max_length=100)] = []


class SentState(Header):
    """The part of a state that both versions have."""

    order_id: Id
    order_update_id: Count
    last_node_id: Id
    last_node_sequence_id: Count
    driving: bool
    paused: bool = False
    distance_since_last_node: Number = 0.0
    operating_mode: Id
    node_states: Annotated[list[NodeState], Field(max_length=5_000)]
    edge_states: Annotated[list[EdgeState], Field(max_length=5_000)]
    loads: Annotated[list[Load], Field(max_length=100)] | None = None
    action_states: Annotated[list[ActionState], Field(max_length=5_000)]
    errors: Annotated[list[Error], Field(max_length=1_000)]


class Connection(Header):
    connection_state: Id


M = TypeVar("M", bound=Header)
V = TypeVar("V")


def read(model: type[M], sender: Address, major: str, body: bytes) -> M:
    """One message of a vehicle. Raises Rubbish."""
    if len(body) > BODY_MAX_BYTES:
        raise Rubbish(f"{len(body)} bytes are more than the {BODY_MAX_BYTES} allowed")
    try:
        message = model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "message"
        raise Rubbish(f"{where}: {first['msg']}, got {str(first.get('input'))[:60]!r}") from error
    if not message.version.startswith(f"{major}."):
        raise Rubbish(
            f"version: {message.version[:20]!r}, expected {major}.x; set the vehicle's version in the site file"
        )
    if (message.manufacturer, message.serial_number) != (sender.manufacturer, sender.serial):
        raise Rubbish(f"manufacturer/serialNumber: {message.manufacturer}/{message.serial_number} are not the topic's")
    return message


def known(name: str, value: str, table: dict[str, V]) -> V:
    """The meaning of an enumerated value. Raises Rubbish."""
    if value not in table:
        raise Rubbish(f"{name}: {value[:40]!r} is none of {', '.join(table)}")
    return table[value]


def progress(states: list[ActionState]) -> tuple[ActionProgress, ...]:
    statuses = {status.value.upper(): status for status in ActionStatus}
    return tuple(
        ActionProgress(
            action_id=each.action_id,
            status=known("actionStatus", each.action_status, statuses),
            result=(each.result_description or each.action_result)[:TEXT_MAX],
        )
        for each in states
    )


def faults(errors: list[Error], levels: dict[str, ErrorLevel]) -> tuple[Fault, ...]:
    return tuple(
        Fault(
            error=VehicleError(
                level=known("errorLevel", each.error_level, levels),
                kind=each.error_type,
                text=each.error_description[:TEXT_MAX],
            ),
            about=tuple((ref.reference_key, ref.reference_value[:TEXT_MAX]) for ref in each.error_references),
        )
        for each in errors
    )


def vehicle_state(
    said: SentState,
    *,
    mode: VehicleMode,
    stopped: str,
    battery: float,
    charging: bool,
    localized: bool,
    levels: dict[str, ErrorLevel],
    more_actions: Sequence[ActionState] = (),
) -> VehicleState:
    """A state in neutral words; given are those that the versions name differently. Raises Rubbish."""
    return VehicleState(
        order_id=said.order_id,
        update=said.order_update_id,
        node_id=said.last_node_id,
        sequence=said.last_node_sequence_id,
        left=len(said.node_states) + len(said.edge_states),
        driving=said.driving,
        paused=said.paused,
        mode=mode,
        stopped=stopped,
        battery=max(0, min(100, math.floor(battery))),
        charging=charging,
        localized=localized,
        past_mm=mm(said.distance_since_last_node),
        loads=None if said.loads is None else tuple(load.load_id for load in said.loads),
        actions=progress([*said.action_states, *more_actions]),
        faults=faults(said.errors, levels),
        header_id=said.header_id,
        stamp=said.timestamp,
    )


def mm(metres: float) -> int:
    """Thousandths, of a number that may be absurd."""
    return round(max(-1e9, min(1e9, metres)) * 1000)


def header(to: Address, version: str, header_id: int, at_ms: int) -> dict[str, Any]:
    stamp = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "headerId": header_id,
        "timestamp": stamp,
        "version": version,
        "manufacturer": to.manufacturer,
        "serialNumber": to.serial,
    }


def written(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def order(top: dict[str, Any], command: DriveVehicle, speed_name: str) -> bytes:
    """An order message under this header."""
    ids = {"orderId": command.drive_id, "orderUpdateId": command.update}
    nodes = [node(each) for each in command.nodes]
    return written({**top, **ids, "nodes": nodes, "edges": [edge(each, speed_name) for each in command.edges]})


def instant_actions(top: dict[str, Any], actions: Sequence[Instant]) -> bytes:
    """Instant actions under this header: they wait for nothing."""
    return written({**top, "actions": [instant(each) for each in actions]})


def edge(each: DriveEdge, speed_name: str) -> dict[str, Any]:
    speed = {speed_name: each.speed_mm_s / 1000} if each.speed_mm_s else {}
    return {
        "edgeId": each.edge_id,
        "sequenceId": each.sequence,
        "released": each.released,
        "startNodeId": each.start,
        "endNodeId": each.end,
        "length": each.length_mm / 1000,
        "actions": [],
        **speed,
    }


def node(each: DriveNode) -> dict[str, Any]:
    position: dict[str, Any] = {"x": each.x_mm / 1000, "y": each.y_mm / 1000, "mapId": each.map_id}
    if each.theta_mrad is not None:
        position["theta"] = max(-math.pi, min(math.pi, each.theta_mrad / 1000))
    return {
        "nodeId": each.node_id,
        "sequenceId": each.sequence,
        "released": each.released,
        "nodePosition": position,
        "actions": [action(act) for act in each.actions],
    }


def action(each: DriveAction) -> dict[str, Any]:
    """An action of an order: nothing else, and no driving, while it lasts."""
    known_values = {
        "stationType": each.station_kind,
        "stationName": each.station,
        "loadType": each.load_type,
        "loadId": each.hu_id,
    }
    return {
        "actionType": NAMES[each.kind],
        "actionId": each.action_id,
        "blockingType": "HARD",
        "actionParameters": parameters(tuple((key, value) for key, value in known_values.items() if value)),
    }


def instant(each: Instant) -> dict[str, Any]:
    return {
        "actionType": each.name,
        "actionId": each.action_id,
        "blockingType": "NONE",
        "actionParameters": parameters(each.parameters),
    }


def parameters(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in pairs]
