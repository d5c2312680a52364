"""What is left of a vehicle's order, and which orders and updates it takes (VDA 5050 3.0: 6.1.2 to 6.1.4, figure 8)."""

from enum import Enum

from plc_sim.vehicle_errors import Problem, Refused
from plc_sim.vehicle_order import Action, Edge, Node, Order
from plc_sim.vehicle_track import Lane, Track

NODE_ACTIONS = ("pick", "drop", "startCharging", "stopCharging")


class Verdict(Enum):
    NEW = "new"
    UPDATE = "update"
    SAME = "same"
    """Told again; ignored."""


class Course:
    """`nodes` and `edges` are still to come; `order_id` and `update` stay when everything is done."""

    def __init__(self, track: Track, major: int) -> None:
        self.order_id = ""
        self.update = 0
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.cancelled = False
        self._newest: Order | None = None
        self._stitch: Node | None = None
        """Last node of the base: an update begins there."""
        self._track = track
        self._major = major

    @property
    def waits(self) -> bool:
        """At the end of its base, with a horizon."""
        return bool(self.edges) and not self.edges[0].released

    @property
    def runs_short(self) -> bool:
        """No more than one edge of the base is left, and there is a horizon."""
        return any(not edge.released for edge in self.edges[:2])

    def judge(self, order: Order, *, idle: bool, node: str, lane: Lane | None) -> Verdict:
        """Whether the vehicle takes it, standing at `node` or somewhere on `lane`. Raises Refused."""
        if order.order_id != self.order_id or self._newest is None:
            if not idle:
                self._refuse(Problem.OTHER_ORDER_ACTIVE, f"order {self.order_id} is not done", order)
            if order.update and self._major == 3:
                self._refuse(Problem.VALIDATION_FAILURE, "orderUpdateId: a new order begins with 0", order)
            self._check_content(order)
            self._check_start(order, node, lane)
            return Verdict.NEW
        if order.update < self.update:
            self._refuse(Problem.OUTDATED_ORDER_UPDATE, f"update {self.update} is here already", order)
        if order.update == self.update:
            if order.content != self._newest.content:
                self._refuse(Problem.SAME_ORDER_UPDATE_ID, f"update {self.update} was something else", order)
            return Verdict.SAME
        if self.cancelled:
            self._refuse(Problem.ORDER_UPDATE_FOLLOWING_CANCEL, "the order was cancelled", order)
        self._check_content(order)
        first, stitch = order.nodes[0], self._stitch
        if stitch is None or first.content != stitch.content:
            ends = f"{stitch.node_id} ({stitch.sequence})" if stitch else "nowhere"
            says = f"it begins at {first.node_id} ({first.sequence}), the base ends at {ends} with other content"
            self._refuse(Problem.BAD_STITCH, says, order)
        return Verdict.UPDATE

    def take(self, order: Order, verdict: Verdict) -> tuple[list[Action], list[Action]]:
        """Take it over: the actions that come with it, and those that went with the old horizon."""
        gone: list[Action] = []
        if verdict is Verdict.NEW:
            self.nodes, self.edges, self.cancelled = [], [], False
            come = [action for node in order.nodes for action in node.actions]
        else:
            gone = [action for node in self.nodes if not node.released for action in node.actions]
            self.nodes = [node for node in self.nodes if node.released]
            self.edges = [edge for edge in self.edges if edge.released]
            come = [action for node in order.nodes[1:] for action in node.actions]
        self.nodes += order.nodes[1:]
        self.edges += order.edges
        self.order_id, self.update, self._newest = order.order_id, order.update, order
        self._stitch = [node for node in order.nodes if node.released][-1]
        return come, gone

    def arrive(self) -> Node:
        """The next node was reached."""
        self.edges.pop(0)
        return self.nodes.pop(0)

    def cancel(self, *, to_node: bool) -> None:
        """Nothing more is to come, save the node ahead when the vehicle is under way to it."""
        self.cancelled = True
        keep = 1 if to_node else 0
        self.nodes = [Node(n.node_id, n.sequence, n.released, n.map_id, n.reach_mm, (), "") for n in self.nodes[:keep]]
        self.edges = self.edges[:keep]

    def _check_content(self, order: Order) -> None:
        """What the vehicle can do and knows."""
        for edge in order.edges:
            lane = self._track.lanes.get(edge.edge_id)
            if lane is None or (lane.start.node_id, lane.end.node_id) != (edge.start, edge.end):
                says = f"no edge {edge.edge_id} from {edge.start} to {edge.end} is on its map"
                self._refuse(Problem.NO_ROUTE_TO_TARGET, says, order, ("edgeId", edge.edge_id))
            if edge.unusable:
                says = f"it follows its own map and cannot use {edge.unusable[0]}"
                self._refuse(Problem.UNSUPPORTED_PARAMETER, says, order, ("parameter", edge.unusable[0]))
            for action in edge.actions:
                says = f"{action.kind} is not done on edges"
                self._refuse(Problem.INVALID_ORDER_ACTION, says, order, ("actionId", action.action_id))
        for node in order.nodes:
            spot = self._track.spots.get(node.node_id)
            if spot is None:
                says = f"no node {node.node_id} is on its map"
                self._refuse(Problem.NO_ROUTE_TO_TARGET, says, order, ("nodeId", node.node_id))
            elif node.map_id not in ("", spot.map_id):
                says = f"{node.node_id} is on map {spot.map_id}, not on {node.map_id}"
                self._refuse(Problem.UNKNOWN_MAP_ID, says, order, ("mapId", node.map_id))
            for action in node.actions:
                if action.kind not in NODE_ACTIONS:
                    says = f"{action.kind} is not done at nodes"
                    self._refuse(Problem.INVALID_ORDER_ACTION, says, order, ("actionId", action.action_id))

    def _check_start(self, order: Order, node: str, lane: Lane | None) -> None:
        """It follows its lines: between two nodes it can only begin where it comes from, and go on along its lane."""
        first = order.nodes[0]
        if lane is not None:
            onward = order.edges[0].edge_id if order.edges else ""
            if first.node_id != lane.start.node_id or onward != lane.edge_id:
                says = f"it stands on {lane.edge_id} and can only begin at {lane.start.node_id} along this edge"
                self._refuse(Problem.START_NODE_OUT_OF_RANGE, says, order, ("nodeId", first.node_id))
        elif first.node_id != node:
            says = f"it stands at {node or 'no node'}, the order begins at {first.node_id}"
            self._refuse(Problem.START_NODE_OUT_OF_RANGE, says, order, ("nodeId", first.node_id))

    def _refuse(self, problem: Problem, says: str, order: Order, *more: tuple[str, str]) -> None:
        raise Refused(problem, says, *order.about, *more)
