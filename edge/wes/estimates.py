"""How long things take, in round figures that hold until the site's own times are known."""

from typing import Protocol

from edge.messages import TaskKind
from edge.wes.board import CARRY, LOAD, OTHER, PACK, PICK, PUTAWAY, REPLENISH

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
PROCESS_MS: dict[TaskKind, int] = {
    TaskKind.PICK: 6 * MINUTE_MS,
    TaskKind.PACK: 4 * MINUTE_MS,
    TaskKind.CARRY: 2 * MINUTE_MS,
    TaskKind.LOAD: 1 * MINUTE_MS,
    TaskKind.PUTAWAY: 0,
    TaskKind.REPLENISH: 7 * MINUTE_MS,
}
"""From the start of a task of this kind until its handling unit is loaded, without waiting."""

TASK_MS: dict[TaskKind, int] = {
    TaskKind.PICK: 40_000,
    TaskKind.PACK: 60_000,
    TaskKind.CARRY: 60_000,
    TaskKind.LOAD: 45_000,
    TaskKind.PUTAWAY: 60_000,
    TaskKind.REPLENISH: 60_000,
}
"""The hands-on time of one task, the walk to it included."""

KIND_ROWS: dict[TaskKind, int] = {
    TaskKind.PICK: PICK,
    TaskKind.PACK: PACK,
    TaskKind.CARRY: CARRY,
    TaskKind.LOAD: LOAD,
    TaskKind.PUTAWAY: PUTAWAY,
    TaskKind.REPLENISH: REPLENISH,
}
PRIORITY_MS = 300_000
"""One step of priority counts as this much slack where work is let in."""
WEIGHTS = (16, 16, 11, 8, 6, 4, 3, 2, 1, 1)
"""What a task of priority 0..9 is worth against one of 9."""
assert OTHER not in KIND_ROWS.values()


def weight_of(priority: int) -> int:
    return WEIGHTS[min(max(priority, 0), 9)]


class Teacher(Protocol):
    """Where times are learnt (`calibrate.Times`)."""

    def mean_ms(self, kind: str, zone: str) -> int: ...
    def factor_q10(self, resource_id: str) -> int: ...


AFTER: dict[TaskKind, tuple[str, ...]] = {
    TaskKind.PICK: ("pack", "transit", "load"),
    TaskKind.PACK: ("transit", "load"),
    TaskKind.CARRY: ("load",),
    TaskKind.REPLENISH: ("pick", "pack", "transit", "load"),
}
"""What a handling unit (of a REPLENISH, the one that waits for it) still has to go through when it is done."""
QUEUEING_PERMILLE = 1300
"""The way to the lorry takes longer than its steps: units wait for each other."""


class Estimates:
    """Times of tasks as they are believed now: learnt ones, without the walk."""

    def __init__(self, times: Teacher) -> None:
        self.times = times

    def work_ms(self, kind: TaskKind, zone: str) -> int:
        """The hands-on time of a task."""
        return self.times.mean_ms(kind, zone)

    def tail_ms(self, kind: TaskKind, zone: str) -> int:
        """From the end of a task until its handling unit is loaded."""
        return sum(self.times.mean_ms(step, zone) for step in AFTER.get(kind, ())) * QUEUEING_PERMILLE // 1000

    def factor_q10(self, resource_id: str) -> int:
        """How long this resource takes compared with everybody, 1024 = the same."""
        return self.times.factor_q10(resource_id)
