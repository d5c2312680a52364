"""Virtual days in which things go wrong: they end, every unit has an outcome, and the same seed is the same day."""

from collections import Counter
from pathlib import Path

import pytest

from plc_sim.actuations import Did, read_actuations
from plc_sim.day.plan import plan_day
from plc_sim.day.play import play_day
from plc_sim.troubles import Rate
from tests.plc_sim.stage import CONFIG


def faulty_day(folder: Path, rate: str) -> tuple[dict[str, object], Path]:
    log = folder / f"{rate.replace(':', '_')}.jsonl"
    log.unlink(missing_ok=True)
    plan = plan_day(
        CONFIG.parent, orders_file=None, map_file=None, orders=60, shortage=0.02, seed=1, people=14,
        faults=Rate.read(rate), actuations=log,
    )  # fmt: skip
    return play_day(plan), log


@pytest.mark.parametrize("rate", ["1:300", "3:120"])
def test_a_day_with_faults_ends_and_every_unit_went_out(tmp_path: Path, rate: str) -> None:
    result, log = faulty_day(tmp_path, rate)
    assert result["orders"]["open"] == 0  # type: ignore[index]
    places: dict[str, str] = {}
    faults: Counter[str] = Counter()
    for each in read_actuations(log):
        faults[each.kind] += each.did is Did.FAULT_BEGAN
        if each.did is Did.MOVED and each.barcode:
            assert each.source == places.get(each.barcode, "outside")
            places[each.barcode] = each.target
    assert all(place.startswith("truck/") for place in places.values())
    assert len(+faults) > 5


@pytest.mark.parametrize("rate", ["5:120", "7:30", "2:60"])
def test_a_unit_that_no_scanner_could_read_is_found_and_its_order_ends(rate: str) -> None:
    plan = plan_day(
        CONFIG.parent, orders_file=None, map_file=None, orders=150, shortage=0.02, seed=1, people=16,
        faults=Rate.read(rate),
    )  # fmt: skip
    assert play_day(plan)["orders"]["open"] == 0


def test_the_same_seeds_are_the_same_day(tmp_path: Path) -> None:
    first, log = faulty_day(tmp_path, "2:200")
    lines = log.read_text()
    again, log = faulty_day(tmp_path, "2:200")
    assert again == first
    assert log.read_text() == lines
