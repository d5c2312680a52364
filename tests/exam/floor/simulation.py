"""The floor in virtual time: one heap of events, one strategy that is told and asked, and what came of it.

Events of the same millisecond are one moment: finished work first, then belts, breakdowns, cutoffs, arrivals; the
strategy is told of all of it and asked once. A task that has begun is never taken back.
"""

import heapq
from copy import copy
from itertools import pairwise
from statistics import median
from time import process_time_ns
from typing import Any

from tests.exam.floor.model import NONE, Day, IllegalAnswer, Measures, Order, Strategy, Task

FINISH, BELT_END, STOP, REPAIR, CUTOFF, ARRIVAL = range(6)
IDLE, BUSY, OFF = range(3)
ON_TIME, LATE, OPEN, OPEN_LATE = "on time", "late", "open", "open late"


def clock_ns() -> int:
    """What reading the clock takes by itself: on some machines as long as an easy decision."""
    reads = [process_time_ns() for _ in range(1001)]
    return int(median(after - before for before, after in pairwise(reads)))


CLOCK_NS = clock_ns()


class Floor:
    """One run of a day under one strategy; `trace` then holds (ms, resource, task, expected end) of every start."""

    def __init__(self, day: Day, strategy: Strategy) -> None:
        self.day, self.model, self.strategy = day, day.model, strategy
        self.orders = [copy(order) for order in day.orders]
        self.tasks = [copy(task) for task in day.tasks]
        self.waits_for = list(day.waits_for)
        self.open: dict[int, Task] = {}
        self.state = [IDLE] * self.model.resources
        self.area = list(self.model.start_area)
        self.doing = [NONE] * self.model.resources
        self.ends = [0] * self.model.resources
        self.planned = [0] * self.model.resources
        self.working_in = [0] * self.model.areas
        self.running = [True] * len(day.belts)
        self.moving: list[dict[int, int]] = [{} for _ in day.belts]
        self.carried = [0] * len(day.belts)
        self.held_up: list[list[int]] = [[] for _ in day.belts]
        self.in_lane = [0] * len(day.lane_room)
        self.before_lane: list[list[tuple[int, int]]] = [[] for _ in day.lane_room]
        self.out_of_lane: dict[int, int] = {}
        self.done_ms = [NONE] * len(self.orders)
        self.heap: list[tuple[int, int, int]] = []
        self.notes: list[tuple[Any, ...]] = []
        self.trace: list[tuple[int, int, int, int]] = []
        self.empty_ms = self.cpu_ns = self.calls = 0
        self.crowded = frozenset(day.crowded_skills)

    def run(self) -> Measures:
        """The whole day."""
        heap, day, horizon = self.heap, self.day, self.day.horizon_ms
        for order in self.orders:
            order.left = len(order.tasks)
            heap.append((order.arrival_ms, ARRIVAL, order.id))
        heap.extend((stop[0], STOP, number) for number, stop in enumerate(day.stops))
        heapq.heapify(heap)
        self.strategy.begin(self.model)
        for resource, area in enumerate(self.area):
            self.notes.append((self.strategy.on_idle, resource, area, 0))
        does = (self.finish, self.leave_belt, self.stop, self.repair, self.miss, self.arrive)
        while heap and heap[0][0] <= horizon:
            now = heap[0][0]
            while heap and heap[0][0] == now:
                _, kind, number = heapq.heappop(heap)
                does[kind](number, now)
            self.ask(now)
        return self.measures()

    def ask(self, now: int) -> None:
        """Tells the strategy what has happened, and does what it answers."""
        notes = self.notes
        began = process_time_ns()
        for told, *what in notes:
            told(*what)
        answer = self.strategy.decide(now)
        self.cpu_ns += process_time_ns() - began - CLOCK_NS
        self.calls += 1
        notes.clear()
        for resource, number in answer:
            self.start(resource, number, now)

    def start(self, resource: int, number: int, now: int) -> None:
        """A resource sets out for a task, if that is legal."""
        if not 0 <= resource < self.model.resources:
            raise IllegalAnswer(f"there is no resource {resource}")
        if self.state[resource] != IDLE:
            raise IllegalAnswer(f"resource {resource} is not idle at {now}")
        task = self.open.pop(number, None)
        if task is None:
            raise IllegalAnswer(f"task {number} is not ready at {now}")
        if task.cls not in self.model.allowed[resource]:
            raise IllegalAnswer(f"resource {resource} may not do task {number} of class {task.cls}")
        walk = self.model.travel_ms[self.area[resource]][task.area_from]
        really = self.day.really_ms[number]
        if task.skill in self.crowded:
            if self.working_in[task.area_from] >= self.day.aisle_room:
                really += really * self.day.aisle_percent // 100
            self.working_in[task.area_from] += 1
        self.empty_ms += walk
        self.state[resource], self.doing[resource], self.area[resource] = BUSY, number, task.area_to
        self.ends[resource] = now + walk + really
        self.planned[resource] = now + walk + task.work_ms
        heapq.heappush(self.heap, (self.ends[resource], FINISH, resource))
        self.trace.append((now, resource, number, self.planned[resource]))
        self.notes.append((self.strategy.on_gone, task, now))
        self.notes.append((self.strategy.on_busy, resource, task.area_to, self.planned[resource], now))

    def finish(self, resource: int, now: int) -> None:
        if self.state[resource] != BUSY or self.ends[resource] != now:
            return  # a breakdown has put the end off
        task = self.tasks[self.doing[resource]]
        if task.skill in self.crowded:
            self.working_in[task.area_from] -= 1
        belt = self.day.belt_of[task.id]
        if belt != NONE and not self.has_room(belt):
            self.state[resource] = OFF
            self.held_up[belt].append(resource)
            self.notes.append((self.strategy.on_off, resource, now))
            return
        self.let_go(resource, now)

    def let_go(self, resource: int, now: int) -> None:
        """The resource is done with its task: it is idle, and the order goes on."""
        task = self.tasks[self.doing[resource]]
        self.state[resource], self.doing[resource] = IDLE, NONE
        self.notes.append((self.strategy.on_idle, resource, self.area[resource], now))
        order = self.orders[task.order]
        order.left -= 1
        if order.left == 0:
            self.done_ms[order.id] = now
        lane = self.out_of_lane.pop(task.id, NONE)
        if lane != NONE:
            self.in_lane[lane] -= 1
            if self.before_lane[lane]:
                self.enter_lane(*self.before_lane[lane].pop(0), now)
        belt, after = self.day.belt_of[task.id], self.day.then[task.id]
        if belt != NONE:
            self.enter_belt(belt, task.id, now)
        elif after != NONE:
            self.waits_for[after] -= 1
            if self.waits_for[after] == 0:
                self.make_ready(after, now)

    def make_ready(self, number: int, now: int) -> None:
        task = self.tasks[number]
        self.open[number] = task
        self.notes.append((self.strategy.on_ready, task, now))

    def has_room(self, belt: int) -> bool:
        return self.running[belt] and self.carried[belt] < self.day.belts[belt].capacity

    def enter_belt(self, belt: int, number: int, now: int) -> None:
        at = now + self.day.belts[belt].transit_ms
        self.carried[belt] += 1
        self.moving[belt][number] = at
        heapq.heappush(self.heap, (at, BELT_END, number))

    def leave_belt(self, number: int, now: int) -> None:
        """A unit is at the end of its belt: into the lane if that has room, else it stands and takes up the belt."""
        belt = self.day.belt_of[number]
        at = self.moving[belt][number]
        if at > now:  # the belt stood still in between
            heapq.heappush(self.heap, (at, BELT_END, number))
            return
        del self.moving[belt][number]
        lane = self.tasks[number].departure
        if self.in_lane[lane] < self.day.lane_room[lane]:
            self.enter_lane(number, belt, now)
        else:
            self.before_lane[lane].append((number, belt))

    def enter_lane(self, number: int, belt: int, now: int) -> None:
        lane, load = self.tasks[number].departure, self.day.then[number]
        self.in_lane[lane] += 1
        self.out_of_lane[load] = lane
        self.make_ready(load, now)
        self.carried[belt] -= 1
        self.let_in(belt, now)

    def let_in(self, belt: int, now: int) -> None:
        """Those who wait with a packed unit put it on while there is room."""
        while self.held_up[belt] and self.has_room(belt):
            self.let_go(self.held_up[belt].pop(0), now)

    def stop(self, number: int, now: int) -> None:
        """A breakdown: what was under way goes on by as much later as it lasts."""
        _, is_belt, machine, for_ms = self.day.stops[number]
        heapq.heappush(self.heap, (now + for_ms, REPAIR, number))
        if is_belt:
            self.running[machine] = False
            for unit in self.moving[machine]:
                self.moving[machine][unit] += for_ms
            return
        if self.state[machine] == BUSY:
            self.ends[machine] += for_ms
            self.planned[machine] += for_ms
            heapq.heappush(self.heap, (self.ends[machine], FINISH, machine))
        self.state[machine] = OFF
        self.notes.append((self.strategy.on_off, machine, now))

    def repair(self, number: int, now: int) -> None:
        _, is_belt, machine, _ = self.day.stops[number]
        if is_belt:
            self.running[machine] = True
            self.let_in(machine, now)
            return
        area = self.area[machine]
        if self.doing[machine] == NONE:
            self.state[machine] = IDLE
            self.notes.append((self.strategy.on_idle, machine, area, now))
            return
        self.state[machine] = BUSY
        self.notes.append((self.strategy.on_busy, machine, area, self.planned[machine], now))

    def arrive(self, number: int, now: int) -> None:
        order = self.orders[number]
        for task in order.tasks:
            if self.waits_for[task] == 0:
                self.make_ready(task, now)
        heapq.heappush(self.heap, (order.cutoff_ms, CUTOFF, number))

    def miss(self, number: int, now: int) -> None:
        """The departure leaves; an order that is not finished rides the next one, if it can."""
        order = self.orders[number]
        if order.left == 0:
            return
        for identity in order.tasks:
            task = self.tasks[identity]
            task.due_ms, task.next_due_ms = task.next_due_ms, task.next_due_ms + order.period_ms
            if identity in self.open:
                self.notes.append((self.strategy.on_due, task, now))
        heapq.heappush(self.heap, (now + order.period_ms, CUTOFF, number))

    def ended(self, order: Order) -> str:
        """How the order ended; one of four."""
        done = self.done_ms[order.id]
        if done == NONE:
            return OPEN_LATE if order.cutoff_ms <= self.day.horizon_ms else OPEN
        return ON_TIME if done <= order.cutoff_ms else LATE

    def measures(self) -> Measures:
        """Judged are the orders whose cutoff is before the end of the day; tardiness of open ones runs until then."""
        horizon = self.day.horizon_ms
        judged = missed = weights = weighted = tardy = background = background_late = backlog = 0
        for order in self.orders:
            end = self.ended(order)
            backlog += end in (OPEN, OPEN_LATE)
            if order.cutoff_ms > horizon:
                continue
            late = end != ON_TIME
            if not order.judged:
                background += 1
                background_late += late
                continue
            judged += 1
            weights += order.weight
            if late:
                done = self.done_ms[order.id]
                missed += 1
                weighted += order.weight
                tardy += order.weight * ((done if done != NONE else horizon) - order.cutoff_ms)
        started = len(self.trace)
        return {
            "orders": judged,
            "missed_pct": 100 * missed / max(judged, 1),
            "weighted_missed_pct": 100 * weighted / max(weights, 1),
            "tardiness_min": tardy / 60_000 / max(judged, 1),
            "empty_s": self.empty_ms / 1000 / max(started, 1),
            "cpu_us": self.cpu_ns / 1000 / max(started, 1),
            "decisions": started,
            "calls": self.calls,
            "backlog": backlog,
            "background_late_pct": 100 * background_late / max(background, 1),
        }
