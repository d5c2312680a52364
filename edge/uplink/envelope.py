"""What stands on the wire: topics, the versioned envelope, and the check of everything that comes in.

Business messages   uns/v1/<enterprise>/<site>/_<subject>/<from>/<to>/<kind>    subject: order, stock, work, machine
The uplink's own    uns/v1/<enterprise>/<site>/_uplink/<from>/<to>/{hello,ack,nack}
Presence            uns/v1/<enterprise>/_edge/<name>/status    retained; the broker publishes `offline` as last will

`site` is the box's name in both directions. A business message is plain JSON:

    {"schema": "edge/1", "stream": "<from>-><to>", "epoch": "...", "seq": 7, "kind": "OrderReleased", "at_ms": ...,
     "sent_ms": ..., "payload": {...}, "hash": "<16 hex digits>"}

`hash` is the start of the SHA-256 of the payload written as JSON with sorted keys, no spaces and UTF-8 unescaped.
Unknown fields are ignored; a change that an older process would misread needs another schema number.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, NoReturn

from edge.codec import BODY_MAX_BYTES
from edge.messages import KINDS, LOCAL

FAMILY, VERSION = "edge", "1"
SCHEMA = f"{FAMILY}/{VERSION}"
ENVELOPE_MAX_BYTES = BODY_MAX_BYTES + 10_000
TEXT_MAX = 100
NUMBER_MAX = 2**53
OFFICE = "office"

_SUBJECTS = {
    "orders": "order", "stock": "stock", "work": "work", "outlook": "work", "machines": "machine",
    "sorting": "machine", "vehicles": "machine",
}  # fmt: skip
TRAVELS = {
    kind: _SUBJECTS.get(message.__module__.rpartition(".")[2], "other")
    for kind, message in KINDS.items()
    if message not in LOCAL
}
"""Every kind that may be on the wire, with its subject."""


class Reason(StrEnum):
    """Why something that came in was refused."""

    WRONG_TOPIC = "WRONG_TOPIC"
    TOO_LARGE = "TOO_LARGE"
    NOT_JSON = "NOT_JSON"
    WRONG_SCHEMA = "WRONG_SCHEMA"
    WRONG_VERSION = "WRONG_VERSION"
    WRONG_STREAM = "WRONG_STREAM"
    BAD_FIELD = "BAD_FIELD"
    BAD_HASH = "BAD_HASH"
    UNKNOWN_KIND = "UNKNOWN_KIND"
    BAD_PAYLOAD = "BAD_PAYLOAD"
    OVERFLOW = "OVERFLOW"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class Data:
    """A business message; `payload` in its canonical JSON."""

    epoch: str
    n: int
    kind: str
    at_ms: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Hello:
    """Who I am and how far I am; see `stream` for the rules."""

    boot: str
    turn: int
    echo: str
    epoch: str
    first: int
    received_epoch: str
    received_n: int
    sent_ms: int = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything up to `n` of your epoch is on my disk; `missing_from` to `missing_to` did not come (0 = no gap)."""

    boot: str
    epoch: str
    n: int
    missing_from: int = 0
    missing_to: int = 0


@dataclass(frozen=True, slots=True)
class Nack:
    """Something of yours was refused; `seq` 0 when its number could not be read."""

    reason: str
    detail: str
    kind: str = ""
    seq: int = 0


Packet = Data | Hello | Ack | Nack


class Refused(Exception):
    """The peer's fault; `data` when the envelope itself could be read."""

    def __init__(self, reason: Reason, detail: str, data: Data | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.data = data


@dataclass(frozen=True, slots=True)
class Route:
    """The topics between this process and one peer."""

    enterprise: str
    me: str
    peer: str

    @property
    def site(self) -> str:
        """The box's name: the one of the two that is not the office."""
        if OFFICE in (self.me, self.peer):
            return self.peer if self.me == OFFICE else self.me
        return min(self.me, self.peer)

    @property
    def subscription(self) -> str:
        """All that the peer sends to this process."""
        return f"uns/v1/{self.enterprise}/{self.site}/+/{self.peer}/{self.me}/+"

    def business(self, kind: str) -> str:
        """The topic for a message of this kind to the peer."""
        return f"uns/v1/{self.enterprise}/{self.site}/_{TRAVELS.get(kind, 'other')}/{self.me}/{self.peer}/{kind}"

    def own(self, what: str) -> str:
        """The topic for a hello, an ack or a nack to the peer."""
        return f"uns/v1/{self.enterprise}/{self.site}/_uplink/{self.me}/{self.peer}/{what}"

    def read_topic(self, topic: str) -> tuple[str, str]:
        """(subject, last level) of a topic from the peer. Raises Refused."""
        parts = topic.split("/")
        here = ["uns", "v1", self.enterprise, self.site, self.peer, self.me]
        if len(parts) != 8 or parts[:4] + parts[5:7] != here or not parts[4].startswith("_"):
            raise Refused(Reason.WRONG_TOPIC, f"{topic[:TEXT_MAX]!r} is not a topic of this link")
        return parts[4][1:], parts[7]


def status_topic(enterprise: str, name: str) -> str:
    """Where a process's presence stands, retained."""
    return f"uns/v1/{enterprise}/_edge/{name}/status"


def canonical(value: Any) -> bytes:
    """The one way a JSON value is written for its hash."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(payload: bytes) -> str:
    """The `hash` of a canonical payload."""
    return sha256(payload).hexdigest()[:16]


def pack_data(route: Route, epoch: str, n: int, kind: str, body: bytes, sent_ms: int) -> bytes:
    """The envelope of one message. A body that is too large goes as null, which the receiver sets aside."""
    payload = json.loads(body) if len(body) <= BODY_MAX_BYTES else None
    at_ms = payload.get("at_ms", 0) if isinstance(payload, dict) else 0
    head = canonical(_head(route) | {"epoch": epoch, "seq": n, "kind": kind, "at_ms": at_ms, "sent_ms": sent_ms})
    written = canonical(payload)
    return head[:-1] + b',"payload":' + written + b',"hash":"' + digest(written).encode() + b'"}'


def pack_own(route: Route, packet: Hello | Ack | Nack) -> bytes:
    """A hello, an ack or a nack as JSON."""
    return canonical(_head(route) | {name: getattr(packet, name) for name in packet.__dataclass_fields__})


def _head(route: Route) -> dict[str, Any]:
    return {"schema": SCHEMA, "stream": f"{route.me}->{route.peer}"}


def parse(route: Route, topic: str, raw: bytes) -> Packet:
    """What came in on a topic of this link. Raises Refused."""
    subject, last = route.read_topic(topic)
    fields = _envelope(route, raw)
    if subject != "uplink":
        return _data(fields, subject, last)
    if last == "hello":
        return _hello(fields)
    if last == "ack":
        return _ack(fields)
    if last == "nack":
        return _nack(fields)
    raise Refused(Reason.WRONG_TOPIC, f"_uplink has no {last[:TEXT_MAX]!r}")


def _envelope(route: Route, raw: bytes) -> dict[str, Any]:
    if len(raw) > ENVELOPE_MAX_BYTES:
        raise Refused(Reason.TOO_LARGE, f"{len(raw)} bytes are more than the {ENVELOPE_MAX_BYTES} allowed")
    try:
        fields = json.loads(raw.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(Reason.NOT_JSON, str(error)[:TEXT_MAX]) from error
    if not isinstance(fields, dict):
        raise Refused(Reason.NOT_JSON, "a JSON object is expected")
    schema = fields.get("schema")
    if not isinstance(schema, str) or not schema.startswith(f"{FAMILY}/"):
        raise Refused(Reason.WRONG_SCHEMA, f"schema {_shown(schema)}; this process reads {SCHEMA}")
    if schema != SCHEMA:
        raise Refused(Reason.WRONG_VERSION, f"schema {_shown(schema)}; this process reads {SCHEMA}")
    stream = f"{route.peer}->{route.me}"
    if fields.get("stream") != stream:
        raise Refused(Reason.WRONG_STREAM, f"stream {_shown(fields.get('stream'))} on the topic of {stream}")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _data(fields: dict[str, Any], subject: str, last: str) -> Data:
    kind = _text(fields, "kind")
    if kind != last or TRAVELS.get(kind, subject) != subject:
        raise Refused(Reason.WRONG_TOPIC, f"kind {kind!r} on _{subject[:TEXT_MAX]}/…/{last[:TEXT_MAX]}")
    try:
        payload = canonical(fields.get("payload"))
    except (ValueError, RecursionError) as error:
        raise Refused(Reason.NOT_JSON, str(error)[:TEXT_MAX]) from error
    data = Data(
        epoch=_text(fields, "epoch"),
        n=_number(fields, "seq", least=1),
        kind=kind,
        at_ms=_number(fields, "at_ms"),
        payload=payload,
    )
    if fields.get("hash") != digest(payload):
        said = _shown(fields.get("hash"))
        raise Refused(Reason.BAD_HASH, f"the payload has {digest(payload)}, the envelope says {said}", data)
    return data


def _hello(fields: dict[str, Any]) -> Hello:
    return Hello(
        boot=_text(fields, "boot"),
        turn=_number(fields, "turn", least=1),
        echo=_text(fields, "echo", empty=True),
        epoch=_text(fields, "epoch"),
        first=_number(fields, "first", least=1),
        received_epoch=_text(fields, "received_epoch", empty=True),
        received_n=_number(fields, "received_n"),
        sent_ms=_number(fields, "sent_ms"),
    )


def _ack(fields: dict[str, Any]) -> Ack:
    return Ack(
        boot=_text(fields, "boot"),
        epoch=_text(fields, "epoch"),
        n=_number(fields, "n"),
        missing_from=_number(fields, "missing_from"),
        missing_to=_number(fields, "missing_to"),
    )


def _nack(fields: dict[str, Any]) -> Nack:
    return Nack(
        reason=_text(fields, "reason"),
        detail=detail[:500] if isinstance(detail := fields.get("detail"), str) else "",
        kind=_text(fields, "kind", empty=True),
        seq=_number(fields, "seq"),
    )


def _shown(value: Any) -> str:
    """Something a stranger sent, short enough to be logged."""
    if isinstance(value, str | int | float | None):
        return repr(value if not isinstance(value, str) else value[:TEXT_MAX])
    return type(value).__name__


def _text(fields: dict[str, Any], name: str, *, empty: bool = False) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > TEXT_MAX or not (value or empty):
        raise Refused(Reason.BAD_FIELD, f"{name}: a text of up to {TEXT_MAX} is expected, got {_shown(value)}")
    return value


def _number(fields: dict[str, Any], name: str, *, least: int = 0) -> int:
    value = fields.get(name)
    if type(value) is not int or not least <= value <= NUMBER_MAX:
        raise Refused(Reason.BAD_FIELD, f"{name}: a number from {least} is expected, got {_shown(value)}")
    return value
