"""The wall to the vehicles of a box: one connection to their broker, one master control for each of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Never, Protocol

from edge import equipment
from edge.equipment.ordering import Counts
from edge.equipment.presence import Clock, Report
from edge.equipment.vehicle import TOPICS, Vehicle, VehicleCommand
from edge.messages import Message
from edge.settings import FleetSettings, SiteSettings
from edge.uplink.account import Account, read_account
from edge.uplink.mqtt import keep_connected
from edge.uplink.traffic import Wire
from edge.vda5050 import CODECS

COUNT_EVERY_S = 2.0


class Figures(Protocol):
    """What is counted here goes there."""

    def count(self, name: str, n: int = 1) -> None: ...

    def level(self, name: str, value: int) -> None: ...


async def keep_levels(figures: Figures, what: str, counts: Sequence[Counts | equipment.Counts]) -> Never:
    """What went wrong on the wires, everything of one kind together, as figures."""
    while True:
        for field in fields(counts[0]) if counts else ():
            figures.level(f"{what}_{field.name}", sum(getattr(each, field.name) for each in counts))
        await asyncio.sleep(COUNT_EVERY_S)


class FleetWall:
    """Every vehicle of a site; a listener of the connection to their broker."""

    def __init__(self, site: SiteSettings, fleet: FleetSettings, figures: Figures) -> None:
        self._figures = figures
        self._wire: Wire | None = None
        self._vehicles = {
            each.vehicle_id: Vehicle(each, fleet, CODECS[each.version], self._post) for each in site.vehicles
        }
        self._by_topic = {
            fleet.topic(each, name): (self._vehicles[each.vehicle_id], name)
            for each in site.vehicles
            for name in TOPICS
        }
        self._account = _account(site, fleet, tuple(self._by_topic))

    def act(self, command: Message) -> bool:
        """Hands a command to its vehicle; False for one that is not for a vehicle of this site."""
        if not isinstance(command, VehicleCommand) or command.vehicle_id not in self._vehicles:
            return False
        self._vehicles[command.vehicle_id].obey(command)
        return True

    async def keep(self, report: Report, now_ms: Clock) -> Never:
        """Runs every vehicle, for ever."""
        async with asyncio.TaskGroup() as group:
            counts = [vehicle.counts for vehicle in self._vehicles.values()]
            group.create_task(keep_levels(self._figures, "vehicle", counts))
            group.create_task(keep_connected(self._account, self))
            for vehicle in self._vehicles.values():
                group.create_task(vehicle.watch(report, now_ms))
        raise AssertionError("vehicles are watched for ever")

    # What a connection tells its listener.

    def join(self, wire: Wire) -> None:
        self._wire = wire
        for vehicle in self._vehicles.values():
            vehicle.broker(there=True)

    def leave(self) -> None:
        if self._wire is not None:
            self._wire = None
            for vehicle in self._vehicles.values():
                vehicle.broker(there=False)

    def hear(self, topic: str, raw: bytes, mid: int) -> None:
        if mid and self._wire is not None:
            self._wire.acknowledge(mid)  # a state is overtaken by the next; nothing is lost with it
        found = self._by_topic.get(topic)
        if found is None:
            self._figures.count("vehicle_messages_for_nobody")
            return
        vehicle, name = found
        vehicle.hear(name, raw)

    def overflowed(self, topic: str) -> None:
        self._figures.count("vehicle_messages_dropped")

    def room_came(self) -> None:
        """Nothing waits for room: orders are sent at most once and again when they are not shown."""

    def _post(self, topic: str, body: bytes) -> None:
        if self._wire is not None:
            self._wire.post(topic, body)


def _account(site: SiteSettings, fleet: FleetSettings, topics: tuple[str, ...]) -> Account:
    """Raises ConfigError: the installer's fault."""
    return replace(read_account(fleet.broker, site.enterprise, f"{site.site}-fleet", topics), presence=False)
