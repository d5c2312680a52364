"""What `edge tags` and `edge doctor` find out about the PLCs of a site. Links are opened for it, and only read."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from edge import equipment, plc
from edge.plc.image import PlcError, ProcessImage, Quality, Reading
from edge.plc.pki import read_certificate
from edge.settings import DeviceSettings, MachineSettings, SiteSettings, Tag, read_tags

CONNECT_MAX_S = 3.0
UP_MAX_MS = 8_000
"""A link that has not read everything once in this time is not up."""
SKEW_MAX_MS = 1_000
"""Clocks farther apart than this make the times of events useless."""
EXPIRES_SOON_DAYS = 30
SLOW_FACTOR = 1.5
"""A poll class that comes round this much slower than planned is not what the site was planned with."""
NAMES_MAX = 5
REMEDIES = (
    ("no connection", "is the device on and the address right, does a firewall stand between?"),
    ("no session", "is the server running, is its port right, does it accept our certificate and user?"),
    ("namespace", "compare `root` of the device in the site file with the namespaces of the server"),
    ("cannot be watched", "compare the nodes of the tag CSV with the address space of the server"),
    ("rejected", "look at it with `edge pki show`, then `edge pki trust`"),
    ("trust", "look at it with `edge pki show`, then `edge pki trust`"),
    ("refused", "compare the tag CSV with the register map of the device"),
    ("gateway", "somebody else answers for this address: is the unit id right, is the device behind the gateway on?"),
    ("answer", "the device is connected and silent: is the unit id right, does it allow so many connections?"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One question to a link; `verdict` is ok, warn or bad."""

    device: str
    what: str
    verdict: str
    text: str
    remedy: str = ""


class Patient:
    """One device, read for a while."""

    def __init__(self, name: str, device: DeviceSettings, machine: MachineSettings | None) -> None:
        self.name = name
        self.device = device
        self.machine = machine
        self.image = ProcessImage(read_tags(device.tags))
        self.connect_ms: float | None = None
        self.no_connection = ""
        self.good = False
        self.reason = ""
        self.readings: dict[str, Reading] = {}
        self.read_ms = 0
        self._beats: set[int] = set()

    @property
    def address(self) -> tuple[str, int]:
        if self.device.driver == "modbus":
            return self.device.host, self.device.port
        parts = urlsplit(self.device.url)
        return parts.hostname or "", parts.port or 4840

    async def watch(self, seconds: float) -> None:
        """Connects, and stays for so long after everything has been read once."""
        await self._knock()
        if self.no_connection:
            return
        keep = plc.PROTOCOLS[self.device.driver](self.device, self.image.tags, self.image)
        async with asyncio.TaskGroup() as group:
            link = group.create_task(keep)
            await self.image.wait(lambda: self.image.good, UP_MAX_MS)
            until = time.monotonic() + seconds
            while time.monotonic() < until and self.image.good:
                await self.image.wait(("PlcHeartbeat",) if "PlcHeartbeat" in self.image else (), 100)
                self._beats.add(self.image.number("PlcHeartbeat") if "PlcHeartbeat" in self.image else 0)
            with contextlib.suppress(PlcError):
                await self.image.refresh(
                    [tag.name for tag in self.image.tags if tag.poll_class == "ring"], strict=False
                )
            self.readings = {tag.name: self.image.reading(tag.name) for tag in self.image.tags}
            self.read_ms = time.time_ns() // 1_000_000
            self.good, self.reason = self.image.good, self.image.reason
            link.cancel()

    async def _knock(self) -> None:
        """Is there anybody at all?"""
        started = time.monotonic()
        try:
            async with asyncio.timeout(CONNECT_MAX_S):
                _, writer = await asyncio.open_connection(*self.address)
        except (OSError, TimeoutError) as error:
            self.no_connection = str(error) or "no answer"
            return
        self.connect_ms = (time.monotonic() - started) * 1000
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def findings(self) -> Iterator[Finding]:
        """Everything there is to say, worst causes first."""
        host, port = self.address
        if self.no_connection:
            yield self._bad("reachable", f"{host}:{port}: {self.no_connection}", _remedy("no connection"))
            yield from self._security()
            return
        yield self._ok("reachable", f"{host}:{port} in {self.connect_ms:.0f} ms")
        yield from self._security()
        if not self.good:
            yield self._bad("link", self.reason, _remedy(self.reason))
            return
        yield self._ok("link", "good: every polled tag has been read")
        yield from self._map()
        yield from self._tags()
        yield from self._heartbeat()
        yield from self._clock()
        yield from self._cycles()

    def _security(self) -> Iterator[Finding]:
        device = self.device
        if device.driver == "modbus":
            if device.tls is None:
                yield self._ok("security", "plain Modbus TCP: whoever is on this network can write; keep it closed")
            else:
                yield from self._certificate(device.tls.certificate, "Modbus/TCP Security")
            return
        if device.security == "none":
            text = "not encrypted, nobody has to show who he is (insecure: true)"
            yield self._warn("security", text, "`edge pki init`, then security: Basic256Sha256 and pki")
        elif device.pki is not None:
            for path in sorted((device.pki / "own").glob("*.der")) or [device.pki / "own"]:
                yield from self._certificate(path, device.security)

    def _certificate(self, path: Any, how: str) -> Iterator[Finding]:
        try:
            ends = read_certificate(path).not_valid_after_utc
        except (OSError, ValueError) as error:
            yield self._bad("security", f"{path}: {error}", "make it with `edge pki init`")
            return
        days = (ends - datetime.now(UTC)).days
        text = f"{how}; own certificate until {ends:%Y-%m-%d}"
        if days < EXPIRES_SOON_DAYS:
            yield self._bad("security", f"{text}: {days} days left", "`edge pki renew`, and trust it in the device")
        else:
            yield self._ok("security", text)

    def _map(self) -> Iterator[Finding]:
        wanted = getattr(equipment.MACHINES[self.machine.kind], "MAP_ID", 0) if self.machine else 0
        if not wanted or "MapId" not in self.image or self.machine is None:
            return
        found = self.image.number("MapId")
        text = f"0x{found:04x}, a {self.machine.kind} has 0x{wanted:04x}"
        if found == wanted:
            yield self._ok("map", f"0x{found:04x}")
        else:
            yield self._bad("map", text, "is this the right device and unit? is the program of the PLC the agreed one?")

    def _tags(self) -> Iterator[Finding]:
        polled = {tag.name: self.readings[tag.name] for tag in self.image.tags if tag.polled and self.readings}
        spoilt = {name: reading for name, reading in polled.items() if reading.quality is not Quality.GOOD}
        if not spoilt:
            yield self._ok("tags", f"{len(self.readings)} of {len(self.readings)}")
            return
        some = ", ".join(f"{name} ({reading.reason})" for name, reading in list(spoilt.items())[:NAMES_MAX])
        more = f" and {len(spoilt) - NAMES_MAX} more" if len(spoilt) > NAMES_MAX else ""
        yield self._bad("tags", f"{len(spoilt)} without a value: {some}{more}", _remedy("refused"))

    def _heartbeat(self) -> Iterator[Finding]:
        if "PlcHeartbeat" not in self.image:
            return
        if len(self._beats) > 1:
            yield self._ok("heartbeat", f"{len(self._beats)} beats seen")
        else:
            yield self._bad("heartbeat", "stands still", "the PLC answers and its program does not run: is it in RUN?")

    def _clock(self) -> Iterator[Finding]:
        reading = self.readings.get("PlcHeartbeat")
        if reading is None or reading.source_ms is None:
            yield self._ok("clock", "not told over this protocol; times are ours")
            return
        skew_ms = round(reading.source_ms - (self.read_ms - reading.age_ms))
        if abs(skew_ms) <= SKEW_MAX_MS:
            yield self._ok("clock", f"{skew_ms:+d} ms against ours")
        else:
            yield self._warn("clock", f"{skew_ms:+d} ms against ours", "set both by NTP; ours: `timedatectl`")

    def _cycles(self) -> Iterator[Finding]:
        for name, cycle in self.image.figures()["classes"].items():
            plan, every, took = cycle["plan_ms"], cycle["every_ms"]["p50"], cycle["took_ms"]
            if not every:
                continue
            text = (
                f"every {every:.0f} ms, planned {plan:.0f}; a cycle takes {took['p50']:.1f}, at most {took['max']:.1f}"
            )
            if every > SLOW_FACTOR * plan:
                yield self._warn(f"poll {name}", text, "fewer tags in this class, a longer period, or larger max_read")
            else:
                yield self._ok(f"poll {name}", text)

    def _ok(self, what: str, text: str) -> Finding:
        return Finding(self.name, what, "ok", text)

    def _warn(self, what: str, text: str, remedy: str) -> Finding:
        return Finding(self.name, what, "warn", text, remedy)

    def _bad(self, what: str, text: str, remedy: str) -> Finding:
        return Finding(self.name, what, "bad", text, remedy)

    def table(self, like: str) -> list[dict[str, Any]]:
        """Every tag whose name begins so, as rows."""
        rows = []
        for tag in self.image.tags:
            if tag.name.startswith(like):
                reading = self.readings[tag.name]
                never = reading.value is None
                rows.append(
                    {
                        "name": tag.name, "value": reading.value, "unit": tag.unit, "quality": str(reading.quality),
                        "age_ms": None if never else round(reading.age_ms), "writer": tag.writer,
                        "where": where(tag), "reason": reading.reason,
                    }
                )  # fmt: skip
        return rows


def where(tag: Tag) -> str:
    """The address of a tag, as its documents have it."""
    return tag.node if tag.table == "node" else str(tag.ref or f"{tag.table} {tag.address}")


def patients(site: SiteSettings, devices: Sequence[str]) -> list[Patient]:
    """The devices of these names, or all. Raises ConfigError for tag tables that cannot be read."""
    machines = {machine.device: machine for machine in site.machines}
    return [Patient(name, site.devices[name], machines.get(name)) for name in devices or site.devices]


async def watch_all(these: Sequence[Patient], seconds: float) -> None:
    """All at once, so that it takes no longer than one."""
    async with asyncio.TaskGroup() as group:
        for patient in these:
            group.create_task(patient.watch(seconds))


def _remedy(reason: str) -> str:
    return next((remedy for word, remedy in REMEDIES if word in reason), "the log of the device may tell more")


def as_data(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """For --json."""
    return [asdict(finding) for finding in findings]
