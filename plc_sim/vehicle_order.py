"""Orders and instant actions as a vehicle reads them: every rule of VDA 5050 that one message can break by itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plc_sim.vehicle_errors import Problem, Refused

NODES_MAX = 60
ACTIONS_MAX = 10
"""At one node or edge, and in one message of instant actions."""
PARAMETERS_MAX = 20
ID_MAX = 128
BODY_MAX_BYTES = 200_000
UNUSABLE = ("trajectory", "corridor")
"""Fields of an edge that these vehicles, which follow their own map, cannot use."""
BLOCKING = {2: ("NONE", "SOFT", "HARD"), 3: ("NONE", "SOFT", "SINGLE", "HARD")}


class Malformed(Exception):
    """Which field is wrong, and how."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do; `values` are its parameters."""

    action_id: str
    kind: str
    blocking: str
    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        value = self.values.get(name, "")
        return value if isinstance(value, str) else str(value)


@dataclass(frozen=True, slots=True)
class Node:
    """`content` is all the message says of it; `reach_mm` how far from it one may be and still count as there."""

    node_id: str
    sequence: int
    released: bool
    map_id: str
    reach_mm: int
    actions: tuple[Action, ...]
    content: str


@dataclass(frozen=True, slots=True)
class Edge:
    """`speed_mm_s` 0 = no limit."""

    edge_id: str
    sequence: int
    released: bool
    start: str
    end: str
    speed_mm_s: int
    actions: tuple[Action, ...]
    unusable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """`content` is all of the message but its header."""

    header_id: int
    order_id: str
    update: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    content: str

    @property
    def about(self) -> tuple[tuple[str, str], ...]:
        """References of a complaint about it."""
        return (
            ("headerId", str(self.header_id)),
            ("topic", "order"),
            ("orderId", self.order_id),
            ("orderUpdateId", str(self.update)),
        )


class Part:
    """A JSON object and where it stands; what it should have and has not is Malformed."""

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise Malformed(f"{where or 'message'}: not an object")
        self.data: dict[str, Any] = data
        self._where = where

    def at(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name

    def text(self, name: str) -> str:
        value = self.data.get(name)
        if not isinstance(value, str) or not value or len(value) > ID_MAX:
            raise Malformed(f"{self.at(name)}: {value!r:.60} is not a text of 1 to {ID_MAX} characters")
        return value

    def whole(self, name: str) -> int:
        value = self.data.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
            raise Malformed(f"{self.at(name)}: {value!r:.60} is not a whole number from 0 on")
        return value

    def flag(self, name: str) -> bool:
        value = self.data.get(name)
        if not isinstance(value, bool):
            raise Malformed(f"{self.at(name)}: {value!r:.60} is neither true nor false")
        return value

    def mm(self, name: str, default: int | None = None) -> int:
        """Metres in the message."""
        value = self.data.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
            raise Malformed(f"{self.at(name)}: {value!r:.60} is not a number")
        return round(value * 1000)

    def parts(self, name: str, most: int) -> list["Part"]:
        rows = self.data.get(name)
        if not isinstance(rows, list) or len(rows) > most:
            raise Malformed(f"{self.at(name)}: not a list of at most {most}")
        return [Part(row, f"{self.at(name)}[{index}]") for index, row in enumerate(rows)]


def parse(body: bytes, major: int, maker: str, serial: str) -> Part:
    """The message, if it is JSON of this version for this vehicle. Raises Malformed."""
    if len(body) > BODY_MAX_BYTES:
        raise Malformed(f"message: longer than {BODY_MAX_BYTES} bytes")
    try:
        message = Part(json.loads(body), "")
    except (ValueError, RecursionError) as error:
        raise Malformed(f"message: not JSON: {error}") from None
    message.whole("headerId")
    message.text("timestamp")
    if not message.text("version").startswith(f"{major}."):
        raise Malformed(f"version: {message.data['version']!r:.20} is not {major}.x, which this vehicle speaks")
    for name, mine in (("manufacturer", maker), ("serialNumber", serial)):
        if message.text(name) != mine:
            raise Malformed(f"{name}: {message.data[name]!r:.60} is not {mine!r}, which this vehicle is")
    return message


def references(body: bytes, topic: str) -> tuple[tuple[str, str], ...]:
    """What can be read of a malformed message, to name it by."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    found = data if isinstance(data, dict) else {}
    named = [(name, str(found[name])[:ID_MAX]) for name in ("headerId", "orderId", "orderUpdateId") if name in found]
    return (("topic", topic), *named)


def content_of(data: object) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def read_action(part: Part, major: int) -> Action:
    blocking = part.text("blockingType")
    if blocking not in BLOCKING[major]:
        raise Malformed(f"{part.at('blockingType')}: {blocking!r} is none of {', '.join(BLOCKING[major])}")
    rows = part.parts("actionParameters", PARAMETERS_MAX) if part.data.get("actionParameters") is not None else []
    for row in rows:
        if "value" not in row.data:
            raise Malformed(f"{row.at('value')}: missing")
    values = {row.text("key"): row.data["value"] for row in rows}
    return Action(part.text("actionId"), part.text("actionType"), blocking, values)


def read_node(part: Part, major: int) -> Node:
    position = Part(part.data.get("nodePosition", {"x": 0, "y": 0, "mapId": "?"}), part.at("nodePosition"))
    position.mm("x")
    position.mm("y")
    reach: Any = position.data.get("allowedDeviationXY")
    if major == 3 and reach is not None:
        ellipse = Part(reach, position.at("allowedDeviationXY"))
        reach_mm = min(ellipse.mm("a"), ellipse.mm("b"))
    else:
        reach_mm = position.mm("allowedDeviationXY", 0)
    return Node(
        node_id=part.text("nodeId"),
        sequence=part.whole("sequenceId"),
        released=part.flag("released"),
        map_id=position.text("mapId") if "nodePosition" in part.data else "",
        reach_mm=reach_mm,
        actions=tuple(read_action(each, major) for each in part.parts("actions", ACTIONS_MAX)),
        content=content_of(part.data),
    )


def read_edge(part: Part, major: int) -> Edge:
    return Edge(
        edge_id=part.text("edgeId"),
        sequence=part.whole("sequenceId"),
        released=part.flag("released"),
        start=part.text("startNodeId"),
        end=part.text("endNodeId"),
        speed_mm_s=part.mm("maxSpeed" if major == 2 else "maximumSpeed", 0),
        actions=tuple(read_action(each, major) for each in part.parts("actions", ACTIONS_MAX)),
        unusable=tuple(name for name in UNUSABLE if part.data.get(name) is not None),
    )


def read_order(message: Part, major: int) -> Order:
    """Raises Malformed; Refused when it is longer than the vehicle can remember."""
    named = (("orderId", message.text("orderId")), ("orderUpdateId", str(message.whole("orderUpdateId"))))
    rows = message.data.get("nodes")
    if isinstance(rows, list) and len(rows) > NODES_MAX:
        raise Refused(Problem.INSUFFICIENT_MEMORY, f"{len(rows)} nodes; {NODES_MAX} is what it can take", *named)
    body = {name: value for name, value in message.data.items() if name not in ("headerId", "timestamp")}
    order = Order(
        header_id=message.whole("headerId"),
        order_id=message.text("orderId"),
        update=message.whole("orderUpdateId"),
        nodes=tuple(read_node(each, major) for each in message.parts("nodes", NODES_MAX)),
        edges=tuple(read_edge(each, major) for each in message.parts("edges", NODES_MAX)),
        content=content_of(body),
    )
    check_graph(order)
    acts = [*(node.actions for node in order.nodes), *(edge.actions for edge in order.edges)]
    ids = [action.action_id for each in acts for action in each]
    if len(set(ids)) < len(ids):
        raise Malformed("actionId: one is used twice")
    return order


def check_graph(order: Order) -> None:
    """Nodes and edges in turn, numbered without a gap, released from the beginning on. Raises Malformed."""
    nodes, edges = order.nodes, order.edges
    if not nodes or len(edges) != len(nodes) - 1:
        raise Malformed(
            f"edges: {len(edges)} for {len(nodes)} nodes; there is one less than nodes, and one node at least"
        )
    first = nodes[0].sequence
    if first % 2:
        raise Malformed(f"nodes[0].sequenceId: {first}; nodes have even numbers")
    if not nodes[0].released:
        raise Malformed("nodes[0].released: false; an order begins with its base")
    for index, (edge, before, after) in enumerate(zip(edges, nodes, nodes[1:], strict=False)):
        if (edge.sequence, after.sequence) != (first + 2 * index + 1, first + 2 * index + 2):
            raise Malformed(f"edges[{index}].sequenceId: {edge.sequence}, {after.sequence} after it; there is a gap")
        if (edge.start, edge.end) != (before.node_id, after.node_id):
            raise Malformed(f"edges[{index}]: leads from {edge.start} to {edge.end}, not between its neighbours")
        if edge.released and not after.released:
            raise Malformed(f"edges[{index}].released: true, but the node behind it is not released")
        if (after.released and not edge.released) or (edge.released and not before.released):
            raise Malformed(f"edges[{index}].released: nothing is released behind what is not")


def read_instants(message: Part, major: int) -> Sequence[Action]:
    """Raises Malformed."""
    actions = [read_action(each, major) for each in message.parts("actions", ACTIONS_MAX)]
    if major == 3 and any(action.blocking != "NONE" for action in actions):
        raise Malformed("actions: the blockingType of an instant action is NONE")
    return actions
