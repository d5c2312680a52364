"""What 100 000 open tasks and 1 000 people weigh in the WES engine itself; messages in through the door, as decoded.

Twice, each time in a process of its own: `held` with the limits of the shipped site, so that nearly all handling units
wait to be let in, and `open` without limits, so that every task is on offer. The limit beside the whole is what the
tasks are before anybody does anything with them: the decoded messages, kept in a dictionary. Sizes in MB (10**6 bytes),
by sys.getsizeof over everything reachable and not counted in a part before. Figures, for `held` and `open`:

    tasks, people, offered          open tasks, people who joined, tasks that can begin
    rss_mb, messages_mb             growth of the process; of a process that only keeps the decoded messages
    parts{}                         messages, records, people, units, plan, books: what was found in each, MB
    board_mb                        of plan: the columns of the board
    bytes_per_task                  rss_mb - messages_mb, per task
    saved_ms                        one `save` (a copy of the state)
    ratio_to_messages               rss_mb / messages_mb
    ratio_to_target                 (rss_mb - messages_mb) / TARGET_MB
"""

import gc
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

from edge.codec import decode, encode
from edge.messages import ResourceJoined, ResourceKind, Site, Task, TaskKind, TasksPlanned
from edge.opening import site_message, site_opened
from edge.settings import read_site
from edge.wes.engine import Engine
from tests.bench.yardstick import CONFIG, ROOT, Row, ratio

WORDS = "The weight of 100 000 open tasks and 1 000 people in the WES engine"
TARGET_MB = 50
"""A few tens of MB on top of the messages themselves."""
MB = 1_000_000
UNIT_PICKS = 4
EACH = 500
"""Tasks in one message."""
WARM = 100
"""Tasks planned before the weighing, so that what is loaded once does not count."""
NO_LIMIT = 1 << 30
LIMIT_S = 1800
START_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
ATOMS = (type, ModuleType)


@dataclass(frozen=True, slots=True)
class Sizes:
    tasks: int = 100_000
    people: int = 1_000


NORMAL = Sizes()
QUICK = Sizes(tasks=3_000, people=20)


def run(sizes: Sizes, _data: Path) -> dict[str, Any]:
    """Measures; the figures."""
    return {name: _weigh_apart(name, sizes) for name in ("held", "open")}


def _weigh_apart(name: str, sizes: Sizes) -> dict[str, Any]:
    """One weighing, and one of the bare messages, each in a fresh process."""
    found = _in_process(name, sizes)
    found["messages_mb"] = _in_process("messages", sizes)["rss_mb"]
    more_mb = max(found["rss_mb"] - found["messages_mb"], 0.001)
    found["bytes_per_task"] = round(more_mb * MB / sizes.tasks)
    found["ratio_to_messages"] = ratio(found["rss_mb"], found["messages_mb"])
    found["ratio_to_target"] = ratio(more_mb, TARGET_MB)
    return found


def _in_process(name: str, sizes: Sizes) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.memory", name, str(sizes.tasks), str(sizes.people)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=LIMIT_S, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def planned(count: int, zones: tuple[str, ...] = ("A", "B")) -> Iterator[TasksPlanned]:
    """Units of some picks and a pack, as the WMS would plan them, decoded from the wire."""
    tasks: list[Task] = []
    for number in range(count):
        unit, step = divmod(number, UNIT_PICKS + 1)
        zone, hu_id = zones[unit % 2], f"09506000120{unit:07}"
        values: dict[str, Any] = {"kind": TaskKind.PICK, "source": f"{zone}-{1 + unit % 6:02}-{1 + number % 40:02}-1"}
        if step == UNIT_PICKS:
            before = tuple(f"T{number - n}" for n in range(UNIT_PICKS, 0, -1))
            values = {"kind": TaskKind.PACK, "source": f"PACK-{zone}", "target": "conveyor1", "after": before}
        tasks.append(
            Task(
                task_id=f"T{number}",
                zone=zone,
                skill=values["kind"].value,
                order_id=f"O{unit // 2}",
                hu_id=hu_id,
                sku=f"SKU{number % 5000}",
                quantity=1 + number % 9,
                barcode=f"{4_000_000_000_000 + number}",
                due_ms=START_MS + (1 + unit % 20) * HOUR_MS,
                departure_id=f"D{unit % 20}",
                **({"target": ""} | values),
            )
        )
        if len(tasks) == EACH or number == count - 1:
            message = decode("TasksPlanned", encode(TasksPlanned(at_ms=START_MS, site="dc1", tasks=tuple(tasks))))
            assert isinstance(message, TasksPlanned)
            yield message
            tasks = []


def joined(number: int) -> ResourceJoined:
    return ResourceJoined(
        at_ms=START_MS, resource_id=f"p{number}", kind=ResourceKind.PERSON, skills=("pick", "pack", "load", "carry"),
        zones=("*",), location="HOME",
    )  # fmt: skip


def unlimited(site: Site) -> Site:
    return replace(site, zones=tuple(replace(zone, wip_max=NO_LIMIT, station_max=0) for zone in site.zones))


def opened(name: str) -> Engine:
    """An engine on the shipped site, with its limits or without."""
    settings = read_site(CONFIG / "site.yaml")
    site, engine = site_message(settings), Engine()
    message = replace(site_opened(settings, START_MS), site=site if name == "held" else unlimited(site))
    engine.handle(message, START_MS)
    return engine


def weigh(name: str, tasks: int, people: int) -> dict[str, Any]:
    """Weighs here and now."""
    warm = opened(name)
    for message in planned(WARM):
        warm.handle(message, START_MS)
    del warm
    engine, kept = opened(name), dict[str, Task]()
    before = rss()
    for message in planned(tasks):
        if name == "messages":
            kept.update({task.task_id: task for task in message.tasks})
        else:
            engine.handle(message, START_MS)
    for number in range(people if name != "messages" else 0):
        engine.handle(joined(number), START_MS)
    found: dict[str, Any] = {"rss_mb": round((rss() - before) / MB, 2)}
    if name != "messages":
        started = perf_counter()
        engine.save()
        found["saved_ms"] = round((perf_counter() - started) * 1000, 1)
        found |= parts(engine)
    return found


def rss() -> int:
    """Bytes of this process in memory now, after a collection; where the kernel does not say, the most there were."""
    gc.collect()
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def parts(engine: Engine) -> dict[str, Any]:
    """What the engine holds, part by part."""
    floor, seen = engine.floor, dict[int, None]()
    state, plan = floor.state, floor.plan
    size(floor.layout, seen), size(floor.travel, seen), size(state.site, seen)
    found = {
        "messages": size([record.task for record in state.tasks.values()], seen),
        "records": size(state.tasks, seen),
        "people": size(state.resources, seen),
        "units": size([state.wip, state.orders], seen) + size(floor.room, seen),
        "plan": size(plan, seen),
        "books": size(floor, seen),
    }
    return {
        "tasks": len(state.tasks),
        "people": len(state.resources),
        "offered": plan.dispatcher.index.count,
        "board_mb": round(plan.board.bytes() / MB, 2),
        "parts": {name: round(count / MB, 2) for name, count in found.items()},
    }


def size(root: object, seen: dict[int, None]) -> int:
    """Bytes of an object and of all it leads to that was not seen before; compiled objects say only their own."""
    total, left = 0, [root]
    while left:
        each = left.pop()
        if id(each) in seen or isinstance(each, ATOMS) or callable(each):
            continue
        seen[id(each)] = None
        total += sys.getsizeof(each)
        left += gc.get_referents(each)
    return total


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for name, each in figures.items():
        what = f"{each['tasks']} tasks, {each['offered']} on offer, {each['people']} people ({name})"
        inside = ", ".join(f"{part} {mb}" for part, mb in each["parts"].items())
        table.append(Row(what, f"{each['rss_mb']} MB", f"the bare messages {each['messages_mb']} MB",
                         each["ratio_to_messages"]))  # fmt: skip
        table.append(Row(f"of it, in MB: {inside}; board {each['board_mb']}", f"{each['bytes_per_task']} bytes a task",
                         f"{TARGET_MB} MB on top of the messages", each["ratio_to_target"]))  # fmt: skip
    return table


if __name__ == "__main__":
    print(json.dumps(weigh(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
