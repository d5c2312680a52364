"""The checks in their order, and the run: one machine, one wire, one line per check."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.settings import Tag
from plc_sim.conformance import cell, header, scanning
from plc_sim.conformance.host import Failed, Host, Skipped, Wishes
from plc_sim.conformance.wire import ModbusWire, Wire, WireError

Check = Callable[[Host], Awaitable[str]]
PROFILES = ("sorter", "conveyor", "robot")

_HEADER: tuple[tuple[str, Check], ...] = (
    ("map id", header.map_id),
    ("all tags", header.all_tags),
    ("boot count", header.boot_count),
    ("heartbeat", header.heartbeat),
    ("one writer", header.one_writer),
    ("host online", header.host_online),
    ("fallback", header.goes_offline),
    ("unknown command", header.unknown_command),
    ("same number", header.same_number),
    ("taken back", header.taken_back),
    ("late number", header.late_number),
    ("wrong state", header.wrong_state),
    ("start", header.start),
    ("re-arm", header.rearm),
)
_SCANNING: tuple[tuple[str, Check], ...] = (
    ("decision", scanning.decided),
    ("foreign decision", scanning.foreign_decision),
    ("no answer", scanning.no_decision),
    ("no such lane", scanning.no_such_lane),
)
_CELL: tuple[tuple[str, Check], ...] = (
    ("job", cell.job),
    ("same job", cell.same_job),
    ("late job", cell.late_job),
    ("no job", cell.no_job),
    ("bad slot", cell.bad_slot),
    ("unknown job", cell.unknown_job),
    ("second job", cell.while_busy),
)
_LAST: tuple[tuple[str, Check], ...] = (("stop", header.stop),)
CHECKS: dict[str, tuple[tuple[str, Check], ...]] = {
    "sorter": (*_HEADER, *_SCANNING, *_LAST),
    "conveyor": (*_HEADER, *_SCANNING, *_LAST),
    "robot": (*_HEADER, *_CELL, *_LAST),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check: pass, FAIL or skip; `asks` is what the interface asks for here."""

    name: str
    verdict: str
    text: str
    asks: str


def wire_of(against: str, unit: int, root: str, tags: Sequence[Tag]) -> Wire:
    """HOST:PORT for Modbus TCP, opc.tcp://... for OPC UA. Raises ValueError."""
    if against.startswith("opc.tcp://"):
        if not (root.startswith("nsu=") and ";s=" in root):
            raise ValueError("OPC UA needs --root 'nsu=<namespace uri>;s=<path>' of the machine")
        from plc_sim.conformance.opcua import OpcUaWire  # takes a while to import

        return OpcUaWire(against, root, tags)
    host, _, port = against.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError(f"{against!r} is neither HOST:PORT (Modbus) nor opc.tcp://HOST:PORT (OPC UA)")
    return ModbusWire(host, int(port), unit, tags)


def tags_of(profile: str, against: str, config: Path) -> Path:
    """The tag table that comes with a profile. Raises ValueError where there is none."""
    path = config / "tags" / f"{profile}_{'opcua' if against.startswith('opc.tcp://') else 'modbus'}.csv"
    if not path.exists():
        raise ValueError(f"there is no {path.name}; give the tag table of the machine with --tags")
    return path


async def run(
    wire: Wire,
    tags: Sequence[Tag],
    profile: str,
    wishes: Wishes,
    say: Callable[[Verdict], None],
    only: Collection[str] = (),
) -> list[Verdict]:
    """The checks of the profile (or only some), one after the other. Raises WireError if there is nobody at all."""
    verdicts: list[Verdict] = []
    await wire.open()
    try:
        host = Host(wire, tags, profile, wishes)
        async with asyncio.TaskGroup() as group:
            heart = group.create_task(host.beat())
            for name, check in (row for row in CHECKS[profile] if not only or row[0] in only):
                verdict, text = await _one(host, check)
                verdicts.append(Verdict(name, verdict, text, (check.__doc__ or "").strip()))
                say(verdicts[-1])
            heart.cancel()
    finally:
        await wire.close()
    return verdicts


async def _one(host: Host, check: Check) -> tuple[str, str]:
    try:
        return "pass", await check(host)
    except Failed as failed:
        return "FAIL", str(failed)
    except Skipped as skipped:
        return "skip", str(skipped)
    except WireError as lost:
        return "FAIL", f"the connection ended the check: {lost}"
    except KeyError as missing:
        return "FAIL", f"the tag table has no {missing.args[0]}"
