"""Pool lanes: lanes without a route of their own are given to who needs them, by load and by time left.

A lane is given to the units of a departure, a wave or an order (`holder`; see `holder_of`). It is taken away only when
it is empty, and then only because its holder has left or because another one is short while this one is not. Who comes
next is the one that would lose most without the best lane left for it (regret, as in Martello and Toth's heuristic
for the generalized assignment problem); who has no lane at all comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edge.messages import LaneAssigned, TaskKind, lane_location
from edge.wes.destinations import Key, holder_of, wave_of
from edge.wes.estimates import MINUTE_MS
from edge.wes.floor import Floor
from edge.wes.sort import DISABLED, JAM, LanePlan
from edge.wes.state import MachineRecord

DAY_MIN = 24 * 60
HOUR_MIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who wants lanes: `units` open, and the room for `fixed` of them in lanes of its route.

    `cutoff_ms` is None for a departure that nobody has scheduled.
    """

    holder: str
    cutoff_ms: int | None
    units: int
    fixed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLane:
    """A lane to give. All that lies in it belongs to `heir`, where one can say so; a closed one is not `usable`."""

    lane: int
    capacity: int
    holder: str = ""
    empty: bool = True
    usable: bool = True
    heir: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """The lane is the holder's from now on ("" = nobody's)."""

    lane: int
    holder: str
    reason: str


def allot(claims: Sequence[Claim], lanes: Sequence[PoolLane], now_ms: int) -> list[Gift]:
    """What changes hands, in order; asked again at once the answer is nothing."""
    wants = {claim.holder: claim for claim in claims}
    pool = {lane.lane: lane for lane in lanes}
    gifts: list[Gift] = []
    for lane in lanes:
        if not lane.holder or lane.holder in wants:
            continue
        if not lane.empty and lane.heir in wants:
            gifts.append(Gift(lane=lane.lane, holder=lane.heir, reason=f"what lies in it goes with {lane.heir} now"))
        elif lane.empty:
            gifts.append(Gift(lane=lane.lane, holder="", reason=f"nothing to come for {lane.holder}"))
        else:
            continue
        pool[lane.lane] = replace(lane, holder=gifts[-1].holder)
    while (gift := next_gift(wants, pool, now_ms)) is not None:
        gifts.append(gift)
        pool[gift.lane] = replace(pool[gift.lane], holder=gift.holder)
    last = {gift.lane: gift for gift in gifts}
    return [gift for gift in gifts if last[gift.lane] is gift]


def next_gift(wants: dict[str, Claim], pool: dict[int, PoolLane], now_ms: int) -> Gift | None:
    """The best lane for the one that would lose most without it; None when nobody is short or nothing is left."""
    room = {holder: claim.fixed for holder, claim in wants.items()}
    for lane in pool.values():
        if lane.usable and lane.holder in room:
            room[lane.holder] += lane.capacity
    left = [lane for lane in pool.values() if lane.usable and lane.empty and is_spare(lane, wants, room)]
    offers: list[tuple[bool, int, int, int, str, int]] = []
    """Has a lane, -regret, -worth, minutes left, holder, best lane: the smallest comes next."""
    for holder, claim in wants.items():
        short = claim.units - room[holder]
        if short <= 0 or not left:
            continue
        ranked = sorted(left, key=lambda lane, short=short: fit(lane, short))  # type: ignore[misc]
        minutes = minutes_left(claim, now_ms)
        weight = urgency(minutes)
        best = weight * min(short, ranked[0].capacity)
        regret = best - (weight * min(short, ranked[1].capacity) if len(ranked) > 1 else 0)
        offers.append((room[holder] > 0, -regret, -best, minutes, holder, ranked[0].lane))
    if not offers:
        return None
    _, _, _, minutes, holder, lane_number = min(offers)
    left_min = "no cutoff known" if wants[holder].cutoff_ms is None else f"{minutes} min to the cutoff"
    reason = f"{holder}: {wants[holder].units} units, room for {room[holder]}, {left_min}"
    return Gift(lane=lane_number, holder=holder, reason=reason)


def is_spare(lane: PoolLane, wants: dict[str, Claim], room: dict[str, int]) -> bool:
    """Nobody's, or not needed by its holder, whose other lanes are enough."""
    return not lane.holder or room[lane.holder] - lane.capacity >= wants[lane.holder].units


def fit(lane: PoolLane, short: int) -> tuple[bool, bool, int, int]:
    """The smallest lane that is enough, else the largest; rather one that is nobody's."""
    enough = lane.capacity >= short
    return not enough, bool(lane.holder), lane.capacity if enough else -lane.capacity, lane.lane


def urgency(minutes: int) -> int:
    """A weight from 25 (the cutoff is here) down to 1 (a day or more ahead)."""
    return 1 + DAY_MIN // (max(0, minutes) + HOUR_MIN)


def minutes_left(claim: Claim, now_ms: int) -> int:
    """To its cutoff; a day where nobody knows."""
    return DAY_MIN if claim.cutoff_ms is None else (claim.cutoff_ms - now_ms) // MINUTE_MS


# The engine's side


def look_again(floor: Floor) -> None:
    """Units came or went: pool lanes may be needed elsewhere."""
    for plan in floor.plans.values():
        plan.stale = plan.pooled


def moved(floor: Floor, *cutoffs_ms: int) -> None:
    """A departure was scheduled or has closed; the waves of these cutoffs are made up anew by it."""
    if not floor.destinations.by_departure:
        return
    floor.destinations.aim_all()
    look_again(floor)
    waves = [wave_of(cutoff_ms) for cutoff_ms in cutoffs_ms]
    for machine_id, plan in floor.plans.items():
        machine = floor.machine(machine_id)
        for position in plan.pool if machine is not None and plan.lane_by == "wave" else ():
            if machine is not None and machine.lanes.given[position] in waves:
                say(floor, machine, plan, position, "the departures of this cutoff have changed")


def assign(floor: Floor) -> None:
    """Give pool lanes to who needs them, where something has changed."""
    for machine_id, plan in floor.plans.items():
        machine = floor.machine(machine_id)
        if not plan.stale or machine is None:
            continue
        plan.stale = False
        claims = claims_on(floor, plan)
        gifts = allot(claims, pool_of(floor, machine, plan, claims), floor.now_ms)
        for gift in gifts:
            machine.lanes.given[plan.position[gift.lane]] = gift.holder
            say(floor, machine, plan, plan.position[gift.lane], gift.reason)
        if gifts:
            floor.destinations.aim_all()


def claims_on(floor: Floor, plan: LanePlan) -> list[Claim]:
    """Everybody with open units and every departure still to leave; packed units count, and those to be packed."""
    departures = floor.state.departures
    coming = [((record.route, name, ""), to_come(floor, name)) for name, record in departures.items()]
    return claims_of(floor, plan, coming if plan.lane_by != "order" else [])


def foreseen(floor: Floor, machine: MachineRecord, plan: LanePlan, inside: Mapping[Key, int]) -> list[str]:
    """Who would hold each lane of a sorter, by position, if the units that are inside the zones were packed by now."""
    departures = floor.state.departures
    to_leave = [((record.route, name, ""), 0) for name, record in departures.items() if plan.lane_by != "order"]
    claims = claims_of(floor, plan, [*inside.items(), *to_leave])
    holders = list(machine.lanes.given)
    for gift in allot(claims, pool_of(floor, machine, plan, claims), floor.now_ms):
        holders[plan.position[gift.lane]] = gift.holder
    return holders


def claims_of(floor: Floor, plan: LanePlan, coming: Sequence[tuple[Key, int]]) -> list[Claim]:
    """What is packed, and what is coming."""
    destinations, departures = floor.destinations, floor.state.departures
    packed = [(destinations.keys[number], units) for number, units in destinations.units.items()]
    claims: dict[str, Claim] = {}
    counted: dict[tuple[str, str], None] = {}
    for key, units in [*packed, *coming]:
        holder = holder_of(plan.lane_by, key, departures)
        if not holder:
            continue
        route, departure = key[0], departures.get(key[1])
        claim = claims.get(holder)
        if claim is None:
            claim = Claim(holder=holder, cutoff_ms=departure.cutoff_ms if departure else None, units=0)
        fixed = 0 if (holder, route) in counted else sum(plan.capacity[p] for p in plan.first.get(route, []))
        counted[holder, route] = None
        claims[holder] = replace(claim, units=claim.units + units, fixed=claim.fixed + fixed)
    return list(claims.values())


def to_come(floor: Floor, departure_id: str) -> int:
    """Handling units of a departure that are still to be packed."""
    work = floor.work.get(departure_id)
    return work.kinds.get(TaskKind.PACK, 0) if work is not None else 0


def pool_of(floor: Floor, machine: MachineRecord, plan: LanePlan, claims: Sequence[Claim]) -> list[PoolLane]:
    lanes = machine.lanes
    holders = [claim.holder for claim in claims]
    pool = []
    for position in plan.pool:
        holder, empty = lanes.given[position], lanes.load[position] + lanes.bound[position] == 0
        left = bool(holder) and not empty and holder not in holders
        pool.append(
            PoolLane(
                lane=lanes.lanes[position],
                capacity=lanes.capacity[position],
                holder=holder,
                empty=empty,
                usable=not lanes.closed[position] & (DISABLED | JAM),
                heir=heir_of(floor, machine, plan, position) if left else "",
            )
        )
    return pool


def heir_of(floor: Floor, machine: MachineRecord, plan: LanePlan, position: int) -> str:
    """Who holds all that lies in a lane or is on its way there; "" when that is several or cannot be said."""
    lanes, units = machine.lanes, floor.state.units
    location = lane_location(machine.machine_id, lanes.lanes[position])
    inside = [unit for unit in units.values() if unit.location == location]
    bound = [units.get(hu_id) for hu_id, ride in machine.riding.items() if ride.lane == lanes.lanes[position]]
    known = [unit for unit in (*inside, *bound) if unit is not None]
    if len(known) < lanes.load[position] + lanes.bound[position]:
        return ""
    keys = [(unit.route, unit.departure_id, unit.order_id) for unit in known]
    names = dict.fromkeys(holder_of(plan.lane_by, key, floor.state.departures) for key in keys)
    return next(iter(names)) if len(names) == 1 else ""


def say(floor: Floor, machine: MachineRecord, plan: LanePlan, position: int, reason: str) -> None:
    """Tell everybody whose lane it is."""
    holder, departures = machine.lanes.given[position], floor.state.departures
    members = [holder] if holder else [""]
    if plan.lane_by == "order" and holder:
        members = [key[1] for key in floor.destinations.numbers if key[2] == holder][:1] or [""]
    elif plan.lane_by == "wave" and holder:
        members = [name for name in departures if holder_of("wave", ("", name, ""), departures) == holder] or [holder]
    floor.say(
        LaneAssigned(
            at_ms=floor.now_ms,
            machine_id=machine.machine_id,
            lane=machine.lanes.lanes[position],
            departure_id=members[0],
            reason=reason,
            order_id=holder if plan.lane_by == "order" else "",
            also=tuple(members[1:]),
        )
    )
