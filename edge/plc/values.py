"""What a tag can be worth: values and what fits, how far they are believed, and how asking for them can fail."""

import math
import time
from dataclasses import dataclass
from enum import StrEnum

from edge.settings import Tag

Value = bool | int | float | str
RANGES = {
    "uint16": (0, 0xFFFF),
    "bits": (0, 0xFFFF),
    "int16": (-0x8000, 0x7FFF),
    "uint32": (0, 0xFFFF_FFFF),
    "int32": (-0x8000_0000, 0x7FFF_FFFF),
    "uint64": (0, 0xFFFF_FFFF_FFFF_FFFF),
    "int64": (-0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF),
}
FLOAT32_MAX = 3.4e38


class PlcError(Exception):
    """What was asked of the PLC did not happen, or nobody knows."""


class LinkLost(PlcError):
    """Nothing reached the PLC, or nothing came back from a read."""


class ReadRefused(LinkLost):
    """The device answered, but has no value for some of the tags; they are BAD, the others were read."""


class WriteRejected(PlcError):
    """Certainly not written: refused here or by the device."""


class WriteUnknown(PlcError):
    """Sent and not answered: only reading back tells whether it was written. Never repeated by the link."""


class Quality(StrEnum):
    GOOD = "good"
    BAD = "bad"
    """The link is lost, or the device has no value; the reason says which."""
    UNCERTAIN = "uncertain"
    """Read since the link came up, but not everything has been; or not refreshed in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One tag as last read; `edge_ms` is our monotonic clock, `sequence` rises when value or quality changes."""

    value: Value | None
    quality: Quality
    edge_ms: float
    sequence: int
    source_ms: int | None = None
    """When the device says the value came about, UTC ms (OPC UA SourceTimestamp); None where it does not say."""
    reason: str = ""
    """Why it is not GOOD, e.g. `refused: illegal address (2)`."""

    @property
    def age_ms(self) -> float:
        return monotonic_ms() - self.edge_ms


def monotonic_ms() -> float:
    return time.monotonic_ns() / 1e6


def fits(tag: Tag, value: Value) -> bool:
    """Whether a value can be written to a tag at all."""
    if isinstance(value, str):
        return tag.type == "string" and value.isascii() and len(value) <= tag.count
    if tag.type == "bool":
        return isinstance(value, bool)
    if not math.isfinite(value):
        return False
    if tag.type in ("float32", "float64"):
        return tag.type == "float64" or abs(value / tag.scale) < FLOAT32_MAX
    low, high = (0, (1 << 16 * tag.count) - 1) if tag.type == "bits" else RANGES.get(tag.type, (1, 0))
    return low <= (value if tag.scale == 1.0 else round(value / tag.scale)) <= high
