"""OEE: whose time went where, charged to who caused it, whatever the order in which one reads it."""

import random
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.messages import (
    Flow,
    JobEnded,
    Link,
    LinkGap,
    Machine,
    MachineChanged,
    Message,
    PackMl,
    Site,
    SiteOpened,
    SortResult,
    UnitSorted,
)
from edge.page.kpi_machines import Machines
from edge.page.twin import Twin

T0 = 1_700_000_000_000
S = 1_000


def site(**robot: int) -> SiteOpened:
    machines = (
        Machine(machine_id="robot1", kind="robot", zone="B", **robot),
        Machine(machine_id="sorter1", kind="sorter", zone="", cycle_ms=2_000),
    )
    opened = Site(site="dc1", timezone="UTC", racks=(), places=(), zones=(), machines=machines, sscc_prefix="0950600")
    return SiteOpened(at_ms=T0, site=opened)


def changed(at_s: int, state: PackMl, flow: Flow = Flow.NORMAL, link: Link = Link.GOOD, **more: Any) -> MachineChanged:
    known = {"at_ms": T0 + at_s * S, "machine_id": "robot1", "state": state, "link": link, "flow": flow, "boot": 1}
    return MachineChanged(**(known | more))


def job(at_s: int, job_id: int, result: str, picked: int) -> JobEnded:
    return JobEnded(at_ms=T0 + at_s * S, machine_id="robot1", job_id=job_id, result=result, picked=picked, cycle_ms=1)


def a_shift() -> list[Message]:
    """1000 s: 600 producing, 100 starved, 50 blocked, 60 held, 90 suspended, 40 stopped, 30 aborted, 30 unheard."""
    return [
        site(cycle_ms=10_000, unit_ms=1_000),
        changed(0, PackMl.STOPPED),
        changed(40, PackMl.EXECUTE),
        changed(640, PackMl.EXECUTE, Flow.STARVED),
        changed(740, PackMl.EXECUTE, Flow.BLOCKED),
        changed(790, PackMl.HELD, reason="VACUUM"),
        changed(850, PackMl.SUSPENDED),
        changed(940, PackMl.ABORTED, reason="ESTOP zones 1"),
        changed(970, PackMl.EXECUTE, link=Link.LOST, reason="LINK_LOST"),
        *(job(100 + number, number, "OK", 2) for number in range(1, 31)),
        job(200, 31, "PART_LOST", 0),
        job(201, 32, "SHORT", 1),
        job(202, 33, "REJECTED", 0),
        changed(1000, PackMl.EXECUTE),
    ]


def part(messages: list[Message]) -> dict[str, Any]:
    machines = Machines()
    for message in messages:
        see = machines.table.get(type(message))
        if see is not None:
            see(message)
    return {row["machine_id"]: row for row in machines.part()}


def test_time_is_charged_to_who_caused_it() -> None:
    row = part(a_shift())["robot1"]
    assert row["seconds"] == {
        "producing": 600, "starved": 100, "blocked": 50, "held": 60, "suspended": 90, "stopped": 40, "aborted": 30,
        "unknown": 30,
    }  # fmt: skip
    assert row["causes"] == [{"cause": "VACUUM", "seconds": 60}, {"cause": "ESTOP zones 1", "seconds": 30}]
    assert row["availability"] == round(600 / 730, 4)
    assert row["performance"] == round((32 * 10 + 61) / 600, 4)
    assert (row["done"], row["good"], row["quality"]) == (32, 31, round(31 / 32, 4))
    assert row["oee"] == round(row["availability"] * row["performance"] * row["quality"], 4)


def test_without_a_nominal_cycle_there_is_no_performance_and_no_oee() -> None:
    row = part([site(), *a_shift()[1:]])["robot1"]
    assert (row["performance"], row["oee"]) == (None, None)
    assert row["availability"] == round(600 / 730, 4)


def test_gaps_of_the_link_are_counted_once_each() -> None:
    gaps = [
        LinkGap(at_ms=T0 + s, machine_id="robot1", from_ms=T0, to_ms=T0 + s, reason="QUEUE_OVERFLOW") for s in (40, 60)
    ]
    assert part([*a_shift(), *gaps, *gaps])["robot1"]["gaps"] == {"count": 2, "ms": 100}


@given(st.randoms(use_true_random=False))
def test_repetition_and_order_change_nothing(dice: random.Random) -> None:
    messages = a_shift() * 2
    dice.shuffle(messages)
    assert part(messages) == part(a_shift())


def test_a_sorter_is_judged_by_where_its_units_went() -> None:
    reports = [
        UnitSorted(
            at_ms=T0 + 10 * S, machine_id="sorter1", boot=1, seq=seq, tracking_id=seq, lane=1, requested_lane=1,
            result=result, reason=SortResult.NONE, decision_seq=seq, decision_latency_ms=5, recirc_count=0,
        )
        for seq, result in enumerate(
            (SortResult.DIVERTED, SortResult.DIVERTED_ALT, SortResult.RECIRCULATED, SortResult.LOST), 1
        )
    ]  # fmt: skip
    run = changed(0, PackMl.EXECUTE, machine_id="sorter1")
    row = part([site(), run, *reports])["sorter1"]
    assert (row["done"], row["good"], row["quality"]) == (3, 2, round(2 / 3, 4))
    assert (row["availability"], row["performance"]) == (1.0, round(6 / 10, 4))


def test_the_picture_keeps_the_same_time_as_it_goes() -> None:
    twin = Twin()
    for message in a_shift():
        twin.see(message, getattr(message, "at_ms", T0))
    row = twin.view()["machines"]["robot1"]
    assert {name: ms // S for name, ms in row["spent_ms"].items()} == part(a_shift())["robot1"]["seconds"]
    assert (row["time"], row["timed_ms"], row["flow"]) == ("producing", T0 + 1000 * S, "")


def test_since_is_when_the_state_began_not_the_flow() -> None:
    twin = Twin()
    for message in (site(), changed(0, PackMl.EXECUTE), changed(50, PackMl.EXECUTE, Flow.STARVED)):
        twin.see(message, getattr(message, "at_ms", T0))
    row = twin.view()["machines"]["robot1"]
    assert (row["since_ms"], row["flow"]) == (T0, "starved")
    twin.see(replace(changed(60, PackMl.HELD), reason="VACUUM"), T0 + 60 * S)
    assert twin.view()["machines"]["robot1"]["since_ms"] == T0 + 60 * S
