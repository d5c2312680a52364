"""The loops around the core that make no Python call (inside.pyx), compiled when a benchmark wants them."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from edge import wes
from tests.bench.yardstick import ROOT


def inside(folder: Path) -> ModuleType | None:
    """inside.pyx, built in this folder; None where the core itself is not compiled. Raises CalledProcessError."""
    if wes.CORE != "compiled":
        return None
    source = folder / "inside.pyx"
    source.write_text((Path(__file__).parent / "inside.pyx").read_text())
    subprocess.run(
        [sys.executable, "-m", "Cython.Build.Cythonize", "-i", "-q", str(source)],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True,
    )  # fmt: skip
    built = next(folder.glob("inside.*.so"))
    spec = importlib.util.spec_from_file_location("inside", built)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
