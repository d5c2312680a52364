"""The wire form of every message: whole round trips, and clear words for what is wrong."""

import dataclasses
import json
import types
import typing
from enum import Enum

import pytest

from edge.codec import BODY_MAX_BYTES, BadMessage, decode, encode, from_plain, kind_of, plain
from edge.messages import KINDS, Message, OrderCaptured, OrderLine


def example(kind: type[Message]) -> Message:
    """A message of this kind with every field filled."""
    return typing.cast("Message", _value(kind))


def _value(wanted: typing.Any) -> typing.Any:
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        hints = typing.get_type_hints(wanted)
        return wanted(**{field.name: _value(hints[field.name]) for field in dataclasses.fields(wanted)})
    if typing.get_origin(wanted) is tuple:
        return (_value(typing.get_args(wanted)[0]),)
    if typing.get_origin(wanted) in (types.UnionType, typing.Union):
        return _value(typing.get_args(wanted)[0])
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return list(wanted)[-1]
    return {int: 7, str: "x", bool: True}[wanted]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)
def test_every_message_survives_the_wire(kind: type[Message]) -> None:
    message = example(kind)
    assert decode(kind_of(message), encode(message)) == message
    assert from_plain(kind_of(message), plain(message)) == message
    assert json.loads(encode(message)) == plain(message)


ORDER = OrderCaptured(at_ms=1, order_id="o1", route="R", lines=(OrderLine(line=1, sku="s", quantity=2),))


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("OrderCaptured", b"{", "OrderCaptured"),
        ("OrderCaptured", b"[]", "OrderCaptured"),
        ("OrderCaptured", b"{}", "at_ms"),
        ("OrderCaptured", encode(ORDER).replace(b'"quantity":2', b'"quantity":"two"'), "lines.0.quantity"),
        ("OrderCaptured", b'{"at_ms":1e400}', "at_ms"),
        ("OrderCaptured", encode(ORDER).replace(b'"quantity":2', b'"quantity":' + b"9" * 30), r"lines.0.quantity"),
        ("NoSuchThing", b"{}", "NoSuchThing"),
        ("", b"{}", "kind"),
        ("OrderCaptured", b"x" * (BODY_MAX_BYTES + 1), "bytes"),
        ("UnitScanned", b"\xff\xfe", "UnitScanned"),
    ],
)
def test_rubbish_is_named_with_its_place(kind: str, body: bytes, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        decode(kind, body)


def test_fields_of_a_newer_version_are_ignored() -> None:
    newer = encode(ORDER)[:-1] + b',"colour":"red"}'
    assert decode("OrderCaptured", newer) == ORDER
