"""vehicles and fleet of site.yaml: the AGVs, the broker they meet us at, and the layout they drive on."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge.settings.model import Model, Ms, Name
from edge.settings.process import BrokerSettings

NODES_MAX = 5_000
EDGES_MAX = 20_000
Text = Annotated[str, Field(min_length=1, max_length=64)]
Percent = Annotated[int, Field(ge=0, le=100)]


class NodeSettings(Model):
    """A point of the layout; the vehicles must know it by the same id."""

    node_id: Text
    x_mm: int
    y_mm: int
    map_id: str = "floor"
    theta_mrad: int | None = Field(None, ge=-3142, le=3142)
    """Heading in thousandths of a radian; left to the vehicle if not given."""
    charge: bool = False
    """A charger stands here."""
    types: tuple[Text, ...] = ()
    """The vehicle types it is for; none = all."""


class EdgeSettings(Model):
    """A way from one node to another, in this direction only; a lane for both ways is two edges."""

    edge_id: Text
    start: Text
    end: Text
    length_mm: int = Field(0, ge=0)
    """0 = straight from node to node."""
    speed_mm_s: int = Field(0, ge=0)
    """0 = no limit of its own."""
    types: tuple[Text, ...] = ()


class StationSettings(Model):
    """Where units of a location of the site are picked up and put down."""

    location: Text
    """A place, a sorter lane (`sorter1/L03`) or a rack location of this file."""
    nodes: tuple[Text, ...] = Field(min_length=1)
    name: str = ""
    """What the vehicles call it; the location if empty."""
    kind: str = "FLOOR"
    """stationType of the vehicles' pick and drop actions."""


class VehicleSettings(Model):
    """One vehicle that speaks VDA 5050."""

    vehicle_id: Name
    manufacturer: Text
    serial: Text
    version: Literal["2.1", "3.0"] = "2.1"
    home: Text
    """The node it waits at. It is its own: no other vehicle ever drives to it or over it."""
    skills: tuple[Name, ...] = ("carry",)
    zones: tuple[str, ...] = ("*",)
    type: str = ""
    """Its vehicle type in the layout; empty = may use every node and edge."""
    speed_mm_s: int = Field(1000, ge=1)
    charge_below: Percent = 30
    """With less it charges before it takes more work."""
    charge_enough: Percent = 50
    """From here on it may take work again."""
    charge_full: Percent = 90
    """It charges up to here while it has nothing to do."""

    @model_validator(mode="after")
    def _rising(self) -> "VehicleSettings":
        if not self.charge_below <= self.charge_enough <= self.charge_full:
            raise ValueError("charge_below, charge_enough and charge_full must rise")
        if any(sign in self.manufacturer + self.serial for sign in "/+#$"):
            raise ValueError("manufacturer and serial become part of a topic: no / + # $")
        return self


class FleetSettings(Model):
    """The broker of the vehicles and their layout: a LIF file, or nodes, edges and stations written here."""

    broker: BrokerSettings = BrokerSettings()
    """Needed as soon as there are vehicles; may be the one of box.yaml."""
    interface: str = Field("", pattern=r"^[^/+#$]*$")
    """First word of the topics; empty = what the standard suggests: uagv for 2.1, vda5050 for 3.0."""
    layout: Path | None = None
    """A LIF 1.0 file (JSON), beside this file."""
    nodes: tuple[NodeSettings, ...] = Field((), max_length=NODES_MAX)
    edges: tuple[EdgeSettings, ...] = Field((), max_length=EDGES_MAX)
    stations: tuple[StationSettings, ...] = ()
    locations: dict[Text, Text] = {}
    """Station of the LIF file -> location of this site, where they differ."""
    chargers: tuple[Text, ...] = ()
    """Nodes with a charger that the layout does not mark as such (LIF: an action startCharging)."""
    load_type: str = "TOTE"
    """loadType of the vehicles' pick and drop actions."""
    handling_ms: Ms = 15_000
    """What one pick or drop takes, until the site's own times are known."""
    ahead: int = Field(3, ge=1, le=50)
    """So many nodes ahead of a vehicle are reserved for it, if they can be."""

    @model_validator(mode="after")
    def _one_layout(self) -> "FleetSettings":
        if self.layout is not None and (self.nodes or self.edges or self.stations):
            raise ValueError("give either layout or nodes, edges and stations")
        return self

    def topic(self, vehicle: VehicleSettings, name: str) -> str:
        """The topic of one kind of message of a vehicle, e.g. `uagv/v2/acme/7/state`."""
        first = self.interface or {"2.1": "uagv", "3.0": "vda5050"}[vehicle.version]
        return f"{first}/v{vehicle.version[0]}/{vehicle.manufacturer}/{vehicle.serial}/{name}"
