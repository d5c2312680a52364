# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False, initializedcheck=False
"""Who does what now (compiled with dispatch.pxd): the index of open work, and the rolling assignment of all hands.

fifo, edd, nearest and atcs let each idle resource take the work of the highest index; they differ in the lines of the
index only. rolling (default) keeps the cheapest assignment of *all* hands to the work, busy ones from the time they
will be free, and gives work to the idle ones of it (dispatch.md 3.3, 4 and 6; index: Lee, Bhaskaran, Pinedo 1997).
"""

from array import array

from edge.messages import DispatchTuning
from edge.wes.board import BUSY, IDLE, NONE, Board, grown
from edge.wes.index import Index, log_q32
from edge.wes.matching import Matching

STRATEGIES = {"fifo": 0, "edd": 1, "nearest": 2, "atcs": 3, "rolling": 4}
FIFO, EDD, NEAREST, ATCS, ROLLING = range(5)
ONE = 1 << 32
"""One nat of the index."""
CANDIDATES = 16
"""Tasks a resource is compared for, and resources a new task is compared for."""
WIDE = 64
"""Tasks looked at for idle hands that would stay without work."""
LATE_MS = 10_000
NATS = 20
"""With so many nats of slack, haste is worth nothing."""
Tuning = DispatchTuning
NEVER_MS = 1 << 40
# The same as plain numbers to the compiled code.
_BUSY, _IDLE, _CANDIDATES, _WIDE, _LATE_MS, _NATS = BUSY, IDLE, CANDIDATES, WIDE, LATE_MS, NATS


def scaled(travel: "array[int]", weight: int) -> "array[int]":
    """Travel as index units."""
    return array("q", [cell * weight for cell in travel])


def doublings(weight: int) -> int:
    """How often 1 was doubled to get the weight."""
    count = 0
    while weight > 1:
        weight //= 2
        count += 1
    return count


class Dispatcher:
    """The decisions over one board. The caller changes the board and says so; `choose` answers what to begin now.

    `chosen_r`, `chosen_t` hold the pairs of the last `choose`. Time must not run backwards. Over a fork of the board,
    `walks` of a dispatcher with the same strategy and tuning need not be computed again.
    """

    def __init__(self, board: Board, strategy: int, tuning: Tuning, walks: "array[int] | None" = None) -> None:
        self.board = board
        self.strategy = strategy
        self.tuning = tuning
        self.rolling = strategy == ROLLING
        self.slope = ONE // tuning.slack_nat_ms if strategy in (ATCS, ROLLING) else 0
        self.walk_weight = {FIFO: 0, EDD: 0, NEAREST: 1}.get(strategy, ONE // tuning.travel_nat_ms)
        self.wait_weight = self.walk_weight * tuning.wait_permille // 1000
        self.haste_weight = self.walk_weight * tuning.haste_permille // 1000
        self.nat_ms = tuning.slack_nat_ms
        self.margin_permille = tuning.margin_permille
        self.tolerance_ms = tuning.tolerance_ms
        self.walks = walks if walks is not None else scaled(board.travel, self.walk_weight)
        self.index = Index(board.areas, self.slope, self.walks)
        self.matching = Matching()
        self.staff = 0
        """Hands in the assignment."""
        self.class_count = 0
        self.able = array("q", [0])
        self.open = array("q", [0])
        self.out = array("q", bytes(8 * WIDE))
        self.costs = array("q", bytes(8 * WIDE))
        self.near = array("q", bytes(8 * CANDIDATES))
        self.near_cost = array("q", bytes(8 * CANDIDATES))
        self.chosen_r = array("q", bytes(8 * 64))
        self.chosen_t = array("q", bytes(8 * 64))
        self.best_t = array("q", bytes(8 * 64))
        self.bound = array("q", bytes(8 * 64))
        self.late_ms = array("q", bytes(8 * 64))
        self.classes()

    def classes(self) -> None:
        """Take notice of classes and groups that the board has got since."""
        board = self.board
        for cls in range(self.class_count, len(board.class_lo)):
            self.index.add_class(board.class_lo[cls], board.class_hi[cls])
        self.class_count = len(board.class_lo)
        self.open = grown(self.open, max(1, self.class_count))
        able = array("q", bytes(8 * max(1, self.class_count * len(board.group_classes))))
        for group, allowed in enumerate(board.group_classes):
            for cls in allowed:
                able[group * self.class_count + cls] = 1
        self.able = able

    def room(self) -> int:
        """How many resource rows are in use; the working columns have as many."""
        used = self.board.rows["r"].used
        if used > len(self.late_ms):
            for name in ("chosen_r", "chosen_t", "best_t", "bound", "late_ms"):
                setattr(self, name, grown(getattr(self, name), 2 * used))
        return int(used)

    def offer(self, task: int, now_ms: int) -> None:
        """The task can begin."""
        board = self.board
        work = board.t_work_ms[task]
        number = board.t_number[task]
        if self.strategy >= ATCS:
            top = log_q32(board.t_weight[task] * 1_000_000) - log_q32(max(work, 1000))
            latest = board.t_due_ms[task] - work
            again = board.t_next_ms[task] - work
            lost = latest + self.tolerance_ms
            line = top - latest * self.slope
            line2 = top - again * self.slope
        else:
            top = 0
            if self.strategy == FIFO:
                top = -number
            elif self.strategy == EDD:
                top = -board.t_due_ms[task]
            line = line2 = top
            latest = lost = again = NEVER_MS
        self.index.put(task, board.t_cls[task], board.t_area[task], number, top, line, latest, lost, line2, again)
        self.open[board.t_cls[task]] += 1
        if self.rolling:
            self.link_task(task, now_ms)

    def retract(self, task: int) -> None:
        """The task can no longer begin, or somebody has it."""
        if self.index.holds(task):
            self.take(task)
        if self.rolling and self.matching.has_col(task):
            self.matching.remove_col(task)

    def take(self, task: int) -> None:
        """Out of the open work."""
        self.index.take(task)
        self.open[self.board.t_cls[task]] -= 1

    def hands(self, resource: int, now_ms: int) -> None:
        """The resource became idle or busy, moved, or went off; the board says which."""
        if not self.rolling:
            return
        self.room()
        if self.matching.has_row(resource):
            self.unlink_resource(resource)
        if self.board.r_state[resource] >= _IDLE:
            self.late_ms[resource] = self.board.r_ready_ms[resource]
            self.link_resource(resource, now_ms, _CANDIDATES)

    def cost(self, resource: int, task: int, now_ms: int) -> int:
        """What it costs that this resource does this task next: less index, more walk, beginning later.

        Busy hands may be later than thought, by a share of the work in hand however little of it is left, and more is
        at stake the more a task weighs: where that much more delay would cost the task its departure, it is worth what
        it is worth for the next one.
        """
        board = self.board
        walk = board.travel[board.r_area[resource] * board.areas + board.t_area[task]]
        free = now_ms
        stake = 0
        if board.r_state[resource] == _BUSY:
            left = board.r_ready_ms[resource] - now_ms
            in_hand = board.r_task[resource]
            unsure = board.t_work_ms[in_hand] if in_hand >= 0 else left
            if left <= 0:
                # Later than thought: about as much again as it is late, and never less than a little.
                unsure -= left
                left = _LATE_MS - left
            free = now_ms + left
            stake = unsure * self.margin_permille // 1000 * (2 + doublings(board.t_weight[task]))
        start = free + walk
        value = self.index.value(task, start)
        if stake:
            later = self.index.value(task, start + stake) - self.slope * stake
            if later < value - self.slope * stake:
                value = later
        # Ties: first come.
        late = self.slope * start - self.haste(task, start, now_ms)
        return late - value + board.t_number[task] + walk * self.walk_weight + free * self.wait_weight

    def haste(self, task: int, start: int, now_ms: int) -> int:
        """What it is worth that the task begins sooner than a nat of slack from now.

        While there are hands for all tasks the index decides nothing: each is begun some time, and only the walk would
        say when. So time has a price of its own, for the task has a tail of its own: a share of walking as long where
        there is no slack, half of it for every nat of slack, and once more per doubling of the weight. Where tasks are
        more than hands, haste for one is delay for the others: then it is worth less by as much as there are more.
        """
        board = self.board
        soon = self.nat_ms - (start - now_ms)
        slack = board.t_due_ms[task] - board.t_work_ms[task] - now_ms
        if slack < 0:
            slack = board.t_next_ms[task] - board.t_work_ms[task] - now_ms
        if slack < 0:
            slack = 0
        nats = slack // self.nat_ms
        if soon <= 0 or nats >= _NATS:
            return 0
        worth = soon * self.haste_weight >> nats
        if self.index.count > self.staff:
            worth = worth // self.index.count * self.staff
        worth -= worth * (slack % self.nat_ms * 1024 // self.nat_ms) // 2048
        return worth * (1 + doublings(board.t_weight[task]))

    def link_resource(self, resource: int, now_ms: int, wide: int) -> None:
        """Enter the resource into the assignment with the work that suits it best."""
        board = self.board
        allowed = board.group_classes[board.r_group[resource]]
        found = self.index.leaders(allowed, len(allowed), board.r_area[resource], now_ms, wide, self.out)
        for i in range(found):
            self.costs[i] = self.cost(resource, self.out[i], now_ms)
        self.matching.add_row(resource, self.out, self.costs, found)
        self.staff += 1

    def unlink_resource(self, resource: int) -> None:
        """Out of the assignment; what was planned with the resource goes to others."""
        self.matching.remove_row(resource)
        self.staff -= 1

    def link_task(self, task: int, now_ms: int) -> None:
        """Enter the task into the assignment with the hands that would do it cheapest."""
        board = self.board
        cls = board.t_cls[task]
        found = 0
        for resource in range(self.room()):
            if board.r_state[resource] < _IDLE or not self.able[board.r_group[resource] * self.class_count + cls]:
                continue
            if self.matching.has_row(resource):
                found = self.keep(resource, self.cost(resource, task, now_ms), found)
        self.matching.add_col(task, self.near, self.near_cost, found)

    def keep(self, resource: int, cost: int, found: int) -> int:
        """Keep the cheapest few in order; ties stay with the lower row."""
        last = _CANDIDATES
        if found == last and cost >= self.near_cost[found - 1]:
            return found
        i = min(found, last - 1)
        while i > 0 and self.near_cost[i - 1] > cost:
            self.near[i] = self.near[i - 1]
            self.near_cost[i] = self.near_cost[i - 1]
            i -= 1
        self.near[i] = resource
        self.near_cost[i] = cost
        return min(found + 1, last)

    def choose(self, now_ms: int) -> int:
        """How many pairs are to begin now; each task and each resource stands in one pair only."""
        if not self.index.count:
            return 0
        return self.by_plan(now_ms) if self.rolling else self.by_index(now_ms)

    def by_plan(self, now_ms: int) -> int:
        """The idle hands of the cheapest assignment begin; busy ones keep what is theirs in it, without promise."""
        board, used, count = self.board, self.room(), 0
        for resource in range(used):
            if board.r_state[resource] == _BUSY and self.late_ms[resource] < now_ms:
                self.relink(resource, now_ms)
        for resource in range(used):
            if board.r_state[resource] == _IDLE and self.matching.has_row(resource):
                count = self.begin(resource, count)
        planned = self.matched(used)
        for resource in range(used):
            if self.index.count <= planned:
                break
            if board.r_state[resource] == _IDLE and self.matching.has_row(resource) and self.sees_more(resource):
                self.unlink_resource(resource)
                self.link_resource(resource, now_ms, _WIDE)
                before = count
                count = self.begin(resource, count)
                if count > before:
                    planned = self.matched(used)
        return count

    def sees_more(self, resource: int) -> bool:
        """Is there work it may do that it is not entered with?"""
        allowed = self.board.group_classes[self.board.r_group[resource]]
        known, count = self.matching.degree(resource), 0
        for i in range(len(allowed)):
            count += self.open[allowed[i]]
        return bool(count > known)

    def matched(self, used: int) -> int:
        """How many hands the assignment has work for."""
        count = 0
        for resource in range(used):
            if self.matching.has_row(resource) and self.matching.partner(resource) >= 0:
                count += 1
        return count

    def relink(self, resource: int, now_ms: int) -> None:
        """Busy for longer than thought: others may now be cheaper for what was planned with it."""
        self.late_ms[resource] = now_ms + _LATE_MS + (now_ms - self.board.r_ready_ms[resource])
        self.unlink_resource(resource)
        self.link_resource(resource, now_ms, _CANDIDATES)

    def begin(self, resource: int, count: int) -> int:
        task = self.matching.partner(resource)
        if task < 0:
            return count
        self.matching.commit(resource)
        self.staff -= 1
        self.take(task)
        self.chosen_r[count] = resource
        self.chosen_t[count] = task
        return count + 1

    def by_index(self, now_ms: int) -> int:
        """The best pair of an idle resource and its best task, again and again.

        What a resource could get at best only falls while others take work, so an old best bounds the new one.
        """
        board, used, count = self.board, self.room(), 0
        for resource in range(used):
            self.best_t[resource] = NONE
            if board.r_state[resource] == _IDLE:
                self.look(resource, now_ms)
        while self.index.count:
            first = NONE
            for resource in range(used):
                if self.best_t[resource] >= 0 and (first < 0 or self.before(resource, first)):
                    first = resource
            if first < 0:
                break
            task = self.best_t[first]
            if not self.index.holds(task):
                self.look(first, now_ms)
                continue
            self.take(task)
            self.best_t[first] = NONE
            self.chosen_r[count] = first
            self.chosen_t[count] = task
            count += 1
        return count

    def look(self, resource: int, now_ms: int) -> None:
        """Find the best task of one resource."""
        board = self.board
        allowed = board.group_classes[board.r_group[resource]]
        area = board.r_area[resource]
        task = self.index.best(allowed, len(allowed), area, now_ms)
        self.best_t[resource] = task
        if task >= 0:
            self.bound[resource] = self.index.score(task, area, now_ms)

    def before(self, one: int, other: int) -> bool:
        """Which of two goes first: the higher score, the shorter walk, the fewer skills, the older resource."""
        if self.bound[one] != self.bound[other]:
            return bool(self.bound[one] > self.bound[other])
        board = self.board
        walk = board.travel[board.r_area[one] * board.areas + board.t_area[self.best_t[one]]]
        walk2 = board.travel[board.r_area[other] * board.areas + board.t_area[self.best_t[other]]]
        if walk != walk2:
            return bool(walk < walk2)
        skills = len(board.group_classes[board.r_group[one]])
        skills2 = len(board.group_classes[board.r_group[other]])
        if skills != skills2:
            return skills < skills2
        return bool(board.r_number[one] < board.r_number[other])

    def wanted_by(self, task: int) -> int:
        """The resource that is planned to do the task; -1 if none."""
        if not self.rolling or not self.matching.has_col(task):
            return NONE
        return int(self.matching.holder(task))

    def save(self) -> "dict[str, list[int]]":
        """What cannot be computed from the board: the assignment as it has grown."""
        return {**self.matching.save(), "late_ms": list(self.late_ms)} if self.rolling else {}

    def load(self, saved: "dict[str, list[int]]") -> None:
        """Go on from a saved assignment; every open task must have been offered to the index before (`restore`)."""
        if self.rolling and saved:
            self.late_ms = array("q", saved["late_ms"])
            self.matching.load({name: cells for name, cells in saved.items() if name != "late_ms"})
            self.staff = sum(self.matching.has_row(resource) for resource in range(self.room()))
