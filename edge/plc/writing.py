"""What goes out in one Modbus request when values are written: neighbouring words, by a function the device knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.plc.planner import Block
from edge.plc.registers import encode
from edge.plc.values import Value, WriteRejected
from edge.settings import DeviceSettings, Tag

READS = {"holding": 3, "input": 4, "coil": 1, "discrete": 2}
"""The function that reads a table."""
WRITES = {"holding": (16, 6), "coil": (15, 5)}
"""The functions that write many words and one word of a table."""
MASK = 22
WRITE_READ = 23
WRITE_READ_MAX = 121
"""Words that function 23 can write."""

Values = Sequence[tuple[Tag, Value]]


@dataclass(frozen=True, slots=True)
class Request:
    """One write: function, first address, and its words (function 22: the bit and its value)."""

    function: int
    address: int
    words: tuple[int, ...]


def one_request(device: DeviceSettings, values: Values) -> Request:
    """The request for neighbouring tags in order. Raises WriteRejected if one is not enough."""
    if not values:
        raise WriteRejected("nothing to write")
    first = values[0][0]
    if first.bit is not None:
        return _one_bit(device, values)
    words: list[int] = []
    for tag, value in values:
        if tag.table != first.table or tag.address != first.address + len(words) or tag.bit is not None:
            raise WriteRejected(f"{tag.name} does not follow its predecessor; one write is one request")
        words += encode(tag, value)
    if len(words) > device.max_write:
        raise WriteRejected(f"{len(words)} words are more than max_write {device.max_write}")
    many, one = WRITES[first.table]
    if many in device.functions:
        return Request(many, first.address, tuple(words))
    if one in device.functions and len(words) == 1:
        return Request(one, first.address, tuple(words))
    raise WriteRejected(f"{len(words)} words of {first.name}: functions does not list {many}")


def _one_bit(device: DeviceSettings, values: Values) -> Request:
    tag, value = values[0]
    if len(values) > 1 or tag.bit is None:
        raise WriteRejected(f"{tag.name} is a bit of a register; one write is one bit")
    if MASK not in device.functions:
        raise WriteRejected(f"{tag.name} is a bit of a register: functions does not list {MASK}; write the whole word")
    bit = tag.bit ^ 8 if tag.word_order in ("DCBA", "BADC") else tag.bit
    return Request(MASK, tag.address, (bit, int(bool(value))))


def follows(device: DeviceSettings, before: Values, after: Values) -> bool:
    """Whether the second writes can go out behind the first in the same request."""
    if not before or not after:
        return False
    last, first = before[-1][0], after[0][0]
    words = sum(tag.words for tag, _ in (*before, *after))
    return (
        first.table == last.table
        and first.address == last.address + last.words
        and first.bit is None
        and last.bit is None
        and words <= device.max_write
        and WRITES[first.table][0] in device.functions
    )


def write_and_read(device: DeviceSettings, request: Request, blocks: Sequence[Block]) -> bool:
    """Whether one request of function 23 can do both."""
    return (
        WRITE_READ in device.functions
        and request.function in WRITES["holding"]
        and len(request.words) <= WRITE_READ_MAX
        and len(blocks) == 1
        and blocks[0].table == "holding"
    )


def missing_functions(device: DeviceSettings, tags: Sequence[Tag]) -> list[str]:
    """What the tag table needs and `functions` does not list, as findings."""
    found: dict[str, None] = {}
    for tag in tags:
        if tag.access != "w" and READS[tag.table] not in device.functions:
            found[f"{tag.name}: reading {tag.table} needs function {READS[tag.table]}; add it to functions"] = None
        if tag.writer == "wcs":
            needed = (MASK,) if tag.bit is not None else WRITES[tag.table] if tag.words == 1 else WRITES[tag.table][:1]
            if not any(function in device.functions for function in needed):
                text = " or ".join(str(function) for function in needed)
                found[f"{tag.name}: writing {tag.table} needs function {text}; add it to functions"] = None
    return list(found)
