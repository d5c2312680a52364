"""Machines, lanes and the handling units on them, folded from what PLCs and the WES said."""

from edge.messages import (
    DivertUnit,
    JobEnded,
    LaneAssigned,
    LaneChanged,
    MachineChanged,
    ScanStatus,
    SiteOpened,
    SortResult,
    StartJob,
    UnitArrived,
    UnitMissing,
    UnitScanned,
    UnitSorted,
    ZoneChanged,
    ZoneFault,
    lane_location,
)
from edge.messages.packml import time_of
from edge.page.picture import (
    LANES_MAX,
    MACHINES_MAX,
    UNITS_MAX,
    ZONES_MAX,
    LaneRow,
    MachineRow,
    Picture,
    UnitRow,
    ZoneRow,
    cut,
)

LEARN_SHIFT = 2
GONE = (SortResult.LOST, SortResult.FLUSHED, SortResult.UNKNOWN)


def site_opened(p: Picture, m: SiteOpened) -> None:
    """The layout; what was learned and counted stays."""
    state = p.state
    state.site = m.site
    for machine in m.site.machines[:MACHINES_MAX]:
        row = state.machines.get(machine.machine_id)
        if row is None:
            state.machines[machine.machine_id] = row = MachineRow(machine.machine_id, machine.kind)
        row.kind, row.zone = machine.kind, machine.zone
        p.touch("machines", machine.machine_id)
        for lane in machine.lanes[:LANES_MAX]:
            key = lane_location(machine.machine_id, lane.lane)
            found = state.lanes.get(key)
            if found is None:
                found = LaneRow(machine.machine_id, lane.lane, lane_ms=7_000 + 1_300 * (lane.lane - 1))
                state.lanes[key] = found
            found.capacity, found.routes = lane.capacity, list(lane.routes)
            roles = {machine.default_lane: "default", machine.hospital_lane: "hospital"}
            found.role = roles.get(lane.lane, "pool" if lane.pool else "")
            p.touch("lanes", key)
    p.touch("site")


def machine_changed(p: Picture, m: MachineChanged) -> None:
    row = machine(p, m.machine_id)
    if (m.state.name, m.link.value, cut(m.reason)) != (row.state, row.link, row.reason):
        row.state, row.link, row.reason, row.since_ms = m.state.name, m.link.value, cut(m.reason), m.at_ms
    if row.timed_ms:
        row.spent_ms[row.time] = row.spent_ms.get(row.time, 0) + max(0, m.at_ms - row.timed_ms)
    row.flow, row.time, row.timed_ms = m.flow.value, time_of(m).value, m.at_ms
    p.touch("machines", m.machine_id)


def zone_changed(p: Picture, m: ZoneChanged) -> None:
    """Shown while something is the matter with it."""
    key = f"{m.machine_id}/Z{m.zone:02}"
    if m.fault is ZoneFault.NONE and not m.accumulating:
        p.state.zones.pop(key, None)
    elif key in p.state.zones or len(p.state.zones) < ZONES_MAX:
        p.state.zones[key] = ZoneRow(m.machine_id, m.zone, m.fault.value, m.at_ms)
    else:
        p.drop("zones")
    p.touch("zones", key)


def lane_assigned(p: Picture, m: LaneAssigned) -> None:
    """A pool lane is somebody's now, or nobody's."""
    key = lane_location(m.machine_id, m.lane)
    row = p.state.lanes.get(key)
    if row is not None:
        row.holder = cut(m.order_id or " + ".join(name for name in (m.departure_id, *m.also) if name))
        p.touch("lanes", key)


def lane_changed(p: Picture, m: LaneChanged) -> None:
    key = lane_location(m.machine_id, m.lane)
    row = p.state.lanes.get(key)
    if row is None:
        if len(p.state.lanes) >= LANES_MAX:
            p.drop("lanes")
            return
        row = p.state.lanes[key] = LaneRow(m.machine_id, m.lane)
    row.enabled, row.full, row.jam = m.enabled, m.full, m.jam
    row.almost_full, row.rate_limited = m.almost_full, m.rate_limited
    p.touch("lanes", key)


def unit_scanned(p: Picture, m: UnitScanned) -> None:
    """The scanner saw it: now we know exactly where it is."""
    row = machine(p, m.machine_id)
    known = m.status is ScanStatus.OK and m.barcode != ""
    if not known:
        p.total("no_reads")
    hu_id = m.barcode[:60] if known else f"{m.machine_id}#{m.tracking_id}"
    unit = p.state.units.get(hu_id)
    if unit is None:
        unit = add_unit(p, hu_id)
    took = m.at_ms - unit.since_ms
    if row.kind == "sorter":
        if unit.at == "infeed" and unit.machine_id == m.machine_id:
            row.infeed_ms = _learn(row.infeed_ms, took)
        elif unit.at == "round" and unit.machine_id == m.machine_id:
            row.round_ms = _learn(row.round_ms, took)
    elif unit.at == "belt" and unit.machine_id == m.machine_id:
        row.belt_ms = _learn(row.belt_ms, took)
    p.touch("machines", m.machine_id)
    forget_track(p, unit)
    move(p, unit, "sorter" if row.kind == "sorter" else "exit", m.at_ms, m.machine_id)
    if m.tracking_id:
        unit.tracking_id = m.tracking_id
        p.state.tracks[_track(m.machine_id, m.tracking_id)] = hu_id


def divert_unit(p: Picture, m: DivertUnit) -> None:
    unit = _tracked(p, m.machine_id, m.tracking_id)
    if unit is None:
        return
    unit.reason = cut(m.reason)
    if unit.at == "sorter" and m.lane:
        unit.lane = m.lane
    p.touch("units", unit.hu_id)


def unit_sorted(p: Picture, m: UnitSorted) -> None:
    """The PLC's word on what became of the unit."""
    unit = _tracked(p, m.machine_id, m.tracking_id)
    if m.result is not SortResult.HANDOVER:
        p.total("sorted")
        p.beat("sorted")
        if m.result is SortResult.RECIRCULATED:
            p.total("recirculated")
        elif m.result is not SortResult.DIVERTED:
            p.total("sorted_otherwise")
    if unit is None:
        return
    unit.result = m.result.name
    if m.result is SortResult.RECIRCULATED:
        unit.lane = 0
        move(p, unit, "round", m.at_ms, m.machine_id)
        return
    forget_track(p, unit)
    if unit.order_id == "" and "#" in unit.hu_id:
        remove_unit(p, unit)
    elif m.result is SortResult.HANDOVER:
        move(p, unit, "infeed", m.at_ms, _feeds(p, m.machine_id))
    elif m.result in GONE and not (m.result is SortResult.FLUSHED and m.lane):
        move(p, unit, "missing", m.at_ms, m.machine_id)
    elif m.lane:
        _rest(p, unit, m.machine_id, m.lane, m.at_ms)
    else:
        p.touch("units", unit.hu_id)


def unit_arrived(p: Picture, m: UnitArrived) -> None:
    unit = p.state.units.get(m.hu_id)
    if unit is None:
        unit = add_unit(p, m.hu_id)
    unit.result, unit.reason = m.result.name, cut(m.reason)
    rest_at(p, unit, m.location, m.at_ms)


def unit_missing(p: Picture, m: UnitMissing) -> None:
    p.total("missing")
    unit = p.state.units.get(m.hu_id)
    if unit is None:
        unit = add_unit(p, m.hu_id)
    unit.reason = cut(m.reason)
    forget_track(p, unit)
    move(p, unit, "missing", m.at_ms, m.machine_id)


def start_job(p: Picture, m: StartJob) -> None:
    machine(p, m.machine_id).job = cut(f"{m.quantity} × {m.sku} from {m.source}")
    p.touch("machines", m.machine_id)


def job_ended(p: Picture, m: JobEnded) -> None:
    row = machine(p, m.machine_id)
    row.job = ""
    row.jobs_done += 1
    p.touch("machines", m.machine_id)


def machine(p: Picture, machine_id: str) -> MachineRow:
    """The row of a machine; one nobody configured is shown all the same."""
    row = p.state.machines.get(machine_id)
    if row is None:
        row = MachineRow(machine_id, "")
        if len(p.state.machines) >= MACHINES_MAX:
            p.drop("machines")
        else:
            p.state.machines[machine_id] = row
            p.touch("machines", machine_id)
    return row


def add_unit(p: Picture, hu_id: str) -> UnitRow:
    """A new unit; the one that moved longest ago leaves a full table."""
    if len(p.state.units) >= UNITS_MAX:
        p.drop("units")
        remove_unit(p, next(iter(p.state.units.values())))
    unit = p.state.units[hu_id] = UnitRow(hu_id)
    return unit


def remove_unit(p: Picture, unit: UnitRow) -> None:
    """It was loaded, or nobody can say more about it."""
    forget_track(p, unit)
    _leave_lane(p, unit)
    p.state.units.pop(unit.hu_id, None)
    p.touch("units", unit.hu_id)


def move(p: Picture, unit: UnitRow, at: str, at_ms: int, machine_id: str) -> None:
    """It is somewhere else now; units stay in the order of their last move."""
    _leave_lane(p, unit)
    if unit.machine_id != machine_id:
        forget_track(p, unit)
    unit.at, unit.since_ms, unit.machine_id = at, at_ms, machine_id
    if at in ("belt", "exit", "infeed"):
        unit.lane = 0
    p.state.units[unit.hu_id] = p.state.units.pop(unit.hu_id)
    p.touch("units", unit.hu_id)


def rest_at(p: Picture, unit: UnitRow, location: str, at_ms: int) -> None:
    """Lies in the lane with that location now; other locations only end the ride."""
    lane = p.state.lanes.get(location)
    if lane is None:
        move(p, unit, "packed", at_ms, "")
    elif unit.at != "lane" or unit.lane != lane.lane or unit.machine_id != lane.machine_id:
        _rest(p, unit, lane.machine_id, lane.lane, at_ms)
    else:
        p.touch("units", unit.hu_id)


def forget_track(p: Picture, unit: UnitRow) -> None:
    """The tracking id is the PLC's to use again."""
    if unit.tracking_id:
        track = _track(unit.machine_id, unit.tracking_id)
        if p.state.tracks.get(track) == unit.hu_id:
            del p.state.tracks[track]
        unit.tracking_id = 0


def _rest(p: Picture, unit: UnitRow, machine_id: str, lane: int, at_ms: int) -> None:
    key = lane_location(machine_id, lane)
    row = p.state.lanes.get(key)
    if row is not None and unit.at == "sorter" and unit.machine_id == machine_id:
        row.lane_ms = _learn(row.lane_ms, at_ms - unit.since_ms)
    move(p, unit, "lane", at_ms, machine_id)
    unit.lane = lane
    if row is not None:
        row.count += 1
        p.touch("lanes", key)


def _leave_lane(p: Picture, unit: UnitRow) -> None:
    if unit.at != "lane":
        return
    key = lane_location(unit.machine_id, unit.lane)
    row = p.state.lanes.get(key)
    if row is not None and row.count > 0:
        row.count -= 1
        p.touch("lanes", key)


def _tracked(p: Picture, machine_id: str, tracking_id: int) -> UnitRow | None:
    return p.state.units.get(p.state.tracks.get(_track(machine_id, tracking_id), ""))


def _track(machine_id: str, tracking_id: int) -> str:
    return f"{machine_id}:{tracking_id}"


def _feeds(p: Picture, machine_id: str) -> str:
    machines = p.state.site.machines if p.state.site else ()
    return next((m.feeds for m in machines if m.machine_id == machine_id), "")


def _learn(known_ms: int, took_ms: int) -> int:
    took_ms = min(max(took_ms, 200), known_ms * 4)
    return known_ms + ((took_ms - known_ms) >> LEARN_SHIFT)
