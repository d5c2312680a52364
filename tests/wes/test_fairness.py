"""Equal work: ties between people go to the one who has worked less this shift, and nothing else changes."""

import pytest

from edge.messages import ResourceLeft
from tests.wes.scene import MINUTE, T0, Play, assigned, pick, small_site, through_disk

STRATEGIES = ("rolling", "atcs", "nearest", "edd", "fifo")


def crew(dispatch: str, *names: str) -> Play:
    play = Play(dispatch=dispatch, site=small_site())
    for name in names:
        play.join(name, "pick", location="A-01-01-1")
    return play


def work(play: Play, number: int, minutes: int = 2) -> str:
    """One pick where everybody stands, done after so many minutes; who did it."""
    task = pick(f"t{number}", f"hu{number}", source="A-01-01-1", due_ms=play.now + 120 * MINUTE)
    ((who, name),) = assigned(play.plan(task)).items()
    assert name == task.task_id
    play.now += minutes * MINUTE
    play.done(who, task, quantity=0)
    return who


@pytest.mark.parametrize("dispatch", STRATEGIES)
def test_ties_go_round(dispatch: str) -> None:
    play = crew(dispatch, "ann", "bob", "cat")
    assert [work(play, number) for number in range(6)] == ["ann", "bob", "cat"] * 2


def test_it_is_the_time_that_counts_and_it_outlives_a_restart() -> None:
    play = crew("rolling", "ann", "bob")
    assert work(play, 1, minutes=5) == "ann"
    assert [work(play, number, minutes=2) for number in (2, 3)] == ["bob", "bob"]
    play.engine = through_disk(play.engine)
    assert work(play, 4, minutes=3) == "bob", "4 minutes against 5"
    assert work(play, 5) == "ann"


def test_a_shift_begins_when_somebody_signs_on() -> None:
    play = crew("rolling", "ann", "bob")
    work(play, 1, minutes=9)
    play.tell(ResourceLeft(at_ms=play.now, resource_id="ann", reason="break"))
    assert work(play, 2) == "bob"
    play.join("ann", "pick", location="A-01-01-1")
    assert work(play, 3) == "ann"


def test_the_nearer_one_goes_whatever_he_has_done() -> None:
    play = crew("rolling", "ann")
    assert work(play, 1, minutes=30) == "ann"
    play.join("bob", "pick", location="A-04-10-1")
    assert work(play, 2) == "ann"


def test_skills_are_not_mixed_up_and_each_gets_one() -> None:
    play = crew("rolling", "ann")
    work(play, 1, minutes=30)
    play.join("bob", "pack", location="A-01-01-1")
    play.join("cat", "pick", location="A-01-01-1")
    play.join("dan", "pick", location="A-01-01-1")
    tasks = [pick(f"x{n}", f"hx{n}", source="A-01-01-1", due_ms=T0 + 300 * MINUTE) for n in range(2)]
    assert sorted(assigned(play.plan(*tasks))) == ["cat", "dan"], "whoever has done less, and not the packer"
    third = pick("x3", "hx3", source="A-01-01-1", due_ms=T0 + 300 * MINUTE)
    assert sorted(assigned(play.plan(third))) == ["ann"], "who has done most still gets what nobody else is free for"
