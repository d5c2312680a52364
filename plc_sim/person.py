"""A person on the floor as a pure model: walks, works, moves real goods, scans, reports. No clock, no network."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from plc_sim.agenda import Agenda, Ticket
from plc_sim.events import Happening, PersonDone, PersonStarted
from plc_sim.places import Places, Spot, walk_mm
from plc_sim.plant import Plant

WORK_MS = {"pack": 20_000, "load": 12_000, "carry": 15_000, "putaway": 20_000, "replenish": 25_000}
PICK_MS, PICK_UNIT_MS, PICK_MAX_MS = 6000, 800, 180_000
LOOK_MS = 5000
"""To see that the work is done already, or that nobody can do it."""
SCAN_AGAIN_MS = 3000
SPREAD_PERCENT = 25
WRONG_SCAN_ONE_IN = 200
SCANS_MAX = 3
"""Refused scans after which a person gives the task up."""
OUTCOMES_MAX = 50_000
"""Tasks whose outcome the floor remembers; the oldest are forgotten."""

NOT_FOUND = "not_found"
UNKNOWN_WORK = "unknown_work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What a person needs to know of a task."""

    task_id: str
    kind: str
    zone: str = ""
    source: str = ""
    target: str = ""
    quantity: int = 1
    barcode: str = ""
    hu_id: str = ""
    sku: str = ""
    departure_id: str = ""

    @staticmethod
    def read(task: Mapping[str, object]) -> "Errand":
        """From the fields of a Task; raises ValueError when it is none."""
        words = {name: str(task.get(name) or "") for name in Errand.__slots__ if name != "quantity"}
        quantity = task.get("quantity", 1)
        if not words["task_id"] or not isinstance(quantity, int) or quantity < 0:
            raise ValueError(f"not a task: {dict(task)!r:.200}")
        return Errand(quantity=quantity, **words)


@dataclass(frozen=True, slots=True)
class Outcome:
    quantity: int
    reason: str = ""


class Outcomes:
    """What has physically been done, by task: nobody does a task twice, whoever is sent."""

    def __init__(self) -> None:
        self._done: dict[str, Outcome] = {}

    def get(self, task_id: str) -> Outcome | None:
        return self._done.get(task_id)

    def note(self, task_id: str, outcome: Outcome) -> Outcome:
        self._done[task_id] = outcome
        while len(self._done) > OUTCOMES_MAX:
            del self._done[next(iter(self._done))]
        return outcome


class PersonModel:
    """One task at a time: `give`, then PersonStarted and PersonDone come out, then `answered`."""

    def __init__(
        self,
        name: str,
        places: Places,
        plant: Plant,
        agenda: Agenda,
        outcomes: Outcomes,
        rng: random.Random,
        tell: Callable[[Happening], None],
        location: str,
        walk_mm_s: int,
    ) -> None:
        self.name = name
        self.errand: Errand | None = None
        self.dropped = 0
        self._places = places
        self._plant = plant
        self._agenda = agenda
        self._outcomes = outcomes
        self._rng = rng
        self._tell = tell
        self._here = places.spot(location) or Spot(0, 0)
        self._walk_mm_s = walk_mm_s
        self._steps: Iterator[int] | None = None
        self._ticket: Ticket | None = None
        self._outcome: Outcome | None = None
        self._scans = 0

    def give(self, task: Mapping[str, object]) -> bool:
        """Set out on a task; False while there is another one. The same one again is no news."""
        errand = Errand.read(task)
        if self.errand is not None:
            return self.errand.task_id == errand.task_id
        self.errand = errand
        self._outcome = None
        self._scans = 0
        self._tell(PersonStarted(at_ms=self._agenda.now_ms, person=self.name, task_id=errand.task_id))
        self._steps = self._do(errand)
        self._step()
        return True

    def answered(self, task_id: str, reason: str = "") -> bool:
        """The answer to PersonDone: "" accepted, WRONG_BARCODE scan again (True: it comes once more), else drop."""
        if self.errand is None or self.errand.task_id != task_id or self._outcome is None:
            return False
        if reason == "WRONG_BARCODE" and self._scans < SCANS_MAX:
            self._ticket = self._agenda.at(self._agenda.now_ms + SCAN_AGAIN_MS, self._report)
            return True
        self.dropped += reason != ""
        self.errand = None
        return False

    def withdraw(self, task_id: str) -> bool:
        """Take the task away again; False once the goods have moved (it will be finished and reported)."""
        if self.errand is None or self.errand.task_id != task_id:
            return True
        if self._outcomes.get(task_id) is not None:
            return False
        if self._ticket is not None:
            self._ticket.cancel()
        self._steps = None
        self.errand = None
        return True

    def _step(self) -> None:
        """On to the next step of the errand; a step yields how long it takes."""
        if self._steps is None:
            return
        wait_ms = next(self._steps, None)
        if wait_ms is None:
            self._steps = None
            self._report()
        elif wait_ms >= 0:
            self._ticket = self._agenda.at(self._agenda.now_ms + wait_ms, self._step)

    def _room(self, errand: Errand) -> None:
        """Called back at the infeed; void when the errand was taken away meanwhile."""
        if self.errand is errand:
            self._step()

    def _report(self) -> None:
        errand, outcome = self.errand, self._outcome
        if errand is None or outcome is None:
            return
        scanned = errand.barcode
        if scanned and self._scans == 0 and self._rng.randrange(WRONG_SCAN_ONE_IN) == 0:
            scanned = f"{scanned[:-1]}{'1' if scanned[-1] != '1' else '2'}"
        self._scans += 1
        self._tell(
            PersonDone(
                at_ms=self._agenda.now_ms,
                person=self.name,
                task_id=errand.task_id,
                quantity=outcome.quantity,
                scanned=scanned,
                reason=outcome.reason,
            )
        )

    # The work

    def _do(self, errand: Errand) -> Iterator[int]:
        yield self._walk(errand.source)
        done = self._outcomes.get(errand.task_id)
        if done is not None:
            yield LOOK_MS
            self._outcome = done
            return
        works = {"pick": self._pick, "pack": self._pack, "load": self._load, "carry": self._carry}
        work = {**works, "putaway": self._putaway, "replenish": self._replenish}.get(errand.kind)
        if work is None:
            yield LOOK_MS
            self._outcome = self._note(errand, Outcome(0, UNKNOWN_WORK))
            return
        yield from work(errand)

    def _pick(self, errand: Errand) -> Iterator[int]:
        yield self._spread(min(PICK_MAX_MS, PICK_MS + PICK_UNIT_MS * errand.quantity))
        done = self._outcomes.get(errand.task_id)
        if done is None:
            picked = self._plant.pick(errand.source, errand.quantity, errand.sku, self.name, errand.hu_id or "tote")
            done = self._note(errand, Outcome(picked, "" if picked == errand.quantity else NOT_FOUND))
        self._outcome = done

    def _pack(self, errand: Errand) -> Iterator[int]:
        yield self._spread(WORK_MS["pack"])
        line = self._plant.infeeds.get(errand.target)
        while line is not None and not line.room and self._outcomes.get(errand.task_id) is None:
            line.wait(partial(self._room, errand))
            yield -1
        done = self._outcomes.get(errand.task_id)
        if done is None:
            barcode = errand.hu_id or errand.barcode
            placed = self._plant.place(errand.target, barcode, self.name)
            known = placed or barcode in self._plant.units
            done = self._note(errand, Outcome(errand.quantity if known else 0, "" if known else "no_conveyor"))
        self._outcome = done

    def _load(self, errand: Errand) -> Iterator[int]:
        barcode = errand.hu_id or errand.barcode
        yield self._spread(WORK_MS["load"])
        if self._lift(errand, barcode):
            yield self._walk(self._places.dock)
            self._plant.rest(self._plant.units[barcode], f"truck/{errand.departure_id or errand.target}", self.name)

    def _carry(self, errand: Errand) -> Iterator[int]:
        barcode = errand.hu_id or errand.barcode
        yield self._spread(WORK_MS["carry"])
        if self._lift(errand, barcode):
            yield self._walk(errand.target)
            self._plant.rest(self._plant.units[barcode], errand.target, self.name)

    def _putaway(self, errand: Errand) -> Iterator[int]:
        yield self._walk(errand.target)
        yield self._spread(WORK_MS["putaway"])
        done = self._outcomes.get(errand.task_id)
        if done is None:
            self._plant.pick(errand.source, errand.quantity, errand.sku, self.name, self.name)
            self._plant.put(errand.target, errand.sku, errand.quantity, self.name, errand.source)
            done = self._note(errand, Outcome(errand.quantity))
        self._outcome = done

    def _replenish(self, errand: Errand) -> Iterator[int]:
        """Take what is there down to the pick face."""
        yield self._spread(WORK_MS["replenish"])
        yield self._walk(errand.target)
        done = self._outcomes.get(errand.task_id)
        if done is None:
            found = self._plant.pick(errand.source, errand.quantity, errand.sku, self.name, self.name)
            if found:
                self._plant.put(errand.target, errand.sku, found, self.name, self.name)
            done = self._note(errand, Outcome(found, "" if found == errand.quantity else NOT_FOUND))
        self._outcome = done

    def _lift(self, errand: Errand, barcode: str) -> bool:
        """Take a unit into the hands, if it is there and nobody has done the task."""
        done = self._outcomes.get(errand.task_id)
        if done is not None:
            self._outcome = done
            return False
        unit = self._plant.units.get(barcode)
        if unit is not None and unit.place in (errand.target, f"truck/{errand.departure_id}"):
            self._outcome = self._note(errand, Outcome(errand.quantity))
            return False
        source = self._plant.near(errand.source, barcode)
        found = self._plant.take(source, barcode, f"hands/{self.name}", self.name)
        outcome = Outcome(errand.quantity) if found else Outcome(0, NOT_FOUND)
        self._outcome = self._note(errand, outcome)
        return found

    def _note(self, errand: Errand, outcome: Outcome) -> Outcome:
        return self._outcomes.note(errand.task_id, outcome)

    def _walk(self, location: str) -> int:
        there = self._places.spot(location)
        if there is None:
            return 0
        distance_mm, self._here = walk_mm(self._here, there), there
        return distance_mm * 1000 // self._walk_mm_s

    def _spread(self, work_ms: int) -> int:
        percent = 100 + self._rng.randint(-SPREAD_PERCENT, SPREAD_PERCENT)
        return work_ms * percent // 100
