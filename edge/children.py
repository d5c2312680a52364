"""Child processes of the demo and the tests: started, restarted when they die, gone when the parent goes."""

import asyncio
import contextlib
import ctypes
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Never

logger = logging.getLogger(__name__)

STOP_S = 8.0
RESTART_S = 0.2
RESTARTS_MAX = 1_000
LOOK_S = 0.05
READY = re.compile(rb"^[^{\n]*\bready\b", re.MULTILINE)
"""What a child says when it is; its own JSON logs are no such word."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
"""Opened here: between fork and exec nothing may be loaded."""


def die_with_parent() -> None:
    """For `preexec_fn`: the kernel ends the child when its parent is gone, even after kill -9 (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """One supervised process; its output goes to a file (no pipe a grandchild could hold open), its id to another."""

    def __init__(self, name: str, arguments: Sequence[str], directory: Path) -> None:
        self.name = name
        self._arguments = (sys.executable, *arguments)
        self.log = directory / f"{name}.log"
        self._pid_file = directory / f"{name}.pid"
        self._ready = asyncio.Event()
        self.starts = 0

    async def keep(self) -> Never:
        """Starts it and starts it again whenever it ends; stops it when cancelled."""
        while True:
            self.starts += 1
            if self.starts > RESTARTS_MAX:
                raise RuntimeError(f"{self.name} was started {RESTARTS_MAX} times; see {self.log}")
            with self.log.open("ab") as log:
                said_before = log.tell()
                process = await asyncio.create_subprocess_exec(
                    *self._arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=die_with_parent,
                )
                self._pid_file.write_text(str(process.pid))
                try:
                    code = await self._follow(process, said_before)
                finally:
                    await self._stop(process)
            if code in (2, os.EX_USAGE):
                raise RuntimeError(f"{self.name} refused to start: {self.tail()}")
            logger.warning("child ended", extra={"child": self.name, "code": code})
            await asyncio.sleep(RESTART_S)

    async def _follow(self, process: asyncio.subprocess.Process, said_before: int) -> int:
        """Its exit code, when it has ended; looks at what it says until that is that it is ready."""
        while not self._ready.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    return await process.wait()
            if READY.search(self.log.read_bytes()[said_before:]):
                self._ready.set()
        return await process.wait()

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def wait_ready(self, timeout_s: float) -> None:
        """Returns when the process has said that it is ready. Raises TimeoutError with its last words."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError as error:
            raise TimeoutError(f"{self.name} was not ready after {timeout_s:.0f} s: {self.tail()}") from error

    def tail(self) -> str:
        """The last lines it wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-5:])
