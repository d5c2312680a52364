"""Words of a Modbus device to values and back, and which words are read together."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge.plc.image import Value
from edge.settings import Tag

GAP_MAX = 16
"""Registers nobody asked for that a read may carry along to save a request."""
BITS_MAX = 2000
"""Coils or inputs in one request."""
NUMBERS = {
    "uint16": ">H", "bits": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "uint64": ">Q", "float32": ">f",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring words that one request reads."""

    table: str
    address: int
    count: int
    tags: tuple[Tag, ...]

    def values(self, words: Sequence[int]) -> Iterator[tuple[str, Value]]:
        """The tags of the block, out of its words."""
        for tag in self.tags:
            offset = tag.address - self.address
            if tag.words == 1 and tag.scale == 1.0 and tag.type in ("uint16", "bits"):
                yield tag.name, words[offset]
            else:
                yield tag.name, decode(tag, words[offset : offset + tag.words])


def plan_reads(tags: Iterable[Tag], max_read: int, gap: int = GAP_MAX) -> list[Block]:
    """As few blocks as `max_read` and `gap` allow, by table and address."""
    blocks: list[Block] = []
    for tag in sorted(tags, key=lambda tag: (tag.table, tag.address, tag.name)):
        end = tag.address + tag.words
        limit = max_read if tag.table in ("holding", "input") else BITS_MAX
        last = blocks[-1] if blocks else None
        if (
            last is not None
            and last.table == tag.table
            and tag.address - (last.address + last.count) <= gap
            and max(end, last.address + last.count) - last.address <= limit
        ):
            count = max(end, last.address + last.count) - last.address
            blocks[-1] = Block(last.table, last.address, count, (*last.tags, tag))
        else:
            blocks.append(Block(tag.table, tag.address, tag.words, (tag,)))
    return blocks


def decode(tag: Tag, words: Sequence[int]) -> Value:
    """The value in a tag's words. Never raises: every pattern of bits is a value."""
    if tag.type == "bool":
        return bool(words[0])
    data = b"".join(word.to_bytes(2, "big") for word in _ordered(tag, words))
    if tag.type == "string":
        return data[: tag.count].decode("latin-1")
    (raw,) = struct.unpack(NUMBERS[tag.type], data)
    return scaled(tag, raw)


def encode(tag: Tag, value: Value) -> list[int]:
    """The words of a value that fits its tag (`edge.plc.image.fits`)."""
    if tag.type == "bool":
        return [int(bool(value))]
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
    if tag.type == "float32":
        return value / tag.scale
    return round(value) if tag.scale == 1.0 else round(value / tag.scale)


def _ordered(tag: Tag, words: Sequence[int]) -> Iterable[int]:
    """Device order to ABCD and back. Strings keep their words' order, only their bytes may be swapped."""
    if tag.words == 1 and tag.type != "string":
        return words
    if tag.word_order in ("DCBA", "BADC"):
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    if tag.word_order in ("DCBA", "CDAB") and tag.type != "string":
        words = words[::-1]
    return words
