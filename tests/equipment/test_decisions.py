"""Decisions: one request per slot, never for another boot or an overwritten slot, never lost by a lost answer."""

from typing import Any

import pytest

from edge.equipment.decisions import slot_values
from edge.messages import DecisionCode, DivertUnit, UnitScanned
from edge.plc.image import LinkLost, WriteRejected, WriteUnknown


def divert(seq: int = 1, boot: int = 1, **fields: Any) -> DivertUnit:
    known: dict[str, Any] = {"tracking_id": 1000 + seq, "code": DecisionCode.ROUTE, "lane": 3, "alternate": 4}
    known |= {"hu_id": "009506000120000042", "reason": "route"}
    return DivertUnit(**{"at_ms": 5, "machine_id": "sorter1", "boot": boot, "seq": seq, **known, **fields})


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
