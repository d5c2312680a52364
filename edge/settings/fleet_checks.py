"""What must hold in a site's fleet: known nodes, own homes, and a way to every station and back for every vehicle."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from edge.settings.fleet import FleetSettings, VehicleSettings
from edge.settings.site import SiteSettings

Where = tuple[int | str, ...]


def check_fleet(site: SiteSettings) -> Iterator[tuple[Where, str]]:
    """Every contradiction of vehicles and fleet as (field, problem and remedy)."""
    fleet = site.fleet
    if fleet is None:
        if site.vehicles:
            yield ("vehicles",), "there is no fleet; add fleet: with broker and layout"
        return
    if site.vehicles and not fleet.broker.url:
        yield ("fleet", "broker"), "url is missing; vehicles are met over MQTT, e.g. broker: {url: mqtt://HOST:1883}"
    yield from _names(site, fleet)
    wrong = [*_unknown(site, fleet), *_homes(site, fleet)]
    yield from wrong
    if not wrong:
        yield from _unreachable(site, fleet)


def locations(site: SiteSettings) -> set[str]:
    """Every location of a site that a station may stand for, racks aside."""
    lanes = {f"{machine.machine_id}/L{lane.lane:02}" for machine in site.machines for lane in machine.lanes}
    return lanes | {place.location for place in site.places}


def _in_rack(site: SiteSettings, location: str) -> bool:
    parts = location.rsplit("-", 3)
    rack = next((rack for rack in site.racks if rack.prefix == parts[0]), None)
    if rack is None or len(parts) != 4 or not all(part.isdecimal() for part in parts[1:]):
        return False
    most = (rack.aisles, rack.bays, rack.levels)
    return all(1 <= int(part) <= limit for part, limit in zip(parts[1:], most, strict=True))


def _names(site: SiteSettings, fleet: FleetSettings) -> Iterator[tuple[Where, str]]:
    named: list[tuple[Where, Iterable[str]]] = [
        (("vehicles",), (vehicle.vehicle_id for vehicle in site.vehicles)),
        (("vehicles",), (f"{vehicle.manufacturer}/{vehicle.serial}" for vehicle in site.vehicles)),
        (("vehicles",), (f"home {vehicle.home}" for vehicle in site.vehicles)),
        (("fleet", "nodes"), (node.node_id for node in fleet.nodes)),
        (("fleet", "edges"), (edge.edge_id for edge in fleet.edges)),
        (("fleet", "stations"), (station.location for station in fleet.stations)),
    ]
    for where, names in named:
        for name, times in Counter(names).items():
            if times > 1:
                yield where, f"{name!r} is used {times} times; each needs its own"
    machines = {machine.machine_id for machine in site.machines}
    for index, vehicle in enumerate(site.vehicles):
        if vehicle.vehicle_id in machines:
            yield ("vehicles", index, "vehicle_id"), f"{vehicle.vehicle_id!r} is a machine already; name it otherwise"


def _unknown(site: SiteSettings, fleet: FleetSettings) -> Iterator[tuple[Where, str]]:
    nodes, places = {node.node_id for node in fleet.nodes}, locations(site)
    if site.vehicles and not nodes:
        yield ("fleet",), "the layout has no nodes; give layout: a LIF file, or nodes and edges"
    for index, edge in enumerate(fleet.edges):
        for name, node in (("start", edge.start), ("end", edge.end)):
            if node not in nodes:
                yield ("fleet", "edges", index, name), f"edge {edge.edge_id!r}: node {node!r} is not in nodes; add it"
        if edge.start == edge.end:
            yield ("fleet", "edges", index), f"edge {edge.edge_id!r} ends where it starts; remove it"
    for index, station in enumerate(fleet.stations):
        for node in station.nodes:
            if node not in nodes:
                yield (
                    ("fleet", "stations", index, "nodes"),
                    f"station {station.location!r}: node {node!r} is not in nodes; add it",
                )
        if station.location not in places and not _in_rack(site, station.location):
            yield (
                ("fleet", "stations", index, "location"),
                f"{station.location!r} is no place, lane or rack location here; name one (LIF: fleet.locations)",
            )
    for node in fleet.chargers:
        if node not in nodes:
            yield ("fleet", "chargers"), f"charger {node!r} is not in nodes; add it"


def _homes(site: SiteSettings, fleet: FleetSettings) -> Iterator[tuple[Where, str]]:
    nodes = {node.node_id: node for node in fleet.nodes}
    types = {kind for node in fleet.nodes for kind in node.types}
    for index, vehicle in enumerate(site.vehicles):
        home = nodes.get(vehicle.home)
        if home is None:
            yield ("vehicles", index, "home"), f"node {vehicle.home!r} is not in the layout; name one of its nodes"
        elif vehicle.type and home.types and vehicle.type not in home.types:
            yield ("vehicles", index, "home"), f"node {vehicle.home!r} is not for type {vehicle.type!r}; name another"
        if vehicle.type and types and vehicle.type not in types:
            yield ("vehicles", index, "type"), f"{vehicle.type!r} is no vehicle type of the layout: {sorted(types)}"


def _unreachable(site: SiteSettings, fleet: FleetSettings) -> Iterator[tuple[Where, str]]:
    homes = {vehicle.home for vehicle in site.vehicles}
    for index, vehicle in enumerate(site.vehicles):
        there, back = _ways(fleet, vehicle, homes)
        reached = _reached(vehicle.home, there) & _reached(vehicle.home, back)
        for station in fleet.stations:
            if not reached & set(station.nodes):
                yield (
                    ("vehicles", index),
                    f"{vehicle.vehicle_id} cannot drive from its home {vehicle.home!r} to station "
                    f"{station.location!r} and back without crossing another vehicle's home; add edges for it",
                )


def _ways(
    fleet: FleetSettings, vehicle: VehicleSettings, homes: set[str]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The edges a vehicle may use, forwards and backwards."""
    closed = homes - {vehicle.home}
    for node in fleet.nodes:
        if vehicle.type and node.types and vehicle.type not in node.types:
            closed.add(node.node_id)
    there: dict[str, list[str]] = {}
    back: dict[str, list[str]] = {}
    for edge in fleet.edges:
        allowed = not (vehicle.type and edge.types) or vehicle.type in edge.types
        if allowed and edge.start not in closed and edge.end not in closed:
            there.setdefault(edge.start, []).append(edge.end)
            back.setdefault(edge.end, []).append(edge.start)
    return there, back


def _reached(start: str, ways: Mapping[str, list[str]]) -> set[str]:
    seen, left = {start}, [start]
    while left:
        for node in ways.get(left.pop(), ()):
            if node not in seen:
                seen.add(node)
                left.append(node)
    return seen
