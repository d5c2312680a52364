"""What a decision of the core costs: the assignment kept optimal, the priority index, scan to lane, the forecast.

Each part stands beside named peers in the same run, in turn, medians; the parts' own docstrings say what is measured.
Peers come with `pip install 'wes-edge[bench]'`, which `./run bench dispatch` does by itself.
"""

from pathlib import Path
from typing import Any

from tests.bench import forecast, index, lanes, matching
from tests.bench.yardstick import Row

WORDS = "The decisions of the core: assignment, index, scan to lane, forecast, next to their peers"
PARTS = {"matching": matching, "index": index, "lanes": lanes, "forecast": forecast}
NORMAL, QUICK = False, True


def run(quick: bool, data: Path) -> dict[str, Any]:
    """The figures of every part, by its name."""
    return {name: part.figures(quick) for name, part in PARTS.items()}


def rows(figures: dict[str, Any]) -> list[Row]:
    """The parts' rows, one after the other."""
    return [row for name, part in PARTS.items() for row in part.rows(figures[name])]
