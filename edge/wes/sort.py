# cython: language_level=3, annotation_typing=False
"""Which lane a unit on a sorter goes to (compiled with sort.pxd): look up, find room, else an alternate, else round."""

from dataclasses import dataclass

from edge.messages import DecisionCode, Machine

DISABLED = 1
FULL = 2
JAM = 4
WORDS = {DISABLED: "disabled", FULL: "full", JAM: "jammed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to answer; `first_choice` is False when no lane of the route itself could take the unit."""

    code: DecisionCode
    lane: int = 0
    alternate: int = 0
    reason: str
    first_choice: bool = True


class LanePlan:
    """The configured lanes of a sorter by position (lane order): which serve a route first, which as alternate."""

    def __init__(self, machine: Machine) -> None:
        self.machine_id = machine.machine_id
        self.default_lane = machine.default_lane
        self.hospital_lane = machine.hospital_lane
        self.max_recirc = machine.max_recirc
        self.first: dict[str, list[int]] = {}
        self.second: dict[str, list[int]] = {}
        self.position: dict[int, int] = {}
        for position, lane in enumerate(sorted(machine.lanes, key=lambda each: each.lane)):
            self.position[lane.lane] = position
            for route in lane.routes:
                self.first.setdefault(route, []).append(position)
            for route in lane.alternate_for:
                if route not in lane.routes:
                    self.second.setdefault(route, []).append(position)


def least_loaded(
    candidates: "list[int]",
    load: "list[int]",
    bound: "list[int]",
    capacity: "list[int]",
    closed: "list[int]",
    skip: int,
) -> int:
    """The open candidate with room and the fewest units in it and bound for it; -1 if none, ties to the first."""
    best = -1
    fewest = 0
    for position in candidates:
        if position == skip or closed[position]:
            continue
        units = load[position] + bound[position]
        if units >= capacity[position]:
            continue
        if best < 0 or units < fewest:
            best = position
            fewest = units
    return best


def state_of(position: int, load: "list[int]", bound: "list[int]", capacity: "list[int]", closed: "list[int]") -> str:
    """Why a lane cannot take a unit, in words; "open" if it can."""
    said = [word for bit, word in WORDS.items() if closed[position] & bit]
    if not said and load[position] + bound[position] >= capacity[position]:
        return "full"
    return " and ".join(said) or "open"


def decide(
    plan: LanePlan,
    lanes: "list[int]",
    capacity: "list[int]",
    load: "list[int]",
    bound: "list[int]",
    closed: "list[int]",
    route: str,
    recirc_count: int,
) -> Choice:
    """Where a known unit of this route goes, and why."""
    first = plan.first.get(route, [])
    second = plan.second.get(route, [])
    if not first and not second:
        return to_hospital(plan, f"NO_LANE_FOR_ROUTE {route}")
    chosen = least_loaded(first, load, bound, capacity, closed, -1)
    direct = chosen >= 0
    if not direct:
        chosen = least_loaded(second, load, bound, capacity, closed, -1)
    trouble = ", ".join(f"lane {lanes[p]} {state_of(p, load, bound, capacity, closed)}" for p in first)
    if chosen < 0:
        trouble = trouble or ", ".join(f"lane {lanes[p]} {state_of(p, load, bound, capacity, closed)}" for p in second)
        if recirc_count < plan.max_recirc:
            reason = f"LANES_UNAVAILABLE {route}: {trouble}, round {recirc_count + 1} of {plan.max_recirc}"
            return Choice(code=DecisionCode.RECIRC, reason=reason, first_choice=False)
        return to_hospital(plan, f"MAX_RECIRC {recirc_count} rounds: {trouble}", first_choice=False)
    other = least_loaded(first, load, bound, capacity, closed, chosen)
    if other < 0:
        other = least_loaded(second, load, bound, capacity, closed, chosen)
    reason = f"route {route}: lane {lanes[chosen]} has {load[chosen]} of {capacity[chosen]}"
    if not direct and trouble:
        reason += f", alternate because {trouble}"
    return Choice(
        code=DecisionCode.ROUTE,
        lane=lanes[chosen],
        alternate=lanes[other] if other >= 0 else 0,
        reason=reason,
        first_choice=direct,
    )


def to_hospital(plan: LanePlan, reason: str, first_choice: bool = True) -> Choice:
    """The lane where people look at what the sorter cannot place; without one the default lane, else a plain REJECT."""
    lane = plan.hospital_lane or plan.default_lane
    alternate = plan.default_lane if plan.default_lane != lane else 0
    code = DecisionCode.ROUTE if lane else DecisionCode.REJECT
    return Choice(code=code, lane=lane, alternate=alternate, reason=reason, first_choice=first_choice)
