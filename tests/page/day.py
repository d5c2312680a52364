"""A believable morning for the page: packing, belts, sorter, loading, told as messages in time. Seeded, no clock."""

import heapq
import random
from collections.abc import Callable

from edge.messages import (
    AlarmAcknowledged,
    AlarmRaised,
    DecisionCode,
    Departure,
    DepartureClosed,
    DepartureScheduled,
    DivertUnit,
    LaneChanged,
    LineQuantity,
    Link,
    MachineChanged,
    Message,
    OfficeOpened,
    OrderAccepted,
    OrderAdmitted,
    OrderCaptured,
    OrderLine,
    OrderRejected,
    OrderReleased,
    OrderRolled,
    OrderShipped,
    OrderStarted,
    PackMl,
    PeerChanged,
    ResourceJoined,
    ResourceKind,
    ScanStatus,
    SortResult,
    StartJob,
    TaskAssigned,
    TaskCompleted,
    TaskKind,
    TaskStarted,
    UnitArrived,
    UnitContent,
    UnitLoaded,
    UnitPacked,
    UnitScanned,
    UnitSorted,
    UnitStaged,
)
from tests.page.stage import ROUTES, opened, pick

START_MS = 1_795_429_200_000 - 8 * 60_000
MINUTE = 60_000
CARRIERS = ["Pennine Haulage", "Trent Freight", "Downs Parcels", "Downs Parcels", "Swift Couriers", "Rhine Logistik"]
CREW = [
    ("ann", "A", "pick"),
    ("bo", "A", "pick"),
    ("cem", "A", "pick"),
    ("dia", "A", "pack"),
    ("eli", "B", "pick"),
    ("fay", "B", "pick"),
    ("gus", "B", "pack"),
    ("hal", "DOCK", "load"),
    ("ida", "DOCK", "load"),
]


class Day:
    """Messages in the order of their time: run_until() tells all that are due."""

    def __init__(self, tell: Callable[[Message], None], seed: int = 7) -> None:
        self.tell = tell
        self.now_ms = START_MS
        self.random = random.Random(seed)
        self._due: list[tuple[int, int, Callable[[int], None]]] = []
        self._n = 0
        self._units = 0
        self._tracking = 100
        self.departures: dict[str, str] = {}

    def at(self, at_ms: int, act: Callable[[int], None]) -> None:
        self._n += 1
        heapq.heappush(self._due, (at_ms, self._n, act))

    def run_until(self, at_ms: int) -> None:
        while self._due and self._due[0][0] <= at_ms:
            when, _, act = heapq.heappop(self._due)
            self.now_ms = when
            act(when)
        self.now_ms = at_ms

    def open(self) -> None:
        """The box at START_MS: machines run, people are there, orders wait."""
        t = START_MS
        self.tell(opened(t))
        self.tell(PeerChanged(at_ms=t, peer="office", online=True))
        for machine in ("conveyor1", "conveyor2", "robot1", "sorter1"):
            self.tell(MachineChanged(at_ms=t, machine_id=machine, state=PackMl.EXECUTE, link=Link.GOOD, boot=1))
        self._timetable(t)
        for name, zone, skill in CREW:
            self.tell(
                ResourceJoined(
                    at_ms=t,
                    resource_id=name,
                    kind=ResourceKind.PERSON,
                    skills=(skill,),
                    zones=(zone,),
                    location="HOME" if zone in "AB" else "DOCK-1",
                )
            )
        for n in range(90):
            self._order(t, n)
        for n, (name, zone, skill) in enumerate(CREW):
            if skill == "pick":
                self.at(t + n * 3000, lambda at, name=name, zone=zone: self._pick(at, name, zone))  # type: ignore[misc]
        for zone in ("A", "B"):
            self.at(t + 1000, lambda at, zone=zone: self._pack(at, zone))  # type: ignore[misc]
        self.at(t + 5000, self._robot)

    def trouble(self) -> None:
        """Something is wrong: a jam, a full lane, a lost link, a person who has to look."""
        t = self.now_ms
        self.tell(LaneChanged(at_ms=t, machine_id="sorter1", lane=4, enabled=True, full=False, jam=True))
        self.tell(LaneChanged(at_ms=t, machine_id="sorter1", lane=9, enabled=True, full=True, jam=False))
        self.tell(LaneChanged(at_ms=t, machine_id="sorter1", lane=12, enabled=False, full=False, jam=False))
        self.tell(MachineChanged(at_ms=t, machine_id="robot1", state=PackMl.HELD, link=Link.GOOD, reason="gripper"))
        for n, (priority, source, text, action) in enumerate(
            [
                (2, "sorter1/L04", "Lane 4 is jammed", "Clear the jam, then press Clear jam on lane 4."),
                (3, "sorter1/L09", "Lane 9 (EXPRESS) is full", "Load EXPRESS-1300 or open another lane."),
                (3, "robot1", "Robot holds: gripper pressure low", "Check the hose at cell 1 and restart."),
                (4, "hospital", "12 units wait in the hospital lane", "Relabel them at HOSP-1."),
            ]
        ):
            alarm = AlarmRaised(
                at_ms=t - n * 40_000, alarm_id=f"a{n}", source=source, priority=priority, text=text, action=action
            )
            self.tell(alarm)
        self.tell(AlarmAcknowledged(at_ms=t, alarm_id="a3", by="ida"))

    def _timetable(self, t: int) -> None:
        for n, route in enumerate(ROUTES):
            for k, minutes in enumerate((9 + n * 13, 250 + n * 11)):
                cutoff = t + minutes * MINUTE
                hour = 10 + (12 + minutes) // 60
                name = f"{route.removeprefix('UK-')}-{hour:02}{(12 + minutes) % 60:02}"
                if k == 0:
                    self.departures[route] = name
                departure = Departure(
                    departure_id=name,
                    site="dc1",
                    route=route,
                    carrier=CARRIERS[n % len(CARRIERS)],
                    cutoff_ms=cutoff,
                )
                self.tell(DepartureScheduled(at_ms=t, site="dc1", departure=departure))
        gone = Departure(
            departure_id="WORLD-1000",
            site="dc1",
            route="WORLD",
            carrier="Port of Felixstowe",
            cutoff_ms=t - 12 * MINUTE,
        )
        self.tell(DepartureScheduled(at_ms=t, site="dc1", departure=gone))
        self.tell(
            DepartureClosed(
                at_ms=t - 12 * MINUTE,
                departure_id="WORLD-1000",
                site="dc1",
                units=("x",) * 31,
                orders=("y",) * 20,
                left_behind=("SO-10007",),
            )
        )

    def _order(self, t: int, n: int) -> None:
        order_id, route = f"SO-{10200 + n}", ROUTES[n % 8 if n % 3 else n % 4]
        lines = tuple(OrderLine(line=k + 1, sku=f"SKU-{n % 50:04}", quantity=6 + n % 7) for k in range(1 + n % 3))
        self.tell(
            OrderReleased(
                at_ms=t,
                order_id=order_id,
                rev=1,
                site="dc1",
                customer="c",
                route=route,
                departure_id=self.departures[route],
                priority=5,
                due_ms=t + 90 * MINUTE,
                lines=lines,
            )
        )
        self.tell(OrderAdmitted(at_ms=t, order_id=order_id, rev=1, site="dc1"))
        if n % 2:
            self.tell(OrderStarted(at_ms=t, order_id=order_id, reason=f"slack {60 - n % 40} min, zone A has room"))

    def _pick(self, t: int, name: str, zone: str) -> None:
        prefix, aisles = ("A", 12) if zone == "A" else ("B", 6)
        source = f"{prefix}-{self.random.randint(1, aisles):02}-{self.random.randint(1, 40):02}-2"
        n = self.random.randint(0, 89)
        task = pick(f"K{self._n}", zone=zone, source=source, order_id=f"SO-{10200 + n}", quantity=2)
        self.tell(TaskAssigned(at_ms=t, resource_id=name, task=task, reason="nearest with least slack"))
        walk = self.random.randint(9_000, 22_000)
        self.at(t + walk, lambda at: self.tell(TaskStarted(at_ms=at, resource_id=name, task_id=task.task_id)))

        def done(at: int) -> None:
            self.tell(
                TaskCompleted(
                    at_ms=at, task_id=task.task_id, kind=TaskKind.PICK, resource_id=name, quantity=2, assigned_ms=t
                )
            )
            self._pick(at, name, zone)

        self.at(t + walk + self.random.randint(6_000, 14_000), done)

    def _robot(self, t: int) -> None:
        self.tell(
            StartJob(
                at_ms=t,
                machine_id="robot1",
                job_id=self._n,
                task_id="r",
                source=f"R-0{self.random.randint(1, 4)}-04-1",
                sku=f"SKU-{self.random.randint(1, 90):04}",
                hu_id="h",
                quantity=self.random.randint(1, 6),
            )
        )
        self.at(t + 12_000, self._robot)

    def _pack(self, t: int, zone: str) -> None:
        self._units += 1
        hu_id = f"1095060001{self._units:08}"
        packer, belt, station = ("dia", "conveyor1", "PACK-A") if zone == "A" else ("gus", "conveyor2", "PACK-B")
        n = self.random.randint(0, 89)
        route = ROUTES[n % 8 if n % 3 else n % 4]
        task = pick(f"P{self._units}", kind=TaskKind.PACK, zone=zone, source=station, target=belt, hu_id=hu_id, sku="")
        self.tell(TaskAssigned(at_ms=t, resource_id=packer, task=task, reason="next at the station"))
        self.tell(
            TaskCompleted(
                at_ms=t, task_id=task.task_id, kind=TaskKind.PACK, resource_id=packer, quantity=1, assigned_ms=t
            )
        )
        self.tell(
            UnitPacked(
                at_ms=t,
                hu_id=hu_id,
                order_id=f"SO-{10200 + n}",
                site="dc1",
                route=route,
                departure_id=self.departures[route],
                due_ms=t,
                contents=(UnitContent(line=1, sku="S", lot="", quantity=2),),
                weight_g=900,
            )
        )
        self.at(t + 12_500, lambda at: self._exit(at, belt, hu_id, route, n))
        self.at(t + self.random.randint(3_500, 9_000), lambda at: self._pack(at, zone))

    def _exit(self, t: int, belt: str, hu_id: str, route: str, n: int) -> None:
        self._scan(t, belt, hu_id)
        track = self._tracking
        self.at(t + 900, lambda at: self._sorted(at, belt, track, 0, SortResult.HANDOVER))
        self.at(t + 4_000, lambda at: self._sort(at, hu_id, route, n))

    def _sort(self, t: int, hu_id: str, route: str, n: int) -> None:
        unread = self.random.random() < 0.03
        self._scan(t, "sorter1", "" if unread else hu_id)
        track = self._tracking
        first = ROUTES.index(route) * 2 + 1 if route.startswith("UK") else ROUTES.index(route) + 5
        lane = 13 if unread else first + (self._units % 2 if route.startswith("UK") else 0)
        self.tell(
            DivertUnit(
                at_ms=t,
                machine_id="sorter1",
                boot=1,
                seq=1,
                tracking_id=track,
                code=DecisionCode.ROUTE,
                lane=lane,
                hu_id=hu_id,
                reason=f"{route}: first lane with room",
            )
        )
        result = SortResult.NO_READ if unread else SortResult.DIVERTED
        when = t + 6_700 + 1_300 * lane
        self.at(when, lambda at: self._sorted(at, "sorter1", track, lane, result))
        if not unread:
            self.at(when + 5, lambda at: self._rest(at, hu_id, lane, route, n))

    def _rest(self, t: int, hu_id: str, lane: int, route: str, n: int) -> None:
        location, order_id = f"sorter1/L{lane:02}", f"SO-{10200 + n}"
        departure_id = self.departures[route]
        self.tell(
            UnitArrived(
                at_ms=t,
                hu_id=hu_id,
                machine_id="sorter1",
                location=location,
                result=SortResult.DIVERTED,
                reason=f"{route}: first lane with room",
            )
        )
        self.tell(UnitStaged(at_ms=t, hu_id=hu_id, order_id=order_id, departure_id=departure_id, location=location))

        def load(at: int) -> None:
            name = ("hal", "ida")[lane % 2]
            task = pick(f"L{hu_id}", kind=TaskKind.LOAD, zone="DOCK", source=location, hu_id=hu_id)
            self.tell(TaskAssigned(at_ms=at, resource_id=name, task=task, reason="closest to its cutoff"))
            self.tell(
                TaskCompleted(
                    at_ms=at, task_id=task.task_id, kind=TaskKind.LOAD, resource_id=name, quantity=1, assigned_ms=at
                )
            )
            self.tell(UnitLoaded(at_ms=at, hu_id=hu_id, order_id=order_id, departure_id=departure_id))
            if self.random.random() < 0.2:
                lines = (LineQuantity(line=1, sku="S", quantity=2),)
                shipped = OrderShipped(
                    at_ms=at,
                    order_id=order_id,
                    site="dc1",
                    departure_id=departure_id,
                    lines=lines,
                    units=(hu_id,),
                )
                self.tell(shipped)

        self.at(t + self.random.randint(120_000, 900_000), load)

    def _scan(self, t: int, machine_id: str, barcode: str) -> None:
        self._tracking = self._tracking % 60_000 + 1
        self.tell(
            UnitScanned(
                at_ms=t,
                machine_id=machine_id,
                boot=1,
                seq=1,
                tracking_id=self._tracking,
                decision_point=1,
                status=ScanStatus.OK if barcode else ScanStatus.NO_READ,
                barcode=barcode,
                recirc_count=0,
                budget_ms=0,
            )
        )

    def _sorted(self, t: int, machine_id: str, track: int, lane: int, result: SortResult) -> None:
        self.tell(
            UnitSorted(
                at_ms=t,
                machine_id=machine_id,
                boot=1,
                seq=1,
                tracking_id=track,
                lane=lane,
                requested_lane=lane,
                result=result,
                reason=SortResult.NONE,
                decision_seq=1,
                decision_latency_ms=12,
                recirc_count=0,
            )
        )


def office_morning(tell: Callable[[Message], None]) -> None:
    """What an office has seen by ten."""
    t = START_MS
    tell(OfficeOpened(at_ms=t, sites=("dc1",), process_ms=45 * MINUTE, slack_ms=10 * MINUTE))
    day = Day(tell)
    day._timetable(t)
    for n in range(140):
        at, order_id, route = t + n * 9_000, f"SO-{10200 + n}", ROUTES[n % 8]
        lines = tuple(OrderLine(line=k + 1, sku=f"SKU-{k:04}", quantity=2 + n % 3) for k in range(1 + n % 4))
        tell(OrderCaptured(at_ms=at, order_id=order_id, customer=f"Customer {n % 23}", route=route, lines=lines))
        if n % 29 == 7:
            tell(OrderRejected(at_ms=at, order_id=order_id, rev=1, reason="UNKNOWN_SKU", detail="SKU-9999"))
            continue
        units = sum(line.quantity for line in lines)
        departure_id = day.departures[route]
        tell(
            OrderAccepted(
                at_ms=at,
                order_id=order_id,
                rev=1,
                site="dc1",
                departure_id=departure_id,
                promised_ms=t + 120 * MINUTE,
                release_at_ms=at,
                ordered_units=units,
            )
        )
        if n < 110:
            tell(
                OrderReleased(
                    at_ms=at,
                    order_id=order_id,
                    rev=1,
                    site="dc1",
                    customer=f"Customer {n % 23}",
                    route=route,
                    departure_id=departure_id,
                    priority=5,
                    due_ms=t + (9 + 13 * (n % 8)) * MINUTE,
                    lines=lines,
                )
            )
            tell(OrderAdmitted(at_ms=at, order_id=order_id, rev=1, site="dc1"))
        if n < 70:
            tell(_packed(at, n, order_id, route, departure_id, units))
        if n < 50:
            tell(UnitLoaded(at_ms=at, hu_id=f"H{n}", order_id=order_id, departure_id=departure_id))
        if n < 40:
            shipped = tuple(LineQuantity(line=line.line, sku=line.sku, quantity=line.quantity) for line in lines)
            tell(
                OrderShipped(
                    at_ms=at, order_id=order_id, site="dc1", departure_id=departure_id, lines=shipped, units=(f"H{n}",)
                )
            )
        if n == 60:
            later = f"{route.removeprefix('UK-')}-next"
            tell(
                OrderRolled(
                    at_ms=at,
                    order_id=order_id,
                    site="dc1",
                    previous_id=departure_id,
                    departure_id=later,
                    due_ms=t,
                    reason="missed",
                )
            )


def _packed(at: int, n: int, order_id: str, route: str, departure_id: str, units: int) -> UnitPacked:
    return UnitPacked(
        at_ms=at,
        hu_id=f"H{n}",
        order_id=order_id,
        site="dc1",
        route=route,
        departure_id=departure_id,
        due_ms=at,
        contents=(UnitContent(line=1, sku="S", lot="", quantity=units),),
        weight_g=1,
    )
