"""Forecasts on days nobody tuned on: how honest they are, and how early they warn beside two simpler rules.

`sit(folder, quick)` plays days in virtual time (`plc_sim.day`): the site in `folder`, a departure of every route each
hour, orders for three hours, and too few hands for some of them. The seeds are HELD_BACK, used for nothing else; TUNING
are for trying things out. Every five minutes the box forecasts each departure with open work. What it said LEADS_MIN
before the cutoff is compared with whether anything was left behind (Brier 1950; parts of the score: Murphy 1973), and
so is what three others say: the base rate of these very days, "late once the cutoff has passed", "late if anything is
open WINDOW_MIN before". Forecasts of one departure are not independent: intervals (Wilson 1927) count departures.

    days, seeds[], departures, missed       what was played; departures with work, and those that left some of it behind
    unseen                                  left out: an order was left behind of which nothing was on the floor
    forecasts, brier{}, skill               judged ones; forecast, base_rate, passed, window; 1 - forecast / base_rate
    reliability, resolution, uncertainty    parts of the score of the forecast, by tenths
    by_lead[]                               lead_min, forecasts, missed, brier{}
    bins[]                                  forecasts, departures, said, happened, low, high; by tenths of the risk
    warnings{}                              forecast, passed, window_N: hits, hit_pct, false, false_pct (of departures
                                            that missed nothing), lead_min_p50 (of the hits)
    alike                                   the window with about as many false alarms as the forecast
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from edge.intake.generate import generate_day
from edge.intake.seed import seed_stock
from edge.messages import CutoffAtRisk, DepartureClosed, ForecastMade, Message
from edge.page.reports import Report
from edge.settings import SiteSettings, read_process, read_site
from edge.settings.process import DepartureSettings
from edge.wes.forecast import wilson
from plc_sim.day.plan import GENERATED_START_MS, OPEN_AHEAD_MS, DayPlan
from plc_sim.day.play import VirtualDay
from tests.bench.yardstick import Row, ratio
from tests.exam.reliability import draw as draw

WORDS = "Forecasts on held-back seeds: Brier score, reliability, and how early they warn beside two simpler rules"
FOLDER = Path(__file__).resolve().parents[2] / "config"
HELD_BACK = range(30_001, 30_025)
TUNING = (*range(10_001, 10_061), *range(20_001, 20_025))
QUICK = HELD_BACK[:1]
FUTURES, QUICK_FUTURES = 64, 8
LOADS = ((400, 4), (440, 4), (480, 5), (540, 5), (580, 6), (640, 6))
"""Orders and people, one after the other: some days have hands enough."""
MINUTE_MS = 60_000
HORIZON_MS, PROCESS_MS = 3 * 60 * MINUTE_MS, 20 * MINUTE_MS
EVERY_MIN, FIRST_MIN, LAST_MIN = 60, 8 * 60, 16 * 60
"""A departure of every route each hour, staggered, from eight to four."""
SHORTAGE = 0.02
REFRESH_MIN = 5
LEADS_MIN = (60, 45, 30, 15, 5)
WINDOW_MIN = 30
WINDOWS_MIN = (5, 10, 15, 20, 25, 30, 45, 60)
BINS = 10


class Said(NamedTuple):
    """One judged forecast: which departure, how long before its cutoff, the risk, and what happened."""

    departure: tuple[int, str]
    lead_min: int
    permille: int
    missed: bool


@dataclass(slots=True)
class Fate:
    """One departure of a day: (minutes to the cutoff, risk in permille) at every refresh at which it had open work."""

    missed: bool = False
    loaded: bool = False
    closed: bool = False
    said: list[tuple[int, int]] = field(default_factory=list)
    warned_min: int | None = None

    @property
    def seen(self) -> bool:
        """Was there anything of it on the floor? What is not there nobody on the floor can foretell."""
        return self.loaded or bool(self.said)


class Heard(Report):
    """The report of a day that also keeps what was forecast, warned of, and what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.fates: dict[str, Fate] = {}

    def see(self, at_ms: int, message: Message) -> None:
        super().see(at_ms, message)
        if isinstance(message, ForecastMade):
            for each in message.departures:
                said = self.fates.setdefault(each.departure_id, Fate()).said
                lead_min = (each.cutoff_ms - message.asked_ms) // MINUTE_MS
                if lead_min > 0 and (not said or said[-1][0] != lead_min):
                    said.append((lead_min, each.miss_permille))
        elif isinstance(message, CutoffAtRisk):
            fate = self.fates.setdefault(message.departure_id, Fate())
            lead_min = (message.cutoff_ms - message.at_ms) // MINUTE_MS
            fate.warned_min = lead_min if fate.warned_min is None else max(fate.warned_min, lead_min)
        elif isinstance(message, DepartureClosed):
            fate = self.fates.setdefault(message.departure_id, Fate())
            fate.closed, fate.missed = True, bool(message.left_behind)
            fate.loaded = bool(message.units)


def timetable(site: SiteSettings) -> tuple[DepartureSettings, ...]:
    """Every route each hour, one route after the other."""
    routes = routes_of(site)
    return tuple(
        DepartureSettings(
            name=f"{route}-{minute // 60:02}{minute % 60:02}", route=route, carrier="exam",
            cutoff=f"{minute // 60:02}:{minute % 60:02}",
        )
        for number, route in enumerate(routes)
        for minute in range(FIRST_MIN + number * EVERY_MIN // len(routes), LAST_MIN, EVERY_MIN)
    )  # fmt: skip


def routes_of(site: SiteSettings) -> list[str]:
    return sorted({route for machine in site.machines for lane in machine.lanes for route in lane.routes})


def plan(config: Path, seed: int, futures: int) -> DayPlan:
    """The day of a held-back seed."""
    site, office = read_site(config / "site.yaml"), read_process(config / "office.yaml")
    office = office.model_copy(update={"departures": timetable(site), "process_ms": PROCESS_MS})
    orders, people = LOADS[seed % len(LOADS)]
    made = generate_day(orders, seed, GENERATED_START_MS, site.site, routes_of(site), HORIZON_MS)
    stock = seed_stock(made.orders, site, SHORTAGE, seed, made.items)
    start_ms = made.orders[0].at_ms - OPEN_AHEAD_MS
    return DayPlan(site, office, made.orders, stock, start_ms, seed, people, futures=futures, remedies=False)


def play(config: Path, seed: int, futures: int) -> dict[str, Fate]:
    """What was forecast and what happened, by departure; only of those that had anything to take."""
    day = VirtualDay(plan(config, seed, futures))
    day.report = heard = Heard()
    day.run()
    return {name: fate for name, fate in heard.fates.items() if fate.closed and (fate.seen or fate.missed)}


def judged(days: dict[int, dict[str, Fate]]) -> list[Said]:
    """The forecasts that count: the last refresh before each lead, if there was still open work at it."""
    found = []
    for seed, fates in days.items():
        for name, fate in fates.items():
            for lead in LEADS_MIN:
                at = [each for each in fate.said if lead <= each[0] < lead + REFRESH_MIN]
                if at:
                    found.append(Said((seed, name), lead, at[-1][1], fate.missed))
    return found


def briers(said: Sequence[Said], rate: float) -> dict[str, float]:
    """The mean squared difference of what each of the four says and what happened."""
    says = {
        "forecast": [each.permille / 1000 for each in said],
        "base_rate": [rate] * len(said),
        "passed": [0.0] * len(said),
        "window": [float(each.lead_min <= WINDOW_MIN) for each in said],
    }
    return {
        name: round(sum((p - each.missed) ** 2 for p, each in zip(words, said, strict=True)) / max(1, len(said)), 5)
        for name, words in says.items()
    }


def bins(said: Sequence[Said]) -> list[dict[str, Any]]:
    """By tenths of the risk: what was said, how often it happened, and its interval; empty ones are left out."""
    found = []
    for number in range(BINS):
        rows = [each for each in said if min(each.permille * BINS // 1000, BINS - 1) == number]
        if rows:
            departures, happened = len({each.departure for each in rows}), sum(each.missed for each in rows)
            share = wilson(round(happened * departures / len(rows)), departures)
            found.append({
                "forecasts": len(rows), "departures": departures,
                "said": round(sum(each.permille for each in rows) / (1000 * len(rows)), 4),
                "happened": round(happened / len(rows), 4), "low": share.low / 1000, "high": share.high / 1000,
            })  # fmt: skip
    return found


def warned(fate: Fate, rule: str) -> int | None:
    """Minutes before the cutoff at which a rule warns of a departure; None if it does not."""
    if rule == "forecast":
        return fate.warned_min
    if rule == "passed":
        return 0 if fate.missed else None
    window = int(rule.partition("_")[2])
    return max((lead for lead, _ in fate.said if lead <= window), default=None)


def warnings(fates: Sequence[Fate], rule: str) -> dict[str, Any]:
    """How well a rule warns; the lead is the median of the hits."""
    missed = sum(fate.missed for fate in fates)
    hits = [lead for fate in fates if fate.missed and (lead := warned(fate, rule)) is not None]
    false = sum(not fate.missed and warned(fate, rule) is not None for fate in fates)
    return {
        "hits": len(hits), "hit_pct": round(100 * len(hits) / max(1, missed), 1),
        "false": false, "false_pct": round(100 * false / max(1, len(fates) - missed), 1),
        "lead_min_p50": round(median(hits), 1) if hits else None,
    }  # fmt: skip


def summary(days: dict[int, dict[str, Fate]]) -> dict[str, Any]:
    """All figures; ValueError: nothing was forecast."""
    said, fates = judged(days), [fate for each in days.values() for fate in each.values() if fate.seen]
    if not said:
        raise ValueError("no departure was forecast on these days")
    rate = sum(each.missed for each in said) / len(said)
    score, table = briers(said, rate), bins(said)
    rules = ["forecast", "passed", *(f"window_{window}" for window in WINDOWS_MIN)]
    warning = {rule: warnings(fates, rule) for rule in rules}
    alike = min(rules[2:], key=lambda rule: abs(warning[rule]["false"] - warning["forecast"]["false"]))
    by_lead = []
    for lead in LEADS_MIN:
        rows = [each for each in said if each.lead_min == lead]
        missed = sum(each.missed for each in rows)
        of_lead = briers(rows, missed / max(1, len(rows)))
        by_lead.append({"lead_min": lead, "forecasts": len(rows), "missed": missed, "brier": of_lead})
    return {
        "days": len(days), "seeds": [min(days), max(days)],
        "departures": len(fates), "missed": sum(fate.missed for fate in fates),
        "unseen": sum(not fate.seen for each in days.values() for fate in each.values()),
        "forecasts": len(said), "brier": score,
        "skill": round(1 - score["forecast"] / score["base_rate"], 4) if score["base_rate"] else 0.0,
        "reliability": round(part(table, lambda row: (row["said"] - row["happened"]) ** 2), 5),
        "resolution": round(part(table, lambda row: (row["happened"] - rate) ** 2), 5),
        "uncertainty": round(rate * (1 - rate), 5),
        "by_lead": by_lead, "bins": table, "warnings": warning, "alike": alike,
    }  # fmt: skip


def part(table: Iterable[dict[str, Any]], of: Any) -> float:
    """A part of the score: the mean over all forecasts of something that is the same in a bin."""
    rows = list(table)
    return float(sum(row["forecasts"] * of(row) for row in rows) / sum(row["forecasts"] for row in rows))


def sit(folder: Path, quick: bool) -> dict[str, Any]:
    """Plays the held-back days (one of them with few futures when quick); the figures."""
    seeds, futures = (QUICK, QUICK_FUTURES) if quick else (HELD_BACK, FUTURES)
    return summary({seed: play(folder, seed, futures) for seed in seeds})


def rows(figures: dict[str, Any]) -> list[Row]:
    """The score beside those of the others, then the warnings; a ratio above 1 is a longer warning."""
    score, warning, alike = figures["brier"], figures["warnings"], figures["alike"]
    words = {
        "base_rate": "always the base rate", "passed": "late once the cutoff has passed",
        "window": f"late if open {WINDOW_MIN} min before",
    }  # fmt: skip
    what = f"Brier score, {figures['forecasts']} forecasts of {figures['departures']} departures"
    table = [
        Row(what, f"{score['forecast']:.4f}", f"{other} {score[name]:.4f}", ratio(score["forecast"], score[name]))
        for name, other in words.items()
    ]
    mine = warning["forecast"]
    for rule in dict.fromkeys((alike, f"window_{WINDOW_MIN}", "passed")):
        table.append(
            Row("warning: forecast", in_words(mine), f"{rule_in_words(rule)}: {in_words(warning[rule])}",
                ratio(mine["lead_min_p50"] or 0, warning[rule]["lead_min_p50"] or 0))
        )  # fmt: skip
    return table


def in_words(warning: dict[str, Any]) -> str:
    lead = "-" if warning["lead_min_p50"] is None else f"{warning['lead_min_p50']:g}"
    return f"{lead} min before, {warning['hit_pct']:g} % of the misses, {warning['false_pct']:g} % false alarms"


def rule_in_words(rule: str) -> str:
    return "cutoff passed" if rule == "passed" else f"open {rule.partition('_')[2]} min before"
