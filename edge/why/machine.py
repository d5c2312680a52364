"""`edge why machine`: what a machine does, since when, whose cause that is, and what happened to it before."""

from collections.abc import Iterable

from edge.messages import (
    AlarmCleared,
    AlarmRaised,
    CommandEnded,
    CommandMachine,
    Flow,
    HandshakeFailed,
    JobEnded,
    JobOverdue,
    Link,
    MachineChanged,
    MachineCommandRefused,
    MachineCommandRequested,
    Message,
    PackMl,
    SiteOpened,
    Task,
    ZoneChanged,
    ZoneFault,
)
from edge.messages.packml import Time, time_of
from edge.why.story import Answer, Story, because, dated, near, span
from edge.why.words import Words

EVENTS_MAX = 30
WHOSE = {
    Time.PRODUCING: "",
    Time.STARVED: "it has nothing to do",
    Time.BLOCKED: "it has nowhere to put what it has",
    Time.HELD: "own cause",
    Time.SUSPENDED: "a neighbour's cause",
    Time.STOPPED: "stopped",
    Time.ABORTED: "own cause",
    Time.UNKNOWN: "nobody hears it",
}


class MachineStory(Story):
    """What the journals hold about one machine."""

    def wants(self, task: Task) -> bool:
        return False

    def mine(self, message: Message) -> bool:
        if isinstance(message, MachineChanged):
            self.others[message.machine_id] = None
        if isinstance(message, AlarmRaised | AlarmCleared):
            return message.alarm_id.partition(":")[0] == self.name
        return type(message) in WORDS and getattr(message, "machine_id", None) == self.name

    def see(self, message: Message) -> None:
        if isinstance(message, SiteOpened):
            self.others |= {machine.machine_id: None for machine in message.site.machines}
        super().see(message)


def _state(m: MachineChanged) -> str:
    time = time_of(m)
    if m.link is Link.LOST:
        return f"could not be heard{because(m.reason)}"
    whose = WHOSE[time] + (f": {_spelled(m.reason)}" if m.reason else "")
    flow = f", {m.flow.value}" if m.flow is not Flow.NORMAL else ""
    return f"{m.state.name.capitalize()}{flow}" + (f" ({whose})" if whose.strip(": ") else "")


def _spelled(reason: str) -> str:
    return reason.replace("_", " ").lower() if reason.isupper() else reason


def _zone(m: ZoneChanged) -> str:
    bad = m.fault is not ZoneFault.NONE
    return f"zone {m.zone}: " + (
        m.fault.value.replace("_", " ") if bad else "accumulating" if m.accumulating else "clear again"
    )


def _asked(m: MachineCommandRequested) -> str:
    return f"{m.by} asked for {m.command.name}{f' {list(m.args)}' if m.args else ''}"


WORDS: Words = {
    MachineChanged: lambda _, m: f"it was {_state(m)}" if m.link is Link.GOOD else f"it {_state(m)}",
    ZoneChanged: lambda _, m: _zone(m),
    HandshakeFailed: lambda _, m: f"{m.count} {m.flaw.value.replace('_', ' ')}{because(m.detail)}",
    JobOverdue: lambda _, m: f"job {m.job_id} had taken {m.worked_ms // 1000} s",
    JobEnded: lambda _, m: f"job {m.job_id} ended: {m.result}, {m.picked} picked{because(m.reason)}",
    MachineCommandRequested: lambda _, m: _asked(m),
    MachineCommandRefused: lambda _, m: f"{m.command.name} was refused: {m.reason}, {m.detail}",
    CommandMachine: lambda _, m: f"{m.command.name}{f' {list(m.args)}' if m.args else ''} was sent for {m.by}",
    CommandEnded: lambda _, m: f"{m.command.name} ended: {m.result}{because(m.reason)}",
    AlarmRaised: lambda _, m: f"alarm: {m.text}. {m.action}",
    AlarmCleared: lambda _, m: f"alarm {m.alarm_id.partition(':')[2]} was over",
}


def why_machine(entries: Iterable[tuple[int, Message]], machine_id: str, timezone: str = "") -> Answer:
    """What the machine does and since when, whose cause that is, and the last things that happened to it."""
    story = MachineStory(machine_id, timezone)
    last_ms = 0
    for message in dated(entries):
        last_ms = max(last_ms, message.at_ms)
        story.see(message)
    answer = Answer(f"machine {machine_id}", story.clock)
    changes: list[MachineChanged] = story.all(MachineChanged)
    if not changes:
        heard = machine_id in story.others
        answer.unknown = "has never been heard" if heard else near(machine_id, story.others, "machine")
        return answer
    answer.events = story.events(WORDS)[-EVENTS_MAX:]
    answer.now, answer.now_ms = _now(story, changes, last_ms), last_ms
    answer.more = {"spent_s": _spent(changes, last_ms)}
    return answer


def _now(story: MachineStory, changes: list[MachineChanged], last_ms: int) -> str:
    """One sentence: "robot1 is Held (own cause: vacuum) since 2026-11-03 10:42:00, 5 min"."""
    last = changes[-1]
    since = last
    for change in reversed(changes):
        if (change.state, change.link) != (last.state, last.link):
            break
        since = change
    lasted = f"since {story.at(since.at_ms)}, {span(last_ms - since.at_ms)}"
    said = (
        f"{story.name} is {_state(last)} {lasted}"
        if last.link is Link.GOOD
        else f"{story.name} {_state(last)} {lasted}"
    )
    if last.state is PackMl.EXECUTE and last.link is Link.GOOD:
        return said
    raised = {m.alarm_id: m for m in story.all(AlarmRaised)}
    for cleared in story.all(AlarmCleared):
        if cleared.alarm_id in raised and cleared.at_ms >= raised[cleared.alarm_id].at_ms:
            del raised[cleared.alarm_id]
    return "; ".join([said, *(f"{alarm.action}" for alarm in raised.values())])


def _spent(changes: list[MachineChanged], last_ms: int) -> dict[str, int]:
    """Seconds by category, for programs."""
    spent = dict.fromkeys((time.value for time in Time), 0)
    for change, end_ms in zip(changes, [*(c.at_ms for c in changes[1:]), last_ms], strict=True):
        spent[time_of(change).value] += end_ms - change.at_ms
    return {name: ms // 1000 for name, ms in spent.items() if ms >= 1000}
