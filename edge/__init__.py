"""The warehouse edge runtime: OMS, WMS and WES as pure systems, and the walls around them."""

import os
import sys
from importlib.machinery import FileFinder, PathFinder, SourceFileLoader
from pathlib import Path

__version__ = "0.1.0"

INNER = ("board", "chance", "dispatch", "entry", "future", "index", "matching", "notes", "sequence", "sort", "tour")
"""The modules of the core that have a .pxd: they run compiled, all of them, or all as plain Python."""
_CORE = str(Path(__file__).parent / "wes")


def _compiled(name: str) -> bool:
    found = PathFinder.find_spec(f"edge.wes.{name}", [_CORE])
    return found is not None and not str(found.origin).endswith(".py")


if os.environ.get("EDGE_UNCOMPILED") or not all(map(_compiled, INNER)):
    # Look past the compiled files beside the sources: tests and replay want the very same core as plain Python, and a
    # compiled module cannot call one that is not there compiled.
    sys.path_importer_cache[_CORE] = FileFinder(_CORE, (SourceFileLoader, [".py"]))
