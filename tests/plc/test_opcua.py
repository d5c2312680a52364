"""The OPC UA link: full read first, values in order, exact types, back after a death."""

import asyncio
import logging
from typing import Any

import pytest
from asyncua import ua

from edge.plc import opcua, supervision
from edge.plc.image import LinkLost, WriteRejected, WriteUnknown
from edge.plc.opcua import liveness
from edge.settings import ConfigError

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)


async def test_good_after_everything_was_read_then_follows_changes_in_order(opcua_plc, south, tags) -> None:
    await opcua_plc.put(BootCount=4, Busy=True)
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        assert (image.value("BootCount"), image.value("Busy")) == (4, True)
        seen = [image.number("PlcHeartbeat")]
        for count in range(101, 160):
            await opcua_plc.put(PlcHeartbeat=count, Speed=count)
            await asyncio.sleep(0.005)
            if image.number("PlcHeartbeat") != seen[-1]:
                seen.append(image.number("PlcHeartbeat"))
        await south.until(lambda: image.value("PlcHeartbeat") == 159 and image.value("Speed") == 159)
    assert len(seen) > 5
    assert seen == sorted(seen)


async def test_ring_tags_are_read_when_asked(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        assert image.value("Slot.Head") is None
        await opcua_plc.put(**{"Slot.Head": 7, "Slot.Code": "ABC"})
        await image.refresh(["Slot.Head", "Slot.Code"])
        assert (image.value("Slot.Head"), image.value("Slot.Code")) == (7, "ABC")
        assert image.is_good("Slot.Code")


async def test_write_is_one_call_with_exact_types(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        await image.write([("Id", 70_000), ("Number", 5)])
        assert (await opcua_plc.get("Id"), await opcua_plc.get("Number")) == (70_000, 5)
        value = await opcua_plc.nodes["Id"].read_data_value()
        assert value.Value.VariantType is ua.VariantType.UInt32
        await opcua_plc.nodes["Number"].set_writable(False)
        with pytest.raises(WriteRejected, match="Number BadUserAccessDenied"):
            await image.write([("Number", 6)])
        assert image.good
        await opcua_plc.nodes["Number"].set_writable()


async def test_nothing_of_a_write_is_obeyed_when_the_server_refuses_a_part_of_it(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        before = await opcua_plc.get("Number")
        await opcua_plc.nodes["Id"].set_writable(False)
        for _ in range(2):
            with pytest.raises(WriteRejected, match="Id BadUserAccessDenied"):
                await image.write([("Id", 70_001), ("Number", before + 1)])
        assert await opcua_plc.get("Number") == before, "its number is last, and tells the PLC to look at the rest"
        await opcua_plc.nodes["Id"].set_writable()
        await image.write([("Id", 70_001), ("Number", before + 1)])
        assert (await opcua_plc.get("Id"), await opcua_plc.get("Number")) == (70_001, before + 1)


async def test_unanswered_write_is_unknown(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url, timeout_ms=300), tags.nodes) as image:
        await south.until(lambda: image.good)
        frozen = freeze(opcua_plc)
        with pytest.raises(WriteUnknown):
            await image.write([("Number", 5)])
        await south.until(lambda: not image.good)
        with pytest.raises(LinkLost):
            await image.write([("Number", 6)])
        thaw(opcua_plc, frozen)
        await south.until(lambda: image.good)


def freeze(plc: Any) -> list[Any]:
    """The server takes bytes and answers nothing, as a hung PLC or a cut cable does."""
    protocols = list(plc.server.bserver.clients)
    for protocol in protocols:
        protocol.transport.pause_reading()
    return protocols


def thaw(plc: Any, frozen: list[Any]) -> None:
    for protocol in frozen:
        if not protocol.transport.is_closing():
            protocol.transport.resume_reading()


async def test_server_killed_and_restarted(south, tags, caplog) -> None:
    caplog.set_level(logging.INFO, logger="edge.plc.supervision")
    plc = south.OpcUaPlc(tags.nodes)
    await plc.start()
    async with south.kept(opcua.keep, south.opcua(plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        await plc.stop()
        await south.until(lambda: not image.good)
        with pytest.raises(LinkLost):
            await image.write([("Number", 5)])
        await plc.start()
        await plc.put(BootCount=9)
        await south.until(lambda: image.good and image.value("BootCount") == 9)
        assert await plc.get("Number") == 0
    await plc.stop()
    said = [record.message for record in caplog.records if record.name == "edge.plc.supervision"]
    assert said == ["link good", "link lost", "link good"]


async def test_node_that_does_not_exist_costs_its_tag_and_is_tried_again(opcua_plc, south, tags, monkeypatch) -> None:
    monkeypatch.setattr(liveness, "RETRY_MS", 50)
    late = tags.node("Later")
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), (*tags.nodes, late)) as image:
        await south.until(lambda: image.good)
        assert image.reading("Later").reason == "refused: BadNodeIdUnknown"
        assert image.counts.counts["nodes_refused"] == 1
        await opcua_plc.add(late)
        await south.until(lambda: image.is_good("Later"))
        await opcua_plc.put(Later=3)
        await south.until(lambda: image.value("Later") == 3)
    await opcua_plc.drop("Later")


async def test_without_the_numbers_of_events_a_link_is_worth_nothing(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), (*tags.nodes, tags.node("RepSeqLast"))) as image:
        await south.until(lambda: "RepSeqLast cannot be watched" in image.reason)
        assert not image.good


async def test_namespace_is_found_by_its_uri(opcua_plc, south, tags) -> None:
    device = south.opcua(opcua_plc.url, root="nsu=urn:other;s=Cell")
    async with south.kept(opcua.keep, device, tags.nodes) as image:
        await south.until(lambda: "no namespace urn:other" in image.reason)


async def test_value_of_another_kind_is_bad_not_fatal(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        status = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
        bad = ua.DataValue(ua.Variant(3, ua.VariantType.UInt16), StatusCode=status)
        await opcua_plc.nodes["Speed"].write_value(bad)
        await south.until(lambda: not image.is_good("Speed"))
        assert image.good
        await opcua_plc.put(Speed=4)
        await south.until(lambda: image.is_good("Speed") and image.value("Speed") == 4)


async def test_cancelling_closes_everything_at_any_moment(opcua_plc, south, tags) -> None:
    for wait_s in (0.0, 0.01, 0.05, 0.1, 0.3):
        async with asyncio.timeout(10), south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes):
            await asyncio.sleep(wait_s)
    await south.until(lambda: not opcua_plc.server.bserver.clients)


async def test_tags_of_another_protocol_are_the_installers_fault(south, tags) -> None:
    with pytest.raises(ConfigError, match="node tags"):
        await opcua.keep(south.opcua("opc.tcp://127.0.0.1:1"), tags.modbus, None)
