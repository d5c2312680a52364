"""Finds a broker, or starts one for a demo: the configured one, else a mosquitto on this machine, else amqtt.

A started broker is a child process on a free loopback port, and ends with this process, whatever ends it. Nothing
depends on what it remembers.
"""

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from edge.settings import BrokerSettings, ConfigError

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 3.0
LOOK_EVERY_S = 0.05
MORE_PLACES = ("/usr/sbin", "/usr/local/sbin")
NO_BROKER = "broker.url: empty, and this machine has neither mosquitto nor amqtt; give the url of a broker"

_MOSQUITTO_CONF = """\
# Written at every start of a demo.
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {directory}/
autosave_interval 10
max_inflight_messages 500
max_queued_messages 20000
log_dest stderr
log_type error
log_type warning
{user}"""


@dataclass(frozen=True, slots=True)
class BrokerInfo:
    """Where the broker is; `name` is for the banner."""

    url: str
    name: str


@contextlib.asynccontextmanager
async def broker(settings: BrokerSettings, directory: Path) -> AsyncIterator[BrokerInfo]:
    """A broker for as long as the block lasts; `directory` is for its files. Raises ConfigError if there is none."""
    if settings.url:
        yield BrokerInfo(settings.url, f"configured {settings.url}")
        return
    port = free_port()
    mosquitto = find_mosquitto()
    if mosquitto is not None:
        command = [mosquitto, "-c", _write_conf(port, directory)]
        name = f"mosquitto {await _mosquitto_version(mosquitto)} (started on port {port})"
    elif importlib.util.find_spec("amqtt") is not None:
        command = [sys.executable, "-P", str(Path(__file__).with_name("embedded_broker.py")), str(port)]
        name = f"amqtt {version('amqtt')} (embedded)"
    else:
        raise ConfigError([NO_BROKER])
    child = await _start(command, port, directory)
    try:
        yield BrokerInfo(f"mqtt://127.0.0.1:{port}", name)
    finally:
        await _stop(child)


def _write_conf(port: int, directory: Path) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    conf = directory.resolve() / "mosquitto.conf"
    user = "user root\n" if os.geteuid() == 0 else ""
    conf.write_text(_MOSQUITTO_CONF.format(port=port, directory=directory.resolve(), user=user))
    return str(conf)


def find_mosquitto() -> str | None:
    """The mosquitto of this machine; distributions put it where only root's PATH looks."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(MORE_PLACES))


async def _mosquitto_version(program: str) -> str:
    asked = await asyncio.create_subprocess_exec(
        program, "-h", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(START_TIMEOUT_S):
        said, _ = await asked.communicate()
    found = re.search(rb"version (\S+)", said)
    return found[1].decode() if found else "?"


def free_port(preferred: int = 0) -> int:
    """A free TCP port on loopback, the preferred one if it is."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on loopback")


async def _start(command: list[str], port: int, directory: Path) -> asyncio.subprocess.Process:
    """Starts the child and waits until it accepts connections. Raises ConfigError if it does not."""
    leash = [sys.executable, "-P", str(Path(__file__).with_name("child.py")), str(os.getpid())]
    log = directory / "broker.log"
    with _open_log(log) as stderr:
        child = await asyncio.create_subprocess_exec(
            *leash, *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=stderr
        )
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await _accepts(port):
                if child.returncode is not None:
                    raise ConfigError([f"broker: {Path(command[0]).name} ended at once; see {log}"])
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError as error:
        await _stop(child)
        raise ConfigError([f"broker: {Path(command[0]).name} did not answer; see {log}"]) from error
    except BaseException:
        await _stop(child)
        raise
    return child


def _open_log(log: Path) -> BinaryIO:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("wb")


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _stop(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await child.wait()
                return
        child.kill()
