"""The plant after a stop: everything is where the actuation log says it is."""

from pathlib import Path

import pytest

from edge.settings import ConfigError, read_site
from plc_sim.actuations import Actuation, Did, line_of
from plc_sim.memory import remember, restore
from plc_sim.world import World

SITE = read_site(Path(__file__).parents[2] / "config" / "site.yaml")
SHELF = ("A-01-01-1", "apple")


def write(path: Path, *actuations: Actuation, torn: str = "") -> None:
    path.write_text("".join(line_of(actuation) + "\n" for actuation in actuations) + torn)


def unit(barcode: str, source: str, target: str) -> Actuation:
    return Actuation(at_ms=1, by="x", barcode=barcode, source=source, target=target)


def test_stock_and_units_come_back_where_they_were(tmp_path: Path) -> None:
    path = tmp_path / "actuations.jsonl"
    write(
        path,
        Actuation(at_ms=1, by="anna", sku="apple", quantity=3, source="A-01-01-1", target="tote"),
        Actuation(at_ms=2, by="anna", sku="pear", quantity=5, source="RECV-1", target="A-01-02-1"),
        unit("u1", "sorter1/loop", "sorter1/L03"),
        unit("u2", "outside", "conveyor1/infeed"),
        unit("u3", "sorter1/L04", "hands/anna"),
        unit("u4", "hands/anna", "truck/D1"),
        unit("u5", "conveyor2/exit", "sorter1/loop"),
        Actuation(at_ms=3, by="sorter1", did=Did.FIRED, barcode="u5", lane=4),
        torn='{"at_ms": 3, "by": "anna", "bar',
    )
    memory = remember(path, {SHELF: 10})
    assert memory.physical == {SHELF: 7, ("A-01-02-1", "pear"): 5}
    assert memory.torn
    world = World(SITE, 1, 1, 0, memory.physical)
    assert restore(world.plant, memory) == 5
    places = {barcode: unit.place for barcode, unit in world.plant.units.items()}
    assert places["u1"] == "sorter1/L03"
    assert places["u3"] == "sorter1/L04", "put back where it was taken from"
    assert places["u4"] == "truck/D1"
    assert places["u2"].startswith("conveyor1/")
    assert places["u5"].partition("/")[0] in ("conveyor1", "conveyor2"), "from the belt back onto a conveyor"
    assert "u1" in world.plant.lanes["sorter1/L03"].units


def test_without_a_log_nothing_has_happened(tmp_path: Path) -> None:
    memory = remember(tmp_path / "none.jsonl", {SHELF: 10})
    assert (memory.physical, memory.places, memory.torn) == ({SHELF: 10}, {}, False)


def test_what_fell_in_a_cell_still_lies_there(tmp_path: Path) -> None:
    path = tmp_path / "actuations.jsonl"
    write(path, Actuation(at_ms=1, by="robot1", sku="apple", quantity=2, source="A-01-01-1", target="robot1/floor"))
    assert remember(path, {SHELF: 10}).physical == {SHELF: 8, ("robot1/floor", "apple"): 2}


def test_a_log_that_is_none_is_said_so_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "actuations.jsonl"
    write(path, unit("u1", "outside", "conveyor1/infeed"), torn="rubbish\n")
    with pytest.raises(ConfigError, match=r"actuations\.jsonl:2: not an actuation"):
        remember(path, {})


def test_a_load_that_was_done_and_not_reported_is_found_done() -> None:
    world = World(SITE, 1, 1, 0, {})
    world.plant.bring("u1", "truck/D1")
    world.add_person("anna", "HOME")
    task = {
        "task_id": "T1", "kind": "load", "source": "sorter1/L03", "target": "D1", "hu_id": "u1", "barcode": "u1",
        "quantity": 1, "sku": "", "departure_id": "D1",
    }  # fmt: skip
    assert world.give("anna", task)
    while (at_ms := world.next_at_ms) is not None and at_ms < 600_000:
        world.advance(at_ms)
    done = [happening for happening in world.drain() if hasattr(happening, "quantity")]
    assert [each.quantity for each in done] == [1]
    assert world.plant.units["u1"].place == "truck/D1"
