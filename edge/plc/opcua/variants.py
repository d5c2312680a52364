"""Values as OPC UA has them: exact types out, believable values in, and what a status code says beside good and bad."""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.uaerrors import UaError
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from edge.plc.image import Value
from edge.plc.registers import scaled, unscaled
from edge.settings import Tag

NODES_MAX = 500
"""Nodes in one read, items in one request."""
OVERFLOW = 0x480
"""InfoType DataValue and the Overflow bit: the server's queue was full and something was thrown away (Part 4, 7.39)."""
LOST = (
    OSError, TimeoutError, UaError, ServiceError, InvalidSignature, UnsupportedAlgorithm,
    struct.error, ValueError, LookupError, TypeError, AttributeError,
)  # fmt: skip
"""What the library trips over when the network goes or a server answers nonsense; ConnectionError is an OSError."""

VARIANTS = {
    "bool": ua.VariantType.Boolean,
    "uint16": ua.VariantType.UInt16,
    "bits": ua.VariantType.UInt16,
    "int16": ua.VariantType.Int16,
    "uint32": ua.VariantType.UInt32,
    "int32": ua.VariantType.Int32,
    "uint64": ua.VariantType.UInt64,
    "int64": ua.VariantType.Int64,
    "float32": ua.VariantType.Float,
    "float64": ua.VariantType.Double,
    "string": ua.VariantType.String,
}


def variant(tag: Tag, value: Value) -> ua.Variant:
    """The exact type, for servers refuse an Int64 in a UInt16."""
    if isinstance(value, str | bool):
        return ua.Variant(value, VARIANTS[tag.type])
    return ua.Variant(unscaled(tag, value), VARIANTS[tag.type])


def value_of(tag: Tag, item: ua.DataValue) -> Value | None:
    """What the server says, or None if it does not know or speaks of something else."""
    raw = item.Value.Value if item.Value is not None else None
    if item.StatusCode is not None and not item.StatusCode.is_good():
        return None
    if tag.type == "string":
        return raw if isinstance(raw, str) else None
    if tag.type == "bool":
        return bool(raw) if isinstance(raw, bool | int) else None
    return scaled(tag, raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else None


def source_ms(item: ua.DataValue) -> int | None:
    """When the value came about by the server's clock, UTC ms."""
    stamp = item.SourceTimestamp
    return int(stamp.replace(tzinfo=UTC).timestamp() * 1000) if stamp is not None else None


def overflowed(item: ua.DataValue) -> bool:
    """Whether values before this one were thrown away by the server."""
    return item.StatusCode is not None and item.StatusCode.value & OVERFLOW == OVERFLOW


def batches(things: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """In portions that one request may hold."""
    return (things[at : at + NODES_MAX] for at in range(0, len(things), NODES_MAX))


def text(error: BaseException) -> str:
    """What to tell of an error; many of the library's have no words."""
    return str(error) or type(error).__name__
