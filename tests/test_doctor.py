"""`edge doctor` and `edge tags` against the simulator, and against what is wrong with links in practice."""

import asyncio
import json
import shutil
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge.commands import cli
from edge.diagnosis import Finding, patients, watch_all
from edge.doctor_command import printable
from edge.settings import ConfigError, SiteSettings, read_site
from plc_sim.options import Options
from plc_sim.run import serve

CONFIG = Path(__file__).parent.parent / "config"
PORTS = (15021, 15022, 15040)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped site on free ports."""
    folder = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    text = (folder / "site.yaml").read_text()
    for port in PORTS:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            text = text.replace(str(port), str(free.getsockname()[1]))
    (folder / "site.yaml").write_text(text)
    return folder


async def examine(simulated: SiteSettings, site: SiteSettings, seconds: float = 1.5) -> dict[tuple[str, str], Finding]:
    """What the doctor says of a site while the simulator runs another."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(simulated, Options(), stop, ready))
        await ready
        these = patients(site, ())
        await watch_all(these, seconds)
        stop.set()
    return {(finding.device, finding.what): finding for patient in these for finding in patient.findings()}


async def test_a_sound_site_has_nothing_bad(config: Path) -> None:
    site = read_site(config / "site.yaml")
    found = await examine(site, site)
    assert [finding for finding in found.values() if finding.verdict == "bad"] == []
    for device in site.devices:
        assert {what for name, what in found if name == device} >= {
            "reachable", "security", "link", "map", "tags", "heartbeat", "clock",
        }  # fmt: skip
    for device in ("plc_conveyor2", "plc_robot1"):
        assert found[device, "clock"].text.endswith(" ms against ours")
    assert found["plc_conveyor2", "security"].verdict == "warn"
    assert "planned 20" in found["plc_sorter1", "poll fast"].text


async def test_every_ill_link_is_named_with_a_remedy(config: Path) -> None:
    """Another unit, a path and a namespace nobody has, a tag that is not there."""
    simulated = read_site(config / "site.yaml")
    text = (config / "site.yaml").read_text()
    text = text.replace("unit: 1, tags: tags/conveyor_modbus.csv", "unit: 9, tags: tags/conveyor_modbus.csv")
    text = text.replace("s=Conveyor2", "s=Conveyor7").replace("urn:wer:plc_sim:dc1;s=Cell1", "urn:nobody;s=Cell1")
    (config / "site.yaml").write_text(text.replace("tags/sorter_modbus.csv", "tags/ghost.csv"))
    rows = (config / "tags" / "sorter_modbus.csv").read_text().splitlines()
    rows.append("Ghost,holding,60000,460001,uint16,1,ABCD,,,r,plc,normal,not in this PLC")
    (config / "tags" / "ghost.csv").write_text("\n".join(rows) + "\n")
    found = await examine(simulated, read_site(config / "site.yaml"))
    assert "Ghost" in found["plc_sorter1", "tags"].text
    for device in ("plc_conveyor1", "plc_conveyor2", "plc_robot1"):
        bad = [finding for (name, _), finding in found.items() if name == device and finding.verdict == "bad"]
        assert bad, device
        assert all(finding.remedy for finding in bad), bad
    assert "urn:nobody" in found["plc_robot1", "link"].text


def only(site: SiteSettings, *devices: str) -> SiteSettings:
    """The site with these devices and their machines; the simulator starts quicker without OPC UA."""
    machines = tuple(machine for machine in site.machines if machine.device in devices)
    return site.model_copy(update={"machines": machines, "devices": {name: site.devices[name] for name in devices}})


async def test_another_machine_behind_the_address(config: Path) -> None:
    simulated = only(read_site(config / "site.yaml"), "plc_conveyor1", "plc_sorter1")
    conveyor, sorter = (simulated.devices[name].port for name in ("plc_conveyor1", "plc_sorter1"))
    text = (config / "site.yaml").read_text()
    text = text.replace(str(conveyor), "X").replace(str(sorter), str(conveyor)).replace("X", str(sorter))
    (config / "site.yaml").write_text(text)
    found = await examine(simulated, only(read_site(config / "site.yaml"), "plc_sorter1"))
    assert found["plc_sorter1", "map"].verdict == "bad"
    assert "0x4301" in found["plc_sorter1", "map"].text


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def test_nobody_there(config: Path) -> None:
    result = run("doctor", str(config / "box.yaml"), "--json", "--seconds", "0.5")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert {row["device"] for row in found if row["what"] == "reachable" and row["verdict"] == "bad"} == {
        "plc_conveyor1", "plc_conveyor2", "plc_robot1", "plc_sorter1",
    }  # fmt: skip
    result = run("tags", str(config / "site.yaml"), "plc_sorter1")
    assert result.exit_code == 1
    assert "edge doctor" in result.stderr


def test_a_device_that_is_not_in_the_site_file(config: Path) -> None:
    result = run("tags", str(config / "site.yaml"), "plc_sorter7")
    assert isinstance(result.exception, ConfigError)
    assert "there are plc_conveyor1, plc_sorter1" in str(result.exception)


async def test_values_with_their_quality_and_age(config: Path) -> None:
    site = only(read_site(config / "site.yaml"), "plc_sorter1")
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(site, Options(), stop, ready))
        await ready
        (patient,) = these = patients(site, ["plc_sorter1"])
        await watch_all(these, 0.5)
        stop.set()
    rows = {row["name"]: row for row in patient.table("")}
    assert rows["MapId"]["value"] == 0x5301
    assert rows["MapId"]["where"] == "400001"
    assert all(row["quality"] == "good" and row["age_ms"] >= 0 for row in rows.values() if row["writer"] == "plc")
    assert [row["name"] for row in patient.table("Lane")] == [name for name in rows if name.startswith("Lane")]


def test_what_a_terminal_shows() -> None:
    assert printable("0950600012\0\0") == "0950600012"
    assert printable("\x1b[2J") == "\\x1b[2J"
    assert printable(7) == "7"
