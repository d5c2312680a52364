"""Faults as they happen: begun by command or from a seed, ended when their time is over; one of a kind per target."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from plc_sim.actuations import Actuation, Did
from plc_sim.agenda import Ticket
from plc_sim.faults import FAULTS, Arg, Fault, FaultRefused, Given, Target
from plc_sim.links import Link
from plc_sim.world import World

BY = "faults"
LASTS_MAX_S = 86_400
EVERY_MIN_S, EVERY_MAX_S = 1, 86_400
ACTIVE_MAX = 200


@dataclass(frozen=True, slots=True)
class Rate:
    """From `SEED:SECONDS`: which seed, and one fault every so many seconds on average."""

    seed: int
    every_s: int

    @staticmethod
    def read(text: str) -> "Rate":
        """Raises ValueError saying what would be right."""
        seed, _, every = text.partition(":")
        if not seed.isdecimal() or not every.isdecimal() or not EVERY_MIN_S <= int(every) <= EVERY_MAX_S:
            raise ValueError(
                f"{text!r} is not SEED:SECONDS, such as 7:30 for seed 7 and a fault every 30 seconds "
                f"(SECONDS from {EVERY_MIN_S} to {EVERY_MAX_S})"
            )
        return Rate(int(seed), int(every))


@dataclass(slots=True)
class Active:
    fault: Fault
    given: Given
    ticket: Ticket | None


class Troubles:
    """Everything that can go wrong in a world. Times of faults are wall time, as timers of PLCs are."""

    def __init__(self, world: World, speed: int = 1) -> None:
        self.targets: dict[str, Target] = {}
        self.begun = 0
        self.skipped = 0
        """Faults drawn that could not be had just then."""
        self._world = world
        self._speed = speed
        self._active: dict[tuple[str, str], Active] = {}
        for name, machine in world.machines.items():
            self.add(Target(name, machine.machine.kind, machine))

    def add(self, target: Target) -> None:
        """Something more that faults can befall."""
        self.targets[target.name] = target

    def wire(self, name: str, link: Link) -> None:
        """Give a target its link."""
        self.targets[name].has_switch = link.has
        self.targets[name].throw = partial(link.throw, name)

    def begin(self, name: str, kind: str, given: Mapping[str, int | str], seconds: float | None = None) -> str:
        """What happens now, in words. Raises FaultRefused."""
        target, fault = self._find(name, kind)
        checked = _checked(fault, given)
        lasts_s = fault.lasts_s if seconds is None else seconds
        if not 0 <= lasts_s <= LASTS_MAX_S:
            raise FaultRefused(f"a fault lasts from 0 to {LASTS_MAX_S} seconds, not {lasts_s}")
        if fault.end is None and seconds is not None:
            raise FaultRefused(f"{kind} is over as soon as it has begun; leave the seconds out")
        if (name, kind) in self._active:
            raise FaultRefused(f"{name} has {kind} already; end it first")
        if fault.pending is not None and fault.pending(target):
            raise FaultRefused(f"{name} still waits for units to have the last fault of this kind")
        if len(self._active) >= ACTIVE_MAX:
            raise FaultRefused(f"{ACTIVE_MAX} faults at once are enough")
        fault.begin(target, checked)
        self.begun += 1
        self._say(Did.FAULT_BEGAN, name, kind, checked)
        if fault.end is None:
            return f"{name}: {kind}"
        ticket = None
        if lasts_s:
            at_ms = self._world.now_ms + round(lasts_s * 1000) * self._speed
            ticket = self._world.agenda.at(at_ms, partial(self._over, name, kind))
        self._active[name, kind] = Active(fault, checked, ticket)
        return f"{name}: {kind} " + (f"for {lasts_s:g} s" if lasts_s else "until it is ended")

    def end(self, name: str, kind: str) -> str:
        """Raises FaultRefused."""
        target, _ = self._find(name, kind)
        active = self._active.pop((name, kind), None)
        if active is None or active.fault.end is None:
            raise FaultRefused(f"{name} has no {kind} now")
        if active.ticket is not None:
            active.ticket.cancel()
        active.fault.end(target, active.given)
        self._say(Did.FAULT_ENDED, name, kind)
        return f"{name}: {kind} ended"

    def _over(self, name: str, kind: str) -> None:
        self.end(name, kind)

    def active(self, name: str) -> list[str]:
        """The faults a target has now."""
        return [kind for owner, kind in self._active if owner == name]

    def draw(self, rate: Rate) -> None:
        """From now on a fault every so often, all chosen by the seed."""
        self._draw_next(rate, random.Random(f"{rate.seed}:faults"), first=True)

    def _draw_next(self, rate: Rate, rng: random.Random, *, first: bool = False) -> None:
        if not first:
            self.draw_one(rng)
        wait_ms = rng.randint(rate.every_s * 500, rate.every_s * 1500) * self._speed
        self._world.agenda.at(self._world.now_ms + wait_ms, partial(self._draw_next, rate, rng))

    def draw_one(self, rng: random.Random) -> None:
        """One fault that fits; the same numbers are drawn whether or not it can be had just now."""
        rows = [(fault, self._fitting(fault)) for fault in FAULTS.values() if fault.drawn_s is not None]
        fault, names = rng.choice([row for row in rows if row[1]])
        target = self.targets[rng.choice(names)]
        given = {arg.name: arg.draw(target, rng) for arg in fault.args if arg.draw is not None}
        low, high = fault.drawn_s or (0, 0)
        seconds = rng.randint(low, high)
        if fault.pending is not None and self._pending():
            self.skipped += 1
            return
        try:
            self.begin(target.name, fault.name, given, seconds if fault.end is not None else None)
        except FaultRefused:
            self.skipped += 1

    def _pending(self) -> bool:
        """Whether a fault still waits for its units."""
        rows = [(fault, target) for fault in FAULTS.values() for target in self.targets.values()]
        return any(fault.pending(target) for fault, target in rows if fault.pending and target.kind in fault.fits)

    def _fitting(self, fault: Fault) -> list[str]:
        return [name for name, target in self.targets.items() if target.kind in fault.fits and _wired(fault, target)]

    def _find(self, name: str, kind: str) -> tuple[Target, Fault]:
        target, fault = self.targets.get(name), FAULTS.get(kind)
        if target is None:
            raise FaultRefused(f"there is no machine {name!r}; there are {', '.join(self.targets)}")
        fitting = ", ".join(row.name for row in FAULTS.values() if target.kind in row.fits and _wired(row, target))
        if fault is None:
            raise FaultRefused(f"there is no fault {kind!r}; {name} can have {fitting}")
        if target.kind not in fault.fits:
            raise FaultRefused(f"{kind} does not fit a {target.kind}; {name} can have {fitting}")
        if not _wired(fault, target):
            raise FaultRefused(f"the link of {name} cannot have {kind}; {name} can have {fitting}")
        return target, fault

    def _say(self, did: Did, name: str, kind: str, given: Given | None = None) -> None:
        self._world.record(
            Actuation(
                at_ms=self._world.now_ms,
                by=BY,
                did=did,
                machine_id=name,
                kind=kind,
                given=None if given is None else dict(given),
            )
        )


def _wired(fault: Fault, target: Target) -> bool:
    return all(target.has_switch(switch) for switch in fault.switches)


def _checked(fault: Fault, given: Mapping[str, int | str]) -> Given:
    """All arguments, with defaults."""
    known = {arg.name: arg for arg in fault.args}
    wrong = [name for name in given if name not in known]
    if wrong:
        raise FaultRefused(f"{fault.name} has no argument {wrong[0]!r}; it has {', '.join(known) or 'none'}")
    return {name: _value(fault, arg, given.get(name, arg.default)) for name, arg in known.items()}


def _value(fault: Fault, arg: Arg, value: int | str) -> int | str:
    if arg.low == arg.high:
        return str(value)
    try:
        number = int(value)
    except ValueError:
        raise FaultRefused(f"{fault.name}: {arg.name} is a whole number, not {value!r}") from None
    if not arg.low <= number <= arg.high:
        raise FaultRefused(f"{fault.name}: {arg.name} is from {arg.low} to {arg.high}, not {number}")
    return number
