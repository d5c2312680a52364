"""vehicles and fleet of a site file: what is read, from LIF too, and what is found wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.opening import fleet_of
from edge.settings import ConfigError, read_site
from edge.settings.fleet import FleetSettings
from edge.settings.lif import read_lif
from tests.fleets import copy_site, fleet_settings

INLINE = """fleet:
  broker: {url: "mqtt://127.0.0.1:1883"}
  nodes:
    - {node_id: H1, x_mm: 0, y_mm: 0}
    - {node_id: H2, x_mm: 9000, y_mm: 0}
    - {node_id: A, x_mm: 3000, y_mm: 4000, charge: true}
    - {node_id: B, x_mm: 6000, y_mm: 4000}
  edges:
    - {edge_id: e1, start: H1, end: A}
    - {edge_id: e2, start: A, end: H1}
    - {edge_id: e3, start: H2, end: B, length_mm: 7000}
    - {edge_id: e4, start: B, end: H2}
    - {edge_id: e5, start: A, end: B, speed_mm_s: 500}
    - {edge_id: e6, start: B, end: A}
  stations:
    - {location: sorter1/L13, nodes: [A]}
    - {location: sorter1/L01, nodes: [B], kind: RACK}
"""


def inline(folder: Path, *changes: tuple[str, str]) -> Path:
    """The site with a layout written into it, each change made once."""
    path = copy_site(folder)
    text = path.read_text().partition("\nfleet:")[0] + "\n" + INLINE
    for was, now in changes:
        assert text.count(was) >= 1
        text = text.replace(was, now, 1)
    path.write_text(text)
    return path


def findings(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read_site(path)
    return raised.value.findings


def test_the_example_layout_is_read(tmp_path: Path) -> None:
    settings = fleet_settings(tmp_path)
    fleet = fleet_of(settings)
    assert fleet is not None
    assert (len(fleet.nodes), len(fleet.edges), len(fleet.stations)) == (36, 55, 14)
    assert [node.node_id for node in fleet.nodes if node.charge] == ["C1"]
    edge = next(edge for edge in fleet.edges if edge.edge_id == "R01-S01")
    assert (edge.length_mm, edge.speed_mm_s, edge.types) == (2000, 600, ("acme.T1",))
    station = next(each for each in fleet.stations if each.location == "sorter1/L13")
    assert (station.nodes, station.name) == (("S13",), "sorter1/L13")
    assert settings.fleet is not None
    assert settings.fleet.topic(settings.vehicles[0], "state") == "uagv/v2/acme/1/state"
    assert settings.fleet.topic(settings.vehicles[1], "state") == "vda5050/v3/acme/2/state"


def test_a_layout_may_stand_in_the_site_file(tmp_path: Path) -> None:
    fleet = fleet_of(read_site(inline(tmp_path)))
    assert fleet is not None
    assert [edge.length_mm for edge in fleet.edges] == [5000, 5000, 7000, 5000, 3000, 3000]
    assert [(each.location, each.kind) for each in fleet.stations] == [
        ("sorter1/L13", "FLOOR"),
        ("sorter1/L01", "RACK"),
    ]


def test_a_site_without_vehicles_has_no_fleet() -> None:
    assert fleet_of(read_site(Path(__file__).parents[1] / "config" / "site.yaml")) is None


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("start: H1, end: A", "start: H1, end: Z", "fleet.edges.0.end: edge 'e1': node 'Z' is not in nodes"),
        ("nodes: [A]", "nodes: [Z]", "station 'sorter1/L13': node 'Z' is not in nodes"),
        ("location: sorter1/L13", "location: nowhere", "'nowhere' is no place, lane or rack location"),
        ("home: H1", "home: Z", "vehicles.0.home: node 'Z' is not in the layout"),
        ("home: H2", "home: H1", "'home H1' is used 2 times"),
        ("vehicle_id: agv2", "vehicle_id: agv1", "'agv1' is used 2 times"),
        ("vehicle_id: agv2", "vehicle_id: sorter1", "'sorter1' is a machine already"),
        ('serial: "2"', 'serial: "1"', "'acme/1' is used 2 times"),
        ("node_id: B", "node_id: A", "'A' is used 2 times"),
        ("edge_id: e2", "edge_id: e1", "'e1' is used 2 times"),
        ("start: B, end: A", "start: B, end: B", "edge 'e6' ends where it starts"),
        (
            "start: B, end: A",
            "start: A, end: B",
            "agv2 cannot drive from its home 'H2' to station 'sorter1/L13' and back",
        ),
        ('broker: {url: "mqtt://127.0.0.1:1883"}', "load_type: BOX", "fleet.broker: url is missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, was: str, now: str, said: str) -> None:
    found = findings(inline(tmp_path, (was, now)))
    assert any(said in finding for finding in found), found
    assert all(":" in finding.removeprefix(str(tmp_path)) for finding in found)


def test_a_home_on_the_only_way_cuts_others_off(tmp_path: Path) -> None:
    found = findings(inline(tmp_path, ("home: H1", "home: A")))
    assert any("agv2 cannot drive" in finding for finding in found)


@pytest.mark.parametrize(
    "changes",
    ["charge_below: 60", "charge_full: 101", 'manufacturer: "a/b"', "version: '1.1'"],
)
def test_vehicles_are_checked_one_by_one(tmp_path: Path, changes: str) -> None:
    key = changes.partition(":")[0]
    row = 'vehicle_id: agv1, manufacturer: acme, serial: "1", version: "2.1", home: H1'
    kept = ", ".join(part for part in row.split(", ") if not part.startswith(key))
    assert findings(inline(tmp_path, (row, f"{kept}, {changes}")))


def test_a_layout_file_and_a_layout_are_one_too_many(tmp_path: Path) -> None:
    assert findings(inline(tmp_path, ("  nodes:\n", "  layout: agv-layout.json\n  nodes:\n")))


def lif(tmp_path: Path, **changes: Any) -> Path:
    data = json.loads((copy_site(tmp_path).parent / "agv-layout.json").read_text())
    layout = data["layouts"][0]
    for name, value in changes.items():
        if name in layout:
            layout[name][0] = layout[name][0] | value
        else:
            data[name] = data[name] | value if isinstance(data[name], dict) else value
    path = tmp_path / "agv-layout.json"
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metaInformation": {"lifVersion": "2.0.0"}}, "lifVersion"),
        ({"layouts": []}, "layouts"),
        ({"nodes": {"nodeId": ""}}, "layouts.0.nodes.0: nodeId"),
        ({"nodes": {"nodePosition": {"x": "1", "y": 0}}}, "layouts.0.nodes.0: x"),
        ({"nodes": {"vehicleTypeNodeProperties": []}}, "vehicleTypeNodeProperties"),
        ({"edges": {"edgeId": "e" * 100}}, "layouts.0.edges.0: edge_id"),
        ({"edges": {"endNodeId": 7}}, "layouts.0.edges.0: endNodeId"),
        ({"stations": {"interactionNodeIds": "S01"}}, "layouts.0.stations.0: interactionNodeIds"),
    ],
)
def test_what_is_wrong_in_a_lif_file_is_named_with_its_place(tmp_path: Path, changes: Any, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_lif(lif(tmp_path, **changes), FleetSettings())
    assert any(said in finding for finding in raised.value.findings), raised.value.findings


def test_a_file_that_is_no_lif_file(tmp_path: Path) -> None:
    for content in ("", "{", "[]", "3", "null", '{"layouts": 3}', '{"metaInformation": {"lifVersion": "1.0.0"}}'):
        path = tmp_path / "x.json"
        path.write_text(content)
        with pytest.raises(ConfigError):
            read_lif(path, FleetSettings())
    with pytest.raises(ConfigError, match="No such file"):
        read_lif(tmp_path / "missing.json", FleetSettings())


def test_stations_may_be_named_otherwise_and_curves_are_longer_than_straight(tmp_path: Path) -> None:
    corner = {"controlPoints": [{"x": 0, "y": 0}, {"x": 3, "y": 0}, {"x": 3, "y": 4}], "knotVector": [], "degree": 1}
    properties = [{"vehicleTypeId": "acme.T1", "rotationAllowed": True, "trajectory": corner}]
    path = lif(tmp_path, edges={"vehicleTypeEdgeProperties": properties}, stations={"stationId": "bay 1"})
    fleet = read_lif(path, FleetSettings(locations={"bay 1": "sorter1/L01"}, chargers=("X1",)))
    assert fleet.edges[0].length_mm == 7000
    assert (fleet.stations[0].location, fleet.stations[0].name) == ("sorter1/L01", "bay 1")
