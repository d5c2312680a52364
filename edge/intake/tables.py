"""The CSV tables of a site: catalogue, opening stock, and (for a simulated site) what really lies on the shelves."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from edge.intake.files import ID_MAX, ROWS_MAX
from edge.messages import Item, StockLine
from edge.settings import ConfigError

FINDINGS_MAX = 50
UNITS_MAX = 100_000_000


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of a table. `read` turns a cell into a value or raises ValueError with what is wrong and the remedy.

    `default` is for an empty cell or a missing column; None = both are refused.
    """

    name: str
    read: Callable[[str], Any]
    default: Any = None


def _name(text: str) -> str:
    if len(text) > ID_MAX or not text.isprintable():
        raise ValueError(f"{text[:20]!r}... is no name; write at most {ID_MAX} printable characters")
    return text


def _text(text: str) -> str:
    return text


def _whole(at_least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and at_least <= int(text[:12]) <= UNITS_MAX) or len(text) > 12:
            raise ValueError(f"{text[:20]!r} is not a whole number from {at_least} to {UNITS_MAX}; write one")
        return int(text)

    return read


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false"):
        raise ValueError(f"{text[:20]!r} is neither 1 nor 0; write one of them")
    return text.lower() in ("1", "true")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError(f"{text[:20]!r} is not a date; write it as 2026-12-31, or nothing") from error


ITEM_COLUMNS = (
    _Column("sku", _name),
    _Column("description", _text, ""),
    _Column("volume_ml", _whole(1), 500),
    _Column("weight_g", _whole(1), 200),
    _Column("robot", _flag, default=False),
    _Column("skill", _name, ""),
    _Column("face_min", _whole(0), 0),
    _Column("face_max", _whole(0), 0),
)
STOCK_COLUMNS = (
    _Column("sku", _name),
    _Column("location", _name),
    _Column("lot", _name, ""),
    _Column("expiry", _day, ""),
    _Column("quantity", _whole(1)),
)
PHYSICAL_COLUMNS = (_Column("sku", _name), _Column("location", _name), _Column("quantity", _whole(0)))
Columns = tuple[_Column, ...]


@dataclass(frozen=True, slots=True)
class Seed:
    """A catalogue, the opening stock in the book, and (sku, location, units) as they really lie on the shelves."""

    items: tuple[Item, ...]
    stock: tuple[StockLine, ...]
    physical: tuple[tuple[str, str, int], ...]


def write_seed(directory: Path, seed: Seed) -> None:
    """items.csv, stock.csv and physical.csv in `directory`, which is made if need be. Raises ConfigError."""
    items = [
        (i.sku, i.description, i.volume_ml, i.weight_g, int(i.robot), i.skill, i.face_min, i.face_max)
        for i in seed.items
    ]
    stock = [(s.sku, s.location, s.lot, s.expiry, s.quantity) for s in seed.stock]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write(directory / "items.csv", ITEM_COLUMNS, items)
        _write(directory / "stock.csv", STOCK_COLUMNS, stock)
        _write(directory / "physical.csv", PHYSICAL_COLUMNS, seed.physical)
    except OSError as error:
        raise ConfigError([f"{directory}: {error.strerror}; name a directory that can be written to"]) from error


def read_items(path: Path) -> tuple[Item, ...]:
    """A catalogue. Raises ConfigError naming file, line, field and remedy for every bad row."""
    return tuple(Item(**row) for row in _read(path, ITEM_COLUMNS, ("sku",)))


def read_stock(path: Path) -> tuple[StockLine, ...]:
    """An opening stock. Raises ConfigError naming file, line, field and remedy for every bad row."""
    return tuple(StockLine(**row) for row in _read(path, STOCK_COLUMNS, ("sku", "location", "lot")))


def read_physical(path: Path) -> tuple[tuple[str, str, int], ...]:
    """What really lies where. Raises ConfigError naming file, line, field and remedy for every bad row."""
    rows = _read(path, PHYSICAL_COLUMNS, ("sku", "location"))
    return tuple((row["sku"], row["location"], row["quantity"]) for row in rows)


def _write(path: Path, columns: Columns, rows: Iterable[tuple[object, ...]]) -> None:
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(column.name for column in columns)
        table.writerows(rows)
    fresh.replace(path)


def _read(path: Path, columns: Columns, key: tuple[str, ...]) -> list[dict[str, Any]]:
    """Every row of the table by column; no two rows have the same `key`."""
    rows: list[dict[str, Any]] = []
    findings: list[str] = []
    seen: dict[tuple[str, ...], int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file, strict=True)
            header = next(table, [])
            findings += [f"{path}:1: {problem}" for problem in _header_problems(header, columns)]
            for cells in () if findings else table:
                if len(findings) >= FINDINGS_MAX or len(rows) >= ROWS_MAX:
                    findings.append(f"{path}:{table.line_num}: (row): too much to go on; reading stopped here")
                    break
                if not cells:
                    continue
                row, problems = _row(header, cells, columns)
                name = tuple(str(row.get(part)) for part in key)
                if not problems and name in seen:
                    problems = [f"{'+'.join(key)}: is on line {seen[name]} already; drop one of the two"]
                findings += [f"{path}:{table.line_num}: {problem}" for problem in problems]
                seen.setdefault(name, table.line_num)
                rows.append(row)
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; give the path of an existing file"]) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([f"{path}: not a UTF-8 CSV file: {error}; save it as UTF-8 CSV"]) from error
    if findings:
        raise ConfigError(findings)
    return rows


def _header_problems(header: list[str], columns: Columns) -> Iterator[str]:
    full = ",".join(column.name for column in columns)
    for column in columns:
        times = header.count(column.name)
        if times > 1 or (not times and column.default is None):
            yield f"{column.name}: column stands {times} times in the header; the header is {full}"
    known = {column.name for column in columns}
    for name in header:
        if name not in known:
            yield f"{name[:40]}: unknown column; the header is {full}"


def _row(header: list[str], cells: list[str], columns: Columns) -> tuple[dict[str, Any], list[str]]:
    """The values of one row, and what is wrong with it."""
    if len(cells) != len(header):
        return {}, [f"(row): {len(cells)} columns, the header has {len(header)}; put quotes around cells with a comma"]
    given = dict(zip(header, cells, strict=True))
    row: dict[str, Any] = {}
    problems = []
    for column in columns:
        text = given.get(column.name, "")
        try:
            if text:
                row[column.name] = column.read(text)
            elif column.default is not None:
                row[column.name] = column.default
            else:
                problems.append(f"{column.name}: is empty; fill it in")
        except ValueError as error:
            problems.append(f"{column.name}: {error}")
    return row, problems
