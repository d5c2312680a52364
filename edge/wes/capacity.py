"""How many units fit into lanes that several may use: each unit takes one place, in one of the lanes it may go to."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, TypeVar

Lane = TypeVar("Lane", bound=Hashable)


def room_beside(mine: Sequence[Lane], others: Sequence[tuple[int, Sequence[Lane]]], room: Mapping[Lane, int]) -> int:
    """How many units fit into my lanes when the others, (units, lanes they may go to), are to find room as well."""
    wanted = dict.fromkeys(mine)
    rivals = [(units, lanes) for units, lanes in others if units]
    if not any(lane in wanted for _, lanes in rivals for lane in lanes):
        return sum(room[lane] for lane in wanted)
    places = Places(room, [*(lanes for _, lanes in rivals), list(wanted)])
    for group, (units, _) in enumerate(rivals):
        places.fill(group, units)
    return places.fill(len(rivals), sum(room[lane] for lane in wanted))


class Places(Generic[Lane]):
    """Groups of units put into lanes, by number of the group (maximum flow by augmenting paths: Ford, Fulkerson 1956).

    No group that was put in is ever put out; its units only move to other lanes they may go to.
    """

    def __init__(self, room: Mapping[Lane, int], lanes: Sequence[Sequence[Lane]]) -> None:
        self.left = dict(room)
        self.lanes = lanes
        self.held: list[dict[Lane, int]] = [{} for _ in lanes]

    def fill(self, group: int, units: int) -> int:
        """Put in as many units of a group as can be, at most `units`; how many that are."""
        found = 0
        while found < units and (more := self._put(group, units - found, {})):
            found += more
        return found

    def _put(self, group: int, units: int, tried: dict[Lane, None]) -> int:
        """Some units of a group into one of its lanes, where others make room for them if need be."""
        for lane in self.lanes[group]:
            if lane in tried:
                continue
            tried[lane] = None
            moved = min(units, self.left[lane])
            if moved:
                self.left[lane] -= moved
            else:
                moved = self._move_on(lane, group, units, tried)
            if moved:
                self.held[group][lane] = self.held[group].get(lane, 0) + moved
                return moved
        return 0

    def _move_on(self, lane: Lane, group: int, units: int, tried: dict[Lane, None]) -> int:
        """Units of another group out of a full lane into one of its other lanes; how many."""
        for other, held in enumerate(self.held):
            if other != group and held.get(lane):
                moved = self._put(other, min(units, held[lane]), tried)
                if moved:
                    held[lane] -= moved
                    return moved
        return 0
