"""`edge why order`: the story of an order, and what it waits for at every stage."""

from dataclasses import replace
from typing import Any

import pytest

from edge.messages import (
    DecisionCode,
    Departure,
    DepartureClosed,
    DepartureScheduled,
    DivertUnit,
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
    Site,
    SiteOpened,
    SortResult,
    Task,
    TaskAssigned,
    TaskCompleted,
    TaskKind,
    TasksPlanned,
    TaskUnassigned,
    UnitArrived,
    UnitContent,
    UnitLoaded,
    UnitMissing,
    UnitPacked,
    UnitSorted,
    UnitStaged,
)
from edge.messages.orders import LineQuantity
from edge.why import TASKS_SHOWN, why_order

T0 = 1_720_000_800_000  # 2024-07-03 10:00:00 UTC, 11:00:00 in London
MINUTE = 60_000
HU = "009506000120000017"


def told(*messages: Message, order_id: str = "O1", timezone: str = "") -> list[str]:
    return why_order([(0, message) for message in messages], order_id, timezone)


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
