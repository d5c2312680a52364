"""Vehicles at a real broker: connection and last will, retained messages, orders in and states out, dead radios."""

import asyncio
import json
import queue
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.settings import BrokerSettings, ConfigError, SiteSettings
from edge.uplink.broker import free_port
from plc_sim.actuations import Did, read_actuations
from plc_sim.floor import Floor
from plc_sim.options import Options
from plc_sim.vehicle_mqtt import read_broker
from plc_sim.vehicles import Fleet
from tests.fleets import copy_site
from tests.plc_sim.stage import CONFIG
from tests.plc_sim.test_run import running
from tests.plc_sim.vehicle_stage import VERSIONS, errors, graph, valid, vehicle_site
from tests.uplink.conftest import Mosquitto, mosquitto

__all__ = ["mosquitto"]
WAIT_S = 20.0
SPEED = 20
PREFIX = {"2.1": "uagv/v2/acme", "3.0": "vda5050/v3/acme"}
BROKEN = {"2.1": "CONNECTIONBROKEN", "3.0": "CONNECTION_BROKEN"}


def site_at(url: str, *versions: str) -> SiteSettings:
    return vehicle_site(*versions, broker={"url": url, "keepalive_s": 2})


class Control:
    """A fleet control of a few lines: hears all that vehicles say, and holds it to the schemas."""

    def __init__(self, port: int, version: str, serial: str = "001") -> None:
        self.version, self.serial = version, serial
        self._prefix = f"{PREFIX[version]}/{serial}"
        self._heard: queue.SimpleQueue[tuple[str, bytes, bool]] = queue.SimpleQueue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _d, m: self._heard.put((m.topic.rpartition("/")[2], m.payload, m.retain))
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(f"{self._prefix}/+", 1)
        self._client.loop_start()
        self.said: list[tuple[str, Any, bool]] = []

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, body: dict[str, Any]) -> None:
        header = {
            "headerId": 1,
            "timestamp": "2026-03-01T08:00:00.00Z",
            "version": f"{self.version}.0",
            "manufacturer": "acme",
            "serialNumber": self.serial,
        }
        self._client.publish(f"{self._prefix}/{topic}", json.dumps({**header, **body}))

    def order(self, way: str, base: int = 99, **more: Any) -> None:
        nodes, edges = graph(way, base)
        self.send("order", {"orderId": "o1", "orderUpdateId": 0, "nodes": nodes, "edges": edges, **more})

    async def until(self, topic: str, wanted: Callable[[Any], bool] = lambda message: True) -> Any:
        """The next message of a topic that is as wanted."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            while not self._heard.empty():
                name, body, retained = self._heard.get()
                if name not in ("order", "instantActions"):
                    self.said.append((name, valid(self.version, name, body), retained))
                    if name == topic and wanted(self.said[-1][1]):
                        return self.said[-1][1]
            await asyncio.sleep(0.01)
        raise AssertionError(f"no such {topic}; heard {self.said[-3:]}")

    async def link(self, state: str) -> Any:
        return await self.until("connection", lambda message: message["connectionState"] == state)

    async def at(self, node: str) -> Any:
        return await self.until("state", lambda message: message["lastNodeId"] == node and not message["driving"])


@asynccontextmanager
async def floor_of(site: SiteSettings, actuations: Path | None = None) -> AsyncIterator[Floor]:
    """The vehicles of a site at their broker, without its PLCs."""
    floor = Floor(site, Options(actuations=actuations, speed=SPEED))
    async with floor.logging(actuations), asyncio.TaskGroup() as group:
        fleet = Fleet(site, floor, SPEED, actuations)
        tasks = [*fleet.tasks(group), group.create_task(floor.run()), group.create_task(floor.throw_switches())]
        yield floor
        for task in tasks:
            task.cancel()


@pytest.mark.mosquitto
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_vehicle_at_a_real_broker(version: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    control = Control(mosquitto.port, version)
    async with floor_of(site_at(mosquitto.url, version), log):
        await control.link("ONLINE")
        await control.until("factsheet")
        await control.at("H1")
        control.order("H1 A B", 2)
        state = await control.at("A")
        assert [each["released"] for each in state["nodeStates"]] == [False]
        control.send("order", {"orderId": "o1"})
        assert errors(await control.until("state", lambda message: message["errors"]))
        late = Control(mosquitto.port, version)
        await late.link("ONLINE")
        await late.until("factsheet")
        assert all(retained for _, _, retained in late.said), "connection and factsheet are there for who comes later"
        late.close()
    await control.link("OFFLINE")
    control.close()
    assert [line.spot for line in read_actuations(log) if line.did is Did.ENTERED] == ["H1", "H1-A", "A"]


@pytest.mark.mosquitto
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_dead_radio_is_told_by_the_last_will(version: str, mosquitto: Mosquitto) -> None:
    control = Control(mosquitto.port, version)
    async with floor_of(site_at(mosquitto.url, version)) as floor:
        await control.link("ONLINE")
        control.order("H1 A B D")
        await control.until("state", lambda message: message["driving"])
        said = floor.control({"do": "fault", "machine": "agv1", "kind": "vehicle_offline"})["said"]
        assert said == "agv1: vehicle_offline until it is ended"
        await control.link(BROKEN[version])
        vehicle = floor.troubles.targets["agv1"].thing
        async with asyncio.timeout(WAIT_S):
            while vehicle.status()["at"] != "D":  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
        assert control.said[-1][0] == "connection", "it drives on as it was told and nobody hears of it"
        floor.control({"do": "end", "machine": "agv1", "kind": "vehicle_offline"})
        await control.link("ONLINE")
        state = await control.at("D")
        assert (state["orderId"], state["nodeStates"]) == ("o1", [])
        row = next(each for each in floor.control({"do": "status"})["machines"] if each["machine"] == "agv1")
        assert (row["at"], row["order"], row["faults"]) == ("D", "", [])
    control.close()


@pytest.mark.mosquitto
async def test_vehicles_outlive_their_broker(mosquitto: Mosquitto) -> None:
    async with floor_of(site_at(mosquitto.url, "2.1", "3.0")):
        for version, serial in zip(VERSIONS, ("001", "002"), strict=True):
            control = Control(mosquitto.port, version, serial)
            await control.link("ONLINE")
            control.close()
        mosquitto.kill()
        mosquitto.start()
        for version, serial in zip(VERSIONS, ("001", "002"), strict=True):
            control = Control(mosquitto.port, version, serial)
            await control.link("ONLINE")
            await control.until("factsheet")
            control.send("instantActions", {"actions": [instant("stateRequest")]})
            await control.until("state")
            control.close()


def instant(kind: str) -> dict[str, Any]:
    return {"actionType": kind, "actionId": kind, "blockingType": "NONE"}


def test_a_broker_must_be_named() -> None:
    for url in ("", "http://x", "mqtt://"):
        with pytest.raises(ConfigError):
            read_broker(BrokerSettings.model_construct(url=url, ca_file=None, cert_file=None))


@pytest.mark.mosquitto
async def test_plc_sim_runs_the_vehicles_of_a_site(mosquitto: Mosquitto, tmp_path: Path) -> None:
    site, control = copy_site(tmp_path / "config"), tmp_path / "control"
    text = site.read_text().replace("mqtt://127.0.0.1:1883", mosquitto.url)
    for port in ("15021", "15022", "15040"):
        text = text.replace(port, str(free_port()))
    site.write_text(text)
    hearer = Control(mosquitto.port, "2.1", "1")
    with running(site, "--control", str(control)) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert "agv1 vda5050 127.0.0.1" in ready
        await hearer.link("ONLINE")
        command = [
            sys.executable,
            "-m",
            "plc_sim",
            "fault",
            "--control",
            str(control),
            "agv1",
            "blocked",
            "--for",
            "60",
        ]
        said = subprocess.run(command, cwd=CONFIG.parents[1], capture_output=True, text=True, timeout=60, check=False)
        assert (said.returncode, said.stdout) == (0, "agv1: blocked for 60 s\n"), said.stderr
        await hearer.until("state", lambda message: message["safetyState"]["fieldViolation"])
        process.send_signal(signal.SIGTERM)
        await hearer.link("OFFLINE")
        assert process.wait(20) == 0
    hearer.close()
