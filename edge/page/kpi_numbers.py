"""Small sums every part of the report needs: percentiles, shares, times as text."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nearest_rank(ordered: Sequence[int], percent: int) -> int | None:
    """The value that `percent` of the ordered values do not exceed (nearest rank); None of nothing."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None


def share(part: int, whole: int) -> float | None:
    """part / whole to four places; None of nothing."""
    return round(part / whole, 4) if whole else None


def iso(at_ms: int) -> str:
    """The moment in UTC, ISO 8601 with milliseconds."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
