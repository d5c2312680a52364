"""A real mosquitto on its own port, to be killed and started at will."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.uplink.broker import find_mosquitto, free_port


class Mosquitto:
    """A broker of the test's own; `conf` are lines added to its configuration."""

    def __init__(self, directory: Path, *conf: str) -> None:
        program = find_mosquitto()
        assert program is not None
        self.program = program
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._conf = directory / "mosquitto.conf"
        user = ["user root"] if os.geteuid() == 0 else []
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", *user, *conf]
        self._conf.write_text("\n".join(lines) + "\n")
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._child = subprocess.Popen([self.program, "-c", str(self._conf)], stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("mosquitto does not start")

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()
            self._child = None

    def signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.send_signal(number)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    if find_mosquitto() is None:
        pytest.skip("no mosquitto binary on this machine")
    server = Mosquitto(tmp_path)
    server.start()
    yield server
    server.signal(signal.SIGCONT)
    server.kill()
