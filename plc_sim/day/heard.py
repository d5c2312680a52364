"""What the box would hear of a happening on the floor: the events of a virtual day, as the equipment words them."""

from collections.abc import Iterator

from edge.messages import (
    JobEnded,
    LaneChanged,
    Link,
    MachineChanged,
    Message,
    PackMl,
    ScanStatus,
    SortResult,
    TaskDone,
    TaskStarted,
    UnitScanned,
    UnitSorted,
    ZoneChanged,
    ZoneFault,
)
from plc_sim.codes import JobError, JobResult
from plc_sim.conveyor import Conveyor
from plc_sim.events import (
    Happening,
    JobFinished,
    LaneState,
    PersonDone,
    PersonStarted,
    Report,
    Request,
    StateChanged,
    ZoneState,
)
from plc_sim.sorter import Sorter
from plc_sim.world import World


def heard(world: World, happening: Happening) -> Message:
    """The event; ring entries count as consumed at once."""
    if isinstance(happening, Request):
        return _request(world, happening)
    if isinstance(happening, Report):
        return _report(world, happening)
    if isinstance(happening, StateChanged):
        return _state(happening.machine_id, happening.state, happening.boot, happening.at_ms, happening.reason)
    if isinstance(happening, LaneState):
        return LaneChanged(
            at_ms=happening.at_ms,
            machine_id=happening.machine_id,
            lane=happening.lane,
            enabled=happening.enabled,
            full=happening.full,
            jam=happening.jam,
        )
    if isinstance(happening, ZoneState):
        return _zone(happening)
    if isinstance(happening, JobFinished):
        return _job(happening)
    if isinstance(happening, PersonStarted):
        return TaskStarted(at_ms=happening.at_ms, resource_id=happening.person, task_id=happening.task_id)
    return _done(happening)


def _request(world: World, request: Request) -> UnitScanned:
    scanner_of(world, request.machine_id).acknowledge_request(request.seq)
    return UnitScanned(
        at_ms=request.at_ms,
        machine_id=request.machine_id,
        boot=request.boot,
        seq=request.seq,
        tracking_id=request.tracking_id,
        decision_point=request.decision_point,
        status=ScanStatus(request.scan_status),
        barcode=request.barcode,
        recirc_count=request.recirc_count,
        budget_ms=request.budget_ms,
    )


def _report(world: World, report: Report) -> UnitSorted:
    scanner_of(world, report.machine_id).acknowledge_report(report.seq)
    return UnitSorted(
        at_ms=report.at_ms,
        machine_id=report.machine_id,
        boot=report.boot,
        seq=report.seq,
        tracking_id=report.tracking_id,
        lane=report.actual_lane,
        requested_lane=report.requested_lane,
        result=SortResult(report.result),
        reason=SortResult(report.reason),
        decision_seq=report.decision_seq,
        decision_latency_ms=report.decision_latency_ms,
        recirc_count=report.recirc_count,
    )


def scanner_of(world: World, machine_id: str) -> Sorter | Conveyor:
    """The scanner program of a sorter or conveyor."""
    kind = world.machines[machine_id].machine.kind
    return world.sorter(machine_id) if kind == "sorter" else world.conveyor(machine_id)


def _state(machine_id: str, state: int, boot: int, at_ms: int, reason: str) -> MachineChanged:
    return MachineChanged(
        at_ms=at_ms, machine_id=machine_id, state=PackMl(state), link=Link.GOOD, boot=boot, reason=reason
    )


def _zone(zone: ZoneState) -> ZoneChanged:
    fault = ZoneFault.SENSOR_JAM if zone.jam else ZoneFault.NONE
    return ZoneChanged(
        at_ms=zone.at_ms,
        machine_id=zone.machine_id,
        zone=zone.zone,
        fault=ZoneFault.ESTOP if zone.estop else fault,
        accumulating=zone.accumulating,
        blocked=zone.blocked,
        arrivals=zone.arrivals,
        departures=zone.departures,
        tracking_id=zone.tracking_id,
    )


def _job(job: JobFinished) -> JobEnded:
    words = {int(JobResult.OK): "OK", int(JobResult.SHORT): "SHORT"}
    failed = "PART_LOST" if job.error == JobError.PART_LOST else "FAULT"
    return JobEnded(
        at_ms=job.at_ms,
        machine_id=job.machine_id,
        job_id=job.job_id,
        result=words.get(job.result, failed),
        picked=job.picked,
        cycle_ms=job.cycle_ms,
        reason="" if job.result in words else JobError(job.error).name,
    )


def _done(done: PersonDone) -> TaskDone:
    return TaskDone(
        at_ms=done.at_ms,
        resource_id=done.person,
        task_id=done.task_id,
        quantity=done.quantity,
        scanned=done.scanned,
        reason=done.reason,
    )


def heard_first(world: World, machine_id: str) -> Iterator[Message]:
    """The first look at a PLC: its state, and every lane of a sorter."""
    machine = world.machines[machine_id]
    yield _state(machine_id, machine.state, machine.boot, world.now_ms, "first look")
    if isinstance(machine, Sorter):
        for lane in machine.machine.lanes:
            yield LaneChanged(
                at_ms=world.now_ms, machine_id=machine_id, lane=lane.lane, enabled=True, full=False, jam=False
            )
