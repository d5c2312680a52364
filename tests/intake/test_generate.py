"""Generated days and dated timetables."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.intake.generate import Generated, day_departures, generate_day
from edge.messages import Departure
from edge.settings.process import DepartureSettings

START = 1_700_000_000_000
ROUTES = ("UK-NORTH", "UK-SOUTH", "EXPRESS", "WORLD")


def day(count: int = 1000, seed: int = 1, **more: int) -> Generated:
    return generate_day(count, seed, START, "dc1", ROUTES, **more)


def test_the_same_seed_is_the_same_day() -> None:
    assert day(seed=5) == day(seed=5)
    assert day(seed=5).orders != day(seed=6).orders


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(0, 80),
    seed=st.integers(0, 10**9),
    horizon_ms=st.integers(1000, 40_000_000),
    process_ms=st.integers(1000, 7_200_000),
    every_ms=st.integers(30_000, 7_200_000),
    routes=st.lists(st.sampled_from(["A", "B", "C", "EXPRESS"]), min_size=1, max_size=4, unique=True),
)
def test_every_order_has_a_departure_it_can_make(
    count: int, seed: int, horizon_ms: int, process_ms: int, every_ms: int, routes: list[str]
) -> None:
    made = generate_day(count, seed, START, "dc1", routes, horizon_ms, process_ms=process_ms, every_ms=every_ms)
    last = {row.route: row.cutoff_ms for row in made.departures}
    assert set(last) == set(routes)
    assert len(made.orders) == count
    for order in made.orders:
        assert START <= order.at_ms < START + horizon_ms
        assert last[order.route] >= order.at_ms + process_ms
        assert len({line.sku for line in order.lines}) == len(order.lines) >= 1
        assert all(line.quantity >= 1 for line in order.lines)
    assert max(last.values()) <= START + horizon_ms + process_ms + 60_000
    assert len({row.departure_id for row in made.departures}) == len(made.departures)
    assert {line.sku for order in made.orders for line in order.lines} <= {item.sku for item in made.items}


def test_a_day_looks_like_a_day() -> None:
    orders = day().orders
    assert list(orders) == sorted(orders, key=lambda order: order.at_ms)
    sizes = Counter(len(order.lines) for order in orders)
    assert sizes[1] > 450
    assert max(sizes) > 6
    skus = Counter(line.sku for order in orders for line in order.lines).most_common()
    assert skus[0][1] > 10 * skus[len(skus) // 2][1]
    small = sum(line.quantity <= 3 for order in orders for line in order.lines)
    assert small > 0.85 * sum(len(order.lines) for order in orders)
    thirds = Counter(3 * (order.at_ms - START) // 360_000 for order in orders)
    assert thirds[1] > 1.5 * thirds[0]  # arrivals are not even
    routes = Counter(order.route for order in orders)
    assert 50 < routes["EXPRESS"] < 160
    assert routes["UK-NORTH"] > routes["WORLD"] > 0
    assert all((order.priority == 2) == (order.route == "EXPRESS") for order in orders)


def test_the_demo_day_fits_fourteen_minutes() -> None:
    made = day(60)
    assert made.departures[-1].cutoff_ms - START <= 14 * 60_000
    assert all(count > 1 for count in Counter(row.route for row in made.departures).values())


def timetable(cutoff: str, site: str = "") -> list[DepartureSettings]:
    return [DepartureSettings(name="N-1", route="NORTH", carrier="Haulage", cutoff=cutoff, site=site)]


def ms(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_a_timetable_becomes_dates_and_what_is_past_is_left_out() -> None:
    rows = [*timetable("09:00"), *timetable("15:00", "dc2")]
    rows[1] = rows[1].model_copy(update={"name": "N-2"})
    dated = day_departures(rows, "UTC", ms("2024-05-01T12:00:00+00:00"), 2, "dc1")
    assert [(row.departure_id, row.site) for row in dated] == [
        ("N-2-20240501", "dc2"),
        ("N-1-20240502", "dc1"),
        ("N-2-20240502", "dc2"),
    ]
    later = day_departures(rows, "UTC", ms("2024-05-01T14:00:00+00:00"), 2, "dc1")
    assert later == dated  # the same ids and times at every start
    assert dated[1] == Departure(
        departure_id="N-1-20240502",
        site="dc1",
        route="NORTH",
        carrier="Haulage",
        cutoff_ms=ms("2024-05-02T09:00:00+00:00"),
    )


@pytest.mark.parametrize(
    ("zone", "start", "cutoff", "utc"),
    [
        ("Europe/London", "2024-03-30T00:00:00+00:00", "11:00", ["2024-03-30T11:00+00:00", "2024-03-31T10:00+00:00"]),
        ("Europe/London", "2024-10-26T00:00:00+01:00", "11:00", ["2024-10-26T10:00+00:00", "2024-10-27T11:00+00:00"]),
        # spring: 01:30 does not exist on the 31st and moves forward to 02:30 BST
        ("Europe/London", "2024-03-30T00:00:00+00:00", "01:30", ["2024-03-30T01:30+00:00", "2024-03-31T01:30+00:00"]),
        # autumn: 01:30 comes twice on the 27th, the first counts
        ("Europe/London", "2024-10-26T00:00:00+01:00", "01:30", ["2024-10-26T00:30+00:00", "2024-10-27T00:30+00:00"]),
        # the local day counts, not that of UTC
        ("Asia/Tokyo", "2024-05-01T23:00:00+00:00", "09:00", ["2024-05-02T00:00+00:00", "2024-05-03T00:00+00:00"]),
    ],
)
def test_cutoffs_are_local_times_through_both_clock_changes(zone: str, start: str, cutoff: str, utc: list[str]) -> None:
    dated = day_departures(timetable(cutoff), zone, ms(start), 2, "dc1")
    assert [row.cutoff_ms for row in dated] == [ms(text) for text in utc]


def test_a_skipped_cutoff_is_an_existing_local_time_after_the_gap() -> None:
    (row,) = day_departures(timetable("02:15"), "Europe/Berlin", ms("2024-03-31T00:00:00+01:00"), 1, "dc1")
    local = datetime.fromtimestamp(row.cutoff_ms // 1000, ZoneInfo("Europe/Berlin"))
    assert (local.hour, local.minute) == (3, 15)
