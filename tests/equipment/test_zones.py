"""A conveyor line: what is told of its zones and merges, what is not, and units that are released one by one."""

import asyncio
from typing import Any

import pytest

from edge.equipment import presence, zones
from edge.messages import (
    CommandEnded,
    CommandMachine,
    Flow,
    MachineChanged,
    MachineCommand,
    MergeChanged,
    ZoneChanged,
    ZoneFault,
)
from edge.settings import Tag


def command(code: MachineCommand, *args: int) -> CommandMachine:
    return CommandMachine(at_ms=1, machine_id="conveyor2", command=code, args=args, request_id="r1")


def put(plc: Any, zone: int, **values: Any) -> None:
    plc.put(**{f"Zone{zone:02}__{name}": value for name, value in values.items()})


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(zones, "TICK_MS", 20)
    monkeypatch.setattr(zones, "AGAIN_MS", 100)
    monkeypatch.setattr(zones, "ACK_MS", 100)


async def test_passing_units_are_not_told_and_a_jam_is(world) -> None:
    plc, line = world.conveyor()
    async with world.at_work(line, plc, world.journal):
        plc.connect()
        await world.journal.wait(MachineChanged, 2)
        for count in range(1, 6):
            put(plc, 2, Status=4, ArrivalCount=count, TrackingId=count, Flags=0b1000)
            await asyncio.sleep(0.02)
            put(plc, 2, Status=2, DepartureCount=count, TrackingId=0, Flags=0)
            await asyncio.sleep(0.02)
        assert world.journal.of(ZoneChanged) == []
        put(plc, 2, Status=5, ArrivalCount=6, TrackingId=6, Flags=0b1001)
        told = await world.journal.wait(ZoneChanged)
        stopped = await world.journal.wait(MachineChanged, 3)
        put(plc, 2, Flags=0b1000)
        clear = await world.journal.wait(ZoneChanged, 2)
    assert (told.zone, told.fault, told.blocked, told.tracking_id) == (2, ZoneFault.SENSOR_JAM, True, 6)
    assert (told.arrivals, told.departures, told.accumulating) == (6, 5, False)
    assert stopped.reason == "SENSOR_JAM zone 2"
    assert clear.fault is ZoneFault.NONE


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (0b0000_0010, ZoneFault.ARRIVAL_JAM),
        (0b0000_0111, ZoneFault.MOTOR),
        (0b0110_0000, ZoneFault.ESTOP),
        (0b0010_0000, ZoneFault.HELD),
        (0b1010_0000, ZoneFault.MAINTENANCE),
    ],
)
async def test_the_gravest_fault_is_told(world, flags: int, fault: ZoneFault) -> None:
    plc, line = world.conveyor()
    put(plc, 1, Flags=flags)
    async with world.at_work(line, plc, world.journal):
        plc.connect()
        told = await world.journal.wait(ZoneChanged)
    assert (told.zone, told.fault) == (1, fault)


async def test_a_flickering_eye_floods_nobody_and_the_last_state_is_told(world, monkeypatch) -> None:
    monkeypatch.setattr(zones, "AGAIN_MS", 300)
    plc, line = world.conveyor()
    async with world.at_work(line, plc, world.journal):
        plc.connect()
        await world.journal.wait(MachineChanged, 2)
        for _ in range(12):
            put(plc, 3, Flags=1)
            await asyncio.sleep(0.025)
            put(plc, 3, Flags=0)
            await asyncio.sleep(0.025)
        await asyncio.sleep(0.5)
        told = world.journal.of(ZoneChanged)
    assert 1 <= len(told) <= 5
    assert told[-1].fault is ZoneFault.NONE


async def test_zones_in_trouble_are_told_again_after_a_resync(world) -> None:
    plc, line = world.conveyor()
    put(plc, 4, Flags=1)
    async with world.at_work(line, plc, world.journal):
        plc.connect()
        await world.journal.wait(ZoneChanged)
        plc.disconnect()
        await world.until(lambda: not line._presence.ready)
        plc.connect()
        again = await world.journal.wait(ZoneChanged, 2)
    assert (again.zone, again.fault) == (4, ZoneFault.SENSOR_JAM)


def with_words(plc: Any, zone: int, machine: Any) -> Any:
    """The same line with words for accumulation and release."""
    names = {tag.name for tag in plc.image.tags}
    words = (("ZoneCmd", "rw", "wcs"), ("ReleaseCount", "rw", "wcs"), ("ReleaseCountEcho", "r", "plc"))
    more = [
        Tag(name=f"Zone{zone:02}.{name}", table="node", node=name, type="uint16", access=access, writer=writer)
        for name, access, writer in words
        if f"Zone{zone:02}.{name}" not in names
    ]
    tags = (*plc.image.tags, *more)
    plc.image = type(plc.image)(tags)
    plc.values |= {tag.name: 0 for tag in more}
    plc.polled += [tag.name for tag in more]
    return type(machine)(machine._machine, plc.image)


class Line:
    """Takes over releases and accumulation; counts the units it let go."""

    def __init__(self, plc: Any) -> None:
        self.plc = plc
        self.released = 0
        self.count = 0
        plc.program = self.program

    def program(self, written: Any) -> None:
        (name, value), *_ = written
        if name == "Zone02.ReleaseCount":
            self.released += value - self.count
            self.count = value
            self.plc.put(Zone02__ReleaseCountEcho=value)
        if name == "Zone02.ZoneCmd":
            self.plc.put(Zone02__Flags=value << 4)


async def test_units_are_released_one_by_one_and_told_once(world) -> None:
    plc, machine = world.conveyor()
    machine = with_words(plc, 2, machine)
    line = Line(plc)
    async with world.at_work(machine, plc, world.journal):
        plc.connect()
        await machine.obey(command(MachineCommand.ACCUMULATE, 2, 1))
        ended = await world.journal.wait(CommandEnded)
        assert (ended.result, ended.request_id) == ("DONE", "r1")
        assert (await world.journal.wait(ZoneChanged)).accumulating
        for number in (2, 3):
            await machine.obey(command(MachineCommand.RELEASE, 2))
            assert (await world.journal.wait(CommandEnded, number)).result == "DONE"
    assert line.released == 2


async def test_a_release_nobody_took_is_unknown_and_one_for_no_zone_refused(world) -> None:
    plc, machine = world.conveyor()
    machine = with_words(plc, 2, machine)
    async with world.at_work(machine, plc, world.journal):
        plc.connect()
        await machine.obey(command(MachineCommand.RELEASE, 2))
        assert (await world.journal.wait(CommandEnded)).result == "UNKNOWN"
        await machine.obey(command(MachineCommand.RELEASE, 31))
        refused = await world.journal.wait(CommandEnded, 2)
    assert (refused.result, refused.reason) == ("REJECTED", "UNKNOWN_ZONE 31")
    assert set(plc.wrote("Zone02.ReleaseCount")) == {1}


async def test_a_merge_is_told_when_units_wait_at_it_and_it_stands(world) -> None:
    plc, machine = world.conveyor()
    names = {tag.name for tag in plc.image.tags}
    more = [
        Tag(name=f"Merge1.{name}", table="node", node=name, type="uint16", access="r", writer="plc")
        for name in ("Status", "Mode", "WaitA", "WaitB")
        if f"Merge1.{name}" not in names
    ]
    plc.image = type(plc.image)((*plc.image.tags, *more))
    plc.values |= {tag.name: 0 for tag in more} | {"Merge1.Status": 2, "Merge1.Mode": 1}
    plc.polled += [tag.name for tag in more]
    machine = type(machine)(machine._machine, plc.image)
    async with world.at_work(machine, plc, world.journal):
        plc.connect()
        first = await world.journal.wait(MergeChanged)
        for waiting in (1, 2, 3):
            plc.put(Merge1__Status=4, Merge1__WaitA=waiting)
            await asyncio.sleep(0.03)
        assert len(world.journal.of(MergeChanged)) == 1
        await asyncio.sleep(0.1)
        plc.put(Merge1__Status=5, Merge1__WaitB=1)
        stands = await world.journal.wait(MergeChanged, 2)
    assert (first.moving, first.mode, first.waiting) == (True, 1, (0, 0))
    assert (stands.moving, stands.waiting) == (False, (3, 1))


async def test_a_line_without_units_starves_and_one_whose_exit_stands_is_blocked(world, monkeypatch) -> None:
    monkeypatch.setattr(presence, "FLOW_MS", 100)
    monkeypatch.setattr(presence, "TICK_MS", 20)
    plc, line = world.conveyor()
    last = max(zone for zone in range(1, 33) if f"Zone{zone:02}.Status" in plc.image)
    plc.put(OnSorterCount=3)
    async with world.at_work(line, plc, world.journal):
        plc.connect()
        assert (await world.journal.wait(MachineChanged, 2)).flow is Flow.NORMAL
        plc.put(OnSorterCount=0)
        assert (await world.journal.wait(MachineChanged, 3)).flow is Flow.STARVED
        plc.put(OnSorterCount=1)
        assert (await world.journal.wait(MachineChanged, 4)).flow is Flow.NORMAL
        put(plc, last, Status=5)
        assert (await world.journal.wait(MachineChanged, 5)).flow is Flow.BLOCKED
        plc.put(StateCurrent=5)
        suspended = await world.journal.wait(MachineChanged, 6)
    assert (suspended.flow, suspended.state.name) == (Flow.NORMAL, "SUSPENDED")
