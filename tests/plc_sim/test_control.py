"""The control door: faults by command in a running simulator, from a program and from `plc-sim fault`."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from plc_sim.__main__ import main
from plc_sim.actuations import Did, read_actuations
from plc_sim.control import CALLERS_MAX, LINE_MAX, call, door
from plc_sim.faults import FAULTS, FaultRefused
from tests.plc_sim.test_run import ROOT, running, site_on_free_ports


def plc_sim(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plc_sim", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_faults_are_had_by_command_while_it_runs(tmp_path: Path) -> None:
    site, _ = site_on_free_ports(tmp_path)
    path, log = tmp_path / "control", tmp_path / "log.jsonl"
    with running(site, "--control", str(path), "--actuations", str(log), "--faults", "1:3600") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("plc-sim ready")
        assert path.stat().st_mode & 0o777 == 0o600
        done = plc_sim("fault", "sorter1", "estop", "zone=2", "reset=0", PLC_SIM_CONTROL=str(path))
        assert (done.returncode, done.stdout) == (0, "sorter1: estop until it is ended\n")
        status = json.loads(plc_sim("status", "--control", str(path)).stdout)
        rows = {row["machine"]: row for row in status["machines"]}
        assert (rows["sorter1"]["faults"], rows["sorter1"]["estop"]) == (["estop"], True)
        assert rows["sorter1"]["state"] in ("ABORTING", "ABORTED")
        assert rows["robot1"]["faults"] == []
        refused = plc_sim("fault", "--control", str(path), "robot1", "jam")
        assert refused.returncode == 1
        assert "jam does not fit a robot" in refused.stderr
        assert call(path, {"do": "fault", "machine": "sorter1", "kind": "lost_reply", "given": {"count": 1}})
        with pytest.raises(FaultRefused, match="another"):
            call(path, {"do": "another"})
        ended = plc_sim("fault", "--control", str(path), "sorter1", "estop", "--end")
        assert (ended.returncode, ended.stdout) == (0, "sorter1: estop ended\n")
        frozen = plc_sim("fault", "--control", str(path), "conveyor1", "half_open", "--for", "60")
        assert (frozen.returncode, frozen.stdout) == (0, "conveyor1: half_open for 60 s\n")
        process.terminate()
        out, errors = process.communicate(timeout=20)
        assert (process.returncode, out, errors) == (0, "", "")
    assert not path.exists()
    told = [(each.did, each.kind) for each in read_actuations(log) if each.by == "faults"]
    assert told == [
        (Did.FAULT_BEGAN, "estop"), (Did.FAULT_BEGAN, "lost_reply"), (Did.FAULT_ENDED, "estop"),
        (Did.FAULT_BEGAN, "half_open"),
    ]  # fmt: skip


def test_every_fault_is_listed_with_its_arguments() -> None:
    listed = CliRunner().invoke(main, ["fault", "--list"])
    assert listed.exit_code == 0
    lines = listed.stdout.splitlines()
    assert {line.split()[0] for line in lines if not line.startswith(" ")} == set(FAULTS)
    assert any("place=1 (lane of a sorter, zone of a conveyor)" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("fault", "sorter1"), "say MACHINE and KIND"),
        (("fault", "sorter1", "jam"), "give --control PATH"),
        (("fault", "sorter1", "jam", "place"), "arguments are NAME=VALUE"),
        (("fault", "sorter1", "jam", "--control", "/nowhere/at/all"), "no simulator answers at /nowhere/at/all"),
        (("run", "site.yaml", "--faults", "often"), "'often' is not SEED:SECONDS"),
    ],
)
def test_a_wrong_command_line_says_what_would_be_right(words: tuple[str, ...], says: str) -> None:
    done = CliRunner().invoke(main, words, env={"PLC_SIM_CONTROL": None})
    assert done.exit_code != 0
    assert says in " ".join(done.output.split())


def echo(asked: dict[str, Any]) -> dict[str, Any]:
    if asked.get("do") == "no":
        raise FaultRefused("no")
    return {"said": asked}


async def lines(path: Path, *sent: bytes) -> list[dict[str, Any]]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.writelines(sent)
    async with asyncio.timeout(5):
        answers = [json.loads(await reader.readline()) for _ in sent]
    writer.close()
    return answers


async def test_one_line_in_one_line_out_whatever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "door"
    async with door(path, echo):
        got = await lines(path, b'{"do": 1}\n', b"rubbish\n", b"[]\n", b'{"do": "no"}\n', b"\xff\n")
        assert [answer["ok"] for answer in got] == [True, False, False, False, False]
        assert got[0]["said"] == {"do": 1}
        assert got[3]["error"] == "no"
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"x" * (LINE_MAX + 10))
        async with asyncio.timeout(5):
            assert await reader.read() == b"", "a line without an end is not waited for"
        writer.close()
        pairs = [await asyncio.open_unix_connection(path) for _ in range(CALLERS_MAX)]
        for _, writer in pairs:
            writer.write(b"{}\n")
        for reader, _ in pairs:
            assert json.loads(await reader.readline())["ok"]
        reader, writer = await asyncio.open_unix_connection(path)
        async with asyncio.timeout(5):
            assert await reader.read() == b"", "so many callers and no more"
        for _, each in [*pairs, (reader, writer)]:
            each.close()
    assert not path.exists()


async def test_a_door_left_behind_is_replaced_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with door(path, echo):
        assert (await lines(path, b"{}\n"))[0]["ok"]
        with pytest.raises(OSError, match="another simulator listens there"):
            async with door(path, echo):
                pass
        assert (await lines(path, b"{}\n"))[0]["ok"]
    path.write_text("mine")
    with pytest.raises(OSError, match="no socket"):
        async with door(path, echo):
            pass
    assert path.read_text() == "mine"
