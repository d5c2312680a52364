"""The plant after a stop: everything is where the actuation log says it is."""

import json
from dataclasses import asdict
from pathlib import Path

from edge.settings import read_site
from plc_sim.events import Moved
from plc_sim.memory import remember, restore
from plc_sim.world import World

SITE = read_site(Path(__file__).parents[2] / "config" / "site.yaml")
SHELF = ("A-01-01-1", "apple")


def write(path: Path, *moves: Moved, torn: str = "") -> None:
    path.write_text("".join(json.dumps(asdict(move)) + "\n" for move in moves) + torn)


def unit(barcode: str, source: str, target: str) -> Moved:
    return Moved(at_ms=1, by="x", barcode=barcode, source=source, target=target)


def test_stock_and_units_come_back_where_they_were(tmp_path: Path) -> None:
    path = tmp_path / "actuations.jsonl"
    write(
        path,
        Moved(at_ms=1, by="anna", sku="apple", quantity=3, source="A-01-01-1", target="tote"),
        Moved(at_ms=2, by="anna", sku="pear", quantity=5, source="RECV-1", target="A-01-02-1"),
        unit("u1", "sorter1/loop", "sorter1/L03"),
        unit("u2", "outside", "conveyor1/infeed"),
        unit("u3", "sorter1/L04", "hands/anna"),
        unit("u4", "hands/anna", "truck/D1"),
        unit("u5", "conveyor2/exit", "sorter1/loop"),
        torn='{"at_ms": 3, "by": "anna", "bar',
    )
    memory = remember(path, {SHELF: 10})
    assert memory.physical == {SHELF: 7, ("A-01-02-1", "pear"): 5}
    assert memory.torn == 1
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
    assert (memory.physical, memory.places, memory.torn) == ({SHELF: 10}, {}, 0)


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
