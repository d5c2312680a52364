"""Reads YAML into the models; every error names file, line, column, field and remedy."""

import difflib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from edge.settings.checks import check_site
from edge.settings.fleet import FleetSettings
from edge.settings.fleet_checks import check_fleet
from edge.settings.lif import read_lif
from edge.settings.model import ConfigError
from edge.settings.process import ProcessSettings
from edge.settings.site import DeviceSettings, SiteSettings

FILE_MAX_BYTES = 4_000_000
M = TypeVar("M", bound=BaseModel)


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "(row)"


def _read_yaml(path: Path) -> Any:
    try:
        if path.stat().st_size > FILE_MAX_BYTES:
            raise ConfigError([f"{path}: larger than {FILE_MAX_BYTES} bytes; is this the right file?"])
        return YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; give the path of an existing file"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            [f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"]
        ) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ConfigError(
            [f"{where}: not valid YAML: {error.problem}; mend the indentation or quote the value"]
        ) from error
    except YAMLError as error:
        raise ConfigError([f"{path}: not valid YAML: {str(error).splitlines()[0]}"]) from error


def _line(data: Any, location: tuple[int | str, ...]) -> tuple[int, int]:
    """Line and column (from 1) of a pydantic error's location in round-trip YAML."""
    line, column = 1, 1
    for part in location:
        marks = getattr(data, "lc", None)
        try:
            at = marks.data[part] if marks is not None and marks.data else None
            line, column = (at[0] + 1, at[1] + 1) if at else (line, column)
            data = data[part]
        except (KeyError, IndexError, TypeError):
            break
    return line, column


def _remedy(model: type[BaseModel], error: Any) -> str:
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _all_fields(model), n=1)
        return f"unknown key; did you mean {near[0]!r}?" if near else "unknown key; remove it (see edge schema)"
    if error["type"] == "missing":
        return "is missing; add it"
    return str(error["msg"]).removeprefix("Value error, ")


def _all_fields(model: type[BaseModel]) -> list[str]:
    schema = model.model_json_schema(by_alias=True)
    names = list(schema.get("properties", {}))
    for part in schema.get("$defs", {}).values():
        names += part.get("properties", {})
    return names


def load(path: Path, model: type[M]) -> tuple[M, Any]:
    """A YAML file as a model, and the round-trip data for line numbers. Raises ConfigError."""
    data = _read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigError([f"{path}:1:1: expected a mapping of settings"])
    try:
        return model.model_validate(data), data
    except ValidationError as error:
        findings = []
        for found in error.errors():
            line, column = _line(data, found["loc"])
            findings.append(f"{path}:{line}:{column}: {_field(found['loc'])}: {_remedy(model, found)}")
        raise ConfigError(findings) from error


def read_site(path: Path) -> SiteSettings:
    """site.yaml, with the paths of its tag tables made absolute. Raises ConfigError."""
    site, data = load(path, SiteSettings)
    if site.fleet is not None:
        site = site.model_copy(update={"fleet": _fleet_beside(path.parent, site.fleet)})
    problems = [*check_site(site), *check_fleet(site)]
    if problems:
        raise ConfigError([f"{path}:{_at(data, where)}: {problem}" for where, problem in problems])
    devices = {name: _beside(path.parent, device) for name, device in site.devices.items()}
    return site.model_copy(update={"devices": devices})


def _fleet_beside(folder: Path, fleet: FleetSettings) -> FleetSettings:
    """The fleet with its layout file read and the paths of its broker made absolute. Raises ConfigError."""
    if fleet.layout is not None:
        fleet = read_lif(folder / fleet.layout, fleet)
    files = ("password_file", "ca_file", "cert_file", "key_file")
    paths = {name: folder / value for name in files if (value := getattr(fleet.broker, name)) is not None}
    return fleet.model_copy(update={"broker": fleet.broker.model_copy(update=paths)})


def _beside(folder: Path, device: DeviceSettings) -> DeviceSettings:
    tls = device.tls and device.tls.model_copy(
        update={name: folder / getattr(device.tls, name) for name in ("ca", "certificate", "key")}
    )
    return device.model_copy(
        update={
            "tags": folder / device.tags,
            "pki": device.pki and folder / device.pki,
            "password_file": device.password_file and folder / device.password_file,
            "tls": tls,
        }
    )


def read_process(path: Path) -> ProcessSettings:
    """box.yaml or office.yaml, with all paths made absolute to the file's folder. Raises ConfigError."""
    process, _ = load(path, ProcessSettings)
    beside = path.resolve().parent
    files = ("site", "data", "items_file", "stock_file", "departures_file")
    update = {name: beside / value for name in files if (value := getattr(process, name)) is not None}
    return process.model_copy(update=update)


def _at(data: Any, location: tuple[int | str, ...]) -> str:
    line, column = _line(data, location)
    return f"{line}:{column}: {_field(location)}"
