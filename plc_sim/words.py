"""Values to 16-bit registers and back, in the word order a tag asks for."""

import struct
from collections.abc import Sequence

from edge.settings import Tag
from plc_sim.program import Value

FORMATS = {
    "bool": ">H",
    "uint16": ">H",
    "int16": ">h",
    "uint32": ">I",
    "int32": ">i",
    "uint64": ">Q",
    "int64": ">q",
    "float32": ">f",
    "float64": ">d",
}
FLOATS = ("float32", "float64")
MASKS = {"bool": 0xFFFF, "uint16": 0xFFFF, "uint32": 0xFFFF_FFFF, "uint64": 0xFFFF_FFFF_FFFF_FFFF}


def _ordered(words: Sequence[int], order: str, *, is_number: bool = True) -> list[int]:
    """ABCD is plain; CDAB and DCBA have the low word first, BADC and DCBA the bytes of a word swapped."""
    words = list(words)
    if order in ("CDAB", "DCBA") and is_number:
        words = words[::-1]
    if order in ("BADC", "DCBA"):
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    return words


def encode(tag: Tag, value: Value) -> list[int]:
    """The registers of a value; numbers wrap at the size of the tag, strings are cut and padded with NUL."""
    if tag.type == "string":
        data = str(value or "").encode("latin-1", "replace")[: tag.count].ljust(tag.words * 2, b"\0")
        return _ordered(struct.unpack(f">{tag.words}H", data), tag.word_order, is_number=False)
    if tag.type == "bits":
        bits = [int(value) >> 16 * at & 0xFFFF for at in range(tag.words)]
        return _ordered(bits, tag.word_order, is_number=False)
    if tag.type in FLOATS:
        data = struct.pack(FORMATS[tag.type], float(value))
    else:
        number = int(value)
        data = struct.pack(FORMATS[tag.type], number & MASKS[tag.type] if tag.type in MASKS else number)
    return _ordered(struct.unpack(f">{len(data) // 2}H", data), tag.word_order)


def decode(tag: Tag, words: Sequence[int]) -> Value:
    """The value in registers."""
    if tag.type == "string":
        data = struct.pack(f">{len(words)}H", *_ordered(words, tag.word_order, is_number=False))[: tag.count]
        return data.partition(b"\0")[0].decode("latin-1")
    if tag.type == "bits":
        return sum(word << 16 * at for at, word in enumerate(_ordered(words, tag.word_order, is_number=False)))
    plain = _ordered(words, tag.word_order)
    if tag.type == "bool":
        return plain[0] != 0
    value: int | float = struct.unpack(FORMATS[tag.type], struct.pack(f">{len(plain)}H", *plain))[0]
    return int(value)
