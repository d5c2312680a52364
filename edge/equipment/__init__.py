"""What a machine means: registers to events, commands to registers, and the handshakes in between.

Equipment knows the process image and never a protocol. Each machine has two verbs: `watch(report)` reports every event
and acknowledges it to the PLC only after it is on disk; `obey(command)` does what the core decided. Nothing is decided
here. What a PLC should never say is counted and becomes an outcome with a reason; it never stops the process.
"""

from collections.abc import Callable

from edge.equipment.conveyor import Conveyor
from edge.equipment.presence import Beats
from edge.equipment.robot import Robot
from edge.equipment.sorter import Sorter
from edge.plc.image import ProcessImage
from edge.settings import MachineSettings

Machine = Conveyor | Sorter | Robot

MACHINES: dict[str, Callable[[MachineSettings, ProcessImage, Beats | None], Machine]] = {
    "conveyor": Conveyor,
    "sorter": Sorter,
    "robot": Robot,
}
"""Kind of a machine in site.yaml -> what it means."""

__all__ = ["MACHINES", "Conveyor", "Machine", "Robot", "Sorter"]
