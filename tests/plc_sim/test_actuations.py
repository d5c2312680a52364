"""The actuation log: what is written can be read, a cut-off end is passed over, anything else is said with its line."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from plc_sim.actuations import FIELDS, Actuation, Did, is_torn, line_of, open_log, read_actuations
from plc_sim.codes import Cmd
from tests.plc_sim.stage import CONVEYOR, SORTER, run, started, world_of

FULL: dict[str, Any] = {"args": (3, 0, 0), "given": {"place": 3, "tag": "x"}}


KINDS = {field.name: str(field.type) for field in fields(Actuation)}


def one(did: Did) -> Actuation:
    """Every field of this kind of line has a value of its own."""
    plain = {name: 77 if KINDS[name] == "int" else f"a {name}" for name in FIELDS[did]}
    what: dict[str, Any] = {name: FULL.get(name, plain[name]) for name in FIELDS[did]}
    return Actuation(at_ms=5, by="m", did=did, boot=2, plc_ms=1, **what)


def test_every_kind_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    assert set(FIELDS) == set(Did)
    path = tmp_path / "log.jsonl"
    written = [one(did) for did in Did]
    with open_log(path) as log:
        log.writelines(line_of(each) + "\n" for each in written)
    assert list(read_actuations(path)) == written


def test_a_cut_off_end_is_passed_over_and_cut_off_when_more_is_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    whole = line_of(one(Did.FIRED))
    path.write_text(f"{whole}\n{whole[:20]}")
    assert is_torn(path)
    assert list(read_actuations(path)) == [one(Did.FIRED)]
    with open_log(path) as log:
        log.write(line_of(one(Did.BOOTED)) + "\n")
    assert list(read_actuations(path)) == [one(Did.FIRED), one(Did.BOOTED)]


@pytest.mark.parametrize("bad", ["rubbish", "[]", '{"at_ms":1}', '{"at_ms":1,"by":"m","did":"flew"}', "x" * 5000])
def test_anything_else_is_said_with_its_line(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(f"{line_of(one(Did.FIRED))}\n{bad}\n{line_of(one(Did.FIRED))}\n")
    with pytest.raises(ValueError, match=r"log\.jsonl:2: not an actuation"):
        list(read_actuations(path))


def test_a_unit_on_its_way_leaves_what_moved_it_with_the_time_of_the_plc() -> None:
    log: list[Actuation] = []
    world = started(world_of(log=log.append))
    began = world.sorter(SORTER).uptime_ms
    world.plant.place(CONVEYOR, "U1", "anna")
    run(world, 60_000)
    released = [each for each in log if each.did is Did.RELEASED]
    assert [each.zone for each in released] == list(range(1, 9))
    assert [each.seq for each in released if each.seq] == [1], "the exit by the decision"
    (armed,) = [each for each in log if each.did is Did.ARMED]
    (fired,) = [each for each in log if each.did is Did.FIRED]
    assert (armed.barcode, armed.seq, armed.lane) == (fired.barcode, fired.seq, fired.lane) == ("U1", 1, 1)
    assert began < armed.plc_ms < fired.plc_ms
    assert fired.boot == 1
    starts = [(each.by, each.reason) for each in log if each.did is Did.MOTION_STARTED]
    assert ("sorter1", "EXECUTE") in starts
    commands = [(each.by, each.code) for each in log if each.did is Did.COMMANDED]
    assert commands.count((SORTER, Cmd.START)) == 1


def test_a_command_is_in_the_log_once_whether_done_or_refused() -> None:
    log: list[Actuation] = []
    world = started(world_of(log=log.append))
    log.clear()
    sorter = world.sorter(SORTER)
    for _ in range(3):
        for name, value in (("CmdCode", Cmd.LANE_DISABLE), ("CmdArg1", 3), ("CmdSeq", 41)):
            assert sorter.write(name, value)
        world.advance(world.now_ms + 20)
    for name, value in (("CmdCode", Cmd.UNHOLD), ("CmdSeq", 42)):
        assert sorter.write(name, value)
    world.advance(world.now_ms + 20)
    told = [(each.did, each.cmd_seq, each.code, each.args[:1], each.reason) for each in log]
    assert told == [(Did.COMMANDED, 41, 101, (3,), ""), (Did.REFUSED, 42, 5, (3,), "STATE")]
