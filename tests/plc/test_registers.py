"""Words to values and back in every order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.plc.image import RANGES, fits
from edge.plc.registers import decode, decoder, encode
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


@given(st.sampled_from([*sorted(RANGES), "float32", "float64", "string", "bool"]), ORDERS, st.data())
def test_every_pattern_of_bits_is_a_value(kind: str, order: str, data) -> None:
    one = tag(kind, word_order=order, count=5 if kind == "string" else 1)
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=one.words, max_size=one.words))
    value = decode(one, words)
    assert isinstance(value, bool | int | float | str)
    make = decoder(one)
    again = words[0] if make is None else make(words)
    assert again == value or (value != value and again != again)


def test_word_orders_as_telegraf_names_them() -> None:
    assert decode(tag("uint32"), [0x0102, 0x0304]) == 0x01020304
    assert decode(tag("uint32", word_order="CDAB"), [0x0304, 0x0102]) == 0x01020304
    assert decode(tag("uint32", word_order="BADC"), [0x0201, 0x0403]) == 0x01020304
    assert decode(tag("uint32", word_order="DCBA"), [0x0403, 0x0201]) == 0x01020304
    assert decode(tag("string", count=4), [0x4142, 0x4300]) == "ABC\0"
    assert decode(tag("string", count=4, word_order="BADC"), [0x4241, 0x0043]) == "ABC\0"
    assert decode(tag("uint16", word_order="BADC"), [0x0201]) == 0x0102
    assert decode(tag("int64", word_order="CDAB"), [0xFFFE, 0xFFFF, 0xFFFF, 0xFFFF]) == -2
    assert decode(tag("float64"), [0x3FF8, 0, 0, 0]) == 1.5


@given(st.integers(1, 8), ORDERS, st.data())
def test_bit_fields_survive_and_bit_n_is_in_register_n_div_16(count: int, order: str, data) -> None:
    one = tag("bits", count=count, word_order=order)
    value = data.draw(st.integers(0, (1 << 16 * count) - 1))
    words = encode(one, value)
    assert len(words) == one.words == count
    assert decode(one, words) == value
    assert fits(one, value)
    assert not fits(one, 1 << 16 * count)
    if order == "ABCD":
        bits = [at for at in range(16 * count) if value >> at & 1]
        assert bits == [at for at in range(16 * count) if words[at // 16] >> at % 16 & 1]


@given(st.integers(0, 0xFFFF), st.integers(0, 15), ORDERS)
def test_bit_of_a_register(word: int, bit: int, order: str) -> None:
    whole = decode(tag("bits", word_order=order), [word])
    assert decode(tag("bool", bit=bit, word_order=order), [word]) is bool(int(whole) >> bit & 1)


@given(st.floats(allow_nan=False, allow_infinity=False), ORDERS)
def test_doubles_survive(value: float, order: str) -> None:
    one = tag("float64", word_order=order)
    assert decode(one, encode(one, value)) == value


def test_scale_goes_both_ways() -> None:
    one = tag("uint16", scale=0.01)
    assert decode(one, [1250]) == pytest.approx(12.5)
    assert encode(one, 12.5) == [1250]
    assert not fits(one, 700.0)
