"""The memory of a PLC: named words with one writer each, taken in and given out once per scan cycle.

What a client writes stands in the memory at once, so that it can be read back, and takes effect at the next scan: all
that came since the last one, in the order it came. The program's own words belong to the program alone.
"""

import time
from collections.abc import Callable, Iterable

from plc_sim.agenda import Agenda, Ticket
from plc_sim.codes import DWORD

Value = int | str | bool

SCAN_MS = 20


class TagMemory:
    """Protocol timers and the PLC's clock are wall milliseconds: `speed` site milliseconds each."""

    def __init__(self, agenda: Agenda, speed: int, inputs: Iterable[str], triggers: Iterable[str]) -> None:
        self.agenda = agenda
        self.speed = speed
        self.refused_writes = 0
        """Writes of clients to what is not theirs."""
        self.values: dict[str, Value] = {}
        self.changed: dict[str, None] = {}
        """Tags that changed since a protocol last took them, in the order of their last change."""
        self.live: dict[str, Callable[[], Value]] = {"UptimeMs": lambda: self.uptime_ms}
        """Tags computed when they are read."""
        self._inputs = frozenset(inputs)
        self._triggers = frozenset(triggers)
        self._due: dict[str, None] = {}
        self._scan: Ticket | None = None
        self._started_ms = agenda.now_ms
        self._jumped_ms = 0

    # What a program adds

    def on_trigger(self, name: str) -> None:
        """At a scan: a client has written this tag."""

    def on_scan(self, taken: Iterable[str]) -> None:
        """At the end of a scan in which these tags were taken in."""

    # Words

    def put(self, name: str, value: Value) -> None:
        """Set a tag of the program's own."""
        if name in self._inputs:
            raise AssertionError(f"{name} belongs to the WCS; the program may not write it")
        self._set(name, value)

    def read(self, name: str) -> Value:
        """The value of a tag; 0 for one this program never sets."""
        live = self.live.get(name)
        return live() if live is not None else self.values.get(name, 0)

    def write(self, name: str, value: Value) -> bool:
        """A client writes a tag; False (and counted) when it is not the client's to write."""
        if name not in self._inputs:
            self.refused_writes += 1
            return False
        self._set(name, value)
        if name in self._triggers:
            self._due.pop(name, None)
            self._due[name] = None
            if self._scan is None:
                cycle_ms = SCAN_MS * self.speed
                past_ms = (self.agenda.now_ms - self._started_ms) % cycle_ms
                self._scan = self.agenda.at(self.agenda.now_ms + cycle_ms - past_ms, self._scanned)
        return True

    def word(self, name: str) -> int:
        """A numeric tag as the program reads it."""
        return int(self.values.get(name, 0))

    @property
    def on_ms(self) -> int:
        """Wall milliseconds since the PLC started."""
        return (self.agenda.now_ms - self._started_ms) // self.speed

    @property
    def uptime_ms(self) -> int:
        """The PLC's own clock; starts at 0, and may have jumped."""
        return (self.on_ms + self._jumped_ms) % DWORD

    @property
    def utc_s(self) -> float:
        """What the PLC takes for the time of day, in seconds of the Unix epoch."""
        return time.time() + self._jumped_ms / 1000

    def jump_clock(self, by_ms: int) -> None:
        """The PLC's clock is set; its scan and its heartbeat do not notice."""
        self._jumped_ms += by_ms

    def forget(self) -> None:
        """Power off and on: what clients wrote is gone, the clock starts again."""
        self._started_ms = self.agenda.now_ms
        self._jumped_ms = 0
        self._due.clear()
        for name in self._inputs & self.values.keys():
            self._set(name, 0)

    def _set(self, name: str, value: Value) -> None:
        if self.values.get(name) != value:
            self.values[name] = value
            self.changed.pop(name, None)
            self.changed[name] = None

    def _scanned(self) -> None:
        self._scan = None
        due, self._due = self._due, {}
        for name in due:
            self.on_trigger(name)
        self.on_scan(due)
