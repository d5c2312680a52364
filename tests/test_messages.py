"""The contract between processes may only grow: every field that ever went over the wire stays, with its type."""

import dataclasses
import json
import os
import typing
from pathlib import Path

from edge.messages import KINDS

PINNED = Path(__file__).parent / "journals" / "messages.json"


def shape(kind: type) -> dict[str, str]:
    """Field -> type as text, and whether it may be left out."""
    hints = typing.get_type_hints(kind)
    return {
        field.name: str(hints[field.name]).replace("edge.messages.", "")
        + ("" if field.default is dataclasses.MISSING else " optional")
        for field in dataclasses.fields(kind)
    }


def all_shapes() -> dict[str, dict[str, str]]:
    return {name: shape(kind) for name, kind in sorted(KINDS.items())}


def test_the_wire_form_only_grows() -> None:
    if os.environ.get("EDGE_PIN_MESSAGES"):
        PINNED.parent.mkdir(exist_ok=True)
        PINNED.write_text(json.dumps(all_shapes(), indent=1, sort_keys=True) + "\n")
    pinned = json.loads(PINNED.read_text())
    now = all_shapes()
    for name, fields in pinned.items():
        assert name in now, f"{name} was sent once and must stay readable"
        for field, kind in fields.items():
            assert now[name].get(field, "").split(" ")[0] == kind.split(" ")[0], f"{name}.{field} changed its type"
        for field, kind in now[name].items():
            assert field in fields or kind.endswith("optional"), f"{name}.{field} is new and needs a default"
    for name in now:
        assert name in pinned, f"pin {name}: EDGE_PIN_MESSAGES=1 ./run test tests/test_messages.py"
