"""Who does what now, on the live floor: strategies, reasons, skills, trips."""

from typing import Any

import pytest

from edge.messages import Considered, Rack, ResourceKind, ResourceLeft, SiteOpened, TaskAssigned, TaskWithdrawn
from edge.wes.plan import doers_of, lacks
from edge.wes.route import NOWHERE, Layout
from tests.wes.scene import MINUTE, T0, Play, assigned, of, pack, pick, small_site, through_disk


def walk(layout: Layout, here: str, there: str) -> int:
    return layout.walk_mm(here, there)


@pytest.mark.parametrize(
    ("here", "there", "metres_x10"),
    [
        ("A-01-01-1", "A-01-04-2", 36),  # along the aisle, levels do not count
        ("A-01-01-1", "A-02-01-1", 30 + 24),  # one bay out, across, one bay in
        ("A-01-10-1", "A-02-10-1", 30 + 24),  # the far end is nearer here
        ("A-01-05-1", "A-02-05-1", 30 + 120),  # 5 bays to the near end and back
        ("PACK-A", "A-01-01-1", 50),  # past the end of the aisle, straight in
        ("PACK-A", "PACK-B", 300),
        ("PACK-A", "no such place", 0),
    ],
)
def test_people_walk_in_aisles(here: str, there: str, metres_x10: int) -> None:
    layout = Layout(small_site())
    assert walk(layout, here, there) == metres_x10 * 100
    assert walk(layout, there, here) == metres_x10 * 100


def test_a_rack_behind_another_is_entered_at_the_end_that_faces_it() -> None:
    behind = Rack(prefix="C", zone="A", aisles=4, bays=10, levels=2, x_mm=0, y_mm=-40_000)
    layout = Layout(small_site(racks=(*small_site().racks, behind)))
    assert walk(layout, "A-01-01-1", "C-01-10-1") == 29_200
    assert walk(layout, "C-02-10-1", "A-01-01-1") == 29_200 + 3_000


@pytest.mark.parametrize("name", ["A-05-01-1", "A-01-11-1", "A-00-01-1", "X-01-01-1", "A-1", "", "A-aa-01-1"])
def test_a_name_the_site_does_not_have_is_nowhere(name: str) -> None:
    assert Layout(small_site()).spot(name) == NOWHERE


def test_the_machines_downstream() -> None:
    assert Layout(small_site()).downstream("conveyor1") == ["conveyor1", "sorter1"]
    assert Layout(small_site()).downstream("") == []


def chosen(strategy: str) -> str:
    play = Play(dispatch=strategy)
    play.plan(
        pick("old", "hu1", source="A-04-10-1", due_ms=T0 + 120 * MINUTE),
        pick("due", "hu2", source="A-04-10-1", due_ms=T0 + 117 * MINUTE),
        pick("near", "hu3", source="A-01-01-1", due_ms=T0 + 118 * MINUTE),
    )
    (only,) = of(TaskAssigned, play.join("ann", location="A-01-02-1"))
    return only.task.task_id


def test_each_strategy_has_its_own_first_task() -> None:
    first = {"fifo": "old", "edd": "due", "nearest": "near", "atcs": "near", "rolling": "near"}
    assert {name: chosen(name) for name in first} == first


def test_urgency_beats_a_long_walk() -> None:
    play = Play()
    play.plan(
        pick("near", "hu1", source="A-01-01-1", due_ms=T0 + 300 * MINUTE),
        pick("far", "hu2", source="A-04-10-1", due_ms=T0 + 30 * MINUTE),
    )
    assert assigned(play.join("ann", location="A-01-01-1")) == {"ann": "far"}


def test_the_reason_is_in_plain_words_and_says_what_else_there_was() -> None:
    play = Play()
    play.plan(pick("t1", "hu1", due_ms=T0 + 18 * MINUTE), pick("t2", "hu2", due_ms=T0 - 4 * MINUTE))
    (first,) = of(TaskAssigned, play.join("ann", location="A-01-01-1"))
    assert first.task.task_id == "t1", "t2 is lost for its departure, t1 is not"
    assert first.reason == ("best plan for all hands: slack 12 min, 0 m away; next best t2 (late 9 min, 0 m away)")
    assert first.considered == (Considered(task_id="t2", slack_ms=first.considered[0].slack_ms, walk_mm=0),)
    (second,) = of(TaskAssigned, play.join("bob", location="A-02-01-1"))
    assert second.reason == "best plan for all hands: late 9 min, 5 m away; nothing else is ready for it"


def test_scarce_work_goes_to_the_nearest() -> None:
    play = Play()
    play.join("far", location="A-04-10-1")
    play.join("near", location="A-01-02-1")
    assert assigned(play.plan(pick("t1", "hu1"))) == {"near": "t1"}


def test_a_restart_does_not_change_who_is_chosen() -> None:
    play = Play()
    play.join("far", "pack", location="A-04-10-1")
    play.join("near", "pack", location="PACK-A")
    play.plan(*(pick(f"t{n}", "hu1") for n in range(9)))
    play.engine = through_disk(play.engine)
    assert assigned(play.plan(pack("p1", "hu1", ()))) == {"near": "p1"}


def test_a_start_with_more_hands_and_tasks_than_a_board_begins_with() -> None:
    play = Play(site=small_site(zones=()))
    play.plan(*(pick(f"t{n}", f"hu{n}") for n in range(60)))
    for n in range(40):
        play.join(f"p{n}", "pick", location="A-01-01-1")
    play.engine = through_disk(play.engine)
    site = play.engine.floor.state.site
    assert site is not None
    assert play.tell(SiteOpened(at_ms=T0, site=site)) == []
    given = assigned(play.join("one more", "pick"))
    assert len(given) == 1
    assert play.engine.floor.plan.dispatcher.matching.violations() == 0


def test_specialists_stay_free_for_what_only_they_can_do() -> None:
    play = Play()
    play.join("expert", "pick", "hazmat")
    play.join("ann", "pick")
    got = assigned(play.plan(pick("t1", "hu1"), pick("t2", "hu2", skill="pick+hazmat")))
    assert got == {"ann": "t1", "expert": "t2"}


@pytest.mark.parametrize(
    ("task", "resource", "why"),
    [
        ({}, ResourceKind.PERSON, ""),
        ({}, ResourceKind.ROBOT, "no robot can do it"),
        ({"robot": True}, ResourceKind.ROBOT, ""),
        ({"robot": True, "robot_only": True}, ResourceKind.PERSON, "only a robot can do it"),
        ({"zone": "B"}, ResourceKind.PERSON, "is not in zone B"),
        ({"skill": "pick+hazmat"}, ResourceKind.PERSON, "lacks skill 'hazmat'"),
    ],
)
def test_who_may_do_what(task: dict[str, Any], resource: ResourceKind, why: str) -> None:
    asked = pick("t1", "hu1", **task)
    assert lacks((asked.zone, asked.skill, doers_of(asked), 0, 1), (resource, ("pick", "pack"), ("A",))) == why


def test_one_walk_fills_one_handling_unit_and_ends_nearest_to_the_pack_station() -> None:
    play = Play()
    play.plan(
        pick("far", "hu1", source="A-01-09-1"),
        pick("near", "hu1", source="A-01-02-1"),
        pick("middle", "hu1", source="A-01-05-1"),
        pick("other", "hu2", source="A-01-05-1"),
    )
    out = play.join("ann", location="A-01-10-1")
    order = []
    while given := of(TaskAssigned, out):
        (last,) = given
        order.append(last.task.task_id)
        out = play.done("ann", last.task)
    assert order == ["far", "middle", "near", "other"]


def test_who_leaves_a_trip_leaves_all_of_it() -> None:
    play = Play()
    play.plan(*(pick(f"t{n}", "hu1", source=f"A-01-0{n}-1") for n in range(1, 5)))
    play.join("ann", location="A-01-01-1")
    (shared,) = of(TaskAssigned, play.join("bob"))
    assert shared.reason == "taken off the trip of ann, who has 2 more"
    assert assigned(play.done("bob", shared.task)) != {}
    play.tell(ResourceLeft(at_ms=T0, resource_id="ann", reason="home"))
    assert not [record for record in play.engine.floor.state.tasks.values() if record.trip == "ann"]


def test_a_cart_takes_several_units_where_the_site_says_so() -> None:
    play = Play(site=small_site(trip_units=2))
    play.plan(pick("t1", "hu1"), pick("t2", "hu2"), pick("t3", "hu3"))
    play.join("ann")
    given = assigned(play.join("bob"))
    assert len(given) == 1, "two units are on ann's cart, one is left for bob"


def test_a_withdrawn_task_falls_off_the_trip() -> None:
    play = Play()
    tasks = [pick(f"t{n}", "hu1", source=f"A-01-0{n}-1") for n in range(1, 4)]
    play.plan(*tasks)
    play.join("ann", location="A-01-01-1")
    play.tell(TaskWithdrawn(at_ms=T0, site="S1", task_id="t2", reason="cancelled"))
    assert assigned(play.done("ann", tasks[0])) == {"ann": "t3"}
