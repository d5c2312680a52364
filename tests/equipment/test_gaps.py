"""What the link may have missed is reported after the resync; what is on disk, the link may acknowledge."""

import asyncio

from edge.messages import LinkGap, MachineChanged, UnitScanned


async def test_a_gap_is_reported_once_after_the_resync(world) -> None:
    plc, sorter = world.sorter()
    plc.image.commits.tell_gap("SUBSCRIPTION_GONE", 1500)
    async with world.at_work(sorter, plc, world.journal):
        await asyncio.sleep(0.3)
        assert world.journal.of(LinkGap) == [], "the machine is not there yet"
        plc.connect()
        gap = await world.journal.wait(LinkGap)
        assert (gap.machine_id, gap.reason, gap.to_ms - gap.from_ms) == ("sorter1", "SUBSCRIPTION_GONE", 1500)
        events = world.journal.events
        assert events.index(gap) > events.index(world.journal.of(MachineChanged)[-1])
        plc.image.commits.tell_gap("QUEUE_OVERFLOW", 20)
        assert (await world.journal.wait(LinkGap, 2)).reason == "QUEUE_OVERFLOW"
    assert len(world.journal.of(LinkGap)) == 2


async def test_after_a_gap_on_a_link_that_stands_the_rings_are_read_anew(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.journal.wait(MachineChanged, 2)
        await world.until(lambda: sorter._presence.ready)
        session = sorter._presence.session
        plc.image.commits.tell_gap("QUEUE_OVERFLOW", 20)
        await world.journal.wait(LinkGap)
        assert sorter._presence.session == session + 1
    assert len(world.journal.of(MachineChanged)) == 2, "the machine was there all the time"


async def test_an_event_is_committed_for_the_link_when_it_is_on_disk_and_not_before(world) -> None:
    plc, sorter = world.sorter()
    commits = plc.image.commits

    def committed(tag: str) -> bool:
        return commits.is_committed(tag, plc.image.reading(tag).sequence)

    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: committed("ReqSeqLast") and committed("RepSeqLast"))
        world.journal.gate.clear()
        plc.request(1)
        await world.until(lambda: not committed("ReqSeqLast"))
        await asyncio.sleep(0.3)
        assert not committed("ReqSeqLast")
        assert committed("RepSeqLast")
        assert committed("StatusBits"), "nobody waits for that one"
        world.journal.gate.set()
        await world.journal.wait(UnitScanned)
        await world.until(lambda: committed("ReqSeqLast"))
