"""The edge killed, hung and cut off, with the processes a real site runs: the PLCs fall back in time and stay so."""

from pathlib import Path

import pytest

from plc_sim.actuations import Actuation, Did
from tests.bench.fallback import KINDS, LIMIT_MS, Tally, read_round, series
from tests.bench.plants import on_free_ports, plants

ROUNDS = 2
CONVEYOR = {"conveyor1": "conveyor"}


@pytest.mark.scenario
@pytest.mark.timeout(900)
def test_every_plc_falls_back_in_time_and_moves_only_when_armed_again(tmp_path: Path) -> None:
    with plants(tmp_path, on_free_ports({})) as running:
        tallies = series(running, ROUNDS)
    assert [tally.kind for tally in tallies] == list(KINDS)
    for tally in tallies:
        assert (tally.late, tally.moved, tally.missing) == ([], [], [])
        assert tally.rounds == ROUNDS
        assert tally.fallbacks >= 4 * ROUNDS
        assert tally.holds()


def line(did: Did, plc_ms: int, **what: int) -> Actuation:
    return Actuation(at_ms=plc_ms, by="conveyor1", did=did, boot=1, plc_ms=plc_ms, **what)


def counted(*lines: Actuation) -> Tally:
    tally = Tally("killed")
    read_round(tally, lines, CONVEYOR)
    return tally


def test_what_breaks_the_promise_is_counted() -> None:
    entered, stopped = line(Did.FALLBACK_ENTERED, 5_000, heard_ms=3_000), line(Did.MOTION_STOPPED, 5_000)
    left, started = line(Did.FALLBACK_LEFT, 9_000), line(Did.MOTION_STARTED, 9_000)
    assert counted(entered, stopped, left, started).holds()
    assert counted(entered, stopped).took_ms == [2_000]
    late = line(Did.FALLBACK_ENTERED, 5_001 + LIMIT_MS - 2_000, heard_ms=3_000)
    assert counted(late, stopped).late
    assert counted(entered, line(Did.MOTION_STOPPED, 5_500)).late
    assert counted(entered, stopped, started, left).moved
    assert counted(entered, line(Did.ARMED, 5_100, seq=7), left).moved
    assert not counted(entered, line(Did.ARMED, 5_100, seq=0), left).moved
    assert counted(started).missing == ["conveyor1: no fallback"]
    assert not Tally("killed").holds()
