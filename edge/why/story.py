"""What all answers to `why` have in common: the fold over the journals, the site's clock, how an answer is printed."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from edge.messages import (
    DepartureClosed,
    DepartureScheduled,
    DivertUnit,
    Message,
    SiteOpened,
    Task,
    TaskAssigned,
    TaskKind,
    TasksPlanned,
    UnitSorted,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MARK = re.compile(r"\bat\((\d+)\)")
Decision = tuple[str, int, int, int]
"""What a machine was asked, once and for all: (machine, boot, seq, tracking id)."""


@dataclass(slots=True)
class Clock:
    """Moments in the site's time zone, or in the one asked for."""

    zone: tzinfo | None = None

    def at(self, at_ms: int) -> str:
        """Date and time to the second."""
        return f"{(_EPOCH + timedelta(milliseconds=at_ms)).astimezone(self.zone or UTC):%Y-%m-%d %H:%M:%S}"

    def told(self, text: str) -> str:
        """The text with its `at(<ms>)` marks turned into moments."""
        return _MARK.sub(lambda mark: self.at(int(mark[1])), text)


def clock_of(timezone: str) -> Clock:
    """The clock of a named zone; "" leaves it to the site."""
    return Clock(ZoneInfo(timezone) if timezone else None)


@dataclass(slots=True)
class Answer:
    """What happened, oldest first, and how it stands now; or, in `unknown`, that nobody has heard of it."""

    about: str
    clock: Clock
    events: list[tuple[int, str]] = field(default_factory=list)
    now: str = ""
    now_ms: int = 0
    unknown: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For people."""
        if self.unknown:
            return [f"{self.about}: {self.unknown}"]
        as_of = f" ({self.clock.at(self.now_ms)})" if self.now_ms else ""
        told = [f"  {self.clock.at(at_ms)}  {text}" for at_ms, text in self.events]
        caveat = [f"  note: {self.more['caveat']}"] if "caveat" in self.more else []
        return [self.about, *told, f"  now{as_of}: {self.now}", *caveat]

    def plain(self) -> dict[str, Any]:
        """For programs; times are UTC ms, in the words the clock's."""
        events = [{"at_ms": at_ms, "text": text} for at_ms, text in self.events]
        said = {"known": not self.unknown, "events": events, "now": self.now or self.unknown}
        return {"about": self.about, **said, **({"now_ms": self.now_ms} if self.now_ms else {}), **self.more}


class Story:
    """What the journals hold about one thing: its messages, its tasks, and what it takes to tell them."""

    def __init__(self, name: str, timezone: str = "") -> None:
        self.name = name
        self.clock = clock_of(timezone)
        self.told: dict[Message, None] = {}
        self.tasks: dict[str, Task] = {}
        self.refills: dict[str, Task] = {}
        """Replenishments, whoever waits for them."""
        self.units: dict[str, None] = {}
        self.decided: dict[Decision, str] = {}
        self.cutoffs: dict[str, int] = {}
        self.departed: dict[str, DepartureClosed] = {}
        self.others: dict[str, None] = {}

    def see(self, message: Message) -> None:
        """Keeps what is about it."""
        if isinstance(message, SiteOpened):
            self.clock.zone = self.clock.zone or ZoneInfo(message.site.timezone)
        elif isinstance(message, DepartureScheduled):
            self.cutoffs[message.departure.departure_id] = message.departure.cutoff_ms
        elif isinstance(message, TasksPlanned):
            for task in message.tasks:
                self.meet(task, message.at_ms)
        elif self.mine(message):
            self.keep(message)
        if isinstance(message, DepartureClosed):
            self.departed[message.departure_id] = message

    def meet(self, task: Task, at_ms: int) -> None:
        """A task was planned, or told again as it is now."""
        if task.kind is TaskKind.REPLENISH:
            self.refills[task.task_id] = task
        if self.wants(task):
            self.tasks[task.task_id] = task
            if task.hu_id:
                self.units[task.hu_id] = None

    def wants(self, task: Task) -> bool:
        """Is the task about it?"""
        raise NotImplementedError

    def mine(self, message: Message) -> bool:
        """Is the message about it?"""
        raise NotImplementedError

    def keep(self, message: Message) -> None:
        if isinstance(message, TaskAssigned):
            self.meet(message.task, message.at_ms)
        elif isinstance(message, DivertUnit):
            self.decided[message.machine_id, message.boot, message.seq, message.tracking_id] = message.hu_id
        self.told[message] = None

    def was_decided(self, message: UnitSorted) -> bool:
        return (message.machine_id, message.boot, message.decision_seq, message.tracking_id) in self.decided

    def all(self, kind: type[Any]) -> list[Any]:
        """The messages of a kind, oldest first."""
        return sorted((m for m in self.told if type(m) is kind), key=lambda message: message.at_ms)

    def last(self, kind: type[Any]) -> Any:
        """The newest message of a kind, or None."""
        return next(reversed(self.all(kind)), None)

    def at(self, at_ms: int) -> str:
        """The moment in the site's time zone."""
        return self.clock.at(at_ms)

    def events(self, words: Mapping[type[Message], Any]) -> list[tuple[int, str]]:
        """What there are words for, oldest first; at the same millisecond in the order of the words."""
        rank = {kind: number for number, kind in enumerate(words)}
        told = sorted((m for m in self.told if type(m) in words), key=lambda m: (m.at_ms, rank[type(m)]))
        return [(message.at_ms, words[type(message)](self, message)) for message in told]


def dated(entries: Iterable[tuple[int, Message]]) -> Iterator[Message]:
    """The messages; one that bears no time of its own gets the entry's."""
    for at_ms, message in entries:
        yield message if message.at_ms else replace(message, at_ms=at_ms)


def near(name: str, names: Iterable[str], what: str) -> str:
    """What to say of a name that is not there: the names that are like it."""
    known = list(names)
    like = difflib.get_close_matches(name, known, n=5, cutoff=0.6)
    are = "is" if len(known) == 1 else "are"
    return f"like it: {', '.join(like)}" if like else f"{counted(len(known), what)} {are} known, none like it"


def because(reason: str) -> str:
    return f": {reason}" if reason else ""


def counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def span(ms: int) -> str:
    """A time span in words."""
    seconds = abs(ms) // 1000
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h {seconds // 60 % 60} min"
