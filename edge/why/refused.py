"""`edge why-not`: why a resource does not do a task now, and what those wait for who have nothing to do."""

from edge.restored import Restored
from edge.wes import explain
from edge.wes.floor import Floor
from edge.why.story import Answer, Clock, clock_of, near


def _clock(floor: Floor, timezone: str) -> Clock:
    site = floor.state.site
    return clock_of(timezone or (site.timezone if site else ""))


def why_not(restored: Restored, task_id: str, resource_id: str, timezone: str = "") -> Answer:
    """One task and one resource, as the floor stands."""
    floor = restored.floor
    clock, state = _clock(floor, timezone), floor.state
    answer = Answer(f"{resource_id} and task {task_id}", clock, now_ms=restored.at_ms)
    here = {**state.resources, **state.machines}
    if task_id not in state.tasks and task_id not in state.done:
        answer.unknown = f"there is no task {task_id}; {near(task_id, [*state.tasks, *state.done], 'task')}"
    elif resource_id not in here:
        said = explain.why_not(floor, task_id, resource_id) if task_id in state.tasks else "nobody of that name is here"
        answer.unknown = f"{said}; {near(resource_id, here, 'resource')}"
    else:
        answer.now = clock.told(explain.why_not(floor, task_id, resource_id))
    answer.more = {"caveat": restored.caveat} if restored.caveat else {}
    return answer


def why_idle(restored: Restored, timezone: str = "") -> Answer:
    """Everybody who has nothing to do."""
    floor = restored.floor
    clock = _clock(floor, timezone)
    idle = {name: clock.told(reason) for name, reason in explain.idle_reasons(floor).items()}
    answer = Answer("who has nothing to do", clock, now_ms=restored.at_ms)
    for name, reason in idle.items():
        answer.events.append((restored.at_ms, f"{name}: {reason.removeprefix(f'{name} ')}"))
    answer.now = f"{len(idle)} of {len(floor.state.resources)} have nothing to do"
    answer.more = {"idle": idle, **({"caveat": restored.caveat} if restored.caveat else {})}
    return answer
