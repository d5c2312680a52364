"""box.yaml and office.yaml as models: one process, the systems it runs, and its walls."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from edge.settings.model import Model, Ms, Name


class BrokerSettings(Model):
    """Where the MQTT broker is. Without a url the demo starts one; a box in production needs it."""

    url: str = Field("", pattern=r"^(mqtts?://[^/]+)?$")
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: int = Field(10, ge=1, le=3600)


class PageSettings(Model):
    """The page people look at; loopback only unless told otherwise."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    """The preferred port; the next free one is taken if it is busy, unless port_fixed."""
    port_fixed: bool = False
    token_file: Path | None = None
    """A file with one token per line, `name:token`; needed as soon as host is not loopback."""
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _closed_by_default(self) -> "PageSettings":
        if self.host not in ("127.0.0.1", "::1", "localhost") and not (self.token_file and self.cert_file):
            raise ValueError("a page beyond loopback needs token_file, cert_file and key_file")
        return self


class DepartureSettings(Model):
    """A departure that repeats every day at `cutoff` (site's local time)."""

    name: Name
    route: Name
    carrier: str
    cutoff: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    site: str = ""
    """Site it leaves from; the office's first site if empty."""


class ClockSettings(Model):
    """The site's clock: real time, or (demo) a faster one. site_ms = start_site_ms + (now - start_wall_ms) * speed."""

    speed: int = Field(1, ge=1, le=100)
    start_wall_ms: int = 0
    start_site_ms: int = 0


class LimitSettings(Model):
    inbox_max: int = Field(10_000, ge=10)
    """Events waiting to be decided; senders wait beyond it."""
    batch_max: int = Field(200, ge=1)
    """Events decided and committed together."""
    snapshot_every: int = Field(20_000, ge=100)
    """Journal entries between two snapshots: bounds what a start after a crash has to replay."""
    keep_days: int = Field(30, ge=1)
    """Journal entries older than this and before the last snapshot are dropped at start."""


class ForecastSettings(Model):
    """How often and how finely the box looks ahead."""

    every_ms: Ms = 20_000
    """Wall time from one forecast to the next; 0 = none."""
    futures: int = Field(48, ge=8, le=1000)
    """Simulated futures for each; the interval of a risk shrinks with the root of them."""


class ProcessSettings(Model):
    """box.yaml or office.yaml: one process, the systems it runs, and its walls."""

    schema_: Literal["edge/process/1"] = Field(alias="schema")
    name: Name
    systems: tuple[Literal["oms", "wms", "wes"], ...] = Field(min_length=1)
    site: Path | None = None
    """site.yaml; needed by a process that runs wms or wes."""
    peers: dict[Name, tuple[Literal["oms", "wms", "wes"], ...]] = {}
    """The other processes and what they run; a box is named by its site, the office is `office`."""
    enterprise: Name = "acme"
    data: Path
    """Directory of the journal and of what the process leaves behind."""
    broker: BrokerSettings = BrokerSettings()
    page: PageSettings | None = None
    clock: ClockSettings = ClockSettings()
    limits: LimitSettings = LimitSettings()
    forecast: ForecastSettings = ForecastSettings()
    departures: tuple[DepartureSettings, ...] = ()
    departures_days: int = Field(2, ge=1, le=30)
    """How many days ahead the timetable is laid out."""
    departures_file: Path | None = None
    """A JSON list of dated departures (written by the demo and by plc-sim day)."""
    process_ms: Ms = 3_600_000
    """Time a site needs from release to loaded for a typical order."""
    slack_ms: Ms = 600_000
    items_file: Path | None = None
    """CSV of the catalogue: sku,description,volume_ml,weight_g,robot,skill,face_min,face_max."""
    stock_file: Path | None = None
    """CSV of the opening stock: sku,location,lot,expiry,quantity; taken once into an empty ledger."""
    require_compiled: bool = False
    """Refuse to start with the uncompiled core."""

    @model_validator(mode="after")
    def _needs_a_site(self) -> "ProcessSettings":
        if {"wms", "wes"} & set(self.systems) and self.site is None:
            raise ValueError("a process that runs wms or wes needs site: the path of site.yaml")
        if self.stock_file is not None and self.items_file is None:
            raise ValueError("stock_file needs items_file beside it: an article must be known before its stock")
        taken = [s for s in self.systems for p in self.peers.values() if s in p and s != "wms" and s != "wes"]
        if taken:
            raise ValueError(f"{taken[0]} runs here and at a peer: one writer per system")
        return self
