"""TCP relays between the edge and a device that can lie: swallow, hold back and release later, repeat, cut."""

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Callable
from typing import Self


class Relay:
    """Forwards whole requests both ways; the device's side stays open when the client goes, so held bytes may arrive.

    `swallow` loses everything; `hold` keeps what the client sends until `release`. This one knows Modbus TCP.
    """

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self.swallow = False
        self.hold = False
        self.hold_from: Callable[[bytes], bool] | None = None
        """The first request this holds for is kept, and all that come after it."""
        self.repeat = False
        """The next answer of the device is sent twice."""
        self.first: deque[bytes] = deque(maxlen=4)
        """The last requests of clients, as they were on the wire."""
        self.count = 0
        """Requests that came from clients."""
        self._to_port = to_port
        self._held: list[tuple[asyncio.StreamWriter, bytes]] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._up: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def holding(self) -> int:
        return len(self._held)

    def release(self) -> int:
        """What was held goes to the device after all; how many requests."""
        held, self._held = self._held, []
        for writer, data in held:
            writer.write(data)
        return len(held)

    def replay(self, request: bytes) -> None:
        """Sends a recorded request to the device once more, on the newest connection."""
        assert self._up is not None
        self._up.write(request)

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """One request or answer, whole."""
        head = await reader.readexactly(7)
        return head + await reader.readexactly(struct.unpack(">H", head[4:6])[0] - 1)

    def saw(self, request: bytes) -> None:
        """A client sent this."""
        self.count += 1
        self.first.append(request)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        self._up = up_writer
        self._writers += [writer, up_writer]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forth(reader, up_writer))
            group.create_task(self._back(up_reader, writer))

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                request = await self.read(reader)
                self.saw(request)
                if self.hold_from is not None and self.hold_from(request):
                    self.hold, self.hold_from = True, None
                if self.hold:
                    self._held.append((writer, request))
                elif not self.swallow:
                    writer.write(request)

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                answer = await self.read(reader)
                if not self.swallow and not self.hold:
                    writer.write(answer * (2 if self.repeat else 1))
                    self.repeat = False
        writer.close()


class ModbusRelay(Relay):
    """Notes what was asked."""

    def __init__(self, to_port: int) -> None:
        super().__init__(to_port)
        self.sent: list[int] = []
        """Function codes that came from clients, in order."""

    def saw(self, request: bytes) -> None:
        super().saw(request)
        self.sent.append(request[7])


class UaRelay(Relay):
    """The same for the chunks of OPC UA."""

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readexactly(8)
        return head + await reader.readexactly(struct.unpack("<I", head[4:])[0] - 8)
