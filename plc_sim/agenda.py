"""The one calendar of a simulated world: what is due when, in site milliseconds, in a total order."""

from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[], None]


class Ticket:
    """An entry that can still be struck out."""

    __slots__ = ("action",)

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action

    def cancel(self) -> None:
        """Strike the entry out; harmless when it has already happened."""
        self.action = None


class Agenda:
    """Runs actions in order of (time, order of entry); nothing else makes time pass."""

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self._heap: list[tuple[int, int, Ticket]] = []
        self._entries = 0

    def at(self, at_ms: int, action: Action) -> Ticket:
        """Enter an action; one in the past happens at once, that is next."""
        ticket = Ticket(action)
        self._entries += 1
        heappush(self._heap, (max(at_ms, self.now_ms), self._entries, ticket))
        return ticket

    @property
    def next_at_ms(self) -> int | None:
        """When something is due next."""
        while self._heap and self._heap[0][2].action is None:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, to_ms: int) -> None:
        """Do everything due up to and at `to_ms`, then stand at `to_ms`."""
        while self._heap and self._heap[0][0] <= to_ms:
            at_ms, _, ticket = heappop(self._heap)
            action, ticket.action = ticket.action, None
            if action is not None:
                self.now_ms = at_ms
                action()
        self.now_ms = max(self.now_ms, to_ms)
