"""The copy of the live floor that a forecast works on, and what its rows are called."""

from array import array
from dataclasses import dataclass, field

from edge.messages import Site
from edge.wes.board import Board
from edge.wes.chance import Tables, Timetable
from edge.wes.floor import Floor
from edge.wes.plan import ClassKey, lacks


@dataclass(slots=True)
class Copy:
    """A board to forecast from, and what its rows are called; `last_task` is the highest number of a task on it.

    `site` is the one it was made for: after another was opened nothing more can be entered.
    """

    board: Board
    tables: Tables
    timetable: Timetable
    asked_ms: int
    zones: list[str] = field(default_factory=list)
    departures: dict[int, str] = field(default_factory=dict)
    cutoffs: dict[str, int] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    movable: list[bool] = field(default_factory=list)
    classes: list[ClassKey] = field(default_factory=list)
    last_task: int = 0
    site: Site | None = None


def class_of(floor: Floor, copy: Copy, key: ClassKey) -> int:
    """The class of work that is not planned yet; a new one is entered into the copy only."""
    if key in copy.classes:
        return copy.classes.index(key)
    copy.classes.append(key)
    cls = copy.board.add_class(key[3], key[4])
    # Hands of another sort may have come since the copy was made; the copy goes without them.
    copy.board.group_classes = [
        array("q", [*allowed, cls]) if not lacks(key, group) else allowed
        for group, allowed in zip(floor.plan.groups, copy.board.group_classes, strict=False)
    ]
    return cls
