"""The counters of a sorter: 32 bits, never set back but by power off (plc-and-standards 9.1)."""

from plc_sim.codes import DWORD, Scan, Sort
from plc_sim.program import Program

NAMES = (
    "Inducted", "Diverted", "Alternate", "Default", "Recirculated", "NoRead", "MultiRead", "NoDecision", "Late",
    "LaneFull", "DivertFailed", "Missort", "Lost", "Unexpected", "Jams", "EStops",
)  # fmt: skip
BY_RESULT = {
    Sort.DIVERTED: "Diverted",
    Sort.DIVERTED_ALT: "Alternate",
    Sort.DEFAULT_LANE: "Default",
    Sort.RECIRCULATED: "Recirculated",
    Sort.NO_DECISION: "NoDecision",
    Sort.LATE_DECISION: "Late",
    Sort.LOST: "Lost",
    Sort.UNEXPECTED: "Unexpected",
}
BY_REASON = {Sort.LANE_FULL: "LaneFull"}
BY_SCAN = {Scan.NO_READ: "NoRead", Scan.MULTI_READ: "MultiRead"}


class Counters:
    """Shown as `Counter.<name>`."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.reset()

    def reset(self) -> None:
        """Power off and on."""
        for name in NAMES:
            self._program.put(f"Counter.{name}", 0)

    def add(self, name: str | None) -> None:
        """One more; None counts nothing."""
        if name is not None:
            tag = f"Counter.{name}"
            self._program.put(tag, (self._program.word(tag) + 1) % DWORD)
