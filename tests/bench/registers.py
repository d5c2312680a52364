"""A Modbus device for the tag benchmark, in a process of its own: all registers there are, every tenth one counting.

    python -m tests.bench.registers

Says the port it listens on. It does next to nothing, so that the client is what is measured.
"""

import asyncio
import struct
from typing import Never, cast

import uvloop

REGISTERS = 65_536
CHANGING = 10


class Device(asyncio.Protocol):
    """One connection; function 3 only."""

    def __init__(self, memory: bytearray) -> None:
        self._memory = memory
        self._transport: asyncio.Transport | None = None
        self._count = 0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not an instance of it

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 12:
            head, (address, count) = self._buffer[:8], struct.unpack(">HH", self._buffer[8:12])
            self._buffer = self._buffer[12:]
            self._count = (self._count + 1) % 65_536
            for at in range(address - address % -CHANGING, address + count, CHANGING):
                struct.pack_into(">H", self._memory, 2 * at, self._count)
            words = bytes(self._memory[2 * address : 2 * (address + count)])
            answer = head[:4] + struct.pack(">H", 3 + len(words)) + head[6:8] + bytes((len(words),)) + words
            assert self._transport is not None
            self._transport.write(answer)


async def serve() -> Never:
    """Until terminated."""
    memory = bytearray(2 * REGISTERS + 2 * CHANGING)
    server = await asyncio.get_running_loop().create_server(lambda: Device(memory), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
    raise AssertionError("the device never stops by itself")


if __name__ == "__main__":
    uvloop.run(serve())
