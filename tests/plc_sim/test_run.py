"""`plc-sim run` as a process: every port open when it says ready, a faster clock, a clean end; and what stops it."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.settings import ConfigError
from plc_sim.actuations import Did, read_actuations
from plc_sim.floor import Floor
from plc_sim.options import Options, read_physical
from plc_sim.program import SCAN_MS
from tests.plc_sim.stage import CONFIG, SITE

ROOT = CONFIG.parents[1]


def site_on_free_ports(folder: Path) -> tuple[Path, dict[int, int]]:
    """The default site with its three ports replaced."""
    ports: dict[int, int] = {}
    text = CONFIG.read_text(encoding="utf-8").replace("tags/", f"{CONFIG.parent}/tags/")
    probes = [socket.socket() for _ in range(3)]
    for probe, port in zip(probes, (15021, 15022, 15040), strict=True):
        probe.bind(("127.0.0.1", 0))
        ports[port] = probe.getsockname()[1]
        text = text.replace(str(port), str(ports[port]))
    for probe in probes:
        probe.close()
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path, ports


@contextmanager
def running(site: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "plc_sim", "run", str(site), *more]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(port: int, pdu: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as talk:
        talk.sendall(b"\0\1\0\0" + (len(pdu) + 1).to_bytes(2, "big") + b"\1" + pdu)
        return talk.recv(300)[7:]


def test_it_serves_every_machine_and_ends_cleanly(tmp_path: Path) -> None:
    site, ports = site_on_free_ports(tmp_path)
    physical = tmp_path / "physical.csv"
    physical.write_text("sku,location,quantity\nS1,A-01-01-1,5\n", encoding="utf-8")
    log = tmp_path / "moves.jsonl"
    with running(site, "--speed", "50", "--physical", str(physical), "--actuations", str(log)) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("plc-sim ready: "), process.communicate(timeout=10)
        assert all(machine.machine_id in ready for machine in SITE.machines)
        with socket.create_connection(("127.0.0.1", ports[15040]), timeout=5):
            pass
        header = ask(ports[15022], b"\x03\0\0\0\x28")
        assert header[:4] == b"\x03\x50\x53\x01"
        before = int.from_bytes(header[2 + 40 : 2 + 44], "big")
        assert ask(ports[15022], b"\x10\x03\xf2\0\5\x0a\0\1\0\0\0\0\0\0\0\1")[:1] == b"\x10", "CmdCode RESET"
        states = set()
        for _ in range(100):
            header = ask(ports[15022], b"\x03\0\0\0\x28")
            states.add(header[2 + 7])
            if header[2 + 7] == 4:
                break
            time.sleep(0.05)
        assert header[2 + 7] == 4, states
        assert int.from_bytes(header[2 + 40 : 2 + 44], "big") > before
        with socket.create_connection(("127.0.0.1", ports[15022]), timeout=5):
            process.send_signal(signal.SIGTERM)
            out, errors = process.communicate(timeout=20)
        assert (process.returncode, out, errors) == (0, "", "")
    (reset,) = read_actuations(log)
    assert (reset.by, reset.did, reset.cmd_seq, reset.code) == ("sorter1", Did.COMMANDED, 1, 1)
    assert reset.boot > 0


def test_a_bad_file_is_the_installers_fault_and_starts_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "none.yaml") as process:
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert "none.yaml" in errors


def test_a_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    site, ports = site_on_free_ports(tmp_path)
    with socket.create_server(("127.0.0.1", ports[15021])), running(site) as process:
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert str(ports[15021]) in errors


def test_physical_stock_is_checked_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "physical.csv"
    path.write_text("sku,location,quantity\nS1,A,5\nS1,A,2\nS2,A,x\n,A,1\n", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_physical(path)
    assert [finding.rpartition(":")[0].rpartition(":")[2] for finding in error.value.findings] == ["4", "5"]
    path.write_text("sku,location,quantity\nS1,A,5\nS1,A,2\n", encoding="utf-8")
    assert read_physical(path) == {("A", "S1"): 7}


async def test_the_plcs_show_nothing_between_two_scans() -> None:
    floor = Floor(SITE, Options(speed=3))
    began = floor.world.now_ms
    for _ in range(20):
        await asyncio.sleep(0.007)
        floor.step()
        assert (floor.world.now_ms - began) % (SCAN_MS * 3) == 0
    assert floor.world.now_ms > began
