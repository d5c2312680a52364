"""The MethodSet of a machine: the same commands, decisions and jobs as through the tags, as calls with an answer.

Each answers whether it was accepted, and the reason if not. A number as the last argument is that of the mailbox or the
job: it is taken once, a repetition is answered as before; 0 is a call without a number, carried out each time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from asyncua import ua
from asyncua.common.node import Node
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from plc_sim.codes import Cmd, CmdResult
from plc_sim.opcua.space import nodeid
from plc_sim.program import MAILBOX, SCAN_MS, Program
from plc_sim.robot import Robot
from plc_sim.scanner import ScannerProgram

WAIT_S = 0.5
"""A PLC that does not scan meanwhile answers BadTimeout."""
LOOK_S = 0.005
U16, U32, BOOL = ObjectIds.UInt16, ObjectIds.UInt32, ObjectIds.Boolean
INVALID = ua.StatusCode(ua.UInt32(StatusCodes.BadInvalidArgument))
TIMEOUT = ua.StatusCode(ua.UInt32(StatusCodes.BadTimeout))
PACKML = {
    "Reset": Cmd.RESET, "Start": Cmd.START, "Stop": Cmd.STOP, "Hold": Cmd.HOLD, "Unhold": Cmd.UNHOLD,
    "Suspend": Cmd.SUSPEND, "Unsuspend": Cmd.UNSUSPEND, "Abort": Cmd.ABORT, "Clear": Cmd.CLEAR,
    "Complete": Cmd.TO_COMPLETE,
}  # fmt: skip
OWN = {
    "ClearJam": (Cmd.CLEAR_JAM, ("Eye",)),
    "SetSpeed": (Cmd.SET_SPEED, ("Speed",)),
    "PurgeLane": (Cmd.PURGE_LANE, ("Lane",)),
    "Accumulate": (Cmd.ACCUMULATE, ("Zone", "On")),
    "Release": (Cmd.RELEASE, ("Zone",)),
}
DECISION = ("Seq", "TrackingId", "Dest1", "Dest2", "Code", "Flags", "MaxRecirc", "HostRef")
SLOT = ("SeqHead", "TrackingId", "Dest1", "Dest2", "DecisionCode", "Flags", "MaxRecirc", "HostRef", "SeqTail")
JOB = ("JobAisle", "JobBay", "JobLevel", "JobQuantity")

Answer = tuple[bool, int] | ua.StatusCode
Body = Callable[[Program, Sequence[Any]], Awaitable[Answer]]
Pause = Callable[[], Awaitable[None]]


async def add_methods(machine: Node, path: str, index: int, program: Program, pause: Pause) -> None:
    """The MethodSet of one machine; `pause` before each answer is the server's slowness."""
    folder = await machine.add_object(nodeid(f"{path}.MethodSet", index), ua.QualifiedName("MethodSet", index))
    outputs = [_argument("Accepted", BOOL), _argument("Reason", U16)]
    for name, inputs, body in _methods(program):

        async def call(_: ua.NodeId, *given: ua.Variant, body: Body = body, inputs: list[ua.Argument] = inputs) -> Any:
            if len(given) != len(inputs):
                return ua.StatusCode(ua.UInt32(StatusCodes.BadArgumentsMissing))
            if any(
                _kind(a) != v.VariantType or bool(v.is_array) != (a.ValueRank == 1)
                for a, v in zip(inputs, given, strict=True)
            ):
                return INVALID
            answer = await body(program, [variant.Value for variant in given])
            await pause()
            if isinstance(answer, ua.StatusCode):
                return answer
            return [ua.Variant(answer[0], ua.VariantType.Boolean), ua.Variant(answer[1], ua.VariantType.UInt16)]

        where = nodeid(f"{path}.MethodSet.{name}", index)
        await folder.add_method(where, ua.QualifiedName(name, index), call, inputs, outputs)


def _methods(program: Program) -> list[tuple[str, list[ua.Argument], Body]]:
    number = _argument("CmdSeq", U16)
    found = [(name, [number], _command(code, ())) for name, code in PACKML.items()]
    for name, (code, words) in OWN.items():
        found.append((name, [*(_argument(word, U16) for word in words), number], _command(code, words)))
    if isinstance(program, ScannerProgram):
        kinds = {"TrackingId": U32}
        found.append(("SetLane", [_argument("Lane", U16), _argument("Enabled", BOOL), number], _set_lane))
        found.append(("Decide", [_argument(name, kinds.get(name, U16)) for name in DECISION], _decide))
        found.append(("AckReport", [_argument("Seq", U16)], _acknowledge))
    if isinstance(program, Robot):
        job = [_argument("JobNo", U16), _argument("JobId", U32), _argument("Params", U16, array=True)]
        found.append(("StartJob", [*job, _argument("JobSeq", U16)], _start_job))
    return found


def _argument(name: str, kind: int, *, array: bool = False) -> ua.Argument:
    return ua.Argument(Name=name, DataType=ua.NodeId(ua.Int32(kind)), ValueRank=ua.Int32(1 if array else -1))


def _kind(argument: ua.Argument) -> ua.VariantType:
    return ua.VariantType(int(argument.DataType.Identifier))


def _command(code: int, words: Sequence[str]) -> Body:
    async def body(program: Program, given: Sequence[Any]) -> Answer:
        return await _order(program, code, [int(value) for value in given[:-1]], int(given[-1]))

    return body


async def _set_lane(program: Program, given: Sequence[Any]) -> Answer:
    lane, enabled, seq = given
    return await _order(program, Cmd.LANE_ENABLE if enabled else Cmd.LANE_DISABLE, [int(lane)], int(seq))


async def _order(program: Program, code: int, args: Sequence[int], seq: int) -> Answer:
    """Through the mailbox if it has a number, so that it is taken once; else at once."""
    if seq == 0:
        result, reason = program.command(code, args)
        return result != CmdResult.REJECTED, int(reason)
    if program.word("CmdAckSeq") != seq:
        for name, value in zip(MAILBOX, (code, *[*args, 0, 0, 0][:3], seq), strict=True):
            program.write(name, value)
        if not await _until(lambda: program.word("CmdAckSeq") == seq):
            return TIMEOUT
    return program.word("CmdResult") in (CmdResult.ACCEPTED, CmdResult.DONE), program.word("CmdReason")


async def _decide(program: Program, given: Sequence[Any]) -> Answer:
    assert isinstance(program, ScannerProgram)
    seq = int(given[0])
    slot = f"Dec{seq % 4}."
    refused = program.late_decisions + program.ignored_decisions
    for name, value in zip(SLOT, (*given, seq), strict=True):
        program.write(f"{slot}{name}", int(value))
    if not await _scanned(program):
        return TIMEOUT
    return program.late_decisions + program.ignored_decisions == refused, 0


async def _acknowledge(program: Program, given: Sequence[Any]) -> Answer:
    program.write("RepSeqSeen", int(given[0]))
    return True, 0


async def _start_job(program: Program, given: Sequence[Any]) -> Answer:
    assert isinstance(program, Robot)
    number, job_id, params, seq = given
    if len(params) != len(JOB):
        return INVALID
    if seq == 0:
        aisle, bay, level, quantity = map(int, params)
        error = program.start_job(int(job_id), aisle, bay, level, quantity, int(number))
        return error == 0, int(error)
    if program.word("JobSeqAck") != seq:
        for name, value in (("JobNo", number), ("JobId", job_id), *zip(JOB, params, strict=True), ("JobSeq", seq)):
            program.write(name, int(value))
        if not await _until(lambda: program.word("JobSeqAck") == seq):
            return TIMEOUT
    accepted = not program.word("Error") and program.word("JobIdEcho") == job_id
    return accepted, 0 if accepted else program.word("ErrorCode")


async def _scanned(program: Program) -> bool:
    began_ms = program.on_ms
    return await _until(lambda: program.on_ms >= began_ms + SCAN_MS)


async def _until(holds: Callable[[], bool]) -> bool:
    try:
        async with asyncio.timeout(WAIT_S):
            while not holds():  # noqa: ASYNC110 - a PLC tells nobody that it has scanned
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        return False
    return True
