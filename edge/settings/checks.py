"""What must hold between the parts of a site file; each finding names the field and the remedy."""

from collections import Counter
from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo, available_timezones

from edge.settings.site import DeviceSettings, MachineSettings, SiteSettings
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
    yield from _check_reserve(site)
    for index, zone in enumerate(site.zones):
        if zone.pack_station and zone.pack_station not in places:
            yield ("zones", index, "pack_station"), f"{zone.pack_station!r} is not in places; add it there"
        if zone.conveyor and zone.conveyor not in machines:
            yield ("zones", index, "conveyor"), f"{zone.conveyor!r} is not in machines; add it there"
    for field, problem in _check_gateways(site):
        yield field, problem
    for index, machine in enumerate(site.machines):
        for field, problem in _check_machine(machine, machines, zones, set(site.devices)):
            yield ("machines", index, *field), problem
    yield from _check_segments(site, places | machines)
    yield from _unreachable(site)
    for index, machine in enumerate(site.machines):
        for field, problem in _check_budget(machine, site):
            yield ("machines", index, *field), problem


def _check_reserve(site: SiteSettings) -> Iterator[tuple[Where, str]]:
    """Reserve levels are levels of a rack where people go, and somewhere there are faces to bring the goods down to."""
    for index, rack in enumerate(site.racks):
        where = ("racks", index, "reserve_levels")
        if any(not 1 <= level <= rack.levels for level in rack.reserve_levels):
            yield where, f"{rack.prefix} has levels 1 to {rack.levels}; name levels among these"
        if rack.robot and rack.reserve_levels:
            yield where, f"nobody goes into {rack.prefix} to bring goods down; remove them, or robot"
    if site.racks and all(set(range(1, rack.levels + 1)) <= set(rack.reserve_levels) for rack in site.racks):
        yield ("racks",), "every level holds reserve; leave out of reserve_levels those that are picked from"


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


def _check_gateways(site: SiteSettings) -> Iterator[tuple[Where, str]]:
    """Modbus devices behind one host and port share its connections."""
    first: dict[tuple[str, int], tuple[str, DeviceSettings]] = {}
    for name, device in site.devices.items():
        if device.driver != "modbus":
            continue
        other, seen = first.setdefault((device.host, device.port), (name, device))
        if (seen.connections, seen.tls) != (device.connections, device.tls):
            yield (
                ("devices", name),
                f"shares {device.host}:{device.port} with {other}; give both the same connections and tls",
            )
        if other != name and seen.unit == device.unit:
            yield (
                ("devices", name, "unit"),
                f"unit {device.unit} at {device.host}:{device.port} is {other}; give each its own",
            )


def _check_segments(site: SiteSettings, nodes: set[str]) -> Iterator[tuple[Where, str]]:
    lanes = {f"{machine.machine_id}/L{lane.lane:02}" for machine in site.machines for lane in machine.lanes}
    feeds = {machine.machine_id: machine.feeds for machine in site.machines if machine.kind == "conveyor"}
    ends: dict[str, set[str]] = {}
    for index, segment in enumerate(site.segments):
        for field, name in (("start", segment.start), ("end", segment.end)):
            if name not in nodes | lanes:
                yield ("segments", index, field), f"{name!r} is no machine, place or lane; correct it or add it there"
        if segment.end in ends.setdefault(segment.start, set()) | {segment.start}:
            yield ("segments", index), f"{segment.start} > {segment.end} is there twice or goes nowhere; remove it"
        ends[segment.start].add(segment.end)
    for start, found in ends.items():
        if start in feeds and feeds[start] not in found:
            yield ("segments",), f"{start} feeds {feeds[start]!r}, and no segment leads there; add it, or correct feeds"


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


def _unreachable(site: SiteSettings) -> Iterator[tuple[Where, str]]:
    """Machines and lanes that nothing put onto a conveyor could ever come to."""
    onward: dict[str, set[str]] = {}
    for segment in site.segments:
        onward.setdefault(segment.start, set()).add(segment.end)
    for machine in site.machines:
        lanes = {f"{machine.machine_id}/L{lane.lane:02}" for lane in machine.lanes}
        onward.setdefault(machine.machine_id, lanes | {machine.feeds} - {""})
    left = [name for zone in site.zones for name in (zone.pack_station, zone.conveyor) if name]
    seen = set(left)
    while left:
        for name in onward.get(left.pop(), set()) - seen:
            seen.add(name)
            left.append(name)
    for index, machine in enumerate(site.machines):
        if machine.kind == "conveyor" and machine.machine_id not in seen:
            text = f"nothing leads to {machine.machine_id}; name it as conveyor of a zone, or lead a segment to it"
            yield ("machines", index), text
        if not machine.lanes:
            continue
        if machine.machine_id not in seen:
            text = f"no lane of {machine.machine_id} can be reached; feed it from a conveyor, or lead a segment to it"
            yield ("machines", index), text
            continue
        for number, lane in enumerate(machine.lanes):
            if f"{machine.machine_id}/L{lane.lane:02}" not in seen:
                text = f"lane {lane.lane} cannot be reached from {machine.machine_id}; add a segment that leads to it"
                yield ("machines", index, "lanes", number), text


def _check_budget(machine: MachineSettings, site: SiteSettings) -> Iterator[tuple[Where, str]]:
    """A unit must not be at its lane before it can be decided where it goes."""
    if not (machine.speed_mm_s and machine.scanner_to_first_mm):
        return
    budget_ms = machine.scanner_to_first_mm * 1000 // machine.speed_mm_s
    device = site.devices.get(machine.device)
    needed_ms = machine.decision_ms + (device.poll.fast if device is not None else 0)
    if budget_ms < needed_ms:
        least_mm = -(-needed_ms * machine.speed_mm_s // 1000)
        yield (
            ("scanner_to_first_mm",),
            f"{machine.scanner_to_first_mm} mm at {machine.speed_mm_s} mm/s leave {budget_ms} ms, and a decision may "
            f"take {needed_ms} ms (decision_ms and one fast poll); at least {least_mm} mm, or a slower belt",
        )


def check_tags(tags: Iterable[Tag]) -> Iterator[tuple[Tag, str]]:
    """Registers that two tags with different writers claim: the later tag, and the problem."""
    owners: dict[tuple[str, int], Tag] = {}
    for tag in tags:
        if tag.table == "node":
            continue
        for address in range(tag.address, tag.address + tag.words):
            other = owners.setdefault((tag.table, address), tag)
            parts = other.type == "bits" or None not in (other.bit, tag.bit)
            if other is not tag and (other.writer != tag.writer or not parts):
                yield (
                    tag,
                    f"{tag.name}: {tag.table} {address} is already {other.name} (line {other.line}, written by "
                    f"{other.writer}); give one of them its own register",
                )
                break


def check_site_routes(site: SiteSettings, routes: Iterable[str]) -> Iterator[str]:
    """Routes of the timetable that no lane of the site serves; a pool lane may serve any."""
    served = {route for machine in site.machines for lane in machine.lanes for route in lane.routes}
    if any(lane.pool for machine in site.machines for lane in machine.lanes):
        return
    for route in routes:
        if route not in served:
            yield f"route {route!r} has a departure but no lane; give it to a lane in machines.lanes.routes"
