"""The state, the floor and the ledger in one hand, and the few steps that all rooms of the WMS share."""

from edge.messages import Item, Message, Site, StockLevelsChanged, Task, TaskKind, TasksPlanned, TaskWithdrawn
from edge.wms.floor import NOWHERE, Floor
from edge.wms.ledger import Goods, Ledger
from edge.wms.putaway import EmptyLocations
from edge.wms.state import OrderRecord, State, TaskRecord, TaskState, UnitRecord, copied

LEVELS_MAX = 500
"""At most so many levels in one StockLevelsChanged."""


class Warehouse:
    """What handlers work on. They change `state` and the ledger, and say so with `emit`.

    `picks_at` and `putaways_to` are indexes over the open tasks, `empties` one over the floor; they are made anew from
    the state after a load, so nothing may depend on their order.
    """

    def __init__(self) -> None:
        self.state = State()
        self.ledger = Ledger()
        self.now_ms = 0
        self._out: list[Message] = []
        self._planned: list[Task] = []
        self.picks_at: dict[str, dict[str, None]] = {}
        self.putaways_to: dict[str, int] = {}
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
        self.picks_at, self.putaways_to = {}, {}
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

    def plan(self, task: Task, line: int = 0, expiry: str = "") -> None:
        """Ask for work."""
        record = TaskRecord(task=task, line=line, expiry=expiry)
        self.state.tasks[task.task_id] = record
        order = self.state.orders.get(task.order_id)
        if order is not None:
            order.tasks[task.task_id] = None
        self._index(record)
        self._planned.append(task)

    def withdraw(self, record: TaskRecord, reason: str) -> None:
        """No longer ask for this work; it may still be done by whoever has begun it."""
        self._unindex(record)
        record.state = TaskState.WITHDRAWN
        self.emit(TaskWithdrawn(at_ms=self.now_ms, site=self.name, task_id=record.task.task_id, reason=reason))

    def end_task(self, record: TaskRecord) -> None:
        """The task is done, by whatever outcome, and forgotten."""
        task = record.task
        if record.state is TaskState.OPEN:
            self._unindex(record)
        del self.state.tasks[task.task_id]
        order = self.state.orders.get(task.order_id)
        if order is not None:
            order.tasks.pop(task.task_id, None)

    def flush(self) -> list[Message]:
        """All that was said since the last time; new work and new stock levels last."""
        out, self._out = self._out, []
        if self._planned:
            out.append(TasksPlanned(at_ms=self.now_ms, site=self.name, tasks=tuple(self._planned)))
            self._planned = []
        touched = sorted(self.ledger.touched)
        self.ledger.touched.clear()
        for start in range(0, len(touched), LEVELS_MAX):
            levels = tuple(self.ledger.level(sku) for sku in touched[start : start + LEVELS_MAX])
            out.append(StockLevelsChanged(at_ms=self.now_ms, site=self.name, levels=levels))
        for location in self.ledger.emptied:
            self.empties.vacate(location)
        self.ledger.emptied.clear()
        return out

    def save(self) -> State:
        return copied(self.state, self.ledger.save())

    def load(self, state: State) -> None:
        self.state = copied(state, state.ledger)
        self.ledger = Ledger()
        self.ledger.load(state.ledger)
        self.furnish()

    def _is_free(self, location: str) -> bool:
        return self.ledger.is_empty(location) and location not in self.putaways_to

    def _index(self, record: TaskRecord) -> None:
        task = record.task
        if task.kind is TaskKind.PICK:
            self.picks_at.setdefault(task.source, {})[task.task_id] = None
        elif task.kind is TaskKind.PUTAWAY:
            self.putaways_to[task.target] = self.putaways_to.get(task.target, 0) + 1

    def _unindex(self, record: TaskRecord) -> None:
        task = record.task
        if task.kind is TaskKind.PICK:
            here = self.picks_at[task.source]
            del here[task.task_id]
            if not here:
                del self.picks_at[task.source]
        elif task.kind is TaskKind.PUTAWAY:
            self.putaways_to[task.target] -= 1
            if self.putaways_to[task.target] == 0:
                del self.putaways_to[task.target]
                self.empties.vacate(task.target)
