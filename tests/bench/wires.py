"""The bare round trip of each protocol: one register (node) read and one written, by the library, nothing else."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter_ns

from asyncua import Client, ua
from pymodbus.client import AsyncModbusTcpClient

from edge.settings import DeviceSettings, read_tags

READ, WRITTEN = "StateCurrent", "CmdArg3"
"""A word of the PLC, and one of ours that means nothing as long as no CmdSeq follows."""

RoundTrip = Callable[[], Awaitable[float]]
"""Milliseconds one took."""


@asynccontextmanager
async def modbus(device: DeviceSettings) -> AsyncIterator[RoundTrip]:
    """Over a connection of its own."""
    tags = {tag.name: tag.address for tag in read_tags(device.tags)}
    client = AsyncModbusTcpClient(device.host, port=device.port, timeout=2, retries=0, reconnect_delay=0)
    if not await client.connect():
        raise ConnectionError(f"{device.host}:{device.port}")

    async def round_trip() -> float:
        started = perf_counter_ns()
        await client.read_holding_registers(tags[READ], count=1, device_id=device.unit)
        await client.write_registers(tags[WRITTEN], [0], device_id=device.unit)
        return (perf_counter_ns() - started) / 1e6

    try:
        yield round_trip
    finally:
        client.close()


@asynccontextmanager
async def opcua(device: DeviceSettings) -> AsyncIterator[RoundTrip]:
    """Over a session of its own."""
    tags = {tag.name: tag.node for tag in read_tags(device.tags)}
    uri, _, path = device.root.removeprefix("nsu=").partition(";s=")
    async with Client(device.url) as client:
        index = await client.get_namespace_index(uri)
        read, written = (client.get_node(f"ns={index};s={path}.{tags[name]}") for name in (READ, WRITTEN))
        zero = ua.DataValue(ua.Variant(0, ua.VariantType.UInt16))

        async def round_trip() -> float:
            started = perf_counter_ns()
            await read.read_value()
            await written.write_value(zero)
            return (perf_counter_ns() - started) / 1e6

        yield round_trip
