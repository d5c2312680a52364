"""Checks of robot cells: the job handshake."""

from plc_sim.codes import JobError, JobResult, State
from plc_sim.conformance.header import running
from plc_sim.conformance.host import Failed, Host, Skipped
from plc_sim.ring import after

ACK_MAX_MS = 700
"""500 ms, and what our own looking adds."""
JOB_MAX_MS = 120_000
NO_JOB, PICK, NO_SUCH_JOB = 0, 1, 999
ACK = ("JobSeqAck", "JobIdEcho", "Busy", "Error", "ErrorCode")
END = ("JobSeqDone", "Busy", "Result", "PickedCount", "Error", "ErrorCode")


async def give(host: Host, job_id: int, job_no: int = PICK, quantity: int = 1, aisle: int | None = None) -> int:
    """A job, its number last; the number. Raises Skipped, Failed."""
    if not host.wishes.motion:
        raise Skipped("moves the robot: --motion, with nobody in the cell and a piece in --slot")
    await running(host)
    seq = after(await host.word("JobSeqAck"))
    await _write(host, seq, job_id, job_no, quantity, aisle)
    await host.until(ACK, lambda now: now["JobSeqAck"] == seq, ACK_MAX_MS, f"JobSeqAck {seq}")
    return seq


async def job(host: Host) -> str:
    """A job is acknowledged with its id, done, counted, and the robot is ready again."""
    seq = await give(host, 70_001)
    if (echo := await host.word("JobIdEcho")) != 70_001:
        raise Failed(f"JobIdEcho is {echo}; expected 70001: all 32 bits of the id come back")
    found, took_ms = await host.until(END, lambda now: now["JobSeqDone"] == seq, JOB_MAX_MS, f"JobSeqDone {seq}")
    if found["Result"] not in (JobResult.OK, JobResult.SHORT) or found["PickedCount"] > 1 or found["Busy"]:
        raise Failed(f"result {found['Result']}, {found['PickedCount']} picked, Busy {found['Busy']} for one piece")
    await host.until(("Ready",), lambda now: bool(now["Ready"]), 5000, "Ready after a job")
    return f"{found['PickedCount']} picked in {took_ms / 1000:.1f} s"


async def same_job(host: Host) -> str:
    """The same JobSeq again does not move the robot again."""
    seq = await give(host, 70_002)
    await host.until(END, lambda now: now["JobSeqDone"] == seq, JOB_MAX_MS, f"JobSeqDone {seq}")
    await host.wire.write({"JobSeq": seq})
    await host.stays(("JobSeqAck", "JobSeqDone", "Busy"), 2000, "the job was begun a second time")
    return f"JobSeq {seq} twice, one job"


async def late_job(host: Host) -> str:
    """An older JobSeq, come late, is not a job."""
    older = await give(host, 70_007, job_no=NO_SUCH_JOB)
    newest = await give(host, 70_008, job_no=NO_SUCH_JOB)
    await _write(host, older, 70_009, PICK, 1)
    await host.stays((*ACK, "JobSeqDone"), 2000, "a job with an older number was begun")
    return f"JobSeq {older} after {newest} ignored"


async def no_job(host: Host) -> str:
    """JobNo 0 is no job: its JobSeq is acknowledged and nothing else changes, in the middle of a job and after it."""
    seq = await give(host, 70_010)
    during = await _fence(host)
    wanted = f"JobSeqDone {seq} after JobNo 0 in the middle of the job"
    found, _ = await host.until(END, lambda now: now["JobSeqDone"] == seq, JOB_MAX_MS, wanted)
    if found["Result"] not in (JobResult.OK, JobResult.SHORT) or await host.word("JobIdEcho") != 70_010:
        raise Failed(f"the job before JobSeq {during} with JobNo 0 ended with Result {found['Result']}")
    names = ("JobIdEcho", *END)
    before = await host.read(*names)
    await _fence(host)
    if (now := await host.read(*names)) != before:
        raise Failed(f"JobNo 0 changed {', '.join(name for name in names if now[name] != before[name])}")
    return "taken, and nothing moved or changed"


async def _fence(host: Host) -> int:
    seq = after(await host.word("JobSeqAck"))
    await _write(host, seq, 0, NO_JOB, 0)
    await host.until(ACK, lambda now: now["JobSeqAck"] == seq, ACK_MAX_MS, f"JobSeqAck {seq} for JobNo 0")
    return seq


async def _write(host: Host, seq: int, job_id: int, job_no: int, quantity: int, aisle: int | None = None) -> None:
    """A job in one request, its number last."""
    _, bay, level = host.wishes.slot
    where = {"JobAisle": host.wishes.slot[0] if aisle is None else aisle, "JobBay": bay, "JobLevel": level}
    await host.wire.write({"JobNo": job_no, "JobId": job_id, **where, "JobQuantity": quantity, "JobSeq": seq})


async def bad_slot(host: Host) -> str:
    """A slot that is not there is refused before anything moves."""
    seq = await give(host, 70_003, aisle=60_000)
    return await _refused(host, seq, JobError.BAD_PARAMETER)


async def unknown_job(host: Host) -> str:
    """A job number nobody knows is refused before anything moves."""
    seq = await give(host, 70_004, job_no=NO_SUCH_JOB)
    return await _refused(host, seq, JobError.UNKNOWN_JOB)


async def while_busy(host: Host) -> str:
    """A second job does not disturb the first."""
    first = await give(host, 70_005)
    await give(host, 70_006)
    found = await host.read("ErrorCode", "JobIdEcho")
    if int(found["ErrorCode"]) != JobError.NOT_READY or int(found["JobIdEcho"]) != 70_005:
        raise Failed(f"ErrorCode {found['ErrorCode']}, JobIdEcho {found['JobIdEcho']}; expected 1 and 70005")
    await host.until(END, lambda now: now["JobSeqDone"] == first, JOB_MAX_MS, f"JobSeqDone {first}")
    return "refused, and the first was done"


async def _refused(host: Host, seq: int, error: JobError) -> str:
    found = await host.read("Error", "ErrorCode", "Busy", "StateCurrent")
    if not found["Error"] or int(found["ErrorCode"]) != error:
        raise Failed(f"JobSeq {seq}: ErrorCode {found['ErrorCode']}; expected {int(error)}")
    if found["Busy"] or int(found["StateCurrent"]) != State.EXECUTE:
        raise Failed("refused, and yet it moved or stopped")
    return f"refused with ErrorCode {int(error)}"
