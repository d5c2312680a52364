"""Tags of a PLC over OPC UA, for the conformance kit."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError

from edge.settings import Tag
from plc_sim.conformance.wire import ANSWER_MAX_S, Refused, WireError
from plc_sim.opcua.space import VARIANTS
from plc_sim.tags import Value

CONNECT_MAX_S = 10.0


class OpcUaWire:
    """One session, reading and writing; `root` is `nsu=<namespace uri>;s=<path>`."""

    def __init__(self, url: str, root: str, tags: Iterable[Tag]) -> None:
        self._url, self._root = url, root
        self._tags = {tag.name: tag for tag in tags}
        self._client = Client(url, timeout=ANSWER_MAX_S)
        self._nodes: dict[str, ua.NodeId] = {}

    async def open(self) -> None:
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        uri, _, path = self._root.removeprefix("nsu=").partition(";s=")
        try:
            async with asyncio.timeout(CONNECT_MAX_S):
                await self._client.connect()
                spaces = await self._client.get_namespace_array()
        except (OSError, TimeoutError, UaError) as error:
            raise WireError(f"no session on {self._url}: {error or type(error).__name__}") from error
        if uri not in spaces:
            raise WireError(f"the server has no namespace {uri}; it has {', '.join(spaces)}")
        index = ua.Int16(spaces.index(uri))
        self._nodes = {name: ua.NodeId(ua.String(f"{path}.{tag.node}"), index) for name, tag in self._tags.items()}

    async def close(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                await self._client.disconnect()
        except (OSError, TimeoutError, UaError):
            self._client.disconnect_socket()

    async def read(self, names: Sequence[str]) -> dict[str, Value]:
        """In one request."""
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                found = await self._client.uaclient.read_attributes(
                    [self._nodes[name] for name in names], AttributeIds.Value
                )
        except (OSError, TimeoutError, UaError) as error:
            raise WireError(f"no answer to a read: {error or type(error).__name__}") from error
        values: dict[str, Value] = {}
        for name, item in zip(names, found, strict=True):
            if item.StatusCode is not None and item.StatusCode.is_bad():
                raise Refused(f"{self._nodes[name].to_string()}: {item.StatusCode.name}")
            values[name] = item.Value.Value if item.Value is not None and item.Value.Value is not None else 0
        return values

    async def write(self, values: Mapping[str, Value]) -> None:
        data = [ua.DataValue(ua.Variant(value, VARIANTS[self._tags[name].type])) for name, value in values.items()]
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                codes = await self._client.uaclient.write_attributes([self._nodes[name] for name in values], data)
        except (OSError, TimeoutError, UaError) as error:
            raise WireError(f"no answer to a write: {error or type(error).__name__}") from error
        refused = [f"{name}: {code.name}" for name, code in zip(values, codes, strict=True) if not code.is_good()]
        if refused:
            raise Refused(", ".join(refused))
