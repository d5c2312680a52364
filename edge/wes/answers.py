"""What a packed answer of `sort` says: code, lanes, and the reason in words."""

from dataclasses import dataclass

from edge.messages import DecisionCode
from edge.wes.sort import (
    ALTERNATE,
    ALTERNATE_SHIFT,
    DISABLED,
    FIRST_CHOICE,
    FULL,
    JAM,
    LANE_SHIFT,
    LANES_UNAVAILABLE,
    MAX_RECIRC,
    NO_LANE,
    RATE_LIMIT,
    UNKNOWN,
    WHY_SHIFT,
    LanePlan,
)
from edge.wes.state import LaneTable, UnitRecord

RATED = 8
"""The PLC lets no unit into the lane for a while (its divert-rate limiter); beside DISABLED, FULL and JAM."""
WORDS = {DISABLED: "disabled", FULL: "full", JAM: "jammed", RATED: "rate limited"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to answer; `first_choice` is False when no lane of the destination itself could take the unit."""

    code: DecisionCode
    lane: int = 0
    alternate: int = 0
    reason: str
    first_choice: bool = True


def why_of(packed: int) -> int:
    return packed >> WHY_SHIFT & 15


def choice_of(packed: int, reason: str) -> Choice:
    """A packed answer with its words."""
    return Choice(
        code=DecisionCode(packed & 15),
        lane=packed >> LANE_SHIFT & 0xFFFF,
        alternate=packed >> ALTERNATE_SHIFT & 0xFFFF,
        reason=reason,
        first_choice=why_of(packed) not in (ALTERNATE, LANES_UNAVAILABLE, RATE_LIMIT, MAX_RECIRC),
    )


def reason_for(plan: LanePlan, lanes: LaneTable, packed: int, unit: UnitRecord, recirc_count: int, now_ms: int) -> str:
    """Why this is the answer for a unit, from the lanes as they were when it was made."""
    why, route = why_of(packed), unit.route
    if why == UNKNOWN:
        return "UNKNOWN_BARCODE"
    if why == NO_LANE:
        return f"NO_LANE_FOR_ROUTE {route}"
    first, second = plan.row(plan.barcodes.find(unit.hu_id))
    trouble = ", ".join(f"lane {lanes.lanes[position]} {state_of(plan, lanes, position, now_ms)}" for position in first)
    if why in (FIRST_CHOICE, ALTERNATE):
        position = plan.position[packed >> LANE_SHIFT & 0xFFFF]
        holder = lanes.given[position] if lanes.given else ""
        name = f"{holder} (route {route})" if holder else f"route {route}"
        reason = f"{name}: lane {lanes.lanes[position]} has {lanes.load[position]} of {lanes.capacity[position]}"
        return f"{reason}, alternate because {trouble}" if why == ALTERNATE and trouble else reason
    trouble = trouble or ", ".join(
        f"lane {lanes.lanes[position]} {state_of(plan, lanes, position, now_ms)}" for position in second
    )
    trouble = trouble or "no pool lane is free"
    if why == MAX_RECIRC:
        return f"MAX_RECIRC {recirc_count} rounds: {trouble}"
    word = "RATE_LIMIT" if why == RATE_LIMIT else "LANES_UNAVAILABLE"
    return f"{word} {route}: {trouble}, round {recirc_count + 1} of {plan.max_recirc}"


def state_of(plan: LanePlan, lanes: LaneTable, position: int, now_ms: int) -> str:
    """Why a lane cannot take a unit, in words; "open" if it can."""
    said = [word for bit, word in WORDS.items() if lanes.closed[position] & bit]
    if said:
        return " and ".join(said)
    if lanes.load[position] + lanes.bound[position] >= lanes.capacity[position]:
        return "full"
    gap_ms = plan.gap_ms[position]
    if gap_ms and now_ms - lanes.sent_ms[position] < gap_ms:
        return f"takes one unit in {gap_ms} ms"
    return "open"
