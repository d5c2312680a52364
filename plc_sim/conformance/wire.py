"""Tags of a PLC over plain Modbus TCP, written without the edge's code: a kit that shared it would test nothing."""

import asyncio
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from edge.settings import Tag
from plc_sim.tags import Value
from plc_sim.words import decode, encode

ANSWER_MAX_S = 2.0
READ_MAX = 100
GAP_MAX = 8
TABLES = {"holding": 3, "input": 4, "coil": 1, "discrete": 2}
BITS = ("coil", "discrete")


class WireError(Exception):
    """No connection, no answer, or an answer that is none."""


class Refused(WireError):
    """The PLC answered with an exception."""


class Wire(Protocol):
    """What the kit asks of a protocol. All raise WireError."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def read(self, names: Sequence[str]) -> dict[str, Value]: ...

    async def write(self, values: Mapping[str, Value]) -> None:
        """In one request, in the order given."""
        ...


class ModbusWire:
    """One connection, one request at a time."""

    def __init__(self, host: str, port: int, unit: int, tags: Iterable[Tag]) -> None:
        self._host, self._port, self._unit = host, port, unit
        self._tags = {tag.name: tag for tag in tags}
        self._turn = asyncio.Lock()
        self._transaction = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                self._streams = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError) as error:
            raise WireError(f"no connection to {self._host}:{self._port}: {error}") from error

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def read(self, names: Sequence[str]) -> dict[str, Value]:
        """Neighbours come in one request, so that a slot of a ring is read as a whole."""
        values: dict[str, Value] = {}
        for run in self._runs([self._tags[name] for name in names]):
            first = run[0]
            count = run[-1].address + run[-1].words - first.address
            body = await self._ask(bytes((TABLES[first.table],)) + struct.pack(">HH", first.address, count))
            cells = _cells(first.table, body, count)
            for tag in run:
                at = tag.address - first.address
                mine = cells[at : at + tag.words]
                if tag.bit is not None:
                    values[tag.name] = bool(mine[0] >> tag.bit & 1)
                else:
                    values[tag.name] = bool(mine[0]) if tag.table in BITS else decode(tag, mine)
        return values

    async def write(self, values: Mapping[str, Value]) -> None:
        tags = [self._tags[name] for name in values]
        words = [word for tag in tags for word in encode(tag, values[tag.name])]
        head = struct.pack(">BHHB", 16, tags[0].address, len(words), 2 * len(words))
        await self._ask(head + struct.pack(f">{len(words)}H", *words))

    def _runs(self, tags: list[Tag]) -> list[list[Tag]]:
        runs: list[list[Tag]] = []
        for tag in sorted(tags, key=lambda tag: (tag.table, tag.address)):
            last = runs[-1] if runs else None
            if (
                last is not None
                and last[-1].table == tag.table
                and tag.address - (last[-1].address + last[-1].words) <= GAP_MAX
                and tag.address + tag.words - last[0].address <= READ_MAX
            ):
                last.append(tag)
            else:
                runs.append([tag])
        return runs

    async def _ask(self, pdu: bytes) -> bytes:
        if self._streams is None:
            raise WireError("not connected")
        reader, writer = self._streams
        async with self._turn:
            self._transaction = self._transaction % 0xFFFF + 1
            writer.write(struct.pack(">HHHB", self._transaction, 0, len(pdu) + 1, self._unit) + pdu)
            try:
                async with asyncio.timeout(ANSWER_MAX_S):
                    _, _, length, _ = struct.unpack(">HHHB", await reader.readexactly(7))
                    answer = await reader.readexactly(length - 1)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                raise WireError(f"no answer to function {pdu[0]}: {error or type(error).__name__}") from error
        if answer[0] & 0x80:
            raise Refused(f"function {pdu[0]} refused with exception {answer[1]}")
        return answer[1:]


def _cells(table: str, body: bytes, count: int) -> list[int]:
    data = body[1:]
    if table in BITS:
        return [data[at // 8] >> at % 8 & 1 for at in range(count)]
    if len(data) != 2 * count:
        raise WireError(f"{len(data)} bytes for {count} registers")
    return list(struct.unpack(f">{count}H", data))
