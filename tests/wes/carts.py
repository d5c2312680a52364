"""Vehicles that do as they are told, one node at a time, in the words of the messages; and a small site with a layout.

h0 - a - b - c - h1      a, b, c in a row, both ways, with a loop a > d > e > c and back
     |       |           stations: sorter1/L13 at a, sorter1/L01 at c, sorter1/L02 at e; a charger p beside b
     d - - - e
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from edge.messages import Message, Site, Task, TaskKind
from edge.messages.tracks import Fleet, Station, TrackEdge, TrackNode, Vehicle
from edge.messages.vehicles import (
    ActionKind,
    ActionProgress,
    ActionStatus,
    CancelDrive,
    DriveAction,
    DriveEdge,
    DriveEnded,
    DriveNode,
    DriveProgressed,
    DriveVehicle,
    VehicleChanged,
    VehicleLink,
    VehicleMode,
)
from edge.wes.engine import Engine
from tests.wes.scene import Play, pick, small_site

SPOTS = {
    "h0": (-2000, 0), "a": (0, 0), "b": (5000, 0), "c": (10_000, 0), "h1": (12_000, 0),
    "d": (0, 5000), "e": (10_000, 5000), "p": (5000, -2000),
}  # fmt: skip
LANES = (("h0", "a"), ("a", "b"), ("b", "c"), ("c", "h1"), ("a", "d"), ("d", "e"), ("e", "c"), ("b", "p"))


def small_fleet(vehicles: int = 2, **changes: Any) -> Fleet:
    def length_mm(a: str, b: str) -> int:
        return abs(SPOTS[a][0] - SPOTS[b][0]) + abs(SPOTS[a][1] - SPOTS[b][1])

    ways = [way for a, b in LANES for way in ((a, b), (b, a))]
    nodes = [TrackNode(node_id=n, x_mm=x, y_mm=y, map_id="hall", charge=n == "p") for n, (x, y) in SPOTS.items()]
    values: dict[str, Any] = {
        "nodes": tuple(nodes),
        "edges": tuple(TrackEdge(edge_id=f"{a}-{b}", start=a, end=b, length_mm=length_mm(a, b)) for a, b in ways),
        "stations": (
            Station(location="sorter1/L13", nodes=("a",)),
            Station(location="sorter1/L01", nodes=("c",)),
            Station(location="sorter1/L02", nodes=("e",)),
        ),
        "vehicles": tuple(Vehicle(vehicle_id=f"agv{n}", home=f"h{n}") for n in range(vehicles)),
        "handling_ms": 5000,
    }
    return Fleet(**(values | changes))


def fleet_site(vehicles: int = 2, **changes: Any) -> Site:
    return replace(small_site(), fleet=small_fleet(vehicles, **changes))


def carry(name: str, hu: str, source: str = "sorter1/L13", target: str = "sorter1/L01", **changes: Any) -> Task:
    values = {"kind": TaskKind.CARRY, "skill": "carry", "zone": "DOCK", "source": source, "target": target}
    return pick(name, hu, **({"quantity": 1, "barcode": hu} | values | changes))


@dataclass
class Cart:
    """One vehicle: keeps the rules of VDA 5050 for orders and complains about an order that breaks them."""

    vehicle_id: str
    node_id: str
    drive_id: str = ""
    update: int = 0
    sequence: int = 0
    nodes: list[DriveNode] = field(default_factory=list)
    edges: list[DriveEdge] = field(default_factory=list)
    done: dict[str, ActionStatus] = field(default_factory=dict)
    kinds: list[ActionKind] = field(default_factory=list)
    loads: tuple[str, ...] = ()
    battery: int = 80
    charging: bool = False
    view: dict[str, Any] = field(default_factory=dict)
    fails: dict[ActionKind, int] = field(default_factory=dict)
    """How often an action of this kind is going to fail."""
    orders: list[DriveVehicle] = field(default_factory=list)
    deaf: bool = False

    def obey(self, message: DriveVehicle | CancelDrive) -> None:
        if self.deaf:
            return
        if isinstance(message, CancelDrive):
            self.cancelled = message.drive_id
            self.nodes, self.edges = self.nodes[:1], []
            return
        if self.orders and (message.drive_id, message.update) == (self.orders[-1].drive_id, self.orders[-1].update):
            assert replace(message, begun=False) == self.orders[-1], "told again with other content"
            return
        self.check(message)
        self.orders.append(message)
        first = message.nodes[0]
        if message.drive_id != self.drive_id:
            assert not self.busy, "a new order before the old one is over"
            assert message.update == 0
            assert (first.sequence, first.node_id) == (0, self.node_id)
            self.drive_id, self.sequence, self.nodes, self.edges, self.done = message.drive_id, 0, [], [], {}
        else:
            assert message.update == self.update + 1
            base = [node for node in self.nodes if node.released]
            assert first == base[-1], "the stitching node has changed"
            self.nodes = base[:-1]
            self.edges = [edge for edge in self.edges if edge.released]
        self.update = message.update
        self.nodes += message.nodes
        self.edges += message.edges

    cancelled: str = ""

    def check(self, message: DriveVehicle) -> None:
        numbers = [n.sequence for n in message.nodes] + [e.sequence for e in message.edges]
        first = message.nodes[0].sequence
        assert sorted(numbers) == list(range(first, first + len(numbers))), "gaps in the sequence"
        assert len(message.edges) == len(message.nodes) - 1
        assert message.nodes[0].released
        for a, edge, b in zip(message.nodes, message.edges, message.nodes[1:], strict=False):
            assert (edge.start, edge.end) == (a.node_id, b.node_id)
            assert edge.sequence == a.sequence + 1
            assert edge.released == b.released
            assert a.released or not b.released

    @property
    def busy(self) -> bool:
        return len(self.nodes) > 1 or any(action.action_id not in self.done for action in self.here())

    def here(self) -> Iterable[DriveAction]:
        return self.nodes[0].actions if self.nodes else ()

    def step(self) -> None:
        """Do what is to be done here, or drive to the next released node."""
        waiting = [action for action in self.here() if action.action_id not in self.done]
        if waiting:
            self.act(waiting[0])
        elif len(self.nodes) > 1 and self.nodes[1].released:
            self.nodes.pop(0)
            self.edges.pop(0)
            self.node_id, self.sequence = self.nodes[0].node_id, self.nodes[0].sequence

    def act(self, action: DriveAction) -> None:
        if self.fails.get(action.kind, 0):
            self.fails[action.kind] -= 1
            self.done[action.action_id] = ActionStatus.FAILED
            return
        self.kinds.append(action.kind)
        self.done[action.action_id] = ActionStatus.FINISHED
        if action.kind is ActionKind.PICK:
            assert not self.loads
            self.loads = (action.hu_id,)
        elif action.kind is ActionKind.DROP:
            assert self.loads == (action.hu_id,)
            self.loads = ()
        elif action.kind is ActionKind.START_CHARGING:
            self.charging = True
        elif action.kind is ActionKind.STOP_CHARGING:
            self.charging = False

    def says(self, at_ms: int) -> list[Message]:
        """What the wall would report of it now."""
        values: dict[str, Any] = {
            "link": VehicleLink.ONLINE,
            "mode": VehicleMode.AUTOMATIC,
            "battery": self.battery,
            "charging": self.charging,
            "node_id": self.node_id,
            "loads": self.loads,
            "busy_with": self.drive_id if self.busy else "",
        }
        said: list[Message] = [VehicleChanged(at_ms=at_ms, vehicle_id=self.vehicle_id, **(values | self.view))]
        if self.drive_id:
            actions = tuple(ActionProgress(action_id=key, status=status) for key, status in self.done.items())
            said.append(
                DriveProgressed(
                    at_ms=at_ms,
                    vehicle_id=self.vehicle_id,
                    drive_id=self.drive_id,
                    update=self.update,
                    node_id=self.node_id,
                    sequence=self.sequence,
                    actions=actions,
                )
            )
        if self.cancelled:
            ended, self.cancelled = self.cancelled, ""
            said.append(
                DriveEnded(at_ms=at_ms, vehicle_id=self.vehicle_id, drive_id=ended, result="CANCELLED", reason="")
            )
        return said


class Hall:
    """An engine and its vehicles; every message in and out is kept, to be decided again."""

    def __init__(self, site: Site | None = None, vehicles: int = 2) -> None:
        self.play = Play(site=site or fleet_site(vehicles))
        self.log: list[tuple[int, Message, list[Message]]] = []
        self.carts = {f"agv{n}": Cart(f"agv{n}", f"h{n}") for n in range(vehicles)}
        self.out: list[Message] = []

    @property
    def engine(self) -> Engine:
        return self.play.engine

    def tell(self, message: Message) -> list[Message]:
        out = self.play.tell(message)
        self.log.append((self.play.now, message, out))
        self.out += out
        for each in out:
            if isinstance(each, DriveVehicle | CancelDrive):
                self.carts[each.vehicle_id].obey(each)
        return out

    def hear(self, *names: str) -> None:
        """The vehicles say how they are."""
        for name in names or tuple(self.carts):
            if not self.carts[name].deaf:
                for message in self.carts[name].says(self.play.now):
                    self.tell(message)

    def go(self, rounds: int = 40, *names: str) -> None:
        """Everybody drives on, round after round, a second each."""
        for _ in range(rounds):
            self.play.now += 1000
            for name in names or tuple(self.carts):
                self.carts[name].step()
                self.hear(name)

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.out if isinstance(message, kind)]
