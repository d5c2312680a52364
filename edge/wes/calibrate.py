"""What the site teaches: how long work takes, when that changes, and how honest past forecasts were; integers only.

Durations lie in histograms of eight bins per octave, which forget by halving. A change of pace is found by a two-sided
CUSUM on log2(observed / expected) (Page 1954; Siegmund 1985 for its run lengths). Forecasts are scored by Brier (1950)
and by reliability (Murphy 1973). Logarithms are Q10 octaves: 1024 is twice as long.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, TypeVar

from edge.messages import TaskKind
from edge.wes.estimates import MINUTE_MS, PROCESS_MS, TASK_MS

KEYS_MAX = 512
RESOURCES_MAX = 4_000
OPEN_MAX = 10_000
"""Pairs of kind and zone, resources, departures not yet closed; those longest without news are forgotten first."""

TRANSIT = "transit"
TRANSIT_MS = PROCESS_MS[TaskKind.PACK] - TASK_MS[TaskKind.PACK] - PROCESS_MS[TaskKind.LOAD]
"""The kind for the lag from the end of PACK to the unit lying in its lane, and what is believed of it at first."""
PRIOR_MS = {TRANSIT: TRANSIT_MS} | {kind.value: ms for kind, ms in TASK_MS.items()}
"""What is believed of each kind before anything was seen; of any other kind, a minute."""
PRIOR_WIDTH = 16
PRIOR_SHIFT = -2
"""The prior is a triangle of two octaves to either side, worth nine observations; shifted so that its mean is right."""

LONGEST_MS = 4 * 60 * MINUTE_MS
LOWEST_BIT = 10
BINS = 110
"""Eight to the octave, from 1.024 s to 4 h; what is shorter lies in the first."""
EDGES = tuple((8 + (i & 7)) << ((i >> 3) + LOWEST_BIT - 3) for i in range(BINS + 1))
MIDDLES = tuple((low + high) // 2 for low, high in pairwise(EDGES))
QUANTILES = 64
ONE = 256
FULL = 512 * ONE
"""An observation weighs ONE until FULL is passed and all is halved: 256 to 512 observations are remembered."""
WARM = 64
"""Observations after which the prior is gone and the pace is watched."""
RELEARN = 16 * ONE
SETTLE = 128
"""What the past is worth once the pace has changed, and after how many observations the pace is watched again."""
SLACK_Q10 = 256
"""Half of the change that is looked for (41 % slower or 29 % faster), or a quarter of sigma where that is more."""
EXPONENT = 8
LIMIT_MIN_Q10 = 2048
"""A sum is believed beyond 8 variance / slack, since false alarms fall with exp(2 slack limit / variance)."""
SIGMA_MIN_Q10 = 100
STRIDE_MIN_Q10 = 1024
"""An observation counts as at most three sigmas, or an octave, from the mean: a lunch break is no change of pace."""
PACE_SHRINK = 8
PACE_MAX = 128
PACE_LIMIT_Q10 = 1024
"""A resource's pace counts as if it had eight average tasks more, remembers 64 to 128, and is half to twice."""
LEADS_MS = tuple(minutes * MINUTE_MS for minutes in (120, 60, 30, 15, 5))
"""How long before the cutoff forecasts are compared with what happened."""
TENTHS = 10

_LOG = (0, 174, 330, 470, 599, 717, 827, 929, 1024)
_EXP = (1024, 1117, 1218, 1328, 1448, 1579, 1722, 1878, 2048)
Value = TypeVar("Value")


def log2_q10(value: int) -> int:
    """log2 of a positive number in 1/1024; 5 of them off at most."""
    top = value.bit_length() - 1
    step, rest = divmod(((value << 10) >> top) & 1023, 128)
    return (top << 10) + _LOG[step] + ((_LOG[step + 1] - _LOG[step]) * rest >> 7)


def exp2_q10(log_q10: int) -> int:
    """2 to the power of log_q10 / 1024 (-20 to 20), in 1/1024; 0.2 % (or 2) off at most."""
    step, rest = divmod(log_q10 & 1023, 128)
    value = _EXP[step] + ((_EXP[step + 1] - _EXP[step]) * rest >> 7)
    return (value << 20 + (log_q10 >> 10)) >> 20


_LOG_MIDDLES = tuple(log2_q10(middle) for middle in MIDDLES)


def clamp(value: int, low: int, high: int) -> int:
    return low if value < low else high if value > high else value


def bin_of(ms: int) -> int:
    """The bin of a duration; too short or too long ones lie in the first and the last."""
    ms = clamp(ms, EDGES[0], LONGEST_MS)
    top = ms.bit_length() - 1
    return ((top - LOWEST_BIT) << 3) + (ms >> (top - 3)) - 8


def quantiles(counts: list[int], shares: range | tuple[int, ...], whole: int) -> list[int]:
    """The durations in ms that each of the ascending shares / whole does not exceed; `counts` must not all be 0."""
    total, before, position, found = sum(counts), 0, 0, []
    for share in shares:
        wanted = share * total
        while not counts[position] or (before + counts[position]) * whole < wanted:
            before += counts[position]
            position += 1
        low, inside = EDGES[position], wanted - before * whole
        found.append(low + (EDGES[position + 1] - low) * inside // (counts[position] * whole))
    return found


def put_last(table: dict[str, Value], key: str, value: Value, limit: int) -> int:
    """Put an entry behind all others, and forget the first ones beyond `limit`; returns how many."""
    table.pop(key, None)
    table[key] = value
    excess = max(0, len(table) - limit)
    for _ in range(excess):
        del table[next(iter(table))]
    return excess


class Run(NamedTuple):
    """One side of the CUSUM: its sum, of how many observations, and what was expected before these could move it."""

    sum_q10: int = 0
    length: int = 0
    from_q10: int = 0


@dataclass(slots=True, kw_only=True)
class Durations:
    """What came of a kind of work in a zone; `seen` ends at WARM, `settling` counts down from a change by percent."""

    counts: list[int] = field(default_factory=lambda: [0] * BINS)
    seen: int = 0
    slower: Run = field(default_factory=Run)
    faster: Run = field(default_factory=Run)
    settling: int = 0
    percent: int = 0


@dataclass(slots=True, kw_only=True)
class TimesRecord:
    """What was learnt: durations by "kind/zone"; by resource the sum of log2(own / expected) and of how many tasks."""

    durations: dict[str, Durations] = field(default_factory=dict)
    paces: dict[str, tuple[int, int]] = field(default_factory=dict)
    clamped: int = 0
    refused: int = 0
    durations_forgotten: int = 0
    paces_forgotten: int = 0


def copied_times(record: TimesRecord) -> TimesRecord:
    """A copy that shares nothing that changes."""
    durations = {key: replace(each, counts=each.counts[:]) for key, each in record.durations.items()}
    return replace(record, durations=durations, paces=dict(record.paces))


class Expected:
    """What one histogram says; logarithms count at most `stride_q10` from their mean."""

    def __init__(self, counts: list[int]) -> None:
        self.counts = counts
        low, middle, high = quantiles(counts, (159, 500, 841), 1000)
        self.spread_permille = (high - low) * 500 // middle
        sigma_q10 = max(SIGMA_MIN_Q10, (log2_q10(high) - log2_q10(low)) // 2)
        self.stride_q10 = max(3 * sigma_q10, STRIDE_MIN_Q10)
        self.slack_q10 = max(sigma_q10 // 4, SLACK_Q10)
        total, filled = sum(counts), [position for position, count in enumerate(counts) if count]
        self.mean_ms = sum([counts[each] * MIDDLES[each] for each in filled]) // total
        centre = sum([counts[each] * _LOG_MIDDLES[each] for each in filled]) // total
        low, high = centre - self.stride_q10, centre + self.stride_q10
        logs = [(counts[each], clamp(_LOG_MIDDLES[each], low, high)) for each in filled]
        self.log_q10 = sum([count * log for count, log in logs]) // total
        variance_q20 = sum([count * (log - self.log_q10) ** 2 for count, log in logs]) // total
        self.limit_q10 = max(LIMIT_MIN_Q10, EXPONENT * variance_q20 // self.slack_q10)

    @cached_property
    def table(self) -> tuple[int, ...]:
        return tuple(quantiles(self.counts, range(1, 2 * QUANTILES, 2), 2 * QUANTILES))


def blended(kind: str, book: Durations) -> list[int]:
    """What was seen and what is left of the prior, of which each eighth observation takes an eighth away."""
    counts, left = book.counts[:], (WARM - book.seen) // 8
    if left:
        centre = bin_of(PRIOR_MS.get(kind, MINUTE_MS)) + PRIOR_SHIFT
        for offset in range(-PRIOR_WIDTH, PRIOR_WIDTH + 1):
            counts[clamp(centre + offset, 0, BINS - 1)] += (PRIOR_WIDTH + 1 - abs(offset)) * left
    return counts


class Times:
    """Service times and lags learnt from what was done, by kind and zone, and how fast each resource is."""

    def __init__(self, record: TimesRecord | None = None) -> None:
        """Goes on from a record, which then belongs to it; histograms of another shape are forgotten and counted."""
        self.record = record if record is not None else TimesRecord()
        self._expected: dict[str, Expected] = {}
        books = self.record.durations
        for key in [key for key, each in books.items() if len(each.counts) != BINS or not any(each.counts)]:
            del books[key]
            self.record.durations_forgotten += 1

    def observe(self, kind: str, zone: str, resource_id: str, ms: int) -> None:
        """Learn one duration (resource "" = nobody's). <= 0: refused; > LONGEST_MS: clamped; both counted."""
        record, key = self.record, f"{kind}/{zone}"
        if ms <= 0:
            record.refused += 1
            return
        record.clamped += ms > LONGEST_MS
        expected = self._of(kind, zone)
        book = record.durations.get(key) or Durations()
        if forgotten := put_last(record.durations, key, book, KEYS_MAX):
            record.durations_forgotten += forgotten
            self._expected.clear()
        self._expected.pop(key, None)
        log_q10 = log2_q10(clamp(ms, EDGES[0], LONGEST_MS))
        if resource_id and book.seen == WARM and not book.settling:
            self._learn_pace(resource_id, log_q10 - expected.log_q10)
        learn(book, expected, bin_of(ms), log_q10)

    def mean_ms(self, kind: str, zone: str) -> int:
        return self._of(kind, zone).mean_ms

    def quantile_ms(self, kind: str, zone: str, permille: int) -> int:
        """The duration that `permille` (cut to 0..1000) of the tasks do not exceed."""
        return quantiles(self._of(kind, zone).counts, (clamp(permille, 0, 1000),), 1000)[0]

    def table(self, kind: str, zone: str) -> tuple[int, ...]:
        """The middles of 64 slices of equal probability, ascending, in ms."""
        return self._of(kind, zone).table

    def spread_permille(self, kind: str, zone: str) -> int:
        """Half the width of the middle 68 % as a share of the median: sigma, as far as there is one."""
        return self._of(kind, zone).spread_permille

    def factor_q10(self, resource_id: str) -> int:
        """How long this resource takes, in 1/1024 of what everybody takes; 512 to 2048, 1024 for one not known."""
        sum_q10, count = self.record.paces.get(resource_id, (0, 0))
        return exp2_q10(sum_q10 // (count + PACE_SHRINK))

    def drifted(self) -> list[tuple[str, str, int, int]]:
        """Changes until SETTLE more are learnt: kind, zone, 1 (longer) or -1 (less long), percent (below 0 for -1)."""
        books = self.record.durations.items()
        moved = [(key.partition("/"), book.percent) for key, book in books if book.settling]
        return sorted((kind, zone, 1 if percent > 0 else -1, percent) for (kind, _, zone), percent in moved)

    def _of(self, kind: str, zone: str) -> Expected:
        key = f"{kind}/{zone}"
        book = self.record.durations.get(key)
        if book is None:
            key, book = kind if kind in PRIOR_MS else "", Durations()
        if key not in self._expected:
            self._expected[key] = Expected(blended(kind, book))
        return self._expected[key]

    def _learn_pace(self, resource_id: str, excess_q10: int) -> None:
        sum_q10, count = self.record.paces.get(resource_id, (0, 0))
        sum_q10, count = sum_q10 + clamp(excess_q10, -PACE_LIMIT_Q10, PACE_LIMIT_Q10), count + 1
        pace = (sum_q10, count) if count <= PACE_MAX else (sum_q10 // 2, count // 2)
        self.record.paces_forgotten += put_last(self.record.paces, resource_id, pace, RESOURCES_MAX)


def learn(book: Durations, expected: Expected, position: int, log_q10: int) -> None:
    """Count a duration; when the pace has changed, say by how much and let the past count little."""
    book.counts[position] += ONE
    remembered = FULL
    if book.seen < WARM:
        book.seen += 1
    elif book.settling:
        book.settling -= 1
    else:
        book.slower = step(book.slower, expected, log_q10, 1)
        book.faster = step(book.faster, expected, log_q10, -1)
        for run, sign in ((book.slower, 1), (book.faster, -1)):
            if run.sum_q10 > expected.limit_q10:
                shift_q10 = sign * (expected.slack_q10 + run.sum_q10 // run.length)
                book.percent, book.settling, remembered = exp2_q10(shift_q10) * 100 // 1024 - 100, SETTLE, RELEARN
                book.slower = book.faster = Run()
    while sum(book.counts) > remembered:
        book.counts[:] = [count >> 1 for count in book.counts]


def step(run: Run, expected: Expected, log_q10: int, sign: int) -> Run:
    """One observation on one side of the CUSUM."""
    from_q10, length = (run.from_q10, run.length) if run.sum_q10 else (expected.log_q10, 0)
    excess_q10 = sign * clamp(log_q10 - from_q10, -expected.stride_q10, expected.stride_q10)
    return Run(max(0, run.sum_q10 + excess_q10 - expected.slack_q10), length + 1, from_q10)


@dataclass(slots=True, kw_only=True)
class Foretold:
    """A departure not closed: the last risk said before each lead (-1: none), since when a warning stands (-1: not)."""

    cutoff_ms: int
    risks: list[int] = field(default_factory=lambda: [-1] * len(LEADS_MS))
    warned_ms: int = -1


@dataclass(slots=True, kw_only=True)
class ScoreRecord:
    """What waits for its outcome, and rows (forecasts, missed, sum of risk, sum of squared error) of what has it."""

    open: dict[str, Foretold] = field(default_factory=dict)
    leads: list[list[int]] = field(default_factory=lambda: [[0] * 4 for _ in LEADS_MS])
    tenths: list[list[int]] = field(default_factory=lambda: [[0] * 4 for _ in range(TENTHS)])
    warned_ahead: list[int] = field(default_factory=lambda: [0] * BINS)
    settled: int = 0
    true_warnings: int = 0
    false_warnings: int = 0
    missed_warnings: int = 0
    refused: int = 0
    unknown: int = 0
    forgotten: int = 0


def copied_score(record: ScoreRecord) -> ScoreRecord:
    """A copy that shares nothing that changes."""
    waiting = {key: replace(each, risks=each.risks[:]) for key, each in record.open.items()}
    leads, tenths = [row[:] for row in record.leads], [row[:] for row in record.tenths]
    return replace(record, open=waiting, leads=leads, tenths=tenths, warned_ahead=record.warned_ahead[:])


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReport:
    """How honest forecasts were, by lead and last over all; None where nothing can be said.

    Brier: the mean of (risk - outcome)^2, 250000 for a coin. Skill: 1000 is perfect, 0 no better than always saying the
    base rate, known only afterwards. Reliability: by tenth of risk (forecasts, sum of risk, missed). The lead: median
    time from a true warning to the closing. A departure saved by its warning counts as a false one.
    """

    brier_permille2: tuple[int | None, ...]
    skill_permille: tuple[int | None, ...]
    reliability: tuple[tuple[int, int, int], ...]
    settled: int
    base_rate_permille: int | None
    true_warnings: int
    false_warnings: int
    missed_warnings: int
    lead_p50_ms: int | None


def ratio(part: int, whole: int) -> int | None:
    """part / whole to the nearest integer, halves up; None of nothing."""
    return (2 * part + whole) // (2 * whole) if whole else None


class Score:
    """Forecasts of departures against what became of them."""

    def __init__(self, record: ScoreRecord | None = None) -> None:
        """Goes on from a record, which then belongs to it."""
        self.record = record if record is not None else ScoreRecord()

    def note(self, departure_id: str, at_ms: int, cutoff_ms: int, permille: int, warned: bool) -> None:
        """The risk now said, and if a warning stands; refused and counted from the cutoff on or outside 0..1000."""
        record = self.record
        if at_ms >= cutoff_ms or not 0 <= permille <= 1000:
            record.refused += 1
            return
        told = record.open.get(departure_id) or Foretold(cutoff_ms=cutoff_ms)
        record.forgotten += put_last(record.open, departure_id, told, OPEN_MAX)
        told.cutoff_ms = cutoff_ms
        for position, lead_ms in enumerate(LEADS_MS):
            if cutoff_ms - at_ms >= lead_ms:
                told.risks[position] = permille
        told.warned_ms = -1 if not warned else at_ms if told.warned_ms < 0 else told.warned_ms

    def settle(self, departure_id: str, missed: bool, closed_ms: int) -> None:
        """The doors are shut: score what was said. One without forecasts, or settled before, is counted as unknown."""
        record = self.record
        told = record.open.pop(departure_id, None)
        if told is None:
            record.unknown += 1
            return
        ahead_ms = min(closed_ms, told.cutoff_ms) - told.warned_ms if told.warned_ms >= 0 else 0
        record.settled += 1
        record.true_warnings += missed and ahead_ms > 0
        record.missed_warnings += missed and ahead_ms <= 0
        record.false_warnings += ahead_ms > 0 and not missed
        record.warned_ahead[bin_of(ahead_ms)] += missed and ahead_ms > 0
        for lead, lead_ms, risk in zip(record.leads, LEADS_MS, told.risks, strict=True):
            if risk >= 0 and closed_ms >= told.cutoff_ms - lead_ms:
                for row in (lead, record.tenths[min(risk * TENTHS // 1000, TENTHS - 1)]):
                    row[:] = map(int.__add__, row, (1, missed, risk, (risk - 1000 * missed) ** 2))

    def report(self) -> ScoreReport:
        """What can be said so far."""
        record = self.record
        rows = [*record.leads, [sum(column) for column in zip(*record.leads, strict=True)]]
        lost = [ratio(square * count, 1000 * missed * (count - missed)) for count, missed, _, square in rows]
        return ScoreReport(
            brier_permille2=tuple(ratio(square, count) for count, _, _, square in rows),
            skill_permille=tuple(None if each is None else 1000 - each for each in lost),
            reliability=tuple((count, risk, missed) for count, missed, risk, _ in record.tenths),
            settled=record.settled,
            base_rate_permille=ratio(1000 * (record.true_warnings + record.missed_warnings), record.settled),
            true_warnings=record.true_warnings,
            false_warnings=record.false_warnings,
            missed_warnings=record.missed_warnings,
            lead_p50_ms=quantiles(record.warned_ahead, (1,), 2)[0] if record.true_warnings else None,
        )
