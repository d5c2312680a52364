"""`edge orders import`: a file through validation into the office's normal door."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.intake.files import Intake, read_orders, write_rejected
from edge.intake.mapping import read_mapping
from edge.intake.send import Door
from edge.intake.tables import read_items
from edge.settings import ConfigError

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of an order file. `accepted` and `refused` are the office's verdicts; empty after a dry run.

    `passed_on` orders went to a process without an OMS, which hands them on and does not know the verdict.
    """

    file: str
    rows: int
    orders: int
    units: int
    rejected_rows: dict[str, int]
    rejected_file: str
    sent: int = 0
    accepted: int = 0
    passed_on: int = 0
    refused: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {name: getattr(self, name) for name in self.__slots__}

    def lines(self) -> list[str]:
        """For people."""
        total = sum(self.rejected_rows.values())
        said = [f"{self.file}: {self.rows} rows, {self.orders} orders, {self.units} units"]
        if total:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.rejected_rows.items())
            said.append(f"{total} rows rejected ({reasons}), each with its reason in {self.rejected_file}")
        if self.sent:
            said.append(f"{self.sent} orders sent, {self.accepted} accepted, {len(self.refused)} refused by the office")
        elif self.orders:
            said.append("nothing was sent (a dry run)")
        else:
            said.append("no order in it; nothing was sent")
        if self.passed_on:
            said.append(f"{self.passed_on} were passed on to the office, which decides about them later")
        for order_id, reason in list(self.refused.items())[:SHOWN_MAX]:
            said.append(f"  {order_id}: {reason}")
        return said


async def import_file(
    file: Path,
    map_file: Path,
    *,
    office: str,
    items: Path | None = None,
    token_file: Path | None = None,
    ca_file: Path | None = None,
    send: bool = True,
) -> Imported:
    """Reads, writes the rejected rows beside the file, sends the rest.

    Raises ConfigError for unusable files, DoorClosed if the office cannot be reached. Sending again is harmless: the
    office answers an order it knows as it did the first time.
    """
    catalogue = {item.sku for item in read_items(items)} if items is not None else None
    intake: Intake = read_orders(file, read_mapping(map_file), catalogue)
    rejected = write_rejected(file, intake)
    refused: dict[str, str] = {}
    verdicts: Counter[str] = Counter()
    if send and intake.orders:
        async with Door(office, token=_token(token_file), ca_file=ca_file) as door:
            for verdict in await door.orders(intake.orders):
                kind = _verdict(verdict)
                verdicts[kind] += 1
                if kind == "refused":
                    reason = f"{verdict.get('reason', '')} {verdict.get('detail', '')}".strip()
                    refused[str(verdict["order_id"])] = reason
    return Imported(
        file=str(file),
        rows=intake.rows,
        orders=len(intake.orders),
        units=intake.units,
        rejected_rows=intake.reasons,
        rejected_file=str(rejected or ""),
        sent=sum(verdicts.values()),
        accepted=verdicts["accepted"],
        passed_on=verdicts["passed on"],
        refused=refused,
    )


def _verdict(verdict: Mapping[str, Any]) -> str:
    if verdict.get("result") == "sent":
        return "passed on"
    return "accepted" if verdict["accepted"] else "refused"


def _token(token_file: Path | None) -> str:
    """The token of a page's token file: what stands behind the colon of its first line. Raises ConfigError."""
    if token_file is None:
        return ""
    try:
        first = token_file.read_text(encoding="utf-8").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise ConfigError([f"{token_file}: cannot be read ({error}); the first line must be name:token"]) from error
    return first.partition(":")[2].strip() or first.strip()
