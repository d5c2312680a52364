"""What the operator's screen needs: the picture, the WebSocket, commands, alarms, health and figures."""

import asyncio
import contextlib
import secrets

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge import __version__
from edge.messages import AlarmAcknowledged, MachineCommand, MachineCommandRefused, ResourceKind
from edge.messages.vehicles import ActionKind, VehicleActionEnded
from edge.page import metrics
from edge.page.exchange import Problem, answer, id_of, live_of, read_object, refusal, tell, who
from edge.page.live import Live, Watcher
from edge.page.picture import ID_MAX

SEND_S = 10.0
VEHICLE_ACTIONS = (ActionKind.PAUSE.value, ActionKind.RESUME.value)
COMMANDS = ", ".join(command.name for command in MachineCommand)


async def state(request: Request) -> Response:
    """The picture as it is; `up` false says that it is an old one."""
    live: Live = request.app.state.live
    return answer(live.view())


async def command(request: Request) -> Response:
    """Asks the WES for a machine command; the safety of people is the PLC's business."""
    machine_id, body = id_of(request, "machine_id"), await read_object(request)
    if machine_id not in live_of(request).twin.state.machines:
        raise Problem(404, f"there is no machine {machine_id}", "see machines in GET /api/state")
    name = str(body.get("command", "")).upper()
    if name not in MachineCommand.__members__:
        raise Problem(422, f"command {name[:40]!r} is not known", f"use one of {COMMANDS}")
    request_id = str(body.get("request_id") or secrets.token_hex(8))[:ID_MAX]
    fields = {"args": [], **body, "machine_id": machine_id, "command": MachineCommand[name].value}
    asked = {**fields, "by": who(request, body), "request_id": request_id}
    for output in await tell(request, "MachineCommandRequested", asked):
        if isinstance(output, MachineCommandRefused) and output.request_id == request_id:
            raise refusal(output.reason, output.detail, "look at the machine's state first")
    return answer({"result": "asked", "machine_id": machine_id, "command": name, "request_id": request_id})


async def link(request: Request) -> Response:
    """How the link of a machine does: its counters, its tags by quality, its poll cycles against plan."""
    machine_id = id_of(request, "machine_id")
    found = live_of(request).figures.get("links", {}).get(machine_id)
    if found is None:
        raise Problem(404, f"nothing is known of a link to {machine_id}", "see machines in GET /api/state")
    return answer(found)


async def vehicle_action(request: Request) -> Response:
    """Asks the WES to pause a vehicle or let it go on."""
    vehicle_id, body = id_of(request, "vehicle_id"), await read_object(request)
    row = live_of(request).twin.state.people.get(vehicle_id)
    if row is None or row.kind != ResourceKind.VEHICLE:
        raise Problem(404, f"there is no vehicle {vehicle_id}", "see people in GET /api/state")
    kind = str(body.get("kind", "")).lower()
    if kind not in VEHICLE_ACTIONS:
        raise Problem(422, f"action {kind[:40]!r} is not known", f"use one of {', '.join(VEHICLE_ACTIONS)}")
    asked = {"vehicle_id": vehicle_id, "kind": kind, "by": who(request, body)}
    for output in await tell(request, "VehicleActionRequested", asked):
        if isinstance(output, VehicleActionEnded):
            raise refusal(output.result, output.reason, "look at the vehicle's connection first")
    return answer({"result": "asked", "vehicle_id": vehicle_id, "kind": kind})


async def acknowledge(request: Request) -> Response:
    """Seen by a person; acknowledging again changes nothing."""
    alarm_id, body = request.path_params["alarm_id"], await read_object(request)
    alarm = live_of(request).twin.state.alarms.get(alarm_id)
    if alarm is None:
        raise Problem(404, "there is no such alarm", "it is over and acknowledged; see alarms in GET /api/state")
    by = who(request, body)
    if not alarm.acknowledged_by:
        await tell(request, AlarmAcknowledged.__name__, {"alarm_id": alarm_id, "by": by})
    return answer({"result": "acknowledged", "alarm_id": alarm_id})


async def healthz(_: Request) -> Response:
    """The page process lives."""
    return answer({"result": "alive"})


async def readyz(request: Request) -> Response:
    """The page hears the runtime; what does not work behind it is named."""
    live: Live = request.app.state.live
    twin = live.twin.state
    lost = [m.machine_id for m in twin.machines.values() if m.link == "lost"]
    offline = [p.peer for p in twin.peers.values() if not p.online]
    body = {"ready": live.up, "links_lost": lost, "peers_offline": offline, "unknown_messages": live.unknown}
    return answer(body, 200 if live.up else 503)


async def figures(request: Request) -> Response:
    live: Live = request.app.state.live
    text = metrics.text(live.figures, live.twin.state, live.up, {"process": live.name, "version": __version__})
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")


async def stream(socket: WebSocket) -> None:
    """State first, then every message; with ?as=rows the changed rows of the picture instead, a few times a second."""
    live: Live = socket.app.state.live
    await socket.accept()
    watcher = live.watch(socket.query_params.get("as") == "rows")
    if watcher is None:
        await socket.close(1013, "too many watchers; close another page")
        return
    try:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_send(socket, live, watcher))
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                while True:
                    await socket.receive_text()
            sending.cancel()
    finally:
        live.leave(watcher)


async def _send(socket: WebSocket, live: Live, watcher: Watcher) -> None:
    backlog = watcher.backlog
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        while True:
            await backlog.wait()
            lines: list[bytes] = []
            if backlog.stale:
                lines = [live.state_line()]
                backlog.restart()
            for line in [*lines, *backlog.take()]:
                async with asyncio.timeout(SEND_S):
                    await socket.send_text(line.decode())
    with contextlib.suppress(RuntimeError):
        await socket.close(1013)


ROUTES = [
    Route("/api/state", state),
    Route("/api/machines/{machine_id}/command", command, methods=["POST"]),
    Route("/api/machines/{machine_id}/link", link),
    Route("/api/vehicles/{vehicle_id}/action", vehicle_action, methods=["POST"]),
    Route("/api/alarms/{alarm_id:path}/acknowledge", acknowledge, methods=["POST"]),
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    Route("/metrics", figures),
    WebSocketRoute("/ws", stream),
]
