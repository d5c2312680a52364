"""What a process tells its systems when it starts: the site, the catalogue, the stock and the timetable, as events."""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge.intake.generate import day_departures
from edge.intake.seed import read_items, read_stock
from edge.messages import (
    Departure,
    DeparturesPlanned,
    DispatchTuning,
    ItemsListed,
    Lane,
    Machine,
    Message,
    OfficeOpened,
    Place,
    Rack,
    Segment,
    Site,
    SiteOpened,
    StockOpened,
    Zone,
)
from edge.messages.tracks import Fleet, Station, TrackEdge, TrackNode, Vehicle
from edge.settings import ConfigError, ProcessSettings, SiteSettings


def site_message(settings: SiteSettings) -> Site:
    """site.yaml in the words of the systems: what matters to decisions, nothing about wires."""
    return Site(
        site=settings.site,
        timezone=settings.timezone,
        racks=tuple(Rack(**rack.model_dump()) for rack in settings.racks),
        places=tuple(Place(**place.model_dump()) for place in settings.places),
        zones=tuple(Zone(**zone.model_dump()) for zone in settings.zones),
        machines=tuple(
            Machine(
                machine_id=machine.machine_id,
                kind=machine.kind,
                zone=machine.zone,
                feeds=machine.feeds,
                on_machine_max=machine.on_machine_max,
                lanes=tuple(Lane(**lane.model_dump()) for lane in machine.lanes),
                default_lane=machine.default_lane,
                hospital_lane=machine.hospital_lane,
                max_recirc=machine.max_recirc,
                autostart=machine.autostart,
                lane_by=machine.lane_by,
                cycle_ms=machine.cycle_ms,
                unit_ms=machine.unit_ms,
            )
            for machine in settings.machines
        ),
        sscc_prefix=settings.sscc_prefix,
        hu_max_ml=settings.hu_max_ml,
        hu_max_g=settings.hu_max_g,
        hu_max_units=settings.hu_max_units,
        walk_mm_s=settings.walk_mm_s,
        trip_units=settings.trip_units,
        face_max=settings.face_max,
        face_min_percent=settings.face_min_percent,
        segments=tuple(Segment(**segment.model_dump()) for segment in settings.segments),
        fleet=fleet_of(settings),
    )


def fleet_of(settings: SiteSettings) -> Fleet | None:
    """Vehicles and their layout; None for a site without vehicles."""
    fleet = settings.fleet
    if fleet is None or not settings.vehicles:
        return None
    at = {node.node_id: (node.x_mm, node.y_mm) for node in fleet.nodes}
    wire = {"manufacturer", "serial", "version"}
    return Fleet(
        nodes=tuple(
            TrackNode(**node.model_dump(exclude={"charge"}), charge=node.charge or node.node_id in fleet.chargers)
            for node in fleet.nodes
        ),
        edges=tuple(
            TrackEdge(
                **edge.model_dump(exclude={"length_mm"}),
                length_mm=edge.length_mm or round(math.dist(at[edge.start], at[edge.end])),
            )
            for edge in fleet.edges
        ),
        stations=tuple(Station(**station.model_dump()) for station in fleet.stations),
        vehicles=tuple(Vehicle(**vehicle.model_dump(exclude=wire)) for vehicle in settings.vehicles),
        load_type=fleet.load_type,
        handling_ms=fleet.handling_ms,
        ahead=fleet.ahead,
    )


def site_opened(settings: SiteSettings, now_ms: int) -> SiteOpened:
    """The first message of a process that runs the WMS or the WES."""
    tuning = DispatchTuning(**settings.dispatch_tuning.model_dump())
    return SiteOpened(at_ms=now_ms, site=site_message(settings), dispatch=settings.dispatch, tuning=tuning)


def read_departures(path: Path) -> tuple[Departure, ...]:
    """A JSON list of dated departures. Raises ConfigError."""
    try:
        return TypeAdapter(tuple[Departure, ...]).validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; give the path of an existing file"]) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError([f"{path}: {where}: {first['msg']}; expected a JSON list of departures"]) from error


def timetable(process: ProcessSettings, site: SiteSettings | None, now_ms: int) -> tuple[Departure, ...]:
    """The departures of the coming days, from the dated file or from the daily timetable. Raises ConfigError."""
    if process.departures_file is not None:
        return read_departures(process.departures_file)
    if not process.departures:
        return ()
    first_site = next(iter(sites_served(process)), process.name)
    timezone = site.timezone if site is not None else "UTC"
    return day_departures(process.departures, timezone, now_ms, process.departures_days, first_site)


def sites_served(process: ProcessSettings) -> tuple[str, ...]:
    """The sites whose WMS this process meets, here or at a peer, in the order of the settings."""
    if "wms" in process.systems:
        return tuple(peer for peer, systems in process.peers.items() if "wes" in systems) or (process.name,)
    return tuple(peer for peer, systems in process.peers.items() if "wms" in systems)


def opening_messages(process: ProcessSettings, site: SiteSettings | None, now_ms: int) -> Iterator[Message]:
    """What is reported at every start, before the walls open."""
    if "oms" in process.systems:
        yield OfficeOpened(
            at_ms=now_ms, sites=sites_served(process), process_ms=process.process_ms, slack_ms=process.slack_ms
        )
    if site is not None and {"wms", "wes"} & set(process.systems):
        yield site_opened(site, now_ms)


def first_messages(process: ProcessSettings, site: SiteSettings | None, now_ms: int) -> Iterator[tuple[str, Message]]:
    """(digest, message): reported once; the journal remembers the digest. Raises ConfigError."""
    if process.items_file is not None:
        items = read_items(process.items_file)
        yield _digest("items", items), ItemsListed(at_ms=now_ms, items=items)
    if process.stock_file is not None and site is not None:
        stock = read_stock(process.stock_file)
        yield _digest("stock", stock), StockOpened(at_ms=now_ms, site=site.site, lines=stock)


def timetable_message(process: ProcessSettings, site: SiteSettings | None, now_ms: int) -> DeparturesPlanned | None:
    """The timetable as an event, or None for a process without one."""
    departures = timetable(process, site, now_ms) if "oms" in process.systems else ()
    return DeparturesPlanned(at_ms=now_ms, departures=departures) if departures else None


def _digest(name: str, rows: tuple[object, ...]) -> str:
    text = json.dumps([repr(row) for row in rows])
    return f"{name}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
