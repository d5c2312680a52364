"""Values to 16-bit registers and back, in the word order a tag asks for."""

import struct
from collections.abc import Sequence

from edge.settings import Tag
from plc_sim.program import Value

FORMATS = {
    "bool": ">H",
    "uint16": ">H",
    "bits": ">H",
    "int16": ">h",
    "uint32": ">I",
    "int32": ">i",
    "uint64": ">Q",
    "float32": ">f",
}
MASKS = {"bool": 0xFFFF, "uint16": 0xFFFF, "bits": 0xFFFF, "uint32": 0xFFFF_FFFF, "uint64": 0xFFFF_FFFF_FFFF_FFFF}


def _ordered(words: list[int], order: str) -> list[int]:
    """ABCD is plain; CDAB and DCBA have the low word first, BADC and DCBA the bytes of a word swapped."""
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    if order in ("BADC", "DCBA"):
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    return words


def encode(tag: Tag, value: Value) -> list[int]:
    """The registers of a value; numbers wrap at the size of the tag, strings are cut and padded with NUL."""
    if tag.type == "string":
        data = str(value or "").encode("latin-1", "replace")[: tag.count].ljust(tag.words * 2, b"\0")
        return list(struct.unpack(f">{tag.words}H", data))
    if tag.type == "float32":
        data = struct.pack(">f", float(value))
    else:
        number = int(value)
        data = struct.pack(FORMATS[tag.type], number & MASKS[tag.type] if tag.type in MASKS else number)
    return _ordered(list(struct.unpack(f">{len(data) // 2}H", data)), tag.word_order)


def decode(tag: Tag, words: Sequence[int]) -> Value:
    """The value in a tag's registers."""
    if tag.type == "string":
        data = struct.pack(f">{len(words)}H", *words)[: tag.count]
        return data.partition(b"\0")[0].decode("latin-1")
    plain = _ordered(list(words), tag.word_order)
    if tag.type == "bool":
        return plain[0] != 0
    value: int | float = struct.unpack(FORMATS[tag.type], struct.pack(f">{len(plain)}H", *plain))[0]
    return int(value)
