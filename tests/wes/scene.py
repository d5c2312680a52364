"""A small site and a play-through of it: messages in, messages out."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import TypeAdapter

from edge.messages import (
    Departure,
    DepartureScheduled,
    Lane,
    Link,
    Machine,
    MachineChanged,
    Message,
    PackMl,
    Place,
    Rack,
    ResourceJoined,
    ResourceKind,
    ScanStatus,
    Site,
    SiteOpened,
    SortResult,
    Task,
    TaskAssigned,
    TaskDone,
    TaskKind,
    TasksPlanned,
    UnitPacked,
    UnitScanned,
    UnitSorted,
    Zone,
)
from edge.wes.engine import STATE, Engine

T0 = 1_700_000_000_000
MINUTE = 60_000
WIP_A = 3
ON_SORTER_MAX = 2
DISK = TypeAdapter(STATE)
Kind = TypeVar("Kind")


def lanes() -> tuple[Lane, ...]:
    served = {1: ("north",), 2: ("north",), 3: ("south",)}
    instead = {4: ("south", "north")}
    return tuple(
        Lane(
            lane=number,
            capacity=4,
            x_mm=number * 1000,
            y_mm=90_000,
            routes=served.get(number, ()),
            alternate_for=instead.get(number, ()),
        )
        for number in (1, 2, 3, 4, 13, 14)
    )


def small_site(**changes: Any) -> Site:
    values: dict[str, Any] = {
        "site": "S1",
        "timezone": "UTC",
        "racks": (
            Rack(prefix="A", zone="A", aisles=4, bays=10, levels=2, x_mm=0, y_mm=0),
            Rack(prefix="B", zone="B", aisles=2, bays=10, levels=2, x_mm=30_000, y_mm=0, robot=True),
        ),
        "places": (
            Place(location="PACK-A", kind="pack", zone="A", x_mm=0, y_mm=-5000),
            Place(location="PACK-B", kind="pack", zone="B", x_mm=30_000, y_mm=-5000),
            Place(location="RECV-1", kind="receiving", zone="RECV", x_mm=60_000, y_mm=0),
        ),
        "zones": (
            Zone(zone="A", wip_max=WIP_A, pack_station="PACK-A", conveyor="conveyor1"),
            Zone(zone="B", wip_max=2, pack_station="PACK-B", conveyor="conveyor2"),
        ),
        "machines": (
            Machine(machine_id="conveyor1", kind="conveyor", zone="A", feeds="sorter1"),
            Machine(machine_id="conveyor2", kind="conveyor", zone="B", feeds="sorter1"),
            Machine(
                machine_id="sorter1",
                kind="sorter",
                zone="DOCK",
                on_machine_max=ON_SORTER_MAX,
                lanes=lanes(),
                default_lane=14,
                hospital_lane=13,
            ),
            Machine(machine_id="robot1", kind="robot", zone="B"),
        ),
        "sscc_prefix": "340123456",
    }
    return Site(**(values | changes))


def of(kind: type[Kind], messages: Iterable[object]) -> list[Kind]:
    return [message for message in messages if isinstance(message, kind)]


def pick(name: str, hu: str, **changes: Any) -> Task:
    values: dict[str, Any] = {
        "task_id": name,
        "kind": TaskKind.PICK,
        "zone": "A",
        "skill": "pick",
        "source": "A-01-01-1",
        "target": "",
        "order_id": f"order-{hu}",
        "hu_id": hu,
        "sku": "sku1",
        "quantity": 5,
        "barcode": "4006381333931",
        "due_ms": T0 + 120 * MINUTE,
        "departure_id": "north-1",
    }
    return Task(**(values | changes))


def pack(name: str, hu: str, after: tuple[str, ...], **changes: Any) -> Task:
    values: dict[str, Any] = {
        "kind": TaskKind.PACK,
        "skill": "pack",
        "source": "PACK-A",
        "target": "conveyor1",
        "quantity": 1,
        "barcode": hu,
        "after": after,
    }
    return pick(name, hu, **(values | changes))


def load(name: str, hu: str, source: str, **changes: Any) -> Task:
    values: dict[str, Any] = {"kind": TaskKind.LOAD, "skill": "load", "zone": "DOCK", "source": source, "quantity": 1}
    return pick(name, hu, **(values | {"barcode": hu} | changes))


class Play:
    """One engine, its clock, and short words for what happens around it."""

    def __init__(self, dispatch: str = "rolling", site: Site | None = None) -> None:
        self.engine = Engine()
        self.now = T0
        self.seq = 0
        self.tell(SiteOpened(at_ms=T0, site=site or small_site(), dispatch=dispatch))

    def tell(self, message: Message) -> list[Message]:
        return self.engine.handle(message, self.now)

    def plan(self, *tasks: Task) -> list[Message]:
        return self.tell(TasksPlanned(at_ms=self.now, site="S1", tasks=tasks))

    def join(self, name: str, *skills: str, zones: tuple[str, ...] = ("*",), location: str = "") -> list[Message]:
        return self.tell(
            ResourceJoined(
                at_ms=self.now,
                resource_id=name,
                kind=ResourceKind.PERSON,
                skills=skills or ("pick", "pack", "load", "carry", "putaway"),
                zones=zones,
                location=location,
            )
        )

    def machine(
        self, name: str, state: PackMl = PackMl.EXECUTE, link: Link = Link.GOOD, boot: int = 1
    ) -> list[Message]:
        return self.tell(MachineChanged(at_ms=self.now, machine_id=name, state=state, link=link, boot=boot))

    def all_run(self) -> None:
        for name in ("conveyor1", "conveyor2", "sorter1", "robot1"):
            self.machine(name)

    def done(self, name: str, task: Task, quantity: int | None = None, scanned: str | None = None) -> list[Message]:
        return self.tell(
            TaskDone(
                at_ms=self.now,
                resource_id=name,
                task_id=task.task_id,
                quantity=task.quantity if quantity is None else quantity,
                scanned=task.barcode if scanned is None else scanned,
            )
        )

    def packed(self, hu: str, route: str = "north") -> list[Message]:
        return self.tell(
            UnitPacked(
                at_ms=self.now,
                hu_id=hu,
                order_id=f"order-{hu}",
                site="S1",
                route=route,
                departure_id=f"{route}-1",
                due_ms=T0 + 120 * MINUTE,
                contents=(),
                weight_g=1,
            )
        )

    def scan(self, machine: str, barcode: str, **changes: Any) -> list[Message]:
        """A new request of the machine; `seq` and `tracking_id` count up unless given."""
        self.seq += 1
        values: dict[str, Any] = {
            "boot": 1,
            "seq": self.seq,
            "tracking_id": self.seq,
            "decision_point": 1,
            "status": ScanStatus.OK,
            "recirc_count": 0,
            "budget_ms": 250,
        }
        values |= changes
        return self.tell(UnitScanned(at_ms=self.now, machine_id=machine, barcode=barcode, **values))

    def report(
        self, machine: str, tracking_id: int, result: SortResult, lane: int = 0, **changes: Any
    ) -> list[Message]:
        self.seq += 1
        values: dict[str, Any] = {
            "boot": 1,
            "seq": self.seq,
            "requested_lane": lane,
            "reason": SortResult.NONE,
            "decision_seq": 0,
            "decision_latency_ms": 5,
            "recirc_count": 0,
        }
        values |= changes
        return self.tell(
            UnitSorted(at_ms=self.now, machine_id=machine, tracking_id=tracking_id, lane=lane, result=result, **values)
        )

    def departure(self, name: str, route: str, cutoff_ms: int) -> list[Message]:
        departure = Departure(departure_id=name, site="S1", route=route, carrier="C", cutoff_ms=cutoff_ms)
        return self.tell(DepartureScheduled(at_ms=self.now, site="S1", departure=departure))


def assigned(messages: Iterable[object]) -> dict[str, str]:
    """Who got what: resource -> task id."""
    return {message.resource_id: message.task.task_id for message in of(TaskAssigned, messages)}


def through_disk(engine: Engine) -> Engine:
    """The engine as it is after a restart from its saved state."""
    fresh = Engine()
    fresh.load(DISK.validate_json(DISK.dump_json(engine.save())))
    return fresh
