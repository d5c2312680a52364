"""Both streams with one peer, as logic without I/O: what comes in, what is to be committed, what is to be said.

Bad input is counted, logged once per reason, answered with a nack, and never stops the process. What it does to the
stream depends on what could be read:

* nothing (not JSON, another schema, wrong stream, too large): refused; the number it had, if any, is still missing and
  will be sent again;
* a damaged payload (bad hash): refused likewise, and set aside when the same number comes in damaged DOUBTS_MAX times;
* a sound envelope whose payload this version cannot read: set aside at once.

Set aside means: an EventSetAside takes the message's place in the journal, so that an operator sees it, and the stream
goes on. Times in it are the sender's.
"""

import json
import logging
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from edge.codec import BadMessage, decode
from edge.messages import EventSetAside, Message
from edge.uplink.envelope import (
    TRAVELS,
    Ack,
    Data,
    Hello,
    Nack,
    Reason,
    Refused,
    Route,
    pack_data,
    pack_own,
    parse,
)
from edge.uplink.stream import Handshake, Receiver, Row, Sender, Standing, Verdict

logger = logging.getLogger(__name__)

HELLO_EVERY_MS = 5_000
HELLO_SOON_MS = 1_000
HELLO_LEAST_MS = 20
ALIVE_MS = 15_000
ACK_EVERY_MS = 20
ACK_EVERY = 100
NACKS_MAX = 20
BODY_SHOWN = 2_000

COUNTS = ("uplink_sent", "uplink_received", "uplink_duplicates", "uplink_resent", "uplink_refused", "uplink_nacked")


class Figures(Protocol):
    """Where the uplink counts; the names are COUNTS."""

    def count(self, name: str, n: int = 1) -> None: ...


@dataclass(frozen=True, slots=True)
class Inbound:
    """The next number of the peer's stream, to be committed."""

    epoch: str
    n: int
    message: Message


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something to be published now; `expiry_s` 0 = never out of date."""

    topic: str
    payload: bytes
    expiry_s: int = 0


class Link:
    """One peer. Times are monotonic milliseconds, except `sent_ms` (UTC, for the reader)."""

    def __init__(self, route: Route, boot: str, epoch: str, last: int, received: tuple[str, int], figures: Figures):
        self.route = route
        self.sender = Sender(epoch, last)
        self._receiver: Receiver[Data | EventSetAside] = Receiver(*received)
        self._hands = Handshake(boot)
        self._figures = figures
        self._heard_ms: int | None = None
        self._hello_ms = 0
        self._helloed_ms = -HELLO_LEAST_MS
        self._ack_ms: int | None = None
        self._acked_n = 0
        self._nacks: deque[Nack] = deque(maxlen=NACKS_MAX)
        self._logged: set[str] = set()

    def join(self, now_ms: int) -> None:
        """We are on a new connection to the broker."""
        self._hands.join()
        self._hello_ms = now_ms

    def online(self, now_ms: int) -> bool:
        """The peer answered and was heard lately."""
        return self._heard_ms is not None and now_ms - self._heard_ms <= ALIVE_MS

    def hear(self, topic: str, raw: bytes, now_ms: int) -> tuple[str, int] | None:
        """Takes what came in; the (epoch, number) whose commit it has to wait for, or None."""
        try:
            packet = parse(self.route, topic, raw)
        except Refused as refused:
            self._refuse(refused)
            self._doubt(refused, now_ms)
            return None
        if isinstance(packet, Hello):
            self._hear_hello(packet, now_ms)
        elif isinstance(packet, Data):
            self._heard(now_ms)
            return self._hear_data(packet, now_ms)
        elif isinstance(packet, Ack):
            self._hear_ack(packet, now_ms)
        else:
            self._hear_nack(packet)
        return None

    def _heard(self, now_ms: int) -> None:
        if self._hands.peer_boot:
            self._heard_ms = now_ms

    def _hear_hello(self, hello: Hello, now_ms: int) -> None:
        was_open = self._hands.open
        standing = self._hands.hear(hello)
        if standing is not Standing.SAME:
            self._say_hello(now_ms)
        if standing is Standing.STRANGER:
            return
        self._heard(now_ms)
        if standing is Standing.NEW:
            self._receiver.begin(hello.epoch)
            self._acked_n = self._receiver.committed_n
            self.sender.begin(hello.received_epoch, hello.received_n)
            if self.sender.stopped:
                logger.error("uplink stopped", extra={"peer": self.route.peer, "why": self.sender.stopped})
        elif hello.received_epoch == self.sender.epoch:
            self.sender.acknowledge(hello.received_n, now_ms)
        if standing is Standing.BACK or (self._hands.open and not was_open):
            self.sender.rewind()
        if hello.epoch == self._receiver.epoch:
            self._skip_gone(hello)

    def _skip_gone(self, hello: Hello) -> None:
        gone = self._receiver.gone_before(hello.first)
        if gone is None:
            return
        error = f"messages {gone[0]} to {gone[1]} from {self.route.peer} are gone: its journal no longer has them"
        self._refuse(Refused(Reason.GONE, error))
        body = json.dumps({"peer": self.route.peer, "epoch": hello.epoch, "from": gone[0], "to": gone[1]})
        self._receiver.skip(gone[1], EventSetAside(at_ms=hello.sent_ms, kind="uplink", body=body, error=error))

    def _hear_data(self, data: Data, now_ms: int) -> tuple[str, int] | None:
        verdict = self._receiver.take(data.epoch, data.n, data, now_ms)
        if verdict is Verdict.NEXT:
            return data.epoch, data.n
        if verdict is Verdict.DUPLICATE:
            self._figures.count("uplink_duplicates")
            self._ack_by(now_ms + ACK_EVERY_MS)
        elif verdict is Verdict.STRANGE:
            self._say_hello(now_ms)
        elif verdict is Verdict.FULL:
            self._figures.count("uplink_refused")
        return None

    def next_inbound(self) -> Inbound | None:
        """What is to be committed next; in order, each once."""
        ready = self._receiver.ready()
        if ready is None:
            return None
        epoch, n, item = ready
        return Inbound(epoch, n, self._read(item) if isinstance(item, Data) else item)

    def _read(self, data: Data) -> Message:
        """The message, or what takes its place if this version cannot read it."""
        reason = Reason.BAD_PAYLOAD if data.kind in TRAVELS else Reason.UNKNOWN_KIND
        try:
            if data.kind not in TRAVELS:
                raise BadMessage(f"kind: {data.kind[:60]!r} is not a message this version takes from a peer")
            return decode(data.kind, data.payload)
        except BadMessage as error:
            return self._aside(Refused(reason, str(error), data), data)

    def _aside(self, refused: Refused, data: Data) -> EventSetAside:
        self._refuse(refused)
        body = data.payload[:BODY_SHOWN].decode(errors="replace")
        return EventSetAside(at_ms=data.at_ms, kind=data.kind, body=body, error=str(refused))

    def _doubt(self, refused: Refused, now_ms: int) -> None:
        data = refused.data
        if data is not None and self._receiver.doubt(data.epoch, data.n):
            self._receiver.take(data.epoch, data.n, self._aside(refused, data), now_ms)

    def _refuse(self, refused: Refused) -> None:
        data = refused.data
        self._figures.count("uplink_refused")
        kind, n = (data.kind, data.n) if data is not None else ("", 0)
        self._nacks.append(Nack(refused.reason, refused.detail[:300], kind[:60], n))
        self._log_once(f"{refused.reason} {kind}", "uplink refused", reason=refused.reason, detail=refused.detail[:300])

    def _log_once(self, key: str, what: str, **fields: object) -> None:
        if key not in self._logged and len(self._logged) < 1_000:
            self._logged.add(key)
            logger.error(what, extra={"peer": self.route.peer, **fields})

    def overflow(self) -> None:
        """More came in than can wait; what was dropped will be sent again."""
        self._refuse(Refused(Reason.OVERFLOW, "more came in than can wait"))

    def _hear_ack(self, ack: Ack, now_ms: int) -> None:
        if ack.boot != self._hands.peer_boot or ack.epoch != self.sender.epoch:
            return
        self._heard(now_ms)
        self.sender.acknowledge(ack.n, now_ms)
        if ack.missing_from:
            self.sender.asked(ack.missing_from, ack.missing_to)

    def _hear_nack(self, nack: Nack) -> None:
        self._figures.count("uplink_nacked")
        fields = {"reason": nack.reason[:60], "detail": nack.detail, "kind": nack.kind, "seq": nack.seq}
        self._log_once(f"nack {nack.reason[:60]} {nack.kind[:60]}", "uplink refused by peer", **fields)

    def committed(self, inbound: Inbound, now_ms: int) -> None:
        """It is on disk."""
        self._figures.count("uplink_received")
        if self._receiver.committed(inbound.epoch, inbound.n):
            many = self._receiver.committed_n - self._acked_n >= ACK_EVERY
            self._ack_by(now_ms if many else now_ms + ACK_EVERY_MS)

    def fill(self, after: int, rows: list[Row], now_ms: int) -> None:
        """Rows of the outbox that `sender.wanted` asked for."""
        if self.sender.fill(after, rows):
            self._say_hello(now_ms)

    def _ack_by(self, at_ms: int) -> None:
        self._ack_ms = at_ms if self._ack_ms is None else min(at_ms, self._ack_ms)

    def _say_hello(self, now_ms: int) -> None:
        self._hello_ms = min(self._hello_ms, max(now_ms, self._helloed_ms + HELLO_LEAST_MS))

    def speak(self, now_ms: int, sent_ms: int, at_most: int) -> list[Outgoing]:
        """What is to be published now: the uplink's own first, then messages in order."""
        out: list[Outgoing] = []
        if now_ms >= self._hello_ms and at_most > 0:
            out.append(self._hello(now_ms, sent_ms))
        if len(out) < at_most and (ack := self._ack(now_ms)) is not None:
            out.append(ack)
        while self._nacks and len(out) < at_most:
            out.append(Outgoing(self.route.own("nack"), pack_own(self.route, self._nacks.popleft())))
        if self._may_send(now_ms):
            for (n, kind, body), again in self.sender.due(now_ms, at_most - len(out)):
                self._figures.count("uplink_resent" if again else "uplink_sent")
                payload = pack_data(self.route, self.sender.epoch, n, kind, body, sent_ms)
                out.append(Outgoing(self.route.business(kind), payload))
        return out

    def _may_send(self, now_ms: int) -> bool:
        """To a peer that is not there nothing is sent: a broker would only keep it, or lose it."""
        return self._hands.open and self.online(now_ms)

    def _hello(self, now_ms: int, sent_ms: int) -> Outgoing:
        hands, receiver = self._hands, self._receiver
        self._helloed_ms = now_ms
        self._hello_ms = now_ms + (HELLO_SOON_MS if not hands.open and self.online(now_ms) else HELLO_EVERY_MS)
        hello = Hello(
            boot=hands.boot,
            turn=hands.turn,
            echo=hands.echo,
            epoch=self.sender.epoch,
            first=self.sender.first,
            received_epoch=receiver.epoch,
            received_n=receiver.committed_n,
            sent_ms=sent_ms,
        )
        return Outgoing(self.route.own("hello"), pack_own(self.route, hello), ALIVE_MS // 1000)

    def _ack(self, now_ms: int) -> Outgoing | None:
        missing = self._receiver.missing(now_ms)
        if missing is None and (self._ack_ms is None or now_ms < self._ack_ms):
            return None
        self._ack_ms = None
        self._acked_n = self._receiver.committed_n
        ack = Ack(self._hands.boot, self._receiver.epoch, self._acked_n, *(missing or (0, 0)))
        return Outgoing(self.route.own("ack"), pack_own(self.route, ack))

    def wake_ms(self, now_ms: int) -> int:
        """When `speak` has something to say next, as far as is known now."""
        if self._nacks or (self.sender.waiting and self._may_send(now_ms)):
            return now_ms
        deadline_ms = self.sender.deadline_ms if self._may_send(now_ms) else None
        times = [self._hello_ms, self._ack_ms, self._receiver.ask_ms, deadline_ms]
        return min(time for time in times if time is not None)
