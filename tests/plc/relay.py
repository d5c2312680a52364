"""A TCP relay between the edge and a device that can lie: swallow, hold back and release later, cut."""

import asyncio
import contextlib
import struct


class Relay:
    """Forwards both ways; `swallow` loses everything, `hold` keeps what the client sends until `release`."""

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self.swallow = False
        self.hold = False
        self.sent: list[int] = []
        """Function codes that came from clients, in order."""
        self._to_port = to_port
        self._held: list[tuple[asyncio.StreamWriter, bytes]] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Relay":
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

    def release(self) -> int:
        """What was held goes to the device after all; how many requests."""
        held, self._held = self._held, []
        for writer, data in held:
            writer.write(data)
        return len(held)

    @property
    def holding(self) -> int:
        return len(self._held)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers += [writer, up_writer]
        async with asyncio.TaskGroup() as group:
            # the device's side stays open when the client goes: what is held may still go there
            group.create_task(self._forth(reader, up_writer))
            group.create_task(self._back(up_reader, writer))

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(7)
                body = await reader.readexactly(struct.unpack(">H", head[4:6])[0] - 1)
                self.sent.append(body[0])
                if self.hold:
                    self._held.append((writer, head + body))
                elif not self.swallow:
                    writer.write(head + body)

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                if not self.swallow and not self.hold:
                    writer.write(data)
        writer.close()
