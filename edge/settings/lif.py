"""Reads a layout in the VDMA's Layout Interchange Format (LIF 1.0, March 2024) into the models of fleet.

What decides where vehicles drive is taken: nodes, edges, stations, chargers (an action startCharging), speeds, and the
vehicle types of each. Trajectories only tell how long an edge is; load restrictions are not read.
All layouts of a file belong to one graph, as edges may lead from one to another.
"""

import json
import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.settings.fleet import EDGES_MAX, NODES_MAX, EdgeSettings, FleetSettings, NodeSettings, StationSettings
from edge.settings.model import ConfigError

FILE_MAX_BYTES = 40_000_000
MAP = "floor"


class BadLif(Exception):
    """What is wrong, and where in the file."""


def read_lif(path: Path, fleet: FleetSettings) -> FleetSettings:
    """The fleet with the nodes, edges and stations of its layout file. Raises ConfigError with every finding."""
    findings: list[str] = []
    try:
        if path.stat().st_size > FILE_MAX_BYTES:
            raise ConfigError([f"{path}: larger than {FILE_MAX_BYTES} bytes; is this the right file?"])
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; give the path of an existing LIF file"]) from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ConfigError([f"{path}: not JSON: {error}; export the layout as LIF 1.0 again"]) from error
    layouts = list(_layouts(data, findings))
    nodes = [each for where, part in _parts(layouts, "nodes") if (each := _take(_node, where, part, findings))]
    at = {node.node_id: (node.x_mm, node.y_mm) for node in nodes}
    edges = [each for where, part in _parts(layouts, "edges") if (each := _take(_edge, where, part, findings, at))]
    stations = [
        each for where, part in _parts(layouts, "stations") if (each := _take(_station, where, part, findings, fleet))
    ]
    if len(nodes) > NODES_MAX or len(edges) > EDGES_MAX:
        findings.append(f"more than {NODES_MAX} nodes or {EDGES_MAX} edges; split the site")
    if findings:
        raise ConfigError([f"{path}: {finding}" for finding in findings])
    return fleet.model_copy(update={"nodes": tuple(nodes), "edges": tuple(edges), "stations": tuple(stations)})


def _layouts(data: Any, findings: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    meta = data.get("metaInformation") if isinstance(data, dict) else None
    version = meta.get("lifVersion") if isinstance(meta, dict) else None
    if not isinstance(version, str) or not version.startswith(("0.", "1.")):
        findings.append(f"metaInformation.lifVersion: {version!r}; LIF 1.0 is read here, export it as that")
        return
    layouts = data.get("layouts")
    if not isinstance(layouts, list) or not layouts:
        findings.append("layouts: none; a LIF file has at least one")
        return
    for index, layout in enumerate(layouts):
        if isinstance(layout, dict):
            yield f"layouts.{index}", layout
        else:
            findings.append(f"layouts.{index}: not an object")


def _parts(layouts: list[tuple[str, dict[str, Any]]], name: str) -> Iterator[tuple[str, Any]]:
    for where, layout in layouts:
        parts = layout.get(name, [])
        for index, part in enumerate(parts if isinstance(parts, list) else [parts]):
            yield f"{where}.{name}.{index}", part


def _take(read: Any, where: str, part: Any, findings: list[str], *more: Any) -> Any:
    """One part read, or None and a finding."""
    try:
        if not isinstance(part, dict):
            raise BadLif("not an object")
        return read(part, *more)
    except BadLif as error:
        findings.append(f"{where}: {error}")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        findings.append(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    return None


def _text(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise BadLif(f"{name}: {value!r}; a text is needed")
    return value


def _number(part: Any, name: str) -> float:
    value = part.get(name) if isinstance(part, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadLif(f"{name}: {value!r}; a number is needed")
    return float(value)


def _properties(part: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """What is said for each vehicle type; at least one."""
    rows = part.get(name)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise BadLif(f"{name}: missing or empty; each vehicle type that may use it needs a row")
    return rows


def _node(part: Mapping[str, Any]) -> NodeSettings:
    position, rows = part.get("nodePosition"), _properties(part, "vehicleTypeNodeProperties")
    thetas = {round(_number(row, "theta") * 1000) for row in rows if row.get("theta") is not None}
    actions = [action for row in rows for action in row.get("actions") or () if isinstance(action, dict)]
    return NodeSettings(
        node_id=_text(part, "nodeId"),
        x_mm=round(_number(position, "x") * 1000),
        y_mm=round(_number(position, "y") * 1000),
        map_id=part.get("mapId") or MAP,
        theta_mrad=thetas.pop() if len(thetas) == 1 else None,
        charge=any(action.get("actionType") == "startCharging" for action in actions),
        types=tuple(_text(row, "vehicleTypeId") for row in rows),
    )


def _edge(part: Mapping[str, Any], at: Mapping[str, tuple[int, int]]) -> EdgeSettings:
    rows, start, end = (
        _properties(part, "vehicleTypeEdgeProperties"),
        _text(part, "startNodeId"),
        _text(part, "endNodeId"),
    )
    speeds = [round(_number(row, "maxSpeed") * 1000) for row in rows if row.get("maxSpeed") is not None]
    curves = [row["trajectory"] for row in rows if isinstance(row.get("trajectory"), dict)]
    length_mm = _length_mm(curves[0]) if curves else 0
    if not length_mm and start in at and end in at:
        length_mm = round(math.dist(at[start], at[end]))
    return EdgeSettings(
        edge_id=_text(part, "edgeId"),
        start=start,
        end=end,
        length_mm=length_mm,
        speed_mm_s=min(speeds, default=0),
        types=tuple(_text(row, "vehicleTypeId") for row in rows),
    )


def _length_mm(trajectory: Mapping[str, Any]) -> int:
    """The length of the control polygon of a NURBS: never shorter than the curve."""
    points = [(_number(point, "x"), _number(point, "y")) for point in trajectory.get("controlPoints") or ()]
    return round(1000 * sum(math.dist(a, b) for a, b in pairwise(points)))


def _station(part: Mapping[str, Any], fleet: FleetSettings) -> StationSettings:
    name, nodes = _text(part, "stationId"), part.get("interactionNodeIds")
    if not isinstance(nodes, list) or not all(isinstance(node, str) for node in nodes):
        raise BadLif("interactionNodeIds: a list of node ids is needed")
    return StationSettings(location=fleet.locations.get(name, name), nodes=tuple(nodes), name=name)
