"""Preemption: who is on the way is sent to what would be late otherwise, within limits that are named."""

from random import Random
from typing import Any

import pytest

from edge.messages import (
    Message,
    Rack,
    ResourceLeft,
    Site,
    Task,
    TaskAssigned,
    TaskKind,
    TaskStarted,
    TaskUnassigned,
    Zone,
)
from edge.wes.preempt import EVERY_MS, MAY_PREEMPT
from edge.wes.tasks import TaskState
from tests.wes.scene import MINUTE, T0, Play, assigned, load, of, pick, small_site, through_disk

FAR, NEAR = "A-30-60-1", "A-02-01-1"


def wide_site() -> Site:
    """Aisles so long that walks count."""
    rack = Rack(prefix="A", zone="A", aisles=30, bays=60, levels=1, x_mm=0, y_mm=0, aisle_mm=4000)
    zone = Zone(zone="A", wip_max=10_000, pack_station="PACK-A", conveyor="conveyor1")
    return small_site(racks=(rack,), zones=(zone,))


class WidePlay(Play):
    """People stand at PACK-A and walk far."""

    def __init__(self, people: int = 1) -> None:
        super().__init__(site=wide_site())
        for n in range(people):
            self.join(f"p{n}", "pick", "load", "carry", "putaway", location="PACK-A")

    def tight(self, name: str, source: str = NEAR, spare_ms: int = 1000, **changes: Any) -> Task:
        """A pick that p0 makes just in time if he goes there at once."""
        floor = self.engine.floor
        task = pick(name, f"hu-{name}", source=source, **changes)
        here = floor.travel.area_of(floor.state.resources["p0"].location)
        walk = floor.travel.ms(here, floor.travel.area_of(source))
        need = walk + floor.estimates.work_ms(task.kind, "A") + floor.estimates.tail_ms(task.kind, "A")
        return pick(name, f"hu-{name}", source=source, **(changes | {"due_ms": self.now + need + spare_ms}))

    def loose(self, name: str, source: str = FAR, **changes: Any) -> Task:
        return pick(name, f"hu-{name}", source=source, **({"due_ms": self.now + 300 * MINUTE} | changes))

    def walks(self) -> None:
        """A little on the way."""
        self.now += 1000


def test_what_would_be_late_takes_somebody_who_is_on_the_way() -> None:
    play = WidePlay()
    assert assigned(play.plan(play.loose("far"))) == {"p0": "far"}
    play.walks()
    out = play.plan(play.tight("near"))
    (back,) = of(TaskUnassigned, out)
    assert (back.resource_id, back.task_id) == ("p0", "far")
    assert back.reason.startswith("PREEMPTED by near, which would be ")
    assert back.reason.endswith(" min late otherwise")
    (given,) = of(TaskAssigned, out)
    assert (given.resource_id, given.task.task_id) == ("p0", "near")
    assert given.reason.startswith("sent here instead of to far: ")
    assert play.engine.floor.state.tasks["far"].state is TaskState.READY
    assert assigned(play.done("p0", given.task)) == {"p0": "far"}, "what was given up is done afterwards"


def test_what_is_begun_is_never_given_up() -> None:
    play = WidePlay()
    play.plan(play.loose("far"))
    play.walks()
    play.tell(TaskStarted(at_ms=play.now, resource_id="p0", task_id="far"))
    assert of(TaskUnassigned, play.plan(play.tight("near"))) == []


def test_who_has_arrived_is_not_called_away_even_if_he_has_not_said_so() -> None:
    play = WidePlay()
    play.plan(play.loose("far"))
    play.now += play.engine.floor.state.tasks["far"].walk_ms
    assert of(TaskUnassigned, play.plan(play.tight("near"))) == []


@pytest.mark.parametrize("kind", [TaskKind.PICK, TaskKind.CARRY, TaskKind.PUTAWAY, TaskKind.LOAD])
def test_the_kind_of_the_work_says_whether_it_may_be_given_up(kind: TaskKind) -> None:
    play = WidePlay()
    if kind is TaskKind.PICK:
        task = play.loose("far")
    else:
        task = load("far", "x1", FAR, kind=kind, skill=kind.value, zone="A", due_ms=T0 + 300 * MINUTE, target=FAR)
    assert assigned(play.plan(task)) == {"p0": "far"}
    play.walks()
    assert bool(of(TaskUnassigned, play.plan(play.tight("near")))) is MAY_PREEMPT[kind]


def test_nobody_is_sent_for_what_is_in_time_anyhow_or_late_in_any_case() -> None:
    play = WidePlay()
    play.plan(play.loose("far"))
    play.walks()
    assert of(TaskUnassigned, play.plan(play.loose("later", NEAR))) == []
    assert of(TaskUnassigned, play.plan(play.tight("lost", spare_ms=-1000))) == []


def test_nobody_gives_up_what_would_be_late_itself() -> None:
    play = WidePlay()
    play.plan(play.tight("far", FAR, spare_ms=10_000))
    play.walks()
    assert of(TaskUnassigned, play.plan(play.tight("near"))) == []


def test_a_free_pair_of_hands_comes_first() -> None:
    play = WidePlay()
    play.plan(play.loose("far"))
    play.walks()
    play.join("p1", "pick", location="PACK-A")
    out = play.plan(play.tight("near"))
    assert of(TaskUnassigned, out) == []
    assert assigned(out) == {"p1": "near"}


def finish(play: Play) -> None:
    """p0 does all there is."""
    state = play.engine.floor.state
    while state.resources["p0"].task_id:
        play.done("p0", state.tasks[state.resources["p0"].task_id].task)


def called_away(play: WidePlay, name: str) -> bool:
    """Is p0, on the way to something that can wait, sent to a tight task?"""
    finish(play)
    assert assigned(play.plan(play.loose(f"{name}-far"))) == {"p0": f"{name}-far"}
    play.walks()
    return bool(of(TaskUnassigned, play.plan(play.tight(f"{name}-near"))))


def test_a_person_is_sent_elsewhere_only_every_so_often() -> None:
    play = WidePlay()
    assert called_away(play, "first")
    play.engine = through_disk(play.engine)
    assert not called_away(play, "second")
    finish(play)
    play.now = T0 + EVERY_MS + 2000
    assert called_away(play, "third")


def test_a_task_is_given_up_for_another_only_once() -> None:
    play = WidePlay()
    assert called_away(play, "first")
    first = play.engine.floor.state.tasks["first-near"].task
    assert assigned(play.done("p0", first)) == {"p0": "first-far"}
    play.now += EVERY_MS
    play.tell(ResourceLeft(at_ms=play.now, resource_id="p0", reason=""))
    assert assigned(play.join("p0", "pick", location="PACK-A")) == {"p0": "first-far"}
    play.walks()
    assert of(TaskUnassigned, play.plan(play.tight("again"))) == []


class Doers:
    """Who has what, from the messages alone."""

    def __init__(self) -> None:
        self.task: dict[str, str] = {}
        self.given_up: dict[str, int] = {}
        self.sent_ms: dict[str, int] = {}
        self.started: set[str] = set()

    def hear(self, out: list[Message], now_ms: int) -> None:
        for each in out:
            if isinstance(each, TaskUnassigned):
                assert self.task.pop(each.resource_id) == each.task_id
                assert each.task_id not in self.started, "a begun task stays where it is"
                self.given_up[each.task_id] = self.given_up.get(each.task_id, 0) + 1
                assert now_ms - self.sent_ms.get(each.resource_id, -EVERY_MS) >= EVERY_MS
                self.sent_ms[each.resource_id] = now_ms
            elif isinstance(each, TaskAssigned):
                assert each.resource_id not in self.task, "one task each"
                assert each.task.task_id not in self.task.values(), "one doer each"
                self.task[each.resource_id] = each.task.task_id


def shift(seed: int, people: int = 4, tasks: int = 120) -> tuple[Doers, int, int]:
    """Picks far and near, some of them tight; everybody walks, begins and ends. How many were late, and given up."""
    chance, play, doers, late = Random(seed), WidePlay(people), Doers(), 0
    due: dict[str, tuple[Task, int]] = {}
    while len(due) < tasks or doers.task:
        play.now += chance.randrange(20_000)
        name, state = f"t{len(due)}", play.engine.floor.state
        if len(due) < tasks and chance.random() < 0.45:
            spot = f"A-{chance.randint(1, 30):02}-{chance.randint(1, 60):02}-1"
            tight = chance.random() < 0.3
            task = play.tight(name, spot, chance.randrange(60_000)) if tight else play.loose(name, spot)
            due[name] = (task, task.due_ms - play.engine.floor.estimates.tail_ms(task.kind, "A"))
            doers.hear(play.plan(task), play.now)
        elif doers.task:
            who = chance.choice(sorted(doers.task))
            record = state.tasks[doers.task[who]]
            if record.state is TaskState.ASSIGNED and play.now >= record.assigned_ms + record.walk_ms:
                doers.started.add(record.task.task_id)
                doers.hear(
                    play.tell(TaskStarted(at_ms=play.now, resource_id=who, task_id=record.task.task_id)), play.now
                )
            elif record.state is TaskState.STARTED and play.now >= record.assigned_ms + record.walk_ms + 30_000:
                late += play.now > due[record.task.task_id][1]
                del doers.task[who]
                doers.hear(play.done(who, record.task), play.now)
        if chance.random() < 0.05:
            play.engine = through_disk(play.engine)
    return doers, late, sum(doers.given_up.values())


def test_a_task_has_one_doer_throughout_and_is_given_up_at_most_once() -> None:
    given_up = 0
    for seed in range(4):
        doers, _, count = shift(seed)
        assert max(doers.given_up.values(), default=0) <= 1
        given_up += count
    assert given_up > 5, "the shifts are hard enough to need it"


def test_it_makes_fewer_late(monkeypatch: pytest.MonkeyPatch) -> None:
    late_with = sum(shift(seed)[1] for seed in range(4))
    for kind in MAY_PREEMPT:
        monkeypatch.setitem(MAY_PREEMPT, kind, False)
    late_without = sum(shift(seed)[1] for seed in range(4))
    assert late_with < late_without
