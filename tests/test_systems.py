"""The systems of a process as one function: who gets which message, and that it does not matter where the WMS runs."""

import os
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from edge.codec import BadMessage
from edge.messages import (
    LOCAL,
    CommandEnded,
    CommandMachine,
    DecisionCode,
    Departure,
    DepartureScheduled,
    DeparturesPlanned,
    DivertUnit,
    EventSetAside,
    Item,
    ItemsListed,
    JobEnded,
    LaneChanged,
    LineResult,
    Link,
    MachineChanged,
    Message,
    OfficeOpened,
    OrderCaptured,
    OrderClosed,
    OrderLine,
    OrderReleased,
    PackMl,
    PeerChanged,
    ResourceJoined,
    ResourceKind,
    ScanStatus,
    SiteOpened,
    SortResult,
    StartJob,
    StockLine,
    StockMoved,
    StockOpened,
    TaskAssigned,
    TaskDone,
    TaskKind,
    TaskStarted,
    UnitPacked,
    UnitScanned,
    UnitSorted,
    Woken,
)
from edge.opening import site_message
from edge.settings import SiteSettings, read_site
from edge.systems import Systems, dump

ROOT = Path(__file__).parents[1]
MINUTE = 60_000
DAY_MS = 1_768_202_400_000
OFFICE = OfficeOpened(at_ms=0, sites=("dc1",), process_ms=2 * MINUTE, slack_ms=0)
ITEMS = ItemsListed(
    at_ms=0,
    items=(
        Item(sku="lamp", volume_ml=900, weight_g=400),
        Item(sku="mug", volume_ml=400, weight_g=300),
        Item(sku="clip", volume_ml=10, weight_g=5, robot=True),
    ),
)
STOCK = StockOpened(
    at_ms=0,
    site="dc1",
    lines=(
        StockLine(sku="lamp", location="A-01-01-1", quantity=20),
        StockLine(sku="mug", location="B-02-03-2", quantity=3),
        StockLine(sku="clip", location="R-01-02-1", quantity=50),
    ),
)


def site() -> SiteSettings:
    return read_site(ROOT / "config" / "site.yaml")


def departures(now_ms: int) -> DeparturesPlanned:
    """One in ten minutes for each of two routes, and a later one."""
    rows = (("N1", "UK-NORTH", 10), ("E1", "EXPRESS", 10), ("N2", "UK-NORTH", 30), ("E2", "EXPRESS", 30))
    return DeparturesPlanned(
        at_ms=0,
        departures=tuple(
            Departure(departure_id=name, site="dc1", route=route, carrier="c", cutoff_ms=now_ms + minutes * MINUTE)
            for name, route, minutes in rows
        ),
    )


def order(order_id: str, route: str, *lines: tuple[str, int]) -> OrderCaptured:
    return OrderCaptured(
        at_ms=0,
        order_id=order_id,
        route=route,
        lines=tuple(OrderLine(line=n, sku=sku, quantity=quantity) for n, (sku, quantity) in enumerate(lines, 1)),
    )


ORDERS = (
    order("O1", "UK-NORTH", ("lamp", 2), ("mug", 1)),
    order("O2", "EXPRESS", ("clip", 7)),
    order("O3", "UK-NORTH", ("mug", 5)),
    order("O4", "EXPRESS", ("lamp", 1), ("clip", 2)),
)


class Floor:
    """People and machines that do at once what they are told; `hear` gives what the box would hear of it."""

    def __init__(self) -> None:
        self.settings = site()
        self._seq = count(1)
        self._conveyor: dict[str, str] = {}

    def opening(self) -> Iterator[Message]:
        """Every machine is there and runs, every lane is free, two people sign on."""
        for machine in self.settings.machines:
            yield MachineChanged(at_ms=0, machine_id=machine.machine_id, state=PackMl.EXECUTE, link=Link.GOOD, boot=1)
            for lane in machine.lanes:
                yield LaneChanged(
                    at_ms=0, machine_id=machine.machine_id, lane=lane.lane, enabled=True, full=False, jam=False
                )
        for person in ("ann", "bob"):
            yield ResourceJoined(
                at_ms=0,
                resource_id=person,
                kind=ResourceKind.PERSON,
                skills=("pick", "pack", "load", "carry", "putaway"),
                zones=("*",),
                location="HOME",
            )

    def hear(self, message: Message) -> list[Message]:
        """What happens on the floor because of one message."""
        if isinstance(message, TaskAssigned) and message.resource_id in ("ann", "bob"):
            return self._work(message)
        if isinstance(message, UnitPacked):
            return [self._scan(self._conveyor[message.hu_id], message.hu_id)]
        if isinstance(message, DivertUnit):
            return self._divert(message)
        if isinstance(message, StartJob):
            job = {"machine_id": message.machine_id, "job_id": message.job_id}
            return [JobEnded(at_ms=0, **job, result="OK", picked=message.quantity, cycle_ms=900)]
        if isinstance(message, CommandMachine):
            machine = {"machine_id": message.machine_id, "command": message.command, "args": message.args}
            return [CommandEnded(at_ms=0, **machine, result="DONE")]
        return []

    def _work(self, assigned: TaskAssigned) -> list[Message]:
        task, who = assigned.task, assigned.resource_id
        if task.kind is TaskKind.PACK:
            self._conveyor[task.hu_id] = task.target
        return [
            TaskStarted(at_ms=0, resource_id=who, task_id=task.task_id),
            TaskDone(at_ms=0, resource_id=who, task_id=task.task_id, quantity=task.quantity, scanned=task.barcode),
        ]

    def _scan(self, machine_id: str, barcode: str) -> UnitScanned:
        seq = next(self._seq)
        return UnitScanned(
            at_ms=0,
            machine_id=machine_id,
            boot=1,
            seq=seq,
            tracking_id=seq,
            decision_point=1,
            status=ScanStatus.OK,
            barcode=barcode,
            recirc_count=0,
            budget_ms=250 if machine_id == "sorter1" else 0,
        )

    def _divert(self, command: DivertUnit) -> list[Message]:
        passed = command.code is DecisionCode.PASS
        done = UnitSorted(
            at_ms=0,
            machine_id=command.machine_id,
            boot=1,
            seq=next(self._seq),
            tracking_id=command.tracking_id,
            lane=command.lane,
            requested_lane=command.lane,
            result=SortResult.HANDOVER if passed else SortResult.DIVERTED,
            reason=SortResult.NONE,
            decision_seq=command.seq,
            decision_latency_ms=3,
            recirc_count=0,
        )
        return [done, self._scan("sorter1", command.hu_id)] if passed else [done]


class Day:
    """An office and a box by hand, joined by a wire; every event takes a millisecond."""

    def __init__(self, box: tuple[str, ...], office: tuple[str, ...]) -> None:
        self.processes = {"office": Systems(office, {"dc1": box}), "dc1": Systems(box, {"office": office})}
        self.floor = Floor()
        self.now_ms = DAY_MS
        self.said: list[Message] = []
        self.sent: Counter[str] = Counter()
        self._queue: deque[tuple[str, Message, str]] = deque()
        stock_at = "office" if "wms" in office else "dc1"
        opened = SiteOpened(at_ms=0, site=site_message(self.floor.settings))
        self._put("office", OFFICE, *([opened] if "wms" in office else []), ITEMS)
        self._put("dc1", opened, ITEMS, *self.floor.opening())
        self._put(stock_at, STOCK)
        self._run()
        self._put("office", departures(self.now_ms), *ORDERS)

    def play(self) -> "Day":
        until_ms = self.now_ms + 60 * MINUTE
        self._run()
        while len(self.closed()) < len(ORDERS) and self.now_ms < until_ms:
            self.now_ms = max(self.now_ms, min(at for s in self.processes.values() if (at := s.wake_at_ms) is not None))
            for name, systems in self.processes.items():
                if systems.wake_at_ms is not None and systems.wake_at_ms <= self.now_ms:
                    self._put(name, Woken(at_ms=self.now_ms))
            self._run()
        return self

    def closed(self) -> dict[str, tuple[LineResult, ...]]:
        return {m.order_id: m.lines for m in self.said if isinstance(m, OrderClosed)}

    def _put(self, process: str, *messages: Message, peer: str = "") -> None:
        self._queue.extend((process, message, peer) for message in messages)

    def _run(self) -> None:
        while self._queue:
            process, message, peer = self._queue.popleft()
            self.now_ms += 1
            settled = self.processes[process].settle(message, self.now_ms, peer)
            for to, sent in settled.sends:
                assert to != process
                assert sent is not message or not peer, "what came from a peer is not sent on"
                assert type(sent) not in LOCAL
                self.sent[type(sent).__name__] += 1
                self._put(to, sent, peer=process)
            for output in settled.outputs:
                self.said.append(output)
                self._put("dc1", *self.floor.hear(output))


def test_both_compositions_ship_the_same_lines() -> None:
    default = Day(("wms", "wes"), ("oms",)).play()
    other = Day(("wes",), ("oms", "wms")).play()
    assert set(default.closed()) == {"O1", "O2", "O3", "O4"}
    assert default.closed() == other.closed()
    shipped: Counter[str] = Counter()
    for lines in default.closed().values():
        shipped.update({line.sku: line.shipped for line in lines})
    assert shipped == {"lamp": 3, "mug": 3, "clip": 9}, "five mugs of six were wanted where three lay"
    for day in (default, other):
        moved = [message.movement for message in day.said if isinstance(message, StockMoved)]
        assert moved == list(range(1, len(moved) + 1))
    assert default.sent["OrderReleased"] == 4
    assert "TasksPlanned" not in default.sent
    assert other.sent["TasksPlanned"] > 0
    assert "OrderReleased" not in other.sent


def released(at: str) -> OrderReleased:
    return OrderReleased(
        at_ms=0,
        order_id="O1",
        rev=1,
        site=at,
        customer="",
        route="r",
        departure_id="N1",
        priority=5,
        due_ms=9,
        lines=(),
    )


def test_a_message_goes_once_to_a_peer_that_runs_several_readers() -> None:
    office = Systems(("oms",), {"dc1": ("wms", "wes")})
    scheduled = DepartureScheduled(at_ms=0, site="dc1", departure=departures(0).departures[0])
    assert office.settle(scheduled, 1).sends == (("dc1", scheduled),), "read by wms and by wes"
    assert office.settle(Woken(at_ms=1), 2).sends == ()


def test_what_follows_here_is_handled_in_the_same_entry_and_not_sent() -> None:
    alone = Systems(("oms", "wms", "wes"), {})
    for event in (OFFICE, SiteOpened(at_ms=0, site=site_message(site())), ITEMS):
        alone.settle(event, 1)
    settled = alone.settle(STOCK, 2)
    assert {type(m).__name__ for m in settled.outputs} >= {"StockMoved", "StockLevelsChanged"}
    assert settled.sends == ()
    assert alone.names == ("oms", "wms", "wes"), "the order does not hang on the settings"
    assert Systems(("wes", "oms", "wms"), {}).names == alone.names


def test_with_two_sites_the_site_decides_and_what_names_none_goes_to_both() -> None:
    office = Systems(("oms",), {"dc1": ("wms", "wes"), "dc2": ("wms", "wes")})
    assert [peer for peer, _ in office.settle(released("dc2"), 1).sends] == ["dc2"]
    assert [peer for peer, _ in office.settle(released("dc1"), 1).sends] == ["dc1"]
    assert [peer for peer, _ in office.settle(ITEMS, 1).sends] == ["dc1", "dc2"]


def test_what_came_from_a_peer_is_not_sent_on_but_what_follows_is() -> None:
    box = Systems(("wms", "wes"), {"office": ("oms",)})
    assert box.settle(ITEMS, 1, "office").sends == ()
    assert box.settle(ITEMS, 1).sends == (("office", ITEMS),)
    answers = box.settle(released("dc1"), 2, "office")
    assert [(peer, type(m).__name__) for peer, m in answers.sends] == [("office", "OrderRefused")]


@pytest.mark.parametrize(
    "local",
    [
        Woken(at_ms=1),
        OFFICE,
        PeerChanged(at_ms=1, peer="office", online=False),
        EventSetAside(at_ms=1, kind="k", body="{}", error="e"),
        SiteOpened(at_ms=0, site=site_message(site())),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_about_the_process_itself_never_travel(local: Message) -> None:
    assert type(local) in LOCAL
    nobody_here = Systems((), {"p": ("oms", "wms", "wes")})
    assert nobody_here.settle(local, 1).sends == ()
    assert nobody_here.settle(released("p"), 1).sends != (), "others do"


def test_every_local_kind_is_tried_above() -> None:
    assert {kind.__name__ for kind in LOCAL} == {
        "Woken", "OfficeOpened", "PeerChanged", "EventSetAside", "SiteOpened",
    }  # fmt: skip


def test_commands_are_given_to_the_machines_here_and_to_nobody_else() -> None:
    box = Systems(("wes",), {"office": ("oms", "wms")})
    box.settle(SiteOpened(at_ms=0, site=site_message(site())), 1)
    for message in Floor().opening():
        box.settle(message, 1)
    scanned = Floor()._scan("sorter1", "nobody knows this one")
    settled = box.settle(scanned, 2)
    [divert] = settled.commands
    assert isinstance(divert, DivertUnit)
    assert (divert.seq, divert in settled.outputs) == (scanned.seq, True)
    assert settled.sends == ()


def test_a_saved_state_goes_on_as_if_nothing_had_been_between() -> None:
    day = Day(("wms", "wes"), ("oms",)).play()
    for systems in day.processes.values():
        again = Systems(systems.names, systems._peers)
        again.load(dump(systems.save()))
        assert dump(again.save()) == dump(systems.save())
        at_ms = day.now_ms + 90 * MINUTE
        for event in (Woken(at_ms=at_ms), *Floor().opening(), *ORDERS, order("O9", "EXPRESS", ("lamp", 1))):
            assert again.settle(event, at_ms) == systems.settle(event, at_ms)


def test_a_state_that_does_not_fit_leaves_every_system_as_it_was() -> None:
    states = dump(Day(("wes",), ("oms", "wms")).play().processes["office"].save())
    fresh = Systems(("oms", "wms"), {})
    for wrong in (b'{"orders": 7}', b'{"a part of another version": {}}'):
        with pytest.raises(BadMessage):
            fresh.load(states | {"wms": wrong})
    assert dump(fresh.save()) == dump(Systems(("oms", "wms"), {}).save())
    fresh.load(states | {"twin": b'"from another version"'})
    again = dump(fresh.save())
    assert {name: again[name] for name in ("oms", "wms")} == {name: states[name] for name in ("oms", "wms")}


def test_the_same_day_gives_the_same_states_uncompiled() -> None:
    script = (
        "import hashlib; from edge import wes; from edge.systems import dump; from tests.test_systems import Day;"
        "day = Day(('wms', 'wes'), ('oms',)).play();"
        "states = [body for s in day.processes.values() for body in dump(s.save()).values()];"
        "print(wes.CORE, hashlib.sha256(b''.join(states)).hexdigest())"
    )
    clean = {name: value for name, value in os.environ.items() if name != "EDGE_UNCOMPILED"}
    said = [
        subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=clean | more, capture_output=True, text=True, check=True
        ).stdout.split()
        for more in ({}, {"EDGE_UNCOMPILED": "1"})
    ]
    assert said[1][0] == "python"
    assert said[0][1] == said[1][1]
