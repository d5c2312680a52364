"""A plant does not forget when its simulator stops: the actuation log, read again, says where everything is.

Stock and units at rest come back as they were. What lay on a belt is put back on a conveyor by hand, as people do
after a stop; what somebody held in his hands is put back where he took it from.
"""

from dataclasses import dataclass, field
from pathlib import Path

from edge.settings import ConfigError
from plc_sim.actuations import Actuation, Did, is_torn, read_actuations
from plc_sim.plant import Plant
from plc_sim.vehicle_load import ABOARD

HANDS = "hands/"
FLOOR = "/floor"
LOCATION_DASHES = 3
"""A shelf is named like A-03-12-2; totes, docks and hands are not."""


@dataclass(slots=True)
class Remembered:
    """What an actuation log comes to: the stock, and the place of every unit. `torn`: its last line was cut off."""

    physical: dict[tuple[str, str], int]
    places: dict[str, str] = field(default_factory=dict)
    torn: bool = False


def remember(path: Path, physical: dict[tuple[str, str], int]) -> Remembered:
    """Reads the log over the opening stock. A last line cut off by a kill is passed over. Raises ConfigError."""
    memory = Remembered(dict(physical))
    if not path.exists():
        return memory
    memory.torn = is_torn(path)
    try:
        for actuation in read_actuations(path):
            if actuation.did is Did.MOVED:
                _take_in(memory, actuation)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    return memory


def _take_in(memory: Remembered, moved: Actuation) -> None:
    if moved.barcode:
        memory.places[moved.barcode] = moved.source if moved.target.startswith(HANDS) else moved.target
        return
    for place, by in ((moved.source, -moved.quantity), (moved.target, moved.quantity)):
        kept = place.count("-") == LOCATION_DASHES or place.endswith(FLOOR)
        if (place, moved.sku) in memory.physical or (by > 0 and kept):
            memory.physical[place, moved.sku] = max(0, memory.physical.get((place, moved.sku), 0) + by)


def restore(plant: Plant, memory: Remembered) -> int:
    """Puts every unit where it was; how many there are."""
    conveyors = sorted(plant.infeeds)
    for number, (barcode, place) in enumerate(memory.places.items()):
        machine = place.partition("/")[0]
        if not conveyors or place in plant.lanes or place.startswith("truck/") or place.endswith((FLOOR, ABOARD)):
            plant.bring(barcode, place)
        elif machine in plant.infeeds:
            plant.put_back(machine, barcode)
        else:
            plant.put_back(conveyors[number % len(conveyors)], barcode)
    return len(memory.places)
