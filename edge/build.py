"""Builds the compiled core during installation; a machine without a compiler still installs, and is told so."""

import sys
from typing import Any

from setuptools import errors
from setuptools.command.build_ext import build_ext

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

    def run(self) -> None:
        """Translates and compiles; what fails is named on stderr and left out."""
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
