"""The wire format stays what integrators were told, and nothing that comes in can do worse than be refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.messages import KINDS, LOCAL
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
    status_topic,
)
from edge.uplink.link import Link
from tests.uplink.doubles import Figures

DOWN = Route("acme", "office", "dc1")
UP = Route("acme", "dc1", "office")


def test_the_envelope_of_a_message_is_this() -> None:
    body = '{"order_id":"ö-1","at_ms":5,"by":"x","hold_id":"h"}'.encode()
    assert json.loads(pack_data(DOWN, "e1", 7, "OrderHoldLifted", body, 9)) == {
        "schema": "edge/1",
        "stream": "office->dc1",
        "epoch": "e1",
        "seq": 7,
        "kind": "OrderHoldLifted",
        "at_ms": 5,
        "sent_ms": 9,
        "payload": {"order_id": "ö-1", "at_ms": 5, "by": "x", "hold_id": "h"},
        "hash": "c69b252d19212642",
    }


def test_topics() -> None:
    assert DOWN.business("OrderReleased") == "uns/v1/acme/dc1/_order/office/dc1/OrderReleased"
    assert UP.business("UnitLoaded") == "uns/v1/acme/dc1/_stock/dc1/office/UnitLoaded"
    assert UP.business("TaskCompleted") == "uns/v1/acme/dc1/_work/dc1/office/TaskCompleted"
    assert UP.business("UnitArrived") == "uns/v1/acme/dc1/_machine/dc1/office/UnitArrived"
    assert UP.own("ack") == "uns/v1/acme/dc1/_uplink/dc1/office/ack"
    assert DOWN.subscription == "uns/v1/acme/dc1/+/dc1/office/+"
    assert UP.site == DOWN.site == "dc1"
    assert status_topic("acme", "dc1") == "uns/v1/acme/_edge/dc1/status"


def test_every_message_but_those_about_the_process_itself_travels() -> None:
    assert set(TRAVELS) == {kind for kind, message in KINDS.items() if message not in LOCAL}
    assert set(TRAVELS.values()) == {"order", "stock", "work", "machine"}


@pytest.mark.parametrize(
    ("what", "packet"),
    [
        ("hello", Hello("b", 2, "c.1", "e", 1, "f", 9, 3)),
        ("ack", Ack("b", "e", 9, 4, 5)),
        ("nack", Nack("BAD_HASH", "why", "OrderReleased", 3)),
    ],
)
def test_the_uplinks_own_packets_come_back_as_sent(what: str, packet: Hello | Ack | Nack) -> None:
    assert parse(DOWN, UP.own(what), pack_own(UP, packet)) == packet


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_any_payload_survives_being_written_again_by_others(payload: dict[str, object]) -> None:
    payload["at_ms"] = 1
    raw = pack_data(UP, "e", 1, "UnitLoaded", json.dumps(payload).encode(), 2)
    rewritten = json.dumps(json.loads(raw), indent=2, ensure_ascii=True).encode()
    for each in (raw, rewritten):
        data = parse(DOWN, UP.business("UnitLoaded"), each)
        assert isinstance(data, Data)
        assert json.loads(data.payload) == payload


GOOD = json.loads(pack_data(UP, "e", 1, "UnitLoaded", b'{"at_ms":1}', 2)) | {
    name: getattr(packet, name)
    for packet in (Hello("b", 2, "c.1", "e", 1, "f", 9, 3), Ack("b", "e", 9), Nack("R", "why"))
    for name in packet.__dataclass_fields__
    if name not in ("kind", "seq", "epoch")
}
LAST = st.sampled_from(["_stock/dc1/office/UnitLoaded", "_uplink/dc1/office/hello", "_uplink/dc1/office/ack"])


@given(LAST, st.dictionaries(st.sampled_from(sorted(GOOD)), JSON, max_size=3))
def test_whatever_stands_in_the_fields_is_refused_at_worst(last: str, damage: dict[str, object]) -> None:
    link = Link(DOWN, "boot", "e", 0, ("e", 0), Figures())
    link.hear(f"uns/v1/acme/dc1/{last}", json.dumps(GOOD | damage).encode(), 0)
    while link.next_inbound() is not None:
        pass
    link.speak(10_000, 10_000, 50)


@given(st.binary(max_size=60), st.integers(0, 400), LAST)
def test_whatever_bytes_come_are_refused_at_worst(noise: bytes, at: int, last: str) -> None:
    link = Link(DOWN, "boot", "e", 0, ("e", 0), Figures())
    good = json.dumps(GOOD).encode()
    link.hear(f"uns/v1/acme/dc1/{last}", good[:at] + noise + good[at + len(noise) :], 0)
    link.hear(noise.decode(errors="replace"), good, 0)


@pytest.mark.parametrize("depth", range(700, 1000, 20))
@pytest.mark.parametrize("name", ["schema", "stream", "payload", "hash", "seq", "kind"])
def test_deep_nesting_does_not_break_the_process(name: str, depth: int) -> None:
    raw = json.dumps(GOOD | {name: "DEEP"}).replace('"DEEP"', "[" * depth + "]" * depth).encode()
    with pytest.raises(Refused) as refused:
        parse(DOWN, UP.business("UnitLoaded"), raw)
    assert refused.value.reason in Reason
