"""What `edge check`, `edge schema` and `edge replay` find out, without opening a wall."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edge import equipment, opening, wes
from edge.intake.mapping import OrderMapping, read_mapping
from edge.journal import JournalError, Row, read_meta, read_rows
from edge.recovery import replay
from edge.settings import ConfigError, ProcessSettings, SiteSettings, Tag, read_process, read_site, read_tags
from edge.settings.checks import check_site_routes, check_tags
from edge.systems import Systems, dump


def check_process(
    config: Path, *, running: bool = False
) -> tuple[ProcessSettings, SiteSettings | None, dict[str, tuple[Tag, ...]]]:
    """Reads a process file and all it names. Raises ConfigError with every finding."""
    process = read_process(config)
    site = read_site(process.site) if process.site is not None else None
    findings: list[str] = []
    tags = check_devices(site, process.site, findings) if site is not None and process.site is not None else {}
    if site is not None and "wes" in process.systems and process.name != site.site:
        findings.append(
            f"{at(config, 'name')}: {process.name!r} must be the site's name {site.site!r}: peers know a box by it"
        )
    if "oms" in process.systems:
        findings += _check_departures(config, process, site)
    if running and process.require_compiled and wes.CORE != "compiled":
        findings.append(
            f"{at(config, 'require_compiled')}: the core is plain Python here; install a C compiler and Python's "
            "headers (Debian, Ubuntu: apt install gcc libc6-dev python3-dev), then install again (./run setup)"
        )
    if running and process.peers and not process.broker.url:
        findings.append(
            f"{at(config, 'broker')}.url: missing; peers are met over MQTT, e.g. broker: {{url: mqtt://HOST:1883}}"
        )
    for name in ("items_file", "stock_file", "departures_file"):
        path = getattr(process, name)
        if path is not None and not path.exists():
            findings.append(
                f"{at(config, name)}: {path} does not exist; make it with `edge stock seed` or remove the line"
            )
    if findings:
        raise ConfigError(findings)
    return process, site, tags


def check_devices(site: SiteSettings, path: Path, findings: list[str]) -> dict[str, tuple[Tag, ...]]:
    """The tag tables of a site's devices; what is wrong with them, or the machines, is added to `findings`."""
    tags: dict[str, tuple[Tag, ...]] = {}
    kinds: dict[str, str] = {}
    for machine in site.machines:
        try:
            equipment.kind_of(machine)
            kinds[machine.device] = machine.kind
        except ConfigError as error:
            findings += [f"{at(path, 'machines')}: {finding}" for finding in error.findings]
    for name, device in site.devices.items():
        try:
            tags[name] = read_tags(device.tags)
        except ConfigError as error:
            findings += error.findings
            continue
        findings += [f"{device.tags}:{tag.line}: {problem}" for tag, problem in check_tags(tags[name])]
        needs = equipment.MACHINES[kinds[name]].NEEDS if name in kinds else ()
        missing = set(needs) - {tag.name for tag in tags[name]}
        if missing:
            findings.append(
                f"{device.tags}:1: a {kinds[name]} needs the tags {', '.join(sorted(missing))}; add rows for them"
            )
    return tags


def _check_departures(config: Path, process: ProcessSettings, site: SiteSettings | None) -> list[str]:
    if not process.departures and process.departures_file is None:
        return [f"{config}:1: departures: none; an office needs departures or a departures_file to promise from"]
    if site is None:
        return []
    return [
        f"{at(config, 'departures')}: {problem}"
        for problem in check_site_routes(site, (d.route for d in process.departures))
    ]


def at(config: Path, key: str) -> str:
    """file:line: key, of a key of the first level in a file that could be read; line 1 if it is not there."""
    lines = config.read_text(encoding="utf-8").splitlines()
    number = next((n for n, line in enumerate(lines, 1) if line.strip(' "').startswith(key)), 1)
    return f"{config}:{number}: {key}"


def describe(config: Path) -> tuple[list[str], dict[str, Any]]:
    """What a config file would run, in words and as data. Raises ConfigError."""
    kind = schema_of(config)
    if kind == "edge/orders-map/1":
        columns = {name: column for name, column in read_mapping(config).columns.model_dump().items() if column}
        lines = [f"{name:<13}{column}" for name, column in columns.items()]
        return ["orders map: our field, column of the file", *lines], {"columns": columns}
    if kind == "edge/site/1":
        site = read_site(config)
        findings: list[str] = []
        tags = check_devices(site, config, findings)
        if findings:
            raise ConfigError(findings)
        return _describe_site(site, tags), {"site": site.site, "machines": [m.machine_id for m in site.machines]}
    process, site_or_none, tags = check_process(config)
    peers = ", ".join(f"{peer} ({' + '.join(systems)})" for peer, systems in process.peers.items())
    page = f"http://{process.page.host}:{process.page.port}/" if process.page else "none"
    lines = [
        f"process  {process.name}: {' + '.join(process.systems)} (core {wes.CORE}{_refused(process)})",
        f"peers    {peers or 'none'}",
        f"broker   {process.broker.url or 'none; `edge run` needs broker.url to meet the peers'}",
        f"page     {page}",
        f"journal  {(process.data / 'journal.db').resolve()}",
    ]
    if "oms" in process.systems:
        lines.append(f"daily    {len(process.departures)} departures, process {process.process_ms // 60_000} min")
    if site_or_none is not None and "wes" in process.systems:
        lines += _describe_site(site_or_none, tags)
    data = {"name": process.name, "systems": list(process.systems), "core": wes.CORE, "broker": process.broker.url}
    return lines, data


def schema_of(config: Path) -> str:
    """What kind of file it says it is; "" when it does not."""
    try:
        text = config.read_text(encoding="utf-8")[:4000]
    except (OSError, UnicodeDecodeError):
        return ""
    said = re.search(r"""^["'{ ]*schema["']?:\s*["']?([\w/-]+)""", text, re.MULTILINE)
    return said[1] if said else ""


def _describe_site(site: SiteSettings, tags: dict[str, tuple[Tag, ...]]) -> list[str]:
    locations = sum(rack.aisles * rack.bays * rack.levels for rack in site.racks)
    lines = [f"site     {site.enterprise}/{site.site}, {locations} locations, {len(site.zones)} zones, {site.timezone}"]
    for machine in site.machines:
        device = site.devices[machine.device]
        where = device.url if device.driver == "opcua" else f"{device.host}:{device.port} unit {device.unit}"
        how = f"{machine.kind} over {device.driver} {where}, {len(tags[machine.device])} tags"
        lines.append(f"machine  {site.path_of(machine)}: {how}")
    if site.fleet is not None:
        parts = f"{len(site.fleet.nodes)} nodes, {len(site.fleet.edges)} edges, {len(site.fleet.stations)} stations"
        lines.append(f"fleet    {len(site.vehicles)} vehicles at {site.fleet.broker.url}, {parts}")
        for vehicle in site.vehicles:
            topic = site.fleet.topic(vehicle, "+")
            lines.append(f"vehicle  {vehicle.vehicle_id}: VDA 5050 {vehicle.version} at {topic}, home {vehicle.home}")
    return lines


def json_schema(what: str) -> dict[str, Any]:
    """The JSON Schema of a kind of file."""
    if what == "report":
        path = Path(opening.__file__).parent / "page" / "report.schema.json"
        schema: dict[str, Any] = json.loads(path.read_text())
        return schema
    schemas: dict[str, Callable[..., dict[str, Any]]] = {
        "site": SiteSettings.model_json_schema,
        "process": ProcessSettings.model_json_schema,
        "orders-map": OrderMapping.model_json_schema,
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"edge/{what}/1"}
    written = _as_written(schemas[what](by_alias=True))
    if what == "site":
        written["$defs"]["MachineSettings"]["properties"]["kind"]["enum"] = sorted(equipment.MACHINES)
    return {**head, **written}


_DURATION = {"type": "string", "pattern": "^[0-9]+ *(ms|s|min|h)$"}


def _as_written(node: Any, name: str = "") -> Any:
    """A model's schema as people may write the file: a duration with its unit, a list of one without brackets."""
    if isinstance(node, list):
        return [_as_written(part) for part in node]
    if not isinstance(node, dict):
        return node
    if name.endswith("_ms") and (node.get("type"), node.get("ge")) == ("integer", 0):
        rest = {key: value for key, value in node.items() if key not in ("type", "ge")}
        return rest | {"anyOf": [{"type": "integer", "minimum": 0}, _DURATION]}
    if name == "routes" and node.get("additionalProperties", {}).get("type") == "array":
        routes = node["additionalProperties"]
        return node | {"additionalProperties": {"anyOf": [routes["items"], routes]}}
    return {key: _as_written(value, key) for key, value in node.items()}


def _refused(process: ProcessSettings) -> str:
    return "; require_compiled: `edge run` refuses" if process.require_compiled and wes.CORE != "compiled" else ""


def replay_journal(place: Path) -> tuple[int, list[str], str]:
    """Decides a journal again from its first entry: (entries, differences, digest of the end state)."""
    path = place / "journal.db" if place.is_dir() else place
    meta = read_meta(path)
    if not meta.get("systems"):
        raise JournalError(f"{path}: says nothing of the systems that wrote it; no process ever ran with it")
    systems = Systems(meta["systems"].split(","), json.loads(meta.get("peers", "{}")))
    entries = 0

    def rows() -> Iterator[Row]:
        nonlocal entries
        for row in read_rows(path):
            entries += 1
            yield row

    differences = list(replay(systems, rows()))
    states = dump(systems.save())
    digest = hashlib.sha256(b"".join(states[name] for name in sorted(states) if name != "twin")).hexdigest()
    return entries, differences, digest[:16]
