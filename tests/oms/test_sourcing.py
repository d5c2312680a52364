"""Sourcing: the one site that fills most, and no unit promised twice."""

import pytest

from edge.messages import OrderAccepted, OrderClosed, OrderOutcome


@pytest.fixture
def two_sites(new_office):
    made = new_office()
    made.plan(made.departure("N1", 300), made.departure("S1", 300, site="SOUTH"))
    return made


def test_the_site_that_fills_most_units_wins_whatever_the_preference(two_sites) -> None:
    two_sites.levels("NORTH", A=10, B=2)
    two_sites.levels("SOUTH", A=9, B=4)
    accepted = two_sites.capture("O1", ("A", 10), ("B", 10))[0]
    assert (accepted.site, accepted.departure_id) == ("SOUTH", "S1")
    assert [(row.line, row.sku, row.quantity) for row in accepted.backordered] == [(1, "A", 1), (2, "B", 6)]


def test_ties_go_to_the_preferred_site(two_sites) -> None:
    two_sites.levels("SOUTH", A=10)
    two_sites.levels("NORTH", A=10)
    assert two_sites.capture("O1", ("A", 5))[0].site == "NORTH"


def test_a_site_without_a_departure_on_the_route_is_not_chosen(two_sites) -> None:
    two_sites.plan(two_sites.departure("S2", 300, route="R2", site="SOUTH"))
    two_sites.levels("NORTH", A=100)
    two_sites.levels("SOUTH", A=1)
    accepted = two_sites.capture("O1", ("A", 5), route="R2")[0]
    assert (accepted.site, accepted.backordered[0].quantity) == ("SOUTH", 4)


def test_what_is_promised_is_not_promised_again_and_the_next_site_steps_in(two_sites) -> None:
    two_sites.levels("NORTH", A=10)
    two_sites.levels("SOUTH", A=8)
    sites = [two_sites.capture(f"O{n}", ("A", 4))[0].site for n in range(4)]
    assert sites == ["NORTH", "NORTH", "SOUTH", "SOUTH"]
    assert two_sites.capture("O5", ("A", 4))[0].backordered[0].quantity == 2


def test_lines_of_one_order_share_the_stock_of_their_item(two_sites) -> None:
    two_sites.levels("NORTH", A=10)
    accepted = two_sites.capture("O1", ("A", 7), ("A", 7))[0]
    assert [(row.line, row.quantity) for row in accepted.backordered] == [(2, 4)]


def test_twenty_orders_for_ten_units_exactly_ten_are_filled(two_sites) -> None:
    two_sites.levels("NORTH", A=10)
    answers = [two_sites.capture(f"O{n}", ("A", 1)) for n in range(20)]
    assert sum(1 for answer in answers if not answer[0].backordered) == 10
    assert all(isinstance(answer[1], OrderClosed) for answer in answers[10:])


def test_nothing_to_fill_is_accepted_and_closed_as_backordered_at_once(office) -> None:
    accepted, closed = office.capture("O1", ("C", 5))
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.site, accepted.departure_id, accepted.ordered_units) == ("NORTH", "", 5)
    assert [(row.line, row.sku, row.quantity) for row in accepted.backordered] == [(1, "C", 5)]
    assert closed.outcome is OrderOutcome.BACKORDERED
    assert [(row.ordered, row.short) for row in closed.lines] == [(5, 5)]
    assert office.engine.wake_at_ms is None
    assert [type(row) for row in office.capture("O1", ("C", 5))] == [OrderAccepted]


def test_a_backordered_remainder_is_not_released_when_stock_comes(office) -> None:
    office.capture("O1", ("A", 1), ("C", 5))
    assert office.levels(C=100) == []
    (released,) = office.sleep()
    assert [row.sku for row in released.lines] == ["A"]


@pytest.mark.parametrize("level_first", [True, False])
def test_between_release_and_allocation_nothing_is_counted_twice_or_lost(office, level_first) -> None:
    office.capture("O1", ("A", 60), priority=1)
    office.wait(1)
    if level_first:
        office.levels(A=40)
        office.admit("O1")
    else:
        office.admit("O1")
        assert office.capture("MEANWHILE", ("A", 50))[0].backordered[0].quantity == 10
        office.cancel("MEANWHILE")
        office.levels(A=40)
    assert office.capture("O2", ("A", 41))[0].backordered[0].quantity == 1


def test_a_level_that_comes_twice_after_the_allocation_is_not_believed(office) -> None:
    office.wait(1)
    office.levels(A=90)
    told_ms = office.now_ms
    office.capture("O1", ("A", 60), priority=1)
    office.wait(1)
    office.admit("O1")
    now_ms, office.now_ms = office.now_ms, told_ms
    office.levels(A=90)
    office.now_ms = now_ms
    assert office.capture("O2", ("A", 31))[0].backordered[0].quantity == 1


def test_a_promise_nobody_took_up_is_free_again(office) -> None:
    office.capture("O1", ("A", 100), priority=1)
    closed = office.refuse("O1", "SITE_FULL")[0]
    assert (closed.outcome, closed.lines[0].short) == (OrderOutcome.BACKORDERED, 100)
    assert office.capture("O2", ("A", 100))[0].backordered == ()


def test_the_catalogue_and_the_levels_are_bounded(new_office, monkeypatch) -> None:
    monkeypatch.setattr("edge.oms.sourcing.SKUS_MAX", 2)
    office = new_office(skus="ABC")
    office.levels(A=1, B=2, C=3)
    office.levels(A=4)
    state = office.engine.save()
    assert list(state.skus) == ["A", "B"]
    assert {sku: level.available for sku, level in state.levels["NORTH"].items()} == {"A": 4, "B": 2}
    assert (state.counts["SKUS_FULL"], state.counts["LEVELS_FULL"]) == (1, 1)


def test_the_reason_says_what_was_chosen_and_why(office) -> None:
    reason = office.capture("O1", ("A", 10), ("C", 5))[0].reason
    assert "NORTH fills 10 of 15 units" in reason
    assert "D1" in reason
