"""config/* as frozen pydantic models: read once, checked at the door. Knows files, never a running process."""

from edge.settings.fleet import FleetSettings, VehicleSettings
from edge.settings.model import ConfigError
from edge.settings.process import (
    BrokerSettings,
    ClockSettings,
    ForecastSettings,
    LimitSettings,
    PageSettings,
    ProcessSettings,
)
from edge.settings.reading import read_process, read_site
from edge.settings.site import DeviceSettings, LaneSettings, MachineSettings, PollSettings, SiteSettings, TlsSettings
from edge.settings.tags import Tag, read_tags

__all__ = [
    "BrokerSettings",
    "ClockSettings",
    "ConfigError",
    "DeviceSettings",
    "FleetSettings",
    "ForecastSettings",
    "LaneSettings",
    "LimitSettings",
    "MachineSettings",
    "PageSettings",
    "PollSettings",
    "ProcessSettings",
    "SiteSettings",
    "Tag",
    "TlsSettings",
    "VehicleSettings",
    "read_process",
    "read_site",
    "read_tags",
]
