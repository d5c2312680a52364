"""A site on free ports, its simulator and its box as processes of their own: for what is killed, hung and cut off."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edge.children import die_with_parent
from edge.settings import ProcessSettings, SiteSettings, read_site
from edge.uplink.broker import free_port
from plc_sim.actuations import Actuation, read_actuations
from plc_sim.control import call
from tests.bench.yardstick import CONFIG, ROOT

START_S = 180.0
LOOK_S = 0.05
Sim = Mapping[str, Mapping[str, int | str]]


def on_free_ports(sim: Sim, capacity: int = 0, on_machine_max: int = 0) -> SiteSettings:
    """config/site.yaml on free ports, its simulated machines changed by `sim`, and with lanes that hold more."""
    site = read_site(CONFIG / "site.yaml")
    opcua_url = f"opc.tcp://127.0.0.1:{free_port()}"
    devices = {}
    for name, device in site.devices.items():
        where = {"port": free_port()} if device.driver == "modbus" else {"url": opcua_url}
        devices[name] = device.model_copy(update={"tags": device.tags.resolve(), **where})
    machines = []
    for machine in site.machines:
        more: dict[str, Any] = {"sim": machine.sim | sim.get(machine.machine_id, {})}
        if capacity:
            more["lanes"] = tuple(lane.model_copy(update={"capacity": capacity}) for lane in machine.lanes)
        if on_machine_max:
            more["on_machine_max"] = on_machine_max
        machines.append(machine.model_copy(update=more))
    return site.model_copy(update={"devices": devices, "machines": tuple(machines)})


def write_site(site: SiteSettings, folder: Path) -> Path:
    """The file of a site."""
    path = folder / "site.yaml"
    path.write_text(site.model_dump_json(by_alias=True, warnings=False))
    return path


def box(folder: Path, **more: Any) -> ProcessSettings:
    """A box with the WES alone: no uplink, no page."""
    return ProcessSettings(schema="edge/process/1", name="dc1", systems=("wes",), site="site.yaml", data=folder, **more)


class Log:
    """The actuation log of a running simulator, read as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[Actuation]:
        """Everything so far."""
        return list(read_actuations(self.path)) if self.path.exists() else []


class Plants:
    """`plc-sim run` and `edge run`, each a process; `edge` is the box as it is now."""

    def __init__(self, folder: Path, site: SiteSettings) -> None:
        self.folder, self.site = folder, site
        self.site_file = write_site(site, folder)
        self.log = Log(folder / "actuations.jsonl")
        self.control = folder / "control"
        self._config = folder / "box.yaml"
        self._config.write_text(box(folder / "box").model_dump_json(by_alias=True, warnings=False, exclude_unset=True))
        self._said = (folder / "said.log").open("w")
        self._running: list[subprocess.Popen[bytes]] = []
        self.edge: subprocess.Popen[bytes] | None = None

    def start_sim(self) -> None:
        """The simulator; returns when it answers at its control door."""
        options = ("--people", "0", "--actuations", self.log.path, "--control", self.control, "--data", self.folder)
        self._start("plc_sim", "run", self.site_file, *options)
        self.until(self.control.exists, START_S, "the simulator does not start")

    def start_edge(self) -> None:
        """The box; it may not be there yet."""
        self.edge = self._start("edge", "run", self._config)

    def kill(self, number: signal.Signals) -> None:
        """A signal to the box."""
        assert self.edge is not None
        self.edge.send_signal(number)
        if number is signal.SIGKILL:
            self.edge.wait()

    def fault(self, machine_id: str, kind: str, *, on: bool) -> None:
        """A fault without an end of its own begins or ends."""
        asked = {"do": "fault", "seconds": 0} if on else {"do": "end"}
        call(self.control, asked | {"machine": machine_id, "kind": kind})

    def status(self) -> dict[str, dict[str, Any]]:
        """The machines as the simulator sees them."""
        return {row["machine"]: row for row in call(self.control, {"do": "status"})["machines"]}

    def until(self, holds: Callable[[], object], limit_s: float, otherwise: str) -> None:
        """Waits; RuntimeError with the last lines of the processes after `limit_s`."""
        last = time.monotonic() + limit_s
        while not holds():
            if time.monotonic() > last or any(process.poll() for process in self._running[:1]):
                raise RuntimeError(f"{otherwise}\n{self.said()}")
            time.sleep(LOOK_S)

    def said(self) -> str:
        """The last lines of all processes."""
        return "\n".join((self.folder / "said.log").read_text(errors="replace").splitlines()[-20:])

    def _start(self, module: str, *args: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, *map(str, args)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=self._said, stderr=self._said, preexec_fn=die_with_parent,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self._running.append(process)
        return process

    def close(self) -> None:
        """Ends every process that is still there."""
        for process in reversed(self._running):
            if process.poll() is None:
                process.kill()  # also one that is stopped
                process.wait()
        self._said.close()


@contextlib.contextmanager
def plants(folder: Path, site: SiteSettings) -> Iterator[Plants]:
    """A running simulator and box, gone at the end whatever happens."""
    running = Plants(folder, site)
    try:
        running.start_sim()
        running.start_edge()
        yield running
    finally:
        running.close()
