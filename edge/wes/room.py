"""Who is on the floor and who waits to be let in: counted as it happens, and the same when counted anew."""

from heapq import heappop, heappush

from edge.messages import TaskKind, Zone
from edge.wes.state import State, WipRecord

Line = tuple[bool, str]
"""Handling units that wait for the same things: whether only a robot can fill them, and their departure."""


def line_of(wip: WipRecord) -> Line:
    return wip.robot, wip.departure_id


class Room:
    """Counts of the handling units inside, and the lines of those outside, in each zone one for every `Line`.

    A unit at the head of a line that cannot go on keeps nobody in another line from going.
    """

    def __init__(self, state: State, zones: dict[str, Zone], hu_tasks: dict[str, list[str]]) -> None:
        self.state = state
        self.zones = zones
        self.hu_tasks = hu_tasks
        self.inside: dict[str, int] = {}
        """Zone -> units."""
        self.at_station: dict[str, int] = {}
        """Pack station -> units that wait for it or are at it: all picks done, and a PACK task open."""
        self.filling: dict[str, int] = {}
        """Departure -> units inside, in any zone."""
        self.waiting: dict[str, dict[str, None]] = {}
        """Order -> its units outside."""
        self.turning: list[tuple[int, int, str]] = []
        """A heap of units outside by the moment from which they would be late."""
        self._lines: dict[str, dict[Line, list[tuple[int, int, str]]]] = {}
        self._counted: dict[str, tuple[str, str, str]] = {}

    def take_up(self) -> None:
        """Enter every unit of the state; for a room that was made empty."""
        for wip in self.state.wip.values():
            if wip.inside:
                self.count(wip.hu_id)
            else:
                self.enqueue(wip)

    def count(self, hu_id: str) -> None:
        """Count a unit anew after something about it changed; one that is outside or gone counts nowhere."""
        wip = self.state.wip.get(hu_id)
        station = self._station(wip) if wip is not None and wip.inside else ""
        now = (wip.zone, station, wip.departure_id) if wip is not None and wip.inside else None
        before = self._counted.pop(hu_id, None)
        if now is not None:
            self._counted[hu_id] = now
        if now != before:
            self._add(before, -1)
            self._add(now, 1)

    def _add(self, places: tuple[str, str, str] | None, by: int) -> None:
        tables = (self.inside, self.at_station, self.filling)
        for table, name in zip(tables, places or (), strict=False):
            if name:
                table[name] = table.get(name, 0) + by
                if not table[name]:
                    del table[name]

    def _station(self, wip: WipRecord) -> str:
        """The pack station the unit waits for or is at; "" while it is being filled."""
        packs = False
        for task_id in self.hu_tasks.get(wip.hu_id, ()):
            kind = self.state.tasks[task_id].task.kind
            if kind is TaskKind.PICK:
                return ""
            packs = packs or kind is TaskKind.PACK
        zone = self.zones.get(wip.zone)
        return zone.pack_station if packs and zone else ""

    def enqueue(self, wip: WipRecord) -> None:
        """Put a unit that is outside into its line; a place it had before is void."""
        heap = self._lines.setdefault(wip.zone, {}).setdefault(line_of(wip), [])
        heappush(heap, (wip.rank, wip.number, wip.hu_id))
        if not wip.late:
            heappush(self.turning, (wip.last_ms, wip.number, wip.hu_id))
        self.waiting.setdefault(wip.order_id, {})[wip.hu_id] = None

    def drop(self, wip: WipRecord) -> None:
        """The unit is no longer outside: it was let in, or is gone."""
        units = self.waiting.get(wip.order_id, {})
        units.pop(wip.hu_id, None)
        if not units:
            self.waiting.pop(wip.order_id, None)

    def heads(self, zone: str) -> list[WipRecord]:
        """The first unit of every line of a zone, the most urgent first."""
        found = [self._head(zone, line) for line in list(self._lines.get(zone, {}))]
        return sorted((wip for wip in found if wip is not None), key=lambda wip: (wip.rank, wip.number))

    def _head(self, zone: str, line: Line) -> WipRecord | None:
        heap = self._lines[zone][line]
        while heap:
            rank, number, hu_id = heap[0]
            wip = self.outside(hu_id)
            if wip is not None and (wip.rank, wip.number, wip.zone, line_of(wip)) == (rank, number, zone, line):
                return wip
            heappop(heap)
        del self._lines[zone][line]
        return None

    def outside(self, hu_id: str) -> WipRecord | None:
        """The unit, if it waits to be let in."""
        wip = self.state.wip.get(hu_id)
        return wip if wip is not None and not wip.inside else None

    def next_late(self, now_ms: int) -> WipRecord | None:
        """Take out a unit that has waited so long that it will be late; None when there is no more."""
        while self.turning and self.turning[0][0] < now_ms:
            last_ms, number, hu_id = heappop(self.turning)
            wip = self.outside(hu_id)
            if wip is not None and not wip.late and (wip.last_ms, wip.number) == (last_ms, number):
                return wip
        return None
