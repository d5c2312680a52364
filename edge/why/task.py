"""`edge why task`: who was considered for a task, who got it and why, what came of it, what it waits for now."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from edge.messages import (
    JobEnded,
    Message,
    StartJob,
    Task,
    TaskAssigned,
    TaskCompleted,
    TaskUnassigned,
    TaskWithdrawn,
)
from edge.restored import Restored
from edge.wes.explain import why_task as stands
from edge.why.story import Answer, Story, dated, near
from edge.why.words import CLOSE_WORDS, TASK_WORDS, Words, other_work, slack, work

PASSED_OVER_MAX = 5
"""So many of the latest occasions on which others got something else instead are told."""


class TaskStory(Story):
    """What the journals hold about one task."""

    def __init__(self, name: str, timezone: str = "") -> None:
        super().__init__(name, timezone)
        self.planned_ms = 0
        self.jobs: dict[tuple[str, int], None] = {}
        self.passed_over: dict[TaskAssigned, None] = {}

    def meet(self, task: Task, at_ms: int) -> None:
        self.others[task.task_id] = None
        if self.wants(task) and not self.planned_ms:
            self.planned_ms = at_ms
        super().meet(task, at_ms)

    def wants(self, task: Task) -> bool:
        return task.task_id == self.name

    def mine(self, message: Message) -> bool:
        if isinstance(message, TaskAssigned):
            if any(each.task_id == self.name for each in message.considered):
                self.passed_over[message] = None
            self.others[message.task.task_id] = None
            return self.wants(message.task)
        if isinstance(message, JobEnded):
            return (message.machine_id, message.job_id) in self.jobs
        return getattr(message, "task_id", None) == self.name

    def keep(self, message: Message) -> None:
        if isinstance(message, StartJob):
            self.jobs[message.machine_id, message.job_id] = None
        super().keep(message)


def why_task(
    entries: Iterable[tuple[int, Message]], task_id: str, floor: Restored | None, timezone: str = ""
) -> Answer:
    """What happened to the task, oldest first, and what it waits for now.

    `entries` are the messages of all journals, in any number of copies; `floor` is how the WES stands at their end.
    """
    story = TaskStory(task_id, timezone)
    for message in dated(entries):
        story.see(message)
    answer = Answer(f"task {task_id}", story.clock)
    now = stands(floor.floor, task_id) if floor else ""
    if not story.tasks and not now:
        names = {**story.others, **dict.fromkeys(floor.floor.state.tasks if floor else ())}
        answer.unknown = f"not in these journals; {near(task_id, names, 'task')}"
        return answer
    record = floor.floor.state.tasks.get(task_id) if floor else None
    task = story.tasks.get(task_id) or (record.task if record else None)
    if task is not None:
        story.tasks[task_id] = task
        answer.about += f": {work(story, task_id)}" + (f", order {task.order_id}" if task.order_id else "")
    planned = [(story.planned_ms, _planned(story, task))] if story.planned_ms and task is not None else []
    answer.events = sorted([*planned, *story.events(WORDS), *_passed_over(story)], key=lambda event: event[0])
    answer.now = story.clock.told(now) if now else _last_word(story)
    if floor is not None:
        answer.now_ms = floor.at_ms
        answer.more = {"caveat": floor.caveat} if floor.caveat else {}
    answer.more["assigned"] = [_choice(each) for each in story.all(TaskAssigned)]
    return answer


def _planned(story: TaskStory, task: Task) -> str:
    where = f" in zone {task.zone}, wants {task.skill}"
    robot = ", only for a robot" if task.robot_only else ", a robot may do it too" if task.robot else ""
    goes = f" with {task.departure_id}" if task.departure_id else ""
    after = f"; after {', '.join(task.after)}" if task.after else ""
    return f"planned{where}{robot}: due {story.at(task.due_ms)}{goes}, priority {task.priority}{after}"


def _assigned(story: TaskStory, m: TaskAssigned) -> str:
    others = ", ".join(map(other_work, m.considered))
    return f"{m.resource_id} got it: {m.reason}" + (f"; compared for {m.resource_id}: {others}" if others else "")


WORDS: Words = {**TASK_WORDS, TaskAssigned: _assigned, **CLOSE_WORDS}


def _passed_over(story: TaskStory) -> list[tuple[int, str]]:
    """When somebody who could have had it got something else."""
    told = []
    for chosen in sorted(story.passed_over, key=lambda message: message.at_ms)[-PASSED_OVER_MAX:]:
        ours = next(each for each in chosen.considered if each.task_id == story.name)
        kept = f", and kept for {ours.kept_for}" if ours.kept_for else ""
        text = f"{chosen.resource_id} got {chosen.task.task_id} ({chosen.reason.partition(';')[0]}); this one was next "
        told.append((chosen.at_ms, f"{text}best for it: {slack(ours.slack_ms)}, {ours.walk_mm // 1000} m away{kept}"))
    return told


def _choice(message: TaskAssigned) -> dict[str, Any]:
    considered = [asdict(each) for each in message.considered]
    who = {"at_ms": message.at_ms, "resource_id": message.resource_id}
    return {**who, "reason": message.reason, "considered": considered}


def _last_word(story: TaskStory) -> str:
    """How it stands by the messages alone."""
    ends = [story.last(kind) for kind in (TaskCompleted, TaskWithdrawn, TaskAssigned, TaskUnassigned)]
    last = max((m for m in ends if m is not None), key=lambda message: message.at_ms, default=None)
    if last is None:
        return "planned; no journal of a WES is among these"
    return WORDS[type(last)](story, last)
