"""The live picture as plain rows: what is saved, sent to the page process, and shown. Every table has a limit."""

from dataclasses import dataclass, field

from edge.messages import Site, Task

UNITS_MAX = 1000
OPEN_ORDERS_MAX = 5000
CLOSED_ORDERS_MAX = 500
SHOWN_ORDERS_MAX = 500
DEPARTURES_MAX = 600
PEOPLE_MAX = 500
TASKS_EACH_MAX = 10
ALARMS_MAX = 200
NEWS_MAX = 200
PEERS_MAX = 50
MACHINES_MAX = 200
LANES_MAX = 1000
ZONES_MAX = 500
TEXT_MAX = 300
ID_MAX = 100
PULSE_BUCKETS = 48
PULSE_MS = 600_000


@dataclass(slots=True)
class MachineRow:
    """`*_ms` are learned: how long a unit is on the belt, in the infeed, on a round of the sorter."""

    machine_id: str
    kind: str
    zone: str = ""
    state: str = "UNKNOWN"
    link: str = "unknown"
    since_ms: int = 0
    reason: str = ""
    flow: str = ""
    time: str = "unknown"
    timed_ms: int = 0
    """Since then its time is `time`; `spent_ms` are the times before, by category, since the picture began."""
    spent_ms: dict[str, int] = field(default_factory=dict)
    job: str = ""
    jobs_done: int = 0
    belt_ms: int = 12_000
    infeed_ms: int = 2_000
    round_ms: int = 30_000


@dataclass(slots=True)
class ZoneRow:
    """A conveyor zone in trouble, or told to keep its unit; `fault` is "" for the latter."""

    machine_id: str
    zone: int
    fault: str
    since_ms: int


@dataclass(slots=True)
class LaneRow:
    machine_id: str
    lane: int
    capacity: int = 0
    routes: list[str] = field(default_factory=list)
    role: str = ""
    holder: str = ""
    enabled: bool = True
    full: bool = False
    jam: bool = False
    almost_full: bool = False
    rate_limited: bool = False
    count: int = 0
    lane_ms: int = 7_000


@dataclass(slots=True)
class UnitRow:
    """A handling unit between packing and loading.

    `at`: packed | belt | exit | infeed | sorter | round | lane | missing; since `since_ms`.
    """

    hu_id: str
    at: str = "packed"
    since_ms: int = 0
    machine_id: str = ""
    lane: int = 0
    tracking_id: int = 0
    order_id: str = ""
    departure_id: str = ""
    route: str = ""
    units: int = 0
    staged: bool = False
    result: str = ""
    reason: str = ""


@dataclass(slots=True)
class Assignment:
    task: Task
    reason: str
    since_ms: int
    started: bool = False


@dataclass(slots=True)
class PersonRow:
    """A person or a robot; `tasks` in the order they were given, the first is the current one."""

    person_id: str
    kind: str
    skills: list[str] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)
    location: str = ""
    since_ms: int = 0
    done: int = 0
    paused: bool = False
    """A vehicle that waits for somebody to let it go on."""
    tasks: list[Assignment] = field(default_factory=list)


@dataclass(slots=True)
class OrderRow:
    """`units` to come from the site, of them `picked`, `packed` and `loaded`; `hus` packed, `hus_loaded`."""

    order_id: str
    status: str = "captured"
    at_ms: int = 0
    customer: str = ""
    route: str = ""
    priority: int = 5
    departure_id: str = ""
    due_ms: int = 0
    lines: int = 0
    units: int = 0
    picked: int = 0
    packed: int = 0
    loaded: int = 0
    short: int = 0
    hus: int = 0
    hus_loaded: int = 0
    rolled: int = 0
    holds: list[str] = field(default_factory=list)
    reason: str = ""


@dataclass(slots=True)
class DepartureRow:
    """Units are pieces of goods, hus are handling units; each counts all that came at least that far."""

    departure_id: str
    site: str = ""
    route: str = ""
    carrier: str = ""
    cutoff_ms: int = 0
    orders: int = 0
    units: int = 0
    units_packed: int = 0
    units_staged: int = 0
    units_loaded: int = 0
    hus_packed: int = 0
    hus_staged: int = 0
    hus_loaded: int = 0
    closed_ms: int = 0
    left_behind: int = 0
    missed: int = -1


@dataclass(slots=True)
class AlarmRow:
    """Active until `cleared_ms`; leaves the list when it is both cleared and acknowledged (ISA-18.2)."""

    alarm_id: str
    source: str
    priority: int
    text: str
    action: str
    raised_ms: int
    cleared_ms: int = 0
    acknowledged_by: str = ""
    acknowledged_ms: int = 0


@dataclass(slots=True)
class NewsRow:
    """One line of the ticker; `level` is "" for the normal, "warn" for what is not."""

    n: int
    at_ms: int
    kind: str
    text: str
    level: str = ""
    about: str = ""


@dataclass(slots=True)
class PeerRow:
    peer: str
    online: bool
    since_ms: int


@dataclass(slots=True)
class OfficeRow:
    sites: list[str]
    process_ms: int
    slack_ms: int


@dataclass(slots=True)
class State:
    """Everything the picture consists of. `tracks` maps "machine:tracking id" to the unit a PLC speaks of."""

    now_ms: int = 0
    messages: int = 0
    site: Site | None = None
    office: OfficeRow | None = None
    machines: dict[str, MachineRow] = field(default_factory=dict)
    lanes: dict[str, LaneRow] = field(default_factory=dict)
    zones: dict[str, ZoneRow] = field(default_factory=dict)
    units: dict[str, UnitRow] = field(default_factory=dict)
    tracks: dict[str, str] = field(default_factory=dict)
    people: dict[str, PersonRow] = field(default_factory=dict)
    orders: dict[str, OrderRow] = field(default_factory=dict)
    closed: dict[str, OrderRow] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    departures: dict[str, DepartureRow] = field(default_factory=dict)
    alarms: dict[str, AlarmRow] = field(default_factory=dict)
    peers: dict[str, PeerRow] = field(default_factory=dict)
    news: list[NewsRow] = field(default_factory=list)
    news_n: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    bucket: int = 0
    pulse: dict[str, list[int]] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)


class Picture:
    """The state under the brush: the folds write here, and say which row they touched."""

    def __init__(self) -> None:
        self.state = State()
        self.touched: dict[str, dict[str, None]] | None = None

    def touch(self, section: str, key: str = "") -> None:
        """This row will be in the next set of changes, if anybody asks for them."""
        if self.touched is not None:
            self.touched.setdefault(section, {})[key] = None

    def total(self, name: str, n: int = 1) -> None:
        """Counts since the picture began."""
        self.state.totals[name] = self.state.totals.get(name, 0) + n
        self.touch("totals")

    def drop(self, table: str) -> None:
        """A table was full: said, not hidden."""
        self.state.dropped[table] = self.state.dropped.get(table, 0) + 1
        self.touch("dropped")

    def beat(self, name: str, n: int = 1) -> None:
        """Counts per ten minutes, for the little bars."""
        series = self.state.pulse.get(name)
        if series is None:
            series = self.state.pulse[name] = [0] * PULSE_BUCKETS
        series[-1] += n
        self.touch("pulse")

    def tick(self, now_ms: int) -> None:
        """Site time went on; it never goes back."""
        state = self.state
        if now_ms <= state.now_ms:
            return
        state.now_ms = now_ms
        steps = now_ms // PULSE_MS - state.bucket
        if steps <= 0:
            return
        state.bucket += steps
        for name, series in state.pulse.items():
            state.pulse[name] = (series + [0] * min(steps, PULSE_BUCKETS))[-PULSE_BUCKETS:]
        self.touch("pulse")


def cut(text: str) -> str:
    """Free text, short enough to keep."""
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"
