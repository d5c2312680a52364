"""Lane decisions as a table."""

from dataclasses import replace

import pytest

from edge.messages import DecisionCode
from edge.wes.sort import DISABLED, FULL, JAM, Choice, LanePlan, decide
from tests.wes.scene import small_site

SORTER = next(machine for machine in small_site().machines if machine.kind == "sorter")
LANES = [1, 2, 3, 4, 13, 14]
ROUTE, RECIRC = DecisionCode.ROUTE, DecisionCode.RECIRC


def choice(
    route: str,
    *,
    load: dict[int, int] | None = None,
    bound: dict[int, int] | None = None,
    closed: dict[int, int] | None = None,
    rounds: int = 0,
) -> Choice:
    def column(values: dict[int, int] | None) -> list[int]:
        return [(values or {}).get(lane, 0) for lane in LANES]

    return decide(LanePlan(SORTER), LANES, [4] * 6, column(load), column(bound), column(closed), route, rounds)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (choice("north"), (ROUTE, 1, 2)),
        (choice("north", load={1: 2, 2: 1}), (ROUTE, 2, 1)),
        (choice("north", bound={1: 1}), (ROUTE, 2, 1)),
        (choice("north", load={1: 4}), (ROUTE, 2, 4)),
        (choice("north", load={1: 3}, bound={1: 1}), (ROUTE, 2, 4)),
        (choice("north", closed={1: DISABLED, 2: JAM}), (ROUTE, 4, 0)),
        (choice("south"), (ROUTE, 3, 4)),
        (choice("south", closed={4: JAM}), (ROUTE, 3, 0)),
        (choice("south", closed={3: FULL}), (ROUTE, 4, 0)),
        (choice("south", load={3: 4, 4: 4}), (RECIRC, 0, 0)),
        (choice("south", load={3: 4, 4: 4}, rounds=2), (RECIRC, 0, 0)),
        (choice("south", load={3: 4, 4: 4}, rounds=3), (ROUTE, 13, 14)),
        (choice("west"), (ROUTE, 13, 14)),
    ],
)
def test_lane_and_alternate(case: Choice, expected: tuple[DecisionCode, int, int]) -> None:
    assert (case.code, case.lane, case.alternate) == expected


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (choice("north", load={1: 1, 2: 3}), "route north: lane 1 has 1 of 4"),
        (choice("south", closed={3: FULL | JAM}), "alternate because lane 3 full and jammed"),
        (choice("south", load={3: 4, 4: 4}, rounds=1), "LANES_UNAVAILABLE south: lane 3 full, round 2 of 3"),
        (choice("south", load={3: 4, 4: 4}, rounds=3), "MAX_RECIRC 3 rounds: lane 3 full"),
        (choice("west"), "NO_LANE_FOR_ROUTE west"),
    ],
)
def test_there_is_always_a_reason(case: Choice, words: str) -> None:
    assert words in case.reason


def test_without_hospital_and_default_lane_the_unit_is_rejected() -> None:
    plan = LanePlan(replace(SORTER, hospital_lane=0, default_lane=0))
    assert decide(plan, LANES, [4] * 6, [0] * 6, [0] * 6, [0] * 6, "west", 0).code is DecisionCode.REJECT
