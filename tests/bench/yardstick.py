"""What every benchmark measures with: percentiles, rows of the table, the bare disk, and a settled collector."""

import contextlib
import gc
import json
import math
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from edge import wes
from edge.page.figures import Figures

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, the limit beside it, and measured / limit."""

    what: str
    measured: str
    limit: str
    ratio: float


def machine() -> dict[str, Any]:
    """Where the figures come from: cores, Python, and whether the core is compiled."""
    return {"cores": os.cpu_count() or 0, "python": platform.python_version(), "core": wes.CORE}


def canonical(results: Sequence[dict[str, Any]]) -> str:
    """One object, or a list of them when several ran; sorted keys, no spaces."""
    whole = results[0] if len(results) == 1 else list(results)
    return json.dumps(whole, sort_keys=True, separators=(",", ":")) + "\n"


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; 0.0 if there is nothing."""
    last = sorted(values)
    return float(last[math.ceil(len(last) * share) - 1]) if last else 0.0


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """p50, p99, p99.9 and the largest."""
    shares = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999, "max": 1.0}
    return {name: round(percentile(values, share), digits) for name, share in shares.items()}


def ratio(measured: float, limit: float) -> float:
    """measured / limit with three significant places kept."""
    return float(f"{measured / limit:.3g}") if limit > 0 else 0.0


@contextlib.contextmanager
def settled_collector() -> Iterator[None]:
    """The garbage collector as the box sets it once it is ready; as it was afterwards."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class EveryTime(Figures):
    """Keeps every measured time, not only the last ones."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, list[int]] = {}

    def time_us(self, name: str, value: int) -> None:
        self.kept.setdefault(name, []).append(value)


class BareFile:
    """The limit of every journal: bytes appended to a file, on disk when `append` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __enter__(self) -> "BareFile":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def append(self, body: bytes) -> float:
        """Microseconds one append took."""
        started = perf_counter_ns()
        os.write(self._file, body)
        os.fdatasync(self._file)
        return (perf_counter_ns() - started) / 1000
