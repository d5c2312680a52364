"""Promise and release: which departure, when the work begins, in which order."""

import pytest

from edge.messages import OrderReleased


def many(lines: int) -> list[tuple[str, int]]:
    return [("A", 1)] * lines


def test_the_promise_is_the_earliest_departure_with_time_for_work_and_slack(office) -> None:
    exactly = office.departure("EXACT", 70)
    office.plan(exactly)
    accepted = office.capture("O1", ("A", 1))[0]
    assert (accepted.departure_id, accepted.promised_ms) == ("EXACT", exactly.cutoff_ms)
    office.now_ms += 1
    later = office.capture("O2", ("A", 1))[0]
    assert later.departure_id == "D1"
    assert "EXACT leaves too soon" in later.reason


def test_release_is_timed_backwards_from_the_cutoff(office) -> None:
    d1 = office.departure("D1", 300)
    accepted = office.capture("O1", ("A", 1))[0]
    assert accepted.departure_id == "D1"
    assert accepted.release_at_ms == d1.cutoff_ms - 3 * office.process_ms - office.slack_ms
    assert office.engine.wake_at_ms == accepted.release_at_ms
    office.now_ms = accepted.release_at_ms - 1
    assert office.wake() == []
    office.now_ms += 1
    (released,) = office.wake()
    assert isinstance(released, OrderReleased)
    assert (released.departure_id, released.due_ms, released.site) == ("D1", d1.cutoff_ms, "NORTH")
    assert office.engine.wake_at_ms is None


def test_release_is_never_in_the_past(office) -> None:
    office.wait(150)
    accepted, released = office.capture("O1", ("A", 1))
    assert accepted.release_at_ms == office.now_ms
    assert released.departure_id == "D1"


@pytest.mark.parametrize("priority", [1, 2])
def test_express_is_released_at_once(office, priority) -> None:
    accepted, released = office.capture("O1", ("A", 1), priority=priority)
    assert accepted.release_at_ms == office.now_ms
    assert released.departure_id == "D1"
    assert [type(row).__name__ for row in office.capture("O2", ("A", 1), priority=3)] == ["OrderAccepted"]


@pytest.mark.parametrize(("lines", "minutes"), [(10, 60), (12, 61), (30, 70), (90, 100), (250, 180), (400, 180)])
def test_more_lines_need_more_time_up_to_three_times_the_typical(new_office, lines, minutes) -> None:
    office = new_office()
    office.levels(A=10_000)
    office.plan(office.departure("FIT", minutes + 10), office.departure("LONG", 5_000, route="R2"))
    assert office.capture("O1", *many(lines))[0].departure_id == "FIT"
    accepted = office.capture("O2", *many(lines), route="R2")[0]
    assert accepted.release_at_ms == accepted.promised_ms - (3 * minutes + 10) * office.minute
    office.now_ms += 1
    assert office.capture("O3", *many(lines))[0].reason == "NO_DEPARTURE"


def test_release_order_is_time_then_priority_then_capture(office) -> None:
    for name, priority in (("LAST", 9), ("SECOND", 5), ("THIRD", 5), ("FIRST", 3)):
        office.capture(name, ("A", 1), priority=priority)
    assert [row.order_id for row in office.sleep()] == ["FIRST", "SECOND", "THIRD", "LAST"]


def test_many_due_orders_are_released_in_steps_in_the_same_order(office, monkeypatch) -> None:
    for n in range(5):
        office.capture(f"O{n}", ("A", 1))
    monkeypatch.setattr("edge.oms.promise.STEP_MAX", 2)
    batches = []
    while office.engine.wake_at_ms is not None:
        batches.append([row.order_id for row in office.sleep()])
    assert batches == [["O0", "O1"], ["O2", "O3"], ["O4"]]


def test_the_release_carries_only_what_was_promised(office) -> None:
    accepted = office.capture("O1", ("C", 3), ("A", 120), ("B", 5))[0]
    assert [(row.line, row.quantity) for row in accepted.backordered] == [(1, 3), (2, 20)]
    (released,) = office.sleep()
    assert [(row.line, row.sku, row.quantity) for row in released.lines] == [(2, "A", 100), (3, "B", 5)]


def test_a_moved_cutoff_moves_the_release(office) -> None:
    before = office.capture("O1", ("A", 1))[0].release_at_ms
    office.plan(office.departure("D1", 300 + 30))
    assert office.engine.wake_at_ms == before + 30 * office.minute
    (released,) = office.sleep()
    assert released.due_ms == before + (3 * 60 + 10 + 30) * office.minute


def test_a_held_order_does_not_wake(office) -> None:
    office.capture("O1", ("A", 1))
    office.capture("O2", ("A", 1), ("B", 1))
    office.hold("O1")
    assert [row.order_id for row in office.sleep()] == ["O2"]
    assert office.engine.wake_at_ms is None
