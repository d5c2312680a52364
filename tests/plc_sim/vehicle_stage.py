"""A small layout with one vehicle or more, a fleet control that writes bare JSON, and schemas for all they answer.

H1 - A - B - C - H2     both ways, 4 m each; stations sorter1/L13 at A and sorter1/L01 at C; a charger at H1
         |
         D
"""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema

from edge.settings import FleetSettings, SiteSettings, VehicleSettings
from plc_sim.actuations import Actuation, Did
from plc_sim.faults import Target
from plc_sim.troubles import Troubles
from plc_sim.vehicle import Vehicle
from plc_sim.vehicles import KIND, add_vehicles
from plc_sim.world import World
from tests.plc_sim.stage import site_with

SCHEMAS = Path(__file__).parents[2] / "edge" / "vda5050" / "schemas"
VERSIONS = ("2.1", "3.0")
SPOTS = {"H1": (0, 0), "A": (4000, 0), "B": (8000, 0), "C": (12_000, 0), "H2": (16_000, 0), "D": (8000, 4000)}
LANES = (("H1", "A"), ("A", "B"), ("B", "C"), ("C", "H2"), ("B", "D"))
SOURCE, TARGET = "sorter1/L13", "sorter1/L01"


def fleet_settings(**more: Any) -> FleetSettings:
    nodes = [{"node_id": n, "x_mm": x, "y_mm": y, "map_id": "hall", "charge": n == "H1"} for n, (x, y) in SPOTS.items()]
    edges = [{"edge_id": f"{a}-{b}", "start": a, "end": b} for lane in LANES for a, b in (lane, lane[::-1])]
    stations = [{"location": SOURCE, "nodes": ["A"]}, {"location": TARGET, "nodes": ["C"], "name": "lane one"}]
    values = {"nodes": nodes, "edges": edges, "stations": stations, "handling_ms": 4000}
    return FleetSettings.model_validate(values | more)


def vehicle_site(*versions: str, **more: Any) -> SiteSettings:
    """The default site with so many vehicles, at H1 and H2."""
    vehicles = tuple(
        VehicleSettings.model_validate(
            {"vehicle_id": f"agv{n}", "manufacturer": "acme", "serial": f"00{n}", "home": f"H{n}", "version": version}
        )
        for n, version in enumerate(versions, start=1)
    )
    return site_with().model_copy(update={"vehicles": vehicles, "fleet": fleet_settings(**more)})


@cache
def validator(version: str, topic: str) -> Any:
    schema = json.loads((SCHEMAS / version / f"{topic}.schema").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def valid(version: str, topic: str, body: bytes) -> Any:
    """The message, if the standard's schema holds it good."""
    message = json.loads(body)
    validator(version, topic).validate(message)
    return message


def action(kind: str, action_id: str = "", blocking: str = "HARD", **values: Any) -> dict[str, Any]:
    parameters = [{"key": key, "value": value} for key, value in values.items()]
    return {
        "actionType": kind,
        "actionId": action_id or kind,
        "blockingType": blocking,
        "actionParameters": parameters,
    }


def graph(
    way: str, base: int, first: int = 0, actions: dict[str, list[dict[str, Any]]] | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Nodes and edges of a way such as "H1 A B", the first `base` nodes released."""
    names = way.split()
    nodes = [
        {
            "nodeId": name,
            "sequenceId": first + 2 * i,
            "released": i < base,
            "nodePosition": {"x": SPOTS[name][0] / 1000, "y": SPOTS[name][1] / 1000, "mapId": "hall"},
            "actions": (actions or {}).get(name, []),
        }
        for i, name in enumerate(names)
    ]
    edges = [
        {
            "edgeId": f"{a}-{b}",
            "sequenceId": first + 2 * i + 1,
            "released": i + 1 < base,
            "startNodeId": a,
            "endNodeId": b,
            "actions": [],
        }
        for i, (a, b) in enumerate(pairwise(names))
    ]
    return nodes, edges


class Stage:
    """Vehicles in virtual time; what they say is held to the schemas as it comes."""

    def __init__(self, *versions: str, **more: Any) -> None:
        self.log: list[Actuation] = []
        self.site = vehicle_site(*versions, **more)
        self.world = World(self.site, 1, 1, 1_700_000_000_000, {}, self.log.append)
        self.vehicles = add_vehicles(self.site, self.world, 1)
        self.troubles = Troubles(self.world)
        self.said: dict[str, list[tuple[str, Any]]] = {}
        self._header = 0
        for vehicle in self.vehicles:
            self.troubles.add(Target(vehicle.name, KIND, vehicle))
            self.said[vehicle.name] = []
            self._listen(vehicle)
        self.run(0)

    def _listen(self, vehicle: Vehicle) -> None:
        def tell(topic: str, body: bytes) -> None:
            self.said[vehicle.name].append((topic, valid(vehicle.settings.version, topic, body)))

        vehicle.voice.tell = tell

    @property
    def vehicle(self) -> Vehicle:
        return self.vehicles[0]

    def run(self, seconds: float) -> None:
        self.world.advance(self.world.now_ms + round(seconds * 1000))

    def states(self, name: str = "agv1") -> list[Any]:
        return [message for topic, message in self.said[name] if topic == "state"]

    @property
    def state(self) -> Any:
        """The newest of the first vehicle."""
        return self.states()[-1]

    def send(self, topic: str, body: dict[str, Any], n: int = 0) -> Any:
        """A message as fleet control writes it; the state that follows at once."""
        vehicle = self.vehicles[n]
        self._header += 1
        message = {
            "headerId": self._header,
            "timestamp": "2026-03-01T08:00:00.00Z",
            "version": vehicle.dialect.version,
            "manufacturer": "acme",
            "serialNumber": vehicle.settings.serial,
            **body,
        }
        return self.send_raw(topic, json.dumps(message).encode(), n)

    def send_raw(self, topic: str, body: bytes, n: int = 0) -> Any:
        self.vehicles[n].hear(topic, body)
        self.run(0)
        return self.states(self.vehicles[n].name)[-1]

    def order(
        self,
        way: str,
        base: int = 99,
        *,
        order_id: str = "o1",
        update: int = 0,
        first: int = 0,
        actions: dict[str, list[dict[str, Any]]] | None = None,
        n: int = 0,
        **more: Any,
    ) -> Any:
        nodes, edges = graph(way, base, first, actions)
        body = {"orderId": order_id, "orderUpdateId": update, "nodes": nodes, "edges": edges}
        return self.send("order", {**body, **more}, n)

    def instantly(self, kind: str, action_id: str = "", n: int = 0, **values: Any) -> Any:
        return self.send("instantActions", {"actions": [action(kind, action_id or f"now-{kind}", "NONE", **values)]}, n)

    def fault(self, kind: str, seconds: float | None = None, name: str = "agv1", **given: Any) -> None:
        self.troubles.begin(name, kind, given, seconds)
        self.run(0)

    def end(self, kind: str, name: str = "agv1") -> None:
        self.troubles.end(name, kind)
        self.run(0)

    def trail(self, name: str = "agv1") -> list[str]:
        """Nodes and edges in the order in which it came onto them."""
        return [line.spot for line in self.log if line.by == name and line.did is Did.ENTERED]

    def did(self, did: Did, name: str = "agv1") -> list[Actuation]:
        return [line for line in self.log if line.by == name and line.did is did]


def statuses(state: Any) -> dict[str, str]:
    every = [*state["actionStates"], *state.get("instantActionStates", [])]
    return {each["actionId"]: each["actionStatus"] for each in every}


def errors(state: Any) -> list[str]:
    return [each["errorType"] for each in state["errors"]]


def references(state: Any) -> dict[str, str]:
    """Of the newest error."""
    return {each["referenceKey"]: each["referenceValue"] for each in state["errors"][-1]["errorReferences"]}
