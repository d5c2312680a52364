"""site.yaml as models: the building, its machines, and the PLC devices behind them."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

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


class DeviceSettings(Model):
    """One PLC connection; each machine has its own, so that one dead device never slows another."""

    driver: Literal["modbus", "opcua"]
    tags: Path
    """CSV beside this file: which tags there are, where, and who writes them."""
    host: str = "127.0.0.1"
    port: int = Field(502, ge=1, le=65535)
    unit: int = Field(1, ge=0, le=255)
    max_read: int = Field(120, ge=1, le=125)
    max_write: int = Field(120, ge=1, le=123)
    url: str = Field("", pattern=r"^(opc\.tcp://.+)?$")
    root: str = ""
    """OPC UA: `nsu=<namespace uri>;s=<path>`, put in front of every tag's node."""
    security: Literal["none", "Basic256Sha256", "Aes256Sha256RsaPss"] = "none"
    pki: Path | None = None
    """Directory with own/ trusted/; needed unless security is none."""
    insecure: bool = False
    """Must be true to run OPC UA without security: a conscious choice for a simulator or a closed cell network."""
    poll: PollSettings = PollSettings()
    timeout_ms: Ms = 500

    @model_validator(mode="after")
    def _complete(self) -> "DeviceSettings":
        if self.driver == "opcua" and not (self.url and self.root):
            raise ValueError("an opcua device needs url and root")
        if self.driver == "opcua" and self.security == "none" and not self.insecure:
            raise ValueError("security is none: set security, or insecure: true to accept it")
        if self.security != "none" and self.pki is None:
            raise ValueError("security needs pki: the directory with own/ and trusted/")
        return self


class MachineSettings(Model):
    machine_id: Name
    kind: Literal["conveyor", "sorter", "robot"]
    zone: str = ""
    device: str
    feeds: str = ""
    on_machine_max: int = Field(40, ge=1, le=1000)
    lanes: tuple[LaneSettings, ...] = ()
    default_lane: int = 0
    hospital_lane: int = 0
    max_recirc: int = Field(3, ge=0, le=100)
    autostart: bool = True
    """Reset and start the machine when it is found stopped; off where the start button belongs to people."""
    lane_by: Literal["departure", "wave", "order"] = "departure"
    """What one pool lane of a sorter holds: a departure, all departures of one cutoff, or a single order."""
    sim: dict[str, int | str] = {}
    """Only for plc-sim: lengths, speeds and cycle times of the simulated machine."""


class TuningSettings(Model):
    """What the dispatch weighs against what; the defaults come from the scenarios of `./run scenarios`."""

    slack_nat_ms: int = Field(120_000, ge=1_000, le=86_400_000)
    """So much more slack makes a task 2.7 times less urgent."""
    travel_nat_ms: int = Field(30_000, ge=1_000, le=86_400_000)
    """So much more walking does the same."""
    tolerance_ms: int = Field(0, ge=0, le=86_400_000)
    """How long after its latest start a task still aims at its departure before it aims at the next one."""
    margin_permille: int = Field(100, ge=0, le=10_000)
    """Busy hands count as free so much of their remaining work later than they should be."""
    wait_permille: int = Field(1000, ge=0, le=10_000)
    """Waiting for busy hands costs so much of what walking as long would."""


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
    dispatch: Literal["rolling", "atcs", "nearest", "edd", "fifo"] = "rolling"
    dispatch_tuning: TuningSettings = TuningSettings()
    racks: tuple[RackSettings, ...]
    places: tuple[PlaceSettings, ...]
    zones: tuple[ZoneSettings, ...]
    machines: tuple[MachineSettings, ...] = ()
    devices: dict[Name, DeviceSettings] = {}
