"""What every settings model shares: frozen, unknown keys refused, durations with units, errors by the installer."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class ConfigError(Exception):
    """The installer's fault: one line per finding, each naming file, line, field and remedy. Nothing was started."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings


class Model(BaseModel):
    """Frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _milliseconds(value: Any) -> Any:
    """'20ms', '2s', '5min', '1h' or a plain number of milliseconds."""
    if isinstance(value, str):
        for unit, factor in (("ms", 1), ("min", 60_000), ("s", 1000), ("h", 3_600_000)):
            if value.endswith(unit) and value.removesuffix(unit).strip().isdigit():
                return int(value.removesuffix(unit)) * factor
    return value


Ms = Annotated[int, BeforeValidator(_milliseconds), Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
