"""The Modbus link: full read first, no write twice, half-open noticed, back after every kind of death."""

import asyncio
import logging
import time

import pytest

from edge.plc import modbus, supervision
from edge.plc.image import LinkLost, PlcError, ReadRefused, WriteRejected, WriteUnknown
from edge.settings import ConfigError


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)


async def test_good_after_everything_was_read(modbus_device, south, tags) -> None:
    modbus_device.words |= {1: 4, 2: 9, 30: 1, 32: 1, 33: 2, 1000: 5}
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        assert (image.value("BootCount"), image.value("Position"), image.value("Beat")) == (4, 0x10002, 5)
        assert image.value("Slot.Head") is None
        modbus_device.words |= {1: 5, 30: 0}
        await south.until(lambda: image.value("BootCount") == 5 and image.value("Lane") == 0)
        assert modbus_device.connections == 2
    await south.until(lambda: modbus_device.connections == 0)
    reads = {(address, count) for unit, function, address, count in modbus_device.requests if function == 3}
    assert reads == {(1, 2), (30, 4), (1000, 11)}
    assert {unit for unit, *_ in modbus_device.requests} == {3}


async def test_fast_tags_are_read_more_often_than_slow_ones(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        await asyncio.sleep(0.6)
    counts = [sum(1 for _, _, address, _ in modbus_device.requests if address == at) for at in (1, 30, 1000)]
    assert counts[0] > 2 * counts[1] > 2 * counts[2] > 2


async def test_ring_tags_are_read_when_asked_in_one_request(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.words |= {100: 7, 101: 0x4142, 102: 0x4300, 113: 7}
        await image.refresh(["Slot.Head", "Slot.Code", "Slot.Tail"])
        assert (image.value("Slot.Head"), image.value("Slot.Tail")) == (7, 7)
        assert str(image.value("Slot.Code")).rstrip("\0") == "ABC"
        assert image.is_good("Slot.Code")
    assert [(a, n) for _, _, a, n in modbus_device.requests if a == 100] == [(100, 14)]


async def test_neighbours_are_written_in_one_request(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        await image.write([("Beat", 1), ("Epoch", 2), ("Id", 0x30004), ("Number", 5)])
        with pytest.raises(WriteRejected, match="does not follow"):
            await image.write([("Number", 6), ("Far", 1)])
        with pytest.raises(WriteRejected, match="does not follow"):
            await image.write([("Epoch", 6), ("Beat", 1)])
    assert modbus_device.writes() == [(1000, 5)]
    assert [modbus_device.words[at] for at in range(1000, 1005)] == [1, 2, 3, 4, 5]


async def test_unanswered_write_is_unknown_and_sent_once(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.lose_write_answers = 1
        with pytest.raises(WriteUnknown):
            await image.write([("Number", 9)])
        assert image.good
        await image.refresh(["Number"])
        assert image.value("Number") == 9
        await image.write([("Number", 10)])
    assert modbus_device.writes() == [(1004, 1), (1004, 1)]
    assert modbus_device.words[1004] == 10


@pytest.mark.parametrize(
    ("code", "error"), [(2, WriteRejected), (6, WriteRejected), (4, WriteUnknown), (5, WriteUnknown)]
)
async def test_refused_write(modbus_device, south, tags, code: int, error: type[Exception]) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.refused[1004] = code
        with pytest.raises(error):
            await image.write([("Number", 9)])
        assert image.good


async def test_device_killed_and_restarted(modbus_device, south, tags, caplog) -> None:
    caplog.set_level(logging.INFO, logger="edge.plc.supervision")
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        await modbus_device.stop()
        await south.until(lambda: [record for record in caplog.records if record.message == "link lost"])
        assert caplog.records[-1].reason == "connection closed by the device"
        assert not image.good
        with pytest.raises(LinkLost):
            await image.write([("Number", 9)])
        await asyncio.sleep(0.5)
        modbus_device.words[1] = 8
        await modbus_device.start()
        await south.until(lambda: image.good)
        assert image.value("BootCount") == 8
        assert modbus_device.writes() == []
    said = [record.message for record in caplog.records if record.name == "edge.plc.supervision"]
    assert said == ["link good", "link lost", "link good"]
    assert not [record for record in caplog.records if record.name.startswith("pymodbus")]


async def test_device_that_is_not_there_yet(modbus_device, south, tags, caplog) -> None:
    await modbus_device.stop()
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.reason.startswith("no connection"))
        await asyncio.sleep(0.3)
        await modbus_device.start()
        await south.until(lambda: image.good)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == ["link lost"]


async def test_half_open_device_is_noticed_by_its_silence(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.silent = True
        started = time.monotonic()
        await south.until(lambda: not image.good)
        assert time.monotonic() - started > 2 * 0.2
        assert image.reason == "3 requests without an answer"
        modbus_device.silent = False
        await south.until(lambda: image.good)


async def test_write_in_flight_when_the_device_dies_is_unknown(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device, timeout_ms=2000), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.silent = True
        async with asyncio.TaskGroup() as group:
            write = group.create_task(failure(image.write([("Number", 9)])))
            await south.until(modbus_device.writes)
            await modbus_device.stop()
        assert isinstance(write.result(), WriteUnknown)
    assert len(modbus_device.writes()) == 1


async def failure(ask) -> PlcError | None:
    try:
        await ask
    except PlcError as error:
        return error
    return None


async def test_register_refused_while_running_is_bad_and_the_rest_lives_on(modbus_device, south, tags) -> None:
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        modbus_device.refused[30] = 4
        await south.until(lambda: not image.is_good("Lane"))
        assert image.good
        assert image.is_good("BootCount")
        modbus_device.refused.clear()
        await south.until(lambda: image.is_good("Lane"))


async def test_register_refused_from_the_start_is_bad_with_its_reason_and_the_rest_lives(
    modbus_device, south, tags
) -> None:
    modbus_device.refused[1002] = 2
    modbus_device.words |= {1001: 7, 1004: 5}
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        assert image.reading("Id").reason == "refused: illegal address (2)"
        assert image.trouble(["Epoch", "Id"]) == "Id refused: illegal address (2)"
        assert [image.value(name) for name in ("Epoch", "Number", "Far")] == [7, 5, 0]
        assert all(image.is_good(name) for name in ("Beat", "Epoch", "Number", "Far", "Lane"))
        with pytest.raises(ReadRefused, match="Id refused"):
            await image.refresh(["Epoch", "Id"])
        await image.refresh(["Epoch", "Id"], strict=False)
        modbus_device.refused.clear()
        modbus_device.words[1003] = 9
        await south.until(lambda: image.is_good("Id"))
        assert image.value("Id") == 9


async def test_device_without_the_gaps_is_read_around_them(modbus_device, south, tags) -> None:
    modbus_device.refused |= {31: 2, 1007: 2}
    modbus_device.words |= {30: 3, 33: 4, 1010: 5}
    async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus) as image:
        await south.until(lambda: image.good)
        assert (image.value("Lane"), image.value("Position"), image.value("Far")) == (3, 4, 5)


async def test_coils_are_bools(modbus_device, south, tags) -> None:
    modbus_device.words |= {4: 1, 6: 1}
    bits = [tags.holding(f"B{at}", at, table="coil", type="bool") for at in (4, 5, 6)]
    async with south.kept(modbus.keep, south.modbus(modbus_device), bits) as image:
        await south.until(lambda: image.good)
        assert [image.value(f"B{at}") for at in (4, 5, 6)] == [True, False, True]


async def test_tag_no_request_can_read_is_the_installers_fault(modbus_device, south, tags) -> None:
    long = tags.holding("Long", 1, type="string", count=100)
    with pytest.raises(ConfigError, match="Long"):
        await modbus.keep(south.modbus(modbus_device, max_read=45), [long], None)


async def test_cancelling_closes_everything_at_any_moment(modbus_device, south, tags) -> None:
    for wait_s in (0.0, 0.002, 0.005, 0.01, 0.03, 0.1):
        async with south.kept(modbus.keep, south.modbus(modbus_device), tags.modbus):
            await asyncio.sleep(wait_s)
    await south.until(lambda: modbus_device.connections == 0)
