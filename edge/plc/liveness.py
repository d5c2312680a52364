"""Per-tag liveness: a link that stands proves nothing about one tag, so each has a time in which it must be refreshed.

The most reported failure of all gateways is a healthy-looking link whose values have stopped. A tag that is overdue is
marked UNCERTAIN and counted at once; still overdue at the next look, the link repairs it in its own way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Never

from edge.plc.image import ProcessImage
from edge.plc.values import PlcError

LOOK_MS = 250
REPAIR_MAX = 250
"""Tags repaired in one go; the rest waits for the next look."""

Repair = Callable[[tuple[str, ...]], Awaitable[None]]

logger = logging.getLogger(__name__)


async def keep_fresh(name: str, image: ProcessImage, repair: Repair) -> Never:
    """Has overdue tags repaired, for ever. `repair` may raise PlcError: the next look tries again."""
    waiting: tuple[str, ...] = ()
    while True:
        await asyncio.sleep(LOOK_MS / 1000)
        fresh = image.age_out()
        if fresh:
            logger.warning("tags not refreshed", extra={"device": name, "tags": len(fresh), "first": fresh[0]})
        overdue = dict.fromkeys(image.stale() if fresh or waiting else ())
        still = tuple(tag for tag in waiting if tag in overdue)
        waiting = tuple(overdue)
        if still:
            try:
                await repair(still[:REPAIR_MAX])
            except PlcError as error:
                logger.debug("not repaired", extra={"device": name, "reason": str(error)})
