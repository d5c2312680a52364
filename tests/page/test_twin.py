"""The picture is a bounded fold: any messages in any order leave it whole, and it survives a snapshot unchanged."""

import json
from dataclasses import fields, replace
from typing import Any, get_type_hints

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from edge.codec import dump_state, load_state
from edge.messages import (
    READERS,
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    DecisionCode,
    Departure,
    DepartureClosed,
    DepartureScheduled,
    DivertUnit,
    LaneAssigned,
    LaneChanged,
    LineShorted,
    Link,
    MachineChanged,
    Message,
    OrderAccepted,
    OrderAdmitted,
    OrderCaptured,
    OrderClosed,
    OrderLine,
    OrderOutcome,
    OrderRejected,
    OrderReleased,
    OrderRolled,
    OrderShipped,
    PackMl,
    ResourceJoined,
    ResourceKind,
    ResourceLeft,
    ScanStatus,
    SortResult,
    StockMoved,
    TaskAmended,
    TaskAssigned,
    TaskCompleted,
    TaskKind,
    TaskStarted,
    TaskUnassigned,
    UnitArrived,
    UnitContent,
    UnitLoaded,
    UnitPacked,
    UnitRerouted,
    UnitScanned,
    UnitSorted,
    UnitStaged,
    UnitTurnedUp,
    UnitVoided,
)
from edge.page import picture
from edge.page.feed import LINE_MAX_BYTES
from edge.page.picture import State
from edge.page.twin import FOLDS, Twin
from tests.page.stage import line, opened, pick

HU = "109506000120000017"
POOLS = {
    "order_id": ["O-1", "O-2", "O-3"],
    "hu_id": [HU, "H2", "H3", "sorter1#7"],
    "barcode": [HU, "H2", ""],
    "machine_id": ["sorter1", "conveyor1", "robot1", "strange"],
    "departure_id": ["D-1", "D-2", ""],
    "previous_id": ["D-1", "D-2"],
    "resource_id": ["p1", "p2", "robot1"],
    "task_id": ["T-1", "T-2", "T-3"],
    "alarm_id": ["a1", "a2"],
    "location": ["sorter1/L01", "sorter1/L13", "PACK-A", "nowhere"],
    "target": ["conveyor1", "conveyor2", "sorter1/L02"],
    "peer": ["office", "dc1"],
}


def _strategy(name: str, hint: Any) -> SearchStrategy[Any] | None:
    if name in POOLS and hint is str:
        return st.sampled_from(POOLS[name])
    if hint is int:
        return st.integers(0, 20) if name != "at_ms" else st.integers(0, 10**9)
    return st.text(max_size=5) if hint is str else None


def _builds(kind: type) -> SearchStrategy[Any]:
    known = {f.name: _strategy(f.name, get_type_hints(kind)[f.name]) for f in fields(kind)}
    return st.builds(kind, **{name: s for name, s in known.items() if s is not None})


for _nested in {type(pick("T-1")), Departure, OrderLine, UnitContent}:
    st.register_type_strategy(_nested, _builds(_nested))
ANY = st.one_of(*[st.just(opened()) if kind.__name__ == "SiteOpened" else _builds(kind) for kind in READERS])


def fold(*messages: Message) -> Twin:
    twin = Twin()
    for message in messages:
        twin.see(message, message.at_ms)
    return twin


@settings(max_examples=120, deadline=None)
@given(st.lists(ANY, max_size=40), st.integers(0, 40))
def test_any_messages_in_any_order_and_a_snapshot_in_between_change_nothing(messages: list[Message], at: int) -> None:
    straight, first = fold(*messages), fold(*messages[:at])
    second = Twin()
    second.load(load_state(State, dump_state(first.save())))
    for message in messages[at:]:
        second.see(message, message.at_ms)
    assert dump_state(straight.save()) == dump_state(second.save())
    json.dumps(straight.view())


@settings(max_examples=120, deadline=None)
@given(st.lists(ANY, max_size=40))
def test_the_books_of_the_picture_hold(messages: list[Message]) -> None:
    state = fold(opened(), *messages).state
    resting = [u for u in state.units.values() if u.at == "lane"]
    for lane in state.lanes.values():
        assert lane.count == sum(u.lane == lane.lane and u.machine_id == lane.machine_id for u in resting)
    for key, hu_id in state.tracks.items():
        assert key == f"{state.units[hu_id].machine_id}:{state.units[hu_id].tracking_id}"
    open_counts: dict[str, int] = {}
    for row in state.orders.values():
        open_counts[row.status] = open_counts.get(row.status, 0) + 1
    finals = {row.status for row in state.closed.values()}
    assert {k: n for k, n in state.counts.items() if n and k not in finals} == open_counts
    assert not state.orders.keys() & state.closed.keys()
    assert all(n >= 0 for n in state.counts.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(ANY, max_size=8), max_size=6))
def test_a_view_and_the_changes_since_make_the_next_view(batches: list[list[Message]]) -> None:
    twin = fold(opened())
    twin.take_changes()
    view = twin.view()
    for batch in batches:
        for message in batch:
            twin.see(message, message.at_ms)
        for section, rows in twin.take_changes().items():
            if section == "news":
                view["news"] = [*view["news"], *rows]
            elif section in ("totals", "counts", "pulse", "dropped", "layout", "office"):
                view[section] = rows
            else:
                for key, row in rows.items():
                    view[section].pop(key, None)
                    if row is not None:
                        view[section][key] = row
    fresh = twin.view()
    for section in ("machines", "lanes", "units", "people", "departures", "alarms", "orders", "totals", "news"):
        assert view[section] == fresh[section], section


def test_every_fold_is_for_a_message_that_exists() -> None:
    assert set(FOLDS) <= set(READERS)


def test_messages_without_a_fold_only_count() -> None:
    twin = fold(opened())
    before = twin.view() | {"messages": 0, "now_ms": 0}
    twin.see(
        StockMoved(
            at_ms=9, movement=1, sku="S", lot="", source="A", target="B", quantity=1, cause="pick", cause_id="T"
        ),
        9,
    )
    assert twin.view() | {"messages": 0, "now_ms": 0} == before


def captured(order_id: str, quantity: int = 4) -> OrderCaptured:
    lines = (OrderLine(line=1, sku="S", quantity=quantity),)
    return OrderCaptured(at_ms=1, order_id=order_id, route="UK-NORTH", lines=lines)


def released(order_id: str, departure_id: str = "D-1", quantity: int = 4) -> OrderReleased:
    return OrderReleased(
        at_ms=2,
        order_id=order_id,
        rev=1,
        site="dc1",
        customer="c",
        route="UK-NORTH",
        departure_id=departure_id,
        priority=5,
        due_ms=9,
        lines=(OrderLine(line=1, sku="S", quantity=quantity),),
    )


def scheduled(departure_id: str, cutoff_ms: int = 100) -> DepartureScheduled:
    departure = Departure(
        departure_id=departure_id, site="dc1", route="UK-NORTH", carrier="Pennine", cutoff_ms=cutoff_ms
    )
    return DepartureScheduled(at_ms=1, site="dc1", departure=departure)


def unit_packed(hu_id: str = HU, order_id: str = "O-1", departure_id: str = "D-1", quantity: int = 4) -> UnitPacked:
    return UnitPacked(
        at_ms=10,
        hu_id=hu_id,
        order_id=order_id,
        site="dc1",
        route="UK-NORTH",
        departure_id=departure_id,
        due_ms=100,
        contents=(UnitContent(line=1, sku="S", lot="", quantity=quantity),),
        weight_g=1,
    )


def scanned(machine_id: str, at_ms: int, tracking_id: int = 7, barcode: str = HU) -> UnitScanned:
    status = ScanStatus.OK if barcode else ScanStatus.NO_READ
    return UnitScanned(
        at_ms=at_ms,
        machine_id=machine_id,
        boot=1,
        seq=1,
        tracking_id=tracking_id,
        decision_point=1,
        status=status,
        barcode=barcode,
        recirc_count=0,
        budget_ms=0,
    )


def sorted_(machine_id: str, at_ms: int, result: SortResult, lane: int = 0, tracking_id: int = 7) -> UnitSorted:
    return UnitSorted(
        at_ms=at_ms,
        machine_id=machine_id,
        boot=1,
        seq=1,
        tracking_id=tracking_id,
        lane=lane,
        requested_lane=lane,
        result=result,
        reason=SortResult.NONE,
        decision_seq=1,
        decision_latency_ms=9,
        recirc_count=0,
    )


def test_a_unit_rides_from_the_pack_station_to_the_lorry() -> None:
    pack = pick("T-1", kind=TaskKind.PACK, hu_id=HU, source="PACK-A", target="conveyor1")
    twin = fold(
        opened(),
        scheduled("D-1"),
        released("O-1"),
        ResourceJoined(at_ms=3, resource_id="p1", kind=ResourceKind.PERSON, skills=("pack",), zones=("A",)),
        TaskAssigned(at_ms=4, resource_id="p1", task=pack, reason="free"),
        TaskCompleted(at_ms=9, task_id="T-1", kind=TaskKind.PACK, resource_id="p1", quantity=1, assigned_ms=4),
        unit_packed(),
    )
    unit = twin.state.units[HU]
    learned = twin.state.machines["conveyor1"].belt_ms

    def step(*messages: Message) -> tuple[str, str, int]:
        for message in messages:
            twin.see(message, message.at_ms)
        return unit.at, unit.machine_id, unit.lane

    assert step() == ("belt", "conveyor1", 0)
    assert unit.since_ms == 9
    assert step(scanned("conveyor1", 8009)) == ("exit", "conveyor1", 0)
    assert twin.state.machines["conveyor1"].belt_ms < learned
    assert step(sorted_("conveyor1", 8500, SortResult.HANDOVER)) == ("infeed", "sorter1", 0)
    assert step(scanned("sorter1", 9000)) == ("sorter", "sorter1", 0)
    divert = DivertUnit(
        at_ms=9001,
        machine_id="sorter1",
        boot=1,
        seq=1,
        tracking_id=7,
        code=DecisionCode.ROUTE,
        lane=2,
        hu_id=HU,
        reason="route",
    )
    assert step(divert) == ("sorter", "sorter1", 2)
    assert step(sorted_("sorter1", 9500, SortResult.RECIRCULATED)) == ("round", "sorter1", 0)
    assert step(scanned("sorter1", 39_000)) == ("sorter", "sorter1", 0)
    assert step(sorted_("sorter1", 48_000, SortResult.DIVERTED, 2)) == ("lane", "sorter1", 2)
    assert twin.state.lanes["sorter1/L02"].count == 1
    arrived = UnitArrived(
        at_ms=48_001,
        hu_id=HU,
        machine_id="sorter1",
        location="sorter1/L02",
        result=SortResult.DIVERTED,
        reason="",
    )
    staged = UnitStaged(at_ms=48_001, hu_id=HU, order_id="O-1", departure_id="D-1", location="sorter1/L02")
    assert step(arrived, staged) == ("lane", "sorter1", 2)
    assert twin.state.lanes["sorter1/L02"].count == 1
    departure = twin.state.departures["D-1"]
    assert (departure.units, departure.units_packed, departure.units_staged, departure.units_loaded) == (4, 4, 4, 0)
    step(UnitLoaded(at_ms=60_000, hu_id=HU, order_id="O-1", departure_id="D-1"))
    assert (departure.units_loaded, departure.hus_loaded) == (4, 1)
    assert HU not in twin.state.units
    assert twin.state.lanes["sorter1/L02"].count == 0
    assert twin.state.tracks == {}


def test_a_unit_nobody_can_read_is_shown_until_it_is_diverted() -> None:
    twin = fold(opened(), scanned("sorter1", 5, barcode=""))
    assert twin.state.units["sorter1#7"].at == "sorter"
    twin.see(sorted_("sorter1", 9, SortResult.NO_READ, 13), 9)
    assert twin.state.units == {}
    assert twin.state.totals["no_reads"] == 1
    assert "NO_READ" in twin.state.news[-1].text


def test_a_fact_told_twice_counts_once() -> None:
    facts = (scheduled("D-1"), released("O-1"), unit_packed())
    load = UnitLoaded(at_ms=60, hu_id=HU, order_id="O-1", departure_id="D-1")
    once, twice = fold(*facts, load), fold(*facts, *facts[1:], load, load)
    assert once.state.departures == twice.state.departures
    assert once.state.counts == twice.state.counts
    assert once.state.totals == twice.state.totals


def test_units_move_with_their_order_to_the_next_departure() -> None:
    twin = fold(scheduled("D-1"), scheduled("D-2", 200), released("O-1"), unit_packed())
    roll = OrderRolled(
        at_ms=20, order_id="O-1", site="dc1", previous_id="D-1", departure_id="D-2", due_ms=200, reason="late"
    )
    twin.see(roll, 20)
    twin.see(UnitRerouted(at_ms=20, hu_id=HU, departure_id="D-2", due_ms=200), 20)
    old, new = twin.state.departures["D-1"], twin.state.departures["D-2"]
    assert (old.orders, old.units, old.units_packed) == (0, 0, 0)
    assert (new.orders, new.units, new.units_packed, new.hus_packed) == (1, 4, 4, 1)
    assert twin.state.orders["O-1"].rolled == 1


def test_a_unit_that_was_given_up_counts_for_nobody_and_turns_up_as_goods() -> None:
    twin = fold(scheduled("D-1"), released("O-1"), unit_packed())
    twin.see(UnitVoided(at_ms=20, hu_id=HU, order_id="O-1"), 20)
    row, order = twin.state.departures["D-1"], twin.state.orders["O-1"]
    assert (row.units, row.units_packed, row.hus_packed) == (4, 0, 0)
    assert (order.hus, order.packed) == (0, 0)
    assert HU not in twin.state.units
    twin.see(scanned("sorter1", 30), 30)
    assert HU in twin.state.units
    twin.see(UnitTurnedUp(at_ms=40, hu_id=HU, location="sorter1/L13"), 40)
    assert HU not in twin.state.units


def test_a_departure_that_closed_keeps_what_was_planned_for_it() -> None:
    twin = fold(scheduled("D-1"), scheduled("D-2", 200), released("O-1"), unit_packed())
    closed = DepartureClosed(at_ms=100, departure_id="D-1", site="dc1", units=(), orders=(), left_behind=("O-1",))
    roll = OrderRolled(
        at_ms=101, order_id="O-1", site="dc1", previous_id="D-1", departure_id="D-2", due_ms=200, reason="late"
    )
    twin.see(closed, 100)
    twin.see(roll, 101)
    row = twin.state.departures["D-1"]
    assert (row.orders, row.units, row.left_behind, row.closed_ms) == (1, 4, 1, 100)
    assert twin.state.departures["D-2"].orders == 1


def test_an_order_goes_through_its_life_and_is_counted_where_it_is() -> None:
    twin = fold(captured("O-1"))
    accepted = OrderAccepted(
        at_ms=2,
        order_id="O-1",
        rev=1,
        site="dc1",
        departure_id="D-1",
        promised_ms=9,
        release_at_ms=3,
        ordered_units=4,
        backordered=(line(1),),
    )
    shipped = OrderShipped(at_ms=9, order_id="O-1", site="dc1", departure_id="D-1", lines=(line(2),), units=(HU,))
    closed = OrderClosed(
        at_ms=9,
        order_id="O-1",
        outcome=OrderOutcome.SHORT_SHIPPED,
        captured_ms=1,
        promised_id="D-1",
        departure_id="D-1",
        lines=(),
    )
    seen = []
    for message in (
        accepted,
        released("O-1", quantity=3),
        OrderAdmitted(at_ms=3, order_id="O-1", rev=1, site="dc1"),
        LineShorted(at_ms=4, order_id="O-1", line=1, sku="S", quantity=1, reason="NO_STOCK"),
        shipped,
        closed,
    ):
        twin.see(message, message.at_ms)
        seen.append({status for status, n in twin.state.counts.items() if n})
    assert seen == [{"accepted"}, {"released"}, {"admitted"}, {"admitted"}, {"short_shipped"}, {"short_shipped"}]
    assert twin.state.orders == {}
    assert twin.state.closed["O-1"].units == 2
    assert twin.view()["orders"]["O-1"]["status"] == "short_shipped"


def test_a_rejected_order_sent_again_is_open_again() -> None:
    reject = OrderRejected(at_ms=2, order_id="O-1", rev=1, reason="UNKNOWN_SKU", detail="S")
    twin = fold(captured("O-1"), reject)
    assert twin.state.counts["rejected"] == 1
    twin.see(captured("O-1"), 3)
    assert (twin.state.counts["rejected"], twin.state.counts["captured"]) == (0, 1)


def test_a_person_keeps_the_task_until_it_ends() -> None:
    join = ResourceJoined(at_ms=3, resource_id="p1", kind=ResourceKind.PERSON, skills=("pick",), zones=("A",))
    task = pick("T-1")
    twin = fold(
        join,
        TaskAssigned(at_ms=4, resource_id="p1", task=task, reason="near"),
        TaskAmended(at_ms=4, site="dc1", task_id="T-1", departure_id="D-9", due_ms=77, priority=1),
        TaskStarted(at_ms=5, resource_id="p1", task_id="T-1"),
        join,
    )
    ((mine, reason),) = twin.tasks_of("p1") or []
    assert (mine.task_id, mine.departure_id, mine.due_ms, mine.sku, reason) == ("T-1", "D-9", 77, task.sku, "near")
    twin.see(TaskUnassigned(at_ms=6, resource_id="p1", task_id="T-1", reason="withdrawn"), 6)
    assert twin.tasks_of("p1") == []
    twin.see(ResourceLeft(at_ms=7, resource_id="p1", reason="break"), 7)
    assert twin.tasks_of("p1") is None


def test_an_alarm_leaves_when_it_is_over_and_acknowledged() -> None:
    raised = AlarmRaised(at_ms=1, alarm_id="a1", source="sorter1", priority=2, text="jam", action="clear it")
    acknowledged = AlarmAcknowledged(at_ms=2, alarm_id="a1", by="sam")
    twin = fold(raised, AlarmCleared(at_ms=3, alarm_id="a1"))
    assert twin.state.alarms["a1"].cleared_ms == 3
    twin.see(acknowledged, 4)
    assert twin.state.alarms == {}
    twin = fold(raised, acknowledged, raised)
    assert twin.state.alarms["a1"].acknowledged_by == "sam"
    twin.see(AlarmCleared(at_ms=5, alarm_id="a1"), 5)
    assert twin.state.alarms == {}


def test_machines_and_lanes_show_what_is_wrong() -> None:
    twin = fold(
        opened(),
        MachineChanged(at_ms=5, machine_id="sorter1", state=PackMl.HELD, link=Link.LOST, reason="cable"),
        LaneChanged(at_ms=6, machine_id="sorter1", lane=3, enabled=True, full=True, jam=True),
    )
    view = twin.view()
    assert view["machines"]["sorter1"] | {"state": "HELD", "link": "lost", "since_ms": 5} == view["machines"]["sorter1"]
    assert view["lanes"]["sorter1/L03"] | {"full": True, "jam": True} == view["lanes"]["sorter1/L03"]
    assert [row["level"] for row in view["news"]] == ["warn", "warn"]
    assert view["layout"]["site"] == "dc1"


def test_a_pool_lane_shows_whose_it_is() -> None:
    given = LaneAssigned(at_ms=5, machine_id="sorter1", lane=3, departure_id="D-1", reason="", also=("D-2",))
    twin = fold(opened(), given)
    assert twin.view()["lanes"]["sorter1/L03"]["holder"] == "D-1 + D-2"
    twin.see(replace(given, order_id="O-1"), 6)
    assert twin.view()["lanes"]["sorter1/L03"]["holder"] == "O-1"
    twin.see(replace(given, departure_id="", also=()), 7)
    assert twin.view()["lanes"]["sorter1/L03"]["holder"] == ""
    twin.see(replace(given, lane=99), 8)
    assert "sorter1/L99" not in twin.view()["lanes"]


def test_full_tables_stay_full_and_say_so() -> None:
    twin = fold(opened())
    for n in range(picture.OPEN_ORDERS_MAX + 50):
        twin.see(released(f"O-{n}", f"D-{n % 800}"), n)
    for n in range(picture.UNITS_MAX + 50):
        twin.see(unit_packed(f"H{n}", f"O-{n}"), n)
    for n in range(picture.ALARMS_MAX + 50):
        twin.see(AlarmRaised(at_ms=n, alarm_id=f"a{n}", source="s", priority=3, text="x" * 900, action="y"), n)
    for n in range(picture.PEOPLE_MAX + 50):
        twin.see(ResourceJoined(at_ms=n, resource_id=f"p{n}", kind=ResourceKind.PERSON, skills=(), zones=()), n)
    twin.see(captured("x" * 500), 1)
    state = twin.state
    assert len(state.orders) == picture.OPEN_ORDERS_MAX
    assert len(state.units) == picture.UNITS_MAX
    assert len(state.alarms) == picture.ALARMS_MAX
    assert len(state.people) == picture.PEOPLE_MAX
    assert len(state.departures) == picture.DEPARTURES_MAX
    assert len(state.news) == picture.NEWS_MAX
    assert {"orders", "units", "alarms", "people", "departures", "long_ids"} <= state.dropped.keys()
    assert sum(state.counts.values()) == picture.OPEN_ORDERS_MAX
    assert len(twin.view()["orders"]) == picture.SHOWN_ORDERS_MAX
    assert len(dump_state(twin.save())) < LINE_MAX_BYTES // 2


def test_what_ended_stays_in_sight_for_a_while_and_in_the_counts_for_good() -> None:
    twin = Twin()
    for n in range(picture.CLOSED_ORDERS_MAX + 20):
        ship = OrderShipped(at_ms=n, order_id=f"O-{n}", site="dc1", departure_id="D-1", lines=(line(),), units=(HU,))
        twin.see(ship, n)
    assert len(twin.state.closed) == picture.CLOSED_ORDERS_MAX
    assert twin.state.counts["shipped"] == picture.CLOSED_ORDERS_MAX + 20
