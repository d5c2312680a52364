"""A plant does not forget when its simulator stops: the actuation log, read again, says where everything is.

Stock and units at rest come back as they were. What lay on a belt is put back on a conveyor by hand, as people do
after a stop; what somebody held in his hands is put back where he took it from.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from plc_sim.plant import Plant

HANDS = "hands/"
LINE_MAX = 2_000
LOCATION_DASHES = 3
"""A shelf is named like A-03-12-2; totes, docks and hands are not."""


@dataclass(slots=True)
class Remembered:
    """What an actuation log comes to: the stock, and the place of every unit. `torn` lines could not be read."""

    physical: dict[tuple[str, str], int]
    places: dict[str, str] = field(default_factory=dict)
    torn: int = 0


def remember(path: Path, physical: dict[tuple[str, str], int]) -> Remembered:
    """Reads the log over the opening stock. A last line cut off by a kill is passed over and counted."""
    memory = Remembered(dict(physical))
    if not path.exists():
        return memory
    with path.open(encoding="utf-8", errors="replace") as log:
        for line in log:
            try:
                moved = json.loads(line[:LINE_MAX])
                _take_in(memory, moved)
            except (ValueError, KeyError, TypeError):
                memory.torn += 1
    return memory


def _take_in(memory: Remembered, moved: dict[str, object]) -> None:
    source, target, barcode = str(moved["source"]), str(moved["target"]), str(moved["barcode"])
    if barcode:
        memory.places[barcode] = source if target.startswith(HANDS) else target
        return
    sku, quantity = str(moved["sku"]), int(str(moved["quantity"]))
    for place, by in ((source, -quantity), (target, quantity)):
        if (place, sku) in memory.physical or (by > 0 and place.count("-") == LOCATION_DASHES):
            memory.physical[place, sku] = max(0, memory.physical.get((place, sku), 0) + by)


def restore(plant: Plant, memory: Remembered) -> int:
    """Puts every unit where it was; how many there are."""
    conveyors = sorted(plant.infeeds)
    for number, (barcode, place) in enumerate(memory.places.items()):
        machine = place.partition("/")[0]
        if not conveyors or place in plant.lanes or place.startswith("truck/") or place.endswith("/floor"):
            plant.bring(barcode, place)
        elif machine in plant.infeeds:
            plant.put_back(machine, barcode)
        else:
            plant.put_back(conveyors[number % len(conveyors)], barcode)
    return len(memory.places)
