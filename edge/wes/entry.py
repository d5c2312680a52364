# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False
"""Who waits to be let into the zones of one future, and the room there and in the lanes (compiled with entry.pxd).

The limits of `release`: a zone takes as many units as it has room for, the lowest rank first, and none while its pack
station is full; a unit whose lanes have no room for one more keeps nobody else waiting. Rows of the lane columns:
departures, then groups of them that share lanes. A lane that somebody empties counts as empty (`berths.lane_room`).
"""

from edge.wes.board import INSIDE, MOVING, NONE, QUEUED, STAGED, Board, filled
from edge.wes.chance import Timetable
from edge.wes.notes import LANES, ROOM, STATION, Agenda, Notes, Tally

_ANY = 1 << 40


class Entry:
    """`stale`: somebody may come in who could not before. Sets `z_inside` of the board."""

    def __init__(self, board: Board, plan: Timetable, tally: Tally, notes: Notes) -> None:
        self.board, self.tally, self.notes = board, tally, notes
        self.zones, self.departures = board.rows["z"].used, board.rows["d"].used
        self.queues = [Agenda() for _ in range(self.zones)]
        self.parked = [Agenda() for _ in range(self.departures)]
        self.waiting = 0
        self.stale = True
        rows = self.departures + len(plan.shared) + 1
        self.most, self.shared = filled(rows, _ANY), filled(rows, NONE)
        self.on_way, self.lying, self.loading = filled(rows, 0), filled(rows, 0), filled(rows, 0)
        self.u_parked = filled(len(board.u_number), 0)
        self.z_station, self.z_most = filled(self.zones, NONE), filled(self.zones, _ANY)
        self.z_kept = filled(self.zones, 0)  # nobody comes in for the sake of the station, not of the zone
        self.at_station = filled(len(plan.stations) + 1, 0)
        self.u_there = filled(len(board.u_number), 0)
        for zone, station, units in plan.stations:
            self.z_station[zone], self.z_most[zone] = station, units
        for departure, group, units in plan.berths:
            self.most[departure], self.shared[departure] = units, self.departures + group
        for group, units in enumerate(plan.shared):
            self.most[self.departures + group] = units
        for zone in range(self.zones):
            board.z_inside[zone] = 0

    def join(self, unit: int) -> None:
        """A unit of a zone wants in, by its rank."""
        queue = self.queues[self.board.u_zone[unit]]
        queue.put(self.board.u_rank[unit], self.board.u_number[unit], unit)
        self.stale = True

    def turn(self, unit: int, rank: int) -> None:
        """Another place in the queue, if it still waits; the one it had is void."""
        board = self.board
        if board.u_state[unit] == QUEUED and board.u_zone[unit] >= 0 and board.u_rank[unit] != rank:
            board.u_rank[unit] = rank
            self.join(unit)

    def admit(self, zone: int, now_ms: int) -> int:
        """The unit that comes in now, counted as inside the zone; -1 if none can."""
        board, queue = self.board, self.queues[zone]
        while queue.count and board.z_inside[zone] < board.z_room[zone] and not self._station_is_full(zone):
            rank = queue.keys[0]
            unit = queue.take()
            if board.u_state[unit] != QUEUED or board.u_rank[unit] != rank:
                continue
            departure = board.u_departure[unit]
            self._waited(unit, zone, now_ms)
            if departure < 0 or self.room(departure) > 0:
                board.z_inside[zone] += 1
                return unit
            self.u_parked[unit] = 1
            self.waiting += 1
            parked = self.parked[departure]
            parked.put(rank, board.u_number[unit], unit)
        self.z_kept[zone] = board.z_inside[zone] < board.z_room[zone] and self._station_is_full(zone)
        return NONE

    def _station_is_full(self, zone: int) -> bool:
        station = self.z_station[zone]
        return bool(station >= 0 and self.at_station[station] >= self.z_most[zone])

    def reach_station(self, unit: int) -> None:
        """The unit waits for its pack station from now on, if its zone has one."""
        zone = self.board.u_zone[unit]
        if zone >= 0 and self.z_station[zone] >= 0 and not self.u_there[unit]:
            self.u_there[unit] = 1
            self.at_station[self.z_station[zone]] += 1

    def leave_station(self, unit: int) -> None:
        """The unit is packed or gone."""
        if self.u_there[unit]:
            self.u_there[unit] = 0
            self.at_station[self.z_station[self.board.u_zone[unit]]] -= 1

    def _waited(self, unit: int, zone: int, now_ms: int) -> None:
        """Note what the unit has waited for so far."""
        board = self.board
        waited_ms, departure = now_ms - board.u_since_ms[unit], board.u_departure[unit]
        board.u_since_ms[unit] = now_ms
        if self.u_parked[unit]:
            self.tally.wait(departure, self.tally.lanes, LANES, waited_ms)
        elif self.z_kept[zone]:
            self.tally.wait(departure, self.tally.station + zone, STATION, waited_ms)
        else:
            self.tally.wait(departure, self.tally.room + zone, ROOM, waited_ms)
        self.u_parked[unit] = 0

    def room(self, departure: int) -> int:
        """How many more units of a departure its lanes can take."""
        left, group = self._left(departure), self.shared[departure]
        return min(left, self._left(group)) if group >= 0 else left

    def _left(self, row: int) -> int:
        return self.most[row] - self.on_way[row] - (0 if self.loading[row] else self.lying[row])

    def count(self, unit: int, by: int) -> None:
        """A unit of this state is one more (1) or one less (-1) on the floor, on its way to the lanes or in them."""
        departure, state = self.board.u_departure[unit], self.board.u_state[unit]
        if by > 0 and state == INSIDE and self.notes.picked(unit):
            self.reach_station(unit)
        if departure < 0:
            return
        group = self.shared[departure]
        if state == STAGED:
            self.lying[departure] += by
            if group >= 0:
                self.lying[group] += by
        elif state in (INSIDE, MOVING):
            self.on_way[departure] += by
            if group >= 0:
                self.on_way[group] += by

    def load(self, departure: int, by: int) -> None:
        """Somebody begins (1) to load a unit of the departure, or has (-1)."""
        if departure < 0:
            return
        self.loading[departure] += by
        if self.shared[departure] >= 0:
            self.loading[self.shared[departure]] += by
        if by > 0:
            self.call(departure)

    def call(self, departure: int) -> None:
        """There may be room in these lanes: so many of those that wait for it queue for their zones again."""
        if departure < 0 or not self.waiting:
            return
        board, group = self.board, self.shared[departure]
        for other in range(self.departures):
            if other != departure and (group < 0 or self.shared[other] != group):
                continue
            parked, room = self.parked[other], self.room(other)
            while parked.count and room > 0:
                rank = parked.keys[0]
                unit = parked.take()
                self.waiting -= 1
                if board.u_state[unit] == QUEUED and board.u_rank[unit] == rank:
                    queue = self.queues[board.u_zone[unit]]
                    queue.put(rank, board.u_number[unit], unit)
                    self.stale = True
                    room -= 1

    def close(self, now_ms: int) -> None:
        """It is over: what still waits has waited so far."""
        board = self.board
        for unit in range(board.rows["u"].used):
            if board.u_state[unit] == QUEUED and board.u_zone[unit] >= 0:
                self._waited(unit, board.u_zone[unit], now_ms)
