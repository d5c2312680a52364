"""A vehicle as physics: where it is, its way along a lane by time, and its battery. All times are site milliseconds."""

import math
from collections.abc import Callable

from plc_sim.agenda import Agenda, Ticket
from plc_sim.vehicle_track import Lane, Spot

ACCELERATION_MM_S2 = 500
FULL = 1_000_000_000
"""A battery that is full; parts per 1e9."""
IDLE_RATE, DRIVE_RATE, CHARGE_RATE = -9, -35, 278
"""Per millisecond: 30 hours standing, 8 driving, 1 to charge."""

Passed = Callable[[str, str], None]
"""Told which node or edge it has come onto, and which it has left for it."""


class Body:
    """Stands at `node`, or is somewhere on `lane`. Even speed; starting and stopping cost v / 2a each, as they do."""

    def __init__(self, agenda: Agenda, home: Spot, arrived: Callable[[], None], passed: Passed) -> None:
        self.node: Spot = home
        """Where it is, or was last."""
        self.lane: Lane | None = None
        self.moving = False
        self.speed_mm_s = 0
        self.charging = False
        self._agenda = agenda
        self._arrived = arrived
        self._passed = passed
        self._heading = 0.0
        self._ticket: Ticket | None = None
        self._leg_ms = self._done_ms = self._since_ms = 0
        self._charge = FULL
        self._charge_ms = agenda.now_ms

    # Driving

    def set_out(self, lane: Lane, speed_mm_s: int, *, stops: bool) -> None:
        """Leave the node for a lane; `stops` when it will stand still at the end of it."""
        ramps = (self.speed_mm_s == 0) + stops
        reached = math.isqrt(2 * ACCELERATION_MM_S2 * lane.length_mm // ramps) if ramps else speed_mm_s
        self.speed_mm_s = max(1, min(speed_mm_s, reached))
        self.lane, self._heading = lane, lane.heading
        self._leg_ms = max(1, lane.length_mm * 1000 // self.speed_mm_s + ramps * self._ramp_ms())
        self._done_ms = 0
        self._passed(lane.edge_id, self.node.node_id)
        self._roll()

    def halt(self) -> None:
        """Stand still on the lane."""
        if self.moving:
            self._done_ms += self._agenda.now_ms - self._since_ms
            self._stop()

    def go_on(self) -> None:
        """Drive on along the lane, from a standstill."""
        if self.lane is not None and not self.moving:
            self._leg_ms += self._ramp_ms()
            self._roll()

    def stand(self) -> None:
        """It does not drive through the node it has come to."""
        if not self.moving:
            self.speed_mm_s = 0

    def put(self, spot: Spot) -> None:
        """A person drives it to a node by hand."""
        self.halt()
        if self.lane is None and self.node is spot:
            return
        left = self.lane.edge_id if self.lane is not None else self.node.node_id
        self.lane, self.node, self.speed_mm_s = None, spot, 0
        self._passed(spot.node_id, left)

    def _roll(self) -> None:
        self._settle()
        self.moving, self._since_ms = True, self._agenda.now_ms
        self._ticket = self._agenda.at(self._since_ms + self._leg_ms - self._done_ms, self._arrive)

    def _arrive(self) -> None:
        lane = self.lane
        if lane is None:
            raise AssertionError("nobody arrives who has not set out")
        self._stop()
        self.lane, self.node = None, lane.end
        self._passed(lane.end.node_id, lane.edge_id)
        self._arrived()

    def _stop(self) -> None:
        self._settle()
        self.moving = False
        if self._ticket is not None:
            self._ticket.cancel()
            self._ticket = None

    def _ramp_ms(self) -> int:
        return self.speed_mm_s * 1000 // (2 * ACCELERATION_MM_S2)

    # Where it is

    @property
    def past_mm(self) -> int:
        """Driven since the last node."""
        if self.lane is None:
            return 0
        done_ms = self._done_ms + (self._agenda.now_ms - self._since_ms if self.moving else 0)
        return self.lane.length_mm * min(done_ms, self._leg_ms) // self._leg_ms

    @property
    def pose(self) -> tuple[float, float, float, str]:
        """x and y in metres, heading in radians, map."""
        x_mm, y_mm = float(self.node.x_mm), float(self.node.y_mm)
        if self.lane is not None and self.lane.length_mm:
            part = self.past_mm / self.lane.length_mm
            x_mm += (self.lane.end.x_mm - x_mm) * part
            y_mm += (self.lane.end.y_mm - y_mm) * part
        return round(x_mm / 1000, 3), round(y_mm / 1000, 3), self._heading, self.node.map_id

    def turn(self, heading: float) -> None:
        self._heading = math.remainder(heading, math.tau)

    # The battery

    @property
    def percent(self) -> float:
        self._settle()
        return self._charge / (FULL // 100)

    @percent.setter
    def percent(self, value: float) -> None:
        self._settle()
        self._charge = round(value * (FULL // 100))

    def plug(self, *, on: bool) -> None:
        """Charging begins or ends."""
        self._settle()
        self.charging = on

    def _settle(self) -> None:
        """Bring the battery up to date."""
        now_ms = self._agenda.now_ms
        rate = CHARGE_RATE if self.charging else DRIVE_RATE if self.moving else IDLE_RATE
        self._charge = max(0, min(FULL, self._charge + rate * (now_ms - self._charge_ms)))
        self._charge_ms = now_ms
