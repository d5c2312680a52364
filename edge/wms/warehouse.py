"""The state, the floor and the ledger in one hand, and the few steps that all rooms of the WMS share."""

from collections.abc import Iterator
from dataclasses import replace

from edge.messages import (
    Item,
    Message,
    Site,
    StockLevelsChanged,
    Task,
    TaskAmended,
    TaskKind,
    TasksPlanned,
    TaskWithdrawn,
)
from edge.wms.floor import NOWHERE, Floor
from edge.wms.ledger import Goods, Ledger
from edge.wms.putaway import EmptyLocations
from edge.wms.state import OrderRecord, State, TaskRecord, TaskState, UnitRecord, copied, remember

LEVELS_MAX = 500
"""At most so many levels in one StockLevelsChanged."""
BRINGS = (TaskKind.PUTAWAY, TaskKind.REPLENISH)
"""Work that brings goods to its target location."""


class Warehouse:
    """What handlers work on. They change `state` and the ledger, and say so with `emit`.

    `picks_at`, `bound_for`, `refills_of` (by SKU), `refills_from` and `waiting_on` are indexes over the open tasks,
    `empties` one over the floor; they are made anew from the state after a load, so nothing may depend on their order.
    `hurried` are the REPLENISH tasks for which the picks that wait have changed during this message.
    """

    def __init__(self) -> None:
        self.state = State()
        self.ledger = Ledger()
        self.now_ms = 0
        self._out: list[Message] = []
        self._planned: dict[str, Task] = {}
        self.hurried: dict[str, None] = {}
        self.next_cutoff_ms: int | None = None
        self.furnish()

    @property
    def name(self) -> str:
        return self.floor.site.site

    def open_site(self, site: Site) -> None:
        self.state.site = site
        self.furnish()

    def furnish(self) -> None:
        """Make everything that follows from the state and the site's configuration."""
        self.floor = Floor(self.state.site or NOWHERE, self.state.lanes)
        self.ledger.configure(self.floor.docks)
        self.picks_at: dict[str, dict[str, None]] = {}
        self.bound_for: dict[str, int] = {}
        self.refills_of: dict[str, dict[str, None]] = {}
        self.refills_from: dict[str, dict[str, None]] = {}
        self.waiting_on: dict[str, dict[str, None]] = {}
        for record in self.state.tasks.values():
            if record.state is TaskState.OPEN:
                self._index(record)
        self.empties = EmptyLocations(self.floor, self._is_free)
        self.ledger.emptied.clear()
        self.set_clock()

    def set_clock(self) -> None:
        """Find the next cutoff anew; to be called when a departure came, changed or closed."""
        cutoffs = (departure.cutoff_ms for departure in self.state.departures.values())
        self.next_cutoff_ms = min((cutoff for cutoff in cutoffs if cutoff is not None), default=None)

    def item(self, sku: str) -> Item:
        return self.state.items.get(sku) or Item(sku=sku)

    def usable(self, location: str) -> bool:
        """Whether the site still has this location."""
        return location in self.floor.spots

    def walk(self, location: str) -> int:
        return self.floor.spots[location].walk

    def order_of(self, unit: UnitRecord) -> OrderRecord:
        return self.state.orders[unit.order_id]

    def emit(self, message: Message) -> None:
        self._out.append(message)

    def book(self, goods: Goods, quantity: int, source: str, target: str, cause: str, cause_id: str) -> None:
        """Move stock, and say so."""
        self.emit(self.ledger.move(goods, quantity, source, target, cause, cause_id, self.now_ms))

    def task_id(self) -> str:
        self.state.last_task += 1
        return f"T{self.state.last_task:06}"

    def open_tasks(self, table: dict[str, dict[str, None]], key: str) -> list[TaskRecord]:
        """What one of the indexes has under a key, in the order in which it was planned."""
        return [self.state.tasks[task_id] for task_id in sorted(table.get(key, ()))]

    def plan(self, task: Task, line: int = 0, expiry: str = "") -> TaskRecord:
        """Ask for work."""
        record = TaskRecord(task=task, line=line, expiry=expiry, waits_on=next(iter(task.after), ""))
        self.state.tasks[task.task_id] = record
        order = self.state.orders.get(task.order_id)
        if order is not None:
            order.tasks[task.task_id] = None
        self._index(record)
        self._planned[task.task_id] = task
        return record

    def amend(self, record: TaskRecord, departure_id: str, due_ms: int, priority: int) -> None:
        """Work has become more urgent, or less; what has been asked for in this very message is asked for so."""
        task = replace(record.task, departure_id=departure_id, due_ms=due_ms, priority=priority)
        record.task = task
        if task.task_id in self._planned:
            self._planned[task.task_id] = task
            return
        self.emit(
            TaskAmended(
                at_ms=self.now_ms,
                site=self.name,
                task_id=task.task_id,
                departure_id=departure_id,
                due_ms=due_ms,
                priority=priority,
            )
        )

    def withdraw(self, record: TaskRecord, reason: str) -> None:
        """No longer ask for this work; it may still be done by whoever has begun it."""
        self._unindex(record)
        record.state = TaskState.WITHDRAWN
        if record.task.kind is TaskKind.REPLENISH:
            # No order forgets it some day, and nobody says so when it was cancelled before it began.
            remember(self.state.revoked, record.task.task_id, self.state.tasks.pop(record.task.task_id))
        self.emit(TaskWithdrawn(at_ms=self.now_ms, site=self.name, task_id=record.task.task_id, reason=reason))

    def frees(self, record: TaskRecord) -> None:
        """A pick has nothing to wait for any more: its goods lie at its location."""
        self._unindex(record)
        record.waits_on = ""
        self._index(record)

    def end_task(self, record: TaskRecord) -> None:
        """The task is done, by whatever outcome, and forgotten."""
        task = record.task
        if record.state is TaskState.OPEN:
            self._unindex(record)
        self.state.tasks.pop(task.task_id, None)
        self.state.revoked.pop(task.task_id, None)
        order = self.state.orders.get(task.order_id)
        if order is not None:
            order.tasks.pop(task.task_id, None)

    def flush(self) -> list[Message]:
        """All that was said since the last time; new work and new stock levels last."""
        out, self._out = self._out, []
        if self._planned:
            out.append(TasksPlanned(at_ms=self.now_ms, site=self.name, tasks=tuple(self._planned.values())))
            self._planned = {}
        touched = sorted(self.ledger.touched)
        self.ledger.touched.clear()
        for start in range(0, len(touched), LEVELS_MAX):
            levels = tuple(self.ledger.level(sku) for sku in touched[start : start + LEVELS_MAX])
            out.append(StockLevelsChanged(at_ms=self.now_ms, site=self.name, levels=levels))
        self.vacate()
        return out

    def vacate(self) -> None:
        """Locations emptied since the last time count as empty from now on."""
        for location in self.ledger.emptied:
            self.empties.vacate(location)
        self.ledger.emptied.clear()

    def save(self) -> State:
        return copied(self.state, self.ledger.save())

    def load(self, state: State) -> None:
        self.state = copied(state, state.ledger)
        self.ledger = Ledger()
        self.ledger.load(state.ledger)
        self.furnish()

    def _is_free(self, location: str) -> bool:
        return self.ledger.is_empty(location) and location not in self.bound_for

    def _index(self, record: TaskRecord) -> None:
        task = record.task
        for table, key in self._places(record):
            table.setdefault(key, {})[task.task_id] = None
        if task.kind in BRINGS:
            self.bound_for[task.target] = self.bound_for.get(task.target, 0) + 1

    def _unindex(self, record: TaskRecord) -> None:
        task = record.task
        for table, key in self._places(record):
            del table[key][task.task_id]
            if not table[key]:
                del table[key]
        if task.kind in BRINGS:
            self.bound_for[task.target] -= 1
            if self.bound_for[task.target] == 0:
                del self.bound_for[task.target]
                self.empties.vacate(task.target)

    def _places(self, record: TaskRecord) -> Iterator[tuple[dict[str, dict[str, None]], str]]:
        """Where an open task is indexed."""
        task = record.task
        if task.kind is TaskKind.PICK:
            yield self.picks_at, task.source
            if record.waits_on:
                yield self.waiting_on, record.waits_on
        elif task.kind is TaskKind.REPLENISH:
            yield self.refills_of, task.sku
            yield self.refills_from, task.source
