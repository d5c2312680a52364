"""Which broker a demo gets, that it works, and that it never outlives its parent."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edge.settings import BrokerSettings, ConfigError
from edge.uplink import broker as brokers
from edge.uplink.broker import broker, find_mosquitto
from tests.uplink.doubles import message
from tests.uplink.test_mqtt import Process, texts

ROOT = Path(__file__).parents[2]
has_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="no mosquitto binary on this machine")


def accepts(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 1).close()
    except OSError:
        return False
    return True


async def day_through(url: str, count: int) -> tuple[Process, Process]:
    office, dc1 = Process("office", url), Process("dc1", url)
    office.journal.put("dc1", *(message(text) for text in texts("o", count)))
    dc1.journal.put("office", *(message(text) for text in texts("d", count)))
    async with office.running(), dc1.running():
        await dc1.journal.wait_taken(count)
        await office.journal.wait_taken(count)
    assert dc1.journal.texts("office") == texts("o", count)
    assert office.journal.texts("dc1") == texts("d", count)
    return office, dc1


async def test_the_configured_broker_is_used_as_it_is(tmp_path: Path) -> None:
    async with broker(BrokerSettings(url="mqtt://broker.example:1883"), tmp_path) as info:
        assert info.url == "mqtt://broker.example:1883"
        assert info.name == "configured mqtt://broker.example:1883"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.mosquitto
@has_mosquitto
async def test_a_mosquitto_is_started_and_stopped(tmp_path: Path) -> None:
    async with broker(BrokerSettings(), tmp_path / "broker") as info:
        assert info.name.startswith("mosquitto ")
        assert info.name.endswith(f"(started on port {info.url.rpartition(':')[2]})")
        await day_through(info.url, 50)
    assert not accepts(info.url)


async def test_without_mosquitto_the_embedded_broker_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("amqtt")
    monkeypatch.setattr(brokers, "find_mosquitto", lambda: None)
    async with broker(BrokerSettings(), tmp_path / "broker") as info:
        assert info.name.startswith("amqtt ")
        assert info.name.endswith("(embedded)")
        office, dc1 = await day_through(info.url, 300)
        again = Process("office", info.url, office.journal)
        again.journal.put("dc1", message("later"))
        fresh = Process("dc1", info.url, dc1.journal)
        async with again.running(), fresh.running():
            await fresh.journal.wait_taken(301)
        assert fresh.journal.repeats == 0
    assert not accepts(info.url)


async def test_without_any_broker_the_installer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "find_mosquitto", lambda: None)
    monkeypatch.setattr(brokers.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"broker\.url"):
        async with broker(BrokerSettings(), tmp_path):
            pass


async def test_an_error_of_the_demo_comes_through_unchanged(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with broker(BrokerSettings(), tmp_path):
            raise ZeroDivisionError


PARENT = """
import asyncio, sys
from pathlib import Path
from edge.settings import BrokerSettings
from edge.uplink.broker import broker

async def main():
    async with broker(BrokerSettings(), Path(sys.argv[1])) as info:
        print(info.url, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel signal exists on Linux only")
async def test_the_broker_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    url = (await asyncio.to_thread(parent.stdout.readline)).decode().strip()
    assert accepts(url)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    async with asyncio.timeout(10):
        while accepts(url):
            await asyncio.sleep(0.05)
