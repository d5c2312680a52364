"""The build of the compiled core where a compiler fails: all modules are compiled, or none."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge.wes import CORE

ROOT = Path(__file__).parents[1]
SETUP = """
import sys
sys.path.insert(0, {root!r})
from edge.build import BuildCore
del sys.path[0], sys.modules["edge"]
from setuptools import Extension, setup
names = ("one", "two")
modules = [Extension("edge.wes." + name, ["edge/wes/" + name + ".py"]) for name in names]
setup(name="small", packages=["edge", "edge.wes"], ext_modules=modules, cmdclass={{"build_ext": BuildCore}})
"""
COMPILER = """#!/bin/sh
case "$*" in *{fails}*) echo "out of memory" >&2; exit 1 ;; esac
exec gcc "$@"
"""


@pytest.mark.skipif(CORE != "compiled", reason="no compiler here (CI requires it: EDGE_REQUIRE_COMPILED)")
@pytest.mark.parametrize(("fails", "left"), [("nothing", 3), ("two.c", 0)])
@pytest.mark.parametrize("how", [["build_ext", "--inplace"], ["build"]])
def test_all_modules_are_compiled_or_none(tmp_path: Path, how: list[str], fails: str, left: int) -> None:
    core = tmp_path / "edge" / "wes"
    core.mkdir(parents=True)
    for path in (core.parent / "__init__.py", core / "__init__.py", core / "one.py", core / "two.py"):
        path.write_text("answer = 42\n")
    (tmp_path / "setup.py").write_text(SETUP.format(root=str(ROOT)))
    compiler = tmp_path / "cc"
    compiler.write_text(COMPILER.format(fails=fails))
    compiler.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "setup.py", *how], cwd=tmp_path, env={"CC": str(compiler), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    built = {path.name for path in tmp_path.rglob("*.so")}
    assert len(built) == left, built
    assert {path.name for path in core.glob("*.so")} == (built if "--inplace" in how else set())
    assert ("stays uncompiled" in done.stderr) is (left == 0)
