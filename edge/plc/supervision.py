"""Keeping a link up, the same for every protocol: try, hold, tell once, back off with full jitter, try anew."""

import asyncio
import contextlib
import logging
import random
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Never

from edge.plc.image import LinkLost, ProcessImage

BACK_OFF_S = 0.25
BACK_OFF_MAX_S = 5.0
STEADY_S = 5.0
"""A link that stood this long starts again with the shortest back-off."""
DEAD_PEER_MS = 1500
"""Unacknowledged bytes older than this break the connection (TCP_USER_TIMEOUT)."""

logger = logging.getLogger(__name__)


def harden(transport: asyncio.BaseTransport | None) -> None:
    """Closing frees the PLC's few connections at once (reset, no lingering); a peer that vanished is noticed."""
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is None:
        return
    with contextlib.suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)


def still_wanted() -> None:
    """Raises CancelledError in a cancelled task: `asyncio.wait_for` of Python 3.11 and asyncua may swallow it.

    A task that waits in the exit of a TaskGroup of 3.11 instead of in its body is left marked as cancelled when a child
    fails; so the links wait in the body.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def lasting(work: Awaitable[Never]) -> Never:
    """Work that ends only by cancelling it or by losing the link; what looks like the former and is not is the latter.

    A library that cancels a future of its own, or raises a CancelledError of its own kind (wait_for2, by which asyncua
    waits), would end a task so that its TaskGroup takes no notice.
    """
    try:
        await work
    except asyncio.CancelledError as error:
        still_wanted()
        raise LinkLost("a request was broken off") from error


def pause_s(failures: int) -> float:
    """Full jitter: anything up to the doubled time, capped."""
    return random.uniform(0.0, min(BACK_OFF_MAX_S, BACK_OFF_S * 2 ** min(failures, 10)))


async def supervise(name: str, image: ProcessImage, hold: Callable[[Callable[[], None]], Awaitable[Never]]) -> Never:
    """Calls `hold(up)` again and again: it connects, reads everything, calls `up`, raises LinkLost when it is over."""
    failures, said, lost_at = 0, False, time.monotonic()
    up_at = lost_at

    def up() -> None:
        nonlocal said, up_at
        image.link_up()
        up_at = time.monotonic()
        logger.info("link good", extra={"device": name, "gone_ms": int((up_at - lost_at) * 1000)})
        said = False

    while True:
        reason = ""
        try:
            await lasting(hold(up))
        except* LinkLost as lost:
            reason = str(_first(lost))
        finally:
            stood_s = time.monotonic() - up_at if image.good else 0.0
            if image.good:
                lost_at = time.monotonic()
            image.link_lost(reason or "closed")
        still_wanted()
        failures = 0 if stood_s > STEADY_S else failures + 1
        if not said:
            logger.warning("link lost", extra={"device": name, "reason": reason})
            said = True
        await asyncio.sleep(pause_s(failures))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
