"""Who works on the floor: a sensible split of so many people over zones and kinds of task, every kind covered."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.settings import SiteSettings

EVERYTHING = ("pick", "pack", "load", "carry", "putaway", "replenish")
CREW_MIN = 4
"""Fewer people than this all do everything."""
PACKERS_FROM = 6
TWO_PACKERS_FROM = 12


@dataclass(frozen=True, slots=True)
class Worker:
    """A person as they sign on."""

    name: str
    skills: tuple[str, ...]
    zones: tuple[str, ...]
    location: str


def roster(site: SiteSettings, count: int, certificates: Sequence[str] = ()) -> list[Worker]:
    """Pickers and packers by zone, loaders for all zones; every other picker holds the certificates."""
    homes = [place.location for place in site.places if place.kind == "home"]
    home = homes[0] if homes else ""
    zones = [zone for zone in site.zones if zone.pack_station]
    if count < CREW_MIN or not zones:
        return [Worker(f"worker{n + 1}", (*EVERYTHING, *certificates), ("*",), home) for n in range(count)]
    loaders = max(1, count * 3 // 10)
    crew = [Worker(f"loader{n + 1}", ("load", "carry", "putaway", "replenish"), ("*",), home) for n in range(loaders)]
    packers = 2 if count >= TWO_PACKERS_FROM else 1 if count >= PACKERS_FROM else 0
    for zone in zones:
        names = [f"packer-{zone.zone}{n + 1}" for n in range(packers)]
        crew += [Worker(name, ("pack",), (zone.zone,), zone.pack_station) for name in names]
    docks = tuple(zone.zone for zone in site.zones if not zone.pack_station)
    places = sum(zone.wip_max for zone in zones)
    pickers = [0] * len(zones)
    for _ in range(max(0, count - len(crew))):
        short = max(range(len(zones)), key=lambda n: (zones[n].wip_max * (count + 1) // places - pickers[n], -n))
        empty = [n for n in range(len(zones)) if pickers[n] == 0]
        pickers[empty[0] if empty else short] += 1
    for zone, number in zip(zones, pickers, strict=True):
        for n in range(number):
            skills = ("pick", "pack", "carry", "load", *(certificates if n % 2 == 0 else ()))
            crew.append(Worker(f"picker-{zone.zone}{n + 1}", skills, (zone.zone, *docks), zone.pack_station))
    return crew[:count]
