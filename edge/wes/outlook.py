"""The live floor as a forecast needs it: a fork of the board with units, departures and zones, and the times learnt.

And back: rows and numbers of a forecast as names and words.
"""

from collections.abc import Iterable, Sequence

from edge.messages import (
    DepartureOutlook,
    ForecastMade,
    Gate,
    Remedy,
    ResourceKind,
    Task,
    TaskKind,
    lane_location,
)
from edge.wes.arrivals import enter_arrivals
from edge.wes.berths import Berth, Berths
from edge.wes.board import INSIDE, LOAD, MOVING, NONE, PACK, PICK, QUEUED, STAGED
from edge.wes.calibrate import TRANSIT
from edge.wes.chance import Tables, Timetable
from edge.wes.congestion import first_down
from edge.wes.copying import Copy, class_of
from edge.wes.dispatch import STRATEGIES
from edge.wes.estimates import KIND_ROWS, weight_of
from edge.wes.floor import Floor
from edge.wes.forecast import RISKY_PERMILLE, Binding, Forecast, Outlook
from edge.wes.notes import LANES, NEVER_MS, ROOM, STATION
from edge.wes.notes import TRANSIT as RIDE
from edge.wes.on_way import OnWay, destination_of
from edge.wes.plan import PEOPLE
from edge.wes.release import later_ms, tasks_of
from edge.wes.remedies import ADD, EXPEDITE, MOVE, OPEN, Action
from edge.wes.state import UnitPlace, WipRecord

KINDS = {row: kind for kind, row in KIND_ROWS.items()}
UNIT_STATES = {
    UnitPlace.PACKED: MOVING,
    UnitPlace.CONVEYOR: MOVING,
    UnitPlace.SORTER: MOVING,
    UnitPlace.LANE: STAGED,
    UnitPlace.MISSING: MOVING,
}
NEVER_RISKY = 1001
NO_LIMIT = 1 << 30
DOCK = "DOCK"
"""The zone of the LOADs where the site names no dock."""
SPREAD_PERMILLE = 300
"""Learnt times are never quite those of the hours to come, and more orders come: so much slower or faster are futures.

Chosen on the tuning seeds of `./run exam warning`; without it futures agree with each other more than with the floor.
"""
TIDE_PERMILLE = (0, 1200)
"""Orders never come as they did: in some futures hardly any do, in some a fifth more. Chosen like the spread."""
STANDSTILL_MS = 600_000
"""A machine that is down now, or a destination without a lane, is expected to be so for so much longer."""


def copy_of(floor: Floor) -> Copy:
    """Everything a forecast wants, sharing nothing that changes."""
    plan = floor.plan
    copy = Copy(plan.board.fork(), Tables(0, 0), Timetable(), floor.now_ms, site=floor.state.site)
    copy.classes = list(plan.class_keys)
    copy.groups = [
        f"{'people' if group[0] is ResourceKind.PERSON else group[0].value} {'/'.join(group[1])}"
        for group in plan.groups
    ]
    copy.movable = [group[0] is ResourceKind.PERSON for group in plan.groups]
    enter_zones(floor, copy)
    enter_departures(floor, copy)
    enter_lanes(floor, copy)
    enter_units(floor, copy)
    enter_links(floor, copy)
    enter_packs(floor, copy)
    enter_times(floor, copy)
    enter_standstills(floor, copy)
    return copy


def enter_zones(floor: Floor, copy: Copy) -> None:
    """Every zone; the last row is for units of no zone."""
    load_cls = load_class(floor, copy)
    copy.zones = [*floor.zones, ""]
    for number, name in enumerate(copy.zones, start=1):
        room = floor.zones[name].wip_max if name else NO_LIMIT
        copy.board.add_zone(number, room, load_cls, NONE)
    stations: dict[str, int] = {}
    for row, zone in enumerate(floor.zones.values()):
        if zone.pack_station:
            station = stations.setdefault(zone.pack_station, len(stations))
            copy.timetable.stations.append((row, station, zone.station_max or NO_LIMIT))


def load_class(floor: Floor, copy: Copy) -> int:
    """The class of the LOADs to come: in the zone of the dock as the WMS plans them, in any lane; -1: no lanes."""
    site, sorters = floor.state.site, floor.configs("sorter")
    lanes = [lane_location(machine.machine_id, lane.lane) for machine in sorters for lane in machine.lanes]
    if site is None or not lanes:
        return NONE
    docks = [place for place in site.places if place.kind == "dock"]
    areas = [floor.travel.area_of(name) for name in (*lanes, *(place.location for place in docks))]
    zone = docks[0].zone if docks else DOCK
    return class_of(floor, copy, (zone, TaskKind.LOAD.value, PEOPLE, min(areas), max(areas) + 1))


def enter_departures(floor: Floor, copy: Copy) -> None:
    """Departures that anything open belongs to, where their units lie, and whether any lane takes them now."""
    wanted = {each.departure_id: None for each in floor.state.wip.values()}
    wanted |= {each.departure_id: None for each in floor.state.units.values()}
    wanted |= dict.fromkeys(floor.work)
    berths = Berths(floor, OnWay(floor))
    now = floor.plan.rel(floor.now_ms)
    for number, departure_id in enumerate(wanted, start=1):
        record = floor.state.departures.get(departure_id)
        if record is None:
            continue
        key = destination_of(floor, departure_id)
        lanes = berths.of(key)
        area = floor.travel.area_of(lane_location(*lanes[0])) if lanes else 0
        row = copy.board.add_departure(number, floor.plan.rel(record.cutoff_ms), area)
        copy.departures[row], copy.cutoffs[departure_id] = departure_id, record.cutoff_ms
        if berths.are_shut(key):
            copy.timetable.lanes.append((row, now, now + STANDSTILL_MS))


def enter_lanes(floor: Floor, copy: Copy, shut: Sequence[str] = ()) -> None:
    """The room in the lanes that each departure may use, and in those of all that share some; `shut` ones have none.

    Pool lanes count for everybody who may be given one, as they go to who needs them.
    """
    berths = Berths(floor, OnWay(floor))
    tables = {name: machine.lanes for name, machine in floor.state.machines.items()}
    lanes_of: dict[int, list[Berth]] = {}
    groups: list[dict[Berth, None]] = []
    for row, departure_id in copy.departures.items():
        found = berths.may_have(destination_of(floor, departure_id))
        mine = [each for each in found if lane_location(each[0], tables[each[0]].lanes[each[1]]) not in shut]
        if not mine:
            continue  # nothing gets there at all: see enter_departures
        lanes_of[row] = mine
        near = [group for group in groups if any(each in group for each in mine)]
        groups = [group for group in groups if group not in near]
        groups.append(dict.fromkeys([each for group in (mine, *near) for each in group]))

    def units(lanes: Iterable[Berth]) -> int:
        return sum(tables[sorter].capacity[position] for sorter, position in lanes)

    copy.timetable.shared = [units(group) for group in groups]
    copy.timetable.berths = [
        (row, next(number for number, group in enumerate(groups) if mine[0] in group), units(mine))
        for row, mine in lanes_of.items()
    ]


def enter_units(floor: Floor, copy: Copy) -> None:
    """Handling units in work, on the machines and in the lanes; one whose place nobody knows is looked for."""
    board, rows = copy.board, {name: row for row, name in copy.departures.items()}
    zones = {name: row for row, name in enumerate(copy.zones)}
    nowhere = len(copy.zones) - 1
    number = 0
    for wip in floor.state.wip.values():
        if wip.departure_id in rows and wip.hu_id not in floor.state.units:
            number += 1
            row = copy.units[wip.hu_id] = board.add_unit(
                number, zones[wip.zone], INSIDE if wip.inside else QUEUED, wip.rank - floor.state.origin_ms,
                rows[wip.departure_id], floor.plan.rel(wip.planned_ms), int(wip.robot),
            )  # fmt: skip
            if not wip.inside and not wip.late and wip.hu_id in floor.hu_tasks:
                copy.timetable.turns.append((floor.plan.rel(wip.last_ms + 1), row, late_rank(floor, wip)))
    for unit in floor.state.units.values():
        if unit.departure_id in rows:
            number += 1
            since_ms = floor.plan.rel(unit.packed_ms or floor.now_ms)
            copy.units[unit.hu_id] = board.add_unit(
                number, zones.get(unit.zone, nowhere), UNIT_STATES[unit.place], 0, rows[unit.departure_id], since_ms, 0
            )


def late_rank(floor: Floor, wip: WipRecord) -> int:
    """The rank of a waiting unit once it can no longer be in time (`release.place`)."""
    aims_ms = max(wip.planned_ms - wip.last_ms, 0) + later_ms(floor, tasks_of(floor, wip.hu_id))
    return wip.rank + aims_ms - floor.state.origin_ms


def enter_links(floor: Floor, copy: Copy) -> None:
    """Which unit and departure each task belongs to, and what it waits for."""
    board, rows = copy.board, {name: row for row, name in copy.departures.items()}
    units, departures, counts = board.t_unit, board.t_departure, board.u_tasks
    for record in floor.state.tasks.values():
        task = record.task
        unit = copy.units.get(task.hu_id, NONE)
        units[record.row] = unit
        departures[record.row] = rows.get(task.departure_id, NONE)
        if unit >= 0:
            counts[unit] += 1
        for before in record.waiting_for:
            other = floor.state.tasks.get(before)
            if other is not None:
                board.wait_for(record.row, other.row)


def enter_packs(floor: Floor, copy: Copy) -> None:
    """The PACK that the WMS will plan once the picks of a unit are done."""
    board, copy.last_task = copy.board, floor.state.last_task
    for hu_id, unit in copy.units.items():
        wip = floor.state.wip.get(hu_id)
        if wip is None or wip.pack or hu_id in floor.state.units:
            continue
        records = [floor.state.tasks[task_id] for task_id in floor.hu_tasks.get(hu_id, ())]
        zone, departure = floor.zones[wip.zone], floor.state.departures[wip.departure_id]
        task = Task(
            task_id="", kind=TaskKind.PACK, zone=wip.zone, skill=TaskKind.PACK.value, source=zone.pack_station,
            target="", due_ms=departure.cutoff_ms, departure_id=wip.departure_id,
        )  # fmt: skip
        copy.last_task += 1
        area, tail = floor.travel.area_of(task.source), floor.estimates.tail_ms(task.kind, task.zone)
        row = board.add_task(
            NONE, copy.last_task, PACK, class_of(floor, copy, floor.plan.class_key(task)), area, area,
            max((weight_of(each.task.priority) for each in records), default=4),
            floor.estimates.work_ms(task.kind, task.zone),
            floor.plan.rel(task.due_ms) - tail, floor.plan.rel(floor.plan.next_cutoff_ms(task)) - tail, unit,
            board.u_departure[unit],
        )  # fmt: skip
        for record in records:
            board.wait_for(row, record.row)


def enter_times(floor: Floor, copy: Copy) -> None:
    """The learnt times, by class of work and by zone."""
    copy.tables = Tables(len(copy.classes), len(copy.zones))
    known: dict[tuple[str, str], int] = {}

    def table(kind: str, zone: str) -> int:
        key = (kind, zone)
        if key not in known:
            known[key] = copy.tables.enter(floor.times.table(kind, zone))
        return known[key]

    for cls, key in enumerate(copy.classes):
        kind = next((each for each in TaskKind if key[1].split("+")[0] == each), None)
        if kind is not None:
            copy.tables.work[KIND_ROWS[kind] * copy.tables.classes + cls] = table(kind, key[0])
    for row, zone in enumerate(copy.zones):
        copy.tables.transit[row] = table(TRANSIT, zone)


def enter_standstills(floor: Floor, copy: Copy) -> None:
    """A zone whose machines are down stands still for a while; a robot that is down is OFF on the board already."""
    now = floor.plan.rel(floor.now_ms)
    for row, name in enumerate(copy.zones[:-1]):
        if first_down(floor, floor.zones[name]):
            copy.timetable.closings.append((row, now, now + STANDSTILL_MS))


def forecast(floor: Floor, copy: Copy, futures: int, seed: int, *, actions: bool = True) -> Forecast:
    """The forecast of a copy, to be worked off in slices; without `actions` nothing is tried for departures at risk.

    The copy is given the units that nobody has planned yet.
    """
    enter_arrivals(floor, copy)
    return Forecast(
        copy.board, copy.tables, STRATEGIES[floor.state.dispatch], floor.state.tuning,
        floor.plan.rel(copy.asked_ms), futures, seed, copy.timetable, movable=copy.movable,
        risky_permille=RISKY_PERMILLE if actions else NEVER_RISKY, spread_permille=SPREAD_PERMILLE,
        tide_permille=TIDE_PERMILLE,
    )  # fmt: skip


def in_words(copy: Copy, binding: Binding) -> str:
    """What a departure waits for most."""
    zone = f" in zone {copy.zones[binding.zone]}" if 0 <= binding.zone < len(copy.zones) - 1 else ""
    share = f" ({binding.share_permille // 10} % of all waiting)"
    if binding.stage == RIDE:
        return f"the machines behind zone {copy.zones[binding.zone]}{share}"
    if binding.stage == ROOM:
        return f"room{zone}{share}"
    if binding.stage == STATION:
        return f"room at the pack station of zone {copy.zones[binding.zone]}{share}"
    if binding.stage == LANES:
        return f"room in its lanes{share}"
    if binding.stage == NONE:
        return "nothing"
    hands = copy.classes[binding.cls][1] if 0 <= binding.cls < len(copy.classes) else KINDS[binding.stage].value
    busy = f", busy {binding.load_permille // 10} %" if binding.group >= 0 else ""
    return f"hands for {hands}{zone}{busy}{share}"


def told(floor: Floor, copy: Copy, found: tuple[Outlook, ...], futures: int, at_ms: int) -> ForecastMade:
    """The result of a forecast as a message."""
    return ForecastMade(
        at_ms=at_ms,
        asked_ms=copy.asked_ms,
        futures=futures,
        departures=tuple(departure_told(floor, copy, each) for each in found if each.departure in copy.departures),
    )


def departure_told(floor: Floor, copy: Copy, each: Outlook) -> DepartureOutlook:
    origin_ms = floor.state.origin_ms

    def at(ms: int) -> int:
        return origin_ms + ms if 0 <= ms < NEVER_MS else 0

    departure_id = copy.departures[each.departure]
    return DepartureOutlook(
        departure_id=departure_id,
        cutoff_ms=copy.cutoffs[departure_id],
        units=each.units,
        miss_permille=each.miss.permille,
        low_permille=each.miss.low,
        high_permille=each.miss.high,
        missed_x10=each.missed_x10,
        finish_p10_ms=at(each.finish_p10_ms),
        finish_p50_ms=at(each.finish_p50_ms),
        finish_p90_ms=at(each.finish_p90_ms),
        binding=in_words(copy, each.binding),
        gates=tuple(
            Gate(
                step={PICK: "pick", PACK: "pack", LOAD: "load"}[gate.kind],
                latest_ms=at(gate.latest_ms),
                expected_ms=at(gate.p50_ms),
                miss_permille=gate.miss_permille,
            )
            for gate in each.gates
            if gate.p50_ms >= 0
        ),
        remedies=tuple(
            Remedy(action=action_in_words(copy, a), miss_permille=a.miss_permille) for a in each.actions[:3]
        ),
    )


def action_in_words(copy: Copy, action: Action) -> str:
    """What could be done, as a shift lead would say it."""
    people = copy.groups[action.group] if 0 <= action.group < len(copy.groups) else "people"
    if action.kind == EXPEDITE:
        queued = f"let its {action.units} waiting units in now and " if action.units else ""
        return f"{queued}do its work first"
    if action.kind == OPEN:
        return "get its machines and its lane running"
    if action.kind == MOVE:
        return f"move one to {people}"
    if action.kind == ADD:
        return f"add one to {people}"
    then = copy.departures.get(action.next_departure, "the next departure")
    return f"roll {action.units} units to {then}"
