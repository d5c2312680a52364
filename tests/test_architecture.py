"""The architecture and the style of this repository, as tests. A rule that is not here is only advice."""

import ast
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from edge.messages import KINDS, READERS

ROOT = Path(__file__).parent.parent
FILES = sorted(p.relative_to(ROOT).as_posix() for room in ("edge", "plc_sim") for p in (ROOT / room).rglob("*.py"))

PURE = {
    "__future__", "array", "bisect", "collections", "copy", "dataclasses", "enum", "functools", "heapq", "itertools",
    "math", "operator", "typing",
}  # fmt: skip
STDLIB = set(sys.stdlib_module_names) - {"sqlite3"}

# What a file may import. The longest path that fits is the one that counts.
MAY_IMPORT = {
    "edge/messages/": PURE | {"edge.messages"},
    "edge/oms/": PURE | {"edge.messages", "edge.oms"},
    "edge/wms/": PURE | {"edge.messages", "edge.wms"},
    "edge/wes/": PURE | {"edge.messages", "edge.wes"},
    "edge/equipment/": STDLIB | {"edge.messages", "edge.settings", "edge.plc.image", "edge.vda5050", "edge.equipment"},
    "edge/vda5050/": STDLIB | {"edge.messages", "edge.vda5050"},
    "edge/plc/": STDLIB | {"edge.settings", "edge.plc"},
    "edge/uplink/": STDLIB | {"edge.messages", "edge.codec", "edge.settings", "edge.uplink"},
    "edge/page/": STDLIB | {"edge.messages", "edge.codec", "edge.settings", "edge.page", "edge.__version__"},
    "edge/intake/": STDLIB | {"edge.messages", "edge.codec", "edge.settings", "edge.intake"},
    "edge/settings/": STDLIB | {"edge.settings"},
    "edge/codec.py": STDLIB | {"edge.messages"},
    "edge/journal.py": STDLIB | {"edge.messages", "edge.codec"},
    "edge/clock.py": STDLIB | {"edge.settings"},
    "edge/": STDLIB | {"edge"},  # runtime and what it is made of put the rest together
    "plc_sim/": STDLIB | {"edge.settings", "plc_sim"},
    "plc_sim/day/": STDLIB | {"edge", "plc_sim"},
}
# Each outside library is imported by these files and no other.
DOORS = {
    "asyncua": {
        "edge/plc/opcua/feed.py",
        "edge/plc/opcua/liveness.py",
        "edge/plc/opcua/methods.py",
        "edge/plc/opcua/session.py",
        "edge/plc/opcua/subscriptions.py",
        "edge/plc/opcua/variants.py",
        "plc_sim/conformance/opcua.py",
        "plc_sim/opcua/certificates.py",
        "plc_sim/opcua/methods.py",
        "plc_sim/opcua/server.py",
        "plc_sim/opcua/space.py",
    },
    "pymodbus": {"edge/plc/wire.py"},
    "paho": {"edge/uplink/mqtt.py", "plc_sim/vehicle_mqtt.py"},
    "amqtt": {"edge/uplink/embedded_broker.py"},
    "sqlite3": {"edge/journal.py"},
    "uvloop": {"edge/runtime.py", "plc_sim/__main__.py"},
    "ruamel": {"edge/settings/reading.py"},
    "httpx": {"edge/intake/send.py", "plc_sim/people.py"},
    "setuptools": {"edge/build.py"},
}
PYDANTIC = ("edge/settings/", "edge/codec.py", "edge/vda5050/", "edge/intake/mapping.py", "edge/opening.py")
PUTS_TOGETHER = {"edge.runtime": {"edge/__main__.py", "edge/commands.py"}, "edge.walls": {"edge/runtime.py"}}
SAYS_NOTHING = {"base", "common", "constants", "core", "helper", "helpers", "manager", "misc", "types", "util", "utils"}
LAST_RESORT = "edge/__main__.py"
"""The one place that ends the process on an exception nobody expected."""


@cache
def parsed(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def imports(path: str) -> set[str]:
    """Every module a file imports, also inside functions and under TYPE_CHECKING."""
    nodes = list(ast.walk(parsed(path)))
    assert not any(isinstance(n, ast.ImportFrom) and n.level for n in nodes), f"{path}: write imports in full"
    return {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names} | {
        f"{n.module}.{a.name}" for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names
    }


def room_of(path: str) -> str:
    return max((room for room in MAY_IMPORT if path.startswith(room)), key=len)


@pytest.mark.parametrize("path", FILES)
def test_a_file_imports_only_what_its_room_may(path: str) -> None:
    allowed = MAY_IMPORT[room_of(path)]
    for module in imports(path):
        top = module.partition(".")[0]
        if top in STDLIB | {"edge", "plc_sim"}:
            assert any(f"{module}.".startswith(f"{a}.") for a in allowed), f"{path} may not import {module}"
        elif room_of(path).removeprefix("edge/") in ("messages/", "oms/", "wms/", "wes/"):
            pytest.fail(f"{path} is pure and may not import {module}")


@pytest.mark.parametrize("path", FILES)
def test_each_outside_library_has_one_door(path: str) -> None:
    for module in imports(path):
        top = module.partition(".")[0]
        if top in DOORS:
            assert path in DOORS[top], f"{path} may not import {module}: its door is {sorted(DOORS[top])}"
        if top == "pydantic":
            assert path.startswith(PYDANTIC), f"{path} may not import pydantic: it stands at the borders only"


@pytest.mark.parametrize("path", FILES)
def test_only_the_runtime_puts_rooms_together(path: str) -> None:
    for module in imports(path):
        for together, allowed in PUTS_TOGETHER.items():
            if f"{module}.".startswith(f"{together}."):
                assert path in allowed, f"{path} may not import {module}"


@pytest.mark.parametrize("path", FILES)
def test_no_task_runs_outside_a_task_group_and_no_queue_is_unbounded(path: str) -> None:
    loose = {"asyncio.create_task", "asyncio.ensure_future", "asyncio.gather", "loop.create_task"}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in loose, f"{path}:{node.lineno} use asyncio.TaskGroup"
            if called in ("asyncio.Queue", "Queue", "queue.Queue", "SimpleQueue", "queue.SimpleQueue"):
                assert node.args or node.keywords, f"{path}:{node.lineno} a queue needs a limit"


@pytest.mark.parametrize("path", FILES)
def test_nobody_swallows_what_he_does_not_know(path: str) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler) and path != LAST_RESORT:
            caught = ast.unparse(node.type) if node.type else "everything"
            reraised = any(isinstance(n, ast.Raise) and n.exc is None for n in ast.walk(node))
            assert caught not in ("Exception", "BaseException", "everything") or reraised, (
                f"{path}:{node.lineno} catches {caught} and goes on"
            )


@pytest.mark.parametrize("path", FILES)
def test_names_and_sizes(path: str) -> None:
    assert Path(path).stem not in SAYS_NOTHING
    assert ast.get_docstring(parsed(path)), f"{path} does not say what it is"
    assert len((ROOT / path).read_text().splitlines()) <= 400, f"{path} wants to be two rooms"
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, f"{path}:{node.lineno} {node.name} is too long"


@pytest.mark.parametrize("path", [p for p in FILES if p.startswith(("edge/oms", "edge/wms", "edge/wes"))])
def test_pure_rooms_do_not_walk_over_sets(path: str) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.For | ast.comprehension):
            over = node.iter
            made = isinstance(over, ast.Set | ast.SetComp) or (
                isinstance(over, ast.Call) and ast.unparse(over.func) in ("set", "frozenset")
            )
            assert not made, f"{path}:{over.lineno} the order of a set is not reproducible"


def test_every_message_has_a_row_in_the_table_of_readers() -> None:
    systems = {"oms", "wms", "wes", "machines"}
    assert {kind.__name__ for kind in READERS} == set(KINDS)
    for kind, readers in READERS.items():
        assert set(readers) <= systems, f"{kind.__name__} is read by an unknown system"


def test_the_tree_is_the_one_that_was_agreed() -> None:
    allowed = {
        "pyproject.toml", "edge", "plc_sim", "config", "tests", "README.md", "LICENSE", "CHANGELOG.md", "run", "data",
        "wes_edge.egg-info", "build",
    }  # fmt: skip
    seen = {p.name for p in ROOT.iterdir() if not p.name.startswith(".") and p.name != "__pycache__"}
    assert seen <= allowed, f"not part of the layout: {sorted(seen - allowed)}"


def test_every_module_with_c_types_is_built() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
    typed = sorted(path.relative_to(ROOT).with_suffix(".py").as_posix() for path in (ROOT / "edge").rglob("*.pxd"))
    assert sorted(source for module in built for source in module["sources"]) == typed
