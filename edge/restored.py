"""The systems of a process as they stand at the end of its journal, read without touching it: for questions.

The last snapshot, then the tail decided again, as a start would do it. The process may be running meanwhile.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.codec import BadMessage
from edge.journal import JournalError, Row, Snapshot, read_meta, read_rows, reading
from edge.recovery import replay
from edge.systems import Systems
from edge.wes.engine import Engine
from edge.wes.floor import Floor

_LAST_SNAPSHOT = "SELECT n, at_ms, states FROM snapshots ORDER BY n DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Restored:
    """The floor after the last entry. `differing` entries are decided otherwise by this version than they were."""

    journal: Path
    at_ms: int
    floor: Floor
    differing: int

    @property
    def caveat(self) -> str:
        """What keeps the picture from being what it was; "" if nothing does."""
        if not self.differing:
            return ""
        return f"this version decides {self.differing} entries otherwise than they were, so now may look otherwise too"


def read_snapshot(path: Path) -> Snapshot | None:
    """The last snapshot of a journal that may be in use by another process. Raises JournalError."""
    with reading(path) as connection:
        row = connection.execute(_LAST_SNAPSHOT).fetchone()
    if row is None:
        return None
    return Snapshot(row[0], row[1], {name: state.encode() for name, state in json.loads(row[2]).items()})


def restored_floor(journals: Sequence[Path]) -> Restored | None:
    """The floor of the first journal whose process runs a WES; None if there is none. Raises JournalError."""
    for path in journals:
        meta = read_meta(path)
        names = meta.get("systems", "").split(",")
        if "wes" in names:
            return _restored(path, names, json.loads(meta.get("peers", "{}")))
    return None


def floor_of(journals: Sequence[Path]) -> Restored:
    """The same, where nothing can be said without one. Raises JournalError."""
    found = restored_floor(journals)
    if found is None:
        places = ", ".join(map(str, journals))
        raise JournalError(f"{places}: no process that runs a WES wrote this; name the journal of the box")
    return found


def _restored(path: Path, names: Sequence[str], peers: dict[str, list[str]]) -> Restored:
    systems = Systems(names, peers)
    after, at_ms = _load(systems, path)
    last = after

    def rows() -> Iterator[Row]:
        nonlocal last, at_ms
        for row in read_rows(path, after):
            if row.n != last + 1:
                raise JournalError(f"{path}: entries {last + 1} to {row.n - 1} are no longer kept and no snapshot fits")
            last, at_ms = row.n, row.at_ms
            yield row

    differing = sum(1 for _ in replay(systems, rows()))
    engine = Engine()
    engine.load(systems.save()["wes"])
    floor = engine.floor
    floor.now_ms = max(floor.now_ms, at_ms)
    return Restored(path, at_ms, floor, differing)


def _load(systems: Systems, path: Path) -> tuple[int, int]:
    """The last snapshot into the systems: (its entry, its time); (0, 0) where this version cannot read it."""
    snapshot = read_snapshot(path)
    if snapshot is None or not set(snapshot.states) >= set(systems.names):
        return 0, 0
    try:
        systems.load(snapshot.states)
    except BadMessage:
        return 0, 0
    return snapshot.n, snapshot.at_ms
