"""Builds the compiled core during installation; a machine without a compiler still installs, and is told so."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from setuptools import Extension, errors
from setuptools.command.build_ext import build_ext

BUFFERS = "edge.wes.buffers"
"""What all compiled modules need for their typed buffers, built once instead of once in each (a third of the time)."""

NO_COMPILER = (
    FileNotFoundError,
    PermissionError,
    errors.CompileError,
    errors.ExecError,
    errors.LinkError,
    errors.PlatformError,
)
"""How a missing compiler, linker or Python.h shows itself; anything else is a fault of ours and stops the build."""


class BuildCore(build_ext):  # type: ignore[misc]  # setuptools comes without types
    """Compiles the modules listed in pyproject.toml; a missing compiler leaves them as plain Python.

    `optional=True` of setuptools does not survive a machine without gcc, so the failure is caught here. A module that
    was left out must leave the list of extensions too: an editable install copies everything on it to the sources.
    """

    extensions: list[Any]

    def finalize_options(self) -> None:
        """What all share is built first."""
        modules = self.distribution.ext_modules
        if modules[0].name != BUFFERS:
            modules.insert(0, Extension(BUFFERS, [BUFFERS.replace(".", "/") + ".c"]))
        self.parallel: Any = True
        super().finalize_options()

    def run(self) -> None:
        """Translates and compiles; what fails is named on stderr and left out."""
        source = Path(self.extensions[0].sources[0])
        subprocess.run([sys.executable, "-m", "cython", "generate-shared", str(source)], check=True)
        for ext in self.extensions:
            ext.shared_utility_qualified_name = None if ext.name == BUFFERS else BUFFERS
            ext.extra_compile_args = ["-g0"]
        try:
            super().run()
        except NO_COMPILER as error:
            self._leave_plain(error, list(self.extensions))

    def build_extension(self, ext: Any) -> None:
        """One module; the others go on without it."""
        try:
            super().build_extension(ext)
        except NO_COMPILER as error:
            self._leave_plain(error, [ext])

    def _leave_plain(self, error: Exception, left_out: list[Any]) -> None:
        self.extensions = [ext for ext in self.extensions if ext not in left_out]
        names = ", ".join(ext.name for ext in left_out)
        print(f"edge: {names}: stays uncompiled ({error}); everything works, slower", file=sys.stderr)  # noqa: T201
