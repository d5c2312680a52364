"""What a machine means: registers to events, commands to registers, and the handshakes in between.

Equipment knows the process image and never a protocol. Each machine has three verbs: `watch(report)` reports every
event and acknowledges it to the PLC only after it is on disk; `obey(command)` does what the core decided; `farewell()`
tells the PLC that we are stopping. Nothing is decided here. What a PLC should never say is counted and becomes an
outcome with a reason; it never stops the process.

A new kind of machine is one file with its class, one row in MACHINES, and one test file: tests/equipment/test_scale.py
shows it with a kind that is not shipped. Presence, Ring, Decisions, Mailbox and `confirm` are its building blocks;
site.yaml, `edge check`, `edge schema` and the runtime know it by the row alone.
"""

from typing import Never, Protocol

from edge.equipment.conveyor import Conveyor
from edge.equipment.presence import Beats, Clock, Counts, Report
from edge.equipment.robot import Robot
from edge.equipment.sorter import Sorter
from edge.messages import CommandMachine, DivertUnit, StartJob
from edge.plc.image import ProcessImage
from edge.settings import ConfigError, MachineSettings

Command = DivertUnit | StartJob | CommandMachine


class Machine(Protocol):
    """What the runtime asks of a machine."""

    counts: Counts

    async def watch(self, report: Report, epoch: int, now_ms: Clock) -> Never:
        """Reports what the machine does, for ever; `report` returns when the event is on disk."""
        ...

    async def obey(self, command: Command) -> None:
        """Does what was decided; what is not for this kind of machine is passed over."""
        ...

    async def farewell(self) -> None:
        """A clean stop: says so to the PLC, if it is there."""
        ...


class Kind(Protocol):
    """A class of machines."""

    @property
    def NEEDS(self) -> tuple[str, ...]:  # noqa: N802  (an attribute of the class)
        """The tags it cannot do without."""
        ...

    def __call__(self, machine: MachineSettings, image: ProcessImage, beats: Beats | None = None) -> Machine: ...


MACHINES: dict[str, Kind] = {
    "conveyor": Conveyor,
    "sorter": Sorter,
    "robot": Robot,
}
"""Kind of a machine in site.yaml -> what it means. The only list of kinds there is."""


def kind_of(machine: MachineSettings) -> Kind:
    """What a machine of site.yaml means. Raises ConfigError for a kind nobody knows."""
    if machine.kind not in MACHINES:
        known = ", ".join(sorted(MACHINES))
        raise ConfigError([f"{machine.machine_id}: kind {machine.kind!r} is not known; use one of {known}"])
    return MACHINES[machine.kind]


__all__ = ["MACHINES", "Command", "Conveyor", "Counts", "Kind", "Machine", "Robot", "Sorter", "kind_of"]
