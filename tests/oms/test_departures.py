"""The timetable, what is left behind when doors shut, and the audit."""

from dataclasses import replace

import pytest

from edge.messages import DepartureAudited, DepartureScheduled, OrderReleased, OrderRolled
from edge.oms.state import FORGET_MS


def test_a_departure_is_told_to_its_site_only_when_new_or_changed(new_office) -> None:
    office = new_office()
    north, south = office.departure("N", 60), office.departure("S", 60, site="SOUTH")
    out = office.plan(north, south)
    assert [(row.site, row.departure) for row in out] == [("NORTH", north), ("SOUTH", south)]
    assert all(isinstance(row, DepartureScheduled) for row in out)
    assert office.plan(north, south) == []
    later = replace(north, cutoff_ms=north.cutoff_ms + 1)
    assert [row.departure for row in office.plan(later, south)] == [later]
    other = replace(later, carrier="Y")
    assert [row.departure for row in office.plan(other)] == [other]


@pytest.mark.parametrize("change", [{"site": "SOUTH"}, {"route": "R2"}])
def test_a_departure_keeps_its_site_and_route_for_life(office, change) -> None:
    assert office.plan(replace(office.departure("D1", 300), **change)) == []
    assert office.capture("O1", ("A", 1))[0].departure_id == "D1"
    assert office.engine.save().counts["DEPARTURE_MOVED"] == 1


def test_closed_departures_stay_closed_and_are_forgotten_in_the_far_past(office) -> None:
    d1 = office.departure("D1", 300)
    office.capture("O0", ("A", 1), priority=1)
    office.ship("O0", "D1", (1, "A", 1))
    office.close("D1", orders=("O0",))
    assert office.plan(replace(d1, cutoff_ms=d1.cutoff_ms + 600_000)) == []
    assert office.capture("O1", ("A", 1))[0].departure_id == "D2"
    office.now_ms = d1.cutoff_ms + FORGET_MS + 1
    assert office.plan(d1) == []
    assert "D1" not in office.engine.save().timetable
    assert "D2" in office.engine.save().timetable


def test_a_closed_departure_is_not_forgotten_while_an_order_waits_for_the_answer_to_its_release(office) -> None:
    office.capture("O1", ("A", 1), priority=1)
    office.close("D1")
    office.now_ms += FORGET_MS + 301 * office.minute
    office.plan(office.departure("D4", 300))
    assert "D1" in office.engine.save().timetable
    assert office.refuse("O1", "DEPARTURE_CLOSED")[0].departure_id == "D4"
    office.plan()
    assert "D1" not in office.engine.save().timetable


def test_a_route_is_known_as_long_as_the_timetable_remembers_it(new_office) -> None:
    office = new_office()
    office.levels(A=1)
    office.plan(office.departure("OLD", 60), office.departure("", 60, route="R2"))
    office.close("OLD")
    assert office.capture("O1", ("A", 1))[0].reason == "NO_DEPARTURE"
    assert office.capture("O2", ("A", 1), route="R2")[0].reason == "UNKNOWN_ROUTE"
    office.now_ms += FORGET_MS + 61 * office.minute
    office.plan()
    assert office.capture("O3", ("A", 1))[0].reason == "UNKNOWN_ROUTE"


def test_the_timetable_is_bounded(new_office, monkeypatch) -> None:
    monkeypatch.setattr("edge.oms.departures.DEPARTURES_MAX", 1)
    office = new_office()
    assert len(office.plan(office.departure("D1", 60), office.departure("D2", 90))) == 1
    assert office.engine.save().counts["DEPARTURES_FULL"] == 1


@pytest.fixture
def loading(office):
    """D1 is about to close: O1 and O2 are at work for it, O3 was held too long; O4 waits for D2."""
    for name in ("O1", "O2"):
        office.capture(name, ("A", 10), priority=1)
        office.admit(name)
    office.capture("O3", ("A", 10))
    office.hold("O3")
    office.wait(240)
    office.capture("O4", ("A", 10))
    office.wait(60)
    return office


def test_left_behind_orders_roll_to_the_next_departure(loading) -> None:
    d2 = loading.departure("D2", 360)
    loading.ship("O1", "D1", (1, "A", 10))
    out = loading.close("D1", orders=("O1",), left_behind=("O2",))
    assert isinstance(out[0], OrderRolled)
    rolled = out[0]
    assert (rolled.order_id, rolled.site, rolled.previous_id, rolled.departure_id) == ("O2", "NORTH", "D1", "D2")
    assert (rolled.due_ms, rolled.reason) == (d2.cutoff_ms, "CUTOFF_MISSED")
    assert len([row for row in out if isinstance(row, OrderRolled)]) == 1
    (released,) = [row for row in loading.lift("O3") + loading.sleep() if row.order_id == "O3"]
    assert released.departure_id == "D2"


@pytest.mark.parametrize("shipped_first", [True, False])
def test_the_audit_counts_planned_loaded_and_missed(loading, shipped_first) -> None:
    closed_ms = loading.now_ms
    if shipped_first:
        loading.ship("O1", "D1", (1, "A", 10))
    audit = loading.close("D1", orders=("O1", "STRANGER"), left_behind=("O2",))[-1]
    assert isinstance(audit, DepartureAudited)
    assert (audit.orders_planned, audit.orders_loaded, audit.missed) == (3, 1, 2)
    assert (audit.departure_id, audit.site, audit.closed_at_ms) == ("D1", "NORTH", closed_ms)
    assert loading.close("D1", orders=("O1",), left_behind=("O2",)) == []
    if not shipped_first:
        loading.ship("O1", "D1", (1, "A", 10))
    loading.wait(360)
    audit = loading.close("D2", orders=("O2",))[-1]
    assert (audit.orders_planned, audit.orders_loaded, audit.missed) == (3, 1, 2)


def test_a_departure_nobody_planned_for_is_audited_too(office) -> None:
    (audit,) = office.close("D3")
    assert (audit.orders_planned, audit.orders_loaded, audit.missed) == (0, 0, 0)


def test_a_cancelled_or_empty_order_is_not_missed(office) -> None:
    office.capture("O1", ("A", 10))
    office.hold("O1")
    office.cancel("O1")
    office.capture("O2", ("A", 10), priority=1)
    office.admit("O2")
    office.ship("O2", "D1")
    assert office.close("D1")[-1].orders_planned == 0


def test_a_rolled_order_without_a_later_departure_waits_for_the_timetable(new_office) -> None:
    office = new_office()
    office.plan(office.departure("ONLY", 300))
    office.levels(A=100)
    for name, priority in (("LOW", 2), ("HIGH", 1)):
        office.capture(name, ("A", 10), priority=priority)
        office.admit(name)
    office.capture("HELD", ("A", 10))
    office.hold("HELD")
    office.wait(300)
    assert [type(row) for row in office.close("ONLY", left_behind=("LOW", "HIGH"))] == [DepartureAudited]
    office.reload()
    assert [type(row) for row in office.plan(office.departure("TIGHT", 5))] == [DepartureScheduled]
    out = office.plan(office.departure("NEXT", 300))
    rolled = [row for row in out if isinstance(row, OrderRolled)]
    assert [(row.order_id, row.previous_id, row.departure_id) for row in rolled] == [
        ("HIGH", "ONLY", "NEXT"),
        ("LOW", "ONLY", "NEXT"),
    ]
    assert office.engine.save().stranded == {"NORTH": {}}
    assert office.lift("HELD") == []
    assert [(row.order_id, row.departure_id) for row in office.sleep()] == [("HELD", "NEXT")]
    office.ship("HIGH", "NEXT", (1, "A", 10))
    audit = office.close("NEXT", orders=("HIGH",), left_behind=("LOW",))[-1]
    assert (audit.orders_planned, audit.orders_loaded, audit.missed) == (3, 1, 2)


def test_a_release_that_crosses_the_closing_waits_for_the_answer_of_the_site(office) -> None:
    office.capture("O1", ("A", 10), priority=1)
    (audit,) = office.close("D1")
    assert (audit.orders_planned, audit.missed) == (1, 1)
    (released,) = office.refuse("O1", "DEPARTURE_CLOSED")
    assert isinstance(released, OrderReleased)
    assert released.departure_id == "D2"


def test_an_admission_that_comes_after_the_closing_rolls(office) -> None:
    office.capture("O1", ("A", 10), priority=1)
    office.close("D1")
    (rolled,) = office.admit("O1")
    assert isinstance(rolled, OrderRolled)
    assert (rolled.previous_id, rolled.departure_id) == ("D1", "D2")


def test_an_admitted_order_the_site_does_not_name_rolls_once(office) -> None:
    office.capture("O1", ("A", 10), priority=1)
    office.admit("O1")
    rolled, audit = office.close("D1")
    assert (rolled.departure_id, audit.missed) == ("D2", 1)
    rolled, audit = office.close("D2")
    assert (rolled.departure_id, audit.missed) == ("D3", 1)
    assert office.refuse("O1", "DEPARTURE_CLOSED") == []


def test_rolling_keeps_the_first_promise_in_the_closing(office) -> None:
    office.capture("O1", ("A", 10), priority=1)
    office.admit("O1")
    office.close("D1", left_behind=("O1",))
    (closed,) = office.ship("O1", "D2", (1, "A", 10))
    assert (closed.promised_id, closed.departure_id) == ("D1", "D2")
