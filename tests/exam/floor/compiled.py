"""The product's own core on the exam's floor: its board and its dispatcher, told of the same changes as everybody."""

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import replace

from edge.wes.board import BUSY, IDLE, NONE, OFF, READY, Board
from edge.wes.dispatch import STRATEGIES, Dispatcher, Tuning
from tests.exam.floor.model import Model, Task
from tests.exam.floor.policies import Parameters


class Core:
    """A strategy of the core by name; K and Kt become the dispatcher's whole numbers."""

    def __init__(self, name: str, parameters: Parameters) -> None:
        self.name = name
        self.parameters = parameters

    def begin(self, model: Model) -> None:
        order = sorted(range(model.areas), key=lambda area: (model.zone_of[area], area))
        self.spot = {area: spot for spot, area in enumerate(order)}
        travel = array("q", [model.travel_ms[here][there] for here in order for there in order])
        self.board = board = Board(model.areas, travel)
        zones = [model.zone_of[area] for area in order]
        for cls in range(model.classes):
            first = bisect_left(zones, cls % model.zones)
            board.add_class(first, bisect_right(zones, cls % model.zones))
        groups: dict[tuple[int, ...], int] = {}
        for allowed in model.allowed:
            groups.setdefault(allowed, len(groups))
        board.group_classes = [array("q", allowed) for allowed in groups]
        given = self.parameters
        tuning = Tuning(
            slack_nat_ms=max(1, round(given.k * model.mean_work_ms)),
            travel_nat_ms=given.kt_ms,
            margin_permille=round(1000 * given.margin),
            wait_permille=0,
            haste_permille=round(1000 * given.haste),
        )
        self.core = Dispatcher(board, STRATEGIES[self.name], tuning)
        self.rows: dict[int, int] = {}
        self.ids: dict[int, int] = {}
        self.number = 0
        for number, allowed in enumerate(model.allowed):
            board.add_resource(number, number + 1, groups[allowed], self.spot[model.start_area[number]], 1024)
        board.rows["r"].claim(list(range(model.resources)))
        self.states, self.spots, self.ready_ms = board.r_state, board.r_area, board.r_ready_ms
        self.doing = board.r_task

    def on_ready(self, task: Task, now: int) -> None:
        self.number += 1
        row = self.board.add_task(
            NONE, self.number, 0, task.cls, self.spot[task.area_from], self.spot[task.area_to], task.weight,
            task.work_ms, task.due_ms, task.next_due_ms, NONE, NONE,
        )  # fmt: skip
        self.board.t_state[row] = READY
        self.rows[task.id], self.ids[row] = row, task.id
        self.core.offer(row, now)

    def on_due(self, task: Task, now: int) -> None:
        """The index knew the next departure from the start; nothing has changed for it but the one after."""
        row = self.rows[task.id]
        self.core.retract(row)
        self.board.t_due_ms[row], self.board.t_next_ms[row] = task.due_ms, task.next_due_ms
        self.core.offer(row, now)

    def on_gone(self, task: Task, now: int) -> None:
        row = self.rows.pop(task.id)
        self.core.retract(row)
        del self.ids[row]

    def _hands(self, resource: int, state: int, spot: int, ready_ms: int, now: int) -> None:
        self.states[resource], self.spots[resource], self.ready_ms[resource] = state, spot, ready_ms
        self.core.hands(resource, now)

    def on_idle(self, resource: int, area: int, now: int) -> None:
        if self.doing[resource] != NONE:
            self.board.end_task(self.doing[resource])
            self.doing[resource] = NONE
        self._hands(resource, IDLE, self.spot[area], now, now)

    def on_busy(self, resource: int, area: int, ready_ms: int, now: int) -> None:
        self._hands(resource, BUSY, self.spot[area], ready_ms, now)

    def on_off(self, resource: int, now: int) -> None:
        self._hands(resource, OFF, self.spots[resource], now, now)

    def decide(self, now: int) -> list[tuple[int, int]]:
        found = self.core.choose(now)
        if not found:
            return []
        pairs = [*zip(self.core.chosen_r[:found], self.core.chosen_t[:found], strict=True)]
        for resource, row in pairs:
            self.doing[resource] = row
        return [(resource, self.ids[row]) for resource, row in pairs]


class Fifo(Core):
    def __init__(self, parameters: Parameters) -> None:
        super().__init__("fifo", parameters)


class Edd(Core):
    def __init__(self, parameters: Parameters) -> None:
        super().__init__("edd", parameters)


class Nearest(Core):
    def __init__(self, parameters: Parameters) -> None:
        super().__init__("nearest", parameters)


class Atcs(Core):
    def __init__(self, parameters: Parameters) -> None:
        super().__init__("atcs", parameters)


class Rolling(Core):
    def __init__(self, parameters: Parameters) -> None:
        super().__init__("rolling", parameters)


class Shortest(Core):
    """The assignment of all hands with the shortest way, whatever else that costs: what `rolling` cannot go below."""

    def __init__(self, parameters: Parameters) -> None:
        super().__init__("rolling", replace(parameters, k=1000.0, margin=0.0, haste=0.0))
