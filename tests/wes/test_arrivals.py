"""Units that nobody has planned yet: what they look like in the copy, and that each future draws how many come."""

import os
import subprocess
import sys
from pathlib import Path

from edge.messages import DepartureClosed, SiteOpened
from edge.wes import outlook
from edge.wes.arrivals import MAYBE_MAX, enter_arrivals
from edge.wes.board import PACK, PICK, WAITING
from edge.wes.chance import MAYBE
from edge.wes.copying import Copy
from edge.wes.demand import SLOT_MS, UNIT
from tests.wes.scene import MINUTE, T0, Play, pick, small_site, through_disk

ROOT = Path(__file__).parents[2]
CUTOFF = T0 + 60 * MINUTE
FUTURES = 16
PLAIN = """
from edge.wes import future
from tests.wes.test_arrivals import told
print(future.__file__, told())
"""


def usual(units_a_slot: int = 2) -> Play:
    """Units of one departure, a few people, and departures before it for which units came 40 to 30 minutes before."""
    play = Play()
    play.all_run()
    play.departure("north-1", "north", CUTOFF)
    for n in range(2):
        play.join(f"p{n}", "pick", "pack", "load", "carry", location="A-01-01-1")
    play.plan(*[pick(f"t-{k}", "hu", due_ms=CUTOFF) for k in range(2)])
    demand = play.engine.floor.state.demand
    demand.since_ms = T0 - 60 * MINUTE
    for slot in range(12):
        demand.units[slot], demand.passed[slot] = units_a_slot * UNIT * (slot in (6, 7)), UNIT
    return play


def copied(play: Play) -> Copy:
    copy = play.engine.copy(T0)
    enter_arrivals(play.engine.floor, copy)
    return copy


def told(units_a_slot: int = 2) -> str:
    play = usual(units_a_slot)
    copy = play.engine.copy(T0)
    return repr(outlook.forecast(play.engine.floor, copy, FUTURES, 1).run())


def test_units_to_come_look_like_the_last_one() -> None:
    copy = copied(usual())
    board = copy.board
    ((row, counts, units),) = copy.timetable.guesses
    assert copy.departures[row] == "north-1"
    assert len(units) == counts[-1] > counts[0]
    assert all(board.u_state[unit] == MAYBE and board.u_departure[unit] == row for unit in units)
    assert len({board.u_number[unit] for unit in (*units, *copy.units.values())}) == len(units) + 1
    tasks = [task for task in range(board.rows["t"].used) if board.t_state[task] and board.t_unit[task] in units]
    assert [board.t_kind[task] for task in tasks] == [PICK, PICK, PACK] * len(units)
    assert all(board.t_state[task] == WAITING for task in tasks)
    assert [board.t_waits[task] for task in tasks] == [0, 0, 2] * len(units)
    assert len({board.t_number[task] for task in tasks}) == len(tasks)


def test_they_come_when_others_did() -> None:
    copy = copied(usual())
    floor = usual().engine.floor
    first, last = floor.plan.rel(CUTOFF - 8 * SLOT_MS), floor.plan.rel(CUTOFF - 6 * SLOT_MS)
    times = [at_ms for at_ms, _ in copy.timetable.units]
    assert times
    assert all(first <= at_ms <= last for at_ms in times)


def test_each_future_draws_how_many_come_and_they_can_miss() -> None:
    play = usual(20)
    copy = play.engine.copy(T0)
    forecast = outlook.forecast(play.engine.floor, copy, FUTURES, 1)
    (found,) = forecast.run()
    missed = next(record.missed for record in forecast.records.values())
    expected = forecast.to_come[found.departure]
    assert found.units == 1 + expected, "those there are, and those to come"
    assert 15 < expected < 40, "as many as before, times the mean of the tide"
    assert len(set(missed)) > 2
    assert max(missed) > 1
    assert found.miss.low > 100


def test_without_history_nothing_comes() -> None:
    play = usual(0)
    assert not copied(play).timetable.guesses


def test_they_are_entered_once_and_never_too_many() -> None:
    play = usual(2 * MAYBE_MAX)
    copy = copied(play)
    assert len(copy.timetable.units) == MAYBE_MAX
    enter_arrivals(play.engine.floor, copy)
    assert len(copy.timetable.units) == MAYBE_MAX


def test_another_site_and_other_hands_may_come_before_they_are_entered() -> None:
    play = usual()
    copy = play.engine.copy(T0)
    play.join("late", "pick", "glass", location="A-01-01-1")
    enter_arrivals(play.engine.floor, copy)
    assert copy.timetable.guesses
    assert len(copy.board.group_classes) == len(copy.groups)
    copy = play.engine.copy(T0)
    play.tell(SiteOpened(at_ms=T0, site=small_site()))
    enter_arrivals(play.engine.floor, copy)
    assert not copy.timetable.guesses


def test_the_floor_learns_from_what_is_planned_and_from_what_has_closed() -> None:
    play = usual(0)
    state = play.engine.floor.state
    assert [sum(slots) for slots in state.demand.open.values()] == [1], "one unit, two picks"
    play.plan(pick("more", "hu", due_ms=CUTOFF), pick("other", "hu2", due_ms=CUTOFF))
    assert sum(state.demand.open["north-1"]) == 2, "another pick for a unit is no other unit"
    assert [len(tasks) for tasks in state.demand.shapes] == [2, 1]
    play.now = CUTOFF
    play.engine.handle(
        DepartureClosed(
            at_ms=CUTOFF, departure_id="north-1", site="S1", units=(), orders=(), left_behind=()
        ),
        CUTOFF,
    )  # fmt: skip
    state = play.engine.floor.state
    assert not state.demand.open
    assert state.demand.units[12] + state.demand.units[11] == 2 * UNIT


def test_a_restart_expects_the_same() -> None:
    play = usual()
    before = copied(play).timetable.guesses
    play.engine = through_disk(play.engine)
    assert copied(play).timetable.guesses == before


def test_compiled_and_plain_tell_the_same() -> None:
    words = [
        subprocess.run(
            [sys.executable, "-c", PLAIN], cwd=ROOT, env=os.environ | extra, capture_output=True, text=True, check=True
        ).stdout.partition(" ")[2]
        for extra in ({}, {"EDGE_UNCOMPILED": "1"})
    ]  # fmt: skip
    assert words[0] == words[1]
