"""The whole floor in one object: plant, PLC programs and people on one calendar. Time passes only in `advance`."""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from edge.settings import MachineSettings, SiteSettings
from plc_sim.actuations import Actuation, Record
from plc_sim.agenda import Agenda
from plc_sim.conveyor import Conveyor
from plc_sim.events import Happening
from plc_sim.line import ConveyorLine
from plc_sim.loop import SorterLoop
from plc_sim.person import Outcomes, PersonModel
from plc_sim.places import Places
from plc_sim.plant import Plant
from plc_sim.robot import Robot
from plc_sim.sorter import Sorter

Machine = Sorter | Conveyor | Robot
M = TypeVar("M", Sorter, Conveyor, Robot)


class World:
    """Same seed, same calls: same happenings. All times are site milliseconds."""

    def __init__(
        self,
        site: SiteSettings,
        seed: int,
        speed: int,
        start_ms: int,
        physical: Mapping[tuple[str, str], int],
        log: Record | None = None,
        boot: int = 1,
    ) -> None:
        self.site = site
        self.seed = seed
        self.agenda = Agenda(start_ms)
        self._log = log
        record = self.record if log is not None else None
        self.plant = Plant(self.agenda, physical, record)
        self.places = Places(site)
        self.machines: dict[str, Machine] = {}
        self.people: dict[str, PersonModel] = {}
        self._outbox: list[Happening] = []
        self._outcomes = Outcomes()
        loops = {m.machine_id: SorterLoop(self.plant, self.agenda, m) for m in site.machines if m.kind == "sorter"}
        for machine in site.machines:
            program = self.machines[machine.machine_id] = self._program(machine, speed, loops)
            program.boot = boot
            program.put("BootCount", boot)
            program.record = record

    def record(self, actuation: Actuation) -> None:
        """Write down what happened; what a machine did with its PLC's time."""
        machine = self.machines.get(actuation.by)
        if machine is not None:
            actuation = replace(actuation, boot=machine.boot, plc_ms=machine.uptime_ms)
        if self._log is not None:
            self._log(actuation)

    @property
    def now_ms(self) -> int:
        return self.agenda.now_ms

    @property
    def next_at_ms(self) -> int | None:
        """When something happens next of itself; None = never."""
        return self.agenda.next_at_ms

    def advance(self, to_ms: int) -> None:
        """Let everything happen that is due up to and at this time, in order."""
        self.agenda.run(to_ms)

    def drain(self) -> list[Happening]:
        """What happened since the last call, in order."""
        happened, self._outbox = self._outbox, []
        return happened

    def sorter(self, machine_id: str) -> Sorter:
        return self._kind(machine_id, Sorter)

    def conveyor(self, machine_id: str) -> Conveyor:
        return self._kind(machine_id, Conveyor)

    def robot(self, machine_id: str) -> Robot:
        return self._kind(machine_id, Robot)

    def host_online(self, *, online: bool = True) -> None:
        """Every PLC takes the WCS as present (or not) from now on, without heartbeats."""
        for machine in self.machines.values():
            machine.host_online(online=online)

    def restart_plc(self, machine_id: str) -> None:
        """A PLC loses power and comes back, stopped and with a new BootCount."""
        self.machines[machine_id].restart()

    def add_person(self, name: str, location: str = "HOME") -> PersonModel:
        """Somebody new on the floor."""
        person = self.people[name] = PersonModel(
            name,
            self.places,
            self.plant,
            self.agenda,
            self._outcomes,
            random.Random(f"{self.seed}:{name}"),
            self._outbox_append,
            location,
            self.site.walk_mm_s,
        )
        return person

    def give(self, person: str, task: Mapping[str, object]) -> bool:
        """Send a person on a task (the fields of a Task); False while they have another. Raises ValueError."""
        return self.people[person].give(task)

    def answered(self, person: str, task_id: str, reason: str = "") -> bool:
        """The answer to PersonDone: "" accepted, WRONG_BARCODE scan again (True: it comes once more), else drop."""
        return self.people[person].answered(task_id, reason)

    def withdraw(self, person: str, task_id: str) -> bool:
        """Call a person back; False once the goods have moved."""
        return self.people[person].withdraw(task_id)

    def _outbox_append(self, happening: Happening) -> None:
        self._outbox.append(happening)

    def _kind(self, machine_id: str, kind: type[M]) -> M:
        machine = self.machines[machine_id]
        if not isinstance(machine, kind):
            raise TypeError(f"{machine_id} is a {machine.machine.kind}")
        return machine

    def _program(self, machine: MachineSettings, speed: int, loops: Mapping[str, SorterLoop]) -> Machine:
        rng = random.Random(f"{self.seed}:{machine.machine_id}")
        tell = self._outbox_append
        if machine.kind == "sorter":
            return Sorter(machine, self.agenda, speed, tell, loops[machine.machine_id], rng)
        if machine.kind == "conveyor":
            line = ConveyorLine(self.plant, self.agenda, machine)
            return Conveyor(machine, self.agenda, speed, tell, line, loops.get(machine.feeds), rng)
        return Robot(machine, self.agenda, speed, tell, self.plant, self.site.racks, rng)
