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
    """Compiles the modules listed in pyproject.toml, all or none; a missing compiler leaves them as plain Python.

    `optional=True` of setuptools does not survive a machine without gcc, so the failure is caught here. A compiled
    module calls the others as C, so it cannot be imported beside one that stayed plain.
    """

    extensions: list[Any]
    failed: Exception | None = None

    def finalize_options(self) -> None:
        """What all share is built first."""
        modules = self.distribution.ext_modules
        if modules[0].name != BUFFERS:
            modules.insert(0, Extension(BUFFERS, [BUFFERS.replace(".", "/") + ".c"]))
        self.parallel: Any = True
        super().finalize_options()

    def run(self) -> None:
        """Translates and compiles; what fails is named on stderr."""
        source = Path(self.extensions[0].sources[0])
        subprocess.run([sys.executable, "-m", "cython", "generate-shared", str(source)], check=True)
        for ext in self.extensions:
            ext.shared_utility_qualified_name = None if ext.name == BUFFERS else BUFFERS
            ext.extra_compile_args = ["-g0"]
        try:
            super().run()
        except NO_COMPILER as error:
            self._leave_plain(error)

    def build_extensions(self) -> None:
        """An editable install copies afterwards what is on the list, a wheel takes what was built: both must go."""
        super().build_extensions()
        if self.failed:
            for ext in self.extensions:
                Path(self.get_ext_fullpath(ext.name)).unlink(missing_ok=True)
            self.extensions = []

    def build_extension(self, ext: Any) -> None:
        """One module, maybe beside others."""
        try:
            super().build_extension(ext)
        except NO_COMPILER as error:
            self._leave_plain(error, ext.name)

    def _leave_plain(self, error: Exception, name: str = "the build") -> None:
        self.failed = error
        said = f"edge: the core stays uncompiled ({name}: {error}); everything works, slower"
        print(said, file=sys.stderr)  # noqa: T201
