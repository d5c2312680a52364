"""`edge why unit`: the tasks, scans and decisions of a handling unit, its lane, and where it is now."""

from collections.abc import Iterable

from edge.messages import (
    DepartureClosed,
    Message,
    Task,
    TaskAssigned,
    UnitPacked,
    UnitScanned,
    UnitSorted,
)
from edge.restored import Restored
from edge.wes.explain import where_unit
from edge.why.story import Answer, Story, counted, dated, near
from edge.why.words import TASK_WORDS, UNIT_WORDS, Words


class UnitStory(Story):
    """What the journals hold about one handling unit."""

    def __init__(self, name: str, timezone: str = "") -> None:
        super().__init__(name, timezone)
        self.planned: dict[int, int] = {}
        """When tasks were planned -> how many."""

    def meet(self, task: Task, at_ms: int) -> None:
        if task.hu_id:
            self.others[task.hu_id] = None
        if self.wants(task) and task.task_id not in self.tasks:
            self.planned[at_ms] = self.planned.get(at_ms, 0) + 1
        super().meet(task, at_ms)

    def wants(self, task: Task) -> bool:
        return task.hu_id == self.name

    def mine(self, message: Message) -> bool:
        if isinstance(message, UnitPacked):
            self.others[message.hu_id] = None
        if isinstance(message, TaskAssigned):
            return self.wants(message.task)
        if isinstance(message, UnitScanned):
            return message.barcode == self.name
        if isinstance(message, UnitSorted):
            return self.was_decided(message)
        if isinstance(message, DepartureClosed):
            return self.name in message.units
        return getattr(message, "hu_id", None) == self.name or getattr(message, "task_id", None) in self.tasks


WORDS: Words = {**TASK_WORDS, **UNIT_WORDS}


def why_unit(entries: Iterable[tuple[int, Message]], hu_id: str, floor: Restored | None, timezone: str = "") -> Answer:
    """What happened to the handling unit, oldest first, and where it is now.

    `entries` are the messages of all journals, in any number of copies; `floor` is how the WES stands at their end.
    """
    story = UnitStory(hu_id, timezone)
    for message in dated(entries):
        story.see(message)
    answer = Answer(f"unit {hu_id}", story.clock)
    now = where_unit(floor.floor, hu_id) if floor else ""
    if not story.told and not story.tasks and not now:
        answer.unknown = f"not in these journals; {near(hu_id, story.others, 'unit')}"
        return answer
    orders = dict.fromkeys(task.order_id for task in story.tasks.values() if task.order_id)
    answer.about += f", order {', '.join(orders)}" if orders else ""
    planned = [(at_ms, f"{counted(count, 'task')} planned") for at_ms, count in story.planned.items()]
    answer.events = sorted([*planned, *story.events(WORDS)], key=lambda event: event[0])
    answer.now = story.clock.told(now) if now else _last_word(story)
    if floor is not None:
        answer.now_ms = floor.at_ms
        answer.more = {"caveat": floor.caveat} if floor.caveat else {}
    answer.more["tasks"] = list(story.tasks)
    return answer


def _last_word(story: UnitStory) -> str:
    """How it stands by the messages alone."""
    closed = story.last(DepartureClosed)
    if closed is not None:
        return f"left with {closed.departure_id}"
    told = story.events(WORDS)
    return told[-1][1] if told else "its tasks are planned; no journal of a WES is among these"
