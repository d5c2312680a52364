"""Every route of the page process over real HTTP, the runtime behind it real as well."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families

from edge.messages import (
    AlarmAcknowledged,
    AlarmRaised,
    AsnAnnounced,
    DeparturesPlanned,
    GoodsReceived,
    ItemsListed,
    MachineCommand,
    MachineCommandRequested,
    OrderCancelRequested,
    OrderHoldLifted,
    OrderHoldPlaced,
    ResourceJoined,
    ResourceLeft,
    StockOpened,
    TaskAssigned,
    TaskUnassigned,
)
from edge.messages.vehicles import ActionKind, VehicleActionRequested
from edge.page.exchange import BODY_MAX_BYTES
from edge.page.figures import NAMES_MAX, Figures
from edge.page.server import build
from edge.settings import ConfigError, PageSettings
from tests.page.conftest import Page, served
from tests.page.stage import Stage, link_view, opened, pick, vehicle

SIGN_ON = {"skills": ["pick"], "zones": ["A"], "location": "HOME"}
ORDER = {"order_id": "O-1", "route": "UK-NORTH", "lines": [{"line": 1, "sku": "S", "quantity": 2}]}
DONE = {"quantity": 3, "scanned": "5012345678900", "reason": ""}
ASN = {"asn_id": "A-1", "lines": [{"sku": "S", "quantity": 5}]}
RECEIPT = {"asn_id": "A-1", "hu_id": "H", "sku": "S", "quantity": 5, "by": "ann"}
DEPARTURE = {"departure_id": "D", "site": "dc1", "route": "R", "carrier": "C", "cutoff_ms": 9}
WRITES: list[tuple[str, Any]] = [
    ("/api/people/p1/sign-on", SIGN_ON),
    ("/api/people/p1/sign-off", {}),
    ("/api/people/p1/tasks/T-1/start", {}),
    ("/api/people/p1/tasks/T-1/done", DONE),
    ("/api/orders", ORDER),
    ("/api/orders/O-1/cancel", {"by": "ann"}),
    ("/api/orders/O-1/hold", {"hold_id": "h", "reason": "r", "by": "ann"}),
    ("/api/orders/O-1/unhold", {"hold_id": "h", "by": "ann"}),
    ("/api/items", [{"sku": "S"}]),
    ("/api/departures", [DEPARTURE]),
    ("/api/stock/open", {"lines": [{"sku": "S", "location": "A-01-01-1", "quantity": 5}]}),
    ("/api/asns", ASN),
    ("/api/receipts", RECEIPT),
    ("/api/machines/conveyor1/command", {"command": "STOP", "by": "ann"}),
    ("/api/alarms/a1/acknowledge", {"by": "ann"}),
]


def failed(response: httpx.Response, status: int) -> str:
    body = response.json()
    assert response.status_code == status, body
    assert body["remedy"]
    return str(body["error"])


async def test_a_person_signs_on_works_and_signs_off(page: Page) -> None:
    assert (await page.post("/api/people/p1/sign-on", SIGN_ON)).status_code == 200
    joined = page.stage.reported[-1]
    assert isinstance(joined, ResourceJoined)
    assert (joined.resource_id, joined.kind, joined.skills, joined.location) == ("p1", "person", ("pick",), "HOME")
    given = await page.client.get("/api/people/p1/task", params={"after": "", "wait_ms": 0})
    assert given.json()["task"] | {"task_id": "T-1", "kind": "pick", "quantity": 3} == given.json()["task"]
    assert given.json()["reason"] == "nearest"
    assert (await page.post("/api/people/p1/tasks/T-1/start")).json() == {"result": "started"}
    wrong = await page.post("/api/people/p1/tasks/T-1/done", DONE | {"scanned": "999"})
    assert "scan the label" in wrong.json()["remedy"]
    assert failed(wrong, 409).startswith("WRONG_BARCODE")
    assert wrong.json()["reason"] == "WRONG_BARCODE"
    for _ in (1, 2):
        assert (await page.post("/api/people/p1/tasks/T-1/done", DONE)).json() == {"result": "done"}
    stranger = await page.post("/api/people/p9/tasks/T-2/done", DONE)
    assert (failed(stranger, 409), stranger.json()["reason"]) == ("NOT_YOURS: no", "NOT_YOURS")
    following = await page.client.get("/api/people/p1/task", params={"after": "T-1", "wait_ms": 5000})
    assert following.json()["task"]["task_id"] == "T-2"
    assert (await page.post("/api/people/p1/sign-off", {"reason": "break"})).status_code == 200
    left = page.stage.reported[-1]
    assert isinstance(left, ResourceLeft)
    assert left.reason == "break"


async def test_waiting_for_a_task_ends_when_it_comes_or_the_time_is_over(page: Page) -> None:
    await page.post("/api/people/p1/sign-on", SIGN_ON)
    nothing = await page.client.get("/api/people/p1/task", params={"after": "T-1", "wait_ms": 60})
    assert (nothing.status_code, nothing.content) == (204, b"")

    async def wait() -> httpx.Response:
        return await page.client.get("/api/people/p1/task", params={"after": "T-1", "wait_ms": 20_000})

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(wait())
        await asyncio.sleep(0.1)
        page.stage.tell(
            TaskUnassigned(at_ms=1, resource_id="p1", task_id="T-1", reason="x"),
            TaskAssigned(at_ms=2, resource_id="p1", task=pick("T-9"), reason="urgent"),
        )
    assert waiting.result().json()["task"]["task_id"] == "T-9"


async def test_an_unknown_person_is_told_to_sign_on(page: Page) -> None:
    asked = await page.client.get("/api/people/p7/task", params={"wait_ms": 10})
    assert "p7 is not signed on" in failed(asked, 404)
    failed(await page.post("/api/people/p7/sign-off"), 404)
    failed(await page.post(f"/api/people/{'x' * 61}/sign-on", SIGN_ON), 422)
    failed(await page.client.get("/api/people/p1/task", params={"wait_ms": "soon"}), 422)


async def test_orders_are_answered_one_by_one(page: Page) -> None:
    one = await page.post("/api/orders", ORDER)
    assert one.json() == [
        {
            "order_id": "O-1",
            "accepted": True,
            "reason": "",
            "detail": "",
            "departure_id": "NORTH-1100",
            "promised_ms": 5,
        }
    ]
    many = [ORDER | {"order_id": f"O-{n}"} for n in range(80)] + [ORDER | {"order_id": "X", "lines": []}]
    answers = (await page.post("/api/orders", many)).json()
    assert [a["order_id"] for a in answers] == [o["order_id"] for o in many]
    assert [a["accepted"] for a in answers] == [True] * 80 + [False]
    assert answers[-1]["reason"] == "NO_LINES"
    elsewhere = await page.post("/api/orders", ORDER | {"route": "ELSEWHERE"})
    assert (elsewhere.status_code, elsewhere.json()[0]["result"]) == (202, "sent")
    before = len(page.stage.reported)
    assert "order 1" in failed(await page.post("/api/orders", [ORDER, 7]), 422)
    assert "lines" in failed(await page.post("/api/orders", [ORDER, {"order_id": "A", "route": "R"}]), 422)
    failed(await page.post("/api/orders", [ORDER | {"order_id": "y" * 99}]), 422)
    failed(await page.post("/api/orders", [ORDER] * 501), 422)
    assert len(page.stage.reported) == before, "all or none"


async def test_orders_are_changed_by_somebody(page: Page) -> None:
    assert (await page.post("/api/orders/O-1/cancel", {"by": "ann"})).status_code == 200
    refused = await page.post("/api/orders/SHIPPED/cancel", {"by": "ann"})
    assert (failed(refused, 409), refused.json()["reason"]) == ("SHIPPED: it has left", "SHIPPED")
    assert (await page.post("/api/orders/O-1/hold", {"hold_id": "h", "reason": "r", "by": "ann"})).status_code == 200
    assert (await page.post("/api/orders/O-1/unhold", {"hold_id": "h", "by": "ann"})).status_code == 200
    kinds = [type(m) for m in page.stage.reported]
    assert kinds == [OrderCancelRequested, OrderCancelRequested, OrderHoldPlaced, OrderHoldLifted]
    assert "by is missing" in failed(await page.post("/api/orders/O-1/cancel", {}), 422)


async def test_lists_and_goods_reach_the_runtime(page: Page) -> None:
    listed = await page.post("/api/items", [{"sku": f"S{n}"} for n in range(1200)])
    assert listed.json() == {"result": "listed", "items": 1200}
    parts = [len(m.items) for m in page.stage.reported if isinstance(m, ItemsListed)]
    assert parts == [500, 500, 200]
    assert (await page.post("/api/departures", {"departures": [DEPARTURE]})).status_code == 200
    stock = {"lines": [{"sku": "S", "location": "L", "quantity": 5}]}
    assert (await page.post("/api/stock/open", stock)).status_code == 200
    assert (await page.post("/api/asns", ASN)).status_code == 200
    assert (await page.post("/api/receipts", RECEIPT)).status_code == 200
    refused = await page.post("/api/receipts", RECEIPT | {"asn_id": "NONE"})
    assert failed(refused, 409).startswith("UNKNOWN_ASN")
    last = {type(m): m for m in page.stage.reported}
    assert isinstance(last[DeparturesPlanned], DeparturesPlanned)
    opened_stock, announced = last[StockOpened], last[AsnAnnounced]
    assert isinstance(opened_stock, StockOpened)
    assert isinstance(announced, AsnAnnounced)
    assert (opened_stock.site, announced.site) == ("dc1", "dc1")
    assert isinstance(last[GoodsReceived], GoodsReceived)
    assert "items" in failed(await page.post("/api/items", {"things": []}), 422)
    assert "items.0.sku" in failed(await page.post("/api/items", [{}]), 422)


async def test_machines_are_commanded_and_alarms_acknowledged(page: Page) -> None:
    assert (await page.post("/api/machines/conveyor1/command", {"command": "stop", "by": "ann"})).status_code == 200
    asked = page.stage.reported[-1]
    assert isinstance(asked, MachineCommandRequested)
    assert (asked.command, asked.by, asked.args) == (MachineCommand.STOP, "ann", ())
    rejected = await page.post("/api/machines/sorter1/command", {"command": "RESET", "by": "ann"})
    assert (failed(rejected, 409), rejected.json()["reason"]) == ("STATE: RESET is for STOPPED", "STATE")
    named = {"command": "STOP", "by": "ann", "request_id": "r-1"}
    answered = await page.post("/api/machines/conveyor1/command", named)
    assert (answered.json()["request_id"], page.stage.reported[-1].request_id) == ("r-1", "r-1")
    failed(await page.post("/api/machines/nowhere/command", {"command": "STOP", "by": "ann"}), 404)
    failed(await page.post("/api/machines/sorter1/command", {"command": "DANCE", "by": "ann"}), 422)
    failed(await page.post("/api/alarms/lane/3/acknowledge", {"by": "ann"}), 404)
    page.stage.tell(AlarmRaised(at_ms=1, alarm_id="lane/3", source="s", priority=2, text="t", action="a"))
    while "lane/3" not in page.app.state.live.twin.state.alarms:
        await asyncio.sleep(0.01)
    for _ in (1, 2):
        assert (await page.post("/api/alarms/lane/3/acknowledge", {"by": "ann"})).status_code == 200
    assert [type(m) for m in page.stage.reported].count(AlarmAcknowledged) == 1


async def test_vehicles_are_paused_by_name_and_go_on(page: Page) -> None:
    for vehicle_id in ("agv1", "agv2"):
        page.stage.tell(vehicle(vehicle_id, paused=vehicle_id == "agv1"))
    people = page.app.state.live.twin.state.people
    while "agv2" not in people:
        await asyncio.sleep(0.02)
    assert people["agv1"].paused
    assert (await page.post("/api/vehicles/agv1/action", {"kind": "resume", "by": "ann"})).status_code == 200
    asked = page.stage.reported[-1]
    assert isinstance(asked, VehicleActionRequested)
    assert (asked.vehicle_id, asked.kind, asked.by) == ("agv1", ActionKind.RESUME, "ann")
    assert "NOT_ONLINE" in failed(await page.post("/api/vehicles/agv2/action", {"kind": "pause", "by": "ann"}), 409)
    failed(await page.post("/api/vehicles/agv9/action", {"kind": "pause", "by": "ann"}), 404)
    failed(await page.post("/api/vehicles/agv1/action", {"kind": "pick", "by": "ann"}), 422)


async def test_how_links_do_is_told_by_machine_and_in_the_metrics(page: Page) -> None:
    view = link_view()
    page.stage.figures.link("sorter1", view)
    while not page.app.state.live.figures.get("links"):
        await asyncio.sleep(0.02)
    assert (await page.client.get("/api/machines/sorter1/link")).json() == view
    failed(await page.client.get("/api/machines/nowhere/link"), 404)
    lines = (await page.client.get("/metrics")).text.splitlines()
    assert f'edge_link_tags{{machine="sorter1",quality="bad"}} {view["tags"]["bad"]}' in lines
    assert 'edge_link_lost_total{machine="sorter1"} 1' in lines
    assert 'edge_poll_took_seconds{machine="sorter1",poll="FAST",quantile="0.5"} 0.0125' in lines


def test_there_are_only_so_many_links() -> None:
    figures = Figures()
    for number in range(NAMES_MAX + 1):
        figures.link(f"m{number}", {})
    assert len(figures.snapshot()["links"]) == NAMES_MAX
    assert figures.counts["refused_names"] == 1


async def test_state_health_and_figures(page: Page) -> None:
    view = (await page.client.get("/api/state")).json()
    assert (view["up"], view["name"], view["layout"]["site"]) == (True, "dc1", "dc1")
    assert len(view["lanes"]) == 14
    assert (await page.client.get("/healthz")).status_code == 200
    assert (await page.client.get("/readyz")).json()["ready"] is True
    figures = await page.client.get("/metrics")
    names = {family.name for family in text_string_to_metric_families(figures.text)}
    assert {"edge_link_up", "edge_events", "edge_build_info"} <= names


async def test_without_a_runtime_reads_say_stale_and_writes_say_503(away: Page) -> None:
    for path, body in WRITES:
        response = await away.post(path, body)
        failed(response, 503)
        assert response.headers["retry-after"] == "1"
    failed(await away.client.get("/api/people/p1/task"), 503)
    assert (await away.client.get("/readyz")).status_code == 503
    assert (await away.client.get("/healthz")).status_code == 200
    assert (await away.client.get("/api/state")).json()["up"] is False
    assert "edge_runtime_connected 0" in (await away.client.get("/metrics")).text


async def test_a_runtime_that_comes_back_is_heard_again(tmp_path: Path) -> None:
    async with served(PageSettings(port=0), tmp_path / "s", Stage()) as page:
        for _ in (1, 2):
            stage = Stage()
            stage.tell(opened())
            async with stage.serving(tmp_path / "s"):
                await page.until(up=True)
                assert (await page.post("/api/people/p1/sign-on", SIGN_ON)).status_code == 200
            await page.until(up=False)
            failed(await page.post("/api/people/p1/sign-on", SIGN_ON), 503)
            assert (await page.client.get("/api/state")).json()["layout"]["site"] == "dc1"


@pytest.mark.parametrize(("path", "body"), WRITES)
async def test_every_write_checks_its_sender_and_its_form(page: Page, path: str, body: Any) -> None:
    text = json.dumps(body)
    own = {"content-type": "application/json"}

    async def send(content: str | bytes, headers: dict[str, str]) -> httpx.Response:
        return await page.client.post(path, content=content, headers=headers)

    assert "not JSON" in failed(await send(text, {"content-type": "text/plain"}), 415)
    assert "not JSON" in failed(await send(text, {}), 415)
    assert "good JSON" in failed(await send("{", own), 422)
    assert "good JSON" in failed(await send("[" * 100_000, own), 422)
    assert "good JSON" in failed(await send(b'{"a":"\xff"}', own), 422)
    assert "good JSON" in failed(await send('{"a":"\\ud800"}', own), 422)
    assert "good JSON" in failed(await send(json.dumps({"by": "x" * 501}), own), 422)
    failed(await send("7", own), 422)
    assert "larger" in failed(await send(b" " * (BODY_MAX_BYTES + 1), own), 413)
    assert "origin" in failed(await send(text, own | {"origin": "http://evil.example"}), 403)
    assert "origin" in failed(await send(text, own | {"origin": "null"}), 403)
    assert "host" in failed(await send(text, own | {"host": "evil.example"}), 400)
    assert failed(await page.client.get(path), 405)
    assert page.stage.reported == []


async def test_a_body_without_an_announced_length_is_bounded_too(page: Page) -> None:
    async def endless() -> Any:
        for _ in range(300):
            yield b" " * 10_000

    response = await page.client.post("/api/orders", content=endless(), headers={"content-type": "application/json"})
    failed(response, 413)


async def test_the_own_origin_may_write(page: Page) -> None:
    response = await page.post("/api/people/p1/sign-on", SIGN_ON, origin=page.url)
    assert response.status_code == 200


async def test_every_answer_keeps_to_itself(page: Page) -> None:
    for path in ("/", "/handheld", "/api/state", "/nowhere", "/static/nowhere.js"):
        headers = (await page.client.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers or "uvicorn" in headers["server"]
    assert "Not Found" in failed(await page.client.get("/nowhere"), 404)
    failed(await page.client.get("/static/../server.py"), 404)


async def test_the_websocket_tells_state_then_messages(page: Page) -> None:
    url = page.url.replace("http", "ws") + "/ws"
    async with websockets.connect(url) as socket, websockets.connect(url + "?as=rows") as rows:
        first, first_rows = json.loads(await socket.recv()), json.loads(await rows.recv())
        assert (first["t"], first["state"]["layout"]["site"], first_rows["t"]) == ("state", "dc1", "state")
        page.stage.tell(AlarmRaised(at_ms=1, alarm_id="a1", source="s", priority=2, text="t", action="a"))
        told = await _next(socket, "m")
        assert (told["kind"], told["body"]["alarm_id"]) == ("AlarmRaised", "a1")
        changed = await _next(rows, "rows")
        assert changed["rows"]["alarms"]["a1"]["text"] == "t"
        assert changed["rows"]["news"][-1]["level"] == "warn"
        clock = await _next(rows, "clock")
        assert (clock["up"], clock["speed"]) == (True, 1)


async def _next(socket: websockets.ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            line: dict[str, Any] = json.loads(await socket.recv())
            if line["t"] == kind:
                return line


async def test_the_websocket_says_when_the_runtime_goes_and_starts_afresh_when_it_comes(tmp_path: Path) -> None:
    async with served(PageSettings(port=0), tmp_path / "s", Stage()) as page:
        async with Stage().serving(tmp_path / "s"):
            await page.until(up=True)
            socket = await websockets.connect(page.url.replace("http", "ws") + "/ws?as=rows")
            assert (await _next(socket, "state"))["state"]["up"] is True
        while (await _next(socket, "clock"))["up"]:
            pass
        stage = Stage()
        stage.tell(opened())
        async with stage.serving(tmp_path / "s"):
            assert (await _next(socket, "state"))["state"]["layout"]["site"] == "dc1"
        await socket.close()


async def test_the_websocket_refuses_a_foreign_page(page: Page) -> None:
    url = page.url.replace("http", "ws") + "/ws"
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(url, origin=websockets.Origin("http://evil.example"))
    async with websockets.connect(url, origin=websockets.Origin(page.url)) as socket:
        assert json.loads(await socket.recv())["t"] == "state"


async def test_with_tokens_only_known_people_get_in_and_writes_carry_their_name(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("# who\nann:0123456789abcdef\n\nbob:fedcba9876543210\n")
    stage = Stage()
    stage.tell(AlarmRaised(at_ms=1, alarm_id="a1", source="s", priority=2, text="t", action="a"))
    settings = PageSettings(port=0, token_file=tokens)
    async with stage.serving(tmp_path / "s"), served(settings, tmp_path / "s", stage) as page:
        await page.until(up=True)
        for path in ("/api/state", "/metrics", "/api/people/p1/task"):
            failed(await page.client.get(path), 401)
        failed(await page.post("/api/alarms/a1/acknowledge", {"by": "eve"}), 401)
        failed(await page.client.get("/api/state", headers={"authorization": "Bearer nonsense"}), 401)
        home = await page.client.get("/")
        assert (home.status_code, home.headers["location"]) == (303, "/sign-in")
        assert (await page.client.get("/healthz")).status_code == 200
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(page.url.replace("http", "ws") + "/ws")
        bearer = {"authorization": "Bearer 0123456789abcdef"}
        assert (await page.client.get("/api/state", headers=bearer)).status_code == 200
        failed(await page.post("/api/sign-in", {"token": "wrong"}), 401)
        signed = await page.post("/api/sign-in", {"token": "fedcba9876543210"})
        assert signed.json()["user"] == "bob"
        cookie = signed.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await page.post("/api/alarms/a1/acknowledge", {"by": "eve"})).status_code == 200
        acknowledged = stage.reported[-1]
        assert isinstance(acknowledged, AlarmAcknowledged)
        assert acknowledged.by == "bob"


@pytest.mark.parametrize("text", ["", "ann\n", "ann:short\n", None])
def test_a_bad_token_file_is_the_installers_fault(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "tokens"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match="tokens"):
        build(PageSettings(token_file=path), tmp_path / "s", "x")


def _start(settings: str, path: Path, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    code = (
        "import sys; from pathlib import Path; from edge.page.server import main; "
        f"from edge.settings import PageSettings; main(PageSettings({settings}), Path({str(path)!r}), 'dc1')"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_process_says_one_line_takes_the_next_port_and_stops_when_told(tmp_path: Path) -> None:
    first = _start("port=0", tmp_path / "a" / "s")
    assert first.stdout is not None
    line = first.stdout.readline()
    name, url = line.split()[1:]
    assert (line.split()[0], name) == ("page", "dc1")
    assert (tmp_path / "a" / "page.url").read_text().strip() == url
    port = httpx.URL(url).port
    second = _start(f"port={port}", tmp_path / "b" / "s")
    fixed = _start(f"port={port}, port_fixed=True", tmp_path / "c" / "s")
    assert second.stdout is not None
    other = second.stdout.readline().split()[2]
    assert httpx.URL(other).port != port
    assert httpx.get(url + "healthz").status_code == httpx.get(other + "healthz").status_code == 200
    _, error = fixed.communicate(timeout=30)
    assert fixed.returncode != 0
    assert f"page.port: {port}" in error
    for process in (first, second):
        os.kill(process.pid, signal.SIGTERM)
        rest, error = process.communicate(timeout=30)
        assert (rest, error) == ("", "")


def test_the_process_goes_when_the_runtime_that_started_it_is_gone(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    process = _start("port=0", tmp_path / "s", theirs.fileno())
    theirs.close()
    assert process.stdout is not None
    assert process.stdout.readline().startswith("page dc1 http")
    ours.close()
    assert process.wait(timeout=30) == 0
