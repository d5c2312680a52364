"""The compiled core answers like the plain one: the same random days through both, word for word."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path
from random import Random
from shutil import copytree

import pytest

from edge import INNER
from edge.messages import Message
from edge.wes import CORE
from edge.wes.engine import Engine
from tests.wes.wander import EVENTS, World, next_message, opening

ROOT = Path(__file__).parents[2]
DAYS = [(seed, dispatch) for seed in range(3) for dispatch in ("rolling", "atcs", "nearest", "edd", "fifo")]
EVENTS_A_DAY = 1500
REPLAY = """
import hashlib, pickle, sys
from edge.wes import CORE
from edge.wes import dispatch, sort
from edge.wes.engine import Engine
print(CORE, dispatch.__file__.endswith(".py"), sort.__file__.endswith(".py"))
for day in pickle.load(open(sys.argv[1], "rb")):
    engine, digest = Engine(), hashlib.sha256()
    for message, now_ms in day:
        digest.update(repr(engine.handle(message, now_ms)).encode())
    print(digest.hexdigest())
"""

Day = list[tuple[Message, int]]


def record(seed: int, dispatch: str) -> tuple[Day, str]:
    """A random day and the digest of what this process answers to it."""
    engine, world, chance = Engine(), World(), Random(seed)
    digest = hashlib.sha256()
    messages = [(message, world.now) for message in opening(world, dispatch)]
    for message, now_ms in messages:
        digest.update(repr(engine.handle(message, now_ms)).encode())
    for _ in range(EVENTS_A_DAY):
        message = next_message(world, (chance.randrange(len(EVENTS)), chance.randrange(31), chance.randrange(61)))
        if message is None:
            continue
        messages.append((message, world.now))
        out = engine.handle(message, world.now)
        digest.update(repr(out).encode())
        for each in out:
            world.hear(each)
    return messages, digest.hexdigest()


def replay(tree: Path, days: Path, **environment: str) -> list[str]:
    """The digests of the same days in a process of its own that imports from `tree`."""
    clean = {key: value for key, value in os.environ.items() if key != "EDGE_UNCOMPILED"}
    done = subprocess.run(
        [sys.executable, "-c", REPLAY, str(days)],
        cwd=tree,
        env=clean | {"PYTHONPATH": str(tree)} | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


@pytest.mark.skipif(CORE != "compiled", reason="the core is not compiled here (CI requires it: EDGE_REQUIRE_COMPILED)")
def test_compiled_and_plain_answer_the_same(tmp_path: Path) -> None:
    recorded = [record(seed, dispatch) for seed, dispatch in DAYS]
    days = tmp_path / "days"
    days.write_bytes(pickle.dumps([messages for messages, _ in recorded]))
    here = [digest for _, digest in recorded]
    assert len(set(here)) == len(here)
    compiled = replay(ROOT, days)
    plain = replay(ROOT, days, EDGE_UNCOMPILED="1")
    assert compiled[0] == "compiled False False"
    assert plain[0] == "python True True"
    assert compiled[1 : 1 + len(here)] == here
    assert plain[1 : 1 + len(here)] == here


def test_one_module_that_stayed_plain_makes_the_core_plain(tmp_path: Path) -> None:
    sources = sorted(path.stem for path in (ROOT / "edge" / "wes").glob("*.pxd"))
    assert sorted(INNER) == sources
    tree = tmp_path / "tree"
    copytree(
        ROOT / "edge", tree / "edge", ignore=lambda _, names: [name for name in names if name.startswith("index.c")]
    )
    days = tmp_path / "days"
    days.write_bytes(pickle.dumps([]))
    assert replay(tree, days)[0].split()[0] == "python"
