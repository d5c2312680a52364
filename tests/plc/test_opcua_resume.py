"""Acknowledged after commit, and taken up again by a restarted edge; where the server cannot, a gap is told."""

import asyncio
import contextlib
import json

import pytest

from edge.plc import opcua, supervision
from edge.plc.image import ProcessImage
from edge.plc.opcua import feed
from edge.plc.opcua.memory import Memory, mark_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_MAX_S", 0.1)


@contextlib.asynccontextmanager
async def edge(device, tags, path):
    """The link of one run of an edge; leaving it is being killed: nothing is said to the server."""
    image = ProcessImage(tags)
    image.commits.claim("BootCount")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(opcua.keep(device, image.tags, image, path))
        yield image
        task.cancel()


def commit(image: ProcessImage) -> None:
    """The machine has everything on disk."""
    image.commits.commit("BootCount", image.reading("BootCount").sequence)


def unacknowledged(plc) -> list[int]:
    subscriptions = plc.server.iserver.subscription_service.subscriptions.values()
    return sorted(number for one in subscriptions for number in one._not_acknowledged_results)


async def test_an_event_is_acknowledged_after_the_machine_has_committed_it(opcua_plc, south, tags) -> None:
    async with edge(south.opcua(opcua_plc.url), tags.nodes, None) as image:
        await south.until(lambda: image.good)
        commit(image)
        await south.until(lambda: unacknowledged(opcua_plc) == [])
        await opcua_plc.put(BootCount=11)
        await south.until(lambda: image.value("BootCount") == 11)
        await opcua_plc.put(Speed=7)
        await south.until(lambda: image.value("Speed") == 7)
        await asyncio.sleep(0.3)  # several publish requests go by
        assert len(unacknowledged(opcua_plc)) == 1, "the event is kept, the state is not"
        commit(image)
        await south.until(lambda: unacknowledged(opcua_plc) == [])


async def test_a_machine_that_commits_nothing_does_not_fill_the_server(opcua_plc, south, tags, monkeypatch) -> None:
    monkeypatch.setattr(feed, "WITHHELD_MAX", 3)
    async with edge(south.opcua(opcua_plc.url), tags.nodes, None) as image:
        await south.until(lambda: image.good)
        for count in range(100, 110):
            await opcua_plc.put(BootCount=count)
            await south.until(lambda count=count: image.value("BootCount") == count)
        await south.until(lambda: len(unacknowledged(opcua_plc)) <= 4)
        assert image.counts.counts["acks_forced"] >= 3


async def test_a_restarted_edge_goes_on_and_gets_what_it_missed(opcua_plc, south, tags, tmp_path) -> None:
    path, device = tmp_path / "links" / "cell.json", south.opcua(opcua_plc.url)
    sessions = opcua_plc.server.iserver._external_sessions
    async with edge(device, tags.nodes, path) as image:
        await south.until(lambda: image.good)
        commit(image)
        await south.until(lambda: unacknowledged(opcua_plc) == [])
        await opcua_plc.put(BootCount=21)
        await south.until(lambda: image.value("BootCount") == 21)
        before = set(sessions)
    assert path.stat().st_mode & 0o077 == 0
    kept = json.loads(path.read_text())
    for count in (22, 23, 24):
        await opcua_plc.put(BootCount=count)
    seen = []
    update = ProcessImage.update
    with pytest.MonkeyPatch.context() as watched:

        def noted(image, values, *more):
            seen.extend(value for name, value in values.items() if name == "BootCount")
            update(image, values, *more)

        watched.setattr(ProcessImage, "update", noted)
        async with edge(device, tags.nodes, path) as image:
            await south.until(lambda: image.good)
            await south.until(lambda: {21, 22, 23, 24} <= set(seen))
            assert image.value("BootCount") == 24
            counts = image.counts.counts
            assert (counts["resumed"], counts["gaps"]) == (1, 0)
            assert counts["republished"] > 0
            assert set(sessions) == before, "the same session goes on"
            assert kept["events"] in opcua_plc.server.iserver.subscription_service.subscriptions
            commit(image)
            await south.until(lambda: unacknowledged(opcua_plc) == [])
    assert seen.index(21) < seen.index(22) < seen.index(23) < seen.index(24)


async def test_a_short_break_of_the_connection_loses_nothing_either(opcua_plc, south, tags) -> None:
    async with edge(south.opcua(opcua_plc.url), tags.nodes, None) as image:
        await south.until(lambda: image.good)
        opcua_plc.hang_up()
        await south.until(lambda: not image.good)
        await south.until(lambda: image.good)
        assert image.counts.counts["resumed"] == 1
        assert image.counts.counts["gaps"] == 0


async def test_a_server_that_has_forgotten_leaves_a_gap(south, tags, tmp_path) -> None:
    plc = south.OpcUaPlc(tags.nodes)
    await plc.start()
    path, device = tmp_path / "cell.json", south.opcua(plc.url)
    async with edge(device, tags.nodes, path) as image:
        await south.until(lambda: image.good)
    await plc.stop()
    await plc.start()
    await plc.put(BootCount=3)
    async with edge(device, tags.nodes, path) as image:
        await south.until(lambda: image.good)
        assert image.value("BootCount") == 3
        (gap,) = image.commits.gaps
        assert gap.reason == "SUBSCRIPTION_GONE"
        assert gap.missed_ms > 0
        assert image.counts.counts["resumed"] == 0
    await plc.stop()


async def test_notifications_that_are_missing_are_asked_for_or_told(opcua_plc, south, tags) -> None:
    async with edge(south.opcua(opcua_plc.url), tags.nodes, None) as image:
        await south.until(lambda: image.good)
        subscriptions = opcua_plc.server.iserver.subscription_service.subscriptions
        events = subscriptions[sorted(subscriptions)[-4]]  # the first that this link has made
        await south.until(lambda: events._notification_seq > 1)
        commit(image)
        await south.until(lambda: unacknowledged(opcua_plc) == [])
        events._notification_seq += 2  # two were sent and lost on the way, and the server has not kept them
        await opcua_plc.put(BootCount=99)
        await south.until(lambda: [gap.reason for gap in image.commits.gaps] == ["MESSAGES_LOST"])
        await south.until(lambda: image.value("BootCount") == 99)
        assert image.good


async def test_what_is_remembered_belongs_to_one_configuration(south, tags, tmp_path) -> None:
    path = tmp_path / "cell.json"
    device = south.opcua("opc.tcp://127.0.0.1:1")
    memory = Memory(path, mark_of(device, tags.nodes))
    assert memory.kept is None
    memory.keep("i=5", "00ff", 77, [78, 79], 12)
    again = Memory(path, mark_of(device, tags.nodes))
    assert again.kept == memory.kept
    assert again.kept.states == (78, 79)
    other = south.opcua("opc.tcp://127.0.0.1:2")
    assert Memory(path, mark_of(other, tags.nodes)).kept is None
    assert Memory(path, mark_of(device, tags.nodes[1:])).kept is None
    path.write_text(path.read_text()[:-5])
    assert Memory(path, mark_of(device, tags.nodes)).kept is None


async def test_a_full_disk_costs_the_resume_and_nothing_else(south, tags, tmp_path, caplog) -> None:
    (tmp_path / "links").write_text("a file where a folder should be")
    memory = Memory(tmp_path / "links" / "cell.json", "mark")
    memory.keep("i=5", "", 77, [], 1)
    memory.keep("i=5", "", 77, [], 2)
    assert memory.kept is not None
    assert not memory.lasting
    assert [record.message for record in caplog.records] == ["link state not kept"]
