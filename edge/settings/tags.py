"""Tag tables: one CSV per device, one row per value of the PLC."""

import csv
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from edge.settings.model import ConfigError, Model

TAGS_MAX = 20_000


class Tag(Model):
    """One row of a tag CSV: a named value of a PLC, where it is, and which side writes it."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]{0,63}$")
    table: Literal["holding", "input", "coil", "discrete", "node"]
    address: int = Field(0, ge=0, le=65535)
    ref: int = 0
    """The address as documents print it (400001 + address); checked against it."""
    node: str = ""
    """OPC UA: path below the device's root."""
    type: Literal[
        "bool", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "string", "bits"
    ]
    count: int = Field(1, ge=1, le=125)
    """Strings: length in bytes. Bit fields: registers; bit n is bit n mod 16 of register n div 16."""
    bit: int | None = Field(None, ge=0, le=15)
    """A bool inside a register: which bit of it, 0 the lowest."""
    word_order: Literal["ABCD", "DCBA", "BADC", "CDAB"] = "ABCD"
    scale: float = 1.0
    unit: str = ""
    access: Literal["r", "w", "rw"] = "r"
    writer: Literal["plc", "wcs"] = "plc"
    poll_class: Literal["fast", "normal", "slow", "ring"] = "normal"
    """`ring` tags are read when the equipment asks for them, not by the clock."""
    description: str = ""
    line: int = Field(0, exclude=True)
    """Where it stands in its CSV."""

    @property
    def words(self) -> int:
        """Registers the tag covers."""
        sizes = {"uint32": 2, "int32": 2, "float32": 2, "uint64": 4, "int64": 4, "float64": 4, "bits": self.count}
        return (self.count + 1) // 2 if self.type == "string" else sizes.get(self.type, 1)

    @property
    def readable(self) -> bool:
        """Whether the device tells its value at all."""
        return self.access != "w"

    @property
    def polled(self) -> bool:
        """Whether it is read by the clock, without being asked for."""
        return self.readable and self.poll_class != "ring"

    @model_validator(mode="after")
    def _consistent(self) -> "Tag":
        base = {"holding": 400_001, "input": 300_001, "discrete": 100_001, "coil": 1}.get(self.table)
        if base is not None and self.ref and self.ref != base + self.address:
            raise ValueError(f"ref {self.ref} does not match address {self.address}: expected {base + self.address}")
        if self.table in ("input", "discrete") and self.writer == "wcs":
            raise ValueError(f"a {self.table} register cannot be written by the wcs")
        if self.table in ("input", "discrete") and self.access != "r":
            raise ValueError(f"access {self.access}: a {self.table} register can only be read; make it r")
        if self.access == "r" and self.writer == "wcs":
            raise ValueError("writer wcs with access r: what we write must be rw, or w where it cannot be read back")
        if self.access == "w" and self.writer == "plc":
            raise ValueError("writer plc with access w: what the PLC writes must be readable; make it r or rw")
        if self.table in ("coil", "discrete") and self.type != "bool":
            raise ValueError(f"type {self.type}: a {self.table} is one bit; make it bool")
        if self.table == "node" and not self.node:
            raise ValueError("a node tag needs its node path")
        if self.bit is not None and (self.type != "bool" or self.table not in ("holding", "input")):
            raise ValueError("bit is for a bool inside a holding or input register; leave it empty")
        if self.type == "bits" and self.count > 8:
            raise ValueError(f"a bit field of {self.count} registers; at most 8 (128 bits) make one tag")
        return self


def read_tags(path: Path) -> tuple[Tag, ...]:
    """The tags of one device. Raises ConfigError naming file and line for every bad row."""
    findings: list[str] = []
    tags: list[Tag] = []
    seen: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            for row in rows:
                number = rows.line_num
                if len(tags) >= TAGS_MAX:
                    raise ConfigError([f"{path}:{number}: more than {TAGS_MAX} tags"])
                given = {key: value for key, value in row.items() if value not in ("", None)}
                try:
                    tag = Tag.model_validate({**given, "line": number})
                except ValidationError as error:
                    findings += [
                        f"{path}:{number}: {'.'.join(map(str, e['loc'])) or '(row)'}: {e['msg']}"
                        for e in error.errors()
                    ]
                    continue
                if tag.name in seen:
                    findings.append(f"{path}:{number}: name: {tag.name} is already on line {seen[tag.name]}")
                seen.setdefault(tag.name, number)
                tags.append(tag)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        findings.append(f"{path}: cannot be read as a UTF-8 CSV file: {error}")
    if findings:
        raise ConfigError(findings)
    return tuple(tags)
