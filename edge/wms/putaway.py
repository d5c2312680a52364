"""Where incoming goods shall lie: with their like, else in an empty location near their like, else the first empty.

A site with reserve takes them there, and to its pick faces only when the reserve is full.
"""

from collections.abc import Callable
from heapq import heappop, heappush

from edge.messages import Item
from edge.wms.floor import Floor
from edge.wms.ledger import Goods, Ledger


class EmptyLocations:
    """Empty rack locations in walking order, per zone, kind of rack and role. `is_free` has the last word on each."""

    def __init__(self, floor: Floor, is_free: Callable[[str], bool]) -> None:
        self._floor = floor
        self._is_free = is_free
        self._heaps: dict[tuple[str, bool, bool], list[tuple[int, str]]] = {}
        for spot in floor.spots.values():
            if is_free(spot.location):
                key = (spot.zone, spot.robot, spot.reserve)
                self._heaps.setdefault(key, []).append((spot.walk, spot.location))

    def vacate(self, location: str) -> None:
        """A location may be empty again."""
        spot = self._floor.spots.get(location)
        if spot is not None:
            heappush(self._heaps.setdefault((spot.zone, spot.robot, spot.reserve), []), (spot.walk, location))

    def first(self, robot: bool, zone: str = "", *, reserve: bool = False) -> str:
        """The first empty location of a role on the way, "" if none; robot racks only if a robot handles the goods."""
        best: tuple[int, str] | None = None
        for (heap_zone, heap_robot, heap_reserve), heap in self._heaps.items():
            if (heap_robot and not robot) or (zone and heap_zone != zone) or heap_reserve is not reserve:
                continue
            while heap and not self._is_free(heap[0][1]):
                heappop(heap)
            if heap and (best is None or heap[0] < best):
                best = heap[0]
        return best[1] if best else ""


def find_location(floor: Floor, ledger: Ledger, empties: EmptyLocations, goods: Goods, item: Item) -> str:
    """Where to put these goods, "" if there is no room. Deterministic: every tie goes by walking order."""
    above = _find(floor, ledger, empties, goods, item, reserve=True) if floor.has_reserve else ""
    return above or _find(floor, ledger, empties, goods, item, reserve=False)


def _find(floor: Floor, ledger: Ledger, empties: EmptyLocations, goods: Goods, item: Item, *, reserve: bool) -> str:
    """Among the locations of one role."""
    zones: dict[str, None] = {}
    for balance in ledger.stock_of(goods.sku):
        spot = floor.spots.get(balance.account)
        if spot is None or (spot.robot and not item.robot):
            continue
        if balance.goods == goods and spot.reserve is reserve:
            return spot.location
        zones[spot.zone] = None
    for zone in zones:
        near = empties.first(item.robot, zone, reserve=reserve)
        if near:
            return near
    return empties.first(item.robot, reserve=reserve)
