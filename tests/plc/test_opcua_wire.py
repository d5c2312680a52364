"""Bytes that get lost, held up or come late: nothing is written twice, and nothing after it was given up."""

import asyncio

import pytest

from edge.plc import opcua, supervision
from edge.plc.image import LinkLost, PlcError, WriteUnknown
from tests.plc.opcua_stage import opcua_stage
from tests.plc.relay import UaRelay

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)


def watched(program):
    """Every write that reaches the PLC program, in order."""
    arrived = []
    write = program.write

    def noted(name, value):
        arrived.append((name, value))
        return write(name, value)

    program.write = noted
    return arrived


async def test_a_write_held_on_the_way_is_not_carried_out_after_the_edge_went_on(south, tmp_path) -> None:
    port = south.free_port()
    async with opcua_stage(port, ["robot1"], tmp_path) as stage, UaRelay(port) as relay:
        arrived = watched(stage.world.robot("robot1"))
        device = stage.device("robot1", url=relay.url, timeout_ms=300)
        async with south.kept(opcua.keep, device, stage.tags("robot1")) as image:
            await south.until(lambda: image.good)
            relay.hold = True
            with pytest.raises(WriteUnknown):
                await image.write([("CmdCode", 4), ("CmdSeq", 7)])
            await south.until(lambda: not image.good)
            relay.hold = False
            await south.until(lambda: image.good, 20)
            await image.refresh(["CmdAckSeq"])
            assert image.number("CmdAckSeq") == 0, "resolved: it has not arrived"
            assert relay.release() > 0, "and now it would"
            await asyncio.sleep(0.5)
            assert arrived == []
            await image.write([("CmdCode", 4), ("CmdSeq", 8)])
            await south.until(lambda: image.number("CmdAckSeq") == 8)
        assert [value for name, value in arrived if name == "CmdSeq"] == [8]


async def test_a_write_lost_on_the_way_is_unknown_and_sent_by_nobody_again(south, tmp_path) -> None:
    port = south.free_port()
    async with opcua_stage(port, ["robot1"], tmp_path) as stage, UaRelay(port) as relay:
        arrived = watched(stage.world.robot("robot1"))
        device = stage.device("robot1", url=relay.url, timeout_ms=300)
        async with south.kept(opcua.keep, device, stage.tags("robot1")) as image:
            await south.until(lambda: image.good)
            for count in range(1, 6):
                relay.swallow = True
                with pytest.raises(WriteUnknown):
                    await image.write([("WcsHeartbeat", count)])
                with pytest.raises(PlcError):
                    await image.refresh(["WcsHeartbeat"])
                await south.until(lambda: not image.good)
                with pytest.raises(LinkLost):
                    await image.write([("WcsHeartbeat", 100 + count)])
                relay.swallow = False
                await south.until(lambda: image.good, 20)
            await asyncio.sleep(0.3)
        assert arrived == []


async def test_an_answer_that_comes_late_leaves_one_write(south, tmp_path) -> None:
    async with opcua_stage(south.free_port(), ["robot1"], tmp_path) as stage:
        arrived = watched(stage.world.robot("robot1"))
        device = stage.device("robot1", timeout_ms=200)
        async with south.kept(opcua.keep, device, stage.tags("robot1")) as image:
            await south.until(lambda: image.good)
            await image.write([("CmdCode", 0), ("CmdSeq", 6)])
            arrived.clear()
            stage.server.delay_replies(350)
            with pytest.raises(WriteUnknown):
                await image.write([("CmdCode", 4), ("CmdSeq", 7)])
            stage.server.delay_replies(0)
            await south.until(lambda: image.good and image.number("CmdAckSeq") == 7, 20)
        assert arrived == [("CmdCode", 4), ("CmdSeq", 7)]


async def test_nothing_is_left_behind_by_links_that_come_and_go(opcua_plc, south, tags) -> None:
    """Sessions of broken links are taken up again, not left on the server, whose sessions are few."""
    sessions = opcua_plc.server.iserver._external_sessions
    before = len(sessions)
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        for _ in range(5):
            await south.until(lambda: image.good)
            opcua_plc.hang_up()
            await south.until(lambda: not image.good)
        await south.until(lambda: image.good)
        assert len(sessions) == before + 1
        assert image.counts.counts["resumed"] == 5
    await south.until(lambda: len(sessions) == before)
