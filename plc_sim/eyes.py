"""The photo-eyes of a sorter: 128 bits, worked out from where everything is in the moment somebody looks.

Eye 0 is at the merge, 1 at the scanner, 2 at the end of the line; of lane n the confirm eye in its mouth is 15 + n,
the almost-full eye 47 + n, the full eye 79 + n.
"""

from plc_sim.lanes import Lanes
from plc_sim.loop import SorterLoop

MERGE, SCANNER, END = 0, 1, 2
CONFIRM, ALMOST_FULL, FULL = 15, 47, 79


def blocked(loop: SorterLoop, lanes: Lanes) -> int:
    """The eyes that see something, as one number."""
    bits = 0
    for rider in loop.riders.values():
        travelled_um, length_um = loop.travelled_um(rider), rider.unit.length_mm * 1000
        for eye, at_um in ((MERGE, -loop.infeed_um), (SCANNER, 0), (END, loop.end_um)):
            bits |= (0 <= travelled_um - at_um < length_um) << eye
    for number, lane in lanes.plant.items():
        bits |= (number in lanes.stuck or loop.in_mouth(number)) << (CONFIRM + number)
        bits |= lane.almost_full << (ALMOST_FULL + number) | lane.full << (FULL + number)
    return bits


def jammed(lanes: Lanes) -> int:
    """The eyes before a jam, latched."""
    return sum(1 << (CONFIRM + number) for number in lanes.jammed)
