"""Rings: every number once and in order, acknowledged after it is on disk, over wraps, restarts and torn slots."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.equipment.rings import SEQ_MAX, SLOTS, after, back, distance
from edge.messages import (
    Flaw,
    HandshakeFailed,
    Link,
    MachineChanged,
    ScanStatus,
    SortResult,
    UnitScanned,
    UnitSorted,
)

seqs = st.integers(1, SEQ_MAX)


@given(seqs, st.integers(0, 10))
def test_back_undoes_after(seq: int, steps: int) -> None:
    there = seq
    for _ in range(steps):
        there = after(there)
    assert 1 <= there <= SEQ_MAX
    assert back(there, steps) == seq
    assert distance(seq, there) == steps


@given(seqs)
def test_neighbours_never_share_a_slot(seq: int) -> None:
    four = [seq, after(seq), after(after(seq)), after(after(after(seq)))]
    assert len({number % SLOTS for number in four}) == SLOTS


def test_there_is_nothing_after_nothing() -> None:
    assert distance(0, 0) == 0
    assert distance(17, 0) == 0
    assert distance(0, 3) == 3


async def test_request_becomes_a_scan_with_everything_the_plc_said(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1, "00106141412345678908", RecircCount=2)
        scan = await world.journal.wait(UnitScanned)
    assert (scan.machine_id, scan.boot, scan.seq, scan.tracking_id) == ("sorter1", 1, 1, 1001)
    assert (scan.status, scan.barcode) == (ScanStatus.OK, "00106141412345678908")
    assert (scan.decision_point, scan.recirc_count, scan.budget_ms) == (1, 2, 250)
    changed = world.journal.of(MachineChanged)
    assert world.journal.events.index(scan) > world.journal.events.index(changed[-1])
    assert changed[-1].link is Link.GOOD


async def test_request_is_acknowledged_only_after_it_is_on_disk(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
        world.journal.gate.clear()
        plc.request(1)
        await asyncio.sleep(0.1)
        assert plc.values["ReqSeqSeen"] == 0
        world.journal.gate.set()
        await world.until(lambda: plc.values["ReqSeqSeen"] == 1)
        assert [scan.seq for scan in world.journal.of(UnitScanned)] == [1]


async def test_four_waiting_requests_come_in_order(world) -> None:
    plc, sorter = world.sorter()
    for seq in (1, 2, 3, 4):
        plc.request(seq)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.journal.wait(UnitScanned, 4)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 4)
    assert [scan.seq for scan in world.journal.of(UnitScanned)] == [1, 2, 3, 4]
    assert sorter.counts.overruns == 0


async def test_numbers_wrap_at_65532(world) -> None:
    plc, sorter = world.sorter()
    plc.put(ReqSeqSeen=65_530, ReqSeqLast=65_530, RepSeqSeen=65_532, RepSeqLast=65_532)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        for seq in (65_531, 65_532, 1, 2):
            plc.request(seq)
        plc.sorted_out(1)
        await world.journal.wait(UnitScanned, 4)
        await world.journal.wait(UnitSorted)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 2 and plc.values["RepSeqSeen"] == 1)
    assert [scan.seq for scan in world.journal.of(UnitScanned)] == [65_531, 65_532, 1, 2]
    assert (sorter.counts.overruns, sorter.counts.unreadable) == (0, 0)


async def test_overrun_is_counted_and_the_rest_is_read(world) -> None:
    plc, sorter = world.sorter()
    for seq in range(1, 8):
        plc.request(seq)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: plc.values["ReqSeqSeen"] == 7)
    assert [scan.seq for scan in world.journal.of(UnitScanned)] == [4, 5, 6, 7]
    assert sorter.counts.overruns == 3
    (gap,) = world.journal.of(HandshakeFailed)
    assert (gap.flaw, gap.count, gap.seq, gap.detail) == (Flaw.REQUESTS_MISSED, 3, 3, "OVERRUN")
    assert world.journal.events.index(gap) < world.journal.events.index(world.journal.of(UnitScanned)[0])


async def test_a_gap_is_on_disk_before_anything_is_acknowledged(world) -> None:
    plc, sorter = world.sorter()
    world.journal.gate.clear()
    for seq in range(1, 8):
        plc.sorted_out(seq)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
        await asyncio.sleep(0.1)
        assert plc.values["RepSeqSeen"] == 0
        world.journal.gate.set()
        await world.until(lambda: plc.values["RepSeqSeen"] == 7)
    assert [gap.flaw for gap in world.journal.of(HandshakeFailed)] == [Flaw.REPORTS_MISSED]
    assert [report.seq for report in world.journal.of(UnitSorted)] == [4, 5, 6, 7]


async def test_each_event_is_acknowledged_as_soon_as_it_is_on_disk(world) -> None:
    plc, sorter = world.sorter()
    for seq in range(1, 5):
        plc.request(seq)
    world.journal.steps = asyncio.Semaphore(0)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        for seq in range(1, 5):
            world.journal.steps.release()
            await world.until(lambda seq=seq: plc.values["ReqSeqSeen"] == seq)
            assert len(world.journal.of(UnitScanned)) == seq
    assert [seen for seen in plc.wrote("ReqSeqSeen") if seen] == [1, 2, 3, 4]


async def test_torn_slot_is_read_again(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1, SeqTail=0, Barcode="half")
        await world.until(lambda: sorter.counts.torn)
        assert not world.journal.of(UnitScanned)
        plc.request(1, "106141412345678908")
        scan = await world.journal.wait(UnitScanned)
    assert scan.barcode == "106141412345678908"
    assert sorter.counts.unreadable == 0


async def test_slot_that_never_agrees_is_given_up_and_the_next_one_read(world) -> None:
    plc, sorter = world.sorter()
    plc.request(1, SeqTail=9)
    plc.request(2)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        assert (await world.journal.wait(UnitScanned)).seq == 2
        await world.until(lambda: plc.values["ReqSeqSeen"] == 2)
    assert sorter.counts.unreadable == 1
    (gap,) = world.journal.of(HandshakeFailed)
    assert (gap.flaw, gap.count, gap.seq, gap.detail) == (Flaw.REQUESTS_MISSED, 1, 1, "UNREADABLE")


async def test_edge_restart_goes_on_where_the_plc_says(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1)
        plc.request(2)
        plc.sorted_out(1)
        await world.until(lambda: (plc.values["ReqSeqSeen"], plc.values["RepSeqSeen"]) == (2, 1))
    plc.request(3)
    async with world.at_work(world.again(plc), plc, world.journal):
        plc.connect()
        await world.journal.wait(UnitScanned, 3)
        await asyncio.sleep(0.1)
    assert [scan.seq for scan in world.journal.of(UnitScanned)] == [1, 2, 3]
    assert len(world.journal.of(UnitSorted)) == 1


async def test_event_whose_acknowledgement_got_lost_comes_again(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1)
        await world.journal.wait(UnitScanned)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 1)
    plc.values["ReqSeqSeen"] = 0
    async with world.at_work(world.again(plc), plc, world.journal):
        plc.connect()
        again = await world.journal.wait(UnitScanned, 2)
    assert (again.boot, again.seq) == (1, 1)


async def test_plc_restart_begins_at_one_again(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        for seq in range(1, 4):
            plc.request(seq)
        await world.journal.wait(UnitScanned, 3)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 3)
        plc.put(BootCount=2, ReqSeqLast=0, RepSeqLast=0)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 0)
        plc.request(1)
        scan = await world.journal.wait(UnitScanned, 4)
    assert (scan.boot, scan.seq) == (2, 1)
    boots = [changed.boot for changed in world.journal.of(MachineChanged)]
    assert boots[-1] == 2
    order = [event for event in world.journal.events if isinstance(event, MachineChanged | UnitScanned)]
    assert isinstance(order[-2], MachineChanged)
    assert order[-2].boot == 2


async def test_plc_restart_between_two_looks_loses_none_of_its_first_requests(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        for seq in range(1, 4):
            plc.request(seq)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 3)
        for seq in range(1, 5):
            plc.slot("Req", seq, TrackingId=2000 + seq, ScanStatus=1, Barcode="2")
        plc.put(BootCount=2, ReqSeqLast=4)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 4)
    assert [scan.seq for scan in world.journal.of(UnitScanned) if scan.boot == 2] == [1, 2, 3, 4]


async def test_plc_that_began_again_while_nobody_looked_is_followed(world) -> None:
    plc, sorter = world.sorter()
    plc.put(ReqSeqSeen=500)
    plc.request(1)
    plc.request(2)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: plc.values["ReqSeqSeen"] == 2)
    assert [scan.seq for scan in world.journal.of(UnitScanned)] == [1, 2]


async def test_link_lost_in_between_loses_and_doubles_nothing(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 1)
        plc.disconnect()
        await world.until(lambda: not sorter._presence.ready)
        plc.request(2)
        plc.sorted_out(1)
        plc.connect()
        await world.until(lambda: (plc.values["ReqSeqSeen"], plc.values["RepSeqSeen"]) == (2, 1))
    assert [scan.seq for scan in world.journal.of(UnitScanned)] == [1, 2]
    assert [changed.link for changed in world.journal.of(MachineChanged)] == [
        Link.LOST, Link.GOOD, Link.LOST, Link.GOOD,
    ]  # fmt: skip


async def test_older_value_that_comes_late_is_not_a_lap(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1)
        plc.request(2)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 2)
        plc.image.update({"ReqSeqLast": 1})
        await asyncio.sleep(0.1)
        plc.request(3)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 3)
    assert [scan.seq for scan in world.journal.of(UnitScanned)] == [1, 2, 3]
    assert sorter.counts.overruns == 0


@pytest.mark.parametrize("last", [65_533, 65_535])
async def test_impossible_number_is_rubbish_and_stops_nothing(world, last: int) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.put(ReqSeqLast=last)
        await world.until(lambda: sorter.counts.rubbish)
        plc.request(1)
        await world.journal.wait(UnitScanned)
    assert sorter.counts.rubbish == 1


async def test_report_becomes_what_became_of_the_unit(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.sorted_out(1, Result=4, Reason=30, ActualLane=0, RequestedLane=9, DecisionSeq=77, DecisionLatencyMs=12)
        end = await world.journal.wait(UnitSorted)
        await world.until(lambda: plc.values["RepSeqSeen"] == 1)
    assert (end.boot, end.seq, end.tracking_id, end.lane, end.requested_lane) == (1, 1, 1001, 0, 9)
    assert (end.result, end.reason) == (SortResult.RECIRCULATED, SortResult.LANE_FULL)
    assert (end.decision_seq, end.decision_latency_ms) == (77, 12)


async def test_conveyor_speaks_the_same_rings(world) -> None:
    plc, conveyor = world.conveyor()
    async with world.at_work(conveyor, plc, world.journal):
        plc.connect()
        plc.request(1, BudgetMs=0)
        plc.sorted_out(1, Result=44)
        assert (await world.journal.wait(UnitScanned)).budget_ms == 0
        assert (await world.journal.wait(UnitSorted)).result is SortResult.HANDOVER
