"""What `plc-sim run` is told: its options, and the stock that lies in the slots."""

import csv
from dataclasses import dataclass
from pathlib import Path

from edge.settings import ConfigError
from plc_sim.troubles import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    seed: int = 1
    speed: int = 1
    clock_wall_ms: int = 0
    clock_site_ms: int = 0
    people: int = 0
    box_url: str = ""
    physical: Path | None = None
    actuations: Path | None = None
    data: Path | None = None
    certificates: tuple[str, ...] = ()
    control: Path | None = None
    """The socket by which faults are had while it runs."""
    faults: Rate | None = None
    """Faults from a seed."""


def read_physical(path: Path) -> dict[tuple[str, str], int]:
    """What lies where before the day: a CSV with sku, location, quantity. Raises ConfigError."""
    physical: dict[tuple[str, str], int] = {}
    findings = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                sku, location, quantity = (row.get(name) or "" for name in ("sku", "location", "quantity"))
                if sku and location and quantity.isdecimal():
                    physical[location, sku] = physical.get((location, sku), 0) + int(quantity)
                else:
                    findings.append(f"{path}:{line}: expected sku, location and a whole quantity")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        findings.append(f"{path}: cannot be read as a UTF-8 CSV file: {error}")
    if findings:
        raise ConfigError(findings[:20])
    return physical
