"""What is still to come for a departure: what came for others so long before their cutoff, and how busy this one is.

Airlines foretell bookings like this (pickup: L'Heureux 1986). How busy a departure is beside the others is gamma
distributed, so that the units still to come are negative binomial (Greenwood and Yule 1920). Integers only; expected
units are in 1/1024.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edge.messages import Task
from edge.wes.calibrate import QUANTILES, put_last
from edge.wes.estimates import MINUTE_MS

SLOT_MS = 5 * MINUTE_MS
SLOTS = 48
"""So far before the cutoff units are counted, in slots."""
UNIT = 1024
PASSED_MAX = 128 * UNIT
"""A slot that so many departures have passed counts half from then on: 64 to 128 are remembered."""
BOOKED_MAX = 1_000
SHAPES_MAX = 32
"""Departures with units, and the last units planned, that are remembered."""
LEVEL = 4
"""A departure is as busy as others until its own units say otherwise; that weighs like so many units of its own.

Chosen on the tuning seeds of `./run exam warning`.
"""
LIKELIEST = 60
"""Of 64 equally probable numbers those above this one count as it does: fewer units to prepare for."""
LIKELY = 1 << 40
UNLIKELY = 1 << 20
"""The likeliest number of units weighs the one; numbers that weigh less than the other do not come."""


@dataclass(slots=True, kw_only=True)
class DemandRecord:
    """Units that came in each slot before the cutoff, of how many departures (closed ones with units, in 1/1024).

    `open` has those of the departures not closed, by slot. `shapes` are the tasks of the last units; `since_ms` is when
    the first one came (-1: none did).
    """

    units: list[int] = field(default_factory=lambda: [0] * SLOTS)
    passed: list[int] = field(default_factory=lambda: [0] * SLOTS)
    open: dict[str, list[int]] = field(default_factory=dict)
    shapes: list[tuple[Task, ...]] = field(default_factory=list)
    since_ms: int = -1
    forgotten: int = 0


def copied_demand(record: DemandRecord) -> DemandRecord:
    """A copy that shares nothing that changes."""
    waiting = {key: slots[:] for key, slots in record.open.items()}
    return replace(
        record, units=record.units[:], passed=record.passed[:], open=waiting, shapes=record.shapes[:],
    )  # fmt: skip


class ToCome(NamedTuple):
    """Units still to come for a departure: equally probable numbers, ascending; and where they lie.

    `lead_q10[s]` are those expected up to s slots before the cutoff, beginning with 0 at the cutoff.
    """

    counts: tuple[int, ...]
    lead_q10: tuple[int, ...]

    def lead_ms(self, share_q16: int) -> int:
        """How long before the cutoff a unit comes when so large a share of all comes after it."""
        wanted = self.lead_q10[-1] * share_q16 >> 16
        slot = next(slot for slot, below in enumerate(self.lead_q10[1:]) if wanted < below)
        low, high = self.lead_q10[slot : slot + 2]
        return slot * SLOT_MS + (wanted - low) * SLOT_MS // (high - low)


class Demand:
    """Counts units as they are planned; says what is to come."""

    def __init__(self, record: DemandRecord | None = None) -> None:
        """Goes on from a record, which then belongs to it; counts of another shape are forgotten."""
        self.record = record if record is not None else DemandRecord()
        book = self.record
        if (
            len(book.units) != SLOTS
            or len(book.passed) != SLOTS
            or any(len(each) != SLOTS for each in book.open.values())
        ):
            book.units, book.passed, book.open = [0] * SLOTS, [0] * SLOTS, {}

    def came(self, departure_id: str, cutoff_ms: int, now_ms: int, tasks: tuple[Task, ...]) -> None:
        """A unit has been planned, with these tasks."""
        record = self.record
        if record.since_ms < 0:
            record.since_ms = now_ms
        record.shapes.append(tasks)
        del record.shapes[:-SHAPES_MAX]
        slot = (cutoff_ms - now_ms) // SLOT_MS
        if 0 <= slot < SLOTS:
            slots = record.open.get(departure_id) or [0] * SLOTS
            slots[slot] += 1
            record.forgotten += put_last(record.open, departure_id, slots, BOOKED_MAX)

    def closed(self, departure_id: str, cutoff_ms: int) -> None:
        """Nothing more comes: learn from it, if anything came at all."""
        record = self.record
        slots = record.open.pop(departure_id, None)
        if slots is None:
            return
        for slot in range(self._seen(cutoff_ms)):
            record.units[slot] += slots[slot] * UNIT
            record.passed[slot] += UNIT
            if record.passed[slot] > PASSED_MAX:
                record.units[slot] //= 2
                record.passed[slot] //= 2

    def _seen(self, cutoff_ms: int) -> int:
        """How many slots before the cutoff lie after the first unit of all."""
        return min(max(0, (cutoff_ms - self.record.since_ms) // SLOT_MS), SLOTS)

    def curve(self, cutoffs_ms: Mapping[str, int], now_ms: int) -> list[int]:
        """Units of a departure in each slot, in 1/1024, by all that have passed it; 0 where none has."""
        units, passed = self.record.units[:], self.record.passed[:]
        for departure_id, slots in self.record.open.items():
            cutoff_ms = cutoffs_ms.get(departure_id)
            if cutoff_ms is None:
                continue
            for slot in range(max(0, -((now_ms - cutoff_ms) // SLOT_MS)), self._seen(cutoff_ms)):
                units[slot] += slots[slot] * UNIT
                passed[slot] += UNIT
        return [came * UNIT // count if count else 0 for came, count in zip(units, passed, strict=True)]

    def to_come(self, curve: list[int], departure_id: str, cutoff_ms: int, now_ms: int, most: int) -> ToCome | None:
        """What is to come for a departure after `curve`, at most so many units; None where nothing is."""
        slots = self.record.open.get(departure_id) or [0] * SLOTS
        left_ms, seen = cutoff_ms - now_ms, self._seen(cutoff_ms)
        current = left_ms // SLOT_MS
        if left_ms <= 0 or current >= SLOTS:
            return None
        part = curve[current] * (left_ms % SLOT_MS) // SLOT_MS
        lead = [0]
        for expected in (*curve[:current], part):
            lead.append(lead[-1] + expected)
        before = sum(curve[current:seen]) - part if seen > current else 0
        if not lead[-1]:
            return None
        counts = numbers(LEVEL + sum(slots[current:]), LEVEL * UNIT + before, lead[-1], most)
        return ToCome(counts, tuple(lead)) if counts[-1] else None


def numbers(shape: int, before: int, after: int, most: int) -> tuple[int, ...]:
    """Equally probable numbers, ascending, up to `most`: negative binomial, `shape` of at least 1, mean shape * after /
    before.
    """
    mode = (shape - 1) * after // before
    if mode >= most:
        return (most,) * QUANTILES
    weights = [LIKELY]
    low = high = mode
    while low and weights[0] >= UNLIKELY:
        weights.insert(0, weights[0] * low * (after + before) // ((shape + low - 1) * after))
        low -= 1
    while high < most and weights[-1] >= UNLIKELY:
        weights.append(weights[-1] * (shape + high) * after // ((high + 1) * (after + before)))
        high += 1
    total, below, number, found = sum(weights), weights[0], low, []
    for share in range(1, 2 * QUANTILES, 2):
        while below * 2 * QUANTILES < share * total:
            number += 1
            below += weights[number - low]
        found.append(number)
    return tuple(min(each, found[LIKELIEST]) for each in found)
