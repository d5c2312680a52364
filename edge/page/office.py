"""What the office sends in: orders, holds, the catalogue, the timetable, opening stock, goods on their way."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.messages import GoodsRefused, Message, OrderAccepted, OrderCancelRefused, OrderRejected
from edge.page.exchange import (
    ID_MAX,
    Problem,
    answer,
    check,
    id_of,
    live_of,
    read_json,
    read_object,
    refusal,
    tell,
    who,
)

ORDERS_MAX = 500
AT_ONCE = 24
LIST_MAX = 20_000
CHUNK = 500


async def orders(request: Request) -> Response:
    """All of them are well formed or none is sent; then each is accepted or rejected by itself."""
    body = await read_json(request)
    wanted = body if isinstance(body, list) else [body]
    if len(wanted) > ORDERS_MAX:
        raise Problem(422, f"{len(wanted)} orders are more than {ORDERS_MAX}", "send them in parts")
    for index, order in enumerate(wanted):
        if not isinstance(order, dict):
            raise Problem(422, f"order {index} is not a JSON object", "send {...} or [{...}, ...]")
        check("OrderCaptured", order)
        if not 1 <= len(order["order_id"]) <= ID_MAX:
            raise Problem(422, f"order {index}: order_id is not an id", f"use 1 to {ID_MAX} characters")
    live_of(request)
    answers: list[dict[str, Any]] = [{}] * len(wanted)
    numbers = iter(range(len(wanted)))

    async def send() -> None:
        for number in numbers:
            outputs = await tell(request, "OrderCaptured", wanted[number])
            answers[number] = _verdict(wanted[number]["order_id"], outputs)

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(AT_ONCE, len(wanted))):
                tasks.create_task(send())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    elsewhere = any(a.get("result") == "sent" for a in answers)
    return answer(answers, 202 if elsewhere else 200)


def _verdict(order_id: str, outputs: list[Message]) -> dict[str, Any]:
    fields = {"order_id": order_id, "accepted": False, "reason": "", "detail": "", "departure_id": "", "promised_ms": 0}
    for output in outputs:
        if isinstance(output, OrderAccepted) and output.order_id == order_id:
            return fields | {
                "accepted": True,
                "reason": output.reason,
                "departure_id": output.departure_id,
                "promised_ms": output.promised_ms,
            }
        if isinstance(output, OrderRejected) and output.order_id == order_id:
            return fields | {"reason": output.reason, "detail": output.detail}
    return fields | {"accepted": None, "result": "sent"}


async def cancel(request: Request) -> Response:
    return await _change(request, "OrderCancelRequested", "cancelled")


async def hold(request: Request) -> Response:
    return await _change(request, "OrderHoldPlaced", "held")


async def unhold(request: Request) -> Response:
    return await _change(request, "OrderHoldLifted", "hold lifted")


async def _change(request: Request, kind: str, result: str) -> Response:
    order_id, body = id_of(request, "order_id"), await read_object(request)
    outputs = await tell(request, kind, {**body, "order_id": order_id, "by": who(request, body)})
    for output in outputs:
        if isinstance(output, OrderCancelRefused | OrderRejected) and output.order_id == order_id:
            raise refusal(output.reason, output.detail, "look at the order; nothing was changed")
    return answer({"result": result, "order_id": order_id})


async def items(request: Request) -> Response:
    return await _list(request, "ItemsListed", "items")


async def departures(request: Request) -> Response:
    return await _list(request, "DeparturesPlanned", "departures")


async def _list(request: Request, kind: str, field: str) -> Response:
    """A long list goes in parts: each entry stands for itself."""
    body = await read_json(request)
    entries = body.get(field) if isinstance(body, dict) else body
    if not isinstance(entries, list) or len(entries) > LIST_MAX:
        raise Problem(422, f"{field} must be a list of at most {LIST_MAX}", f"send [...] or {{{field!r}: [...]}}")
    check(kind, {field: entries})
    for first in range(0, len(entries), CHUNK):
        await tell(request, kind, {field: entries[first : first + CHUNK]})
    return answer({"result": "listed", field: len(entries)})


async def open_stock(request: Request) -> Response:
    return await _goods(request, "StockOpened", "opened")


async def asns(request: Request) -> Response:
    return await _goods(request, "AsnAnnounced", "announced")


async def receipts(request: Request) -> Response:
    return await _goods(request, "GoodsReceived", "received")


async def _goods(request: Request, kind: str, result: str) -> Response:
    body = await read_object(request)
    site = live_of(request).twin.state.site
    if kind == "GoodsReceived":
        body["by"] = who(request, body)
    elif site is not None:
        body = {"site": site.site, **body}
    for output in await tell(request, kind, body):
        if isinstance(output, GoodsRefused):
            raise refusal(output.reason, output.detail, "check the delivery note; nothing was booked")
    return answer({"result": result})


ROUTES = [
    Route(path, endpoint, methods=["POST"])
    for path, endpoint in (
        ("/api/orders", orders),
        ("/api/orders/{order_id}/cancel", cancel),
        ("/api/orders/{order_id}/hold", hold),
        ("/api/orders/{order_id}/unhold", unhold),
        ("/api/items", items),
        ("/api/departures", departures),
        ("/api/stock/open", open_stock),
        ("/api/asns", asns),
        ("/api/receipts", receipts),
    )
]
