"""Healthy-looking but dead: items, subscriptions, connections; and servers that do other than they were asked."""

import asyncio
import contextlib
import logging
import sys
import time
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import wait_for as library_wait_for

from edge.plc import opcua, supervision
from edge.plc.image import LinkLost, ProcessImage
from edge.plc.opcua import liveness
from edge.plc.opcua.feed import Feed
from edge.plc.opcua.memory import Memory
from edge.plc.opcua.session import Session
from edge.plc.opcua.subscriptions import Subscriptions
from tests.plc.opcua_stage import opcua_stage
from tests.plc.relay import UaRelay

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)
    monkeypatch.setattr(liveness, "PROBE_MS", 50)


def items_of(plc, name: str) -> list[tuple[object, int]]:
    """The monitored items of a tag on the server, with the service that holds them."""
    found = []
    for subscription in plc.server.iserver.subscription_service.subscriptions.values():
        service = subscription.monitored_item_srv
        wanted = plc.nodes[name].nodeid
        found += [
            (service, mid) for mid, item in service._monitored_items.items() if item.read_value_id.NodeId == wanted
        ]
    return found


async def test_an_item_that_delivers_nothing_is_found_by_reading_and_made_anew(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        ((service, number),) = items_of(opcua_plc, "Speed")
        service.delete_monitored_items([number])
        await opcua_plc.put(Speed=41)
        await south.until(lambda: image.value("Speed") == 41)  # read, so the image does not lie meanwhile
        await south.until(lambda: items_of(opcua_plc, "Speed") != [])
        assert image.good
        assert image.counts.counts["items_remade"] == 1
        assert image.counts.counts["subscriptions_remade"] == 0


async def test_a_subscription_without_even_keep_alives_is_made_anew(
    opcua_plc, south, tags, monkeypatch, caplog
) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        subscriptions = opcua_plc.server.iserver.subscription_service.subscriptions
        before = set(subscriptions)
        for subscription in subscriptions.values():
            subscription.has_published_results = lambda: False
        await south.until(lambda: not before & set(subscriptions), 15)
        await opcua_plc.put(Speed=77)
        await south.until(lambda: image.value("Speed") == 77)
        assert image.good
        assert "SUBSCRIPTION_SILENT" in [gap.reason for gap in image.commits.gaps]
    assert "subscription silent" in [record.message for record in caplog.records]


async def test_keep_alives_without_data_are_found_and_end_with_the_link(south, tmp_path) -> None:
    async with (
        opcua_stage(south.free_port(), ["robot1"], tmp_path) as stage,
        south.kept(opcua.keep, stage.device("robot1"), stage.tags("robot1")) as image,
    ):
        await south.until(lambda: image.good)
        await stage.server.freeze(True)
        before = image.number("PlcHeartbeat")
        await south.until(lambda: image.number("PlcHeartbeat") > before)
        await south.until(lambda: image.counts.counts["items_remade"] > 0)
        await south.until(lambda: image.counts.counts["subscriptions_remade"] > 0, 20)
        await south.until(lambda: not image.good, 20)
        assert "delivers nothing" in image.reason
        await stage.server.freeze(False)
        await south.until(lambda: image.good)


async def test_an_overflow_is_counted_told_and_everything_read_again(opcua_plc, south, tags) -> None:
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        thrown = ua.DataValue(ua.Variant(5, ua.VariantType.UInt16), StatusCode=ua.StatusCode(ua.UInt32(0x480)))
        await opcua_plc.nodes["Speed"].write_value(thrown)
        await south.until(lambda: image.counts.counts["overflows"] == 1)
        await south.until(lambda: [gap.reason for gap in image.commits.gaps] == ["QUEUE_OVERFLOW"])
        assert image.is_good("Speed")
        assert image.value("Speed") == 5


async def test_a_server_that_revises_is_told_of_once(opcua_plc, south, tags, monkeypatch, caplog) -> None:
    caplog.set_level(logging.WARNING, logger="edge.plc.opcua.subscriptions")
    monkeypatch.setattr(opcua_plc.server.iserver, "max_keep_alive_count", 2)
    async with south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image:
        await south.until(lambda: image.good)
        told = [record.what for record in caplog.records if record.message == "server revised a parameter"]
        assert sorted(told) == [f"{name}: keep-alive count" for name in ("events", "fast", "normal", "slow")]
        assert image.figures()["revised"] == 4
        opcua_plc.hang_up()
        await south.until(lambda: not image.good)
        await south.until(lambda: image.good)
        assert image.figures()["revised"] == 4


async def test_a_half_open_connection_is_noticed_by_its_silence(opcua_plc, south, tags) -> None:
    assert liveness.DEAD_MS + 2 * 1000 * liveness.CHECK_S < 1500
    async with (
        UaRelay(int(opcua_plc.url.rpartition(":")[2])) as relay,
        south.kept(opcua.keep, south.opcua(relay.url, timeout_ms=5000), tags.nodes) as image,
    ):
        await south.until(lambda: image.good)
        relay.swallow = True
        await south.until(lambda: not image.good)
        assert "half open" in image.reason
        relay.swallow = False
        await south.until(lambda: image.good)


async def test_one_dead_server_slows_no_other(opcua_plc, south, tags) -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(1024):
                pass
        writer.close()

    dead = await asyncio.start_server(swallow, "127.0.0.1", 0)
    url = f"opc.tcp://127.0.0.1:{dead.sockets[0].getsockname()[1]}"
    async with (
        south.kept(opcua.keep, south.opcua(url, timeout_ms=200), tags.nodes) as silent,
        south.kept(opcua.keep, south.opcua(opcua_plc.url), tags.nodes) as image,
    ):
        await south.until(lambda: image.good)
        before = image.counts.counts["links_lost"]
        for count in range(1000, 1040):
            await opcua_plc.put(PlcHeartbeat=count)
            await south.until(lambda count=count: image.number("PlcHeartbeat") == count)
        assert image.counts.counts["links_lost"] == before
        assert not silent.good
    dead.close()


async def test_a_slow_answer_is_not_a_dead_server(south, tmp_path) -> None:
    async with opcua_stage(south.free_port(), ["robot1"], tmp_path) as stage:
        device = stage.device("robot1", timeout_ms=1000)
        async with south.kept(opcua.keep, device, stage.tags("robot1")) as image:
            await south.until(lambda: image.good)
            stage.server.delay_replies(300)
            before = image.number("PlcHeartbeat")
            await south.until(lambda: image.number("PlcHeartbeat") > before + 4)
            assert image.good
            assert image.counts.counts["links_lost"] == 0


def unconnected(south, tags) -> tuple[Session, Feed]:
    image = ProcessImage(tags.nodes)
    session = Session(south.opcua("opc.tcp://127.0.0.1:1"), image.tags)
    return session, Feed(session, image, Memory(None, ""), Subscriptions(session, image, set()))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="wait_for swallows nothing any more")
@pytest.mark.parametrize("answers", [True, False], ids=["answer", "broken"])
async def test_a_task_that_is_ended_while_an_answer_comes_ends(south, tags, monkeypatch, answers) -> None:
    """Else a link that loses one of its tasks waits for the others for ever, and the image stays good."""
    session, feed = unconnected(south, tags)
    coming: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def publish(_acks: Any) -> Any:
        return await asyncio.wait_for(coming, 60) if not coming.done() else await asyncio.sleep(60)

    monkeypatch.setattr(session.services, "publish", publish)
    for work in (feed.publish(), session.ask(publish(None))):
        coming = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(work)
        await asyncio.sleep(0.01)
        if answers:
            coming.set_result(ua.PublishResponse())
        else:
            coming.set_exception(ConnectionError("reset"))
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.done()
        assert task.cancelled()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the library waits by the standard library there")
async def test_an_answer_at_the_very_end_of_its_time_ends_no_task(south, tags, monkeypatch) -> None:
    """After a hang both are due at once; what the library raises then looks like the end of the task, and is not."""
    session, _ = unconnected(south, tags)
    monkeypatch.setattr(session, "_limit_s", 0.1)
    loop = asyncio.get_running_loop()
    coming: asyncio.Future[Any] = loop.create_future()
    asked = asyncio.create_task(session.ask(library_wait_for(coming, 60)))
    await asyncio.sleep(0)
    loop.call_later(0.05, coming.set_result, None)
    time.sleep(0.2)  # the process hangs
    with pytest.raises(LinkLost) as lost:
        await asked
    assert isinstance(lost.value.__cause__, TimeoutError)


@pytest.mark.parametrize("broken_off", [True, False])
async def test_work_that_seems_to_be_cancelled_is_a_lost_link(broken_off) -> None:
    """A library may cancel its own futures; a TaskGroup takes no notice of a task that ends so."""
    coming: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(supervision.lasting(coming))
    await asyncio.sleep(0)
    if broken_off:
        coming.cancel()
        with pytest.raises(LinkLost):
            await task
    else:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
