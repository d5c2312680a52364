"""A stand-in for the runtime: the real Feed and Twin on a real socket, and a small floor that answers reports."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from edge.messages import (
    GoodsReceived,
    GoodsRefused,
    Lane,
    LineQuantity,
    Machine,
    MachineCommandRequested,
    Message,
    OrderAccepted,
    OrderCancelRefused,
    OrderCancelRequested,
    OrderCaptured,
    OrderRejected,
    Place,
    Rack,
    ResourceJoined,
    Site,
    SiteOpened,
    Task,
    TaskAssigned,
    TaskCompleted,
    TaskDone,
    TaskKind,
    TaskRefused,
    TaskStarted,
    Zone,
)
from edge.messages.machines import MachineCommandRefused
from edge.messages.vehicles import VehicleActionEnded, VehicleActionRequested, VehicleChanged, VehicleLink, VehicleMode
from edge.page.feed import Feed
from edge.page.figures import Figures
from edge.page.twin import Twin
from edge.plc.image import ProcessImage
from edge.settings import read_tags

SORTER_TAGS = Path(__file__).resolve().parents[2] / "config" / "tags" / "sorter_modbus.csv"
ROUTES = ["UK-NORTH", "UK-MIDLANDS", "UK-SOUTH", "UK-LONDON", "EXPRESS", "EU-CENTRAL", "EU-SOUTH", "WORLD"]


def site() -> Site:
    """The default site: two zones, two conveyors, a robot, a sorter of 14 lanes."""
    serves = [r for r in ROUTES[:4] for _ in (1, 2)] + ROUTES[4:]
    lanes = tuple(
        Lane(
            lane=n,
            capacity=40 if n < 9 else 30,
            x_mm=8000 + 2000 * n,
            y_mm=-20000,
            routes=(serves[n - 1],) if n < 13 else (),
        )
        for n in range(1, 15)
    )
    return Site(
        site="dc1",
        timezone="Europe/London",
        racks=(
            Rack(prefix="A", zone="A", aisles=12, bays=40, levels=4, x_mm=0, y_mm=6000),
            Rack(prefix="B", zone="B", aisles=6, bays=40, levels=4, x_mm=45000, y_mm=6000),
            Rack(prefix="R", zone="B", aisles=4, bays=10, levels=3, x_mm=66000, y_mm=6000, aisle_mm=1500, robot=True),
        ),
        places=(
            Place(location="PACK-A", kind="pack", zone="A", x_mm=18000, y_mm=0),
            Place(location="PACK-B", kind="pack", zone="B", x_mm=54000, y_mm=0),
            Place(location="DOCK-1", kind="dock", zone="DOCK", x_mm=36000, y_mm=-30000),
            Place(location="RECV-1", kind="receiving", zone="RECV", x_mm=-6000, y_mm=0),
            Place(location="HOME", kind="home", zone="A", x_mm=30000, y_mm=0),
        ),
        zones=(
            Zone(zone="A", wip_max=60, pack_station="PACK-A", conveyor="conveyor1"),
            Zone(zone="B", wip_max=40, pack_station="PACK-B", conveyor="conveyor2"),
            Zone(zone="DOCK", wip_max=1000),
            Zone(zone="RECV", wip_max=1000),
        ),
        machines=(
            Machine(machine_id="conveyor1", kind="conveyor", zone="A", feeds="sorter1"),
            Machine(machine_id="conveyor2", kind="conveyor", zone="B", feeds="sorter1"),
            Machine(machine_id="robot1", kind="robot", zone="B"),
            Machine(
                machine_id="sorter1",
                kind="sorter",
                zone="",
                on_machine_max=24,
                lanes=lanes,
                default_lane=14,
                hospital_lane=13,
            ),
        ),
        sscc_prefix="0950600012",
    )


def pick(task_id: str, **fields: object) -> Task:
    """A pick like the WMS plans them."""
    task = Task(
        task_id=task_id,
        kind=TaskKind.PICK,
        zone="A",
        skill="pick",
        source="A-03-12-2",
        target="109506000120000017",
        order_id="O-1",
        hu_id="109506000120000017",
        sku="SKU-0042",
        quantity=3,
        barcode="5012345678900",
        due_ms=3_600_000,
        departure_id="NORTH-1100",
    )
    return Task(**{f: getattr(task, f) for f in task.__dataclass_fields__} | fields)


def vehicle(vehicle_id: str, *, paused: bool = False) -> VehicleChanged:
    """A vehicle that is there."""
    return VehicleChanged(
        at_ms=1, vehicle_id=vehicle_id, link=VehicleLink.ONLINE, mode=VehicleMode.AUTOMATIC, node_id="n1", paused=paused
    )


def link_view() -> dict[str, Any]:
    """The figures of a link that was lost once and has polled once."""
    image = ProcessImage(read_tags(SORTER_TAGS))
    image.counts.plan("FAST", 20).done(0, 12.5)
    image.counts.count("links_lost")
    return image.figures()


class Stage:
    """Figures, twin, feed, and a report() that answers like a small WES and OMS would."""

    def __init__(self) -> None:
        self.twin = Twin()
        self.feed = Feed()
        self.figures = Figures()
        self.reported: list[Message] = []
        self.clock_ms = 1_000_000
        self.held: asyncio.Event | None = None
        self.done: dict[str, Task] = {}

    def now_ms(self) -> int:
        return self.clock_ms

    def tell(self, *messages: Message) -> None:
        """Publishes as the runtime does: twin and feed in one step."""
        for message in messages:
            self.figures.count("events")
            self.twin.see(message, self.now_ms())
            self.feed.publish(message)

    async def report(self, message: Message) -> Sequence[Message]:
        if self.held is not None:
            await self.held.wait()
        self.reported.append(message)
        outputs = self._outputs(message)
        self.tell(message, *outputs)
        return outputs

    def _outputs(self, m: Message) -> list[Message]:
        match m:
            case ResourceJoined():
                return [TaskAssigned(at_ms=m.at_ms, resource_id=m.resource_id, task=pick("T-1"), reason="nearest")]
            case TaskDone() | TaskStarted():
                return self._task(m)
            case OrderCaptured(lines=()):
                return [
                    OrderRejected(at_ms=m.at_ms, order_id=m.order_id, rev=m.rev, reason="NO_LINES", detail="no lines")
                ]
            case OrderCaptured(route="ELSEWHERE"):
                return []
            case OrderCaptured():
                return [
                    OrderAccepted(
                        at_ms=m.at_ms,
                        order_id=m.order_id,
                        rev=m.rev,
                        site="dc1",
                        departure_id="NORTH-1100",
                        promised_ms=5,
                        release_at_ms=4,
                        ordered_units=sum(line.quantity for line in m.lines),
                    )
                ]
            case OrderCancelRequested(order_id="SHIPPED"):
                return [OrderCancelRefused(at_ms=m.at_ms, order_id=m.order_id, reason="SHIPPED", detail="it has left")]
            case GoodsReceived(asn_id="NONE"):
                return [GoodsRefused(at_ms=m.at_ms, asn_id="NONE", hu_id=m.hu_id, reason="UNKNOWN_ASN", detail="none")]
            case VehicleActionRequested(vehicle_id="agv2"):
                return [
                    VehicleActionEnded(
                        at_ms=m.at_ms, vehicle_id="agv2", action_id="a", result="FAILED", reason="NOT_ONLINE silent"
                    )
                ]
            case MachineCommandRequested(machine_id="sorter1"):
                return [
                    MachineCommandRefused(
                        at_ms=m.at_ms,
                        machine_id="sorter1",
                        command=m.command,
                        by=m.by,
                        request_id=m.request_id,
                        reason="STATE",
                        detail="RESET is for STOPPED",
                    )
                ]
        return []

    def _task(self, m: TaskDone | TaskStarted) -> list[Message]:
        def refused(reason: str) -> list[Message]:
            return [
                TaskRefused(at_ms=m.at_ms, resource_id=m.resource_id, task_id=m.task_id, reason=reason, detail="no")
            ]

        mine = {t.task_id: t for t, _ in self.twin.tasks_of(m.resource_id) or ()}
        if m.task_id in self.done:
            return refused("ALREADY_DONE")
        if m.task_id not in mine:
            return refused("NOT_YOURS")
        if isinstance(m, TaskStarted):
            return []
        task = mine[m.task_id]
        if task.barcode and m.scanned != task.barcode:
            return refused("WRONG_BARCODE")
        self.done[m.task_id] = task
        number = int(m.task_id.split("-")[1]) + 1
        return [
            TaskCompleted(
                at_ms=m.at_ms,
                task_id=m.task_id,
                kind=task.kind,
                resource_id=m.resource_id,
                quantity=m.quantity,
                assigned_ms=0,
            ),
            TaskAssigned(at_ms=m.at_ms, resource_id=m.resource_id, task=pick(f"T-{number}"), reason="next"),
        ]

    @contextlib.asynccontextmanager
    async def serving(self, path: Path, now_ms: Callable[[], int] | None = None) -> AsyncIterator["Stage"]:
        """The feed on its socket, until the block ends."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.feed.serve(path, self.twin, self.report, self.figures, now_ms or self.now_ms))
            while not path.exists():
                assert not task.done()
                await asyncio.sleep(0.01)
            yield self
            task.cancel()


def opened(at_ms: int = 1) -> SiteOpened:
    return SiteOpened(at_ms=at_ms, site=site())


def line(quantity: int = 1, sku: str = "SKU-1") -> LineQuantity:
    return LineQuantity(line=1, sku=sku, quantity=quantity)
