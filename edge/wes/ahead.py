"""What lies before a zone: machines that are down, ways that are full, and the lanes against the units on their way."""

from collections.abc import Sequence
from typing import NamedTuple

from edge.messages import Zone
from edge.wes.berths import Berths
from edge.wes.congestion import first_down, is_down
from edge.wes.destinations import Key
from edge.wes.floor import Floor
from edge.wes.on_way import OnWay, destination_of
from edge.wes.state import WipRecord

ANY = -1
NO_LANE = "no pool lane is free"


class Way(NamedTuple):
    """From a zone to the lanes of a destination; `down` or `full` name what bars all of them."""

    down: str = ""
    full: str = ""
    most: int = ANY
    """Units of the destination that may be on their way at once; ANY where it has no lanes, and none to wait for."""
    room: int = 0
    """Units its lanes can take, beside what others on their way need of them."""
    shut: str = ""
    """Which of them take nothing now, in words."""


class Ahead:
    """Read off the machines when it is first asked for; good for one moment, and to `forget` when a unit was let in."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self._on_way = OnWay(floor)
        self._berths = Berths(floor, self._on_way)
        self._bars: dict[tuple[str, str], str] = {}
        self._ways: dict[tuple[str, Key], Way] = {}

    def forget(self) -> None:
        """There is one more unit inside."""
        self._on_way.forget()
        self._berths.forget()
        self._ways.clear()

    def blocks(self, zone: Zone, wip: WipRecord) -> str:
        """Why this unit may not begin now, whatever room its zone has; "" if it may."""
        floor, key = self.floor, destination_of(self.floor, wip.departure_id, wip.order_id)
        way = self.way(zone, key)
        if way.down:
            return f"MACHINE_DOWN {way.down}"
        robots = floor.layout.robots(zone.zone) if wip.robot else []
        if robots and all(is_down(floor, robot_id) for robot_id in robots):
            return f"MACHINE_DOWN {robots[0]}"
        if way.full:
            return f"WAY_FULL {way.full}"
        if way.most == ANY or self.on_way(key) < way.most:
            return ""
        return f"LANES {key[0]} {self.on_way(key)}/{way.room}{': ' if way.shut else ''}{way.shut}"

    def on_way(self, key: Key) -> int:
        """Units of a destination that are inside a zone, or on belts and not yet sent to a lane."""
        return self._on_way.all().get(key, 0)

    def way(self, zone: Zone, key: Key) -> Way:
        """From a zone to the lanes of a destination; without any, only whether the belts move."""
        known = self._ways.get((zone.zone, key))
        if known is None:
            known = self._ways[zone.zone, key] = self._find_way(zone, key)
        return known

    def _find_way(self, zone: Zone, key: Key) -> Way:
        sorters = self._berths.sorters(key)
        bars = {sorter: self._bar(zone, sorter) for sorter in sorters}
        near = [sorter for sorter, bar in bars.items() if not bar]
        if not near:
            bar = next((bar for word in ("FULL", "CLOSED") for bar in bars.values() if bar.startswith(word)), "")
            if bar.startswith("FULL"):
                return Way(full=bar.removeprefix("FULL "))
            down = bar.removeprefix("CLOSED ") or first_down(self.floor, zone)
            if down:
                return Way(down=down)
        # Where the map says nothing about the way, there is one.
        return self._fit(key, near or sorters) if sorters else Way()

    def _bar(self, zone: Zone, sorter: str) -> str:
        """FULL or CLOSED and what, in the way from a zone to a sorter; "" if nothing is, or no way is known."""
        known = self._bars.get((zone.zone, sorter))
        if known is None:
            network = self.floor.network
            start = zone.pack_station if zone.pack_station and zone.conveyor else zone.conveyor
            if network.reachable(start, sorter):
                full = network.obstruction(start, sorter)
                known = f"FULL {full}" if full else ""
            else:
                known = network.next_hop(start, sorter).reason
            self._bars[zone.zone, sorter] = known
        return known

    def _fit(self, key: Key, near: Sequence[str]) -> Way:
        """How much room there is for a destination in its lanes on these sorters."""
        berths, room = self._berths.room(key, near)
        if not berths:
            return Way(most=0, shut=NO_LANE)
        # One may always be on its way: it finds out whether the lanes are as full as they seem.
        return Way(most=max(1, room), room=room, shut=self._berths.in_words(berths, near))
