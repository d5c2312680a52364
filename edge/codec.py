"""Messages to JSON and back, for the wire, the disk and the page: the one place where pydantic sees them.

Decoding checks everything: unknown kinds, missing fields, wrong types and oversized bodies are a `BadMessage` whose
text says where and what; nothing half-read ever reaches a system. Unknown fields are ignored, so that the contract may
grow while an older process is still running.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from edge.messages import KINDS, Message

BODY_MAX_BYTES = 2_000_000
INTEGER_MAX = 2**62
S = TypeVar("S")


class BadMessage(Exception):
    """The sender's fault: the text names the field and what was wrong with it."""


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])


def kind_of(message: Message) -> str:
    """The name a message has on the wire and on disk."""
    return type(message).__name__


def encode(message: Message) -> bytes:
    """The message's fields as JSON; its kind travels beside it."""
    return _adapter(kind_of(message)).dump_json(message)


def plain(message: Message) -> dict[str, Any]:
    """The message's fields as JSON-ready values."""
    fields: dict[str, Any] = _adapter(kind_of(message)).dump_python(message, mode="json")
    return fields


def decode(kind: str, body: bytes | str) -> Message:
    """A message from outside. Raises BadMessage."""
    if len(body) > BODY_MAX_BYTES:
        raise BadMessage(f"{kind[:60]}: {len(body)} bytes are more than the {BODY_MAX_BYTES} allowed")
    message = recall(kind, body)
    _refuse_huge(kind, message)
    return message


def recall(kind: str, body: bytes | str) -> Message:
    """A message from our own disk: what was let in once is read again, whatever the limits are. Raises BadMessage."""
    if kind not in KINDS:
        raise BadMessage(f"kind: {kind[:60]!r} is not a message this version knows")
    try:
        message: Message = _adapter(kind).validate_json(body)
    except ValidationError as error:
        raise BadMessage(_explain(kind, error)) from error
    return message


def from_plain(kind: str, fields: Mapping[str, Any]) -> Message:
    """The same from parsed JSON. Raises BadMessage."""
    if kind not in KINDS:
        raise BadMessage(f"kind: {kind[:60]!r} is not a message this version knows")
    try:
        message: Message = _adapter(kind).validate_python(dict(fields))
    except ValidationError as error:
        raise BadMessage(_explain(kind, error)) from error
    _refuse_huge(kind, message)
    return message


def _refuse_huge(where: str, value: object) -> None:
    """Whole numbers beyond 63 bits fit no register, no column and no array. Raises BadMessage."""
    if isinstance(value, int):
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise BadMessage(f"{where}: whole numbers end at {INTEGER_MAX}")
    elif isinstance(value, tuple):
        for number, part in enumerate(value):
            _refuse_huge(f"{where}.{number}", part)
    elif is_dataclass(value):
        for field in fields(value):
            _refuse_huge(f"{where}.{field.name}", getattr(value, field.name))


def _explain(kind: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join([kind, *map(str, first["loc"])])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {first['msg']}, got {str(first.get('input'))[:80]!r}{more}"


_STATES: dict[type[Any], TypeAdapter[Any]] = {}


def _state_adapter(state_type: type[Any]) -> TypeAdapter[Any]:
    """Building one takes ten milliseconds, which no loop has twice."""
    if state_type not in _STATES:
        _STATES[state_type] = TypeAdapter(state_type)
    return _STATES[state_type]


def dump_state(state: object) -> bytes:
    """A system's state as JSON, for a snapshot."""
    return _state_adapter(type(state)).dump_json(state)


def load_state(state_type: type[S], body: bytes) -> S:
    """Raises BadMessage if the snapshot does not fit today's state."""
    try:
        state: S = _state_adapter(state_type).validate_json(body)
    except ValidationError as error:
        raise BadMessage(_explain(state_type.__name__, error)) from error
    return state
