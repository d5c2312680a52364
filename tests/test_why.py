"""`edge why`: the story of an order, a task, a handling unit, and what each waits for; `edge why-not`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.messages import (
    Considered,
    DecisionCode,
    Departure,
    DepartureClosed,
    DepartureScheduled,
    DivertUnit,
    JobEnded,
    LineResult,
    LineShorted,
    Message,
    OrderAccepted,
    OrderAdmitted,
    OrderCaptured,
    OrderClosed,
    OrderHeldBack,
    OrderHoldLifted,
    OrderHoldPlaced,
    OrderLine,
    OrderOutcome,
    OrderRefused,
    OrderRejected,
    OrderReleased,
    OrderRolled,
    OrderShipped,
    OrderStarted,
    ScanStatus,
    Site,
    SiteOpened,
    SortResult,
    StartJob,
    Task,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskKind,
    TasksPlanned,
    TaskStarted,
    TaskUnassigned,
    TaskWithdrawn,
    UnitArrived,
    UnitContent,
    UnitLoaded,
    UnitMissing,
    UnitPacked,
    UnitScanned,
    UnitSorted,
    UnitStaged,
)
from edge.messages.orders import LineQuantity
from edge.restored import Restored
from edge.why.order import TASKS_SHOWN, why_order
from edge.why.refused import why_idle, why_not
from edge.why.story import Answer, Clock
from edge.why.task import PASSED_OVER_MAX, why_task
from edge.why.unit import why_unit
from tests.wes.scene import T0 as OPENING
from tests.wes.scene import Play, pick

T0 = 1_720_000_800_000  # 2024-07-03 10:00:00 UTC, 11:00:00 in London
MINUTE = 60_000
HU = "009506000120000017"


def told(*messages: Message, order_id: str = "O1", timezone: str = "") -> list[str]:
    return why_order([(0, message) for message in messages], order_id, timezone).lines()


def at(minute: int) -> dict[str, Any]:
    return {"at_ms": T0 + minute * MINUTE}


def task(number: int = 1, **fields: Any) -> Task:
    kept: dict[str, Any] = {
        "task_id": f"t{number}",
        "kind": TaskKind.PICK,
        "zone": "A",
        "skill": "pick",
        "source": "A-01-01-1",
        "target": "",
        "order_id": "O1",
        "hu_id": HU,
        "sku": "MUG",
        "quantity": 3,
        "due_ms": T0,
    }
    return Task(**(kept | fields))


def site() -> SiteOpened:
    opened = Site(
        site="dc1", timezone="Europe/London", racks=(), places=(), zones=(), machines=(), sscc_prefix="0950600012"
    )
    return SiteOpened(at_ms=T0 - MINUTE, site=opened)


LOAD = task(3, kind=TaskKind.LOAD, source="sorter1/L03")
DAY: tuple[Message, ...] = (
    site(),
    DepartureScheduled(
        at_ms=T0 - MINUTE,
        site="dc1",
        departure=Departure(departure_id="D1", site="dc1", route="N", carrier="X", cutoff_ms=T0 + 90 * MINUTE),
    ),
    OrderCaptured(**at(0), order_id="O1", route="N", lines=(OrderLine(line=1, sku="MUG", quantity=3),)),
    OrderAccepted(
        **at(0),
        order_id="O1",
        rev=1,
        site="dc1",
        departure_id="D1",
        promised_ms=T0 + 90 * MINUTE,
        release_at_ms=T0 + 10 * MINUTE,
        ordered_units=3,
        reason="first departure it can make",
    ),
    OrderReleased(
        **at(10),
        order_id="O1",
        rev=1,
        site="dc1",
        customer="",
        route="N",
        departure_id="D1",
        priority=5,
        due_ms=T0 + 90 * MINUTE,
        lines=(OrderLine(line=1, sku="MUG", quantity=3),),
    ),
    OrderAdmitted(**at(11), order_id="O1", rev=1, site="dc1"),
    TasksPlanned(**at(11), site="dc1", tasks=(task(1), task(2, kind=TaskKind.PACK, source="PACK-A"))),
    OrderHeldBack(**at(11), order_id="O1", reason="zone A is full"),
    OrderStarted(**at(15), order_id="O1", reason="room in zone A"),
    TaskAssigned(**at(15), resource_id="P1", task=task(1), reason="nearest"),
    TaskCompleted(
        **at(17), task_id="t1", kind=TaskKind.PICK, resource_id="P1", quantity=2, reason="shelf empty", assigned_ms=T0
    ),
    LineShorted(**at(17), order_id="O1", line=1, sku="MUG", quantity=1, reason="SHORT_PICK"),
    TaskCompleted(**at(20), task_id="t2", kind=TaskKind.PACK, resource_id="P2", quantity=1, assigned_ms=T0),
    UnitPacked(
        **at(20),
        hu_id=HU,
        order_id="O1",
        site="dc1",
        route="N",
        departure_id="D1",
        due_ms=T0,
        contents=(UnitContent(line=1, sku="MUG", lot="", quantity=2),),
        weight_g=1,
    ),
    DivertUnit(
        **at(22),
        machine_id="sorter1",
        boot=1,
        seq=7,
        tracking_id=5,
        code=DecisionCode.ROUTE,
        lane=3,
        alternate=4,
        hu_id=HU,
        reason="lane of route N",
    ),
    UnitSorted(
        **at(23),
        machine_id="sorter1",
        boot=1,
        seq=9,
        tracking_id=5,
        lane=4,
        requested_lane=3,
        result=SortResult.DIVERTED_ALT,
        reason=SortResult.LANE_FULL,
        decision_seq=7,
        decision_latency_ms=12,
        recirc_count=0,
    ),
    UnitArrived(
        **at(23), hu_id=HU, machine_id="sorter1", location="sorter1/L04", result=SortResult.DIVERTED_ALT, reason=""
    ),
    UnitStaged(**at(23), hu_id=HU, order_id="O1", departure_id="D1", location="sorter1/L04"),
    TasksPlanned(**at(23), site="dc1", tasks=(LOAD,)),
    TaskCompleted(**at(30), task_id="t3", kind=TaskKind.LOAD, resource_id="P3", quantity=1, assigned_ms=T0),
    UnitLoaded(**at(30), hu_id=HU, order_id="O1", departure_id="D1"),
    DepartureClosed(**at(90), departure_id="D1", site="dc1", units=(HU,), orders=("O1",), left_behind=()),
    OrderShipped(
        **at(90),
        order_id="O1",
        site="dc1",
        departure_id="D1",
        lines=(LineQuantity(line=1, sku="MUG", quantity=2),),
        units=(HU,),
    ),
    OrderClosed(
        **at(91),
        order_id="O1",
        outcome=OrderOutcome.SHORT_SHIPPED,
        captured_ms=T0,
        promised_id="D1",
        departure_id="D1",
        lines=(LineResult(line=1, sku="MUG", ordered=3, shipped=2, short=1, cancelled=0),),
    ),
)


def until(kind: type[Message]) -> tuple[Message, ...]:
    """The day up to and with the first message of a kind."""
    return DAY[: next(n for n, message in enumerate(DAY) if isinstance(message, kind)) + 1]


def test_the_whole_story_in_the_time_of_the_site() -> None:
    lines = told(*DAY)
    assert lines[0] == "order O1"
    story = "\n".join(lines)
    for part in (
        "2024-07-03 11:00:00  captured by api, rev 1: 1 line, 3 units, route N, priority 5",
        "promised from dc1 with D1, cutoff 2024-07-03 12:30:00; to be released 2024-07-03 11:10:00; because: first dep",
        "released to dc1 for D1, 80 min before its cutoff, as planned",
        "kept from the floor: zone A is full",
        "first task let onto the floor: room in zone A",
        "P1 got pick 3 x MUG at A-01-01-1: nearest",
        "P1 finished pick 3 x MUG at A-01-01-1, only 2: shelf empty",
        "short: 1 x MUG (line 1): SHORT_PICK",
        f"packed {HU}: 2 units for N",
        f"sorter1 was told ROUTE to lane 3 or 4 for {HU}: lane of route N",
        f"sorter1 reports {HU} in lane 4: DIVERTED_ALT (LANE_FULL)",
        f"{HU} staged in sorter1/L04 for D1",
        f"{HU} loaded into D1",
        "shipped from dc1 with D1: 2 units in 1 handling unit",
        "now: nothing left to do, closed as short shipped with D1: 2 of 3 units shipped, 1 short",
    ):
        assert part in story, part
    times = [line.split("  ")[1] for line in lines[1:-1]]
    assert times == sorted(times)


def test_two_journals_that_tell_the_same_make_one_story() -> None:
    again = [replace(m, at_ms=m.at_ms + 5000) for m in DAY if isinstance(m, (OrderAccepted, OrderClosed))]
    assert told(*DAY, *DAY, *again) == told(*DAY)


def test_another_time_zone_on_request() -> None:
    assert "  2024-07-03 12:00:00  captured" in told(*DAY, timezone="Europe/Berlin")[1]
    assert "  2024-07-03 10:00:00  captured" in told(*DAY[1:])[1]  # no site known: UTC


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (OrderCaptured, "waits to be judged"),
        (OrderAccepted, "waits for its release at 2024-07-03 11:10:00, timed so that dc1 makes the cutoff of D1"),
        (OrderReleased, "waits for dc1 to take it on"),
        (OrderAdmitted, "nothing is packed"),
        (TasksPlanned, "waits for somebody free with the skill, in the zone; tasks left: 1 pick, 1 pack"),
        (OrderHeldBack, "kept from the floor (zone A is full); tasks left: 1 pick, 1 pack"),
        (OrderStarted, "waits for somebody free"),
        (TaskAssigned, "in work at P1 (pick 3 x MUG at A-01-01-1); tasks left: 1 pick, 1 pack"),
        (TaskCompleted, "waits for somebody free with the skill, in the zone; tasks left: 1 pack"),
        (UnitPacked, f"packed; {HU} is on the way over conveyor and sorter"),
        (UnitLoaded, "loaded; waits for D1 to close at 2024-07-03 12:30:00"),
        (DepartureClosed, "it has closed"),
    ],
)
def test_what_it_waits_for(kind: type[Message], words: str) -> None:
    assert words in told(*until(kind))[-1]


def hold(minute: int, hold_id: str) -> OrderHoldPlaced:
    return OrderHoldPlaced(**at(minute), order_id="O1", hold_id=hold_id, reason="credit check", by="ann")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            (hold(1, "H1"), hold(1, "H2"), OrderHoldLifted(**at(2), order_id="O1", hold_id="H1", by="ann")),
            "on hold (H2 by",
        ),
        ((hold(1, "H1"), OrderHoldLifted(**at(2), order_id="O1", hold_id="H1", by="ann")), "waits for its release"),
    ],
)
def test_holds(more: tuple[Message, ...], words: str) -> None:
    assert words in told(*until(OrderAccepted), *more)[-1]


def test_rejected_refused_rolled_missing_and_taken_back() -> None:
    rejected = OrderRejected(**at(1), order_id="O1", rev=1, reason="UNKNOWN_SKU", detail="line 1")
    assert "rejected (UNKNOWN_SKU)" in told(*until(OrderCaptured), rejected)[-1]
    late = replace(rejected, reason="TOO_LATE")
    assert "a request was refused: TOO_LATE, line 1" in "\n".join(told(*until(OrderReleased), late))
    assert "waits for dc1" in told(*until(OrderReleased), late)[-1]
    refused = OrderRefused(**at(12), order_id="O1", rev=1, site="dc1", reason="DEPARTURE_CLOSED", detail="D1")
    assert "refused by dc1 (DEPARTURE_CLOSED)" in told(*until(OrderReleased), refused)[-1]
    rolled = OrderRolled(
        **at(90), order_id="O1", site="dc1", previous_id="D1", departure_id="D2", due_ms=T0, reason="MISSED_CUTOFF"
    )
    lines = told(*until(UnitLoaded), rolled)
    assert any("rolled from D1 to D2: MISSED_CUTOFF" in line for line in lines)
    assert "waits for D2 to close" in lines[-1]
    missing = UnitMissing(**at(24), hu_id=HU, machine_id="sorter1", reason="LOST")
    assert f"{HU} is missing (LOST)" in told(*until(UnitPacked), missing)[-1]
    back = TaskUnassigned(**at(16), resource_id="P1", task_id="t1", reason="went home")
    lines = told(*until(TaskAssigned), back)
    assert any("taken from P1: pick 3 x MUG at A-01-01-1: went home" in line for line in lines)
    assert "waits for somebody free" in lines[-1]


def test_an_order_of_many_tasks_is_summed_up() -> None:
    many = tuple(task(100 + n) for n in range(TASKS_SHOWN + 10))
    done = [
        TaskCompleted(**at(16 + n), task_id=one.task_id, kind=one.kind, resource_id="P1", quantity=3, assigned_ms=T0)
        for n, one in enumerate(many[:-1])
    ]
    lines = told(*until(OrderStarted), TasksPlanned(**at(15), site="dc1", tasks=many), *done)
    assert len(lines) < 15
    assert any("P1 finished 39 pick tasks, the last" in line for line in lines)
    assert "tasks left: 2 pick, 1 pack" in lines[-1]


def test_what_belongs_to_other_orders_is_left_out() -> None:
    other = (
        OrderCaptured(**at(1), order_id="O2", route="S", lines=(OrderLine(line=1, sku="LAMP", quantity=9),)),
        TasksPlanned(**at(1), site="dc1", tasks=(task(50, order_id="O2", hu_id="other"),)),
        TaskCompleted(**at(2), task_id="t50", kind=TaskKind.PICK, resource_id="P9", quantity=1, assigned_ms=T0),
        UnitLoaded(**at(3), hu_id="other", order_id="O2", departure_id="D1"),
    )
    assert told(*DAY, *other) == told(*DAY)


def test_an_unknown_order_says_so_with_what_is_like_it() -> None:
    captured = [
        OrderCaptured(at_ms=T0, order_id=name, route="N", lines=()) for name in ("579256", "579265", "579652", "X")
    ]
    (line,) = told(*captured, order_id="579266")
    assert line.startswith("order 579266: not in these journals; like it: 5792")
    (line,) = told(*captured, order_id="qqqq")
    assert "4 orders are known, none like it" in line
    (line,) = told(order_id="1")
    assert "0 orders are known" in line


# why task


def of_task(*messages: Message, task_id: str = "t1", floor: Restored | None = None) -> Answer:
    return why_task([(0, message) for message in messages], task_id, floor)


def test_a_task_with_what_it_was_compared_with() -> None:
    compared = (Considered(task_id="t8", slack_ms=-90_000, walk_mm=12_900, kept_for="P4"),)
    got = replace(of(TaskAssigned), considered=compared)
    began = TaskStarted(**at(16), resource_id="P1", task_id="t1")
    answer = of_task(*until(OrderStarted), got, began, *DAY[DAY.index(of(TaskAssigned)) + 1 :])
    assert answer.lines() == [
        "task t1: pick 3 x MUG at A-01-01-1, order O1",
        "  2024-07-03 11:11:00  planned in zone A, wants pick: due 2024-07-03 11:00:00, priority 5",
        "  2024-07-03 11:15:00  P1 got it: nearest; compared for P1: t8 (late 90 s, 12 m away, kept for P4)",
        "  2024-07-03 11:16:00  P1 began pick 3 x MUG at A-01-01-1",
        "  2024-07-03 11:17:00  P1 finished pick 3 x MUG at A-01-01-1, only 2: shelf empty",
        "  now: P1 finished pick 3 x MUG at A-01-01-1, only 2: shelf empty",
    ]
    (choice,) = answer.plain()["assigned"]
    assert (choice["resource_id"], choice["considered"][0]["task_id"]) == ("P1", "t8")


def of(kind: type[Any]) -> Any:
    return next(message for message in DAY if isinstance(message, kind))


def test_a_task_that_was_passed_over_jobs_and_changes() -> None:
    rival = (Considered(task_id="t1", slack_ms=300_000, walk_mm=4_000),)
    other = replace(of(TaskAssigned), task=task(9), considered=rival, reason="slack 1 min; next best t1")
    others = [replace(other, at_ms=other.at_ms + n) for n in range(PASSED_OVER_MAX + 3)]
    robot = task(1, robot=True, after=("t0",), departure_id="D1")
    story = (
        TasksPlanned(**at(11), site="dc1", tasks=(robot,)),
        *others,
        TaskAmended(**at(14), site="dc1", task_id="t1", departure_id="D2", due_ms=T0, priority=2),
        StartJob(
            **at(15), machine_id="R1", job_id=7, task_id="t1", source="A-01-01-1", sku="MUG", hu_id=HU, quantity=3
        ),
        JobEnded(**at(16), machine_id="R1", job_id=7, result="FAULT", picked=0, cycle_ms=9, reason="vacuum"),
        JobEnded(**at(16), machine_id="R2", job_id=7, result="OK", picked=1, cycle_ms=9),
        TaskWithdrawn(**at(17), site="dc1", task_id="t1", reason="CANCELLED"),
    )
    text = "\n".join(of_task(*story).lines())
    assert text.count("P1 got t9 (slack 1 min); this one was next best for it: slack 300 s"[:50]) == PASSED_OVER_MAX
    for part in (
        "a robot may do it too: due",
        "with D1, priority 5; after t0",
        "is now due 2024-07-03 10:00:00 with D2, priority 2",
        "R1 was sent job 7: 3 x MUG from A-01-01-1",
        "R1 ended job 7: FAULT, 0 picked: vacuum",
        "now: no longer wanted: pick 3 x MUG at A-01-01-1: CANCELLED",
    ):
        assert part in text, part
    assert "R2" not in text
    only = of_task(TasksPlanned(**at(11), site="dc1", tasks=(replace(robot, robot_only=True),)))
    assert "only for a robot" in only.events[0][1]
    assert only.now == "planned; no journal of a WES is among these"


def test_what_a_task_waits_for_comes_from_the_floor() -> None:
    play = Play()
    play.all_run()
    play.join("ann", "pack")
    waiting = pick("t1", "hu1")
    play.plan(waiting)
    floor = Restored(Path("j"), OPENING, play.engine.floor, 2)
    answer = of_task(TasksPlanned(at_ms=OPENING, site="S1", tasks=(waiting,)), floor=floor)
    assert answer.lines()[-2:] == [
        "  now (2023-11-14 22:13:20): is ready; nobody here may do it: it wants pick in zone A",
        "  note: this version decides 2 entries otherwise than they were, so now may look otherwise too",
    ]
    assert of_task(floor=floor).now == answer.now, "the entries that planned it may be gone"
    unknown = of_task(task_id="t-1", floor=floor)
    assert unknown.lines() == ["task t-1: not in these journals; like it: t1"]
    assert unknown.plain()["known"] is False


DOWN = task(9, kind=TaskKind.REPLENISH, source="A-01-01-4", target="A-01-01-1", order_id="", hu_id="", quantity=20)
WAITS: tuple[Message, ...] = (
    *until(OrderAdmitted),
    TasksPlanned(**at(12), site="dc1", tasks=(DOWN,)),
    TaskAssigned(**at(12), resource_id="P9", task=DOWN, reason="nobody waits for it"),
    TasksPlanned(**at(13), site="dc1", tasks=(task(1, after=("t9",)),)),
)
WAY = "replenishment t9 from A-01-01-4 to A-01-01-1"


def test_an_order_names_the_replenishment_it_waits_for_and_who_has_it() -> None:
    lines = told(*WAITS)
    assert lines[-2].endswith("P9 got replenish 20 x MUG from A-01-01-4 to A-01-01-1: nobody waits for it")
    assert lines[-1] == f"  now: waits for {WAY}, taken by P9; tasks left: 1 pick"
    back = TaskUnassigned(**at(14), resource_id="P9", task_id="t9", reason="PREEMPTED")
    assert told(*WAITS, back)[-1] == f"  now: waits for {WAY}, which nobody has taken yet; tasks left: 1 pick"
    done = TaskCompleted(
        **at(15), task_id="t9", kind=TaskKind.REPLENISH, resource_id="P9", quantity=8, reason="EMPTY", assigned_ms=T0
    )
    assert told(*WAITS, done)[-2].endswith("finished replenish 20 x MUG from A-01-01-4 to A-01-01-1, only 8: EMPTY")
    assert told(*WAITS, done)[-1].startswith("  now: waits for somebody free")
    other = TaskAssigned(**at(14), resource_id="P1", task=task(4), reason="nearest")
    assert told(*WAITS, other)[-1].startswith(f"  now: in work at P1 (pick 3 x MUG at A-01-01-1); waits for {WAY}, tak")


# why unit


def of_unit(*messages: Message, hu_id: str = HU, floor: Restored | None = None) -> Answer:
    return why_unit([(0, message) for message in messages], hu_id, floor)


def test_a_unit_from_its_first_task_to_the_lorry() -> None:
    scan = UnitScanned(
        **at(22), machine_id="sorter1", boot=1, seq=7, tracking_id=5, decision_point=1, status=ScanStatus.OK,
        barcode=HU, recirc_count=1, budget_ms=250,
    )  # fmt: skip
    answer = of_unit(scan, *DAY)
    assert answer.about == f"unit {HU}, order O1"
    assert [text for _, text in answer.events] == [
        "2 tasks planned",
        "P1 got pick 3 x MUG at A-01-01-1: nearest",
        "P1 finished pick 3 x MUG at A-01-01-1, only 2: shelf empty",
        f"P2 finished pack {HU} at PACK-A, only 1",
        f"packed {HU}: 2 units for N",
        f"sorter1 read {HU} and asks where to, round 2",
        f"sorter1 was told ROUTE to lane 3 or 4 for {HU}: lane of route N",
        "1 task planned",
        f"sorter1 reports {HU} in lane 4: DIVERTED_ALT (LANE_FULL)",
        f"{HU} lies in sorter1/L04: DIVERTED_ALT",
        f"{HU} staged in sorter1/L04 for D1",
        f"P3 finished load {HU} at sorter1/L03, only 1",
        f"{HU} loaded into D1",
        "D1 closed with it on board",
    ]
    assert answer.now == "left with D1"
    assert of_unit(*until(UnitPacked)).now == f"packed {HU}: 2 units for N"
    assert of_unit(*until(TasksPlanned)).now == "its tasks are planned; no journal of a WES is among these"
    assert answer.plain()["tasks"] == ["t1", "t2", "t3"]


def test_a_unit_on_the_floor_and_one_nobody_knows() -> None:
    play = Play()
    play.plan(pick("t1", "hu1"))
    floor = Restored(Path("j"), OPENING, play.engine.floor, 0)
    answer = of_unit(hu_id="hu1", floor=floor)
    assert answer.now.startswith("is being filled in zone A for north-1; pick t1 is ready")
    assert of_unit(*DAY, hu_id=HU[:-1]).unknown == f"not in these journals; like it: {HU}"


# why-not


def test_why_not_in_the_time_of_the_site_and_by_name() -> None:
    play = Play()
    play.all_run()
    play.join("ann", "pick")
    play.join("bob", "pack")
    play.plan(pick("t1", "hu1"), pick("t2", "hu2"))
    floor = Restored(Path("j"), OPENING, play.engine.floor, 0)
    assert why_not(floor, "t1", "bob").now == "bob is idle but lacks skill 'pick'"
    busy = why_not(floor, "t2" if "t1" in why_not(floor, "t2", "ann").now else "t1", "ann", "Europe/Berlin").now
    assert busy.startswith("ann is busy with t")
    assert "until about 2023-11-14 23:1" in busy
    assert why_not(floor, "t11", "ann").unknown == "there is no task t11; like it: t1"
    assert why_not(floor, "t1", "bobby").unknown.endswith("nobody of that name is signed on; like it: bob")
    play.tell(TaskWithdrawn(at_ms=OPENING, site="S1", task_id="t2", reason="CANCELLED"))
    assert why_not(floor, "t2", "zzzzz").unknown.startswith("nobody of that name is here; 6 resources are known")
    idle = why_idle(floor)
    assert idle.more["idle"]["robot1"] == "the one open task is not for it; t1: no robot can do it"
    assert idle.now == "2 of 3 have nothing to do"
    assert "bob: the one open task is not for it; t1: lacks skill 'pick'" in [text for _, text in idle.events]


def test_the_marks_of_moments_become_moments() -> None:
    assert Clock().told(f"is Held since at({T0}), seat(5)") == "is Held since 2024-07-03 10:00:00, seat(5)"
