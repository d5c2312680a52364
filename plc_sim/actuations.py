"""The actuation log: what physically happened, one JSON object a line, written outside of the process under test.

Every line has `at_ms` (site clock), `by` (machine, person or "faults"), `did`; lines by a machine also `boot` and
`plc_ms` (its own UptimeMs). `FIELDS` says what else a line of each kind has. This file is the schema.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TextIO

LINE_MAX = 4_000


class Did(StrEnum):
    """What happened."""

    MOVED = "moved"
    """A unit (`barcode`) went from one place to another, or `quantity` of a sku out of or into a slot."""
    ARMED = "armed"
    """A divert was set for a unit: by which request's decision (0: the PLC's own), into which lane."""
    FIRED = "fired"
    """The divert acted."""
    MISSED = "missed"
    """The divert was due and did not act."""
    RELEASED = "released"
    """A conveyor zone let its unit go; the exit by which request's decision."""
    JOB_STARTED = "job_started"
    GRIPPED = "gripped"
    PLACED = "placed"
    DROPPED = "dropped"
    """The robot lost the part; where it lies follows as a move."""
    COMMANDED = "commanded"
    """A command was executed: `cmd_seq` of the mailbox, 0 at the panel."""
    REFUSED = "refused"
    """A command was refused."""
    MOTION_STARTED = "motion_started"
    MOTION_STOPPED = "motion_stopped"
    FALLBACK_ENTERED = "fallback_entered"
    """`heard_ms`: when (`plc_ms`) the last heartbeat of the WCS was taken over."""
    FALLBACK_LEFT = "fallback_left"
    BOOTED = "booted"
    TRIPPED = "tripped"
    """An e-stop zone opened."""
    PANEL_RESET = "panel_reset"
    """A person reset the e-stop chain."""
    ENTERED = "entered"
    """A vehicle came onto a node or an edge (`spot`) of its layout: it is there until it has left."""
    LEFT = "left"
    PICKED_UP = "picked_up"
    """A vehicle has a unit aboard; the move stands before it."""
    PUT_DOWN = "put_down"
    CHARGING_STARTED = "charging_started"
    CHARGING_STOPPED = "charging_stopped"
    FAULT_BEGAN = "fault_began"
    FAULT_ENDED = "fault_ended"


FIELDS: dict[Did, tuple[str, ...]] = {
    Did.MOVED: ("barcode", "sku", "quantity", "source", "target"),
    Did.ARMED: ("barcode", "tracking_id", "seq", "lane"),
    Did.FIRED: ("barcode", "tracking_id", "seq", "lane"),
    Did.MISSED: ("barcode", "tracking_id", "seq", "lane"),
    Did.RELEASED: ("barcode", "tracking_id", "seq", "zone"),
    Did.JOB_STARTED: ("job_id", "seq", "source", "quantity"),
    Did.GRIPPED: ("job_id", "seq", "source", "quantity"),
    Did.PLACED: ("job_id", "seq", "source", "quantity"),
    Did.DROPPED: ("job_id", "seq", "source", "quantity"),
    Did.COMMANDED: ("cmd_seq", "code", "args"),
    Did.REFUSED: ("cmd_seq", "code", "args", "reason"),
    Did.MOTION_STARTED: ("reason",),
    Did.MOTION_STOPPED: ("reason",),
    Did.FALLBACK_ENTERED: ("reason", "heard_ms"),
    Did.FALLBACK_LEFT: ("reason",),
    Did.BOOTED: (),
    Did.TRIPPED: ("zone",),
    Did.PANEL_RESET: (),
    Did.ENTERED: ("spot", "order_id"),
    Did.LEFT: ("spot", "order_id"),
    Did.PICKED_UP: ("spot", "order_id", "barcode"),
    Did.PUT_DOWN: ("spot", "order_id", "barcode"),
    Did.CHARGING_STARTED: ("spot", "order_id"),
    Did.CHARGING_STOPPED: ("spot", "order_id"),
    Did.FAULT_BEGAN: ("machine_id", "kind", "given"),
    Did.FAULT_ENDED: ("machine_id", "kind"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actuation:
    """One line."""

    at_ms: int
    by: str
    did: Did = Did.MOVED
    boot: int = 0
    plc_ms: int = 0
    barcode: str = ""
    sku: str = ""
    quantity: int = 1
    source: str = ""
    target: str = ""
    tracking_id: int = 0
    seq: int = 0
    """Of the request whose decision was obeyed, or JobSeq."""
    lane: int = 0
    zone: int = 0
    job_id: int = 0
    cmd_seq: int = 0
    code: int = 0
    args: tuple[int, ...] = ()
    reason: str = ""
    heard_ms: int = 0
    spot: str = ""
    order_id: str = ""
    """Of VDA 5050."""
    machine_id: str = ""
    kind: str = ""
    given: dict[str, int | str] | None = None


Record = Callable[[Actuation], None]


def line_of(actuation: Actuation) -> str:
    """The JSON object of one actuation, without the end of line."""
    row: dict[str, object] = {"at_ms": actuation.at_ms, "by": actuation.by, "did": actuation.did}
    if actuation.boot:
        row |= {"boot": actuation.boot, "plc_ms": actuation.plc_ms}
    row |= {name: getattr(actuation, name) for name in FIELDS[actuation.did]}
    return json.dumps(row, separators=(",", ":"))


def read_actuations(path: Path) -> Iterator[Actuation]:
    """Every actuation of a log, in order. A last line cut off by a kill is passed over; raises ValueError for others.

    Lines of before `did` was written down are moves.
    """
    with path.open(encoding="utf-8", errors="replace") as log:
        for number, line in enumerate(log, start=1):
            if not line.endswith("\n"):
                return
            yield _read(path, number, line)


def _read(path: Path, number: int, line: str) -> Actuation:
    try:
        if len(line) > LINE_MAX:
            raise ValueError(f"longer than {LINE_MAX} characters")
        row = json.loads(line)
        row["did"] = Did(row.get("did", Did.MOVED))
        row["args"] = tuple(row.get("args", ()))
        return Actuation(**row)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}:{number}: not an actuation ({error}); move the file away to begin anew") from None


def is_torn(path: Path) -> bool:
    """Whether the last line was cut off."""
    with path.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        if size == 0:
            return False
        log.seek(size - 1)
        return log.read(1) != b"\n"


def open_log(path: Path) -> TextIO:
    """The log opened for more lines, each on its way to the disk when written; a torn last line is cut off."""
    if path.exists() and is_torn(path):
        whole = path.read_bytes()
        os.truncate(path, whole.rfind(b"\n") + 1)
    return path.open("a", encoding="utf-8", buffering=1)
