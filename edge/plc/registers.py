"""Words of a Modbus device to values and back."""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from edge.plc.values import Value
from edge.settings import Tag

NUMBERS = {
    "uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "uint64": ">Q", "int64": ">q", "float32": ">f",
    "float64": ">d",
}  # fmt: skip

Decode = Callable[[Sequence[int]], Value]


def decode(tag: Tag, words: Sequence[int]) -> Value:
    """The value in a tag's words. Never raises: every pattern of bits is a value."""
    if tag.type == "bool":
        (word,) = _ordered(tag, words)
        return bool(word if tag.bit is None else word >> tag.bit & 1)
    if tag.type == "bits":
        return sum(word << 16 * at for at, word in enumerate(_ordered(tag, words)))
    data = b"".join(word.to_bytes(2, "big") for word in _ordered(tag, words))
    if tag.type == "string":
        return data[: tag.count].decode("latin-1")
    (raw,) = struct.unpack(NUMBERS[tag.type], data)
    return scaled(tag, raw)


def decoder(tag: Tag) -> Decode | None:
    """How to make a value of the tag's words; None where the one word is the value."""
    plain = tag.scale == 1.0 and tag.word_order == "ABCD"
    if tag.words == 1 and plain and tag.type in ("uint16", "bits"):
        return None
    if plain and tag.type == "uint32":
        return lambda words: words[0] << 16 | words[1]
    if plain and tag.type in NUMBERS:
        packed, number = struct.Struct(f">{tag.words}H"), struct.Struct(NUMBERS[tag.type])
        return lambda words: cast(Value, number.unpack(packed.pack(*words))[0])
    return lambda words: decode(tag, words)


def encode(tag: Tag, value: Value) -> list[int]:
    """The words of a value that fits its tag (`edge.plc.values.fits`). A bit of a register is not a word of its own."""
    if tag.type == "bool":
        return [int(bool(value))]
    if tag.type == "bits":
        return list(_ordered(tag, [int(value) >> 16 * at & 0xFFFF for at in range(tag.words)]))
    if isinstance(value, str):
        data = value.encode("latin-1").ljust(tag.words * 2, b"\0")
    else:
        data = struct.pack(NUMBERS[tag.type], unscaled(tag, value))
    words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    return list(_ordered(tag, words))


def scaled(tag: Tag, raw: float) -> int | float:
    """What a raw number of the device stands for."""
    return raw if tag.scale == 1.0 else raw * tag.scale


def unscaled(tag: Tag, value: float) -> int | float:
    """The raw number for a value."""
    if tag.type in ("float32", "float64"):
        return value / tag.scale
    return round(value) if tag.scale == 1.0 else round(value / tag.scale)


def _ordered(tag: Tag, words: Sequence[int]) -> Iterable[int]:
    """Device order to ABCD and back. Strings and bit fields keep their words' order; only bytes may be swapped."""
    if tag.word_order in ("DCBA", "BADC"):
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    if tag.word_order in ("DCBA", "CDAB") and tag.type not in ("string", "bits"):
        words = words[::-1]
    return words
