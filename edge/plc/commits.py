"""What a device may be told is safe here: how far the machine has committed each event tag; and what was missed.

A link that can withhold its acknowledgement (OPC UA) asks here before it gives one. Tags nobody claims are acknowledged
when they arrive.
"""

from collections import deque
from dataclasses import dataclass

GAPS_MAX = 16
"""Gaps not yet reported; of more than these the latest are."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that may have been missed between the last one heard and now; everything has been read since."""

    reason: str
    missed_ms: int


class Commits:
    """Between one link and the machine behind it."""

    def __init__(self) -> None:
        self._committed: dict[str, int] = {}
        self.gaps: deque[Gap] = deque(maxlen=GAPS_MAX)

    def claim(self, name: str) -> None:
        """Changes of this tag count as safe only when they are committed."""
        self._committed.setdefault(name, 0)

    def commit(self, name: str, sequence: int) -> None:
        """Everything up to this sequence of the tag's readings is on disk."""
        self._committed[name] = max(self._committed.get(name, 0), sequence)

    def is_committed(self, name: str, sequence: int) -> bool:
        """Whether nobody waits for the tag, or it is on disk up to here."""
        return self._committed.get(name, sequence) >= sequence

    def tell_gap(self, reason: str, missed_ms: int) -> None:
        """The machine reports it with its next resync or state."""
        self.gaps.append(Gap(reason, max(0, missed_ms)))
