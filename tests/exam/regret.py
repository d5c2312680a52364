"""What not knowing the future costs: the strategies of the core on small days beside the best clairvoyant schedule.

`sit(folder, quick)` plays each day event by event (`tests.exam.floor.simulation`): an errand is unknown before its
release and no walk to it begins before that. What was done in time is counted by the same `errands.cost` as the
clairvoyant schedules, which stand with their routes in best-known.json and are counted anew at every sitting. The
tuning is the core's default. Nothing can be better than a proven bound: that is an error. What is better than a best
known value that is not proven is reported. Figures by group:

    days, proven, weight   days, those of which the missed weight of the best known schedule is proven, weight of all
    missed_best            weight missed by the best known schedules
    strategies{}           missed; regret_pct, the weight missed above missed_best in % of all; as_good, days on which
                           no more is missed; walk_ratio, seconds walked per errand in time / those of the best known
    new_best[]             "day strategy" that beat a best known value

`python -m tests.exam.regret --improve` searches for better schedules and bounds; it never makes a value worse.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from edge.wes.dispatch import Tuning
from tests.bench.yardstick import Row, canonical, ratio
from tests.exam.clairvoyant import EXACT_ERRANDS, Found, by_cpsat, by_pyvrp, exact, routes_of
from tests.exam.errands import END, GROUPS, MISSED, PERIOD_S, BadSchedule, SmallDay, days, walk_s
from tests.exam.floor.compiled import Core
from tests.exam.floor.model import NONE, Day, Model, Order, Task
from tests.exam.floor.policies import Parameters
from tests.exam.floor.simulation import Floor

WORDS = "Regret: the core on small days beside the best schedule of somebody who knows the future"
FOLDER = Path(__file__).parent / "instances" / "regret"
BEST_KNOWN = "best-known.json"
STRATEGIES = ("rolling", "atcs", "edd")
QUICK_DAYS = 1
DEFAULTS = Tuning()


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The best known values by name of the day; none if there is no file."""
    path = folder / BEST_KNOWN
    known: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    return known


def written(known: dict[str, dict[str, Any]]) -> str:
    """Canonical JSON, a day to the line."""
    return canonical([known]).replace('},"', '},\n"')


def best_known(known: dict[str, dict[str, Any]], day: SmallDay) -> Found | None:
    """The best known schedule of a day, counted anew. BadSchedule: the file does not fit the day."""
    entry = known.get(day.name)
    if entry is None:
        return None
    if entry["digest"] != day.digest():
        raise BadSchedule(f"{day.name}: {BEST_KNOWN} is of another day of this name; --improve --afresh makes it anew")
    found = routes_of(day, entry["routes"], entry["by"], entry["bound"])
    if found.cost != entry["cost"]:
        raise BadSchedule(f"{day.name}: {BEST_KNOWN} says {entry['cost']}, its routes cost {found.cost}")
    return found


def floor_of(day: SmallDay) -> Day:
    """The day as the exam's floor plays it: an order of one task per errand, no noise, nothing breaks down."""
    cells, kinds = range(END + 1), 1 + max(each.kind for each in day.errands)
    model = Model(
        areas=END + 1, zones=1, skills=kinds, zone_of=[0] * (END + 1),
        travel_ms=[[1000 * walk_s(a, b) for b in cells] for a in cells],
        start_area=[hand.place for hand in day.hands], allowed=[hand.kinds for hand in day.hands],
        mean_work_ms=DEFAULTS.slack_nat_ms,
    )  # fmt: skip
    made = Day(model, 1000 * max(each.cutoff_s for each in day.errands))
    for number, each in enumerate(day.errands):
        due_ms, period_ms = 1000 * each.cutoff_s, 1000 * PERIOD_S
        made.orders.append(Order(number, 1000 * each.release_s, due_ms, period_ms, each.weight, True, [number]))
        made.tasks.append(
            Task(
                number, number, each.kind, each.kind, each.place, each.end_place, 1000 * each.work_s, each.weight, 0,
                due_ms, due_ms + period_ms,
            )
        )  # fmt: skip
        made.really_ms.append(1000 * each.work_s)
        made.waits_for.append(0)
        made.then.append(NONE)
        made.belt_of.append(NONE)
    return made


def play(day: SmallDay, strategy: str) -> Found:
    """What a strategy of the core, with its default tuning, gets done in time."""
    core = Core(strategy, Parameters(1.0, DEFAULTS.travel_nat_ms, DEFAULTS.margin_permille / 1000))
    floor = Floor(floor_of(day), core)
    floor.run()
    routes: list[list[int]] = [[] for _ in day.hands]
    for _, hand, errand, _ in floor.trace:
        if 0 <= floor.done_ms[errand] <= floor.orders[errand].cutoff_ms:
            routes[hand].append(errand)
    return routes_of(day, routes, strategy)


def sit(folder: Path, quick: bool) -> dict[str, Any]:
    """Plays every day (the first of each group when quick) with each strategy; the figures by group."""
    known = read(folder)
    groups: dict[str, list[tuple[SmallDay, Found, dict[str, Found]]]] = {name: [] for name in GROUPS}
    for group, day in days(QUICK_DAYS if quick else 0):
        best = best_known(known, day)
        if best is None:
            raise BadSchedule(f"{day.name}: {BEST_KNOWN} does not know it; python -m tests.exam.regret --improve")
        groups[group].append((day, best, {name: judged(day, best, play(day, name)) for name in STRATEGIES}))
    return {group: summary(played) for group, played in groups.items()}


def judged(day: SmallDay, best: Found, found: Found) -> Found:
    """The result of a strategy. BadSchedule: it is better than what was proven to be the limit."""
    if found.cost < best.bound:
        raise BadSchedule(f"{day.name}: {found.by} costs {found.cost}, but less than {best.bound} is proven impossible")
    return found


def summary(played: list[tuple[SmallDay, Found, dict[str, Found]]]) -> dict[str, Any]:
    """The figures of a group."""
    weight, missed_best = sum(day.weight for day, *_ in played), sum(best.missed for _, best, _ in played)
    walk_best = sum(best.walked_s for _, best, _ in played) / max(1, sum(best.done for _, best, _ in played))
    strategies = {}
    for name in STRATEGIES:
        mine = [(best, results[name]) for _, best, results in played]
        missed = sum(found.missed for _, found in mine)
        walk = sum(found.walked_s for _, found in mine) / max(1, sum(found.done for _, found in mine))
        strategies[name] = {
            "missed": missed,
            "regret_pct": round(100 * (missed - missed_best) / weight, 2),
            "as_good": sum(found.missed <= best.missed for best, found in mine),
            "walk_ratio": ratio(walk, walk_best),
        }
    return {
        "days": len(played),
        "proven": sum(best.bound // MISSED == best.missed for _, best, _ in played),
        "weight": weight,
        "missed_best": missed_best,
        "strategies": strategies,
        "new_best": [
            f"{day.name} {name}" for day, best, results in played for name in STRATEGIES
            if results[name].cost < best.cost
        ],
    }  # fmt: skip


def rows(figures: dict[str, Any]) -> list[Row]:
    """The weight in time beside that of the best known schedules; and what beat one of those."""
    table = []
    for group, each in figures.items():
        weight, best = each["weight"], each["missed_best"]
        limit = f"{100 * best / weight:.1f} % missed, {each['proven']} of {each['days']} proven"
        for name, mine in each["strategies"].items():
            found = f"{100 * mine['missed'] / weight:.1f} % missed, regret {mine['regret_pct']:.1f} %"
            also = f"as good on {mine['as_good']} of {each['days']} days"
            in_time = ratio(weight - mine["missed"], weight - best)
            table.append(Row(f"{GROUPS[group].words}: {name}, weight in time", f"{found}, {also}", limit, in_time))
        table += [Row(f"new best: {what}", "better", "best known", 1.0) for what in each["new_best"]]
    return table


def merged(old: dict[str, Any] | None, found: Found, day: SmallDay, date: str) -> dict[str, Any]:
    """The entry of a day after a search: the cheaper schedule, the higher bound. BadSchedule: they contradict."""
    bound, cheapest = found.bound, found.cost
    if old is not None:
        bound, cheapest = max(bound, old["bound"]), min(cheapest, old["cost"])
    if cheapest < bound:
        raise BadSchedule(f"{day.name}: a schedule costs {cheapest}, but less than {bound} is said to be impossible")
    if old is not None and found.cost >= old["cost"]:
        return {**old, "bound": bound}
    return {
        "digest": day.digest(), "cost": found.cost, "bound": bound, "by": found.by, "date": date,
        "routes": [list(route) for route in found.routes],
    }  # fmt: skip


def search(day: SmallDay, known: Found | None, seconds: float, seed: int) -> Found:
    """A schedule that is at least as good as the known one: of all subsets where they are few enough."""
    if len(day.errands) <= EXACT_ERRANDS:
        return exact(day)
    tried = by_pyvrp(day, seconds, seed)
    best = tried if known is None or tried.cost < known.cost else known
    return best if best.cost == best.bound else by_cpsat(day, best, seconds)


def improve(folder: Path, seconds: float, seed: int, *, afresh: bool) -> None:
    """Searches every day that is not settled; each result is written at once."""
    known = {} if afresh else read(folder)
    for _, day in days():
        before = best_known(known, day)
        if before is not None and before.cost == before.bound:
            continue
        found = search(day, before, seconds, seed)
        known[day.name] = entry = merged(known.get(day.name), found, day, f"{datetime.now(UTC):%Y-%m-%d}")
        click.echo(f"{day.name}: {before.cost if before else 'new'} -> {entry['cost']}, bound {entry['bound']}")
        (folder / BEST_KNOWN).write_text(written(known))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--improve", "improving", is_flag=True, required=True, help="Search, and write what is better.")
@click.option("--seconds", default=60.0, show_default=True, help="For each search; there are three a day.")
@click.option(
    "--seed", default=1, show_default=True, help="Of the local search; another one may find another schedule."
)
@click.option("--afresh", is_flag=True, help="Forget what is known: the days themselves have changed.")
def main(improving: bool, seconds: float, seed: int, afresh: bool) -> None:
    """Improve the best known schedules of the small days; sit the exam with ./run exam regret."""
    improve(FOLDER, seconds, seed, afresh=afresh)


if __name__ == "__main__":
    main(prog_name="python -m tests.exam.regret")
