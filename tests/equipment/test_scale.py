"""A new kind of machine is one file (scale.py beside this one), one row in the table, and this test file."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edge.checking import check_devices, json_schema
from edge.equipment import MACHINES
from edge.messages import CommandEnded, CommandMachine, Link, MachineChanged, MachineCommand, PackMl
from edge.page.figures import Figures
from edge.plc.image import ProcessImage
from edge.settings import MachineSettings, Tag, read_site, read_tags
from edge.walls import MachineWall
from tests.equipment.scale import Scale

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture(autouse=True)
def _one_row(monkeypatch) -> None:
    monkeypatch.setitem(MACHINES, "scale", Scale)


def scale(world: Any) -> tuple[Any, Scale]:
    plc, _ = world.conveyor()
    weight = Tag(name="WeightG", table="node", node="WeightG", type="uint32", access="r", writer="plc")
    plc.image = ProcessImage((*plc.image.tags, weight))
    plc.values |= {"MapId": 0x5701, "WeightG": 0}
    plc.polled.append("WeightG")
    machine = MachineSettings(machine_id="scale1", kind="scale", device="plc")
    return plc, Scale(machine, plc.image)


async def test_it_reports_obeys_and_says_why_it_does_not_run(world) -> None:
    plc, machine = scale(world)

    def program(written: Any) -> None:
        if written[-1][0] == "CmdSeq":
            plc.put(CmdResult=2, CmdAckSeq=written[-1][1])

    plc.program = program
    async with world.at_work(machine, plc, world.journal):
        plc.connect()
        up = await world.journal.wait(MachineChanged, 2)
        plc.put(StateCurrent=11, WeightG=31_000)
        held = await world.journal.wait(MachineChanged, 3)
        await machine.obey(CommandMachine(at_ms=1, machine_id="scale1", command=MachineCommand.UNHOLD))
        assert (await world.journal.wait(CommandEnded)).result == "DONE"
    assert (up.link, up.state) == (Link.GOOD, PackMl.EXECUTE)
    assert (held.state, held.reason) == (PackMl.HELD, "OVERLOAD")


def site_with_a_scale(tmp_path: Path, kind: str = "scale") -> Path:
    for name in ("site.yaml", "tags"):
        source = CONFIG / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    text = (tmp_path / "site.yaml").read_text()
    head, _, rest = text.partition("  - machine_id: robot1\n    kind: robot\n")
    assert rest
    (tmp_path / "site.yaml").write_text(f"{head}  - machine_id: robot1\n    kind: {kind}\n{rest}")
    return tmp_path / "site.yaml"


def test_site_check_schema_and_runtime_know_it_by_its_row_alone(tmp_path: Path) -> None:
    path = site_with_a_scale(tmp_path)
    findings: list[str] = []
    check_devices(read_site(path), path, findings)
    (missing,) = findings
    assert "a scale needs the tags WeightG; add rows for them" in missing
    with (tmp_path / "tags" / "robot_opcua.csv").open("a") as table:
        head = (CONFIG / "tags" / "robot_opcua.csv").read_text().splitlines()[0].split(",")
        row = {"name": "WeightG", "table": "node", "node": "Status.WeightG", "type": "uint32", "count": "1"}
        row |= {"access": "r", "writer": "plc", "poll_class": "normal", "word_order": "ABCD", "scale": "1"}
        table.write(",".join(row.get(column, "") for column in head) + "\n")
    assert "WeightG" in {tag.name for tag in read_tags(tmp_path / "tags" / "robot_opcua.csv")}
    findings.clear()
    check_devices(read_site(path), path, findings)
    assert findings == []
    MachineWall(read_site(path), Figures(), lambda: 0)
    kinds = json_schema("site")["$defs"]["MachineSettings"]["properties"]["kind"]["enum"]
    assert kinds == sorted(MACHINES)
    assert "scale" in json.dumps(kinds)


def test_a_kind_without_a_row_is_refused_with_the_kinds_there_are(tmp_path: Path) -> None:
    path = site_with_a_scale(tmp_path, "scael")
    findings: list[str] = []
    check_devices(read_site(path), path, findings)
    line = path.read_text().splitlines().index("machines:") + 1
    known = "use one of conveyor, robot, scale, sorter"
    assert findings == [f"{path}:{line}: machines: robot1: kind 'scael' is not known; {known}"]


async def test_the_links_outlast_the_machines_so_that_every_plc_hears_that_we_stop(world, monkeypatch) -> None:
    said: list[str] = []

    async def link(*_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            said.append("link ends")

    async def farewell(machine: Scale) -> None:
        said.append("farewell")
        await asyncio.sleep(0)

    monkeypatch.setattr("edge.plc.PROTOCOLS", {"modbus": link, "opcua": link})
    for kind in set(MACHINES.values()):
        monkeypatch.setattr(kind, "farewell", farewell)
    wall = MachineWall(read_site(CONFIG / "site.yaml"), Figures(), lambda: 0)
    machines = len(read_site(CONFIG / "site.yaml").machines)

    async def report(message: Any) -> list[Any]:
        return []

    async with asyncio.TaskGroup() as group:
        task = group.create_task(wall.keep(report, 1, lambda: 1))
        await asyncio.sleep(0.05)
        task.cancel()
    assert said == ["farewell"] * machines + ["link ends"] * machines
