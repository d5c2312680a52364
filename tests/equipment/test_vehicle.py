"""Master control of one vehicle, without a broker: what it reports, what it sends, and what it makes of silence."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from edge.equipment import vehicle as vehicle_module
from edge.equipment.vehicle import Vehicle
from edge.messages import Message
from edge.messages.vehicles import (
    ActionKind,
    CancelDrive,
    DriveEnded,
    DriveProgressed,
    VehicleAction,
    VehicleActionEnded,
    VehicleChanged,
    VehicleDescribed,
    VehicleLink,
    VehicleMode,
)
from edge.settings import FleetSettings, VehicleSettings
from edge.vda5050 import CODECS
from tests.vda5050.samples import MANUFACTURER, SERIAL, VERSIONS, connection, drive, factsheet, state, valid

REST = [{"nodeId": "n3", "sequenceId": 6, "released": False}]
each_version = pytest.mark.parametrize("version", VERSIONS)


class Wall:
    """A vehicle's wall, the messages it posts and the events it reports."""

    def __init__(self, version: str) -> None:
        self.version = version
        settings = VehicleSettings(
            vehicle_id="agv1", manufacturer=MANUFACTURER, serial=SERIAL, home="n0", version=version
        )
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.events: list[Message] = []
        self.vehicle = Vehicle(settings, FleetSettings(), CODECS[version], self.post)

    def post(self, topic: str, body: bytes) -> None:
        name = topic.rpartition("/")[2]
        self.posted.append((name, valid(self.version, name, body)))

    async def report(self, event: Message) -> Sequence[Message]:
        self.events.append(event)
        return ()

    def hear(self, topic: str, message: dict[str, Any]) -> None:
        self.vehicle.hear(topic, json.dumps(message).encode())

    def sent(self, topic: str) -> list[dict[str, Any]]:
        return [message for name, message in self.posted if name == topic]

    def asked(self, action: str) -> list[str]:
        actions = [each for message in self.sent("instantActions") for each in message["actions"]]
        return [each["actionId"] for each in actions if each["actionType"] == action]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator["Wall"]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.vehicle.watch(self.report, lambda: 1_000))
            self.vehicle.broker(there=True)
            yield self
            task.cancel()

    async def until(self, reached: Any) -> None:
        async with asyncio.timeout(10):
            while not reached():
                await asyncio.sleep(0.005)

    async def online(self) -> None:
        self.hear("connection", connection(self.version))
        self.hear("state", state(self.version))
        await self.until(lambda: self.of(VehicleChanged))


@each_version
async def test_a_vehicle_comes_online(version: str) -> None:
    async with Wall(version).watched() as wall:
        await wall.until(lambda: wall.asked("stateRequest") and wall.asked("factsheetRequest"))
        assert not wall.events, "nothing is known yet"
        await wall.online()
        [changed] = wall.of(VehicleChanged)
        assert (changed.link, changed.mode, changed.node_id) == (VehicleLink.ONLINE, VehicleMode.AUTOMATIC, "n1")
        assert (changed.battery, changed.loads, changed.busy_with) == (71, (), "")
        wall.hear("factsheet", factsheet(version))
        wall.hear("factsheet", factsheet(version))
        await wall.until(lambda: wall.of(VehicleDescribed))
        assert [each.nodes_max for each in wall.of(VehicleDescribed)] == [30]
        wall.hear("connection", connection(version, "OFFLINE"))
        await wall.until(lambda: wall.of(VehicleChanged)[-1].link is VehicleLink.OFFLINE)


@each_version
async def test_an_order_goes_out_and_its_progress_comes_in(version: str) -> None:
    async with Wall(version).watched() as wall:
        await wall.online()
        wall.vehicle.obey(drive())
        await wall.until(lambda: wall.sent("order"))
        wall.hear("state", state(version, orderId="d1", nodeStates=REST))
        await wall.until(lambda: wall.of(DriveProgressed))
        assert wall.of(VehicleChanged)[-1].busy_with == "d1"
        wall.vehicle.obey(drive(1, first=2))
        await wall.until(lambda: len(wall.sent("order")) == 2)
        assert [each["headerId"] for each in wall.sent("order")] == [1, 2]
        assert [each["orderUpdateId"] for each in wall.sent("order")] == [0, 1]


@each_version
async def test_where_it_is_on_the_way_is_told_by_the_drive_alone(version: str) -> None:
    async with Wall(version).watched() as wall:
        await wall.online()
        wall.vehicle.obey(drive())
        for n in range(2):
            there = {"lastNodeId": f"n{n}", "lastNodeSequenceId": 2 * n, "driving": n > 0}
            wall.hear("state", state(version, orderId="d1", nodeStates=REST, **there))
            await wall.until(lambda n=n: len(wall.of(DriveProgressed)) == n + 1)
        assert [each.sequence for each in wall.of(DriveProgressed)] == [0, 2]
        assert len(wall.of(VehicleChanged)) == 2


@each_version
async def test_cancelling_and_instant_actions(version: str) -> None:
    name = "actionStates" if version == "2.1" else "instantActionStates"
    async with Wall(version).watched() as wall:
        await wall.online()
        wall.vehicle.obey(drive())
        wall.vehicle.obey(VehicleAction(at_ms=1, vehicle_id="agv1", action_id="p1", kind=ActionKind.PAUSE))
        await wall.until(lambda: wall.sent("order") and wall.asked("startPause"))
        wall.hear("state", state(version, orderId="d1"))
        wall.vehicle.obey(CancelDrive(at_ms=1, vehicle_id="agv1", drive_id="d1", action_id="c1", reason="TEST"))
        await wall.until(lambda: wall.asked("cancelOrder") == ["c1"])
        over = [{"actionId": each, "actionStatus": "FINISHED"} for each in ("p1", "c1")]
        wall.hear("state", state(version, orderId="d1", **{name: over}))
        await wall.until(lambda: wall.of(DriveEnded) and wall.of(VehicleActionEnded))
        assert [(each.drive_id, each.result) for each in wall.of(DriveEnded)] == [("d1", "CANCELLED")]


async def test_rubbish_is_counted_and_told_and_changes_nothing() -> None:
    async with Wall("2.1").watched() as wall:
        await wall.online()
        wall.hear("state", state("2.1", operatingMode="HAPPY"))
        await wall.until(lambda: wall.vehicle.counts.rubbish == 1)
        await wall.until(lambda: len(wall.of(VehicleChanged)) == 2)
        changed = wall.of(VehicleChanged)[-1]
        assert "operatingMode" in changed.reason
        assert changed.mode is VehicleMode.AUTOMATIC
        wall.hear("state", state("2.1"))
        await wall.until(lambda: wall.of(VehicleChanged)[-1].reason == "")


async def test_nothing_is_sent_to_a_vehicle_that_is_away() -> None:
    async with Wall("2.1").watched() as wall:
        await wall.online()
        wall.hear("connection", connection("2.1", "CONNECTIONBROKEN"))
        await wall.until(lambda: wall.of(VehicleChanged)[-1].link is VehicleLink.BROKEN)
        wall.vehicle.obey(drive())
        await asyncio.sleep(0.5)
        assert not wall.sent("order")
        wall.hear("connection", connection("2.1"))
        wall.hear("state", state("2.1", lastNodeId="n0"))
        await wall.until(lambda: wall.sent("order"))


async def test_a_silent_vehicle_and_a_lost_broker_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vehicle_module, "STATE_MAX_S", 0.5)
    monkeypatch.setattr(vehicle_module, "BROKER_GRACE_S", 0.5)
    async with Wall("2.1").watched() as wall:
        await wall.online()
        await wall.until(lambda: wall.of(VehicleChanged)[-1].link is VehicleLink.SILENT)
        wall.hear("state", state("2.1"))
        await wall.until(lambda: wall.of(VehicleChanged)[-1].link is VehicleLink.ONLINE)
        wall.vehicle.broker(there=False)
        await wall.until(lambda: wall.of(VehicleChanged)[-1].link is VehicleLink.AWAY)


async def test_only_the_newest_state_counts_however_fast_they_come() -> None:
    async with Wall("2.1").watched() as wall:
        await wall.online()
        for n in range(2000):
            wall.hear("state", state("2.1", lastNodeId=f"n{n}"))
        await wall.until(lambda: wall.of(VehicleChanged)[-1].node_id == "n1999")
        assert len(wall.of(VehicleChanged)) == 2


async def test_after_a_restart_nothing_is_sent_that_the_vehicle_has() -> None:
    async with Wall("2.1").watched() as wall:
        wall.vehicle.obey(replace(drive(1, first=2), begun=True))
        wall.hear("connection", connection("2.1"))
        there = {"lastNodeId": "n2", "lastNodeSequenceId": 4}
        wall.hear("state", state("2.1", orderId="d1", orderUpdateId=1, nodeStates=REST, **there))
        await wall.until(lambda: wall.of(DriveProgressed))
        await asyncio.sleep(0.3)
        assert not wall.sent("order")


@each_version
async def test_a_state_that_was_overtaken_is_not_believed(version: str) -> None:
    async with Wall(version).watched() as wall:
        await wall.online()
        newest = state(version, headerId=9, timestamp="2026-03-01T08:00:09.00Z", lastNodeId="n9")
        stale = state(version, headerId=8, timestamp="2026-03-01T08:00:08.00Z", lastNodeId="n8")
        wall.hear("state", newest)
        wall.hear("state", stale)
        await wall.until(lambda: wall.vehicle.counts.stale == 1)
        assert wall.of(VehicleChanged)[-1].node_id == "n9"
        restarted = state(version, headerId=1, timestamp="2026-03-01T08:00:10.00Z", lastNodeId="n1")
        wall.hear("state", restarted)
        await wall.until(lambda: wall.of(VehicleChanged)[-1].node_id == "n1")
        assert wall.vehicle.counts.stale == 1


@each_version
async def test_nothing_is_sent_to_a_vehicle_that_may_have_lost_its_memory(version: str) -> None:
    """It comes back without its order; an update that it could take for a new one must not be under way by then."""
    async with Wall(version).watched() as wall:
        await wall.online()
        wall.vehicle.obey(drive())
        await wall.until(lambda: wall.sent("order"))
        wall.hear("connection", connection(version, "OFFLINE"))
        await wall.until(lambda: wall.of(VehicleChanged)[-1].link is VehicleLink.OFFLINE)
        shown = state(version, orderId="d1", nodeStates=[{"nodeId": "n2", "sequenceId": 4, "released": False}])
        wall.hear("state", shown)
        await wall.until(lambda: wall.of(DriveProgressed))
        wall.vehicle.obey(drive(1, first=2))
        asked = len(wall.asked("stateRequest"))
        wall.hear("connection", connection(version))
        await wall.until(lambda: len(wall.asked("stateRequest")) > asked)
        assert len(wall.sent("order")) == 1
        wall.hear("state", state(version))
        await wall.until(lambda: wall.of(DriveEnded))
        assert len(wall.sent("order")) == 1
