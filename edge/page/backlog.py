"""Lines waiting for one reader: bounded; a reader that is too slow loses them, counted, and starts afresh."""

import asyncio
from collections import deque

LINES_MAX = 2_000
BYTES_MAX = 4_000_000
TAKE_BYTES = 65_536


class Backlog:
    """`stale` at first and after an overflow: the reader then needs the whole state before any further line.

    `skip` messages that come next are in that state already.
    """

    def __init__(self, lines_max: int = LINES_MAX, bytes_max: int = BYTES_MAX) -> None:
        self.stale = True
        self.dropped = 0
        self.skip = 0
        self._lines: deque[tuple[bool, bytes]] = deque()
        self._bytes = 0
        self._lines_max = lines_max
        self._bytes_max = bytes_max
        self._wake = asyncio.Event()
        self._wake.set()

    def push(self, line: bytes) -> int:
        """Queues a line; returns how many lines were lost by it, this one included."""
        if self.stale:
            self.dropped += 1
            return 1
        if len(self._lines) >= self._lines_max or self._bytes + len(line) > self._bytes_max:
            lost = self.reset() + 1
            self.dropped += lost
            return lost
        self._append(line, kept=False)
        return 0

    def keep(self, line: bytes) -> None:
        """Queues a line that an overflow does not take: an answer somebody waits for. The caller bounds these."""
        self._append(line, kept=True)

    def reset(self) -> int:
        """Forgets what waits, answers excepted: a new state makes it void. Returns how many lines that were."""
        before = len(self._lines)
        self._lines = deque(entry for entry in self._lines if entry[0])
        self._bytes = sum(len(line) for _, line in self._lines)
        self.stale = True
        self._wake.set()
        return before - len(self._lines)

    async def wait(self) -> None:
        """Until there is something to take, or a state to send."""
        await self._wake.wait()

    def restart(self) -> None:
        """The state goes out now: lines after it count again."""
        self.stale = False

    def take(self) -> list[bytes]:
        """The next lines, at least one if there are any, about TAKE_BYTES at most."""
        lines: list[bytes] = []
        size = 0
        while self._lines and size < TAKE_BYTES:
            _, line = self._lines.popleft()
            lines.append(line)
            size += len(line)
        self._bytes -= size
        if not self._lines and not self.stale:
            self._wake.clear()
        return lines

    def _append(self, line: bytes, *, kept: bool) -> None:
        self._lines.append((kept, line))
        self._bytes += len(line)
        self._wake.set()
