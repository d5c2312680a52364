"""Conveyors: the exit of each one waits until the machine it feeds has room."""

from dataclasses import replace

from edge.messages import (
    DecisionCode,
    DivertUnit,
    Link,
    Machine,
    PackMl,
    ScanStatus,
    SortResult,
    UnitScanned,
    UnitSorted,
)
from edge.wes.congestion import is_crowded, on_machine
from edge.wes.floor import Floor
from edge.wes.sorters import (
    ANSWERS_MAX,
    GONE,
    TRACKING_MAX,
    enlist,
    is_stale,
    named,
    stray,
)
from edge.wes.state import MachineRecord, Ride, Track, UnitPlace, UnitRecord, remember
from edge.wes.units import expect, leave_sorter, missing, put_on_conveyor, seen


def scanned(floor: Floor, machine: MachineRecord, scan: UnitScanned) -> None:
    """Remember who waits at the exit; the answer follows as soon as there is room."""
    key = named(scan.boot, scan.seq)
    if is_stale(machine, scan.boot):
        return
    if key in machine.answers:
        floor.say(replace(machine.answers[key], at_ms=floor.now_ms))
        return
    waiting = machine.waiting
    if waiting is not None and (waiting.boot, waiting.seq) == (scan.boot, scan.seq):
        return
    floor.state.last_request += 1
    machine.waiting, machine.waiting_number = scan, floor.state.last_request
    unit = floor.state.units.get(scan.barcode) if scan.status is ScanStatus.OK else None
    if unit is not None:
        seen(floor, unit, machine.machine_id, UnitPlace.CONVEYOR)


def runs(machine: MachineRecord | None) -> bool:
    if machine is None or machine.awaited:
        return False
    return machine.link is Link.GOOD and machine.state is PackMl.EXECUTE


def let_pass(floor: Floor) -> None:
    """Hand on the units that wait, the longest waiting first, as far as the machines behind have room."""
    waiting = [m for m in floor.state.machines.values() if m.waiting is not None]
    for machine in sorted(waiting, key=lambda each: each.waiting_number):
        scan = machine.waiting
        config = floor.layout.machines.get(machine.machine_id)
        if scan is None or config is None:
            continue
        unit = floor.state.units.get(scan.barcode) if scan.status is ScanStatus.OK else None
        ride_id = unit.hu_id if unit else f"?{machine.machine_id}/{named(scan.boot, scan.seq)}"
        if may_pass(floor, config, ride_id):
            hand_on(floor, machine, config, scan, ride_id)


def may_pass(floor: Floor, config: Machine, ride_id: str) -> bool:
    if not config.feeds:
        return True
    target = floor.machine(config.feeds)
    return target is not None and runs(target) and not is_crowded(floor, target, ride_id)


def hand_on(floor: Floor, machine: MachineRecord, config: Machine, scan: UnitScanned, ride_id: str) -> None:
    """Answer PASS and count the unit as on its way to the sorter."""
    target = floor.machine(config.feeds)
    reason = "end of the line"
    if target is not None and config.feeds in floor.plans:
        enlist(floor, target, ride_id, Ride(boot=target.boot, via=machine.machine_id))
        maximum = floor.layout.machines[config.feeds].on_machine_max
        reason = f"{config.feeds} has room: {on_machine(target)}/{maximum}"
    elif target is not None:
        reason = f"{config.feeds} runs"
    hu_id = "" if ride_id.startswith("?") else ride_id
    if hu_id and config.feeds:
        expect(floor, hu_id)
    elif hu_id:
        floor.state.expected.pop(hu_id, None)
    answer = DivertUnit(
        at_ms=floor.now_ms,
        machine_id=machine.machine_id,
        boot=scan.boot,
        seq=scan.seq,
        tracking_id=scan.tracking_id,
        code=DecisionCode.PASS,
        hu_id=hu_id,
        reason=reason,
    )
    machine.waiting = None
    if not hu_id:
        stray(floor, machine.machine_id, scan)
    remember(machine.answers, named(scan.boot, scan.seq), answer, ANSWERS_MAX)
    remember(machine.tracking, scan.tracking_id, Track(boot=scan.boot, hu_id=hu_id, ride=ride_id), TRACKING_MAX)
    floor.say(answer)


def reported(floor: Floor, machine: MachineRecord, report: UnitSorted) -> None:
    """HANDOVER puts the unit on the next machine; one that is lost on the belt is not coming."""
    key = named(report.boot, report.seq)
    if key in machine.reports:
        return
    remember(machine.reports, key, report.tracking_id, ANSWERS_MAX)
    track = machine.tracking.get(report.tracking_id)
    if track is None or (track.boot != report.boot and report.result is not SortResult.FLUSHED):
        floor.state.reports_ignored += 1
        return
    unit = floor.state.units.get(track.hu_id)
    if report.result is SortResult.HANDOVER:
        if unit is not None and unit.place is UnitPlace.CONVEYOR:
            hand_over(floor, unit, floor.layout.machines[machine.machine_id].feeds)
    elif report.result in GONE:
        target = floor.machine(floor.layout.machines[machine.machine_id].feeds)
        if target is not None:
            leave_sorter(floor, target, track.ride)
        if track.hu_id:
            missing(floor, track.hu_id, machine.machine_id, report.result.name)
    else:
        return
    del machine.tracking[report.tracking_id]
    leave_queue(machine, track.hu_id)


def hand_over(floor: Floor, unit: UnitRecord, machine_id: str) -> None:
    """The unit rides on the next machine."""
    if machine_id in floor.plans:
        unit.place, unit.machine_id = UnitPlace.SORTER, machine_id
    else:
        put_on_conveyor(floor, unit.hu_id, machine_id)


def leave_queue(machine: MachineRecord, hu_id: str) -> None:
    """The unit is off the belt, and so are those that were put on it before."""
    if hu_id in machine.queue:
        del machine.queue[: machine.queue.index(hu_id) + 1]
