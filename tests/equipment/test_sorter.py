"""What a sorter's registers mean: lanes, barcodes, results, and rubbish that becomes an outcome."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.equipment.conveyor import clean_barcode
from edge.messages import LaneChanged, MachineChanged, ScanStatus, SortResult, UnitScanned, UnitSorted


@pytest.mark.parametrize(
    ("raw", "length", "code"),
    [
        ("106141412345678908", 18, "106141412345678908"),
        ("106141412345678908\0\0\0\0\0\0", 0, "106141412345678908"),
        ("12345\r678908OLDREST\0\0\0\0\0\0", 0, "12345"),
        ("12345678OLDREST\0\0\0\0\0\0\0\0\0", 8, "12345678"),
        ("  00123 ", 0, "00123"),
        ("123", 99, "123"),
        ("", 0, None),
        ("\0" * 24, 18, None),
        ("12\x07345", 0, None),
        ("€uro", 0, None),
        ("1" * 25, 0, None),
    ],
)
def test_barcode_is_cut_and_believed_or_not(raw: str, length: int, code: str | None) -> None:
    assert clean_barcode(raw, length) == code


@given(st.text(max_size=40), st.integers(-5, 70_000))
def test_no_barcode_is_too_odd(raw: str, length: int) -> None:
    code = clean_barcode(raw, length)
    assert code is None or (0 < len(code) <= 24 and code.isprintable() and code == code.strip())


@pytest.mark.parametrize(
    ("fields", "status", "barcode", "rubbish"),
    [
        ({"ScanStatus": 2, "Barcode": "STALE"}, ScanStatus.NO_READ, "", 0),
        ({"ScanStatus": 9}, ScanStatus.INVALID, "", 1),
        ({"ScanStatus": 1, "Barcode": "\x01\x02\x03"}, ScanStatus.INVALID, "", 1),
        ({"ScanStatus": 1, "Barcode": "\0" * 24, "BarcodeLen": 0}, ScanStatus.INVALID, "", 1),
    ],
)
async def test_odd_scans_are_outcomes(world, fields, status: ScanStatus, barcode: str, rubbish: int) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.request(1, **fields)
        scan = await world.journal.wait(UnitScanned)
    assert (scan.status, scan.barcode, sorter.counts.rubbish) == (status, barcode, rubbish)


@pytest.mark.parametrize(
    ("kind", "result"),
    [(1, SortResult.UNKNOWN), (2, SortResult.LOST), (3, SortResult.UNEXPECTED), (4, SortResult.FLUSHED)],
)
async def test_impossible_result_means_that_nobody_knows(world, kind: int, result: SortResult) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        plc.sorted_out(1, Type=kind, Result=999, Reason=888, DecisionSeq=65_535)
        end = await world.journal.wait(UnitSorted)
    assert (end.result, end.reason, end.decision_seq) == (result, SortResult.NONE, 0)
    assert sorter.counts.rubbish == 3


async def test_every_lane_is_told_after_a_resync_and_then_each_change(world) -> None:
    plc, sorter = world.sorter()
    plc.put(Lane02__Bits=0b1011)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.journal.wait(LaneChanged, 3)
        plc.put(Lane01__Bits=0b10_0001)
        changed = await world.journal.wait(LaneChanged, 4)
        plc.disconnect()
        await world.until(lambda: not sorter._presence.ready)
        plc.connect()
        await world.journal.wait(LaneChanged, 7)
    first = world.journal.of(LaneChanged)[:3]
    assert [(lane.lane, lane.enabled, lane.full, lane.jam) for lane in first] == [
        (1, True, False, False), (2, True, True, True), (3, True, False, False),
    ]  # fmt: skip
    assert (changed.lane, changed.enabled) == (1, False)
    assert [lane.lane for lane in world.journal.of(LaneChanged)[4:]] == [1, 2, 3]
    good = world.journal.of(MachineChanged)[1]
    assert world.journal.events.index(good) < world.journal.events.index(first[0])


async def test_lane_without_a_value_is_not_told(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.journal.wait(LaneChanged, 3)
        plc.image.spoil(["Lane01.Bits"])
        plc.put(Lane02__Bits=0)
        await world.journal.wait(LaneChanged, 4)
    assert [lane.lane for lane in world.journal.of(LaneChanged)] == [1, 2, 3, 2]


async def test_a_lane_says_how_full_it_is_what_limits_it_and_how_many_it_took(world) -> None:
    plc, sorter = world.sorter()
    plc.put(Lane02__Bits=0b100_0101, Lane02__Count=77)
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.journal.wait(LaneChanged, 3)
        plc.put(Lane02__Count=78, Lane02__Bits=0b101_0101)  # the confirm eye, and one more unit
        await asyncio.sleep(0.1)
    (lane,) = [lane for lane in world.journal.of(LaneChanged) if lane.lane == 2]
    assert (lane.almost_full, lane.rate_limited, lane.count) == (True, True, 77)
    assert (lane.enabled, lane.full, lane.jam) == (True, False, False)


async def test_a_limiter_that_comes_and_goes_floods_nobody_but_a_full_lane_is_told_at_once(world) -> None:
    plc, sorter = world.sorter()
    async with world.at_work(sorter, plc, world.journal):
        plc.connect()
        await world.journal.wait(LaneChanged, 3)
        for _ in range(10):
            plc.put(Lane01__Bits=0b100_0001)
            await asyncio.sleep(0.01)
            plc.put(Lane01__Bits=0b1)
            await asyncio.sleep(0.01)
        assert len(world.journal.of(LaneChanged)) <= 5
        plc.put(Lane01__Bits=0b11)
        await world.until(lambda: world.journal.of(LaneChanged)[-1].full)
