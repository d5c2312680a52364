"""site.yaml as models: the building, its machines, and the PLC devices behind them."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from edge.settings.fleet import FleetSettings, VehicleSettings
from edge.settings.model import Model, Ms, Name


class RackSettings(Model):
    """A block of shelving; its locations are `<prefix>-<aisle>-<bay>-<level>`."""

    prefix: Name
    zone: Name
    aisles: int = Field(ge=1, le=99)
    bays: int = Field(ge=1, le=99)
    levels: int = Field(ge=1, le=9)
    x_mm: int
    y_mm: int
    aisle_mm: int = Field(3000, ge=500)
    bay_mm: int = Field(1200, ge=300)
    robot: bool = False
    """The goods stand in reach of the zone's robot; no person goes in."""
    reserve_levels: tuple[int, ...] = ()
    """Levels that hold reserve: goods come down from there to the pick faces, which are all other levels."""


class PlaceSettings(Model):
    """One named spot on the floor."""

    location: Name
    kind: Literal["pack", "dock", "receiving", "home"]
    zone: Name
    x_mm: int
    y_mm: int


class ZoneSettings(Model):
    """A working area and how many handling units may be open in it."""

    zone: Name
    wip_max: int = Field(40, ge=1, le=10_000)
    pack_station: str = ""
    conveyor: str = ""
    station_max: int = Field(0, ge=0, le=10_000)
    """No more units are let in while so many wait for the pack station or are at it; 0 = no limit."""


class LaneSettings(Model):
    lane: int = Field(ge=1, le=32)
    capacity: int = Field(40, ge=1, le=1000)
    routes: tuple[Name, ...] = ()
    alternate_for: tuple[Name, ...] = ()
    pool: bool = False
    """Serves no route of its own: the box gives it to a departure (see lane_by of the sorter) while that needs it."""
    min_gap_ms: int = Field(0, ge=0, le=600_000)
    """At most one unit is sent to the lane in this time, e.g. where it feeds a palletiser; 0 = no limit."""
    x_mm: int = 0
    y_mm: int = 0


class PollSettings(Model):
    """How often the tags of a poll class are read (Modbus), or published (OPC UA)."""

    fast: Ms = 20
    normal: Ms = 250
    slow: Ms = 2000


class TlsSettings(Model):
    """Modbus/TCP Security: both sides show a certificate. PEM files, beside the site file."""

    ca: Path
    """Who signed the device's certificate (or that certificate itself); nothing else is trusted."""
    certificate: Path
    key: Path
    server_name: str = ""
    """The name in the device's certificate, where that is not the host."""


class DeviceSettings(Model):
    """One PLC connection; each machine has its own, so that one dead device never slows another."""

    driver: Literal["modbus", "opcua"]
    tags: Path
    """CSV beside this file: which tags there are, where, and who writes them."""
    host: str = "127.0.0.1"
    port: int = Field(502, ge=1, le=65535)
    """Modbus: 802 unless given when `tls` is set."""
    unit: int = Field(1, ge=0, le=255)
    max_read: int = Field(120, ge=1, le=125)
    max_write: int = Field(120, ge=1, le=123)
    max_gap: int = Field(16, ge=0, le=124)
    """Modbus: registers nobody asked for that one read may carry along to save a request."""
    functions: tuple[Literal[1, 2, 3, 4, 5, 6, 15, 16, 22, 23], ...] = (1, 2, 3, 4, 5, 6, 15, 16)
    """Modbus function codes the device knows; 22 (bits of a register) and 23 (write and read in one) are used if so."""
    connections: Literal[1, 2] = 2
    """Modbus: to this host and port, for all devices behind it; with 1 the commands go before the polls."""
    tls: TlsSettings | None = None
    """Modbus/TCP Security instead of plain TCP."""
    url: str = Field("", pattern=r"^(opc\.tcp://.+)?$")
    root: str = ""
    """OPC UA: `nsu=<namespace uri>;s=<path>`, put in front of every tag's node."""
    security: Literal["none", "Basic256Sha256", "Aes256Sha256RsaPss"] = "none"
    pki: Path | None = None
    """Directory with own/ trusted/ issuers/ rejected/, made by `edge pki init`; needed unless security is none."""
    server_host: str = ""
    """OPC UA: the host in the server's certificate, where that is not the one in the url."""
    user: str = ""
    password_file: Path | None = None
    """OPC UA user, with the password in a file only the edge can read; sent encrypted, so security is needed."""
    command_style: Literal["mailbox", "method"] = "mailbox"
    """OPC UA: commands are written into tags, or called as the methods of the machine's MethodSet."""
    insecure: bool = False
    """Must be true to run OPC UA without security: a conscious choice for a simulator or a closed cell network."""
    poll: PollSettings = PollSettings()
    timeout_ms: Ms = 500

    @model_validator(mode="before")
    @classmethod
    def _secure_port(cls, data: Any) -> Any:
        return {"port": 802, **data} if isinstance(data, dict) and data.get("tls") is not None else data

    @model_validator(mode="after")
    def _complete(self) -> "DeviceSettings":
        if self.driver == "opcua" and not (self.url and self.root):
            raise ValueError("an opcua device needs url and root")
        if self.driver == "opcua" and self.security == "none" and not self.insecure:
            raise ValueError("security is none: set security, or insecure: true to accept it")
        if self.security != "none" and self.pki is None:
            raise ValueError("security needs pki: the directory with own/ and trusted/")
        if self.user and (self.password_file is None or self.security == "none"):
            raise ValueError("user needs password_file, and security other than none")
        if self.driver != "opcua" and (self.command_style == "method" or self.user):
            raise ValueError("command_style method and user are for opcua")
        if self.driver == "opcua" and self.tls is not None:
            raise ValueError("tls is for modbus; an opcua device has security and pki")
        return self


class MachineSettings(Model):
    machine_id: Name
    kind: Name
    """A row of the table of machines (`edge schema site` lists them)."""
    zone: str = ""
    device: str
    feeds: str = ""
    on_machine_max: int = Field(40, ge=1, le=1000)
    lanes: tuple[LaneSettings, ...] = ()
    default_lane: int = 0
    hospital_lane: int = 0
    max_recirc: int = Field(3, ge=0, le=100)
    speed_mm_s: int = Field(0, ge=0, le=10_000)
    """How fast units run on it; 0 = not given."""
    scanner_to_first_mm: int = Field(0, ge=0, le=1_000_000)
    """Sorter: the way from the scanner to the first lane; with the speed the time there is to decide."""
    decision_ms: Ms = 250
    """So long the PLC waits for a decision; `edge check` compares it with that way."""
    autostart: bool = True
    """Reset and start the machine when it is found stopped; off where the start button belongs to people."""
    lane_by: Literal["departure", "wave", "order"] = "departure"
    """What one pool lane of a sorter holds: a departure, all departures of one cutoff, or a single order."""
    cycle_ms: Ms = 0
    """Nominal: one cycle, without the units of a robot's job; 0 = not known. For OEE, and for what takes too long."""
    unit_ms: Ms = 0
    """Nominal: so much more for each unit of a robot's job."""
    sim: dict[str, int | str] = {}
    """Only for plc-sim: lengths, speeds and cycle times of the simulated machine."""


class SegmentSettings(Model):
    """A stretch of conveyor between two ends: machines, pack stations, or lane locations such as sorter1/L12.

    For a node with segments here nothing follows from `feeds` or `lanes` any more. A lane with a segment leads on to
    another machine: units for routes of a sorter behind it go that way.
    """

    start: str = Field(min_length=1)
    end: str = Field(min_length=1)
    length_mm: int = Field(10_000, ge=1, le=10_000_000)
    speed_mm_s: int = Field(600, ge=1, le=10_000)
    capacity: int = Field(0, ge=0, le=10_000)
    """No more units are let in behind it while so many are on it; 0 = no limit."""


class TuningSettings(Model):
    """What the dispatch weighs against what; the defaults come from the scenarios of `./run scenarios`."""

    slack_nat_ms: int = Field(180_000, ge=1_000, le=86_400_000)
    """So much more slack makes a task 2.7 times less urgent."""
    travel_nat_ms: int = Field(10_000, ge=1_000, le=86_400_000)
    """So much more walking does the same."""
    tolerance_ms: int = Field(0, ge=0, le=86_400_000)
    """How long after its latest start a task still aims at its departure before it aims at the next one."""
    margin_permille: int = Field(1000, ge=0, le=10_000)
    """Busy hands may be free so much of the work they have in hand later than thought; more for heavier tasks."""
    wait_permille: int = Field(400, ge=0, le=10_000)
    """Waiting for busy hands costs so much of what walking as long would."""
    haste_permille: int = Field(800, ge=0, le=10_000)
    """That a task without slack waits costs so much more; half of it for every slack_nat_ms of slack, and less where
    open tasks are more than hands."""


class SiteSettings(Model):
    """site.yaml: the building, its machines and their PLCs. Read by the box, by plc-sim and by edge check."""

    schema_: Literal["edge/site/1"] = Field(alias="schema")
    enterprise: Name
    site: Name
    timezone: str
    sscc_prefix: str = Field(pattern=r"^\d{8,11}$")
    """GS1 extension digit followed by the company prefix."""
    hu_max_ml: int = Field(40_000, ge=1)
    hu_max_g: int = Field(20_000, ge=1)
    hu_max_units: int = Field(120, ge=1)
    walk_mm_s: int = Field(1200, ge=100)
    trip_units: int = Field(1, ge=1, le=20)
    """Handling units one person fills on one walk, as many as the cart carries."""
    face_max: int = Field(60, ge=1, le=1_000_000)
    """Units of an article its pick faces are filled up to (items.csv may say it by article)."""
    face_min_percent: int = Field(30, ge=0, le=100)
    """They are refilled when less than this share of that can be picked there."""
    dispatch: Literal["rolling", "atcs", "nearest", "edd", "fifo"] = "rolling"
    dispatch_tuning: TuningSettings = TuningSettings()
    racks: tuple[RackSettings, ...]
    places: tuple[PlaceSettings, ...]
    zones: tuple[ZoneSettings, ...]
    machines: tuple[MachineSettings, ...] = ()
    segments: tuple[SegmentSettings, ...] = ()
    """Only where the conveyors run otherwise than feeds and lanes say, or hold only so many units."""
    devices: dict[Name, DeviceSettings] = {}
    vehicles: tuple[VehicleSettings, ...] = ()
    fleet: FleetSettings | None = None

    def path_of(self, machine: MachineSettings) -> str:
        """The equipment hierarchy of ISA-95: enterprise/site/area/unit; the area is the machine's zone."""
        return "/".join((self.enterprise, self.site, machine.zone or "floor", machine.machine_id))
