"""Presence: the first view, heartbeats both ways, the map, rubbish states."""

import asyncio

import pytest

from edge.equipment import presence
from edge.messages import Link, MachineChanged, PackMl


def views(journal) -> list[tuple[Link, PackMl]]:
    return [(changed.link, changed.state) for changed in journal.of(MachineChanged)]


async def test_first_view_is_told_before_there_is_a_link(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        first = await world.journal.wait(MachineChanged)
        assert (first.link, first.state, first.boot) == (Link.LOST, PackMl.UNKNOWN, 0)
        assert first.reason == "LINK_LOST: not connected yet"
        plc.connect()
        second = await world.journal.wait(MachineChanged, 2)
    assert (second.link, second.state, second.boot, second.reason) == (Link.GOOD, PackMl.EXECUTE, 1, "")


async def test_state_changes_are_told_and_unknown_states_are_rubbish(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.journal.wait(MachineChanged, 2)
        plc.put(StateCurrent=11)
        await world.journal.wait(MachineChanged, 3)
        plc.put(StateCurrent=4711)
        await world.journal.wait(MachineChanged, 4)
    assert [state for _, state in views(world.journal)][1:] == [PackMl.EXECUTE, PackMl.HELD, PackMl.UNKNOWN]
    assert sorter.counts.rubbish == 1


async def test_machine_is_lost_when_its_heartbeat_stops_though_the_socket_stands(world, monkeypatch) -> None:
    monkeypatch.setattr(presence, "STALE_MS", 300)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.journal.wait(MachineChanged, 2)
        plc.beating = False
        lost = await world.journal.wait(MachineChanged, 3)
        assert plc.image.good
        assert (lost.link, lost.reason, lost.state) == (Link.LOST, "HEARTBEAT_STALE", PackMl.EXECUTE)
        plc.beating = True
        await world.journal.wait(MachineChanged, 4)
    assert [link for link, _ in views(world.journal)] == [Link.LOST, Link.GOOD, Link.LOST, Link.GOOD]


async def test_machine_that_never_beats_is_never_there(world, monkeypatch) -> None:
    monkeypatch.setattr(presence, "STALE_MS", 200)
    plc, sorter = world.sorter()
    plc.beating = False
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        assert (await world.journal.wait(MachineChanged, 2)).reason == "HEARTBEAT_STALE"
        assert plc.writes == []


async def test_wrong_map_is_never_ready(world) -> None:
    plc, sorter = world.sorter()
    plc.values["MapId"] = 0x4301
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        lost = await world.journal.wait(MachineChanged, 2)
        await asyncio.sleep(0.1)
    assert (lost.link, lost.reason) == (Link.LOST, "WRONG_MAP: 0x4301 instead of 0x5301")
    assert plc.wrote("ReqSeqSeen") == []


async def test_our_heartbeat_carries_epoch_and_state(world, monkeypatch) -> None:
    monkeypatch.setattr(presence, "BEAT_MS", 20)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal, epoch=65_537):
        plc.connect()
        await world.until(lambda: plc.values["WcsState"] == 1 and len(plc.wrote("WcsHeartbeat")) >= 3)
    beats = plc.wrote("WcsHeartbeat")
    assert beats == list(range(1, len(beats) + 1))
    assert set(plc.wrote("WcsEpoch")) == {1}
    beat = next(values for values in plc.writes if values[0][0] == "WcsHeartbeat")
    assert [name for name, _ in beat] == ["WcsHeartbeat", "WcsEpoch", "WcsState"]


async def test_our_heartbeat_stops_when_the_decide_loop_does(world, monkeypatch) -> None:
    monkeypatch.setattr(presence, "BEAT_MS", 20)
    turns = [0]
    hung = False

    def beats() -> int:
        turns[0] += not hung
        return turns[0]

    plc, sorter = world.sorter(beats=beats)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: len(plc.wrote("WcsHeartbeat")) >= 2)
        hung = True
        await asyncio.sleep(0.05)
        stopped = len(plc.wrote("WcsHeartbeat"))
        await asyncio.sleep(0.15)
        assert len(plc.wrote("WcsHeartbeat")) == stopped
        hung = False
        await world.until(lambda: len(plc.wrote("WcsHeartbeat")) > stopped)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"StatusBits": 1 << 5}, "GUARD"),
        ({"FaultCode": 17}, "FAULT_17"),
        ({"UnitMode": 2}, "MAINTENANCE"),
        ({"UnitMode": 3, "FaultCode": 4}, "FAULT_4"),
        ({"StatusBits": 0x60 | 1 << 10}, "HOST_OFFLINE"),
        ({"StatusBits": 0, "FaultCode": 9}, "ESTOP"),
    ],
)
async def test_the_cause_is_told_with_the_state(world, values: dict[str, int], reason: str) -> None:
    plc, sorter = world.sorter()
    plc.values |= {"StateCurrent": 11} | values
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        changed = await world.journal.wait(MachineChanged, 2)
        plc.put(StatusBits=0x60, FaultCode=0, UnitMode=1)
        after = await world.journal.wait(MachineChanged, 3)
    assert (changed.state, changed.reason) == (PackMl.HELD, reason)
    assert (after.state, after.reason) == (PackMl.HELD, "")


async def test_the_plc_is_told_that_we_stop(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
        await sorter.farewell()
        assert plc.values["WcsState"] == 3
        plc.disconnect()
        await world.until(lambda: not sorter._presence.ready)
        await sorter.farewell()


async def test_we_are_degraded_while_an_event_waits_too_long_for_the_disk(world, monkeypatch) -> None:
    monkeypatch.setattr(presence, "BEAT_MS", 20)
    monkeypatch.setattr(presence, "BEHIND_MS", 100)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: plc.values["WcsState"] == 1)
        world.journal.gate.clear()
        plc.request(1)
        await world.until(lambda: plc.values["WcsState"] == 2)
        world.journal.gate.set()
        await world.until(lambda: plc.values["WcsState"] == 1)


async def test_a_machine_that_went_on_without_us_is_read_anew_though_its_link_stood(world, monkeypatch) -> None:
    monkeypatch.setattr(presence, "FALLEN_MS", 50)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
        assert sorter._presence.session == 1
        plc.put(StatusBits=0x60 | 1 << 10)
        await world.until(lambda: sorter._presence.session == 2)
        plc.put(StatusBits=0x60)
        await world.until(lambda: sorter._presence.ready)
        session = sorter._presence.session
        plc.put(StatusBits=0x60 | 1 << 10, StateCurrent=11)
        await world.until(lambda: sorter._presence.state is PackMl.HELD)
        await asyncio.sleep(0.15)
        assert sorter._presence.session == session, "a machine that holds waits for a command"
