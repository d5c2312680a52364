"""What futures must do as the floor does: who loads, who goes first once late; and a forecast that lets it sleep."""

from dataclasses import replace

from edge.messages import DepartureOutlook, ForecastMade, Lane, Machine, Place, Site, Woken, Zone
from edge.wes import outlook
from edge.wes.board import INSIDE, QUEUED
from edge.wes.chance import Timetable
from edge.wes.dispatch import STRATEGIES, Tuning
from edge.wes.forecast import Forecast
from tests.wes.scene import MINUTE, T0, WIP_A, Play, pick, small_site
from tests.wes.test_future import Floor, busy_floor

FUTURES = 8
DOCK_ZONES = ("A", "DOCK")


def site_with_a_dock() -> Site:
    """The sorter stands in no zone; what it sorts is loaded by the people of the dock."""
    site = small_site()
    places = (*site.places, Place(location="DOCK-1", kind="dock", zone="DOCK", x_mm=0, y_mm=95_000))
    machines = tuple(replace(each, zone="") if each.kind == "sorter" else each for each in site.machines)
    return replace(site, places=places, machines=machines, zones=(*site.zones, Zone(zone="DOCK", wip_max=100)))


def foretold(play: Play) -> dict[str, DepartureOutlook]:
    copy = play.engine.copy(play.now)
    forecast = outlook.forecast(play.engine.floor, copy, FUTURES, 1)
    made = outlook.told(play.engine.floor, copy, forecast.run(), FUTURES, play.now)
    return {each.departure_id: each for each in made.departures}


def staffed(site: Site, units: int, zones: tuple[str, ...]) -> Play:
    play = Play(site=site)
    play.all_run()
    play.departure("north-1", "north", T0 + 90 * MINUTE)
    for n in range(2):
        play.join(f"p{n}", "pick", "pack", "load", zones=zones, location="A-01-01-1")
    for n in range(units):
        play.plan(pick(f"t{n}", f"hu{n}", due_ms=T0 + 90 * MINUTE))
    return play


def test_people_of_the_dock_load_in_the_futures_as_they_do_on_the_floor() -> None:
    found = foretold(staffed(site_with_a_dock(), 2, DOCK_ZONES))["north-1"]
    assert found.units == 2
    assert found.miss_permille == 0
    assert found.finish_p90_ms < T0 + 60 * MINUTE


def test_nobody_else_does() -> None:
    found = foretold(staffed(site_with_a_dock(), 2, ("A",)))["north-1"]
    assert found.miss_permille == 1000


def test_without_lanes_there_is_nothing_to_load() -> None:
    site = site_with_a_dock()
    machines = tuple(each for each in site.machines if each.kind != "sorter")
    found = foretold(staffed(replace(site, machines=machines), 1, ("A",)))["north-1"]
    assert found.miss_permille == 0


def test_a_load_to_come_lies_in_any_lane() -> None:
    """Lanes at both ends of the sorter, a unit for each: hands walk to the lane and not to the class's first area."""
    far = Lane(lane=20, capacity=4, x_mm=900_000, y_mm=90_000, routes=("far",))
    site = site_with_a_dock()
    machines: tuple[Machine, ...] = tuple(
        replace(each, lanes=(*each.lanes, far)) if each.kind == "sorter" else each for each in site.machines
    )
    play = Play(site=replace(site, machines=machines))
    play.all_run()
    for route in ("north", "far"):
        play.departure(f"{route}-1", route, T0 + 90 * MINUTE)
        play.plan(pick(f"t-{route}", f"hu-{route}", due_ms=T0 + 90 * MINUTE, departure_id=f"{route}-1"))
    play.join("p", "pick", "pack", zones=("A",), location="A-01-01-1")
    play.join("loader", "load", zones=("DOCK",), location="DOCK-1")
    found = foretold(play)
    assert found["far-1"].finish_p50_ms - found["north-1"].finish_p50_ms > 5 * MINUTE


def test_a_safe_forecast_lets_the_floor_sleep_until_it_has_aged() -> None:
    """The simple estimate says it is too late, the forecast that it is not: nothing is to do before that is old."""
    play = staffed(small_site(), 20, ("*",))
    cutoff_ms = T0 + 90 * MINUTE
    while play.engine.wake_at_ms is None or play.now < cutoff_ms - 9 * MINUTE:
        play.now += MINUTE
        told = DepartureOutlook(
            departure_id="north-1", cutoff_ms=cutoff_ms, units=20, miss_permille=0, low_permille=0, high_permille=20,
            missed_x10=0, finish_p10_ms=0, finish_p50_ms=0, finish_p90_ms=0, binding="nothing",
        )  # fmt: skip
        play.tell(ForecastMade(at_ms=play.now, asked_ms=play.now, futures=FUTURES, departures=(told,)))
    play.tell(Woken(at_ms=play.now))
    assert not play.engine.floor.state.departures["north-1"].at_risk
    wake_at_ms = play.engine.wake_at_ms
    assert wake_at_ms is None or wake_at_ms > play.now, "it would be woken at this very moment for ever"
    play.now = play.engine.floor.state.departures["north-1"].foreseen_ms + 11 * MINUTE
    play.tell(Woken(at_ms=play.now))
    assert play.engine.floor.state.departures["north-1"].at_risk, "an old forecast protects nobody"


def test_a_unit_that_turns_late_waits_behind_those_that_can_still_be_in_time() -> None:
    def finishes(turns: list[tuple[int, int, int]]) -> tuple[int, int]:
        floor = Floor(room=1, pickers=1, packers=1, cutoffs_min=(60, 61))
        floor.unit(0, 0, 3, INSIDE)
        floor.unit(0, 0, 1)
        floor.unit(0, 1, 1)
        timetable = Timetable()
        timetable.turns = turns
        future = floor.future(timetable=timetable)
        future.run()
        return future.tally.finish_ms[0], future.tally.finish_ms[1]

    first, second = finishes([])
    assert first < second
    late, other = finishes([(1000, 1, 120 * MINUTE)])
    assert late > other
    assert finishes([(50 * MINUTE, 1, 120 * MINUTE)]) == (first, second), "one that is inside by then does not turn"


def test_futures_differ_by_what_all_hands_have_in_common() -> None:
    def finishes(spread_permille: int) -> tuple[int, int, int]:
        floor = busy_floor(30)
        forecast = Forecast(
            floor.board, floor.tables, STRATEGIES["rolling"], Tuning(), 0, 32, 1, spread_permille=spread_permille
        )
        found = forecast.run()[0]
        return found.finish_p10_ms, found.finish_p50_ms, found.finish_p90_ms

    same, spread = finishes(0), finishes(300)
    assert spread[0] < same[0] < same[2] < spread[2]
    assert 2 * (spread[2] - spread[0]) > 3 * (same[2] - same[0])
    assert abs(spread[1] - same[1]) < same[1] // 10


def test_the_copy_says_when_waiting_units_turn_late() -> None:
    play = staffed(small_site(), 6, ("*",))
    copy = play.engine.copy(play.now)
    queued = [row for row in copy.units.values() if copy.board.u_state[row] == QUEUED]
    assert len(queued) == 6 - WIP_A
    assert [unit for _, unit, _ in copy.timetable.turns] == queued
    for at_ms, unit, rank in copy.timetable.turns:
        assert copy.asked_ms - play.engine.floor.state.origin_ms < at_ms < copy.board.d_cutoff_ms[0]
        assert rank > copy.board.u_rank[unit]
