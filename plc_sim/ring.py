"""The PLC's ends of the two 4-slot rings: requests and reports, with flow control by what the WCS has seen."""

from collections import deque
from collections.abc import Callable, Mapping

from plc_sim.codes import RING, SEQ_MAX

REPORTS_MAX = 200
"""Reports a PLC keeps behind a full ring; at this many it stops making new ones by stopping its belt."""

Fields = Mapping[str, int | str]
Show = Callable[[int, Fields], None]
"""Writes one slot, then the number of the newest one."""


def after(seq: int) -> int:
    """The number that follows: 1..65532 and 1 again."""
    return seq % SEQ_MAX + 1


def distance(newer: int, older: int) -> int:
    """Steps from older to newer on the cycle; from 0 (none yet) it is the number itself."""
    return (newer - older) % SEQ_MAX


def newer(seq: int, taken: int) -> bool:
    """Whether a number is ahead of the last one taken, by half the cycle at most; 0 is none, and none taken yet."""
    return seq != 0 and (taken == 0 or 0 < distance(seq, taken) <= SEQ_MAX // 2)


class Ring:
    """At most four entries the WCS has not seen; `issue` only while there is `room`."""

    def __init__(self, show: Show) -> None:
        self.seq = 0
        self.seen = 0
        self._show = show

    @property
    def room(self) -> bool:
        return distance(after(self.seq), self.seen) <= RING

    def issue(self, fields: Fields) -> int:
        """Put the next entry into its slot; its number."""
        self.seq = after(self.seq)
        self._show(self.seq, fields)
        return self.seq

    def acknowledge(self, seq: int) -> bool:
        """The WCS has seen up to `seq`; a number outside of what it can have seen is ignored."""
        if self.seq == 0 or not 1 <= seq <= SEQ_MAX:
            return False
        if distance(self.seq, seq) > distance(self.seq, self.seen):
            return False
        self.seen = seq
        return True

    def restart(self) -> None:
        """Nothing issued, nothing seen: the PLC has started anew."""
        self.seq = self.seen = 0


class ReportRing(Ring):
    """A ring no entry of which may be lost: what finds it full waits in the PLC."""

    def __init__(self, show: Show) -> None:
        super().__init__(show)
        self.waiting: deque[Fields] = deque()

    @property
    def congested(self) -> bool:
        """The machine must not take in more."""
        return bool(self.waiting)

    @property
    def exhausted(self) -> bool:
        """The machine must stop."""
        return len(self.waiting) >= REPORTS_MAX

    def report(self, fields: Fields) -> None:
        """Issue now, or as soon as the WCS has caught up."""
        if self.waiting or not self.room:
            self.waiting.append(fields)
        else:
            self.issue(fields)

    def acknowledge(self, seq: int) -> bool:
        """See Ring; frees slots for what waits."""
        seen = super().acknowledge(seq)
        while self.waiting and self.room:
            self.issue(self.waiting.popleft())
        return seen

    def restart(self) -> None:
        """See Ring; what waited is lost with the PLC's memory."""
        super().restart()
        self.waiting.clear()
