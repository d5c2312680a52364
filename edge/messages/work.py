"""Work: tasks, who does them, and what came of it. Planned by the WMS, moved by the WES."""

from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """What a task is. PICK, PUTAWAY and REPLENISH move stock, the others move handling units."""

    PICK = "pick"
    PACK = "pack"
    CARRY = "carry"
    LOAD = "load"
    PUTAWAY = "putaway"
    REPLENISH = "replenish"


class ResourceKind(StrEnum):
    PERSON = "person"
    ROBOT = "robot"
    VEHICLE = "vehicle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of work.

    `zone` is where it is done. `barcode` must be scanned to finish it ("" = nothing to scan). `skill` is what the
    doer must have: always the task's kind, plus the item's certificate after a "+" ("pick+hazmat"). A task starts
    only when every task in `after` is completed. `robot` says that a robot of the zone may do it too;
    `robot_only` that nobody else can.

    PICK: `quantity` of `sku` from location `source` into handling unit `hu_id`.
    PACK: close and label `hu_id` at location `source` (a pack station), put it on conveyor `target`.
    CARRY: take `hu_id` from location `source` to staging lane `target`; a vehicle may where both are stations.
    LOAD: take `hu_id` from lane location `source` into departure `departure_id`.
    PUTAWAY: `quantity` of `sku` from `source` (dock) to location `target`.
    REPLENISH: `quantity` of `sku` from reserve location `source` to pick face `target`. With a `departure_id` picks
    wait for it (they name it in `after`) and it is as urgent as the most urgent of them; without one nobody does. One
    that came up short stays before its picks: the WMS withdraws them and looks elsewhere.
    """

    task_id: str
    kind: TaskKind
    zone: str
    skill: str
    source: str
    target: str
    order_id: str = ""
    hu_id: str = ""
    sku: str = ""
    lot: str = ""
    quantity: int = 1
    barcode: str = ""
    priority: int = 5
    due_ms: int
    departure_id: str = ""
    robot: bool = False
    robot_only: bool = False
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksPlanned:
    """The WMS asks for work; the WES decides when and by whom."""

    at_ms: int
    site: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAmended:
    """Urgency changed; the work itself did not."""

    at_ms: int
    site: str
    task_id: str
    departure_id: str
    due_ms: int
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWithdrawn:
    """The WMS no longer wants this task; one that has started is finished all the same."""

    at_ms: int
    site: str
    task_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceJoined:
    """A person signed on, or a robot can work. `skills` are task kinds and certificates; a zone "*" means all zones."""

    at_ms: int
    resource_id: str
    kind: ResourceKind
    skills: tuple[str, ...]
    zones: tuple[str, ...]
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLeft:
    at_ms: int
    resource_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A task that was not chosen: how much slack it had, how far it was, and whom it is kept for ("" = nobody yet)."""

    task_id: str
    slack_ms: int
    walk_mm: int
    kept_for: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAssigned:
    """The WES gives a task to one resource, and says why this one; `considered` are the next best for it."""

    at_ms: int
    resource_id: str
    task: Task
    reason: str
    considered: tuple[Considered, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskUnassigned:
    """The task went back to the pool before it was started or finished."""

    at_ms: int
    resource_id: str
    task_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted:
    at_ms: int
    resource_id: str
    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDone:
    """The doer says it is done. `quantity` may be below the asked one (a short pick), `reason` then says why."""

    at_ms: int
    resource_id: str
    task_id: str
    quantity: int
    scanned: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRefused:
    """The answer to a report that cannot be: NOT_YOURS, UNKNOWN_TASK, WRONG_BARCODE, BAD_QUANTITY ..."""

    at_ms: int
    resource_id: str
    task_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted:
    """The one true end of a task; what the WMS books from."""

    at_ms: int
    task_id: str
    kind: TaskKind
    resource_id: str
    quantity: int
    reason: str = ""
    assigned_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHeldBack:
    """The WES keeps an order's tasks from the floor for now (WIP limit, machine down); said once per reason."""

    at_ms: int
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStarted:
    """The first task of the order was let onto the floor, and why now."""

    at_ms: int
    order_id: str
    reason: str
