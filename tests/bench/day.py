"""How long a whole day takes in virtual time (`plc-sim day`), with the core compiled and as plain Python.

Every day is played in a process of its own. Always a generated one; the real day too where its file is there
(EDGE_SHARED, else ../shared). The limit is the other core: a ratio below 1 is what compiling saves. Figures, for
`generated` and `real` (null without the file):

    orders, events                  events decided, by the office and by the box
    compiled{}, python{}            core, play_s, cpu_s (of play_s), plan_s (reading or making the day),
                                    events_per_s, virtual_hours, virtual_hours_per_s; medians over the rounds
    same_events                     both cores decided the same number of events
    ratio_compiled_to_python        cpu_s / cpu_s: a day waits for nothing, so processor time is the steadier clock
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from edge import wes
from plc_sim.day.plan import DayPlan, plan_day
from plc_sim.day.play import VirtualDay
from tests.bench.recording import generated_plan
from tests.bench.yardstick import CONFIG, ROOT, Row, ratio

WORDS = "A whole day in virtual time, core compiled and not"
REAL_DAY = Path(os.environ.get("EDGE_SHARED", ROOT.parent / "shared")) / "data" / "online-retail-2011-11-29.csv"
REAL = 0
"""In place of a number of orders: the real day."""
LIMIT_S = 900
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Sizes:
    orders: int = 200
    rounds: int = 5
    real_rounds: int = 3


NORMAL = Sizes()
QUICK = Sizes(orders=6, rounds=1, real_rounds=0)


def run(sizes: Sizes, _data: Path) -> dict[str, Any]:
    """Measures; the figures."""
    real = REAL_DAY.exists() and sizes.real_rounds > 0
    return {
        "generated": _compare(sizes.orders, sizes.rounds),
        "real": _compare(REAL, sizes.real_rounds) if real else None,
    }


def _compare(orders: int, rounds: int) -> dict[str, Any]:
    """Both cores in turn."""
    pairs = [(_play_apart(orders, uncompiled=False), _play_apart(orders, uncompiled=True)) for _ in range(rounds)]
    compiled, plain = (_middle(list(column)) for column in zip(*pairs, strict=True))
    return {
        "orders": pairs[0][0]["orders"],
        "events": pairs[0][0]["events"],
        "compiled": compiled,
        "python": plain,
        "same_events": len({played["events"] for pair in pairs for played in pair}) == 1,
        "ratio_compiled_to_python": ratio(compiled["cpu_s"], plain["cpu_s"]),
    }


def _middle(played: list[dict[str, Any]]) -> dict[str, Any]:
    play_s, hours = median(each["play_s"] for each in played), played[0]["virtual_hours"]
    return {
        "core": played[0]["core"],
        "play_s": round(play_s, 3),
        "cpu_s": round(median(each["cpu_s"] for each in played), 3),
        "plan_s": round(median(each["plan_s"] for each in played), 3),
        "events_per_s": round(played[0]["events"] / play_s),
        "virtual_hours": round(hours, 2),
        "virtual_hours_per_s": round(hours / play_s, 2),
    }


def _play_apart(orders: int, *, uncompiled: bool) -> dict[str, Any]:
    """One day in a fresh process."""
    env = {key: value for key, value in os.environ.items() if key != "EDGE_UNCOMPILED"}
    if uncompiled:
        env["EDGE_UNCOMPILED"] = "1"
    command = [sys.executable, "-m", "tests.bench.day", str(orders)]
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, timeout=LIMIT_S, check=True)
    played: dict[str, Any] = json.loads(done.stdout)
    return played


def _plan(orders: int) -> DayPlan:
    if orders != REAL:
        return generated_plan(orders)
    mapping = CONFIG / "orders-online-retail.yaml"
    return plan_day(CONFIG, orders_file=REAL_DAY, map_file=mapping, orders=0, shortage=0.02, seed=1, people=16)


def play(orders: int) -> dict[str, Any]:
    """Plays a day here and now."""
    started = perf_counter()
    plan = _plan(orders)
    planned, cpu = perf_counter(), process_time()
    day = VirtualDay(plan)
    day.run()
    return {
        "core": wes.CORE,
        "orders": len(plan.orders),
        "events": day.events,
        "plan_s": planned - started,
        "play_s": perf_counter() - planned,
        "cpu_s": process_time() - cpu,
        "virtual_hours": (day.now_ms - plan.start_ms) / HOUR_MS,
    }


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    table = []
    for name, each in figures.items():
        if each is not None:
            compiled, plain = each["compiled"], each["python"]
            what = f"{name} day, {each['orders']} orders, {each['events']} events"
            measured = f"{compiled['play_s']:.2f} s, {compiled['events_per_s']} events/s"
            table.append(Row(what, measured, f"core not compiled {plain['play_s']:.2f} s (processor time)",
                             each["ratio_compiled_to_python"]))  # fmt: skip
    return table


if __name__ == "__main__":
    print(json.dumps(play(int(sys.argv[1]))))
