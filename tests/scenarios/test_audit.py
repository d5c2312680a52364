"""A floor with a fault every few seconds; afterwards what was done against what the edge believes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import uvloop

from edge.messages import (
    CommandEnded,
    JobEnded,
    Link,
    MachineChanged,
    MachineCommand,
    PackMl,
    SortResult,
    UnitArrived,
    UnitScanned,
    UnitSorted,
)
from edge.messages.sorting import ScanStatus
from plc_sim.actuations import Actuation, Did
from tests.bench.audit import Plan, audit
from tests.bench.ledger import Account, balance, job_key, order_key

SORTER = "sorter1"
KEY = order_key(SORTER, 70_000)


@pytest.mark.scenario
@pytest.mark.timeout(600)
def test_nothing_is_lost_or_done_twice_whatever_goes_wrong(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        accounts = runner.run(audit(Plan(seed=1, minutes=0.6, every_s=3.0), tmp_path))
    assert [line for account in accounts for line in account.detail] == []
    assert not any(account.broken() for account in accounts)
    figures = {account.machine_id: account for account in accounts}
    assert all(figures[name].units > 10 for name in ("conveyor1", "conveyor2", SORTER))
    assert all(account.executed > 5 for account in accounts)


def fired(**more: Any) -> Actuation:
    what = {"barcode": "B1", "tracking_id": 5, "seq": 9, "lane": 3, "did": Did.FIRED} | more
    return Actuation(at_ms=1_000, by=SORTER, boot=1, plc_ms=1_000, **what)


def report(lane: int = 3, result: SortResult = SortResult.DIVERTED) -> UnitSorted:
    return UnitSorted(
        at_ms=1_100, machine_id=SORTER, boot=1, seq=1, tracking_id=5, lane=lane, requested_lane=3, result=result,
        reason=SortResult.NONE, decision_seq=9, decision_latency_ms=40, recirc_count=0,
    )  # fmt: skip


def executed(at_ms: int = 2_000) -> Actuation:
    args = (3, 70_000 >> 16, 70_000 & 0xFFFF)
    return Actuation(at_ms=at_ms, by=SORTER, did=Did.COMMANDED, boot=1, plc_ms=1, cmd_seq=1, code=101, args=args)


def ended(result: str, at_ms: int = 2_100) -> CommandEnded:
    code = MachineCommand.LANE_DISABLE
    return CommandEnded(at_ms=at_ms, machine_id=SORTER, command=code, result=result, request_id=f"audit:{KEY}")


def link(state: Link, at_ms: int) -> MachineChanged:
    return MachineChanged(at_ms=at_ms, machine_id=SORTER, state=PackMl.EXECUTE, link=state, boot=1, reason="")


def account(log: list[Actuation], journal: list[Any], asked: list[str]) -> Account:
    return balance({SORTER: "plc:502"}, log, journal, asked, speed=1)[0]


@pytest.mark.parametrize(
    ("reports", "broken"),
    [
        ([report()], []),
        ([], ["none"]),
        ([report(), report()], ["many"]),
        ([report(lane=4)], ["elsewhere"]),
        ([report(result=SortResult.RECIRCULATED)], ["none"]),
        ([UnitArrived(at_ms=1, hu_id="B1", machine_id=SORTER, location="", result=SortResult.NONE, reason="")], []),
    ],
)
def test_a_unit_has_exactly_one_outcome(reports: list[Any], broken: list[str]) -> None:
    assert account([fired()], reports, []).broken() == broken


@pytest.mark.parametrize(
    ("log", "ends", "broken"),
    [
        ([executed()], [ended("DONE")], []),
        ([], [ended("TIMEOUT")], []),
        ([], [ended("UNKNOWN")], []),
        ([executed()], [ended("UNKNOWN")], []),
        ([executed(), executed()], [ended("DONE")], ["twice"]),
        ([executed()], [ended("TIMEOUT")], ["denied"]),
        ([executed(9_000)], [ended("DONE")], ["late"]),
        ([executed()], [ended("DONE"), ended("DONE")], ["reended"]),
        ([executed(9_000)], [ended("UNKNOWN"), link(Link.GOOD, 7_000)], ["late"]),
        ([executed(9_000)], [link(Link.GOOD, 1_000), ended("UNKNOWN")], ["late"]),
        ([executed(6_000)], [link(Link.LOST, 1_000), ended("UNKNOWN"), link(Link.GOOD, 7_000)], []),
        ([], [ended("DONE")], ["claimed"]),
        ([executed()], [], ["unended"]),
    ],
)
def test_an_order_is_executed_as_its_end_says(log: list[Any], ends: list[Any], broken: list[str]) -> None:
    assert account(log, ends, [KEY]).broken() == broken


JOB = job_key(SORTER, 4)


@pytest.mark.parametrize(
    ("did", "result", "picked", "broken"),
    [
        ([Did.JOB_STARTED, Did.PLACED], "OK", 2, []),
        ([Did.JOB_STARTED, Did.PLACED], "OK", 1, ["miscounted"]),
        ([Did.JOB_STARTED], "SHORT", 0, []),
        ([], "REJECTED", 0, []),
        ([Did.JOB_STARTED], "REJECTED", 0, ["denied"]),
        ([Did.JOB_STARTED, Did.JOB_STARTED, Did.PLACED], "OK", 2, ["twice"]),
        ([Did.JOB_STARTED, Did.PLACED], "UNKNOWN", 0, []),
    ],
)
def test_a_job_is_done_once_and_counted(did: list[Did], result: str, picked: int, broken: list[str]) -> None:
    lines = [Actuation(at_ms=500, by=SORTER, did=each, job_id=4, quantity=2) for each in did]
    end = JobEnded(
        at_ms=900, machine_id=SORTER, job_id=4, result=result, picked=picked, cycle_ms=1, reason=""
    )  # fmt: skip
    assert account(lines, [link(Link.GOOD, 1), end], [JOB]).broken() == broken


def test_a_unit_that_never_comes_to_rest_is_stuck() -> None:
    put = Actuation(at_ms=1, by="people", barcode="B1", source="outside", target=f"{SORTER}/loop")
    assert account([put], [], []).broken() == ["stuck"]
    assert account([put, Actuation(at_ms=2, by=SORTER, barcode="B1", target=f"{SORTER}/L03")], [], []).broken() == []


def test_a_fault_of_one_machine_excuses_those_at_the_same_server_and_nobody_else() -> None:
    fault = Actuation(at_ms=900, by="faults", did=Did.FAULT_BEGAN, machine_id="robot1", kind="refused")
    over = Actuation(at_ms=1_900, by="faults", did=Did.FAULT_ENDED, machine_id="robot1", kind="refused")
    alone = fired(did=Did.ARMED, seq=0)
    for server, broken in (("plc:502", []), ("plc2:502", ["alone_up"])):
        accounts = balance({SORTER: "plc:502", "robot1": server}, [fault, alone, over], [], [], speed=1)
        assert accounts[0].broken() == broken


def test_a_request_without_an_answer_and_a_unit_sorted_alone_are_counted() -> None:
    scanned = UnitScanned(
        at_ms=1, machine_id=SORTER, boot=1, seq=9, tracking_id=5, decision_point=1, status=ScanStatus.OK, barcode="B1",
        recirc_count=0, budget_ms=250,
    )  # fmt: skip
    alone = fired(did=Did.ARMED, seq=0)
    assert account([alone], [scanned], []).broken() == ["open", "alone_up"]
    fault = Actuation(at_ms=900, by="faults", did=Did.FAULT_BEGAN, machine_id=SORTER, kind="refused")
    excused = account([fault, alone], [], [])
    assert (excused.alone, excused.broken()) == (1, [])
