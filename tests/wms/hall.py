"""A small warehouse around the engine: says what the floor would say, and checks the books after every message."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from pydantic import TypeAdapter

from edge.messages import (
    Departure,
    DepartureScheduled,
    Item,
    ItemsListed,
    Lane,
    Machine,
    Message,
    OrderLine,
    OrderReleased,
    OrderRolled,
    Place,
    Rack,
    Site,
    SiteOpened,
    SortResult,
    StockLevel,
    StockLevelsChanged,
    StockLine,
    StockMoved,
    StockOpened,
    Task,
    TaskAmended,
    TaskCompleted,
    TaskKind,
    TasksPlanned,
    TaskWithdrawn,
    UnitArrived,
    Woken,
    Zone,
)
from edge.wms.engine import STATE, Engine

M = TypeVar("M")
STATES = TypeAdapter(STATE)
HOUR = 3_600_000
OUTSIDE = ("opening", "supplier", "adjustment", "customer")

LANES = (
    Lane(lane=1, capacity=20, x_mm=0, y_mm=0, routes=("north",)),
    Lane(lane=2, capacity=20, x_mm=0, y_mm=0, routes=("south",)),
    Lane(lane=3, capacity=20, x_mm=0, y_mm=0, alternate_for=("north",)),
    Lane(lane=13, capacity=20, x_mm=0, y_mm=0),
    Lane(lane=14, capacity=20, x_mm=0, y_mm=0),
)
NORTH, SOUTH, NORTH_TOO, HOSPITAL = "sorter1/L01", "sorter1/L02", "sorter1/L03", "sorter1/L13"
SITE = Site(
    site="hall",
    timezone="Europe/Berlin",
    racks=(
        Rack(prefix="A", zone="A", aisles=2, bays=3, levels=1, x_mm=0, y_mm=0),
        Rack(prefix="B", zone="B", aisles=1, bays=3, levels=1, x_mm=9000, y_mm=0),
        Rack(prefix="R", zone="B", aisles=1, bays=3, levels=1, x_mm=18000, y_mm=0, robot=True),
    ),
    places=(
        Place(location="PACK-A", kind="pack", zone="A", x_mm=0, y_mm=0),
        Place(location="PACK-B", kind="pack", zone="B", x_mm=0, y_mm=0),
        Place(location="DOCK-1", kind="dock", zone="DOCK", x_mm=0, y_mm=0),
        Place(location="RECV-1", kind="receiving", zone="RECV", x_mm=0, y_mm=0),
    ),
    zones=(
        Zone(zone="A", wip_max=9, pack_station="PACK-A", conveyor="conveyor1"),
        Zone(zone="B", wip_max=9, pack_station="PACK-B", conveyor="conveyor2"),
        Zone(zone="DOCK", wip_max=9),
        Zone(zone="RECV", wip_max=9),
    ),
    machines=(
        Machine(machine_id="sorter1", kind="sorter", zone="DOCK", lanes=LANES, default_lane=14, hospital_lane=13),
    ),
    sscc_prefix="10614141",
    hu_max_ml=10_000,
    hu_max_g=5_000,
    hu_max_units=12,
)
RESERVE = replace(
    SITE,
    racks=(
        Rack(prefix="A", zone="A", aisles=2, bays=3, levels=3, x_mm=0, y_mm=0, reserve_levels=(2, 3)),
        Rack(prefix="B", zone="B", aisles=1, bays=3, levels=2, x_mm=9000, y_mm=0, reserve_levels=(2,)),
        SITE.racks[2],
    ),
    face_max=8,
    face_min_percent=50,
)
"""The same hall with reserve above its pick faces."""
ITEMS = (
    Item(sku="apple", volume_ml=500, weight_g=200, robot=True),
    Item(sku="bolt", volume_ml=100, weight_g=100),
    Item(sku="acid", volume_ml=1_000, weight_g=900, skill="hazmat"),
    Item(sku="sofa", volume_ml=90_000, weight_g=40_000),
)


def departure(departure_id: str, cutoff_ms: int, route: str = "north") -> DepartureScheduled:
    return DepartureScheduled(
        at_ms=0,
        site="hall",
        departure=Departure(
            departure_id=departure_id, site="hall", route=route, carrier="carrier", cutoff_ms=cutoff_ms
        ),
    )


def order(
    order_id: str,
    *lines: tuple[str, int],
    rev: int = 1,
    departure_id: str = "N1",
    priority: int = 5,
    route: str = "north",
    site: str = "hall",
) -> OrderReleased:
    return OrderReleased(
        at_ms=0,
        order_id=order_id,
        rev=rev,
        site=site,
        customer="customer",
        route=route,
        departure_id=departure_id,
        priority=priority,
        due_ms=HOUR,
        lines=tuple(
            OrderLine(line=number, sku=sku, quantity=quantity) for number, (sku, quantity) in enumerate(lines, 1)
        ),
    )


def rolled(order_id: str, previous_id: str, departure_id: str, due_ms: int = 2 * HOUR) -> OrderRolled:
    return OrderRolled(
        at_ms=0,
        order_id=order_id,
        site="hall",
        previous_id=previous_id,
        departure_id=departure_id,
        due_ms=due_ms,
        reason="missed",
    )


def stock(sku: str, location: str, quantity: int, lot: str = "", expiry: str = "") -> StockLine:
    return StockLine(sku=sku, location=location, quantity=quantity, lot=lot, expiry=expiry)


def only(kind: type[M], messages: Iterable[Message]) -> list[M]:
    return [message for message in messages if isinstance(message, kind)]


def one(kind: type[M], messages: Iterable[Message]) -> M:
    (found,) = only(kind, messages)
    return found


class Hall:
    """`tasks` are the ones asked for and not done or withdrawn; `books` what the movements alone say lies where."""

    def __init__(self, *lines: StockLine, site: Site = SITE) -> None:
        self.engine = Engine()
        self.shadow: Engine | None = None
        self.now_ms = 0
        self.said: list[Message] = []
        self.tasks: dict[str, Task] = {}
        self.withdrawn: dict[str, Task] = {}
        self.books: Counter[tuple[str, str, str]] = Counter()
        self.levels: dict[str, StockLevel] = {}
        self.movements = 0
        self.send(SiteOpened(at_ms=0, site=site))
        self.send(ItemsListed(at_ms=0, items=ITEMS))
        self.send(departure("N1", HOUR))
        if lines:
            self.send(StockOpened(at_ms=0, site="hall", lines=lines))

    def send(self, message: Message) -> list[Message]:
        self.now_ms += 1
        out = self.engine.handle(message, self.now_ms)
        if self.shadow is not None:
            assert self.shadow.handle(message, self.now_ms) == out
        if isinstance(message, TaskCompleted):
            self.tasks.pop(message.task_id, None)
            self.withdrawn.pop(message.task_id, None)
        for said in out:
            assert said.at_ms == self.now_ms
            self._note(said)
        self.said += out
        self._check_books()
        return out

    def done(self, task: Task, quantity: int | None = None) -> list[Message]:
        return self.send(completed(task, quantity))

    def do_all(self, *kinds: TaskKind) -> list[Message]:
        """Finish all open tasks of these kinds, and those that follow from it."""
        out: list[Message] = []
        while todo := [task for task in self.tasks.values() if task.kind in kinds]:
            out += self.done(todo[0])
        return out

    def of_kind(self, kind: TaskKind) -> list[Task]:
        return [task for task in self.tasks.values() if task.kind is kind]

    def arrive(self, hu_id: str, location: str = NORTH) -> list[Message]:
        return self.send(arrived(hu_id, location))

    def pass_time(self, until_ms: int) -> list[Message]:
        self.now_ms = max(self.now_ms, until_ms)
        return self.send(Woken(at_ms=self.now_ms))

    def on_hand(self, location: str, sku: str) -> int:
        return sum(amount for (account, name, _), amount in self.books.items() if (account, name) == (location, sku))

    def saved(self) -> Engine:
        """A second engine that starts from this one's state as it would be on disk."""
        engine = Engine()
        engine.load(STATES.validate_json(STATES.dump_json(self.engine.save())))
        return engine

    def _note(self, said: Message) -> None:
        if isinstance(said, TasksPlanned):
            self.tasks.update({task.task_id: task for task in said.tasks})
        elif isinstance(said, TaskAmended):
            task = self.tasks[said.task_id]
            urgency = {"departure_id": said.departure_id, "due_ms": said.due_ms, "priority": said.priority}
            self.tasks[said.task_id] = replace(task, **urgency)
        elif isinstance(said, TaskWithdrawn):
            self.withdrawn[said.task_id] = self.tasks.pop(said.task_id)
        elif isinstance(said, StockLevelsChanged):
            assert len(said.levels) <= 500
            self.levels.update({level.sku: level for level in said.levels})
        elif isinstance(said, StockMoved):
            self.movements += 1
            assert said.movement == self.movements
            assert said.quantity > 0
            for account, amount in ((said.source, -said.quantity), (said.target, said.quantity)):
                self.books[account, said.sku, said.lot] += amount
                assert account in OUTSIDE or self.books[account, said.sku, said.lot] >= 0

    def _check_books(self) -> None:
        held: Counter[tuple[str, str, str]] = Counter()
        on_hand: Counter[str] = Counter()
        free: Counter[str] = Counter()
        for balance in self.engine.balances():
            assert min(balance.allocated, balance.moving, balance.available) >= 0
            held[balance.account, balance.goods.sku, balance.goods.lot] += balance.quantity
            if not balance.account.startswith("hu:") and balance.account != "RECV-1":
                on_hand[balance.goods.sku] += balance.quantity
                free[balance.goods.sku] += balance.quantity - balance.allocated
        assert held == {key: amount for key, amount in self.books.items() if key[0] not in OUTSIDE and amount}
        for sku, level in self.levels.items():
            assert (level.on_hand, level.available) == (on_hand[sku], free[sku])
        totals = self.engine.totals()
        assert totals.balanced
        assert totals.on_hand == on_hand.total()
        assert totals.shipped == self._sum("customer")
        assert totals.received == -self._sum("supplier")
        assert totals.adjusted == -self._sum("adjustment")

    def _sum(self, account: str) -> int:
        return sum(amount for (name, _, _), amount in self.books.items() if name == account)


def completed(task: Task, quantity: int | None = None, reason: str = "") -> TaskCompleted:
    return TaskCompleted(
        at_ms=0,
        task_id=task.task_id,
        kind=task.kind,
        resource_id="anna",
        quantity=task.quantity if quantity is None else quantity,
        reason=reason,
        assigned_ms=0,
    )


def arrived(hu_id: str, location: str = NORTH) -> UnitArrived:
    return UnitArrived(
        at_ms=0, hu_id=hu_id, machine_id="sorter1", location=location, result=SortResult.DIVERTED, reason=""
    )
