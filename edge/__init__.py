"""The warehouse edge runtime: OMS, WMS and WES as pure systems, and the walls around them."""

import os
import sys
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path

__version__ = "0.1.0"

if os.environ.get("EDGE_UNCOMPILED"):
    # Tests and replay run the very same core as plain Python: look past the compiled files beside the sources.
    _core = str(Path(__file__).parent / "wes")
    sys.path_importer_cache[_core] = FileFinder(_core, (SourceFileLoader, [".py"]))
