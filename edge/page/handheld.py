"""What people on the floor ask and report: sign on, the next task, start, done, sign off."""

import asyncio
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.messages import ResourceKind, TaskRefused
from edge.page.exchange import Problem, answer, id_of, live_of, read_object, refusal, tell

WAIT_MAX_MS = 20_000
SEEN_WAIT_S = 2.0
AGAIN = ("ALREADY_DONE", "ALREADY_STARTED")
REMEDIES = {
    "WRONG_BARCODE": "scan the label that the screen names; nothing was booked",
    "BAD_QUANTITY": "enter a quantity from 0 to the asked one",
    "NOT_YOURS": "ask for your next task; this one went to somebody else",
    "UNKNOWN_TASK": "ask for your next task; this one no longer exists",
}


async def sign_on(request: Request) -> Response:
    """200 when the runtime knows the person and GET task will answer."""
    person = id_of(request, "person_id")
    body = await read_object(request)
    fields = {"location": "", **body, "resource_id": person, "kind": ResourceKind.PERSON.value}
    await tell(request, "ResourceJoined", fields)
    live = live_of(request)
    until = asyncio.get_running_loop().time() + SEEN_WAIT_S
    while live.twin.tasks_of(person) is None and (left := until - asyncio.get_running_loop().time()) > 0:
        await live.changed(left)
    return answer({"result": "signed on", "person": person})


async def sign_off(request: Request) -> Response:
    person = id_of(request, "person_id")
    body = await read_object(request)
    if live_of(request).twin.tasks_of(person) is None:
        raise _stranger(person)
    await tell(request, "ResourceLeft", {"reason": "", **body, "resource_id": person})
    return answer({"result": "signed off", "person": person})


async def next_task(request: Request) -> Response:
    """Waits for a task whose id is not `after`; 204 when there was none in time."""
    person = id_of(request, "person_id")
    after = request.query_params.get("after", "")
    asked = request.query_params.get("wait_ms", "0")
    if not asked.isdigit() or len(asked) > 9:
        raise Problem(422, "wait_ms is not a number of milliseconds", f"use 0 to {WAIT_MAX_MS}")
    clock = asyncio.get_running_loop()
    until = clock.time() + min(int(asked), WAIT_MAX_MS) / 1000
    while True:
        live = live_of(request)
        tasks = live.twin.tasks_of(person)
        for task, reason in tasks or ():
            if task.task_id != after:
                return answer({"task": asdict(task), "reason": reason})
        left = until - clock.time()
        if left <= 0:
            break
        await live.changed(left)
    if tasks is None:
        raise _stranger(person)
    return Response(status_code=204)


async def start(request: Request) -> Response:
    await read_object(request)
    return await _report(request, "TaskStarted", {}, "started")


async def done(request: Request) -> Response:
    body = await read_object(request)
    return await _report(request, "TaskDone", body, "done")


async def _report(request: Request, kind: str, body: dict[str, object], result: str) -> Response:
    """Done twice is done: the second answer is as good as the first, so that a lost answer may be asked for again."""
    person, task_id = id_of(request, "person_id"), id_of(request, "task_id")
    outputs = await tell(request, kind, {**body, "resource_id": person, "task_id": task_id})
    for output in outputs:
        if isinstance(output, TaskRefused) and output.task_id == task_id and output.reason not in AGAIN:
            raise refusal(output.reason, output.detail, REMEDIES.get(output.reason, "ask for your next task"))
    return answer({"result": result})


def _stranger(person: str) -> Problem:
    return Problem(404, f"{person} is not signed on", f"POST /api/people/{person}/sign-on first")


ROUTES = [
    Route("/api/people/{person_id}/sign-on", sign_on, methods=["POST"]),
    Route("/api/people/{person_id}/sign-off", sign_off, methods=["POST"]),
    Route("/api/people/{person_id}/task", next_task, methods=["GET"]),
    Route("/api/people/{person_id}/tasks/{task_id}/start", start, methods=["POST"]),
    Route("/api/people/{person_id}/tasks/{task_id}/done", done, methods=["POST"]),
]
