"""The lane benchmark runs, both sides decide the same, and it has something to compare with; no figure is judged."""

import pytest

from edge import wes
from tests.bench import lanes

pytestmark = pytest.mark.bench


def test_both_decide_the_same_and_every_ratio_compares_something() -> None:
    found = lanes.figures(quick=True)
    sizes = found["barcodes"]
    assert list(sizes) == [str(size) for size in lanes.QUICK_SIZES]
    for each in sizes.values():
        assert each["same_answers"]
        assert ("inside_ns" in each) is (wes.CORE == "compiled")
        assert all(value > 0 for name, value in each.items() if name.startswith(("ratio", "times")))
    rows = lanes.rows(found)
    assert rows
    assert all(row.what and row.measured and row.limit and row.ratio > 0 for row in rows)
