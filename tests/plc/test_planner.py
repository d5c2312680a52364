"""Which words are read together, what a bad register does to that, and the register maps of the reference."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.plc.planner import BITS_MAX, Plan, Reader, plan_reads
from edge.plc.registers import encode
from edge.plc.writing import missing_functions
from edge.settings import DeviceSettings, Tag, read_tags

MAPS = Path(__file__).parents[2].parent / "shared" / "reference" / "register_maps"
CONVEYLINX = {"max_read": 45, "max_write": 45, "functions": (3, 6, 16, 23)}


def tag(kind: str, **fields: Any) -> Tag:
    return Tag.model_validate({"name": "T", "table": "holding", "type": kind, **fields})


def device(**fields: Any) -> DeviceSettings:
    return DeviceSettings.model_validate({"driver": "modbus", "tags": "t.csv", **fields})


def test_neighbours_are_read_together_up_to_gap_and_limit(tags) -> None:
    many = [tags.holding(f"T{at}", at) for at in (0, 1, 5, 40, 41, 100)]
    assert [(block.address, block.count) for block in plan_reads(many, 120, gap=16)] == [(0, 6), (40, 2), (100, 1)]
    assert [(block.address, block.count) for block in plan_reads(many, 120, gap=100)] == [(0, 101)]
    assert [(block.address, block.count) for block in plan_reads(many, 4, gap=100)] == [
        (0, 2),
        (5, 1),
        (40, 2),
        (100, 1),
    ]


def test_overlapping_tags_share_a_block(tags) -> None:
    (block,) = plan_reads([tags.holding("Wide", 10, type="uint32"), tags.holding("Low", 11)], 120)
    assert (block.address, block.count) == (10, 2)
    assert dict(block.values([1, 2])) == {"Wide": 0x10002, "Low": 2}


@given(
    st.lists(
        st.tuples(st.sampled_from(["holding", "input", "coil"]), st.integers(0, 500), st.integers(1, 12)), max_size=40
    ),
    st.integers(12, 125),
    st.integers(0, 40),
)
def test_every_tag_is_in_exactly_one_block_within_the_limits(places, max_read: int, gap: int) -> None:
    wanted = [
        tag("bool" if table == "coil" else "string", name=f"T{n}", table=table, address=at, count=2 * words)
        for n, (table, at, words) in enumerate(places)
    ]
    blocks = plan_reads(wanted, max_read, gap)
    planned = [one for block in blocks for one in block.tags]
    assert sorted(one.name for one in planned) == sorted(one.name for one in wanted)
    for block in blocks:
        assert block.count <= (BITS_MAX if block.table == "coil" else max_read)
        for one in block.tags:
            assert block.table == one.table
            assert block.address <= one.address
            assert one.address + one.words <= block.address + block.count


def test_blocks_are_cut_at_the_widest_gap_else_in_the_middle(tags) -> None:
    (block,) = plan_reads([tags.holding(f"T{at}", at) for at in (0, 1, 2, 9, 10)], 120)
    left, right = block.halves()
    assert [(half.address, half.count) for half in (left, right)] == [(0, 3), (9, 2)]
    assert [(half.address, half.count) for half in left.halves()] in ([(0, 1), (1, 2)], [(0, 2), (2, 1)])
    (overlapping,) = plan_reads([tags.holding("Wide", 10, type="uint32"), tags.holding("Low", 11)], 120)
    assert overlapping.halves() is None


def test_no_read_carries_a_bad_register_along_or_crosses_a_cut(tags) -> None:
    table = [tags.holding(f"T{at}", at) for at in range(10)]
    plan = Plan(device(), table)
    plan.refuse([table[4]])
    assert [(block.address, block.count) for block in plan.blocks("fast")] == [(0, 4), (5, 5)]
    plan.cut(plan_reads(table[7:], 120)[0])
    assert [(block.address, block.count) for block in plan.blocks("fast")] == [(0, 4), (5, 2), (7, 3)]
    plan.accept([table[4]])
    assert [(block.address, block.count) for block in plan.blocks("fast")] == [(0, 7), (7, 3)]
    assert [(block.address, block.count) for block in Plan(device(max_gap=0), table[::2]).blocks("fast")] == [
        (at, 1) for at in range(0, 10, 2)
    ]


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 6)), min_size=1, max_size=40),
    st.sets(st.integers(0, 39)),
    st.integers(6, 60),
    st.integers(0, 20),
)
def test_bad_tags_are_never_read_with_others(places, bad: set[int], max_read: int, gap: int) -> None:
    table = [tag("string", name=f"T{n}", address=at, count=2 * words) for n, (at, words) in enumerate(places)]
    plan = Plan(device(max_read=max_read, max_gap=gap), table)
    refused = [one for n, one in enumerate(table) if n in bad]
    plan.refuse(refused)
    blocks = plan.blocks("normal")
    assert sorted(one.name for block in blocks for one in block.tags) == sorted(
        one.name for one in table if one not in refused
    )
    wanted = {at for one in table if one not in refused for at in range(one.address, one.address + one.words)}
    holes = {at for one in refused for at in range(one.address, one.address + one.words)} - wanted
    for block in blocks:
        assert not holes & set(range(block.address, block.address + block.count))
        assert block.count <= max_read


@pytest.fixture(params=["sorter_v1.csv", "conveyor_v1.csv"])
def register_map(request) -> tuple[Tag, ...]:
    path = MAPS / request.param
    if not path.exists():
        pytest.skip(f"{path} is not here; it comes with the reference, not with the repository")
    return read_tags(path)


def test_the_reference_maps_are_read_as_they_are(register_map) -> None:
    assert len(register_map) > 200
    owner: dict[int, str] = {}
    for one in register_map:
        for at in range(one.address, one.address + one.words):
            assert at not in owner, f"{one.name} lies on {owner[at]}"
            owner[at] = one.name
    by_name = {one.name: one for one in register_map}
    assert by_name["UnixMs"].words == 4
    if "EyeBlocked" in by_name:
        assert by_name["EyeBlocked"].words == 8
        assert by_name["EyeJam"].address == by_name["EyeBlocked"].address + 8


@pytest.mark.parametrize("limits", [{}, CONVEYLINX])
def test_every_value_of_the_reference_maps_makes_the_round(register_map, limits: dict[str, Any]) -> None:
    small = device(**limits)
    assert missing_functions(small, register_map) == []
    words: dict[int, int] = {}
    values: dict[str, Any] = {}
    for n, one in enumerate(register_map):
        values[one.name] = f"{n:<{one.count}}" if one.type == "string" else (n + 1) * one.scale
        words |= dict(enumerate(encode(one, values[one.name]), start=one.address))
    blocks = Plan(small, register_map).reads(register_map)
    read: dict[str, Any] = {}
    for block in blocks:
        assert block.count <= small.max_read
        read |= dict(Reader(block).values([words.get(block.address + at, 0) for at in range(block.count)]))
    assert read == pytest.approx(values)


def test_the_header_of_a_reference_map_is_one_request(register_map) -> None:
    plan = Plan(device(), register_map)
    assert len(plan.reads(one for one in register_map if one.address < 40)) == 1
