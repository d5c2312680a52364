"""The whole way on a real broker: a unit is to be carried, a vehicle brings it, the books say so, and replay agrees."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.fleet_wall import FleetWall
from edge.messages import (
    DivertUnit,
    LaneChanged,
    MachineChanged,
    Message,
    ResourceJoined,
    SortResult,
    TaskCompleted,
    TaskKind,
    UnitSorted,
    UnitStaged,
    Woken,
)
from edge.messages.vehicles import DriveVehicle, VehicleChanged, VehicleLink
from edge.opening import site_message
from edge.settings import SiteSettings
from edge.systems import Systems, dump
from tests import test_systems
from tests.fleets import fleet_settings
from tests.peer import Peer
from tests.test_systems import DAY_MS, ITEMS, MINUTE, OFFICE, STOCK, departures, order
from tests.uplink.conftest import Mosquitto, mosquitto

__all__ = ["mosquitto"]
pytestmark = pytest.mark.mosquitto
HOSPITAL = 13


class Hall(test_systems.Floor):
    """People who do everything but carry, and a sorter that sends the first units to the hospital lane."""

    def __init__(self, settings: SiteSettings, astray: int) -> None:
        super().__init__()
        self.settings = settings
        self.astray = astray

    def people(self) -> list[Message]:
        found: list[Message] = []
        for message in self.opening():
            if isinstance(message, ResourceJoined):
                skills = tuple(skill for skill in message.skills if skill != "carry")
                message = ResourceJoined(
                    at_ms=0, resource_id=message.resource_id, kind=message.kind, skills=skills, zones=message.zones,
                    location=message.location,
                )  # fmt: skip
            assert isinstance(message, ResourceJoined | MachineChanged | LaneChanged)
            found.append(message)
        return found

    def _divert(self, command: DivertUnit) -> list[Message]:
        said = super()._divert(command)
        report = said[0]
        if command.machine_id == "sorter1" and self.astray and isinstance(report, UnitSorted):
            self.astray -= 1
            fields = {name: getattr(report, name) for name in report.__slots__}
            return [UnitSorted(**(fields | {"lane": HOSPITAL, "result": SortResult.DEFAULT_LANE}))]
        return said


class Box:
    """The three systems in one, their wall to the vehicles, and every entry of the journal."""

    def __init__(self, settings: SiteSettings, astray: int) -> None:
        self.systems = Systems(("oms", "wms", "wes"), {})
        self.hall = Hall(settings, astray)
        self.rows: list[tuple[int, Message, tuple[Message, ...]]] = []
        self.counts: dict[str, int] = {}
        self.wall = FleetWall(settings, settings.fleet, self)  # type: ignore[arg-type]
        self.now_ms = DAY_MS

    def count(self, name: str, n: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + n

    def level(self, name: str, value: int) -> None:
        self.counts[name] = value

    async def report(self, event: Message) -> Sequence[Message]:
        following = [event]
        while following:
            message = following.pop(0)
            self.now_ms += 10
            settled = self.systems.settle(message, self.now_ms)
            self.rows.append((self.now_ms, message, settled.outputs))
            for command in settled.commands:
                self.wall.act(command)
            for output in settled.outputs:
                following += self.hall.hear(output)
        return ()

    def of(self, kind: type[Any]) -> list[Any]:
        """Everything of a kind, reported or said."""
        said = [message for _, event, outputs in self.rows for message in (event, *outputs)]
        return [message for message in said if isinstance(message, kind)]

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Box"]:
        """Open walls, as long as the block lasts."""
        async with asyncio.TaskGroup() as group:
            wall = group.create_task(self.wall.keep(self.report, lambda: self.now_ms))
            clock = group.create_task(self.tick())
            yield self
            wall.cancel()
            clock.cancel()

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self.now_ms += 1000
            await self.report(Woken(at_ms=self.now_ms))

    async def release(self, *orders: Message) -> None:
        """Orders come in, and time passes until they are due to be released."""
        for message in orders:
            await self.report(message)
        self.now_ms += 8 * MINUTE
        await self.report(Woken(at_ms=self.now_ms))

    async def start(self) -> None:
        opened = test_systems.SiteOpened(at_ms=0, site=site_message(self.hall.settings))
        for message in (OFFICE, opened, ITEMS, STOCK, departures(self.now_ms), *self.hall.people()):
            await self.report(message)

    async def until(self, reached: Callable[[], object], within_s: float = 60) -> None:
        async with asyncio.timeout(within_s):
            while not reached():
                await asyncio.sleep(0.02)


def carried(box: Box) -> list[TaskCompleted]:
    return [each for each in box.of(TaskCompleted) if each.kind is TaskKind.CARRY]


@contextlib.asynccontextmanager
async def running(
    folder: Path, broker: Mosquitto, astray: int, deaf: int = 0
) -> AsyncIterator[tuple[Box, tuple[Peer, Peer]]]:
    settings = fleet_settings(folder, broker.url)
    peers = (
        Peer(broker.port, "uagv/v2/acme/1", "2.1", "1", "H1", deaf=deaf),
        Peer(broker.port, "vda5050/v3/acme/2", "3.0", "2", "H2"),
    )
    box = Box(settings, astray)
    try:
        await box.start()
        async with box.open():
            await box.until(lambda: len(box.systems.wes.floor.state.resources) == 5)  # type: ignore[union-attr]
            yield box, peers
    finally:
        for peer in peers:
            peer.stop()


async def test_units_astray_are_carried_by_vehicles_of_both_versions(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with running(tmp_path, mosquitto, astray=4, deaf=1) as (box, peers):
        await box.release(*(order(f"O{n}", "UK-NORTH" if n % 2 else "EXPRESS", ("lamp", 1)) for n in range(4)))
        await box.until(lambda: len(carried(box)) == 4)
        await box.until(lambda: [peer.node_id for peer in peers] == ["H1", "H2"])
    assert {each.resource_id for each in carried(box)} == {"agv1", "agv2"}
    assert [peer.broken for peer in peers] == [[], []]
    assert [peer.loads for peer in peers] == [[], []]
    assert box.counts["vehicle_resent"] >= 1, "the first order was missed and sent again"
    assert (box.counts["vehicle_rubbish"], box.counts["vehicle_conflicts"]) == (0, 0)
    staged = {each.hu_id: each.location for each in box.of(UnitStaged)}
    assert sorted(staged.values()) == ["sorter1/L01", "sorter1/L01", "sorter1/L09", "sorter1/L09"]
    again = Systems(("oms", "wms", "wes"), {})
    for now_ms, event, outputs in box.rows:
        assert again.settle(event, now_ms).outputs == outputs
    assert dump(again.save()) == dump(box.systems.save())


async def test_a_new_box_adopts_what_the_vehicles_are_doing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with running(tmp_path, mosquitto, astray=1) as (box, peers):
        await box.release(order("O1", "UK-NORTH", ("lamp", 1)))
        await box.until(lambda: any(peer.loads for peer in peers))
        before = box.systems
        box.systems = Systems(("oms", "wms", "wes"), {})
        box.systems.load(dump(before.save()))
        box.wall = FleetWall(box.hall.settings, box.hall.settings.fleet, box)  # type: ignore[arg-type]
        drives = {each.drive_id for each in box.of(DriveVehicle)}
        rows = len(box.rows)
        async with box.open():
            opened = test_systems.SiteOpened(at_ms=0, site=site_message(box.hall.settings))
            await box.report(opened)
            await box.until(lambda: len(carried(box)) == 1)
    again = [m for _, _, outputs in box.rows[rows:] for m in outputs if isinstance(m, DriveVehicle)]
    assert again[0].drive_id in drives
    assert again[0].begun
    assert [peer.broken for peer in peers] == [[], []]


async def test_a_vehicle_that_vanishes_is_known_by_its_last_will(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with running(tmp_path, mosquitto, astray=0) as (box, peers):
        peers[0].stop(politely=False)
        await box.until(lambda: box.of(VehicleChanged)[-1].link is VehicleLink.BROKEN)
        assert box.of(VehicleChanged)[-1].vehicle_id == "agv1"
        peers[1].stop()
        await box.until(lambda: box.of(VehicleChanged)[-1].link is VehicleLink.OFFLINE)


async def test_a_broker_that_restarts_loses_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with running(tmp_path, mosquitto, astray=2) as (box, peers):
        await box.release(order("O1", "UK-NORTH", ("lamp", 1)), order("O2", "UK-NORTH", ("lamp", 1)))
        await box.until(lambda: box.of(DriveVehicle))
        mosquitto.kill()
        await asyncio.sleep(0.5)
        mosquitto.start()
        await box.until(lambda: len(carried(box)) == 2)
        assert [peer.broken for peer in peers] == [[], []]
