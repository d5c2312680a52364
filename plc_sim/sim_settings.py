"""The `sim` settings of a machine in site.yaml: lengths, speeds, times and choices of its simulation."""

from enum import IntEnum
from typing import TypeVar

from edge.settings import ConfigError, MachineSettings

E = TypeVar("E", bound=IntEnum)


def number(machine: MachineSettings, key: str, default: int) -> int:
    """A length, speed or time; what the site file says of the real machine holds here too. Raises ConfigError."""
    value = machine.sim.get(key, getattr(machine, key, 0) or default)
    try:
        return int(value)
    except ValueError:
        raise ConfigError([f"machine {machine.machine_id}: sim.{key}: {value!r} is not a whole number"]) from None


def choice(machine: MachineSettings, key: str, default: E) -> E:
    """One of the names of an enumeration, in small letters. Raises ConfigError."""
    names = {each.name.lower(): each for each in type(default)}
    value = str(machine.sim.get(key, default.name.lower()))
    if value not in names:
        raise ConfigError([f"machine {machine.machine_id}: sim.{key}: {value!r} is not one of {', '.join(names)}"])
    return names[value]
