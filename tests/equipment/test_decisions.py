"""Decisions: one request per slot, never for another boot or an overwritten slot, never lost by a lost answer."""

import asyncio
from typing import Any

import pytest

from edge.equipment import decisions
from edge.equipment.decisions import slot_values
from edge.messages import DecisionCode, DivertUnit, Flaw, HandshakeFailed, UnitScanned
from edge.plc.image import LinkLost, WriteRejected, WriteUnknown


def divert(seq: int = 1, boot: int = 1, **fields: Any) -> DivertUnit:
    known: dict[str, Any] = {"tracking_id": 1000 + seq, "code": DecisionCode.ROUTE, "lane": 3, "alternate": 4}
    known |= {"hu_id": "009506000120000042", "reason": "route"}
    return DivertUnit(**{"at_ms": 5, "machine_id": "sorter1", "boot": boot, "seq": seq, **known, **fields})


@pytest.fixture(autouse=True)
def _brisk(monkeypatch) -> None:
    monkeypatch.setattr(decisions, "TICK_MS", 20)


def decided(plc) -> list[Any]:
    return [values for values in plc.writes if values[0][0].startswith("Dec")]


async def test_answer_is_one_write_head_to_tail(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1)
        await world.journal.wait(UnitScanned)
        await sorter.obey(divert())
    assert decided(plc) == [
        (
            ("Dec1.SeqHead", 1), ("Dec1.TrackingId", 1001), ("Dec1.Dest1", 3), ("Dec1.Dest2", 4),
            ("Dec1.DecisionCode", 1), ("Dec1.Flags", 0), ("Dec1.MaxRecirc", 3), ("Dec1.HostRef", 42),
            ("Dec1.SeqTail", 1),
        )
    ]  # fmt: skip
    assert len(sorter.latency_ms) == 1
    assert sorter.latency_ms[0] >= 0


async def test_answer_for_another_boot_is_dropped(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1)
        await world.journal.wait(UnitScanned)
        await sorter.obey(divert(boot=2))
    assert decided(plc) == []
    assert sorter.counts.decisions_dropped == 1


@pytest.mark.parametrize("seq", [0, 1, 65_533, 70_000])
async def test_answer_to_a_request_no_longer_in_the_ring_spoils_no_slot(world, seq: int) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        for number in range(1, 6):
            plc.request(number)
        await world.journal.wait(UnitScanned, 4)
        await sorter.obey(divert(seq=seq))
    assert decided(plc) == []
    assert sorter.counts.decisions_dropped == 1


@pytest.mark.parametrize("arrives", [True, False])
async def test_unanswered_write_is_read_back_before_it_is_repeated(world, arrives: bool) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1)
        await world.journal.wait(UnitScanned)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 1)
        plc.errors = [(WriteUnknown("no answer"), arrives)]
        await sorter.obey(divert())
    assert plc.values["Dec1.SeqTail"] == 1
    assert len(decided(plc)) == (1 if arrives else 2)
    assert len(set(decided(plc))) == 1


async def test_answer_the_link_lost_is_written_by_the_resync(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1)
        await world.journal.wait(UnitScanned)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 1)
        plc.errors = [(LinkLost("cable"), False)]
        await sorter.obey(divert())
        assert sorter.counts.decisions_unsent == 1
        plc.disconnect()
        await world.until(lambda: not sorter._presence.ready)
        plc.connect()
        await world.until(lambda: plc.values["Dec1.SeqTail"] == 1)
    assert len(world.journal.of(UnitScanned)) == 1


async def test_recovered_answer_waits_for_the_first_resync(world) -> None:
    plc, sorter = world.sorter()
    plc.put(ReqSeqLast=6, ReqSeqSeen=6)
    await sorter.obey(divert(seq=6))
    await sorter.obey(divert(seq=5, boot=9))
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: plc.values["Dec2.SeqTail"] == 6)
    assert plc.values["Dec1.SeqTail"] == 0
    assert sorter.counts.decisions_dropped == 1


async def test_answer_the_plc_has_already_is_not_written_again(world) -> None:
    plc, sorter = world.sorter()
    plc.put(ReqSeqLast=6, ReqSeqSeen=6)
    plc.values |= dict(slot_values(divert(seq=6)))
    await sorter.obey(divert(seq=6))
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
    assert decided(plc) == []


async def test_answer_that_fits_no_register_stops_neither_obey_nor_resync(world) -> None:
    plc, sorter = world.sorter()
    plc.put(ReqSeqLast=6, ReqSeqSeen=6)
    await sorter.obey(divert(seq=6, lane=70_000))
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
        plc.request(7)
        await world.journal.wait(UnitScanned)
        await sorter.obey(divert(seq=7, max_recirc=-1))
        await sorter.obey(divert(seq=7))
    assert plc.values["Dec3.SeqTail"] == 7


async def test_busy_device_is_asked_again(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1)
        await world.journal.wait(UnitScanned)
        await world.until(lambda: plc.values["ReqSeqSeen"] == 1)
        plc.errors = [(WriteRejected("busy (6)"), False)]
        await sorter.obey(divert())
    assert plc.values["Dec1.SeqTail"] == 1


@pytest.mark.parametrize(
    ("tag", "flaw"), [("LateDecisions", Flaw.DECISIONS_LATE), ("NoDecisions", Flaw.DECISIONS_MISSING)]
)
async def test_what_the_plc_counts_is_told_with_its_number_and_not_each_time(world, tag: str, flaw: Flaw) -> None:
    plc, sorter = world.sorter()
    plc.put(**{tag: 65_534})
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.until(lambda: sorter._presence.ready)
        await asyncio.sleep(0.1)
        assert world.journal.of(HandshakeFailed) == []
        plc.put(**{tag: 1})
        told = await world.journal.wait(HandshakeFailed)
        plc.put(**{tag: 2})
        await asyncio.sleep(0.1)
    assert (told.flaw, told.count, told.machine_id, told.boot) == (flaw, 3, "sorter1", 1)
    assert len(world.journal.of(HandshakeFailed)) == 1
    assert getattr(sorter.counts, flaw.value) == 3


async def test_a_plc_that_takes_over_no_decision_is_told_of(world, monkeypatch) -> None:
    monkeypatch.setattr(decisions, "UNREAD_MS", 100)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        for seq in range(1, 5):
            plc.request(seq)
            await world.journal.wait(UnitScanned, seq)
            if seq == 1:
                plc.put(DecSeqUsed=1)
            await sorter.obey(divert(seq=seq))
        told = await world.journal.wait(HandshakeFailed)
    assert (told.flaw, told.count, told.seq) == (Flaw.DECISIONS_UNREAD, 3, 1)
    assert sorter.counts.decisions_unread == 3


async def test_decisions_that_are_taken_over_are_no_trouble(world, monkeypatch) -> None:
    monkeypatch.setattr(decisions, "UNREAD_MS", 50)
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        for seq in range(1, 9):
            plc.request(seq)
            await world.journal.wait(UnitScanned, seq)
            await sorter.obey(divert(seq=seq))
            plc.put(DecSeqUsed=seq)
        await asyncio.sleep(0.2)
    assert world.journal.of(HandshakeFailed) == []
    assert sorter.counts.decisions_unread == 0
