"""Words to values and back in every order, and the planning of reads."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.plc.image import RANGES, fits
from edge.plc.registers import BITS_MAX, decode, encode, plan_reads
from edge.settings import Tag

ORDERS = st.sampled_from(["ABCD", "DCBA", "BADC", "CDAB"])


def tag(kind: str, **fields: Any) -> Tag:
    return Tag.model_validate({"name": "T", "table": "holding", "type": kind, **fields})


@given(st.sampled_from(sorted(RANGES)), ORDERS, st.data())
def test_numbers_survive(kind: str, order: str, data) -> None:
    low, high = RANGES[kind]
    value = data.draw(st.integers(low, high))
    one = tag(kind, word_order=order)
    words = encode(one, value)
    assert len(words) == one.words
    assert all(0 <= word <= 0xFFFF for word in words)
    assert decode(one, words) == value
    assert fits(one, value)
    assert not fits(one, high + 1)
    assert not fits(one, low - 1)


@given(st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=24), ORDERS)
def test_strings_survive_padded(text: str, order: str) -> None:
    one = tag("string", count=24, word_order=order)
    assert decode(one, encode(one, text)) == text.ljust(24, "\0")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), ORDERS)
def test_floats_survive(value: float, order: str) -> None:
    one = tag("float32", word_order=order)
    assert decode(one, encode(one, value)) == value


@given(st.sampled_from([*sorted(RANGES), "float32", "string", "bool"]), ORDERS, st.data())
def test_every_pattern_of_bits_is_a_value(kind: str, order: str, data) -> None:
    one = tag(kind, word_order=order, count=5 if kind == "string" else 1)
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=one.words, max_size=one.words))
    assert isinstance(decode(one, words), bool | int | float | str)


def test_word_orders_as_telegraf_names_them() -> None:
    assert decode(tag("uint32"), [0x0102, 0x0304]) == 0x01020304
    assert decode(tag("uint32", word_order="CDAB"), [0x0304, 0x0102]) == 0x01020304
    assert decode(tag("uint32", word_order="BADC"), [0x0201, 0x0403]) == 0x01020304
    assert decode(tag("uint32", word_order="DCBA"), [0x0403, 0x0201]) == 0x01020304
    assert decode(tag("string", count=4), [0x4142, 0x4300]) == "ABC\0"
    assert decode(tag("string", count=4, word_order="BADC"), [0x4241, 0x0043]) == "ABC\0"


def test_scale_goes_both_ways() -> None:
    one = tag("uint16", scale=0.01)
    assert decode(one, [1250]) == pytest.approx(12.5)
    assert encode(one, 12.5) == [1250]
    assert not fits(one, 700.0)


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
