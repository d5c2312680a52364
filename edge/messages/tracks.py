"""Where vehicles drive: nodes, edges, stations, and the vehicles themselves, as the site file has them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackNode:
    """A point vehicles stop at. `charge` marks a charger; `types` are the vehicle types it is for, () = all."""

    node_id: str
    x_mm: int
    y_mm: int
    map_id: str
    theta_mrad: int | None = None
    charge: bool = False
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEdge:
    """A way from one node to another, in this direction only."""

    edge_id: str
    start: str
    end: str
    length_mm: int
    speed_mm_s: int = 0
    """The most that is allowed on it; 0 = no limit of its own."""
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Where handling units of a location are taken from and put down: at any one of its nodes."""

    location: str
    nodes: tuple[str, ...]
    name: str = ""
    kind: str = "FLOOR"
    """Name and type of the station as the vehicles know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One vehicle. It waits at its own `home`, a node no other vehicle ever drives to or over.

    Below `charge_below` percent it charges before it works on, until `charge_enough`; it charges up to `charge_full`
    while it has nothing to do.
    """

    vehicle_id: str
    home: str
    skills: tuple[str, ...] = ("carry",)
    zones: tuple[str, ...] = ("*",)
    type: str = ""
    speed_mm_s: int = 1000
    charge_below: int = 30
    charge_enough: int = 50
    charge_full: int = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The layout and who drives on it. `load_type` is what the vehicles call our handling units."""

    nodes: tuple[TrackNode, ...]
    edges: tuple[TrackEdge, ...]
    stations: tuple[Station, ...]
    vehicles: tuple[Vehicle, ...]
    load_type: str = "TOTE"
    handling_ms: int = 15_000
    """What one pick or drop takes, by estimate."""
    ahead: int = 3
    """So many nodes ahead of a vehicle are reserved for it, if they can be."""
