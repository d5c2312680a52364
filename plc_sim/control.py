"""The control door of a running simulator: a Unix-domain socket, one JSON object a line, one answer a line.

    {"do": "fault", "machine": "sorter1", "kind": "jam", "given": {"place": 3}, "seconds": 20}
    {"do": "end", "machine": "sorter1", "kind": "jam"}
    {"do": "status"}
    {"do": "list"}

Answers: {"ok": true, ...} or {"ok": false, "error": "..."}.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import plc_sim.vehicle_faults  # noqa: F401 its rows belong to the table that is listed here
from plc_sim.faults import FAULTS, FaultRefused

LINE_MAX = 4096
CALLERS_MAX = 8
IDLE_S = 30.0
CALL_S = 10.0

Act = Callable[[dict[str, Any]], dict[str, Any]]


def listed() -> list[dict[str, Any]]:
    """The table of faults, for people and programs."""
    return [
        {
            "kind": fault.name,
            "fits": list(fault.fits),
            "says": fault.says,
            "lasts": "a moment" if fault.end is None else f"{fault.lasts_s} s" if fault.lasts_s else "until ended",
            "args": [{"name": arg.name, "says": arg.says, "default": arg.default} for arg in fault.args],
        }
        for fault in FAULTS.values()
    ]


class Door:
    """Answers the lines of one caller after the other."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self._callers = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One caller, until it hangs up."""
        self._callers += 1
        try:
            while self._callers <= CALLERS_MAX:
                async with asyncio.timeout(IDLE_S):
                    line = await reader.readline()
                    if not line:
                        break
                    writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                    await writer.drain()
        except (OSError, ValueError):
            pass  # hung up, silent too long, or a line without an end
        finally:
            self._callers -= 1
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            if not isinstance(asked, dict):
                raise FaultRefused("one JSON object a line")
            return {"ok": True, **self._act(asked)}
        except FaultRefused as error:
            return {"ok": False, "error": str(error)}
        except ValueError as error:
            return {"ok": False, "error": f"not JSON: {error}"}


@asynccontextmanager
async def door(path: Path | None, act: Act) -> AsyncIterator[None]:
    """The socket, only for its owner, while the block runs. Raises OSError when somebody listens there already."""
    if path is None:
        yield
        return
    server = await asyncio.start_unix_server(Door(act).talk, sock=_bound(path), limit=LINE_MAX)
    try:
        yield
    finally:
        server.close()
        _remove(path)


def _bound(path: Path) -> socket.socket:
    """The socket, in place of one that a killed simulator left behind."""
    if path.exists() and not path.is_socket():
        raise OSError(f"{path}: there is a file that is no socket; give another --control")
    with socket.socket(socket.AF_UNIX) as probe:
        if path.exists() and probe.connect_ex(str(path)) == 0:
            raise OSError(f"{path}: another simulator listens there; give another --control")
    _remove(path)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    path.chmod(0o600)
    return bound


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def call(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask a running simulator. Raises OSError when there is none, FaultRefused when it says no."""
    with socket.socket(socket.AF_UNIX) as talk:
        talk.settimeout(CALL_S)
        talk.connect(str(path))
        talk.sendall(json.dumps(asked).encode() + b"\n")
        with talk.makefile("rb") as lines:
            answer: dict[str, Any] = json.loads(lines.readline() or b'{"ok": false, "error": "it hung up"}')
    if not answer.pop("ok"):
        raise FaultRefused(answer["error"])
    return answer
