"""What is expected: forecasts of departures, made beside the loop from a copy of the state and reported as events."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A step of a departure: by when its last task must be done, and the risk (permille) that it is later."""

    step: str
    latest_ms: int
    expected_ms: int
    miss_permille: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """Something that could be done for a departure, and its risk (permille) if it were."""

    action: str
    miss_permille: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartureOutlook:
    """What the futures say of one departure.

    `miss_permille` is the share of futures in which a unit is not loaded at the cutoff, `low`..`high` its 95 %
    interval, `units` those there are and those expected to come, `missed_x10` ten times the ones expected to be left
    behind; finish times of its last unit at 10, 50 and
    90 %, 0 for not before the end of the forecast. `binding` says in words what it waits for most.
    """

    departure_id: str
    cutoff_ms: int
    units: int
    miss_permille: int
    low_permille: int
    high_permille: int
    missed_x10: int
    finish_p10_ms: int
    finish_p50_ms: int
    finish_p90_ms: int
    binding: str
    gates: tuple[Gate, ...] = ()
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastMade:
    """`futures` seeded futures of the floor as it was at `asked_ms`, told when they were done."""

    at_ms: int
    asked_ms: int
    futures: int
    departures: tuple[DepartureOutlook, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutoffAtRisk:
    """A departure will probably leave something behind; `action` is what would help most ("" = nothing tried did)."""

    at_ms: int
    departure_id: str
    cutoff_ms: int
    miss_permille: int
    missed_x10: int
    expected_ms: int
    binding: str
    action: str
    action_permille: int
