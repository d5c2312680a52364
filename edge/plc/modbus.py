"""Keeps one process image alive over Modbus TCP (or TLS): connect, read everything, then poll and answer.

Each life of the link has fresh connections; a write that is not answered is WriteUnknown and never sent again from
here.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Never

from edge.plc.gateway import Gateway, Seat, gateway_of
from edge.plc.image import ProcessImage
from edge.plc.liveness import keep_fresh
from edge.plc.planner import Reader
from edge.plc.polling import Polling
from edge.plc.supervision import supervise
from edge.plc.values import Value, WriteRejected, WriteUnknown, monotonic_ms
from edge.plc.wire import UNSURE, Refused, Unanswered, tls_context
from edge.plc.writing import follows, missing_functions, one_request, write_and_read
from edge.settings import ConfigError, DeviceSettings, Tag

Values = tuple[tuple[str, Value], ...]


async def keep(device: DeviceSettings, tags: Sequence[Tag], image: ProcessImage) -> Never:
    """Keeps the image alive over Modbus TCP, for ever. Raises ConfigError."""
    _check(device, tags)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it repeats what the supervision says once
    with gateway_of(device) as gateway:
        name = f"{device.host}:{device.port}/{device.unit}"
        await supervise(name, image, lambda up: _hold(gateway, device, image, up))


def _check(device: DeviceSettings, tags: Sequence[Tag]) -> None:
    """Raises ConfigError for what no request could read or write."""
    strays = [tag.name for tag in tags if tag.table == "node" or tag.words > device.max_read]
    if strays:
        text = f"{', '.join(strays[:5])}: not readable over modbus with max_read {device.max_read}"
        raise ConfigError([f"{device.tags}: {text}"])
    missing = missing_functions(device, tags)
    if missing:
        raise ConfigError([f"{device.tags}: {finding}" for finding in missing[:5]])
    if device.tls is not None:
        tls_context(device)


async def _hold(gateway: Gateway, device: DeviceSettings, image: ProcessImage, up: Callable[[], None]) -> Never:
    """One life of the link. Raises LinkLost."""
    async with gateway.joined(device) as (polls, asks):
        seat = Seat(device, polls, asks, image.counts)
        polling = Polling(seat, image)
        async with asyncio.TaskGroup() as group:
            for line in seat.lines:
                group.create_task(line.until_gone())
            group.create_task(_follow(seat, polling, image, up))
            await seat.until_gone()  # in the body: see still_wanted
        raise AssertionError("the tasks of a link end only by losing it")


async def _follow(seat: Seat, polling: Polling, image: ProcessImage, up: Callable[[], None]) -> Never:
    """Reads everything, then lives. Raises LinkLost."""
    await polling.read_everything()
    up()
    writer = Writer(seat, polling, image)
    async with asyncio.TaskGroup() as group:
        group.create_task(polling.run())
        group.create_task(polling.retry())
        group.create_task(polling.probe())
        group.create_task(keep_fresh(seat.name, image, polling.ask))
        await image.serve(polling.ask, writer.write, writer.joins, writer.write_read)
    raise AssertionError("the tasks of a link end only by losing it")


class Writer:
    """What equipment writes, as requests of this device."""

    def __init__(self, seat: Seat, polling: Polling, image: ProcessImage) -> None:
        self._seat = seat
        self._polling = polling
        self._image = image
        self._tags = {tag.name: tag for tag in image.tags}

    def joins(self, before: Values, after: Values) -> bool:
        """Whether the second can go out with the first."""
        return follows(self._seat.device, self._tagged(before), self._tagged(after))

    async def write(self, values: Values) -> None:
        """One request. Raises WriteRejected or WriteUnknown."""
        request = one_request(self._seat.device, self._tagged(values))
        try:
            await self._seat.write(request)
        except (Refused, Unanswered) as error:
            raise _outcome(error) from error

    async def write_read(self, values: Values, names: tuple[str, ...]) -> bool:
        """Writes, then reads, in one request; False if that cannot be and nothing was done. Raises WriteUnknown."""
        device, request = self._seat.device, one_request(self._seat.device, self._tagged(values))
        blocks = self._polling.blocks(names)
        if not write_and_read(device, request, blocks):
            return False
        asked_ms = monotonic_ms()
        try:
            words = await self._seat.write_read(request, blocks[0])
        except (Refused, Unanswered) as error:
            outcome = _outcome(error)
            if isinstance(outcome, WriteUnknown):
                raise outcome from error
            return False  # what was to be read may be the reason: each for itself
        self._image.update(dict(Reader(blocks[0]).values(words)), asked_ms)
        return True

    def _tagged(self, values: Values) -> list[tuple[Tag, Value]]:
        return [(self._tags[name], value) for name, value in values]


def _outcome(error: Refused | Unanswered) -> WriteRejected | WriteUnknown:
    if isinstance(error, Refused) and error.code not in UNSURE:
        return WriteRejected(str(error))
    return WriteUnknown(str(error))
