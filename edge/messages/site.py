"""The site as the systems see it, and the events of the process itself; data, so that a journal replays alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.messages.tracks import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Rack:
    """A block of shelving. Locations are `<prefix>-<aisle>-<bay>-<level>`, e.g. "A-03-12-2", counted from 1.

    Aisle a, bay b stands at x_mm + (a-1) * aisle_mm, y_mm + (b-1) * bay_mm; people walk in straight aisles.
    `reserve_levels` hold reserve, from which the pick faces (all other levels) are replenished; nobody picks there
    as long as a face has room.
    """

    prefix: str
    zone: str
    aisles: int
    bays: int
    levels: int
    x_mm: int
    y_mm: int
    aisle_mm: int = 3000
    bay_mm: int = 1200
    robot: bool = False
    reserve_levels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One named spot: a pack station, a dock, a receiving bay. `kind` pack | dock | receiving | home."""

    location: str
    kind: str
    zone: str
    x_mm: int
    y_mm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A working area. At most `wip_max` handling units are open in it at once; packed ones leave on `conveyor`.

    No more are let in while `station_max` of them wait for the pack station or are at it; 0 = no limit.
    """

    zone: str
    wip_max: int
    pack_station: str = ""
    conveyor: str = ""
    station_max: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One lane of a sorter: location `<machine_id>/L<lane:02>`; `routes` it serves, first choice or alternate.

    A `pool` lane serves no route of its own: it is given to those who need one. No two units are sent to a lane within
    `min_gap_ms` (an automatic palletiser takes its time).
    """

    lane: int
    capacity: int
    x_mm: int
    y_mm: int
    routes: tuple[str, ...] = ()
    alternate_for: tuple[str, ...] = ()
    pool: bool = False
    min_gap_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`kind` conveyor | sorter | robot. `feeds` is the machine a conveyor hands over to.

    `on_machine_max` bounds the units that may be on a sorter (or waiting in its infeed) at once. Pool lanes are given
    to the units of one departure, wave (the departures of one cutoff) or order: `lane_by`.
    """

    machine_id: str
    kind: str
    zone: str
    feeds: str = ""
    on_machine_max: int = 40
    lanes: tuple[Lane, ...] = ()
    default_lane: int = 0
    hospital_lane: int = 0
    max_recirc: int = 3
    autostart: bool = True
    lane_by: str = "departure"
    cycle_ms: int = 0
    unit_ms: int = 0
    """Nominal: one cycle, and so much more for each unit of a robot's job; 0 = not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of conveyor from `start` to `end`: machines, pack stations, or lane locations of a sorter.

    `capacity` units run on it at once, 0 = no limit.
    """

    start: str
    end: str
    length_mm: int = 10_000
    speed_mm_s: int = 600
    capacity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`sscc_prefix` is the GS1 company prefix with its extension digit in front (8 to 10 digits)."""

    site: str
    timezone: str
    racks: tuple[Rack, ...]
    places: tuple[Place, ...]
    zones: tuple[Zone, ...]
    machines: tuple[Machine, ...]
    sscc_prefix: str
    hu_max_ml: int = 40_000
    hu_max_g: int = 20_000
    hu_max_units: int = 120
    walk_mm_s: int = 1200
    trip_units: int = 1
    """Handling units one person fills on one walk."""
    segments: tuple[Segment, ...] = ()
    """Conveyors as they really run, where `feeds` and the lanes do not say it all."""
    fleet: Fleet | None = None
    face_max: int = 60
    """Units of an article its pick faces are filled up to; on a site with reserve levels."""
    face_min_percent: int = 30
    """They are refilled when less than this share of that can be picked there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchTuning:
    """What the dispatch weighs against what.

    `slack_nat_ms` of slack, or `travel_nat_ms` of walking, make a task 2.7 times less urgent. A task is given up for
    its departure `tolerance_ms` after its latest start. Busy hands may be `margin_permille` of the work they have in
    hand later than thought, twice, and once more per doubling of a task's weight. Waiting for them costs
    `wait_permille` of walking as long; that a task without slack waits `haste_permille` of it, half of that for every
    `slack_nat_ms` of slack, as much again per doubling of its weight, and less by as much as tasks are more than hands.
    """

    slack_nat_ms: int = 180_000
    travel_nat_ms: int = 10_000
    tolerance_ms: int = 0
    margin_permille: int = 1000
    wait_permille: int = 400
    haste_permille: int = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOpened:
    """First message after every start of a process that runs the WMS or the WES."""

    at_ms: int
    site: Site
    dispatch: str = "rolling"
    tuning: DispatchTuning = DispatchTuning()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeOpened:
    """First message after every start of a process that runs the OMS.

    `process_ms` is the time a site needs from release to loaded, `slack_ms` the safety on top of it.
    `sites` in order of preference.
    """

    at_ms: int
    sites: tuple[str, ...]
    process_ms: int
    slack_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    """The time a system asked to be woken at has come."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerChanged:
    """The other process came (`online`) or went; work released goes on either way."""

    at_ms: int
    peer: str
    online: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSetAside:
    """This event ended the process once and will not be tried again until an operator says so."""

    at_ms: int
    kind: str
    body: str
    error: str


def rack_locations(rack: Rack) -> Iterator[tuple[str, int, int]]:
    """Every (location, x_mm, y_mm) of a rack, in walking order."""
    for aisle in range(1, rack.aisles + 1):
        for bay in range(1, rack.bays + 1):
            for level in range(1, rack.levels + 1):
                name = f"{rack.prefix}-{aisle:02}-{bay:02}-{level}"
                yield name, rack.x_mm + (aisle - 1) * rack.aisle_mm, rack.y_mm + (bay - 1) * rack.bay_mm


def lane_location(machine_id: str, lane: int) -> str:
    """The location where units of a sorter lane come to rest and wait to be loaded."""
    return f"{machine_id}/L{lane:02}"
