"""The conformance kit against our own simulator: everything passes, and each deliberate fault fails its check."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.settings import SiteSettings, read_tags
from edge.uplink.broker import free_port
from plc_sim.__main__ import main
from plc_sim.codes import Bit, Cmd, Decision, JobError, State
from plc_sim.conformance import cell, header, scanning
from plc_sim.conformance.host import Wishes
from plc_sim.conformance.kit import CHECKS, Verdict, run, tags_of, wire_of
from plc_sim.floor import Floor
from plc_sim.options import Options
from plc_sim.program import Program
from plc_sim.robot import Robot
from plc_sim.run import start_wires
from plc_sim.scanner import ScannerProgram
from tests.plc_sim.stage import site_with

QUICK = {"horn_ms": 300}
MOTION = Wishes(motion=True, units=4, scan_ms=200)
CONFIG = Path(__file__).parents[2] / "config"


def site_of(*machines: str) -> SiteSettings:
    """The default site with these machines, a short horn, on free ports."""
    site = site_with(sim=dict.fromkeys(machines, QUICK))
    rows = tuple(machine for machine in site.machines if machine.machine_id in machines)
    url = f"opc.tcp://127.0.0.1:{free_port()}"
    devices = {
        row.device: site.devices[row.device].model_copy(update={"port": free_port(), "url": url}) for row in rows
    }
    return site.model_copy(update={"machines": rows, "devices": devices})


@contextlib.asynccontextmanager
async def simulated(site: SiteSettings, beside: str = "") -> AsyncIterator[Floor]:
    """The simulator on real sockets; cartons come over conveyor1, and somebody else hosts the machine `beside`."""
    floor = Floor(site, Options(speed=5))
    async with AsyncExitStack() as stack:
        await start_wires(site, floor, stack, None)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(floor.run())]
            if beside:
                tasks.append(group.create_task(put_on(floor, floor.world.machines[beside])))
            yield floor
            for task in tasks:
                task.cancel()


async def put_on(floor: Floor, beside: Program) -> None:
    """A carton every few seconds, handled by the machine that is not under test."""
    assert isinstance(beside, ScannerProgram)
    beside.host_online(online=True)
    beside.start_at_panel()
    for number in range(1000):
        floor.world.plant.place("conveyor1", f"{number:018}")
        for _ in range(30):
            await asyncio.sleep(0.05)
            seq = beside.requests.seq
            if seq:
                beside.decide(seq, beside.word(f"Req{seq % 4}.TrackingId"), code=Decision.PASS)
                beside.acknowledge_request(seq)
            beside.acknowledge_report(beside.reports.seq)


async def examined(site: SiteSettings, machine_id: str, wishes: Wishes, *only: str) -> dict[str, Verdict]:
    """The verdicts of the kit on one machine of a running simulator."""
    machine = next(machine for machine in site.machines if machine.machine_id == machine_id)
    device = site.devices[machine.device]
    tags = read_tags(device.tags)
    against = device.url if device.driver == "opcua" else f"127.0.0.1:{device.port}"
    wire = wire_of(against, device.unit, device.root, tags)
    verdicts = await run(wire, tags, machine.kind, wishes, lambda verdict: None, only)
    return {verdict.name: verdict for verdict in verdicts}


async def test_a_sorter_over_modbus_passes() -> None:
    site = site_of("sorter1", "conveyor1")
    async with simulated(site, "conveyor1"):
        verdicts = await examined(site, "sorter1", MOTION)
    assert list(verdicts) == [name for name, _ in CHECKS["sorter"]]
    assert {name: found.text for name, found in verdicts.items() if found.verdict == "FAIL"} == {}
    assert [name for name, found in verdicts.items() if found.verdict == "skip"] == ["re-arm"]


async def test_a_conveyor_over_modbus_passes() -> None:
    site = site_of("conveyor1", "sorter1")
    async with simulated(site, "sorter1"):
        verdicts = await examined(site, "conveyor1", MOTION)
    bad = {name: found.text for name, found in verdicts.items() if found.verdict == "FAIL"}
    assert bad == {}
    assert [name for name, found in verdicts.items() if found.verdict == "skip"] == ["no such lane"]


async def test_a_robot_over_opc_ua_passes() -> None:
    site = site_of("robot1")
    async with simulated(site):
        verdicts = await examined(site, "robot1", MOTION)
    assert {name: found for name, found in verdicts.items() if found.verdict != "pass"} == {}


def other_way(site: SiteSettings, machine_id: str) -> SiteSettings:
    """The same machine over the other protocol, by the tag table that comes with its profile."""
    machine = next(machine for machine in site.machines if machine.machine_id == machine_id)
    device = site.devices[machine.device]
    to = "modbus" if device.driver == "opcua" else "opcua"
    new = {"driver": to, "tags": CONFIG / "tags" / f"{machine.kind}_{to}.csv", "insecure": True}
    new |= {"host": "127.0.0.1", "root": f"nsu=urn:wer:plc_sim:dc1;s={machine_id.title()}"}
    return site.model_copy(update={"devices": site.devices | {machine.device: device.model_copy(update=new)}})


async def test_a_sorter_over_opc_ua_passes() -> None:
    site = other_way(site_of("sorter1", "conveyor1"), "sorter1")
    async with simulated(site, "conveyor1"):
        verdicts = await examined(site, "sorter1", MOTION)
    assert {name: found.text for name, found in verdicts.items() if found.verdict == "FAIL"} == {}
    assert [name for name, found in verdicts.items() if found.verdict == "skip"] == ["re-arm"]


async def test_a_robot_over_modbus_passes() -> None:
    site = other_way(site_of("robot1"), "robot1")
    async with simulated(site):
        verdicts = await examined(site, "robot1", MOTION)
    assert {name: found for name, found in verdicts.items() if found.verdict != "pass"} == {}


async def test_without_leave_nothing_moves() -> None:
    site = site_of("sorter1")
    async with simulated(site) as floor:
        verdicts = await examined(site, "sorter1", Wishes(scan_ms=200))
        assert floor.world.machines["sorter1"].state is State.STOPPED
    skipped = {name for name, found in verdicts.items() if found.verdict == "skip"}
    assert {"start", "stop", "wrong state", "decision"} <= skipped
    assert {found.verdict for name, found in verdicts.items() if name not in skipped} == {"pass"}


def dead_heart(program: Program) -> None:
    program.live["PlcHeartbeat"] = lambda: 7


def double_beat(program: Program) -> None:
    program.live["PlcHeartbeat"] = lambda: program.on_ms // 100 % 65536


def takes_any_number(program: Program) -> None:
    """Carries out whatever number comes."""
    taken = program.on_trigger

    def on_trigger(name: str) -> None:
        if name == "CmdSeq":
            program._command_seq = 0
        taken(name)

    program.on_trigger = on_trigger  # type: ignore[method-assign]


def never_falls_back(program: Program) -> None:
    program.host_online(online=True)


def moves_at_once(program: Program) -> None:
    """No horn."""
    shown = program.show_bits

    def show_bits() -> None:
        shown()
        program.put("StatusBits", program.word("StatusBits") & ~(1 << Bit.HORN))

    program.show_bits = show_bits  # type: ignore[method-assign]


def starts_again_by_itself(program: Program) -> None:
    """Unholds as soon as the WCS is back."""
    online = program.on_host

    def on_host() -> None:
        online()
        if program.online and program.state is State.HELD:
            program.command(Cmd.UNHOLD)

    program.on_host = on_host  # type: ignore[method-assign]


def forgets_the_number(program: Program) -> None:
    """Begins the job of the last number again."""
    assert isinstance(program, Robot)
    taken = program.on_trigger

    def on_trigger(name: str) -> None:
        if name == "JobSeq":
            program._seen_seq = 0
        taken(name)

    program.on_trigger = on_trigger  # type: ignore[method-assign]


def takes_older_jobs(program: Program) -> None:
    """Takes every number that is not the last one."""
    assert isinstance(program, Robot)
    taken = program.on_trigger

    def on_trigger(name: str) -> None:
        if name == "JobSeq" and program.word(name) != program._seen_seq:
            program._seen_seq = 0
        taken(name)

    program.on_trigger = on_trigger  # type: ignore[method-assign]


def takes_nothing_for_a_job(program: Program) -> None:
    """Refuses JobNo 0 as it refuses any job nobody knows."""
    assert isinstance(program, Robot)
    taken = program._accept

    def accept(seq: int, job_no: int, *job: Any) -> JobError:
        return taken(seq, job_no or 999, *job)

    program._accept = accept  # type: ignore[method-assign]


def takes_any_slot(program: Program) -> None:
    assert isinstance(program, Robot)
    program._check = lambda *job: JobError.NONE  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (dead_heart, "heartbeat"),
        (double_beat, "heartbeat"),
        (takes_any_number, "same number"),
        (takes_any_number, "taken back"),
        (takes_any_number, "late number"),
        (never_falls_back, "fallback"),
        (moves_at_once, "start"),
        (starts_again_by_itself, "re-arm"),
        (takes_any_slot, "bad slot"),
        (forgets_the_number, "same job"),
        (takes_older_jobs, "late job"),
        (takes_nothing_for_a_job, "no job"),
    ],
)
async def test_a_faulty_machine_fails_its_check(fault: Callable[[Program], None], check: str) -> None:
    site = site_of("robot1")
    async with simulated(site) as floor:
        fault(floor.world.machines["robot1"])
        verdicts = await examined(site, "robot1", MOTION, check)
    assert verdicts[check].verdict == "FAIL", verdicts[check]
    assert verdicts[check].asks


async def test_a_tag_table_of_another_machine() -> None:
    site = site_of("sorter1")
    async with simulated(site):
        machine = site.machines[0]
        port = site.devices[machine.device].port
        tags = read_tags(CONFIG / "tags" / "conveyor_modbus.csv")
        verdicts = await run(wire_of(f"127.0.0.1:{port}", 1, "", tags), tags, "conveyor", Wishes(), lambda found: None)
    assert verdicts[0].verdict == "FAIL"
    assert "0x5301" in verdicts[0].text


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--against", "nowhere", "--profile", "sorter"], 2, "neither HOST:PORT"),
        (["--against", "opc.tcp://127.0.0.1:1", "--profile", "robot"], 2, "--root"),
        (["--against", "127.0.0.1:1", "--profile", "robot", "--tags", "/nowhere.csv"], 2, "/nowhere.csv"),
        (["--against", "127.0.0.1:1", "--profile", "sorter", "--slot", "7"], 2, "AISLE-BAY-LEVEL"),
        (["--against", "127.0.0.1:1", "--profile", "sorter", "--check", "all"], 2, "there are map id"),
        (["--against", "127.0.0.1:1", "--profile", "sorter"], 1, "no connection"),
    ],
)
def test_what_the_command_cannot_do(words: list[str], code: int, says: str) -> None:
    result = CliRunner().invoke(main, ["conformance", *words])
    assert result.exit_code == code
    assert says in result.stderr


def test_a_profile_without_a_shipped_table_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"robot_modbus\.csv; give the tag table of the machine with --tags"):
        tags_of("robot", "127.0.0.1:502", tmp_path)


def test_every_check_says_what_it_asks() -> None:
    checks = {check for row in CHECKS.values() for _, check in row}
    assert all((check.__doc__ or "").strip() for check in checks)
    assert {check.__module__ for check in checks} == {module.__name__ for module in (header, scanning, cell)}
