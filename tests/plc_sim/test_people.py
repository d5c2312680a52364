"""The handheld against a small box: sign-on, tasks, refusals, a box that comes and goes. Real goods move once."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plc_sim import people
from plc_sim.events import PersonDone
from plc_sim.people import HandheldClient
from plc_sim.roster import Worker
from plc_sim.world import World
from tests.plc_sim.stage import world_of

ANNA = Worker("anna b", ("pick",), ("A",), "HOME")


class Box:
    """Hands out tasks in order; `refuse` says 409 to a report, `lose` lets the answer to a request get lost."""

    def __init__(self, tasks: list[dict[str, Any]]) -> None:
        self.tasks = tasks
        self.done: dict[str, dict[str, Any]] = {}
        self.sign_ons: list[dict[str, Any]] = []
        self.log: list[str] = []
        self.refuse: Callable[[str, Mapping[str, Any]], str] = lambda what, body: ""
        self.lose: Callable[[str], bool] = lambda what: False
        self.known = True
        routes = [
            Route("/api/people/{person}/sign-on", self.sign_on, methods=["POST"]),
            Route("/api/people/{person}/task", self.next_task),
            Route("/api/people/{person}/tasks/{task_id}/start", self.start, methods=["POST"]),
            Route("/api/people/{person}/tasks/{task_id}/done", self.finish, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def sign_on(self, request: Request) -> Response:
        self.known = True
        self.sign_ons.append({"person": request.path_params["person"], **await request.json()})
        return JSONResponse({})

    async def next_task(self, request: Request) -> Response:
        if not self.known:
            return JSONResponse({"reason": "UNKNOWN_PERSON"}, 409)
        after = request.query_params["after"]
        for each in self.tasks:
            if each["task_id"] not in (after, *self.done):
                return JSONResponse({"task": each, "reason": "near"})
        await asyncio.sleep(0.01)
        return Response(status_code=204)

    async def start(self, request: Request) -> Response:
        return self._answer("start", request.path_params["task_id"], {})

    async def finish(self, request: Request) -> Response:
        return self._answer("done", request.path_params["task_id"], await request.json())

    def _answer(self, what: str, task_id: str, body: Mapping[str, Any]) -> Response:
        self.log.append(f"{what} {task_id}")
        if task_id not in self.done and (reason := self.refuse(f"{what} {task_id}", body)):
            return JSONResponse({"reason": reason, "detail": ""}, 409)
        if what == "done":
            self.done.setdefault(task_id, dict(body))
        return JSONResponse({"result": "done"})


class Line(httpx.AsyncBaseTransport):
    """The network between handheld and box: loses requests and answers, answers 503, as told."""

    def __init__(self, box: Box) -> None:
        self.inner = httpx.ASGITransport(box.app)
        self.faults: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "refused":
            raise httpx.ConnectError("refused", request=request)
        if fault == "503":
            return httpx.Response(503, json={"error": "not connected"})
        if fault == "garbage":
            return httpx.Response(200, content=b"<html>")
        response = await self.inner.handle_async_request(request)
        if fault == "lost answer":
            raise httpx.ReadError("reset", request=request)
        return response


class Fast:
    """A world that hurries: what a person is given is done at once in virtual time."""

    def __init__(self, world: World) -> None:
        self.world = world

    def give(self, person: str, task: Mapping[str, object]) -> bool:
        return self.world.give(person, task)

    def answered(self, person: str, task_id: str, reason: str) -> bool:
        return self.world.answered(person, task_id, reason)

    async def done(self, person: str) -> PersonDone:
        while True:
            for each in self.world.drain():
                if isinstance(each, PersonDone):
                    return each
            assert self.world.next_at_ms is not None
            self.world.advance(self.world.next_at_ms)
            await asyncio.sleep(0)


def task(n: int, quantity: int = 2) -> dict[str, Any]:
    where = "A-01-05-1"
    return {
        "task_id": f"t{n}",
        "kind": "pick",
        "source": where,
        "sku": "S1",
        "quantity": quantity,
        "barcode": where,
        "hu_id": "H",
    }


@asynccontextmanager
async def working(box: Box, line: Line) -> AsyncIterator[tuple[HandheldClient, World]]:
    world = world_of(physical={("A-01-05-1", "S1"): 100})
    world.add_person(ANNA.name)
    async with httpx.AsyncClient(transport=line, base_url="http://box") as http, asyncio.TaskGroup() as group:
        client = HandheldClient(http, Fast(world), ANNA, random.Random(1))
        running = group.create_task(client.work())
        yield client, world
        running.cancel()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAUSE_S", "PAUSE_MAX_S", "DROPPED_S"):
        monkeypatch.setattr(people, name, 0.001)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.002)


async def test_one_task_after_the_other_as_signed_on() -> None:
    box = Box([task(n) for n in range(5)])
    async with working(box, Line(box)) as (client, world):
        await until(lambda: len(box.done) == 5)
        assert box.sign_ons == [{"person": "anna b", "skills": ["pick"], "zones": ["A"], "location": "HOME"}]
        assert box.log == [f"{what} t{n}" for n in range(5) for what in ("start", "done")]
        assert set(map(str, box.done.values())) == {"{'quantity': 2, 'scanned': 'A-01-05-1', 'reason': ''}"}
        assert world.plant.on_hand("A-01-05-1") == 90
        await until(lambda: client.finished == 5)


@pytest.mark.parametrize("fault", ["refused", "503", "garbage", "lost answer"])
async def test_whatever_goes_wrong_on_the_line_the_goods_move_once(fault: str) -> None:
    box = Box([task(n) for n in range(4)])
    line = Line(box)
    line.faults = [fault, fault, "", fault, "", fault, "", fault, fault, "", *[fault, ""] * 6]
    async with working(box, line) as (client, world):
        await until(lambda: len(box.done) == 4)
        assert client.retries >= 10
        assert world.plant.on_hand("A-01-05-1") == 92


async def test_a_wrong_scan_is_scanned_again_and_reported_again() -> None:
    box = Box([task(0)])
    refused: list[str] = []

    def refuse(what: str, body: Mapping[str, Any]) -> str:
        if what == "done t0" and not refused:
            refused.append(what)
            return "WRONG_BARCODE"
        return ""

    box.refuse = refuse
    async with working(box, Line(box)) as (_, world):
        await until(lambda: len(box.done) == 1)
        assert box.log == ["start t0", "done t0", "done t0"]
        assert world.plant.on_hand("A-01-05-1") == 98


async def test_a_refused_start_drops_the_task_and_asks_again() -> None:
    box = Box([task(0)])
    starts: list[str] = []

    def refuse(what: str, body: Mapping[str, Any]) -> str:
        starts.append(what)
        return "NOT_YOURS" if len(starts) < 3 else ""

    box.refuse = refuse
    async with working(box, Line(box)) as (client, world):
        await until(lambda: len(box.done) == 1)
        assert client.dropped == 2
        assert world.plant.on_hand("A-01-05-1") == 98


async def test_a_refused_report_drops_the_task_and_a_second_turn_does_not_pick_twice() -> None:
    box = Box([task(0)])
    reports: list[Mapping[str, Any]] = []

    def refuse(what: str, body: Mapping[str, Any]) -> str:
        if what == "done t0":
            reports.append(body)
            return "NOT_YOURS" if len(reports) == 1 else ""
        return ""

    box.refuse = refuse
    async with working(box, Line(box)) as (client, world):
        await until(lambda: len(box.done) == 1)
        assert client.dropped == 1
        assert world.people[ANNA.name].dropped == 1
        assert [body["quantity"] for body in reports] == [2, 2]
        assert world.plant.on_hand("A-01-05-1") == 98


async def test_a_box_that_has_forgotten_the_person_is_told_again() -> None:
    box = Box([])
    async with working(box, Line(box)) as (_, world):
        await until(lambda: len(box.sign_ons) == 1)
        box.known = False
        await until(lambda: len(box.sign_ons) == 2)
        box.tasks.append(task(0))
        await until(lambda: len(box.done) == 1)
        assert world.plant.on_hand("A-01-05-1") == 98


async def test_what_is_no_task_is_dropped() -> None:
    box = Box([{"task_id": "t0", "kind": "pick", "quantity": "many"}])
    async with working(box, Line(box)) as (client, _):
        await until(lambda: client.dropped > 1)
        assert box.done == {}
