"""Sorters: answers to their scans, the truth of their reports, their lanes."""

from dataclasses import replace

from edge.messages import (
    DivertUnit,
    LaneChanged,
    ScanStatus,
    SortResult,
    UnitArrived,
    UnitScanned,
    UnitSorted,
    lane_location,
)
from edge.wes.alarms import HIGH, MEDIUM, clear_alarm, raise_alarm
from edge.wes.answers import RATED, Choice, choice_of, reason_for
from edge.wes.estimates import MINUTE_MS
from edge.wes.floor import Floor
from edge.wes.lanes import look_again
from edge.wes.sort import DISABLED, FULL, JAM
from edge.wes.state import MachineRecord, Ride, Track, UnitPlace, UnitRecord, remember
from edge.wes.units import (
    arrive,
    expect,
    has_room,
    lane_alarms,
    lane_moved,
    lane_position,
    leave_sorter,
    missing,
    runs_on,
    seen,
    send_to,
)

ANSWERS_MAX = 256
"""Answers and reports remembered per machine; a PLC's ring holds 4."""
TRACKING_MAX = 2000
RIDING_MAX = 2000
STRAYS_MAX = 1000
UNKNOWN_CLEAR_MS = 10 * MINUTE_MS
ON_ITS_WAY = (SortResult.NONE, SortResult.RECIRCULATED, SortResult.UNEXPECTED)
GONE = (SortResult.LOST, SortResult.FLUSHED, SortResult.UNKNOWN)
GIVEN_UP = "GIVEN_UP"
ONLY_UNREAD = (ScanStatus.NO_READ, ScanStatus.SCANNER_FAULT)
"""Nothing speaks against the unit being the one that was tracked; two barcodes or a wrong one would."""


def named(boot: int, seq: int) -> str:
    """A request or a report of one PLC, once and for all."""
    return f"{boot}/{seq}"


def is_stale(machine: MachineRecord, boot: int) -> bool:
    """A request of an earlier boot is void; one of a later boot tells us that the PLC has restarted."""
    machine.boot = max(machine.boot, boot)
    return boot < machine.boot


def scanned(floor: Floor, machine: MachineRecord, scan: UnitScanned) -> None:
    """Answer at once, and the same request always the same."""
    key = named(scan.boot, scan.seq)
    if is_stale(machine, scan.boot):
        return
    if key in machine.answers:
        floor.say(replace(machine.answers[key], at_ms=floor.now_ms))
        return
    unit = floor.state.units.get(scan.barcode) if scan.status is ScanStatus.OK else tracked(floor, machine, scan)
    ride_id = board(floor, machine, unit.hu_id if unit else "")
    if unit is not None:
        seen(floor, unit, machine.machine_id, UnitPlace.SORTER)
    choice = choose(floor, machine, scan, unit)
    hu_id = unit.hu_id if unit else ""
    if unit is not None:
        send_to(floor, machine, machine.riding[hu_id], choice.lane)
    reused(floor, machine, scan.tracking_id, hu_id)
    barcode = stray(floor, machine.machine_id, scan) if unit is None else ""
    track = Track(boot=scan.boot, hu_id=hu_id, ride=ride_id, barcode=barcode)
    remember(machine.tracking, scan.tracking_id, track, TRACKING_MAX)
    answer = DivertUnit(
        at_ms=floor.now_ms,
        machine_id=machine.machine_id,
        boot=scan.boot,
        seq=scan.seq,
        tracking_id=scan.tracking_id,
        code=choice.code,
        lane=choice.lane,
        alternate=choice.alternate,
        max_recirc=floor.plans[machine.machine_id].max_recirc,
        hu_id=hu_id,
        reason=choice.reason,
    )
    remember(machine.answers, key, answer, ANSWERS_MAX)
    floor.say(answer)


def tracked(floor: Floor, machine: MachineRecord, scan: UnitScanned) -> UnitRecord | None:
    """Which unit cannot be read now: the PLC still calls it what it called it when it was read a round ago."""
    track = machine.tracking.get(scan.tracking_id)
    if track is None or track.boot != scan.boot or track.hu_id not in machine.riding:
        return None
    return floor.state.units.get(track.hu_id)


def reused(floor: Floor, machine: MachineRecord, tracking_id: int, hu_id: str) -> None:
    """The PLC gives a unit the number of another that it never reported: that one has to be seen again soon."""
    before = machine.tracking.get(tracking_id)
    if before is None or before.hu_id == hu_id or before.hu_id not in machine.riding:
        return
    if before.hu_id in floor.state.units:
        expect(floor, before.hu_id)


def stray(floor: Floor, machine_id: str, scan: UnitScanned) -> str:
    """A readable barcode that names no unit (yet: its pack report may be late) is remembered with its place."""
    if scan.status is not ScanStatus.OK or scan.barcode in floor.state.delivered:
        return ""
    remember(floor.state.strays, scan.barcode, machine_id, STRAYS_MAX)
    return scan.barcode


def choose(floor: Floor, machine: MachineRecord, scan: UnitScanned, unit: UnitRecord | None) -> Choice:
    plan = floor.plans[machine.machine_id]
    if scan.status is not ScanStatus.OK and (unit is None or scan.status not in ONLY_UNREAD):
        return choice_of(plan.hospital, scan.status.name)
    if unit is None and scan.barcode in floor.state.delivered:
        return choice_of(plan.hospital, f"ALREADY_DELIVERED {floor.state.delivered[scan.barcode]}")
    if unit is None and scan.barcode in floor.state.voided:
        return choice_of(plan.hospital, GIVEN_UP)
    if unit is None:
        raise_alarm(
            floor,
            f"{machine.machine_id}:unknown_barcode",
            MEDIUM,
            f"{machine.machine_id} read a barcode nobody knows: {scan.barcode}",
            "Look at the unit in the hospital lane; was it packed and labelled here?",
            clear_at_ms=floor.now_ms + UNKNOWN_CLEAR_MS,
        )
        return choice_of(plan.hospital, "UNKNOWN_BARCODE")
    ride = machine.riding[unit.hu_id]
    send_to(floor, machine, ride, 0)
    rounds = count_rounds(ride, scan)
    packed = plan.decide(unit.hu_id, rounds, floor.now_ms)
    reason = reason_for(plan, machine.lanes, packed, unit, rounds, floor.now_ms)
    choice = choice_of(packed, reason if scan.status is ScanStatus.OK else f"{scan.status.name} this round, {reason}")
    if not choice.first_choice:
        say_full(floor, machine, plan.row(plan.barcodes.find(unit.hu_id))[0], unit.route)
    return choice


def count_rounds(ride: Ride, scan: UnitScanned) -> int:
    """How often the unit has gone round; a PLC that has restarted, or lost it and found it again, begins at 0."""
    if scan.recirc_count < ride.rounds:
        ride.earlier += ride.rounds
    ride.rounds = scan.recirc_count
    return ride.earlier + ride.rounds


def say_full(floor: Floor, machine: MachineRecord, positions: list[int], route: str) -> None:
    """Units wait for these lanes: raise the alarm of each that is full."""
    lanes = machine.lanes
    for position in positions:
        if not has_room(lanes, position):
            raise_alarm(
                floor,
                f"{machine.machine_id}:lane{lanes.lanes[position]:02}_full",
                MEDIUM,
                f"Lane {lanes.lanes[position]} of {machine.machine_id} is full and units of route {route} wait for it",
                "Load from this lane first",
            )


def board(floor: Floor, machine: MachineRecord, hu_id: str) -> str:
    """The unit was seen on the sorter: the name of its ride. One without a name takes that of the oldest unseen."""
    unseen = [key for key, each in machine.riding.items() if not each.scanned]
    unread = [key for key in unseen if key.startswith("?")]
    if not hu_id:
        hu_id = next(iter(unread or unseen), "")
    elif hu_id not in machine.riding:
        leave_sorter(floor, machine, next(iter(unread), ""))
        enlist(floor, machine, hu_id, Ride(boot=machine.boot))
    elif hu_id in unseen:
        # A belt keeps its order: what came along it before this unit and was never seen was taken off by hand.
        via = machine.riding[hu_id].via
        for key in unseen[: unseen.index(hu_id)]:
            if machine.riding[key].via == via and key not in unread:
                leave_sorter(floor, machine, key)
    ride = machine.riding.get(hu_id)
    if ride is not None:
        ride.boot, ride.scanned = machine.boot, True
    return hu_id


def enlist(floor: Floor, machine: MachineRecord, hu_id: str, ride: Ride) -> None:
    """Count the unit as on the sorter, behind all others."""
    leave_sorter(floor, machine, hu_id)
    if len(machine.riding) >= RIDING_MAX:
        leave_sorter(floor, machine, next(iter(machine.riding)))
    machine.riding[hu_id] = ride


def reported(floor: Floor, machine: MachineRecord, report: UnitSorted) -> None:
    """Book what became of a unit; the PLC's word is the truth, whatever was decided."""
    key = named(report.boot, report.seq)
    if key in machine.reports:
        return
    remember(machine.reports, key, report.tracking_id, ANSWERS_MAX)
    track = machine.tracking.get(report.tracking_id)
    if track is not None and track.boot != report.boot and report.result is not SortResult.FLUSHED:
        track = None
    rests = report.result is SortResult.FLUSHED and report.lane > 0 and track is not None
    if report.result in GONE and not rests:
        gone(floor, machine, track, report)
        return
    if report.result is SortResult.ESTOP:
        if track is not None and track.hu_id:
            missing(floor, track.hu_id, machine.machine_id, report.result.name)
        return
    if report.result is SortResult.HANDOVER:
        off(floor, machine, track, report)
        return
    if report.result in ON_ITS_WAY or report.lane <= 0:
        still_riding(floor, machine, track)
        return
    unit = off(floor, machine, track, report)
    if runs_on(floor, machine.machine_id, report.lane, unit):
        return
    reason = "" if report.reason is SortResult.NONE else report.reason.name
    arrive(floor, machine.machine_id, report.lane, unit, report.result, reason)
    if unit is None and track is not None and track.barcode in floor.state.strays:
        found_stray(floor, track.barcode, machine.machine_id, report)


def found_stray(floor: Floor, barcode: str, machine_id: str, report: UnitSorted) -> None:
    """A unit without a record has come to rest; of one that was given up the WMS hears, the first time."""
    location = lane_location(machine_id, report.lane)
    floor.state.strays[barcode] = location
    if barcode not in floor.state.voided:
        return
    del floor.state.voided[barcode], floor.state.strays[barcode]
    floor.say(
        UnitArrived(
            at_ms=floor.now_ms, hu_id=barcode, machine_id=machine_id, location=location, result=report.result,
            reason=GIVEN_UP,
        )
    )  # fmt: skip


def still_riding(floor: Floor, machine: MachineRecord, track: Track | None) -> None:
    """The unit goes round again; no lane waits for it until its next scan."""
    ride = machine.riding.get(track.ride) if track else None
    if ride is None:
        floor.state.reports_ignored += 1
    else:
        send_to(floor, machine, ride, 0)


def off(floor: Floor, machine: MachineRecord, track: Track | None, report: UnitSorted) -> UnitRecord | None:
    """The unit is off the sorter; which one it was, if that can be said."""
    if track is None:
        unseen = next((key for key, each in machine.riding.items() if not each.scanned), "")
        leave_sorter(floor, machine, unseen)
        return None
    leave_sorter(floor, machine, track.ride)
    del machine.tracking[report.tracking_id]
    return floor.state.units.get(track.hu_id or track.barcode)


def gone(floor: Floor, machine: MachineRecord, track: Track | None, report: UnitSorted) -> None:
    if track is None:
        floor.state.reports_ignored += 1
        return
    off(floor, machine, track, report)
    if track.hu_id:
        missing(floor, track.hu_id, machine.machine_id, report.result.name)


def lane_changed(floor: Floor, machine: MachineRecord, message: LaneChanged) -> None:
    """The PLC sees its lanes: its "full" counts, and its "not full" corrects a count that says otherwise."""
    position = lane_position(floor, machine.machine_id, message.lane)
    if position < 0:
        return
    lanes = machine.lanes
    lanes.closed[position] = (
        (0 if message.enabled else DISABLED)
        | (FULL if message.full else 0)
        | (JAM if message.jam else 0)
        | (RATED if message.rate_limited else 0)
    )
    if not message.full:
        lanes.load[position] = min(lanes.load[position], max(0, lanes.capacity[position] - 1))
    lane_moved(floor, machine, position)
    look_again(floor)
    lane_alarms(floor, machine, position)
    alarm_id = f"{machine.machine_id}:lane{message.lane:02}_jam"
    if message.jam:
        text = f"Lane {message.lane} of {machine.machine_id} is jammed"
        raise_alarm(floor, alarm_id, HIGH, text, "Go there, free the lane, then press CLEAR JAM")
    else:
        clear_alarm(floor, alarm_id)


def lane_cleared(floor: Floor, machine: MachineRecord, lane: int) -> None:
    """An operator opens a lane after looking at it: what lies there is what is known by name."""
    position = lane_position(floor, machine.machine_id, lane)
    location = lane_location(machine.machine_id, lane)
    known = sum(1 for unit in floor.state.units.values() if unit.location == location)
    machine.lanes.load[position] = min(machine.lanes.load[position], known)
    lane_moved(floor, machine, position)
    lane_alarms(floor, machine, position)
