"""Whatever the floor does: the books balance, every order ends once, and a restart changes no answer."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.messages import (
    AsnAnnounced,
    AsnLine,
    DepartureClosed,
    GoodsReceived,
    LineShorted,
    Message,
    OrderReleased,
    OrderShipped,
    TaskKind,
    UnitMissing,
    UnitPacked,
    Woken,
)
from tests.wms.hall import (
    HOSPITAL,
    HOUR,
    NORTH,
    RESERVE,
    SITE,
    SOUTH,
    Hall,
    arrived,
    completed,
    departure,
    only,
    order,
    rolled,
    stock,
)

SKUS = ("apple", "bolt", "acid", "sofa")
STOCK = (
    stock("apple", "A-01-01-1", 9, expiry="2030-01-01"),
    stock("apple", "A-01-02-1", 7),
    stock("apple", "R-01-01-1", 9, lot="x"),
    stock("bolt", "A-01-02-1", 20),
    stock("bolt", "B-01-01-1", 6),
    stock("acid", "B-01-02-1", 9),
    stock("sofa", "A-02-01-1", 2),
)
ABOVE = (
    *STOCK,
    stock("apple", "A-01-01-2", 30, expiry="2030-01-01"),
    stock("apple", "A-01-02-2", 9),
    stock("apple", "B-01-01-2", 12, lot="x"),
    stock("bolt", "A-02-02-3", 9),
    stock("bolt", "A-02-03-3", 9, lot="y"),
    stock("acid", "B-01-03-2", 11),
)
HALLS = {"all faces": (SITE, STOCK), "reserve above": (RESERVE, ABOVE)}
NAMES = st.sampled_from(list(HALLS))
ACTIONS = (
    *("release", "release", "task", "task", "short", "short", "late", "late", "arrive", "arrive"),
    *("missing", "close", "roll", "roll_back", "receive"),
)
ACTION = st.tuples(st.sampled_from(ACTIONS), st.integers(0, 999), st.integers(0, 999))
DAYS = st.lists(ACTION, min_size=20, max_size=90)


class Day:
    """Turns numbers into things that may happen; leftovers of a closed departure roll as the office would roll them."""

    def __init__(self, name: str = "all faces") -> None:
        site, lines = HALLS[name]
        self.hall = Hall(*lines, site=site)
        self.departures = 1
        self.released: dict[str, OrderReleased] = {}
        self.receipts = 0
        lines = tuple(AsnLine(sku=sku, quantity=40) for sku in SKUS)
        self.hall.send(AsnAnnounced(at_ms=0, site="hall", asn_id="asn", lines=lines))

    def act(self, action: str, a: int, b: int) -> None:
        getattr(self, action)(a, b)

    def say(self, message: Message) -> list[Message]:
        """Every message comes twice; the second time changes nothing and answers alike."""
        out = self.hall.send(message)
        tasks, movements = dict(self.hall.tasks), self.hall.movements
        again = self.hall.send(message)
        assert self.hall.tasks == tasks
        assert self.hall.movements == movements
        assert [type(said) for said in again] in ([], [type(said) for said in out[:1]])
        return out

    def release(self, a: int, b: int) -> None:
        order_id = str(len(self.released))
        lines = [(SKUS[(a + step * b) % 4 if a % 2 else 0], 1 + b % 4) for step in range(1 + b % 3)]
        route = ("north", "south", "east")[a % 3]
        message = order(order_id, *lines, departure_id=f"N{self.departures}", priority=1 + b % 9, route=route)
        self.released[order_id] = message
        self.say(message)

    def task(self, a: int, b: int) -> None:
        task = pick(self.hall.tasks, a)
        if task:
            self.say(completed(task))

    def short(self, a: int, b: int) -> None:
        task = pick(self.hall.tasks, a)
        if task:
            self.say(completed(task, b % (task.quantity + 3)))

    def late(self, a: int, b: int) -> None:
        task = pick(self.hall.withdrawn, a)
        if task:
            self.say(completed(task, 1 + b % (task.quantity + 1)))

    def arrive(self, a: int, b: int) -> None:
        hu_id = pick(self.hall.engine.save().units, a, key=True)
        if hu_id:
            self.say(arrived(hu_id, (NORTH, SOUTH, HOSPITAL)[b % 3]))

    def missing(self, a: int, b: int) -> None:
        hu_id = pick(self.hall.engine.save().units, a, key=True)
        if hu_id:
            self.say(UnitMissing(at_ms=0, hu_id=hu_id, machine_id="sorter1", reason="LOST"))

    def close(self, a: int, b: int) -> None:
        previous = f"N{self.departures}"
        self.departures += 1
        self.say(departure(f"N{self.departures}", self.departures * HOUR))
        self.hall.now_ms = max(self.hall.now_ms, (self.departures - 1) * HOUR)
        (closed,) = only(DepartureClosed, self.say(Woken(at_ms=self.hall.now_ms)))
        assert closed.departure_id == previous
        for order_id in closed.left_behind:
            self.say(rolled(order_id, previous, f"N{self.departures}", due_ms=self.departures * HOUR))

    def roll(self, a: int, b: int) -> None:
        order_id = pick(self.hall.engine.save().orders, a, key=True)
        if order_id:
            previous = f"N{self.departures}"
            self.departures += 1
            self.say(departure(f"N{self.departures}", self.departures * HOUR))
            self.say(rolled(order_id, previous, f"N{self.departures}", due_ms=b))
            self.departures -= 1

    def roll_back(self, a: int, b: int) -> None:
        order_id = pick(self.hall.engine.save().orders, a, key=True)
        if order_id and self.departures > 1:
            self.say(rolled(order_id, "?", "N1", due_ms=b))

    def receive(self, a: int, b: int) -> None:
        self.receipts += 1
        self.say(
            GoodsReceived(
                at_ms=0,
                asn_id="asn",
                hu_id=f"in{self.receipts}",
                sku=SKUS[a % 4],
                lot="xyz"[b % 3],
                quantity=b % 9,
                by="b",
            )
        )

    def finish(self) -> None:
        """Everybody does what is still asked for, until nothing is."""
        for _ in range(200):
            state = self.hall.engine.save()
            if not state.orders and not self.hall.tasks:
                return
            out: list[Message] = []
            for task in list(self.hall.tasks.values()):
                if task.task_id in self.hall.tasks:
                    out += self.say(completed(task))
            for unit in list(state.units.values()):
                out += self.say(arrived(unit.hu_id, NORTH))
            if not self.hall.tasks:
                self.close(0, 0)
        raise AssertionError("orders do not end")


def pick(table: dict, number: int, *, key: bool = False):
    if not table:
        return None
    name = list(table)[number % len(table)]
    return name if key else table[name]


def check_ends(day: Day) -> None:
    shorted: Counter[tuple[str, int]] = Counter()
    shipped: dict[str, OrderShipped] = {}
    for fact in day.hall.said:
        if isinstance(fact, LineShorted):
            shorted[fact.order_id, fact.line] += fact.quantity
        elif isinstance(fact, OrderShipped):
            assert fact.order_id not in shipped
            shipped[fact.order_id] = fact
    packed = {unit.hu_id: unit for unit in only(UnitPacked, day.hall.said)}
    for order_id, released in day.released.items():
        sent = {line.line: line.quantity for line in shipped[order_id].lines}
        for line in released.lines:
            assert sent.get(line.line, 0) + shorted[order_id, line.line] == line.quantity
        contents = [content for hu_id in shipped[order_id].units for content in packed[hu_id].contents]
        assert sum(content.quantity for content in contents) == sum(sent.values())
    totals = day.hall.engine.totals()
    assert totals.in_process == 0
    assert totals.shipped == sum(line.quantity for fact in shipped.values() for line in fact.lines)
    closings = [fact.departure_id for fact in only(DepartureClosed, day.hall.said)]
    assert len(closings) == len(dict.fromkeys(closings))


def check_open(day: Day) -> None:
    """An open line is always being worked on: its open picks ask for just what it lacks."""
    asked: Counter[tuple[str, str]] = Counter()
    for task in day.hall.of_kind(TaskKind.PICK):
        asked[task.order_id, task.sku] += task.quantity
    lacking: Counter[tuple[str, str]] = Counter()
    state = day.hall.engine.save()
    for record in state.orders.values():
        for line in record.lines.values():
            lacking[record.order_id, line.sku] += line.wanting
    assert asked == +lacking
    reserved = sum(balance.allocated for balance in day.hall.engine.balances())
    assert reserved == sum(task.quantity for task in day.hall.of_kind(TaskKind.PICK))
    assert {key for key, record in state.tasks.items() if record.state == "open"} == set(day.hall.tasks)


def check_refills(day: Day) -> None:
    """What is set aside goes to the faces or is waited for, and who waits, waits for work that is still wanted."""
    state = day.hall.engine.save()
    tasks = state.tasks
    refills = {key: record for key, record in tasks.items() if record.task.kind is TaskKind.REPLENISH}
    waited: Counter[str] = Counter()
    for record in tasks.values():
        if record.waits_on:
            waited[record.waits_on] += record.task.quantity
            assert refills[record.waits_on].task.target == record.task.source
    assert waited == Counter({key: record.claimed for key, record in refills.items() if record.claimed})
    moving = sum(balance.moving for balance in day.hall.engine.balances())
    assert moving == sum(record.unclaimed for record in refills.values())
    for key in refills:
        told, waiting = day.hall.tasks[key], [each.task.order_id for each in tasks.values() if each.waits_on == key]
        orders = [state.orders[order_id] for order_id in waiting]
        first = min(orders, key=lambda each: (each.due_ms, each.priority, each.order_id), default=None)
        assert (told.departure_id != "") == (first is not None)
        if first is not None:
            assert (told.departure_id, told.due_ms, told.priority) == (
                first.departure_id,
                first.due_ms,
                first.priority,
            )


@settings(max_examples=150, deadline=None)
@given(NAMES, DAYS)
def test_the_books_balance_and_every_order_ends_once(name: str, actions: list[tuple[str, int, int]]):
    day = Day(name)
    for action in actions:
        day.act(*action)
        check_open(day)
        check_refills(day)
    day.finish()
    check_ends(day)


@settings(max_examples=50, deadline=None)
@given(NAMES, DAYS, st.integers(0, 40))
def test_a_restart_in_the_middle_changes_no_answer(name: str, actions: list[tuple[str, int, int]], restart: int):
    day = Day(name)
    for number, action in enumerate(actions):
        if number == restart:
            day.hall.shadow = day.hall.saved()
        day.act(*action)
    day.hall.shadow = day.hall.shadow or day.hall.saved()
    day.finish()
    check_ends(day)
    assert day.hall.shadow.save() == day.hall.engine.save()


def test_a_saved_state_does_not_change_with_the_engine():
    day = Day()
    for number in range(6):
        day.release(number, number + 3)
    state, tasks = day.hall.engine.save(), dict(day.hall.tasks)
    before = repr(state)
    day.finish()
    assert repr(state) == before
    day.hall.engine.load(state)
    day.hall.engine.handle(completed(next(iter(tasks.values()))), day.hall.now_ms)
    assert repr(state) == before
