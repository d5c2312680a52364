"""Numbered, acknowledged streams between two journals, as logic without I/O; time comes in as data.

Theory of operation. A stream goes from one process to another. Its messages are numbered 1, 2, 3 … without gaps within
an *epoch*, an opaque name that the sender's journal got when it was created. The sender sends again until the receiver
acknowledges; the receiver hands on in order, each number once, and acknowledges (cumulatively) what is on its disk.
Both sides persist only what their journals hold anyway: the sender its messages, the receiver (epoch, last number).

Hello. A stream starts, and starts again after every restart or reconnect of either side, with an exchange of hellos.
A hello names the process's `boot` (random per start), its `turn` (rises whenever older answers must not count any
more) and as `echo` the token (boot and turn) it last heard from the peer. Rules:

1. An unknown boot is adopted only if its hello echoes my present token: it is then an answer to this start of mine and
   no leftover in a broker. A token adopts once; any other unknown boot only gets a hello, with a fresh token to echo.
2. Only with adoption may the peer's epoch change or the number it says it has received go down (its journal was lost or
   restored). Within one boot numbers only rise, so late, repeated or reordered packets are harmless.
3. A changed epoch starts at 1. Data of an epoch that was not adopted is dropped (the sender will send it again).
4. `first` is the first number the sender can still supply. If the receiver lacks earlier ones they are gone: it sets
   the gap aside, visibly, and goes on, for a blocked stream stops lorries.
5. If the receiver has more of an epoch than the sender's journal ever held, that journal is an old copy. Its next
   numbers would be mistaken for duplicates, so the stream stops until the journal is given a new epoch.
6. A peer whose turn rises has reconnected: what was on the way to it may be lost and is sent again at once.

One timer mends the rest: no progress of acknowledgements for ACK_TIMEOUT_MS sends the window again (go-back-N, doubling
up to ACK_TIMEOUT_MAX_MS). A receiver that sees a gap for REORDER_MS asks for exactly the missing numbers.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Generic, TypeVar

from edge.uplink.envelope import Hello

WINDOW = 500
WINDOW_BYTES = 4_000_000
ACK_TIMEOUT_MS = 5_000
ACK_TIMEOUT_MAX_MS = 20_000
EARLY_MAX = 500
REORDER_MS = 500
BEHIND_MAX = 1_000
DOUBTS_MAX = 3

Row = tuple[int, str, bytes]
"""A message of the outbox: number, kind, body."""
T = TypeVar("T")


class Standing(Enum):
    """What a hello means for the peer that sent it."""

    SAME = "the peer we know"
    BACK = "the peer we know, reconnected"
    NEW = "a start of the peer we did not know, now adopted"
    STRANGER = "unproven: answer it"


class Handshake:
    """Which start of the peer is the present one; rules 1 and 6."""

    def __init__(self, boot: str) -> None:
        self.boot = boot
        self.turn = 1
        self.echo = ""
        self.open = False
        """The peer has answered us since we joined last, so both directions work."""
        self.peer_boot = ""
        self._peer_turn = 0
        self._spent = False

    @property
    def token(self) -> str:
        return f"{self.boot}.{self.turn}"

    def join(self) -> None:
        """We are on a new connection."""
        self.turn += 1
        self._spent = False
        self.open = False

    def hear(self, hello: Hello) -> Standing:
        """Takes a hello of the peer."""
        answers_us = hello.echo == self.token
        if hello.boot == self.peer_boot:
            self.open = self.open or answers_us
            before = self._peer_turn
            if hello.turn >= before:
                self._meet(hello)
            return Standing.BACK if hello.turn > before else Standing.SAME
        if answers_us and not self._spent:
            self.open = self._spent = True
            self._meet(hello)
            return Standing.NEW
        if self._spent:
            self.turn += 1
            self._spent = False
        self.echo = f"{hello.boot}.{hello.turn}"
        return Standing.STRANGER

    def _meet(self, hello: Hello) -> None:
        self.peer_boot, self._peer_turn = hello.boot, hello.turn
        self.echo = f"{hello.boot}.{hello.turn}"


class Sender:
    """Sends what the outbox holds until the peer has it; at most a window is on the way."""

    def __init__(self, epoch: str, last: int) -> None:
        """`last` is the highest number the outbox ever gave out for this peer."""
        self.epoch = epoch
        self.base = 0
        """The peer has everything up to here."""
        self.first = 1
        self.stopped = ""
        """Why nothing is sent any more (rule 5)."""
        self._begun = False
        self._last = last
        self._filled = 0
        self._window: dict[int, Row] = {}
        self._bytes = 0
        self._queue: deque[int] = deque()
        self._sent: set[int] = set()
        self._timeout_ms = ACK_TIMEOUT_MS
        self._deadline_ms: int | None = None

    def begin(self, received_epoch: str, received_n: int) -> None:
        """A start of the peer was adopted, which has this much of us."""
        self._begun = True
        self.base = received_n if received_epoch == self.epoch else 0
        self.stopped = ""
        if self.base > self._last:
            self.stopped = f"the peer has {self.base} messages of {self.epoch}, this journal gave out {self._last}"
        self.first = 1
        self._filled = self.base
        self._window.clear()
        self._sent.clear()
        self._queue.clear()
        self._bytes = 0
        self._deadline_ms = None

    def wanted(self) -> tuple[int, int] | None:
        """(after number, at most) to be read from the outbox next; None while nothing is needed."""
        room = WINDOW - len(self._window)
        if not self._begun or self.stopped or room <= 0 or self._bytes >= WINDOW_BYTES:
            return None
        return self._filled, room

    def fill(self, after: int, rows: Sequence[Row]) -> bool:
        """Rows read for `wanted`; True if they show that earlier ones are gone (rule 4: say so in a hello)."""
        if not rows or after != self._filled or self.stopped:
            return False
        gone = rows[0][0] != self._filled + 1
        if gone:
            self.first = rows[0][0]
        for row in rows:
            self._window[row[0]] = row
            self._queue.append(row[0])
            self._bytes += len(row[2])
            self._filled = row[0]
            if self._bytes >= WINDOW_BYTES:
                break
        self._last = max(self._last, self._filled)
        return gone

    def due(self, now_ms: int, at_most: int) -> list[tuple[Row, bool]]:
        """What to send now, in order, with whether it was sent before."""
        if self._deadline_ms is not None and now_ms >= self._deadline_ms:
            self._timeout_ms = min(self._timeout_ms * 2, ACK_TIMEOUT_MAX_MS)
            self.rewind()
        out: list[tuple[Row, bool]] = []
        while self._queue and len(out) < at_most:
            n = self._queue.popleft()
            if n not in self._window:
                continue
            out.append((self._window[n], n in self._sent))
            self._sent.add(n)
        if out and self._deadline_ms is None:
            self._deadline_ms = now_ms + self._timeout_ms
        return out

    def rewind(self) -> None:
        """What was on the way may be lost: all of the window is due again."""
        self._queue = deque(self._window)
        self._deadline_ms = None

    def acknowledge(self, n: int, now_ms: int) -> bool:
        """The peer has everything up to n; True if that is news."""
        if not self._begun or self.stopped or not self.base < n <= self._filled:
            return False
        for done in [sent for sent in self._window if sent <= n]:
            self._bytes -= len(self._window.pop(done)[2])
            self._sent.discard(done)
        self.base = n
        self._timeout_ms = ACK_TIMEOUT_MS
        self._deadline_ms = now_ms + ACK_TIMEOUT_MS if self._window else None
        return True

    def asked(self, missing_from: int, missing_to: int) -> None:
        """The peer misses these: they go before everything else."""
        again = [n for n in range(missing_from, min(missing_to, missing_from + WINDOW) + 1) if n in self._sent]
        self._queue = deque(sorted({*again, *self._queue}))

    @property
    def waiting(self) -> bool:
        """Something may be sent at once."""
        return bool(self._queue)

    @property
    def deadline_ms(self) -> int | None:
        return self._deadline_ms


class Verdict(Enum):
    """What became of a number that came in."""

    NEXT = "taken, to be handed on"
    EARLY = "kept until the missing ones have come"
    DUPLICATE = "had it: acknowledge again"
    FULL = "no room: it will be sent again"
    STRANGE = "another epoch: say hello"


class Receiver(Generic[T]):
    """Hands on each number once and in order; acknowledges what is committed."""

    def __init__(self, epoch: str, n: int) -> None:
        """The journal's cursor: last number committed, of which epoch."""
        self.epoch = epoch
        self.committed_n = n
        self._taken = n
        self._early: dict[int, T] = {}
        self._ready: deque[tuple[str, int, T]] = deque()
        self._order: deque[int] = deque()
        self._done: set[int] = set()
        self._ask_ms: int | None = None
        self._doubted = (0, 0)

    def begin(self, epoch: str) -> None:
        """A start of the peer was adopted; another epoch starts at 1 (rule 3)."""
        if epoch == self.epoch:
            return
        self.epoch = epoch
        self.committed_n = self._taken = 0
        self._early.clear()
        self._order.clear()
        self._done.clear()
        self._ask_ms = None

    def gone_before(self, first: int) -> tuple[int, int] | None:
        """The numbers (from, to) that will never come (rule 4), if the peer can only supply from `first` on."""
        return (self._taken + 1, first - 1) if first > self._taken + 1 else None

    def skip(self, n: int, item: T) -> None:
        """Goes on after n; `item` takes the place of all that are missing."""
        self._early = {early: kept for early, kept in self._early.items() if early > n}
        self._hand_on(n, item)
        self._drain()

    def take(self, epoch: str, n: int, item: T, now_ms: int) -> Verdict:
        """Takes a number that came in."""
        if epoch != self.epoch:
            return Verdict.STRANGE
        if n <= self._taken or n in self._early:
            return Verdict.DUPLICATE
        if len(self._order) >= BEHIND_MAX:
            return Verdict.FULL
        if n > self._taken + 1:
            if len(self._early) >= EARLY_MAX:
                return Verdict.FULL
            self._early[n] = item
            self._ask_ms = now_ms + REORDER_MS if self._ask_ms is None else self._ask_ms
            return Verdict.EARLY
        self._hand_on(n, item)
        self._drain()
        return Verdict.NEXT

    def doubt(self, epoch: str, n: int) -> bool:
        """The next number came in damaged; True if that happened so often that it must be given up."""
        if epoch != self.epoch or n != self._taken + 1:
            return False
        times = self._doubted[1] + 1 if self._doubted[0] == n else 1
        self._doubted = (n, times)
        return times >= DOUBTS_MAX

    def _hand_on(self, n: int, item: T) -> None:
        self._taken = n
        self._ready.append((self.epoch, n, item))
        self._order.append(n)

    def _drain(self) -> None:
        while self._taken + 1 in self._early:
            self._hand_on(self._taken + 1, self._early.pop(self._taken + 1))
        self._ask_ms = None if not self._early else self._ask_ms

    def ready(self) -> tuple[str, int, T] | None:
        """The next (epoch, number, item) to be committed, in order; None when there is none."""
        return self._ready.popleft() if self._ready else None

    def committed(self, epoch: str, n: int) -> bool:
        """A number handed on is on disk; True if that moved what may be acknowledged."""
        if epoch != self.epoch:
            return False
        self._done.add(n)
        before = self.committed_n
        while self._order and self._order[0] in self._done:
            self.committed_n = self._order.popleft()
            self._done.discard(self.committed_n)
        return self.committed_n != before

    def missing(self, now_ms: int) -> tuple[int, int] | None:
        """The gap (from, to) to be asked for now; asks again every REORDER_MS."""
        if self._ask_ms is None or now_ms < self._ask_ms:
            return None
        self._ask_ms = now_ms + REORDER_MS
        return self._taken + 1, min(self._early) - 1

    @property
    def ask_ms(self) -> int | None:
        """When the gap is to be asked for; None without one."""
        return self._ask_ms
