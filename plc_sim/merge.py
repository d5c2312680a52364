"""Which of the conveyors that wait at a merge goes next: first come, the first inlet always, or so many to so many."""

from edge.settings import MachineSettings
from plc_sim.codes import WORD, MergeMode, ZoneStatus
from plc_sim.line import ConveyorLine
from plc_sim.sim_settings import choice, number

NAMES = ("Status", "ActiveInlet", "Mode", "RatioA", "RatioB", "WaitA", "WaitB", "Count")
"""The words of a merge (plc-and-standards 9.3); Status like that of a zone."""


class Merge:
    """`sim.merge` is fifo, priority or ratio; `sim.merge_ratio_a` units of the first inlet to `..._b` others."""

    def __init__(self, machine: MachineSettings) -> None:
        self.mode = choice(machine, "merge", MergeMode.FIFO)
        self.ratio = tuple(max(1, number(machine, f"merge_ratio_{inlet}", 1)) for inlet in "ab")
        self.inlets: list[ConveyorLine] = []
        """In the order of the site file; the first is A, all others are B."""
        self.waiting: list[ConveyorLine] = []
        self.active = 0
        self.count = 0
        self._turn = [0, 0]

    def offer(self, line: ConveyorLine) -> None:
        """A conveyor has a unit that may come."""
        if line not in self.waiting:
            self.waiting.append(line)

    def take(self) -> ConveyorLine:
        """The conveyor whose turn it is, out of those that wait."""
        line = self._next()
        self.waiting.remove(line)
        return line

    def passed(self, line: ConveyorLine) -> None:
        """A unit of this conveyor has gone through."""
        self.active = self.inlets.index(line) + 1 if line in self.inlets else 0
        self.count = (self.count + 1) % WORD
        self._turn[self._side(line)] += 1
        if all(had >= due for had, due in zip(self._turn, self.ratio, strict=True)):
            self._turn = [0, 0]

    def words(self, *, moving: bool) -> tuple[int, ...]:
        """The values of NAMES."""
        waits = [sum(self._side(line) == side for line in self.waiting) for side in (0, 1)]
        if moving:
            status = ZoneStatus.BLOCKED_RUNNING if any(waits) else ZoneStatus.CLEAR_RUNNING
        else:
            status = ZoneStatus.BLOCKED_STOPPED if any(waits) else ZoneStatus.CLEAR_STOPPED
        return (int(status), self.active, int(self.mode), *self.ratio, *waits, self.count)

    def _side(self, line: ConveyorLine) -> int:
        return 0 if self.inlets and line is self.inlets[0] else 1

    def _next(self) -> ConveyorLine:
        if self.mode is MergeMode.PRIORITY:
            return min(self.waiting, key=self._side)
        if self.mode is MergeMode.RATIO:
            due = [line for line in self.waiting if self._turn[self._side(line)] < self.ratio[self._side(line)]]
            return (due or self.waiting)[0]
        return self.waiting[0]
