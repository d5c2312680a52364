"""What must hold between the parts of a site file; each finding names the field and the remedy."""

from collections import Counter
from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo, available_timezones

from edge.settings.site import MachineSettings, SiteSettings
from edge.settings.tags import Tag

Where = tuple[int | str, ...]


def check_site(site: SiteSettings) -> Iterator[tuple[Where, str]]:
    """Every contradiction inside a site file as (field, problem and remedy)."""
    if site.timezone not in available_timezones():
        yield ("timezone",), f"{site.timezone!r} is not an IANA time zone such as {ZoneInfo('Europe/Berlin')}"
    yield from _duplicates(site)
    zones = {zone.zone for zone in site.zones}
    places = {place.location for place in site.places}
    machines = {machine.machine_id for machine in site.machines}
    for index, rack in enumerate(site.racks):
        if rack.zone not in zones:
            yield ("racks", index, "zone"), f"zone {rack.zone!r} is not in zones; add it there"
    for index, zone in enumerate(site.zones):
        if zone.pack_station and zone.pack_station not in places:
            yield ("zones", index, "pack_station"), f"{zone.pack_station!r} is not in places; add it there"
        if zone.conveyor and zone.conveyor not in machines:
            yield ("zones", index, "conveyor"), f"{zone.conveyor!r} is not in machines; add it there"
    for index, machine in enumerate(site.machines):
        for field, problem in _check_machine(machine, machines, zones, set(site.devices)):
            yield ("machines", index, *field), problem


def _duplicates(site: SiteSettings) -> Iterator[tuple[Where, str]]:
    named: list[tuple[str, Iterable[str]]] = [
        ("racks", (rack.prefix for rack in site.racks)),
        ("places", (place.location for place in site.places)),
        ("zones", (zone.zone for zone in site.zones)),
        ("machines", (machine.machine_id for machine in site.machines)),
        ("machines", (f"device {machine.device}" for machine in site.machines)),
    ]
    for section, names in named:
        for name, times in Counter(names).items():
            if times > 1:
                yield (section,), f"{name!r} is used {times} times; each needs its own name"


def _check_machine(
    machine: MachineSettings, machines: set[str], zones: set[str], devices: set[str]
) -> Iterator[tuple[Where, str]]:
    if machine.device not in devices:
        yield ("device",), f"{machine.device!r} is not in devices; add it there"
    if machine.zone and machine.zone not in zones:
        yield ("zone",), f"zone {machine.zone!r} is not in zones; add it there"
    if machine.kind == "conveyor" and machine.feeds not in machines:
        yield ("feeds",), f"{machine.feeds!r} is not in machines; name the sorter this conveyor hands over to"
    if machine.kind == "sorter":
        lanes = {lane.lane for lane in machine.lanes}
        if len(lanes) < len(machine.lanes):
            yield ("lanes",), "two lanes have the same number; number them 1, 2, 3 ..."
        for field, lane in (("default_lane", machine.default_lane), ("hospital_lane", machine.hospital_lane)):
            if lane not in lanes:
                yield (field,), f"lane {lane} is not in lanes; add it or name another"
        for index, each in enumerate(machine.lanes):
            if each.pool and (each.routes or each.alternate_for):
                yield ("lanes", index, "pool"), f"lane {each.lane} has routes of its own; remove them, or pool"
            if each.pool and each.lane in (machine.default_lane, machine.hospital_lane):
                yield ("lanes", index, "pool"), f"lane {each.lane} is the default or hospital lane; remove pool"


def check_tags(tags: Iterable[Tag]) -> Iterator[str]:
    """Registers that two tags with different writers claim."""
    owners: dict[tuple[str, int], Tag] = {}
    for tag in tags:
        if tag.table == "node":
            continue
        for address in range(tag.address, tag.address + tag.words):
            other = owners.setdefault((tag.table, address), tag)
            if other is not tag and (other.writer != tag.writer or other.type != "bits"):
                yield f"{tag.name}: {tag.table} {address} is already {other.name} (written by {other.writer})"
                break


def check_site_routes(site: SiteSettings, routes: Iterable[str]) -> Iterator[str]:
    """Routes of the timetable that no lane of the site serves; a pool lane may serve any."""
    served = {route for machine in site.machines for lane in machine.lanes for route in lane.routes}
    if any(lane.pool for machine in site.machines for lane in machine.lanes):
        return
    for route in routes:
        if route not in served:
            yield f"route {route!r} has a departure but no lane; give it to a lane in machines.lanes.routes"
