"""The tables of the exam: scenarios with their loads, strategies, and the parameters each strategy runs with where."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.exam.floor import agv, mixed, people
from tests.exam.floor.model import Day, Strategy
from tests.exam.floor.policies import Parameters

# Chosen on seeds below 60 at the highest load, agv at all: of the settings that miss least the one with a short way.
# agv: --tune, then by hand on more seeds; people and mixed: atcs by a grid with noise 0.3 on seeds 0-4, rolling by hand
# among a few settings on the same seeds. Seeds 100 and up are not tuned on. K, Kt in ms, margin, haste.
TUNED: dict[tuple[str, str], Parameters] = {
    ("people", "atcs"): Parameters(3, 7_000),
    ("people", "lookahead"): Parameters(4, 10_000, 0.5),
    ("people", "rolling"): Parameters(4, 10_000, 1.0),
    ("agv", "atcs"): Parameters(1, 3_500),
    ("agv", "lookahead"): Parameters(2, 20_000, 1.0),
    ("agv", "rolling"): Parameters(2, 2_500, 0.5, 1.6),
    ("mixed", "atcs"): Parameters(8, 10_000),
    ("mixed", "lookahead"): Parameters(4, 10_000, 1.0),
    ("mixed", "rolling"): Parameters(10, 8_000, 1.0),
}
TUNING_SEEDS = range(5)
FIRST_SEED = 100


@dataclass(frozen=True, slots=True)
class Scenario:
    """A floor, the loads it is run at, and whose parameters hold there."""

    words: str
    day: Callable[..., Day]
    loads: tuple[float, ...]
    hours: float
    tuned_as: str


SCENARIOS = {
    "people": Scenario("30 people, 4 skills, hourly carriers", people.day, (1.6, 1.8, 2.0), 4.0, "people"),
    "agv": Scenario("20 vehicles on a grid", agv.day, (0.8, 1.0, 1.1), 3.0, "agv"),
    "mixed": Scenario("people, vehicles, robots, conveyors, lanes", mixed.day, (0.9, 1.1, 1.3), 4.0, "mixed"),
    "agv10": Scenario("10 vehicles on the grid, one hour", partial(agv.day, vehicles=10), (1.1, 1.3), 1.0, "agv"),
}
STRATEGIES = {
    "fifo": "tests.exam.floor.compiled:Fifo",
    "edd": "tests.exam.floor.compiled:Edd",
    "nearest": "tests.exam.floor.compiled:Nearest",
    "atcs": "tests.exam.floor.compiled:Atcs",
    "rolling": "tests.exam.floor.compiled:Rolling",
    "shortest": "tests.exam.floor.compiled:Shortest",
    "cpsat": "tests.exam.floor.cpsat:CpSat",
    "lookahead": "tests.exam.floor.lookahead:Lookahead",
    "plain-fifo": "tests.exam.floor.policies:Fifo",
    "plain-edd": "tests.exam.floor.policies:Edd",
    "plain-edd-rolled": "tests.exam.floor.policies:EddRolled",
    "plain-nearest": "tests.exam.floor.policies:Nearest",
    "plain-atcs": "tests.exam.floor.policies:Atcs",
}
"""Name: module and class, called with Parameters; loaded only when it runs. `plain-` are the references in Python."""
TUNED_AS = {"cpsat": "lookahead", "plain-atcs": "atcs", "shortest": "rolling"}
"""Strategies that run with another one's parameters."""
USUAL_SCENARIOS = ("people", "agv", "mixed")
USUAL_STRATEGIES = ("fifo", "edd", "nearest", "atcs", "rolling")
"""What runs if nothing is said: the strategies of the product."""


def parameters_of(scenario: str, strategy: str) -> Parameters:
    """Tuned ones if there are any, else those of atcs there."""
    where, whose = SCENARIOS[scenario].tuned_as, TUNED_AS.get(strategy, strategy)
    return TUNED.get((where, whose)) or TUNED[(where, "atcs")]


def strategy_of(name: str, parameters: Parameters) -> Strategy:
    """A fresh one."""
    module, _, made = STRATEGIES[name].partition(":")
    strategy: Strategy = getattr(importlib.import_module(module), made)(parameters)
    return strategy
