"""The vehicles of a site: put on the floor where they were, given to the faults, and connected to their broker."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from edge.settings import SiteSettings
from plc_sim import vehicle_faults
from plc_sim.actuations import Did, read_actuations
from plc_sim.faults import Target
from plc_sim.floor import Floor
from plc_sim.vehicle import Vehicle
from plc_sim.vehicle_mqtt import Radio, read_broker
from plc_sim.vehicle_track import Track
from plc_sim.world import World

KIND = vehicle_faults.KIND[0]


def add_vehicles(site: SiteSettings, world: World, speed: int, log: Path | None = None) -> list[Vehicle]:
    """Every vehicle of the site, at the node it was at by the actuation log, else at home."""
    fleet = site.fleet
    if fleet is None or not site.vehicles:
        return []
    track, places = Track.of(fleet), last_nodes(log)
    return [
        Vehicle(
            settings,
            fleet,
            track,
            world.plant,
            world.agenda,
            speed,
            world.seed,
            world.record,
            track.spots.get(places.get(settings.vehicle_id, ""), track.spots[settings.home]),
        )
        for settings in site.vehicles
    ]


def last_nodes(log: Path | None) -> dict[str, str]:
    """Where every vehicle stood last: of what it entered and has not left the newest, by the actuation log."""
    on: dict[str, dict[str, None]] = {}
    if log is None or not log.exists():
        return {}
    for line in read_actuations(log):
        if line.did is Did.ENTERED:
            on.setdefault(line.by, {})[line.spot] = None
        elif line.did is Did.LEFT:
            on.setdefault(line.by, {}).pop(line.spot, None)
    return {name: next(reversed(spots)) for name, spots in on.items() if spots}


class Fleet:
    """The vehicles of a floor on their wires."""

    def __init__(self, site: SiteSettings, floor: Floor, speed: int, log: Path | None) -> None:
        self.vehicles = add_vehicles(site, floor.world, speed, log)
        self.radios: list[Radio] = []
        fleet = site.fleet
        if fleet is None or not self.vehicles:
            return
        broker = read_broker(fleet.broker)
        for vehicle in self.vehicles:
            prefix = fleet.topic(vehicle.settings, "").removesuffix("/")
            self.radios.append(Radio(vehicle, broker, prefix, floor.step))
            floor.troubles.add(Target(vehicle.name, KIND, vehicle))
            floor.wire([vehicle.name], self.radios[-1])

    @property
    def served(self) -> list[str]:
        """What is served where, for people to read."""
        return [f"{radio.name} vda5050 {radio.where}" for radio in self.radios]

    def tasks(self, group: asyncio.TaskGroup) -> Iterable[asyncio.Task[object]]:
        """One for every connection."""
        return [group.create_task(radio.keep(), name=radio.name) for radio in self.radios]
